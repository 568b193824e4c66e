package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// eliding is a cluster of seven in view 1 whose members leave certificates out; the
// primary has committed some blocks.
func eliding(t *testing.T) (c *cluster, p *Replica) {
	t.Helper()
	c = newClusterOf(t, 7, 2, 1, 4096)
	for _, r := range c.replicas {
		r.cfg.Elide = true
	}
	for range 3 {
		c.propose("x")
	}
	return c, c.replicas[0]
}

// proposals returns what the primary sends when it proposes, by addressee.
func proposals(c *cluster, p *Replica) map[pbft.ReplicaID]*pbft.PrePrepare {
	p.Propose([]byte("y"), payloadRoot([]byte("y")), nil, c.clock)
	to := make(map[pbft.ReplicaID]*pbft.PrePrepare)
	for _, o := range drain(p).Messages {
		if m, ok := o.Message.(*pbft.PrePrepare); ok && o.First {
			to[o.To] = m
		}
	}
	return to
}

// E1: who is sent a certificate with a first proposal, case by case.
func TestProposalsGoWithoutCertificates(t *testing.T) {
	top := func(r *Replica) *block { return r.chain.byDigest[r.chain.committed.Digest] }
	for _, x := range []struct {
		name   string
		before func(c *cluster, p *Replica)
		all    bool // goes to everyone in one form
		with   []pbft.ReplicaID
	}{
		{name: "others make it themselves", all: true, before: func(*cluster, *Replica) {}},
		{name: "switched off", all: true, with: []pbft.ReplicaID{pbft.Everyone},
			before: func(_ *cluster, p *Replica) { p.cfg.Elide = false }},
		{name: "it came from another", all: true, with: []pbft.ReplicaID{pbft.Everyone},
			before: func(_ *cluster, p *Replica) { top(p).gatheredAt = 0 }},
		{name: "a second old, less a tick", all: true,
			before: func(_ *cluster, p *Replica) { p.now = top(p).gatheredAt + elideTicks - 1 }},
		{name: "a second old", all: true, with: []pbft.ReplicaID{pbft.Everyone},
			before: func(_ *cluster, p *Replica) { p.now = top(p).gatheredAt + elideTicks }},
		{name: "half a window of proposals ago", all: true, before: func(c *cluster, p *Replica) {
			for range p.par.Window/2 - 1 {
				proposals(c, p)
			}
		}},
		{name: "longer ago", all: true, with: []pbft.ReplicaID{pbft.Everyone}, before: func(c *cluster, p *Replica) {
			for range p.par.Window / 2 {
				proposals(c, p)
			}
		}},
		{name: "to one that connected before", all: true, before: func(_ *cluster, p *Replica) {
			p.peers[3].connectedAt = top(p).gatheredAt - 1
		}},
		{name: "to one that connected since", with: []pbft.ReplicaID{3}, before: func(_ *cluster, p *Replica) {
			p.peers[3].connectedAt = top(p).gatheredAt
		}},
		{name: "to one that asked once", all: true, before: func(_ *cluster, p *Replica) { p.notePull(3) }},
		{name: "to one that asked twice", with: []pbft.ReplicaID{3}, before: func(_ *cluster, p *Replica) {
			p.notePull(3)
			p.notePull(3)
		}},
		{name: "to one that asked twice in ten seconds", with: []pbft.ReplicaID{3}, before: func(_ *cluster, p *Replica) {
			p.notePull(3)
			p.now += bringTicks
			p.notePull(3)
			top(p).gatheredAt = p.now
		}},
		{name: "to one that asked twice in more", all: true, before: func(_ *cluster, p *Replica) {
			p.notePull(3)
			p.now += bringTicks + 1
			p.notePull(3)
			top(p).gatheredAt = p.now
		}},
		{name: "to one that asked twice long ago", all: true, before: func(_ *cluster, p *Replica) {
			p.notePull(3)
			p.notePull(3)
			p.now += bringTicks
			top(p).gatheredAt = p.now
		}},
	} {
		c, p := eliding(t)
		p.now = 50
		for _, b := range p.chain.bySeq[p.chain.committed.Seq] {
			b.gatheredAt = 40
		}
		x.before(c, p)
		to := proposals(c, p)
		with := make(map[pbft.ReplicaID]bool)
		for _, id := range x.with {
			with[id] = true
		}
		want := 6
		if x.all {
			want = 1
		}
		if len(to) != want {
			t.Errorf("%s: %d messages, want %d", x.name, len(to), want)
		}
		for id, m := range to {
			if (m.Certificate != nil) != with[id] {
				t.Errorf("%s: the proposal to %d has a certificate: %t", x.name, id, m.Certificate != nil)
			}
		}
	}
}

