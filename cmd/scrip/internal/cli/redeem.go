package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
)

func newRedeemCommand(a *App) *cobra.Command {
	c := group("redeem", "Take coupons at a till", newRedeemInvoiceCommand(a), newRedeemCodeCommand(a),
		newRedeemAuthCommand(a))
	c.Long = "Take coupons at a till. Either the customer shows a code (scrip redeem code), or the till\n" +
		"shows an invoice that the customer's wallet authorises (scrip redeem invoice).\n\n" +
		"Goods are handed over when the answer is ACCEPTED and at no other moment: it is said only\n" +
		"when the proof of enough members was checked here."
	return c
}

// sale is the flags that say what is sold at which till.
type sale struct {
	till, amount string
	campaign     uint32
	qty          uint16
	unit         string
	basket       string
	life         time.Duration
}

func saleFlags(c *cobra.Command) *sale {
	s := &sale{}
	f := c.Flags()
	f.StringVar(&s.till, "till", "", "till key, by name")
	f.StringVar(&s.amount, "amount", "", "the part of the bill that the coupon applies to, such as 12.50")
	f.Uint32Var(&s.campaign, "campaign", 0, "campaign of the coupon; needed for items and for lists of goods")
	f.Uint16Var(&s.qty, "qty", 0, "of item coupons: number of items")
	f.StringVar(&s.unit, "unit", "", "of item coupons: price of the cheapest item")
	f.StringVar(&s.basket, "basket", "", "file with the bill, of which a salted hash goes into the invoice")
	f.DurationVar(&s.life, "life", 2*time.Minute, "how long the invoice is good")
	_ = c.MarkFlagRequired("till")
	_ = c.MarkFlagRequired("amount")
	return s
}

// register loads a till's key, and returns a client that logs in with it: so its
// redemptions are always admitted, and their refusals are final. A key that is not
// that of an active till is told at once, since no node lets it in.
func (a *App) register(ctx context.Context, name string) (*client.Client, *client.Till, coupon.Signer, error) {
	s, err := a.LoadKey(name, keys.Till)
	if err != nil {
		return nil, nil, coupon.Signer{}, err
	}
	c, err := a.Client(client.WithTill(signer(s)))
	if err != nil {
		return nil, nil, coupon.Signer{}, err
	}
	x, err := c.Till(ctx, s.Public())
	if errors.Is(err, client.ErrNotFound) {
		err = &Error{Exit: ExitNotAllowed, Code: coupon.KeyState.String(), Text: "the key of this till is not registered",
			Next: "scrip till add " + name + " --sign KEY"}
	}
	if err == nil && !x.Till.Live(nowMs()) {
		err = refused(coupon.KeyState, "this till was revoked, or is outside its window")
	}
	return c, x, signer(s), err
}

// bill is what the till states of a sale, and until when.
func (a *App) bill(c *client.Client, x *client.Till, s *sale) (b actions.Bill, expires uint64, err error) {
	currency := currencyByNumber(c.Verifier, x.Currency)
	basis, err := units.ParseMoney(s.amount, currency)
	if err != nil {
		return b, 0, usageError("--amount: %v", err)
	}
	unit := uint64(0)
	if s.unit != "" {
		if unit, err = units.ParseMoney(s.unit, currency); err != nil {
			return b, 0, usageError("--unit: %v", err)
		}
	}
	if err := checkLife(c.Verifier, s.life); err != nil {
		return b, 0, err
	}
	hash, err := basketHash(s.basket)
	if err != nil {
		return b, 0, err
	}
	return actions.Bill{Campaign: s.campaign, Currency: x.Currency, Basis: basis, Qty: s.qty, Unit: unit,
		BasketHash: hash}, nowMs() + uint64(s.life.Milliseconds()), nil
}

// basketHash binds a bill under a fresh salt, which also makes each invoice unique.
func basketHash(path string) ([32]byte, error) {
	var basket []byte
	if path != "" {
		var err error
		if basket, err = readBytes(path, 16<<20); err != nil {
			return [32]byte{}, err
		}
	}
	return actions.BasketHash(basket), nil
}

