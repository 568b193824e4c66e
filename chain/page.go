package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// The state tree is stored in pages of four levels, that is, one hexadecimal
// digit of the hash of a key. Small pages keep down what a block writes: a
// changed key costs about two pages of its own, of some 600 bytes each, while
// the pages near the root are shared by all changes of the block.
//
// A page is five quads. A quad is two levels: four slots, each of which is
// empty, holds one leaf, or stands for a subtree of two leaves or more. The
// slots of the top quad stand for the other four quads, theirs for pages. Only
// what the slots need is stored, so two levels cost three hashes to renew, one
// more than if all nodes were kept, and the page is a third smaller.
const (
	levelsPerPage = 4
	// depthMax is the depth of a slot below all pages, in pages.
	depthMax = 256 / levelsPerPage
	// PageBytesMax is the size of the largest page: a full top quad of subtrees
	// and sixteen leaves below them.
	PageBytesMax = 1 + 4*(32+1) + 16*64
)

// ErrPages says that the pages of a store are not those of the tree that was
// asked for: one is missing, broken or of another version.
var ErrPages = errors.New("chain: state pages do not hold the tree")

// PageID names a page by its place in the tree: the first Depth hexadecimal
// digits of the key hashes below it. Depth is at most 63. The digits of Prefix
// behind these are zero, so that equal places have equal names.
type PageID struct {
	Depth  uint8
	Prefix [32]byte
}

// PageIDBytesMax is the size of the longest name that PageID.Append appends.
const PageIDBytesMax = 1 + 32

// Append appends the name as a store's key: the depth, then the digits, two a
// byte. Pages near the root, which every block needs, so lie side by side.
func (id PageID) Append(b []byte) []byte {
	return append(append(b, id.Depth), id.Prefix[:(id.Depth+1)/2]...)
}

// ParsePageID is the inverse of Append.
func ParsePageID(b []byte) (PageID, error) {
	var id PageID
	if len(b) == 0 || b[0] >= depthMax || len(b) != 1+int(b[0]+1)/2 {
		return PageID{}, fmt.Errorf("%w: %x names no page", ErrPages, b)
	}
	id.Depth = b[0]
	copy(id.Prefix[:], b[1:])
	if id != pageAt(int(id.Depth), &id.Prefix) {
		return PageID{}, fmt.Errorf("%w: %x names no page", ErrPages, b)
	}
	return id, nil
}

// String returns the digits, for messages.
func (id PageID) String() string {
	return "/" + hex.EncodeToString(id.Prefix[:])[:min(id.Depth, depthMax)]
}

// pageAt names the page of a depth, in pages, on the way to a key hash.
func pageAt(depth int, hash *[32]byte) PageID {
	id := PageID{Depth: uint8(depth)}
	copy(id.Prefix[:], hash[:(depth+1)/2])
	if depth%2 == 1 {
		id.Prefix[depth/2] &= 0xf0
	}
	return id
}

// digit returns the hexadecimal digit of hash that chooses a slot in a page of
// the given depth.
func digit(hash *[32]byte, depth int) int {
	if depth%2 == 0 {
		return int(hash[depth/2] >> 4)
	}
	return int(hash[depth/2] & 15)
}

// Pages gives read access to the pages of one version of the tree. The writes of
// an Update lead to the next version, all of them or none, together with the new
// root.
type Pages interface {
	// Page returns the bytes of a page, which the caller does not change or
	// keep, and whether there is one.
	Page(id PageID) ([]byte, bool)
}

// PageWrite is a page that is new or changed, or, with Data nil, one to delete.
type PageWrite struct {
	ID   PageID
	Data []byte
}

// MemPages is a page store in memory, for simulations, tests and trees that are
// built once. It is not safe for concurrent use while it changes.
type MemPages map[PageID][]byte

// Page implements Pages.
func (m MemPages) Page(id PageID) ([]byte, bool) {
	data, ok := m[id]
	return data, ok
}

