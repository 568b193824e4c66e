package keys

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// testWorkLog2 keeps the tests fast; TestSaveAndLoad uses the real factor once.
const testWorkLog2 = 10

const testPassphrase = "several words are best"

func answer(passphrase string) Ask {
	return func() (string, error) { return passphrase, nil }
}

func nobody() (string, error) { return "", errors.New("must not be asked") }

func mustMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %04o, wanted %04o", path, got, want)
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "admin.key")
	s := Generate(Member)
	if err := Save(path, s, testPassphrase); err != nil {
		t.Fatal(err)
	}
	mustMode(t, path, 0o600)
	mustMode(t, filepath.Dir(path), 0o700)
	if got, err := Load(path, answer(testPassphrase)); err != nil || got.Seed != s.Seed || got.Kind != Member {
		t.Errorf("loaded %v, %v", got, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(secretPrefix)) || !bytes.HasPrefix(raw, []byte(armor.Header)) {
		t.Errorf("not an encrypted file: %s", raw)
	}
	// What is left in the folder is the key and nothing else.
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func TestSaveUnencryptedSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "validator.key")
	s := Generate(Validator)
	if err := SaveUnencrypted(path, s); err != nil {
		t.Fatal(err)
	}
	mustMode(t, path, 0o600)
	raw, _ := os.ReadFile(path)
	if !strings.HasPrefix(string(raw), "# UNENCRYPTED") || !strings.Contains(string(raw), s.Address()) {
		t.Errorf("the file does not say what it is:\n%s", raw)
	}
	if got, err := LoadKind(path, Validator, nobody); err != nil || got.Seed != s.Seed {
		t.Errorf("loaded %v, %v", got, err)
	}
	_, err := LoadKind(path, Till, nobody)
	if err == nil || !strings.Contains(err.Error(), "validator key, a till key is wanted") {
		t.Errorf("a validator's key was taken for a till's: %v", err)
	}
}

func TestSaveNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "a.key")
	first := Generate(Till)
	if err := SaveUnencrypted(path, first); err != nil {
		t.Fatal(err)
	}
	if err := SaveUnencrypted(path, Generate(Till)); !errors.Is(err, ErrExists) {
		t.Errorf("a second key was written over the first: %v", err)
	}
	if got, err := Load(path, nil); err != nil || got.Seed != first.Seed {
		t.Errorf("the first key is gone: %v, %v", got, err)
	}
}

