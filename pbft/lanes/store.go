package lanes

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// standing is what is known of a transaction of a batch.
type standing uint8

const (
	unknown  standing = iota
	checking          // its signatures are being checked
	valid
	settled // executed, expired or invalid: nobody needs it any more
)

// entry is a transaction of a batch as this member knows it.
type entry struct {
	standing standing
	id       pbft.Digest // if valid
	checked  any         // what the caller made of it, if valid
	named    pbft.View   // the last in which this member proposed it from here
}

// held is a batch of a lane in the store.
type held struct {
	*Batch
	lane    *lane
	run     *run
	atNs    int64 // when it came
	entries []entry
	open    int // entries that are not settled
	next    int // first entry that was not given to be checked
	freed   bool
}

// cost is what a batch takes of its lane's credit.
func (h *held) cost() int { return batchCost(h.Batch) }

func batchCost(b *Batch) int { return batchKeptBytes + b.bytes + len(b.Txs)*txKeptBytes }

// run is an instance of a lane: its numbers only grow.
type run struct {
	instance uint64
	batches  map[uint32]*held
	last     uint32              // highest number that came
	gaps     map[uint32]struct{} // numbers below it that did not
}

// upto returns up to which number all came.
func (r *run) upto() uint32 {
	least := r.last + 1
	// order-free: the least of all
	for s := range r.gaps {
		least = min(least, s)
	}
	return least - 1
}

// lane is what is known of a member's lane.
type lane struct {
	id      pbft.ReplicaID
	now     *run    // the present instance; nil before the first LANE-OPEN
	runs    []*run  // older ones of which batches are left
	queue   []*held // as they came; freed ones are taken out in time
	freed   int     // of queue
	bytes   int     // cost of those that are not
	up      bool    // the bulk channel to its member
	fresh   bool    // that was established, and no instance came since
	openNs  int64   // when the present instance began
	byteNs  int64   // when bytes came from it last
	ever    bool    // any did
	tokens  int     // batches that may be taken now
	tokenNs int64

	waiting []*held // with transactions to check
	inPool  int     // transactions that are being checked
	pauseNs int64   // nothing is checked before
	strikes []int64 // when its last ones were
	// uncheckedNs is until when nothing of the lane is checked, penaltyNs how long that was.
	uncheckedNs, penaltyNs int64

	deficit int // of the round robin of L6
}

// place is where a valid transaction stands in the store; its id leads there.
type place struct {
	h     *held
	index int
	next  *place // of another batch with the same id
}

// open begins an instance (L1).
func (l *Lanes) open(from pbft.ReplicaID, m *Open, nowNs int64) pbft.Reason {
	x := l.lanes[from]
	switch {
	case m.Epoch != l.cfg.Committee.Epoch():
		return pbft.IgnoredEpoch
	case m.Next == 0:
		return pbft.InvalidContent
	case x.now != nil && x.now.instance == m.Instance:
		x.fresh = false
		if m.Next <= x.now.last {
			return pbft.IgnoredStale
		}
		x.now.skip(m.Next - 1)
		return pbft.Accepted
	case x.now != nil && !x.fresh && nowNs-x.openNs < instancePauseNs, len(x.runs) >= runsMax:
		return pbft.IgnoredQuota
	}
	for _, r := range x.runs {
		if r.instance == m.Instance {
			return pbft.IgnoredStale
		}
	}
	if x.now != nil && len(x.now.batches) > 0 {
		x.now.gaps = nil
		x.runs = append(x.runs, x.now)
	}
	x.now = &run{instance: m.Instance, batches: make(map[uint32]*held), last: m.Next - 1, gaps: make(map[uint32]struct{})}
	x.fresh, x.openNs = false, nowNs
	return pbft.Accepted
}

// skip notes that all numbers above the last one and up to s did not come. Of many the
// last aheadMax are remembered.
func (r *run) skip(s uint32) {
	from := r.last + 1
	if s-r.last > aheadMax {
		from = s - aheadMax + 1
	}
	if len(r.gaps) > aheadMax {
		clear(r.gaps)
	}
	for at := from; at <= s && at >= from; at++ {
		r.gaps[at] = struct{}{}
	}
	r.last = s
}

// Ready reports whether another batch of a member's lane may be taken now. If not, the
// reader of its bulk channel pauses (L4).
func (l *Lanes) Ready(from pbft.ReplicaID, nowNs int64) bool {
	x := l.lanes[from]
	x.refill(nowNs)
	return x.tokens > 0
}

func (x *lane) refill(nowNs int64) {
	if more := (nowNs - x.tokenNs) / batchPauseNs; more > 0 {
		x.tokens = int(min(batchBurst, int64(x.tokens)+more))
		x.tokenNs += more * batchPauseNs
	}
}

// take stores a batch that came from its member (L4).
func (l *Lanes) take(from pbft.ReplicaID, b *Batch, nowNs int64) pbft.Reason {
	x := l.lanes[from]
	x.refill(nowNs)
	x.tokens--
	if x.now == nil || x.now.instance != b.Instance { // its LANE-OPEN was lost
		o := &Open{Epoch: l.cfg.Committee.Epoch(), Instance: b.Instance, Next: b.Seq}
		if l.open(from, o, nowNs) != pbft.Accepted {
			return pbft.IgnoredUnwanted
		}
	}
	switch {
	case b.Seq <= x.now.last:
		return pbft.IgnoredDuplicate
	case b.Seq > x.now.last+aheadMax:
		return pbft.IgnoredFuture
	}
	x.now.skip(b.Seq)
	delete(x.now.gaps, b.Seq)
	h := l.hold(x, b, nowNs)
	x.waiting = append(x.waiting, h)
	l.makeRoom(x)
	l.came(x, b.Seq, nowNs)
	return pbft.Accepted
}

