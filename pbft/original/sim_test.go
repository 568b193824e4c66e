package original_test

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/original"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "play this seed only, with its trace")
	simFrom  = flag.Uint64("sim.from", 1, "first seed")
	simCount = flag.Int("sim.count", smokeSeeds, "number of seeds")
)

// smokeSeeds is what every test run plays.
const smokeSeeds = 500

// TestMain lets the collector run seldom: a run is short and its garbage small.
func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

func newEngine(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
	return original.New(cfg, log)
}

func TestClusterKeepsItsPromises(t *testing.T) {
	opt := pbfttest.Options{New: newEngine, Protocol: pbft.Original}
	if *simSeed != 0 {
		opt.Trace = os.Stdout
		r, err := pbfttest.Run(*simSeed, opt)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(r)
		if len(r.Violations) > 0 {
			t.Fail()
		}
		return
	}
	s, err := pbfttest.RunMany(*simFrom, *simCount, runtime.GOMAXPROCS(0), opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Failed {
		t.Errorf("%v\n  replay: go test ./pbft/original -run TestClusterKeepsItsPromises -sim.seed=%d", r, r.Seed)
	}
	t.Logf("%d seeds, %d blocks, %.0f s virtual, slowest recovery %.1f s (seed %d), most view changes %d (seed %d)",
		s.Seeds, s.Decided, float64(s.VirtualUs)/1e6, float64(s.WorstUs)/1e6, s.WorstSeed,
		s.WorstViewChanges, s.WorstViewChangesSeed)
	t.Logf("%+v", s.Counts)
}
