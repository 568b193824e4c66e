package driver

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// waits is a pool of transactions that a test puts where it wants them.
type waits struct {
	Eligible[int]
	at  map[int]lanes.Standing
	now int64
}

const awayNs = 20_000_000

func newWaits() *waits { return &waits{at: make(map[int]lanes.Standing), now: 1} }

func (w *waits) enter(tx int, own bool) {
	w.at[tx] = lanes.Free
	w.Entered(tx, own, w.now)
}

func (w *waits) ask(view pbft.View, c Crowd) (pbft.Waiting, *int) {
	return w.Waiting(view, awayNs, w.now, c, func(tx int) lanes.Standing { return w.at[tx] })
}

// later lets milliseconds pass and asks.
func (w *waits) later(ms int64) (pbft.Waiting, *int) {
	w.now += ms * 1_000_000
	return w.ask(1, Crowd{})
}

// R11.1: a transaction counts when the primary could have had it, a round trip and 100 ms
// after it was told, in ticks from 1; what is in a block or gone does not.
func TestEligibleSinceThePrimaryCouldHaveIt(t *testing.T) {
	w := newWaits()
	w.ask(1, Crowd{})
	w.enter(1, true)
	if x, tell := w.later(119); x.EligibleTicks != 0 || tell != nil {
		t.Errorf("before the primary could have it: %+v", x)
	}
	if x, _ := w.later(1); x.EligibleTicks != 1 {
		t.Errorf("when it can: %+v", x)
	}
	if x, _ := w.later(50); x.EligibleTicks != 6 {
		t.Errorf("five ticks later: %+v", x)
	}
	w.at[1] = lanes.Held
	if x, _ := w.later(10); x.EligibleTicks != 0 {
		t.Errorf("in a block: %+v", x)
	}
	w.at[1] = lanes.Free // that was abandoned
	if x, _ := w.later(100); x.EligibleTicks != 0 {
		t.Errorf("free again: %+v", x)
	}
	if x, _ := w.later(120); x.EligibleTicks != 1 {
		t.Errorf("free for long enough: %+v", x)
	}
	w.at[1] = lanes.Absent
	if x, _ := w.later(10); x.EligibleTicks != 0 || len(w.lists[0].all) != 0 {
		t.Errorf("gone: %+v", x)
	}
}

// What another member brought is held against a primary only once this one has told it, in
// its view: one transaction a second.
func TestNothingCountsThatThePrimaryWasNotTold(t *testing.T) {
	w := newWaits()
	w.now = 10_000_000_000
	w.ask(1, Crowd{})
	w.enter(1, false)
	w.enter(2, false)
	if _, tell := w.later(119); tell != nil {
		t.Error("told before its own member's copy can be there")
	}
	x, tell := w.later(1)
	if tell == nil || *tell != 1 || x.EligibleTicks != 0 {
		t.Fatalf("told %v, %+v", tell, x)
	}
	if x, tell := w.later(120); x.EligibleTicks != 1 || tell != nil {
		t.Errorf("after that: %+v, told %v", x, tell)
	}
	w.at[1] = lanes.Absent
	if x, tell := w.later(100); x.EligibleTicks != 0 || tell != nil {
		t.Errorf("the next, within the second: %+v, told %v", x, tell)
	}
	if _, tell := w.later(1000); tell == nil || *tell != 2 {
		t.Errorf("the next, a second later: told %v", tell)
	}
	w.now += 2_000_000_000
	if x, tell := w.ask(2, Crowd{}); tell == nil || x.EligibleTicks != 0 {
		t.Errorf("another view's primary: %+v, told %v", x, tell)
	}
}

// Lanes push what own clients hand in; of others nothing is followed.
func TestPushedCountsForOwnAlone(t *testing.T) {
	w := newWaits()
	w.Pushed = true
	w.enter(1, false)
	w.enter(2, true)
	w.now += 200_000_000
	if x, tell := w.ask(7, Crowd{}); x.EligibleTicks == 0 || tell != nil || len(w.lists[1].all) != 0 {
		t.Errorf("%+v, told %v", x, tell)
	}
}

// Blocks that leave it out are counted from when it counts, and so are the turns before it;
// a view begins anew, and a crowded pool counts nothing.
func TestSkips(t *testing.T) {
	w := newWaits()
	w.ask(1, Crowd{})
	for range 5 {
		w.Block(1, 10, 1000)
	}
	w.enter(1, true)
	w.now += 200_000_000
	if x, _ := w.ask(1, Crowd{Senders: 35}); x.Skipped != 0 || x.SkipLimit != 8+2*4 {
		t.Errorf("35 senders, ten a block: %+v", x)
	}
	for range 20 {
		w.Block(1, 10, 1000)
	}
	if x, _ := w.ask(1, Crowd{Senders: 900}); x.Skipped != 20 || x.SkipLimit != 16 {
		t.Errorf("who came later has its turn later: %+v", x)
	}
	if x, _ := w.ask(1, Crowd{Full: true}); x.Skipped != 0 {
		t.Errorf("a crowded pool: %+v", x)
	}
	w.Block(2, 10, 1000)
	w.Block(1, 10, 1000)
	w.at[1] = lanes.Absent
	w.enter(2, true)
	w.now += 200_000_000
	if x, _ := w.ask(2, Crowd{}); x.Skipped != 0 {
		t.Errorf("another view: %+v", x)
	}
}

// A backlog is two blocks as they are now, and 64 KiB at least.
func TestBacklog(t *testing.T) {
	w := newWaits()
	w.enter(1, true)
	w.now += 200_000_000
	for bytes, want := range map[int]bool{65535: false, 65536: true} {
		if x, _ := w.ask(0, Crowd{FreeBytes: bytes}); x.Backlog != want {
			t.Errorf("%d bytes: %t", bytes, x.Backlog)
		}
	}
	for range 20 {
		w.Block(0, 10, 100_000)
	}
	for bytes, want := range map[int]bool{199_999: false, 200_000: true} {
		if x, _ := w.ask(0, Crowd{FreeBytes: bytes}); x.Backlog != want {
			t.Errorf("%d bytes: %t", bytes, x.Backlog)
		}
	}
}

// Behind one that waits for ever nothing is kept that has gone.
func TestFollowedAreBounded(t *testing.T) {
	w := newWaits()
	w.enter(0, true)
	for tx := 1; tx < 50*eligibleScan; tx++ {
		w.enter(tx, true)
		w.at[tx] = lanes.Absent
		w.now++
		w.ask(1, Crowd{})
	}
	if n := len(w.lists[0].all); n > eligibleScan+1 {
		t.Errorf("%d are kept", n)
	}
}
