package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

func mutantEngine(m dualpath.Mutation) pbfttest.Factory {
	return func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.NewMutant(cfg, log, m) }
}

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
	anything := pbfttest.Options{SafetyOnly: true}
	recovering := pbfttest.Options{Fixed: true, Byzantine: 1, Behaviour: pbfttest.Corrupt}
	for _, x := range []struct {
		mutant dualpath.Mutation
		opt    pbfttest.Options
		within uint64
	}{
		{dualpath.MutantFastUnarmed, anything, 20},
		{dualpath.MutantHighestOnly, anything, 20},
		{dualpath.MutantSupportPlusOne, anything, 20},
		{dualpath.MutantCommitAfterViewChange, anything, 20},
		{dualpath.MutantForgetCertificate, anything, 20},
		{dualpath.MutantVoteNotDurable, anything, 40},
		{dualpath.MutantNoEvidenceClause, equivocating, 200},
		{dualpath.MutantFewReports, anything, 20},
		{dualpath.MutantTipOfLastView, anything, 40},
		{dualpath.MutantHandoverAnySlot, anything, 60},
		{dualpath.MutantSupportMinusOne, anything, 40},
		{dualpath.MutantStrictRule, equivocating, 200},
		{dualpath.MutantTrustBlocks, anything, 200},
		{dualpath.MutantTrustProof, anything, 200},
		{dualpath.MutantTrustEvidence, anything, 400},
		{dualpath.MutantFalseVotes, anything, 200},
		{dualpath.MutantTipOfAnotherView, anything, 400},
		{dualpath.MutantAnyRoot, anything, 400},
		{dualpath.MutantNoLowerBound, anything, 200},
		{dualpath.MutantNoUpperBound, anything, 200},
		{dualpath.MutantSuspectForever, anything, 200},
		{dualpath.MutantEquivocationUnpunished, anything, 200},
		{dualpath.MutantNoCommitOnceCommitted, anything, 400},
		{dualpath.MutantDivergenceUnnoticed, recovering, 400},
		{dualpath.MutantCensor, pbfttest.Options{}, 20},
	} {
		opt := x.opt
		opt.New = mutantEngine(x.mutant)
		seed := firstViolation(t, opt, x.within)
		if seed == 0 {
			t.Errorf("mutant %d goes unnoticed in %d seeds", x.mutant, x.within)
			continue
		}
		t.Logf("mutant %d: seed %d", x.mutant, seed)
		opt.New = newEngine
		if r, err := pbfttest.Run(seed, opt); err != nil || len(r.Violations) > 0 {
			t.Errorf("the engine with every rule fails too: %v, %v", r, err)
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
