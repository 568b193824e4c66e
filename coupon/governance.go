package coupon

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// Events of decisions (rules 3.35). They follow the transaction that brought a decision
// about, or belong to the end of the block.
const (
	EventProposalExecuted EventType = 32
	EventProposalFailed   EventType = 33
)

// Times of governance (rules 3.33).
const (
	// VotingMs is how long a proposal is OPEN.
	VotingMs = 7 * dayMs
	// ProposalAheadMsMax is how far ahead a proposal may have its effect.
	ProposalAheadMsMax = 90 * dayMs
	// RecoveryMs is how long a recovery of admin keys waits for a veto.
	RecoveryMs = 3 * dayMs
)

// dueProposal is the kind of what comes due when a proposal is to be executed.
const dueProposal uint8 = 1

// QueueMax bounds what waits to change the set.
const QueueMax = 512

// set returns the set of the present epoch, which exists from version 2 on.
func (x *exec) set() *ValidatorSet {
	if p := x.sets.get(x, struct{}{}); p != nil {
		return p
	}
	x.damaged("no set of validators")
	return &ValidatorSet{}
}

// committee returns that of the present epoch.
func (x *exec) committee() *pbft.Committee {
	if x.seatsNow == nil {
		x.seatsNow = x.committeeOf(&x.set().Body)
	}
	return x.seatsNow
}

// committeeOf returns the committee that a body makes; bodies in rows have been checked.
func (x *exec) committeeOf(body *pbft.SetBody) *pbft.Committee {
	c, err := pbft.NewCommitteeFromBody(x.m.founding.Chain, body)
	if err != nil {
		x.damaged("committee: %v", err)
		return &pbft.Committee{}
	}
	return c
}

// seated reports whether a member has a seat.
func (x *exec) seated(member uint16) bool { return seatOf(&x.set().Body, member) >= 0 }

// active counts the members with a seat that are ACTIVE, without one of them.
func (x *exec) active(body *pbft.SetBody, without uint16) (n int) {
	for i := range body.Seats {
		if m := body.Seats[i].Member; m != without && x.memberActive(m) {
			n++
		}
	}
	return n
}

// actionOf decodes the action of an undecided proposal.
func (x *exec) actionOf(p *Proposal) Action {
	if p == nil || len(p.Action) == 0 {
		return nil
	}
	a, err := DecodeAction(p.Action)
	if err != nil {
		x.damaged("action of a proposal: %v", err)
		return nil
	}
	return a
}

// ballot returns a member's vote.
func (p *Proposal) ballot(member uint16) (b Ballot, voted bool) {
	for _, v := range p.Votes {
		if v.Member == member {
			return v.Ballot, true
		}
	}
	return BallotNo, false
}

func (p *Proposal) says(member uint16, b Ballot) bool {
	got, voted := p.ballot(member)
	return voted && got == b
}

// vote replaces a member's vote. Where the list is full, votes go of members that have no
// seat any more, the lowest first: there are more former members than places.
func (x *exec) vote(p *Proposal, member uint16, b Ballot) {
	votes := slices.DeleteFunc(slices.Clone(p.Votes), func(v Vote) bool { return v.Member == member })
	var subject uint16
	if c, ok := x.actionOf(p).(consenting); ok {
		subject = c.subject()
	}
	for i := 0; len(votes) >= VotesMax && i < len(votes); i++ {
		if m := votes[i].Member; !x.seated(m) && m != subject {
			votes = slices.Delete(votes, i, i+1)
			i--
		}
	}
	votes = append(votes, Vote{member, b})
	slices.SortFunc(votes, func(a, b Vote) int { return int(a.Member) - int(b.Member) })
	p.Votes = votes
}

// carried counts the yes of members that have a seat and are ACTIVE, and looks for the
// subject's consent where the action needs it as the state is now.
func (x *exec) carried(p *Proposal, a Action) bool {
	body, yes := &x.set().Body, 0
	for i := range body.Seats {
		if m := body.Seats[i].Member; p.says(m, BallotYes) && x.memberActive(m) {
			yes++
		}
	}
	if c, ok := a.(consenting); ok && c.wants(x) && !p.says(c.subject(), BallotYes) {
		return false
	}
	return yes >= x.committee().Quorum()
}

// recount does what follows from the votes of an undecided proposal, after one of them or
// the voters have changed, and stores it.
func (x *exec) recount(number uint32, p Proposal) Proposal {
	a := x.actionOf(&p)
	if a == nil {
		x.damaged("proposal %d is undecided and has no action", number)
		return p
	}
	switch carried := x.carried(&p, a); {
	case p.State == ProposalOpen && carried:
		x.closeOpen(p.Proposer, number)
		p.State = ProposalPassed
		if p.At <= x.now {
			return x.carryOut(number, p, a)
		}
		x.due.put(x, dueID{p.At, dueProposal, number}, struct{}{})
	case p.State == ProposalPassed && !carried:
		return x.fail(number, p, VoteState)
	}
	x.proposals.put(x, number, p)
	return p
}

