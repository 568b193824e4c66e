package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// recalling is r1 of four that asks what it signed, with what its log holds: one block
// of its own view 2, and the certificate of the block below.
func recalling(t *testing.T) (c *cluster, r *Replica, own pbft.Block) {
	t.Helper()
	c = newClusterOf(t, 4, 1, 0, 4096)
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	ref := c.com.Ref(&x.Header)
	own = c.header(2, ref, ref, "own", func(h *pbft.Header) { h.BaseSeq = 1 })
	log := []pbft.Record{{Kind: pbft.RecordBlock, Block: &x},
		{Kind: pbft.RecordCertificate, Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)}}
	r, err := New(pbft.Config{Committee: c.com, Self: 1, Scheme: stub{}, PayloadRoot: payloadRoot, Recall: true,
		Sign:    func(m []byte) pbft.Signature { return stubSign(c.com.Key(1), m) },
		Genesis: c.com.GenesisHeader(pbft.Digest{}, 1)}, log)
	if err != nil {
		t.Fatal(err)
	}
	r.Tick(c.clock, false)
	return c, r, own
}

// An own proposal that others remember shows that the log lost it: unless the log
// holds the PREPARE for it, which is all that it must not contradict.
func TestAProposalIsRememberedByItsPrepare(t *testing.T) {
	for _, x := range []struct {
		name string
		tips func(own pbft.BlockRef) []tip
		want pbft.Condition
	}{
		{"nothing", func(pbft.BlockRef) []tip { return nil }, pbft.Amnesic},
		{"the PREPARE of another block", func(own pbft.BlockRef) []tip {
			own.Digest[0]++
			return tip1(own)
		}, pbft.Amnesic},
		{"its PREPARE", tip1, pbft.Recalling},
		{"a later PREPARE of its view", func(own pbft.BlockRef) []tip {
			own.Seq++
			return tip1(own)
		}, pbft.Recalling},
	} {
		c, r, own := recalling(t)
		r.tips = x.tips(c.com.Ref(&own.Header))
		r.Receive(2, &pbft.Recollection{Nonce: r.recall.nonce, Proposal: &own.SignedHeader})
		if r.condition != x.want {
			t.Errorf("with %s in its log: %v, want %v", x.name, r.condition, x.want)
		}
	}
}

// A COMMIT promises that its certificate is reported: that one, or one of a higher
// rank, must be in the log.
func TestACommitIsRememberedByItsCertificate(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(b *pbft.BlockRef)
		want pbft.Condition
	}{
		{"that is held", func(*pbft.BlockRef) {}, pbft.Recalling},
		{"below the one that is held", func(b *pbft.BlockRef) { b.View, b.Digest[0] = 0, 9 }, pbft.Recalling},
		{"of another block there", func(b *pbft.BlockRef) { b.Digest[0]++ }, pbft.Amnesic},
		{"above", func(b *pbft.BlockRef) { b.Seq++ }, pbft.Amnesic},
		{"of a later view", func(b *pbft.BlockRef) { b.View++ }, pbft.Amnesic},
	} {
		c, r, _ := recalling(t)
		b := r.highRef
		x.do(&b)
		r.Receive(2, &pbft.Recollection{Nonce: r.recall.nonce, Commit: c.vote(1, voteCommit, b).(*pbft.Commit)})
		if r.condition != x.want {
			t.Errorf("a COMMIT with a certificate %s: %v, want %v", x.name, r.condition, x.want)
		}
	}
}

// A certificate that names a known block at another place adds something: it is
// looked at, and found to be false.
func TestACertificateOfAKnownBlockElsewhere(t *testing.T) {
	for _, do := range []func(b *pbft.BlockRef){
		func(b *pbft.BlockRef) { b.View++ }, func(b *pbft.BlockRef) { b.Seq++ },
	} {
		c, r := settled(t)
		b := r.highRef
		do(&b)
		x := c.certificate(pbft.Prepared, r.highRef, 0, 2, 3)
		x.Block = b
		if got := r.Receive(2, &pbft.Proof{Certificate: x}); got != pbft.InvalidCertificate {
			t.Errorf("%+v: %v", b, got)
		}
		if got := r.held(x); got != x {
			t.Errorf("%+v: held is %+v", b, got)
		}
	}
}