// invoiceAnswer is what is told of an invoice; the fields are stable.
type invoiceAnswer struct {
	Text    string      `json:"text"`
	Digest  client.Hash `json:"digest"`
	Till    string      `json:"till"`
	Basis   client.U64  `json:"basis"`
	Expires client.Time `json:"expires"`
}

func newRedeemInvoiceCommand(a *App) *cobra.Command {
	wait := false
	c := &cobra.Command{
		Use: "invoice --till NAME --amount AMOUNT", Short: "Make an invoice for the customer's wallet to scan",
		Long: "Make an invoice and print its text, which the customer's wallet scans as a QR code and\n" +
			"authorises. With --wait the wallet's answer is then read from stdin, where a scanner\n" +
			"types it, and the redemption is finished; else give it to \"scrip redeem auth\".",
		Example: "  scrip redeem invoice --till north-1 --amount 12.50 --wait --qr",
		Args:    arguments(),
	}
	s, qr, out := saleFlags(c), qrFlags(c), sendFlags(c)
	c.Flags().BoolVar(&wait, "wait", false, "read the wallet's authorisation from stdin and redeem")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if out.dryRun && !wait {
			return usageError("--dry-run goes with --wait: without it nothing is handed in")
		}
		cl, x, till, err := a.register(c.Context(), s.till)
		if err != nil {
			return err
		}
		b, expires, err := a.bill(cl, x, s)
		if err != nil {
			return err
		}
		p := actions.SignedInvoice(cl.Chain(), till, b, expires)
		text := coupon.PayloadText(cl.Chain().EncodePayload(&p))
		if !wait {
			return a.showInvoice(cl.Verifier, &p.Invoice, text, qr)
		}
		if err := a.showQR(a.Err, text, qr); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(a.Err, text) // what the wallet scans is no small talk
		a.Say("waiting for the wallet's authorisation, until %s", units.Clock(expires, time.Local))
		line, err := a.readLine()
		if errors.Is(err, io.EOF) {
			return usageError("no authorisation came on stdin")
		}
		if err != nil {
			return err
		}
		return a.redeemAuth(c.Context(), cl, &p, line, out)
	}
	return c
}

func (a *App) showInvoice(v *client.Verifier, i *coupon.Invoice, text string, qr *qrForm) error {
	if err := a.showQR(a.Err, text, qr); err != nil {
		return err
	}
	if !a.ForPeople() {
		return a.Show(invoiceAnswer{text, i.Digest(v.Chain()), keys.Encode(keys.Till, i.TillKey), client.U64(i.Basis),
			client.TimeOf(i.Expires)}, nil)
	}
	a.Say("good until %s; the wallet: scrip coupon authorise INVOICE", units.Clock(i.Expires, time.Local))
	return a.Raw([]byte(text + "\n"))
}

func newRedeemCodeCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use: "code CODE --till NAME --amount AMOUNT", Short: "Redeem the code that a customer shows",
		Long: "Redeem the code that a customer shows: SCRP:..., @FILE or - for stdin. The till makes\n" +
			"the invoice, signs both, hands them in, waits, and checks the proof.",
		Example: "  scrip redeem code - --till north-1 --amount 12.50",
		Args:    arguments("CODE"),
	}
	s, out := saleFlags(c), sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		text, err := a.text(args[0])
		if err != nil {
			return err
		}
		cl, x, till, err := a.register(c.Context(), s.till)
		if err != nil {
			return err
		}
		return a.redeemCode(c.Context(), cl, x, till, s, text, out)
	}
	return c
}

func (a *App) redeemCode(ctx context.Context, c *client.Client, at *client.Till, till coupon.Signer, s *sale,
	text string,
	out *sending,
) error {
	p, err := readPayload(c.Chain(), text, coupon.PayloadAuth)
	if err != nil {
		return err
	}
	if p.Auth.Mode != coupon.ModeShow {
		return usageError("this code authorises an invoice: give both to \"scrip redeem auth\"")
	}
	if err := actions.CheckSigned(c.Chain(), &p); err != nil {
		return err
	}
	// What the coupon is decides nothing here: the chain does.
	x, err := c.Coupon(ctx, p.Auth.Coupon)
	if err != nil {
		return unknownCoupon(err)
	}
	b, expires, err := a.bill(c, at, s)
	if err != nil {
		return err
	}
	b = b.For(x.ID, &x.Campaign.Terms)
	return a.finish(ctx, c, actions.SignedRedeemShown(c.Chain(), till, b, expires, p), out)
}

