package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/coupon"
)

// parseMoney reads an amount such as "12.50" as minor units of a currency.
func parseMoney(s string, exponent uint8) (uint64, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction + strings.Repeat("0", max(0, int(exponent)-len(fraction)))
	minor, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || whole == "" || len(fraction) > int(exponent) || strings.Contains(s, "+") {
		return 0, fmt.Errorf("%q is not an amount with at most %d decimals", s, exponent)
	}
	if minor > coupon.MoneyMax {
		return 0, fmt.Errorf("%q is more than the largest amount", s)
	}
	return minor, nil
}

// formatMoney is the inverse of parseMoney, with all decimals.
func formatMoney(minor uint64, exponent uint8) string {
	digits := strconv.FormatUint(minor, 10)
	if exponent == 0 {
		return digits
	}
	digits = strings.Repeat("0", max(0, int(exponent)+1-len(digits))) + digits
	at := len(digits) - int(exponent)
	return digits[:at] + "." + digits[at:]
}
