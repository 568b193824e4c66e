package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sync"
	"testing"
)

var seedFlag = flag.Int64("seed", 0, "replay the random tests with this seed")

// newRand returns a random source whose seed is in the log of a failed test.
func newRand(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Int63()
	}
	t.Logf("replay with -seed=%d", seed)
	return rand.New(rand.NewSource(seed))
}

// referenceState is the definition of rules 3.15 over the hashes of keys
// and values, word for word.
func referenceState(leaves map[[32]byte][32]byte, depth int) [32]byte {
	if len(leaves) == 0 {
		return [32]byte{}
	}
	if len(leaves) == 1 {
		for k, v := range leaves {
			return sha256.Sum256(append(append([]byte{0}, k[:]...), v[:]...))
		}
	}
	halves := [2]map[[32]byte][32]byte{{}, {}}
	for k, v := range leaves {
		halves[k[depth/8]>>(7-depth%8)&1][k] = v
	}
	l, r := referenceState(halves[0], depth+1), referenceState(halves[1], depth+1)
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func referenceRootOf(content map[string]string) [32]byte {
	leaves := map[[32]byte][32]byte{}
	for k, v := range content {
		leaves[sha256.Sum256([]byte(k))] = sha256.Sum256([]byte(v))
	}
	return referenceState(leaves, 0)
}

// testState is a tree beside the content that it should hold.
type testState struct {
	t       testing.TB
	pages   MemPages
	root    [32]byte
	content map[string]string
}

func newTestState(t testing.TB) *testState {
	return &testState{t: t, pages: MemPages{}, content: map[string]string{}}
}

// update applies changes; an empty value deletes.
func (s *testState) update(changes map[string]string) {
	s.t.Helper()
	var list []Change
	for k, v := range changes {
		list = append(list, Change{[]byte(k), []byte(v)})
		if v == "" {
			delete(s.content, k)
		} else {
			s.content[k] = v
		}
	}
	root, writes, err := Update(s.pages, s.root, list)
	if err != nil {
		s.t.Fatal(err)
	}
	s.pages.Apply(writes)
	s.root = root
}

// check compares the root with the definition and the pages with each other.
func (s *testState) check() {
	s.t.Helper()
	if want := referenceRootOf(s.content); s.root != want {
		s.t.Fatalf("root of %d keys = %x, want %x", len(s.content), s.root, want)
	}
	leaves, last := 0, [32]byte{}
	err := Walk(s.pages, s.root, func(key, value [32]byte) error {
		if leaves > 0 && bytes.Compare(last[:], key[:]) >= 0 {
			return errors.New("leaves out of order")
		}
		leaves, last = leaves+1, key
		return nil
	})
	if err != nil || leaves != len(s.content) {
		s.t.Fatalf("walk over %d keys: %d leaves, %v", len(s.content), leaves, err)
	}
}

func testKey(i int) string { return fmt.Sprintf("key %d", i) }

func TestStateRootIsThatOfTheDefinition(t *testing.T) {
	rnd := newRand(t)
	for range 30 {
		s := newTestState(t)
		space := 1 << (1 + rnd.Intn(9))
		for range 12 {
			changes := map[string]string{}
			for range rnd.Intn(1 + rnd.Intn(space)) {
				value := ""
				if rnd.Intn(3) > 0 {
					value = fmt.Sprint("value ", rnd.Intn(4))
				}
				changes[testKey(rnd.Intn(space))] = value
			}
			s.update(changes)
			s.check()
		}
	}
}

// Enough keys for five levels of pages, and their removal.
func TestStateRootOfManyKeys(t *testing.T) {
	rnd := newRand(t)
	s := newTestState(t)
	for round := range 6 {
		changes := map[string]string{}
		for range 8000 {
			value := fmt.Sprint(rnd.Int())
			if rnd.Intn(6) < round {
				value = ""
			}
			changes[testKey(rnd.Intn(25_000))] = value
		}
		s.update(changes)
		s.check()
	}
	depth := 0
	for id := range s.pages {
		depth = max(depth, int(id.Depth)+1)
	}
	if depth < 5 {
		t.Errorf("only %d levels of pages", depth)
	}
}

// The same content has the same root and the same pages, whatever came before.
func TestStateDependsOnItsContentAlone(t *testing.T) {
	rnd := newRand(t)
	for range 20 {
		content := map[string]string{}
		for range 1 + rnd.Intn(300) {
			content[testKey(rnd.Intn(1000))] = fmt.Sprint(rnd.Int())
		}
		atOnce := newTestState(t)
		atOnce.update(content)

		winding := newTestState(t)
		for k, v := range content {
			winding.update(map[string]string{k: "first " + v, testKey(1000 + rnd.Intn(500)): "passing"})
		}
		undo := maps.Clone(content)
		for k := range winding.content {
			if _, stays := content[k]; !stays {
				undo[k] = ""
			}
		}
		winding.update(undo)
		if winding.root != atOnce.root || !maps.EqualFunc(winding.pages, atOnce.pages, bytes.Equal) {
			t.Fatalf("%d keys: roots %x and %x, %d and %d pages", len(content), winding.root, atOnce.root,
				len(winding.pages), len(atOnce.pages))
		}
		for k := range undo {
			undo[k] = ""
		}
		winding.update(undo)
		if winding.root != ([32]byte{}) || len(winding.pages) != 0 {
			t.Fatalf("an emptied tree has root %x and %d pages", winding.root, len(winding.pages))
		}
	}
}

func TestStateOfNoneOneAndTwo(t *testing.T) {
	s := newTestState(t)
	s.update(map[string]string{"absent": ""})
	if s.root != ([32]byte{}) || len(s.pages) != 0 {
		t.Fatalf("no keys: root %x, %d pages", s.root, len(s.pages))
	}
	s.update(map[string]string{"a": "1"})
	k, v := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("1"))
	if want := sha256.Sum256(append(append([]byte{0}, k[:]...), v[:]...)); s.root != want {
		t.Fatalf("one key: root %x, want its leaf %x", s.root, want)
	}
	one := s.root
	s.update(map[string]string{"b": "2"})
	s.check()
	s.update(map[string]string{"b": ""})
	if s.root != one {
		t.Fatalf("back to one key: root %x, want %x", s.root, one)
	}
}

