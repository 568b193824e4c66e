package desim

import (
	"slices"
	"testing"
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
				Batching: Batching{WaitUs: x.waitUs}, Load: Load{TxPerSecond: x.rate, Poisson: true}})
		}
		pipelined, sequential := run(32), run(1)
		if got := slices.Equal(pipelined.TxSamples, sequential.TxSamples); got != x.same {
			t.Errorf("%d a second, wait %d us: the same is %v, wanted %v", x.rate, x.waitUs, got, x.same)
		}
	}
}
