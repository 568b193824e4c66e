package pbfttest

import (
	"crypto/sha256"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// What the oracle demands of the original protocol, beside what both have in
// common.

// slotViewChange checks that a VIEW-CHANGE is one per view, that its proofs hold,
// and that it reports everything behind the sender's COMMITs.
func (o *oracle) slotViewChange(x *node, m *pbft.SlotViewChange) {
	message := o.c.committee.SlotViewChangeBytes(m)
	if !o.once("one-view-change", position{x.id, m.Kind(), m.View, 0}, sha256.Sum256(message)) {
		return
	}
	o.c.trace.line(o.c.now, "r%d signs %s", x.id, describe(m))
	if o.c.healed {
		o.changes[m.View] = true
	}
	if !o.c.scheme.Verify(o.c.committee.Key(x.id), message, m.Signature) {
		o.c.fail("own-signature", "r%d sends %s with a wrong signature", x.id, describe(m))
	}
	if c := m.Checkpoint; m.Stable > 0 && (c == nil || c.Seq != m.Stable ||
		!o.c.committee.VerifyCheckpoint(c, o.c.committee.Quorum(), o.c.scheme)) {
		o.c.fail("proofs", "r%d sends %s without a proof of its checkpoint", x.id, describe(m))
	}
	for i, c := range m.Proofs {
		if c.Block != m.Prepared[i] || !o.c.committee.VerifyCertificate(c, o.c.scheme) {
			o.c.fail("proofs", "r%d sends %s without a proof of %s", x.id, describe(m), ref(m.Prepared[i]))
		}
	}
	h := &o.histories[x.id]
	h.newest = max(h.newest, m.View)
	for _, b := range h.commits {
		reported := func(p pbft.BlockRef) bool { return p.Seq == b.Seq && p.View >= b.View }
		if b.View < m.View && b.Seq > m.Stable && !slices.ContainsFunc(m.Prepared, reported) {
			o.c.fail("unreported", "r%d: %s after its commit %s", x.id, describe(m), ref(b))
		}
	}
}

// slotNewView checks that a primary's NEW-VIEW is one per view and orders what
// follows from its VIEW-CHANGEs.
func (o *oracle) slotNewView(x *node, m *pbft.SlotNewView) {
	if !o.once("one-new-view", position{x.id, m.Kind(), m.View, 0}, sha256.Sum256(o.c.committee.SlotNewViewBytes(m))) {
		return
	}
	if len(m.ViewChanges) != o.c.committee.ViewChangeQuorum() {
		o.c.fail("new-view", "r%d sends a new-view %d from %d view-changes", x.id, m.View, len(m.ViewChanges))
	}
	if want := referenceSlots(o.c.committee, m); !slices.Equal(want, m.Slots) {
		o.c.fail("new-view", "r%d sends %s, it should order%s", x.id, describe(m), refs(want))
	}
}

// referenceSlots computes what a NEW-VIEW must order again from the definition,
// one sequence number at a time.
func referenceSlots(c *pbft.Committee, m *pbft.SlotNewView) (slots []pbft.BlockRef) {
	var stable, top pbft.Seq
	for i := range m.ViewChanges {
		stable = max(stable, m.ViewChanges[i].Stable)
		for _, p := range m.ViewChanges[i].Prepared {
			top = max(top, p.Seq)
		}
	}
	for s := stable + 1; s <= top; s++ {
		null := c.NullHeader(m.View, s, m.TimeMs)
		chosen := pbft.BlockRef{Digest: c.HeaderDigest(&null)}
		for i := range m.ViewChanges {
			for _, p := range m.ViewChanges[i].Prepared {
				if p.Seq == s && p.View > chosen.View {
					chosen = p
				}
			}
		}
		slots = append(slots, pbft.BlockRef{View: m.View, Seq: s, Digest: chosen.Digest})
	}
	return slots
}

// slotDecided judges the first decision of a sequence number.
func (o *oracle) slotDecided(x *node, b *pbft.CommittedBlock) {
	h := b.Block.Header
	plain := o.c.committee.NullHeader(h.View, h.Seq, h.TimeMs)
	plain.PayloadRoot, plain.PayloadBytes = h.PayloadRoot, h.PayloadBytes
	switch {
	case b.Certificate == nil:
		o.c.fail("certificate", "r%d decides %d without a certificate", x.id, h.Seq)
	case h != plain:
		o.c.fail("form", "r%d decides %d with a header of another form", x.id, h.Seq)
	case !payloadValid(b.Block):
		o.c.fail("validity", "r%d decides %d with an invalid payload", x.id, h.Seq)
	}
	o.chain = append(o.chain, decided{digest: b.Digest, header: h})
	o.c.ordered(b.Block.Payload)
}

// slotSizeLimit is what an engine of the original protocol may remember at most:
// the votes of every member in three views, and the slots and attestations
// between the watermarks.
func (o *oracle) slotSizeLimit() int {
	n, span := o.c.plan.shape.Members, int(o.c.committee.Span())
	return 6*span*n + n*(3*span+4*int(o.c.plan.parameters.Window)) + 16*span + 128
}
