package actions

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// SignedOffer is a seller's offer of a coupon as it is now, to hand to who may take it.
// Nothing is locked: any change of the coupon ends the offer.
func SignedOffer(c coupon.Chain, o coupon.Offer, seller coupon.Signer) coupon.Payload {
	o.Seller = seller.Key
	return coupon.OfferPayload(o, c.SignOffer(o, seller))
}

// SignedSwap takes an offer for a coupon of the buyer's own; to receives the offered one.
func SignedSwap(c coupon.Chain, expires uint64, offer coupon.Payload, given Held, buyer coupon.Signer, to [32]byte,
) []byte {
	a := coupon.Accept{Offer: offer.Offer.Digest(c), Buyer: buyer.Key, To: to, Coupon: given.Coupon, Seq: given.Seq,
		Expires: expires}
	return c.NewTrade(&coupon.Trade{Offer: offer.Offer, Accept: a}, offer.Signature, c.SignAccept(a, buyer), [64]byte{})
}

// SignedSale takes an offer for money that a payment member attests with its service key.
// reference is the member's own, of the payment.
func SignedSale(c coupon.Chain, expires uint64, offer coupon.Payload, buyer coupon.Signer, to [32]byte,
	payment coupon.Signer, reference [32]byte) []byte {
	o := &offer.Offer
	a := coupon.Accept{Offer: o.Digest(c), Buyer: buyer.Key, To: to, Expires: expires}
	p := coupon.Pay{Subject: a.Digest(c), Price: o.Money.Price, Currency: o.Money.Currency, Member: o.Money.Payer,
		Ref: reference, Expires: expires}
	return c.NewTrade(&coupon.Trade{Offer: *o, Accept: a, Pay: p, PayKey: payment.Key}, offer.Signature,
		c.SignAccept(a, buyer), c.SignPay(p, payment))
}

// MakeOffer offers a coupon as it is in the proven state: o says what is asked for, from
// whom, and until when, and the rest is filled in. Errors that are a *RuleError: E402, E404,
// E405, E406.
func (h *Holder) MakeOffer(ctx context.Context, id coupon.CouponID, owner coupon.Signer, o coupon.Offer,
) (coupon.Payload, error) {
	x, err := h.Client.Coupon(ctx, id)
	if err != nil {
		return coupon.Payload{}, fmt.Errorf("offer a coupon: %w", err)
	}
	o.Coupon, o.Seq = id, x.Seq
	switch t := &x.Campaign.Terms; {
	case x.Owner != owner.Key:
		err = refuse(coupon.NotOwner, "")
	case t.Transfer != coupon.TransferTrade || x.TransfersLeft == 0:
		err = refuse(coupon.NotTransferable, "")
	case x.Status != coupon.Held.String():
		err = refuse(coupon.WrongState, "it is "+x.Status)
	case o.Expires <= nowMs() || o.Expires > nowMs()+coupon.OfferAheadMsMax:
		err = refuse(coupon.OfferGone, "an offer is good for at most 30 days, from now on")
	case o.Ask == coupon.AskMoney && o.Money.Price > coupon.ResaleCeiling(t, &x.Coupon):
		err = refuse(coupon.PriceAboveCeiling, "")
	}
	if err != nil {
		return coupon.Payload{}, fmt.Errorf("offer a coupon: %w", err)
	}
	return SignedOffer(h.Client.Chain(), o, owner), nil
}

// TakeOffer gives a coupon for the offered one, which goes to the key to. The offer's
// signature and the offered coupon are checked first, so that nothing is handed in for an
// offer that is over. Errors that are a *RuleError: E102, E401, E403, E406, E410.
func (h *Holder) TakeOffer(ctx context.Context, offer coupon.Payload, given Held, buyer coupon.Signer, to [32]byte,
) (*client.Receipt, error) {
	if err := h.CheckOffer(ctx, offer, buyer.Key); err != nil {
		return nil, fmt.Errorf("take an offer: %w", err)
	}
	if w := &offer.Offer.Swap; offer.Offer.Ask != coupon.AskSwap || given.Coupon.Campaign() != w.Campaign ||
		w.Coupon != 0 && w.Coupon != given.Coupon {
		return nil, fmt.Errorf("take an offer: %w", refuse(coupon.SwapTerms, "the seller does not ask for this coupon"))
	}
	return h.Client.Submit(ctx, SignedSwap(h.Client.Chain(), Expiry(h.Client.Verifier, coupon.KindTrade), offer, given,
		buyer, to))
}

