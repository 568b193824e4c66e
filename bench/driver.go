package bench

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Latencies are recorded in microseconds with three digits.
const (
	latencyMicrosMax = 120_000_000
	latencyDigits    = 3
)

// tick is the time between two looks at what is due in an open load.
const tick = 2 * time.Millisecond

// closedBatch is how many transactions a worker of a closed load hands in at once.
const closedBatch = 128

// job is a transaction on its way.
type job struct {
	lane *lane
	due  time.Time
	sent time.Time
}

// stream is transactions that fall due one after the other.
type stream struct {
	pattern  []Kind
	first    time.Time
	end      time.Time // nothing is due from then on
	interval time.Duration
	most     int // that fall due; 0 = no bound

	n       int         // that were due
	waiting []time.Time // due, and not sent
	place   []int       // in the pattern, by node
}

// driver sends lanes and records what comes back.
type driver struct {
	cfg    *Config
	sender *sender

	mu        sync.Mutex // guards all below
	ready     [][kinds][]*lane
	closedMix *stream // of a closed load: the places in its pattern
	answered  *sync.Cond

	start, end time.Time // of the measurement
	onTheWay   int
	committed  int
	failed     int
	late       int
	firstErr   string
	byCode     map[string]int
	latency    *hdrhistogram.Histogram
	cpuBegin   time.Duration
	cpuEnd     time.Duration
	cpuErr     error
}

func newDriver(cfg *Config, s *sender, lanes []*lane) *driver {
	d := &driver{cfg: cfg, sender: s, ready: make([][kinds][]*lane, len(cfg.Nodes)),
		byCode: make(map[string]int), latency: hdrhistogram.New(1, latencyMicrosMax, latencyDigits)}
	d.answered = sync.NewCond(&d.mu)
	for _, l := range lanes {
		q := &d.ready[l.node][l.kind]
		*q = append(*q, l)
	}
	d.closedMix = d.newStream(d.pattern())
	return d
}

func (d *driver) newStream(pattern []Kind) *stream {
	return &stream{pattern: pattern, place: make([]int, len(d.cfg.Nodes))}
}

// pattern is the order of kinds of the load that goes on all the time.
func (d *driver) pattern() []Kind {
	if d.cfg.Workload == Mix {
		return mixPattern
	}
	return []Kind{kindTransfer}
}

// streams are what an open load consists of.
func (d *driver) streams(begin time.Time) []*stream {
	all := d.newStream(d.pattern())
	all.first, all.end, all.interval = begin, d.end, time.Duration(float64(time.Second)/d.cfg.Rate)
	if d.cfg.Workload != Flash {
		return []*stream{all}
	}
	flash := d.newStream([]Kind{kindClaim})
	flash.first = d.start.Add(d.cfg.FlashAfter)
	flash.end, flash.most = flash.first.Add(d.cfg.FlashFor), 2*d.cfg.Stock
	flash.interval = d.cfg.FlashFor / time.Duration(flash.most)
	return []*stream{all, flash}
}

// run drives warm-up and measurement and waits for what is on its way.
func (d *driver) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := time.Now()
	d.start = begin.Add(d.cfg.Warmup)
	d.end = d.start.Add(d.cfg.Duration)
	var g sync.WaitGroup
	g.Go(func() { d.watch(ctx) })
	if d.cfg.Rate > 0 {
		d.open(ctx, &g, begin)
	} else {
		d.closed(ctx, &g)
	}
	stop := context.AfterFunc(ctx, func() {})
	defer stop()
	drained := time.AfterFunc(time.Until(d.end.Add(drainTimeout)), cancel)
	defer drained.Stop()
	g.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.committed == 0 && ctx.Err() != nil && time.Now().Before(d.end) {
		return context.Cause(ctx)
	}
	return nil
}

