package dualpath

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

const patientFor = 3_000

// patient is a replica of seven (q = 5, F = 6) that gives the fast path patientFor, and a
// proposal that it has prepared.
func patient(t *testing.T) (c *cluster, r *Replica, b *block) {
	t.Helper()
	c = newClusterOf(t, 7, 2, 1, 4096)
	for range 3 {
		c.propose("x")
	}
	r = c.replicas[1]
	r.cfg.Patience = true
	r.Now(1_000_000)
	r.patience.fast, r.patience.p90 = 0xff, patientFor/2
	for id := range r.peers {
		r.Measured(pbft.ReplicaID(id), 50_000)
	}
	x := c.child(r, r.chain.committed, nil)
	if got := r.Receive(0, &pbft.PrePrepare{Block: x}); got != pbft.Accepted {
		t.Fatal(got)
	}
	act(r)
	return c, r, r.chain.byDigest[c.com.HeaderDigest(&x.Header)]
}

// votes has members vote for a block.
func votes(c *cluster, r *Replica, kind voteKind, b *block, ids ...pbft.ReplicaID) {
	for _, id := range ids {
		r.Receive(id, c.vote(id, kind, b.ref))
	}
}

// commits returns to whom a replica sends COMMITs, and whether the certificate behind them
// is in the log by then.
func commits(r *Replica, b *block) (to []pbft.ReplicaID, logged bool) {
	rd := drain(r)
	for _, x := range rd.Records {
		logged = logged || (x.Kind == pbft.RecordCertificate || x.Kind == pbft.RecordCommit) && x.Certificate.Block == b.ref
	}
	for _, o := range rd.Messages {
		if o.Message.Kind() == pbft.KindCommit {
			to = append(to, o.To)
		}
	}
	return to, logged
}

// V1: the COMMIT for a certified block waits for the fast path, and is cast when its time
// runs out or f+1 others were not so patient.
func TestACommitWaitsForTheFastPath(t *testing.T) {
	all := []pbft.ReplicaID{pbft.Everyone}
	for _, x := range []struct {
		name string
		do   func(c *cluster, r *Replica, b *block)
		want []pbft.ReplicaID
	}{
		{"not yet", func(_ *cluster, r *Replica, _ *block) { r.Now(r.nowUs + patientFor - 1) }, nil},
		{"its time has run out", func(_ *cluster, r *Replica, _ *block) { r.Now(r.nowUs + patientFor) }, all},
		{"its time has run out at the second look", func(_ *cluster, r *Replica, _ *block) {
			r.Now(r.nowUs + patientFor - 1)
			r.Now(r.nowUs + 1)
		}, all},
		{"f others", func(c *cluster, r *Replica, b *block) { votes(c, r, voteCommit, b, 2, 3) }, nil},
		{"f+1 others", func(c *cluster, r *Replica, b *block) { votes(c, r, voteCommit, b, 2, 3, 4) }, all},
		{"the fast path comes", func(c *cluster, r *Replica, b *block) {
			votes(c, r, votePrepare, b, 5)
			r.Now(r.nowUs + patientFor)
		}, nil},
		{"the view was given up", func(_ *cluster, r *Replica, _ *block) {
			r.vcSent, r.ownVC = 2, &pbft.ViewChange{View: 2}
			r.Now(r.nowUs + patientFor)
		}, nil},
		{"a later view has begun", func(_ *cluster, r *Replica, _ *block) {
			r.view = 2
			r.Now(r.nowUs + 1)
		}, all},
	} {
		c, r, b := patient(t)
		votes(c, r, votePrepare, b, 0, 2, 3, 4)
		if to, _ := commits(r, b); len(to) != 0 || !b.certified() || r.WakeUs() != r.nowUs+patientFor {
			t.Fatalf("%s: COMMITs to %v; wakes in %d us", x.name, to, r.WakeUs()-r.nowUs)
		}
		x.do(c, r, b)
		to, logged := commits(r, b)
		if !slices.Equal(to, x.want) || len(to) > 0 && !logged {
			t.Errorf("%s: COMMITs to %v, want %v; certificate logged: %t", x.name, to, x.want, logged)
		}
		if r.Now(r.nowUs + 1e6); len(r.patience.waiting) != 0 {
			t.Errorf("%s: %d blocks wait for ever", x.name, len(r.patience.waiting))
		}
	}
}