// CheckOffer checks an offer for a buyer against the proven state: that it was signed by
// who owns the coupon, and that the coupon has not changed since. The zero key is anyone.
func (h *Holder) CheckOffer(ctx context.Context, offer coupon.Payload, buyer [32]byte) error {
	o := &offer.Offer
	if err := CheckSigned(h.Client.Chain(), &offer); err != nil {
		return err
	}
	if nowMs() >= o.Expires || buyer != [32]byte{} && (buyer == o.Seller || o.Buyer != [32]byte{} && o.Buyer != buyer) {
		return refuse(coupon.OfferGone, "")
	}
	x, err := h.Client.Coupon(ctx, o.Coupon)
	switch {
	case err != nil:
		return err
	case x.Owner != o.Seller:
		return refuse(coupon.NotOwner, "the seller has it no longer")
	case x.Seq != o.Seq:
		return refuse(coupon.StaleSeq, "the seller has taken the offer back, or used the coupon")
	}
	return nil
}

// PostOffer puts an offer on the ledger, for everybody to see. It binds nobody.
func (h *Holder) PostOffer(ctx context.Context, offer coupon.Payload) (*client.Receipt, error) {
	return h.Client.Submit(ctx, h.Client.Chain().NewOfferPost(Expiry(h.Client.Verifier, coupon.KindOfferPost),
		offer.Offer, offer.Signature))
}

// SignedRefund gives back a part of a final redemption of a coupon that had seq before it.
func SignedRefund(c coupon.Chain, expires uint64, h Held, amount uint64, till coupon.Signer) []byte {
	return c.NewRefund(expires, coupon.Refund{Coupon: h.Coupon, Seq: h.Seq, Key: till.Key, Amount: amount}, till)
}

// Refund gives the funders back a part of what a final redemption had them pay.
func (t *Till) Refund(ctx context.Context, x Held, amount uint64) (*client.Receipt, error) {
	return t.Client.Submit(ctx, SignedRefund(t.Client.Chain(), Expiry(t.Client.Verifier, coupon.KindRefund), x, amount,
		t.Key))
}

// SignedIssue gives coupons of a campaign to keys, a key as often as it is named.
func SignedIssue(c coupon.Chain, expires uint64, campaign uint32, to [][32]byte, issuer ...coupon.MemberSigner) []byte {
	return c.NewMemberTx(expires, &coupon.CouponIssue{Campaign: campaign, To: to}, issuer...)
}

// IssueMax is the most keys that one transaction gives coupons to.
const IssueMax = 64

// Issue gives coupons of a campaign to keys, in as many transactions as they need, and
// calls each with their receipts and the keys of each. After an error what was issued
// stays: the keys behind those of the last call have nothing yet.
func (i *Issuer) Issue(ctx context.Context, campaign uint32, to [][32]byte, each func(*client.Receipt, [][32]byte),
) error {
	for part := range slices.Chunk(to, IssueMax) {
		r, err := i.Client.Submit(ctx, SignedIssue(i.Client.Chain(), Expiry(i.Client.Verifier, coupon.KindCouponIssue),
			campaign, part, i.Signers...))
		if err != nil {
			return fmt.Errorf("issue coupons of campaign %d: %w", campaign, err)
		}
		each(r, part)
	}
	return nil
}

