package coupontest

import (
	"bytes"
	"slices"
)

// kind2 are the kinds of version 2.
func (m *Model) kind2(t *Tx) ([]byte, string, *refusal) {
	switch t.Kind {
	case KindAmend:
		return m.amend(t)
	case KindIssue:
		return m.issue(t)
	case KindTrade:
		return m.trade(t)
	case KindOfferPost:
		return m.offerPost(t)
	case KindRefund:
		return m.refund(t)
	case KindCycleClose:
		return m.cycleClose(t)
	case KindPosted:
		return m.posted(t)
	case KindConfirmed:
		return m.confirmed(t)
	case KindServiceAdd:
		return m.serviceAdd(t)
	case KindServiceRevoke:
		return m.serviceRevoke(t)
	case KindPropose:
		return m.propose(t)
	case KindVote:
		return m.vote(t)
	case KindSeatKey:
		return m.seatKey(t)
	case KindSeatReady:
		return m.seatReady(t)
	case KindEvidence:
		return m.evidence(t)
	}
	return m.memberKeys(t)
}

// signedAnyState is rules 3.3 d for who may act in any state.
func (m *Model) signedAnyState(t *Tx, id uint16) *refusal {
	actor := m.members[id]
	if actor == nil {
		return no(106, "member unknown")
	}
	for _, e := range t.Members {
		switch {
		case e.Member != id:
			return no(106, "signer not required")
		case !slices.Contains(actor.Keys, e.Key):
			return no(106, "not an admin key")
		}
	}
	if len(t.Members) < int(actor.Threshold) {
		return no(701, "quorum")
	}
	return nil
}

// tradable says that the terms allow one more trade of a coupon.
func (m *Model) tradable(id uint64) *refusal {
	switch {
	case m.termsOf(id).Transfer != TransferTrade:
		return no(402, "not tradable")
	case m.coupons[id].transfersLeft == 0:
		return no(402, "no transfer left")
	}
	return nil
}

// ceiling is the highest price of rules 3.22, step 4 MONEY.
func (m *Model) ceiling(id uint64) uint64 {
	terms, k := m.termsOf(id), m.coupons[id]
	var worth uint64
	switch terms.Kind {
	case KindStored:
		worth = k.valueLeft
	case KindPercent:
		worth = uint64(k.usesLeft) * terms.Ceiling
	default:
		worth = uint64(k.usesLeft) * terms.Face
	}
	return min(moneyMax, worth) * uint64(terms.ResaleBps) / 10_000
}

func (m *Model) trade(t *Tx) ([]byte, string, *refusal) {
	o, a := &t.Offer, &t.Accept
	switch {
	case m.now >= o.Expires:
		return nil, "", no(406, "over")
	case o.Buyer != Key{} && o.Buyer != a.Buyer:
		return nil, "", no(406, "for another")
	case a.Buyer == o.Seller:
		return nil, "", no(406, "with itself")
	}
	if no := m.guard(o.Coupon, o.Seller, o.Seq, 0, false); no != nil {
		return nil, "", no
	}
	if no := m.tradable(o.Coupon); no != nil {
		return nil, "", no
	}
	if o.Ask == 1 {
		return m.sell(t)
	}
	if no := m.guard(a.Coupon, a.Buyer, a.Seq, 0, false); no != nil {
		return nil, "", no
	}
	if no := m.tradable(a.Coupon); no != nil {
		return nil, "", no
	}
	given := m.coupons[a.Coupon]
	switch {
	case uint32(a.Coupon>>32) != o.WantCampaign:
		return nil, "", no(410, "campaign")
	case o.WantCoupon != 0 && o.WantCoupon != a.Coupon:
		return nil, "", no(410, "coupon")
	case given.usesLeft < o.MinUses:
		return nil, "", no(410, "uses")
	case given.valueLeft < o.MinValue:
		return nil, "", no(410, "value")
	case m.until(a.Coupon) < o.MinUntil:
		return nil, "", no(410, "until")
	case given.version < o.MinVersion:
		return nil, "", no(410, "version")
	}
	if full(m.coupons[o.Coupon]) || full(given) {
		return nil, "", no(110, "seq full")
	}
	m.pass(o.Coupon, a.To)
	m.pass(a.Coupon, o.Get)
	tail := append(le32(le64(nil, o.Coupon), m.coupons[o.Coupon].seq), a.To[:]...)
	tail = append(le32(le64(tail, a.Coupon), given.seq), o.Get[:]...)
	return le16(le16(le64(tail, 0), 0), 0), "swapped", nil
}

