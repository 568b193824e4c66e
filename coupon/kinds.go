package coupon

import "fmt"

// Kind is the kind of a transaction, with the numbers of rules 3.3. Each kind has a file
// of its own, kind_*.go, with its Fields and its row of the table.
type Kind uint8

// kindTable holds every kind at its number. Nothing else says which kinds there are:
// what decodes, checks, executes, states and shows transactions reads this table or
// the Fields that its rows decode.
var kindTable = [256]*kindSpec{
	KindCampaignPublish: &campaignPublishKind,
	KindCampaignPause:   &campaignPauseKind,
	KindCampaignResume:  &campaignResumeKind,
	KindCampaignClose:   &campaignCloseKind,
	KindBatchCommit:     &batchCommitKind,
	KindTillKeyAdd:      &tillKeyAddKind,
	KindTillKeyRevoke:   &tillKeyRevokeKind,
	KindClaim:           &claimKind,
	KindTransfer:        &transferKind,
	KindRedeem:          &redeemKind,
	KindVoid:            &voidKind,

	KindCampaignAmend:    &campaignAmendKind,
	KindCouponIssue:      &couponIssueKind,
	KindTrade:            &tradeKind,
	KindOfferPost:        &offerPostKind,
	KindRefund:           &refundKind,
	KindCycleClose:       &cycleCloseKind,
	KindPaymentPosted:    &paymentPostedKind,
	KindPaymentConfirmed: &paymentConfirmedKind,
	KindServiceKeyAdd:    &serviceKeyAddKind,
	KindServiceKeyRevoke: &serviceKeyRevokeKind,
	KindMemberKeys:       &memberKeysKind,

	KindGovPropose:   &govProposeKind,
	KindGovVote:      &govVoteKind,
	KindSeatKey:      &seatKeyKind,
	KindSeatReady:    &seatReadyKind,
	KindMisbehaviour: &misbehaviourKind,
}

// kindSpec is a row of the table: what is the same for all transactions of a kind.
// What depends on one transaction are the methods of its Fields.
type kindSpec struct {
	// name is the kind's name in rules 3.3.
	name string
	// since is the first version of the rules that has the kind (rules 3.17).
	since Version
	// decode reads the fields after the envelope. The transaction is refused (E101) if
	// they fix another expiry than the envelope's.
	decode func(d decoder) Fields
	// witness says what the witness begins with, further how many signatures follow, at
	// most furtherMax, unless the fields say otherwise (extraSigned).
	witness witness
	further int
	// notFoundFirst says that E301 stands before the checks of the signers, so that it
	// records nothing (rules 3.3 b).
	notFoundFirst bool
	// unrecorded says that no refusal ends the id (rules 3.20): who refused one for want of
	// something would else have to find other bytes that say the same.
	unrecorded bool
	// receipt lists what a receipt states after the kind, in its order (rules 3.14).
	receipt []Part
	// events are those that an accepted transaction can leave; which picks one of them,
	// and says how often it occurs: the first and once where it is nil.
	events []eventSpec
	which  func(o *Outcome) (event, times int)
	// after returns the event of the end of a block that an accepted transaction brought
	// about at once, EventNone if it did not; nil for kinds that never do.
	after func(o *Outcome) EventType
	// tally is the counter of accepted transactions that it adds to.
	tally Tally
}

// eventSpec is a type of event with its name.
type eventSpec struct {
	event EventType
	name  string
}

// witness is what the witness of a kind begins with.
type witness uint8

const (
	byMembers witness = 1 + iota // the list of member signatures
	byKeys                       // the further signatures: there is no list
	byNobody                     // nothing: what it carries is signed
)

// furtherMax bounds the signatures behind the member signatures.
const furtherMax = 3

// extraSigned are fields that decide how many signatures follow those of the members.
type extraSigned interface{ further() int }

// boundToChain are fields in which digests, which depend on the chain, must agree with
// what they are of (E101).
type boundToChain interface{ agrees(c Chain) bool }

// furtherOf returns how many signatures follow those of the members.
func furtherOf(f Fields) int {
	if e, ok := f.(extraSigned); ok {
		return e.further()
	}
	return f.Kind().FurtherSignatures()
}

// Tally is a counter of accepted transactions.
type Tally uint8

// The counters. Kinds that come later count as others.
const (
	TallyClaim Tally = 1 + iota
	TallyTransfer
	TallyRedeem
	TallyVoid
	TallyOther
)

// Subject is what a transaction is about, as its bytes tell: zero where they name none.
type Subject struct {
	Campaign uint32
	Coupon   CouponID
}

// Names words what sentences about transactions name.
type Names interface {
	// Member names a member.
	Member(id uint16) string
	// Till names a till by its key.
	Till(key [32]byte) string
	// Holder names who holds a key.
	Holder(key [32]byte) string
	// Coupon names a coupon.
	Coupon(id CouponID) string
}

