package coupon

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// council is a chain of version 2 on which the members 1 to 4 have seats, so that three
// decide; member 5 has none.
type council struct{ *world }

func newCouncil(t testing.TB) council {
	w := newWorld2(t)
	w.height = 999
	return council{w}
}

// admins returns the keys with which a member signs.
func admins(member uint16) []MemberSigner {
	names := map[uint16][]string{issuer: {"issuer 1", "issuer 2"}, funder: {"funder"}, shopA: {"shop A"},
		shopB: {"shop B"}, visitor: {"visitor"}}
	var list []MemberSigner
	for _, name := range names[member] {
		list = append(list, MemberSigner{member, keyOf(name)})
	}
	return list
}

func allAdmins(members ...uint16) (list []MemberSigner) {
	for _, m := range members {
		list = append(list, admins(m)...)
	}
	return list
}

// proposeTx makes a proposal that is signed by its backers too.
func (c council) proposeTx(at uint64, a Action, by uint16, backers ...uint16) []byte {
	c.tick()
	slices.Sort(backers)
	return c.chain.NewMemberTx(c.expires(), &GovPropose{by, at, backers, a}, allAdmins(append(backers, by)...)...)
}

func (c council) propose(at uint64, a Action, by uint16, backers ...uint16) Outcome {
	c.t.Helper()
	return c.want(OK, c.proposeTx(at, a, by, backers...))
}

// decide lets three members decide at once.
func (c council) decide(want ProposalState, a Action) Outcome {
	c.t.Helper()
	o := c.propose(0, a, issuer, funder, shopA)
	c.is("the proposal", o, want, o.Reason)
	return o
}

// is compares what became of a proposal.
func (c council) is(what string, o Outcome, state ProposalState, code Code) {
	c.t.Helper()
	if o.ProposalState != state || o.Reason != code {
		c.t.Fatalf("%s: %v %v, want %v %v", what, o.ProposalState, o.Reason, state, code)
	}
}

func (c council) voteTx(number uint32, by uint16, b Ballot) []byte {
	c.tick()
	return c.chain.NewMemberTx(c.expires(), &GovVote{by, number, c.proposal(number).Digest, b}, admins(by)...)
}

func (c council) vote(number uint32, by uint16, b Ballot) Outcome {
	c.t.Helper()
	return c.want(OK, c.voteTx(number, by, b))
}

func (c council) proposal(number uint32) Proposal {
	p, err := DecodeProposal(c.rows[string(ProposalKey(number))])
	if err != nil && len(c.rows[string(ProposalKey(number))]) > 0 {
		c.t.Fatal(err)
	}
	return p
}

func (c council) ended(number uint32, state ProposalState, code Code) {
	c.t.Helper()
	if p := c.proposal(number); p.State != state || p.Code != code {
		c.t.Fatalf("proposal %d is %v %v, want %v %v", number, p.State, p.Code, state, code)
	}
}

