package driver

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// What a member holds against a primary (R11.1 of docs/protocol.md).
const (
	// reachNs is how long a transaction has, beyond the way to the primary and back, until
	// the primary could have it in a block.
	reachNs = 100_000_000
	// EligibleLifeMs is how long a transaction must have to live to be held against a primary.
	EligibleLifeMs = 2000

	skipsBase    = 8             // blocks that may leave anything out
	skipsSenders = 2             // and so many times as many as there are turns before it
	recentBlocks = 16            // by whose payloads blocks are judged
	backlogBytes = 1 << 16       // so much at least
	eligibleScan = 1024          // transactions that are looked at in one tick
	relayNs      = 1_000_000_000 // least pause between two that are told to a primary again
)

// Eligible follows the transactions that wait at a member: which has waited longest for the
// present primary, and how many of its blocks left that out. Nothing is held against a
// primary that this member has not told it of in its view: others may have told all but the
// primary. T names a transaction in the caller's pool, which is asked where it is. It is
// not safe for concurrent use.
type Eligible[T any] struct {
	// Pushed says that all have what own clients hand in, and nothing can be told again:
	// lanes push it. What others' clients hand in is not followed then.
	Pushed bool

	view    pbft.View
	blocks  uint32 // of view
	lists   [2]follows[T]
	relayAt int64 // when one was told again last
	recent  [recentBlocks]struct{ txs, bytes int }
	seen    int
}

// follows are own transactions, or others', oldest first.
type follows[T any] struct {
	all    []followed[T]
	tidyAt int // so many are worth looking for those that have gone
}

// followed is one transaction.
type followed[T any] struct {
	item   T
	freeNs int64     // since when it is in no block
	held   bool      // it was in one when it was looked at last
	told   pbft.View // whose primary was told of it last, at toldNs
	toldNs int64
	view   pbft.View
	// When it became eligible: blocks of view, and how many of them may leave it out. Who
	// waits since then has its turn later.
	blocks, limit uint32
}

// Entered says that a transaction is in the pool: of an own client, which all are told of,
// or of another's.
func (e *Eligible[T]) Entered(item T, own bool, nowNs int64) {
	x, list := followed[T]{item: item, freeNs: nowNs}, &e.lists[1]
	switch {
	case own:
		x.told, x.toldNs, list = e.view, nowNs, &e.lists[0]
	case e.Pushed:
		return
	}
	list.all = append(list.all, x)
}

// Block says that a block of a view is known.
func (e *Eligible[T]) Block(view pbft.View, txs, bytes int) {
	switch {
	case view < e.view:
		return
	case view > e.view:
		e.view, e.blocks = view, 0
	}
	e.blocks++
	if txs > 0 {
		e.recent[e.seen%recentBlocks] = struct{ txs, bytes int }{txs, bytes}
		e.seen++
	}
}

// Crowd is what else waits in the pool.
type Crowd struct {
	Senders, FreeBytes int  // what is in no block
	Full               bool // more than three quarters are: nobody is judged by what it leaves out
}

// Waiting says what waits for the primary of a view, so far away; where says where a
// transaction is, lanes.Absent also if it is not to be held against anybody. tell, if there
// is one, is to be sent to that primary.
func (e *Eligible[T]) Waiting(view pbft.View, awayNs, nowNs int64, c Crowd,
	where func(T) lanes.Standing) (w pbft.Waiting, tell *T) {
	if view > e.view {
		e.view, e.blocks = view, 0
	}
	txs, bytes := e.usual()
	limit := uint32(skipsBase + skipsSenders*((c.Senders+txs-1)/txs))
	w.SkipLimit = limit
	late := awayNs + reachNs
	for i := range e.lists {
		x := e.lists[i].oldest(where, nowNs)
		if x == nil {
			continue
		}
		if e.Pushed {
			x.told, x.toldNs = e.view, x.freeNs
		}
		if x.told != e.view && tell == nil && nowNs >= x.freeNs+late && nowNs >= e.relayAt+relayNs {
			x.told, x.toldNs, e.relayAt, tell = e.view, nowNs, nowNs, &x.item
		}
		since := max(x.freeNs, x.toldNs) + late
		if x.told != e.view || nowNs < since {
			continue
		}
		if x.view != e.view {
			x.view, x.blocks, x.limit = e.view, e.blocks, limit
		}
		w.EligibleTicks = max(w.EligibleTicks, uint32(min((nowNs-since)/(TickMs*1_000_000), 1<<30))+1)
		if skipped := e.blocks - x.blocks; !c.Full && skipped+w.SkipLimit >= w.Skipped+x.limit {
			w.Skipped, w.SkipLimit = skipped, x.limit
		}
	}
	w.Backlog = w.EligibleTicks > 0 && c.FreeBytes >= max(backlogBytes, 2*bytes)
	return w, tell
}

// oldest returns the transaction that has waited longest in no block, nil if the first ones
// are all in some.
func (f *follows[T]) oldest(where func(T) lanes.Standing, nowNs int64) *followed[T] {
	gone := 0
	for gone < len(f.all) && where(f.all[gone].item) == lanes.Absent {
		gone++
	}
	if f.all = f.all[gone:]; len(f.all) == 0 {
		f.all = nil
	}
	if len(f.all) > max(f.tidyAt, eligibleScan) { // behind one that waits for long
		f.all = slices.DeleteFunc(f.all, func(x followed[T]) bool { return where(x.item) == lanes.Absent })
		f.tidyAt = 2 * len(f.all)
	}
	for i := range f.all[:min(len(f.all), eligibleScan)] {
		switch x := &f.all[i]; where(x.item) {
		case lanes.Held:
			x.held = true
		case lanes.Free:
			if x.held { // its block was abandoned
				x.held, x.freeNs, x.view = false, nowNs, 0
			}
			return x
		}
	}
	return nil
}

// usual returns the median of transactions and the mean of bytes of the last blocks that
// had any; one and none before.
func (e *Eligible[T]) usual() (txs, bytes int) {
	n := min(e.seen, recentBlocks)
	if n == 0 {
		return 1, 0
	}
	sorted := make([]int, n)
	for i := range sorted {
		sorted[i] = e.recent[i].txs
		bytes += e.recent[i].bytes
	}
	slices.Sort(sorted)
	return sorted[n/2], bytes / n
}

// Watcher is a Pool that says what waits for a primary.
type Watcher interface {
	// Waiting says what waits for the primary of a view, a round trip away.
	Waiting(view pbft.View, awayNs int64, now Time) pbft.Waiting
}

// observe tells the engine what waits for the primary, if it is another member.
func (d *Driver) observe(now Time) {
	p, ok := d.cfg.Pool.(Watcher)
	if !ok || !d.cfg.Engine.Monitor {
		return
	}
	if s := d.engine.Status(); s.Primary != d.cfg.Engine.Self {
		d.engine.Waits(p.Waiting(s.View, d.distances.ofNs(s.Primary), now))
	}
}
