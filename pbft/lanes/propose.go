package lanes

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// quantumBytes is what a lane may put into a block more each time it has its turn.
const quantumBytes = 4 << 10

// Draft is what a block is proposed with (L6).
type Draft struct {
	Payload []byte
	Root    pbft.Digest
	// Recipe expands to Payload.
	Recipe []byte
	// Txs are the transactions of the payload in order, IDs and Checked what is known of
	// each.
	Txs     []Tx
	IDs     []pbft.Digest
	Checked []any

	of     []chosen // of batches
	inline []Own
	lanes  pbft.Signers
	ranges []Range
	next   int // the lane after the last one served
}

// chosen is a batch of which transactions were chosen.
type chosen struct {
	h     *held
	takes []int // indexes, ascending
}

// picker walks through what a lane has that may be proposed.
type picker struct {
	x     *lane
	at    int // in x.queue
	index int // in the batch there
	of    []chosen
	unset []Own // own transactions that no batch has, for the own lane
	taken int   // of them
}

// drafting is a block that is being filled.
type drafting struct {
	l        *Lanes
	bytes    int // of the payload
	bytesMax int
	txs      int
	txsMax   int
	written  uint32 // of the own lane
	nowNs    int64
	batches  int // that are named, and their bytes and transactions
	named    int
	namedTxs int
	in       map[pbft.Digest]struct{}
}

// Propose chooses the transactions of the next block: of each lane those that are verified
// here and free, in turn by bytes, in order within a lane. It takes nothing away:
// Proposed says what became of the draft. It returns nil if nothing can be proposed.
func (l *Lanes) Propose(bytesMax, txsMax int, nowNs int64) *Draft {
	d := &drafting{l: l, bytes: payloadOverheadBytes, bytesMax: bytesMax, txsMax: min(txsMax, ExpandedTxsMax),
		written: l.writtenOut(nowNs), nowNs: nowNs, in: make(map[pbft.Digest]struct{})}
	pickers := make([]picker, len(l.lanes))
	for i := range pickers {
		pickers[i].x = l.lanes[i]
	}
	pickers[l.cfg.Self].unset = l.inline()
	next := d.fill(pickers)
	if d.txs == 0 {
		return nil
	}
	return d.draft(pickers, next)
}

// News counts what may have made a transaction fit to be proposed: while it stays as it was, a
// Propose that found nothing is worth no second try but for time that passes.
func (l *Lanes) News() uint64 { return l.news }

// payloadOverheadBytes is the count before the transactions of a payload.
const payloadOverheadBytes = 4

// fill lets lanes take turns until the block is full or none has more. It returns the lane
// whose turn is next.
func (d *drafting) fill(pickers []picker) (next int) {
	n := len(pickers)
	next = d.l.turn % n
	for idle, at := 0, next; idle < n; at = (at + 1) % n {
		p := &pickers[at]
		size, more := d.peek(p)
		if !more {
			p.x.deficit = 0
			idle++
			continue
		}
		idle = 0
		p.x.deficit += quantumBytes
		for more && size <= p.x.deficit {
			if d.bytes+size > d.bytesMax || d.txs == d.txsMax {
				return at
			}
			d.take(p, size)
			size, more = d.peek(p)
		}
		next = (at + 1) % n
	}
	return next
}

// peek finds the next transaction of a lane that may be proposed, and its size.
func (d *drafting) peek(p *picker) (size int, ok bool) {
	for ; p.at < len(p.x.queue); p.at, p.index = p.at+1, 0 {
		h := p.x.queue[p.at]
		for ; !h.freed && p.index < len(h.entries); p.index++ {
			if e := &h.entries[p.index]; e.standing != valid || e.named == d.l.view || !d.free(e.id) {
				continue
			}
			if !p.names(h) && !d.mayName(p, h) {
				break
			}
			return txOverheadBytes + len(h.Txs[p.index].Bytes), true
		}
	}
	for ; p.taken < len(p.unset); p.taken++ {
		if o := &p.unset[p.taken]; d.free(o.ID) {
			return txOverheadBytes + len(o.Tx.Bytes), true
		}
		p.unset[p.taken].Tx.Bytes = nil // not in this block
	}
	return 0, false
}

// names reports whether a batch is named already.
func (p *picker) names(h *held) bool { return len(p.of) > 0 && p.of[len(p.of)-1].h == h }

func (d *drafting) free(id pbft.Digest) bool {
	if _, twice := d.in[id]; twice {
		return false
	}
	return d.l.cfg.Pool.Standing(id) == Free
}

// mayName reports whether a batch may be named besides those that are: its lane is not held
// back (L9), and what others may have to fetch for the block stays bounded.
func (d *drafting) mayName(p *picker, h *held) bool {
	l := d.l
	return d.batches < PartsMax-1 && d.named+h.bytes <= l.namedBytesMax() && d.namedTxs+len(h.Txs) <= NamedTxsMax &&
		(p.x.id != l.cfg.Self || h.run != p.x.now || h.Seq <= d.written) && l.mayCarry(h, d.nowNs)
}

