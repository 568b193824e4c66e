package hooks

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of what a scrape may cost.
const (
	scrapesMax    = 4
	scrapeTimeout = 10 * time.Second
)

// metrics are a service's own, on a registry of its own, under the prefix scrip_hooks_.
type metrics struct {
	registry        *prometheus.Registry
	taken, failed   prometheus.Counter
	dead            prometheus.Counter
	seconds         prometheus.Histogram
	pending         prometheus.Gauge
	active, stopped prometheus.Gauge
}

func newMetrics(height func() (tip, timeMs uint64, _ <-chan struct{})) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "scrip_hooks_attempts_total",
		Help: "Attempts to deliver a webhook, by result: taken or failed."}, []string{"result"})
	m.taken, m.failed = attempts.WithLabelValues("taken"), attempts.WithLabelValues("failed")
	m.dead = prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_hooks_dead_total",
		Help: "Deliveries that were given up."})
	m.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "scrip_hooks_attempt_seconds",
		Help: "How long attempts took, whatever came of them.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12)})
	m.pending = prometheus.NewGauge(prometheus.GaugeOpts{Name: "scrip_hooks_pending",
		Help: "Deliveries that have begun and not ended."})
	endpoints := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "scrip_hooks_endpoints",
		Help: "Endpoints, by state: active or disabled."}, []string{"state"})
	m.active, m.stopped = endpoints.WithLabelValues("active"), endpoints.WithLabelValues("disabled")
	m.registry.MustRegister(attempts, m.dead, m.seconds, m.pending, endpoints,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "scrip_hooks_height",
			Help: "Height up to which the chain was followed."}, func() float64 {
			tip, _, _ := height()
			return float64(tip)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "scrip_hooks_block_age_seconds",
			Help: "Age of the last block that was followed, by this machine's clock."}, func() float64 {
			_, timeMs, _ := height()
			return time.Since(time.UnixMilli(int64(timeMs))).Seconds()
		}))
	return m
}

// attempt counts an attempt.
func (m *metrics) attempt(o *outcome) {
	m.seconds.Observe(float64(o.Millis) / 1000)
	if o.ok() {
		m.taken.Inc()
	} else {
		m.failed.Inc()
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesMax, Timeout: scrapeTimeout})
}
