package coupontest

import (
	"bytes"
	"slices"
)

// The moves of chaos: each builds a transaction that the present state should accept, most of the time, and then
// often disturbs one thing in it.

// expiry draws an expires for a kind: mostly good, sometimes at an edge.
func (g *chaos) expiry(life uint64) uint64 {
	if g.Chance(5) {
		return pick(g.Random, []uint64{g.now, g.now - 1, g.now + 1, g.now + life, g.now + life + 1, 0, timeMax})
	}
	return g.now + g.Between(1, life)
}

// near returns a number beside v, or one that has nothing to do with it.
func (g *chaos) near(v uint64) uint64 {
	switch g.N(6) {
	case 0, 1:
		return v + 1
	case 2, 3:
		return v - min(v, 1)
	case 4:
		return 0
	}
	return g.Scaled(moneyMax)
}

// around returns an instant at or beside t.
func (g *chaos) around(t uint64) uint64 { return t + g.Between(0, 2) - 1 }

func (g *chaos) wallet() Key { return pick(g.Random, g.w.Wallets) }

// openCampaigns lists the campaigns whose claims are open or will be.
func (g *chaos) openCampaigns() (list []uint32) {
	for _, id := range g.campaigns {
		c := g.m.campaigns[id]
		if c.state != closed && g.now < c.terms.ClaimUntil && c.committed+c.terms.worst() <= c.terms.Budget {
			list = append(list, id)
		}
	}
	return list
}

func (g *chaos) someCampaign() uint32 {
	if open := g.openCampaigns(); len(open) > 0 && g.Chance(75) {
		return pick(g.Random, open)
	}
	if len(g.campaigns) == 0 || g.Chance(2) {
		return uint32(g.Between(0, uint64(len(g.campaigns))+1))
	}
	return pick(g.Random, g.campaigns[max(0, len(g.campaigns)-6):])
}

// sign sets the expiry of a member transaction and names its signers, now and then wrongly.
func (g *chaos) sign(t *Tx, required ...uint16) *Tx {
	if t.Expires == 0 {
		t.Expires = g.expiry(g.w.MemberLifeMs)
	}
	t.Members = g.w.Entries(required...)
	if g.Chance(14) {
		g.disturbEntries(t)
	}
	slices.SortFunc(t.Members, func(a, b MemberSig) int {
		if a.Member != b.Member {
			return int(a.Member) - int(b.Member)
		}
		return bytes.Compare(a.Key[:], b.Key[:])
	})
	if len(t.Members) == 0 {
		t.Members = []MemberSig{{Member: 1, Key: g.w.Members[0].Keys[0]}}
	}
	return t
}

func (g *chaos) disturbEntries(t *Tx) {
	member := pick(g.Random, g.w.Members)
	switch g.N(5) {
	case 0:
		if len(t.Members) > 1 {
			i := g.N(len(t.Members))
			t.Members = slices.Delete(t.Members, i, i+1)
		}
	case 1:
		t.Members = append(t.Members, MemberSig{Member: member.ID, Key: pick(g.Random, member.Keys)})
	case 2:
		if len(t.Members) > 0 {
			t.Members[g.N(len(t.Members))].Key = g.wallet()
		}
	case 3:
		for _, e := range t.Members {
			keys := g.w.Members[e.Member-1].Keys
			t.Members = append(t.Members, MemberSig{Member: e.Member, Key: keys[len(keys)-1]})
		}
		t.Members = dropRepeated(t.Members)
	case 4:
		t.Members = append(t.Members, MemberSig{Member: uint16(g.Between(8, 9)), Key: g.wallet()})
	}
}

func dropRepeated(list []MemberSig) (kept []MemberSig) {
	for _, e := range list {
		if !slices.Contains(kept, e) {
			kept = append(kept, e)
		}
	}
	return kept
}

func (g *chaos) publish() *Tx {
	t := g.terms()
	if g.Chance(25) {
		g.disturbTerms(&t)
	}
	required := []uint16{t.Issuer}
	for _, f := range t.Funders {
		required = append(required, f.Member)
	}
	if t.ReimburseBps < 10_000 {
		for _, s := range t.Shops {
			required = append(required, s.Member)
		}
	}
	return g.sign(&Tx{Kind: KindPublish, Terms: t}, required...)
}

