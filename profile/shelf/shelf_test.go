package shelf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/profile"
)

var chain = coupon.Chain{Digest: [32]byte{1}}

func signed(t *testing.T, c coupon.Chain, member uint16, at uint64) *profile.Signed {
	t.Helper()
	p, err := profile.Make(c, &profile.Profile{Member: member, At: at}, coupon.NewSigner([32]byte{byte(member)}))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func holds(*profile.Signed) bool { return true }
func fell(*profile.Signed) bool  { return false }

func open(t *testing.T, dir string) *Shelf {
	t.Helper()
	s, damaged, err := Open(dir, chain)
	if err != nil || damaged != 0 {
		t.Fatalf("open: %d damaged, %v", damaged, err)
	}
	return s
}

func atOf(t *testing.T, s *Shelf, member uint16) uint64 {
	t.Helper()
	p, err := s.Get(member)
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return 0
	}
	return p.At
}

func TestThereIsRoomForEveryMemberOfAChain(t *testing.T) {
	if EntriesMax != coupon.MembersMax {
		t.Errorf("%d profiles, a chain has up to %d members", EntriesMax, coupon.MembersMax)
	}
}

func TestTheNewestProfileOfEachMemberIsKept(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "folder": filepath.Join(t.TempDir(), "profiles")} {
		s := open(t, dir)
		for _, p := range []*profile.Signed{signed(t, chain, 1, 10), signed(t, chain, 2, 5), signed(t, chain, 1, 20),
			signed(t, chain, 1, 20)} {
			if err := s.Put(p, holds); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if err := s.Put(signed(t, chain, 1, 19), holds); !errors.Is(err, ErrOlder) {
			t.Errorf("%s: an older one: %v", name, err)
		}
		if atOf(t, s, 1) != 20 || atOf(t, s, 2) != 5 || atOf(t, s, 3) != 0 {
			t.Errorf("%s: kept %d, %d, %d", name, atOf(t, s, 1), atOf(t, s, 2), atOf(t, s, 3))
		}
		if list := s.List(); len(list) != 2 || list[0].At != 20 || list[1].Member != 2 {
			t.Errorf("%s: listed %+v", name, list)
		}
		// Its keys are the member's no more: what is signed now replaces it, however old.
		if err := s.Put(signed(t, chain, 1, 3), fell); err != nil || atOf(t, s, 1) != 3 {
			t.Errorf("%s: in the place of one that fell: %v", name, err)
		}
		if err := s.Put(signed(t, chain, EntriesMax+1, 3), holds); !errors.Is(err, ErrMember) {
			t.Errorf("%s: beyond the last member: %v", name, err)
		}
	}
}

func TestProfilesAreThereAfterAStart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := signed(t, chain, 7, 10)
	if err := s.Put(want, holds); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if p, err := s.Get(7); err != nil || p == nil || !bytes.Equal(p.Raw(), want.Raw()) {
		t.Errorf("after a start: %v", err)
	}
	if len(s.List()) != 1 {
		t.Error("it is not listed")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "7.profile" {
		t.Errorf("in the folder: %v, %v", files, err)
	}
}

func TestADamagedFileIsAsIfItWereNotThere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for m := range uint16(4) {
		if err := s.Put(signed(t, chain, m+1, 10), holds); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1.profile", []byte("torn"))
	write("2.profile", []byte(strings.Repeat("x", profile.BytesMax+100)))
	write("3.profile", signed(t, chain, 4, 99).Raw())
	write("5.profile", signed(t, coupon.Chain{Digest: [32]byte{2}}, 5, 99).Raw())
	write(".new-1", []byte("left by a crash"))
	if _, err := s.Get(1); !errors.Is(err, profile.ErrForm) {
		t.Errorf("damaged while it runs: %v", err)
	}
	if err := s.Put(signed(t, chain, 1, 1), holds); err != nil || atOf(t, s, 1) != 1 {
		t.Errorf("in the place of what cannot be read: %v", err)
	}
	s, damaged, err := Open(dir, chain)
	if err != nil || damaged != 3 || len(s.List()) != 2 {
		t.Fatalf("%d damaged, %d kept, %v", damaged, len(s.List()), err)
	}
	if err := s.Put(signed(t, chain, 3, 1), holds); err != nil || atOf(t, s, 3) != 1 {
		t.Errorf("in the place of a damaged file: %v", err)
	}
}
