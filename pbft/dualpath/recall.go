package dualpath

import "github.com/scrip-network/scrip/pbft"

// recallState is the question after a restart whether the log is whole.
type recallState struct {
	nonce    uint64
	until    uint64 // tick up to which all are waited for; 0 = nobody was asked
	answered pbft.Signers
}

// startRecall makes the replica ask its peers, before it signs anything, for the
// newest messages signed by its key (section 11, restart). The nonce only ties
// answers to this question; it need not be secret.
func (r *Replica) startRecall() {
	r.recall = recallState{
		nonce: (r.cfg.RecallNonce ^ uint64(r.chain.committed.Seq)<<20 ^ uint64(r.view)) |
			pbft.RecallCommits | pbft.RecallMarks,
		until: r.now + uint64(r.tm.RecallTicks),
	}
	r.askAgain(pbft.Everyone)
}

// askAgain asks a peer, or everyone, that has not answered since the start. It goes on
// after the recall has ended: a late answer counts too.
func (r *Replica) askAgain(to pbft.ReplicaID) {
	if r.recall.until == 0 || r.condition == pbft.Amnesic {
		return
	}
	for id := range pbft.ReplicaID(r.com.Size()) {
		if id != r.self && !r.recall.answered.Has(id) && (to == pbft.Everyone || to == id) {
			r.send(id, &pbft.Recall{Epoch: r.com.Epoch(), Nonce: r.recall.nonce})
		}
	}
}

// tickRecall repeats the question now and then.
func (r *Replica) tickRecall() {
	if r.recall.until > 0 && r.now%uint64(r.tm.RetransmitTicks) == 0 {
		r.askAgain(pbft.Everyone)
	}
	r.tryEndRecall()
}

// tryEndRecall ends a recall if enough peers have answered and the others had their time:
// no time alone ends it (section 11, restart).
func (r *Replica) tryEndRecall() {
	c := &r.recall
	n := c.answered.Count()
	if r.condition == pbft.Recalling &&
		r.rules.RecallEnds(n, r.com.ViewChangeQuorum()-1, n == r.com.Size()-1, r.now >= c.until) {
		r.endRecall()
	}
}

// endRecall lets the replica vote again. What it had signed is in its log.
func (r *Replica) endRecall() {
	r.condition = pbft.Voting
	r.clock.progressAt = r.now
	r.clock.viewChangeAt = r.now
	r.event(pbft.EventCondition, pbft.BlockRef{View: r.view}, uint64(pbft.Voting))
	for s := r.chain.committed.Seq + 1; s <= r.chain.last; s++ {
		for _, b := range r.chain.bySeq[s] {
			if r.rules.CommitsAgain() {
				r.commitVote(b)
				r.answerCommits(b)
			}
		}
	}
	r.resend(pbft.Everyone)
	r.attestAgain(pbft.Everyone)
	r.sendSuspicion()
}

// onRecall answers with the newest messages held that the asker signed.
func (r *Replica) onRecall(from pbft.ReplicaID, m *pbft.Recall) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	p := &r.peers[from]
	a := &pbft.Recollection{Epoch: m.Epoch, Nonce: m.Nonce, Prepare: p.lastPrepare, ViewChange: p.lastChange,
		Proposal: p.lastProposal, Commit: p.lastCommit}
	r.recallVotes(a, from)
	if m.Nonce&pbft.RecallCommits == 0 {
		a.Commit = nil
	}
	if !p.recalled.Take(r.now, pbft.EncodedBytes(a)) {
		return pbft.IgnoredQuota
	}
	r.send(from, a)
	return pbft.Accepted
}

// noteChange remembers the VIEW-CHANGE of the highest view that a member signed,
// for Recall. Those in a NEW-VIEW count too: they went to its primary alone.
func (r *Replica) noteChange(m *pbft.ViewChange) {
	if p := &r.peers[m.Replica]; p.lastChange == nil || p.lastChange.View < m.View {
		core := *m
		core.Certificate, core.Walk = nil, nil
		p.lastChange = &core
	}
}