// unknownCoupon says in a till's words that there is no such coupon.
func unknownCoupon(err error) error {
	if errors.Is(err, client.ErrNotFound) {
		e := refused(coupon.NotFound, "")
		e.Cause = err
		return e
	}
	return err
}

func newRedeemAuthCommand(a *App) *cobra.Command {
	invoice := ""
	c := &cobra.Command{
		Use:   "auth AUTHORISATION --till NAME --invoice INVOICE",
		Short: "Redeem an invoice that a customer's wallet has authorised",
		Long: "Redeem an invoice that a customer's wallet has authorised. Both are texts SCRP:...,\n" +
			"@FILE, or - for stdin.",
		Args: arguments("AUTHORISATION"),
	}
	till := c.Flags().String("till", "", "till key, by name")
	c.Flags().StringVar(&invoice, "invoice", "", "the invoice, as \"scrip redeem invoice\" printed it")
	_ = c.MarkFlagRequired("till")
	_ = c.MarkFlagRequired("invoice")
	out := sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, _, signs, err := a.register(c.Context(), *till)
		if err != nil {
			return err
		}
		text, err := a.text(invoice)
		if err != nil {
			return err
		}
		p, err := readPayload(cl.Chain(), text, coupon.PayloadInvoice)
		if err != nil {
			return err
		}
		if p.Invoice.TillKey != signs.Key {
			return &Error{Exit: ExitNotAllowed, Text: "this invoice is another till's"}
		}
		auth, err := a.text(args[0])
		if err != nil {
			return err
		}
		return a.redeemAuth(c.Context(), cl, &p, auth, out)
	}
	return c
}

func (a *App) redeemAuth(ctx context.Context, c *client.Client, invoice *coupon.Payload, text string,
	out *sending) error {
	p, err := readPayload(c.Chain(), text, coupon.PayloadAuth)
	if err != nil {
		return err
	}
	if err := actions.CheckAnswer(c.Chain(), invoice, &p); err != nil {
		return err
	}
	return a.finish(ctx, c, actions.SignedRedeemInvoice(c.Chain(), *invoice, p), out)
}

// redeemed is what is told of a redemption; the fields are stable.
type redeemed struct {
	outcome
	Result   string     `json:"result"`
	Value    client.U64 `json:"value"`
	Payable  client.U64 `json:"payable"`
	Currency string     `json:"currency"`
	Exponent uint8      `json:"exponent"`
}

// finish hands a redemption in and says accepted, refused or waiting. Accepted is
// said after the proof was checked, and nowhere else.
func (a *App) finish(ctx context.Context, c *client.Client, raw []byte, s *sending) error {
	began := time.Now()
	err := a.send(ctx, c, raw, s, func(o outcome, r *client.Receipt) error {
		tx, err := c.CheckTx(raw)
		if err != nil {
			return err
		}
		invoice := &tx.Fields.(*coupon.Redeem).Invoice
		currency := currencyByNumber(c.Verifier, invoice.Currency)
		x := redeemed{o, "accepted", client.U64(r.Outcome.Value), client.U64(r.Outcome.Payable), currency.Letters,
			currency.Exponent}
		f := Fields{{a.green("ACCEPTED"), a.bold(units.Money(r.Outcome.Value, currency)) + " off, in " +
			seconds(time.Duration(o.TookMs)*time.Millisecond)},
			{"coupon", fmt.Sprintf("%s, redemption %d, %d uses left", couponName(r.Outcome.Coupon), r.Outcome.Seq,
				r.Outcome.UsesLeft)},
			{"the shop gets", units.Money(r.Outcome.Payable, currency)}, {"can be undone", "until " + when(r.Outcome.FinalAt)},
			{"transaction", o.Tx.String()}, a.provenBy(c.Verifier, &o)}
		return a.Show(x, f)
	})
	if s.dryRun {
		return err
	}
	return tillWords(err, time.Since(began))
}

