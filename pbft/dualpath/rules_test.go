package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// One test for each clause of the rules in docs/protocol.md, R1 to R8; R9 to R14 are in
// clauses_test.go. Where a clause is one decision of the engine, the test is played once
// more without it and must see that.

// held plays a clause as it is written, and without it: true, then false.
func held(t *testing.T, without func(x *rules.Dualpath), play func(c *cluster, r *Replica) bool) {
	t.Helper()
	c, r := settled(t)
	if !play(c, r) {
		t.Error("the clause is not kept")
	}
	c, r = settled(t)
	without(&r.rules)
	if play(c, r) {
		t.Error("without the clause nothing changes: this test sees nothing")
	}
}

// offer shows a replica a proposal and reports whether it prepares.
func offer(r *Replica, b pbft.Block) bool {
	r.Receive(b.Header.Proposer, &pbft.PrePrepare{Block: b})
	return act(r)[pbft.KindPrepare] > 0
}

// on returns a block of view 1 on another.
func (c *cluster) on(parent, justify pbft.BlockRef, payload string) pbft.Block {
	return c.header(1, parent, justify, payload, func(h *pbft.Header) {
		h.BaseSeq, h.TimeMs = 0, c.clock+uint64(parent.Seq)
	})
}

// sent returns the first message of a kind.
func sent[M pbft.Message](rd pbft.Ready) (m M, ok bool) {
	for _, o := range rd.Messages {
		if m, ok = o.Message.(M); ok {
			return m, true
		}
	}
	return m, false
}

// R1(a): the primary alone proposes, on its last proposal, until it gives the view up.
func TestR1a(t *testing.T) {
	c, backup := settled(t)
	lead := c.replicas[0]
	for range 2 {
		last := lead.proposal.last
		if !lead.Propose(nil, pbft.Digest{}, nil, c.clock) || lead.proposal.last.header().Parent != last.ref.Digest {
			t.Fatal("the primary does not extend its last proposal")
		}
	}
	if backup.ProposeHint() != pbft.ProposeNever {
		t.Error("a backup may propose")
	}
	lead.vcSent, lead.ownVC = 2, c.report(0, 2)
	if lead.ProposeHint() != pbft.ProposeNever {
		t.Error("a primary that gave its view up may propose")
	}
}

// R1(b): W numbers above the highest certificate, and K above the base.
func TestR1b(t *testing.T) {
	for _, x := range []struct{ tenure, decided, want int }{{4096, 0, 8}, {10, 5, 5}} {
		c := newClusterOf(t, 4, 1, 1, uint64(x.tenure))
		for range x.decided {
			c.propose("x")
		}
		count := 0
		for c.replicas[0].Propose(nil, pbft.Digest{}, nil, c.clock) {
			count++
		}
		if count != x.want {
			t.Errorf("tenure %d above %d: %d proposals, want %d", x.tenure, x.decided, count, x.want)
		}
	}
}

// R1(c): the highest certificate on the chain, and the state after min(executed - D, that).
func TestR1c(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 4096)
	for range 10 {
		c.propose("x")
	}
	r := c.replicas[0]
	h := r.proposal.last.header()
	if h.Justify != r.committedAt(9).ref || h.ExecSeq != 5 || h.ExecRoot != r.chain.results[5].state {
		t.Errorf("%+v", h)
	}
}

// R1(d): the own clock, or one millisecond more than the parent's time.
func TestR1d(t *testing.T) {
	c, _ := settled(t)
	r := c.replicas[0]
	for _, clock := range []uint64{c.clock + 7, c.clock - 99} {
		parent := r.proposal.last.header().TimeMs
		r.Propose(nil, pbft.Digest{}, nil, clock)
		if got := r.proposal.last.header().TimeMs; got != max(clock, parent+1) {
			t.Errorf("clock %d above %d: time %d", clock, parent, got)
		}
	}
}

// R1(e): when payload waits; without any, at the start of a view and when idle.
func TestR1e(t *testing.T) {
	c, _ := settled(t)
	r := c.replicas[0]
	if h := r.ProposeHint(); h != pbft.ProposeIfPending {
		t.Errorf("in between: %d", h)
	}
	r.proposal.at = r.now - uint64(r.tm.IdleTicks)
	if h := r.ProposeHint(); h != pbft.ProposeNow {
		t.Errorf("idle: %d", h)
	}
	r.enter(5, entry{base: r.highRef, baseSeq: 3})
	if h := r.ProposeHint(); h != pbft.ProposeNow {
		t.Errorf("at the start of a view: %d", h)
	}
}

