package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/network"
)

// holding is a coupon of somebody, as the scene knows it.
type holding struct {
	owner *person
	offer *offer
	id    coupon.CouponID
	n     uint32 // number of its key
	key   coupon.Signer
	seq   uint32
}

// held is the coupon as its holder signs for it.
func (h *holding) held() actions.Held { return actions.Held{Coupon: h.id, Seq: h.seq} }

// name is the coupon with the number of its key, as links name it.
func (h *holding) name() string { return fmt.Sprintf("%d.%d", h.id, h.n) }

// director sets the scene.
type director struct {
	cast
	ctx    context.Context
	desk   *desk.Desk
	client *client.Client
	report func(what string)

	people  map[string]*person
	offers  map[string]*offer
	numbers map[string]uint32 // of the campaigns, by name
	gift    Link
}

// SetScene sets the scene on a running network that is fresh, and returns the links to
// it. The tickets come from the desk. report is told what happens.
func SetScene(ctx context.Context, n *network.Network, d *desk.Desk, report func(what string)) ([]Link, error) {
	c, err := client.New(n.Dev().Genesis.Raw, n.URLs(), client.WithPatience(5*time.Second))
	if err != nil {
		return nil, err
	}
	x := &director{cast: castOf(n.Dev()), ctx: ctx, desk: d, client: c, report: report,
		people: make(map[string]*person), offers: make(map[string]*offer), numbers: make(map[string]uint32)}
	for _, name := range holders() {
		if x.people[name], err = newPerson(name); err != nil {
			return nil, err
		}
	}
	if err := x.show(); err != nil {
		return nil, err
	}
	if err := x.publish(); err != nil {
		return nil, err
	}
	if err := x.play(); err != nil {
		return nil, err
	}
	ticket, err := x.looseTicket("five")
	if err != nil {
		return nil, err
	}
	return append(append(x.wallets(), staff(n)...),
		poster(x.numbers["coffee"], "a coffee for whoever taps"), ticket, x.gift), nil
}

// submit hands in a transaction and wants it accepted.
func (x *director) submit(what string, tx []byte) (*client.Receipt, error) {
	ctx, cancel := context.WithTimeout(x.ctx, stepTimeout)
	defer cancel()
	x.report(what)
	r, err := x.client.Submit(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("set the scene: %s: %w", what, err)
	}
	return r, nil
}

// giveTerms hands the text of a campaign's terms to the nodes.
func (x *director) giveTerms(campaign uint32, title string) error {
	ctx, cancel := context.WithTimeout(x.ctx, stepTimeout)
	defer cancel()
	if _, err := x.client.PublishTermsText(ctx, campaign, 0, termsText(title)); err != nil {
		return fmt.Errorf("set the scene: %w", err)
	}
	return nil
}

