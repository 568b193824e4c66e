package dualpath

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// Each refusal of a message, one by one: a message that is accepted as it is, and what
// is said of it when one thing about it is changed. Whoever deletes a check sees it here.

// refusal is one message and what a replica says of it.
type refusal struct {
	name string
	want pbft.Reason
	from pbft.ReplicaID
	m    pbft.Message
}

// settled is a cluster of tenure 4096 that has committed three blocks in view 1, p = 1,
// and r1 in it.
func settled(t *testing.T) (*cluster, *Replica) {
	t.Helper()
	c := newClusterOf(t, 4, 1, 1, 4096)
	for range 3 {
		c.propose("x")
	}
	c.clock += 10
	r := c.replicas[1]
	r.Tick(c.clock, false)
	drain(r)
	return c, r
}

// refuses plays each case at a replica of its own.
func refuses(t *testing.T, cases func(c *cluster, r *Replica) []refusal) {
	t.Helper()
	c, r := settled(t)
	for i := range cases(c, r) {
		c, r := settled(t)
		x := cases(c, r)[i]
		if got := r.Receive(x.from, x.m); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	refuses(t, func(*cluster, *Replica) []refusal {
		return []refusal{
			{"from itself", pbft.IgnoredSender, 1, &pbft.Status{Replica: 1}},
			{"from nobody", pbft.IgnoredSender, 4, &pbft.Status{Replica: 4}},
			{"of another protocol", pbft.InvalidContent, 2, &pbft.Stable{}},
			{"STATUS", pbft.Accepted, 2, &pbft.Status{Replica: 2}},
			{"STATUS of another epoch", pbft.IgnoredEpoch, 2, &pbft.Status{Replica: 2, Epoch: 1}},
			{"STATUS of another member", pbft.IgnoredSender, 2, &pbft.Status{Replica: 3}},
			{"RECALL", pbft.Accepted, 2, &pbft.Recall{}},
			{"RECALL of another epoch", pbft.IgnoredEpoch, 2, &pbft.Recall{Epoch: 1}},
			{"RECOLLECTION that nobody asked for", pbft.IgnoredUnwanted, 2, &pbft.Recollection{}},
			{"RECOLLECTION of another epoch", pbft.IgnoredEpoch, 2, &pbft.Recollection{Epoch: 1}},
		}
	})
}

func TestVotesAreRefused(t *testing.T) {
	for kind := voteKind(0); kind < voteKinds; kind++ {
		refuses(t, func(c *cluster, r *Replica) []refusal {
			at := func(v pbft.View, s pbft.Seq) pbft.BlockRef {
				return pbft.BlockRef{View: v, Seq: s, Digest: pbft.Digest{byte(s)}}
			}
			change := func(f func(v *pbft.Vote)) pbft.Message {
				m := c.vote(2, kind, at(1, 4))
				if x, ok := m.(*pbft.Prepare); ok {
					f(&x.Vote)
				} else {
					f(&m.(*pbft.Commit).Vote)
				}
				return m
			}
			r.Receive(3, c.vote(3, kind, at(1, 5)))
			r.Receive(3, c.vote(3, kind, at(9, 6)))
			top := r.horizon() + 2*pbft.Seq(r.par.Window)
			return []refusal{
				{"vote", pbft.Accepted, 2, c.vote(2, kind, at(1, 4))},
				{"another epoch", pbft.IgnoredEpoch, 2, change(func(v *pbft.Vote) { v.Epoch = 1 })},
				{"another member's", pbft.IgnoredSender, 3, c.vote(2, kind, at(1, 4))},
				{"view 0", pbft.InvalidContent, 2, change(func(v *pbft.Vote) { v.Block.View = 0 })},
				{"committed", pbft.IgnoredStale, 2, c.vote(2, kind, at(1, 3))},
				{"as far as may be", pbft.Accepted, 2, c.vote(2, kind, at(1, top))},
				{"too far", pbft.IgnoredFuture, 2, c.vote(2, kind, at(1, top+1))},
				{"twice", pbft.IgnoredDuplicate, 3, c.vote(3, kind, at(1, 5))},
				{"a lower future view", pbft.IgnoredStale, 3, c.vote(3, kind, at(8, 7))},
				{"a higher future view", pbft.Accepted, 3, c.vote(3, kind, at(9, 7))},
			}
		})
	}
}

func TestVotesOfViewsLongLeftAreRefused(t *testing.T) {
	c, r := settled(t)
	r.enter(5, entry{base: r.highRef})
	for v, want := range map[pbft.View]pbft.Reason{2: pbft.IgnoredStale, 3: pbft.Accepted} {
		if got := r.Receive(2, c.vote(2, votePrepare, pbft.BlockRef{View: v, Seq: 5})); got != want {
			t.Errorf("view %d in view 5: %v, want %v", v, got, want)
		}
	}
}

// The third vote of a member for one position finds no room.
func TestAMemberHasTwoVotesOfAPosition(t *testing.T) {
	c, r := settled(t)
	for i, want := range []pbft.Reason{pbft.Accepted, pbft.Accepted, pbft.IgnoredDuplicate} {
		b := pbft.BlockRef{View: 1, Seq: 4, Digest: pbft.Digest{byte(i)}}
		if got := r.Receive(2, c.vote(2, votePrepare, b)); got != want {
			t.Errorf("vote %d: %v, want %v", i, got, want)
		}
	}
	if r.peers[2].votes != 2 {
		t.Errorf("%d votes are counted", r.peers[2].votes)
	}
}

func TestCheckpointsAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		r.chain.low = 2
		r.Receive(3, &pbft.Checkpoint{Replica: 3, Seq: 4})
		top := r.chain.executed + 4*pbft.Seq(r.par.Window)
		return []refusal{
			{"attestation", pbft.Accepted, 2, &pbft.Checkpoint{Replica: 2, Seq: 4}},
			{"another epoch", pbft.IgnoredEpoch, 2, &pbft.Checkpoint{Replica: 2, Seq: 4, Epoch: 1}},
			{"another member's", pbft.IgnoredSender, 3, &pbft.Checkpoint{Replica: 2, Seq: 4}},
			{"forgotten", pbft.IgnoredStale, 2, &pbft.Checkpoint{Replica: 2, Seq: 1}},
			{"as far as may be", pbft.Accepted, 2, &pbft.Checkpoint{Replica: 2, Seq: top}},
			{"too far", pbft.IgnoredFuture, 2, &pbft.Checkpoint{Replica: 2, Seq: top + 1}},
			{"twice", pbft.IgnoredDuplicate, 3, &pbft.Checkpoint{Replica: 3, Seq: 4}},
		}
	})
}

