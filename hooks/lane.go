package hooks

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/scrip-network/scrip/client"
)

// Limits of a lane.
const (
	// sendersMax bounds the attempts of one endpoint at the same moment.
	sendersMax = 8
	// failuresMax is after how many failed attempts in a row an endpoint counts as away:
	// until one succeeds it gets one attempt at a time.
	failuresMax = 5
	// flushEvery is how often progress is noted. What a crash takes is delivered again.
	flushEvery = 200 * time.Millisecond
	// recoverWithin is patience.within of a service.
	recoverWithin = 5 * time.Second
	// recentMax bounds the deliveries of an endpoint that are shown after their end.
	recentMax = 100
	// endGrace is for how long attempts may go on once the process is asked to end.
	endGrace = 5 * time.Second
	// resendsMax bounds those that people have asked for and that wait.
	resendsMax = 256
)

// ErrBusy says that too many deliveries wait to be sent again.
var ErrBusy = errors.New("too many deliveries wait to be sent again")

// item is a delivery in memory.
type item struct {
	Delivery
	event   client.EventID
	order   string    // items of one order are delivered one after the other
	due     time.Time // of the next attempt
	message *Message  // nil: it is asked of the feed
	enabled int       // the lane's, when the last attempt began
	noted   bool      // as it is
	stands  bool      // in the table, in this form or an older one
	at      int       // in the heap; -1 = not in it
}

// result is what came of one attempt. err says that there was none.
type result struct {
	item *item
	outcome
	err error
}

// fetched is the answer to a question for a height.
type fetched struct {
	messages []Message
	err      error
}

// lane delivers to one endpoint. One goroutine owns it, that of run; recent alone has a
// lock of its own.
type lane struct {
	s        *Service
	id       string
	endpoint stored

	taken   client.EventID // from here on events are to be taken
	rest    []Message      // of the height of taken, to be taken
	asking  bool           // for the height of taken
	retryAt time.Time      // for a height that nodes did not give

	queues   map[string][]*item // by order, the head is due or under way
	events   map[client.EventID]*item
	due      dueHeap
	resends  int
	flying   int
	failures int // in a row
	dead     int
	enabled  int  // how often the endpoint was enabled again
	stopped  bool // it was disabled from here since

	changes progress
	dirty   bool

	results  chan result
	fetches  chan fetched
	commands chan command
	group    sync.WaitGroup

	mu     sync.Mutex // guards recent
	recent []Delivery // that were delivered, the oldest first
}

// command asks a lane to deliver an event again.
type command struct {
	message *Message
	done    chan error // has room for the answer
}

func newLane(s *Service, id string) *lane {
	return &lane{s: s, id: id, queues: make(map[string][]*item), events: make(map[client.EventID]*item),
		results: make(chan result, sendersMax), fetches: make(chan fetched, 1), commands: make(chan command)}
}

// load reads what was noted before.
func (l *lane) load() (err error) {
	if l.endpoint, err = l.s.book.endpoint(l.id); err != nil {
		return err
	}
	if l.taken, err = l.s.book.taken(&l.endpoint); err != nil {
		return err
	}
	waiting, err := l.s.book.deliveries(tablePending, l.id, 2*WindowMax)
	if err != nil {
		return err
	}
	for _, d := range waiting {
		e, err := client.ParseEventID(d.Event)
		if err != nil {
			return fmt.Errorf("a delivery of endpoint %s: %w", l.id, err)
		}
		x := &item{Delivery: *d, event: e, noted: true, stands: true, due: time.Now()}
		if d.Next != nil {
			x.due = time.UnixMilli(int64(d.Next.Ms))
		}
		l.add(x)
	}
	dead, err := l.s.book.deliveries(tableDead, l.id, DeadMax)
	l.dead = len(dead)
	return err
}

// add puts an item behind those of its order.
func (l *lane) add(x *item) {
	x.at, x.order = -1, x.Subject
	if x.Resent {
		x.order = "resent/" + x.Event
		l.resends++
	}
	l.events[x.event] = x
	q := append(l.queues[x.order], x)
	if l.queues[x.order] = q; len(q) == 1 {
		heap.Push(&l.due, x)
	}
	l.s.metrics.pending.Inc()
}

// drop takes an item, the head of its order, from the window; the next one is due then.
func (l *lane) drop(x *item) {
	delete(l.events, x.event)
	if x.Resent {
		l.resends--
	}
	q := l.queues[x.order][1:]
	if len(q) == 0 {
		delete(l.queues, x.order)
	} else {
		l.queues[x.order] = q
		heap.Push(&l.due, q[0])
	}
	l.s.metrics.pending.Dec()
}

