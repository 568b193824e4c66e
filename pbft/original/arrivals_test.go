package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// The timer stands still while payload comes from the primary, for StandstillTicks in
// one view and no more; what others send, or too little, moves nothing.
func TestTheTimerStandsStillForPayloadThatComes(t *testing.T) {
	until := func(from pbft.ReplicaID, bytes int) int {
		s := newSolo(t, 4, 1)
		for i := 1; i < 1000; i++ {
			s.r.Arrived(from, bytes)
			s.clock += 10
			s.r.Tick(s.clock, true)
			s.turn()
			if s.r.changed > 1 {
				return i
			}
		}
		t.Fatal("the primary is never given up")
		return 0
	}
	plain := until(0, 0)
	if got := until(0, pbft.ArrivingBytes); got != plain+int(pbft.Timers{}.WithDefaults().StandstillTicks) {
		t.Errorf("given up after %d ticks, without payload after %d", got, plain)
	}
	for name, got := range map[string]int{
		"little from the primary": until(0, pbft.ArrivingBytes/8), "from another": until(2, pbft.ArrivingBytes),
	} {
		if got != plain {
			t.Errorf("%s: given up after %d ticks, want %d", name, got, plain)
		}
	}
}

// A new view has a standstill of its own; one that is given up has none.
func TestEachViewHasAStandstill(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.r.timer.stood = 7
	s.r.enter(&pbft.SlotNewView{View: 2}, order{})
	if s.r.timer.stood != 0 {
		t.Error("what an older view had used up counts against the present one")
	}
	s.r.now++
	s.r.changed = 3
	s.r.Arrived(s.com.Primary(2), pbft.ArrivingBytes)
	if s.r.standStill(); s.r.timer.stood != 0 {
		t.Error("a view that is given up gains time")
	}
}

// A block that f+1 members have prepared and that is on its way is not asked for, for
// BodyTicks: not at all first, and then nowhere else while the one who was asked sends.
func TestABodyThatComesIsNotAskedFor(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.r.tm.TimeoutTicksMin, s.r.tm.IdleTicks = 5000, 5000
	b := s.block(1, 1, "x", nil)
	ref := s.com.Ref(&b.Header)
	for _, id := range []pbft.ReplicaID{2, 3} {
		s.get(id, s.vote(id, prepares, ref))
	}
	wait := func(flows pbft.ReplicaID) (ticks int, to pbft.ReplicaID) {
		for ticks = 1; ticks < 1000; ticks++ {
			s.r.Arrived(flows, 1)
			for _, o := range s.tick(1) {
				if _, ok := o.Message.(*pbft.Fetch); ok {
					return ticks, o.To
				}
			}
		}
		t.Fatal("never asked for")
		return 0, 0
	}
	body, fetch := int(s.r.tm.BodyTicks), int(s.r.tm.FetchTicks)
	first, to := wait(0)
	if first != body+1 {
		t.Errorf("asked after %d ticks while the primary sends, want %d", first, body+1)
	}
	if ticks, _ := wait(to); ticks != body {
		t.Errorf("asked elsewhere after %d ticks while %d sends, want %d", ticks, to, body)
	}
	if ticks, _ := wait(9); ticks != 2*fetch {
		t.Errorf("asked after %d ticks while nobody sends, want %d", ticks, 2*fetch)
	}
}

// A channel keeps order: with a later body here, one that is missing is not on it.
func TestABodyThatDoesNotComeIsAskedForAtOnce(t *testing.T) {
	for name, later := range map[string]bool{"nothing later": false, "a later one": true} {
		s := newSolo(t, 4, 1)
		b, after := s.block(1, 1, "x", nil), s.block(1, 2, "y", nil)
		ref := s.com.Ref(&b.Header)
		for _, id := range []pbft.ReplicaID{2, 3} {
			s.get(id, s.vote(id, prepares, ref))
		}
		if later {
			if reason := s.get(0, &pbft.PrePrepare{Block: after}); reason != pbft.Accepted {
				t.Fatal(reason)
			}
		}
		asked := 0
		for range int(s.r.tm.FetchTicks) + 1 {
			s.r.Arrived(0, 1)
			asked += kinds(s.tick(1), pbft.KindFetch)
		}
		if want := map[bool]int{true: 1}[later]; asked != want {
			t.Errorf("%s: %d questions, want %d", name, asked, want)
		}
	}
}

// What an older view's primary ordered is not on the present one's channel.
func TestABodyOfAnOlderViewIsAskedForAtOnce(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.r.Arrived(0, 1)
	x := &slot{seq: 1, wantAt: s.r.now}
	onItsWay := func(v pbft.View) bool { return s.r.onItsWay(x, pbft.BlockRef{View: v, Seq: 1}) }
	if !onItsWay(1) || onItsWay(0) || onItsWay(2) {
		t.Error("the bytes of one view's primary bring the bodies of another's")
	}
	if s.r.now += uint64(s.r.tm.BodyTicks); onItsWay(1) {
		t.Error("a body is waited for without end")
	}
}
