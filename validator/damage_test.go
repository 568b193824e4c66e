package validator

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

func damagedHome(t *testing.T) *Config {
	t.Helper()
	c := defaults()
	c.Home = t.TempDir()
	if err := os.MkdirAll(c.ledgerDir(), dirMode); err != nil {
		t.Fatal(err)
	}
	return c
}

// What is damaged has a sentence, a remedy and a command that does it, each time with
// a name that nothing has.
func TestADamagedLedgerHasARemedy(t *testing.T) {
	c := damagedHome(t)
	for i := 1; i <= 2; i++ {
		var trouble *Trouble
		if !errors.As(c.damaged(fmt.Errorf("open: %w", store.ErrDamaged)), &trouble) || trouble.Kind != KindDamaged {
			t.Fatal("no trouble")
		}
		aside := fmt.Sprintf("%s.damaged-%d", c.ledgerDir(), i)
		if want := fmt.Sprintf("mv %q %q && scrip node --home %q", c.ledgerDir(), aside, c.Home); trouble.Next != want {
			t.Errorf("next is %s, want %s", trouble.Next, want)
		}
		if !errors.Is(trouble, store.ErrDamaged) || !strings.Contains(trouble.Remedy, "Set it aside") {
			t.Errorf("%+v", trouble)
		}
		if err := os.Mkdir(aside, dirMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.damaged(os.ErrExist); err != os.ErrExist {
		t.Errorf("another error became %v", err)
	}
}

// A ledger that differs from the others' is set aside once; the second time the
// validator stops, and does not start until somebody has looked.
func TestADivergedLedgerIsMadeAnewOnce(t *testing.T) {
	c := damagedHome(t)
	log := slog.New(slog.DiscardHandler)
	for i := 1; i <= 2; i++ {
		mark := filepath.Join(c.ledgerDir(), "mark")
		if err := errors.Join(os.MkdirAll(c.ledgerDir(), dirMode), os.WriteFile(mark, nil, fileMode)); err != nil {
			t.Fatal(err)
		}
		err := c.setAside(node.ErrDiverged, log)
		var trouble *Trouble
		if stopped := errors.As(err, &trouble) && trouble.Kind == KindDiverged; stopped != (i == 2) || err != nil && i == 1 {
			t.Errorf("ledger %d: %v", i, err)
		}
		if _, err := os.Stat(fmt.Sprintf("%s.diverged-%d/mark", c.ledgerDir(), i)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.ledgerDir()); !os.IsNotExist(err) {
			t.Errorf("the ledger is still there: %v", err)
		}
	}
	if err := c.divergedOften(nil); err == nil {
		t.Error("it starts a third time")
	}
}

// A key file that is gone or damaged is told with what brings the member back: never
// with a new home, once the key has joined a chain.
func TestALostKeyHasARemedy(t *testing.T) {
	for what, x := range map[string]struct {
		harm   func(c *Config) error
		kind   Kind
		remedy string
	}{
		"no key yet": {func(c *Config) error { return os.Remove(c.joinedPath()) }, KindMissing, "Make a home with one."},
		"lost":       {func(*Config) error { return nil }, KindMissing, keyRemedy},
		"damaged": {func(c *Config) error { return os.WriteFile(c.Path(c.Key), []byte("# Scr"), fileMode) }, KindKeyFile,
			keyRemedy},
		"encrypted": {func(c *Config) error { _, err := c.MakeKey("a passphrase"); return err }, KindPassphrase,
			"Name a file with its passphrase with --key-passphrase-file."},
	} {
		c := damagedHome(t)
		if err := errors.Join(os.Chmod(c.Home, dirMode), c.markJoined([][32]byte{{1}}), x.harm(c)); err != nil {
			t.Fatal(err)
		}
		_, err := c.LoadKey()
		var trouble *Trouble
		if !errors.As(err, &trouble) || trouble.Kind != x.kind || trouble.Remedy != x.remedy {
			t.Errorf("%s: %+v", what, trouble)
		}
	}
}
