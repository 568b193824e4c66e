package coupon

import "testing"

// The order of the checks of version 2, kind by kind: each fault alone gives its code, and
// of any two the earlier one does.

// on changes what a scene's transaction is.
func on[F Fields](change func(s *scene, f F)) func(*scene) {
	return func(s *scene) { change(s, s.tx.(F)) }
}

// put replaces rows that exist beside those of the scene.
func (s *scene) service(change func(*ServiceKey)) {
	key := ServiceKey{Purpose: ServicePayment, Member: payer, ValidFrom: t0 - 5, ValidUntil: t0 + 5, Currency: usd,
		DayCap: 3000}
	change(&key)
	s.replace(ServiceRowKey(keyOf("pay").Key), key.AppendTo(nil))
}

func (s *scene) given(change func(*Coupon)) {
	c := *s.coupon
	c.Owner, c.Seq, c.UsesLeft = keyOf("friend").Key, 8, 1
	c.Status, c.TransfersLeft = Held, 2
	change(&c)
	s.replace(CouponKey(sceneGiven), c.AppendTo(nil))
}

func (s *scene) money(change func(*CampaignMoney)) {
	m := newMoney(&s.terms)
	change(&m)
	s.replace(MoneyKey(1), m.AppendTo(nil))
}

// overdueFunder lets the issuer owe for a cycle that was closed long ago.
func overdueFunder(s *scene) {
	cycle, unpaid := Cycle{State: CycleClosed, ClosedAt: t0 - PayMsDefault}, uint32(1)
	s.replace(CycleKey(sceneCycle-1), cycle.AppendTo(nil))
	s.replace(UnpaidKey(issuer, sceneCycle-1), appendUnpaid(&unpaid, nil))
}

var released = fault{"campaign ended", CampaignNotActive, func(s *scene) {
	s.money(func(m *CampaignMoney) { m.Ended = EndedReleased })
}}

// tradeFaults are those of steps 1 to 3.
func tradeFaults(ask Ask) []fault {
	trade := func(name string, c Code, change func(s *scene, f *Trade)) fault { return fault{name, c, on(change)} }
	return []fault{
		trade("offer over", OfferGone, func(_ *scene, f *Trade) { f.Offer.Expires = t0 }),
		trade("offer for another", OfferGone, func(_ *scene, f *Trade) { f.Offer.Buyer = keyOf("gift").Key }),
		trade("buyer is the seller", OfferGone, func(_ *scene, f *Trade) { f.Accept.Buyer = f.Offer.Seller }),
		trade("no coupon", NotFound, func(_ *scene, f *Trade) { f.Offer.Coupon = NewCouponID(1, 9) }),
		{"used up", AlreadyRedeemed, func(s *scene) { s.coupon.Status, s.coupon.UsesLeft = Redeemed, 0 }},
		trade("another seller", NotOwner, func(_ *scene, f *Trade) { f.Offer.Seller = keyOf("third").Key }),
		trade("older seq", StaleSeq, func(_ *scene, f *Trade) { f.Offer.Seq-- }),
		{"gift pending", WrongState, func(s *scene) {
			s.coupon.Status, s.coupon.GiftKey, s.coupon.GiftUntil = Gifted, keyOf("gift").Key, t0+1
		}},
		{"no transfer left", NotTransferable, func(s *scene) { s.coupon.TransfersLeft = 0 }},
	}
}

