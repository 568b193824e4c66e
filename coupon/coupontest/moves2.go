package coupontest

import (
	"bytes"
	"slices"
)

// The moves of chaos in version 2.

// decode is DecodeAt of the version that the block has.
func (g *chaos) decode(raw []byte) (*Tx, uint16) { return DecodeAt(g.m.version(), raw) }

// forget leaves out what was pruned.
func (g *chaos) forget() {
	g.coupons = slices.DeleteFunc(g.coupons, func(id uint64) bool { return g.m.coupons[id] == nil })
	g.redeemed = slices.DeleteFunc(g.redeemed, func(k redemptionKey) bool {
		return g.m.redemptions[k] == nil || g.m.coupons[k.coupon] == nil
	})
}

// disturbParams changes what the members will be able to decide: time to pay, the clearer, how cycles are netted, and
// roles.
func (g *chaos) disturbParams() {
	if g.Chance(6) {
		g.plant(Plant{Params: true, PayMs: pick(g.Random, []uint64{3_600_000, 259_200_000, dayMs}),
			Clearer: pick(g.Random, []uint16{0, 1, 2, 2, 4, 4, 6, 6}), NetMode: uint8(g.N(2))})
	}
	if g.Chance(3) {
		g.plant(Plant{Roles: true, Member: uint16(g.Between(1, 6)), State: pick(g.Random, []uint8{
			RoleMerchant, RolePayment, RoleIssuer,
		})})
	}
}

// bounds2 are the instants of version 2 at which something begins or ends.
func (g *chaos) bounds2() (list []uint64) {
	s := g.m.two
	for k := range s.ends {
		list = append(list, k.end)
	}
	for _, p := range s.pending {
		list = append(list, p.at)
	}
	for k, d := range s.debts {
		if c := s.cycles[k.cycle]; c.closed && d.counts() {
			list = append(list, c.closedAt+s.payMs)
		}
		if d.state == debtPosted || d.state == debtReposted {
			list = append(list, d.at+7*dayMs)
		}
	}
	return list
}

