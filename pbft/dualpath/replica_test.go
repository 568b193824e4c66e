package dualpath

import (
	"crypto/sha256"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// stub signs by hashing key and message: enough where nobody forges.
type stub struct{}

func stubSign(key pbft.PublicKey, message []byte) (s pbft.Signature) {
	h := sha256.Sum256(append(key[:], message...))
	copy(s[:], h[:])
	return s
}

func (stub) Verify(k pbft.PublicKey, m []byte, s pbft.Signature) bool { return stubSign(k, m) == s }

func (stub) VerifyBatch(ks []pbft.PublicKey, ms [][]byte, ss []pbft.Signature) bool {
	for i := range ks {
		if stubSign(ks[i], ms[i]) != ss[i] {
			return false
		}
	}
	return true
}

func payloadRoot(p []byte) pbft.Digest {
	if len(p) == 0 {
		return pbft.Digest{}
	}
	return sha256.Sum256(p)
}

func payloadChain(root pbft.Digest, payload []byte) pbft.Digest {
	return sha256.Sum256(append(root[:], payload...))
}

// cluster delivers every message at once, in order, except to or from those down.
type cluster struct {
	t         *testing.T
	com       *pbft.Committee
	replicas  []*Replica
	down      []bool
	queue     []envelope
	logs      [][]pbft.Record
	committed [][]pbft.CommittedBlock
	roots     []pbft.Digest
	certified []map[pbft.Seq]int // signatures in the last checkpoint certificate
	recall    bool               // of replicas that resume
	clock     uint64
	staged    *pbft.NextSet // what the state holds from the execution of At on
	ends      []*pbft.EpochProof
	drop      func(e envelope) bool // messages that are lost
}

// nextAt is what the state after a block holds.
func (c *cluster) nextAt(s pbft.Seq) []byte {
	if c.staged == nil || s < c.staged.At {
		return nil
	}
	return c.staged.Encode()
}

type envelope struct {
	from, to pbft.ReplicaID
	m        pbft.Message
}

func newCluster(t *testing.T, n, f, p int) *cluster { return newClusterOf(t, n, f, p, 16) }

func newClusterOf(t *testing.T, n, f, p int, tenure uint64) *cluster {
	keys := make([]pbft.PublicKey, n)
	for i := range keys {
		keys[i][0] = byte(i + 1)
	}
	com, err := pbft.NewCommittee(pbft.Digest{9}, 0, keys,
		pbft.Parameters{Faults: f, FastFaults: p, Window: 8, Tenure: tenure})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, com: com, down: make([]bool, n), logs: make([][]pbft.Record, n),
		committed: make([][]pbft.CommittedBlock, n), roots: make([]pbft.Digest, n), clock: 1_000_000,
		ends: make([]*pbft.EpochProof, n)}
	for i := 0; i < n; i++ {
		c.certified = append(c.certified, make(map[pbft.Seq]int))
		c.replicas = append(c.replicas, c.start(pbft.ReplicaID(i), nil))
	}
	c.tick(1)
	return c
}

