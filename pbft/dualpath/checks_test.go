package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// alter is one thing done to what is in order, and what becomes of it.
type alter[T any] struct {
	name string
	do   func(x *T)
	want pbft.Reason
}

// Each field of a header that decides by itself is tested at its bound.
func TestAHeaderBreaksNoRuleOfItsOwn(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 12)
	r := c.replicas[1]
	par := c.com.Parameters()
	good := c.header(3, pbft.BlockRef{View: 3, Seq: 9}, pbft.BlockRef{View: 2, Seq: 5}, "x", func(h *pbft.Header) {
		h.BaseSeq, h.ExecSeq = 3, 4
	}).Header
	for _, x := range []alter[pbft.Header]{
		{"as it is", func(*pbft.Header) {}, pbft.Accepted},
		{"another epoch", func(h *pbft.Header) { h.Epoch = 1 }, pbft.IgnoredEpoch},
		{"another committee", func(h *pbft.Header) { h.Committee[0]++ }, pbft.InvalidContent},
		{"view 0", func(h *pbft.Header) { h.View = 0 }, pbft.InvalidContent},
		{"position 0", func(h *pbft.Header) { h.Seq = 0 }, pbft.InvalidContent},
		{"a flag", func(h *pbft.Header) { h.Flags = pbft.FlagClosing }, pbft.InvalidContent},
		{"another proposer", func(h *pbft.Header) { h.Proposer++ }, pbft.InvalidContent},
		{"the largest payload", func(h *pbft.Header) { h.PayloadBytes = par.PayloadBytesMax }, pbft.Accepted},
		{"a larger one", func(h *pbft.Header) { h.PayloadBytes = par.PayloadBytesMax + 1 }, pbft.InvalidContent},
		{"right above the base", func(h *pbft.Header) { h.BaseSeq = 9 }, pbft.Accepted},
		{"on the base", func(h *pbft.Header) { h.BaseSeq = 10 }, pbft.InvalidContent},
		{"end of the tenure", func(h *pbft.Header) {
			h.Seq, h.Justify.Seq = 3+pbft.Seq(par.Tenure), 3+pbft.Seq(par.Tenure)-2
		}, pbft.Accepted},
		{"behind it", func(h *pbft.Header) {
			h.Seq, h.Justify.Seq = 4+pbft.Seq(par.Tenure), 3+pbft.Seq(par.Tenure)-2
		}, pbft.InvalidContent},
		{"justified in its view", func(h *pbft.Header) { h.Justify.View = 3 }, pbft.Accepted},
		{"justified in a later one", func(h *pbft.Header) { h.Justify.View = 4 }, pbft.InvalidContent},
		{"justified by its parent", func(h *pbft.Header) { h.Justify.Seq = 9 }, pbft.Accepted},
		{"justified by itself", func(h *pbft.Header) { h.Justify.Seq = 10 }, pbft.InvalidContent},
		{"executed up to the justification", func(h *pbft.Header) { h.ExecSeq = 5 }, pbft.Accepted},
		{"executed beyond it", func(h *pbft.Header) { h.ExecSeq = 6 }, pbft.InvalidContent},
		{"end of the window on the justification", func(h *pbft.Header) {
			h.Seq, h.BaseSeq = 5+pbft.Seq(par.Window), 4
		}, pbft.Accepted},
		{"behind it", func(h *pbft.Header) { h.Seq, h.BaseSeq = 6+pbft.Seq(par.Window), 4 }, pbft.InvalidContent},
		{"end of the window on the base", func(h *pbft.Header) {
			h.Seq, h.BaseSeq = 6+pbft.Seq(par.Window), 6
		}, pbft.Accepted},
	} {
		h := good
		if x.do(&h); r.checkHeader(&h) != x.want {
			t.Errorf("%s: %v, want %v", x.name, r.checkHeader(&h), x.want)
		}
	}
}

// chain3 is a replica that committed three blocks, with the last one's header and a
// valid child of it.
func chain3(t *testing.T) (c *cluster, r *Replica, tip pbft.BlockRef, child pbft.Block) {
	c = newCluster(t, 4, 1, 1)
	for _, p := range []string{"a", "b", "c"} {
		c.propose(p)
	}
	r = c.replicas[2]
	tip = r.chain.committed
	return c, r, tip, c.child(r, tip, nil)
}

// child returns a block on a block that r holds, as its primary would make it.
func (c *cluster) child(r *Replica, on pbft.BlockRef, change func(h *pbft.Header)) pbft.Block {
	p := r.chain.byDigest[on.Digest]
	return c.header(r.view, on, on, "d", func(h *pbft.Header) {
		h.BaseSeq, h.ExecSeq, h.ExecRoot = p.header().BaseSeq, p.header().ExecSeq, p.header().ExecRoot
		h.TimeMs = p.header().TimeMs + 1
		if change != nil {
			change(h)
		}
	})
}

