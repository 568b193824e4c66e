package coupontest

import "slices"

// Plant is a change made to the state between two blocks, by no transaction: what stage 1 cannot bring about by
// itself but its rules speak of.
type Plant struct {
	Member uint16 // a member's new state, if not 0
	State  uint8
	Coupon uint64 // a coupon's new seq, if not 0
	Seq    uint32

	Roles   bool // the member keeps its state, and its role as a merchant or payer changes
	Params  bool // version 2: PayMs, Clearer and NetMode are new
	PayMs   uint64
	Clearer uint16
	NetMode uint8

	Campaign  uint32 // a campaign's longer life, if not 0
	ExtendMs  uint64 // added to redeem_until
	StretchMs uint64 // added to stretch_ms
}

// Block is one block of a history. All its transactions decode; they need not be acceptable.
type Block struct {
	Height  uint64
	TimeMs  uint64
	Head    Head
	Plants  []Plant // before the block
	Txs     [][]byte
	reached []string // kind, code and check of each transaction, as the model saw it
}

// History is a chain of blocks over a world.
type History struct {
	World  *World
	Blocks []Block
	over   bool // it was wound down
}

// Plant makes a change and returns the row that it changed.
func (m *Model) Plant(p Plant) (key, value []byte) {
	if p.Params {
		m.two.payMs, m.two.clearer, m.two.netMode = p.PayMs, p.Clearer, p.NetMode
		key = []byte{rowProtocol}
	}
	if p.Member != 0 && p.Roles {
		m.members[p.Member].Roles ^= p.State
		key = be16([]byte{rowMember}, p.Member)
	} else if p.Member != 0 {
		m.members[p.Member].state = p.State
		key = be16([]byte{rowMember}, p.Member)
	}
	if p.Coupon != 0 {
		m.coupons[p.Coupon].seq = p.Seq
		key = be64([]byte{rowCoupon}, p.Coupon)
	}
	if p.Campaign != 0 {
		m.campaigns[p.Campaign].redeemUntil += p.ExtendMs
		m.campaigns[p.Campaign].stretchMs += p.StretchMs
		key = be32([]byte{rowCampaign}, p.Campaign)
	}
	return key, m.Rows()[string(key)]
}

// chaos makes a random history: it runs the model beside, knows the whole state, and aims at the edges of the rules.
type chaos struct {
	*Random
	w *World
	m *Model

	now       uint64
	campaigns []uint32
	coupons   []uint64
	redeemed  []redemptionKey
	tills     []Key
	tickets   []Key
	gifts     []Key
	invoices  []Invoice
	recent    [][]byte // executed, to be retried or damaged
	waiting   [][]byte // made, to be executed later
	services  []Key
	pays      []Tx // trades that were made
	made      uint64
	block     *Block
}

// RandomHistory makes a chain of some blocks from a seed, with some dozen transactions of all kinds in each, good and
// bad, weighted so that deep states are reached. Keys and signatures are fake if asked, see [Ring]; if not, every
// signature verifies.
func RandomHistory(seed uint64, blocks int, fake bool) *History {
	return randomHistory(seed, blocks, fake, 0)
}

// MigratingHistory is RandomHistory for a chain that has version 2 of the rules from a height on, while campaigns of
// version 1 live if that is not 1. Members trade, amend, settle, pay and object.
func MigratingHistory(seed uint64, blocks int, upgradeAt uint64) *History {
	return randomHistory(seed, blocks, true, upgradeAt)
}

