package original

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// phase tells the two votes of a position apart.
type phase uint8

const (
	prepares phase = iota
	commits
	phases
)

// round holds the votes of one sequence number in one view.
type round struct {
	view  pbft.View
	votes [phases]pool[pbft.Digest]
}

// verdict is the state of a payload check.
type verdict uint8

const (
	unknown verdict = iota
	asked
	valid
	invalid
)

// block is a block that was proposed for a sequence number.
type block struct {
	digest  pbft.Digest
	block   *pbft.Block
	payload verdict
	logged  bool
	// late: its time was too long ago when it arrived.
	late bool
	// recipe is what this replica can send in the place of the body, nil if nothing.
	recipe []byte
	// voted is the last view in which this replica prepared it, 0 if none.
	voted pbft.View
}

// slot is what is known of one sequence number.
type slot struct {
	seq pbft.Seq
	// assigned is the present view's PRE-PREPARE, zero if none.
	assigned pbft.BlockRef
	blocks   []*block
	rounds   []*round
	// prepared is the certificate of the highest view in which a block was
	// prepared here, commit the one that decides.
	prepared, commit *pbft.Certificate
	// done is the digest of the decided block once it was handed out.
	done pbft.Digest
	// The views of the last own PREPARE and COMMIT.
	prepareView, commitView pbft.View
	preparedAt              uint64 // tick of the own PREPARE, plus one
	// Fetching of a block that is needed: when it is asked for next, since when it is
	// wanted or was asked for, and from whom.
	askAt, wantAt uint64
	asks          int
	asked         pbft.ReplicaID
	sketches      []*sketch
}

// blocksMax bounds the blocks that are remembered of one sequence number: those
// of the present view, of certificates, and of the newest own votes.
const blocksMax = 8

// anchor starts at the driver's last stored block.
func (r *Replica) anchor() error {
	genesis := r.com.Ref(&r.cfg.Genesis)
	a := r.cfg.Anchor
	if a.Header == (pbft.Header{}) {
		a.Header = r.cfg.Genesis
	}
	r.committed = r.com.Ref(&a.Header)
	if a.Header.Seq == 0 && r.committed != genesis {
		return fmt.Errorf("original: the anchor is another chain's genesis")
	}
	r.executed = r.committed.Seq
	r.heightsLow = r.executed
	for r.cfg.History != nil && r.heightsLow > 0 && r.executed-r.heightsLow < r.keep() {
		h, ok := r.cfg.History(r.heightsLow)
		if !ok {
			break
		}
		x := r.height(r.heightsLow)
		x.own, x.executed = results{r.com.HeaderDigest(&h.Header), h.StateRoot, h.ReceiptRoot}, true
		r.heightsLow--
	}
	return nil
}

// slot returns the slot of a sequence number, which is above low.
func (r *Replica) slot(s pbft.Seq) *slot {
	x := r.slots[s]
	if x == nil {
		x = &slot{seq: s}
		r.slots[s] = x
		r.order = slices.Insert(r.order, len(r.order)-len(r.above(s)), x)
	}
	return x
}

// above returns the slots above a sequence number, ascending.
func (r *Replica) above(s pbft.Seq) []*slot {
	at, _ := slices.BinarySearchFunc(r.order, s+1, func(x *slot, s pbft.Seq) int { return cmp.Compare(x.seq, s) })
	return r.order[at:]
}

// inWindow reports whether a sequence number is between the watermarks.
func (r *Replica) inWindow(s pbft.Seq) bool { return s > r.stable && s <= r.stable+r.span }

func (x *slot) round(v pbft.View) *round {
	at := 0
	for at < len(x.rounds) && x.rounds[at].view < v {
		at++
	}
	if at < len(x.rounds) && x.rounds[at].view == v {
		return x.rounds[at]
	}
	y := &round{view: v}
	x.rounds = append(x.rounds, nil)
	copy(x.rounds[at+1:], x.rounds[at:])
	x.rounds[at] = y
	return y
}

// roundOf returns the votes of a view, nil if there are none.
func (x *slot) roundOf(v pbft.View) *round {
	for _, y := range x.rounds {
		if y.view == v {
			return y
		}
	}
	return nil
}

// find returns a known block, or nil.
func (x *slot) find(d pbft.Digest) *block {
	for _, b := range x.blocks {
		if b.digest == d {
			return b
		}
	}
	return nil
}

// holds reports whether a block is held, here or in the driver's store.
func (x *slot) holds(d pbft.Digest) bool {
	return x.done == d && d != pbft.Digest{} || x.find(d) != nil
}

