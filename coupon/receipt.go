package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// TransferCase says what an accepted Transfer did.
type TransferCase uint8

// The five cases of a Transfer, with the numbers of 3.14.
const (
	CaseTransferred TransferCase = iota
	CaseRefreshed
	CaseOffered
	CaseAccepted
	CaseTakenBack
)

// First tells where a transaction id was decided before (E105).
type First struct {
	Height uint64
	Index  uint32
	Code   Code
}

// Outcome is what a receipt says of one transaction. ID and Code always count;
// First for E105 only; Kind and the rest for OK only, by kind as in 3.14. It
// holds exactly a receipt's content.
type Outcome struct {
	ID    [32]byte
	Code  Code
	First First
	Kind  Kind

	Campaign uint32       // kinds 1 to 5
	Batch    uint16       // BatchCommit
	TillKey  [32]byte     // TillKeyAdd, TillKeyRevoke
	Coupon   CouponID     // Claim, Transfer, Redeem, Void
	Seq      uint32       // Transfer: the new one; Redeem, Void: the redemption's
	Owner    [32]byte     // Claim, Transfer: the owner afterwards
	Until    uint64       // Claim, Void: Until afterwards, Unix ms
	Case     TransferCase // Transfer
	Value    uint64       // Redeem: taken; Void: given back
	Payable  uint64       // Redeem: what the funders owe for it
	Before   uint64       // Redeem: value_left before
	After    uint64       // Redeem: value_left after
	UsesLeft uint16       // Redeem: afterwards
	FinalAt  uint64       // Redeem: end of the rollback window, Unix ms
}

// AppendTo appends the canonical receipt (3.14).
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
	switch o.Kind {
	case KindBatchCommit:
		return wire.AppendUint16(wire.AppendUint32(b, o.Campaign), o.Batch)
	case KindTillKeyAdd, KindTillKeyRevoke:
		return append(b, o.TillKey[:]...)
	case KindClaim:
		b = append(wire.AppendUint64(b, uint64(o.Coupon)), o.Owner[:]...)
		return wire.AppendUint64(b, o.Until)
	case KindTransfer:
		b = wire.AppendUint32(wire.AppendUint64(b, uint64(o.Coupon)), o.Seq)
		return append(append(b, o.Owner[:]...), byte(o.Case))
	case KindRedeem:
		b = wire.AppendUint32(wire.AppendUint64(b, uint64(o.Coupon)), o.Seq)
		for _, n := range [...]uint64{o.Value, o.Payable, o.Before, o.After} {
			b = wire.AppendUint64(b, n)
		}
		return wire.AppendUint64(wire.AppendUint16(b, o.UsesLeft), o.FinalAt)
	case KindVoid:
		b = wire.AppendUint32(wire.AppendUint64(b, uint64(o.Coupon)), o.Seq)
		return wire.AppendUint64(wire.AppendUint64(b, o.Value), o.Until)
	}
	return wire.AppendUint32(b, o.Campaign)
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
		d.require(o.First.Code.burnsID(KindClaim), "the first outcome is not one that stays")
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
	switch o.Kind {
	case KindCampaignPublish, KindCampaignPause, KindCampaignResume, KindCampaignClose:
		o.Campaign = d.Uint32()
	case KindBatchCommit:
		o.Campaign, o.Batch = d.Uint32(), d.Uint16()
	case KindTillKeyAdd, KindTillKeyRevoke:
		o.TillKey = d.Bytes32()
	case KindClaim:
		o.Coupon, o.Owner, o.Until = CouponID(d.Uint64()), d.Bytes32(), d.Uint64()
	case KindTransfer:
		o.Coupon, o.Seq, o.Owner = CouponID(d.Uint64()), d.Uint32(), d.Bytes32()
		o.Case = TransferCase(d.Enum8(uint8(CaseTakenBack)))
	case KindRedeem:
		o.Coupon, o.Seq, o.Value, o.Payable = CouponID(d.Uint64()), d.Uint32(), d.Uint64(), d.Uint64()
		o.Before, o.After, o.UsesLeft, o.FinalAt = d.Uint64(), d.Uint64(), d.Uint16(), d.Uint64()
	case KindVoid:
		o.Coupon, o.Seq, o.Value, o.Until = CouponID(d.Uint64()), d.Uint32(), d.Uint64(), d.Uint64()
	default:
		d.require(false, "unlisted kind")
	}
}

// EventType names what an accepted transaction did (3.12).
type EventType uint8

// The event types of stage 1. None is the type of no event.
const (
	EventNone EventType = iota
	EventCampaignPublished
	EventCampaignPaused
	EventCampaignResumed
	EventCampaignClosed
	EventBatchCommitted
	EventTillAdded
	EventTillRevoked
	EventCouponClaimed
	EventCouponTransferred
	EventCouponRefreshed
	EventGiftOffered
	EventGiftAccepted
	EventGiftTakenBack
	EventRedemptionAccrued
	EventRedemptionVoided
)

var eventNames = [...]string{"none", "campaign.published", "campaign.paused", "campaign.resumed", "campaign.closed",
	"batch.committed", "till.added", "till.revoked", "coupon.claimed", "coupon.transferred", "coupon.refreshed",
	"gift.offered", "gift.accepted", "gift.taken_back", "redemption.accrued", "redemption.voided"}

// String returns the event's name, for example "coupon.claimed".
func (e EventType) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return fmt.Sprintf("EventType(%d)", uint8(e))
}

// Event is one accepted transaction: it says what its receipt says. Its id is
// (height, TxIndex, EventIndex), the same on every node and at every delivery.
type Event struct {
	Type       EventType
	TxIndex    uint32
	EventIndex uint32 // always 0 in stage 1
	Receipt    []byte
}

// Event returns the type of the outcome's event, EventNone for a refusal.
func (o *Outcome) Event() EventType {
	if o.Code != OK {
		return EventNone
	}
	switch o.Kind {
	case KindTransfer:
		return EventCouponTransferred + EventType(o.Case)
	case KindRedeem:
		return EventRedemptionAccrued
	case KindVoid:
		return EventRedemptionVoided
	}
	return EventType(o.Kind)
}
