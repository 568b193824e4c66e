package coupon

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/pbft/wire"
)

// PayloadType is the first byte of a QR or link payload (rules 3.14).
type PayloadType uint8

// The payload types.
const (
	PayloadInvoice PayloadType = 1 + iota
	PayloadAuth
	PayloadTicket
	PayloadGift
	PayloadOffer // of version 2 of the rules
)

// TextPrefix starts the text of a payload between till and wallet.
const TextPrefix = "SCRP:"

// payloadTextMax bounds a text before it is decoded; the longest has 253.
const payloadTextMax = 512

// TicketPayload is what a ticket's QR or link carries: the ticket without its
// claim key, which follows from the seed, and the ticket key's signature.
type TicketPayload struct {
	Campaign  uint32
	Batch     uint16
	Serial    uint32
	Expires   uint64
	Seed      [16]byte
	TicketSig [64]byte
}

// GiftPayload is what a gift's link carries.
type GiftPayload struct {
	Coupon CouponID
	Seed   [16]byte
}

// Payload is a decoded QR or link payload. Type says which of the others count:
// Invoice, Auth, Ticket, Gift or Offer; Signature counts for the first two and the last.
type Payload struct {
	Type      PayloadType
	Invoice   Invoice
	Auth      Auth
	Ticket    TicketPayload
	Gift      GiftPayload
	Offer     Offer
	Signature [64]byte
}

// InvoicePayload returns the payload of a signed invoice (165 bytes encoded).
func InvoicePayload(v Invoice, tillSig [64]byte) Payload {
	return Payload{Type: PayloadInvoice, Invoice: v, Signature: tillSig}
}

// AuthPayload returns the payload of a signed authorisation (162 or 132 bytes).
func AuthPayload(a Auth, holderSig [64]byte) Payload {
	return Payload{Type: PayloadAuth, Auth: a, Signature: holderSig}
}

// OfferPayload returns the payload of a signed offer (166 or 218 bytes encoded).
func OfferPayload(o Offer, sellerSig [64]byte) Payload {
	return Payload{Type: PayloadOffer, Offer: o, Signature: sellerSig}
}

// EncodePayload returns type, chain hint, object and signature.
func (c Chain) EncodePayload(p *Payload) []byte {
	b := wire.AppendUint32([]byte{byte(p.Type)}, c.Hint())
	switch p.Type {
	case PayloadInvoice:
		return append(p.Invoice.AppendTo(b), p.Signature[:]...)
	case PayloadAuth:
		return append(p.Auth.AppendTo(b), p.Signature[:]...)
	case PayloadTicket:
		t := &p.Ticket
		b = wire.AppendUint16(wire.AppendUint32(b, t.Campaign), t.Batch)
		b = wire.AppendUint64(wire.AppendUint32(b, t.Serial), t.Expires)
		return append(append(b, t.Seed[:]...), t.TicketSig[:]...)
	case PayloadOffer:
		return append(p.Offer.AppendTo(b), p.Signature[:]...)
	case PayloadGift:
		b = wire.AppendUint64(b, uint64(p.Gift.Coupon))
		return append(b, p.Gift.Seed[:]...)
	}
	panic(fmt.Sprintf("coupon: payload of type %d", p.Type))
}

// DecodePayload decodes a payload strictly. The error is an *Error: E101 for bad
// bytes, E103 for another chain, E102 for a key that is not valid. Signatures
// are the caller's to verify: Payload.SigCheck.
func (c Chain) DecodePayload(b []byte) (Payload, error) {
	d := newDecoder(b)
	p := Payload{Type: PayloadType(d.Uint8())}
	hint := d.Uint32()
	valid := true
	switch p.Type {
	case PayloadInvoice:
		p.Invoice, p.Signature = d.invoice(), d.Bytes64()
	case PayloadAuth:
		p.Auth, p.Signature = d.auth(), d.Bytes64()
	case PayloadTicket:
		p.Ticket = TicketPayload{Campaign: d.Uint32(), Batch: d.Uint16(), Serial: d.Uint32(), Expires: d.time(),
			Seed: d.bytes16(), TicketSig: d.Bytes64()}
		d.require(p.Ticket.Serial >= 1, "serial 0")
	case PayloadGift:
		p.Gift = GiftPayload{Coupon: CouponID(d.Uint64()), Seed: d.bytes16()}
	case PayloadOffer:
		p.Offer, p.Signature = d.offer(), d.Bytes64()
	default:
		d.require(false, "unlisted payload type")
	}
	if err := d.closeObject(); err != nil {
		return Payload{}, err
	}
	if hint != c.Hint() {
		return Payload{}, &Error{WrongChain, fmt.Sprintf("chain hint %08x, not %08x", hint, c.Hint())}
	}
	switch p.Type {
	case PayloadInvoice:
		valid = c.validKey(p.Invoice.TillKey)
	case PayloadAuth:
		valid = c.validKey(p.Auth.Holder)
	case PayloadOffer:
		valid = !slices.ContainsFunc(p.Offer.keys(), func(k [32]byte) bool { return !c.validKey(k) })
	}
	if !valid {
		return Payload{}, &Error{BadSignature, "the payload's key is not a valid public key"}
	}
	return p, nil
}

