package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var testChain = [32]byte{4, 5, 6}

// ledgerModel is what a ledger must show after some height.
type ledgerModel struct {
	height uint64
	root   [32]byte
	rows   map[string][]byte
	pages  map[string][]byte
	extra  map[string][]byte
	seen   map[uint64][]SeenMember
	txs    map[[32]byte]TxPlace
	blocks []BlockBatch // by height, from 1
}

func newLedgerModel() *ledgerModel {
	return &ledgerModel{
		rows: map[string][]byte{}, pages: map[string][]byte{}, extra: map[string][]byte{},
		seen: map[uint64][]SeenMember{}, txs: map[[32]byte]TxPlace{},
	}
}

func (m *ledgerModel) clone() *ledgerModel {
	c := *m
	c.rows, c.pages, c.extra = maps.Clone(m.rows), maps.Clone(m.pages), maps.Clone(m.extra)
	c.seen, c.txs, c.blocks = maps.Clone(m.seen), maps.Clone(m.txs), slices.Clone(m.blocks)
	return &c
}

func (m *ledgerModel) apply(b BlockBatch) {
	m.height, m.root = b.Height, b.StateRoot
	for table, writes := range map[*map[string][]byte][]Write{&m.rows: b.Rows, &m.pages: b.Pages, &m.extra: b.Extra} {
		for _, w := range writes {
			if w.Value == nil {
				delete(*table, string(w.Key))
			} else {
				(*table)[string(w.Key)] = w.Value
			}
		}
	}
	for _, a := range b.SeenAdded {
		m.seen[a.Bucket] = append(slices.Clip(m.seen[a.Bucket]),
			SeenMember{ID: a.ID, SeenEntry: SeenEntry{Height: b.Height, Index: a.Index, Code: a.Code}})
	}
	for _, bucket := range b.SeenDropped {
		delete(m.seen, bucket)
	}
	for _, t := range b.Txs {
		if _, known := m.txs[t.ID]; !known || !t.IfAbsent {
			m.txs[t.ID] = TxPlace{Height: b.Height, Index: t.Index}
		}
	}
	m.blocks = append(m.blocks, b)
}

// randomBlock returns a block for height whose parts all depend on rng.
func randomBlock(rng *rand.Rand, height uint64, size int) BlockBatch {
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	value := func() []byte {
		if rng.IntN(4) == 0 {
			return nil
		}
		return bytesOf(rng.IntN(60))
	}
	b := BlockBatch{Height: height, Header: bytesOf(50), Payload: bytesOf(rng.IntN(size * 100)), Receipts: bytesOf(30)}
	copy(b.StateRoot[:], bytesOf(32))
	if rng.IntN(3) > 0 {
		b.Certificate = bytesOf(80)
	}
	for i := range rng.IntN(size) {
		key := []byte{byte(rng.IntN(3)), byte(rng.IntN(2)), byte(rng.IntN(40))}
		b.Rows = append(b.Rows, Write{key, value()})
		b.Pages = append(b.Pages, Write{[]byte{byte(rng.IntN(200))}, value()})
		b.Extra = append(b.Extra, Write{[]byte{byte(rng.IntN(100)), 1}, value()})
		id := [32]byte(bytesOf(32))
		b.Txs = append(b.Txs, TxRef{ID: id, Index: uint32(i)})
		b.SeenAdded = append(b.SeenAdded, SeenAdd{Bucket: height/3 + uint64(rng.IntN(3)), ID: id, Index: uint32(i), Code: 7})
		if rng.IntN(2) == 0 {
			b.Events = append(b.Events, Event{Tx: uint32(i), Index: 0, Data: bytesOf(10)}, Event{uint32(i), 1, nil})
		}
	}
	if height%3 == 0 {
		b.SeenDropped = []uint64{height/3 - 1}
	}
	return b
}

