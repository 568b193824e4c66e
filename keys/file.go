package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/text/unicode/norm"

	"github.com/scrip-network/scrip/internal/textfile"
)

// Work factors of scrypt, as log2 of N with r = 8 and p = 1. Files are written
// with 2^17 (128 MiB and about half a second). Up to
// 2^18, the age tool's own default, is read; a file that asks for more could
// stop a small machine and is refused.
const (
	scryptWorkLog2    = 17
	scryptWorkLog2Max = 18
)

const (
	// PassphraseCharsMin is the shortest passphrase that Save takes.
	PassphraseCharsMin = 10
	passphraseCharsMax = 1024

	// keyFileBytesMax bounds what is read; a key file has under 2,000 bytes.
	keyFileBytesMax = 16 << 10
)

// The two lines before an unencrypted body.
const unencryptedMark = "# UNENCRYPTED SCRIP KEY. Whoever reads this file can sign with it.\n" +
	"# Keep it on this machine, mode 0600, out of backups that others can read.\n"

// Errors of this file, for errors.Is. Their texts carry the remedy.
var (
	// ErrExists says that Save found a file and left it alone.
	ErrExists = errors.New("a key file is never overwritten")
	// ErrPermissions says that others can read or change a key file.
	ErrPermissions = errors.New("key file not private")
	// ErrPassphrase says that the passphrase is not the file's.
	ErrPassphrase = errors.New("wrong passphrase")
)

// Ask returns the passphrase of an encrypted key file, from a terminal or from a
// file that only its owner can read. Load calls it only if it needs it.
type Ask func() (string, error)

// Save writes a new key file encrypted with a passphrase. The folder is made with
// mode 0700 if need be, the file has mode 0600. The file is there whole or not at
// all after a crash, and durable when Save returns.
func Save(path string, s Secret, passphrase string, options ...Option) error {
	return saveEncrypted(path, s.body(), passphrase, scryptWorkLog2, options...)
}

// SaveUnencrypted writes a new key file that needs no passphrase, for a server
// that must start alone: a validator, a till, a ticket desk. Its first line says
// that it is unencrypted. Otherwise it is like Save.
func SaveUnencrypted(path string, s Secret, options ...Option) error {
	return writeNew(path, []byte(unencryptedMark+s.body()), options...)
}

// Load reads a key file of either form. It refuses a file or folder that others
// could read or change, a file that is no regular file, and a damaged file; the
// error says what to do. ask may be nil if no passphrase can be had.
func Load(path string, ask Ask, options ...Option) (Secret, error) {
	body, err := loadBody(path, ask, options...)
	if err != nil {
		return Secret{}, err
	}
	s, err := parseBody(body)
	if err != nil {
		return Secret{}, fmt.Errorf("load %s: %w; restore the file from its backup", path, err)
	}
	return s, nil
}

// LoadKind is Load for a key of one kind, so that a till's key is not taken for a
// validator's.
func LoadKind(path string, kind Kind, ask Ask, options ...Option) (Secret, error) {
	s, err := Load(path, ask, options...)
	if err == nil && s.Kind != kind {
		return Secret{}, fmt.Errorf("load %s: it holds a %s key, a %s key is wanted: give the other file",
			path, s.Kind, kind)
	}
	return s, err
}

// The body of a phrase file is this line and the words.
const phraseTitle = "scrip phrase file v1\n"

// SavePhrase writes a wallet's mnemonic as a new encrypted file. There is no
// unencrypted form: a wallet's phrase has a person to ask.
func SavePhrase(path, mnemonic, passphrase string) error {
	return savePhrase(path, mnemonic, passphrase, scryptWorkLog2)
}

func savePhrase(path, mnemonic, passphrase string, workLog2 int) error {
	entropy, err := EntropyFromMnemonic(mnemonic)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	plain, err := MnemonicFromEntropy(entropy)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return saveEncrypted(path, phraseTitle+plain+"\n", passphrase, workLog2)
}

