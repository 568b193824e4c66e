package keys

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"filippo.io/age"
	"golang.org/x/text/unicode/norm"
)

// ErrAltered says that an encrypted stream is not what was written: a byte of it is
// another one, or its end is missing.
var ErrAltered = errors.New("not what was written: a byte has changed, or the end is missing")

// EncryptTo returns a writer that encrypts to w under a passphrase, in the format of the age
// tool (version 1, scrypt). Its Close writes the end, without which nothing opens; w stays
// open. A stream may have any length and takes 64 KiB of memory.
func EncryptTo(w io.Writer, passphrase string) (io.WriteCloser, error) {
	return encryptTo(w, passphrase, scryptWorkLog2)
}

func encryptTo(w io.Writer, passphrase string, workLog2 int) (io.WriteCloser, error) {
	if n := utf8.RuneCountInString(passphrase); n < PassphraseCharsMin || n > passphraseCharsMax {
		return nil, fmt.Errorf("the passphrase has %d characters; give %d to %d, several words are best",
			n, PassphraseCharsMin, passphraseCharsMax)
	}
	recipient, err := age.NewScryptRecipient(norm.NFC.String(passphrase))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	recipient.SetWorkFactor(workLog2)
	out, err := age.Encrypt(w, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out, nil
}

// DecryptFrom is the inverse of EncryptTo. What the reader gives is what was written, from the
// first byte on; it is all of it once the reader has given io.EOF.
//
// Errors: ErrPassphrase; ErrAltered, also from the reader, for anything else that is wrong
// with the bytes; those of r.
func DecryptFrom(r io.Reader, passphrase string) (io.Reader, error) {
	if passphrase == "" || len(passphrase) > 4*passphraseCharsMax {
		return nil, ErrPassphrase
	}
	identity, err := age.NewScryptIdentity(norm.NFC.String(passphrase))
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	identity.SetMaxWorkFactor(scryptWorkLog2Max)
	source := &witness{r: r}
	plain, err := age.Decrypt(source, identity)
	if err != nil {
		var mismatch *age.NoIdentityMatchError
		switch {
		case source.err != nil:
			return nil, fmt.Errorf("decrypt: %w", source.err)
		case errors.As(err, &mismatch):
			return nil, ErrPassphrase
		}
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return &decrypting{plain, source}, nil
}

// witness remembers how reading has failed, to tell a bad disk from bad bytes.
type witness struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (w *witness) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

type decrypting struct {
	plain  io.Reader
	source *witness
}

// Read implements io.Reader.
func (d *decrypting) Read(p []byte) (int, error) {
	n, err := d.plain.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case d.source.err != nil:
		return n, fmt.Errorf("decrypt: %w", d.source.err)
	}
	return n, fmt.Errorf("%w: %w", ErrAltered, err)
}
