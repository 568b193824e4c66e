package store

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// firstVersion makes a ledger one whose blocks are values in Pebble.
func firstVersion(c *LedgerConfig) { c.unarchived = true }

// An old ledger, whose blocks are values, becomes one with an archive when it is
// opened: power may fail before every operation of that, and it goes on.
func TestAnOldLedgerIsMovedIntoTheArchive(t *testing.T) {
	k := grownAs(t, firstVersion)
	height := k.height(t)
	model := k.run.models[height]
	var said bytes.Buffer
	bySteps := func(c *LedgerConfig) {
		c.moveBytes = 3000
		c.Logger = slog.New(slog.NewTextHandler(&said, nil))
	}
	var mu sync.Mutex // guards clones: Pebble works in the background
	var clones []*vfs.MemFS
	disk := k.now.disk(t)
	ops, stride, opened := 0, 3, false
	if testing.Short() {
		stride = 29
	}
	watch := errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && !opened {
			if ops++; ops%stride == 0 {
				clones = append(clones, disk.CrashClone(vfs.CrashCloneCfg{
					UnsyncedDataPercent: []int{0, 50, 100}[ops/stride%3], RNG: rand.New(rand.NewPCG(7, uint64(ops)))}))
			}
		}
		return nil
	})
	l := openTestLedger(t, errorfs.Wrap(reuseFS{disk}, watch), bySteps)
	mu.Lock()
	opened = true
	mu.Unlock()
	moved(t, l, model)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"moving the blocks of this ledger", "all blocks are in the archive"} {
		if !strings.Contains(said.String(), words) {
			t.Errorf("it does not say %q: %s", words, said.String())
		}
	}
	for i, clone := range clones {
		if !t.Run("", func(t *testing.T) {
			l := openTestLedger(t, clone, func(c *LedgerConfig) { c.moveBytes = 3000 })
			moved(t, l, model)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}) {
			t.Fatalf("crash %d of %d", i, len(clones))
		}
	}
	t.Logf("%d operations, %d crashes", ops, len(clones))
}

// moved checks that a ledger is of the present version, holds what the model does, and
// goes on.
func moved(t *testing.T, l *Ledger, m *ledgerModel) {
	t.Helper()
	restore(t, l, m)
	checkLedger(t, l, l.Latest(), m)
	if _, ok, err := l.firstValue(); ok || err != nil {
		t.Fatalf("blocks are left outside the archive: %v", err)
	}
	if version, _, err := l.identified(); err != nil || version != LedgerVersion {
		t.Fatalf("version %d, %v", version, err)
	}
	mustCommit(t, l, randomBlock(rand.New(rand.NewPCG(m.height, 1)), m.height+1, 5), true)
	if got, _ := l.Height(); got != m.height+1 {
		t.Fatalf("height %d", got)
	}
}

// An empty ledger of the first version becomes one of the second; a program that
// knows the first alone refuses it from then on.
func TestAnEmptyOldLedgerIsMoved(t *testing.T) {
	disk := vfs.NewCrashableMem()
	if err := openTestLedger(t, disk, firstVersion).Close(); err != nil {
		t.Fatal(err)
	}
	l := openTestLedger(t, disk, nil)
	moved(t, l, newLedgerModel())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openSmallLedger(disk, firstVersion); !errors.Is(err, ErrVersion) {
		t.Errorf("the first version opens it: %v", err)
	}
}

// A block that is missing in an old ledger is found before anything is answered.
func TestAGapIsFoundWhenAnOldLedgerIsMoved(t *testing.T) {
	for _, table := range []byte{tableHeader, tablePayload, tableReceipts} {
		disk := vfs.NewCrashableMem()
		l := openTestLedger(t, disk, firstVersion)
		for h := uint64(1); h <= 6; h++ {
			mustCommit(t, l, randomBlock(rand.New(rand.NewPCG(h, 1)), h, 5), true)
		}
		if err := errors.Join(l.db.Delete(heightKey(table, 4), nil), l.db.Flush(), l.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := openSmallLedger(disk, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("table %d: %v", table, err)
		}
	}
}

// Every file of the archive is missed if it is gone, cut or another, whether it is
// read at the start or after it.
func TestADamagedArchiveIsRefused(t *testing.T) {
	k := grown(t)
	disk := k.now.disk(t)
	if err := openTestLedger(t, disk, nil).Close(); err != nil { // what a kill left behind its end is cut
		t.Fatal(err)
	}
	k.now = readFiles(t, disk)
	segments := slices.DeleteFunc(slices.Sorted(maps.Keys(k.now)), func(name string) bool { return !isSegment(name) })
	if len(segments) < 3 {
		t.Fatalf("%d segments", len(segments))
	}
	sealed, err := decodeSeal(k.now[sealName])
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range segments {
		last := i == len(segments)-1
		if _, ok := sealed.files[name]; ok == last {
			t.Errorf("%s: sealed %v", name, ok)
		}
		for what, do := range map[string]func(f files){
			"gone":    func(f files) { delete(f, name) },
			"empty":   func(f files) { f[name] = nil },
			"cut":     func(f files) { f[name] = f[name][:len(f[name])/2] },
			"flipped": func(f files) { f[name][len(f[name])/3] ^= 1 },
		} {
			f := k.now.clone()
			do(f)
			t.Run(what+" "+name, func(t *testing.T) { refuses(t, f, "") })
			if what != "flipped" || last {
				continue
			}
			l := openTestLedger(t, f.disk(t), func(c *LedgerConfig) { c.OpenBytes = 1 })
			failed := l.Failed()
			if l.Scrub(t.Context()); !errors.Is(l.Err(), ErrDamaged) {
				t.Errorf("%s %s after the start: %v", what, name, l.Err())
			}
			<-failed
			_ = l.Close()
		}
	}
}

// A reader that meets damage in the archive gets an error and no other block, and the
// ledger counts for nothing from then on.
func TestAReaderOfADamagedArchiveStopsTheLedger(t *testing.T) {
	k := grown(t)
	f := k.now.clone()
	name := segmentName(1)
	at := segmentHeaderBytes + frameHeadBytes + 10 // in the first block's header
	f[name][at] ^= 4
	l := openTestLedger(t, f.disk(t), func(c *LedgerConfig) { c.OpenBytes = 1 })
	failed := l.Failed()
	if _, err := l.Latest().Header(2); err != nil {
		t.Errorf("the block beside: %v", err)
	}
	if _, err := l.Latest().Block(1); !errors.Is(err, ErrDamaged) {
		t.Errorf("the block: %v", err)
	}
	<-failed
	if err := l.Commit(BlockBatch{Height: 99}, false); !errors.Is(err, ErrDamaged) {
		t.Errorf("commit: %v", err)
	}
	_ = l.Close()
}
