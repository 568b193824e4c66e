package original

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A replica whose execution went wrong stops signing. With its ledger made anew below
// the log that it has, whole or compacted, it follows from the genesis and votes again.
func TestADivergedReplicaHealsWithALedgerMadeAnew(t *testing.T) {
	for _, compacted := range []bool{false, true} {
		s := newSolo(t, 4, 1)
		m := &pbft.Decided{}
		for seq := pbft.Seq(1); seq <= 6; seq++ {
			ref := s.decide(seq, "x")
			m.Blocks = append(m.Blocks, *s.block1(seq))
			m.Certificates = append(m.Certificates, s.certificate(pbft.CommittedSlow, ref, 0, 2, 3))
			for _, id := range []pbft.ReplicaID{0, 2, 3} {
				if seq < 6 {
					s.get(id, s.attestation(id, seq, ref.Digest, ref.Digest))
				}
			}
			s.turn()
		}
		if s.r.stable != 4 {
			t.Fatalf("stable is %d", s.r.stable)
		}
		other := s.com.Ref(&s.block1(6).Header)
		s.get(2, s.attestation(2, 6, other.Digest, pbft.Digest{7}))
		if c := s.r.Status().Condition; c != pbft.Voting {
			t.Fatalf("one other result: %v", c)
		}
		s.get(3, s.attestation(3, 6, other.Digest, pbft.Digest{7}))
		if c := s.r.Status().Condition; c != pbft.Diverged {
			t.Fatalf("f+1 other results: %v", c)
		}
		x := s.block(1, 7, "x", nil)
		s.get(0, &pbft.PrePrepare{Block: x})
		if kinds(s.turn(), pbft.KindPrepare) != 0 {
			t.Error("it goes on signing")
		}
		log := s.log
		if compacted {
			log = s.r.Durable()
		}
		s.start(1, log, pbft.Config{})
		// A whole log has the decided blocks itself.
		if reason := s.get(2, m); (reason == pbft.Accepted) != compacted {
			t.Fatalf("compacted %t: decided blocks: %v", compacted, reason)
		}
		s.turn()
		s.get(0, &pbft.PrePrepare{Block: x})
		if n := kinds(s.turn(), pbft.KindPrepare); n != 1 || s.r.executed != 6 {
			t.Errorf("compacted %t: %d PREPAREs, executed %d", compacted, n, s.r.executed)
		}
	}
}

// block1 returns a block of view 1 that the replica holds or has logged.
func (s *solo) block1(seq pbft.Seq) *pbft.Block {
	s.t.Helper()
	for i := range s.log {
		if b := s.log[i].Block; b != nil && b.Header.Seq == seq {
			return b
		}
	}
	s.t.Fatalf("no block %d", seq)
	return nil
}
