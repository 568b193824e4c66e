package dualpath

import (
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// header returns a header of a view on top of a parent, signed by its primary.
func (c *cluster) header(v pbft.View, parent, justify pbft.BlockRef, payload string,
	change func(h *pbft.Header)) pbft.Block {
	h := pbft.Header{View: v, Seq: parent.Seq + 1, Parent: parent.Digest, BaseSeq: parent.Seq, TimeMs: c.clock,
		Justify: justify, Proposer: c.com.Primary(v), Committee: c.com.Digest(),
		PayloadRoot: payloadRoot([]byte(payload)), PayloadBytes: uint32(len(payload))}
	if change != nil {
		change(&h)
	}
	x := pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}, Payload: []byte(payload)}
	x.Signature = stubSign(c.com.Key(h.Proposer), c.com.HeaderBytesToSign(&h))
	return x
}

func (c *cluster) genesis() pbft.BlockRef {
	h := c.com.GenesisHeader(pbft.Digest{}, 1)
	return c.com.Ref(&h)
}

// vote returns a member's PREPARE or COMMIT.
func (c *cluster) vote(id pbft.ReplicaID, kind voteKind, b pbft.BlockRef) pbft.Message {
	v := pbft.Vote{Block: b, Replica: id}
	if kind == votePrepare {
		v.Signature = stubSign(c.com.Key(id), c.com.PrepareBytes(b))
		return &pbft.Prepare{Vote: v}
	}
	v.Signature = stubSign(c.com.Key(id), c.com.CommitBytes(b))
	return &pbft.Commit{Vote: v}
}

// certificate returns one that the members named have signed.
func (c *cluster) certificate(kind pbft.CertificateKind, b pbft.BlockRef, ids ...pbft.ReplicaID) *pbft.Certificate {
	x := &pbft.Certificate{Kind: kind, Block: b}
	message := c.com.PrepareBytes(b)
	if kind == pbft.CommittedSlow {
		message = c.com.CommitBytes(b)
	}
	for _, id := range ids {
		x.Signers.Add(id)
		x.Signatures = append(x.Signatures, stubSign(c.com.Key(id), message))
	}
	return x
}

// drain takes what a replica wants done, as if all of it were.
func drain(r *Replica) pbft.Ready {
	out := r.Ready()
	r.Advance()
	return out
}

// Who led an older view signs any number of blocks of it, votes for them and sends
// their bodies when asked. Few are kept, none is checked, and votes of views long
// left are not even stored.
func TestBodiesThatOnlyTheirProposerVouchesForAreFew(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	r.enter(6, entry{base: c.genesis()}) // r3 led view 4
	payload := string(make([]byte, 1000))
	known := make(map[pbft.Digest]*pbft.Block)
	sent, checks := 0, 0
	for top := pbft.Seq(2 * 8); top > 0; top-- {
		at := c.genesis()
		for at.Seq < top {
			x := c.header(4, at, c.genesis(), payload, func(h *pbft.Header) { h.TimeMs += uint64(top) })
			at = c.com.Ref(&x.Header)
			known[at.Digest] = &x
		}
		r.Receive(3, c.vote(3, votePrepare, at))
		for range 60 {
			r.Tick(c.clock, false)
			rd := drain(r)
			checks += len(rd.Checks)
			for _, o := range rd.Messages {
				if f, ok := o.Message.(*pbft.Fetch); ok && known[f.Digest] != nil {
					sent++
					r.Receive(3, &pbft.Blocks{Blocks: []pbft.Block{*known[f.Digest]}})
				}
			}
		}
	}
	bodies := 0
	for _, b := range r.chain.byDigest {
		if b.hasBody {
			bodies++
		}
	}
	if most := 2 * int(r.par.Window); bodies != most || sent <= most {
		t.Errorf("%d bodies are held of %d that came, at most %d should be", bodies, sent, most)
	}
	if checks != 0 {
		t.Errorf("%d payloads were checked", checks)
	}
	if n, most := r.SizeBytes(), 2*8*1300+8000; n > most {
		t.Errorf("%d bytes, at most %d", n, most)
	}
	x := c.header(3, c.genesis(), c.genesis(), "x", nil)
	if reason := r.Receive(2, c.vote(2, votePrepare, c.com.Ref(&x.Header))); reason != pbft.IgnoredStale {
		t.Errorf("a vote of a view long left: %v", reason)
	}
}

