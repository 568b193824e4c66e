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
	add := func(name, value string) { f = append(f, [2]string{name, value}) }
	money := func(minor uint64) string {
		if c, err := currencyByLetters(v, ""); err == nil {
			return units.Money(minor, c)
		}
		return strconv.FormatUint(minor, 10) + " minor units"
	}
	if o.Code == coupon.DuplicateTx {
		add("first", fmt.Sprintf("decided in block %d, place %d, as %s", o.First.Height, o.First.Index, o.First.Code))
	}
	if o.Code != coupon.OK {
		return f
	}
	if o.Campaign != 0 {
		add("campaign", fmt.Sprint(o.Campaign))
	}
	if o.Batch != 0 {
		add("batch", fmt.Sprint(o.Batch))
	}
	if o.TillKey != [32]byte{} {
		add("till", keys.Encode(keys.Till, o.TillKey))
	}
	if o.Coupon != 0 {
		add("coupon", fmt.Sprintf("%s (id %d)", couponName(o.Coupon), o.Coupon))
	}
	switch o.Kind {
	case coupon.KindClaim:
		add("owner", keys.Encode(keys.Holder, o.Owner))
		add("good until", whenEnds(o.Until))
	case coupon.KindTransfer:
		add("did", o.Case.String())
		add("owner", keys.Encode(keys.Holder, o.Owner))
		add("sequence", fmt.Sprint(o.Seq))
	case coupon.KindRedeem:
		add("value", money(o.Value))
		add("owed to the shop", money(o.Payable))
		add("redemption", fmt.Sprintf("number %d of the coupon", o.Seq))
		add("uses left", fmt.Sprint(o.UsesLeft))
		add("can be undone until", when(o.FinalAt))
	case coupon.KindVoid:
		add("given back", money(o.Value))
		add("redemption", fmt.Sprintf("number %d of the coupon", o.Seq))
		add("good until", whenEnds(o.Until))
	}
	return f
}
