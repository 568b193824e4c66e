package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/store"
)

// checkTree walks the pages of the state tree and compares them with the rows.
func checkTree(t *testing.T, b *bench) {
	t.Helper()
	want := map[[32]byte]bool{}
	for key := range b.rows() {
		want[sha256.Sum256([]byte(key))] = true
	}
	leaves := 0
	err := chain.Walk(statePages{b.store}, b.store.StateRoot(), func(key, _ [32]byte) error {
		if leaves++; !want[key] {
			t.Errorf("height %d: a leaf of no row", b.height)
		}
		return nil
	})
	if err != nil || leaves != len(want) {
		t.Fatalf("height %d: %d leaves for %d rows: %v", b.height, leaves, len(want), err)
	}
}

// The pages of the state tree are written some blocks late. Wherever the process
// ends between, the next one makes them again from the rows.
func TestPagesAreMadeAgain(t *testing.T) {
	for seed := range uint64(3) {
		h := coupontest.RandomHistory(seed, 40, true)
		b := newBench(t, h.World)
		stale := 0
		for _, block := range h.Blocks {
			b.block(block.TimeMs, block.Txs...)
			if err := b.store.Close(); err != nil {
				t.Fatal(err)
			}
			if _, _, is := staleAt(t, b); is {
				stale++
			}
			b.open()
			checkTree(t, b)
		}
		if stale < len(h.Blocks)/2 {
			t.Fatalf("seed %d: pages were late at %d of %d restarts only", seed, stale, len(h.Blocks))
		}
	}
}

// staleAt opens the closed store of b without its rules.
func staleAt(t *testing.T, b *bench) (root [32]byte, changed [][]byte, stale bool) {
	t.Helper()
	s, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: b.world.Chain, FS: b.fs})
	if err != nil {
		t.Fatal(err)
	}
	root, changed, stale, err = s.StalePages()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return root, changed, stale
}

// A row that has changed without the tree knowing of it is found at the start.
func TestADamagedRowStopsTheStart(t *testing.T) {
	h := coupontest.RandomHistory(1, 12, true)
	b := newBench(t, h.World)
	for _, block := range h.Blocks {
		b.block(block.TimeMs, block.Txs...)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, changed, stale := staleAt(t, b)
	if !stale {
		t.Fatal("no page is late")
	}
	old := firstVersion(t, b)
	damageRow(t, b.fs, changed[0])
	cfg := store.LedgerConfig{Dir: "ledger", Chain: b.world.Chain, FS: b.fs}
	if _, err := store.OpenLedger(cfg); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("written by somebody else: %v", err)
	}
	unseal(t, b.fs)
	changeBeside(t, b.fs, old)
	audited := cfg
	audited.Audit = Audit
	if _, err := store.OpenLedger(audited); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("adopted a damaged row: %v", err)
	}
	s, err := store.OpenLedger(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_, err = New(b.world.CouponChain(), b.world.Genesis(), s)
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "restore the state tree") {
		t.Fatalf("started over a damaged row: %v", err)
	}
}

// A ledger from before there were seals is sealed once its rows have the root that it
// says; from then on the seal is missed.
func TestAnUnsealedLedgerIsAudited(t *testing.T) {
	h := coupontest.RandomHistory(2, 12, true)
	b := newBench(t, h.World)
	for _, block := range h.Blocks {
		b.block(block.TimeMs, block.Txs...)
	}
	root := b.store.StateRoot()
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	old := firstVersion(t, b)
	unseal(t, b.fs)
	changeBeside(t, b.fs, old)
	cfg := store.LedgerConfig{Dir: "ledger", Chain: b.world.Chain, FS: b.fs, Audit: Audit}
	s, err := store.OpenLedger(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s.StateRoot() != root {
		t.Errorf("the root is %x, it was %x", s.StateRoot(), root)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	unseal(t, b.fs)
	if _, err := store.OpenLedger(cfg); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("without its seal: %v", err)
	}
}

// unseal removes the seal.
func unseal(t *testing.T, fsys vfs.FS) {
	t.Helper()
	if err := fsys.Remove("ledger/SEAL"); err != nil {
		t.Fatal(err)
	}
}

// firstVersion returns what makes the closed ledger of b one of the first version, whose
// blocks are values of Pebble.
func firstVersion(t *testing.T, b *bench) func(*pebble.DB) error {
	t.Helper()
	s, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: b.world.Chain, FS: b.fs})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]byte{"\x00\x00": append([]byte{1, 0, 0, 0}, b.world.Chain[:]...)}
	last, _ := s.Height()
	for height := range last + 1 {
		stored, err := s.Latest().Block(height)
		receipts, receiptsErr := s.Latest().Receipts(height)
		if err := errors.Join(err, receiptsErr); err != nil {
			t.Fatal(err)
		}
		for table, value := range map[byte][]byte{1: stored.Header, 2: stored.Payload, 4: receipts} {
			values[string(binary.BigEndian.AppendUint64([]byte{table}, height))] = value
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return func(db *pebble.DB) error {
		for key, value := range values {
			if err := db.Set([]byte(key), value, nil); err != nil {
				return err
			}
		}
		return db.Delete([]byte{0x00, 0x04}, pebble.Sync) // the end of the archive
	}
}

// damageRow writes beside the ledger, as a broken disk might.
func damageRow(t *testing.T, fsys vfs.FS, key []byte) {
	t.Helper()
	const tableRow = 0x09
	changeBeside(t, fsys, func(db *pebble.DB) error {
		return db.Set(append([]byte{tableRow}, key...), bytes.Repeat([]byte{7}, 9), pebble.Sync)
	})
}

// changeBeside changes a ledger without its owner, and takes from it the note that it
// was sealed.
func changeBeside(t *testing.T, fsys vfs.FS, change func(*pebble.DB) error) {
	t.Helper()
	db, err := pebble.Open("ledger", &pebble.Options{FS: fsys, FormatMajorVersion: pebble.FormatTableFormatV6})
	if err != nil {
		t.Fatal(err)
	}
	noted := []byte{0x00, 0x03}
	if err := errors.Join(change(db), db.Delete(noted, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
}
