package dualpath

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// restore rebuilds the durable state of section 4 from the log's records, in
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
				r.restoreProposal(b)
			}
		case pbft.RecordPrepare:
			r.restorePrepare(x.Prepare)
		case pbft.RecordViewChange:
			r.vcSent, r.ownVC = x.ViewChange.View, x.ViewChange
			r.peers[r.self].vc, r.peers[r.self].proved = x.ViewChange, true
		case pbft.RecordBoundary:
			x := *x.Boundary
			r.epoch.end, r.epoch.last = &x, r.com.HeaderDigest(&x.Boundary)
			if n := r.epoch.next; n != nil {
				r.completeEnd(n.Body.Encode())
			}
		case pbft.RecordAmnesia:
			r.amnesia, r.condition = x.Shown, pbft.Amnesic
		default:
			return fmt.Errorf("dualpath: restore: record %d has unknown kind %d", i, x.Kind)
		}
	}
	r.settleRestored()
	r.recommit(commits)
	return nil
}

// restoreBlock brings back a logged block. Its payload was checked before it was
// logged, or is certified; its primary's signature was not checked if it came under
// a commit certificate, and must not be passed on as if it had been.
func (r *Replica) restoreBlock(x *pbft.Block) {
	h := &x.Header
	if h.Seq <= r.chain.committed.Seq {
		return
	}
	b := r.addBlock(x, false)
	b.logged, b.payload = true, valid
	if r.com.Has(h.Proposer) && !b.signed &&
		r.cfg.Scheme.Verify(r.com.Key(h.Proposer), r.com.HeaderBytesToSign(h), x.Signature) {
		b.setSignature(x.Signature)
	}
	// A crash between the frames of a turn may leave a proposal without its record. What
	// is signed may be passed on, so nothing else may be signed in its place.
	if h.Proposer == r.self && b.signed && (r.proposed == nil || r.proposed.ref.Rank().Less(b.ref.Rank())) {
		r.restoreProposal(b)
	}
}

func (r *Replica) restoreProposal(b *block) {
	r.proposal.last, r.proposed = b, b
	r.noteProposal(&b.block.SignedHeader)
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
	if e.newView != nil {
		for i := range e.newView.ViewChanges {
			r.noteChange(&e.newView.ViewChanges[i])
		}
	}
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
