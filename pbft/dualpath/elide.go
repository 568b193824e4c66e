package dualpath

import "github.com/scrip-network/scrip/pbft"

// Limits of leaving certificates out of proposals, in ticks (E1, E3).
const (
	// elideTicks is up to which age a certificate is left out.
	elideTicks = 100
	// bringTicks is for how long one PULL is remembered, and for how long who sends a
	// second one gets certificates with proposals.
	bringTicks = 1000
	// pulledTicks is the pause between two answers to one member about one block.
	pulledTicks = 10
)

// Waits before certificates are asked for, in microseconds (E2).
const (
	pullUsMin      = 20_000  // after the header
	pullAgainUsMin = 50_000  // after the last question
	roundTripUsMax = 200_000 // what is believed of a measured round trip
)

// lack is what is asked for because a block came without the certificate of its
// justification.
type lack struct {
	dueUs uint64         // time of the next question
	asks  int            // so far
	asked pbft.ReplicaID // who was asked last
}

// pulls counts who was answered about a block lately.
type pulls struct {
	at uint64 // tick of the first answer, plus one
	by pbft.Signers
}

// sendProposal sends an own proposal for the first time, without the certificate of its
// justification to those who have made it themselves (E1).
func (r *Replica) sendProposal(b *block) {
	whole := r.prePrepare(b)
	send := func(to pbft.ReplicaID, m *pbft.PrePrepare) {
		r.out.Messages = append(r.out.Messages, pbft.Outgoing{To: to, Message: m, First: true})
	}
	j := r.chain.byDigest[b.header().Justify.Digest]
	if whole.Certificate == nil || !r.mayElide(b, j) {
		send(pbft.Everyone, whole)
		return
	}
	bare := *whole
	bare.Certificate = nil
	var lacking pbft.Signers
	for id := range r.peers {
		if p := &r.peers[id]; p.connectedAt >= j.gatheredAt || r.now < p.bringUntil {
			lacking.Add(pbft.ReplicaID(id))
		}
	}
	if lacking.Count() == 0 {
		send(pbft.Everyone, &bare)
		return
	}
	for id := range pbft.ReplicaID(r.com.Size()) {
		switch {
		case id == r.self:
		case lacking.Has(id):
			send(id, whole)
		default:
			send(id, &bare)
		}
	}
}

// mayElide reports whether others can be expected to have made the certificate of j, the
// justification of b, from votes: it is of this view and new, this replica has made its
// own so, and b is not the first block of the view.
func (r *Replica) mayElide(b, j *block) bool {
	h := b.header()
	return r.cfg.Elide && h.Armed() && h.Seq > h.BaseSeq+1 && j.gatheredAt != 0 &&
		r.now < j.gatheredAt+elideTicks && 2*(h.Seq-j.ref.Seq) <= pbft.Seq(r.par.Window)
}

// noteLack remembers a block whose header came, until the certificate that its
// justification names is held.
func (r *Replica) noteLack(b *block) {
	if !r.cfg.Elide || b.header().Proposer == r.self || b.ref.View < r.view {
		return
	}
	if len(r.lacking) >= 2*int(r.par.Window) {
		r.lacking = r.lacking[1:]
	}
	b.lack = lack{dueUs: r.nowUs + max(pullUsMin, r.roundTrip(b.header().Proposer)/2)}
	r.lacking = append(r.lacking, b)
}

// lacks reports whether b waits for the certificate of its justification and for nothing
// before it: the way down is known.
func (r *Replica) lacks(b *block) (lacking, known bool) {
	j := b.header().Justify
	a := r.parent(b)
	for ; a != nil && a.ref.Seq > j.Seq; a = r.parent(a) {
		if a.certified() {
			return false, true
		}
	}
	return a == nil || a.ref == j && !a.certified(), a != nil
}

// pullDue asks for certificates that proposals came without and votes did not bring (E2).
func (r *Replica) pullDue() {
	if len(r.lacking) == 0 {
		return
	}
	kept := r.lacking[:0]
	for _, b := range r.lacking {
		lacking, known := r.lacks(b)
		if !lacking || b.ref.View < r.view || b.ref.Seq <= r.chain.committed.Seq {
			continue
		}
		kept = append(kept, b)
		if known && r.nowUs >= b.lack.dueUs && b.ref.View == r.view && r.inView() && r.voting() {
			r.pull(b)
		}
	}
	clear(r.lacking[len(kept):])
	r.lacking = kept
}

// pull asks the proposer, and then those in turn whose PREPARE shows that they hold the
// certificate.
func (r *Replica) pull(b *block) {
	x := &b.lack
	to := b.header().Proposer
	if s := r.slots.byKey[slotKey{b.ref.View, b.ref.Seq}]; x.asks > 0 && s != nil {
		for i := range r.com.Size() {
			id := (x.asked + 1 + pbft.ReplicaID(i)) % pbft.ReplicaID(r.com.Size())
			if id != r.self && (id == to || s.find(votePrepare, int(id), b.ref.Digest) != nil) {
				to = id
				break
			}
		}
	}
	x.asked = to
	x.asks++
	wait := max(pullAgainUsMin, r.roundTrip(to))
	for _, o := range r.lacking { // one question for all that name the same
		if o.header().Justify == b.header().Justify && o.lack.dueUs <= r.nowUs {
			o.lack.dueUs = r.nowUs + wait
		}
	}
	r.send(to, &pbft.Pull{Epoch: r.com.Epoch(), Justify: b.header().Justify, Block: b.ref.Digest})
}

// roundTrip returns what is believed of the way to a member and back, in microseconds.
func (r *Replica) roundTrip(id pbft.ReplicaID) uint64 {
	return min(r.peers[id].roundTripUs, roundTripUsMax)
}

// onPull answers with a certificate that serves in the place of the one asked for, once
// for each member and block in pulledTicks (E3).
func (r *Replica) onPull(from pbft.ReplicaID, m *pbft.Pull) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	j, b := r.chain.byDigest[m.Justify.Digest], r.chain.byDigest[m.Block]
	if j == nil || j.ref != m.Justify {
		return pbft.IgnoredUnwanted
	}
	c := r.serving(j, b)
	if c == nil {
		return pbft.IgnoredUnwanted
	}
	if j.pulls.at == 0 || r.now+1 >= j.pulls.at+pulledTicks {
		j.pulls = pulls{at: r.now + 1}
	}
	if j.pulls.by.Has(from) {
		return pbft.IgnoredQuota
	}
	j.pulls.by.Add(from)
	if b != nil && b.header().Proposer == r.self {
		r.notePull(from)
	}
	if !r.answer(from, r.proof(c)) {
		return pbft.IgnoredQuota
	}
	return pbft.Accepted
}

// serving returns the certificate of j, or of a block of its view on the way from b down
// to it, or nil.
func (r *Replica) serving(j, b *block) *pbft.Certificate {
	if c := j.certificate(); c != nil {
		return c
	}
	if b == nil || r.ancestor(b, j.ref.Seq) != j {
		return nil
	}
	for a := r.parent(b); a != j; a = r.parent(a) {
		if c := a.certificate(); c != nil && a.ref.View == j.ref.View {
			return c
		}
	}
	return nil
}

// notePull makes who PULLs twice from the proposer get certificates with proposals for a
// while: something is wrong between it and others.
func (r *Replica) notePull(from pbft.ReplicaID) {
	p := &r.peers[from]
	if p.pulledAt != 0 && r.now+1 <= p.pulledAt+bringTicks {
		p.bringUntil = r.now + bringTicks
	}
	p.pulledAt = r.now + 1
}
