package original

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// order is what a set of VIEW-CHANGEs makes a new view order again.
type order struct {
	stable pbft.Seq        // the highest stable checkpoint
	slots  []pbft.BlockRef // of the new view, from stable+1 on
	// proved are the reports of the highest view behind slots, ascending; the
	// other slots are null requests.
	proved []pbft.BlockRef
}

// choose computes what a view begins with (O of the papers): above the highest
// stable checkpoint, up to the highest sequence number that anybody reports, what
// was prepared in the highest view, or a null request. It is a function of its
// arguments. ok is false if two different blocks are reported of that view, which
// no proofs can show.
func (r *Replica) choose(reports []pbft.SlotViewChange, v pbft.View, timeMs uint64) (o order, ok bool) {
	for i := range reports {
		o.stable = max(o.stable, reports[i].Stable)
	}
	type best struct {
		ref      pbft.BlockRef
		reports  int
		conflict bool
	}
	table := make([]best, 0, r.span)
	for i := range reports {
		for _, p := range reports[i].Prepared {
			if p.Seq <= o.stable {
				continue
			}
			at := int(p.Seq - o.stable - 1)
			for len(table) <= at {
				table = append(table, best{})
			}
			x := &table[at]
			switch {
			case r.rules.Wins(p.View, x.ref.View):
				*x = best{ref: p, reports: 1}
			case p.View == x.ref.View:
				x.conflict = x.conflict || p != x.ref
				x.reports++
			}
		}
	}
	ok = true
	for i := range table {
		x := &table[i]
		ok = ok && !x.conflict
		seq := o.stable + pbft.Seq(i) + 1
		if r.rules.Null(x.ref.View, x.reports, r.com.WeakQuorum()) {
			null := r.com.NullHeader(v, seq, timeMs)
			o.slots = append(o.slots, r.com.Ref(&null))
			continue
		}
		o.proved = append(o.proved, x.ref)
		o.slots = append(o.slots, pbft.BlockRef{View: v, Seq: seq, Digest: x.ref.Digest})
	}
	return o, ok
}

// tryNewView sends the NEW-VIEW of a view that this replica leads once it has m
// VIEW-CHANGEs with their proofs.
func (r *Replica) tryNewView() {
	v := r.changed
	if v <= r.view || r.com.Primary(v) != r.self || !r.voting() {
		return
	}
	need := r.rules.Reports(r.com)
	m := &pbft.SlotNewView{Epoch: r.com.Epoch(), View: v, TimeMs: max(r.clockMs, 1)}
	proofs := make(map[pbft.BlockRef]*pbft.Certificate) // only looked up
	for id := range r.peers {
		p := &r.peers[id]
		if p.change == nil || p.change.View != v || len(m.ViewChanges) == need {
			continue
		}
		if !p.proved && !r.proveChange(p) {
			p.change = nil
			continue
		}
		core := *p.change
		core.Checkpoint, core.Proofs = nil, nil
		m.ViewChanges = append(m.ViewChanges, core)
		if c := p.change.Checkpoint; c != nil && (m.Checkpoint == nil || m.Checkpoint.Seq < c.Seq) {
			m.Checkpoint = c
		}
		for _, c := range p.change.Proofs {
			proofs[c.Block] = c
		}
	}
	if len(m.ViewChanges) < need {
		return
	}
	o, ok := r.choose(m.ViewChanges, v, m.TimeMs)
	if !ok { // proofs exclude it, unless more than f members are faulty
		return
	}
	m.Slots = o.slots
	for _, ref := range o.proved {
		m.Proofs = append(m.Proofs, proofs[ref])
	}
	m.Signature = r.cfg.Sign(r.com.SlotNewViewBytes(m))
	r.event(pbft.EventNewView, pbft.BlockRef{View: v, Seq: o.stable}, uint64(len(o.slots)))
	r.send(pbft.Everyone, m)
	r.enter(m, o)
	r.logEntry() // a second NEW-VIEW of the view would be a lie
}

// onNewView takes a NEW-VIEW from any member, since its primary signed it.
func (r *Replica) onNewView(m *pbft.SlotNewView) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.View < 2:
		return pbft.InvalidContent
	case m.View <= r.view || m.View < r.changed:
		return pbft.IgnoredStale
	}
	o, kept, reason := r.checkNewView(m)
	if reason != pbft.Accepted {
		return reason
	}
	if r.overtaken(m.View, o.slots) {
		return pbft.IgnoredStale
	}
	r.enter(kept, o)
	r.takeEarly()
	return reason
}

