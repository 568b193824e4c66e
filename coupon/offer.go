package coupon

import "github.com/scrip-network/scrip/pbft/wire"

// Domain tags of the objects of trade (rules 3.20).
const (
	TagOffer  = "scrip/offer/v1"
	TagAccept = "scrip/accept/v1"
	TagPay    = "scrip/pay/v1"
)

// Sizes of the objects of trade, in bytes.
const (
	OfferSwapSize  = 149
	OfferMoneySize = 97
	AcceptSize     = 116
	PaySize        = 84
)

// OfferAheadMsMax is how far ahead of the block a posted offer may expire.
const OfferAheadMsMax = 30 * dayMs

// Ask says what a seller wants for a coupon.
type Ask uint8

// The two asks.
const (
	AskSwap  Ask = iota // another coupon
	AskMoney            // a price, which a payment member attests
)

// String returns "SWAP" or "MONEY".
func (a Ask) String() string { return named([]string{"SWAP", "MONEY"}, uint8(a)) }

// Offer is a seller's signed offer of a coupon as it is at Seq. Nothing is locked: any
// change of the coupon, its expiry or its sale ends it (rules 3.22). Buyer 0 means anyone.
type Offer struct {
	Coupon  CouponID
	Seq     uint32
	Seller  [32]byte
	Ask     Ask
	Swap    SwapAsk  // AskSwap
	Money   MoneyAsk // AskMoney
	Buyer   [32]byte
	Expires uint64
}

// SwapAsk is what the coupon must be that is given for the offered one, and where the
// seller wants it. Coupon 0 means any of Campaign.
type SwapAsk struct {
	Campaign   uint32
	Coupon     CouponID
	MinUses    uint16
	MinValue   uint64
	MinUntil   uint64
	MinVersion uint16
	Get        [32]byte
}

// MoneyAsk is a price in minor units, and the payment member that has to attest it.
type MoneyAsk struct {
	Price    uint64
	Currency uint16
	Payer    uint16
}

// Accept is a buyer's signed acceptance of an offer. To receives the offered coupon;
// Coupon and Seq name the one given for it, 0 for money.
type Accept struct {
	Offer   [32]byte
	Buyer   [32]byte
	To      [32]byte
	Coupon  CouponID
	Seq     uint32
	Expires uint64
}

// Pay is a payment member's signed word that it holds the price and owes it to the
// seller. Subject is the digest of the acceptance.
type Pay struct {
	Subject  [32]byte
	Price    uint64
	Currency uint16
	Member   uint16
	Ref      [32]byte
	Expires  uint64
}

// AppendTo appends the offer's 149 or 97 bytes, which are also its signing body.
func (o *Offer) AppendTo(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint64(b, uint64(o.Coupon)), o.Seq)
	b = append(append(b, o.Seller[:]...), byte(o.Ask))
	if o.Ask == AskMoney {
		b = wire.AppendUint16(wire.AppendUint64(b, o.Money.Price), o.Money.Currency)
		b = wire.AppendUint16(b, o.Money.Payer)
	} else {
		w := &o.Swap
		b = wire.AppendUint64(wire.AppendUint32(b, w.Campaign), uint64(w.Coupon))
		b = wire.AppendUint64(wire.AppendUint16(b, w.MinUses), w.MinValue)
		b = wire.AppendUint16(wire.AppendUint64(b, w.MinUntil), w.MinVersion)
		b = append(b, w.Get[:]...)
	}
	return wire.AppendUint64(append(b, o.Buyer[:]...), o.Expires)
}

func (d decoder) offer() Offer {
	o := Offer{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Seller: d.Bytes32(), Ask: Ask(d.Enum8(uint8(AskMoney)))}
	if o.Ask == AskMoney {
		o.Money = MoneyAsk{Price: d.money(), Currency: d.Uint16(), Payer: d.Uint16()}
		d.require(o.Money.Price >= 1, "price 0")
	} else {
		o.Swap = SwapAsk{Campaign: d.Uint32(), Coupon: CouponID(d.Uint64()), MinUses: d.Uint16(), MinValue: d.money(),
			MinUntil: d.time(), MinVersion: d.Uint16(), Get: d.Bytes32()}
		d.require(o.Swap.Campaign >= 1, "no campaign wanted")
		d.require(o.Swap.Coupon == 0 || o.Swap.Coupon.Campaign() == o.Swap.Campaign,
			"the coupon wanted is not of the campaign wanted")
	}
	o.Buyer, o.Expires = d.Bytes32(), d.time()
	return o
}

