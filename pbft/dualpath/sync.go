package dualpath

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// catchUpState drives the fetching of committed blocks from peers' stores.
type catchUpState struct {
	target     pbft.Seq // claimed by f+1 peers, or proven; drives questions, never state
	proven     pbft.Seq // of the highest commit certificate that could not be followed
	peer       pbft.ReplicaID
	askedAt    uint64
	progressAt uint64
	tries      int
}

// Pauses of answers to one peer, in ticks (section 11, STATUS answers).
const (
	answerTicks = 5
	servedTicks = 1
)

func (r *Replica) status() *pbft.Status {
	return &pbft.Status{Epoch: r.com.Epoch(), View: r.view, ViewChanged: r.vcSent, Committed: r.chain.committed,
		Executed: r.chain.executed, High: r.highRef.Rank(), Replica: r.self}
}

func (r *Replica) broadcastStatus() { r.send(pbft.Everyone, r.status()) }

// onStatus notes where a peer stands and helps it if it is behind.
func (r *Replica) onStatus(from pbft.ReplicaID, m *pbft.Status) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	if m.Replica != from {
		return pbft.IgnoredSender
	}
	last := r.peers[from].status
	r.peers[from].status = m
	if r.over() && r.rules.Silent() {
		r.answerEnd(from)
		return pbft.Accepted
	}
	switch {
	case m.Committed.Seq > r.chain.committed.Seq:
		r.noticeAhead(from, m.Committed.Seq)
	case last == nil || m.Committed.Seq <= last.Committed.Seq || r.farBelow(m.Committed.Seq):
		r.answerBehind(from)
	}
	if m.View < r.view || m.View == r.view && m.ViewChanged > m.View && r.inView() {
		r.answerEntry(from)
	}
	if m.High.Less(r.highRef.Rank()) && r.high != nil && r.mayAnswer(from) {
		r.answer(from, r.proof(r.high))
	}
	return pbft.Accepted
}

// answer sends a member what it asked for or seems to lack, within its allowance,
// and reports whether it did.
func (r *Replica) answer(to pbft.ReplicaID, m pbft.Message) bool {
	ok := r.peers[to].allowance.Take(r.now, pbft.EncodedBytes(m))
	if ok {
		r.send(to, m)
	}
	return ok
}

// repeat sends something again, to everyone or as an answer to one member.
func (r *Replica) repeat(to pbft.ReplicaID, m pbft.Message) {
	if to == pbft.Everyone {
		r.send(to, m)
	} else if to != r.self {
		r.answer(to, m)
	}
}

func (r *Replica) mayAnswer(to pbft.ReplicaID) bool {
	p := &r.peers[to]
	if p.answered != 0 && r.now+1 < p.answered+answerTicks {
		return false
	}
	p.answered = r.now + 1
	return true
}

func (r *Replica) proof(c *pbft.Certificate) *pbft.Proof {
	m := &pbft.Proof{Certificate: c}
	if b := r.chain.byDigest[c.Block.Digest]; b != nil && b.signed {
		h := b.block.SignedHeader
		m.Header = &h
	}
	return m
}

// farBelow reports whether a position is further below the committed block than
// messages on their way explain: whoever is there has missed something.
func (r *Replica) farBelow(s pbft.Seq) bool { return s+pbft.Seq(r.par.Window) < r.chain.committed.Seq }

// answerBehind sends a peer that is behind the commit certificate of the committed
// block, which tells it what to fetch. A peer that is on its way is not behind:
// the last votes for each block come late from everybody.
func (r *Replica) answerBehind(to pbft.ReplicaID) {
	if s := r.peers[to].status; s != nil && s.Committed.Seq >= r.chain.committed.Seq {
		return
	}
	b := r.chain.byDigest[r.chain.committed.Digest]
	if b != nil && b.commit != nil && r.mayAnswer(to) {
		r.answer(to, r.proof(b.commit))
	}
}

