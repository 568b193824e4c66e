package coupon

import "fmt"

// KindTrade is the kind of Trade.
const KindTrade Kind = 15

// EventCouponTraded says that a coupon has a new owner by a trade.
const EventCouponTraded EventType = 16

var tradeKind = kindSpec{
	name:    "Trade",
	since:   Version2,
	decode:  func(d decoder) Fields { return d.trade() },
	witness: byKeys,
	further: 3,
	receipt: []Part{PartCoupon, PartSeq, PartOwner, PartOther, PartOtherSeq, PartOtherOwn, PartPrice, PartCurrency,
		PartPayer},
	events: []eventSpec{{EventCouponTraded, "coupon.traded"}},
	which: func(o *Outcome) (event, times int) {
		if o.Other != 0 {
			return 0, 2 // the offered coupon first
		}
		return 0, 1
	},
	tally: TallyOther,
}

// Trade carries out an offer that was accepted: coupon for coupon, or coupon for money
// whose payment a payment member attests (rules 3.22). Pay and PayKey count for money.
type Trade struct {
	Offer  Offer
	Accept Accept
	Pay    Pay
	PayKey [32]byte
}

// Kind returns KindTrade.
func (*Trade) Kind() Kind { return KindTrade }

func (f *Trade) money() bool { return f.Offer.Ask == AskMoney }

func (f *Trade) appendTo(b []byte) []byte {
	b = f.Accept.AppendTo(f.Offer.AppendTo(b))
	if f.money() {
		b = append(f.Pay.AppendTo(b), f.PayKey[:]...)
	}
	return b
}

func (d decoder) trade() *Trade {
	f := &Trade{Offer: d.offer(), Accept: d.accept()}
	if !f.money() {
		d.require(f.Accept.Coupon != 0 && f.Accept.Coupon != f.Offer.Coupon, "a swap is of two coupons")
		return f
	}
	f.Pay, f.PayKey = d.pay(), d.Bytes32()
	d.require(f.Accept.Coupon == 0 && f.Accept.Seq == 0, "a coupon and money for one coupon")
	ask := &f.Offer.Money
	d.require(f.Pay.Price == ask.Price && f.Pay.Currency == ask.Currency && f.Pay.Member == ask.Payer,
		"the payment is not what was asked for")
	return f
}

// agrees reports whether the acceptance is of the offer, and the payment for it.
func (f *Trade) agrees(c Chain) bool {
	return f.Accept.Offer == f.Offer.Digest(c) && (!f.money() || f.Pay.Subject == f.Accept.Digest(c))
}

func (f *Trade) expiry() (ms uint64, fixed bool) { return f.Accept.Expires, true }

func (f *Trade) keys() [][32]byte {
	list := append(f.Offer.keys(), f.Accept.Buyer, f.Accept.To)
	if f.money() {
		list = append(list, f.PayKey)
	}
	return list
}

// further counts seller, buyer and, for money, the payment key.
func (f *Trade) further() int {
	if f.money() {
		return 3
	}
	return 2
}

func (f *Trade) signatures(c Chain, tx *Tx, _ []byte, checks []SigCheck) []SigCheck {
	checks = append(checks, SigCheck{f.Offer.Seller, c.Message(TagOffer, f.Offer.AppendTo(nil)), tx.sigs[0]},
		SigCheck{f.Accept.Buyer, c.Message(TagAccept, f.Accept.AppendTo(nil)), tx.sigs[1]})
	if f.money() {
		checks = append(checks, SigCheck{f.PayKey, c.Message(TagPay, f.Pay.AppendTo(nil)), tx.sigs[2]})
	}
	return checks
}

// sender returns the seller, who owns a coupon: a buyer's key may be new.
func (f *Trade) sender(*Tx) [32]byte { return f.Offer.Seller }

func (f *Trade) about() Subject { return Subject{f.Offer.Coupon.Campaign(), f.Offer.Coupon} }

// spends returns the payment: one coupon is sold for it (E412).
func (f *Trade) spends(c Chain) (id [32]byte, expires uint64) {
	if !f.money() {
		return id, 0
	}
	return f.Pay.Digest(c), f.Pay.Expires
}

func (*Trade) shown() string { return "" }

func (f *Trade) mark() (key []byte, unused func(row []byte) bool) {
	return seqMark(f.Offer.Coupon, f.Offer.Seq)
}

func (f *Trade) asks(n Names) string {
	if f.money() {
		return fmt.Sprintf("sell coupon %s (sequence %d) to %s for %d of currency %d, paid through %s",
			n.Coupon(f.Offer.Coupon), f.Offer.Seq, n.Holder(f.Accept.To), f.Pay.Price, f.Pay.Currency,
			n.Member(f.Pay.Member))
	}
	return fmt.Sprintf("give coupon %s to %s for coupon %s (sequence %d)", n.Coupon(f.Accept.Coupon),
		n.Holder(f.Offer.Swap.Get), n.Coupon(f.Offer.Coupon), f.Offer.Seq)
}

