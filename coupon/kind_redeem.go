package coupon

import (
	"crypto/sha256"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindRedeem is the kind of Redeem.
const KindRedeem Kind = 10

// EventRedemptionAccrued says that a coupon was redeemed.
const EventRedemptionAccrued EventType = 14

// Sizes of the objects in a Redeem, in bytes.
const (
	InvoiceSize     = 96
	AuthInvoiceSize = 93
	AuthShowSize    = 63
)

var redeemKind = kindSpec{
	name:    "Redeem",
	since:   Version1,
	decode:  func(d decoder) Fields { return &Redeem{Invoice: d.invoice(), Auth: d.auth()} },
	witness: byKeys,
	further: 2,
	receipt: []Part{PartCoupon, PartRedemption, PartValue, PartPayable, PartBefore, PartAfter, PartUsesLeft, PartFinalAt},
	events:  []eventSpec{{EventRedemptionAccrued, "redemption.accrued"}},
	tally:   TallyRedeem,
}

// Redeem takes value from a coupon at a till.
type Redeem struct {
	Invoice Invoice
	Auth    Auth
}

// Invoice is a till's signed statement of facts about a bill (rules 3.5). Campaign 0
// is good for any coupon.
type Invoice struct {
	TillKey    [32]byte
	Campaign   uint32
	Currency   uint16
	Basis      uint64
	Qty        uint16
	Unit       uint64
	BasketHash [32]byte
	Expires    uint64
}

// Mode says what a holder authorised: one invoice, or showing a code.
type Mode uint8

// The two modes of an authorisation (rules 3.5).
const (
	ModeInvoice Mode = iota
	ModeShow
)

// String returns "INVOICE" or "SHOW".
func (m Mode) String() string {
	if m == ModeShow {
		return "SHOW"
	}
	return "INVOICE"
}

// Auth is the holder's order to redeem. InvoiceDigest counts in ModeInvoice
// only, Merchant (0 = any of the terms) in ModeShow only. Value is exact in
// ModeInvoice and the most that may be taken in ModeShow.
type Auth struct {
	Coupon        CouponID
	Seq           uint32
	Holder        [32]byte
	Value         uint64
	Expires       uint64
	Mode          Mode
	InvoiceDigest [32]byte
	Merchant      uint16
}

// Kind returns KindRedeem.
func (*Redeem) Kind() Kind { return KindRedeem }

func (f *Redeem) appendTo(b []byte) []byte { return f.Auth.AppendTo(f.Invoice.AppendTo(b)) }

// AppendTo appends the invoice's 96 bytes, which are also its signing body.
func (v *Invoice) AppendTo(b []byte) []byte {
	b = append(b, v.TillKey[:]...)
	b = wire.AppendUint32(b, v.Campaign)
	b = wire.AppendUint16(b, v.Currency)
	b = wire.AppendUint64(b, v.Basis)
	b = wire.AppendUint16(b, v.Qty)
	b = wire.AppendUint64(b, v.Unit)
	b = append(b, v.BasketHash[:]...)
	return wire.AppendUint64(b, v.Expires)
}

// AppendTo appends the authorisation's 93 or 63 bytes, which are also its
// signing body.
func (a *Auth) AppendTo(b []byte) []byte {
	b = wire.AppendUint64(b, uint64(a.Coupon))
	b = wire.AppendUint32(b, a.Seq)
	b = append(b, a.Holder[:]...)
	b = wire.AppendUint64(b, a.Value)
	b = wire.AppendUint64(b, a.Expires)
	b = append(b, byte(a.Mode))
	if a.Mode == ModeShow {
		return wire.AppendUint16(b, a.Merchant)
	}
	return append(b, a.InvoiceDigest[:]...)
}

// Digest returns the invoice digest D("scrip/invoice/v1", invoice).
func (v *Invoice) Digest(c Chain) [32]byte {
	var buf [InvoiceSize]byte
	return c.hashOf(TagInvoice, sha256.Sum256(v.AppendTo(buf[:0])))
}

func (d decoder) invoice() Invoice {
	return Invoice{TillKey: d.Bytes32(), Campaign: d.Uint32(), Currency: d.Uint16(), Basis: d.money(),
		Qty: d.Uint16(), Unit: d.money(), BasketHash: d.Bytes32(), Expires: d.time()}
}

func (d decoder) auth() Auth {
	a := Auth{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Holder: d.Bytes32(), Value: d.money(),
		Expires: d.time(), Mode: Mode(d.Enum8(uint8(ModeShow)))}
	d.require(a.Value >= 1, "value 0")
	if a.Mode == ModeShow {
		a.Merchant = d.Uint16()
	} else {
		a.InvoiceDigest = d.Bytes32()
	}
	return a
}

// DecodeInvoice decodes the 96 bytes of an invoice; the error is E101.
func DecodeInvoice(b []byte) (Invoice, error) {
	d := newDecoder(b)
	v := d.invoice()
	return v, d.closeObject()
}

// DecodeAuth decodes the 93 or 63 bytes of an authorisation; the error is E101.
func DecodeAuth(b []byte) (Auth, error) {
	d := newDecoder(b)
	a := d.auth()
	return a, d.closeObject()
}

func (f *Redeem) expiry() (ms uint64, fixed bool) { return f.Auth.Expires, true }

func (f *Redeem) keys() [][32]byte { return [][32]byte{f.Invoice.TillKey, f.Auth.Holder} }

func (f *Redeem) signatures(c Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck {
	till := body
	if f.Auth.Mode == ModeInvoice {
		till = c.Message(TagInvoice, f.Invoice.AppendTo(make([]byte, 0, InvoiceSize)))
	}
	holder := c.Message(TagAuth, f.Auth.AppendTo(make([]byte, 0, AuthInvoiceSize)))
	return append(checks, SigCheck{f.Invoice.TillKey, till, tx.sigs[0]}, SigCheck{f.Auth.Holder, holder, tx.sigs[1]})
}

func (f *Redeem) sender(*Tx) [32]byte { return f.Invoice.TillKey }

func (f *Redeem) about() Subject { return Subject{f.Auth.Coupon.Campaign(), f.Auth.Coupon} }

// spends returns the invoice: one coupon is redeemed on it (E515).
func (f *Redeem) spends(c Chain) (id [32]byte, expires uint64) {
	return f.Invoice.Digest(c), f.Invoice.Expires
}

func (*Redeem) shown() string { return "" }

func (f *Redeem) mark() (key []byte, unused func(row []byte) bool) {
	return seqMark(f.Auth.Coupon, f.Auth.Seq)
}

func (f *Redeem) asks(n Names) string {
	return fmt.Sprintf("redeem coupon %s (sequence %d) at %s, mode %s", n.Coupon(f.Auth.Coupon), f.Auth.Seq,
		n.Till(f.Invoice.TillKey), f.Auth.Mode)
}

func (f *Redeem) execute(x *exec, tx *Tx, out *Outcome) Code {
	inv, auth := &f.Invoice, &f.Auth
	till := x.tills.get(x, inv.TillKey)
	if till == nil || !x.mayRedeem(till) {
		return KeyState
	}
	h, code := x.guard(guardGrace, auth.Coupon, auth.Holder, auth.Seq)
	if code != OK {
		return code
	}
	if code = x.checkInvoice(tx, f, &h, till); code != OK {
		return code
	}
	value, code := h.checkValue(f)
	if code != OK {
		return code
	}
	payable := h.terms.Payable(value)
	t, day := *till, uint32(x.now/dayMs)
	if t.Day != day {
		t.Day, t.DaySum = day, 0
	}
	var sum sums
	t.DaySum = sum.add(t.DaySum, max(value, payable))
	if t.DaySum > t.DayCap {
		return TillCap
	}
	return x.accrue(tx, f, &h, t, value, payable, &sum, out)
}

// mayRedeem reports whether a till may redeem now. From version 2 of the rules on its
// member must have kept the role of a merchant.
func (x *exec) mayRedeem(till *Till) bool {
	m := x.members.get(x, till.Member)
	return till.MayRedeem(m, x.now) && (x.version < Version2 || m.Roles&RoleMerchant != 0)
}

// goodAt reports whether a coupon is good at a till: of those of its campaign's current
// version, which has all the shops of its own (rules 3.21).
func (x *exec) goodAt(h *found, id CouponID, till *Till) bool {
	t := h.terms
	if h.coupon.Version != h.campaign.Version {
		t = x.termsOf(id.Campaign(), h.campaign.Version)
	}
	return t.GoodAt(till.Member, till.Store)
}

// checkInvoice makes the checks of rules 3.5 from E503 to E518.
func (x *exec) checkInvoice(tx *Tx, f *Redeem, h *found, till *Till) Code {
	inv, auth, t := &f.Invoice, &f.Auth, h.terms
	switch {
	case x.now < t.RedeemFrom:
		return NotYetValid
	case !x.goodAt(h, auth.Coupon, till),
		auth.Mode == ModeShow && auth.Merchant != 0 && auth.Merchant != till.Member:
		return MerchantNotEligible
	case x.now >= inv.Expires:
		return InvoiceExpired
	case inv.Expires-x.now > x.lifeMs:
		return LifeTooLong
	}
	if _, used := x.lookSeen(tx.spent, SeenBucket(inv.Expires)); used {
		return InvoiceUsed
	}
	if inv.Currency != t.Currency || inv.Currency != till.Currency {
		return CurrencyMismatch
	}
	if !factsFit(inv, auth.Coupon.Campaign(), t) ||
		auth.Mode == ModeInvoice && auth.InvoiceDigest != tx.spent {
		return InvoiceFacts
	}
	return OK
}

// factsFit reports whether the invoice names the campaign and the items as the
// terms need it (E518).
func factsFit(inv *Invoice, campaign uint32, t *Terms) bool {
	item := t.ValueKind.item()
	if inv.Campaign == 0 && (item || t.ProductHash != [32]byte{}) || inv.Campaign != 0 && inv.Campaign != campaign {
		return false
	}
	if !item {
		return inv.Qty == 0 && inv.Unit == 0
	}
	return inv.Qty != 0 && inv.Unit != 0 && inv.Unit <= inv.Basis/uint64(inv.Qty)
}

// checkValue makes the checks of rules 3.5 from E506 to E507 and returns the value of
// the redemption.
func (h *found) checkValue(f *Redeem) (uint64, Code) {
	inv, auth, t := &f.Invoice, &f.Auth, h.terms
	value := RuleValue(t, Use{Mode: auth.Mode, AuthValue: auth.Value, ValueLeft: h.coupon.ValueLeft,
		Basis: inv.Basis, Qty: inv.Qty, Unit: inv.Unit})
	stored, show := t.ValueKind == Stored, auth.Mode == ModeShow
	switch {
	case inv.Basis < t.MinSpend || value == 0:
		return 0, MinSpend
	case show && (t.ShowMax == 0 || value > t.ShowMax):
		return 0, ShowLimit
	case stored && !show && auth.Value > h.coupon.ValueLeft:
		return 0, InsufficientValue
	case stored && !show && auth.Value > inv.Basis,
		!stored && !show && auth.Value != value,
		!stored && show && value > auth.Value:
		return 0, ValueMismatch
	}
	return value, OK
}

// accrue makes the changes of an accepted redemption (rules 3.5).
func (x *exec) accrue(tx *Tx, f *Redeem, h *found, till Till, value, payable uint64, sum *sums, out *Outcome) Code {
	c, g, t := &h.coupon, &h.campaign, h.terms
	id, seq, before := f.Auth.Coupon, c.Seq, c.ValueLeft
	stored := t.ValueKind == Stored
	if stored {
		c.ValueLeft = sum.sub(c.ValueLeft, value)
	}
	c.UsesLeft = uint16(sum.sub(uint64(c.UsesLeft), 1))
	if c.UsesLeft == 0 || stored && c.ValueLeft == 0 {
		c.Status = Redeemed
		g.UsedUp = sum.inc(g.UsedUp)
	}
	c.Seq = sum.inc(c.Seq)
	g.Redemptions = sum.inc(g.Redemptions)
	g.Accrued = sum.add(g.Accrued, payable)
	finalAt := sum.add(x.now, t.RollbackMs)
	owed, owedID := Obligation{}, x.obligationID(finalAt, id, till.Member, sum)
	if p := x.obligations.get(x, owedID); p != nil {
		owed = *p
	}
	owed.Sum = sum.add(owed.Sum, payable)
	owed.Count = sum.inc(owed.Count)
	if sum.over {
		return Overflow
	}
	x.coupons.put(x, id, *c)
	x.campaigns.put(x, id.Campaign(), *g)
	x.tills.put(x, f.Invoice.TillKey, till)
	x.obligations.put(x, owedID, owed)
	x.redemptions.put(x, redemptionID{id, seq}, Redemption{TillKey: f.Invoice.TillKey, Member: till.Member,
		Store: till.Store, InvoiceDigest: tx.spent, Mode: f.Auth.Mode, Value: value, Payable: payable,
		At: x.now, FinalAt: finalAt})
	out.Coupon, out.Seq, out.Value, out.Payable = id, seq, value, payable
	out.Before, out.After, out.UsesLeft, out.FinalAt = before, c.ValueLeft, c.UsesLeft, finalAt
	return OK
}

func (x *exec) obligationID(finalAt uint64, id CouponID, payee uint16, sum *sums) obligationID {
	cycle := finalAt / x.m.cycleMs
	sum.over = sum.over || cycle > 1<<32-1
	return obligationID{uint32(cycle), id.Campaign(), payee}
}

// SignInvoice signs an invoice with the till key that it names.
func (c Chain) SignInvoice(v Invoice, till Signer) [64]byte {
	return till.Sign(c.Message(TagInvoice, v.AppendTo(nil)))
}

// SignAuth signs an authorisation with the holder's key.
func (c Chain) SignAuth(a Auth, holder Signer) [64]byte {
	return holder.Sign(c.Message(TagAuth, a.AppendTo(nil)))
}

// NewRedeemInvoice puts a redemption in mode INVOICE together from what till and
// holder signed. Either of them, or anybody, can submit it.
func (c Chain) NewRedeemInvoice(v Invoice, tillSig [64]byte, a Auth, holderSig [64]byte) []byte {
	return joinRedeem(c.Body(0, &Redeem{Invoice: v, Auth: a}), tillSig, holderSig)
}

// NewRedeemShow makes a redemption in mode SHOW from an authorisation that the
// till has scanned; the till signs the whole body.
func (c Chain) NewRedeemShow(v Invoice, till Signer, a Auth, holderSig [64]byte) []byte {
	body := c.Body(0, &Redeem{Invoice: v, Auth: a})
	return joinRedeem(body, c.SignTill(body, till), holderSig)
}

func joinRedeem(body []byte, tillSig, holderSig [64]byte) []byte {
	return append(append(body, tillSig[:]...), holderSig[:]...)
}
