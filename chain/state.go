package chain

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// The state tree (rules 3.15):
//
//	leaf  = SHA-256(00 || SHA-256(key) || SHA-256(value)), at the shortest prefix
//	        of SHA-256(key) that no other key shares, highest bit first
//	inner = SHA-256(01 || left || right)
//	empty = 32 zero bytes
//
// A single leaf is the root itself; the root of no leaves is 32 zero bytes.

// Change sets a key to a value, or deletes the key if Value is empty: a value of
// the state is never empty.
type Change struct {
	Key, Value []byte
}

// item is a change by its hashes.
type item struct {
	key, value [32]byte
	drop       bool
}

// Update applies changes to the tree that p holds under root, and returns the
// new root with the pages to write, in an order that depends on the changes
// alone. p itself is not changed. The root depends on nothing but the resulting
// content. Changes may come in any order, but no key twice.
//
// The error wraps ErrPages if p does not hold the tree of that root; nothing
// else can fail but a key given twice.
func Update(p Pages, root [32]byte, changes []Change) ([32]byte, []PageWrite, error) {
	return UpdateSpread(inTurn, p, root, changes)
}

func inTurn(n int, do func(i int)) {
	for i := range n {
		do(i)
	}
}

// Spread calls do(0) to do(n-1), each once, in any order or at the same time,
// and returns when all of them have.
type Spread func(n int, do func(i int))

// UpdateSpread is Update with its work spread over several processors by the
// caller, who must give it a p that is safe for concurrent use. The result is
// the same as that of Update, however the work was spread.
func UpdateSpread(spread Spread, p Pages, root [32]byte, changes []Change) ([32]byte, []PageWrite, error) {
	items, err := sortChanges(spread, changes)
	if err != nil || len(items) == 0 {
		return root, nil, err
	}
	u := newUpdater(p, len(items))
	top := slot{kind: slotEmpty}
	if root != ([32]byte{}) {
		top = slot{kind: slotNode, a: root}
		if len(items) >= spreadMin {
			if err := u.lookAhead(spread, &root, items); err != nil {
				return root, nil, err
			}
		}
	}
	if err := u.page(0, &top, items); err != nil {
		return root, nil, err
	}
	return top.hash(), u.writes, nil
}

// spreadMin is the number of changes from which spreading them pays, and
// hashesPerPart that of the keys whose hashing is one part of the work.
const (
	spreadMin     = 64
	hashesPerPart = 64
)

// sortChanges returns the changes in the order of their key hashes.
func sortChanges(spread Spread, changes []Change) ([]item, error) {
	// Sorting pairs of the first eight bytes and a position moves a quarter of
	// the bytes that sorting items would.
	type place struct {
		front uint64
		at    int
	}
	hashed := make([]item, len(changes))
	order := make([]place, len(changes))
	spread((len(changes)+hashesPerPart-1)/hashesPerPart, func(part int) {
		for i := part * hashesPerPart; i < min((part+1)*hashesPerPart, len(changes)); i++ {
			hashed[i].key = hashKey(changes[i].Key)
			if value := changes[i].Value; len(value) == 0 {
				hashed[i].drop = true
			} else {
				hashed[i].value = sha256.Sum256(value)
			}
			order[i] = place{binary.BigEndian.Uint64(hashed[i].key[:8]), i}
		}
	})
	slices.SortFunc(order, func(a, b place) int {
		if a.front != b.front {
			return cmp.Compare(a.front, b.front)
		}
		return slices.Compare(hashed[a.at].key[:], hashed[b.at].key[:])
	})
	items := make([]item, len(changes))
	for i, o := range order {
		if items[i] = hashed[o.at]; i > 0 && items[i-1].key == items[i].key {
			return nil, fmt.Errorf("chain: update state: key %x is changed twice", changes[o.at].Key)
		}
	}
	return items, nil
}

// updater is one Update under way. Depths are counted in pages.
type updater struct {
	pages  Pages
	frames [depthMax]*page // one for each page on the way down, used again and again
	writes []PageWrite
	space  inner
	// ahead holds what lookAhead found out about the pages below the root page.
	ahead [1 << levelsPerPage]*outcome
}

// outcome is what became of one page below the root page.
type outcome struct {
	slot   slot
	items  []item
	writes []PageWrite
	err    error
}

func newUpdater(p Pages, changes int) *updater {
	return &updater{pages: p, writes: make([]PageWrite, 0, 3*changes+8)}
}

// lookAhead applies items to the pages below the root page, which do not depend
// on each other.
func (u *updater) lookAhead(spread Spread, root *[32]byte, items []item) error {
	var f page
	if err := load(u.pages, &f, PageID{}, root); err != nil {
		return err
	}
	var parts []*outcome
	for len(items) > 0 {
		d, n := digit(&items[0].key, 0), sameDigit(items, 0)
		if f.top[d>>2].kind == slotNode && f.open(d >> 2)[d&3].kind == slotNode {
			u.ahead[d] = &outcome{slot: f.sub[d>>2][d&3], items: items[:n]}
			parts = append(parts, u.ahead[d])
		}
		items = items[n:]
	}
	spread(len(parts), func(i int) {
		p := parts[i]
		below := newUpdater(u.pages, len(p.items))
		p.err = below.page(1, &p.slot, p.items)
		p.writes = below.writes
	})
	return nil
}

// sameDigit returns how many items at the front share the digit of the first.
func sameDigit(items []item, depth int) int {
	n := 1
	for n < len(items) && digit(&items[n].key, depth) == digit(&items[0].key, depth) {
		n++
	}
	return n
}

