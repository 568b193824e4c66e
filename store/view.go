package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/scrip-network/scrip/pbft/wire"
)

// View reads a ledger: Ledger.View as of one height, Ledger.Latest as it grows.
// It is safe for concurrent use. Slices that it returns belong to the caller.
type View struct {
	l      *Ledger
	r      pebble.Reader
	pinned *pebble.Snapshot // nil: the latest
	tip    *tip             // of a pinned view, nil = empty ledger
	layers []pageLayer      // of a pinned view: pages that its snapshot does not hold yet
	err    atomic.Pointer[error]
}

// Block is what consensus decided at a height, in encoded form.
type Block struct {
	Header      []byte
	Payload     []byte
	Certificate []byte // commit certificate; nil if a descendant's committed the block
}

// TxPlace is where a transaction stands in the chain.
type TxPlace struct {
	Height uint64
	Index  uint32
}

// EventID is the place of an event, the same on every node.
type EventID struct {
	Height uint64
	Tx     uint32
	Index  uint32
}

// Close gives up a pinned view. It must not be used afterwards.
func (v *View) Close() error {
	if v.pinned == nil {
		return nil
	}
	return v.pinned.Close()
}

func (v *View) at() *tip {
	if v.pinned == nil {
		return v.l.tip.Load()
	}
	return v.tip
}

// Height returns the height of the view; ok is false for an empty ledger.
func (v *View) Height() (height uint64, ok bool) {
	if t := v.at(); t != nil {
		return t.height, true
	}
	return 0, false
}

// StateRoot returns the root of the state tree, zero for an empty ledger.
func (v *View) StateRoot() [32]byte {
	if t := v.at(); t != nil {
		return t.root
	}
	return [32]byte{}
}

// Err returns the first failure of Row, Page or Seen, or nil. A caller that has
// used them on a pinned view asks before it trusts an absence.
func (v *View) Err() error {
	if err := v.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (v *View) fail(err error) {
	err = fmt.Errorf("read ledger: %w", err)
	v.err.CompareAndSwap(nil, &err)
}

// Row returns a row of the flat state table. A failure reads as absent and is
// kept for Err.
func (v *View) Row(key []byte) (value []byte, ok bool) { return v.value(tableRow, key) }

// Page returns a page of the state tree, like Row.
func (v *View) Page(id []byte) (page []byte, ok bool) {
	layers := v.layers
	if v.pinned == nil {
		v.l.visible.Lock()
		layers = v.l.pages.layers
		v.l.visible.Unlock()
	}
	if page, ok := findPage(layers, id); ok {
		return bytes.Clone(page), page != nil
	}
	return v.value(tablePage, id)
}

// Extra returns the value that a block batch has put under key, like Row.
func (v *View) Extra(key []byte) (value []byte, ok bool) { return v.value(tableExtra, key) }

func (v *View) value(table byte, key []byte) ([]byte, bool) {
	b, ok, err := get(v.r, append([]byte{table}, key...))
	if err != nil {
		v.fail(err)
	}
	return b, ok
}

// Seen returns the entry of id in a bucket, like Row.
func (v *View) Seen(id [32]byte, bucket uint64) (SeenEntry, bool) {
	e, ok, err := v.findSeen(id, bucket)
	if err != nil {
		v.fail(err)
	}
	return e, ok
}

func (v *View) findSeen(id [32]byte, bucket uint64) (found SeenEntry, ok bool, err error) {
	height, any := v.Height()
	if !any {
		return SeenEntry{}, false, nil
	}
	e, ok, resident, empty := v.l.seen.find(id, bucket, height)
	// A pinned view may still show a bucket that has been dropped since.
	if resident || empty && v.pinned == nil {
		return e, ok, nil
	}
	err = v.SeenMembers(bucket, func(m SeenMember) bool {
		ok = m.ID == id
		found = m.SeenEntry
		return !ok
	})
	if !ok || err != nil {
		return SeenEntry{}, false, err
	}
	return found, true, nil
}

// SeenMembers calls visit with the members of a bucket in block order, until it
// returns false.
func (v *View) SeenMembers(bucket uint64, visit func(SeenMember) bool) error {
	return scan(v.r, heightKey(tableSeen, bucket), nil, func(key, value []byte) (bool, error) {
		_, height, err := splitSeenKey(key)
		if err != nil {
			return false, err
		}
		return readSeenMembers(height, value, visit)
	})
}

// Header returns the header at height, or ErrNotFound.
func (v *View) Header(height uint64) ([]byte, error) { return v.part(height, partHeader) }

// Receipts returns the receipts of the block at height, or ErrNotFound.
func (v *View) Receipts(height uint64) ([]byte, error) { return v.part(height, partReceipts) }

// CommitCertificate returns the commit certificate stored with a block, or an error that
// wraps ErrNotFound if it has none.
func (v *View) CommitCertificate(height uint64) ([]byte, error) {
	return v.part(height, partCertificate)
}

// Block returns the block at height, or ErrNotFound.
func (v *View) Block(height uint64) (Block, error) {
	b, err := v.parts(height, wantHeader|wantPayload|wantCertificate)
	if err == nil && b[partHeader] == nil {
		err = notFound(height)
	}
	if err != nil {
		return Block{}, err
	}
	return Block{Header: b[partHeader], Payload: b[partPayload], Certificate: b[partCertificate]}, nil
}

func (v *View) part(height uint64, which int) ([]byte, error) {
	b, err := v.parts(height, 1<<which)
	if err == nil && b[which] == nil {
		err = notFound(height)
	}
	return b[which], err
}

// parts reads a block of the view. The archive may be ahead of it.
func (v *View) parts(height uint64, want parts) (b blockParts, err error) {
	if t := v.at(); t == nil || height > t.height {
		return b, notFound(height)
	}
	return v.l.readBlock(v.r, height, want)
}

func notFound(height uint64) error { return fmt.Errorf("%w: height %d", ErrNotFound, height) }

// Checkpoint returns the certificate over the result of a block, or ErrNotFound: the
// last one that PutCheckpoint has filed, or what a Packer has kept of it.
func (v *View) Checkpoint(height uint64) ([]byte, error) {
	b, ok, err := get(v.r, heightKey(tableCheckpoint, height))
	if err != nil {
		return nil, fmt.Errorf("read ledger at height %d: %w", height, err)
	}
	if !ok {
		return v.part(height, partCheckpoint)
	}
	return b, nil
}

// LookupTx returns the place of the transaction with this id.
func (v *View) LookupTx(id [32]byte) (place TxPlace, ok bool, err error) {
	b, ok, err := get(v.r, append([]byte{tableTx}, id[:]...))
	if err != nil || !ok {
		return TxPlace{}, false, err
	}
	r := wire.NewReader(b)
	place = TxPlace{Height: r.Uint64(), Index: r.Uint32()}
	if err := r.Close(); err != nil {
		return TxPlace{}, false, fmt.Errorf("read place of transaction %x: %w", id, err)
	}
	return place, true, nil
}

// Rows calls visit with the rows whose key begins with prefix, ascending, from
// the key from on (nil = the first), until it returns false. Key and value are
// valid during the call only.
func (v *View) Rows(prefix, from []byte, visit func(key, value []byte) bool) error {
	return v.walk(tableRow, prefix, from, visit)
}

// Extras is Rows for the extras of block batches.
func (v *View) Extras(prefix, from []byte, visit func(key, value []byte) bool) error {
	return v.walk(tableExtra, prefix, from, visit)
}

// RowsDown is Rows in descending order, from the key from on downwards; nil is the
// last one.
func (v *View) RowsDown(prefix, from []byte, visit func(key, value []byte) bool) error {
	return v.walkDown(tableRow, prefix, from, visit)
}

// ExtrasDown is RowsDown for the extras of block batches.
func (v *View) ExtrasDown(prefix, from []byte, visit func(key, value []byte) bool) error {
	return v.walkDown(tableExtra, prefix, from, visit)
}

func (v *View) walkDown(table byte, prefix, from []byte, visit func(key, value []byte) bool) error {
	prefix = append([]byte{table}, prefix...)
	o := pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)}
	if from != nil {
		o.UpperBound = append(append([]byte{table}, from...), 0) // from itself is below it
	}
	return step(v.r, o, (*pebble.Iterator).Last, (*pebble.Iterator).Prev, func(key, value []byte) (bool, error) {
		return visit(key[1:], value), nil
	})
}

