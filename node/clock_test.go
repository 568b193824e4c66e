package node

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/transport"
)

func clockFrame(at time.Time) []byte {
	return wire.AppendUint64([]byte{frameClock}, uint64(at.UnixMilli()))
}

// A node believes that its clock is wrong when f+1 members say so, all in one
// direction: fewer may all lie, and those that agree with it do not outvote them.
func TestAClockIsWrongWhenAWeakQuorumSaysSo(t *testing.T) {
	const off = 10 * time.Minute
	for _, x := range []struct {
		name  string
		apart []time.Duration // by how much the own clock is ahead of each
		want  time.Duration
	}{
		{"nobody was heard", nil, 0},
		{"all agree", []time.Duration{0, time.Second, -time.Second}, 0},
		{"one liar", []time.Duration{off, 0, 0}, 0},
		{"one liar the other way", []time.Duration{-off, 0, 0}, 0},
		{"one liar alone", []time.Duration{off}, 0},
		{"liars in both directions", []time.Duration{off, -off, 0}, 0},
		{"ahead of all", []time.Duration{off, off, off}, off},
		{"behind all", []time.Duration{-off, -off, -off}, -off},
		{"a liar exaggerates", []time.Duration{1000 * off, off, off}, off},
		{"a liar agrees", []time.Duration{0, off, off}, off},
		{"within the bound", []time.Duration{clockOffMax - time.Second, clockOffMax - time.Second}, 0},
		{"beyond the bound", []time.Duration{clockOffMax + time.Second, clockOffMax + time.Second},
			clockOffMax + time.Second},
	} {
		c, now := newClocks(2), time.UnixMilli(1_800_000_000_000)
		for i, ahead := range x.apart {
			if !c.take(pbft.ReplicaID(i), clockFrame(now.Add(-ahead)), now) {
				t.Fatalf("%s: frame %d is refused", x.name, i)
			}
		}
		if got := c.ahead(now); got != x.want {
			t.Errorf("%s: ahead by %v, want %v", x.name, got, x.want)
		}
		if got := c.ahead(now.Add(clockFresh)); got != 0 {
			t.Errorf("%s: old words count: %v", x.name, got)
		}
		c.forget()
		if got := c.ahead(now); got != 0 {
			t.Errorf("%s: what was forgotten counts: %v", x.name, got)
		}
	}
}

func TestFramesThatTellNoTimeAreBlamed(t *testing.T) {
	c := newClocks(1)
	for _, frame := range [][]byte{{frameClock}, append(clockFrame(time.Now()), 0), clockFrame(time.Now())[:8],
		wire.AppendUint64([]byte{frameClock}, timeMsMax+1), wire.AppendUint64([]byte{frameClock}, 1<<63)} {
		if c.take(1, frame, time.Now()) || len(c.heard) != 0 {
			t.Errorf("%x is taken", frame)
		}
	}
}