// recallVotes raises what an answer holds to the votes of the member in the highest
// certificates held: after a restart of its own, this replica has no others.
func (r *Replica) recallVotes(a *pbft.Recollection, of pbft.ReplicaID) {
	certificates := []*pbft.Certificate{r.high}
	if b := r.chain.byDigest[r.chain.committed.Digest]; b != nil {
		certificates = append(certificates, b.commit)
	}
	for _, c := range certificates {
		if c == nil {
			continue
		}
		v, ok := c.VoteOf(of)
		switch {
		case !ok:
		case c.Kind == pbft.CommittedSlow:
			if a.Commit == nil || a.Commit.Block.Rank().Less(v.Block.Rank()) {
				a.Commit = &pbft.Commit{Vote: v}
			}
		case a.Prepare == nil || a.Prepare.Block.Rank().Less(v.Block.Rank()):
			a.Prepare = &pbft.Prepare{Vote: v}
		}
	}
}

// onRecollection compares a peer's memory with the own log. Only messages with
// this replica's own valid signature count, so a peer cannot lie it into amnesia.
func (r *Replica) onRecollection(from pbft.ReplicaID, m *pbft.Recollection) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case r.recall.until == 0 || m.Nonce != r.recall.nonce || r.recall.answered.Has(from):
		return pbft.IgnoredUnwanted
	}
	r.recall.answered.Add(from)
	if shown := r.forgotten(m); shown != nil { // a late answer counts too
		r.LogLacks(shown)
	}
	r.tryEndRecall()
	return pbft.Accepted
}

// LogLacks implements pbft.Engine.
func (r *Replica) LogLacks(shown *pbft.Recollection) {
	if r.amnesia == nil {
		r.amnesia = shown
		r.record(pbft.Record{Kind: pbft.RecordAmnesia, Shown: shown})
	}
	r.become(pbft.Amnesic)
}

// forgotten returns what a peer holds of this replica's that the log lacks, or nil.
func (r *Replica) forgotten(m *pbft.Recollection) *pbft.Recollection {
	key := r.com.Key(r.self)
	shown := &pbft.Recollection{Epoch: m.Epoch}
	if x := m.Prepare; x != nil && x.Replica == r.self &&
		!r.remembersPrepare(x.Block) && r.cfg.Scheme.Verify(key, r.com.PrepareBytes(x.Block), x.Signature) {
		shown.Prepare = x
		return shown
	}
	if x := m.ViewChange; x != nil && x.Replica == r.self && r.rules.LostViewChange(x.View, r.vcSent) &&
		r.cfg.Scheme.Verify(key, r.com.ViewChangeBytes(x), x.Signature) {
		shown.ViewChange = x
		return shown
	}
	if x := m.Commit; x != nil && x.Replica == r.self && r.rules.LostCommit(r.remembersCommit(x.Block)) &&
		r.cfg.Scheme.Verify(key, r.com.CommitBytes(x.Block), x.Signature) {
		shown.Commit = x
		return shown
	}
	x := m.Proposal
	if x == nil || x.Header.Proposer != r.self ||
		!r.cfg.Scheme.Verify(key, r.com.HeaderBytesToSign(&x.Header), x.Signature) {
		return nil
	}
	rank := pbft.Rank{View: x.Header.View, Seq: x.Header.Seq}
	own := r.peers[r.self].lastProposal
	newest := pbft.Rank{View: r.highRef.View, Seq: r.highRef.Seq}
	if own != nil {
		newest = pbft.Rank{View: own.Header.View, Seq: own.Header.Seq}
	}
	if !newest.Less(rank) || r.remembersPrepare(r.com.Ref(&x.Header)) {
		return nil
	}
	shown.Proposal = x
	return shown
}

// remembersPrepare reports whether the log accounts for an own PREPARE: it, or a
// later one of its view, is there, or it is too old to be kept.
func (r *Replica) remembersPrepare(b pbft.BlockRef) bool {
	if b.View < min(r.view, r.highRef.View) {
		return true
	}
	t := r.tipOf(b.View)
	return t != nil && (t.last == b || t.last.Seq > b.Seq)
}

// remembersCommit reports whether the log accounts for an own COMMIT: a later
// VIEW-CHANGE reports its certificate or one of a higher rank (R3, section 8).
// A log that lost the frame before the COMMIT has neither.
func (r *Replica) remembersCommit(b pbft.BlockRef) bool {
	return b == r.highRef || b.Rank().Less(r.highRef.Rank())
}
