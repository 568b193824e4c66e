package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Blocks lie in the archive. Until they are there, and for ever in a ledger of the
// first version, their parts are values of Pebble under these tables.
var partTables = [...]byte{partHeader: tableHeader, partCertificate: tableCertificate,
	partReceipts: tableReceipts, partPayload: tablePayload, partEvents: tableEvents, partCheckpoint: tableCheckpoint}

// parts returns the parts of a block as they are stored.
func (b *BlockBatch) parts() [partCount][]byte {
	return [partCount][]byte{partHeader: b.Header, partCertificate: b.Certificate, partReceipts: b.Receipts,
		partPayload: b.Payload, partEvents: encodeEvents(b.Events)}
}

// encodeEvents returns the events of a block as one value: a thousand small ones would
// cost more than the rest of the block.
func encodeEvents(events []Event) []byte {
	if len(events) == 0 {
		return nil
	}
	size := 0
	for i := range events {
		size += 4 + 4 + 4 + len(events[i].Data)
	}
	value := make([]byte, 0, size)
	for i := range events {
		e := &events[i]
		value = wire.AppendUint32(wire.AppendUint32(value, e.Tx), e.Index)
		value = wire.AppendBytes(value, e.Data)
	}
	return value
}

// fileBlock archives a block and lets its batch refer to it, or leaves it as a value if
// it holds nothing.
func (l *Ledger) fileBlock(w *batchWriter, b *BlockBatch) error {
	parts := b.parts()
	if l.unarchived {
		w.values(b.Height, &parts)
		return nil
	}
	if !l.begun {
		l.begun, l.waiting = true, b.Height
	}
	if l.packer != nil && b.isQuiet() {
		w.values(b.Height, &parts)
		return l.packDue(w, b.Height, false)
	}
	if err := l.packDue(w, b.Height, true); err != nil {
		return err
	}
	return l.appendFrame(w, &frame{kind: frameBlock, first: b.Height, count: 1, parts: parts})
}

// values writes the parts of a block as values.
func (w *batchWriter) values(height uint64, parts *[partCount][]byte) {
	for i, table := range partTables[:partCount] {
		if len(parts[i]) > 0 || i != partCertificate && i != partEvents {
			w.heightValue(table, height, parts[i])
		}
	}
}

// readBlock returns the wanted parts of the block at a height, as r or the archive has
// them. One that is not there is nil; of a block that is not there all are.
func (l *Ledger) readBlock(r pebble.Reader, height uint64, want parts) (b blockParts, err error) {
	b, ok, err := l.archive.read(height, want)
	if err == nil && !ok {
		b, err = valueParts(r, height, want)
	}
	if err == nil && !ok && l.archive.holds(height) { // it was moved meanwhile
		b, ok, err = l.archive.read(height, want)
	}
	if err != nil {
		if errors.Is(err, ErrDamaged) { // what one cannot read others miss
			l.alarm.raise(err)
		}
		return b, fmt.Errorf("read ledger at height %d: %w", height, err)
	}
	if ok && len(b[partCertificate]) == 0 {
		b[partCertificate] = nil
	}
	return b, nil
}

// valueParts reads a block that is not in the archive.
func valueParts(r pebble.Reader, height uint64, want parts) (b blockParts, err error) {
	for i, table := range partTables {
		if want>>i&1 != 0 {
			if b[i], _, err = get(r, heightKey(table, height)); err != nil {
				return b, err
			}
		}
	}
	return b, nil
}

// openArchive makes the archive end where the last block says, and moves what of the
// blocks is not in it yet.
func (l *Ledger) openArchive(t *tip, version uint32) error {
	if l.unarchived {
		return nil
	}
	var end archiveEnd
	value, ok, err := get(l.db, []byte{tableMeta, metaArchive})
	if err == nil && ok {
		end, err = decodeArchiveEnd(value)
	}
	if err == nil {
		err = l.archive.open(end, l.guard.dropSegments)
	}
	switch {
	case err != nil:
		return err
	case t == nil && version != l.version():
		return l.db.Set([]byte{tableMeta, metaIdentity}, l.identity(l.version()), pebble.Sync)
	case t == nil:
		return nil
	}
	return l.takeValues(t.height, version)
}

