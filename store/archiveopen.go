package store

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// open makes the archive end where it must: it cuts what lies behind, and verifies the
// last segment as a whole. unseal is called with the names of files that are about to
// be cut or removed. Finished segments are compared with the seal elsewhere.
//
// The error wraps ErrDamaged if anything is missing or not what it was; the version
// and the chain are part of that, since the end does not fit another's segments.
func (a *archive) open(end archiveEnd, unseal func(names ...string) error) error {
	firsts, err := a.list()
	if err != nil {
		return err
	}
	if end.size == 0 {
		return a.remove(firsts, unseal)
	}
	at, there := slices.BinarySearch(firsts, end.first)
	if !there || at != int(end.segments) {
		return fmt.Errorf("%w: the archive has %d segments up to %s, it had %d", ErrDamaged, at,
			segmentName(end.first), end.segments)
	}
	if err := a.remove(firsts[at+1:], unseal); err != nil {
		return err
	}
	for _, first := range firsts[:at] {
		size, err := a.sizeOf(segmentName(first))
		if err != nil {
			return err
		}
		a.done = append(a.done, segment{first, size})
	}
	name := segmentName(end.first)
	size, err := a.sizeOf(name)
	switch {
	case err != nil:
		return err
	case size < int64(end.size):
		return fmt.Errorf("%w: %s has %d bytes, it had %d", ErrDamaged, name, size, end.size)
	}
	if err := unseal(name); err != nil {
		return err
	}
	if size > int64(end.size) {
		if err := a.cut(name, int64(end.size)); err != nil {
			return fmt.Errorf("cut %s: %w", name, err)
		}
	}
	return a.take(end)
}

// list returns the first heights of the segments, ascending.
func (a *archive) list() (firsts []uint64, err error) {
	names, err := a.fs.List(a.dir)
	if err != nil {
		return nil, fmt.Errorf("list the archive: %w", err)
	}
	for _, name := range names {
		if first, ok := segmentFirst(name); ok {
			firsts = append(firsts, first)
		}
		if name == segmentNewName {
			if err := a.fs.Remove(a.path(name)); err != nil {
				return nil, fmt.Errorf("remove %s: %w", name, err)
			}
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

// remove deletes segments that nothing refers to, the newest first.
func (a *archive) remove(firsts []uint64, unseal func(names ...string) error) error {
	if len(firsts) == 0 {
		return nil
	}
	var names []string
	for _, first := range firsts {
		names = append(names, segmentName(first))
	}
	if err := unseal(names...); err != nil {
		return err
	}
	for _, name := range slices.Backward(names) {
		if err := a.fs.Remove(a.path(name)); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	if err := a.fs.SyncDir(a.dir); err != nil {
		return fmt.Errorf("remove segments: %w", err)
	}
	return nil
}

func (a *archive) sizeOf(name string) (size int64, err error) {
	f, err := a.fs.Open(a.path(name))
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if size, err = f.Size(); err != nil {
		return 0, fmt.Errorf("size of %s: %w", name, err)
	}
	return size, nil
}

// cut replaces a segment by its beginning. The copy is on the disk before it has the
// name, so that a crash leaves the old one or the new one.
func (a *archive) cut(name string, size int64) error {
	old, err := a.fs.Open(a.path(name))
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }() // it is only read
	fresh, err := a.fs.Create(a.path(segmentNewName))
	if err != nil {
		return err
	}
	from := io.NewSectionReader(old, 0, size)
	_, err = io.CopyBuffer(struct{ io.Writer }{fresh}, struct{ io.Reader }{from}, make([]byte, sumBufferBytes))
	if err == nil {
		err = fresh.Sync()
	}
	if err = errors.Join(err, fresh.Close()); err != nil {
		return err
	}
	if err := a.fs.Rename(a.path(segmentNewName), a.path(name)); err != nil {
		return err
	}
	return a.fs.SyncDir(a.dir)
}

// take opens the last segment for more, once all of it has been read and is durable.
func (a *archive) take(end archiveEnd) (err error) {
	name := segmentName(end.first)
	f, err := a.fs.Open(a.path(name))
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	if err = f.Sync(); err == nil {
		err = a.verify(f, end)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("verify %s: %w", name, err), f.Close())
	}
	a.file, a.end = f, end
	return nil
}

// verify reads a segment up to its end and notes where its frames are.
func (a *archive) verify(f File, end archiveEnd) error {
	r := &summed{r: bufio.NewReaderSize(io.NewSectionReader(f, 0, int64(end.size)), sumBufferBytes)}
	header := make([]byte, segmentHeaderBytes)
	if _, err := io.ReadFull(r, header); err != nil {
		return damagedEnd(err)
	}
	x := wire.NewReader(header[len(segmentMagic):])
	version, chain, first := x.Uint32(), x.Bytes32(), x.Uint64()
	switch {
	case string(header[:len(segmentMagic)]) != segmentMagic,
		headerSum(header) != wire.NewReader(header[segmentHeaderBytes-4:]).Uint32(), first != end.first:
		return fmt.Errorf("%w: its header", ErrDamaged)
	case version != ArchiveVersion:
		return fmt.Errorf("%w: archive %d", ErrVersion, version)
	case chain != a.chain:
		return fmt.Errorf("%w: %x", ErrForeign, chain)
	}
	crc, next := headerSum(header), first
	for next < end.next {
		at := r.read
		h, err := verifyFrame(r)
		if err != nil {
			return err
		}
		if h.kind != frameBlock && h.kind != frameRun || h.first != next || h.prev != crc || h.count == 0 {
			return fmt.Errorf("%w: the frame at %d does not follow", ErrDamaged, at)
		}
		for range h.count {
			a.offsets = append(a.offsets, uint32(at))
		}
		crc, next = h.crc, next+uint64(h.count)
	}
	if next != end.next || crc != end.crc || r.read != int64(end.size) {
		return fmt.Errorf("%w: it ends otherwise than it did", ErrDamaged)
	}
	a.sum = r.sum
	return nil
}

// verifyFrame reads one frame and compares its parts with their checksums.
func verifyFrame(r io.Reader) (h frameHead, err error) {
	var head [frameHeadBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return h, damagedEnd(err)
	}
	if h, err = decodeFrameHead(head[:]); err != nil {
		return h, err
	}
	for i, length := range h.lengths {
		sum := crc32.New(castagnoli)
		if _, err := io.CopyN(sum, r, int64(length)); err != nil {
			return h, damagedEnd(err)
		}
		if sum.Sum32() != h.sums[i] {
			return h, fmt.Errorf("%w: block %d is not what it was", ErrDamaged, h.first)
		}
	}
	return h, nil
}

func damagedEnd(err error) error {
	if isEnd(err) {
		return fmt.Errorf("%w: it ends early", ErrDamaged)
	}
	return err
}

// summed counts what is read and sums it up.
type summed struct {
	r    io.Reader
	read int64
	sum  uint32
}

// Read implements io.Reader.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.read += int64(n)
	s.sum = crc32.Update(s.sum, castagnoli, p[:n])
	return n, err
}
