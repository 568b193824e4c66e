package coupontest

// Kinds 8 to 11: coupons in the hands of holders and at tills.

func couponID(campaign, serial uint32) uint64 { return uint64(campaign)<<32 | uint64(serial) }

// termsOf are the terms of a coupon's own version.
func (m *Model) termsOf(id uint64) *Terms {
	terms := m.campaigns[uint32(id>>32)].versions[m.coupons[id].version]
	return &terms
}

// until is the end of holding, giving and trading (rules 3.9).
func (m *Model) until(id uint64) uint64 {
	k := m.coupons[id]
	c := m.campaigns[uint32(id>>32)]
	end := c.redeemUntil
	if life := m.termsOf(id).RelativeMs; life > 0 {
		end = min(k.claimedAt+life, c.redeemUntil)
	}
	return max(k.floor, end+c.stretchMs)
}

// pending says that a gift is offered and has not lapsed.
func (m *Model) pending(k *couponState) bool { return k.status == gifted && m.now < k.giftUntil }

// settle stores a lapsed gift as held, as every write to a coupon first does.
func (m *Model) settle(k *couponState) {
	if k.status == gifted && !m.pending(k) {
		k.status = held
	}
}

// guard is G(coupon, key, seq) of rules 3.3 e, with the additions for a transfer of a pending gift.
func (m *Model) guard(id uint64, key Key, seq uint32, grace uint64, transfer bool) *refusal {
	k := m.coupons[id]
	switch {
	case k == nil:
		return no(301, "coupon")
	case m.isStopped(uint32(id>>32)) && !m.posting:
		return no(204, "stopped")
	case k.status == redeemed:
		return no(509, "redeemed")
	case m.now >= m.until(id)+grace:
		return no(504, "expired")
	case key != k.owner && (!transfer || !m.pending(k) || key != k.giftKey):
		return no(401, "not the owner")
	case seq != k.seq:
		return no(403, "seq")
	case m.pending(k) && !transfer:
		return no(404, "gift pending")
	}
	return nil
}

// full says that a coupon's seq can grow no more.
func full(k *couponState) bool { return k.seq == 1<<32-1 }

func (m *Model) claim(t *Tx) ([]byte, string, *refusal) {
	c := m.campaigns[t.Campaign]
	b := m.batches[batchKey{t.Campaign, t.Batch}]
	id := couponID(t.Campaign, t.Serial)
	switch {
	case c == nil:
		return nil, "", no(301, "campaign")
	case b == nil:
		return nil, "", no(301, "batch")
	case b.ticketKey != t.TicketKey:
		return nil, "", no(301, "ticket key")
	case t.Serial < b.first:
		return nil, "", no(301, "below the batch")
	case uint64(t.Serial) >= uint64(b.first)+uint64(b.count):
		return nil, "", no(301, "above the batch")
	case m.isStopped(t.Campaign):
		return nil, "", no(204, "stopped")
	case c.state != published:
		return nil, "", no(204, "not published")
	case m.members[c.issuer].state != active:
		return nil, "", no(204, "issuer not active")
	case m.two != nil && m.members[c.issuer].Roles&RoleIssuer == 0:
		return nil, "", no(204, "issuer no issuer")
	case m.now < c.terms.ClaimFrom:
		return nil, "", no(307, "early")
	case m.now >= c.terms.ClaimUntil:
		return nil, "", no(307, "late")
	case m.now >= t.TicketExpires:
		return nil, "", no(307, "ticket expired")
	case m.coupons[id] != nil:
		return nil, "", no(302, "claimed")
	case c.committed+c.terms.worst() > c.terms.Budget:
		return nil, "", no(510, "budget")
	}
	holder := holderKey{t.Campaign, t.To}
	if c.terms.HolderCap > 0 && m.holders[holder] >= c.terms.HolderCap {
		return nil, "", no(304, "holder")
	}
	m.makeCoupon(id, t.To)
	return le64(append(le64(nil, id), t.To[:]...), m.until(id)), "claimed", nil
}

// makeCoupon makes a coupon of a campaign's present terms.
func (m *Model) makeCoupon(id uint64, to Key) {
	c := m.campaigns[uint32(id>>32)]
	k := &couponState{
		owner: to, version: c.version, usesLeft: c.terms.Uses, claimedAt: m.now, transfersLeft: c.terms.MaxTransfers,
	}
	if c.terms.Kind == KindStored {
		k.valueLeft = c.terms.Face
	}
	m.coupons[id] = k
	c.issued++
	c.committed += c.terms.worst()
	if c.terms.HolderCap > 0 {
		m.holders[holderKey{uint32(id >> 32), to}]++
	}
}

