package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// Requests of a few bytes cause answers of many. Each member gets its allowance and
// no more.
func TestAnswersKeepToTheAllowance(t *testing.T) {
	s := newSolo(t, 4, 1)
	x := s.block(1, 1, string(make([]byte, 3<<20)), nil)
	ref := s.com.Ref(&x.Header)
	s.get(0, &pbft.PrePrepare{Block: x})
	s.turn()
	bytesTo := func(to pbft.ReplicaID, sent []pbft.Outgoing) (n int) {
		for _, o := range sent {
			if o.To == to {
				n += len(pbft.EncodeMessage(o.Message))
			}
		}
		return n
	}
	fetch := &pbft.Fetch{Seq: 1, Digest: ref.Digest}
	for range 128 {
		s.get(3, fetch)
	}
	if n := bytesTo(3, s.turn()); n > pbft.AnswerBytesBurst+4<<20 || n < 3<<20 {
		t.Errorf("%d bytes for 128 requests in one turn", n)
	}
	if reason := s.get(3, fetch); reason != pbft.IgnoredQuota {
		t.Errorf("a request beyond the allowance: %v", reason)
	}
	// But what it has signed it is always told, within an account of its own.
	if reason := s.get(3, &pbft.Recall{}); reason != pbft.Accepted {
		t.Errorf("a recall: %v", reason)
	}
	s.r.peers[3].recalled.Take(s.r.now, pbft.AnswerBytesBurst)
	if reason := s.get(3, &pbft.Recall{}); reason != pbft.IgnoredQuota {
		t.Errorf("a recall beyond its account: %v", reason)
	}
	s.turn()
	s.r.committed.Seq, s.r.executed, s.r.stable, s.r.stableProof = 1, 1, 4, s.checkpoint(4, 0, 2, 3)
	s.r.entry, s.r.view = &pbft.SlotNewView{View: 5}, 5
	s.get(3, &pbft.Status{Replica: 3, View: 1})
	s.get(3, &pbft.Status{Replica: 3, View: 9})
	s.r.changed, s.r.ownChange = 6, s.change(1, 6)
	s.r.Connected(3)
	if n := bytesTo(3, s.turn()); n != 0 {
		t.Errorf("%d bytes beyond the allowance", n)
	}
	if reason := s.get(3, &pbft.Fetch{Seq: 1}); reason != pbft.IgnoredQuota {
		t.Errorf("a request of decided blocks beyond the allowance: %v", reason)
	}
	if reason := s.get(2, &pbft.Fetch{Seq: 1}); reason != pbft.Accepted {
		t.Errorf("another member: %v", reason)
	}
	s.turn()
	if sv := s.handed.Serves; len(sv) != 1 || sv[0].BytesMax != servedBytesMax {
		t.Errorf("served: %+v", sv)
	}
	for range pbft.AnswerBytesBurst/pbft.AnswerBytesPerTick + 64 {
		s.r.now++
	}
	if reason := s.get(3, fetch); reason != pbft.Accepted {
		t.Errorf("when the debt is paid: %v", reason)
	}
}