func TestOrderOfSwap(t *testing.T) {
	trade := func(name string, c Code, change func(s *scene, f *Trade)) fault { return fault{name, c, on(change)} }
	wants := func(name string, change func(w *SwapAsk)) fault {
		return trade(name, SwapTerms, func(_ *scene, f *Trade) { change(&f.Offer.Swap) })
	}
	faults := append(tradeFaults(AskSwap),
		trade("other: none", NotFound, func(_ *scene, f *Trade) { f.Accept.Coupon = NewCouponID(1, 10) }),
		fault{"other: used up", AlreadyRedeemed, func(s *scene) {
			s.given(func(c *Coupon) { c.Status, c.UsesLeft = Redeemed, 0 })
		}},
		trade("other: another owner", NotOwner, func(s *scene, _ *Trade) {
			s.given(func(c *Coupon) { c.Owner = keyOf("third").Key })
		}),
		trade("other: older seq", StaleSeq, func(_ *scene, f *Trade) { f.Accept.Seq-- }),
		fault{"other: no transfer left", NotTransferable, func(s *scene) {
			s.given(func(c *Coupon) { c.TransfersLeft = 0 })
		}},
		wants("another campaign", func(w *SwapAsk) { w.Campaign, w.Coupon = 2, 0 }),
		wants("another coupon", func(w *SwapAsk) { w.Coupon = NewCouponID(1, 7) }),
		wants("more uses", func(w *SwapAsk) { w.MinUses = 2 }),
		wants("more value", func(w *SwapAsk) { w.MinValue = 1 }),
		wants("a later end", func(w *SwapAsk) { w.MinUntil = t0 + 201 }),
		wants("a newer version", func(w *SwapAsk) { w.MinVersion = 2 }),
	)
	checkOrder(t, func(s *scene) { s.second(); s.tx = s.swap() }, faults)
	for name, last := range map[string]func(*scene){
		"offered": func(s *scene) { s.coupon.Seq, s.tx.(*Trade).Offer.Seq = 1<<32-1, 1<<32-1 },
		"given": func(s *scene) {
			s.given(func(c *Coupon) { c.Seq = 1<<32 - 1 })
			s.tx.(*Trade).Accept.Seq = 1<<32 - 1
		},
	} {
		m, _ := NewMachine(testChain(), testGenesis())
		s := newScene()
		s.second()
		s.tx = s.swap()
		last(s)
		is(t, name+" at its last seq", s.outcome(t, m).Code, Overflow)
	}
}

func TestOrderOfSale(t *testing.T) {
	trade := func(name string, c Code, change func(s *scene, f *Trade)) fault { return fault{name, c, on(change)} }
	key := func(name string, c Code, change func(*ServiceKey)) fault {
		return fault{name, c, func(s *scene) { s.service(change) }}
	}
	faults := append(tradeFaults(AskMoney),
		trade("above the ceiling", PriceAboveCeiling, func(_ *scene, f *Trade) {
			f.Offer.Money.Price, f.Pay.Price = 1601, 1601
		}),
		trade("another currency", CurrencyMismatch, func(_ *scene, f *Trade) {
			f.Offer.Money.Currency, f.Pay.Currency = eur, eur
		}),
		trade("no such key", PaymentNotAttested, func(_ *scene, f *Trade) { f.PayKey = keyOf("third").Key }),
		key("revoked", PaymentNotAttested, func(k *ServiceKey) { k.State = TillRevoked }),
		key("another member's", PaymentNotAttested, func(k *ServiceKey) { k.Member = issuer }),
		key("early", PaymentNotAttested, func(k *ServiceKey) { k.ValidFrom = t0 + 1 }),
		key("late", PaymentNotAttested, func(k *ServiceKey) { k.ValidUntil = t0 }),
		fault{"payer suspended", PaymentNotAttested, func(s *scene) { s.members[payer].State = MemberSuspended }},
		fault{"payer without the role", PaymentNotAttested, func(s *scene) { s.members[payer].Roles = RoleMerchant }},
		trade("payment over", PaymentNotAttested, func(_ *scene, f *Trade) { f.Pay.Expires = t0 }),
		key("a key of another currency", CurrencyMismatch, func(k *ServiceKey) { k.Currency = eur }),
		trade("payment lives too long", LifeTooLong, func(_ *scene, f *Trade) { f.Pay.Expires = t0 + LifeMsDefault + 1 }),
		fault{"payment used", PaymentUsed, func(s *scene) { s.seenInvoice = true }},
		key("cap of the day", TillCap, func(k *ServiceKey) { k.Day, k.DaySum = uint32(t0/dayMs), 1401 }),
	)
	checkOrder(t, func(s *scene) { s.second(); s.tx = s.sale(1600) }, faults)
}