// Apply makes the writes of an Update.
func (m MemPages) Apply(writes []PageWrite) {
	for _, w := range writes {
		if w.Data == nil {
			delete(m, w.ID)
		} else {
			m[w.ID] = w.Data
		}
	}
}

// What a slot holds; the two bits that stand for it in a page.
const (
	slotEmpty = 0
	slotLeaf  = 1 // a is the hash of the key, b that of the value
	slotNode  = 2 // a is the hash of the subtree
)

type slot struct {
	kind uint8
	a, b [32]byte
}

// hash returns the slot's hash as the tree defines it.
func (s *slot) hash() [32]byte {
	switch s.kind {
	case slotLeaf:
		return hashPair(prefixLeaf, &s.a, &s.b)
	case slotNode:
		return s.a
	}
	return [32]byte{}
}

// quad is two levels of the tree.
type quad [4]slot

// join returns the parent of two slots: one of them, or a node that it puts into
// space. This is the rule that makes the tree compact: a lone leaf rises, so it
// lies at the shortest prefix of its hash that no other leaf shares.
func join(l, r, space *slot) *slot {
	switch {
	case r.kind == slotEmpty && l.kind != slotNode:
		return l
	case l.kind == slotEmpty && r.kind != slotNode:
		return r
	}
	lh, rh := l.hash(), r.hash()
	space.kind, space.a = slotNode, hashPair(prefixInner, &lh, &rh)
	return space
}

// inner is the space for the inner nodes of a quad.
type inner [3]slot

// fold returns what the whole quad amounts to: a slot of it, or a node that it
// puts into space.
func (q *quad) fold(space *inner) *slot {
	return join(join(&q[0], &q[1], &space[0]), join(&q[2], &q[3], &space[1]), &space[2])
}

// clear empties the quad.
func (q *quad) clear() {
	for i := range q {
		q[i].kind = slotEmpty
	}
}

// page is a page in decoded form. The quads below the top stay encoded until
// they are needed: most updates touch one of them.
type page struct {
	top quad
	// raw[i] is the encoding of the quad for which slot i of the top stands, if
	// that is a subtree; it aliases the page's bytes. Once opened, the quad is
	// in sub[i] and raw[i] is nil.
	raw [4][]byte
	sub [4]quad
}

// open returns the quad for which slot i of the top, a subtree, stands.
func (p *page) open(i int) *quad {
	if p.raw[i] != nil {
		p.sub[i].read(p.raw[i])
		p.raw[i] = nil
	}
	return &p.sub[i]
}

// quadBytes holds the encoded size of a quad by the kinds of its slots, or 0
// where these are not those of a subtree: a quad below another one holds two
// leaves or more.
var quadBytes = func() (sizes [256]uint16) {
	for kinds := range sizes {
		var count [4]uint16
		for i := 0; i < 8; i += 2 {
			count[kinds>>i&3]++
		}
		leaves, nodes, unlisted := count[slotLeaf], count[slotNode], count[3]
		if unlisted == 0 && (nodes > 0 || leaves > 1) {
			sizes[kinds] = 1 + 64*leaves + 32*nodes
		}
	}
	return sizes
}()

// size returns the bytes of the encoding.
func (q *quad) size() int {
	n := 1
	for i := range q {
		switch q[i].kind {
		case slotLeaf:
			n += 64
		case slotNode:
			n += 32
		}
	}
	return n
}

// append appends the encoding: the kinds of the slots, two bits each, the first
// in the lowest, then for each slot in turn a leaf's two hashes or a subtree's.
func (q *quad) append(b []byte) []byte {
	b = append(b, q[0].kind|q[1].kind<<2|q[2].kind<<4|q[3].kind<<6)
	for i := range q {
		switch q[i].kind {
		case slotLeaf:
			b = append(append(b, q[i].a[:]...), q[i].b[:]...)
		case slotNode:
			b = append(b, q[i].a[:]...)
		}
	}
	return b
}

