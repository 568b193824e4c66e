package chain

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft/wire"
)

// cut is a state in pieces.
type cut struct {
	slots  *Slots
	chunks [][]byte
}

// cutState cuts a content at a depth, and compares the slots with the tree.
func cutState(t testing.TB, content map[string]string, depth int) *cut {
	t.Helper()
	x := &cut{NewSlots(depth), make([][]byte, SnapshotChunks(depth))}
	rows := make([][]Row, SnapshotChunks(depth))
	for k, v := range content {
		n := ChunkOf(depth, []byte(k))
		rows[n] = append(rows[n], Row{[]byte(k), []byte(v)})
	}
	for n := range rows {
		if err := x.slots.Set(n, rows[n]); err != nil {
			t.Fatal(err)
		}
		x.chunks[n] = EncodeChunk(rows[n])
	}
	if want := referenceRootOf(content); x.slots.Root() != want {
		t.Fatalf("%d rows at depth %d amount to %x, the tree to %x", len(content), depth, x.slots.Root(), want)
	}
	return x
}

func randomContent(rnd *rand.Rand, most int) map[string]string {
	content := map[string]string{}
	for range rnd.Intn(most + 1) {
		content[testKey(rnd.Intn(2*most+1))] = fmt.Sprint("value ", rnd.Int63())
	}
	return content
}

// The slots of any state amount to its root at every depth, also where leaves rise through
// slots that are empty, and every chunk gives its rows back.
func TestAStateInPiecesIsTheState(t *testing.T) {
	rnd := newRand(t)
	for round := range 60 {
		content := randomContent(rnd, []int{0, 1, 2, 3, 40, 700}[round%6])
		for depth := range 4 {
			x := cutState(t, content, depth)
			got := map[string]string{}
			for n, chunk := range x.chunks {
				rows, err := x.slots.CheckChunk(n, chunk)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					got[string(r.Key)] = string(r.Value)
				}
			}
			if !maps.Equal(got, content) {
				t.Fatalf("depth %d: %d rows of %d", depth, len(got), len(content))
			}
		}
	}
	cutState(t, randomContent(rnd, 500), SnapshotDepthMax)
}

// decodedRows splits a chunk that is good.
func decodedRows(chunk []byte) (rows []Row) {
	for r := wire.NewReader(chunk); r.Remaining() > 0; {
		rows = append(rows, Row{r.Bytes(RowKeyBytesMax), r.Bytes(len(chunk))})
	}
	return rows
}

func encodedRows(rows ...Row) (b []byte) {
	for _, r := range rows {
		b = AppendRow(b, r)
	}
	return b
}

// Whatever a peer does to a chunk, its slot finds it.
func TestNoChunkCanLie(t *testing.T) {
	rnd := newRand(t)
	content := map[string]string{}
	for i := range 64 {
		content[testKey(i)] = fmt.Sprint(rnd.Int63())
	}
	x := cutState(t, content, 1)
	for n, chunk := range x.chunks {
		rows := decodedRows(chunk)
		if len(rows) < 2 {
			continue
		}
		own := func(i int) Row { // another key of this chunk
			for ; ; i++ {
				if k := []byte(fmt.Sprint("forged ", i)); ChunkOf(1, k) == n {
					return Row{k, []byte("x")}
				}
			}
		}
		turned := slices.Clone(rows)
		slices.Reverse(turned)
		long := Row{bytes.Repeat([]byte{1}, RowKeyBytesMax+1), []byte("x")}
		for what, lie := range map[string][]byte{
			"a row more":       EncodeChunk(append(slices.Clone(rows), own(0))),
			"a row less":       encodedRows(rows[1:]...),
			"none":             {},
			"turned":           encodedRows(turned...),
			"a row twice":      encodedRows(append([]Row{rows[0]}, rows...)...),
			"another's chunk":  x.chunks[(n+1)%len(x.chunks)],
			"a row of another": EncodeChunk(append(slices.Clone(rows), decodedRows(x.chunks[(n+1)%len(x.chunks)])...)),
			"an empty value":   encodedRows(append([]Row{{rows[0].Key, nil}}, rows[1:]...)...),
			"a long key":       encodedRows(append(slices.Clone(rows), long)...),
			"cut":              chunk[:len(chunk)-1],
			"a byte more":      append(slices.Clone(chunk), 0),
			"too large":        append(slices.Clone(chunk), make([]byte, ChunkBytesMax(1))...),
		} {
			_, err := x.slots.CheckChunk(n, lie)
			if !errors.Is(err, ErrSnapshot) {
				t.Errorf("chunk %d, %s: %v", n, what, err)
			}
			// These are found before anything is hashed or put together.
			early := map[string]string{"too large": "bytes as chunk", "a row of another": "out of place",
				"another's chunk": "out of place", "turned": "out of place", "a row twice": "out of place"}
			if !strings.Contains(err.Error(), early[what]) {
				t.Errorf("chunk %d, %s: %v", n, what, err)
			}
		}
		for at := range chunk {
			lie := slices.Clone(chunk)
			lie[at] ^= 1 << rnd.Intn(8)
			if _, err := x.slots.CheckChunk(n, lie); !errors.Is(err, ErrSnapshot) {
				t.Fatalf("chunk %d, byte %d flipped: %v", n, at, err)
			}
		}
	}
	for _, n := range []int{-1, 16} {
		if _, err := x.slots.CheckChunk(n, nil); !errors.Is(err, ErrSnapshot) {
			t.Errorf("chunk %d: %v", n, err)
		}
	}
	if err := x.slots.Set(3, []Row{{[]byte(testKey(0)), []byte("x")}}); ChunkOf(1, []byte(testKey(0))) != 3 &&
		!errors.Is(err, ErrSnapshot) {
		t.Errorf("a row of another chunk was set: %v", err)
	}
}

