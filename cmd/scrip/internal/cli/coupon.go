package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
)

func newCouponCommand(a *App) *cobra.Command {
	return group("coupon", "Have coupons: claim, show, give and use them", newCouponListCommand(a),
		newCouponShowCommand(a),
		newCouponHistoryCommand(a), newClaimCommand(a), newGiveCommand(a), newGiftCommand(a), newAcceptCommand(a),
		newTakeBackCommand(a), newRefreshCommand(a), newShowCodeCommand(a), newAuthoriseCommand(a))
}

// gone is the status, in a list, of a coupon that the wallet does not own.
const (
	statusGiven   = "GIVEN AWAY"
	statusAwaited = "NOT CLAIMED"
)

// held is a coupon of a list.
type held struct {
	client.CouponAnswer
	Title string `json:"title"`
	Mine  bool   `json:"mine"`
}

func newCouponListCommand(a *App) *cobra.Command {
	all, scan := false, false
	address := ""
	c := &cobra.Command{
		Use: "list", Short: "List the coupons of a wallet, or of an address, each proven",
		Long: "List the coupons of a wallet, or of an address, each proven. Of an address the list is\n" +
			"what a node names, so something could be missing; nothing in it is false.",
		Args: arguments(),
	}
	name := walletFlag(c)
	c.Flags().BoolVar(&all, "all", false, "also used, expired and given ones")
	c.Flags().BoolVar(&scan, "scan", false, "look for coupons that the wallet does not know")
	c.Flags().StringVar(&address, "address", "", "of this address instead of a wallet")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if address != "" {
			return a.listAddress(c.Context(), address)
		}
		return a.withPurse(*name, func(cl *client.Client, p *purse.Purse) error {
			if scan || p.IsNew() {
				if _, err := a.scan(c.Context(), cl, p, keys.GapLimit); err != nil {
					return err
				}
			}
			return a.listPurse(c.Context(), cl, p, all)
		})
	}
	return c
}

func (a *App) listAddress(ctx context.Context, address string) error {
	owner, err := keys.Decode(keys.Holder, address)
	if err != nil {
		return usageError("%v", err)
	}
	c, err := a.Client()
	if err != nil {
		return err
	}
	ids, err := c.HolderCoupons(ctx, owner)
	if err != nil {
		return err
	}
	var list []held
	for _, id := range ids {
		x, err := c.Coupon(ctx, id)
		if err != nil {
			return err
		}
		if x.Owner == owner {
			list = append(list, heldOf(x, true))
		}
	}
	return a.showHeld(c.Verifier, list)
}

func heldOf(x *client.Coupon, mine bool) held {
	h := held{client.CouponAnswerOf(x.ID, &x.Coupon, &x.Campaign.Terms, &x.Campaign.Campaign, x.State.TimeMs),
		x.Campaign.Terms.Title, mine}
	if !mine {
		h.Status = statusGiven
	}
	return h
}

func (a *App) listPurse(ctx context.Context, c *client.Client, p *purse.Purse, all bool) error {
	var list []held
	for _, e := range p.Coupons() {
		x, err := c.Coupon(ctx, e.Coupon)
		if errors.Is(err, client.ErrNotFound) {
			if all {
				list = append(list, held{CouponAnswer: client.CouponAnswer{ID: client.U64(e.Coupon), Campaign: e.Coupon.Campaign(),
					Serial: e.Coupon.Serial(), Status: statusAwaited}})
			}
			continue
		}
		if err != nil {
			return err
		}
		_, mine, err := p.Owner(e.Coupon, x.Owner)
		if err != nil {
			return err
		}
		if usable := mine && (x.Status == "HELD" || x.Status == "GIFTED"); usable || all {
			list = append(list, heldOf(x, mine))
		}
	}
	return a.showHeld(c.Verifier, list)
}

func (a *App) showHeld(v *client.Verifier, list []held) error {
	rows := Rows{Head: []string{"COUPON", "TITLE", "STATUS", "LEFT", "GOOD UNTIL"},
		Empty: "no coupons: scrip coupon claim LINK"}
	for _, h := range list {
		left, until := "", ""
		if h.Status != statusAwaited {
			left, until = plural(int(h.UsesLeft), "use"), whenEnds(uint64(h.Until.Ms))
		}
		if h.ValueLeft > 0 {
			if currency, err := currencyByLetters(v, ""); err == nil {
				left += ", " + units.Money(uint64(h.ValueLeft), currency)
			}
		}
		rows.Body = append(rows.Body, []string{couponName(coupon.CouponID(h.ID)), h.Title, h.Status, left, until})
	}
	return ShowAll(a, list, rows)
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// couponState is a coupon with what proves it; the fields are stable.
type couponState struct {
	client.CouponAnswer
	Title   string      `json:"title"`
	Gives   string      `json:"gives"`
	Height  client.U64  `json:"height"`
	AsOf    client.Time `json:"as_of"`
	Members int         `json:"members"`
	Proven  bool        `json:"proven"`
}

func newCouponShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show COUPON", Short: "Show a coupon, proven by the members' signatures", Args: arguments("COUPON"),
		Long: "Show a coupon, proven by the members' signatures. COUPON is its id, or campaign and\n" +
			"serial such as 3-17.",
		RunE: on(a, parseCoupon, func(ctx context.Context, c *client.Client, id coupon.CouponID) error {
			x, err := c.Coupon(ctx, id)
			if err != nil {
				return err
			}
			return a.showCoupon(c.Verifier, x)
		}),
	}
}

