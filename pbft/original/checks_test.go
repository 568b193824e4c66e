package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A header has one form: what only the other protocol uses is zero.
func TestAHeaderBreaksNoRuleOfItsOwn(t *testing.T) {
	s := newSolo(t, 4, 1)
	most := s.com.Parameters().PayloadBytesMax
	for _, x := range []struct {
		name string
		do   func(h *pbft.Header)
		want pbft.Reason
	}{
		{"as it is", func(*pbft.Header) {}, pbft.Accepted},
		{"another epoch", func(h *pbft.Header) { h.Epoch = 1 }, pbft.IgnoredEpoch},
		{"view 0", func(h *pbft.Header) { *h = s.com.NullHeader(0, 2, 5) }, pbft.InvalidContent},
		{"sequence number 0", func(h *pbft.Header) { h.Seq = 0 }, pbft.InvalidContent},
		{"the largest payload", func(h *pbft.Header) { h.PayloadBytes = most }, pbft.Accepted},
		{"a larger one", func(h *pbft.Header) { h.PayloadBytes = most + 1 }, pbft.InvalidContent},
		{"another proposer", func(h *pbft.Header) { h.Proposer++ }, pbft.InvalidContent},
		{"a parent", func(h *pbft.Header) { h.Parent[0]++ }, pbft.InvalidContent},
		{"a base", func(h *pbft.Header) { h.BaseSeq++ }, pbft.InvalidContent},
		{"an execution", func(h *pbft.Header) { h.ExecSeq++ }, pbft.InvalidContent},
		{"a justification", func(h *pbft.Header) { h.Justify.Seq++ }, pbft.InvalidContent},
		{"a flag", func(h *pbft.Header) { h.Flags = 1 }, pbft.InvalidContent},
		{"another committee", func(h *pbft.Header) { h.Committee[0]++ }, pbft.InvalidContent},
	} {
		h := s.block(3, 2, "x", x.do).Header
		if got := s.r.checkHeader(&h); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// What comes from nobody, or from oneself, is not looked at.
func TestMessagesOfNobody(t *testing.T) {
	s := newSolo(t, 4, 1)
	for _, from := range []pbft.ReplicaID{1, 4} {
		if got := s.get(from, &pbft.Status{Replica: from}); got != pbft.IgnoredSender {
			t.Errorf("from %d: %v", from, got)
		}
	}
	if got := s.get(2, &pbft.Status{Replica: 3}); got != pbft.IgnoredSender {
		t.Errorf("another's status: %v", got)
	}
	if got := s.get(2, &pbft.Suspect{View: 1, Reason: pbft.SuspectTimeout, Replica: 2}); got != pbft.InvalidContent {
		t.Errorf("a message of another protocol: %v", got)
	}
}

// A channel to nobody, or to oneself, is none.
func TestChannelsOfNobody(t *testing.T) {
	s := newSolo(t, 4, 1)
	for peer, greeted := range map[pbft.ReplicaID]bool{0: true, 1: false, 4: false, pbft.Everyone: false} {
		s.r.Ready()
		s.r.Advance()
		s.r.Connected(peer)
		rd := s.r.Ready()
		if (len(rd.Messages) > 0) != greeted {
			t.Errorf("member %d of 4: %d messages", peer, len(rd.Messages))
		}
	}
}

// A new channel is told of the view that was given up, unless by one that may not vote.
func TestWhatIsSaidToANewChannel(t *testing.T) {
	for _, condition := range []pbft.Condition{pbft.Voting, pbft.Amnesic} {
		s := newSolo(t, 4, 1)
		s.r.changed, s.r.ownChange = 6, s.change(1, 6)
		s.r.become(condition)
		s.turn()
		s.r.Connected(3)
		told := kinds(s.turn(), s.r.ownChange.Kind())
		if (told == 1) != (condition == pbft.Voting) || told > 1 {
			t.Errorf("%v: %d VIEW-CHANGEs", condition, told)
		}
	}
}

// A member that lost its log is told its newest PREPARE and COMMIT, wherever they came from.
func TestARecallGetsTheNewestVotes(t *testing.T) {
	s := newSolo(t, 4, 1)
	var newest pbft.BlockRef
	for seq := pbft.Seq(1); seq <= 2; seq++ {
		newest = s.decide(seq, "a")
	}
	s.get(2, &pbft.Recall{Nonce: pbft.RecallCommits})
	for _, o := range s.turn() {
		if m, ok := o.Message.(*pbft.Recollection); ok && o.To == 2 {
			if m.Prepare == nil || m.Prepare.Block != newest || m.Commit == nil || m.Commit.Block != newest {
				t.Errorf("PREPARE %+v, COMMIT %+v, want both of %+v", m.Prepare, m.Commit, newest)
			}
			return
		}
	}
	t.Error("no answer")
}

// In which condition a replica starts is what its driver knows of the log.
func TestHowAReplicaStarts(t *testing.T) {
	for _, x := range []struct {
		cfg  pbft.Config
		want pbft.Condition
	}{{pbft.Config{}, pbft.Voting}, {pbft.Config{Recall: true}, pbft.Recalling},
		{pbft.Config{Amnesic: true}, pbft.Amnesic}, {pbft.Config{Amnesic: true, Recall: true}, pbft.Amnesic}} {
		s := newSolo(t, 4, 1)
		s.start(1, nil, x.cfg)
		if got := s.r.Status().Condition; got != x.want {
			t.Errorf("amnesic %t, recall %t: %v, want %v", x.cfg.Amnesic, x.cfg.Recall, got, x.want)
		}
	}
}

// A certificate is made once, however many votes come after it.
func TestOneCertificateIsMadeOfManyVotes(t *testing.T) {
	s := newSolo(t, 4, 1)
	x := s.block(1, 1, "a", nil)
	ref := s.com.Ref(&x.Header)
	s.get(0, &pbft.PrePrepare{Block: x})
	s.turn()
	s.happened(pbft.EventPrepared)
	made := 0
	for _, id := range []pbft.ReplicaID{0, 2, 3} {
		s.get(id, s.vote(id, prepares, ref))
		s.turn()
		made += s.happened(pbft.EventPrepared)
	}
	if made != 1 {
		t.Errorf("%d certificates of four PREPAREs", made)
	}
}

// Amnesia and a broken chain are for good.
func TestSomeConditionsAreForGood(t *testing.T) {
	for _, last := range []pbft.Condition{pbft.Amnesic, pbft.Broken} {
		s := newSolo(t, 4, 1)
		s.r.become(last)
		s.r.become(pbft.Voting)
		if got := s.r.Status().Condition; got != last {
			t.Errorf("%v became %v", last, got)
		}
	}
}

// Proposals and blocks are taken in their one form, signed, with their own body.
func TestProposalsThatAreRefused(t *testing.T) {
	s := newSolo(t, 4, 1)
	good := s.block(1, 1, "x", nil)
	spoil := func(do func(m *pbft.PrePrepare)) *pbft.PrePrepare {
		m := &pbft.PrePrepare{Block: good}
		do(m)
		return m
	}
	for _, x := range []struct {
		name string
		m    *pbft.PrePrepare
		want pbft.Reason
	}{
		{"with a certificate", spoil(func(m *pbft.PrePrepare) { m.Certificate = &pbft.Certificate{Kind: 1} }),
			pbft.InvalidContent},
		{"with an entry", spoil(func(m *pbft.PrePrepare) { m.Entry = &pbft.NewView{} }), pbft.InvalidContent},
		{"with a false signature", spoil(func(m *pbft.PrePrepare) { m.Signature[0]++ }), pbft.InvalidSignature},
		{"with another body", spoil(func(m *pbft.PrePrepare) { m.Payload = []byte("y") }), pbft.InvalidContent},
		{"of a later view", &pbft.PrePrepare{Block: s.block(2, 1, "x", nil)}, pbft.IgnoredFuture},
		{"beyond the window", &pbft.PrePrepare{Block: s.block(1, s.com.Span()+1, "x", nil)}, pbft.IgnoredFuture},
		{"as it is", spoil(func(*pbft.PrePrepare) {}), pbft.Accepted},
		{"again", spoil(func(*pbft.PrePrepare) {}), pbft.IgnoredDuplicate},
		{"another of its number", &pbft.PrePrepare{Block: s.block(1, 1, "y", nil)}, pbft.IgnoredQuota},
	} {
		if got := s.get(2, x.m); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
	if s.r.Propose(nil, pbft.Digest{}, nil, s.clock) {
		t.Error("a backup proposes")
	}
	p := newSolo(t, 4, 0)
	large := make([]byte, p.com.Parameters().PayloadBytesMax+1)
	if p.r.Propose(large, payloadRoot(large), nil, p.clock) {
		t.Error("a primary proposes more than a payload may have")
	}
	if !p.r.Propose(large[1:], payloadRoot(large[1:]), nil, p.clock) {
		t.Error("a primary may not propose as much as a payload may have")
	}
}

// Decided blocks come in order, in their form, with their bodies, each under a
// certificate of its own that decides it.
func TestDecidedBlocksThatAreRefused(t *testing.T) {
	s := newSolo(t, 4, 1)
	one, two := s.block(1, 1, "1", nil), s.block(1, 2, "2", nil)
	proof := func(b pbft.Block, k pbft.CertificateKind, ids ...pbft.ReplicaID) *pbft.Certificate {
		return s.certificate(k, s.com.Ref(&b.Header), ids...)
	}
	first, second := proof(one, pbft.CommittedSlow, 0, 2, 3), proof(two, pbft.CommittedSlow, 0, 2, 3)
	forged := proof(one, pbft.CommittedSlow, 0, 2, 3)
	forged.Signatures[1][0]++
	body, flag := one, s.block(1, 1, "1", func(h *pbft.Header) { h.Flags, h.Next = pbft.FlagClosing, pbft.Digest{1} })
	body.Payload = []byte("z")
	for _, x := range []struct {
		name   string
		blocks []pbft.Block
		proofs []*pbft.Certificate
		want   pbft.Reason
	}{
		{"from the second on", []pbft.Block{two}, []*pbft.Certificate{second}, pbft.IgnoredFuture},
		{"in a form of their own", []pbft.Block{flag}, []*pbft.Certificate{first}, pbft.InvalidContent},
		{"with another body", []pbft.Block{body}, []*pbft.Certificate{first}, pbft.InvalidContent},
		{"under another's certificate", []pbft.Block{one}, []*pbft.Certificate{second}, pbft.InvalidCertificate},
		{"prepared only", []pbft.Block{one}, []*pbft.Certificate{proof(one, pbft.Prepared, 0, 2, 3)},
			pbft.InvalidCertificate},
		{"by too few", []pbft.Block{one}, []*pbft.Certificate{proof(one, pbft.CommittedSlow, 0, 2)}, pbft.InvalidCertificate},
		{"with a false signature", []pbft.Block{one}, []*pbft.Certificate{forged}, pbft.InvalidCertificate},
		{"as they are", []pbft.Block{one}, []*pbft.Certificate{first}, pbft.Accepted},
		{"again", []pbft.Block{one}, []*pbft.Certificate{first}, pbft.IgnoredStale},
		{"with a gap", []pbft.Block{one, s.block(1, 3, "3", nil)}, []*pbft.Certificate{first, second}, pbft.InvalidContent},
		{"the second", []pbft.Block{one, two}, []*pbft.Certificate{first, second}, pbft.Accepted},
	} {
		if got := s.get(2, &pbft.Decided{Blocks: x.blocks, Certificates: x.proofs}); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
		s.turn()
	}
	if s.r.committed.Seq != 2 {
		t.Errorf("decided up to %d", s.r.committed.Seq)
	}
}

// The signed part of a VIEW-CHANGE stands by itself.
func TestTheFormOfAReport(t *testing.T) {
	s := newSolo(t, 4, 1)
	for _, x := range []struct {
		name string
		do   func(m *pbft.SlotViewChange)
		want bool
	}{
		{"as it is", func(*pbft.SlotViewChange) {}, true},
		{"another epoch", func(m *pbft.SlotViewChange) { m.Epoch = 1 }, false},
		{"of nobody", func(m *pbft.SlotViewChange) { m.Replica = 4 }, false},
		{"of view 1", func(m *pbft.SlotViewChange) { m.View = 1 }, false},
		{"a checkpoint between intervals", func(m *pbft.SlotViewChange) { m.Stable = 3 }, false},
		{"prepared at the checkpoint", func(m *pbft.SlotViewChange) { m.Prepared[0].Seq = 4 }, false},
		{"prepared at the watermark", func(m *pbft.SlotViewChange) { m.Prepared[1].Seq = 4 + s.com.Span() }, true},
		{"prepared above it", func(m *pbft.SlotViewChange) { m.Prepared[1].Seq = 5 + s.com.Span() }, false},
		{"prepared in view 0", func(m *pbft.SlotViewChange) { m.Prepared[0].View = 0 }, false},
		{"prepared in its own view", func(m *pbft.SlotViewChange) { m.Prepared[0].View = 4 }, false},
		{"out of order", func(m *pbft.SlotViewChange) { m.Prepared[0].Seq = 7 }, false},
		{"one twice", func(m *pbft.SlotViewChange) { m.Prepared[0].Seq = 6 }, false},
	} {
		m := pbft.SlotViewChange{View: 4, Stable: 4, Replica: 2,
			Prepared: []pbft.BlockRef{{View: 3, Seq: 5}, {View: 1, Seq: 6}}}
		if x.do(&m); s.r.wellFormed(&m) != x.want {
			t.Errorf("%s: %t", x.name, !x.want)
		}
	}
}

// The primary of a view proves all that a VIEW-CHANGE attaches.
func TestProofsOfAReport(t *testing.T) {
	s := newSolo(t, 4, 1)
	b := pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{2}}
	good := s.certificate(pbft.Prepared, b, 0, 2, 3)
	fast := s.certificate(pbft.CommittedFast, b, 0, 1, 2, 3)
	few := s.certificate(pbft.Prepared, b, 0, 3)
	forged := s.certificate(pbft.Prepared, b, 0, 2, 3)
	forged.Signatures[0][0]++
	other := s.certificate(pbft.Prepared, pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{3}}, 0, 2, 3)
	for _, x := range []struct {
		name  string
		proof []*pbft.Certificate
		want  bool
	}{
		{"as it is", []*pbft.Certificate{good}, true},
		{"a commit certificate", []*pbft.Certificate{s.certificate(pbft.CommittedSlow, b, 0, 2, 3)}, true},
		{"of a kind that is not there", []*pbft.Certificate{fast}, false},
		{"of too few", []*pbft.Certificate{few}, false},
		{"with a false signature", []*pbft.Certificate{forged}, false},
		{"of another block", []*pbft.Certificate{other}, false},
	} {
		var kept []*pbft.Certificate
		if got := s.r.prove([]pbft.BlockRef{b}, x.proof, &kept); got != x.want {
			t.Errorf("%s: %t", x.name, got)
		}
	}
	for _, x := range []struct {
		name string
		seq  pbft.Seq
		c    *pbft.CheckpointCertificate
		want bool
	}{
		{"the genesis", 0, nil, true}, {"a proof of the genesis", 0, s.checkpoint(4, 0, 2, 3), false},
		{"a checkpoint", 4, s.checkpoint(4, 0, 2, 3), true}, {"none", 4, nil, false},
		{"of another height", 4, s.checkpoint(8, 0, 2, 3), false}, {"between", 3, s.checkpoint(3, 0, 2, 3), false},
		{"of too few", 4, s.checkpoint(4, 0, 2), false},
	} {
		if got := s.r.isStable(x.c, x.seq); got != x.want {
			t.Errorf("%s: %t", x.name, got)
		}
	}
}

// Backups compute again what a NEW-VIEW begins with.
func TestBackupsRefuseForgedNewViews(t *testing.T) {
	b := pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{2}}
	for _, x := range []struct {
		name string
		do   func(s *solo, m *pbft.SlotNewView)
		want pbft.Reason
	}{
		{"as it is", func(*solo, *pbft.SlotNewView) {}, pbft.Accepted},
		{"another epoch", func(_ *solo, m *pbft.SlotNewView) { m.Epoch = 1 }, pbft.IgnoredEpoch},
		{"of view 1", func(_ *solo, m *pbft.SlotNewView) { m.View = 1 }, pbft.InvalidContent},
		{"a report too few", func(_ *solo, m *pbft.SlotNewView) { m.ViewChanges = m.ViewChanges[1:] }, pbft.InvalidContent},
		{"a report twice", func(_ *solo, m *pbft.SlotNewView) { m.ViewChanges[1] = m.ViewChanges[0] }, pbft.InvalidContent},
		{"reports in another order", func(_ *solo, m *pbft.SlotNewView) {
			m.ViewChanges[0], m.ViewChanges[1] = m.ViewChanges[1], m.ViewChanges[0]
		}, pbft.InvalidContent},
		{"a report for another view", func(_ *solo, m *pbft.SlotNewView) { m.ViewChanges[1].View = 6 }, pbft.InvalidContent},
		{"a report of nobody", func(_ *solo, m *pbft.SlotNewView) { m.ViewChanges[2].Replica = 4 }, pbft.InvalidContent},
		{"a false report", func(_ *solo, m *pbft.SlotNewView) { m.ViewChanges[1].Signature[0]++ }, pbft.InvalidSignature},
		{"a null request for what is prepared", func(s *solo, m *pbft.SlotNewView) {
			h := s.com.NullHeader(5, 2, m.TimeMs)
			m.Slots[1].Digest = s.com.HeaderDigest(&h)
		}, pbft.InvalidContent},
		{"a slot too few", func(_ *solo, m *pbft.SlotNewView) { m.Slots = m.Slots[:1] }, pbft.InvalidContent},
		{"a proof too few", func(_ *solo, m *pbft.SlotNewView) { m.Proofs = nil }, pbft.InvalidContent},
		{"a false proof", func(_ *solo, m *pbft.SlotNewView) { m.Proofs[0].Signatures[0][0]++ }, pbft.InvalidCertificate},
		{"a checkpoint that nobody reported", func(s *solo, m *pbft.SlotNewView) {
			m.Checkpoint = s.checkpoint(4, 0, 2, 3)
		}, pbft.InvalidCertificate},
	} {
		s := newSolo(t, 4, 1)
		proof := s.certificate(pbft.Prepared, b, 0, 2, 3)
		m := s.newView(5, s.change(0, 5), s.change(2, 5, proof), s.change(3, 5))
		if len(m.Slots) != 2 || len(m.Proofs) != 1 {
			t.Fatalf("%+v", m)
		}
		x.do(s, m)
		s.signNewView(m)
		if got := s.get(2, m); got != x.want || (s.r.view == 5) != (x.want == pbft.Accepted) {
			t.Errorf("%s: %v, view %d", x.name, got, s.r.view)
		}
	}
}

