package validator

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// Modes of what a home holds: nobody else has business there.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// passphraseBytesMax bounds a passphrase file.
const passphraseBytesMax = 4096

// MakeHome makes the folder of a home with mode 0700 if it is missing. One that is
// there must be private, as far as the options ask for it.
func MakeHome(home string, options ...keys.Option) error {
	if err := os.MkdirAll(home, dirMode); err != nil {
		return troubleOf("make the home folder", err)
	}
	info, err := os.Stat(home)
	if err != nil {
		return troubleOf("make the home folder", err)
	}
	if keys.Exposed(info, options...) {
		return &Trouble{Kind: KindPermission, What: fmt.Sprintf("%s has mode %04o: others can get at it", home,
			info.Mode().Perm()), Remedy: "A home is for its owner only. " + groupRemedy,
			Next: fmt.Sprintf("chmod 0700 %q", home)}
	}
	return nil
}

// groupRemedy is for operators whose platform sets modes again at each start.
const groupRemedy = "Where a platform gives a volume to a group of the process, set key.group to \"allow\"."

// Access returns the options for files that only the validator may read.
func (c *Config) Access() []keys.Option {
	if c.KeyGroup == "allow" {
		return []keys.Option{keys.ShareWithGroup()}
	}
	return nil
}

// WriteConfig writes a new settings file into a home, with every setting that is
// not at its default, and the others as comments. Settings are checked first; paths
// start from the working directory, as those of flags do.
func WriteConfig(home string, set map[string]string) error {
	c := defaults()
	for _, s := range Settings() {
		if v, ok := set[s.Key]; ok {
			if err := c.apply(s, v, "given"); err != nil {
				return err
			}
		}
	}
	var b bytes.Buffer
	b.WriteString("# Settings of this validator. Lines that begin with # show the defaults.\n" +
		"# The environment and flags go before this file: scrip config show --origin\n")
	table, peers := "", ""
	for _, s := range Settings() {
		prefix, name, dotted := strings.Cut(s.Key, ".")
		if s.Key == "peers" {
			peers = "\n# " + s.Doc + "\n[peers]\n" + peerLines(c.Peers)
			continue
		}
		if !dotted {
			prefix, name = "", s.Key
		}
		if prefix != table {
			table = prefix
			fmt.Fprintf(&b, "\n[%s]\n", table)
		}
		comment := "# "
		if _, ok := set[s.Key]; ok {
			comment = ""
		}
		fmt.Fprintf(&b, "# %s\n%s%s = %s\n", s.Doc, comment, name, tomlValue(s, c))
	}
	b.WriteString(peers)
	return writeNew(filepath.Join(home, ConfigName), b.Bytes())
}

func peerLines(peers map[int]string) string {
	var b strings.Builder
	for _, entry := range splitList(formatPeers(peers)) {
		id, addr, _ := strings.Cut(entry, "=")
		fmt.Fprintf(&b, "%s = %q\n", id, addr)
	}
	return b.String()
}

