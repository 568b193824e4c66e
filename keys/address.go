package keys

import (
	"fmt"
	"strings"
)

// Kind says what a key is for. Its prefix stands at the front of the key's
// written form, so that a till's key cannot be pasted where a member's is asked.
type Kind uint8

// The kinds of keys. They are not part of anything signed or hashed.
const (
	// Holder keys own coupons; the written form is an address.
	Holder Kind = iota
	// Till keys belong to a merchant's tills.
	Till
	// Member keys are the admin keys of a member organisation.
	Member
	// Validator keys sign consensus messages.
	Validator
	// Ticket keys sign the tickets of one batch at a ticket desk.
	Ticket

	kindEnd
)

// secretPrefix is the prefix of every secret key, whatever its kind: one word
// for people and scanners to recognise.
const secretPrefix = "scripsecret"

// Prefix returns the human-readable part of the kind's written form.
func (k Kind) Prefix() string {
	switch k {
	case Holder:
		return "scrip"
	case Till:
		return "scriptill"
	case Member:
		return "scripmember"
	case Validator:
		return "scripvalidator"
	case Ticket:
		return "scripticket"
	}
	return ""
}

// String returns the kind's name: holder, till, member, validator or ticket.
func (k Kind) String() string {
	switch k {
	case Holder:
		return "holder"
	case Till, Member, Validator, Ticket:
		return strings.TrimPrefix(k.Prefix(), Holder.Prefix())
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseKind is the inverse of Kind.String.
func ParseKind(name string) (Kind, error) {
	for k := range kindEnd {
		if name == k.String() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%q is not a kind of key: holder, till, member, validator or ticket", name)
}

// Encode returns the written form of a public key: 64 characters for a holder,
// at most 73 for the others, in lower case.
func Encode(kind Kind, key [32]byte) string {
	return bech32mEncode(kind.Prefix(), toBase32(key[:]))
}

// Decode reads the written form of a public key of the given kind, in lower or
// upper case. Its errors name what is wrong with the text; whether the bytes are
// a valid point is judged by package sig.
func Decode(kind Kind, s string) ([32]byte, error) {
	got, key, err := DecodeAny(s)
	if err != nil {
		return [32]byte{}, err
	}
	if got != kind {
		return [32]byte{}, fmt.Errorf("%s is the key of a %s, a %s key (%s1...) is wanted",
			abbreviate(s), got, kind, kind.Prefix())
	}
	return key, nil
}

// DecodeAny reads the written form of a public key of any kind. A secret key is
// refused without being repeated in the error.
func DecodeAny(s string) (Kind, [32]byte, error) {
	var key [32]byte
	prefix, values, err := bech32mDecode(s)
	if strings.HasPrefix(strings.ToLower(s), secretPrefix+"1") {
		return 0, key, fmt.Errorf("this is a secret key; a public key is wanted, and a secret that was shown is spent")
	}
	if err != nil {
		return 0, key, fmt.Errorf("key %s: %w", abbreviate(s), err)
	}
	for k := range kindEnd {
		if prefix != k.Prefix() {
			continue
		}
		b, err := fromBase32(values)
		if err != nil {
			return 0, key, fmt.Errorf("key %s: %w", abbreviate(s), err)
		}
		if len(b) != len(key) {
			return 0, key, fmt.Errorf("key %s: %d bytes, a key has %d", abbreviate(s), len(b), len(key))
		}
		return k, [32]byte(b), nil
	}
	return 0, key, fmt.Errorf("key %s: prefix %q is not one of Scrip's", abbreviate(s), prefix)
}

// abbreviate quotes a text of unknown origin in an error: never long, never raw.
func abbreviate(s string) string {
	const head, tail = 20, 6
	if len(s) <= head+tail {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q", s[:head]+"..."+s[len(s)-tail:])
}
