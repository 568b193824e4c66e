package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
	"github.com/scrip-network/scrip/transport"
)

// The root over hashes of leaves, as lanes compute them, is that over the leaves.
func TestTheRootOfLeavesIsThatOfThePayload(t *testing.T) {
	var txs [][]byte
	var leaves []pbft.Digest
	for i := range 70 {
		txs = append(txs, []byte{byte(i), 1, 2})
		leaves = append(leaves, lanes.LeafOf(txs[i]))
		if got := chain.RootOfLeaves(leaves); got != chain.PayloadRoot(txs) {
			t.Fatalf("of %d: %x", i+1, got)
		}
	}
}

// byLane makes a cluster that disseminates by lanes.
func byLane(t *testing.T, o options) *cluster {
	configure := o.configure
	o.configure = func(cfg *Config) {
		cfg.Lanes = true
		if configure != nil {
			configure(cfg)
		}
	}
	return makeCluster(t, o)
}

func (m *member) pushed(k lanes.Kind) float64 {
	return counterOf(m.node.metrics.pushedBy[k-lanes.KindFirst])
}

// Transactions of every member's clients come to all members in batches, and blocks name
// them: no proposal carries a payload.
func TestPayloadGoesByLanes(t *testing.T) {
	c := byLane(t, options{size: 4, tls: true})
	c.startAll()
	for i := range 40 {
		if _, err := c.members[i%4].submit(fmt.Sprint("coupon ", i), Executed); err != nil {
			t.Fatal(err)
		}
	}
	c.agree(c.members[0].node.Status().Height, 0, 1, 2, 3)
	recipes := 0.0
	for _, m := range c.members {
		recipes += counterOf(m.node.metrics.sentBy[pbft.KindRecipe])
	}
	if recipes == 0 {
		t.Error("no proposal was a recipe")
	}
	if c.members[1].pushed(lanes.KindBatch) == 0 {
		t.Error("a backup pushed nothing")
	}
}

// A member whose batches come to nobody but the primary delays its clients and the others
// for a moment, not for ever: what is missing is asked for, and then brought.
func TestWithheldBatchesAreFetched(t *testing.T) {
	c := byLane(t, options{size: 4, configure: func(cfg *Config) {
		if cfg.Self != 2 {
			return
		}
		join := cfg.NewNetwork
		cfg.NewNetwork = func(h transport.Handler, observe LinkObserver) (transport.Network, error) {
			n, err := join(h, observe)
			return &withholder{Network: n}, err
		}
	}})
	c.startAll()
	for i := range 20 {
		if _, err := c.members[2].submit(fmt.Sprint("withheld ", i), Executed); err != nil {
			t.Fatal(err)
		}
	}
	c.agree(c.members[2].node.Status().Height, 0, 1, 2, 3)
	asked := 0.0
	for _, m := range c.members {
		asked += m.pushed(lanes.KindFetch) + m.pushed(lanes.KindLack)
	}
	if asked == 0 || c.members[0].pushed(lanes.KindData) == 0 {
		t.Errorf("%.0f bytes of questions, %.0f of answers", asked, c.members[0].pushed(lanes.KindData))
	}
}

// withholder keeps batches from all but member 0.
type withholder struct{ transport.Network }

func (w *withholder) Send(to uint16, lane transport.Lane, frame []byte) bool {
	if lanes.Kind(frame[0]) == lanes.KindBatch && to != 0 {
		return false
	}
	return w.Network.Send(to, lane, frame)
}

// What a member's clients were told is kept when all members crash, with lanes as without:
// nothing of lanes is needed to go on.
func TestLanesAreNotNeededAfterACrash(t *testing.T) {
	c := byLane(t, options{size: 4, crashable: true})
	c.startAll()
	for i := range 10 {
		if _, err := c.members[i%4].submit(fmt.Sprint("before ", i), Executed); err != nil {
			t.Fatal(err)
		}
	}
	height := c.members[0].node.Status().Height
	for _, m := range c.members {
		m.crash(7)
	}
	c.startAll()
	c.agree(height, 0, 1, 2, 3)
	if _, err := c.members[3].submit("after", Executed); err != nil {
		t.Fatal(err)
	}
}

// Messages of lanes are nothing to a member without them.
func TestWithoutLanesTheirMessagesAreDropped(t *testing.T) {
	m := newMetrics()
	b := newInbox(4, 0, m)
	b.clocks = newClocks(2)
	b.handle(1, transport.Bulk, lanes.Encode(&lanes.Open{Instance: 1, Next: 1}))
	if counterOf(m.frameDropped) != 1 {
		t.Error("it was not dropped")
	}
	if _, ok := b.TakeLane(1, pbft.LaneBulk); ok {
		t.Error("it was taken")
	}
}

// What lanes bring waits for the loop within limits, and what is malformed counts against
// its member.
func TestMessagesOfLanesWaitWithinLimits(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	m := newMetrics()
	b := newInbox(4, 0, m)
	b.clocks, b.committee = newClocks(2), c.committee
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	b.working = ctx
	b.handle(1, transport.Bulk, []byte{byte(lanes.KindBatch), 1})
	if counterOf(m.reasons[pbft.InvalidContent]) != 1 {
		t.Error("a malformed batch is nobody's fault")
	}
	for range inboxPushMax + 1 {
		b.handle(1, transport.Bulk, lanes.Encode(&lanes.Open{Instance: 1, Next: 1}))
	}
	n := 0
	for ; ; n++ {
		if _, ok := b.TakeLane(1, pbft.LaneBulk); !ok {
			break
		}
	}
	if n != inboxPushMax {
		t.Errorf("%d wait", n)
	}
}
