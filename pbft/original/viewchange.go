package original

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// timerState is the view timer.
type timerState struct {
	progressAt uint64 // last decision, or the view's entry
	busyAt     uint64 // since when something waits to be decided
	busy       bool
	stood      uint64 // for how many ticks the timer of the present view stood still
	waitAt     uint64 // since when m replicas wait for a NEW-VIEW, plus one; 0 if fewer do
	sentAt     uint64 // when the own VIEW-CHANGE was last sent
	// backoff counts the views voted for in a row without a decision of their own.
	backoff uint32
	// times are the last ones from PREPARE to decision, in ticks.
	times [64]uint64
	count int
}

// timeout returns the present view's timeout in ticks: four times the measured
// time to a decision within bounds, doubled with each view in a row that brought
// none. The policy is that of the dual-path engine.
func (r *Replica) timeout() uint64 {
	t := &r.timer
	base := uint64(r.tm.TimeoutTicksMin)
	if n := min(t.count, len(t.times)); n >= 8 {
		sorted := slices.Clone(t.times[:n])
		slices.Sort(sorted)
		base = max(base, 4*sorted[n-1-n/20])
	}
	base = min(base, uint64(r.tm.TimeoutTicksMax))
	if t.backoff > 1 {
		base <<= min(t.backoff-1, 16)
	}
	return min(base, uint64(r.tm.TimeoutTicksCap))
}

// progress notes the decision of the next slot in order.
func (r *Replica) progress(x *slot) {
	t := &r.timer
	t.progressAt, t.busy = r.now, false
	if x.commit.Block.View >= r.view {
		t.backoff = 0
	}
	if x.preparedAt != 0 {
		t.times[t.count%len(t.times)] = r.now + 1 - x.preparedAt
		t.count++
	}
}

// inFlight reports whether something of the present view waits to be decided.
func (r *Replica) inFlight() bool {
	for _, x := range r.above(r.committed.Seq) {
		if x.assigned != (pbft.BlockRef{}) || x.commit != nil {
			return true
		}
	}
	return false
}

// tickTimer gives a view up when its timer runs out: that of the view itself, or
// of the NEW-VIEW that m replicas wait for.
func (r *Replica) tickTimer() {
	t := &r.timer
	busy := r.pending || r.inFlight()
	if busy && !t.busy {
		t.busyAt = r.now
	}
	t.busy = busy
	r.standStill()
	r.join()
	tau := r.timeout()
	switch {
	case r.changed > r.view:
		if t.waitAt != 0 && r.now+1 >= t.waitAt+tau {
			r.startViewChange(r.changed + 1)
		}
	case busy && r.now >= max(t.progressAt, t.busyAt)+tau,
		r.now >= max(t.progressAt, t.busyAt)+uint64(r.tm.IdleTicks)+tau:
		r.startViewChange(r.view + 1)
	}
	if r.changed > r.view && r.voting() && r.now >= t.sentAt+max(1, min(tau/2, uint64(r.tm.RetransmitTicks))) {
		r.sendViewChange()
	}
}

// standStill holds the timer of the present view for this tick if payload is coming
// from its primary, at most StandstillTicks in a view. The policy is that of the
// dual-path engine.
func (r *Replica) standStill() {
	t, primary := &r.timer, r.com.Primary(r.view)
	if r.changed > r.view || primary == r.self || t.stood >= uint64(r.tm.StandstillTicks) ||
		max(t.progressAt, t.busyAt) == r.now || !r.arrivals.Arriving(primary, r.now) {
		return
	}
	t.stood++
	t.progressAt, t.busyAt = min(t.progressAt+1, r.now), min(t.busyAt+1, r.now)
}

func (r *Replica) sendViewChange() {
	r.timer.sentAt = r.now
	r.send(pbft.Everyone, r.ownChange)
	r.send(pbft.Everyone, r.position())
}

// join follows f+1 others to the highest view that so many want: one of them is
// honest. With m it starts the timer for the NEW-VIEW.
func (r *Replica) join() {
	var views []pbft.View
	for id := range r.peers {
		if c := r.peers[id].change; c != nil && id != int(r.self) {
			views = append(views, c.View)
		}
	}
	slices.Sort(views)
	if k := len(views) - r.com.WeakQuorum(); k >= 0 && views[k] > r.current() {
		r.startViewChange(views[k])
	}
	if r.changed <= r.view {
		return
	}
	waiting := 1 // this replica
	for _, v := range views {
		if v >= r.changed {
			waiting++
		}
	}
	if waiting < r.com.ViewChangeQuorum() {
		r.timer.waitAt = 0
	} else if r.timer.waitAt == 0 {
		r.timer.waitAt = r.now + 1
	}
}

