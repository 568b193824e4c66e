package cli

import (
	"fmt"
	"strconv"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
)

// memberName is the name of a member in the genesis file, or its number.
func memberName(v *client.Verifier, id uint16) string {
	if members := v.Genesis().File.Ledger.Members; id >= 1 && int(id) <= len(members) {
		return members[id-1].Name
	}
	return fmt.Sprintf("member %d", id)
}

// effectFields says what a transaction changed. A receipt names no currency, so
// amounts are shown with it only where the chain has a single one.
func (a *App) effectFields(v *client.Verifier, o *coupon.Outcome) (f Fields) {
	if o.Code == coupon.DuplicateTx {
		f = append(f, [2]string{"first",
			fmt.Sprintf("decided in block %d, place %d, as %s", o.First.Height, o.First.Index, o.First.Code)})
	}
	for _, p := range coupon.Parts() {
		if !o.States(p) {
			continue
		}
		if name, value := partWords(v, o, p); name != "" {
			f = append(f, [2]string{name, value})
		}
	}
	return f
}

// partWords words one statement of a receipt. The name is empty for what people are
// not shown: what was in a coupon before and after.
func partWords(v *client.Verifier, o *coupon.Outcome, p coupon.Part) (name, value string) {
	money := func(minor uint64) string {
		if c, err := currencyByLetters(v, ""); err == nil {
			return units.Money(minor, c)
		}
		return strconv.FormatUint(minor, 10) + " minor units"
	}
	switch p {
	case coupon.PartCampaign:
		return "campaign", fmt.Sprint(o.Campaign)
	case coupon.PartBatch:
		return "batch", fmt.Sprint(o.Batch)
	case coupon.PartTill:
		return "till", keys.Encode(keys.Till, o.TillKey)
	case coupon.PartCoupon:
		return "coupon", fmt.Sprintf("%s (id %d)", couponName(o.Coupon), o.Coupon)
	case coupon.PartCase:
		return "did", o.Case.String()
	case coupon.PartOwner:
		return "owner", keys.Encode(keys.Holder, o.Owner)
	case coupon.PartValue:
		return "value", money(o.Value)
	case coupon.PartGivenBack:
		return "given back", money(o.Value)
	case coupon.PartPayable:
		return "owed to the shop", money(o.Payable)
	case coupon.PartRedemption:
		return "redemption", fmt.Sprintf("number %d of the coupon", o.Seq)
	case coupon.PartSeq:
		return "sequence", fmt.Sprint(o.Seq)
	case coupon.PartUsesLeft:
		return "uses left", fmt.Sprint(o.UsesLeft)
	case coupon.PartUntil:
		return "good until", whenEnds(o.Until)
	case coupon.PartFinalAt:
		return "can be undone until", when(o.FinalAt)
	}
	return "", ""
}
