package validator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	slashed "path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/backup"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/store"
)

// RestoreOptions are what Restore needs beside the file.
type RestoreOptions struct {
	// Passphrase opens the backup.
	Passphrase string
	// KeyPassphrase encrypts the new validator's key; "" = it is not encrypted.
	KeyPassphrase string
	// Dry says to read all of the backup, and to write nothing.
	Dry bool
	// Progress, if not nil, is told how many bytes of how many are read.
	Progress func(done, total int64)
}

// Restored is what was found in a backup, and made of it.
type Restored struct {
	Manifest backup.Manifest
	Files    []string // without the ledger's
	// LedgerFiles is how many files of the ledger there are, Bytes are those of all files.
	LedgerFiles int
	Bytes       int64
	Settings    []string // the keys of those that were kept
	// Validator is the public key of the new validator; zero in a dry run.
	Validator [32]byte
}

// Restore makes a home of a backup, at a place where there is none. Its validator has a new
// key and a new consensus log: the old ones may have signed what the backup does not know. As
// the genesis file does not name the new key, the home follows the chain without voting, in
// the member's place (the setting follow). The home is there whole, or not at all.
//
// Errors are *Trouble: KindExists if home is not empty, KindPassphrase, KindDamaged if the
// backup is not what was written.
func Restore(ctx context.Context, file, home string, opt RestoreOptions) (found Restored, err error) {
	if err := vacant(home); err != nil && !opt.Dry {
		return found, err
	}
	f, err := os.Open(file)
	if err != nil {
		return found, troubleOf("open the backup", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return found, troubleOf("open the backup", err)
	}
	p := &passed{ctx: ctx, total: info.Size(), tell: opt.Progress}
	r, err := backup.NewReader(p.of(f), opt.Passphrase)
	if err != nil {
		return found, backupTrouble(file, err)
	}
	found.Manifest = r.Manifest
	x := &restoring{home: filepath.Clean(home), found: &found, opt: opt}
	if opt.Dry {
		return found, backupTrouble(file, x.read(r))
	}
	if err := x.begin(); err != nil {
		return found, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(x.dir))
		}
	}()
	if err := x.read(r); err != nil {
		return found, backupTrouble(file, err)
	}
	return found, x.finish()
}

// backupTrouble explains that a backup cannot be read.
func backupTrouble(file string, err error) error {
	switch {
	case errors.Is(err, keys.ErrPassphrase):
		return &Trouble{Kind: KindPassphrase, What: "the passphrase does not open " + file,
			Remedy: "It is the one that was given to scrip backup."}
	case errors.Is(err, keys.ErrAltered), errors.Is(err, backup.ErrForm), errors.Is(err, backup.ErrForbidden):
		return &Trouble{Kind: KindDamaged, What: file + " is no whole backup", Err: err,
			Remedy: "Nothing was made of it. Take another copy."}
	}
	return troubleOf("read the backup", err)
}

// vacant refuses a home that is there, unless it is an empty folder.
func vacant(home string) error {
	entries, err := os.ReadDir(home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return troubleOf("look at the home", err)
	}
	return &Trouble{Kind: KindExists, What: home + " is not empty",
		Remedy: "A home is restored where there is none: name another folder with --home, or move that one away."}
}

// restoring is one run of Restore.
type restoring struct {
	home, dir string // the home, and the folder beside it that becomes it
	found     *Restored
	opt       RestoreOptions
	settings  map[string]string
	genesis   *genesis.Genesis
}

// begin makes the folder that will be the home, in the place of one that an interrupted run
// has left.
func (x *restoring) begin() error {
	parent, err := filepath.Abs(filepath.Dir(x.home))
	if err != nil {
		return troubleOf("make the home folder", err)
	}
	if err := os.MkdirAll(parent, dirMode); err != nil {
		return troubleOf("make the home folder", err)
	}
	x.dir = filepath.Join(parent, "."+filepath.Base(x.home)+partialMark)
	if err := os.RemoveAll(x.dir); err != nil {
		return troubleOf("remove what an interrupted restoration has left", err)
	}
	return troubleOf("make the home folder", os.Mkdir(x.dir, dirMode))
}

