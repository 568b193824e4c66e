package store

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// large makes opening a test's ledger leave all its tables unread, as a large
// ledger's older ones.
func large(c *LedgerConfig) { c.OpenBytes, c.MemTableBytes = 1, 256<<10 }

// aged is a ledger of tables of which opening reads but some blocks, what its rows are,
// and its sealed tables.
func aged(t *testing.T) (f files, rows map[string][]byte, tables []string) {
	t.Helper()
	disk, rng := vfs.NewCrashableMem(), rand.New(rand.NewPCG(1, 7))
	l := openTestLedger(t, disk, large)
	rows = map[string][]byte{}
	for height := uint64(1); height <= 60; height++ {
		b := BlockBatch{Height: height, Header: []byte{1}}
		for i := range uint32(100) {
			w := Write{benchKey(uint32(height)*100 + i), make([]byte, 1500)}
			for j := range w.Value {
				w.Value[j] = byte(rng.Uint32())
			}
			rows[string(w.Key)] = w.Value
			b.Rows = append(b.Rows, w)
		}
		mustCommit(t, l, b, false)
	}
	compact := l.db.Compact(t.Context(), []byte{0}, []byte{255}, false)
	if err := errors.Join(compact, l.Close()); err != nil {
		t.Fatal(err)
	}
	f = readFiles(t, disk)
	s, err := decodeSeal(f[sealName])
	if err != nil {
		t.Fatal(err)
	}
	tables = slices.DeleteFunc(slices.Sorted(maps.Keys(s.files)), func(name string) bool {
		return !isTable(name) || f[name] == nil
	})
	if len(tables) < 3 {
		t.Fatalf("%d sealed tables", len(tables))
	}
	return f, rows, tables
}

// Of a large ledger all tables are read as a whole after the start: one that is not
// what it was fails the ledger, whichever it is, and an undamaged ledger goes on.
func TestOldTablesAreReadAfterTheStart(t *testing.T) {
	now, _, tables := aged(t)
	for _, damaged := range append(tables, "") {
		f := now.clone()
		if damaged != "" {
			f[damaged][len(f[damaged])/2] ^= 1
		}
		l := openTestLedger(t, f.disk(t), large)
		if len(l.guard.unread) != len(tables) {
			t.Fatalf("%d tables are unread, want %d", len(l.guard.unread), len(tables))
		}
		failed := l.Failed()
		l.Scrub(t.Context())
		err := l.Err()
		if damaged == "" {
			if err != nil {
				t.Errorf("an undamaged ledger: %v", err)
			}
		} else if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), damaged) {
			t.Errorf("%s: %v", damaged, err)
		} else {
			<-failed
		}
		if closed := l.Close(); closed != nil && err == nil {
			t.Error(closed)
		}
	}
}

// A table that Pebble has merged into others meanwhile is missed by nobody, and Scrub
// ends with its context.
func TestTablesThatAreGoneAreNotMissed(t *testing.T) {
	f, _, _ := aged(t)
	disk := f.disk(t)
	l := openTestLedger(t, disk, large)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if l.Scrub(ended); len(l.guard.unread) == 0 {
		t.Error("it has read on")
	}
	mustCommit(t, l, BlockBatch{Height: 61, Rows: []Write{{benchKey(100), []byte{1}}}}, true)
	if err := l.db.Compact(t.Context(), []byte{0}, []byte{255}, false); err != nil {
		t.Fatal(err)
	}
	gone := func(sum fileSum) bool { return !l.guard.sealed(sum.name) }
	for began := time.Now(); !slices.ContainsFunc(l.guard.unread, gone); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("no table is gone")
		}
	}
	l.Scrub(t.Context())
	if err := errors.Join(l.Err(), l.Close()); err != nil {
		t.Error(err)
	}
}

// Until an old table has been read as a whole, what is read of it is right, or the
// ledger fails: no row is ever another one, and none that exists is absent.
func TestADamagedOldTableAnswersNothing(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	now, rows, tables := aged(t)
	refused, failed := 0, 0
	for range 12 {
		f := now.clone()
		table := tables[rng.IntN(len(tables))]
		at := rng.IntN(len(f[table]))
		f[table][at] ^= 1 << rng.IntN(8)
		l, err := openSmallLedger(f.disk(t), large)
		if err != nil {
			if refused++; !errors.Is(err, ErrDamaged) {
				t.Fatalf("-store.seed=%d: refused with %v", seed, err)
			}
			continue
		}
		l.Failed() // else Pebble ends the process
		for key, want := range rows {
			got, ok := l.Latest().Row([]byte(key))
			if ok && !bytes.Equal(got, want) || !ok && l.Err() == nil {
				t.Errorf("-store.seed=%d: byte %d of %s: row %x is another or absent", seed, at, table, key)
			}
		}
		if err := l.Err(); err != nil {
			if failed++; !errors.Is(err, ErrDamaged) {
				t.Errorf("-store.seed=%d: byte %d of %s: failed with %v", seed, at, table, err)
			}
		}
		_ = l.Close()
	}
	t.Logf("-store.seed=%d: %d refused, %d failed at a read", seed, refused, failed)
	if failed == 0 {
		t.Errorf("-store.seed=%d: no read met the damage", seed)
	}
}