// snapshotOf makes a manifest over a state, with three headers below.
func snapshotOf(t testing.TB, m *testMembers, content map[string]string, depth int, ids ...int) (*Manifest, *cut) {
	t.Helper()
	x := cutState(t, content, depth)
	headers := m.headers(4)
	return &Manifest{Chain: m.Chain(), Header: headers[3], Checkpoint: m.attest(&headers[3], x.slots.Root(),
		[32]byte{7}, ids...), Slots: x.slots, Seen: []SeenBucket{{5, 46}, {9, 92}}, Below: headers[:3]}, x
}

// A manifest is read back as it was, and checked against its certificate; nothing in it can be
// another without being found.
func TestNoManifestCanLie(t *testing.T) {
	members := newMembers(t, "snapshots", 0, 4, 1, 1)
	content := randomContent(newRand(t), 30)
	m, _ := snapshotOf(t, members, content, 1, 0, 1, 2)
	encoded := m.Encode()
	back, err := DecodeManifest(encoded)
	if err != nil || !bytes.Equal(back.Encode(), encoded) {
		t.Fatal(err)
	}
	check := func(m *Manifest) error { return m.Check(members.Committee, ClaimState, stdScheme{}) }
	if err := check(back); err != nil {
		t.Fatal(err)
	}
	turned := *m
	turned.Seen = []SeenBucket{m.Seen[1], m.Seen[0]}
	if _, err := DecodeManifest(turned.Encode()); !errors.Is(err, ErrSnapshot) {
		t.Errorf("buckets that do not ascend: %v", err)
	}
	other := newMembers(t, "others", 0, 4, 1, 1)
	foreign, _ := snapshotOf(t, other, content, 1, 0, 1, 2)
	weak, _ := snapshotOf(t, members, content, 1, 0, 1)
	if err := weak.Check(members.Committee, ClaimReceipt, stdScheme{}); err != nil {
		t.Errorf("f+1 for a receipt: %v", err)
	}
	for what, lie := range map[string]func(x *Manifest){
		"another chain":         func(x *Manifest) { *x = *foreign },
		"its digest alone":      func(x *Manifest) { x.Chain[0] ^= 1 },
		"too few signers":       func(x *Manifest) { *x = *weak },
		"another header":        func(x *Manifest) { x.Header, x.Below = x.Below[2], x.Below[:2] },
		"another state":         func(x *Manifest) { x.Slots = cutState(t, map[string]string{"a": "b"}, 1).slots },
		"an empty state":        func(x *Manifest) { x.Slots = NewSlots(1) },
		"a gap below":           func(x *Manifest) { x.Below = append(slices.Clone(x.Below[:1]), x.Below[2]) },
		"a forged header below": func(x *Manifest) { x.Below = slices.Clone(x.Below); x.Below[0].TimeMs++ },
		"a closing block": func(x *Manifest) {
			x.Header, x.Below = members.closing(&x.Header), nil
			x.Checkpoint = members.attest(&x.Header, x.Slots.Root(), [32]byte{7}, 0, 1, 2)
		},
	} {
		x := *m
		if lie(&x); check(&x) == nil {
			t.Errorf("%s was taken", what)
		}
	}
	for at := range encoded {
		flipped := slices.Clone(encoded)
		flipped[at] ^= 1
		x, err := DecodeManifest(flipped)
		// What the certificate does not cover is proven elsewhere: buckets by their rows.
		if err == nil && check(x) == nil && slices.Equal(x.Seen, m.Seen) {
			t.Fatalf("byte %d of %d was flipped and taken", at, len(encoded))
		}
		if _, err := DecodeManifest(encoded[:at]); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("cut to %d bytes: %v", at, err)
		}
	}
}