func (m *Model) transfer(t *Tx) ([]byte, string, *refusal) {
	if no := m.guard(t.Coupon, t.Mover, t.Seq, 0, true); no != nil {
		return nil, "", no
	}
	k := m.coupons[t.Coupon]
	var how uint8
	var why string
	var no *refusal
	next := *k
	if m.pending(k) {
		how, why, no = m.settleGift(t, &next)
	} else {
		how, why, no = m.moveHeld(t, &next)
	}
	if no == nil && full(k) {
		no = &refusal{110, "seq full"}
	}
	if no != nil {
		return nil, "", no
	}
	next.seq++
	*k = next
	tail := le32(le64(nil, t.Coupon), k.seq)
	return append(append(tail, k.owner[:]...), how), why, nil
}

// settleGift is the first half of the transfer rules: a gift is pending.
func (m *Model) settleGift(t *Tx, k *couponState) (uint8, string, *refusal) {
	if t.Mover == k.giftKey {
		switch {
		case t.GiftUntil != 0:
			return 0, "", no(409, "gift of a gift")
		case t.To == k.owner:
			k.status = held
			return 4, "taken back by the gift key", nil
		}
		k.owner, k.status = t.To, held
		k.spendTransfer()
		return 3, "accepted", nil
	}
	if t.To == k.owner && t.GiftUntil == 0 {
		k.status = held
		return 4, "taken back", nil
	}
	return 0, "", no(404, "gift pending")
}

// moveHeld is the second half: the coupon is held, and its owner moves it.
func (m *Model) moveHeld(t *Tx, k *couponState) (uint8, string, *refusal) {
	terms := m.termsOf(t.Coupon)
	m.settle(k)
	switch {
	case t.To == k.owner && t.GiftUntil == 0:
		return 1, "refreshed", nil
	case terms.Transfer == TransferNone:
		return 0, "", no(402, "not transferable")
	case k.transfersLeft == 0:
		return 0, "", no(402, "no transfer left")
	case t.GiftUntil == 0:
		k.owner = t.To
		k.spendTransfer()
		return 0, "transferred", nil
	case m.now >= t.GiftUntil:
		return 0, "", no(409, "gift past")
	case t.GiftUntil > m.now+30*dayMs:
		return 0, "", no(409, "gift too long")
	case t.To == k.owner:
		return 0, "", no(409, "gift to the owner")
	}
	k.status, k.giftKey, k.giftUntil = gifted, t.To, t.GiftUntil
	return 2, "offered", nil
}

func (k *couponState) spendTransfer() {
	if k.transfersLeft != 255 {
		k.transfersLeft--
	}
}

// ruleValue is the rule's value of rules 3.6.
func (t *Terms) ruleValue(v *Invoice, a *Auth, valueLeft uint64) uint64 {
	switch t.Kind {
	case KindAmount:
		return min(t.Face, v.Basis)
	case KindPercent:
		half := uint64(0)
		if t.Rounding == 1 {
			half = 5_000
		}
		return min(t.Ceiling, (v.Basis*uint64(t.Bps)+half)/10_000)
	case KindFreeItem:
		return min(t.Face, v.Unit)
	}
	if a.Mode == ModeInvoice {
		return a.Value
	}
	return min(a.Value, valueLeft, v.Basis)
}

func (t *Terms) goodAt(member, store uint16) bool {
	for _, s := range t.Shops {
		if s.Member == member && (s.Store == 0 || s.Store == store) {
			return true
		}
	}
	return len(t.Shops) == 0
}

// tillRefused says why a till may not act now; the right must be among those asked for.
func (m *Model) tillRefused(key Key, rights uint8) *refusal {
	k := m.tills[key]
	switch {
	case k == nil:
		return no(702, "unknown")
	case k.state == revoked:
		return no(702, "revoked")
	case m.now < k.ValidFrom:
		return no(702, "early")
	case m.now >= k.ValidUntil:
		return no(702, "late")
	case k.Rights&rights == 0:
		return no(702, "right")
	case m.members[k.Member].state != active:
		return no(702, "member not active")
	}
	return nil
}