// Only what may commit fast waits: an armed block of this view.
func TestNothingElseWaits(t *testing.T) {
	for name, do := range map[string]func(r *Replica, b *block){
		"unarmed":              func(_ *Replica, b *block) { b.block.Header.Justify.View = 0 },
		"of an older view":     func(r *Replica, _ *block) { r.view = 2 },
		"without patience":     func(r *Replica, _ *block) { r.patience.p90 = 0 },
		"with patience off":    func(r *Replica, _ *block) { r.cfg.Patience = false },
		"while much is slow":   func(r *Replica, _ *block) { r.patience.fast = 0x7f },
		"of an unknown length": func(r *Replica, _ *block) { r.peers[2], r.peers[3], r.peers[4] = peer{}, peer{}, peer{} },
	} {
		_, r, b := patient(t)
		do(r, b)
		if r.waits(b) {
			t.Errorf("%s: waits", name)
		}
	}
}

// The wait is the least of ten milliseconds, twice the spread, and what COMMITs would take.
func TestHowLongACommitWaits(t *testing.T) {
	for _, x := range []struct {
		name             string
		trips            [7]uint64
		p90, round, want uint64
	}{
		{"twice the usual spread", [7]uint64{9e6, 0, 9e6, 9e6, 9e6, 9e6, 9e6}, 700, 0, 1400},
		{"the way to a quorum", [7]uint64{400, 1, 900, 300, 9e6, 500, 9e6}, 4000, 0, 900},
		{"a round of votes, where it takes longer", [7]uint64{400, 1, 900, 300, 9e6, 500, 9e6}, 4000, 2500, 2500},
		{"the way, where it is longer", [7]uint64{400, 1, 900, 300, 9e6, 500, 9e6}, 4000, 899, 900},
		{"twice the spread in any case", [7]uint64{400, 1, 900, 300, 9e6, 500, 9e6}, 700, 2500, 1400},
		{"the way to a quorum that is just known", [7]uint64{400, 0, 900, 0, 0, 500, 100}, 4000, 0, 900},
		{"nothing, where it is not", [7]uint64{400, 0, 900, 0, 0, 500, 0}, 4000, 2500, 0},
		{"ten milliseconds", [7]uint64{9e6, 0, 9e6, 9e6, 9e6, 9e6, 9e6}, 90_000, 90_000, patienceUsMax},
	} {
		_, r, _ := patient(t)
		r.patience.p90, r.patience.round = x.p90, x.round
		for id, us := range x.trips {
			r.Measured(pbft.ReplicaID(id), us)
		}
		if got := r.patienceUs(); got != x.want {
			t.Errorf("%s: %d us, want %d", x.name, got, x.want)
		}
	}
}

// How far the F-th PREPARE is behind the q-th is measured for each armed block, once, and how
// far the q-th is behind the own.
func TestTheSpreadIsMeasured(t *testing.T) {
	_, r, _ := patient(t)
	r.patience = patience{}
	for i := range uint64(16) {
		b := &block{}
		if i%4 != 0 {
			b.castUs = r.nowUs + 1 + uint64(i%4) - 2 // before the q-th, and once never
		}
		r.noteSpread(b, r.quorum()-1)
		r.Now(r.nowUs + 50)
		r.noteSpread(b, r.quorum())
		r.Now(r.nowUs + 100*i)
		r.noteSpread(b, r.com.FastQuorum()-1)
		r.noteSpread(b, r.com.FastQuorum())
		r.Now(r.nowUs + 77)
		r.noteSpread(b, r.com.FastQuorum()+1)
	}
	if r.patience.count != 16 || r.patience.p90 != 1400 {
		t.Errorf("nine of ten of %d spreads are below %d us", r.patience.count, r.patience.p90)
	}
	if r.patience.round != 50 {
		t.Errorf("a round of votes takes %d us", r.patience.round)
	}
}

// The fast path is trusted if half of the last 16 armed blocks took it that were prepared here.
func TestTheFastPathIsTrustedWhereItWorks(t *testing.T) {
	_, r, b := patient(t)
	r.patience.fast = 0
	fast, slow := &pbft.Certificate{Kind: pbft.CommittedFast}, &pbft.Certificate{Kind: pbft.CommittedSlow}
	for range 7 {
		r.noteFast(b, fast)
	}
	if r.noteFast(&block{block: b.block}, fast); r.patienceUs() != 0 {
		t.Error("seven fast commits are enough, or one of another's block counts")
	}
	if r.noteFast(b, fast); r.patienceUs() == 0 {
		t.Error("eight fast commits are not enough")
	}
	for range 8 {
		r.noteFast(b, slow)
	}
	if r.patienceUs() == 0 {
		t.Error("eight of the last sixteen are not enough")
	}
	unarmed := *b
	unarmed.block = &pbft.Block{}
	unarmed.block.Header.View = 1
	if r.noteFast(&unarmed, slow); r.patienceUs() == 0 {
		t.Error("an unarmed block counts")
	}
	if r.noteFast(b, nil); r.patienceUs() != 0 {
		t.Error("nine slow commits of the last sixteen do not count")
	}
}

