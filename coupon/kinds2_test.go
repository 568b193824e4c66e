package coupon

// bind puts the digests of a trade in their places.
func (f *Trade) bind(c Chain) {
	f.Accept.Offer = f.Offer.Digest(c)
	if f.money() {
		f.Pay.Subject = f.Accept.Digest(c)
	}
}

// payer is the payment member of the tests of version 2.
const payer uint16 = 6

// samples2 returns signed transactions of each kind of version 2.
func samples2(c Chain) []sample {
	w := &world{chain: c, now: t0}
	expires := t0 + 60_000
	holder, friend, payKey := keyOf("holder"), keyOf("friend"), keyOf("pay")
	admin := func(member uint16, name string) MemberSigner { return MemberSigner{member, keyOf(name)} }
	id, other := NewCouponID(7, 3), NewCouponID(8, 2)
	swap := &Trade{Offer: Offer{Coupon: id, Seq: 3, Seller: holder.Key, Swap: SwapAsk{Campaign: 8, Coupon: other,
		MinUses: 1, MinValue: 2, MinUntil: t0 + 1, MinVersion: 1, Get: holder.Key}, Buyer: friend.Key, Expires: t0 + dayMs},
		Accept: Accept{Buyer: friend.Key, To: friend.Key, Coupon: other, Seq: 1, Expires: expires}}
	sale := &Trade{Offer: Offer{Coupon: id, Seq: 5, Seller: holder.Key, Ask: AskMoney,
		Money: MoneyAsk{1600, eur, payer}, Expires: t0 + dayMs},
		Accept: Accept{Buyer: friend.Key, To: friend.Key, Expires: expires},
		Pay:    Pay{Price: 1600, Currency: eur, Member: payer, Ref: [32]byte{33}, Expires: expires}, PayKey: payKey.Key}
	swap.bind(c)
	sale.bind(c)
	debt := DebtName{2968, usd, BookUnsecured, shopA, issuer}
	add := &ServiceKeyAdd{Member: payer, Key: payKey.Key, ValidFrom: t0, ValidUntil: t0 + yearMs, Currency: eur,
		DayCap: 3000}
	keys := &MemberKeys{Member: shopA, Threshold: 1, Keep: [][32]byte{keyOf("shop A").Key},
		Add: [][32]byte{keyOf("shop A 2").Key}}
	return []sample{
		{"campaign_amend", c.NewMemberTx(expires, &CampaignAmend{7, 2, w.terms()}, w.issuers()...)},
		{"coupon_issue", c.NewMemberTx(expires, &CouponIssue{7, [][32]byte{holder.Key, friend.Key, holder.Key}},
			w.issuers()...)},
		{"trade_swap", c.NewTrade(swap, c.SignOffer(swap.Offer, holder), c.SignAccept(swap.Accept, friend), [64]byte{})},
		{"trade_money", c.NewTrade(sale, c.SignOffer(sale.Offer, holder), c.SignAccept(sale.Accept, friend),
			c.SignPay(sale.Pay, payKey))},
		{"offer_post_swap", c.NewOfferPost(expires, swap.Offer, c.SignOffer(swap.Offer, holder))},
		{"offer_post_money", c.NewOfferPost(expires, sale.Offer, c.SignOffer(sale.Offer, holder))},
		{"refund", c.NewRefund(expires, Refund{id, 2, keyOf("till A").Key, 500, 0}, keyOf("till A"))},
		{"cycle_close", c.NewMemberTx(expires, &CycleClose{2968, shopA}, admin(shopA, "shop A"))},
		{"payment_posted", c.NewMemberTx(expires, &PaymentPosted{debt, [32]byte{7}}, admin(shopA, "shop A"))},
		{"payment_confirmed", c.NewMemberTx(expires, &PaymentConfirmed{debt, PaymentObject}, w.issuers()[0])},
		{"service_key_add", c.NewServiceKeyAdd(expires, add, payKey, admin(payer, "payer"))},
		{"service_key_revoke", c.NewMemberTx(expires, &ServiceKeyRevoke{payer, payKey.Key}, admin(payer, "payer"))},
		{"member_keys", c.NewMemberKeys(expires, keys, []Signer{keyOf("shop A 2")}, admin(shopA, "shop A"))},
	}
}

// all2 returns signed transactions of all kinds of version 2.
func all2(c Chain) []sample { return append(samples2(c), governanceSamples(c)...) }

// second makes the scene one of version 2, in which coupon 6 of the same campaign belongs
// to "friend", the campaign may be traded, and a payment key, a closed cycle with a debt of
// the shop, and a final redemption (of seq 1) exist.
func (s *scene) second() {
	s.protocol = &Protocol{Version: Version2, HolderLifeMs: LifeMsDefault, MemberLifeMs: MemberLifeDefault,
		PayMs: PayMsDefault, Clearer: payer, NextCycle: sceneCycle + 1, NextProposal: 1}
	s.members[payer] = &Member{Roles: RolePayment, Threshold: 1, Keys: [][32]byte{keyOf("payer").Key}, Name: "payer"}
	s.terms.Transfer, s.terms.MaxTransfers, s.terms.ResaleBps = TransferTrade, 2, 8000
	key := ServiceKey{Purpose: ServicePayment, Member: payer, ValidFrom: t0 - 5, ValidUntil: t0 + 5, Currency: usd,
		DayCap: 3000}
	given := *s.coupon
	given.Owner, given.Seq = keyOf("friend").Key, 8
	final := Redemption{TillKey: keyOf("till").Key, Member: shopA, Store: 1, Value: 2000, Payable: 2000, At: t0 - 900,
		FinalAt: t0}
	cycle := Cycle{State: CycleClosed, ClosedAt: t0 - 1}
	debt := Debt{Amount: 20}
	unpaid := uint32(1)
	s.rows = []Write{
		{ServiceRowKey(keyOf("pay").Key), key.AppendTo(nil)},
		{CouponKey(sceneGiven), given.AppendTo(nil)},
		{RedemptionKey(sceneCoupon, 1), final.AppendTo(nil)},
		{CycleKey(sceneCycle), cycle.AppendTo(nil)},
		{DebtKey(sceneCycle, usd, BookUnsecured, shopA, issuer), debt.AppendTo(nil)},
		{UnpaidKey(shopA, sceneCycle), appendUnpaid(&unpaid, nil)},
	}
}

