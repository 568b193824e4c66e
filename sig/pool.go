package sig

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

const (
	// DefaultPoolSignatures is the number of waiting signatures that NewPool
	// takes for 0: half a second of work for one core.
	DefaultPoolSignatures = 32768

	// shareMin is the smallest part of a backlog that a worker leaves to an
	// idle one: below it the batch saves less than the hand-over costs.
	shareMin = 64

	// bulkHold is how long bulk signatures wait for company while there is much
	// to check, and bulkEnough how many of them do not wait: a large batch costs
	// half of what its signatures would in small ones.
	bulkHold   = 4 * time.Millisecond
	bulkEnough = 256
	// bulkBusy is a batch that tells that there is much to check.
	bulkBusy = 16

	// bulkTurn is how often a worker serves bulk jobs first although urgent
	// ones wait, so that a flood of urgent jobs slows bulk down but cannot
	// stop it.
	bulkTurn = 4
)

// Class says how urgent a job is.
type Class uint8

// The classes of jobs.
const (
	// Urgent jobs are served before bulk ones and never share their batches: a
	// replica's own messages, where one batch of delay is seen by everyone.
	Urgent Class = iota
	// Bulk jobs are everything else: transactions, blocks to catch up with.
	Bulk

	classes = 2
)

// Errors of a Pool, compared with errors.Is.
var (
	// ErrPoolFull says that the pool holds as many signatures as it may.
	ErrPoolFull = errors.New("sig: pool is full")
	// ErrPoolStopped says that the pool's Run has returned or is returning.
	ErrPoolStopped = errors.New("sig: pool is stopped")
)

// Pool checks many small jobs by joining those that wait into batches. A job
// that finds a worker idle starts at once, and batches form from what arrives
// while all workers are busy. Only if the last bulk batch was one of many does the
// next one wait a moment to grow. Safe for concurrent use.
type Pool struct {
	verifier   *Verifier
	workers    int
	maxWaiting int

	mu       sync.Mutex // guards all below
	wake     *sync.Cond // a job was added or the pool stopped
	queues   [classes]jobQueue
	waiting  int         // signatures in all queues
	idle     int         // workers in wake.Wait
	busy     bool        // the last bulk batch was one of many
	since    time.Time   // when the bulk queue began to wait
	hold     *time.Timer // wakes the workers when it has waited long enough
	started  bool
	stopped  bool
	accepted [classes]uint64
	refused  uint64
}

// job is what one Submit brought. Its items may be checked in several parts by
// several workers; the worker that finishes the last part calls done.
type job struct {
	items []Item
	ok    []bool
	taken int // items handed to workers; guarded by Pool.mu
	left  int // items without a verdict; guarded by Pool.mu
	done  func(ok []bool)
}

// part is a run of one job's items within a batch.
type part struct {
	job      *job
	from, to int
}

// jobQueue is a first-in first-out queue of jobs.
type jobQueue struct {
	jobs       []*job
	signatures int // not yet handed to workers
}

// NewPool returns a pool that checks with v on workers goroutines (0 stands for
// GOMAXPROCS) and holds at most maxWaiting signatures not yet begun (0 stands
// for DefaultPoolSignatures). It works while Run runs.
func NewPool(v *Verifier, workers, maxWaiting int) *Pool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if maxWaiting <= 0 {
		maxWaiting = DefaultPoolSignatures
	}
	p := &Pool{verifier: v, workers: workers, maxWaiting: maxWaiting}
	p.wake = sync.NewCond(&p.mu)
	p.hold = time.AfterFunc(time.Hour, p.wake.Broadcast)
	return p
}

// Run works until ctx ends, then lets begun batches finish, gives up waiting
// jobs and returns nil once every worker has ended. It must be called once.
func (p *Pool) Run(ctx context.Context) error {
	p.mu.Lock()
	if p.started {
		p.mu.Unlock()
		return errors.New("run signature pool: it ran before")
	}
	p.started = true
	p.mu.Unlock()

	defer context.AfterFunc(ctx, p.stop)()
	var workers sync.WaitGroup
	for range p.workers {
		workers.Go(p.work)
	}
	workers.Wait()
	return nil
}

// Submit hands in a job without blocking. If it returns nil, done will be
// called exactly once, from a goroutine of the pool, with the verdict of every
// item, or with nil if the pool stopped before the job was finished. done must
// be quick and owns the slice. items must stay unchanged until then. A job larger
// than the whole pool is accepted only by a pool with nothing waiting. Otherwise
// Submit returns ErrPoolFull or ErrPoolStopped, or an error for a job without
// items.
func (p *Pool) Submit(class Class, items []Item, done func(ok []bool)) error {
	if class >= classes || len(items) == 0 {
		return fmt.Errorf("submit signatures: class %d, %d items", class, len(items))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return ErrPoolStopped
	case p.waiting > 0 && p.waiting+len(items) > p.maxWaiting:
		p.refused++
		return ErrPoolFull
	}
	j := &job{items: items, ok: make([]bool, len(items)), left: len(items), done: done}
	if class == Bulk && p.queues[Bulk].empty() {
		p.since = time.Now()
	}
	p.queues[class].push(j)
	p.waiting += len(items)
	p.accepted[class]++
	if len(items) > shareMin {
		p.wake.Broadcast()
	} else {
		p.wake.Signal()
	}
	return nil
}

