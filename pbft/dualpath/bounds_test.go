package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What is done once and no more, and where a bound lies to the tick, block or position.

// A body that is held is not hashed again: who repeats a proposal costs nothing.
func TestABodyThatIsHeldIsNotHashedAgain(t *testing.T) {
	c, r := settled(t)
	hashed := 0
	r.cfg.PayloadRoot = func(p []byte) pbft.Digest {
		hashed++
		return payloadRoot(p)
	}
	x := c.next(r, "x", nil)
	m := &pbft.PrePrepare{Block: c.on(c.com.Ref(&x.Header), r.highRef, "y")}
	r.Receive(0, &pbft.PrePrepare{Block: x})
	again := *m
	again.Certificate = c.certificate(pbft.Prepared, c.com.Ref(&x.Header), 0, 2, 3) // that is news
	for _, m := range []*pbft.PrePrepare{m, &again} {
		if got := r.Receive(0, m); got != pbft.Accepted {
			t.Fatal(got)
		}
	}
	if hashed != 2 || r.highRef != c.com.Ref(&x.Header) {
		t.Errorf("two bodies are hashed %d times; certified is %v", hashed, r.highRef)
	}
}

// A body that comes after its header is looked at like any other.
func TestABodyIsHashedThoughItsHeaderIsHeld(t *testing.T) {
	for payload, want := range map[string]pbft.Reason{"x": pbft.Accepted, "z": pbft.InvalidContent} {
		c, r := settled(t)
		m := &pbft.PrePrepare{Block: c.next(r, "x", nil)}
		r.addHeader(&m.SignedHeader)
		m.Payload = []byte(payload)
		if got := r.Receive(0, m); got != want {
			t.Errorf("body %q: %v, want %v", payload, got, want)
		}
	}
}

// What has come is not wanted any more, nor what found no room; the rest still is.
func TestWhatHasComeIsNotWanted(t *testing.T) {
	c, r := settled(t)
	x, y := c.next(r, "x", nil), c.next(r, "y", nil)
	rx, ry := c.com.Ref(&x.Header), c.com.Ref(&y.Header)
	r.want(rx, 2, r.self, 0)
	r.want(ry, 2, 2, 0)
	if got := r.Receive(2, &pbft.Blocks{Blocks: []pbft.Block{x}}); got != pbft.Accepted {
		t.Fatal(got)
	}
	if r.wanted(rx.Digest) != nil || r.wanted(ry.Digest) == nil {
		t.Error("what has come is wanted, or what has not is not")
	}
	for i := range 2 * r.par.Window {
		loose := c.next(r, "loose", func(h *pbft.Header) { h.TimeMs += i })
		r.addBlock(&loose, false)
	}
	if got := r.Receive(2, &pbft.Blocks{Blocks: []pbft.Block{y}}); got != pbft.IgnoredQuota {
		t.Fatal(got)
	}
	if r.wanted(ry.Digest) != nil {
		t.Error("what has no room is asked for again")
	}
}

// A question names nothing at or below the committed block, whatever is held there
// beside it.
func TestAQuestionBeginsAboveTheCommittedBlock(t *testing.T) {
	c, r := settled(t)
	at := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}
	for s := pbft.Seq(2); s <= 4; s++ { // another branch, of which only the second body is held
		x := c.on(at, c.genesis(), "branch")
		at = c.com.Ref(&x.Header)
		if s == 2 {
			r.addBlock(&x, false)
		} else {
			r.insert(&x)
		}
	}
	if got := r.heldBelow(at.Digest); got != r.chain.committed.Seq {
		t.Errorf("it asks for what is above %d, committed is %d", got, r.chain.committed.Seq)
	}
}

// What the present view begins with is no loose block, nor is what lies below it.
func TestTheBaseOfAViewIsNotLoose(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	at := c.genesis()
	for range r.par.Window {
		x := c.on(at, c.genesis(), "x")
		at = c.com.Ref(&x.Header)
		r.addBlock(&x, false)
		y := c.header(1, pbft.BlockRef{Seq: at.Seq - 1, Digest: pbft.Digest{7}}, c.genesis(), "y", nil)
		r.addBlock(&y, false)
	}
	if !r.looseFull(0) {
		t.Fatal("two windows of loose blocks are not its share")
	}
	if r.enter(2, entry{base: at, baseSeq: at.Seq}); r.looseFull(0) {
		t.Error("the chain that the view extends counts")
	}
	r.enter(3, entry{base: c.genesis()})
	if !r.looseFull(0) {
		t.Fatal("the chain of a view that was left does not count")
	}
	if r.chain.byDigest[at.Digest].cert = c.certificate(pbft.Prepared, at, 0, 2, 3); r.looseFull(0) {
		t.Error("a certified chain counts")
	}
}