// startViewChange signs the VIEW-CHANGE for a view, once. From then on this
// replica sends no PREPARE or COMMIT for a lower one.
func (r *Replica) startViewChange(v pbft.View) {
	if !r.voting() || v <= r.current() {
		return
	}
	m := &pbft.SlotViewChange{Epoch: r.com.Epoch(), View: v, Stable: r.stable, Checkpoint: r.stableProof, Replica: r.self}
	for _, x := range r.above(r.stable) {
		if !r.rules.ReportsPrepared(r.inWindow(x.seq)) {
			continue
		}
		if c := x.proof(v); c != nil {
			m.Prepared = append(m.Prepared, c.Block)
			m.Proofs = append(m.Proofs, c)
		}
	}
	m.Signature = r.cfg.Sign(r.com.SlotViewChangeBytes(m))
	r.changed, r.ownChange = v, m
	r.timer.backoff++
	r.timer.waitAt = 0
	r.record(pbft.Record{Kind: pbft.RecordSlotViewChange, SlotViewChange: m})
	r.signed = append(r.signed, m)
	r.event(pbft.EventViewChange, pbft.BlockRef{View: v}, 0)
	r.sendViewChange()
	r.join()
}

// proof returns what shows that a block was prepared in the highest view below
// v, or nil. A commit certificate shows it as well.
func (x *slot) proof(v pbft.View) (best *pbft.Certificate) {
	for _, c := range []*pbft.Certificate{x.prepared, x.commit} {
		if c != nil && c.Block.View < v && (best == nil || best.Block.View < c.Block.View) {
			best = c
		}
	}
	return best
}

// onViewChange takes a VIEW-CHANGE from its signer's own channel. Only the
// primary of its view needs what it attaches.
func (r *Replica) onViewChange(from pbft.ReplicaID, m *pbft.SlotViewChange) pbft.Reason {
	p := &r.peers[from]
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.Replica != from:
		return pbft.IgnoredSender
	case m.View == r.view && !p.late: // the NEW-VIEW is on its way
		p.late = true
		return pbft.IgnoredStale
	case m.View <= r.view:
		r.answerEntry(from)
		return pbft.IgnoredStale
	case p.change != nil && m.View <= p.change.View:
		return pbft.IgnoredDuplicate
	case !r.wellFormed(m):
		return pbft.InvalidContent
	case !r.mayTestify(from):
		return pbft.IgnoredQuota
	case !r.cfg.Scheme.Verify(r.com.Key(from), r.com.SlotViewChangeBytes(m), m.Signature):
		return pbft.InvalidSignature
	}
	kept := *m
	if r.com.Primary(m.View) != r.self {
		kept.Checkpoint, kept.Proofs = nil, nil
	}
	before, provedBefore := p.change, p.proved
	p.change, p.proved = &kept, false
	if r.com.Primary(m.View) == r.self && r.wished(m.View) && !r.proveChange(p) {
		p.change, p.proved = before, provedBefore
		return pbft.InvalidCertificate
	}
	r.join()
	return pbft.Accepted
}

// Limits of the VIEW-CHANGEs of one member whose signatures are verified. What is
// dropped comes again.
const (
	testimoniesMax = 16
	testimonyTicks = 10
)

// mayTestify counts a VIEW-CHANGE of a member and reports whether it is within the
// limit.
func (r *Replica) mayTestify(from pbft.ReplicaID) bool {
	p := &r.peers[from]
	if r.now >= p.testimonyAt+testimonyTicks {
		p.testimonyAt, p.testimonies = r.now, 0
	}
	p.testimonies++
	return p.testimonies <= testimoniesMax
}

// wished reports whether f+1 members are known to want a view. What a few attach for
// views that nobody else wants is not looked at before this replica is to lead one.
func (r *Replica) wished(v pbft.View) bool {
	n := 0
	for id := range r.peers {
		if c := r.peers[id].change; c != nil && c.View >= v || id == int(r.self) && r.changed >= v {
			n++
		}
	}
	return n >= r.com.WeakQuorum()
}

// proveChange checks what is attached to a member's VIEW-CHANGE and reports whether it
// proves it.
func (r *Replica) proveChange(p *peer) bool {
	m := *p.change
	if len(m.Proofs) != len(m.Prepared) || !r.isStable(m.Checkpoint, m.Stable) ||
		!r.prove(m.Prepared, m.Proofs, &m.Proofs) {
		return false
	}
	p.change, p.proved = &m, true
	return true
}

// wellFormed tests the signed part of a VIEW-CHANGE by itself.
func (r *Replica) wellFormed(m *pbft.SlotViewChange) bool {
	if m.Epoch != r.com.Epoch() || !r.com.Has(m.Replica) || m.View < 2 ||
		uint64(m.Stable)%r.par.CheckpointInterval != 0 {
		return false
	}
	below := m.Stable
	for _, c := range m.Prepared {
		if c.Seq <= below || c.Seq > m.Stable+r.span || c.View == 0 || c.View >= m.View {
			return false
		}
		below = c.Seq
	}
	return true
}

// prove checks that certificates prove the blocks named, one by one. Those that
// this replica holds itself are not verified again, and stand in kept for the
// ones that came.
func (r *Replica) prove(refs []pbft.BlockRef, proofs []*pbft.Certificate, kept *[]*pbft.Certificate) bool {
	out := make([]*pbft.Certificate, len(proofs))
	for i, c := range proofs {
		if c.Block != refs[i] || c.Kind != pbft.Prepared && c.Kind != pbft.CommittedSlow {
			return false
		}
		out[i] = c
		if x := r.slots[c.Block.Seq]; x != nil && x.prepared != nil && x.prepared.Block == c.Block {
			out[i] = x.prepared
		} else if !r.com.VerifyCertificate(c, r.cfg.Scheme) {
			return false
		}
	}
	*kept = out
	return true
}