// The share of a proposer is bounded in bytes too.
func TestLooseBodiesAreBoundedInBytes(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	r.par.PayloadBytesMax = 1000
	for i := range 2 * looseBytesMax {
		if full := r.looseFull(0); full != (i >= looseBytesMax) {
			t.Errorf("%d largest bodies: full is %t", i, full)
		}
		x := c.header(1, c.genesis(), c.genesis(), string(make([]byte, 1000)), func(h *pbft.Header) { h.TimeMs += uint64(i) })
		r.addBlock(&x, true)
	}
	for _, b := range r.chain.bySeq[1] {
		b.logged = true
	}
	if r.looseFull(0) {
		t.Error("bodies that were prepared count")
	}
}

// Loose bodies go when the chain has come past them. They would else add up to a share
// for each window that is remembered.
func TestLooseBodiesGoWithTheirHeights(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.replicas[1]
	for i := range 3 {
		at := r.chain.committed
		for range 8 {
			x := c.header(1, at, c.genesis(), "loose", func(h *pbft.Header) { h.TimeMs += uint64(i) })
			r.addBlock(&x, true)
			at = c.com.Ref(&x.Header)
		}
		for range 8 {
			c.propose("payload")
		}
	}
	if r.chain.executed < 20 {
		t.Fatalf("%d blocks are executed", r.chain.executed)
	}
	for s := r.chain.low; s <= r.chain.last; s++ {
		for _, b := range r.chain.bySeq[s] {
			if b.hasBody && s <= r.chain.executed {
				t.Errorf("a body of height %d is kept, committed: %t", s, b.committed)
			}
		}
	}
}

// What is proven is taken though its proposer has its share: certified blocks, and
// what a primary must extend.
func TestProvenBodiesAreTakenBesideLooseOnes(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	for i := range 2 * r.par.Window {
		x := c.header(1, c.genesis(), c.genesis(), "x", func(h *pbft.Header) { h.TimeMs += i })
		r.addBlock(&x, true)
	}
	x := c.header(1, c.genesis(), c.genesis(), "y", nil)
	ref := c.com.Ref(&x.Header)
	blocks := &pbft.Blocks{Blocks: []pbft.Block{x}}
	r.want(ref, 3, 3, 0)
	if reason := r.Receive(3, blocks); reason != pbft.IgnoredQuota {
		t.Fatalf("a body on the word of a voter: %v", reason)
	}
	r.want(ref, 3, 3, 0)
	if reason := r.Receive(3, &pbft.PrePrepare{Block: x}); reason != pbft.IgnoredQuota {
		t.Fatalf("a proposal on the word of a voter: %v", reason)
	}
	r.highRef.Seq = 5 // something further up is certified
	late := c.header(1, pbft.BlockRef{Seq: 2, Digest: pbft.Digest{2}}, c.genesis(), "z", nil)
	if reason := r.Receive(0, &pbft.PrePrepare{Block: late}); reason != pbft.IgnoredQuota {
		t.Errorf("a proposal below what is certified: %v", reason)
	}
	r.highRef.Seq = 0
	r.Receive(3, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)})
	if reason := r.Receive(3, blocks); reason != pbft.Accepted {
		t.Errorf("the body of a certified block: %v", reason)
	}
	if r.looseFull(2) {
		t.Error("another proposer is refused too")
	}
}

// One vote opens a slot. In a large committee that may not cost room for all.
func TestAStoredVoteIsSmall(t *testing.T) {
	c := newClusterOf(t, 100, 33, 1, 4096)
	r := c.replicas[1]
	r.highRef = pbft.BlockRef{View: 1, Seq: 10_000}
	for s := pbft.Seq(9_000); s < 9_500; s++ {
		b := pbft.BlockRef{View: 1, Seq: s, Digest: pbft.Digest{byte(s), byte(s >> 8)}}
		r.takeVote(votePrepare, &pbft.Vote{Replica: 2, Block: b})
	}
	if n, most := r.SizeBytes()/r.peers[2].votes, 1100; n > most {
		t.Errorf("%d bytes for a vote, at most %d", n, most)
	}
}

