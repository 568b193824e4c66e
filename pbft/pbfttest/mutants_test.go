package pbfttest_test

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

func mutantEngine(m dualpath.Mutation) pbfttest.Factory {
	return func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.NewMutant(cfg, log, m) }
}

func TestExploreMutants(t *testing.T) {
	count, _ := strconv.Atoi(os.Getenv("EXPLORE"))
	if count == 0 {
		t.Skip()
	}
	only, _ := strconv.Atoi(os.Getenv("MUTANT"))
	for m := dualpath.MutantFastUnarmed; m <= dualpath.MutantStrictRule; m++ {
		if only != 0 && int(m) != only {
			continue
		}
		opt := pbfttest.Options{New: mutantEngine(m), SafetyOnly: true}
		if os.Getenv("AGREEMENT") != "" {
			opt.Rules = []string{"agreement"}
		}
		s, err := pbfttest.RunMany(1, count, runtime.GOMAXPROCS(0), opt, func(r *pbfttest.Result) bool {
			return len(r.Violations) == 0
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Failed) == 0 {
			t.Logf("mutant %d: not found in %d", m, s.Seeds)
			continue
		}
		t.Logf("mutant %d: found by seed %d: %v", m, s.Failed[0].Seed, s.Failed[0].Violations[0])
	}
}
