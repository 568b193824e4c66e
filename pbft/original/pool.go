package original

import "github.com/scrip-network/scrip/pbft"

// standing says what is known of a member's statement in a pool.
type standing uint8

const (
	absent standing = iota
	claimed
	verified
)

// statement is what one member signed.
type statement[S comparable] struct {
	of        S
	signature pbft.Signature
	standing  standing
}

// pool holds one signed statement of each member about one matter: a PREPARE or
// COMMIT of a position, or the attestation of a height. The first of a member
// stays until its signature turns out to be false. Signatures are verified
// together, when they could complete what is needed.
type pool[S comparable] []statement[S]

// add puts a member's statement in and reports whether there was room.
func (p pool[S]) add(id pbft.ReplicaID, of S, s pbft.Signature, own bool) bool {
	if p[id].standing != absent {
		return false
	}
	p[id] = statement[S]{of, s, claimed}
	if own {
		p[id].standing = verified
	}
	return true
}

// count returns how many members stated the same, verified or at least claimed.
func (p pool[S]) count(of S, least standing) (n int) {
	for i := range p {
		if p[i].standing >= least && p[i].of == of {
			n++
		}
	}
	return n
}

// prove verifies the claims of a statement if there are enough, drops the false
// ones, and returns need signatures over it, or none if there are fewer.
func (p pool[S]) prove(r *Replica, of S, message []byte, need int) (by pbft.Signers, sigs []pbft.Signature) {
	if p.count(of, claimed) < need {
		return by, nil
	}
	var ids []int
	var b batch
	for i := range p {
		if p[i].standing == claimed && p[i].of == of {
			ids = append(ids, i)
			b.add(r.com.Key(pbft.ReplicaID(i)), message, p[i].signature)
		}
	}
	for k, ok := range b.each(r.cfg.Scheme) {
		if ok {
			p[ids[k]].standing = verified
		} else {
			p[ids[k]] = statement[S]{}
		}
	}
	if p.count(of, verified) < need {
		return by, nil
	}
	for i := range p {
		if p[i].standing == verified && p[i].of == of && len(sigs) < need {
			by.Add(pbft.ReplicaID(i))
			sigs = append(sigs, p[i].signature)
		}
	}
	return by, sigs
}

// batch collects signatures to be verified together.
type batch struct {
	keys     []pbft.PublicKey
	messages [][]byte
	sigs     []pbft.Signature
}

func (b *batch) add(key pbft.PublicKey, message []byte, s pbft.Signature) {
	b.keys, b.messages, b.sigs = append(b.keys, key), append(b.messages, message), append(b.sigs, s)
}

// all reports whether every signature is valid.
func (b *batch) all(s pbft.Scheme) bool {
	return len(b.keys) == 0 || s.VerifyBatch(b.keys, b.messages, b.sigs)
}

// each reports of every signature whether it is valid; one by one only where not
// all are.
func (b *batch) each(s pbft.Scheme) []bool {
	good := b.all(s)
	out := make([]bool, len(b.keys))
	for i := range out {
		out[i] = good || s.Verify(b.keys[i], b.messages[i], b.sigs[i])
	}
	return out
}
