package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// The clauses of R9 to R14, as in rules_test.go.

// reports are a certified block c of view 1 and what m members of seven report above it
// (f = 2, p = 1, so T0 = 2): a chain x1, x2 and a block beside x1.
type reports struct {
	r          *Replica
	c          pbft.BlockRef
	x1, x2, y1 pbft.BlockRef
	src        attached
}

func sevenReports(t *testing.T) reports {
	c := newClusterOf(t, 7, 2, 1, 4096)
	q := reports{r: c.replicas[1], c: c.genesis(), src: attached{}}
	take := func(parent pbft.BlockRef, payload string) pbft.BlockRef {
		b := c.on(parent, c.genesis(), payload)
		q.src[c.com.HeaderDigest(&b.Header)] = &b.Header
		return c.com.Ref(&b.Header)
	}
	q.x1 = take(q.c, "x1")
	q.x2 = take(q.x1, "x2")
	q.y1 = take(q.c, "y1")
	return q
}

// base is what Select makes of the tips of replicas 1, 2, ...
func (q reports) base(evidence bool, tips ...pbft.BlockRef) (pbft.BlockRef, error) {
	var vcs []pbft.ViewChange
	for i, tip := range tips {
		vcs = append(vcs, pbft.ViewChange{Replica: pbft.ReplicaID(i + 1), View: 2, High: q.c, Tip: tip})
	}
	return q.r.selectBase(vcs, q.c, q.src, evidence)
}

// R9(a): who reports a certificate of c's view and a tip above c supports the tip and
// what is below it.
func TestR9a(t *testing.T) {
	q := sevenReports(t)
	none := pbft.BlockRef{}
	if got, err := q.base(false, q.x1, q.x2, none, none, none); err != nil || got != q.x1 {
		t.Errorf("%v, %v", got, err)
	}
	q.r.rules.Supports = func(*pbft.ViewChange, pbft.BlockRef) bool { return false }
	if got, _ := q.base(false, q.x1, q.x2, none, none, none); got != q.c {
		t.Error("without the clause nothing changes")
	}
}

// R9(b): T0 supporters, no fewer.
func TestR9b(t *testing.T) {
	none := pbft.BlockRef{}
	for support, want := range map[int]int{1: 2, 2: 1, 3: 0} {
		q := sevenReports(t)
		q.r.rules.Support = func(com *pbft.Committee, e bool) int { return supportOf(com, e, support) }
		got, _ := q.base(false, q.x1, q.x2, none, none, none)
		if int(got.Seq) != want {
			t.Errorf("%d supporters asked for: base %d, want %d", support, got.Seq, want)
		}
	}
	q := sevenReports(t)
	if T := q.r.rules.Support(q.r.com, false); T != 2 {
		t.Errorf("T0 is %d", T)
	}
}

func supportOf(_ *pbft.Committee, _ bool, n int) int { return n }

// R9(c): conflicting tips need evidence; then T1, without the report of the convicted.
func TestR9c(t *testing.T) {
	q := sevenReports(t)
	tips := []pbft.BlockRef{q.x1, q.x1, q.x1, q.y1, q.y1}
	if _, err := q.base(false, tips...); err == nil {
		t.Error("conflicting tips without evidence")
	}
	if got, err := q.base(true, tips...); err != nil || got != q.x1 {
		t.Errorf("three for x1: %v, %v", got, err)
	}
	if got, err := q.base(true, q.x1, q.x1, q.y1, q.y1, pbft.BlockRef{}); err != nil || got != q.c {
		t.Errorf("two for each, and T1 = 3: %v, %v", got, err)
	}
	vcs := []pbft.ViewChange{{Replica: 0, View: 2, High: q.c, Tip: q.x1}}
	if _, err := q.r.selectBase(vcs, q.c, q.src, true); err == nil {
		t.Error("the report of the convicted primary is taken")
	}
	q.r.rules.Strict = func(*pbft.Committee) bool { return true }
	if _, err := q.base(false, tips...); err != nil {
		t.Error("without the clause nothing changes")
	}
}

// R9(d): the highest block with support, or c.
func TestR9d(t *testing.T) {
	q := sevenReports(t)
	none := pbft.BlockRef{}
	for _, x := range []struct {
		tips []pbft.BlockRef
		want pbft.BlockRef
	}{
		{[]pbft.BlockRef{q.x2, q.x2, q.x1, none, none}, q.x2},
		{[]pbft.BlockRef{q.x2, none, none, none, none}, q.c},
		{[]pbft.BlockRef{none, none, none, none, none}, q.c},
	} {
		if got, err := q.base(false, x.tips...); err != nil || got != x.want {
			t.Errorf("%v: %v, %v", x.tips, got, err)
		}
	}
}