// terms draws terms that mostly pass.
func (g *chaos) terms() Terms {
	t := Terms{
		Format: 1, Issuer: uint16(g.Between(1, 2)), Currency: pick(g.Random, []uint16{978, 978, 978, 756}),
		Title: "Zwei für eins", TermsHash: g.Bytes32(), Kind: uint8(g.N(4)), ReimburseBps: 10_000,
		Uses: uint16(pick(g.Random, []uint64{1, 1, 1, 2, 3, 4, 1000})), MaxSupply: uint32(g.Scaled(60)),
		GraceMs: uint32(g.N(2)) * uint32(g.Scaled(600_000)), HolderCap: pick(g.Random, []uint16{0, 0, 1, 2, 65535}),
		Transfer: pick(g.Random, []uint8{0, 1, 1, 2, 2}),
	}
	if g.Chance(15) {
		t.ProductHash = g.Bytes32()
	}
	if t.Transfer != TransferNone {
		t.MaxTransfers = pick(g.Random, []uint8{1, 1, 2, 3, 255})
	}
	if t.Transfer == TransferTrade {
		t.ResaleBps = uint16(g.N(10_001))
	}
	g.shopsAndFunders(&t)
	g.value(&t)
	g.windows(&t)
	return t
}

func (g *chaos) shopsAndFunders(t *Terms) {
	if g.Chance(55) {
		for _, member := range []uint16{1, 3, 4} {
			for store := range uint16(4) {
				if g.Chance(35) {
					t.Shops = append(t.Shops, Shop{member, store})
				}
			}
		}
	}
	if len(t.Shops) > 0 && g.Chance(25) {
		t.ReimburseBps = uint16(g.N(10_001))
	}
	all := []uint16{1, 2, 6, 3}
	for range pick(g.Random, []int{1, 1, 2, 3, 4}) {
		i := g.N(len(all))
		t.Funders = append(t.Funders, Funder{Member: all[i]})
		all = slices.Delete(all, i, i+1)
	}
	rest := uint64(10_000)
	for i := range t.Funders {
		left := uint64(len(t.Funders) - 1 - i)
		share := rest - left
		if left > 0 {
			share = g.Between(1, rest-left)
		}
		t.Funders[i].ShareBps = uint16(share)
		rest -= share
	}
}

// value draws the money terms of a kind, in one of three scales, and a budget for few or for all.
func (g *chaos) value(t *Terms) {
	scale := pick(g.Random, []uint64{20, 10_000, 10_000, 1_000_000})
	if g.Chance(4) {
		scale = moneyMax / uint64(t.Uses) / 2
	}
	switch t.Kind {
	case KindAmount, KindFreeItem:
		t.Face = g.Scaled(scale)
		if t.ReimburseBps == 10_000 && g.Chance(40) {
			t.Reimburse = 1
		}
	case KindPercent:
		t.Bps, t.Ceiling, t.Rounding = uint16(g.Between(1, 10_000)), g.Scaled(scale), uint8(g.N(2))
	case KindStored:
		t.Face = g.Scaled(scale)
	}
	if g.Chance(50) {
		t.Fee = g.Scaled(20)
	}
	if g.Chance(50) {
		t.MinSpend = g.Scaled(scale)
	}
	if g.Chance(75) {
		t.ShowMax = pick(g.Random, []uint64{moneyMax, t.Face, t.Ceiling, g.Scaled(scale)})
	}
	worst := t.worst()
	coupons := min(pick(g.Random, []uint64{1, 2, 3, 8, 60}), max(1, moneyMax/max(1, worst)))
	t.Budget = min(worst*coupons+g.Between(0, worst/2), moneyMax)
}

