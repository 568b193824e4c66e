//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// A validator whose ledger was executed otherwise, with a seal and roots that fit it,
// is found by the next results that the others attest: it answers nothing more of it,
// sets it aside, makes it anew from the members' blocks, and votes with the state that
// all have.
func TestADivergedLedgerIsMadeAnew(t *testing.T) {
	c := startCluster(t, nil)
	m := openMarket(c, 2, 4)
	l := startLoad(c, m, 4, 1)
	l.progress(30)
	victim := damagedOne
	c.kill(victim)
	early := filepath.Join(t.TempDir(), "ledger")
	now := filepath.Join(c.Home(victim), "data", "ledger")
	if err := os.CopyFS(early, os.DirFS(now)); err != nil {
		t.Fatal(err)
	}
	c.startOne(victim)
	c.awaitHeight(victim, c.height(), "voting")
	l.progress(30)
	c.kill(victim)
	tip, root := c.executeOtherwise(early, now)
	for _, step := range []error{os.RemoveAll(now), os.CopyFS(now, os.DirFS(early))} {
		if step != nil {
			t.Fatal(step)
		}
	}
	private(t, now)

	c.startOne(victim)
	c.await("the diverged ledger is set aside", func() string {
		if _, err := os.Stat(now + ".diverged-1"); err != nil {
			return "it is not"
		}
		return ""
	})
	c.awaitHeight(victim, c.height(), "voting")
	l.progress(30)
	l.finish()
	c.awaitHeight(victim, c.height(), "voting")
	l.provenEverywhere(50)

	said, err := os.ReadFile(c.LogPath(victim))
	if err != nil || !bytes.Contains(said, []byte("it is set aside and made anew")) {
		t.Errorf("its log does not say what it did: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	mine, theirs := c.openLedger(now), c.openLedger(filepath.Join(c.Home(0), "data", "ledger"))
	defer func() { _ = errors.Join(mine.Close(), theirs.Close()) }()
	if err := ledger.Audit(mine.Latest()); err != nil {
		t.Error(err)
	}
	b, _, err := read(mine, tip)
	want, _, wantErr := read(theirs, tip)
	if err != nil || wantErr != nil || !bytes.Equal(b.Header, want.Header) || bytes.Contains(b.Header, root[:]) {
		t.Errorf("block %d is another than the others': %v, %v", tip, err, wantErr)
	}
}

func (c *cluster) openLedger(dir string) *store.Ledger {
	c.t.Helper()
	l, err := store.OpenLedger(store.LedgerConfig{Dir: dir, Chain: c.Dev().Genesis.Digest, Packer: c.packer()})
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

// packer is what the network's validators pack blocks without transactions with.
func (c *cluster) packer() store.Packer {
	c.t.Helper()
	committee, err := c.Dev().Genesis.Committee()
	if err != nil {
		c.t.Fatal(err)
	}
	return node.NewPacker(committee)
}

// executeOtherwise goes on with an earlier ledger up to the height of a later one, by
// the same blocks, but as if the clock had stood otherwise once. It returns the height
// and the root there, which is another.
func (c *cluster) executeOtherwise(early, late string) (tip uint64, root [32]byte) {
	c.t.Helper()
	to, from := c.openLedger(early), c.openLedger(late)
	defer func() {
		if err := errors.Join(to.Close(), from.Close()); err != nil {
			c.t.Error(err)
		}
	}()
	machine, err := ledger.New(c.Dev().Genesis.Chain(), c.Dev().Genesis.File.Ledger, to)
	if err != nil {
		c.t.Fatal(err)
	}
	begin, _ := to.Height()
	tip, _ = from.Height()
	for h := begin + 1; h <= tip; h++ {
		otherwise := uint64(0)
		if to.StateRoot() == rootAt(c.t, from, h-1) {
			otherwise = 7 // until something in the state notices
		}
		if err := executeOne(machine, to, from, h, otherwise); err != nil {
			c.t.Fatalf("block %d: %v", h, err)
		}
	}
	if tip == begin || to.StateRoot() == from.StateRoot() {
		c.t.Fatalf("heights %d to %d: the state is the same", begin, tip)
	}
	return tip, to.StateRoot()
}

// rootAt reads the root of the state after a block from its stored header.
func rootAt(t *testing.T, l *store.Ledger, height uint64) (root [32]byte) {
	t.Helper()
	b, _, err := read(l, height)
	if err != nil {
		t.Fatal(err)
	}
	return [32]byte(b.Header[pbft.HeaderBytes+len(pbft.Signature{}):])
}

func executeOne(machine *ledger.Machine, to, from *store.Ledger, height, otherwise uint64) error {
	stored, _, err := read(from, height)
	if err != nil {
		return err
	}
	c := &pbft.CommittedBlock{Block: &pbft.Block{Payload: stored.Payload}}
	if c.Block.Header, err = pbft.DecodeHeader(stored.Header[:pbft.HeaderBytes]); err != nil {
		return err
	}
	copy(c.Block.Signature[:], stored.Header[pbft.HeaderBytes:])
	if len(stored.Certificate) > 0 {
		if c.Certificate, err = pbft.DecodeCertificate(stored.Certificate); err != nil {
			return err
		}
	}
	n := len(stored.Payload)
	raws, err := chain.DecodePayload(stored.Payload, chain.PayloadLimits{BytesMax: n, TxsMax: n, TxBytesMax: n})
	if err != nil {
		return err
	}
	b := node.Batch{Height: height, TimeMs: c.Block.Header.TimeMs + otherwise, Parent: c.Block.Header.Parent}
	for _, raw := range raws {
		tx, err := machine.Check(raw)
		if err != nil {
			return err
		}
		b.Txs = append(b.Txs, tx)
	}
	r, err := machine.Execute(b)
	if err != nil {
		return err
	}
	return to.Commit(node.BlockBatch(c, b.Txs, &r, r.ReceiptRoot()), false)
}
