package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/network"
)

// Step is one thing that happened.
type Step struct {
	// Name is a word for programs, What and Detail are for people.
	Name   string `json:"step"`
	What   string `json:"what"`
	Detail string `json:"detail,omitempty"`
	// Ms is how long it took, in milliseconds: for a transaction until its proof was
	// verified, with what had to be read before.
	Ms     float64 `json:"ms"`
	Code   string  `json:"code,omitempty"`
	Height uint64  `json:"height,omitempty"`
	Tx     string  `json:"tx,omitempty"`
}

// face is the value of the coupon, in cents.
const face = 500

// player plays the story.
type player struct {
	cast
	ctx    context.Context
	net    *network.Network
	report func(Step)

	issuer                    actions.Issuer
	holder                    actions.Holder // whoever it is
	bakery, bookshop, manager actions.Till

	campaign uint32
	id       coupon.CouponID
	ticket   string // as it stands in the ticket's QR code
	gift     string // as it stands behind the # of the gift's link
	redeemTx []byte
	redeemed *client.Receipt
}

// Play plays the story on a running network that is fresh. report is told of each
// step when it has come out; the first step that does not ends the story with an
// error that names it.
func Play(ctx context.Context, n *network.Network, report func(Step)) error {
	p := &player{cast: castOf(n.Dev()), ctx: ctx, net: n, report: report}
	if err := p.connect(); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		play func(ctx context.Context) error
	}{
		{"publish", p.publish}, {"batch", p.batch}, {"claim", p.claim}, {"offer", p.offer}, {"accept", p.accept},
		{"kill", p.kill}, {"redeem", p.redeem}, {"refuse", p.redeemAgain}, {"void", p.void}, {"state", p.state},
		{"verify", p.verify}, {"restart", p.restart},
	} {
		ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
		err := step.play(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("step %q of the story: %w", step.name, err)
		}
	}
	return nil
}

// connect makes the clients. Everybody asks another validator first.
func (p *player) connect() (err error) {
	urls := p.net.URLs()
	from := func(first int) (order []string) {
		for i := range urls {
			order = append(order, urls[(first+i)%len(urls)])
		}
		return order
	}
	raw := p.dev.Genesis.Raw
	people, err := client.New(raw, from(0), client.WithPatience(time.Second))
	if err != nil {
		return err
	}
	p.issuer = actions.Issuer{Client: people, Signers: []coupon.MemberSigner{p.admin(mall)}}
	p.holder = actions.Holder{Client: people}
	till := func(n, first int) (t actions.Till, err error) {
		t.Key = p.till(n)
		t.Client, err = client.New(raw, from(first), client.WithTill(t.Key))
		return t, err
	}
	if p.bakery, err = till(bakeryTill, 1); err != nil {
		return err
	}
	p.manager = actions.Till{Client: p.bakery.Client, Key: p.till(bakeryManager)}
	p.bookshop, err = till(bookshopTill, 2)
	return err
}

// signer is the key of somebody who has no place in the genesis file.
func (p *player) signer(name string) coupon.Signer {
	who, ok := p.net.Person(name)
	if !ok {
		panic("demo: there is nobody called " + name)
	}
	return coupon.NewSigner(who.Secret.Seed)
}

// tell reports a step that has come out; r is nil if it is no transaction.
func (p *player) tell(s Step, begin time.Time, r *client.Receipt, err error) error {
	if err != nil {
		return err
	}
	s.Ms = float64(time.Since(begin).Microseconds()) / 1000
	if r != nil {
		s.Code, s.Height, s.Tx = r.Outcome.Code.String(), r.Height, fmt.Sprintf("%x", r.Outcome.ID)
	}
	p.report(s)
	return nil
}

func (p *player) publish(ctx context.Context) error {
	begin := time.Now()
	number, r, err := p.issuer.Publish(ctx, complete(coupon.Terms{Issuer: mall, Title: "5 euros off coffee",
		ValueKind: coupon.Amount, Face: face, MaxSupply: 200}, nowMs()-hourMs))
	p.campaign, p.id = number, coupon.NewCouponID(number, 1)
	return p.tell(Step{Name: "publish", What: "The mall opens a campaign: 5.00 EUR off coffee",
		Detail: "1000.00 EUR locked for 200 coupons"}, begin, r, err)
}

