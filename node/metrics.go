package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// metrics are the node's own, on a registry of its own, under the prefix scrip_.
// Names follow those of CometBFT where the meaning is the same, so that its
// dashboards can be read.
type metrics struct {
	registry *prometheus.Registry

	height, view, condition, inFlight, behind, stable prometheus.Gauge
	mempoolTxs, mempoolBytes, mempoolSenders          prometheus.Gauge
	peers, missing, logBytes, clockAhead, kept        prometheus.Gauge
	verdictHits, verdictMisses, signaturesWaiting     prometheus.Gauge
	blockInterval, blockTxs                           prometheus.Histogram
	steps                                             map[step]prometheus.Observer
	viewChanges, blocks, txs, emptyBlocks             prometheus.Counter
	reasons                                           [pbft.ReasonCount]prometheus.Counter
	frameDropped, gossipDropped, gossipSent, muted    prometheus.Counter
	sent                                              *prometheus.CounterVec
	sentBy                                            [pbft.KindLast + 1]prometheus.Counter // by pbft.Kind
	pushedBy                                          [lanes.KindLast - lanes.KindFirst + 1]prometheus.Counter
	refused                                           *prometheus.CounterVec
	served, compactions, answersDropped               prometheus.Counter
	calledSlow                                        prometheus.Gauge
	slow                                              [pbft.JudgementCount]prometheus.Counter
}

// step is a phase of the work on a block whose time is measured.
type step string

const (
	stepReceive step = "receive" // one turn's messages
	stepPersist step = "persist" // one frame written and synced
	stepSend    step = "send"
	stepPropose step = "propose" // a payload taken, encoded and hashed
	stepCheck   step = "check"   // a payload of another
	stepExecute step = "execute"
	stepStore   step = "store"
)

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), steps: make(map[step]prometheus.Observer)}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "scrip", Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "scrip", Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, first float64, count int) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "scrip", Name: name, Help: help,
			Buckets: prometheus.ExponentialBuckets(first, 2, count)})
		m.registry.MustRegister(h)
		return h
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "scrip", Name: name, Help: help}, []string{label})
		m.registry.MustRegister(c)
		return c
	}
	m.height = gauge("consensus_height", "Height of the last executed block.")
	m.view = gauge("consensus_view", "Present view.")
	m.condition = gauge("consensus_condition",
		"0 voting, 1 recalling, 2 amnesic, 3 diverged, 4 broken, 5 stopped, 6 following.")
	m.inFlight = gauge("consensus_blocks_in_flight", "Blocks of the present view that are not committed.")
	m.behind = gauge("consensus_blocks_behind", "Committed blocks known to exist and not executed here.")
	m.stable = gauge("consensus_stable_checkpoint_height", "Height of the last stable checkpoint.")
	m.mempoolTxs = gauge("mempool_size", "Transactions that wait for execution.")
	m.mempoolBytes = gauge("mempool_size_bytes", "Bytes of the transactions that wait.")
	m.mempoolSenders = gauge("mempool_senders", "Senders of the transactions that wait.")
	m.peers = gauge("p2p_peers", "Members that are connected.")
	m.missing = gauge("consensus_missing_validators", "Members that were not heard lately.")
	m.verdictHits = gauge("tx_verdict_hits", "Transactions whose verdict was known, since the start.")
	m.verdictMisses = gauge("tx_verdict_misses", "Transactions that had to be checked, since the start.")
	m.signaturesWaiting = gauge("tx_signatures_waiting", "Signatures of transactions that wait to be checked.")
	m.clockAhead = gauge("clock_ahead_seconds",
		"By how much the clock is ahead of those of f+1 members; 0 while they agree within 5 s.")
	m.logBytes = gauge("consensus_log_bytes", "Size of the consensus log.")
	m.kept = gauge("consensus_kept_bytes", "Bytes of the blocks and votes that consensus keeps in memory.")
	m.blockInterval = histogram("consensus_block_interval_seconds", "Time between executed blocks.", 0.0005, 16)
	m.blockTxs = histogram("consensus_block_size_txs", "Transactions in a block.", 1, 17)
	m.viewChanges = counter("consensus_view_changes_total", "Views entered.")
	m.blocks = counter("consensus_blocks_total", "Blocks executed.")
	m.emptyBlocks = counter("consensus_blocks_empty_total", "Blocks executed that hold no transaction.")
	m.txs = counter("consensus_txs_total", "Transactions executed.")
	m.frameDropped = counter("p2p_frames_dropped_total", "Frames from peers that were not taken.")
	m.muted = counter("p2p_peers_muted_total", "Times that a misbehaving peer was muted.")
	m.gossipDropped = counter("mempool_gossip_dropped_total", "Transactions between nodes that were dropped.")
	m.gossipSent = counter("mempool_gossip_sent_total", "Transactions sent to peers.")
	m.served = counter("sync_blocks_served_total", "Blocks sent to peers that are behind.")
	m.answersDropped = counter("p2p_answers_dropped_total", "Answers to members that had used up what they may ask for.")
	m.compactions = counter("consensus_log_compactions_total", "Times that the consensus log was compacted.")
	m.refused = vec("tx_refused_total", "Transactions refused at the door.", "code")
	m.sent = vec("p2p_message_send_bytes_total", "Bytes of consensus messages sent.", "message_type")
	for k := range m.sentBy {
		m.sentBy[k] = m.sent.WithLabelValues(pbft.Kind(k).String())
	}
	for k := range m.pushedBy {
		m.pushedBy[k] = m.sent.WithLabelValues((lanes.KindFirst + lanes.Kind(k)).String())
	}
	ignored := vec("consensus_messages_total", "Consensus messages received, by what became of them.", "reason")
	for r := range m.reasons {
		m.reasons[r] = ignored.WithLabelValues(pbft.Reason(r).String())
	}
	m.registerSteps()
	return m
}

// registerConduct registers what is measured of primaries.
func (m *metrics) registerConduct() {
	m.calledSlow = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "scrip", Name: "consensus_primary_called_slow",
		Help: "Members that call the present primary slow or unfair."})
	m.registry.MustRegister(m.calledSlow)
	by := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "scrip", Name: "consensus_slow_primaries_total",
		Help: "Views whose primary this node found slow or unfair."}, []string{"judgement"})
	m.registry.MustRegister(by)
	for j := pbft.Fair + 1; int(j) < len(m.slow); j++ {
		m.slow[j] = by.WithLabelValues(j.String())
	}
}

func (m *metrics) registerSteps() {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "scrip", Name: "consensus_step_duration_seconds",
		Help: "Time of a step of the node's work.", Buckets: prometheus.ExponentialBuckets(0.00002, 2, 18)}, []string{"step"})
	m.registry.MustRegister(v)
	for _, s := range []step{stepReceive, stepPersist, stepSend, stepPropose, stepCheck, stepExecute, stepStore} {
		m.steps[s] = v.WithLabelValues(string(s))
	}
	m.registerConduct()
}

// took records the time that a step took since start.
func (m *metrics) took(s step, start time.Time) { m.steps[s].Observe(time.Since(start).Seconds()) }
