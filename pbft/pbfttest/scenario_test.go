package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/internal/wrong"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// play is a scenario on a stage, with what its adversary does.
type play struct {
	*pbfttest.Stage
	t         *testing.T
	byzantine []pbft.ReplicaID
	endorsed  map[pbft.BlockRef]bool
	accused   map[pbft.View]bool
	lied      map[pbft.View]bool
	// lie, if not nil, makes the Byzantine members' reports for a view change.
	lie func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange
	// lose, if not nil, chooses letters that never arrive.
	lose pbfttest.Match
}

// setting is a cluster for a scenario.
type setting struct {
	shape     pbfttest.Shape
	byzantine []pbft.ReplicaID
	tenure    uint64
	committee func(pbft.Digest, pbft.Epoch, []pbft.PublicKey, pbft.Parameters) (*pbft.Committee, error)
	recall    bool
}

func (x setting) open(t *testing.T, engine pbfttest.Factory, rules ...string) *play {
	t.Helper()
	if x.tenure == 0 {
		x.tenure = 100
	}
	s, err := pbfttest.NewStage(pbfttest.StageOptions{New: engine, Shape: x.shape, Byzantine: x.byzantine, Rules: rules,
		Parameters: pbft.Parameters{Window: 2, Tenure: x.tenure}, Committee: x.committee,
		Recall: x.recall})
	if err != nil {
		t.Fatal(err)
	}
	return &play{Stage: s, t: t, byzantine: x.byzantine, endorsed: make(map[pbft.BlockRef]bool),
		accused: make(map[pbft.View]bool), lied: make(map[pbft.View]bool)}
}

// block lets the Byzantine primary of a view show a block on top of another to
// some, who then prepare it if they can.
func (p *play) block(v pbft.View, parent, justify pbft.BlockRef, payload string, to ...pbft.ReplicaID) pbft.BlockRef {
	m := p.Block(v, parent, justify, payload, nil)
	p.Send(m.Header.Proposer, m, to...)
	p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindPrePrepare), pbfttest.To(to...)))
	return p.Committee().Ref(&m.Header)
}

// show delivers to a replica what others sent of some kinds.
func (p *play) show(to pbft.ReplicaID, kinds ...pbft.Kind) {
	p.Deliver(pbfttest.Both(pbfttest.To(to), pbfttest.OfKind(kinds...)))
}

// help makes the Byzantine members vote for what honest replicas of a view above
// the given one prepare, join their SUSPECTs, and report as lie says.
func (p *play) help(above pbft.View, to []pbft.ReplicaID) {
	if p.lose != nil {
		p.Drop(p.lose)
	}
	for _, l := range p.Letters() {
		switch m := l.Message.(type) {
		case *pbft.Prepare:
			if m.Block.View <= above || p.endorsed[m.Block] {
				continue
			}
			p.endorsed[m.Block] = true
			for _, b := range p.byzantine {
				p.Send(b, p.Prepare(b, m.Block), to...)
				p.Send(b, p.Commit(b, m.Block), to...)
			}
		case *pbft.Suspect:
			if p.accused[m.View] {
				continue
			}
			p.accused[m.View] = true
			for _, b := range p.byzantine {
				p.Send(b, p.Suspect(b, m.View), to...)
			}
		case *pbft.ViewChange:
			if p.lie == nil || p.lied[m.View] {
				continue
			}
			p.lied[m.View] = true
			for _, b := range p.byzantine {
				if v := p.lie(b, m.View); v != nil {
					p.Send(b, v, p.Committee().Primary(m.View))
				}
			}
		}
	}
}

// march lets time pass and delivers everything among some replicas, with the help
// of the Byzantine members in views above the given one, until done or for so
// many ticks; everything else is lost. It reports whether it got done.
func (p *play) march(ticks int, above pbft.View, ids []pbft.ReplicaID, done func() bool) bool {
	senders := append(append([]pbft.ReplicaID(nil), p.byzantine...), ids...)
	match := pbfttest.Both(pbfttest.To(ids...), pbfttest.From(senders...))
	for range ticks {
		p.help(above, ids)
		for p.Deliver(match) > 0 {
			p.help(above, ids)
			if done() || len(p.Violations()) > 0 {
				return done()
			}
		}
		p.Drop(pbfttest.All)
		for _, id := range ids {
			if p.Engine(id).ProposeHint() != pbft.ProposeNever {
				p.Propose(id, "later")
			}
		}
		p.Tick(1, ids...)
	}
	return false
}