// searchPrefix returns n keys whose hashes share their first bits.
func searchPrefix(n, shared int) []string {
	groups := map[uint64][]string{}
	for i := 0; ; i++ {
		key := testKey(i)
		hash := sha256.Sum256([]byte(key))
		front := binary.BigEndian.Uint64(hash[:8]) >> (64 - shared)
		if groups[front] = append(groups[front], key); len(groups[front]) == n {
			return groups[front]
		}
	}
}

// Two keys with a long common prefix make a chain of nodes with an empty side,
// over several pages, which goes as a whole when one of them does.
func TestStateOfACommonPrefix(t *testing.T) {
	keys := searchPrefix(2, 27)
	s := newTestState(t)
	s.update(map[string]string{keys[0]: "1"})
	one := len(s.pages)
	s.update(map[string]string{keys[1]: "2"})
	s.check()
	if len(s.pages) < 7 {
		t.Errorf("27 common bits, but only %d pages", len(s.pages))
	}
	for _, key := range keys {
		s.proveAll(key)
	}
	s.update(map[string]string{keys[0]: "", testKey(-1): ""})
	s.check()
	if len(s.pages) != one {
		t.Errorf("%d pages are left, want %d", len(s.pages), one)
	}
}

// proveAll proves what the state holds for key, and that nothing else can be
// shown about it with the same proof.
func (s *testState) proveAll(key string) *StateProof {
	s.t.Helper()
	proof, err := ProveKey(s.pages, s.root, []byte(key))
	if err != nil {
		s.t.Fatal(err)
	}
	value := s.content[key]
	if err := VerifyState(s.root, []byte(key), []byte(value), proof); err != nil {
		s.t.Fatalf("%q = %q: %v", key, value, err)
	}
	for _, other := range []string{"", "something else", value + "."} {
		if other != value && VerifyState(s.root, []byte(key), []byte(other), proof) == nil {
			s.t.Fatalf("%q = %q verifies as %q", key, value, other)
		}
	}
	encoded := proof.Append(nil)
	back, err := DecodeStateProof(encoded)
	if err != nil || !bytes.Equal(back.Append(nil), encoded) || len(encoded) > StateProofBytesMax {
		s.t.Fatalf("the proof of %q does not survive its codec: %v", key, err)
	}
	return proof
}

