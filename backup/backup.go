package backup

import (
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Inside the encryption a backup is a header and then one record for each file:
//
//	header  magic [8] | version u32 | manifest as bytes
//	record  1 u8 | name as bytes | length u64 | content
//	end     0 u8 | number of records u32
//
// Integers are little-endian, bytes stand behind their length u32.
const (
	magic   = "scrpbkup"
	version = 1

	recordFile = 1
	recordEnd  = 0
)

// Limits of a backup.
const (
	// NameBytesMax is the size of the longest name of a file.
	NameBytesMax = 255
	// FilesMax is the most files, as many as a ledger's seal may name and some more.
	FilesMax = 1<<17 + 1<<12
	// SmallBytesMax is the size of the largest file that is not the ledger's.
	SmallBytesMax    = 1 << 20
	manifestBytesMax = 4096
	textBytesMax     = 1024
)

// LedgerFolder is where the ledger's files lie in a backup.
const LedgerFolder = "ledger"

// Errors, for errors.Is.
var (
	// ErrForm says that what was decrypted is no backup, or one of a later version.
	ErrForm = errors.New("not a backup that this version reads")
	// ErrForbidden says that a file must be in no backup.
	ErrForbidden = errors.New("must be in no backup")
)

// NoSeat is the seat of a home whose key the genesis file does not name.
const NoSeat = -1

// Manifest says of what a backup is.
type Manifest struct {
	// MadeMs is when it was made, in Unix milliseconds.
	MadeMs uint64
	// Program is the version of the program that made it.
	Program string
	// Chain is the digest of the genesis file, Name the chain's.
	Chain [32]byte
	Name  string
	// Seat is the number of the home's validator in the genesis file, or NoSeat; Validator
	// is its public key.
	Seat      int
	Validator [32]byte
	// Ledger says that the ledger is in it, as of Height with StateRoot.
	Ledger    bool
	Height    uint64
	StateRoot [32]byte
}

func (m *Manifest) encode() []byte {
	b := wire.AppendUint64(nil, m.MadeMs)
	b = wire.AppendString(append(wire.AppendString(b, m.Program), m.Chain[:]...), m.Name)
	b = wire.AppendUint32(b, uint32(m.Seat+1))
	b = append(b, m.Validator[:]...)
	ledger := uint8(0)
	if m.Ledger {
		ledger = 1
	}
	return append(wire.AppendUint64(wire.AppendUint8(b, ledger), m.Height), m.StateRoot[:]...)
}

func decodeManifest(b []byte) (m Manifest, err error) {
	r := wire.NewReader(b)
	m.MadeMs, m.Program, m.Chain = r.Uint64(), string(r.Bytes(textBytesMax)), r.Bytes32()
	m.Name = string(r.Bytes(textBytesMax))
	m.Seat, m.Validator = int(r.Uint32())-1, r.Bytes32()
	m.Ledger, m.Height, m.StateRoot = r.Enum8(1) == 1, r.Uint64(), r.Bytes32()
	if err := r.Close(); err != nil {
		return m, fmt.Errorf("%w: its manifest: %w", ErrForm, err)
	}
	return m, nil
}

// CheckName reports why a file may not be in a backup: its name leads out of the folder or
// has no one form, or it is what makes promises for a key.
func CheckName(name string) error {
	if len(name) == 0 || name == "." || len(name) > NameBytesMax || !filepath.IsLocal(filepath.FromSlash(name)) ||
		path.Clean(name) != name || strings.ContainsFunc(name, unusual) {
		return fmt.Errorf("%w: the name %q", ErrForm, name)
	}
	folder, _, _ := strings.Cut(name, "/")
	// A disk that does not tell large letters from small ones is no way around.
	if slices.Contains([]string{"desk", "data", "consensus"}, strings.ToLower(folder)) ||
		strings.HasPrefix(strings.ToLower(path.Base(name)), "validator.") ||
		strings.HasPrefix(strings.ToLower(path.Base(name)), "consensus.log") {
		return fmt.Errorf("%w: %s", ErrForbidden, name)
	}
	return nil
}

// unusual tells what stands in no name: it may mean something to a file system or terminal.
func unusual(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' || r == ':' || r == 0xfffd }

// bytesMax returns the size of the largest file of a name.
func bytesMax(name string) int64 {
	if strings.HasPrefix(name, LedgerFolder+"/") {
		return 1 << 50
	}
	return SmallBytesMax
}

// Writer writes a backup. It is one goroutine's.
type Writer struct {
	out   io.WriteCloser
	files uint32
}

// NewWriter begins a backup on w under a passphrase of at least keys.PassphraseCharsMin
// characters. It is one only once Close has returned nil.
func NewWriter(w io.Writer, passphrase string, m Manifest) (*Writer, error) {
	out, err := keys.EncryptTo(w, passphrase)
	if err != nil {
		return nil, err
	}
	b := wire.AppendUint32([]byte(magic), version)
	if _, err := out.Write(wire.AppendBytes(b, m.encode())); err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	return &Writer{out: out}, nil
}

// Add writes a file of so many bytes, which r must give.
func (w *Writer) Add(name string, size int64, r io.Reader) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if size < 0 || size > bytesMax(name) || w.files == FilesMax {
		return fmt.Errorf("back up %s: %d bytes as file %d are too many", name, size, w.files+1)
	}
	head := wire.AppendUint64(wire.AppendString([]byte{recordFile}, name), uint64(size))
	if _, err := w.out.Write(head); err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	if _, err := io.CopyN(w.out, r, size); err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	w.files++
	return nil
}

// Close writes the end.
func (w *Writer) Close() error {
	_, err := w.out.Write(wire.AppendUint32([]byte{recordEnd}, w.files))
	if err = errors.Join(err, w.out.Close()); err != nil {
		return fmt.Errorf("end a backup: %w", err)
	}
	return nil
}

// Reader reads a backup. It is one goroutine's.
type Reader struct {
	// Manifest is what the backup says of itself.
	Manifest Manifest

	in    io.Reader
	rest  int64 // of the file that is read
	files uint32
	names map[string]bool
}

// NewReader begins to read a backup.
//
// Errors, also of the other methods: keys.ErrPassphrase, keys.ErrAltered, ErrForm,
// ErrForbidden; those of r.
func NewReader(r io.Reader, passphrase string) (*Reader, error) {
	in, err := keys.DecryptFrom(r, passphrase)
	if err != nil {
		return nil, err
	}
	x := &Reader{in: in, names: map[string]bool{}}
	head, err := x.take(len(magic) + 4)
	if err != nil {
		return nil, err
	}
	if string(head[:len(magic)]) != magic || wire.NewReader(head[len(magic):]).Uint32() != version {
		return nil, ErrForm
	}
	manifest, err := x.bytes(manifestBytesMax)
	if err != nil {
		return nil, err
	}
	x.Manifest, err = decodeManifest(manifest)
	return x, err
}

// take reads exactly n bytes.
func (x *Reader) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(x.in, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it ends early", ErrForm)
	}
	return b, err
}

