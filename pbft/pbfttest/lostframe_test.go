package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// p = 0: x commits at r3 with the COMMITs of r1 and of the liar. r1's log then
// loses its last frame, which holds the certificate behind that COMMIT. If r1
// voted on, its report would name the genesis, and y would commit beside x: r2
// heard the COMMIT, and says so.
func TestALostCertificateDoesNotDivide(t *testing.T) {
	x := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0), recall: true}
	p := x.open(t, newEngine, "agreement")
	b := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 3)
	p.Send(0, p.Prepare(0, b), 1, 3)
	p.show(1, pbft.KindPrepare)
	p.show(3, pbft.KindPrepare)
	p.Send(0, p.Commit(0, b), 3)
	p.show(3, pbft.KindCommit)
	p.mustCommit(3, b)
	p.Deliver(pbfttest.Both(pbfttest.To(2), pbfttest.Both(pbfttest.From(1), pbfttest.OfKind(pbft.KindCommit))))
	p.Drop(pbfttest.All)
	p.Crash(3)
	p.loseFrom(1, pbft.RecordCertificate)
	p.Restart(1)
	p.Send(0, &pbft.Recollection{Nonce: p.nonceOf(1)}, 1)
	p.show(1, pbft.KindRecollection)
	p.show(2, pbft.KindRecall)
	p.show(1, pbft.KindRecollection)
	if c := p.Engine(1).Status().Condition; c != pbft.Amnesic {
		t.Errorf("r1 lost what its COMMIT rests on and is %v", c)
	}
	p.Drop(pbfttest.All)
	p.lie = p.deny
	p.lose = func(l *pbfttest.Letter) bool { return only(b)(l) || l.Message.Kind() == pbft.KindBlocks }
	p.march(300, 1, ids(1, 2), p.beyond(1, 1, 2))
	for _, v := range p.Violations() {
		t.Error(v)
	}
}

// nonceOf returns the nonce of the RECALL that a replica has sent.
func (p *play) nonceOf(id pbft.ReplicaID) uint64 {
	for _, l := range p.Letters() {
		if m, ok := l.Message.(*pbft.Recall); ok && l.From == id {
			return m.Nonce
		}
	}
	p.t.Fatalf("r%d asks nobody", id)
	return 0
}

// loseFrom crashes a replica and cuts its log off before its last record of a kind.
func (p *play) loseFrom(id pbft.ReplicaID, k pbft.RecordKind) {
	p.t.Helper()
	p.Crash(id)
	log := p.Log(id)
	for i := len(log) - 1; i >= 0; i-- {
		if log[i].Kind == k {
			p.SetLog(id, log[:i:i])
			return
		}
	}
	p.t.Fatalf("no record of kind %d among %d of r%d", k, len(log), id)
}

// recall restarts a replica and lets everybody answer.
func (p *play) recall(id pbft.ReplicaID) pbft.Condition {
	p.Drop(pbfttest.All)
	p.Restart(id)
	for range 3 {
		p.Deliver(pbfttest.OfKind(pbft.KindRecall, pbft.KindRecollection))
	}
	return p.Engine(id).Status().Condition
}

