package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindGovVote is the kind of GovVote.
const KindGovVote Kind = 38

// EventVoted says that a member has voted.
const EventVoted EventType = 31

var govVoteKind = kindSpec{
	name:  "GovVote",
	since: Version2,
	decode: func(d decoder) Fields {
		return &GovVote{d.Uint16(), d.Uint32(), d.Bytes32(), Ballot(d.Enum8(uint8(BallotVeto)))}
	},
	witness: byMembers,
	receipt: []Part{PartProposal, PartProposalState, PartReason},
	events:  []eventSpec{{EventVoted, "governance.voted"}},
	after:   func(o *Outcome) EventType { return decision(o.ProposalState) },
	tally:   TallyOther,
}

// GovVote is a member's vote on a proposal (rules 3.33), which replaces its earlier one. The
// member is in the body, or the same votes of two members were one id.
type GovVote struct {
	Member   uint16
	Proposal uint32
	Digest   [32]byte // of the action
	Ballot   Ballot
}

// Kind returns KindGovVote.
func (*GovVote) Kind() Kind { return KindGovVote }

func (f *GovVote) appendTo(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint16(b, f.Member), f.Proposal)
	return append(append(b, f.Digest[:]...), byte(f.Ballot))
}

func (*GovVote) expiry() (ms uint64, fixed bool) { return 0, false }

func (*GovVote) keys() [][32]byte { return nil }

func (*GovVote) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck { return members }

func (*GovVote) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*GovVote) about() Subject { return Subject{} }

func (*GovVote) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*GovVote) shown() string { return "" }

// mark has nothing to return: a vote can be changed back.
func (*GovVote) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *GovVote) asks(n Names) string {
	words := []string{"vote against", "vote for", "veto"}
	return fmt.Sprintf("let %s %s proposal %d", n.Member(f.Member), words[f.Ballot], f.Proposal)
}

// may reports whether the member may cast the ballot: one with a seat votes, and the subject
// of a recovery of admin keys has a veto.
func (f *GovVote) may(x *exec) bool {
	if f.Ballot != BallotVeto {
		return x.seated(f.Member)
	}
	a, ok := x.actionOf(x.proposals.get(x, f.Proposal)).(*RecoverMember)
	return ok && a.Member == f.Member
}

func (f *GovVote) execute(x *exec, tx *Tx, out *Outcome) Code {
	if !f.may(x) {
		return NotAuthorised
	}
	if c := x.memberSigned(tx, f.Member, 0, nil, false); c != OK {
		return c
	}
	found := x.proposals.get(x, f.Proposal)
	if found == nil || found.Digest != f.Digest || found.State.decided() ||
		found.State == ProposalOpen && x.lapsed(found) {
		return VoteState
	}
	p := *found
	x.vote(&p, f.Member, f.Ballot)
	if f.Ballot == BallotVeto {
		p = x.fail(f.Proposal, p, VoteState)
	} else {
		p = x.recount(f.Proposal, p)
	}
	out.Proposal, out.ProposalState, out.Reason = f.Proposal, p.State, p.Code
	return OK
}