// SigCheck returns the signature of an invoice, authorisation or offer payload; ok is
// false for the other types. A ticket's signature needs the batch's ticket key:
// TicketPayload.SigCheck.
func (p *Payload) SigCheck(c Chain) (check SigCheck, ok bool) {
	switch p.Type {
	case PayloadInvoice:
		return SigCheck{p.Invoice.TillKey, c.Message(TagInvoice, p.Invoice.AppendTo(nil)), p.Signature}, true
	case PayloadAuth:
		return SigCheck{p.Auth.Holder, c.Message(TagAuth, p.Auth.AppendTo(nil)), p.Signature}, true
	case PayloadOffer:
		return SigCheck{p.Offer.Seller, c.Message(TagOffer, p.Offer.AppendTo(nil)), p.Signature}, true
	}
	return SigCheck{}, false
}

// ClaimSigner returns the ticket's claim key, derived from the payload's seed.
func (t *TicketPayload) ClaimSigner(c Chain) Signer {
	return NewSigner(c.ClaimKeySeed(t.Seed, t.Campaign, t.Serial))
}

// Restore returns the whole ticket for its claim key.
func (t *TicketPayload) Restore(claimKey [32]byte) Ticket {
	return Ticket{Campaign: t.Campaign, Batch: t.Batch, Serial: t.Serial, ClaimKey: claimKey, Expires: t.Expires}
}

// SigCheck returns the ticket's signature, for the ticket key of its batch.
func (t *TicketPayload) SigCheck(c Chain, ticketKey [32]byte) SigCheck {
	ticket := t.Restore(t.ClaimSigner(c).Key)
	return SigCheck{ticketKey, c.Message(TagTicket, ticket.AppendTo(nil)), t.TicketSig}
}

// PayloadText returns the text of an encoded payload between till and wallet:
// "SCRP:" and base45.
func PayloadText(payload []byte) string { return TextPrefix + EncodeBase45(payload) }

// ParsePayloadText returns the payload bytes of such a text; the error is E101.
func ParsePayloadText(s string) ([]byte, error) {
	digits, ok := strings.CutPrefix(s, TextPrefix)
	if !ok || len(s) > payloadTextMax {
		return nil, &Error{BadEncoding, "the text does not start with SCRP: or is too long"}
	}
	b, err := DecodeBase45(digits)
	if err != nil {
		return nil, &Error{BadEncoding, err.Error()}
	}
	return b, nil
}

// LinkFragment returns the text of an encoded payload after the # of a link:
// base64url without padding. What follows a # never reaches a server.
func LinkFragment(payload []byte) string { return base64.RawURLEncoding.EncodeToString(payload) }

// ParseLinkFragment returns the payload bytes of such a text; the error is E101.
func ParseLinkFragment(s string) ([]byte, error) {
	if len(s) > payloadTextMax || strings.ContainsAny(s, "\r\n") {
		return nil, &Error{BadEncoding, "the link is too long or broken into lines"}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, &Error{BadEncoding, err.Error()}
	}
	return b, nil
}

// Limits of ParseLink.
const (
	linkTextMax     = 4096
	ticketTextBytes = 138 // of a ticket after the #: 103 bytes
	giftTextBytes   = 39  // of a gift: 29 bytes
)

// ParseLink returns the payload bytes of a link as it comes out of chats, mails and
// clipboards, or of what follows its #: with words around it, with what trackers hang on, with a full stop or
// bracket behind it, in any language. What cannot belong to the payload is cut off;
// the payload itself is read as strictly as by ParseLinkFragment. The error is E101.
func ParseLink(s string) ([]byte, error) {
	if len(s) > linkTextMax {
		return nil, &Error{BadEncoding, "the link is too long"}
	}
	// Some programs escape the mark between address and payload.
	parts := strings.Split(strings.ReplaceAll(strings.TrimSpace(s), "%23", "#"), "#")
	if len(parts) > 1 {
		parts = parts[1:]
	}
	for _, part := range parts {
		if run := linkRun(part); len(run) >= giftTextBytes {
			return ParseLinkFragment(run)
		}
	}
	return ParseLinkFragment(linkRun(parts[0]))
}

// linkRun returns the part of s from its beginning on that can be a payload: up to
// the first character that base64url does not have, or up to the length of a ticket
// or gift where only marks of emphasis follow, as in _LINK_.
func linkRun(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	if end >= 0 {
		s = s[:end]
	}
	for _, n := range []int{giftTextBytes, ticketTextBytes} {
		if len(s) > n && strings.Trim(s[n:], "-_") == "" {
			return s[:n]
		}
	}
	return s
}

// Link returns the link that carries a ticket or gift, for an origin such as
// https://coupons.example. The campaign in its path is public, and lets chats show what
// the link is about; the rest stands behind the #, which never reaches a server.
func (c Chain) Link(origin string, p *Payload) string {
	campaign := p.Ticket.Campaign
	if p.Type == PayloadGift {
		campaign = p.Gift.Coupon.Campaign()
	}
	return fmt.Sprintf("%s%s/%d#%s", strings.TrimRight(origin, "/"), p.Type.LinkPath(), campaign,
		LinkFragment(c.EncodePayload(p)))
}

// LinkPath returns "/c" for a ticket and "/g" for a gift, with which the path of a link
// begins.
func (t PayloadType) LinkPath() string {
	switch t {
	case PayloadTicket:
		return "/c"
	case PayloadGift:
		return "/g"
	}
	return ""
}
