package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// eventLine is what is told of an event; the fields are stable.
type eventLine struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Tx      client.Hash    `json:"tx"`
	Time    client.Time    `json:"time"`
	Members int            `json:"members"`
	Till    string         `json:"till,omitempty"`
	Effect  *client.Effect `json:"effect,omitempty"`
}

// watching is the flags of the events command.
type watching struct {
	from, after string
	types       []string
	campaign    uint32
	coupon      string
	till        string
	count       int
	lasting     time.Duration
}

func newEventsCommand(a *App) *cobra.Command {
	w := &watching{}
	c := &cobra.Command{
		Use: "events", Short: "Follow what happens, each event proven",
		Long: "Follow what happens, each event proven by its receipt, in the order of the chain. The\n" +
			"stream goes on at another node if one fails. To go on later, give --after the id of\n" +
			"the last event that was read. That nothing was left out is the node's word.",
		Example: "  scrip events --type redemption.accrued -o jsonl\n  scrip events --after 120.3.0",
		Args:    arguments(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.follow(c.Context(), w) },
	}
	f := c.Flags()
	f.StringVar(&w.from, "from", "", "first event or height; default: what happens from now on")
	f.StringVar(&w.after, "after", "", "go on behind this event")
	f.StringSliceVar(&w.types, "type", nil, "only these types, such as coupon.claimed")
	f.Uint32Var(&w.campaign, "campaign", 0, "only this campaign")
	f.StringVar(&w.coupon, "coupon", "", "only this coupon")
	f.StringVar(&w.till, "till", "", "only this till: its key's name or address")
	f.IntVar(&w.count, "count", 0, "end after so many events; 0 = never")
	f.DurationVar(&w.lasting, "for", 0, "end after this time; 0 = never")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func eventTypes() (names []string) {
	for _, t := range coupon.EventTypes() {
		names = append(names, t.String())
	}
	return names
}

func (a *App) follow(ctx context.Context, w *watching) error {
	filter, err := a.eventFilter(w)
	if err != nil {
		return err
	}
	c, err := a.Client()
	if err != nil {
		return err
	}
	from, err := firstEvent(ctx, c, w)
	if err != nil {
		return err
	}
	limited := ctx
	if w.lasting > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, w.lasting)
		defer cancel()
	}
	seen := 0
	for e, err := range c.Events(limited, from, filter) {
		if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil // --for is over
		}
		if err != nil {
			return err
		}
		if err := a.showEvent(c.Verifier, &e); err != nil {
			return err
		}
		if seen++; seen == w.count {
			return nil
		}
	}
	return nil
}

func (a *App) eventFilter(w *watching) (f client.EventFilter, err error) {
	f.Campaign = w.campaign
	for _, name := range w.types {
		t, ok := coupon.ParseEventType(name)
		if !ok {
			return f, usageError("there is no event type %q but %s", name, strings.Join(eventTypes(), ", "))
		}
		f.Types = append(f.Types, t)
	}
	if w.coupon != "" {
		if f.Coupon, err = parseCoupon(w.coupon); err != nil {
			return f, err
		}
	}
	if w.till != "" {
		f.Till, err = a.tillAddress(w.till)
	}
	return f, err
}

func firstEvent(ctx context.Context, c *client.Client, w *watching) (client.EventID, error) {
	switch {
	case w.from != "" && w.after != "":
		return client.EventID{}, usageError("--from and --after exclude each other")
	case w.from != "":
		e, err := client.ParseEventID(w.from)
		if err != nil {
			return e, usageError("%v", err)
		}
		return e, nil
	case w.after != "":
		e, err := client.ParseEventID(w.after)
		if err != nil {
			return e, usageError("%v", err)
		}
		return e.Next(), nil
	}
	_, _, s, err := c.Counts(ctx)
	if err != nil {
		return client.EventID{}, err
	}
	return client.EventID{Height: s.Height + 1}, nil
}

func (a *App) showEvent(v *client.Verifier, e *client.Event) error {
	x := eventLine{ID: e.ID.String(), Type: e.Type.String(), Tx: e.Outcome.ID, Time: client.TimeOf(e.TimeMs),
		Effect: client.EffectOf(&e.Outcome)}
	if e.Receipt != nil {
		x.Members = e.Receipt.Members
	}
	if e.Till != [32]byte{} {
		x.Till = keys.Encode(keys.Till, e.Till)
	}
	var words []string
	for _, f := range a.effectFields(v, &e.Outcome) {
		if f[0] != "owner" && f[0] != "did" && f[0] != "uses left" && f[0] != "redemption" {
			words = append(words, f[0]+" "+f[1])
		}
	}
	return a.Stream(x, fmt.Sprintf("%s  %-10s %-21s %s", when(e.TimeMs), x.ID, x.Type, strings.Join(words, ", ")))
}
