package store

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/scrip-network/scrip/pbft/wire"
)

// pageTable holds the pages of the state tree that are not on disk yet. A page
// near the root changes with every block: written at once, pages would be most of
// what a ledger writes. They go to disk together, some blocks late, and until then
// the disk holds which rows have changed: from these and the older pages whoever
// knows the tree makes the pages again after a crash, see Ledger.StalePages.
type pageTable struct {
	blocksMax int
	bytesMax  int
	ahead     int // by how many blocks the first pages are written early

	begun  bool              // the disk holds pages of some block
	stale  bool              // of an older block than the tip, and layers does not say how they differ
	recent map[string][]byte // the owner's: the newest value of each page in layers, nil = deleted
	layers []pageLayer       // oldest first
	bytes  int               // of all layers
}

// pageLayer is the page changes of one block, ascending by key. It does not change.
type pageLayer []Write

// pageWriteBytes is what a page in a layer costs beside key and value, rounded up.
const pageWriteBytes = 128

func newPageTable(cfg *LedgerConfig) pageTable {
	t := pageTable{
		blocksMax: orDefault(cfg.PageBlocks, PageBlocksDefault), bytesMax: orDefault(cfg.PageBytes, PageBytesDefault),
		recent: map[string][]byte{},
	}
	t.ahead = t.blocksMax * cfg.phase() / phases
	return t
}

// take notes the page changes of the next block. The block's own layer shows only
// when settle adds it; or it is time to write, with the block, the pages due: all
// that have changed since the last time, ascending by key.
func (t *pageTable) take(writes []Write) (layer pageLayer, due []Write) {
	layer = inOrder(writes)
	for i := range layer {
		w := &layer[i]
		t.recent[string(w.Key)] = w.Value
		t.bytes += len(w.Key) + len(w.Value) + pageWriteBytes
	}
	if t.begun && len(t.layers)+1+t.ahead < t.blocksMax && t.bytes < t.bytesMax {
		return layer, nil
	}
	due = make([]Write, 0, len(t.recent))
	for key, value := range t.recent {
		due = append(due, Write{Key: []byte(key), Value: value})
	}
	return layer, inOrder(due)
}

// settle follows what the disk holds once the block is there.
func (t *pageTable) settle(layer pageLayer, written bool) {
	if written {
		if t.begun {
			t.ahead = 0
		}
		t.begun = true
		clear(t.recent)
		t.layers, t.bytes = nil, 0
		return
	}
	// A view may hold the slice before: of the array it sees what it saw.
	t.layers = append(t.layers, layer)
}

// findPage returns the value that the newest layer with the page gives it, nil
// if it deletes it.
func findPage(layers []pageLayer, id []byte) (page []byte, ok bool) {
	for i := len(layers) - 1; i >= 0; i-- {
		// Of one key's changes the last counts.
		after, _ := slices.BinarySearchFunc(layers[i], id, func(w Write, id []byte) int {
			if bytes.Compare(w.Key, id) <= 0 {
				return -1
			}
			return 1
		})
		if after > 0 && bytes.Equal(layers[i][after-1].Key, id) {
			return layers[i][after-1].Value, true
		}
	}
	return nil, false
}

// pages writes either the pages due, or, if there are none, which rows the block has
// changed, if it changed the tree.
func (w *batchWriter) pages(b *BlockBatch, due []Write) {
	if due != nil {
		w.pagesOf(&tip{height: b.Height, root: b.StateRoot}, due)
		return
	}
	if len(b.Pages) == 0 { // nor has the tree changed
		return
	}
	var keys []byte
	for i := range b.Rows {
		keys = wire.AppendBytes(keys, b.Rows[i].Key)
	}
	w.heightValue(tableChanged, b.Height, keys)
}

// pagesOf writes pages that bring those on disk up to t.
func (w *batchWriter) pagesOf(t *tip, pages []Write) {
	w.writes(tablePage, pages)
	w.set([]byte{tableMeta, metaPages}, t.encode())
	if w.err == nil {
		w.err = w.b.DeleteRange([]byte{tableChanged}, []byte{tableChanged + 1}, nil)
	}
}

// StalePages tells, after opening, whether the pages on disk are those of an
// older block than the last: root is the tree's root then, and changed are the
// rows that have changed since. The owner then updates the tree, from the pages
// that Page returns, by the present values of these rows, and hands the new pages
// to RestorePages before anything else.
func (l *Ledger) StalePages() (root [32]byte, changed [][]byte, stale bool, err error) {
	if !l.pages.stale {
		return root, nil, false, nil
	}
	t, err := readTip(l.db, metaPages)
	if err != nil || t == nil {
		return root, nil, false, fmt.Errorf("read height of the state pages: %w", err)
	}
	known := map[string]bool{}
	err = scan(l.db, []byte{tableChanged}, nil, func(_, value []byte) (bool, error) {
		for r := wire.NewReader(value); r.Remaining() > 0; {
			key := r.Bytes(len(value))
			if r.Err() != nil {
				return false, r.Err()
			}
			if !known[string(key)] {
				known[string(key)] = true
				changed = append(changed, bytes.Clone(key))
			}
		}
		return true, nil
	})
	if err != nil {
		return root, nil, false, fmt.Errorf("read which rows have changed: %w", err)
	}
	return t.root, changed, true, nil
}

// RestorePages takes the pages that have changed since those on disk, and writes
// them. The caller has checked that they give the root of the last block.
func (l *Ledger) RestorePages(pages []Write) error {
	if err := l.alarm.failure(); err != nil {
		return err
	}
	t := l.tip.Load()
	if t == nil || !l.pages.stale {
		return fmt.Errorf("restore state pages: none are stale")
	}
	l.cache.begin()
	if err := l.restorePages(t, pages); err != nil {
		return l.fail("restore state pages", err)
	}
	l.cache.end(tableWrites{tablePage, pages})
	return nil
}

func (l *Ledger) restorePages(t *tip, pages []Write) (err error) {
	defer l.caught(&err)
	w := batchWriter{b: l.db.NewBatch()}
	w.pagesOf(t, pages)
	if w.err != nil {
		return w.err
	}
	if err := l.show(w.b, pebble.NoSync, func() { l.pages.stale = false }); err != nil {
		return err
	}
	return w.b.Close()
}