// beyond is done when any of the replicas committed a block of a view above v.
func (p *play) beyond(v pbft.View, ids ...pbft.ReplicaID) func() bool {
	return func() bool {
		for _, id := range ids {
			if p.BlockAt(id, pbft.Seq(p.Committed(id))).View > v {
				return true
			}
		}
		return false
	}
}

// deny reports nothing.
func (p *play) deny(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
	return p.ViewChange(id, v, p.Genesis(), pbft.BlockRef{})
}

func ids(list ...pbft.ReplicaID) []pbft.ReplicaID { return list }

// scenario is a legal adversary that leads an engine without one of the rules to
// two different decisions.
type scenario struct {
	name string
	setting
	play func(p *play)
	// catches are the mutants that it leads astray, and quorum that of a
	// committee with too small a quorum.
	catches []string
	quorum  int
	// view is where the honest replicas stand at the end with every rule in
	// place, 0 if they are stuck until the others come back.
	view pbft.View
}

var scenarios = []scenario{
	{
		// p = 0: all prepare x, r3 alone sees it and commits in two delays, then
		// it is cut off; the primary denies its vote. Two tips are T0 = 2.
		name:    "fast commit seen by one replica only",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 2, 3)
			p.Send(0, p.Prepare(0, x), 3)
			p.show(3, pbft.KindPrepare)
			p.mustCommit(3, x)
			p.Crash(3)
			p.Drop(pbfttest.All)
			p.lie = p.deny
			p.march(200, 1, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"highest-only", "support-plus-one"},
		view:    2,
	},
	{
		// p = 1: r1 prepares x, r2 and r3 prepare y, the primary both: y has F = 3
		// at r3, which is cut off. Reports {x, y, x} must not give x.
		name:    "equivocating primary",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1)
			y := p.block(1, p.Genesis(), p.Genesis(), "y", 2, 3)
			p.Send(0, p.Prepare(0, y), 3)
			p.show(3, pbft.KindPrepare)
			p.mustCommit(3, y)
			p.Crash(3)
			p.Drop(pbfttest.All)
			p.lie = func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange { return p.ViewChange(id, v, p.Genesis(), x) }
			p.march(100, 1, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"no-evidence-clause", "strict-rule"},
	},
	{
		// n = 7: r1 prepares x, four prepare y, the Byzantine r0 and r2 both: y has
		// F = 6 at r6, which is cut off. With r0 excluded y has T1 = 3 reports, x
		// has r1's and r2's.
		name:    "equivocating primary with an accomplice",
		setting: setting{shape: pbfttest.Shape{Members: 7, Faults: 2, FastFaults: 1}, byzantine: ids(0, 2)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1)
			y := p.block(1, p.Genesis(), p.Genesis(), "y", 3, 4, 5, 6)
			p.Send(0, p.Prepare(0, y), 6)
			p.Send(2, p.Prepare(2, y), 6)
			p.show(6, pbft.KindPrepare)
			p.mustCommit(6, y)
			p.Crash(6)
			p.Drop(pbfttest.All)
			p.lie = func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
				if id == 0 {
					return nil
				}
				return p.ViewChange(id, v, p.Genesis(), x)
			}
			p.march(200, 1, ids(1, 3, 4, 5), p.beyond(1, 1, 3, 4, 5))
		},
		catches: []string{"support-minus-one"},
		view:    2,
	},
	{
		// p = 0: as in the first scenario, but r1 and r2 then prepare z of view 2
		// on top of x and nobody certifies it. Their reports for view 3 must still
		// name x, the tip of the highest certificate's view.
		name:    "two-view hiding",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 2, 3)
			p.Send(0, p.Prepare(0, x), 3)
			p.show(3, pbft.KindPrepare)
			p.mustCommit(3, x)
			p.Crash(3)
			p.Drop(pbfttest.All)
			p.lie = p.deny
			// Without the help of r0 nothing of view 2 is certified.
			p.march(200, 2, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"tip-of-last-view"},
		view:    3,
	},
	{
		// p = 0: view 2 begins without a certificate of its own. All prepare its
		// first block x, and r0 alone sees that: it may not commit, for view 3
		// looks at tips of view 1 only.
		name:    "unarmed fast commit",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(3)},
		play: func(p *play) {
			none := func() bool { return p.Engine(0).Status().View == 2 && p.Engine(2).Status().View == 2 }
			p.Drop(pbfttest.All)
			p.lie = p.deny
			for i := 0; i < 200 && !none(); i++ { // blocks of view 1 reach nobody
				p.help(1, ids(0, 1, 2))
				p.Deliver(pbfttest.OfKind(pbft.KindSuspect, pbft.KindViewChange, pbft.KindNewView))
				p.Drop(pbfttest.Not(pbfttest.OfKind(pbft.KindSuspect, pbft.KindViewChange, pbft.KindNewView)))
				p.Tick(1, 0, 1, 2)
			}
			p.Drop(pbfttest.All)
			p.Propose(1, "x")
			var x pbft.BlockRef
			for _, l := range p.Letters() {
				if m, ok := l.Message.(*pbft.PrePrepare); ok {
					x = p.Committee().Ref(&m.Header)
				}
			}
			p.Deliver(pbfttest.OfKind(pbft.KindPrePrepare))
			p.Send(3, p.Prepare(3, x), 0)
			p.show(0, pbft.KindPrepare)
			p.Crash(0)
			p.Drop(pbfttest.All)
			p.march(300, 2, ids(1, 2), p.beyond(2, 1, 2))
		},
		catches: []string{"fast-unarmed"},
		view:    3,
	},
	{
		// p = 0: r1 reports for view 2 before it learns that x of view 1 is
		// certified. Its COMMIT, late, would complete the quorum at r3.
		name:    "late COMMIT",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 3)
			p.Send(0, p.Prepare(0, x), 3)
			p.show(3, pbft.KindPrepare)
			prepares := lettersTo(p, 1, pbft.KindPrepare)
			p.Drop(pbfttest.All)
			p.lie = p.deny
			p.march(200, 1, ids(1, 2), func() bool { return p.Engine(2).Status().View == 2 })
			for _, m := range prepares {
				p.Send(m.From, m.Message, 1)
			}
			p.Send(0, p.Prepare(0, x), 1)
			p.show(1, pbft.KindPrepare)
			p.Send(0, p.Commit(0, x), 3)
			p.show(3, pbft.KindCommit)
			p.march(200, 1, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"commit-after-view-change"},
		view:    2,
	},
	{
		// p = 0: r1 sent COMMIT for x, so its report must name x's certificate.
		name:    "forgotten certificate",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 3)
			p.Send(0, p.Prepare(0, x), 1, 3)
			p.show(3, pbft.KindPrepare)
			p.show(1, pbft.KindPrepare)
			p.Send(0, p.Commit(0, x), 3)
			p.show(3, pbft.KindCommit)
			p.mustCommit(3, x)
			p.Crash(3)
			p.Drop(pbfttest.All)
			p.lie = p.deny
			p.march(200, 1, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"forget-certificate"},
		view:    2,
	},
	{
		// As two-view hiding, but r1 and r2 crash and start again in view 2. Their
		// votes for x, of a view that they left, must still be in their logs.
		name:    "votes of an earlier view after a restart",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 2, 3)
			p.Send(0, p.Prepare(0, x), 3)
			p.show(3, pbft.KindPrepare)
			p.mustCommit(3, x)
			p.Crash(3)
			p.Drop(pbfttest.All)
			p.lie = p.deny
			voted := func(id pbft.ReplicaID) bool {
				s := p.Engine(id).Status()
				return s.View == 2 && s.InFlight > 0
			}
			p.march(200, 2, ids(1, 2), func() bool { return voted(1) && voted(2) })
			for _, id := range ids(1, 2) {
				p.Crash(id)
				p.Restart(id)
			}
			p.Drop(pbfttest.All)
			p.march(200, 2, ids(1, 2), p.beyond(2, 1, 2))
		},
		catches: []string{"vote-not-durable"},
		view:    3,
	},
	{
		// Tenures of two blocks. The certificate of the first, 1/1, is not the end
		// of view 1: the second commits at r3 while r1 would open view 2 below it.
		name:    "early handover",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0), tenure: 2},
		play: func(p *play) {
			first := p.block(1, p.Genesis(), p.Genesis(), "1", 1, 2, 3)
			second := p.block(1, first, p.Genesis(), "2", 2, 3)
			p.Deliver(pbfttest.Both(pbfttest.To(1, 2), only(first)))
			p.Propose(1, "y")
			p.show(2, pbft.KindPrePrepare)
			p.Send(0, p.Prepare(0, second), 2, 3)
			p.Deliver(pbfttest.Both(pbfttest.To(2, 3), only(second)))
			p.Send(0, p.Commit(0, second), 3)
			p.show(3, pbft.KindCommit)
			p.mustCommit(3, second)
			p.Crash(3)
			p.lie = p.deny
			p.march(200, 1, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"handover-any-slot"},
		view:    2,
	},
	{
		// p = 0: x commits at r3 with r2 and the primary. r1 never saw it; the
		// reports of r1 and the liar are one too few.
		name:    "a new view from too few reports",
		setting: setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)},
		play: func(p *play) {
			x := p.block(1, p.Genesis(), p.Genesis(), "x", 2, 3)
			p.Send(0, p.Prepare(0, x), 2, 3)
			p.show(2, pbft.KindPrepare)
			p.show(3, pbft.KindPrepare)
			p.Send(0, p.Commit(0, x), 3)
			p.show(3, pbft.KindCommit)
			p.mustCommit(3, x)
			p.Crash(3)
			p.Drop(pbfttest.All)
			p.lie = p.deny
			p.lose = pbfttest.Both(pbfttest.OfKind(pbft.KindViewChange, pbft.KindProof), pbfttest.From(2))
			p.march(60, 1, ids(1, 2), p.beyond(1, 1, 2))
		},
		catches: []string{"few-reports"},
	},
	{
		// n = 9, f = 2, q = 6: three honest replicas see x, three see y, and both
		// Byzantine ones vote for both. 2f+1 = 5 votes are not enough.
		name:    "quorum of 2f+1",
		setting: setting{shape: pbfttest.Shape{Members: 9, Faults: 2}, byzantine: ids(0, 1)},
		play: func(p *play) {
			for i, group := range [][]pbft.ReplicaID{ids(2, 3, 4), ids(5, 6, 7)} {
				b := p.block(1, p.Genesis(), p.Genesis(), string(rune('x'+i)), group...)
				for _, liar := range p.byzantine {
					p.Send(liar, p.Prepare(liar, b), group...)
					p.Send(liar, p.Commit(liar, b), group...)
				}
				for range 4 {
					p.Deliver(pbfttest.Both(pbfttest.To(group...), pbfttest.From(append(group, 0, 1)...)))
				}
			}
		},
		quorum: 5,
		view:   1,
	},
}

