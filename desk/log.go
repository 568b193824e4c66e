package desk

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// Layout of a batch's log: a header and then one record for each serial in order.
//
//	header  magic "scripdsk" | version u32 = 1 | chain [32] | ticket key [32] | campaign u32 | batch u16 |
//	        first u32 | count u32 | expires u64 | crc u32
//	record  claim key [32] | serial u32 | crc u32
//
// A record that cannot be read, torn by a crash or damaged, burns its serial: nobody
// gets that one, since somebody may have it.
const (
	logMagic    = "scripdsk"
	logVersion  = 1
	headerBytes = 8 + 4 + 32 + 32 + 4 + 2 + 4 + 4 + 8 + 4
	recordBytes = 32 + 4 + 4
)

// TicketsMax bounds the serials of a batch that a desk serves, which it holds in
// memory by claim key.
const TicketsMax = 1 << 20

// Errors of a log.
var (
	errExhausted = errors.New("no serial is left in the batch")
	// ErrDisk says that an assignment could not be made durable. The batch gives no
	// new tickets until the desk is opened again.
	ErrDisk = errors.New("the desk cannot write")
	// ErrDamaged says that a log is not of its batch, or not a log.
	ErrDamaged = errors.New("the log is damaged")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchLog remembers, durably, which claim key was given which serial. It is safe
// for concurrent use. Requests that come together share one sync: the first of
// them writes for all that wait.
type batchLog struct {
	batch Batch
	file  store.File

	mu      sync.Mutex // guards all below
	turn    sync.Cond  // on mu: a write has ended
	serials map[[32]byte]uint32
	used    uint32 // records in the file and waiting, burnt ones included
	durable uint32 // records that are on disk
	waiting []byte // records that are not yet written
	writing bool
	failed  error
}

func (b *Batch) header(chain [32]byte) []byte {
	h := wire.AppendUint32([]byte(logMagic), logVersion)
	h = append(append(h, chain[:]...), b.TicketKey[:]...)
	h = wire.AppendUint16(wire.AppendUint32(h, b.Campaign), b.Number)
	h = wire.AppendUint64(wire.AppendUint32(wire.AppendUint32(h, b.First), b.Count), b.Expires)
	return wire.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

func record(key [32]byte, serial uint32) []byte {
	b := wire.AppendUint32(append(make([]byte, 0, recordBytes), key[:]...), serial)
	return wire.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func logName(dir string, b *Batch) string {
	return filepath.Join(dir, fmt.Sprintf("batch-%d-%d.log", b.Campaign, b.Number))
}

// openLog opens the log of a batch, or begins it. What it reads it writes anew and
// syncs: after a failed sync a file may show what is not on disk.
func openLog(fsys store.FS, dir string, chain [32]byte, b Batch) (*batchLog, error) {
	name := logName(dir, &b)
	l := &batchLog{batch: b, serials: make(map[[32]byte]uint32)}
	l.turn.L = &l.mu
	content := b.header(chain)
	old, err := fsys.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("open the log of batch %d of campaign %d: %w", b.Number, b.Campaign, err)
	default:
		content, err = l.read(old, content)
		if err = errors.Join(err, old.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	l.used = uint32((len(content) - headerBytes) / recordBytes)
	l.durable = l.used
	if l.file, err = rewrite(fsys, dir, name, content); err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return l, nil
}

// read takes over the records of a file, and returns the content that a new one has.
func (l *batchLog) read(f store.File, header []byte) ([]byte, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > headerBytes+int64(l.batch.Count)*recordBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, more than its batch needs", ErrDamaged, size)
	}
	content := make([]byte, size)
	if _, err := f.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.HasPrefix(content, header) {
		return nil, fmt.Errorf("%w: its header is not that of the batch", ErrDamaged)
	}
	if torn := (len(content) - headerBytes) % recordBytes; torn > 0 {
		content = append(content, make([]byte, recordBytes-torn)...)
	}
	for at := headerBytes; at < len(content); at += recordBytes {
		r := content[at : at+recordBytes]
		serial := l.batch.First + uint32((at-headerBytes)/recordBytes)
		key := [32]byte(r)
		_, twice := l.serials[key]
		if bytes.Equal(r, record(key, serial)) && !twice {
			l.serials[key] = serial
		}
	}
	return content, nil
}

// rewrite puts a file with a content in the place of another, durably, and returns
// it open.
func rewrite(fsys store.FS, dir, name string, content []byte) (f store.File, err error) {
	fresh := name + ".new"
	if err := fsys.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if f, err = fsys.Create(fresh); err != nil {
		return nil, err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fsys.Rename(fresh, name)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// serial returns the serial of a claim key if it has one on disk.
func (l *batchLog) serial(key [32]byte) (serial uint32, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if serial, ok = l.serials[key]; !ok {
		return 0, false, nil
	}
	return serial, true, l.wait(serial)
}

// assign gives a claim key its serial, the same one again, when that is on disk. It
// blocks on the disk.
func (l *batchLog) assign(key [32]byte) (uint32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	serial, ok := l.serials[key]
	if !ok {
		if l.failed != nil {
			return 0, l.failed
		}
		if l.used >= l.batch.Count {
			return 0, errExhausted
		}
		serial = l.batch.First + l.used
		l.used++
		l.serials[key] = serial
		l.waiting = append(l.waiting, record(key, serial)...)
	}
	return serial, l.wait(serial)
}

// wait returns when a serial is on disk, and writes what waits if nobody does. It
// is called with mu held.
func (l *batchLog) wait(serial uint32) error {
	for serial-l.batch.First >= l.durable {
		switch {
		case l.failed != nil:
			return l.failed
		case l.writing:
			l.turn.Wait()
			continue
		}
		b, upTo := l.waiting, l.used
		l.waiting, l.writing = nil, true
		l.mu.Unlock()
		_, err := l.file.Write(b)
		if err == nil {
			err = l.file.Sync()
		}
		l.mu.Lock()
		l.writing = false
		if err != nil {
			l.failed = fmt.Errorf("%w: %w", ErrDisk, err)
		} else {
			l.durable = upTo
		}
		l.turn.Broadcast()
	}
	return nil
}

// left returns how many serials are left.
func (l *batchLog) left() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.batch.Count - l.used
}

// hasFailed reports whether the disk has refused a write.
func (l *batchLog) hasFailed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed != nil
}

// Close closes the file when no write is under way.
func (l *batchLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writing {
		l.turn.Wait()
	}
	if l.failed == nil {
		l.failed = ErrDisk
	}
	return l.file.Close()
}