func (g *chaos) windows(t *Terms) {
	scale := pick(g.Random, []uint64{600_000, 7_200_000, dayMs, 40 * dayMs})
	t.ClaimFrom = g.now - g.Scaled(scale)
	if g.Chance(30) {
		t.ClaimFrom = g.now + g.Scaled(scale/20)
	}
	t.ClaimUntil = max(g.now, t.ClaimFrom) + 1 + scale/2 + g.Scaled(scale)
	t.RedeemFrom = t.ClaimFrom
	if g.Chance(30) {
		t.RedeemFrom = g.now + g.Scaled(scale/4)
	}
	t.RedeemUntil = max(t.ClaimUntil, t.RedeemFrom+1) + uint64(g.N(2))*g.Scaled(scale)
	if g.Chance(45) {
		t.RelativeMs = 60_000 + g.Scaled(scale) - 1
	}
	t.RollbackMs = pick(g.Random, []uint64{
		0, g.Scaled(60_000), g.Scaled(min(scale, 7_776_000_000)), 3 * dayMs, 90 * dayMs,
	})
	if g.w.UpgradeAt > 0 {
		t.RollbackMs = min(t.RollbackMs, g.Scaled(4*g.w.CycleMs))
	}
}

// disturbTerms changes one thing, to what is refused or to what is just not.
func (g *chaos) disturbTerms(t *Terms) {
	edits := []func(){
		func() { t.Issuer = uint16(g.N(9)) },
		func() { t.Funders[g.N(len(t.Funders))].Member = uint16(g.N(9)) },
		func() { t.Currency = uint16(g.near(uint64(t.Currency))) },
		func() { t.Kind = uint8(g.N(6)) },
		func() { t.Face = g.near(t.Face) },
		func() { t.Bps = uint16(g.near(uint64(t.Bps))) },
		func() { t.Ceiling = g.near(t.Ceiling) },
		func() { t.Rounding ^= 1 },
		func() { t.Buy = 1 },
		func() { t.Get = 1 },
		func() { t.Reimburse ^= 1 },
		func() { t.ReimburseBps = pick(g.Random, []uint16{0, 1, 9_999, 10_000}) },
		func() { t.Shops = nil; t.ReimburseBps = pick(g.Random, []uint16{9_999, 10_000}) },
		func() { t.Shops = append(t.Shops, Shop{pick(g.Random, []uint16{5, 6, 7, 8}), uint16(g.N(2))}) },
		func() { t.Shops = []Shop{{pick(g.Random, []uint16{2, 6}), 1}}; t.ReimburseBps = 5_000 },
		func() { t.Fee = moneyMax - g.Scaled(100) },
		func() { t.Face, t.Uses, t.Budget = pick(g.Random, []uint64{t.Face, moneyMax}), 1000, moneyMax },
		func() { t.Budget = g.around(t.worst() + 1) },
		func() { t.Budget = t.worst() },
		func() { t.Budget = moneyMax },
		func() { t.ClaimUntil = g.around(t.ClaimFrom) },
		func() { t.ClaimUntil = g.around(t.RedeemUntil) },
		func() { t.RedeemFrom = g.around(t.RedeemUntil) },
		func() { t.RedeemUntil = g.around(g.now + 10*yearMs) },
		func() { t.ClaimUntil, t.ClaimFrom = g.around(g.now), g.now-100 },
		func() { t.RelativeMs = pick(g.Random, []uint64{59_999, 60_000, 10 * yearMs, 10*yearMs + 1}) },
	}
	pick(g.Random, edits)()
}

func (g *chaos) steer() *Tx {
	id := g.someCampaign()
	kinds := []uint8{KindPause, KindPause, KindPause, KindResume, KindResume, KindClose}
	t := &Tx{Kind: pick(g.Random, kinds), Campaign: id}
	var issuer uint16 = 1
	if c := g.m.campaigns[id]; c != nil {
		issuer = c.issuer
		if c.state == paused && g.Chance(60) {
			t.Kind = KindResume
		}
		if c.state == closed && g.Chance(25) {
			t.Kind = KindClose
		}
	}
	return g.sign(t, issuer)
}

func (g *chaos) commit() *Tx {
	g.tickets = append(g.tickets, g.w.Derive("ticket", g.made))
	t := &Tx{
		Kind: KindBatch, Campaign: g.someCampaign(), First: 1, Count: uint32(g.Scaled(9)),
		TicketKey: g.tickets[len(g.tickets)-1],
	}
	var issuer uint16 = 1
	if c := g.m.campaigns[t.Campaign]; c != nil {
		issuer, t.First = c.issuer, c.nextSerial
		if left := c.terms.MaxSupply + 1 - t.First; g.Chance(85) {
			t.Count = max(1, min(t.Count, left))
		}
	}
	if g.Chance(6) {
		t.First = uint32(g.near(uint64(t.First)))
	}
	if g.Chance(2) {
		t.Count = 1<<32 - 1
	}
	return g.sign(t, issuer)
}

