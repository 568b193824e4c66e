package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits and names of the archive.
const (
	// ArchiveVersion is the version of the segments that this package writes and the
	// only one it reads.
	ArchiveVersion = 1
	// SegmentBytesDefault is the size from which on a segment is finished: large enough
	// that a year of blocks is some hundred files, small enough to be read as a whole
	// where a start verifies the last one.
	SegmentBytesDefault = 64 << 20

	// segmentHeightsMax bounds the heights of a segment, whose places are in memory while
	// it is the last one.
	segmentHeightsMax = 1 << 20

	segmentMagic   = "scripseg"
	segmentPrefix  = "blocks-"
	segmentSuffix  = ".seg"
	segmentNewName = "blocks.new"
	// archivePartBytesMax bounds one part of a frame, for writer and reader alike. No
	// block that a committee may agree on comes near.
	archivePartBytesMax = FrameBytesMax
)

// The parts of a frame, in the order in which they lie. A run has one, the first.
const (
	partHeader = iota
	partCertificate
	partReceipts
	partPayload
	partEvents
	partCount
	// partCheckpoint is in no frame of its own: the blocks of a run may have one.
	partCheckpoint = partCount
)

// blockParts are the parts of a block.
type blockParts [partCount + 1][]byte

// The kinds of frames.
const (
	frameBlock = 1 // one block, each part as it was committed
	frameRun   = 2 // blocks without transactions, see Packer
	frameIndex = 3 // the last frame of a finished segment: the place of each height, u32
)

// A segment is one header and then frames, whose heights follow each other. All
// integers are little-endian.
//
//	header  magic [8] | version u32 | chain [32] | first height u64 | prev u32 | crc u32
//	frame   kind u8 | first height u64 | heights u32 | 5 parts { length u32, crc u32 } |
//	        prev u32 | crc u32 | the parts
//
// crc is CRC-32C over what stands before it in header or frame, or over a part. prev
// is the crc of the frame before, of the header for the first frame, and in the header
// that of the last frame with blocks of the segment before. So a frame stands for all
// that lie below it, and what is read of one is verified alone.
const (
	segmentHeaderBytes = 8 + 4 + 32 + 8 + 4 + 4
	frameHeadBytes     = 1 + 8 + 4 + 8*partCount + 4 + 4
)

// segmentFS is what the archive needs of a disk, see FS.
type segmentFS interface {
	Create(name string) (File, error)
	Open(name string) (File, error)
	Rename(oldName, newName string) error
	Remove(name string) error
	SyncDir(dir string) error
	// List returns the names in dir, in any order.
	List(dir string) ([]string, error)
}

// archive holds what of a block never changes, each written once. Frames are appended
// in order of height to the last segment; sync makes them durable. How much of it
// counts stands elsewhere, as an archiveEnd: what lies behind was never relied on and
// is cut when the archive is opened.
//
// append belongs to the owner of the ledger; sync and read are safe for concurrent use.
type archive struct {
	fs       segmentFS
	dir      string
	chain    [32]byte
	bytesMax int64
	// finished is told of each segment that is complete and durable, before the next
	// one is begun.
	finished func(fileSum) error

	syncing sync.Mutex // held while the file is synced or gives way to the next; guards durable
	durable uint64

	mu      sync.RWMutex // guards all below against readers, who hold it while they use file
	done    []segment    // ascending
	file    File         // the last segment, nil = none yet
	end     archiveEnd
	offsets []uint32 // of the heights in file
	sum     uint32   // of all bytes of file
	written uint64   // bytes since the archive was opened
	buf     []byte   // the owner's

	packer Packer // nil: runs cannot be read
	unpack sync.Mutex
	run    run // the last one that was read; guarded by unpack
}

// run is an unpacked one.
type run struct {
	first  uint64
	blocks []Quiet
}

// segment is a finished one.
type segment struct {
	first uint64
	size  int64
}

// archiveEnd is where the archive ends.
type archiveEnd struct {
	first    uint64 // height with which the last segment begins, and its name
	next     uint64 // height that follows
	size     uint64 // bytes of the last segment
	crc      uint32 // of the last frame in it, or of its header
	segments uint32 // finished ones; with size 0 there is no segment at all
}

