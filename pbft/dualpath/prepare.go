package dualpath

import "github.com/scrip-network/scrip/pbft"

// tryPrepare casts every PREPARE that R2 allows now, in the order of the chain.
func (r *Replica) tryPrepare() {
	for r.voting() && r.inView() {
		b := r.candidate()
		if b == nil {
			return
		}
		r.prepare(b)
	}
}

// candidate returns the next block of the present view to be prepared (R2(a)), or nil:
// a child of the own tip, or else a child of something certified further up
// (a lagging replica skips what is certified: R2(b)).
func (r *Replica) candidate() *block {
	from := r.voteStart()
	if from == nil {
		return nil
	}
	if b := r.preparableChild(from); b != nil {
		return b
	}
	for _, up := range []*block{r.chain.byDigest[r.highRef.Digest], r.chain.byDigest[r.chain.committed.Digest]} {
		if up == nil || up.ref.Seq <= from.ref.Seq || up.ref.View != r.view || !up.certified() {
			continue
		}
		if r.aboveOwnTip(up) {
			if b := r.preparableChild(up); b != nil {
				return b
			}
		}
	}
	return nil
}

// voteStart returns t of R2(b): the own last PREPARE of the view or the base.
// Where that lies below the committed block and is settled on its chain, the
// committed block stands for it if it is of this view.
func (r *Replica) voteStart() *block {
	t := r.tipOf(r.view)
	at := r.entry.base
	if t != nil {
		at = t.last
	}
	if b := r.chain.byDigest[at.Digest]; b != nil {
		return b
	}
	c := r.chain.byDigest[r.chain.committed.Digest]
	if at.Seq <= r.chain.committed.Seq && c != nil && c.ref.View == r.view && (t == nil || t.settled) {
		return c
	}
	return nil
}

// aboveOwnTip reports whether b descends from t of R2(b).
func (r *Replica) aboveOwnTip(b *block) bool {
	t := r.tipOf(r.view)
	at, settled := r.entry.base, true
	if t != nil {
		at, settled = t.last, t.settled
	}
	if at.Seq <= r.chain.committed.Seq && settled {
		return r.descends(b, r.chain.committed)
	}
	return r.descends(b, at)
}

func (r *Replica) preparableChild(p *block) *block {
	for _, b := range r.chain.bySeq[p.ref.Seq+1] {
		if b.ref.Seq > r.chain.committed.Seq && b.ref.View == r.view && b.header().Parent == p.ref.Digest && r.preparable(b) {
			return b
		}
	}
	return nil
}

// preparable tests R2(c) and R2(d) for a block whose parent is already in order.
func (r *Replica) preparable(b *block) bool {
	if !b.signed || b.header().BaseSeq != r.entry.baseSeq {
		return false
	}
	need, whole, conflict := r.missingBelow(b)
	if !whole {
		if !conflict && need.Seq > 0 {
			r.want(need, b.header().Proposer, r.self, 0)
		}
		return false
	}
	r.askPayloads(b)
	// X and every uncertified ancestor, inherited ones included (R2(d)).
	certified := false
	for x := b; x != nil && x.ref.Seq > r.chain.committed.Seq; x = r.parent(x) {
		certified = certified || x.certified()
		if certified && x != b {
			continue
		}
		if r.contentValid(x) != valid || !r.timely(x, x == b) {
			return false
		}
	}
	return true
}

// askPayloads has the payloads of a block and of its uncertified ancestors checked,
// all together.
func (r *Replica) askPayloads(b *block) {
	for x := b; x != nil && x.ref.Seq > r.chain.committed.Seq && (x == b || !x.certified()); x = r.parent(x) {
		r.askPayload(x)
	}
}

// timely tests the clock part of R12. The lower bound was tested when the header
// arrived and concerns fresh blocks only (R12(b)); above the upper bound a block waits
// (R12(c)); what is certified is exempt (R12(d)).
func (r *Replica) timely(b *block, fresh bool) bool {
	if b.certified() {
		return true
	}
	if fresh && !r.rules.NotTooOld(b.late) {
		return false
	}
	p := r.parent(b)
	return p != nil && r.rules.NotTooNew(b.header().TimeMs, max(r.clockMs+r.par.PrecisionMs, p.header().TimeMs+1))
}

// contentValid is the content check of R2(d): a function of the chain, settled
// once. It returns unknown or asked while something is still missing.
func (r *Replica) contentValid(b *block) verdict {
	if b.content == valid || b.content == invalid {
		return b.content
	}
	v := r.judge(b)
	if v == valid || v == invalid {
		b.content = v
	}
	if v == invalid && b.ref.View == r.view && r.com.Primary(r.view) != r.self {
		r.suspect(pbft.SuspectTimeout, nil)
	}
	return v
}