// DecodeOffer decodes the 149 or 97 bytes of an offer; the error is E101.
func DecodeOffer(b []byte) (Offer, error) {
	d := newDecoder(b)
	o := d.offer()
	return o, d.closeObject()
}

// Digest returns D("scrip/offer/v1", offer).
func (o *Offer) Digest(c Chain) [32]byte {
	return c.Hash(TagOffer, o.AppendTo(make([]byte, 0, OfferSwapSize)))
}

// keys returns those that must be valid.
func (o *Offer) keys() [][32]byte {
	list := [][32]byte{o.Seller}
	if o.Ask == AskSwap {
		list = append(list, o.Swap.Get)
	}
	if o.Buyer != [32]byte{} {
		list = append(list, o.Buyer)
	}
	return list
}

// AppendTo appends the acceptance's 116 bytes, which are also its signing body.
func (a *Accept) AppendTo(b []byte) []byte {
	b = append(append(append(b, a.Offer[:]...), a.Buyer[:]...), a.To[:]...)
	b = wire.AppendUint32(wire.AppendUint64(b, uint64(a.Coupon)), a.Seq)
	return wire.AppendUint64(b, a.Expires)
}

func (d decoder) accept() Accept {
	return Accept{Offer: d.Bytes32(), Buyer: d.Bytes32(), To: d.Bytes32(), Coupon: CouponID(d.Uint64()),
		Seq: d.Uint32(), Expires: d.time()}
}

// DecodeAccept decodes the 116 bytes of an acceptance; the error is E101.
func DecodeAccept(b []byte) (Accept, error) {
	d := newDecoder(b)
	a := d.accept()
	return a, d.closeObject()
}

// Digest returns D("scrip/accept/v1", accept), which a payment is about.
func (a *Accept) Digest(c Chain) [32]byte {
	return c.Hash(TagAccept, a.AppendTo(make([]byte, 0, AcceptSize)))
}

// AppendTo appends the payment's 84 bytes, which are also its signing body.
func (p *Pay) AppendTo(b []byte) []byte {
	b = wire.AppendUint64(append(b, p.Subject[:]...), p.Price)
	b = wire.AppendUint16(wire.AppendUint16(b, p.Currency), p.Member)
	return wire.AppendUint64(append(b, p.Ref[:]...), p.Expires)
}

func (d decoder) pay() Pay {
	p := Pay{Subject: d.Bytes32(), Price: d.money(), Currency: d.Uint16(), Member: d.Uint16(), Ref: d.Bytes32(),
		Expires: d.time()}
	d.require(p.Price >= 1, "price 0")
	return p
}

// DecodePay decodes the 84 bytes of a payment; the error is E101.
func DecodePay(b []byte) (Pay, error) {
	d := newDecoder(b)
	p := d.pay()
	return p, d.closeObject()
}

// Digest returns D("scrip/pay/v1", pay): what one trade uses up.
func (p *Pay) Digest(c Chain) [32]byte { return c.Hash(TagPay, p.AppendTo(make([]byte, 0, PaySize))) }

// SignOffer signs an offer with the seller's key.
func (c Chain) SignOffer(o Offer, seller Signer) [64]byte {
	return seller.Sign(c.Message(TagOffer, o.AppendTo(nil)))
}

// SignAccept signs an acceptance with the buyer's key.
func (c Chain) SignAccept(a Accept, buyer Signer) [64]byte {
	return buyer.Sign(c.Message(TagAccept, a.AppendTo(nil)))
}

// SignPay signs an attestation with the payment member's service key.
func (c Chain) SignPay(p Pay, key Signer) [64]byte {
	return key.Sign(c.Message(TagPay, p.AppendTo(nil)))
}
