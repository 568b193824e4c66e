package original

import "github.com/scrip-network/scrip/pbft"

// leadState is what a primary remembers of its own proposals.
type leadState struct {
	next   pbft.Seq // the sequence number of its next proposal
	at     uint64   // tick of the last one, or of the view's entry
	timeMs uint64   // the time in the last one
	// followed says that a quorum has voted in the view. Until then a large NEW-VIEW may be
	// on its way on the bulk lane, and a recipe should not overtake it.
	followed bool
}

// ProposeHint implements pbft.Engine.
func (r *Replica) ProposeHint() pbft.ProposeHint {
	s := r.lead.next
	if !r.voting() || !r.active() || r.com.Primary(r.view) != r.self || !r.inWindow(s) ||
		s > max(r.committed.Seq, r.stable)+pbft.Seq(r.par.Window) {
		return pbft.ProposeNever
	}
	if r.now-r.lead.at >= uint64(r.tm.IdleTicks) {
		return pbft.ProposeNow
	}
	return pbft.ProposeIfPending
}

// Propose implements pbft.Engine: PRE-PREPARE, with the own PREPARE.
func (r *Replica) Propose(payload []byte, root pbft.Digest, recipe []byte, clockMs uint64) bool {
	if r.ProposeHint() == pbft.ProposeNever || len(payload) > int(r.par.PayloadBytesMax) {
		return false
	}
	payload, root = r.rules.Orders(payload, root)
	h := r.com.NullHeader(r.view, r.lead.next, max(clockMs, r.lead.timeMs+1))
	h.PayloadRoot, h.PayloadBytes = root, uint32(len(payload))
	sealed := &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}, Payload: payload}
	sealed.Signature = r.cfg.Sign(r.com.HeaderBytesToSign(&h))
	ref := r.com.Ref(&h)
	x := r.slot(h.Seq)
	x.assigned = ref
	b := r.keepBlock(x, ref.Digest, sealed)
	b.payload = valid
	if len(payload) > 0 && len(recipe) <= pbft.RecipeBytesMax {
		b.recipe = recipe
	}
	r.lead.next, r.lead.at, r.lead.timeMs = h.Seq+1, r.now, h.TimeMs
	r.noteProposal(&sealed.SignedHeader)
	r.logEntry()
	r.logBlock(x, ref.Digest)
	r.record(pbft.Record{Kind: pbft.RecordProposal, View: r.view, Base: ref})
	r.event(pbft.EventPropose, ref, uint64(len(payload)))
	r.out.Messages = append(r.out.Messages,
		pbft.Outgoing{To: pbft.Everyone, Message: prePrepare(b), First: true, Behind: !r.lead.followed})
	r.prepareVote(x)
	r.step()
	return true
}

// prePrepare returns the message that proposes a block, with a recipe while one is
// remembered.
func prePrepare(b *block) *pbft.PrePrepare {
	m := &pbft.PrePrepare{Block: *b.block}
	if b.recipe != nil {
		m.Payload, m.Recipe = nil, b.recipe
	}
	return m
}

// checkHeader tests what a header's own content decides. Fields that only the
// dual-path protocol uses are zero, so that a block has one form.
func (r *Replica) checkHeader(h *pbft.Header) pbft.Reason {
	plain := r.com.NullHeader(h.View, h.Seq, h.TimeMs)
	plain.PayloadRoot, plain.PayloadBytes = h.PayloadRoot, h.PayloadBytes
	switch {
	case h.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case h.View == 0 || h.Seq == 0 || h.PayloadBytes > r.par.PayloadBytesMax || *h != plain:
		return pbft.InvalidContent
	}
	return pbft.Accepted
}

// onPrePrepare takes a proposal of the present view from any member, since its
// primary signed it. The first one of a sequence number stands.
func (r *Replica) onPrePrepare(from pbft.ReplicaID, m *pbft.PrePrepare) pbft.Reason {
	h := &m.Header
	if reason := r.checkHeader(h); reason != pbft.Accepted {
		return reason
	}
	switch {
	case m.Certificate != nil || m.Entry != nil:
		return pbft.InvalidContent
	case len(m.Recipe) > 0 && h.View < r.view && r.asksFor(h):
		return r.onNamedRecipe(from, m)
	case h.Seq <= r.stable || h.View < r.view:
		return pbft.IgnoredStale
	case h.View > r.view:
		r.keepEarly(from, m)
		r.askEntry(from)
		return pbft.IgnoredFuture
	case !r.inWindow(h.Seq):
		r.pursue(from, h.Seq-r.span)
		return pbft.IgnoredFuture
	case h.Seq > max(r.committed.Seq, r.stable)+2*pbft.Seq(r.par.Window):
		return pbft.IgnoredFuture // its body is fetched when it is prepared or decided
	}
	x, ref := r.slot(h.Seq), r.com.Ref(h)
	if x.assigned == ref && x.holds(ref.Digest) {
		return pbft.IgnoredDuplicate
	}
	if !r.cfg.Scheme.Verify(r.com.Key(h.Proposer), r.com.HeaderBytesToSign(h), m.Signature) {
		return pbft.InvalidSignature
	}
	r.noteProposal(&m.SignedHeader)
	if r.equivocates(x, ref) {
		return pbft.IgnoredQuota
	}
	if len(m.Recipe) > 0 && !x.holds(ref.Digest) {
		x.assigned = ref
		return r.takeRecipe(x, from, m, ref)
	}
	if len(m.Recipe) == 0 && !r.payloadFits(&m.Block) {
		return pbft.InvalidContent
	}
	r.accept(x, ref, &m.Block)
	return pbft.Accepted
}