// overtaken reports whether something else than a NEW-VIEW orders was decided in its
// view or a later one: then its primary has sent another one too, or what it orders
// was never prepared. It says nothing about more than f members, and is of no use.
func (r *Replica) overtaken(v pbft.View, slots []pbft.BlockRef) bool {
	for _, ref := range slots {
		x := r.slots[ref.Seq]
		if x != nil && x.done != (pbft.Digest{}) && x.done != ref.Digest && x.commit != nil && x.commit.Block.View >= v {
			return true
		}
	}
	return false
}

// checkNewView computes again what the view must begin with, and checks all
// signatures and proofs. kept is m with the proofs that this replica holds.
func (r *Replica) checkNewView(m *pbft.SlotNewView) (o order, kept *pbft.SlotNewView, reason pbft.Reason) {
	if len(m.ViewChanges) != r.rules.Reports(r.com) {
		return o, nil, pbft.InvalidContent
	}
	var b pbft.Batch
	b.Add(r.com.Key(r.com.Primary(m.View)), r.com.SlotNewViewBytes(m), m.Signature)
	for i := range m.ViewChanges {
		x := &m.ViewChanges[i]
		if x.View != m.View || i > 0 && x.Replica <= m.ViewChanges[i-1].Replica || !r.wellFormed(x) {
			return o, nil, pbft.InvalidContent
		}
		b.Add(r.com.Key(x.Replica), r.com.SlotViewChangeBytes(x), x.Signature)
	}
	if !b.All(r.cfg.Scheme) {
		return o, nil, pbft.InvalidSignature
	}
	o, ok := r.choose(m.ViewChanges, m.View, m.TimeMs)
	if !r.rules.Recomputes() {
		o.slots = m.Slots
		return o, m, pbft.Accepted
	}
	if !ok || !slices.Equal(o.slots, m.Slots) || len(o.proved) != len(m.Proofs) {
		return o, nil, pbft.InvalidContent
	}
	mine := *m
	if !r.isStable(m.Checkpoint, o.stable) || !r.prove(o.proved, m.Proofs, &mine.Proofs) {
		return o, nil, pbft.InvalidCertificate
	}
	return o, &mine, pbft.Accepted
}

// enter starts a view: its NEW-VIEW stands for a PRE-PREPARE of each slot that it
// orders again. Nothing is durable before the first own message of the view.
func (r *Replica) enter(m *pbft.SlotNewView, o order) {
	r.view, r.entry, r.entryLogged = m.View, m, false
	r.timer.progressAt, r.timer.busy, r.timer.waitAt, r.timer.stood = r.now, false, 0, 0
	r.lead = leadState{next: o.stable + pbft.Seq(len(o.slots)) + 1, at: r.now, timeMs: m.TimeMs}
	for id := range r.peers {
		r.peers[id].late = false
	}
	r.event(pbft.EventEnter, pbft.BlockRef{View: m.View, Seq: o.stable}, uint64(len(o.slots)))
	if m.Checkpoint != nil {
		r.setStable(m.Checkpoint)
	}
	for _, x := range r.order {
		x.assigned, x.askAt, x.asks = pbft.BlockRef{}, 0, 0
		r.dropRounds(x, m.View)
	}
	for _, ref := range o.slots {
		if ref.Seq <= r.stable || ref.Seq > r.stable+r.span {
			continue
		}
		x := r.slot(ref.Seq)
		x.assigned = ref
		null := r.com.NullHeader(m.View, ref.Seq, m.TimeMs)
		if r.com.HeaderDigest(&null) == ref.Digest {
			r.keepBlock(x, ref.Digest, &pbft.Block{SignedHeader: pbft.SignedHeader{Header: null}}).payload = valid
		}
		if x.done != (pbft.Digest{}) && x.done != ref.Digest {
			r.become(pbft.Broken)
		}
	}
	for _, x := range r.above(r.stable) {
		x.blocks = slices.DeleteFunc(x.blocks, func(b *block) bool { // nobody's but a former primary's
			return !b.logged && !r.needed(x, b.digest)
		})
		x.sketches = slices.DeleteFunc(x.sketches, func(k *sketch) bool { return !r.needed(x, k.ref.Digest) })
		r.prepareVote(x)
		r.recount(x)
	}
}

// recount makes certificates from votes that came before their view was entered.
func (r *Replica) recount(x *slot) {
	y := x.roundOf(r.view)
	if y == nil {
		return
	}
	for k := range y.votes {
		for _, s := range slices.Clone(y.votes[k]) { // false ones go on the way
			r.count(x, y, phase(k), s.of)
		}
	}
}
