package validator

import (
	"regexp"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// processMetrics tell of the process and the machine that carry the node: which version
// runs, Go's runtime, what the system counts, and how much room its disk has.
func (p *process) processMetrics() []prometheus.Collector {
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "scrip_build_info", Help: "1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": p.opt.Version, "go_version": runtime.Version()}})
	build.Set(1)
	return []prometheus.Collector{
		build,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/sched/latencies:seconds$")})),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		diskFree{p.cfg},
	}
}

var diskFreeDesc = prometheus.NewDesc("scrip_disk_free_bytes", "Room on the disk of the data.", nil, nil)

// diskFree asks the system at each scrape, and is silent where it does not say.
type diskFree struct{ cfg *Config }

// Describe implements prometheus.Collector.
func (diskFree) Describe(c chan<- *prometheus.Desc) { c <- diskFreeDesc }

// Collect implements prometheus.Collector.
func (d diskFree) Collect(c chan<- prometheus.Metric) {
	if free, _, err := d.cfg.FreeBytes(); err == nil {
		c <- prometheus.MustNewConstMetric(diskFreeDesc, prometheus.GaugeValue, float64(free))
	}
}