// pass gives a coupon to another owner.
func (m *Model) pass(id uint64, to Key) {
	k := m.coupons[id]
	m.settle(k)
	k.owner = to
	k.seq++
	k.spendTransfer()
}

func (m *Model) sell(t *Tx) ([]byte, string, *refusal) {
	o, p := &t.Offer, &t.Pay
	k, payer := m.two.services[t.PayKey], m.members[p.Member]
	if p.Price > m.ceiling(o.Coupon) {
		return nil, "", no(405, "ceiling")
	}
	if p.Currency != m.termsOf(o.Coupon).Currency {
		return nil, "", no(516, "campaign's currency")
	}
	switch {
	case k == nil:
		return nil, "", no(407, "no key")
	case k.revoked:
		return nil, "", no(407, "revoked")
	case k.member != p.Member:
		return nil, "", no(407, "another member's")
	case m.now < k.validFrom:
		return nil, "", no(407, "early")
	case m.now >= k.validUntil:
		return nil, "", no(407, "late")
	case payer.state != active:
		return nil, "", no(407, "payer not active")
	case payer.Roles&RolePayment == 0:
		return nil, "", no(407, "payer no payer")
	case m.now >= p.Expires:
		return nil, "", no(407, "payment over")
	case k.currency != p.Currency:
		return nil, "", no(516, "key's currency")
	case p.Expires > m.now+m.two.lifeMs:
		return nil, "", no(109, "payment life")
	}
	if _, used := m.lookup(digest(m.chain, tagPay, p.Bytes()), p.Expires); used {
		return nil, "", no(412, "used")
	}
	day, sum := uint32(m.now/dayMs), k.daySum
	if day != k.day {
		sum = 0
	}
	if sum+p.Price > k.dayCap {
		return nil, "", no(517, "day cap")
	}
	if full(m.coupons[o.Coupon]) {
		return nil, "", no(110, "seq full")
	}
	k.day, k.daySum = day, sum+p.Price
	m.pass(o.Coupon, t.Accept.To)
	tail := append(le32(le64(nil, o.Coupon), m.coupons[o.Coupon].seq), t.Accept.To[:]...)
	tail = append(le32(le64(tail, 0), 0), make([]byte, 32)...)
	return le16(le16(le64(tail, p.Price), p.Currency), p.Member), "sold", nil
}

func (m *Model) offerPost(t *Tx) ([]byte, string, *refusal) {
	o := &t.Offer
	switch {
	case m.now >= o.Expires:
		return nil, "", no(406, "over")
	case o.Expires > m.now+30*dayMs:
		return nil, "", no(406, "too far")
	}
	m.posting = true // an offer of what is stopped may stand
	defer func() { m.posting = false }()
	if no := m.guard(o.Coupon, o.Seller, o.Seq, 0, false); no != nil {
		return nil, "", no
	}
	if no := m.tradable(o.Coupon); no != nil {
		return nil, "", no
	}
	if o.Ask == 1 {
		switch {
		case o.Price > m.ceiling(o.Coupon):
			return nil, "", no(405, "ceiling")
		case o.Currency != m.termsOf(o.Coupon).Currency:
			return nil, "", no(516, "campaign's currency")
		}
	}
	id := digest(m.chain, tagOffer, o.Bytes())
	return le64(id[:], o.Coupon), "posted", nil
}

