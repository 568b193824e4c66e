package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What is remembered of votes and certificates, and for how long.

// The newest PREPARE and COMMIT of a member are remembered for its recall if they came
// from itself and are of this epoch.
func TestWhoseVotesAreRemembered(t *testing.T) {
	b := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}
	for _, x := range []struct {
		name  string
		of    pbft.ReplicaID
		epoch pbft.Epoch
		want  bool
	}{{"its own", 3, 0, true}, {"another's", 2, 0, false}, {"of another epoch", 3, 1, false}} {
		s := newSolo(t, 4, 1)
		p, c := s.vote(x.of, prepares, b).(*pbft.Prepare), s.vote(x.of, commits, b).(*pbft.Commit)
		p.Epoch, c.Epoch = x.epoch, x.epoch
		s.get(3, p)
		s.get(3, c)
		peer := &s.r.peers[3]
		if (peer.lastPrepare != nil) != x.want || (peer.lastCommit != nil) != x.want {
			t.Errorf("%s: PREPARE %+v, COMMIT %+v", x.name, peer.lastPrepare, peer.lastCommit)
		}
	}
	s := newSolo(t, 4, 1)
	for _, seq := range []pbft.Seq{2, 3, 1} {
		at := pbft.BlockRef{View: 1, Seq: seq, Digest: pbft.Digest{byte(seq)}}
		s.get(3, s.vote(3, prepares, at))
		s.get(3, s.vote(3, commits, at))
	}
	if p := s.r.peers[3]; p.lastPrepare.Block.Seq != 3 || p.lastCommit.Block.Seq != 3 {
		t.Errorf("the newest are %+v and %+v", p.lastPrepare, p.lastCommit)
	}
}

// An answer to a recall holds as many votes as a message may.
func TestAnAnswerToARecallIsBounded(t *testing.T) {
	s := newSolo(t, 4, 1)
	b := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}
	x := s.r.slot(1)
	x.prepared, x.commit = s.certificate(pbft.Prepared, b, 0, 2, 3), s.certificate(pbft.CommittedSlow, b, 0, 2, 3)
	for held, want := range map[int]int{0: 1, pbft.SlotsMax - 1: pbft.SlotsMax, pbft.SlotsMax: pbft.SlotsMax} {
		a := &pbft.Recollection{Prepares: make([]pbft.Prepare, held), Commits: make([]pbft.Commit, held)}
		s.r.recallSlot(a, x, 2)
		if len(a.Prepares) != want || len(a.Commits) != want {
			t.Errorf("beside %d votes: %d PREPAREs and %d COMMITs, want %d", held, len(a.Prepares), len(a.Commits), want)
		}
	}
	a := &pbft.Recollection{}
	if s.r.recallSlot(a, s.r.slot(2), 2); len(a.Prepares)+len(a.Commits) != 0 {
		t.Errorf("of a slot without votes: %+v", a)
	}
}

// A NEW-VIEW shows each proof once: what was attached to the VIEW-CHANGEs is in none of
// them, also where it is kept.
func TestANewViewKeepsItsReportsBare(t *testing.T) {
	s := newSolo(t, 4, 1)
	proof := s.certificate(pbft.Prepared, pbft.BlockRef{View: 1, Seq: 5, Digest: pbft.Digest{5}}, 0, 2, 3)
	for _, id := range []pbft.ReplicaID{2, 3} {
		m := s.change(id, 2, proof)
		m.Stable, m.Checkpoint = 4, s.checkpoint(4, 0, 2, 3)
		s.sign(m)
		if got := s.get(id, m); got != pbft.Accepted {
			t.Fatal(got)
		}
	}
	s.tick(1)
	m := s.r.entry
	if s.r.view != 2 || m == nil || m.Checkpoint == nil || len(m.Proofs) != 1 || len(m.ViewChanges) != 3 {
		t.Fatalf("view %d, %+v", s.r.view, m)
	}
	for i := range m.ViewChanges {
		if c := &m.ViewChanges[i]; c.Checkpoint != nil || c.Proofs != nil {
			t.Errorf("the report of %d still has its proofs", c.Replica)
		}
	}
}

