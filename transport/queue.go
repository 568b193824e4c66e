package transport

import (
	"sync"
	"time"
)

// outgoing is a frame on its way, or a control frame if kind is set.
type outgoing struct {
	frame []byte
	due   time.Time // not to be written before; zero for at once
	kind  uint8
	value uint64
}

// sendQueue holds the frames of one connection between Send and the writer. What
// the writer has taken counts against the limits until it is released. Control
// frames do not count; the session keeps at most one of each kind in it.
type sendQueue struct {
	limits LaneLimits
	wake   chan struct{} // holds a token if items may be waiting

	mu     sync.Mutex // guards all below
	items  []outgoing
	frames int
	bytes  int
	closed bool
}

func newSendQueue(limits LaneLimits) *sendQueue {
	return &sendQueue{limits: limits, wake: make(chan struct{}, 1)}
}

// put adds a frame, or says why it cannot.
func (q *sendQueue) put(out outgoing) (Drop, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return DropDown, false
	}
	if out.kind == 0 {
		if q.frames >= q.limits.QueueFramesMax || q.bytes+len(out.frame) > q.limits.QueueBytesMax {
			return DropFull, false
		}
		q.frames++
		q.bytes += len(out.frame)
	}
	q.items = append(q.items, out)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return 0, true
}

// take moves everything waiting to the caller, who gives an empty slice to go on
// with.
func (q *sendQueue) take(empty []outgoing) []outgoing {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.items
	q.items = empty
	return taken
}

// release gives back the room of frames taken before.
func (q *sendQueue) release(frames, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames -= frames
	q.bytes -= bytes
}

// close refuses further frames and returns how many were never released.
func (q *sendQueue) close() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.items = nil
	return q.frames
}

// load returns the frames and bytes that count against the limits.
func (q *sendQueue) load() (frames, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.frames, q.bytes
}
