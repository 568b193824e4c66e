package store

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// copiedBlock is a block of a test, with a row that every block writes anew and one of its own.
func copiedBlock(height uint64) BlockBatch {
	b := BlockBatch{Height: height, Header: testFrame(int(height), 300), Payload: testFrame(int(height), 900),
		Certificate: []byte{1}, Receipts: testFrame(int(height), 100)}
	binary.BigEndian.PutUint64(b.StateRoot[:], height)
	value := binary.BigEndian.AppendUint64(nil, height)
	b.Rows = []Write{{Key: []byte("last"), Value: value},
		{Key: append([]byte("row"), value...), Value: testFrame(7, 2000)}}
	return b
}

// A copy that is made while blocks are written, tables made and merged, and segments finished,
// is the ledger as of one height, which grows from copy to copy, and opens without a doubt.
func TestAGrowingLedgerIsCopied(t *testing.T) {
	dir := t.TempDir()
	cfg := LedgerConfig{Dir: filepath.Join(dir, "ledger"), Chain: testChain, MemTableBytes: 256 << 10,
		SegmentBytes: 64 << 10}
	l, err := OpenLedger(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	written := make(chan error, 1)
	go func() {
		for height := uint64(1); !stop.Load(); height++ {
			if err := l.Commit(copiedBlock(height), height%97 == 0); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	last := uint64(0)
	for range 12 {
		cfg := cfg
		cfg.Dir = filepath.Join(dir, "copy")
		drop, err := Copy(context.Background(), filepath.Join(dir, "ledger"), cfg.Dir)
		if errors.Is(err, ErrMoved) {
			continue // it is written without a pause, which no node does
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Copy(context.Background(), filepath.Join(dir, "ledger"), cfg.Dir); !errors.Is(err, ErrLocked) {
			t.Errorf("a second copy to the same place: %v", err)
		}
		height := opened(t, cfg)
		if height < last {
			t.Errorf("height %d after %d", height, last)
		}
		last = height
		if err := drop(); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if last == 0 {
		t.Error("nothing was copied")
	}
	height, _ := l.Height()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := opened(t, cfg); got != height {
		t.Errorf("the ledger itself is at height %d, not %d", got, height)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%d folders are left, %v", len(left), err)
	}
}

// opened opens a ledger and compares its last block and row.
func opened(t *testing.T, cfg LedgerConfig) (height uint64) {
	t.Helper()
	cfg.OpenBytes = 1 << 50
	l, err := OpenLedger(cfg)
	if err != nil {
		t.Fatal(err)
	}
	height, _ = l.Height()
	if height > 0 {
		want := copiedBlock(height)
		b, err := l.Latest().Block(height)
		row, _ := l.Row([]byte("last"))
		if err != nil || string(b.Payload) != string(want.Payload) || binary.BigEndian.Uint64(row) != height ||
			l.StateRoot() != want.StateRoot {
			t.Errorf("height %d: row %x, %v", height, row, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return height
}

// What is no ledger gives no copy, and leaves none.
func TestNothingIsCopiedOfNothing(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "copy")
	if _, err := Copy(context.Background(), filepath.Join(dir, "none"), to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
