package coupon

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// history plays random transactions, most of them meaningful, on a world whose
// invariants are checked after every block.
type history struct {
	*world
	rng       *rand.Rand
	campaigns []uint32
	next      map[uint32]uint32 // next serial to claim
	coupons   []CouponID
	done      []redemptionID
	people    []Signer
	salt      byte
	codes     map[Code]int
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 0)), next: map[uint32]uint32{},
		codes: map[Code]int{}}
	for _, name := range []string{"holder", "friend", "third"} {
		h.people = append(h.people, keyOf(name))
	}
	for kind := Amount; kind <= Stored; kind++ {
		h.campaigns = append(h.campaigns, h.publish(h.randomTerms(kind)))
	}
	return h
}

func (h *history) randomTerms(kind ValueKind) Terms {
	return h.terms(func(t *Terms) {
		t.ValueKind, t.Uses, t.Fee = kind, uint16(1+h.rng.IntN(3)), uint64(h.rng.IntN(20))
		t.Transfer, t.MaxTransfers, t.HolderCap = TransferGift, uint8(1+h.rng.IntN(3)), uint16(h.rng.IntN(12))
		t.Budget, t.ShowMax = 30_000, uint64(h.rng.IntN(3000))
		t.RollbackMs = uint64(h.rng.IntN(2)) * uint64(h.rng.IntN(400_000_000))
		t.Funders = []Funder{{issuer, 3000}, {funder, 7000}}
		if kind == Percent {
			t.Face, t.Bps, t.Ceiling, t.Rounding = 0, uint16(1+h.rng.IntN(10000)), 2000, uint8(h.rng.IntN(2))
		} else if kind != Stored && h.rng.IntN(2) == 0 {
			t.Reimburse = ReimburseFace
		}
		if t.Reimburse == ReimburseUsed {
			t.ReimburseBps, t.Shops = uint16(h.rng.IntN(10001)), []Shop{{shopA, 0}}
		}
	})
}

func (h *history) person() Signer { return h.people[h.rng.IntN(len(h.people))] }

// move returns one random transaction.
func (h *history) move() []byte {
	if len(h.coupons) == 0 || h.rng.IntN(4) == 0 {
		g := h.campaigns[h.rng.IntN(len(h.campaigns))]
		h.next[g]++
		h.coupons = append(h.coupons, NewCouponID(g, h.next[g]))
		return h.claimTx(g, h.next[g], h.person())
	}
	id := h.coupons[h.rng.IntN(len(h.coupons))]
	var c Coupon
	if v, ok := h.rows[string(CouponKey(id))]; ok {
		c, _ = DecodeCoupon(v)
	}
	switch h.rng.IntN(5) {
	case 0:
		return h.transferTx(id, c.Seq, h.person(), h.person(), h.now*uint64(h.rng.IntN(2))+uint64(h.rng.IntN(2)))
	case 1:
		if len(h.done) > 0 {
			r := h.done[h.rng.IntN(len(h.done))]
			return h.voidTx(r.coupon, r.seq)
		}
	}
	h.salt++
	h.done = append(h.done, redemptionID{id, c.Seq})
	return h.redeemAs(id, c)
}

// redeemAs redeems with the value that the rule gives, by whoever owns it.
func (h *history) redeemAs(id CouponID, c Coupon) []byte {
	terms, err := DecodeTerms(h.rows[string(TermsKey(id.Campaign(), 1))])
	if err != nil {
		h.t.Fatal(err)
	}
	till := keyOf("till A")
	holder := h.people[0]
	for _, p := range h.people {
		if p.Key == c.Owner {
			holder = p
		}
	}
	inv := Invoice{TillKey: till.Key, Campaign: id.Campaign(), Currency: usd, Basis: uint64(1 + h.rng.IntN(5000)),
		BasketHash: BasketHash([16]byte{h.salt, byte(h.height)}, nil), Expires: h.expires()}
	if terms.ValueKind == FreeItem {
		inv.Qty, inv.Unit = 1, inv.Basis
	}
	u := Use{AuthValue: uint64(1 + h.rng.IntN(2000)), ValueLeft: c.ValueLeft, Basis: inv.Basis, Qty: inv.Qty,
		Unit: inv.Unit}
	auth := Auth{Coupon: id, Seq: c.Seq, Holder: holder.Key, Expires: h.expires()}
	if h.rng.IntN(2) == 0 {
		auth.Mode, auth.Value = ModeShow, 5000
		return h.chain.NewRedeemShow(inv, till, auth, h.chain.SignAuth(auth, holder))
	}
	auth.Value, auth.InvoiceDigest = max(1, RuleValue(&terms, u)), inv.Digest(h.chain)
	return h.chain.NewRedeemInvoice(inv, h.chain.SignInvoice(inv, till), auth, h.chain.SignAuth(auth, holder))
}

