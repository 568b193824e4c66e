package client_test

import (
	"encoding/json"
	"slices"
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
	for _, k := range coupon.KindsAt(coupon.Version2) {
		if slices.Contains(k.Receipt(), coupon.PartProposal) || slices.Contains(k.Receipt(), coupon.PartEpoch) {
			continue // governance and evidence are shown by no answer yet
		}
		o := coupon.Outcome{Kind: k, Campaign: 2, Batch: 2, TillKey: [32]byte{2}, Coupon: coupon.NewCouponID(2, 2), Seq: 2,
			Owner: [32]byte{2}, Until: 2, Case: coupon.CaseOffered, Value: 2, Payable: 2, Before: 2, After: 2, UsesLeft: 2,
			FinalAt: 2, Version: 2, Serial: 2, Count: 2, Other: coupon.NewCouponID(2, 3), OtherSeq: 2,
			OtherOwner: [32]byte{3}, Price: 2, Currency: 2, Payer: 2, Offer: [32]byte{2}, Amount: 2, Refunded: 2, Recredit: 1,
			Cycle: 2, Book: 1, Payee: 2, Debt: coupon.DebtConfirmed, Key: [32]byte{2}, Member: 2, From: 2}
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