func (g *chaos) addTill() *Tx {
	t := &Tx{
		Kind: KindTillAdd, Member: pick(g.Random, []uint16{1, 3, 4}), Store: uint16(g.Between(1, 3)),
		TillKey: g.w.Derive("till added", g.made), Rights: uint8(g.Between(1, 7)),
		Currency: pick(g.Random, []uint16{756, 978}), ValidFrom: g.now - g.Scaled(dayMs),
		ValidUntil: g.now + 1 + g.Scaled(100*dayMs), DayCap: pick(g.Random, []uint64{moneyMax, g.Scaled(20_000)}),
		Label: pick(g.Random, []string{"", "Kasse 7", "32 bytes are all that can be had"}),
	}
	if g.Chance(30) {
		edits := []func(){
			func() { t.Member = uint16(g.N(9)) },
			func() { t.TillKey = pick(g.Random, g.tills) },
			func() { t.ValidFrom = g.around(t.ValidUntil) },
			func() { t.ValidFrom = g.now + g.Scaled(100_000); t.ValidUntil = t.ValidFrom + g.Scaled(dayMs) },
			func() { t.ValidUntil = g.around(g.now) },
			func() { t.ValidUntil = g.around(g.now + 3*yearMs) },
			func() { t.Currency = uint16(g.near(uint64(t.Currency))) },
		}
		pick(g.Random, edits)()
	}
	return g.sign(t, t.Member)
}

func (g *chaos) revokeTill() *Tx {
	t := &Tx{Kind: KindTillRevoke, TillKey: pick(g.Random, g.tills)}
	t.Member = g.m.tills[t.TillKey].Member
	if g.Chance(20) {
		t.TillKey = g.wallet()
	}
	if g.Chance(20) {
		t.Member = pick(g.Random, []uint16{1, 3, 4, 2, 8})
	}
	return g.sign(t, t.Member)
}

// claimable says that a campaign takes claims now and has tickets left.
func (g *chaos) claimable(c *campaign) bool {
	return c.state == published && c.issued < c.nextSerial-1 && g.now >= c.terms.ClaimFrom && g.now < c.terms.ClaimUntil
}

func (g *chaos) claim() *Tx {
	t := &Tx{Kind: KindClaim, Campaign: g.someCampaign(), Expires: g.expiry(g.w.LifeMs), Batch: 1, Serial: 1}
	for range 6 {
		if c := g.m.campaigns[t.Campaign]; c != nil && g.claimable(c) {
			break
		}
		if t.Campaign = g.someCampaign(); g.Chance(20) {
			return g.commit()
		}
	}
	t.ClaimKey = g.w.Derive("claim", g.made)
	t.TicketExpires = g.now + g.Scaled(dayMs)
	t.TicketKey, t.To = g.wallet(), g.wallet()
	if c := g.m.campaigns[t.Campaign]; c != nil && c.batches > 0 {
		t.Batch = uint16(g.Between(1, uint64(c.batches)))
		b := g.m.batches[batchKey{t.Campaign, t.Batch}]
		if b == nil { // pruned
			return t
		}
		t.TicketKey = b.ticketKey
		for range 4 {
			t.Serial = b.first + uint32(g.Between(0, uint64(b.count)-1))
			if g.m.coupons[couponID(t.Campaign, t.Serial)] == nil {
				break
			}
		}
	}
	if g.Chance(15) {
		edits := []func(){
			func() { t.Campaign = uint32(g.near(uint64(t.Campaign))) },
			func() { t.Batch = uint16(g.near(uint64(t.Batch))) },
			func() { t.Serial = uint32(g.near(uint64(t.Serial))) },
			func() { t.Serial = 1<<32 - 1 },
			func() { t.TicketKey = g.wallet() },
			func() { t.TicketExpires = g.around(g.now) },
		}
		pick(g.Random, edits)()
	}
	return t
}

