package dualpath

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// nextSet returns the set of the epoch after a cluster's: the same members, but for one
// new key, staged at a height.
func (c *cluster) nextSet(at pbft.Seq) *pbft.NextSet {
	x := &pbft.NextSet{At: at, Body: pbft.SetBody{Epoch: c.com.Epoch() + 1, Parameters: c.com.Parameters()}}
	for i := range c.com.Size() {
		x.Body.Seats = append(x.Body.Seats, pbft.Seat{Member: uint16(i + 1), Key: c.com.Key(pbft.ReplicaID(i))})
	}
	x.Body.Seats[2].Key[5]++
	return x
}

// ended plays an epoch to its end: a set is staged at height 5.
func ended(t *testing.T, n, f, p int) *cluster {
	t.Helper()
	c := newClusterOf(t, n, f, p, 4096)
	c.staged = c.nextSet(5)
	for range 40 {
		c.propose("x")
	}
	return c
}

// follow starts the next epoch over what the cluster has executed.
func (c *cluster) follow() *cluster {
	c.t.Helper()
	p := c.ends[0]
	com, err := p.Verify(c.com, stub{})
	if err != nil {
		c.t.Fatal(err)
	}
	n := com.Size()
	x := &cluster{t: c.t, com: com, down: make([]bool, n), logs: make([][]pbft.Record, n),
		committed: make([][]pbft.CommittedBlock, n), roots: slices.Clone(c.roots), clock: c.clock,
		ends: make([]*pbft.EpochProof, n)}
	for i := range n {
		x.certified = append(x.certified, make(map[pbft.Seq]int))
		x.replicas = append(x.replicas, x.startOn(p, pbft.ReplicaID(i), c.roots[i], nil))
	}
	x.tick(1)
	return x
}