// tillWords puts in front of an error what a cashier needs to know.
func tillWords(err error, took time.Duration) error {
	var unknown *client.UnknownError
	var refusal *client.Refusal
	if err == nil {
		return nil
	}
	e := *explain(err)
	switch {
	case errors.As(err, &unknown) && !unknown.Lapsed:
		e.Text = "WAITING after " + seconds(took) + ": do not hand over. " + e.Error()
	case errors.As(err, &refusal) && !refusal.Final && e.Exit == ExitUnknown:
		e.Text = "WAITING after " + seconds(took) + ": do not hand over. " + e.Text
	case errors.As(err, &refusal) && !refusal.Final:
		e.Text = "REFUSED after " + seconds(took) + " (by the nodes, without a receipt; " +
			openUntil(refusal.OpenUntilMs) + "): " + e.Text
	case errors.As(err, &refusal) || e.Exit == ExitRefused || e.Exit == ExitUsed:
		e.Text = "REFUSED after " + seconds(took) + ": " + e.Text
	default:
		return err
	}
	return &e
}

func newVoidCommand(a *App) *cobra.Command {
	till := ""
	seq := int64(-1)
	yes := false
	c := &cobra.Command{
		Use: "void COUPON --till NAME", Short: "Undo a redemption: the customer has the use back",
		Long: "Undo a redemption within its time: the use goes back to the coupon, and the shop is not\n" +
			"paid for it. The till's key needs a right to do so. Without --seq it is the last one.",
		Args: arguments("COUPON"),
	}
	c.Flags().StringVar(&till, "till", "", "till key with a right to undo, by name")
	c.Flags().Int64Var(&seq, "seq", seq, "which redemption of the coupon (default: the last)")
	c.Flags().BoolVar(&yes, "yes", false, "undo without asking")
	_ = c.MarkFlagRequired("till")
	s := sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := parseCoupon(args[0])
		if err != nil {
			return err
		}
		cl, _, signs, err := a.register(c.Context(), till)
		if err != nil {
			return err
		}
		which, r, err := lastRedemption(c.Context(), cl, id, seq)
		if err != nil {
			return err
		}
		x, err := cl.Campaign(c.Context(), id.Campaign())
		if err != nil {
			return err
		}
		currency := currencyByNumber(cl.Verifier, x.Terms.Currency)
		if !s.dryRun {
			why := fmt.Sprintf("This undoes %s of %s.", units.Money(r.Value, currency), when(r.At))
			if err := a.confirm(yes, why, "undo "+couponName(id)); err != nil {
				return err
			}
		}
		raw := actions.SignedVoid(cl.Chain(), actions.Expiry(cl.Verifier, coupon.KindVoid),
			actions.Held{Coupon: id, Seq: which}, signs)
		return a.send(c.Context(), cl, raw, s, func(o outcome, r *client.Receipt) error {
			return a.Show(o, Fields{{"undone", a.green(units.Money(r.Outcome.Value,
				currency)) + " given back to coupon " + couponName(id)},
				{"redemption", fmt.Sprint(which)}, {"good until", when(r.Outcome.Until)}, {"transaction", o.Tx.String()},
				a.provenBy(cl.Verifier, &o)})
		})
	}
	return c
}

// lastRedemption returns a redemption of a coupon, for seq < 0 the last one that
// stands.
func lastRedemption(ctx context.Context, c *client.Client, id coupon.CouponID, seq int64) (uint32, coupon.Redemption,
	error) {
	if seq > int64(^uint32(0)) {
		return 0, coupon.Redemption{}, usageError("--seq %d is too large", seq)
	}
	if seq >= 0 {
		r, _, err := c.Redemption(ctx, id, uint32(seq))
		return uint32(seq), r, err
	}
	till := actions.Till{Client: c}
	last, r, err := till.LastRedemption(ctx, id)
	if errors.Is(err, actions.ErrNoRedemption) {
		return 0, r, &Error{Exit: ExitNotFound, Text: "coupon " + couponName(id) + " has no redemption that could be undone",
			Next: "scrip coupon history " + couponName(id)}
	}
	return last, r, err
}