// LoadPhrase reads the mnemonic from a file of SavePhrase.
func LoadPhrase(path string, ask Ask) (string, error) {
	body, err := loadBody(path, ask)
	if err != nil {
		return "", err
	}
	phrase, ok := strings.CutPrefix(body, phraseTitle)
	if !ok {
		return "", fmt.Errorf("load %s: it holds no phrase; a single key's file is read as a key", path)
	}
	phrase = strings.TrimSuffix(phrase, "\n")
	if _, err := EntropyFromMnemonic(phrase); err != nil {
		return "", fmt.Errorf("load %s: %w; restore the file from its backup", path, err)
	}
	return phrase, nil
}

// ChangePassphrase encrypts a key or phrase file anew, an unencrypted one too. ask
// gives the present passphrase. After a crash the old file or the new one is
// there; copies elsewhere keep the old passphrase.
func ChangePassphrase(path string, ask Ask, passphrase string) error {
	return changePassphrase(path, ask, passphrase, scryptWorkLog2)
}

func changePassphrase(path string, ask Ask, passphrase string, workLog2 int) error {
	body, err := loadBody(path, ask)
	if err != nil {
		return err
	}
	data, err := encrypt(body, passphrase, workLog2)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return replace(path, data)
}

// saveEncrypted writes body as a new encrypted file.
func saveEncrypted(path, body, passphrase string, workLog2 int, options ...Option) error {
	data, err := encrypt(body, passphrase, workLog2)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return writeNew(path, data, options...)
}

// encrypt returns body as an armored age file.
func encrypt(body, passphrase string, workLog2 int) ([]byte, error) {
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := encryptTo(armored, passphrase, workLog2)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(w, body)
	if err = errors.Join(err, w.Close(), armored.Close()); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

// loadBody reads a key file after the checks and returns its plain lines.
func loadBody(path string, ask Ask, options ...Option) (string, error) {
	raw, err := readPrivate(path, options...)
	if err != nil {
		return "", err
	}
	if raw, err = textfile.Decode(raw); err != nil {
		return "", fmt.Errorf("load %s: %w", path, err)
	}
	if body, ok := strings.CutPrefix(string(raw), unencryptedMark); ok {
		return body, nil
	}
	if !bytes.HasPrefix(raw, []byte(armor.Header)) {
		return "", fmt.Errorf("load %s: neither an encrypted nor an unencrypted Scrip key file", path)
	}
	if ask == nil {
		return "", fmt.Errorf("load %s: the file is encrypted and there is nobody to ask for its passphrase; "+
			"give a passphrase file", path)
	}
	passphrase, err := ask()
	if err != nil {
		return "", fmt.Errorf("load %s: ask for the passphrase: %w", path, err)
	}
	body, err := decrypt(raw, passphrase)
	if err != nil {
		return "", fmt.Errorf("load %s: %w", path, err)
	}
	return body, nil
}

// decrypt opens an armored age file.
func decrypt(raw []byte, passphrase string) (string, error) {
	if passphrase == "" || len(passphrase) > 4*passphraseCharsMax {
		return "", ErrPassphrase
	}
	identity, err := age.NewScryptIdentity(norm.NFC.String(passphrase))
	if err != nil {
		return "", err
	}
	identity.SetMaxWorkFactor(scryptWorkLog2Max)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(raw)), identity)
	if err != nil {
		var mismatch *age.NoIdentityMatchError
		if errors.As(err, &mismatch) {
			return "", ErrPassphrase
		}
		return "", fmt.Errorf("decrypt: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(r, keyFileBytesMax))
	if err != nil {
		return "", fmt.Errorf("decrypt: the file is damaged: %w", err)
	}
	return string(body), nil
}

// readPrivate reads a file after checking that nobody else could. The checks of
// the file are made on the opened file, so that it cannot be exchanged between.
func readPrivate(path string, options ...Option) (raw []byte, err error) {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		return nil, fmt.Errorf("load %s: look at its folder: %w", path, err)
	}
	if err := checkPrivate(folder, info, options...); err != nil {
		return nil, err
	}
	// Opening a pipe would wait for its writer.
	if info, err = os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("load %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err = f.Stat(); err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	if err := checkPrivate(path, info, options...); err != nil {
		return nil, err
	}
	if info.Size() > keyFileBytesMax {
		return nil, fmt.Errorf("load %s: %d bytes, a key file has at most %d", path, info.Size(), keyFileBytesMax)
	}
	raw, err = io.ReadAll(io.LimitReader(f, keyFileBytesMax))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return raw, nil
}
