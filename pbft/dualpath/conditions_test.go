package dualpath

import (
	"reflect"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// act answers the checks of a replica and counts what it sends, by kind.
func act(r *Replica) map[pbft.Kind]int {
	sent := make(map[pbft.Kind]int)
	for range 4 {
		rd := drain(r)
		for _, o := range rd.Messages {
			sent[o.Message.Kind()]++
		}
		for _, k := range rd.Checks {
			r.PayloadChecked(k.Digest, true)
		}
	}
	return sent
}

// R2, one condition at a time: what keeps a replica from its PREPARE, and whether it
// holds that against the primary.
func TestPreparingNeedsEveryCondition(t *testing.T) {
	type situation struct {
		c *cluster
		r *Replica
	}
	header := func(f func(x situation, h *pbft.Header)) func(x situation) pbft.Block {
		return func(x situation) pbft.Block { return x.c.next(x.r, "y", func(h *pbft.Header) { f(x, h) }) }
	}
	plain := header(func(situation, *pbft.Header) {})
	for _, k := range []struct {
		name    string
		block   func(x situation) pbft.Block
		before  func(x situation)
		suspect bool
		want    bool
	}{
		{name: "all is well", block: plain, want: true},
		{name: "another parent", block: header(func(_ situation, h *pbft.Header) { h.Parent = pbft.Digest{1} })},
		{name: "no later than its parent", suspect: true, block: header(func(x situation, h *pbft.Header) {
			h.TimeMs = x.r.chain.byDigest[h.Parent].header().TimeMs
		})},
		{name: "one ms later than its parent", want: true, block: header(func(x situation, h *pbft.Header) {
			h.TimeMs = x.r.chain.byDigest[h.Parent].header().TimeMs + 1
		})},
		{name: "as far ahead as clocks differ", want: true, block: header(func(x situation, h *pbft.Header) {
			h.TimeMs = x.r.clockMs + x.r.par.PrecisionMs
		})},
		{name: "farther ahead than clocks differ", block: header(func(x situation, h *pbft.Header) {
			h.TimeMs = x.r.clockMs + x.r.par.PrecisionMs + 1
		})},
		{name: "another base", block: header(func(_ situation, h *pbft.Header) { h.BaseSeq = 1 })},
		{name: "a false justification", suspect: true, block: header(func(_ situation,
			h *pbft.Header) {
			h.Justify.Digest[0]++
		})},
		{name: "a justification of another view", suspect: true, block: header(func(_ situation,
			h *pbft.Header) {
			h.Justify.View = 0
		})},
		{name: "an older justification", want: true, block: header(func(x situation, h *pbft.Header) {
			h.Justify = x.r.committedAt(1).ref
		})},
		{name: "less executed than its parent", suspect: true, block: plain, before: func(x situation) {
			p := x.r.chain.byDigest[x.r.chain.committed.Digest]
			b := *p.block
			b.Header.ExecSeq = 1
			p.block = &b
		}},
		{name: "another root where its parent executed", suspect: true, block: header(func(_ situation, h *pbft.Header) {
			h.ExecRoot[0]++
		})},
		{name: "another root than the own", suspect: true, block: header(func(_ situation,
			h *pbft.Header) {
			h.ExecSeq = 1
		})},
		{name: "the own root", want: true, block: header(func(x situation, h *pbft.Header) {
			h.ExecSeq, h.ExecRoot = 1, x.r.chain.results[1].state
		})},
		{name: "a root that is not known yet", block: header(func(x situation, h *pbft.Header) {
			h.ExecSeq = 2
			delete(x.r.chain.results, 2)
		})},
		{name: "after the own VIEW-CHANGE", block: plain, before: func(x situation) {
			x.r.vcSent, x.r.ownVC = 2, x.c.report(1, 2)
		}},
		{name: "amnesic", block: plain, before: func(x situation) { x.r.become(pbft.Amnesic) }},
		{name: "recalling", block: plain, before: func(x situation) { x.r.become(pbft.Recalling) }},
	} {
		c, r := settled(t)
		x := situation{c, r}
		if k.before != nil {
			k.before(x)
		}
		b := k.block(x)
		if got := r.Receive(0, &pbft.PrePrepare{Block: b}); got != pbft.Accepted {
			t.Errorf("%s: the proposal is %v", k.name, got)
		}
		sent := act(r)
		if got := sent[pbft.KindPrepare] > 0; got != k.want {
			t.Errorf("%s: prepared is %t", k.name, got)
		}
		if got := r.own == 1; got != k.suspect {
			t.Errorf("%s: suspected is %t", k.name, got)
		}
	}
}

// A payload that the driver finds invalid is not prepared, and its primary suspected.
func TestAnInvalidPayloadIsNotPrepared(t *testing.T) {
	c, r := settled(t)
	r.Receive(0, &pbft.PrePrepare{Block: c.next(r, "y", nil)})
	checks := drain(r).Checks
	if len(checks) != 1 || r.own != 0 {
		t.Fatalf("%d checks, suspected %d", len(checks), r.own)
	}
	r.PayloadChecked(pbft.Digest{1}, true)
	r.PayloadChecked(checks[0].Digest, false)
	r.PayloadChecked(checks[0].Digest, true) // the first verdict stands
	if act(r)[pbft.KindPrepare] != 0 || r.own != 1 {
		t.Errorf("prepared, or not suspected: %d", r.own)
	}
}

// A block ahead of the clock is prepared when the clock has come so far.
func TestABlockOfTheFutureWaits(t *testing.T) {
	c, r := settled(t)
	b := c.next(r, "y", func(h *pbft.Header) { h.TimeMs = r.clockMs + r.par.PrecisionMs + 20 })
	r.Receive(0, &pbft.PrePrepare{Block: b})
	for i, want := range []bool{false, false, true} {
		if i > 0 {
			r.Tick(r.clockMs+10, false)
		}
		if got := act(r)[pbft.KindPrepare] > 0; got != want {
			t.Errorf("after %d ticks: prepared is %t", i, got)
		}
	}
}

// What is missing below a proposal is asked for, and it is prepared when all is there.
func TestWhatIsMissingBelowIsAskedFor(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", nil)
	y := c.header(1, c.com.Ref(&x.Header), r.chain.committed, "y", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs++ })
	r.Receive(2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, c.com.Ref(&x.Header), 0, 2, 3),
		Header: &x.SignedHeader})
	r.Receive(0, &pbft.PrePrepare{Block: y})
	sent := act(r)
	if sent[pbft.KindPrepare] != 0 || sent[pbft.KindFetch] == 0 {
		t.Fatalf("without the body below: %v", sent)
	}
	if got := r.Receive(2, &pbft.Blocks{Blocks: []pbft.Block{x}}); got != pbft.Accepted {
		t.Fatal(got)
	}
	if sent := act(r); sent[pbft.KindPrepare] == 0 {
		t.Errorf("with it: %v", sent)
	}
	if tip := r.tipOf(1); tip == nil || tip.last.Seq != 5 {
		t.Errorf("the tip is %+v", tip)
	}
}

