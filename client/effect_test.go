package client_test

import (
	"encoding/json"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// receiptHead is what stands in a receipt before what its kind states: id, code, kind.
const receiptHead = 32 + 2 + 1

// Whatever a receipt of any kind states is in its effect: no byte of it can change
// unseen.
func TestEffectsHoldAllThatReceiptsState(t *testing.T) {
	effect := func(receipt []byte) (string, bool) {
		o, err := coupon.DecodeReceipt(receipt)
		if err != nil {
			return "", false
		}
		b, err := json.Marshal(client.EffectOf(&o))
		if err != nil {
			t.Fatal(err)
		}
		return string(b), true
	}
	for _, k := range coupon.Kinds() {
		o := coupon.Outcome{Kind: k, Campaign: 2, Batch: 2, TillKey: [32]byte{2}, Coupon: coupon.NewCouponID(2, 2), Seq: 2,
			Owner: [32]byte{2}, Until: 2, Case: coupon.CaseOffered, Value: 2, Payable: 2, Before: 2, After: 2, UsesLeft: 2,
			FinalAt: 2}
		receipt := o.AppendTo(nil)
		whole, ok := effect(receipt)
		if !ok {
			t.Fatalf("the receipt of a %s does not decode", k)
		}
		for at := receiptHead; at < len(receipt); at++ {
			receipt[at] ^= 1
			if changed, ok := effect(receipt); ok && changed == whole {
				t.Errorf("%s: byte %d of the receipt shows in no field of %s", k, at, whole)
			}
			receipt[at] ^= 1
		}
	}
}
