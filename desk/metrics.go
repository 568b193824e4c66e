package desk

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// answerKind is what a request for a ticket ended with, as a label of a metric. What
// a refusal was for is told nowhere: see Server.refuse.
type answerKind string

const (
	answerTicket    answerKind = "ticket"
	answerRefused   answerKind = "refused"
	answerThrottled answerKind = "throttled"
	answerFailed    answerKind = "failed" // the disk
)

// Bounds of what a scrape may cost.
const (
	scrapesMax    = 4
	scrapeTimeout = 10 * time.Second
)

// metrics are a server's own, on a registry of its own, under the prefix scrip_desk_.
type metrics struct {
	registry *prometheus.Registry
	answers  map[answerKind]prometheus.Counter
	seconds  prometheus.Histogram
}

func newMetrics(d *Desk, inFlight func() int) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), answers: make(map[answerKind]prometheus.Counter)}
	all := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "scrip_desk_requests_total",
		Help: "Requests for tickets, and others that were throttled, by their end: ticket, refused, throttled, failed."},
		[]string{"result"})
	for _, k := range []answerKind{answerTicket, answerRefused, answerThrottled, answerFailed} {
		m.answers[k] = all.WithLabelValues(string(k))
	}
	m.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "scrip_desk_ticket_seconds",
		Help: "Time from a request to its ticket, the disk included.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)})
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "scrip_desk_" + name, Help: help}, value)
	}
	m.registry.MustRegister(all, m.seconds,
		gauge("batches", "Batches that are served.", func() float64 { return float64(d.count().batches) }),
		gauge("tickets", "Serials of all batches that are served.", func() float64 { return float64(d.count().serials) }),
		gauge("tickets_left", "Serials that no claim key has yet.", func() float64 { return float64(d.count().left) }),
		gauge("batches_failed", "Batches whose log could not be written: restart the desk when the disk is well.",
			func() float64 { return float64(d.count().failed) }),
		gauge("requests_in_flight", "Requests that are being answered.", func() float64 { return float64(inFlight()) }))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesMax, Timeout: scrapeTimeout})
}

// counts are what a desk serves.
type counts struct {
	batches, failed int
	serials, left   uint64
}

func (d *Desk) count() (c counts) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	c.batches, c.serials = d.batches, d.tickets
	for _, logs := range d.served {
		for _, l := range logs {
			c.left += uint64(l.left())
			if l.hasFailed() {
				c.failed++
			}
		}
	}
	return c
}