// R2(a): in X's view, not given up, signed by its primary, above the own committed block.
func TestR2a(t *testing.T) {
	for name, spoil := range map[string]func(c *cluster, r *Replica, b *pbft.Block){
		"":                   func(*cluster, *Replica, *pbft.Block) {},
		"another view":       func(c *cluster, r *Replica, b *pbft.Block) { *b = c.header(5, r.highRef, r.highRef, "", nil) },
		"a view given up":    func(c *cluster, r *Replica, _ *pbft.Block) { r.vcSent, r.ownVC = 2, c.report(1, 2) },
		"not signed":         func(_ *cluster, _ *Replica, b *pbft.Block) { b.Signature[0]++ },
		"beside the own one": func(c *cluster, r *Replica, b *pbft.Block) { *b = c.on(r.committedAt(2).ref, r.highRef, "y") },
	} {
		c, r := settled(t)
		b := c.next(r, "y", nil)
		spoil(c, r, &b)
		if got := offer(r, b); got != (name == "") {
			t.Errorf("%q: prepared is %t", name, got)
		}
	}
}

// R2(b): on the own last PREPARE, or on what is certified above it.
func TestR2b(t *testing.T) {
	c, r := settled(t)
	x, z := c.next(r, "x", nil), c.next(r, "z", nil)
	if !offer(r, x) || offer(r, z) {
		t.Error("two blocks of one position are prepared, or none")
	}
	ref := c.com.Ref(&x.Header)
	if !offer(r, c.on(ref, r.highRef, "y")) {
		t.Error("a child of the own PREPARE is not prepared")
	}
	c, r = settled(t)
	r.addBlock(&x, false) // whose primary's signature is missing
	y := c.on(ref, r.chain.committed, "y")
	if offer(r, y) {
		t.Error("a block whose parent cannot be prepared is")
	}
	r.Receive(2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)})
	if act(r)[pbft.KindPrepare] == 0 {
		t.Error("what is certified is not skipped")
	}
}

// R2(c): the justification is an ancestor, and its certificate is held.
func TestR2c(t *testing.T) {
	c, r := settled(t)
	if offer(r, c.next(r, "y", func(h *pbft.Header) { h.Justify.Digest[0]++ })) {
		t.Error("a justification that is no ancestor")
	}
	c, r = settled(t)
	x := c.next(r, "x", nil)
	ref := c.com.Ref(&x.Header)
	offer(r, x)
	if offer(r, c.on(ref, ref, "y")) {
		t.Error("without the certificate")
	}
	r.Receive(2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3)})
	if act(r)[pbft.KindPrepare] == 0 {
		t.Error("with the certificate it is not prepared")
	}
}

// R2(d): bodies held and content valid, of X and its uncertified ancestors.
func TestR2d(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.RootAgrees = func(_, _ pbft.Digest) bool { return true } },
		func(c *cluster, r *Replica) bool {
			return !offer(r, c.next(r, "y", func(h *pbft.Header) { h.ExecSeq, h.ExecRoot = 1, pbft.Digest{7} }))
		})
	for _, valid := range []bool{false, true} {
		c, r := settled(t)
		r.Receive(0, &pbft.PrePrepare{Block: c.next(r, "y", nil)})
		r.PayloadChecked(drain(r).Checks[0].Digest, valid)
		if got := act(r)[pbft.KindPrepare] > 0; got != valid {
			t.Errorf("payload valid %t: prepared is %t", valid, got)
		}
	}
	c, r := settled(t)
	x := c.next(r, "x", nil)
	r.addHeader(&x.SignedHeader)
	if offer(r, c.on(c.com.Ref(&x.Header), r.highRef, "y")) {
		t.Error("prepared without the body below")
	}
}

// R2(e): the vote is in the records of its turn, and counts only when they are durable.
func TestR2e(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.Durable = func(k pbft.RecordKind) bool { return k != pbft.RecordPrepare } },
		func(c *cluster, r *Replica) bool {
			r.Receive(0, &pbft.PrePrepare{Block: c.next(r, "y", nil)})
			r.PayloadChecked(drain(r).Checks[0].Digest, true)
			rd := r.Ready()
			m, ok := sent[*pbft.Prepare](rd)
			if !ok || r.slots.byKey[slotKey{1, 4}] != nil {
				t.Fatal("no PREPARE, or one that counts too early")
			}
			for _, k := range rd.Records {
				if k.Prepare == m {
					r.Advance()
					return r.slots.byKey[slotKey{1, 4}].own(votePrepare, 1) != nil
				}
			}
			return false
		})
}

