package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/lab/chart"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
)

// drawn is a figure with its file name and what to say under it.
type drawn struct {
	name    string
	figure  chart.Figure
	caption string
}

// painter draws the figures of one part.
type painter struct {
	part   *scenarios.Part
	result *results.Part
	out    []drawn
}

// figures draws all figures of a part.
func figures(p *scenarios.Part, r *results.Part) []drawn {
	a := &painter{part: p, result: r}
	for _, f := range p.Figures {
		if metric, axis, ok := scenarios.SplitFigure(f); ok {
			a.metric(metric, axis)
			continue
		}
		switch f {
		case "latency-throughput":
			a.latencyThroughput()
		case "robustness":
			a.robustness()
		case "timeline":
			a.timeline()
		case "latency-distribution":
			a.distribution()
		case "phases":
			a.phases()
		}
	}
	return a.out
}

func (a *painter) add(kind, facet string, f chart.Figure, caption string) {
	name := a.part.Name + "-" + kind
	if facet != "" {
		name += "-" + facet
	}
	a.out = append(a.out, drawn{fileName(name), f, caption})
}

// fileName keeps what is fine in names of files.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.':
			return r
		case r == ' ' || r == ',' || r == ':' || r == '_' || r == '=':
			return '-'
		}
		return -1
	}, s)
}

// coordinates are the cell's places on the axes.
func coordinate(c *results.Cell, axis string) string {
	switch axis {
	case "members":
		return strconv.Itoa(c.Members)
	case "load":
		return c.Load
	case "links":
		return c.Links
	case "case":
		return c.Case
	}
	return c.Engine
}

// facet is cells that a figure can show together: they differ only in their engine
// and in the axes of the figure.
type facet struct {
	name, title string
	cells       []*results.Cell
}

// facets splits the cells by all axes but some.
func (a *painter) facets(but ...string) (all []facet) {
	var split []string
	for _, axis := range scenarios.Axes {
		if axis == "engine" || slices.Contains(but, axis) {
			continue
		}
		if a.varies(axis) {
			split = append(split, axis)
		}
	}
	for i := range a.result.Cells {
		c := &a.result.Cells[i]
		name, title := "", ""
		for _, axis := range split {
			v := coordinate(c, axis)
			name += "-" + v
			title += ", " + label(axis, v)
		}
		k := slices.IndexFunc(all, func(f facet) bool { return f.name == strings.TrimPrefix(name, "-") })
		if k < 0 {
			k = len(all)
			all = append(all, facet{name: strings.TrimPrefix(name, "-"), title: title})
		}
		all[k].cells = append(all[k].cells, c)
	}
	return all
}

// varies reports whether cells differ on an axis.
func (a *painter) varies(axis string) bool {
	for i := range a.result.Cells {
		if coordinate(&a.result.Cells[i], axis) != coordinate(&a.result.Cells[0], axis) {
			return true
		}
	}
	return false
}

// label is how figures write a place on an axis.
func label(axis, v string) string {
	switch axis {
	case "members":
		return v + " members"
	case "load":
		if n, err := strconv.Atoi(v); err == nil {
			return chart.Number(float64(n)) + " offered per second"
		}
		if strings.HasSuffix(v, "%") {
			return v + " of saturation offered"
		}
		return "saturated"
	case "links":
		if v == scenarios.NoLinks {
			return "one machine room"
		}
		if strings.HasSuffix(v, "ms") {
			return v + " one way"
		}
	}
	return v
}

// short is the label without its unit.
func short(axis, v string) string {
	if axis == "load" {
		if n, err := strconv.Atoi(v); err == nil {
			return chart.Number(float64(n))
		}
	}
	if axis == "members" {
		return v
	}
	return label(axis, v)
}

// rate writes a load where there is little room.
func rate(load string) string {
	l, err := scenarios.ParseLoad(load)
	switch {
	case err == nil && l.PerSecond > 0:
		return chart.Number(float64(l.PerSecond)) + "/s"
	case err == nil && l.InFlight > 0:
		return "saturated"
	}
	return load
}

// engines returns the engines of some cells in the order in which figures list
// them, with their styles.
func engines(cells []*results.Cell) (names []string) {
	for _, e := range scenarios.Engines() {
		if slices.ContainsFunc(cells, func(c *results.Cell) bool { return c.Engine == e.Name }) {
			names = append(names, e.Name)
		}
	}
	return names
}

