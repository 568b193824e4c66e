package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindRefund is the kind of Refund.
const KindRefund Kind = 20

// EventRedemptionRefunded says that money of a final redemption goes back to the funders.
const EventRedemptionRefunded EventType = 20

var refundKind = kindSpec{
	name:  "Refund",
	since: Version2,
	decode: func(d decoder) Fields {
		f := &Refund{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Key: d.Bytes32(), Amount: d.money(),
			Recredit: d.Enum8(1)}
		d.require(f.Amount >= 1, "nothing to refund")
		return f
	},
	witness: byKeys,
	further: 1,
	receipt: []Part{PartCoupon, PartRedemption, PartAmount, PartRefunded, PartRecredit},
	events:  []eventSpec{{EventRedemptionRefunded, "redemption.refunded"}},
	tally:   TallyOther,
}

// Refund gives money of a redemption that is final back to the funders, in whole or in
// part (rules 3.30). Recredit asks for the use as well, which no terms allow yet.
type Refund struct {
	Coupon   CouponID
	Seq      uint32
	Key      [32]byte
	Amount   uint64
	Recredit uint8
}

// Kind returns KindRefund.
func (*Refund) Kind() Kind { return KindRefund }

func (f *Refund) appendTo(b []byte) []byte {
	b = append(wire.AppendUint32(wire.AppendUint64(b, uint64(f.Coupon)), f.Seq), f.Key[:]...)
	return append(wire.AppendUint64(b, f.Amount), f.Recredit)
}

func (*Refund) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *Refund) keys() [][32]byte { return [][32]byte{f.Key} }

func (f *Refund) signatures(_ Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck {
	return append(checks, SigCheck{f.Key, body, tx.sigs[0]})
}

func (f *Refund) sender(*Tx) [32]byte { return f.Key }

func (f *Refund) about() Subject { return Subject{f.Coupon.Campaign(), f.Coupon} }

func (*Refund) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*Refund) shown() string { return "" }

// mark has nothing to return: a redemption can be refunded in parts.
func (*Refund) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *Refund) asks(n Names) string {
	return fmt.Sprintf("refund %d of redemption %d of coupon %s", f.Amount, f.Seq, n.Coupon(f.Coupon))
}

func (f *Refund) execute(x *exec, _ *Tx, out *Outcome) Code {
	till := x.tills.get(x, f.Key)
	if till == nil || !till.Live(x.now) || till.Rights&RightVoidAny == 0 || !x.memberActive(till.Member) {
		return KeyState
	}
	id := redemptionID{f.Coupon, f.Seq}
	r := x.redemptions.get(x, id)
	if r == nil {
		return NotFound
	}
	if till.Member != r.Member {
		return NotAuthorised
	}
	var back Refunded
	if p := x.refunded.get(x, id); p != nil {
		back = *p
	}
	if r.State != Accrued || x.now < r.FinalAt || back.Sum+f.Amount > r.Payable || x.released(f.Coupon.Campaign()) ||
		f.Recredit != 0 {
		return RefundRule
	}
	given, code := x.giveBackToday(f.Key, till, f.Coupon.Campaign(), f.Amount)
	if code != OK {
		return code
	}
	var sum sums
	bucket, owedID := Obligation{}, x.obligationID(x.now, f.Coupon, r.Member, &sum)
	if p := x.refunds.get(x, owedID); p != nil {
		bucket = *p
	}
	bucket.Sum, bucket.Count = sum.add(bucket.Sum, f.Amount), sum.inc(bucket.Count)
	if sum.over {
		return Overflow
	}
	back.Sum, back.LastAt = back.Sum+f.Amount, x.now
	x.refunds.put(x, owedID, bucket)
	x.refunded.put(x, id, back)
	x.givenBack.put(x, f.Key, given)
	out.Coupon, out.Seq, out.Amount, out.Refunded, out.Recredit = f.Coupon, f.Seq, f.Amount, back.Sum, f.Recredit
	return OK
}

// giveBackToday judges what a till key gives back of other keys' redemptions, by void or
// refund, against its cap (E516, E517), and returns the day's sum with the amount.
func (x *exec) giveBackToday(key [32]byte, till *Till, campaign uint32, amount uint64) (DayTotal, Code) {
	total, day := DayTotal{}, uint32(x.now/dayMs)
	if p := x.givenBack.get(x, key); p != nil && p.Day == day {
		total = *p
	}
	g := x.campaigns.get(x, campaign)
	if g == nil {
		x.damaged("redemption of campaign %d, which does not exist", campaign)
		return total, NotFound
	}
	if x.termsOf(campaign, g.Version).Currency != till.Currency {
		return total, CurrencyMismatch
	}
	total.Day = day
	if total.Sum += amount; total.Sum > till.DayCap {
		return total, TillCap
	}
	return total, OK
}

// NewRefund makes and signs a refund; till is its Key.
func (c Chain) NewRefund(expires uint64, f Refund, till Signer) []byte {
	return c.signBody(expires, &f, till)
}
