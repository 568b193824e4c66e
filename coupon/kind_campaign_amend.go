package coupon

import (
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindCampaignAmend is the kind of CampaignAmend.
const KindCampaignAmend Kind = 12

// EventCampaignAmended says that a campaign has a new version of its terms.
const EventCampaignAmended EventType = 18

// VersionsMax is the most versions of terms that a campaign can have.
const VersionsMax uint16 = 1024

var campaignAmendKind = kindSpec{
	name:  "CampaignAmend",
	since: Version2,
	decode: func(d decoder) Fields {
		return &CampaignAmend{Campaign: d.Uint32(), Version: d.Uint16(), Terms: d.terms()}
	},
	witness:       byMembers,
	notFoundFirst: true,
	receipt:       []Part{PartCampaign, PartVersion},
	events:        []eventSpec{{EventCampaignAmended, "campaign.amended"}},
	tally:         TallyOther,
}

// CampaignAmend gives a campaign new terms, in nothing worse for holders than the present
// ones (rules 3.23). Version is the one that the terms will have.
type CampaignAmend struct {
	Campaign uint32
	Version  uint16
	Terms    Terms
}

// Kind returns KindCampaignAmend.
func (*CampaignAmend) Kind() Kind { return KindCampaignAmend }

func (f *CampaignAmend) appendTo(b []byte) []byte {
	return f.Terms.AppendTo(wire.AppendUint16(wire.AppendUint32(b, f.Campaign), f.Version))
}

func (*CampaignAmend) expiry() (ms uint64, fixed bool) { return 0, false }

func (*CampaignAmend) keys() [][32]byte { return nil }

func (*CampaignAmend) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*CampaignAmend) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (f *CampaignAmend) about() Subject { return Subject{Campaign: f.Campaign} }

func (*CampaignAmend) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (f *CampaignAmend) shown() string { return f.Terms.Title }

func (f *CampaignAmend) mark() (key []byte, unused func(row []byte) bool) {
	return CampaignKey(f.Campaign), func(row []byte) bool {
		g, err := DecodeCampaign(row)
		return len(row) == 0 || err == nil && g.Version < f.Version
	}
}

func (f *CampaignAmend) asks(Names) string {
	return fmt.Sprintf("give campaign %d version %d of its terms", f.Campaign, f.Version)
}