// No single member moves what this replica believes to be decided; the one that says
// so is asked itself, once in a while.
func TestAClaimNeedsAnHonestMember(t *testing.T) {
	s := newSolo(t, 4, 1)
	far := pbft.BlockRef{View: 1, Seq: 1 << 40, Digest: pbft.Digest{1}}
	s.get(3, &pbft.Status{Replica: 3, View: 1, Committed: far, Executed: far.Seq, High: far.Rank()})
	s.get(3, s.vote(3, prepares, far))
	s.get(3, s.vote(3, commits, far))
	s.get(3, s.attestation(3, far.Seq, far.Digest, pbft.Digest{}))
	x := s.block(1, far.Seq, "x", nil)
	s.get(3, &pbft.PrePrepare{Block: x})
	if st := s.r.Status(); st.Target != 0 {
		t.Errorf("one liar: the target is %d", st.Target)
	}
	asked := 0
	for _, o := range s.tick(300) {
		if o.Message.Kind() == pbft.KindFetch {
			if asked++; o.To != 3 {
				t.Errorf("%d is asked for what another claims", o.To)
			}
		}
	}
	if asked == 0 || asked > 4 {
		t.Errorf("asked %d times in 300 ticks", asked)
	}
	s.get(2, &pbft.Status{Replica: 2, View: 1, Committed: pbft.BlockRef{Seq: 40}})
	if st := s.r.Status(); st.Target != 40 {
		t.Errorf("with an honest claim of 40 the target is %d", st.Target)
	}
	for range 300 {
		s.tick(1)
	}
	if st := s.r.Status(); st.Target != 0 {
		t.Errorf("after vain questions the target is %d", st.Target)
	}
	s.get(0, &pbft.Stable{Certificate: s.checkpoint(8, 0, 2, 3)})
	if st := s.r.Status(); st.Target != 8 || st.Stable != 8 {
		t.Errorf("a proven checkpoint of 8: %+v", st)
	}
}

// What is attached to VIEW-CHANGEs of ever higher views is not checked until f+1
// members want such a view or this replica is to lead it.
func TestAttachmentsOfUnwantedViewsAreNotChecked(t *testing.T) {
	s := newSolo(t, 4, 1)
	ref := pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}
	bad := s.certificate(pbft.Prepared, ref, 0, 2, 3)
	bad.Signatures[1][0]++
	accepted := 0
	for v := pbft.View(2); v < 4*40; v += 4 { // all led by this replica
		switch reason := s.get(3, s.change(3, v, bad)); reason {
		case pbft.Accepted:
			accepted++
		case pbft.IgnoredQuota:
		default:
			t.Fatalf("view %d: %v", v, reason)
		}
	}
	if accepted != testimoniesMax {
		t.Errorf("%d signatures were verified in one tick, want %d", accepted, testimoniesMax)
	}
	if reason := s.get(2, s.change(2, 2, bad)); reason != pbft.InvalidCertificate || s.r.peers[2].change != nil {
		t.Errorf("a view that two want: %v", reason)
	}
	s.r.peers[3].change, s.r.peers[3].proved = s.change(3, 2, bad), false
	s.r.changed, s.r.ownChange = 2, s.change(1, 2)
	s.r.tryNewView()
	if s.r.peers[3].change != nil {
		t.Error("a report with a false certificate is kept")
	}
	s.r.now += testimonyTicks
	if !s.r.mayTestify(3) {
		t.Error("the limit is never lifted")
	}
}

// A block dated long ago is not prepared, whichever way it came first.
func TestOldBlocksAreRefusedHoweverTheyCome(t *testing.T) {
	for _, fetched := range []bool{false, true} {
		for _, late := range []bool{false, true} {
			s := newSolo(t, 4, 1)
			age := s.r.par.PrecisionMs + s.r.par.DelayMs
			if late {
				age++
			}
			x := s.block(1, 1, "x", func(h *pbft.Header) { h.TimeMs -= age })
			ref := s.com.Ref(&x.Header)
			if fetched { // under a false signature, so that it is no proposal yet
				for _, id := range []pbft.ReplicaID{0, 3} {
					s.get(id, s.vote(id, prepares, ref))
				}
				spoiled := x
				spoiled.Signature[5]++
				if reason := s.get(3, &pbft.Blocks{Blocks: []pbft.Block{spoiled}}); reason != pbft.Accepted {
					t.Fatal(reason)
				}
			}
			s.get(0, &pbft.PrePrepare{Block: x})
			if prepared := kinds(s.turn(), pbft.KindPrepare) > 0; prepared == late {
				t.Errorf("fetched %t, %d ms old: prepared is %t", fetched, age, prepared)
			}
		}
	}
}

