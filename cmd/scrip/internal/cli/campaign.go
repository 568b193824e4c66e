package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/actions/offer"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/label"
	"github.com/scrip-network/scrip/internal/units"
)

func newCampaignCommand(a *App) *cobra.Command {
	return group("campaign", "Publish campaigns and look at them", newPublishCommand(a), newCampaignListCommand(a),
		newCampaignShowCommand(a), newTermsCommand(a), newControlCommand(a, coupon.KindCampaignPause), newControlCommand(a,
			coupon.KindCampaignResume),
		newControlCommand(a, coupon.KindCampaignClose))
}

// publishing is the flags of campaign publish.
type publishing struct {
	offer   offer.Offer
	signers []string
	yes     bool
	preview bool
	send    *sending
}

func newPublishCommand(a *App) *cobra.Command {
	p := &publishing{}
	c := &cobra.Command{
		Use: "publish [FILE.toml]", Short: "Publish a campaign, after showing what it can cost",
		Long: "Publish a campaign from a file, from flags, or from a file with flags that go before\n" +
			"it. What is published is for ever and its budget is locked: so all of it is checked\n" +
			"and the worst case is shown first, and the title has to be typed, unless --yes is\n" +
			"given. --preview stops there. The members that must sign are the issuer, each\n" +
			"funder, and each shop if it is not reimbursed in full.",
		Example: "  scrip campaign publish coffee.toml --sign mall\n" +
			"  scrip campaign publish --title \"Free coffee\" --issuer 1 --kind amount --face 4.50 --supply 200 \\\n" +
			"    --redeem-until +30d --shops 2 --terms \"One coffee each.\" --sign mall",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.publish(c, p, args) },
	}
	offerFlags(c, &p.offer)
	c.Flags().StringSliceVar(&p.signers, "sign", nil, "admin key that signs, by name; repeatable")
	c.Flags().BoolVar(&p.yes, "yes", false, "publish without asking")
	c.Flags().BoolVar(&p.preview, "preview", false, "show what would be published and what it can cost, and stop")
	p.send = sendFlags(c)
	draftFlag(c, p.send)
	return c
}

func offerFlags(c *cobra.Command, o *offer.Offer) {
	f := c.Flags()
	f.StringVar(&o.Title, "title", "", "what people read")
	f.Uint16Var(&o.Issuer, "issuer", 0, "number of the member that issues")
	f.StringSliceVar(&o.Funders, "funders", nil, "who pays: \"member: share\" (default: the issuer)")
	f.StringVar(&o.Currency, "currency", "", "currency (default: the chain's only one)")
	f.StringVar(&o.Kind, "kind", "", "amount, percent, free_item or stored")
	f.StringVar(&o.Face, "face", "", "value of an amount, most for an item, or first stored value")
	f.StringVar(&o.Percent, "percent", "", "percentage of the bill, such as 15%")
	f.StringVar(&o.Ceiling, "ceiling", "", "the most that a percentage gives")
	f.BoolVar(&o.RoundUp, "round-up", false, "round half a minor unit up")
	f.StringVar(&o.MinSpend, "min-spend", "", "smallest bill")
	f.Uint16Var(&o.Uses, "uses", 0, "uses of a coupon (default 1)")
	f.StringVar(&o.Reimburse, "reimburse", "", "used or face: what the shop is paid for (default used)")
	f.StringVar(&o.ReimburseShare, "reimburse-share", "", "how much of it the shop is paid (default 100%)")
	f.StringVar(&o.Fee, "fee", "", "handling fee per use")
	f.StringVar(&o.ShowMax, "show-max", "", "the most that a shown code may take (default: never)")
	f.Uint32Var(&o.Supply, "supply", 0, "how many coupons there can be")
	f.StringVar(&o.Budget, "budget", "", "the most that it may cost (default: supply times the worst case of a coupon)")
	f.StringVar(&o.ClaimFrom, "claim-from", "", "first instant of claiming (default now)")
	f.StringVar(&o.ClaimUntil, "claim-until", "", "end of claiming, written alike (default: end of redeeming)")
	f.StringVar(&o.RedeemFrom, "redeem-from", "", "first instant of redeeming (default: as claiming)")
	f.StringVar(&o.RedeemUntil, "redeem-until", "",
		"end of redeeming, such as 2026-12-31 (that day included), \"2026-12-31 20:00\" or +30d")
	f.StringVar(&o.Life, "life", "", "life of a coupon from its claim, such as 14d")
	f.StringVar(&o.Grace, "grace", "", "time after the end in which a slow till still redeems")
	f.StringVar(&o.Rollback, "rollback", "", "how long a redemption can be undone (default 72h)")
	f.Uint16Var(&o.HolderCap, "holder-cap", 0, "claims per key (0 = no limit)")
	f.StringVar(&o.Transfer, "transfer", "", "none, gift or trade (default gift)")
	f.StringVar(&o.MaxTransfers, "max-transfers", "", "how often a coupon is passed on (default unlimited)")
	f.StringVar(&o.ResaleMax, "resale-max", "", "of trade coupons: highest resale price as a share of the value")
	f.StringSliceVar(&o.Shops, "shops", nil, "where it is good: member/store, or member (default: every merchant)")
	f.StringVar(&o.Terms, "terms", "", "the public terms")
	f.StringVar(&o.TermsFile, "terms-file", "", "file with the public terms")
	f.StringVar(&o.ProductsFile, "products-file", "", "file that lists the goods (default: all goods)")
}

