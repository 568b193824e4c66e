package dualpath

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// voteKind tells the two pools of a position apart.
type voteKind uint8

const (
	votePrepare voteKind = iota
	voteCommit
	voteKinds
)

// ballot is one stored vote.
type ballot struct {
	digest    pbft.Digest
	signature pbft.Signature
	verified  bool
}

// slotKey is a position in a view.
type slotKey struct {
	view pbft.View
	seq  pbft.Seq
}

// slot holds the votes of one position in one view: by kind, the first vote of
// each member, and a second one for another digest, which only a faulty member
// casts (it counts in its own pool: section 11). Room is made for what is stored
// and no more, since one vote opens a slot.
type slot struct {
	key   slotKey
	votes [2][voteKinds][]*ballot // first and second, nil while there is none
}

// slotTable holds the slots above the committed position. Maps are only looked
// up; order comes from bySeq.
type slotTable struct {
	byKey map[slotKey]*slot
	bySeq map[pbft.Seq][]*slot
	low   pbft.Seq
	top   pbft.Seq // no slot is above
}

func newSlotTable() slotTable {
	return slotTable{byKey: make(map[slotKey]*slot), bySeq: make(map[pbft.Seq][]*slot)}
}

func (t *slotTable) get(k slotKey) *slot {
	s := t.byKey[k]
	if s == nil {
		s = &slot{key: k}
		t.byKey[k] = s
		t.bySeq[k.seq] = append(t.bySeq[k.seq], s)
		t.top = max(t.top, k.seq)
	}
	return s
}

// votesMax bounds the votes stored for one member, above what an honest one
// casts in the windows of three views.
func (r *Replica) votesMax() int { return 3 * 2 * 2 * int(r.par.Window) }

// onPrepare takes a PREPARE from its signer's own channel (section 11: a relayed
// vote travels only inside a certificate).
func (r *Replica) onPrepare(from pbft.ReplicaID, m *pbft.Prepare) pbft.Reason {
	if reason := r.checkVote(from, &m.Vote); reason != pbft.Accepted {
		return reason
	}
	if p := &r.peers[from]; p.lastPrepare == nil || p.lastPrepare.Block.Rank().Less(m.Block.Rank()) {
		p.lastPrepare = m
	}
	return r.onVote(from, votePrepare, &m.Vote)
}

// onCommit takes a COMMIT from its signer's own channel.
func (r *Replica) onCommit(from pbft.ReplicaID, m *pbft.Commit) pbft.Reason {
	if reason := r.checkVote(from, &m.Vote); reason != pbft.Accepted {
		return reason
	}
	if p := &r.peers[from]; p.lastCommit == nil || p.lastCommit.Block.Rank().Less(m.Block.Rank()) {
		p.lastCommit = m
	}
	return r.onVote(from, voteCommit, &m.Vote)
}

func (r *Replica) checkVote(from pbft.ReplicaID, v *pbft.Vote) pbft.Reason {
	switch {
	case v.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case v.Replica != from:
		return pbft.IgnoredSender
	case v.Block.View == 0:
		return pbft.InvalidContent
	}
	return pbft.Accepted
}

func (r *Replica) onVote(from pbft.ReplicaID, kind voteKind, v *pbft.Vote) pbft.Reason {
	p := &r.peers[from]
	switch {
	case v.Block.Seq <= r.chain.committed.Seq:
		if kind == voteCommit {
			r.answerLate(from, v.Block)
		}
		return pbft.IgnoredStale
	case v.Block.Seq > r.horizon()+2*pbft.Seq(r.par.Window):
		r.askEntry(from) // who is so far ahead shows a certificate for it
		return pbft.IgnoredFuture
	case v.Block.View+2 < r.view: // long left: what it votes for is decided by later views
		return pbft.IgnoredStale
	case v.Block.View > r.current():
		if v.Block.View < p.futureView {
			return pbft.IgnoredStale
		}
		p.futureView = v.Block.View
		r.askEntry(from)
	}
	return r.takeVote(kind, v)
}

// heldVote is where a vote is stored.
type heldVote struct {
	slot   slotKey
	kind   voteKind
	digest pbft.Digest
}

