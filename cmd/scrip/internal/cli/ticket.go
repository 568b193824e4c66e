package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
)

// ticketsMax bounds the tickets that one command makes.
const ticketsMax = 1_000_000

func newTicketCommand(a *App) *cobra.Command {
	return group("ticket", "Hand out coupons as tickets", newTicketIssueCommand(a), newTicketMakeCommand(a),
		newTicketShowCommand(a))
}

// ticketForm is the flags that say how tickets are written.
type ticketForm struct {
	form, host, out, expires string
}

func formFlags(c *cobra.Command) *ticketForm {
	t := &ticketForm{}
	c.Flags().StringVar(&t.form, "form", "link", "link, text (of a QR code between till and wallet) or json")
	c.Flags().StringVar(&t.host, "host", "",
		"where links lead to, such as https://wallet.example (default: the first node)")
	c.Flags().StringVar(&t.out, "out", "", "write the tickets to this new file instead of stdout")
	c.Flags().StringVar(&t.expires, "expires", "", "end of the tickets (default: the end of claiming)")
	_ = c.RegisterFlagCompletionFunc("form", cobra.FixedCompletions([]string{"link", "text", "json"},
		cobra.ShellCompDirectiveNoFileComp))
	return t
}

func (t *ticketForm) check() error {
	if t.form != "link" && t.form != "text" && t.form != "json" {
		return usageError("--form is link, text or json, not %q", t.form)
	}
	return nil
}

func newTicketIssueCommand(a *App) *cobra.Command {
	var signers []string
	var keyName string
	open := false
	c := &cobra.Command{
		Use: "issue CAMPAIGN COUNT", Short: "Open a batch of serials and make its tickets",
		Long: "Open the next COUNT serials of a campaign to claims under a ticket key, and make a\n" +
			"ticket for each. Whoever has a ticket first can claim its coupon: so small batches\n" +
			"with a key each are better than one large batch. The key is made under the name\n" +
			"ticket-CAMPAIGN-FIRST unless --key names one. If the outcome is not known, ask for\n" +
			"it, and make the tickets with \"scrip ticket make\".",
		Example: "  scrip ticket issue 1 50 --sign mall --out tickets.txt",
		Args:    arguments("CAMPAIGN", "COUNT"),
	}
	c.Flags().StringSliceVar(&signers, "sign", nil, "admin key of the issuer, by name; repeatable")
	c.Flags().StringVar(&keyName, "key", "", "ticket key, by name (default: a new one)")
	c.Flags().BoolVar(&open, "unencrypted", false, "keep a new ticket key unencrypted")
	form, s := formFlags(c), sendFlags(c)
	draftFlag(c, s)
	c.RunE = func(c *cobra.Command, args []string) error {
		campaign, err := parseCampaign(args[0])
		if err != nil {
			return err
		}
		count, err := parseCount(args[1])
		if err == nil {
			err = form.check()
		}
		if err != nil {
			return err
		}
		return a.issueTickets(c.Context(), campaign, count, signers, keyName, open, form, s)
	}
	return c
}

func parseCount(s string) (uint32, error) {
	var n uint32
	if _, err := fmt.Sscanf(s+"\n", "%d\n", &n); err != nil || n == 0 || n > ticketsMax {
		return 0, usageError("%q is no number of tickets: wanted 1 to %d", s, ticketsMax)
	}
	return n, nil
}

func (a *App) issueTickets(ctx context.Context, campaign, count uint32, signers []string, keyName string, open bool,
	form *ticketForm, s *sending,
) error {
	c, err := a.Client(client.WithPatience(5 * time.Second))
	if err != nil {
		return err
	}
	x, err := c.Campaign(ctx, campaign)
	if err != nil {
		return err
	}
	members, err := a.memberSigners(ctx, c, signers)
	if err != nil {
		return err
	}
	key, err := a.ticketKey(keyName, fmt.Sprintf("ticket-%d-%d", campaign, x.NextSerial), open, s.dryRun)
	if err != nil {
		return err
	}
	first := x.NextSerial
	raw := actions.SignedBatch(c.Chain(), s.expiry(c.Verifier, coupon.KindBatchCommit), campaign, first, count,
		key.Public(), members...)
	return a.send(ctx, c, raw, s, func(o outcome, r *client.Receipt) error {
		a.Say("batch %d of campaign %d: serials %d to %d", r.Outcome.Batch, campaign, first, first+count-1)
		return a.writeTickets(c, x, r.Outcome.Batch, first, count, key, form)
	})
}

// ticketKey loads a ticket key, or makes one under a name that says what it is for;
// one that is made for a dry run is kept nowhere.
func (a *App) ticketKey(name, fresh string, open, dryRun bool) (keys.Secret, error) {
	if name != "" {
		return a.LoadKey(name, keys.Ticket)
	}
	if path := a.newKeyPath(fresh); isFile(path) { // of an attempt that did not get through
		return a.LoadKey(fresh, keys.Ticket)
	}
	s := keys.Generate(keys.Ticket)
	if dryRun {
		return s, nil
	}
	if err := a.saveKey(a.newKeyPath(fresh), s, open); err != nil {
		return s, err
	}
	a.Say("made the ticket key %s", fresh)
	return s, nil
}

