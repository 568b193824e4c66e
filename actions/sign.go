package actions

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
)

// SignedTicket returns a ticket for printing or sending, signed with its batch's
// ticket key. The fields of t beside the signature are given; a seed that is zero is
// drawn.
func SignedTicket(c coupon.Chain, t coupon.TicketPayload, ticketKey coupon.Signer) coupon.TicketPayload {
	if t.Seed == [16]byte{} {
		rand.Read(t.Seed[:])
	}
	t.TicketSig = c.SignTicket(t.Restore(t.ClaimSigner(c).Key), ticketKey)
	return t
}

// infoTicketSeed derives a ticket's seed from the ticket key.
const infoTicketSeed = "scrip/ticket-seed/v1"

// SerialTicket returns the one ticket that a ticket key makes of a serial: making it
// again gives the same one, since two different tickets of one serial would be evidence
// against their maker.
func SerialTicket(c coupon.Chain, ticketKey keys.Secret, campaign uint32, batch uint16, serial uint32, expires uint64,
) coupon.TicketPayload {
	info := wire.AppendUint32(wire.AppendUint32([]byte(infoTicketSeed), campaign), serial)
	seed, err := hkdf.Key(sha256.New, ticketKey.Seed[:], c.Digest[:], string(info), 16)
	if err != nil {
		panic("actions: derive a ticket's seed: " + err.Error()) // sizes are constants
	}
	return SignedTicket(c, coupon.TicketPayload{Campaign: campaign, Batch: batch, Serial: serial, Expires: expires,
		Seed: [16]byte(seed)}, coupon.NewSigner(ticketKey.Seed))
}

// Ticket is a ticket with the secret that claims it: one that was printed or sent
// carries it (see TicketOf), for one of a desk the holder has made it.
type Ticket struct {
	coupon.Ticket
	// Key is the public ticket key of its batch, Signature its signature.
	Key       [32]byte
	Signature [64]byte
	// Claim is the claim key.
	Claim coupon.Signer
}

// TicketOf restores the ticket of a payload. ticketKey is the public key of its batch.
func TicketOf(c coupon.Chain, t coupon.TicketPayload, ticketKey [32]byte) Ticket {
	claim := t.ClaimSigner(c)
	return Ticket{Ticket: t.Restore(claim.Key), Key: ticketKey, Signature: t.TicketSig, Claim: claim}
}

// Genuine reports whether a ticket is of a batch: signed by its key, with one of its
// serials.
func (t *Ticket) Genuine(c coupon.Chain, b *coupon.Batch) bool {
	return t.Key == b.TicketKey && t.Serial >= b.First && t.Serial-b.First < b.Count &&
		sig.Verify(&t.Key, c.Message(coupon.TagTicket, t.AppendTo(nil)), &t.Signature)
}

// SignedClaim returns the claim of a ticket for the owner to.
func SignedClaim(c coupon.Chain, expires uint64, t Ticket, to [32]byte) []byte {
	return c.NewClaim(expires, t.Ticket, t.Key, t.Signature, to, t.Claim)
}

// Held is the part of a coupon that its holder signs for: it and how often it has
// changed. A wallet keeps it to work offline.
type Held struct {
	Coupon coupon.CouponID
	Seq    uint32
}

// SignedTransfer returns the transfer of a coupon to a key. giftUntil is 0, or until
// when the gift may be accepted whose key to is.
func SignedTransfer(c coupon.Chain, expires uint64, h Held, mover coupon.Signer, to [32]byte, giftUntil uint64) []byte {
	return c.NewTransfer(expires, coupon.Transfer{Coupon: h.Coupon, Seq: h.Seq, Mover: mover.Key, To: to,
		GiftUntil: giftUntil}, mover)
}

// GiftOf is the gift of a coupon by link: its seed follows from the wallet's secret and
// the coupon's seq, so that it can be taken back after the phone was lost.
func GiftOf(c coupon.Chain, h Held, walletSecret []byte) coupon.GiftPayload {
	return coupon.GiftPayload{Coupon: h.Coupon, Seed: c.GiftSeed(walletSecret, h.Coupon, h.Seq)}
}

// GiftSigner is the key that whoever has a gift's link moves the coupon with.
func GiftSigner(c coupon.Chain, g coupon.GiftPayload) coupon.Signer {
	return coupon.NewSigner(c.GiftKeySeed(g.Seed, g.Coupon))
}

// Bill is what a till states about a sale.
type Bill struct {
	// Campaign is 0 for any coupon, or the campaign whose coupon is expected: item kinds
	// and lists of goods need it.
	Campaign uint32
	Currency uint16
	// Basis is the part of the bill to which the coupon applies.
	Basis uint64
	// Qty and Unit are number and price of the items, for coupons that give items.
	Qty  uint16
	Unit uint64
	// BasketHash binds the merchant's own record of the bill, see BasketHash.
	BasketHash [32]byte
}

// For is the bill as a till states it to a coupon that it knows: with the coupon's
// campaign, unless it names one, and the smallest basis that gives the same value, so
// that large bills stay private.
func (b Bill) For(id coupon.CouponID, t *coupon.Terms) Bill {
	if b.Campaign == 0 {
		b.Campaign = id.Campaign()
	}
	b.Basis = coupon.ClipBasis(t, b.Basis, b.Qty, b.Unit)
	return b
}