func (h *history) play(blocks int) {
	for range blocks {
		var raws [][]byte
		for range h.rng.IntN(6) {
			raws = append(raws, h.move())
		}
		for _, o := range h.block(raws...) {
			h.codes[o.Code]++
		}
		h.now += uint64(h.rng.IntN(40_000_000))
	}
}

func TestInvariantsHoldInRandomHistories(t *testing.T) {
	codes := map[Code]int{}
	for seed := range uint64(12) {
		h := newHistory(t, seed)
		h.play(60)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		for c, n := range h.codes {
			codes[c] += n
		}
	}
	t.Log(codes)
	for _, c := range []Code{OK, BudgetExhausted, AlreadyRedeemed, AlreadyVoided, NotOwner} {
		if codes[c] == 0 {
			t.Errorf("no transaction gave %s: the histories test too little", c)
		}
	}
	if codes[Overflow] != 0 {
		t.Errorf("%d transactions gave E110", codes[Overflow])
	}
}

func TestTheSameBlockGivesTheSameBytes(t *testing.T) {
	a, b := newHistory(t, 7), newHistory(t, 7)
	a.play(40)
	b.play(40)
	if len(a.rows) != len(b.rows) {
		t.Fatal("different states")
	}
	for k, v := range a.rows {
		if !bytes.Equal(v, b.rows[k]) {
			t.Fatalf("row %x differs", k)
		}
	}
}