// R10(a): a NEW-VIEW whose base does not follow from its reports is refused.
func TestR10a(t *testing.T) {
	c, r := settled(t)
	q := []*pbft.ViewChange{c.report(0, 3), c.report(2, 3), c.report(3, 3)}
	if got := r.checkNewView(c.newView(3, c.genesis(), nil, q...)); got != pbft.Accepted {
		t.Error(got)
	}
	if got := r.checkNewView(c.newView(3, r.committedAt(1).ref, nil, q...)); got != pbft.InvalidContent {
		t.Error(got)
	}
}

// R10(b): a certificate of a later view enters it, and the first PREPARE descends from it.
func TestR10b(t *testing.T) {
	c, r := settled(t)
	x := c.header(3, r.highRef, r.highRef, "x", nil)
	ref := c.com.Ref(&x.Header)
	r.addBlock(&x, true)
	r.Receive(2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)})
	if r.view != 3 || r.entry.base != ref {
		t.Fatalf("view %d on %v", r.view, r.entry.base)
	}
	if offer(r, c.header(3, r.committedAt(3).ref, r.committedAt(3).ref, "beside", nil)) {
		t.Error("the first PREPARE is beside the certified block")
	}
}

// R10(c): the base may be replaced until the first PREPARE of the view.
func TestR10c(t *testing.T) {
	c, r := settled(t)
	r.enter(5, entry{base: r.committedAt(2).ref, baseSeq: 2})
	if !r.mayReplaceBase(r.highRef) {
		t.Error("before the first PREPARE")
	}
	r.enter(5, entry{base: r.highRef, baseSeq: 3})
	if !offer(r, c.header(5, r.highRef, r.highRef, "x", nil)) || r.mayReplaceBase(r.committedAt(2).ref) {
		t.Error("after the first PREPARE")
	}
}

// R10(d): a base beside the committed block is refused, and is R4's alarm in a later view.
func TestR10d(t *testing.T) {
	c, r := settled(t)
	beside := c.on(r.committedAt(2).ref, c.genesis(), "beside") // of position 3, as the committed one
	ref := c.com.Ref(&beside.Header)
	report := func(id pbft.ReplicaID) *pbft.ViewChange {
		return c.sign(&pbft.ViewChange{View: 3, High: ref, Replica: id})
	}
	m := c.newView(3, ref, &pbft.NewView{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)},
		report(0), report(2), report(3))
	r.addBlock(&beside, true)
	if got := r.Receive(2, m); got != pbft.IgnoredStale || r.view == 3 || r.condition != pbft.Broken {
		t.Errorf("%v, view %d, %v", got, r.view, r.condition)
	}
}

// R11(a): the certificate of the last number of a tenure is the entry of the next view.
func TestR11a(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 8)
	for range 8 {
		c.propose("x")
	}
	if r := c.replicas[1]; r.view != 2 || r.entry.baseSeq != 8 || r.entry.newView != nil {
		t.Errorf("view %d from %d", r.view, r.entry.baseSeq)
	}
}

// R11(b): no other number's.
func TestR11b(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.EndsTenure = func(*pbft.Header, uint64) bool { return true } },
		func(c *cluster, r *Replica) bool {
			b := c.next(r, "x", nil)
			offer(r, b)
			certify(c, r, c.com.Ref(&b.Header), 0, 2)
			return r.view == 1
		})
}

// judging lets members of a cluster measure its primary, which leaves somebody out, for so
// many ticks in which blocks commit as ever.
func (c *cluster) judging(ticks int, members ...int) {
	for _, i := range members {
		if r := c.replicas[i]; r.demotion.monitor == nil {
			r.cfg.Monitor = true
			r.startConduct()
		}
	}
	for i := range ticks {
		for _, i := range members {
			c.replicas[i].Waits(pbft.Waiting{EligibleTicks: 1, Skipped: 9, SkipLimit: 8})
		}
		c.tick(1)
		if i%10 == 0 {
			c.propose("x")
		}
	}
}

// R11(c): who measures that its primary is unfair calls it slow, after the grace; who does
// not, and all under the original protocol, never do.
func TestR11c(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	c.judging(400, 1)
	r := c.replicas[1]
	if s := r.Status(); s.Judgement != pbft.Fair || s.CalledSlow != 0 {
		t.Errorf("before the grace is over: %+v", s)
	}
	c.judging(200, 1)
	if s := r.Status(); s.Judgement != pbft.LeavesOut || s.CalledSlow != 1 || s.View != 1 {
		t.Errorf("when it is over: %+v", s)
	}
	if s := c.replicas[0].Status(); s.CalledSlow != 1 {
		t.Errorf("the primary heard %d members call it slow", s.CalledSlow)
	}
	c.judging(1200, 1)
	if s := r.Status(); s.View != 1 {
		t.Errorf("one member alone moved all to view %d", s.View)
	}
}