func (f *Trade) execute(x *exec, tx *Tx, out *Outcome) Code {
	o, a := &f.Offer, &f.Accept
	if x.now >= o.Expires || o.Buyer != [32]byte{} && o.Buyer != a.Buyer || a.Buyer == o.Seller {
		return OfferGone
	}
	sold, code := x.guard(0, o.Coupon, o.Seller, o.Seq)
	if code != OK {
		return code
	}
	if !sold.tradable() {
		return NotTransferable
	}
	if f.money() {
		return x.sell(f, tx, &sold, out)
	}
	given, code := x.guard(0, a.Coupon, a.Buyer, a.Seq)
	switch {
	case code != OK:
		return code
	case !given.tradable():
		return NotTransferable
	case !o.Swap.takes(a.Coupon, &given):
		return SwapTerms
	case !sold.pass(a.To) || !given.pass(o.Swap.Get):
		return Overflow
	}
	x.coupons.put(x, o.Coupon, sold.coupon)
	x.coupons.put(x, a.Coupon, given.coupon)
	out.Coupon, out.Seq, out.Owner = o.Coupon, sold.coupon.Seq, a.To
	out.Other, out.OtherSeq, out.OtherOwner = a.Coupon, given.coupon.Seq, o.Swap.Get
	return OK
}

// tradable reports whether the terms let the coupon be traded once more.
func (h *found) tradable() bool {
	return h.terms.Transfer == TransferTrade && h.coupon.TransfersLeft > 0
}

// pass gives the coupon to a new owner; false if its sequence number is at its end.
func (h *found) pass(to [32]byte) bool {
	c := &h.coupon
	if c.Seq == 1<<32-1 {
		return false
	}
	c.Owner = to
	c.Seq++
	if c.TransfersLeft != TransfersUnlimited {
		c.TransfersLeft--
	}
	return true
}

// takes reports whether a coupon is what the seller wants.
func (w *SwapAsk) takes(id CouponID, h *found) bool {
	c := &h.coupon
	return id.Campaign() == w.Campaign && (w.Coupon == 0 || w.Coupon == id) && c.UsesLeft >= w.MinUses &&
		c.ValueLeft >= w.MinValue && Until(c, h.terms, &h.campaign) >= w.MinUntil && c.Version >= w.MinVersion
}

// ResaleCeiling returns the highest price at which the terms let a coupon be sold
// (rules 3.22): a share of what it can still give, rounded down.
func ResaleCeiling(t *Terms, c *Coupon) uint64 {
	worth := c.ValueLeft
	if t.ValueKind != Stored {
		worth = uint64(c.UsesLeft) * max(t.Face, t.Ceiling)
	}
	return min(MoneyMax, worth) * uint64(t.ResaleBps) / uint64(BpsMax)
}

// sell carries out a sale for money.
func (x *exec) sell(f *Trade, tx *Tx, sold *found, out *Outcome) Code {
	p := &f.Pay
	if p.Price > ResaleCeiling(sold.terms, &sold.coupon) {
		return PriceAboveCeiling
	}
	if p.Currency != sold.terms.Currency {
		return CurrencyMismatch
	}
	key, code := x.takePayment(tx, p, f.PayKey)
	if code != OK {
		return code
	}
	if !sold.pass(f.Accept.To) {
		return Overflow
	}
	x.coupons.put(x, f.Offer.Coupon, sold.coupon)
	x.services.put(x, f.PayKey, key)
	out.Coupon, out.Seq, out.Owner = f.Offer.Coupon, sold.coupon.Seq, f.Accept.To
	out.Price, out.Currency, out.Payer = p.Price, p.Currency, p.Member
	return OK
}

// takePayment judges an attestation and returns the key with the price in its day's sum.
func (x *exec) takePayment(tx *Tx, p *Pay, payKey [32]byte) (ServiceKey, Code) {
	var none ServiceKey
	row, m := x.services.get(x, payKey), x.members.get(x, p.Member)
	if row == nil || !row.live(p.Member, x.now) || m == nil || m.State != MemberActive || m.Roles&RolePayment == 0 ||
		x.now >= p.Expires {
		return none, PaymentNotAttested
	}
	if row.Currency != p.Currency {
		return none, CurrencyMismatch
	}
	if p.Expires-x.now > x.lifeMs {
		return none, LifeTooLong
	}
	if _, used := x.lookSeen(tx.spent, SeenBucket(p.Expires)); used {
		return none, PaymentUsed
	}
	key, day := *row, uint32(x.now/dayMs)
	if key.Day != day {
		key.Day, key.DaySum = day, 0
	}
	if key.DaySum += p.Price; key.DaySum > key.DayCap {
		return none, TillCap
	}
	return key, OK
}

// NewTrade puts a trade together from what seller, buyer and, for money, the payment
// member signed. Anybody can submit it, and nobody can change it.
func (c Chain) NewTrade(f *Trade, sellerSig, buyerSig, paySig [64]byte) []byte {
	b := append(append(c.Body(0, f), sellerSig[:]...), buyerSig[:]...)
	if f.money() {
		b = append(b, paySig[:]...)
	}
	return b
}
