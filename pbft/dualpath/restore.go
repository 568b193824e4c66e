package dualpath

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// restore rebuilds the durable state of section 3.3 from the log's records, in
// their order. Everything else is gone and need not be guessed.
func (r *Replica) restore(log []pbft.Record) error {
	var commits []*pbft.Certificate
	for i := range log {
		x := &log[i]
		switch x.Kind {
		case pbft.RecordBlock:
			r.restoreBlock(x.Block)
		case pbft.RecordCertificate:
			r.restoreHigh(x.Certificate)
		case pbft.RecordCommit:
			r.restoreHigh(x.Certificate)
			commits = append(commits, x.Certificate)
		case pbft.RecordEntry:
			r.restoreEntry(x.View, entry{base: x.Base, baseSeq: x.Base.Seq, newView: x.NewView, logged: true})
		case pbft.RecordNewView:
			m := x.NewView
			r.restoreEntry(m.View, entry{base: m.Base, baseSeq: m.Base.Seq, newView: m})
		case pbft.RecordProposal:
			if b := r.chain.byDigest[x.Base.Digest]; b != nil {
				r.proposal.last, r.proposed = b, b
				r.noteProposal(&b.block.SignedHeader)
			}
		case pbft.RecordPrepare:
			r.restorePrepare(x.Prepare)
		case pbft.RecordViewChange:
			r.vcSent, r.ownVC = x.ViewChange.View, x.ViewChange
			r.peers[r.self].vc = x.ViewChange
		default:
			return fmt.Errorf("dualpath: restore: record %d has unknown kind %d", i, x.Kind)
		}
	}
	r.settleRestored()
	r.recommit(commits)
	return nil
}

// restoreBlock brings back a logged block. It was checked before it was logged.
func (r *Replica) restoreBlock(x *pbft.Block) {
	if x.Header.Seq <= r.chain.committed.Seq {
		return
	}
	b := r.addBlock(x, true)
	b.logged, b.payload = true, valid
}

func (r *Replica) restoreHigh(c *pbft.Certificate) {
	if r.highRef.Rank().Less(c.Block.Rank()) {
		r.high, r.highRef, r.highLog = c, c.Block, true
	}
	if b := r.chain.byDigest[c.Block.Digest]; b != nil && b.cert == nil {
		b.cert = c
	}
}

func (r *Replica) restoreEntry(v pbft.View, e entry) {
	if v > r.view || v == r.view && e.logged {
		r.view, r.entry = v, e
		r.logged.view, r.logged.entry = v, e
	}
}

func (r *Replica) restorePrepare(m *pbft.Prepare) {
	r.setTip(m.Block)
	if m.Block.View == r.view {
		if b := r.chain.byDigest[m.Block.Digest]; b != nil {
			r.entry.baseSeq = b.header().BaseSeq
		}
	}
	r.peers[r.self].lastPrepare = m
	// The vote is durable, so it counts at once.
	if m.Block.Seq > r.chain.committed.Seq {
		r.signed = append(r.signed, m)
	}
}

// settleRestored derives what the records imply together.
func (r *Replica) settleRestored() {
	if p := r.proposal.last; p != nil && p.ref.View != r.view {
		r.proposal.last = nil
	}
	for i := range r.tips {
		t := &r.tips[i]
		if t.last.Seq > r.chain.committed.Seq || r.cfg.History == nil {
			continue
		}
		h, ok := r.cfg.History(t.last.Seq)
		t.settled = ok && r.com.HeaderDigest(&h.Header) == t.last.Digest
		if t.settled && t.view == r.view {
			r.entry.baseSeq = h.Header.BaseSeq
		}
	}
	// In a compacted log the certificate may stand before its block.
	if b := r.chain.byDigest[r.highRef.Digest]; b != nil && b.cert == nil {
		b.cert = r.high
	}
	if r.chain.byDigest[r.entry.base.Digest] == nil { // a NEW-VIEW may be logged without it
		r.want(r.entry.base, r.self, r.self, 0)
	}
	signed := r.signed
	r.signed = nil
	for _, m := range signed {
		r.countOwn(m)
	}
}

