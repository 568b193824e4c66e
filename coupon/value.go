package coupon

// Use is what a value rule looks at (rules 3.5, 3.6): how the holder authorised, the
// most or exact value it authorised, what the coupon holds (STORED), and the
// till's facts.
type Use struct {
	Mode      Mode
	AuthValue uint64
	ValueLeft uint64
	Basis     uint64
	Qty       uint16
	Unit      uint64
}

// RuleValue returns the value that the terms give on a bill, in minor units; 0
// means that the rule gives nothing (E506). For STORED in INVOICE mode it is the
// authorised value itself; whether the coupon holds it and the bill needs it are
// checks of their own (E508, E507). Wallets and tills call it to show the value
// that a redemption will have.
func RuleValue(t *Terms, u Use) uint64 {
	switch t.ValueKind {
	case Amount:
		return min(t.Face, u.Basis)
	case Percent:
		return min(t.Ceiling, t.pct(u.Basis))
	case FreeItem:
		return min(t.Face, u.Unit)
	case Stored:
		if u.Mode == ModeInvoice {
			return u.AuthValue
		}
		return min(u.AuthValue, u.ValueLeft, u.Basis)
	}
	return 0
}

// pct is exact for x <= MoneyMax: the product is at most 10^19.
func (t *Terms) pct(x uint64) uint64 {
	x *= uint64(t.Bps)
	if t.Rounding == 1 {
		x += 5000
	}
	return x / 10000
}

// Payable returns what the funders owe the merchant for a use of this value:
// R(value) + fee (rules 3.2).
func (t *Terms) Payable(value uint64) uint64 { return t.reimbursed(value) + t.Fee }

func (t *Terms) reimbursed(value uint64) uint64 {
	if t.Reimburse == ReimburseFace {
		return t.Face
	}
	return value * uint64(t.ReimburseBps) / 10000
}

// UseLiability returns Lmax, the most that one use can cost the funders.
func (t *Terms) UseLiability() uint64 {
	if t.ValueKind == Percent || t.ValueKind >= FixedPrice {
		return t.Payable(t.Ceiling)
	}
	return t.Payable(t.Face)
}

// Liability returns L, the most that one coupon can cost the funders over all
// its uses. It cannot overflow: 1000 uses of at most 2 * MoneyMax.
func (t *Terms) Liability() uint64 {
	if t.ValueKind == Stored {
		return t.reimbursed(t.Face) + uint64(t.Uses)*t.Fee
	}
	return uint64(t.Uses) * t.UseLiability()
}

// FunderShares returns what each funder locks for the budget: the rounded-down
// share for each but the first, the rest for the first (rules 3.11).
func (t *Terms) FunderShares() []uint64 {
	shares := make([]uint64, len(t.Funders))
	rest := t.Budget
	for i := 1; i < len(shares); i++ {
		shares[i] = t.Budget * uint64(t.Funders[i].ShareBps) / 10000
		rest -= shares[i]
	}
	if len(shares) > 0 {
		shares[0] = rest
	}
	return shares
}

// ClipBasis returns the smallest basis that gives the same value as basis, so
// that large bills stay private (rules 3.5). A till should state it in place of basis.
func ClipBasis(t *Terms, basis uint64, qty uint16, unit uint64) uint64 {
	point := t.Face
	switch {
	case t.ValueKind == Percent && t.Bps > 0:
		point = (t.Ceiling*10000 + uint64(t.Bps) - 1) / uint64(t.Bps)
	case t.ValueKind.item():
		if qty > 0 && unit > basis/uint64(qty) {
			return basis
		}
		point = uint64(qty) * unit
	}
	return min(basis, max(t.MinSpend, point))
}

// Until returns the instant at which holding, giving and trading of a coupon
// end (rules 3.9), in Unix milliseconds. Redeeming ends at Until + grace. t are the
// terms of the coupon's own version.
func Until(c *Coupon, t *Terms, g *Campaign) uint64 {
	end := g.RedeemUntil
	if t.RelativeMs != 0 {
		end = min(end, c.ClaimedAt+t.RelativeMs)
	}
	return max(c.Floor, end+g.StretchMs)
}

// LastUse returns the instant beyond which no void moves a coupon's end (rules 3.9).
func LastUse(t *Terms, g *Campaign) uint64 {
	return g.RedeemUntil + g.StretchMs + uint64(t.GraceMs) + t.RollbackMs + VoidExtensionMs
}

// End returns the instant from which nothing of a campaign can change (rules 3.9).
func End(t *Terms, g *Campaign) uint64 {
	return LastUse(t, g) + uint64(t.GraceMs) + t.RollbackMs
}