// unarmed lets a replica certify an unarmed block: it is justified by an earlier view.
func unarmed(c *cluster, r *Replica) pbft.BlockRef {
	r.enter(5, entry{base: r.highRef, baseSeq: r.highRef.Seq})
	b := c.header(5, r.highRef, r.highRef, "y", nil)
	r.Receive(0, &pbft.PrePrepare{Block: b})
	certify(c, r, c.com.Ref(&b.Header), 0, 2, 3)
	return c.com.Ref(&b.Header)
}

// R3(a): a certificate brings the COMMIT, unless a later view was asked for.
func TestR3a(t *testing.T) {
	c, r := settled(t)
	unarmed(c, r)
	if act(r)[pbft.KindCommit] != 1 {
		t.Error("no COMMIT")
	}
	held(t, func(x *rules.Dualpath) { x.MayCommit = func(_, _ pbft.View) bool { return true } },
		func(c *cluster, r *Replica) bool {
			r.vcSent, r.ownVC = 6, c.report(1, 6)
			r.view, r.entry = 5, entry{base: r.highRef, baseSeq: r.highRef.Seq}
			unarmed(c, r)
			return act(r)[pbft.KindCommit] == 0
		})
}

// R3(b): the certificate is in the records of the turn that sends the COMMIT.
func TestR3b(t *testing.T) {
	held(t, func(x *rules.Dualpath) {
		x.Durable = func(k pbft.RecordKind) bool { return k != pbft.RecordCertificate }
	},
		func(c *cluster, r *Replica) bool {
			ref := unarmed(c, r)
			rd := r.Ready()
			if _, ok := sent[*pbft.Commit](rd); !ok {
				t.Fatal("no COMMIT")
			}
			for _, k := range rd.Records {
				if k.Kind == pbft.RecordCertificate && k.Certificate.Block == ref {
					return true
				}
			}
			return false
		})
}

// R3(c): for a block that is committed the COMMIT is cast where another's shows the need.
func TestR3c(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.CommitHelps = func(bool) bool { return false } },
		func(c *cluster, r *Replica) bool {
			x := c.next(r, "x", nil)
			y := c.on(c.com.Ref(&x.Header), r.chain.committed, "y")
			r.Receive(0, &pbft.PrePrepare{Block: y}) // x is missing: y waits
			r.Receive(2, c.vote(2, voteCommit, c.com.Ref(&y.Header)))
			r.Receive(3, &pbft.Proof{Certificate: c.certificate(pbft.CommittedFast, c.com.Ref(&y.Header), 0, 2, 3)})
			return act(r)[pbft.KindCommit] > 0
		})
}

// R4(a): n-p PREPAREs commit a block with its ancestors, in order, if it is armed.
func TestR4a(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", nil)
	y := c.on(c.com.Ref(&x.Header), r.highRef, "y")
	offer(r, x)
	offer(r, y)
	certify(c, r, c.com.Ref(&y.Header), 0, 2)
	got := r.Ready().Committed
	if len(got) != 2 || got[0].Block.Header.Seq != 4 || got[1].Block.Header.Seq != 5 {
		t.Errorf("%d committed", len(got))
	}
	held(t, func(x *rules.Dualpath) {
		x.FastPath = func(*pbft.Header) bool { return true }
		x.Commits = func(*pbft.Committee, *pbft.Certificate, *pbft.Header) bool { return true }
	}, func(c *cluster, r *Replica) bool { return unarmed(c, r) != r.chain.committed })
}

// R4(b): q COMMITs commit any block; false ones do not count.
func TestR4b(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.VoteCounts = func(bool) bool { return true } },
		func(c *cluster, r *Replica) bool {
			ref := unarmed(c, r)
			bad := c.vote(3, voteCommit, ref).(*pbft.Commit)
			bad.Signature[0]++
			r.Receive(0, c.vote(0, voteCommit, ref))
			r.Receive(2, c.vote(2, voteCommit, ref))
			r.Receive(3, bad)
			early := r.chain.committed == ref // two, and one that nobody signed
			r.Receive(3, c.vote(3, voteCommit, ref))
			return !early && r.chain.committed == ref
		})
}

// R4(c): a commit certificate beside a committed block stops the replica.
func TestR4c(t *testing.T) {
	c, r := settled(t)
	beside := c.on(pbft.BlockRef{View: 1, Seq: 3, Digest: pbft.Digest{7}}, c.genesis(), "y")
	r.addBlock(&beside, true)
	r.Receive(3, &pbft.Proof{Certificate: c.certificate(pbft.CommittedSlow, c.com.Ref(&beside.Header), 0, 2, 3)})
	if r.condition != pbft.Broken {
		t.Errorf("it is %v", r.condition)
	}
}