// checkLedger compares everything that can be read with the model.
func checkLedger(t testing.TB, l *Ledger, v *View, m *ledgerModel) {
	t.Helper()
	height, ok := v.Height()
	if ok != (m.height > 0) || height != m.height || v.StateRoot() != m.root {
		t.Fatalf("height %d %v, want %d, or the root differs", height, ok, m.height)
	}
	for _, table := range []struct {
		name string
		want map[string][]byte
		walk func(prefix, from []byte, visit func(k, v []byte) bool) error
		get  []func(key []byte) ([]byte, bool)
	}{
		{"rows", m.rows, v.Rows, []func([]byte) ([]byte, bool){v.Row, l.Row}},
		{"extra", m.extra, v.Extras, []func([]byte) ([]byte, bool){v.Extra}},
		{"pages", m.pages, nil, []func([]byte) ([]byte, bool){v.Page, l.Page}},
	} {
		if table.walk != nil {
			got := map[string][]byte{}
			err := table.walk(nil, nil, func(k, v []byte) bool {
				got[string(k)] = bytes.Clone(v)
				return true
			})
			if err != nil || !maps.EqualFunc(got, table.want, bytes.Equal) {
				t.Fatalf("%s at height %d: %d, want %d: %v", table.name, height, len(got), len(table.want), err)
			}
		}
		for _, get := range table.get {
			for k, want := range table.want {
				if got, ok := get([]byte(k)); !ok || !bytes.Equal(got, want) {
					t.Fatalf("%s at height %d: key %x is %x, %v", table.name, height, k, got, ok)
				}
			}
			if _, ok := get([]byte{255, 255}); ok {
				t.Fatalf("%s: a key that was never written", table.name)
			}
		}
	}
	checkSeen(t, v, m)
	checkBlocks(t, v, m)
	if err := errors.Join(v.Err(), l.Err()); err != nil {
		t.Fatal(err)
	}
}

// checkPages compares the pages of a view with the model, all that can be.
func checkPages(t testing.TB, v *View, m *ledgerModel) {
	t.Helper()
	if id, differs := wrongPage(v, m); differs {
		t.Fatalf("height %d: page %x differs", m.height, id)
	}
}

// wrongPage looks for a page that differs from the model's.
func wrongPage(v *View, m *ledgerModel) (id byte, differs bool) {
	for i := range 256 {
		want, exists := m.pages[string([]byte{byte(i)})]
		if got, ok := v.Page([]byte{byte(i)}); ok != exists || !bytes.Equal(got, want) {
			return byte(i), true
		}
	}
	return 0, false
}

// restore does after opening what the owner of the tree does: the pages on disk are
// those of an older block, the rows that have changed since are named, and the
// model knows the pages that these lead to. m is the model of the ledger's height.
func restore(t testing.TB, l *Ledger, m *ledgerModel) {
	t.Helper()
	root, changed, stale, err := l.StalePages()
	if err != nil {
		t.Fatal(err)
	}
	if !stale {
		return
	}
	if v, err := l.View(); err == nil {
		t.Fatalf("a view of stale pages: %v", v)
	}
	if err := l.Commit(BlockBatch{Height: m.height + 1}, false); !errors.Is(err, ErrHeight) {
		t.Fatalf("commit over stale pages: %v", err)
	}
	base := slices.IndexFunc(m.blocks, func(b BlockBatch) bool { return b.StateRoot == root })
	if base < 0 {
		t.Fatalf("stale pages of an unknown root %x", root)
	}
	want, pages := map[string]bool{}, map[string][]byte{}
	for _, b := range m.blocks[base+1:] {
		for _, w := range b.Rows {
			want[string(w.Key)] = true
		}
		for _, w := range b.Pages {
			pages[string(w.Key)] = w.Value
		}
	}
	if len(changed) != len(want) || slices.ContainsFunc(changed, func(k []byte) bool { return !want[string(k)] }) {
		t.Fatalf("changed since height %d: %x, want %v", base+1, changed, want)
	}
	old := newLedgerModel()
	for _, b := range m.blocks[:base+1] {
		old.apply(b)
	}
	checkPages(t, l.Latest(), old)
	var writes []Write
	for key, value := range pages {
		writes = append(writes, Write{[]byte(key), value})
	}
	if err := l.RestorePages(writes); err != nil {
		t.Fatal(err)
	}
	if err := l.RestorePages(writes); err == nil {
		t.Fatal("restored twice")
	}
}