// What a block says of itself and its chain is settled once, by content alone (R2(d)).
func TestContentOfABlock(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(h *pbft.Header)
		want verdict
	}{
		{"in order", func(*pbft.Header) {}, valid},
		{"a broken header", func(h *pbft.Header) { h.Flags = 1 }, invalid},
		{"as old as its parent", func(h *pbft.Header) { h.TimeMs-- }, invalid},
		{"two above its parent", func(h *pbft.Header) { h.Seq++ }, invalid},
		{"of another base", func(h *pbft.Header) { h.BaseSeq++ }, invalid},
		{"of a later view that began elsewhere", func(h *pbft.Header) { h.View, h.Proposer = 2, 1 }, invalid},
		{"of a later view that begins here", func(h *pbft.Header) { h.View, h.Proposer, h.BaseSeq = 2, 1, 3 }, valid},
		{"naming an execution before its parent's", func(h *pbft.Header) { h.ExecSeq-- }, invalid},
		{"another root of the parent's execution", func(h *pbft.Header) { h.ExecRoot[0]++ }, invalid},
		{"the root of a later execution", func(h *pbft.Header) { h.ExecSeq, h.ExecRoot = 2, pbft.Digest{2} }, valid},
		{"another root of it", func(h *pbft.Header) { h.ExecSeq, h.ExecRoot = 2, pbft.Digest{3} }, invalid},
		{"an execution that this replica has not come to", func(h *pbft.Header) { h.ExecSeq = 3 }, unknown},
		{"justified by another block of the position", func(h *pbft.Header) { h.Justify.Digest[0]++ }, invalid},
		{"justified by the right block of another view", func(h *pbft.Header) { h.Justify.View = 0 }, invalid},
	} {
		c, r, tip, _ := chain3(t)
		parent := r.chain.byDigest[tip.Digest]
		h := *parent.header()
		h.ExecSeq, h.ExecRoot = 1, r.chain.results[1].state
		parent.block = &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}}
		r.chain.results[2] = results{state: pbft.Digest{2}}
		delete(r.chain.results, 3)
		k := c.child(r, tip, x.do)
		b := r.insert(&k)
		b.payload, b.hasBody = valid, true
		if got := r.judge(b); got != x.want {
			t.Errorf("%s: verdict %d, want %d", x.name, got, x.want)
		}
	}
}

// What comes from nobody, or from oneself, is not looked at.
func TestMessagesOfNobody(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[2]
	for _, from := range []pbft.ReplicaID{2, 4, pbft.Everyone} {
		if got := r.Receive(from, &pbft.Status{Replica: from}); got != pbft.IgnoredSender {
			t.Errorf("from %d: %v", from, got)
		}
	}
	if got := r.Receive(1, &pbft.Status{Replica: 3}); got != pbft.IgnoredSender {
		t.Errorf("another's status: %v", got)
	}
	if got := r.Receive(1, &pbft.Status{Replica: 1}); got != pbft.Accepted {
		t.Errorf("a status: %v", got)
	}
	if got := r.Receive(1, &pbft.Stable{Certificate: &pbft.CheckpointCertificate{}}); got != pbft.InvalidContent {
		t.Errorf("a message of another protocol: %v", got)
	}
}

// Evidence is two headers of one position and view, and nothing else (R14).
func TestWhatEvidenceIs(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	a := c.header(2, c.genesis(), c.genesis(), "a", nil).SignedHeader
	for _, x := range []struct {
		name string
		do   func(h *pbft.Header)
		view pbft.View
		want bool
	}{
		{"two headers", func(h *pbft.Header) { h.TimeMs++ }, 2, true},
		{"one header", func(*pbft.Header) {}, 2, false},
		{"two positions", func(h *pbft.Header) { h.Seq++ }, 2, false},
		{"two views", func(h *pbft.Header) { h.View++ }, 2, false},
		{"two epochs", func(h *pbft.Header) { h.Epoch++ }, 2, false},
		{"of another view", func(h *pbft.Header) { h.TimeMs++ }, 3, false},
	} {
		b := a
		x.do(&b.Header)
		b.Signature = stubSign(c.com.Key(1), c.com.HeaderBytesToSign(&b.Header))
		for _, e := range [][]pbft.SignedHeader{{a, b}, {b, a}} {
			if got := c.replicas[3].convicts(x.view, e); got != x.want {
				t.Errorf("%s: %t", x.name, got)
			}
		}
		b.Signature[0]++
		r := c.replicas[3]
		if r.convicts(x.view, []pbft.SignedHeader{a, b}) || r.convicts(x.view, []pbft.SignedHeader{b, a}) {
			t.Errorf("%s: a false signature convicts", x.name)
		}
	}
	if c.replicas[3].convicts(2, []pbft.SignedHeader{a}) || c.replicas[3].convicts(2, []pbft.SignedHeader{a, a, a}) {
		t.Error("one or three headers convict")
	}
}

