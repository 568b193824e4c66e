package coupontest

// Workload shapes what a [Generator] makes.
type Workload struct {
	// Campaigns are published by Setup, their issuers and value kinds in turn. At least 1.
	Campaigns int
	// HotPercent of all claims go to the first campaign, the rest evenly to all.
	HotPercent int
	// Claim, Transfer, Redeem and Void weigh the kinds. Where the one drawn is not possible, a Claim takes its place.
	Claim, Transfer, Redeem, Void int
	// Lag is the number of transactions that are made between two of the same coupon. Transactions less than Lag apart
	// can be executed in any order; with 0 they must be executed as they are made.
	Lag uint64
}

// DailyWorkload has about 14 claims to a redemption, half of them on one campaign: a burst day of a published data set.
func DailyWorkload() Workload {
	return Workload{Campaigns: 8, HotPercent: 50, Claim: 70, Transfer: 12, Redeem: 5, Void: 1}
}

// Generator makes an endless stream of transactions that a chain accepts, if the Setup ones come first and each later
// one is executed while its time is good: within 90 s from the time that Next was given.
type Generator struct {
	w         *World
	mix       Workload
	r         *Random
	startMs   uint64
	made      uint64
	campaigns []offer
	coupons   []holding
	done      []use
}

// offer is a campaign as the generator knows it. Its number is its place, counted from 1.
type offer struct {
	terms     Terms
	ticketKey Key
	serial    uint32
}

// holding is a coupon as it will be once all transactions made so far are executed.
type holding struct {
	id        uint64
	owner     Key
	seq       uint32
	usesLeft  uint16
	valueLeft uint64
	ready     uint64 // made at which it may be used again
}

// use is a redemption that can be voided.
type use struct {
	holding
	till  Key
	value uint64
	final uint64
}

// NewGenerator returns a generator over a world from [NewWorld]. startMs is the time of the first block, or before it.
func NewGenerator(w *World, mix Workload, seed, startMs uint64) *Generator {
	return &Generator{w: w, mix: mix, r: NewRandom(seed), startMs: startMs}
}

// Setup returns the transactions that publish the campaigns and open their tickets, to be executed in this order on a
// chain that holds no campaign yet.
func (g *Generator) Setup() (list [][]byte) {
	expires := g.startMs + g.w.MemberLifeMs/2
	for i := range g.mix.Campaigns {
		issuer := g.w.Members[i%len(g.w.Members)].ID
		o := offer{terms: g.terms(uint8(i%4), issuer), ticketKey: g.w.Derive("generator ticket", uint64(i)), serial: 1}
		list = append(list, g.w.Finish(&Tx{
			Kind: KindPublish, Expires: expires, Terms: o.terms, Members: g.w.Entries(issuer),
		}))
		list = append(list, g.w.Finish(&Tx{
			Kind: KindBatch, Expires: expires, Campaign: uint32(i + 1), First: 1, Count: o.terms.MaxSupply,
			TicketKey: o.ticketKey, Members: g.w.Entries(issuer),
		}))
		g.campaigns = append(g.campaigns, o)
	}
	return list
}

// terms returns plain terms of a kind, the largest supply, transfers without limit, and no limit to a holder.
func (g *Generator) terms(kind uint8, issuer uint16) Terms {
	t := Terms{
		Format: 1, Issuer: issuer, Funders: []Funder{{issuer, 10_000}}, Currency: 978, Title: "Workload",
		TermsHash: g.r.Bytes32(), Kind: kind, Uses: 1, ReimburseBps: 10_000, Fee: 2, ShowMax: moneyMax,
		MaxSupply: 10_000_000, ClaimFrom: g.startMs, ClaimUntil: g.startMs + yearMs, RedeemFrom: g.startMs,
		RedeemUntil: g.startMs + yearMs, RollbackMs: 3 * dayMs, Transfer: TransferTrade, MaxTransfers: 255,
	}
	switch kind {
	case KindAmount:
		t.Face, t.MinSpend = 500, 2_000
	case KindPercent:
		t.Bps, t.Ceiling, t.Rounding, t.Uses = 1_500, 2_000, 1, 3
	case KindFreeItem:
		t.Face = 450
	case KindStored:
		t.Face, t.Uses = 5_000, 10
	}
	t.Budget = t.worst() * uint64(t.MaxSupply)
	return t
}

// Next returns one more transaction for a block of about the given time, in Unix milliseconds.
func (g *Generator) Next(timeMs uint64) []byte {
	g.made++
	n := g.r.N(g.mix.Claim + g.mix.Transfer + g.mix.Redeem + g.mix.Void)
	var raw []byte
	switch n -= g.mix.Claim; {
	case n < 0:
	case n < g.mix.Transfer:
		raw = g.transfer(timeMs)
	case n < g.mix.Transfer+g.mix.Redeem:
		raw = g.redeem(timeMs)
	default:
		raw = g.void(timeMs)
	}
	if raw == nil {
		raw = g.claim(timeMs)
	}
	return raw
}