func (m *Model) amend(t *Tx) ([]byte, string, *refusal) {
	c := m.campaigns[t.Campaign]
	if c == nil {
		return nil, "", no(301, "campaign")
	}
	if m.isReleased(t.Campaign) {
		return nil, "", no(204, "released")
	}
	old, next := c.terms, t.Terms
	required := []uint16{c.issuer}
	for _, f := range old.Funders {
		required = append(required, f.Member)
	}
	if c.versions[1].ReimburseBps < 10_000 {
		for _, s := range next.Shops {
			required = append(required, s.Member)
		}
	}
	if no := m.signed(t, RoleIssuer, false, required...); no != nil {
		return nil, "", no
	}
	switch {
	case c.state == closed:
		return nil, "", no(204, "closed")
	case m.now >= m.campaignEnd(t.Campaign):
		return nil, "", no(204, "ended")
	case m.isStopped(t.Campaign):
		return nil, "", no(204, "stopped")
	case t.Version != c.version+1:
		return nil, "", no(203, "version")
	case t.Version > 1024:
		return nil, "", no(203, "versions")
	}
	if no := mayMove(&old, &next); no != nil {
		return nil, "", no
	}
	if no := m.badAmendment(&old, &next); no != nil {
		return nil, "", no
	}
	for _, f := range old.Funders {
		if m.overdue(f.Member) {
			return nil, "", no(607, "overdue")
		}
	}
	row := *m.moneyOf(t.Campaign)
	for i, share := range next.shares() {
		grown := max(row.funders[i].lock, share)
		fund := m.funding[fundingKey{old.Funders[i].Member, old.Currency}]
		var free uint64
		if fund != nil {
			free = fund.limit - fund.locked
		}
		if free < grown-row.funders[i].lock {
			return nil, "", no(601, "underfunded")
		}
	}
	for i, share := range next.shares() {
		f := &row.funders[i]
		if share > f.lock {
			m.funding[fundingKey{old.Funders[i].Member, old.Currency}].locked += share - f.lock
			f.lock = share
		}
	}
	m.two.money[t.Campaign] = &row
	c.version, c.terms, c.redeemUntil = t.Version, next, next.RedeemUntil
	c.versions[t.Version] = next
	return le16(le32(nil, t.Campaign), t.Version), "amended", nil
}

// badAmendment is E201 and E202 of an amendment.
func (m *Model) badAmendment(old, next *Terms) *refusal {
	if no := m.badTerms(next, old.Shops); no != nil {
		return no
	}
	switch {
	case next.ClaimFrom >= next.ClaimUntil:
		return no(202, "claim window empty")
	case next.ClaimUntil > next.RedeemUntil:
		return no(202, "claim after redeem")
	case next.RedeemFrom >= next.RedeemUntil:
		return no(202, "redeem window empty")
	case next.RedeemUntil > m.now+10*yearMs:
		return no(202, "too far")
	case next.ClaimUntil != old.ClaimUntil && m.now >= next.ClaimUntil:
		return no(202, "past")
	}
	return nil
}

// mayMove is the table of rules 3.23.
func mayMove(old, next *Terms) *refusal {
	moved := 0
	fail := (*refusal)(nil)
	field := func(name string, a, b uint64, allowed bool) {
		if a == b {
			return
		}
		moved++
		if !allowed && fail == nil {
			fail = no(203, name)
		}
	}
	up := func(name string, a, b uint64) { field(name, a, b, b > a) }
	down := func(name string, a, b uint64) { field(name, a, b, b < a) }
	fixed := func(name string, a, b uint64) { field(name, a, b, false) }
	zeroIsTop := func(name string, a, b uint64) { field(name, a, b, a != 0 && (b == 0 || b > a)) }
	fixed("issuer", uint64(old.Issuer), uint64(next.Issuer))
	fixed("currency", uint64(old.Currency), uint64(next.Currency))
	fixed("kind", uint64(old.Kind), uint64(next.Kind))
	fixed("reimburse", uint64(old.Reimburse), uint64(next.Reimburse))
	fixed("rollback", old.RollbackMs, next.RollbackMs)
	if old.Title != next.Title || !slices.Equal(old.Funders, next.Funders) {
		return no(203, "title or funders")
	}
	if old.ProductHash != next.ProductHash {
		field("product", 0, 1, next.ProductHash == [32]byte{})
	}
	up("face", old.Face, next.Face)
	up("bps", uint64(old.Bps), uint64(next.Bps))
	up("ceiling", old.Ceiling, next.Ceiling)
	up("uses", uint64(old.Uses), uint64(next.Uses))
	up("get", uint64(old.Get), uint64(next.Get))
	up("fee", old.Fee, next.Fee)
	up("reimburse bps", uint64(old.ReimburseBps), uint64(next.ReimburseBps))
	up("show max", old.ShowMax, next.ShowMax)
	up("supply", uint64(old.MaxSupply), uint64(next.MaxSupply))
	up("budget", old.Budget, next.Budget)
	up("claim until", old.ClaimUntil, next.ClaimUntil)
	up("redeem until", old.RedeemUntil, next.RedeemUntil)
	up("grace", uint64(old.GraceMs), uint64(next.GraceMs))
	up("transfers", uint64(old.MaxTransfers), uint64(next.MaxTransfers))
	up("resale", uint64(old.ResaleBps), uint64(next.ResaleBps))
	up("rounding", uint64(old.Rounding), uint64(next.Rounding))
	up("transfer", uint64(old.Transfer), uint64(next.Transfer))
	down("min spend", old.MinSpend, next.MinSpend)
	down("buy", uint64(old.Buy), uint64(next.Buy))
	down("claim from", old.ClaimFrom, next.ClaimFrom)
	down("redeem from", old.RedeemFrom, next.RedeemFrom)
	zeroIsTop("cap", uint64(old.HolderCap), uint64(next.HolderCap))
	zeroIsTop("relative life", old.RelativeMs, next.RelativeMs)
	if !slices.Equal(old.Shops, next.Shops) {
		grows := len(old.Shops) > 0 && len(next.Shops) > 0
		for _, s := range old.Shops {
			grows = grows && slices.Contains(next.Shops, s)
		}
		field("shops", 0, 1, grows)
	}
	if fail == nil && moved == 0 {
		fail = no(203, "nothing moves")
	}
	return fail
}