func (v *View) walk(table byte, prefix, from []byte, visit func(key, value []byte) bool) error {
	if from != nil {
		from = append([]byte{table}, from...)
	}
	return scan(v.r, append([]byte{table}, prefix...), from, func(key, value []byte) (bool, error) {
		return visit(key[1:], value), nil
	})
}

// Events calls visit with the events from the place from on, in the order of
// the chain, until it returns false. data is valid during the call only.
func (v *View) Events(from EventID, visit func(id EventID, data []byte) bool) error {
	start := heightKey(tableEvents, from.Height)
	return scan(v.r, []byte{tableEvents}, start, func(key, value []byte) (bool, error) {
		if len(key) != 1+8 {
			return false, fmt.Errorf("event key of %d bytes", len(key))
		}
		id := EventID{Height: binary.BigEndian.Uint64(key[1:])}
		if len(value) == 0 { // they are in the archive
			b, err := v.l.readBlock(v.r, id.Height, wantEvents)
			if err != nil {
				return false, err
			}
			value = b[partEvents]
		}
		r := wire.NewReader(value)
		for r.Remaining() > 0 {
			id.Tx, id.Index = r.Uint32(), r.Uint32()
			data := r.Bytes(len(value))
			if r.Err() != nil {
				return false, fmt.Errorf("events of height %d: %w", id.Height, r.Err())
			}
			if !id.before(from) && !visit(id, data) {
				return false, nil
			}
		}
		return true, nil
	})
}

func (e EventID) before(o EventID) bool {
	switch {
	case e.Height != o.Height:
		return e.Height < o.Height
	case e.Tx != o.Tx:
		return e.Tx < o.Tx
	}
	return e.Index < o.Index
}

// get returns a copy of the value of key, never nil if it is present.
func get(r pebble.Reader, key []byte) (value []byte, ok bool, err error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	value = make([]byte, len(v))
	copy(value, v)
	if err := closer.Close(); err != nil {
		return nil, false, err
	}
	return value, true, nil
}

// scan calls visit with the keys that begin with prefix, from the key from on
// (nil = all of them), until it returns false or an error.
func scan(r pebble.Reader, prefix, from []byte, visit func(key, value []byte) (bool, error)) error {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	o := pebble.IterOptions{LowerBound: slices.Clone(from), UpperBound: after(prefix)}
	return step(r, o, (*pebble.Iterator).First, (*pebble.Iterator).Next, visit)
}

// step calls visit with the keys within bounds, in the order of first and next.
func step(r pebble.Reader, o pebble.IterOptions, first, next func(*pebble.Iterator) bool,
	visit func(key, value []byte) (bool, error)) (err error) {
	it, err := r.NewIter(&o)
	if err != nil {
		return fmt.Errorf("scan ledger: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := first(it); ok; ok = next(it) {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("scan ledger: %w", err)
		}
		if goOn, err := visit(it.Key(), value); err != nil || !goOn {
			return err
		}
	}
	return it.Error()
}