func (a *App) showCoupon(v *client.Verifier, x *client.Coupon) error {
	t := &x.Campaign.Terms
	currency := currencyByNumber(v, t.Currency)
	s := couponState{CouponAnswer: heldOf(x, true).CouponAnswer, Title: t.Title, Gives: ruleText(t, currency),
		Height: client.U64(x.State.Height), AsOf: client.TimeOf(x.State.TimeMs), Proven: true,
		Members: x.State.Proof.Checkpoint.Signers.Count()}
	f := Fields{{"coupon", a.bold(couponName(x.ID)) + fmt.Sprintf(" (id %d)", x.ID)}, {"title", t.Title}, {"status",
		s.Status},
		{"gives", s.Gives}, {"uses left", fmt.Sprint(s.UsesLeft)}}
	if t.ValueKind == coupon.Stored {
		f = append(f, [2]string{"value left", units.Money(x.ValueLeft, currency)})
	}
	f = append(f, [2]string{"good until", whenEnds(x.UntilMs)})
	if t.GraceMs > 0 {
		f = append(f, [2]string{"redeem until", whenEnds(x.UntilMs + uint64(t.GraceMs))})
	}
	if s.GiftUntil != nil {
		f = append(f, [2]string{"gift", "offered to " + s.GiftKey + " until " + whenEnds(uint64(s.GiftUntil.Ms))})
	}
	return a.Show(s, append(f, Fields{{"owner", s.Owner}, {"claimed", when(x.ClaimedAt)}, {"sequence", fmt.Sprint(x.Seq)},
		provenAt(v, x.State)}...))
}

func newCouponHistoryCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "history COUPON", Short: "List what happened to a coupon, each step proven", Args: arguments("COUPON"),
		RunE: on(a, parseCoupon, func(ctx context.Context, c *client.Client, id coupon.CouponID) error {
			steps, err := c.History(ctx, id)
			if err != nil {
				return err
			}
			rows := Rows{Head: []string{"WHEN", "WHAT", "EVENT", "TRANSACTION"}, Empty: "nothing yet"}
			for _, s := range steps {
				// The node's list is only where to look: what is shown has a proof.
				r, err := c.Receipt(ctx, s.Tx, 0)
				if err != nil {
					return err
				}
				if r.Outcome.Event().String() != s.Type || r.Outcome.Coupon != id {
					return &Error{Exit: ExitOther, Text: "the node lists a step that its receipt does not show",
						Remedy: "Ask another node."}
				}
				rows.Body = append(rows.Body, []string{when(r.TimeMs), s.Type, s.ID, s.Tx.String()})
			}
			return ShowAll(a, steps, rows)
		}),
	}
}

func newClaimCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use: "claim LINK|@FILE|-", Short: "Claim the coupon of a ticket or poster into the wallet",
		Long: "Claim the coupon of a ticket into the wallet. The ticket is a link or code, the first\n" +
			"line of @FILE, or a line on stdin (-), where others can see command lines. The link\n" +
			"of a poster gets a ticket from its desk first.",
		Args: arguments("LINK|@FILE|-"),
	}
	name, s := walletFlag(c), sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		text, err := a.text(args[0])
		if err != nil {
			return err
		}
		return a.withPurseFor(*name, s, func(cl *client.Client, p *purse.Purse) error {
			if campaign, deskURL, ok := parsePoster(text); ok {
				return a.claimPoster(c.Context(), cl, p, campaign, deskURL, s)
			}
			payload, err := readPayload(cl.Chain(), text, coupon.PayloadTicket)
			if err != nil {
				return err
			}
			return a.claimTicket(c.Context(), cl, p, &payload.Ticket, s)
		})
	}
	return c
}

