package store

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// refuses opens a ledger that must be refused, for a reason that has some words.
func refuses(t *testing.T, f files, words string) {
	t.Helper()
	l, err := openSmallLedger(f.disk(t), nil)
	if err == nil {
		height, _ := l.Height()
		_ = l.Close()
		t.Fatalf("opened at height %d: want %q", height, words)
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), words) {
		t.Fatalf("refused with %v, want %q", err, words)
	}
}

// grown is a ledger of many tables that was killed, and what it was before.
func grown(t *testing.T) *killed { return grownAs(t, nil) }

func grownAs(t *testing.T, change func(*LedgerConfig)) *killed {
	t.Helper()
	for seed := uint64(1); ; seed++ {
		k := killAs(t, rand.New(rand.NewPCG(seed, 5)), change)
		tables := 0
		for name := range k.now {
			if isTable(name) {
				tables++
			}
		}
		if tables > 2 && len(k.before) > 2 && k.synced > 0 {
			return k
		}
	}
}

// only returns the one file that fits.
func (f files) only(t *testing.T, fits func(string) bool) string {
	t.Helper()
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(f))) {
		if fits(name) {
			return name
		}
	}
	t.Fatal("no such file")
	return ""
}

// Each way in which the files can be others than the sealed ones is refused, with
// what is wrong in words.
func TestASealRefuses(t *testing.T) {
	k := grown(t)
	list := listInForce(slices.Collect(maps.Keys(k.now)))
	isMarker := func(name string) bool { return strings.HasPrefix(name, listMarker) }
	sealed, err := decodeSeal(k.now[sealName])
	if err != nil {
		t.Fatal(err)
	}
	table := k.now.only(t, func(name string) bool { return isTable(name) && sealed.files[name].name != "" })
	for what, step := range map[string]struct {
		do    func(f files)
		words string
	}{
		"seal flipped":  {func(f files) { f[sealName][20] ^= 1 }, "its seal is damaged"},
		"seal cut":      {func(f files) { f[sealName] = f[sealName][:30] }, "its seal is damaged"},
		"seal empty":    {func(f files) { f[sealName] = nil }, "its seal is damaged"},
		"seal gone":     {func(f files) { delete(f, sealName) }, "its seal is gone"},
		"list flipped":  {func(f files) { f[list][sealed.list.length-1] ^= 4 }, "is not what it was"},
		"list cut":      {func(f files) { f[list] = f[list][:sealed.list.length-1] }, "bytes, it had"},
		"list gone":     {func(f files) { delete(f, list) }, list},
		"marker gone":   {func(f files) { delete(f, f.only(t, isMarker)) }, "its list of tables is"},
		"table flipped": {func(f files) { f[table][7] ^= 1 }, "is not what it was"},
		"table longer":  {func(f files) { f[table] = append(f[table], 0) }, "bytes, it had"},
		"table swapped": {func(f files) { clear(f[table]) }, "is not what it was"},
		"table gone": {func(f files) {
			for name := range f {
				if isTable(name) {
					delete(f, name)
				}
			}
		}, "does not exist"},
	} {
		f := k.now.clone()
		step.do(f)
		if !t.Run(what, func(t *testing.T) { refuses(t, f, step.words) }) {
			continue
		}
	}
	if k.open(t, k.now) {
		t.Error("the undamaged one is refused")
	}
}

// An older seal with its older list and marker, but newer write-ahead logs, and an
// older seal alone: the rows tell that there was a later one.
func TestAnOlderSealIsRefused(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, nil)
	rng := rand.New(rand.NewPCG(1, 1))
	mustCommit(t, l, randomBlock(rng, 1, 5), false)
	old := readFiles(t, disk)
	for height := uint64(2); height < 5; height++ {
		mustCommit(t, l, randomBlock(rng, height, 5), false)
		if err := l.Sync(); err != nil { // seals
			t.Fatal(err)
		}
	}
	mustCommit(t, l, randomBlock(rng, 5, 5), true)
	now := readFiles(t, disk)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	now[sealName] = old[sealName]
	refuses(t, now, "of another time")
}