func (e *archiveEnd) encode() []byte {
	b := wire.AppendUint64(make([]byte, 0, 3*8+2*4), e.first)
	b = wire.AppendUint64(wire.AppendUint64(b, e.next), e.size)
	return wire.AppendUint32(wire.AppendUint32(b, e.crc), e.segments)
}

func decodeArchiveEnd(b []byte) (e archiveEnd, err error) {
	r := wire.NewReader(b)
	e = archiveEnd{first: r.Uint64(), next: r.Uint64(), size: r.Uint64(), crc: r.Uint32(), segments: r.Uint32()}
	if err := r.Close(); err != nil {
		return e, fmt.Errorf("%w: end of the archive: %w", ErrDamaged, err)
	}
	return e, nil
}

// frame is what append writes.
type frame struct {
	kind   uint8
	first  uint64
	count  uint32
	parts  [partCount][]byte
	places []uint32 // of an index
}

// frameHead is the beginning of a frame as it is read.
type frameHead struct {
	kind      uint8
	first     uint64
	count     uint32
	lengths   [partCount]uint32
	sums      [partCount]uint32
	prev, crc uint32
}

func segmentName(first uint64) string {
	return fmt.Sprintf("%s%020d%s", segmentPrefix, first, segmentSuffix)
}

// isSegment tells the files of the archive.
func isSegment(name string) bool {
	_, ok := segmentFirst(name)
	return ok
}