// A walk leads from a tip, within its view and on one base, to what lies below.
func TestWalks(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	floor := c.header(1, c.genesis(), c.genesis(), "f", nil)
	low := c.header(2, c.com.Ref(&floor.Header), c.genesis(), "l", nil)
	high := c.header(2, c.com.Ref(&low.Header), c.genesis(), "h", func(h *pbft.Header) { h.BaseSeq = 1 })
	tip, below := c.com.Ref(&high.Header), c.com.Ref(&floor.Header)
	for _, x := range []struct {
		name                 string
		lower                func(h *pbft.Header)
		tip                  func(b *pbft.BlockRef)
		floor                pbft.BlockRef
		length               int
		whole, reaches, hide bool
	}{
		{name: "whole", floor: below, length: 2, whole: true, reaches: true},
		{name: "from another floor", floor: pbft.BlockRef{View: 1, Seq: 1}, length: 2, whole: true},
		{name: "a header missing", floor: below, hide: true},
		{name: "another base below", lower: func(h *pbft.Header) { h.BaseSeq = 0 }, floor: below},
		{name: "another view below", lower: func(h *pbft.Header) { h.View = 1 }, floor: below},
		{name: "another position below", lower: func(h *pbft.Header) { h.Seq = 5 }, floor: below},
		{name: "a tip of another view", tip: func(b *pbft.BlockRef) { b.View++ }, floor: below},
		{name: "a tip of another position", tip: func(b *pbft.BlockRef) { b.Seq++ }, floor: below},
	} {
		src := attached{tip.Digest: &high.Header}
		h := low.Header
		if x.lower != nil {
			x.lower(&h)
		}
		if !x.hide {
			src[c.com.HeaderDigest(&low.Header)] = &h
		}
		from := tip
		if x.tip != nil {
			x.tip(&from)
		}
		chain, reaches, ok := walkChain(src, from, x.floor)
		if len(chain) != x.length || reaches != x.reaches || ok != x.whole {
			t.Errorf("%s: %d blocks, reaches %t, whole %t", x.name, len(chain), reaches, ok)
		}
	}
}

// A VIEW-CHANGE is signed once for each view, above everything that this replica is
// in, has asked for or holds a certificate of (R7).
func TestAViewChangeIsSignedOnce(t *testing.T) {
	c, r, _, _ := chain3(t)
	_ = c
	for _, v := range []pbft.View{0, 1} {
		if r.startViewChange(v) {
			t.Errorf("for view %d, while in view 1", v)
		}
	}
	if !r.startViewChange(3) || r.vcSent != 3 {
		t.Fatalf("not for view 3: %d", r.vcSent)
	}
	for _, v := range []pbft.View{2, 3} {
		if r.startViewChange(v) {
			t.Errorf("for view %d after 3", v)
		}
	}
	r.highRef.View = 5
	if r.startViewChange(5) {
		t.Error("for the view of a certificate")
	}
	r.condition = pbft.Amnesic
	if r.startViewChange(9) {
		t.Error("by an amnesic replica")
	}
}

// The last line before the key: only of the present view, not given up, with its
// body, above the last one.
func TestTheGuardOfPrepare(t *testing.T) {
	_, r, tip, child := chain3(t)
	b := r.insert(&child)
	b.hasBody = true
	if !r.guardPrepare(b, nil) || !r.guardPrepare(b, &tip1(tip)[0]) {
		t.Fatal("a good block is stopped")
	}
	b.hasBody = false
	if r.guardPrepare(b, nil) {
		t.Error("without its body")
	}
	b.hasBody = true
	if r.guardPrepare(b, &tip1(b.ref)[0]) {
		t.Error("at the position of the last vote")
	}
	r.vcSent = 2
	if r.guardPrepare(b, nil) {
		t.Error("of a view that was given up")
	}
	r.vcSent, r.view = 0, 2
	if r.guardPrepare(b, nil) {
		t.Error("of another view")
	}
}

func tip1(last pbft.BlockRef) []tip { return []tip{{view: last.View, last: last}} }

// A proposal is made only when one may be, of no more bytes than the chain allows.
func TestProposalsThatAreNotMade(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	large := make([]byte, c.com.Parameters().PayloadBytesMax+1)
	if c.replicas[1].Propose(nil, pbft.Digest{}, nil, c.clock) {
		t.Error("a backup proposes")
	}
	if c.replicas[0].Propose(large, payloadRoot(large), nil, c.clock) {
		t.Error("more than a payload may have")
	}
	if !c.replicas[0].Propose(large[1:], payloadRoot(large[1:]), nil, c.clock) {
		t.Error("not as much as it may have")
	}
}

