// Package survey asks nodes what they say of themselves: their status and their metrics,
// all at once and with bounded patience, for commands that show a network to its operators.
// It believes what it is told and proves nothing; what must be proven is asked by package
// client.
package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/scrip-network/scrip/client"
)

// Bounds of what is read of a node.
const (
	StatusBytesMax  = 64 << 10
	MetricsBytesMax = 4 << 20
)

// Node is what one node said.
type Node struct {
	URL string
	At  time.Time
	// Status is nil if the node said nothing, and Err why.
	Status *client.StatusAnswer
	Err    error
	// Ahead is by how much the node's clock is ahead of this machine's, to about a second;
	// Timed says that it was told.
	Ahead time.Duration
	Timed bool
	// Metrics is nil if the node does not tell them, which a proxy may keep it from.
	Metrics Metrics
}

// Ask asks nodes for status and metrics, all at once, until ctx ends. The answers are in the
// order of the addresses.
func Ask(ctx context.Context, urls []string) []Node {
	all := make([]Node, len(urls))
	var asked sync.WaitGroup
	for i, u := range urls {
		asked.Go(func() {
			u = strings.TrimRight(u, "/")
			all[i] = Node{URL: u, At: time.Now()}
			var both sync.WaitGroup
			both.Go(func() { all[i].askStatus(ctx) })
			both.Go(func() { all[i].Metrics = askMetrics(ctx, u) })
			both.Wait()
		})
	}
	asked.Wait()
	return all
}

func get(ctx context.Context, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(r)
}

func (n *Node) askStatus(ctx context.Context) {
	began := time.Now()
	answer, err := get(ctx, n.URL+"/v1/status")
	if err != nil {
		n.Err = err
		return
	}
	defer func() { _ = answer.Body.Close() }()
	// The header has whole seconds: the node's clock was half a second further on
	// average, when the answer was half way.
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		n.Ahead, n.Timed = date.Add(500*time.Millisecond).Sub(began.Add(time.Since(began)/2)), true
	}
	status := new(client.StatusAnswer)
	if err := json.NewDecoder(io.LimitReader(answer.Body, StatusBytesMax)).Decode(status); err != nil ||
		answer.StatusCode != http.StatusOK {
		n.Err = fmt.Errorf("%s answers with status %s, and not as a node", n.URL, answer.Status)
		return
	}
	n.Status = status
}

func askMetrics(ctx context.Context, url string) Metrics {
	answer, err := get(ctx, url+"/metrics")
	if err != nil {
		return nil
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(io.LimitReader(answer.Body, MetricsBytesMax))
	if err != nil || len(all) == 0 {
		return nil
	}
	return all
}

// Metrics are what a node counts, by name. A nil map tells nothing.
type Metrics map[string]*dto.MetricFamily

// Labels choose series: each label with its value.
type Labels map[string]string

// Each calls f with the value of each series of a metric that has these labels, and with all
// of its labels.
func (m Metrics) Each(name string, with Labels, f func(value float64, labels Labels)) {
	for _, series := range m[name].GetMetric() {
		labels := make(Labels, len(series.GetLabel()))
		for _, l := range series.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		fits := true
		for k, v := range with {
			fits = fits && labels[k] == v
		}
		if fits {
			f(series.GetGauge().GetValue()+series.GetCounter().GetValue()+series.GetUntyped().GetValue(), labels)
		}
	}
}

// Sum adds up the series of a metric; ok says that there is one.
func (m Metrics) Sum(name string) (sum float64, ok bool) {
	m.Each(name, nil, func(v float64, _ Labels) { sum, ok = sum+v, true })
	return sum, ok
}

// Quantile is the p-th quantile of what a histogram without labels has counted since an
// earlier look, nil for all, within its buckets; ok says that it has counted anything.
func (m Metrics) Quantile(name string, earlier Metrics, p float64) (quantile float64, ok bool) {
	series, before := m[name].GetMetric(), earlier[name].GetMetric()
	if len(series) == 0 {
		return 0, false
	}
	counted := func(series []*dto.Metric, i int) (n uint64, bound float64) {
		if len(series) == 0 || i >= len(series[0].GetHistogram().GetBucket()) {
			return 0, 0
		}
		b := series[0].GetHistogram().GetBucket()[i]
		return b.GetCumulativeCount(), b.GetUpperBound()
	}
	all := series[0].GetHistogram().GetSampleCount()
	if len(before) > 0 {
		if old := before[0].GetHistogram().GetSampleCount(); old <= all { // else the node began anew
			all -= old
		} else {
			before = nil
		}
	}
	if all == 0 {
		return 0, false
	}
	rank, below, low := p*float64(all), 0.0, 0.0
	for i := range series[0].GetHistogram().GetBucket() {
		n, bound := counted(series, i)
		old, _ := counted(before, i)
		within := float64(n - min(n, old))
		if math.IsInf(bound, 1) {
			break // longer than the last bound: how much nobody knows
		}
		if within >= rank && within > below {
			return low + (bound-low)*(rank-below)/(within-below), true
		}
		below, low = within, bound
	}
	return low, true
}
