package original

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// answer is a kind of answer to a peer whose rate is bounded.
type answer uint8

const (
	answerPosition answer = iota
	answerNewView
	answerStable
	answerServe
	answers
)

// pauseTicks are the least ticks between two answers of a kind to one peer.
func (a answer) pauseTicks() uint64 {
	if a == answerServe {
		return 1
	}
	return 5
}

// may reports whether a peer may get an answer of a kind now, and counts it.
func (r *Replica) may(to pbft.ReplicaID, a answer) bool {
	until := &r.peers[to].pauses[a]
	if r.now < *until {
		return false
	}
	*until = r.now + a.pauseTicks()
	return true
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

// position is the STATUS of this replica.
func (r *Replica) position() *pbft.Status {
	return &pbft.Status{Epoch: r.com.Epoch(), View: r.view, ViewChanged: r.changed, Committed: r.committed,
		Executed: r.executed, High: pbft.Rank{View: r.view, Seq: r.stable}, Replica: r.self}
}

// onStatus helps a peer that is behind, and notices if it is ahead. Nothing in it
// is believed without a proof.
func (r *Replica) onStatus(from pbft.ReplicaID, m *pbft.Status) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.Replica != from:
		return pbft.IgnoredSender
	}
	r.pursue(from, m.Committed.Seq)
	if m.View < r.view {
		r.answerEntry(from)
	}
	if m.Committed.Seq < r.committed.Seq && r.may(from, answerPosition) {
		r.answer(from, r.position())
	}
	if m.High.Seq < r.stable {
		r.helpBehind(from)
	}
	return pbft.Accepted
}

// helpBehind sends a peer the last stable checkpoint, which moves its window.
func (r *Replica) helpBehind(to pbft.ReplicaID) {
	if r.stableProof != nil && r.may(to, answerStable) {
		r.answer(to, &pbft.Stable{Certificate: r.stableProof})
	}
}

// answerEntry sends a peer what proves the present view.
func (r *Replica) answerEntry(to pbft.ReplicaID) {
	if r.entry != nil && r.may(to, answerNewView) {
		r.answer(to, r.entry)
	}
}

// askEntry tells a peer that is in a later view where this replica is, which it
// answers with the NEW-VIEW.
func (r *Replica) askEntry(to pbft.ReplicaID) {
	if r.may(to, answerPosition) {
		r.answer(to, r.position())
	}
}

// pursuitState drives the fetching of decided blocks from peers' stores.
type pursuitState struct {
	target pbft.Seq // claimed by f+1 peers, or proven; drives questions, never state
	peer   pbft.ReplicaID
	at     uint64 // tick of the next question
	tries  int
}

// triesMax is after how many vain questions the claims are dropped.
const triesMax = 16

// pursue notes that a peer says it has decided up to s. One peer's word moves
// nothing: see retarget.
func (r *Replica) pursue(from pbft.ReplicaID, s pbft.Seq) {
	if s > r.peers[from].claim {
		r.peers[from].claim = s
		r.retarget(from)
	}
}

// retarget raises the target to what a stable checkpoint proves, or f+1 peers claim:
// one of them is honest.
func (r *Replica) retarget(from pbft.ReplicaID) {
	claims := make([]pbft.Seq, 0, len(r.peers))
	for id := range r.peers {
		if id != int(r.self) {
			claims = append(claims, r.peers[id].claim)
		}
	}
	slices.Sort(claims)
	c := &r.pursuit
	target := max(r.stable, claims[len(claims)-r.com.WeakQuorum()])
	if target <= max(c.target, r.committed.Seq) {
		return
	}
	if c.target <= r.committed.Seq {
		c.tries, c.at = 0, r.now+uint64(r.tm.FetchTicks)
		c.peer = from
	}
	c.target = target
}

