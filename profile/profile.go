package profile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Tag is the domain tag of what is signed, and of the digest.
const Tag = "scrip/profile/v1"

const version = 1

// Limits of a profile.
const (
	// LogoBytesMax bounds the logo.
	LogoBytesMax = 32 << 10
	// LogoSideMin and LogoSideMax bound its width and its height, in pixels.
	LogoSideMin, LogoSideMax = 16, 512
	// AddressLinesMax bounds the lines of the address, LineBytesMax each of them.
	AddressLinesMax, LineBytesMax = 4, 64
	// SpansMax bounds the opening hours: three spans a day.
	SpansMax = 21
	// WebsiteBytesMax bounds the address of the website.
	WebsiteBytesMax = 200
	// PhoneBytesMax bounds the phone number.
	PhoneBytesMax = 24
	// BytesMax bounds an encoded profile.
	BytesMax = 15 + 3 + 4 + LogoBytesMax + 4 + AddressLinesMax*(4+LineBytesMax) + 4 + SpansMax*5 +
		4 + WebsiteBytesMax + 4 + PhoneBytesMax + 4 + coupon.AdminKeysMax*(32+64)
	// AheadMsMax is how far after a reader's time a profile may have been signed, in
	// milliseconds.
	AheadMsMax = 10 * 60_000
)

// Errors of this package; compare with errors.Is. Those of Decode and Check wrap
// ErrForm, and ErrChain besides if the profile is of another chain.
var (
	// ErrForm says that bytes are no profile, or one that breaks a rule.
	ErrForm = errors.New("not a profile of the rules")
	// ErrChain says that a profile was signed for another chain.
	ErrChain = errors.New("of another chain")
	// ErrKeys says that too few keys of the member have signed, or another's.
	ErrKeys = errors.New("not signed by the member")
)

// Profile is what a member says of itself. Empty fields are not said.
type Profile struct {
	// Member is whose it is.
	Member uint16
	// At is when it was signed, Unix milliseconds. Of two profiles the later counts.
	At uint64
	// Colour is red, green and blue of sRGB.
	Colour [3]byte
	// Logo is a PNG or JPEG file.
	Logo []byte
	// Address is its lines.
	Address []string
	// Hours are when the shop is open, ascending, without overlaps.
	Hours []Span
	// Website begins with https://.
	Website string
	// Phone is a number with its country, such as "+49 30 1234567".
	Phone string
}

// Signature is one admin key's signature over a body.
type Signature struct {
	Key       [32]byte
	Signature [64]byte
}

// Signed is a decoded profile with its signatures, keys ascending.
type Signed struct {
	Profile
	Signatures []Signature

	raw  []byte
	body int // its length
}

// Raw returns the encoded profile, which must not be changed.
func (s *Signed) Raw() []byte { return s.raw }

// Digest returns the digest of the body.
func (s *Signed) Digest(c coupon.Chain) [32]byte { return c.Hash(Tag, s.raw[:s.body]) }

// Body returns the encoded fields: what is signed. It does not check them.
func (p *Profile) Body(c coupon.Chain) []byte {
	b := wire.AppendUint32([]byte{version}, c.Hint())
	b = wire.AppendUint64(wire.AppendUint16(b, p.Member), p.At)
	b = wire.AppendBytes(append(b, p.Colour[:]...), p.Logo)
	b = wire.AppendUint32(b, uint32(len(p.Address)))
	for _, line := range p.Address {
		b = wire.AppendString(b, line)
	}
	b = wire.AppendUint32(b, uint32(len(p.Hours)))
	for _, h := range p.Hours {
		b = wire.AppendUint16(wire.AppendUint16(append(b, h.Day), h.From), h.Until)
	}
	return wire.AppendString(wire.AppendString(b, p.Website), p.Phone)
}

// Sign makes one key's signature over a body. Keys at different places exchange the
// body and their signatures.
func Sign(c coupon.Chain, body []byte, key coupon.Signer) Signature {
	return Signature{Key: key.Key, Signature: key.Sign(c.Message(Tag, body))}
}