// page applies items, at least one, to the subtree e at the given depth, which
// becomes what the subtree then amounts to.
func (u *updater) page(depth int, e *slot, items []item) error {
	if depth == depthMax {
		return fmt.Errorf("%w: a subtree below %x", ErrPages, items[0].key)
	}
	if u.frames[depth] == nil {
		u.frames[depth] = new(page)
	}
	f := u.frames[depth]
	id := pageAt(depth, &items[0].key)
	old := *e
	switch old.kind {
	case slotNode:
		if err := load(u.pages, f, id, &old.a); err != nil {
			return err
		}
	default:
		f.top.clear()
		if old.kind == slotLeaf {
			f.top[digit(&old.a, depth)>>2] = old
		}
	}
	for len(items) > 0 {
		at := digit(&items[0].key, depth) >> 2
		n := 1
		for n < len(items) && digit(&items[n].key, depth)>>2 == at {
			n++
		}
		if err := u.quad(depth, f, at, items[:n]); err != nil {
			return err
		}
		items = items[n:]
	}
	*e = *f.top.fold(&u.space)
	stays := e.kind == slotNode || e.kind == slotLeaf && depth == 0
	switch {
	case stays && (old.kind != slotNode || e.hash() != old.a):
		u.writes = append(u.writes, PageWrite{id, f.encode()})
	case !stays && old.kind == slotNode:
		u.writes = append(u.writes, PageWrite{ID: id})
	}
	return nil
}

// quad applies items, at least one, to slot number at of the top of page f.
func (u *updater) quad(depth int, f *page, at int, items []item) error {
	e := &f.top[at]
	if e.put(items) {
		return nil
	}
	if e.kind != slotNode {
		f.raw[at] = nil
		f.sub[at].clear()
		if e.kind == slotLeaf {
			f.sub[at][digit(&e.a, depth)&3] = *e
		}
	}
	sub := f.open(at)
	for len(items) > 0 {
		s := &sub[digit(&items[0].key, depth)&3]
		n := sameDigit(items, depth)
		if !s.put(items[:n]) {
			if err := u.below(depth, s, items[:n]); err != nil {
				return err
			}
		}
		items = items[n:]
	}
	*e = *sub.fold(&u.space)
	return nil
}

// below applies items to the page that slot s of a page at depth stands for.
func (u *updater) below(depth int, s *slot, items []item) error {
	if depth > 0 || u.ahead[digit(&items[0].key, 0)] == nil {
		return u.page(depth+1, s, items)
	}
	done := u.ahead[digit(&items[0].key, 0)]
	*s = done.slot
	u.writes = append(u.writes, done.writes...)
	return done.err
}

// put applies a single item where that needs no deeper look, and reports
// whether it did.
func (s *slot) put(items []item) bool {
	if len(items) > 1 || s.kind == slotNode {
		return false
	}
	it := &items[0]
	switch own := s.kind == slotEmpty || s.a == it.key; {
	case own && it.drop:
		s.kind = slotEmpty
	case own:
		s.kind, s.a, s.b = slotLeaf, it.key, it.value
	default:
		return it.drop // another leaf is here, so the key to delete is not
	}
	return true
}

// load reads a page of the tree into f. The root page is compared with the
// root, so that pages of another version are noticed.
func load(p Pages, f *page, id PageID, hash *[32]byte) error {
	data, ok := p.Page(id)
	if !ok {
		return missing(id)
	}
	if !f.decode(data, int(id.Depth)) {
		return fmt.Errorf("%w: page %v is broken", ErrPages, id)
	}
	if id.Depth == 0 {
		var space inner
		if sum := f.top.fold(&space).hash(); sum != *hash {
			return fmt.Errorf("%w: the root page has hash %x, not %x", ErrPages, sum, *hash)
		}
	}
	return nil
}

func missing(id PageID) error { return fmt.Errorf("%w: page %v is missing", ErrPages, id) }

// Walk visits the leaves of the tree under root in the order of their key
// hashes, and checks every page on the way as CheckPage does. A store uses it
// to audit itself. It returns the first error of visit, or one that wraps
// ErrPages.
func Walk(p Pages, root [32]byte, visit func(key, value [32]byte) error) error {
	if root == ([32]byte{}) {
		if _, ok := p.Page(PageID{}); ok {
			return fmt.Errorf("%w: an empty tree has a root page", ErrPages)
		}
		return nil
	}
	return walkPage(p, PageID{}, &root, visit)
}

func walkPage(p Pages, id PageID, hash *[32]byte, visit func(key, value [32]byte) error) error {
	data, ok := p.Page(id)
	if !ok {
		return missing(id)
	}
	if err := CheckPage(id, *hash, data); err != nil {
		return err
	}
	var f page
	f.decode(data, int(id.Depth))
	for i := range f.top {
		if f.top[i].kind == slotLeaf {
			if err := visit(f.top[i].a, f.top[i].b); err != nil {
				return err
			}
		}
		if f.top[i].kind != slotNode {
			continue
		}
		sub := f.open(i)
		for j := range sub {
			if err := walkSlot(p, id, 4*i+j, &sub[j], visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// walkSlot visits what lies in slot number at of the bottom of page id.
func walkSlot(p Pages, id PageID, at int, s *slot, visit func(key, value [32]byte) error) error {
	switch s.kind {
	case slotLeaf:
		return visit(s.a, s.b)
	case slotNode:
		below := PageID{Depth: id.Depth + 1, Prefix: id.Prefix}
		below.Prefix[id.Depth/2] |= byte(at) << (4 * (1 - id.Depth%2))
		return walkPage(p, below, &s.a, visit)
	}
	return nil
}
