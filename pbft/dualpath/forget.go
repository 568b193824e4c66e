package dualpath

import "github.com/scrip-network/scrip/pbft"

// keep is how many committed positions are remembered: enough for every walk,
// justification and execution root that a valid header may name.
func (r *Replica) keep() pbft.Seq { return pbft.Seq(4*r.par.Window) + pbft.Seq(r.par.ExecutionLag) }

// tooFar reports whether a position is beyond a tenure and all windows above what
// certificates vouch for, where no header can be of use yet. A faulty primary
// signs any position, and what is kept is walked through position by position.
// The measure is not the committed block: a suffix that is certified and not yet
// committed may span many tenures. It is while a commit certificate further up
// shows that this replica is behind: catching up comes first then, or it would
// remember all that the others go through meanwhile.
func (r *Replica) tooFar(s pbft.Seq) bool {
	top := r.chain.committed.Seq
	if r.chain.target == nil {
		top = r.horizon()
		for _, c := range r.chain.unplaced {
			top = max(top, c.Block.Seq)
		}
	}
	return s > top+pbft.Seq(r.par.Tenure)+4*pbft.Seq(r.par.Window)
}

// looseBytesMax bounds, in largest payloads, the loose bodies of one proposer.
const looseBytesMax = 2

// looseFull reports whether a proposer has its share of loose bodies here: blocks
// or recipes for them, above the committed one that only their proposer and bare votes speak for. This
// replica did not prepare them, no certificate is held of them or of what descends
// from them, and the present view does not begin on them. Whoever led older views
// could else make others keep whatever it signed.
func (r *Replica) looseFull(proposer pbft.ReplicaID) bool {
	r.chain.counts++
	stamp := r.chain.counts
	blocks, bytes := 0, uint64(0)
	for s := r.chain.last; s > r.chain.committed.Seq; s-- {
		for _, b := range r.chain.bySeq[s] {
			if b.logged || b.certified() || b.ref == r.entry.base {
				b.counted = stamp
			}
			if b.counted == stamp {
				if p := r.parent(b); p != nil {
					p.counted = stamp
				}
			} else if (b.hasBody || b.recipes.at != 0) && b.header().Proposer == proposer {
				blocks++
				bytes += uint64(b.header().PayloadBytes)
			}
		}
	}
	return blocks >= 2*int(r.par.Window) || bytes >= looseBytesMax*uint64(r.par.PayloadBytesMax)
}

// forget drops (R13(a)) what lies below the low mark, and the payloads of executed
// blocks, which the driver's store holds (R13), and of those that lost to them:
// they would else stay, a proposer's share of loose ones for each window.
func (r *Replica) forget() {
	for s := r.chain.committed.Seq; s > r.chain.low; s-- {
		b := r.committedAt(s)
		if b == nil || s <= r.chain.executed && !b.hasBody {
			break
		}
		if s <= r.chain.executed {
			for _, x := range r.chain.bySeq[s] {
				x.dropBody()
			}
		}
	}
	for r.chain.low+r.keep() < min(r.chain.committed.Seq, r.chain.executed) {
		for _, b := range r.chain.bySeq[r.chain.low] {
			delete(r.chain.byDigest, b.ref.Digest)
		}
		delete(r.chain.bySeq, r.chain.low)
		r.dropCheckpoints(r.chain.low)
		r.chain.low++
	}
	// A valid header may name any result from its parent's on.
	if b := r.chain.byDigest[r.chain.committed.Digest]; b != nil {
		for ; r.chain.resultsLow < min(r.chain.low, b.header().ExecSeq); r.chain.resultsLow++ {
			delete(r.chain.results, r.chain.resultsLow)
		}
	}
}

func (b *block) dropBody() {
	b.block = &pbft.Block{SignedHeader: b.block.SignedHeader}
	b.hasBody, b.recipes = false, recipes{}
}

// forgetAbandoned drops unlogged blocks of views long left (R13(b)), so that a series of
// bad primaries cannot fill memory. The chain below the present view's base stays.
func (r *Replica) forgetAbandoned() {
	base := r.chain.byDigest[r.entry.base.Digest]
	for s := r.chain.committed.Seq + 1; s <= r.chain.last; s++ {
		kept := r.chain.bySeq[s][:0]
		for _, b := range r.chain.bySeq[s] {
			if b.ref.View+2 < r.view && !b.logged && !b.certified() && r.ancestor(base, s) != b {
				delete(r.chain.byDigest, b.ref.Digest)
				continue
			}
			kept = append(kept, b)
		}
		if len(kept) == 0 {
			delete(r.chain.bySeq, s)
		} else {
			r.chain.bySeq[s] = kept
		}
	}
	for r.chain.last > r.chain.committed.Seq && len(r.chain.bySeq[r.chain.last]) == 0 {
		r.chain.last--
	}
}
