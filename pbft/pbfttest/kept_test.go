package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// lostViewChange lets r3 lose the VIEW-CHANGE that it sent, and returns what it is
// after it asked the others.
func lostViewChange(t *testing.T, engine pbfttest.Factory) pbft.Condition {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, recall: true}.open(t, engine, "agreement")
	for i := 0; p.Engine(3).Status().View != 2; i++ {
		if i == 400 {
			t.Fatal("no change of view")
		}
		p.Tick(1, 1, 2, 3)
		p.Settle(pbfttest.Among(1, 2, 3))
	}
	p.loseFrom(3, pbft.RecordViewChange)
	return p.recall(3)
}

// commitsAgain lets r3 start anew with a certificate in its log whose block nobody
// has committed, and reports whether it casts its COMMIT again.
func commitsAgain(t *testing.T, engine pbfttest.Factory) bool {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, recall: true}.open(t, engine)
	p.Propose(0, "x")
	p.Deliver(pbfttest.OfKind(pbft.KindPrePrepare))
	p.Drop(pbfttest.Both(pbfttest.From(0), pbfttest.To(3)))
	p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindPrepare), pbfttest.To(3)))
	p.Drop(pbfttest.All)
	p.Crash(3)
	p.recall(3)
	for _, l := range p.Letters() {
		if m, ok := l.Message.(*pbft.Commit); ok && m.Replica == 3 {
			return true
		}
	}
	return false
}

// lostCommit lets r3 lose the certificate behind a COMMIT that all have heard, and
// returns what it is after it asked the others.
func lostCommit(t *testing.T, engine pbfttest.Factory) pbft.Condition {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, recall: true}.open(t, engine, "agreement")
	p.Propose(0, "x")
	p.Deliver(pbfttest.OfKind(pbft.KindPrePrepare))
	p.Drop(pbfttest.Both(pbfttest.From(0), pbfttest.To(3)))
	p.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindPrepare), pbfttest.To(3)))
	p.Deliver(pbfttest.OfKind(pbft.KindCommit))
	p.loseFrom(3, pbft.RecordCertificate)
	return p.recall(3)
}

// What random faults meet too seldom has a play of its own: with the rule all is
// well, without it the play shows it.
func TestPlaysCatchMutants(t *testing.T) {
	if c := lostViewChange(t, newEngine); c != pbft.Amnesic {
		t.Errorf("r3 lost its VIEW-CHANGE and is %v", c)
	}
	if c := lostViewChange(t, broken.Dualpath("recall-no-view-change")); c != pbft.Voting {
		t.Errorf("without the rule it is %v", c)
	}
	if c := lostCommit(t, newEngine); c != pbft.Amnesic {
		t.Errorf("r3 lost what its COMMIT rests on and is %v", c)
	}
	if c := lostCommit(t, broken.Dualpath("recall-no-commit")); c != pbft.Voting {
		t.Errorf("without the rule it is %v", c)
	}
	if !commitsAgain(t, newEngine) {
		t.Error("r3 does not cast its COMMIT again")
	}
	if commitsAgain(t, broken.Dualpath("no-commit-after-recall")) {
		t.Error("without the rule it does too")
	}
}