func TestOrderOfOfferPost(t *testing.T) {
	offer := func(name string, c Code, change func(o *Offer)) fault {
		return fault{name, c, on(func(_ *scene, f *OfferPost) { change(&f.Offer) })}
	}
	checkOrder(t, func(s *scene) { s.second(); s.tx = &OfferPost{s.sale(1600).Offer} }, []fault{
		offer("over", OfferGone, func(o *Offer) { o.Expires = t0 }),
		offer("too far ahead", OfferGone, func(o *Offer) { o.Expires = t0 + OfferAheadMsMax + 1 }),
		offer("no coupon", NotFound, func(o *Offer) { o.Coupon = NewCouponID(1, 9) }),
		offer("another seller", NotOwner, func(o *Offer) { o.Seller = keyOf("third").Key }),
		offer("older seq", StaleSeq, func(o *Offer) { o.Seq-- }),
		{"no transfer left", NotTransferable, func(s *scene) { s.coupon.TransfersLeft = 0 }},
		offer("above the ceiling", PriceAboveCeiling, func(o *Offer) { o.Money.Price = 1601 }),
		offer("another currency", CurrencyMismatch, func(o *Offer) { o.Money.Currency = eur }),
	})
}

func TestOrderOfCampaignAmend(t *testing.T) {
	next := func(name string, c Code, change func(t *Terms)) fault {
		return fault{name, c, on(func(_ *scene, f *CampaignAmend) { change(&f.Terms) })}
	}
	faults := append([]fault{{"no campaign", NotFound, on(func(_ *scene, f *CampaignAmend) { f.Campaign = 9 })}, released},
		memberFaults(issuer, RoleIssuer)...)
	faults = append(faults, tooFew(issuer),
		fault{"closed", CampaignNotActive, func(s *scene) { s.campaign.State = CampaignClosed }},
		fault{"version after next", TermsLocked, on(func(_ *scene, f *CampaignAmend) { f.Version = 3 })},
		next("face down", TermsLocked, func(t *Terms) { t.Face = 1999 }),
		next("L above budget", BadTerms, func(t *Terms) { t.Face = 50_001 }),
		next("claims after redeem end", BadWindow, func(t *Terms) { t.ClaimUntil = t.RedeemUntil + 1 }),
		fault{"overdue", PayerOverdue, overdueFunder},
		fault{"underfunded", Underfunded, func(s *scene) {
			s.tx.(*CampaignAmend).Terms.Budget = 100_001
			s.funding.Locked = s.funding.Limit
		}},
	)
	checkOrder(t, func(s *scene) { scenes2()[KindCampaignAmend][0](s) }, faults)
}

func TestOrderOfCouponIssue(t *testing.T) {
	faults := append([]fault{{"no campaign", NotFound, on(func(_ *scene, f *CouponIssue) { f.Campaign = 9 })}, released},
		memberFaults(issuer, RoleIssuer)...)
	faults = append(faults, tooFew(issuer),
		fault{"paused", CampaignNotActive, func(s *scene) { s.campaign.State = CampaignPaused }},
		fault{"early", ClaimWindow, func(s *scene) { s.terms.ClaimFrom = t0 + 1 }},
		fault{"late", ClaimWindow, func(s *scene) { s.terms.ClaimUntil = t0 }},
		fault{"supply", SupplyExhausted, func(s *scene) { s.terms.MaxSupply = 11 }},
		fault{"budget", BudgetExhausted, func(s *scene) { s.campaign.Committed = 100_000 - 7999 }},
		fault{"cap", HolderLimit, func(s *scene) { s.claims = 3 }},
	)
	checkOrder(t, func(s *scene) { scenes2()[KindCouponIssue][0](s) }, faults)
}

