package units

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

var euro, yen = coupon.Currency{Number: 978, Letters: "EUR", Exponent: 2}, coupon.Currency{Number: 392, Letters: "JPY"}

func TestMoneyIsReadAndWrittenWithTheDecimalsOfItsCurrency(t *testing.T) {
	for _, c := range []struct {
		text     string
		currency coupon.Currency
		minor    uint64
		back     string
	}{
		{"12.50", euro, 1250, "12.50 EUR"}, {"12.5 EUR", euro, 1250, "12.50 EUR"}, {"12", euro, 1200, "12.00 EUR"},
		{"0.05", euro, 5, "0.05 EUR"}, {" 7 EUR ", euro, 700, "7.00 EUR"}, {"300", yen, 300, "300 JPY"},
		{"10000000000000.00", euro, coupon.MoneyMax, "10000000000000.00 EUR"},
	} {
		minor, err := ParseMoney(c.text, c.currency)
		if err != nil || minor != c.minor {
			t.Errorf("ParseMoney(%q) = %d, %v, wanted %d", c.text, minor, err, c.minor)
		}
		if back := Money(minor, c.currency); back != c.back {
			t.Errorf("Money(%d) = %q, wanted %q", minor, back, c.back)
		}
	}
}

// The vectors are those of the TypeScript SDK too: no text is read differently there.
func TestAmountsAsTheyAreTyped(t *testing.T) {
	raw, err := os.ReadFile("testdata/amounts.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Text, Letters, Minor string
		Decimals             uint8
		Fault                Fault
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	seen := map[Fault]bool{}
	for _, v := range vectors {
		c := coupon.Currency{Letters: v.Letters, Exponent: v.Decimals}
		minor, err := ParseMoney(v.Text, c)
		var fault Fault
		errors.As(err, &fault)
		if fault != v.Fault || err == nil && strconv.FormatUint(minor, 10) != v.Minor {
			t.Errorf("%q with %d decimals is %d, %v; wanted %s%s", v.Text, v.Decimals, minor, err, v.Minor, v.Fault)
		}
		seen[fault] = true
	}
	for _, f := range []Fault{FaultEmpty, FaultCurrency, FaultSign, FaultCharacters, FaultPoint, FaultAmbiguous,
		FaultGroups, FaultDecimals, FaultLarge} {
		if !seen[f] {
			t.Errorf("no vector has the fault %s", f)
		}
		if f != FaultCharacters && f.Error() == FaultCharacters.Error() {
			t.Errorf("%s has no words of its own", f)
		}
	}
}

func TestAnyAmountThatIsWrittenIsReadBack(t *testing.T) {
	x := uint64(1)
	for range 1000 {
		x = x * 48271 % coupon.MoneyMax
		for exponent := range uint8(5) {
			c := coupon.Currency{Letters: "XTS", Exponent: exponent}
			if got, err := ParseMoney(Money(x, c), c); err != nil || got != x {
				t.Errorf("%s is read as %d, %v", Money(x, c), got, err)
			}
		}
	}
}

func TestARefusalOfAnAmountNamesItsCurrencyIfThereIsOne(t *testing.T) {
	_, err := ParseMoney("x", coupon.Currency{})
	if got := err.Error(); got != `"x" is not an amount, such as "1250": wanted digits and at most one point` {
		t.Error(got)
	}
	_, err = ParseMoney("1,000", euro)
	wanted := `"1,000" is not an amount of EUR, such as "12.50": a comma before three digits`
	if got := err.Error(); !strings.HasPrefix(got, wanted) {
		t.Error(got)
	}
}

func TestSharesAreBasisPoints(t *testing.T) {
	for text, bps := range map[string]uint16{"12.5%": 1250, "100%": 10000, "0.01%": 1, "15 %": 1500, "0%": 0} {
		got, err := ParseShare(text)
		if err != nil || got != bps {
			t.Errorf("ParseShare(%q) = %d, %v, wanted %d", text, got, err, bps)
		}
	}
	for bps, text := range map[uint16]string{1250: "12.5%", 10000: "100%", 1: "0.01%", 0: "0%", 1000: "10%"} {
		if got := Share(bps); got != text {
			t.Errorf("Share(%d) = %q, wanted %q", bps, got, text)
		}
	}
	for _, text := range []string{"", "12", "100.01%", "1.234%", "-1%", "%"} {
		if bps, err := ParseShare(text); err == nil {
			t.Errorf("ParseShare(%q) = %d, wanted an error", text, bps)
		}
	}
}

func TestSpansKnowDaysAndWeeks(t *testing.T) {
	for text, ms := range map[string]uint64{"90s": 90_000, "1h30m": 5_400_000, "30d": 30 * DayMs, "2w": 2 * WeekMs,
		"1w2d3h": WeekMs + 2*DayMs + 3*HourMs, "0s": 0, "250ms": 250, "1d 12h": DayMs + 12*HourMs} {
		got, err := ParseSpan(text)
		if err != nil || got != ms {
			t.Errorf("ParseSpan(%q) = %d, %v, wanted %d", text, got, err, ms)
		}
	}
	for _, text := range []string{"", "30", "d", "-1h", "5y", "1us", "9999999999d", "1.5d"} {
		if ms, err := ParseSpan(text); err == nil {
			t.Errorf("ParseSpan(%q) = %d, wanted an error", text, ms)
		}
	}
	for ms, text := range map[uint64]string{0: "0s", 90_000: "1m 30s", 72 * HourMs: "3d", DayMs + HourMs + 1: "1d 1h",
		7: "7ms"} {
		if got := Span(ms); got != text {
			t.Errorf("Span(%d) = %q, wanted %q", ms, got, text)
		}
	}
}

// A date as an end includes its day, on days of 23 and 25 hours too.
func TestADateAsAnEndIncludesItsDay(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("the machine has no time zones: ", err)
	}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"2026-12-24": time.Date(2026, 12, 25, 0, 0, 0, 0, zone), " 2026-03-29 ": time.Date(2026, 3, 30, 0, 0, 0, 0, zone),
		"2026-10-25": time.Date(2026, 10, 26, 0, 0, 0, 0, zone), "2026-12-31": time.Date(2027, 1, 1, 0, 0, 0, 0, zone),
		"2026-12-24 18:00": time.Date(2026, 12, 24, 18, 0, 0, 0, zone), "now": now, "+1h": now.Add(time.Hour),
	} {
		got, err := ParseEnd(text, now, zone)
		if err != nil || got != uint64(want.UnixMilli()) {
			t.Errorf("ParseEnd(%q) = %d, %v, wanted %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"2026-12-24": "the end of 2026-12-24 CET", "2026-07-01": "the end of 2026-07-01 CEST",
		"2026-12-24 18:00": "2026-12-24 18:00:00 CET",
	} {
		ms, err := ParseEnd(text, now, zone)
		if got := End(ms, zone); err != nil || got != want {
			t.Errorf("%q is told as %q, %v, wanted %q", text, got, err, want)
		}
	}
	if ms, err := ParseEnd("10000-01-01", now, zone); err == nil {
		t.Errorf("beyond the last year: %d", ms)
	}
}

func TestInstantsNameTheirZone(t *testing.T) {
	zone := time.FixedZone("SGT", 8*3600)
	now := time.UnixMilli(1_767_225_600_000)
	for text, ms := range map[string]uint64{
		"now": 1_767_225_600_000, "+1d": 1_767_225_600_000 + DayMs, "2026-01-01T00:00:00Z": 1_767_225_600_000,
		"2026-01-01 08:00": 1_767_225_600_000, "2026-01-01": 1_767_196_800_000,
		"2026-01-01T08:00:00+08:00": 1_767_225_600_000,
	} {
		got, err := ParseInstant(text, now, zone)
		if err != nil || got != ms {
			t.Errorf("ParseInstant(%q) = %d, %v, wanted %d", text, got, err, ms)
		}
	}
	if got := Instant(1_767_225_600_000, zone); got != "2026-01-01 08:00:00 SGT" {
		t.Errorf("Instant = %q", got)
	}
	for _, text := range []string{"", "tomorrow", "2026-13-01", "10000-01-01", "+", "01/02/2026"} {
		if ms, err := ParseInstant(text, now, zone); err == nil {
			t.Errorf("ParseInstant(%q) = %d, wanted an error", text, ms)
		}
	}
}
