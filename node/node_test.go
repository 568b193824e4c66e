package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// mustSubmit commits count transactions through one member, named by a prefix.
func (m *member) mustSubmit(prefix string, count int) (last Outcome) {
	m.c.t.Helper()
	for i := range count {
		o, err := m.submit(fmt.Sprintf("%s %d", prefix, i), Executed)
		if err != nil {
			m.c.logStatus()
			m.c.t.Fatalf("transaction %q %d: %v", prefix, i, err)
		}
		last = o
	}
	return last
}

func TestMembersCommitWhatClientsSubmit(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	for i := range 20 {
		m := c.members[i%4]
		o, err := m.submit(fmt.Sprintf("tx %d", i), Proved)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Proof.Verify(c.committee, scheme{m.node.cfg.Verifier}); err != nil {
			t.Fatal(err)
		}
		if o.Receipt[32] != receiptOK {
			t.Fatalf("tx %d: receipt %x", i, o.Receipt)
		}
	}
	c.agree(c.members[0].node.Status().Height, 0, 1, 2, 3)
}

func TestARestartedMemberCatchesUp(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	c.members[0].mustSubmit("before", 10)
	if err := c.members[3].stop(); err != nil {
		t.Fatal(err)
	}
	c.members[1].mustSubmit("meanwhile", 30)
	c.members[3].start()
	last := c.members[2].mustSubmit("after", 5)
	c.agree(last.Height, 0, 1, 2, 3)
	c.wait("member 3 votes", func() bool { return c.members[3].node.Status().Engine.Condition == pbft.Voting })
	if _, err := c.members[3].submit("through member 3", Executed); err != nil {
		t.Fatal(err)
	}
}

func TestTheChainOutlivesItsPrimary(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	c.members[1].mustSubmit("before", 5)
	primary := c.members[1].node.Status().Engine.Primary
	if err := c.members[primary].stop(); err != nil {
		t.Fatal(err)
	}
	m := c.members[(primary+1)%4]
	last := m.mustSubmit("after", 10)
	if v := m.node.Status().Engine.View; v < 2 {
		t.Fatalf("still in view %d without its primary", v)
	}
	c.members[primary].start()
	c.agree(last.Height, 0, 1, 2, 3)
}

func TestAMemberWithoutDataFollowsFromTheFirstBlock(t *testing.T) {
	c := newCluster(t, nil)
	for _, m := range c.members[:3] {
		m.start()
	}
	last := c.members[0].mustSubmit("early", 40)
	c.members[3].start()
	c.agree(last.Height, 0, 1, 2, 3)
	last = c.members[3].mustSubmit("by the late one", 3)
	c.agree(last.Height, 0, 1, 2, 3)
}

func TestAMemberThatLostItsLogFollowsAndNeverSigns(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	c.members[0].mustSubmit("before", 5)
	m := c.members[3]
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(m.path("log")); err != nil {
		t.Fatal(err)
	}
	m.start()
	last := c.members[0].mustSubmit("after", 10)
	c.agree(last.Height, 0, 1, 2, 3)
	s := m.node.Status()
	if s.Engine.Condition != pbft.Amnesic || s.Ready {
		t.Fatalf("condition %v, ready %v", s.Condition, s.Ready)
	}
}

// forgetRecent makes the pool take copies of what was executed.
func (p *mempool) forgetRecent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent = newGenerations[struct{}](recentIDsMax)
}

// A transaction has one outcome, wherever and how often it is handed in.
func TestARetryFindsTheFirstOutcome(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tx := newHashTx(clientKey, nowMs()+60_000, "once")
	if _, err := c.members[0].node.Submit(ctx, tx, nil); err != nil {
		t.Fatal(err)
	}
	first, err := c.members[0].node.Wait(ctx, hashID(tx), Executed)
	if err != nil {
		t.Fatal(err)
	}
	c.agree(first.Height, 0, 1, 2, 3)
	for _, m := range c.members {
		// The second time round the door lets the copy into a block.
		m.node.mempool.forgetRecent()
		if _, err := m.node.Submit(ctx, tx, &[32]byte{}); err != nil {
			t.Fatalf("member %d: %v", m.id, err)
		}
		if o, err := m.node.Wait(ctx, hashID(tx), Executed); err != nil || o.Height != first.Height {
			t.Fatalf("member %d: %+v, %v", m.id, o, err)
		}
		p, err := m.node.Submit(ctx, tx, nil)
		if err != nil || !p.Known {
			t.Fatalf("member %d: %+v, %v", m.id, p, err)
		}
		o, err := m.node.Wait(ctx, hashID(tx), Proved)
		if err != nil {
			t.Fatalf("member %d: %v", m.id, err)
		}
		if o.Height != first.Height || o.Index != first.Index || !bytes.Equal(o.Receipt, first.Receipt) {
			t.Fatalf("member %d: %+v, first %+v", m.id, o, first)
		}
	}
}