// A FETCH by digest is answered with what is held, whole and signed, above what the
// peer has.
func TestWhatAFetchGets(t *testing.T) {
	c, r, tip, child := chain3(t)
	b := r.insert(&child)
	ask := func(after pbft.Seq) pbft.Reason {
		return r.Receive(1, &pbft.Fetch{Seq: b.ref.Seq, Digest: b.ref.Digest, After: after})
	}
	if got := ask(0); got != pbft.IgnoredUnwanted {
		t.Errorf("a block without its body: %v", got)
	}
	b.hasBody = true
	if got := ask(0); got != pbft.IgnoredUnwanted {
		t.Errorf("a block without its signature: %v", got)
	}
	b.signed = true
	for after, want := range map[pbft.Seq]pbft.Reason{4: pbft.IgnoredUnwanted, 5: pbft.IgnoredUnwanted, 3: pbft.Accepted} {
		drain(r)
		if got := ask(after); got != want {
			t.Errorf("after %d: %v, want %v", after, got, want)
		}
	}
	if got := r.Receive(1, &pbft.Fetch{Seq: 4, Digest: pbft.Digest{1}}); got != pbft.IgnoredUnwanted {
		t.Errorf("a block that nobody knows: %v", got)
	}
	if got := r.Receive(1, &pbft.Fetch{Seq: 9, After: tip.Seq}); got != pbft.IgnoredFuture {
		t.Errorf("what is not committed: %v", got)
	}
	_ = c
}

// Bodies that do not fit their headers and headers with false signatures are refused
// whatever certificate is above them.
func TestProvenBlocksAreLookedAt(t *testing.T) {
	c, r, tip, _ := chain3(t)
	k := c.child(r, tip, nil)
	ref := c.com.Ref(&k.Header)
	proof := c.certificate(pbft.CommittedSlow, ref, 0, 1, 3)
	other := k
	other.Payload = []byte("other")
	if got := r.Receive(1, &pbft.Blocks{Blocks: []pbft.Block{other}, Certificate: proof}); got != pbft.InvalidContent {
		t.Errorf("another body: %v", got)
	}
	prepared := c.certificate(pbft.Prepared, ref, 0, 1, 3)
	if got := r.Receive(1, &pbft.Blocks{Blocks: []pbft.Block{k}, Certificate: prepared}); got != pbft.InvalidCertificate {
		t.Errorf("a certificate that commits nothing: %v", got)
	}
	false1 := k.SignedHeader
	false1.Signature[0]++
	if got := r.Receive(1, &pbft.Proof{Certificate: proof, Header: &false1}); got != pbft.InvalidSignature {
		t.Errorf("a header with a false signature: %v", got)
	}
	if got := r.Receive(1, &pbft.Blocks{Blocks: []pbft.Block{k}, Certificate: proof}); got != pbft.Accepted ||
		r.chain.committed != ref {
		t.Errorf("the right one: %v, committed %v", got, r.chain.committed)
	}
	if got := r.Receive(1, &pbft.Proof{Certificate: proof, Header: &false1}); got != pbft.IgnoredDuplicate {
		t.Errorf("what is known: %v", got)
	}
}

// A report is of a member of this epoch, on a certificate of an earlier view, with a
// tip of that view or none.
func TestTheFormOfAReport(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[3]
	good := pbft.ViewChange{View: 4, High: pbft.BlockRef{View: 3, Seq: 2}, Tip: pbft.BlockRef{View: 3, Seq: 3}, Replica: 1}
	for _, x := range []struct {
		name string
		do   func(m *pbft.ViewChange)
		want bool
	}{
		{"as it is", func(*pbft.ViewChange) {}, true},
		{"without a tip", func(m *pbft.ViewChange) { m.Tip = pbft.BlockRef{} }, true},
		{"another epoch", func(m *pbft.ViewChange) { m.Epoch = 1 }, false},
		{"of nobody", func(m *pbft.ViewChange) { m.Replica = 4 }, false},
		{"on view 0", func(m *pbft.ViewChange) { m.High.View, m.Tip.View = 0, 0 }, false},
		{"on its own view", func(m *pbft.ViewChange) { m.High.View, m.Tip.View = 4, 4 }, false},
		{"a tip of a lower view", func(m *pbft.ViewChange) { m.Tip.View = 2 }, false},
	} {
		m := good
		if x.do(&m); r.wellFormed(&m) != x.want {
			t.Errorf("%s: %t", x.name, !x.want)
		}
	}
}