// A write-ahead log that got lost between others leaves no gap that Pebble misses.
func TestALostLogIsMissed(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, func(c *LedgerConfig) { c.MemTableBytes = 4 << 20 })
	rng := rand.New(rand.NewPCG(3, 1))
	for height := uint64(1); ; height++ {
		mustCommit(t, l, randomBlock(rng, height, 60), true)
		f := readFiles(t, disk)
		s, err := decodeSeal(f[sealName])
		if err != nil {
			t.Fatal(err)
		}
		lost := slices.DeleteFunc(slices.Sorted(maps.Keys(s.files)), func(name string) bool { return !isWAL(name) })
		if len(lost) == 0 {
			continue
		}
		delete(f, lost[0])
		refuses(t, f, lost[0])
		break
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// What was durable must be there: a write-ahead log that lost its end, below what
// Sync has reported, is refused; above it, the ledger is an earlier one.
func TestWhatWasDurableIsMissed(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, nil)
	rng := rand.New(rand.NewPCG(4, 1))
	sizes := map[int]int{}
	log := ""
	for height := 1; height <= 6; height++ {
		mustCommit(t, l, randomBlock(rng, uint64(height), 5), true)
		f := readFiles(t, disk)
		log = f.only(t, isWAL)
		sizes[height] = len(f[log])
		if height == 4 {
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	now := readFiles(t, disk)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for height, refused := range map[int]bool{3: true, 5: false} {
		f := now.clone()
		f[log] = f[log][:sizes[height]]
		if refused {
			refuses(t, f, "height 4 was durable")
			continue
		}
		l := openTestLedger(t, f.disk(t), nil)
		if got, _ := l.Height(); int(got) != height {
			t.Errorf("height %d, want %d", got, height)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// height is what the files of a killed ledger hold. Pebble hands unsynced blocks to
// the disk a moment after it has taken them, so the last ones may have died with it.
func (k *killed) height(t *testing.T) uint64 {
	t.Helper()
	l := openTestLedger(t, k.now.disk(t), nil)
	height, _ := l.Height()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if height < k.synced {
		t.Fatalf("height %d, and %d was synced", height, k.synced)
	}
	return height
}

// forgotten is the ledger as a version without seals has left it.
func forgotten(t *testing.T, f files) files {
	t.Helper()
	disk := f.disk(t)
	l := openTestLedger(t, disk, firstVersion)
	if l.pages.stale {
		l.pages.stale = false // the owner of the tree is not needed here
	}
	if err := errors.Join(l.db.Delete([]byte{tableMeta, metaSeal}, nil), l.db.Flush(), l.Close()); err != nil {
		t.Fatal(err)
	}
	all := readFiles(t, disk)
	delete(all, sealName)
	return all
}

// A ledger without a seal, from before there were any, is adopted if it is without
// gaps and its owner's audit has nothing against it; from then on it has one.
func TestAnOldLedgerIsSealed(t *testing.T) {
	k := grownAs(t, firstVersion)
	height := k.height(t)
	f := forgotten(t, k.now)
	disk := f.disk(t)
	asked := 0
	_, err := openSmallLedger(disk, func(c *LedgerConfig) {
		c.Audit = func(v *View) error { asked++; return errors.New("rows") }
	})
	if !errors.Is(err, ErrDamaged) || asked != 1 {
		t.Fatalf("%d audits, refused with %v", asked, err)
	}
	disk = f.disk(t)
	for range 2 { // audited once
		l := openTestLedger(t, disk, func(c *LedgerConfig) { c.Audit = func(*View) error { asked++; return nil } })
		if got, _ := l.Height(); got != height {
			t.Errorf("height %d, want %d", got, height)
		}
		checkBlocks(t, l.Latest(), k.run.models[height])
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("%d audits", asked)
	}
	sealed := readFiles(t, disk)
	delete(sealed, sealName)
	refuses(t, sealed, "its seal is gone")
	delete(f, f.only(t, func(name string) bool { return strings.HasPrefix(name, listMarker) }))
	refuses(t, f, "its contents are gone")
}

// A gap in an old ledger is found.
func TestAGapInAnOldLedgerIsFound(t *testing.T) {
	for _, table := range []byte{tableHeader, tablePayload, tableReceipts} {
		for _, height := range []uint64{3, 6} {
			disk := vfs.NewCrashableMem()
			l := openTestLedger(t, disk, firstVersion)
			for h := uint64(1); h <= 6; h++ {
				mustCommit(t, l, randomBlock(rand.New(rand.NewPCG(h, 1)), h, 5), true)
			}
			if err := errors.Join(l.db.Delete(heightKey(table, height), nil), l.db.Flush(), l.Close()); err != nil {
				t.Fatal(err)
			}
			refuses(t, forgotten(t, readFiles(t, disk)), "block")
		}
	}
}

// A seal is refused whatever byte of it is another, and read back as written.
func TestASealIsReadAsWritten(t *testing.T) {
	s := &seal{sequence: 7, begun: true, synced: 9, root: [32]byte{3}, list: fileSum{"MANIFEST-000007", 1 << 33, 5},
		next:  fileSum{"MANIFEST-000009", 10, 6},
		files: map[string]fileSum{"000003.sst": {"000003.sst", 12, 13}, "000004.log": {"000004.log", 1, 2}}}
	b := s.encode()
	got, err := decodeSeal(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.encode(), b) || !maps.Equal(got.files, s.files) || got.list != s.list || got.next != s.next {
		t.Errorf("read %+v, wrote %+v", got, s)
	}
	for i := range b {
		x := bytes.Clone(b)
		x[i] ^= 0x10
		if _, err := decodeSeal(x); err == nil {
			t.Fatalf("byte %d of %d may be another", i, len(b))
		}
		if _, err := decodeSeal(b[:i]); err == nil {
			t.Fatalf("%d bytes of %d are taken", i, len(b))
		}
	}
}

// A disk that fails while tables are written, memory tables change or the seal is
// moved ends in an error of the ledger, never in a panic, wherever it happens; and
// what is left is a ledger as a crash leaves it.
func TestAFailingDiskNeverPanics(t *testing.T) {
	stride := 37
	if testing.Short() {
		stride = 61
	}
	for at := 1; ; at += stride {
		var armed atomic.Bool
		var count atomic.Int64
		inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && armed.Load() && count.Add(1) >= int64(at) {
				return syscall.ENOSPC
			}
			return nil
		})
		disk := vfs.NewCrashableMem()
		run := newLedgerRun(9, 40, 60)
		l := openTestLedger(t, errorfs.Wrap(reuseFS{disk}, inject), nil)
		failed := l.Failed()
		armed.Store(true)
		err := run.commit(l)
		if err == nil {
			err = l.Close()
		}
		if err == nil {
			if at < 100 {
				t.Fatalf("the disk never failed: %d operations", count.Load())
			}
			break
		}
		if !errors.Is(err, ErrPoisoned) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("operation %d: %v", at, err)
		}
		select {
		case <-failed:
		case <-time.After(time.Minute):
			t.Fatal("nobody is told of the failure")
		}
		if !errors.Is(l.Err(), syscall.ENOSPC) {
			t.Fatalf("operation %d: the ledger says %v", at, l.Err())
		}
		armed.Store(false) // there is room again, and nothing more may be written
		before := readFiles(t, disk)
		_, _ = l.Commit(run.blocks[0], true), l.PutCheckpoint(1, []byte{1})
		if after := readFiles(t, disk); !maps.EqualFunc(before, after, bytes.Equal) {
			t.Fatalf("operation %d: written to after the failure", at)
		}
		clone := disk.CrashClone(vfs.CrashCloneCfg{})
		run.recovered(t, clone, run.synced.Load(), run.committed.Load())
	}
}
