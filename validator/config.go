package validator

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/spelling"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/transport"
)

// ConfigName is the name of the settings file in a home.
const ConfigName = "config.toml"

// configBytesMax bounds the settings file.
const configBytesMax = 1 << 20

// Value is the effective value of a setting.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// LoadConfig reads the settings of a home: defaults, then the home's file if there
// is one, then the environment, then flags (by Setting.Flag). A nil env means none,
// and an empty variable counts as unset.
// Paths in the file start from the home, others from the working directory.
// Every error is a *Trouble that names the setting and where it was set.
func LoadConfig(home string, env func(name string) (string, bool), flags map[string]string) (*Config, error) {
	c := defaults()
	c.Home = home
	file := filepath.Join(home, ConfigName)
	values, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	for _, s := range Settings() {
		c.origins[s.Key] = "default"
		if v, ok := values[s.Key]; ok {
			if err := c.apply(s, v, file); err != nil {
				return nil, err
			}
		}
		if env != nil {
			if v, ok := env(s.Env); ok && v != "" {
				if err := c.apply(s, v, "environment "+s.Env); err != nil {
					return nil, err
				}
			}
		}
		if v, ok := flags[s.Flag]; ok {
			if err := c.apply(s, v, "flag --"+s.Flag); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *Config) apply(s Setting, value, origin string) error {
	if s.isPath && value != "" && origin != filepath.Join(c.Home, ConfigName) {
		// Whoever types a path means it from where they are.
		if abs, err := filepath.Abs(value); err == nil {
			value = abs
		}
	}
	if err := s.set(c, value); err != nil {
		return &Trouble{Kind: KindSettings, What: s.Key + " (" + origin + "): " + err.Error(), Remedy: "It is: " +
			s.Doc + "."}
	}
	c.origins[s.Key] = origin
	return nil
}

// Values returns all settings with their effective values and origins: of a number
// that is left to its package, what that takes.
func (c *Config) Values() []Value {
	var all []Value
	for _, s := range Settings() {
		v := Value{s.Key, s.get(c), c.origins[s.Key]}
		if s.isNumber && v.Value == "0" {
			v.Value = s.byDefault
		}
		all = append(all, v)
	}
	return all
}

// Checked is what Check has found.
type Checked struct {
	Chain       string `json:"chain"`
	Digest      string `json:"digest"`
	Key         string `json:"key"`
	Replica     int    `json:"replica"`
	ListenPeers string `json:"listen_peers"`
	ListenAPI   string `json:"listen_api"`
}

// Check reports, as a *Trouble, what of the settings, the key, the genesis file
// and the addresses of the peers would keep Run from starting. It starts nothing.
func (c *Config) Check() (*Checked, error) {
	key, err := c.LoadKey()
	if err != nil {
		return nil, err
	}
	g, id, err := c.LoadGenesis(key.Public())
	if err != nil {
		return nil, err
	}
	if c.Follow == "" {
		if _, err := c.peerTable(g, id); err != nil {
			return nil, err
		}
	}
	return &Checked{g.File.Name, hex.EncodeToString(g.Digest[:]), key.Address(), int(id), c.ListenPeers, c.ListenAPI}, nil
}

// peerTable returns the members of the committee with their addresses. The member
// with the lower number dials, so one's own address and those of lower numbers may
// be missing.
func (c *Config) peerTable(g *genesis.Genesis, self pbft.ReplicaID) ([]transport.Peer, error) {
	var peers []transport.Peer
	for i, v := range g.File.Committee.Validators {
		addr := c.Peers[i]
		if addr == "" && i > int(self) {
			return nil, &Trouble{Kind: KindSettings, What: fmt.Sprintf("the address of validator %d is not known", i),
				Remedy: fmt.Sprintf("Add it to [peers] in %s as %d = \"host:port\", or give it with --peers.",
					c.Path(ConfigName), i)}
		}
		peers = append(peers, transport.Peer{ID: uint16(i), Key: v.Key, Addr: addr})
	}
	for _, i := range slices.Sorted(maps.Keys(c.Peers)) {
		if i >= len(peers) {
			return nil, &Trouble{Kind: KindSettings, What: fmt.Sprintf("[peers] names validator %d", i),
				Remedy: fmt.Sprintf("The genesis file has %d, numbered from 0.", len(peers))}
		}
	}
	return peers, nil
}

// Path resolves a path of the settings.
func (c *Config) Path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Home, path)
}