// someCoupon draws a coupon, mostly one that is still good.
func (g *chaos) someCoupon() (uint64, *couponState) {
	var live []uint64
	for _, id := range g.coupons {
		if k := g.m.coupons[id]; k.status != redeemed && g.now < g.m.until(id) {
			live = append(live, id)
		}
	}
	if len(live) == 0 || g.Chance(6) {
		live = g.coupons
	}
	id := pick(g.Random, live)
	return id, g.m.coupons[id]
}

func (g *chaos) transfer() *Tx {
	if len(g.coupons) == 0 {
		return nil
	}
	id, k := g.someCoupon()
	t := &Tx{
		Kind: KindTransfer, Expires: g.expiry(g.w.LifeMs), Coupon: id, Seq: k.seq, Mover: k.owner, To: g.wallet(),
	}
	if k.status == gifted {
		switch g.N(8) {
		case 0, 1, 2:
			t.Mover = k.giftKey
		case 3:
			t.Mover, t.To = k.giftKey, k.owner
		case 4:
			t.Mover, t.GiftUntil = k.giftKey, g.now+g.Scaled(dayMs)
		case 5, 6:
			t.To = k.owner
		}
	} else {
		switch g.N(8) {
		case 0:
			t.To = k.owner
		case 1, 2, 3, 4:
			t.To, t.GiftUntil = g.w.Derive("gift", g.made), g.now+g.Scaled(600_000)
		}
	}
	if g.Chance(15) {
		edits := []func(){
			func() { t.Coupon = g.near(t.Coupon) },
			func() { t.Seq = uint32(g.near(uint64(t.Seq))) },
			func() { t.Mover = g.wallet() },
			func() { t.To = k.owner },
			func() { t.GiftUntil = g.around(g.now) },
			func() { t.GiftUntil = g.around(g.now + 30*dayMs) },
			func() { t.GiftUntil, t.To = g.now+1000, k.owner },
			func() {
				if len(g.gifts) > 0 {
					t.Mover = pick(g.Random, g.gifts)
				}
			},
		}
		pick(g.Random, edits)()
	}
	return t
}

// someTill draws a till, mostly one that may act for a campaign now.
func (g *chaos) someTill(rights uint8, fits func(*till) bool) Key {
	key := pick(g.Random, g.tills)
	for range 25 {
		if g.m.tillRefused(key, rights) == nil && fits(g.m.tills[key]) || g.Chance(1) {
			break
		}
		key = pick(g.Random, g.tills)
	}
	return key
}

func (g *chaos) redeem() *Tx {
	if len(g.coupons) == 0 {
		return nil
	}
	id, k := g.someCoupon()
	number := uint32(id >> 32)
	terms := &g.m.campaigns[number].terms
	t := &Tx{Kind: KindRedeem, Expires: g.expiry(g.w.LifeMs)}
	v, a := &t.Invoice, &t.Auth
	v.TillKey = g.someTill(RightRedeem, func(t *till) bool {
		return t.Currency == terms.Currency && terms.goodAt(t.Member, t.Store)
	})
	v.Currency, v.Campaign, v.BasketHash = terms.Currency, number, g.Bytes32()
	v.Expires = g.now + g.Between(1, g.w.LifeMs)
	if terms.Kind != KindFreeItem && terms.ProductHash == [32]byte{} && g.Chance(60) {
		v.Campaign = 0
	}
	g.bill(terms, v)
	a.Coupon, a.Seq, a.Holder, a.Mode = id, k.seq, k.owner, uint8(g.N(2))
	if terms.ShowMax == 0 && g.Chance(90) {
		a.Mode = ModeInvoice
	}
	if g.Chance(30) {
		a.Merchant = g.m.tills[v.TillKey].Member
	}
	if len(g.invoices) > 0 && g.Chance(4) {
		*v = pick(g.Random, g.invoices[max(0, len(g.invoices)-5):])
	}
	g.authValue(terms, k, v, a)
	if g.Chance(25) {
		g.disturbRedeem(t)
	}
	t.Auth.Expires = t.Expires
	if a.Mode == ModeInvoice {
		a.Merchant = 0
		a.Invoice = g.m.invoiceDigest(t)
		if g.Chance(2) {
			a.Invoice[g.N(32)] ^= 1
		}
	}
	return t
}

