package coupontest

import (
	"crypto/sha256"

	"github.com/scrip-network/scrip/pbft"
)

// pbftSet is the set as consensus has it. What evidence proves is for consensus to say: the model asks it, as the
// rules do.
func (s *SetBody) pbftSet() pbft.SetBody {
	b := pbft.SetBody{Epoch: pbft.Epoch(s.Epoch), Parameters: pbft.Parameters{
		Faults: int(s.F), FastFaults: int(s.P), Window: uint64(s.W), Tenure: uint64(s.K),
		CheckpointInterval: uint64(s.C), ExecutionLag: uint64(s.D), PrecisionMs: uint64(s.PrecisionMs),
		DelayMs: uint64(s.DelayMs), PayloadBytesMax: s.PayloadMax,
	}}
	for _, one := range s.Seats {
		b.Seats = append(b.Seats, pbft.Seat{Member: one.Member, Key: one.Key})
	}
	for _, r := range s.Skips {
		b.Skips = append(b.Skips, pbft.ReplicaID(r))
	}
	return b
}

func (s *SetBody) committee(chain [32]byte) *pbft.Committee {
	body := s.pbftSet()
	c, err := pbft.NewCommitteeFromBody(chain, &body)
	if err != nil {
		panic(err)
	}
	return c
}

// doubleVote is evidence that a member of a set voted for two blocks of one place.
func (w *World) doubleVote(s *SetBody, member uint16, view uint64) *pbft.Misbehaviour {
	c, place := s.committee(w.Chain), s.place(member)
	vote := func(mark byte) *pbft.Vote {
		block := pbft.BlockRef{View: pbft.View(view), Seq: 9, Digest: pbft.Digest{mark}}
		return &pbft.Vote{Epoch: pbft.Epoch(s.Epoch), Block: block, Replica: pbft.ReplicaID(place),
			Signature: w.Ring.sign(s.Seats[place].Key, c.PrepareBytes(block))}
	}
	return pbft.TwoPreparesOf(vote(1), vote(2), nil)
}

// evidence is Misbehaviour.
func (m *Model) evidence(t *Tx) ([]byte, string, *refusal) {
	g := &m.two.governed
	e, err := pbft.DecodeMisbehaviour(t.Evidence)
	if err != nil {
		panic(err)
	}
	epoch := uint32(e.Epoch)
	set := m.setOf(epoch, e.Body)
	if set == nil {
		return nil, "", no(606, "set")
	}
	guilty, err := pbft.VerifyMisbehaviour(set.committee(m.chain), ringScheme{}, t.Evidence)
	if err != nil {
		return nil, "", no(606, "proves nothing")
	}
	k := convictKey{epoch, set.Seats[guilty.Replica].Member, uint8(guilty.Kind)}
	if _, again := g.convicted[k]; again {
		return nil, "", no(606, "recorded")
	}
	g.convicted[k] = convictRow{uint64(guilty.View), m.height, m.now, sha256.Sum256(t.Body())}
	return append(le16(le32(nil, k.epoch), k.member), k.kind), "recorded", nil
}

// setOf is the set that evidence of an epoch is judged by, nil if there is none.
func (m *Model) setOf(epoch uint32, handed []byte) *SetBody {
	g := &m.two.governed
	now := g.set.body.Epoch
	switch {
	case epoch == now && len(handed) == 0:
		return &g.set.body
	case epoch+1 == now && len(handed) == 0:
		return g.former
	case epoch >= now, epoch+1 == now, m.now >= g.epochs[epoch+1].sinceMs+7*dayMs:
		return nil
	}
	b, err := pbft.DecodeSetBody(handed)
	if err != nil || uint32(b.Epoch) != epoch {
		return nil
	}
	s := &SetBody{
		Epoch: epoch, F: uint8(b.Parameters.Faults), P: uint8(b.Parameters.FastFaults), W: uint16(b.Parameters.Window),
		K: uint32(b.Parameters.Tenure), C: uint32(b.Parameters.CheckpointInterval), D: uint8(b.Parameters.ExecutionLag),
		PrecisionMs: uint32(b.Parameters.PrecisionMs), DelayMs: uint32(b.Parameters.DelayMs),
		PayloadMax: b.Parameters.PayloadBytesMax,
	}
	for _, one := range b.Seats {
		s.Seats = append(s.Seats, SeatOf{one.Member, one.Key})
	}
	for _, r := range b.Skips {
		s.Skips = append(s.Skips, uint16(r))
	}
	if s.Digest(m.chain) != g.epochs[epoch].digest {
		return nil
	}
	return s
}