// claim claims the coupon of a genuine ticket.
func (a *App) claim(ctx context.Context, c *client.Client, p *purse.Purse, t *actions.Ticket, s *sending) error {
	campaign, err := c.Campaign(ctx, t.Campaign)
	if err != nil {
		return err
	}
	id := coupon.NewCouponID(t.Campaign, t.Serial)
	owner, err := p.Expect(id, campaign.Terms.HolderCap > 0)
	if err != nil {
		return err
	}
	raw := actions.SignedClaim(c.Chain(), actions.Expiry(c.Verifier, coupon.KindClaim), *t, owner.Public())
	err = a.send(ctx, c, raw, s, func(o outcome, r *client.Receipt) error {
		err := a.Show(o, Fields{{"yours", a.green("coupon " + couponName(id))}, {"title", campaign.Terms.Title},
			{"gives", ruleText(&campaign.Terms, currencyByNumber(c.Verifier, campaign.Terms.Currency))},
			{"good until", whenEnds(r.Outcome.Until)}, {"transaction", o.Tx.String()}, a.provenBy(c.Verifier, &o)})
		a.Say("next: scrip coupon show-code %s", couponName(id))
		return err
	})
	var refusal *client.Refusal
	if errors.As(err, &refusal) && refusal.Code == coupon.AlreadyClaimed {
		// The same ticket twice by the same person is no accident to be told off for.
		if have, e := c.Coupon(ctx, id); e == nil && have.Owner == owner.Public() {
			e := refused(coupon.AlreadyClaimed, "by this wallet")
			e.Remedy, e.Next = "The coupon is yours.", "scrip coupon show "+couponName(id)
			return e
		}
	}
	return err
}

// owned returns a proven coupon with the wallet's key that owns it.
func (a *App) owned(ctx context.Context, c *client.Client, p *purse.Purse, id coupon.CouponID) (*client.Coupon,
	keys.Secret, error) {
	x, err := c.Coupon(ctx, id)
	if err != nil {
		return nil, keys.Secret{}, err
	}
	s, mine, err := p.Owner(id, x.Owner)
	if err != nil {
		return nil, s, err
	}
	if !mine {
		return nil, s, &Error{Exit: ExitNotAllowed, Text: "coupon " + couponName(id) + " is not in this wallet",
			Remedy: "Its owner is " + keys.Encode(keys.Holder, x.Owner) + ".", Next: "scrip coupon list"}
	}
	return x, s, nil
}

// transfer signs and sends a transfer of a coupon, as a gift if giftUntil is not 0.
func (a *App) transfer(ctx context.Context, c *client.Client, x *client.Coupon, mover coupon.Signer, to [32]byte,
	giftUntil uint64, s *sending, done func(outcome, *client.Receipt) error,
) error {
	return a.send(ctx, c, actions.SignedTransfer(c.Chain(), actions.Expiry(c.Verifier, coupon.KindTransfer), signedFor(x),
		mover, to, giftUntil), s, done)
}

// couponAction returns a command that acts on one coupon of a wallet, for its owner.
func (a *App) couponAction(use, short string, names []string, act func(ctx context.Context, c *client.Client,
	x *client.Coupon, owner keys.Secret, p *purse.Purse, args []string, s *sending) error,
) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: arguments(names...)}
	name, s := walletFlag(c), sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := parseCoupon(args[0])
		if err != nil {
			return err
		}
		return a.withPurseFor(*name, s, func(cl *client.Client, p *purse.Purse) error {
			x, owner, err := a.owned(c.Context(), cl, p, id)
			if err != nil {
				return err
			}
			return act(c.Context(), cl, x, owner, p, args, s)
		})
	}
	return c
}

func newGiveCommand(a *App) *cobra.Command {
	c := a.couponAction("give COUPON ADDRESS", "Move a coupon to an address, for good", []string{"COUPON", "ADDRESS"},
		func(ctx context.Context, c *client.Client, x *client.Coupon, owner keys.Secret, _ *purse.Purse, args []string,
			s *sending) error {
			to, err := keys.Decode(keys.Holder, args[1])
			if err != nil {
				return usageError("%v", err)
			}
			return a.transfer(ctx, c, x, signer(owner), to, 0, s,
				func(o outcome, _ *client.Receipt) error {
					return a.Show(o, Fields{{"given", a.green("coupon " + couponName(x.ID))}, {"to", args[1]},
						{"transaction", o.Tx.String()}, a.provenBy(c.Verifier, &o)})
				})
		})
	return c
}

// giftAnswer is what is told of an offered gift; the fields are stable.
type giftAnswer struct {
	outcome
	Link  string      `json:"link"`
	Until client.Time `json:"until"`
}

