package ledger

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
)

// Each redemption and each void stands in the list of the member whose till it was,
// once, in the order of the chain, with what the receipt says.
func TestTakingsAreTheRedemptionsAndVoids(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	g := coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 3, Claim: 2, Redeem: 2, Void: 1}, 1, startMs)
	b.block(startMs, g.Setup()...)
	want := map[uint16][]Taking{}
	for range 20 {
		timeMs := startMs + b.height
		r := b.block(timeMs, g.Next(timeMs), g.Next(timeMs), g.Next(timeMs))
		for _, e := range r.Events {
			kind, o, err := DecodeEvent(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			if kind != coupon.EventRedemptionAccrued && kind != coupon.EventRedemptionVoided {
				continue
			}
			row, ok := b.store.Latest().Row(coupon.RedemptionKey(o.Coupon, o.Seq))
			x, err := coupon.DecodeRedemption(row)
			if err != nil || !ok {
				t.Fatal(err)
			}
			want[x.Member] = append(want[x.Member], Taking{TimeMs: timeMs, Height: b.height, Index: e.Tx,
				Void: kind == coupon.EventRedemptionVoided, Coupon: o.Coupon, Seq: o.Seq, Till: x.TillKey, Value: o.Value,
				Payable: x.Payable})
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing was redeemed")
	}
	for member, all := range want {
		for skip := range all {
			var got []Taking
			from := TakingPlace{all[skip].TimeMs, all[skip].Index}
			err := Takings(b.store.Latest(), member, from, func(x Taking) bool { got = append(got, x); return true })
			if err != nil || !slices.Equal(got, all[skip:]) {
				t.Fatalf("member %d from %+v: %+v, want %+v (%v)", member, from, got, all[skip:], err)
			}
			got = nil
			err = TakingsDown(b.store.Latest(), member, from, func(x Taking) bool { got = append(got, x); return true })
			slices.Reverse(got)
			if err != nil || !slices.Equal(got, all[:skip+1]) {
				t.Fatalf("member %d down from %+v: %+v, want %+v (%v)", member, from, got, all[:skip+1], err)
			}
		}
	}
}
