package dualpath

import "github.com/scrip-network/scrip/pbft"

// proposalState is a primary's own chain of proposals in the present view.
type proposalState struct {
	last *block // last own proposal of the present view, nil if none
	at   uint64 // tick of the last proposal or of the view's entry
}

// ProposeHint implements pbft.Engine: window and tenure (R1(b)), and when (R1(e)).
func (r *Replica) ProposeHint() pbft.ProposeHint {
	parent := r.proposalParent()
	if parent == nil {
		return pbft.ProposeNever
	}
	seq := parent.ref.Seq + 1
	justify := r.highestCertified(parent)
	if justify == nil || seq > max(justify.ref.Seq, r.entry.baseSeq)+pbft.Seq(r.par.Window) ||
		seq > r.entry.baseSeq+pbft.Seq(r.par.Tenure) {
		return pbft.ProposeNever
	}
	// After a restart above its log a primary may hold no certificate that reaches
	// up to the execution that its parent names; it learns one from the others.
	if justify.ref.Seq < parent.header().ExecSeq {
		return pbft.ProposeNever
	}
	if r.rules.OnlyCloses(parent.header()) {
		return r.closingHint()
	}
	// The first block of a view arms it and carries an inherited suffix along.
	if r.proposal.last == nil && parent.ref.View < r.view {
		return pbft.ProposeNow
	}
	if r.now-r.proposal.at >= uint64(r.tm.IdleTicks) {
		return pbft.ProposeNow
	}
	return pbft.ProposeIfPending
}

// proposalParent returns the block to extend, or nil if this replica may not
// propose at present (R1(a)).
func (r *Replica) proposalParent() *block {
	if !r.voting() || !r.inView() || r.com.Primary(r.view) != r.self {
		return nil
	}
	b := r.proposal.last
	if b == nil {
		b = r.viewStart()
	}
	if b == nil {
		return nil
	}
	if _, whole, _ := r.missingBelow(b); !whole {
		return nil
	}
	return b
}

// viewStart returns the block on which a primary without own proposals in this
// view goes on: the base, or, after a restart that lost nothing (its proposals
// are logged), the highest block of its own view that is certified.
func (r *Replica) viewStart() *block {
	b := r.chain.byDigest[r.entry.base.Digest]
	if c := r.chain.byDigest[r.chain.committed.Digest]; c != nil && c.ref.Seq >= r.entry.base.Seq {
		b = c
	}
	if h := r.chain.byDigest[r.highRef.Digest]; h != nil && h.ref.View == r.view && b != nil && h.ref.Seq > b.ref.Seq {
		b = h
	}
	if b != nil && b.ref.View > r.view { // a later view is about to be entered
		return nil
	}
	return b
}

// highestCertified returns the highest block at or below b whose certificate is
// held (or that is the genesis), for a justification.
func (r *Replica) highestCertified(b *block) *block {
	for b != nil && b.cert == nil && b.commit == nil && b.ref != r.epoch.genesis {
		b = r.parent(b)
	}
	return b
}

// Propose implements pbft.Engine: what a header names (R1(c)) and its time (R1(d)).
func (r *Replica) Propose(payload []byte, root pbft.Digest, recipe []byte, clockMs uint64) bool {
	hint := r.ProposeHint()
	if hint == pbft.ProposeNever || len(payload) > int(r.par.PayloadBytesMax) ||
		hint == pbft.ProposeEmpty && len(payload) > 0 {
		return false
	}
	payload, root = r.rules.Orders(payload, root)
	parent := r.proposalParent()
	justify := r.highestCertified(parent)
	ph := parent.header()
	h := pbft.Header{
		Epoch: r.com.Epoch(), View: r.view, Seq: parent.ref.Seq + 1, Parent: parent.ref.Digest,
		BaseSeq: r.entry.baseSeq, PayloadRoot: root, PayloadBytes: uint32(len(payload)),
		ExecSeq: ph.ExecSeq, ExecRoot: ph.ExecRoot,
		TimeMs: max(clockMs, ph.TimeMs+1), Justify: justify.ref,
		Proposer: r.self, Committee: r.com.Digest(),
	}
	lag := pbft.Seq(r.par.ExecutionLag)
	if r.chain.executed > lag && !r.rules.OnlyCloses(ph) {
		at := min(r.chain.executed-lag, justify.ref.Seq)
		if res, ok := r.chain.results[at]; ok && at > h.ExecSeq {
			h.ExecSeq, h.ExecRoot = at, res.state
		}
	}
	r.formOf(&h, ph)
	x := &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}, Payload: payload}
	x.Signature = r.sign(r.com.HeaderBytesToSign(&h))
	b := r.addBlock(x, true)
	b.payload = valid
	if len(payload) > 0 && len(recipe) <= pbft.RecipeBytesMax {
		b.recipes.own = recipe
	}
	r.proposal = proposalState{last: b, at: r.now}
	r.proposed = b
	r.noteProposal(&b.block.SignedHeader)
	r.logEntry()
	r.logBlock(b)
	r.record(pbft.Record{Kind: pbft.RecordProposal, View: r.view, Base: b.ref})
	r.event(pbft.EventPropose, b.ref, uint64(len(payload)))
	r.sendProposal(b)
	r.step()
	return true
}

