package original_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// Random faults alone find every known-broken engine within so many seeds, and
// the engine with every rule passes the seed that does.
func TestRandomFaultsCatchMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("plays many runs")
	}
	for _, x := range []struct {
		name   string
		mutant string
		within uint64
	}{
		{"prepared certificates forgotten", "forget-prepared", 40},
		{"null requests for what few report", "null-for-prepared", 40},
		{"COMMIT without a certificate", "commit-unprepared", 40},
		{"NEW-VIEW taken on trust", "trust-new-view", 200},
		{"votes after the VIEW-CHANGE", "vote-after-view-change", 40},
		{"votes not durable", "vote-not-durable", 80},
		{"certificates not durable", "certificate-not-durable", 80},
		{"m-1 VIEW-CHANGEs", "few-reports", 40},
		{"the lowest view wins", "lowest-view", 200},
		{"certificates of decided blocks not verified", "trust-decided", 400},
		{"votes whose batch failed count", "false-votes", 200},
		{"blocks of long ago", "no-lower-bound", 400},
		{"blocks of the future", "no-upper-bound", 200},
		{"divergence unnoticed", "divergence-unnoticed", 40},
		{"transactions left out", "censor", 20},
	} {
		opt := pbfttest.Options{SafetyOnly: true, Protocol: pbft.Original}
		if x.mutant == "trust-new-view" {
			opt.Fixed, opt.Byzantine = true, 2
			opt.Behaviour = pbfttest.ForgeNewView | pbfttest.LieInViewChange | pbfttest.ForgeProposals | pbfttest.ForgeVotes
		}
		if x.mutant == "censor" {
			opt.SafetyOnly = false
		}
		if x.mutant == "divergence-unnoticed" {
			opt = pbfttest.Options{Protocol: pbft.Original, Fixed: true, Byzantine: 1, Behaviour: pbfttest.Corrupt}
		}
		opt.New = broken.Original(x.mutant)
		r := firstViolation(t, opt, x.within)
		if r == nil {
			t.Errorf("%s: unnoticed in %d seeds", x.name, x.within)
			continue
		}
		t.Logf("%s: seed %d, %s", x.name, r.Seed, r.Violations[0].Rule)
		opt.New = newEngine
		if r, err := pbfttest.Run(r.Seed, opt); err != nil || len(r.Violations) > 0 {
			t.Errorf("the engine with every rule fails too: %v, %v", r, err)
		}
	}
}

// The control of the controls: f+1 Byzantine members divide the engine with every
// rule, as they must.
func TestTooManyByzantineMembersDivide(t *testing.T) {
	opt := pbfttest.Options{New: newEngine, Protocol: pbft.Original, SafetyOnly: true, Fixed: true, Byzantine: 2,
		Beyond: 1, Shapes: []pbfttest.Shape{{Members: 4, Faults: 1}}, Rules: []string{"agreement"},
		Behaviour: pbfttest.Twins, Log: pbfttest.LogWhole}
	if r := firstViolation(t, opt, 400); r == nil {
		t.Error("two of four Byzantine members go unnoticed in 400 seeds")
	} else {
		t.Logf("seed %d", r.Seed)
	}
}

// firstViolation returns the first run with a violation, nil if none has one.
func firstViolation(t *testing.T, opt pbfttest.Options, within uint64) *pbfttest.Result {
	t.Helper()
	for seed := uint64(1); seed <= within; seed++ {
		r, err := pbfttest.Run(seed, opt)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Violations) > 0 {
			return r
		}
	}
	return nil
}
