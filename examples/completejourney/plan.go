package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/coupon"
)

// faceOf is the rule of face values, in minor units: the data has none.
func faceOf(kind string) uint64 {
	switch kind {
	case "Type A":
		return 200
	case "Type B":
		return 100
	}
	return 50
}

// faceRule is faceOf in words.
const faceRule = "2.00 in campaigns of type A, 1.00 of type B, 0.50 of every other"

// ticketPlan is one ticket: of a coupon that the household redeems, or of one that
// it leaves unclaimed.
type ticketPlan struct {
	household string
	serial    uint32
	seed      [16]byte
	redeem    *fileRedemption // nil: stays unclaimed
	nth       int             // among the household's redemptions of this coupon in this campaign
}

// campaignPlan is what a replay does for a campaign. Everything in it follows from
// the data and the issuer's key, so that every replay of the same folder plans the
// same.
type campaignPlan struct {
	file    *fileCampaign
	doc     string // its public terms; their hash finds it again on the chain
	desk    coupon.Signer
	tickets []ticketPlan
	face    uint64
	number  uint32 // on the chain, when known
	batch   uint16
	// Of the campaign's row when the replay began, which spares asking for what
	// cannot be there.
	claimUntil           uint64
	untouched, unclaimed bool // no coupon was redeemed, none claimed
}

// plan is a whole replay.
type plan struct {
	chain     coupon.Chain
	root      [32]byte
	campaigns []*campaignPlan
}

// newPlan plans the replay of a folder. secret is that of the issuer.
func newPlan(f *folder, chain coupon.Chain, secret [32]byte) *plan {
	p := &plan{chain: chain}
	p.root = p.derive(secret, "folder", hex.EncodeToString(f.digest[:]))
	for _, c := range f.campaigns {
		x := &campaignPlan{file: c, face: faceOf(c.kind), doc: fmt.Sprintf(
			"Campaign %s (%s) of the data %x: %d days, %d minor units off, goods %x.", c.id, c.kind, f.digest, c.days,
			faceOf(c.kind), c.products)}
		x.desk = coupon.NewSigner(p.key("desk", c.id))
		x.tickets = p.tickets(f, c)
		p.campaigns = append(p.campaigns, x)
	}
	return p
}

// tickets plans the tickets of a campaign: each household that received it gets one
// for each coupon that it is going to redeem, and one if there is none.
func (p *plan) tickets(f *folder, c *fileCampaign) (all []ticketPlan) {
	wanted := make(map[string][]*fileRedemption)
	for i := range f.redemptions {
		if r := &f.redemptions[i]; r.campaign == c.id {
			wanted[r.household] = append(wanted[r.household], r)
		}
	}
	seen := make(map[string]int)
	add := func(household string, r *fileRedemption) {
		t := ticketPlan{household: household, serial: uint32(len(all) + 1), redeem: r}
		upc := ""
		if r != nil {
			upc = r.upc
		}
		name := household + "/" + upc
		t.nth = seen[name]
		seen[name]++
		seed := p.key("ticket", c.id, household, upc, strconv.Itoa(t.nth))
		t.seed = [16]byte(seed[:16])
		all = append(all, t)
	}
	for _, household := range c.receivers {
		redeems := wanted[household]
		delete(wanted, household) // a household listed twice gets a second ticket, not its coupons again
		if len(redeems) == 0 {
			add(household, nil)
		}
		for _, r := range redeems {
			add(household, r)
		}
	}
	return all
}

// derive returns a secret for a purpose.
func (p *plan) derive(from [32]byte, parts ...string) (secret [32]byte) {
	info := "completejourney/v1"
	for _, s := range parts {
		info += fmt.Sprintf("/%d:%s", len(s), s) // prefix-free
	}
	b, err := hkdf.Key(sha256.New, from[:], p.chain.Digest[:], info, 32)
	if err != nil {
		panic("derive a secret: " + err.Error()) // sizes are constants
	}
	return [32]byte(b)
}

