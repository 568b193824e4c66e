package store

import (
	"errors"
	"fmt"
)

// A chain without customers makes a block a second, each with a header, a certificate
// of its commit and one over its result: a kilobyte that says that nothing happened.
// Such blocks stay values of Pebble until some more have come, and go into the archive
// together, packed by who knows what is in them.

// Quiet is what there is of a block without transactions.
type Quiet struct {
	Header      []byte
	Certificate []byte // commit certificate, or nil
	Checkpoint  []byte // certificate over its result, as PutCheckpoint has filed it, or nil
}

// Packer shortens blocks without transactions that follow each other. It may leave out
// what nobody relies on any more; what Unpack returns then is what the ledger shows
// from then on. It must be safe for concurrent use.
type Packer interface {
	Pack(blocks []Quiet) ([]byte, error)
	// Unpack is the inverse of Pack. An error says that the bytes are of no Pack, which
	// must not allocate beyond the order of a run, whatever they are.
	Unpack(packed []byte) ([]Quiet, error)
}

const (
	// runBlocksMax is how many blocks without transactions are packed together at most:
	// as many as are read for one of them.
	runBlocksMax = 64
	// runBehind is how many of the newest are left as they are while none has a
	// transaction: their certificates still grow, and clients ask for them.
	runBehind = 16
)

// errNoPacker says that the ledger was opened without what reads its runs.
var errNoPacker = errors.New("store: a run of blocks cannot be read without a packer")

// isQuiet reports whether a block holds nothing.
func (b *BlockBatch) isQuiet() bool {
	return len(b.Payload)+len(b.Receipts)+len(b.Txs)+len(b.Events) == 0
}

// packDue archives blocks that wait as values, before the block at next: all of them,
// or as many as make a run.
func (l *Ledger) packDue(w *batchWriter, next uint64, all bool) error {
	if !all && next-l.waiting < runBlocksMax+runBehind {
		return nil
	}
	for l.waiting < next {
		from := l.waiting
		if _, err := l.archiveValues(w, next); err != nil {
			return err
		}
		for height := from; height < l.waiting; height++ {
			for _, table := range valueTables {
				w.drop(heightKey(table, height))
			}
		}
		if !all {
			break
		}
	}
	return w.err
}

// valueTables have the values of blocks that are not in the archive.
var valueTables = [...]byte{tableHeader, tableCertificate, tableReceipts, tablePayload}

// archiveValues appends to the archive one frame of the blocks that wait, below end: a
// run, or a block with transactions. The certificates of a run are dropped with w, the
// other values by the caller. It returns how many bytes were appended.
func (l *Ledger) archiveValues(w *batchWriter, end uint64) (n int, err error) {
	from := l.waiting
	var quiet []Quiet
	for height := from; height < end && len(quiet) < runBlocksMax; height++ {
		b, err := valueParts(l.db, height, wantHeader|wantCertificate|wantReceipts|wantPayload|wantEvents|wantCheckpoint)
		if err != nil {
			return 0, err
		}
		if b[partHeader] == nil || b[partReceipts] == nil || b[partPayload] == nil {
			return 0, fmt.Errorf("%w: block %d is missing", ErrDamaged, height)
		}
		if l.packer == nil || len(b[partPayload])+len(b[partReceipts])+len(b[partEvents]) > 0 {
			if len(quiet) > 0 {
				break
			}
			return l.archiveValue(w, height, &b)
		}
		quiet = append(quiet, Quiet{b[partHeader], b[partCertificate], b[partCheckpoint]})
	}
	packed, err := l.packer.Pack(quiet)
	if err != nil {
		return 0, fmt.Errorf("pack blocks from %d on: %w", from, err)
	}
	f := &frame{kind: frameRun, first: from, count: uint32(len(quiet))}
	f.parts[partHeader] = packed
	if err := l.appendFrame(w, f); err != nil {
		return 0, err
	}
	for height := from; height < l.waiting; height++ {
		w.drop(heightKey(tableCheckpoint, height))
	}
	return len(packed), w.err
}

// archiveValue appends one block that is a value as it is.
func (l *Ledger) archiveValue(w *batchWriter, height uint64, b *blockParts) (n int, err error) {
	f := &frame{kind: frameBlock, first: height, count: 1, parts: [partCount][]byte(b[:partCount])}
	if err := l.appendFrame(w, f); err != nil {
		return 0, err
	}
	for _, part := range f.parts {
		n += len(part)
	}
	return n, nil
}

// appendFrame appends a frame to the archive and lets w refer to it.
func (l *Ledger) appendFrame(w *batchWriter, f *frame) error {
	end, err := l.archive.append(f)
	if err != nil {
		return err
	}
	l.waiting = end.next
	w.set([]byte{tableMeta, metaArchive}, end.encode())
	if len(f.parts[partEvents]) > 0 {
		w.heightValue(tableEvents, f.first, nil)
	}
	return w.err
}

// drop deletes a key.
func (w *batchWriter) drop(key []byte) {
	if w.err == nil {
		w.err = w.b.Delete(key, nil)
	}
}