// suspect returns a member's SUSPECT.
func (c *cluster) suspect(id pbft.ReplicaID, v pbft.View, reason pbft.SuspectReason,
	e ...pbft.SignedHeader) *pbft.Suspect {
	m := &pbft.Suspect{View: v, Reason: reason, Replica: id, Evidence: e}
	m.Signature = stubSign(c.com.Key(id), c.com.SuspectBytes(m))
	return m
}

func TestSuspicionsAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		c2 := func(f func(m *pbft.Suspect)) pbft.Message {
			m := c.suspect(2, 1, pbft.SuspectTimeout)
			f(m)
			return m
		}
		h := func(v pbft.View, s pbft.Seq, payload string) pbft.SignedHeader {
			return c.header(v, pbft.BlockRef{Seq: s - 1}, c.genesis(), payload, nil).SignedHeader
		}
		evidence := func(e ...pbft.SignedHeader) pbft.Message { return c.suspect(2, 1, pbft.SuspectEvidence, e...) }
		forged := h(1, 4, "y")
		forged.Signature[0]++
		other := h(1, 4, "y")
		other.Header.Epoch = 1
		other.Signature = stubSign(c.com.Key(0), c.com.HeaderBytesToSign(&other.Header))
		r.Receive(3, c.suspect(3, 7, pbft.SuspectTimeout))
		return []refusal{
			{"SUSPECT", pbft.Accepted, 2, c.suspect(2, 1, pbft.SuspectTimeout)},
			{"another epoch", pbft.IgnoredEpoch, 2, c2(func(m *pbft.Suspect) { m.Epoch = 1 })},
			{"another member's", pbft.IgnoredSender, 3, c.suspect(2, 1, pbft.SuspectTimeout)},
			{"view 0", pbft.InvalidContent, 2, c.suspect(2, 0, pbft.SuspectTimeout)},
			{"lower than before", pbft.IgnoredDuplicate, 3, c.suspect(3, 6, pbft.SuspectTimeout)},
			{"twice in a tick", pbft.IgnoredDuplicate, 3, c.suspect(3, 7, pbft.SuspectTimeout)},
			{"higher than before", pbft.Accepted, 3, c.suspect(3, 8, pbft.SuspectTimeout)},
			{"false signature", pbft.InvalidSignature, 2, c2(func(m *pbft.Suspect) { m.Signature[0]++ })},
			{"evidence", pbft.Accepted, 2, evidence(h(1, 4, "x"), h(1, 4, "y"))},
			{"no evidence", pbft.InvalidContent, 2, evidence()},
			{"one header", pbft.InvalidContent, 2, evidence(h(1, 4, "x"))},
			{"the same header", pbft.InvalidContent, 2, evidence(h(1, 4, "x"), h(1, 4, "x"))},
			{"different positions", pbft.InvalidContent, 2, evidence(h(1, 4, "x"), h(1, 5, "y"))},
			{"another view", pbft.InvalidContent, 2, evidence(h(5, 4, "x"), h(5, 4, "y"))},
			{"two views", pbft.InvalidContent, 2, evidence(h(1, 4, "x"), h(5, 4, "y"))},
			{"two views the other way", pbft.InvalidContent, 2, evidence(h(5, 4, "x"), h(1, 4, "y"))},
			{"another epoch's", pbft.InvalidContent, 2, evidence(h(1, 4, "x"), other)},
			{"another epoch's first", pbft.InvalidContent, 2, evidence(other, h(1, 4, "x"))},
			{"forged", pbft.InvalidContent, 2, evidence(h(1, 4, "x"), forged)},
			{"forged first", pbft.InvalidContent, 2, evidence(forged, h(1, 4, "x"))},
		}
	})
	c, r := settled(t)
	r.enter(3, entry{base: r.highRef})
	if got := r.Receive(2, c.suspect(2, 2, pbft.SuspectTimeout)); got != pbft.IgnoredStale {
		t.Errorf("a view that was left: %v", got)
	}
	for range testimoniesMax {
		r.Receive(2, c.suspect(2, 3, pbft.SuspectTimeout))
		r.peers[2].suspect = 0
	}
	if got := r.Receive(2, c.suspect(2, 3, pbft.SuspectTimeout)); got != pbft.IgnoredQuota {
		t.Errorf("more than may be verified: %v", got)
	}
}

