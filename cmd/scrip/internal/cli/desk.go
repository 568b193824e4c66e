package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/web"
)

// deskOptions are the flags of desk.
type deskOptions struct {
	key, data, listen, level string
	fresh                    bool
	origins                  []string
	proxies                  []string
	issuers                  []uint
	limits                   desk.Limits
}

func newDeskCommand(a *App) *cobra.Command {
	o := deskOptions{key: "desk", data: "desk", listen: "127.0.0.1:7605", level: "info"}
	c := &cobra.Command{
		Use: "desk", Short: "Run a ticket desk, which hands out the coupons of a poster", Args: subcommand,
		Long: "Run a ticket desk: whoever asks with a claim key gets one ticket of the campaign, and\n" +
			"the same one again. It serves every batch that was committed with its key or with one\n" +
			"that it has named (GET /v1/keys/CAMPAIGN/FIRST), and finds them on the chain by itself.\n\n" +
			"Its folder remembers who has which serial. It must not be lost while the key lives on,\n" +
			"nor restored from a backup: commit new batches under a new key then.",
		Example: "  scrip ticket issue 1 500 --sign mall --key desk --form json --out /dev/null\n" +
			"  scrip desk --key desk --data ./desk --new --origin https://wallet.example\n" +
			"  scrip desk poster 1 --host https://wallet.example --desk https://desk.example --png poster.png",
		RunE: func(c *cobra.Command, _ []string) error { return a.runDesk(c.Context(), &o) },
	}
	f := c.Flags()
	f.StringVar(&o.key, "key", o.key, "ticket key, by name: the desk's secret")
	f.StringVar(&o.data, "data", o.data, "the desk's folder")
	f.BoolVar(&o.fresh, "new", false, "begin a new folder; only for a key that no desk has used")
	f.StringVar(&o.listen, "listen", o.listen, "where the desk listens, host:port")
	f.StringSliceVar(&o.origins, "origin", nil,
		"web origin whose pages may ask, such as https://wallet.example; repeatable (default: the nodes)")
	f.UintSliceVar(&o.issuers, "issuer", nil,
		"member whose batches the desk serves; repeatable (default: the chain's only issuer)")
	f.Float64Var(&o.limits.AddressPerMinute, "per-address", 0, "requests of one client address in a minute (default 30)")
	f.Float64Var(&o.limits.PerSecond, "per-second", 0, "requests of all together in a second (default 200)")
	f.StringSliceVar(&o.proxies, "trusted-proxy", nil,
		"address or network of a proxy, such as 10.0.0.1, whose X-Forwarded-For names the client; repeatable")
	f.StringVar(&o.level, "log-level", o.level, "least level of what is logged: debug, info, warn, error")
	c.AddCommand(newDeskPosterCommand(a))
	return c
}

func (o *deskOptions) check() error {
	for _, origin := range o.origins {
		if origin != "*" && !web.IsOrigin(origin) {
			return usageError("--origin: %q is no web origin, such as https://wallet.example", origin)
		}
	}
	var err error
	if o.limits.Proxies, err = throttle.ParseProxies(o.proxies); err != nil {
		return usageError("--trusted-proxy: %v", err)
	}
	// A rate says how many requests are forgiven at once, too.
	if o.limits.AddressPerMinute < 0 || o.limits.PerSecond < 0 {
		return usageError("--per-address and --per-second are not below 0")
	}
	o.limits.AddressBurst, o.limits.Burst = int(o.limits.AddressPerMinute), int(2*o.limits.PerSecond)
	return nil
}

// served returns the issuers that the desk serves: those that were named, or the only
// one that the genesis file knows.
func (o *deskOptions) served(c *client.Client) (issuers []uint16, err error) {
	for _, n := range o.issuers {
		if n == 0 || n > math.MaxUint16 {
			return nil, usageError("--issuer: %d is no member", n)
		}
		issuers = append(issuers, uint16(n))
	}
	if issuers != nil {
		return issuers, nil
	}
	for i, m := range c.Genesis().File.Ledger.Members { // their numbers are 1, 2, ...
		if m.Roles&coupon.RoleIssuer != 0 {
			issuers = append(issuers, uint16(i+1))
		}
	}
	if len(issuers) != 1 {
		return nil, usageError("%d members may issue here: name those whose batches the desk serves with --issuer",
			len(issuers))
	}
	return issuers, nil
}

