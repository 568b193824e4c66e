package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A store may be ahead of the log: the replica followed without voting. Its own
// chain then ends below the anchor, and it goes on voting above it.
func TestVotesGoOnAboveAStoreAheadOfTheLog(t *testing.T) {
	for _, ahead := range []int{3, 40, 400} {
		c := newClusterOf(t, 4, 1, 1, 4096)
		for i := 0; i < 5; i++ {
			c.propose("voted")
		}
		log := append([]pbft.Record(nil), c.logs[3]...)
		for i := 0; i < ahead; i++ {
			c.propose("followed")
		}
		c.replicas[3] = c.resume(3, log)
		c.tick(1)
		c.propose("after")
		c.down[1] = true // now every vote is needed, in the same view
		for i := 0; i < 4; i++ {
			c.propose("needed")
		}
		c.agree(5 + ahead + 5)
		if v := c.replicas[3].Status().View; v != 1 {
			t.Errorf("ahead %d: view %d", ahead, v)
		}
	}
}

// Certificates over executed blocks are synced by nobody, so a crash of all
// members may take the newest from all of them. They are made again.
func TestCertificatesAreMadeAgainAfterACrashOfAll(t *testing.T) {
	for _, recall := range []bool{false, true} {
		c := newClusterOf(t, 4, 1, 1, 4096)
		c.recall = recall
		for range 5 {
			c.propose("executed")
		}
		for i := range c.replicas {
			c.replicas[i] = c.resume(pbft.ReplicaID(i), c.logs[i])
			c.certified[i] = make(map[pbft.Seq]int)
		}
		for i, r := range c.replicas {
			for peer := range c.replicas {
				if peer != i {
					r.Connected(pbft.ReplicaID(peer))
				}
			}
		}
		c.tick(1)
		for i := range c.replicas {
			for s := pbft.Seq(1); s <= 5; s++ {
				if have := c.certified[i][s]; have < c.com.Quorum() {
					t.Errorf("recall %v: replica %d holds %d signatures over block %d", recall, i, have, s)
				}
			}
		}
	}
}

// resume restarts a replica from a log with everything that it has committed in
// its driver's store.
func (c *cluster) resume(id pbft.ReplicaID, log []pbft.Record) *Replica {
	done := c.committed[id]
	last := done[len(done)-1]
	root := pbft.Digest{}
	var history []pbft.History
	for _, b := range done {
		root = payloadChain(root, b.Block.Payload)
		history = append(history, pbft.History{Header: b.Block.Header, StateRoot: root})
	}
	r, err := New(pbft.Config{Committee: c.com, Self: id, Scheme: stub{}, PayloadRoot: payloadRoot,
		Sign:    func(m []byte) pbft.Signature { return stubSign(c.com.Key(id), m) },
		Genesis: c.com.GenesisHeader(pbft.Digest{}, 1), Recall: c.recall,
		Anchor: pbft.Anchor{Header: last.Block.Header, Certificate: last.Certificate, StateRoot: root},
		History: func(s pbft.Seq) (pbft.History, bool) {
			if s < 1 || int(s) > len(history) {
				return pbft.History{}, false
			}
			return history[s-1], true
		}}, log)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}