func (c *cluster) startOn(p *pbft.EpochProof, id pbft.ReplicaID, state pbft.Digest, log []pbft.Record) *Replica {
	cfg := pbft.Config{Committee: c.com, Self: id, Scheme: stub{}, PayloadRoot: payloadRoot,
		Sign:    func(m []byte) pbft.Signature { return stubSign(c.com.Key(id), m) },
		Genesis: p.Boundary, Anchor: pbft.Anchor{Header: p.Boundary, Certificate: p.Certificate, StateRoot: state}}
	r, err := New(cfg, log)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// R13.1: the boundary is the first block that states an execution with the staged set. It
// names the set; nothing stands above it, and all leave with the same proof.
func TestAnEpochEndsAtTheFirstBlockThatStatesTheStaging(t *testing.T) {
	for _, k := range []struct{ n, f, p int }{{4, 1, 0}, {4, 1, 1}, {7, 2, 1}, {5, 1, 1}} {
		c := ended(t, k.n, k.f, k.p)
		last := len(c.committed[0]) - 1
		for i := range c.replicas {
			if len(c.committed[i]) != last+1 || c.ends[i] == nil {
				t.Fatalf("n=%d: replica %d committed %d blocks, end %v", k.n, i, len(c.committed[i]), c.ends[i] != nil)
			}
			if s := c.replicas[i].Status(); s.Condition != pbft.Closed || s.Executed != pbft.Seq(last+1) {
				t.Errorf("n=%d: replica %d is %v at %d", k.n, i, s.Condition, s.Executed)
			}
			if _, err := c.ends[i].Verify(c.com, stub{}); err != nil {
				t.Errorf("n=%d: replica %d: %v", k.n, i, err)
			}
		}
		for i, b := range c.committed[0] {
			h := &b.Block.Header
			if h.Boundary() != (h.ExecSeq >= 5) || h.Boundary() != (i == last) {
				t.Errorf("n=%d: block %d states %d with flags %d", k.n, h.Seq, h.ExecSeq, h.Flags)
			}
		}
	}
}

// R13.4: the next epoch goes on above the boundary, from view 1, and can end too.
func TestTheNextEpochStandsOnTheBoundary(t *testing.T) {
	c := ended(t, 4, 1, 1)
	for epoch := pbft.Epoch(1); epoch < 4; epoch++ {
		start := c.ends[0].Boundary.Seq
		c = c.follow()
		c.staged = c.nextSet(start + 7)
		for range 40 {
			c.propose("y")
		}
		first := c.committed[1][0].Block.Header
		if first.Epoch != epoch || first.Seq != start+1 || first.ExecSeq != start || first.BaseSeq != start ||
			first.Justify != c.com.Start() || first.View != 1 {
			t.Fatalf("epoch %d begins with %+v", epoch, first)
		}
		c.agree(8)
		if e := c.ends[3]; e == nil || e.Boundary.ExecSeq < start+7 {
			t.Fatalf("epoch %d does not end: %+v", epoch, c.replicas[3].Status())
		}
	}
}

// staged returns a replica whose state has a set from height 2 on, where 3 are executed.
func staged(t *testing.T) (*cluster, *Replica, pbft.Digest) {
	c, r := settled(t)
	x := c.nextSet(2)
	r.stage(x.Encode())
	return c, r, x.Body.Digest(c.com.Chain())
}

// formed returns a block of view 1 that states an execution, on a parent.
func (c *cluster) formed(r *Replica, parent pbft.BlockRef, exec pbft.Seq, flags uint8, next pbft.Digest) pbft.Block {
	return c.header(1, parent, r.chain.committed, "", func(h *pbft.Header) {
		h.BaseSeq, h.TimeMs = 0, c.clock+uint64(parent.Seq)
		h.ExecSeq, h.ExecRoot = exec, r.chain.results[exec].state
		h.Flags, h.Next = flags, next
	})
}

// R13.1(a): whether a block above an open one is the boundary follows from the execution
// that it states, and so does the set that it names.
func TestR131aBoundary(t *testing.T) {
	for exec := pbft.Seq(1); exec <= 3; exec++ {
		for flags := range uint8(3) {
			for which := range 3 {
				c, r, due := staged(t)
				later := c.nextSet(2)
				later.Body.Epoch = 2
				next := []pbft.Digest{{}, due, later.Body.Digest(c.com.Chain())}[which]
				want := exec < 2 && flags == 0 && which == 0 || exec >= 2 && flags == pbft.FlagBoundary && which == 1
				if got := offer(r, c.formed(r, r.chain.committed, exec, flags, next)); got != want {
					t.Errorf("a block that states %d, with flags %d, naming %d: prepared %t", exec, flags, which, got)
				}
			}
		}
	}
}

// R13.1(b): above a boundary and above a closing block there are closing ones alone,
// without payload, which state the same execution and name the boundary.
func TestR131bClosing(t *testing.T) {
	for _, depth := range []int{0, 1, 2} {
		for _, x := range []struct {
			name   string
			change func(h *pbft.Header, due pbft.Digest)
			want   bool
		}{
			{"as it should be", func(*pbft.Header, pbft.Digest) {}, true},
			{"open", func(h *pbft.Header, _ pbft.Digest) { h.Flags, h.Next = 0, pbft.Digest{} }, false},
			{"a boundary again", func(h *pbft.Header, due pbft.Digest) { h.Flags, h.Next = pbft.FlagBoundary, due }, false},
			{"of another boundary", func(h *pbft.Header, _ pbft.Digest) { h.Next[0]++ }, false},
			{"naming the set", func(h *pbft.Header, due pbft.Digest) { h.Next = due }, false},
			{"of a later execution", func(h *pbft.Header, _ pbft.Digest) { h.ExecSeq++ }, false},
			{"with a payload", func(h *pbft.Header, _ pbft.Digest) {
				h.PayloadBytes, h.PayloadRoot = 1, payloadRoot([]byte("z"))
			}, false},
		} {
			c, r, due := staged(t)
			a := c.formed(r, r.chain.committed, 2, pbft.FlagBoundary, due)
			if !offer(r, a) {
				t.Fatal("the boundary is not prepared")
			}
			parent, boundary := c.com.Ref(&a.Header), c.com.HeaderDigest(&a.Header)
			for range depth {
				k := c.formed(r, parent, 2, pbft.FlagClosing, boundary)
				if !offer(r, k) {
					t.Fatal("a closing block is not prepared")
				}
				parent = c.com.Ref(&k.Header)
			}
			b := c.formed(r, parent, 2, pbft.FlagClosing, boundary)
			x.change(&b.Header, due)
			if b.Header.ExecSeq == 3 {
				b.Header.ExecRoot = r.chain.results[3].state
			}
			if b.Header.PayloadBytes > 0 {
				b.Payload = []byte("z")
			}
			b.Signature = stubSign(c.com.Key(0), c.com.HeaderBytesToSign(&b.Header))
			if got := offer(r, b); got != x.want {
				t.Errorf("%d above the boundary, %s: prepared %t", depth, x.name, got)
			}
		}
	}
}

// R13.1, for what is inherited: a false boundary that nobody honest prepared is not closed
// by honest votes when a view begins on it, however far down it is.
func TestR131OfInheritedBlocks(t *testing.T) {
	for _, depth := range []int{0, 1, 2} {
		held(t, func(x *rules.Dualpath) {
			x.Formed = func(inherited, right bool) bool { return inherited || right }
		}, func(c *cluster, r *Replica) bool {
			x := c.nextSet(2)
			r.stage(x.Encode())
			bad := c.formed(r, r.chain.committed, 2, pbft.FlagBoundary, pbft.Digest{66})
			parent, boundary := c.com.Ref(&bad.Header), c.com.HeaderDigest(&bad.Header)
			r.addBlock(&bad, true).payload = valid
			for range depth {
				k := c.formed(r, parent, 2, pbft.FlagClosing, boundary)
				r.addBlock(&k, true).payload = valid
				parent = c.com.Ref(&k.Header)
			}
			r.view, r.entry = 3, entry{base: parent, baseSeq: parent.Seq}
			k := c.header(3, parent, r.chain.committed, "", func(h *pbft.Header) {
				h.ExecSeq, h.ExecRoot, h.Flags, h.Next = 2, r.chain.results[2].state, pbft.FlagClosing, boundary
				h.TimeMs = c.clock + uint64(parent.Seq)
			})
			return !offer(r, k)
		})
	}
}

// R13.1: who has not executed what a block states waits, suspects nobody, and decides then.
func TestR131WaitsForTheOwnExecution(t *testing.T) {
	c, r := settled(t)
	state := r.chain.results[3]
	r.chain.executed = 2
	x := c.nextSet(3)
	a := c.formed(r, r.chain.committed, 3, pbft.FlagBoundary, x.Body.Digest(c.com.Chain()))
	if offer(r, a) {
		t.Fatal("it is prepared before the execution that it states")
	}
	if r.own != 0 {
		t.Error("its primary is suspected")
	}
	r.Executed(3, state.state, state.receipts, x.Encode())
	if act(r)[pbft.KindPrepare] != 1 {
		t.Error("it is not prepared after it")
	}
}

// R13.1(c) and R13.1(d): nothing of an epoch reaches below the block on which it stands,
// and its first block states what that one led to.
func TestR131cdReachesNotBelow(t *testing.T) {
	old := ended(t, 4, 1, 1)
	a := old.ends[0].Boundary
	first := func(c *cluster, change func(h *pbft.Header)) pbft.Block {
		return c.header(1, pbft.BlockRef{Seq: a.Seq, Digest: c.com.HeaderDigest(&a)}, c.com.Start(), "z",
			func(h *pbft.Header) {
				h.Epoch, h.ExecSeq, h.ExecRoot, h.TimeMs = 1, a.Seq, c.roots[0], c.clock+1
				change(h)
			})
	}
	for _, x := range []struct {
		name   string
		change func(h *pbft.Header)
		want   pbft.Reason
	}{
		{"as it should be", func(*pbft.Header) {}, pbft.Accepted},
		{"states less", func(h *pbft.Header) { h.ExecSeq-- }, pbft.InvalidContent},
		{"begins below", func(h *pbft.Header) { h.BaseSeq-- }, pbft.InvalidContent},
		{"is justified by the boundary in its own view",
			func(h *pbft.Header) { h.Justify = old.com.Ref(&a); h.Justify.View = 9; h.View = 9; h.Proposer = 1 },
			pbft.InvalidContent},
		{"is justified below", func(h *pbft.Header) { h.Justify = old.com.Ref(&old.committed[0][3].Block.Header) },
			pbft.InvalidContent},
		{"is of the epoch before", func(h *pbft.Header) { h.Epoch = 0 }, pbft.IgnoredEpoch},
		{"is of the set before", func(h *pbft.Header) { h.Committee = old.com.Digest() }, pbft.InvalidContent},
	} {
		c := old.follow()
		b := first(c, x.change)
		r := c.replicas[0]
		if got := r.Receive(b.Header.Proposer, &pbft.PrePrepare{Block: b}); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
		if got := act(r)[pbft.KindPrepare] > 0; got != (x.want == pbft.Accepted) {
			t.Errorf("%s: prepared %t", x.name, got)
		}
	}
}

// R13.2: a primary proposes nothing above the boundary in that one's view. In a view that
// begins on it, it proposes one closing block, and one more for each idle time.
func TestR132ClosingBlocksOfAPrimary(t *testing.T) {
	c, _ := settled(t)
	lead := c.replicas[0]
	lead.stage(c.nextSet(2).Encode())
	lead.chain.executed = 3
	lead.par.ExecutionLag = 1
	if !lead.Propose([]byte("x"), payloadRoot([]byte("x")), nil, c.clock) || !lead.proposal.last.header().Boundary() {
		t.Fatal("no boundary is proposed")
	}
	a := lead.proposal.last
	for range 300 {
		lead.now++
		if hint := lead.ProposeHint(); hint != pbft.ProposeNever {
			t.Fatalf("above the boundary, in its view: %v", hint)
		}
	}
	r := c.replicas[1]
	r.stage(c.nextSet(2).Encode())
	b := r.addBlock(a.block, true)
	b.payload = valid
	b.cert = c.certificate(pbft.Prepared, a.ref, 0, 2, 3)
	r.enter(2, entry{base: a.ref, baseSeq: a.ref.Seq})
	if hint := r.ProposeHint(); hint != pbft.ProposeEmpty {
		t.Fatalf("in a view on the boundary: %v", hint)
	}
	if r.Propose([]byte("x"), payloadRoot([]byte("x")), nil, c.clock) {
		t.Error("a payload above the boundary is proposed")
	}
	if !r.Propose(nil, pbft.Digest{}, nil, c.clock) {
		t.Fatal("no closing block is proposed")
	}
	if h := r.proposal.last.header(); !h.Closing() || h.Next != a.ref.Digest || h.ExecSeq != a.header().ExecSeq {
		t.Errorf("closing block: %+v", h)
	}
	if hint := r.ProposeHint(); hint != pbft.ProposeNever {
		t.Errorf("at once after a closing block: %v", hint)
	}
	r.now += uint64(r.tm.IdleTicks)
	if hint := r.ProposeHint(); hint != pbft.ProposeEmpty {
		t.Errorf("an idle time later: %v", hint)
	}
}

// R13.3: the end is logged before anything else follows from it, and then this replica
// signs no more of the epoch but attestations, whatever it hears.
func TestR133Silence(t *testing.T) {
	c := ended(t, 4, 1, 1)
	x := c.replicas[1]
	records := c.logs[1]
	at := slices.IndexFunc(records, func(r pbft.Record) bool { return r.Kind == pbft.RecordBoundary })
	if at < 0 || slices.ContainsFunc(records[at:], func(r pbft.Record) bool {
		return r.Kind == pbft.RecordPrepare || r.Kind == pbft.RecordViewChange || r.Kind == pbft.RecordEntry
	}) {
		t.Fatal("the end is not the last promise of the log")
	}
	sent := act(x)
	for range 2000 {
		x.Tick(c.clock, true)
		for k, n := range act(x) {
			sent[k] += n
		}
	}
	for k := range sent {
		if k != pbft.KindCheckpoint && k != pbft.KindEpochProof {
			t.Errorf("after the end it sends %v", k)
		}
	}
	vote := c.vote(2, votePrepare, pbft.BlockRef{View: 1, Seq: c.ends[1].Boundary.Seq + 1, Digest: pbft.Digest{4}})
	if got := x.Receive(2, vote); got != pbft.IgnoredStale {
		t.Errorf("a vote above the end: %v", got)
	}
	if act(x)[pbft.KindEpochProof] != 1 {
		t.Error("who still votes is not told that the epoch is over")
	}
	if x.ProposeHint() != pbft.ProposeNever {
		t.Error("it would propose")
	}
}

// R13.3: who repeats its attestations of an epoch that is over may lack others', and is
// answered with them; an answer is not answered.
func TestR133AttestationsAreAnsweredOnce(t *testing.T) {
	c := ended(t, 4, 1, 1)
	r, last := c.replicas[1], c.ends[1].Boundary.Seq
	res := r.chain.results[last-1]
	m := &pbft.Checkpoint{Seq: last - 1, Block: res.block, StateRoot: res.state, ReceiptRoot: res.receipts, Replica: 2}
	m.Signature = stubSign(c.com.Key(2), c.com.CheckpointBytes(m.Seq, m.Block, m.StateRoot, m.ReceiptRoot))
	for i, want := range []int{2, 0, 0} {
		if got := r.Receive(2, m); got != pbft.IgnoredDuplicate {
			t.Errorf("an attestation again: %v", got)
		}
		if got := act(r)[pbft.KindCheckpoint]; got != want {
			t.Errorf("the %dth time %d attestations are sent, want %d", i+1, got, want)
		}
	}
	r.now += uint64(r.tm.RetransmitTicks)
	r.Receive(2, m)
	if got := act(r)[pbft.KindCheckpoint]; got != 2 {
		t.Errorf("later %d attestations are sent", got)
	}
}

// R13.3: a proof from a peer ends the epoch of who is behind. It fetches what is missing
// and hands the proof out once it is there; the boundary may have no certificate of its own.
func TestR133AProofEndsTheEpochOfWhoIsBehind(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	c.down[3] = true
	c.staged = c.nextSet(5)
	c.drop = func(e envelope) bool { // the boundary gets no commit certificate
		m, ok := e.m.(*pbft.Commit)
		b := c.replicas[e.from].chain.byDigest[commitDigest(m, ok)]
		return ok && (b == nil || b.header().Boundary())
	}
	for range 60 {
		c.propose("x")
		c.tick(10)
	}
	e := c.ends[1]
	if e == nil || e.Closing == nil || e.Boundary.View == e.Closing.View {
		t.Fatalf("no end by a closing block: %+v", c.replicas[1].Status())
	}
	if c.replicas[1].chain.committed.Seq != e.Boundary.Seq {
		t.Error("a closing block is committed as a block")
	}
	for i := range 3 {
		if b := c.committed[i]; b[len(b)-1].Block.Header != e.Boundary {
			t.Errorf("replica %d: the last block is not the boundary", i)
		}
		last := &c.committed[i][len(c.committed[i])-1]
		last.Certificate = c.ends[i].Certificate // as a store has it
	}
	c.drop = nil
	c.down[3] = false
	c.tick(300)
	if c.ends[3] == nil || len(c.committed[3]) != len(c.committed[0]) {
		t.Fatalf("who was down: %d blocks of %d, %+v", len(c.committed[3]), len(c.committed[0]), c.replicas[3].Status())
	}
	c.agree(len(c.committed[0]))
}

func commitDigest(m *pbft.Commit, ok bool) (d pbft.Digest) {
	if ok {
		d = m.Block.Digest
	}
	return d
}

// R13.3: what is no proof of this epoch's end changes nothing, and an end that conflicts
// with what is committed stops the replica.
func TestR133ProofsThatEndNothing(t *testing.T) {
	c := ended(t, 4, 1, 1)
	good := *c.ends[0]
	fresh := func() *Replica { x, r := settled(t); x.down[0] = true; return r }
	for _, x := range []struct {
		name   string
		change func(p *pbft.EpochProof)
		want   pbft.Reason
	}{
		{"good", func(*pbft.EpochProof) {}, pbft.Accepted},
		{"of another epoch", func(p *pbft.EpochProof) { p.Epoch = 1 }, pbft.IgnoredEpoch},
		{"without a body", func(p *pbft.EpochProof) { p.Body = nil }, pbft.InvalidCertificate},
		{"by too few", func(p *pbft.EpochProof) {
			k := *p.Certificate
			k.Signatures, k.Signers = nil, pbft.Signers{}
			p.Certificate = &k
		}, pbft.InvalidCertificate},
	} {
		r, p := fresh(), good
		x.change(&p)
		if got := r.Receive(2, &p); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
		if r.over() != (x.want == pbft.Accepted) {
			t.Errorf("%s: over %t", x.name, r.over())
		}
	}
	r := fresh()
	p := good
	p.Boundary.Seq, p.Boundary.Parent, p.Boundary.BaseSeq = 2, pbft.Digest{1}, 1
	p.Boundary.ExecSeq, p.Boundary.Justify = 0, c.genesis()
	p.Certificate = c.certificate(pbft.CommittedSlow, c.com.Ref(&p.Boundary), 0, 1, 2)
	if r.Receive(2, &p); r.Status().Condition != pbft.Broken {
		t.Errorf("an end in the place of a committed block: %v", r.Status().Condition)
	}
}

// R13.3 after a crash: over a log that ends with the boundary the replica is silent, and
// executes up to it what the log still has.
func TestR133AfterACrash(t *testing.T) {
	c := ended(t, 4, 1, 1)
	log := c.logs[2]
	r := c.start(2, log)
	if s := r.Status(); s.Condition != pbft.Closed {
		t.Errorf("it is %v", s.Condition)
	}
	rd := drain(r)
	if n := len(rd.Committed); n != len(c.committed[2]) || rd.Committed[n-1].Digest != c.committed[2][n-1].Digest {
		t.Fatalf("it commits %d blocks of %d", n, len(c.committed[2]))
	}
	root := pbft.Digest{}
	for _, b := range rd.Committed {
		root = payloadChain(root, b.Block.Payload)
		r.Executed(b.Block.Header.Seq, root, pbft.Digest{}, c.nextAt(b.Block.Header.Seq))
	}
	if rd = drain(r); rd.Boundary == nil && r.Ended() == nil {
		t.Error("it does not hand the proof out")
	}
	if sent := act(r); sent[pbft.KindPrepare]+sent[pbft.KindSuspect]+sent[pbft.KindViewChange] > 0 {
		t.Errorf("it sends %v", sent)
	}
}

// R13.3: who commits the boundary before it has executed what staged the set logs the end
// without the body, and hands the proof out when the execution brings it.
func TestR133TheBodyMayComeLater(t *testing.T) {
	c := ended(t, 4, 1, 1)
	_, r := settled(t)
	for i, b := range c.committed[0] {
		if i < 3 {
			continue
		}
		x := *b.Block
		r.Receive(0, &pbft.PrePrepare{Block: x})
	}
	e := *c.ends[0]
	e.Body = nil
	a := r.insert(&pbft.Block{SignedHeader: pbft.SignedHeader{Header: e.Boundary}})
	for _, b := range c.committed[0] {
		if b.Block.Header.Seq > 3 {
			r.addBlock(b.Block, true)
		}
	}
	r.place(a, e.Certificate)
	rd := drain(r)
	if !r.over() || rd.Boundary != nil || len(r.Ended().Body) != 0 {
		t.Fatalf("over %t, handed out %t", r.over(), rd.Boundary != nil)
	}
	at := slices.IndexFunc(rd.Records, func(x pbft.Record) bool { return x.Kind == pbft.RecordBoundary })
	if at < 0 || len(rd.Records[at].Boundary.Body) != 0 {
		t.Error("the end is not logged without its body")
	}
	for s := r.chain.executed + 1; s <= e.Boundary.Seq; s++ {
		r.Executed(s, pbft.Digest{byte(s)}, pbft.Digest{}, c.nextAt(s))
		if rd := drain(r); (rd.Boundary != nil) != (s == 5) {
			t.Errorf("after block %d: handed out %t", s, rd.Boundary != nil)
		}
	}
}

// R13.3 and R4: a boundary ends its epoch when it is committed. A prepared certificate does
// not, nor do the PREPAREs of n-p where it is not armed: it may still be abandoned.
func TestR133OnlyACommitEndsAnEpoch(t *testing.T) {
	for _, x := range []struct {
		kind  pbft.CertificateKind
		armed bool
		want  bool
	}{
		{pbft.Prepared, true, false}, {pbft.Prepared, false, false}, {pbft.CommittedFast, false, false},
		{pbft.CommittedFast, true, true}, {pbft.CommittedSlow, false, true},
	} {
		end := func(without bool) bool {
			c, r, due := staged(t)
			if without {
				r.rules.Commits = func(*pbft.Committee, *pbft.Certificate, *pbft.Header) bool { return true }
			}
			a := c.formed(r, r.chain.committed, 2, pbft.FlagBoundary, due)
			if !x.armed {
				a.Header.View, a.Header.BaseSeq, a.Header.Proposer = 3, a.Header.Seq-1, c.com.Primary(3)
				a.Signature = stubSign(c.com.Key(2), c.com.HeaderBytesToSign(&a.Header))
			}
			r.learn(c.certificate(x.kind, r.addBlock(&a, true).ref, 0, 2, 3))
			drain(r)
			return r.over()
		}
		if got := end(false); got != x.want {
			t.Errorf("%v, armed %t: ended %t", x.kind, x.armed, got)
		}
		if !end(true) {
			t.Errorf("%v, armed %t: without the rule nothing changes", x.kind, x.armed)
		}
	}
}

// R13.1(d): a boundary that goes by a view of its own in the next epoch arms the first
// block of that view there, without any certificate of it.
func TestR131dNothingArmsTheFirstBlock(t *testing.T) {
	old := ended(t, 4, 1, 1)
	a := old.ends[0].Boundary
	for _, without := range []bool{false, true} {
		c := old.follow()
		r := c.replicas[0]
		if without {
			r.rules.Justifies = func(bool) bool { return true }
		}
		start := c.com.Start()
		r.view, r.entry = 3, entry{base: start, baseSeq: start.Seq}
		b := c.header(3, start, pbft.BlockRef{View: 3, Seq: a.Seq, Digest: start.Digest}, "z", func(h *pbft.Header) {
			h.Epoch, h.ExecSeq, h.ExecRoot, h.TimeMs = 1, a.Seq, c.roots[0], c.clock+1
		})
		if !b.Header.Armed() {
			t.Fatal("the header is not what the test wants")
		}
		r.Receive(b.Header.Proposer, &pbft.PrePrepare{Block: b})
		if prepared := act(r)[pbft.KindPrepare] > 0; prepared != without {
			t.Errorf("without the clause %t: prepared %t", without, prepared)
		}
	}
}

// R13.4: an epoch that stands on a boundary has no certificate below, ranks it as of view 1,
// and goes on after a crash from its own records alone.
func TestR134Entering(t *testing.T) {
	old := ended(t, 4, 1, 1)
	c := old.follow()
	a := old.ends[0].Boundary
	s := c.replicas[0].Status()
	if s.View != 1 || s.High != (pbft.Rank{View: 1, Seq: a.Seq}) || s.Committed != c.com.Start() || s.Executed != a.Seq {
		t.Fatalf("it begins as %+v", s)
	}
	for range 3 {
		c.propose("y")
	}
	c.agree(3)
	before := c.replicas[1].Status()
	r := c.startOn(old.ends[0], 1, old.roots[1], c.logs[1])
	if s := r.Status(); s.Committed != before.Committed || s.View != before.View {
		t.Errorf("after a crash %+v, before %+v", s, before)
	}
	if _, err := New(pbft.Config{Committee: c.com, Self: 1, Scheme: stub{}, Genesis: a,
		Sign: func([]byte) pbft.Signature { return pbft.Signature{} }}, nil); err == nil {
		t.Error("it begins over a store that does not reach the boundary")
	}
	other := a
	other.TimeMs++
	if _, err := New(pbft.Config{Committee: c.com, Self: 1, Scheme: stub{}, Genesis: a, Anchor: pbft.Anchor{Header: other},
		Sign: func([]byte) pbft.Signature { return pbft.Signature{} }}, nil); err == nil {
		t.Error("it begins over another boundary")
	}
}

// Attestations and questions about what lies below an epoch are for the one before, and a
// boundary without a certificate of its own is taken once its proof is here (R13.6).
func TestR134OthersAnswerForWhatIsBelow(t *testing.T) {
	old := ended(t, 4, 1, 1)
	c := old.follow()
	c.propose("y")
	r, start := c.replicas[0], c.com.Start().Seq
	if got := r.Receive(1, &pbft.Checkpoint{Epoch: 1, Seq: start, Replica: 1}); got != pbft.IgnoredStale {
		t.Errorf("an attestation of the boundary: %v", got)
	}
	if got := r.Receive(1, &pbft.Fetch{Epoch: 1, Seq: start + 1, After: start - 1}); got != pbft.IgnoredStale {
		t.Errorf("a question for blocks of the epoch before: %v", got)
	}
	if got := r.Receive(1, &pbft.Fetch{Epoch: 1, Seq: start + 1, After: start}); got != pbft.Accepted {
		t.Errorf("a question for blocks of this epoch: %v", got)
	}
	_, late := settled(t)
	m := &pbft.Blocks{Certificate: old.certificate(pbft.CommittedSlow,
		pbft.BlockRef{View: 9, Seq: 99, Digest: pbft.Digest{5}}, 0, 1, 2)}
	for _, b := range old.committed[0][3:] {
		m.Blocks = append(m.Blocks, *b.Block)
	}
	if got := late.Receive(0, m); got != pbft.IgnoredFuture {
		t.Errorf("a boundary under a closing block's certificate, before the proof: %v", got)
	}
	late.Receive(0, old.ends[0])
	if got := late.Receive(0, m); got != pbft.Accepted || late.chain.committed.Seq != start {
		t.Errorf("after the proof: %v, committed %d", got, late.chain.committed.Seq)
	}
}

// R13.4: views change in the first slots of an epoch too: nothing is lost, and nothing of
// the epoch before is asked for.
func TestR134AViewChangeAtTheBeginning(t *testing.T) {
	c := ended(t, 4, 1, 1).follow()
	dead := c.com.Primary(1)
	c.down[dead] = true
	c.tick(300)
	for range 5 {
		if !c.propose("z") {
			t.Fatalf("no proposal: %+v", c.replicas[(dead+1)%4].Status())
		}
	}
	live := (dead + 1) % 4
	if h := c.committed[live][0].Block.Header; h.View < 2 || h.Justify != c.com.Start() || h.BaseSeq != c.com.Start().Seq {
		t.Errorf("the first block is %+v", h)
	}
}