func (m *Model) issue(t *Tx) ([]byte, string, *refusal) {
	c := m.campaigns[t.Campaign]
	if c == nil {
		return nil, "", no(301, "campaign")
	}
	if m.isReleased(t.Campaign) {
		return nil, "", no(204, "released")
	}
	if no := m.signed(t, RoleIssuer, false, c.issuer); no != nil {
		return nil, "", no
	}
	n := uint64(len(t.Tos))
	switch {
	case c.state != published:
		return nil, "", no(204, "not published")
	case m.now < c.terms.ClaimFrom:
		return nil, "", no(307, "early")
	case m.now >= c.terms.ClaimUntil:
		return nil, "", no(307, "late")
	case uint64(c.nextSerial)+n-1 > uint64(c.terms.MaxSupply):
		return nil, "", no(303, "supply")
	case c.committed+n*c.terms.worst() > c.terms.Budget:
		return nil, "", no(510, "budget")
	}
	if limit := int(c.terms.HolderCap); limit > 0 {
		for _, to := range t.Tos {
			held := int(m.holders[holderKey{t.Campaign, to}])
			for _, other := range t.Tos {
				if other == to {
					held++
				}
			}
			if held > limit {
				return nil, "", no(304, "holder")
			}
		}
	}
	first := c.nextSerial
	for _, to := range t.Tos {
		m.makeCoupon(couponID(t.Campaign, c.nextSerial), to)
		c.nextSerial++
	}
	return le32(le32(le32(nil, t.Campaign), first), uint32(n)), "issued", nil
}

// givesBack is E516 and E517 of voids of other keys' redemptions, and of refunds (rules 3.21).
func (m *Model) givesBack(key Key, coupon, amount uint64) *refusal {
	k := m.tills[key]
	var sum uint64
	if t := m.two.givenBack[key]; t != nil && t.day == uint32(m.now/dayMs) {
		sum = t.sum
	}
	switch {
	case k.Currency != m.campaigns[uint32(coupon>>32)].terms.Currency:
		return no(516, "key's currency")
	case sum+amount > k.DayCap:
		return no(517, "given back today")
	}
	return nil
}

func (m *Model) giveBack(key Key, amount uint64) {
	t := m.two.givenBack[key]
	if day := uint32(m.now / dayMs); t == nil || t.day != day {
		t = &dayTotal{day: day}
		m.two.givenBack[key] = t
	}
	t.sum += amount
}

func (m *Model) refund(t *Tx) ([]byte, string, *refusal) {
	if no := m.tillRefused(t.Key, RightVoidAny); no != nil {
		return nil, "", no
	}
	k := redemptionKey{t.Coupon, t.Seq}
	tl, r, back := m.tills[t.Key], m.redemptions[k], m.two.refunds[k]
	if back == nil {
		back = &refundRow{}
	}
	switch {
	case r == nil:
		return nil, "", no(301, "redemption")
	case r.member != tl.Member:
		return nil, "", no(106, "another member's")
	case r.state != accrued:
		return nil, "", no(514, "voided")
	case m.now < r.finalAt:
		return nil, "", no(514, "not final")
	case back.sum+t.Amount > r.payable:
		return nil, "", no(514, "too much")
	case m.isReleased(uint32(t.Coupon >> 32)):
		return nil, "", no(514, "released")
	case t.Recredit == 1:
		return nil, "", no(514, "recredit")
	}
	if no := m.givesBack(t.Key, t.Coupon, t.Amount); no != nil {
		return nil, "", no
	}
	m.giveBack(t.Key, t.Amount)
	back.sum += t.Amount
	back.lastAt = m.now
	m.two.refunds[k] = back
	bucketKey := obligationKey{uint32(m.now / m.cycleMs), uint32(t.Coupon >> 32), r.member}
	if m.two.refundSums[bucketKey] == nil {
		m.two.refundSums[bucketKey] = &obligation{}
	}
	m.two.refundSums[bucketKey].sum += t.Amount
	m.two.refundSums[bucketKey].count++
	tail := le64(le64(le32(le64(nil, t.Coupon), t.Seq), t.Amount), back.sum)
	return append(tail, 0), "refunded", nil
}