func TestLoadRefusesWhatOthersCanRead(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	path := filepath.Join(folder, "a.key")
	if err := SaveUnencrypted(path, Generate(Till)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		lax  os.FileMode
		good os.FileMode
		want string
	}{
		{path, 0o640, 0o600, "run chmod 0600"},
		{path, 0o602, 0o600, "run chmod 0600"},
		{folder, 0o755, 0o700, "run chmod 0700"},
	} {
		if err := os.Chmod(c.path, c.lax); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, nil)
		if !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("mode %04o: %v", c.lax, err)
		}
		if err := os.Chmod(c.path, c.good); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(path, nil); err != nil {
		t.Errorf("mended: %v", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SaveUnencrypted(filepath.Join(folder, "b.key"), Generate(Till)); !errors.Is(err, ErrPermissions) {
		t.Errorf("a key was saved where others can look: %v", err)
	}
}

// A platform that gives volumes to a group of the process sets modes again at each
// start. That group may be let in, others never.
func TestAGroupOfTheProcessMayBeLetIn(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volume")
	path := filepath.Join(folder, "a.key")
	if err := SaveUnencrypted(path, Generate(Till)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder, file os.FileMode
		alone, group bool // may it be read by default, and with the group let in
	}{
		{0o700, 0o600, true, true},
		{os.ModeSetgid | 0o770, 0o660, false, true},
		{os.ModeSetgid | os.ModeSticky | 0o777, 0o440, false, true}, // a mounted secret
		{0o750, 0o600, false, true},
		{0o700, 0o440, false, true},
		{0o777, 0o440, false, false}, // anybody could exchange it
		{0o770, 0o664, false, false},
		{0o770, 0o602, false, false},
	} {
		if err := errors.Join(os.Chmod(folder, c.folder), os.Chmod(path, c.file)); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, nil); (err == nil) != c.alone || err != nil && !errors.Is(err, ErrPermissions) {
			t.Errorf("folder %v, file %v: %v", c.folder, c.file, err)
		}
		_, err := Load(path, nil, ShareWithGroup())
		if (err == nil) != c.group || err != nil && !errors.Is(err, ErrPermissions) {
			t.Errorf("folder %v, file %v, with the group: %v", c.folder, c.file, err)
		}
	}
	if err := errors.Join(os.Chmod(folder, 0o770), os.Chmod(path, 0o660)); err != nil {
		t.Fatal(err)
	}
	if err := SaveUnencrypted(filepath.Join(folder, "b.key"), Generate(Till), ShareWithGroup()); err != nil {
		t.Errorf("save on a shared volume: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Log("not root: the group of a file cannot be changed to a foreign one here")
		return
	}
	const foreign = 54321
	for _, p := range []string{folder, path} {
		if err := os.Chown(p, 0, foreign); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, nil, ShareWithGroup()); !errors.Is(err, ErrPermissions) {
			t.Errorf("%s of a foreign group: %v", p, err)
		}
		if err := os.Chown(p, 0, os.Getegid()); err != nil {
			t.Fatal(err)
		}
	}
	// The folder that a platform mounts secrets in is its own, and read by all.
	if err := errors.Join(os.Chown(folder, 0, foreign), os.Chmod(folder, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil, ShareWithGroup()); err != nil {
		t.Errorf("in a folder that a foreign group reads: %v", err)
	}
	if err := os.Chmod(folder, 0o775); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil, ShareWithGroup()); !errors.Is(err, ErrPermissions) {
		t.Errorf("in a folder that a foreign group writes: %v", err)
	}
	if err := errors.Join(os.Chown(folder, 0, os.Getegid()), os.Chmod(folder, 0o770)); err != nil {
		t.Fatal(err)
	}
	// A secret that a platform mounts may be another user's of the group.
	if err := errors.Join(os.Chown(path, foreign, os.Getegid()), os.Chmod(path, 0o440)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil, ShareWithGroup()); err != nil {
		t.Errorf("another user's of the group: %v", err)
	}
	if _, err := Load(path, nil); !errors.Is(err, ErrPermissions) {
		t.Errorf("another user's, without the group: %v", err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil, ShareWithGroup()); !errors.Is(err, ErrPermissions) {
		t.Errorf("another user's, for that user alone: %v", err)
	}
}

// A key on its way may lie among documents, but its file is its owner's alone.
func TestAKeyOnItsWayMayLieInAnyFolder(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.key")
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s := Generate(Till)
	if err := SaveUnencrypted(path, s, InAnyFolder()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got, err := Load(path, nil, InAnyFolder()); err != nil || got != s {
		t.Errorf("%v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil, InAnyFolder()); !errors.Is(err, ErrPermissions) {
		t.Errorf("a file that others can read: %v", err)
	}
}

func TestLoadErrorsNameTheRemedy(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	encrypted := filepath.Join(folder, "encrypted.key")
	s := Generate(Member)
	if err := saveEncrypted(encrypted, s.body(), testPassphrase, testWorkLog2); err != nil {
		t.Fatal(err)
	}
	put := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Mkdir(filepath.Join(folder, "dir.key"), 0o700); err != nil {
		t.Fatal(err)
	}
	whole, other := unencryptedMark+s.body(), Generate(Member)
	for _, c := range []struct {
		name, path string
		ask        Ask
		want       string
	}{
		{"missing", filepath.Join(folder, "no.key"), nobody, "no such file"},
		{"folder", filepath.Join(folder, "dir.key"), nobody, "not a regular file"},
		{"nobody to ask", encrypted, nil, "give a passphrase file"},
		{"ask fails", encrypted, nobody, "must not be asked"},
		{"wrong passphrase", encrypted, answer("something else"), "wrong passphrase"},
		{"empty passphrase", encrypted, answer(""), "wrong passphrase"},
		{"foreign file", put("text.key", "hello\n"), nobody, "neither"},
		{"empty file", put("empty.key", ""), nobody, "neither"},
		{"cut", put("cut.key", whole[:len(whole)-20]), nobody, "backup"},
		{"lines missing", put("lines.key", unencryptedMark+bodyTitle+"\n"), nobody, "three more lines"},
		{"another's public key", put("swap.key",
			strings.Replace(whole, s.Address(), other.Address(), 1)), nobody, "does not belong"},
		{"large", put("large.key", strings.Repeat("x", keyFileBytesMax+1)), nobody, "at most"},
	} {
		_, err := Load(c.path, c.ask)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), secretPrefix+"1") {
			t.Errorf("%s: the error shows a secret", c.name)
		}
	}
}

// Each byte of an encrypted file is protected: no change of one goes unnoticed.
func TestDamagedEncryptedFile(t *testing.T) {
	s := Generate(Member)
	path := filepath.Join(t.TempDir(), "keys", "a.key")
	if err := saveEncrypted(path, s.body(), testPassphrase, 2); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 1
		if body, err := decrypt(damaged, testPassphrase); err == nil && body != s.body() {
			t.Fatalf("a change of byte %d gives another key", i)
		}
	}
}

func TestPassphraseRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "a.key")
	err := Save(path, Generate(Member), "short")
	if err == nil || !strings.Contains(err.Error(), "10 to") {
		t.Errorf("short passphrase: %v", err)
	}
	// Composed and decomposed letters are one passphrase.
	if err := saveEncrypted(path, Generate(Member).body(), "cafe\u0301 creme", testWorkLog2); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, answer("caf\u00e9 creme")); err != nil {
		t.Error(err)
	}
}

// A file that would cost minutes of work and gigabytes is refused unopened.
func TestLoadRefusesExcessiveWork(t *testing.T) {
	recipient, err := age.NewScryptRecipient(testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(4)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "x")
	w.Close()
	// The work factor stands in the header, in front of what authenticates it.
	costly := bytes.Replace(out.Bytes(), []byte(" 4\n"), []byte(" 25\n"), 1)
	var armored bytes.Buffer
	a := armor.NewWriter(&armored)
	a.Write(costly)
	a.Close()
	_, err = decrypt(armored.Bytes(), testPassphrase)
	if err == nil || !strings.Contains(err.Error(), "work factor") {
		t.Errorf("error %v", err)
	}
}

func TestPhraseFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	path := filepath.Join(folder, "wallet.key")
	phrase, err := NewMnemonic(12)
	if err != nil {
		t.Fatal(err)
	}
	if err := savePhrase(path, strings.ToUpper(phrase), testPassphrase, testWorkLog2); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadPhrase(path, answer(testPassphrase)); err != nil || got != phrase {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Load(path, answer(testPassphrase)); err == nil {
		t.Error("a phrase was read as a key")
	}
	if err := SavePhrase(filepath.Join(folder, "b.key"), "not a phrase", testPassphrase); err == nil {
		t.Error("an invalid phrase was saved")
	}
	single := filepath.Join(folder, "single.key")
	if err := SaveUnencrypted(single, Generate(Till)); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPhrase(single, nil); err == nil {
		t.Error("a key was read as a phrase")
	}
}

func TestChangePassphrase(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	path := filepath.Join(folder, "a.key")
	s := Generate(Member)
	if err := SaveUnencrypted(path, s); err != nil {
		t.Fatal(err)
	}
	if err := changePassphrase(path, nobody, testPassphrase, testWorkLog2); err != nil {
		t.Fatal(err)
	}
	err := changePassphrase(path, answer("not the passphrase"), "another one", testWorkLog2)
	if !errors.Is(err, ErrPassphrase) {
		t.Errorf("changed without the old passphrase: %v", err)
	}
	if err := changePassphrase(path, answer(testPassphrase), "short", testWorkLog2); err == nil {
		t.Error("changed to a short passphrase")
	}
	if got, err := Load(path, answer(testPassphrase)); err != nil || got.Seed != s.Seed {
		t.Errorf("after refused changes: %v, %v", got, err)
	}
	if err := changePassphrase(path, answer(testPassphrase), "another passphrase", testWorkLog2); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path, answer("another passphrase")); err != nil || got.Seed != s.Seed {
		t.Errorf("after the change: %v, %v", got, err)
	}
	mustMode(t, path, 0o600)
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}
