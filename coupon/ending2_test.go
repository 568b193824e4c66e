package coupon

import (
	"fmt"
	"slices"
	"testing"
)

// count returns the number of rows of a prefix.
func (s *store) count(prefix byte) (n int) {
	for k := range s.rows {
		if k[0] == prefix {
			n++
		}
	}
	return n
}

// apply executes an empty block and stores what it did.
func applyEmpty(t *testing.T, m *Machine, st *store, height, now uint64) Result {
	t.Helper()
	res := m.Apply(st.sorted(), Block{Height: height, TimeMs: now})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	st.write(t, res.Writes)
	return res
}

func TestAMigrationTakesSomeCampaignsABlock(t *testing.T) {
	m, st, _ := closingState(t, 4, migratedPerBlock+88, 1, false, NetMultilateral)
	for _, key := range [][]byte{ProtocolKey(), CurrencyKey(usd), CycleKey(uint32(t0/CycleMsDefault) - 1)} {
		delete(st.rows, string(key))
	}
	for k := range st.rows {
		if k[0] == PrefixMoney {
			delete(st.rows, k)
		}
	}
	params := Params{NextCampaign: migratedPerBlock + 89, NextMember: 5, CycleMs: CycleMsDefault}
	st.rows[string(ParamsKey())] = params.AppendTo(nil)
	m = upgradedAt(m, 7)
	is(t, "version before", m.VersionAt(st, 6), Version1)
	is(t, "version at", m.VersionAt(st, 7), Version2)
	applyEmpty(t, m, st, 6, t0)
	is(t, "rows of version 2 before", st.count(PrefixProtocol)+st.count(PrefixEnd), 0)
	for i, want := range []int{migratedPerBlock, migratedPerBlock + 88, migratedPerBlock + 88} {
		applyEmpty(t, m, st, uint64(7+i), t0+uint64(i))
		is(t, fmt.Sprintf("ends after %d blocks", i+1), st.count(PrefixEnd), want)
	}
	is(t, "the newest is among the first", st.rows[string(EndKey(t0+yearMs+VoidExtensionMs, migratedPerBlock+88))] != nil,
		true)
	is(t, "currencies", st.count(PrefixCurrency), 1)
	is(t, "version from the state", upgradedAt(m, 99).VersionAt(st, 10), Version2)
}

func TestAFewCampaignsEndInABlock(t *testing.T) {
	m, st, cycle := closingState(t, 4, endsPerBlock+4, 1, false, NetMultilateral)
	delete(st.rows, string(CycleKey(cycle)))
	end := t0 + yearMs + VoidExtensionMs
	for i := range endsPerBlock + 4 {
		g, _ := DecodeCampaign(st.rows[string(CampaignKey(uint32(i+1)))])
		g.Accrued = 0
		st.rows[string(CampaignKey(uint32(i+1)))] = g.AppendTo(nil)
		st.rows[string(EndKey(end, uint32(i+1)))] = appendMark(nil, nil)
	}
	is(t, "just before", len(applyEmpty(t, m, st, 2, end-1).Events), 0)
	is(t, "at the end", len(applyEmpty(t, m, st, 3, end).Events), endsPerBlock)
	is(t, "in the next block", len(applyEmpty(t, m, st, 4, end+1).Events), 4)
	is(t, "none is left", st.count(PrefixEnd), 0)
}

func TestPruningTakesSomeRowsABlock(t *testing.T) {
	m, st, cycle := closingState(t, 4, 1, 1, false, NetMultilateral)
	delete(st.rows, string(CycleKey(cycle)))
	money := CampaignMoney{Ended: EndedReleased, EndedCycle: cycle - 1}
	st.rows[string(MoneyKey(1))] = money.AppendTo(nil)
	st.rows[string(ToPruneKey(cycle-1, 1))] = appendMark(nil, nil)
	for i := range prunePerBlock + 8 {
		c := Coupon{Version: 1, Status: Redeemed}
		st.rows[string(CouponKey(NewCouponID(1, uint32(i+1))))] = c.AppendTo(nil)
	}
	ended := func() EndState {
		row, _ := DecodeMoney(st.rows[string(MoneyKey(1))])
		return row.Ended
	}
	applyEmpty(t, m, st, 2, t0)
	is(t, "coupons after a block", st.count(PrefixCoupon), 8)
	is(t, "terms after a block", st.count(PrefixTerms), 1)
	is(t, "state after a block", ended(), EndedReleased)
	applyEmpty(t, m, st, 3, t0+1)
	is(t, "coupons after two", st.count(PrefixCoupon), 0)
	is(t, "terms after two", st.count(PrefixTerms), 0)
	is(t, "state after two", ended(), EndedPruned)
}

// A coupon is sold while the seller's code still runs: the code is dead, and the buyer
// redeems.
func TestASoldCouponIsRedeemedByItsBuyerAlone(t *testing.T) {
	w := newWorld2(t)
	a, _ := w.two(w.terms(traded, func(t *Terms) { t.ShowMax = 2000 }))
	code := w.redeemTx(a, 0, bill{basis: 5000, value: 2000, show: true})
	w.want(OK, w.saleTx(a, 0, 1600))
	w.want(NotOwner, code)
	till, friend := keyOf("till A"), keyOf("friend")
	inv := Invoice{TillKey: till.Key, Campaign: a.Campaign(), Currency: usd, Basis: 5000, Expires: w.expires()}
	auth := Auth{Coupon: a, Seq: 1, Holder: friend.Key, Value: 2000, Expires: w.expires(),
		InvoiceDigest: inv.Digest(w.chain)}
	w.want(OK, w.chain.NewRedeemInvoice(inv, w.chain.SignInvoice(inv, till), auth, w.chain.SignAuth(auth, friend)))
}

// Two trades, a redemption, a refresh and a void race for one coupon: in whatever order they
// stand in a block, one of those that need its present state is accepted.
func TestWhatRacesForACouponHappensOnce(t *testing.T) {
	race := func(order []int) string {
		w := newWorld2(t)
		a, b := w.two(w.terms(traded, func(t *Terms) { t.Uses = 3 }))
		c := w.want(OK, w.claimTx(a.Campaign(), 3, keyOf("friend"))).Coupon
		w.want(OK, w.redeemTx(a, 0, bill{basis: 900, value: 900}))
		raws := [][]byte{w.swapTx(a, b, [2]uint32{1, 0}), w.swapTx(a, c, [2]uint32{1, 0}),
			w.redeemTx(a, 1, bill{basis: 5000, value: 2000, salt: 7}),
			w.transferTx(a, 1, keyOf("holder"), keyOf("holder"), 0),
			w.chain.NewVoid(w.expires(), Void{a, 0, keyOf("capped").Key}, keyOf("capped"))}
		var list [][]byte
		for _, i := range order {
			list = append(list, raws[i])
		}
		accepted := 0
		for i, o := range w.block(list...) { // which checks the invariants
			if o.Code == OK && order[i] != 4 {
				accepted++
			}
			if order[i] == 4 {
				is(t, fmt.Sprint("void in ", order), o.Code, OK)
			}
		}
		return fmt.Sprint(accepted)
	}
	var permute func(done, rest []int)
	permute = func(done, rest []int) {
		if len(rest) == 0 {
			want := "1"
			if done[0] == 4 { // the void has changed the coupon
				want = "0"
			}
			is(t, fmt.Sprint("accepted in ", done), race(done), want)
			return
		}
		for i, next := range rest {
			permute(append(slices.Clone(done), next), slices.Delete(slices.Clone(rest), i, i+1))
		}
	}
	permute(nil, []int{0, 1, 2, 3, 4})
}
