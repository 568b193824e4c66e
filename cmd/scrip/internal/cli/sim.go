package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/original"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// simOptions are the flags of sim.
type simOptions struct {
	seed, from  uint64
	seeds       int
	engine      string
	mutant      string
	n, f, p     int
	workers     int
	safetyOnly  bool
	listMutants bool
}

func newSimCommand(a *App) *cobra.Command {
	o := simOptions{seeds: 200, from: 1, workers: runtime.GOMAXPROCS(0), p: -1}
	c := &cobra.Command{
		Use: "sim", Short: "Play the consensus in simulated networks full of faults", Args: arguments(),
		Long: "Play the consensus in simulated networks that lose, delay and repeat messages, whose\n" +
			"members crash and, up to f of them, lie; and judge that no two blocks are committed at\n" +
			"one height and that work goes on once the faults end. One seed is one run, to the bit:\n" +
			"--seed replays it with a trace. A --mutant is an engine with one rule broken, which\n" +
			"shows that the simulation would notice.",
		Example: "  scrip sim --seeds 1000\n  scrip sim --seed 42\n" +
			"  scrip sim --mutant fast-unarmed\n  scrip sim --list-mutants\n" +
			"  scrip sim --engine original --mutant forget-prepared",
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.listMutants:
				return a.listMutants(o)
			case c.Flags().Changed("seed"):
				return a.replay(o)
			}
			return a.simulate(c, o)
		},
	}
	f := c.Flags()
	f.Uint64Var(&o.seed, "seed", 0, "replay this one run with its trace")
	f.IntVar(&o.seeds, "seeds", o.seeds, "how many runs")
	f.Uint64Var(&o.from, "from", o.from, "first seed")
	engineFlag(c, &o.engine)
	f.StringVar(&o.mutant, "mutant", "", "play a known-broken engine")
	f.BoolVar(&o.listMutants, "list-mutants", false, "list the known-broken engines")
	f.IntVar(&o.n, "members", 0, "members n; default: drawn from the seed")
	f.IntVar(&o.f, "faults", 0, "members f that may lie; default: the most that n allows")
	f.IntVar(&o.p, "fast-faults", o.p, "members p that may be slow in the fast path; default: the most that goes with f")
	f.IntVar(&o.workers, "workers", o.workers, "runs at a time")
	f.BoolVar(&o.safetyOnly, "safety-only", false, "leave out whether work goes on after the faults")
	c.MarkFlagsMutuallyExclusive("seed", "seeds")
	_ = c.RegisterFlagCompletionFunc("mutant", func(*cobra.Command, []string, string) ([]string,
		cobra.ShellCompDirective) {
		var names []string
		for _, m := range append(broken.Of(pbft.DualPath), broken.Of(pbft.Original)...) {
			names = append(names, m.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

func (a *App) listMutants(o simOptions) error {
	p, err := protocolOf(o.engine)
	if err != nil {
		return err
	}
	all := broken.Of(p)
	rows := Rows{Head: []string{"MUTANT", "WHAT IS BROKEN"}}
	for _, m := range all {
		rows.Body = append(rows.Body, []string{m.Name, m.What})
	}
	return ShowAll(a, all, rows)
}

// newEngine returns what makes the engines that the flags ask for.
func (o *simOptions) newEngine(p pbft.Protocol) (pbfttest.Factory, error) {
	if o.mutant != "" {
		for _, m := range broken.Of(p) {
			if m.Name == o.mutant {
				return m.New, nil
			}
		}
		return nil, &Error{Exit: ExitUsage, Text: "there is no mutant " + quoted(o.mutant) + " of this engine",
			Next: "scrip sim --list-mutants --engine " + p.String()}
	}
	if p == pbft.Original {
		return func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return original.New(cfg, log) }, nil
	}
	return func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(cfg, log) }, nil
}

// simulation turns the flags into options of the simulator.
func (o *simOptions) simulation() (opt pbfttest.Options, err error) {
	opt.SafetyOnly = o.safetyOnly
	if opt.Protocol, err = protocolOf(o.engine); err != nil {
		return opt, err
	}
	if opt.New, err = o.newEngine(opt.Protocol); err != nil {
		return opt, err
	}
	if o.n == 0 && (o.mutant == "no-evidence-clause" || o.mutant == "strict-rule") {
		equivocating(&opt)
		return opt, nil
	}
	if o.n == 0 {
		if o.f != 0 || o.p >= 0 {
			return opt, usageError("--faults and --fast-faults need --members")
		}
		return opt, nil
	}
	faults, fastFaults := pbft.DefaultFaults(o.n)
	if o.f == 0 {
		o.f = faults
	} else {
		fastFaults = 0
	}
	if o.p < 0 {
		o.p = fastFaults
		if opt.Protocol == pbft.Original {
			o.p = 0
		}
	}
	opt.Shapes = []pbfttest.Shape{{Members: o.n, Faults: o.f, FastFaults: o.p}}
	if _, err := pbfttest.NewStage(pbfttest.StageOptions{Shape: opt.Shapes[0], New: opt.New,
		Parameters: pbft.Parameters{Protocol: opt.Protocol}}); err != nil {
		return opt, usageError("%d members with %d faults and %d fast faults: %v", o.n, o.f, o.p, err)
	}
	return opt, nil
}

// equivocating narrows the faults to those that some mutants need to go wrong
// within a few hundred runs: members that say one thing to some and another to
// others.
func equivocating(opt *pbfttest.Options) {
	opt.SafetyOnly, opt.Fixed, opt.Byzantine = true, true, 2
	opt.Shapes = []pbfttest.Shape{{Members: 4, Faults: 1, FastFaults: 1}, {Members: 5, Faults: 1, FastFaults: 1},
		{Members: 7, Faults: 2, FastFaults: 1}}
	opt.Behaviour = pbfttest.ForgeProposals | pbfttest.ForgeVotes | pbfttest.LieInViewChange
}

// violation is a broken promise, for programs.
type violation struct {
	Seed   uint64 `json:"seed,string"`
	Rule   string `json:"rule"`
	AtUs   int64  `json:"at_us"`
	Detail string `json:"detail"`
	Plan   string `json:"plan,omitempty"`
}

func violationsOf(r *pbfttest.Result) []violation {
	all := []violation{}
	for _, v := range r.Violations {
		all = append(all, violation{r.Seed, v.Rule, v.AtUs, v.Detail, r.Plan})
	}
	return all
}

// violated is the error of runs in which a promise was broken.
func violated(seed uint64, o simOptions) *Error {
	next := "scrip sim --seed " + strconv.FormatUint(seed, 10)
	if o.engine != "" {
		next += " --engine " + o.engine
	}
	if o.mutant != "" {
		next += " --mutant " + o.mutant
	}
	if o.n != 0 {
		next += fmt.Sprintf(" --members %d --faults %d --fast-faults %d", o.n, o.f, o.p)
	}
	if o.safetyOnly {
		next += " --safety-only"
	}
	return &Error{Exit: ExitOther, Text: "a promise was broken", Remedy: "The same seed plays the same run:", Next: next}
}

// replay plays one seed with its trace on stderr, so that the result stays apart.
func (a *App) replay(o simOptions) error {
	opt, err := o.simulation()
	if err != nil {
		return err
	}
	if !a.Quiet {
		opt.Trace = a.Err
	}
	r, err := pbfttest.Run(o.seed, opt)
	if err != nil {
		return usageError("%v", err)
	}
	answer := struct {
		Seed       uint64      `json:"seed,string"`
		Plan       string      `json:"plan"`
		Blocks     int         `json:"blocks"`
		View       uint64      `json:"view"`
		VirtualMs  int64       `json:"virtual_ms"`
		RecoveryMs int64       `json:"recovery_ms"`
		Trace      string      `json:"trace_hash"`
		Violations []violation `json:"violations"`
	}{r.Seed, r.Plan, r.Decided, uint64(r.View), r.VirtualUs / 1000, r.LivenessUs / 1000, fmt.Sprintf("%016x",
		r.TraceHash), violationsOf(r)}
	fields := Fields{{"seed", strconv.FormatUint(r.Seed, 10)}, {"plan", r.Plan}, {"blocks", strconv.Itoa(r.Decided)},
		{"virtual time", fmt.Sprintf("%.3f s, %.3f s of it until work went on after the faults",
			float64(r.VirtualUs)/1e6, float64(r.LivenessUs)/1e6)},
		{"trace hash", answer.Trace}}
	for _, v := range r.Violations {
		fields = append(fields, [2]string{"BROKEN", v.String()})
	}
	if err := a.Show(answer, fields); err != nil || len(r.Violations) == 0 {
		return err
	}
	return violated(o.seed, o)
}

// simGCPercent lets the collector run seldom: a run is short and its garbage small.
const simGCPercent = 400

// simulate plays many seeds.
func (a *App) simulate(c *cobra.Command, o simOptions) error {
	opt, err := o.simulation()
	if err != nil {
		return err
	}
	if o.seeds < 1 || o.workers < 1 {
		return usageError("--seeds and --workers are at least 1")
	}
	debug.SetGCPercent(simGCPercent)
	p, done := a.Progress("simulating"), 0
	s, err := pbfttest.RunMany(o.from, o.seeds, o.workers, opt, func(*pbfttest.Result) bool {
		done++
		p.Set(done, o.seeds, "runs")
		return c.Context().Err() == nil
	})
	p.Done()
	if err != nil {
		return usageError("%v", err)
	}
	if err := c.Context().Err(); err != nil {
		return err
	}
	answer := struct {
		Seeds      int         `json:"seeds"`
		Blocks     int         `json:"blocks"`
		VirtualS   float64     `json:"virtual_s"`
		Messages   int         `json:"messages"`
		Crashes    int         `json:"crashes"`
		Forged     int         `json:"forged"`
		WorstMs    int64       `json:"slowest_recovery_ms"`
		WorstSeed  uint64      `json:"slowest_recovery_seed,string"`
		Violations []violation `json:"violations"`
	}{s.Seeds, s.Decided, float64(s.VirtualUs) / 1e6, s.Counts.Messages, s.Counts.Crashes, s.Counts.Forged,
		s.WorstUs / 1000, s.WorstSeed, []violation{}}
	fields := Fields{
		{"runs", fmt.Sprintf("%d, from seed %d", s.Seeds, o.from)},
		{"blocks", fmt.Sprintf("%d in %.0f s of virtual time", s.Decided, answer.VirtualS)},
		{"faults", fmt.Sprintf("%d crashes, %d forged messages, among %d messages", s.Counts.Crashes, s.Counts.Forged,
			s.Counts.Messages)},
		{"recovery", fmt.Sprintf("at most %.1f s after the faults (seed %d)", float64(s.WorstUs)/1e6, s.WorstSeed)},
		{"broken", strconv.Itoa(len(s.Failed))},
	}
	for i, r := range s.Failed {
		answer.Violations = append(answer.Violations, violationsOf(r)...)
		if i == 0 {
			fields = append(fields, [2]string{"BROKEN", r.String()})
		}
	}
	if err := a.Show(answer, fields); err != nil || len(s.Failed) == 0 {
		return err
	}
	return violated(s.Failed[0].Seed, o)
}
