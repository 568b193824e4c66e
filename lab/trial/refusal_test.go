package trial

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/lab/desim"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
)

// What cannot run is told before anything does, takes no time of the estimate, and is
// no run of the plan.
func TestWhatCannotRunIsLeftOut(t *testing.T) {
	s := &scenarios.Scenario{Repeats: 3, Parts: []scenarios.Part{
		{Name: "sim", Mode: scenarios.Sim, Engines: []string{"P1", "P1-lanes"}, Members: []int{4},
			Load: []scenarios.Load{{PerSecond: 100}}, Links: []string{"city"}, Cases: []scenarios.Case{{Name: "normal"}},
			DurationS: 1},
		{Name: "host", Mode: scenarios.Host, Engines: []string{"P1", "P1-lanes", "cometbft-batch"}, Members: []int{4},
			Load: []scenarios.Load{{PerSecond: 100}}, Links: []string{"local"}, Cases: []scenarios.Case{{Name: "normal"}},
			DurationS: 1},
	}}
	opt := &Options{Scrip: "scrip"}
	var what []string
	for _, k := range Refused(s, opt) {
		what = append(what, k.Part+" "+k.What)
		if !strings.Contains(k.Reason, ErrUnavailable.Error()) {
			t.Errorf("%s: %s", k.What, k.Reason)
		}
	}
	if want := []string{"host cometbft-batch"}; !slices.Equal(what, want) {
		t.Errorf("left out: %q, wanted %q", what, want)
	}
	if d, runs := Estimate(s, opt); runs != 12 || d < time.Second {
		t.Errorf("%d runs in %v, wanted 12", runs, d)
	}
	l := &lab{scenario: s, opt: opt, manifest: new(results.Manifest)}
	l.plan()
	if len(l.jobs) != 12 || len(l.manifest.Skipped) != 1 {
		t.Errorf("%d jobs, and left out: %v", len(l.jobs), l.manifest.Skipped)
	}
	opt.Parts = []string{"host"}
	if _, runs := Estimate(s, opt); runs != 6 {
		t.Errorf("%d runs of one part, wanted 6", runs)
	}
	if err := opt.refusal(&s.Parts[1], scenarios.Engine{Comet: "batch"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

// Each mechanism that a scenario names is one switch of the simulator or one of the
// settings that follow them, and each switch has a name.
func TestMechanismsAreTheSwitchesOfTheSimulator(t *testing.T) {
	settings := []string{"elide", "patience", "monitor"}
	n := reflect.TypeFor[desim.Without]().NumField()
	if !slices.Equal(scenarios.Mechanisms[n:], settings) {
		t.Fatalf("the simulator has %d switches, behind them scenarios name %v", n, scenarios.Mechanisms[n:])
	}
	seen := make(map[desim.Without]string)
	for _, name := range scenarios.Mechanisms[:n] {
		w := without([]string{name})
		if other, ok := seen[w]; ok || w == (desim.Without{}) {
			t.Errorf("%s switches what %q does, or nothing", name, other)
		}
		seen[w] = name
	}
}

// Dual-path PBFT elides certificates and is patient unless a case or its engine is
// without; published PBFT has neither.
func TestElisionAndPatience(t *testing.T) {
	for _, c := range []struct {
		engine          string
		without         []string
		elide, patience bool
	}{
		{"dualpath-p1", nil, true, true},
		{"dualpath-p1-lanes", []string{"elide"}, false, true},
		{"dualpath-p1-lanes", []string{"patience"}, true, false},
		{"dualpath-p1-whole", nil, false, false},
		{"P1-lanes", nil, false, false},
	} {
		p := &scenarios.Part{Mode: scenarios.Sim, DurationS: 1, Cases: []scenarios.Case{{Name: "x", Without: c.without}}}
		cell := scenarios.Cell{Engine: c.engine, Members: 4, Load: "100", Links: "city", Case: "x"}
		cfg, err := simConfig(&scenarios.Scenario{}, p, cell, 1)
		if err != nil || cfg.Elide != c.elide || cfg.Patience != c.patience {
			t.Errorf("%s without %v: elide %v, patience %v (%v)", c.engine, c.without, cfg.Elide, cfg.Patience, err)
		}
	}
}

// An untuned engine is one without the rules that came later.
func TestUntunedIsWithoutTheRulesThatCameLater(t *testing.T) {
	p := &scenarios.Part{Mode: scenarios.Sim, DurationS: 1, Cases: []scenarios.Case{{Name: "normal"}}}
	for engine, want := range map[string]desim.Without{"P1": {}, "P1-untuned": {Pace: true, BodyCap: true, Grace: true}} {
		cell := scenarios.Cell{Engine: engine, Members: 4, Load: "100", Links: "city", Case: "normal"}
		cfg, err := simConfig(&scenarios.Scenario{}, p, cell, 1)
		if err != nil || cfg.Without != want {
			t.Errorf("%s is without %+v (%v), wanted %+v", engine, cfg.Without, err, want)
		}
	}
}
