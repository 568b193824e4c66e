package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
)

// lapseSoonMs is how long the coupon lives that is to expire.
const lapseSoonMs = 3000

// Settings change what a trigger does.
type Settings struct {
	// Title and Face (minor units) are those of the campaign that is made for it.
	Title string
	Face  uint64
	// Bookshop lets the bookshop's till act instead of the bakery's.
	Bookshop bool
}

// Outcome is what a trigger has brought about.
type Outcome struct {
	Trigger string `json:"trigger"`
	// Event and Height are those of the accepted transaction, Code and Word those of a
	// refusal; Final says whether the refusal is a receipt.
	Event    string `json:"event,omitempty"`
	Code     string `json:"code"`
	Word     string `json:"word,omitempty"`
	Final    bool   `json:"final"`
	Tx       string `json:"tx"`
	Height   uint64 `json:"height,omitempty"`
	Campaign uint32 `json:"campaign,omitempty"`
	Coupon   uint64 `json:"coupon,omitempty,string"`
}

// trigger is a name and what is done for it. want is the code of the refusal.
type trigger struct {
	name string
	want coupon.Code
	do   func(*prompter) (*client.Receipt, error)
}

// triggers are all that Trigger knows: each event of version 1 of the rules, and the ten
// refusals that tills meet.
func triggers() []trigger {
	return []trigger{
		{"campaign.published", coupon.OK, func(p *prompter) (*client.Receipt, error) { return p.publish(nil) }},
		{"campaign.paused", coupon.OK, func(p *prompter) (*client.Receipt, error) {
			return p.control(coupon.KindCampaignPause)
		}},
		{"campaign.resumed", coupon.OK, func(p *prompter) (*client.Receipt, error) {
			return p.control(coupon.KindCampaignPause, coupon.KindCampaignResume)
		}},
		{"campaign.closed", coupon.OK, func(p *prompter) (*client.Receipt, error) {
			return p.control(coupon.KindCampaignClose)
		}},
		{"batch.committed", coupon.OK, func(p *prompter) (*client.Receipt, error) { return p.batch(nil) }},
		{"till.added", coupon.OK, (*prompter).addTill},
		{"till.revoked", coupon.OK, (*prompter).revokeTill},
		{"coupon.claimed", coupon.OK, func(p *prompter) (*client.Receipt, error) { return p.claim(nil) }},
		{"coupon.transferred", coupon.OK, (*prompter).transfer},
		{"coupon.refreshed", coupon.OK, func(p *prompter) (*client.Receipt, error) {
			return p.held(nil, func() (*client.Receipt, error) { return p.people.Refresh(p.ctx, p.coupon, p.owner) })
		}},
		{"gift.offered", coupon.OK, (*prompter).offer},
		{"gift.accepted", coupon.OK, (*prompter).accept},
		{"gift.taken_back", coupon.OK, (*prompter).takeBack},
		{"redemption.accrued", coupon.OK, func(p *prompter) (*client.Receipt, error) { return p.redeem(nil) }},
		{"redemption.voided", coupon.OK, (*prompter).void},
		{"already_redeemed", coupon.AlreadyRedeemed, (*prompter).redeemTwice},
		{"expired", coupon.Expired, (*prompter).expire},
		{"not_started", coupon.NotYetValid, func(p *prompter) (*client.Receipt, error) {
			return p.redeem(func(t *coupon.Terms) { t.RedeemFrom = nowMs() + dayMs })
		}},
		{"wrong_shop", coupon.MerchantNotEligible, func(p *prompter) (*client.Receipt, error) {
			return p.redeem(func(t *coupon.Terms) { t.Shops = only(p.other) })
		}},
		{"amount_too_low", coupon.MinSpend, func(p *prompter) (*client.Receipt, error) {
			return p.redeem(func(t *coupon.Terms) { t.MinSpend = p.basis() + 1 })
		}},
		{"limit_reached", coupon.ShowLimit, (*prompter).showTooMuch},
		{"code_stale", coupon.StaleSeq, (*prompter).redeemStale},
		{"campaign_paused", coupon.CampaignNotActive, (*prompter).claimPaused},
		{"till_revoked", coupon.KeyState, (*prompter).redeemRevoked},
		{"given_away", coupon.WrongState, (*prompter).redeemOffered},
	}
}

