package original

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

// refuses plays each case at a replica of its own, r1 of four, which has decided and
// executed five blocks of view 1. Its stable checkpoint is 4.
func refuses(t *testing.T, cases func(s *solo) []refusal) {
	t.Helper()
	for i := range cases(settled(t)) {
		s := settled(t)
		x := cases(s)[i]
		if got := s.r.Receive(x.from, x.m); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

func settled(t *testing.T) *solo {
	t.Helper()
	s := newSolo(t, 4, 1)
	for seq := pbft.Seq(1); seq <= 5; seq++ {
		ref := s.decide(seq, "x")
		for _, id := range []pbft.ReplicaID{0, 2, 3} {
			if seq <= 4 {
				s.get(id, s.attestation(id, seq, ref.Digest, ref.Digest))
			}
		}
		s.turn()
	}
	if s.r.stable != 4 || s.r.executed != 5 {
		t.Fatalf("stable %d, executed %d", s.r.stable, s.r.executed)
	}
	return s
}

func TestReceiveRefuses(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		return []refusal{
			{"from itself", pbft.IgnoredSender, 1, &pbft.Status{Replica: 1}},
			{"from nobody", pbft.IgnoredSender, 4, &pbft.Status{Replica: 4}},
			{"of another protocol", pbft.InvalidContent, 2, &pbft.Proof{}},
			{"STATUS", pbft.Accepted, 2, &pbft.Status{Replica: 2}},
			{"STATUS of another epoch", pbft.IgnoredEpoch, 2, &pbft.Status{Replica: 2, Epoch: 1}},
			{"STATUS of another member", pbft.IgnoredSender, 2, &pbft.Status{Replica: 3}},
			{"RECALL", pbft.Accepted, 2, &pbft.Recall{}},
			{"RECALL of another epoch", pbft.IgnoredEpoch, 2, &pbft.Recall{Epoch: 1}},
			{"RECOLLECTION that nobody asked for", pbft.IgnoredUnwanted, 2, &pbft.Recollection{}},
			{"RECOLLECTION of another epoch", pbft.IgnoredEpoch, 2, &pbft.Recollection{Epoch: 1}},
			{"STABLE", pbft.Accepted, 2, &pbft.Stable{Certificate: s.checkpoint(8, 0, 2, 3)}},
			{"STABLE that is known", pbft.IgnoredStale, 2, &pbft.Stable{Certificate: s.checkpoint(4, 0, 2, 3)}},
			{"STABLE of no interval", pbft.InvalidCertificate, 2, &pbft.Stable{Certificate: s.checkpoint(7, 0, 2, 3)}},
			{"STABLE of two", pbft.InvalidCertificate, 2, &pbft.Stable{Certificate: s.checkpoint(8, 0, 2)}},
		}
	})
	s := settled(t)
	foreign := s.checkpoint(8, 0, 2, 3)
	foreign.Epoch = 1
	if got := s.get(2, &pbft.Stable{Certificate: foreign}); got != pbft.IgnoredEpoch {
		t.Errorf("STABLE of another epoch: %v", got)
	}
	forged := s.checkpoint(8, 0, 2, 3)
	forged.Signatures[2][0]++
	if got := s.get(2, &pbft.Stable{Certificate: forged}); got != pbft.InvalidCertificate || s.r.stable != 4 {
		t.Errorf("STABLE, forged: %v, %d", got, s.r.stable)
	}
}