// Requests of a few bytes cause answers of many. Each member gets its allowance and
// no more; one that is behind still catches up.
func TestAnswersKeepToTheAllowance(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	payload := string(make([]byte, 1<<20))
	at := c.genesis()
	for range 4 {
		x := c.header(1, at, c.genesis(), payload, func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs += uint64(at.Seq) })
		at = c.com.Ref(&x.Header)
		r.addBlock(&x, true)
	}
	drain(r)
	bytesTo := func(to pbft.ReplicaID, rd pbft.Ready) (n int) {
		for _, o := range rd.Messages {
			if o.To == to {
				n += len(pbft.EncodeMessage(o.Message))
			}
		}
		return n
	}
	for range 128 {
		r.Receive(3, &pbft.Fetch{Seq: at.Seq, Digest: at.Digest})
	}
	if n, most := bytesTo(3, drain(r)), pbft.AnswerBytesBurst+5<<20; n > most || n < 4<<20 {
		t.Errorf("%d bytes for 128 requests in one turn, at most %d", n, most)
	}
	// Nothing else comes either.
	r.peers[3].status = nil
	if reason := r.Receive(3, &pbft.Fetch{Seq: at.Seq, Digest: at.Digest}); reason != pbft.IgnoredQuota {
		t.Errorf("beyond the allowance: %v", reason)
	}
	r.Receive(3, &pbft.Status{Replica: 3})
	r.Receive(3, &pbft.Suspect{Replica: 3, View: 1})
	r.Connected(3)
	if n := bytesTo(3, drain(r)); n != 0 {
		t.Errorf("%d bytes beyond the allowance", n)
	}
	// But what it has signed it is always told, within an account of its own.
	if reason := r.Receive(3, &pbft.Recall{}); reason != pbft.Accepted {
		t.Errorf("a recall: %v", reason)
	}
	r.peers[3].recalled.Take(r.now, pbft.AnswerBytesBurst)
	if reason := r.Receive(3, &pbft.Recall{}); reason != pbft.IgnoredQuota {
		t.Errorf("a recall beyond its account: %v", reason)
	}
	drain(r)
	// Another member is answered, and so is this one when time has passed.
	if r.Receive(2, &pbft.Fetch{Seq: at.Seq, Digest: at.Digest}) != pbft.Accepted {
		t.Error("another member gets nothing")
	}
	for range pbft.AnswerBytesBurst/pbft.AnswerBytesPerTick + 64 {
		r.Tick(c.clock, false)
	}
	if r.Receive(3, &pbft.Fetch{Seq: at.Seq, Digest: at.Digest}) != pbft.Accepted {
		t.Error("the debt is never paid")
	}
}

// What the driver serves from its store is bounded by the same account.
func TestServesKeepToTheAllowance(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	for range 3 {
		c.propose("x")
	}
	r := c.replicas[1]
	drain(r)
	serves := func(ticks int) (bytes int) {
		for range ticks {
			r.Tick(c.clock, false)
			r.Receive(3, &pbft.Fetch{Seq: 3})
			for _, s := range drain(r).Serves {
				bytes += s.BytesMax
			}
		}
		return bytes
	}
	if n := serves(100); n != 100*supplyBytesMax {
		t.Errorf("%d bytes offered for blocks known to be small", n)
	}
	r.chain.low = 3 // the headers below are forgotten
	if n, most := serves(100), pbft.AnswerBytesBurst+100*pbft.AnswerBytesPerTick; n > most+supplyBytesMax || n < most/4 {
		t.Errorf("%d bytes offered for blocks of unknown size in 100 ticks, at most %d", n, most)
	}
}