func TestOrderOfRefund(t *testing.T) {
	refund := func(name string, c Code, change func(f *Refund)) fault {
		return fault{name, c, on(func(_ *scene, f *Refund) { change(f) })}
	}
	final := func(name string, c Code, change func(r *Redemption)) fault {
		return fault{name, c, func(s *scene) {
			r := Redemption{TillKey: keyOf("till").Key, Member: shopA, Store: 1, Value: 2000, Payable: 2000, At: t0 - 900,
				FinalAt: t0}
			change(&r)
			s.replace(RedemptionKey(sceneCoupon, 1), r.AppendTo(nil))
		}}
	}
	back := Refunded{Sum: 1501}
	total := DayTotal{Day: uint32(t0 / dayMs), Sum: 4501}
	checkOrder(t, func(s *scene) { scenes2()[KindRefund][0](s) }, []fault{
		{"no till", KeyState, func(s *scene) { s.till = nil }},
		{"revoked", KeyState, func(s *scene) { s.till.State = TillRevoked }},
		{"late", KeyState, func(s *scene) { s.till.ValidUntil = t0 }},
		{"own voids only", KeyState, func(s *scene) { s.till.Rights = RightRedeem | RightVoidOwn }},
		{"shop suspended", KeyState, func(s *scene) { s.members[shopA].State = MemberSuspended }},
		refund("no redemption", NotFound, func(f *Refund) { f.Seq = 0 }),
		final("another member's", NotAuthorised, func(r *Redemption) { r.Member = shopB }),
		final("voided", RefundRule, func(r *Redemption) { r.State = Voided }),
		final("not final", RefundRule, func(r *Redemption) { r.FinalAt = t0 + 1 }),
		{"more than it was", RefundRule, func(s *scene) { s.replace(RefundKey(sceneCoupon, 1), back.AppendTo(nil)) }},
		{"campaign ended", RefundRule, released.set},
		refund("gives the use back", RefundRule, func(f *Refund) { f.Recredit = 1 }),
		{"another currency", CurrencyMismatch, func(s *scene) { s.till.Currency = eur }},
		{"cap of the day", TillCap, func(s *scene) { s.replace(GivenBackKey(keyOf("till").Key), total.AppendTo(nil)) }},
	})
}

func TestOrderOfCycleClose(t *testing.T) {
	closing := Cycle{State: CycleClosing}
	faults := append(memberFaults(shopA, 0)[:3], // further entries are of another member in the scene
		fault{"not over", CutoffNotReached, on(func(_ *scene, f *CycleClose) { f.Cycle = sceneCycle + 2 })},
		fault{"not the next", CycleState, on(func(_ *scene, f *CycleClose) { f.Cycle = sceneCycle })},
		fault{"closing", CycleState, func(s *scene) { s.replace(CycleKey(sceneCycle+1), closing.AppendTo(nil)) }},
	)
	checkOrder(t, func(s *scene) { scenes2()[KindCycleClose][0](s) }, faults)
}

// debtFaults are what a payment's debt can be short of.
func debtFaults(change func(s *scene) *DebtName) []fault {
	closing := Cycle{State: CycleClosing}
	return []fault{
		{"cycle closing", CycleState, func(s *scene) { s.replace(CycleKey(sceneCycle), closing.AppendTo(nil)) }},
		{"no debt", CycleState, func(s *scene) { change(s).Currency = eur }},
	}
}

func (s *scene) debt(state DebtState, at uint64) {
	d := Debt{Amount: 20, State: state, At: at}
	s.replace(DebtKey(sceneCycle, usd, BookUnsecured, shopA, issuer), d.AppendTo(nil))
}

func TestOrderOfPaymentPosted(t *testing.T) {
	faults := append([]fault{memberFaults(shopA, 0)[0], memberFaults(shopA, 0)[2], tooFew(shopA)},
		debtFaults(func(s *scene) *DebtName { return &s.tx.(*PaymentPosted).Debt })...)
	faults = append(faults, fault{"posted", CycleState, func(s *scene) { s.debt(DebtPosted, t0) }})
	checkOrder(t, func(s *scene) { scenes2()[KindPaymentPosted][0](s) }, faults)
}

func TestASuspendedMemberPaysAndConfirms(t *testing.T) {
	m, _ := NewMachine(testChain(), testGenesis())
	for _, c := range []struct {
		kind   Kind
		scene  int
		member uint16
		want   Code
	}{
		{KindPaymentPosted, 0, shopA, OK}, {KindPaymentConfirmed, 1, issuer, OK},
		{KindPaymentConfirmed, 0, issuer, NotAuthorised},
	} {
		s := newScene()
		scenes2()[c.kind][c.scene](s)
		s.members[c.member].State = MemberSuspended
		is(t, c.kind.String(), s.outcome(t, m).Code, c.want)
	}
}