func (m *Model) redeem(t *Tx) ([]byte, string, *refusal) {
	v, a := &t.Invoice, &t.Auth
	if no := m.tillRefused(v.TillKey, RightRedeem); no != nil {
		return nil, "", no
	}
	if m.two != nil && m.members[m.tills[v.TillKey].Member].Roles&RoleMerchant == 0 {
		return nil, "", no(702, "member no merchant")
	}
	var grace uint64
	if m.coupons[a.Coupon] != nil {
		grace = uint64(m.termsOf(a.Coupon).GraceMs)
	}
	if no := m.guard(a.Coupon, a.Holder, a.Seq, grace, false); no != nil {
		return nil, "", no
	}
	c, k, tl := m.campaigns[uint32(a.Coupon>>32)], m.coupons[a.Coupon], m.tills[v.TillKey]
	own := m.termsOf(a.Coupon)
	if no := m.redeemWhere(t, c, own, tl); no != nil {
		return nil, "", no
	}
	if no := m.redeemFacts(t, own); no != nil {
		return nil, "", no
	}
	value := own.ruleValue(v, a, k.valueLeft)
	if no := redeemValue(t, own, k, value); no != nil {
		return nil, "", no
	}
	payable := own.pays(value) + own.Fee
	day, sum := uint32(m.now/dayMs), tl.daySum
	if day != tl.day {
		sum = 0
	}
	if sum+max(value, payable) > tl.DayCap {
		return nil, "", no(517, "day cap")
	}
	if full(k) {
		return nil, "", no(110, "seq full")
	}
	tl.day, tl.daySum = day, sum+max(value, payable)
	return m.book(t, c, k, tl, value, payable)
}

func (m *Model) redeemWhere(t *Tx, c *campaign, own *Terms, tl *till) *refusal {
	v, a := &t.Invoice, &t.Auth
	used := false
	if v.Expires <= timeMax {
		_, used = m.lookup(m.invoiceDigest(t), v.Expires)
	}
	switch {
	case m.now < own.RedeemFrom:
		return no(503, "early")
	case !c.terms.goodAt(tl.Member, tl.Store):
		return no(505, "shop")
	case a.Mode == ModeShow && a.Merchant != 0 && a.Merchant != tl.Member:
		return no(505, "merchant")
	case m.now >= v.Expires:
		return no(511, "invoice expired")
	case v.Expires > m.now+m.lifeMs:
		return no(109, "invoice life")
	case used:
		return no(515, "invoice used")
	case v.Currency != own.Currency:
		return no(516, "campaign's currency")
	case v.Currency != tl.Currency:
		return no(516, "till's currency")
	}
	return nil
}

func (m *Model) redeemFacts(t *Tx, own *Terms) *refusal {
	v, a := &t.Invoice, &t.Auth
	item := own.Kind == KindFreeItem
	switch {
	case v.Campaign != 0 && v.Campaign != uint32(a.Coupon>>32):
		return no(518, "another campaign")
	case v.Campaign == 0 && own.ProductHash != [32]byte{}:
		return no(518, "products without campaign")
	case v.Campaign == 0 && item:
		return no(518, "items without campaign")
	case item && v.Qty == 0:
		return no(518, "no quantity")
	case item && v.Unit == 0:
		return no(518, "no unit")
	case item && v.Unit > v.Basis/uint64(v.Qty):
		return no(518, "unit above basis")
	case !item && v.Qty != 0:
		return no(518, "quantity")
	case !item && v.Unit != 0:
		return no(518, "unit")
	case a.Mode == ModeInvoice && a.Invoice != m.invoiceDigest(t):
		return no(518, "digest")
	}
	return nil
}

func redeemValue(t *Tx, terms *Terms, k *couponState, value uint64) *refusal {
	v, a := &t.Invoice, &t.Auth
	stored := terms.Kind == KindStored
	switch {
	case v.Basis < terms.MinSpend:
		return no(506, "min spend")
	case value == 0:
		return no(506, "nothing")
	case a.Mode == ModeShow && terms.ShowMax == 0:
		return no(519, "no show")
	case a.Mode == ModeShow && value > terms.ShowMax:
		return no(519, "show limit")
	case stored && a.Mode == ModeInvoice && a.Value > k.valueLeft:
		return no(508, "value left")
	case stored && a.Mode == ModeInvoice && a.Value > v.Basis:
		return no(507, "above basis")
	case !stored && a.Mode == ModeInvoice && a.Value != value:
		return no(507, "not the value")
	case !stored && a.Mode == ModeShow && value > a.Value:
		return no(507, "above the authorisation")
	}
	return nil
}