func (p *player) batch(ctx context.Context) error {
	begin, desk := time.Now(), p.signer("desk")
	batch, first, r, err := p.issuer.Release(ctx, p.campaign, 200, desk.Key)
	t := actions.SignedTicket(p.chain, coupon.TicketPayload{Campaign: p.campaign, Batch: batch, Serial: first,
		Expires: nowMs() + hourMs}, desk)
	p.ticket = coupon.PayloadText(p.chain.EncodePayload(&coupon.Payload{Type: coupon.PayloadTicket, Ticket: t}))
	return p.tell(Step{Name: "batch", What: "The mall prints 200 tickets"}, begin, r, err)
}

// claim reads the ticket as a wallet does and claims the coupon.
func (p *player) claim(ctx context.Context) error {
	raw, err := coupon.ParsePayloadText(p.ticket)
	if err != nil {
		return err
	}
	payload, err := p.chain.DecodePayload(raw)
	if err != nil {
		return err
	}
	begin := time.Now()
	r, err := p.holder.Claim(ctx, payload.Ticket, p.signer("bo").Key)
	return p.tell(Step{Name: "claim", What: "Bo scans a ticket and has the coupon"}, begin, r, err)
}

func (p *player) offer(ctx context.Context) error {
	c, err := p.holder.Client.Coupon(ctx, p.id)
	if err != nil {
		return err
	}
	begin, g := time.Now(), coupon.GiftPayload{Coupon: p.id}
	rand.Read(g.Seed[:])
	p.gift = coupon.LinkFragment(p.chain.EncodePayload(&coupon.Payload{Type: coupon.PayloadGift, Gift: g}))
	r, err := p.holder.OfferGift(ctx, actions.Held{Coupon: p.id, Seq: c.Seq}, p.signer("bo"), g, nowMs()+hourMs)
	return p.tell(Step{Name: "offer", What: "Bo makes a gift link for Cy"}, begin, r, err)
}

// accept opens the link and moves the coupon to Cy's own key.
func (p *player) accept(ctx context.Context) error {
	raw, err := coupon.ParseLinkFragment(p.gift)
	if err != nil {
		return err
	}
	payload, err := p.chain.DecodePayload(raw)
	if err != nil {
		return err
	}
	begin := time.Now()
	r, err := p.holder.AcceptGift(ctx, payload.Gift, p.signer("cy").Key)
	return p.tell(Step{Name: "accept", What: "Cy opens the link and has the coupon, under a key of her own",
		Detail: "Bo's codes are dead from this height on"}, begin, r, err)
}

// kill takes a validator away: the one that people ask first.
func (p *player) kill(context.Context) error {
	begin := time.Now()
	if err := p.net.Kill(0); err != nil {
		return err
	}
	err := p.tell(Step{Name: "kill", What: "Validator 0 is killed (SIGKILL); everything goes on without it"}, begin,
		nil, nil)
	if err == nil {
		_, err = p.holder.Client.Coupon(p.ctx, p.id)
	}
	return err
}

// pay makes the redemption of Cy's coupon, which has changed seq times, at a till.
func (p *player) pay(t *actions.Till, seq uint32) []byte {
	b := actions.Bill{Campaign: p.campaign, Currency: currency, Basis: 780,
		BasketHash: actions.BasketHash([]byte("2 coffees"))}
	return actions.SignedRedemption(p.chain, t.Key, b, actions.Held{Coupon: p.id, Seq: seq}, p.signer("cy"), face, soon())
}