// bill draws a basis, and items where the kind asks for them.
func (g *chaos) bill(terms *Terms, v *Invoice) {
	v.Basis = min(max(terms.MinSpend, pick(g.Random, []uint64{
		terms.Face, g.near(terms.Face), terms.Face * 2, g.Scaled(20_000), terms.Ceiling * 2, terms.MinSpend,
	})), moneyMax)
	if terms.Kind == KindFreeItem {
		v.Qty = uint16(g.Between(1, 3))
		v.Unit = min(max(1, pick(g.Random, []uint64{terms.Face, g.near(terms.Face), g.Scaled(terms.Face)})), moneyMax/3)
		v.Basis = max(v.Basis, uint64(v.Qty)*v.Unit)
	}
}

func (g *chaos) authValue(terms *Terms, k *couponState, v *Invoice, a *Auth) {
	if terms.Kind == KindStored {
		a.Value = pick(g.Random, []uint64{g.Scaled(max(k.valueLeft, 1)), k.valueLeft, min(k.valueLeft, v.Basis)})
		if a.Mode == ModeInvoice && g.Chance(85) {
			a.Value = min(a.Value, v.Basis)
		}
		a.Value = max(a.Value, 1)
		if a.Mode == ModeInvoice && g.Chance(5) {
			a.Value, v.Basis = min(k.valueLeft+1, moneyMax), moneyMax
		}
		return
	}
	a.Value = max(1, terms.ruleValue(v, a, 0))
	if a.Mode == ModeShow && g.Chance(50) {
		a.Value = min(a.Value+g.Scaled(1_000), moneyMax)
	}
}

func (g *chaos) disturbRedeem(t *Tx) {
	v, a := &t.Invoice, &t.Auth
	edits := []func(){
		func() { v.TillKey = g.wallet() },
		func() { v.TillKey = pick(g.Random, g.tills) },
		func() { v.TillKey = pick(g.Random, g.tills) },
		func() { v.Campaign = uint32(g.near(uint64(v.Campaign))) },
		func() { v.Campaign = 0 },
		func() { v.Currency = pick(g.Random, []uint16{0, 756, 978}) },
		func() { v.Basis = g.near(v.Basis) },
		func() { v.Basis, a.Value = 0, 1 },
		func() { v.Qty = uint16(g.near(uint64(v.Qty))) },
		func() { v.Unit = g.near(v.Unit) },
		func() { v.Qty = 0 },
		func() { v.Unit = 0 },
		func() { v.Unit = g.around(v.Basis / max(1, uint64(v.Qty))) },
		func() { v.Expires = g.around(g.now) },
		func() { v.Expires = g.around(g.now + g.w.LifeMs) },
		func() { a.Coupon = g.near(a.Coupon) },
		func() { a.Coupon = pick(g.Random, g.coupons) },
		func() { a.Seq = uint32(g.near(uint64(a.Seq))) },
		func() { a.Holder = g.wallet() },
		func() { a.Value = max(1, g.near(a.Value)) },
		func() { a.Value = max(1, g.near(a.Value)) },
		func() { a.Mode ^= 1 },
		func() { a.Merchant = uint16(g.N(5)) },
	}
	pick(g.Random, edits)()
}

func (g *chaos) void() *Tx {
	if len(g.redeemed) == 0 {
		return nil
	}
	k := pick(g.Random, g.redeemed)
	for range 5 {
		r := g.m.redemptions[k]
		if r.state == accrued && g.now < r.finalAt || g.Chance(5) {
			break
		}
		k = pick(g.Random, g.redeemed[max(0, len(g.redeemed)-20):])
	}
	r := g.m.redemptions[k]
	t := &Tx{Kind: KindVoid, Expires: g.expiry(g.w.LifeMs), Coupon: k.coupon, Seq: k.seq}
	t.Key = g.someTill(RightVoidOwn|RightVoidAny, func(t *till) bool {
		return t.Member == r.member && (t.Rights&RightVoidAny != 0 || t.Key == r.tillKey)
	})
	if g.Chance(12) {
		edits := []func(){
			func() { t.Coupon = g.near(t.Coupon) },
			func() { t.Seq = uint32(g.near(uint64(t.Seq))) },
			func() { t.Key = g.wallet() },
			func() { t.Key = pick(g.Random, g.tills) },
			func() { t.Key = pick(g.Random, g.tills) },
		}
		pick(g.Random, edits)()
	}
	return t
}