func randomHistory(seed uint64, blocks int, fake bool, upgradeAt uint64) *History {
	g := &chaos{Random: NewRandom(seed), now: 1_795_000_000_000}
	g.now += g.Between(0, 3*dayMs)
	g.w = chaosWorld(seed, g.now, fake)
	if g.w.UpgradeAt = upgradeAt; upgradeAt > 0 {
		g.w.CycleMs = pick(g.Random, []uint64{3_600_000, 3_600_001, dayMs})
	}
	g.m = NewModel(g.w)
	for _, t := range g.w.Tills {
		g.tills = append(g.tills, t.Key)
	}
	h := &History{World: g.w}
	for i := range blocks {
		g.block = &Block{Height: uint64(i + 1), TimeMs: g.now}
		if i == 0 {
			g.plant(Plant{Member: 5, State: suspended})
			g.plant(Plant{Member: 7, State: left})
		}
		g.disturbState()
		if g.m.two != nil {
			g.disturbParams()
		}
		g.m.Begin(g.block.Height, g.now)
		n := g.N(24)
		if i < 3 {
			n = 12
		}
		for range n {
			g.step(i < 3)
		}
		g.m.End()
		g.forget()
		h.Blocks = append(h.Blocks, *g.block)
		g.advance()
	}
	if g.m.two != nil && g.w.CycleMs == dayMs {
		g.windDown(h)
	}
	return h
}

// chaosWorld is a small world in which little fits: members of all roles and states, tills of all rights, windows and
// caps, tight and ample funding.
func chaosWorld(seed, now uint64, fake bool) *World {
	w := emptyWorld(seed, fake)
	r := NewRandom(seed ^ 0xABCDEF)
	w.LifeMs = pick(r, []uint64{180 * secondMs, 180 * secondMs, 20 * secondMs, 600 * secondMs})
	w.MemberLifeMs = pick(r, []uint64{7 * dayMs, 7 * dayMs, 3_600_000})
	w.CycleMs = pick(r, []uint64{3_600_000, 3_600_001, dayMs, 7 * dayMs})
	w.addMember(RoleIssuer|RoleMerchant, 1, 1)
	w.addMember(RoleIssuer|RolePayment, 2, 3)
	w.addMember(RoleMerchant, 1, 2)
	w.addMember(RoleMerchant|RolePayment, 3, 4)
	w.addMember(RoleIssuer|RoleMerchant, 1, 1)
	w.addMember(RolePayment, 1, 1)
	w.addMember(RoleIssuer|RoleMerchant, 1, 1)
	w.Seat(2, 3, 4, 6)
	w.Funding = []Funding{
		{1, 756, moneyMax}, {1, 978, moneyMax}, {2, 756, 50_000_000}, {2, 978, moneyMax}, {3, 978, r.Scaled(moneyMax)},
		{4, 978, 0}, {5, 978, moneyMax}, {6, 756, r.Scaled(moneyMax)}, {6, 978, r.Scaled(moneyMax)},
	}
	for i := range 14 {
		from := now - r.Scaled(dayMs)
		if r.Chance(15) {
			from = now + r.Scaled(3_600_000)
		}
		w.Tills = append(w.Tills, Till{
			Key: w.Derive("till", uint64(i)), Member: pick(r, []uint16{1, 1, 3, 3, 4, 4, 5}),
			Store: uint16(r.Between(1, 3)), Rights: pick(r, []uint8{1, 1, 2, 3, 4, 5, 6, 7, 7, 7}),
			Currency: pick(r, []uint16{978, 978, 978, 756}), ValidFrom: from,
			ValidUntil: max(from, now) + pick(r, []uint64{r.Scaled(90 * dayMs), yearMs, yearMs}),
			DayCap:     pick(r, []uint64{moneyMax, moneyMax, moneyMax, 20_000, r.Scaled(10_000)}), Label: "Kasse",
		})
	}
	for i := range 5 {
		w.Wallets = append(w.Wallets, w.Derive("wallet", uint64(i)))
	}
	return w
}

