package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/network"
	"github.com/scrip-network/scrip/validator"
)

// demoPort is the default base port of a demo.
const demoPort = 7600

// demoReadyTimeout bounds the start of a demo.
const demoReadyTimeout = 60 * time.Second

// demoOptions are the flags of demo.
type demoOptions struct {
	port       int
	validators int
	state      string
	story      bool
	empty      bool
	lan        string // an address of this machine, lanAuto, or "" for none
	level      string
	rules      uint16
	chain      engineOptions
}

func newDemoCommand(a *App) *cobra.Command {
	o := demoOptions{port: demoPort, validators: 4, level: "info"}
	c := &cobra.Command{
		Use: "demo", Short: "Run a whole network on this machine, with public demonstration keys", Args: subcommand,
		Long: "Run a whole network on this machine: one process for each validator, with its own\n" +
			"home, key and ports, a ticket desk, two shops with campaigns and five people with\n" +
			"coupons. Links that open wallet, console and till as each of them are printed last.\n" +
			"It stops with Ctrl-C and leaves nothing behind, unless --state names a folder. Its keys\n" +
			"are public: it is not for real coupons.",
		Example: "  scrip demo\n  scrip demo --empty\n  scrip demo --lan\n  scrip demo --story\n" +
			"  scrip demo --state ./demo --port 7700",
		RunE: func(c *cobra.Command, _ []string) error {
			if a.GenesisPath != "" || len(a.Nodes) > 0 {
				return usageError("a demo makes a chain and nodes of its own: leave --genesis and --node out")
			}
			if o.story {
				return a.runStory(c.Context(), o)
			}
			return a.runDemo(c.Context(), o)
		},
	}
	f := c.Flags()
	f.IntVar(&o.port, "port", o.port,
		"base port: validator i has its API at port+10i and listens for the others at port+10i+1")
	f.IntVar(&o.validators, "validators", o.validators, "how many validators, at least 4")
	f.StringVar(&o.state, "state", "", "folder that keeps the network; default none")
	o.chain.flags(c)
	f.StringVar(&o.level, "log-level", o.level, "least level of the validators' logs")
	f.Uint16Var(&o.rules, "rules", uint16(coupon.Version1), "version of the domain rules that the chain begins with")
	_ = f.MarkHidden("rules") // until version 2 is whole
	f.BoolVar(&o.empty, "empty", false, "no campaigns and no coupons")
	f.StringVar(&o.lan, "lan", "",
		"let phones in the local network in, at --lan=ADDRESS of this machine if it has several: everybody there can use it")
	f.Lookup("lan").NoOptDefVal = lanAuto
	f.BoolVar(&o.story, "story", false, "play the life of a coupon on a fresh network, check every step, and exit")
	c.AddCommand(newDemoURLsCommand(a), newDemoStopCommand(a),
		newDemoValidatorCommand(a, "kill", "killed", "End a validator of the running demo, as a power cut would",
			(*network.Record).KillOne),
		newDemoValidatorCommand(a, "start", "started", "Start a validator of the running demo again",
			(*network.Record).StartOne))
	return c
}

// change returns what the flags change of the demonstration's genesis file.
func (o *demoOptions) change() (func(*genesis.File), error) {
	engine, err := o.chain.change()
	if err != nil {
		return nil, err
	}
	rules := coupon.Version(o.rules)
	if err := genesis.CheckRules(rules); err != nil {
		return nil, usageError("--rules: %v", err)
	}
	if rules < coupon.Version2 {
		return engine, nil
	}
	version := genesis.DevRules(rules, uint64(time.Now().Truncate(time.Minute).UnixMilli()))
	return func(f *genesis.File) {
		version(f)
		if engine != nil {
			engine(f)
		}
	}, nil
}

// openDemo makes a network in the state folder, or in a temporary one. clean
// stops it and removes what is temporary.
func (a *App) openDemo(o demoOptions) (n *network.Network, clean func() error, err error) {
	change, err := o.change()
	if err != nil {
		return nil, nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find the program itself: %w", err)
	}
	dir, forget := o.state, func() error { return nil }
	if dir == "" {
		if dir, err = os.MkdirTemp("", "scrip-demo-"); err != nil {
			return nil, nil, fmt.Errorf("make a folder for the demo: %w", err)
		}
		forget = func() error { return os.RemoveAll(dir) }
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, nil, err
	}
	// A name of its own keeps wallets and receipts of one demo apart from the next.
	var suffix [3]byte
	rand.Read(suffix[:])
	lan, err := lanAddress(o.lan)
	if err != nil {
		return nil, nil, errors.Join(err, forget())
	}
	n, err = network.Create(network.Config{
		Executable: executable, Dir: dir, Name: fmt.Sprintf("demo-%x", suffix), Validators: o.validators, BasePort: o.port,
		LAN: lan, Settings: map[string]string{"log-level": o.level}, Change: change,
	})
	if err != nil {
		return nil, nil, errors.Join(err, forget())
	}
	return n, func() error { return errors.Join(n.Close(), forget()) }, nil
}

