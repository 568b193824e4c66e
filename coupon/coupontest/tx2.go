package coupontest

import "bytes"

// Kinds of version 2 (rules 3.20).
const (
	KindAmend         = 12
	KindIssue         = 13
	KindTrade         = 15
	KindOfferPost     = 16
	KindRefund        = 20
	KindCycleClose    = 23
	KindPosted        = 24
	KindConfirmed     = 25
	KindServiceAdd    = 35
	KindServiceRevoke = 36
	KindMemberKeys    = 40
)

// Tags of the objects of trade (rules 3.20).
const (
	tagOffer  = "scrip/offer/v1"
	tagAccept = "scrip/accept/v1"
	tagPay    = "scrip/pay/v1"
)

// Offer is what a seller signs (rules 3.20): 149 bytes for a swap, 97 for money.
type Offer struct {
	Coupon  uint64
	Seq     uint32
	Seller  Key
	Ask     uint8 // 0 swap, 1 money
	Buyer   Key   // zero for anyone
	Expires uint64

	WantCampaign uint32 // swap
	WantCoupon   uint64
	MinUses      uint16
	MinValue     uint64
	MinUntil     uint64
	MinVersion   uint16
	Get          Key

	Price    uint64 // money
	Currency uint16
	Payer    uint16
}

// Accept is what a buyer signs (rules 3.20), 116 bytes.
type Accept struct {
	Offer   [32]byte
	Buyer   Key
	To      Key
	Coupon  uint64
	Seq     uint32
	Expires uint64
}

// Pay is what a payment member signs (rules 3.20), 84 bytes.
type Pay struct {
	Subject  [32]byte
	Price    uint64
	Currency uint16
	Member   uint16
	Ref      [32]byte
	Expires  uint64
}

// Tx2 are the fields of the kinds of version 2, beside those of Tx.
type Tx2 struct {
	Version uint16 // 12
	Tos     []Key  // 13

	Offer  Offer  // 15, 16
	Accept Accept // 15
	Pay    Pay    // 15
	PayKey Key    // 15

	Amount   uint64 // 20
	Recredit uint8  // 20

	Cycle uint32   // 23, 24, 25
	Book  uint8    // 24, 25
	Payer uint16   // 24, 25
	Payee uint16   // 24, 25
	Ref   [32]byte // 24
	Op    uint8    // 25

	Threshold uint8 // 40
	Keep      []Key // 40
	Add       []Key // 40

	SigC    [64]byte   // 15: payment key
	AddSigs [][64]byte // 40
}

// Bytes encodes the offer.
func (o *Offer) Bytes() []byte {
	b := append(le32(le64(nil, o.Coupon), o.Seq), o.Seller[:]...)
	b = append(b, o.Ask)
	if o.Ask == 0 {
		b = le16(le64(le32(b, o.WantCampaign), o.WantCoupon), o.MinUses)
		b = append(le16(le64(le64(b, o.MinValue), o.MinUntil), o.MinVersion), o.Get[:]...)
	} else {
		b = le16(le16(le64(b, o.Price), o.Currency), o.Payer)
	}
	return le64(append(b, o.Buyer[:]...), o.Expires)
}

// Bytes encodes the acceptance.
func (a *Accept) Bytes() []byte {
	b := append([]byte(nil), a.Offer[:]...)
	b = append(append(b, a.Buyer[:]...), a.To[:]...)
	return le64(le32(le64(b, a.Coupon), a.Seq), a.Expires)
}

// Bytes encodes the payment.
func (p *Pay) Bytes() []byte {
	b := le16(le16(le64(append([]byte(nil), p.Subject[:]...), p.Price), p.Currency), p.Member)
	return le64(append(b, p.Ref[:]...), p.Expires)
}

// memberSigned says that a kind's witness begins with entries of members.
func memberSigned(kind uint8) bool {
	switch kind {
	case KindAmend, KindIssue, KindCycleClose, KindPosted, KindConfirmed, KindServiceAdd, KindServiceRevoke,
		KindMemberKeys, KindPropose, KindVote, KindSeatKey:
		return true
	}
	return kind <= KindTillRevoke
}

func keyList(b []byte, list []Key) []byte {
	b = le32(b, uint32(len(list)))
	for _, k := range list {
		b = append(b, k[:]...)
	}
	return b
}