// The first block of a view, and one that names a certificate of an older view, bring it.
func TestTheFirstProposalsOfAViewBringCertificates(t *testing.T) {
	c, p := eliding(t)
	j := p.chain.byDigest[p.chain.committed.Digest]
	b := c.child(p, j.ref, nil)
	fresh := func(change func(h *pbft.Header)) *block {
		x := b
		change(&x.Header)
		return &block{block: &x}
	}
	if !p.mayElide(fresh(func(*pbft.Header) {}), j) {
		t.Error("the certificate of an ordinary block is brought")
	}
	if p.mayElide(fresh(func(h *pbft.Header) { h.BaseSeq = h.Seq - 1 }), j) {
		t.Error("the first block of a view comes without its certificate")
	}
	if p.mayElide(fresh(func(h *pbft.Header) { h.View++ }), j) {
		t.Error("the certificate of an older view is left out")
	}
}

// lacking is a replica that has a proposal and not the certificate that it names.
func lacking(t *testing.T) (c *cluster, r *Replica, b pbft.Block, justify *pbft.Certificate) {
	t.Helper()
	c, p := eliding(t)
	r = c.replicas[3]
	r.Now(1)
	j := proposals(c, p)[pbft.Everyone]
	if got := r.Receive(0, j); got != pbft.Accepted {
		t.Fatal(got)
	}
	act(r)
	ref := c.com.Ref(&j.Header)
	justify = c.certificate(pbft.Prepared, ref, 0, 1, 2, 4, 5)
	b = c.header(1, ref, ref, "z", func(h *pbft.Header) {
		h.BaseSeq, h.ExecSeq, h.ExecRoot, h.TimeMs = 0, j.Header.ExecSeq, j.Header.ExecRoot, j.Header.TimeMs+1
	})
	if got := r.Receive(0, &pbft.PrePrepare{Block: b}); got != pbft.Accepted {
		t.Fatal(got)
	}
	return c, r, b, justify
}

// pulled returns whom a replica asks for a certificate.
func pulled(r *Replica) (to []pbft.ReplicaID) {
	for _, o := range drain(r).Messages {
		if o.Message.Kind() == pbft.KindPull {
			to = append(to, o.To)
		}
	}
	return to
}

// E2: without the certificate that its justification names no block is prepared; with it,
// from a proof or from votes, it is, and the log has it first (section 7).
func TestABlockWaitsForTheCertificateThatWasLeftOut(t *testing.T) {
	for _, votes := range []bool{false, true} {
		c, r, b, justify := lacking(t)
		if act(r)[pbft.KindPrepare] != 0 {
			t.Fatal("prepared without the certificate")
		}
		if votes {
			for _, id := range []pbft.ReplicaID{0, 1, 2, 4} {
				r.Receive(id, c.vote(id, votePrepare, justify.Block))
			}
		} else if got := r.Receive(1, &pbft.Proof{Certificate: justify}); got != pbft.Accepted {
			t.Fatal(got)
		}
		var logged bool
		var prepared bool
		for range 3 {
			rd := drain(r)
			for _, x := range rd.Records {
				logged = logged || x.Kind == pbft.RecordCertificate && x.Certificate.Block == justify.Block
				prepared = prepared || x.Kind == pbft.RecordPrepare && x.Prepare.Block == c.com.Ref(&b.Header)
			}
			if prepared && !logged {
				t.Error("the vote is in the log before the certificate")
			}
			for _, k := range rd.Checks {
				r.PayloadChecked(k.Digest, true)
			}
		}
		if !prepared || !logged {
			t.Errorf("votes %t: prepared %t, logged %t", votes, prepared, logged)
		}
		if r.Now(r.nowUs + 1e6); len(pulled(r)) != 0 || len(r.lacking) != 0 {
			t.Errorf("votes %t: what is held is asked for", votes)
		}
	}
}