// SignedAmendment gives a campaign the next version of its terms.
func SignedAmendment(c coupon.Chain, expires uint64, campaign uint32, version uint16, t coupon.Terms,
	signers ...coupon.MemberSigner) []byte {
	return c.NewMemberTx(expires, &coupon.CampaignAmend{Campaign: campaign, Version: version, Terms: t}, signers...)
}

// Amend gives a campaign new terms on top of the proven ones, which change is given. It
// returns the new version. Errors that are a *RuleError: E701 if a member must sign that
// does not.
func (i *Issuer) Amend(ctx context.Context, campaign uint32, change func(*coupon.Terms)) (version uint16,
	r *client.Receipt, err error) {
	g, first, err := i.termsOf(ctx, campaign)
	if err != nil {
		return 0, nil, fmt.Errorf("amend campaign %d: %w", campaign, err)
	}
	next := g.Terms
	next.Funders, next.Shops = slices.Clone(next.Funders), slices.Clone(next.Shops)
	change(&next)
	for _, m := range append(coupon.MustSignAmend(first, &g.Terms, &next), g.Issuer) {
		if !slices.ContainsFunc(i.Signers, func(s coupon.MemberSigner) bool { return s.Member == m }) {
			return 0, nil, fmt.Errorf("amend campaign %d: %w", campaign,
				refuse(coupon.Quorum, fmt.Sprintf("member %d must sign it", m)))
		}
	}
	r, err = i.Client.Submit(ctx, SignedAmendment(i.Client.Chain(), Expiry(i.Client.Verifier, coupon.KindCampaignAmend),
		campaign, g.Version+1, next, i.Signers...))
	if err != nil {
		return 0, r, fmt.Errorf("amend campaign %d: %w", campaign, err)
	}
	return r.Outcome.Version, r, nil
}

// termsOf returns a campaign with its current terms and those of its first version.
func (i *Issuer) termsOf(ctx context.Context, campaign uint32) (*client.Campaign, *coupon.Terms, error) {
	g, err := i.Client.Campaign(ctx, campaign)
	if err != nil {
		return nil, nil, err
	}
	first, err := i.Client.TermsAt(ctx, campaign, 1)
	return g, &first, err
}

// Settler is a member that settles, with enough of its admin keys.
type Settler struct {
	Client  *client.Client
	Member  uint16
	Signers []coupon.MemberSigner
}

func (s *Settler) submit(ctx context.Context, f coupon.Fields) (*client.Receipt, error) {
	return s.Client.Submit(ctx, s.Client.Chain().NewMemberTx(Expiry(s.Client.Verifier, f.Kind()), f, s.Signers...))
}

// CloseCycle closes a settlement cycle that is over, the next one to be closed.
func (s *Settler) CloseCycle(ctx context.Context, cycle uint32) (*client.Receipt, error) {
	return s.submit(ctx, &coupon.CycleClose{Cycle: cycle, Member: s.Member})
}

// PostPayment says that the member has paid a debt, under a reference of its own.
func (s *Settler) PostPayment(ctx context.Context, d coupon.DebtName, reference [32]byte) (*client.Receipt, error) {
	return s.submit(ctx, &coupon.PaymentPosted{Debt: d, Ref: reference})
}

// ConfirmPayment says, as the payee, that a debt was paid.
func (s *Settler) ConfirmPayment(ctx context.Context, d coupon.DebtName) (*client.Receipt, error) {
	return s.submit(ctx, &coupon.PaymentConfirmed{Debt: d, Op: coupon.PaymentConfirm})
}

// ObjectPayment says, as the payee, that a posted payment has not come.
func (s *Settler) ObjectPayment(ctx context.Context, d coupon.DebtName) (*client.Receipt, error) {
	return s.submit(ctx, &coupon.PaymentConfirmed{Debt: d, Op: coupon.PaymentObject})
}

// ClearPayment says, as the clearer, that a payment posted seven days ago has come.
func (s *Settler) ClearPayment(ctx context.Context, d coupon.DebtName) (*client.Receipt, error) {
	return s.submit(ctx, &coupon.PaymentConfirmed{Debt: d, Op: coupon.PaymentClear})
}