// R5: results in order alone, signed as a checkpoint; f+1 equal ones, then q, are a proof.
func TestR5(t *testing.T) {
	c, r := settled(t)
	for _, s := range []string{"x", "y"} {
		b := c.on(r.chain.committed, r.highRef, s)
		offer(r, b)
		certify(c, r, c.com.Ref(&b.Header), 0, 2)
		drain(r)
	}
	r.Executed(5, pbft.Digest{5}, pbft.Digest{}, nil)
	if r.chain.executed != 3 {
		t.Error("a result out of order is taken")
	}
	r.Executed(4, pbft.Digest{4}, pbft.Digest{}, nil)
	own, ok := sent[*pbft.Checkpoint](drain(r))
	if !ok || own.Seq != 4 || own.StateRoot != (pbft.Digest{4}) {
		t.Fatalf("the checkpoint is %+v", own)
	}
	for _, want := range []struct {
		from pbft.ReplicaID
		sigs int
	}{{0, 2}, {2, 3}} {
		m := *own
		m.Replica = want.from
		m.Signature = stubSign(c.com.Key(m.Replica), c.com.CheckpointBytes(4, own.Block, own.StateRoot, own.ReceiptRoot))
		r.Receive(m.Replica, &m)
		if got := drain(r).Checkpoints; len(got) != 1 || len(got[0].Signatures) != want.sigs {
			t.Errorf("with r%d: %+v", want.from, got)
		}
	}
}

// R6(a): the timer, evidence, and what is invalid for good make a replica suspect.
func TestR6a(t *testing.T) {
	for name, x := range map[string]struct {
		do   func(c *cluster, r *Replica)
		want bool
	}{
		"in time": {func(c *cluster, r *Replica) { r.Tick(c.clock, true) }, false},
		"timer": {func(c *cluster, r *Replica) {
			for range r.timeout() + 1 {
				r.Tick(c.clock, true)
			}
		}, true},
		"evidence": {func(c *cluster, r *Replica) {
			offer(r, c.next(r, "x", nil))
			offer(r, c.next(r, "y", nil))
		}, true},
		"invalid": {func(c *cluster, r *Replica) {
			offer(r, c.next(r, "x", func(h *pbft.Header) { h.Justify.Digest[0]++ }))
		}, true},
	} {
		c, r := settled(t)
		if x.do(c, r); (r.own == 1) != x.want {
			t.Errorf("%s: suspects view %d", name, r.own)
		}
	}
}

// R6(b): who suspects says it again and votes on.
func TestR6b(t *testing.T) {
	c, r := settled(t)
	r.suspect(pbft.SuspectTimeout, nil)
	drain(r)
	if !offer(r, c.next(r, "y", nil)) {
		t.Error("it does not vote")
	}
	again := 0
	for range r.tm.RetransmitTicks {
		r.Tick(c.clock, false)
		again += act(r)[pbft.KindSuspect]
	}
	if again == 0 {
		t.Error("it does not say it again")
	}
}

// R6(c): a SUSPECT counts for a while, for every view up to its own, and so does a
// VIEW-CHANGE for the view before.
func TestR6c(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.SuspectCounts = func(_, _, _ uint64) bool { return true } },
		func(c *cluster, r *Replica) bool {
			r.Receive(0, c.suspect(0, 1, pbft.SuspectTimeout))
			r.now += uint64(r.tm.SuspectTicks) + 1
			r.Receive(2, c.suspect(2, 1, pbft.SuspectTimeout))
			return r.vcSent == 0
		})
	c, r := settled(t)
	r.Receive(0, c.suspect(0, 9, pbft.SuspectTimeout))
	r.Receive(2, c.report(2, 2)) // as SUSPECT(1)
	if r.own != 1 {
		t.Error("the two do not count together")
	}
}

// R6(d): f+1 make a replica join, f do not.
func TestR6d(t *testing.T) {
	c, r := settled(t)
	for i, id := range []pbft.ReplicaID{0, 2} {
		if r.own != 0 {
			t.Errorf("it joins after %d", i)
		}
		r.Receive(id, c.suspect(id, 1, pbft.SuspectTimeout))
	}
	if r.own != 1 {
		t.Error("it does not join f+1")
	}
}