// carryOut lets a PASSED proposal have its effect, or wait for one in the queue.
func (x *exec) carryOut(number uint32, p Proposal, a Action) Proposal {
	code := a.execute(x)
	if _, ok := a.(setChange); ok && code == OK {
		if x.enqueue(Queued{queueProposal, number}) {
			x.proposals.put(x, number, p)
			return p
		}
		code = VoteState
	}
	if code != OK {
		return x.fail(number, p, code)
	}
	return x.executed(number, p)
}

func (x *exec) executed(number uint32, p Proposal) Proposal {
	p.State, p.Action = ProposalExecuted, nil
	x.proposals.put(x, number, p)
	return p
}

// fail ends an undecided proposal for ever, wherever it waits.
func (x *exec) fail(number uint32, p Proposal, code Code) Proposal {
	if p.State == ProposalOpen {
		x.closeOpen(p.Proposer, number)
	}
	if id := (dueID{p.At, dueProposal, number}); x.due.get(x, id) != nil {
		x.due.remove(x, id)
	}
	for _, n := range x.queued() {
		if *x.queue.get(x, n) == (Queued{queueProposal, number}) {
			x.queue.remove(x, n)
		}
	}
	p.State, p.Code, p.Action = ProposalFailed, code, nil
	x.proposals.put(x, number, p)
	return p
}

// tell leaves the event of a decision that no transaction brought about.
func (x *exec) tell(number uint32, p Proposal) {
	if e := decision(p.State); e != EventNone {
		x.happens(e, ProposalKey(number))
	}
}

// decision returns the event of a state that is final.
func decision(s ProposalState) EventType {
	switch s {
	case ProposalExecuted:
		return EventProposalExecuted
	case ProposalFailed:
		return EventProposalFailed
	}
	return EventNone
}

// openOf returns the OPEN proposals of a member.
func (x *exec) openOf(member uint16) []uint32 {
	if p := x.open.get(x, member); p != nil {
		return *p
	}
	return nil
}

func (x *exec) closeOpen(member uint16, number uint32) {
	x.setOpen(member, slices.DeleteFunc(slices.Clone(x.openOf(member)), func(n uint32) bool { return n == number }))
}

func (x *exec) setOpen(member uint16, list []uint32) {
	if len(list) == 0 {
		x.open.remove(x, member)
		return
	}
	x.open.put(x, member, list)
}

// lapsed reports whether the time to vote on an OPEN proposal is over.
func (x *exec) lapsed(p *Proposal) bool { return x.now >= p.OpenedAt+VotingMs }

// queued returns the numbers of what waits to change the set, ascending.
func (x *exec) queued() []uint32 { return x.queue.scan(x, []byte{PrefixQueue}, QueueMax) }

// enqueue appends to the queue and reports whether it had room.
func (x *exec) enqueue(q Queued) bool {
	list, number := x.queued(), uint32(1)
	if len(list) >= QueueMax {
		return false
	}
	if len(list) > 0 {
		number = list[len(list)-1] + 1
	}
	if number == 0 {
		return false
	}
	x.queue.put(x, number, q)
	return true
}

// dueNow lets happen what is due: proposals are carried out, pending admin keys count, or
// are dropped if their member is not ACTIVE. The lowest row is read anew each time.
func (x *exec) dueNow() {
	for range duePerBlock {
		next := x.due.scan(x, []byte{PrefixDue}, 1)
		if len(next) == 0 || next[0].at > x.now {
			return
		}
		if next[0].kind == dueKeys {
			x.keysDue(uint16(next[0].number))
			continue
		}
		p := x.proposals.get(x, next[0].number)
		if next[0].kind != dueProposal || p == nil || p.State != ProposalPassed {
			x.damaged("%+v is due for nobody", next[0])
			return
		}
		x.due.remove(x, next[0])
		x.proposalDue(next[0].number, *p)
	}
}

// proposalDue counts the votes of a proposal a last time and carries it out.
func (x *exec) proposalDue(number uint32, p Proposal) {
	if a := x.actionOf(&p); !x.carried(&p, a) {
		p = x.fail(number, p, VoteState)
	} else {
		p = x.carryOut(number, p, a)
	}
	x.tell(number, p)
}

// keysDue lets the pending admin keys of a member count.
func (x *exec) keysDue(member uint16) {
	p, m := x.pending.get(x, member), x.members.get(x, member)
	if p == nil || m == nil {
		x.damaged("keys are due for member %d, who has none", member)
		x.due.remove(x, x.due.scan(x, []byte{PrefixDue}, 1)[0])
		return
	}
	if m.State == MemberActive {
		row := *m
		row.Threshold, row.Keys = p.Threshold, p.Keys
		x.members.put(x, member, row)
		x.happens(EventMemberKeys, MemberKey(member))
	}
	x.dropPending(member)
}