// answerEntry sends a peer what proves the present view, or the own VIEW-CHANGE
// while a later one is awaited (R6).
func (r *Replica) answerEntry(to pbft.ReplicaID) {
	p := &r.peers[to]
	if p.resent != 0 && r.now+1 < p.resent+answerTicks {
		return
	}
	p.resent = r.now + 1
	if r.vcSent > r.view && r.ownVC != nil && r.voting() {
		r.answer(to, r.ownVC)
	}
	if r.entry.newView != nil {
		r.answer(to, r.entry.newView)
		return
	}
	if b := r.chain.byDigest[r.entry.base.Digest]; b != nil {
		if c := b.cert; c != nil {
			r.answer(to, r.proof(c))
		} else if b.commit != nil {
			r.answer(to, r.proof(b.commit))
		}
	}
}

// askEntry asks a peer that is in a later view for the proof, by telling it where
// this replica stands.
func (r *Replica) askEntry(from pbft.ReplicaID) {
	p := &r.peers[from]
	if p.entryAsked != 0 && r.now+1 < p.entryAsked+2*answerTicks {
		return
	}
	p.entryAsked = r.now + 1
	r.answer(from, r.status())
}

// noticeAhead notes that a peer says it committed up to seq. One peer's word moves
// nothing: see retarget.
func (r *Replica) noticeAhead(from pbft.ReplicaID, seq pbft.Seq) {
	r.peers[from].claim = max(r.peers[from].claim, seq)
	r.retarget(from)
}

// noticeCommitted notes that a verified commit certificate of a position is held.
func (r *Replica) noticeCommitted(from pbft.ReplicaID, seq pbft.Seq) {
	r.catchUp.proven = max(r.catchUp.proven, seq)
	r.retarget(from)
}

// retarget raises the target to what a certificate proves, or f+1 peers claim: one of
// them is honest.
func (r *Replica) retarget(from pbft.ReplicaID) {
	claims := make([]pbft.Seq, 0, len(r.peers))
	for id := range r.peers {
		if id != int(r.self) {
			claims = append(claims, r.peers[id].claim)
		}
	}
	slices.Sort(claims)
	c := &r.catchUp
	behind := c.target > r.chain.committed.Seq
	c.target = max(c.target, c.proven, claims[len(claims)-r.com.WeakQuorum()])
	if !behind && c.target > r.chain.committed.Seq && r.com.Has(from) {
		c.peer, c.tries = from, 0
	}
}

// tickCatchUp asks one peer at a time for the next committed blocks while this
// replica is behind and consensus itself does not bring them.
func (r *Replica) tickCatchUp() {
	c := &r.catchUp
	if c.target <= r.chain.committed.Seq {
		c.tries = 0
		return
	}
	far := c.target > r.chain.committed.Seq+pbft.Seq(r.par.Window)
	if !far && r.now < c.progressAt+uint64(4*r.tm.FetchTicks) {
		return
	}
	if r.now < c.askedAt+uint64(10*r.tm.FetchTicks) {
		return
	}
	if c.tries > 2*r.com.Size() {
		c.target, c.proven, c.tries = 0, 0, 0
		for id := range r.peers {
			r.peers[id].claim = 0
		}
		return
	}
	if c.tries > 0 {
		c.peer = r.nextPeer(c.peer)
	}
	r.askCommitted()
}

func (r *Replica) nextPeer(p pbft.ReplicaID) pbft.ReplicaID {
	p = (p + 1) % pbft.ReplicaID(r.com.Size())
	if p == r.self {
		p = (p + 1) % pbft.ReplicaID(r.com.Size())
	}
	return p
}

func (r *Replica) askCommitted() {
	c := &r.catchUp
	c.tries++
	c.askedAt = r.now
	r.send(c.peer, &pbft.Fetch{Epoch: r.com.Epoch(), Seq: c.target, After: r.chain.committed.Seq})
}