func (p *player) redeem(ctx context.Context) error {
	c, err := p.bakery.Client.Coupon(ctx, p.id)
	if err != nil {
		return err
	}
	begin := time.Now()
	p.redeemTx = p.pay(&p.bakery, c.Seq)
	p.redeemed, err = p.bakery.Client.Submit(ctx, p.redeemTx)
	if err == nil && p.redeemed.Outcome.Value != face {
		err = fmt.Errorf("the receipt says %d cents, not %d", p.redeemed.Outcome.Value, face)
	}
	return p.tell(Step{Name: "redeem", What: "The bakery's till takes it: 5.00 EUR off, proven",
		Detail: "time from scan to verified proof"}, begin, p.redeemed, err)
}

// redeemAgain shows the same coupon to another till, which asks another validator.
func (p *player) redeemAgain(ctx context.Context) error {
	begin := time.Now()
	r, err := p.bookshop.Client.Submit(ctx, p.pay(&p.bookshop, p.redeemed.Outcome.Seq))
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || !refusal.Final || refusal.Code != coupon.AlreadyRedeemed {
		return fmt.Errorf("a used coupon was not refused as used: %w", errors.Join(err, errors.New("wanted a final E509")))
	}
	return p.tell(Step{Name: "refuse", What: "The bookshop's till refuses the same coupon, through another validator",
		Detail: refusal.Code.String() + " " + refusal.Code.Word() + ": " + refusal.Code.Explain()}, begin, r, nil)
}

func (p *player) void(ctx context.Context) error {
	begin := time.Now()
	r, err := p.manager.VoidRedemption(ctx, actions.Held{Coupon: p.id, Seq: p.redeemed.Outcome.Seq})
	if err == nil && r.Outcome.Value != face {
		err = fmt.Errorf("the receipt gives %d cents back, not %d", r.Outcome.Value, face)
	}
	return p.tell(Step{Name: "void", What: "The bakery's manager undoes the redemption: 5.00 EUR back in the coupon"},
		begin, r, err)
}

// state reads the coupon once more, proven by a quorum, at the height of the void
// or later: the client that has seen a height believes no state below it.
func (p *player) state(ctx context.Context) error {
	begin := time.Now()
	c, err := p.bakery.Client.Coupon(ctx, p.id)
	if err != nil {
		return err
	}
	if c.Owner != p.signer("cy").Key || c.Status != coupon.Held.String() || c.Coupon.UsesLeft != 1 {
		return fmt.Errorf("the coupon is %s with %d uses of %x", c.Status, c.Coupon.UsesLeft, c.Owner)
	}
	return p.tell(Step{Name: "state", What: "The coupon is Cy's again and good for one use, proven by a quorum",
		Height: c.State.Height}, begin, nil, nil)
}

// verify checks the redemption's receipt from files alone, and that a changed one
// is refused.
func (p *player) verify(context.Context) error {
	path := filepath.Join(p.net.Dir(), "receipt.json")
	raw, err := p.bakery.Client.EncodeReceiptFile(p.redeemTx, p.redeemed)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return err
	}
	begin := time.Now()
	genesisFile, err := os.ReadFile(p.net.GenesisPath())
	if err != nil {
		return err
	}
	v, err := client.NewVerifier(genesisFile)
	if err != nil {
		return err
	}
	if raw, err = os.ReadFile(path); err != nil {
		return err
	}
	r, err := v.ReadReceiptFile(raw)
	if err != nil {
		return err
	}
	proof := p.redeemed.Proof.Encode()
	proof[len(proof)-1] ^= 1
	if _, err := v.Receipt(p.redeemed.Outcome.ID, proof, p.redeemed.Header); !errors.Is(err, client.ErrFalse) {
		return errors.New("a changed proof was believed")
	}
	return p.tell(Step{Name: "verify",
		What:   "Anybody checks the redemption offline, with the genesis file and the receipt alone",
		Detail: fmt.Sprintf("%d members attest it; a changed proof is refused", r.Members)}, begin, r.Receipt, nil)
}

// restart brings the killed validator back.
func (p *player) restart(ctx context.Context) error {
	begin := time.Now()
	if err := p.net.StartOne(0); err != nil {
		return err
	}
	err := p.net.WaitReady(ctx, nil)
	return p.tell(Step{Name: "restart", What: "Validator 0 is back and agrees"}, begin, nil, err)
}