// No single member moves what this replica believes to be committed.
func TestAClaimNeedsAnHonestMember(t *testing.T) {
	for _, k := range []struct{ n, f, p int }{{4, 1, 1}, {7, 2, 1}} {
		c := newCluster(t, k.n, k.f, k.p)
		for range 3 {
			c.propose("x")
		}
		r := c.replicas[0]
		far := pbft.BlockRef{View: 1, Seq: 1 << 40, Digest: pbft.Digest{1}}
		header := c.header(1, pbft.BlockRef{Seq: 1 << 40}, c.genesis(), "x", nil)
		for id := pbft.ReplicaID(1); int(id) <= k.f; id++ {
			r.Receive(id, &pbft.Status{Replica: id, View: 1, Committed: far, Executed: far.Seq, High: far.Rank()})
			r.Receive(id, c.vote(id, votePrepare, far))
			r.Receive(id, c.vote(id, voteCommit, far))
			r.Receive(id, &pbft.Checkpoint{Replica: id, Seq: far.Seq})
			r.Receive(id, &pbft.PrePrepare{Block: header})
		}
		if s := r.Status(); s.Target != s.Committed.Seq {
			t.Errorf("f = %d liars: the target is %d, committed %d", k.f, s.Target, s.Committed.Seq)
		}
		asked := 0
		for range 200 {
			r.Tick(c.clock, false)
			for _, o := range drain(r).Messages {
				if _, ok := o.Message.(*pbft.Fetch); ok {
					asked++
				}
			}
		}
		if asked != 0 {
			t.Errorf("%d questions for what nobody has", asked)
		}
		id := pbft.ReplicaID(k.f + 1)
		r.Receive(id, &pbft.Status{Replica: id, View: 1, Committed: pbft.BlockRef{Seq: 40}})
		if s := r.Status(); s.Target != 40 {
			t.Errorf("with an honest claim of 40 the target is %d", s.Target)
		}
	}
}

// A certificate alone shows that there is more, and only a commit certificate does.
func TestACommitCertificateRaisesTheTarget(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.replicas[0]
	x := c.header(1, pbft.BlockRef{View: 1, Seq: 99, Digest: pbft.Digest{9}}, pbft.BlockRef{View: 1, Seq: 98}, "x",
		func(h *pbft.Header) { h.BaseSeq = 0 })
	ref := c.com.Ref(&x.Header)
	if reason := r.Receive(3, &pbft.Proof{Certificate: c.certificate(pbft.CommittedSlow, ref, 1, 2, 3),
		Header: &x.SignedHeader}); reason != pbft.Accepted {
		t.Fatal(reason)
	}
	drain(r)
	if s := r.Status(); s.Target != 100 {
		t.Errorf("the target is %d", s.Target)
	}
	r.Tick(c.clock, false)
	r.Tick(c.clock, false)
	for range 40 {
		r.Tick(c.clock, false)
		for _, o := range drain(r).Messages {
			if f, ok := o.Message.(*pbft.Fetch); ok && f.Digest == (pbft.Digest{}) && f.After == 0 {
				return
			}
		}
	}
	t.Error("nobody is asked for the blocks below")
}

// VIEW-CHANGEs of ever higher views make nobody check what is attached to them, until
// f+1 members want such a view or this replica is to lead it.
func TestAttachmentsOfUnwantedViewsAreNotChecked(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	high := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}
	change := func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
		m := &pbft.ViewChange{View: v, High: high, Replica: id, Certificate: c.certificate(pbft.Prepared, high, 0, 2, 3)}
		m.Certificate.Signatures[1][0]++
		m.Signature = stubSign(c.com.Key(id), c.com.ViewChangeBytes(m))
		return m
	}
	accepted := 0
	for v := pbft.View(2); v < 100; v++ {
		switch reason := r.Receive(3, change(3, v)); reason {
		case pbft.Accepted:
			accepted++
		case pbft.IgnoredQuota:
		default:
			t.Fatalf("view %d: %v", v, reason)
		}
	}
	if accepted != testimoniesMax {
		t.Errorf("%d signatures were verified in one tick, want %d", accepted, testimoniesMax)
	}
	if reason := r.Receive(2, change(2, 2)); reason != pbft.InvalidCertificate {
		t.Errorf("a view that two want: %v", reason)
	}
	// When this replica is to lead the view, the false report is dropped.
	r.peers[3].vc, r.peers[3].proved = change(3, 2), false
	r.vcSent, r.ownVC = 2, &pbft.ViewChange{View: 2}
	r.tryNewView()
	if r.peers[3].vc != nil {
		t.Error("a report with a false certificate is kept")
	}
	for range testimonyTicks {
		r.Tick(c.clock, false)
	}
	if !r.mayTestify(3) {
		t.Error("the limit is never lifted")
	}
}