// R11(d): m who call a view slow end it; f+1 make nobody join.
func TestR11d(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	c.judging(900, 1, 2)
	if s := c.replicas[3].Status(); s.View != 1 || s.CalledSlow != 2 || c.replicas[3].own != 0 {
		t.Errorf("f+1 of four: %+v, own suspicion %d", s, c.replicas[3].own)
	}
	c.judging(900, 1, 2, 3)
	for i, r := range c.replicas {
		if r.view < 2 {
			t.Errorf("m of four: member %d is in view %d", i, r.view)
		}
	}
}

// R11(e): commits do not end it, its end does, after SuspectTicks; and no view inherits it.
func TestR11e(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	c.judging(700, 1)
	r := c.replicas[1]
	before := r.chain.committed.Seq
	c.judging(50, 1)
	if !r.slow() || r.chain.committed.Seq == before || r.own != 0 {
		t.Errorf("slow %t after %d commits", r.slow(), r.chain.committed.Seq-before)
	}
	r.Waits(pbft.Waiting{})
	for i := range int(r.tm.SuspectTicks) + 1 {
		if i == int(r.tm.SuspectTicks)-1 && !r.slow() {
			t.Error("it lapsed early")
		}
		c.tick(1)
		if i%10 == 0 {
			c.propose("x")
		}
	}
	if r.slow() || r.Status().Judgement != pbft.Fair {
		t.Error("it has not lapsed")
	}
	c.judging(300, 1)
	if !r.slow() {
		t.Fatal("it is not slow again")
	}
	r.enter(5, entry{base: r.highRef, baseSeq: 3})
	if r.slow() || r.calledSlow() != 0 {
		t.Error("the next view inherits it")
	}
}

// R12(a): always later than the parent.
func TestR12a(t *testing.T) {
	for more, want := range map[uint64]bool{0: false, 1: true} {
		c, r := settled(t)
		parent := r.chain.byDigest[r.chain.committed.Digest].header().TimeMs
		if got := offer(r, c.next(r, "y", func(h *pbft.Header) { h.TimeMs = parent + more })); got != want {
			t.Errorf("%d ms later: prepared is %t", more, got)
		}
	}
}

// R12(b): a fresh block that is too old when its header first comes is not prepared.
func TestR12b(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.NotTooOld = func(bool) bool { return true } },
		func(c *cluster, r *Replica) bool {
			b := c.next(r, "y", nil)
			r.clockMs = b.Header.TimeMs + r.par.PrecisionMs + r.par.DelayMs + 1
			early := offer(r, b)
			r.clockMs = b.Header.TimeMs // setting the clock back changes nothing
			return !early && !offer(r, b)
		})
}

// R12(c): what is ahead of the clock waits; one millisecond above the parent never does.
func TestR12c(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.NotTooNew = func(_, _ uint64) bool { return true } },
		func(c *cluster, r *Replica) bool {
			b := c.next(r, "y", func(h *pbft.Header) { h.TimeMs = r.clockMs + r.par.PrecisionMs + 10 })
			early := offer(r, b)
			r.Tick(r.clockMs+10, false)
			return !early && act(r)[pbft.KindPrepare] > 0
		})
	c, r := settled(t)
	parent := r.chain.byDigest[r.chain.committed.Digest].header().TimeMs
	r.clockMs = parent - 10*r.par.PrecisionMs
	if !offer(r, c.next(r, "y", func(h *pbft.Header) { h.TimeMs = parent + 1 })) {
		t.Error("one millisecond above the parent waits")
	}
}

// R12(d): what is certified is exempt from both bounds, what is inherited from the lower.
func TestR12d(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", func(h *pbft.Header) { h.TimeMs = r.clockMs + 1 })
	b := r.addBlock(&x, true)
	b.late = true
	if r.timely(b, true) || !r.timely(b, false) {
		t.Error("the lower bound holds for fresh blocks alone")
	}
	far := c.next(r, "y", func(h *pbft.Header) { h.TimeMs = r.clockMs + 99*r.par.PrecisionMs })
	b = r.addBlock(&far, true)
	if r.timely(b, false) {
		t.Error("an inherited block ahead of the clock does not wait")
	}
	b.cert = c.certificate(pbft.Prepared, b.ref, 0, 2, 3)
	if !r.timely(b, true) {
		t.Error("a certified block waits")
	}
}

