package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The workloads.
const (
	Transfers = "transfers"
	Mix       = "mix"
	Flash     = "flash"
	// Proofs measures proofs of receipts for a committee, and no network.
	Proofs = "proofs"
)

// FaultKinds are the faults that a case may have; those that real processes can
// have come first.
var FaultKinds = []string{"crash", "restart", "crash-primary", "slow", "slow-primary", "unfair-primary", "equivocate",
	"withhold", "withhold-bodies", "drip", "equivocate-batches", "lack-all", "mute"}

// laneFaults are those of FaultKinds that are about lanes.
const laneFaults = 5

// processFaults is how many of FaultKinds processes can have: their code is the one
// that ships, which tells no lies.
const processFaults = 3

// Mechanisms are what a case may switch off.
var Mechanisms = []string{"fast-path", "arming", "pipelining", "batch-verify", "sync", "bundling", "lanes", "gossip",
	"pace", "body-cap", "grace", "elide", "patience", "monitor"}

// Axes are what figures are drawn over.
var Axes = []string{"members", "load", "links", "case", "engine"}

// Figures are those of their own form; others are "metric by axis".
var Figures = []string{"latency-throughput", "robustness", "timeline", "latency-distribution", "phases"}

// Metric is a quantity of a run.
type Metric struct {
	Name, Title, Unit string
	// Count is one that does not depend on the machine's speed.
	Count bool
	// Low says that less is better.
	Low bool
}

// Metrics are those that figures and thresholds may name.
func Metrics() []Metric {
	return []Metric{
		{Name: "throughput", Title: "committed transactions", Unit: "per second"},
		{Name: "p50", Title: "median latency", Unit: "ms", Low: true},
		{Name: "p90", Title: "p90 latency", Unit: "ms", Low: true},
		{Name: "p99", Title: "p99 latency", Unit: "ms", Low: true},
		{Name: "p999", Title: "p99.9 latency", Unit: "ms", Low: true},
		{Name: "consensus_p50", Title: "median time from proposal to commit", Unit: "ms", Low: true},
		{Name: "proof_p50", Title: "median time to a checked proof", Unit: "ms", Low: true},
		{Name: "cpu_us", Title: "processor time of all members for one transaction", Unit: "us", Low: true},
		{Name: "egress_mbit", Title: "sent by the busiest member", Unit: "Mbit/s", Low: true},
		{Name: "messages", Title: "messages per block", Unit: "messages", Low: true, Count: true},
		{Name: "vote_messages", Title: "messages per block without transactions", Unit: "messages", Low: true, Count: true},
		{Name: "bytes", Title: "bytes per block", Unit: "bytes", Low: true, Count: true},
		{Name: "vote_bytes", Title: "bytes of votes per block", Unit: "bytes", Low: true, Count: true},
		{Name: "bytes_per_tx", Title: "bytes per transaction", Unit: "bytes", Low: true, Count: true},
		{Name: "fast_share", Title: "share of blocks committed on the fast path", Unit: "(1 = all)", Count: true},
		{Name: "refused_per_second", Title: "refused for lack of room", Unit: "per second"},
		{Name: "refusal_p50", Title: "median time to a refusal for lack of room", Unit: "ms", Low: true},
		{Name: "refusal_p99", Title: "p99 time to a refusal for lack of room", Unit: "ms", Low: true},
		{Name: "gap", Title: "longest pause between two commits", Unit: "ms", Low: true},
		{Name: "recovery", Title: "time until nine tenths of the throughput are back", Unit: "ms", Low: true},
		{Name: "view_changes", Title: "changes of the primary", Unit: "changes", Low: true, Count: true},
		{Name: "view_change_bytes", Title: "bytes of changing the primary", Unit: "bytes", Low: true, Count: true},
		{Name: "lost", Title: "transactions without an outcome", Unit: "transactions", Low: true, Count: true},
		{Name: "refused", Title: "refused transactions", Unit: "transactions", Low: true, Count: true},
		{Name: "issued", Title: "coupons issued in the sale", Unit: "coupons", Count: true},
		{Name: "oversold", Title: "coupons issued twice", Unit: "coupons", Low: true, Count: true},
		{Name: "hangover", Title: "time after the sale until latency is back", Unit: "ms", Low: true},
		{Name: "diverged", Title: "runs in which members disagreed", Unit: "runs", Low: true, Count: true},
		{Name: "proof_bytes", Title: "size of a receipt with its proof", Unit: "bytes", Low: true, Count: true},
		{Name: "verify_us", Title: "time to check a receipt's proof", Unit: "us", Low: true},
	}
}

