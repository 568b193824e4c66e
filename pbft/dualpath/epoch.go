package dualpath

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// epochState is what this replica knows of the bounds of its epoch (R13).
type epochState struct {
	// genesis names the block on which the epoch stands, with view 1 (R13.4).
	genesis pbft.BlockRef
	// next is the set that the own state has staged, due its digest; nil: none.
	next *pbft.NextSet
	due  pbft.Digest
	// end is the proof that the epoch is over, last the digest of its boundary block; nil:
	// it is not. told says that it was handed out.
	end  *pbft.EpochProof
	last pbft.Digest
	told bool
}

// begin tells where the epoch stands. The committee is told too, since header and proofs
// are judged with it.
func (r *Replica) begin() {
	if r.com.Epoch() > 0 {
		r.com = r.com.Begin(&r.cfg.Genesis)
	}
	r.epoch.genesis = r.rules.GenesisRef(r.com, &r.cfg.Genesis)
}

// genesisHeader is the header of the block on which the epoch stands, as the rules of
// this epoch see it: view 1 begins on it, it is open, and says what it led to itself
// (R13.1(c), R13.4).
func (r *Replica) genesisHeader(state pbft.Digest) pbft.Header {
	h := r.cfg.Genesis
	h.View, h.BaseSeq, h.Flags, h.Next = r.epoch.genesis.View, h.Seq, 0, pbft.Digest{}
	h.ExecSeq, h.ExecRoot = h.Seq, state
	return h
}

// checkStart holds a header to the block on which the epoch stands: from epoch 1 on its
// justification is that block, with view 1, or one above it (R13.1(d)). The first slot can
// then state nothing but what that block led to (R13.1(c)).
func (r *Replica) checkStart(h *pbft.Header) bool {
	g := r.epoch.genesis
	if r.com.Epoch() == 0 {
		return true
	}
	justified := h.Justify == g || h.Justify.Seq > g.Seq
	return h.BaseSeq >= g.Seq && h.ExecSeq >= g.Seq && r.rules.Justifies(justified)
}

// stage notes the set that the state has staged. What is there when an epoch begins is
// the epoch's own set.
func (r *Replica) stage(next []byte) {
	if next == nil || r.epoch.next != nil {
		return
	}
	x, err := pbft.DecodeNextSet(next)
	assert(err == nil, "the state has staged what is no set: %v", err)
	if x.Body.Epoch == r.com.Epoch()+1 {
		r.epoch.next, r.epoch.due = x, x.Body.Digest(r.com.Chain())
		r.completeEnd(x.Body.Encode())
	}
}

// nextAt returns the digest of the set that is staged in the state after s, zero if none
// is. What is staged stays as it is until the epoch ends, so it is known for positions
// that were not executed here too (R13.1).
func (r *Replica) nextAt(s pbft.Seq) (next pbft.Digest, known bool) {
	if x := r.epoch.next; x != nil && s >= x.At {
		return r.epoch.due, true
	}
	return pbft.Digest{}, s <= r.chain.executed
}

// form tests R13.1(a) and R13.1(b): the first block that states an execution with a
// staged set is the boundary and names that set; above it there are closing blocks that
// name the boundary. It waits for the own execution.
func (r *Replica) form(h, ph *pbft.Header) verdict {
	flags, next := pbft.FlagClosing, ph.Next
	if r.rules.OnlyCloses(ph) {
		if ph.Boundary() {
			next = h.Parent
		}
		if h.ExecSeq != ph.ExecSeq {
			return invalid
		}
	} else {
		due, known := r.nextAt(h.ExecSeq)
		if !known {
			return unknown
		}
		if flags, next = 0, due; due != (pbft.Digest{}) {
			flags = pbft.FlagBoundary
		}
	}
	inherited := h.View < r.view
	return pick(r.rules.Formed(inherited, h.Flags == flags && h.Next == next), valid, invalid)
}

