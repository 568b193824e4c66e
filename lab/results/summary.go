package results

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/stats"
)

// digits are the significant digits of numbers in a summary.
const digits = 6

// Summary is everything that figures and texts of a report say. It follows from
// the manifest, the scenario and the raw files alone.
type Summary struct {
	Schema         int         `json:"schema"`
	Scenario       string      `json:"scenario"`
	ManifestSHA256 string      `json:"manifest_sha256"`
	Parts          []Part      `json:"parts"`
	Thresholds     []Threshold `json:"thresholds,omitempty"`
}

// Part is the results of one part.
type Part struct {
	Name     string         `json:"name"`
	Mode     scenarios.Mode `json:"mode"`
	Workload string         `json:"workload"`
	Cells    []Cell         `json:"cells"`
	// Fits are power laws over the number of members.
	Fits []Fit `json:"fits,omitempty"`
}

// Cell is the results of one combination over all its repeats.
type Cell struct {
	scenarios.Cell
	Repeats int `json:"repeats"`
	// Metrics has the estimates over repeats, and Values what each repeat measured.
	Metrics map[string]stats.Estimate `json:"metrics"`
	Values  map[string][]float64      `json:"values"`
	// Offered is the load as it fell due, per second.
	Offered float64 `json:"offered_per_second,omitempty"`
	// Distribution is of the waits of all repeats together, PhaseMs the median of
	// each phase.
	Distribution []Quantile         `json:"distribution,omitempty"`
	PhaseMs      map[string]float64 `json:"phase_ms,omitempty"`
	// StageMs is, of processes, the mean of each of StageNames, the median over repeats.
	StageMs map[string]float64 `json:"stage_ms,omitempty"`
	// Timeline is the medians over repeats of what happened in each bin.
	Timeline []Bin `json:"timeline,omitempty"`
	// Refusals counts the codes of all repeats together.
	Refusals map[string]int `json:"refusals,omitempty"`
}

// Quantile is a percentile of waits in milliseconds.
type Quantile struct {
	Percentile float64 `json:"p"`
	Ms         float64 `json:"ms"`
}

// Bin is a span of a run.
type Bin struct {
	AtS       float64 `json:"at_s"`
	PerSecond float64 `json:"per_second"`
	P50Ms     float64 `json:"p50_ms,omitempty"`
	P99Ms     float64 `json:"p99_ms,omitempty"`
}

// Fit is a power law of a metric over the number of members, for one engine.
type Fit struct {
	Engine string      `json:"engine"`
	Metric string      `json:"metric"`
	Power  stats.Power `json:"power"`
}

// Threshold is what came of one.
type Threshold struct {
	Says  string  `json:"says"`
	Wants string  `json:"wants"`
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	// Outcome is "met", "missed", or "not measured".
	Outcome string `json:"outcome"`
}

// Outcomes of thresholds.
const (
	Met         = "met"
	Missed      = "missed"
	NotMeasured = "not measured"
)

// percentiles are those of a distribution, dense towards the tail.
var percentiles = []float64{0, 10, 25, 50, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.25, 99.5, 99.7, 99.8, 99.9}

// Derive computes the summary of a folder.
func Derive(f Folder) (*Summary, error) {
	m, raw, err := f.Manifest()
	if err != nil {
		return nil, err
	}
	s, err := f.Scenario()
	if err != nil {
		return nil, err
	}
	sum := &Summary{Schema: Schema, Scenario: s.Name, ManifestSHA256: Sum(raw)}
	d := &deriver{folder: f, manifest: m}
	for i := range s.Parts {
		p, err := d.part(&s.Parts[i])
		if err != nil {
			return nil, fmt.Errorf("derive the summary: %w", err)
		}
		if len(p.Cells) > 0 {
			sum.Parts = append(sum.Parts, *p)
		}
	}
	for i := range s.Thresholds {
		sum.Thresholds = append(sum.Thresholds, sum.judge(&s.Thresholds[i], m.Seed))
	}
	return sum, nil
}

type deriver struct {
	folder   Folder
	manifest *Manifest
}