// Where the largest transaction fits neither a block nor the pool, it would stand in
// front of all others for good.
func TestANodeWhoseLimitsNoTransactionFitsIsNotMade(t *testing.T) {
	for name, x := range map[string]struct {
		set  func(*Config)
		fits bool
	}{
		"a block too small":   {func(c *Config) { c.Batching.BytesMax = hashTxMax + PayloadOverheadBytes - 1 }, false},
		"the smallest block":  {func(c *Config) { c.Batching.BytesMax = hashTxMax + PayloadOverheadBytes }, true},
		"a pool too small":    {func(c *Config) { c.Mempool.BytesMax = hashTxMax - 1 }, false},
		"the smallest pool":   {func(c *Config) { c.Mempool.BytesMax = hashTxMax }, true},
		"a negative pool":     {func(c *Config) { c.Mempool.TxsMax = -1 }, false},
		"more than any block": {func(c *Config) { c.TxBytesMax = 1 << 30 }, false},
	} {
		c := makeCluster(t, options{size: 4})
		cfg := Config{Committee: c.committee, Key: c.keys[0], Machine: &hashChain{}, TxBytesMax: hashTxMax,
			NewEngine:  func(pbft.Config, []pbft.Record) (pbft.Engine, error) { return nil, nil },
			NewNetwork: c.members[0].network, Ledger: new(store.Ledger)}
		x.set(&cfg)
		if err := cfg.fill(); (err == nil) != x.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusalsCarryTheirCode(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	valid := newHashTx(clientKey, nowMs()+60_000, "x")
	forged := bytes.Clone(valid)
	forged[hashHeadBytes] ^= 1
	for _, x := range []struct {
		name string
		tx   []byte
		code uint16
	}{
		{"of no bytes", nil, 101},
		{"too large", make([]byte, hashTxMax+1), CodeTooLarge},
		{"forged", forged, CodeBadSignature},
		{"expired", newHashTx(clientKey, 1, "x"), 104},
	} {
		_, err := c.members[0].node.Submit(context.Background(), x.tx, nil)
		var r *Refusal
		if !errors.As(err, &r) || r.Code != x.code {
			t.Errorf("%s: %v, want E%d", x.name, err, x.code)
		}
	}
}

func TestEventsComeInOrderAndFromAnyPlace(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	const total = 25
	m := c.members[0]
	m.mustSubmit("event", 10)
	s, err := m.node.Subscribe(store.EventID{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	live := make(chan error, 1)
	go func() {
		for i := 10; i < total; i++ {
			if _, err := c.members[1].submit(fmt.Sprintf("event %d", i), Executed); err != nil {
				live <- err
				return
			}
		}
		live <- nil
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var all []CommittedEvent
	for len(all) < total {
		events, err := s.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, events...)
	}
	if err := <-live; err != nil {
		t.Fatal(err)
	}
	for i, e := range all {
		if want := fmt.Sprintf("event %d", i); string(e.Data) != want {
			t.Fatalf("event %d is %q", i, e.Data)
		}
	}
	again, err := m.node.Subscribe(all[17].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	events, err := again.Next(ctx)
	if err != nil || events[0].ID != all[17].ID || !bytes.Equal(events[0].Data, all[17].Data) {
		t.Fatalf("resumed at %+v: %+v, %v", all[17].ID, events, err)
	}
}

// The log is compacted while the chain runs, and what is left of it is enough
// to start from.
func TestACompactedLogIsEnough(t *testing.T) {
	c := newCluster(t, func(cfg *Config) { cfg.LogBytesMax = 8 << 10 })
	c.startAll()
	c.members[0].mustSubmit("before", 40)
	c.wait("compaction", func() bool { return counterOf(c.members[2].node.metrics.compactions) > 0 })
	for _, m := range c.members {
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
	}
	c.startAll()
	last := c.members[2].mustSubmit("after", 5)
	c.agree(last.Height, 0, 1, 2, 3)
}