// Folders and files below Data and beside the key.
func (c *Config) logDir() string     { return filepath.Join(c.Path(c.Data), "consensus") }
func (c *Config) ledgerDir() string  { return filepath.Join(c.Path(c.Data), "ledger") }
func (c *Config) joinedPath() string { return strings.TrimSuffix(c.Path(c.Key), ".key") + ".joined" }

// joinedAtHome is where that is noted if the key lies where nothing can be written, as on
// the mounted secret of a container platform.
func (c *Config) joinedAtHome() string { return filepath.Join(c.Home, "validator.joined") }

// readConfig reads a settings file as texts by key; no file is no settings.
func readConfig(path string) (map[string]string, error) {
	raw, err := textfile.Read(path, configBytesMax)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, textfile.ErrTooLarge), errors.Is(err, textfile.ErrEncoding):
		return nil, &Trouble{Kind: KindSettings, What: err.Error(), Remedy: configRemedy}
	case err != nil:
		return nil, troubleOf("read the settings", err)
	}
	return parseConfig(path, string(raw))
}

// configRemedy is for a settings file that cannot be read.
const configRemedy = "Correct the file, or bring it back from a backup. Without it all settings are the defaults."

func parseConfig(path, raw string) (map[string]string, error) {
	var tree map[string]any
	if _, err := toml.Decode(raw, &tree); err != nil {
		var p toml.ParseError
		if errors.As(err, &p) {
			return nil, &Trouble{Kind: KindSettings, What: fmt.Sprintf("%s, line %d: %s", path, p.Position.Line, p.Message),
				Remedy: configRemedy}
		}
		return nil, &Trouble{Kind: KindSettings, What: path + ": " + err.Error(), Remedy: configRemedy}
	}
	values := make(map[string]string)
	flatten("", tree, values)
	var unknown []string
	for key := range values {
		if !slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Key == key }) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		t := &Trouble{Kind: KindSettings, What: fmt.Sprintf("%s: there is no setting %q", path, unknown[0]),
			Remedy: configRemedy}
		if near := nearestSetting(unknown[0]); near != "" {
			t.Remedy = fmt.Sprintf("Did you mean %q?", near)
		}
		return nil, t
	}
	return values, nil
}

// flatten writes the leaves of a TOML tree as texts by dotted key. The table of
// peers is one value.
func flatten(prefix string, tree map[string]any, out map[string]string) {
	for name, v := range tree {
		key := prefix + name
		switch v := v.(type) {
		case map[string]any:
			if key != "peers" {
				flatten(key+".", v, out)
				continue
			}
			var entries []string
			for id, addr := range v {
				entries = append(entries, fmt.Sprint(id, "=", addr))
			}
			slices.Sort(entries)
			out[key] = strings.Join(entries, ",")
		case []any:
			var items []string
			for _, item := range v {
				items = append(items, fmt.Sprint(item))
			}
			out[key] = strings.Join(items, ",")
		default:
			out[key] = fmt.Sprint(v)
		}
	}
}

// nearestSetting returns the setting whose name is nearest to a wrong one, if one
// is near.
func nearestSetting(wrong string) string {
	best, distance := "", len(wrong)/2+1
	for _, s := range Settings() {
		d := spelling.Distance(wrong, s.Key)
		if _, last, ok := strings.Cut(s.Key, "."); ok && !strings.Contains(wrong, ".") {
			d = min(d, spelling.Distance(wrong, last))
		}
		if d < distance {
			best, distance = s.Key, d
		}
	}
	return best
}
