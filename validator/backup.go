package validator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scrip-network/scrip/backup"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/profile/texts"
	"github.com/scrip-network/scrip/store"
)

// Names of files in a backup, beside keys/, profiles/, terms/ and backup.LedgerFolder.
const (
	backupSettings = "settings"
	backupGenesis  = "genesis.json"
	backupKeys     = "keys"
	backupProfiles = "profiles"
	backupTexts    = "terms"
)

// partialMark is in the name of a backup that is being written, and of a home that is being
// restored: neither is what it will be, nor looks like it.
const partialMark = ".partial"

// BackupOptions are what Backup needs beside the settings.
type BackupOptions struct {
	// Passphrase encrypts the backup.
	Passphrase string
	// KeyPassphrase returns the passphrase of an encrypted key file that the backup's own does
	// not open; nil = there is nobody to ask.
	KeyPassphrase func(path string) (string, error)
	// Without are file names in the folder keys that are left out.
	Without []string
	// Ledger takes the ledger too.
	Ledger bool
	// Dry says to look and tell, and to write nothing.
	Dry bool
	// Program is the version of the program.
	Program string
	// Progress, if not nil, is told how many bytes of how many are done.
	Progress func(done, total int64)
}

// BackedUp is what a backup holds.
type BackedUp struct {
	Manifest backup.Manifest
	// Files are the names of what is in it, without the ledger's; LedgerFiles how many of
	// these there are. Bytes are those of all, Size that of the backup.
	Files       []string
	LedgerFiles int
	Bytes, Size int64
	// Left says what of the home is not in it, with why.
	Left []string
}

// source is a file to back up.
type source struct {
	name    string
	content []byte // of a small one
	path    string // of a large one
	size    int64
}

// Backup writes a backup of the home to a new file: settings, genesis file, admin and till
// keys, members' profiles, texts of terms and, if told to, the ledger, of a validator that runs or not. Never
// in it are the validator's key, its consensus log, what it has joined and the ticket desk:
// from copies of these a key would sign, and serials be given, twice. The file is there whole
// and readable, or not at all.
func (c *Config) Backup(ctx context.Context, file string, opt BackupOptions) (found BackedUp, err error) {
	if !opt.Dry {
		if _, err := os.Lstat(file); err == nil {
			return found, &Trouble{Kind: KindExists, What: file + " is there already",
				Remedy: "A backup is never overwritten: name another file."}
		}
	}
	g, err := c.backupManifest(&found.Manifest, opt.Program)
	if err != nil {
		return found, err
	}
	all, err := c.smallSources(g, &found, opt)
	if err != nil {
		return found, err
	}
	if opt.Ledger {
		more, drop, err := c.ledgerSources(ctx, g, &found.Manifest)
		if err != nil {
			return found, err
		}
		defer func() { err = errors.Join(err, drop()) }()
		found.LedgerFiles = len(more)
		all = append(all, more...)
	} else {
		found.Left = append(found.Left, "the ledger: the other members have it (--ledger takes it)")
	}
	for _, s := range all {
		found.Bytes += s.size
		if !strings.HasPrefix(s.name, backup.LedgerFolder+"/") {
			found.Files = append(found.Files, s.name)
		}
	}
	if !opt.Dry {
		found.Size, err = writeBackup(ctx, file, all, &found, opt)
	}
	return found, err
}

// backupManifest fills in what is known before the files are looked at.
func (c *Config) backupManifest(m *backup.Manifest, program string) (*genesis.Genesis, error) {
	g, err := genesis.Load(c.Path(c.Genesis))
	if err != nil {
		return nil, &Trouble{Kind: KindGenesis, What: "the genesis file " + c.Path(c.Genesis), Err: err,
			Remedy: "A home that has joined no chain has nothing to back up."}
	}
	*m = backup.Manifest{MadeMs: uint64(time.Now().UnixMilli()), Program: program, Chain: g.Digest, Name: g.File.Name,
		Seat: backup.NoSeat}
	if c.Follow != "" {
		seat, err := c.followed(g)
		m.Seat = int(seat)
		return g, err
	}
	key, err := c.LoadKey()
	if err != nil {
		return nil, err
	}
	m.Validator = key.Public()
	if id, err := placeOf(g, m.Validator); err == nil {
		m.Seat = int(id)
	}
	return g, nil
}

