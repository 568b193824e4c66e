// Package units reads and writes money, shares, spans and instants as people do:
// "12.50 EUR", "15%", "30d", "2026-03-01 18:00 CET". Inside, money is whole minor
// units, a share is basis points, spans and instants are milliseconds; there are
// no floats. Its functions are pure but for the zone that they are given, and
// safe for concurrent use.
package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

// Milliseconds of spans.
const (
	SecondMs uint64 = 1000
	MinuteMs        = 60 * SecondMs
	HourMs          = 60 * MinuteMs
	DayMs           = 24 * HourMs
	WeekMs          = 7 * DayMs
)

// Money returns an amount of minor units with the currency's decimals and letters.
func Money(minor uint64, c coupon.Currency) string {
	return Decimal(minor, c.Exponent) + " " + c.Letters
}

// Decimal returns an amount of minor units as whole units with exponent decimals.
func Decimal(minor uint64, exponent uint8) string {
	s := strconv.FormatUint(minor, 10)
	if exponent == 0 {
		return s
	}
	if missing := int(exponent) + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	point := len(s) - int(exponent)
	return s[:point] + "." + s[point:]
}

// Share returns basis points as a percentage: 1250 is "12.5%".
func Share(bps uint16) string {
	s := Decimal(uint64(bps), 2)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + "%"
}

// ParseShare reads a percentage of at most 100%, such as "12.5%", as basis points.
func ParseShare(s string) (uint16, error) {
	text, ok := strings.CutSuffix(strings.TrimSpace(s), "%")
	if !ok {
		return 0, fmt.Errorf("%q is not a percentage, such as \"12.5%%\"", s)
	}
	bps, err := ParseAmount(text, 2)
	if err != nil {
		return 0, fmt.Errorf("%q is not a percentage, such as \"12.5%%\": %w", s, err)
	}
	if bps > uint64(coupon.BpsMax) {
		return 0, fmt.Errorf("%q is more than 100%%", s)
	}
	return uint16(bps), nil
}

// Span returns milliseconds as a span of at most two units: "3d 4h", "90s".
func Span(ms uint64) string {
	if ms == 0 {
		return "0s"
	}
	var parts []string
	for _, u := range []struct {
		name string
		ms   uint64
	}{{"d", DayMs}, {"h", HourMs}, {"m", MinuteMs}, {"s", SecondMs}, {"ms", 1}} {
		if n := ms / u.ms; n > 0 && len(parts) < 2 {
			parts = append(parts, strconv.FormatUint(n, 10)+u.name)
			ms -= n * u.ms
		}
	}
	return strings.Join(parts, " ")
}

// ParseSpan reads a span such as "90s", "1h30m", "30d" or "2w" as milliseconds.
func ParseSpan(s string) (uint64, error) {
	bad := fmt.Errorf("%q is not a span of time, such as \"90s\", \"12h\" or \"30d\"", s)
	text := strings.ReplaceAll(strings.TrimSpace(s), " ", "")
	var days uint64
	for _, u := range []struct {
		name string
		ms   uint64
	}{{"w", WeekMs}, {"d", DayMs}} {
		n, rest, ok := strings.Cut(text, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseUint(n, 10, 32)
		if err != nil {
			return 0, bad
		}
		days, text = days+v*u.ms, rest
	}
	if text == "" && days > 0 {
		return days, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d%time.Millisecond != 0 {
		return 0, bad
	}
	return days + uint64(d/time.Millisecond), nil
}

// Instant returns Unix milliseconds as date, time and name of the zone.
func Instant(ms uint64, zone *time.Location) string {
	return time.UnixMilli(int64(min(ms, math.MaxInt64))).In(zone).Format("2006-01-02 15:04:05 MST")
}

// Clock returns the time of day of Unix milliseconds with the name of the zone.
func Clock(ms uint64, zone *time.Location) string {
	return time.UnixMilli(int64(min(ms, math.MaxInt64))).In(zone).Format("15:04:05 MST")
}

// ParseInstant reads an instant as Unix milliseconds: "now", a span from now such
// as "+30d", RFC 3339, or a date with or without time of day in the zone.
func ParseInstant(s string, now time.Time, zone *time.Location) (uint64, error) {
	text := strings.TrimSpace(s)
	if text == "now" {
		return uint64(now.UnixMilli()), nil
	}
	if span, ok := strings.CutPrefix(text, "+"); ok {
		ms, err := ParseSpan(span)
		if err != nil {
			return 0, err
		}
		return bounded(s, uint64(now.UnixMilli())+ms)
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return bounded(s, uint64(max(0, t.UnixMilli())))
	}
	for _, form := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return bounded(s, uint64(max(0, t.UnixMilli())))
		}
	}
	return 0,
		fmt.Errorf("%q is no time: wanted \"2026-03-01 18:00\" (in %s), \"2026-03-01T18:00:00Z\", \"+30d\" or \"now\"",
			s, zone)
}

// ParseEnd reads an end, which is not in it, as ParseInstant does, but that a date
// without a time includes its day: "2026-12-24" ends when the 25th begins in the zone.
func ParseEnd(s string, now time.Time, zone *time.Location) (uint64, error) {
	if day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(s), zone); err == nil {
		next := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zone)
		return bounded(s, uint64(max(0, next.UnixMilli())))
	}
	return ParseInstant(s, now, zone)
}

// End writes an end as it is meant: by the day that it includes, if it is a midnight
// of the zone, else as Instant does.
func End(ms uint64, zone *time.Location) string {
	if ms == 0 || ms > math.MaxInt64 {
		return Instant(ms, zone)
	}
	t := time.UnixMilli(int64(ms)).In(zone)
	if t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0 || ms%1000 != 0 {
		return Instant(ms, zone)
	}
	return t.AddDate(0, 0, -1).Format("the end of 2006-01-02 MST")
}

func bounded(s string, ms uint64) (uint64, error) {
	if ms > coupon.TimeMax {
		return 0, fmt.Errorf("%q lies beyond the year 9999", s)
	}
	return ms, nil
}