func (c council) set() ValidatorSet {
	c.t.Helper()
	s, err := DecodeValidatorSet(c.rows[string(SetKey())])
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// staged returns the staged set, nil if there is none.
func (c council) staged() *pbft.NextSet {
	row, ok := c.rows[string(NextSetKey())]
	if !ok {
		return nil
	}
	next, err := pbft.DecodeNextSet(row)
	if err != nil {
		c.t.Fatal(err)
	}
	return next
}

// begin lets the staged set begin.
func (c council) begin() {
	c.t.Helper()
	if c.staged() == nil {
		c.t.Fatal("no set is staged")
	}
	c.head = Block{Epoch: c.head.Epoch + 1, View: 1, BaseSeq: c.height, ParentView: 1, ParentBase: c.height}
	c.tick()
	c.block()
}

// announce lets a member announce a key.
func (c council) announce(member uint16, key string, vouched bool, known Version) []byte {
	c.tick()
	f := &SeatKey{Member: member, Key: keyOf(key).Key, Address: "a:1", Known: known, Vouched: vouched}
	var voucher *Signer
	if vouched {
		seat := validatorOf(member)
		f.Voucher, voucher = seat.Key, &seat
	}
	return c.chain.NewSeatKey(c.expires(), f, keyOf(key), voucher, admins(member)...)
}

func (c council) readyTx(member uint16, key string) []byte {
	c.tick()
	return c.chain.NewSeatReady(c.expires(), &SeatReady{member, keyOf(key).Key, c.height + 1, [32]byte{}, 2}, keyOf(key))
}

// joins lets a member without a seat announce a key that is ready.
func (c council) joins(member uint16, key string) pbft.Seat {
	c.t.Helper()
	c.want(OK, c.announce(member, key, false, 2))
	c.want(OK, c.readyTx(member, key))
	return pbft.Seat{Member: member, Key: keyOf(key).Key}
}

func seats(add []pbft.Seat, drop ...uint16) *ChangeSeats {
	return &ChangeSeats{Add: add, Drop: drop, Faults: DefaultFaults, FastFaults: DefaultFaults}
}

func TestExample60ThreeOfFourDecide(t *testing.T) {
	c := newCouncil(t)
	o := c.propose(0, &AddCurrency{Currency{756, "CHF", 2}}, issuer, funder)
	c.is("signed by two", o, ProposalOpen, OK)
	late := c.propose(0, &AddCurrency{Currency{392, "JPY", 0}}, issuer, funder)
	c.is("the third vote", c.vote(o.Proposal, shopA, BallotYes), ProposalExecuted, OK)
	is(t, "events", fmt.Sprint(c.last.Events[0].Type, c.last.Events[1].Type), "governance.voted governance.executed")
	is(t, "CHF is listed", c.rows[string(CurrencyKey(756))] != nil, true)
	c.now = c.proposal(late.Proposal).OpenedAt + VotingMs - 1
	c.want(VoteState, c.voteTx(late.Proposal, shopA, BallotYes)) // ticks to the bound
}

func TestExample61NoticeOfAnUpgrade(t *testing.T) {
	c := newCouncil(t)
	upgrade := func(ahead uint64, want Code) {
		t.Helper()
		o := c.propose(0, &Upgrade{3, c.height + 1 + ahead}, issuer, funder, shopA)
		is(t, fmt.Sprintf("%d ahead", ahead), o.Reason, want)
	}
	upgrade(UpgradeNotice, TooLate) // nobody's program knows it
	for _, m := range []uint16{issuer, funder, shopA} {
		c.want(OK, c.chain.NewSeatKey(c.expires(), &SeatKey{Member: m, Key: validatorOf(m).Key, Address: "a:1", Known: 3},
			validatorOf(m), nil, admins(m)...))
	}
	upgrade(UpgradeNotice-1, TooLate)
	upgrade(UpgradeNotice, OK)
	next, at := c.m.Upcoming(c.store)
	is(t, "upcoming", fmt.Sprint(next, " ", at-c.height), "3 4096")
	c.height = at - UpgradeFixed // the next block is one closer
	is(t, "cancelled too late", c.propose(0, &Upgrade{}, issuer, funder, shopA).Reason, TooLate)
	c.height = at - UpgradeFixed - 1
	is(t, "cancelled", c.propose(0, &Upgrade{}, issuer, funder, shopA).Reason, OK)
	is(t, "nothing to cancel", c.propose(0, &Upgrade{}, issuer, funder, shopA).Reason, TooLate)
	// Nobody's program knows version 4.
	is(t, "version 4", c.propose(0, &Upgrade{4, c.height + 5000}, issuer, funder, shopA).Reason, TooLate)
}

// A version that this program does not know ends the machine at its height, not before.
func TestAnUnknownVersionIsNotExecuted(t *testing.T) {
	c := newCouncil(t)
	p, _ := DecodeProtocol(c.rows[string(ProtocolKey())])
	p.NextVersion, p.NextHeight = 3, 1010
	c.rows[string(ProtocolKey())] = p.AppendTo(nil)
	if r := c.m.Apply(c.store, Block{Height: 1009, TimeMs: c.now}); r.Err != nil {
		t.Error(r.Err)
	}
	if r := c.m.Apply(c.store, Block{Height: 1010, TimeMs: c.now}); r.Err == nil {
		t.Error("version 3 was executed")
	}
}

func TestExample62AStopGivesItsTimeBack(t *testing.T) {
	c := newCouncil(t)
	g := c.publish(c.terms())
	id := c.want(OK, c.claimTx(g, 1, keyOf("holder"))).Coupon
	all := StopID{}
	start := c.now + 1
	until := func(ms uint64) Code {
		return c.propose(0, &StopCampaigns{all, ms, [32]byte{}}, issuer, funder, shopA).Reason
	}
	is(t, "too long", until(start+StopMsMax+1), TooLate)
	is(t, "over before it begins", until(start+1), BadWindow)
	c.decide(ProposalExecuted, &StopCampaigns{all, c.now + 7*dayMs, [32]byte{}})
	start = c.now
	c.want(CampaignNotActive, c.redeemTx(id, 0, bill{basis: 5000, value: 2000}))
	c.want(CampaignNotActive, c.claimTx(g, 2, keyOf("holder")))
	c.want(CampaignNotActive, c.transferTx(id, 0, keyOf("holder"), keyOf("friend"), 0))
	is(t, "a second one", until(c.now+dayMs), VoteState)
	c.now = start + dayMs - 1
	c.decide(ProposalExecuted, &LiftStop{all})
	is(t, "stretch", c.campaign(g).StretchMs, uint64(86_460_000))
	is(t, "event", c.last.Events[len(c.last.Events)-1].Type, EventStopLifted)
	is(t, "lifted again", c.propose(0, &LiftStop{all}, issuer, funder, shopA).Reason, VoteState)
	c.want(OK, c.redeemTx(id, 0, bill{basis: 5000, value: 2000}))
	// Unused time does not count: 13 more days may be stopped in these 60.
	c.decide(ProposalExecuted, &StopCampaigns{all, c.now + 1 + 7*dayMs, [32]byte{}})
	c.now += 7 * dayMs
	c.block()
	c.now++
	c.block()
	is(t, "beyond 14 days", until(c.now+1+6*dayMs+1), TooLate)
	c.decide(ProposalExecuted, &StopCampaigns{all, c.now + 1 + 6*dayMs, [32]byte{}})
}

func TestExample63ALimitStaysAboveWhatIsLocked(t *testing.T) {
	c := newCouncil(t)
	c.publish(c.terms(func(t *Terms) { t.Budget = 6000 }))
	is(t, "5000", c.propose(0, &SetFunding{issuer, usd, 5000}, issuer, funder, shopA).Reason, Underfunded)
	c.decide(ProposalExecuted, &SetFunding{issuer, usd, 6000})
	f, _ := DecodeFunding(c.rows[string(FundingKey(issuer, usd))])
	is(t, "limit", f, Funding{Limit: 6000, Locked: 6000})
}

func TestExample76ARecoveryRemovesTheThiefsKeys(t *testing.T) {
	c := newCouncil(t)
	thief := &MemberKeys{shopB, 1, [][32]byte{keyOf("shop B").Key}, [][32]byte{keyOf("thief").Key}}
	c.want(OK, c.chain.NewMemberKeys(c.expires(), thief, []Signer{keyOf("thief")}, admins(shopB)...))
	due := c.now + KeysDelayMs
	recovery := &RecoverMember{shopB, 1, sortedNames("recovered")}
	c.want(TooLate, c.proposeTx(c.now+1+3_600_000, recovery, issuer, funder, shopA))
	c.decide(ProposalExecuted, &SetMemberState{shopB, MemberSuspended})
	o := c.propose(c.now+3_600_000, recovery, issuer, funder, shopA)
	c.is("in an hour", o, ProposalPassed, OK)
	c.now += 3_600_001
	c.block()
	c.ended(o.Proposal, ProposalExecuted, OK)
	c.now = due + 1
	c.block()
	m, _ := DecodeMember(c.rows[string(MemberKey(shopB))])
	is(t, "keys", fmt.Sprint(m.Keys), fmt.Sprint(sortedNames("recovered")))
	is(t, "pending", c.count(PrefixPending)+c.count(PrefixDue), 0)
}

// Three days are for the veto of a member that still has its keys.
func TestARecoveryCanBeVetoed(t *testing.T) {
	c := newCouncil(t)
	o := c.propose(c.now+1+RecoveryMs, &RecoverMember{visitor, 1, sortedNames("recovered")}, issuer, funder, shopA)
	c.is("in three days", o, ProposalPassed, OK)
	c.want(NotAuthorised, c.voteTx(o.Proposal, shopB, BallotVeto))
	c.want(NotAuthorised, c.voteTx(o.Proposal, visitor, BallotNo)) // it has no seat
	c.is("the subject's veto", c.vote(o.Proposal, visitor, BallotVeto), ProposalFailed, VoteState)
	is(t, "due", c.count(PrefixDue), 0)
	c.want(NotAuthorised, c.voteTx(o.Proposal, visitor, BallotVeto))
}

func TestExample77VotesCountWhileTheirMemberIsActive(t *testing.T) {
	c := newCouncil(t)
	o := c.propose(0, &AddCurrency{Currency{756, "CHF", 2}}, issuer, funder)
	c.is("suspended", c.propose(0, &SetMemberState{funder, MemberSuspended}, issuer, shopA, shopB), ProposalExecuted, OK)
	c.is("the third yes", c.vote(o.Proposal, shopA, BallotYes), ProposalOpen, OK)
	c.is("active again", c.propose(0, &SetMemberState{funder, MemberActive}, issuer, shopA, shopB), ProposalExecuted, OK)
	c.is("no other transaction counts", Outcome{ProposalState: c.proposal(o.Proposal).State}, ProposalOpen, OK)
	c.is("the no of the fourth", c.vote(o.Proposal, shopB, BallotNo), ProposalExecuted, OK)
}

func TestExample78AQuorumStaysActive(t *testing.T) {
	c := newCouncil(t)
	c.decide(ProposalExecuted, &SetMemberState{shopB, MemberSuspended})
	o := c.propose(0, &SetMemberState{funder, MemberSuspended}, issuer, funder, shopA)
	c.is("the second", o, ProposalFailed, MemberBusy)
	is(t, "events", fmt.Sprint(c.last.Events[0].Type, c.last.Events[1].Type), "governance.proposed governance.failed")
}

func TestExample79BackersAreInTheBody(t *testing.T) {
	c := newCouncil(t)
	whole := c.proposeTx(0, &AddCurrency{Currency{756, "CHF", 2}}, issuer, funder, shopA)
	body := c.check(whole).Body()
	alone := JoinMemberSigned(body, []MemberSignature{c.chain.SignMember(body, admins(issuer)[0]),
		c.chain.SignMember(body, admins(issuer)[1])}, nil)
	c.want(Quorum, alone)
	c.is("whole", c.want(OK, whole), ProposalExecuted, OK)
}

func TestExample80ForgottenProposalsLapse(t *testing.T) {
	c := newCouncil(t)
	for i := range 4 {
		c.propose(0, &AddCurrency{Currency{uint16(700 + i), "XA" + string(rune('A'+i)), 2}}, issuer)
	}
	first := c.proposal(1).OpenedAt
	last := c.proposal(4).OpenedAt
	c.want(VoteState, c.proposeTx(0, &AddCurrency{Currency{756, "CHF", 2}}, issuer))
	c.now = first + VotingMs - 1 // it ticks to the bound of the first
	o := c.propose(0, &AddCurrency{Currency{756, "CHF", 2}}, issuer)
	c.is("the fifth", o, ProposalOpen, OK)
	c.ended(1, ProposalFailed, VoteState)
	c.ended(2, ProposalOpen, OK)
	is(t, "event", c.last.Events[1].Type, EventProposalFailed)
	c.now = last + VotingMs
	c.propose(0, &AddCurrency{Currency{757, "CHE", 2}}, issuer)
	for n := uint32(2); n <= 4; n++ {
		c.ended(n, ProposalFailed, VoteState)
	}
}

func TestExample96VotesCanBeTakenBack(t *testing.T) {
	c := newCouncil(t)
	o := c.propose(c.now+10*dayMs, &AddCurrency{Currency{756, "CHF", 2}}, issuer, funder, shopA)
	c.is("three yes", o, ProposalPassed, OK)
	c.is("four", c.vote(o.Proposal, shopB, BallotYes), ProposalPassed, OK)
	c.is("one no", c.vote(o.Proposal, issuer, BallotNo), ProposalPassed, OK)
	c.is("two", c.vote(o.Proposal, funder, BallotNo), ProposalFailed, VoteState)
	is(t, "due", c.count(PrefixDue), 0)
}

func TestExample97ASeatedSubjectConsentsByItsVote(t *testing.T) {
	c := newCouncil(t)
	o := c.propose(0, &SetFunding{shopB, usd, 9000}, issuer, funder, shopA)
	c.is("three of the others", o, ProposalOpen, OK)
	c.is("its own", c.vote(o.Proposal, shopB, BallotYes), ProposalExecuted, OK)
	// To lower it nobody asks.
	c.decide(ProposalExecuted, &SetFunding{shopB, usd, 8000})
}

// Consent that is taken back, or that is needed only by the time of the effect, is missed.
func TestConsentIsLookedForWhenItCounts(t *testing.T) {
	c := newCouncil(t)
	at := c.now + dayMs
	o := c.propose(at, &SetFunding{shopB, usd, 9000}, issuer, funder, shopA, shopB)
	c.is("with consent", o, ProposalPassed, OK)
	c.is("taken back", c.vote(o.Proposal, shopB, BallotNo), ProposalFailed, VoteState)
	// No raise when it is proposed: the limit of the funder is larger, and falls before the effect.
	o = c.propose(at, &SetFunding{funder, usd, 500_000_000}, issuer, shopA, shopB)
	c.is("a lower limit", o, ProposalPassed, OK)
	c.is("a still lower one", c.propose(0, &SetFunding{funder, usd, 1000}, issuer, shopA, shopB), ProposalExecuted, OK)
	c.now = at
	c.block()
	c.ended(o.Proposal, ProposalFailed, VoteState)
	f, _ := DecodeFunding(c.rows[string(FundingKey(funder, usd))])
	is(t, "limit", f.Limit, uint64(1000))
	// Who has no seat signs the proposal itself, and does not vote by it.
	c.want(NotAuthorised, c.proposeTx(0, &SetFunding{visitor, usd, 9000}, issuer, funder, shopA))
	o = c.propose(0, &SetFunding{visitor, usd, 9000}, issuer, funder, visitor)
	c.is("two and the subject", o, ProposalOpen, OK)
	c.is("three and the subject", c.vote(o.Proposal, shopA, BallotYes), ProposalExecuted, OK)
}

func TestExample98ANewSetCanDecide(t *testing.T) {
	c := newCouncil(t)
	seat := c.joins(visitor, "next 5")
	c.decide(ProposalPassed, seats([]pbft.Seat{seat}))
	c.height = 1100
	c.block()
	c.begin() // five seats, four decide
	c.is("5 suspended", c.propose(0, &SetMemberState{visitor, MemberSuspended}, issuer, funder, shopA, shopB),
		ProposalExecuted, OK)
	o := c.propose(0, seats(nil, shopB), issuer, funder, shopA, shopB)
	c.is("drop 4", o, ProposalPassed, OK)
	c.height += 100
	c.block()
	c.ended(o.Proposal, ProposalExecuted, OK)
	is(t, "staged seats", len(c.staged().Body.Seats), 4)
	// Of the staged set 1, 2 and 3 are ACTIVE, as many as decide then: none of them may be suspended.
	c.is("suspend another", c.propose(0, &SetMemberState{shopA, MemberSuspended}, issuer, funder, shopA, shopB),
		ProposalFailed, MemberBusy)
	c.begin()
	c.is("they decide", c.propose(0, &SetMemberState{visitor, MemberActive}, issuer, funder, shopA), ProposalExecuted, OK)
}

// What is suspended by the time of the staging gets no seat.
func TestWhoIsSuspendedGetsNoSeat(t *testing.T) {
	c := newCouncil(t)
	c.height = 9
	c.want(OK, c.announce(visitor, "next 5", false, 2))
	o := c.propose(0, seats([]pbft.Seat{{Member: visitor, Key: keyOf("next 5").Key}}), issuer, funder, shopA)
	c.is("queued", o, ProposalPassed, OK)
	c.propose(0, &SetMemberState{visitor, MemberLeft}, issuer)
	c.is("leaving", c.vote(o.Proposal+1, funder, BallotYes), ProposalOpen, OK)
	c.is("leaving", c.vote(o.Proposal+1, shopA, BallotYes), ProposalFailed, MemberBusy) // the queue names it
	c.decide(ProposalExecuted, &SetMemberState{visitor, MemberSuspended})
	c.height = 63
	c.block()
	c.ended(o.Proposal, ProposalPassed, OK)
	c.block()
	c.ended(o.Proposal, ProposalFailed, MemberBusy)
	is(t, "staged", c.staged() == nil, true)
}

func TestExample99AKeyIsVouchedForOrADayOld(t *testing.T) {
	c := newCouncil(t)
	c.want(OK, c.announce(shopB, "vouched", true, 2))
	c.want(OK, c.announce(shopA, "bare", false, 2))
	from := c.now
	c.now += 60_000
	c.want(OK, c.readyTx(shopB, "vouched"))
	is(t, "staged", c.staged().Body.Seats[3].Key, pbft.PublicKey(keyOf("vouched").Key))
	c.begin()
	c.want(OK, c.readyTx(shopA, "bare"))
	c.height += 64
	c.now = from + KeysDelayMs - 2
	c.want(OK, c.readyTx(shopA, "bare")) // ticks to just before the bound
	is(t, "queued or staged", c.count(PrefixQueue)+c.count(PrefixNextSet), 0)
	c.height += 64
	c.want(OK, c.readyTx(shopA, "bare"))
	is(t, "staged a day later", c.staged().Body.Seats[2].Key, pbft.PublicKey(keyOf("bare").Key))
}

func TestExample100TheGapBetweenEpochs(t *testing.T) {
	c := newCouncil(t)
	c.rows[string(SetKey())] = (&ValidatorSet{First: 1000, SinceMs: t0, Body: foundingOf(4).Set}).AppendTo(nil)
	epoch := EpochRow{First: 1000, Digest: [32]byte{1}, SinceMs: t0}
	c.rows[string(EpochKey(0))] = epoch.AppendTo(nil)
	apply := func(height uint64) Result {
		r := c.m.Apply(c.store, Block{Height: height, TimeMs: c.now})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r
	}
	queued := Queued{queueRekey, uint32(shopB)}
	seat := Seat{Key: keyOf("next").Key, Flags: SeatVouched, Known: 2, Ready: 1010, ReadyMs: t0}
	key := Announced{shopB, 1000}
	c.rows[string(QueueKey(1))] = queued.AppendTo(nil)
	c.rows[string(SeatKeyOf(shopB))] = seat.AppendTo(nil)
	c.rows[string(ValidatorRowKey(seat.Key))] = key.AppendTo(nil)
	is(t, "at 1,063", apply(1063).NextSet == nil, true)
	next, err := pbft.DecodeNextSet(apply(1064).NextSet)
	is(t, "at 1,064", err == nil && next.At == 1064 && next.Body.Epoch == 1, true)
	is(t, "the new key", next.Body.Seats[3], pbft.Seat{Member: shopB, Key: seat.Key})
}

func TestExample101TenuresAreHalved(t *testing.T) {
	x := &exec{m: &Machine{}, r: newStore(), tables2: newTables2()}
	x.tenures.put(x, shopB, Tenures{7, 1})
	for _, want := range []Tenures{{3, 0}, {1, 0}, {}} {
		x.halveTenures()
		got := x.tenures.get(x, shopB)
		if want == (Tenures{}) {
			is(t, "gone", got == nil, true)
			continue
		}
		is(t, "halved", *got, want)
	}
}

func TestExample102EvidenceOfAnEpochLongPast(t *testing.T) {
	c := newCouncil(t)
	var sets []pbft.SetBody
	for i := range 3 { // three epochs end
		sets = append(sets, c.set().Body)
		c.want(OK, c.announce(shopB, fmt.Sprint("key ", i), false, 2))
		c.now += KeysDelayMs
		c.height += 100
		c.want(OK, c.readyTx(shopB, fmt.Sprint("key ", i)))
		c.begin()
	}
	row, _ := DecodeEpoch(c.rows[string(EpochKey(2))])
	bare := doublePrepare(&sets[1], issuer, 3)
	whole := *bare
	whole.Body = sets[1].Encode()
	other := whole
	other.Body = sets[2].Encode()
	submit := func(e *pbft.Misbehaviour) []byte {
		c.tick()
		return c.chain.NewMisbehaviour(c.expires(), &Misbehaviour{e})
	}
	c.now = row.SinceMs + EvidenceMs - 4
	c.want(EvidenceInvalid, submit(bare))
	c.want(EvidenceInvalid, submit(&other))
	late := *doublePrepare(&sets[1], funder, 3)
	late.Body = whole.Body
	c.is("recorded", c.want(OK, submit(&whole)), 0, OK)
	c.want(EvidenceInvalid, submit(&late)) // at the bound
	// Of the epoch before, the state has the set, and takes none that is handed in.
	again := *doublePrepare(&sets[2], funder, 3)
	c.want(OK, submit(&again))
	again.Body = sets[2].Encode()
	c.want(EvidenceInvalid, submit(&again))
}

// What f members, here one of four, can do: no more than be counted.
func TestWhatFMembersCanDo(t *testing.T) {
	c := newCouncil(t)
	o := c.propose(0, &SetMemberState{shopA, MemberSuspended}, issuer)
	c.is("alone", o, ProposalOpen, OK)
	for range 3 {
		c.propose(0, &SetMemberState{shopA, MemberSuspended}, issuer)
	}
	c.want(VoteState, c.proposeTx(0, &SetMemberState{shopA, MemberSuspended}, issuer))
	// It stops nobody: three others decide against it, and two proposals of others are open beside its four.
	c.is("the others", c.propose(0, &SetMemberState{issuer, MemberSuspended}, funder, shopA, shopB), ProposalExecuted, OK)
	c.want(NotAuthorised, c.voteTx(o.Proposal, issuer, BallotYes))
	c.want(NotAuthorised, c.proposeTx(0, &SetMemberState{issuer, MemberActive}, issuer, funder, shopA))
	c.want(NotAuthorised, c.announce(issuer, "next 1", true, 2))
	// Votes of two members that say the same are two transactions.
	one, other := c.voteTx(o.Proposal, funder, BallotYes), c.voteTx(o.Proposal, shopB, BallotYes)
	is(t, "one id", c.check(one).ID == c.check(other).ID, false)
}

// What a thief of a whole admin threshold can do: nothing that the owner does not see a day
// before it counts.
func TestWhatAThiefOfAdminKeysCanDo(t *testing.T) {
	c := newCouncil(t)
	c.want(OK, c.announce(shopB, "thief", false, 2))
	for range 3 {
		c.height += 64
		c.now += 2 * 3_600_000
		c.want(OK, c.readyTx(shopB, "thief"))
	}
	is(t, "queued or staged", c.count(PrefixQueue)+c.count(PrefixNextSet), 0)
	// The owner, whose old validator key vouches, is first.
	c.want(OK, c.announce(shopB, "owner", true, 2))
	c.height += 64
	c.want(OK, c.readyTx(shopB, "owner"))
	is(t, "staged", c.staged().Body.Seats[3].Key, pbft.PublicKey(keyOf("owner").Key))
	// A key that was announced is never announced again, nor a till's.
	c.now += 24 * 3_600_000
	c.want(KeyState, c.announce(shopB, "thief", false, 2))
	c.want(KeyState, c.announce(shopB, "till A", false, 2))
	c.want(KeyState, c.announce(shopA, "owner", false, 2))
}

// A key that waits is judged again when it is staged: another may have been announced since.
func TestAnotherKeyAnnouncedIsJudgedAgain(t *testing.T) {
	c := newCouncil(t)
	c.want(OK, c.announce(shopB, "vouched", true, 2))
	c.want(OK, c.readyTx(shopB, "vouched"))
	if c.staged() == nil {
		t.Fatal("not staged") // the epoch is old enough
	}
	c.begin()
	c.now += 3_600_000
	c.want(OK, c.announceVouched(shopB, "second", "vouched"))
	c.want(OK, c.readyTx(shopB, "second")) // waits for the gap
	is(t, "queued", c.count(PrefixQueue), 1)
	c.now += 3_600_000
	c.want(OK, c.announce(shopB, "thief", false, 2))
	c.height += 64
	c.block()
	is(t, "queued", c.count(PrefixQueue), 0)
	is(t, "staged", c.staged() == nil, true)
}

func (c council) announceVouched(member uint16, key, by string) []byte {
	c.tick()
	voucher := keyOf(by)
	f := &SeatKey{Member: member, Key: keyOf(key).Key, Address: "a:1", Known: 2, Vouched: true, Voucher: voucher.Key}
	return c.chain.NewSeatKey(c.expires(), f, keyOf(key), &voucher, admins(member)...)
}

// A second change that is approved while one is staged waits, and the staged one stays.
func TestChangesWaitForEachOther(t *testing.T) {
	c := newCouncil(t)
	seat := c.joins(visitor, "next 5")
	one := c.propose(0, seats([]pbft.Seat{seat}), issuer, funder, shopA)
	before := bytes.Clone(c.rows[string(NextSetKey())])
	is(t, "staged", len(before) > 0, true)
	c.ended(one.Proposal, ProposalExecuted, OK)
	two := c.propose(0, &ChangeConsensus{1, 1, 64, 4096, 256, 4, 500, 5000, 4 << 20}, issuer, funder, shopA)
	c.is("the second", two, ProposalPassed, OK)
	c.height += 200
	c.block()
	is(t, "the staged set", bytes.Equal(before, c.rows[string(NextSetKey())]), true)
	c.begin()
	// Five seats, four decide: three yes are not enough any more.
	c.ended(two.Proposal, ProposalFailed, VoteState)
	is(t, "queued", c.count(PrefixQueue), 0)
	is(t, "first event", c.last.Events[0].Type, EventEpochBegun)
	is(t, "second event", c.last.Events[1].Type, EventProposalFailed)
}

// Members who vote and then lose their seats leave votes behind: the row stays readable.
func TestAFullListOfVotesLosesFormerMembers(t *testing.T) {
	st := newStore()
	foundedRows(func(k, v []byte) { st.rows[string(k)] = v })
	m, _ := NewMachine(testChain(), testGenesis())
	x := newExec(upgradedAt(m, 1), st, Block{Height: 2}, true)
	action := AppendAction(nil, &SetFunding{5, usd, 1})
	p := Proposal{Proposer: issuer, Digest: sha256.Sum256(action), Action: action}
	for id := uint16(5); len(p.Votes) < VotesMax; id++ { // 5 is the subject
		p.Votes = append(p.Votes, Vote{id, BallotYes})
	}
	for id := uint16(1); id <= 4; id++ {
		x.vote(&p, id, BallotYes)
	}
	is(t, "votes", len(p.Votes), VotesMax)
	_, consents := p.ballot(5)
	_, first := p.ballot(6)
	_, later := p.ballot(10)
	is(t, "who is left", fmt.Sprint(consents, first, later), "true false true")
	if _, err := DecodeProposal(p.AppendTo(nil)); err != nil {
		t.Error(err)
	}
}

// Evidence of a kind is recorded once for an epoch and member, in whatever view, and lets the
// member lead no view of the next epoch.
func TestEvidenceFloodsNothing(t *testing.T) {
	c := newCouncil(t)
	set := c.set().Body
	submit := func(view pbft.View) []byte {
		c.tick()
		return c.chain.NewMisbehaviour(c.expires(), &Misbehaviour{doublePrepare(&set, shopB, view)})
	}
	c.want(OK, submit(1))
	for view := pbft.View(2); view < 6; view++ {
		c.want(EvidenceInvalid, submit(view))
	}
	is(t, "rows", c.count(PrefixMisbehaviour), 1)
	c.now += dayMs
	c.decide(ProposalPassed, &ChangeConsensus{1, 1, 64, 4096, 256, 4, 500, 5000, 4 << 20})
	is(t, "skips", fmt.Sprint(c.staged().Body.Skips), "[3]")
}

// Views that fail are counted for the members that led them, at most 64 at once.
func TestTenuresAreCountedFromHeaders(t *testing.T) {
	c := newCouncil(t)
	tenures := func(m uint16) Tenures {
		t, _ := DecodeTenures(c.rows[string(TenuresKey(m))])
		return t
	}
	view := func(parent, base, next uint64) {
		t.Helper()
		c.head = Block{View: next, ParentView: parent, ParentBase: base, BaseSeq: c.height}
		c.tick()
		c.block()
	}
	view(1, c.height-4096, 2) // view 1, of member 1, was served
	is(t, "served", tenures(issuer), Tenures{0, 1})
	view(2, c.height-1, 5) // 2 to 4 failed
	is(t, "failed", fmt.Sprint(tenures(funder), tenures(shopA), tenures(shopB)), "{1 0} {1 0} {1 0}")
	view(5, c.height-1, 5)
	is(t, "the same view", tenures(issuer), Tenures{0, 1})
	view(5, c.height-1, 1000) // 5, and the last 64 of those between
	is(t, "many", tenures(issuer).Failed, uint32(1+16))
	is(t, "of all", tenures(funder).Failed+tenures(shopA).Failed+tenures(shopB).Failed, uint32(3+48))
}
