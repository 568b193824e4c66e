package dualpath

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// linkedOf is the answer to a member that has nothing: the first blocks of a chain,
// and the headers from there to the top.
func linkedOf(c *cluster, blocks, top int) *pbft.Linked {
	done := c.committed[0]
	m := &pbft.Linked{Certificate: done[top-1].Certificate}
	for i := range top {
		if i < blocks {
			m.Blocks = append(m.Blocks, *done[i].Block)
		} else {
			m.Headers = append(m.Headers, done[i].Block.Header)
		}
	}
	return m
}

// Blocks without certificates commit by the headers that lead to one, and by nothing
// less: each link and the certificate are checked.
func TestLinkedBlocksCommitByTheHeadersThatProveThem(t *testing.T) {
	c := newCluster(t, 4, 1, 0)
	for range 8 {
		c.propose("payload")
	}
	for _, x := range []struct {
		name  string
		spoil func(m *pbft.Linked)
		want  pbft.Reason
	}{
		{"as it is", func(*pbft.Linked) {}, pbft.Accepted},
		{"of another epoch", func(m *pbft.Linked) { m.Epoch++ }, pbft.IgnoredEpoch},
		{"without a block", func(m *pbft.Linked) { m.Blocks = nil }, pbft.InvalidContent},
		{"a block missing", func(m *pbft.Linked) { m.Blocks = slices.Delete(m.Blocks, 1, 2) }, pbft.InvalidContent},
		{"a header missing", func(m *pbft.Linked) { m.Headers = slices.Delete(m.Headers, 1, 2) }, pbft.InvalidContent},
		{"no link between", func(m *pbft.Linked) { m.Headers = m.Headers[1:] }, pbft.InvalidContent},
		{"not up to the certificate", func(m *pbft.Linked) { m.Headers = m.Headers[:2] }, pbft.InvalidCertificate},
		{"another block", func(m *pbft.Linked) { m.Blocks[2].Header.TimeMs++ }, pbft.InvalidContent},
		{"another payload", func(m *pbft.Linked) { m.Blocks[2].Payload = []byte("paylaod") }, pbft.InvalidContent},
		{"a proposer that does not lead", func(m *pbft.Linked) { m.Headers[len(m.Headers)-1].Proposer++ },
			pbft.InvalidContent},
		{"a forged certificate", func(m *pbft.Linked) {
			forged := *m.Certificate
			forged.Signatures = slices.Clone(forged.Signatures)
			forged.Signatures[0][0]++
			m.Certificate = &forged
		}, pbft.InvalidCertificate},
		{"too far ahead", func(m *pbft.Linked) { m.Blocks = m.Blocks[1:] }, pbft.IgnoredFuture},
	} {
		r := c.start(3, nil)
		m := linkedOf(c, 3, 8)
		m.Blocks = slices.Clone(m.Blocks)
		x.spoil(m)
		if got := r.Receive(0, m); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
			continue
		}
		rd := r.Ready()
		if n := len(rd.Committed); x.want != pbft.Accepted && n != 0 || x.want == pbft.Accepted && n != 3 {
			t.Errorf("%s: %d blocks commit", x.name, n)
		}
		if x.want != pbft.Accepted {
			continue
		}
		if r.Status().Target < 8 {
			t.Errorf("the chain is known to reach 8, not %d", r.Status().Target)
		}
		for _, b := range rd.Committed {
			if b.Certificate != nil {
				t.Errorf("block %d has a certificate of its own", b.Block.Header.Seq)
			}
		}
		r.Advance()
		if got := r.Receive(0, m); got != pbft.IgnoredStale {
			t.Errorf("the second time: %v", got)
		}
	}
}

// What was committed through headers is in the log as blocks. A replica that is
// started again from it, below the certificate, goes on from there.
func TestAReplicaRestartsBelowTheCertificateThatProvedItsBlocks(t *testing.T) {
	c := newCluster(t, 4, 1, 0)
	c.down[3] = true
	for range 8 {
		c.propose("payload")
	}
	r := c.start(3, nil)
	if got := r.Receive(0, linkedOf(c, 3, 8)); got != pbft.Accepted {
		t.Fatal(got)
	}
	rd := r.Ready()
	c.logs[3] = append([]pbft.Record(nil), rd.Records...)
	c.committed[3] = append([]pbft.CommittedBlock(nil), rd.Committed...)
	r = c.resume(3, c.logs[3])
	c.replicas[3], c.down[3] = r, false
	if s := r.Status(); s.Committed.Seq != 3 {
		t.Fatalf("it begins at %d", s.Committed.Seq)
	}
	for _, b := range c.committed[3] {
		c.roots[3] = payloadChain(c.roots[3], b.Block.Payload)
	}
	c.tick(300)
	c.propose("after")
	c.agree(9)
}