func TestVotesAreRefused(t *testing.T) {
	for k := range phases {
		refuses(t, func(s *solo) []refusal {
			at := func(v pbft.View, seq pbft.Seq) pbft.BlockRef {
				return pbft.BlockRef{View: v, Seq: seq, Digest: pbft.Digest{byte(seq)}}
			}
			edit := func(f func(v *pbft.Vote)) pbft.Message {
				m := s.vote(2, k, at(1, 6))
				if x, ok := m.(*pbft.Prepare); ok {
					f(&x.Vote)
				} else {
					f(&m.(*pbft.Commit).Vote)
				}
				return m
			}
			s.get(3, s.vote(3, k, at(1, 6)))
			s.get(3, s.vote(3, k, at(9, 7)))
			top := s.r.stable + s.r.span
			return []refusal{
				{"vote", pbft.Accepted, 2, s.vote(2, k, at(1, 6))},
				{"another epoch", pbft.IgnoredEpoch, 2, edit(func(v *pbft.Vote) { v.Epoch = 1 })},
				{"another member's", pbft.IgnoredSender, 3, s.vote(2, k, at(1, 6))},
				{"view 0", pbft.InvalidContent, 2, edit(func(v *pbft.Vote) { v.Block.View = 0 })},
				{"below the watermark", pbft.IgnoredStale, 2, s.vote(2, k, at(1, 4))},
				{"as far as may be", pbft.Accepted, 2, s.vote(2, k, at(1, top))},
				{"above the watermark", pbft.IgnoredFuture, 2, s.vote(2, k, at(1, top+1))},
				{"twice", pbft.IgnoredDuplicate, 3, s.vote(3, k, at(1, 6))},
				{"a lower future view", pbft.IgnoredStale, 3, s.vote(3, k, at(8, 6))},
				{"a higher future view", pbft.Accepted, 3, s.vote(3, k, at(10, 6))},
			}
		})
	}
	s := settled(t)
	s.r.view = 2
	if got := s.get(2, s.vote(2, prepares, pbft.BlockRef{View: 1, Seq: 6})); got != pbft.IgnoredStale {
		t.Errorf("a vote of a view that was left: %v", got)
	}
	s.r.peers[2].votes = s.r.votesMax()
	if got := s.get(2, s.vote(2, prepares, pbft.BlockRef{View: 2, Seq: 6})); got != pbft.IgnoredQuota {
		t.Errorf("a vote beyond the quota: %v", got)
	}
}

func TestCheckpointsAreRefused(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		s.r.heightsLow = 2
		at := func(seq pbft.Seq) *pbft.Checkpoint { return s.attestation(2, seq, pbft.Digest{1}, pbft.Digest{1}) }
		other := at(6)
		other.Epoch = 1
		third := s.attestation(3, 6, pbft.Digest{1}, pbft.Digest{1})
		s.get(3, third)
		top := s.r.executed + s.r.span
		return []refusal{
			{"attestation", pbft.Accepted, 2, at(6)},
			{"another epoch", pbft.IgnoredEpoch, 2, other},
			{"another member's", pbft.IgnoredSender, 3, at(6)},
			{"forgotten", pbft.IgnoredStale, 2, at(2)},
			{"as far as may be", pbft.Accepted, 2, at(top)},
			{"too far", pbft.IgnoredFuture, 2, at(top + 1)},
			{"twice", pbft.IgnoredDuplicate, 3, third},
		}
	})
}

func TestProposalsAreRefused(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		with := func(f func(h *pbft.Header)) pbft.Message { return &pbft.PrePrepare{Block: s.block(1, 6, "y", f)} }
		edit := func(f func(m *pbft.PrePrepare)) pbft.Message {
			m := &pbft.PrePrepare{Block: s.block(1, 6, "y", nil)}
			f(m)
			return m
		}
		seen := &pbft.PrePrepare{Block: s.block(1, 7, "seen", nil)}
		s.get(0, seen)
		top := s.r.committed.Seq + 2*pbft.Seq(s.r.par.Window)
		s.r.span = 3 * top
		bad := pbft.InvalidContent
		return []refusal{
			{"proposal", pbft.Accepted, 0, with(nil)},
			{"from another member", pbft.Accepted, 3, with(nil)},
			{"another epoch", pbft.IgnoredEpoch, 0, with(func(h *pbft.Header) { h.Epoch = 1 })},
			{"view 0", bad, 0, with(func(h *pbft.Header) { h.View, h.Proposer = 0, 3 })},
			{"number 0", bad, 0, with(func(h *pbft.Header) { h.Seq = 0 })},
			{"a payload too large", bad, 0, with(func(h *pbft.Header) { h.PayloadBytes = s.r.par.PayloadBytesMax + 1 })},
			{"the largest payload", pbft.Accepted, 0, with(func(h *pbft.Header) { h.PayloadBytes = s.r.par.PayloadBytesMax })},
			{"a parent", bad, 0, with(func(h *pbft.Header) { h.Parent[0]++ })},
			{"not the primary", bad, 0, with(func(h *pbft.Header) { h.Proposer = 2 })},
			{"a certificate", bad, 0, edit(func(m *pbft.PrePrepare) { m.Certificate = &pbft.Certificate{} })},
			{"an entry", bad, 0, edit(func(m *pbft.PrePrepare) { m.Entry = &pbft.NewView{} })},
			{"below the watermark", pbft.IgnoredStale, 0, with(func(h *pbft.Header) { h.Seq = 4 })},
			{"a later view", pbft.IgnoredFuture, 3, with(func(h *pbft.Header) { h.View, h.Proposer = 2, 1 })},
			{"above the watermark", pbft.IgnoredFuture, 0, with(func(h *pbft.Header) { h.Seq = s.r.stable + s.r.span + 1 })},
			{"beyond what a primary may", pbft.IgnoredFuture, 0, with(func(h *pbft.Header) { h.Seq = top + 1 })},
			{"as far as it may", pbft.Accepted, 0, with(func(h *pbft.Header) { h.Seq = top })},
			{"twice", pbft.IgnoredDuplicate, 0, seen},
			{"a second one", pbft.IgnoredQuota, 0, with(func(h *pbft.Header) { h.Seq = 7 })},
			{"a false signature", pbft.InvalidSignature, 0, edit(func(m *pbft.PrePrepare) { m.Signature[0]++ })},
			{"another payload", bad, 0, edit(func(m *pbft.PrePrepare) { m.Payload = []byte("z") })},
		}
	})
	s := settled(t)
	s.r.view = 2
	x := s.block(1, 6, "y", nil)
	if got := s.get(0, &pbft.PrePrepare{Block: x}); got != pbft.IgnoredStale {
		t.Errorf("a view that was left: %v", got)
	}
}

