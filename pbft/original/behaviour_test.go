package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// The timer follows four times what a decision takes, within bounds, and doubles with
// each view in a row that brought none.
func TestTimers(t *testing.T) {
	fill := func(n int, ticks uint64) func(x *timerState) {
		return func(x *timerState) {
			for range n {
				x.times[x.count%len(x.times)] = ticks
				x.count++
			}
		}
	}
	for _, x := range []struct {
		name    string
		do      func(x *timerState)
		backoff uint32
		want    uint64
	}{
		{"nothing measured", func(*timerState) {}, 0, 10},
		{"too little measured", fill(7, 9), 0, 10},
		{"measured", fill(8, 9), 0, 36},
		{"faster than the least", fill(8, 2), 0, 10},
		{"slower than the most", fill(8, 16), 0, 60},
		{"two of forty are slow", func(x *timerState) { fill(2, 15)(x); fill(38, 4)(x) }, 0, 16},
		{"three of forty are slow", func(x *timerState) { fill(3, 14)(x); fill(37, 4)(x) }, 0, 56},
		{"old ones are forgotten", func(x *timerState) { fill(64, 15)(x); fill(64, 4)(x) }, 0, 16},
		{"one view in vain", fill(8, 9), 1, 36},
		{"two views in vain", fill(8, 9), 2, 72},
		{"four views in vain", fill(8, 9), 4, 288},
		{"five views in vain", fill(8, 9), 5, 400},
		{"ever so many", fill(8, 9), 1 << 30, 400},
	} {
		r := newSolo(t, 4, 1).r
		r.tm.TimeoutTicksMin, r.tm.TimeoutTicksMax, r.tm.TimeoutTicksCap = 10, 60, 400
		r.timer = timerState{backoff: x.backoff}
		x.do(&r.timer)
		if got := r.timeout(); got != x.want {
			t.Errorf("%s: %d ticks, want %d", x.name, got, x.want)
		}
	}
}

// ticksUntil counts ticks until something is so.
func (s *solo) ticksUntil(pending bool, done func() bool) (n uint64) {
	s.t.Helper()
	for !done() {
		if n++; n > 10_000 {
			s.t.Fatal("it never comes to that")
		}
		s.clock += 10
		s.r.Tick(s.clock, pending)
		s.turn()
	}
	return n
}

// A view is given up when something has waited for as long as the timer says, or
// nothing was decided for that and the time of an idle primary.
func TestWhenAViewIsGivenUp(t *testing.T) {
	gone := func(s *solo) func() bool { return func() bool { return s.r.changed == 2 } }
	s := newSolo(t, 4, 1)
	tau, idle := s.r.timeout(), uint64(s.r.tm.IdleTicks)
	if got := s.ticksUntil(false, gone(s)); got != idle+tau-1 { // a tick has passed
		t.Errorf("nothing comes: after %d ticks, want %d", got, idle+tau-1)
	}
	s = newSolo(t, 4, 1)
	if got := s.ticksUntil(true, gone(s)); got != tau+1 { // the first notices that something waits
		t.Errorf("payload waits: after %d ticks, want %d", got, tau+1)
	}
	s = newSolo(t, 4, 1)
	s.get(0, &pbft.PrePrepare{Block: s.block(1, 1, "x", nil)})
	if got := s.ticksUntil(false, gone(s)); got != tau+1 {
		t.Errorf("a block waits: after %d ticks, want %d", got, tau+1)
	}
	s = newSolo(t, 4, 1)
	s.ticksUntil(true, func() bool { return s.r.now == tau })
	s.decide(1, "x")
	at := s.r.now
	if s.ticksUntil(false, gone(s)); s.r.now != at+idle+s.r.timeout() {
		t.Errorf("after a decision at %d: at %d, want %d", at, s.r.now, at+idle+s.r.timeout())
	}
	if s.r.timer.backoff != 1 {
		t.Errorf("backoff %d", s.r.timer.backoff)
	}
}

// A replica follows f+1 others to the highest view that so many want.
func TestJoining(t *testing.T) {
	for _, x := range []struct {
		name  string
		wants map[pbft.ReplicaID]pbft.View
		view  pbft.View
		waits bool
	}{
		{"one", map[pbft.ReplicaID]pbft.View{2: 9}, 0, false},
		{"two", map[pbft.ReplicaID]pbft.View{2: 9, 3: 5}, 5, true},
		{"three", map[pbft.ReplicaID]pbft.View{0: 7, 2: 9, 3: 5}, 7, true},
	} {
		s := newSolo(t, 4, 1)
		for id, v := range x.wants {
			s.r.peers[id].change = s.change(id, v)
		}
		s.r.join()
		if s.r.changed != x.view || (s.r.timer.waitAt != 0) != x.waits {
			t.Errorf("%s: view %d, waits %t, want %d, %t", x.name, s.r.changed, s.r.timer.waitAt != 0, x.view, x.waits)
		}
		if s.r.join(); s.r.changed != x.view {
			t.Errorf("%s: again, to view %d", x.name, s.r.changed)
		}
	}
}

