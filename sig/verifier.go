package sig

import (
	"sync"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

const (
	// BatchMax is the most signatures checked in one multiplication. The cost
	// of a signature falls by less than a tenth beyond it, while the work lost
	// to one bad signature, and the memory held, keep growing.
	BatchMax = 512

	// batchMin is the fewest signatures for which a batch beats single checks.
	batchMin = 3

	// searchSize is the size of the parts in which a failed batch is searched
	// for culprits. Parts of 32 make one culprit cost one to two more batches, and
	// bound what many culprits cost: a batch, the parts, and a single check each.
	searchSize = 32

	// DefaultCacheKeys is the cache size that NewVerifier takes for 0: about
	// 25 MB of expanded keys when full.
	DefaultCacheKeys = 16384
)

// Item is one signature to check. The pointers must not be nil and what they
// point to must not change until the check has returned.
type Item struct {
	Key       *[KeySize]byte
	Message   []byte
	Signature *[SignatureSize]byte
}

// Verifier checks signatures under ZIP-215 and remembers the expanded form of
// the keys it meets, a bounded number of them, which makes a batch a third
// cheaper. Cached or not, single or batched, the verdicts are the same. Safe
// for concurrent use.
type Verifier struct {
	cache   *keyCache
	batches sync.Pool // of *ed25519.BatchVerifier, to keep their buffers
	sums    sync.Pool // of *sum, likewise
}

// NewVerifier returns a Verifier that remembers about cacheKeys keys of 1.5 kB
// each; 0 stands for DefaultCacheKeys.
func NewVerifier(cacheKeys int) *Verifier {
	if cacheKeys <= 0 {
		cacheKeys = DefaultCacheKeys
	}
	v := &Verifier{cache: newKeyCache(cacheKeys)}
	v.batches.New = func() any { return ed25519.NewBatchVerifier() }
	v.sums.New = func() any { return newSum() }
	return v
}

// Verify reports whether s is a signature of msg by key, as the function Verify
// does.
func (v *Verifier) Verify(key *[KeySize]byte, msg []byte, s *[SignatureSize]byte) bool {
	if expanded := v.cache.expand(key); expanded != nil {
		return ed25519.VerifyExpandedWithOptions(expanded, msg, s[:], zip215)
	}
	return Verify(key, msg, s)
}

// ValidKey answers as the function ValidKey does, at once for a remembered key.
func (v *Verifier) ValidKey(key [KeySize]byte) bool {
	return v.cache.valid(&key)
}

// VerifyBatch reports whether every item verifies. No items verify trivially:
// whoever needs a number of signatures must count them first.
func (v *Verifier) VerifyBatch(items []Item) bool {
	for len(items) > 0 {
		n := min(len(items), BatchMax)
		if !v.verifyAll(items[:n]) {
			return false
		}
		items = items[n:]
	}
	return true
}

// Check writes the verdict of items[i] to ok[i] and reports whether all verify.
// It tries whole batches first and searches only those that fail. The slices
// must have the same length.
func (v *Verifier) Check(items []Item, ok []bool) bool {
	if len(items) != len(ok) {
		panic("sig: Check needs one verdict slot for each item")
	}
	all := true
	for len(items) > 0 {
		n := min(len(items), BatchMax)
		if v.verifyAll(items[:n]) {
			for i := range n {
				ok[i] = true
			}
		} else {
			all = false
			v.search(items[:n], ok[:n])
		}
		items, ok = items[n:], ok[n:]
	}
	return all
}

// verifyAll checks at most BatchMax items together.
func (v *Verifier) verifyAll(items []Item) bool {
	if len(items) < batchMin {
		for i := range items {
			if !v.Verify(items[i].Key, items[i].Message, items[i].Signature) {
				return false
			}
		}
		return true
	}
	if len(items) >= sumMin {
		s := v.sums.Get().(*sum)
		defer v.sums.Put(s)
		return s.holds(items, v.cache)
	}
	batch := v.load(items)
	ok := batch.VerifyBatchOnly(nil)
	v.unload(batch)
	return ok
}

// search finds the culprits of a batch that failed.
func (v *Verifier) search(items []Item, ok []bool) {
	for len(items) > 0 {
		n := min(len(items), searchSize)
		batch := v.load(items[:n])
		// Verify tries the part as a batch, then each item on what it has
		// already decoded.
		_, verdicts := batch.Verify(nil)
		copy(ok, verdicts)
		v.unload(batch)
		items, ok = items[n:], ok[n:]
	}
}

// load fills a batch. An item whose key is no point of the curve stays in it as
// one that cannot verify.
func (v *Verifier) load(items []Item) *ed25519.BatchVerifier {
	batch := v.batches.Get().(*ed25519.BatchVerifier)
	for i := range items {
		x := &items[i]
		if expanded := v.cache.expand(x.Key); expanded != nil {
			batch.AddExpandedWithOptions(expanded, x.Message, x.Signature[:], zip215)
		} else {
			batch.AddWithOptions(x.Key[:], x.Message, x.Signature[:], zip215)
		}
	}
	return batch
}

func (v *Verifier) unload(batch *ed25519.BatchVerifier) { v.batches.Put(batch.Reset()) }