func TestViewChangesAreRefused(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		s.r.peers[0].change = s.change(0, 20) // one other wants any of these views
		at := func(v pbft.View, seq pbft.Seq) pbft.BlockRef {
			return pbft.BlockRef{View: v, Seq: seq, Digest: pbft.Digest{byte(seq)}}
		}
		proof := func(b pbft.BlockRef) *pbft.Certificate { return s.certificate(pbft.Prepared, b, 0, 2, 3) }
		forged := proof(at(1, 6))
		forged.Signatures[1][0]++
		with := func(f func(m *pbft.SlotViewChange)) pbft.Message {
			m := s.change(3, 6, proof(at(1, 5)), proof(at(2, 6)))
			m.Stable, m.Checkpoint = 4, s.checkpoint(4, 0, 2, 3)
			f(m)
			s.sign(m)
			return m
		}
		unsigned := s.change(3, 6)
		unsigned.Signature[0]++
		s.get(2, s.change(2, 10))
		bad, untrue := pbft.InvalidContent, pbft.InvalidCertificate
		return []refusal{
			{"VIEW-CHANGE", pbft.Accepted, 3, with(func(*pbft.SlotViewChange) {})},
			{"for another primary", pbft.Accepted, 3, s.change(3, 7)},
			{"another epoch", pbft.IgnoredEpoch, 3, with(func(m *pbft.SlotViewChange) { m.Epoch = 1 })},
			{"another member's", pbft.IgnoredSender, 2, with(func(*pbft.SlotViewChange) {})},
			{"the present view", pbft.IgnoredStale, 3, with(func(m *pbft.SlotViewChange) { m.View = 1 })},
			{"lower than before", pbft.IgnoredDuplicate, 2, s.change(2, 6)},
			{"twice", pbft.IgnoredDuplicate, 2, s.change(2, 10)},
			{"a checkpoint of no interval", bad, 3, with(func(m *pbft.SlotViewChange) { m.Stable = 3 })},
			{"a block below its checkpoint", bad, 3, with(func(m *pbft.SlotViewChange) { m.Prepared[0].Seq = 4 })},
			{"blocks out of order", bad, 3, with(func(m *pbft.SlotViewChange) { slices.Reverse(m.Prepared) })},
			{"a number twice", bad, 3, with(func(m *pbft.SlotViewChange) { m.Prepared[1].Seq = 5 })},
			{"a block above its window", bad, 3, with(func(m *pbft.SlotViewChange) { m.Prepared[1].Seq = 5 + s.r.span })},
			{"a block of no view", bad, 3, with(func(m *pbft.SlotViewChange) { m.Prepared[0].View = 0 })},
			{"a block of its own view", bad, 3, with(func(m *pbft.SlotViewChange) { m.Prepared[0].View = 6 })},
			{"a false signature", pbft.InvalidSignature, 3, unsigned},
			{"without proofs", untrue, 3, with(func(m *pbft.SlotViewChange) { m.Proofs = nil })},
			{"a proof too many", untrue, 3, with(func(m *pbft.SlotViewChange) { m.Proofs = append(m.Proofs, forged) })},
			{"without its checkpoint", untrue, 3, with(func(m *pbft.SlotViewChange) { m.Checkpoint = nil })},
			{"another checkpoint", untrue, 3, with(func(m *pbft.SlotViewChange) { m.Checkpoint = s.checkpoint(8, 0, 2, 3) })},
			{"a checkpoint of two", untrue, 3, with(func(m *pbft.SlotViewChange) { m.Checkpoint = s.checkpoint(4, 0, 2) })},
			{"another block's proof", untrue, 3, with(func(m *pbft.SlotViewChange) { m.Proofs[0] = proof(at(1, 7)) })},
			{"a forged proof", untrue, 3, with(func(m *pbft.SlotViewChange) {
				m.Prepared[1], m.Proofs[1] = at(1, 6), forged
			})},
			{"a commit certificate", pbft.Accepted, 3, with(func(m *pbft.SlotViewChange) {
				m.Proofs[1] = s.certificate(pbft.CommittedSlow, at(2, 6), 0, 2, 3)
			})},
			{"a fast certificate", untrue, 3, with(func(m *pbft.SlotViewChange) {
				m.Proofs[1] = s.certificate(pbft.CommittedFast, at(2, 6), 0, 1, 2, 3)
			})},
		}
	})
	// A VIEW-CHANGE for the present view that comes once is late, not a question.
	s := settled(t)
	s.r.view, s.r.entry = 2, &pbft.SlotNewView{View: 2}
	for i, want := range []int{0, 1} {
		got := s.get(3, s.change(3, 2))
		if n := kinds(s.turn(), pbft.KindSlotNewView); got != pbft.IgnoredStale || n != want {
			t.Errorf("VIEW-CHANGE %d for the present view: %v, %d answers", i, got, n)
		}
	}
}