func newTicketMakeCommand(a *App) *cobra.Command {
	var first, count uint32
	var batch uint16
	var keyName string
	c := &cobra.Command{
		Use: "make CAMPAIGN", Short: "Make tickets of an open batch, the same as before if they were made before",
		Example: "  scrip ticket make 1 --batch 1 --key ticket-1-1 --first 3 --count 2",
		Args:    arguments("CAMPAIGN"),
	}
	c.Flags().Uint16Var(&batch, "batch", 1, "number of the batch")
	c.Flags().StringVar(&keyName, "key", "", "ticket key of the batch, by name (default: ticket-CAMPAIGN-FIRST)")
	c.Flags().Uint32Var(&first, "first", 0, "first serial (default: the batch's)")
	c.Flags().Uint32Var(&count, "count", 0, "how many (default: all from the first on)")
	form := formFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		campaign, err := parseCampaign(args[0])
		if err == nil {
			err = form.check()
		}
		if err != nil {
			return err
		}
		cl, err := a.Client()
		if err != nil {
			return err
		}
		b, _, err := cl.Batch(c.Context(), campaign, batch)
		if err != nil {
			return err
		}
		if keyName == "" {
			keyName = fmt.Sprintf("ticket-%d-%d", campaign, b.First)
		}
		from, n, err := within(b, first, count)
		if err != nil {
			return err
		}
		key, err := a.LoadKey(keyName, keys.Ticket)
		if err != nil {
			return err
		}
		if key.Public() != b.TicketKey {
			return &Error{Exit: ExitNotAllowed, Text: fmt.Sprintf("the key %q is not that of batch %d", keyName, batch),
				Remedy: "The batch's is " + keys.Encode(keys.Ticket, b.TicketKey) + "."}
		}
		x, err := cl.Campaign(c.Context(), campaign)
		if err != nil {
			return err
		}
		return a.writeTickets(cl, x, batch, from, n, key, form)
	}
	return c
}

// within returns the serials of a batch that were asked for.
func within(b coupon.Batch, first, count uint32) (from, n uint32, err error) {
	if first == 0 {
		first = b.First
	}
	last := b.First + b.Count - 1
	if first < b.First || first > last {
		return 0, 0, usageError("serial %d is not in the batch, which has %d to %d", first, b.First, last)
	}
	if count == 0 {
		count = last - first + 1
	}
	if count > last-first+1 {
		return 0, 0, usageError("%d tickets from serial %d on are more than the batch has: %d", count, first, last-first+1)
	}
	if count > ticketsMax {
		return 0, 0, usageError("%d tickets at once are too many: at most %d", count, ticketsMax)
	}
	return first, count, nil
}

// ticketAnswer is what is told of a ticket; the fields are stable.
type ticketAnswer struct {
	Campaign uint32      `json:"campaign"`
	Batch    uint16      `json:"batch"`
	Serial   uint32      `json:"serial"`
	Coupon   client.U64  `json:"coupon"`
	Expires  client.Time `json:"expires"`
	Link     string      `json:"link,omitempty"`
	Text     string      `json:"text,omitempty"`
}

// writeTickets makes tickets and writes them in the wanted form.
func (a *App) writeTickets(c *client.Client, x *client.Campaign, batch uint16, first, count uint32, key keys.Secret,
	form *ticketForm) error {
	expires := x.Terms.ClaimUntil
	if form.expires != "" {
		var err error
		if expires, err = units.ParseEnd(form.expires, time.Now(), time.Local); err != nil {
			return usageError("--expires: %v", err)
		}
	}
	host := form.host
	if host == "" {
		host = c.Nodes()[0]
	}
	var b bytes.Buffer
	for serial := first; serial < first+count; serial++ {
		p := actions.SerialTicket(c.Chain(), key, x.Number, batch, serial, expires)
		answer := describeTicket(c.Chain(), &p, host)
		switch {
		case form.form == "json" || !a.ForPeople():
			line, err := json.Marshal(answer)
			if err != nil {
				return fmt.Errorf("write ticket: %w", err)
			}
			b.Write(append(line, '\n'))
		case form.form == "text":
			b.WriteString(answer.Text + "\n")
		default:
			b.WriteString(answer.Link + "\n")
		}
	}
	if form.out == "" {
		return a.Raw(b.Bytes())
	}
	// Tickets are bearer things: nobody else may read the file.
	if err := writeNewFile(form.out, b.Bytes(), 0o600); err != nil {
		return err
	}
	a.Say("wrote %d tickets to %s", count, form.out)
	return nil
}

func describeTicket(chain coupon.Chain, p *coupon.TicketPayload, host string) ticketAnswer {
	payload := &coupon.Payload{Type: coupon.PayloadTicket, Ticket: *p}
	return ticketAnswer{Campaign: p.Campaign, Batch: p.Batch, Serial: p.Serial,
		Coupon: client.U64(coupon.NewCouponID(p.Campaign, p.Serial)), Expires: client.TimeOf(p.Expires),
		Link: chain.Link(host, payload), Text: coupon.PayloadText(chain.EncodePayload(payload))}
}

