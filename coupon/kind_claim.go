package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindClaim is the kind of Claim.
const KindClaim Kind = 8

// EventCouponClaimed says that a ticket became a coupon.
const EventCouponClaimed EventType = 8

// TicketSize is the size of a ticket in bytes.
const TicketSize = 50

var claimKind = kindSpec{
	name:  "Claim",
	since: Version1,
	decode: func(d decoder) Fields {
		return &Claim{Ticket: d.ticket(), TicketKey: d.Bytes32(), To: d.Bytes32()}
	},
	witness: byKeys,
	further: 2,
	receipt: []Part{PartCoupon, PartOwner, PartUntil},
	events:  []eventSpec{{EventCouponClaimed, "coupon.claimed"}},
	tally:   TallyClaim,
}

// Ticket is the issuer's signed permission to claim one serial. ClaimKey is the
// key of the ticket's bearer.
type Ticket struct {
	Campaign uint32
	Batch    uint16
	Serial   uint32
	ClaimKey [32]byte
	Expires  uint64
}

// Claim turns a ticket into a coupon owned by To.
type Claim struct {
	Ticket    Ticket
	TicketKey [32]byte
	To        [32]byte
}

// Kind returns KindClaim.
func (*Claim) Kind() Kind { return KindClaim }

func (f *Claim) appendTo(b []byte) []byte {
	b = f.Ticket.AppendTo(b)
	b = append(b, f.TicketKey[:]...)
	return append(b, f.To[:]...)
}

// AppendTo appends the ticket's 50 bytes, which are also its signing body.
func (t *Ticket) AppendTo(b []byte) []byte {
	b = wire.AppendUint32(b, t.Campaign)
	b = wire.AppendUint16(b, t.Batch)
	b = wire.AppendUint32(b, t.Serial)
	b = append(b, t.ClaimKey[:]...)
	return wire.AppendUint64(b, t.Expires)
}

func (d decoder) ticket() Ticket {
	t := Ticket{Campaign: d.Uint32(), Batch: d.Uint16(), Serial: d.Uint32(), ClaimKey: d.Bytes32(), Expires: d.time()}
	d.require(t.Serial >= 1, "serial 0")
	return t
}

// DecodeTicket decodes the 50 bytes of a ticket; the error is E101.
func DecodeTicket(b []byte) (Ticket, error) {
	d := newDecoder(b)
	t := d.ticket()
	return t, d.closeObject()
}

func (*Claim) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *Claim) keys() [][32]byte { return [][32]byte{f.Ticket.ClaimKey, f.TicketKey, f.To} }

func (f *Claim) signatures(c Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck {
	ticket := c.Message(TagTicket, f.Ticket.AppendTo(make([]byte, 0, TicketSize)))
	return append(checks, SigCheck{f.TicketKey, ticket, tx.sigs[0]}, SigCheck{f.Ticket.ClaimKey, body, tx.sigs[1]})
}

// sender returns the batch's key: the claim key is new, and new keys cost nothing.
func (f *Claim) sender(*Tx) [32]byte { return f.TicketKey }

func (f *Claim) about() Subject {
	return Subject{f.Ticket.Campaign, NewCouponID(f.Ticket.Campaign, f.Ticket.Serial)}
}

func (*Claim) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*Claim) shown() string { return "" }

func (f *Claim) mark() (key []byte, unused func(row []byte) bool) {
	return CouponKey(f.about().Coupon), func(row []byte) bool { return len(row) == 0 }
}

func (f *Claim) asks(n Names) string {
	return fmt.Sprintf("claim coupon %s for %s", n.Coupon(f.about().Coupon), n.Holder(f.To))
}

func (f *Claim) execute(x *exec, _ *Tx, out *Outcome) Code {
	tk := &f.Ticket
	p := x.campaigns.get(x, tk.Campaign)
	if p == nil {
		return NotFound
	}
	batch := x.batches.get(x, batchID{tk.Campaign, tk.Batch})
	if batch == nil || batch.TicketKey != f.TicketKey || !batch.holds(tk.Serial) {
		return NotFound
	}
	if x.stopped(tk.Campaign, p.Issuer) || p.State != CampaignPublished || !x.memberActive(p.Issuer) ||
		!x.mayIssue(p.Issuer) {
		return CampaignNotActive
	}
	t := x.termsOf(tk.Campaign, p.Version)
	if x.now < t.ClaimFrom || x.now >= t.ClaimUntil || x.now >= tk.Expires {
		return ClaimWindow
	}
	id := NewCouponID(tk.Campaign, tk.Serial)
	if x.coupons.get(x, id) != nil {
		return AlreadyClaimed
	}
	var sum sums
	g := *p
	g.Committed = sum.add(g.Committed, t.Liability())
	if g.Committed > t.Budget {
		return BudgetExhausted
	}
	if t.HolderCap > 0 {
		if n := x.holders.get(x, holderID{tk.Campaign, f.To}); n != nil && *n >= t.HolderCap {
			return HolderLimit
		}
	}
	if g.Issued = sum.inc(g.Issued); sum.over {
		return Overflow
	}
	c := x.newCoupon(id, f.To, g.Version, t)
	x.campaigns.put(x, tk.Campaign, g)
	out.Coupon, out.Owner, out.Until = id, f.To, Until(&c, t, &g)
	return OK
}

// mayIssue reports whether a member has the role of an issuer, which version 1 of the
// rules, in which roles do not change, does not ask.
func (x *exec) mayIssue(member uint16) bool {
	return x.version < Version2 || x.members.get(x, member).Roles&RoleIssuer != 0
}

// SignTicket signs a ticket with the batch's ticket key.
func (c Chain) SignTicket(t Ticket, ticketKey Signer) [64]byte {
	return ticketKey.Sign(c.Message(TagTicket, t.AppendTo(nil)))
}

// NewClaim makes and signs the claim of a ticket for the owner to. claimKey is
// the ticket's claim key, which holds the claimant's choice of to.
func (c Chain) NewClaim(expires uint64, t Ticket, ticketKey [32]byte, ticketSig [64]byte,
	to [32]byte, claimKey Signer) []byte {
	body := c.Body(expires, &Claim{Ticket: t, TicketKey: ticketKey, To: to})
	claimSig := claimKey.Sign(c.Message(TagTx, body))
	return append(append(body, ticketSig[:]...), claimSig[:]...)
}
