package release

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a release that are about the others.
const (
	SumsName      = "SHA256SUMS"
	SignatureName = "SHA256SUMS.minisig"
)

// ErrFalse is wrapped where a release is not what its sums or its signature say.
var ErrFalse = errors.New("the release is not what was signed")

// sumOf is the SHA-256 sum of a file, in hexadecimal.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeSums writes the sums of all files of a release, as sha256sum -c reads them.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), SumsName) {
			continue
		}
		sum, err := sumOf(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(filepath.Join(dir, SumsName), b.Bytes(), 0o644)
}

// readSums returns the sums of a release by the names of its files.
func readSums(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, SumsName))
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		sum, name, found := strings.Cut(s.Text(), "  ")
		if raw, err := hex.DecodeString(sum); !found || err != nil || len(raw) != sha256.Size || filepath.Base(name) != name {
			return nil, fmt.Errorf("%w: %s has the line %q", ErrFalse, SumsName, s.Text())
		}
		sums[name] = sum
	}
	return sums, nil
}

// CheckSums compares the files of a release that are there with their sums, and returns
// their names. A file without a sum is an error that wraps ErrFalse, as is one that differs;
// one that is not there is not: few fetch all.
func CheckSums(dir string) (checked []string, err error) {
	sums, err := readSums(dir)
	if err != nil {
		return nil, fmt.Errorf("check the sums: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("check the sums: %w", err)
	}
	for _, e := range entries {
		if slices.Contains([]string{SumsName, SignatureName}, e.Name()) {
			continue
		}
		sum, err := sumOf(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("check the sums: %w", err)
		}
		if sums[e.Name()] != sum {
			return nil, fmt.Errorf("%w: %s", ErrFalse, e.Name())
		}
		checked = append(checked, e.Name())
	}
	if len(checked) == 0 {
		return nil, fmt.Errorf("check the sums: %s holds no file of a release", dir)
	}
	return checked, nil
}

// Differences names the files that two releases do not have alike.
func Differences(a, b string) (names []string, err error) {
	in, err := readSums(a)
	if err != nil {
		return nil, fmt.Errorf("compare releases: %w", err)
	}
	out, err := readSums(b)
	if err != nil {
		return nil, fmt.Errorf("compare releases: %w", err)
	}
	for name, sum := range in {
		if out[name] != sum {
			names = append(names, name)
		}
	}
	for name := range out {
		if in[name] == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
