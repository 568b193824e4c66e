package desim

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft/driver"
)

// While a commit takes less than a small batch may wait, and less comes meanwhile
// than a large batch, blocks are proposed one after the other: a window of 32 is
// used for one, and pipelined agreement is sequential agreement, to the nanosecond.
// A shorter wait brings the pipeline into use.
func TestTheWaitOfSmallBatchesDecidesWhetherThePipelineIsUsed(t *testing.T) {
	for _, x := range []struct {
		rate, waitUs int64
		same         bool
	}{{1000, 0, true}, {10_000, 0, true}, {10_000, 1500, false}} {
		run := func(window int) Result {
			return mustRun(t, Config{Engine: EngineOriginal, Window: window, Links: Uniform(4, 500), DurationMs: 400, Seed: 3,
				Batching: driver.Batching{WaitUs: x.waitUs}, Load: Load{TxPerSecond: x.rate, Poisson: true}})
		}
		pipelined, sequential := run(32), run(1)
		if got := slices.Equal(pipelined.TxSamples, sequential.TxSamples); got != x.same {
			t.Errorf("%d a second, wait %d us: the same is %v, wanted %v", x.rate, x.waitUs, got, x.same)
		}
	}
}

// Under load a block costs more than what is in it, so after one of many transactions
// the next waits for as long again as that one took; where few come, nobody waits for
// company.
func TestBlocksOfManyAreFewer(t *testing.T) {
	run := func(rate int64, many int) Result {
		return mustRun(t, Config{Links: Uniform(4, 500), DurationMs: 1000, Seed: 4,
			Batching: driver.Batching{ManyTxs: many}, Load: Load{TxPerSecond: rate, Poisson: true}})
	}
	const never = 1 << 20
	if paced, all := run(20_000, 0).Blocks, run(20_000, never).Blocks; 3*paced > 2*all {
		t.Errorf("%d blocks in a second at 20,000/s, %d if none waits", paced, all)
	}
	if paced, all := run(500, 0), run(500, never); !slices.Equal(paced.TxSamples, all.TxSamples) {
		t.Errorf("at 500/s transactions wait for company: %d blocks, %d if none waits", paced.Blocks, all.Blocks)
	}
}
