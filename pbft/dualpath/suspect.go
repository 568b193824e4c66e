package dualpath

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// suspicion is the pacemaker's state (R6, section 6).
type suspicion struct {
	clock struct {
		progressAt   uint64 // last commit of a block of the view, or its entry
		busyAt       uint64 // since when something waits to be committed
		viewChangeAt uint64 // when the last VIEW-CHANGE was signed
		sentAt       uint64 // when SUSPECT was last sent
	}
	busy bool
	// stood is for how many ticks the timer of the present view stood still.
	stood uint64
	// backoff is j of section 6 plus one: views voted for in a row without a
	// commit of their own.
	backoff  uint32
	own      pbft.View // view that this replica suspects, not below the present one; 0 if none
	reason   pbft.SuspectReason
	evidence []pbft.SignedHeader
}

// progressStatBuff keeps the last times from PREPARE to commit, in ticks.
type progressStatBuff struct {
	samples [64]uint64
	count   int
	p95     uint64
}

func (s *progressStatBuff) add(ticks uint64) {
	s.samples[s.count%len(s.samples)] = ticks
	s.count++
	if s.count%8 == 0 {
		n := min(s.count, len(s.samples))
		sorted := s.samples
		slices.Sort(sorted[:n])
		s.p95 = sorted[(n*95-1)/100]
	}
}

// timeout returns tau of the present view in ticks. Its base follows four times
// the measured time from PREPARE to commit, which needs only the nearest quorum,
// so f slow members cannot inflate it; it doubles with each view in a row that
// brought no commit (section 6).
func (r *Replica) timeout() uint64 {
	base := min(max(4*r.stats.p95, uint64(r.tm.TimeoutTicksMin)), uint64(r.tm.TimeoutTicksMax))
	if r.backoff > 1 {
		base <<= min(r.backoff-1, 16)
	}
	return min(base, uint64(r.tm.TimeoutTicksCap))
}

// progress notes a commit of a block of the present view.
func (r *Replica) progress() {
	r.clock.progressAt = r.now
	r.backoff = 0
	r.busy = false
	if r.own <= r.view {
		r.own, r.evidence = 0, nil
	}
}

// inFlight reports whether something of this replica's waits to be committed.
func (r *Replica) inFlight() bool {
	t := r.tipOf(r.view)
	return t != nil && t.last.Seq > r.chain.committed.Seq || r.chain.target != nil
}

func (r *Replica) tickSuspicion() {
	busy := r.pending || r.inFlight()
	if busy && !r.busy {
		r.clock.busyAt = r.now
	}
	r.busy = busy
	r.standStill()
	if r.overdue() {
		r.suspect(pbft.SuspectTimeout, nil)
	}
	if r.own != 0 || r.vcSent > r.view || r.slow() {
		if r.now-r.clock.sentAt >= max(1, min(r.timeout()/2, uint64(r.tm.RetransmitTicks))) {
			r.sendSuspicion()
		}
	}
	r.evaluate()
}

// standStill holds the progress timer of the present view for this tick if payload is
// coming from its primary: the line is slow then, and not the primary. A primary that
// only sends bytes gains StandstillTicks by it, once in its view (section 6).
func (r *Replica) standStill() {
	primary := r.com.Primary(r.view)
	if r.vcSent > r.view || primary == r.self || r.stood >= uint64(r.tm.StandstillTicks) ||
		max(r.clock.progressAt, r.clock.busyAt) == r.now || !r.arrivals.Arriving(primary, r.now) {
		return
	}
	r.stood++
	r.clock.progressAt = min(r.clock.progressAt+1, r.now)
	r.clock.busyAt = min(r.clock.busyAt+1, r.now)
}

// overdue reports whether the timer of the present view, or of the NEW-VIEW that
// is awaited, ran out (R6(a)).
func (r *Replica) overdue() bool {
	tau := r.timeout()
	switch {
	case r.vcSent > r.view:
		return r.now >= r.clock.viewChangeAt+tau
	case r.busy:
		return r.now >= max(r.clock.progressAt, r.clock.busyAt)+tau
	}
	return r.now >= r.clock.progressAt+uint64(r.tm.IdleTicks)+tau
}

// suspect asks to leave the present view (R6(a)). The replica keeps voting in it (R6(b)).
func (r *Replica) suspect(reason pbft.SuspectReason, evidence []pbft.SignedHeader) {
	if !r.voting() || r.own >= r.current() {
		return
	}
	r.own, r.reason, r.evidence = r.current(), reason, evidence
	r.event(pbft.EventSuspect, pbft.BlockRef{View: r.own}, uint64(reason))
	r.sendSuspicion()
	r.evaluate()
}

// sendSuspicion sends the own SUSPECT, and the VIEW-CHANGE again while its view
// is not entered.
func (r *Replica) sendSuspicion() {
	if !r.voting() {
		return
	}
	r.clock.sentAt = r.now
	view, reason, evidence := r.own, r.reason, r.evidence
	switch {
	case view != 0 && view >= r.current():
	case r.vcSent > r.view:
		view, reason, evidence = r.vcSent-1, pbft.SuspectTimeout, nil
	case r.slow():
		view, reason, evidence = r.view, pbft.SuspectSlow, nil
	default: // nothing is suspected
		r.broadcastStatus()
		return
	}
	m := &pbft.Suspect{Epoch: r.com.Epoch(), View: view, Reason: reason, Committed: r.chain.committed.Seq,
		Replica: r.self, Evidence: evidence}
	m.Signature = r.sign(r.com.SuspectBytes(m))
	r.send(pbft.Everyone, m)
	if r.vcSent > r.view && r.com.Primary(r.vcSent) != r.self {
		r.send(r.com.Primary(r.vcSent), r.ownVC)
	}
	r.broadcastStatus()
}

