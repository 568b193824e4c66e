package cometbft

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the application's own, under the names that package node uses where
// they mean the same.
type metrics struct {
	registry *prometheus.Registry

	height                             prometheus.Gauge
	blocks, txs                        prometheus.Counter
	refused, rejected, strange         prometheus.Counter
	blockTxs, blockInterval            prometheus.Histogram
	began                              time.Time // when the last block was executed
	mempoolTxs, mempoolBytes, peersNow prometheus.GaugeFunc
}

func newMetrics(p *pool, peers func() int) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string, read func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		height: prometheus.NewGauge(prometheus.GaugeOpts{Name: "scrip_height",
			Help: "Height of the last executed block."}),
		blocks:   counter("scrip_blocks_total", "Executed blocks."),
		txs:      counter("scrip_transactions_total", "Executed transactions."),
		refused:  counter("scrip_comet_refused_total", "Transactions that were not taken into the mempool."),
		rejected: counter("scrip_comet_rejected_proposals_total", "Proposals with an invalid block."),
		strange:  counter("scrip_comet_rejected_extensions_total", "Vote extensions over another execution."),
		blockTxs: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "scrip_block_transactions",
			Help: "Transactions of a block.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		blockInterval: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "scrip_block_interval_seconds",
			Help: "Time between two executed blocks.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)}),
		mempoolTxs: gauge("scrip_mempool_transactions", "Transactions that wait.", func() float64 {
			n, _ := p.size()
			return float64(n)
		}),
		mempoolBytes: gauge("scrip_mempool_bytes", "Bytes of the transactions that wait.", func() float64 {
			_, n := p.size()
			return float64(n)
		}),
		peersNow: gauge("scrip_peers", "Other members with a connection.", func() float64 { return float64(peers()) }),
	}
	for _, c := range []prometheus.Collector{m.height, m.blocks, m.txs, m.refused, m.rejected, m.strange, m.blockTxs,
		m.blockInterval, m.mempoolTxs, m.mempoolBytes, m.peersNow} {
		if err := m.registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// executed counts a block. The application calls it for one block after the other.
func (m *metrics) executed(x *execution) {
	now := time.Now()
	if !m.began.IsZero() {
		m.blockInterval.Observe(now.Sub(m.began).Seconds())
	}
	m.began = now
	m.height.Set(float64(x.header.Seq))
	m.blocks.Inc()
	m.txs.Add(float64(len(x.txs)))
	m.blockTxs.Observe(float64(len(x.txs)))
}
