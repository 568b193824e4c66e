package store

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/scrip-network/scrip/pbft/wire"
)

// identify makes an empty ledger this chain's. One that has been sealed with
// contents, or that has files and no seal, was not empty.
func (l *Ledger) identify(identity []byte) error {
	if !l.guard.held || l.guard.seal.begun {
		return fmt.Errorf("%w: its contents are gone", ErrDamaged)
	}
	b := l.db.NewBatch()
	w := batchWriter{b: b}
	w.set([]byte{tableMeta, metaIdentity}, identity)
	w.set([]byte{tableMeta, metaSeal}, wire.AppendUint64(nil, l.guard.sequence()))
	if w.err != nil {
		return w.err
	}
	if err := l.db.Apply(b, pebble.Sync); err != nil {
		return err
	}
	return l.guard.begin()
}

// prove checks that a ledger with contents is what its seal says, and then seals
// that it cannot lose what it shows: opening has made all of it durable.
func (l *Ledger) prove(t *tip, version uint32, audit func(*View) error) error {
	under, noted, err := l.sealNoted()
	if err != nil {
		return err
	}
	g := l.guard
	switch {
	case !g.held && (noted || version > ledgerVersionFirst):
		return fmt.Errorf("%w: its seal is gone", ErrDamaged)
	case !g.held:
		return l.adopt(t, audit)
	case g.seal.begun && !noted, under > g.found:
		return fmt.Errorf("%w: its seal is of another time", ErrDamaged)
	case t == nil && g.seal.synced > 0, t != nil && t.height+1 < g.seal.synced:
		return fmt.Errorf("%w: it has lost blocks: height %d was durable", ErrDamaged, g.seal.synced-1)
	case t == nil:
		return g.begin()
	case t.height+1 == g.seal.synced && t.root != g.seal.root:
		return fmt.Errorf("%w: it shows another state at height %d", ErrDamaged, t.height)
	}
	if !g.seal.begun {
		if err := g.begin(); err != nil {
			return err
		}
	}
	return g.raise(t)
}

// sealNoted returns the number of the seal under which the last block was written.
func (l *Ledger) sealNoted() (sequence uint64, ok bool, err error) {
	b, ok, err := get(l.db, []byte{tableMeta, metaSeal})
	if err != nil || !ok {
		return 0, false, err
	}
	r := wire.NewReader(b)
	sequence = r.Uint64()
	return sequence, true, r.Close()
}

// adopt seals a ledger that was made before there were seals, once all of it has
// been looked at: whether it was damaged earlier only its contents can tell.
func (l *Ledger) adopt(t *tip, audit func(*View) error) error {
	if t != nil {
		for _, table := range []byte{tableHeader, tablePayload, tableReceipts} {
			if err := l.contiguous(table, t.height); err != nil {
				return err
			}
		}
		if audit != nil {
			l.tip.Store(t)
			if err := audit(l.latest); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
		}
	}
	key := []byte{tableMeta, metaSeal}
	if err := l.db.Set(key, wire.AppendUint64(nil, l.guard.sequence()), pebble.Sync); err != nil {
		return err
	}
	// The note must not be in the write-ahead log alone, which may get lost with the seal.
	if err := l.db.Flush(); err != nil {
		return err
	}
	if err := l.guard.begin(); err != nil || t == nil {
		return err
	}
	return l.guard.raise(t)
}

// contiguous checks that a table has a value for every height from the first that is
// there to a last one.
func (l *Ledger) contiguous(table byte, last uint64) error {
	next, begun := uint64(0), false
	err := scan(l.db, []byte{table}, nil, func(key, _ []byte) (bool, error) {
		if len(key) != 1+8 {
			return false, fmt.Errorf("%w: a key of %d bytes", ErrDamaged, len(key))
		}
		height := binary.BigEndian.Uint64(key[1:])
		if begun && height != next {
			return false, fmt.Errorf("%w: block %d is missing", ErrDamaged, next)
		}
		next, begun = height+1, true
		return true, nil
	})
	if err == nil && next != last+1 {
		err = fmt.Errorf("%w: its last block is %d, and block %d is not the next", ErrDamaged, last, next)
	}
	return err
}
