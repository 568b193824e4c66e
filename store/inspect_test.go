package store

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// written puts the files into a folder.
func (f files) written(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range f {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// holds fails if a folder has other files than these, or others in them.
func (f files) holds(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if want, ok := f[e.Name()]; err != nil || !ok || !bytes.Equal(content, want) {
			t.Errorf("%s was changed: %v", e.Name(), err)
		}
	}
	if len(entries) != len(f) {
		t.Errorf("%d files, there were %d", len(entries), len(f))
	}
}

// The seal of a ledger that nothing has open is compared without a change to any file.
func TestASealIsCheckedWithoutWriting(t *testing.T) {
	k := grown(t)
	list := listInForce(slices.Collect(maps.Keys(k.now)))
	sealed, err := decodeSeal(k.now[sealName])
	if err != nil {
		t.Fatal(err)
	}
	table := k.now.only(t, func(name string) bool { return isTable(name) && sealed.files[name].name != "" })
	for _, x := range []struct {
		what   string
		do     func(f files)
		sealed bool
		want   error
	}{
		{"whole", func(files) {}, true, nil},
		{"no seal", func(f files) { delete(f, sealName) }, false, nil},
		{"nothing", func(f files) { clear(f) }, false, nil},
		{"seal flipped", func(f files) { f[sealName][20] ^= 1 }, false, ErrDamaged},
		{"list gone", func(f files) { delete(f, list) }, true, ErrDamaged},
		{"list cut", func(f files) { f[list] = f[list][:9] }, true, ErrDamaged},
		{"table flipped", func(f files) { f[table][7] ^= 1 }, true, ErrDamaged},
	} {
		f := k.now.clone()
		x.do(f)
		dir := f.written(t)
		if sealed, err := CheckSeal(dir); sealed != x.sealed || !errors.Is(err, x.want) || x.want == nil && err != nil {
			t.Errorf("%s: sealed %t, %v", x.what, sealed, err)
		}
		f.holds(t, dir)
	}
	if sealed, err := CheckSeal(filepath.Join(t.TempDir(), "none")); sealed || err != nil {
		t.Errorf("no folder: %t, %v", sealed, err)
	}
}

func TestFreeBytesAreThoseOfTheDisk(t *testing.T) {
	if n, err := FreeBytes(t.TempDir()); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := FreeBytes(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("the disk of no folder")
	}
}