// E2: the proposer is asked first, after 20 ms or half the way there and back; then those
// who voted for the block, one after the other.
func TestCertificatesAreAskedForInTurn(t *testing.T) {
	c, r, b, _ := lacking(t)
	act(r)
	ref := c.com.Ref(&b.Header)
	step := func(us uint64, want ...pbft.ReplicaID) {
		t.Helper()
		if at := r.WakeUs(); at != r.nowUs+us {
			t.Errorf("wakes in %d us, want %d", at-r.nowUs, us)
		}
		r.Now(r.nowUs + us - 1)
		early := pulled(r)
		r.Now(r.nowUs + 1)
		if got := pulled(r); len(early) != 0 || len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("after %d us: asked %v, and too early %v, want %v", us, got, early, want)
		}
	}
	step(pullUsMin, 0)
	step(pullAgainUsMin, 0) // nobody else is known to hold it
	for _, id := range []pbft.ReplicaID{2, 5} {
		r.Receive(id, c.vote(id, votePrepare, ref))
	}
	r.Measured(2, 70_000)
	step(pullAgainUsMin, 2)
	step(70_000, 5)
	r.Measured(0, 1e9)
	step(pullAgainUsMin, 0)
	step(roundTripUsMax, 2)
	r.Measured(9, 1)
}

// Nobody is asked for what cannot be of use.
func TestNoCertificateIsAskedForInVain(t *testing.T) {
	for name, do := range map[string]func(c *cluster, r *Replica, b *block){
		"it does not sign": func(_ *cluster, r *Replica, _ *block) { r.condition = pbft.Amnesic },
		"the view is given up": func(_ *cluster, r *Replica, _ *block) {
			r.vcSent, r.ownVC = 2, &pbft.ViewChange{View: 2}
		},
		"the view is over":        func(_ *cluster, r *Replica, _ *block) { r.view = 2 },
		"the view is not there":   func(_ *cluster, r *Replica, b *block) { b.ref.View = 2 },
		"the block is committed":  func(_ *cluster, r *Replica, b *block) { r.chain.committed.Seq = b.ref.Seq },
		"the way down is unknown": func(_ *cluster, r *Replica, b *block) { delete(r.chain.byDigest, b.header().Parent) },
		"a block between has one": func(_ *cluster, r *Replica, b *block) {
			p := r.parent(b)
			p.cert, b.block.Header.Justify = &pbft.Certificate{}, r.parent(p).ref
		},
		"the justification is not": func(_ *cluster, r *Replica, b *block) { b.block.Header.Justify.Digest[0]++ },
	} {
		c, r, b, _ := lacking(t)
		act(r)
		do(c, r, r.chain.byDigest[c.com.HeaderDigest(&b.Header)])
		if r.Now(r.nowUs + 1e6); len(pulled(r)) != 0 {
			t.Errorf("%s: asked", name)
		}
	}
}

// A certificate of the justification, or of a block between the two, is enough; where the
// way down is not known, nobody can tell yet.
func TestWhatABlockLacks(t *testing.T) {
	c, r, b, _ := lacking(t)
	between := r.chain.byDigest[c.com.HeaderDigest(&b.Header)]
	x := c.header(1, between.ref, b.Header.Justify, "w", func(h *pbft.Header) { h.BaseSeq = 0 })
	top := r.insert(&x)
	says := func(name string, lacking, known bool) {
		t.Helper()
		if l, k := r.lacks(top); l != lacking || k != known {
			t.Errorf("%s: lacking %t, known %t", name, l, k)
		}
	}
	says("nothing is certified", true, true)
	between.cert = &pbft.Certificate{}
	says("the block between is", false, true)
	between.cert = nil
	j := r.chain.byDigest[b.Header.Justify.Digest]
	j.cert = &pbft.Certificate{}
	says("the justification is", false, true)
	j.cert = nil
	delete(r.chain.byDigest, between.ref.Digest)
	says("the block between is unknown", true, false)
}

// A replica wants to be woken by whatever is due first.
func TestWakingIsForWhatIsDueFirst(t *testing.T) {
	_, r := settled(t)
	r.nowUs = 100
	wait := func(us ...uint64) {
		r.patience.waiting, r.lacking = nil, nil
		for i, at := range us {
			if i%2 == 0 {
				r.patience.waiting = append(r.patience.waiting, &block{patientUs: at})
			} else {
				r.lacking = append(r.lacking, &block{lack: lack{dueUs: at}})
			}
		}
	}
	for _, x := range []struct {
		due  []uint64
		want uint64
	}{{nil, 0}, {[]uint64{700}, 700}, {[]uint64{700, 300}, 300}, {[]uint64{300, 700, 500}, 300},
		{[]uint64{100, 99, 900}, 900},
		{[]uint64{90, 100}, 0}} {
		wait(x.due...)
		if got := r.WakeUs(); got != x.want {
			t.Errorf("due at %v: wakes at %d, want %d", x.due, got, x.want)
		}
	}
}