// A block dated long ago is not prepared, whichever way its header came first, and
// its second coming changes nothing. If it is certified nonetheless, it is extended.
func TestOldHeadersAreRefusedHoweverTheyCome(t *testing.T) {
	for name, show := range map[string]func(c *cluster, r *Replica, x *pbft.Block){
		"PRE-PREPARE": func(*cluster, *Replica, *pbft.Block) {},
		"BLOCKS": func(c *cluster, r *Replica, x *pbft.Block) {
			r.Receive(0, c.vote(0, votePrepare, c.com.Ref(&x.Header)))
			if reason := r.Receive(0, &pbft.Blocks{Blocks: []pbft.Block{*x}}); reason != pbft.Accepted {
				t.Fatal(reason)
			}
		},
		"walk": func(_ *cluster, r *Replica, x *pbft.Block) { r.addHeader(&x.SignedHeader) },
	} {
		for _, late := range []bool{false, true} {
			c := newCluster(t, 4, 1, 1)
			r := c.replicas[1]
			age := r.par.PrecisionMs + r.par.DelayMs
			if late {
				age++
			}
			x := c.header(1, c.genesis(), c.genesis(), "x", func(h *pbft.Header) { h.TimeMs -= age })
			show(c, r, &x)
			r.Receive(0, &pbft.PrePrepare{Block: x})
			prepared := false
			for range 3 {
				rd := drain(r)
				for _, k := range rd.Checks {
					r.PayloadChecked(k.Digest, true)
				}
				for _, o := range rd.Messages {
					prepared = prepared || o.Message.Kind() == pbft.KindPrepare
				}
			}
			if prepared == late {
				t.Errorf("%s: a block that came %d ms after its time: prepared is %t", name, age, prepared)
			}
		}
	}
}

// Two headers of one position convict their primary, whichever way they come.
func TestEquivocationConvictsHoweverItComes(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	y := c.header(1, c.genesis(), c.genesis(), "y", nil)
	ref := c.com.Ref(&y.Header)
	for name, show := range map[string]func(r *Replica){
		"PRE-PREPARE": func(r *Replica) { r.Receive(0, &pbft.PrePrepare{Block: y}) },
		"BLOCKS": func(r *Replica) {
			r.Receive(3, c.vote(3, votePrepare, ref))
			r.Receive(3, &pbft.Blocks{Blocks: []pbft.Block{y}})
		},
		"PROOF": func(r *Replica) {
			r.Receive(3, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3), Header: &y.SignedHeader})
		},
		"a third": func(r *Replica) {
			z := c.header(1, c.genesis(), c.genesis(), "z", nil)
			r.addBlock(&z, false)
			w := c.header(1, c.genesis(), c.genesis(), "w", nil)
			r.addBlock(&w, false)
			if reason := r.Receive(0, &pbft.PrePrepare{Block: y}); reason != pbft.IgnoredQuota {
				t.Errorf("a third block of a position: %v", reason)
			}
		},
	} {
		r := c.start(1, nil)
		r.Tick(c.clock, false)
		if reason := r.Receive(0, &pbft.PrePrepare{Block: x}); reason != pbft.Accepted {
			t.Fatal(reason)
		}
		show(r)
		if r.own != 1 || r.reason != pbft.SuspectEvidence || !r.convicts(1, r.evidence) {
			t.Errorf("%s: view %d is suspected, reason %d", name, r.own, r.reason)
		}
	}
	// A header whose signature nobody checked is no evidence.
	r := c.start(1, nil)
	r.addBlock(&y, false)
	r.Receive(0, &pbft.PrePrepare{Block: x})
	if r.own != 0 {
		t.Error("an unverified header convicts")
	}
}

