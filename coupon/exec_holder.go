package coupon

import "fmt"

// termsOf returns the terms of a campaign's version, which exist whenever the
// campaign does. If they are missing the state is damaged: that is recorded and
// empty terms are returned.
func (x *exec) termsOf(campaign uint32, version uint16) *Terms {
	if t := x.terms.get(x, termsID{campaign, version}); t != nil {
		return t
	}
	x.damaged("campaign %d has no terms of version %d", campaign, version)
	return &Terms{}
}

// damaged records that a row which must exist does not.
func (x *exec) damaged(format string, args ...any) {
	if x.err == nil {
		x.err = fmt.Errorf("coupon: state: "+format, args...)
	}
}

func (x *exec) memberActive(id uint16) bool {
	m := x.members.get(x, id)
	return m != nil && m.State == MemberActive
}

// found is a coupon that passed the guard, with its campaign and terms.
type found struct {
	coupon   Coupon // a copy, as it is at the block's time
	campaign Campaign
	terms    *Terms
}

// lenience is what the guard allows beside what it asks of every kind.
type lenience uint8

const (
	guardGift  lenience = 1 + iota // a pending gift takes its gift key too, and gives no E404
	guardGrace                     // the coupon is good for grace_ms longer
	guardStops                     // a stop of its campaign does not matter
)

// guard is G of rules 3.3 e.
func (x *exec) guard(allow lenience, id CouponID, key [32]byte, seq uint32) (h found, code Code) {
	p := x.coupons.get(x, id)
	if p == nil {
		return h, NotFound
	}
	g := x.campaigns.get(x, id.Campaign())
	if g == nil {
		x.damaged("coupon %d has no campaign", id)
		return h, NotFound
	}
	if allow != guardStops && x.stopped(id.Campaign(), g.Issuer) {
		return h, CampaignNotActive
	}
	h = found{coupon: p.At(x.now), campaign: *g, terms: x.termsOf(id.Campaign(), p.Version)}
	c := &h.coupon
	end := Until(c, h.terms, &h.campaign)
	if allow == guardGrace {
		end += uint64(h.terms.GraceMs)
	}
	giftOpen := allow == guardGift && c.Status == Gifted
	switch {
	case c.Status == Redeemed:
		return h, AlreadyRedeemed
	case x.now >= end:
		return h, Expired
	case key != c.Owner && !(giftOpen && key == c.GiftKey):
		return h, NotOwner
	case seq != c.Seq:
		return h, StaleSeq
	case c.Status != Held && !giftOpen:
		return h, WrongState
	}
	return h, OK
}
