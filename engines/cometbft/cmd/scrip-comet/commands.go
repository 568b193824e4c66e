package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/bench"
	"github.com/scrip-network/scrip/engines/cometbft"
	"github.com/scrip-network/scrip/network"
	"github.com/scrip-network/scrip/validator"
)

// signaturesVariable names the environment variable from which a validator of a
// network takes when to check signatures.
const signaturesVariable = "SCRIP_COMET_SIGNATURES"

// readyTimeout is how long the validators of a network may take to agree on their
// first blocks.
const readyTimeout = 60 * time.Second

func newCommand() *cobra.Command {
	root := &cobra.Command{Use: "scrip-comet", Short: "The coupon ledger on CometBFT", Version: version,
		SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(newTestnetCommand(), newRunCommand(), newNodeCommand(), newBenchCommand())
	return root
}

// wordsOf returns what is said of an error: a line of JSON, as the commands of scrip
// say it to a program.
func wordsOf(err error) string {
	words := struct {
		Error  string `json:"error"`
		Kind   string `json:"kind"`
		Remedy string `json:"remedy,omitempty"`
	}{Error: err.Error(), Kind: string(validator.KindInternal)}
	var t *validator.Trouble
	if errors.As(err, &t) {
		words.Kind, words.Remedy = string(t.Kind), t.Remedy
	}
	line, marshalErr := json.Marshal(words)
	if marshalErr != nil {
		return err.Error()
	}
	return string(line)
}

// netOptions are the flags of commands over a network.
type netOptions struct {
	dir        string
	validators int
	port       int
	signatures string
	logLevel   string
}

func (o *netOptions) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "scrip-comet-net", "folder of the network")
	f.IntVar(&o.validators, "validators", 4, "how many there are, at least 4")
	f.IntVar(&o.port, "port", 0, "first API port; 0 = free ones")
	o.addSignatures(c)
}

func (o *netOptions) addSignatures(c *cobra.Command) {
	c.Flags().StringVar(&o.signatures, "signatures", string(cometbft.Batch),
		"when signatures are checked: batch, or admission = each by itself in CheckTx")
	c.Flags().StringVar(&o.logLevel, "log-level", "warn", "level of the validators' logs")
}

// create makes or finds the homes of a network whose validators run this program.
func (o *netOptions) create() (*network.Network, error) {
	s, err := cometbft.ParseSignatures(o.signatures)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return network.Create(network.Config{Executable: self, Dir: o.dir, Name: "comet", Validators: o.validators,
		BasePort: o.port, Settings: map[string]string{"log-level": o.logLevel},
		Env: []string{signaturesVariable + "=" + string(s)}})
}

func newTestnetCommand() *cobra.Command {
	var o netOptions
	c := &cobra.Command{
		Use: "testnet", Short: "Make the homes of a network on this machine", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := o.create()
			if err != nil {
				return err
			}
			for i, url := range n.URLs() {
				fmt.Fprintf(c.OutOrStdout(), "validator %d: %s, home %s\n", i, url, n.Home(i))
			}
			fmt.Fprintf(c.OutOrStdout(), "genesis file: %s\n", n.GenesisPath())
			return nil
		},
	}
	o.add(c)
	return c
}

func newRunCommand() *cobra.Command {
	var o netOptions
	c := &cobra.Command{
		Use: "run", Short: "Run a network on this machine, a process for each validator", Args: cobra.NoArgs,
		Long: "Run a network on this machine until it is interrupted. If its folder has no homes yet\n" +
			"they are made. Clients use it as any other: scrip --node URL --genesis FILE.",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			n, err := o.create()
			if err != nil {
				return err
			}
			if err := start(c.Context(), n); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, n.Close()) }()
			fmt.Fprintf(c.OutOrStdout(), "running: --genesis %s --node %s\n", n.GenesisPath(),
				strings.Join(n.URLs(), ","))
			<-c.Context().Done()
			return nil
		},
	}
	o.add(c)
	return c
}

// start starts a network and waits until it has blocks. On an error nothing runs.
func start(ctx context.Context, n *network.Network) error {
	if err := n.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := n.WaitReady(ctx, nil); err != nil {
		return errors.Join(err, n.Close())
	}
	return nil
}