// equivocates reports whether the present view's primary ordered another block at the
// sequence number of a header that it signed too.
func (r *Replica) equivocates(x *slot, ref pbft.BlockRef) bool {
	if x.assigned == (pbft.BlockRef{}) || x.assigned == ref {
		return false
	}
	r.event(pbft.EventEvidence, ref, uint64(r.com.Primary(ref.View)))
	return true
}

// accept makes a proposal of the present view, with a verified signature, the one
// of its sequence number.
func (r *Replica) accept(x *slot, ref pbft.BlockRef, sealed *pbft.Block) {
	x.assigned = ref
	if !x.holds(ref.Digest) {
		body := *sealed
		r.keepBlock(x, ref.Digest, &body)
	}
	r.prepareVote(x)
}

// noteProposal remembers the newest header of a primary, for Recall.
func (r *Replica) noteProposal(h *pbft.SignedHeader) {
	p := &r.peers[h.Header.Proposer]
	rank := func(h *pbft.SignedHeader) pbft.Rank { return pbft.Rank{View: h.Header.View, Seq: h.Header.Seq} }
	if p.lastProposal == nil || rank(p.lastProposal).Less(rank(h)) {
		newest := *h
		p.lastProposal = &newest
	}
}

func (r *Replica) payloadFits(b *pbft.Block) bool {
	return r.cfg.PayloadRoot == nil || r.cfg.PayloadRoot(b.Payload) == b.Header.PayloadRoot
}

// PayloadChecked implements pbft.Engine.
func (r *Replica) PayloadChecked(d pbft.Digest, ok bool) {
	for _, x := range r.order {
		if b := x.find(d); b != nil && b.payload == asked {
			b.payload = invalid
			if ok {
				b.payload = valid
			}
			r.prepareVote(x)
			r.step()
			return
		}
	}
}

// prepareVote casts the PREPARE for what the present view orders at a sequence
// number, once the block is held and, if it is new, found valid.
func (r *Replica) prepareVote(x *slot) {
	ref := x.assigned
	if !r.voting() || !r.active() || ref.View != r.view || x.prepareView >= r.view || !r.inWindow(x.seq) ||
		x.done != (pbft.Digest{}) && x.done != ref.Digest || !r.acceptable(x) {
		return
	}
	r.logEntry()
	r.logBlock(x, ref.Digest)
	m := r.ownPrepare(x)
	r.record(pbft.Record{Kind: pbft.RecordPrepare, Prepare: m})
	x.prepareView, x.preparedAt = r.view, r.now+1
	if b := x.find(ref.Digest); b != nil {
		b.voted = r.view
	}
	r.signed = append(r.signed, m)
	r.event(pbft.EventPrepare, ref, 0)
	r.send(pbft.Everyone, m)
	if r.rules.CommitsAtOnce() {
		r.sendCommit(x, ref)
	}
}

// acceptable reports whether the assigned block may be prepared. What a NEW-VIEW
// orders again was valid for a quorum, and is old by nature.
func (r *Replica) acceptable(x *slot) bool {
	d := x.assigned.Digest
	if x.done == d {
		return true
	}
	b := x.find(d)
	if b == nil {
		return false
	}
	h := &b.block.Header
	if h.View < r.view {
		return true
	}
	if b.payload == unknown {
		b.payload = asked
		r.out.Checks = append(r.out.Checks, pbft.PayloadCheck{Digest: d, Block: b.block})
	}
	return b.payload == valid && r.rules.NotTooOld(b.late) &&
		r.rules.NotTooNew(h.TimeMs, r.clockMs+r.par.PrecisionMs)
}

// logEntry makes the entry into the present view durable, once: before the first
// own message of the view.
func (r *Replica) logEntry() {
	if !r.entryLogged {
		r.entryLogged = true
		r.record(pbft.Record{Kind: pbft.RecordSlotEntry, SlotNewView: r.entry})
	}
}

