// Command completejourney replays real coupon campaigns on a chain and checks that
// the chain's totals are those of the files.
//
//	go run ./examples/completejourney DIR
//	go run ./examples/completejourney DIR --node URL --node URL --genesis FILE --key-dir DIR
//
// DIR holds four CSV files in the form of the completejourney data set:
// campaign_descriptions.csv, campaigns.csv, coupons.csv and coupon_redemptions.csv.
// Each campaign is published; each household that got it gets a ticket with a claim
// seed of its own for each coupon that it is going to redeem, or one that stays
// unclaimed; every redemption of the files is claimed and redeemed once. Each is
// handed in twice, by two tills through two nodes at the same time, and exactly one
// may count.
//
// Then the totals are read from the chain, every row proven, and compared with a
// count of the files that shares nothing with the replay. At last all of it is
// replayed again, which must change nothing: keys, tickets and coupons follow from
// the data and the issuer's key, so what was done is found on the chain.
//
// Without --node it runs four validators of its own on this machine and removes
// them. The data has no face values and old dates; what stands in for them is
// printed. The exit status is 1 if anything differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/network"
)

// options are the flags.
type options struct {
	dir     string
	nodes   []string
	genesis string
	keyDir  string
	scrip   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:], os.Stdout, term.IsTerminal(int(os.Stdout.Fd())))
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "completejourney:", err)
		os.Exit(1)
	}
}

// start runs the program.
func start(ctx context.Context, args []string, out io.Writer, terminal bool) error {
	o := &options{}
	flags := flag.NewFlagSet("completejourney", flag.ContinueOnError)
	flags.Func("node", "address of a node of a chain that runs, repeatable",
		func(s string) error { o.nodes = append(o.nodes, s); return nil })
	flags.StringVar(&o.genesis, "genesis", "", "genesis file of that chain")
	flags.StringVar(&o.keyDir, "key-dir", "", "folder with the issuer's admin key and at least one till key, unencrypted")
	flags.StringVar(&o.scrip, "scrip", "", "scrip binary for validators of its own (default: built)")
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") { // the folder may come first
		o.dir, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = flags.Arg(0)
	}
	if o.dir == "" {
		return errors.New("which folder? completejourney DIR")
	}
	f, err := readFolder(o.dir)
	if err != nil {
		return err
	}
	l, end, err := o.ledger(ctx, out)
	if err != nil {
		return err
	}
	return errors.Join(play(ctx, o.dir, f, l, &bar{out: out, terminal: terminal}), end())
}

// ledger returns the chain to replay on, and what ends it.
func (o *options) ledger(ctx context.Context, out io.Writer) (*ledger, func() error, error) {
	if len(o.nodes) == 0 {
		return o.ownNetwork(ctx, out)
	}
	if o.genesis == "" || o.keyDir == "" {
		return nil, nil, errors.New("--node needs --genesis and --key-dir")
	}
	raw, err := os.ReadFile(o.genesis)
	if err != nil {
		return nil, nil, err
	}
	l := &ledger{genesis: raw, urls: o.nodes}
	return l, func() error { return nil }, l.loadKeys(ctx, o.keyDir)
}

// ownNetwork starts four validators on this machine.
func (o *options) ownNetwork(ctx context.Context, out io.Writer) (l *ledger, end func() error, err error) {
	dir, err := os.MkdirTemp("", "completejourney-")
	if err != nil {
		return nil, nil, err
	}
	forget := func() error { return os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			err = errors.Join(err, forget())
		}
	}()
	if o.scrip == "" {
		o.scrip = filepath.Join(dir, "scrip")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.scrip, "github.com/scrip-network/scrip/cmd/scrip")
		if text, err := build.CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("build the validators: %w\n%s", err, text)
		}
	}
	n, err := network.Create(network.Config{Executable: o.scrip, Dir: filepath.Join(dir, "network"),
		Name: "completejourney", Validators: 4,
		Settings: map[string]string{"log-level": "warn"}})
	if err != nil {
		return nil, nil, err
	}
	if err := n.Start(); err != nil {
		return nil, nil, err
	}
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := n.WaitReady(waiting, nil); err != nil {
		return nil, nil, errors.Join(err, n.Close())
	}
	_, _ = fmt.Fprintf(out, "four validators agree after %.1f s\n", time.Since(began).Seconds())
	dev := n.Dev()
	l = &ledger{genesis: dev.Genesis.Raw, urls: n.URLs(), secret: dev.Admins[0].Seed,
		issuer: coupon.MemberSigner{Member: 1, Signer: coupon.NewSigner(dev.Admins[0].Seed)}}
	for _, t := range dev.Tills {
		l.tills = append(l.tills, coupon.NewSigner(t.Seed))
	}
	return l, func() error { return errors.Join(n.Close(), forget()) }, nil
}