// tomlValue returns a setting's value as TOML.
func tomlValue(s Setting, c *Config) string {
	v := s.get(c)
	switch {
	case s.isList:
		items := splitList(v)
		for i := range items {
			items[i] = fmt.Sprintf("%q", items[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case s.isNumber:
		return v
	}
	return fmt.Sprintf("%q", v)
}

// MakeKey makes the key of a validator, encrypted if there is a passphrase, and
// returns it. It never overwrites one.
func (c *Config) MakeKey(passphrase string) (keys.Secret, error) {
	s := keys.Generate(keys.Validator)
	path := c.Path(c.Key)
	var err error
	if passphrase == "" {
		err = keys.SaveUnencrypted(path, s, c.Access()...)
	} else {
		err = keys.Save(path, s, passphrase, c.Access()...)
	}
	return s, troubleOf("make the validator's key", err)
}

// LoadKey reads the validator's key.
func (c *Config) LoadKey() (keys.Secret, error) {
	s, err := keys.LoadKind(c.Path(c.Key), keys.Validator, func() (string, error) {
		if c.PassphraseFile == "" {
			return "", &Trouble{Kind: KindPassphrase, What: "the key file " + c.Path(c.Key) + " is encrypted",
				Remedy: "Name a file with its passphrase with --key-passphrase-file."}
		}
		return ReadPassphrase(c.Path(c.PassphraseFile), c.Access()...)
	}, c.Access()...)
	var known *Trouble
	switch {
	case err == nil, errors.As(err, &known):
		return s, err
	case errors.Is(err, fs.ErrNotExist):
		return s, c.noKey()
	case errors.Is(err, keys.ErrPermissions):
		return s, &Trouble{Kind: KindPermission, What: err.Error(), Remedy: groupRemedy}
	}
	err = troubleOf("read the validator's key", err)
	if errors.As(err, &known) && known.Kind == KindInternal {
		known.Kind, known.Remedy = KindKeyFile, keyRemedy
	}
	return s, err
}

// keyRemedy is for a key that cannot be had from the home any more.
const keyRemedy = "Restore the key file from its backup: no other key votes for this member."

// noKey explains that there is no key: in a home that has had one, or a new one.
func (c *Config) noKey() error {
	t := &Trouble{Kind: KindMissing, What: "there is no validator's key at " + c.Path(c.Key)}
	if joined, err := c.joined(); err != nil || len(joined) > 0 {
		t.Remedy = keyRemedy
		return t
	}
	t.Remedy, t.Next = "Make a home with one.", "scrip init --home "+c.Home
	return t
}

// ReadPassphrase reads a passphrase from the first line of a file that only its
// owner can read, or whom the options allow.
func ReadPassphrase(path string, options ...keys.Option) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", troubleOf("read the passphrase", err)
	}
	if info.Mode().IsRegular() && keys.Exposed(info, options...) {
		return "", &Trouble{Kind: KindPermission, What: fmt.Sprintf("%s has mode %04o: others can read the passphrase",
			path, info.Mode().Perm()), Remedy: "It is for its owner only.", Next: fmt.Sprintf("chmod 0600 %q", path)}
	}
	raw, err := textfile.Read(path, passphraseBytesMax)
	if err != nil {
		return "", troubleOf("read the passphrase", err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", &Trouble{Kind: KindPassphrase, What: path + " has no passphrase in its first line",
			Remedy: "Write the passphrase of the key file there."}
	}
	return line, nil
}

// LoadGenesis reads the genesis file of the home and finds the key's place in the
// committee.
func (c *Config) LoadGenesis(key [32]byte) (*genesis.Genesis, pbft.ReplicaID, error) {
	g, err := genesis.Load(c.Path(c.Genesis))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, &Trouble{Kind: KindMissing, What: "there is no genesis file at " + c.Path(c.Genesis),
			Remedy: "Join a chain with the file that its members agreed on.",
			Next:   "scrip init --home " + c.Home + " --genesis FILE"}
	}
	if err != nil {
		return nil, 0, &Trouble{Kind: KindGenesis, What: "the genesis file " + c.Path(c.Genesis) + " is not valid",
			Err: err, Remedy: genesisRemedy}
	}
	if err := checkRules(g); err != nil {
		return nil, 0, err
	}
	if c.Follow != "" {
		id, err := c.followed(g)
		return g, id, err
	}
	id, err := placeOf(g, key)
	return g, id, err
}

// checkRules returns a Trouble if this program does not run the chain's rules.
func checkRules(g *genesis.Genesis) error {
	if err := genesis.CheckRules(g.File.Ledger.Rules); err != nil {
		return &Trouble{Kind: KindGenesis, What: err.Error(), Remedy: "Join a chain of version 1 of the rules."}
	}
	return nil
}

// genesisRemedy is for a genesis file that is none. It may not be mended: the chain is
// the digest of its bytes.
const genesisRemedy = "Fetch the file again from a member: every member has the same bytes."

func placeOf(g *genesis.Genesis, key [32]byte) (pbft.ReplicaID, error) {
	for i, v := range g.File.Committee.Validators {
		if v.Key == key {
			return pbft.ReplicaID(i), nil
		}
	}
	return 0, &Trouble{Kind: KindGenesis,
		What: fmt.Sprintf("the genesis file of %s does not name the key of this home", g.File.Name),
		Remedy: "Use the file that was made with this key, or the key that the file names: " +
			keys.Encode(keys.Validator, key) + "."}
}

