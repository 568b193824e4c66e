package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindTransfer is the kind of Transfer.
const KindTransfer Kind = 9

// The events of Transfer, in the order of TransferCase.
const (
	EventCouponTransferred EventType = 9 + iota
	EventCouponRefreshed
	EventGiftOffered
	EventGiftAccepted
	EventGiftTakenBack
)

var transferKind = kindSpec{
	name:  "Transfer",
	since: Version1,
	decode: func(d decoder) Fields {
		return &Transfer{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Mover: d.Bytes32(), To: d.Bytes32(),
			GiftUntil: d.time()}
	},
	witness: byKeys,
	further: 1,
	receipt: []Part{PartCoupon, PartSeq, PartOwner, PartCase},
	events: []eventSpec{
		{EventCouponTransferred, "coupon.transferred"},
		{EventCouponRefreshed, "coupon.refreshed"},
		{EventGiftOffered, "gift.offered"},
		{EventGiftAccepted, "gift.accepted"},
		{EventGiftTakenBack, "gift.taken_back"},
	},
	which: func(o *Outcome) (event, times int) { return int(o.Case), 1 },
	tally: TallyTransfer,
}

// Transfer moves, refreshes, offers, accepts or takes back a coupon (rules 3.3).
// GiftUntil is 0, or the end of a gift offered to the gift key To.
type Transfer struct {
	Coupon    CouponID
	Seq       uint32
	Mover     [32]byte
	To        [32]byte
	GiftUntil uint64
}

// TransferCase says what an accepted Transfer did.
type TransferCase uint8

// The five cases of a Transfer, with the numbers of rules 3.14.
const (
	CaseTransferred TransferCase = iota
	CaseRefreshed
	CaseOffered
	CaseAccepted
	CaseTakenBack
)

// Kind returns KindTransfer.
func (*Transfer) Kind() Kind { return KindTransfer }

func (f *Transfer) appendTo(b []byte) []byte {
	b = wire.AppendUint64(b, uint64(f.Coupon))
	b = wire.AppendUint32(b, f.Seq)
	b = append(b, f.Mover[:]...)
	b = append(b, f.To[:]...)
	return wire.AppendUint64(b, f.GiftUntil)
}

func (*Transfer) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *Transfer) keys() [][32]byte { return [][32]byte{f.Mover, f.To} }

func (f *Transfer) signatures(_ Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck {
	return append(checks, SigCheck{f.Mover, body, tx.sigs[0]})
}

func (f *Transfer) sender(*Tx) [32]byte { return f.Mover }

func (f *Transfer) about() Subject { return Subject{f.Coupon.Campaign(), f.Coupon} }

func (*Transfer) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*Transfer) shown() string { return "" }

func (f *Transfer) mark() (key []byte, unused func(row []byte) bool) { return seqMark(f.Coupon, f.Seq) }

func (f *Transfer) asks(n Names) string {
	return fmt.Sprintf("move coupon %s (sequence %d) to %s", n.Coupon(f.Coupon), f.Seq, n.Holder(f.To))
}

func (f *Transfer) execute(x *exec, _ *Tx, out *Outcome) Code {
	h, code := x.guard(guardGift, f.Coupon, f.Mover, f.Seq)
	if code != OK {
		return code
	}
	c := &h.coupon
	if c.Status == Gifted {
		out.Case, code = c.endGift(f)
	} else {
		out.Case, code = c.move(f, h.terms, x.now)
	}
	if code != OK {
		return code
	}
	var sum sums
	if c.Seq = sum.inc(c.Seq); sum.over {
		return Overflow
	}
	x.coupons.put(x, f.Coupon, *c)
	out.Coupon, out.Seq, out.Owner = f.Coupon, c.Seq, c.Owner
	return OK
}

// endGift accepts or takes back a pending gift (rules 3.3).
func (c *Coupon) endGift(f *Transfer) (TransferCase, Code) {
	if f.Mover != c.GiftKey {
		if f.To != c.Owner || f.GiftUntil != 0 {
			return 0, WrongState
		}
		c.hold()
		return CaseTakenBack, OK
	}
	if f.GiftUntil != 0 {
		return 0, GiftTerms
	}
	c.hold()
	if f.To == c.Owner {
		return CaseTakenBack, OK
	}
	c.Owner = f.To
	return CaseAccepted, c.countTransfer()
}

// move refreshes, transfers or offers a HELD coupon (rules 3.3).
func (c *Coupon) move(f *Transfer, t *Terms, now uint64) (TransferCase, Code) {
	if f.To == c.Owner && f.GiftUntil == 0 {
		return CaseRefreshed, OK
	}
	if t.Transfer == TransferNone || c.TransfersLeft == 0 {
		return 0, NotTransferable
	}
	if f.GiftUntil == 0 {
		c.Owner = f.To
		return CaseTransferred, c.countTransfer()
	}
	if f.GiftUntil <= now || f.GiftUntil > now+GiftAheadMsMax || f.To == c.Owner {
		return 0, GiftTerms
	}
	c.Status, c.GiftKey, c.GiftUntil = Gifted, f.To, f.GiftUntil
	return CaseOffered, OK
}

// countTransfer takes one transfer away unless they are unlimited.
func (c *Coupon) countTransfer() Code {
	switch c.TransfersLeft {
	case TransfersUnlimited:
		return OK
	case 0:
		return Overflow
	}
	c.TransfersLeft--
	return OK
}

// NewTransfer makes and signs a transfer; mover is its Mover.
func (c Chain) NewTransfer(expires uint64, f Transfer, mover Signer) []byte {
	return c.signBody(expires, &f, mover)
}