// next returns the block that the primary of view 1 may propose now.
func (c *cluster) next(r *Replica, payload string, change func(h *pbft.Header)) pbft.Block {
	top := r.chain.committed
	return c.header(1, top, top, payload, func(h *pbft.Header) {
		h.BaseSeq = 0
		if change != nil {
			change(h)
		}
	})
}

func TestProposalsAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		with := func(f func(h *pbft.Header)) pbft.Message { return &pbft.PrePrepare{Block: c.next(r, "y", f)} }
		edit := func(f func(m *pbft.PrePrepare)) pbft.Message {
			m := &pbft.PrePrepare{Block: c.next(r, "y", nil)}
			f(m)
			return m
		}
		seen := &pbft.PrePrepare{Block: c.next(r, "seen", func(h *pbft.Header) { h.Seq = 5; h.Parent = pbft.Digest{5} })}
		r.Receive(0, seen)
		top := r.horizon() + pbft.Seq(r.par.Window)
		far := pbft.BlockRef{View: 1, Seq: top, Digest: pbft.Digest{3}}
		forged := c.certificate(pbft.Prepared, far, 0, 2, 3)
		forged.Signatures[0][0]++
		bad := pbft.InvalidContent
		entry := func(v pbft.View) *pbft.NewView {
			var q []*pbft.ViewChange
			for _, id := range []pbft.ReplicaID{0, 2, 3} {
				q = append(q, c.sign(&pbft.ViewChange{View: v, High: r.highRef, Replica: id}))
			}
			return c.newView(v, r.highRef, &pbft.NewView{Certificate: r.high}, q...)
		}
		spoiled := entry(3)
		spoiled.Signature[0]++
		first := func(h *pbft.Header) {
			h.View, h.Seq, h.BaseSeq, h.Parent, h.Justify = 3, 4, 3, r.chain.committed.Digest, r.highRef
			h.Proposer = c.com.Primary(3)
		}
		return []refusal{
			{"proposal", pbft.Accepted, 0, with(nil)},
			{"from another member", pbft.Accepted, 3, with(nil)},
			{"another epoch", pbft.IgnoredEpoch, 0, with(func(h *pbft.Header) { h.Epoch = 1 })},
			{"another committee", bad, 0, with(func(h *pbft.Header) { h.Committee[0]++ })},
			{"view 0", bad, 0, with(func(h *pbft.Header) { h.View, h.Justify.View, h.Proposer = 0, 0, 3 })},
			{"closing", bad, 0, with(func(h *pbft.Header) { h.Flags = pbft.FlagClosing })},
			{"not the primary", bad, 0, with(func(h *pbft.Header) { h.Proposer = 2 })},
			{"a payload too large", bad, 0, with(func(h *pbft.Header) { h.PayloadBytes = r.par.PayloadBytesMax + 1 })},
			{"the largest payload", pbft.Accepted, 0, with(func(h *pbft.Header) { h.PayloadBytes = r.par.PayloadBytesMax })},
			{"at its base", bad, 0, with(func(h *pbft.Header) { h.BaseSeq = 4 })},
			{"beyond the tenure", bad, 0, with(func(h *pbft.Header) { h.Seq, h.Justify.Seq = 4097, 4096 })},
			{"the last of a tenure", pbft.IgnoredFuture, 0, with(func(h *pbft.Header) { h.Seq, h.Justify.Seq = 4096, 4095 })},
			{"justified by a later view", bad, 0, with(func(h *pbft.Header) { h.Justify.View = 2 })},
			{"justified by itself", bad, 0, with(func(h *pbft.Header) { h.Justify.Seq = 4 })},
			{"executed beyond its justification", bad, 0, with(func(h *pbft.Header) { h.ExecSeq = 4 })},
			{"executed up to its justification", pbft.Accepted, 0, with(func(h *pbft.Header) { h.ExecSeq = 3 })},
			{"outside its window", bad, 0, with(func(h *pbft.Header) { h.Seq = 12 })},
			{"the last of its window", pbft.Accepted, 0, with(func(h *pbft.Header) { h.Seq = 11 })},
			{"committed", pbft.IgnoredStale, 0, with(func(h *pbft.Header) { h.Seq, h.Justify = 3, c.genesis() })},
			{"twice", pbft.IgnoredDuplicate, 0, seen},
			{"a false signature", pbft.InvalidSignature, 0, edit(func(m *pbft.PrePrepare) { m.Signature[0]++ })},
			{"another payload", bad, 0, edit(func(m *pbft.PrePrepare) { m.Payload = []byte("z") })},
			{"a forged certificate", pbft.InvalidCertificate, 0, edit(func(m *pbft.PrePrepare) { m.Certificate = forged })},
			{"a later view", pbft.IgnoredFuture, 0, with(func(h *pbft.Header) { h.View, h.Proposer = 2, 1 })},
			{"a later view that it proves", pbft.Accepted, 2, edit(func(m *pbft.PrePrepare) {
				m.Block, m.Entry = c.next(r, "y", first), entry(3)
			})},
			{"a later view that it does not", pbft.InvalidSignature, 2, edit(func(m *pbft.PrePrepare) {
				m.Block, m.Entry = c.next(r, "y", first), spoiled
			})},
			{"another view's proof", pbft.IgnoredFuture, 2, edit(func(m *pbft.PrePrepare) {
				m.Block, m.Entry = c.next(r, "y", first), entry(7)
			})},
			{"beyond what is certified", pbft.IgnoredFuture, 0, with(func(h *pbft.Header) {
				h.Seq, h.Justify.Seq = top+1, top
			})},
		}
	})
	c, r := settled(t)
	r.enter(3, entry{base: r.highRef})
	x := c.next(r, "y", nil)
	if got := r.Receive(0, &pbft.PrePrepare{Block: x}); got != pbft.IgnoredStale {
		t.Errorf("a view that was left: %v", got)
	}
	far := c.header(3, pbft.BlockRef{Seq: 1 << 40}, pbft.BlockRef{View: 3, Seq: 1 << 40}, "y", nil)
	r.want(c.com.Ref(&far.Header), 2, 2, 0)
	if got := r.Receive(2, &pbft.PrePrepare{Block: far}); got != pbft.IgnoredFuture {
		t.Errorf("far up, and wanted: %v", got)
	}
}

