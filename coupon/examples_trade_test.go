package coupon

import (
	"fmt"
	"testing"
)

// The worked examples of trade, amendments, issue and keys (rules 3.39), by their numbers.

// newWorld2 returns a world of version 2 with a payment member, whose key is "pay", and a
// manager of shop A with a cap.
func newWorld2(t testing.TB) *world {
	g := testGenesis()
	g.Members = append(g.Members, GenesisMember{Name: "Payer", Roles: RolePayment, Threshold: 1,
		Keys: [][32]byte{keyOf("payer").Key}})
	g.Tills = append(g.Tills, GenesisTill{Key: keyOf("capped").Key, Member: shopA, Store: 1, Rights: allRights,
		Currency: usd, ValidUntil: TimeMax, DayCap: 1000})
	w := newWorldOf(t, g)
	w.upgrade(1)
	w.want(OK, w.chain.NewServiceKeyAdd(w.expires(), &ServiceKeyAdd{payer, keyOf("pay").Key, w.now, w.now + yearMs, usd,
		3000}, keyOf("pay"), MemberSigner{payer, keyOf("payer")}))
	return w
}

func traded(t *Terms) { t.Transfer, t.MaxTransfers, t.ResaleBps = TransferTrade, 2, 8000 }

// swapTx offers a coupon of "holder" for one of "friend".
func (w *world) swapTx(offered, given CouponID, seqs [2]uint32, change ...func(*Trade)) []byte {
	w.tick()
	holder, friend := keyOf("holder"), keyOf("friend")
	f := &Trade{Offer: Offer{Coupon: offered, Seq: seqs[0], Seller: holder.Key, Expires: w.now + dayMs,
		Swap: SwapAsk{Campaign: given.Campaign(), Get: holder.Key}},
		Accept: Accept{Buyer: friend.Key, To: friend.Key, Coupon: given, Seq: seqs[1], Expires: w.expires()}}
	for _, c := range change {
		c(f)
	}
	return w.signTrade(f)
}

// saleTx sells a coupon of "holder" to "friend".
func (w *world) saleTx(id CouponID, seq uint32, price uint64, change ...func(*Trade)) []byte {
	w.tick()
	holder, friend := keyOf("holder"), keyOf("friend")
	f := &Trade{Offer: Offer{Coupon: id, Seq: seq, Seller: holder.Key, Ask: AskMoney, Money: MoneyAsk{price, usd, payer},
		Expires: w.now + dayMs}, Accept: Accept{Buyer: friend.Key, To: friend.Key, Expires: w.expires()},
		Pay: Pay{Ref: [32]byte{byte(w.now)}, Expires: w.expires()}, PayKey: keyOf("pay").Key}
	for _, c := range change {
		c(f)
	}
	ask := f.Offer.Money
	f.Pay.Price, f.Pay.Currency, f.Pay.Member = ask.Price, ask.Currency, ask.Payer
	return w.signTrade(f)
}

func (w *world) signTrade(f *Trade) []byte {
	f.bind(w.chain)
	return w.chain.NewTrade(f, w.chain.SignOffer(f.Offer, keyOf("holder")), w.chain.SignAccept(f.Accept, keyOf("friend")),
		w.chain.SignPay(f.Pay, keyOf("pay")))
}

// two publishes terms and claims two coupons, for "holder" and "friend".
func (w *world) two(t Terms) (a, b CouponID) {
	w.t.Helper()
	c := w.publish(t)
	w.tick()
	return w.want(OK, w.claimTx(c, 1, keyOf("holder"))).Coupon, w.want(OK, w.claimTx(c, 2, keyOf("friend"))).Coupon
}

