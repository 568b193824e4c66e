package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What a replica's log must hold of an own vote that a peer remembers. The log knows
// that view 1 orders b at 6; the test puts the rest in.
func TestWhatTheLogAccountsFor(t *testing.T) {
	for _, x := range []struct {
		name string
		log  func(s *solo, x *slot, b pbft.BlockRef)
		vote phase
		want pbft.Condition
	}{
		{"a PREPARE, and it is there", func(_ *solo, x *slot, _ pbft.BlockRef) { x.prepareView = 1 }, prepares,
			pbft.Recalling},
		{"a PREPARE, and the order alone is there", func(*solo, *slot, pbft.BlockRef) {}, prepares, pbft.Amnesic},
		{"a PREPARE for another block", func(_ *solo, x *slot, _ pbft.BlockRef) {
			x.prepareView, x.assigned.Digest = 1, pbft.Digest{9}
		}, prepares, pbft.Amnesic},
		{"a PREPARE, and the slot is new", func(s *solo, x *slot, _ pbft.BlockRef) { delete(s.r.slots, x.seq) },
			prepares, pbft.Amnesic},
		{"a PREPARE below the watermark", func(s *solo, _ *slot, b pbft.BlockRef) { s.r.stable = b.Seq }, prepares,
			pbft.Recalling},
		{"a COMMIT, and its certificate is there", func(s *solo, x *slot, b pbft.BlockRef) {
			x.prepared = s.certificate(pbft.Prepared, b, 0, 2, 3)
		}, commits, pbft.Recalling},
		{"a COMMIT, and a commit certificate is there", func(s *solo, x *slot, b pbft.BlockRef) {
			x.commit = s.certificate(pbft.CommittedSlow, b, 0, 2, 3)
		}, commits, pbft.Recalling},
		{"a COMMIT without its certificate", func(*solo, *slot, pbft.BlockRef) {}, commits, pbft.Amnesic},
		{"a COMMIT, and another block's certificate is there", func(s *solo, x *slot, b pbft.BlockRef) {
			b.Digest[0]++
			x.prepared = s.certificate(pbft.Prepared, b, 0, 2, 3)
		}, commits, pbft.Amnesic},
		{"a COMMIT, and the slot is new", func(s *solo, x *slot, _ pbft.BlockRef) { delete(s.r.slots, x.seq) },
			commits, pbft.Amnesic},
		{"a COMMIT below the watermark", func(s *solo, _ *slot, b pbft.BlockRef) { s.r.stable = b.Seq }, commits,
			pbft.Recalling},
	} {
		s := newSolo(t, 4, 1)
		s.start(1, nil, pbft.Config{Recall: true})
		b := pbft.BlockRef{View: 1, Seq: 6, Digest: pbft.Digest{6}}
		at := s.r.slot(6)
		at.assigned = b
		x.log(s, at, b)
		m := &pbft.Recollection{Nonce: s.r.recall.nonce}
		if v := s.vote(1, x.vote, b); x.vote == prepares {
			m.Prepare = v.(*pbft.Prepare)
		} else {
			m.Commit = v.(*pbft.Commit)
		}
		if got := s.get(2, m); got != pbft.Accepted || s.r.condition != x.want {
			t.Errorf("%s: %v, %v, want %v", x.name, got, s.r.condition, x.want)
		}
	}
}

