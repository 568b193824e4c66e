package pbfttest

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"

	"github.com/scrip-network/scrip/pbft"
)

// Result is what one seed did.
type Result struct {
	Seed uint64
	// Plan is what the seed drew, readable.
	Plan       string
	Violations []Violation
	// Decided is how many blocks were committed by any honest replica.
	Decided int
	// View is the highest view of an honest replica at the end.
	View pbft.View
	// VirtualUs is the virtual time of the run, LivenessUs of it after the
	// faults ended; ViewChanges are the views voted for after that.
	VirtualUs, LivenessUs int64
	ViewChanges           int
	Counts                Counts
	// Boundaries counts the persists and sends of honest replicas in the safety
	// phase: where Options.CrashAt may lie.
	Boundaries int
	TraceHash  uint64
}

// String is the result in one line, and the violations with the plan below.
func (r *Result) String() string {
	s := fmt.Sprintf("seed %d: %d blocks, view %d, %.3f s virtual, resumed after %.3f s and %d view changes, trace %016x",
		r.Seed, r.Decided, r.View, float64(r.VirtualUs)/1e6, float64(r.LivenessUs)/1e6, r.ViewChanges, r.TraceHash)
	for _, v := range r.Violations {
		s += "\n  " + v.String()
	}
	if len(r.Violations) > 0 {
		s += "\n  " + r.Plan
	}
	return s
}

// Run plays one seed. An error means that the run could not be set up; what goes
// wrong in it is a violation.
func Run(seed uint64, opt Options) (*Result, error) {
	rng := rand.New(rand.NewPCG(seed, 0x5c121))
	p := drawPlan(rng, rand.New(rand.NewPCG(seed, 0x51a3)), &opt)
	c, err := newCluster(seed, &opt, p, rng)
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	c.trace.line(0, "seed %d: %s", seed, c.plan.String())
	healed := c.phases()
	if !c.stopped {
		c.oracle.docket.judge()
	}
	r := &Result{Seed: seed, Plan: c.plan.String(), Violations: c.oracle.violations, Decided: len(c.oracle.chain),
		VirtualUs: c.now, LivenessUs: c.resumedUs - healed, ViewChanges: len(c.oracle.changes), Counts: c.counts,
		TraceHash: c.trace.hash, Boundaries: c.boundaries}
	for _, x := range c.nodes {
		if x.honest && x.engine != nil {
			r.View = max(r.View, x.engine.Status().View)
		}
	}
	return r, nil
}

// phases plays the run and returns when the faults ended. A panic of an engine is
// a violation like any other.
func (c *cluster) phases() (healed int64) {
	defer func() {
		if x := recover(); x != nil {
			c.fail("panic", "%v\n%s", x, debug.Stack())
		}
	}()
	c.start()
	for _, x := range c.nodes {
		c.turn(x)
	}
	c.runUntil(c.plan.safetyUs, nil)
	healed = c.now
	c.resumedUs = healed
	if !c.opt.SafetyOnly && !c.stopped {
		c.resume()
	}
	return healed
}

// resume ends the faults and demands new decisions of every honest replica
// within a bound: every backed-off timer may run out once for each faulty
// primary and once more.
func (c *cluster) resume() {
	c.trace.line(c.now, "faults end")
	c.heal()
	_, high := c.honestCommitted()
	target := high + pbft.Seq(c.plan.parameters.Window) + 2
	bound := c.now + c.livenessUs()
	c.runUntil(bound, func() bool {
		c.submit()
		low, _ := c.honestCommitted()
		return low >= target
	})
	c.resumedUs = c.now
	if most := viewChangesMax * c.committee.WeakQuorum(); len(c.oracle.changes) > most && !c.stopped {
		c.fail("liveness", "%d changes of view after the faults ended, at most %d", len(c.oracle.changes), most)
	}
	if low, _ := c.honestCommitted(); low >= target && c.plan.behaviour&Corrupt != 0 && !c.stopped {
		c.runUntil(c.now+divergeUs, c.witness.noneCorrupt)
		c.witness.corrupt()
	}
	if low, _ := c.honestCommitted(); low < target && !c.stopped {
		c.fail("liveness", "an honest replica is at %d, the target was %d in %.1f s", low, target,
			float64(c.livenessUs())/1e6)
	}
	// What clients wait for may take longer where a faulty primary leaves it out.
	c.runUntil(bound, func() bool { return len(c.waiting) == 0 })
}

// viewChangesMax is how many views may be voted for after the faults, for each
// faulty primary and once more: timers that start far below the network's delay
// have to double their way up.
const viewChangesMax = 8

// divergeUs is how long a member whose execution is wrong may take to notice.
const divergeUs = 500_000

func (c *cluster) livenessUs() int64 {
	return int64(c.plan.timers.TimeoutTicksCap)*tickUs*int64(c.plan.shape.Faults+2) + 2_000_000
}

// Summary adds up the results of many seeds.
type Summary struct {
	Seeds     int
	Decided   int
	VirtualUs int64
	// WorstUs and WorstViewChanges are the slowest recoveries, with their seeds.
	WorstUs              int64
	WorstSeed            uint64
	WorstViewChanges     int
	WorstViewChangesSeed uint64
	Counts               Counts
	// Failed are the results with violations, in order of seeds.
	Failed []*Result
}

// failedMax bounds the failures that RunMany keeps before it stops.
const failedMax = 10

// RunMany plays count seeds from the given one on so many workers. progress, if
// not nil, is called with each result, in no particular order, one at a time.
// It stops early after failedMax failing seeds, or when progress returns false.
func RunMany(from uint64, count, workers int, opt Options, progress func(*Result) bool) (*Summary, error) {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		next  = from
		first error
		stop  bool
		s     = &Summary{}
	)
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if stop || next-from >= uint64(count) {
			return 0, false
		}
		next++
		return next - 1, true
	}
	report := func(r *Result, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			first, stop = err, true
			return
		}
		s.add(r)
		if len(s.Failed) >= failedMax || progress != nil && !progress(r) {
			stop = true
		}
	}
	for range workers {
		wg.Go(func() {
			for {
				seed, ok := take()
				if !ok {
					return
				}
				report(Run(seed, opt))
			}
		})
	}
	wg.Wait()
	return s, first
}

func (s *Summary) add(r *Result) {
	s.Seeds++
	s.Decided += r.Decided
	s.VirtualUs += r.VirtualUs
	s.Counts.add(&r.Counts)
	if r.LivenessUs > s.WorstUs {
		s.WorstUs, s.WorstSeed = r.LivenessUs, r.Seed
	}
	if r.ViewChanges > s.WorstViewChanges {
		s.WorstViewChanges, s.WorstViewChangesSeed = r.ViewChanges, r.Seed
	}
	if len(r.Violations) == 0 {
		return
	}
	s.Failed = append(s.Failed, r)
	for i := len(s.Failed) - 1; i > 0 && s.Failed[i].Seed < s.Failed[i-1].Seed; i-- {
		s.Failed[i], s.Failed[i-1] = s.Failed[i-1], s.Failed[i]
	}
}
