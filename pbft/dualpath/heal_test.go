package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A replica whose execution went wrong stops signing. With its ledger made anew below
// the log that it has, whole or compacted, it follows from the genesis and its votes
// count again.
func TestADivergedReplicaHealsWithALedgerMadeAnew(t *testing.T) {
	for _, compacted := range []bool{false, true} {
		for _, blocks := range []int{3, 60} {
			c := newClusterOf(t, 4, 1, 1, 4096)
			for range blocks {
				c.propose("before")
			}
			r := c.replicas[3]
			c.roots[3][0] ^= 1 // from here on it executes something else
			for range 10 {
				c.propose("apart")
			}
			if s := r.Status(); s.Condition != pbft.Diverged {
				t.Fatalf("after another result r3 is %v", s.Condition)
			}
			sent := false
			r.Tick(c.clock, false)
			for _, o := range drain(r).Messages {
				switch o.Message.Kind() {
				case pbft.KindPrepare, pbft.KindCommit, pbft.KindCheckpoint, pbft.KindSuspect:
					sent = true
				}
			}
			if sent {
				t.Error("it goes on signing")
			}
			log := c.logs[3]
			if compacted {
				log = r.Durable()
			}
			c.committed[3], c.roots[3] = nil, pbft.Digest{}
			c.replicas[3] = c.start(3, log)
			c.tick(300)
			c.agree(blocks + 10)
			if s := c.replicas[3].Status(); s.Condition != pbft.Voting || c.roots[3] != c.roots[0] {
				t.Fatalf("compacted %t, %d blocks: r3 is %+v", compacted, blocks, s)
			}
			view := c.replicas[0].Status().View
			c.propose("with it")
			c.down[(c.com.Primary(view)+1)%3] = true // now its vote is needed
			for range 4 {
				c.propose("needed")
				c.tick(1)
			}
			c.agree(blocks + 15)
			if v := c.replicas[3].Status().View; v != view {
				t.Errorf("compacted %t, %d blocks: view %d, was %d", compacted, blocks, v, view)
			}
		}
	}
}
