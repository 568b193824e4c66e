package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/pbft/wire"
)

// ErrDamaged says that the ledger on disk is not what it was, or cannot show that
// it is. Nothing of it may be answered: it is set aside and made again from the
// blocks of the other members.
var ErrDamaged = errors.New("store: damaged ledger")

// A seal says what the files of a ledger were when Pebble last relied on them.
// Pebble's list of tables is a log whose damaged end it takes for an interrupted
// write: then it plays an old write-ahead log over an older set of tables, and
// shows a state that never was. The seal knows how long the list was, so a list
// that has become shorter, older or another one is found before it is read.
//
// The file is replaced whole, never changed:
//
//	magic [8] | version u32 | sequence u64 | begun u8 | height + 1 u64 | root [32] |
//	list | next list | count u32, files | crc u32
//	list    name, length u64, crc u32
//	file    name, length u64, crc u32
//
// Integers are little-endian, names stand behind their length u32, and every crc
// is CRC-32C.
type seal struct {
	// sequence counts the seals of this ledger. Each block notes the one that it
	// was written under, so that an older seal, or none, is told by the rows.
	sequence uint64
	// begun says that the ledger has its identity: from then on it is never empty.
	begun bool
	// synced is a height + 1 below which no crash can take the ledger, 0 = none, and
	// root the root of the state there.
	synced uint64
	root   [32]byte
	// list is Pebble's list of tables. next, while it is replaced, the new one.
	list, next fileSum
	// files are the finished tables and write-ahead logs by name. A table may be
	// gone, since Pebble misses those that it needs; of a log it does not know.
	files map[string]fileSum
}

// fileSum is what a file must begin with: so many bytes with this checksum.
type fileSum struct {
	name   string // "" = no file
	length int64
	crc    uint32
}

const (
	sealName    = "SEAL"
	sealNewName = "SEAL.new"
	sealMagic   = "scrpseal"
	sealVersion = 1
	sealNameMax = 64
	sealFileMin = 4 + 8 + 4 // bytes of the shortest entry
	// sealFilesMax bounds the files of a seal when it is read: a ledger of a terabyte has
	// a tenth of it, since the tables of its last level have up to 128 MiB.
	sealFilesMax = 1 << 17
)

func (s *seal) encode() []byte {
	b := wire.AppendUint32([]byte(sealMagic), sealVersion)
	b = wire.AppendUint64(b, s.sequence)
	begun := uint8(0)
	if s.begun {
		begun = 1
	}
	b = wire.AppendUint8(b, begun)
	b = wire.AppendUint64(b, s.synced)
	b = append(b, s.root[:]...)
	b = s.next.append(s.list.append(b))
	b = wire.AppendUint32(b, uint32(len(s.files)))
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		sum := s.files[name]
		b = sum.append(b)
	}
	return wire.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (f *fileSum) append(b []byte) []byte {
	return wire.AppendUint32(wire.AppendUint64(wire.AppendString(b, f.name), uint64(f.length)), f.crc)
}

func readFileSum(r *wire.Reader) fileSum {
	return fileSum{name: string(r.Bytes(sealNameMax)), length: int64(r.Uint64()), crc: r.Uint32()}
}

// decodeSeal is the inverse of encode. Whatever is not a whole seal is damage, but
// one of a later version.
func decodeSeal(b []byte) (*seal, error) {
	const fixed = len(sealMagic) + 4
	if len(b) < fixed+4 || !bytes.HasPrefix(b, []byte(sealMagic)) {
		return nil, fmt.Errorf("%w: its seal is damaged", ErrDamaged)
	}
	body, end := b[:len(b)-4], wire.NewReader(b[len(b)-4:])
	if end.Uint32() != crc32.Checksum(body, castagnoli) {
		return nil, fmt.Errorf("%w: its seal is damaged", ErrDamaged)
	}
	r := wire.NewReader(body[len(sealMagic):])
	if v := r.Uint32(); v != sealVersion {
		return nil, fmt.Errorf("%w: seal %d", ErrVersion, v)
	}
	s := &seal{sequence: r.Uint64(), begun: r.Uint8() != 0, synced: r.Uint64(), root: r.Bytes32(),
		files: map[string]fileSum{}}
	s.list, s.next = readFileSum(r), readFileSum(r)
	for range r.Count(sealFilesMax, sealFileMin) {
		f := readFileSum(r)
		s.files[f.name] = f
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: its seal: %w", ErrDamaged, err)
	}
	return s, nil
}

// readSeal returns nil if the directory has no seal.
func readSeal(fs vfs.FS, dir string, names []string) (*seal, error) {
	if !slices.Contains(names, sealName) {
		return nil, nil
	}
	b, err := readWhole(fs, fs.PathJoin(dir, sealName))
	if err != nil {
		return nil, fmt.Errorf("read the seal: %w", err)
	}
	return decodeSeal(b)
}

// write replaces the seal on disk, durably.
func (s *seal) write(fs vfs.FS, dir string) error {
	name := fs.PathJoin(dir, sealNewName)
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("write the seal: %w", err)
	}
	_, err = f.Write(s.encode())
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fs.Rename(name, fs.PathJoin(dir, sealName))
	}
	if err == nil {
		err = syncDir(fs, dir)
	}
	if err != nil {
		return fmt.Errorf("write the seal: %w", err)
	}
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readWhole(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// sumBufferBytes is how much of a file is read at a time.
const sumBufferBytes = 256 << 10

// sumFile reads a file, at most the first limit bytes, and returns how many there
// were with their checksum. pace, if not nil, is asked after each piece of it.
func sumFile(fs vfs.FS, path string, limit int64, scratch []byte, pace func(n int) error) (
	length int64, crc uint32, err error,
) {
	f, err := fs.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := io.LimitReader(f, limit)
	for {
		n, err := r.Read(scratch)
		crc = crc32.Update(crc, castagnoli, scratch[:n])
		length += int64(n)
		if errors.Is(err, io.EOF) {
			return length, crc, nil
		}
		if err == nil && pace != nil {
			err = pace(n)
		}
		if err != nil {
			return length, crc, err
		}
	}
}

// check compares a file with its sum: its beginning, or all of it if whole.
func (f *fileSum) check(fs vfs.FS, dir string, whole bool, scratch []byte, pace func(n int) error) error {
	path := fs.PathJoin(dir, f.name)
	info, err := fs.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if info.Size() < f.length || whole && info.Size() != f.length {
		return fmt.Errorf("%w: %s has %d bytes, it had %d", ErrDamaged, f.name, info.Size(), f.length)
	}
	length, crc, err := sumFile(fs, path, f.length, scratch, pace)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", f.name, err)
	case length != f.length || crc != f.crc:
		return fmt.Errorf("%w: %s is not what it was", ErrDamaged, f.name)
	}
	return nil
}