// namedBytesMax bounds the bytes that a recipe names, left-out ones included.
func (l *Lanes) namedBytesMax() int { return 2 * int(l.cfg.Committee.Parameters().PayloadBytesMax) }

// take puts what peek has found into the block.
func (d *drafting) take(p *picker, size int) {
	d.txs++
	d.bytes += size
	p.x.deficit -= size
	if p.at == len(p.x.queue) {
		d.in[p.unset[p.taken].ID] = struct{}{}
		p.taken++
		return
	}
	h := p.x.queue[p.at]
	d.in[h.entries[p.index].id] = struct{}{}
	if !p.names(h) {
		p.of = append(p.of, chosen{h: h})
		d.batches++
		d.named += h.bytes
		d.namedTxs += len(h.Txs)
	}
	c := &p.of[len(p.of)-1]
	c.takes = append(c.takes, p.index)
	p.index++
}

// draft makes recipe and payload of what was chosen: lane by lane, in the order in which
// they were served.
func (d *drafting) draft(pickers []picker, next int) *Draft {
	l := d.l
	x := &Draft{next: next}
	var recipe Recipe
	for i := range pickers {
		p := &pickers[(l.turn+i)%len(pickers)]
		recipe = append(recipe, l.parts(p.x.id, p.of)...)
		x.of = append(x.of, p.of...)
		for _, c := range p.of {
			for _, at := range c.takes {
				x.add(c.h.Txs[at], c.h.entries[at].id, c.h.entries[at].checked)
			}
		}
		var part Part
		for _, o := range p.unset[:p.taken] {
			if o.Tx.Bytes != nil {
				x.add(o.Tx, o.ID, o.Checked)
				x.inline = append(x.inline, o)
				part.Inline = append(part.Inline, o.Tx)
			}
		}
		if part.Inline != nil {
			recipe = append(recipe, part)
		}
	}
	leaves := make([]pbft.Digest, len(x.Txs))
	raws := make([][]byte, len(x.Txs))
	for i := range x.Txs {
		leaves[i], raws[i] = x.Txs[i].Leaf, x.Txs[i].Bytes
	}
	x.Root, x.Payload, x.Recipe = l.cfg.Root(leaves), l.cfg.Payload(raws), recipe.Append(nil)
	for i := range recipe {
		if recipe[i].Inline == nil {
			x.lanes.Add(recipe[i].Range.Lane)
			x.ranges = append(x.ranges, recipe[i].Range)
		}
	}
	return x
}

// Inline returns the ids of own transactions that no batch has.
func (x *Draft) Inline() []pbft.Digest {
	ids := make([]pbft.Digest, len(x.inline))
	for i := range x.inline {
		ids[i] = x.inline[i].ID
	}
	return ids
}

func (x *Draft) add(tx Tx, id pbft.Digest, checked any) {
	x.Txs, x.IDs, x.Checked = append(x.Txs, tx), append(x.IDs, id), append(x.Checked, checked)
}

// parts returns the ranges of chosen batches of a lane: runs of numbers that follow each
// other, no larger than one answer, with masks where something is left out.
func (l *Lanes) parts(a pbft.ReplicaID, of []chosen) (parts []Part) {
	for len(of) > 0 {
		k, bytes := 1, of[0].h.bytes
		for k < len(of) && k < RangeBatchesMax && of[k].h.run == of[0].h.run && of[k].h.Seq == of[k-1].h.Seq+1 &&
			bytes+of[k].h.bytes <= RangeBytesMax {
			bytes += of[k].h.bytes
			k++
		}
		batches := make([]*Batch, k)
		for i := range batches {
			batches[i] = of[i].h.Batch
		}
		parts = append(parts, Part{Range: RangeOf(l.cfg.Committee, a, batches), Mask: maskOf(of[:k])})
		of = of[k:]
	}
	return parts
}

// maskOf returns the mask that leaves out what was not chosen, nil if all was.
func maskOf(of []chosen) []byte {
	txs, takes := 0, 0
	for _, c := range of {
		txs += len(c.h.Txs)
		takes += len(c.takes)
	}
	if takes == txs {
		return nil
	}
	mask := make([]byte, (txs+7)/8)
	base := 0
	for _, c := range of {
		for i := range c.h.Txs {
			if _, is := slices.BinarySearch(c.takes, i); !is {
				mask[(base+i)/8] |= 1 << ((base + i) % 8)
			}
		}
		base += len(c.h.Txs)
	}
	return mask
}

// inline returns own transactions that wait to be sealed, as many as a recipe may hold
// itself, in their order.
func (l *Lanes) inline() (of []Own) {
	most := l.inlineMax()
	for _, o := range l.unsealed.peek(most) {
		if most -= txOverheadBytes + len(o.Tx.Bytes); most >= 0 {
			of = append(of, o)
		}
	}
	return of
}
