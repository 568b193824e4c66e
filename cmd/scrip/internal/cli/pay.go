package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
)

// authAnswer is what is told of a code that a holder shows; the fields are
// stable.
type authAnswer struct {
	Text    string      `json:"text"`
	Coupon  client.U64  `json:"coupon"`
	Seq     uint32      `json:"seq"`
	Mode    string      `json:"mode"`
	Value   client.U64  `json:"value"`
	Expires client.Time `json:"expires"`
}

func newShowCodeCommand(a *App) *cobra.Command {
	var most string
	var merchant uint16
	var life time.Duration
	c := &cobra.Command{
		Use: "show-code COUPON", Short: "Make a code to show at a till, good for a minute",
		Long: "Make a code to show at a till, good for a minute: it lets any till of the terms take up\n" +
			"to the value, once. Naming the merchant keeps it from all others. Codes that were\n" +
			"shown and not used are made useless by \"scrip coupon refresh\".",
		Args: arguments("COUPON"),
	}
	name, qr := walletFlag(c), qrFlags(c)
	c.Flags().StringVar(&most, "max", "", "the most that may be taken (default: what the terms allow)")
	c.Flags().Uint16Var(&merchant, "merchant", 0,
		"only this merchant's tills (default: of one-shop campaigns that shop, else any)")
	c.Flags().DurationVar(&life, "life", time.Minute, "how long the code is good")
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := parseCoupon(args[0])
		if err != nil {
			return err
		}
		return a.withPurse(*name, func(cl *client.Client, p *purse.Purse) error {
			if err := checkLife(cl.Verifier, life); err != nil {
				return err
			}
			x, owner, err := a.owned(c.Context(), cl, p, id)
			if err != nil {
				return err
			}
			value, err := showValue(cl.Verifier, x, most)
			if err != nil {
				return err
			}
			if merchant == 0 {
				merchant = actions.OnlyMerchant(&x.Campaign.Terms)
			}
			code := actions.SignedShowCode(cl.Chain(), signedFor(x), signer(owner), value, merchant,
				nowMs()+uint64(life.Milliseconds()))
			return a.showAuth(cl.Verifier, &code, x, qr)
		})
	}
	return c
}

// showValue is the most that a shown code may take.
func showValue(v *client.Verifier, x *client.Coupon, most string) (uint64, error) {
	t := &x.Campaign.Terms
	if t.ShowMax == 0 {
		return 0, &Error{Exit: ExitRefused, Code: coupon.ShowLimit.String(), Text: "coupons of this campaign cannot be shown",
			Remedy: "Let the till make an invoice.", Next: "scrip coupon authorise INVOICE"}
	}
	if most == "" {
		return actions.ShowValue(t, x.ValueLeft), nil
	}
	asked, err := units.ParseMoney(most, currencyByNumber(v, t.Currency))
	if err != nil || asked == 0 {
		return 0, usageError("--max: %q is no amount to allow: %v", most, err)
	}
	return asked, nil
}

// signedFor is a coupon as its holder signs for it.
func signedFor(x *client.Coupon) actions.Held { return actions.Held{Coupon: x.ID, Seq: x.Seq} }

func (a *App) showAuth(v *client.Verifier, p *coupon.Payload, x *client.Coupon, qr *qrForm) error {
	text, auth := coupon.PayloadText(v.Chain().EncodePayload(p)), &p.Auth
	if err := a.showQR(a.Err, text, qr); err != nil {
		return err
	}
	if !a.ForPeople() {
		return a.Show(authAnswer{text, client.U64(auth.Coupon), auth.Seq, auth.Mode.String(), client.U64(auth.Value),
			client.TimeOf(auth.Expires)}, nil)
	}
	currency := currencyByNumber(v, x.Campaign.Terms.Currency)
	upTo := "exactly "
	if auth.Mode == coupon.ModeShow {
		upTo = "up to "
	}
	a.Say("%s: %s%s, until %s", x.Campaign.Terms.Title, upTo, units.Money(auth.Value, currency),
		units.Clock(auth.Expires, time.Local))
	return a.Raw([]byte(text + "\n"))
}