// The bodies of a few proposals are repeated at a time, and no more: they are large.
func TestFewProposalsAreRepeatedAtATime(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.start(0, nil)
	r.Tick(c.clock, false)
	proposed := 0
	for r.Propose([]byte("x"), payloadRoot([]byte("x")), nil, c.clock) {
		proposed++
		drain(r)
	}
	r.Connected(2)
	if got := act(r)[pbft.KindPrePrepare]; got != proposalsResentMax || proposed <= got {
		t.Errorf("%d of %d proposals are repeated, want %d", got, proposed, proposalsResentMax)
	}
}

// Who suspects says it again after half the timeout, but not less often than all else is
// repeated, and at most once in a tick.
func TestHowOftenASuspicionIsRepeated(t *testing.T) {
	for _, x := range []struct {
		timeout, retransmit uint32
		pause               int
	}{{10, 50, 5}, {200, 50, 50}, {10, 3, 3}, {10, 1, 1}, {1, 50, 1}} {
		_, r := settled(t)
		r.tm.TimeoutTicksMin, r.tm.RetransmitTicks, r.stats.p95 = x.timeout, x.retransmit, 0
		r.suspect(pbft.SuspectTimeout, nil)
		if got := act(r)[pbft.KindSuspect]; got != 1 {
			t.Errorf("%+v: it is said %d times", x, got)
		}
		for i := 1; i <= x.pause; i++ {
			r.Tick(r.clockMs, false)
			if got := act(r)[pbft.KindSuspect]; (got == 1) != (i == x.pause) || got > 1 {
				t.Errorf("%+v: said %d times after %d ticks", x, got, i)
			}
		}
	}
}

// After a restart, too, whoever waits for a NEW-VIEW says so, and its primary gets the
// VIEW-CHANGE again.
func TestWhoWaitsForANewViewSaysSo(t *testing.T) {
	c, r := settled(t)
	r.vcSent, r.ownVC, r.clock.viewChangeAt, r.clock.sentAt = 3, c.report(1, 3), r.now, r.now
	for range r.timeout() / 2 {
		if sent := act(r); sent[pbft.KindSuspect]+sent[pbft.KindViewChange] != 0 {
			t.Errorf("too early: %v", sent)
		}
		r.Tick(r.clockMs, false)
	}
	if sent := act(r); r.own != 0 || sent[pbft.KindSuspect] != 1 || sent[pbft.KindViewChange] != 1 {
		t.Errorf("suspects %d, sent %v", r.own, sent)
	}
}

// R10(b): a certificate does not lead into a view below the own VIEW-CHANGE.
func TestACertificateLeadsIntoNoViewThatWasGivenUp(t *testing.T) {
	for given, want := range map[pbft.View]pbft.View{0: 3, 3: 3, 4: 1} {
		c, r := settled(t)
		if given > 0 {
			r.vcSent, r.ownVC = given, c.report(1, given)
		}
		x := c.header(3, r.highRef, r.highRef, "x", nil)
		r.addBlock(&x, true)
		r.Receive(2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, c.com.Ref(&x.Header), 0, 2, 3)})
		if r.view != want {
			t.Errorf("after the VIEW-CHANGE for %d: view %d, want %d", given, r.view, want)
		}
	}
}

// R11(a): the last block of a tenure is the base of the next view, but for one at its
// height or above that a NEW-VIEW proves.
func TestAHandoverYieldsToTheNewView(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 16)
	x := c.on(pbft.BlockRef{View: 1, Seq: 15, Digest: pbft.Digest{3}}, c.genesis(), "x")
	last := c.com.Ref(&x.Header)
	for _, k := range []struct {
		seq     pbft.Seq
		newView *pbft.NewView
		want    bool
	}{{15, &pbft.NewView{}, true}, {16, &pbft.NewView{}, false}, {17, &pbft.NewView{}, false}, {16, nil, true}} {
		r := c.start(2, nil)
		r.enter(2, entry{base: pbft.BlockRef{View: 1, Seq: k.seq, Digest: pbft.Digest{9}}, newView: k.newView})
		b := r.addBlock(&x, true)
		b.cert = c.certificate(pbft.Prepared, last, 0, 1, 3)
		r.tryHandover(b)
		if got := r.entry.base == last; got != k.want {
			t.Errorf("a base at %d, by a NEW-VIEW %t: replaced %t", k.seq, k.newView != nil, got)
		}
	}
}