// onFetch answers from memory, or has the driver answer from its store.
func (r *Replica) onFetch(from pbft.ReplicaID, m *pbft.Fetch) pbft.Reason {
	p := &r.peers[from]
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	committedOnly := m.Digest == pbft.Digest{} || m.Seq <= r.chain.committed.Seq
	if committedOnly {
		if m.After >= r.chain.committed.Seq {
			return pbft.IgnoredFuture
		}
		if m.After < r.epoch.genesis.Seq { // of an earlier epoch, whose replica serves it
			return pbft.IgnoredStale
		}
		if p.served != 0 && r.now+1 < p.served+servedTicks {
			return pbft.IgnoredQuota
		}
		most := min(p.allowance.Left(r.now), supplyBytesMax)
		if !p.allowance.Take(r.now, r.servedBytes(m.After, most)) {
			return pbft.IgnoredQuota
		}
		p.served = r.now + 1
		r.out.Serves = append(r.out.Serves,
			pbft.Serve{To: from, After: m.After, Limit: r.chain.committed.Seq, BytesMax: most})
		return pbft.Accepted
	}
	b := r.chain.byDigest[m.Digest]
	if b == nil || !b.hasBody || !b.signed || b.ref.Seq <= m.After {
		return pbft.IgnoredUnwanted
	}
	if p.allowance.Left(r.now) == 0 { // before anything is put together
		return pbft.IgnoredQuota
	}
	if m.RecipeFirst && b.recipes.own != nil {
		r.answer(from, r.prePrepare(b))
	} else {
		r.answer(from, r.supply(b, m.After))
	}
	return pbft.Accepted
}

// servedBytes is what the driver will send of the committed blocks above a position,
// at most: as much as it may, or the largest block, where the headers are forgotten.
func (r *Replica) servedBytes(after pbft.Seq, most int) int {
	if after+1 < r.chain.low {
		return max(most, int(r.par.PayloadBytesMax))
	}
	bytes := 0
	for s := after + 1; s <= r.chain.committed.Seq; s++ {
		if b := r.committedAt(s); b != nil {
			n := pbft.HeaderBytes + int(b.header().PayloadBytes)
			if bytes > 0 && bytes+n > most {
				break
			}
			bytes += n
		}
	}
	return bytes
}

// supplyBytesMax bounds the payloads of one answer to a Fetch from memory.
const supplyBytesMax = 4 << 20

// supply returns b and the ancestors above after whose bodies are held.
func (r *Replica) supply(b *block, after pbft.Seq) *pbft.Blocks {
	var down []pbft.Block
	size := 0
	for x := b; x != nil && x.ref.Seq > after && x.hasBody && x.signed && len(down) < pbft.BlocksMax; x = r.parent(x) {
		size += len(x.block.Payload)
		if size > supplyBytesMax && len(down) > 0 {
			break
		}
		down = append(down, *x.block)
	}
	for i, j := 0, len(down)-1; i < j; i, j = i+1, j-1 {
		down[i], down[j] = down[j], down[i]
	}
	return &pbft.Blocks{Epoch: r.com.Epoch(), Blocks: down}
}

// onBlocks takes blocks that were asked for: under a commit certificate, or
// named by digest.
func (r *Replica) onBlocks(from pbft.ReplicaID, m *pbft.Blocks) pbft.Reason {
	if reason := r.checkChain(m.Epoch, m.Blocks, nil); reason != pbft.Accepted {
		return reason
	}
	if m.Certificate != nil {
		return r.onCommittedBlocks(from, m.Blocks, &m.Blocks[len(m.Blocks)-1].Header, m.Certificate)
	}
	return r.onNamedBlocks(from, m)
}

// onLinked takes committed blocks that have no certificate of their own: headers
// lead from them to one that has.
func (r *Replica) onLinked(from pbft.ReplicaID, m *pbft.Linked) pbft.Reason {
	if reason := r.checkChain(m.Epoch, m.Blocks, m.Headers); reason != pbft.Accepted {
		return reason
	}
	return r.onCommittedBlocks(from, m.Blocks, &m.Headers[len(m.Headers)-1], m.Certificate)
}

// checkChain checks that blocks and then headers are hash-linked.
func (r *Replica) checkChain(epoch pbft.Epoch, blocks []pbft.Block, headers []pbft.Header) pbft.Reason {
	switch {
	case epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case len(blocks) == 0:
		return pbft.InvalidContent
	}
	var below *pbft.Header
	follows := func(h *pbft.Header) bool {
		ok := r.checkHeader(h) == pbft.Accepted && (below == nil || h.Parent == r.com.HeaderDigest(below))
		below = h
		return ok
	}
	for i := range blocks {
		if !follows(&blocks[i].Header) {
			return pbft.InvalidContent
		}
	}
	for i := range headers {
		if !follows(&headers[i]) {
			return pbft.InvalidContent
		}
	}
	return pbft.Accepted
}

