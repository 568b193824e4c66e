package watch

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the type of a metric.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
)

// Metric is one that the program exports.
type Metric struct {
	Name string
	Kind Kind
	// Labels are its own, sorted; those that Prometheus adds are not among them.
	Labels []string
}

// String returns the line of the list: name, kind, labels.
func (m Metric) String() string {
	return strings.TrimSpace(m.Name + " " + string(m.Kind) + " " + strings.Join(m.Labels, ","))
}

// Catalogue is what the program exports, by name.
type Catalogue map[string]Metric

// ParseCatalogue reads a list with a metric on each line, as Metric.String writes it. Empty
// lines and those that begin with # say nothing.
func ParseCatalogue(text string) (Catalogue, error) {
	all := make(Catalogue)
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 || len(words) > 3 {
			return nil, fmt.Errorf("read the list of metrics: %q is not NAME KIND LABELS", strings.TrimSpace(line))
		}
		m := Metric{Name: words[0], Kind: Kind(words[1])}
		if !slices.Contains([]Kind{Counter, Gauge, Histogram, Summary}, m.Kind) {
			return nil, fmt.Errorf("read the list of metrics: %s is a %q", m.Name, m.Kind)
		}
		if len(words) == 3 {
			m.Labels = strings.Split(words[2], ",")
		}
		if _, twice := all[m.Name]; twice {
			return nil, fmt.Errorf("read the list of metrics: %s stands there twice", m.Name)
		}
		all[m.Name] = m
	}
	return all, nil
}

// added are the labels that Prometheus adds to every series it scrapes.
var added = []string{"instance", "job"}

// Check says what is wrong with a query: a metric that the program does not export, a label
// that the metric does not have, a counter that is read without a rate. "" = nothing.
func (c Catalogue) Check(q Query) string {
	for _, s := range q.Selectors {
		m, suffix, ok := c.find(s.Metric)
		if !ok {
			return "the program exports no metric " + s.Metric
		}
		for _, label := range s.Labels {
			if !m.has(label, suffix) {
				return fmt.Sprintf("%s has no label %s", m.Name, label)
			}
		}
		if (m.Kind == Counter || suffix != "") && !s.Range {
			return s.Metric + " only ever grows: it says something with a rate alone"
		}
	}
	for _, label := range q.Grouping {
		if !slices.ContainsFunc(q.Selectors, func(s Selector) bool {
			m, suffix, _ := c.find(s.Metric)
			return m.has(label, suffix)
		}) {
			return "no metric of the query has the label " + label
		}
	}
	return ""
}

// find returns the metric whose series has a name, and what a histogram or summary hung on.
func (c Catalogue) find(series string) (m Metric, suffix string, ok bool) {
	if series == "up" { // Prometheus's own, whether a scrape went well
		return Metric{Name: series, Kind: Gauge}, "", true
	}
	if m, ok = c[series]; ok {
		return m, "", m.Kind != Histogram
	}
	for _, suffix = range []string{"_bucket", "_sum", "_count"} {
		if name, found := strings.CutSuffix(series, suffix); found {
			m = c[name]
			return m, suffix, m.Kind == Histogram || m.Kind == Summary && suffix != "_bucket"
		}
	}
	return m, "", false
}

func (m Metric) has(label, suffix string) bool {
	return slices.Contains(m.Labels, label) || slices.Contains(added, label) || label == "le" && suffix == "_bucket" ||
		label == "quantile" && m.Kind == Summary && suffix == ""
}