// expires is half of a till or holder transaction's life ahead.
func (g *Generator) expires(timeMs uint64) uint64 { return timeMs + g.w.LifeMs/2 }

func (g *Generator) claim(timeMs uint64) []byte {
	n := 0
	if g.r.N(100) >= g.mix.HotPercent {
		n = g.r.N(len(g.campaigns))
	}
	o := &g.campaigns[n]
	t := &Tx{
		Kind: KindClaim, Expires: g.expires(timeMs), Campaign: uint32(n + 1), Batch: 1, Serial: o.serial,
		ClaimKey: g.w.Derive("generator claim", uint64(n), uint64(o.serial)), TicketExpires: o.terms.ClaimUntil,
		TicketKey: o.ticketKey, To: pick(g.r, g.w.Wallets),
	}
	o.serial++
	k := holding{id: couponID(t.Campaign, t.Serial), owner: t.To, usesLeft: o.terms.Uses, ready: g.made + g.mix.Lag}
	if o.terms.Kind == KindStored {
		k.valueLeft = o.terms.Face
	}
	g.coupons = append(g.coupons, k)
	raw := g.w.Finish(t)
	delete(g.w.Ring.keys, t.ClaimKey)
	return raw
}

// ready draws a live coupon that may be used now, or -1.
func (g *Generator) ready() int {
	for range 8 {
		if len(g.coupons) == 0 {
			break
		}
		if i := g.r.N(len(g.coupons)); g.coupons[i].ready <= g.made {
			return i
		}
	}
	return -1
}

// transfer moves a coupon to another wallet, or refreshes it if the draw falls on its owner.
func (g *Generator) transfer(timeMs uint64) []byte {
	i := g.ready()
	if i < 0 {
		return nil
	}
	k := &g.coupons[i]
	t := &Tx{
		Kind: KindTransfer, Expires: g.expires(timeMs), Coupon: k.id, Seq: k.seq, Mover: k.owner,
		To: pick(g.r, g.w.Wallets),
	}
	k.owner, k.seq, k.ready = t.To, k.seq+1, g.made+g.mix.Lag
	return g.w.Finish(t)
}

func (g *Generator) redeem(timeMs uint64) []byte {
	i := g.ready()
	if i < 0 {
		return nil
	}
	k := &g.coupons[i]
	terms := &g.campaigns[k.id>>32-1].terms
	t := &Tx{Kind: KindRedeem, Expires: g.expires(timeMs)}
	v, a := &t.Invoice, &t.Auth
	*v = Invoice{
		TillKey: pick(g.r, g.w.Tills).Key, Campaign: uint32(k.id >> 32), Currency: terms.Currency,
		Basis: g.r.Between(2_000, 20_000), BasketHash: g.r.Bytes32(), Expires: t.Expires,
	}
	if terms.Kind == KindFreeItem {
		v.Qty, v.Unit = 1, g.r.Between(300, 600)
	}
	*a = Auth{Coupon: k.id, Seq: k.seq, Holder: k.owner, Expires: t.Expires, Mode: uint8(g.r.N(2))}
	if terms.Kind == KindStored {
		a.Value = min(g.r.Between(1, 2_000), k.valueLeft)
	} else {
		a.Value = terms.ruleValue(v, a, 0)
	}
	if a.Mode == ModeInvoice {
		a.Invoice = digest(g.w.Chain, tagInvoice, v.Bytes())
	}
	done := use{holding: *k, till: v.TillKey, value: a.Value, final: timeMs + terms.RollbackMs/2}
	done.ready = g.made + g.mix.Lag
	g.done = append(g.done, done)
	k.seq++
	k.usesLeft--
	k.ready = g.made + g.mix.Lag
	if terms.Kind == KindStored {
		k.valueLeft -= a.Value
	}
	if k.usesLeft == 0 || terms.Kind == KindStored && k.valueLeft == 0 {
		g.coupons[i] = g.coupons[len(g.coupons)-1]
		g.coupons = g.coupons[:len(g.coupons)-1]
	}
	return g.w.Finish(t)
}

// void undoes the latest redemption of a coupon that was used up by it, and brings the coupon back.
func (g *Generator) void(timeMs uint64) []byte {
	for range 4 {
		if len(g.done) == 0 {
			return nil
		}
		i := g.r.N(len(g.done))
		d := g.done[i]
		terms := &g.campaigns[d.id>>32-1].terms
		spent := d.usesLeft == 1 || terms.Kind == KindStored && d.valueLeft == d.value
		late := timeMs >= d.final
		if spent && !late && d.ready > g.made {
			continue
		}
		g.done[i] = g.done[len(g.done)-1]
		g.done = g.done[:len(g.done)-1]
		if !spent || late {
			continue
		}
		k := d.holding
		k.seq, k.ready = d.seq+2, g.made+g.mix.Lag
		g.coupons = append(g.coupons, k)
		return g.w.Finish(&Tx{
			Kind: KindVoid, Expires: g.expires(timeMs), Coupon: d.id, Seq: d.seq, Key: d.till,
		})
	}
	return nil
}
