package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/lab/report"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/trial"
)

// quickScenario is the scenario of the command quick.
const quickScenario = "quick"

// runOptions are the flags of run.
type runOptions struct {
	out, scrip, comet, temp string
	repeats                 int
	seconds                 float64
	seed                    uint64
	modes, parts            []string
	all, show               bool
	rest                    time.Duration // of the scenarios that follow
}

func newRunCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run SCENARIO...", Short: "Run scenarios: those that ship, or TOML files", Args: cobra.ArbitraryArgs,
		Long: "Run a scenario and write its results into a new folder. Thresholds that are missed, and runs\n" +
			"that break, make the exit code 1; the results are kept. An interrupt keeps what was measured.\n" +
			"Several scenarios run one after the other, whatever comes of each, into folders of one folder.",
		Example: "  scrip-lab run latency\n  scrip-lab run my.toml --out results/mine --repeats 10\n" +
			"  scrip-lab run throughput --mode sim\n  scrip-lab run --all --mode host,wan",
		RunE: func(c *cobra.Command, args []string) error { return runAll(c.Context(), args, o) },
	}
	f := c.Flags()
	f.StringVar(&o.out, "out", "", "new folder for the results (default results/SCENARIO-TIME, of several results/TIME)")
	f.BoolVar(&o.all, "all", false, "all scenarios that have one of the modes")
	f.Float64Var(&o.seconds, "seconds", 0, "measure no longer than this in each run, for a first look")
	f.IntVar(&o.repeats, "repeats", 0, "how often each cell is repeated (default: as the scenario says)")
	f.Uint64Var(&o.seed, "seed", 0, "seed (default: the scenario's)")
	f.StringSliceVar(&o.modes, "mode", nil, "only these modes: sim, host, wan, netns")
	f.StringSliceVar(&o.parts, "part", nil, "only these parts of the scenario")
	f.StringVar(&o.scrip, "scrip", "", "the scrip program (default: beside this one, or on the path)")
	f.StringVar(&o.comet, "comet", "", "the scrip-comet program (default: beside this one, or on the path)")
	f.StringVar(&o.temp, "temp", "", "where networks keep their data while they run (default: the system's)")
	return c
}

func newQuickCommand() *cobra.Command {
	o := runOptions{show: true}
	c := &cobra.Command{
		Use: "quick", Short: "Simulate the main comparisons in less than two minutes", Args: arguments(),
		Long: "Simulate the main comparisons and check the thresholds. Nothing of it depends on the\n" +
			"machine: the same program and seed give the same bytes, and the digest that is printed.",
		RunE: func(c *cobra.Command, _ []string) error { return execute(c.Context(), quickScenario, o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "new folder for the results (default results/quick-TIME)")
	c.Flags().Uint64Var(&o.seed, "seed", 0, "seed (default: the scenario's)")
	return c
}

// load reads a scenario by its name or path.
func load(name string) ([]byte, error) {
	if !strings.HasSuffix(name, ".toml") {
		raw, err := scenarios.ReadShipped(name)
		if err != nil {
			return nil, &usageError{err}
		}
		return raw, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, &usageError{err}
	}
	if _, err := scenarios.Decode(name, raw); err != nil {
		return nil, &usageError{err}
	}
	return raw, nil
}

func execute(ctx context.Context, name string, o runOptions) error {
	raw, err := load(name)
	if err != nil {
		return err
	}
	modes, err := parseModes(o.modes)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(filepath.Base(name), ".toml")
	if o.out == "" {
		o.out = filepath.Join("results", base+"-"+time.Now().UTC().Format("20060102-150405"))
	}
	folder, err := newFolder(o.out)
	if err != nil {
		return err
	}
	p := newProgress(os.Stderr, o.rest)
	err = trial.Run(ctx, raw, trial.Options{Folder: folder,
		Scrip: find(o.scrip, "scrip"), Comet: find(o.comet, "scrip-comet"), Temp: o.temp, Repeats: o.repeats,
		Seconds: o.seconds, Seed: o.seed, Modes: modes, Parts: o.parts, Manifest: manifest(name, o), Progress: p.set})
	p.done()
	return finish(folder, err, o.show)
}

// finish draws the report of whatever was measured, and judges it.
func finish(folder results.Folder, runErr error, digest bool) error {
	m, _, err := folder.Manifest()
	if err != nil {
		return errors.Join(runErr, err)
	}
	if len(m.Runs) == 0 {
		return errors.Join(runErr, fmt.Errorf("nothing was measured: %s", reasons(m)))
	}
	if err := report.Write(folder); err != nil {
		return errors.Join(runErr, err)
	}
	sum, err := results.Derive(folder)
	if err != nil {
		return errors.Join(runErr, err)
	}
	printOutcome(os.Stdout, folder, m, sum)
	if digest {
		raw, err := folder.Read(results.ChecksumsFile, 1<<20)
		if err != nil {
			return err
		}
		fmt.Printf("digest   %s\n", results.Sum(raw))
	}
	if runErr != nil {
		return runErr
	}
	if n := missed(sum); n > 0 {
		return fmt.Errorf("%d thresholds were missed", n)
	}
	return nil
}

func missed(s *results.Summary) (n int) {
	for _, t := range s.Thresholds {
		if t.Outcome == results.Missed {
			n++
		}
	}
	return n
}

func reasons(m *results.Manifest) string {
	var all []string
	for _, s := range m.Skipped {
		all = append(all, s.What+": "+s.Reason)
	}
	return strings.Join(all, "; ")
}

func parseModes(names []string) (modes []scenarios.Mode, err error) {
	for _, n := range names {
		if !slices.Contains(scenarios.AllModes, scenarios.Mode(n)) {
			return nil, &usageError{fmt.Errorf("there is no mode %q: %v", n, scenarios.AllModes)}
		}
		modes = append(modes, scenarios.Mode(n))
	}
	return modes, nil
}

// newFolder makes a folder that must not hold anything.
func newFolder(dir string) (results.Folder, error) {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return results.Folder{}, &usageError{fmt.Errorf("%s is not empty: results are never mixed; name a new folder", dir)}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return results.Folder{}, err
	}
	return results.Folder{Dir: dir}, os.MkdirAll(dir, 0o755)
}

// find returns the path of a program: as given, beside this one, or on the path;
// empty if there is none.
func find(given, name string) string {
	if given != "" {
		if abs, err := filepath.Abs(given); err == nil {
			return abs
		}
		return given
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// manifest fills in what is known of this program and its call.
func manifest(name string, o runOptions) results.Manifest {
	m := results.Manifest{Version: version, Commit: "unknown", Go: runtime.Version(), Command: "scrip-lab run " + name}
	if name == quickScenario {
		m.Command = "scrip-lab quick"
	}
	if o.repeats > 0 {
		m.Command += fmt.Sprintf(" --repeats %d", o.repeats)
	}
	if o.seconds > 0 {
		m.Command += fmt.Sprintf(" --seconds %g", o.seconds)
	}
	if o.seed > 0 {
		m.Command += fmt.Sprintf(" --seed %d", o.seed)
	}
	if len(o.modes) > 0 {
		m.Command += " --mode " + strings.Join(o.modes, ",")
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				m.Commit = s.Value
			case "vcs.modified":
				m.Modified = s.Value == "true"
			case "CGO_ENABLED", "GOAMD64", "GOARM64", "-race", "-gcflags":
				m.Build = append(m.Build, s.Key+"="+s.Value)
			}
		}
	}
	return m
}
