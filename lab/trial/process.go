package trial

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/scrip-network/scrip/bench"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
)

// process runs one cell with real processes.
func (l *lab) process(ctx context.Context, j *job) (run *results.Run, err error) {
	load, err := l.offered(j)
	if err != nil {
		return nil, err
	}
	s, stop, err := l.start(ctx, j)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	m := &measurement{
		job: j, load: load, system: s, down: make(map[int]bool), run: &results.Run{Counters: results.Counters{}},
	}
	if m.all, err = client.New(s.Dev().Genesis.Raw, s.URLs()); err != nil {
		return nil, err
	}
	if err := m.measure(ctx); err != nil {
		return nil, err
	}
	return m.run, nil
}

// measurement is one run of processes under load.
type measurement struct {
	job    *job
	load   scenarios.Load
	system system
	all    *client.Client // of all members
	run    *results.Run

	began  chan struct{} // closed when the measurement begins
	prover *prover
	// before and after are what members said about stages at its ends.
	before, after []stageSums
	// sent and dropped are of the lines' router at its begin.
	sent    []int64
	dropped int64

	mu   sync.Mutex // guards all below
	lost time.Duration
	down map[int]bool
	errs []error
}

func (m *measurement) measure(ctx context.Context) error {
	p := m.job.part
	load := m.load
	spared, err := m.crashFirst(ctx)
	if err != nil {
		return err
	}
	cfg := bench.Config{Nodes: m.doors(spared), Workload: bench.Workload(p.Workload), Rate: float64(load.PerSecond),
		Duration: seconds(p.DurationS), Warmup: max(seconds(p.WarmupS), time.Millisecond), Observe: m.observe,
		CPU:     func() (time.Duration, error) { return m.atBothEnds(ctx) },
		Coupons: coupons(load), RateMax: closedRateMax}
	if load.InFlight > 0 {
		cfg.InFlight = load.InFlight
	}
	if p.Workload == scenarios.Flash {
		cfg.Stock, cfg.FlashAfter, cfg.FlashFor = p.Stock, seconds(p.FlashAfterS), seconds(p.FlashForS)
	}
	cfg.SignAs(m.system.Dev())
	m.began = make(chan struct{})
	m.prover = newProver(m.all)
	working, cancel := context.WithCancel(ctx)
	var g sync.WaitGroup
	g.Go(func() { m.prover.run(working) })
	g.Go(func() { m.faults(working) })
	report, err := bench.Run(ctx, cfg)
	m.prover.finish()
	cancel()
	g.Wait()
	if err := errors.Join(append(m.errs, err)...); err != nil {
		return err
	}
	m.finish(report)
	return m.compare(ctx, report)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// crashFirst crashes what a case has down from the start, and returns the members
// that it will crash later: clients do not talk to them, as their own retries would
// lead them elsewhere.
func (m *measurement) crashFirst(ctx context.Context) (spared []int, err error) {
	for _, f := range m.job.part.CaseOf(m.job.cell.Case).Faults {
		member := f.Member
		if f.Kind == "crash-primary" {
			if member, err = m.primary(ctx); err != nil {
				return nil, err
			}
		}
		spared = append(spared, member)
		if f.AtS < 0 && f.Kind != "restart" {
			if err := m.kill(member); err != nil {
				return nil, err
			}
		}
	}
	return spared, nil
}

// doors are the addresses that the load is spread over.
func (m *measurement) doors(spared []int) (urls []string) {
	for i, url := range m.system.URLs() {
		if !slices.Contains(spared, i) {
			urls = append(urls, url)
		}
	}
	return urls
}

// primary asks the members who leads.
func (m *measurement) primary(ctx context.Context) (int, error) {
	var last error
	for i := range m.system.URLs() {
		if m.isDown(i) {
			continue
		}
		s, err := m.all.Status(ctx, i)
		if err == nil {
			return int(s.Primary), nil
		}
		last = err
	}
	return 0, fmt.Errorf("find the primary: %w", last)
}

func (m *measurement) isDown(i int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.down[i]
}

// kill ends a member and keeps its processor time for the sum.
func (m *measurement) kill(member int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, err := m.system.CPUTime()
	if err != nil {
		return err
	}
	if err := m.system.Kill(member); err != nil {
		return err
	}
	m.down[member] = true
	if after, err := m.system.CPUTime(); err == nil && after < before {
		m.lost += before - after
	}
	return nil
}

// atBothEnds is called at the begin and at the end of the measurement. What it asks
// of the members costs them little, and that is not in their processor time.
func (m *measurement) atBothEnds(ctx context.Context) (time.Duration, error) {
	if m.before == nil {
		close(m.began)
		m.before = m.scrape(ctx)
		m.sent, m.dropped = m.system.sent()
		return m.cpu()
	}
	d, err := m.cpu()
	m.countLines()
	m.after = m.scrape(ctx)
	return d, err
}

// countLines counts what went over the lines of a router in the measurement.
func (m *measurement) countLines() {
	sent, dropped := m.system.sent()
	most := int64(0)
	for i := range min(len(sent), len(m.sent)) {
		most = max(most, sent[i]-m.sent[i])
	}
	if len(sent) > 0 {
		m.run.Counters[results.CounterEgressMax] = float64(most)
		m.run.Counters["router_dropped"] = float64(dropped - m.dropped)
	}
}

// cpu is the processor time of all members until now.
func (m *measurement) cpu() (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.system.CPUTime()
	return d + m.lost, err
}

// faults lets happen what the case says.
func (m *measurement) faults(ctx context.Context) {
	select {
	case <-m.began:
	case <-ctx.Done():
		return
	}
	begin := time.Now()
	all := slices.Clone(m.job.part.CaseOf(m.job.cell.Case).Faults)
	slices.SortStableFunc(all, func(a, b scenarios.Fault) int { return int(1e6 * (a.AtS - b.AtS)) })
	for _, f := range all {
		if f.AtS < 0 {
			continue
		}
		select {
		case <-time.After(time.Until(begin.Add(seconds(f.AtS)))):
		case <-ctx.Done():
			return
		}
		if err := m.cause(ctx, f); err != nil {
			m.errs = append(m.errs, fmt.Errorf("cause %s: %w", f.Kind, err))
			return
		}
	}
}

func (m *measurement) cause(ctx context.Context, f scenarios.Fault) (err error) {
	switch f.Kind {
	case "restart":
		m.mu.Lock()
		defer m.mu.Unlock()
		m.down[f.Member] = false
		return m.system.StartOne(f.Member)
	case "crash-primary":
		if f.Member, err = m.primary(ctx); err != nil {
			return err
		}
	}
	return m.kill(f.Member)
}

// proofEvery is how many accepted transactions there are to one whose proof is
// fetched and checked, as a till does; all would measure the client.
const proofEvery = 50

// observe keeps a sample.
func (m *measurement) observe(s bench.Sample) {
	at := func(d time.Duration) int64 { return d.Microseconds() }
	out := results.Sample{DueUs: at(s.Due), SentUs: at(s.Sent), AnsweredUs: at(s.Answered), ProofUs: results.None,
		Node: int64(s.Node), Kind: s.Kind.String(), Code: s.Code}
	switch s.Code {
	case coupon.OK.String():
		out.Code = results.CodeOK
	case "":
		out.AnsweredUs = results.None
	case bench.CodeLate:
		out.SentUs, out.AnsweredUs = results.None, results.None
	}
	for i := range out.Phases {
		out.Phases[i] = results.None
	}
	m.run.Samples = append(m.run.Samples, out)
	if n := len(m.run.Samples); out.Code == results.CodeOK && n%proofEvery == 0 {
		m.prover.ask(n-1, s.Tx, time.Now().Add(-s.Answered))
	}
}

// finish fills in the totals.
func (m *measurement) finish(r *bench.Report) {
	c := m.run.Counters
	c[results.CounterWindowUs] = float64(seconds(m.job.part.DurationS).Microseconds())
	c[results.CounterCPUUs] = math.Round(r.CPUMicrosPerTx * float64(r.Committed))
	for sample, at := range m.prover.checked {
		m.run.Samples[sample].ProofUs = at.Microseconds()
	}
	c["proofs_failed"] = float64(m.prover.failed)
	addStages(c, m.before, m.after)
}

// compareTimeout bounds what is asked after the load.
const compareTimeout = 30 * time.Second

// compare asks, after the load, whether all members that run have the same blocks,
// and how many coupons a sale has issued by proven state.
func (m *measurement) compare(ctx context.Context, r *bench.Report) error {
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	c := m.run.Counters
	if m.job.part.Workload == scenarios.Flash {
		g, err := m.all.Campaign(ctx, r.Campaign)
		if err != nil {
			return fmt.Errorf("ask what was issued: %w", err)
		}
		// What the load passes on was claimed before.
		c[results.CounterIssued] = float64(int(g.Issued) - coupons(m.load))
		c[results.CounterStock] = float64(m.job.part.Stock)
	}
	low := uint64(0)
	var one []*client.Client
	for i, url := range m.system.URLs() {
		if m.isDown(i) {
			continue
		}
		a, err := client.New(m.system.Dev().Genesis.Raw, []string{url})
		if err != nil {
			return err
		}
		s, err := a.Status(ctx, 0)
		if err != nil {
			return fmt.Errorf("compare the members: %w", err)
		}
		// The newest block has its certificate a little later.
		if h := uint64(min(s.Height, s.Certified)); len(one) == 0 || h < low {
			low = h
		}
		one = append(one, a)
	}
	if low == 0 {
		return nil // nothing to compare yet
	}
	var first [32]byte
	c[results.CounterDiverged] = 0
	for i, a := range one {
		b, err := a.Block(ctx, low)
		if err != nil {
			return fmt.Errorf("compare the members: %w", err)
		}
		if i == 0 {
			first = b.Digest
		} else if b.Digest != first {
			c[results.CounterDiverged] = 1
		}
	}
	return nil
}