func segmentFirst(name string) (first uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if digits, ok = strings.CutSuffix(digits, segmentSuffix); !ok || len(digits) != 20 {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && segmentName(first) == name
}

func (a *archive) path(name string) string { return filepath.Join(a.dir, name) }

// appendFrame appends the encoding of f behind a frame whose crc is prev.
func appendFrame(b []byte, f *frame, prev uint32) (out []byte, crc uint32) {
	start := len(b)
	b = append(b, f.kind)
	b = wire.AppendUint32(wire.AppendUint64(b, f.first), f.count)
	for _, part := range f.parts {
		b = wire.AppendUint32(wire.AppendUint32(b, uint32(len(part))), crc32.Checksum(part, castagnoli))
	}
	b = wire.AppendUint32(b, prev)
	crc = crc32.Checksum(b[start:], castagnoli)
	b = wire.AppendUint32(b, crc)
	for _, part := range f.parts {
		b = append(b, part...)
	}
	return b, crc
}

func decodeFrameHead(b []byte) (h frameHead, err error) {
	r := wire.NewReader(b)
	h.kind, h.first, h.count = r.Uint8(), r.Uint64(), r.Uint32()
	for i := range h.lengths {
		h.lengths[i], h.sums[i] = r.Uint32(), r.Uint32()
	}
	h.prev, h.crc = r.Uint32(), r.Uint32()
	if r.Err() != nil || crc32.Checksum(b[:frameHeadBytes-4], castagnoli) != h.crc {
		return h, fmt.Errorf("%w: the head of a frame", ErrDamaged)
	}
	for _, n := range h.lengths {
		if n > archivePartBytesMax {
			return h, fmt.Errorf("%w: a part of %d bytes", ErrDamaged, n)
		}
	}
	return h, nil
}

// bytes returns how long the frame is.
func (h *frameHead) bytes() int64 {
	n := int64(frameHeadBytes)
	for _, length := range h.lengths {
		n += int64(length)
	}
	return n
}

// append writes a frame behind the last one and returns where the archive ends then.
// It is in the hands of the machine, and durable after sync.
func (a *archive) append(f *frame) (archiveEnd, error) {
	for _, part := range f.parts {
		if len(part) > archivePartBytesMax {
			return a.end, fmt.Errorf("archive block %d: a part of %d bytes", f.first, len(part))
		}
	}
	if a.file != nil && (int64(a.end.size) >= a.bytesMax || len(a.offsets) >= segmentHeightsMax) {
		if err := a.finish(); err != nil {
			return a.end, fmt.Errorf("finish a segment of the archive: %w", err)
		}
	}
	if a.file == nil {
		if err := a.begin(f.first); err != nil {
			return a.end, fmt.Errorf("begin a segment of the archive: %w", err)
		}
	}
	if f.first != a.end.next {
		return a.end, fmt.Errorf("%w: archive block %d, the next is %d", ErrHeight, f.first, a.end.next)
	}
	if err := a.put(f); err != nil {
		return a.end, fmt.Errorf("archive block %d: %w", f.first, err)
	}
	return a.end, nil
}

// put writes a frame and makes it known.
func (a *archive) put(f *frame) error {
	b, crc := appendFrame(a.buf[:0], f, a.end.crc)
	at := a.end.size
	sum := crc32.Update(a.sum, castagnoli, b) // before the disk may change b
	n, err := a.file.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if a.buf = b[:0]; cap(b) > logBufferBytesMax {
		a.buf = nil
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sum, a.written = sum, a.written+uint64(n)
	a.end.size += uint64(n)
	if f.kind == frameIndex {
		return nil
	}
	a.end.crc = crc
	for range f.count {
		a.offsets = append(a.offsets, uint32(at))
	}
	a.end.next += uint64(f.count)
	return nil
}

// begin makes the segment that begins with a height. Its name is durable before
// anything can refer to it.
func (a *archive) begin(first uint64) error {
	f, err := a.fs.Create(a.path(segmentName(first)))
	if err != nil {
		return err
	}
	b := a.header(first, a.end.crc)
	n, err := f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = a.fs.SyncDir(a.dir)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.file, a.offsets = f, nil
	a.sum, a.written = crc32.Checksum(b, castagnoli), a.written+uint64(n)
	a.end.first, a.end.next, a.end.size = first, first, uint64(n)
	a.end.crc = headerSum(b)
	return nil
}

func (a *archive) header(first uint64, prev uint32) []byte {
	b := make([]byte, 0, segmentHeaderBytes)
	b = append(b, segmentMagic...)
	b = wire.AppendUint32(b, ArchiveVersion)
	b = append(b, a.chain[:]...)
	b = wire.AppendUint32(wire.AppendUint64(b, first), prev)
	return wire.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func headerSum(header []byte) uint32 {
	return crc32.Checksum(header[:segmentHeaderBytes-4], castagnoli)
}

// finish ends the last segment with its index, makes it durable, and lets it be sealed.
func (a *archive) finish() error {
	index := &frame{kind: frameIndex, first: a.end.first, count: uint32(len(a.offsets))}
	for _, at := range a.offsets {
		index.parts[partHeader] = wire.AppendUint32(index.parts[partHeader], at)
	}
	if err := a.put(index); err != nil {
		return err
	}
	a.syncing.Lock()
	defer a.syncing.Unlock()
	if err := a.file.Sync(); err != nil {
		return err
	}
	a.durable = a.written
	sum := fileSum{name: segmentName(a.end.first), length: int64(a.end.size), crc: a.sum}
	if err := a.finished(sum); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.file.Close()
	a.file, a.offsets = nil, nil
	a.done = append(a.done, segment{a.end.first, sum.length})
	a.end.segments++
	return err
}

// sync makes durable what was appended before the call.
func (a *archive) sync() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	a.mu.RLock()
	file, written := a.file, a.written
	a.mu.RUnlock()
	if written == a.durable {
		return nil
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync the archive: %w", err)
	}
	a.durable = written
	return nil
}

// close lets the file go. What was not synced may get lost.
func (a *archive) close() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}

// holds reports whether the archive has a height.
func (a *archive) holds(height uint64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return height < a.end.next && (a.file != nil && height >= a.end.first || len(a.done) > 0 && height >= a.done[0].first)
}

// parts says which parts of a frame are wanted, one bit for each.
type parts uint8

const (
	wantHeader parts = 1 << iota
	wantCertificate
	wantReceipts
	wantPayload
	wantEvents
	wantCheckpoint
)

// read returns the wanted parts of the block at a height; ok is false if the archive
// does not have it. The error wraps ErrDamaged if what is there is not what was written.
func (a *archive) read(height uint64, want parts) (b blockParts, ok bool, err error) {
	a.mu.RLock()
	if a.file != nil && height >= a.end.first {
		defer a.mu.RUnlock()
		if height >= a.end.next {
			return b, false, nil
		}
		b, err = a.readAt(a.file, int64(a.offsets[height-a.end.first]), height, want)
		return b, err == nil, named(err, a.end.first)
	}
	s, count, ok := a.doneAt(height)
	a.mu.RUnlock()
	if !ok {
		return b, false, nil
	}
	b, err = a.readDone(s, count, height, want)
	return b, err == nil, named(err, s.first)
}

// readAt reads a block from the frame at a place.
func (a *archive) readAt(f io.ReaderAt, at int64, height uint64, want parts) (b blockParts, err error) {
	h, b, err := readFrame(f, at, height, want)
	if err != nil || h.kind != frameRun {
		return b, err
	}
	a.unpack.Lock()
	defer a.unpack.Unlock()
	if a.run.blocks == nil || a.run.first != h.first || len(a.run.blocks) != int(h.count) {
		if a.packer == nil {
			return b, errNoPacker
		}
		blocks, err := a.packer.Unpack(b[partHeader])
		if err != nil || len(blocks) != int(h.count) {
			return b, fmt.Errorf("%w: a run of %d blocks, not %d: %w", ErrDamaged, len(blocks), h.count, err)
		}
		a.run = run{h.first, blocks}
	}
	x := &a.run.blocks[height-h.first]
	return blockParts{partHeader: x.Header, partCertificate: x.Certificate, partReceipts: {}, partPayload: {},
		partCheckpoint: x.Checkpoint}, nil
}

func named(err error, first uint64) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", segmentName(first), err)
}

