package coupon

import (
	"bytes"
	"testing"
)

func TestDerivedStates(t *testing.T) {
	s := newScene()
	end := s.campaign.RedeemUntil
	gift := *s.coupon
	gift.Status, gift.GiftKey, gift.GiftUntil = Gifted, keyOf("gift").Key, t0+10
	used := *s.coupon
	used.Status, used.UsesLeft = Redeemed, 0
	for _, c := range []struct {
		name   string
		coupon Coupon
		now    uint64
		want   string
	}{
		{"held", *s.coupon, end - 1, "HELD"}, {"at its end", *s.coupon, end, "EXPIRED"},
		{"gift", gift, t0 + 9, "GIFTED"}, {"lapsed gift", gift, t0 + 10, "HELD"},
		{"used", used, t0, "REDEEMED"}, {"used and past its end", used, end, "REDEEMED"},
	} {
		if got := c.coupon.StatusAt(&s.terms, s.campaign, c.now); got != c.want {
			t.Errorf("%s is %s, want %s", c.name, got, c.want)
		}
	}
	campaign := func(want string, now uint64, set func(*Campaign)) {
		t.Helper()
		g := *s.campaign
		set(&g)
		if got := g.StatusAt(&s.terms, now); got != want {
			t.Errorf("the campaign is %s, want %s", got, want)
		}
	}
	campaign("PUBLISHED", t0, func(*Campaign) {})
	campaign("PAUSED", t0, func(g *Campaign) { g.State = CampaignPaused })
	campaign("EXHAUSTED", t0, func(g *Campaign) { g.Issued = s.terms.MaxSupply })
	campaign("EXHAUSTED", t0, func(g *Campaign) { g.Committed = s.terms.Budget - s.terms.Liability() + 1 })
	campaign("PUBLISHED", t0, func(g *Campaign) { g.Committed = s.terms.Budget - s.terms.Liability() })
	last := End(&s.terms, s.campaign)
	campaign("CLOSED", last-1, func(g *Campaign) { g.State = CampaignClosed })
	campaign("ENDED", last, func(g *Campaign) { g.State = CampaignClosed })
	r := *s.redemption
	if a, b := r.StatusAt(r.FinalAt-1), r.StatusAt(r.FinalAt); a != "ACCRUED" || b != "FINAL" {
		t.Errorf("the redemption is %s, then %s", a, b)
	}
	if r.State = Voided; r.StatusAt(r.FinalAt) != "VOIDED" {
		t.Errorf("a voided redemption is %s", r.StatusAt(r.FinalAt))
	}
}

func TestRowKeysParse(t *testing.T) {
	key := keyOf("holder").Key
	id := NewCouponID(7, 3)
	for _, c := range []struct {
		key  []byte
		want RowKey
	}{
		{ParamsKey(), RowKey{Prefix: PrefixParams}},
		{MemberKey(3), RowKey{Prefix: PrefixMember, Member: 3}},
		{FundingKey(3, usd), RowKey{Prefix: PrefixFunding, Member: 3, Currency: usd}},
		{TillKey(key), RowKey{Prefix: PrefixTill, Key: key}},
		{CampaignKey(7), RowKey{Prefix: PrefixCampaign, Campaign: 7}},
		{TermsKey(7, 2), RowKey{Prefix: PrefixTerms, Campaign: 7, Version: 2}},
		{BatchKey(7, 2), RowKey{Prefix: PrefixBatch, Campaign: 7, Batch: 2}},
		{CouponKey(id), RowKey{Prefix: PrefixCoupon, Campaign: 7, Coupon: id}},
		{HolderKey(7, key), RowKey{Prefix: PrefixHolder, Campaign: 7, Key: key}},
		{RedemptionKey(id, 9), RowKey{Prefix: PrefixRedemption, Campaign: 7, Coupon: id, Seq: 9}},
		{ObligationKey(5, 7, 3), RowKey{Prefix: PrefixObligation, Cycle: 5, Campaign: 7, Payee: 3}},
		{SeenKey(8), RowKey{Prefix: PrefixSeen, Bucket: 8}},
	} {
		if got, err := ParseRowKey(c.key); err != nil || got != c.want {
			t.Errorf("%x is %+v, %v", c.key, got, err)
		}
		if _, err := ParseRowKey(append(bytes.Clone(c.key), 0)); err == nil {
			t.Errorf("%x with a byte more was accepted", c.key)
		}
	}
	for _, key := range [][]byte{nil, {0}, {0x0f}, {PrefixCoupon}} {
		if _, err := ParseRowKey(key); err == nil {
			t.Errorf("%x was accepted", key)
		}
	}
}