// A peer can call a lone leaf a subtree, or nothing a subtree of no hash, where the state comes
// out the same. Honest chunks must fit such slots too: else others would be banned for it.
func TestSlotsUnderAnotherNameAreTheSame(t *testing.T) {
	members := newMembers(t, "snapshots", 0, 4, 1, 1)
	renamed := 0
	for seed := range int64(20) {
		m, x := snapshotOf(t, members, randomContent(rand.New(rand.NewSource(seed)), 12), 1, 0, 1, 2)
		honest := *m.Slots
		for n := range m.Slots.slots {
			lie := *m
			lie.Slots = &Slots{1, slices.Clone(honest.slots)}
			s := &lie.Slots.slots[n]
			if *s = (slot{kind: slotNode, a: s.hash()}); lie.Check(members.Committee, ClaimState, stdScheme{}) != nil {
				continue
			}
			back, err := DecodeManifest(lie.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if honest.slots[n].kind != slotNode {
				renamed++
			}
			if _, err := back.Slots.CheckChunk(n, x.chunks[n]); err != nil || !back.Slots.Equal(&honest, n) {
				t.Fatalf("seed %d, slot %d of kind %d: %v", seed, n, honest.slots[n].kind, err)
			}
		}
	}
	if renamed == 0 {
		t.Error("no slot could be renamed: the test shows nothing")
	}
}

// A lone leaf amounts to the same in any slot: it must lie in its own, or the chunk that has it
// would seem false.
func TestALeafLiesInItsOwnSlot(t *testing.T) {
	members := newMembers(t, "snapshots", 0, 4, 1, 1)
	m, _ := snapshotOf(t, members, map[string]string{"a": "b"}, 1, 0, 1, 2)
	own := ChunkOf(1, []byte("a"))
	s := m.Slots.slots
	s[own], s[(own+1)%16] = s[(own+1)%16], s[own]
	if err := m.Check(members.Committee, ClaimState, stdScheme{}); err != nil {
		t.Fatalf("the root tells it already: %v", err)
	}
	if _, err := DecodeManifest(m.Encode()); !errors.Is(err, ErrSnapshot) {
		t.Errorf("a leaf in another slot: %v", err)
	}
}

// Chunks whose slot has not changed are those of the next snapshot too.
func TestUnchangedChunksAreKept(t *testing.T) {
	content := map[string]string{}
	for i := range 300 {
		content[testKey(i)] = "v"
	}
	before := cutState(t, content, 2)
	content[testKey(7)] = "w"
	after := cutState(t, content, 2)
	for n := range before.chunks {
		if same := bytes.Equal(before.chunks[n], after.chunks[n]); before.slots.Equal(after.slots, n) != same {
			t.Errorf("chunk %d: the same is %v", n, same)
		}
	}
	if before.slots.Equal(cutState(t, content, 1).slots, 0) {
		t.Error("slots of another depth are taken for the same")
	}
}

func TestTheDepthOfASnapshot(t *testing.T) {
	for bytes, want := range map[uint64]int{0: 0, 512 << 10: 0, 512<<10 + 16: 1, 8 << 20: 1, 8<<20 + 16: 2,
		128 << 20: 2, 2 << 30: 3, 32 << 30: 4, 1 << 50: 4} {
		if got := SnapshotDepth(bytes); got != want {
			t.Errorf("%d bytes: depth %d, not %d", bytes, got, want)
		}
	}
}

// What claims much and is short is refused before memory is taken for it.
func TestFalsePiecesTakeNoMemory(t *testing.T) {
	members := newMembers(t, "snapshots", 0, 4, 1, 1)
	m, _ := snapshotOf(t, members, map[string]string{"a": "b"}, 0, 0, 1, 2)
	encoded := m.Encode()
	depthAt := 1 + 32 + 4 + len(m.Header.Append(nil)) + 4 + len(m.Checkpoint.Encode())
	encoded[depthAt] = SnapshotDepthMax
	counts := slices.Clone(m.Encode())
	copy(counts[depthAt+1+65:], []byte{0xff, 0xff, 0, 0})
	chunk := bytes.Repeat([]byte{0xff}, 1000)
	for what, do := range map[string]func() error{
		"slots":   func() error { _, err := DecodeManifest(encoded); return err },
		"buckets": func() error { _, err := DecodeManifest(counts); return err },
		"a row":   func() error { _, err := m.Slots.CheckChunk(0, chunk); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := do()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrSnapshot) || took > 64<<10 {
			t.Errorf("%s: %d bytes, %v", what, took, err)
		}
	}
}

// FuzzDecodeManifest: what is decoded is encoded to the same bytes.
func FuzzDecodeManifest(f *testing.F) {
	members := newMembers(f, "snapshots", 0, 4, 1, 1)
	for depth := range 2 {
		m, _ := snapshotOf(f, members, map[string]string{"a": "b", "c": "d"}, depth, 0, 1, 2)
		f.Add(m.Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeManifest(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Encode(), b) {
			t.Fatal("another encoding")
		}
		_ = m.Check(members.Committee, ClaimReceipt, stdScheme{})
	})
}

// FuzzCheckChunk: what is taken amounts to the slot.
func FuzzCheckChunk(f *testing.F) {
	x := cutState(f, map[string]string{"a": "b", "c": "d", "e": "f"}, 0)
	f.Add(x.chunks[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := x.slots.CheckChunk(0, b)
		if err == nil && !bytes.Equal(encodedRows(rows...), x.chunks[0]) {
			t.Fatalf("%d rows that are not those of the slot", len(rows))
		}
		_, _ = NewSlots(1).CheckChunk(1, b)
	})
}