// prePrepare returns the message that proposes a block, with a recipe while one is
// remembered, and with whatever certificate is held of its justification.
func (r *Replica) prePrepare(b *block) *pbft.PrePrepare {
	m := &pbft.PrePrepare{Block: *b.block}
	if b.recipes.own != nil {
		m.Payload, m.Recipe = nil, b.recipes.own
	}
	if j := r.chain.byDigest[b.header().Justify.Digest]; j != nil {
		m.Certificate = j.certificate()
	}
	if b.ref.View == r.view && b.header().Seq == r.entry.baseSeq+1 {
		m.Entry = r.entry.newView
	}
	return m
}

// onPrePrepare takes a proposal from any member, since its primary signed it.
func (r *Replica) onPrePrepare(from pbft.ReplicaID, m *pbft.PrePrepare) pbft.Reason {
	h := &m.Header
	if reason := r.checkHeader(h); reason != pbft.Accepted {
		return reason
	}
	if h.Seq <= r.chain.committed.Seq {
		return pbft.IgnoredStale
	}
	ref := r.com.Ref(h)
	known := r.chain.byDigest[ref.Digest]
	if known != nil && known.hasBody && known.signed && h.View <= r.view &&
		(m.Certificate == nil || r.holds(m.Certificate)) {
		return pbft.IgnoredDuplicate
	}
	if known == nil || !known.signed {
		if !r.cfg.Scheme.Verify(r.com.Key(h.Proposer), r.com.HeaderBytesToSign(h), m.Signature) {
			return pbft.InvalidSignature
		}
	}
	if len(m.Recipe) == 0 && (known == nil || !known.hasBody) && !r.payloadFits(&m.Block) {
		return pbft.InvalidContent
	}
	r.noteProposal(&m.SignedHeader)
	if m.Entry != nil && m.Entry.View == h.View && h.View > r.view {
		if reason := r.onNewView(from, m.Entry); reason.Malicious() {
			return reason
		}
	}
	if reason := r.takeJustification(m.Certificate); reason != pbft.Accepted {
		return reason
	}
	return r.admit(from, m, ref)
}

// takeJustification learns the certificate that came with a proposal.
func (r *Replica) takeJustification(c *pbft.Certificate) pbft.Reason {
	if c == nil || r.holds(c) {
		return pbft.Accepted
	}
	if !r.com.VerifyCertificate(c, r.cfg.Scheme) {
		return pbft.InvalidCertificate
	}
	r.learn(c)
	r.tryEnterHigh()
	return pbft.Accepted
}

// holds reports whether a certificate adds nothing to what is held.
func (r *Replica) holds(c *pbft.Certificate) bool {
	b := r.chain.byDigest[c.Block.Digest]
	return b != nil && b.ref == c.Block && (b.commit != nil || b.cert != nil && !r.commits(c, b))
}

// held returns the certificate that this replica holds for the block of c, else c.
// What holds said to add nothing was not verified, and may not be passed on.
func (r *Replica) held(c *pbft.Certificate) *pbft.Certificate {
	if c == nil {
		return nil
	}
	b := r.chain.byDigest[c.Block.Digest]
	switch {
	case b == nil || b.ref != c.Block:
	case b.cert != nil:
		return b.cert
	case b.commit != nil:
		return b.commit
	}
	return c
}