// R13(a): four windows of committed blocks and as many as execution may lag are
// remembered: a valid header names nothing below.
func TestHowManyCommittedBlocksAreRemembered(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.replicas[1]
	keep := pbft.Seq(4*r.par.Window) + pbft.Seq(r.par.ExecutionLag)
	for range keep + 5 {
		c.propose("x")
	}
	low := r.chain.executed - keep
	if r.chain.executed != keep+5 || r.committedAt(low) == nil || r.committedAt(low-1) != nil {
		t.Errorf("of %d blocks those from %d on are remembered, want from %d on", r.chain.executed, r.chain.low, low)
	}
}

// Where the headers are forgotten, an answer is counted for as much as it may have: what
// was asked for, or the largest block, which comes alone.
func TestAnAnswerOfUnknownSizeIsCountedInFull(t *testing.T) {
	_, r := settled(t)
	r.chain.low = 3
	largest := int(r.par.PayloadBytesMax)
	for most, want := range map[int]int{1: largest, largest: largest, largest + 1: largest + 1} {
		if got := r.servedBytes(0, most); got != want {
			t.Errorf("at most %d bytes: counted as %d, want %d", most, got, want)
		}
	}
}

// Who finds nobody that has what f+1 claim gives up after two rounds, and begins anew
// with their next claim.
func TestATargetThatNobodyHasIsGivenUp(t *testing.T) {
	_, r := settled(t)
	claim := func(s pbft.Seq) {
		for _, id := range []pbft.ReplicaID{2, 3} {
			r.Receive(id, &pbft.Status{Replica: id, View: 1, Committed: pbft.BlockRef{View: 1, Seq: s}})
		}
		if got := r.Status().Target; got != s {
			t.Fatalf("f+1 claim %d: the target is %d", s, got)
		}
	}
	for round := range pbft.Seq(2) {
		claim(40 + round)
		asked := make(map[pbft.ReplicaID]int)
		for range 12 * 10 * r.tm.FetchTicks {
			r.Tick(r.clockMs, false)
			for _, o := range drain(r).Messages {
				if o.Message.Kind() == pbft.KindFetch {
					asked[o.To]++
				}
			}
		}
		if len(asked) != 3 || asked[0]+asked[2]+asked[3] != 2*4+1 {
			t.Errorf("claim %d: asked %v", round, asked)
		}
		if got := r.Status().Target; got != r.chain.committed.Seq {
			t.Errorf("claim %d: after vain questions the target is %d", round, got)
		}
	}
}

// The share of a proposer's loose bodies ends at the byte and at the block.
func TestALooseShareEndsAtTheByte(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	for last, want := range map[int]bool{999: false, 1000: true} {
		r := c.start(1, nil)
		r.par.PayloadBytesMax = 1000
		for i, size := range []int{1000, last} {
			later := func(h *pbft.Header) { h.TimeMs += uint64(i) }
			x := c.header(1, c.genesis(), c.genesis(), string(make([]byte, size)), later)
			r.addBlock(&x, false)
		}
		if got := r.looseFull(0); got != want {
			t.Errorf("%d bytes of %d: full is %t", 1000+last, looseBytesMax*1000, got)
		}
	}
	r := c.start(1, nil)
	for i := range 2 * r.par.Window {
		if r.looseFull(0) {
			t.Errorf("full with %d blocks", i)
		}
		x := c.header(1, c.genesis(), c.genesis(), "x", func(h *pbft.Header) { h.TimeMs += i })
		r.addBlock(&x, false)
	}
}

// The proof of a view that was entered is not looked at again, whoever sends it along.
func TestTheProofOfThePresentViewIsNotLookedAt(t *testing.T) {
	for view, want := range map[pbft.View]pbft.Reason{1: pbft.InvalidContent, 3: pbft.Accepted} {
		c, r := settled(t)
		x := c.header(3, r.highRef, r.highRef, "x", nil)
		if view == 3 {
			r.enter(3, entry{base: r.highRef, baseSeq: r.highRef.Seq})
		}
		m := &pbft.PrePrepare{Block: x, Entry: c.newView(3, c.genesis(), nil)} // of no reports
		if got := r.Receive(2, m); got != want {
			t.Errorf("in view %d: %v, want %v", view, got, want)
		}
	}
}