// Whatever the last frame held that others have heard of, a log without it makes
// the replica amnesic. What promises nothing may be lost.
func TestEveryLostLastFrameIsNoticed(t *testing.T) {
	heard := func(kinds ...pbft.Kind) func(p *play) {
		return func(p *play) {
			for _, k := range kinds {
				p.Deliver(pbfttest.OfKind(k))
			}
		}
	}
	// r3 hears three PREPAREs, a certificate that commits nothing.
	slow := func(to ...pbft.ReplicaID) func(p *play) {
		return func(p *play) {
			p.Deliver(pbfttest.OfKind(pbft.KindPrePrepare))
			p.Drop(pbfttest.Both(pbfttest.From(0), pbfttest.To(3)))
			p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindPrepare), pbfttest.To(3)))
			p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindCommit), pbfttest.To(to...)))
		}
	}
	viewChange := func(p *play) {
		for range 400 {
			if p.Engine(3).Status().View == 2 {
				return
			}
			p.Tick(1, 1, 2, 3)
			p.Settle(pbfttest.Among(1, 2, 3))
		}
		p.t.Fatal("no change of view")
	}
	for _, x := range []struct {
		name string
		by   pbft.ReplicaID
		lost pbft.RecordKind // 0: nothing
		play func(p *play)
		// restarted members have only their logs to answer from.
		restarted []pbft.ReplicaID
		want      pbft.Condition
	}{
		{name: "nothing", by: 3, play: heard(pbft.KindPrePrepare, pbft.KindPrepare, pbft.KindCommit)},
		{name: "PREPARE", by: 3, lost: pbft.RecordPrepare, play: heard(pbft.KindPrePrepare, pbft.KindPrepare),
			want: pbft.Amnesic},
		{name: "PREPARE, in a certificate only", by: 3, lost: pbft.RecordPrepare,
			play:      heard(pbft.KindPrePrepare, pbft.KindPrepare, pbft.KindCommit),
			restarted: ids(0, 1, 2), want: pbft.Amnesic},
		{name: "certificate, COMMIT heard", by: 3, lost: pbft.RecordCertificate,
			play: slow(0, 1, 2), want: pbft.Amnesic},
		{name: "certificate, COMMIT not heard", by: 3, lost: pbft.RecordCertificate, play: slow()},
		{name: "commit certificate", by: 3, lost: pbft.RecordCommit,
			play: heard(pbft.KindPrePrepare, pbft.KindPrepare, pbft.KindCheckpoint)},
		{name: "proposal with its block", by: 0, lost: pbft.RecordBlock, play: heard(pbft.KindPrePrepare),
			want: pbft.Amnesic},
		{name: "proposal, not its block", by: 0, lost: pbft.RecordProposal, play: heard(pbft.KindPrePrepare)},
		{name: "VIEW-CHANGE, to its primary", by: 3, lost: pbft.RecordViewChange, play: viewChange, want: pbft.Amnesic},
	} {
		s := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, recall: true}
		p := s.open(t, newEngine, "agreement")
		p.Propose(0, "one")
		x.play(p)
		if x.lost == 0 {
			p.Crash(x.by)
		} else {
			p.loseFrom(x.by, x.lost)
		}
		for _, id := range x.restarted {
			p.Crash(id)
			p.recall(id)
		}
		if c := p.recall(x.by); c != x.want {
			t.Errorf("lost %s: r%d is %v, want %v", x.name, x.by, c, x.want)
		}
		p.recover(t, scenario{setting: s})
	}
}

// An answer counts after the recall has ended too, and only what the asker signed
// itself counts: a liar can make nobody amnesic.
func TestAnAnswerNeedsTheAskersSignature(t *testing.T) {
	x := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0), recall: true}
	p := x.open(t, newEngine, "agreement")
	p.Propose(1, "")
	far := pbft.BlockRef{View: 9, Seq: 9, Digest: pbft.Digest{9}}
	foreign := p.Commit(0, far).(*pbft.Commit).Vote
	stolen := foreign
	stolen.Replica = 1
	change := p.ViewChange(0, 9, p.Genesis(), pbft.BlockRef{})
	named := *change
	named.Replica = 1
	header := p.Block(5, p.Genesis(), p.Genesis(), "x", nil).SignedHeader
	claimed := p.Block(5, p.Genesis(), p.Genesis(), "x", func(h *pbft.Header) { h.Proposer = 1 }).SignedHeader
	for i, m := range []*pbft.Recollection{
		{Commit: &pbft.Commit{Vote: foreign}}, {Commit: &pbft.Commit{Vote: stolen}},
		{Prepare: &pbft.Prepare{Vote: foreign}}, {Prepare: &pbft.Prepare{Vote: stolen}},
		{ViewChange: change}, {ViewChange: &named}, {Proposal: &header}, {Proposal: &claimed},
	} {
		p.Crash(1)
		p.Drop(pbfttest.All)
		p.Restart(1)
		m.Nonce = p.nonceOf(1)
		p.Send(0, m, 1)
		p.show(1, pbft.KindRecollection)
		if c := p.Engine(1).Status().Condition; c != pbft.Recalling {
			t.Errorf("answer %d of a liar makes r1 %v", i, c)
		}
	}
}

// Two answers end the recall of four members when the third had its time. It may still
// show that the log is not whole.
func TestALateAnswerCounts(t *testing.T) {
	s := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, recall: true}
	p := s.open(t, newEngine, "agreement")
	p.Propose(0, "one")
	p.Deliver(pbfttest.OfKind(pbft.KindPrePrepare))
	p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindPrepare), pbfttest.To(2)))
	p.loseFrom(3, pbft.RecordBlock)
	p.Drop(pbfttest.All)
	p.Restart(3)
	p.Deliver(pbfttest.OfKind(pbft.KindRecall))
	p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindRecollection), pbfttest.From(0, 1)))
	if c := p.Engine(3).Status().Condition; c != pbft.Recalling {
		t.Fatalf("after two answers r3 is %v", c)
	}
	p.Tick(200, 3)
	if c := p.Engine(3).Status().Condition; c != pbft.Voting {
		t.Fatalf("after two answers and two seconds r3 is %v", c)
	}
	p.Deliver(pbfttest.OfKind(pbft.KindRecollection))
	if c := p.Engine(3).Status().Condition; c != pbft.Amnesic {
		t.Errorf("after the third r3 is %v", c)
	}
}