// onCommittedBlocks commits blocks of a chain whose top the certificate commits.
func (r *Replica) onCommittedBlocks(from pbft.ReplicaID, blocks []pbft.Block, top *pbft.Header,
	c *pbft.Certificate) pbft.Reason {
	last := &blocks[len(blocks)-1].Header
	if last.Seq <= r.chain.committed.Seq {
		return pbft.IgnoredStale
	}
	first := &blocks[0].Header
	if first.Seq > r.chain.committed.Seq+1 && r.chain.byDigest[first.Parent] == nil {
		return pbft.IgnoredFuture
	}
	proven := r.over() && r.com.HeaderDigest(top) == r.epoch.last
	switch {
	case proven:
	case top.Boundary() && c.Block.Seq > top.Seq: // in the place of its certificate: the proof is on its way
		return pbft.IgnoredFuture
	case !r.com.Commits(c, top) || !r.rules.BlocksProven(r.com, c, r.cfg.Scheme):
		return pbft.InvalidCertificate
	}
	for i := range blocks {
		if x := &blocks[i]; x.Header.Seq > r.chain.committed.Seq {
			if !r.payloadFits(x) {
				return pbft.InvalidContent
			}
			r.addBlock(x, false)
		}
	}
	if proven {
		c = r.epoch.end.Certificate
	} else if top == last || r.chain.byDigest[c.Block.Digest] != nil {
		r.learn(c)
	} else {
		r.keepUnplaced(c) // until catching up has come so far
		r.noticeCommitted(from, c.Block.Seq)
	}
	before := r.chain.committed.Seq
	// The target may be far above; what is whole commits now.
	if b := r.chain.byDigest[r.com.HeaderDigest(last)]; b != nil && !b.committed {
		switch _, whole, conflict := r.missingBelow(b); {
		case whole:
			r.commitChain(b, top, c)
		case conflict:
			r.become(pbft.Broken)
		}
	}
	r.tryCommit()
	if c := &r.catchUp; r.chain.committed.Seq > before && c.target > r.chain.committed.Seq && from == c.peer {
		c.tries = 0
		r.askCommitted()
	}
	return pbft.Accepted
}

// onNamedBlocks takes blocks without a certificate: each must be wanted by its
// digest, and its parent becomes wanted with it, on whose word it was itself.
func (r *Replica) onNamedBlocks(from pbft.ReplicaID, m *pbft.Blocks) pbft.Reason {
	reason := pbft.IgnoredUnwanted
	for i := len(m.Blocks) - 1; i >= 0; i-- {
		x := &m.Blocks[i]
		d := r.com.HeaderDigest(&x.Header)
		known, wanted := r.chain.byDigest[d], r.wanted(d)
		if wanted == nil && (known == nil || known.hasBody) || x.Header.Seq <= r.chain.committed.Seq ||
			r.tooFar(x.Header.Seq) {
			continue
		}
		owner := from
		if wanted != nil {
			owner = wanted.owner
		}
		if owner != r.self && r.looseFull(x.Header.Proposer) {
			r.unwant(d)
			reason = pbft.IgnoredQuota
			continue
		}
		key := r.com.Key(x.Header.Proposer)
		if !r.cfg.Scheme.Verify(key, r.com.HeaderBytesToSign(&x.Header), x.Signature) {
			return pbft.InvalidSignature
		}
		if !r.payloadFits(x) {
			return pbft.InvalidContent
		}
		r.noteProposal(&x.SignedHeader)
		b := r.addBlock(x, true)
		r.checkIfPreparable(b)
		r.wantParent(b, owner)
		reason = pbft.Accepted
	}
	return reason
}

// payloadFits checks a body against its header's root, where the driver did not.
func (r *Replica) payloadFits(x *pbft.Block) bool {
	return r.cfg.PayloadRoot == nil || r.cfg.PayloadRoot(x.Payload) == x.Header.PayloadRoot
}

