package ledger

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
)

// Each block is counted in the quarter of its time, once, with what its transactions came
// to, and a restart forgets nothing.
func TestActivityCountsEachBlockOnce(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	g := coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 3, Claim: 3, Redeem: 3, Void: 1}, 1, startMs)
	var want []Activity
	count := func(timeMs uint64, raws ...[]byte) {
		r := b.block(timeMs, raws...)
		begin := timeMs - timeMs%QuarterMs
		if n := len(want); n == 0 || want[n-1].BeginMs != begin {
			want = append(want, Activity{BeginMs: begin})
		}
		a := &want[len(want)-1]
		a.Blocks++
		for _, receipt := range r.Receipts {
			o, err := coupon.DecodeReceipt(receipt)
			if err != nil {
				t.Fatal(err)
			}
			of := map[coupon.Kind]*uint64{coupon.KindClaim: &a.Claims, coupon.KindTransfer: &a.Transfers,
				coupon.KindRedeem: &a.Redemptions, coupon.KindVoid: &a.Voids}[o.Kind]
			switch {
			case o.Code != coupon.OK:
				a.Refused++
			case of != nil:
				*of++
			default:
				a.Others++
			}
		}
	}
	count(startMs, g.Setup()...)
	timeMs := uint64(startMs)
	for i := range 24 {
		timeMs += 5*60*1000 + uint64(i)
		if i == 12 {
			b.reopen()
			count(timeMs) // a block without transactions
			continue
		}
		count(timeMs, g.Next(timeMs), g.Next(timeMs), g.Next(timeMs))
	}
	sums := func(all []Activity) (blocks, redemptions uint64) {
		for _, a := range all {
			blocks, redemptions = blocks+a.Blocks, redemptions+a.Redemptions
		}
		return blocks, redemptions
	}
	if blocks, redemptions := sums(want); blocks != 25 || redemptions == 0 || len(want) < 8 {
		t.Fatalf("%d blocks, %d redemptions, %d quarters", blocks, redemptions, len(want))
	}
	for skip := range want {
		var got []Activity
		err := Activities(b.store.Latest(), want[skip].BeginMs, func(a Activity) bool { got = append(got, a); return true })
		if err != nil || !slices.Equal(got, want[skip:]) {
			t.Fatalf("from quarter %d: %+v, want %+v (%v)", skip, got, want[skip:], err)
		}
	}
}

// No kind is left out of the counters, and none is counted twice.
func TestEveryKindIsCountedOnce(t *testing.T) {
	for _, k := range coupon.Kinds() {
		var a Activity
		a.add(&coupon.Outcome{Kind: k})
		if a.Transactions() != 1 || a.Refused != 0 {
			t.Errorf("an accepted %s counts as %+v", k, a)
		}
	}
}
