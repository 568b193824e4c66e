// Package story plays the life of one coupon on a demonstration network, from the
// campaign to the undone redemption, and checks what comes out at every step: with
// proofs, through different validators, and while one of them is killed.
package story

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
	// Ms is how long it took, in milliseconds: for a transaction from handing it in
	// to the verified proof.
	Ms     float64 `json:"ms"`
	Code   string  `json:"code,omitempty"`
	Height uint64  `json:"height,omitempty"`
	Tx     string  `json:"tx,omitempty"`
}

// stepTimeout bounds every step.
const stepTimeout = 20 * time.Second

// face is the value of the coupon, in cents.
const face = 500

// player plays the story.
type player struct {
	ctx    context.Context
	net    *network.Network
	chain  coupon.Chain
	report func(Step)

	people, bakery, bookshop *client.Client

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
	p := &player{ctx: ctx, net: n, chain: n.Dev().Genesis.Chain(), report: report}
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
	raw := p.net.Dev().Genesis.Raw
	if p.people, err = client.New(raw, from(0), client.WithPatience(time.Second)); err != nil {
		return err
	}
	if p.bakery, err = client.New(raw, from(1), client.WithTill(p.signer("bakery-till"))); err != nil {
		return err
	}
	p.bookshop, err = client.New(raw, from(2), client.WithTill(p.signer("bookshop-till")))
	return err
}

func (p *player) signer(name string) coupon.Signer {
	who, ok := p.net.Person(name)
	if !ok {
		panic("story: there is nobody called " + name)
	}
	return coupon.NewSigner(who.Secret.Seed)
}

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// soon is an expiry for whatever is signed now.
func soon() uint64 { return nowMs() + 60_000 }

// submit hands in a transaction, wants it accepted, and reports the step.
func (p *player) submit(ctx context.Context, c *client.Client, s Step, tx []byte) (*client.Receipt, error) {
	begin := time.Now()
	r, err := c.Submit(ctx, tx)
	if err != nil {
		return nil, err
	}
	p.tell(s, r, begin)
	return r, nil
}

func (p *player) tell(s Step, r *client.Receipt, begin time.Time) {
	s.Ms = float64(time.Since(begin).Microseconds()) / 1000
	if r != nil {
		s.Code, s.Height, s.Tx = r.Outcome.Code.String(), r.Height, fmt.Sprintf("%x", r.Outcome.ID)
	}
	p.report(s)
}

func (p *player) mall() coupon.MemberSigner {
	return coupon.MemberSigner{Member: 1, Signer: p.signer("mall")}
}

func (p *player) publish(ctx context.Context) error {
	now := nowMs()
	const hour, day = 3_600_000, 86_400_000
	t := coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978, Title: "5 euros off coffee",
		TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: face, Uses: 1, ReimburseBps: coupon.BpsMax, ShowMax: face,
		MaxSupply: 200, Budget: 200 * face, ClaimFrom: now - hour, ClaimUntil: now + day, RedeemFrom: now - hour,
		RedeemUntil: now + 7*day, RollbackMs: hour, Transfer: coupon.TransferGift, MaxTransfers: 3,
	}
	r, err := p.submit(ctx, p.people, Step{Name: "publish", What: "The mall opens a campaign: 5.00 EUR off coffee",
		Detail: "1000.00 EUR locked for 200 coupons"}, actions.SignedCampaign(p.chain, soon(), t, p.mall()))
	if err != nil {
		return err
	}
	p.campaign = r.Outcome.Campaign
	p.id = coupon.NewCouponID(p.campaign, 1)
	return nil
}

func (p *player) batch(ctx context.Context) error {
	desk := p.signer("desk")
	r, err := p.submit(ctx, p.people, Step{Name: "batch", What: "The mall prints 200 tickets"},
		actions.SignedBatch(p.chain, soon(), p.campaign, 1, 200, desk.Key, p.mall()))
	if err != nil {
		return err
	}
	t := actions.SignedTicket(p.chain, coupon.TicketPayload{Campaign: p.campaign, Batch: r.Outcome.Batch, Serial: 1,
		Expires: nowMs() + 3_600_000}, desk)
	p.ticket = coupon.PayloadText(p.chain.EncodePayload(&coupon.Payload{Type: coupon.PayloadTicket, Ticket: t}))
	return nil
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
	begin, bo := time.Now(), actions.Holder{Client: p.people}
	r, err := bo.Claim(ctx, payload.Ticket, p.signer("bo").Key)
	if err != nil {
		return err
	}
	p.tell(Step{Name: "claim", What: "Bo scans a ticket and has the coupon"}, r, begin)
	return nil
}

func (p *player) offer(ctx context.Context) error {
	bo := p.signer("bo")
	c, err := p.people.Coupon(ctx, p.id)
	if err != nil {
		return err
	}
	g := coupon.GiftPayload{Coupon: p.id}
	rand.Read(g.Seed[:])
	p.gift = coupon.LinkFragment(p.chain.EncodePayload(&coupon.Payload{Type: coupon.PayloadGift, Gift: g}))
	_, err = p.submit(ctx, p.people, Step{Name: "offer", What: "Bo makes a gift link for Cy"},
		actions.SignedTransfer(p.chain, soon(), actions.Held{Coupon: p.id, Seq: c.Seq}, bo,
			actions.GiftSigner(p.chain, g).Key, nowMs()+3_600_000))
	return err
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
	g := payload.Gift
	c, err := p.people.Coupon(ctx, g.Coupon)
	if err != nil {
		return err
	}
	_, err = p.submit(ctx, p.people, Step{Name: "accept",
		What:   "Cy opens the link and has the coupon, under a key of her own",
		Detail: "Bo's codes are dead from this height on"}, actions.SignedTransfer(p.chain, soon(),
		actions.Held{Coupon: g.Coupon, Seq: c.Seq}, actions.GiftSigner(p.chain, g), p.signer("cy").Key, 0))
	return err
}

