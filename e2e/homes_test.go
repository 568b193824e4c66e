//go:build unix

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/pbft"
)

// TestHomes loses and puts back what validators have on disk, one thing after the
// other on one network, which goes on through all of it.
func TestHomes(t *testing.T) {
	h := &homes{cluster: startCluster(t, map[string]string{"limits-log-bytes": "500000"})}
	logs := startArchive(h.cluster)
	h.m = openMarket(h.cluster, 2, 4)
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"all validators killed at once", h.killAll},
		{"a second process on one home", h.twoProcesses},
		{"a ledger lost", h.loseLedger},
		{"a consensus log lost", h.loseLog},
		{"an old copy of a home put back", h.restoreCopy},
	} {
		began := time.Now()
		h.trade(20)
		step.do()
		h.trade(20)
		height := h.height()
		for i := range validators {
			h.awaitHeight(i, height, "voting")
		}
		t.Logf("%s: %v", step.what, time.Since(began).Round(time.Millisecond))
	}
	h.noOffences()
	b := openBooks(h.cluster)
	b.check(h.receipts)
	t.Log(logs.read())
}

type homes struct {
	*cluster
	m        *market
	receipts []*client.Receipt
}

// trade lets customers get so many receipts.
func (h *homes) trade(receipts int64) {
	h.t.Helper()
	l := startLoad(h.cluster, h.m, 4, uint64(receipts))
	l.progress(receipts)
	l.finish()
	h.receipts = append(h.receipts, l.receipts...)
}

func (h *homes) data(i int, name string) string { return filepath.Join(h.Home(i), "data", name) }

func (h *homes) rename(from, to string) {
	h.t.Helper()
	if err := os.Rename(from, to); err != nil {
		h.t.Fatal(err)
	}
}

// killAll cuts the power of everybody while customers hold receipts: each of them
// is there afterwards, at every node.
func (h *homes) killAll() {
	l := startLoad(h.cluster, h.m, 4, 0)
	l.progress(50)
	for i := range validators {
		h.kill(i)
	}
	for i := range validators {
		h.startOne(i)
	}
	h.waitReady()
	l.progress(1)
	l.finish()
	l.provenEverywhere(200)
	h.receipts = append(h.receipts, l.receipts...)
}

// twoProcesses starts a validator on the home of one that runs: it says why it
// does not start, and the one that runs goes on.
func (h *homes) twoProcesses() {
	executable, env := *scripFlag, os.Environ()
	if executable == "" {
		var err error
		if executable, err = os.Executable(); err != nil {
			h.t.Fatal(err)
		}
		env = append(env, childVariable+"=1")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	peers := ""
	for i := range validators {
		peers += string(rune('0'+i)) + "=127.0.0.1:1,"
	}
	second := exec.CommandContext(ctx, executable, "node", "--home", h.Home(1), "--output", "json",
		"--listen-api=127.0.0.1:0", "--listen-peers=127.0.0.1:0", "--peers="+peers)
	second.Env = env
	said, err := second.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		h.t.Errorf("a second process on a home: %v: %s", err, said)
	}
	if !bytes.Contains(said, []byte(`"kind":"locked"`)) {
		h.t.Errorf("a second process on a home says: %s", said)
	}
	if !h.Running(1) {
		h.t.Error("the first process has ended")
	}
}

// loseLedger: it is all in the other members' ledgers, and the votes are in the
// log, so the validator fetches every block and votes again.
func (h *homes) loseLedger() {
	h.kill(2)
	if err := os.RemoveAll(h.data(2, "ledger")); err != nil {
		h.t.Fatal(err)
	}
	height := h.height()
	h.startOne(2)
	h.awaitHeight(2, height, "voting")
}

// loseLog: a validator that does not know what it has signed follows, serves
// proofs, and signs nothing. With one more away the network stands still.
func (h *homes) loseLog() {
	const victim = 3
	h.kill(victim)
	aside := filepath.Join(h.Home(victim), "consensus.aside")
	h.rename(h.data(victim, "consensus"), aside)
	h.startOne(victim)
	h.amnesic(victim)
	if err := os.RemoveAll(h.data(victim, "consensus")); err != nil {
		h.t.Fatal(err)
	}
	h.rename(aside, h.data(victim, "consensus"))
	// It has signed nothing without its log, so with it it may go on.
	h.startOne(victim)
	h.awaitHeight(victim, h.height(), "voting")
}

// amnesic checks that a running validator follows without signing, and kills it.
func (h *homes) amnesic(i int) {
	h.t.Helper()
	h.awaitHeight(i, h.height(), "amnesic")
	from := h.height()
	h.trade(20)
	to := h.height()
	h.awaitHeight(i, to, "amnesic")
	for height := from + 1; height <= to; height++ {
		h.notSigned(pbft.ReplicaID(i), height)
	}
	receipt := h.receipts[len(h.receipts)-1]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if r, err := h.nodes[i].Receipt(ctx, receipt.Outcome.ID, 0); err != nil || r.Outcome != receipt.Outcome {
		h.t.Errorf("the receipt from validator %d without its log: %+v, %v", i, r, err)
	}
	h.kill(i)
}

// notSigned checks that a replica's signature is in no certificate of a block.
func (h *homes) notSigned(who pbft.ReplicaID, height uint64) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := h.clientOf(0, 1, 2, 3).Block(ctx, height)
	if err != nil {
		h.t.Fatal(err)
	}
	if b.Checkpoint.Signers.Has(who) {
		h.t.Errorf("validator %d has signed the checkpoint of block %d without its log", who, height)
	}
	if b.Header.Proposer == who {
		h.t.Errorf("validator %d has proposed block %d without its log", who, height)
	}
}

// restoreCopy puts back the home of some time ago. The validator's own log is
// whole, so only the others know that it has signed more.
func (h *homes) restoreCopy() {
	const victim = 1
	h.kill(victim)
	old, latest := h.Home(victim)+".old", h.Home(victim)+".latest"
	if err := os.CopyFS(old, os.DirFS(h.Home(victim))); err != nil {
		h.t.Fatal(err)
	}
	private(h.t, old)
	h.startOne(victim)
	h.awaitHeight(victim, h.height(), "voting")
	h.trade(50)
	h.kill(victim)
	h.rename(h.Home(victim), latest)
	h.rename(old, h.Home(victim))
	h.startOne(victim)
	h.amnesic(victim)
	if err := os.RemoveAll(h.Home(victim)); err != nil {
		h.t.Fatal(err)
	}
	h.rename(latest, h.Home(victim))
	h.startOne(victim)
	h.awaitHeight(victim, h.height(), "voting")
}

// private takes the rights of others from a copy, as those that made it had.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o600)
		if d.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}