// What a PREPARE rests on is in the records of its turn: the entry into the view, the
// highest certificate, the body, and the vote itself.
func TestAPrepareIsInTheRecords(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	c.propose("x")
	c.clock += 10
	r := c.replicas[1]
	r.Tick(c.clock, false)
	r.enter(5, entry{base: r.highRef, baseSeq: r.highRef.Seq})
	r.highLog = false
	x := c.header(5, r.highRef, r.highRef, "y", nil)
	r.Receive(0, &pbft.PrePrepare{Block: x})
	checks := drain(r)
	r.PayloadChecked(checks.Checks[0].Digest, true)
	rd := r.Ready()
	var kinds []pbft.RecordKind
	for _, k := range rd.Records {
		kinds = append(kinds, k.Kind)
	}
	want := []pbft.RecordKind{pbft.RecordCertificate, pbft.RecordEntry, pbft.RecordBlock, pbft.RecordPrepare}
	if len(kinds) != len(want) {
		t.Fatalf("records of kinds %v, want %v", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Fatalf("records of kinds %v, want %v", kinds, want)
		}
	}
	s := r.slots.byKey[slotKey{5, 2}]
	if s != nil && s.own(votePrepare, 1) != nil {
		t.Error("the own vote counts before it is durable")
	}
	r.Advance()
	if s := r.slots.byKey[slotKey{5, 2}]; s == nil || s.own(votePrepare, 1) == nil {
		t.Error("the own vote does not count when it is durable")
	}
}