// bytes reads bytes behind their length.
func (x *Reader) bytes(most uint32) ([]byte, error) {
	head, err := x.take(4)
	if err != nil {
		return nil, err
	}
	n := wire.NewReader(head).Uint32()
	if n > most {
		return nil, fmt.Errorf("%w: %d bytes where at most %d can be", ErrForm, n, most)
	}
	return x.take(int(n))
}

// Next goes to the next file, whose content Read gives, and skips what was not read of the
// one before. io.EOF says that there are no more and that the backup is whole.
func (x *Reader) Next() (name string, size int64, err error) {
	if _, err := io.Copy(io.Discard, x); err != nil {
		return "", 0, err
	}
	kind, err := x.take(1)
	if err != nil {
		return "", 0, err
	}
	switch {
	case kind[0] == recordEnd:
		return "", 0, x.end()
	case kind[0] != recordFile || x.files == FilesMax:
		return "", 0, fmt.Errorf("%w: record %d of file %d", ErrForm, kind[0], x.files)
	}
	raw, err := x.bytes(NameBytesMax)
	if err != nil {
		return "", 0, err
	}
	length, err := x.take(8)
	if err != nil {
		return "", 0, err
	}
	name, size = string(raw), int64(wire.NewReader(length).Uint64())
	if err := CheckName(name); err != nil {
		return "", 0, err
	}
	if size < 0 || size > bytesMax(name) || x.names[name] {
		return "", 0, fmt.Errorf("%w: %s of %d bytes", ErrForm, name, size)
	}
	x.names[name], x.rest = true, size
	x.files++
	return name, size, nil
}

// end checks the last record and that nothing follows.
func (x *Reader) end() error {
	count, err := x.take(4)
	if err != nil {
		return err
	}
	if n := wire.NewReader(count).Uint32(); n != x.files {
		return fmt.Errorf("%w: %d files where it says %d", ErrForm, x.files, n)
	}
	var more [1]byte
	switch _, err := io.ReadFull(x.in, more[:]); {
	case err == nil:
		return fmt.Errorf("%w: something follows its end", ErrForm)
	default:
		return err // io.EOF, if it is whole
	}
}

// Read gives the content of the file that Next has named, and then io.EOF.
func (x *Reader) Read(p []byte) (int, error) {
	if x.rest == 0 {
		return 0, io.EOF
	}
	n, err := x.in.Read(p[:min(int64(len(p)), x.rest)])
	x.rest -= int64(n)
	if err == io.EOF && x.rest > 0 {
		err = fmt.Errorf("%w: it ends early", ErrForm)
	} else if err == io.EOF {
		err = nil
	}
	return n, err
}