// admit stores a verified proposal if the table of section 11 allows it.
func (r *Replica) admit(from pbft.ReplicaID, m *pbft.PrePrepare, ref pbft.BlockRef) pbft.Reason {
	h := &m.Header
	b := r.chain.byDigest[ref.Digest]
	switch {
	case r.tooFar(h.Seq):
		return pbft.IgnoredFuture
	case b != nil && b.hasBody:
	case b != nil, r.wanted(ref.Digest) != nil:
		if r.bare(ref.Digest) && r.looseFull(h.Proposer) {
			return pbft.IgnoredQuota
		}
	case h.View > r.view:
		r.askEntry(from)
		return pbft.IgnoredFuture
	case h.View < r.view:
		return pbft.IgnoredStale
	case h.Seq > r.horizon()+pbft.Seq(r.par.Window):
		r.askEntry(from)
		return pbft.IgnoredFuture
	case len(r.ofView(ref)) > 1, h.Seq <= r.horizon() && r.looseFull(h.Proposer):
		r.compare(ref, &m.SignedHeader)
		return pbft.IgnoredQuota
	}
	if len(m.Recipe) > 0 {
		return r.admitRecipe(from, m, ref)
	}
	r.noteBodyLag(ref.Digest)
	r.checkIfPreparable(r.addBlock(&m.Block, true))
	return pbft.Accepted
}

// bare reports whether nothing but a vote asks for a body, or nothing at all.
func (r *Replica) bare(d pbft.Digest) bool {
	w := r.wanted(d)
	return w == nil || w.owner != r.self
}

// checkIfPreparable has the payload of a block of the present view checked at once.
// Others are checked when they are inherited or selected (R2(d), R8).
func (r *Replica) checkIfPreparable(b *block) {
	if b.ref.View == r.view {
		r.askPayload(b)
	}
}

// ofView returns the known blocks of the same view and position.
func (r *Replica) ofView(ref pbft.BlockRef) []*block {
	var same []*block
	for _, b := range r.chain.bySeq[ref.Seq] {
		if b.ref.View == ref.View && b.ref.Digest != ref.Digest {
			same = append(same, b)
		}
	}
	return same
}

// noteProposal remembers the newest header of a primary, for Recall, and notices
// two different ones of one position.
func (r *Replica) noteProposal(h *pbft.SignedHeader) {
	p := &r.peers[h.Header.Proposer]
	if p.lastProposal == nil ||
		(pbft.Rank{View: p.lastProposal.Header.View, Seq: p.lastProposal.Header.Seq}).Less(
			pbft.Rank{View: h.Header.View, Seq: h.Header.Seq}) {
		c := *h
		p.lastProposal = &c
	}
}

// checkHeader tests what a header's own content decides.
func (r *Replica) checkHeader(h *pbft.Header) pbft.Reason {
	switch {
	case h.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case h.Committee != r.com.Digest() || h.View == 0 || h.Seq == 0 || !h.Formed() || !r.checkStart(h),
		h.Closing() && h.PayloadBytes != 0,
		h.Proposer != r.com.Primary(h.View), h.PayloadBytes > r.par.PayloadBytesMax,
		h.Seq <= h.BaseSeq, h.Seq > h.BaseSeq+pbft.Seq(r.par.Tenure), h.Justify.View > h.View,
		h.Justify.Seq >= h.Seq, h.ExecSeq > h.Justify.Seq,
		h.Seq > max(h.Justify.Seq, h.BaseSeq)+pbft.Seq(r.par.Window):
		return pbft.InvalidContent
	}
	return pbft.Accepted
}

// askPayload has the driver check a body, once.
func (r *Replica) askPayload(b *block) {
	if b.payload == unknown && b.hasBody {
		b.payload = asked
		r.out.Checks = append(r.out.Checks, pbft.PayloadCheck{Digest: b.ref.Digest, Block: b.block})
	}
}

// PayloadChecked implements pbft.Engine.
func (r *Replica) PayloadChecked(d pbft.Digest, ok bool) {
	b := r.chain.byDigest[d]
	if b == nil || b.payload != asked {
		return
	}
	b.payload = invalid
	if ok {
		b.payload = valid
	}
	r.step()
}