func TestOrderOfPaymentConfirmed(t *testing.T) {
	debt := func(s *scene) *DebtName { return &s.tx.(*PaymentConfirmed).Debt }
	faults := append([]fault{memberFaults(issuer, 0)[0], memberFaults(issuer, 0)[2], tooFew(issuer)}, debtFaults(debt)...)
	faults = append(faults, fault{"confirmed", CycleState, func(s *scene) { s.debt(DebtConfirmed, t0) }})
	checkOrder(t, func(s *scene) { scenes2()[KindPaymentConfirmed][1](s) }, faults)
	clearing := func(s *scene) {
		s.second()
		s.debt(DebtReposted, t0-ClearMs)
		s.entries, s.tx = []MemberSigner{{payer, keyOf("payer")}}, &PaymentConfirmed{sceneDebt, PaymentClear}
	}
	clearer := func(name string, id uint16) fault {
		return fault{name, NotAuthorised, func(s *scene) { s.protocol.Clearer = id }}
	}
	faults = append([]fault{clearer("no clearer", 0), clearer("the payer", shopA), clearer("the payee", issuer)},
		memberFaults(payer, RolePayment)...)
	faults = append(append(faults, tooFew(payer)), debtFaults(debt)...)
	faults = append(faults, fault{"open", CycleState, func(s *scene) { s.debt(DebtOpen, 0) }},
		fault{"confirmed", CycleState, func(s *scene) { s.debt(DebtConfirmed, t0-ClearMs) }},
		fault{"too early", CycleState, func(s *scene) { s.debt(DebtPosted, t0-ClearMs+1) }})
	checkOrder(t, clearing, faults)
}

func TestOrderOfServiceKeyAdd(t *testing.T) {
	add := func(name string, c Code, change func(f *ServiceKeyAdd)) fault {
		return fault{name, c, on(func(_ *scene, f *ServiceKeyAdd) { change(f) })}
	}
	faults := append(memberFaults(payer, RolePayment), tooFew(payer),
		add("a till's", KeyState, func(f *ServiceKeyAdd) { f.Key = keyOf("till").Key }),
		add("known", KeyState, func(f *ServiceKeyAdd) { f.Key = keyOf("pay").Key }),
		add("window empty", BadWindow, func(f *ServiceKeyAdd) { f.ValidFrom = f.ValidUntil }),
		add("window over", BadWindow, func(f *ServiceKeyAdd) { f.ValidUntil = t0 }),
		add("too far ahead", BadWindow, func(f *ServiceKeyAdd) { f.ValidUntil = t0 + ServiceAheadMsMax + 1 }),
		add("currency unlisted", BadTerms, func(f *ServiceKeyAdd) { f.Currency = 1 }))
	checkOrder(t, func(s *scene) { scenes2()[KindServiceKeyAdd][0](s) }, faults)
}

func TestOrderOfServiceKeyRevoke(t *testing.T) {
	faults := append(memberFaults(payer, 0),
		fault{"unknown", KeyState, on(func(_ *scene, f *ServiceKeyRevoke) { f.Key = keyOf("third").Key })},
		fault{"another member's", KeyState, func(s *scene) { s.service(func(k *ServiceKey) { k.Member = issuer }) }},
		fault{"revoked", KeyState, func(s *scene) { s.service(func(k *ServiceKey) { k.State = TillRevoked }) }})
	checkOrder(t, func(s *scene) { scenes2()[KindServiceKeyRevoke][0](s) }, faults)
}

