package original

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// sketch is a block of which the verified header is held, and of whose body recipes have
// come. The policy is that of the dual-path engine.
type sketch struct {
	ref    pbft.BlockRef
	header pbft.SignedHeader
	recipe []byte           // what this replica can send in the place of the body
	from   []pbft.ReplicaID // whose recipes went to the driver
	at     uint64           // tick of the first of them
	late   bool             // as block.late: by the arrival of the header
	vain   bool             // the driver can carry out none
}

// sketchesMax bounds the sketches of one sequence number: that of the present view and
// that of the block that is missing.
const sketchesMax = 2

func (x *slot) sketch(d pbft.Digest) *sketch {
	for _, k := range x.sketches {
		if k.ref.Digest == d {
			return k
		}
	}
	return nil
}

// takeRecipe keeps the verified header of a block whose body is not held, and has the
// driver make the body: of one recipe for each member, pbft.RecipesMax in all, of which
// the last place is the proposer's.
func (r *Replica) takeRecipe(x *slot, from pbft.ReplicaID, m *pbft.PrePrepare, ref pbft.BlockRef) pbft.Reason {
	k := x.sketch(ref.Digest)
	if k == nil {
		if len(x.sketches) >= sketchesMax {
			x.sketches = slices.Delete(x.sketches, 0, 1)
		}
		k = &sketch{ref: ref, header: m.SignedHeader, at: r.now, late: r.isLate(&m.Header)}
		x.sketches = append(x.sketches, k)
	}
	proposer := m.Header.Proposer
	most := pbft.RecipesMax
	if from != proposer && !slices.Contains(k.from, proposer) {
		most--
	}
	switch {
	case slices.Contains(k.from, from):
		return pbft.IgnoredDuplicate
	case len(k.from) >= most:
		return pbft.IgnoredQuota
	}
	k.from = append(k.from, from)
	if k.recipe == nil || from == proposer {
		k.recipe = m.Recipe
	}
	x.asked = r.self // the question is answered
	r.out.Assemble = append(r.out.Assemble,
		pbft.Assemble{Digest: ref.Digest, Header: m.Header, From: from, Recipe: m.Recipe})
	return pbft.Accepted
}

// Limits of proposals that came before the NEW-VIEW of their view, for each primary.
const (
	earlyMax      = 32
	earlyBytesMax = 64 << 10
)

// early are proposals of a view that is not entered yet, all of one, in the order in which
// they came. A recipe is small and overtakes a NEW-VIEW, which is not; nobody would send it
// again before the view's timer has run out.
type early struct {
	of    []*pbft.PrePrepare
	bytes int // of their recipes
}

// keepEarly keeps a proposal of a later view that came from its primary.
func (r *Replica) keepEarly(from pbft.ReplicaID, m *pbft.PrePrepare) {
	e := &r.peers[from].early
	if len(m.Recipe) == 0 || from != r.com.Primary(m.Header.View) {
		return // bodies come behind the NEW-VIEW
	}
	if len(e.of) > 0 && e.of[0].Header.View != m.Header.View {
		*e = early{}
	}
	if len(e.of) < earlyMax && e.bytes+len(m.Recipe) <= earlyBytesMax {
		e.of, e.bytes = append(e.of, m), e.bytes+len(m.Recipe)
	}
}

// takeEarly takes the proposals that came before the entry into the present view.
func (r *Replica) takeEarly() {
	primary := r.com.Primary(r.view)
	e := r.peers[primary].early
	r.peers[primary].early = early{}
	for _, m := range e.of {
		if m.Header.View == r.view {
			r.onPrePrepare(primary, m)
		}
	}
}

// asksFor reports whether the block of a header is the one that its slot misses.
func (r *Replica) asksFor(h *pbft.Header) bool {
	x := r.slots[h.Seq]
	return x != nil && r.missing(x).Digest == r.com.HeaderDigest(h)
}

// onNamedRecipe takes the recipe of a block of an older view that was asked for.
func (r *Replica) onNamedRecipe(from pbft.ReplicaID, m *pbft.PrePrepare) pbft.Reason {
	h := &m.Header
	if !r.cfg.Scheme.Verify(r.com.Key(h.Proposer), r.com.HeaderBytesToSign(h), m.Signature) {
		return pbft.InvalidSignature
	}
	return r.takeRecipe(r.slots[h.Seq], from, m, r.com.Ref(h))
}

// assembling reports whether a recipe may still bring the body of a block. Who changes
// the view needs it at once.
func (r *Replica) assembling(x *slot, d pbft.Digest) bool {
	k := x.sketch(d)
	return k != nil && !k.vain && r.changed <= r.view && r.now < k.at+uint64(r.tm.BodyTicks)
}

// PayloadArrived implements pbft.Engine.
func (r *Replica) PayloadArrived(d pbft.Digest, payload []byte) pbft.Reason {
	x, k := r.sketched(d)
	if k == nil {
		return pbft.IgnoredUnwanted
	}
	b := &pbft.Block{SignedHeader: k.header, Payload: payload}
	if len(payload) != int(k.header.Header.PayloadBytes) || !r.payloadFits(b) {
		return pbft.InvalidContent
	}
	r.keepBlock(x, d, b)
	r.prepareVote(x)
	r.commitVote(x)
	r.step()
	return pbft.Accepted
}

// PayloadMissing implements pbft.Engine.
func (r *Replica) PayloadMissing(d pbft.Digest) {
	x, k := r.sketched(d)
	if k == nil || k.vain {
		return
	}
	k.vain = true
	if r.missing(x).Digest == d {
		r.askMissing(x)
	}
}

// sketched returns the sketch of a block with its slot, or none.
func (r *Replica) sketched(d pbft.Digest) (*slot, *sketch) {
	for _, x := range r.order {
		if k := x.sketch(d); k != nil {
			return x, k
		}
	}
	return nil, nil
}

// Now implements pbft.Engine. This protocol has no wait below a tick.
func (r *Replica) Now(uint64) {}

// WakeUs implements pbft.Engine.
func (r *Replica) WakeUs() uint64 { return 0 }

// Measured implements pbft.Engine.
func (r *Replica) Measured(pbft.ReplicaID, uint64) {}
