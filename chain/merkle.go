package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
)

// PathMax is the largest number of hashes in an inclusion path: enough for
// 2^32 leaves, which is what a u32 count can name.
const PathMax = 32

// ErrProof says that a proof does not show what it claims.
var ErrProof = errors.New("chain: proof refused")

// Prefixes that keep a leaf and an inner node apart (RFC 6962, section 2.1),
// shared by both kinds of tree.
const (
	prefixLeaf  = 0
	prefixInner = 1
)

// hashPair returns SHA-256(prefix || a || b).
func hashPair(prefix byte, a, b *[32]byte) [32]byte {
	var buf [65]byte
	buf[0] = prefix
	copy(buf[1:], a[:])
	copy(buf[33:], b[:])
	return sha256.Sum256(buf[:])
}

// hashLeaf returns SHA-256(00 || leaf). The scratch space saves an allocation
// for each leaf and is returned for the next one.
func hashLeaf(scratch, leaf []byte) ([32]byte, []byte) {
	scratch = append(append(scratch[:0], prefixLeaf), leaf...)
	return sha256.Sum256(scratch), scratch
}

// Tree is the tree of RFC 6962, section 2.1, over a list of byte strings, with
// all its nodes, so that each of its leaves is proved without hashing again.
// It is immutable and safe for concurrent use.
type Tree struct {
	// levels[0] holds the hashes of the leaves. A level whose count is odd hands
	// its last node to the next level unchanged, which is the same tree as the
	// split at the largest power of two in the RFC.
	levels [][][32]byte
	root   [32]byte
}

// NewTree hashes leaves into a tree. It keeps none of the given bytes.
func NewTree(leaves [][]byte) *Tree {
	t := &Tree{root: sha256.Sum256(nil)}
	if len(leaves) == 0 {
		return t
	}
	level := make([][32]byte, len(leaves))
	var scratch []byte
	for i, leaf := range leaves {
		level[i], scratch = hashLeaf(scratch, leaf)
	}
	t.levels = append(make([][][32]byte, 0, bits.Len(uint(len(leaves)))+1), level)
	for len(level) > 1 {
		next := make([][32]byte, (len(level)+1)/2)
		foldLevel(next, level)
		t.levels = append(t.levels, next)
		level = next
	}
	t.root = level[0]
	return t
}

// foldLevel writes the parents of level to next, which may be its front.
func foldLevel(next, level [][32]byte) {
	for i := range len(level) / 2 {
		next[i] = hashPair(prefixInner, &level[2*i], &level[2*i+1])
	}
	if len(level)%2 == 1 {
		next[len(level)/2] = level[len(level)-1]
	}
}

// Root returns the root hash; that of no leaves is SHA-256 of nothing.
func (t *Tree) Root() [32]byte { return t.root }

// Size returns the number of leaves.
func (t *Tree) Size() int {
	if len(t.levels) == 0 {
		return 0
	}
	return len(t.levels[0])
}

// Path returns the inclusion path of leaf index, from the leaf upwards. The
// index must be below Size; it is the caller's own, never one from outside.
func (t *Tree) Path(index int) [][32]byte {
	path := make([][32]byte, 0, len(t.levels))
	for _, level := range t.levels[:len(t.levels)-1] {
		if sibling := index ^ 1; sibling < len(level) {
			path = append(path, level[sibling])
		}
		index /= 2
	}
	return path
}

// RootOf returns the root of the tree over leaves without keeping its nodes.
func RootOf(leaves [][]byte) [32]byte {
	if len(leaves) == 0 {
		return sha256.Sum256(nil)
	}
	level := make([][32]byte, len(leaves))
	var scratch []byte
	for i, leaf := range leaves {
		level[i], scratch = hashLeaf(scratch, leaf)
	}
	for len(level) > 1 {
		foldLevel(level, level)
		level = level[:(len(level)+1)/2]
	}
	return level[0]
}

// VerifyInclusion reports, as an error that wraps ErrProof, whether path fails
// to lead from leaf, claimed to be leaf number index of size, to root.
//
// What success proves is that leaf is one of the leaves below root. The root
// does not hold the number of leaves, so index is proved only to those who know
// the size from elsewhere.
func VerifyInclusion(root [32]byte, leaf []byte, index, size uint32, path [][32]byte) error {
	if index >= size {
		return fmt.Errorf("%w: leaf %d of %d", ErrProof, index, size)
	}
	var space [256]byte // most leaves fit, so nothing is allocated
	node, _ := hashLeaf(space[:0], leaf)
	at, last := index, size-1
	used := 0
	for ; last > 0; at, last = at/2, last/2 {
		if at == last && at%2 == 0 {
			continue // the odd one out of its level rises unchanged
		}
		if used == len(path) {
			return fmt.Errorf("%w: a path of %d is too short for leaf %d of %d", ErrProof, used, index, size)
		}
		if at%2 == 1 {
			node = hashPair(prefixInner, &path[used], &node)
		} else {
			node = hashPair(prefixInner, &node, &path[used])
		}
		used++
	}
	if used != len(path) {
		return fmt.Errorf("%w: a path of %d is too long for leaf %d of %d", ErrProof, len(path), index, size)
	}
	if node != root {
		return fmt.Errorf("%w: the path leads to another root", ErrProof)
	}
	return nil
}