// certify shows a replica enough PREPAREs for a block that it knows.
func certify(c *cluster, r *Replica, b pbft.BlockRef, ids ...pbft.ReplicaID) {
	for _, id := range ids {
		r.Receive(id, c.vote(id, votePrepare, b))
	}
}

// R3: a certificate brings the COMMIT, logged before it, once; not after a VIEW-CHANGE,
// and not for what is committed unless another needs it.
func TestCommitVotes(t *testing.T) {
	slow := func(t *testing.T) (*cluster, *Replica, pbft.Block) {
		c := newClusterOf(t, 4, 1, 0, 4096) // three PREPAREs commit nothing
		r := c.replicas[1]
		x := c.header(1, c.genesis(), c.genesis(), "x", nil)
		r.Receive(0, &pbft.PrePrepare{Block: x})
		return c, r, x
	}
	c, r, x := slow(t)
	ref := c.com.Ref(&x.Header)
	certify(c, r, ref, 0, 2, 3)
	rd := drain(r)
	logged, commits := false, 0
	for _, k := range rd.Records {
		logged = logged || k.Kind == pbft.RecordCertificate && k.Certificate.Block == ref
	}
	for _, o := range rd.Messages {
		if o.Message.Kind() == pbft.KindCommit {
			commits++
		}
	}
	if !logged || commits != 1 {
		t.Errorf("certificate logged %t, %d COMMITs", logged, commits)
	}
	r.Receive(2, c.vote(2, voteCommit, ref))
	if act(r)[pbft.KindCommit] != 0 {
		t.Error("the COMMIT is cast twice")
	}
	c, r, x = slow(t)
	r.vcSent, r.ownVC = 2, c.report(1, 2)
	certify(c, r, c.com.Ref(&x.Header), 0, 2, 3)
	if act(r)[pbft.KindCommit] != 0 {
		t.Error("a COMMIT after the VIEW-CHANGE")
	}
	// A later certificate that is not the highest is logged too.
	c, r, x = slow(t)
	y := c.header(1, c.com.Ref(&x.Header), c.genesis(), "y", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs++ })
	r.Receive(0, &pbft.PrePrepare{Block: y})
	certify(c, r, c.com.Ref(&y.Header), 0, 2, 3)
	drain(r)
	certify(c, r, c.com.Ref(&x.Header), 0, 2, 3)
	logged = false
	for _, k := range drain(r).Records {
		logged = logged || k.Kind == pbft.RecordCertificate && k.Certificate.Block == c.com.Ref(&x.Header)
	}
	if !logged {
		t.Error("the certificate behind a lower COMMIT is not logged")
	}
}

// A block that commits while it cannot be followed yet: the COMMIT is kept back until
// another member's shows that it is needed.
func TestACommitIsCastWhereOthersNeedIt(t *testing.T) {
	for _, needed := range []bool{false, true} {
		c, r := settled(t)
		x := c.next(r, "x", nil)
		y := c.header(1, c.com.Ref(&x.Header), r.chain.committed, "y", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs++ })
		ref := c.com.Ref(&y.Header)
		r.Receive(0, &pbft.PrePrepare{Block: y}) // x is not known
		if needed {
			r.Receive(2, c.vote(2, voteCommit, ref))
		}
		r.Receive(3, &pbft.Proof{Certificate: c.certificate(pbft.CommittedFast, ref, 0, 2, 3)})
		if got := act(r)[pbft.KindCommit] > 0; got != needed {
			t.Errorf("another's COMMIT seen %t: cast %t", needed, got)
		}
	}
}