// doneAt returns the finished segment with a height, and how many heights it has.
func (a *archive) doneAt(height uint64) (s segment, count uint64, ok bool) {
	i, exact := slices.BinarySearchFunc(a.done, height, func(s segment, h uint64) int {
		switch {
		case s.first < h:
			return -1
		case s.first > h:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	if i < 0 {
		return s, 0, false
	}
	next := a.end.next
	if i+1 < len(a.done) {
		next = a.done[i+1].first
	} else if a.file != nil {
		next = a.end.first
	}
	return a.done[i], next - a.done[i].first, height < next
}

// readDone reads a block of a finished segment, which ends with its index.
func (a *archive) readDone(s segment, count, height uint64, want parts) (b blockParts, err error) {
	f, err := a.fs.Open(a.path(segmentName(s.first)))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return b, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var at [4]byte
	if _, err := f.ReadAt(at[:], s.size-4*int64(count)+4*int64(height-s.first)); err != nil {
		return b, fmt.Errorf("%w: its index: %w", ErrDamaged, err)
	}
	return a.readAt(f, int64(wire.NewReader(at[:]).Uint32()), height, want)
}

// frameFirstBytes are read at once: the head with what most frames have of header and
// certificate.
const frameFirstBytes = 1 << 10

// readFrame reads parts of the frame at a place, which must be that of a height. Of a
// run it reads all.
func readFrame(f io.ReaderAt, at int64, height uint64, want parts) (h frameHead, b blockParts, err error) {
	first := make([]byte, frameFirstBytes)
	n, err := f.ReadAt(first, at)
	if first = first[:n]; n < frameHeadBytes {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: nothing at %d", ErrDamaged, at)
		}
		return h, b, err
	}
	if h, err = decodeFrameHead(first[:frameHeadBytes]); err != nil {
		return h, b, err
	}
	switch {
	case h.kind != frameBlock && h.kind != frameRun, height < h.first, height-h.first >= uint64(h.count):
		return h, b, fmt.Errorf("%w: another frame at %d", ErrDamaged, at)
	case h.kind == frameRun:
		want = wantHeader
	}
	from := int64(frameHeadBytes)
	for i, length := range h.lengths {
		end := from + int64(length)
		switch {
		case want>>i&1 == 0:
		case end <= int64(len(first)):
			b[i] = first[from:end:end]
		default:
			b[i] = make([]byte, length)
			if _, err := f.ReadAt(b[i], at+from); err != nil && !(errors.Is(err, io.EOF) && length == 0) {
				return h, b, damagedEnd(err)
			}
		}
		if want>>i&1 != 0 && crc32.Checksum(b[i], castagnoli) != h.sums[i] {
			return h, b, fmt.Errorf("%w: block %d is not what it was", ErrDamaged, height)
		}
		from = end
	}
	return h, b, nil
}