// stopOthers stops all members but one.
func (c *cluster) stopOthers(m *member) {
	c.t.Helper()
	for _, other := range c.members {
		if other == m {
			continue
		}
		if err := other.stop(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// A node whose clock runs ten minutes ahead says so and is not ready; its door judges
// by the others' time, so that its clients are not turned away.
func TestANodeWithAWrongClockSaysSoAndGoesOn(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	m := c.members[0]
	c.wait("it is ready", func() bool { return m.node.Status().Ready })
	const off = 10 * time.Minute
	c.stopOthers(m) // nobody corrects what the test says
	tell := func(ids ...pbft.ReplicaID) {
		for _, id := range ids {
			m.node.clocks.take(id, clockFrame(time.Now().Add(-off)), time.Now())
		}
	}
	m.node.clocks.forget()
	tell(1)
	if s := m.node.Status(); s.ClockAhead != 0 {
		t.Fatalf("one liar: %+v", s)
	}
	tell(1, 2)
	s := m.node.Status()
	if s.Ready || s.Condition != "voting" || !strings.Contains(s.Reason, "its clock is 10m0s ahead of") {
		t.Errorf("ready %v, %s: %s", s.Ready, s.Condition, s.Reason)
	}
	_, tip, _ := m.node.hub.tip()
	if door := m.node.doorMs(); door < tip || door > nowMs()-uint64((off-time.Minute).Milliseconds()) && door > tip {
		t.Errorf("the door's time is %d, the chain's %d, the own %d", door, tip, nowMs())
	}
}

// The door's time is never behind that of the chain: what no block can accept any
// more is refused.
func TestTheDoorJudgesByTheTimeOfTheChain(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	m := c.members[0]
	m.mustSubmit("something", 1)
	c.stopOthers(m)
	m.node.clocks.forget()
	for id := pbft.ReplicaID(1); id <= 2; id++ { // the others' clocks stand at the beginning of time
		m.node.clocks.take(id, clockFrame(time.UnixMilli(0)), time.Now())
	}
	_, tip, _ := m.node.hub.tip()
	var r *Refusal
	if _, err := m.node.Submit(context.Background(), newHashTx(clientKey, tip, "late"), nil); !errors.As(err, &r) {
		t.Errorf("expired by the chain's time: %v", err)
	}
	if _, err := m.node.Submit(context.Background(), newHashTx(clientKey, nowMs()+60_000, "in time"), nil); err != nil {
		t.Error(err)
	}
}

// Members tell one another what their clocks show.
func TestMembersTellTheirTime(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	m := c.members[0]
	c.wait("all were heard", func() bool {
		m.node.clocks.mu.Lock()
		defer m.node.clocks.mu.Unlock()
		return len(m.node.clocks.heard) == 3
	})
	if ahead := m.node.clocks.ahead(time.Now()); ahead != 0 {
		t.Errorf("clocks of one machine differ by %v", ahead)
	}
	before := counterOf(m.node.metrics.reasons[pbft.InvalidContent])
	m.node.inbox.handle(1, transport.Votes, []byte{frameClock, 1})
	if got := counterOf(m.node.metrics.reasons[pbft.InvalidContent]); got != before+1 {
		t.Error("a frame that tells no time is not blamed")
	}
}

// Who was frozen knows only what was true then: it is not ready until the others have
// said where they stand.
func TestANodeThatWasFrozenIsNotReadyAtOnce(t *testing.T) {
	var a awake
	now := time.Now()
	if a.frozen(now) != 0 || a.turn(now) != 0 {
		t.Error("frozen before the first turn")
	}
	now = now.Add(stallMax)
	if a.turn(now) != 0 || a.frozen(now) != 0 {
		t.Errorf("frozen after %v", stallMax)
	}
	now = now.Add(time.Minute)
	if got := a.frozen(now); got != time.Minute {
		t.Errorf("frozen for %v before the loop has turned", got)
	}
	if got := a.turn(now); got != time.Minute {
		t.Errorf("the turn notices %v", got)
	}
	for range 3 {
		now = now.Add(settlePeriod/3 - 1)
		if a.turn(now) != 0 || a.frozen(now) != time.Minute {
			t.Error("not frozen while it settles")
		}
	}
	if now = now.Add(3); a.frozen(now) != 0 {
		t.Error("frozen for good")
	}
	// A suspended machine: the monotonic clock of a process may have stood still.
	later := now.Round(0).Add(time.Hour)
	if a.turn(now) != 0 || a.turn(later) != time.Hour {
		t.Error("a suspended machine is not noticed")
	}
}

// Each thing that keeps a voting node from being ready has its words.
func TestWhatKeepsANodeFromBeingReadyHasWords(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	m := c.members[0]
	c.wait("ready", func() bool { return m.node.Status().Ready })
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	n, now := m.node, time.Now()
	n.awake = awake{}
	good := Status{PeersUp: 2, Height: 10}
	good.Engine.Committed.Seq, good.Engine.Target = 10, 10+readyBlocksMax
	for _, x := range []struct {
		want  string
		spoil func(s *Status)
	}{
		{"", func(*Status) {}},
		{"its clock is 1m0s ahead of those of 2 other members", func(s *Status) { s.ClockAhead = time.Minute }},
		{"its clock is 1m0s behind those of 2 other members", func(s *Status) { s.ClockAhead = -time.Minute }},
		{"it hears 1 of the 3 other members, and needs 2", func(s *Status) { s.PeersUp = 1 }},
		{"it is 65 blocks behind", func(s *Status) { s.Engine.Target++ }},
		{"it is 65 blocks behind", func(s *Status) { s.Engine.Committed.Seq = s.Engine.Target + 1 }},
		{"it stood still for 1m0s", func(*Status) { n.awake.turned = now.Add(-time.Minute) }},
	} {
		s := good
		x.spoil(&s)
		if got := n.unready(&s, now); !strings.HasPrefix(got, x.want) || x.want == "" && got != "" ||
			strings.Contains(got, "reached nobody") {
			t.Errorf("%q, want %q", got, x.want)
		}
		n.awake = awake{}
	}
	lonely := good
	lonely.PeersUp = 0
	later := time.Now().Add(alonePeriod)
	if got := n.unready(&lonely, later); !strings.Contains(got, "it has reached nobody for 1m") {
		t.Errorf("alone for a minute: %q", got)
	}
}
