package coupon

import (
	"fmt"
	"slices"
)

// KindCampaignPublish is the kind of CampaignPublish.
const KindCampaignPublish Kind = 1

// EventCampaignPublished says that a campaign was published.
const EventCampaignPublished EventType = 1

var campaignPublishKind = kindSpec{
	name:    "CampaignPublish",
	since:   Version1,
	decode:  func(d decoder) Fields { return &CampaignPublish{Terms: d.terms()} },
	witness: byMembers,
	receipt: []Part{PartCampaign},
	events:  []eventSpec{{EventCampaignPublished, "campaign.published"}},
	tally:   TallyOther,
}

// CampaignPublish offers a new campaign under Terms.
type CampaignPublish struct{ Terms Terms }

// Kind returns KindCampaignPublish.
func (*CampaignPublish) Kind() Kind { return KindCampaignPublish }

func (f *CampaignPublish) appendTo(b []byte) []byte { return f.Terms.AppendTo(b) }

func (*CampaignPublish) expiry() (ms uint64, fixed bool) { return 0, false }

func (*CampaignPublish) keys() [][32]byte { return nil }

func (*CampaignPublish) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*CampaignPublish) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*CampaignPublish) about() Subject { return Subject{} }

func (*CampaignPublish) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (f *CampaignPublish) shown() string { return f.Terms.Title }

// mark has nothing to return: the number of the campaign is not in the transaction.
func (*CampaignPublish) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *CampaignPublish) asks(n Names) string {
	return fmt.Sprintf("publish %q of %s", f.Terms.Title, n.Member(f.Terms.Issuer))
}

// MustSign lists the members that must sign the publication of a campaign, each once:
// the issuer, the funders and, where they bear a part, the members of the shops.
func (t *Terms) MustSign() []uint16 {
	ids := []uint16{t.Issuer}
	add := func(id uint16) {
		if !contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, f := range t.Funders {
		add(f.Member)
	}
	if t.ReimburseBps < BpsMax {
		for _, s := range t.Shops {
			add(s.Member)
		}
	}
	return ids
}

func (f *CampaignPublish) execute(x *exec, tx *Tx, out *Outcome) Code {
	t := &f.Terms
	if c := x.memberSigned(tx, t.Issuer, RoleIssuer, t.MustSign(), false); c != OK {
		return c
	}
	if t.Check() != nil || !x.partiesFit(t, nil) {
		return BadTerms
	}
	if t.ClaimFrom >= t.ClaimUntil || t.ClaimUntil > t.RedeemUntil || t.RedeemFrom >= t.RedeemUntil ||
		t.RedeemUntil > x.now+RedeemAheadMsMax || x.now >= t.ClaimUntil {
		return BadWindow
	}
	if x.version >= Version2 {
		for _, fu := range t.Funders {
			if x.overdue(fu.Member) {
				return PayerOverdue
			}
		}
	}
	shares := t.FunderShares()
	for i, fu := range t.Funders {
		var row Funding
		if p := x.funding.get(x, fundingID{fu.Member, t.Currency}); p != nil {
			row = *p
		}
		if row.Limit < row.Locked || row.Limit-row.Locked < shares[i] {
			return Underfunded
		}
	}
	params := x.params.get(x, struct{}{})
	if params == nil || params.NextCampaign == 1<<32-1 {
		return Overflow
	}
	next := *params
	out.Campaign = next.NextCampaign
	next.NextCampaign++
	x.params.put(x, struct{}{}, next)
	for i, fu := range t.Funders {
		if id := (fundingID{fu.Member, t.Currency}); shares[i] > 0 {
			row := *x.funding.get(x, id)
			row.Locked += shares[i]
			x.funding.put(x, id, row)
		}
	}
	x.terms.put(x, termsID{out.Campaign, 1}, *t)
	g := Campaign{Issuer: t.Issuer, Version: 1, NextSerial: 1, RedeemUntil: t.RedeemUntil}
	x.campaigns.put(x, out.Campaign, g)
	if x.version >= Version2 {
		x.money.put(x, out.Campaign, newMoney(t))
		x.ends.put(x, endID{End(t, &g), out.Campaign}, struct{}{})
	}
	return OK
}

// partiesFit is the part of E201 that looks at the state: the currency is
// listed, funders exist and are ACTIVE, shops exist and, unless they were listed before,
// are merchants.
func (x *exec) partiesFit(t *Terms, before []Shop) bool {
	if !x.lists(t.Currency) {
		return false
	}
	for _, f := range t.Funders {
		if m := x.members.get(x, f.Member); m == nil || m.State != MemberActive {
			return false
		}
	}
	for _, s := range t.Shops {
		m := x.members.get(x, s.Member)
		if m == nil || m.Roles&RoleMerchant == 0 && !slices.Contains(before, s) {
			return false
		}
	}
	return true
}