// onSuspect takes a SUSPECT from its signer's own channel.
func (r *Replica) onSuspect(from pbft.ReplicaID, m *pbft.Suspect) pbft.Reason {
	p := &r.peers[from]
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.Replica != from:
		return pbft.IgnoredSender
	case m.View == 0:
		return pbft.InvalidContent
	case m.View < r.current():
		r.answerEntry(from)
		return pbft.IgnoredStale
	case m.View < p.suspect, m.View == p.suspect && p.suspectAt == r.now:
		return pbft.IgnoredDuplicate
	}
	if !r.mayTestify(from) {
		return pbft.IgnoredQuota
	}
	if !r.cfg.Scheme.Verify(r.com.Key(from), r.com.SuspectBytes(m), m.Signature) {
		return pbft.InvalidSignature
	}
	if m.Reason == pbft.SuspectEvidence && !r.convicts(m.View, m.Evidence) {
		return pbft.InvalidContent
	}
	r.noteSuspect(from, m.View, m.Reason != pbft.SuspectSlow)
	if m.View > r.view {
		r.askEntry(from)
	}
	if m.Reason == pbft.SuspectEvidence && m.View == r.view {
		r.suspect(pbft.SuspectEvidence, m.Evidence)
	}
	r.evaluate()
	return pbft.Accepted
}

// Limits of the SUSPECTs and VIEW-CHANGEs of one member whose signatures are
// verified. What is dropped comes again.
const (
	testimoniesMax = 16
	testimonyTicks = 10
)

// mayTestify counts a SUSPECT or VIEW-CHANGE of a member and reports whether it is
// within the limit.
func (r *Replica) mayTestify(from pbft.ReplicaID) bool {
	p := &r.peers[from]
	if r.now >= p.testimonyAt+testimonyTicks {
		p.testimonyAt, p.testimonies = r.now, 0
	}
	p.testimonies++
	return p.testimonies <= testimoniesMax
}

func (r *Replica) noteSuspect(from pbft.ReplicaID, v pbft.View, join bool) {
	p := &r.peers[from]
	if v >= p.suspect {
		p.suspect, p.suspectJoin = v, join
		p.suspectAt, p.suspected = r.now, true
	}
}

// evaluate runs the two thresholds of R6 and R7: f+1 make this replica join, m
// make it send its VIEW-CHANGE. It repeats while something changes, so a replica
// far behind may sign several in one turn, and tells of the last.
func (r *Replica) evaluate() {
	own, sent := r.own, r.vcSent
	for r.evaluateOnce() {
	}
	if r.vcSent != sent || r.own != own && r.own != 0 {
		r.sendSuspicion()
	}
}

// evaluateOnce takes one step: whose SUSPECTs count (R6(c)), whether to join (R6(d)),
// whether to leave and for which view (R7(a)). It reports whether there may be another.
func (r *Replica) evaluateOnce() bool {
	if !r.voting() {
		return false
	}
	cur := r.current()
	var views []pbft.View
	join := 0
	for id := range r.peers {
		p := &r.peers[id]
		if id == int(r.self) || !p.suspected || p.suspect < cur ||
			!r.rules.SuspectCounts(r.now, p.suspectAt, uint64(r.tm.SuspectTicks)) {
			continue
		}
		views = append(views, p.suspect)
		if p.suspectJoin {
			join++
		}
	}
	if join >= r.com.WeakQuorum() && r.own < cur {
		r.own, r.reason, r.evidence = cur, pbft.SuspectTimeout, nil
		r.event(pbft.EventSuspect, pbft.BlockRef{View: cur}, uint64(pbft.SuspectTimeout))
	}
	if r.own >= cur || r.slow() {
		views = append(views, max(r.own, cur))
	}
	if len(views) < r.com.ViewChangeQuorum() {
		return false
	}
	slices.Sort(views)
	next := views[len(views)-r.com.ViewChangeQuorum()] + 1
	return r.startViewChange(next)
}

// convict takes two headers of one position from one primary: equivocation
// (R14(a)). It starts a view change only against the primary of the present view
// (evidence is also valid when it is old, and could be replayed for ever).
func (r *Replica) convict(a, b *pbft.SignedHeader) {
	e := []pbft.SignedHeader{*a, *b}
	if !r.rules.Convicts(r.com, a.Header.View, e) {
		return
	}
	r.accuse(pbft.TwoHeadersOf(a, b))
	r.event(pbft.EventEvidence, pbft.BlockRef{View: a.Header.View, Seq: a.Header.Seq}, uint64(a.Header.Proposer))
	if a.Header.View == r.current() {
		r.suspect(pbft.SuspectEvidence, e)
	}
}

// convicts checks evidence against the primary of a view, signatures included (R14(b)).
func (r *Replica) convicts(v pbft.View, e []pbft.SignedHeader) bool {
	holds := checkEvidence(r.com, v, e) && r.rules.EvidenceHolds(r.com, v, e, r.cfg.Scheme)
	if holds {
		r.accuse(pbft.TwoHeadersOf(&e[0], &e[1]))
	}
	return holds
}

// accuse hands out evidence that everybody can judge (R14(c)), once for each member and
// kind: a culprit can sign for any number of views.
func (r *Replica) accuse(m *pbft.Misbehaviour) {
	x, err := pbft.VerifyMisbehaviour(r.com, r.cfg.Scheme, m.Encode())
	x.View = 0
	if err == nil && !r.convicted[x] {
		r.convicted[x] = true
		r.out.Evidence = append(r.out.Evidence, m)
	}
}