// R13(a): what is long executed goes, own tips stay.
func TestR13a(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.replicas[1]
	for range int(r.keep()) + 20 {
		c.propose("x")
	}
	if r.committedAt(1) != nil || r.chain.results[1] != (results{}) || r.slots.byKey[slotKey{1, 1}] != nil {
		t.Error("block, result or votes of position 1 are still there")
	}
	if r.committedAt(r.chain.executed) == nil || r.tipOf(1) == nil {
		t.Error("the newest block or the own tip is gone")
	}
}

// R13(b): votes and unlogged blocks of views long left go.
func TestR13b(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", nil)
	r.addBlock(&x, true)
	for _, v := range []pbft.View{3, 4} {
		r.enter(v, entry{base: r.highRef, baseSeq: 3})
		if got := r.chain.byDigest[c.com.HeaderDigest(&x.Header)] != nil; got != (v == 3) {
			t.Errorf("in view %d a block of view 1 is there: %t", v, got)
		}
	}
	if got := r.Receive(2, c.vote(2, votePrepare, pbft.BlockRef{View: 1, Seq: 5})); got != pbft.IgnoredStale {
		t.Errorf("a vote of view 1: %v", got)
	}
}

// R13(c): a member at its quota loses its oldest vote.
func TestR13c(t *testing.T) {
	c, r := settled(t)
	r.highRef.Seq = pbft.Seq(10 * r.votesMax())
	for s := pbft.Seq(5); s <= pbft.Seq(r.votesMax())+5; s++ {
		r.Receive(2, c.vote(2, votePrepare, pbft.BlockRef{View: 1, Seq: s, Digest: pbft.Digest{1}}))
	}
	if r.peers[2].votes != r.votesMax() || r.slots.byKey[slotKey{1, 5}] != nil {
		t.Errorf("%d votes, the oldest is there: %t", r.peers[2].votes, r.slots.byKey[slotKey{1, 5}] != nil)
	}
}

// R14(a): two headers of one view and number convict their primary.
func TestR14a(t *testing.T) {
	held(t, func(x *rules.Dualpath) {
		x.Convicts = func(*pbft.Committee, pbft.View, []pbft.SignedHeader) bool { return false }
	}, func(c *cluster, r *Replica) bool {
		offer(r, c.next(r, "x", nil))
		offer(r, c.next(r, "y", nil))
		return r.own == 1 && r.reason == pbft.SuspectEvidence && len(r.evidence) == 2
	})
}

// R14(c): what convicts a member is handed out, in the form that everybody can judge, once
// for each kind, however it came.
func TestR14c(t *testing.T) {
	c, r := settled(t)
	x, y, z := c.next(r, "x", nil), c.next(r, "y", nil), c.next(r, "z", nil)
	offer(r, x)
	r.Receive(0, &pbft.PrePrepare{Block: y})
	r.Receive(0, &pbft.PrePrepare{Block: z})
	r.convicts(1, []pbft.SignedHeader{y.SignedHeader, z.SignedHeader})
	all := r.Ready().Evidence
	if len(all) != 1 {
		t.Fatalf("%d pieces of evidence", len(all))
	}
	got, err := pbft.VerifyMisbehaviour(c.com, stub{}, all[0].Encode())
	if want := (pbft.Conviction{Kind: pbft.TwoHeaders, View: 1}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	c, r = settled(t)
	x, y = c.next(r, "x", nil), c.next(r, "y", nil)
	if r.convicts(1, []pbft.SignedHeader{x.SignedHeader, y.SignedHeader}); len(r.Ready().Evidence) != 1 {
		t.Error("what another shows is not handed out")
	}
}

// R14(b): evidence is signed, and acts against the primary of the present view alone.
func TestR14b(t *testing.T) {
	held(t, func(x *rules.Dualpath) {
		x.EvidenceHolds = func(*pbft.Committee, pbft.View, []pbft.SignedHeader, pbft.Scheme) bool { return true }
	}, func(c *cluster, r *Replica) bool {
		x, y := c.next(r, "x", nil), c.next(r, "y", nil)
		good := r.convicts(1, []pbft.SignedHeader{x.SignedHeader, y.SignedHeader})
		y.Signature[0]++
		return good && !r.convicts(1, []pbft.SignedHeader{x.SignedHeader, y.SignedHeader})
	})
	c, r := settled(t)
	x, y := c.next(r, "x", nil), c.next(r, "y", nil)
	r.enter(5, entry{base: r.highRef, baseSeq: 3})
	r.convict(&x.SignedHeader, &y.SignedHeader)
	if r.own != 0 {
		t.Error("evidence of an old view starts a view change")
	}
}