func (r *Replica) tickPursuit() {
	c := &r.pursuit
	if c.target <= r.committed.Seq {
		r.askLone()
		return
	}
	if r.now < c.at {
		return
	}
	// In normal times the next decision is on its way.
	if c.target <= r.committed.Seq+pbft.Seq(r.par.Window) && r.now < r.timer.progressAt+uint64(r.tm.FetchTicks) {
		return
	}
	if c.tries++; c.tries > triesMax {
		c.target = 0
		for id := range r.peers {
			r.peers[id].claim = 0
		}
		return
	}
	if c.tries > 1 || c.peer == r.self {
		c.peer = r.next(c.peer)
	}
	c.at = r.now + uint64(r.tm.FetchTicks)*uint64(1+min(c.tries, 9))
	r.send(c.peer, &pbft.Fetch{Epoch: r.com.Epoch(), Seq: c.target, After: r.committed.Seq})
}

// askLone asks a peer that says it is ahead, though too few say so to be believed, for
// its next blocks: each at most once between two STATUS messages. It may be the only
// one that has them, and they come with certificates.
func (r *Replica) askLone() {
	if r.now < r.timer.progressAt+uint64(r.tm.FetchTicks) {
		return
	}
	for id := range r.peers {
		p := &r.peers[id]
		if p.claim > r.committed.Seq && r.now >= p.loneAt {
			p.loneAt = r.now + uint64(r.tm.StatusTicks)
			r.send(pbft.ReplicaID(id), &pbft.Fetch{Epoch: r.com.Epoch(), Seq: p.claim, After: r.committed.Seq})
		}
	}
}

// next returns the member after id that is not this one.
func (r *Replica) next(id pbft.ReplicaID) pbft.ReplicaID {
	for {
		if id = (id + 1) % pbft.ReplicaID(r.com.Size()); id != r.self {
			return id
		}
	}
}

// signerOf returns a signer that is not this replica, or this one if there is none.
func (r *Replica) signerOf(by pbft.Signers) pbft.ReplicaID {
	for id := pbft.ReplicaID(0); r.com.Has(id); id++ {
		if id != r.self && by.Has(id) {
			return id
		}
	}
	return r.self
}

// missing returns the block that a slot needs and does not have, zero if none:
// what is decided, ordered or prepared, or what f+1 members have prepared in the
// present view, so that an honest one has it.
func (r *Replica) missing(x *slot) (b pbft.BlockRef) {
	for _, c := range []*pbft.Certificate{x.commit, x.prepared} {
		if c != nil && !x.holds(c.Block.Digest) {
			return c.Block
		}
	}
	if x.assigned != (pbft.BlockRef{}) {
		if !x.holds(x.assigned.Digest) {
			b = x.assigned
		}
		return b
	}
	y := x.roundOf(r.view)
	if y == nil || x.done != (pbft.Digest{}) {
		return b
	}
	for i := range y.votes[prepares] {
		s := &y.votes[prepares][i]
		if y.votes[prepares].count(s.of, claimed) >= r.com.WeakQuorum() {
			return pbft.BlockRef{View: r.view, Seq: x.seq, Digest: s.of}
		}
	}
	return b
}

// tickWants asks for blocks that are missing, one peer after the other.
func (r *Replica) tickWants() {
	for _, x := range r.above(r.committed.Seq) {
		b := r.missing(x)
		switch {
		case b == pbft.BlockRef{}:
			x.askAt = 0
		case x.askAt == 0:
			x.wantAt, x.askAt = r.now, r.now+uint64(r.tm.FetchTicks)
		case r.now >= x.askAt && !r.onItsWay(x, b):
			r.askMissing(x)
		}
	}
}

// askMissing asks the next peer for the missing block of a slot.
func (r *Replica) askMissing(x *slot) {
	b := r.missing(x)
	to := r.next(pbft.ReplicaID((x.asks + int(x.seq%256)) % r.com.Size()))
	x.asks++
	x.asked, x.wantAt = to, r.now
	x.askAt = r.now + uint64(r.tm.FetchTicks)*uint64(min(x.asks, 10))
	r.event(pbft.EventFetch, pbft.BlockRef{Seq: x.seq, Digest: b.Digest}, uint64(to))
	r.send(to, &pbft.Fetch{Epoch: r.com.Epoch(), Seq: x.seq, Digest: b.Digest, After: r.committed.Seq,
		RecipeFirst: r.cfg.Recipes && x.sketch(b.Digest) == nil})
}

