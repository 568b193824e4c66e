package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/bench"
	"github.com/scrip-network/scrip/genesis"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	local    int
	workload string
	rate     float64
	duration time.Duration
	warmup   time.Duration
	coupons  int
	inFlight int
	chain    engineOptions
}

func newBenchCommand(a *App) *cobra.Command {
	o := benchOptions{workload: string(bench.Transfers), duration: 10 * time.Second, warmup: bench.DefaultWarmup,
		coupons: bench.DefaultCoupons, inFlight: bench.DefaultInFlight}
	c := &cobra.Command{
		Use: "bench", Short: "Load a demonstration network and measure it", Args: subcommand,
		Long: "Load a demonstration network with signed transactions and measure how many it commits\n" +
			"in a second, how long that takes and what CPU time it costs.\n\n" +
			"With --rate the load is open: latency counts from when a transaction was due, so that\n" +
			"a stall is charged for what it delays. With rate 0 a fixed number is always on its way,\n" +
			"which finds the saturation. Everything is signed before the measurement begins.",
		Example: "  scrip bench --local 4\n  scrip bench --local 4 --rate 2000 --duration 20s -o json\n" +
			"  scrip bench --workload mix        against a running demo",
		RunE: func(c *cobra.Command, _ []string) error { return a.runBench(c.Context(), o) },
	}
	f := c.Flags()
	f.IntVar(&o.local, "local", 0,
		"start so many validators for the run; 0 = use a running demo, or --node with --genesis")
	f.StringVar(&o.workload, "workload", o.workload,
		"transfers, or mix: of twenty, 14 claims, 1 redemption and 5 transfers")
	f.Float64Var(&o.rate, "rate", 0, "transactions per second; 0 = find the saturation")
	f.DurationVar(&o.duration, "duration", o.duration, "length of the measurement, without preparation and warm-up")
	f.DurationVar(&o.warmup, "warmup", o.warmup, "length of the warm-up, which does not count")
	f.IntVar(&o.coupons, "coupons", o.coupons, "how many coupons are passed on")
	o.chain.flags(c)
	f.IntVar(&o.inFlight, "in-flight", o.inFlight, "with rate 0: how many transactions are always on their way")
	c.AddCommand(newBenchFillCommand(a))
	return c
}

func (a *App) runBench(ctx context.Context, o benchOptions) (err error) {
	cfg := bench.Config{Workload: bench.Workload(o.workload), Rate: o.rate, Duration: o.duration, Warmup: o.warmup,
		Coupons: o.coupons, InFlight: o.inFlight}
	var dev *genesis.DevNetwork
	if o.local > 0 {
		n, clean, err := a.openDemo(demoOptions{validators: o.local, level: "warn", chain: o.chain})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, clean()) }()
		if err := a.startDemo(ctx, n); err != nil {
			return err
		}
		dev, cfg.Nodes, cfg.CPU = n.Dev(), n.URLs(), n.CPUTime
	} else if dev, cfg.Nodes, err = a.runningDemo(); err != nil {
		return err
	}
	cfg.SignAs(dev)
	p := a.Progress("bench")
	cfg.Progress = func(phase string, done, total int) { p.Set(done, total, phase) }
	r, err := bench.Run(ctx, cfg)
	p.Done()
	if err != nil {
		return err
	}
	return a.Show(r, benchFields(r))
}

// runningDemo returns a demonstration network that runs: its keys are known.
func (a *App) runningDemo() (*genesis.DevNetwork, []string, error) {
	raw, err := a.genesisFile()
	if err != nil {
		return nil, nil, err
	}
	nodes, err := a.nodeAddresses()
	if err != nil {
		return nil, nil, err
	}
	g, err := genesis.Parse(raw)
	if err != nil {
		return nil, nil, &Error{Exit: ExitUsage, Text: "the genesis file is not valid", Cause: err}
	}
	dev, err := genesis.DevLike(g)
	if err != nil || !g.File.IsDev() || dev.Genesis.Digest != g.Digest {
		return nil, nil, &Error{Exit: ExitNotAllowed, Text: g.File.Name +
			" is no demonstration: its issuer's key is not known",
			Remedy: "The load is signed with demonstration keys.", Next: "scrip bench --local 4"}
	}
	return dev, nodes, nil
}

func benchFields(r *bench.Report) Fields {
	load := fmt.Sprintf("open, %.0f transactions per second", r.OfferedPerSecond)
	if r.Mode == "closed" {
		load = fmt.Sprintf("closed, %d transactions on their way (latency is that of a saturated network)", r.InFlight)
	}
	l := r.LatencyMs
	f := Fields{
		{"load", string(r.Workload) + ", " + load},
		{"committed", fmt.Sprintf("%.0f per second (%d in %.0f s, prepared in %.1f s)",
			r.CommittedPerSecond, r.Committed, r.DurationS, r.PrepareS)},
		{"latency", fmt.Sprintf("p50 %.1f ms   p90 %.1f ms   p99 %.1f ms   p99.9 %.1f ms   max %.1f ms", l.P50, l.P90,
			l.P99, l.P999, l.Max)},
		{"refused", fmt.Sprint(r.Refused)},
		{"errors", fmt.Sprint(r.Errors)},
	}
	if r.Refused > 0 {
		f = append(f, [2]string{"", fmt.Sprint(r.ByCode)})
	}
	if r.FirstError != "" {
		f = append(f, [2]string{"", r.FirstError})
	}
	if r.Late > 0 {
		f = append(f, [2]string{"late",
			fmt.Sprintf("%d were due and had no free coupon: more --coupons or a lower --rate", r.Late)})
	}
	if r.CPUMicrosPerTx > 0 {
		f = append(f, [2]string{"CPU", fmt.Sprintf("%.0f µs for one committed transaction, all validators together",
			r.CPUMicrosPerTx)})
	}
	return f
}
