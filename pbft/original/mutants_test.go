package original_test

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/original"
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
		mutant original.Mutation
		within uint64
	}{
		{"prepared certificates forgotten", original.MutantForgetPrepared, 40},
		{"null requests for what few report", original.MutantNullForPrepared, 40},
		{"COMMIT without a certificate", original.MutantCommitUnprepared, 40},
		{"NEW-VIEW taken on trust", original.MutantTrustNewView, 200},
		{"votes after the VIEW-CHANGE", original.MutantVoteAfterViewChange, 40},
		{"votes not durable", original.MutantVoteNotDurable, 80},
		{"certificates not durable", original.MutantCertificateNotDurable, 80},
		{"m-1 VIEW-CHANGEs", original.MutantFewReports, 40},
		{"the lowest view wins", original.MutantLowestView, 200},
		{"certificates of decided blocks not verified", original.MutantTrustDecided, 400},
		{"votes whose batch failed count", original.MutantFalseVotes, 200},
		{"blocks of long ago", original.MutantNoLowerBound, 400},
		{"blocks of the future", original.MutantNoUpperBound, 200},
		{"divergence unnoticed", original.MutantDivergenceUnnoticed, 40},
		{"transactions left out", original.MutantCensor, 20},
	} {
		opt := pbfttest.Options{SafetyOnly: true, Protocol: pbft.Original}
		if x.mutant == original.MutantTrustNewView {
			opt.Fixed, opt.Byzantine = true, 2
			opt.Behaviour = pbfttest.ForgeNewView | pbfttest.LieInViewChange | pbfttest.ForgeProposals | pbfttest.ForgeVotes
		}
		if x.mutant == original.MutantCensor {
			opt.SafetyOnly = false
		}
		if x.mutant == original.MutantDivergenceUnnoticed {
			opt = pbfttest.Options{Protocol: pbft.Original, Fixed: true, Byzantine: 1, Behaviour: pbfttest.Corrupt}
		}
		opt.New = func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
			return original.NewMutant(cfg, log, x.mutant)
		}
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
		Behaviour: pbfttest.Twins}
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