// style is an engine's own in all figures of a part.
func style(engine string) int {
	e, _ := scenarios.EngineOf(engine)
	return e.Style()
}

func titleOf(engine string) string {
	e, _ := scenarios.EngineOf(engine)
	return e.Title
}

// of returns the cells of an engine.
func of(cells []*results.Cell, engine string) (some []*results.Cell) {
	for _, c := range cells {
		if c.Engine == engine {
			some = append(some, c)
		}
	}
	return some
}

// mode is the line under every title.
func (a *painter) mode(f *facet) string {
	repeats := 0
	for _, c := range f.cells {
		repeats = max(repeats, c.Repeats)
	}
	runs := "1 run"
	if repeats > 1 {
		runs = fmt.Sprintf("median of %d runs", repeats)
		if repeats >= 3 {
			runs += ", bars 95 %"
		}
	}
	return a.part.Mode.Label() + ", " + runs + f.title
}

// kept says from where on a point does not carry what was offered.
const kept = 0.95

func (a *painter) latencyThroughput() {
	for _, f := range a.facets("load") {
		for _, metric := range []string{"p50", "p99"} {
			m, _ := scenarios.MetricOf(metric)
			c := &chart.Lines{Title: sentence(m.Title) + " at the throughput reached", Mode: a.mode(&f),
				X: chart.Axis{Label: "committed transactions per second"}, Y: chart.Axis{Label: m.Title + ", ms", Log: true}}
			for _, e := range engines(f.cells) {
				s := chart.Series{Name: titleOf(e), Style: style(e)}
				for _, cell := range of(f.cells, e) {
					y, ok := cell.Metrics[metric]
					x := cell.Metrics["throughput"]
					if !ok {
						continue
					}
					s.Points = append(s.Points, chart.Point{X: x.Median, Y: y.Median, Lo: y.Lo, Hi: y.Hi,
						Hollow: overloaded(cell)})
				}
				c.Series = append(c.Series, s)
			}
			a.add("latency-throughput-"+metric, f.name, c,
				"Points are offered loads, joined in their order; hollow ones could not carry what was offered. Latency counts "+
					"from when a transaction was due.")
		}
	}
}

// closed reports whether a cell's load is a closed one.
func closed(c *results.Cell) bool {
	l, err := scenarios.ParseLoad(c.Load)
	return err != nil || l.InFlight > 0
}

// overloaded reports whether a cell could not carry its load.
func overloaded(c *results.Cell) bool {
	if closed(c) {
		return true
	}
	return c.Metrics["throughput"].Median < kept*c.Offered
}

func (a *painter) robustness() {
	for _, f := range a.facets("load") {
		c := &chart.Lines{Title: "What of the offered load is committed", Mode: a.mode(&f), Ideal: 1,
			IdealText: "all of it", X: chart.Axis{Label: "offered transactions per second"},
			Y: chart.Axis{Label: "committed per second"}}
		for _, e := range engines(f.cells) {
			s := chart.Series{Name: titleOf(e), Style: style(e)}
			for _, cell := range of(f.cells, e) {
				if closed(cell) {
					continue // it offers what is taken
				}
				y := cell.Metrics["throughput"]
				s.Points = append(s.Points, chart.Point{X: cell.Offered, Y: y.Median, Lo: y.Lo, Hi: y.Hi,
					Hollow: overloaded(cell)})
			}
			c.Series = append(c.Series, s)
		}
		a.add("robustness", f.name, c, "Hollow points lost or kept waiting more than a twentieth of the offered load.")
	}
}

// metric draws "metric by axis": lines over numbers, bars over names.
func (a *painter) metric(name, axis string) {
	m, _ := scenarios.MetricOf(name)
	for _, f := range a.facets(axis) {
		if axis == "members" && a.varies(axis) {
			a.overMembers(m, &f)
			continue
		}
		a.bars(m, axis, &f)
	}
}