// A log orders nothing in the present view but what it says of this view.
func TestAPrepareOfAnotherViewOrdersNothing(t *testing.T) {
	for _, v := range []pbft.View{1, 3} {
		s := newSolo(t, 4, 1)
		b := pbft.BlockRef{View: v, Seq: 1, Digest: pbft.Digest{1}}
		entry := s.newView(3, s.change(0, 3), s.change(2, 3), s.change(3, 3))
		s.start(1, []pbft.Record{{Kind: pbft.RecordSlotEntry, SlotNewView: entry},
			{Kind: pbft.RecordPrepare, Prepare: s.vote(1, prepares, b).(*pbft.Prepare)}}, pbft.Config{})
		if x := s.r.slots[1]; (x != nil && x.assigned == b) != (v == 3) {
			t.Errorf("in view 3, after a PREPARE of view %d: %+v", v, x)
		}
	}
}

// The certificate of the highest view stands, whatever comes after it: a VIEW-CHANGE
// has to report that one.
func TestTheCertificateOfTheHighestViewStands(t *testing.T) {
	s := newSolo(t, 4, 1)
	x := s.r.slot(1)
	of := func(v pbft.View) *pbft.Certificate {
		return s.certificate(pbft.Prepared, pbft.BlockRef{View: v, Seq: 1, Digest: pbft.Digest{byte(v)}}, 0, 2, 3)
	}
	for _, k := range []struct{ comes, stands pbft.View }{{2, 2}, {1, 2}, {2, 2}, {3, 3}} {
		c := of(k.comes)
		had := x.prepared
		s.r.learn(x, c)
		if x.prepared.Block.View != k.stands || k.comes == 2 && had != nil && x.prepared != had {
			t.Errorf("after the one of view %d that of view %d stands", k.comes, x.prepared.Block.View)
		}
	}
}

// What is decided in the present view, or a later one, ends the doubling of timeouts.
func TestADecisionEndsTheBackoff(t *testing.T) {
	for view, want := range map[pbft.View]uint32{1: 0, 2: 3} {
		s := newSolo(t, 4, 1)
		s.r.timer.backoff = 3
		b := s.block(1, 1, "x", nil)
		s.r.view = view
		proof := s.certificate(pbft.CommittedSlow, s.com.Ref(&b.Header), 0, 2, 3)
		m := &pbft.Decided{Blocks: []pbft.Block{b}, Certificates: []*pbft.Certificate{proof}}
		if got := s.get(2, m); got != pbft.Accepted {
			t.Fatal(got)
		}
		if s.r.committed.Seq != 1 || s.r.timer.backoff != want {
			t.Errorf("decided %d of view 1 in view %d: backoff %d, want %d", s.r.committed.Seq, view,
				s.r.timer.backoff, want)
		}
	}
}

// Of the heights that were executed those are remembered that keep says, and no more.
func TestExecutedHeightsAreForgotten(t *testing.T) {
	s := newSolo(t, 4, 1)
	keep := s.r.span + 4*pbft.Seq(s.r.par.Window)
	for seq := pbft.Seq(1); seq <= keep+8; seq++ {
		ref := s.decide(seq, "x")
		for _, id := range []pbft.ReplicaID{0, 2, 3} {
			s.get(id, s.attestation(id, seq, ref.Digest, ref.Digest))
		}
		s.turn()
	}
	for seq := pbft.Seq(1); seq <= keep+8; seq++ {
		if got := s.r.heights[seq] != nil; got != (seq > 8) {
			t.Errorf("height %d of %d is there: %t", seq, keep+8, got)
		}
	}
}

// A condition is told once, when it begins.
func TestAConditionIsToldOnce(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.turn()
	s.happened(0)
	for _, c := range []pbft.Condition{pbft.Voting, pbft.Diverged, pbft.Diverged, pbft.Broken, pbft.Broken} {
		s.r.become(c)
	}
	s.turn()
	if n := s.happened(pbft.EventCondition); n != 2 || s.r.condition != pbft.Broken {
		t.Errorf("two changes are told %d times, it is %v", n, s.r.condition)
	}
}
