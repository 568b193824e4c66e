package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Memory connects members within one process, under the contract of Network:
// bounded queues, order within a lane, drops while a member does not run. Safe
// for concurrent use.
type Memory struct {
	limits  Limits
	shape   Shape
	members map[uint16]*atomic.Pointer[Endpoint] // not written to after NewMemory; nil while down
}

// Endpoint is one member's end of a Memory. Safe for concurrent use.
type Endpoint struct {
	memory  *Memory
	self    uint16
	handler Handler
	queues  map[uint16]*[Lanes]*sendQueue // what others send us; not written to after Join
	arrived map[uint16]*[Lanes]progress   // not written to after Join
	started atomic.Bool
	ended   chan struct{} // closed when Run begins to end
	dropped [dropCount]atomic.Uint64
}

// NewMemory returns a network of the given members. limits bounds the queues and
// frames (other fields have no effect); shape may be nil.
func NewMemory(members []uint16, limits Limits, shape Shape) (*Memory, error) {
	if err := limits.fill(len(members)); err != nil {
		return nil, fmt.Errorf("make memory network: %w", err)
	}
	m := &Memory{limits: limits, shape: shape, members: make(map[uint16]*atomic.Pointer[Endpoint])}
	for _, id := range members {
		m.members[id] = new(atomic.Pointer[Endpoint])
	}
	return m, nil
}

// Join returns an end for member self. A member whose Run has ended may join
// again.
func (m *Memory) Join(self uint16, handler Handler) (*Endpoint, error) {
	if m.members[self] == nil {
		return nil, fmt.Errorf("join memory network: %d is no member", self)
	}
	if handler == nil {
		return nil, errors.New("join memory network: no handler")
	}
	e := &Endpoint{
		memory: m, self: self, handler: handler,
		queues: make(map[uint16]*[Lanes]*sendQueue), ended: make(chan struct{}),
		arrived: make(map[uint16]*[Lanes]progress),
	}
	for id := range m.members {
		if id != self {
			e.arrived[id] = new([Lanes]progress)
			e.queues[id] = &[Lanes]*sendQueue{newSendQueue(m.limits.Votes), newSendQueue(m.limits.Bulk)}
		}
	}
	return e, nil
}

// Send implements Network.
func (e *Endpoint) Send(to uint16, lane Lane, frame []byte) bool {
	slot := e.memory.members[to]
	if slot == nil || to == e.self || lane >= Lanes {
		return e.drop(DropDown)
	}
	if limits := e.memory.limits.lane(lane); len(frame) == 0 || len(frame) > limits.FrameBytesMax {
		return e.drop(DropSize)
	}
	peer := slot.Load()
	if peer == nil || e.memory.members[e.self].Load() != e { // either end is down
		return e.drop(DropDown)
	}
	// The receiver owns its slice, and the sender may send its own to others.
	out := outgoing{frame: slices.Clone(frame)}
	if e.memory.shape != nil {
		delay, lost := e.memory.shape(to, lane, len(frame))
		if lost {
			return e.drop(DropShaped)
		}
		out.due = time.Now().Add(delay)
		peer.arrived[e.self][lane].delayNanos.Store(int64(delay))
	}
	if cause, ok := peer.queues[e.self][lane].put(out); !ok {
		return e.drop(cause)
	}
	return true
}

// Queued implements Network.
func (e *Endpoint) Queued(to uint16, lane Lane) int {
	slot := e.memory.members[to]
	if slot == nil || to == e.self || lane >= Lanes {
		return 0
	}
	peer := slot.Load()
	if peer == nil {
		return 0
	}
	_, bytes := peer.queues[e.self][lane].load()
	return bytes
}

// progress is what came from a member on a lane, and how long its last frame travelled.
type progress struct {
	bytes      atomic.Uint64
	delayNanos atomic.Int64
}

// Progress implements Network. Frames arrive whole, and a round trip is taken for twice
// the way of the last one.
func (e *Endpoint) Progress(from uint16, lane Lane) Progress {
	if e.arrived[from] == nil || lane >= Lanes {
		return Progress{}
	}
	p := &e.arrived[from][lane]
	return Progress{p.bytes.Load(), 2 * time.Duration(p.delayNanos.Load())}
}

func (e *Endpoint) drop(cause Drop) bool {
	e.dropped[cause].Add(1)
	return false
}

// Dropped returns how many frames Send dropped, by Drop.
func (e *Endpoint) Dropped() [dropCount]uint64 {
	var all [dropCount]uint64
	for i := range all {
		all[i] = e.dropped[i].Load()
	}
	return all
}

// Run implements Network. It returns an error if it ran before, or if another
// end of the same member is running.
func (e *Endpoint) Run(ctx context.Context) error {
	slot := e.memory.members[e.self]
	if e.started.Swap(true) {
		return errors.New("run memory network: it ran before")
	}
	if !slot.CompareAndSwap(nil, e) {
		return fmt.Errorf("run memory network: member %d is running", e.self)
	}
	var g sync.WaitGroup
	for from, lanes := range e.queues {
		for lane, q := range lanes {
			g.Go(func() { e.deliver(from, Lane(lane), q) })
		}
	}
	<-ctx.Done()
	close(e.ended)
	for _, lanes := range e.queues {
		for _, q := range lanes {
			e.dropped[DropLost].Add(uint64(q.close()))
		}
	}
	g.Wait()
	slot.Store(nil)
	return nil
}

// deliver hands the frames of one lane to the handler.
func (e *Endpoint) deliver(from uint16, lane Lane, q *sendQueue) {
	var batch []outgoing
	for {
		select {
		case <-e.ended:
			return
		case <-q.wake:
		}
		for batch = q.take(batch[:0]); len(batch) > 0; batch = q.take(batch[:0]) {
			for i := range batch {
				if !e.arrive(batch[i].due) {
					return
				}
				q.release(1, len(batch[i].frame))
				e.arrived[from][lane].bytes.Add(uint64(len(batch[i].frame)))
				e.handler(from, lane, batch[i].frame)
			}
			clear(batch)
		}
	}
}

// arrive waits until due and reports whether the member still runs.
func (e *Endpoint) arrive(due time.Time) bool {
	if pause := time.Until(due); !due.IsZero() && pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-e.ended:
		}
	}
	select {
	case <-e.ended:
		return false
	default:
		return true
	}
}

var (
	_ Network = (*Transport)(nil)
	_ Network = (*Endpoint)(nil)
)
