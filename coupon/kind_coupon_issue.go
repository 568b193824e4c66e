package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindCouponIssue is the kind of CouponIssue.
const KindCouponIssue Kind = 13

// EventCouponIssued says that the issuer gave coupons to holders without tickets.
const EventCouponIssued EventType = 19

// IssueMax is the most coupons that one CouponIssue makes.
const IssueMax = 64

var couponIssueKind = kindSpec{
	name:  "CouponIssue",
	since: Version2,
	decode: func(d decoder) Fields {
		f := &CouponIssue{Campaign: d.Uint32()}
		n := d.Count(IssueMax, 32)
		d.require(n >= 1, "nobody to issue to")
		f.To = d.keys(n)
		return f
	},
	witness:       byMembers,
	notFoundFirst: true,
	receipt:       []Part{PartCampaign, PartFirst, PartCount},
	events:        []eventSpec{{EventCouponIssued, "coupon.issued"}},
	tally:         TallyOther,
}

// CouponIssue makes a coupon for each key of To, which may name one more than once. The
// coupons take the campaign's next serials (rules 3.24).
type CouponIssue struct {
	Campaign uint32
	To       [][32]byte
}

// Kind returns KindCouponIssue.
func (*CouponIssue) Kind() Kind { return KindCouponIssue }

func (f *CouponIssue) appendTo(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint32(b, f.Campaign), uint32(len(f.To)))
	for i := range f.To {
		b = append(b, f.To[i][:]...)
	}
	return b
}

func (*CouponIssue) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *CouponIssue) keys() [][32]byte { return f.To }

func (*CouponIssue) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*CouponIssue) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (f *CouponIssue) about() Subject { return Subject{Campaign: f.Campaign} }

func (*CouponIssue) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*CouponIssue) shown() string { return "" }

// mark has nothing to return: which serials it takes is not in the transaction.
func (*CouponIssue) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *CouponIssue) asks(Names) string {
	return fmt.Sprintf("issue %d coupons of campaign %d", len(f.To), f.Campaign)
}

func (f *CouponIssue) execute(x *exec, tx *Tx, out *Outcome) Code {
	p := x.campaigns.get(x, f.Campaign)
	if p == nil {
		return NotFound
	}
	if x.released(f.Campaign) {
		return CampaignNotActive
	}
	if c := x.memberSigned(tx, p.Issuer, RoleIssuer, nil, false); c != OK {
		return c
	}
	g, t, n := *p, x.termsOf(f.Campaign, p.Version), uint32(len(f.To))
	var sum sums
	g.Committed = sum.add(g.Committed, uint64(n)*t.Liability())
	switch {
	case g.State != CampaignPublished:
		return CampaignNotActive
	case x.now < t.ClaimFrom, x.now >= t.ClaimUntil:
		return ClaimWindow
	case uint64(g.NextSerial)+uint64(n)-1 > uint64(t.MaxSupply):
		return SupplyExhausted
	case g.Committed > t.Budget:
		return BudgetExhausted
	case !x.capsHold(f, t):
		return HolderLimit
	}
	out.Campaign, out.Serial, out.Count = f.Campaign, g.NextSerial, n
	g.NextSerial += n
	for range n {
		g.Issued = sum.inc(g.Issued)
	}
	if sum.over {
		return Overflow
	}
	x.campaigns.put(x, f.Campaign, g)
	for i, to := range f.To {
		x.newCoupon(NewCouponID(f.Campaign, out.Serial+uint32(i)), to, g.Version, t)
	}
	return OK
}

// capsHold reports whether each key may have as many more coupons as the list gives it.
func (x *exec) capsHold(f *CouponIssue, t *Terms) bool {
	if t.HolderCap == 0 {
		return true
	}
	for i, to := range f.To {
		n := 0
		if p := x.holders.get(x, holderID{f.Campaign, to}); p != nil {
			n = int(*p)
		}
		for _, other := range f.To[:i+1] {
			if other == to {
				n++
			}
		}
		if n > int(t.HolderCap) {
			return false
		}
	}
	return true
}

// newCoupon makes a coupon under the current terms and counts it for its owner.
func (x *exec) newCoupon(id CouponID, to [32]byte, version uint16, t *Terms) Coupon {
	c := Coupon{Owner: to, Version: version, UsesLeft: t.Uses, ClaimedAt: x.now, TransfersLeft: t.MaxTransfers}
	if t.ValueKind == Stored {
		c.ValueLeft = t.Face
	}
	if t.HolderCap > 0 {
		holder, claims := holderID{id.Campaign(), to}, uint16(0)
		if p := x.holders.get(x, holder); p != nil {
			claims = *p
		}
		x.holders.put(x, holder, claims+1)
	}
	x.coupons.put(x, id, c)
	return c
}