// MetricOf returns the metric of a name.
func MetricOf(name string) (Metric, bool) {
	all := Metrics()
	i := slices.IndexFunc(all, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return all[i], true
}

func metricNames() (names []string) {
	for _, m := range Metrics() {
		names = append(names, m.Name)
	}
	return names
}

func (c *checker) check() {
	s := c.s
	for _, t := range []struct{ key, value string }{{"name", s.Name}, {"title", s.Title}, {"question", s.Question},
		{"method", s.Method}} {
		if strings.TrimSpace(t.value) == "" {
			c.wrong(t.key, "the scenario has no %s", t.key)
		}
	}
	if slug := (Cell{Engine: s.Name}).Slug(); s.Name != "" && slug != s.Name+"-n0---" {
		c.wrong("name", "the name %q is more than letters, digits, dots and hyphens", s.Name)
	}
	if s.Seed >= 1<<63 { // a negative number in the file
		c.wrong("seed", "the seed is not a positive number of 63 bits")
	}
	c.within("repeats", float64(s.Repeats), 1, repeatsMax)
	if len(s.Parts) == 0 {
		c.wrong("", "the scenario has no part")
	}
	for i := range s.Links {
		c.checkLink(fmt.Sprintf("link[%d]", i), &s.Links[i])
	}
	names := make(map[string]bool)
	for i := range s.Parts {
		path := fmt.Sprintf("part[%d]", i)
		if names[s.Parts[i].Name] || s.Parts[i].Name == "" {
			c.wrong(path+".name", "a part needs a name of its own")
		}
		names[s.Parts[i].Name] = true
		c.checkPart(path, &s.Parts[i])
	}
	if len(c.errs) > 0 {
		return // thresholds name cells, which make no sense yet
	}
	for i := range s.Thresholds {
		c.checkThreshold(fmt.Sprintf("threshold[%d]", s.Thresholds[i].at), &s.Thresholds[i])
	}
}

func (c *checker) within(path string, v, low, high float64) {
	if v < low || v > high {
		c.wrong(path, "%s is %v, wanted %v to %v", path[strings.LastIndexByte(path, '.')+1:], v, low, high)
	}
}

func (c *checker) checkLink(path string, l *Link) {
	if l.Name == "" || c.shippedLink(l.Name) {
		c.wrong(path+".name", "a link needs a name of its own")
	}
	c.within(path+".one_way_ms", l.OneWayMs, 0, delayMsMax)
	c.within(path+".jitter_ms", l.JitterMs, 0, delayMsMax)
	c.within(path+".mbit_per_second", l.MbitPerSecond, 0, 1e6)
	c.within(path+".loss_percent", l.LossPercent, 0, 50)
	for i, row := range l.MatrixMs {
		if len(row) != len(l.MatrixMs) {
			c.wrong(path+".matrix_ms", "row %d of the matrix has %d delays, wanted %d", i, len(row), len(l.MatrixMs))
		}
		for _, v := range row {
			c.within(path+".matrix_ms", v, 0, delayMsMax)
		}
	}
}

// OneWay returns the delay that the name of links such as "15ms" states.
func OneWay(links string) (ms float64, ok bool) {
	number, found := strings.CutSuffix(links, "ms")
	ms, err := strconv.ParseFloat(number, 64)
	return ms, found && err == nil && ms >= 0 && ms <= delayMsMax
}

// shippedLink reports whether links need no table of the scenario.
func (c *checker) shippedLink(name string) bool {
	_, uniform := OneWay(name)
	return uniform || name == NoLinks || name == "city" || name == "country"
}

func (c *checker) checkLinkName(path, name string, members []int) {
	if c.shippedLink(name) {
		return
	}
	i := slices.IndexFunc(c.s.Links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		c.wrong(path, "there are no links %q: %s, city, country, a delay such as 15ms, or a [[link]]", name, NoLinks)
		return
	}
	for _, n := range members {
		if have := len(c.s.Links[i].MatrixMs); have > 0 && have != n {
			c.wrong(path, "the matrix of links %q is of %d members, not %d", name, have, n)
		}
	}
}

func (c *checker) checkPart(path string, p *Part) {
	var modes []string
	for _, m := range AllModes {
		modes = append(modes, string(m))
	}
	c.inNames(path+".mode", "mode", string(p.Mode), modes)
	c.inNames(path+".workload", "workload", p.Workload, []string{Transfers, Mix, Flash, Proofs})
	if len(p.Engines) == 0 {
		c.wrong(path+".engines", "part %q has no engines", p.Name)
	}
	drawn := make(map[int]string)
	for _, e := range p.Engines {
		c.checkEngine(path+".engines", p, e)
		if k, ok := EngineOf(e); ok {
			if other := drawn[k.Style()]; other != "" {
				c.wrong(path+".engines", "figures cannot tell %s from %s", e, other)
			}
			drawn[k.Style()] = e
		}
	}
	for _, n := range p.Members {
		c.within(path+".members", float64(n), membersMin, membersMax)
	}
	for _, l := range p.Links {
		c.checkLinkName(path+".links", l, p.Members)
		if p.Mode == Host && l != NoLinks {
			c.wrong(path+".links", "mode host has no links; with %q the mode is wan", l)
		}
		own := slices.IndexFunc(c.s.Links, func(o Link) bool { return o.Name == l })
		if p.Mode == Netns && own >= 0 && (c.s.Links[own].JitterMs > 0 || c.s.Links[own].LossPercent > 0) {
			c.wrong(path+".links", "the router of mode netns has no jitter and loses only what its queues cannot hold")
		}
	}
	c.within(path+".warmup_s", p.WarmupS, 0, secondsMax)
	c.within(path+".duration_s", p.DurationS, 0.001, secondsMax)
	c.within(path+".repeats", float64(p.Repeats), 0, repeatsMax)
	c.checkShares(path+".load", p)
	if p.Workload == Flash {
		c.within(path+".stock", float64(p.Stock), 1, loadMax)
		c.within(path+".flash_for_s", p.FlashForS, 0.001, p.DurationS-p.FlashAfterS)
	}
	if p.Mode != Sim && (p.Cores != 0 || p.SharedHost || p.Tenure != 0 || p.TimeoutMs != 0) {
		c.wrong(path+".cores", "cores, shared_host and tenure are of a simulation")
	}
	c.within(path+".mempool_txs", float64(p.MempoolTxs), 0, inFlightMax)
	if p.Mode == Sim && p.MempoolTxs != 0 {
		c.wrong(path+".mempool_txs", "mempool_txs is of processes")
	}
	names := make(map[string]bool)
	for i := range p.Cases {
		at := fmt.Sprintf("%s.case[%d]", path, i)
		if k := &p.Cases[i]; k.Name == "" || names[k.Name] {
			c.wrong(at, "a case needs a name of its own")
		}
		names[p.Cases[i].Name] = true
		c.checkCase(at, p, &p.Cases[i])
	}
	for _, f := range p.Figures {
		c.checkFigure(path+".figures", f)
	}
	if n := len(p.Cells()); n > cellsMax {
		c.wrong(path, "part %q has %d cells, at most %d", p.Name, n, cellsMax)
	}
}

// checkShares wants the saturation before loads that are shares of it.
func (c *checker) checkShares(path string, p *Part) {
	saturated := false
	for _, l := range p.Load {
		if l.InFlight > 0 {
			saturated = true
		}
		if l.Percent > 0 && (!saturated || p.Mode == Sim) {
			c.wrong(path, "%s is a share of what processes commit: %q stands before it", l, saturate)
		}
	}
}

func (c *checker) checkEngine(path string, p *Part, name string) {
	e, ok := EngineOf(name)
	if !ok {
		var names []string
		for _, e := range Engines() {
			names = append(names, e.Name)
		}
		c.inNames(path, "engine", name, names)
		return
	}
	if e.Macs && p.Mode != Sim {
		c.wrong(path, "%s is a model: it is for a simulation", name)
	}
	if e.Untuned && p.Mode != Sim {
		c.wrong(path, "%s is what nodes were: it is for a simulation", name)
	}
	if e.Comet != "" && p.Mode == Sim {
		c.wrong(path, "%s cannot be simulated", name)
	}
}

func (c *checker) checkCase(path string, p *Part, k *Case) {
	for _, e := range k.Engines {
		c.inNames(path+".engines", "engine of the part", e, p.Engines)
	}
	for _, w := range k.Without {
		c.inNames(path+".without", "mechanism", w, Mechanisms)
		if p.Mode != Sim {
			c.wrong(path+".without", "mechanisms are switched off in a simulation only")
		}
	}
	c.within(path+".wait_ms", k.WaitMs, 0, delayMsMax)
	c.within(path+".in_flight", float64(k.InFlight), 0, DefaultWindow)
	if p.Mode != Sim && (k.WaitMs != 0 || k.InFlight != 0) {
		c.wrong(path, "wait_ms and in_flight are of a simulation")
	}
	for i, f := range k.Faults {
		at := fmt.Sprintf("%s.fault[%d]", path, i)
		c.inNames(at+".kind", "fault", f.Kind, FaultKinds)
		if p.Mode != Sim && !slices.Contains(FaultKinds[:processFaults], f.Kind) && slices.Contains(FaultKinds, f.Kind) {
			c.wrong(at+".kind", "%s is for a simulation: processes can have %s", f.Kind,
				strings.Join(FaultKinds[:processFaults], ", "))
		}
		if slices.Contains(FaultKinds[len(FaultKinds)-laneFaults:], f.Kind) {
			c.wantLanes(at+".kind", p, k, f.Kind)
		}
		c.within(at+".at_s", f.AtS, 0-p.WarmupS, p.DurationS)
		c.within(at+".until_s", f.UntilS, 0, p.DurationS)
		c.within(at+".delay_ms", f.DelayMs, 0, delayMsMax)
		if f.Member < 0 || f.Member >= slices.Min(p.Members) {
			c.wrong(at+".member", "member %d of %d", f.Member, slices.Min(p.Members))
		}
	}
}

// wantLanes refuses a fault of lanes in a case for an engine that has none.
func (c *checker) wantLanes(path string, p *Part, k *Case, kind string) {
	engines := k.Engines
	if len(engines) == 0 {
		engines = p.Engines
	}
	for _, name := range engines {
		if e, ok := EngineOf(name); ok && !e.Lanes {
			c.wrong(path, "%s is of lanes, and %s has none", kind, name)
		}
	}
}

// SplitFigure returns the metric and the axis of a figure "metric by axis".
func SplitFigure(figure string) (metric, axis string, ok bool) {
	return strings.Cut(figure, " by ")
}

func (c *checker) checkFigure(path, f string) {
	if metric, axis, ok := SplitFigure(f); ok {
		c.inNames(path, "metric", metric, metricNames())
		c.inNames(path, "axis", axis, Axes)
		return
	}
	c.inNames(path, "figure", f, Figures)
}

func (c *checker) checkThreshold(path string, t *Threshold) {
	if strings.TrimSpace(t.Says) == "" {
		c.wrong(path, "a threshold says in words what it means")
	}
	c.checkPlace(path+".of", &t.Of)
	m, _ := MetricOf(t.Of.Metric)
	switch {
	case t.Over != nil:
		c.checkPlace(path+".over", t.Over)
		if t.AtLeast == nil && t.AtMost == nil || t.Equals != nil {
			c.wrong(path, "a ratio is at_least or at_most something")
		}
		if !sameMode(c.s, t.Of.Part, t.Over.Part) {
			c.wrong(path, "a threshold sets two modes side by side")
		}
	case !m.Count:
		c.wrong(path, "%s depends on the machine: state it as a ratio, with over", t.Of.Metric)
	case t.Equals == nil && t.AtLeast == nil && t.AtMost == nil:
		c.wrong(path, "a threshold needs at_least, at_most or equals")
	}
}

func sameMode(s *Scenario, a, b string) bool {
	return s.PartOf(a) != nil && s.PartOf(b) != nil && s.PartOf(a).Mode == s.PartOf(b).Mode
}

// PartOf returns the part of a name, or nil.
func (s *Scenario) PartOf(name string) *Part {
	for i := range s.Parts {
		if s.Parts[i].Name == name {
			return &s.Parts[i]
		}
	}
	return nil
}

func (c *checker) checkPlace(path string, p *Place) {
	c.inNames(path, "metric", p.Metric, metricNames())
	part := c.s.PartOf(p.Part)
	if part == nil {
		c.wrong(path, "there is no part %q", p.Part)
		return
	}
	if n := len(p.Select(part.Cells())); n != 1 {
		c.wrong(path, "names %d cells of part %q, wanted one", n, p.Part)
	}
}

// Select returns the cells that a place names.
func (p *Place) Select(cells []Cell) (some []Cell) {
	for _, c := range cells {
		if (p.Engine == "" || p.Engine == c.Engine) && (p.Members == 0 || p.Members == c.Members) &&
			(p.Load == nil || p.Load.String() == c.Load) && (p.Links == "" || p.Links == c.Links) &&
			(p.Case == "" || p.Case == c.Case) {
			some = append(some, c)
		}
	}
	return some
}