// BasketHash binds a record of the bill under a salt drawn here, which makes each
// invoice another one.
func BasketHash(basket []byte) [32]byte {
	var salt [16]byte
	rand.Read(salt[:])
	return coupon.BasketHash(salt, basket)
}

// facts is the bill as an invoice of a till states it.
func (b *Bill) facts(till [32]byte, expires uint64) coupon.Invoice {
	return coupon.Invoice{TillKey: till, Campaign: b.Campaign, Currency: b.Currency, Basis: b.Basis, Qty: b.Qty,
		Unit: b.Unit, BasketHash: b.BasketHash, Expires: expires}
}

// SignedInvoice is a till's invoice for the customer to scan.
func SignedInvoice(c coupon.Chain, till coupon.Signer, b Bill, expires uint64) coupon.Payload {
	v := b.facts(till.Key, expires)
	return coupon.InvoicePayload(v, c.SignInvoice(v, till))
}

// SignedAuth is the holder's answer to a till's invoice: it takes exactly value, and
// lives as long as the invoice.
func SignedAuth(c coupon.Chain, h Held, owner coupon.Signer, invoice coupon.Invoice, value uint64) coupon.Payload {
	a := coupon.Auth{Coupon: h.Coupon, Seq: h.Seq, Holder: owner.Key, Value: value, Mode: coupon.ModeInvoice,
		InvoiceDigest: invoice.Digest(c), Expires: invoice.Expires}
	return coupon.AuthPayload(a, c.SignAuth(a, owner))
}

// SignedShowCode is a code to show at a till. value is the most that it may take;
// merchant is who may take it, 0 for any of the terms.
func SignedShowCode(c coupon.Chain, h Held, owner coupon.Signer, value uint64, merchant uint16, expires uint64,
) coupon.Payload {
	a := coupon.Auth{Coupon: h.Coupon, Seq: h.Seq, Holder: owner.Key, Value: value, Mode: coupon.ModeShow,
		Merchant: merchant, Expires: expires}
	return coupon.AuthPayload(a, c.SignAuth(a, owner))
}

// SignedRedeemInvoice is the redemption on an invoice that a holder has authorised.
// Both have signed: anybody can hand it in.
func SignedRedeemInvoice(c coupon.Chain, invoice, auth coupon.Payload) []byte {
	return c.NewRedeemInvoice(invoice.Invoice, invoice.Signature, auth.Auth, auth.Signature)
}

// SignedRedeemShown is the redemption of a shown code at a till. expires is of the
// till's statement; the transaction lives no longer than that and the code.
func SignedRedeemShown(c coupon.Chain, till coupon.Signer, b Bill, expires uint64, code coupon.Payload) []byte {
	return c.NewRedeemShow(b.facts(till.Key, expires), till, code.Auth, code.Signature)
}

// SignedRedemption is a whole redemption on an invoice by one who has both keys, for
// demonstrations, loads and tests.
func SignedRedemption(c coupon.Chain, till coupon.Signer, b Bill, h Held, owner coupon.Signer, value, expires uint64,
) []byte {
	invoice := SignedInvoice(c, till, b, expires)
	return SignedRedeemInvoice(c, invoice, SignedAuth(c, h, owner, invoice.Invoice, value))
}

// SignedVoid undoes the redemption of a coupon that had seq before it.
func SignedVoid(c coupon.Chain, expires uint64, h Held, till coupon.Signer) []byte {
	return c.NewVoid(expires, coupon.Void{Coupon: h.Coupon, Seq: h.Seq, Key: till.Key}, till)
}

// SignedCampaign publishes a campaign.
func SignedCampaign(c coupon.Chain, expires uint64, t coupon.Terms, issuer ...coupon.MemberSigner) []byte {
	return c.NewMemberTx(expires, &coupon.CampaignPublish{Terms: t}, issuer...)
}

// SignedBatch releases count coupons of a campaign from serial first on, for tickets
// that are signed with the secret of ticketKey.
func SignedBatch(c coupon.Chain, expires uint64, campaign, first, count uint32, ticketKey [32]byte,
	issuer ...coupon.MemberSigner) []byte {
	return c.NewMemberTx(expires, &coupon.BatchCommit{Campaign: campaign, First: first, Count: count,
		TicketKey: ticketKey}, issuer...)
}

// SignedControl pauses, resumes or closes a campaign; op is the kind of transaction.
func SignedControl(c coupon.Chain, expires uint64, op coupon.Kind, campaign uint32, issuer ...coupon.MemberSigner,
) []byte {
	return c.NewMemberTx(expires, &coupon.CampaignControl{Op: op, Campaign: campaign}, issuer...)
}

// SignedTill registers a till, whose key proves by signing that it is there.
func SignedTill(c coupon.Chain, expires uint64, t coupon.TillKeyAdd, till coupon.Signer,
	merchant ...coupon.MemberSigner) []byte {
	t.TillKey = till.Key
	return c.NewTillKeyAdd(expires, &t, till, merchant...)
}

// SignedTillRevoke takes a till's key away for ever.
func SignedTillRevoke(c coupon.Chain, expires uint64, member uint16, till [32]byte, merchant ...coupon.MemberSigner,
) []byte {
	return c.NewMemberTx(expires, &coupon.TillKeyRevoke{Member: member, TillKey: till}, merchant...)
}
