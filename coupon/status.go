package coupon

// named returns the name of an enumerated value, "?" for an unlisted one.
func named(names []string, v uint8) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "?"
}

// String returns "ACTIVE", "SUSPENDED" or "LEFT".
func (s MemberState) String() string { return named([]string{"ACTIVE", "SUSPENDED", "LEFT"}, uint8(s)) }

// String returns "ACTIVE" or "REVOKED".
func (s TillState) String() string { return named([]string{"ACTIVE", "REVOKED"}, uint8(s)) }

// String returns "PUBLISHED", "PAUSED" or "CLOSED".
func (s CampaignState) String() string {
	return named([]string{"PUBLISHED", "PAUSED", "CLOSED"}, uint8(s))
}

// String returns "HELD", "GIFTED" or "REDEEMED".
func (s CouponStatus) String() string { return named([]string{"HELD", "GIFTED", "REDEEMED"}, uint8(s)) }

// String returns "ACCRUED" or "VOIDED".
func (s RedemptionState) String() string { return named([]string{"ACCRUED", "VOIDED"}, uint8(s)) }

// String returns "USED" or "FACE".
func (r Reimburse) String() string { return named([]string{"USED", "FACE"}, uint8(r)) }

// String returns "none", "gift" or "trade".
func (m TransferMode) String() string { return named([]string{"none", "gift", "trade"}, uint8(m)) }

// String returns "transferred", "refreshed", "offered", "accepted" or "taken_back".
func (c TransferCase) String() string {
	return named([]string{"transferred", "refreshed", "offered", "accepted", "taken_back"}, uint8(c))
}

// Names of derived states, which no row stores (rules 3.2). The stored ones keep the
// names of their types.
const (
	StatusExpired   = "EXPIRED"
	StatusExhausted = "EXHAUSTED"
	StatusEnded     = "ENDED"
	StatusFinal     = "FINAL"
)

// StatusAt returns what a coupon is at the time now: HELD, GIFTED, REDEEMED or
// EXPIRED. A gift whose time is over is HELD; a coupon that is both used up and
// past its end is REDEEMED. t are the terms of its own version.
func (c *Coupon) StatusAt(t *Terms, g *Campaign, now uint64) string {
	at := c.At(now)
	if at.Status != Redeemed && now >= Until(&at, t, g) {
		return StatusExpired
	}
	return at.Status.String()
}

// StatusAt returns what a campaign is at the time now: ENDED, its stored state if
// PAUSED or CLOSED, EXHAUSTED if it has no serial or no budget for one coupon
// more, else PUBLISHED. t are its current terms.
func (g *Campaign) StatusAt(t *Terms, now uint64) string {
	switch {
	case now >= End(t, g):
		return StatusEnded
	case g.State != CampaignPublished:
		return g.State.String()
	case g.Issued >= t.MaxSupply || g.Committed > t.Budget || t.Budget-g.Committed < t.Liability():
		return StatusExhausted
	}
	return g.State.String()
}

// StatusAt returns what a redemption is at the time now: VOIDED, FINAL or
// ACCRUED.
func (r *Redemption) StatusAt(now uint64) string {
	if r.State == Accrued && now >= r.FinalAt {
		return StatusFinal
	}
	return r.State.String()
}