// MustSignAmend lists the members beside the issuer that must sign new terms: the funders
// and, where the first version let shops bear a part, the members of all shops of the new
// list. first and current are those versions.
func MustSignAmend(first, current, next *Terms) []uint16 {
	var ids []uint16
	add := func(id uint16) {
		if id != current.Issuer && !contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, f := range current.Funders {
		add(f.Member)
	}
	if first.ReimburseBps < BpsMax {
		for _, s := range next.Shops {
			add(s.Member)
		}
	}
	return ids
}

func (f *CampaignAmend) execute(x *exec, tx *Tx, out *Outcome) Code {
	p := x.campaigns.get(x, f.Campaign)
	if p == nil {
		return NotFound
	}
	if x.released(f.Campaign) {
		return CampaignNotActive
	}
	g, next := *p, &f.Terms
	old := x.termsOf(f.Campaign, g.Version)
	signers := MustSignAmend(x.termsOf(f.Campaign, 1), old, next)
	if c := x.memberSigned(tx, g.Issuer, RoleIssuer, signers, false); c != OK {
		return c
	}
	switch {
	case g.State == CampaignClosed, x.now >= End(old, &g), x.stopped(f.Campaign, g.Issuer):
		return CampaignNotActive
	case f.Version != g.Version+1, f.Version > VersionsMax, !Amends(old, next):
		return TermsLocked
	case next.Check() != nil, !x.partiesFit(next, old.Shops):
		return BadTerms
	case !amendWindows(old, next, x.now):
		return BadWindow
	}
	return x.amend(f, g, old, out)
}

// amendWindows is E202 of an amendment: as at publish, but claims may have begun, and may
// be over if their end does not move.
func amendWindows(old, next *Terms, now uint64) bool {
	return next.ClaimFrom < next.ClaimUntil && next.ClaimUntil <= next.RedeemUntil &&
		next.RedeemFrom < next.RedeemUntil && next.RedeemUntil <= now+RedeemAheadMsMax &&
		(next.ClaimUntil == old.ClaimUntil || now < next.ClaimUntil)
}

// amend checks the money of an amendment and makes its changes. A lock never falls, so
// what is paid stays within it.
func (x *exec) amend(f *CampaignAmend, g Campaign, old *Terms, out *Outcome) Code {
	for _, fu := range old.Funders {
		if x.overdue(fu.Member) {
			return PayerOverdue
		}
	}
	money, shares := x.moneyOf(f.Campaign, &g), f.Terms.FunderShares()
	rows := make([]Funding, len(shares))
	for i, fu := range old.Funders {
		if p := x.funding.get(x, fundingID{fu.Member, old.Currency}); p != nil {
			rows[i] = *p
		}
		lock := &money.Funders[i].Lock
		growth := max(*lock, shares[i]) - *lock
		if rows[i].Limit < rows[i].Locked || rows[i].Limit-rows[i].Locked < growth {
			return Underfunded
		}
		rows[i].Locked += growth
		*lock += growth
	}
	for i, fu := range old.Funders {
		if id := (fundingID{fu.Member, old.Currency}); x.funding.get(x, id) != nil {
			x.funding.put(x, id, rows[i])
		}
	}
	x.money.put(x, f.Campaign, money)
	g.Version, g.RedeemUntil = f.Version, f.Terms.RedeemUntil
	x.campaigns.put(x, f.Campaign, g)
	x.terms.put(x, termsID{f.Campaign, f.Version}, f.Terms)
	out.Campaign, out.Version = f.Campaign, f.Version
	return OK
}

// Amends reports whether terms may follow others (E203): they differ in more than their
// text, and only in what may move, in the direction that is no worse for holders
// (rules 3.23).
func Amends(old, next *Terms) bool {
	if !next.fixedAs(old) || !next.movesUp(old) {
		return false
	}
	a, b := *old, *next
	a.TermsHash, b.TermsHash = [32]byte{}, [32]byte{}
	return string(a.AppendTo(nil)) != string(b.AppendTo(nil))
}

// fixedAs reports whether all that no amendment moves is as it was.
func (t *Terms) fixedAs(old *Terms) bool {
	return t.Issuer == old.Issuer && slices.Equal(t.Funders, old.Funders) && t.Currency == old.Currency &&
		t.Title == old.Title && t.ValueKind == old.ValueKind && t.Reimburse == old.Reimburse &&
		t.RollbackMs == old.RollbackMs && (t.ProductHash == old.ProductHash || t.ProductHash == [32]byte{})
}

// movesUp reports whether all that has moved has become better for holders.
func (t *Terms) movesUp(old *Terms) bool {
	for _, pair := range [...][2]uint64{
		{old.Face, t.Face}, {uint64(old.Bps), uint64(t.Bps)}, {old.Ceiling, t.Ceiling},
		{uint64(old.Uses), uint64(t.Uses)}, {uint64(old.Get), uint64(t.Get)}, {old.Fee, t.Fee},
		{uint64(old.ReimburseBps), uint64(t.ReimburseBps)}, {old.ShowMax, t.ShowMax},
		{uint64(old.MaxSupply), uint64(t.MaxSupply)}, {old.Budget, t.Budget}, {old.ClaimUntil, t.ClaimUntil},
		{old.RedeemUntil, t.RedeemUntil}, {uint64(old.GraceMs), uint64(t.GraceMs)},
		{uint64(old.MaxTransfers), uint64(t.MaxTransfers)}, {uint64(old.ResaleBps), uint64(t.ResaleBps)},
		{uint64(old.Rounding), uint64(t.Rounding)}, {uint64(old.Transfer), uint64(t.Transfer)},
		// 0 is no limit and hence the top; one less than 0 is the largest number.
		{uint64(old.HolderCap) - 1, uint64(t.HolderCap) - 1}, {old.RelativeMs - 1, t.RelativeMs - 1},
		// These move down.
		{t.MinSpend, old.MinSpend}, {uint64(t.Buy), uint64(old.Buy)}, {t.ClaimFrom, old.ClaimFrom},
		{t.RedeemFrom, old.RedeemFrom},
	} {
		if pair[1] < pair[0] {
			return false
		}
	}
	return shopsGrow(old.Shops, t.Shops)
}

// shopsGrow reports whether the new list has all shops of the old one; the empty list has
// all there are, and stays.
func shopsGrow(old, next []Shop) bool {
	if len(old) == 0 || len(next) == 0 {
		return len(old) == len(next)
	}
	for _, s := range old {
		if !slices.Contains(next, s) {
			return false
		}
	}
	return true
}
