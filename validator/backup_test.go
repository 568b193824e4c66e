package validator

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/store"
)

const backupWords = "four words are best"

// memberHome is a home that has joined a chain, with a ledger, keys of every kind, a desk and a
// wallet.
func memberHome(t *testing.T) (*Config, *genesis.Genesis) {
	t.Helper()
	dev, err := genesis.Dev("backup", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "home")
	if err := MakeHome(dir); err != nil {
		t.Fatal(err)
	}
	if err := WriteConfig(dir, map[string]string{"listen.api": "127.0.0.1:7611", "peers": "0=a:1,2=b:2",
		"log.level": "debug"}); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.SaveUnencrypted(c.Path(c.Key), dev.Validators[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(dev.Genesis.Raw); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []keys.Kind{keys.Holder, keys.Till, keys.Member, keys.Validator, keys.Ticket} {
		if err := keys.SaveUnencrypted(filepath.Join(dir, "keys", kind.String()+".key"), keys.Generate(kind)); err != nil {
			t.Fatal(err)
		}
	}
	// The validator's own key under a harmless name and kind.
	harmless := keys.Secret{Kind: keys.Member, Seed: dev.Validators[1].Seed}
	if err := keys.SaveUnencrypted(filepath.Join(dir, "keys", "mine.key"), harmless); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"desk/ticket.key", "wallets/w.key", "profiles/2.profile", "profiles/odd",
		"terms/2-1-1-ab.txt", "terms/.new-1"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeGenesis(t, c.ledgerDir(), dev.Genesis, false).Close(); err != nil {
		t.Fatal(err)
	}
	return c, dev.Genesis
}

func kindOf(err error) Kind {
	var trouble *Trouble
	if errors.As(err, &trouble) {
		return trouble.Kind
	}
	return ""
}

// names returns the files below a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A backup holds what the member needs and nothing that makes promises; what is made of it is a
// home with another key, a log of its own, the settings, and the ledger.
func TestABackupIsRestored(t *testing.T) {
	c, g := memberHome(t)
	ctx := context.Background()
	before := names(t, c.Home)
	file := filepath.Join(t.TempDir(), "a.backup")
	found, err := c.Backup(ctx, file, BackupOptions{Passphrase: backupWords, Ledger: true, Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"settings", "genesis.json", "keys/member.key", "keys/till.key", "profiles/2.profile",
		"terms/2-1-1-ab.txt"}
	if !slices.Equal(found.Files, want) || found.LedgerFiles < 4 || found.Manifest.Seat != 1 {
		t.Errorf("%q and %d of the ledger, seat %d", found.Files, found.LedgerFiles, found.Manifest.Seat)
	}
	if after := names(t, c.Home); !slices.Equal(before, after) {
		t.Errorf("the home has changed:\n%q\n%q", before, after)
	}
	to := filepath.Join(t.TempDir(), "new")
	restored, err := Restore(ctx, file, to, RestoreOptions{Passphrase: backupWords})
	if err != nil {
		t.Fatal(err)
	}
	x, err := LoadConfig(to, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x.LoadKey()
	old, oldErr := c.LoadKey()
	switch {
	case err != nil || oldErr != nil || key.Public() == old.Public() || key.Public() != restored.Validator:
		t.Errorf("the key: %v, %v, %v", key, err, oldErr)
	case x.Follow != "1" || x.ListenAPI != "127.0.0.1:7611" || x.Peers[2] != "b:2" || x.LogLevel != "debug":
		t.Errorf("the settings: %+v", x.Values())
	}
	if _, id, err := x.LoadGenesis(key.Public()); err != nil || id != 1 {
		t.Errorf("its place: %d, %v", id, err)
	}
	log, err := store.OpenLog(store.OS{}, x.logDir(), store.LogID{Chain: g.Digest, Key: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if height, root, err := openedLedger(x.ledgerDir(), g); err != nil || height != 0 || root != found.Manifest.StateRoot {
		t.Errorf("the ledger: %d, %x, %v", height, root, err)
	}
	for _, name := range names(t, to) {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode().Perm() != fileMode && !strings.HasPrefix(name, "data/") {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if strings.HasPrefix(name, "desk/") || strings.HasPrefix(name, "wallets/") || name == "keys/validator.key" {
			t.Errorf("%s was restored", name)
		}
	}
	again, err := x.Backup(ctx, filepath.Join(t.TempDir(), "b"), BackupOptions{Passphrase: backupWords, Dry: true})
	if err != nil || again.Manifest.Seat != 1 || !slices.Equal(again.Files, want) {
		t.Errorf("a backup of the restored home: %+v, %v", again, err)
	}
}

// What is in the way stays as it is, and what goes wrong leaves nothing behind.
func TestBackupAndRestoreLeaveNothingHalf(t *testing.T) {
	c, _ := memberHome(t)
	ctx, dir := context.Background(), t.TempDir()
	file := filepath.Join(dir, "a.backup")
	opt := BackupOptions{Passphrase: backupWords}
	if _, err := c.Backup(ctx, file, BackupOptions{Dry: true, Ledger: true}); err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Backup(cancelled, file, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Fatalf("left behind: %q", left)
	}
	if _, err := c.Backup(ctx, file, opt); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Backup(ctx, file, opt); kindOf(err) != KindExists {
		t.Errorf("over a file: %v", err)
	}
	to, pass := filepath.Join(dir, "new"), RestoreOptions{Passphrase: backupWords}
	if _, err := Restore(ctx, file, c.Home, pass); kindOf(err) != KindExists {
		t.Errorf("over a home: %v", err)
	}
	wrong := RestoreOptions{Passphrase: "other words are good"}
	if _, err := Restore(ctx, file, to, wrong); kindOf(err) != KindPassphrase {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := Restore(cancelled, file, to, pass); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if found, err := Restore(ctx, file, to, RestoreOptions{Passphrase: backupWords, Dry: true}); err != nil ||
		len(found.Files) != 6 || found.Validator != [32]byte{} {
		t.Errorf("dry: %+v, %v", found, err)
	}
	raw[len(raw)*3/4] ^= 1
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(ctx, bad, to, pass); kindOf(err) != KindDamaged {
		t.Errorf("a flipped bit: %v", err)
	}
	if left := names(t, dir); !slices.Equal(left, []string{"a.backup", "bad"}) {
		t.Errorf("left behind: %q", left)
	}
	// What a killed process has left is no obstacle, nor is an empty folder.
	if err := os.MkdirAll(filepath.Join(dir, ".new"+partialMark, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(ctx, file, to, pass); err != nil {
		t.Error(err)
	}
}

// A key file that does not open may be a validator's: it is in no backup.
func TestUnopenedKeysAreNotBackedUp(t *testing.T) {
	c, _ := memberHome(t)
	path := filepath.Join(c.Home, "keys", "locked.key")
	if err := keys.Save(path, keys.Generate(keys.Validator), "other words are good"); err != nil {
		t.Fatal(err)
	}
	opt := BackupOptions{Passphrase: backupWords, Dry: true}
	if _, err := c.Backup(context.Background(), "x", opt); kindOf(err) != KindPassphrase {
		t.Errorf("%v", err)
	}
	opt.KeyPassphrase = func(string) (string, error) { return "other words are good", nil }
	found, err := c.Backup(context.Background(), "x", opt)
	if err != nil || slices.Contains(found.Files, "keys/locked.key") {
		t.Errorf("%q, %v", found.Files, err)
	}
	opt.KeyPassphrase, opt.Without = nil, []string{"locked.key"}
	if _, err := c.Backup(context.Background(), "x", opt); err != nil {
		t.Error(err)
	}
}

const backupChild = "SCRIP_TEST_BACKUP"

// A backup whose process is killed, whenever that is, leaves no file of its name, or a whole
// one; and the next backup succeeds.
func TestAKilledBackupIsNone(t *testing.T) {
	if spec := os.Getenv(backupChild); spec != "" {
		home, file, _ := strings.Cut(spec, "|")
		c, err := LoadConfig(home, nil, nil)
		if err == nil {
			_, err = c.Backup(context.Background(), file, BackupOptions{Passphrase: backupWords, Ledger: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	c, _ := memberHome(t)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for i := range 4 {
		file := filepath.Join(t.TempDir(), "a.backup")
		child := exec.Command(executable, "-test.run=^TestAKilledBackupIsNone$")
		child.Env = append(os.Environ(), backupChild+"="+c.Home+"|"+file)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(50+400*i) * time.Millisecond)
		_ = child.Process.Kill()
		if child.Wait() != nil {
			killed++
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if _, err := Restore(context.Background(), file, t.TempDir(), RestoreOptions{Passphrase: backupWords,
			Dry: true}); err != nil {
			t.Errorf("after %d: %v", i, err)
		}
	}
	if killed == 0 {
		t.Error("nothing was killed in time")
	}
	if _, err := c.Backup(context.Background(), filepath.Join(t.TempDir(), "b"), BackupOptions{Passphrase: backupWords,
		Ledger: true}); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(c.Path(c.Data), "ledger.copy*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// A ledger that nobody attests is read as a whole and said to be that; one whose rows do not
// give its root is false.
func TestALedgersRootIsChecked(t *testing.T) {
	c, g := memberHome(t)
	found, err := c.CheckLedgerRoot(context.Background(), g, "")
	if err != nil || found.Height != 0 || found.Attested != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	other := filepath.Join(t.TempDir(), "ledger")
	if err := writeGenesis(t, other, g, true).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CheckLedgerRoot(context.Background(), g, other); kindOf(err) != KindDamaged {
		t.Errorf("rewritten: %v", err)
	}
	if _, err := c.CheckLedgerRoot(context.Background(), g, filepath.Join(other, "none")); kindOf(err) != KindMissing {
		t.Errorf("none: %v", err)
	}
}
