package keys

import (
	"errors"
	"fmt"
	"strings"
)

// The checksum constant of bech32m (BIP-350) and that of the older bech32
// (BIP-173), which is recognised only to be refused by name.
const (
	bech32mChecksum = 0x2bc830a3
	bech32Checksum  = 1
)

// The longest string that the checksum protects as BIP-173 promises.
const bech32Max = 90

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

var errChecksum = errors.New("the checksum does not match: a character is wrong or missing")

// bech32Polymod folds one more 5-bit value into the checksum c.
func bech32Polymod(c uint32, value byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	top := c >> 25
	c = (c&0x1ffffff)<<5 ^ uint32(value)
	for i, g := range generator {
		if top>>i&1 == 1 {
			c ^= g
		}
	}
	return c
}

// bech32Prefix returns the checksum over the expanded prefix.
func bech32Prefix(prefix string) uint32 {
	c := uint32(1)
	for i := range len(prefix) {
		c = bech32Polymod(c, prefix[i]>>5)
	}
	c = bech32Polymod(c, 0)
	for i := range len(prefix) {
		c = bech32Polymod(c, prefix[i]&31)
	}
	return c
}

// bech32mEncode returns the lower-case bech32m string of the 5-bit values.
func bech32mEncode(prefix string, values []byte) string {
	c := bech32Prefix(prefix)
	var b strings.Builder
	b.WriteString(prefix)
	b.WriteByte('1')
	for _, v := range values {
		c = bech32Polymod(c, v)
		b.WriteByte(bech32Alphabet[v])
	}
	for range 6 {
		c = bech32Polymod(c, 0)
	}
	c ^= bech32mChecksum
	for i := range 6 {
		b.WriteByte(bech32Alphabet[c>>(5*(5-i))&31])
	}
	return b.String()
}

// bech32mDecode returns the lower-case prefix and the 5-bit values of s. It
// takes all lower or all upper case, as QR codes prefer the latter.
func bech32mDecode(s string) (prefix string, values []byte, err error) {
	if len(s) > bech32Max {
		return "", nil, fmt.Errorf("%d characters, at most %d", len(s), bech32Max)
	}
	for i := range len(s) {
		if s[i] < 33 || s[i] > 126 {
			return "", nil, fmt.Errorf("character %d is not allowed", i+1)
		}
	}
	lower := strings.ToLower(s)
	if s != lower && s != strings.ToUpper(s) {
		return "", nil, errors.New("mixed upper and lower case")
	}
	split := strings.LastIndexByte(lower, '1')
	if split < 1 {
		return "", nil, errors.New("no prefix")
	}
	if len(lower)-split-1 < 6 {
		return "", nil, errors.New("too short")
	}
	prefix = lower[:split]
	c := bech32Prefix(prefix)
	values = make([]byte, 0, len(lower)-split-1)
	for i := split + 1; i < len(lower); i++ {
		v := strings.IndexByte(bech32Alphabet, lower[i])
		if v < 0 {
			return "", nil, fmt.Errorf("character %d (%q) is never used in a key", i+1, s[i])
		}
		c = bech32Polymod(c, byte(v))
		values = append(values, byte(v))
	}
	switch c {
	case bech32mChecksum:
		return prefix, values[:len(values)-6], nil
	case bech32Checksum:
		return "", nil, errors.New("the older bech32 checksum is not accepted, bech32m is wanted")
	}
	return "", nil, errChecksum
}

// toBase32 cuts data into 5-bit values, padding the last with zero bits.
func toBase32(data []byte) []byte {
	out := make([]byte, 0, (len(data)*8+4)/5)
	acc, bits := uint32(0), 0
	for _, b := range data {
		acc, bits = acc<<8|uint32(b), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, byte(acc>>bits)&31)
		}
	}
	if bits > 0 {
		out = append(out, byte(acc<<(5-bits))&31)
	}
	return out
}

// fromBase32 is the inverse of toBase32; anything toBase32 would not have made
// is refused, so that a key has one form.
func fromBase32(values []byte) ([]byte, error) {
	out := make([]byte, 0, len(values)*5/8)
	acc, bits := uint32(0), 0
	for _, v := range values {
		acc, bits = acc<<5|uint32(v), bits+5
		if bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	if bits >= 5 || acc&(1<<bits-1) != 0 {
		return nil, errors.New("the padding is not zero")
	}
	return out, nil
}