// read reads the backup to its end and writes what it holds.
func (x *restoring) read(r *backup.Reader) error {
	for {
		name, size, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := x.take(r, name, size); err != nil {
			return err
		}
	}
	m := &r.Manifest
	switch {
	case x.genesis == nil || x.settings == nil:
		return fmt.Errorf("%w: it has no genesis file or no settings", backup.ErrForm)
	case x.genesis.Digest != m.Chain, m.Seat >= len(x.genesis.File.Committee.Validators):
		return fmt.Errorf("%w: its genesis file is of another chain", backup.ErrForm)
	}
	x.found.Settings = keptKeys(x.settings)
	return nil
}

// take reads one file.
func (x *restoring) take(r *backup.Reader, name string, size int64) (err error) {
	folder, _, _ := strings.Cut(name, "/")
	x.found.Bytes += size
	if folder == backup.LedgerFolder {
		x.found.LedgerFiles++
		if x.opt.Dry {
			return nil // Next reads it
		}
		return x.write(filepath.Join("data", "ledger", slashed.Base(name)), r)
	}
	x.found.Files = append(x.found.Files, name)
	b, err := io.ReadAll(r) // bounded by its size, which the reader has checked
	if err != nil {
		return err
	}
	switch {
	case name == backupSettings:
		x.settings, err = parseKept(b)
		return err
	case name == backupGenesis:
		if x.genesis, err = genesis.Parse(b); err != nil {
			return fmt.Errorf("%w: its genesis file: %w", backup.ErrForm, err)
		}
	case folder != backupKeys && folder != backupProfiles && folder != backupTexts:
		return fmt.Errorf("%w: the file %s of %d bytes", backup.ErrForm, name, size)
	}
	if x.opt.Dry {
		return nil
	}
	return x.write(filepath.FromSlash(name), strings.NewReader(string(b)))
}

// write writes a file of the new home durably.
func (x *restoring) write(name string, r io.Reader) error {
	to := filepath.Join(x.dir, name)
	if err := os.MkdirAll(filepath.Dir(to), dirMode); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// finish verifies the ledger, makes what is new, and gives the home its name.
func (x *restoring) finish() error {
	c := defaults()
	c.Home = x.dir
	if m := &x.found.Manifest; m.Ledger {
		height, root, err := openedLedger(c.ledgerDir(), x.genesis)
		if err != nil || height != m.Height || root != m.StateRoot {
			return &Trouble{Kind: KindDamaged, Err: err,
				What:   fmt.Sprintf("the ledger in the backup is at height %d, and it says %d", height, m.Height),
				Remedy: "Nothing was made of it. Take another backup, or one without a ledger: the members have it."}
		}
	}
	if seat := x.found.Manifest.Seat; seat != backup.NoSeat {
		x.settings["follow"] = strconv.Itoa(seat)
	}
	if err := WriteConfig(x.dir, x.settings); err != nil {
		return err
	}
	key, err := c.MakeKey(x.opt.KeyPassphrase)
	if err != nil {
		return err
	}
	x.found.Validator = key.Public()
	if err := c.makeLog(store.LogID{Chain: x.genesis.Digest, Key: key.Public()}); err != nil {
		return troubleOf("make the consensus log", err)
	}
	if err := c.markJoined([][32]byte{x.genesis.Digest}); err != nil {
		return err
	}
	return troubleOf("give the home its name", x.settle())
}

// settle makes every folder durable and renames the home.
func (x *restoring) settle() error {
	disk := store.OS{}
	err := filepath.WalkDir(x.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = disk.SyncDir(path)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.Remove(x.home); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // no longer empty
	}
	if err := os.Rename(x.dir, x.home); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(x.dir))
}
