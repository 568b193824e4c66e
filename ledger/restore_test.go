package ledger

import (
	"bytes"
	"crypto/sha256"
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
	damageRow(t, b.fs, changed[0])
	s, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: b.world.Chain, FS: b.fs})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_, err = New(b.world.CouponChain(), b.world.Genesis(), s)
	if err == nil || !strings.Contains(err.Error(), "restore the state tree") {
		t.Fatalf("started over a damaged row: %v", err)
	}
}

// damageRow writes beside the ledger, as a broken disk might.
func damageRow(t *testing.T, fsys vfs.FS, key []byte) {
	t.Helper()
	db, err := pebble.Open("ledger", &pebble.Options{FS: fsys, FormatMajorVersion: pebble.FormatTableFormatV6})
	if err != nil {
		t.Fatal(err)
	}
	const tableRow = 0x09
	if err := db.Set(append([]byte{tableRow}, key...), bytes.Repeat([]byte{7}, 9), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