// disturbState now and then suspends a member, brings one back, lengthens a campaign's life, or brings a coupon to its
// last seq.
func (g *chaos) disturbState() {
	var p Plant
	switch {
	case g.Chance(4):
		p.Member, p.State = uint16(g.Between(1, 4)), suspended
	case g.Chance(12):
		for id := uint16(1); id <= 4; id++ {
			if g.m.members[id].state == suspended {
				p.Member = id
			}
		}
	case g.Chance(2) && len(g.campaigns) > 0:
		p.Campaign = pick(g.Random, g.campaigns)
		p.ExtendMs, p.StretchMs = uint64(g.N(2))*g.Scaled(dayMs), g.Scaled(dayMs)
	case g.N(1000) < 9 && len(g.coupons) > 0:
		p.Coupon = pick(g.Random, g.coupons)
		if len(g.redeemed) > 0 && g.Chance(50) {
			p.Coupon = pick(g.Random, g.redeemed).coupon
		}
		if g.m.coupons[p.Coupon].seq > 1<<31 {
			return
		}
		p.Seq = uint32(1<<32 - g.Between(1, 3))
	}
	if p.State == suspended && g.w.Set.place(p.Member) >= 0 && g.m.seatsActive(&g.w.Set)-1 < g.w.Set.quorum() {
		return // no decision would lead there
	}
	if p != (Plant{}) {
		g.plant(p)
	}
}

func (g *chaos) plant(p Plant) {
	g.m.Plant(p)
	g.block.Plants = append(g.block.Plants, p)
}

// advance moves time on: a little, far, or to just before, at or after an instant at which something ends or begins.
func (g *chaos) advance() {
	if g.m.two != nil && g.Chance(22) {
		g.now = (g.now/g.w.CycleMs+pick(g.Random, []uint64{1, 1, 1, 2, 3}))*g.w.CycleMs + g.Between(0, 2) - 1
		return
	}
	if g.m.two != nil && g.Chance(4) && g.toClear() > g.now {
		g.now = g.toClear() + g.Between(0, 1)
		return
	}
	switch n := g.N(100); {
	case n < 50:
		g.now += g.Scaled(8_000)
	case n < 94:
		if bounds := g.bounds(); len(bounds) > 0 {
			g.now = pick(g.Random, bounds[:min(len(bounds), 3)]) + g.Between(0, 2) - 1
			return
		}
		g.now++
	case n < 99:
		g.now += g.Scaled(3_600_000)
	default:
		g.now += g.Scaled(20 * dayMs)
	}
}

// bounds lists, ascending, the instants at which something will end or begin.
func (g *chaos) bounds() (list []uint64) {
	for _, id := range g.campaigns {
		t := &g.m.campaigns[id].terms
		list = append(list, t.ClaimFrom, t.ClaimUntil, t.RedeemFrom, t.RedeemUntil)
	}
	for _, id := range g.coupons {
		k := g.m.coupons[id]
		if k.status != redeemed {
			until := g.m.until(id)
			list = append(list, until, until+uint64(g.m.campaigns[uint32(id>>32)].terms.GraceMs))
		}
		if k.status == gifted {
			list = append(list, k.giftUntil)
		}
	}
	for _, k := range g.redeemed {
		list = append(list, g.m.redemptions[k].finalAt)
	}
	for _, k := range g.tills {
		list = append(list, g.m.tills[k].ValidFrom, g.m.tills[k].ValidUntil)
	}
	for _, raw := range slices.Concat(g.waiting, g.recent) {
		t, _ := DecodeAt(2, raw)
		list = append(list, t.Expires, (t.Expires/bucketMs+1)*bucketMs)
		if t.Kind == KindRedeem {
			list = append(list, t.Invoice.Expires)
		}
	}
	if g.m.two != nil {
		list = append(list, g.bounds2()...)
	}
	list = append(list, (g.now/dayMs+1)*dayMs, (g.now/g.w.CycleMs+1)*g.w.CycleMs)
	list = slices.DeleteFunc(list, func(t uint64) bool { return t < g.now+2 || t > g.now+40*dayMs })
	slices.Sort(list)
	return slices.Compact(list)
}

