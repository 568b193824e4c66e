package coupon

func (x *exec) redeem(tx *Tx, f *Redeem, out *Outcome) Code {
	inv, auth := &f.Invoice, &f.Auth
	till := x.tills.get(x, inv.TillKey)
	if till == nil || !till.MayRedeem(x.members.get(x, till.Member), x.now) {
		return KeyState
	}
	h, code := x.guard(KindRedeem, auth.Coupon, auth.Holder, auth.Seq)
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

// checkInvoice makes the checks of 3.5 from E503 to E518.
func (x *exec) checkInvoice(tx *Tx, f *Redeem, h *found, till *Till) Code {
	inv, auth, t := &f.Invoice, &f.Auth, h.terms
	switch {
	case x.now < t.RedeemFrom:
		return NotYetValid
	case !t.GoodAt(till.Member, till.Store),
		auth.Mode == ModeShow && auth.Merchant != 0 && auth.Merchant != till.Member:
		return MerchantNotEligible
	case x.now >= inv.Expires:
		return InvoiceExpired
	case inv.Expires-x.now > x.m.lifeMs:
		return LifeTooLong
	}
	if _, used := x.lookSeen(tx.invoiceDigest, SeenBucket(inv.Expires)); used {
		return InvoiceUsed
	}
	if inv.Currency != t.Currency || inv.Currency != till.Currency {
		return CurrencyMismatch
	}
	if !factsFit(inv, auth.Coupon.Campaign(), t) ||
		auth.Mode == ModeInvoice && auth.InvoiceDigest != tx.invoiceDigest {
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

// checkValue makes the checks of 3.5 from E506 to E507 and returns the value of
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

// accrue makes the changes of an accepted redemption (3.5).
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
		Store: till.Store, InvoiceDigest: tx.invoiceDigest, Mode: f.Auth.Mode, Value: value, Payable: payable,
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

func (x *exec) void(f *Void, out *Outcome) Code {
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
	return x.giveBack(f, *p, out)
}

// giveBack makes the changes of an accepted void (3.10).
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