// commitVote casts the COMMIT for what was prepared in the present view. The
// certificate is durable first: a later VIEW-CHANGE must report it.
func (r *Replica) commitVote(x *slot) {
	c := x.prepared
	if c == nil || !r.voting() || !r.active() || c.Block.View != r.view || x.commitView >= r.view ||
		!r.inWindow(x.seq) || !x.holds(c.Block.Digest) {
		return
	}
	r.logEntry()
	r.logBlock(x, c.Block.Digest)
	r.record(pbft.Record{Kind: pbft.RecordCertificate, Certificate: c})
	r.sendCommit(x, c.Block)
}

func (r *Replica) sendCommit(x *slot, ref pbft.BlockRef) {
	v := pbft.Vote{Epoch: r.com.Epoch(), Block: ref, Replica: r.self}
	v.Signature = r.cfg.Sign(r.com.CommitBytes(ref))
	m := &pbft.Commit{Vote: v}
	x.commitView = ref.View
	r.signed = append(r.signed, m)
	r.event(pbft.EventCommitVote, ref, 0)
	r.send(pbft.Everyone, m)
}

func (r *Replica) onPrepare(from pbft.ReplicaID, m *pbft.Prepare) pbft.Reason {
	p := &r.peers[from]
	if m.Replica == from && m.Epoch == r.com.Epoch() &&
		(p.lastPrepare == nil || p.lastPrepare.Block.Rank().Less(m.Block.Rank())) {
		p.lastPrepare = m
	}
	return r.onVote(from, prepares, &m.Vote)
}

func (r *Replica) onCommit(from pbft.ReplicaID, m *pbft.Commit) pbft.Reason {
	p := &r.peers[from]
	if m.Replica == from && m.Epoch == r.com.Epoch() &&
		(p.lastCommit == nil || p.lastCommit.Block.Rank().Less(m.Block.Rank())) {
		p.lastCommit = m
	}
	return r.onVote(from, commits, &m.Vote)
}

// votesMax bounds the votes stored for one member: two of each sequence number
// in each of three views.
func (r *Replica) votesMax() int { return 3 * int(phases) * int(r.span) }

// onVote takes a PREPARE or COMMIT from its signer's own channel.
func (r *Replica) onVote(from pbft.ReplicaID, k phase, v *pbft.Vote) pbft.Reason {
	p := &r.peers[from]
	switch {
	case v.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case v.Replica != from:
		return pbft.IgnoredSender
	case v.Block.View == 0:
		return pbft.InvalidContent
	case v.Block.Seq <= r.stable:
		r.helpBehind(from)
		return pbft.IgnoredStale
	case !r.inWindow(v.Block.Seq):
		r.pursue(from, v.Block.Seq-r.span)
		return pbft.IgnoredFuture
	case v.Block.View < r.view:
		r.answerEntry(from)
		return pbft.IgnoredStale
	case v.Block.View > r.view:
		if v.Block.View < p.future {
			return pbft.IgnoredStale
		}
		p.future = v.Block.View
		r.askEntry(from)
	}
	if p.votes >= r.votesMax() {
		return pbft.IgnoredQuota
	}
	return r.store(k, v, false)
}

// store puts a vote into its pool and completes what it can complete.
func (r *Replica) store(k phase, v *pbft.Vote, own bool) pbft.Reason {
	if !r.inWindow(v.Block.Seq) || v.Block.View < r.view {
		return pbft.IgnoredStale
	}
	x := r.slot(v.Block.Seq)
	y := x.round(v.Block.View)
	if !y.votes[k].add(v.Replica, v.Block.Digest, v.Signature, own) {
		return pbft.IgnoredDuplicate
	}
	r.peers[v.Replica].votes++
	r.count(x, y, k, v.Block.Digest)
	return pbft.Accepted
}

// count makes a certificate once enough votes of the present view agree. Those
// of later views wait for the entry.
func (r *Replica) count(x *slot, y *round, k phase, d pbft.Digest) {
	if y.view != r.view || k == prepares && x.prepared != nil && x.prepared.Block.View >= y.view ||
		k == commits && x.commit != nil {
		return
	}
	c := &pbft.Certificate{Kind: pbft.Prepared, Epoch: r.com.Epoch(),
		Block: pbft.BlockRef{View: y.view, Seq: x.seq, Digest: d}}
	message := r.com.PrepareBytes
	if k == commits {
		c.Kind, message = pbft.CommittedSlow, r.com.CommitBytes
	}
	if y.votes[k].count(d, claimed) < r.com.Quorum() {
		return
	}
	c.Signers, c.Signatures = y.votes[k].prove(r, d, message(c.Block), r.com.Quorum())
	if c.Signatures != nil {
		r.learn(x, c)
	}
}

// tryVotes casts what waited for the clock or for a block.
func (r *Replica) tryVotes() {
	for _, x := range r.above(r.stable) {
		r.prepareVote(x)
		r.commitVote(x)
	}
}
