package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/lab/chart"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/stats"
)

// findings are what a part has shown, in sentences that claim no more than the
// intervals carry.
func findings(p *scenarios.Part, r *results.Part, seed uint64) (all []string) {
	a := &painter{part: p, result: r}
	for _, metric := range keyMetrics(p) {
		m, _ := scenarios.MetricOf(metric)
		if s := a.span(m); s != "" {
			all = append(all, s)
		}
		for _, e := range p.Engines[1:] {
			if s := a.against(m, p.Engines[0], e, seed); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// keyMetricsMax bounds how many metrics are told in words.
const keyMetricsMax = 4

// keyMetrics are the metrics that the figures of a part are about.
func keyMetrics(p *scenarios.Part) (names []string) {
	add := func(name string) {
		for _, have := range names {
			if have == name {
				return
			}
		}
		if len(names) < keyMetricsMax {
			names = append(names, name)
		}
	}
	for _, f := range p.Figures {
		if metric, _, ok := scenarios.SplitFigure(f); ok {
			add(metric)
			continue
		}
		switch f {
		case "latency-throughput", "latency-distribution", "phases":
			add("p50")
		case "robustness":
			add("throughput")
		case "timeline":
			add("gap")
		}
	}
	return names
}

// span says what the first engine measured at least and at most.
func (a *painter) span(m scenarios.Metric) string {
	low, high := math.Inf(1), math.Inf(-1)
	n := 0
	for i := range a.result.Cells {
		c := &a.result.Cells[i]
		if e, ok := c.Metrics[m.Name]; ok && c.Engine == a.part.Engines[0] {
			low, high = min(low, e.Median), max(high, e.Median)
			n++
		}
	}
	name := titleOf(a.part.Engines[0])
	switch {
	case n == 0:
		return ""
	case n == 1 || chart.Number(low) == chart.Number(high):
		return fmt.Sprintf("%s: %s %s %s in %s.", name, m.Title, chart.Number(low), m.Unit, settings(n))
	}
	return fmt.Sprintf("%s: %s %s to %s %s over %s.", name, m.Title, chart.Number(low), chart.Number(high), m.Unit,
		settings(n))
}

func settings(n int) string {
	if n == 1 {
		return "one setting"
	}
	return strconv.Itoa(n) + " settings"
}

// against compares two engines over all settings that both were measured in.
func (a *painter) against(m scenarios.Metric, engine, other string, seed uint64) string {
	low, high := math.Inf(1), math.Inf(-1)
	n, apart, repeats := 0, 0, 0
	for i := range a.result.Cells {
		c := &a.result.Cells[i]
		if c.Engine != engine {
			continue
		}
		twin := c.Cell
		twin.Engine = other
		for k := range a.result.Cells {
			o := &a.result.Cells[k]
			if o.Cell != twin {
				continue
			}
			r := stats.Ratio(c.Values[m.Name], o.Values[m.Name], seed)
			if r.N == 0 {
				continue
			}
			low, high = min(low, r.Median), max(high, r.Median)
			n, repeats = n+1, max(repeats, r.N)
			if r.HasInterval() && (r.Lo > 1 || r.Hi < 1) {
				apart++
			}
		}
	}
	if n == 0 {
		return ""
	}
	times := chart.Number(stats.Round(low, 3))
	if high := chart.Number(stats.Round(high, 3)); high != times {
		times += " to " + high
	}
	s := fmt.Sprintf("%s against %s: %s times", sentence(m.Title), titleOf(other), times)
	if n > 1 {
		s += fmt.Sprintf(", over %s", settings(n))
	}
	if repeats < stats.IntervalMin {
		return s + "; too few runs for an interval."
	}
	switch {
	case apart == n:
		return s + "; the difference is beyond the intervals everywhere."
	case apart == 0:
		return s + "; the difference is nowhere beyond the intervals."
	}
	return s + fmt.Sprintf("; the difference is beyond the intervals in %d of %d.", apart, n)
}

// estimate writes a measured value with its interval.
func estimate(e stats.Estimate) string {
	s := chart.Number(e.Median)
	if lo, hi := chart.Number(e.Lo), chart.Number(e.Hi); e.HasInterval() && lo != hi {
		s += fmt.Sprintf(" (%s – %s)", lo, hi)
	}
	return s
}

// overview is a part's table of all cells.
func overview(p *scenarios.Part, r *results.Part) chart.Table {
	a := &painter{part: p, result: r}
	t := chart.Table{Head: []string{"engine"}}
	var axes []string
	for _, axis := range scenarios.Axes {
		if axis != "engine" && a.varies(axis) {
			axes = append(axes, axis)
			t.Head = append(t.Head, axis)
		}
	}
	var metrics []scenarios.Metric
	for _, m := range scenarios.Metrics() {
		for i := range r.Cells {
			if e, ok := r.Cells[i].Metrics[m.Name]; ok && (e.Median != 0 || telling(m.Name)) {
				metrics = append(metrics, m)
				t.Head = append(t.Head, m.Title+", "+m.Unit)
				break
			}
		}
	}
	t.Head = append(t.Head, "runs")
	for i := range r.Cells {
		c := &r.Cells[i]
		row := []string{titleOf(c.Engine)}
		for _, axis := range axes {
			row = append(row, short(axis, coordinate(c, axis)))
		}
		for _, m := range metrics {
			v := ""
			if e, ok := c.Metrics[m.Name]; ok {
				v = estimate(e)
			}
			row = append(row, v)
		}
		t.Rows = append(t.Rows, append(row, strconv.Itoa(c.Repeats)))
	}
	return t
}

// telling are metrics of which a zero is news.
func telling(metric string) bool {
	return metric == "diverged" || metric == "lost" || metric == "oversold"
}

// losses are what did not come out, in sentences.
func losses(s *results.Summary, m *results.Manifest) (all []string) {
	for _, k := range m.Skipped {
		all = append(all, fmt.Sprintf("Not measured in part %s: %s, since %s.", k.Part, name(k.What), lower(k.Reason)))
	}
	for i := range s.Parts {
		p := &s.Parts[i]
		lost, refused, diverged := 0.0, 0, 0.0
		codes := make(map[string]int)
		for k := range p.Cells {
			c := &p.Cells[k]
			for _, v := range c.Values["lost"] {
				lost += v
			}
			for _, v := range c.Values["diverged"] {
				diverged += v
			}
			for code, n := range c.Refusals {
				codes[code] += n
				refused += n
			}
		}
		if lost > 0 {
			all = append(all, fmt.Sprintf("Part %s: %s transactions that fell due in a measurement had no outcome at its "+
				"end: they waited behind a load too high, or had been with a member that crashed.", p.Name, chart.Number(lost)))
		}
		if refused > 0 {
			all = append(all, fmt.Sprintf("Part %s: %s transactions were refused (%s).", p.Name,
				chart.Number(float64(refused)), codeList(codes)))
		}
		if diverged > 0 {
			all = append(all, fmt.Sprintf("Part %s: in %s runs members disagreed about a block.", p.Name,
				chart.Number(diverged)))
		}
	}
	return all
}

// name replaces the name of an engine by its title.
func name(what string) string {
	if e, ok := scenarios.EngineOf(what); ok {
		return e.Title
	}
	return what
}

func lower(s string) string {
	if s == "" {
		return "of an unknown reason"
	}
	return strings.TrimSuffix(s, ".")
}

func codeList(codes map[string]int) string {
	var parts []string
	for _, code := range sorted(codes) {
		parts = append(parts, fmt.Sprintf("%s: %s", code, chart.Number(float64(codes[code]))))
	}
	return strings.Join(parts, ", ")
}
