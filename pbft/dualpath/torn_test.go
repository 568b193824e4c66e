package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A turn that is too large for one frame of the log is written as several. A crash
// between them may leave a primary's block without the record of its proposal: the
// block is signed, so it is the proposal, and nothing else is proposed in its place.
func TestAProposalOutlivesItsRecord(t *testing.T) {
	c := newCluster(t, 4, 1, 0)
	r := c.replicas[0]
	if !r.Propose([]byte("first"), payloadRoot([]byte("first")), nil, c.clock) {
		t.Fatal("the primary may not propose")
	}
	var log []pbft.Record
	for _, x := range r.Ready().Records {
		if log = append(log, x); x.Kind == pbft.RecordBlock {
			break
		}
	}
	first := log[len(log)-1].Block
	again := c.start(0, log)
	again.Tick(c.clock, true)
	again.Ready()
	again.Advance()
	again.Propose([]byte("second"), payloadRoot([]byte("second")), nil, c.clock+1)
	for _, x := range again.Ready().Records {
		if b := x.Block; b != nil && b.Header.Seq == first.Header.Seq && b.Header != first.Header {
			t.Errorf("a second proposal at %d of view %d", b.Header.Seq, b.Header.View)
		}
	}
}