func TestExample30ASwapCrossesTheOwners(t *testing.T) {
	w := newWorld2(t)
	a, _ := w.two(w.terms(traded))
	unlimited := w.want(OK, w.claimTx(w.publish(w.terms(traded, func(t *Terms) { t.MaxTransfers = 255 })), 3,
		keyOf("friend"))).Coupon
	for seq := range uint32(3) {
		w.tick()
		w.want(OK, w.transferTx(a, seq, keyOf("holder"), keyOf("holder"), 0))
	}
	o := w.want(OK, w.swapTx(a, unlimited, [2]uint32{3, 0}))
	x, y := w.coupon(a), w.coupon(unlimited)
	is(t, "owners", x.Owner == keyOf("friend").Key && y.Owner == keyOf("holder").Key, true)
	is(t, "seqs", fmt.Sprint(x.Seq, y.Seq, o.Seq, o.OtherSeq), "4 1 4 1")
	is(t, "transfers left", fmt.Sprint(x.TransfersLeft, y.TransfersLeft), "1 255")
	is(t, "events", len(w.last.Events), 2)
}

func TestExample31ASwapAsksHowLongTheOtherCouponLives(t *testing.T) {
	w := newWorld2(t)
	a, b := w.two(w.terms(traded))
	until := w.campaign(b.Campaign()).RedeemUntil
	atLeast := func(ms uint64) func(*Trade) { return func(f *Trade) { f.Offer.Swap.MinUntil = ms } }
	w.want(SwapTerms, w.swapTx(a, b, [2]uint32{0, 0}, atLeast(until+1)))
	w.want(OK, w.swapTx(a, b, [2]uint32{0, 0}, atLeast(until)))
}

func TestExample32APriceHasACeiling(t *testing.T) {
	for _, c := range []struct {
		name    string
		coupon  Coupon
		terms   Terms
		ceiling uint64
	}{
		{"AMOUNT", Coupon{UsesLeft: 1}, Terms{Face: 2000, ResaleBps: 8000}, 1600},
		{"STORED", Coupon{UsesLeft: 9, ValueLeft: 3001}, Terms{ValueKind: Stored, Face: 9000, ResaleBps: 5000}, 1500},
		{"three uses", Coupon{UsesLeft: 3}, Terms{Face: 300, ResaleBps: 10000}, 900},
		{"PERCENT", Coupon{UsesLeft: 2}, Terms{ValueKind: Percent, Ceiling: 500, ResaleBps: 10000}, 1000},
		{"no resale", Coupon{UsesLeft: 1}, Terms{Face: 2000}, 0},
	} {
		is(t, c.name, ResaleCeiling(&c.terms, &c.coupon), c.ceiling)
	}
	w := newWorld2(t)
	a, _ := w.two(w.terms(traded))
	w.want(PriceAboveCeiling, w.saleTx(a, 0, 1601))
	w.want(OK, w.saleTx(a, 0, 1600))
	is(t, "owner", w.coupon(a).Owner, keyOf("friend").Key)
}

func TestExample33AnOfferEndsByRefreshUseAndTime(t *testing.T) {
	w := newWorld2(t)
	a, b := w.two(w.terms(traded))
	w.tick()
	w.want(OK, w.transferTx(a, 0, keyOf("holder"), keyOf("holder"), 0))
	w.want(StaleSeq, w.swapTx(a, b, [2]uint32{0, 0}))
	w.want(OfferGone, w.swapTx(a, b, [2]uint32{1, 0}, func(f *Trade) { f.Offer.Expires = w.now }))
	w.want(OK, w.redeemTx(a, 1, bill{basis: 5000, value: 2000}))
	w.want(AlreadyRedeemed, w.swapTx(a, b, [2]uint32{0, 0}))
}

func TestExample34OneOfTwoBuyersGetsAnOpenOffer(t *testing.T) {
	w := newWorld2(t)
	a, b := w.two(w.terms(traded))
	c := w.want(OK, w.claimTx(a.Campaign(), 3, keyOf("friend"))).Coupon
	out := w.block(w.swapTx(a, b, [2]uint32{0, 0}), w.swapTx(a, c, [2]uint32{0, 0}))
	is(t, "codes", fmt.Sprint(out[0].Code, out[1].Code), fmt.Sprint(OK, NotOwner))
}