// read is the inverse of append; b is as long as its first byte says.
func (q *quad) read(b []byte) {
	kinds := b[0]
	b = b[1:]
	for i := range q {
		switch q[i].kind = kinds >> (2 * i) & 3; q[i].kind {
		case slotLeaf:
			q[i].a, q[i].b = [32]byte(b), [32]byte(b[32:])
			b = b[64:]
		case slotNode:
			q[i].a = [32]byte(b)
			b = b[32:]
		}
	}
}

// encode returns the page's one encoding: the top quad, then those below it.
func (p *page) encode() []byte {
	size := p.top.size()
	for i := range p.top {
		if p.top[i].kind == slotNode && p.raw[i] == nil {
			size += p.sub[i].size()
		} else if p.top[i].kind == slotNode {
			size += len(p.raw[i])
		}
	}
	b := p.top.append(make([]byte, 0, size))
	for i := range p.top {
		if p.top[i].kind == slotNode && p.raw[i] == nil {
			b = p.sub[i].append(b)
		} else if p.top[i].kind == slotNode {
			b = append(b, p.raw[i]...)
		}
	}
	return b
}

// decode reads the encoding of a page at a depth, which it goes on to alias, and
// reports whether it was one. It checks the form; check tells whether the hashes
// are right too.
func (p *page) decode(b []byte, depth int) bool {
	if len(b) == 0 {
		return false
	}
	size := int(quadBytes[b[0]])
	if depth == 0 && lone(b[0]) {
		size = 65 // only the root page may hold a single leaf
	}
	if size == 0 || size > len(b) {
		return false
	}
	p.top.read(b[:size])
	b = b[size:]
	for i := range p.top {
		p.raw[i] = nil
		if p.top[i].kind != slotNode {
			continue
		}
		if len(b) == 0 {
			return false
		}
		size := int(quadBytes[b[0]])
		if size == 0 || size > len(b) {
			return false
		}
		p.raw[i], b = b[:size], b[size:]
	}
	return len(b) == 0
}

// lone reports whether the kinds of a quad's slots are those of a single leaf.
func lone(kinds byte) bool {
	return kinds == slotLeaf || kinds == slotLeaf<<2 || kinds == slotLeaf<<4 || kinds == slotLeaf<<6
}

// check reports whether the page is what belongs at id with the given subtree
// hash: every leaf under its own prefix and every hash that of what is below.
func (p *page) check(id PageID, hash *[32]byte) bool {
	var space inner
	for i := range p.top {
		if !p.top[i].belongs(id, i, 2) {
			return false
		}
		if p.top[i].kind != slotNode {
			continue
		}
		sub := p.open(i)
		if sub.fold(&space).hash() != p.top[i].a {
			return false
		}
		for j := range sub {
			if !sub[j].belongs(id, 4*i+j, 0) || int(id.Depth) == depthMax-1 && sub[j].kind == slotNode {
				return false
			}
		}
	}
	return p.top.fold(&space).hash() == *hash
}

// belongs reports whether a leaf may lie in the slot of number at, counted at
// the bottom of the page after dropping the given bits.
func (s *slot) belongs(id PageID, at, dropped int) bool {
	return s.kind != slotLeaf ||
		pageAt(int(id.Depth), &s.a) == id && digit(&s.a, int(id.Depth))>>dropped == at
}

// CheckPage reports, as an error that wraps ErrPages, whether data is not the
// canonical page at id whose subtree has the given hash. A store calls it for
// what it loads from a disk or a peer; Update and ProveKey trust what Pages
// gives them, except that they compare the root.
func CheckPage(id PageID, hash [32]byte, data []byte) error {
	var p page
	if id.Depth >= depthMax || !p.decode(data, int(id.Depth)) || !p.check(id, &hash) {
		return fmt.Errorf("%w: page %v is not the one with hash %x", ErrPages, id, hash)
	}
	return nil
}

// hashKey returns the place of a key in the tree.
func hashKey(key []byte) [32]byte { return sha256.Sum256(key) }
