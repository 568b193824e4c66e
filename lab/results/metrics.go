package results

import (
	"math"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/stats"
)

// Names of counters that metrics are made of.
const (
	CounterWindowUs        = "window_us" // length of the measurement
	CounterCPUUs           = "cpu_us"    // of all members within it
	CounterEgressMax       = "egress_bytes_max"
	CounterBlocks          = "blocks"
	CounterFast            = "commits_fast"
	CounterSlow            = "commits_slow"
	CounterAncestor        = "commits_ancestor"
	CounterGapUs           = "gap_us"
	CounterViewChanges     = "view_changes"
	CounterViewChangeBytes = "view_change_bytes"
	CounterIssued          = "issued"
	CounterStock           = "stock"
	CounterDiverged        = "diverged"
	CounterProofBytes      = "proof_bytes"
	CounterVerifyUs        = "verify_us"
	// PrefixMessages and PrefixBytes come before a kind of message.
	PrefixMessages = "messages."
	PrefixBytes    = "bytes."
	// PrefixStageUs and PrefixStageTxs come before a stage of StageNames: the sum of its
	// times over all transactions that passed it in the measurement, and their number.
	PrefixStageUs  = "stage_us."
	PrefixStageTxs = "stage_txs."
)

// payloadKinds are the messages that carry transactions.
var payloadKinds = []string{"pre-prepare", "transactions", "blocks", "fetch"}

// codeOverloaded is that of what a member had no room for.
var codeOverloaded = coupon.Overloaded.String()

// usPerMs converts.
const usPerMs = 1000.0

// measured reports whether a sample was due in the measurement.
func (s *Sample) measured(windowUs int64) bool { return s.DueUs >= 0 && s.DueUs < windowUs }

// latency returns the wait of an accepted transaction.
func (s *Sample) latency() (us int64, ok bool) {
	return s.AnsweredUs - s.DueUs, s.Code == CodeOK && s.AnsweredUs != None
}

// Latencies returns the sorted waits of the measured, accepted transactions, in
// microseconds.
func (r *Run) Latencies() (us []int64) {
	window := int64(r.Counters[CounterWindowUs])
	for i := range r.Samples {
		if v, ok := r.Samples[i].latency(); ok && r.Samples[i].measured(window) {
			us = append(us, v)
		}
	}
	slices.Sort(us)
	return us
}

// Metrics returns what a run has measured, by the names of scenarios.Metrics. What
// it did not measure is missing: a run without an accepted transaction has no
// latency.
func (r *Run) Metrics(p *scenarios.Part, k *scenarios.Case) map[string]float64 {
	m := make(map[string]float64)
	r.transactions(m)
	r.traffic(m)
	r.commits(m)
	c := r.Counters
	for name, counter := range map[string]string{"view_changes": CounterViewChanges, "diverged": CounterDiverged,
		"view_change_bytes": CounterViewChangeBytes, "proof_bytes": CounterProofBytes, "verify_us": CounterVerifyUs,
		"issued": CounterIssued} {
		if v, ok := c[counter]; ok {
			m[name] = v
		}
	}
	if issued, ok := c[CounterIssued]; ok {
		m["oversold"] = max(0, issued-c[CounterStock])
	}
	if p.Workload == scenarios.Flash {
		if v, ok := r.hangover(p); ok {
			m["hangover"] = v
		}
	}
	if at, ok := firstFault(k); ok {
		if v, ok := r.recovery(int64(at * 1e6)); ok {
			m["recovery"] = v
		}
	}
	return m
}

// transactions fills in what samples alone say.
func (r *Run) transactions(m map[string]float64) {
	window := int64(r.Counters[CounterWindowUs])
	if window <= 0 || len(r.Samples) == 0 {
		return
	}
	var done, lost, refused float64
	var proofs, noRoom []int64
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Code == CodeOK && s.AnsweredUs >= 0 && s.AnsweredUs < window {
			done++
		}
		if !s.measured(window) {
			continue
		}
		switch {
		case s.Code == "" || s.Code == CodeLate || s.AnsweredUs == None:
			lost++
		case s.Code != CodeOK:
			refused++
			if s.Code == codeOverloaded {
				noRoom = append(noRoom, s.AnsweredUs-s.DueUs)
			}
		}
		if s.ProofUs != None {
			proofs = append(proofs, s.ProofUs-s.DueUs)
		}
	}
	m["throughput"], m["lost"], m["refused"] = done/(float64(window)/1e6), lost, refused
	if all := r.Latencies(); len(all) > 0 {
		for name, p := range map[string]float64{"p50": 50, "p90": 90, "p99": 99, "p999": 99.9} {
			m[name] = float64(stats.Percentile(all, p)) / usPerMs
		}
	}
	if slices.Sort(proofs); len(proofs) > 0 {
		m["proof_p50"] = float64(stats.Percentile(proofs, 50)) / usPerMs
	}
	if slices.Sort(noRoom); len(noRoom) > 0 {
		m["refused_per_second"] = float64(len(noRoom)) / (float64(window) / 1e6)
		m["refusal_p50"] = float64(stats.Percentile(noRoom, 50)) / usPerMs
		m["refusal_p99"] = float64(stats.Percentile(noRoom, 99)) / usPerMs
	}
	if cpu, ok := r.Counters[CounterCPUUs]; ok && done > 0 {
		m["cpu_us"] = cpu / done
	}
	if egress, ok := r.Counters[CounterEgressMax]; ok {
		m["egress_mbit"] = egress * 8 / float64(window)
	}
}