// loadKeys reads the keys of a folder: the first member key whose member may issue,
// and every till key.
func (l *ledger) loadKeys(ctx context.Context, dir string) error {
	c, err := client.New(l.genesis, l.urls)
	if err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		s, err := keys.Load(path, nil)
		if err != nil {
			return err
		}
		switch s.Kind {
		case keys.Till:
			l.tills = append(l.tills, coupon.NewSigner(s.Seed))
		case keys.Member:
			if err := l.takeIssuer(ctx, c, s); err != nil {
				return err
			}
		}
	}
	if l.issuer.Member == 0 || len(l.tills) == 0 {
		return fmt.Errorf("%s holds no admin key of an issuer, or no till key", dir)
	}
	return nil
}

// takeIssuer takes an admin key for the issuer's if its member may issue and one
// signature is enough.
func (l *ledger) takeIssuer(ctx context.Context, c *client.Client, s keys.Secret) error {
	_, members, _, err := c.Counts(ctx)
	if err != nil {
		return err
	}
	for id := uint16(1); id <= members && l.issuer.Member == 0; id++ {
		m, err := c.Member(ctx, id)
		if err != nil {
			return err
		}
		for _, k := range m.Keys {
			if k == s.Public() && m.Roles&coupon.RoleIssuer != 0 && m.Threshold == 1 {
				l.issuer, l.secret = coupon.MemberSigner{Member: id, Signer: coupon.NewSigner(s.Seed)}, s.Seed
			}
		}
	}
	return nil
}

// play replays a folder twice and checks the totals after each.
func play(ctx context.Context, dir string, f *folder, l *ledger, b *bar) error {
	file, err := countFolder(dir, faceOf)
	if err != nil {
		return err
	}
	v, err := client.NewVerifier(l.genesis)
	if err != nil {
		return err
	}
	currency := v.Genesis().File.Ledger.Currencies[0]
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format+"\n", args...) }
	say("folder %s: %d campaigns, %d redemptions, by two tills each through two of %d nodes", f.name(),
		len(f.campaigns), len(f.redemptions), len(l.urls))
	say("dates: each campaign is moved to begin at the last full hour, and keeps its length")
	say("face values (the data has none): %s, in %s", faceRule, currency.Letters)

	p := newPlan(f, v.Chain(), l.secret)
	began := time.Now()
	first, err := once(ctx, p, l, b, file)
	if err != nil {
		return err
	}
	b.end()
	say("replayed in %.1f s: %d transactions handed in, %d coupons were redeemed before", time.Since(began).Seconds(),
		first.submitted.Load(), first.done.Load())
	say("second redemptions: %d refused as used (E509), %d as stale (E403); %d with a receipt, %d by nodes at the door",
		first.code(coupon.AlreadyRedeemed), first.code(coupon.StaleSeq), first.proven.Load(), first.atDoor.Load())
	report(b.out, f, file, currency)
	before, err := first.counters(ctx)
	if err != nil {
		return err
	}

	say("the same once more:")
	second, err := once(ctx, p, l, b, file)
	if err != nil {
		return fmt.Errorf("second replay: %w", err)
	}
	b.end()
	after, err := second.counters(ctx)
	if err != nil {
		return err
	}
	if second.submitted.Load() != 0 || !same(before, after) {
		return fmt.Errorf("the second replay changed something: it handed in %d transactions", second.submitted.Load())
	}
	say("second replay: everything was found done, nothing was handed in, and no counter of the chain changed")
	return nil
}

// once replays and compares the totals.
func once(ctx context.Context, p *plan, l *ledger, b *bar, file *totals) (*replay, error) {
	r, err := newReplay(p, l, b)
	if err != nil {
		return nil, err
	}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	chain, err := r.audit(ctx)
	if err != nil {
		return nil, err
	}
	if d := compare(file, chain); len(d) > 0 {
		return nil, fmt.Errorf("the totals differ:\n  %s", strings.Join(d, "\n  "))
	}
	return r, nil
}

// report writes the totals, which files and chain share.
func report(w io.Writer, f *folder, t *totals, currency coupon.Currency) {
	_, _ = fmt.Fprintf(w, "%-10s %-8s %8s %8s %8s %8s %12s\n", "campaign", "type", "tickets", "claimed", "redeemed",
		"houses", "value")
	row := func(id, kind string, c counts) {
		_, _ = fmt.Fprintf(w, "%-10s %-8s %8d %8d %8d %8d %12s\n", id, kind, c.tickets, c.claimed, c.redemptions,
			c.households,
			units.Money(c.value, currency))
	}
	for _, c := range f.campaigns {
		row(c.id, c.kind, t.by[c.id])
	}
	row("all", "", t.sum())
	_, _ = fmt.Fprintf(w,
		"totals of %d campaigns and %d receiving households: files and proven rows of the chain are equal\n",
		len(t.by), t.receivers)
}