// kill takes a validator away: the one that people ask first.
func (p *player) kill(context.Context) error {
	begin := time.Now()
	if err := p.net.Kill(0); err != nil {
		return err
	}
	p.tell(Step{Name: "kill", What: "Validator 0 is killed (SIGKILL); everything goes on without it"}, nil, begin)
	_, err := p.people.Coupon(p.ctx, p.id)
	return err
}

// bill makes the redemption of Cy's coupon at a till.
func (p *player) bill(ctx context.Context, c *client.Client, till string, seq *uint32) ([]byte, error) {
	if seq == nil {
		have, err := c.Coupon(ctx, p.id)
		if err != nil {
			return nil, err
		}
		seq = &have.Seq
	}
	b := actions.Bill{Campaign: p.campaign, Currency: 978, Basis: 780, BasketHash: actions.BasketHash([]byte("2 coffees"))}
	return actions.SignedRedemption(p.chain, p.signer(till), b, actions.Held{Coupon: p.id, Seq: *seq}, p.signer("cy"),
		face, soon()), nil
}

func (p *player) redeem(ctx context.Context) error {
	tx, err := p.bill(ctx, p.bakery, "bakery-till", nil)
	if err != nil {
		return err
	}
	r, err := p.submit(ctx, p.bakery, Step{Name: "redeem", What: "The bakery's till takes it: 5.00 EUR off, proven",
		Detail: "time from scan to verified proof"}, tx)
	if err != nil {
		return err
	}
	if r.Outcome.Value != face {
		return fmt.Errorf("the receipt says %d cents, not %d", r.Outcome.Value, face)
	}
	p.redeemTx, p.redeemed = tx, r
	return nil
}

// redeemAgain shows the same coupon to another till, which asks another validator.
func (p *player) redeemAgain(ctx context.Context) error {
	tx, err := p.bill(ctx, p.bookshop, "bookshop-till", &p.redeemed.Outcome.Seq)
	if err != nil {
		return err
	}
	begin := time.Now()
	r, err := p.bookshop.Submit(ctx, tx)
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || !refusal.Final || refusal.Code != coupon.AlreadyRedeemed {
		return fmt.Errorf("a used coupon was not refused as used: %w", errors.Join(err, errors.New("wanted a final E509")))
	}
	p.tell(Step{Name: "refuse", What: "The bookshop's till refuses the same coupon, through another validator",
		Detail: refusal.Code.String() + " " + refusal.Code.Word() + ": " + refusal.Code.Explain()}, r, begin)
	return nil
}

func (p *player) void(ctx context.Context) error {
	manager := p.signer("bakery-manager")
	r, err := p.submit(ctx, p.bakery, Step{Name: "void",
		What: "The bakery's manager undoes the redemption: 5.00 EUR back in the coupon"},
		actions.SignedVoid(p.chain, soon(), actions.Held{Coupon: p.id, Seq: p.redeemed.Outcome.Seq}, manager))
	if err != nil {
		return err
	}
	if r.Outcome.Value != face {
		return fmt.Errorf("the receipt gives %d cents back, not %d", r.Outcome.Value, face)
	}
	return nil
}

// state reads the coupon once more, proven by a quorum, at the height of the void
// or later: the client that has seen a height believes no state below it.
func (p *player) state(ctx context.Context) error {
	begin := time.Now()
	c, err := p.bakery.Coupon(ctx, p.id)
	if err != nil {
		return err
	}
	if c.Owner != p.signer("cy").Key || c.Status != coupon.Held.String() || c.Coupon.UsesLeft != 1 {
		return fmt.Errorf("the coupon is %s with %d uses of %x", c.Status, c.Coupon.UsesLeft, c.Owner)
	}
	p.tell(Step{Name: "state", What: "The coupon is Cy's again and good for one use, proven by a quorum",
		Height: c.State.Height}, nil, begin)
	return nil
}

// verify checks the redemption's receipt from files alone, and that a changed one
// is refused.
func (p *player) verify(context.Context) error {
	path := filepath.Join(p.net.Dir(), "receipt.json")
	raw, err := p.bakery.EncodeReceiptFile(p.redeemTx, p.redeemed)
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
	p.tell(Step{Name: "verify", What: "Anybody checks the redemption offline, with the genesis file and the receipt alone",
		Detail: fmt.Sprintf("%d members attest it; a changed proof is refused", r.Members)}, r.Receipt, begin)
	return nil
}

// restart brings the killed validator back.
func (p *player) restart(ctx context.Context) error {
	begin := time.Now()
	if err := p.net.StartOne(0); err != nil {
		return err
	}
	if err := p.net.WaitReady(ctx, nil); err != nil {
		return err
	}
	p.tell(Step{Name: "restart", What: "Validator 0 is back and agrees"}, nil, begin)
	return nil
}