// Blocks that wait for certificates are remembered up to two windows, of this view alone,
// and by who leaves certificates out itself.
func TestLackingBlocksAreFew(t *testing.T) {
	c, r := settled(t)
	head := func(v pbft.View, k int) *block {
		b := c.header(v, pbft.BlockRef{Seq: 3, Digest: pbft.Digest{1}}, r.chain.committed, "x",
			func(h *pbft.Header) { h.TimeMs += uint64(k) })
		return &block{ref: c.com.Ref(&b.Header), block: &b}
	}
	if r.noteLack(head(1, 0)); len(r.lacking) != 0 {
		t.Error("a replica that was not told to waits for certificates")
	}
	r.cfg.Elide = true
	r.noteLack(head(2, 0)) // its own
	r.view = 3
	r.noteLack(head(1, 0))
	if len(r.lacking) != 0 {
		t.Error("own blocks and those of older views wait for certificates")
	}
	for k := range 100 {
		r.noteLack(head(3, k))
	}
	if len(r.lacking) != 2*int(r.par.Window) {
		t.Errorf("%d blocks wait", len(r.lacking))
	}
	r.Now(r.nowUs)
}

// E3: who asks gets the certificate, or one between the two, once in a while.
func TestPullsAreAnswered(t *testing.T) {
	c, p := eliding(t)
	top, j := p.chain.committed, p.committedAt(1)
	pull := func(change func(m *pbft.Pull)) *pbft.Pull {
		m := &pbft.Pull{Justify: j.ref, Block: top.Digest}
		change(m)
		return m
	}
	forged := func(m *pbft.Pull) { m.Justify.View++ }
	for _, x := range []struct {
		name string
		from pbft.ReplicaID
		m    *pbft.Pull
		do   func()
		want pbft.Reason
	}{
		{"another epoch", 3, pull(func(m *pbft.Pull) { m.Epoch++ }), nil, pbft.IgnoredEpoch},
		{"an unknown block", 3, pull(func(m *pbft.Pull) { m.Justify.Digest[0]++ }), nil, pbft.IgnoredUnwanted},
		{"a block under another view", 3, pull(forged), nil, pbft.IgnoredUnwanted},
		{"as it should be", 3, pull(func(*pbft.Pull) {}), nil, pbft.Accepted},
		{"again", 3, pull(func(*pbft.Pull) {}), nil, pbft.IgnoredQuota},
		{"by another", 4, pull(func(*pbft.Pull) {}), nil, pbft.Accepted},
		{"almost too soon", 3, pull(func(*pbft.Pull) {}), func() { p.now += pulledTicks - 1 }, pbft.IgnoredQuota},
		{"later", 3, pull(func(*pbft.Pull) {}), func() { p.now++ }, pbft.Accepted},
		{"by one that has had its share", 5, pull(func(*pbft.Pull) {}), func() {
			for p.peers[5].allowance.Take(p.now, 1<<20) {
			}
		}, pbft.IgnoredQuota},
		{"with one between", 6, pull(func(*pbft.Pull) {}), func() { j.cert, j.commit = nil, nil }, pbft.Accepted},
		{"with nothing between", 2, pull(func(m *pbft.Pull) { m.Block = p.committedAt(2).ref.Digest }), nil,
			pbft.IgnoredUnwanted},
		{"for an unknown block", 2, pull(func(m *pbft.Pull) { m.Block[0]++ }), nil, pbft.IgnoredUnwanted},
		{"for a block beside it", 2, pull(func(m *pbft.Pull) { m.Block = j.header().Parent }), nil, pbft.IgnoredUnwanted},
		{"with one of another view between", 2, pull(func(*pbft.Pull) {}), func() { p.committedAt(2).ref.View = 9 },
			pbft.IgnoredUnwanted},
	} {
		if x.do != nil {
			x.do()
		}
		p.out = pbft.Ready{}
		got := p.Receive(x.from, x.m)
		if got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
		proof := false
		for _, o := range p.out.Messages {
			m, ok := o.Message.(*pbft.Proof)
			proof = proof || ok && o.To == x.from && c.com.VerifyCertificate(m.Certificate, stub{})
		}
		if proof != (x.want == pbft.Accepted) {
			t.Errorf("%s: answered with a proof: %t", x.name, proof)
		}
	}
	if p.peers[3].bringUntil == 0 || p.peers[4].bringUntil != 0 {
		t.Error("who asks twice, and nobody else, gets certificates with proposals")
	}
	if q := c.replicas[1]; q.Receive(3, pull(func(*pbft.Pull) {})) != pbft.Accepted || q.peers[3].pulledAt != 0 {
		t.Error("a question about another's block is held against the asker")
	}
}