// takeVote stores a member's vote (R13(c)). At its quota the oldest of its votes gives
// way: a replica that misses a few commits would else be full of votes for blocks
// long certified, and take no vote for the block whose commit brings them all.
func (r *Replica) takeVote(kind voteKind, v *pbft.Vote) pbft.Reason {
	p := &r.peers[v.Replica]
	for p.votes >= r.votesMax() {
		if len(p.held) == 0 {
			return pbft.IgnoredQuota
		}
		r.dropVote(v.Replica, p.held[0])
		p.held = p.held[1:]
	}
	reason := r.addVote(kind, v, false)
	if reason == pbft.Accepted {
		if len(p.held) >= 2*r.votesMax() {
			p.held = slices.DeleteFunc(slices.Clone(p.held), func(h heldVote) bool {
				return r.voteOf(v.Replica, h) == nil
			})
		}
		p.held = append(p.held, heldVote{slotKey{v.Block.View, v.Block.Seq}, kind, v.Block.Digest})
	}
	return reason
}

// voteOf returns a stored vote, or nil if it has gone.
func (r *Replica) voteOf(id pbft.ReplicaID, h heldVote) *ballot {
	s := r.slots.byKey[h.slot]
	if s == nil {
		return nil
	}
	return s.find(h.kind, int(id), h.digest)
}

// dropVote forgets a vote, and its slot if that was the last one in it.
func (r *Replica) dropVote(id pbft.ReplicaID, h heldVote) {
	b := r.voteOf(id, h)
	if b == nil {
		return
	}
	s := r.slots.byKey[h.slot]
	r.remove(s, h.kind, int(id), h.digest)
	if s.empty() {
		delete(r.slots.byKey, h.slot)
		t := &r.slots
		if t.bySeq[h.slot.seq] = slices.DeleteFunc(t.bySeq[h.slot.seq],
			func(x *slot) bool { return x == s }); len(t.bySeq[h.slot.seq]) == 0 {
			delete(t.bySeq, h.slot.seq)
		}
	}
}

// empty reports whether no vote is stored.
func (s *slot) empty() bool {
	have := func(b *ballot) bool { return b != nil }
	for i := range s.votes {
		for kind := range s.votes[i] {
			if slices.ContainsFunc(s.votes[i][kind], have) {
				return false
			}
		}
	}
	return true
}

// horizon is the highest position on which certificates, the present view's base
// or the committed block anchor a window.
func (r *Replica) horizon() pbft.Seq {
	return max(r.highRef.Seq, r.entry.base.Seq, r.chain.committed.Seq)
}

// addVote stores a vote and completes what it can complete.
func (r *Replica) addVote(kind voteKind, v *pbft.Vote, verified bool) pbft.Reason {
	if v.Block.Seq <= r.chain.committed.Seq {
		return pbft.IgnoredStale
	}
	s := r.slots.get(slotKey{v.Block.View, v.Block.Seq})
	b := &ballot{digest: v.Block.Digest, signature: v.Signature, verified: verified}
	if !s.put(kind, int(v.Replica), b, r.com.Size()) {
		return pbft.IgnoredDuplicate
	}
	r.peers[v.Replica].votes++
	r.tally(s, kind, v.Block)
	if x := r.chain.byDigest[v.Block.Digest]; x == nil {
		r.want(v.Block, v.Replica, v.Replica, r.fetchDelay())
	} else if kind == voteCommit && x.ref == v.Block {
		r.commitVote(x)
		r.answerCommit(v.Replica, x)
	}
	return pbft.Accepted
}

// recount completes what a newly known header or certificate makes possible.
func (r *Replica) recount(b *block) {
	s := r.slots.byKey[slotKey{b.ref.View, b.ref.Seq}]
	if s == nil || b.commit != nil {
		return
	}
	r.tally(s, votePrepare, b.ref)
	r.tally(s, voteCommit, b.ref)
}

// tally makes a certificate once enough votes for one block are stored (R4(a), R4(b)). Votes
// are verified together at the moment when they could complete a quorum.
func (r *Replica) tally(s *slot, kind voteKind, block pbft.BlockRef) {
	have := s.count(kind, block.Digest, false)
	b := r.chain.byDigest[block.Digest]
	if b != nil && (b.ref != block || b.commit != nil) {
		return
	}
	fast := kind == votePrepare && b != nil && r.rules.FastPath(b.header())
	if fast {
		r.noteSpread(b, have)
	}
	switch {
	case kind == voteCommit && have >= r.quorum():
		r.complete(s, kind, block, pbft.CommittedSlow, r.quorum())
	case fast && have >= r.com.FastQuorum() && r.complete(s, kind, block, pbft.CommittedFast, r.com.FastQuorum()):
	case kind == votePrepare && have >= r.quorum() && (b == nil || b.cert == nil):
		r.complete(s, kind, block, pbft.Prepared, r.quorum())
	}
}

