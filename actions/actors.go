package actions

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/sig"
)

// Lives of what is signed here, in milliseconds.
const (
	// ShowLifeMs is for how long a shown code is good; a wallet makes a new one before.
	ShowLifeMs = 60_000
	// InvoiceLifeMs is for how long a till's invoice waits for its customer, if the
	// chain's rules allow that much.
	InvoiceLifeMs = 120_000
	// memberLifeMsMax bounds what a member signs alone: it waits for no other signature.
	memberLifeMsMax = 3_600_000
)

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// Expiry is when a transaction of a kind expires that is made now: after a little less
// than the chain allows, so that clocks may differ.
func Expiry(v *client.Verifier, kind coupon.Kind) uint64 {
	l := v.Genesis().File.Ledger
	life := l.LifeMs
	if kind.MemberSigned() {
		life = min(l.MemberLifeMs, memberLifeMsMax)
	}
	return nowMs() + life - life/6
}

// AuthLimit is how far ahead an authorisation, and the invoice that it is for, may
// expire now. One that expires later would be refused for a while and accepted
// afterwards, so it is never signed.
func AuthLimit(v *client.Verifier) uint64 {
	return nowMs() + coupon.AuthLife(v.Genesis().File.Ledger.LifeMs)
}

// RuleError says that something would break a rule, so that it was not signed or
// handed in.
type RuleError struct {
	// Code is what the chain would refuse it with.
	Code coupon.Code
	// Text says what is wrong, for people; empty if the code says it all.
	Text string
}

// Error returns code and text, or what the code means.
func (e *RuleError) Error() string {
	if e.Text == "" {
		return e.Code.String() + ": " + e.Code.Explain()
	}
	return e.Code.String() + ": " + e.Text
}

func refuse(code coupon.Code, text string) error { return &RuleError{Code: code, Text: text} }

// CheckSigned checks the signature of an invoice, code or offer; its error is a *RuleError.
func CheckSigned(c coupon.Chain, p *coupon.Payload) error {
	if check, ok := p.SigCheck(c); !ok || !sig.Verify(&check.Key, check.Message, &check.Signature) {
		what := "a till's invoice"
		switch p.Type {
		case coupon.PayloadAuth:
			what = "a holder's code"
		case coupon.PayloadOffer:
			what = "a seller's offer"
		}
		return refuse(coupon.BadSignature, what+" was changed, or was not made by its key")
	}
	return nil
}

// CheckAnswer checks that a holder has authorised this invoice, and both signatures; its
// error is a *RuleError.
func CheckAnswer(c coupon.Chain, invoice, auth *coupon.Payload) error {
	for _, p := range []*coupon.Payload{invoice, auth} {
		if err := CheckSigned(c, p); err != nil {
			return err
		}
	}
	if auth.Auth.Mode != coupon.ModeInvoice || auth.Auth.InvoiceDigest != invoice.Invoice.Digest(c) {
		return refuse(coupon.InvoiceFacts, "the wallet has authorised another invoice")
	}
	return nil
}

// Issuer is a member that publishes campaigns, with enough admin keys of those who
// must sign.
type Issuer struct {
	Client  *client.Client
	Signers []coupon.MemberSigner
}

// Publish opens a campaign and returns its number.
func (i *Issuer) Publish(ctx context.Context, t coupon.Terms) (number uint32, r *client.Receipt, err error) {
	for _, m := range t.MustSign() {
		if !slices.ContainsFunc(i.Signers, func(s coupon.MemberSigner) bool { return s.Member == m }) {
			return 0, nil, fmt.Errorf("publish %q: %w", t.Title,
				refuse(coupon.Quorum, fmt.Sprintf("member %d must sign it", m)))
		}
	}
	r, err = i.Client.Submit(ctx, SignedCampaign(i.Client.Chain(), Expiry(i.Client.Verifier,
		coupon.KindCampaignPublish), t, i.Signers...))
	if err != nil {
		return 0, r, fmt.Errorf("publish %q: %w", t.Title, err)
	}
	return r.Outcome.Campaign, r, nil
}

// Release opens count coupons of a campaign from its next serial on, for tickets that
// are signed with the secret of ticketKey, and returns the batch.
func (i *Issuer) Release(ctx context.Context, campaign, count uint32, ticketKey [32]byte,
) (batch uint16, first uint32, r *client.Receipt, err error) {
	g, err := i.Client.Campaign(ctx, campaign)
	if err == nil {
		first = g.NextSerial
		r, err = i.Client.Submit(ctx, SignedBatch(i.Client.Chain(), Expiry(i.Client.Verifier,
			coupon.KindBatchCommit), campaign, first, count, ticketKey, i.Signers...))
	}
	if err != nil {
		return 0, 0, r, fmt.Errorf("release %d coupons of campaign %d: %w", count, campaign, err)
	}
	return r.Outcome.Batch, first, r, nil
}

// Holder acts for who has coupons. It needs no key of its own: each coupon may be under
// another one, which each call is given.
type Holder struct{ Client *client.Client }

// Claim claims a ticket for the key to. The ticket's signature is checked against the
// ledger's batch first.
func (h *Holder) Claim(ctx context.Context, t coupon.TicketPayload, to [32]byte) (*client.Receipt, error) {
	c := h.Client.Chain()
	b, _, err := h.Client.Batch(ctx, t.Campaign, t.Batch)
	ticket := TicketOf(c, t, b.TicketKey)
	if err == nil && !ticket.Genuine(c, &b) {
		err = refuse(coupon.NotFound, "it is not a ticket of its batch")
	}
	if err != nil {
		return nil, fmt.Errorf("claim a ticket of campaign %d: %w", t.Campaign, err)
	}
	return h.Client.Submit(ctx, SignedClaim(c, Expiry(h.Client.Verifier, coupon.KindClaim), ticket, to))
}