// startDemo starts the validators of a network and waits until they agree.
func (a *App) startDemo(ctx context.Context, n *network.Network) error {
	if err := n.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, demoReadyTimeout)
	defer cancel()
	p := a.Progress("starting")
	defer p.Done()
	return n.WaitReady(ctx, func(ready int) {
		p.Set(ready, n.Size(), "validators agree")
	})
}

func (a *App) runDemo(ctx context.Context, o demoOptions) (err error) {
	begin := time.Now()
	if r, err := network.Find(o.port); err == nil {
		return &Error{Exit: ExitUsed, Kind: string(validator.KindPort),
			Text:   fmt.Sprintf("a demo runs on port %d already, since %s", r.Port, r.Started.Format("15:04:05")),
			Remedy: "Stop it, or start another one with --port.", Next: fmt.Sprintf("scrip demo stop --port %d", r.Port)}
	}
	n, clean, err := a.openDemo(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	if err := a.startDemo(ctx, n); err != nil {
		return err
	}
	return a.serveDemo(ctx, n, o, begin)
}

// serveDemo runs what is beside the validators, prints the list and watches, until
// ctx ends or something does by itself.
func (a *App) serveDemo(ctx context.Context, n *network.Network, o demoOptions, begin time.Time) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	d, err := a.startDemoDesk(ctx, g, n)
	if err != nil {
		cancel()
		return err
	}
	defer func() {
		cancel()
		err = errors.Join(err, g.Wait(), d.Close())
	}()
	links, err := a.setScene(ctx, n, d, o)
	if err != nil {
		return err
	}
	if err := n.ShowPeople(links); err != nil {
		return err
	}
	record := &network.Record{Port: o.port, PID: os.Getpid(), Started: begin, Dir: n.Dir(), Genesis: n.GenesisPath(),
		Nodes: n.URLs(), Chain: n.Dev().Genesis.File.Name, Desk: n.DeskURL(), Links: links}
	record.Text = a.demoText(n, o, links, time.Since(begin))
	withdraw, err := record.Announce()
	if err != nil {
		return err
	}
	defer withdraw()
	g.Go(func() error {
		// Without orders a demo is a demo still.
		if err := record.Obey(ctx, n); err != nil {
			a.Say("scrip demo kill and start do not reach this demo: %v", err)
		}
		return nil
	})
	if a.ForPeople() {
		err = a.write(record.Text + a.phoneQR(n, o))
	} else {
		err = a.document(record, a.Output == JSON)
	}
	if err != nil {
		return err
	}
	if err = a.watchDemo(ctx, n); errors.Is(err, context.Canceled) {
		a.Say("stopping")
		return nil
	}
	return err
}

func peopleText(n *network.Network) string {
	var names []string
	for _, p := range n.People() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// watchPause is the time between two looks at a running demo.
const watchPause = 500 * time.Millisecond

// watchDemo shows one live line until ctx ends or a validator does by itself.
func (a *App) watchDemo(ctx context.Context, n *network.Network) error {
	clients := make([]*client.Client, n.Size())
	for i := range clients {
		var err error
		if clients[i], err = client.New(n.Dev().Genesis.Raw, []string{n.URL(i)},
			client.WithTimeout(time.Second)); err != nil {
			return err
		}
	}
	p := a.Progress("")
	defer p.Done()
	down := make([]bool, n.Size())
	for {
		up, height, waiting := 0, uint64(0), 0
		for i, c := range clients {
			gone := !n.Running(i)
			if gone && !down[i] {
				a.Say("validator %d has ended: see %s", i, n.LogPath(i))
			}
			if down[i] = gone; gone {
				continue
			}
			if s, err := c.Status(ctx, 0); err == nil && s.Ready {
				up++
				height, waiting = max(height, uint64(s.Height)), max(waiting, s.MempoolTxs)
			}
		}
		p.Set(0, 0, fmt.Sprintf("height %d   %d of %d validators ready   %d transactions waiting", height, up,
			n.Size(), waiting))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchPause):
		}
	}
}