func TestExample83TheBytesOfASale(t *testing.T) {
	c := testChain()
	key := func(b byte) (k [32]byte) {
		for i := range k {
			k[i] = b
		}
		return k
	}
	f := &Trade{Offer: Offer{Coupon: 7<<32 | 1, Seq: 5, Seller: key(0x11), Ask: AskMoney, Money: MoneyAsk{1600, 978, 4},
		Expires: 1795086400000}, Accept: Accept{Buyer: key(0x22), To: key(0x22), Expires: 1795000000000},
		Pay: Pay{Price: 1600, Currency: 978, Member: 4, Ref: key(0x33), Expires: 1795000000000}, PayKey: key(0x44)}
	f.bind(c)
	raw := c.NewTrade(f, [64]byte{}, [64]byte{}, [64]byte{})
	is(t, "size", len(raw), 535)
	is(t, "offer", fmt.Sprintf("%x", f.Offer.Digest(c)),
		"d9286929e34210b2a8f706c1a75dd2de4e03c389e3a9d2c2a10251966d91f1fa")
	is(t, "accept", fmt.Sprintf("%x", f.Accept.Digest(c)),
		"2caa7cbb4b7f50525780cf0fd7a233ce78454cb9da393b2c8999e894b8c3cd8c")
	is(t, "pay", fmt.Sprintf("%x", f.Pay.Digest(c)), "7becedf9e36235274261ecb70dac94436e72a3072b55e4c584cd27fa6124414f")
	tx, err := c.CheckTxAt(Version2, raw)
	if err != nil {
		t.Fatal(err)
	}
	is(t, "id", fmt.Sprintf("%x", tx.ID), "49cf6e1eedd179d27d5e30b3dd35e8676da44faa10aeec8dc5aa540a1a0ddfbb")
	swap := &Trade{Offer: Offer{Coupon: f.Offer.Coupon, Seq: 3, Seller: key(0x11), Expires: f.Offer.Expires,
		Swap: SwapAsk{Campaign: 8, MinUses: 1, MinUntil: 1795000000001, MinVersion: 1, Get: key(0x11)}},
		Accept: Accept{Buyer: key(0x22), To: key(0x22), Coupon: 8<<32 | 2, Expires: 1795000000000}}
	swap.bind(c)
	raw = c.NewTrade(swap, [64]byte{}, [64]byte{}, [64]byte{})
	is(t, "size of a swap", len(raw), 407)
	is(t, "offer of a swap", fmt.Sprintf("%x", swap.Offer.Digest(c)),
		"96d803b819426089206a83b48239f5c8e42b7bbb98d381dc9483475e4735d6c1")
	if tx, err = c.CheckTxAt(Version2, raw); err != nil {
		t.Fatal(err)
	}
	is(t, "id of a swap", fmt.Sprintf("%x", tx.ID), "414e2776779c0ebb145796d5cfb0a6ea56a7bcfbe5821bbc06e16b6d3ad67c00")
}

