package dualpath

import "github.com/scrip-network/scrip/pbft"

// want is a block that is needed and asked for.
type want struct {
	block pbft.BlockRef // View may be zero
	from  pbft.ReplicaID
	owner pbft.ReplicaID // whose bare vote it rests on; this replica: a proof
	since uint64         // tick when it was first named
	at    uint64         // tick of the next question
	asks  int
	asked pbft.ReplicaID // who was asked last, and when
	last  uint64
}

// bareAsksMax is how often a block is asked for that only a bare vote names.
const bareAsksMax = 50

// want asks for a block, first from the member named, after some ticks. Each
// owner may have 2W outstanding, so that votes for blocks that do not exist
// cannot crowd out the others' (section 11).
func (r *Replica) want(b pbft.BlockRef, from, owner pbft.ReplicaID, after uint64) {
	if x := r.chain.byDigest[b.Digest]; x != nil && (x.hasBody || x.committed) {
		return
	}
	owned := 0
	for i := range r.wants {
		w := &r.wants[i]
		if w.block.Digest == b.Digest {
			if owner == r.self {
				w.owner = owner
			}
			return
		}
		if w.owner == owner {
			owned++
		}
	}
	if b.Seq <= r.chain.committed.Seq {
		return
	}
	if owned >= 2*int(r.par.Window) && !r.unwantVainest(owner) {
		return
	}
	r.wants = append(r.wants, want{block: b, from: from, owner: owner, since: r.now, at: r.now + after})
	if w := &r.wants[len(r.wants)-1]; after == 0 && !r.onItsWay(w) {
		r.ask(w)
	}
}

// onItsWay reports whether a body seems to be coming: from the primary that proposed
// it, and then from who was asked last. On a line that is slow or full another copy
// would only queue behind what comes, so it is not asked for meanwhile, for BodyTicks
// (section 6). A channel keeps order: once a later body is here, one that is
// missing is not on it. Before all that a recipe has its time.
func (r *Replica) onItsWay(w *want) bool {
	b := r.chain.byDigest[w.block.Digest]
	switch {
	case b != nil && r.assembling(b):
		return true
	case w.asks > 0:
		return r.now < w.last+uint64(r.tm.BodyTicks) && r.arrivals.Flowing(w.asked, r.now)
	case b != nil && b.recipes.at != 0: // its proposer sends nothing else unasked
		return false
	}
	if w.block.View != r.view || r.now >= w.since+uint64(r.tm.BodyTicks) ||
		!r.arrivals.Flowing(r.com.Primary(r.view), r.now) {
		return false
	}
	for s := r.chain.last; s > w.block.Seq; s-- {
		for _, b := range r.chain.bySeq[s] {
			if b.hasBody && b.ref.View == r.view {
				return false
			}
		}
	}
	return true
}

// unwantVainest makes room among this replica's own wants by giving up the one
// asked for most often: a body that a faulty primary withholds must not stand in
// the way of those that somebody has.
func (r *Replica) unwantVainest(owner pbft.ReplicaID) bool {
	if owner != r.self {
		return false
	}
	vain := -1
	for i := range r.wants {
		if r.wants[i].owner == owner && (vain < 0 || r.wants[i].asks > r.wants[vain].asks) {
			vain = i
		}
	}
	if vain < 0 || r.wants[vain].asks < r.com.Size() { // everybody was asked
		return false
	}
	r.wants = append(r.wants[:vain], r.wants[vain+1:]...)
	return true
}

func (r *Replica) ask(w *want) {
	w.asks++
	w.at = r.now + uint64(r.tm.FetchTicks)*uint64(min(w.asks, 10))
	if w.from == r.self || !r.com.Has(w.from) {
		w.from = (r.self + 1) % pbft.ReplicaID(r.com.Size())
	}
	r.event(pbft.EventFetch, w.block, uint64(w.from))
	b := r.chain.byDigest[w.block.Digest]
	r.send(w.from, &pbft.Fetch{Epoch: r.com.Epoch(), Seq: w.block.Seq, Digest: w.block.Digest,
		After: r.heldBelow(w.block.Digest), RecipeFirst: r.cfg.Recipes && !r.over() && (b == nil || b.recipes.at == 0)})
	w.asked, w.last = w.from, r.now
	w.from = (w.from + 1) % pbft.ReplicaID(r.com.Size())
}

// heldBelow returns the position of the highest body held on the way down from a
// block, as far as it is known: what need not be sent again.
func (r *Replica) heldBelow(d pbft.Digest) pbft.Seq {
	for b := r.chain.byDigest[d]; b != nil && b.ref.Seq > r.chain.committed.Seq; b = r.parent(b) {
		if b.hasBody && b.ref.Digest != d {
			return b.ref.Seq
		}
	}
	return r.chain.committed.Seq
}

// wantParent asks for the block below one that was asked for, on whose word it was itself.
func (r *Replica) wantParent(b *block, owner pbft.ReplicaID) {
	if h := b.header(); r.parent(b) == nil && h.Seq > r.chain.committed.Seq+1 {
		r.want(pbft.BlockRef{Seq: h.Seq - 1, Digest: h.Parent}, h.Proposer, owner, 1)
	}
}

// wantWhole asks for what is missing between a block that must be extended and the
// committed one, if anything is.
func (r *Replica) wantWhole(ref pbft.BlockRef, from pbft.ReplicaID) {
	need := ref
	if b := r.chain.byDigest[ref.Digest]; b != nil {
		var whole, conflict bool
		if need, whole, conflict = r.missingBelow(b); whole || conflict {
			return
		}
	}
	r.want(need, from, r.self, 0)
}

// bodyLagMax bounds, in FetchTicks, how long a replica that gets bodies late waits
// before it asks for one.
const bodyLagMax = 20

// fetchDelay is how long a block that a vote names may be on its way before it is
// asked for: votes overtake payload, so on thin links longer than FetchTicks. An
// answer would only queue behind what is coming.
func (r *Replica) fetchDelay() uint64 {
	fetch := uint64(r.tm.FetchTicks)
	return max(fetch, min(2*r.bodyLag, bodyLagMax*fetch))
}

// noteBodyLag measures by how long a vote overtook the proposal that has come. It
// follows a rise at once and a fall slowly. What had to be fetched is not measured:
// who withholds bodies would slow down the asking too.
func (r *Replica) noteBodyLag(d pbft.Digest) {
	lag := uint64(0)
	for i := range r.wants {
		if w := &r.wants[i]; w.block.Digest == d {
			lag = r.now - w.since
		}
	}
	r.bodyLag = max(lag, r.bodyLag-(r.bodyLag+7)/8)
}

// wanted returns what is known of a wanted block, nil if it is not wanted.
func (r *Replica) wanted(d pbft.Digest) *want {
	for i := range r.wants {
		if r.wants[i].block.Digest == d {
			return &r.wants[i]
		}
	}
	return nil
}

func (r *Replica) unwant(d pbft.Digest) {
	for i := range r.wants {
		if r.wants[i].block.Digest == d {
			r.wants = append(r.wants[:i], r.wants[i+1:]...)
			return
		}
	}
}

func (r *Replica) tickWants() {
	kept := r.wants[:0]
	for _, w := range r.wants {
		if w.block.Seq > r.chain.committed.Seq && (w.owner == r.self || w.asks < bareAsksMax) {
			kept = append(kept, w)
		}
	}
	r.wants = kept
	for i := range r.wants {
		if w := &r.wants[i]; r.now >= w.at && !r.onItsWay(w) {
			r.ask(w)
		}
	}
}
