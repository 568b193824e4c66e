package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// The converse of theorem T14: an engine that signs what no honest one does is convicted of
// it, for each kind of misbehaviour, within so many seeds; the engine with every rule is
// not, in the same run. That honest engines never are, all other runs of this package say.
func TestBrokenEnginesAreConvicted(t *testing.T) {
	if testing.Short() {
		t.Skip("plays many runs")
	}
	for _, x := range []struct {
		kind   pbft.MisbehaviourKind
		mutant string
		within uint64
	}{
		{pbft.TwoHeaders, "proposal-not-durable", 100},
		{pbft.TwoNewViews, "two-new-views", 10},
		{pbft.TwoPrepares, "block-not-durable", 100},
		{pbft.TwoViewChanges, "view-change-not-durable", 200},
		{pbft.CommitAboveHigh, "forget-certificate", 10},
		{pbft.PrepareHidden, "tip-of-last-view", 10},
		{pbft.ArmedPrepareHidden, "certificate-not-durable", 400},
	} {
		opt := pbfttest.Options{New: broken.Dualpath(x.mutant), SafetyOnly: true, SafetyMs: 3000,
			Rules: []string{"convicted"}, Convicts: x.kind}
		seed := firstViolation(t, opt, x.within)
		if seed == 0 {
			t.Errorf("nobody is convicted of %v in %d seeds of %s", x.kind, x.within, x.mutant)
			continue
		}
		t.Logf("%v: %s, seed %d", x.kind, x.mutant, seed)
		opt.New = newEngine
		if r, err := pbfttest.Run(seed, opt); err != nil || len(r.Violations) > 0 {
			t.Errorf("the engine with every rule fails too: %v, %v", r, err)
		}
	}
}
