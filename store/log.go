package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits and names of a Log.
const (
	// FrameBytesMax is the largest frame, for writer and reader alike. A turn
	// is cut by the node long before: it would take a full window of the
	// largest blocks in one turn to come near. A state too large for one frame
	// is compacted into several.
	FrameBytesMax = 64 << 20

	// LogVersion is the version of the format that this package writes and the
	// only one it reads.
	LogVersion = 1

	logName     = "consensus.log"
	logNewName  = "consensus.log.new"
	logLockName = "LOCK"

	// A buffer beyond this many bytes is not kept for the next frame.
	logBufferBytesMax = 4 << 20
)

// Errors of a Log, compared with errors.Is.
var (
	// ErrAmnesic says that the log lacks, or may lack, something that was
	// acknowledged. The replica may fetch, execute and answer reads, but must
	// not sign with this key again until its member has ordered a new one
	// (section 7). The files are left as they are.
	ErrAmnesic = errors.New("store: amnesic")
	// ErrPoisoned says that a write or sync has failed earlier: what is on
	// disk is unknown and the process must stop.
	ErrPoisoned = errors.New("store: unusable after a failed write or sync")
	// ErrFrameSize says that a frame is empty or beyond FrameBytesMax. Nothing
	// was written.
	ErrFrameSize = errors.New("store: frame empty or too large")
	// ErrNotBegun says that the file for a compaction could not be made, as when
	// no descriptor is left: the log is as it was, and it may be tried again.
	ErrNotBegun = errors.New("store: compaction of the log not begun")
	// ErrVersion says that another version of the program wrote the files.
	// They are left as they are.
	ErrVersion = errors.New("store: format of another version")
)

// LogID names the key whose promises a log holds.
type LogID struct {
	Chain [32]byte // digest of the chain
	Key   [32]byte // public key of the replica
}