func (m *Model) book(t *Tx, c *campaign, k *couponState, tl *till, value, payable uint64) ([]byte, string, *refusal) {
	seq, before := k.seq, k.valueLeft
	own := m.termsOf(t.Auth.Coupon)
	m.settle(k)
	if own.Kind == KindStored {
		k.valueLeft -= value
	}
	k.usesLeft--
	k.seq++
	c.redemptions++
	why := "used"
	if k.usesLeft == 0 || own.Kind == KindStored && k.valueLeft == 0 {
		k.status = redeemed
		c.usedUp++
		why = "used up"
	}
	r := &redemption{
		tillKey: tl.Key, member: tl.Member, store: tl.Store, invoice: m.invoiceDigest(t), mode: t.Auth.Mode,
		value: value, payable: payable, at: m.now, finalAt: m.now + own.RollbackMs,
	}
	m.redemptions[redemptionKey{t.Auth.Coupon, seq}] = r
	c.accrued += payable
	bucketKey := m.obligationOf(t.Auth.Coupon, r)
	if m.obligations[bucketKey] == nil {
		m.obligations[bucketKey] = &obligation{}
	}
	m.obligations[bucketKey].sum += payable
	m.obligations[bucketKey].count++
	tail := le64(le64(le32(le64(nil, t.Auth.Coupon), seq), value), payable)
	tail = le16(le64(le64(tail, before), k.valueLeft), k.usesLeft)
	names := []string{"amount", "percent", "item", "stored"}
	modes := []string{" by invoice ", " by show "}
	return le64(tail, r.finalAt), names[own.Kind] + modes[t.Auth.Mode] + why, nil
}

func (m *Model) obligationOf(coupon uint64, r *redemption) obligationKey {
	return obligationKey{uint32(r.finalAt / m.cycleMs), uint32(coupon >> 32), r.member}
}

func (m *Model) void(t *Tx) ([]byte, string, *refusal) {
	if no := m.tillRefused(t.Key, RightVoidOwn|RightVoidAny); no != nil {
		return nil, "", no
	}
	tl, r := m.tills[t.Key], m.redemptions[redemptionKey{t.Coupon, t.Seq}]
	switch {
	case r == nil:
		return nil, "", no(301, "redemption")
	case r.member != tl.Member:
		return nil, "", no(106, "another member's")
	case tl.Rights&RightVoidAny == 0 && r.tillKey != t.Key:
		return nil, "", no(106, "another till's")
	case r.state == voided:
		return nil, "", no(512, "voided")
	case m.now >= r.finalAt:
		return nil, "", no(513, "final")
	}
	counted := m.two != nil && r.tillKey != t.Key
	if counted {
		if no := m.givesBack(t.Key, t.Coupon, max(r.value, r.payable)); no != nil {
			return nil, "", no
		}
	}
	c, k := m.campaigns[uint32(t.Coupon>>32)], m.coupons[t.Coupon]
	own := m.termsOf(t.Coupon)
	if full(k) {
		return nil, "", no(110, "seq full")
	}
	if counted {
		m.giveBack(t.Key, max(r.value, r.payable))
	}
	why := "of a held coupon"
	m.settle(k)
	switch k.status {
	case redeemed:
		k.status = held
		c.usedUp--
		why = "of a redeemed coupon"
	case gifted:
		why = "of a gift"
	}
	k.usesLeft++
	if own.Kind == KindStored {
		k.valueLeft += r.value
	}
	k.seq++
	if m.until(t.Coupon) < m.now+dayMs {
		lastUse := c.redeemUntil + c.stretchMs + uint64(own.GraceMs) + own.RollbackMs + dayMs
		why += ", revived"
		if lastUse < m.now+dayMs {
			why += " to the last use"
		}
		k.floor = min(m.now+dayMs, lastUse)
	}
	r.state = voided
	c.voids++
	c.accrued -= r.payable
	key := m.obligationOf(t.Coupon, r)
	m.obligations[key].sum -= r.payable
	m.obligations[key].count--
	if m.obligations[key].count == 0 {
		delete(m.obligations, key)
	}
	tail := le64(le32(le64(nil, t.Coupon), t.Seq), r.value)
	return le64(tail, m.until(t.Coupon)), why, nil
}
