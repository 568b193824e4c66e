package dualpath

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// recipes is what is known of how the body of a block may be made.
type recipes struct {
	own  []byte           // what this replica can send in the place of the body, or nil
	from []pbft.ReplicaID // whose went to the driver
	at   uint64           // tick of the first of those, plus one
	vain bool             // the driver can carry out none
}

// take counts a recipe that came from a member: one of each, pbft.RecipesMax in all, of
// which the last place is the proposer's, so that nobody's stops the proposer's.
func (x *recipes) take(from, proposer pbft.ReplicaID) pbft.Reason {
	most := pbft.RecipesMax
	if from != proposer && !slices.Contains(x.from, proposer) {
		most--
	}
	switch {
	case slices.Contains(x.from, from):
		return pbft.IgnoredDuplicate
	case len(x.from) >= most:
		return pbft.IgnoredQuota
	}
	x.from = append(x.from, from)
	return pbft.Accepted
}

// admitRecipe keeps the verified header of a proposal whose body a recipe describes, and
// has the driver make the body. Only the body waits: votes and headers are as ever, and
// what a recipe turns out to be counts for nothing against the proposer, who did not sign it.
func (r *Replica) admitRecipe(from pbft.ReplicaID, m *pbft.PrePrepare, ref pbft.BlockRef) pbft.Reason {
	r.addHeader(&m.SignedHeader)
	b := r.chain.byDigest[ref.Digest]
	if b.hasBody {
		return pbft.Accepted
	}
	if reason := b.recipes.take(from, m.Header.Proposer); reason != pbft.Accepted {
		return reason
	}
	if b.recipes.own == nil || from == m.Header.Proposer {
		b.recipes.own = m.Recipe
	}
	w := r.wanted(ref.Digest)
	if b.recipes.at == 0 {
		b.recipes.at = r.now + 1
		if w == nil || w.asks == 0 {
			r.noteBodyLag(ref.Digest)
		}
	}
	if w != nil {
		w.asked = r.self // the question is answered
		r.wantParent(b, w.owner)
	}
	r.out.Assemble = append(r.out.Assemble,
		pbft.Assemble{Digest: ref.Digest, Header: m.Header, From: from, Recipe: m.Recipe})
	return pbft.Accepted
}

// assembling reports whether a recipe may still bring the body of b. Who changes the view
// needs it at once.
func (r *Replica) assembling(b *block) bool {
	return b.recipes.at != 0 && !b.recipes.vain && r.inView() &&
		r.now+1 < b.recipes.at+uint64(r.tm.BodyTicks)
}

// PayloadArrived implements pbft.Engine.
func (r *Replica) PayloadArrived(d pbft.Digest, payload []byte) pbft.Reason {
	b := r.chain.byDigest[d]
	switch {
	case b == nil || b.recipes.at == 0:
		return pbft.IgnoredUnwanted
	case b.hasBody:
		return pbft.IgnoredDuplicate
	}
	x := &pbft.Block{SignedHeader: b.block.SignedHeader, Payload: payload}
	if len(payload) != int(b.header().PayloadBytes) || !r.payloadFits(x) {
		return pbft.InvalidContent
	}
	r.checkIfPreparable(r.addBlock(x, false))
	r.step()
	return pbft.Accepted
}

// PayloadMissing implements pbft.Engine.
func (r *Replica) PayloadMissing(d pbft.Digest) {
	b := r.chain.byDigest[d]
	if b == nil || b.hasBody || b.recipes.at == 0 || b.recipes.vain {
		return
	}
	b.recipes.vain = true
	if w := r.wanted(d); w != nil {
		w.owner = r.self
		r.ask(w)
		return
	}
	r.want(b.ref, b.header().Proposer, r.self, 0)
}