// Any damage to a row must be noticed: a checker that sees nothing proves
// nothing.
func TestCheckInvariantsNoticesDamage(t *testing.T) {
	build := func() *world {
		w := newWorld(t)
		id := w.claimed(w.terms(func(t *Terms) {
			t.ValueKind, t.Face, t.Uses, t.HolderCap = Stored, 5000, 3, 2
		}))
		w.want(OK, w.claimTx(id.Campaign(), 2, keyOf("friend")))
		w.want(OK, w.redeemTx(id, 0, bill{basis: 3000, value: 2000, salt: 1}))
		w.want(OK, w.redeemTx(id, 1, bill{basis: 3000, value: 1000, salt: 2}))
		w.want(OK, w.voidTx(id, 1))
		return w
	}
	if err := CheckInvariants(build().all()); err != nil {
		t.Fatal(err)
	}
	id := NewCouponID(1, 1)
	final := uint32((t0 + 3*dayMs) / CycleMsDefault)
	coupon := func(set func(*Coupon)) func(*world) {
		return func(w *world) { c := w.coupon(id); set(&c); w.rows[string(CouponKey(id))] = c.AppendTo(nil) }
	}
	campaign := func(set func(*Campaign)) func(*world) {
		return func(w *world) { g := w.campaign(1); set(&g); w.rows[string(CampaignKey(1))] = g.AppendTo(nil) }
	}
	redemption := func(set func(*Redemption)) func(*world) {
		return func(w *world) {
			key := string(RedemptionKey(id, 0))
			r, err := DecodeRedemption(w.rows[key])
			if err != nil {
				t.Fatal(err)
			}
			set(&r)
			w.rows[key] = r.AppendTo(nil)
		}
	}
	remove := func(key []byte) func(*world) { return func(w *world) { delete(w.rows, string(key)) } }
	put := func(key, value []byte) func(*world) { return func(w *world) { w.rows[string(key)] = value } }
	claims := uint16(2)
	for name, damage := range map[string]func(*world){
		"a use more":               coupon(func(c *Coupon) { c.UsesLeft++ }),
		"a use less":               coupon(func(c *Coupon) { c.UsesLeft-- }),
		"value more":               coupon(func(c *Coupon) { c.ValueLeft++ }),
		"redeemed with uses left":  coupon(func(c *Coupon) { c.Status = Redeemed }),
		"seq too low":              coupon(func(c *Coupon) { c.Seq = 2 }),
		"transfers beyond terms":   coupon(func(c *Coupon) { c.TransfersLeft = 1 }),
		"floor beyond the last":    coupon(func(c *Coupon) { c.Floor = t0 + 2*yearMs }),
		"version unknown":          coupon(func(c *Coupon) { c.Version = 2 }),
		"issued":                   campaign(func(g *Campaign) { g.Issued++ }),
		"used up":                  campaign(func(g *Campaign) { g.UsedUp++ }),
		"redemptions":              campaign(func(g *Campaign) { g.Redemptions++ }),
		"voids":                    campaign(func(g *Campaign) { g.Voids-- }),
		"committed":                campaign(func(g *Campaign) { g.Committed++ }),
		"accrued":                  campaign(func(g *Campaign) { g.Accrued-- }),
		"next serial":              campaign(func(g *Campaign) { g.NextSerial++ }),
		"batches":                  campaign(func(g *Campaign) { g.Batches++ }),
		"issuer":                   campaign(func(g *Campaign) { g.Issuer = funder }),
		"redemption's value":       redemption(func(r *Redemption) { r.Value++ }),
		"redemption's payable":     redemption(func(r *Redemption) { r.Payable++ }),
		"redemption voided":        redemption(func(r *Redemption) { r.State = Voided }),
		"redemption's payee":       redemption(func(r *Redemption) { r.Member = shopB }),
		"redemption gone":          remove(RedemptionKey(id, 0)),
		"voided redemption gone":   remove(RedemptionKey(id, 1)),
		"coupon gone":              remove(CouponKey(NewCouponID(1, 2))),
		"holder count gone":        remove(HolderKey(1, keyOf("holder").Key)),
		"holder count too high":    put(HolderKey(1, keyOf("holder").Key), appendClaims(&claims, nil)),
		"batch gone":               remove(BatchKey(1, 1)),
		"terms gone":               remove(TermsKey(1, 1)),
		"campaign gone":            remove(CampaignKey(1)),
		"params gone":              remove(ParamsKey()),
		"obligation gone":          remove(ObligationKey(final, 1, shopA)),
		"obligation of nothing":    put(ObligationKey(final, 1, shopB), (&Obligation{Sum: 1, Count: 1}).AppendTo(nil)),
		"obligation's sum":         put(ObligationKey(final, 1, shopA), (&Obligation{Sum: 1999, Count: 1}).AppendTo(nil)),
		"locked":                   put(FundingKey(issuer, usd), (&Funding{Limit: MoneyMax, Locked: 1}).AppendTo(nil)),
		"locked above the limit":   put(FundingKey(issuer, usd), (&Funding{Limit: 1, Locked: 10_000_000}).AppendTo(nil)),
		"funding gone":             remove(FundingKey(issuer, usd)),
		"member gone":              remove(MemberKey(shopA)),
		"a key of no table":        put([]byte{0x0d}, []byte{1}),
		"a key of the wrong size":  put([]byte{PrefixCoupon, 1}, []byte{1}),
		"a value that is not one":  put(CouponKey(id), []byte{1}),
		"Seen row that is not one": put(SeenKey(1), []byte{1}),
	} {
		w := build()
		damage(w)
		if err := CheckInvariants(w.all()); err == nil {
			t.Errorf("%s was not noticed", name)
		}
	}
}

func TestDamagedRowIsReported(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms())
	for _, key := range [][]byte{CampaignKey(g), TermsKey(g, 1), BatchKey(g, 1), MemberKey(issuer)} {
		v := w.rows[string(key)]
		w.rows[string(key)] = v[:len(v)-1]
		tx := w.check(w.claimTx(g, 1, keyOf("holder")))
		if res := w.m.Apply(w.store, Block{Height: 9, TimeMs: w.now, Txs: []*Tx{tx}}); res.Err == nil {
			t.Errorf("row %x: no error from Apply", key)
		}
		if _, err := w.m.DryRun(w.store, w.now, tx); err == nil {
			t.Errorf("row %x: no error from DryRun", key)
		}
		w.rows[string(key)] = v
	}
	delete(w.rows, string(TermsKey(g, 1)))
	tx := w.check(w.claimTx(g, 1, keyOf("holder")))
	if _, err := w.m.DryRun(w.store, w.now, tx); err == nil {
		t.Error("no error for missing terms")
	}
}
