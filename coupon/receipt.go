package coupon

import (
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// First tells where a transaction id was decided before (E105).
type First struct {
	Height uint64
	Index  uint32
	Code   Code
}

// Part is one statement of a receipt. Each kind lists those that its receipts make
// (Kind.Receipt); the numbers give the order in which people are shown them.
type Part uint8

// The statements, with the field of Outcome that holds each.
const (
	PartCampaign   Part = 1 + iota // Campaign: the one concerned, or made
	PartBatch                      // Batch: the one made
	PartTill                       // TillKey: the till concerned
	PartCoupon                     // Coupon: the one concerned, or made
	PartCase                       // Case: what a transfer did
	PartOwner                      // Owner: the coupon's afterwards
	PartValue                      // Value: taken from the coupon
	PartGivenBack                  // Value: given back to the coupon
	PartPayable                    // Payable: what the funders owe for it
	PartBefore                     // Before: value_left before
	PartAfter                      // After: value_left after
	PartRedemption                 // Seq: that of a redemption, which with the coupon names it
	PartSeq                        // Seq: the coupon's new one
	PartUsesLeft                   // UsesLeft: afterwards
	PartUntil                      // Until: the coupon's end afterwards
	PartFinalAt                    // FinalAt: end of the rollback window

	// Of version 2 of the rules.
	PartVersion       // Version: that of the campaign's new terms
	PartFirst         // First serial issued
	PartCount         // Count of serials issued
	PartOther         // Other: the coupon that was given for the first
	PartOtherSeq      // OtherSeq: its new one
	PartOtherOwn      // OtherOwner: its owner afterwards
	PartPrice         // Price paid for the coupon
	PartCurrency      // Currency of a price or debt
	PartPayer         // Payer: the payment member, or who owes
	PartOffer         // Offer: digest of the offer
	PartAmount        // Amount given back
	PartRefunded      // Refunded of the redemption so far
	PartRecredit      // Recredit: whether the use came back
	PartCycle         // Cycle of settlement
	PartBook          // Book of a debt
	PartPayee         // Payee of a debt
	PartDebt          // Debt: its state afterwards
	PartKey           // Key: the service key concerned
	PartMember        // Member concerned
	PartFrom          // From when keys count, 0: at once
	PartProposal      // Proposal: its number
	PartProposalState // ProposalState: that of the proposal afterwards
	PartReason        // Reason why the proposal has failed, OK if it has not
	PartEpoch         // Epoch of the evidence
	PartEvidence      // Evidence: its kind
)

// Parts returns the parts of version 1 of the rules in ascending order. The caller owns
// the slice.
func Parts() []Part { return parts(PartFinalAt) }

func parts(last Part) []Part {
	list := make([]Part, last)
	for i := range list {
		list[i] = Part(i + 1)
	}
	return list
}

// Outcome is what a receipt says of one transaction. ID and Code always count;
// First for E105 only; Kind and the rest for OK only: what Kind.Receipt lists. It
// holds exactly a receipt's content.
type Outcome struct {
	ID    [32]byte
	Code  Code
	First First
	Kind  Kind

	Campaign uint32
	Batch    uint16
	TillKey  [32]byte
	Coupon   CouponID
	Seq      uint32
	Owner    [32]byte
	Until    uint64 // Unix ms
	Case     TransferCase
	Value    uint64 // minor units, as the next three
	Payable  uint64
	Before   uint64
	After    uint64
	UsesLeft uint16
	FinalAt  uint64 // Unix ms

	Version    uint16
	Serial     uint32 // PartFirst
	Count      uint32
	Other      CouponID
	OtherSeq   uint32
	OtherOwner [32]byte
	Price      uint64 // minor units, as Amount and Refunded
	Currency   uint16
	Payer      uint16
	Offer      [32]byte
	Amount     uint64
	Refunded   uint64
	Recredit   uint8
	Cycle      uint32
	Book       uint8
	Payee      uint16
	Debt       DebtState
	Key        [32]byte
	Member     uint16
	From       uint64 // Unix ms

	Proposal      uint32
	ProposalState ProposalState
	Reason        Code
	Epoch         uint32
	Evidence      uint8
}

// States reports whether the receipt makes a statement.
func (o *Outcome) States(p Part) bool { return o.Code == OK && slices.Contains(o.Kind.Receipt(), p) }

// AppendTo appends the canonical receipt (rules 3.14).
func (o *Outcome) AppendTo(b []byte) []byte {
	b = append(b, o.ID[:]...)
	b = wire.AppendUint16(b, uint16(o.Code))
	if o.Code == DuplicateTx {
		b = wire.AppendUint64(b, o.First.Height)
		b = wire.AppendUint32(b, o.First.Index)
		return wire.AppendUint16(b, uint16(o.First.Code))
	}
	if o.Code != OK {
		return b
	}
	b = append(b, byte(o.Kind))
	for _, p := range o.Kind.Receipt() {
		b = o.appendPart(b, p)
	}
	return b
}

func (o *Outcome) appendPart(b []byte, p Part) []byte {
	switch p {
	case PartCampaign:
		return wire.AppendUint32(b, o.Campaign)
	case PartBatch:
		return wire.AppendUint16(b, o.Batch)
	case PartTill:
		return append(b, o.TillKey[:]...)
	case PartCoupon:
		return wire.AppendUint64(b, uint64(o.Coupon))
	case PartCase:
		return append(b, byte(o.Case))
	case PartOwner:
		return append(b, o.Owner[:]...)
	case PartValue, PartGivenBack:
		return wire.AppendUint64(b, o.Value)
	case PartPayable:
		return wire.AppendUint64(b, o.Payable)
	case PartBefore:
		return wire.AppendUint64(b, o.Before)
	case PartAfter:
		return wire.AppendUint64(b, o.After)
	case PartRedemption, PartSeq:
		return wire.AppendUint32(b, o.Seq)
	case PartUsesLeft:
		return wire.AppendUint16(b, o.UsesLeft)
	case PartUntil:
		return wire.AppendUint64(b, o.Until)
	case PartFinalAt:
		return wire.AppendUint64(b, o.FinalAt)
	}
	return o.appendPart2(b, p)
}

// appendPart2 appends a part of version 2.
func (o *Outcome) appendPart2(b []byte, p Part) []byte {
	switch p {
	case PartVersion:
		return wire.AppendUint16(b, o.Version)
	case PartFirst:
		return wire.AppendUint32(b, o.Serial)
	case PartCount:
		return wire.AppendUint32(b, o.Count)
	case PartOther:
		return wire.AppendUint64(b, uint64(o.Other))
	case PartOtherSeq:
		return wire.AppendUint32(b, o.OtherSeq)
	case PartOtherOwn:
		return append(b, o.OtherOwner[:]...)
	case PartPrice:
		return wire.AppendUint64(b, o.Price)
	case PartCurrency:
		return wire.AppendUint16(b, o.Currency)
	case PartPayer:
		return wire.AppendUint16(b, o.Payer)
	case PartOffer:
		return append(b, o.Offer[:]...)
	case PartAmount:
		return wire.AppendUint64(b, o.Amount)
	case PartRefunded:
		return wire.AppendUint64(b, o.Refunded)
	case PartRecredit:
		return append(b, o.Recredit)
	case PartCycle:
		return wire.AppendUint32(b, o.Cycle)
	case PartBook:
		return append(b, o.Book)
	case PartPayee:
		return wire.AppendUint16(b, o.Payee)
	case PartDebt:
		return append(b, byte(o.Debt))
	case PartKey:
		return append(b, o.Key[:]...)
	case PartMember:
		return wire.AppendUint16(b, o.Member)
	case PartFrom:
		return wire.AppendUint64(b, o.From)
	}
	return o.appendPart3(b, p)
}

// appendPart3 appends a part of governance.
func (o *Outcome) appendPart3(b []byte, p Part) []byte {
	switch p {
	case PartProposal:
		return wire.AppendUint32(b, o.Proposal)
	case PartProposalState:
		return append(b, byte(o.ProposalState))
	case PartReason:
		return wire.AppendUint16(b, uint16(o.Reason))
	case PartEpoch:
		return wire.AppendUint32(b, o.Epoch)
	case PartEvidence:
		return append(b, o.Evidence)
	}
	panic(fmt.Sprintf("coupon: receipt with part %d", p))
}

func (d decoder) part(o *Outcome, p Part) {
	switch p {
	case PartCampaign:
		o.Campaign = d.Uint32()
	case PartBatch:
		o.Batch = d.Uint16()
	case PartTill:
		o.TillKey = d.Bytes32()
	case PartCoupon:
		o.Coupon = CouponID(d.Uint64())
	case PartCase:
		o.Case = TransferCase(d.Enum8(uint8(CaseTakenBack)))
	case PartOwner:
		o.Owner = d.Bytes32()
	case PartValue, PartGivenBack:
		o.Value = d.Uint64()
	case PartPayable:
		o.Payable = d.Uint64()
	case PartBefore:
		o.Before = d.Uint64()
	case PartAfter:
		o.After = d.Uint64()
	case PartRedemption, PartSeq:
		o.Seq = d.Uint32()
	case PartUsesLeft:
		o.UsesLeft = d.Uint16()
	case PartUntil:
		o.Until = d.Uint64()
	case PartFinalAt:
		o.FinalAt = d.Uint64()
	default:
		d.part2(o, p)
	}
}

// part2 reads a part of version 2.
func (d decoder) part2(o *Outcome, p Part) {
	switch p {
	case PartVersion:
		o.Version = d.Uint16()
	case PartFirst:
		o.Serial = d.Uint32()
	case PartCount:
		o.Count = d.Uint32()
	case PartOther:
		o.Other = CouponID(d.Uint64())
	case PartOtherSeq:
		o.OtherSeq = d.Uint32()
	case PartOtherOwn:
		o.OtherOwner = d.Bytes32()
	case PartPrice:
		o.Price = d.Uint64()
	case PartCurrency:
		o.Currency = d.Uint16()
	case PartPayer:
		o.Payer = d.Uint16()
	case PartOffer:
		o.Offer = d.Bytes32()
	case PartAmount:
		o.Amount = d.Uint64()
	case PartRefunded:
		o.Refunded = d.Uint64()
	case PartRecredit:
		o.Recredit = d.Enum8(1)
	case PartCycle:
		o.Cycle = d.Uint32()
	case PartBook:
		o.Book = d.Enum8(BookUnsecured)
	case PartPayee:
		o.Payee = d.Uint16()
	case PartDebt:
		o.Debt = DebtState(d.Enum8(uint8(DebtReposted)))
	case PartKey:
		o.Key = d.Bytes32()
	case PartMember:
		o.Member = d.Uint16()
	case PartFrom:
		o.From = d.Uint64()
	case PartProposal:
		o.Proposal = d.Uint32()
	case PartProposalState:
		o.ProposalState = ProposalState(d.Enum8(uint8(ProposalFailed)))
	case PartReason:
		o.Reason = d.reason()
	case PartEpoch:
		o.Epoch = d.Uint32()
	case PartEvidence:
		o.Evidence = d.Enum8(EvidenceKinds)
	}
}

// DecodeReceipt decodes a receipt strictly.
func DecodeReceipt(b []byte) (Outcome, error) {
	d := newDecoder(b)
	o := Outcome{ID: d.Bytes32(), Code: d.code()}
	switch o.Code {
	case OK:
		d.accepted(&o)
	case DuplicateTx:
		o.First = First{Height: d.Uint64(), Index: d.Uint32(), Code: d.code()}
		d.require(o.First.Code.burnsID(0), "the first outcome is not one that stays")
	}
	return o, d.close("receipt")
}

func (d decoder) code() Code {
	c := Code(d.Uint16())
	d.require(c.InReceipt(), "code of no receipt")
	return c
}

func (d decoder) accepted(o *Outcome) {
	o.Kind = Kind(d.Uint8())
	d.require(kindTable[o.Kind] != nil, "unlisted kind")
	for _, p := range o.Kind.Receipt() {
		d.part(o, p)
	}
}

// EventType names what an accepted transaction did (rules 3.12). The types stand in the
// files of their kinds.
type EventType uint8

// EventNone is the type of no event.
const EventNone EventType = 0

// String returns the event's name, for example "coupon.claimed".
func (e EventType) String() string {
	for _, s := range kindTable {
		if s == nil {
			continue
		}
		for i := range s.events {
			if s.events[i].event == e {
				return s.events[i].name
			}
		}
	}
	for _, s := range blockEvents {
		if s.event == e {
			return s.name
		}
	}
	if e == EventNone {
		return "none"
	}
	return fmt.Sprintf("EventType(%d)", uint8(e))
}

// Event is one accepted transaction, and says what its receipt says, or what the end of a
// block brought about, which a row proves. Its id is (height, TxIndex, EventIndex), the
// same on every node and at every delivery.
type Event struct {
	Type EventType
	// TxIndex is the transaction's place in its block, EndOfBlock for the end.
	TxIndex    uint32
	EventIndex uint32
	// Receipt is that of the transaction, nil for the end of a block.
	Receipt []byte
	// Row is the key of the row that proves an event of the end of a block.
	Row []byte
}

// EndOfBlock is the place of what happens after the last transaction.
const EndOfBlock uint32 = 1<<32 - 1

// Event returns the type of the outcome's event, EventNone for a refusal.
func (o *Outcome) Event() EventType {
	e, _ := o.occurs()
	return e
}

// Occurs returns how often the outcome's event occurs: twice for a swap, of which the
// offered coupon comes first.
func (o *Outcome) Occurs() int {
	_, times := o.occurs()
	return times
}

// occurs returns the outcome's event and how often it occurs.
func (o *Outcome) occurs() (e EventType, times int) {
	s := kindTable[o.Kind]
	if o.Code != OK || s == nil {
		return EventNone, 0
	}
	i, times := 0, 1
	if s.which != nil {
		i, times = s.which(o)
	}
	return s.events[i].event, times
}

// follows returns the event of a decision that an accepted transaction brought about.
func (o *Outcome) follows() EventType {
	if s := kindTable[o.Kind]; o.Code == OK && s != nil && s.after != nil {
		return s.after(o)
	}
	return EventNone
}