// offerOf returns the offer of file and flags.
func (p *publishing) offerOf(c *cobra.Command, args []string) (*offer.Offer, error) {
	if len(args) == 0 {
		return &p.offer, nil
	}
	o, err := offer.Load(args[0])
	if err != nil {
		return nil, &Error{Exit: ExitUsage, Text: "the offer cannot be read", Cause: err}
	}
	// Flags that were given go before the file: they are set once more, on top of it.
	fromFile := *o
	over := &cobra.Command{}
	offerFlags(over, o)
	*o = fromFile
	var bad error
	c.Flags().Visit(func(f *pflag.Flag) {
		if over.Flags().Lookup(f.Name) != nil {
			value := strings.TrimSuffix(strings.TrimPrefix(f.Value.String(), "["), "]")
			bad = errors.Join(bad, over.Flags().Set(f.Name, value))
		}
	})
	return o, bad
}

func (a *App) publish(c *cobra.Command, p *publishing, args []string) error {
	o, err := p.offerOf(c, args)
	if err != nil {
		return err
	}
	v, err := a.Verifier()
	if err != nil {
		return err
	}
	if _, taken, err := label.Read(o.Title, coupon.TitleSizeMax); err == nil {
		a.sayTaken("title", taken)
	}
	terms, err := o.Build(&v.Genesis().File, time.Now(), time.Local)
	var faults offer.Faults
	if errors.As(err, &faults) {
		return &Error{Exit: ExitUsage, Text: fmt.Sprintf("the offer has %d faults:\n  %s", len(faults),
			strings.Join(faults, "\n  ")),
			Remedy: "Nothing was published."}
	}
	if err != nil {
		return &Error{Exit: ExitUsage, Cause: err}
	}
	if err := a.showPreview(v, &terms, p); err != nil || p.preview {
		return err
	}
	text, err := o.PublicTerms()
	if err != nil {
		return &Error{Exit: ExitUsage, Cause: err}
	}
	return a.publishTerms(c.Context(), &terms, string(text), p)
}