// only matches votes for one block.
func only(b pbft.BlockRef) pbfttest.Match {
	return func(l *pbfttest.Letter) bool {
		m, ok := l.Message.(*pbft.Prepare)
		return ok && m.Block == b
	}
}

func lettersTo(p *play, to pbft.ReplicaID, k pbft.Kind) (out []pbfttest.Letter) {
	for _, l := range p.Letters() {
		if l.To == to && l.Message.Kind() == k {
			out = append(out, l)
		}
	}
	return out
}

func (p *play) mustCommit(id pbft.ReplicaID, b pbft.BlockRef) {
	p.t.Helper()
	if got := p.BlockAt(id, b.Seq); got != b && len(p.Violations()) == 0 {
		p.t.Fatalf("r%d has %v at %d, want %v", id, got, b.Seq, b)
	}
}

// With every rule in place the replicas agree, in exactly the expected view: a
// further view change would hide a broken first one.
func TestScenariosEndInAgreement(t *testing.T) {
	for _, x := range scenarios {
		t.Run(x.name, func(t *testing.T) {
			p := x.open(t, newEngine)
			x.play(p)
			for _, v := range p.Violations() {
				t.Error(v)
			}
			var view pbft.View
			for id := range pbft.ReplicaID(x.shape.Members) {
				if !p.Byzantine(id) && p.Engine(id) != nil {
					view = max(view, p.Engine(id).Status().View)
				}
			}
			if x.view != 0 && view != x.view {
				t.Errorf("the end is in view %d, want %d", view, x.view)
			}
			p.recover(t, x)
		})
	}
}

