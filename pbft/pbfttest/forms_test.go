package pbfttest_test

import (
	"runtime"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// attackSeeds is how many runs each attack has in every test run.
const attackSeeds = 20

// What f Byzantine members can do with recipes, certificates that are left out, and
// patience: no promise breaks, nobody is blamed for what it did not do, and after the faults
// blocks commit. Each attack leaves its mark, so that it was played.
func TestAttacksOnFormsFail(t *testing.T) {
	wide := []pbfttest.Shape{{Members: 7, Faults: 2, FastFaults: 1}, {Members: 5, Faults: 1},
		{Members: 6, Faults: 1, FastFaults: 1}}
	for _, x := range []struct {
		name      string
		behaviour pbfttest.Behaviour
		stuck     bool
		mark      func(c *pbfttest.Counts) int
	}{
		{"recipes that nobody can carry out, or that make something else", pbfttest.BadRecipes | pbfttest.ForgeProposals |
			pbfttest.ForgeVotes, false, func(c *pbfttest.Counts) int { return c.Reasons[pbft.InvalidContent] }},
		{"honest headers with spoiled recipes", pbfttest.SpoilRecipes, false,
			func(c *pbfttest.Counts) int { return c.Forged }},
		{"a justification whose last votes only some have", pbfttest.BareProposals | pbfttest.ForgeProposals |
			pbfttest.SplitPrepares, false, func(c *pbfttest.Counts) int { return c.Sent[pbft.KindPull] }},
		{"COMMITs to end everybody's patience", pbfttest.HurryCommits, false,
			func(c *pbfttest.Counts) int { return c.Forged }},
		{"PREPAREs to some only", pbfttest.SplitPrepares, false, func(c *pbfttest.Counts) int {
			return c.Commits[pbft.CommittedFast] * c.Sent[pbft.KindCommit]
		}},
		{"changes of view with bodies known by recipe only", pbfttest.BadRecipes | pbfttest.ForgeProposals |
			pbfttest.LieInViewChange | pbfttest.SpamSuspect, true,
			func(c *pbfttest.Counts) int { return c.Sent[pbft.KindFetch] * c.Transitions[pbft.EventEnter] }},
	} {
		opt := pbfttest.Options{New: newEngine, Shapes: wide, Fixed: true, Byzantine: 2, Behaviour: x.behaviour,
			Stuck: x.stuck}
		s, err := pbfttest.RunMany(1, attackSeeds, runtime.GOMAXPROCS(0), opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Failed {
			t.Errorf("%s: %v", x.name, r)
		}
		if x.mark(&s.Counts) == 0 || s.Decided == 0 {
			t.Errorf("%s: was not played, or nothing was decided: %+v", x.name, s.Counts)
		}
	}
}