// previewAnswer is what is told before a campaign is published; amounts are minor
// units, the fields are stable.
type previewAnswer struct {
	Terms     client.TermsAnswer `json:"terms"`
	WorstUse  client.U64         `json:"worst_use"`
	WorstEach client.U64         `json:"worst_coupon"`
	WorstAll  client.U64         `json:"worst_supply"`
	Budget    client.U64         `json:"budget"`
	Covered   client.U64         `json:"coupons_covered"`
	Shares    []client.U64       `json:"funder_shares"`
	Warnings  []string           `json:"warnings"`
	MustSign  []uint16           `json:"must_sign"`
}

func (a *App) showPreview(v *client.Verifier, t *coupon.Terms, p *publishing) error {
	currency := currencyByNumber(v, t.Currency)
	cost, warnings := offer.CostOf(t), offer.Warnings(t, currency)
	if !a.ForPeople() && !p.preview {
		return nil // one document: the outcome
	}
	x := previewAnswer{Terms: client.TermsAnswerOf(t, currency), WorstUse: client.U64(cost.Use),
		WorstEach: client.U64(cost.Coupon),
		WorstAll:  client.U64(cost.Supply), Budget: client.U64(cost.Budget), Covered: client.U64(cost.Covered),
		Shares: []client.U64{}, Warnings: append([]string{}, warnings...), MustSign: t.MustSign()}
	money := func(minor uint64) string { return units.Money(minor, currency) }
	f := append(Fields{{"campaign", a.bold(t.Title)}}, termsFields(v, t)...)
	f = append(f, Fields{
		{"one use", "costs at most " + money(cost.Use)},
		{"one coupon", "costs at most " + money(cost.Coupon)},
		{"all " + strconv.FormatUint(uint64(t.MaxSupply), 10), "cost at most " + money(min(cost.Supply, cost.Budget))},
		{"budget", a.bold(money(cost.Budget)) + " is locked: never more is paid"},
	}...)
	for i, s := range cost.Shares {
		x.Shares = append(x.Shares, client.U64(s))
		f = append(f, [2]string{"payer", fmt.Sprintf("%s locks %s (%s)", memberName(v, t.Funders[i].Member), money(s),
			units.Share(t.Funders[i].ShareBps))})
	}
	for _, w := range warnings {
		f = append(f, [2]string{"beware", w})
	}
	if p.preview {
		return a.Show(x, f)
	}
	// The result is the outcome: what comes before it is talk.
	out := a.Out
	a.Out = a.Err
	defer func() { a.Out = out }()
	if a.Quiet {
		return nil
	}
	return a.showFields(f)
}

// termsFields are the rules in words.
func termsFields(v *client.Verifier, t *coupon.Terms) Fields {
	currency := currencyByNumber(v, t.Currency)
	money := func(minor uint64) string { return units.Money(minor, currency) }
	f := Fields{{"gives", ruleText(t, currency)}, {"issuer", memberName(v, t.Issuer)}, {"supply", fmt.Sprint(t.MaxSupply)}}
	if t.Uses > 1 {
		f = append(f, [2]string{"uses", fmt.Sprintf("%d for each coupon", t.Uses)})
	}
	if t.MinSpend > 0 {
		f = append(f, [2]string{"smallest bill", money(t.MinSpend)})
	}
	f = append(f, Fields{
		{"claim", when(t.ClaimFrom) + " until " + whenEnds(t.ClaimUntil)},
		{"redeem", when(t.RedeemFrom) + " until " + whenEnds(t.RedeemUntil)},
	}...)
	if t.RelativeMs > 0 {
		f = append(f, [2]string{"life", units.Span(t.RelativeMs) + " from the claim"})
	}
	shops := []string{}
	for _, s := range t.Shops {
		name := memberName(v, s.Member)
		if s.Store != 0 {
			name += fmt.Sprintf(" store %d", s.Store)
		}
		shops = append(shops, name)
	}
	if len(shops) == 0 {
		shops = []string{"every merchant"}
	}
	show := "never"
	if t.ShowMax > 0 {
		show = "up to " + money(t.ShowMax)
	}
	passing := t.Transfer.String()
	if t.Transfer != coupon.TransferNone && t.MaxTransfers != coupon.TransfersUnlimited {
		passing += fmt.Sprintf(", at most %d times", t.MaxTransfers)
	}
	return append(f, Fields{
		{"shops", strings.Join(shops, ", ")}, {"shown code", show}, {"passing on", passing},
		{"undo", "within " + units.Span(t.RollbackMs)},
	}...)
}