func TestATradeBindsEveryPartToTheOthers(t *testing.T) {
	w := newWorld2(t)
	a, b := w.two(w.terms(traded))
	for name, change := range map[string]func(*Trade){
		"another offer":       func(f *Trade) { f.Accept.Offer[0] ^= 1 },
		"payment for another": func(f *Trade) { f.Pay.Subject[0] ^= 1 },
		"another price":       func(f *Trade) { f.Pay.Price++ },
		"another currency":    func(f *Trade) { f.Pay.Currency = eur },
		"another payer":       func(f *Trade) { f.Pay.Member++ },
		"a coupon besides":    func(f *Trade) { f.Accept.Coupon = b; f.bind(w.chain) },
		"price 0":             func(f *Trade) { f.Pay.Price, f.Offer.Money.Price = 0, 0; f.bind(w.chain) },
	} {
		tx := w.check(w.saleTx(a, 0, 1600))
		f := *tx.Fields.(*Trade)
		change(&f)
		raw := w.chain.NewTrade(&f, [64]byte{}, [64]byte{}, [64]byte{})
		if _, err := w.chain.CheckTxAt(Version2, raw); code(err) != BadEncoding {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*Trade){
		"no campaign wanted": func(f *Trade) { f.Offer.Swap.Campaign = 0 },
		"coupon of another":  func(f *Trade) { f.Offer.Swap.Coupon = NewCouponID(99, 1) },
		"for itself":         func(f *Trade) { f.Accept.Coupon = f.Offer.Coupon },
		"for nothing":        func(f *Trade) { f.Accept.Coupon = 0 },
	} {
		if _, err := w.chain.CheckTxAt(Version2, w.swapTx(a, b, [2]uint32{}, change)); code(err) != BadEncoding {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExample85APaymentKeyHasACapAndACurrency(t *testing.T) {
	w := newWorld2(t)
	many := w.terms(traded, func(t *Terms) { t.ResaleBps = 10000 })
	a, _ := w.two(many)
	sell := func(code Code, serial uint32, price uint64, change ...func(*Trade)) {
		t.Helper()
		id := NewCouponID(a.Campaign(), serial)
		w.want(code, w.saleTx(id, 0, price, change...))
	}
	for serial := uint32(3); serial < 6; serial++ {
		w.tick()
		w.want(OK, w.claimTx(a.Campaign(), serial, keyOf("holder")))
	}
	sell(OK, 1, 1600)
	sell(TillCap, 3, 1401)
	sell(OK, 3, 1400)
	sell(CurrencyMismatch, 4, 10, func(f *Trade) { f.Offer.Money.Currency = eur })
	w.now += dayMs
	sell(OK, 4, 2000) // another day
}

func TestExample86ALapsedGiftCanBeSold(t *testing.T) {
	w := newWorld2(t)
	a, b := w.two(w.terms(traded))
	until := w.now + 1000
	w.want(OK, w.transferTx(a, 0, keyOf("holder"), keyOf("gift"), until))
	w.now = until - 2
	w.want(WrongState, w.swapTx(a, b, [2]uint32{1, 0}))
	w.want(OK, w.swapTx(a, b, [2]uint32{1, 0}))
	is(t, "status", w.coupon(a).Status, Held)
}

func TestExample87VoidsOfOtherKeysHaveACap(t *testing.T) {
	w := newWorld2(t)
	id := w.claimed(w.terms(func(t *Terms) { t.ValueKind, t.Face, t.Uses, t.Budget = Stored, 90_000, 900, 9_000_000 }))
	capped := keyOf("capped")
	seq := uint32(0)
	take := func(value uint64) uint32 {
		t.Helper()
		w.tick()
		o := w.want(OK, w.redeemTx(id, seq, bill{basis: value, value: value, salt: byte(seq)}))
		seq++
		return o.Seq
	}
	void := func(code Code, at uint32) {
		t.Helper()
		w.tick()
		w.want(code, w.chain.NewVoid(w.expires(), Void{Coupon: id, Seq: at, Key: capped.Key}, capped))
		if code == OK {
			seq++
		}
	}
	a, b, c, d := take(700), take(301), take(300), take(301)
	void(OK, a)
	void(TillCap, b)
	void(OK, c)
	w.now += dayMs
	void(OK, d)
	if row, _ := DecodeDayTotal(w.rows[string(GivenBackKey(capped.Key))]); row.Sum != 301 {
		t.Errorf("given back %d", row.Sum)
	}
}

func TestExample36AnAmendmentIsForNewCoupons(t *testing.T) {
	w := newWorld2(t)
	terms := w.terms(func(t *Terms) { t.Fee = 10 })
	a, _ := w.two(terms)
	next := terms
	next.Face = 2500
	w.amend(OK, a.Campaign(), 2, next)
	o := w.want(OK, w.redeemTx(a, 0, bill{basis: 9000, value: 2000}))
	is(t, "value of an old one", o.Value, 2000)
	fresh := w.want(OK, w.claimTx(a.Campaign(), 3, keyOf("holder"))).Coupon
	w.want(OK, w.redeemTx(fresh, 0, bill{basis: 9000, value: 2500, salt: 1}))
	is(t, "committed", w.campaign(a.Campaign()).Committed, 6530)
}

func (w *world) amend(code Code, campaign uint32, version uint16, t Terms, more ...MemberSigner) {
	w.t.Helper()
	w.tick()
	w.want(code, w.chain.NewMemberTx(w.expires(), &CampaignAmend{campaign, version, t}, append(w.issuers(), more...)...))
}

func TestExamples37And71And72WhoBearsAPartSignsAnAmendment(t *testing.T) {
	w := newWorld2(t)
	byA, byB := MemberSigner{shopA, keyOf("shop A")}, MemberSigner{shopB, keyOf("shop B")}
	half := w.terms(func(t *Terms) { t.ReimburseBps, t.Shops = 5000, []Shop{{shopA, 0}} })
	c := w.publish(half)
	change := func(f func(*Terms)) Terms { t := half; f(&t); return t }
	w.amend(TermsLocked, c, 2, change(func(t *Terms) { t.Face = 1900 }), byA)
	w.amend(TermsLocked, c, 2, change(func(t *Terms) { t.ReimburseBps, t.Shops = 10000, nil }))
	added := change(func(t *Terms) { t.Shops = []Shop{{shopA, 0}, {shopB, 0}} })
	w.amend(Quorum, c, 2, added, byA)
	full := added
	full.ReimburseBps = 10000
	w.amend(Quorum, c, 2, full, byA)
	dear := change(func(t *Terms) { t.Face = 20_000 })
	w.amend(Quorum, c, 2, dear)
	w.amend(OK, c, 2, dear, byA)
	full.Face = dear.Face
	w.amend(OK, c, 3, full, byA, byB)
}

func TestExample38ALockNeverFalls(t *testing.T) {
	m := newMarket(t)
	funders := []Funder{{1, 2000}, {2, 4000}, {3, 4000}}
	c := m.offer(9, funders)
	locks := func(want string) {
		t.Helper()
		money, _ := DecodeMoney(m.rows[string(MoneyKey(c))])
		is(t, "locks", fmt.Sprint(money.Funders[0].Lock, money.Funders[1].Lock, money.Funders[2].Lock), want)
	}
	locks("3 3 3")
	next, _ := DecodeTerms(m.rows[string(TermsKey(c, 1))])
	next.Budget = 10
	m.member(OK, &CampaignAmend{c, 2, next}, maker, 1, 2, 3)
	locks("3 4 4")
}

func TestExample39AnIssueTakesTheNextSerials(t *testing.T) {
	w := newWorld2(t)
	issue := func(supply uint32) (code Code, first uint32) {
		c := w.want(OK, w.chain.NewMemberTx(w.expires(), &CampaignPublish{w.terms(func(t *Terms) { t.MaxSupply = supply })},
			w.issuers()...)).Campaign
		w.want(OK, w.batch(c, 1, 10))
		w.tick()
		o := w.one(w.chain.NewMemberTx(w.expires(), &CouponIssue{c, [][32]byte{keyOf("holder").Key, keyOf("friend").Key,
			keyOf("third").Key}}, w.issuers()...))
		return o.Code, o.Serial
	}
	code, first := issue(13)
	is(t, "within the supply", fmt.Sprint(code, first), fmt.Sprint(OK, 11))
	code, _ = issue(12)
	is(t, "beyond it", code, SupplyExhausted)
}

func TestExample73AShopWithoutItsRoleBlocksNoAmendment(t *testing.T) {
	w := newWorld2(t)
	terms := w.terms(func(t *Terms) { t.Shops = []Shop{{shopA, 1}} })
	id := w.claimed(terms)
	w.want(OK, w.redeemTx(id, 0, bill{basis: 900, value: 900}))
	again := w.want(OK, w.claimTx(id.Campaign(), 2, keyOf("holder"))).Coupon
	row, _ := DecodeMember(w.rows[string(MemberKey(shopA))])
	row.Roles &^= RoleMerchant
	w.rows[string(MemberKey(shopA))] = row.AppendTo(nil)
	next := terms
	next.Budget++
	w.amend(OK, id.Campaign(), 2, next)
	more := next
	more.Shops = []Shop{{shopA, 1}, {shopA, 2}}
	w.amend(BadTerms, id.Campaign(), 3, more)
	w.want(KeyState, w.redeemTx(again, 0, bill{basis: 5000, value: 2000, salt: 3}))
	w.want(OK, w.chain.NewVoid(w.expires(), Void{id, 0, keyOf("capped").Key}, keyOf("capped")))
}

func TestExample74WhatAnAmendmentMayMove(t *testing.T) {
	w := newWorld2(t)
	terms := w.terms(func(t *Terms) { t.HolderCap, t.Shops = 2, []Shop{{shopA, 0}} })
	c := w.publish(terms)
	change := func(f func(*Terms)) Terms { t := terms; f(&t); return t }
	w.amend(TermsLocked, c, 2, change(func(t *Terms) { t.TermsHash[0]++ }))
	w.amend(TermsLocked, c, 2, terms)
	w.amend(TermsLocked, c, 1025, change(func(t *Terms) { t.Budget++ }))
	w.amend(TermsLocked, c, 3, change(func(t *Terms) { t.Budget++ }))
	w.amend(TermsLocked, c, 2, change(func(t *Terms) { t.Shops = nil }))
	w.amend(OK, c, 2, change(func(t *Terms) { t.HolderCap = 0 }))
}

func TestExample75TheEndCanMoveWhileTheCampaignLives(t *testing.T) {
	w := newWorld2(t)
	terms := w.terms(func(t *Terms) { t.RedeemUntil, t.ClaimUntil = t0+10*dayMs, t0+5*dayMs })
	id := w.claimed(terms)
	end := End(&terms, &Campaign{RedeemUntil: terms.RedeemUntil})
	next := terms
	next.RedeemUntil = end + dayMs
	w.now = end - 2
	w.want(Expired, w.redeemTx(id, 0, bill{basis: 5000, value: 2000}))
	w.amend(OK, id.Campaign(), 2, next)
	w.want(OK, w.redeemTx(id, 0, bill{basis: 5000, value: 2000, salt: 1}))
	w.now = End(&next, &Campaign{RedeemUntil: next.RedeemUntil}) - 1
	next.RedeemUntil += dayMs
	w.amend(CampaignNotActive, id.Campaign(), 3, next)
}

func TestExample81KeysAreDroppedAtOnceAndAddedLater(t *testing.T) {
	w := newWorld2(t)
	a, b, c, d := keyOf("issuer 1"), keyOf("issuer 2"), keyOf("issuer 3"), keyOf("issuer 4")
	sorted := func(list ...Signer) (keys [][32]byte) {
		for _, s := range list {
			keys = appendInOrder(keys, s.Key)
		}
		return keys
	}
	rotate := func(code Code, threshold uint8, keep [][32]byte, add ...Signer) Outcome {
		t.Helper()
		w.tick()
		f := &MemberKeys{Member: issuer, Threshold: threshold, Keep: keep, Add: sorted(add...)}
		return w.want(code, w.chain.NewMemberKeys(w.expires(), f, add, w.issuers()...))
	}
	is(t, "lower threshold", rotate(OK, 1, sorted(a, b, c)).From, w.now+dayMs)
	is(t, "added", rotate(OK, 2, sorted(a, b, c), d).From, w.now+dayMs)
	is(t, "dropped", rotate(OK, 2, sorted(a, b)).From, 0)
	is(t, "pending", w.rows[string(PendingKey(issuer))] == nil, true)
	rotate(KeyState, 2, sorted(a, c))
	rotate(OK, 2, sorted(a, b), d)
	w.now += dayMs
	w.block()
	row, _ := DecodeMember(w.rows[string(MemberKey(issuer))])
	is(t, "keys a day later", len(row.Keys), 3)
	is(t, "event", w.last.Events[0].Type, EventMemberKeys)
}

func TestExample93AnIssueCountsEachTimeItNamesAKey(t *testing.T) {
	w := newWorld2(t)
	c := w.publish(w.terms(func(t *Terms) { t.HolderCap = 2 }))
	w.want(OK, w.claimTx(c, 1, keyOf("holder")))
	before := w.campaign(c)
	twice := &CouponIssue{c, [][32]byte{keyOf("holder").Key, keyOf("holder").Key}}
	w.want(HolderLimit, w.chain.NewMemberTx(w.expires(), twice, w.issuers()...))
	is(t, "campaign", w.campaign(c), before)
}

// appendInOrder inserts a key into an ascending list.
func appendInOrder(keys [][32]byte, k [32]byte) [][32]byte {
	at := 0
	for at < len(keys) && string(keys[at][:]) < string(k[:]) {
		at++
	}
	return append(keys[:at:at], append([][32]byte{k}, keys[at:]...)...)
}
