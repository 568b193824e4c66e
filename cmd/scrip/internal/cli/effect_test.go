package cli

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// Every statement that a receipt can make has words, but for what was in a coupon
// before and after, which nobody asked for.
func TestEveryStatementOfAReceiptHasWords(t *testing.T) {
	silent := []coupon.Part{coupon.PartBefore, coupon.PartAfter}
	v, names := devVerifier(t), map[string]coupon.Part{}
	for _, p := range coupon.Parts() {
		name, value := partWords(v, &coupon.Outcome{}, p)
		if slices.Contains(silent, p) != (name == "") || (name == "") != (value == "") {
			t.Errorf("part %d is shown as %q: %q", p, name, value)
		}
		if other, ok := names[name]; ok && name != "" {
			t.Errorf("parts %d and %d are both called %q", other, p, name)
		}
		names[name] = p
	}
}