// recover restarts everybody and demands that all honest replicas decide more.
func (p *play) recover(t *testing.T, x scenario) {
	var honest []pbft.ReplicaID
	most := 0
	for id := range pbft.ReplicaID(x.shape.Members) {
		if p.Byzantine(id) {
			continue
		}
		honest = append(honest, id)
		if p.Engine(id) == nil {
			p.Restart(id)
		}
		most = max(most, p.Committed(id))
	}
	p.lie, p.lose = nil, nil
	all := func() bool {
		for _, id := range honest {
			if p.Committed(id) < most+3 {
				return false
			}
		}
		return true
	}
	if !p.march(2000, 1<<60, honest, all) {
		t.Error("the honest replicas do not go on")
	}
	for _, v := range p.Violations() {
		t.Error(v)
	}
}

// Without the rule in question the same adversary divides them.
func TestScenariosCatchMutants(t *testing.T) {
	for _, x := range scenarios {
		for _, m := range x.catches {
			t.Run(x.name, func(t *testing.T) {
				p := x.open(t, broken.Dualpath(m), "agreement")
				x.play(p)
				if len(p.Violations()) == 0 {
					t.Errorf("mutant %s goes unnoticed", m)
				}
			})
		}
		if x.quorum == 0 {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			x.committee = func(d pbft.Digest, e pbft.Epoch, k []pbft.PublicKey, q pbft.Parameters) (*pbft.Committee, error) {
				c, err := pbft.NewCommittee(d, e, k, q)
				if err != nil {
					return nil, err
				}
				return c.WithQuorum(wrong.Quorum{Size: x.quorum}), nil
			}
			p := x.open(t, newEngine, "agreement")
			x.play(p)
			if len(p.Violations()) == 0 {
				t.Errorf("a quorum of %d goes unnoticed", x.quorum)
			}
		})
	}
}

