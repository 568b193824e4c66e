package coupon

import "testing"

// A coupon cannot be kept alive by redeeming and voiding it: the floor never
// passes last_use.
func TestFloorStopsAtLastUse(t *testing.T) {
	w := newWorld(t)
	terms := w.terms(func(t *Terms) { t.RollbackMs, t.GraceMs = dayMs, 1000 })
	id := w.claimed(terms)
	g := w.campaign(id.Campaign())
	last := LastUse(&terms, &g)
	w.now = terms.RedeemUntil - 1
	seq := uint32(0)
	for range 4 {
		till := Till{Member: shopA, Store: 1, Rights: RightRedeem, Currency: usd, ValidUntil: TimeMax, DayCap: 9000}
		w.rows[string(TillKey(keyOf("till A").Key))] = till.AppendTo(nil)
		o := w.want(OK, w.redeemTx(id, seq, bill{basis: 2000, value: 2000}))
		w.now = o.FinalAt - 1
		until := w.want(OK, w.voidTx(id, seq)).Until
		if until > last || until != min(w.now+VoidExtensionMs, last) {
			t.Fatalf("until %d after a void at %d, last use %d", until, w.now, last)
		}
		if until == last {
			w.now = last + uint64(terms.GraceMs)
			w.want(Expired, w.redeemTx(id, seq+2, bill{basis: 2000, value: 2000}))
			return
		}
		w.now, seq = until-1, seq+2
	}
	t.Fatal("last use was never reached")
}

func TestTillCapCountsTheLargerOfValueAndPayable(t *testing.T) {
	sum := func(terms func(*Terms)) uint64 {
		w := newWorld(t)
		id := w.claimed(w.terms(terms))
		w.want(OK, w.redeemTx(id, 0, bill{basis: 2000, value: 2000}))
		till, err := DecodeTill(w.rows[string(TillKey(keyOf("till A").Key))])
		if err != nil {
			t.Fatal(err)
		}
		return till.DaySum
	}
	if got := sum(func(t *Terms) { t.Fee = 10 }); got != 2010 {
		t.Errorf("with a fee: %d", got)
	}
	if got := sum(func(t *Terms) { t.ReimburseBps, t.Shops = 5000, []Shop{{shopA, 1}} }); got != 2000 {
		t.Errorf("with half reimbursed: %d", got)
	}
}

func TestItemsMustFitTheBasis(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.ValueKind, t.Face, t.Uses = FreeItem, 450, 2 }))
	w.want(InvoiceFacts, w.redeemTx(id, 0, bill{basis: 799, value: 400, qty: 2, unit: 400}))
	w.want(OK, w.redeemTx(id, 0, bill{basis: 800, value: 400, qty: 2, unit: 400}))
}

// An obligation of nothing still counts its redemptions: its row goes with the
// last of them, not with its sum.
func TestObligationGoesWithItsLastRedemption(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.Uses, t.ReimburseBps, t.Shops = 3, 0, []Shop{{shopA, 1}} }))
	w.want(OK, w.redeemTx(id, 0, bill{basis: 2000, value: 2000}))
	o := w.want(OK, w.redeemTx(id, 1, bill{basis: 2000, value: 2000}))
	key := ObligationKey(uint32(o.FinalAt/CycleMsDefault), id.Campaign(), shopA)
	w.want(OK, w.voidTx(id, 0))
	row, err := DecodeObligation(w.rows[string(key)])
	if err != nil || row != (Obligation{Sum: 0, Count: 1}) {
		t.Errorf("after the first void: %+v, %v", row, err)
	}
	w.want(OK, w.voidTx(id, 1))
	if _, ok := w.Get(key); ok {
		t.Error("the row is still there after the last void")
	}
}

func TestRowMadeAndDeletedInOneBlockIsNoWrite(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms())
	outs := w.block(w.redeemTx(id, 0, bill{basis: 2000, value: 2000}), w.voidTx(id, 0))
	if outs[0].Code != OK || outs[1].Code != OK {
		t.Fatalf("outcomes %s, %s", outs[0].Code, outs[1].Code)
	}
	for _, write := range w.last.Writes {
		if write.Key[0] == PrefixObligation {
			t.Errorf("obligation %x is written", write.Key)
		}
	}
}

// A redemption refused because its invoice lives too long stays refused when the
// invoice has come within its life: one id, one outcome.
func TestInvoiceThatLivesTooLongStaysRefused(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms())
	till, holder := keyOf("till A"), keyOf("holder")
	inv := Invoice{TillKey: till.Key, Currency: usd, Basis: 2000, Expires: w.now + LifeMsDefault + 1}
	auth := Auth{Coupon: id, Seq: 0, Holder: holder.Key, Value: 2000, Expires: w.expires(),
		InvoiceDigest: inv.Digest(w.chain)}
	raw := w.chain.NewRedeemInvoice(inv, w.chain.SignInvoice(inv, till), auth, w.chain.SignAuth(auth, holder))
	w.want(LifeTooLong, raw)
	w.tick()
	w.want(DuplicateTx, raw)
}

// The formula of rules 3.9, part by part.
func TestUntil(t *testing.T) {
	for _, c := range []struct {
		name   string
		coupon Coupon
		terms  Terms
		row    Campaign
		want   uint64
	}{
		{"fixed", Coupon{ClaimedAt: 50}, Terms{}, Campaign{RedeemUntil: 1000}, 1000},
		{"relative", Coupon{ClaimedAt: 50}, Terms{RelativeMs: 100}, Campaign{RedeemUntil: 1000}, 150},
		{"relative beyond the end", Coupon{ClaimedAt: 950}, Terms{RelativeMs: 100}, Campaign{RedeemUntil: 1000}, 1000},
		{"stretched", Coupon{}, Terms{}, Campaign{RedeemUntil: 1000, StretchMs: 7}, 1007},
		{"relative, stretched", Coupon{ClaimedAt: 50}, Terms{RelativeMs: 100},
			Campaign{RedeemUntil: 1000, StretchMs: 7}, 157},
		{"a floor is not stretched", Coupon{Floor: 1005}, Terms{}, Campaign{RedeemUntil: 1000, StretchMs: 3}, 1005},
		{"a floor below counts for nothing", Coupon{Floor: 900}, Terms{}, Campaign{RedeemUntil: 1000}, 1000},
	} {
		if got := Until(&c.coupon, &c.terms, &c.row); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestShopsOfTheTerms(t *testing.T) {
	some := Terms{Shops: []Shop{{3, 1}, {3, 2}, {5, 0}}}
	for shop, want := range map[Shop]bool{{3, 1}: true, {3, 2}: true, {3, 3}: false, {4, 1}: false, {5, 1}: true,
		{5, 9}: true, {6, 1}: false} {
		if some.GoodAt(shop.Member, shop.Store) != want {
			t.Errorf("good at %v: %t", shop, !want)
		}
	}
	if none := (Terms{}); !none.GoodAt(9, 9) {
		t.Error("an empty list means every merchant")
	}
}