// Verify hands in a job and waits: it reports whether every item verifies (no
// items verify trivially). Besides the errors of Submit it returns ctx's error,
// wrapped, if ctx ends first; the items must stay unchanged even then.
func (p *Pool) Verify(ctx context.Context, class Class, items []Item) (bool, error) {
	if len(items) == 0 {
		return true, nil
	}
	verdict := make(chan []bool, 1)
	if err := p.Submit(class, items, func(ok []bool) { verdict <- ok }); err != nil {
		return false, err
	}
	select {
	case ok := <-verdict:
		if ok == nil {
			return false, ErrPoolStopped
		}
		for _, good := range ok {
			if !good {
				return false, nil
			}
		}
		return true, nil
	case <-ctx.Done():
		return false, fmt.Errorf("wait for %d signatures: %w", len(items), ctx.Err())
	}
}

// PoolStats is a snapshot of a pool.
type PoolStats struct {
	Waiting        int    // signatures not yet begun
	Urgent, Bulk   uint64 // jobs accepted
	Refused        uint64 // jobs refused because the pool was full
	CachedKeyCount int    // expanded keys held
}

// Stats returns a snapshot.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStats{
		Waiting: p.waiting, Urgent: p.accepted[Urgent], Bulk: p.accepted[Bulk],
		Refused: p.refused, CachedKeyCount: p.verifier.cache.size(),
	}
}

func (p *Pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.hold.Stop()
	p.wake.Broadcast()
}

// work is one worker. It keeps its buffers from batch to batch.
func (p *Pool) work() {
	var (
		parts    []part
		items    []Item
		verdicts [BatchMax]bool
		finished []*job
	)
	for turn := 1; ; turn++ {
		var running bool
		if parts, running = p.take(parts[:0], turn); !running {
			break
		}
		items = items[:0]
		for _, part := range parts {
			items = append(items, part.job.items[part.from:part.to]...)
		}
		p.verifier.Check(items, verdicts[:len(items)])
		finished = p.settle(finished[:0], parts, verdicts[:len(items)])
		for _, j := range finished {
			j.done(j.ok)
		}
		clear(items) // hold nothing of the callers' while idle
		clear(parts)
		clear(finished)
	}
	for _, j := range p.abandon() {
		j.done(nil)
	}
}

// take waits for work and returns the parts of the next batch, or false once
// the pool has stopped.
func (p *Pool) take(parts []part, turn int) ([]part, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && p.queues[Urgent].empty() && !p.bulkReady() {
		p.idle++
		p.wake.Wait()
		p.idle--
	}
	if p.stopped {
		return parts, false
	}
	q := &p.queues[Urgent]
	if q.empty() || (turn%bulkTurn == 0 && !p.queues[Bulk].empty()) {
		q = &p.queues[Bulk]
	}
	limit := BatchMax
	if q == &p.queues[Urgent] || !p.busy {
		// With other workers idle the backlog is shared evenly among all of them.
		limit = min(limit, max(shareMin, (q.signatures+p.idle)/(p.idle+1)))
	}
	before := q.signatures
	parts = q.take(parts, limit)
	taken := before - q.signatures
	p.waiting -= taken
	if q == &p.queues[Bulk] {
		p.busy, p.since = taken >= bulkBusy, time.Now()
	}
	return parts, true
}

// bulkReady reports whether a bulk batch should be taken now; if it should wait,
// the workers are woken in time.
func (p *Pool) bulkReady() bool {
	q := &p.queues[Bulk]
	if q.empty() || !p.busy || q.signatures >= bulkEnough {
		return !q.empty()
	}
	wait := bulkHold - time.Since(p.since)
	if wait > 0 {
		p.hold.Reset(wait)
	}
	return wait <= 0
}

// settle records the verdicts of a batch and returns the jobs that it finished.
func (p *Pool) settle(finished []*job, parts []part, verdicts []bool) []*job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, part := range parts {
		n := part.to - part.from
		copy(part.job.ok[part.from:part.to], verdicts[:n])
		verdicts = verdicts[n:]
		part.job.left -= n
		if part.job.left == 0 {
			finished = append(finished, part.job)
		}
	}
	return finished
}

// abandon empties the queues of a stopped pool and returns the jobs in them. A
// job begun but not wholly taken is among them: nobody will take the rest, so
// left never reaches zero and settle never returns it too.
func (p *Pool) abandon() []*job {
	p.mu.Lock()
	defer p.mu.Unlock()
	var jobs []*job
	for c := range p.queues {
		jobs = append(jobs, p.queues[c].jobs...)
		p.queues[c] = jobQueue{}
	}
	p.waiting = 0
	return jobs
}

func (q *jobQueue) empty() bool { return len(q.jobs) == 0 }

func (q *jobQueue) push(j *job) {
	q.jobs = append(q.jobs, j)
	q.signatures += len(j.items)
}

// take removes up to limit items from the front.
func (q *jobQueue) take(parts []part, limit int) []part {
	taken := 0
	for len(q.jobs) > 0 && taken < limit {
		j := q.jobs[0]
		n := min(limit-taken, len(j.items)-j.taken)
		parts = append(parts, part{job: j, from: j.taken, to: j.taken + n})
		j.taken += n
		taken += n
		if j.taken < len(j.items) {
			break
		}
		q.jobs[0] = nil
		q.jobs = q.jobs[1:]
	}
	q.signatures -= taken
	return parts
}