func (m *Model) cycleClose(t *Tx) ([]byte, string, *refusal) {
	if no := m.signed(t, 0, true, t.Member); no != nil {
		return nil, "", no
	}
	switch {
	case m.now < (uint64(t.Cycle)+1)*m.cycleMs:
		return nil, "", no(602, "not over")
	case t.Cycle != m.two.nextCycle:
		return nil, "", no(603, "not the next")
	case m.two.cycles[t.Cycle] != nil:
		return nil, "", no(603, "closing")
	}
	m.two.cycles[t.Cycle] = &cycleState{netMode: m.two.netMode}
	return le32(nil, t.Cycle), "closing", nil
}

// debtOf finds a debt of a closed cycle.
func (m *Model) debtOf(t *Tx) (*debt, *refusal) {
	c := m.two.cycles[t.Cycle]
	d := m.two.debts[debtKey{t.Cycle, t.Currency, t.Book, t.Payer, t.Payee}]
	switch {
	case c == nil || !c.closed:
		return nil, no(603, "not closed")
	case d == nil:
		return nil, no(603, "no debt")
	}
	return d, nil
}

func debtTail(t *Tx, state uint8) []byte {
	tail := append(le16(le32(nil, t.Cycle), t.Currency), t.Book)
	return append(le16(le16(tail, t.Payer), t.Payee), state)
}

func (m *Model) posted(t *Tx) ([]byte, string, *refusal) {
	if no := m.signedAnyState(t, t.Payer); no != nil {
		return nil, "", no
	}
	d, no603 := m.debtOf(t)
	if no603 != nil {
		return nil, "", no603
	}
	why := "posted"
	switch d.state {
	case debtOpen:
		d.state = debtPosted
	case debtObjected:
		d.state, why = debtReposted, "posted again"
	default:
		return nil, "", no(603, "posted")
	}
	d.ref, d.at = t.Ref, m.now
	return debtTail(t, d.state), why, nil
}

func (m *Model) confirmed(t *Tx) ([]byte, string, *refusal) {
	var bad *refusal
	switch t.Op {
	case 0:
		bad = m.signedAnyState(t, t.Payee)
	case 1:
		bad = m.signed(t, 0, false, t.Payee)
	case 2:
		if c := m.two.clearer; c == 0 || c == t.Payer || c == t.Payee {
			return nil, "", no(106, "clearer")
		}
		bad = m.signed(t, RolePayment, false, m.two.clearer)
	}
	if bad != nil {
		return nil, "", bad
	}
	d, no603 := m.debtOf(t)
	if no603 != nil {
		return nil, "", no603
	}
	waits := d.state == debtPosted || d.state == debtReposted
	switch {
	case t.Op == 0 && d.state == debtConfirmed:
		return nil, "", no(603, "confirmed")
	case t.Op > 0 && !waits:
		return nil, "", no(603, "not posted")
	case t.Op == 2 && m.now < d.at+7*dayMs:
		return nil, "", no(603, "too early")
	case t.Op == 1:
		d.state = debtObjected
		return debtTail(t, d.state), "objected", nil
	}
	d.state = debtConfirmed
	if t.Book == 0 {
		m.position(t.Cycle, t.Currency, t.Payer).held -= d.amount
		m.funding[fundingKey{t.Payer, t.Currency}].locked -= d.amount
	}
	why := "confirmed"
	if t.Op == 2 {
		why = "cleared"
	}
	return debtTail(t, d.state), why, nil
}

func (m *Model) serviceAdd(t *Tx) ([]byte, string, *refusal) {
	if no := m.signed(t, RolePayment, false, t.Member); no != nil {
		return nil, "", no
	}
	switch {
	case m.tills[t.Key] != nil:
		return nil, "", no(702, "a till's")
	case m.two.services[t.Key] != nil:
		return nil, "", no(702, "known")
	case m.wasAnnounced(t.Key):
		return nil, "", no(702, "a validator's")
	case t.ValidFrom >= t.ValidUntil:
		return nil, "", no(202, "window empty")
	case m.now >= t.ValidUntil:
		return nil, "", no(202, "past")
	case t.ValidUntil > m.now+3*yearMs:
		return nil, "", no(202, "too far")
	case !m.currencies[t.Currency]:
		return nil, "", no(201, "currency")
	}
	m.two.services[t.Key] = &service{
		member: t.Member, validFrom: t.ValidFrom, validUntil: t.ValidUntil, currency: t.Currency, dayCap: t.DayCap,
	}
	return t.Key[:], "added", nil
}

