package trial

import (
	"fmt"
	"slices"
	"time"

	"github.com/scrip-network/scrip/bench"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/shaper"
)

// wants reports whether a part was asked for.
func (o *Options) wants(p *scenarios.Part) bool {
	return (len(o.Modes) == 0 || slices.Contains(o.Modes, p.Mode)) &&
		(len(o.Parts) == 0 || slices.Contains(o.Parts, p.Name))
}

// repeats returns how often a part is repeated.
func (o *Options) repeats(s *scenarios.Scenario, p *scenarios.Part) int {
	if o.Repeats > 0 {
		return o.Repeats
	}
	return s.RepeatsOf(p)
}

// afterwardsS is how long a shortened run goes on after the last that happens in it.
const afterwardsS = 3

// shorten sets the lengths of runs that were asked for.
func (o *Options) shorten(s *scenarios.Scenario) {
	if o.Seconds <= 0 {
		return
	}
	for i := range s.Parts {
		p := &s.Parts[i]
		needed := o.Seconds
		if p.Workload == scenarios.Flash {
			needed = max(needed, p.FlashAfterS+p.FlashForS+afterwardsS)
		}
		for _, k := range p.Cases {
			for _, f := range k.Faults {
				if f.AtS > 0 {
					needed = max(needed, max(f.AtS, f.UntilS)+afterwardsS)
				}
			}
		}
		p.DurationS = min(p.DurationS, needed)
	}
}

// Estimate returns about how long a scenario will take on a machine with two cores,
// and how many runs it consists of.
func Estimate(s *scenarios.Scenario, opt *Options) (d time.Duration, runs int) {
	copied := *s
	copied.Parts = slices.Clone(s.Parts)
	opt.shorten(&copied)
	sum := 0.0
	for i := range copied.Parts {
		p := &copied.Parts[i]
		if !opt.wants(p) {
			continue
		}
		for _, c := range p.Cells() {
			if e, _ := scenarios.EngineOf(c.Engine); opt.refusal(p, e) != nil {
				continue
			}
			n := opt.repeats(&copied, p)
			sum += float64(n) * (&job{part: p, cell: c}).seconds()
			runs += n
		}
	}
	return seconds(sum), runs
}

// refusal says why an engine of a part cannot run here, nil if it can. It wraps
// ErrUnavailable.
func (o *Options) refusal(p *scenarios.Part, e scenarios.Engine) error {
	why := ""
	switch {
	case p.Workload == scenarios.Proofs:
	case p.Mode == scenarios.Sim:
	case e.Comet == "" && o.Scrip == "":
		why = "there is no scrip program; build it with make, or name it with --scrip"
	case e.Comet == "" && p.Mode == scenarios.Netns:
		if err := shaper.Available(); err != nil {
			why = err.Error()
		}
	case e.Comet == "":
	case o.Comet == "":
		why = "there is no scrip-comet program; build it with make comet, or name it with --comet"
	case p.Mode == scenarios.WAN || p.Mode == scenarios.Netns:
		why = "scrip-comet has no emulated links"
	case p.MempoolTxs > 0:
		why = "the mempool of scrip-comet has limits of its own"
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, why)
}

// Refused returns which engines of a scenario cannot run here, and why.
func Refused(s *scenarios.Scenario, opt *Options) (all []results.Skipped) {
	for i := range s.Parts {
		p := &s.Parts[i]
		if !opt.wants(p) {
			continue
		}
		for _, name := range p.Engines {
			e, _ := scenarios.EngineOf(name)
			if err := opt.refusal(p, e); err != nil {
				all = append(all, results.Skipped{Part: p.Name, What: name, Reason: err.Error()})
			}
		}
	}
	return all
}

// What runs of processes take beside their measurement, for estimates.
const (
	aroundS       = 4.0  // start, stop, and what is written
	claimS        = 5e-4 // to hand in a coupon that the load passes on
	signTransferS = 2e-5
	signClaimS    = 6e-5

	// A simulated second takes simSecondS, and simPairS for each pair of members.
	simSecondS = 0.3
	simPairS   = 1.0 / 800
	drainS     = 0.2
)

// seconds is about how long a job takes.
func (j *job) seconds() float64 {
	p := j.part
	switch {
	case p.Workload == scenarios.Proofs:
		return 0.3 + 0.02*float64(j.cell.Members)
	case p.Mode == scenarios.Sim:
		n := float64(j.cell.Members)
		return (p.WarmupS + p.DurationS + drainS) * (simSecondS + simPairS*n*n)
	}
	load, err := scenarios.ParseLoad(j.cell.Load)
	if err != nil {
		return 0
	}
	measured := p.WarmupS + p.DurationS
	perSecond := float64(load.PerSecond)
	if perSecond == 0 {
		perSecond = closedRateMax
	}
	claimed, each := float64(coupons(load)), signTransferS
	switch p.Workload {
	case scenarios.Mix:
		claimed, each = claimed+perSecond*measured/20, signClaimS
	case scenarios.Flash:
		claimed += 2 * float64(p.Stock) * signClaimS / claimS
	}
	return measured + aroundS + claimed*claimS + perSecond*measured*each
}

// Bounds of what a load signs in advance.
const (
	closedRateMax = 9000 // more than any engine commits on a machine with two cores
	couponsMin    = 1000
)

// coupons returns how many coupons a load passes on: enough that none waits for its
// last transfer at any latency worth measuring.
func coupons(l scenarios.Load) int {
	if l.PerSecond > 0 {
		return min(max(couponsMin, 4*l.PerSecond), bench.DefaultCoupons)
	}
	return min(max(couponsMin, 4*l.InFlight, shareOf(l)), bench.DefaultCoupons)
}

// shareOf is for a load that is not known yet.
func shareOf(l scenarios.Load) int { return min(l.Percent, 1) * bench.DefaultCoupons }

// keepSaturation remembers what an engine committed under a closed load.
func (l *lab) keepSaturation(j *job) {
	load, err := scenarios.ParseLoad(j.cell.Load)
	if err != nil || load.InFlight == 0 || j.part.Mode == scenarios.Sim {
		return
	}
	m := j.run.Metrics(j.part, j.part.CaseOf(j.cell.Case))
	l.saturation[saturationOf(j)] = m["throughput"]
}

// saturationOf is the key under which all loads of an engine find its saturation.
func saturationOf(j *job) string {
	c := j.cell
	c.Load = ""
	return j.part.Name + "/" + c.Slug()
}

// offered returns the load of a cell; a share is of what the engine committed saturated, in this round.
func (l *lab) offered(j *job) (scenarios.Load, error) {
	load, err := scenarios.ParseLoad(j.cell.Load)
	if err != nil || load.Percent == 0 {
		return load, err
	}
	full, ok := l.saturation[saturationOf(j)]
	if !ok || full <= 0 {
		return load, fmt.Errorf("offer %s of the saturation: it was not measured", j.cell.Load)
	}
	return scenarios.Load{PerSecond: max(1, int(full)*load.Percent/100)}, nil
}