func TestStateProofsOfPresentAndAbsentKeys(t *testing.T) {
	rnd := newRand(t)
	for _, size := range []int{0, 1, 2, 3, 10, 100, 2000} {
		s := newTestState(t)
		changes := map[string]string{}
		for i := range size {
			changes[testKey(i)] = fmt.Sprint(rnd.Int())
		}
		s.update(changes)
		ends := map[ProofEnd]int{}
		for i := range 2*size + 2 {
			ends[s.proveAll(testKey(i)).End]++
		}
		if ends[EndLeaf] != size || size > 10 && (ends[EndEmpty] == 0 || ends[EndOther] == 0) {
			t.Errorf("%d keys: ends %v", size, ends)
		}
	}
}

// A proof that was changed anywhere shows nothing: neither the same nor the
// opposite, neither for its key nor for another.
func TestAChangedStateProofNeverVerifies(t *testing.T) {
	rnd := newRand(t)
	s := newTestState(t)
	changes := map[string]string{}
	for i := range 300 {
		changes[testKey(i)] = fmt.Sprint(rnd.Int())
	}
	s.update(changes)
	for i := range 600 {
		key := testKey(i)
		encoded := s.proveAll(key).Append(nil)
		for range 40 {
			bad := bytes.Clone(encoded)
			switch rnd.Intn(4) {
			case 0:
				bad[rnd.Intn(len(bad))] ^= 1 << rnd.Intn(8)
			case 1:
				bad[0] = byte(rnd.Intn(4))
			case 2:
				at := rnd.Intn(len(bad))
				bad = append(bad[:at:at], bad[min(at+32, len(bad)):]...)
			case 3:
				at := rnd.Intn(len(bad))
				bad = append(bad[:at:at], append(make([]byte, 32), bad[at:]...)...)
			}
			proof, err := DecodeStateProof(bad)
			if bytes.Equal(bad, encoded) || err != nil {
				continue
			}
			for _, value := range []string{"", s.content[key], "x"} {
				if VerifyState(s.root, []byte(key), []byte(value), proof) == nil {
					t.Fatalf("%q: changed proof %x verifies as %q", key, bad, value)
				}
			}
		}
	}
}

// A true proof of one key, offered for another, must not show that the other is
// absent when it is present.
func TestAProofOfAnotherKeyShowsNoAbsence(t *testing.T) {
	s := newTestState(t)
	changes := map[string]string{}
	for i := range 64 {
		changes[testKey(i)] = "v"
	}
	s.update(changes)
	for i := range 200 {
		proof := s.proveAll(testKey(i))
		for j := range 64 {
			if VerifyState(s.root, []byte(testKey(j)), nil, proof) == nil {
				t.Fatalf("the proof of key %d shows key %d as absent", i, j)
			}
		}
	}
}