// After a restart the COMMITs for what is certified and not committed are cast again.
func TestCommitsAreCastAgainAfterTheRecall(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	ref := c.com.Ref(&x.Header)
	log := []pbft.Record{{Kind: pbft.RecordBlock, Block: &x},
		{Kind: pbft.RecordCertificate, Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)}}
	r, err := New(pbft.Config{Committee: c.com, Self: 1, Scheme: stub{}, PayloadRoot: payloadRoot, Recall: true,
		Sign:    func(m []byte) pbft.Signature { return stubSign(c.com.Key(1), m) },
		Genesis: c.com.GenesisHeader(pbft.Digest{}, 1)}, log)
	if err != nil {
		t.Fatal(err)
	}
	r.Tick(c.clock, false)
	if sent := act(r); sent[pbft.KindCommit]+sent[pbft.KindPrepare]+sent[pbft.KindSuspect] != 0 {
		t.Fatalf("while it recalls it signs: %v", sent)
	}
	for i, id := range []pbft.ReplicaID{2, 3} {
		if r.condition != pbft.Recalling {
			t.Fatalf("%v after %d answers", r.condition, i)
		}
		r.Receive(id, &pbft.Recollection{Nonce: r.recall.nonce + 1})
		r.Receive(id, &pbft.Recollection{Nonce: r.recall.nonce})
		if got := r.Receive(id, &pbft.Recollection{Nonce: r.recall.nonce}); got != pbft.IgnoredUnwanted {
			t.Errorf("a second answer of one member: %v", got)
		}
	}
	for range r.tm.RecallTicks {
		r.Tick(c.clock, false) // the third member has its time
	}
	if sent := act(r); r.condition != pbft.Voting || sent[pbft.KindCommit] != 1 {
		t.Errorf("after the recall it is %v and sends %v", r.condition, sent)
	}
}

// A recall ends with the answers of all, or of n-1-f when the others have had their time:
// never by time alone.
func TestARecallEnds(t *testing.T) {
	for _, x := range []struct {
		answers []pbft.ReplicaID
		ticks   uint32
		want    pbft.Condition
	}{
		{nil, 5000, pbft.Recalling},
		{[]pbft.ReplicaID{2}, 5000, pbft.Recalling},
		{[]pbft.ReplicaID{2, 3}, 199, pbft.Recalling},
		{[]pbft.ReplicaID{2, 3}, 200, pbft.Voting},
		{[]pbft.ReplicaID{0, 2, 3}, 0, pbft.Voting},
	} {
		c := newClusterOf(t, 4, 1, 0, 4096)
		c.recall = true
		c.propose("x")
		r := c.resume(1, c.logs[1])
		for _, id := range x.answers {
			r.Receive(id, &pbft.Recollection{Nonce: r.recall.nonce})
		}
		for range x.ticks {
			r.Tick(c.clock, false)
		}
		if r.condition != x.want {
			t.Errorf("%d answers and %d ticks: %v, want %v", len(x.answers), x.ticks, r.condition, x.want)
		}
	}
}

// Who has not answered is asked again, on a new channel and by time, also when the recall
// has ended; who has is not.
func TestWhoHasNotAnsweredIsAskedAgain(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	c.recall = true
	c.propose("x")
	r := c.resume(1, c.logs[1])
	drain(r)
	asked := func() (to []pbft.ReplicaID) {
		for _, o := range drain(r).Messages {
			if o.Message.Kind() == pbft.KindRecall {
				to = append(to, o.To)
			}
		}
		return to
	}
	for _, id := range []pbft.ReplicaID{2, 3} {
		r.Receive(id, &pbft.Recollection{Nonce: r.recall.nonce})
	}
	for id := range pbft.ReplicaID(4) {
		r.Connected(id)
	}
	if got := asked(); !slices.Equal(got, []pbft.ReplicaID{0}) {
		t.Errorf("on new channels it asks %v", got)
	}
	for range r.tm.RecallTicks {
		r.Tick(c.clock, false)
	}
	drain(r)
	for range r.tm.RetransmitTicks {
		r.Tick(c.clock, false)
	}
	if got := asked(); r.condition != pbft.Voting || !slices.Equal(got, []pbft.ReplicaID{0}) {
		t.Errorf("%v, it asks %v", r.condition, got)
	}
	r.LogLacks(&pbft.Recollection{})
	for range r.tm.RetransmitTicks {
		r.Tick(c.clock, false)
	}
	if got := asked(); len(got) != 0 {
		t.Errorf("amnesic it asks %v", got)
	}
}

