package dualpath

import (
	"math/bits"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// patienceUsMax bounds how long a COMMIT waits for the fast path, in microseconds (V1).
const patienceUsMax = 10_000

// patience is what is known of the fast path lately, and which COMMITs wait for it.
type patience struct {
	waiting []*block
	// spreads are the times from the q-th PREPARE to the F-th, of the last armed blocks, and
	// p90 bounds nine of ten of them; rounds are those from the own PREPARE to the q-th.
	spreads, rounds [64]uint64
	count           int
	p90, round      uint64 // round is the median
	// fast has a bit for each of the last 16 armed blocks that this replica prepared, the
	// newest lowest: whether it committed fast.
	fast uint16
}

// noteSpread measures by how much the last PREPARE of a fast quorum comes behind that of a
// quorum.
func (r *Replica) noteSpread(b *block, have int) {
	if b.quorumUs == 0 && have >= r.quorum() {
		b.quorumUs = r.nowUs + 1
	}
	if b.spread || have < r.com.FastQuorum() {
		return
	}
	b.spread = true
	p := &r.patience
	at := p.count % len(p.spreads)
	p.spreads[at], p.rounds[at] = r.nowUs+1-b.quorumUs, 0
	if b.castUs != 0 && b.castUs < b.quorumUs {
		p.rounds[at] = b.quorumUs - b.castUs
	}
	if p.count++; p.count%8 == 0 {
		n := min(p.count, len(p.spreads))
		spreads, rounds := p.spreads, p.rounds
		slices.Sort(spreads[:n])
		slices.Sort(rounds[:n])
		p.p90, p.round = spreads[(n*90-1)/100], rounds[n/2]
	}
}

// noteFast notes by which way an armed block committed that this replica prepared.
func (r *Replica) noteFast(b *block, top *pbft.Certificate) {
	if b.preparedAt == 0 || !b.header().Armed() {
		return
	}
	r.patience.fast <<= 1
	if top != nil && top.Kind == pbft.CommittedFast {
		r.patience.fast |= 1
	}
}

// patienceUs is how long a COMMIT may wait at present: no longer than the fast path lately
// took, than COMMITs would take, and than patienceUsMax; not at all where the fast path mostly
// fails. COMMITs take what PREPAREs do. In a large committee that is not the distance, but
// the work of sending and reading as many votes as there are members.
func (r *Replica) patienceUs() uint64 {
	trip := r.quorumUs()
	if !r.cfg.Patience || bits.OnesCount16(r.patience.fast) < 8 || trip == 0 {
		return 0
	}
	return min(patienceUsMax, max(trip, r.patience.round), 2*r.patience.p90)
}

// quorumUs is the round trip to the q-th nearest member, this one being the first; 0 if
// too few are known.
func (r *Replica) quorumUs() uint64 {
	known := make([]uint64, 0, len(r.peers))
	for id := range r.peers {
		if trip := r.roundTrip(pbft.ReplicaID(id)); trip > 0 && id != int(r.self) {
			known = append(known, trip)
		}
	}
	if need := r.quorum() - 1; len(known) >= need {
		slices.Sort(known)
		return known[need-1]
	}
	return 0
}

// waits reports whether the COMMIT for b waits for the fast path (V1): b is armed and of
// this view, its time has not run out, and no f+1 members, of whom one is honest, have
// run out of theirs.
func (r *Replica) waits(b *block) bool {
	if b.ref.View != r.view || b.commit != nil || !r.rules.FastPath(b.header()) {
		return false
	}
	if b.patientUs == 0 {
		wait := r.patienceUs()
		if wait == 0 {
			return false
		}
		b.patientUs = r.nowUs + wait
		r.patience.waiting = append(r.patience.waiting, b)
	}
	return r.nowUs < b.patientUs && r.commitsSeen(b) < r.com.WeakQuorum()
}

// commitDue casts the COMMITs whose time has run out.
func (r *Replica) commitDue() {
	p := &r.patience
	if len(p.waiting) == 0 {
		return
	}
	due := p.waiting
	p.waiting = nil
	for _, b := range due {
		if r.commitVote(b); !b.commitVoted && b.commit == nil && !b.committed && r.nowUs < b.patientUs {
			p.waiting = append(p.waiting, b)
		}
	}
}

// answerCommit sends the own COMMIT for a block, which this replica holds committed, to one
// who asks by its own: who lacks what this replica has gets there by a quorum of these
// (V1). Once for each member and block.
func (r *Replica) answerCommit(to pbft.ReplicaID, b *block) {
	if !r.cfg.Patience || b.commit == nil && !b.committed || b.cert == nil || b.commitVoted || b.answered.Has(to) ||
		!r.voting() || !r.rules.MayCommit(b.ref.View, r.vcSent) || !r.rules.CommitHelps(true) {
		return
	}
	if !b.committed { // else the certificate that committed it is in the log
		r.logCertificate(b)
	}
	if b.answered.Count() == 0 {
		r.event(pbft.EventCommitVote, b.ref, 0)
	}
	b.answered.Add(to)
	r.answer(to, r.ownCommit(b))
}

// answerCommits answers those whose COMMITs came before the certificate that commits b.
func (r *Replica) answerCommits(b *block) {
	s := r.slots.byKey[slotKey{b.ref.View, b.ref.Seq}]
	for id := range r.peers {
		if s != nil && id != int(r.self) && s.find(voteCommit, id, b.ref.Digest) != nil {
			r.answerCommit(pbft.ReplicaID(id), b)
		}
	}
}

// Now implements pbft.Engine.
func (r *Replica) Now(nowUs uint64) {
	if nowUs <= r.nowUs {
		return
	}
	r.nowUs = nowUs
	r.commitDue()
	r.pullDue()
}

// WakeUs implements pbft.Engine.
func (r *Replica) WakeUs() (atUs uint64) {
	sooner := func(us uint64) {
		if us > r.nowUs && (atUs == 0 || us < atUs) {
			atUs = us
		}
	}
	for _, b := range r.patience.waiting {
		sooner(b.patientUs)
	}
	for _, b := range r.lacking {
		sooner(b.lack.dueUs)
	}
	return atUs
}

// Measured implements pbft.Engine.
func (r *Replica) Measured(peer pbft.ReplicaID, roundTripUs uint64) {
	if r.com.Has(peer) {
		r.peers[peer].roundTripUs = roundTripUs
	}
}