// R7(a): m SUSPECTs bring the VIEW-CHANGE for 1 + the m-th highest view.
func TestR7a(t *testing.T) {
	c, r := settled(t)
	r.Receive(0, c.suspect(0, 9, pbft.SuspectSlow))
	r.Receive(2, c.suspect(2, 7, pbft.SuspectSlow))
	if r.vcSent != 0 {
		t.Error("two of four suffice")
	}
	r.Receive(3, c.suspect(3, 5, pbft.SuspectSlow))
	if r.vcSent != 6 {
		t.Errorf("VIEW-CHANGE for %d, want 6", r.vcSent)
	}
}

// R7(b): the tip that is reported is of the highest certificate's view.
func TestR7b(t *testing.T) {
	held(t, func(x *rules.Dualpath) {
		x.ReportsTip = func(view, newest, high pbft.View) bool { return view == newest && view == high }
	}, func(c *cluster, r *Replica) bool {
		x := c.next(r, "x", nil)
		offer(r, x)
		r.enter(5, entry{base: r.highRef, baseSeq: r.highRef.Seq})
		offer(r, c.header(5, r.highRef, r.highRef, "y", nil)) // a later view, which certified nothing
		r.startViewChange(6)
		return r.ownVC.Tip == c.com.Ref(&x.Header)
	})
}

// R7(c): after the VIEW-CHANGE no vote of a lower view is cast (COMMITs: R3(a)).
func TestR7c(t *testing.T) {
	c, r := settled(t)
	b := c.next(r, "y", nil)
	r.startViewChange(2)
	drain(r)
	if offer(r, b) {
		t.Error("a PREPARE in a view that was given up")
	}
}

// R8(a): a report shows its certificate, and a tip above it a whole walk.
func TestR8a(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", nil)
	high := r.highRef
	whole := pbft.ViewChange{View: 3, Replica: 3, High: high, Tip: c.com.Ref(&x.Header),
		Certificate: c.certificate(pbft.Prepared, high, 0, 2, 3), Walk: []pbft.SignedHeader{x.SignedHeader}}
	without, bare := whole, whole
	without.Certificate, bare.Walk = nil, nil
	for name, m := range map[string]*pbft.ViewChange{"": &whole, "certificate": &without, "walk": &bare} {
		if got := r.checkAttachments(c.sign(m)); (got == pbft.Accepted) != (name == "") {
			t.Errorf("without %q: %v", name, got)
		}
	}
}

// R8(b): a tip is taken only with the bodies above High, content-valid.
func TestR8b(t *testing.T) {
	c, r := settled(t)
	x := c.next(r, "x", nil)
	m := &pbft.ViewChange{View: 3, Replica: 3, High: r.highRef, Tip: c.com.Ref(&x.Header),
		Walk: []pbft.SignedHeader{x.SignedHeader}}
	if r.acceptable(m) {
		t.Error("without the body")
	}
	b := r.addBlock(&x, true)
	if r.acceptable(m) {
		t.Error("before it was checked")
	}
	b.payload = valid
	if !r.acceptable(m) {
		t.Error("with the body")
	}
}

// R8(c): a NEW-VIEW has exactly m reports.
func TestR8c(t *testing.T) {
	held(t, func(x *rules.Dualpath) { x.Reports = func(*pbft.Committee) int { return 2 } },
		func(c *cluster, r *Replica) bool {
			return r.checkNewView(c.newView(3, c.genesis(), nil, c.report(0, 3), c.report(2, 3))) == pbft.InvalidContent &&
				r.checkNewView(c.newView(3, c.genesis(), nil, c.report(0, 3), c.report(2, 3), c.report(3, 3))) == pbft.Accepted
		})
}

// R8(d): where tips conflict, the primary of their view is convicted and left out.
func TestR8d(t *testing.T) {
	c, r := settled(t)
	high, proof := r.highRef, c.certificate(pbft.Prepared, r.highRef, 0, 2, 3)
	x, y := c.next(r, "x", nil), c.next(r, "y", nil)
	r.addBlock(&x, true)
	r.addBlock(&y, true)
	report := func(id pbft.ReplicaID, b *pbft.Block) *pbft.ViewChange {
		return c.sign(&pbft.ViewChange{View: 3, Replica: id, High: high, Tip: c.com.Ref(&b.Header), Certificate: proof})
	}
	q := []*pbft.ViewChange{report(0, &x), report(1, &x), report(2, &y)}
	if r.makeNewView(3, q) != nil {
		t.Error("with the culprit's own report among m")
	}
	m := r.makeNewView(3, append(q, report(3, &y)))
	if m == nil || len(m.Evidence) != 2 || m.ViewChanges[0].Replica != 1 || m.Base != c.com.Ref(&y.Header) {
		t.Errorf("%+v", m)
	}
}
