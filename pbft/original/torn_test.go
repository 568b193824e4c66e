package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A turn that is too large for one frame of the log is written as several. A crash
// between them may leave a primary's block without the record of its proposal: the
// block is signed, so it is the proposal, and nothing else is proposed in its place.
func TestAProposalOutlivesItsRecord(t *testing.T) {
	s := newSolo(t, 4, 0)
	if !s.r.Propose([]byte("first"), payloadRoot([]byte("first")), nil, s.clock) {
		t.Fatal("the primary may not propose")
	}
	var log []pbft.Record
	for _, x := range s.r.Ready().Records {
		if log = append(log, x); x.Kind == pbft.RecordBlock {
			break
		}
	}
	first := log[len(log)-1].Block.Header
	s.start(0, log, pbft.Config{})
	s.r.Propose([]byte("second"), payloadRoot([]byte("second")), nil, s.clock+1)
	for _, x := range s.r.Ready().Records {
		if b := x.Block; b != nil && b.Header.Seq == first.Seq && b.Header != first {
			t.Errorf("a second proposal at %d of view %d", b.Header.Seq, b.Header.View)
		}
	}
}

// A replica that has entered a view, and said nothing in it yet, has not logged that. If
// its log is replaced then, a crash must not bring it back to the view below without what
// it has promised there.
func TestAReplacedLogLosesNoPromiseOfTheViewBelow(t *testing.T) {
	s := newSolo(t, 4, 3)
	b := s.block(1, 1, "x", nil)
	s.get(0, &pbft.PrePrepare{Block: b})
	s.turn()
	if s.r.slot(1).prepareView != 1 {
		t.Fatal("no PREPARE in view 1")
	}
	s.r.Tick(s.clock+10, false)
	s.get(1, s.newView(2, s.change(0, 2), s.change(1, 2), s.change(2, 2)))
	if s.r.view != 2 || s.r.entryLogged {
		t.Fatalf("in view %d, whose entry is logged: %v", s.r.view, s.r.entryLogged)
	}
	s.start(3, s.r.Durable(), pbft.Config{})
	if s.r.view != 2 && s.r.slot(1).prepareView != 1 {
		t.Errorf("back in view %d without its PREPARE", s.r.view)
	}
}