// publish opens all campaigns and gives the desk its batches.
func (x *director) publish() error {
	for _, o := range offers(nowMs()) {
		signer := x.admin(o.terms.Issuer)
		r, err := x.submit(o.terms.Title, actions.SignedCampaign(x.chain, soon(), o.terms, signer))
		if err != nil {
			return err
		}
		number := r.Outcome.Campaign
		x.offers[o.name], x.numbers[o.name] = &o, number
		if err := x.giveTerms(number, o.terms.Title); err != nil {
			return err
		}
		if o.batch > 0 {
			if err := x.commit(number, o); err != nil {
				return err
			}
		}
		if o.name == "bread" { // before its time is over
			if _, err := x.claim("Bo", "bread"); err != nil {
				return err
			}
		}
		if o.close {
			tx := actions.SignedControl(x.chain, soon(), coupon.KindCampaignClose, number, signer)
			if _, err := x.submit("closing "+o.terms.Title, tx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *director) commit(campaign uint32, o offer) error {
	key := x.desk.KeyFor(campaign, 1)
	r, err := x.submit("tickets of "+o.terms.Title, actions.SignedBatch(x.chain, soon(), campaign, 1, o.batch, key,
		x.admin(o.terms.Issuer)))
	if err != nil {
		return err
	}
	err = x.desk.Serve(desk.Batch{Campaign: campaign, Issuer: o.terms.Issuer, Number: r.Outcome.Batch, First: 1,
		Count: o.batch, TicketKey: key, Expires: o.terms.ClaimUntil}, nowMs())
	if errors.Is(err, desk.ErrEnded) { // the story has campaigns that are over
		return nil
	}
	return err
}

// claim lets somebody claim a coupon with a ticket of the desk.
func (x *director) claim(who, name string) (*holding, error) {
	p, o, campaign := x.people[who], x.offers[name], x.numbers[name]
	key, n, err := p.key(campaign, o.terms.HolderCap > 0)
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	rand.Read(seed[:])
	claim := coupon.NewSigner(seed)
	t, err := x.desk.Ticket(campaign, claim.Key, nowMs())
	if err != nil {
		return nil, fmt.Errorf("set the scene: a ticket of %s for %s: %w", o.terms.Title, who, err)
	}
	r, err := x.submit(who+" claims "+o.terms.Title, actions.SignedClaim(x.chain, soon(),
		actions.Ticket{Ticket: t.Ticket, Key: t.TicketKey, Signature: t.Signature, Claim: claim}, key.Key))
	if err != nil {
		return nil, err
	}
	return &holding{owner: p, offer: o, id: r.Outcome.Coupon, n: n, key: key}, nil
}

// bill is what somebody buys at a till, numbered as in the genesis file.
type bill struct {
	till               int
	basis, unit, value uint64
	show               bool // the customer's code was scanned; else the till's invoice
}

// redeem uses a coupon.
func (x *director) redeem(h *holding, b bill) error {
	till := x.till(b.till)
	sale := actions.Bill{Campaign: h.id.Campaign(), Currency: h.offer.terms.Currency, Basis: b.basis,
		BasketHash: actions.BasketHash([]byte("a bill of the demonstration"))}
	if b.unit > 0 {
		sale.Qty, sale.Unit = 1, b.unit
	}
	tx := actions.SignedRedemption(x.chain, till, sale, h.held(), h.key, b.value, soon())
	if b.show {
		code := actions.SignedShowCode(x.chain, h.held(), h.key, h.offer.terms.ShowMax, 0, soon())
		tx = actions.SignedRedeemShown(x.chain, till, sale, soon(), code)
	}
	r, err := x.submit(h.owner.name+" uses "+h.offer.terms.Title, tx)
	if err != nil {
		return err
	}
	if r.Outcome.Value != b.value {
		return fmt.Errorf("set the scene: %s: %d were taken, not %d", h.offer.terms.Title, r.Outcome.Value, b.value)
	}
	h.seq++
	if r.Outcome.UsesLeft == 0 {
		h.owner.used = append(h.owner.used, h.name())
	}
	return nil
}

// void undoes the last redemption of a coupon, by the till of a manager.
func (x *director) void(h *holding, till int) error {
	last := actions.Held{Coupon: h.id, Seq: h.seq - 1}
	tx := actions.SignedVoid(x.chain, soon(), last, x.till(till))
	if _, err := x.submit("undoing "+h.offer.terms.Title, tx); err != nil {
		return err
	}
	h.seq++
	h.owner.used = slices.DeleteFunc(h.owner.used, func(s string) bool { return s == h.name() })
	return nil
}

// give offers a coupon as a gift and returns what the link carries.
func (x *director) give(h *holding) (g coupon.GiftPayload, err error) {
	secret := h.owner.wallet.Secret()
	g = actions.GiftOf(x.chain, h.held(), secret[:])
	_, err = x.submit(h.owner.name+" gives "+h.offer.terms.Title, actions.SignedTransfer(x.chain, soon(), h.held(),
		h.key, actions.GiftSigner(x.chain, g).Key, nowMs()+7*dayMs))
	h.seq++
	return g, err
}

// accept moves a gift to somebody's own key.
func (x *director) accept(h *holding, g coupon.GiftPayload, who string) error {
	p := x.people[who]
	key, n, err := p.key(h.id.Campaign(), h.offer.terms.HolderCap > 0)
	if err != nil {
		return err
	}
	_, err = x.submit(who+" accepts "+h.offer.terms.Title, actions.SignedTransfer(x.chain, soon(), h.held(),
		actions.GiftSigner(x.chain, g), key.Key, 0))
	h.owner, h.key, h.n = p, key, n
	h.seq++
	return err
}

// looseTicket commits one more ticket of a campaign, printed as a link of its own.
func (x *director) looseTicket(name string) (Link, error) {
	var seed [32]byte
	rand.Read(seed[:])
	key, o, campaign := coupon.NewSigner(seed), x.offers[name], x.numbers[name]
	serial := o.batch + 1
	r, err := x.submit("a single ticket", actions.SignedBatch(x.chain, soon(), campaign, serial, 1, key.Key,
		x.admin(o.terms.Issuer)))
	if err != nil {
		return Link{}, err
	}
	t := actions.SignedTicket(x.chain, coupon.TicketPayload{Campaign: campaign, Batch: r.Outcome.Batch, Serial: serial,
		Expires: o.terms.ClaimUntil}, key)
	p := &coupon.Payload{Type: coupon.PayloadTicket, Ticket: t}
	return x.payloadLink("ticket", p, "one ticket: "+o.terms.Title), nil
}
