package store

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Write is one change: of a row, a page or an extra. A nil value deletes.
type Write struct {
	Key   []byte
	Value []byte
}

// TxRef files a transaction of the block under its id.
type TxRef struct {
	ID    [32]byte
	Index uint32
	// IfAbsent keeps an older place of the same id. It is for refusals that are
	// not recorded in Seen, such as the late copy of an accepted transaction.
	IfAbsent bool
}

// Event is one event of the block.
type Event struct {
	Tx    uint32 // index of the transaction in the block
	Index uint32 // index of the event in the transaction
	Data  []byte
}

// BlockBatch is everything that one executed block leaves in the ledger.
type BlockBatch struct {
	Height    uint64
	StateRoot [32]byte // after the block

	Header      []byte
	Payload     []byte
	Certificate []byte // commit certificate; none for a block committed by a descendant's
	Receipts    []byte

	Txs    []TxRef
	Events []Event // in block order

	Rows        []Write
	Pages       []Write
	SeenAdded   []SeenAdd // in block order
	SeenDropped []uint64  // buckets; dropped for good
	Extra       []Write   // indexes of the caller's own, such as coupons by owner
}

// Commit writes one block, all of it or nothing. Its height must be the next
// one; in an empty ledger it may be any, for genesis or the state of a snapshot.
// Without sync a crash may take the block back, see SyncedHeight. The ledger
// keeps slices of b in its cache: the caller must not change them afterwards,
// and a row should not be a small part of a large array.
//
// Errors: ErrHeight and nothing is written; otherwise the failure is fatal.
func (l *Ledger) Commit(b BlockBatch, sync bool) error {
	if err := l.alarm.failure(); err != nil {
		return err
	}
	if t := l.tip.Load(); t != nil && b.Height != t.height+1 {
		return fmt.Errorf("%w: height %d after %d", ErrHeight, b.Height, t.height)
	}
	if l.pages.stale {
		return fmt.Errorf("%w: height %d before the state pages are restored", ErrHeight, b.Height)
	}
	// Before the block is visible, since views filter by height.
	l.seen.add(b.Height, b.SeenAdded)
	layer, due := l.pages.take(b.Pages)
	l.cache.begin()
	if err := l.write(&b, layer, due, sync); err != nil {
		return l.fail(fmt.Sprintf("commit block %d", b.Height), err)
	}
	// A page that waits to be written is found before the cache is asked.
	l.cache.end(tableWrites{tableRow, b.Rows}, tableWrites{tablePage, due})
	if sync {
		l.raiseSynced(b.Height)
	}
	l.seen.drop(b.SeenDropped)
	return nil
}

// PutCheckpoint files the certificate over the executed state at height. It is
// not synced by itself: a certificate that a crash takes back can be had again
// from the peers.
func (l *Ledger) PutCheckpoint(height uint64, certificate []byte) error {
	if err := l.alarm.failure(); err != nil {
		return err
	}
	if err := l.put(heightKey(tableCheckpoint, height), certificate); err != nil {
		return l.fail(fmt.Sprintf("file checkpoint %d", height), err)
	}
	return nil
}

func (l *Ledger) put(key, value []byte) (err error) {
	defer l.caught(&err)
	return l.db.Set(key, value, pebble.NoSync)
}

func (l *Ledger) write(b *BlockBatch, layer pageLayer, due []Write, sync bool) (err error) {
	defer l.caught(&err)
	w := batchWriter{b: l.db.NewBatchWithSize(b.sizeHint(due))}
	if err := l.fileBlock(&w, b); err != nil {
		return err
	}
	w.writes(tableRow, b.Rows)
	w.pages(b, due)
	w.writes(tableExtra, b.Extra)
	w.seen(b)
	if err := l.writeTxs(&w, b); err != nil {
		return err
	}
	t := &tip{height: b.Height, root: b.StateRoot}
	w.set([]byte{tableMeta, metaTip}, t.encode())
	w.set([]byte{tableMeta, metaSeal}, wire.AppendUint64(nil, l.guard.sequence()))
	if w.err != nil {
		return w.err
	}
	options := pebble.NoSync
	if sync {
		options = pebble.Sync
	}
	if err := l.show(w.b, options, func() { l.tip.Store(t); l.pages.settle(layer, due != nil) }); err != nil {
		return err
	}
	return w.b.Close()
}

