package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// Random faults alone find every known-broken engine within so many seeds, and
// the engine with every rule passes the seed that does.
func TestRandomFaultsCatchMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("plays many runs")
	}
	equivocating := pbfttest.Options{SafetyOnly: true, Fixed: true, Byzantine: 2,
		Shapes: []pbfttest.Shape{{Members: 4, Faults: 1, FastFaults: 1}, {Members: 5, Faults: 1, FastFaults: 1},
			{Members: 7, Faults: 2, FastFaults: 1}},
		Behaviour: pbfttest.ForgeProposals | pbfttest.ForgeVotes | pbfttest.LieInViewChange}
	anything := pbfttest.Options{SafetyOnly: true, Log: pbfttest.LogWhole}
	forms := pbfttest.Options{SafetyOnly: true}
	recovering := pbfttest.Options{Fixed: true, Byzantine: 1, Behaviour: pbfttest.Corrupt}
	for _, x := range []struct {
		mutant string
		opt    pbfttest.Options
		within uint64
	}{
		{"fast-unarmed", anything, 20},
		{"highest-only", anything, 20},
		{"support-plus-one", anything, 20},
		{"commit-after-view-change", anything, 20},
		{"forget-certificate", anything, 20},
		{"vote-not-durable", anything, 40},
		{"no-evidence-clause", equivocating, 200},
		{"few-reports", anything, 20},
		{"tip-of-last-view", anything, 40},
		{"handover-any-slot", anything, 60},
		{"support-minus-one", anything, 40},
		{"strict-rule", equivocating, 200},
		{"trust-blocks", anything, 200},
		{"trust-proof", anything, 200},
		{"trust-evidence", anything, 800},
		{"false-votes", anything, 200},
		{"tip-of-another-view", anything, 1200},
		{"any-root", anything, 400},
		{"no-lower-bound", anything, 200},
		{"no-upper-bound", anything, 200},
		{"suspect-forever", anything, 200},
		{"equivocation-unpunished", anything, 200},
		{"no-commit-once-committed", anything, 400},
		{"divergence-unnoticed", recovering, 400},
		{"censor", pbfttest.Options{}, 20},
		{"prepare-unexpanded", forms, 20},
		{"prepare-unproven", forms, 20},
	} {
		opt := x.opt
		opt.New = broken.Dualpath(x.mutant)
		seed := firstViolation(t, opt, x.within)
		if seed == 0 {
			t.Errorf("mutant %s goes unnoticed in %d seeds", x.mutant, x.within)
			continue
		}
		t.Logf("mutant %s: seed %d", x.mutant, seed)
		opt.New = newEngine
		if r, err := pbfttest.Run(seed, opt); err != nil || len(r.Violations) > 0 {
			t.Errorf("the engine with every rule fails too: %v, %v", r, err)
		}
	}
}

// Recipes, certificates that are left out, and patience hide no broken engine: those that
// are found soon without them are with them, too.
func TestMutantsAreFoundInEveryForm(t *testing.T) {
	if testing.Short() {
		t.Skip("plays many runs")
	}
	for _, mutant := range []string{"fast-unarmed", "highest-only", "support-plus-one", "commit-after-view-change",
		"forget-certificate", "vote-not-durable", "few-reports", "tip-of-last-view", "handover-any-slot",
		"support-minus-one", "trust-blocks", "trust-proof", "false-votes", "no-lower-bound", "no-upper-bound",
		"equivocation-unpunished", "no-commit-once-committed"} {
		const within = 60
		if firstViolation(t, pbfttest.Options{SafetyOnly: true, New: broken.Dualpath(mutant)}, within) == 0 {
			t.Errorf("mutant %s goes unnoticed in %d seeds", mutant, within)
		}
	}
}

// The control of the controls: f+1 Byzantine members divide the engine with every
// rule, as they must.
func TestTooManyByzantineMembersDivide(t *testing.T) {
	opt := pbfttest.Options{New: newEngine, SafetyOnly: true, Fixed: true, Byzantine: 2, Beyond: 1,
		Shapes:    []pbfttest.Shape{{Members: 4, Faults: 1}, {Members: 4, Faults: 1, FastFaults: 1}},
		Behaviour: pbfttest.ForgeProposals | pbfttest.ForgeVotes, Rules: []string{"agreement"}}
	if seed := firstViolation(t, opt, 200); seed == 0 {
		t.Error("two of four Byzantine members go unnoticed in 200 seeds")
	} else {
		t.Logf("seed %d", seed)
	}
}

// firstViolation returns the first seed with a violation, 0 if none has one.
func firstViolation(t *testing.T, opt pbfttest.Options, within uint64) uint64 {
	t.Helper()
	for seed := uint64(1); seed <= within; seed++ {
		r, err := pbfttest.Run(seed, opt)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Violations) > 0 {
			return seed
		}
	}
	return 0
}