// A faulty primary signs a header of position 2^60, makes others want it and
// reports it as its tip. It must not be kept: what is kept is walked through.
func TestFarHeadersAreNotKept(t *testing.T) {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: 1}, byzantine: ids(0)}.open(t, newEngine)
	far := p.Block(1, p.Genesis(), p.Genesis(), "x", func(h *pbft.Header) { h.BaseSeq, h.Seq = 1<<60, 1<<60+1 })
	named := p.Committee().Ref(&far.Header)
	named.Seq = 1
	p.Send(0, p.Prepare(0, named), 1, 2, 3)
	p.Deliver(pbfttest.All)
	p.Tick(5)
	p.Send(0, far, 1, 2, 3)
	p.Send(0, &pbft.Blocks{Blocks: []pbft.Block{far.Block}}, 1, 2, 3)
	p.Deliver(pbfttest.All)
	p.lie = func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
		return p.ViewChange(id, v, p.Genesis(), p.Committee().Ref(&far.Header))
	}
	if !p.march(300, 1, ids(1, 2, 3), p.beyond(1, 1, 2, 3)) {
		t.Error("no block after the view change")
	}
	if v := p.Engine(1).Status().View; v != 2 {
		t.Errorf("view %d, want 2", v)
	}
	for _, v := range p.Violations() {
		t.Error(v)
	}
}