func (c *cluster) start(id pbft.ReplicaID, log []pbft.Record) *Replica {
	r, err := New(pbft.Config{Committee: c.com, Self: id, Scheme: stub{}, PayloadRoot: payloadRoot,
		Sign:    func(m []byte) pbft.Signature { return stubSign(c.com.Key(id), m) },
		Genesis: c.com.GenesisHeader(pbft.Digest{}, 1)}, log)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// settle turns the crank until nobody has anything to do.
func (c *cluster) settle() {
	for busy := true; busy; {
		busy = false
		for i, r := range c.replicas {
			if c.down[i] {
				continue
			}
			rd := r.Ready()
			busy = busy || !rd.Empty()
			c.act(i, r, rd)
			r.Advance()
		}
		q := c.queue
		c.queue = nil
		for _, e := range q {
			if !c.down[e.to] && !c.down[e.from] && (c.drop == nil || !c.drop(e)) {
				busy = true
				b := pbft.EncodeMessage(e.m)
				m, err := pbft.DecodeMessage(b)
				if err != nil {
					c.t.Fatal(err)
				}
				if reason := c.replicas[e.to].Receive(e.from, m); reason.Malicious() {
					c.t.Fatalf("%d from %d: %v is %v", e.to, e.from, e.m.Kind(), reason)
				}
			}
		}
	}
}

func (c *cluster) act(i int, r *Replica, rd pbft.Ready) {
	c.logs[i] = append(c.logs[i], rd.Records...)
	for _, o := range rd.Messages {
		for to := range c.replicas {
			if to != i && (o.To == pbft.Everyone || int(o.To) == to) {
				c.queue = append(c.queue, envelope{pbft.ReplicaID(i), pbft.ReplicaID(to), o.Message})
			}
		}
	}
	for _, b := range rd.Committed {
		c.committed[i] = append(c.committed[i], b)
		c.roots[i] = payloadChain(c.roots[i], b.Block.Payload)
		r.Executed(b.Block.Header.Seq, c.roots[i], pbft.Digest{}, c.nextAt(b.Block.Header.Seq))
	}
	if rd.Boundary != nil {
		c.ends[i] = rd.Boundary
	}
	for _, x := range rd.Checkpoints {
		c.certified[i][x.Seq] = len(x.Signatures)
	}
	for _, k := range rd.Checks {
		r.PayloadChecked(k.Digest, true)
	}
	for _, s := range rd.Serves {
		m := &pbft.Blocks{}
		for _, b := range c.committed[i] {
			if b.Block.Header.Seq > s.After && b.Block.Header.Seq <= s.Limit {
				m.Blocks = append(m.Blocks, *b.Block)
				m.Certificate = b.Certificate
			}
		}
		c.queue = append(c.queue, envelope{pbft.ReplicaID(i), s.To, m})
	}
}

func (c *cluster) tick(n int) {
	for ; n > 0; n-- {
		c.clock += 10
		for i, r := range c.replicas {
			if !c.down[i] {
				r.Tick(c.clock, false)
			}
		}
		c.settle()
	}
}

func (c *cluster) propose(payload string) bool {
	for i, r := range c.replicas {
		if hint := r.ProposeHint(); !c.down[i] && hint != pbft.ProposeNever {
			if hint == pbft.ProposeEmpty {
				payload = ""
			}
			ok := r.Propose([]byte(payload), payloadRoot([]byte(payload)), nil, c.clock)
			c.settle()
			return ok
		}
	}
	return false
}

func (c *cluster) agree(min int) {
	c.t.Helper()
	for i := range c.replicas {
		if c.down[i] {
			continue
		}
		if len(c.committed[i]) < min {
			c.t.Errorf("replica %d committed %d, want %d: %+v", i, len(c.committed[i]), min, c.replicas[i].Status())
		}
		for k := range c.committed[i] {
			for j := range c.replicas {
				if k < len(c.committed[j]) && c.committed[j][k].Digest != c.committed[i][k].Digest {
					c.t.Fatalf("replicas %d and %d differ at %d", i, j, k)
				}
			}
		}
	}
}

func TestBlocksCommitWithoutTicks(t *testing.T) {
	for _, k := range []struct{ n, f, p int }{{4, 1, 0}, {4, 1, 1}, {7, 2, 1}, {5, 1, 1}} {
		c := newCluster(t, k.n, k.f, k.p)
		for i := 0; i < 60; i++ {
			if !c.propose("payload") {
				t.Fatalf("n=%d p=%d: no proposal at %d: %+v", k.n, k.p, i, c.replicas[0].Status())
			}
		}
		c.agree(60)
		if v := c.replicas[0].Status().View; v < 4 {
			t.Errorf("n=%d p=%d: view %d after 60 blocks with tenures of 16", k.n, k.p, v)
		}
	}
}

func TestViewChangesWhenThePrimaryStops(t *testing.T) {
	for _, k := range []struct{ n, f, p int }{{4, 1, 0}, {4, 1, 1}, {7, 2, 1}} {
		c := newCluster(t, k.n, k.f, k.p)
		for i := 0; i < 5; i++ {
			c.propose("before")
		}
		c.down[0] = true
		c.tick(300)
		for i := 0; i < 5; i++ {
			if !c.propose("after") {
				t.Fatalf("n=%d p=%d: no proposal: %+v", k.n, k.p, c.replicas[1].Status())
			}
		}
		c.agree(10)
		c.down[0] = false
		c.replicas[0] = c.start(0, c.logs[0])
		c.committed[0], c.roots[0] = nil, pbft.Digest{}
		c.tick(300)
		c.agree(10)
	}
}
