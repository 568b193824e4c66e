package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"rsc.io/qr"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/demo"
	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/network"
)

// deskPerson is whose key the demonstration's desk has.
const deskPerson = "desk"

// startDemoDesk runs the ticket desk of a demonstration in a group, until its context
// ends. The caller closes the desk after that.
func (a *App) startDemoDesk(ctx context.Context, g *errgroup.Group, n *network.Network) (*desk.Desk, error) {
	who, ok := n.Person(deskPerson)
	if !ok {
		return nil, errors.New("nobody of the demonstration has the key of the desk")
	}
	c, err := client.New(n.Dev().Genesis.Raw, n.URLs())
	if err != nil {
		return nil, err
	}
	d, err := openDesk(desk.Config{Chain: c.Chain(), Secret: who.Secret, Dir: filepath.Join(n.Dir(), "desk"), New: true})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", n.DeskListen())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the desk: %w", err), d.Close())
	}
	file, err := os.OpenFile(filepath.Join(n.Dir(), "desk.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the desk's log: %w", err), l.Close(), d.Close())
	}
	log := slog.New(slog.NewJSONHandler(file, nil))
	// Everybody here is one client address.
	server := desk.NewServer(d, n.Origins(), desk.Limits{AddressPerMinute: -1}, log)
	g.Go(func() error { return server.Run(ctx, l) })
	g.Go(func() error { return errors.Join(d.Follow(ctx, c, log), file.Close()) })
	return d, nil
}

// setScene sets the scene of a demonstration, or finds that of an earlier run.
func (a *App) setScene(ctx context.Context, n *network.Network, d *desk.Desk, o demoOptions) ([]network.Link, error) {
	links, known, err := demo.LoadLinks(n.Dir())
	if err != nil {
		return nil, err
	}
	if !known {
		if links, err = a.playScene(ctx, n, d, o.empty || n.Resumed()); err != nil {
			return nil, err
		}
		if err := demo.SaveLinks(n.Dir(), links); err != nil {
			return nil, err
		}
	}
	var all []network.Link
	for _, l := range links {
		all = append(all, network.Link{Face: l.Face, Who: l.Who, Text: l.Text, URL: n.WebURL(0) + l.Path})
	}
	return all, nil
}

func (a *App) playScene(ctx context.Context, n *network.Network, d *desk.Desk, empty bool) ([]demo.Link, error) {
	if empty {
		return demo.EmptyScene(n), nil
	}
	p := a.Progress("setting the scene")
	defer p.Done()
	done := 0
	return demo.SetScene(ctx, n, d, func(what string) {
		done++
		p.Set(done, 0, what)
	})
}

// demoText is the list that a demo prints last.
func (a *App) demoText(n *network.Network, o demoOptions, links []network.Link, took time.Duration) string {
	state := "new, gone when it stops (keep one with --state DIR)"
	if o.state != "" {
		state = "kept in " + n.Dir()
		if n.Resumed() {
			state += ", resumed"
		}
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, " %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "\n ready in %.1f s   %d of %d validators agree   chain %s\n", took.Seconds(), n.Size(), n.Size(),
		n.Dev().Genesis.File.Name)
	last := ""
	for _, l := range links {
		face := l.Face
		if face == last {
			face = ""
		}
		last = l.Face
		line(face, "%-12s %s", l.Who, l.URL)
	}
	var others []string
	for _, u := range n.URLs()[1:] {
		others = append(others, u[strings.LastIndex(u, ":"):])
	}
	line("nodes", "%s  %s   each with /docs and /metrics", n.URL(0), strings.Join(others, " "))
	line("desk", "%s", n.DeskURL())
	line("state", "%s", state)
	line("genesis", "%s", n.GenesisPath())
	line("logs", "%s", n.LogPath(0))
	line("people", "%s", peopleText(n))
	line("", "their keys lie in %s; commands take their names", filepath.Join(n.Dir(), "keys"))
	if !o.empty {
		line("try", "show a code of Bo's free coffee, and take it at the bakery's till; then again at the bookshop's")
	}
	if o.lan == "" {
		line("phone", "scrip demo --lan lets phones in the local network in")
	}
	line("next", "scrip demo --story --port %d   plays the life of a coupon", o.port+1000)
	line("", "scrip bench --local 4            measures this machine")
	line("", "scrip demo kill 2 · start 2       as a power cut would: the others go on")
	line("", "scrip demo urls · scrip demo stop · Ctrl-C")
	b.WriteString(" DEMO KEYS ARE PUBLIC. NOT FOR REAL COUPONS.\n")
	return b.String()
}

// phoneQR draws the wallet's address for phones, where a person sees it.
func (a *App) phoneQR(n *network.Network, o demoOptions) string {
	if o.lan == "" || !a.OutTerminal {
		return ""
	}
	address := n.WebURL(0) + "/wallet/"
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		return ""
	}
	return "\n" + terminalQR(code.Size, code.Black) + " " + address +
		"\n no camera over http: type the short code at the till, or open a link\n"
}

// lanAuto asks for the address in the local network that this machine has.
const lanAuto = "auto"

// lanAddress returns the address at which the local network reaches this machine: the
// one asked for, if it is the machine's, or with lanAuto its first private one.
func lanAddress(asked string) (string, error) {
	if asked == "" {
		return "", nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("look for the local network: %w", err)
	}
	for _, address := range addresses {
		p, err := netip.ParsePrefix(address.String())
		if err != nil || !p.Addr().Is4() || p.Addr().IsLoopback() {
			continue
		}
		if ip := p.Addr(); ip.String() == asked || asked == lanAuto && ip.IsPrivate() {
			return ip.String(), nil
		}
	}
	if asked != lanAuto {
		return "", &Error{Exit: ExitUsage, Text: fmt.Sprintf("--lan: %s is no IPv4 address of this machine", asked),
			Remedy: "Name one that its network gave it, or write --lan alone."}
	}
	return "", &Error{Exit: ExitUnreachable, Text: "this machine has no address in a local network",
		Remedy: "Connect it, name the address with --lan=ADDRESS, or leave --lan away."}
}
