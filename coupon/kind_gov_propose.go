package coupon

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindGovPropose is the kind of GovPropose.
const KindGovPropose Kind = 37

// EventProposed says that a proposal was made.
const EventProposed EventType = 30

// BackersMax bounds the members that sign a proposal beside the proposer.
const BackersMax = 31

var govProposeKind = kindSpec{
	name:    "GovPropose",
	since:   Version2,
	decode:  func(d decoder) Fields { return d.govPropose() },
	witness: byMembers,
	receipt: []Part{PartProposal, PartProposalState, PartReason},
	events:  []eventSpec{{EventProposed, "governance.proposed"}},
	after:   func(o *Outcome) EventType { return decision(o.ProposalState) },
	tally:   TallyOther,
}

// GovPropose asks the members with a seat for an action (rules 3.33). Backers are those that
// sign too: they vote yes with the proposer, or consent to what is done to them.
type GovPropose struct {
	Member  uint16
	At      uint64   // Unix ms; 0: at once
	Backers []uint16 // ascending, without Member
	Action  Action
}

// Kind returns KindGovPropose.
func (*GovPropose) Kind() Kind { return KindGovPropose }

func (f *GovPropose) appendTo(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint64(wire.AppendUint16(b, f.Member), f.At), uint32(len(f.Backers)))
	for _, m := range f.Backers {
		b = wire.AppendUint16(b, m)
	}
	return wire.AppendBytes(b, AppendAction(nil, f.Action))
}

func (d decoder) govPropose() *GovPropose {
	f := &GovPropose{Member: d.Uint16(), At: d.time()}
	if n := d.Count(BackersMax, 2); n > 0 {
		f.Backers = make([]uint16, n)
	}
	for i := range f.Backers {
		f.Backers[i] = d.Uint16()
		d.require(i == 0 || f.Backers[i-1] < f.Backers[i], "backers not ascending")
		d.require(f.Backers[i] != f.Member, "the proposer is no backer")
	}
	raw := d.Bytes(ActionBytesMax)
	if d.Err() != nil {
		return f
	}
	a, err := DecodeAction(raw)
	if err != nil {
		d.Fail(err)
		return f
	}
	f.Action = a
	return f
}

func (*GovPropose) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *GovPropose) keys() [][32]byte { return f.Action.keys() }

func (*GovPropose) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*GovPropose) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*GovPropose) about() Subject { return Subject{} }

func (*GovPropose) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

// shown returns the name of a member that would be made.
func (f *GovPropose) shown() string {
	if a, ok := f.Action.(*AddMember); ok {
		return a.Name
	}
	return ""
}

// mark has nothing to return: the number of a proposal is not in its bytes.
func (*GovPropose) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *GovPropose) asks(n Names) string {
	text := fmt.Sprintf("propose for %s to %s", n.Member(f.Member), f.Action.asks(n))
	if f.At > 0 {
		text += fmt.Sprintf(", not before %d (Unix ms)", f.At)
	}
	return text
}

// signers makes the checks (d): proposer and backers have seats, or a backer is the subject
// that consents.
func (f *GovPropose) signers(x *exec, tx *Tx) Code {
	c, consents := f.Action.(consenting)
	if !x.seated(f.Member) {
		return NotAuthorised
	}
	for _, b := range f.Backers {
		if x.members.get(x, b) == nil || !x.seated(b) && !(consents && c.subject() == b) {
			return NotAuthorised
		}
	}
	return x.memberSigned(tx, f.Member, 0, f.Backers, false)
}

func (f *GovPropose) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := f.signers(x, tx); c != OK {
		return c
	}
	if f.At > x.now+ProposalAheadMsMax {
		return BadWindow
	}
	if a, ok := f.Action.(*RecoverMember); ok && f.At < x.now+RecoveryMs {
		if m := x.members.get(x, a.Member); m == nil || m.State != MemberSuspended {
			return TooLate
		}
	}
	if c, ok := f.Action.(consenting); ok && c.wants(x) && !x.seated(c.subject()) &&
		!slices.Contains(f.Backers, c.subject()) {
		return NotAuthorised
	}
	proto := *x.proto()
	if f.room(x) == 0 {
		return VoteState
	}
	if proto.NextProposal == 1<<32-1 {
		return Overflow
	}
	f.lapse(x)
	number := proto.NextProposal
	proto.NextProposal++
	x.protocol.put(x, struct{}{}, proto)
	action := AppendAction(nil, f.Action)
	p := Proposal{Proposer: f.Member, OpenedAt: x.now, At: f.At, Digest: sha256.Sum256(action), Action: action}
	for _, m := range append([]uint16{f.Member}, f.Backers...) {
		x.vote(&p, m, BallotYes)
	}
	x.setOpen(f.Member, insertSorted(x.openOf(f.Member), number))
	p = x.recount(number, p)
	out.Proposal, out.ProposalState, out.Reason = number, p.State, p.Code
	return OK
}

// room counts how many proposals the proposer may make, those apart that have lapsed.
func (f *GovPropose) room(x *exec) int {
	n := OpenProposalsMax
	for _, number := range x.openOf(f.Member) {
		if p := x.proposals.get(x, number); p == nil || !x.lapsed(p) {
			n--
		}
	}
	return n
}

// lapse fails the proposer's proposals whose time is over, which would silence it else.
func (f *GovPropose) lapse(x *exec) {
	for _, number := range slices.Clone(x.openOf(f.Member)) {
		if p := x.proposals.get(x, number); p != nil && x.lapsed(p) {
			x.tell(number, x.fail(number, *p, VoteState))
		}
	}
}