// watch reads the CPU time at both ends of the measurement and tells the progress.
func (d *driver) watch(ctx context.Context) {
	cpu := func() time.Duration {
		if d.cfg.CPU == nil {
			return 0
		}
		t, err := d.cfg.CPU()
		if err != nil {
			d.cpuErr = err
		}
		return t
	}
	if !sleepUntil(ctx, d.start) {
		return
	}
	d.cpuBegin = cpu()
	for now := time.Now(); now.Before(d.end); now = time.Now() {
		d.cfg.progress("measuring", int(now.Sub(d.start)/time.Second), int(d.cfg.Duration/time.Second))
		if !sleepUntil(ctx, minTime(d.end, now.Add(200*time.Millisecond))) {
			return
		}
	}
	d.cpuEnd = cpu()
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sleepUntil reports whether the time came before ctx ended.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// open sends what is due, whatever has come back.
func (d *driver) open(ctx context.Context, g *sync.WaitGroup, begin time.Time) {
	streams := d.streams(begin)
	for node := 0; ; node = (node + 1) % len(d.cfg.Nodes) {
		now := time.Now()
		if now.After(d.end) || ctx.Err() != nil {
			break
		}
		for _, s := range streams {
			s.fallDue(now)
			jobs := d.take(node, s, min(len(s.waiting), batchTxsMax))
			for i := range jobs {
				jobs[i].due, jobs[i].sent = s.waiting[i], now
			}
			s.waiting = s.waiting[len(jobs):]
			if len(jobs) > 0 {
				g.Go(func() { d.send(ctx, node, jobs) })
			}
		}
		time.Sleep(tick)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range streams {
		d.late += len(s.waiting)
		for _, due := range s.waiting {
			d.observe(Sample{Due: due.Sub(d.start), Kind: s.pattern[0], Code: CodeLate})
		}
	}
}

// fallDue lets wait what is due by now.
func (s *stream) fallDue(now time.Time) {
	for s.most == 0 || s.n < s.most {
		due := s.first.Add(time.Duration(s.n) * s.interval)
		if due.After(now) || !due.Before(s.end) {
			return
		}
		s.waiting = append(s.waiting, due)
		s.n++
	}
}

// observe passes a sample on; d.mu is held.
func (d *driver) observe(s Sample) {
	if d.cfg.Observe != nil {
		d.cfg.Observe(s)
	}
}

// sample describes a job with its outcome.
func (d *driver) sample(j *job, code string, now time.Time) Sample {
	return Sample{Due: j.due.Sub(d.start), Sent: j.sent.Sub(d.start), Answered: now.Sub(d.start), Node: j.lane.node,
		Kind: j.lane.kind, Code: code, Tx: j.lane.txs[0]}
}

// closed keeps a fixed number on its way until the end.
func (d *driver) closed(ctx context.Context, g *sync.WaitGroup) {
	workers := max(1, d.cfg.InFlight/closedBatch)
	size := min(closedBatch, d.cfg.InFlight)
	for i := range workers {
		node := i % len(d.cfg.Nodes)
		g.Go(func() {
			for time.Now().Before(d.end) && ctx.Err() == nil {
				jobs := d.take(node, d.closedMix, size)
				if len(jobs) == 0 {
					if !sleepUntil(ctx, time.Now().Add(tick)) {
						return
					}
					continue
				}
				now := time.Now()
				for i := range jobs {
					jobs[i].due, jobs[i].sent = now, now
				}
				d.send(ctx, node, jobs)
			}
		})
	}
}

// take removes up to n lanes of a node that are ready, in the order of a stream.
func (d *driver) take(node int, s *stream, n int) (jobs []job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(jobs) < n {
		q := &d.ready[node][s.pattern[s.place[node]%len(s.pattern)]]
		if len(*q) == 0 {
			break
		}
		jobs = append(jobs, job{lane: (*q)[0]})
		*q = (*q)[1:]
		s.place[node]++
	}
	d.onTheWay += len(jobs)
	return jobs
}

// send hands jobs to a node and records their outcomes.
func (d *driver) send(ctx context.Context, node int, jobs []job) {
	txs := make([][]byte, len(jobs))
	for i, j := range jobs {
		txs[i] = j.lane.txs[0]
	}
	open, known := len(jobs), make([]bool, len(jobs))
	err := d.sender.post(ctx, node, txs, func(i int, code string) {
		if known[i] {
			return // a node that answers twice is heard once
		}
		open, known[i] = open-1, true
		d.record(&jobs[i], code, time.Now())
	})
	if err == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onTheWay -= open
	d.failed += open
	for i, now := 0, time.Now(); i < len(jobs); i++ {
		if !known[i] {
			d.observe(d.sample(&jobs[i], "", now))
		}
	}
	if d.firstErr == "" {
		d.firstErr = err.Error()
	}
}

// busy reports whether a code says that a node had no room.
func busy(code string) bool { return code == coupon.Overloaded.String() }

// record counts an outcome, and makes the lane ready for its next transaction.
func (d *driver) record(j *job, code string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onTheWay--
	if code == client.StatePending { // the node stopped waiting: there is no outcome
		d.failed++
		d.observe(d.sample(j, "", now))
		return
	}
	d.observe(d.sample(j, code, now))
	ok := code == okCode
	if !now.Before(d.start) && now.Before(d.end) && ok {
		d.committed++
	}
	if !j.due.Before(d.start) && j.due.Before(d.end) {
		if ok {
			_ = d.latency.RecordValue(max(1, min(now.Sub(j.due).Microseconds(), latencyMicrosMax)))
		} else {
			d.byCode[code]++
		}
	}
	if ok {
		j.lane.txs = j.lane.txs[1:]
	}
	if len(j.lane.txs) > 0 && (ok || busy(code)) {
		q := &d.ready[j.lane.node][j.lane.kind]
		*q = append(*q, j.lane)
	}
}

// report fills in what was measured.
func (d *driver) report(r *Report) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.DurationS = d.cfg.Duration.Seconds()
	r.Committed = d.committed
	r.CommittedPerSecond = float64(d.committed) / r.DurationS
	ms := func(quantile float64) float64 { return float64(d.latency.ValueAtQuantile(quantile)) / 1000 }
	r.LatencyMs = Latency{ms(50), ms(90), ms(99), ms(99.9), float64(d.latency.Max()) / 1000}
	for code, n := range d.byCode {
		r.ByCode[code] = n
		r.Refused += n
	}
	r.Errors, r.FirstError, r.Late = d.failed, d.firstErr, d.late
	if d.cfg.CPU != nil && d.cpuErr == nil && d.committed > 0 {
		r.CPUMicrosPerTx = float64((d.cpuEnd - d.cpuBegin).Microseconds()) / float64(d.committed)
	}
	return d.cpuErr
}
