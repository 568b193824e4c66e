package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// governed is what a state says of governance and epochs.
type governed struct {
	set       *ValidatorSet
	next      *pbft.NextSet
	former    *pbft.SetBody
	proposals map[uint32]Proposal
	open      map[uint16][]uint32
	seats     map[uint16]Seat
	announced map[[32]byte]Announced
	epochs    []EpochRow
	queue     map[uint32]Queued
}

func newGoverned() governed {
	return governed{proposals: map[uint32]Proposal{}, open: map[uint16][]uint32{}, seats: map[uint16]Seat{},
		announced: map[[32]byte]Announced{}, queue: map[uint32]Queued{}}
}

// row reads a row of governance. Rows come in ascending order of keys, so epochs do.
func (g *governed) row(at RowKey, value []byte) (err error) {
	switch at.Prefix {
	case PrefixProposal:
		g.proposals[at.Number], err = DecodeProposal(value)
	case PrefixStop:
		var s Stop
		if s, err = DecodeStop(value); err == nil && (s.UsedMs > StopUsedMsMax || s.From > s.Until ||
			(s.State == StopLifting) != (s.LengthMs > 0)) {
			err = fmt.Errorf("stop %+v", s)
		}
	case PrefixSet:
		var s ValidatorSet
		s, err = DecodeValidatorSet(value)
		g.set = &s
	case PrefixNextSet:
		g.next, err = pbft.DecodeNextSet(value)
	case PrefixFormerSet:
		g.former, err = pbft.DecodeSetBody(value)
	case PrefixOpenProposals:
		g.open[at.Member], err = DecodeOpenProposals(value)
	case PrefixSeat:
		g.seats[at.Member], err = DecodeSeat(value)
	case PrefixValidatorKey:
		g.announced[at.Key], err = DecodeAnnounced(value)
	case PrefixEpoch:
		var e EpochRow
		if e, err = DecodeEpoch(value); err == nil && int(at.Epoch) != len(g.epochs) {
			err = fmt.Errorf("epoch %d after %d", at.Epoch, len(g.epochs)-1)
		}
		g.epochs = append(g.epochs, e)
	case PrefixMisbehaviour:
		_, err = DecodeMisbehaving(value)
	case PrefixTenures:
		_, err = DecodeTenures(value)
	case PrefixQueue:
		g.queue[at.Number], err = DecodeQueued(value)
	default:
		err = fmt.Errorf("a row of no table")
	}
	return err
}

// checkGovernance requires (rules 3.37, 11 and 13):
//
//   - of the present set and of the staged one a quorum of members is ACTIVE, and every key
//     is one that its member has announced;
//   - epochs follow each other without gap, the last runs and is the present set's; the
//     former set is the one before, the staged one the next, within the limits of a change;
//   - an OPEN proposal is listed with its proposer, a PASSED one waits in one place, others
//     in none; a member's new key waits once.
func (k *checker) checkGovernance() error {
	g := &k.second.ruled
	if g.set == nil {
		return fmt.Errorf("no set of validators")
	}
	if err := g.checkEpochs(); err != nil {
		return err
	}
	bodies := []*pbft.SetBody{&g.set.Body}
	if g.next != nil {
		bodies = append(bodies, &g.next.Body)
		if err := pbft.CheckChange(&g.set.Body, &g.next.Body); err != nil {
			return fmt.Errorf("staged set: %w", err)
		}
	}
	for _, body := range bodies {
		if err := k.checkQuorate(body); err != nil {
			return err
		}
	}
	if g.former != nil {
		bodies = append(bodies, g.former)
	}
	for _, body := range bodies {
		for _, s := range body.Seats {
			if a, ok := g.announced[s.Key]; !ok || a.Member != s.Member || g.seats[s.Member].Key == [32]byte{} {
				return fmt.Errorf("the key of member %d in epoch %d was not announced", s.Member, body.Epoch)
			}
		}
	}
	// order-free: any contradiction will do
	for member, s := range g.seats {
		if a, ok := g.announced[s.Key]; !ok || a.Member != member {
			return fmt.Errorf("the key of member %d has no row", member)
		}
	}
	return g.checkProposals(k.second)
}

// checkQuorate requires that the members with a seat can decide.
func (k *checker) checkQuorate(body *pbft.SetBody) error {
	c, err := pbft.NewCommitteeFromBody(pbft.Digest{}, body)
	if err != nil {
		return fmt.Errorf("set of epoch %d: %w", body.Epoch, err)
	}
	active := 0
	for _, s := range body.Seats {
		m, ok := k.members[s.Member]
		if !ok || m.State == MemberLeft {
			return fmt.Errorf("the seat of member %d, who is gone or never was", s.Member)
		}
		if m.State == MemberActive {
			active++
		}
	}
	if active < c.Quorum() {
		return fmt.Errorf("%d members of epoch %d are ACTIVE, a quorum is %d", active, body.Epoch, c.Quorum())
	}
	return nil
}

func (g *governed) checkEpochs() error {
	now := g.set.Body.Epoch
	if len(g.epochs) != int(now)+1 {
		return fmt.Errorf("%d rows of epochs in epoch %d", len(g.epochs), now)
	}
	first := uint64(1)
	for i, e := range g.epochs {
		if e.First != first || (e.Last == 0) != (i == int(now)) || e.Last != 0 && e.Last < e.First {
			return fmt.Errorf("epoch %d is of blocks %d to %d, the one before ends at %d", i, e.First, e.Last, first-1)
		}
		first = e.Last + 1
	}
	if last := g.epochs[now]; last.First != g.set.First || last.SinceMs != g.set.SinceMs {
		return fmt.Errorf("epoch %d began at %d, its set at %d", now, last.First, g.set.First)
	}
	if (g.former != nil) != (now > 0) || g.former != nil && g.former.Epoch+1 != now {
		return fmt.Errorf("the former set of epoch %d: %+v", now, g.former)
	}
	return nil
}

func (g *governed) checkProposals(s *checker2) error {
	waits := map[uint32]int{}
	// order-free: sums
	for id := range s.due {
		if id.kind == dueProposal {
			waits[id.number]++
		}
	}
	rekeys := map[uint32]bool{}
	// order-free: sums, and any contradiction will do
	for _, q := range g.queue {
		switch {
		case q.Kind == queueProposal:
			waits[q.Ref]++
		case rekeys[q.Ref]:
			return fmt.Errorf("two new keys of member %d wait", q.Ref)
		default:
			rekeys[q.Ref] = true
		}
	}
	listed := map[uint32]bool{}
	// order-free: a set, and any contradiction will do
	for member, list := range g.open {
		for _, n := range list {
			if p, ok := g.proposals[n]; !ok || p.State != ProposalOpen || p.Proposer != member {
				return fmt.Errorf("proposal %d is listed as OPEN for member %d: %+v", n, member, p)
			}
			listed[n] = true
		}
	}
	// order-free: any contradiction will do
	for n, p := range g.proposals {
		if n >= s.protocol.NextProposal || listed[n] != (p.State == ProposalOpen) || waits[n] > 1 ||
			(waits[n] == 1) != (p.State == ProposalPassed) {
			return fmt.Errorf("proposal %d is %v, listed as OPEN: %t, waits in %d places", n, p.State, listed[n], waits[n])
		}
		delete(waits, n)
	}
	if len(waits) > 0 {
		return fmt.Errorf("what waits is no proposal: %v", waits)
	}
	return nil
}