func newNodeCommand() *cobra.Command {
	home, signatures, stopAtEOF := "", "", false
	c := &cobra.Command{
		Use: "node", Short: "Run the validator of a home that scrip init or testnet has made", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			flags := make(map[string]string)
			for _, s := range validator.Settings() {
				if f := c.Flags().Lookup(s.Flag); f != nil && f.Changed {
					flags[s.Flag] = f.Value.String()
				}
			}
			cfg, err := validator.LoadConfig(home, os.LookupEnv, flags)
			if err != nil {
				return err
			}
			if signatures == "" {
				signatures = os.Getenv(signaturesVariable)
			}
			s, err := cometbft.ParseSignatures(signatures)
			if err != nil {
				return err
			}
			ctx := c.Context()
			if stopAtEOF {
				var stop context.CancelFunc
				ctx, stop = context.WithCancel(ctx)
				defer stop()
				go func() { // ends with the process
					_, _ = io.Copy(io.Discard, c.InOrStdin())
					stop()
				}()
			}
			return cometbft.Run(ctx, cfg, cometbft.Options{Tuning: cometbft.DefaultTuning(s), Version: version,
				Logger: newLogger(cfg.LogLevel, c.ErrOrStderr()),
				Started: func(s validator.Started) {
					fmt.Fprintf(c.OutOrStdout(), "validator %d of %s at height %d: API http://%s, validators %s\n",
						s.Replica, s.Chain, s.Height, s.ListenAPI, s.ListenPeers)
				}})
		},
	}
	f := c.Flags()
	f.StringVar(&home, "home", "", "folder of the validator")
	f.StringVar(&signatures, "signatures", "", "batch or admission ("+signaturesVariable+"); default batch")
	for _, s := range validator.Settings() {
		f.String(s.Flag, "", s.Doc+" ("+s.Env+")")
	}
	f.String("output", "", "accepted for who starts this as scrip")
	f.BoolVar(&stopAtEOF, "stop-at-eof", false, "stop when the input ends")
	_ = f.MarkHidden("output")
	_ = f.MarkHidden("stop-at-eof")
	return c
}

func newLogger(level string, to io.Writer) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: l}))
}

func newBenchCommand() *cobra.Command {
	o := netOptions{}
	cfg := bench.Config{}
	workload, output := string(bench.Transfers), "text"
	c := &cobra.Command{
		Use: "bench", Short: "Load a new network with the load of scrip bench, and measure it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg.Workload = bench.Workload(workload)
			r, err := runBench(c.Context(), o, cfg)
			if err != nil {
				return err
			}
			return show(c.OutOrStdout(), output, o.signatures, r)
		},
	}
	f := c.Flags()
	f.IntVar(&o.validators, "local", 4, "start so many validators for the run")
	f.StringVar(&workload, "workload", workload, "transfers or mix")
	f.Float64Var(&cfg.Rate, "rate", 0, "transactions per second; 0 = find the saturation")
	f.DurationVar(&cfg.Duration, "duration", 10*time.Second, "length of the measurement")
	f.DurationVar(&cfg.Warmup, "warmup", bench.DefaultWarmup, "length of the warm-up, which does not count")
	f.IntVar(&cfg.Coupons, "coupons", bench.DefaultCoupons, "how many coupons are passed on")
	f.IntVar(&cfg.InFlight, "in-flight", bench.DefaultInFlight, "with rate 0: how many are always on their way")
	f.StringVarP(&output, "output", "o", output, "text or json")
	o.addSignatures(c)
	return c
}

// runBench measures a network that exists for the run only.
func runBench(ctx context.Context, o netOptions, cfg bench.Config) (r *bench.Report, err error) {
	if o.dir, err = os.MkdirTemp("", "scrip-comet-"); err != nil {
		return nil, fmt.Errorf("make a folder for the network: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	n, err := o.create()
	if err != nil {
		return nil, err
	}
	if err := start(ctx, n); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	cfg.Nodes, cfg.CPU = n.URLs(), n.CPUTime
	cfg.SignAs(n.Dev())
	return bench.Run(ctx, cfg)
}

func show(w io.Writer, output, signatures string, r *bench.Report) error {
	if output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	l := r.LatencyMs
	_, err := fmt.Fprintf(w, "CometBFT, signatures %s, %s, %s load\n"+
		"committed  %.0f per second\nlatency    p50 %.1f ms   p99 %.1f ms   p99.9 %.1f ms\n"+
		"refused    %d %v\nerrors     %d %s\nCPU        %.0f us for one committed transaction\n",
		signatures, r.Workload, r.Mode, r.CommittedPerSecond, l.P50, l.P99, l.P999, r.Refused, r.ByCode, r.Errors,
		r.FirstError, r.CPUMicrosPerTx)
	return err
}
