package sig

import (
	"crypto/rand"
	"crypto/sha512"
	"hash"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// sumMin is the fewest signatures that are checked as one sum: from here on the
// library too would multiply without tables of the keys.
const sumMin = 95

// sum checks many signatures with one multiplication (Bernstein et al., High-speed
// high-security signatures, section 5, with the cofactor of ZIP-215):
//
//	8 (sum z_i k_i A_i + sum z_i R_i - (sum z_i s_i) B) = 0
//
// for random z_i of 128 bits. The arithmetic is the library's; so would the sum
// be, if it took points of keys that were decoded before, and if it added up what
// one key signed. A sum is reused and not safe for concurrent use.
type sum struct {
	hash    hash.Hash
	random  []byte
	points  []*curve.EdwardsPoint // B, then the R, then the keys
	scalars []*scalar.Scalar
	rs      []curve.EdwardsPoint
	values  []scalar.Scalar
	keys    map[[KeySize]byte]int // places in points
	wide    [scalar.ScalarSize]byte
	digest  [sha512.Size]byte
}

func newSum() *sum {
	return &sum{hash: sha512.New(), keys: make(map[[KeySize]byte]int)}
}

// holds reports whether all signatures verify.
func (s *sum) holds(items []Item, cache *keyCache) bool {
	s.reset(len(items))
	rand.Read(s.random) // never fails; it ends the process instead
	base := s.scalars[0]
	for i := range items {
		x := &items[i]
		key, ok := s.key(x.Key, cache)
		if !ok || !scalar.ScMinimalVartime(x.Signature[32:]) {
			return false
		}
		compressed := curve.CompressedEdwardsY(x.Signature[:32])
		if _, err := s.rs[i].SetCompressedY(&compressed); err != nil {
			return false
		}
		copy(s.wide[:], s.random[16*i:16*i+16])
		z := s.scalars[1+i]
		var share scalar.Scalar
		if _, err := z.SetBits(s.wide[:]); err != nil {
			return false
		}
		if _, err := share.SetBytesModOrder(x.Signature[32:]); err != nil {
			return false
		}
		base.Add(base, share.Mul(&share, z))
		if !s.challenge(&share, x) {
			return false
		}
		key.Add(key, share.Mul(&share, z))
	}
	base.Neg(base)
	var p curve.EdwardsPoint
	return p.MultiscalarMulVartime(s.scalars, s.points).IsSmallOrder()
}

// reset makes room for n signatures by as many keys.
func (s *sum) reset(n int) {
	if len(s.rs) < n {
		s.random, s.rs, s.values = make([]byte, 16*n), make([]curve.EdwardsPoint, n), make([]scalar.Scalar, 1+2*n)
	}
	s.random = s.random[:16*n]
	s.points, s.scalars = append(s.points[:0], curve.ED25519_BASEPOINT_POINT), s.scalars[:0]
	for i := range 1 + n {
		s.values[i].Zero()
		s.scalars = append(s.scalars, &s.values[i])
	}
	for i := range n {
		s.points = append(s.points, &s.rs[i])
	}
	clear(s.keys)
}

// key returns the scalar of a key, or false if the key is no point of the curve.
func (s *sum) key(key *[KeySize]byte, cache *keyCache) (*scalar.Scalar, bool) {
	at, ok := s.keys[*key]
	if !ok {
		point := cache.point(key)
		if point == nil {
			return nil, false
		}
		at = len(s.points)
		s.keys[*key] = at
		s.values[at].Zero()
		s.points, s.scalars = append(s.points, point), append(s.scalars, &s.values[at])
	}
	return s.scalars[at], true
}

// challenge sets k to the hash of RFC 8032, 5.1.7.
func (s *sum) challenge(k *scalar.Scalar, x *Item) bool {
	s.hash.Reset()
	_, _ = s.hash.Write(x.Signature[:32]) // a hash takes everything
	_, _ = s.hash.Write(x.Key[:])
	_, _ = s.hash.Write(x.Message)
	_, err := k.SetBytesModOrderWide(s.hash.Sum(s.digest[:0]))
	return err == nil
}