// What has shown that the log lacks something is logged once, kept by a compaction, and
// ends nothing when the peers have forgotten it.
func TestAmnesiaIsDurable(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	c.recall = true
	c.propose("x")
	r := c.resume(1, c.logs[1])
	drain(r)
	far := pbft.BlockRef{View: 9, Seq: 9, Digest: pbft.Digest{9}}
	vote := pbft.Vote{Block: far, Replica: 1, Signature: stubSign(c.com.Key(1), c.com.PrepareBytes(far))}
	r.Receive(2, &pbft.Recollection{Nonce: r.recall.nonce, Prepare: &pbft.Prepare{Vote: vote},
		Commit: &pbft.Commit{Vote: pbft.Vote{Replica: 1}}})
	want := &pbft.Recollection{Prepare: &pbft.Prepare{Vote: vote}}
	logged := func(rs []pbft.Record) (shown []*pbft.Recollection) {
		for i := range rs {
			if rs[i].Kind == pbft.RecordAmnesia {
				shown = append(shown, rs[i].Shown)
			}
		}
		return shown
	}
	got := logged(drain(r).Records)
	if r.condition != pbft.Amnesic || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Fatalf("%v, logs %+v", r.condition, got)
	}
	r.LogLacks(&pbft.Recollection{Epoch: 7})
	if again := logged(drain(r).Records); len(again) != 0 {
		t.Errorf("logs %+v too", again)
	}
	durable := r.Durable()
	if got := logged(durable); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("a compaction keeps %+v", got)
	}
	r = c.resume(1, durable)
	for id := range pbft.ReplicaID(4) {
		r.Receive(id, &pbft.Recollection{Nonce: r.recall.nonce})
	}
	if r.condition != pbft.Amnesic {
		t.Errorf("after a restart it is %v", r.condition)
	}
}

// Votes with false signatures complete nothing, and their place is free again.
func TestFalseVotesDoNotCount(t *testing.T) {
	for kind := voteKind(0); kind < voteKinds; kind++ {
		c := newClusterOf(t, 4, 1, 0, 4096)
		r := c.replicas[1]
		x := c.header(1, c.genesis(), c.genesis(), "x", nil)
		ref := c.com.Ref(&x.Header)
		r.addBlock(&x, true)
		r.chain.byDigest[ref.Digest].payload = invalid // no own PREPARE
		done := func() bool {
			b := r.chain.byDigest[ref.Digest]
			return b.cert != nil || b.commit != nil || b.committed
		}
		untrue := func(id pbft.ReplicaID) pbft.Message {
			m := c.vote(id, kind, ref)
			if v, ok := m.(*pbft.Prepare); ok {
				v.Signature[0]++
			} else {
				m.(*pbft.Commit).Signature[0]++
			}
			return m
		}
		r.Receive(0, untrue(0))
		r.Receive(2, c.vote(2, kind, ref))
		if done() {
			t.Fatalf("kind %d: two votes suffice", kind)
		}
		r.Receive(3, c.vote(3, kind, ref))
		if done() || r.peers[0].votes != 0 {
			t.Errorf("kind %d: a false vote completes, or %d are counted", kind, r.peers[0].votes)
		}
		if got := r.Receive(0, c.vote(0, kind, ref)); got != pbft.Accepted || !done() {
			t.Errorf("kind %d: the true vote is %v, done %t", kind, got, done())
		}
	}
}

// R6 and R7: f+1 SUSPECTs make a replica join, m make it leave; they count for a while,
// those for being slow do not make anybody join, and a VIEW-CHANGE counts as one.
func TestSuspicionsCount(t *testing.T) {
	for _, x := range []struct {
		name   string
		from   []pbft.ReplicaID
		reason pbft.SuspectReason
		wait   uint64
		joins  bool
		leaves bool
	}{
		{"one", []pbft.ReplicaID{0}, pbft.SuspectTimeout, 0, false, false},
		{"two", []pbft.ReplicaID{0, 2}, pbft.SuspectTimeout, 0, true, true},
		{"two that are slow", []pbft.ReplicaID{0, 2}, pbft.SuspectSlow, 0, false, false},
		{"three that are slow", []pbft.ReplicaID{0, 2, 3}, pbft.SuspectSlow, 0, false, true},
		{"in time", []pbft.ReplicaID{0, 2}, pbft.SuspectTimeout, 200, true, true},
		{"too old", []pbft.ReplicaID{0, 2}, pbft.SuspectTimeout, 201, false, false},
	} {
		c, r := settled(t)
		first := x.from[:1]
		for _, id := range first {
			r.Receive(id, c.suspect(id, 1, x.reason))
		}
		r.now += x.wait
		for _, id := range x.from[1:] {
			r.Receive(id, c.suspect(id, 1, x.reason))
		}
		if got := r.own == 1; got != x.joins {
			t.Errorf("%s: joins %t", x.name, got)
		}
		if got := r.vcSent == 2; got != x.leaves {
			t.Errorf("%s: leaves %t", x.name, got)
		}
	}
	c, r := settled(t)
	r.Receive(2, c.report(2, 2))
	r.Receive(3, c.report(3, 2))
	if r.vcSent != 2 {
		t.Error("VIEW-CHANGEs do not count as SUSPECTs")
	}
	// The lower of two views counts, up to which this replica joins.
	c, r = settled(t)
	r.Receive(0, c.suspect(0, 9, pbft.SuspectTimeout))
	r.Receive(2, c.suspect(2, 5, pbft.SuspectTimeout))
	if r.vcSent != 6 {
		t.Errorf("VIEW-CHANGE for %d, want 6", r.vcSent)
	}
}