func checkSeen(t testing.TB, v *View, m *ledgerModel) {
	t.Helper()
	for bucket := range m.height/3 + 4 {
		var got []SeenMember
		err := v.SeenMembers(bucket, func(s SeenMember) bool {
			got = append(got, s)
			return true
		})
		if err != nil || !slices.Equal(got, m.seen[bucket]) {
			t.Fatalf("bucket %d at height %d: %d members, want %d: %v", bucket, m.height, len(got), len(m.seen[bucket]), err)
		}
		for _, s := range m.seen[bucket] {
			if e, ok := v.Seen(s.ID, bucket); !ok || e != s.SeenEntry {
				t.Fatalf("bucket %d at height %d: entry %v %v, want %v", bucket, m.height, e, ok, s.SeenEntry)
			}
		}
		if _, ok := v.Seen([32]byte{1}, bucket); ok {
			t.Fatal("an id that was never seen")
		}
	}
	for _, b := range m.blocks {
		for _, a := range b.SeenAdded {
			if _, ok := v.Seen(a.ID, a.Bucket); ok != (m.seen[a.Bucket] != nil) {
				t.Fatalf("dropped bucket %d at height %d: %v", a.Bucket, m.height, ok)
			}
		}
	}
}

func checkBlocks(t testing.TB, v *View, m *ledgerModel) {
	t.Helper()
	var wantEvents, gotEvents []string
	for _, b := range m.blocks {
		got, err := v.Block(b.Height)
		if err != nil || !bytes.Equal(got.Header, b.Header) || !bytes.Equal(got.Payload, b.Payload) ||
			!bytes.Equal(got.Certificate, b.Certificate) {
			t.Fatalf("block %d: %v", b.Height, err)
		}
		if r, err := v.Receipts(b.Height); err != nil || !bytes.Equal(r, b.Receipts) {
			t.Fatalf("receipts of block %d: %v", b.Height, err)
		}
		for _, e := range b.Events {
			wantEvents = append(wantEvents, fmt.Sprint(EventID{b.Height, e.Tx, e.Index}, e.Data))
		}
		for _, tx := range b.Txs {
			if place, ok, err := v.LookupTx(tx.ID); err != nil || !ok || place != m.txs[tx.ID] {
				t.Fatalf("transaction %x: %v %v %v", tx.ID, place, ok, err)
			}
		}
	}
	if _, err := v.Block(m.height + 1); !errors.Is(err, ErrNotFound) {
		t.Fatalf("block above height %d: %v", m.height, err)
	}
	err := v.Events(EventID{}, func(id EventID, data []byte) bool {
		gotEvents = append(gotEvents, fmt.Sprint(id, data))
		return true
	})
	if err != nil || !slices.Equal(gotEvents, wantEvents) {
		t.Fatalf("%d events, want %d: %v", len(gotEvents), len(wantEvents), err)
	}
}