// body2 encodes the fields of a kind of version 2.
func (t *Tx) body2(b []byte) []byte {
	switch t.Kind {
	case KindAmend:
		b = append(le16(le32(b, t.Campaign), t.Version), t.Terms.Bytes()...)
	case KindIssue:
		b = keyList(le32(b, t.Campaign), t.Tos)
	case KindTrade:
		b = append(append(b, t.Offer.Bytes()...), t.Accept.Bytes()...)
		if t.Offer.Ask == 1 {
			b = append(append(b, t.Pay.Bytes()...), t.PayKey[:]...)
		}
	case KindOfferPost:
		b = append(b, t.Offer.Bytes()...)
	case KindRefund:
		b = append(le32(le64(b, t.Coupon), t.Seq), t.Key[:]...)
		b = append(le64(b, t.Amount), t.Recredit)
	case KindCycleClose:
		b = le16(le32(b, t.Cycle), t.Member)
	case KindPosted, KindConfirmed:
		b = append(le16(le32(b, t.Cycle), t.Currency), t.Book)
		b = le16(le16(b, t.Payer), t.Payee)
		if t.Kind == KindPosted {
			b = append(b, t.Ref[:]...)
		} else {
			b = append(b, t.Op)
		}
	case KindServiceAdd:
		b = append(append(le16(b, t.Member), t.Key[:]...), 2)
		b = le64(le64(append(b, make([]byte, 32)...), t.ValidFrom), t.ValidUntil)
		b = le64(le16(b, t.Currency), t.DayCap)
	case KindServiceRevoke:
		b = append(le16(b, t.Member), t.Key[:]...)
	case KindMemberKeys:
		b = keyList(keyList(append(le16(b, t.Member), t.Threshold), t.Keep), t.Add)
	default:
		b = t.body3(b)
	}
	return b
}

// sigs2 lists the signatures behind those of members of a kind of version 2.
func (t *Tx) sigs2() (list []*[64]byte) {
	switch t.Kind {
	case KindTrade:
		list = append(list, &t.SigA, &t.SigB)
		if t.Offer.Ask == 1 {
			list = append(list, &t.SigC)
		}
	case KindOfferPost, KindRefund, KindServiceAdd:
		list = append(list, &t.SigA)
	case KindMemberKeys:
		if len(t.AddSigs) != len(t.Add) {
			t.AddSigs = make([][64]byte, len(t.Add))
		}
		for i := range t.AddSigs {
			list = append(list, &t.AddSigs[i])
		}
	default:
		list = t.sigs3()
	}
	return list
}

// sign2 signs what sigs2 lists.
func (t *Tx) sign2(chain [32]byte, ring Ring, own []byte) {
	switch t.Kind {
	case KindTrade:
		t.SigA = ring.sign(t.Offer.Seller, message(chain, tagOffer, t.Offer.Bytes()))
		t.SigB = ring.sign(t.Accept.Buyer, message(chain, tagAccept, t.Accept.Bytes()))
		if t.Offer.Ask == 1 {
			t.SigC = ring.sign(t.PayKey, message(chain, tagPay, t.Pay.Bytes()))
		}
	case KindOfferPost:
		t.SigA = ring.sign(t.Offer.Seller, message(chain, tagOffer, t.Offer.Bytes()))
	case KindRefund, KindServiceAdd:
		t.SigA = ring.sign(t.Key, own)
	case KindMemberKeys:
		for i, sig := range t.sigs2() {
			*sig = ring.sign(t.Add[i], own)
		}
	default:
		t.sign3(chain, ring, own)
	}
}

// bind puts the digests of a trade in their places.
func (t *Tx) bind(chain [32]byte) {
	t.Accept.Offer = digest(chain, tagOffer, t.Offer.Bytes())
	if t.Offer.Ask == 1 {
		t.Pay.Subject = digest(chain, tagAccept, t.Accept.Bytes())
	}
	t.Expires = t.Accept.Expires
}

// Bound says that the digests of a trade are those of what they name (E101 if not), which
// depends on the chain.
func (t *Tx) Bound(chain [32]byte) bool {
	return t.Kind != KindTrade || t.Accept.Offer == digest(chain, tagOffer, t.Offer.Bytes()) &&
		(t.Offer.Ask == 0 || t.Pay.Subject == digest(chain, tagAccept, t.Accept.Bytes()))
}

