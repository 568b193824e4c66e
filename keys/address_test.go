package keys

import (
	"strings"
	"testing"
)

// The valid strings of BIP-350.
var bech32mValid = []string{
	"A1LQFN3A",
	"a1lqfn3a",
	"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
	"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
	"11" + strings.Repeat("l", 82) + "ludsr8",
	"split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
	"?1v759aa",
}

// The invalid strings of BIP-350 with its reasons.
var bech32mInvalid = []struct{ text, reason string }{
	{" 1xj0phk", "a space in the prefix"},
	{"\x7f1g6xzxy", "DEL in the prefix"},
	{"\x801vctc34", "0x80 in the prefix"},
	{"an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4", "too long"},
	{"qyrz8wqd2c9m", "no separator"},
	{"1qyrz8wqd2c9m", "empty prefix"},
	{"y1b0jsk6g", "data character"},
	{"lt1igcx5c0", "data character"},
	{"in1muywd", "checksum too short"},
	{"mm1crxm3i", "character in the checksum"},
	{"au1s5cgom", "character in the checksum"},
	{"M1VUXWEZ", "checksum over the upper-case prefix"},
	{"16plkw9", "empty prefix"},
	{"1p2gdwpf", "empty prefix"},
	{"a1Lqfn3a", "mixed case"},
	{"a12uel5l", "bech32, not bech32m"},
}

func TestBech32mVectors(t *testing.T) {
	for _, text := range bech32mValid {
		prefix, values, err := bech32mDecode(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := bech32mEncode(prefix, values); got != strings.ToLower(text) {
			t.Errorf("%q encodes again as %q", text, got)
		}
	}
	for _, c := range bech32mInvalid {
		if _, _, err := bech32mDecode(c.text); err == nil {
			t.Errorf("%q was accepted: %s", c.text, c.reason)
		}
	}
}

func TestAddressesOfEachKind(t *testing.T) {
	key := [32]byte{1, 2, 3, 31: 255}
	for kind := range kindEnd {
		text := Encode(kind, key)
		if !strings.HasPrefix(text, kind.Prefix()+"1") {
			t.Errorf("%s: %s lacks its prefix", kind, text)
		}
		for _, form := range []string{text, strings.ToUpper(text)} {
			if got, err := Decode(kind, form); err != nil || got != key {
				t.Errorf("%s: %v, %v", form, got, err)
			}
		}
		for other := range kindEnd {
			_, err := Decode(other, text)
			if (err == nil) != (other == kind) {
				t.Errorf("%s read as %s: %v", text, other, err)
			}
		}
		if again, err := ParseKind(kind.String()); err != nil || again != kind {
			t.Errorf("kind %s: %v, %v", kind, again, err)
		}
	}
}

// Any single wrong character is caught: that is what the checksum is for.
func TestAddressWithOneWrongCharacter(t *testing.T) {
	text := Encode(Till, [32]byte{7})
	for i := range len(text) {
		for _, c := range bech32Alphabet {
			wrong := text[:i] + string(c) + text[i+1:]
			if wrong == text {
				continue
			}
			if _, err := Decode(Till, wrong); err == nil {
				t.Fatalf("%s was accepted for %s", wrong, text)
			}
		}
	}
}

func TestAddressRefusals(t *testing.T) {
	key := make([]byte, 32)
	secret := Secret{Kind: Holder}
	secretText := bech32mEncode(secretPrefix, toBase32(secret.Seed[:]))
	loose := toBase32(key)
	loose[len(loose)-1] |= 1
	for _, c := range []struct{ name, text, want string }{
		{"foreign prefix", bech32mEncode("bc", toBase32(key)), "not one of Scrip's"},
		{"31 bytes", bech32mEncode("scrip", toBase32(key[:31])), "31 bytes"},
		{"padding", bech32mEncode("scrip", loose), "padding"},
		{"a whole value of padding", bech32mEncode("scrip", append(toBase32(key), 0)), "33 bytes"},
		{"empty", "", "no prefix"},
		{"secret", secretText, "secret"},
		{"secret in upper case", strings.ToUpper(secretText), "secret"},
		{"long", strings.Repeat("q", 5000), "at most 90"},
	} {
		_, err := Decode(Holder, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%s: an error of %d characters", c.name, len(err.Error()))
		}
		if err != nil && strings.Contains(strings.ToLower(err.Error()), secretText[len(secretPrefix)+1:]) {
			t.Errorf("%s: the error repeats the secret", c.name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range bech32mValid {
		f.Add(s)
	}
	f.Add(Encode(Member, [32]byte{9}))
	f.Fuzz(func(t *testing.T, s string) {
		kind, key, err := DecodeAny(s)
		if err == nil && Encode(kind, key) != strings.ToLower(s) {
			t.Errorf("%q decodes, but is not the key's only form", s)
		}
	})
}