func openTestLedger(t testing.TB, fsys vfs.FS, change func(*LedgerConfig)) *Ledger {
	t.Helper()
	l, err := openSmallLedger(fsys, change)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// openSmallLedger uses so little memory that tables are flushed and rows leave
// the cache within a few blocks.
func openSmallLedger(fsys vfs.FS, change func(*LedgerConfig)) (*Ledger, error) {
	cfg := LedgerConfig{
		Dir: "ledger", Chain: testChain, FS: fsys,
		BlockCacheBytes: 1 << 20, MemTableBytes: 64 << 10, RowCacheBytes: 8 << 10, SeenEntries: 1000,
		PageBlocks: 6, SegmentBytes: 8 << 10,
	}
	if change != nil {
		change(&cfg)
	}
	return OpenLedger(cfg)
}

func mustCommit(t testing.TB, l *Ledger, b BlockBatch, sync bool) {
	t.Helper()
	if err := l.Commit(b, sync); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerShowsWhatWasCommitted(t *testing.T) {
	changes := map[string]func(*LedgerConfig){
		"small caches":    nil,
		"no row cache":    func(c *LedgerConfig) { c.RowCacheBytes = 1 },
		"large caches":    func(c *LedgerConfig) { c.RowCacheBytes = 1 << 30 },
		"no seen":         func(c *LedgerConfig) { c.SeenEntries = -1 },
		"few seen":        func(c *LedgerConfig) { c.SeenEntries = 25 },
		"pages at once":   func(c *LedgerConfig) { c.PageBlocks = 1 },
		"pages by size":   func(c *LedgerConfig) { c.PageBlocks, c.PageBytes = 1000, 4000 },
		"pages in memory": func(c *LedgerConfig) { c.PageBlocks = 1000 },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 1))
			disk := vfs.NewMem()
			l := openTestLedger(t, disk, change)
			m := newLedgerModel()
			checkLedger(t, l, l.Latest(), m)
			type pin struct {
				v *View
				m *ledgerModel
			}
			var pins []pin
			for height := uint64(1); height <= 40; height++ {
				b := randomBlock(rng, height, 20)
				if height%5 == 0 && len(m.blocks[height-2].Txs) > 0 {
					late := m.blocks[height-2].Txs[0]
					b.Txs = append(b.Txs, TxRef{ID: late.ID, Index: 99, IfAbsent: true})
				}
				mustCommit(t, l, b, rng.IntN(4) == 0)
				m.apply(b)
				checkLedger(t, l, l.Latest(), m)
				if height%7 == 0 {
					v, err := l.View()
					if err != nil {
						t.Fatal(err)
					}
					pins = append(pins, pin{v, m.clone()})
				}
			}
			for _, p := range pins {
				for key := range m.rows {
					if got, ok := p.v.Row([]byte(key)); ok != (p.m.rows[key] != nil) || !bytes.Equal(got, p.m.rows[key]) {
						t.Fatalf("pinned at %d: row %x is %x", p.m.height, key, got)
					}
				}
				checkPages(t, p.v, p.m)
				checkSeen(t, p.v, p.m)
				checkBlocks(t, p.v, p.m)
				if err := p.v.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openTestLedger(t, disk, change)
			restore(t, l, m)
			checkLedger(t, l, l.Latest(), m)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestLedgerIteratesRanges(t *testing.T) {
	l := openTestLedger(t, vfs.NewMem(), nil)
	b := BlockBatch{Height: 1}
	for _, key := range []string{"\x01", "\x01\x00", "\x01\xff", "\x01\xff\xff", "\x02\x05", "\xff\xff"} {
		b.Rows = append(b.Rows, Write{[]byte(key), []byte(key)})
	}
	b.Events = []Event{{0, 0, []byte("a")}, {0, 1, []byte("b")}, {3, 0, []byte("c")}}
	mustCommit(t, l, b, false)
	mustCommit(t, l, BlockBatch{Height: 2, Events: []Event{{1, 0, []byte("d")}}}, false)
	rows := func(prefix, from string, limit int) (got []string) {
		var start []byte
		if from != "" {
			start = []byte(from)
		}
		err := l.Latest().Rows([]byte(prefix), start, func(k, _ []byte) bool {
			got = append(got, string(k))
			return len(got) < limit
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	check := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check(rows("\x01", "", 9), "\x01", "\x01\x00", "\x01\xff", "\x01\xff\xff")
	check(rows("\x01\xff", "", 9), "\x01\xff", "\x01\xff\xff")
	check(rows("\x01", "\x01\x01", 1), "\x01\xff")
	check(rows("\x01", "\x02", 9))
	check(rows("\xff", "", 9), "\xff\xff")
	check(rows("\x02", "\x01", 9), "\x02\x05")
	events := func(from EventID, limit int) (got []string) {
		err := l.Latest().Events(from, func(_ EventID, data []byte) bool {
			got = append(got, string(data))
			return len(got) < limit
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	check(events(EventID{}, 9), "a", "b", "c", "d")
	check(events(EventID{1, 0, 1}, 2), "b", "c")
	check(events(EventID{1, 1, 0}, 9), "c", "d")
	check(events(EventID{1, 3, 1}, 9), "d")
	check(events(EventID{3, 0, 0}, 9))
}

func TestLedgerRefusesWhatDoesNotFit(t *testing.T) {
	disk := vfs.NewMem()
	l := openTestLedger(t, disk, nil)
	mustCommit(t, l, BlockBatch{Height: 10}, false)
	for _, height := range []uint64{0, 9, 10, 12} {
		if err := l.Commit(BlockBatch{Height: height}, false); !errors.Is(err, ErrHeight) {
			t.Errorf("height %d after 10: %v", height, err)
		}
	}
	if _, err := l.Latest().Checkpoint(10); !errors.Is(err, ErrNotFound) {
		t.Errorf("checkpoint that is not there: %v", err)
	}
	if err := l.PutCheckpoint(10, []byte("q signatures")); err != nil {
		t.Fatal(err)
	}
	if c, err := l.Latest().Checkpoint(10); err != nil || string(c) != "q signatures" {
		t.Errorf("checkpoint: %q %v", c, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(BlockBatch{Height: 11}, false); !errors.Is(err, ErrPoisoned) {
		t.Errorf("commit after close: %v", err)
	}
	_, err := openSmallLedger(disk, func(c *LedgerConfig) { c.Chain[0]++ })
	if !errors.Is(err, ErrForeign) {
		t.Errorf("ledger of another chain: %v", err)
	}
}

// ledgerRun commits blocks and keeps the model of every height.
type ledgerRun struct {
	blocks    []BlockBatch // by height, from 1
	models    []*ledgerModel
	committed atomic.Uint64 // Commit has been called for
	synced    atomic.Uint64 // SyncedHeight has reported
}

func newLedgerRun(seed uint64, heights, size int) *ledgerRun {
	rng := rand.New(rand.NewPCG(seed, 2))
	r := &ledgerRun{models: []*ledgerModel{newLedgerModel()}}
	for height := 1; height <= heights; height++ {
		b := randomBlock(rng, uint64(height), size)
		m := r.models[height-1].clone()
		m.apply(b)
		r.blocks, r.models = append(r.blocks, b), append(r.models, m)
	}
	return r
}

// commit takes the ledger from its height to the last, syncing now and then.
func (r *ledgerRun) commit(l *Ledger) error {
	height, _ := l.Height()
	for ; int(height) < len(r.blocks); height++ {
		r.committed.Store(height + 1)
		if err := l.Commit(r.blocks[height], height%8 == 2); err != nil {
			return err
		}
		if height%8 == 6 {
			if err := l.Sync(); err != nil {
				return err
			}
		}
		synced, _ := l.SyncedHeight()
		r.synced.Store(synced)
	}
	return nil
}

// recovered opens a crashed disk, checks that it shows one committed height of
// at least synced, and goes on from there.
func (r *ledgerRun) recovered(t testing.TB, disk vfs.FS, synced, committed uint64) uint64 {
	t.Helper()
	l := openTestLedger(t, disk, nil)
	height, _ := l.Height()
	if height < synced || height > committed {
		t.Fatalf("height %d after a crash, synced %d, committed %d", height, synced, committed)
	}
	if s, _ := l.SyncedHeight(); s != height {
		t.Fatalf("opened at %d but synced at %d", height, s)
	}
	restore(t, l, r.models[height])
	checkLedger(t, l, l.Latest(), r.models[height])
	again := ledgerRun{blocks: r.blocks[:min(int(height)+3, len(r.blocks))]}
	if err := again.commit(l); err != nil {
		t.Fatal(err)
	}
	checkLedger(t, l, l.Latest(), r.models[len(again.blocks)])
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return height
}

// reuseFS replaces one method of vfs.MemFS that takes a read lock twice, which
// a waiting CrashClone turns into a deadlock.
type reuseFS struct{ *vfs.MemFS }

func (f reuseFS) ReuseForWrite(oldName, newName string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.Rename(oldName, newName); err != nil {
		return nil, err
	}
	return f.OpenReadWrite(newName, c)
}

// B12 and section 11: power fails before every operation on the disk. Blocks
// are there as a whole or not at all, none that was synced is missing, and the
// rest can be executed again.
func TestLedgerIsWholeAfterCrash(t *testing.T) {
	const seed = 20
	run := newLedgerRun(seed, 40, 60)
	type crash struct {
		disk              *vfs.MemFS
		synced, committed uint64
	}
	var mu sync.Mutex // guards crashes and ops: Pebble works in the background
	var crashes []crash
	ops := 0
	disk := vfs.NewCrashableMem()
	stride := 1
	if testing.Short() {
		stride = 7
	}
	watch := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if ops++; ops%stride == 0 {
			percent := []int{0, 10, 50, 90, 100}[ops/stride%5]
			// Read before the clone: what is synced now is in it. And after:
			// what is not yet committed then is not.
			c := crash{synced: run.synced.Load()}
			c.disk = disk.CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, uint64(ops))),
			})
			c.committed = run.committed.Load()
			crashes = append(crashes, c)
		}
		return nil
	})
	l := openTestLedger(t, errorfs.Wrap(reuseFS{disk}, watch), nil)
	if err := run.commit(l); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	checkedAt := map[uint64]int{}
	for i, c := range crashes {
		height := uint64(0)
		if !t.Run("", func(t *testing.T) { height = run.recovered(t, c.disk, c.synced, c.committed) }) {
			t.Fatalf("crash %d of %d, seed %d", i, len(crashes), seed)
		}
		checkedAt[height]++
	}
	if len(checkedAt) < 5 {
		t.Fatalf("crashes were recovered at %d different heights only", len(checkedAt))
	}
	t.Logf("%d operations, %d crashes, %d heights", ops, len(crashes), len(checkedAt))
}

// B3, B7: the write-ahead log fails once, in every place.
func TestLedgerIsPoisonedByFailure(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, kind := range []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileWrite} {
			for k := range 12 {
				var armed atomic.Bool
				var count atomic.Int64
				inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
					isLog := len(op.Path) > 4 && op.Path[len(op.Path)-4:] == ".log"
					same := op.Kind == kind || kind == errorfs.OpFileSync && op.Kind == errorfs.OpFileSyncData
					if armed.Load() && isLog && same && count.Add(1) == int64(k+1) {
						return cause
					}
					return nil
				})
				disk := vfs.NewCrashableMem()
				run := newLedgerRun(uint64(k), 16, 12)
				l := openTestLedger(t, errorfs.Wrap(disk, inject), func(c *LedgerConfig) { c.MemTableBytes = 8 << 20 })
				armed.Store(true)
				err := run.commit(l)
				if count.Load() <= int64(k) {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				if err == nil {
					// Written behind Commit's back: the next sync tells.
					err = l.Commit(randomBlock(rand.New(rand.NewPCG(1, 1)), 17, 5), true)
				}
				if !errors.Is(err, ErrPoisoned) || !errors.Is(err, cause) {
					t.Fatalf("%v at operation %d of kind %d: %v", cause, k, kind, err)
				}
				clone := disk.CrashClone(vfs.CrashCloneCfg{})
				run.recovered(t, clone, run.synced.Load(), run.committed.Load())
			}
		}
	}
}

// A full disk comes to light at a later write too, where nobody synced: Pebble
// panics there with the bare error.
func TestAFullDiskFailsAnUnsyncedWrite(t *testing.T) {
	var armed atomic.Bool
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if armed.Load() && op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") {
			return syscall.ENOSPC
		}
		return nil
	})
	l := openTestLedger(t, errorfs.Wrap(vfs.NewMem(), inject),
		func(c *LedgerConfig) { c.MemTableBytes = 8 << 20 })
	armed.Store(true)
	certificate := make([]byte, 40<<10)
	var err error
	for range 150 { // less than a memtable
		if err = l.PutCheckpoint(1, certificate); err != nil {
			break
		}
		time.Sleep(time.Millisecond) // the log is written by a goroutine of its own
	}
	if !errors.Is(err, ErrPoisoned) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a ledger on a full disk: %v", err)
	}
	if err := l.Close(); !errors.Is(err, ErrPoisoned) {
		t.Errorf("closing it: %v", err)
	}
}

