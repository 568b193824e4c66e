package coupon

import (
	"bytes"
	"fmt"
	"slices"
)

// row is one row of a table as the block sees it.
type row[K comparable, V any] struct {
	key    K
	val    V
	exists bool // now
	stored bool // in the parent's state
	dirty  bool // changed by the block
}

// table is a block's view of the rows of one prefix: each row is read and
// decoded once, then changed in place, then encoded once. Maps are only looked
// up; the order of output comes from the list of changed rows and a sort.
type table[K comparable, V any] struct {
	only      *row[K, V]       // the first row: most tables of a dry run have one or none
	rows      map[K]*row[K, V] // all rows, from the second on
	expected  int
	dirty     []*row[K, V]
	slab      []row[K, V] // rows are carved from it, to allocate seldom
	appendKey func([]byte, K) []byte
	decode    func([]byte) (V, error)
	appendVal func(*V, []byte) []byte
	parseKey  func([]byte) K // of tables that are read in order, see scan
}

// flusher is a table of any types.
type flusher interface {
	changed() int
	flush(w *writer)
}

const slabRows = 64

func newTable[K comparable, V any](appendKey func([]byte, K) []byte, decode func([]byte) (V, error),
	appendVal func(*V, []byte) []byte, rows int) table[K, V] {
	return table[K, V]{expected: rows, appendKey: appendKey, decode: decode, appendVal: appendVal}
}

// find returns the row of k if it was loaded, or nil.
func (t *table[K, V]) find(k K) *row[K, V] {
	if t.rows != nil {
		return t.rows[k]
	}
	if t.only != nil && t.only.key == k {
		return t.only
	}
	return nil
}

// add makes room for the row of k.
func (t *table[K, V]) add(k K) *row[K, V] {
	if len(t.slab) == 0 {
		rows := len(t.rows)
		if t.rows == nil && t.only != nil {
			rows = 1
		}
		t.slab = make([]row[K, V], min(slabRows, 1+rows))
	}
	r := &t.slab[0]
	t.slab = t.slab[1:]
	r.key = k
	switch {
	case t.rows != nil:
		t.rows[k] = r
	case t.only == nil:
		t.only = r
	default:
		t.rows = make(map[K]*row[K, V], t.expected)
		t.rows[t.only.key], t.rows[k] = t.only, r
	}
	return r
}

// get returns the row of k, or nil if there is none. The value must not be
// changed through the pointer: copy it, then put it.
func (t *table[K, V]) get(x *exec, k K) *V {
	if r := t.load(x, k); r.exists {
		return &r.val
	}
	return nil
}

// put stores the row of k.
func (t *table[K, V]) put(x *exec, k K, v V) {
	r := t.load(x, k)
	r.val, r.exists = v, true
	t.touch(r)
}

// remove deletes the row of k.
func (t *table[K, V]) remove(x *exec, k K) {
	r := t.load(x, k)
	r.exists = false
	t.touch(r)
}

func (t *table[K, V]) touch(r *row[K, V]) {
	if !r.dirty {
		r.dirty = true
		t.dirty = append(t.dirty, r)
	}
}

func (t *table[K, V]) load(x *exec, k K) *row[K, V] {
	if r := t.find(k); r != nil {
		return r
	}
	r := t.add(k)
	x.keyBuf = t.appendKey(x.keyBuf[:0], k)
	value, ok := x.r.Get(x.keyBuf)
	if !ok {
		return r
	}
	v, err := t.decode(value)
	if err != nil {
		if x.err == nil {
			x.err = fmt.Errorf("coupon: row %x: %w", x.keyBuf, err)
		}
		return r
	}
	r.val, r.exists, r.stored = v, true, true
	return r
}

// scan returns the keys of the first rows, as they are now, whose keys begin with prefix,
// in ascending order: at most limit.
func (t *table[K, V]) scan(x *exec, prefix []byte, limit int) []K {
	gone := 0
	var found [][]byte
	for _, r := range t.dirty {
		if r.stored && !r.exists {
			gone++
		}
		if !r.stored && r.exists {
			x.keyBuf = t.appendKey(x.keyBuf[:0], r.key)
			if bytes.HasPrefix(x.keyBuf, prefix) {
				found = append(found, bytes.Clone(x.keyBuf))
			}
		}
	}
	for _, key := range x.r.Keys(prefix, limit+gone) {
		if r := t.find(t.parseKey(key)); r == nil || r.exists {
			found = append(found, key)
		}
	}
	slices.SortFunc(found, bytes.Compare)
	keys := make([]K, min(limit, len(found)))
	for i := range keys {
		keys[i] = t.parseKey(found[i])
	}
	return keys
}

func (t *table[K, V]) changed() int { return len(t.dirty) }

// writer collects the rows of all tables; keys and values share one arena.
type writer struct {
	rows  []Write
	arena []byte
}

// flush emits the changed rows. A row that the block both made and deleted is no
// change.
func (t *table[K, V]) flush(w *writer) {
	for _, r := range t.dirty {
		if !r.exists && !r.stored {
			continue
		}
		start := len(w.arena)
		w.arena = t.appendKey(w.arena, r.key)
		mid := len(w.arena)
		out := Write{Key: w.arena[start:mid:mid]}
		if r.exists {
			w.arena = t.appendVal(&r.val, w.arena)
			out.Value = w.arena[mid:len(w.arena):len(w.arena)]
		}
		w.rows = append(w.rows, out)
	}
}

// sums adds and subtracts with E110 for a result out of range: over is set once
// and stays.
type sums struct{ over bool }

func (s *sums) add(a, b uint64) uint64 {
	c := a + b
	s.over = s.over || c < a
	return c
}

func (s *sums) sub(a, b uint64) uint64 {
	s.over = s.over || b > a
	return a - b
}

func (s *sums) inc(a uint32) uint32 {
	s.over = s.over || a == 1<<32-1
	return a + 1
}

func (s *sums) dec(a uint32) uint32 {
	s.over = s.over || a == 0
	return a - 1
}
