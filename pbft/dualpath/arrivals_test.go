package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// ticksUntil ticks a replica that something is pending for, with what comes before
// each tick, until it suspects its primary.
func ticksUntil(t *testing.T, r *Replica, before func(tick int)) int {
	t.Helper()
	for i := 1; i < 1000; i++ {
		before(i)
		r.Tick(r.clockMs+10, true)
		if r.own != 0 {
			return i
		}
	}
	t.Fatal("the primary is never suspected")
	return 0
}

// The timer stands still while payload comes from the primary, for StandstillTicks in
// one view and no more; what others send, or too little, moves nothing.
func TestTheTimerStandsStillForPayloadThatComes(t *testing.T) {
	fresh := func() *Replica { return newCluster(t, 4, 1, 1).replicas[1] }
	plain := ticksUntil(t, fresh(), func(int) {})
	for name, c := range map[string]struct {
		from  pbft.ReplicaID
		bytes int
		until int
		more  int
	}{
		"from the primary":         {0, pbft.ArrivingBytes, 40, 42}, // the last bytes speak for a while
		"for ever":                 {0, pbft.ArrivingBytes, 1000, int(pbft.Timers{}.WithDefaults().StandstillTicks)},
		"little from the primary":  {0, pbft.ArrivingBytes / 8, 1000, 0},
		"from another than it":     {2, pbft.ArrivingBytes, 1000, 0},
		"from nobody in the group": {9, pbft.ArrivingBytes, 1000, 0},
	} {
		r := fresh()
		got := ticksUntil(t, r, func(i int) {
			if i <= c.until {
				r.Arrived(c.from, c.bytes)
			}
		})
		if got != plain+c.more {
			t.Errorf("%s: suspected after %d ticks, want %d and %d", name, got, plain, c.more)
		}
	}
}

// A new view has a standstill of its own, and the wait for its NEW-VIEW has none.
func TestEachViewHasAStandstill(t *testing.T) {
	r := newCluster(t, 4, 1, 1).replicas[1]
	r.stood = 7
	r.enter(r.view+1, entry{base: r.entry.base})
	if r.stood != 0 {
		t.Error("what an older view had used up counts against the present one")
	}
	r.vcSent = r.view + 1
	r.now++
	r.Arrived(r.com.Primary(r.view), pbft.ArrivingBytes)
	if r.standStill(); r.stood != 0 {
		t.Error("a view that is given up gains time")
	}
}

// questions are whom a replica is about to ask for blocks.
func questions(r *Replica) (to []pbft.ReplicaID) {
	for _, o := range r.out.Messages {
		if _, ok := o.Message.(*pbft.Fetch); ok {
			to = append(to, o.To)
		}
	}
	r.out.Messages = nil
	return to
}

// A body that is on its way is not asked for: not at once, and not elsewhere while the
// first who was asked is sending; for BodyTicks each.
func TestABodyThatComesIsNotAskedFor(t *testing.T) {
	r := newCluster(t, 4, 1, 1).replicas[1]
	ref := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{7}}
	wait := func(flows pbft.ReplicaID) (ticks uint64, to pbft.ReplicaID) {
		for {
			if m := questions(r); len(m) > 0 {
				return ticks, m[0]
			}
			r.now++
			ticks++
			r.arrivals.Add(flows, r.now, 1)
			r.tickWants()
		}
	}
	body, fetch := uint64(r.tm.BodyTicks), uint64(r.tm.FetchTicks)
	r.arrivals.Add(0, r.now, 1)
	r.want(ref, 3, r.self, 0)
	if ticks, to := wait(0); ticks != body || to != 3 {
		t.Errorf("asked %d after %d ticks while the primary sends, want 3 after %d", to, ticks, body)
	}
	if ticks, to := wait(3); ticks != body || to != 0 {
		t.Errorf("asked %d after %d ticks while the first is sending, want 0 after %d", to, ticks, body)
	}
	if ticks, _ := wait(3); ticks != 2*fetch {
		t.Errorf("asked after %d ticks while another than the last sends, want %d", ticks, 2*fetch)
	}
}

// What cannot be on its way is asked for at once.
func TestABodyThatDoesNotComeIsAskedForAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		view  pbft.View
		later bool
		flows pbft.ReplicaID
	}{
		"nothing comes":           {view: 1, flows: 9},
		"another member sends":    {view: 1, flows: 2},
		"of an older view":        {view: 0, flows: 0},
		"a later body has come":   {view: 1, flows: 0, later: true},
		"of a view not there yet": {view: 2, flows: 0},
	} {
		r := newCluster(t, 4, 1, 1).replicas[1]
		r.out = pbft.Ready{}
		if c.later {
			h := pbft.Header{View: 1, Seq: 9, Committee: r.com.Digest()}
			r.addBlock(&pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}}, false)
		}
		r.arrivals.Add(c.flows, r.now, pbft.ArrivingBytes)
		r.want(pbft.BlockRef{View: c.view, Seq: 1, Digest: pbft.Digest{7}}, 3, r.self, 0)
		if to := questions(r); len(to) != 1 || to[0] != 3 {
			t.Errorf("%s: asked %v", name, to)
		}
	}
}