// Closing syncs, and must come back when that fails.
func TestAFullDiskDoesNotHoldUpClosing(t *testing.T) {
	var armed atomic.Bool
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if armed.Load() && op.Kind == errorfs.OpFileWrite {
			return syscall.ENOSPC
		}
		return nil
	})
	l, err := OpenLedger(LedgerConfig{Dir: "ledger", Chain: testChain, FS: errorfs.Wrap(vfs.NewMem(), inject)})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(BlockBatch{Height: 1}, false); err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	for range 2 { // the second may learn of what happened to the first
		if err := l.PutCheckpoint(1, make([]byte, 40<<10)); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	select {
	case err := <-closed:
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("closing a ledger on a full disk: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("closing a ledger on a full disk never ends")
	}
}

// Readers pin views and sync while the owner commits.
func TestLedgerViewsAreWhole(t *testing.T) {
	run := newLedgerRun(3, 60, 16)
	l := openTestLedger(t, vfs.NewMem(), nil)
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !done.Load() && !t.Failed() {
				v, err := l.View()
				if err != nil {
					t.Error(err)
					return
				}
				height, _ := v.Height()
				m := run.models[height]
				got := map[string][]byte{}
				err = v.Rows(nil, nil, func(k, v []byte) bool {
					got[string(k)] = bytes.Clone(v)
					return true
				})
				if err != nil || !maps.EqualFunc(got, m.rows, bytes.Equal) || v.StateRoot() != m.root {
					t.Errorf("view at height %d differs: %v", height, err)
				}
				if id, differs := wrongPage(v, m); differs {
					t.Errorf("view at height %d: page %x differs", height, id)
				}
				for bucket, members := range m.seen {
					for _, s := range members {
						if e, ok := v.Seen(s.ID, bucket); !ok || e != s.SeenEntry {
							t.Errorf("seen at height %d: %v %v", height, e, ok)
						}
					}
				}
				returned, _ := l.Height()
				if err := errors.Join(v.Err(), l.Sync(), v.Close()); err != nil {
					t.Error(err)
				}
				if s, _ := l.SyncedHeight(); s < returned {
					t.Errorf("synced at %d after a sync at %d", s, returned)
				}
			}
		})
	}
	err := run.commit(l)
	done.Store(true)
	wg.Wait()
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestLRUStaysWithinItsLimit(t *testing.T) {
	const limit = 2000
	c := newLRU(limit)
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	for i := range 100 {
		c.put(key(i), make([]byte, i))
		c.get(key(0)) // used again and again, so it stays
		if c.bytes > limit {
			t.Fatalf("%d bytes", c.bytes)
		}
	}
	if v, known := c.get(key(0)); !known || len(v) != 0 {
		t.Error("the entry used most is gone")
	}
	if _, known := c.get(key(50)); known {
		t.Error("the entry used least is there")
	}
	if _, known := c.get(key(99)); !known {
		t.Error("the newest entry is gone")
	}
	c.put(key(99), nil)
	if v, known := c.get(key(99)); !known || v != nil {
		t.Error("an absence is not remembered")
	}
	c.put(key(1000), make([]byte, limit))
	if c.bytes != 0 || len(c.index) != 0 {
		t.Errorf("%d bytes, %d entries left by one too large", c.bytes, len(c.index))
	}
}