// run delivers until ctx or the endpoint ends.
func (l *lane) run(ctx context.Context) error {
	if err := l.load(); err != nil {
		if errors.Is(err, ErrNoEndpoint) {
			return nil
		}
		return err
	}
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		cancel()
		l.group.Wait()
		l.s.metrics.pending.Sub(float64(len(l.events)))
	}()
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := l.s.book.Changed()
		var err error
		if l.endpoint, err = l.s.book.endpoint(l.id); err != nil {
			return nil // it was removed
		}
		if l.stopped && l.endpoint.Disabled == "" {
			l.enabled, l.stopped = l.enabled+1, false
		}
		tip, _, advanced := l.s.feed.height()
		l.take(sending, tip)
		timer.Reset(l.dispatch(sending))
		select {
		case <-ctx.Done():
			return l.end(cancel)
		case <-changed:
		case r := <-l.results:
			if err := l.settle(r); err != nil {
				return err
			}
		case f := <-l.fetches:
			l.fetched(f)
		case c := <-l.commands:
			c.done <- l.resend(c.message)
		case <-flush.C:
			if err := l.flush(); err != nil {
				return err
			}
		case <-advanced:
		case <-timer.C:
		}
	}
}

// end waits a little for the attempts that are under way, cuts them, and notes what is
// left.
func (l *lane) end(cancel func()) error {
	cut := time.AfterFunc(endGrace, cancel)
	defer cut.Stop()
	l.group.Wait()
	for l.flying > 0 {
		r := <-l.results
		if r.err != nil || !r.ok() {
			l.flying-- // it was cut: it is as if it had not been
			continue
		}
		if err := l.settle(r); err != nil {
			return err
		}
	}
	return l.flush()
}

// take takes events from the chain into the window, as far as there is room. It never
// waits: heights that are not in memory are asked for.
func (l *lane) take(ctx context.Context, tip uint64) {
	for l.endpoint.Disabled == "" && !l.asking {
		for len(l.rest) > 0 && len(l.events)-l.resends < WindowMax {
			l.accept(&l.rest[0])
			l.taken = client.EventID{Height: l.rest[0].Event.Height, Tx: l.rest[0].Event.Tx + 1}
			l.rest, l.dirty = l.rest[1:], true
			if len(l.rest) == 0 {
				l.taken = client.EventID{Height: l.taken.Height + 1}
			}
		}
		if len(l.rest) > 0 || l.taken.Height > tip || len(l.events)-l.resends >= WindowMax ||
			time.Now().Before(l.retryAt) {
			return
		}
		if messages, ok := l.s.feed.inMemory(l.taken.Height); ok {
			l.fetched(fetched{messages: messages})
			continue
		}
		l.ask(ctx, tip)
	}
}

// ask asks the chain for the height of taken, and now and then for those that come next.
func (l *lane) ask(ctx context.Context, tip uint64) {
	l.asking = true
	height := l.taken.Height
	l.group.Go(func() {
		messages, err := l.s.feed.messages(ctx, height)
		l.fetches <- fetched{messages, err}
	})
	for next := height + 1; height%refetchMax == 0 && next < height+refetchMax && next <= tip; next++ {
		l.group.Go(func() { _, _ = l.s.feed.messages(ctx, next) }) // they are in memory then
	}
}

// fetched takes the messages of the height of taken over.
func (l *lane) fetched(f fetched) {
	l.asking, l.rest, l.retryAt = false, nil, time.Time{}
	if f.err != nil {
		l.retryAt = time.Now().Add(feedPause)
		return
	}
	for i := range f.messages {
		if !f.messages[i].Event.Less(l.taken) && l.endpoint.wants(&f.messages[i]) {
			l.rest = append(l.rest, f.messages[i])
		}
	}
	if len(l.rest) == 0 {
		l.taken, l.dirty = client.EventID{Height: l.taken.Height + 1}, true
	}
}

// accept begins the delivery of a message.
func (l *lane) accept(m *Message) {
	now := time.Now()
	d := Delivery{Event: m.Event.String(), Message: m.ID, Endpoint: l.id, Type: m.Type, Subject: m.subject,
		State: StateWaiting, First: client.TimeOf(uint64(now.UnixMilli()))}
	l.add(&item{Delivery: d, event: m.Event, due: now, message: m})
}

// dispatch begins the attempts that are due, and returns after what time to look again.
func (l *lane) dispatch(ctx context.Context) time.Duration {
	limit := sendersMax
	if l.failures >= failuresMax {
		limit = 1
	}
	now := time.Now()
	for l.endpoint.Disabled == "" && l.flying < limit && len(l.due) > 0 {
		if pause := l.due[0].due.Sub(now); pause > 0 {
			return min(pause, time.Minute)
		}
		x := heap.Pop(&l.due).(*item)
		secrets, err := l.endpoint.secrets(uint64(now.UnixMilli()))
		l.flying++
		x.enabled = l.enabled
		e := l.endpoint.Endpoint
		l.group.Go(func() {
			if err != nil {
				l.results <- result{item: x, err: err}
				return
			}
			m := x.message
			if m == nil {
				if m, err = l.s.feed.message(ctx, x.event); err != nil {
					l.results <- result{item: x, err: err}
					return
				}
			}
			l.results <- result{item: x, outcome: l.s.sender.send(ctx, e.URL, e.AllowPrivate, secrets, m.ID, m.Body)}
		})
	}
	if !l.retryAt.IsZero() {
		return max(time.Until(l.retryAt), 10*time.Millisecond)
	}
	return time.Minute
}