// body2 reads the fields of a kind of version 2.
func (c *cutter) body2(t *Tx) {
	switch t.Kind {
	case KindAmend:
		t.Campaign, t.Version, t.Terms = c.u32(), c.u16(), c.terms()
	case KindIssue:
		t.Campaign, t.Tos = c.u32(), c.keyList(1, 64)
	case KindTrade:
		c.trade(t)
	case KindOfferPost:
		t.Offer = c.offer()
	case KindRefund:
		t.Coupon, t.Seq, t.Key, t.Amount, t.Recredit = c.u64(), c.u32(), c.key(), c.money(), c.u8()
		c.need(t.Amount >= 1 && t.Recredit <= 1)
	case KindCycleClose:
		t.Cycle, t.Member = c.u32(), c.u16()
	case KindPosted, KindConfirmed:
		t.Cycle, t.Currency, t.Book, t.Payer, t.Payee = c.u32(), c.u16(), c.u8(), c.u16(), c.u16()
		c.need(t.Book <= 1)
		if t.Kind == KindPosted {
			t.Ref = c.key()
		} else {
			t.Op = c.u8()
			c.need(t.Op <= 2)
		}
	case KindServiceAdd:
		t.Member, t.Key = c.u16(), c.key()
		c.need(c.u8() == 2)
		c.need(c.key() == [32]byte{})
		t.ValidFrom, t.ValidUntil, t.Currency, t.DayCap = c.time(), c.time(), c.u16(), c.money()
		c.need(t.Currency >= 1 && t.DayCap >= 1)
	case KindServiceRevoke:
		t.Member, t.Key = c.u16(), c.key()
	case KindMemberKeys:
		t.Member, t.Threshold = c.u16(), c.u8()
		t.Keep, t.Add = c.keyList(0, 8), c.keyList(0, 8)
		c.ascending(t.Keep)
		c.ascending(t.Add)
		for _, k := range t.Add {
			for _, other := range t.Keep {
				c.need(k != other)
			}
		}
		n := len(t.Keep) + len(t.Add)
		c.need(n >= 1 && n <= 8 && t.Threshold >= 1 && int(t.Threshold) <= n)
	default:
		c.body3(t)
	}
}

func (c *cutter) keyList(low, high uint32) (list []Key) {
	for n := c.count(low, high); n > 0 && !c.bad; n-- {
		list = append(list, c.key())
	}
	return list
}

func (c *cutter) ascending(list []Key) {
	for i := 1; i < len(list); i++ {
		c.need(bytes.Compare(list[i-1][:], list[i][:]) < 0)
	}
}

func (c *cutter) trade(t *Tx) {
	t.Offer = c.offer()
	a := &t.Accept
	a.Offer, a.Buyer, a.To, a.Coupon, a.Seq, a.Expires = c.key(), c.key(), c.key(), c.u64(), c.u32(), c.time()
	c.need(t.Expires == a.Expires)
	if t.Offer.Ask == 0 {
		c.need(a.Coupon != 0 && a.Coupon != t.Offer.Coupon)
		return
	}
	c.need(a.Coupon == 0 && a.Seq == 0)
	p := &t.Pay
	p.Subject, p.Price, p.Currency, p.Member, p.Ref, p.Expires = c.key(), c.money(), c.u16(), c.u16(), c.key(), c.time()
	t.PayKey = c.key()
	c.need(p.Price >= 1 && p.Price == t.Offer.Price && p.Currency == t.Offer.Currency && p.Member == t.Offer.Payer)
}

func (c *cutter) offer() (o Offer) {
	o.Coupon, o.Seq, o.Seller, o.Ask = c.u64(), c.u32(), c.key(), c.u8()
	switch o.Ask {
	case 0:
		o.WantCampaign, o.WantCoupon, o.MinUses = c.u32(), c.u64(), c.u16()
		o.MinValue, o.MinUntil, o.MinVersion, o.Get = c.money(), c.time(), c.u16(), c.key()
		c.need(o.WantCampaign >= 1)
		c.need(o.WantCoupon == 0 || uint32(o.WantCoupon>>32) == o.WantCampaign)
	case 1:
		o.Price, o.Currency, o.Payer = c.money(), c.u16(), c.u16()
		c.need(o.Price >= 1)
	default:
		c.need(false)
	}
	o.Buyer, o.Expires = c.key(), c.time()
	return o
}