func TestNewViewsAreRefused(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		at := func(v pbft.View, seq pbft.Seq, d byte) pbft.BlockRef {
			return pbft.BlockRef{View: v, Seq: seq, Digest: pbft.Digest{d}}
		}
		proof := func(b pbft.BlockRef) *pbft.Certificate { return s.certificate(pbft.Prepared, b, 0, 2, 3) }
		with := func(f func(m *pbft.SlotNewView)) pbft.Message {
			low := s.change(0, 3, proof(at(1, 5, 5)), proof(at(1, 6, 6)))
			high := s.change(2, 3, proof(at(2, 6, 7)))
			stable := &pbft.SlotViewChange{View: 3, Replica: 3, Stable: 4, Checkpoint: s.checkpoint(4, 0, 2, 3)}
			for _, c := range []*pbft.SlotViewChange{low, high, stable} {
				s.sign(c)
			}
			m := s.newView(3, low, high, stable)
			f(m)
			return m
		}
		resigned := func(f func(m *pbft.SlotNewView)) pbft.Message {
			return with(func(m *pbft.SlotNewView) { f(m); s.signNewView(m) })
		}
		report := func(f func(c *pbft.SlotViewChange)) pbft.Message {
			return resigned(func(m *pbft.SlotNewView) { f(&m.ViewChanges[2]); s.sign(&m.ViewChanges[2]) })
		}
		forged := proof(at(2, 6, 7))
		forged.Signatures[0][0]++
		bad, untrue := pbft.InvalidContent, pbft.InvalidCertificate
		return []refusal{
			{"NEW-VIEW", pbft.Accepted, 2, with(func(*pbft.SlotNewView) {})},
			{"another epoch", pbft.IgnoredEpoch, 2, with(func(m *pbft.SlotNewView) { m.Epoch = 1 })},
			{"view 1", bad, 2, with(func(m *pbft.SlotNewView) { m.View = 1 })},
			{"two reports", bad, 2, resigned(func(m *pbft.SlotNewView) { m.ViewChanges = m.ViewChanges[1:] })},
			{"four reports", bad, 2, resigned(func(m *pbft.SlotNewView) {
				m.ViewChanges = append(m.ViewChanges, *s.change(3, 3))
			})},
			{"a member twice", bad, 2, report(func(c *pbft.SlotViewChange) { c.Replica = 2 })},
			{"a report for another view", bad, 2, report(func(c *pbft.SlotViewChange) { c.View = 4 })},
			{"a report of no interval", bad, 2, report(func(c *pbft.SlotViewChange) { c.Stable = 3 })},
			{"a report that nobody signed", pbft.InvalidSignature, 2, resigned(func(m *pbft.SlotNewView) {
				m.ViewChanges[0].Signature[0]++
			})},
			{"that its primary did not sign", pbft.InvalidSignature, 2, with(func(m *pbft.SlotNewView) { m.Signature[0]++ })},
			{"a block too few", bad, 2, resigned(func(m *pbft.SlotNewView) { m.Slots = m.Slots[:1] })},
			{"another block", bad, 2, resigned(func(m *pbft.SlotNewView) { m.Slots[0].Digest[0]++ })},
			{"another time", bad, 2, resigned(func(m *pbft.SlotNewView) {
				m.ViewChanges[0].Prepared = m.ViewChanges[0].Prepared[1:]
				s.sign(&m.ViewChanges[0])
				m.Proofs = m.Proofs[1:]
			})},
			{"a proof missing", bad, 2, with(func(m *pbft.SlotNewView) { m.Proofs = m.Proofs[1:] })},
			{"a forged proof", untrue, 2, with(func(m *pbft.SlotNewView) { m.Proofs[1] = forged })},
			{"the lower proof", untrue, 2, with(func(m *pbft.SlotNewView) { m.Proofs[1] = proof(at(1, 6, 6)) })},
			{"no checkpoint", untrue, 2, with(func(m *pbft.SlotNewView) { m.Checkpoint = nil })},
			{"another checkpoint", untrue, 2, with(func(m *pbft.SlotNewView) { m.Checkpoint = s.checkpoint(8, 0, 2, 3) })},
			{"conflicting reports", bad, 2, resigned(func(m *pbft.SlotNewView) {
				m.ViewChanges[0].Prepared[1] = at(2, 6, 8)
				s.sign(&m.ViewChanges[0])
			})},
		}
	})
	s := settled(t)
	m := s.newView(3, s.change(0, 3), s.change(2, 3), s.change(3, 3))
	s.r.changed, s.r.ownChange = 4, s.change(1, 4)
	if got := s.get(2, m); got != pbft.IgnoredStale {
		t.Errorf("below the own VIEW-CHANGE: %v", got)
	}
	s.r.changed, s.r.view = 0, 3
	if got := s.get(2, m); got != pbft.IgnoredStale {
		t.Errorf("the view that was entered: %v", got)
	}
}

