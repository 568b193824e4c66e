// Package shelf keeps the newest profile of each member in a folder, one file each,
// for a node. Who asks for one checks it against the ledger: a shelf knows the form
// of profiles and nothing of members.
package shelf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/profile"
)

// EntriesMax bounds the profiles of a shelf: one of each member that a chain can have,
// coupon.MembersMax.
const EntriesMax = 4096

// Errors of Put.
var (
	// ErrOlder says that a newer profile of the member is kept.
	ErrOlder = errors.New("a newer profile of the member is kept")
	// ErrMember says that a member's number is beyond all chains.
	ErrMember = errors.New("no chain has such a member")
)

// Entry says which profile of a member is kept.
type Entry struct {
	Member uint16
	At     uint64 // when it was signed, Unix milliseconds
	Digest [32]byte
}

// Shelf keeps profiles. It is safe for concurrent use.
type Shelf struct {
	chain coupon.Chain
	dir   string // "" = in memory

	writing sync.Mutex // held while a file is replaced

	mu      sync.Mutex // guards all below
	entries map[uint16]Entry
	memory  map[uint16]*profile.Signed // without a folder
}

// Open opens the shelf in a folder, which it makes if it is missing; "" keeps in
// memory. Files that are no profile of this chain and their member are left alone, as
// if they were not there: damaged is how many.
func Open(dir string, c coupon.Chain) (s *Shelf, damaged int, err error) {
	s = &Shelf{chain: c, dir: dir, entries: make(map[uint16]Entry), memory: make(map[uint16]*profile.Signed)}
	if dir == "" {
		return s, 0, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, fmt.Errorf("open the profiles: %w", err)
	}
	for member := uint16(1); member <= EntriesMax; member++ {
		p, err := s.read(member)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, profile.ErrForm):
			damaged++
		case err != nil:
			return nil, 0, fmt.Errorf("open the profiles: %w", err)
		default:
			s.entries[member] = s.entry(p)
		}
	}
	return s, damaged, nil
}

func (s *Shelf) name(member uint16) string {
	return filepath.Join(s.dir, fmt.Sprintf("%d.profile", member))
}

func (s *Shelf) entry(p *profile.Signed) Entry { return Entry{p.Member, p.At, p.Digest(s.chain)} }

// read reads a member's file. What is in it wraps profile.ErrForm if it is not one.
func (s *Shelf) read(member uint16) (*profile.Signed, error) {
	f, err := os.Open(s.name(member))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, profile.BytesMax+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	p, err := profile.Decode(s.chain, raw)
	if err == nil && p.Member != member {
		return nil, fmt.Errorf("%w: it is of member %d", profile.ErrForm, p.Member)
	}
	return p, err
}

// Get returns the profile of a member, or nil if there is none.
func (s *Shelf) Get(member uint16) (*profile.Signed, error) {
	s.mu.Lock()
	_, ok := s.entries[member]
	p := s.memory[member]
	s.mu.Unlock()
	if !ok || s.dir == "" {
		return p, nil
	}
	p, err := s.read(member)
	if err != nil {
		return nil, fmt.Errorf("read the profile of member %d: %w", member, err)
	}
	return p, nil
}

// Put keeps a profile that its caller has checked against the ledger, durably. The
// same one again changes nothing. One that is not newer is refused with ErrOlder if
// stands says that the one that is kept still holds by the ledger.
func (s *Shelf) Put(p *profile.Signed, stands func(have *profile.Signed) bool) error {
	if p.Member > EntriesMax {
		return ErrMember
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	// What cannot be read any more is replaced.
	if have, err := s.Get(p.Member); err == nil && have != nil {
		if have.Digest(s.chain) == p.Digest(s.chain) && stands(have) {
			return nil
		}
		if !p.Newer(s.chain, have) && stands(have) {
			return ErrOlder
		}
	}
	if s.dir != "" {
		if err := s.write(p); err != nil {
			return fmt.Errorf("keep the profile of member %d: %w", p.Member, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[p.Member] = s.entry(p)
	if s.dir == "" {
		s.memory[p.Member] = p
	}
	return nil
}

// write replaces a member's file: after a crash there is the old one or the new one.
func (s *Shelf) write(p *profile.Signed) error {
	f, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(p.Raw())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.name(p.Member))
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

// List returns what is kept, by member.
func (s *Shelf) List() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Entry, 0, len(s.entries))
	for _, e := range s.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return int(a.Member) - int(b.Member) })
	return all
}
