package lanes

import "github.com/scrip-network/scrip/pbft"

// How a primary brings others what they lack (L9), in nanoseconds.
const (
	// carryNs is for how long a lane is carried to a member that lacked it, twice as long
	// each time that happens again within carryForgetNs of the last end.
	carryNs       = 10 * secondNs
	carryForgetNs = 600 * secondNs
	carryNsMax    = 600 * secondNs
	// accusedNs is how long a member's word counts that it lacks a lane: of one that lacks
	// more than f lanes twice in that time the own line is the cause.
	accusedNs = 10 * secondNs
	// blamesMax bounds the words of one member that are remembered.
	blamesMax = 1024
	// carryBurst is what one member may be carried at once, in bytes.
	carryBurst = 256 << 10
	// watchNs is for how long a lane is watched.
	watchNs = 10 * secondNs
	// singleNs is how often a batch of a watched lane is proposed that was not acknowledged.
	singleNs = secondNs
	// sufferedNs is for how long what a member lacked itself is what it carries when it
	// begins to lead.
	sufferedNs = 60 * secondNs
)

// carrier is what a primary knows of who lacks what. Nobody is judged by it: a false word
// costs bytes of its sender's bucket.
type carrier struct {
	pairs     map[pair]*penalty
	blamed    [][]blame // by member, what it lacked lately, oldest first
	buckets   []bucket
	watched   []watched // by lane
	ownNs     int64     // until when own batches wait for all connected members
	lacks     []int64   // when this member lacked a lane, by lane
	committed pbft.Seq
}

type pair struct{ lane, to pbft.ReplicaID }

// penalty is for how long a lane is carried to a member.
type penalty struct{ untilNs, lastNs int64 }

type blame struct {
	block pbft.Digest
	lanes pbft.Signers
	atNs  int64
}

// bucket is what a member may be carried now.
type bucket struct{ bytes, atNs int64 }

// watched is a lane of which batches wait for acknowledgements.
type watched struct {
	untilNs  int64
	singleNs int64 // when an unacknowledged batch was named last
	single   *held // it
	acks     []Upto
}

func newCarrier(n int) carrier {
	c := carrier{pairs: make(map[pair]*penalty), blamed: make([][]blame, n), buckets: make([]bucket, n),
		watched: make([]watched, n), lacks: make([]int64, n)}
	for i := range c.buckets {
		c.buckets[i].bytes = carryBurst
	}
	return c
}

// lacked takes a member's word that it lacks lanes of an own block in flight.
func (l *Lanes) lacked(from pbft.ReplicaID, m *Lack, nowNs int64) pbft.Reason {
	c, k := &l.carrier, l.proposals.of[m.Block]
	if k == nil || k.seq != m.Seq || k.seq <= c.committed {
		return pbft.IgnoredUnwanted
	}
	recent := c.blamed[from]
	for len(recent) > 0 && (recent[0].atNs+accusedNs <= nowNs || len(recent) >= blamesMax) {
		recent = recent[1:]
	}
	for _, b := range recent {
		if b.block == m.Block {
			return pbft.IgnoredDuplicate
		}
	}
	set := m.Lanes
	for i := range set {
		set[i] &= k.lanes[i]
	}
	recent = append(recent, blame{m.Block, set, nowNs})
	c.blamed[from] = recent
	if lackedTwice(recent) > l.cfg.Committee.Faults() {
		return pbft.IgnoredQuota
	}
	for id := range l.lanes {
		switch a := pbft.ReplicaID(id); {
		case !set.Has(a):
		case a == l.cfg.Self:
			c.ownNs = nowNs + carryNs
		case a != from:
			c.punish(pair{a, from}, nowNs)
		}
	}
	return pbft.Accepted
}

// lackedTwice counts the lanes that a member lacked in two blocks or more.
func lackedTwice(recent []blame) int {
	var once, twice pbft.Signers
	for _, b := range recent {
		for i := range b.lanes {
			twice[i] |= once[i] & b.lanes[i]
			once[i] |= b.lanes[i]
		}
	}
	return twice.Count()
}