// f members with other results change nothing, and neither do forged ones; f+1 stop
// this replica.
func TestDivergenceNeedsAnHonestMember(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.replicas[1]
	r.condition = pbft.Recalling // does not attest itself
	c.down[0], c.down[2], c.down[3] = true, true, true
	x := c.header(1, c.genesis(), c.genesis(), "x", nil)
	ref := c.com.Ref(&x.Header)
	r.Receive(0, &pbft.Blocks{Blocks: []pbft.Block{x}, Certificate: c.certificate(pbft.CommittedSlow, ref, 0, 2, 3)})
	drain(r)
	r.Executed(1, pbft.Digest{1}, pbft.Digest{}, nil)
	r.condition = pbft.Voting
	attest := func(id pbft.ReplicaID, state byte) *pbft.Checkpoint {
		m := &pbft.Checkpoint{Seq: 1, Block: ref.Digest, StateRoot: pbft.Digest{state}, Replica: id}
		m.Signature = stubSign(c.com.Key(id), c.com.CheckpointBytes(1, m.Block, m.StateRoot, pbft.Digest{}))
		return m
	}
	r.Receive(0, attest(0, 2))
	if r.condition != pbft.Voting {
		t.Fatalf("one other result: %v", r.condition)
	}
	forged := attest(2, 2)
	forged.Signature[0]++
	r.Receive(2, forged)
	if r.condition != pbft.Voting {
		t.Fatalf("a forged one: %v", r.condition)
	}
	r.Receive(3, attest(3, 3))
	if r.condition != pbft.Voting {
		t.Fatalf("two different ones: %v", r.condition)
	}
	r.Receive(2, attest(2, 2))
	if r.condition != pbft.Diverged {
		t.Errorf("f+1 other results: %v", r.condition)
	}
}

// R1: how far a primary may propose.
func TestProposingKeepsToWindowAndTenure(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 16)
	r := c.start(0, nil)
	r.Tick(c.clock, false)
	propose := func() bool { return r.Propose([]byte("x"), payloadRoot([]byte("x")), nil, c.clock) }
	count := 0
	for propose() {
		count++
		drain(r)
	}
	if count != 8 {
		t.Errorf("%d proposals without a certificate, the window is 8", count)
	}
	certifyAll := func() {
		for s := pbft.Seq(1); s <= r.chain.last; s++ {
			for _, b := range r.chain.bySeq[s] {
				if !b.certified() {
					for _, id := range []pbft.ReplicaID{1, 2} {
						r.Receive(id, c.vote(id, votePrepare, b.ref))
					}
				}
			}
		}
		act(r)
	}
	certifyAll()
	for propose() {
		count++
		drain(r)
	}
	if count != 16 {
		t.Errorf("%d proposals, the tenure is 16", count)
	}
	certifyAll()
	if r.view != 2 || r.ProposeHint() != pbft.ProposeNever {
		t.Errorf("after the tenure: view %d, hint %d", r.view, r.ProposeHint())
	}
	if other := c.start(1, nil); other.ProposeHint() != pbft.ProposeNever {
		t.Error("a backup may propose")
	}
	r = c.start(0, nil)
	r.par.PayloadBytesMax = 3
	if r.Propose([]byte("four"), pbft.Digest{}, nil, 1) || !r.Propose([]byte("thr"), pbft.Digest{}, nil, 1) {
		t.Error("the limit of a payload is not kept")
	}
}

