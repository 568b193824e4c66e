package results

import (
	"slices"

	"github.com/scrip-network/scrip/lab/stats"
)

// StageClient is the part of a wait that no member sees.
const StageClient = "client"

// StageNames are the parts of a customer's wait as processes show them, in their
// order: what the client sees beyond its member, and what the member's metrics tell.
// Queue to execute mean what they do in PhaseNames.
var StageNames = []string{StageClient, "door", "queue", "propose", "vote", "execute", "notify"}

// stages returns the mean of each stage in each run, and of these the median.
func stages(runs []*Run) map[string]float64 {
	values := make(map[string][]float64)
	for _, r := range runs {
		for name, ms := range r.stageMs() {
			values[name] = append(values[name], ms)
		}
	}
	if len(values) == 0 {
		return nil
	}
	out := make(map[string]float64)
	for name, v := range values {
		slices.Sort(v)
		out[name] = stats.Round(stats.Quantile(v, 0.5), digits)
	}
	return out
}

// stageMs returns the means of a run, or nothing if its members did not tell them.
// The client's part is what they leave of the mean wait of those that were answered
// in the same time.
func (r *Run) stageMs() map[string]float64 {
	window := int64(r.Counters[CounterWindowUs])
	sum, n := 0.0, 0
	for i := range r.Samples {
		s := &r.Samples[i]
		if us, ok := s.latency(); ok && s.AnsweredUs >= 0 && s.AnsweredUs < window {
			sum, n = sum+float64(us), n+1
		}
	}
	if n == 0 {
		return nil
	}
	out := map[string]float64{StageClient: sum / float64(n) / usPerMs}
	for _, name := range StageNames[1:] {
		txs := r.Counters[PrefixStageTxs+name]
		if txs <= 0 {
			return nil
		}
		out[name] = r.Counters[PrefixStageUs+name] / txs / usPerMs
		out[StageClient] -= out[name]
	}
	out[StageClient] = max(0, out[StageClient])
	return out
}