// Roots that no honest member makes: the hashes of a proof fit, but a leaf lies
// where its key does not lead, or deeper than the compact tree has it.
func TestAProofMustFitTheFormOfTheTree(t *testing.T) {
	key, other := "", ""
	for i := 0; key == "" || other == ""; i++ {
		if hash := hashKey([]byte(testKey(i))); hash[0] < 0x80 {
			key = testKey(i)
		} else {
			other = testKey(i)
		}
	}
	hash, value := hashKey([]byte(key)), hashKey([]byte("v"))
	otherHash := hashKey([]byte(other))
	leaf, otherLeaf := hashPair(prefixLeaf, &hash, &value), hashPair(prefixLeaf, &otherHash, &value)
	misplaced := hashPair(prefixInner, &otherLeaf, &leaf)
	deep := hashPair(prefixInner, &leaf, new([32]byte))
	for _, c := range []struct {
		name  string
		root  [32]byte
		value string
		proof StateProof
	}{
		{"absent, because of a leaf elsewhere", misplaced, "", StateProof{End: EndOther, OtherKey: otherHash,
			OtherValue: value, Siblings: [][32]byte{leaf}}},
		{"present, too deep", deep, "v", StateProof{End: EndLeaf, Siblings: [][32]byte{{}}}},
		{"present, with a leaf in the way", leaf, "v", StateProof{End: EndLeaf, OtherKey: otherHash}},
		{"absent, with a leaf in the way of nothing", [32]byte{}, "", StateProof{End: EndEmpty, OtherValue: value}},
		{"too long a way", leaf, "v", StateProof{End: EndLeaf, Siblings: make([][32]byte, SiblingsMax+1)}},
		{"an unknown end", leaf, "v", StateProof{End: EndOther + 1}},
	} {
		if err := VerifyState(c.root, []byte(key), []byte(c.value), &c.proof); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A page whose hashes fit, but whose leaves lie where their keys do not lead.
func TestAPageWithLeavesAtAWrongPlaceIsRefused(t *testing.T) {
	leaf := func(front byte) slot { return slot{kind: slotLeaf, a: [32]byte{front}, b: [32]byte{1}} }
	build := func(change func(p *page)) ([32]byte, []byte) {
		var p page
		p.sub[1] = quad{leaf(0x40), leaf(0x50), {}, leaf(0x70)}
		p.top[0], p.top[3] = leaf(0x30), leaf(0xd0)
		change(&p)
		p.top[1] = *p.sub[1].fold(new(inner))
		return p.top.fold(new(inner)).hash(), p.encode()
	}
	for name, c := range map[string]struct {
		change func(p *page)
		ok     bool
	}{
		"as it should be":             {func(p *page) {}, true},
		"leaves of the top exchanged": {func(p *page) { p.top[0], p.top[3] = p.top[3], p.top[0] }, false},
		"leaves of a lower quad exchanged": {func(p *page) {
			p.sub[1][0], p.sub[1][1] = p.sub[1][1], p.sub[1][0]
		}, false},
		"a leaf of another quad in a lower": {func(p *page) { p.sub[1][0] = leaf(0x80) }, false},
	} {
		hash, data := build(c.change)
		if err := CheckPage(PageID{}, hash, data); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err := CheckPage(PageID{Depth: 1}, hash, data); err == nil {
			t.Errorf("%s: accepted under another name", name)
		}
	}
	bottom := page{top: quad{{kind: slotNode}}}
	bottom.sub[0] = quad{{kind: slotNode}}
	bottom.top[0] = *bottom.sub[0].fold(new(inner))
	id := PageID{Depth: depthMax - 1}
	if CheckPage(id, bottom.top.fold(new(inner)).hash(), bottom.encode()) == nil {
		t.Error("a subtree below all bits of a key hash is accepted")
	}
}

func TestAChangeGivenTwiceIsRefused(t *testing.T) {
	_, _, err := Update(MemPages{}, [32]byte{}, []Change{{[]byte("a"), []byte("1")}, {[]byte("a"), nil}})
	if err == nil {
		t.Fatal("accepted")
	}
}

func TestPagesOfAnotherTreeAreNoticed(t *testing.T) {
	s := newTestState(t)
	changes := map[string]string{}
	for i := range 500 {
		changes[testKey(i)] = "v"
	}
	s.update(changes)
	other := s.root
	other[5] ^= 1
	one := []Change{{[]byte("a"), []byte("1")}}
	if _, _, err := Update(s.pages, other, one); !errors.Is(err, ErrPages) {
		t.Errorf("update under another root: %v", err)
	}
	if _, err := ProveKey(s.pages, other, []byte("a")); !errors.Is(err, ErrPages) {
		t.Errorf("proof under another root: %v", err)
	}
	if _, _, err := Update(MemPages{}, s.root, one); !errors.Is(err, ErrPages) {
		t.Errorf("update without pages: %v", err)
	}
	if err := Walk(s.pages, [32]byte{}, nil); !errors.Is(err, ErrPages) {
		t.Errorf("walk over an empty tree with pages: %v", err)
	}
	for id, data := range s.pages {
		for _, bad := range [][]byte{nil, {}, {0xff}, {0}, data[:len(data)-1], append(bytes.Clone(data), 0)} {
			damaged := maps.Clone(s.pages)
			if damaged[id] = bad; bad == nil {
				delete(damaged, id)
			}
			if err := Walk(damaged, s.root, func(_, _ [32]byte) error { return nil }); !errors.Is(err, ErrPages) {
				t.Fatalf("walk with page %v damaged: %v", id, err)
			}
			if _, _, err := Update(damaged, s.root, toChanges(changes, "w")); !errors.Is(err, ErrPages) {
				t.Fatalf("update with page %v damaged: %v", id, err)
			}
		}
		flipped := bytes.Clone(data)
		flipped[len(data)/2] ^= 4
		damaged := maps.Clone(s.pages)
		damaged[id] = flipped
		if err := Walk(damaged, s.root, func(_, _ [32]byte) error { return nil }); !errors.Is(err, ErrPages) {
			t.Fatalf("walk with a bit of page %v changed: %v", id, err)
		}
	}
}

func toChanges(keys map[string]string, value string) []Change {
	var list []Change
	for k := range keys {
		list = append(list, Change{[]byte(k), []byte(value)})
	}
	return list
}

func TestPageNames(t *testing.T) {
	hash := sha256.Sum256([]byte("a"))
	seen := map[string]bool{}
	for depth := range depthMax {
		id := pageAt(depth, &hash)
		b := id.Append(nil)
		back, err := ParsePageID(b)
		if err != nil || back != id || len(b) > PageIDBytesMax || seen[string(b)] {
			t.Fatalf("page %v is named %x, which is %v, %v", id, b, back, err)
		}
		seen[string(b)] = true
	}
	for _, bad := range [][]byte{nil, {1}, {0, 0}, {1, 0x0f}, {3, 1, 0x23}, append([]byte{64}, hash[:]...)} {
		if _, err := ParsePageID(bad); err == nil {
			t.Errorf("%x names a page", bad)
		}
	}
}

// However the work is spread, the result is the same, pages and their order
// included.
func TestSpreadingTheWorkChangesNothing(t *testing.T) {
	rnd := newRand(t)
	s := newTestState(t)
	for round := range 12 {
		changes := map[string]string{}
		for range 1 + rnd.Intn(400) {
			value := fmt.Sprint(rnd.Intn(3))
			if round > 6 || rnd.Intn(3) == 0 {
				value = ""
			}
			changes[testKey(rnd.Intn(500))] = value
		}
		var list []Change
		for k, v := range changes {
			list = append(list, Change{[]byte(k), []byte(v)})
		}
		root, writes, err := Update(s.pages, s.root, list)
		if err != nil {
			t.Fatal(err)
		}
		for name, spread := range map[string]Spread{"backwards": backwards, "at once": atOnce} {
			otherRoot, otherWrites, err := UpdateSpread(spread, s.pages, s.root, list)
			if err != nil || otherRoot != root || !slices.EqualFunc(writes, otherWrites, func(a, b PageWrite) bool {
				return a.ID == b.ID && bytes.Equal(a.Data, b.Data)
			}) {
				t.Fatalf("spread %s: root %x, not %x, %d writes, not %d, %v", name, otherRoot, root,
					len(otherWrites), len(writes), err)
			}
		}
		s.update(changes)
		s.check()
	}
}

func backwards(n int, do func(i int)) {
	for i := n - 1; i >= 0; i-- {
		do(i)
	}
}

func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// A page of a block in the middle of an update must not be changed in place:
// readers of the parent state still use it.
func TestUpdateLeavesThePagesAlone(t *testing.T) {
	rnd := newRand(t)
	s := newTestState(t)
	changes := map[string]string{}
	for i := range 400 {
		changes[testKey(i)] = "v"
	}
	s.update(changes)
	before := map[PageID][]byte{}
	for id, data := range s.pages {
		before[id] = bytes.Clone(data)
	}
	for range 20 {
		if _, _, err := Update(s.pages, s.root, []Change{{[]byte(testKey(rnd.Intn(800))), []byte("w")}}); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.EqualFunc(before, s.pages, bytes.Equal) {
		t.Fatal("an update changed the pages it read")
	}
}

func TestAnUpdateWithoutEffectWritesNothing(t *testing.T) {
	s := newTestState(t)
	changes := map[string]string{}
	for i := range 100 {
		changes[testKey(i)] = "v"
	}
	s.update(changes)
	root, writes, err := Update(s.pages, s.root, append(toChanges(changes, "v"), Change{Key: []byte("absent")}))
	if err != nil || root != s.root || len(writes) != 0 {
		t.Fatalf("root %x of %x, %d writes, %v", root, s.root, len(writes), err)
	}
}

func FuzzDecodeStateProof(f *testing.F) {
	s := newTestState(f)
	s.update(map[string]string{testKey(1): "1", testKey(2): "2", testKey(3): "3", testKey(4): "4"})
	for i := range 8 {
		f.Add(s.proveAll(testKey(i)).Append(nil), testKey(i), s.content[testKey(i)])
	}
	f.Fuzz(func(t *testing.T, in []byte, key, value string) {
		proof, err := DecodeStateProof(in)
		if err != nil {
			return
		}
		if !bytes.Equal(proof.Append(nil), in) {
			t.Fatalf("%x decodes and encodes to %x", in, proof.Append(nil))
		}
		if VerifyState(s.root, []byte(key), []byte(value), proof) == nil && s.content[key] != value {
			t.Fatalf("%q = %q was proved", key, value)
		}
	})
}

func FuzzPage(f *testing.F) {
	s := newTestState(f)
	changes := map[string]string{}
	for i := range 60 {
		changes[testKey(i)] = "v"
	}
	s.update(changes)
	for id, data := range s.pages {
		f.Add(data, id.Append(nil))
	}
	f.Fuzz(func(t *testing.T, in, name []byte) {
		var p page
		id, err := ParsePageID(name)
		if p.decode(in, int(id.Depth)) && !bytes.Equal(p.encode(), in) {
			t.Fatalf("%x decodes and encodes to %x", in, p.encode())
		}
		if err != nil {
			return
		}
		if !bytes.Equal(id.Append(nil), name) {
			t.Fatalf("%x names %v", name, id)
		}
		_ = CheckPage(id, s.root, in)
		// A store full of the same bytes may fail, but not in another way.
		pages := samePage(in)
		var space inner
		sum := p.top.fold(&space).hash()
		_, _, _ = Update(pages, sum, []Change{{name, in}, {append(name, 1), nil}})
		_, _ = ProveKey(pages, sum, name)
	})
}

// samePage is a broken store that has the same bytes everywhere.
type samePage []byte

func (p samePage) Page(PageID) ([]byte, bool) { return p, true }

func BenchmarkUpdate(b *testing.B) {
	for _, size := range []int{100_000, 1_000_000} {
		pages, root := benchState(b, size)
		for _, c := range []struct {
			count  int
			spread Spread
			name   string
		}{{10, inTurn, ""}, {1000, inTurn, ""}, {1000, atOnce, " at once"}} {
			count := c.count
			b.Run(fmt.Sprintf("%d of %d keys%s", count, size, c.name), func(b *testing.B) {
				rnd := rand.New(rand.NewSource(2))
				blocks := make([][]Change, 32)
				for i := range blocks {
					blocks[i] = benchChanges(rnd, size, count)
				}
				b.ReportAllocs()
				written, bytesWritten := 0, 0
				for i := 0; b.Loop(); i++ {
					_, writes, err := UpdateSpread(c.spread, pages, root, blocks[i%len(blocks)])
					if err != nil {
						b.Fatal(err)
					}
					written += len(writes)
					for _, w := range writes {
						bytesWritten += len(w.Data)
					}
				}
				b.ReportMetric(float64(written)/float64(b.N), "pages/op")
				b.ReportMetric(float64(bytesWritten)/float64(b.N), "written-B/op")
			})
		}
		b.Run(fmt.Sprintf("prove one of %d keys", size), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := ProveKey(pages, root, benchKey(i%size)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchKey(i int) []byte { return binary.BigEndian.AppendUint64([]byte{8}, uint64(i)) }

func benchState(b *testing.B, size int) (MemPages, [32]byte) {
	changes := make([]Change, size)
	for i := range changes {
		changes[i] = Change{benchKey(i), make([]byte, 66)}
		binary.BigEndian.PutUint64(changes[i].Value, uint64(i))
	}
	root, writes, err := Update(MemPages{}, [32]byte{}, changes)
	if err != nil {
		b.Fatal(err)
	}
	pages := make(MemPages, len(writes))
	pages.Apply(writes)
	return pages, root
}

// benchChanges is half new keys and half changed ones, as coupons that are
// claimed and redeemed.
func benchChanges(rnd *rand.Rand, size, count int) []Change {
	changes := make([]Change, 0, count)
	for i := range count {
		key := benchKey(size + rnd.Intn(1<<40))
		if i%2 == 0 {
			key = benchKey(rnd.Intn(size/count) + i*(size/count))
		}
		changes = append(changes, Change{key, []byte(fmt.Sprintf("%066d", rnd.Int()))})
	}
	return changes
}