// onItsWay reports whether the missing block of a slot seems to be coming: from the
// primary that ordered it, and then from who was asked last, for BodyTicks. The policy
// is that of the dual-path engine.
func (r *Replica) onItsWay(x *slot, b pbft.BlockRef) bool {
	if r.assembling(x, b.Digest) {
		return true
	}
	if r.now >= x.wantAt+uint64(r.tm.BodyTicks) {
		return false
	}
	if x.asks > 0 {
		return r.arrivals.Flowing(x.asked, r.now)
	}
	// The proposer of a recipe sends nothing else unasked.
	if b.View != r.view || x.sketch(b.Digest) != nil || !r.arrivals.Flowing(r.com.Primary(b.View), r.now) {
		return false
	}
	for _, y := range r.above(x.seq) { // a channel keeps order
		if y.assigned != (pbft.BlockRef{}) && y.holds(y.assigned.Digest) {
			return false
		}
	}
	return true
}

// servedBytesMax bounds the payloads of one answer from the driver's store.
const servedBytesMax = 4 << 20

// onFetch answers from memory, or has the driver answer from its store.
func (r *Replica) onFetch(from pbft.ReplicaID, m *pbft.Fetch) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	if (m.Digest == pbft.Digest{}) || m.Seq <= r.executed {
		if m.After >= r.executed {
			return pbft.IgnoredFuture
		}
		// The sizes of decided blocks are not remembered: all that may be sent counts.
		a := &r.peers[from].allowance
		most := min(a.Left(r.now), servedBytesMax)
		if !r.may(from, answerServe) || !a.Take(r.now, max(most, int(r.par.PayloadBytesMax))) {
			return pbft.IgnoredQuota
		}
		r.out.Serves = append(r.out.Serves, pbft.Serve{To: from, After: m.After, Limit: r.executed, BytesMax: most})
		return pbft.Accepted
	}
	if x := r.slots[m.Seq]; x != nil {
		if b := x.find(m.Digest); b != nil {
			if !r.answer(from, r.supply(b, m.RecipeFirst)) {
				return pbft.IgnoredQuota
			}
			return pbft.Accepted
		}
	}
	return pbft.IgnoredUnwanted
}

// supply returns what answers a FETCH: the block, or, if that is as good, its recipe.
func (r *Replica) supply(b *block, recipe bool) pbft.Message {
	if recipe && b.recipe != nil {
		return prePrepare(b)
	}
	return &pbft.Blocks{Epoch: r.com.Epoch(), Blocks: []pbft.Block{*b.block}}
}

// onBlocks takes a block that was asked for by its digest, which is all that
// vouches for it. If the present primary signed it, it is its PRE-PREPARE too.
func (r *Replica) onBlocks(m *pbft.Blocks) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	if len(m.Blocks) != 1 || m.Certificate != nil {
		return pbft.InvalidContent
	}
	sealed := &m.Blocks[0]
	h := &sealed.Header
	if reason := r.checkHeader(h); reason != pbft.Accepted {
		return reason
	}
	x, ref := r.slots[h.Seq], r.com.Ref(h)
	if x == nil || r.missing(x).Digest != ref.Digest {
		return pbft.IgnoredUnwanted
	}
	if !r.payloadFits(sealed) {
		return pbft.InvalidContent
	}
	if h.View == r.view &&
		r.cfg.Scheme.Verify(r.com.Key(h.Proposer), r.com.HeaderBytesToSign(h), sealed.Signature) {
		r.noteProposal(&sealed.SignedHeader)
		if !r.equivocates(x, ref) {
			r.accept(x, ref, sealed)
			return pbft.Accepted
		}
	}
	body := *sealed
	r.keepBlock(x, ref.Digest, &body)
	r.prepareVote(x)
	r.commitVote(x)
	return pbft.Accepted
}