// punish sets or lengthens a penalty.
func (c *carrier) punish(p pair, nowNs int64) {
	x := c.pairs[p]
	switch {
	case x == nil:
		x = &penalty{}
		c.pairs[p] = x
		fallthrough
	case nowNs > x.untilNs+carryForgetNs:
		x.lastNs = carryNs
	case nowNs < x.untilNs:
		return
	default:
		x.lastNs = min(2*x.lastNs, carryNsMax)
	}
	x.untilNs = nowNs + x.lastNs
}

// suffered notes lanes that this member lacked.
func (l *Lanes) suffered(lanes pbft.Signers, nowNs int64) {
	for id := range l.lanes {
		if lanes.Has(pbft.ReplicaID(id)) {
			l.carrier.lacks[id] = nowNs
		}
	}
}

// begin lets a new primary carry to everybody what it lacked itself lately.
func (l *Lanes) begin(nowNs int64) {
	for id, at := range l.carrier.lacks {
		if at == 0 || at+sufferedNs < nowNs || pbft.ReplicaID(id) == l.cfg.Self {
			continue
		}
		for _, to := range l.others() {
			if to != pbft.ReplicaID(id) {
				l.carrier.punish(pair{pbft.ReplicaID(id), to}, nowNs)
			}
		}
	}
}

// carry sends the ranges of an own block to those who lack their lanes, as far as their
// buckets reach. A lane for which one does not is watched.
func (l *Lanes) carry(k *proposal, nowNs int64) {
	if len(l.carrier.pairs) == 0 {
		return
	}
	var dry pbft.Signers
	for i := range k.ranges {
		r := &k.ranges[i]
		for _, to := range l.others() {
			if !l.carrier.carries(pair{r.Lane, to}, nowNs) {
				continue
			}
			batches, _ := l.find(r)
			if batches == nil || !l.pour(to, rangeSize(batches), nowNs) {
				dry.Add(r.Lane)
				continue
			}
			l.send(to, &Data{Range: *r, Batches: batches})
		}
	}
	l.watch(dry, nowNs)
}

func rangeSize(batches []*Batch) (size int) {
	for _, b := range batches {
		size += BatchSize(b)
	}
	return size
}

func (c *carrier) carries(p pair, nowNs int64) bool {
	x := c.pairs[p]
	return x != nil && nowNs < x.untilNs
}

// fillBucket lets a member's bucket fill: by a fifth of the line, shared by all.
func (l *Lanes) fillBucket(to pbft.ReplicaID, nowNs int64) *bucket {
	b := &l.carrier.buckets[to]
	each := l.lineBytes() / int64(5*max(1, len(l.lanes)-1))
	b.bytes = min(carryBurst, b.bytes+each*min(nowNs-b.atNs, 10*secondNs)/secondNs)
	b.atNs = nowNs
	return b
}

// pour takes bytes out of a member's bucket if it has them.
func (l *Lanes) pour(to pbft.ReplicaID, bytes int, nowNs int64) bool {
	b := l.fillBucket(to, nowNs)
	if b.bytes < int64(bytes) {
		return false
	}
	b.bytes -= int64(bytes)
	return true
}

// mayCarry reports whether a batch may be proposed although its lane may be watched: enough
// members acknowledge it, the buckets reach for those who lack it, or it is the one in a
// second.
func (l *Lanes) mayCarry(h *held, nowNs int64) bool {
	w := &l.carrier.watched[h.lane.id]
	switch {
	case nowNs >= w.untilNs, w.single == h, w.acknowledged(h, l.cfg.Committee.Quorum()):
		return true
	case w.singleNs+singleNs <= nowNs:
		w.single, w.singleNs = h, nowNs
		return true
	}
	for _, to := range l.others() {
		if l.carrier.carries(pair{h.lane.id, to}, nowNs) && l.fillBucket(to, nowNs).bytes < int64(BatchSize(h.Batch)) {
			return false
		}
	}
	return true
}