// takeValues looks at the blocks that are not in the archive: the newest of a chain
// without customers stay, others are moved.
func (l *Ledger) takeValues(last uint64, version uint32) error {
	first, ok, err := l.firstValue()
	if err != nil {
		return err
	}
	l.begun, l.waiting = true, first
	if !ok {
		l.waiting = last + 1
	}
	if (l.archive.end.size > 0 || !ok) && l.archive.end.next != l.waiting {
		return fmt.Errorf("%w: block %d is missing", ErrDamaged, l.archive.end.next)
	}
	if few := l.waiting+runBlocksMax+runBehind > last; few && version == l.version() {
		quiet, err := l.quietUpTo(last)
		if err != nil || quiet {
			return err
		}
	}
	return l.moveBlocks(last)
}

// quietUpTo reports whether all blocks that wait hold nothing. All must be there.
func (l *Ledger) quietUpTo(last uint64) (quiet bool, err error) {
	quiet = true
	for height := l.waiting; height <= last; height++ {
		b, err := valueParts(l.db, height, wantHeader|wantReceipts|wantPayload)
		if err == nil && (b[partHeader] == nil || b[partReceipts] == nil || b[partPayload] == nil) {
			err = fmt.Errorf("%w: block %d is missing", ErrDamaged, height)
		}
		if err != nil {
			return false, err
		}
		quiet = quiet && len(b[partReceipts])+len(b[partPayload]) == 0
	}
	return quiet, nil
}

const (
	// moveBytesDefault is how much of an older ledger is moved into the archive before it
	// is relied on there: as much twice on the disk at most, and done again after a kill.
	moveBytesDefault = 32 << 20
	// moveTold is how often moving says how far it is.
	moveTold = 5 * time.Second
)

// moveBlocks moves the blocks of a ledger of the first version into the archive, up
// to the last. Each step is durable in the archive, and then with one batch in
// Pebble, which drops what was moved: a kill at any moment leaves each block in one
// of them, and the next opening goes on.
func (l *Ledger) moveBlocks(last uint64) error {
	first, begun, told := l.waiting, time.Now(), time.Now()
	l.log.Info("moving the blocks of this ledger into the archive, once; it may be stopped at any time",
		"from", first, "to", last)
	for l.waiting <= last {
		if err := l.moveSome(last); err != nil {
			return err
		}
		if time.Since(told) >= moveTold {
			told = time.Now()
			l.log.Info("moving blocks into the archive", "height", l.waiting-1, "to", last)
		}
	}
	l.log.Info("all blocks are in the archive", "blocks", last+1-first, "took_ms", time.Since(begun).Milliseconds())
	return nil
}

// firstValue returns the lowest height whose block is a value.
func (l *Ledger) firstValue() (height uint64, ok bool, err error) {
	err = scan(l.db, []byte{tableHeader}, nil, func(key, _ []byte) (bool, error) {
		if len(key) != 1+8 {
			return false, fmt.Errorf("%w: a key of %d bytes", ErrDamaged, len(key))
		}
		height, ok = binary.BigEndian.Uint64(key[1:]), true
		return false, nil
	})
	return height, ok, err
}

// moveSome moves so many of the blocks that wait as one step has.
func (l *Ledger) moveSome(last uint64) error {
	w, from := batchWriter{b: l.db.NewBatch()}, l.waiting
	for moved := 0; l.waiting <= last && moved < l.moveBytes; {
		n, err := l.archiveValues(&w, last+1)
		if err != nil {
			return err
		}
		moved += n + frameHeadBytes
	}
	for _, table := range valueTables { // by ranges: a whole table of Pebble may go at once
		if w.err == nil {
			w.err = w.b.DeleteRange(heightKey(table, from), heightKey(table, l.waiting), nil)
		}
	}
	w.set([]byte{tableMeta, metaIdentity}, l.identity(LedgerVersion))
	w.set([]byte{tableMeta, metaSeal}, wire.AppendUint64(nil, l.guard.sequence()))
	if w.err != nil {
		return w.err
	}
	if err := l.db.Apply(w.b, pebble.Sync); err != nil {
		return err
	}
	return w.b.Close()
}

// identity is what a ledger of a version says it is.
func (l *Ledger) identity(version uint32) []byte {
	return append(wire.AppendUint32(nil, version), l.chain[:]...)
}