// onDecided takes decided blocks in order, each with its certificate.
func (r *Replica) onDecided(from pbft.ReplicaID, m *pbft.Decided) pbft.Reason {
	if m.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	if m.Blocks[0].Header.Seq > r.committed.Seq+1 {
		return pbft.IgnoredFuture
	}
	before := r.committed.Seq
	for i := range m.Blocks {
		sealed, c := &m.Blocks[i], m.Certificates[i]
		h := &sealed.Header
		if h.Seq <= r.committed.Seq {
			continue
		}
		if r.checkHeader(h) != pbft.Accepted || h.Seq != r.committed.Seq+1 || !r.payloadFits(sealed) {
			return pbft.InvalidContent
		}
		if !r.com.Commits(c, h) || !r.rules.DecisionProven(r.com, c, r.cfg.Scheme) {
			return pbft.InvalidCertificate
		}
		x := r.slot(h.Seq)
		r.learnCommit(x, c)
		body := *sealed
		r.keepBlock(x, c.Block.Digest, &body)
		r.tryDecide()
		if r.committed.Seq != h.Seq { // more than f members are faulty
			break
		}
	}
	if r.committed.Seq == before {
		return pbft.IgnoredStale
	}
	if c := &r.pursuit; c.target > r.committed.Seq && from == c.peer {
		c.tries, c.at = 1, r.now+uint64(r.tm.FetchTicks)
		r.send(from, &pbft.Fetch{Epoch: r.com.Epoch(), Seq: c.target, After: r.committed.Seq})
	}
	return pbft.Accepted
}

// tickRetransmit repeats STATUS, and own messages while nothing is decided.
func (r *Replica) tickRetransmit() {
	if r.now%uint64(r.tm.StatusTicks) == 0 {
		r.send(pbft.Everyone, r.position())
	}
	pause := uint64(r.tm.RetransmitTicks)
	if r.now%pause != 0 || r.now < r.timer.progressAt+pause {
		return
	}
	r.resend(pbft.Everyone)
	r.attestAgain(pbft.Everyone, r.stable, pbft.Seq(r.par.CheckpointInterval))
}

// proposalsResentMax bounds the proposals repeated to one peer at a time: they
// carry payloads.
const proposalsResentMax = 4

// resend repeats to a peer or to everyone what this replica has sent in the
// present view about slots that are not decided.
func (r *Replica) resend(to pbft.ReplicaID) {
	if !r.voting() || r.changed > r.view {
		return
	}
	proposals := 0
	for _, x := range r.above(r.committed.Seq) {
		if b := x.find(x.assigned.Digest); b != nil && b.block.Header.View == r.view &&
			b.block.Header.Proposer == r.self && b.block.Signature != (pbft.Signature{}) && proposals < proposalsResentMax {
			proposals++
			r.repeat(to, prePrepare(b))
		}
		y := x.roundOf(r.view)
		if y == nil {
			continue
		}
		for k := range y.votes {
			own := y.votes[k].by(r.self)
			if own == nil {
				continue
			}
			v := pbft.Vote{Epoch: r.com.Epoch(), Replica: r.self, Signature: own.signature,
				Block: pbft.BlockRef{View: y.view, Seq: x.seq, Digest: own.of}}
			if phase(k) == prepares {
				r.repeat(to, &pbft.Prepare{Vote: v})
			} else {
				r.repeat(to, &pbft.Commit{Vote: v})
			}
		}
	}
}

// Connected implements pbft.Engine.
func (r *Replica) Connected(peer pbft.ReplicaID) {
	if !r.com.Has(peer) || peer == r.self {
		return
	}
	r.answer(peer, r.position())
	r.askAgain(peer)
	r.resend(peer)
	r.attestAgain(peer, r.heightsLow, 1)
	if r.changed > r.view && r.voting() {
		r.answer(peer, r.ownChange)
	}
}