// readPayload reads a payload from a link or from the text between till and
// wallet, of one of the wanted types.
func readPayload(chain coupon.Chain, text string, wanted ...coupon.PayloadType) (coupon.Payload, error) {
	var raw []byte
	var err error
	if strings.HasPrefix(strings.ToUpper(text), coupon.TextPrefix) {
		raw, err = coupon.ParsePayloadText(strings.ToUpper(text))
	} else {
		raw, err = coupon.ParseLink(text)
	}
	if err != nil {
		return coupon.Payload{}, usageError("this is neither a link nor a code: %v", err)
	}
	p, err := chain.DecodePayload(raw)
	var bad *coupon.Error
	if errors.As(err, &bad) && bad.Code == coupon.BadEncoding {
		return p, usageError("this is neither a link nor a code: %s", bad.Detail)
	}
	if err != nil {
		return p, err
	}
	for _, t := range wanted {
		if p.Type == t {
			return p, nil
		}
	}
	return p, usageError("this is %s, and %s is wanted here", payloadName(p.Type), payloadName(wanted[0]))
}

func payloadName(t coupon.PayloadType) string {
	return map[coupon.PayloadType]string{coupon.PayloadInvoice: "a till's invoice", coupon.PayloadAuth: "a holder's code",
		coupon.PayloadTicket: "a ticket", coupon.PayloadGift: "a gift"}[t]
}

// ticketState is what is told of a ticket that was checked; the fields are stable.
type ticketState struct {
	ticketAnswer
	Checked bool   `json:"checked"`
	Genuine bool   `json:"genuine"`
	State   string `json:"state"`
	Title   string `json:"title,omitempty"`
}

func newTicketShowCommand(a *App) *cobra.Command {
	offline := false
	c := &cobra.Command{
		Use: "show LINK|@FILE|-", Short: "Decode a ticket and look whether its coupon can still be claimed",
		Long: "Decode a ticket, check it against its batch, and look whether its coupon can still be\n" +
			"claimed. Nothing is claimed. Whoever sees a ticket can claim it: so give it as @FILE\n" +
			"or on stdin (-) where others can see command lines.",
		Args: arguments("LINK|@FILE|-"),
	}
	c.Flags().BoolVar(&offline, "offline", false, "only decode, without a node")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := a.Verifier()
		if err != nil {
			return err
		}
		text, err := a.text(args[0])
		if err != nil {
			return err
		}
		p, err := readPayload(v.Chain(), text, coupon.PayloadTicket)
		if err != nil {
			return err
		}
		x := ticketState{ticketAnswer: describeTicket(v.Chain(), &p.Ticket, ""), State: "not checked"}
		x.Link, x.Text = "", ""
		if !offline {
			cl, err := a.Client()
			if err != nil {
				return err
			}
			if _, err := checkTicket(c.Context(), cl, &p.Ticket, &x); err != nil {
				return err
			}
		}
		return a.Show(x, Fields{{"ticket", fmt.Sprintf("campaign %d, batch %d, serial %d", x.Campaign, x.Batch, x.Serial)},
			{"title", x.Title}, {"coupon", couponName(coupon.CouponID(x.Coupon))}, {"expires",
				when(uint64(x.Expires.Ms))}, {"state", x.State}})
	}
	return c
}

// checkTicket asks the chain about a ticket, and restores it.
func checkTicket(ctx context.Context, c *client.Client, p *coupon.TicketPayload, x *ticketState) (t actions.Ticket,
	err error,
) {
	b, _, err := c.Batch(ctx, p.Campaign, p.Batch)
	if errors.Is(err, client.ErrNotFound) {
		return t, &Error{Exit: ExitNotFound, Text: "there is no batch of this ticket: it is not genuine"}
	}
	if err != nil {
		return t, err
	}
	t = actions.TicketOf(c.Chain(), *p, b.TicketKey)
	if !t.Genuine(c.Chain(), &b) {
		return t, &Error{Exit: ExitNotAllowed, Text: "the ticket was not signed by the key of its batch: it is not genuine"}
	}
	campaign, err := c.Campaign(ctx, p.Campaign)
	if err != nil {
		return t, err
	}
	x.Checked, x.Genuine, x.Title, x.State = true, true, campaign.Terms.Title, "can be claimed"
	now := campaign.State.TimeMs
	_, err = c.Coupon(ctx, coupon.NewCouponID(p.Campaign, p.Serial))
	switch {
	case err == nil:
		x.State = "was claimed"
	case !errors.Is(err, client.ErrNotFound):
		return t, err
	case now >= p.Expires || now >= campaign.Terms.ClaimUntil:
		x.State = "its time is over"
	case now < campaign.Terms.ClaimFrom:
		x.State = "can be claimed from " + when(campaign.Terms.ClaimFrom) + " on"
	case campaign.Status != coupon.CampaignPublished.String():
		x.State = "cannot be claimed: the campaign is " + campaign.Status
	}
	return t, nil
}