// step makes the next transaction of the block and runs it.
func (g *chaos) step(opening bool) {
	switch n := g.N(100); {
	case n < 5 && len(g.recent) > 0:
		g.execute(pick(g.Random, g.recent))
		return
	case n < 9 && len(g.recent) > 0 && g.w.Ring.Fake:
		if raw := Damage(g.Random, pick(g.Random, g.recent)); raw != nil {
			if t, bad := g.decode(raw); bad == 0 && t.Hint == g.w.Hint && t.Bound(g.w.Chain) {
				g.execute(raw)
			}
		}
		return
	case n < 15 && len(g.waiting) > 0:
		i := g.N(len(g.waiting))
		raw := g.waiting[i]
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.execute(raw)
		return
	}
	t := g.make(opening)
	if t == nil {
		return
	}
	t.Hint = g.w.Hint
	raw := g.w.Finish(t)
	if t, bad := g.decode(raw); bad != 0 || !t.Bound(g.w.Chain) {
		return
	}
	if g.Chance(7) {
		g.waiting = append(g.waiting, raw)
		return
	}
	g.execute(raw)
}

// make builds one transaction of a random kind.
func (g *chaos) make(opening bool) *Tx {
	g.made++
	if opening && g.Chance(60) {
		return pick(g.Random, []func() *Tx{g.publish, g.commit, g.commit})()
	}
	if open := g.openCampaigns(); len(open) < 3 && g.Chance(12) {
		return g.publish()
	}
	if g.m.two != nil && g.Chance(50) {
		return g.make2()
	}
	switch n := g.N(100); {
	case n < 4:
		return g.publish()
	case n < 10:
		return g.steer()
	case n < 16:
		return g.commit()
	case n < 19:
		return g.addTill()
	case n < 21:
		return g.revokeTill()
	case n < 42:
		return g.claim()
	case n < 61:
		return g.transfer()
	case n < 88:
		return g.redeem()
	}
	return g.void()
}

// execute runs a transaction in the model and learns from its outcome.
func (g *chaos) execute(raw []byte) {
	o := g.m.Execute(raw)
	g.block.Txs = append(g.block.Txs, raw)
	g.block.reached = append(g.block.reached, reachedName(o))
	g.recent = append(g.recent, raw)
	if len(g.recent) > 40 {
		g.recent = g.recent[1:]
	}
	if o.Code != 0 {
		return
	}
	t, _ := g.decode(raw)
	switch t.Kind {
	case KindIssue:
		for i := range t.Tos {
			g.coupons = append(g.coupons, couponID(t.Campaign, g.m.campaigns[t.Campaign].nextSerial-uint32(i)-1))
		}
	case KindServiceAdd:
		g.services = append(g.services, t.Key)
	case KindTrade:
		g.pays = append(g.pays, *t)
	case KindPublish:
		g.campaigns = append(g.campaigns, g.m.nextCampaign-1)
	case KindTillAdd:
		g.tills = append(g.tills, t.TillKey)
	case KindClaim:
		g.coupons = append(g.coupons, couponID(t.Campaign, t.Serial))
	case KindTransfer:
		if t.GiftUntil > 0 {
			g.gifts = append(g.gifts, t.To)
		}
	case KindRedeem:
		g.redeemed = append(g.redeemed, redemptionKey{t.Auth.Coupon, t.Auth.Seq})
		g.invoices = append(g.invoices, t.Invoice)
	}
}

// Damage returns a copy of a transaction's bytes with a few bytes changed, cut off, or added.
func Damage(r *Random, raw []byte) []byte {
	b := slices.Clone(raw)
	for range 1 + r.N(3) {
		if len(b) == 0 {
			return b
		}
		i := r.N(len(b))
		switch r.N(6) {
		case 0:
			b[i] ^= 1 << r.N(8)
		case 1:
			b[i] = byte(r.Uint64())
		case 2:
			b[i]++
		case 3:
			b[i] = pick(r, []byte{0, 1, 0xFF, 0x7F, 0x80})
		case 4:
			b = b[:i]
		case 5:
			b = slices.Insert(b, i, byte(r.Uint64()))
		}
		if r.Chance(60) {
			break
		}
	}
	return b
}