// Triggers returns the names that Trigger knows: types of events, then words of refusals.
func Triggers() (names []string) {
	for _, t := range triggers() {
		names = append(names, t.name)
	}
	return names
}

// Trigger brings about an event or a refusal on a demonstration that runs, with a campaign
// of its own and people whom nobody knows, and returns what came of it. Whatever else
// comes is an error.
func Trigger(ctx context.Context, dev *genesis.DevNetwork, nodes []string, name string, s Settings) (*Outcome, error) {
	i := slices.IndexFunc(triggers(), func(t trigger) bool { return t.name == name })
	if i < 0 {
		return nil, fmt.Errorf("trigger: there is no outcome %q", name)
	}
	p, err := newPrompter(ctx, dev, nodes, s)
	if err != nil {
		return nil, fmt.Errorf("trigger %s: %w", name, err)
	}
	t := triggers()[i]
	r, err := t.do(p)
	o := &Outcome{Trigger: name, Campaign: p.campaign, Coupon: uint64(p.coupon.Coupon)}
	var refusal *client.Refusal
	switch {
	case t.want == coupon.OK && err == nil:
		o.Event = r.Outcome.Event().String()
	case errors.As(err, &refusal) && refusal.Code == t.want:
		o.Word, o.Final = refusal.Code.Word(), refusal.Final
		r, o.Tx = refusal.Receipt, fmt.Sprintf("%x", refusal.ID)
	case err == nil:
		return nil, fmt.Errorf("trigger %s: it was accepted", name)
	default:
		return nil, fmt.Errorf("trigger %s: %w", name, err)
	}
	o.Code = t.want.String()
	if r != nil {
		o.Tx, o.Height, o.Final = fmt.Sprintf("%x", r.Outcome.ID), r.Height, t.want == coupon.OK || o.Final
	}
	return o, nil
}

// prompter brings things about. It prepares no more than each needs.
type prompter struct {
	cast
	ctx context.Context
	s   Settings

	issuer        actions.Issuer
	people        actions.Holder
	till, manager actions.Till
	other         uint16 // the merchant whose till it is not
	owner, ticket coupon.Signer

	terms    coupon.Terms
	campaign uint32
	coupon   actions.Held
	gift     coupon.GiftPayload
}

func newPrompter(ctx context.Context, dev *genesis.DevNetwork, nodes []string, s Settings) (*prompter, error) {
	p := &prompter{cast: castOf(dev), ctx: ctx, s: s, other: bookshop}
	till, manager := bakeryTill, bakeryManager
	if s.Bookshop {
		till, manager, p.other = bookshopTill, bookshopManager, bakery
	}
	if p.s.Face == 0 {
		p.s.Face = face
	}
	if p.s.Title == "" {
		p.s.Title = "A coupon to try things with"
	}
	c, err := client.New(dev.Genesis.Raw, nodes)
	if err != nil {
		return nil, err
	}
	p.issuer = actions.Issuer{Client: c, Signers: []coupon.MemberSigner{p.admin(mall)}}
	p.people.Client = c
	p.owner, p.ticket = anybody(), anybody()
	p.till, err = p.tillOf(nodes, p.cast.till(till))
	p.manager = actions.Till{Client: c, Key: p.cast.till(manager)}
	return p, err
}

// tillOf returns the till of a key, which logs in with it and has seen what people have.
func (p *prompter) tillOf(nodes []string, key coupon.Signer) (actions.Till, error) {
	c, err := client.New(p.dev.Genesis.Raw, nodes, client.WithTill(key), client.WithFloor(p.people.Client.Floor()))
	return actions.Till{Client: c, Key: key}, err
}

// anybody is a key that nobody else has.
func anybody() coupon.Signer {
	var seed [32]byte
	rand.Read(seed[:])
	return coupon.NewSigner(seed)
}