// smallSources are all files but the ledger's.
func (c *Config) smallSources(g *genesis.Genesis, found *BackedUp, opt BackupOptions) ([]source, error) {
	all := []source{newSource(backupSettings, c.settingsToKeep()), newSource(backupGenesis, g.Raw)}
	more, err := c.keySources(found, opt)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	for _, x := range [...][3]string{{c.profilesDir(), ".profile", backupProfiles},
		{c.textsDir(), texts.Suffix, backupTexts}} {
		more, err := folderSources(x[0], x[1], x[2])
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	found.Left = append(found.Left, "the validator's key, its consensus log and what it has joined: with a copy of them "+
		"the key could sign twice")
	if _, err := os.Stat(c.deskDir()); err == nil {
		found.Left = append(found.Left, "the ticket desk's folder: from a copy it would give serials twice")
	}
	if _, err := os.Stat(filepath.Join(c.Home, "wallets")); err == nil {
		found.Left = append(found.Left, "wallets: their twelve words are their backup")
	}
	return all, nil
}

// folderSources are the files of a folder whose names end alike, under a name of the backup.
func folderSources(dir, suffix, name string) (all []source, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, troubleOf("look at "+dir, err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) || !e.Type().IsRegular() {
			continue
		}
		b, err := readSmall(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, troubleOf("read "+filepath.Join(dir, e.Name()), err)
		}
		all = append(all, newSource(name+"/"+e.Name(), b))
	}
	return all, nil
}

func newSource(name string, content []byte) source {
	return source{name: name, content: content, size: int64(len(content))}
}

// readSmall reads a file that a backup takes as a whole.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > backup.SmallBytesMax {
		err = fmt.Errorf("%s has %d bytes, at most %d go into a backup", path, info.Size(), backup.SmallBytesMax)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// notKept are the settings that are of one machine or home and not of the member.
func notKept() []string {
	return []string{"genesis", "data", "key.file", "key.passphrase_file", "experiment.links", "follow"}
}

// settingsToKeep returns the settings that are not the defaults, wherever they were set, a
// line each.
func (c *Config) settingsToKeep() []byte {
	var b bytes.Buffer
	for _, v := range c.Values() {
		if v.Origin != "default" && !slices.Contains(notKept(), v.Key) {
			fmt.Fprintf(&b, "%s = %s\n", v.Key, v.Value)
		}
	}
	return b.Bytes()
}

// keySources are the admin and till keys of the home. Every key file is opened: what cannot
// be opened might be a validator's.
func (c *Config) keySources(found *BackedUp, opt BackupOptions) (all []source, err error) {
	dir := filepath.Join(c.Home, "keys")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, troubleOf("look at the keys", err)
	}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		switch {
		case slices.Contains(opt.Without, name):
			found.Left = append(found.Left, "keys/"+name+": as told")
			continue
		case !strings.HasSuffix(name, ".key") || !e.Type().IsRegular():
			found.Left = append(found.Left, "keys/"+name+": no key of a member or till")
			continue
		}
		secret, err := c.openKey(path, opt)
		if err != nil {
			return nil, err
		}
		if secret.Kind != keys.Member && secret.Kind != keys.Till || secret.Public() == found.Manifest.Validator {
			found.Left = append(found.Left, fmt.Sprintf("keys/%s: a %s key", name, secret.Kind))
			continue
		}
		b, err := readSmall(path)
		if err != nil {
			return nil, troubleOf("read a key", err)
		}
		all = append(all, newSource(backupKeys+"/"+name, b))
	}
	return all, nil
}

// openKey opens a key file with the backup's passphrase, or its own.
func (c *Config) openKey(path string, opt BackupOptions) (keys.Secret, error) {
	secret, err := keys.Load(path, func() (string, error) { return opt.Passphrase, nil }, c.Access()...)
	if errors.Is(err, keys.ErrPassphrase) && opt.KeyPassphrase != nil {
		secret, err = keys.Load(path, func() (string, error) { return opt.KeyPassphrase(path) }, c.Access()...)
	}
	if err != nil {
		return secret, &Trouble{Kind: KindPassphrase, What: "a key file cannot be opened", Err: err,
			Remedy: "It is opened to be sure that it is no validator's. Give its passphrase, or leave it out.",
			Next:   fmt.Sprintf("scrip backup FILE --home %s --without %s", c.Home, filepath.Base(path))}
	}
	return secret, nil
}

