package units

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/coupon"
)

// Fault is why a text is no amount. The TypeScript SDK has the same ones, and both
// are held to testdata/amounts.json.
type Fault string

// The faults, in the order in which they are looked for.
const (
	FaultEmpty      Fault = "empty"
	FaultCurrency   Fault = "currency"
	FaultSign       Fault = "sign"
	FaultCharacters Fault = "characters"
	FaultPoint      Fault = "point"
	FaultAmbiguous  Fault = "ambiguous"
	FaultGroups     Fault = "groups"
	FaultDecimals   Fault = "decimals"
	FaultLarge      Fault = "large"
)

// Error implements error.
func (f Fault) Error() string {
	switch f {
	case FaultEmpty:
		return "there is nothing"
	case FaultCurrency:
		return "it names another currency"
	case FaultSign:
		return "it has a sign"
	case FaultPoint:
		return "a digit is missing before or behind the point"
	case FaultAmbiguous:
		return "a comma before three digits may part thousands or decimals; write it without, or with a point"
	case FaultGroups:
		return "what parts its digits does not part thousands"
	case FaultDecimals:
		return "it has too many decimals"
	case FaultLarge:
		return "it is too large"
	}
	return "wanted digits and at most one point"
}

const (
	amountRunesMax    = 64
	amountDigitsMax   = 16 // of coupon.MoneyMax
	lettersOfCurrency = 3
	blanks            = " \t\r\n\u00a0\u2009\u202f\u3000"
	invisible         = "\u200b\u200e\u200f\u061c\ufeff"
	signs             = "+-\u2212\uff0b\uff0d"
)

// What may stand between digits.
const (
	point   = '.'  // parts decimals, or thousands where a comma follows or it stands twice
	comma   = ','  // the same with point
	decimal = 'd'  // the Arabic decimal separator
	space   = ' '  // parts thousands, as do the following
	quote   = '\'' //
	arabic  = 'a'  // the Arabic thousands separator
)

// separator is a mark behind so many digits.
type separator struct {
	kind   rune
	behind int
}

// ParseAmount reads what a person types as an amount: digits, also full-width and
// Arabic ones, with at most so many decimals behind a point or comma, as a count of
// the last decimal. Thousands may be parted where that cannot be taken for decimals;
// a comma before three digits can, and is refused with FaultAmbiguous whatever the
// decimals. Every error is a Fault.
func ParseAmount(s string, decimals uint8) (uint64, error) {
	text := []rune(strings.Trim(s, blanks+invisible))
	switch {
	case len(text) == 0:
		return 0, FaultEmpty
	case strings.ContainsRune(signs, text[0]), strings.ContainsRune(signs, text[len(text)-1]):
		return 0, FaultSign
	case len(text) > amountRunesMax:
		return 0, FaultLarge
	}
	var digits []byte
	var parts []separator
	for _, r := range text {
		if d := digitOf(r); d >= 0 {
			digits = append(digits, byte('0'+d))
		} else if kind := separatorOf(r); kind != 0 {
			parts = append(parts, separator{kind, len(digits)})
		} else {
			return 0, FaultCharacters
		}
	}
	whole, err := wholeOf(digits, parts)
	if err != nil {
		return 0, err
	}
	missing := int(decimals) - (len(digits) - whole)
	if missing < 0 {
		return 0, FaultDecimals
	}
	all := strings.TrimLeft(string(digits)+strings.Repeat("0", missing), "0")
	if len(all) > amountDigitsMax {
		return 0, FaultLarge
	}
	v, err := strconv.ParseUint("0"+all, 10, 64)
	if err != nil || v > coupon.MoneyMax {
		return 0, FaultLarge
	}
	return v, nil
}

// wholeOf returns how many of the digits stand before the decimals.
func wholeOf(digits []byte, parts []separator) (int, error) {
	n := len(parts)
	if n == 0 {
		return len(digits), nil
	}
	first, last := parts[0].kind, parts[n-1].kind
	whole, groups := len(digits), parts
	if last == decimal || (last == point || last == comma) && (n == 1 || first != last) {
		whole, groups = parts[n-1].behind, parts[:n-1]
		behind := len(digits) - whole
		if whole == 0 || behind == 0 {
			return 0, FaultPoint
		}
		if n == 1 && last == comma && behind == 3 && whole <= 3 && digits[0] != '0' {
			return 0, FaultAmbiguous
		}
	}
	for i, g := range groups {
		next := whole
		if i+1 < len(groups) {
			next = groups[i+1].behind
		}
		if g.kind != first || g.kind == decimal || g.behind == 0 || next-g.behind != 3 {
			return 0, FaultGroups
		}
	}
	if len(groups) > 0 && (groups[0].behind > 3 || digits[0] == '0') {
		return 0, FaultGroups
	}
	return whole, nil
}

// digitOf returns the value of a digit that keyboards write, -1 for anything else.
func digitOf(r rune) int {
	for _, zero := range []rune{'0', '\uff10', '\u0660', '\u06f0'} { // ASCII, full-width, Arabic, Persian
		if r >= zero && r <= zero+9 {
			return int(r - zero)
		}
	}
	return -1
}

// separatorOf returns what parts digits, 0 for anything else.
func separatorOf(r rune) rune {
	switch r {
	case '.', '\uff0e', '\u3002', '\uff61':
		return point
	case ',', '\uff0c':
		return comma
	case '\u066b':
		return decimal
	case '\u066c':
		return arabic
	case ' ', '\u00a0', '\u2009', '\u202f', '\u3000':
		return space
	case '\'', '\u2019', '\uff07':
		return quote
	}
	return 0
}

// ParseMoney reads an amount in whole units, such as "12.5" or "12.50 EUR", as minor
// units of c (see ParseAmount). The error wraps a Fault.
func ParseMoney(s string, c coupon.Currency) (uint64, error) {
	text, err := withoutLetters(s, c.Letters)
	var minor uint64
	if err == nil {
		minor, err = ParseAmount(text, c.Exponent)
	}
	switch err {
	case nil:
		return minor, nil
	case FaultLarge:
		return 0, fmt.Errorf("%.80q is more than the largest amount, %s: %w", s, Money(coupon.MoneyMax, c), err)
	}
	of := ""
	if c.Letters != "" {
		of = " of " + c.Letters
	}
	return 0, fmt.Errorf("%.80q is not an amount%s, such as %q: %w", s, of, Decimal(1250, c.Exponent), err)
}

// withoutLetters takes the letters of a currency away from before or behind an amount.
func withoutLetters(s, letters string) (string, error) {
	text := strings.Trim(s, blanks+invisible)
	latin := func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }
	before := text[:len(text)-len(strings.TrimLeftFunc(text, latin))]
	behind := text[len(strings.TrimRightFunc(text, latin)):]
	switch {
	case before == "" && behind == "":
		return text, nil
	case letters != "" && strings.EqualFold(before, letters):
		return text[len(before):], nil
	case letters != "" && strings.EqualFold(behind, letters):
		return text[:len(text)-len(behind)], nil
	case len(before) == lettersOfCurrency || len(behind) == lettersOfCurrency:
		return "", FaultCurrency
	}
	return "", FaultCharacters
}
