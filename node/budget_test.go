package node

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/transport"
)

// A budget lets one answer be larger than what is left, and none follow until that is
// paid back.
func TestABudgetIsPaidBack(t *testing.T) {
	b, now := newBudget(100, 1000), time.Now()
	for _, x := range []struct {
		after time.Duration
		spend int
		open  bool // before it
	}{
		{0, 600, true}, {0, 600, true}, {0, 0, false}, {time.Second, 0, false},
		{time.Second + 10*time.Millisecond, 5000, true}, {9 * time.Second, 0, false}, {2 * time.Second, 0, true},
	} {
		if now = now.Add(x.after); b.open(now) != x.open {
			t.Fatalf("after %v: open is %v", x.after, !x.open)
		}
		if x.spend > 0 {
			b.spend(now, x.spend)
		}
	}
}

// greedy is a member that asks, in a cluster whose other members are real.
type greedy struct {
	*transport.Endpoint
	received [256]atomic.Int64 // bytes by kind
}

func (c *cluster) greedyMember(id int) *greedy {
	c.t.Helper()
	g := new(greedy)
	e, err := c.memory.Join(uint16(id), func(_ uint16, _ transport.Lane, frame []byte) {
		g.received[frame[0]].Add(int64(len(frame)))
	})
	if err != nil {
		c.t.Fatal(err)
	}
	g.Endpoint = e
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	})
	return g
}

// Whatever a member asks for, and however often, it is given no more than its budget,
// and the others go on.
func TestAMemberIsGivenNoMoreThanItsBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("asks for seconds")
	}
	c := makeCluster(t, options{size: 4})
	for _, m := range c.members[:3] {
		m.start()
	}
	m := c.members[0]
	c.bulk(m, 3000, 2000) // 6 MB of blocks
	g := c.greedyMember(3)
	fetch := pbft.EncodeMessage(&pbft.Fetch{Seq: 1, After: 0})
	recall := pbft.EncodeMessage(&pbft.Recall{Nonce: 7})
	wanted := wire.AppendUint32([]byte{frameWanted}, certsAskMax)
	for i := range certsAskMax {
		wanted = wire.AppendUint64(wanted, uint64(1+i%int(m.node.Status().Height)))
	}
	const forMs = 3000
	began := time.Now()
	for time.Since(began) < forMs*time.Millisecond {
		for range 10 {
			g.Send(0, transport.Votes, fetch)
			g.Send(0, transport.Votes, recall)
			g.Send(0, transport.Bulk, wanted)
		}
		time.Sleep(10 * time.Millisecond)
	}
	m.mustSubmit("meanwhile", 5)
	took := int(time.Since(began).Seconds()) + 1
	for _, x := range []struct {
		what         string
		kind         pbft.Kind
		rate, burst  int64
		atLeastBytes int64
	}{
		{"blocks", pbft.KindBlocks, answerBytesPerSecond, answerBurstBytes + 4<<20, 1 << 20},
		{"recollections", pbft.KindRecollection, noteBytesPerSecond, noteBurstBytes, 1},
		{"certificates", frameCertificates, lookupBytesPerSecond, lookupBurstBytes, 1000},
	} {
		got := g.received[x.kind].Load()
		if most := x.burst + int64(took)*x.rate; got > most || got < x.atLeastBytes {
			t.Errorf("%s: %d bytes in %d s, at most %d", x.what, got, took, most)
		}
	}
	if counterOf(m.node.metrics.answersDropped) < 100 {
		t.Errorf("%v answers were dropped", counterOf(m.node.metrics.answersDropped))
	}
}

// bulk commits count transactions of a size through m.
func (c *cluster) bulk(m *member, count, size int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var last []byte
	for i := range count {
		last = newHashTx(clientKey, nowMs()+600_000, fmt.Sprint("bulk ", i, strings.Repeat("x", size)))
		if _, err := m.node.Submit(ctx, last, nil); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := m.node.Wait(ctx, hashID(last), Executed); err != nil {
		c.t.Fatal(err)
	}
}

// Certificates come from whom this node has asked, and not more often.
func TestCertificatesThatNobodyAskedForAreDropped(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	m := c.members[0]
	m.start()
	p := m.node.inbox.peers[1]
	unasked := counterOf(m.node.metrics.frameDropped)
	answer := wire.AppendUint32([]byte{frameCertificates}, 0)
	m.node.certs.handle(p, answer)
	if got := counterOf(m.node.metrics.frameDropped); got != unasked+1 {
		t.Fatalf("%v frames dropped", got-unasked)
	}
	p.asked.Store(1)
	m.node.certs.handle(p, answer)
	m.node.certs.handle(p, answer)
	if got := counterOf(m.node.metrics.frameDropped); got != unasked+2 {
		t.Errorf("one question takes other than one answer: %v frames dropped", got-unasked)
	}
}
