package original

import "github.com/scrip-network/scrip/pbft"

// recallState is the question after a restart whether the log is whole.
type recallState struct {
	nonce    uint64
	until    uint64 // tick up to which all are waited for; 0 = nobody was asked
	answered pbft.Signers
}

// startRecall makes the replica ask its peers, before it signs anything, for the
// newest messages signed by its key. The nonce ties answers to this question.
func (r *Replica) startRecall() {
	r.recall = recallState{nonce: (r.cfg.RecallNonce ^ uint64(r.committed.Seq)<<20 ^ uint64(r.current())) |
		pbft.RecallCommits | pbft.RecallMarks, until: r.now + uint64(r.tm.RecallTicks)}
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
// no time alone ends it.
func (r *Replica) tryEndRecall() {
	c := &r.recall
	n := c.answered.Count()
	if r.condition == pbft.Recalling &&
		r.rules.RecallEnds(n, r.com.ViewChangeQuorum()-1, n == r.com.Size()-1, r.now >= c.until) {
		r.endRecall()
	}
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
	if c := r.newestChange(from); c != nil {
		core := *c
		core.Checkpoint, core.Proofs = nil, nil
		a.SlotViewChange = &core
	}
	if m.Nonce&pbft.RecallCommits != 0 {
		a.Commit = p.lastCommit
		for _, x := range r.above(r.stable) {
			r.recallSlot(a, x, from)
		}
	}
	if !p.recalled.Take(r.now, pbft.EncodedBytes(a)) {
		return pbft.IgnoredQuota
	}
	r.send(from, a)
	return pbft.Accepted
}

// newestChange returns the VIEW-CHANGE of the highest view that a member signed:
// the one that came, or that in the NEW-VIEW of the present view.
func (r *Replica) newestChange(of pbft.ReplicaID) *pbft.SlotViewChange {
	newest := r.peers[of].change
	if r.entry == nil {
		return newest
	}
	for i := range r.entry.ViewChanges {
		if c := &r.entry.ViewChanges[i]; c.Replica == of && (newest == nil || newest.View < c.View) {
			newest = c
		}
	}
	return newest
}

// recallSlot adds the votes of a member for one sequence number, from the pools of
// all views and from certificates. Votes for several are cast in any order, so the
// one of the highest rank does not stand for the others.
func (r *Replica) recallSlot(a *pbft.Recollection, x *slot, of pbft.ReplicaID) {
	var prepare, commit pbft.Vote // of the highest view
	take := func(best *pbft.Vote, v pbft.Vote) {
		if best.Block.View < v.Block.View {
			*best = v
		}
	}
	for _, c := range []*pbft.Certificate{x.prepared, x.commit} {
		if c == nil {
			continue
		}
		if v, ok := c.VoteOf(of); ok && c.Kind == pbft.CommittedSlow {
			take(&commit, v)
		} else if ok {
			take(&prepare, v)
		}
	}
	for _, y := range x.rounds {
		for k := range y.votes {
			s := y.votes[k].by(of)
			if s == nil {
				continue
			}
			best := &prepare
			if phase(k) == commits {
				best = &commit
			}
			take(best, pbft.Vote{Epoch: r.com.Epoch(), Replica: of, Signature: s.signature,
				Block: pbft.BlockRef{View: y.view, Seq: x.seq, Digest: s.of}})
		}
	}
	if prepare.Block.View != 0 && len(a.Prepares) < pbft.SlotsMax {
		a.Prepares = append(a.Prepares, pbft.Prepare{Vote: prepare})
	}
	if commit.Block.View != 0 && len(a.Commits) < pbft.SlotsMax {
		a.Commits = append(a.Commits, pbft.Commit{Vote: commit})
	}
}

// onRecollection compares a peer's memory with the own log. Only messages with
// this replica's own valid signature count, so a peer cannot lie it into amnesia.
func (r *Replica) onRecollection(from pbft.ReplicaID, m *pbft.Recollection) pbft.Reason {
	c := &r.recall
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case c.until == 0 || m.Nonce != c.nonce || c.answered.Has(from):
		return pbft.IgnoredUnwanted
	}
	c.answered.Add(from)
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
	shown := &pbft.Recollection{Epoch: m.Epoch}
	mine := func(by pbft.ReplicaID, message []byte, s pbft.Signature) bool {
		return by == r.self && r.cfg.Scheme.Verify(r.com.Key(r.self), message, s)
	}
	prepares, commits := m.Prepares, m.Commits
	if m.Prepare != nil {
		prepares = append(prepares[:len(prepares):len(prepares)], *m.Prepare)
	}
	if m.Commit != nil {
		commits = append(commits[:len(commits):len(commits)], *m.Commit)
	}
	for i := range prepares {
		x := &prepares[i]
		if !r.remembers(x.Block, func(s *slot) bool { return s.prepareView == x.Block.View }) &&
			mine(x.Replica, r.com.PrepareBytes(x.Block), x.Signature) {
			shown.Prepare = x
			return shown
		}
	}
	for i := range commits {
		if x := &commits[i]; r.rules.LostCommit(r.remembersCommit(x.Block)) &&
			mine(x.Replica, r.com.CommitBytes(x.Block), x.Signature) {
			shown.Commit = x
			return shown
		}
	}
	if x := m.SlotViewChange; x != nil && r.rules.LostViewChange(x.View, r.changed) &&
		mine(x.Replica, r.com.SlotViewChangeBytes(x), x.Signature) {
		shown.SlotViewChange = x
		return shown
	}
	if x := m.Proposal; x != nil && !r.remembers(r.com.Ref(&x.Header), func(*slot) bool { return true }) &&
		mine(x.Header.Proposer, r.com.HeaderBytesToSign(&x.Header), x.Signature) {
		shown.Proposal = x
		return shown
	}
	return nil
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

// remembersCommit reports whether the log accounts for an own COMMIT: it is of a
// view that was left, or below the watermark, or a VIEW-CHANGE would report the
// certificate behind it or one of a later view.
func (r *Replica) remembersCommit(b pbft.BlockRef) bool {
	if b.View < r.current() || b.Seq <= r.stable {
		return true
	}
	x := r.slots[b.Seq]
	if x == nil {
		return false
	}
	c := x.proof(b.View + 1)
	return c != nil && c.Block == b
}