// part derives one part, cell after cell: all samples of one cell are in memory,
// not those of all.
func (d *deriver) part(p *scenarios.Part) (*Part, error) {
	out := &Part{Name: p.Name, Mode: p.Mode, Workload: p.Workload}
	for _, cell := range p.Cells() {
		var runs []*Run
		for i := range d.manifest.Runs {
			e := &d.manifest.Runs[i]
			if e.Part != p.Name || e.Cell != cell {
				continue
			}
			r, err := d.read(e)
			if err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
		if len(runs) > 0 {
			out.Cells = append(out.Cells, d.cell(p, cell, runs))
		}
	}
	out.Fits = fits(out.Cells)
	return out, nil
}

func (d *deriver) read(e *RunEntry) (*Run, error) {
	r := new(Run)
	for _, file := range []struct {
		name string
		set  func(raw []byte) error
	}{
		{e.Samples, func(raw []byte) (err error) { r.Samples, err = DecodeSamples(bytes.NewReader(raw)); return err }},
		{e.Blocks, func(raw []byte) (err error) { r.Blocks, err = DecodeBlocks(bytes.NewReader(raw)); return err }},
		{e.Counters, func(raw []byte) (err error) { r.Counters, err = DecodeCounters(bytes.NewReader(raw)); return err }},
	} {
		if file.name == "" {
			continue
		}
		raw, err := d.folder.Read(file.name, rawBytesMax)
		if err == nil {
			err = file.set(raw)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return r, nil
}

func (d *deriver) cell(p *scenarios.Part, cell scenarios.Cell, runs []*Run) Cell {
	c := Cell{Cell: cell, Repeats: len(runs), Metrics: make(map[string]stats.Estimate),
		Values: make(map[string][]float64), Refusals: make(map[string]int)}
	var all []int64
	var offered []float64
	for _, r := range runs {
		metrics := r.Metrics(p, p.CaseOf(cell.Case))
		for name, v := range metrics {
			c.Values[name] = append(c.Values[name], stats.Round(v, digits))
		}
		all = append(all, r.Latencies()...)
		if v, ok := r.offered(); ok {
			offered = append(offered, v)
		}
		for i := range r.Samples {
			if code := r.Samples[i].Code; code != CodeOK && code != "" && code != CodeLate {
				c.Refusals[code]++
			}
		}
	}
	for name, values := range c.Values {
		c.Metrics[name] = rounded(stats.Of(values, d.manifest.Seed))
	}
	slices.Sort(offered)
	c.Offered = stats.Round(stats.Quantile(offered, 0.5), digits)
	c.Distribution = distribution(all)
	c.PhaseMs = phases(runs)
	c.StageMs = stages(runs)
	c.Timeline = timeline(runs)
	return c
}

func rounded(e stats.Estimate) stats.Estimate {
	for _, v := range []*float64{&e.Median, &e.Q1, &e.Q3, &e.Lo, &e.Hi} {
		*v = stats.Round(*v, digits)
	}
	return e
}

// offered returns the rate at which measured transactions fell due.
func (r *Run) offered() (perSecond float64, ok bool) {
	window := int64(r.Counters[CounterWindowUs])
	if window <= 0 || len(r.Samples) == 0 {
		return 0, false
	}
	n := 0
	for i := range r.Samples {
		if r.Samples[i].measured(window) {
			n++
		}
	}
	return float64(n) / (float64(window) / 1e6), true
}

// distribution leaves out percentiles that fewer than ten samples lie beyond: they
// would be of single events.
func distribution(us []int64) (all []Quantile) {
	slices.Sort(us)
	for _, p := range percentiles {
		if float64(len(us))*(100-p)/100 >= 10 {
			all = append(all, Quantile{p, float64(stats.Percentile(us, p)) / usPerMs})
		}
	}
	return all
}

// phases returns the median of each phase, of all runs together.
func phases(runs []*Run) map[string]float64 {
	var us [len(PhaseNames)][]int64
	for _, r := range runs {
		window := int64(r.Counters[CounterWindowUs])
		for i := range r.Samples {
			s := &r.Samples[i]
			if _, ok := s.latency(); !ok || !s.measured(window) {
				continue
			}
			for k, v := range s.Phases {
				if v != None {
					us[k] = append(us[k], v)
				}
			}
		}
	}
	out := make(map[string]float64)
	for k, name := range PhaseNames {
		if len(us[k]) > 0 {
			slices.Sort(us[k])
			out[name] = float64(stats.Percentile(us[k], 50)) / usPerMs
		}
	}
	return out
}

// Bins of a timeline: a second, and less in short runs.
const (
	timelineBinUs      = 1_000_000
	timelineShortBinUs = 250_000
	timelineShortUs    = 15_000_000
)

// timeline returns the medians over runs of each bin.
func timeline(runs []*Run) (all []Bin) {
	window := int64(runs[0].Counters[CounterWindowUs])
	bin := int64(timelineBinUs)
	if window <= timelineShortUs {
		bin = timelineShortBinUs
	}
	n := window / bin
	if n < 2 || len(runs[0].Samples) == 0 {
		return nil
	}
	rates, p50, p99 := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	for _, r := range runs {
		done, waits := make([]float64, n), make([][]int64, n)
		for i := range r.Samples {
			s := &r.Samples[i]
			v, ok := s.latency()
			if !ok {
				continue
			}
			if s.AnsweredUs >= 0 && s.AnsweredUs/bin < n {
				done[s.AnsweredUs/bin]++
			}
			if s.DueUs >= 0 && s.DueUs/bin < n {
				waits[s.DueUs/bin] = append(waits[s.DueUs/bin], v)
			}
		}
		for i := range n {
			rates[i] = append(rates[i], done[i]*1e6/float64(bin))
			if slices.Sort(waits[i]); len(waits[i]) > 0 {
				p50[i] = append(p50[i], float64(stats.Percentile(waits[i], 50))/usPerMs)
				p99[i] = append(p99[i], float64(stats.Percentile(waits[i], 99))/usPerMs)
			}
		}
	}
	median := func(v []float64) float64 {
		slices.Sort(v)
		return stats.Round(stats.Quantile(v, 0.5), digits)
	}
	for i := range n {
		all = append(all, Bin{float64(i*bin) / 1e6, median(rates[i]), median(p50[i]), median(p99[i])})
	}
	return all
}

// fittedMetrics are those that grow with the committee by a law.
var fittedMetrics = []string{"messages", "vote_messages", "bytes", "vote_bytes", "bytes_per_tx", "view_change_bytes",
	"proof_bytes"}

// fits fits what cells that differ in nothing but their members allow.
func fits(cells []Cell) (all []Fit) {
	type group struct{ engine, load, links, name string }
	var groups []group
	for i := range cells {
		g := group{cells[i].Engine, cells[i].Load, cells[i].Links, cells[i].Case}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	for _, g := range groups {
		for _, metric := range fittedMetrics {
			var x, y []float64
			for i := range cells {
				c := &cells[i]
				if e, ok := c.Metrics[metric]; ok && g == (group{c.Engine, c.Load, c.Links, c.Case}) {
					x, y = append(x, float64(c.Members)), append(y, e.Median)
				}
			}
			const least = 3 // two points fit anything
			if p, ok := stats.FitPower(x, y); ok && p.Points >= least {
				p.Exponent, p.Factor, p.R2 = stats.Round(p.Exponent, 4), stats.Round(p.Factor, 4), stats.Round(p.R2, 4)
				all = append(all, Fit{g.engine, metric, p})
			}
		}
	}
	return all
}

// Find returns the cell of a place.
func (s *Summary) Find(p *scenarios.Place) *Cell {
	for i := range s.Parts {
		if s.Parts[i].Name != p.Part {
			continue
		}
		for k := range s.Parts[i].Cells {
			if c := &s.Parts[i].Cells[k]; len(p.Select([]scenarios.Cell{c.Cell})) == 1 {
				return c
			}
		}
	}
	return nil
}

// values returns what the repeats of a place measured.
func (s *Summary) values(p *scenarios.Place) []float64 {
	if c := s.Find(p); c != nil {
		return c.Values[p.Metric]
	}
	return nil
}

func (s *Summary) judge(t *scenarios.Threshold, seed uint64) Threshold {
	out := Threshold{Says: t.Says, Outcome: NotMeasured}
	var e stats.Estimate
	values := s.values(&t.Of)
	if t.Over != nil {
		e = stats.Ratio(values, s.values(t.Over), seed)
	} else {
		e = stats.Of(values, seed)
	}
	fine := true
	wants := func(bound *float64, word string, holds func(v float64) bool) {
		if bound == nil {
			return
		}
		if out.Wants != "" {
			out.Wants += " and "
		}
		out.Wants += fmt.Sprintf("%s %v", word, *bound)
		fine = fine && holds(e.Median)
	}
	wants(t.AtLeast, "at least", func(v float64) bool { return v >= *t.AtLeast })
	wants(t.AtMost, "at most", func(v float64) bool { return v <= *t.AtMost })
	wants(t.Equals, "exactly", func(float64) bool {
		return !slices.ContainsFunc(values, func(v float64) bool { return math.Abs(v-*t.Equals) > 1e-9 })
	})
	if e.N == 0 {
		return out
	}
	e = rounded(e)
	out.Value, out.Lo, out.Hi, out.Outcome = e.Median, e.Lo, e.Hi, Missed
	if fine {
		out.Outcome = Met
	}
	return out
}