// The file is one header and then frames. All integers are little-endian.
//
//	header  magic [8] | version u32 | chain [32] | key [32] | mark [8] |
//	        first sequence u64 | prev u32 | crc u32
//	frame   mark [8] | length u32 | sequence u64 | prev u32 | crc u32 | data
//
// crc is CRC-32C over all that stands before it and, in a frame, the data. prev
// is the crc of the frame before: of the header for the first frame, and in the
// header the one that ended the file which this one replaced. So frames cannot
// change places, and bytes of another file never fit in.
//
// mark is drawn at random when the log is created, without zero bytes, and
// opens every frame. No outsider knows it, so no payload can contain it, and
// finding it behind a damaged frame proves that a later frame was written.
const (
	logMagic         = "scriplog"
	logMarkBytes     = 8
	logHeaderBytes   = 8 + 4 + 32 + 32 + logMarkBytes + 8 + 4 + 4
	frameHeaderBytes = logMarkBytes + 4 + 8 + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Log is the consensus log of one key, open in this process only. It is not
// safe for concurrent use.
//
// There is one file. It grows by Append and is replaced whole by Compact, so it
// has no segments that could go missing singly. Blocks are not preallocated:
// measured on ext4, that gains less than a fifth at the sizes of real turns.
type Log struct {
	fs   FS
	dir  string
	lock io.Closer
	file File
	logHeader
	next   uint64 // sequence of the next frame
	last   uint64 // sequence of the last frame that no crash takes
	crc    uint32 // of the last frame, or of the header
	bytes  int64  // length of the file
	cut    int64  // bytes of an interrupted frame dropped by OpenLog
	buf    []byte
	failed error // first failed write or sync
}

type logHeader struct {
	id    LogID
	mark  [logMarkBytes]byte
	first uint64
	prev  uint32
}

func (h *logHeader) encode() []byte {
	b := make([]byte, 0, logHeaderBytes)
	b = append(b, logMagic...)
	b = wire.AppendUint32(b, LogVersion)
	b = append(b, h.id.Chain[:]...)
	b = append(b, h.id.Key[:]...)
	b = append(b, h.mark[:]...)
	b = wire.AppendUint64(b, h.first)
	b = wire.AppendUint32(b, h.prev)
	return wire.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (h *logHeader) headerCRC() uint32 {
	return crc32.Checksum(h.encode()[:logHeaderBytes-4], castagnoli)
}

func (h *logHeader) appendFrame(b []byte, sequence uint64, prev uint32, data []byte) ([]byte, uint32) {
	start := len(b)
	b = append(b, h.mark[:]...)
	b = wire.AppendUint32(b, uint32(len(data)))
	b = wire.AppendUint64(b, sequence)
	b = wire.AppendUint32(b, prev)
	crc := crc32.Update(crc32.Checksum(b[start:], castagnoli), castagnoli, data)
	b = wire.AppendUint32(b, crc)
	return append(b, data...), crc
}

// CreateLog makes the log of a new key in dir, holding frames, and returns it
// open. It must run before the key is written anywhere: a key without its log
// is amnesic, a log without its key is harmless. It fails with fs.ErrExist if
// dir holds a log.
func CreateLog(fsys FS, dir string, id LogID, frames ...[]byte) (*Log, error) {
	l := &Log{fs: fsys, dir: dir, next: 1}
	l.id, l.first = id, 1
	if err := l.check(frames...); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	if _, err := rand.Read(l.mark[:]); err != nil {
		return nil, fmt.Errorf("create log: draw its mark: %w", err)
	}
	for i, b := range l.mark {
		l.mark[i] = max(b, 1)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	if err := l.takeLock(); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	f, err := fsys.Open(l.path(logName))
	if err == nil {
		_ = f.Close() // only its existence counts
		err = fmt.Errorf("%s: %w", l.path(logName), fs.ErrExist)
	} else if errors.Is(err, fs.ErrNotExist) {
		var fresh File
		if fresh, err = l.createNew(); err == nil {
			err = l.replace(fresh, frames)
		}
	}
	if err != nil {
		l.release()
		return nil, fmt.Errorf("create log: %w", err)
	}
	l.last = l.next - 1
	return l, nil
}

// OpenLog opens the log of id in dir after a stop or a crash, cutting off a
// last frame whose writing was interrupted. It never creates a log. The frames
// are read by Frames.
//
// Errors: ErrAmnesic if the log is missing, of another key or chain, or has
// lost anything but such an interrupted frame; ErrVersion; ErrLocked; or that
// of the disk. A last frame damaged later on the disk looks interrupted; only
// the peers, asked at every restart (section 11), can tell.
func OpenLog(fsys FS, dir string, id LogID) (*Log, error) {
	l := &Log{fs: fsys, dir: dir}
	l.id = id
	if err := l.takeLock(); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := l.recover(); err != nil {
		l.release()
		return nil, fmt.Errorf("open log: %w", err)
	}
	l.last = l.next - 1
	return l, nil
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }

func (l *Log) takeLock() (err error) {
	l.lock, err = l.fs.Lock(l.path(logLockName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: no directory %s", ErrAmnesic, l.dir)
	}
	return err
}

func (l *Log) release() {
	if l.file != nil {
		_ = l.file.Close() // nothing unsynced that counts is left in it
		l.file = nil
	}
	_ = l.lock.Close() // the lock ends with the process at the latest
}

// recover verifies the file and then writes its good part anew. The copy makes
// two things certain that reading cannot: that an interrupted frame is gone
// from the disk, and that what was read is on it. After a failed sync a kernel
// may go on showing data that it will never write.
func (l *Log) recover() error {
	f, err := l.fs.Open(l.path(logName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrAmnesic, err)
	}
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		l.file, l.bytes = f, size
		err = l.verify()
	}
	if err != nil {
		return err
	}
	l.cut = size - l.bytes
	fresh, err := l.createNew()
	if err != nil {
		return err
	}
	return l.rewrite(fresh, func(w io.Writer) error {
		// Only Write and ReadAt may show: a copy inside the kernel might share
		// the very blocks that are in doubt.
		from := io.NewSectionReader(f, 0, l.bytes)
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{from}, make([]byte, logReadBufferBytes))
		return err
	})
}

// createNew makes the empty file that is to replace the log. Nothing of the log
// changes if it fails.
func (l *Log) createNew() (File, error) {
	name := l.path(logNewName)
	if err := l.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return l.fs.Create(name)
}

// rewrite replaces the file by fresh: write, sync, rename, sync the directory. A
// crash leaves the old file or the new one. l.file is closed and becomes fresh.
func (l *Log) rewrite(fresh File, write func(io.Writer) error) error {
	old := l.file
	l.file = fresh
	err := write(fresh)
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = l.fs.Rename(l.path(logNewName), l.path(logName))
	}
	if old != nil {
		_ = old.Close() // it is replaced, or the log is poisoned; its descriptor serves the next step
	}
	if err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}

// replace rewrites the file as fresh, which begins with frames, numbered from
// l.next. l.first and l.prev are set by the caller.
func (l *Log) replace(fresh File, frames [][]byte) error {
	l.buf = append(l.buf[:0], l.encode()...)
	l.crc = l.headerCRC()
	l.bytes = 0
	return l.rewrite(fresh, func(w io.Writer) error {
		for _, data := range frames {
			if len(l.buf) > logBufferBytesMax {
				if err := l.flush(w); err != nil {
					return err
				}
			}
			l.buf, l.crc = l.appendFrame(l.buf, l.next, l.crc, data)
			l.next++
		}
		return l.flush(w)
	})
}

// flush writes the buffer.
func (l *Log) flush(w io.Writer) error {
	n, err := w.Write(l.buf)
	if err == nil && n < len(l.buf) {
		err = io.ErrShortWrite
	}
	l.bytes += int64(n)
	if cap(l.buf) > logBufferBytesMax {
		l.buf = nil
	}
	l.buf = l.buf[:0]
	return err
}

// Append makes frame durable: one write, one sync. When it returns nil, the
// frame will be there after any crash; when not, it may or may not.
//
// Errors: ErrFrameSize, with nothing written; otherwise the log is poisoned.
func (l *Log) Append(frame []byte) error {
	if err := l.check(frame); err != nil {
		return err
	}
	l.buf, l.crc = l.appendFrame(l.buf[:0], l.next, l.crc, frame)
	l.next++
	err := l.flush(l.file)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return l.poison(fmt.Errorf("append frame %d: %w", l.next-1, l.named(err)))
	}
	l.last = l.next - 1
	return nil
}