// traffic fills in messages and bytes.
func (r *Run) traffic(m map[string]float64) {
	blocks := r.Counters[CounterBlocks]
	if blocks <= 0 {
		return
	}
	sums := make(map[string]float64)
	for name, v := range r.Counters {
		for metric, prefix := range map[string]string{"messages": PrefixMessages, "bytes": PrefixBytes} {
			kind, ok := strings.CutPrefix(name, prefix)
			if !ok {
				continue
			}
			sums[metric] += v
			if !slices.Contains(payloadKinds, kind) {
				sums["vote_"+metric] += v
			}
		}
	}
	for metric, v := range sums {
		m[metric] = v / blocks
	}
	if done := m["throughput"] * r.Counters[CounterWindowUs] / 1e6; done > 0 && sums["bytes"] > 0 {
		m["bytes_per_tx"] = sums["bytes"] / done
	}
}

// commits fills in what blocks say.
func (r *Run) commits(m map[string]float64) {
	fast, slow, ancestor := r.Counters[CounterFast], r.Counters[CounterSlow], r.Counters[CounterAncestor]
	if all := fast + slow + ancestor; all > 0 {
		m["fast_share"] = fast / all
	}
	if v, ok := r.Counters[CounterGapUs]; ok {
		m["gap"] = v / usPerMs
	} else if v := r.longestPause(); v > 0 {
		m["gap"] = float64(v) / usPerMs
	}
	window := int64(r.Counters[CounterWindowUs])
	var waits []int64
	for i := range r.Blocks {
		b := &r.Blocks[i]
		if b.ProposedUs != None && b.CommittedUs != None && b.ProposedUs >= 0 && b.ProposedUs < window && b.Txs > 0 {
			waits = append(waits, b.CommittedUs-b.ProposedUs)
		}
	}
	if slices.Sort(waits); len(waits) > 0 {
		m["consensus_p50"] = float64(stats.Percentile(waits, 50)) / usPerMs
	}
}

// longestPause is that between two accepted answers in the measurement: what
// clients see of a pause between commits.
func (r *Run) longestPause() (us int64) {
	window := int64(r.Counters[CounterWindowUs])
	var at []int64
	for i := range r.Samples {
		if s := &r.Samples[i]; s.Code == CodeOK && s.AnsweredUs >= 0 && s.AnsweredUs < window {
			at = append(at, s.AnsweredUs)
		}
	}
	slices.Sort(at)
	for i := 1; i < len(at); i++ {
		us = max(us, at[i]-at[i-1])
	}
	return us
}

func firstFault(k *scenarios.Case) (atS float64, ok bool) {
	atS = math.Inf(1)
	for _, f := range k.Faults {
		if f.AtS > 0 {
			atS, ok = min(atS, f.AtS), true
		}
	}
	return atS, ok
}

// binUs is the resolution of recovery and hangover.
const binUs = 100_000

// recovery returns how long after a fault a whole bin had nine tenths of the
// throughput from before it, in milliseconds.
func (r *Run) recovery(faultUs int64) (ms float64, ok bool) {
	window := int64(r.Counters[CounterWindowUs])
	bins := make([]float64, window/binUs)
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Code == CodeOK && s.AnsweredUs >= 0 && s.AnsweredUs/binUs < int64(len(bins)) {
			bins[s.AnsweredUs/binUs]++
		}
	}
	before := faultUs / binUs
	if before < 2 || before >= int64(len(bins)) {
		return 0, false
	}
	sum := 0.0
	for _, n := range bins[:before] {
		sum += n
	}
	if sum == 0 {
		return 0, false
	}
	// The bin of the fault is partly from before it.
	for i := before + 1; i < int64(len(bins)); i++ {
		if bins[i] >= 0.9*sum/float64(before) {
			return float64(i*binUs-faultUs) / usPerMs, true
		}
	}
	return 0, false
}

// hangover returns how long after the last claim of a sale fell due all further
// bins have a median wait below twice that from before the sale, in milliseconds.
func (r *Run) hangover(p *scenarios.Part) (ms float64, ok bool) {
	window := int64(r.Counters[CounterWindowUs])
	bins := make([][]int64, window/binUs)
	from, until := int64(p.FlashAfterS*1e6), int64((p.FlashAfterS+p.FlashForS)*1e6)
	var before []int64
	for i := range r.Samples {
		s := &r.Samples[i]
		v, fine := s.latency()
		if !fine || s.DueUs < 0 || s.DueUs/binUs >= int64(len(bins)) {
			continue
		}
		if s.DueUs < from {
			before = append(before, v)
		}
		bins[s.DueUs/binUs] = append(bins[s.DueUs/binUs], v)
	}
	slices.Sort(before)
	usual := stats.Percentile(before, 50)
	if usual == 0 {
		return 0, false
	}
	last := until
	for i := until / binUs; i < int64(len(bins)); i++ {
		slices.Sort(bins[i])
		if stats.Percentile(bins[i], 50) > 2*usual {
			last = (i + 1) * binUs
		}
	}
	return float64(last-until) / usPerMs, last/binUs < int64(len(bins))
}
