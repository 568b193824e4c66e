package coupon

import "fmt"

// termsOf returns the terms of a campaign's version, which exist whenever the
// campaign does. If they are missing the state is damaged: that is recorded and
// empty terms are returned.
func (x *exec) termsOf(campaign uint32, version uint16) *Terms {
	if t := x.terms.get(x, termsID{campaign, version}); t != nil {
		return t
	}
	x.damaged("campaign %d has no terms of version %d", campaign, version)
	return &Terms{}
}

// damaged records that a row which must exist does not.
func (x *exec) damaged(format string, args ...any) {
	if x.err == nil {
		x.err = fmt.Errorf("coupon: state: "+format, args...)
	}
}

func (x *exec) memberActive(id uint16) bool {
	m := x.members.get(x, id)
	return m != nil && m.State == MemberActive
}

func (x *exec) claim(f *Claim, out *Outcome) Code {
	tk := &f.Ticket
	p := x.campaigns.get(x, tk.Campaign)
	if p == nil {
		return NotFound
	}
	batch := x.batches.get(x, batchID{tk.Campaign, tk.Batch})
	if batch == nil || batch.TicketKey != f.TicketKey || !batch.holds(tk.Serial) {
		return NotFound
	}
	if p.State != CampaignPublished || !x.memberActive(p.Issuer) {
		return CampaignNotActive
	}
	t := x.termsOf(tk.Campaign, p.Version)
	if x.now < t.ClaimFrom || x.now >= t.ClaimUntil || x.now >= tk.Expires {
		return ClaimWindow
	}
	id := NewCouponID(tk.Campaign, tk.Serial)
	if x.coupons.get(x, id) != nil {
		return AlreadyClaimed
	}
	var sum sums
	g := *p
	g.Committed = sum.add(g.Committed, t.Liability())
	if g.Committed > t.Budget {
		return BudgetExhausted
	}
	holder, claims := holderID{tk.Campaign, f.To}, uint16(0)
	if t.HolderCap > 0 {
		if n := x.holders.get(x, holder); n != nil {
			claims = *n
		}
		if claims >= t.HolderCap {
			return HolderLimit
		}
	}
	if g.Issued = sum.inc(g.Issued); sum.over {
		return Overflow
	}
	c := Coupon{Owner: f.To, Version: g.Version, UsesLeft: t.Uses, ClaimedAt: x.now, TransfersLeft: t.MaxTransfers}
	if t.ValueKind == Stored {
		c.ValueLeft = t.Face
	}
	if t.HolderCap > 0 {
		x.holders.put(x, holder, claims+1)
	}
	x.coupons.put(x, id, c)
	x.campaigns.put(x, tk.Campaign, g)
	out.Coupon, out.Owner, out.Until = id, f.To, Until(&c, t, &g)
	return OK
}

// found is a coupon that passed the guard, with its campaign and terms.
type found struct {
	coupon   Coupon // a copy, as it is at the block's time
	campaign Campaign
	terms    *Terms
}

// guard is G of 3.3 e. For a Transfer, a pending gift also takes its gift key in
// place of the owner, and does not give E404; for a Redeem the coupon is good
// for grace_ms longer.
func (x *exec) guard(kind Kind, id CouponID, key [32]byte, seq uint32) (h found, code Code) {
	p := x.coupons.get(x, id)
	if p == nil {
		return h, NotFound
	}
	g := x.campaigns.get(x, id.Campaign())
	if g == nil {
		x.damaged("coupon %d has no campaign", id)
		return h, NotFound
	}
	h = found{coupon: p.At(x.now), campaign: *g, terms: x.termsOf(id.Campaign(), p.Version)}
	c := &h.coupon
	end := Until(c, h.terms, &h.campaign)
	if kind == KindRedeem {
		end += uint64(h.terms.GraceMs)
	}
	giftOpen := kind == KindTransfer && c.Status == Gifted
	switch {
	case c.Status == Redeemed:
		return h, AlreadyRedeemed
	case x.now >= end:
		return h, Expired
	case key != c.Owner && !(giftOpen && key == c.GiftKey):
		return h, NotOwner
	case seq != c.Seq:
		return h, StaleSeq
	case c.Status != Held && !giftOpen:
		return h, WrongState
	}
	return h, OK
}

func (x *exec) transfer(f *Transfer, out *Outcome) Code {
	h, code := x.guard(KindTransfer, f.Coupon, f.Mover, f.Seq)
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

// endGift accepts or takes back a pending gift (3.3).
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

// move refreshes, transfers or offers a HELD coupon (3.3).
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