func (m *Model) serviceRevoke(t *Tx) ([]byte, string, *refusal) {
	if no := m.signed(t, 0, true, t.Member); no != nil {
		return nil, "", no
	}
	k := m.two.services[t.Key]
	switch {
	case k == nil:
		return nil, "", no(702, "unknown")
	case k.member != t.Member:
		return nil, "", no(702, "another member's")
	case k.revoked:
		return nil, "", no(702, "revoked")
	}
	k.revoked = true
	return t.Key[:], "revoked", nil
}

func (m *Model) memberKeys(t *Tx) ([]byte, string, *refusal) {
	if no := m.signedAnyState(t, t.Member); no != nil {
		return nil, "", no
	}
	who := m.members[t.Member]
	for _, k := range t.Keep {
		if !slices.Contains(who.Keys, k) {
			return nil, "", no(702, "kept and not there")
		}
	}
	for _, k := range t.Add {
		switch {
		case slices.Contains(who.Keys, k):
			return nil, "", no(702, "added and there")
		case m.tills[k] != nil:
			return nil, "", no(702, "a till's")
		case m.two.services[k] != nil:
			return nil, "", no(702, "a service key")
		}
	}
	atOnce := len(t.Add) == 0 && int(t.Threshold) >= min(int(who.Threshold), len(t.Keep))
	if who.state != active && !atOnce {
		return nil, "", no(609, "not active")
	}
	delete(m.two.pending, t.Member)
	tail := le16(nil, t.Member)
	if atOnce {
		who.Threshold, who.Keys = t.Threshold, t.Keep
		return le64(tail, 0), "dropped", nil
	}
	keys := append(slices.Clone(t.Keep), t.Add...)
	slices.SortFunc(keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	m.two.pending[t.Member] = &pendingKeys{at: m.now + dayMs, threshold: t.Threshold, keys: keys}
	return le64(tail, m.now+dayMs), "pending", nil
}

// eventNames are those of rules 3.3 and 3.35, by kind; those of a transfer and of a confirmation come by what they
// did.
var eventNames = map[uint8]string{
	KindPublish: "campaign.published", KindPause: "campaign.paused", KindResume: "campaign.resumed",
	KindClose: "campaign.closed", KindBatch: "batch.committed", KindTillAdd: "till.added",
	KindTillRevoke: "till.revoked", KindClaim: "coupon.claimed", KindRedeem: "redemption.accrued",
	KindVoid: "redemption.voided", KindAmend: "campaign.amended", KindIssue: "coupon.issued",
	KindTrade: "coupon.traded", KindOfferPost: "offer.posted", KindRefund: "redemption.refunded",
	KindCycleClose: "settlement.closing", KindPosted: "settlement.paid", KindServiceAdd: "service.added",
	KindServiceRevoke: "service.revoked", KindMemberKeys: "member.keys", KindPropose: "governance.proposed",
	KindVote: "governance.voted", KindSeatKey: "seat.announced", KindSeatReady: "seat.ready",
	KindEvidence: "misbehaviour.recorded",
}

var transferEvents = []string{
	"coupon.transferred", "coupon.refreshed", "gift.offered", "gift.accepted", "gift.taken_back",
}

// eventsOf lists the events of an accepted transaction.
func eventsOf(t *Tx, receipt []byte) []string {
	switch {
	case t.Kind == KindTransfer:
		return []string{transferEvents[receipt[len(receipt)-1]]}
	case t.Kind == KindConfirmed && t.Op == 1:
		return []string{"settlement.objected"}
	case t.Kind == KindConfirmed:
		return []string{"settlement.confirmed"}
	case t.Kind == KindTrade && t.Offer.Ask == 0:
		return []string{"coupon.traded", "coupon.traded"}
	case t.Kind == KindPropose || t.Kind == KindVote:
		list := []string{eventNames[t.Kind]}
		switch receipt[len(receipt)-3] {
		case propExecuted:
			list = append(list, "governance.executed")
		case propFailed:
			list = append(list, "governance.failed")
		}
		return list
	}
	return []string{eventNames[t.Kind]}
}
