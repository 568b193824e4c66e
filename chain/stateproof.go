package chain

import (
	"crypto/sha256"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// ProofEnd says what lies at the end of the way to a key.
type ProofEnd uint8

// The ends of a state proof. The first shows that a key is present, the others
// that it is absent.
const (
	EndLeaf  ProofEnd = 0 // the key's own leaf
	EndEmpty ProofEnd = 1 // nothing
	EndOther ProofEnd = 2 // a leaf of another key, alone below the prefix that both share
)

// SiblingsMax is the largest number of siblings in a state proof: one for each
// bit of a key hash.
const SiblingsMax = 256

// StateProofBytesMax is the size of the longest encoded state proof.
const StateProofBytesMax = 1 + 64 + 4 + 32*SiblingsMax

// StateProof shows what a state root holds for one key.
type StateProof struct {
	End ProofEnd
	// OtherKey and OtherValue are the hashes of the key and the value of the
	// leaf that is in the way if End is EndOther, else zero.
	OtherKey, OtherValue [32]byte
	// Siblings are the hashes beside the way, from the root downwards.
	Siblings [][32]byte
}

// ProveKey proves what the tree that p holds under root has for key. The error
// wraps ErrPages if p does not hold that tree.
func ProveKey(p Pages, root [32]byte, key []byte) (*StateProof, error) {
	hash := hashKey(key)
	proof := &StateProof{End: EndEmpty}
	if root == ([32]byte{}) {
		return proof, nil
	}
	at := slot{kind: slotNode, a: root}
	var f page
	var space inner
	for depth := 0; depth < depthMax; depth++ {
		if err := load(p, &f, pageAt(depth, &hash), &at.a); err != nil {
			return nil, err
		}
		if depth == 0 {
			if at = *f.top.fold(&space); at.kind == slotLeaf {
				proof.end(&at, &hash)
				return proof, nil
			}
		}
		d := digit(&hash, depth)
		proof.descend(&f.top, d>>2, &at)
		if at.kind == slotNode {
			proof.descend(f.open(d>>2), d&3, &at)
		}
		if at.kind != slotNode {
			proof.end(&at, &hash)
			return proof, nil
		}
	}
	return nil, fmt.Errorf("%w: a subtree below %x", ErrPages, hash)
}

// descend goes down the two levels of a quad towards its slot number to, or
// only one where a leaf or nothing is met there, notes the siblings, and leaves
// what it met in at. A quad that is gone down holds two leaves or more.
func (p *StateProof) descend(q *quad, to int, at *slot) {
	var space slot
	half := q[to&2 : to&2+2]
	p.Siblings = append(p.Siblings, join(&q[to&2^2], &q[to&2^3], &space).hash())
	if *at = *join(&half[0], &half[1], &space); at.kind == slotNode {
		p.Siblings = append(p.Siblings, half[to&1^1].hash())
		*at = half[to&1]
	}
}

// end notes what the way to hash ended with.
func (p *StateProof) end(at *slot, hash *[32]byte) {
	switch {
	case at.kind == slotEmpty:
		p.End = EndEmpty
	case at.a == *hash:
		p.End = EndLeaf
	default:
		p.End, p.OtherKey, p.OtherValue = EndOther, at.a, at.b
	}
}

// VerifyState reports, as an error that wraps ErrProof, whether proof fails to
// show that the state with this root has the given value for key or, with an
// empty value, that it has no such key.
func VerifyState(root [32]byte, key, value []byte, proof *StateProof) error {
	if err := proof.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if present := proof.End == EndLeaf; present != (len(value) > 0) {
		return fmt.Errorf("%w: it says present = %t", ErrProof, present)
	}
	hash := hashKey(key)
	var node [32]byte
	switch proof.End {
	case EndLeaf:
		valueHash := sha256.Sum256(value)
		node = hashPair(prefixLeaf, &hash, &valueHash)
	case EndOther:
		if proof.OtherKey == hash {
			return fmt.Errorf("%w: the leaf in the way is the key's own", ErrProof)
		}
		if !sharePrefix(&proof.OtherKey, &hash, len(proof.Siblings)) {
			return fmt.Errorf("%w: the leaf shown is not in the way", ErrProof)
		}
		node = hashPair(prefixLeaf, &proof.OtherKey, &proof.OtherValue)
	}
	for i := len(proof.Siblings) - 1; i >= 0; i-- {
		if hash[i/8]>>(7-i%8)&1 == 1 {
			node = hashPair(prefixInner, &proof.Siblings[i], &node)
		} else {
			node = hashPair(prefixInner, &node, &proof.Siblings[i])
		}
	}
	if node != root {
		return fmt.Errorf("%w: it leads to another root", ErrProof)
	}
	return nil
}

// sharePrefix reports whether the first n bits of a and b are equal.
func sharePrefix(a, b *[32]byte, n int) bool {
	for i := range n {
		if (a[i/8]^b[i/8])>>(7-i%8)&1 == 1 {
			return false
		}
	}
	return true
}

// check tells whether the proof has the form of one that a compact tree yields.
func (p *StateProof) check() error {
	n := len(p.Siblings)
	switch {
	case p.End > EndOther:
		return fmt.Errorf("%w: end %d", wire.ErrValue, p.End)
	case n > SiblingsMax:
		return fmt.Errorf("%w: %d siblings, at most %d", wire.ErrLimit, n, SiblingsMax)
	case p.End != EndOther && (p.OtherKey != [32]byte{} || p.OtherValue != [32]byte{}):
		return fmt.Errorf("%w: a leaf in the way of end %d", wire.ErrValue, p.End)
	case n > 0 && p.Siblings[n-1] == [32]byte{}:
		// A leaf or nothing at all beside nothing would have risen.
		return fmt.Errorf("%w: the last sibling is empty", wire.ErrValue)
	}
	return nil
}

// Append appends the proof's one encoding: end u8; for EndOther the two hashes;
// the siblings behind their number as u32.
func (p *StateProof) Append(b []byte) []byte {
	b = wire.AppendUint8(b, uint8(p.End))
	if p.End == EndOther {
		b = append(append(b, p.OtherKey[:]...), p.OtherValue[:]...)
	}
	return appendHashes(b, p.Siblings)
}

// ReadStateProof reads a proof from r, which keeps the error if there is one.
// What it returns is not yet verified.
func ReadStateProof(r *wire.Reader) *StateProof {
	p := &StateProof{End: ProofEnd(r.Enum8(uint8(EndOther)))}
	if p.End == EndOther {
		p.OtherKey, p.OtherValue = r.Bytes32(), r.Bytes32()
	}
	p.Siblings = readHashes(r, SiblingsMax)
	if err := p.check(); err != nil {
		r.Fail(err)
	}
	return p
}

// DecodeStateProof decodes what Append encoded. The error wraps one of package
// wire.
func DecodeStateProof(b []byte) (*StateProof, error) {
	r := wire.NewReader(b)
	p := ReadStateProof(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("chain: decode state proof: %w", err)
	}
	return p, nil
}

func appendHashes(b []byte, hashes [][32]byte) []byte {
	b = wire.AppendUint32(b, uint32(len(hashes)))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

func readHashes(r *wire.Reader, max int) [][32]byte {
	hashes := make([][32]byte, r.Count(max, 32))
	for i := range hashes {
		hashes[i] = r.Bytes32()
	}
	return hashes
}
