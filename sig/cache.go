package sig

import (
	"hash/maphash"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// cacheShards is the number of independently locked parts of a keyCache. With
// a handful of verifying goroutines sixteen make waiting for a lock rare.
const cacheShards = 16

// keyCache remembers expanded keys (about 1.5 kB each), a bounded number of
// them. Eviction is by the clock rule: each slot has a bit that a hit sets, a
// hand that looks for a victim clears set bits and takes the first slot found
// clear. A new entry starts with a clear bit, so a flood of keys that are used
// once passes through without driving out the keys in use.
//
// The shard is chosen by a hash with a random seed: keys come from outside and
// must not be able to crowd into one shard. Safe for concurrent use.
type keyCache struct {
	seed   maphash.Seed
	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu    sync.Mutex // guards all below
	index map[[KeySize]byte]int
	slots []cacheSlot // grows up to its capacity, then is recycled
	hand  int
	// young and old are what is known of keys without expanding them. When young
	// is full it becomes old, and what was old is forgotten.
	young, old map[[KeySize]byte]acquaintance
}

// acquaintance is what is known of a key that is not expanded.
type acquaintance struct {
	decoded bool                // whether the key was decoded
	point   *curve.EdwardsPoint // what it decodes to; nil = no point of the curve
	valid   bool                // ValidKey of key, if it was decoded
	used    bool                // it has signed something: the next time it is expanded
}

// acquaintancesMax bounds each generation of one shard: about 20 MB in all.
const acquaintancesMax = 2048

type cacheSlot struct {
	key      [KeySize]byte
	expanded *ed25519.ExpandedPublicKey
	point    *curve.EdwardsPoint
	valid    bool // ValidKey of key
	used     bool
}

// newKeyCache returns a cache of at least capacity keys, rounded up to fill
// every shard.
func newKeyCache(capacity int) *keyCache {
	perShard := max(1, (capacity+cacheShards-1)/cacheShards)
	c := &keyCache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].index = make(map[[KeySize]byte]int)
		c.shards[i].young = make(map[[KeySize]byte]acquaintance)
		c.shards[i].slots = make([]cacheSlot, 0, perShard)
	}
	return c
}

func (c *keyCache) shard(key *[KeySize]byte) *cacheShard {
	return &c.shards[maphash.Bytes(c.seed, key[:])%cacheShards]
}

// expand returns the expanded form of key, or nil if it is not worth expanding
// yet, because this is the first signature by it that is met, or if key is no
// point of the curve. Expanding costs more than it saves on keys that sign once.
func (c *keyCache) expand(key *[KeySize]byte) *ed25519.ExpandedPublicKey {
	s := c.shard(key)
	if slot, ok := s.get(key); ok {
		return slot.expanded
	}
	known := s.recall(key)
	if !known.used {
		known.used = true
		s.remember(key, known)
		return nil
	}
	// Expanding outside the lock may happen twice at once for one key, which
	// is harmless; holding the lock would make hits wait for misses.
	expanded, err := ed25519.NewExpandedPublicKey(key[:])
	if err != nil {
		return nil
	}
	known.decode(key)
	s.put(cacheSlot{key: *key, expanded: expanded, point: known.point, valid: known.valid})
	return expanded
}

// decode finds out what a key decodes to, once.
func (a *acquaintance) decode(key *[KeySize]byte) {
	if a.decoded {
		return
	}
	a.decoded = true
	compressed, point := curve.CompressedEdwardsY(*key), new(curve.EdwardsPoint)
	if _, err := point.SetCompressedY(&compressed); err == nil {
		a.point, a.valid = point, validPoint(&compressed, point)
	}
}

// valid is ValidKey, found out once for a remembered key.
func (c *keyCache) valid(key *[KeySize]byte) bool {
	_, valid := c.decode(key)
	return valid
}

// point returns what key decodes to, or nil if it is no point of the curve. It
// must not be changed.
func (c *keyCache) point(key *[KeySize]byte) *curve.EdwardsPoint {
	point, _ := c.decode(key)
	return point
}

func (c *keyCache) decode(key *[KeySize]byte) (point *curve.EdwardsPoint, valid bool) {
	s := c.shard(key)
	if slot, ok := s.get(key); ok {
		return slot.point, slot.valid
	}
	known := s.recall(key)
	if !known.decoded {
		known.decode(key)
		s.remember(key, known)
	}
	return known.point, known.valid
}

func (s *cacheShard) recall(key *[KeySize]byte) acquaintance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.young[*key]; ok {
		return known
	}
	return s.old[*key]
}

func (s *cacheShard) remember(key *[KeySize]byte, known acquaintance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= acquaintancesMax {
		s.old, s.young = s.young, make(map[[KeySize]byte]acquaintance, acquaintancesMax)
	}
	s.young[*key] = known
}

func (s *cacheShard) get(key *[KeySize]byte) (cacheSlot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[*key]
	if !ok {
		return cacheSlot{}, false
	}
	s.slots[i].used = true
	return s.slots[i], true
}

func (s *cacheShard) put(entry cacheSlot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.index[entry.key]; ok {
		return
	}
	if len(s.slots) < cap(s.slots) {
		s.index[entry.key] = len(s.slots)
		s.slots = append(s.slots, entry)
		return
	}
	for s.slots[s.hand].used { // ends: each step clears a bit
		s.slots[s.hand].used = false
		s.hand = (s.hand + 1) % len(s.slots)
	}
	delete(s.index, s.slots[s.hand].key)
	s.slots[s.hand] = entry
	s.index[entry.key] = s.hand
	s.hand = (s.hand + 1) % len(s.slots)
}

// size returns how many keys are held.
func (c *keyCache) size() int {
	n := 0
	for i := range c.shards {
		c.shards[i].mu.Lock()
		n += len(c.shards[i].index)
		c.shards[i].mu.Unlock()
	}
	return n
}
