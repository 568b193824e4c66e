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
	if !s.r.Propose([]byte("first"), payloadRoot([]byte("first")), s.clock) {
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
	s.r.Propose([]byte("second"), payloadRoot([]byte("second")), s.clock+1)
	for _, x := range s.r.Ready().Records {
		if b := x.Block; b != nil && b.Header.Seq == first.Seq && b.Header != first {
			t.Errorf("a second proposal at %d of view %d", b.Header.Seq, b.Header.View)
		}
	}
}