// replace changes a row of the scene.
func (s *scene) replace(key, value []byte) {
	for i := range s.rows {
		if string(s.rows[i].Key) == string(key) {
			s.rows[i].Value = value
			return
		}
	}
	s.rows = append(s.rows, Write{key, value})
}

const sceneCycle = uint32(t0/CycleMsDefault) - 1

var (
	sceneGiven = NewCouponID(1, 6)
	sceneDebt  = DebtName{sceneCycle, usd, BookUnsecured, shopA, issuer}
)

func (s *scene) swap() *Trade {
	seller, buyer := keyOf("holder").Key, keyOf("friend").Key
	return &Trade{Offer: Offer{Coupon: sceneCoupon, Seq: 3, Seller: seller, Expires: t0 + 500,
		Swap: SwapAsk{Campaign: 1, MinUses: 1, MinUntil: t0 + 200, MinVersion: 1, Get: seller}},
		Accept: Accept{Buyer: buyer, To: buyer, Coupon: sceneGiven, Seq: 8}}
}

func (s *scene) sale(price uint64) *Trade {
	buyer := keyOf("friend").Key
	return &Trade{Offer: Offer{Coupon: sceneCoupon, Seq: 3, Seller: keyOf("holder").Key, Ask: AskMoney,
		Money: MoneyAsk{price, usd, payer}, Expires: t0 + 500}, Accept: Accept{Buyer: buyer, To: buyer},
		Pay:    Pay{Price: price, Currency: usd, Member: payer, Ref: [32]byte{33}, Expires: t0 + 900},
		PayKey: keyOf("pay").Key}
}

// scenes2 returns scenes of version 2 that are accepted.
func scenes2() map[Kind][]func(*scene) {
	by := func(member uint16, name string, f func(s *scene) Fields) []func(*scene) {
		return []func(*scene){func(s *scene) {
			s.second()
			s.entries, s.tx = []MemberSigner{{member, keyOf(name)}}, f(s)
		}}
	}
	amended := func(s *scene) Fields {
		next := s.terms
		next.Face, next.ClaimUntil, next.RedeemUntil = 2500, t0+150, t0+300
		return &CampaignAmend{1, 2, next}
	}
	object := by(issuer, "issuer 1", func(s *scene) Fields {
		posted := Debt{Amount: 20, State: DebtPosted, At: t0 - 1}
		s.replace(DebtKey(sceneCycle, usd, BookUnsecured, shopA, issuer), posted.AppendTo(nil))
		s.rows = s.rows[:len(s.rows)-1] // nothing to act on
		return &PaymentConfirmed{sceneDebt, PaymentObject}
	})
	return map[Kind][]func(*scene){
		KindCampaignAmend: by(issuer, "issuer 1", amended),
		KindCouponIssue: by(issuer, "issuer 1", func(*scene) Fields {
			return &CouponIssue{1, [][32]byte{keyOf("holder").Key, keyOf("friend").Key}}
		}),
		KindTrade:     {func(s *scene) { s.second(); s.tx = s.swap() }, func(s *scene) { s.second(); s.tx = s.sale(1600) }},
		KindOfferPost: {func(s *scene) { s.second(); s.tx = &OfferPost{s.sale(1600).Offer} }},
		KindRefund: {func(s *scene) {
			s.second()
			s.tx = &Refund{Coupon: sceneCoupon, Seq: 1, Key: keyOf("till").Key, Amount: 500}
		}},
		KindCycleClose: by(shopA, "shop A", func(s *scene) Fields {
			s.now = uint64(sceneCycle+2) * CycleMsDefault
			s.expires = s.now + 1000
			return &CycleClose{sceneCycle + 1, shopA}
		}),
		KindPaymentPosted: by(shopA, "shop A", func(*scene) Fields { return &PaymentPosted{sceneDebt, [32]byte{7}} }),
		KindPaymentConfirmed: append(object, by(issuer, "issuer 1", func(*scene) Fields {
			return &PaymentConfirmed{sceneDebt, PaymentConfirm}
		})...),
		KindServiceKeyAdd: by(payer, "payer", func(*scene) Fields {
			return &ServiceKeyAdd{payer, keyOf("new").Key, t0 - 1, t0 + 5, usd, 1}
		}),
		KindServiceKeyRevoke: by(payer, "payer", func(*scene) Fields { return &ServiceKeyRevoke{payer, keyOf("pay").Key} }),
		KindMemberKeys: by(shopA, "shop A", func(*scene) Fields {
			return &MemberKeys{shopA, 1, [][32]byte{keyOf("shop A").Key}, [][32]byte{keyOf("new").Key}}
		}),
	}
}