func (a *App) runDesk(ctx context.Context, o *deskOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	c, err := a.Client()
	if err != nil {
		return err
	}
	secret, err := a.LoadKey(o.key, keys.Ticket)
	if err != nil {
		return err
	}
	if len(o.origins) == 0 {
		o.origins = c.Nodes()
	}
	issuers, err := o.served(c)
	if err != nil {
		return err
	}
	d, err := openDesk(desk.Config{Chain: c.Chain(), Secret: secret, Dir: o.data, New: o.fresh, Issuers: issuers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen for the desk: %w", err)
	}
	log := a.logger(o.level, "auto")
	server := desk.NewServer(d, o.origins, o.limits, log)
	if err := a.Stream(struct {
		Listen string `json:"listen"`
		Key    string `json:"key"`
	}{l.Addr().String(), d.Address()}, fmt.Sprintf("desk of %s: http://%s", d.Address(), l.Addr())); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx, l) })
	g.Go(func() error { return d.Follow(ctx, c, log) })
	return g.Wait()
}

// openDesk opens a desk and explains what keeps it from opening.
func openDesk(cfg desk.Config) (*desk.Desk, error) {
	d, err := desk.Open(cfg)
	switch {
	case errors.Is(err, desk.ErrNew):
		return nil, &Error{Exit: ExitNotFound, Cause: err,
			Remedy: "If no desk has used this key, begin one with --new; else find its folder: serials would go out twice."}
	case errors.Is(err, desk.ErrForeign):
		return nil, &Error{Exit: ExitUsed, Cause: err, Remedy: "Name the desk's own folder with --data."}
	case errors.Is(err, store.ErrLocked):
		return nil, &Error{Exit: ExitUsed, Text: "a desk runs in " + cfg.Dir + " already", Cause: err}
	}
	return d, err
}

// posterAnswer is what is told of a poster; the fields are stable.
type posterAnswer struct {
	Campaign uint32 `json:"campaign"`
	Title    string `json:"title"`
	Link     string `json:"link"`
}

func newDeskPosterCommand(a *App) *cobra.Command {
	var host, deskURL string
	c := &cobra.Command{
		Use: "poster CAMPAIGN", Short: "Make the link of a campaign's poster, and its QR code", Args: arguments("CAMPAIGN"),
		Long: "Make the link that a poster shows. It holds no secret: whoever opens it sees the\n" +
			"campaign, and gets a ticket from the desk with one tap.",
	}
	c.Flags().StringVar(&host, "host", "",
		"where the link leads to, such as https://wallet.example (default: the first node)")
	c.Flags().StringVar(&deskURL, "desk", "",
		"the desk's address, such as https://desk.example (default: what the node knows)")
	q := qrFlags(c)
	c.RunE = on(a, parseCampaign, func(ctx context.Context, cl *client.Client, campaign uint32) error {
		x, err := cl.Campaign(ctx, campaign)
		if err != nil {
			return err
		}
		if host == "" {
			host = cl.Nodes()[0]
		}
		for _, address := range []string{host, deskURL} {
			if address != "" && !web.IsOrigin(address) {
				return usageError("%q is no web origin, such as https://wallet.example", address)
			}
		}
		answer := posterAnswer{campaign, x.Terms.Title, posterLink(host, campaign, deskURL)}
		if err := a.Show(answer, Fields{{"campaign", fmt.Sprintf("%d, %s", campaign, answer.Title)},
			{"link", answer.Link}}); err != nil {
			return err
		}
		return a.showQR(a.Err, answer.Link, q)
	})
	return c
}
