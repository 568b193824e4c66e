package client

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// U64 is a number that JSON tools could damage: it is written as a decimal string.
type U64 uint64

// MarshalText implements encoding.TextMarshaler.
func (u U64) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(u), 10), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It accepts what MarshalText
// writes and nothing else.
func (u *U64) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 10, 64)
	if err != nil || strconv.FormatUint(v, 10) != string(b) {
		return fmt.Errorf("%.24q is not a decimal number of 64 bits", b)
	}
	*u = U64(v)
	return nil
}

// Hash is a digest or an id of 32 bytes, written as 64 lower-case hexadecimal
// digits.
type Hash [32]byte

// String returns the digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Upper case is accepted, for
// people.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 2*len(h) {
		return fmt.Errorf("%d characters, wanted 64 hexadecimal digits", len(b))
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return fmt.Errorf("%.64q is not hexadecimal", b)
	}
	return nil
}

// ParseHash reads a Hash from its text.
func ParseHash(s string) (h Hash, err error) {
	err = h.UnmarshalText([]byte(s))
	return h, err
}

// Time is an instant, for people and for programs: both say the same.
type Time struct {
	UTC string `json:"utc" doc:"RFC 3339 in UTC, with milliseconds" example:"2026-01-01T00:00:00.000Z"`
	Ms  U64    `json:"ms" doc:"Unix milliseconds, as a decimal string" example:"1767225600000"`
}

// TimeOf returns the instant of Unix milliseconds.
func TimeOf(ms uint64) Time { return Time{UTC: FormatTime(ms), Ms: U64(ms)} }

// FormatTime returns Unix milliseconds as RFC 3339 in UTC.
func FormatTime(ms uint64) string {
	return time.UnixMilli(int64(min(ms, math.MaxInt64))).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// ParseEventID reads the text of an EventID. It accepts what String writes, and
// a height alone as the first place of that height.
func ParseEventID(s string) (e EventID, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != 1 && len(parts) != 3 {
		return e, fmt.Errorf("%.64q is not an event id: height.transaction.event", s)
	}
	var numbers [3]uint64
	for i, p := range parts {
		bits := 32
		if i == 0 {
			bits = 64
		}
		if numbers[i], err = strconv.ParseUint(p, 10, bits); err != nil {
			return e, fmt.Errorf("%.64q is not an event id: height.transaction.event", s)
		}
	}
	return EventID{Height: numbers[0], Tx: uint32(numbers[1]), Index: uint32(numbers[2])}, nil
}
