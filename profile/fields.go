package profile

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// Span is a time of a week at which a shop is open, in the shop's own time.
type Span struct {
	// Day is 0 for Monday to 6 for Sunday.
	Day uint8
	// From and Until are minutes from the midnight before; Until is not in it, and
	// may lie on the next day.
	From, Until uint16
}

func checkHours(hours []Span) error {
	if len(hours) > SpansMax {
		return fmt.Errorf("%d spans, at most %d are allowed", len(hours), SpansMax)
	}
	end := 0
	for i, h := range hours {
		from := int(h.Day)*dayMinutes + int(h.From)
		if h.Day > 6 || h.From >= dayMinutes || h.Until <= h.From || h.Until-h.From > dayMinutes {
			return fmt.Errorf("span %d is no time of a day", i+1)
		}
		if from < end {
			return fmt.Errorf("span %d begins before the one before it ends", i+1)
		}
		end = from + int(h.Until-h.From)
	}
	if len(hours) > 0 && end > weekMinutes+int(hours[0].Day)*dayMinutes+int(hours[0].From) {
		return fmt.Errorf("the last span ends after the first begins")
	}
	return nil
}

var dayNames = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// DayName returns the short English name of a day, 0 = mon.
func DayName(day uint8) string { return dayNames[day%7] }

// Clock returns minutes from midnight as 08:30; 24:00 is the end of a day, and what
// lies on the next day begins with 00:00 again.
func Clock(minutes uint16) string {
	if minutes > dayMinutes {
		minutes -= dayMinutes
	}
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

// ParseHours reads spans as people write them: days or ranges of days with times,
// such as "mon-fri 08:00-12:00 13:00-18:00" or "sat,sun 22:00-02:00". The result is
// sorted; Check tells whether it overlaps.
func ParseHours(text string) ([]Span, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) < 2 {
		return nil, fmt.Errorf("%q: wanted days and times, such as mon-fri 08:00-18:00", text)
	}
	days, err := parseDays(words[0])
	if err != nil {
		return nil, err
	}
	var all []Span
	for _, w := range words[1:] {
		from, until, ok := strings.Cut(w, "-")
		a, err1 := parseClock(from)
		b, err2 := parseClock(until)
		if !ok || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("%q is no time such as 08:00-18:00", w)
		}
		if b <= a {
			b += dayMinutes
		}
		for _, d := range days {
			all = append(all, Span{d, a, b})
		}
	}
	return all, nil
}

func parseDays(text string) (days []uint8, err error) {
	at := func(name string) int {
		for i, d := range dayNames {
			if len(name) >= 2 && strings.HasPrefix(d, name[:min(3, len(name))]) {
				return i
			}
		}
		return -1
	}
	for _, part := range strings.Split(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		a := at(first)
		b := a
		if ranged {
			b = at(last)
		}
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("%q is no day or range of days, such as mon or mon-fri", part)
		}
		for d := a; ; d = (d + 1) % 7 {
			days = append(days, uint8(d))
			if d == b {
				break
			}
		}
	}
	return days, nil
}

func parseClock(text string) (uint16, error) {
	h, m, ok := strings.Cut(text, ":")
	hours, err1 := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	if !ok || err1 != nil || err2 != nil || minutes > 59 || hours*60+minutes > dayMinutes || len(h) != 2 || len(m) != 2 {
		return 0, fmt.Errorf("%q is no time of a day", text)
	}
	return uint16(hours*60 + minutes), nil
}

// ParseColour reads a colour such as #1f3f94.
func ParseColour(text string) (c [3]byte, err error) {
	digits, ok := strings.CutPrefix(text, "#")
	n, err := strconv.ParseUint(digits, 16, 24)
	if !ok || len(digits) != 6 || err != nil {
		return c, fmt.Errorf("%q is no colour such as #1f3f94", text)
	}
	return [3]byte{byte(n >> 16), byte(n >> 8), byte(n)}, nil
}

// FormatColour is the inverse of ParseColour.
func FormatColour(c [3]byte) string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// ValidWebsite reports whether a text is an address that may be linked to: https, a
// host name with a dot, no login and no port, nothing but plain characters.
func ValidWebsite(text string) bool {
	rest, ok := strings.CutPrefix(text, "https://")
	if !ok || len(text) > WebsiteBytesMax {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := range len(l) {
			if c := l[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return false // an IP address
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

// ValidPhone reports whether a text is a phone number with its country: a plus, 3 to
// 15 digits, single blanks or hyphens between them.
func ValidPhone(text string) bool {
	rest, ok := strings.CutPrefix(text, "+")
	if !ok || len(text) > PhoneBytesMax {
		return false
	}
	digits, apart := 0, true
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= '0' && c <= '9':
			digits, apart = digits+1, false
		case (c == ' ' || c == '-') && !apart:
			apart = true
		default:
			return false
		}
	}
	return !apart && digits >= 3 && digits <= 15
}
