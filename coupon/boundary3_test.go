package coupon

import (
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What of the staging and of new keys happens exactly at its bound.
func TestBoundsOfStagingAndKeys(t *testing.T) {
	// A window of 40 asks for a gap of 80.
	wide := newCouncil(t)
	set := wide.set()
	set.Body.Parameters.Window = 40
	wide.rows[string(SetKey())] = set.AppendTo(nil)
	wide.want(OK, wide.announce(shopB, "vouched", true, 2))
	wide.height = 79
	wide.want(OK, wide.readyTx(shopB, "vouched"))
	is(t, "at 80", wide.staged() == nil, true)
	wide.block()
	is(t, "at 81", wide.staged() != nil, true)

	// A key that was ready an hour ago gets no seat; one that was ready just after that does.
	for late, want := range map[uint64]Code{0: EvidenceInvalid, 1: OK} {
		c := newCouncil(t)
		seat := c.joins(visitor, "next 5")
		o := c.propose(0, seats([]pbft.Seat{seat}), issuer, funder)
		row, _ := DecodeSeat(c.rows[string(SeatKeyOf(visitor))])
		c.now = row.ReadyMs + ReadyMs - late - 1 // a vote ticks
		c.vote(o.Proposal, shopA, BallotYes)
		is(t, fmt.Sprintf("%d ms before an hour", late), c.proposal(o.Proposal).Code, want)
	}

	// An hour after its last change of keys a member may change again.
	for early, want := range map[uint64]int{1: 0, 0: 1} {
		c := newCouncil(t)
		c.want(OK, c.announce(shopB, "vouched", true, 2))
		row, _ := DecodeSeat(c.rows[string(SeatKeyOf(shopB))])
		row.RekeyedMs = c.now + 1 - RekeyMs + early // readyTx ticks
		c.rows[string(SeatKeyOf(shopB))] = row.AppendTo(nil)
		c.want(OK, c.readyTx(shopB, "vouched"))
		is(t, fmt.Sprintf("%d ms early", early), c.count(PrefixNextSet), want)
	}
}