// Join puts a body and its signatures together, sorted by key.
func Join(body []byte, signatures []Signature) []byte {
	signatures = slices.Clone(signatures)
	slices.SortFunc(signatures, func(a, b Signature) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	b := wire.AppendUint32(slices.Clone(body), uint32(len(signatures)))
	for i := range signatures {
		b = append(append(b, signatures[i].Key[:]...), signatures[i].Signature[:]...)
	}
	return b
}

// Make checks a profile and signs it with the keys.
func Make(c coupon.Chain, p *Profile, signers ...coupon.Signer) (*Signed, error) {
	body := p.Body(c)
	all := make([]Signature, len(signers))
	for i, s := range signers {
		all[i] = Sign(c, body, s)
	}
	return Decode(c, Join(body, all))
}

// Decode reads an encoded profile and checks every rule that needs neither a ledger
// nor the pixels of the logo. It keeps raw.
func Decode(c coupon.Chain, raw []byte) (*Signed, error) {
	if len(raw) > BytesMax {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrForm, len(raw), BytesMax)
	}
	r := wire.NewReader(raw)
	if v := r.Uint8(); r.Err() == nil && v != version {
		return nil, fmt.Errorf("%w: version %d, not %d", ErrForm, v, version)
	}
	if hint := r.Uint32(); r.Err() == nil && hint != c.Hint() {
		return nil, fmt.Errorf("%w: %w", ErrForm, ErrChain)
	}
	s := &Signed{raw: raw}
	s.Member, s.At = r.Uint16(), r.Uint64()
	copy(s.Colour[:], r.Raw(3))
	s.Logo = r.Bytes(LogoBytesMax)
	for range r.Count(AddressLinesMax, 4) {
		s.Address = append(s.Address, r.String(LineBytesMax))
	}
	for range r.Count(SpansMax, 5) {
		s.Hours = append(s.Hours, Span{Day: r.Uint8(), From: r.Uint16(), Until: r.Uint16()})
	}
	s.Website, s.Phone = r.String(WebsiteBytesMax), r.String(PhoneBytesMax)
	s.body = r.Offset()
	s.readSignatures(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Signed) readSignatures(r *wire.Reader) {
	n := r.Count(coupon.AdminKeysMax, 32+64)
	for i := range n {
		x := Signature{Key: r.Bytes32(), Signature: r.Bytes64()}
		if i > 0 && bytes.Compare(s.Signatures[i-1].Key[:], x.Key[:]) >= 0 {
			r.Fail(fmt.Errorf("%w: keys not ascending", wire.ErrValue))
		}
		s.Signatures = append(s.Signatures, x)
	}
	if n == 0 {
		r.Fail(fmt.Errorf("%w: no signature", wire.ErrValue))
	}
}

// Check checks the fields, but not the pixels of the logo. The error, which wraps
// ErrForm, says in words which rule is broken.
func (p *Profile) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrForm}, args...)...)
	}
	if p.Member == 0 || p.At == 0 || p.At > coupon.TimeMax {
		return bad("no member, or no time")
	}
	if len(p.Address) > AddressLinesMax {
		return bad("%d lines of address, at most %d are allowed", len(p.Address), AddressLinesMax)
	}
	for _, line := range p.Address {
		if line == "" || len(line) > LineBytesMax || !wire.ValidText([]byte(line)) {
			return bad("a line of the address is empty, longer than %d bytes, or holds controls", LineBytesMax)
		}
	}
	if err := checkHours(p.Hours); err != nil {
		return bad("opening hours: %w", err)
	}
	if p.Website != "" && !ValidWebsite(p.Website) {
		return bad("website: wanted https://, a host name and a path, at most %d bytes", WebsiteBytesMax)
	}
	if p.Phone != "" && !ValidPhone(p.Phone) {
		return bad("phone: wanted a number such as +49 30 1234567, at most %d bytes", PhoneBytesMax)
	}
	if len(p.Logo) > 0 {
		if _, err := InspectLogo(p.Logo); err != nil {
			return bad("logo: %w", err)
		}
	}
	return nil
}

// Newer reports whether a profile counts before another of the same member.
func (s *Signed) Newer(c coupon.Chain, than *Signed) bool {
	if s.At != than.At {
		return s.At > than.At
	}
	a, b := s.Digest(c), than.Digest(c)
	return bytes.Compare(a[:], b[:]) > 0
}

// Verify checks a profile against the member's row of the ledger: the member is
// active, every signature is of one of its keys and good, and there are as many as it
// needs. The error wraps ErrKeys. verify checks signatures under ZIP-215.
func (s *Signed) Verify(c coupon.Chain, m *coupon.Member, verify func(*coupon.SigCheck) bool) error {
	if m.State != coupon.MemberActive {
		return fmt.Errorf("%w: member %d is not active", ErrKeys, s.Member)
	}
	message := c.Message(Tag, s.raw[:s.body])
	for i := range s.Signatures {
		x := &s.Signatures[i]
		if !slices.Contains(m.Keys, x.Key) {
			return fmt.Errorf("%w: a key is none of member %d", ErrKeys, s.Member)
		}
		if !verify(&coupon.SigCheck{Key: x.Key, Message: message, Signature: x.Signature}) {
			return fmt.Errorf("%w: a signature is not good", ErrKeys)
		}
	}
	if len(s.Signatures) < int(m.Threshold) {
		return fmt.Errorf("%w: %d of its keys have signed, %d must", ErrKeys, len(s.Signatures), m.Threshold)
	}
	return nil
}