func TestBlocksAreRefused(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		x := s.block(1, 6, "x", nil)
		ref := s.com.Ref(&x.Header)
		for _, id := range []pbft.ReplicaID{0, 2} { // f+1 have it
			s.get(id, s.vote(id, prepares, ref))
		}
		one := func(f func(m *pbft.Blocks)) pbft.Message {
			m := &pbft.Blocks{Blocks: []pbft.Block{x}}
			f(m)
			return m
		}
		decided := func(f func(m *pbft.Decided)) pbft.Message {
			y := s.block(1, 7, "y", nil)
			m := &pbft.Decided{Blocks: []pbft.Block{x, y}}
			for i := range m.Blocks {
				m.Certificates = append(m.Certificates,
					s.certificate(pbft.CommittedSlow, s.com.Ref(&m.Blocks[i].Header), 0, 2, 3))
			}
			f(m)
			return m
		}
		bad := pbft.InvalidContent
		return []refusal{
			{"BLOCKS", pbft.Accepted, 2, one(func(*pbft.Blocks) {})},
			{"another epoch", pbft.IgnoredEpoch, 2, one(func(m *pbft.Blocks) { m.Epoch = 1 })},
			{"none", bad, 2, one(func(m *pbft.Blocks) { m.Blocks = nil })},
			{"two", bad, 2, one(func(m *pbft.Blocks) { m.Blocks = append(m.Blocks, x) })},
			{"with a certificate", bad, 2,
				one(func(m *pbft.Blocks) { m.Certificate = s.certificate(pbft.CommittedSlow, ref, 0, 2, 3) })},
			{"an impossible header", bad, 2, one(func(m *pbft.Blocks) { m.Blocks[0].Header.Flags = pbft.FlagClosing })},
			{"another block", pbft.IgnoredUnwanted, 2, one(func(m *pbft.Blocks) { m.Blocks[0].Header.TimeMs++ })},
			{"a number without a slot", pbft.IgnoredUnwanted, 2, one(func(m *pbft.Blocks) { m.Blocks[0].Header.Seq = 9 })},
			{"another payload", bad, 2, one(func(m *pbft.Blocks) { m.Blocks[0].Payload = []byte("z") })},
			{"DECIDED", pbft.Accepted, 2, decided(func(*pbft.Decided) {})},
			{"DECIDED of another epoch", pbft.IgnoredEpoch, 2, decided(func(m *pbft.Decided) { m.Epoch = 1 })},
			{"DECIDED with a gap below", pbft.IgnoredFuture, 2, decided(func(m *pbft.Decided) { m.Blocks = m.Blocks[1:] })},
			{"DECIDED that is known", pbft.IgnoredStale, 2, decided(func(m *pbft.Decided) {
				m.Blocks, m.Certificates = m.Blocks[:1], m.Certificates[:1]
				m.Blocks[0].Header.Seq = 5
			})},
			{"DECIDED with an impossible header", bad, 2,
				decided(func(m *pbft.Decided) { m.Blocks[0].Header.Flags = pbft.FlagClosing })},
			{"DECIDED with a gap", bad, 2, decided(func(m *pbft.Decided) { m.Blocks[1].Header.Seq = 8 })},
			{"DECIDED with another payload", bad, 2, decided(func(m *pbft.Decided) { m.Blocks[0].Payload = nil })},
			{"DECIDED by another's certificate", pbft.InvalidCertificate, 2, decided(func(m *pbft.Decided) {
				m.Certificates[0] = m.Certificates[1]
			})},
			{"DECIDED by a prepared certificate", pbft.InvalidCertificate, 2, decided(func(m *pbft.Decided) {
				m.Certificates[0] = s.certificate(pbft.Prepared, ref, 0, 2, 3)
			})},
			{"DECIDED by a forged one", pbft.InvalidCertificate, 2, decided(func(m *pbft.Decided) {
				m.Certificates[0].Signatures[1][0]++
			})},
		}
	})
}