// Who has committed much less than this replica is told, also while it goes on: it may
// lack what nobody sends any more.
func TestAPeerFarBelowIsAnsweredThoughItGoesOn(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.replicas[1]
	for range 3 * r.par.Window {
		c.propose("x")
	}
	bound := r.chain.committed.Seq - pbft.Seq(r.par.Window)
	for s, want := range map[pbft.Seq]bool{bound - 1: true, bound: false} {
		for _, at := range []pbft.Seq{s - 1, s} { // it goes on
			drain(r)
			r.now += answerTicks
			r.Receive(2, &pbft.Status{Replica: 2, View: 1, Committed: pbft.BlockRef{View: 1, Seq: at}, High: r.highRef.Rank()})
		}
		if _, got := sent[*pbft.Proof](drain(r)); got != want {
			t.Errorf("a peer that is at %d of %d: told is %t", s, r.chain.committed.Seq, got)
		}
		r.peers[2].status = nil
	}
}

// A member is told of its COMMIT that is in a certificate, where nothing else is left of it.
func TestARecallFindsTheCommitInACertificate(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	r := c.start(1, nil)
	x := c.on(c.genesis(), c.genesis(), "x")
	ref := c.com.Ref(&x.Header)
	r.Receive(0, &pbft.Blocks{Blocks: []pbft.Block{x}, Certificate: c.certificate(pbft.CommittedSlow, ref, 0, 2, 3)})
	drain(r)
	r.Receive(2, &pbft.Recall{Nonce: pbft.RecallCommits})
	m, ok := sent[*pbft.Recollection](drain(r))
	if !ok || m.Commit == nil || m.Commit.Block != ref || m.Commit.Replica != 2 {
		t.Errorf("%+v", m)
	}
}

