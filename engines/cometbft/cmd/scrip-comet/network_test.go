//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/bench"
	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/engines/cometbft"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/network"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/validator"
)

// childVariable makes this program scrip-comet.
const childVariable = "SCRIP_COMET_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience bounds each part of a test, on a machine that does other work too.
const patience = 60 * time.Second

func newNetwork(t *testing.T, ctx context.Context, s cometbft.Signatures) (*network.Network, *client.Client) {
	t.Helper()
	n, err := network.Create(network.Config{Executable: os.Args[0], Dir: t.TempDir(), Name: "comet", Validators: 4,
		Settings: map[string]string{"log-level": "info"},
		Env:      []string{childVariable + "=1", signaturesVariable + "=" + string(s)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(n.LogPath(0))
			t.Logf("validator 0 says: %s", log[max(0, len(log)-4000):])
		}
	})
	if err := start(ctx, n); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(n.Dev().Genesis.Raw, n.URLs())
	if err != nil {
		t.Fatal(err)
	}
	return n, c
}

// publish signs a campaign, which Submit waits for with its proof.
func publish(
	t *testing.T, ctx context.Context, c *client.Client, dev *genesis.DevNetwork, title string,
) *client.Receipt {
	t.Helper()
	now := uint64(time.Now().UnixMilli())
	const day = 86_400_000
	terms := coupon.Terms{Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}},
		Currency: dev.Genesis.File.Ledger.Currencies[0].Number, Title: title, TermsHash: [32]byte{1},
		ValueKind: coupon.Amount, Face: 1, Uses: 1, ReimburseBps: coupon.BpsMax, ShowMax: 1, MaxSupply: 5, Budget: 5,
		ClaimFrom: now - day, ClaimUntil: now + day, RedeemFrom: now - day, RedeemUntil: now + day}
	tx := c.Chain().NewMemberTx(now+60_000, &coupon.CampaignPublish{Terms: terms},
		coupon.MemberSigner{Member: 1, Signer: coupon.NewSigner(dev.Admins[0].Seed)})
	r, err := c.Submit(ctx, tx)
	if err != nil || !r.OK() {
		t.Fatalf("publish %s: %+v, %v", title, r, err)
	}
	return r
}

// replay executes the blocks of a chain with Scrip's own packages alone, and wants the
// receipts and state roots that the members attest.
func replay(t *testing.T, ctx context.Context, c *client.Client, g *genesis.Genesis, top uint64) (txs int) {
	t.Helper()
	l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: g.Digest, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	m, err := ledger.New(g.Chain(), g.File.Ledger, l)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Genesis()
	var decoded []*node.Tx
	var parent pbft.Digest
	for height := uint64(0); ; height++ {
		b, blockErr := c.Block(ctx, height)
		if err != nil || blockErr != nil {
			t.Fatalf("block %d: %v, %v", height, err, blockErr)
		}
		if height > 0 {
			if b.Header.Parent != parent || b.Header.ExecRoot != l.StateRoot() {
				t.Fatalf("block %d does not follow the one before", height)
			}
			decoded = decoded[:0]
			for _, raw := range b.Txs {
				tx, err := m.Check(raw)
				if err != nil {
					t.Fatal(err)
				}
				decoded = append(decoded, tx)
			}
			r, err = m.Execute(node.Batch{Height: height, TimeMs: b.Header.TimeMs, Txs: decoded})
			if err != nil || r.StateRoot != b.Checkpoint.StateRoot ||
				chain.ReceiptRoot(r.Receipts) != b.Checkpoint.ReceiptRoot {
				t.Fatalf("block %d of %d transactions has another result on CometBFT (%v)", height, len(b.Txs), err)
			}
		}
		stored := node.BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: pbft.SignedHeader{
			Header: b.Header}}}, decoded, &r, pbft.Digest{})
		if err := l.Commit(stored, false); err != nil {
			t.Fatal(err)
		}
		parent = b.Digest
		if txs += len(b.Txs); height == top {
			return txs
		}
	}
}