// ledgerSources copies the ledger aside, verifies the copy as a whole, and names its files.
func (c *Config) ledgerSources(ctx context.Context, g *genesis.Genesis, m *backup.Manifest) (all []source,
	drop func() error, err error) {
	if _, err := os.Stat(c.ledgerDir()); err != nil {
		return nil, nil, &Trouble{Kind: KindMissing, What: "there is no ledger in " + c.ledgerDir(), Err: err,
			Remedy: "Back up without --ledger: a validator that never ran has none."}
	}
	aside := filepath.Join(c.Path(c.Data), "ledger.copy")
	if drop, err = store.Copy(ctx, c.ledgerDir(), aside); err != nil {
		if errors.Is(err, store.ErrMoved) {
			err = &Trouble{Kind: KindLocked, What: "the validator writes too fast for a copy of its ledger", Err: err,
				Remedy: "Try again when there is less to do, or stop the validator meanwhile."}
		}
		return nil, nil, troubleOf("copy the ledger", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, drop())
		}
	}()
	if m.Height, m.StateRoot, err = openedLedger(aside, g); err != nil {
		return nil, nil, troubleOf("verify the copy of the ledger", c.damaged(err))
	}
	m.Ledger = true
	entries, err := os.ReadDir(aside)
	if err != nil {
		return nil, nil, troubleOf("look at the copy of the ledger", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, nil, troubleOf("look at the copy of the ledger", err)
		}
		if e.Name() != "LOCK" && info.Mode().IsRegular() {
			all = append(all, source{name: backup.LedgerFolder + "/" + e.Name(), path: filepath.Join(aside, e.Name()),
				size: info.Size()})
		}
	}
	return all, drop, nil
}

// openedLedger opens a ledger, which reads every file of it and compares it with the seal,
// and closes it again.
func openedLedger(dir string, g *genesis.Genesis) (height uint64, root [32]byte, err error) {
	committee, err := g.Committee()
	if err != nil {
		return 0, root, err
	}
	l, err := store.OpenLedger(store.LedgerConfig{Dir: dir, Chain: g.Digest, OpenBytes: math.MaxInt64,
		Packer: node.NewPacker(committee)})
	if err != nil {
		return 0, root, err
	}
	height, ok := l.Height()
	root = l.StateRoot()
	if err := l.Close(); err != nil || !ok {
		return 0, root, errors.Join(err, errors.New("the ledger is empty"))
	}
	return height, root, nil
}

// writeBackup writes a backup under another name, reads it back, and gives it its own.
func writeBackup(ctx context.Context, file string, all []source, found *BackedUp, opt BackupOptions) (size int64,
	err error) {
	const attempt = "write the backup"
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, "."+filepath.Base(file)+".*"+partialMark)
	if err != nil {
		return 0, troubleOf(attempt, err)
	}
	defer func() { err = troubleOf(attempt, errors.Join(err, os.Remove(f.Name()))) }()
	p := &passed{ctx: ctx, total: 2 * found.Bytes, tell: opt.Progress}
	err = fillBackup(f, all, found, opt.Passphrase, p)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	if err := readBack(f.Name(), all, opt.Passphrase, p); err != nil {
		return 0, fmt.Errorf("read back what was written: %w", err)
	}
	if err := os.Link(f.Name(), file); err != nil {
		return 0, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return info.Size(), store.OS{}.SyncDir(dir)
}

func fillBackup(w io.Writer, all []source, found *BackedUp, passphrase string, p *passed) error {
	b, err := backup.NewWriter(w, passphrase, found.Manifest)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := addSource(b, s, p); err != nil {
			return err
		}
	}
	return b.Close()
}

func addSource(b *backup.Writer, s source, p *passed) (err error) {
	if s.path == "" {
		return b.Add(s.name, s.size, p.of(bytes.NewReader(s.content)))
	}
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return b.Add(s.name, s.size, p.of(f))
}

// readBack reads a backup and compares names and lengths with what was written; that the
// bytes are those is what the encryption is for.
func readBack(file string, all []source, passphrase string, p *passed) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := backup.NewReader(f, passphrase)
	if err != nil {
		return err
	}
	for _, want := range all {
		name, size, err := r.Next()
		if err != nil || name != want.name || size != want.size {
			return fmt.Errorf("%s of %d bytes where %s of %d was written: %w", name, size, want.name, want.size, err)
		}
		if _, err := io.Copy(io.Discard, p.of(r)); err != nil {
			return err
		}
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than was written: %w", err)
	}
	return nil
}

// passed counts bytes that go by, tells of them, and stops when its context ends.
type passed struct {
	ctx         context.Context
	done, total int64
	tell        func(done, total int64)
	r           io.Reader
}

func (p *passed) of(r io.Reader) io.Reader { p.r = r; return p }

// Read implements io.Reader.
func (p *passed) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	if p.done += int64(n); p.tell != nil {
		p.tell(p.done, p.total)
	}
	return n, err
}

// parseKept is the inverse of settingsToKeep. A setting that this version does not know is
// an error: the member would run otherwise than it was told to.
func parseKept(raw []byte) (map[string]string, error) {
	set := make(map[string]string)
	for line := range strings.Lines(string(raw)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		if !ok || slices.Contains(notKept(), key) ||
			!slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Key == key }) {
			return nil, fmt.Errorf("%w: the setting %q", backup.ErrForm, key)
		}
		set[key] = value
	}
	return set, nil
}

// keptKeys returns the settings that were kept, in order.
func keptKeys(set map[string]string) []string { return slices.Sorted(maps.Keys(set)) }
