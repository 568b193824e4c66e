package validator

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
)

func home(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	if config != "" {
		if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLaterSourcesGoBeforeEarlierOnes(t *testing.T) {
	dir := home(t, "[listen]\napi = \"127.0.0.1:2\"\npeers = \"127.0.0.1:2\"\n[limits]\nworkers = 2\n")
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"SCRIP_LISTEN_API": "127.0.0.1:3", "SCRIP_LISTEN_PEERS": "127.0.0.1:3",
			"SCRIP_LIMITS_WORKERS": ""}[name]
		return v, ok
	}
	c, err := LoadConfig(dir, env, map[string]string{"listen-api": "127.0.0.1:4"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Value{
		"listen.api":     {"listen.api", "127.0.0.1:4", "flag --listen-api"},
		"listen.peers":   {"listen.peers", "127.0.0.1:3", "environment SCRIP_LISTEN_PEERS"},
		"limits.workers": {"limits.workers", "2", filepath.Join(dir, ConfigName)},
		"log.level":      {"log.level", "info", "default"},
		// What a package takes by itself is said, not the 0 that leaves it to it.
		"limits.block_txs":       {"limits.block_txs", "8192", "default"},
		"limits.mempool_bytes":   {"limits.mempool_bytes", "67108864", "default"},
		"memory.block_cache_mib": {"memory.block_cache_mib", "256", "default"},
		"consensus.timeout_ms":   {"consensus.timeout_ms", "250", "default"},
	}
	for _, v := range c.Values() {
		if w, ok := want[v.Key]; ok && v != w {
			t.Errorf("%+v, want %+v", v, w)
		}
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for config, want := range map[string]string{
		"[listen]\napo = \"x:1\"\n":             "Did you mean \"listen.api\"?",
		"workers = 3\n":                         "Did you mean \"limits.workers\"?",
		"[completely]\ndifferent = 1\n":         configRemedy,
		"[listen]\napi = \"nonsense\"\n":        "It is: where the API listens, host:port.",
		"[listen]\napi = \"127.0.0.1:70000\"\n": "It is: where the API listens, host:port.",
		"[limits]\nworkers = -1\n":              "It is: goroutines that check signatures; 0 = one per CPU, from 1 to 1024.",
		"[peers]\nmall = \"x:1\"\n": "It is: addresses of the validators by their number in the genesis file, " +
			"such as 0=host:port.",
		"[consensus]\ndissemination = \"both\"\n": "It is: how transactions come to the other validators: inside " +
			"proposals, or by lanes beside them; the same for all validators: inside, lanes.",
		"[log]\nlevel = \"loud\"\n": "It is: least level of what is logged: debug, info, warn, error.",
		"genesis = \n":              configRemedy,
	} {
		_, err := LoadConfig(home(t, config), nil, nil)
		var trouble *Trouble
		if !errors.As(err, &trouble) || trouble.Kind != KindSettings || trouble.Remedy != want {
			t.Errorf("%q: %v, %+v", config, err, trouble)
		}
	}
}

// A number that a validator could not work with is refused, and told with what it
// may be: neither a pool nor a block may be too small for the largest transaction.
func TestNumbersThatWouldStopAValidatorAreRefused(t *testing.T) {
	bounds := map[string][2]int{
		"consensus.timeout_ms": {10, 2000}, "limits.workers": {1, 1024}, "limits.mempool_txs": {256, 1 << 22},
		"limits.mempool_bytes": {64 * ledger.TxBytesMax, 1 << 31}, "limits.block_txs": {1, 1 << 16},
		"limits.block_bytes": {ledger.TxBytesMax + 8, 15 << 20}, "limits.log_bytes": {256 << 10, 1 << 31},
		"limits.line_mbit":       {1, 400_000},
		"trace.per_mille":        {1, 1000},
		"memory.block_cache_mib": {1, 1 << 20}, "memory.row_cache_mib": {1, 1 << 20},
		"memory.seen_entries": {1024, 1 << 28}, "api.requests_per_second": {1, 1 << 20},
		"api.connections": {16, 1 << 20}, "api.connections_per_address": {16, 1 << 20},
		"api.streams": {1, node.SubscribersMax}, "api.streams_per_address": {1, node.SubscribersMax},
	}
	for _, s := range Settings() {
		b, ok := bounds[s.Key]
		if !s.isNumber {
			continue
		}
		if !ok {
			t.Errorf("%s: what may it be?", s.Key)
			continue
		}
		for _, n := range []int{0, b[0], b[1]} {
			if err := s.set(defaults(), strconv.Itoa(n)); err != nil {
				t.Errorf("%s = %d: %v", s.Key, n, err)
			}
		}
		for _, n := range []int{-1, b[0] - 1, b[1] + 1} {
			err := s.set(defaults(), strconv.Itoa(n))
			if n != 0 && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("from %d to %d", b[0], b[1]))) {
				t.Errorf("%s = %d: %v", s.Key, n, err)
			}
		}
	}
}

// What WriteConfig writes is what LoadConfig reads.
func TestWrittenSettingsAreRead(t *testing.T) {
	set := map[string]string{"listen.api": "10.0.0.1:1", "peers": "0=a:1,12=b.example:2",
		"api.hosts":        "x.example,y.example",
		"limits.block_txs": "17", "data": filepath.Join(t.TempDir(), "elsewhere")}
	dir := home(t, "")
	if err := WriteConfig(dir, set); err != nil {
		t.Fatal(err)
	}
	if err := WriteConfig(dir, set); err == nil {
		t.Error("a settings file was overwritten")
	}
	c, err := LoadConfig(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, v := range c.Values() {
		if v.Origin != "default" {
			got[v.Key] = v.Value
		}
	}
	if !maps.Equal(got, set) {
		t.Errorf("read %v, written %v", got, set)
	}
	if c.Path(c.Data) != set["data"] || c.Path(c.Genesis) != filepath.Join(dir, "genesis.json") {
		t.Errorf("data is %s, the genesis file %s", c.Path(c.Data), c.Path(c.Genesis))
	}
}

func TestJoinMakesOneLogForAKeyAndChain(t *testing.T) {
	dir := home(t, "")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var trouble *Trouble
	if err := MakeHome(dir); !errors.As(err, &trouble) || trouble.Kind != KindPermission {
		t.Errorf("an open home: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.LoadKey(); !errors.As(err, &trouble) || trouble.Kind != KindMissing {
		t.Errorf("no key: %v", err)
	}
	if _, err := c.MakeKey(""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.MakeKey(""); !errors.As(err, &trouble) {
		t.Errorf("a second key: %v", err)
	}
	if _, err := c.Join([]byte("{}")); !errors.As(err, &trouble) || trouble.Kind != KindGenesis {
		t.Errorf("no genesis file: %v", err)
	}
}

// A key that lies where nothing can be written has its chains noted in the home; what is
// noted beside a key goes on to count.
func TestWhatAKeyHasJoinedIsReadInBothPlaces(t *testing.T) {
	c, err := LoadConfig(home(t, ""), nil, map[string]string{"key-file": filepath.Join(t.TempDir(), "validator.key")})
	if err != nil {
		t.Fatal(err)
	}
	one, two, three := [32]byte{1}, [32]byte{2}, [32]byte{3}
	for path, digests := range map[string][][32]byte{c.joinedPath(): {one, two}, c.joinedAtHome(): {two, three}} {
		if err := writeJoined(path, digests); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.joined(); err != nil || !slices.Equal(got, [][32]byte{one, two, three}) {
		t.Errorf("%x, %v", got, err)
	}
	if err := c.markJoined([][32]byte{one}); err != nil {
		t.Fatal(err)
	}
	if got, err := readJoined(c.joinedPath()); err != nil || len(got) != 1 {
		t.Errorf("it is not noted beside the key, where that is possible: %x, %v", got, err)
	}
	if err := os.WriteFile(c.joinedAtHome(), []byte("damaged\n"), fileMode); err != nil {
		t.Fatal(err)
	}
	var trouble *Trouble
	if _, err := c.joined(); !errors.As(err, &trouble) || trouble.Kind != KindUnsafeKey {
		t.Errorf("a damaged note: %v", err)
	}
}