// The NEW-VIEW is waited for once m members want the view, and then not for ever; the
// own VIEW-CHANGE is repeated meanwhile.
func TestWaitingForANewView(t *testing.T) {
	s := newSolo(t, 4, 3)
	s.ticksUntil(true, func() bool { return s.r.changed == 2 })
	s.get(2, s.change(2, 2))
	s.ticksUntil(true, func() bool { return s.r.now > 10*s.r.timeout() })
	if s.r.changed != 2 || s.r.timer.waitAt != 0 {
		t.Errorf("with two of m = 3 it goes to view %d, waits since %d", s.r.changed, s.r.timer.waitAt)
	}
	pause := max(1, min(s.r.timeout()/2, uint64(s.r.tm.RetransmitTicks)))
	s.ticksUntil(true, func() bool { return s.r.timer.sentAt == s.r.now })
	if n := kinds(s.tick(int(pause)-1), pbft.KindSlotViewChange); n != 0 {
		t.Errorf("%d VIEW-CHANGEs within %d ticks", n, pause-1)
	}
	if n := kinds(s.tick(1), pbft.KindSlotViewChange); n != 1 {
		t.Errorf("%d VIEW-CHANGEs after %d ticks", n, pause)
	}
	s.get(0, s.change(0, 2))
	at := s.r.now
	if s.ticksUntil(true, func() bool { return s.r.changed == 3 }); s.r.now != at+s.r.timeoutAt(1) {
		t.Errorf("to view 3 after %d ticks, want %d", s.r.now-at, s.r.timeoutAt(1))
	}
}

// timeoutAt is the timeout with another backoff.
func (r *Replica) timeoutAt(backoff uint32) uint64 {
	was := r.timer.backoff
	defer func() { r.timer.backoff = was }()
	r.timer.backoff = backoff
	return r.timeout()
}

// Whoever is behind asks one peer after the other for the next decided blocks, less and
// less often, and gives the claims up in the end.
func TestPursuit(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.r.tm.FetchTicks, s.r.tm.TimeoutTicksMin, s.r.tm.IdleTicks = 3, 5000, 5000
	s.r.tm.TimeoutTicksMax, s.r.tm.TimeoutTicksCap = 5000, 5000
	s.get(2, &pbft.Status{Replica: 2, Committed: pbft.BlockRef{Seq: 20}})
	if s.r.pursuit.target != 0 {
		t.Fatalf("one member's word: target %d", s.r.pursuit.target)
	}
	s.get(3, &pbft.Status{Replica: 3, Committed: pbft.BlockRef{Seq: 15}})
	if s.r.pursuit.target != 15 || s.r.Status().Target != 15 {
		t.Fatalf("two members' word: target %d", s.r.pursuit.target)
	}
	want, at := []pbft.ReplicaID{3, 0, 2, 3, 0}, s.r.now
	for i, to := range want {
		pause := 3 * uint64(max(1, 1+min(i, 9)))
		for s.r.now < at+pause {
			for _, o := range s.tick(1) {
				m, ok := o.Message.(*pbft.Fetch)
				if !ok {
					continue
				}
				if s.r.now != at+pause || o.To != to || m.Seq != 15 || m.After != 0 || m.Digest != (pbft.Digest{}) {
					t.Errorf("question %d: %+v to %d after %d ticks, want to %d after %d", i, m, o.To, s.r.now-at, to, pause)
				}
			}
		}
		if s.r.pursuit.tries != i+1 {
			t.Fatalf("%d questions, want %d", s.r.pursuit.tries, i+1)
		}
		at = s.r.now
	}
	s.ticksUntil(false, func() bool { return s.r.pursuit.target == 0 })
	if s.r.pursuit.tries != triesMax+1 || s.r.peers[2].claim != 0 || s.r.peers[3].claim != 0 {
		t.Errorf("given up after %d questions, claims %d and %d", s.r.pursuit.tries, s.r.peers[2].claim, s.r.peers[3].claim)
	}
}