// Every message is lost the first time that it is sent over a link: whatever is
// not sent again or asked for stops the cluster (mistake 12 of section 13).
func TestEverythingIsSentAgain(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: 1}}.open(t, newEngine)
		alive := ids(1, 2, 3)
		if crashed {
			p.Crash(0)
		} else {
			alive = ids(0, 1, 2, 3)
		}
		seen := make(map[string]bool)
		p.lose = func(l *pbfttest.Letter) bool {
			key := string(pbft.EncodeMessage(l.Message)) + string(rune(l.From)) + string(rune(l.To))
			lost := !seen[key]
			seen[key] = true
			return lost
		}
		all := func() bool {
			for _, id := range alive {
				if p.Committed(id) < 5 {
					return false
				}
			}
			return true
		}
		if !p.march(5000, 1<<60, alive, all) {
			t.Errorf("primary crashed %t: no five blocks in 5,000 ticks", crashed)
		}
		for _, v := range p.Violations() {
			t.Error(v)
		}
	}
}

// A replica that starts again without its log learns from its peers that it
// signed something, and never signs again; with its log it goes on.
func TestLostLogIsNoticed(t *testing.T) {
	for _, lost := range []bool{false, true} {
		x := setting{shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: 1}, recall: true}
		p := x.open(t, newEngine, "agreement")
		p.Propose(0, "one")
		p.Deliver(pbfttest.OfKind(pbft.KindPrePrepare))
		p.Deliver(pbfttest.OfKind(pbft.KindPrepare)) // the others hold r3's PREPARE
		p.Drop(pbfttest.All)
		p.Crash(3)
		if lost {
			p.SetLog(3, nil)
		}
		p.Restart(3)
		if c := p.Engine(3).Status().Condition; c != pbft.Recalling {
			t.Fatalf("after the restart r3 is %v", c)
		}
		for _, l := range p.Letters() {
			if l.From == 3 && l.Message.Kind() != pbft.KindStatus && l.Message.Kind() != pbft.KindRecall {
				t.Errorf("r3 sends a %v before it knows what it signed", l.Message.Kind())
			}
		}
		for range 4 {
			p.Deliver(pbfttest.OfKind(pbft.KindRecall, pbft.KindRecollection))
		}
		want := pbft.Voting
		if lost {
			want = pbft.Amnesic
		}
		if c := p.Engine(3).Status().Condition; c != want {
			t.Errorf("log lost %t: r3 is %v, want %v", lost, c, want)
		}
		for _, l := range p.Letters() {
			if m, ok := l.Message.(*pbft.Suspect); ok && l.From == 3 {
				t.Errorf("r3 suspects view %d of its own accord", m.View)
			}
		}
		p.Drop(pbfttest.All)
		p.recover(t, scenario{setting: setting{shape: pbfttest.Shape{Members: 4}}})
	}
}

// f members that suspect for ever change nothing while blocks commit.
func TestSuspicionOfFewChangesNothing(t *testing.T) {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: 1}, byzantine: ids(3),
		tenure: 1 << 20}.open(t, newEngine)
	a := p.Block(4, p.Genesis(), p.Genesis(), "a", nil)
	b := p.Block(4, p.Genesis(), p.Genesis(), "b", nil)
	for i := range 100 {
		view := pbft.View(1 + i%3*i)
		for _, m := range []pbft.Message{
			p.Suspect(3, view), p.Suspect(3, 1<<40), p.Evidence(3, 4, &a.SignedHeader, &b.SignedHeader),
			p.ViewChange(3, view+1, p.Genesis(), pbft.BlockRef{}),
		} {
			p.Send(3, m, 0, 1, 2)
		}
		p.march(5, 1<<60, ids(0, 1, 2), func() bool { return false })
	}
	if n := p.Committed(1); n < 100 {
		t.Errorf("%d blocks in 500 ticks", n)
	}
	for _, id := range ids(0, 1, 2) {
		if s := p.Engine(id).Status(); s.View != 1 || s.ViewChanged != 0 {
			t.Errorf("r%d is in view %d and voted for %d", id, s.View, s.ViewChanged)
		}
	}
	for _, v := range p.Violations() {
		t.Error(v)
	}
}