// settle takes over what came of an attempt.
func (l *lane) settle(r result) error {
	l.flying--
	l.dirty = true
	x := r.item
	if r.err != nil { // there was no attempt: the chain did not give the message
		l.s.log.Warn("a message could not be made", "endpoint", l.id, "event", x.Event, "err", r.err)
		l.again(x, feedPause)
		return nil
	}
	x.Count++
	x.noted = false
	x.Attempts = append(x.Attempts, r.Attempt)
	if n := len(x.Attempts); n > AttemptsKept {
		x.Attempts = x.Attempts[n-AttemptsKept:]
	}
	l.s.metrics.attempt(&r.outcome)
	switch {
	case r.ok():
		l.delivered(x)
		return nil
	case r.gone:
		l.again(x, l.s.patience.backOff(x.Count))
		if x.enabled != l.enabled || l.stopped {
			return nil // it began before somebody enabled the endpoint
		}
		return l.disable("the endpoint has answered 410 Gone")
	}
	l.failures++
	if time.Since(time.UnixMilli(int64(x.First.Ms))) >= l.s.patience.life {
		return l.bury(x)
	}
	l.again(x, max(l.s.patience.backOff(x.Count), r.retryAfter))
	return nil
}

// delivered ends a delivery that the endpoint has taken.
func (l *lane) delivered(x *item) {
	l.drop(x)
	if x.stands {
		l.changes.ended = append(l.changes.ended, x.event)
	}
	x.State, x.Next = StateDelivered, nil
	l.mu.Lock()
	if l.recent = append(l.recent, x.Delivery); len(l.recent) > recentMax {
		l.recent = slices.Delete(l.recent, 0, len(l.recent)-recentMax)
	}
	l.mu.Unlock()
	if l.failures >= failuresMax {
		l.hurry()
	}
	l.failures = 0
}

// hurry lets all that wait try soon, in their order of being due: the endpoint is there
// again.
func (l *lane) hurry() {
	now := time.Now()
	for _, x := range l.due {
		if within := l.s.patience.within; x.due.After(now.Add(within)) {
			x.due = now.Add(rand.N(within))
		}
	}
	heap.Init(&l.due)
}

// again lets an item try once more after a pause.
func (l *lane) again(x *item, pause time.Duration) {
	x.message = nil // the feed has it, or the chain
	x.due = time.Now().Add(pause)
	next := client.TimeOf(uint64(x.due.UnixMilli()))
	x.Next = &next
	heap.Push(&l.due, x)
}

// bury gives a delivery up.
func (l *lane) bury(x *item) error {
	l.drop(x)
	x.State, x.Next = StateDead, nil
	d := x.Delivery
	l.changes.dead = append(l.changes.dead, &d)
	l.s.metrics.dead.Inc()
	l.s.log.Error("a delivery was given up", "endpoint", l.id, "event", x.Event, "attempts", x.Count)
	if l.dead++; l.dead >= DeadMax {
		return l.disable(fmt.Sprintf("%d deliveries were given up", l.dead))
	}
	return nil
}

func (l *lane) disable(reason string) error {
	l.s.log.Error("an endpoint is disabled", "endpoint", l.id, "reason", reason)
	l.stopped = true
	return l.s.book.disable(l.id, reason)
}

// flush notes what has changed: from where events are to be taken, and what waits of those
// before.
func (l *lane) flush() error {
	if !l.dirty {
		return nil
	}
	p := &l.changes
	p.taken = l.taken
	for _, x := range l.events {
		if !x.noted {
			d := x.Delivery
			p.waiting = append(p.waiting, &d)
			x.noted, x.stands = true, true
		}
	}
	if err := l.s.book.note(l.id, p); err != nil {
		return err
	}
	l.changes, l.dirty = progress{}, false
	return nil
}

// resend delivers an event again, or now if it waits.
func (l *lane) resend(m *Message) error {
	if x := l.events[m.Event]; x != nil {
		if x.at >= 0 {
			x.due = time.Now()
			heap.Fix(&l.due, x.at)
		}
		return nil // it is due, under way, or behind another of its order
	}
	if l.resends >= resendsMax {
		return ErrBusy
	}
	if !m.Event.Less(l.taken) {
		return fmt.Errorf("%w: %s is still to be delivered for the first time", ErrNoDelivery, m.Event)
	}
	l.dirty = true
	if err := l.flush(); err != nil { // so that what was given up stands in the table
		return err
	}
	d, wasDead, err := l.s.book.again(l.id, m)
	if err != nil {
		return err
	}
	if wasDead {
		l.dead--
	}
	l.add(&item{Delivery: *d, event: m.Event, due: time.Now(), message: m, noted: true, stands: true})
	return nil
}

// shown returns the last deliveries that have ended.
func (l *lane) shown() []Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.recent)
}

// dueHeap holds the heads of all orders that are not under way, the next one first.
type dueHeap []*item

// Len implements heap.Interface.
func (h dueHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h dueHeap) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].event.Less(h[j].event)
}

// Swap implements heap.Interface.
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) {
	i := x.(*item)
	i.at = len(*h)
	*h = append(*h, i)
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	i := old[len(old)-1]
	i.at = -1
	*h = old[:len(old)-1]
	return i
}
