package coupon

import "fmt"

const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// base45Value maps a byte to its digit, or to 255.
var base45Value = func() (v [256]uint8) {
	for i := range v {
		v[i] = 255
	}
	for i := 0; i < len(base45Alphabet); i++ {
		v[base45Alphabet[i]] = uint8(i)
	}
	return v
}()

// EncodeBase45 returns the RFC 9285 text of b: three characters for each two
// bytes, two for a last single byte, all in the alphanumeric set of QR codes.
func EncodeBase45(b []byte) string {
	out := make([]byte, 0, (len(b)+1)/2*3)
	for ; len(b) >= 2; b = b[2:] {
		n := int(b[0])<<8 | int(b[1])
		out = append(out, base45Alphabet[n%45], base45Alphabet[n/45%45], base45Alphabet[n/2025])
	}
	if len(b) == 1 {
		out = append(out, base45Alphabet[b[0]%45], base45Alphabet[b[0]/45])
	}
	return string(out)
}

// DecodeBase45 is the strict inverse of EncodeBase45: it refuses other
// characters, lower case, groups beyond two bytes and lengths that no bytes have.
func DecodeBase45(s string) ([]byte, error) {
	out := make([]byte, 0, len(s)/3*2+1)
	for i := 0; i < len(s); i += 3 {
		group := s[i:min(i+3, len(s))]
		if len(group) == 1 {
			return nil, fmt.Errorf("coupon: base45: one character too many")
		}
		n := 0
		for j := len(group) - 1; j >= 0; j-- {
			v := base45Value[group[j]]
			if v == 255 {
				return nil, fmt.Errorf("coupon: base45: character %q at %d", group[j], i+j)
			}
			n = n*45 + int(v)
		}
		switch {
		case len(group) == 3 && n <= 0xffff:
			out = append(out, byte(n>>8), byte(n))
		case len(group) == 2 && n <= 0xff:
			out = append(out, byte(n))
		default:
			return nil, fmt.Errorf("coupon: base45: group %q at %d is out of range", group, i)
		}
	}
	return out, nil
}