// The signature of a block that came under a commit certificate was not verified. A
// restart does not make it so, and who shows the block in a walk shows its signature.
func TestUncheckedSignaturesStayUnchecked(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	ref := c.com.Ref(&x.Header)
	good := x.Signature
	x.Signature[7]++
	r := c.start(1, nil)
	r.Receive(0, &pbft.Blocks{Blocks: []pbft.Block{x}, Certificate: c.certificate(pbft.CommittedSlow, ref, 0, 2, 3)})
	log := drain(r).Records
	if r.Status().Committed != ref {
		t.Fatalf("the block was not committed: %+v", r.Status())
	}
	again := c.start(1, log)
	for _, r := range []*Replica{r, again} {
		b := r.chain.byDigest[ref.Digest]
		if b == nil || b.signed {
			t.Fatalf("the block is %+v", b)
		}
		if m := r.proof(b.commit); m.Header != nil {
			t.Error("its header is passed on")
		}
		vc := &pbft.ViewChange{View: 2, High: c.genesis(), Tip: ref, Replica: 2,
			Walk: []pbft.SignedHeader{{Header: x.Header, Signature: good}}}
		if !r.acceptable(vc) || !b.signed || b.block.Signature != good {
			t.Errorf("a report shows the signature; it is held as %v", b.signed)
		}
	}
	x.Signature = good
	if b := c.start(1, []pbft.Record{{Kind: pbft.RecordBlock, Block: &x}}).chain.byDigest[ref.Digest]; !b.signed {
		t.Error("a good signature is lost by a restart")
	}
}

// Nobody asks for what it holds: after a change of view all hold what they inherit.
func TestWhatIsHeldIsNotFetched(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	y := c.header(1, c.com.Ref(&x.Header), c.genesis(), "y", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs++ })
	z := c.header(1, c.com.Ref(&y.Header), c.genesis(), "z", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs += 2 })
	top := c.com.Ref(&z.Header)
	for missing := range 4 {
		r := c.start(1, nil)
		drain(r)
		for i, b := range []pbft.Block{x, y, z} {
			if i+1 == missing {
				r.addHeader(&b.SignedHeader)
			} else {
				r.addBlock(&b, true)
			}
		}
		r.wantWhole(top, 2)
		var asked []*pbft.Fetch
		for _, o := range drain(r).Messages {
			if f, ok := o.Message.(*pbft.Fetch); ok {
				asked = append(asked, f)
			}
		}
		switch {
		case missing == 0 && len(asked) == 0:
		case missing > 0 && len(asked) == 1 && asked[0].Seq == pbft.Seq(missing) && asked[0].After == pbft.Seq(missing-1):
		default:
			t.Errorf("body %d is missing: asked for %v", missing, fmt.Sprint(asked))
		}
		r.want(c.com.Ref(&x.Header), 2, 1, 0)
		if held := missing != 1; held && len(drain(r).Messages) != 0 {
			t.Error("what is held is asked for")
		}
	}
}

// A base must descend from the committed block, not just lie above it. One that does
// not shows that more than f members are faulty, if it begins a later view.
func TestABaseDescendsFromTheCommittedBlock(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	for range 3 {
		c.propose("x")
	}
	r := c.replicas[1]
	same := r.chain.committed
	other := c.header(1, pbft.BlockRef{View: 1, Seq: same.Seq - 1, Digest: pbft.Digest{7}}, c.genesis(), "y", nil)
	beside := c.com.Ref(&other.Header)
	above := c.header(1, beside, c.genesis(), "z", nil)
	child := c.header(1, same, same, "c", nil)
	stranger := pbft.BlockRef{View: 1, Seq: same.Seq + 1, Digest: pbft.Digest{8}}
	if r.missesCommitted(stranger) || !r.missesCommitted(beside) {
		t.Error("an unknown base above, or beside, the committed block is misjudged")
	}
	for _, b := range []pbft.Block{other, above, child} {
		r.addBlock(&b, true)
	}
	for _, x := range []struct {
		base pbft.BlockRef
		want bool
	}{{same, false}, {c.com.Ref(&child.Header), false}, {beside, true}, {c.com.Ref(&above.Header), true}} {
		if got := r.missesCommitted(x.base); got != x.want {
			t.Errorf("base %v misses the committed block: %t, want %t", x.base, got, x.want)
		}
	}
}