// Compact replaces everything in the log by frames, which must hold the whole
// durable state of the replica and, see the package comment, the blocks above
// the ledger's synced height. Either the old contents or frames survive a
// crash; after Compact has returned nil, frames do.
//
// Errors: ErrFrameSize for no frame at all or one of a refused size, and
// ErrNotBegun, with nothing written; otherwise the log is poisoned.
func (l *Log) Compact(frames ...[]byte) error {
	if len(frames) == 0 {
		return ErrFrameSize
	}
	if err := l.check(frames...); err != nil {
		return err
	}
	fresh, err := l.createNew()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotBegun, err)
	}
	l.first, l.prev = l.next, l.crc
	if err := l.replace(fresh, frames); err != nil {
		return l.poison(fmt.Errorf("compact log: %w", err))
	}
	l.last = l.next - 1
	return nil
}

func (l *Log) check(frames ...[]byte) error {
	if l.failed != nil {
		return l.failed
	}
	for _, f := range frames {
		if len(f) == 0 || len(f) > FrameBytesMax {
			return fmt.Errorf("%w: %d bytes, at most %d", ErrFrameSize, len(f), FrameBytesMax)
		}
	}
	return nil
}

// named lets an error of the file in use name it as it is called. A file goes on
// naming itself as it was called when it was made, before it replaced the log.
func (l *Log) named(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && at.Path == l.path(logNewName) {
		at.Path = l.path(logName)
	}
	return err
}

func (l *Log) poison(err error) error {
	l.failed = fmt.Errorf("%w: %w", ErrPoisoned, err)
	return l.failed
}

// Err returns nil, or what poisoned the log.
func (l *Log) Err() error { return l.failed }

// LastFrame returns the sequence number of the last frame, 0 if there was none yet. It
// grows for ever, also when the log is replaced. A frame counts once no crash takes it: one
// of a compaction when the new name is durable too.
func (l *Log) LastFrame() uint64 { return l.last }

// Bytes returns the length of the file, for deciding when to compact.
func (l *Log) Bytes() int64 { return l.bytes }

// CutBytes returns how much of an interrupted frame OpenLog has dropped.
func (l *Log) CutBytes() int64 { return l.cut }

// Close gives up the file and the lock. It syncs nothing: every frame already
// is.
func (l *Log) Close() error {
	if l.failed == nil {
		l.failed = fmt.Errorf("%w: closed", ErrPoisoned)
	}
	if l.file == nil {
		return nil
	}
	l.release()
	return nil
}