// hold puts a batch into the present run of a lane.
func (l *Lanes) hold(x *lane, b *Batch, nowNs int64) *held {
	h := &held{Batch: b, lane: x, run: x.now, atNs: nowNs, entries: make([]entry, len(b.Txs)), open: len(b.Txs)}
	x.now.batches[b.Seq] = h
	x.queue = append(x.queue, h)
	x.bytes += h.cost()
	return h
}

// makeRoom drops the oldest batches of a lane that holds too much.
func (l *Lanes) makeRoom(x *lane) {
	for i := 0; i < len(x.queue) && x.bytes > creditFactor*l.cfg.CreditBytes; i++ {
		if h := x.queue[i]; !h.freed {
			l.drop(h)
		}
	}
	x.compact()
}

// age drops what has been kept for long.
func (l *Lanes) age(x *lane, nowNs int64) {
	for _, h := range x.queue {
		if h.atNs+keptNs > nowNs {
			break
		}
		if !h.freed {
			l.drop(h)
		}
	}
	x.compact()
}

// drop forgets a batch that is not settled, and tells whose transactions go with it (L11).
func (l *Lanes) drop(h *held) {
	for i := range h.entries {
		if e := &h.entries[i]; e.standing == valid {
			l.leave(h, i)
			if h.lane.id != l.cfg.Self && l.places[e.id] == nil {
				l.out.Dropped = append(l.out.Dropped, Dropped{ID: e.id, From: h.lane.id})
			}
		}
	}
	l.free(h)
}

// free takes a batch out of its lane; its place in the queue goes later.
func (l *Lanes) free(h *held) {
	if h.freed {
		return
	}
	h.freed = true
	x := h.lane
	x.bytes -= h.cost()
	x.freed++
	delete(h.run.batches, h.Seq)
	if h.run != x.now && len(h.run.batches) == 0 {
		for i, r := range x.runs {
			if r == h.run {
				x.runs = append(x.runs[:i], x.runs[i+1:]...)
				break
			}
		}
	}
}

// compact takes freed batches out of the queue where they are its half.
func (x *lane) compact() {
	if 2*x.freed <= len(x.queue) {
		return
	}
	kept := x.queue[:0]
	for _, h := range x.queue {
		if !h.freed {
			kept = append(kept, h)
		}
	}
	clear(x.queue[len(kept):])
	x.queue, x.freed = kept, 0
	x.waiting = slices.DeleteFunc(x.waiting, func(h *held) bool { return h.freed })
}

// enter notes where a valid transaction stands.
func (l *Lanes) enter(h *held, i int) {
	e := &h.entries[i]
	l.places[e.id] = &place{h: h, index: i, next: l.places[e.id]}
}

// leave forgets it.
func (l *Lanes) leave(h *held, i int) {
	id := h.entries[i].id
	head := l.places[id]
	for at := &head; *at != nil; at = &(*at).next {
		if (*at).h == h && (*at).index == i {
			*at = (*at).next
			break
		}
	}
	if head == nil {
		delete(l.places, id)
	} else {
		l.places[id] = head
	}
}

// Settled says that transactions were executed or have expired (L11).
func (l *Lanes) Settled(ids []pbft.Digest) {
	for _, id := range ids {
		for at := l.places[id]; at != nil; at = at.next {
			l.settle(at.h, at.index)
			if own := l.lanes[l.cfg.Self]; at.h.run == own.now {
				l.ownDone = max(l.ownDone, at.h.Seq)
			}
		}
		delete(l.places, id)
	}
}

// settle counts a transaction out of its batch, which goes with the last.
func (l *Lanes) settle(h *held, i int) {
	h.entries[i].standing = settled
	h.entries[i].checked = nil
	if h.open--; h.open == 0 {
		l.free(h)
	}
}

// find returns the batches of a range, nil if not all are here or they are others; other
// says that all are here and are others.
func (l *Lanes) find(r *Range) (batches []*Batch, other bool) {
	x := l.lanes[r.Lane]
	if run := x.run(r.Instance); run != nil {
		batches = make([]*Batch, 0, r.Count)
		for s := r.First; s <= r.last() && s >= r.First; s++ {
			h := run.batches[s]
			if h == nil {
				break
			}
			batches = append(batches, h.Batch)
		}
		if len(batches) == int(r.Count) {
			if RangeOf(l.cfg.Committee, r.Lane, batches) == *r {
				return batches, false
			}
			other = true
		}
	}
	return l.fetched.get(*r), other
}

// run returns the instance of that number, nil if it is unknown.
func (x *lane) run(instance uint64) *run {
	if x.now != nil && x.now.instance == instance {
		return x.now
	}
	for _, r := range x.runs {
		if r.instance == instance {
			return r
		}
	}
	return nil
}

// fetchedRanges are ranges that did not come from their lane, the oldest out first.
type fetchedRanges struct {
	of    map[Range][]*Batch
	order []Range // oldest first
	bytes int
}

func (f *fetchedRanges) get(r Range) []*Batch { return f.of[r] }

func (f *fetchedRanges) put(r Range, batches []*Batch) {
	if f.of[r] != nil {
		return
	}
	f.of[r] = batches
	f.order = append(f.order, r)
	for f.bytes += rangeCost(batches); f.bytes > FetchedBytesMax; {
		f.bytes -= rangeCost(f.of[f.order[0]])
		delete(f.of, f.order[0])
		f.order = f.order[1:]
	}
}

func rangeCost(batches []*Batch) (cost int) {
	for _, b := range batches {
		cost += batchCost(b)
	}
	return cost
}
