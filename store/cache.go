package store

import "sync"

// rowCache is an lru that readers share with the owner. A reader may have read
// what a commit is about to replace, so what it read is put only if no commit
// was under way since before it read.
type rowCache struct {
	mu      sync.Mutex // guards all below
	lru     *lru
	commits uint64 // odd while a commit is under way
}

// get returns what is known of key, and the mark for putRead.
func (c *rowCache) get(key []byte) (value []byte, known bool, mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, known = c.lru.get(key)
	return value, known, c.commits
}

// putRead makes known what was read since get gave mark.
func (c *rowCache) putRead(key, value []byte, mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.commits == mark && mark%2 == 0 {
		c.lru.put(key, value)
	}
}

// begin announces a commit.
func (c *rowCache) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits++
}

// end makes the changes of a commit known.
func (c *rowCache) end(tables ...tableWrites) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits++
	var key []byte
	for _, t := range tables {
		for i := range t.writes {
			key = append(append(key[:0], t.table), t.writes[i].Key...)
			c.lru.put(key, t.writes[i].Value)
		}
	}
}

// tableWrites are changes of one table.
type tableWrites struct {
	table  byte
	writes []Write
}

// lru remembers the values of ledger keys, and that keys are absent, within a
// limit of bytes; the least recently used go first. It is not safe for
// concurrent use.
type lru struct {
	bytesMax int64
	bytes    int64
	index    map[string]int32
	slots    []lruSlot // slot 0 heads the ring: next is the newest, prev the oldest
	free     []int32
}

type lruSlot struct {
	key        string
	value      []byte // nil = known to be absent
	prev, next int32
}

// lruEntryBytes is what an entry costs beside its key and value: slot, map
// entry and allocation overhead, rounded up.
const lruEntryBytes = 128

func newLRU(bytesMax int64) *lru {
	return &lru{bytesMax: bytesMax, index: map[string]int32{}, slots: make([]lruSlot, 1)}
}

// get returns what is known of key: its value (nil = absent), and whether
// anything is known.
func (c *lru) get(key []byte) (value []byte, known bool) {
	i, ok := c.index[string(key)]
	if !ok {
		return nil, false
	}
	c.unlink(i)
	c.link(i)
	return c.slots[i].value, true
}

// put makes value known, nil for absent. The slice is kept, not copied.
func (c *lru) put(key, value []byte) {
	i, ok := c.index[string(key)]
	if ok {
		c.bytes += int64(len(value) - len(c.slots[i].value))
		c.unlink(i)
	} else {
		i = c.take()
		c.slots[i].key = string(key)
		c.index[c.slots[i].key] = i
		c.bytes += int64(lruEntryBytes + len(key) + len(value))
	}
	c.slots[i].value = value
	c.link(i)
	for c.bytes > c.bytesMax {
		c.drop(c.slots[0].prev)
	}
}

func (c *lru) take() int32 {
	if n := len(c.free); n > 0 {
		i := c.free[n-1]
		c.free = c.free[:n-1]
		return i
	}
	c.slots = append(c.slots, lruSlot{})
	return int32(len(c.slots) - 1)
}

func (c *lru) drop(i int32) {
	s := &c.slots[i]
	c.bytes -= int64(lruEntryBytes + len(s.key) + len(s.value))
	delete(c.index, s.key)
	c.unlink(i)
	*s = lruSlot{}
	c.free = append(c.free, i)
}

func (c *lru) unlink(i int32) {
	s := &c.slots[i]
	c.slots[s.prev].next, c.slots[s.next].prev = s.next, s.prev
}

func (c *lru) link(i int32) {
	first := c.slots[0].next
	c.slots[i].prev, c.slots[i].next = 0, first
	c.slots[first].prev, c.slots[0].next = i, i
}