// onProof takes a certificate that a peer thinks this replica lacks.
func (r *Replica) onProof(_ pbft.ReplicaID, m *pbft.Proof) pbft.Reason {
	c := m.Certificate
	if c.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	if r.holds(c) || c.Block.Seq < r.chain.committed.Seq {
		return pbft.IgnoredDuplicate
	}
	if !r.rules.ProofHolds(r.com, c, r.cfg.Scheme) {
		return pbft.InvalidCertificate
	}
	if h := m.Header; h != nil && r.chain.byDigest[c.Block.Digest] == nil && r.com.Ref(&h.Header) == c.Block &&
		r.checkHeader(&h.Header) == pbft.Accepted && c.Block.Seq > r.chain.committed.Seq {
		if !r.cfg.Scheme.Verify(r.com.Key(h.Header.Proposer), r.com.HeaderBytesToSign(&h.Header), h.Signature) {
			return pbft.InvalidSignature
		}
		r.addHeader(h)
	}
	r.learn(c)
	return pbft.Accepted
}

// tickRetransmit repeats STATUS, and own votes and proposals while they are not
// committed (section 11, retransmission).
func (r *Replica) tickRetransmit() {
	if r.now%uint64(r.tm.StatusTicks) == 0 {
		r.broadcastStatus()
	}
	if r.now%uint64(r.tm.RetransmitTicks) != 0 || r.now < r.clock.progressAt+uint64(r.tm.RetransmitTicks) {
		return
	}
	r.resend(pbft.Everyone)
}

// proposalsResentMax bounds the proposals repeated to one peer at a time: they
// carry payloads.
const proposalsResentMax = 4

// resend repeats own uncommitted votes and proposals to a peer or to everyone.
func (r *Replica) resend(to pbft.ReplicaID) {
	if !r.voting() {
		return
	}
	proposals := 0
	top := r.horizon() + 2*pbft.Seq(r.par.Window)
	for s := r.chain.committed.Seq + 1; s <= top; s++ {
		for _, b := range r.chain.bySeq[s] {
			if b.header().Proposer == r.self && b.ref.View == r.view && b.hasBody &&
				proposals < proposalsResentMax && r.resendProposal(to, b) {
				proposals++
			}
		}
		for _, x := range r.slots.bySeq[s] {
			r.resendVotes(to, x)
		}
	}
}

// resendProposal repeats a proposal to those who did not vote for it yet, and
// reports whether there were any.
func (r *Replica) resendProposal(to pbft.ReplicaID, b *block) (sent bool) {
	m := r.prePrepare(b)
	s := r.slots.byKey[slotKey{b.ref.View, b.ref.Seq}]
	for id := range r.peers {
		peer := pbft.ReplicaID(id)
		if to != pbft.Everyone && to != peer || s != nil && s.find(votePrepare, id, b.ref.Digest) != nil {
			continue
		}
		if to == pbft.Everyone {
			r.send(peer, m)
		} else {
			r.repeat(peer, m)
		}
		sent = sent || peer != r.self
	}
	return sent
}

func (r *Replica) resendVotes(to pbft.ReplicaID, s *slot) {
	for kind := voteKind(0); kind < voteKinds; kind++ {
		b := s.own(kind, r.self)
		if b == nil || s.key.view < r.vcSent {
			continue
		}
		v := pbft.Vote{Epoch: r.com.Epoch(), Replica: r.self, Signature: b.signature,
			Block: pbft.BlockRef{View: s.key.view, Seq: s.key.seq, Digest: b.digest}}
		if kind == votePrepare {
			r.repeat(to, &pbft.Prepare{Vote: v})
		} else {
			r.repeat(to, &pbft.Commit{Vote: v})
		}
	}
}

// Connected implements pbft.Engine.
func (r *Replica) Connected(peer pbft.ReplicaID) {
	if !r.com.Has(peer) || peer == r.self {
		return
	}
	r.peers[peer].connectedAt = r.now + 1
	r.measureLink(peer)
	r.answer(peer, r.status())
	r.askAgain(peer)
	r.resend(peer)
	r.attestAgain(peer)
	if r.vcSent > r.view && r.voting() {
		r.answer(peer, r.ownVC)
	}
}