func newGiftCommand(a *App) *cobra.Command {
	until, host := "", ""
	c := a.couponAction("gift COUPON", "Offer a coupon by a link, to whoever opens it first", []string{"COUPON"},
		func(ctx context.Context, c *client.Client, x *client.Coupon, owner keys.Secret, p *purse.Purse, _ []string,
			s *sending) error {
			end, err := units.ParseEnd(until, time.Now(), time.Local)
			if err != nil {
				return usageError("--until: %v", err)
			}
			gift := coupon.GiftPayload{Coupon: x.ID, Seed: p.GiftSeed(x.ID, x.Seq)}
			at := host
			if at == "" {
				at = c.Nodes()[0]
			}
			link := c.Chain().Link(at, &coupon.Payload{Type: coupon.PayloadGift, Gift: gift})
			return a.transfer(ctx, c, x, signer(owner), actions.GiftSigner(c.Chain(), gift).Key, end, s,
				func(o outcome, _ *client.Receipt) error {
					a.Say("Whoever has this link first has the coupon. Take it back with: scrip coupon take-back %s", couponName(x.ID))
					if !a.ForPeople() {
						return a.Show(giftAnswer{o, link, client.TimeOf(end)}, nil)
					}
					return a.Show(nil, Fields{{"link", link}, {"open until", when(end)}, a.provenBy(c.Verifier, &o)})
				})
		})
	c.Flags().StringVar(&until, "until", "+7d", "when the gift returns by itself, at most 30 days ahead")
	c.Flags().StringVar(&host, "host", "", "where the link leads to (default: the first node)")
	return c
}

func newAcceptCommand(a *App) *cobra.Command {
	c := &cobra.Command{Use: "accept LINK|@FILE|-", Short: "Accept a gift into the wallet",
		Args: arguments("LINK|@FILE|-")}
	name, s := walletFlag(c), sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		text, err := a.text(args[0])
		if err != nil {
			return err
		}
		return a.withPurseFor(*name, s, func(cl *client.Client, p *purse.Purse) error {
			payload, err := readPayload(cl.Chain(), text, coupon.PayloadGift)
			if err != nil {
				return err
			}
			return a.accept(c.Context(), cl, p, payload.Gift, s)
		})
	}
	return c
}

func (a *App) accept(ctx context.Context, c *client.Client, p *purse.Purse, g coupon.GiftPayload, s *sending) error {
	x, err := c.Coupon(ctx, g.Coupon)
	if err != nil {
		return err
	}
	gift := actions.GiftSigner(c.Chain(), g)
	if at := x.At(x.State.TimeMs); at.Status != coupon.Gifted || at.GiftKey != gift.Key {
		return &Error{Exit: ExitUsed, Code: coupon.NotOwner.String(),
			Text:   "the gift is gone: it was accepted, taken back, or its time is over",
			Remedy: "Ask the giver for a new link."}
	}
	owner, err := p.Expect(g.Coupon, x.Campaign.Terms.HolderCap > 0)
	if err != nil {
		return err
	}
	return a.transfer(ctx, c, x, gift, owner.Public(), 0, s,
		func(o outcome, _ *client.Receipt) error {
			return a.Show(o, Fields{{"yours", a.green("coupon " + couponName(g.Coupon))}, {"title", x.Campaign.Terms.Title},
				{"good until", whenEnds(x.UntilMs)}, {"transaction", o.Tx.String()}, a.provenBy(c.Verifier, &o)})
		})
}

// toSelf returns a command that moves a coupon to its own owner: a refresh, or
// the end of a gift.
func (a *App) toSelf(use, short, word string, wanted coupon.CouponStatus) *cobra.Command {
	return a.couponAction(use, short, []string{"COUPON"},
		func(ctx context.Context, c *client.Client, x *client.Coupon, owner keys.Secret, _ *purse.Purse, _ []string,
			s *sending) error {
			if at := x.At(x.State.TimeMs); at.Status != wanted {
				return &Error{Exit: ExitUsed, Text: fmt.Sprintf("coupon %s is %s, not %s", couponName(x.ID), at.Status, wanted)}
			}
			return a.transfer(ctx, c, x, signer(owner), x.Owner, 0, s,
				func(o outcome, _ *client.Receipt) error {
					return a.Show(o, Fields{{word, a.green("coupon " + couponName(x.ID))},
						{"transaction", o.Tx.String()}, a.provenBy(c.Verifier, &o)})
				})
		})
}

func newTakeBackCommand(a *App) *cobra.Command {
	return a.toSelf("take-back COUPON", "Take back a gift that nobody has accepted", "taken back", coupon.Gifted)
}

func newRefreshCommand(a *App) *cobra.Command {
	return a.toSelf("refresh COUPON", "Make every code that was shown of a coupon useless", "refreshed", coupon.Held)
}