// judge tests a block against its parent: its base, its time (R12(a)), its justification
// and the state that it names.
func (r *Replica) judge(b *block) verdict {
	r.askPayload(b)
	p := r.parent(b)
	if p == nil || b.payload == invalid {
		return pick(b.payload == invalid, invalid, unknown)
	}
	h, ph := b.header(), p.header()
	firstOfView := ph.View < h.View && h.BaseSeq == ph.Seq
	sameView := ph.View == h.View && h.BaseSeq == ph.BaseSeq
	if r.checkHeader(h) != pbft.Accepted || ph.Seq+1 != h.Seq || h.TimeMs <= ph.TimeMs ||
		!firstOfView && !sameView || h.ExecSeq < ph.ExecSeq {
		return invalid
	}
	if v := r.form(h, ph); v != valid {
		return v
	}
	if v := r.justification(b); v != valid {
		return v
	}
	if v := r.executionRoot(h, ph); v != valid {
		return v
	}
	return pick(!b.hasBody && r.rules.Expanded(false), valid, b.payload)
}

func pick(c bool, a, b verdict) verdict {
	if c {
		return a
	}
	return b
}

// justification tests R2(c): justify names, with its true view and position, a
// proper ancestor whose certificate is held. A certificate of a block between the
// two serves as well: it is of a view no lower, which is all that arming needs,
// and it is what a NEW-VIEW shows, where the older one may be nobody's any more.
func (r *Replica) justification(b *block) verdict {
	j := b.header().Justify
	certified := false
	a := r.parent(b)
	for ; a != nil && a.ref.Seq > j.Seq; a = r.parent(a) {
		certified = certified || a.certified()
	}
	if a == nil {
		return unknown
	}
	if a.ref != j && !(a.ref == r.epoch.genesis && j.Digest == a.ref.Digest && r.rules.Justifies(false)) {
		return invalid
	}
	return pick(r.rules.Justified(certified || a.certified()), valid, unknown)
}

// executionRoot compares the state that the header names with the own execution.
func (r *Replica) executionRoot(h, ph *pbft.Header) verdict {
	if h.ExecSeq == ph.ExecSeq {
		return pick(h.ExecRoot == ph.ExecRoot, valid, invalid)
	}
	res, ok := r.chain.results[h.ExecSeq]
	if !ok {
		return unknown
	}
	return pick(r.rules.RootAgrees(res.state, h.ExecRoot), valid, invalid)
}

// prepare casts the PREPARE for b (R2(e)). Entry, the highest certificate, bodies and vote
// become durable before it is sent (section 7); that certificate is not below the justification
// of b, since place raised it to every one that is held.
func (r *Replica) prepare(b *block) {
	if t := r.tipOf(r.view); !r.guardPrepare(b, t) {
		return
	}
	r.logHigh()
	r.logEntry()
	r.logChain(b)
	v := pbft.Vote{Epoch: r.com.Epoch(), Block: b.ref, Replica: r.self}
	v.Signature = r.sign(r.com.PrepareBytes(b.ref))
	m := &pbft.Prepare{Vote: v}
	r.record(pbft.Record{Kind: pbft.RecordPrepare, Prepare: m})
	r.setTip(b.ref)
	b.preparedAt, b.castUs = r.now+1, r.nowUs+1
	r.signed = append(r.signed, m)
	r.event(pbft.EventPrepare, b.ref, 0)
	r.send(pbft.Everyone, m)
}

// logEntry makes the entry into the present view durable, once: before the first
// own PREPARE or proposal of the view.
func (r *Replica) logEntry() {
	if r.entry.logged {
		return
	}
	r.entry.logged = true
	r.logged.view, r.logged.entry = r.view, r.entry
	r.record(pbft.Record{Kind: pbft.RecordEntry, View: r.view, Base: r.entry.base, NewView: r.entry.newView})
}

// logChain makes b and its uncommitted ancestors durable, lowest first.
func (r *Replica) logChain(b *block) {
	var up []*block
	for x := b; x != nil && x.ref.Seq > r.chain.committed.Seq && !x.logged; x = r.parent(x) {
		up = append(up, x)
	}
	for i := len(up) - 1; i >= 0; i-- {
		r.logBlock(up[i])
	}
}

// guardPrepare is the last line (R2(a), R7(c)) before the key (section 11, signer guards).
func (r *Replica) guardPrepare(b *block, t *tip) bool {
	return b.ref.View == r.view && b.ref.View >= r.vcSent && r.rules.Expanded(b.hasBody) &&
		(t == nil || t.last.Seq < b.ref.Seq)
}