// formOf gives a header of the own the form that its place asks for (R13.2).
func (r *Replica) formOf(h, ph *pbft.Header) {
	if r.rules.OnlyCloses(ph) {
		h.Flags, h.Next = pbft.FlagClosing, ph.Next
		if ph.Boundary() {
			h.Next = h.Parent
		}
	} else if due, _ := r.nextAt(h.ExecSeq); due != (pbft.Digest{}) {
		h.Flags, h.Next = pbft.FlagBoundary, due
	}
}

// closingHint says whether a closing block is wanted above parent (R13.2): one when a view
// is entered whose base is the boundary or a closing block, then one for each idle time
// while the boundary is uncommitted. In the boundary's own view it commits by its votes.
func (r *Replica) closingHint() pbft.ProposeHint {
	base := r.chain.byDigest[r.entry.base.Digest]
	if base == nil || !r.rules.OnlyCloses(base.header()) {
		return pbft.ProposeNever
	}
	if r.proposal.last == nil || r.now-r.proposal.at >= uint64(r.tm.IdleTicks) {
		return pbft.ProposeEmpty
	}
	return pbft.ProposeNever
}

// over reports whether the epoch has ended here.
func (r *Replica) over() bool { return r.epoch.end != nil }

// leave ends the epoch here (R13.3): nothing of it is signed from this record on, but
// attestations of what is executed up to the boundary.
func (r *Replica) leave(p *pbft.EpochProof) {
	if r.over() {
		return
	}
	x := *p
	r.epoch.end, r.epoch.last = &x, r.com.HeaderDigest(&x.Boundary)
	if n := r.epoch.next; n != nil {
		r.completeEnd(n.Body.Encode())
	}
	r.record(pbft.Record{Kind: pbft.RecordBoundary, Boundary: r.epoch.end})
	r.event(pbft.EventBoundary, pbft.BlockRef{View: x.Boundary.View, Seq: x.Boundary.Seq, Digest: r.epoch.last}, 0)
}

// completeEnd puts the body into a proof that lacks it: of who commits the boundary
// before it has executed what staged it.
func (r *Replica) completeEnd(body []byte) {
	e := &r.epoch
	if e.end == nil || len(e.end.Body) > 0 {
		return
	}
	x := *e.end
	x.Body = body
	e.end = &x
}

// tellEnd hands the proof out, once, when it is whole and the boundary committed.
func (r *Replica) tellEnd() {
	e := &r.epoch
	if !r.over() || e.told || len(e.end.Body) == 0 || r.chain.committed.Seq < e.end.Boundary.Seq {
		return
	}
	e.told = true
	r.out.Boundary = e.end
	r.send(pbft.Everyone, e.end)
}

// reach commits what is missing up to the boundary of an epoch that is over: the proof
// stands for the certificates that its blocks may lack (R13.6).
func (r *Replica) reach() {
	if !r.over() || r.chain.committed.Seq >= r.epoch.end.Boundary.Seq || r.condition == pbft.Broken {
		return
	}
	a := &r.epoch.end.Boundary
	from := r.anyOf(r.epoch.end.Certificate)
	if r.tooFar(a.Seq) {
		r.noticeCommitted(from, a.Seq)
		return
	}
	b := r.chain.byDigest[r.epoch.last]
	if b == nil {
		b = r.insert(&pbft.Block{SignedHeader: pbft.SignedHeader{Header: *a}})
		r.placeCertificates(b)
	}
	switch need, whole, conflict := r.missingBelow(b); {
	case conflict:
		r.become(pbft.Broken)
	case whole:
		r.commitChain(b, b.header(), nil)
	case a.Seq > r.chain.committed.Seq+2*pbft.Seq(r.par.Window):
		r.noticeCommitted(from, a.Seq)
	default:
		r.want(need, from, r.self, 0)
	}
}

