package release

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"aead.dev/minisign"
)

// NewKey makes a key that signs releases, in the form of the minisign program: the secret
// one at path, encrypted under a passphrase, the public one at path with .pub for .key at
// its end. Files that are there stay.
func NewKey(path, passphrase string) (public string, err error) {
	if passphrase == "" {
		return "", errors.New("make a key: a key that signs releases needs a passphrase")
	}
	for _, there := range []string{path, publicPath(path)} {
		if _, err := os.Lstat(there); err == nil {
			return "", fmt.Errorf("make a key: %w: %s", os.ErrExist, there)
		}
	}
	pub, secret, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	locked, err := minisign.EncryptKey(passphrase, secret)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	open, err := pub.MarshalText()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	for _, f := range []struct {
		path    string
		content []byte
		mode    os.FileMode
	}{{path, locked, 0o600}, {publicPath(path), append(open, '\n'), 0o644}} {
		w, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
		if err != nil {
			return "", fmt.Errorf("make a key: %w", err)
		}
		_, err = w.Write(f.content)
		if err := errors.Join(err, w.Close()); err != nil {
			return "", fmt.Errorf("make a key: %w", err)
		}
	}
	return pub.String(), nil
}

func publicPath(secret string) string {
	if filepath.Ext(secret) == ".key" {
		secret = secret[:len(secret)-len(".key")]
	}
	return secret + ".pub"
}

// Sign signs the sums of a release, after it has checked them, with a key file.
func Sign(dir, keyFile, passphrase, version string) error {
	key, err := minisign.PrivateKeyFromFile(passphrase, keyFile)
	if err != nil {
		return fmt.Errorf("sign the release: read the key %s: %w", keyFile, err)
	}
	return signSums(dir, key, version)
}

func signSums(dir string, key minisign.PrivateKey, version string) error {
	if _, err := CheckSums(dir); err != nil {
		return fmt.Errorf("sign the release: %w", err)
	}
	sums, err := os.ReadFile(filepath.Join(dir, SumsName))
	if err != nil {
		return fmt.Errorf("sign the release: %w", err)
	}
	r := minisign.NewReader(bytes.NewReader(sums))
	if _, err := new(bytes.Buffer).ReadFrom(r); err != nil {
		return fmt.Errorf("sign the release: %w", err)
	}
	signature := r.SignWithComments(key, "scrip "+version, "of "+SumsName+", by a release key of Scrip")
	return os.WriteFile(filepath.Join(dir, SignatureName), signature, 0o644)
}

// Verify checks a release: the signature of its sums by a public key, and the files that are
// there by the sums. It returns what the signer said and the names of the files. What is
// not as it should be wraps ErrFalse.
func Verify(dir, publicKeyFile string) (said string, checked []string, err error) {
	key, err := minisign.PublicKeyFromFile(publicKeyFile)
	if err != nil {
		return "", nil, fmt.Errorf("verify the release: read the key %s: %w", publicKeyFile, err)
	}
	sums, err := os.ReadFile(filepath.Join(dir, SumsName))
	if err != nil {
		return "", nil, fmt.Errorf("verify the release: %w", err)
	}
	signature, err := os.ReadFile(filepath.Join(dir, SignatureName))
	if err != nil {
		return "", nil, fmt.Errorf("verify the release: %w", err)
	}
	r := minisign.NewReader(bytes.NewReader(sums))
	if _, err := new(bytes.Buffer).ReadFrom(r); err != nil {
		return "", nil, fmt.Errorf("verify the release: %w", err)
	}
	if !r.Verify(key, signature) {
		return "", nil, fmt.Errorf("verify the release: %w: the signature is not by this key", ErrFalse)
	}
	var parsed minisign.Signature
	if err := parsed.UnmarshalText(signature); err != nil {
		return "", nil, fmt.Errorf("verify the release: %w", err)
	}
	checked, err = CheckSums(dir)
	if err != nil {
		return "", nil, fmt.Errorf("verify the release: %w", err)
	}
	return parsed.TrustedComment, checked, nil
}