// Bodies are taken as far up as a primary may propose, and those of a former primary
// that nothing vouches for go with its view.
func TestBodiesOfAPrimaryAreFew(t *testing.T) {
	s := newSolo(t, 4, 1)
	top := 2 * pbft.Seq(s.r.par.Window)
	s.r.condition = pbft.Amnesic // it follows, and prepares nothing
	for seq := pbft.Seq(1); seq <= s.r.span; seq++ {
		x := s.block(1, seq, string(make([]byte, 1000)), nil)
		want := pbft.Accepted
		if seq > top {
			want = pbft.IgnoredFuture
		}
		if reason := s.get(0, &pbft.PrePrepare{Block: x}); reason != want {
			t.Fatalf("proposal of %d: %v, want %v", seq, reason, want)
		}
	}
	if n, most := s.r.SizeBytes(), int(top)*1300; n > most || n < int(top)*1000 {
		t.Errorf("%d bytes, at most %d", n, most)
	}
	nv := s.newView(3, s.change(0, 3), s.change(2, 3), s.change(3, 3))
	if reason := s.get(2, nv); reason != pbft.Accepted {
		t.Fatal(reason)
	}
	if n := s.r.SizeBytes(); n > 1000 {
		t.Errorf("%d bytes after the view", n)
	}
}

// Equivocation is noticed when the second block comes by FETCH too.
func TestEquivocationIsNoticedHoweverItComes(t *testing.T) {
	for _, signed := range []bool{true, false} {
		s := newSolo(t, 4, 1)
		x, y := s.block(1, 1, "x", nil), s.block(1, 1, "y", nil)
		ref := s.com.Ref(&y.Header)
		s.get(0, &pbft.PrePrepare{Block: x})
		s.turn()
		for _, id := range []pbft.ReplicaID{0, 2, 3} {
			s.get(id, s.vote(id, prepares, ref))
		}
		s.turn()
		if !signed {
			y.Signature[3]++
		}
		s.happened(0)
		if reason := s.get(2, &pbft.Blocks{Blocks: []pbft.Block{y}}); reason != pbft.Accepted {
			t.Fatal(reason)
		}
		s.turn()
		if seen := s.happened(pbft.EventEvidence) == 1; seen != signed {
			t.Errorf("signed %t: noticed %t", signed, seen)
		}
		if s.r.slots[1].assigned != s.com.Ref(&x.Header) {
			t.Error("the second proposal stands")
		}
	}
}

// One vote opens a round. In a large committee that may not cost room for all.
func TestAStoredVoteIsSmall(t *testing.T) {
	s := newSolo(t, 100, 1)
	for seq := pbft.Seq(1); seq <= s.r.span; seq++ {
		s.get(2, s.vote(2, prepares, pbft.BlockRef{View: 1, Seq: seq, Digest: pbft.Digest{byte(seq)}}))
		x := s.r.slots[seq]
		if n := cap(x.rounds[0].votes[prepares]) + cap(x.rounds[0].votes[commits]); n > 4 {
			t.Fatalf("room for %d votes for one", n)
		}
	}
	if n, most := s.r.SizeBytes(), 110*int(s.r.span); n > most || n < most-10*int(s.r.span) {
		t.Errorf("%d bytes, at most %d", n, most)
	}
}

// A block that the new view orders again is kept, though this replica has not prepared
// it.
func TestWhatIsOrderedAgainIsKept(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.r.condition = pbft.Amnesic
	x := s.block(1, 1, "x", nil)
	ref := s.com.Ref(&x.Header)
	s.get(0, &pbft.PrePrepare{Block: x})
	proof := s.certificate(pbft.Prepared, ref, 0, 2, 3)
	if got := s.get(2, s.newView(3, s.change(0, 3, proof), s.change(2, 3), s.change(3, 3))); got != pbft.Accepted {
		t.Fatal(got)
	}
	if n := kinds(s.tick(5), pbft.KindFetch); n != 0 || !s.r.slots[1].holds(ref.Digest) {
		t.Errorf("%d questions for what was held", n)
	}
}