func TestRequestsAreRefused(t *testing.T) {
	refuses(t, func(s *solo) []refusal {
		x := s.block(1, 6, "x", nil)
		d := s.com.HeaderDigest(&x.Header)
		s.get(0, &pbft.PrePrepare{Block: x})
		s.get(3, &pbft.Fetch{Seq: 3})
		return []refusal{
			{"decided blocks", pbft.Accepted, 2, &pbft.Fetch{Seq: 3}},
			{"another epoch", pbft.IgnoredEpoch, 2, &pbft.Fetch{Seq: 3, Epoch: 1}},
			{"above the executed one", pbft.IgnoredFuture, 2, &pbft.Fetch{Seq: 9, After: 5}},
			{"twice in a tick", pbft.IgnoredQuota, 3, &pbft.Fetch{Seq: 3}},
			{"a named block", pbft.Accepted, 2, &pbft.Fetch{Seq: 6, Digest: d}},
			{"an unknown block", pbft.IgnoredUnwanted, 2, &pbft.Fetch{Seq: 6, Digest: pbft.Digest{1}}},
			{"an unknown number", pbft.IgnoredUnwanted, 2, &pbft.Fetch{Seq: 9, Digest: d}},
		}
	})
}

// Votes with false signatures complete nothing, and their place is free again.
func TestFalseVotesDoNotCount(t *testing.T) {
	for k := range phases {
		s := settled(t)
		x := s.block(1, 6, "x", nil)
		ref := s.com.Ref(&x.Header)
		s.get(0, &pbft.PrePrepare{Block: x})
		s.turn()
		ids := []pbft.ReplicaID{0, 2}
		if k == commits {
			for _, id := range ids {
				s.get(id, s.vote(id, prepares, ref))
			}
			s.turn()
		}
		done := func() bool {
			x := s.r.slots[6]
			return k == prepares && x.prepared != nil || k == commits && x.commit != nil
		}
		untrue := s.vote(0, k, ref)
		if v, ok := untrue.(*pbft.Prepare); ok {
			v.Signature[0]++
		} else {
			untrue.(*pbft.Commit).Signature[0]++
		}
		s.get(0, untrue)
		s.get(2, s.vote(2, k, ref))
		s.turn()
		if done() {
			t.Errorf("phase %d: done with a false vote", k)
		}
		if got := s.get(0, s.vote(0, k, ref)); got != pbft.Accepted || !done() {
			t.Errorf("phase %d: the true vote is %v, done %t", k, got, done())
		}
	}
}