// toClear is the first instant at which the clearer may confirm a posted payment, 0 if there is none.
func (g *chaos) toClear() (first uint64) {
	for _, d := range g.m.two.debts {
		if at := d.at + 7*dayMs; (d.state == debtPosted || d.state == debtReposted) && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}

// make2 builds one transaction of a random kind of version 2.
func (g *chaos) make2() *Tx {
	switch n := g.N(100); {
	case n < 14:
		return g.swap()
	case n < 34:
		return g.sale()
	case n < 39:
		return g.postOffer()
	case n < 50:
		return g.amendment()
	case n < 56:
		return g.issue()
	case n < 66:
		return g.refund()
	case n < 76:
		return g.closeCycle()
	case n < 90:
		return g.payment()
	case n < 96:
		return g.serviceKey()
	}
	return g.rotate()
}

// tradable draws a coupon that may be traded, or any.
func (g *chaos) tradable() (uint64, *couponState) {
	for range 12 {
		id, k := g.someCoupon()
		if g.m.tradable(id) == nil && k.status == held && k.owner != (Key{}) {
			return id, k
		}
	}
	return g.someCoupon()
}

func (g *chaos) offerOf(id uint64, k *couponState) Offer {
	o := Offer{Coupon: id, Seq: k.seq, Seller: k.owner, Expires: g.now + g.Scaled(30*dayMs)}
	if g.Chance(6) {
		o.Expires = pick(g.Random, []uint64{g.now, g.now + 1, g.now + 30*dayMs, g.now + 30*dayMs + 1})
	}
	return o
}

// accept sets what an acceptance needs beside what it is of.
func (g *chaos) accept(t *Tx, buyer Key) {
	t.Accept.Buyer, t.Accept.To, t.Accept.Expires = buyer, g.wallet(), g.expiry(g.w.LifeMs)
	if g.Chance(30) {
		t.Offer.Buyer = buyer
	}
	if g.Chance(5) {
		t.Offer.Buyer = g.wallet()
	}
	if t.Accept.Buyer == t.Offer.Seller && g.Chance(80) {
		t.Accept.Buyer = g.wallet()
	}
}

func (g *chaos) swap() *Tx {
	if len(g.coupons) < 2 {
		return g.issue()
	}
	t := &Tx{Kind: KindTrade}
	id, k := g.tradable()
	other, given := g.tradable()
	for range 20 {
		if other != id && (given.owner != k.owner || g.Chance(10)) {
			break
		}
		other, given = g.tradable()
	}
	t.Offer = g.offerOf(id, k)
	o := &t.Offer
	o.WantCampaign, o.Get = uint32(other>>32), g.wallet()
	g.accept(t, given.owner)
	t.Accept.Coupon, t.Accept.Seq = other, given.seq
	if g.Chance(50) {
		o.WantCoupon, o.MinUses, o.MinValue = other, given.usesLeft, given.valueLeft
		o.MinUntil, o.MinVersion = g.m.until(other), given.version
	}
	if g.Chance(25) {
		edits := []func(){
			func() { o.MinUses = given.usesLeft + 1 },
			func() { o.MinValue = given.valueLeft + 1 },
			func() { o.MinUntil = g.m.until(other) + 1 },
			func() { o.MinVersion = given.version + 1 },
			func() { o.WantCampaign, o.WantCoupon = o.WantCampaign+1, 0 },
			func() { o.WantCoupon = couponID(o.WantCampaign, uint32(other)+1) },
			func() { o.Seq = uint32(g.near(uint64(o.Seq))) },
			func() { t.Accept.Seq = uint32(g.near(uint64(t.Accept.Seq))) },
			func() { o.Seller = g.wallet() },
			func() { t.Accept.Buyer = g.wallet() },
		}
		pick(g.Random, edits)()
	}
	t.bind(g.w.Chain)
	return t
}

func (g *chaos) sale() *Tx {
	if len(g.coupons) == 0 {
		return g.issue()
	}
	if len(g.services) == 0 {
		return g.serviceKey()
	}
	t := &Tx{Kind: KindTrade}
	id, k := g.tradable()
	t.Offer = g.offerOf(id, k)
	o, p := &t.Offer, &t.Pay
	o.Ask, o.Price, o.Currency = 1, max(1, g.Scaled(max(1, g.m.ceiling(id)))), g.m.termsOf(id).Currency
	if g.Chance(40) {
		o.Price = max(1, g.m.ceiling(id))
	}
	if g.Chance(8) {
		o.Price = g.m.ceiling(id) + 1
	}
	g.accept(t, g.wallet())
	t.PayKey = pick(g.Random, g.services)
	for range 20 {
		s := g.m.two.services[t.PayKey]
		if s.currency == o.Currency && !s.revoked && g.now >= s.validFrom && g.now < s.validUntil {
			break
		}
		t.PayKey = pick(g.Random, g.services)
	}
	o.Payer = g.m.two.services[t.PayKey].member
	p.Ref, p.Expires = g.Bytes32(), g.now+g.Between(1, g.w.LifeMs)
	if g.Chance(18) {
		edits := []func(){
			func() { t.PayKey = g.wallet() },
			func() { o.Payer = uint16(g.N(9)) },
			func() { o.Currency = pick(g.Random, []uint16{0, 756, 978}) },
			func() { p.Expires = g.around(g.now) },
			func() { p.Expires = g.around(g.now + g.w.LifeMs) },
			func() { o.Seq = uint32(g.near(uint64(o.Seq))) },
			func() { o.Price = g.near(o.Price) + 1 },
		}
		pick(g.Random, edits)()
	}
	p.Price, p.Currency, p.Member = o.Price, o.Currency, o.Payer
	t.bind(g.w.Chain)
	return t
}

func (g *chaos) postOffer() *Tx {
	t := g.sale()
	if g.Chance(50) {
		t = g.swap()
	}
	if t == nil || t.Kind != KindTrade {
		return t
	}
	return &Tx{Kind: KindOfferPost, Expires: g.expiry(g.w.LifeMs), Tx2: Tx2{Offer: t.Offer}}
}

// amendment moves one field or a few, mostly in the direction that is allowed.
func (g *chaos) amendment() *Tx {
	if len(g.campaigns) == 0 {
		return g.publish()
	}
	t := &Tx{Kind: KindAmend, Campaign: pick(g.Random, g.campaigns[max(0, len(g.campaigns)-8):])}
	c := g.m.campaigns[t.Campaign]
	next := c.terms
	next.Funders, next.Shops = slices.Clone(next.Funders), slices.Clone(next.Shops)
	grow := func(v uint64) uint64 { return min(v+g.Scaled(max(2, v/4)), moneyMax) }
	edits := []func(){
		func() { next.Budget = grow(next.Budget) },
		func() { next.Budget = grow(next.Budget) },
		func() { next.Face, next.Budget = grow(next.Face), min(2*next.Budget, moneyMax) },
		func() { next.Ceiling, next.Budget = grow(next.Ceiling), min(2*next.Budget, moneyMax) },
		func() { next.Fee = grow(next.Fee) },
		func() { next.Uses, next.Budget = next.Uses+1, min(2*next.Budget, moneyMax) },
		func() { next.MinSpend -= min(next.MinSpend, g.Scaled(100)) },
		func() { next.MaxSupply += uint32(g.Scaled(10)) },
		func() { next.RedeemUntil += g.Scaled(7_200_000) },
		func() {
			next.ClaimUntil += g.Scaled(3_600_000)
			next.RedeemUntil = max(next.RedeemUntil, next.ClaimUntil)
		},
		func() { next.GraceMs = min(next.GraceMs+uint32(g.Scaled(1000)), 600_000) },
		func() { next.HolderCap = pick(g.Random, []uint16{0, next.HolderCap + 1}) },
		func() { next.Transfer, next.MaxTransfers, next.ResaleBps = 2, 255, 10_000 },
		func() { next.ReimburseBps = min(next.ReimburseBps+100, 10_000) },
		func() { next.ProductHash = [32]byte{} },
		func() { next.TermsHash = g.Bytes32() },
		func() { next.RelativeMs = pick(g.Random, []uint64{0, next.RelativeMs + 60_000}) },
		func() { next.ShowMax = grow(next.ShowMax) },
		func() { next.RedeemFrom -= min(next.RedeemFrom, g.Scaled(1000)) },
		func() {
			next.Shops = append(next.Shops, Shop{pick(g.Random, []uint16{1, 3, 4, 5}), uint16(g.N(5))})
			slices.SortFunc(next.Shops, func(a, b Shop) int {
				return int(a.Member)*9 + int(a.Store) - int(b.Member)*9 - int(b.Store)
			})
			next.Shops = slices.Compact(next.Shops)
		},
		func() { next.Bps = min(next.Bps+uint16(g.N(100)), 10_000) },
	}
	for range 1 + g.N(3) {
		pick(g.Random, edits)()
	}
	if g.Chance(15) {
		g.disturbTerms(&next)
	}
	t.Version, t.Terms = c.version+1, next
	if g.Chance(5) {
		t.Version = uint16(g.near(uint64(t.Version)))
	}
	if g.Chance(2) {
		t.Campaign = uint32(len(g.campaigns)) + 1
	}
	required := []uint16{c.issuer}
	for _, f := range c.terms.Funders {
		required = append(required, f.Member)
	}
	if c.versions[1].ReimburseBps < 10_000 {
		for _, s := range next.Shops {
			required = append(required, s.Member)
		}
	}
	return g.sign2(t, required...)
}

// sign2 is sign with the keys that members have now.
func (g *chaos) sign2(t *Tx, required ...uint16) *Tx {
	g.sign(t, required...)
	var list []MemberSig
	for _, e := range t.Members {
		m := g.m.members[e.Member]
		if m == nil || slices.Contains(m.Keys, e.Key) || int(e.Member) > len(g.w.Members) ||
			!slices.Contains(g.w.Members[e.Member-1].Keys, e.Key) {
			list = append(list, e)
			continue
		}
		for _, k := range m.Keys[:min(int(m.Threshold), len(m.Keys))] {
			list = append(list, MemberSig{Member: e.Member, Key: k})
		}
	}
	for _, id := range required {
		if m := g.m.members[id]; m != nil && g.Chance(97) {
			for _, k := range m.Keys[:min(int(m.Threshold), len(m.Keys))] {
				list = append(list, MemberSig{Member: id, Key: k})
			}
		}
	}
	slices.SortFunc(list, func(a, b MemberSig) int {
		if a.Member != b.Member {
			return int(a.Member) - int(b.Member)
		}
		return bytes.Compare(a.Key[:], b.Key[:])
	})
	t.Members = dropRepeated(list)
	return t
}

func (g *chaos) issue() *Tx {
	t := &Tx{Kind: KindIssue, Campaign: g.someCampaign()}
	for range g.Between(1, 3) {
		t.Tos = append(t.Tos, g.wallet())
	}
	var issuer uint16 = 1
	if c := g.m.campaigns[t.Campaign]; c != nil {
		issuer = c.issuer
		left := int(c.terms.MaxSupply) - int(c.nextSerial) + 1
		if left > 0 && g.Chance(90) {
			t.Tos = t.Tos[:min(left, len(t.Tos))]
		}
	}
	return g.sign2(t, issuer)
}

func (g *chaos) refund() *Tx {
	if len(g.redeemed) == 0 {
		return nil
	}
	k := pick(g.Random, g.redeemed)
	for range 8 {
		if r := g.m.redemptions[k]; r.state == accrued && g.now >= r.finalAt {
			break
		}
		k = pick(g.Random, g.redeemed)
	}
	r := g.m.redemptions[k]
	t := &Tx{Kind: KindRefund, Expires: g.expiry(g.w.LifeMs), Coupon: k.coupon, Seq: k.seq}
	t.Key = g.someTill(RightVoidAny, func(t *till) bool { return t.Member == r.member })
	left := r.payable
	if back := g.m.two.refunds[k]; back != nil {
		left -= back.sum
	}
	t.Amount = max(1, pick(g.Random, []uint64{left, g.Scaled(max(left, 1)), left, left + 1}))
	if g.Chance(3) {
		t.Recredit = 1
	}
	if g.Chance(8) {
		t.Seq = uint32(g.near(uint64(t.Seq)))
	}
	return t
}

func (g *chaos) closeCycle() *Tx {
	t := &Tx{Kind: KindCycleClose, Member: uint16(g.Between(1, 6))}
	t.Cycle = g.m.two.nextCycle
	if g.Chance(10) {
		t.Cycle = pick(g.Random, []uint32{t.Cycle + 1, t.Cycle - 1, uint32(g.now / g.w.CycleMs)})
	}
	return g.sign2(t, t.Member)
}

func (g *chaos) payment() *Tx {
	debts := ordered(g.m.two.debts, func(a, b debtKey) int {
		return bytes.Compare(debtBytes(a), debtBytes(b))
	})
	if len(debts) == 0 {
		return g.closeCycle()
	}
	k := pick(g.Random, debts)
	for range 6 {
		if g.m.two.debts[k].state != debtConfirmed {
			break
		}
		k = pick(g.Random, debts)
	}
	d := g.m.two.debts[k]
	t := &Tx{Kind: KindPosted}
	t.Cycle, t.Currency, t.Book, t.Payer, t.Payee = k.cycle, k.currency, k.book, k.payer, k.payee
	if g.Chance(6) {
		t.Book ^= 1
	}
	if (d.state == debtOpen || d.state == debtObjected) && g.Chance(70) {
		t.Ref = g.Bytes32()
		return g.sign2(t, t.Payer)
	}
	t.Kind, t.Op = KindConfirmed, pick(g.Random, []uint8{0, 0, 1, 2})
	if (d.state == debtPosted || d.state == debtReposted) && g.now >= d.at+7*dayMs {
		t.Op = pick(g.Random, []uint8{0, 2, 2, 2})
	}
	if t.Op == 2 {
		return g.sign2(t, g.m.two.clearer)
	}
	return g.sign2(t, t.Payee)
}

func debtBytes(k debtKey) []byte {
	return be16(be16(append(be16(be32(nil, k.cycle), k.currency), k.book), k.payer), k.payee)
}

func (g *chaos) serviceKey() *Tx {
	if len(g.services) > 0 && g.Chance(25) {
		t := &Tx{Kind: KindServiceRevoke, Key: pick(g.Random, g.services)}
		t.Member = g.m.two.services[t.Key].member
		if g.Chance(20) {
			t.Member = uint16(g.N(8))
		}
		if g.Chance(10) {
			t.Key = g.wallet()
		}
		return g.sign2(t, t.Member)
	}
	t := &Tx{
		Kind: KindServiceAdd, Member: pick(g.Random, []uint16{2, 4, 6}), Key: g.w.Derive("service", g.made),
		ValidFrom: g.now - g.Scaled(dayMs), ValidUntil: g.now + 1 + g.Scaled(100*dayMs),
		Currency: pick(g.Random, []uint16{978, 978, 756}), DayCap: pick(g.Random, []uint64{moneyMax, g.Scaled(20_000)}),
	}
	if g.Chance(25) {
		edits := []func(){
			func() { t.Member = uint16(g.N(8)) },
			func() { t.Key = pick(g.Random, g.tills) },
			func() { t.Key = pick(g.Random, append(slices.Clone(g.services), t.Key)) },
			func() { t.ValidFrom = t.ValidUntil },
			func() { t.ValidFrom = g.now + g.Scaled(100_000); t.ValidUntil = t.ValidFrom + dayMs },
			func() { t.ValidUntil = g.around(g.now) },
			func() { t.ValidUntil = g.around(g.now + 3*yearMs) },
			func() { t.Currency = 1 },
		}
		pick(g.Random, edits)()
	}
	return g.sign2(t, t.Member)
}

func (g *chaos) rotate() *Tx {
	t := &Tx{Kind: KindMemberKeys, Member: uint16(g.Between(1, 6))}
	m := g.m.members[t.Member]
	for _, k := range m.Keys {
		if g.Chance(75) || len(m.Keys) < 2 {
			t.Keep = append(t.Keep, k)
		}
	}
	if len(t.Keep) < 4 && g.Chance(60) || len(t.Keep) == 0 {
		t.Add = append(t.Add, g.w.Derive("admin", g.made))
	}
	if g.Chance(10) {
		t.Add = append(t.Add, pick(g.Random, append(slices.Clone(g.tills), g.services...)))
	}
	slices.SortFunc(t.Add, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	n := len(t.Keep) + len(t.Add)
	t.Threshold = uint8(min(max(1, int(m.Threshold)-g.N(2)), n))
	return g.sign2(t, t.Member)
}

// windDown lets a history end: every cycle is closed, every debt confirmed, every campaign ends and is pruned.
func (g *chaos) windDown(h *History) {
	for n := 0; n < 400 && !g.over(); n++ {
		g.block = &Block{Height: h.Blocks[len(h.Blocks)-1].Height + 1, TimeMs: g.now}
		for id := uint16(1); id <= 6 && n == 0; id++ {
			g.plant(Plant{Member: id, State: active})
		}
		g.m.Begin(g.block.Height, g.now)
		s := g.m.two
		if g.now >= (uint64(s.nextCycle)+1)*g.w.CycleMs && s.cycles[s.nextCycle] == nil {
			g.finish(&Tx{Kind: KindCycleClose, Member: 6, Tx2: Tx2{Cycle: s.nextCycle}}, 6)
		}
		for i, k := range ordered(s.debts, func(a, b debtKey) int { return bytes.Compare(debtBytes(a), debtBytes(b)) }) {
			if c := s.cycles[k.cycle]; i < 200 && c.closed && s.debts[k].state != debtConfirmed {
				t := &Tx{Kind: KindConfirmed, Currency: k.currency}
				t.Cycle, t.Book, t.Payer, t.Payee = k.cycle, k.book, k.payer, k.payee
				g.finish(t, k.payee)
			}
		}
		g.m.End()
		h.Blocks = append(h.Blocks, *g.block)
		g.now = max(g.now+1, (uint64(s.nextCycle)+1)*g.w.CycleMs)
	}
	h.over = g.over()
}

// finish executes a transaction with all the signatures that it needs.
func (g *chaos) finish(t *Tx, by uint16) {
	m := g.m.members[by]
	t.Expires = g.now + 1
	for _, k := range m.Keys[:m.Threshold] {
		t.Members = append(t.Members, MemberSig{Member: by, Key: k})
	}
	g.execute(g.w.Finish(t))
}

// over says that nothing is left of a history's campaigns but their tombstones.
func (g *chaos) over() bool {
	s := g.m.two
	if len(g.m.obligations) > 0 || len(s.refundSums) > 0 || s.migCampaign > 0 || s.sweepingOf > 0 || len(s.ends) > 0 ||
		len(s.toPrune) > 0 {
		return false
	}
	for _, d := range s.debts {
		if d.state != debtConfirmed {
			return false
		}
	}
	return true
}