// report returns a member's VIEW-CHANGE that reports the genesis and no tip.
func (c *cluster) report(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
	return c.sign(&pbft.ViewChange{View: v, High: c.genesis(), Replica: id})
}

func (c *cluster) sign(m *pbft.ViewChange) *pbft.ViewChange {
	m.Signature = stubSign(c.com.Key(m.Replica), c.com.ViewChangeBytes(m))
	return m
}

func (c *cluster) newView(v pbft.View, base pbft.BlockRef, x *pbft.NewView, reports ...*pbft.ViewChange) *pbft.NewView {
	m := &pbft.NewView{}
	if x != nil {
		*m = *x
	}
	m.View, m.Base = v, base
	for _, q := range reports {
		core := *q
		core.Certificate, core.Walk = nil, nil
		m.ViewChanges = append(m.ViewChanges, core)
	}
	m.Signature = stubSign(c.com.Key(c.com.Primary(v)), c.com.NewViewBytes(m))
	return m
}

func TestViewChangesAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		// One other member wants any of these views, so attachments are checked.
		r.peers[2].suspected, r.peers[2].suspect = true, 20
		high := pbft.BlockRef{View: 1, Seq: 9, Digest: pbft.Digest{9}}
		good := c.certificate(pbft.Prepared, high, 0, 2, 3)
		forged := c.certificate(pbft.Prepared, high, 0, 2, 3)
		forged.Signatures[0][0]++
		var walk []pbft.SignedHeader // above high, highest first
		tip := high
		for range 9 {
			h := c.header(1, tip, high, "", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs += uint64(tip.Seq) })
			walk = append([]pbft.SignedHeader{h.SignedHeader}, walk...)
			tip = c.com.Ref(&h.Header)
		}
		make := func(headers []pbft.SignedHeader, f func(m *pbft.ViewChange)) pbft.Message {
			m := &pbft.ViewChange{View: 2, High: high, Replica: 3, Certificate: good, Walk: headers}
			if len(headers) > 0 {
				m.Tip = c.com.Ref(&headers[0].Header)
			}
			if f != nil {
				f(m)
			}
			return c.sign(m)
		}
		spoil := func(i int, f func(h *pbft.SignedHeader)) []pbft.SignedHeader {
			w := slices.Clone(walk[7:])
			f(&w[i])
			if i == 0 {
				return w
			}
			return w
		}
		other := c.header(1, pbft.BlockRef{View: 1, Seq: 10, Digest: c.com.HeaderDigest(&walk[8].Header)}, high, "",
			func(h *pbft.Header) { h.BaseSeq = 3 })
		r.Receive(2, c.report(2, 6))
		bad := pbft.InvalidContent
		unsigned := func(f func(m *pbft.ViewChange)) pbft.Message {
			m := c.report(3, 2)
			f(m)
			return m
		}
		return []refusal{
			{"VIEW-CHANGE", pbft.Accepted, 3, c.report(3, 2)},
			{"with a certificate", pbft.Accepted, 3, make(nil, nil)},
			{"with a walk", pbft.Accepted, 3, make(walk[7:], nil)},
			{"with the longest walk", pbft.Accepted, 3, make(walk[1:], nil)},
			{"another epoch", pbft.IgnoredEpoch, 3, unsigned(func(m *pbft.ViewChange) { m.Epoch = 1 })},
			{"another member's", pbft.IgnoredSender, 2, c.report(3, 2)},
			{"the present view", pbft.IgnoredStale, 3, c.report(3, 1)},
			{"lower than before", pbft.IgnoredDuplicate, 2, c.report(2, 5)},
			{"twice", pbft.IgnoredDuplicate, 2, c.report(2, 6)},
			{"a certificate of no view", bad, 3, make(nil, func(m *pbft.ViewChange) { m.High.View = 0 })},
			{"a certificate of its own view", bad, 3, make(nil, func(m *pbft.ViewChange) {
				m.High.View = 2
				m.Certificate = c.certificate(pbft.Prepared, m.High, 0, 2, 3)
			})},
			{"a tip of another view", bad, 3, make(nil, func(m *pbft.ViewChange) { m.Tip = pbft.BlockRef{View: 2, Seq: 1} })},
			{"a false signature", pbft.InvalidSignature, 3, unsigned(func(m *pbft.ViewChange) { m.Signature[0]++ })},
			{"no certificate", bad, 3, make(nil, func(m *pbft.ViewChange) { m.Certificate = nil })},
			{"another block's certificate", bad, 3, make(nil, func(m *pbft.ViewChange) { m.High.Seq = 8 })},
			{"a forged certificate", pbft.InvalidCertificate, 3, make(nil, func(m *pbft.ViewChange) { m.Certificate = forged })},
			{"a walk to no tip", bad, 3, make(walk[8:], func(m *pbft.ViewChange) { m.Tip = pbft.BlockRef{} })},
			{"a walk to a tip below", bad, 3, make(walk[8:], func(m *pbft.ViewChange) { m.Tip.Seq = 9 })},
			{"a tip without a walk", bad, 3, make(walk[8:], func(m *pbft.ViewChange) { m.Walk = nil })},
			{"a walk too long", bad, 3, make(walk, nil)},
			{"a walk to another tip", bad, 3, make(walk[7:], func(m *pbft.ViewChange) { m.Tip.Digest[0]++ })},
			{"a walk with a gap", bad, 3, make([]pbft.SignedHeader{walk[6], walk[8]}, nil)},
			{"a walk that ends too early", bad, 3, make(walk[7:8], nil)},
			{"a walk with an impossible header", bad, 3, make(spoil(0, func(h *pbft.SignedHeader) {
				h.Header.Flags = pbft.FlagClosing
			}), nil)},
			{"a walk over two bases", bad, 3, make([]pbft.SignedHeader{other.SignedHeader, walk[8]}, nil)},
			{"a walk that nobody signed", pbft.InvalidSignature, 3, make(spoil(0, func(h *pbft.SignedHeader) {
				h.Signature[0]++
			}), nil)},
			{"whose lowest nobody signed", pbft.InvalidSignature, 3, make(spoil(1, func(h *pbft.SignedHeader) {
				h.Signature[0]++
			}), nil)},
		}
	})
	c, r := settled(t)
	r.enter(4, entry{base: r.highRef})
	if got := r.Receive(3, c.report(3, 4)); got != pbft.IgnoredStale {
		t.Errorf("the view that was entered: %v", got)
	}
	c, r = settled(t)
	r.vcSent, r.ownVC = 5, c.report(1, 5)
	if got := r.Receive(3, c.report(3, 4)); got != pbft.IgnoredStale {
		t.Errorf("below the own VIEW-CHANGE: %v", got)
	}
}

func TestNewViewsAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		base := c.genesis()
		reports := func(ids ...pbft.ReplicaID) (q []*pbft.ViewChange) {
			for _, id := range ids {
				q = append(q, c.report(id, 3))
			}
			return q
		}
		high := pbft.BlockRef{View: 1, Seq: 9, Digest: pbft.Digest{9}}
		twin := pbft.BlockRef{View: 1, Seq: 9, Digest: pbft.Digest{8}}
		low := pbft.BlockRef{View: 1, Seq: 8, Digest: pbft.Digest{7}}
		proof := func(b pbft.BlockRef) *pbft.Certificate { return c.certificate(pbft.Prepared, b, 0, 2, 3) }
		forged := proof(high)
		forged.Signatures[2][0]++
		at := func(id pbft.ReplicaID, h, tip pbft.BlockRef) *pbft.ViewChange {
			return c.sign(&pbft.ViewChange{View: 3, High: h, Tip: tip, Replica: id})
		}
		child := func(payload string) pbft.SignedHeader {
			return c.header(1, high, high, payload, func(h *pbft.Header) { h.BaseSeq = 0 }).SignedHeader
		}
		x, y := child("x"), child("y")
		rx, ry := c.com.Ref(&x.Header), c.com.Ref(&y.Header)
		above := func(x *pbft.NewView, b pbft.BlockRef, tips ...*pbft.ViewChange) pbft.Message {
			if x.Certificate == nil {
				x.Certificate = proof(high)
			}
			return c.newView(3, b, x, tips...)
		}
		sorted := []pbft.SignedHeader{x, y}
		if compareRefs(rx, ry) > 0 {
			sorted = []pbft.SignedHeader{y, x}
		}
		unsigned := x
		unsigned.Signature[0]++
		foreign := c.header(2, high, high, "z", func(h *pbft.Header) { h.BaseSeq = 9 }).SignedHeader
		closing := x
		closing.Header.Flags = pbft.FlagClosing
		resign := func(ids []pbft.ReplicaID, f func(m *pbft.ViewChange)) pbft.Message {
			q := reports(ids...)
			f(q[1])
			return c.newView(3, base, nil, q...)
		}
		three := []pbft.ReplicaID{0, 2, 3}
		edit := func(f func(m *pbft.NewView)) pbft.Message {
			m := c.newView(3, base, nil, reports(three...)...)
			f(m)
			return m
		}
		evidence := sorted
		split := []*pbft.ViewChange{at(1, high, rx), at(2, high, ry), at(3, high, ry)}
		bad := pbft.InvalidContent
		var none pbft.BlockRef
		return []refusal{
			{"on a base below", pbft.IgnoredStale, 2, c.newView(3, base, nil, reports(three...)...)},
			{"on a certificate", pbft.Accepted, 2, above(&pbft.NewView{}, high, at(0, high, none), at(2, low,
				none), at(3, low, none))},
			{"on a tip", pbft.Accepted, 2, above(&pbft.NewView{Headers: []pbft.SignedHeader{x}}, rx,
				at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"with evidence", pbft.Accepted, 2, above(&pbft.NewView{Headers: sorted, Evidence: evidence}, ry, split...)},
			{"another epoch", pbft.IgnoredEpoch, 2, edit(func(m *pbft.NewView) { m.Epoch = 1 })},
			{"two reports", bad, 2, c.newView(3, base, nil, reports(0, 2)...)},
			{"four reports", bad, 2, c.newView(3, base, nil, reports(0, 1, 2, 3)...)},
			{"one member twice", bad, 2, c.newView(3, base, nil, reports(0, 2, 2)...)},
			{"out of order", bad, 2, c.newView(3, base, nil, reports(0, 3, 2)...)},
			{"a report for another view", bad, 2, resign(three, func(m *pbft.ViewChange) { m.View = 4; c.sign(m) })},
			{"a report of another epoch", bad, 2, resign(three, func(m *pbft.ViewChange) { m.Epoch = 1; c.sign(m) })},
			{"a report of nobody", bad, 2, resign([]pbft.ReplicaID{0, 2, 3}, func(m *pbft.ViewChange) { m.Replica = 9 })},
			{"a report of no view", bad, 2, resign(three, func(m *pbft.ViewChange) { m.High.View = 0; c.sign(m) })},
			{"a report of its own view", bad, 2, resign(three, func(m *pbft.ViewChange) { m.High.View = 3; c.sign(m) })},
			{"a report with a tip of another view", bad, 2, resign(three, func(m *pbft.ViewChange) {
				m.Tip = pbft.BlockRef{View: 2, Seq: 1}
				c.sign(m)
			})},
			{"a report that nobody signed", pbft.InvalidSignature, 2, resign(three,
				func(m *pbft.ViewChange) { m.Signature[0]++ })},
			{"that its primary did not sign", pbft.InvalidSignature, 2, edit(func(m *pbft.NewView) { m.Signature[0]++ })},
			{"no certificate", bad, 2, c.newView(3, high, nil, at(0, high, none), at(2, low, none), at(3, low, none))},
			{"a lower certificate", bad, 2, above(&pbft.NewView{Certificate: proof(low)}, low,
				at(0, high, none), at(2, low, none), at(3, low, none))},
			{"a certificate that nobody reports", bad, 2, above(&pbft.NewView{Certificate: proof(twin)}, twin,
				at(0, high, none), at(2, low, none), at(3, low, none))},
			{"a forged certificate", pbft.InvalidCertificate, 2, above(&pbft.NewView{Certificate: forged}, high,
				at(0, high, none), at(2, low, none), at(3, low, none))},
			{"a tip without its walk", bad, 2, above(&pbft.NewView{}, high,
				at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"a walk that nobody signed", pbft.InvalidSignature, 2,
				above(&pbft.NewView{Headers: []pbft.SignedHeader{unsigned}}, rx,
					at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"a header of another view", bad, 2, above(&pbft.NewView{Headers: []pbft.SignedHeader{x, foreign}}, rx,
				at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"an impossible header", bad, 2, above(&pbft.NewView{Headers: []pbft.SignedHeader{closing}}, high,
				at(0, high, none), at(2, high, none), at(3, high, none))},
			{"a header twice", bad, 2, above(&pbft.NewView{Headers: []pbft.SignedHeader{x, x}}, rx,
				at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"headers out of order", bad, 2, above(&pbft.NewView{Headers: []pbft.SignedHeader{sorted[1], sorted[0]},
				Evidence: evidence}, ry, split...)},
			{"a header on no walk", bad, 2, above(&pbft.NewView{Headers: sorted}, rx,
				at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"a base below the support", bad, 2, above(&pbft.NewView{Headers: []pbft.SignedHeader{x}}, high,
				at(0, high, rx), at(2, high, none), at(3, high, none))},
			{"a base that nobody supports", bad, 2, above(&pbft.NewView{}, rx,
				at(0, high, none), at(2, high, none), at(3, high, none))},
			{"conflicting tips", bad, 2, above(&pbft.NewView{Headers: sorted}, ry, split...)},
			{"evidence of nothing", bad, 2, above(&pbft.NewView{Headers: sorted,
				Evidence: []pbft.SignedHeader{x, x}}, ry, split...)},
			{"forged evidence", bad, 2, above(&pbft.NewView{Headers: sorted,
				Evidence: []pbft.SignedHeader{unsigned, y}}, ry, split...)},
			{"one piece of evidence", bad, 2, above(&pbft.NewView{Headers: sorted,
				Evidence: []pbft.SignedHeader{x}}, ry, split...)},
			{"the report of the excluded primary", bad, 2, above(&pbft.NewView{Headers: sorted, Evidence: evidence}, ry,
				at(0, high, rx), at(2, high, ry), at(3, high, ry))},
		}
	})
}

// Where conflicting tips cannot both have support, evidence changes nothing and is not
// taken.
func TestEvidenceIsRefusedUnderTheStrictRule(t *testing.T) {
	c := newClusterOf(t, 4, 1, 0, 4096)
	x := c.header(1, c.genesis(), c.genesis(), "x", nil).SignedHeader
	y := c.header(1, c.genesis(), c.genesis(), "y", nil).SignedHeader
	for _, e := range [][]pbft.SignedHeader{nil, {x, y}} {
		m := c.newView(3, c.genesis(), &pbft.NewView{Evidence: e}, c.report(1, 3), c.report(2, 3), c.report(3, 3))
		want := pbft.Accepted
		if e != nil {
			want = pbft.InvalidContent
		}
		if got := c.start(1, nil).Receive(2, m); got != want {
			t.Errorf("%d pieces of evidence: %v, want %v", len(e), got, want)
		}
	}
}

// A view is entered once, and none below the own VIEW-CHANGE. A valid NEW-VIEW of a
// later view beside the own committed block raises the alarm.
func TestNewViewsOfWrongViewsAreRefused(t *testing.T) {
	c, r := settled(t)
	top := r.chain.committed
	proof := c.certificate(pbft.Prepared, top, 0, 2, 3)
	make := func(v pbft.View, base pbft.BlockRef, p *pbft.Certificate) *pbft.NewView {
		var q []*pbft.ViewChange
		for _, id := range []pbft.ReplicaID{0, 2, 3} {
			q = append(q, c.sign(&pbft.ViewChange{View: v, High: base, Replica: id}))
		}
		return c.newView(v, base, &pbft.NewView{Certificate: p}, q...)
	}
	r.vcSent, r.ownVC = 4, c.report(1, 4)
	if got := r.Receive(2, make(3, top, proof)); got != pbft.IgnoredStale {
		t.Errorf("below the own VIEW-CHANGE: %v", got)
	}
	if got := r.Receive(2, make(7, top, proof)); got != pbft.Accepted || r.view != 7 {
		t.Errorf("a later view: %v, view %d", got, r.view)
	}
	if got := r.Receive(2, make(7, top, proof)); got != pbft.IgnoredDuplicate {
		t.Errorf("twice: %v", got)
	}
	if got := r.Receive(2, make(6, top, proof)); got != pbft.IgnoredStale {
		t.Errorf("a view that was left: %v", got)
	}
	beside := pbft.BlockRef{View: 1, Seq: top.Seq, Digest: pbft.Digest{6}}
	if got := r.Receive(2, make(8, beside, c.certificate(pbft.Prepared, beside, 0, 2, 3))); got != pbft.IgnoredStale ||
		r.view != 7 || r.condition != pbft.Broken {
		t.Errorf("beside the committed block: %v, view %d, %v", got, r.view, r.condition)
	}
}

func TestBlocksAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		x := c.next(r, "x", nil)
		y := c.header(1, c.com.Ref(&x.Header), r.chain.committed, "y", func(h *pbft.Header) { h.BaseSeq = 0; h.TimeMs++ })
		ry := c.com.Ref(&y.Header)
		proof := c.certificate(pbft.CommittedSlow, ry, 0, 2, 3)
		forged := c.certificate(pbft.CommittedSlow, ry, 0, 2, 3)
		forged.Signatures[1][0]++
		both := func(f func(m *pbft.Blocks)) pbft.Message {
			m := &pbft.Blocks{Blocks: []pbft.Block{x, y}, Certificate: proof}
			f(m)
			return m
		}
		named := c.next(r, "named", nil)
		rn := c.com.Ref(&named.Header)
		r.want(rn, 2, r.self, 0)
		one := func(f func(b *pbft.Block)) pbft.Message {
			b := named
			f(&b)
			return &pbft.Blocks{Blocks: []pbft.Block{b}}
		}
		far := c.header(1, pbft.BlockRef{Seq: 1 << 40}, pbft.BlockRef{View: 1, Seq: 1 << 40}, "f", nil)
		r.want(c.com.Ref(&far.Header), 2, r.self, 0)
		bad := pbft.InvalidContent
		old := c.committed[1][2].Block
		return []refusal{
			{"committed blocks", pbft.Accepted, 2, both(func(*pbft.Blocks) {})},
			{"another epoch", pbft.IgnoredEpoch, 2, both(func(m *pbft.Blocks) { m.Epoch = 1 })},
			{"no blocks", bad, 2, both(func(m *pbft.Blocks) { m.Blocks = nil })},
			{"an impossible header", bad, 2, both(func(m *pbft.Blocks) { m.Blocks[0].Header.Flags = pbft.FlagClosing })},
			{"no chain", bad, 2, both(func(m *pbft.Blocks) { m.Blocks[0].Header.TimeMs++ })},
			{"known already", pbft.IgnoredStale, 2, &pbft.Blocks{Blocks: []pbft.Block{*old},
				Certificate: c.certificate(pbft.CommittedSlow, r.chain.committed, 0, 2, 3)}},
			{"with a gap below", pbft.IgnoredFuture, 2, both(func(m *pbft.Blocks) { m.Blocks = m.Blocks[1:] })},
			{"a prepared certificate", pbft.InvalidCertificate, 2, both(func(m *pbft.Blocks) {
				m.Certificate = c.certificate(pbft.Prepared, ry, 0, 2, 3)
			})},
			{"another block's certificate", pbft.InvalidCertificate, 2, both(func(m *pbft.Blocks) {
				m.Certificate = c.certificate(pbft.CommittedSlow, c.com.Ref(&x.Header), 0, 2, 3)
			})},
			{"a forged certificate", pbft.InvalidCertificate, 2, both(func(m *pbft.Blocks) { m.Certificate = forged })},
			{"another payload", bad, 2, both(func(m *pbft.Blocks) { m.Blocks[1].Payload = []byte("z") })},
			{"a wanted block", pbft.Accepted, 2, one(func(*pbft.Block) {})},
			{"one that nobody wants", pbft.IgnoredUnwanted, 2, &pbft.Blocks{Blocks: []pbft.Block{c.next(r, "other", nil)}}},
			{"a wanted one far up", pbft.IgnoredUnwanted, 2, &pbft.Blocks{Blocks: []pbft.Block{far}}},
			{"a wanted one that is committed", pbft.IgnoredUnwanted, 2, &pbft.Blocks{Blocks: []pbft.Block{*old}}},
			{"that its primary did not sign", pbft.InvalidSignature, 2, one(func(b *pbft.Block) { b.Signature[0]++ })},
			{"a wanted one's other payload", bad, 2, one(func(b *pbft.Block) { b.Payload = []byte("z") })},
		}
	})
}

func TestProofsAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		x := c.next(r, "x", nil)
		ref := c.com.Ref(&x.Header)
		with := func(f func(m *pbft.Proof)) pbft.Message {
			h := x.SignedHeader
			m := &pbft.Proof{Certificate: c.certificate(pbft.Prepared, ref, 0, 2, 3), Header: &h}
			f(m)
			return m
		}
		return []refusal{
			{"proof", pbft.Accepted, 2, with(func(*pbft.Proof) {})},
			{"without a header", pbft.Accepted, 2, with(func(m *pbft.Proof) { m.Header = nil })},
			{"another epoch", pbft.IgnoredEpoch, 2, with(func(m *pbft.Proof) { m.Certificate.Epoch = 1 })},
			{"of what is held", pbft.IgnoredDuplicate, 2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared,
				r.highRef, 0, 2, 3)}},
			{"of what is below", pbft.IgnoredDuplicate, 2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared,
				pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{1}}, 0, 2, 3)}},
			{"forged", pbft.InvalidCertificate, 2, with(func(m *pbft.Proof) { m.Certificate.Signatures[0][0]++ })},
			{"too few signatures", pbft.InvalidCertificate, 2, with(func(m *pbft.Proof) {
				m.Certificate = c.certificate(pbft.Prepared, ref, 0, 2)
			})},
			{"a header that nobody signed", pbft.InvalidSignature, 2, with(func(m *pbft.Proof) { m.Header.Signature[0]++ })},
		}
	})
	// Another block's header is not taken with it.
	c, r := settled(t)
	x, y := c.next(r, "x", nil), c.next(r, "y", nil)
	r.Receive(2, &pbft.Proof{Certificate: c.certificate(pbft.Prepared, c.com.Ref(&x.Header), 0, 2, 3),
		Header: &y.SignedHeader})
	if r.chain.byDigest[c.com.HeaderDigest(&y.Header)] != nil {
		t.Error("a header came in with another block's certificate")
	}
}