// Of one member so many SUSPECTs are verified in ten ticks, true or not.
func TestSuspicionsAreLimited(t *testing.T) {
	c, r := settled(t)
	forged := c.suspect(2, 1, pbft.SuspectTimeout)
	forged.Signature[0]++
	for i := range testimoniesMax {
		if got := r.Receive(2, forged); got != pbft.InvalidSignature {
			t.Fatalf("SUSPECT %d: %v", i, got)
		}
	}
	if got := r.Receive(2, c.suspect(2, 1, pbft.SuspectTimeout)); got != pbft.IgnoredQuota {
		t.Errorf("one more: %v", got)
	}
	for range testimonyTicks {
		r.Tick(c.clock, false)
	}
	if got := r.Receive(2, c.suspect(2, 1, pbft.SuspectTimeout)); got != pbft.Accepted {
		t.Errorf("ten ticks later: %v", got)
	}
}

// The certificate in a NEW-VIEW may itself hand the view over, to the same base: then
// the NEW-VIEW comes too late to change anything.
func TestANewViewThatItsCertificateOvertakes(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 8)
	for range 7 {
		c.propose("x")
	}
	r := c.replicas[2]
	last := c.child(r, r.chain.committed, nil)
	ref := c.com.Ref(&last.Header)
	r.addHeader(&last.SignedHeader)
	var q []*pbft.ViewChange
	for _, id := range []pbft.ReplicaID{0, 1, 3} {
		q = append(q, c.sign(&pbft.ViewChange{View: 2, High: ref, Replica: id}))
	}
	m := c.newView(2, ref, &pbft.NewView{Certificate: c.certificate(pbft.Prepared, ref, 0, 1, 3)}, q...)
	if got := r.Receive(1, m); got != pbft.IgnoredStale || r.view != 2 || r.entry.base != ref || r.entry.newView != nil {
		t.Errorf("%v, view %d from %+v", got, r.view, r.entry.base)
	}
}

// Another entry proof of the present view replaces its base as long as nothing was
// signed in it, and never that of its own primary.
func TestWhoMayReplaceTheBase(t *testing.T) {
	other := pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{2}}
	for _, x := range []struct {
		name string
		do   func(r *Replica)
		want bool
	}{
		{"a follower", func(*Replica) {}, true},
		{"a follower of view 1", func(r *Replica) { r.view = 1 }, false},
		{"by the same base", func(r *Replica) { r.entry.base = other }, false},
		{"who has prepared a block of it", func(r *Replica) { r.tips = tip1(pbft.BlockRef{View: 3, Seq: 4}) }, false},
		{"who has prepared a block of another", func(r *Replica) { r.tips = tip1(pbft.BlockRef{View: 2, Seq: 4}) }, true},
		{"its primary", func(r *Replica) { r.view = 2 }, false},
	} {
		c, r := settled(t)
		r.view, r.tips, r.entry = 3, nil, entry{base: c.genesis()}
		if x.do(r); r.mayReplaceBase(other) != x.want {
			t.Errorf("%s: %t", x.name, !x.want)
		}
	}
}

// At and above a block are it and what is built on it.
func TestDescending(t *testing.T) {
	c, r := settled(t)
	b := r.chain.byDigest[r.chain.committed.Digest]
	parent := r.parent(b)
	beside := parent.ref
	beside.Digest[0]++
	above := b.ref
	above.Seq++
	for _, x := range []struct {
		name string
		a    pbft.BlockRef
		want bool
	}{
		{"itself", b.ref, true}, {"its parent", parent.ref, true}, {"the genesis", c.genesis(), true},
		{"a block beside its parent", beside, false}, {"a block above it", above, false},
	} {
		if got := r.descends(b, x.a); got != x.want {
			t.Errorf("%s: %t", x.name, got)
		}
	}
}

// Of what this replica itself wants, the block that everybody was asked for makes
// room; a block that somebody was not asked for yet does not, and what another wants
// never does.
func TestWhatIsWantedInVainMakesRoom(t *testing.T) {
	for _, x := range []struct {
		name  string
		owner pbft.ReplicaID
		asks  int
		want  bool
	}{
		{"asked of all", 1, 4, true}, {"not asked of all", 1, 3, false}, {"another's", 2, 4, false},
	} {
		_, r := settled(t)
		for i := range 2 * pbft.Seq(r.par.Window) {
			r.want(pbft.BlockRef{View: 1, Seq: 4, Digest: pbft.Digest{byte(i + 1)}}, x.owner, x.owner, 1)
		}
		r.wants[3].asks = x.asks
		vain := r.wants[3].block.Digest
		late := pbft.Digest{99}
		r.want(pbft.BlockRef{View: 1, Seq: 4, Digest: late}, x.owner, x.owner, 1)
		if got := r.wanted(late) != nil; got != x.want || (r.wanted(vain) == nil) != x.want {
			t.Errorf("%s: room %t", x.name, got)
		}
	}
}