// recommit commits again what the log proves to be committed above the anchor.
// The records are there already.
func (r *Replica) recommit(commits []*pbft.Certificate) {
	for _, c := range commits {
		if b := r.chain.byDigest[c.Block.Digest]; b != nil {
			r.place(b, c)
		}
	}
	r.tryCommit()
	r.out.Records = nil
}

// recallState is the question after a restart whether the log is whole.
type recallState struct {
	nonce    uint64
	until    uint64
	answered []bool
}

// startRecall makes the replica ask its peers, before it signs anything, for the
// newest messages signed by its key (section 3.12, restart). The nonce only ties
// answers to this question; it need not be secret.
func (r *Replica) startRecall() {
	r.recall = recallState{
		nonce: uint64(r.chain.committed.Seq)<<20 ^ uint64(r.view), until: r.now + uint64(r.tm.RecallTicks),
		answered: make([]bool, r.com.Size()),
	}
	r.send(pbft.Everyone, &pbft.Recall{Epoch: r.com.Epoch(), Nonce: r.recall.nonce})
}

func (r *Replica) tickRecall() {
	if r.condition == pbft.Recalling && r.now >= r.recall.until {
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
			if r.mut != MutantNoCommitAfterRecall {
				r.commitVote(b)
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
	a := &pbft.Recollection{Epoch: m.Epoch, Nonce: m.Nonce, Prepare: p.lastPrepare, Proposal: p.lastProposal}
	if p.vc != nil {
		v := *p.vc
		v.Certificate, v.Walk = nil, nil
		a.ViewChange = &v
	}
	r.send(from, a)
	return pbft.Accepted
}

// onRecollection compares a peer's memory with the own log. Only messages with
// this replica's own valid signature count, so a peer cannot lie it into amnesia.
func (r *Replica) onRecollection(from pbft.ReplicaID, m *pbft.Recollection) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case r.condition != pbft.Recalling || m.Nonce != r.recall.nonce || r.recall.answered[from]:
		return pbft.IgnoredUnwanted
	}
	if r.forgotten(m) {
		r.condition = pbft.Amnesic
		r.event(pbft.EventCondition, pbft.BlockRef{View: r.view}, uint64(pbft.Amnesic))
		return pbft.Accepted
	}
	r.recall.answered[from] = true
	n := 0
	for _, ok := range r.recall.answered {
		if ok {
			n++
		}
	}
	if n >= r.com.Size()-1-r.com.Faults() {
		r.endRecall()
	}
	return pbft.Accepted
}

// forgotten reports whether a peer holds something of this replica's that the
// log lacks.
func (r *Replica) forgotten(m *pbft.Recollection) bool {
	key := r.com.Key(r.self)
	if x := m.Prepare; x != nil && x.Replica == r.self &&
		r.cfg.Scheme.Verify(key, r.com.PrepareBytes(x.Block), x.Signature) && !r.remembersPrepare(x.Block) {
		return true
	}
	if x := m.ViewChange; x != nil && x.Replica == r.self && x.View > r.vcSent && r.mut != MutantRecallNoViewChange &&
		r.cfg.Scheme.Verify(key, r.com.ViewChangeBytes(x), x.Signature) {
		return true
	}
	x := m.Proposal
	if x == nil || x.Header.Proposer != r.self ||
		!r.cfg.Scheme.Verify(key, r.com.HeaderBytesToSign(&x.Header), x.Signature) {
		return false
	}
	rank := pbft.Rank{View: x.Header.View, Seq: x.Header.Seq}
	own := r.peers[r.self].lastProposal
	newest := pbft.Rank{View: r.highRef.View, Seq: r.highRef.Seq}
	if own != nil {
		newest = pbft.Rank{View: own.Header.View, Seq: own.Header.Seq}
	}
	return newest.Less(rank) && !r.remembersPrepare(r.com.Ref(&x.Header))
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