// basis is the bill to which the coupon applies.
func (p *prompter) basis() uint64 { return 2 * p.s.Face }

func (p *prompter) publish(change func(*coupon.Terms)) (r *client.Receipt, err error) {
	p.terms = complete(coupon.Terms{Issuer: mall, Title: p.s.Title, ValueKind: coupon.Amount, Face: p.s.Face,
		MaxSupply: 2}, nowMs()-hourMs)
	if change != nil {
		change(&p.terms)
	}
	p.campaign, r, err = p.issuer.Publish(p.ctx, p.terms)
	return r, err
}

func (p *prompter) control(ops ...coupon.Kind) (r *client.Receipt, err error) {
	if p.campaign == 0 {
		if _, err := p.publish(nil); err != nil {
			return nil, err
		}
	}
	for _, op := range ops {
		if r, err = p.issuer.Client.Submit(p.ctx, actions.SignedControl(p.chain, soon(), op, p.campaign,
			p.issuer.Signers...)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (p *prompter) batch(change func(*coupon.Terms)) (*client.Receipt, error) {
	if _, err := p.publish(change); err != nil {
		return nil, err
	}
	_, _, r, err := p.issuer.Release(p.ctx, p.campaign, 2, p.ticket.Key)
	return r, err
}

func (p *prompter) claim(change func(*coupon.Terms)) (*client.Receipt, error) {
	if _, err := p.batch(change); err != nil {
		return nil, err
	}
	return p.claimSerial(1)
}

func (p *prompter) claimSerial(serial uint32) (*client.Receipt, error) {
	t := actions.SignedTicket(p.chain, coupon.TicketPayload{Campaign: p.campaign, Batch: 1, Serial: serial,
		Expires: p.terms.ClaimUntil}, p.ticket)
	r, err := p.people.Claim(p.ctx, t, p.owner.Key)
	if err == nil {
		p.coupon = actions.Held{Coupon: r.Outcome.Coupon}
	}
	return r, err
}

// held does something with a coupon that was claimed.
func (p *prompter) held(change func(*coupon.Terms), do func() (*client.Receipt, error)) (*client.Receipt, error) {
	if _, err := p.claim(change); err != nil {
		return nil, err
	}
	return do()
}

func (p *prompter) transfer() (*client.Receipt, error) {
	return p.held(nil, func() (*client.Receipt, error) {
		return p.people.Transfer(p.ctx, p.coupon, p.owner, anybody().Key)
	})
}

func (p *prompter) offer() (*client.Receipt, error) {
	return p.held(nil, func() (*client.Receipt, error) {
		p.gift = coupon.GiftPayload{Coupon: p.coupon.Coupon}
		rand.Read(p.gift.Seed[:])
		return p.people.OfferGift(p.ctx, p.coupon, p.owner, p.gift, nowMs()+hourMs)
	})
}

func (p *prompter) accept() (*client.Receipt, error) {
	if _, err := p.offer(); err != nil {
		return nil, err
	}
	return p.people.AcceptGift(p.ctx, p.gift, anybody().Key)
}

func (p *prompter) takeBack() (*client.Receipt, error) {
	if _, err := p.offer(); err != nil {
		return nil, err
	}
	return p.people.Refresh(p.ctx, actions.Held{Coupon: p.coupon.Coupon, Seq: p.coupon.Seq + 1}, p.owner)
}

// pay redeems the coupon at a till.
func (p *prompter) pay(t actions.Till) (*client.Receipt, error) {
	b := actions.Bill{Campaign: p.campaign, Currency: currency, Basis: p.basis(),
		BasketHash: actions.BasketHash([]byte("a basket"))}
	return t.Client.Submit(p.ctx, actions.SignedRedemption(p.chain, t.Key, b, p.coupon, p.owner, p.s.Face, soon()))
}

func (p *prompter) redeem(change func(*coupon.Terms)) (*client.Receipt, error) {
	return p.held(change, func() (*client.Receipt, error) { return p.pay(p.till) })
}

func (p *prompter) void() (*client.Receipt, error) {
	if _, err := p.redeem(nil); err != nil {
		return nil, err
	}
	return p.manager.VoidRedemption(p.ctx, p.coupon)
}

func (p *prompter) redeemTwice() (*client.Receipt, error) {
	if _, err := p.redeem(nil); err != nil {
		return nil, err
	}
	p.coupon.Seq++
	return p.pay(p.till)
}

func (p *prompter) expire() (*client.Receipt, error) {
	until := nowMs() + lapseSoonMs
	return p.held(func(t *coupon.Terms) { t.ClaimUntil, t.RedeemUntil = until, until },
		func() (*client.Receipt, error) { // what counts is the chain's time, not this machine's
			for {
				if _, _, s, err := p.people.Client.Counts(p.ctx); err != nil || s.TimeMs >= until {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			return p.pay(p.till)
		})
}

func (p *prompter) showTooMuch() (*client.Receipt, error) {
	return p.held(func(t *coupon.Terms) { t.ShowMax = t.Face - 1 }, func() (*client.Receipt, error) {
		code := p.people.ShowCode(p.coupon, p.owner, p.s.Face, 0)
		till, err := p.tillOf(p.people.Client.Nodes(), p.till.Key) // it reads the coupon, at no lower height
		if err != nil {
			return nil, err
		}
		return till.RedeemShown(p.ctx, actions.Bill{Basis: p.basis(), BasketHash: actions.BasketHash(nil)}, code)
	})
}

func (p *prompter) redeemStale() (*client.Receipt, error) {
	return p.held(nil, func() (*client.Receipt, error) {
		if _, err := p.people.Refresh(p.ctx, p.coupon, p.owner); err != nil {
			return nil, err
		}
		return p.pay(p.till)
	})
}

func (p *prompter) claimPaused() (*client.Receipt, error) {
	if _, err := p.batch(nil); err != nil {
		return nil, err
	}
	if _, err := p.control(coupon.KindCampaignPause); err != nil {
		return nil, err
	}
	return p.claimSerial(1)
}

func (p *prompter) redeemOffered() (*client.Receipt, error) {
	if _, err := p.offer(); err != nil {
		return nil, err
	}
	p.coupon.Seq++
	return p.pay(p.till)
}

// merchant is whose till it is.
func (p *prompter) merchant() uint16 { return bakery + bookshop - p.other }

func (p *prompter) addTill() (*client.Receipt, error) {
	_, r, err := p.newTill()
	return r, err
}

func (p *prompter) newTill() (actions.Till, *client.Receipt, error) {
	key, now := anybody(), nowMs()
	t := coupon.TillKeyAdd{Member: p.merchant(), Store: 1, Rights: coupon.RightRedeem, Currency: currency,
		ValidFrom: now - hourMs, ValidUntil: now + dayMs, DayCap: coupon.MoneyMax, Label: "Till to try " +
			strconv.FormatUint(now%100_000, 10)}
	r, err := p.people.Client.Submit(p.ctx, actions.SignedTill(p.chain, soon(), t, key, p.admin(p.merchant())))
	if err != nil {
		return actions.Till{}, nil, err
	}
	till, err := p.tillOf(p.people.Client.Nodes(), key)
	return till, r, err
}

func (p *prompter) revokeTill() (*client.Receipt, error) {
	t, _, err := p.newTill()
	if err != nil {
		return nil, err
	}
	return p.revoke(t)
}

func (p *prompter) revoke(t actions.Till) (*client.Receipt, error) {
	return p.people.Client.Submit(p.ctx, actions.SignedTillRevoke(p.chain, soon(), p.merchant(), t.Key.Key,
		p.admin(p.merchant())))
}

func (p *prompter) redeemRevoked() (*client.Receipt, error) {
	t, _, err := p.newTill()
	if err == nil {
		_, err = p.revoke(t)
	}
	if err != nil {
		return nil, err
	}
	t.Client = p.people.Client // no node takes the key's login any more
	return p.held(nil, func() (*client.Receipt, error) { return p.pay(t) })
}