// Four validators in processes of their own: a load, the same results from Scrip's own
// packages, a member that is killed and comes back, and all of them.
func TestNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	n, c := newNetwork(t, ctx, cometbft.Batch)
	cfg := bench.Config{Nodes: n.URLs(), Workload: bench.Mix, Rate: 60, Duration: 2 * time.Second,
		Warmup: time.Second, Coupons: 60}
	cfg.SignAs(n.Dev())
	report, err := bench.Run(ctx, cfg)
	if err != nil || report.Committed == 0 || report.Refused > 0 || report.Errors > 0 {
		t.Fatalf("the load: %+v, %v", report, err)
	}
	before := publish(t, ctx, c, n.Dev(), "Before")

	if err := n.Kill(2); err != nil {
		t.Fatal(err)
	}
	without := publish(t, ctx, c, n.Dev(), "Without one")
	if err := n.StartOne(2); err != nil {
		t.Fatal(err)
	}
	alone, err := client.New(n.Dev().Genesis.Raw, []string{n.URL(2)})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, ctx, "the killed member has not come back", func() bool {
		s, err := alone.Status(ctx, 0)
		return err == nil && s.Ready && uint64(s.Height) >= without.Height
	})
	again, err := alone.Receipt(ctx, without.Outcome.ID, uint64(time.Now().UnixMilli())+60_000)
	if err != nil || again.Height != without.Height {
		t.Fatalf("it has not what it has missed: %+v, %v", again, err)
	}

	for i := range n.Size() {
		if err := n.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := start(ctx, n); err != nil {
		t.Fatal(err)
	}
	after := publish(t, ctx, c, n.Dev(), "After")
	kept, err := c.Receipt(ctx, before.Outcome.ID, uint64(time.Now().UnixMilli())+60_000)
	if err != nil || kept.Height != before.Height || !bytes.Equal(kept.Header, before.Header) {
		t.Fatalf("a block has changed in the crash of all: %+v, %v", kept, err)
	}
	if txs := replay(t, ctx, c, n.Dev().Genesis, after.Height); txs < report.Committed {
		t.Errorf("%d transactions in the chain, %d were committed", txs, report.Committed)
	}
}

func wait(t *testing.T, ctx context.Context, what string, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal(what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// The usual way of checking commits the same load, with CometBFT's own mempool.
func TestNetworkWithAdmission(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	n, c := newNetwork(t, ctx, cometbft.Admission)
	cfg := bench.Config{Nodes: n.URLs(), Workload: bench.Transfers, Rate: 50, Duration: time.Second,
		Warmup: time.Second, Coupons: 60}
	cfg.SignAs(n.Dev())
	report, err := bench.Run(ctx, cfg)
	if err != nil || report.Committed == 0 || report.Refused > 0 || report.Errors > 0 {
		t.Fatalf("the load: %+v, %v", report, err)
	}
	last := publish(t, ctx, c, n.Dev(), "Last")
	if txs := replay(t, ctx, c, n.Dev().Genesis, last.Height); txs < report.Committed {
		t.Errorf("%d transactions in the chain, %d were committed", txs, report.Committed)
	}
}

// A test network has the homes that scrip makes, and the words of a failed validator
// are those that package network reads.
func TestTestnet(t *testing.T) {
	dir := t.TempDir()
	c := newCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs([]string{"testnet", "--dir", dir})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	if _, err := genesis.Load(dir + "/genesis.json"); err != nil || bytes.Count(out.Bytes(), []byte("home ")) != 4 {
		t.Errorf("testnet: %v\n%s", err, &out)
	}
	home := filepath.Join(t.TempDir(), "home")
	if err := validator.MakeHome(home); err != nil {
		t.Fatal(err)
	}
	c = newCommand()
	c.SetArgs([]string{"node", "--home", home})
	err := c.Execute()
	if err == nil || !bytes.Contains([]byte(wordsOf(err)), []byte(`"kind":"missing"`)) {
		t.Errorf("a home without a key: %s", wordsOf(err))
	}
	c.SetArgs([]string{"bench", "--signatures", "never"})
	if err := c.Execute(); err == nil {
		t.Error("a way of checking that does not exist")
	}
}