// A primary goes on where its view began, above what is committed since, and not at
// all on a block of a later view: it is about to enter that.
func TestWhereAPrimaryGoesOn(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(r *Replica, tip *block)
		want pbft.Seq // 0: nowhere
	}{
		{"committed above the base", func(*Replica, *block) {}, 3},
		{"the base is above", func(r *Replica, tip *block) {
			r.entry.base = tip.ref
			r.chain.committed = r.parent(tip).ref
		}, 3},
		{"committed in a later view", func(_ *Replica, tip *block) { tip.ref.View = 6 }, 0},
		{"committed in its own", func(_ *Replica, tip *block) { tip.ref.View = 5 }, 3},
	} {
		_, r := settled(t)
		r.view = 5
		tip := r.chain.byDigest[r.chain.committed.Digest]
		x.do(r, tip)
		got := pbft.Seq(0)
		if b := r.viewStart(); b != nil {
			got = b.ref.Seq
		}
		if got != x.want {
			t.Errorf("%s: on block %d, want %d", x.name, got, x.want)
		}
	}
}

// The headers of a NEW-VIEW come in one order, each once, all of the view of the highest
// certificate.
func TestAttachedHeadersComeOnce(t *testing.T) {
	c, r := settled(t)
	x, y := c.next(r, "x", nil).SignedHeader, c.next(r, "y", nil).SignedHeader
	if compareRefs(c.com.Ref(&x.Header), c.com.Ref(&y.Header)) > 0 {
		x, y = y, x
	}
	for _, k := range []struct {
		name    string
		headers []pbft.SignedHeader
		view    pbft.View
		want    pbft.Reason
	}{
		{"none", nil, 1, pbft.Accepted},
		{"two", []pbft.SignedHeader{x, y}, 1, pbft.Accepted},
		{"of another view", []pbft.SignedHeader{x, y}, 2, pbft.InvalidContent},
		{"out of order", []pbft.SignedHeader{y, x}, 1, pbft.InvalidContent},
		{"one twice", []pbft.SignedHeader{x, x}, 1, pbft.InvalidContent},
	} {
		_, got := r.checkHeaders(&pbft.NewView{Headers: k.headers}, pbft.BlockRef{View: k.view, Seq: 3})
		if got != k.want {
			t.Errorf("%s: %v, want %v", k.name, got, k.want)
		}
	}
}

// Only a block of the present view is progress of it: what older views left behind does
// not stop its timer.
func TestOnlyItsOwnBlocksAreAViewsProgress(t *testing.T) {
	for view, want := range map[pbft.View]bool{1: true, 3: false} {
		c, r := settled(t)
		x := c.next(r, "x", nil)
		b := r.addBlock(&x, true)
		r.view, r.backoff, r.clock.progressAt = view, 2, 0
		r.now = 9
		r.commitChain(b, b.header(), b.commit)
		if r.chain.committed != b.ref {
			t.Fatalf("view %d: committed %+v", view, r.chain.committed)
		}
		if got := r.clock.progressAt == 9 && r.backoff == 0; got != want {
			t.Errorf("a block of view 1 in view %d: progress %t, want %t", view, got, want)
		}
	}
}

// What is missing to vote for a block is asked for, from the first block on.
func TestTheBodyOfTheFirstBlockIsWanted(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	r := c.replicas[1]
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	r.addHeader(&x.SignedHeader)
	b := r.chain.byDigest[c.com.HeaderDigest(&x.Header)]
	r.wants = nil
	if r.preparable(b) || r.wanted(b.ref.Digest) == nil {
		t.Error("a block without its body is not asked for")
	}
}

// The entry proof goes with the first proposal of its view, and with no other.
func TestTheEntryComesWithTheFirstProposal(t *testing.T) {
	for _, x := range []struct {
		view pbft.View
		base pbft.Seq
		want bool
	}{{1, 2, true}, {1, 1, false}, {2, 2, false}} {
		_, r := settled(t)
		b := r.chain.byDigest[r.chain.committed.Digest] // block 3 of view 1
		r.view, r.entry = x.view, entry{baseSeq: x.base, newView: &pbft.NewView{View: 1}}
		if got := r.prePrepare(b).Entry != nil; got != x.want {
			t.Errorf("block 3 of view 1 in view %d from base %d: with its entry %t", x.view, x.base, got)
		}
	}
}

