package coupon

import "fmt"

// KindOfferPost is the kind of OfferPost.
const KindOfferPost Kind = 16

// EventOfferPosted says that an offer was made known.
const EventOfferPosted EventType = 17

var offerPostKind = kindSpec{
	name:    "OfferPost",
	since:   Version2,
	decode:  func(d decoder) Fields { return &OfferPost{Offer: d.offer()} },
	witness: byKeys,
	further: 1,
	receipt: []Part{PartOffer, PartCoupon},
	events:  []eventSpec{{EventOfferPosted, "offer.posted"}},
	tally:   TallyOther,
}

// OfferPost makes an offer known on the ledger. It changes nothing, and anybody who has
// the offer can post it.
type OfferPost struct{ Offer Offer }

// Kind returns KindOfferPost.
func (*OfferPost) Kind() Kind { return KindOfferPost }

func (f *OfferPost) appendTo(b []byte) []byte { return f.Offer.AppendTo(b) }

func (*OfferPost) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *OfferPost) keys() [][32]byte { return f.Offer.keys() }

func (f *OfferPost) signatures(c Chain, tx *Tx, _ []byte, checks []SigCheck) []SigCheck {
	return append(checks, SigCheck{f.Offer.Seller, c.Message(TagOffer, f.Offer.AppendTo(nil)), tx.sigs[0]})
}

func (f *OfferPost) sender(*Tx) [32]byte { return f.Offer.Seller }

func (f *OfferPost) about() Subject { return Subject{f.Offer.Coupon.Campaign(), f.Offer.Coupon} }

func (*OfferPost) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*OfferPost) shown() string { return "" }

// mark has nothing to return: an offer changes no row.
func (*OfferPost) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *OfferPost) asks(n Names) string {
	return fmt.Sprintf("offer coupon %s (sequence %d), %s", n.Coupon(f.Offer.Coupon), f.Offer.Seq, f.Offer.Ask)
}

func (f *OfferPost) execute(x *exec, _ *Tx, out *Outcome) Code {
	o := &f.Offer
	if x.now >= o.Expires || o.Expires-x.now > OfferAheadMsMax {
		return OfferGone
	}
	h, code := x.guard(guardStops, o.Coupon, o.Seller, o.Seq)
	switch {
	case code != OK:
		return code
	case !h.tradable():
		return NotTransferable
	case o.Ask == AskMoney && o.Money.Price > ResaleCeiling(h.terms, &h.coupon):
		return PriceAboveCeiling
	case o.Ask == AskMoney && o.Money.Currency != h.terms.Currency:
		return CurrencyMismatch
	}
	out.Offer, out.Coupon = o.Digest(x.m.chain), o.Coupon
	return OK
}

// NewOfferPost makes the transaction that posts a signed offer.
func (c Chain) NewOfferPost(expires uint64, o Offer, sellerSig [64]byte) []byte {
	return append(c.Body(expires, &OfferPost{o}), sellerSig[:]...)
}