// complete verifies the votes for a block and, if need of them are good, learns
// the certificate that they form.
func (r *Replica) complete(s *slot, kind voteKind, block pbft.BlockRef, as pbft.CertificateKind, need int) bool {
	r.verifyBallots(s, kind, block)
	if s.count(kind, block.Digest, true) < need {
		return false
	}
	c := &pbft.Certificate{Kind: as, Epoch: r.com.Epoch(), Block: block}
	for id := 0; id < r.com.Size() && len(c.Signatures) < need; id++ {
		if b := s.find(kind, id, block.Digest); b != nil && b.verified {
			c.Signers.Add(pbft.ReplicaID(id))
			c.Signatures = append(c.Signatures, b.signature)
		}
	}
	r.learn(c)
	if b := r.chain.byDigest[block.Digest]; b != nil && b.gatheredAt == 0 {
		b.gatheredAt = r.now + 1
	}
	return true
}

// verifyBallots checks the unverified votes for a block in one batch, and one by
// one if that fails; bad ones are dropped.
func (r *Replica) verifyBallots(s *slot, kind voteKind, block pbft.BlockRef) {
	message := r.com.PrepareBytes(block)
	if kind == voteCommit {
		message = r.com.CommitBytes(block)
	}
	var open []*ballot
	var ids []int
	var batch pbft.Batch
	for id := 0; id < r.com.Size(); id++ {
		if b := s.find(kind, id, block.Digest); b != nil && !b.verified {
			open, ids = append(open, b), append(ids, id)
			batch.Add(r.com.Key(pbft.ReplicaID(id)), message, b.signature)
		}
	}
	for i, good := range batch.Each(r.cfg.Scheme) {
		if r.rules.VoteCounts(good) {
			open[i].verified = true
		} else {
			r.remove(s, kind, ids[i], block.Digest)
		}
	}
}

// put stores a member's vote, as its second if its first is for another digest, and
// reports whether there was room.
func (s *slot) put(kind voteKind, id int, b *ballot, members int) bool {
	for i := range s.votes {
		set := &s.votes[i][kind]
		if *set == nil {
			*set = make([]*ballot, members)
		}
		if (*set)[id] == nil {
			(*set)[id] = b
			return true
		}
		if (*set)[id].digest == b.digest {
			return false
		}
	}
	return false
}

// own returns a member's first vote, or nil.
func (s *slot) own(kind voteKind, id pbft.ReplicaID) *ballot {
	if set := s.votes[0][kind]; set != nil {
		return set[id]
	}
	return nil
}

// find returns a member's vote for a digest, or nil.
func (s *slot) find(kind voteKind, id int, d pbft.Digest) *ballot {
	for i := range s.votes {
		set := s.votes[i][kind]
		if set == nil {
			return nil
		}
		if b := set[id]; b != nil && b.digest == d {
			return b
		}
	}
	return nil
}

// remove forgets a member's vote for a digest.
func (r *Replica) remove(s *slot, kind voteKind, id int, d pbft.Digest) {
	for i := range s.votes {
		if set := s.votes[i][kind]; set != nil && set[id] != nil && set[id].digest == d {
			set[id] = nil
			r.peers[id].votes--
			return
		}
	}
}

func (s *slot) count(kind voteKind, d pbft.Digest, verified bool) int {
	n := 0
	for id := range s.votes[0][kind] {
		if b := s.find(kind, id, d); b != nil && (!verified || b.verified) {
			n++
		}
	}
	return n
}

// dropSlots forgets the votes at and below the committed position.
func (r *Replica) dropSlots() {
	t := &r.slots
	if t.low == 0 && r.chain.committed.Seq > 0 {
		t.low = r.chain.low
	}
	for ; t.low <= r.chain.committed.Seq; t.low++ {
		for _, s := range t.bySeq[t.low] {
			r.dropSlot(s)
		}
		delete(t.bySeq, t.low)
	}
}

// dropAbandonedSlots forgets the votes of views long left, so that a series of
// views without a commit does not use up the members' quotas.
func (r *Replica) dropAbandonedSlots() {
	t := &r.slots
	for s := r.chain.committed.Seq + 1; s <= t.top; s++ {
		kept := t.bySeq[s][:0]
		for _, x := range t.bySeq[s] {
			if x.key.view+2 < r.view {
				r.dropSlot(x)
			} else {
				kept = append(kept, x)
			}
		}
		if len(kept) == 0 {
			delete(t.bySeq, s)
		} else {
			t.bySeq[s] = kept
		}
	}
}

func (r *Replica) dropSlot(s *slot) {
	for i := range s.votes {
		for _, set := range s.votes[i] {
			for id, b := range set {
				if b != nil {
					r.peers[id].votes--
				}
			}
		}
	}
	delete(r.slots.byKey, s.key)
}