// ruleText says what a coupon gives.
func ruleText(t *coupon.Terms, currency coupon.Currency) string {
	money := func(minor uint64) string { return units.Money(minor, currency) }
	switch t.ValueKind {
	case coupon.Amount:
		return money(t.Face) + " off the bill"
	case coupon.Percent:
		return units.Share(t.Bps) + " off, at most " + money(t.Ceiling)
	case coupon.FreeItem:
		return "one item free, worth at most " + money(t.Face)
	case coupon.Stored:
		return money(t.Face) + " to spend"
	}
	return t.ValueKind.String()
}

func (a *App) publishTerms(ctx context.Context, t *coupon.Terms, text string, p *publishing) error {
	c, err := a.Client()
	if err != nil {
		return err
	}
	signers, err := a.memberSigners(ctx, c, p.signers)
	if err != nil {
		return err
	}
	for _, id := range t.MustSign() {
		signs := false
		for _, s := range signers {
			signs = signs || s.Member == id
		}
		if !signs && p.send.draft == "" {
			return &Error{Exit: ExitNotAllowed, Text: memberName(c.Verifier,
				id) + " must sign this campaign, and none of its keys does",
				Remedy: "Name one with --sign."}
		}
	}
	raw := actions.SignedCampaign(c.Chain(), p.send.expiry(c.Verifier, coupon.KindCampaignPublish), *t, signers...)
	if !p.send.dryRun && p.send.draft == "" {
		why := "This locks " + units.Money(t.Budget, currencyByNumber(c.Verifier, t.Currency)) + " and cannot be taken back."
		if err := a.confirm(p.yes, why, t.Title); err != nil {
			return err
		}
	}
	return a.send(ctx, c, raw, p.send, func(o outcome, r *client.Receipt) error {
		n := r.Outcome.Campaign
		err := a.Show(o, Fields{{"published", a.green("campaign " + fmt.Sprint(n))}, {"title", t.Title},
			{"transaction", o.Tx.String()},
			a.provenBy(c.Verifier, &o)})
		if _, e := c.PublishTermsText(ctx, n, 0, text); e != nil {
			a.Say("the text of the terms did not get to the nodes: scrip campaign terms %d --give FILE (%v)", n, e)
		}
		a.Say("next: scrip ticket issue %d COUNT --sign KEY", n)
		return err
	})
}

func newCampaignListCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all campaigns, proven", Args: arguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.Client()
			if err != nil {
				return err
			}
			count, _, _, err := cl.Counts(c.Context())
			if err != nil {
				return err
			}
			var all []client.CampaignAnswer
			rows := Rows{Head: []string{"NO", "TITLE", "STATUS", "GIVES", "ISSUED", "REDEEMED", "OWED", "BUDGET"},
				Empty: "no campaigns yet: scrip campaign publish --help"}
			p := a.Progress("reading campaigns")
			for n := uint32(1); n <= count; n++ {
				p.Set(int(n), int(count), "")
				x, err := cl.Campaign(c.Context(), n)
				if err != nil {
					return err
				}
				currency := currencyByNumber(cl.Verifier, x.Terms.Currency)
				all = append(all, campaignAnswer(cl.Verifier, x))
				rows.Body = append(rows.Body, []string{fmt.Sprint(n), x.Terms.Title, x.Status, ruleText(&x.Terms, currency),
					fmt.Sprintf("%d of %d", x.Issued, x.Terms.MaxSupply), fmt.Sprint(x.Redemptions - x.Voids),
					units.Money(x.Accrued, currency), units.Money(x.Terms.Budget, currency)})
			}
			p.Done()
			return ShowAll(a, all, rows)
		},
	}
}

