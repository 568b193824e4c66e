package original

import "github.com/scrip-network/scrip/pbft"

// recallState is the question after a restart whether the log is whole.
type recallState struct {
	nonce    uint64
	until    uint64
	answered pbft.Signers
}

// startRecall makes the replica ask its peers, before it signs anything, for the
// newest messages signed by its key. The nonce ties answers to this question.
func (r *Replica) startRecall() {
	r.recall = recallState{nonce: uint64(r.committed.Seq)<<20 ^ uint64(r.current()),
		until: r.now + uint64(r.tm.RecallTicks)}
	r.send(pbft.Everyone, &pbft.Recall{Epoch: r.com.Epoch(), Nonce: r.recall.nonce})
}

// endRecall lets the replica vote again.
func (r *Replica) endRecall() {
	r.become(pbft.Voting)
	r.timer.progressAt, r.timer.busy = r.now, false
	r.tryVotes()
	r.resend(pbft.Everyone)
	r.attestAgain(pbft.Everyone, r.heightsLow, 1)
}

// onRecall answers with the newest messages held that the asker signed.
func (r *Replica) onRecall(from pbft.ReplicaID, m *pbft.Recall) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	p := &r.peers[from]
	a := &pbft.Recollection{Epoch: m.Epoch, Nonce: m.Nonce, Prepare: p.lastPrepare, Proposal: p.lastProposal}
	if p.change != nil {
		core := *p.change
		core.Checkpoint, core.Proofs = nil, nil
		a.SlotViewChange = &core
	}
	r.send(from, a)
	return pbft.Accepted
}

// onRecollection compares a peer's memory with the own log. Only messages with
// this replica's own valid signature count, so a peer cannot lie it into amnesia.
func (r *Replica) onRecollection(from pbft.ReplicaID, m *pbft.Recollection) pbft.Reason {
	c := &r.recall
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case r.condition != pbft.Recalling || m.Nonce != c.nonce || c.answered.Has(from):
		return pbft.IgnoredUnwanted
	case r.forgotten(m):
		r.become(pbft.Amnesic)
		return pbft.Accepted
	}
	if c.answered.Add(from); c.answered.Count() >= r.com.Size()-1-r.com.Faults() {
		r.endRecall()
	}
	return pbft.Accepted
}

// forgotten reports whether a peer holds something of this replica's that the
// log lacks.
func (r *Replica) forgotten(m *pbft.Recollection) bool {
	mine := func(by pbft.ReplicaID, message []byte, s pbft.Signature) bool {
		return by == r.self && r.cfg.Scheme.Verify(r.com.Key(r.self), message, s)
	}
	if x := m.Prepare; x != nil && !r.remembers(x.Block, func(s *slot) bool { return s.prepareView == x.Block.View }) &&
		mine(x.Replica, r.com.PrepareBytes(x.Block), x.Signature) {
		return true
	}
	if x := m.SlotViewChange; x != nil && x.View > r.changed &&
		mine(x.Replica, r.com.SlotViewChangeBytes(x), x.Signature) {
		return true
	}
	x := m.Proposal
	if x == nil {
		return false
	}
	ref := r.com.Ref(&x.Header)
	return !r.remembers(ref, func(*slot) bool { return true }) &&
		mine(x.Header.Proposer, r.com.HeaderBytesToSign(&x.Header), x.Signature)
}

// remembers reports whether the log accounts for an own message about a block: it
// is of a view that was left, or below the watermark, or there.
func (r *Replica) remembers(b pbft.BlockRef, there func(*slot) bool) bool {
	if b.View < r.current() || b.View == r.view && b.Seq <= r.stable {
		return true
	}
	x := r.slots[b.Seq]
	return b.View == r.view && x != nil && x.assigned == b && there(x)
}
