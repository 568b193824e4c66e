// Package texts keeps the texts of campaigns' terms in a folder, for a node. The ledger has
// only the SHA-256 of a text: whoever reads one checks it against the proven terms, and a
// node keeps only what a campaign of its ledger names. A text is a file under its hash.
package texts

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of texts.
const (
	// BytesMax bounds a text.
	BytesMax = 64 << 10
	// EntriesMax bounds the texts of a folder, IssuerMax those of the campaigns of one
	// issuer, so that none takes the room of all.
	EntriesMax = 4096
	IssuerMax  = 512
)

// Errors of Check and Put.
var (
	// ErrForm says that bytes are no text of terms.
	ErrForm = errors.New("no text of terms")
	// ErrFull says that a limit of the number of texts is reached.
	ErrFull = errors.New("no room for more texts of terms")
)

// Hash returns what the terms of a campaign name a text by.
func Hash(text []byte) [32]byte { return sha256.Sum256(text) }

// Check reports what is wrong with the form of a text, wrapping ErrForm: it has 1 to
// BytesMax bytes of UTF-8, and no characters of control or direction but tabs and ends of
// lines.
func Check(text []byte) error {
	switch {
	case len(text) == 0:
		return fmt.Errorf("%w: it is empty", ErrForm)
	case len(text) > BytesMax:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrForm, len(text), BytesMax)
	case !utf8.Valid(text):
		return fmt.Errorf("%w: it is not UTF-8", ErrForm)
	}
	for line := range strings.FieldsFuncSeq(string(text), isBreak) {
		if !wire.ValidText([]byte(line)) {
			return fmt.Errorf("%w: it has a character of control or direction", ErrForm)
		}
	}
	return nil
}

func isBreak(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }

// Name says which terms name a text: those that it came with first.
type Name struct {
	Issuer   uint16
	Campaign uint32
	Version  uint16
}

// Entry is a text that is kept.
type Entry struct {
	Hash [32]byte
	Name
}

// Suffix ends the name of each file of a text.
const Suffix = ".txt"

// file is the name of its file: issuer, campaign, version and hash.
func (e *Entry) file() string {
	return fmt.Sprintf("%d-%d-%d-%s%s", e.Issuer, e.Campaign, e.Version, hex.EncodeToString(e.Hash[:]), Suffix)
}

// parseFile is the inverse of file.
func parseFile(name string) (e Entry, ok bool) {
	parts := strings.Split(strings.TrimSuffix(name, Suffix), "-")
	if len(parts) != 4 {
		return e, false
	}
	issuer, err1 := strconv.ParseUint(parts[0], 10, 16)
	campaign, err2 := strconv.ParseUint(parts[1], 10, 32)
	version, err3 := strconv.ParseUint(parts[2], 10, 16)
	hash, err4 := hex.DecodeString(parts[3])
	if errors.Join(err1, err2, err3, err4) != nil || len(hash) != 32 {
		return e, false
	}
	e = Entry{[32]byte(hash), Name{uint16(issuer), uint32(campaign), uint16(version)}}
	return e, e.file() == name
}

// Shelf keeps texts. It is safe for concurrent use.
type Shelf struct {
	dir string // "" = in memory

	writing sync.Mutex // held while a file is written

	mu      sync.Mutex // guards all below
	entries map[[32]byte]Name
	issuers map[uint16]int
	memory  map[[32]byte][]byte // without a folder
}

// Open opens the texts in a folder, which it makes if it is missing; "" keeps in memory.
// Files of other names, and those beyond the limits, are left alone: other is how many.
// What is in a file is looked at when it is asked for.
func Open(dir string) (s *Shelf, other int, err error) {
	s = &Shelf{dir: dir, entries: map[[32]byte]Name{}, issuers: map[uint16]int{}, memory: map[[32]byte][]byte{}}
	if dir == "" {
		return s, 0, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, fmt.Errorf("open the texts of terms: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("open the texts of terms: %w", err)
	}
	for _, f := range files {
		e, ok := parseFile(f.Name())
		if !ok || !f.Type().IsRegular() || s.room(e.Issuer) != nil {
			other++
			continue
		}
		if _, twice := s.entries[e.Hash]; !twice {
			s.add(e)
		}
	}
	return s, other, nil
}

func (s *Shelf) add(e Entry) {
	s.entries[e.Hash] = e.Name
	s.issuers[e.Issuer]++
}

// room reports whether one more text of an issuer may be kept.
func (s *Shelf) room(issuer uint16) error {
	if len(s.entries) >= EntriesMax {
		return fmt.Errorf("%w: %d are kept", ErrFull, EntriesMax)
	}
	if s.issuers[issuer] >= IssuerMax {
		return fmt.Errorf("%w: %d of the issuer are kept", ErrFull, IssuerMax)
	}
	return nil
}

// Has reports whether a text is kept.
func (s *Shelf) Has(hash [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.entries[hash]
	return ok
}

// Get returns the text of a hash with terms that name it; the text is nil if there is none.
// A file that is not what its name says is as if it were not there.
func (s *Shelf) Get(hash [32]byte) (name Name, text []byte, err error) {
	s.mu.Lock()
	name, ok := s.entries[hash]
	text = s.memory[hash]
	s.mu.Unlock()
	if !ok || s.dir == "" {
		return name, text, nil
	}
	e := Entry{hash, name}
	f, err := os.Open(filepath.Join(s.dir, e.file()))
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, BytesMax+1))
		err = errors.Join(err, f.Close())
	}
	if errors.Is(err, os.ErrNotExist) || err == nil && Hash(text) != hash {
		s.drop(e)
		return Name{}, nil, nil
	}
	if err != nil {
		return Name{}, nil, fmt.Errorf("read the text %x of terms: %w", hash, err)
	}
	return name, text, nil
}

// drop forgets an entry whose file is damaged or gone, so that it is fetched anew.
func (s *Shelf) drop(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.entries[e.Hash]; ok {
		delete(s.entries, e.Hash)
		s.issuers[e.Issuer]--
	}
}

// Put keeps a text, durably. Its caller has found that the terms of name have its hash.
// The same one again changes nothing. Errors wrap ErrForm or ErrFull, or are trouble of
// the disk.
func (s *Shelf) Put(name Name, text []byte) error {
	if err := Check(text); err != nil {
		return err
	}
	e := Entry{Hash(text), name}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	_, have := s.entries[e.Hash]
	err := s.room(name.Issuer)
	s.mu.Unlock()
	if have {
		return nil
	}
	if err != nil {
		return err
	}
	if s.dir != "" {
		if err := s.write(&e, text); err != nil {
			return fmt.Errorf("keep the text %x of terms: %w", e.Hash, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(e)
	if s.dir == "" {
		s.memory[e.Hash] = slices.Clone(text)
	}
	return nil
}

// write makes a file: after a crash it is there whole, or not at all.
func (s *Shelf) write(e *Entry, text []byte) error {
	f, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, e.file()))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// List returns what is kept, by campaign, version and hash.
func (s *Shelf) List() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Entry, 0, len(s.entries))
	for hash, name := range s.entries {
		all = append(all, Entry{hash, name})
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(a.Version, b.Version),
			slices.Compare(a.Hash[:], b.Hash[:]))
	})
	return all
}
