package lanes

import (
	"cmp"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// How long what is missing is waited for, in nanoseconds (L8).
const (
	// flowNs is how long bytes of a lane speak for more to come, twice a round trip if that
	// is longer.
	flowNs = 50 * millisecondNs
	// lackNs is after how long at least a proposer is told, a quarter of a round trip if
	// that is longer.
	lackNs = 5 * millisecondNs
	// gapNs is what random delay comes before a question for what will not come by itself.
	gapNs = 2 * millisecondNs
	// stillNs is after how long at least a range of a lane is asked for that brings nothing,
	// a round trip if that is longer.
	stillNs = 20 * millisecondNs
	// comingNs is after how long one that is on its way is asked for, slowNs if more than
	// f lanes are missing: then the own line is the cause.
	comingNs = 250 * millisecondNs
	slowNs   = secondNs
	// answerNs is how long an answer is waited for at least, twice a round trip if that is
	// longer.
	answerNs = 50 * millisecondNs
	// carriedNs is for how long a lane counts as carried after its proposer brought data
	// that nobody asked for.
	carriedNs = 10 * secondNs
	// tripMaxNs bounds a round trip where waits are made of it.
	tripMaxNs = 200 * millisecondNs
)

// Limits of what is asked for.
const (
	// wantsMax bounds the blocks whose recipes wait; more are fetched as bodies.
	wantsMax = 512
	// blockRecipesMax bounds the recipes of one block, WantedBytesMax those of all.
	blockRecipesMax = 3
	WantedBytesMax  = 16 << 20
	// AnsweredBytesMax bounds the ranges that all blocks that wait have been brought, beside
	// those of FetchedBytesMax.
	AnsweredBytesMax = 16 << 20
	// openMax bounds the ranges that are asked of one member, openBytes what they may
	// bring all together, at RangeBytesMax each.
	openMax   = 16
	openBytes = 8 << 20
	// unansweredMax questions for one range without an answer end in the body.
	unansweredMax = 2
)

// Assembly is a header with a valid signature whose payload a recipe describes.
type Assembly struct {
	Block  pbft.Digest
	Header pbft.Header
	From   pbft.ReplicaID // who brought the recipe
	Recipe []byte
}

// want is a block whose payload is to be put together.
type want struct {
	block   pbft.Digest
	header  pbft.Header
	sinceNs int64
	recipes []offered
	asks    []*ask // one for each missing range of the first recipe
	lacked  bool   // its proposer was told
	got     map[Range][]*Batch
	bytes   int // of got
}

// offered is a recipe of a want.
type offered struct {
	from   pbft.ReplicaID
	recipe Recipe
	bytes  int
}

// ask is a missing range.
type ask struct {
	r          Range
	delayNs    int64            // drawn once, before the first question
	asked      []pbft.ReplicaID // in order
	atNs       int64            // of the last question; 0 = none is open
	unanswered int
}

// wants are the blocks that wait, oldest first.
type wants struct {
	of     []*want
	bytes  int                     // of recipes
	got    int                     // of what was brought
	voters map[pbft.ReplicaID]vote // the highest PREPARE of each member in its view
	// carried is when a proposer last brought data of a lane unasked, by lane.
	carried map[pbft.ReplicaID]int64
}

type vote struct {
	rank pbft.Rank
}

func newWants() wants {
	return wants{voters: make(map[pbft.ReplicaID]vote), carried: make(map[pbft.ReplicaID]int64)}
}

// Assemble takes a header whose payload is to be put together. Out.Filled has it once it is
// there; Out.Bodies names the block if that cannot be.
func (l *Lanes) Assemble(a Assembly, nowNs int64) {
	recipe, err := DecodeRecipe(a.Recipe)
	w := l.want(a.Block)
	switch {
	case err != nil || !l.named(recipe):
		if w == nil {
			l.out.Bodies = append(l.out.Bodies, a.Block)
		}
		return
	case w == nil && (len(l.wants.of) >= wantsMax || l.wants.bytes+len(a.Recipe) > WantedBytesMax):
		l.out.Bodies = append(l.out.Bodies, a.Block)
		return
	case w == nil:
		w = &want{block: a.Block, header: a.Header, sinceNs: nowNs, got: make(map[Range][]*Batch)}
		l.wants.of = append(l.wants.of, w)
	case !w.room(a.From) || l.wants.bytes+len(a.Recipe) > WantedBytesMax:
		return
	}
	l.wants.bytes += len(a.Recipe)
	w.recipes = append(w.recipes, offered{a.From, recipe, len(a.Recipe)})
	l.try(w, nowNs)
}

// named reports whether a recipe names lanes of members alone.
func (l *Lanes) named(x Recipe) bool {
	for i := range x {
		if x[i].Inline == nil && int(x[i].Range.Lane) >= len(l.lanes) {
			return false
		}
	}
	return true
}

// room reports whether another recipe of a member is taken: one of each, three in all, of
// which one place is the proposer's.
func (w *want) room(from pbft.ReplicaID) bool {
	proposers := false
	for _, o := range w.recipes {
		if o.from == from {
			return false
		}
		proposers = proposers || o.from == w.header.Proposer
	}
	places := blockRecipesMax
	if !proposers && from != w.header.Proposer {
		places--
	}
	return len(w.recipes) < places
}

func (l *Lanes) want(block pbft.Digest) *want {
	for _, w := range l.wants.of {
		if w.block == block {
			return w
		}
	}
	return nil
}

// Forget says that nobody waits for the payload of a block any more: it came as a body, or
// the block is of no use.
func (l *Lanes) Forget(block pbft.Digest) {
	if w := l.want(block); w != nil {
		l.forget(w)
	}
}

// Committed says that blocks up to a height are committed: what waits at or below it is
// brought in another way.
func (l *Lanes) Committed(seq pbft.Seq) {
	for _, w := range slices.Clone(l.wants.of) {
		if w.header.Seq <= seq {
			l.forget(w)
		}
	}
	l.carrier.committed = max(l.carrier.committed, seq)
}

func (l *Lanes) forget(w *want) {
	for _, o := range w.recipes {
		l.wants.bytes -= o.bytes
	}
	l.wants.got -= w.bytes
	l.wants.of = slices.DeleteFunc(l.wants.of, func(x *want) bool { return x == w })
}

// Prepared says that a member has sent a PREPARE for a block: it holds its payload, and
// those below it in its view.
func (l *Lanes) Prepared(from pbft.ReplicaID, block pbft.BlockRef) {
	if int(from) < len(l.lanes) && l.wants.voters[from].rank.Less(block.Rank()) {
		l.wants.voters[from] = vote{block.Rank()}
	}
}

// try expands the recipes of a want in order. What fits no header is dropped; without any
// left the body is fetched.
func (l *Lanes) try(w *want, nowNs int64) {
	for i := 0; i < len(w.recipes); i++ {
		o := &w.recipes[i]
		other := make(map[Range]bool)
		payload, missing, is := expand(&w.header, o.recipe, func(r *Range) []*Batch {
			if got := w.got[*r]; got != nil {
				return got
			}
			found, differs := l.find(r)
			other[*r] = differs
			return found
		}, l.cfg.Root, l.cfg.Payload)
		switch is {
		case expanded:
			l.out.Filled = append(l.out.Filled, Filled{Block: w.block, Payload: payload})
			l.forget(w)
			return
		case useless:
			l.wants.bytes -= o.bytes
			w.recipes = slices.Delete(w.recipes, i, i+1)
			i--
		case lacking:
			if i == 0 {
				l.miss(w, missing)
			}
		}
	}
	if len(w.recipes) == 0 {
		l.body(w)
	}
}

// body gives up on the recipes of a block.
func (l *Lanes) body(w *want) {
	l.out.Bodies = append(l.out.Bodies, w.block)
	l.forget(w)
}

// miss keeps the questions of a want in step with what is missing.
func (l *Lanes) miss(w *want, missing []Range) {
	asks := make([]*ask, 0, len(missing))
	for _, r := range missing {
		if i := slices.IndexFunc(asks, func(a *ask) bool { return a.r == r }); i >= 0 {
			continue
		}
		i := slices.IndexFunc(w.asks, func(a *ask) bool { return a.r == r })
		if i >= 0 {
			asks = append(asks, w.asks[i])
		} else {
			asks = append(asks, &ask{r: r, delayNs: int64(l.random() % uint64(gapNs))})
		}
	}
	w.asks = asks
}

// came tries again what may have waited for a batch of a lane.
func (l *Lanes) came(x *lane, seq uint32, nowNs int64) {
	for _, w := range slices.Clone(l.wants.of) {
		if slices.ContainsFunc(w.asks, func(a *ask) bool {
			return a.r.Lane == x.id && a.r.Instance == x.now.instance && a.r.last() == seq
		}) {
			l.tryFirst(w, nowNs)
		}
	}
}

// tryFirst expands again only if nothing of the first recipe is missing any more, which is
// cheaper to find out.
func (l *Lanes) tryFirst(w *want, nowNs int64) {
	missing := make([]Range, 0, len(w.asks))
	for _, a := range w.asks {
		if found, _ := l.find(&a.r); found == nil && w.got[a.r] == nil {
			missing = append(missing, a.r)
		}
	}
	if l.miss(w, missing); len(missing) == 0 {
		l.try(w, nowNs)
	}
}

// lanesMissing returns the lanes of which a want misses ranges.
func (w *want) lanesMissing() (s pbft.Signers) {
	for _, a := range w.asks {
		s.Add(a.r.Lane)
	}
	return s
}

// fetch tells proposers what is missing, and asks for it when its time has come. It returns
// when the next time comes, 0 if none does.
func (l *Lanes) fetch(nowNs int64) (nextNs int64) {
	next := func(atNs int64) bool {
		if atNs <= nowNs {
			return true
		}
		if nextNs == 0 || atNs < nextNs {
			nextNs = atNs
		}
		return false
	}
	for _, w := range slices.Clone(l.wants.of) {
		missing := w.lanesMissing()
		if !w.lacked && next(w.sinceNs+max(lackNs, l.tripNs(w.header.Proposer)/4)) {
			l.lack(w, missing, nowNs)
		}
		for _, a := range w.asks {
			if !next(l.dueNs(w, a, missing.Count(), nowNs)) {
				continue
			}
			l.lack(w, missing, nowNs) // an answer would come before its time
			if !l.ask(w, a, nowNs) {
				l.body(w)
				break
			}
		}
	}
	return nextNs
}

// lack tells the proposer of a block, once, which lanes are missing.
func (l *Lanes) lack(w *want, missing pbft.Signers, nowNs int64) {
	if !w.lacked && w.header.Proposer != l.cfg.Self {
		w.lacked = true
		l.suffered(missing, nowNs)
		l.send(w.header.Proposer, &Lack{Block: w.block, Seq: w.header.Seq, Lanes: missing})
	}
}

// dueNs says when a missing range is asked for next.
func (l *Lanes) dueNs(w *want, a *ask, lanes int, nowNs int64) int64 {
	trip := l.tripNs(w.header.Proposer)
	if len(a.asked) > 0 {
		if a.atNs == 0 { // the answer was: not here
			return nowNs
		}
		return a.atNs + max(answerNs, 2*l.tripNs(a.asked[len(a.asked)-1]))
	}
	if at := l.wants.carried[a.r.Lane]; at > 0 && at+carriedNs > nowNs {
		return w.sinceNs + max(stillNs, trip)
	}
	x := l.lanes[a.r.Lane]
	switch {
	case a.r.Lane == l.cfg.Self || !x.up || l.gap(x, &a.r):
		return w.sinceNs + a.delayNs
	case !x.ever || x.byteNs+max(flowNs, 2*l.tripNs(x.id)) < nowNs:
		return w.sinceNs + max(stillNs, trip)
	case lanes > l.cfg.Committee.Faults():
		return w.sinceNs + slowNs
	}
	return w.sinceNs + comingNs
}

// gap reports whether a range will not come by itself: its instance is not the present one,
// or the channel brought a number beyond one that is missing, or other content.
func (l *Lanes) gap(x *lane, r *Range) bool {
	if x.now == nil || x.now.instance != r.Instance || x.now.last >= r.last() {
		return true
	}
	for s := r.First; s <= min(x.now.last, r.last()); s++ {
		if x.now.batches[s] == nil {
			return true
		}
	}
	return false
}

// ask asks the next member for a range. It reports false if the body has to be fetched.
func (l *Lanes) ask(w *want, a *ask, nowNs int64) bool {
	if a.atNs > 0 {
		a.unanswered++
	}
	if a.unanswered >= unansweredMax || w.bytes > l.namedBytesMax() {
		return false
	}
	targets := l.targets(w, a)
	if len(targets) == 0 {
		return false
	}
	open := l.opened()
	free := targets[:0]
	for _, id := range targets {
		if open[id] < openMax {
			free = append(free, id)
		}
	}
	if len(free) == 0 || open[l.cfg.Self] >= openBytes/RangeBytesMax {
		return true // its turn comes
	}
	to := free[l.random()%uint64(len(free))]
	a.asked, a.atNs = append(a.asked, to), nowNs
	l.send(to, &Fetch{Range: a.r})
	return true
}

// targets are those who must hold what a correct proposer names, and were not asked: it and
// who voted for the block or one above it.
func (l *Lanes) targets(w *want, a *ask) (ids []pbft.ReplicaID) {
	for _, id := range l.others() {
		v := l.wants.voters[id].rank
		holds := id == w.header.Proposer || v.View == w.header.View && v.Seq >= w.header.Seq
		if holds && id != a.r.Lane && !slices.Contains(a.asked, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// opened counts the questions that have no answer, by member; under the own number are all.
func (l *Lanes) opened() []int {
	open := make([]int, len(l.lanes))
	for _, w := range l.wants.of {
		for _, a := range w.asks {
			if a.atNs > 0 {
				open[a.asked[len(a.asked)-1]]++
				open[l.cfg.Self]++
			}
		}
	}
	return open
}

// brought takes the answer to a question, or what a proposer sends unasked (L9).
func (l *Lanes) brought(from pbft.ReplicaID, m *Data, nowNs int64) pbft.Reason {
	if int(m.Range.Lane) >= len(l.lanes) {
		return pbft.InvalidContent
	}
	if len(m.Batches) == 0 {
		return l.notHere(from, m.Range)
	}
	if RangeOf(l.cfg.Committee, m.Range.Lane, m.Batches) != m.Range {
		return pbft.InvalidContent
	}
	asked, wanted := false, false
	for _, w := range slices.Clone(l.wants.of) {
		for _, a := range w.asks {
			if a.r != m.Range {
				continue
			}
			mine := slices.Contains(a.asked, from)
			asked = asked || mine
			cost := rangeCost(m.Batches)
			if !mine && from != w.header.Proposer || w.bytes > l.namedBytesMax() || l.wants.got+cost > AnsweredBytesMax {
				continue
			}
			wanted = true
			w.got[m.Range] = m.Batches
			w.bytes += cost
			l.wants.got += cost
			l.tryFirst(w, nowNs)
			break
		}
	}
	if from == l.primary && !asked {
		l.wants.carried[m.Range.Lane] = nowNs // it may come before its header is taken
		wanted = true
	}
	if !wanted {
		return pbft.IgnoredUnwanted
	}
	l.fetched.put(m.Range, m.Batches)
	l.filled(m)
	return pbft.Accepted
}

// filled notes that gaps of a lane are closed.
func (l *Lanes) filled(m *Data) {
	if x := l.lanes[m.Range.Lane]; x.now != nil && x.now.instance == m.Range.Instance {
		for _, b := range m.Batches {
			delete(x.now.gaps, b.Seq)
		}
	}
}

func (l *Lanes) notHere(from pbft.ReplicaID, r Range) pbft.Reason {
	is := pbft.IgnoredUnwanted
	for _, w := range l.wants.of {
		for _, a := range w.asks {
			if a.r == r && a.atNs > 0 && a.asked[len(a.asked)-1] == from {
				a.atNs, is = 0, pbft.Accepted
			}
		}
	}
	return is
}

// trip remembers the last round trips to a member.
type trip struct {
	ns [9]int64
	k  int
}

// Measured says how long a round trip to a member took.
func (l *Lanes) Measured(peer pbft.ReplicaID, roundTripNs int64) {
	if t := &l.trips[peer]; roundTripNs > 0 {
		t.ns[t.k%len(t.ns)] = roundTripNs
		t.k++
	}
}

// tripNs returns the median of the last round trips to a member, bounded.
func (l *Lanes) tripNs(peer pbft.ReplicaID) int64 {
	t := &l.trips[peer]
	n := min(t.k, len(t.ns))
	if n == 0 {
		return 0
	}
	known := t.ns
	slices.SortFunc(known[:n], cmp.Compare[int64])
	return min(known[n/2], tripMaxNs)
}