// keepBlock remembers a block, in place of the least useful one if there are too
// many.
func (r *Replica) keepBlock(x *slot, d pbft.Digest, b *pbft.Block) *block {
	if y := x.find(d); y != nil {
		return y
	}
	if len(x.blocks) >= blocksMax {
		least := -1
		for i, y := range x.blocks {
			if !r.needed(x, y.digest) && (least < 0 || y.voted < x.blocks[least].voted) {
				least = i
			}
		}
		x.blocks = append(x.blocks[:least], x.blocks[least+1:]...)
	}
	// The clock's lower bound is tested at the first arrival, however the block
	// comes; there is no clock while the log is restored.
	y := &block{digest: d, block: b, late: r.isLate(&b.Header)}
	if k := x.sketch(d); k != nil {
		b.SignedHeader = k.header // of which the signature was verified
		y.late, y.recipe = k.late, k.recipe
		x.sketches = slices.DeleteFunc(x.sketches, func(o *sketch) bool { return o == k })
	}
	x.blocks = append(x.blocks, y)
	x.askAt, x.asks = 0, 0
	return y
}

// isLate tests the clock's lower bound of a block that arrives.
func (r *Replica) isLate(h *pbft.Header) bool {
	bound := r.par.PrecisionMs + r.par.DelayMs
	return r.clockMs > bound && h.TimeMs < r.clockMs-bound
}

// needed reports whether a certificate or the present view names a block.
func (r *Replica) needed(x *slot, d pbft.Digest) bool {
	return x.assigned.Digest == d || x.prepared != nil && x.prepared.Block.Digest == d ||
		x.commit != nil && x.commit.Block.Digest == d
}

// logBlock makes a block durable, once. What was executed is in the store.
func (r *Replica) logBlock(x *slot, d pbft.Digest) {
	if b := x.find(d); b != nil && !b.logged && x.done != d {
		b.logged = true
		r.record(pbft.Record{Kind: pbft.RecordBlock, Block: b.block})
	}
}

// tryDecide hands out the decided blocks that are next in the order.
func (r *Replica) tryDecide() {
	for r.condition != pbft.Broken {
		x := r.slots[r.committed.Seq+1]
		if x == nil || x.commit == nil {
			return
		}
		b := x.find(x.commit.Block.Digest)
		if b == nil {
			return
		}
		r.logBlock(x, b.digest)
		r.record(pbft.Record{Kind: pbft.RecordCommit, Certificate: x.commit})
		x.done = b.digest
		r.committed = r.com.Ref(&b.block.Header)
		r.out.Committed = append(r.out.Committed,
			pbft.CommittedBlock{Digest: b.digest, Block: b.block, Certificate: x.commit})
		r.event(pbft.EventCommit, r.committed, uint64(x.commit.Kind))
		r.progress(x)
	}
}

// learn takes a verified certificate of a slot.
func (r *Replica) learn(x *slot, c *pbft.Certificate) {
	if c.Kind == pbft.CommittedSlow {
		r.learnCommit(x, c)
		return
	}
	if x.prepared != nil && x.prepared.Block.View >= c.Block.View {
		return
	}
	x.prepared = c
	r.lead.followed = r.lead.followed || c.Block.View == r.view
	r.event(pbft.EventPrepared, c.Block, uint64(c.Kind))
	r.commitVote(x)
}

// learnCommit takes the certificate that decides a slot. Two of them for
// different blocks show that more than f members are faulty.
func (r *Replica) learnCommit(x *slot, c *pbft.Certificate) {
	d := c.Block.Digest
	if x.done != (pbft.Digest{}) && x.done != d || x.commit != nil && x.commit.Block.Digest != d {
		r.become(pbft.Broken)
		return
	}
	if x.commit == nil {
		x.commit = c
	}
}

// forget drops the slots that are both stable and executed, and the payloads of
// executed blocks, which the driver's store holds.
func (r *Replica) forget() {
	r.low = min(r.stable, r.executed)
	keep := r.above(r.low)
	for _, x := range r.order[:len(r.order)-len(keep)] {
		r.dropRounds(x, ^pbft.View(0))
		delete(r.slots, x.seq)
	}
	if len(keep) < len(r.order) {
		r.order = slices.Clone(keep)
	}
	for ; r.heightsLow+r.keep() < r.executed; r.heightsLow++ {
		delete(r.heights, r.heightsLow+1)
	}
}

// dropRounds forgets the votes of views below v.
func (r *Replica) dropRounds(x *slot, v pbft.View) {
	kept := x.rounds[:0]
	for _, y := range x.rounds {
		if y.view >= v {
			kept = append(kept, y)
			continue
		}
		for _, p := range y.votes {
			for i := range p {
				r.peers[p[i].by].votes--
			}
		}
	}
	clear(x.rounds[len(kept):])
	x.rounds = kept
}
