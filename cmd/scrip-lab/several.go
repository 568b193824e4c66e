package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/trial"
)

// plan is one scenario of a call.
type plan struct {
	name   string // as it was given
	folder string // its name in the folder of several
	runs   int
	takes  time.Duration
	// refused are engines that cannot run here.
	refused []results.Skipped
}

// runAll runs the scenarios of a call, one after the other. What comes of one does
// not stop the next; an interrupt does.
func runAll(ctx context.Context, names []string, o runOptions) error {
	plans, err := plansOf(names, o)
	if err != nil {
		return err
	}
	for _, p := range plans {
		o.rest += p.takes
	}
	if len(plans) == 1 {
		plans[0].tell()
		announce(plans[0].runs, o.rest)
		o.rest = 0
		return execute(ctx, plans[0].name, o)
	}
	parent := o.out
	if parent == "" {
		parent = filepath.Join("results", time.Now().UTC().Format("20060102-150405"))
	}
	runs := 0
	for _, p := range plans {
		runs += p.runs
		p.tell()
		fmt.Fprintf(os.Stderr, "%-24s %4d runs, about %v\n", p.folder, p.runs, p.takes.Round(time.Second))
	}
	announce(runs, o.rest)
	var broken []error
	for i, p := range plans {
		if ctx.Err() != nil {
			return errors.Join(append(broken, ctx.Err())...)
		}
		o.rest -= p.takes
		o.out = filepath.Join(parent, p.folder)
		fmt.Fprintf(os.Stderr, "== %d of %d: %s\n", i+1, len(plans), p.folder)
		if err := execute(ctx, p.name, o); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.folder, err)
			broken = append(broken, errors.New(p.folder))
		}
	}
	if len(broken) > 0 {
		return fmt.Errorf("not all came out as wanted:\n%w", errors.Join(broken...))
	}
	return nil
}

// tell says before anything runs what will be missing.
func (p *plan) tell() { tellSkipped(os.Stderr, "left out", p.refused) }

func announce(runs int, takes time.Duration) {
	fmt.Fprintf(os.Stderr, "%d runs, about %v on a machine with two cores\n", runs, takes.Round(time.Second))
}

// plansOf reads the scenarios of a call, so that a mistake in the last is told
// before the first runs.
func plansOf(names []string, o runOptions) (plans []plan, err error) {
	switch {
	case o.all && len(names) > 0:
		return nil, &usageError{errors.New("run: scenarios are named, or --all")}
	case o.all:
		names = scenarios.Shipped()
	case len(names) == 0:
		return nil, &usageError{errors.New("run: wanted scenarios, or --all; scrip-lab list shows them")}
	}
	modes, err := parseModes(o.modes)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := load(name)
		if err != nil {
			return nil, err
		}
		s, err := scenarios.Decode(name, raw)
		if err != nil {
			return nil, err
		}
		for _, part := range o.parts {
			if s.PartOf(part) == nil {
				return nil, &usageError{fmt.Errorf("run: scenario %s has no part %q", s.Name, part)}
			}
		}
		p := plan{name: name, folder: folderOf(name, s, modes)}
		opt := trial.Options{Repeats: o.repeats, Seconds: o.seconds, Modes: modes, Parts: o.parts,
			Scrip: find(o.scrip, "scrip"), Comet: find(o.comet, "scrip-comet")}
		p.takes, p.runs = trial.Estimate(s, &opt)
		p.refused = trial.Refused(s, &opt)
		if p.runs == 0 && o.all {
			continue
		}
		plans = append(plans, p)
	}
	if len(plans) == 0 {
		return nil, &usageError{errors.New("run: no scenario has such a mode")}
	}
	return plans, nil
}

// folderOf names a scenario's folder beside others: with its mode, if it is run in
// one of several.
func folderOf(name string, s *scenarios.Scenario, modes []scenarios.Mode) string {
	base := strings.TrimSuffix(filepath.Base(name), ".toml")
	var run []string
	for _, m := range s.Modes() {
		if len(modes) == 0 || slices.Contains(modes, m) {
			run = append(run, string(m))
		}
	}
	if len(modes) == 0 {
		return base
	}
	return base + "-" + strings.Join(run, "-")
}
