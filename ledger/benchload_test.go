package ledger

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// What the benchmarks load is what blocks of claims leave: every row, every page of
// the tree and every index.
func TestLoadedStateIsThatOfClaims(t *testing.T) {
	const coupons, claims = 700, 10 // ids are forgotten on the way
	fill := func(name string, by func(x *benchLedger)) map[string][]byte {
		x := openBenchDir(t, filepath.Join(t.TempDir(), name), coupons)
		defer func() {
			if err := x.store.Close(); err != nil {
				t.Error(err)
			}
		}()
		x.claims = claims
		x.publish(t)
		by(x)
		root := x.store.StateRoot()
		all := map[string][]byte{"state root": root[:]}
		keep := func(table string) func(key, value []byte) bool {
			return func(key, value []byte) bool {
				all[table+string(key)] = bytes.Clone(value)
				return true
			}
		}
		if err := x.store.Latest().Rows(nil, nil, keep("row ")); err != nil {
			t.Fatal(err)
		}
		if err := x.store.Latest().Extras(nil, nil, keep("index ")); err != nil {
			t.Fatal(err)
		}
		return all
	}
	claimed := fill("claimed", func(x *benchLedger) { x.claimAll(t) })
	loaded := fill("loaded", func(x *benchLedger) { x.load(t) })
	for key, value := range claimed {
		if !bytes.Equal(loaded[key], value) {
			t.Errorf("%q is %x after claims, %x loaded", key, value, loaded[key])
		}
	}
	if len(loaded) != len(claimed) || len(claimed) < 3*coupons {
		t.Errorf("%d rows and indexes after claims, %d loaded", len(claimed), len(loaded))
	}
	if _, ok := claimed["row "+string(coupon.CouponKey(coupon.NewCouponID(benchCampaign, coupons)))]; !ok {
		t.Error("the last coupon is not there")
	}
}
