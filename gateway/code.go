package gateway

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/scrip-network/scrip/coupon"
)

// TagBundle is the domain tag of the digest that names a bundle.
const TagBundle = "scrip/bundle/v1"

// Sizes of the two names of a bundle.
const (
	// BundleSize is the size of a bundle's id in bytes.
	BundleSize = 16
	// CodeSize is how many characters a short code has: 45 bits and a check.
	CodeSize = 10
)

// alphabet is Crockford's: no I, L, O or U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Name is both names of a bundle: the bundle id, for programs, and the short code,
// for a cashier's fingers. Both follow from what the bundle holds, so every node
// gives the same ones.
type Name struct {
	Bundle [BundleSize]byte
	code   uint64 // 45 bits
}

// NameOf returns the names of encoded authorisation payloads in their order.
func NameOf(c coupon.Chain, auths [][]byte) Name {
	var all []byte
	for _, a := range auths {
		all = append(all, a...)
	}
	d := c.Hash(TagBundle, all)
	n := Name{Bundle: [BundleSize]byte(d[:BundleSize])}
	for _, b := range d[BundleSize : BundleSize+6] {
		n.code = n.code<<8 | uint64(b)
	}
	n.code >>= 3
	return n
}

// Code returns the short code in its form for people, such as 14D2P-F2DBR.
func (n Name) Code() string {
	var b [CodeSize]byte
	s := byte(0)
	for i := range CodeSize - 1 {
		v := byte(n.code>>(5*(CodeSize-2-i))) & 31
		b[i], s = alphabet[v], step(s, v)
	}
	b[CodeSize-1] = alphabet[step(s, 0)] // in characteristic 2 this makes the last step 0
	return string(b[:CodeSize/2]) + "-" + string(b[CodeSize/2:])
}

// BundleID returns the bundle id in hexadecimal.
func (n Name) BundleID() string { return hex.EncodeToString(n.Bundle[:]) }

// step multiplies by x in GF(2^5) modulo x^5 + x^2 + 1 and adds v. Ten steps over a
// code give 0. The powers of x differ for ten places, so no single wrong character
// and no swap of two neighbours goes unseen.
func step(s, v byte) byte {
	doubled := s << 1
	if s&16 != 0 {
		doubled ^= 37
	}
	return doubled ^ v
}

// errName says that a text names no bundle.
var errName = errors.New("neither a short code nor a bundle id")

// parsed is a name as somebody gives it: one of the two.
type parsed struct {
	bundle [BundleSize]byte
	code   uint64
	short  bool
}

// parseName reads a bundle id in hexadecimal or a short code as people type it. A
// code with a slip in it is refused here, before anything is looked up.
func parseName(s string) (p parsed, err error) {
	if len(s) == 2*BundleSize {
		_, err := hex.Decode(p.bundle[:], []byte(s))
		return p, err
	}
	if len(s) > 4*CodeSize {
		return p, errName
	}
	digits, check := 0, byte(0)
	for _, r := range strings.ToUpper(s) {
		switch r {
		case ' ', '-':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		v := strings.IndexRune(alphabet, r)
		if v < 0 || digits == CodeSize {
			return p, errName
		}
		if digits++; digits < CodeSize {
			p.code = p.code<<5 | uint64(v)
		}
		check = step(check, byte(v))
	}
	if digits != CodeSize || check != 0 {
		return p, errName
	}
	p.short = true
	return p, nil
}

// CodeOK reports whether a text is a short code without a slip in it, as a till can
// tell before it asks.
func CodeOK(s string) bool {
	p, err := parseName(s)
	return err == nil && p.short
}
