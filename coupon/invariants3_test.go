package coupon

import (
	"crypto/sha256"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// Every contradiction among the rows of governance is noticed.
func TestContradictionsOfGovernanceAreNoticed(t *testing.T) {
	build := func() council {
		c := newCouncil(t)
		seat := c.joins(visitor, "next 5")
		c.decide(ProposalPassed, seats([]pbft.Seat{seat}))                                                // 1, staged
		c.propose(0, &AddCurrency{Currency{756, "CHF", 2}}, funder)                                       // 2, OPEN
		c.propose(c.now+dayMs, &AddCurrency{Currency{392, "JPY", 0}}, issuer, funder, shopA)              // 3, due
		c.propose(0, &ChangeConsensus{1, 1, 64, 4096, 256, 4, 500, 5000, 4 << 20}, issuer, funder, shopA) // 4, queued
		return c
	}
	if c := build(); CheckInvariants(c.all()) != nil {
		t.Fatal(CheckInvariants(c.all()))
	}
	put := func(key, value []byte) func(council) {
		return func(c council) { c.rows[string(key)] = value }
	}
	remove := func(key []byte) func(council) { return func(c council) { delete(c.rows, string(key)) } }
	member := func(id uint16, state MemberState) func(council) {
		return func(c council) {
			m, _ := DecodeMember(c.rows[string(MemberKey(id))])
			m.State = state
			c.rows[string(MemberKey(id))] = m.AppendTo(nil)
		}
	}
	proposal := func(n uint32, change func(*Proposal)) func(council) {
		return func(c council) {
			p := c.proposal(n)
			change(&p)
			c.rows[string(ProposalKey(n))] = p.AppendTo(nil)
		}
	}
	next := func(change func(*pbft.NextSet)) func(council) {
		return func(c council) {
			s := c.staged()
			change(s)
			c.rows[string(NextSetKey())] = s.Encode()
		}
	}
	epoch := func(change func(*EpochRow)) func(council) {
		return func(c council) {
			e, _ := DecodeEpoch(c.rows[string(EpochKey(0))])
			change(&e)
			c.rows[string(EpochKey(0))] = e.AppendTo(nil)
		}
	}
	set := foundingOf(4).Set
	mark, numbers := appendMark(nil, nil), []uint32{2, 3}
	rekey, queued, other := Queued{queueRekey, 2}, Queued{queueProposal, 3}, Announced{shopA, 0}
	stop := Stop{State: StopInForce, From: 5, Until: 4}
	for name, damage := range map[string]func(council){
		"no set":                          remove(SetKey()),
		"no epoch":                        remove(EpochKey(0)),
		"an epoch that has ended runs":    epoch(func(e *EpochRow) { e.Last = 7 }),
		"an epoch begins late":            epoch(func(e *EpochRow) { e.First = 2 }),
		"an epoch begins at another time": epoch(func(e *EpochRow) { e.SinceMs++ }),
		"an epoch after a gap":            put(EpochKey(2), (&EpochRow{First: 9}).AppendTo(nil)),
		"a former set of nothing":         put(FormerSetKey(), set.Encode()),
		"the set after the next is next":  next(func(s *pbft.NextSet) { s.Body.Epoch++ }),
		"two keys go":                     next(func(s *pbft.NextSet) { s.Body.Seats = s.Body.Seats[2:] }),
		"a key that nobody announced": next(func(s *pbft.NextSet) {
			s.Body.Seats[4].Key = keyOf("somebody").Key
		}),
		"a seat's key without a row":  remove(ValidatorRowKey(validatorOf(shopB).Key)),
		"a seat's key of another":     put(ValidatorRowKey(validatorOf(shopB).Key), other.AppendTo(nil)),
		"a seat without announcement": remove(SeatKeyOf(shopB)),
		"two of four suspended": func(c council) {
			member(funder, MemberSuspended)(c)
			member(shopA, MemberSuspended)(c)
		},
		"a seat of one who has left": member(shopB, MemberLeft),
		"an OPEN one is not listed":  remove(OpenProposalsKey(funder)),
		"a PASSED one is listed":     put(OpenProposalsKey(funder), appendOpenProposals(&numbers, nil)),
		"listed with another":        func(c council) { move(c, OpenProposalsKey(funder), OpenProposalsKey(shopB)) },
		"a PASSED one waits nowhere": remove(appendDueKey(nil, dueID{0, dueProposal, 3})),
		"a PASSED one waits twice":   put(QueueKey(9), queued.AppendTo(nil)),
		"an OPEN one waits":          put(appendDueKey(nil, dueID{t0 + yearMs, dueProposal, 2}), mark),
		"what nobody proposed waits": put(appendDueKey(nil, dueID{t0 + yearMs, dueProposal, 77}), mark),
		"keys of nobody are due":     put(appendDueKey(nil, dueID{t0 + yearMs, dueKeys, 2}), mark),
		"two new keys of a member": func(c council) {
			put(QueueKey(8), rekey.AppendTo(nil))(c)
			put(QueueKey(9), rekey.AppendTo(nil))(c)
		},
		"a number that is still to come": put(ProposalKey(99), (&Proposal{State: ProposalExecuted}).AppendTo(nil)),
		"an executed one with a code":    proposal(1, func(p *Proposal) { p.Code = VoteState }),
		"a stop that ends first":         put(StopKey(StopAll, 0), stop.AppendTo(nil)),
		"votes in another order": proposal(2, func(p *Proposal) {
			p.Votes = []Vote{{shopA, BallotYes}, {issuer, BallotYes}}
		}),
	} {
		c := build()
		if name == "a PASSED one waits nowhere" {
			damage = remove(appendDueKey(nil, dueID{c.proposal(3).At, dueProposal, 3}))
		}
		damage(c)
		if CheckInvariants(c.all()) == nil {
			t.Errorf("%s was not noticed", name)
		}
	}
	// An action belongs to its digest.
	p := build().proposal(2)
	is(t, "digest", sha256.Sum256(p.Action), p.Digest)
}

func move(c council, from, to []byte) {
	c.rows[string(to)] = c.rows[string(from)]
	delete(c.rows, string(from))
}