func (a *painter) overMembers(m scenarios.Metric, f *facet) {
	c := &chart.Lines{Title: sentence(m.Title), Mode: a.mode(f),
		X: chart.Axis{Label: "members", Log: true}, Y: chart.Axis{Label: m.Title + ", " + m.Unit, Log: true}}
	seen := make(map[int]bool)
	caption := ""
	for _, e := range engines(f.cells) {
		s := chart.Series{Name: titleOf(e), Style: style(e)}
		for _, cell := range of(f.cells, e) {
			y, ok := cell.Metrics[m.Name]
			if !ok || y.Median <= 0 {
				continue
			}
			s.Points = append(s.Points, chart.Point{X: float64(cell.Members), Y: y.Median, Lo: y.Lo, Hi: y.Hi})
			if !seen[cell.Members] {
				seen[cell.Members] = true
				c.X.Ticks = append(c.X.Ticks, chart.Tick{At: float64(cell.Members), Text: strconv.Itoa(cell.Members)})
			}
		}
		for _, fit := range a.result.Fits {
			if fit.Engine == e && fit.Metric == m.Name && len(a.facets("members")) == 1 {
				s.Name += fmt.Sprintf(", ~ n^%s", strconv.FormatFloat(fit.Power.Exponent, 'f', 2, 64))
				caption = "Exponents are fitted by least squares of the logarithms. "
			}
		}
		if len(s.Points) > 0 {
			c.Series = append(c.Series, s)
		}
	}
	slices.SortFunc(c.X.Ticks, func(x, y chart.Tick) int { return int(x.At - y.At) })
	a.add(m.Name+"-members", f.name, c, caption)
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// logBars is the spread of values from which bars need a logarithmic axis.
const logBars = 200

func (a *painter) bars(m scenarios.Metric, axis string, f *facet) {
	c := &chart.Bars{Title: sentence(m.Title), Mode: a.mode(f), Value: chart.Axis{Label: m.Title + ", " + m.Unit},
		GroupLabel: axis}
	var keys []string
	for _, cell := range f.cells {
		if k := coordinate(cell, axis); !slices.Contains(keys, k) {
			keys = append(keys, k)
			title := short(axis, k)
			if axis == "engine" {
				title = titleOf(k)
			}
			c.Groups = append(c.Groups, title)
		}
	}
	low, high := math.Inf(1), 0.0
	add := func(s chart.BarSeries, at func(key string) *results.Cell) {
		s.Bars = make([]chart.Bar, len(keys))
		for i, k := range keys {
			s.Bars[i].Missing = true
			if cell := at(k); cell != nil {
				if v, ok := cell.Metrics[m.Name]; ok {
					s.Bars[i] = chart.Bar{Value: v.Median, Lo: v.Lo, Hi: v.Hi}
					if v.Median > 0 {
						low, high = min(low, v.Median), max(high, v.Median)
					}
				}
			}
		}
		c.Series = append(c.Series, s)
	}
	if axis == "engine" {
		add(chart.BarSeries{Name: m.Title}, func(k string) *results.Cell { return of(f.cells, k)[0] })
	} else {
		for _, e := range engines(f.cells) {
			add(chart.BarSeries{Name: titleOf(e), Style: style(e)}, func(k string) *results.Cell {
				i := slices.IndexFunc(f.cells, func(x *results.Cell) bool { return x.Engine == e && coordinate(x, axis) == k })
				if i < 0 {
					return nil
				}
				return f.cells[i]
			})
		}
	}
	c.Value.Log = high > logBars*low
	a.add(m.Name+"-"+axis, f.name, c, "")
}

func (a *painter) timeline() {
	for _, f := range a.facets() {
		k := a.part.CaseOf(f.cells[0].Case)
		for _, v := range []struct {
			name, title, label string
			log                bool
			of                 func(b results.Bin) float64
		}{
			{"throughput", "Committed over time", "committed per second", false,
				func(b results.Bin) float64 { return b.PerSecond }},
			{"p99", "p99 latency over time", "p99 latency of what was due, ms", true,
				func(b results.Bin) float64 { return b.P99Ms }},
		} {
			c := &chart.Lines{Title: v.title, Mode: a.mode(&f), X: chart.Axis{Label: "seconds"},
				Y: chart.Axis{Label: v.label, Log: v.log}}
			c.Shades, c.Events = a.happenings(k)
			for _, e := range engines(f.cells) {
				s := chart.Series{Name: titleOf(e), Style: style(e), Plain: true}
				for _, b := range of(f.cells, e)[0].Timeline {
					s.Points = append(s.Points, chart.Point{X: b.AtS, Y: v.of(b)})
				}
				if len(s.Points) > 0 {
					c.Series = append(c.Series, s)
				}
			}
			a.add("timeline-"+v.name, f.name, c, "Each point is a span of the run, the median over all runs.")
		}
	}
}

// happenings are the faults and the sale of a case.
func (a *painter) happenings(k *scenarios.Case) (shades []chart.Shade, events []chart.Event) {
	for _, f := range k.Faults {
		what := strings.ReplaceAll(f.Kind, "-", " ")
		if f.DelayMs > 0 {
			what += fmt.Sprintf(" by %s ms", chart.Number(f.DelayMs))
		}
		if f.UntilS > f.AtS {
			shades = append(shades, chart.Shade{From: max(f.AtS, 0), To: f.UntilS, Text: what})
		} else if f.AtS >= 0 {
			events = append(events, chart.Event{At: f.AtS, Text: what})
		}
	}
	if a.part.Workload == scenarios.Flash {
		shades = append(shades, chart.Shade{From: a.part.FlashAfterS, To: a.part.FlashAfterS + a.part.FlashForS,
			Text: "sale"})
	}
	return shades, events
}

// tail spreads percentiles so that the tail can be seen.
func tail(percentile float64) float64 { return -math.Log10(1 - percentile/100) }

func (a *painter) distribution() {
	for _, f := range a.facets() {
		c := &chart.Lines{Title: "Whole distribution of latency", Mode: a.mode(&f),
			X: chart.Axis{Label: "percentile", Ticks: []chart.Tick{}}, Y: chart.Axis{Label: "latency, ms", Log: true}}
		for _, p := range []float64{0, 50, 90, 95, 99, 99.5, 99.9} {
			c.X.Ticks = append(c.X.Ticks, chart.Tick{At: tail(p), Text: strconv.FormatFloat(p, 'g', -1, 64)})
		}
		c.X.Max = tail(99.9)
		for _, e := range engines(f.cells) {
			s := chart.Series{Name: titleOf(e), Style: style(e), Plain: true}
			for _, q := range of(f.cells, e)[0].Distribution {
				s.Points = append(s.Points, chart.Point{X: tail(q.Percentile), Y: q.Ms,
					Name: "p" + strconv.FormatFloat(q.Percentile, 'g', -1, 64)})
			}
			if len(s.Points) > 0 {
				c.Series = append(c.Series, s)
			}
		}
		a.add("distribution", f.name, c, "All samples of all runs together, each from when it was due. Percentiles beyond "+
			"which fewer than ten samples lie are left out.")
	}
}

// phases shows where waits go: in a simulation by the medians of phases, of processes
// by the means of stages, which is what members' metrics keep.
func (a *painter) phases() {
	if a.part.Mode == scenarios.Sim {
		a.stacked("phases", "median of each phase, ms", results.PhaseNames[:], []string{"links", "case"},
			func(c *results.Cell) map[string]float64 { return c.PhaseMs },
			"Queue: until a primary proposes. Propose: until the customer's member has checked and "+
				"prepared. Vote: until it has the votes. Execute, and notify: until the customer has the proven answer.")
		return
	}
	a.stacked("stages", "mean of each stage, ms", results.StageNames, []string{"links", "load", "case"},
		func(c *results.Cell) map[string]float64 { return c.StageMs },
		"Client: what the customer sees beyond the member, both ways. Door: until the member has checked it and holds it. "+
			"Queue: until a primary proposes it. Propose: until the member has checked the proposal and voted. Vote: until it "+
			"has the votes. Execute: until the outcome is stored. Notify: until it is written to the client.")
}

// stacked draws a bar of named parts for each cell.
func (a *painter) stacked(kind, unit string, names, axes []string, parts func(c *results.Cell) map[string]float64,
	caption string) {
	for _, f := range a.facets(axes...) {
		c := &chart.Bars{Title: "Where a customer's wait goes", Mode: a.mode(&f), Stacked: true, GroupLabel: "engine",
			Value: chart.Axis{Label: unit}}
		for i, name := range names {
			c.Series = append(c.Series, chart.BarSeries{Name: name, Style: i})
		}
		for _, cell := range f.cells {
			ms := parts(cell)
			if len(ms) == 0 {
				continue
			}
			group := titleOf(cell.Engine)
			for _, axis := range axes {
				switch v := coordinate(cell, axis); {
				case !a.varies(axis):
				case axis == "load":
					group += ", " + rate(v)
				default:
					group += ", " + v
				}
			}
			c.Groups = append(c.Groups, group)
			for i, name := range names {
				c.Series[i].Bars = append(c.Series[i].Bars, chart.Bar{Value: ms[name]})
			}
		}
		if len(c.Groups) > 0 {
			a.add(kind, f.name, c, caption)
		}
	}
}