// Who may not vote joins no suspicion, even where as many as must be right have one.
func TestWhoMayNotVoteSuspectsNobody(t *testing.T) {
	for _, condition := range []pbft.Condition{pbft.Voting, pbft.Amnesic} {
		c, r := settled(t)
		r.become(condition)
		drain(r)
		for _, from := range []pbft.ReplicaID{2, 3} {
			if got := r.Receive(from, c.suspect(from, 1, pbft.SuspectTimeout)); got != pbft.Accepted {
				t.Fatalf("SUSPECT of %d: %v", from, got)
			}
		}
		r.Tick(c.clock, true)
		suspects := r.own != 0 || act(r)[pbft.KindSuspect] > 0
		if suspects != (condition == pbft.Voting) {
			t.Errorf("%v: suspects %t", condition, suspects)
		}
	}
}

// Who may not vote tells nobody again that it gave a view up.
func TestWhatIsSaidToANewChannel(t *testing.T) {
	for _, condition := range []pbft.Condition{pbft.Voting, pbft.Amnesic} {
		c, r := settled(t)
		if !r.startViewChange(2) {
			t.Fatal("no VIEW-CHANGE for view 2")
		}
		act(r)
		r.become(condition)
		r.Tick(c.clock, false)
		drain(r)
		r.Connected(3)
		told := 0
		for _, o := range drain(r).Messages {
			told += boolInt(o.Message.Kind() == pbft.KindViewChange && o.To == 3)
		}
		if told != boolInt(condition == pbft.Voting) {
			t.Errorf("%v: %d VIEW-CHANGEs", condition, told)
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Amnesia and a broken chain are for good.
func TestSomeConditionsAreForGood(t *testing.T) {
	for _, last := range []pbft.Condition{pbft.Amnesic, pbft.Broken} {
		_, r := settled(t)
		r.become(last)
		r.become(pbft.Voting)
		if got := r.Status().Condition; got != last {
			t.Errorf("%v became %v", last, got)
		}
	}
}

// What an answer from the store will cost is known before it is asked for: as many
// blocks as fit, one at least.
func TestServedBytesAreThoseOfTheBlocks(t *testing.T) {
	_, r := settled(t)
	each := pbft.HeaderBytes + 1
	for most, want := range map[int]int{1: each, each: each, 2*each - 1: each, 2 * each: 2 * each, 3 * each: 3 * each,
		100 * each: 3 * each} {
		if got := r.servedBytes(0, most); got != want {
			t.Errorf("of at most %d bytes: %d, want %d", most, got, want)
		}
	}
	if got := r.servedBytes(3, 1000); got != 0 {
		t.Errorf("above the last: %d", got)
	}
}

// Blocks that commit at once leave the timeout at its least.
func TestQuickBlocksKeepTheTimeoutShort(t *testing.T) {
	c, r := settled(t)
	for range 20 {
		c.propose("x")
	}
	if got, want := r.Status().TimeoutTicks, uint64(r.tm.TimeoutTicksMin); got != want {
		t.Errorf("a timeout of %d ticks, want %d", got, want)
	}
	if r.stats.p95 != 0 {
		t.Errorf("blocks that commit within a tick took %d", r.stats.p95)
	}
}

// What is missing below a block is its parent, at the height below it.
func TestWhatIsMissingIsTheParent(t *testing.T) {
	c, r, tip, child := chain3(t)
	if got := r.Receive(child.Header.Proposer, &pbft.PrePrepare{Block: child}); got != pbft.Accepted {
		t.Fatal(got)
	}
	b := r.chain.byDigest[c.com.Ref(&child.Header).Digest]
	delete(r.chain.byDigest, tip.Digest)
	r.chain.committed.Seq-- // so that the parent is wanted
	need, whole, conflict := r.missingBelow(b)
	if want := (pbft.BlockRef{Seq: tip.Seq, Digest: tip.Digest}); need != want || whole || conflict {
		t.Errorf("missing is %+v, want %+v; whole %t, conflict %t", need, want, whole, conflict)
	}
}