// A body that is missing is asked for at every other member in turn.
func TestMissingBodiesAreAskedFor(t *testing.T) {
	b := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}
	vote := func(s *solo, id pbft.ReplicaID, v pbft.View) {
		s.get(id, s.vote(id, prepares, pbft.BlockRef{View: v, Seq: 1, Digest: b.Digest}))
	}
	for _, x := range []struct {
		name string
		do   func(s *solo)
		want bool
	}{
		{"nothing is known of it", func(*solo) {}, false},
		{"it is prepared", func(s *solo) { s.r.slot(1).prepared = s.certificate(pbft.Prepared, b, 0, 2, 3) }, true},
		{"it is decided", func(s *solo) { s.r.slot(1).commit = s.certificate(pbft.CommittedSlow, b, 0, 2, 3) }, true},
		{"it is ordered", func(s *solo) { s.r.slot(1).assigned = b }, true},
		{"one has prepared it", func(s *solo) { vote(s, 2, 1) }, false},
		{"f+1 have", func(s *solo) { vote(s, 2, 1); vote(s, 3, 1) }, true},
		{"f+1 have in a later view", func(s *solo) { vote(s, 2, 2); vote(s, 3, 2) }, false},
	} {
		s := newSolo(t, 4, 1)
		x.do(s)
		asked := make(map[pbft.ReplicaID]bool)
		for _, o := range s.tick(1 + 12*int(s.r.tm.FetchTicks)) {
			if m, ok := o.Message.(*pbft.Fetch); ok {
				asked[o.To] = true
				if m.Digest != b.Digest || m.Seq != 1 || m.After != 0 {
					t.Errorf("%s: asks for %+v", x.name, m)
				}
			}
		}
		if x.want && len(asked) != 3 || !x.want && len(asked) != 0 || asked[1] {
			t.Errorf("%s: asks %v", x.name, asked)
		}
	}
}

// A primary proposes up to its window, when there is payload or it was idle for long,
// and never in a view that it does not lead or has given up.
func TestProposing(t *testing.T) {
	s := newSolo(t, 4, 0)
	hint := func(what string, want pbft.ProposeHint) {
		t.Helper()
		if got := s.r.ProposeHint(); got != want {
			t.Errorf("%s: hint %d, want %d", what, got, want)
		}
	}
	hint("at first", pbft.ProposeIfPending)
	s.ticksUntil(false, func() bool { return s.r.now == uint64(s.r.tm.IdleTicks)-1 })
	hint("shortly before it is idle", pbft.ProposeIfPending)
	s.tick(1)
	hint("idle", pbft.ProposeNow)
	large := make([]byte, s.r.par.PayloadBytesMax+1)
	if s.r.Propose(large, payloadRoot(large), nil, s.clock) {
		t.Error("more than a payload may have")
	}
	last := uint64(0)
	for i := range s.r.par.Window {
		if !s.r.Propose([]byte("x"), payloadRoot([]byte("x")), nil, s.clock) {
			t.Fatalf("no proposal %d", i+1)
		}
		if s.r.lead.timeMs <= last {
			t.Errorf("proposal %d at %d ms, the last at %d", i+1, s.r.lead.timeMs, last)
		}
		last = s.r.lead.timeMs
		s.turn()
		if i+1 < s.r.par.Window {
			hint("after a proposal", pbft.ProposeIfPending)
		}
	}
	hint("at the end of the window", pbft.ProposeNever)
	for name, do := range map[string]func(r *Replica){
		"in a view of another": func(r *Replica) { r.view = 2 },
		"in a view given up":   func(r *Replica) { r.changed = 2 },
		"while it recalls":     func(r *Replica) { r.condition = pbft.Recalling },
		"above the watermark":  func(r *Replica) { r.lead.next = r.span + 1 },
	} {
		s = newSolo(t, 4, 0)
		do(s.r)
		hint(name, pbft.ProposeNever)
	}
}

// Answers of a kind to one peer keep a pause.
func TestAnswersPause(t *testing.T) {
	for a, pause := range map[answer]uint64{answerPosition: 5, answerNewView: 5, answerStable: 5, answerServe: 1} {
		s := newSolo(t, 4, 1)
		if !s.r.may(2, a) || s.r.may(2, a) || !s.r.may(3, a) {
			t.Errorf("answer %d: not once for each peer", a)
		}
		s.r.now += pause - 1
		if pause > 1 && s.r.may(2, a) {
			t.Errorf("answer %d: again after %d ticks", a, pause-1)
		}
		if s.r.now++; !s.r.may(2, a) {
			t.Errorf("answer %d: not after %d ticks", a, pause)
		}
	}
}