func campaignAnswer(v *client.Verifier, x *client.Campaign) client.CampaignAnswer {
	return client.CampaignAnswerOf(x.Number, &x.Campaign, &x.Terms, currencyByNumber(v, x.Terms.Currency),
		memberName(v, x.Issuer), x.State.TimeMs)
}

// provenAt is the line that says what stands behind a state.
func provenAt(v *client.Verifier, s *client.State) [2]string {
	return [2]string{"proof", fmt.Sprintf("state of block %d, %s, attested by %d of %d members", s.Height, when(s.TimeMs),
		s.Proof.Checkpoint.Signers.Count(), v.Committee().Size())}
}

func newCampaignShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show NO", Short: "Show a campaign: its rules and where it stands, proven", Args: arguments("NO"),
		RunE: on(a, parseCampaign, func(ctx context.Context, cl *client.Client, n uint32) error {
			x, err := cl.Campaign(ctx, n)
			if err != nil {
				return err
			}
			v, currency := cl.Verifier, currencyByNumber(cl.Verifier, x.Terms.Currency)
			f := append(Fields{{"campaign", a.bold(fmt.Sprint(n))}, {"title", x.Terms.Title}, {"status", x.Status}},
				termsFields(v, &x.Terms)...)
			f = append(f, Fields{
				{"issued", fmt.Sprintf("%d; serials below %d have tickets", x.Issued, x.NextSerial)},
				{"redeemed", fmt.Sprintf("%d, of these %d undone; %d coupons used up", x.Redemptions, x.Voids, x.UsedUp)},
				{"owed", units.Money(x.Accrued, currency)},
				{"set aside", fmt.Sprintf("%s of a budget of %s", units.Money(x.Committed, currency),
					units.Money(x.Terms.Budget, currency))},
				{"ends", whenEnds(coupon.End(&x.Terms, &x.Campaign))}, provenAt(v, x.State),
			}...)
			return a.Show(campaignAnswer(v, x), f)
		}),
	}
}

// newControlCommand returns pause, resume or close.
func newControlCommand(a *App, op coupon.Kind) *cobra.Command {
	verb := map[coupon.Kind]string{coupon.KindCampaignPause: "pause", coupon.KindCampaignResume: "resume",
		coupon.KindCampaignClose: "close"}[op]
	short := map[string]string{"pause": "Stop claims for now; what is claimed stays good", "resume": "Allow claims again",
		"close": "Stop claims for ever; what is claimed stays good"}[verb]
	var signers []string
	yes := false
	c := &cobra.Command{Use: verb + " NO", Short: short, Args: arguments("NO")}
	c.Flags().StringSliceVar(&signers, "sign", nil, "admin key of the issuer, by name; repeatable")
	if verb == "close" {
		c.Flags().BoolVar(&yes, "yes", false, "close without asking")
	}
	s := sendFlags(c)
	draftFlag(c, s)
	c.RunE = on(a, parseCampaign, func(ctx context.Context, cl *client.Client, n uint32) error {
		keys, err := a.memberSigners(ctx, cl, signers)
		if err != nil {
			return err
		}
		if verb == "close" && !s.dryRun && s.draft == "" {
			if err := a.confirm(yes, "Nobody can open a closed campaign again.", fmt.Sprintf("close %d", n)); err != nil {
				return err
			}
		}
		raw := actions.SignedControl(cl.Chain(), s.expiry(cl.Verifier, op), op, n, keys...)
		return a.send(ctx, cl, raw, s, func(o outcome, _ *client.Receipt) error {
			return a.Show(o, Fields{{verb + "d", a.green(fmt.Sprint("campaign ", n))}, {"transaction", o.Tx.String()},
				a.provenBy(cl.Verifier, &o)})
		})
	})
	return c
}
