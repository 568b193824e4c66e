package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindVoid is the kind of Void.
const KindVoid Kind = 11

// EventRedemptionVoided says that a redemption was undone.
const EventRedemptionVoided EventType = 15

var voidKind = kindSpec{
	name:  "Void",
	since: Version1,
	decode: func(d decoder) Fields {
		return &Void{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Key: d.Bytes32()}
	},
	witness: byKeys,
	further: 1,
	receipt: []Part{PartCoupon, PartRedemption, PartGivenBack, PartUntil},
	events:  []eventSpec{{EventRedemptionVoided, "redemption.voided"}},
	tally:   TallyVoid,
}

// Void undoes the redemption (Coupon, Seq), signed by the till key Key.
type Void struct {
	Coupon CouponID
	Seq    uint32
	Key    [32]byte
}

// Kind returns KindVoid.
func (*Void) Kind() Kind { return KindVoid }

func (f *Void) appendTo(b []byte) []byte {
	b = wire.AppendUint64(b, uint64(f.Coupon))
	b = wire.AppendUint32(b, f.Seq)
	return append(b, f.Key[:]...)
}

func (*Void) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *Void) keys() [][32]byte { return [][32]byte{f.Key} }

func (f *Void) signatures(_ Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck {
	return append(checks, SigCheck{f.Key, body, tx.sigs[0]})
}

func (f *Void) sender(*Tx) [32]byte { return f.Key }

func (f *Void) about() Subject { return Subject{f.Coupon.Campaign(), f.Coupon} }

func (*Void) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*Void) shown() string { return "" }

func (f *Void) mark() (key []byte, unused func(row []byte) bool) {
	return RedemptionKey(f.Coupon, f.Seq), func(row []byte) bool {
		r, err := DecodeRedemption(row)
		return len(row) == 0 || err == nil && r.State == Accrued
	}
}

func (f *Void) asks(n Names) string {
	return fmt.Sprintf("undo redemption %d of coupon %s", f.Seq, n.Coupon(f.Coupon))
}

func (f *Void) execute(x *exec, _ *Tx, out *Outcome) Code {
	till := x.tills.get(x, f.Key)
	if till == nil || !till.Live(x.now) || !x.memberActive(till.Member) ||
		till.Rights&(RightVoidOwn|RightVoidAny) == 0 {
		return KeyState
	}
	p := x.redemptions.get(x, redemptionID{f.Coupon, f.Seq})
	if p == nil {
		return NotFound
	}
	if till.Member != p.Member || till.Rights&RightVoidAny == 0 && p.TillKey != f.Key {
		return NotAuthorised
	}
	if p.State == Voided {
		return AlreadyVoided
	}
	if x.now >= p.FinalAt {
		return RollbackWindow
	}
	if x.version < Version2 || p.TillKey == f.Key {
		return x.giveBack(f, *p, out)
	}
	given, code := x.giveBackToday(f.Key, till, f.Coupon.Campaign(), max(p.Value, p.Payable))
	if code != OK {
		return code
	}
	if code = x.giveBack(f, *p, out); code == OK {
		x.givenBack.put(x, f.Key, given)
	}
	return code
}

// giveBack makes the changes of an accepted void (rules 3.10).
func (x *exec) giveBack(f *Void, r Redemption, out *Outcome) Code {
	var sum sums
	owedID := x.obligationID(r.FinalAt, f.Coupon, r.Member, &sum)
	cp, gp, op := x.coupons.get(x, f.Coupon), x.campaigns.get(x, f.Coupon.Campaign()), x.obligations.get(x, owedID)
	if cp == nil || gp == nil || op == nil {
		x.damaged("redemption (%d, %d) has no coupon, campaign or obligation", f.Coupon, f.Seq)
		return NotFound
	}
	c, g, owed := cp.At(x.now), *gp, *op
	t := x.termsOf(f.Coupon.Campaign(), c.Version)
	c.UsesLeft++
	if t.ValueKind == Stored {
		c.ValueLeft = sum.add(c.ValueLeft, r.Value)
	}
	if c.Status == Redeemed {
		c.Status = Held
		g.UsedUp = sum.dec(g.UsedUp)
	}
	c.Seq = sum.inc(c.Seq)
	if at := x.now + VoidExtensionMs; Until(&c, t, &g) < at {
		c.Floor = min(at, LastUse(t, &g))
	}
	g.Voids = sum.inc(g.Voids)
	g.Accrued = sum.sub(g.Accrued, r.Payable)
	owed.Sum = sum.sub(owed.Sum, r.Payable)
	owed.Count = sum.dec(owed.Count)
	if sum.over {
		return Overflow
	}
	r.State = Voided
	x.coupons.put(x, f.Coupon, c)
	x.campaigns.put(x, f.Coupon.Campaign(), g)
	x.redemptions.put(x, redemptionID{f.Coupon, f.Seq}, r)
	if owed.Count == 0 {
		x.obligations.remove(x, owedID)
	} else {
		x.obligations.put(x, owedID, owed)
	}
	out.Coupon, out.Seq, out.Value, out.Until = f.Coupon, f.Seq, r.Value, Until(&c, t, &g)
	return OK
}

// NewVoid makes and signs a void; till is its Key.
func (c Chain) NewVoid(expires uint64, f Void, till Signer) []byte {
	return c.signBody(expires, &f, till)
}