// After a restart every result is known that a header may still name: those from the
// one that the last block names on.
func TestResultsThatMayBeNamedAreKnownAfterARestart(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	for exec, first := range map[pbft.Seq]pbft.Seq{0: 1, 1: 1, 3: 3} {
		top := pbft.Header{View: 1, Seq: 4*8 + 20, ExecSeq: exec}
		r, err := New(pbft.Config{Committee: c.com, Self: 1, Scheme: stub{}, PayloadRoot: payloadRoot,
			Sign:    func([]byte) (none pbft.Signature) { return none },
			Genesis: c.com.GenesisHeader(pbft.Digest{}, 1), Anchor: pbft.Anchor{Header: top},
			History: func(s pbft.Seq) (pbft.History, bool) {
				return pbft.History{Header: pbft.Header{View: 1, Seq: s}, StateRoot: pbft.Digest{byte(s)}}, true
			}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for s := pbft.Seq(1); s < top.Seq; s++ {
			if got := r.chain.results[s].state == (pbft.Digest{byte(s)}); got != (s >= first) {
				t.Errorf("the last block names %d: the result of %d is known: %t", exec, s, got)
			}
		}
	}
}

// What a log proves to be committed is committed again, and not logged again.
func TestCommitsOfTheLogAreNotLoggedAgain(t *testing.T) {
	c, _ := settled(t)
	rd := c.start(1, c.logs[1]).Ready()
	if len(rd.Committed) != 3 || len(rd.Records) != 0 {
		t.Errorf("%d blocks are committed, %d records written", len(rd.Committed), len(rd.Records))
	}
}

// A primary that lacks what its view begins with waits for it.
func TestAPrimaryWithoutItsBaseWaits(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", nil)
	r.enter(2, entry{base: c.com.Ref(&x.Header), baseSeq: 4}) // led by r1
	if h := r.ProposeHint(); h != pbft.ProposeNever {
		t.Errorf("without its base: hint %d", h)
	}
	if r.addBlock(&x, true).cert = c.certificate(pbft.Prepared, c.com.Ref(&x.Header), 0, 2, 3); r.ProposeHint() !=
		pbft.ProposeNow {
		t.Errorf("with it: hint %d", r.ProposeHint())
	}
}

// Each of a member's two votes of a position can be taken back, in any order, and what is
// not there cannot.
func TestEachVoteOfAPositionCanBeTakenBack(t *testing.T) {
	one, two := pbft.Digest{1}, pbft.Digest{2}
	for _, order := range [][]pbft.Digest{{one, two}, {two, one}, {one, one, {3}, two}} {
		_, r := settled(t)
		for _, d := range []pbft.Digest{one, two} {
			r.takeVote(votePrepare, &pbft.Vote{Replica: 2, Block: pbft.BlockRef{View: 1, Seq: 4, Digest: d}})
		}
		s := r.slots.byKey[slotKey{1, 4}]
		for _, d := range order {
			r.remove(s, votePrepare, 2, d)
			if s.find(votePrepare, 2, d) != nil {
				t.Errorf("order %v: %v is there", order, d)
			}
		}
		if r.peers[2].votes != 0 {
			t.Errorf("order %v: %d votes are counted", order, r.peers[2].votes)
		}
	}
}

// restored is r1 of a cluster, brought back at a height with what the store and the log
// have.
func restored(t *testing.T, c *cluster, at pbft.Header, history func(pbft.Seq) (pbft.History, bool),
	log ...pbft.Record) *Replica {
	t.Helper()
	r, err := New(pbft.Config{Committee: c.com, Self: 1, Scheme: stub{}, PayloadRoot: payloadRoot,
		Sign:    func(m []byte) pbft.Signature { return stubSign(c.com.Key(1), m) },
		Genesis: c.com.GenesisHeader(pbft.Digest{}, 1), Anchor: pbft.Anchor{Header: at}, History: history}, log)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// After a restart an own chain that ends at or below the last block is settled if the
// store shows its end, and not if nobody can.
func TestWhichChainsAreSettledAfterARestart(t *testing.T) {
	c, r := settled(t)
	own, other := *r.committedAt(3).header(), *r.committedAt(3).header()
	other.TimeMs++
	vote := func(h *pbft.Header) pbft.Record {
		return pbft.Record{Kind: pbft.RecordPrepare, Prepare: c.vote(1, votePrepare, c.com.Ref(h)).(*pbft.Prepare)}
	}
	shows := func(h pbft.Header) func(pbft.Seq) (pbft.History, bool) {
		return func(s pbft.Seq) (pbft.History, bool) { return pbft.History{Header: h}, s == h.Seq }
	}
	for _, x := range []struct {
		name    string
		at      pbft.Header
		history func(pbft.Seq) (pbft.History, bool)
		want    bool
	}{{"the same block", own, shows(own), true}, {"another", other, shows(other), false}, {"nothing", own, nil, false}} {
		r := restored(t, c, x.at, x.history, vote(r.committedAt(2).header()), vote(&own))
		if tip := r.tipOf(1); tip == nil || tip.settled != x.want {
			t.Errorf("the store shows %s: %+v", x.name, tip)
		}
	}
}

// A commit certificate of the log is the highest one again, also where its block is in
// the store alone, without it.
func TestACommitOfTheLogIsTheHighestAgain(t *testing.T) {
	c, r := settled(t)
	proof := c.certificate(pbft.CommittedSlow, r.chain.committed, 0, 2, 3)
	again := restored(t, c, *r.committedAt(3).header(), nil, pbft.Record{Kind: pbft.RecordCommit, Certificate: proof})
	again.logHigh()
	if n := len(again.Ready().Records); again.highRef != r.chain.committed || n != 0 {
		t.Errorf("the highest is %v, and %d records are written", again.highRef, n)
	}
	bare := c.start(1, []pbft.Record{{Kind: pbft.RecordCommit, Certificate: proof}})
	if bare.highRef != proof.Block {
		t.Errorf("without the block the highest is %v", bare.highRef)
	}
}

// When all that was prepared is committed, nothing waits: an idle primary has its time.
func TestWhatIsCommittedIsNotWaitedFor(t *testing.T) {
	_, r := settled(t)
	last := r.tipOf(1)
	if last == nil || last.last != r.chain.committed {
		t.Fatalf("the own chain ends with %+v", last)
	}
	for range r.tm.IdleTicks {
		r.Tick(r.clockMs, false)
	}
	if r.busy || r.own != 0 {
		t.Errorf("busy %t, suspects %d", r.busy, r.own)
	}
}

// Answers of a kind to one member keep a pause, and others get theirs.
func TestAnswersPause(t *testing.T) {
	for name, x := range map[string]struct {
		pause  uint64
		answer func(r *Replica, to pbft.ReplicaID)
	}{
		"of what it lacks": {answerTicks, func(r *Replica, to pbft.ReplicaID) {
			if r.mayAnswer(to) {
				r.answer(to, r.proof(r.high))
			}
		}},
		"of the view":     {answerTicks, func(r *Replica, to pbft.ReplicaID) { r.answerEntry(to) }},
		"where it stands": {2 * answerTicks, func(r *Replica, to pbft.ReplicaID) { r.askEntry(to) }},
	} {
		_, r := settled(t)
		r.enter(3, entry{base: r.highRef, newView: &pbft.NewView{}})
		answered := func(to pbft.ReplicaID) bool {
			x.answer(r, to)
			return len(drain(r).Messages) > 0
		}
		if drain(r); !answered(2) || answered(2) || !answered(3) {
			t.Errorf("%s: not once to each", name)
		}
		r.now += x.pause - 1
		if answered(2) {
			t.Errorf("%s: again after %d ticks", name, x.pause-1)
		}
		if r.now++; !answered(2) {
			t.Errorf("%s: not again after %d ticks", name, x.pause)
		}
	}
}