func TestOrderOfMemberKeys(t *testing.T) {
	keys := func(name string, change func(f *MemberKeys)) fault {
		return fault{name, KeyState, on(func(_ *scene, f *MemberKeys) { change(f) })}
	}
	faults := append([]fault{memberFaults(shopA, 0)[0], memberFaults(shopA, 0)[2], tooFew(shopA)},
		keys("kept and not there", func(f *MemberKeys) { f.Keep = [][32]byte{keyOf("third").Key} }),
		keys("added and there", func(f *MemberKeys) { f.Keep, f.Add = nil, [][32]byte{keyOf("shop A").Key} }),
		keys("a till's", func(f *MemberKeys) { f.Add = [][32]byte{keyOf("till").Key} }),
		keys("a service key", func(f *MemberKeys) { f.Add = [][32]byte{keyOf("pay").Key} }),
		fault{"suspended", MemberBusy, func(s *scene) { s.members[shopA].State = MemberSuspended }})
	checkOrder(t, func(s *scene) { scenes2()[KindMemberKeys][0](s) }, faults)
}

// What version 2 changes in the kinds of version 1.
func TestOrderOfVersion1KindsInVersion2(t *testing.T) {
	m, _ := NewMachine(testChain(), testGenesis())
	run := func(prepare ...func(*scene)) Code {
		s := newScene()
		for _, f := range prepare {
			f(s)
		}
		return s.outcome(t, m).Code
	}
	second := func(s *scene) { s.second() }
	claim := func(s *scene) {
		s.tx = &Claim{Ticket: Ticket{Campaign: 1, Batch: 1, Serial: 7, ClaimKey: keyOf("claim").Key, Expires: t0 + 1},
			TicketKey: keyOf("ticket").Key, To: keyOf("holder").Key}
	}
	void := func(s *scene) { s.tx = &Void{Coupon: sceneCoupon, Seq: 2, Key: keyOf("till").Key} }
	publish := func(s *scene) { kindCases(testChain())[KindCampaignPublish].scenes[0](s) }
	by := func(op Kind) func(*scene) { return func(s *scene) { s.tx = &CampaignControl{op, 1} } }
	roleless := func(id uint16) func(*scene) { return func(s *scene) { s.members[id].Roles = 0 } }
	another := func(s *scene) { s.redemption.TillKey = keyOf("till A").Key }
	spent := DayTotal{Day: uint32(t0 / dayMs), Sum: 3001}
	for _, c := range []struct {
		name string
		want Code
		set  []func(*scene)
	}{
		{"claim", OK, []func(*scene){second, claim}},
		{"claim of an issuer without its role", CampaignNotActive, []func(*scene){second, claim, roleless(issuer)}},
		{"redeem", OK, []func(*scene){second, prepareRedeem}},
		{"redeem at a merchant without its role", KeyState, []func(*scene){second, prepareRedeem, roleless(shopA)}},
		{"void", OK, []func(*scene){second, void}},
		{"void at a merchant without its role", OK, []func(*scene){second, void, roleless(shopA)}},
		{"void of another key's", OK, []func(*scene){second, void, another}},
		{"void of another key's, another currency", CurrencyMismatch, []func(*scene){second, void, another,
			func(s *scene) { s.till.Currency = eur }}},
		{"void of another key's, above the cap", TillCap, []func(*scene){second, void, another,
			func(s *scene) { s.replace(GivenBackKey(keyOf("till").Key), spent.AppendTo(nil)) }}},
		{"publish", OK, []func(*scene){second, publish}},
		{"publish of an overdue funder", PayerOverdue, []func(*scene){second, publish, overdueFunder}},
		{"pause of what has ended", CampaignNotActive, []func(*scene){second, by(KindCampaignPause), released.set}},
		{"close of what has ended", CampaignNotActive, []func(*scene){second, by(KindCampaignClose), released.set}},
		{"batch of what has ended", CampaignNotActive, []func(*scene){second, released.set, func(s *scene) {
			s.tx = &BatchCommit{Campaign: 1, First: 11, Count: 90, TicketKey: keyOf("ticket").Key}
		}}},
		{"till key that is a service key", KeyState, []func(*scene){second, func(s *scene) {
			s.entries = []MemberSigner{{shopA, keyOf("shop A")}}
			s.tx = &TillKeyAdd{Member: shopA, Store: 1, TillKey: keyOf("pay").Key, Rights: 1, Currency: usd,
				ValidFrom: t0 - 1, ValidUntil: t0 + 5, DayCap: 1}
		}}},
	} {
		is(t, c.name, run(c.set...), c.want)
	}
}
