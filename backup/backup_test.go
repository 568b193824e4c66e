package backup

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
)

const passphrase = "four words are best"

var manifest = Manifest{MadeMs: 7, Program: "0.8.0", Chain: [32]byte{1}, Name: "market", Seat: 2,
	Validator: [32]byte{3}, Ledger: true, Height: 9, StateRoot: [32]byte{4}}

// sample is a backup with files of every sort, and what they hold. Making one derives a key.
var sample = sync.OnceValues(func() (raw []byte, want map[string][]byte) {
	large := make([]byte, 200_000) // three chunks of the encryption
	r := rand.NewChaCha8([32]byte{5})
	_, _ = r.Read(large)
	want = map[string][]byte{"settings": []byte("a = b\n"), "genesis.json": []byte("{}"), "keys/admin.key": {},
		LedgerFolder + "/000001.sst": large}
	var out bytes.Buffer
	w, err := NewWriter(&out, passphrase, manifest)
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"settings", "genesis.json", "keys/admin.key", LedgerFolder + "/000001.sst"} {
		if err := w.Add(name, int64(len(want[name])), bytes.NewReader(want[name])); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes(), want
})

// readAll reads a backup to its end.
func readAll(raw []byte, passphrase string) (m Manifest, files map[string][]byte, err error) {
	r, err := NewReader(bytes.NewReader(raw), passphrase)
	if err != nil {
		return m, nil, err
	}
	files = map[string][]byte{}
	for {
		name, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Manifest, files, nil
		}
		if err == nil {
			files[name], err = io.ReadAll(r)
		}
		if err != nil {
			return m, files, err
		}
	}
}

// What was written is read, and under no other passphrase.
func TestABackupIsReadBack(t *testing.T) {
	raw, want := sample()
	m, files, err := readAll(raw, passphrase)
	if err != nil || m != manifest || len(files) != len(want) {
		t.Fatalf("%+v, %d files: %v", m, len(files), err)
	}
	for name, content := range want {
		if !bytes.Equal(files[name], content) {
			t.Errorf("%s holds something else", name)
		}
	}
	if _, _, err := readAll(raw, passphrase+"?"); !errors.Is(err, keys.ErrPassphrase) {
		t.Errorf("under another passphrase: %v", err)
	}
	if _, err := NewWriter(io.Discard, "short", manifest); err == nil {
		t.Error("a short passphrase was taken")
	}
}

// No byte may change, be missing or be added.
func TestEveryChangeOfABackupIsFound(t *testing.T) {
	raw, _ := sample()
	// Each reading derives a key, which is slow: package keys flips every byte of a stream.
	for _, at := range []int{60, len(raw) / 2, len(raw) - 1} {
		flipped := bytes.Clone(raw)
		flipped[at] ^= 1 << (at % 8)
		if _, _, err := readAll(flipped, passphrase); !errors.Is(err, keys.ErrAltered) &&
			!errors.Is(err, keys.ErrPassphrase) {
			t.Errorf("byte %d was flipped: %v", at, err)
		}
	}
	for _, cut := range []int{70_000, len(raw) - 1} {
		if _, _, err := readAll(raw[:cut], passphrase); !errors.Is(err, keys.ErrAltered) {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(raw), err)
		}
	}
	if _, _, err := readAll(append(bytes.Clone(raw), 0), passphrase); !errors.Is(err, keys.ErrAltered) {
		t.Errorf("with a byte more: %v", err)
	}
}

// A writer that stopped before the end leaves nothing that reads as whole.
func TestABackupWithoutItsEndIsNone(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter(&out, passphrase, manifest)
	if err == nil {
		err = w.Add("settings", 1, strings.NewReader("x"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAll(out.Bytes(), passphrase); !errors.Is(err, keys.ErrAltered) && !errors.Is(err, ErrForm) {
		t.Errorf("its process was killed: %v", err)
	}
	if err := w.out.Close(); err != nil { // the encryption ends, the backup does not
		t.Fatal(err)
	}
	if _, _, err := readAll(out.Bytes(), passphrase); !errors.Is(err, ErrForm) {
		t.Errorf("%v", err)
	}
}

// What makes promises for a key, or leads out of the home, is neither written nor read.
func TestForbiddenNames(t *testing.T) {
	for _, name := range []string{"validator.key", "VALIDATOR.KEY", "keys/validator.key", "validator.joined",
		"desk/ticket.key", "data/consensus/consensus.log", "data/ledger/SEAL",
		"consensus/x", "keys/consensus.log", "Desk/x"} {
		if err := CheckName(name); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
		if err := new(Writer).Add(name, 0, strings.NewReader("")); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s was written: %v", name, err)
		}
		record := wire.AppendUint64(wire.AppendString([]byte{recordFile}, name), 0)
		r := &Reader{in: bytes.NewReader(record), names: map[string]bool{}}
		if _, _, err := r.Next(); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s was read: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../b", "a//b", "a/", "a\\b", "c:x", "a\nb",
		strings.Repeat("a", NameBytesMax+1)} {
		if err := CheckName(name); !errors.Is(err, ErrForm) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := CheckName("keys/my till.key"); err != nil {
		t.Error(err)
	}
}

// FuzzReader reads what somebody with the passphrase may have written: it ends with an error
// or with files within their limits.
func FuzzReader(f *testing.F) {
	f.Add([]byte(magic + "\x01\x00\x00\x00"))
	f.Add([]byte("\x01\x08\x00\x00\x00settings\x01\x00\x00\x00\x00\x00\x00\x00x\x00\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		r := &Reader{in: bytes.NewReader(plain), names: map[string]bool{}}
		total := int64(0)
		for {
			name, size, err := r.Next()
			if err != nil {
				break
			}
			if total += size; CheckName(name) != nil || total > int64(len(plain)) && r.rest == 0 {
				t.Fatalf("%q of %d bytes", name, size)
			}
		}
	})
}
