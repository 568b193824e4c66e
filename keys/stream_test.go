package keys

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// quick is a work factor for tests alone.
const quick = 1

func encrypted(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := encryptTo(&out, "four words are best", quick)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decrypted(r io.Reader, passphrase string) ([]byte, error) {
	plain, err := DecryptFrom(r, passphrase)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

// A stream gives back what was written under its passphrase, and nothing once any bit of it
// is another one, wherever it is cut, and whatever is added.
func TestStreams(t *testing.T) {
	plain := bytes.Repeat([]byte("coupon "), 20)
	raw := encrypted(t, plain)
	if got, err := decrypted(bytes.NewReader(raw), "four words are best"); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := decrypted(bytes.NewReader(raw), "other words are good"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
	for at := range raw {
		flipped := bytes.Clone(raw)
		flipped[at] ^= 1 << (at % 8)
		if _, err := decrypted(bytes.NewReader(flipped), "four words are best"); !errors.Is(err, ErrAltered) &&
			!errors.Is(err, ErrPassphrase) {
			t.Fatalf("bit %d of byte %d was flipped: %v", at%8, at, err)
		}
		if _, err := decrypted(bytes.NewReader(raw[:at]), "four words are best"); !errors.Is(err, ErrAltered) {
			t.Fatalf("cut to %d of %d bytes: %v", at, len(raw), err)
		}
	}
	if _, err := decrypted(bytes.NewReader(append(raw, 0)), "four words are best"); !errors.Is(err, ErrAltered) {
		t.Errorf("with a byte more: %v", err)
	}
}

// A disk that fails is not taken for altered bytes.
func TestStreamsOfABadDisk(t *testing.T) {
	bad := errors.New("input/output error")
	raw := encrypted(t, make([]byte, 100_000))
	for _, n := range []int{0, 50, 300, 90_000} {
		_, err := decrypted(io.MultiReader(bytes.NewReader(raw[:n]), failing{bad}), "four words are best")
		if !errors.Is(err, bad) || errors.Is(err, ErrAltered) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