// show applies a batch and then what goes with it, so that no view sees one
// without the other.
func (l *Ledger) show(b *pebble.Batch, options *pebble.WriteOptions, then func()) error {
	l.visible.Lock()
	defer l.visible.Unlock()
	if err := l.db.Apply(b, options); err != nil {
		return err
	}
	then()
	return nil
}

func (l *Ledger) writeTxs(w *batchWriter, b *BlockBatch) error {
	value := make([]byte, 0, 12)
	txs := ordered(b.Txs, func(t *TxRef) []byte { return t.ID[:] })
	for i := range txs {
		t := &txs[i]
		w.key = append(append(w.key[:0], tableTx), t.ID[:]...)
		if t.IfAbsent {
			_, ok, err := get(l.db, w.key)
			if err != nil {
				return err
			}
			if ok {
				continue
			}
		}
		value = wire.AppendUint32(wire.AppendUint64(value[:0], b.Height), t.Index)
		w.set(w.key, value)
	}
	return nil
}

func (b *BlockBatch) sizeHint(pagesDue []Write) int {
	n := 4096
	for _, writes := range [][]Write{b.Rows, b.Extra, pagesDue} {
		for i := range writes {
			n += len(writes[i].Key) + len(writes[i].Value) + 16
		}
	}
	return n + 64*len(b.Txs) + 48*len(b.SeenAdded)
}

// batchWriter fills a Pebble batch and keeps the first error.
type batchWriter struct {
	b   *pebble.Batch
	key []byte // scratch
	err error
}

func (w *batchWriter) set(key, value []byte) {
	if w.err == nil {
		w.err = w.b.Set(key, value, nil)
	}
}

func (w *batchWriter) heightValue(table byte, height uint64, value []byte) {
	w.set(heightKey(table, height), value)
}

// writes puts changes in the order of their keys: a memory table finds the place
// of the next key from that of the last.
func (w *batchWriter) writes(table byte, writes []Write) {
	writes = inOrder(writes)
	for i := range writes {
		w.key = append(append(w.key[:0], table), writes[i].Key...)
		if writes[i].Value != nil {
			w.set(w.key, writes[i].Value)
		} else if w.err == nil {
			w.err = w.b.Delete(w.key, nil)
		}
	}
}

// seen writes the members by bucket, each bucket's in block order, and drops.
func (w *batchWriter) seen(b *BlockBatch) {
	var buckets []uint64
	members := map[uint64][]byte{}
	for i := range b.SeenAdded {
		a := &b.SeenAdded[i]
		if members[a.Bucket] == nil {
			buckets = append(buckets, a.Bucket)
		}
		members[a.Bucket] = appendSeenMember(members[a.Bucket], a)
	}
	for _, bucket := range buckets {
		w.set(seenKey(bucket, b.Height), members[bucket])
	}
	for _, bucket := range b.SeenDropped {
		if w.err != nil {
			return
		}
		from := heightKey(tableSeen, bucket)
		w.err = w.b.DeleteRange(from, after(from), nil)
	}
}

func heightKey(table byte, height uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{table}, height)
}

func seenKey(bucket, height uint64) []byte {
	return binary.BigEndian.AppendUint64(heightKey(tableSeen, bucket), height)
}

func splitSeenKey(key []byte) (bucket, height uint64, err error) {
	if len(key) != 1+8+8 {
		return 0, 0, fmt.Errorf("seen key of %d bytes", len(key))
	}
	return binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint64(key[9:]), nil
}

// after returns the least key that is greater than every key beginning with
// prefix. No prefix here consists of 0xff alone: tables have small numbers.
func after(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

func (t *tip) encode() []byte {
	return append(wire.AppendUint64(nil, t.height), t.root[:]...)
}

// readTip returns nil for an empty ledger.
func readTip(r pebble.Reader, which byte) (*tip, error) {
	b, ok, err := get(r, []byte{tableMeta, which})
	if err != nil || !ok {
		return nil, err
	}
	d := wire.NewReader(b)
	t := &tip{height: d.Uint64(), root: d.Bytes32()}
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("read tip: %w", err)
	}
	return t, nil
}