// endAt returns the proof that the boundary a is committed by a certificate of the block
// top at or above it, or nil if top does not close the epoch: more than f are faulty then.
func (r *Replica) endAt(a *block, top *pbft.Header, c *pbft.Certificate) *pbft.EpochProof {
	p := &pbft.EpochProof{Epoch: r.com.Epoch(), Boundary: *a.header(), Certificate: c}
	switch {
	case a.commit != nil:
		p.Certificate = a.commit
	case r.com.HeaderDigest(top) == a.ref.Digest:
	case !top.Closing() || top.Next != a.ref.Digest:
		return nil
	default:
		x := *top
		p.Closing = &x
	}
	return p
}

// onEpochProof takes the proof that this epoch is over, from any member.
func (r *Replica) onEpochProof(from pbft.ReplicaID, p *pbft.EpochProof) pbft.Reason {
	if p.Epoch != r.com.Epoch() {
		return pbft.IgnoredEpoch
	}
	known := r.over() && r.com.HeaderDigest(&p.Boundary) == r.epoch.last
	if known && len(r.epoch.end.Body) > 0 {
		return pbft.IgnoredDuplicate
	}
	if !r.rules.EndProven(p, r.com, r.cfg.Scheme) {
		return pbft.InvalidCertificate
	}
	switch {
	case known:
		r.completeEnd(p.Body)
	case r.over(), p.Boundary.Seq <= r.chain.committed.Seq: // two ends, or a block in the place of one (R4(c))
		r.become(pbft.Broken)
	default:
		r.leave(p)
		r.noticeCommitted(from, p.Boundary.Seq)
	}
	return pbft.Accepted
}

// ofOver are the messages that a replica still takes whose epoch is over: what brings it
// to the boundary, what certifies what that led to, and questions (R13.3).
func ofOver(m pbft.Message) bool {
	switch m.Kind() {
	case pbft.KindCheckpoint, pbft.KindStatus, pbft.KindFetch, pbft.KindFetchRecipe, pbft.KindBlocks, pbft.KindLinked,
		pbft.KindRecall, pbft.KindRecollection, pbft.KindEpochProof:
		return true
	}
	return false
}

// tickOver is what a replica does as time passes whose epoch is over.
func (r *Replica) tickOver() {
	r.tickRecall()
	r.tickWants()
	r.tickCatchUp()
	if r.now%uint64(r.tm.StatusTicks) == 0 && r.chain.committed.Seq < r.epoch.end.Boundary.Seq {
		r.broadcastStatus()
	}
	if r.now%uint64(r.tm.RetransmitTicks) == 0 {
		r.attestAgain(pbft.Everyone)
	}
	r.step()
}

// answerEnd sends the proof that the epoch is over to a member that does not know it.
func (r *Replica) answerEnd(to pbft.ReplicaID) {
	if r.over() && len(r.epoch.end.Body) > 0 && r.mayAnswer(to) {
		r.answer(to, r.epoch.end)
	}
}

// attestToo repeats the own attestations from a position on to a member that repeats its
// own: it may lack a quorum's for the last blocks of the epoch. Once in RetransmitTicks, or
// two members would answer each other's answers for ever.
func (r *Replica) attestToo(to pbft.ReplicaID, s pbft.Seq) {
	p := &r.peers[to]
	if !r.over() || !r.mayAttest() || p.attestedAt != 0 && r.now+1 < p.attestedAt+uint64(r.tm.RetransmitTicks) {
		return
	}
	p.attestedAt = r.now + 1
	for ; s <= r.chain.executed; s++ {
		if res, ok := r.chain.results[s]; ok {
			r.sendAttestation(to, s, res)
		}
	}
}

// Ended returns the proof that the epoch is over, nil if it is not. It may lack the body.
func (r *Replica) Ended() *pbft.EpochProof { return r.epoch.end }

// errBelow says that a store does not reach the block on which the epoch stands.
func errBelow(at, genesis pbft.Seq) error {
	return fmt.Errorf("dualpath: the store is at height %d, the epoch stands on %d", at, genesis)
}
