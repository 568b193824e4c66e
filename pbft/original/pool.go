package original

import (
	"cmp"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// standing says what is known of a member's statement in a pool.
type standing uint8

const (
	claimed standing = 1 + iota
	verified
)

// statement is what one member signed.
type statement[S comparable] struct {
	by        pbft.ReplicaID
	of        S
	signature pbft.Signature
	standing  standing
}

// pool holds the signed statements of members about one matter, one of each at most,
// ascending by member: the PREPAREs or COMMITs of a position, or the attestations of
// a height. The first of a member stays until its signature turns out to be false.
// Signatures are verified together, when they could complete what is needed. There is
// room for those that came and no more, since one of them opens a pool.
type pool[S comparable] []statement[S]

func (p pool[S]) find(id pbft.ReplicaID) (at int, found bool) {
	return slices.BinarySearchFunc(p, id, func(x statement[S], id pbft.ReplicaID) int { return cmp.Compare(x.by, id) })
}

// by returns a member's statement, or nil.
func (p pool[S]) by(id pbft.ReplicaID) *statement[S] {
	if at, found := p.find(id); found {
		return &p[at]
	}
	return nil
}

// add puts a member's statement in and reports whether there was room.
func (p *pool[S]) add(id pbft.ReplicaID, of S, s pbft.Signature, own bool) bool {
	at, found := p.find(id)
	if found {
		return false
	}
	x := statement[S]{id, of, s, claimed}
	if own {
		x.standing = verified
	}
	*p = slices.Insert(*p, at, x)
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
func (p *pool[S]) prove(r *Replica, of S, message []byte, need int) (by pbft.Signers, sigs []pbft.Signature) {
	if p.count(of, claimed) < need {
		return by, nil
	}
	var b pbft.Batch
	for _, x := range *p {
		if x.standing == claimed && x.of == of {
			b.Add(r.com.Key(x.by), message, x.signature)
		}
	}
	var good []bool
	for _, ok := range b.Each(r.cfg.Scheme) {
		good = append(good, ok)
	}
	*p = slices.DeleteFunc(*p, func(x statement[S]) bool {
		if x.standing != claimed || x.of != of {
			return false
		}
		ok := good[0]
		good = good[1:]
		return !r.rules.VoteCounts(ok)
	})
	for i := range *p { // what is left of the claims is true
		if x := &(*p)[i]; x.of == of {
			x.standing = verified
		}
	}
	if p.count(of, verified) < need {
		return by, nil
	}
	for _, x := range *p {
		if x.of == of && len(sigs) < need {
			by.Add(x.by)
			sigs = append(sigs, x.signature)
		}
	}
	return by, sigs
}