// A primary that sends two NEW-VIEWs shows nothing about the others: who has decided
// by the one does not enter by the other, and goes on.
func TestANewViewThatADecisionOvertook(t *testing.T) {
	for _, decidedIn := range []pbft.View{5, 6} {
		s := newSolo(t, 4, 1)
		m := s.newView(5, s.change(0, 5), s.change(2, 5, s.certificate(pbft.Prepared,
			pbft.BlockRef{View: 1, Seq: 2, Digest: pbft.Digest{2}}, 0, 2, 3)), s.change(3, 5))
		one := s.block(decidedIn, 1, "", func(h *pbft.Header) { h.TimeMs-- })
		proof := s.certificate(pbft.CommittedSlow, s.com.Ref(&one.Header), 0, 2, 3)
		decision := &pbft.Decided{Blocks: []pbft.Block{one}, Certificates: []*pbft.Certificate{proof}}
		if got := s.get(2, decision); got != pbft.Accepted {
			t.Fatalf("the decision: %v", got)
		}
		s.turn()
		if got := s.get(3, m); got != pbft.IgnoredStale || s.r.view != 1 || s.r.condition != pbft.Voting {
			t.Errorf("decided in view %d: %v, view %d, %v", decidedIn, got, s.r.view, s.r.condition)
		}
	}
}