func TestRequestsAreRefused(t *testing.T) {
	refuses(t, func(c *cluster, r *Replica) []refusal {
		x := c.next(r, "x", nil)
		d := c.com.HeaderDigest(&x.Header)
		r.addBlock(&x, true)
		unsigned := c.next(r, "u", nil)
		r.addBlock(&unsigned, false)
		bare := c.next(r, "b", nil)
		r.addHeader(&bare.SignedHeader)
		r.Receive(3, &pbft.Fetch{Seq: 3})
		return []refusal{
			{"committed blocks", pbft.Accepted, 2, &pbft.Fetch{Seq: 3}},
			{"another epoch", pbft.IgnoredEpoch, 2, &pbft.Fetch{Seq: 3, Epoch: 1}},
			{"above the committed one", pbft.IgnoredFuture, 2, &pbft.Fetch{Seq: 9, After: 3}},
			{"twice in a tick", pbft.IgnoredQuota, 3, &pbft.Fetch{Seq: 3}},
			{"a named block", pbft.Accepted, 2, &pbft.Fetch{Seq: 4, Digest: d, After: 3}},
			{"an unknown block", pbft.IgnoredUnwanted, 2, &pbft.Fetch{Seq: 4, Digest: pbft.Digest{1}, After: 3}},
			{"nothing of a block", pbft.IgnoredUnwanted, 2, &pbft.Fetch{Seq: 4, Digest: d, After: 4}},
			{"a block that nobody signed", pbft.IgnoredUnwanted, 2,
				&pbft.Fetch{Seq: 4, Digest: c.com.HeaderDigest(&unsigned.Header), After: 3}},
			{"a block without a body", pbft.IgnoredUnwanted, 2,
				&pbft.Fetch{Seq: 4, Digest: c.com.HeaderDigest(&bare.Header), After: 3}},
		}
	})
}