// Fields is the kind-specific part of a transaction's body, of a type for each kind
// or group of kinds that differ in nothing else: one of *CampaignPublish,
// *CampaignControl, *BatchCommit, *TillKeyAdd, *TillKeyRevoke, *Claim, *Transfer,
// *Redeem and *Void.
type Fields interface {
	// Kind returns the transaction's kind.
	Kind() Kind
	// appendTo encodes the fields.
	appendTo(b []byte) []byte
	// expiry returns the expiry that the envelope must have, if the fields fix it.
	expiry() (ms uint64, fixed bool)
	// keys returns all public keys in the fields, which must be valid (E102).
	keys() [][32]byte
	// signatures appends those beside the members' to checks; body is the message of
	// the transaction's body.
	signatures(c Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck
	// sender returns the key whose share of a mempool the transaction takes: one that
	// the state knows, if there is one, because new keys cost nothing.
	sender(tx *Tx) [32]byte
	// about returns the campaign and the coupon concerned.
	about() Subject
	// spends returns what an accepted transaction uses up for ever beside its id, until
	// when that could come again; expires is 0 if there is nothing.
	spends(c Chain) (id [32]byte, expires uint64)
	// execute makes the checks of the kind in their order and, if all hold, its changes.
	// It fills out only what the receipt of the kind states.
	execute(x *exec, tx *Tx, out *Outcome) Code
	// shown returns the text that people will read, "" if there is none.
	shown() string
	// mark returns the row that an accepted transaction changes for good, and whether
	// such a row, empty if there is none, shows that it was not accepted. The key is nil
	// for kinds that leave no such row.
	mark() (key []byte, unused func(row []byte) bool)
	// asks says in words what the transaction asks for.
	asks(n Names) string
}

// Kinds returns the kinds of version 1 of the rules, which every chain has, in ascending
// order. The caller owns the slice.
func Kinds() []Kind { return KindsAt(Version1) }

// KindsAt returns the kinds of a version in ascending order. The caller owns the slice.
func KindsAt(v Version) []Kind {
	var list []Kind
	for k, s := range kindTable {
		if s != nil && s.since <= v {
			list = append(list, Kind(k))
		}
	}
	return list
}

// String returns the kind's name in rules 3.3.
func (k Kind) String() string {
	if s := kindTable[k]; s != nil {
		return s.name
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// KindOf returns the kind that the bytes of a transaction name, without a check of
// them; 0 if they name none.
func KindOf(raw []byte) Kind {
	if len(raw) < 2 || kindTable[raw[1]] == nil {
		return 0
	}
	return Kind(raw[1])
}

// Since returns the first version of the rules that has the kind; 0 for an unlisted one.
func (k Kind) Since() Version {
	if s := kindTable[k]; s != nil {
		return s.since
	}
	return 0
}

// MemberSigned reports whether the witness is a list of member signatures.
func (k Kind) MemberSigned() bool {
	s := kindTable[k]
	return s != nil && s.witness == byMembers
}

// FurtherSignatures returns how many signatures follow the member signatures; where the
// fields of a transaction decide, the most of a Trade, and none of a MemberKeys.
func (k Kind) FurtherSignatures() int {
	if s := kindTable[k]; s != nil {
		return s.further
	}
	return 0
}

// Receipt returns what the receipt of an accepted transaction states, in its order.
// The slice must not be changed.
func (k Kind) Receipt() []Part {
	if s := kindTable[k]; s != nil {
		return s.receipt
	}
	return nil
}

// Tally returns the counter that an accepted transaction adds to, 0 for an unlisted
// kind.
func (k Kind) Tally() Tally {
	if s := kindTable[k]; s != nil {
		return s.tally
	}
	return 0
}

// EventTypes returns the types of events of version 1 of the rules in ascending order.
// The caller owns the slice.
func EventTypes() []EventType {
	var list []EventType
	for _, s := range kindTable {
		if s != nil && s.since == Version1 {
			for _, e := range s.events {
				list = append(list, e.event)
			}
		}
	}
	return list
}

// ParseEventType finds a type of event by its name, for example "coupon.claimed".
func ParseEventType(name string) (e EventType, ok bool) {
	for _, s := range kindTable {
		if s == nil {
			continue
		}
		for _, e := range s.events {
			if e.name == name {
				return e.event, true
			}
		}
	}
	for _, s := range blockEvents {
		if s.name == name {
			return s.event, true
		}
	}
	return EventNone, false
}

// Asks says in words what a transaction with these fields asks for.
func Asks(f Fields, n Names) string { return f.asks(n) }

// Sender returns the key whose share of a mempool the transaction takes.
func (t *Tx) Sender() [32]byte { return t.Fields.sender(t) }

// About returns the campaign and the coupon that the transaction is about.
func (t *Tx) About() Subject { return t.Fields.about() }

// Shown returns the text in the transaction that people will read, "" if it has none.
func (t *Tx) Shown() string { return t.Fields.shown() }

// Mark returns the row that the transaction, if accepted, changes for good, and
// whether such a row shows that it was not accepted: unused takes the row's value, empty
// if there is none. The key is nil for kinds that leave no such row.
func (t *Tx) Mark() (key []byte, unused func(row []byte) bool) { return t.Fields.mark() }

// seqMark is the mark of what is signed for a coupon's sequence number: an accepted
// one has raised it.
func seqMark(id CouponID, seq uint32) (key []byte, unused func(row []byte) bool) {
	return CouponKey(id), func(row []byte) bool {
		c, err := DecodeCoupon(row)
		return len(row) == 0 || err == nil && c.Seq <= seq
	}
}

// firstMember returns the key of the first member signature, zero if there is none.
func (t *Tx) firstMember() (key [32]byte) {
	if len(t.Members) > 0 {
		key = t.Members[0].Key
	}
	return key
}
