package validator

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// A ledger that its genesis file gives is good; one whose rows were rewritten and sealed
// again is not. One that is open is not looked at.
func TestTheStateOfALedgerIsChecked(t *testing.T) {
	dev, err := genesis.Dev("state", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	g := dev.Genesis
	c := &Config{Home: t.TempDir(), Data: "data"}
	check := func() (node.Replayed, error) { return c.CheckState(context.Background(), g, nil) }
	kind := func(err error) Kind {
		var trouble *Trouble
		if errors.As(err, &trouble) {
			return trouble.Kind
		}
		return ""
	}
	if _, err := check(); kind(err) != KindMissing {
		t.Errorf("without a ledger: %v", err)
	}
	for _, rewritten := range []bool{false, true} {
		if err := os.RemoveAll(c.ledgerDir()); err != nil {
			t.Fatal(err)
		}
		l := writeGenesis(t, c.ledgerDir(), g, rewritten)
		if _, err := check(); err == nil {
			t.Errorf("while it is open: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		found, err := check()
		if !rewritten && (err != nil || found.Height != 0) {
			t.Errorf("%+v, %v", found, err)
		}
		if rewritten && (kind(err) != KindDamaged || !strings.Contains(err.Error(), "row ")) {
			t.Errorf("rewritten: %v", err)
		}
	}
}

// writeGenesis makes a ledger that holds the genesis, one of whose rows may be another.
func writeGenesis(t *testing.T, dir string, g *genesis.Genesis, rewritten bool) *store.Ledger {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := store.OpenLedger(store.LedgerConfig{Dir: dir, Chain: g.Digest})
	if err != nil {
		t.Fatal(err)
	}
	m, err := ledger.New(g.Chain(), g.File.Ledger, l)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	committee, err := g.Committee()
	if err != nil {
		t.Fatal(err)
	}
	if rewritten {
		r.Changes.Rows[0].Value[len(r.Changes.Rows[0].Value)-1] ^= 1
	}
	h := pbft.SignedHeader{Header: committee.GenesisHeader(r.StateRoot, g.File.TimeMs)}
	b := node.BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: h}}, nil, &r, pbft.Digest{})
	if err := l.Commit(b, true); err != nil {
		t.Fatal(err)
	}
	return l
}