func (h *Holder) move(ctx context.Context, x Held, mover coupon.Signer, to [32]byte, giftUntil uint64,
) (*client.Receipt, error) {
	return h.Client.Submit(ctx, SignedTransfer(h.Client.Chain(), Expiry(h.Client.Verifier, coupon.KindTransfer), x,
		mover, to, giftUntil))
}

// Transfer moves a coupon to another key at once.
func (h *Holder) Transfer(ctx context.Context, x Held, owner coupon.Signer, to [32]byte) (*client.Receipt, error) {
	return h.move(ctx, x, owner, to, 0)
}

// Refresh kills every code and authorisation that was signed for the coupon; it also
// takes a gift back.
func (h *Holder) Refresh(ctx context.Context, x Held, owner coupon.Signer) (*client.Receipt, error) {
	return h.move(ctx, x, owner, owner.Key, 0)
}

// OfferGift offers a coupon to whoever has the gift's link, until a time at most 30
// days ahead.
func (h *Holder) OfferGift(ctx context.Context, x Held, owner coupon.Signer, g coupon.GiftPayload, untilMs uint64,
) (*client.Receipt, error) {
	return h.move(ctx, x, owner, GiftSigner(h.Client.Chain(), g).Key, untilMs)
}

// AcceptGift moves a gift to the key to.
func (h *Holder) AcceptGift(ctx context.Context, g coupon.GiftPayload, to [32]byte) (*client.Receipt, error) {
	x, err := h.Client.Coupon(ctx, g.Coupon)
	if err != nil {
		return nil, fmt.Errorf("accept a gift: %w", err)
	}
	return h.move(ctx, Held{g.Coupon, x.Seq}, GiftSigner(h.Client.Chain(), g), to, 0)
}

// ShowCode is a code to show at a till, good for a minute. value is the most that it
// may take, see ShowValue; name the merchant whenever it is known, 0 = any of the
// terms. No node is asked.
func (h *Holder) ShowCode(x Held, owner coupon.Signer, value uint64, merchant uint16) coupon.Payload {
	return SignedShowCode(h.Client.Chain(), x, owner, value, merchant, nowMs()+ShowLifeMs)
}

// AuthorizeInvoice is the holder's answer to a till's invoice: value is exact, see
// ValueOn. No node is asked, see CheckInvoice. Errors: a *RuleError, E102 for an invoice
// that was changed, E109 for one that lives longer than an authorisation may, so that
// the till must make another.
func (h *Holder) AuthorizeInvoice(x Held, owner coupon.Signer, invoice coupon.Payload, value uint64,
) (coupon.Payload, error) {
	if err := h.checkInvoice(&invoice); err != nil {
		return coupon.Payload{}, fmt.Errorf("authorise an invoice: %w", err)
	}
	return SignedAuth(h.Client.Chain(), x, owner, invoice.Invoice, value), nil
}

// Till is a registered till with its key. Its client should log in with the key
// (client.WithTill): then nodes admit every redemption, and refusals are final.
type Till struct {
	Client *client.Client
	Key    coupon.Signer
}

// expires is when what the till states now ends.
func (t *Till) expires() uint64 { return min(nowMs()+InvoiceLifeMs, AuthLimit(t.Client.Verifier)) }

// MakeInvoice makes an invoice for the customer to scan.
func (t *Till) MakeInvoice(b Bill) coupon.Payload {
	return SignedInvoice(t.Client.Chain(), t.Key, b, t.expires())
}

// RedeemInvoice redeems on an invoice that the holder has authorised.
func (t *Till) RedeemInvoice(ctx context.Context, invoice, auth coupon.Payload) (*client.Receipt, error) {
	c := t.Client.Chain()
	if err := CheckAnswer(c, &invoice, &auth); err != nil {
		return nil, fmt.Errorf("redeem an invoice: %w", err)
	}
	return t.Client.Submit(ctx, SignedRedeemInvoice(c, invoice, auth))
}

// RedeemShown redeems a shown code. The coupon's terms are read to state the bill for it
// (Bill.For), in its currency.
func (t *Till) RedeemShown(ctx context.Context, b Bill, code coupon.Payload) (*client.Receipt, error) {
	if err := CheckSigned(t.Client.Chain(), &code); err != nil {
		return nil, fmt.Errorf("redeem a code: %w", err)
	}
	if code.Auth.Mode != coupon.ModeShow {
		return nil, fmt.Errorf("redeem a code: %w",
			refuse(coupon.InvoiceFacts, "it answers an invoice and is not a shown one"))
	}
	x, err := t.Client.Coupon(ctx, code.Auth.Coupon)
	if err != nil {
		return nil, fmt.Errorf("redeem a code: %w", err)
	}
	b.Currency = x.Campaign.Terms.Currency
	b = b.For(x.ID, &x.Campaign.Terms)
	return t.Client.Submit(ctx, SignedRedeemShown(t.Client.Chain(), t.Key, b, t.expires(), code))
}

// VoidRedemption undoes the redemption of a coupon that had this seq before it: the customer has
// the use back.
func (t *Till) VoidRedemption(ctx context.Context, x Held) (*client.Receipt, error) {
	return t.Client.Submit(ctx, SignedVoid(t.Client.Chain(), Expiry(t.Client.Verifier, coupon.KindVoid), x, t.Key))
}
