package texts

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, dir string, other int) *Shelf {
	t.Helper()
	s, n, err := Open(dir)
	if err != nil || n != other {
		t.Fatalf("open: %d other files, want %d, %v", n, other, err)
	}
	return s
}

func get(t *testing.T, s *Shelf, hash [32]byte) string {
	t.Helper()
	_, text, err := s.Get(hash)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestATextIsKeptUnderItsHash(t *testing.T) {
	text := []byte("One coffee.\r\n\tNot on Sundays.\n每人一张\n")
	for name, dir := range map[string]string{"memory": "", "folder": filepath.Join(t.TempDir(), "terms")} {
		s := open(t, dir, 0)
		for range 2 { // the same again changes nothing
			if err := s.Put(Name{2, 7, 1}, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Put(Name{3, 8, 1}, text); err != nil { // another campaign with the same text
			t.Fatal(err)
		}
		if got := get(t, s, Hash(text)); got != string(text) || !s.Has(Hash(text)) {
			t.Errorf("%s: %q", name, got)
		}
		if got, want := s.List(), []Entry{{Hash(text), Name{2, 7, 1}}}; len(got) != 1 || got[0] != want[0] {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if got := get(t, s, Hash([]byte("another"))); got != "" {
			t.Errorf("%s: a text that nobody put: %q", name, got)
		}
		if dir == "" {
			continue
		}
		again := open(t, dir, 0)
		if got := get(t, again, Hash(text)); got != string(text) {
			t.Errorf("after a start: %q", got)
		}
	}
}

func TestOnlyTextsAreKept(t *testing.T) {
	s := open(t, "", 0)
	long := bytes.Repeat([]byte("x"), BytesMax)
	if err := s.Put(Name{1, 1, 1}, long); err != nil {
		t.Errorf("the longest text: %v", err)
	}
	for name, text := range map[string][]byte{
		"empty":         {},
		"too long":      append(long, 'x'),
		"not UTF-8":     {0xff},
		"a zero byte":   []byte("a\x00b"),
		"an escape":     []byte("a\x1b[2Jb"),
		"another order": []byte("pay \u202e10"),
		"half a rune":   []byte("\xe6\xaf"),
	} {
		if err := s.Put(Name{1, 1, 1}, text); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Has(Hash(text)) {
			t.Errorf("%s is kept", name)
		}
	}
}

// A file that is not what its name says is fetched anew, and is never shown.
func TestADamagedFileIsNoText(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0)
	texts := [][]byte{[]byte("one"), []byte("two"), []byte("three")}
	for i, text := range texts {
		if err := s.Put(Name{1, uint32(i), 1}, text); err != nil {
			t.Fatal(err)
		}
	}
	path := func(i int) string {
		return filepath.Join(dir, (&Entry{Hash(texts[i]), Name{1, uint32(i), 1}}).file())
	}
	if err := os.WriteFile(path(0), []byte("onf"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(1)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".new-123", "notes.txt", "1-1-1-abcd.txt", "01" + filepath.Base(path(2))[1:]} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range map[string]*Shelf{"open": s, "opened again": open(t, dir, 4)} {
		for i, want := range []string{"", "", "three"} {
			if got := get(t, s, Hash(texts[i])); got != want {
				t.Errorf("%s: text %d is %q, want %q", name, i, got, want)
			}
		}
		if n := len(s.List()); n != 1 {
			t.Errorf("%s: %d texts are listed", name, n)
		}
	}
	if err := s.Put(Name{1, 0, 1}, texts[0]); err != nil || get(t, s, Hash(texts[0])) != "one" {
		t.Errorf("put anew: %v", err)
	}
}

func TestTheNumberOfTextsIsLimited(t *testing.T) {
	s := open(t, "", 0)
	put := func(issuer uint16, n int) error {
		return s.Put(Name{issuer, uint32(n), 1}, fmt.Appendf(nil, "text %d of %d", n, issuer))
	}
	for n := range IssuerMax {
		if err := put(1, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(1, IssuerMax); !errors.Is(err, ErrFull) {
		t.Errorf("one more of an issuer: %v", err)
	}
	if err := put(1, 0); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for n := range EntriesMax - IssuerMax {
		if err := put(uint16(2+n/IssuerMax), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(60, 1); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "4096") {
		t.Errorf("one more of all: %v", err)
	}
}