// When a primary must propose, though nothing waits.
func TestProposingWhenIdle(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	r := c.start(0, nil)
	for range r.tm.IdleTicks - 1 {
		r.Tick(c.clock, false)
		if h := r.ProposeHint(); h != pbft.ProposeIfPending {
			t.Fatalf("hint %d before the idle time", h)
		}
		r.clock.progressAt = r.now
	}
	r.Tick(c.clock, false)
	if h := r.ProposeHint(); h != pbft.ProposeNow {
		t.Errorf("hint %d after the idle time", h)
	}
	c, r = settled(t)
	lead := c.replicas[0]
	lead.enter(5, entry{base: r.highRef, baseSeq: 3})
	if h := lead.ProposeHint(); h != pbft.ProposeNow {
		t.Errorf("hint %d at the start of a view", h)
	}
}

// What a header says: the state after min(executed - D, justification), never below the
// parent's, and a time above the parent's.
func TestWhatAProposalSays(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	for range 10 {
		c.propose("x")
	}
	r := c.replicas[0]
	h := r.proposal.last.header()
	if h.Seq != 10 || h.ExecSeq != 5 || h.ExecRoot != r.chain.results[5].state || h.Justify.Seq != 9 || !h.Armed() {
		t.Errorf("%+v", h)
	}
	r.Propose(nil, pbft.Digest{}, nil, 5)
	if g := r.proposal.last.header(); g.TimeMs != h.TimeMs+1 || g.Parent != c.com.HeaderDigest(h) || g.ExecSeq != 6 {
		t.Errorf("with a clock that was set back: %+v", g)
	}
}

// A timer runs out after its time: with payload waiting, without, and for a NEW-VIEW.
func TestTimers(t *testing.T) {
	for _, x := range []struct {
		name    string
		pending bool
		change  bool
		ticks   uint64
	}{{"busy", true, false, 10}, {"idle", false, false, 110}, {"NEW-VIEW", false, true, 10}} {
		c := newClusterOf(t, 4, 1, 1, 4096)
		r := c.start(1, nil)
		if x.change {
			r.vcSent, r.ownVC = 2, c.report(1, 2)
		}
		ticks := uint64(0)
		for r.own == 0 && ticks < 1000 {
			r.Tick(c.clock, x.pending)
			ticks++
		}
		if x.pending {
			ticks-- // the first tick shows that something waits
		}
		if ticks != x.ticks {
			t.Errorf("%s: suspected after %d ticks, want %d", x.name, ticks, x.ticks)
		}
	}
	r := newClusterOf(t, 4, 1, 1, 4096).start(1, nil)
	for _, x := range []struct {
		p95     uint64
		backoff uint32
		want    uint64
	}{{0, 0, 10}, {5, 0, 20}, {1000, 0, 200}, {0, 1, 10}, {0, 2, 20}, {0, 4, 80}, {1000, 30, 3200}} {
		r.stats.p95, r.backoff = x.p95, x.backoff
		if got := r.timeout(); got != x.want {
			t.Errorf("p95 %d, backoff %d: %d ticks, want %d", x.p95, x.backoff, got, x.want)
		}
	}
}

// A report supports a block if its highest certificate is of the block's view and its
// own chain of that view reaches above it.
func TestWhatSupportsABlock(t *testing.T) {
	c := pbft.BlockRef{View: 3, Seq: 7}
	for _, x := range []struct {
		high, tip pbft.BlockRef
		want      bool
	}{
		{pbft.BlockRef{View: 3, Seq: 7}, pbft.BlockRef{View: 3, Seq: 8, Digest: pbft.Digest{1}}, true},
		{pbft.BlockRef{View: 2, Seq: 7}, pbft.BlockRef{View: 3, Seq: 8, Digest: pbft.Digest{1}}, false},
		{pbft.BlockRef{View: 3, Seq: 7}, pbft.BlockRef{View: 3, Seq: 7, Digest: pbft.Digest{1}}, false},
		{pbft.BlockRef{View: 3, Seq: 7}, pbft.BlockRef{}, false},
	} {
		if got := supports(&pbft.ViewChange{High: x.high, Tip: x.tip}, c); got != x.want {
			t.Errorf("high %v, tip %v: %v", x.high, x.tip, got)
		}
	}
}