// Join puts a genesis file into the home and makes the consensus log of the key
// for its chain: once. A second log could make the key sign twice.
func (c *Config) Join(raw []byte) (*genesis.Genesis, error) {
	g, err := genesis.Parse(raw)
	if err != nil {
		return nil, &Trouble{Kind: KindGenesis, What: "the genesis file is not valid", Err: err, Remedy: genesisRemedy}
	}
	if err := checkRules(g); err != nil {
		return nil, err
	}
	key, err := c.LoadKey()
	if err != nil {
		return nil, err
	}
	if _, err := placeOf(g, key.Public()); err != nil {
		return nil, err
	}
	if err := c.placeGenesis(raw); err != nil {
		return nil, err
	}
	joined, err := c.joined()
	if err != nil {
		return nil, err
	}
	id := store.LogID{Chain: g.Digest, Key: key.Public()}
	if slices.Contains(joined, g.Digest) {
		return nil, c.joinedBefore(g, id)
	}
	if err := c.makeLog(id); err != nil {
		return nil, troubleOf("make the consensus log", err)
	}
	return g, c.markJoined(append(joined, g.Digest))
}

// joinedBefore says what it means that a key has joined a chain before.
func (c *Config) joinedBefore(g *genesis.Genesis, id store.LogID) error {
	log, err := store.OpenLog(store.OS{}, c.logDir(), id)
	switch {
	case err == nil:
		return errors.Join(log.Close(), &Trouble{Kind: KindExists, What: "this home has joined " + g.File.Name + " already",
			Next: "scrip node --home " + c.Home})
	case errors.Is(err, store.ErrAmnesic):
		return &Trouble{Kind: KindUnsafeKey, Err: err,
			What: "this key has joined " + g.File.Name + " before, and its consensus log is gone or damaged",
			Remedy: "With a new log it might sign twice: bring the very file back if it still exists, never a copy; " +
				"else this member follows for good."}
	}
	return troubleOf("open the consensus log", err)
}

// makeLog makes the consensus log, or finds that of a Join that was interrupted
// before it was noted.
func (c *Config) makeLog(id store.LogID) error {
	log, err := store.CreateLog(store.OS{}, c.logDir(), id)
	if errors.Is(err, fs.ErrExist) {
		log, err = store.OpenLog(store.OS{}, c.logDir(), id)
	}
	if err != nil {
		return err
	}
	return log.Close()
}

// placeGenesis writes the genesis file into the home, unless it is there.
func (c *Config) placeGenesis(raw []byte) error {
	path := c.Path(c.Genesis)
	have, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(have, raw):
		return nil
	case err == nil:
		return &Trouble{Kind: KindGenesis, What: path + " is the genesis file of another chain",
			Remedy: "One home serves one chain: make another home for this one."}
	case !errors.Is(err, fs.ErrNotExist):
		return troubleOf("read the genesis file", err)
	}
	return writeNew(path, raw)
}

// joined reads the digests of the chains that the key has joined, by what is noted beside
// it and in the home.
func (c *Config) joined() ([][32]byte, error) {
	digests, err := readJoined(c.joinedPath())
	if err != nil || c.joinedAtHome() == c.joinedPath() {
		return digests, err
	}
	more, err := readJoined(c.joinedAtHome())
	for _, d := range more {
		if !slices.Contains(digests, d) {
			digests = append(digests, d)
		}
	}
	return digests, err
}

func readJoined(path string) (digests [][32]byte, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, troubleOf("read which chains the key has joined", err)
	}
	for line := range strings.Lines(string(raw)) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(b) != 32 {
			return nil, &Trouble{Kind: KindUnsafeKey, What: path + " is damaged",
				Remedy: "Restore it: it says for which chains the key has made promises."}
		}
		digests = append(digests, [32]byte(b))
	}
	return digests, nil
}

// markJoined notes the chains beside the key, so that they are known wherever it is used,
// or in the home if nothing can be written there.
func (c *Config) markJoined(digests [][32]byte) error {
	err := writeJoined(c.joinedPath(), digests)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return writeJoined(c.joinedAtHome(), digests)
	}
	return err
}

func writeJoined(path string, digests [][32]byte) error {
	var b bytes.Buffer
	for _, d := range digests {
		fmt.Fprintf(&b, "%x\n", d)
	}
	next := path + ".new"
	_ = os.Remove(next)
	if err := writeNew(next, b.Bytes()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return troubleOf("note that the key has joined", err)
	}
	return troubleOf("note that the key has joined", store.OS{}.SyncDir(filepath.Dir(path)))
}

// writeNew writes a new file durably.
func writeNew(path string, content []byte) error {
	attempt := "write " + path
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return troubleOf(attempt, err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(path)
		return troubleOf(attempt, err)
	}
	return troubleOf(attempt, store.OS{}.SyncDir(filepath.Dir(path)))
}