func newAuthoriseCommand(a *App) *cobra.Command {
	which := ""
	amount := ""
	submit := false
	c := &cobra.Command{
		Use: "authorise INVOICE|@FILE|-", Short: "Authorise a till's invoice with a coupon",
		Long: "Authorise a till's invoice with a coupon, after checking the till and the value that the\n" +
			"terms give. The text that is printed goes to the till; with --submit the wallet hands\n" +
			"the redemption in itself.",
		Args: arguments("INVOICE"),
	}
	name, qr, s := walletFlag(c), qrFlags(c), sendFlags(c)
	c.Flags().StringVar(&which, "coupon", "", "coupon to use (default: the only one that fits)")
	c.Flags().StringVar(&amount, "amount", "", "of a stored value: how much to take (default: as much as the bill needs)")
	c.Flags().BoolVar(&submit, "submit", false, "hand the redemption in instead of printing the authorisation")
	c.RunE = func(c *cobra.Command, args []string) error {
		if s.dryRun && !submit {
			return usageError("--dry-run goes with --submit: without it nothing is handed in")
		}
		text, err := a.text(args[0])
		if err != nil {
			return err
		}
		return a.withPurseFor(*name, s, func(cl *client.Client, p *purse.Purse) error {
			i, err := readPayload(cl.Chain(), text, coupon.PayloadInvoice)
			if err != nil {
				return err
			}
			auth, x, err := a.authorise(c.Context(), cl, p, &i, which, amount)
			if err != nil {
				return err
			}
			if !submit {
				return a.showAuth(cl.Verifier, &auth, x, qr)
			}
			return a.finish(c.Context(), cl, actions.SignedRedeemInvoice(cl.Chain(), i, auth), s)
		})
	}
	return c
}

// authorise checks an invoice and makes the holder's order for it.
func (a *App) authorise(ctx context.Context, c *client.Client, p *purse.Purse, i *coupon.Payload, which, amount string,
) (auth coupon.Payload, x *client.Coupon, err error) {
	holder := actions.Holder{Client: c}
	till, err := holder.CheckInvoice(ctx, *i)
	if err != nil {
		return auth, x, err
	}
	id, err := a.chooseCoupon(ctx, &holder, p, i, till, which)
	if err != nil {
		return auth, x, err
	}
	x, owner, err := a.owned(ctx, c, p, id)
	if err != nil {
		return auth, x, err
	}
	value, err := invoiceValue(c.Verifier, x, &i.Invoice, amount)
	if err != nil {
		return auth, x, err
	}
	a.Say("%s off at %s, store %d", units.Money(value, currencyByNumber(c.Verifier, i.Invoice.Currency)),
		memberName(c.Verifier, till.Member), till.Store)
	auth, err = holder.AuthorizeInvoice(signedFor(x), signer(owner), *i, value)
	return auth, x, err
}

// invoiceValue is the value that the terms give on an invoice.
func invoiceValue(v *client.Verifier, x *client.Coupon, i *coupon.Invoice, amount string) (uint64, error) {
	t := &x.Campaign.Terms
	value := actions.ValueOn(t, x.ValueLeft, i)
	if value == 0 {
		return 0, refused(coupon.MinSpend, "")
	}
	switch {
	case amount == "":
		return value, nil
	case t.ValueKind != coupon.Stored:
		return 0, usageError("--amount is for stored value; this coupon gives what its terms say")
	}
	asked, err := units.ParseMoney(amount, currencyByNumber(v, t.Currency))
	if err != nil {
		return 0, usageError("--amount: %v", err)
	}
	return asked, nil
}

// chooseCoupon returns the coupon that was named, or the only one that fits.
func (a *App) chooseCoupon(ctx context.Context, h *actions.Holder, p *purse.Purse, i *coupon.Payload,
	till *client.Till, which string) (coupon.CouponID, error) {
	if which != "" {
		return parseCoupon(which)
	}
	fitting, err := h.Fitting(ctx, p, &i.Invoice, &till.Till)
	if err != nil {
		return 0, err
	}
	switch len(fitting) {
	case 0:
		return 0, &Error{Exit: ExitNotFound, Text: "no coupon of this wallet fits the invoice", Next: "scrip coupon list"}
	case 1:
		return fitting[0], nil
	}
	names := ""
	for _, id := range fitting[:min(len(fitting), 8)] {
		names += " " + couponName(id)
	}
	return 0, usageError("%d coupons fit the invoice: choose with --coupon, such as%s", len(fitting), names)
}
