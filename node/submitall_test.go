package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// submitAll hands transactions to a member and returns what became of each.
func (m *member) submitAll(ctx context.Context, raws ...[]byte) []Submitted {
	outcomes := make(chan Submitted, len(raws))
	m.node.SubmitAll(ctx, raws, nil, outcomes)
	all := make([]Submitted, len(raws))
	for range raws {
		o := <-outcomes
		all[o.Tx] = o
	}
	return all
}

func TestManyTransactionsAreSubmittedTogether(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	m := c.members[1]
	tx := func(text string) []byte { return newHashTx(clientKey, nowMs()+60_000, text) }
	old := tx("early")
	early := m.submitAll(t.Context(), old)[0].Outcome
	forged := tx("forged")
	forged[len(forged)-1]++
	var raws [][]byte
	for i := range 40 {
		raws = append(raws, tx(fmt.Sprintf("tx %d", i)))
	}
	raws = append(raws, forged, raws[7], old, nil)
	got := m.submitAll(t.Context(), raws...)
	seen := make(map[[32]byte]int)
	for i, o := range got[:40] {
		if o.Err != nil || o.Outcome.Receipt[32] != receiptOK {
			t.Fatalf("transaction %d: %+v", i, o)
		}
		seen[o.Outcome.ID]++
	}
	if len(seen) != 40 {
		t.Errorf("%d different outcomes of 40 transactions", len(seen))
	}
	var refused *Refusal
	if !errors.As(got[40].Err, &refused) || refused.Code != CodeBadSignature {
		t.Errorf("a forged signature: %v", got[40].Err)
	}
	if got[41].Err != nil || got[41].Outcome.ID != got[7].Outcome.ID || got[41].Outcome.Height != got[7].Outcome.Height {
		t.Errorf("the same transaction twice: %+v and %+v", got[41], got[7])
	}
	if got[42].Err != nil || got[42].Outcome.Height != early.Height {
		t.Errorf("a transaction of block %d: %+v", early.Height, got[42])
	}
	if !errors.As(got[43].Err, &refused) {
		t.Errorf("an empty transaction: %v", got[43].Err)
	}
	if n := m.node.hub.waiters; n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestSubmitAllEndsWithItsContext(t *testing.T) {
	c := newCluster(t, nil)
	c.members[0].start() // alone it decides nothing
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	m := c.members[0]
	tx := newHashTx(clientKey, nowMs()+60_000, "alone")
	for i, o := range m.submitAll(ctx, tx, tx) {
		if !errors.Is(o.Err, context.DeadlineExceeded) {
			t.Errorf("transaction %d: %+v", i, o)
		}
	}
	if n := m.node.hub.waiters; n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// Members take from their clients together no more than fits into the pool of each:
// beyond that they refuse, and what they have taken is lost nowhere on its way to
// the primary.
func TestOverloadIsRefusedAtTheDoor(t *testing.T) {
	const pool = 40
	c := newCluster(t, func(cfg *Config) { cfg.Mempool.TxsMax, cfg.Mempool.SenderTxsMax = pool, pool })
	c.startAll()
	c.wait("links", func() bool {
		return !slices.ContainsFunc(c.members, func(m *member) bool { return m.node.Status().PeersUp < len(c.members)-1 })
	})
	const share = pool * 3 / 4 / 4
	var g sync.WaitGroup
	for i, m := range c.members {
		g.Go(func() {
			var raws [][]byte
			for k := range 5 * share {
				raws = append(raws, newHashTx(clientKey, nowMs()+60_000, fmt.Sprintf("%d of %d", k, i)))
			}
			taken := 0
			for _, o := range m.submitAll(t.Context(), raws...) {
				var refused *Refusal
				switch {
				case o.Err == nil:
					taken++
				case !errors.As(o.Err, &refused) || refused.Code != CodeOverloaded:
					t.Errorf("member %d: %v", i, o.Err)
				}
			}
			if taken == 0 || taken > share {
				t.Errorf("member %d took %d transactions, its share is %d", i, taken, share)
			}
		})
	}
	g.Wait()
	for i, m := range c.members {
		var dropped dto.Metric
		if err := m.node.metrics.gossipDropped.Write(&dropped); err != nil || dropped.Counter.GetValue() != 0 {
			t.Errorf("member %d dropped %v transactions of others (%v)", i, dropped.Counter.GetValue(), err)
		}
		if room := m.node.mempool.expect(1 << 30); room != share {
			t.Errorf("member %d has room for %d in the end, its share is %d", i, room, share)
		}
	}
}