// The primary of a view looks at what is attached to a report of it: as many proofs as
// blocks are named, and each of the right one.
func TestAReportCarriesAProofOfEachBlock(t *testing.T) {
	b := pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{2}}
	for _, x := range []struct {
		name string
		do   func(s *solo, m *pbft.SlotViewChange)
		want pbft.Reason
	}{
		{"one", func(*solo, *pbft.SlotViewChange) {}, pbft.Accepted},
		{"none", func(_ *solo, m *pbft.SlotViewChange) { m.Proofs = nil }, pbft.InvalidCertificate},
		{"two", func(_ *solo, m *pbft.SlotViewChange) { m.Proofs = append(m.Proofs, m.Proofs[0]) },
			pbft.InvalidCertificate},
		{"another's", func(s *solo, m *pbft.SlotViewChange) {
			b.Digest[0]++
			m.Proofs[0] = s.certificate(pbft.Prepared, b, 0, 2, 3)
		}, pbft.InvalidCertificate},
	} {
		s := newSolo(t, 4, 1) // the primary of view 2
		s.get(3, s.change(3, 2))
		m := s.change(2, 2, s.certificate(pbft.Prepared, b, 0, 2, 3))
		x.do(s, m)
		if got := s.r.Receive(2, m); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// What an answer must be to be looked at, and what it must hold to count.
func TestAnswersToARecall(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(s *solo, m *pbft.Recollection)
		want pbft.Reason
		then pbft.Condition
	}{
		{"nothing", func(*solo, *pbft.Recollection) {}, pbft.Accepted, pbft.Recalling},
		{"to another question", func(_ *solo, m *pbft.Recollection) { m.Nonce++ }, pbft.IgnoredUnwanted, pbft.Recalling},
		{"an own proposal", func(s *solo, m *pbft.Recollection) {
			m.Proposal = &pbft.SignedHeader{}
			*m.Proposal = s.block(2, 6, "x", nil).SignedHeader
		}, pbft.Accepted, pbft.Amnesic},
		{"one with a false signature", func(s *solo, m *pbft.Recollection) {
			x := s.block(2, 6, "x", nil).SignedHeader
			x.Signature[0]++
			m.Proposal = &x
		}, pbft.Accepted, pbft.Recalling},
		{"another's proposal", func(s *solo, m *pbft.Recollection) {
			x := s.block(1, 6, "x", nil).SignedHeader
			m.Proposal = &x
		}, pbft.Accepted, pbft.Recalling},
		{"a PREPARE of a view that the log does not know", func(s *solo, m *pbft.Recollection) {
			m.Prepare = s.vote(1, prepares, pbft.BlockRef{View: 7, Seq: 6, Digest: pbft.Digest{6}}).(*pbft.Prepare)
		}, pbft.Accepted, pbft.Amnesic},
		{"a PREPARE of a view that was left", func(s *solo, m *pbft.Recollection) {
			s.r.changed, s.r.ownChange = 2, s.change(1, 2)
			m.Prepare = s.vote(1, prepares, pbft.BlockRef{View: 1, Seq: 6, Digest: pbft.Digest{6}}).(*pbft.Prepare)
		}, pbft.Accepted, pbft.Recalling},
	} {
		s := newSolo(t, 4, 1)
		s.start(1, nil, pbft.Config{Recall: true})
		m := &pbft.Recollection{Nonce: s.r.recall.nonce}
		x.do(s, m)
		if got := s.get(2, m); got != x.want || s.r.condition != x.then {
			t.Errorf("%s: %v, %v, want %v, %v", x.name, got, s.r.condition, x.want, x.then)
		}
	}
}

// A block of the future is prepared when the clock comes to it (R12's upper bound).
func TestABlockOfTheFutureWaits(t *testing.T) {
	s := newSolo(t, 4, 1)
	ahead := s.r.par.PrecisionMs
	x := s.block(1, 1, "x", func(h *pbft.Header) { h.TimeMs = s.clock + ahead + 10 })
	if got := s.get(0, &pbft.PrePrepare{Block: x}); got != pbft.Accepted {
		t.Fatal(got)
	}
	if n := kinds(s.turn(), pbft.KindPrepare); n != 0 {
		t.Errorf("%d PREPAREs for a block %d ms ahead", n, ahead+10)
	}
	if n := kinds(s.tick(1), pbft.KindPrepare); n != 1 {
		t.Errorf("%d PREPAREs once it is at the bound", n)
	}
}

// An own vote that a checkpoint or a change of view overtakes while it is made durable
// is not counted any more.
func TestVotesThatWereOvertakenAreNotStored(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(r *Replica)
		want pbft.Reason
	}{
		{"in time", func(*Replica) {}, pbft.Accepted},
		{"by a checkpoint", func(r *Replica) { r.stable = 6 }, pbft.IgnoredStale},
		{"by a view", func(r *Replica) { r.view = 2 }, pbft.IgnoredStale},
	} {
		s := settled(t)
		x.do(s.r)
		v := s.vote(1, prepares, pbft.BlockRef{View: 1, Seq: 6, Digest: pbft.Digest{6}}).(*pbft.Prepare)
		if got := s.r.store(prepares, &v.Vote, true); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// A replica casts no vote while its log is read: what it voted for is in there.
func TestNothingIsSignedWhileTheLogIsRead(t *testing.T) {
	s := settled(t)
	before := len(s.log)
	s.start(1, append([]pbft.Record(nil), s.log...), pbft.Config{})
	for _, m := range s.log[before:] {
		if m.Kind == pbft.RecordPrepare && m.Prepare.Block.Seq <= 4 {
			t.Errorf("PREPARE of %d again", m.Prepare.Block.Seq)
		}
	}
	s.r.restoring = true
	if s.r.voting() {
		t.Error("it votes while it is restored")
	}
}