func (p *plan) key(parts ...string) [32]byte { return p.derive(p.root, parts...) }

// terms are a campaign's rules. It begins at the last full hour and lasts as many
// days as in the data.
func (p *plan) terms(c *campaignPlan, issuer uint16, currency coupon.Currency, now time.Time) coupon.Terms {
	from := uint64(now.Truncate(time.Hour).UnixMilli())
	until := from + uint64(c.file.days)*uint64((24*time.Hour).Milliseconds())
	n := uint64(len(c.tickets))
	return coupon.Terms{
		Issuer: issuer, Funders: []coupon.Funder{{Member: issuer, ShareBps: coupon.BpsMax}}, Currency: currency.Number,
		Title:     clipped(fmt.Sprintf("Campaign %s (%s)", c.file.id, c.file.kind)),
		TermsHash: sha256.Sum256([]byte(c.doc)), ProductHash: c.file.products, ValueKind: coupon.Amount, Face: c.face,
		Uses:         1,
		ReimburseBps: coupon.BpsMax, ShowMax: c.face, MaxSupply: uint32(max(1, n)), Budget: max(1, n) * c.face,
		ClaimFrom: from, ClaimUntil: until, RedeemFrom: from, RedeemUntil: until,
		RollbackMs: uint64((72 * time.Hour).Milliseconds()),
	}
}

func clipped(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), coupon.TitleSizeMax)], "")
}

// coupon returns the id of a ticket's coupon.
func (c *campaignPlan) coupon(t *ticketPlan) coupon.CouponID {
	return coupon.NewCouponID(c.number, t.serial)
}

// owner returns the household's key for one coupon.
func (p *plan) owner(c *campaignPlan, t *ticketPlan) coupon.Signer {
	return coupon.NewSigner(p.key("coupon", c.file.id, t.household, t.redeem.upc, strconv.Itoa(t.nth)))
}

// claim makes the transaction that claims a ticket.
func (p *plan) claim(c *campaignPlan, t *ticketPlan, until, expires uint64) []byte {
	ticket := actions.SignedTicket(p.chain, coupon.TicketPayload{Campaign: c.number, Batch: c.batch, Serial: t.serial,
		Expires: until, Seed: t.seed}, c.desk)
	return actions.SignedClaim(p.chain, expires, actions.TicketOf(p.chain, ticket, c.desk.Key), p.owner(c, t).Key)
}

// redeem makes a redemption of a ticket's coupon at a till. Both modes occur: every
// second coupon is shown, the others authorise the till's invoice.
func (p *plan) redeem(c *campaignPlan, t *ticketPlan, till coupon.Signer, currency uint16, expires uint64) []byte {
	held, holder := actions.Held{Coupon: c.coupon(t)}, p.owner(c, t)
	bill := t.redeem.household + "," + t.redeem.upc + "," + t.redeem.campaign + "," + t.redeem.date
	salt := p.key("salt", bill, strconv.Itoa(t.nth), hex.EncodeToString(till.Key[:]))
	sale := actions.Bill{Campaign: c.number, Currency: currency, Basis: 3 * c.face,
		BasketHash: coupon.BasketHash([16]byte(salt[:16]), []byte(bill))}
	if t.serial%2 == 0 {
		code := actions.SignedShowCode(p.chain, held, holder, c.face, 0, expires)
		return actions.SignedRedeemShown(p.chain, till, sale, expires, code)
	}
	return actions.SignedRedemption(p.chain, till, sale, held, holder, c.face, expires)
}

// redeemed are the tickets of a campaign whose coupons are redeemed.
func (c *campaignPlan) redeemed() (all []*ticketPlan) {
	for i := range c.tickets {
		if c.tickets[i].redeem != nil {
			all = append(all, &c.tickets[i])
		}
	}
	return slices.Clip(all)
}