// R3(c), V1: who holds a block committed answers the COMMITs of others, each once and
// alone, and tells nobody else.
func TestACommitIsAnsweredToWhoNeedsIt(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(c *cluster, r *Replica, b *block)
		want bool
	}{
		{"in order", func(*cluster, *Replica, *block) {}, true},
		{"committed by a later block's", func(_ *cluster, _ *Replica, b *block) { b.commit = nil }, true},
		{"without a certificate of its own", func(_ *cluster, _ *Replica, b *block) { b.cert, b.commit = nil, nil }, false},
		{"it told all before", func(_ *cluster, _ *Replica, b *block) { b.commitVoted = true }, false},
		{"patience is off", func(_ *cluster, r *Replica, _ *block) { r.cfg.Patience = false }, false},
		{"it may not sign", func(_ *cluster, r *Replica, _ *block) { r.condition = pbft.Amnesic }, false},
		{"it gave up the view", func(_ *cluster, r *Replica, _ *block) {
			r.vcSent, r.ownVC = 2, &pbft.ViewChange{View: 2}
		}, false},
	} {
		c, r, b := patient(t)
		votes(c, r, votePrepare, b, 0, 2, 3, 4, 5)
		if to, logged := commits(r, b); len(to) != 0 || !b.committed || !logged {
			t.Fatalf("%s: COMMITs to %v, committed %t, logged %t", x.name, to, b.committed, logged)
		}
		x.do(c, r, b)
		other := b.ref
		other.View++
		r.Receive(4, c.vote(4, voteCommit, other))
		votes(c, r, voteCommit, b, 4, 4)
		to, _ := commits(r, b)
		if want := map[bool]int{true: 1}[x.want]; len(to) != want || want > 0 && to[0] != 4 {
			t.Errorf("%s: COMMITs to %v", x.name, to)
		}
	}
}

// Who was less patient is answered once the fast path has come.
func TestEarlyCommitsAreAnsweredLater(t *testing.T) {
	c, r, b := patient(t)
	votes(c, r, votePrepare, b, 0, 2, 3, 4)
	votes(c, r, voteCommit, b, 2, 6)
	if to, _ := commits(r, b); len(to) != 0 {
		t.Fatalf("COMMITs to %v", to)
	}
	votes(c, r, votePrepare, b, 5)
	if to, _ := commits(r, b); !slices.Equal(to, []pbft.ReplicaID{2, 6}) {
		t.Errorf("COMMITs to %v", to)
	}
}

// COMMITs that came while this replica could not sign are answered when it can.
func TestCommitsAreAnsweredAfterARestart(t *testing.T) {
	c, r, _ := patient(t)
	below := pbft.BlockRef{View: 1, Seq: r.chain.committed.Seq + 2, Digest: pbft.Digest{5}}
	x := c.header(1, below, r.chain.committed, "z", nil)
	r.Receive(0, &pbft.PrePrepare{Block: x})
	b := r.chain.byDigest[c.com.HeaderDigest(&x.Header)]
	r.condition = pbft.Recalling
	votes(c, r, voteCommit, b, 0, 2, 3, 4, 5)
	if to, _ := commits(r, b); len(to) != 0 || b.commit == nil {
		t.Fatalf("COMMITs to %v", to)
	}
	r.endRecall()
	if to, logged := commits(r, b); !slices.Equal(to, []pbft.ReplicaID{0, 2, 3, 4, 5}) || !logged {
		t.Errorf("COMMITs to %v, certificate logged %t", to, logged)
	}
}

// A block that has its certificate and waits for its ancestors is not committed: its
// certificate is logged before the answer (R3(b)).
func TestAnAnswerFollowsItsCertificate(t *testing.T) {
	for _, highest := range []bool{true, false} {
		c, r, _ := patient(t)
		below := pbft.BlockRef{View: 1, Seq: r.chain.committed.Seq + 2, Digest: pbft.Digest{5}}
		x := c.header(1, below, r.chain.committed, "z", nil)
		if got := r.Receive(0, &pbft.PrePrepare{Block: x}); got != pbft.Accepted {
			t.Fatal(got)
		}
		b := r.chain.byDigest[c.com.HeaderDigest(&x.Header)]
		drain(r)
		votes(c, r, votePrepare, b, 0, 2, 3, 4, 5, 6)
		if to, _ := commits(r, b); len(to) != 0 || b.commit == nil || b.committed {
			t.Fatalf("COMMITs to %v", to)
		}
		if !highest {
			r.highRef.Seq++
		}
		votes(c, r, voteCommit, b, 6)
		if to, logged := commits(r, b); len(to) != 1 || to[0] != 6 || !logged {
			t.Errorf("highest %t: COMMITs to %v, certificate logged %t", highest, to, logged)
		}
	}
}
