package pbfttest

import (
	"sort"

	"github.com/scrip-network/scrip/pbft"
)

// What Byzantine members do under the original protocol.

func (f forger) slotViewChange(v pbft.SlotViewChange) *pbft.SlotViewChange {
	v.Epoch, v.Replica = f.committee.Epoch(), f.id
	v.Signature = f.sign(f.committee.SlotViewChangeBytes(&v))
	return &v
}

// slotNewView builds a NEW-VIEW from view-changes with their attachments.
func (f forger) slotNewView(v pbft.View, timeMs uint64, q []*pbft.SlotViewChange) *pbft.SlotNewView {
	q = append([]*pbft.SlotViewChange(nil), q...)
	sort.Slice(q, func(i, j int) bool { return q[i].Replica < q[j].Replica })
	m := &pbft.SlotNewView{Epoch: f.committee.Epoch(), View: v, TimeMs: timeMs}
	proofs := make(map[pbft.Seq]*pbft.Certificate)
	var stable pbft.Seq
	for _, x := range q {
		core := *x
		core.Checkpoint, core.Proofs = nil, nil
		m.ViewChanges = append(m.ViewChanges, core)
		if x.Stable > stable {
			stable, m.Checkpoint = x.Stable, x.Checkpoint
		}
		for _, c := range x.Proofs {
			if p := proofs[c.Block.Seq]; p == nil || p.Block.View < c.Block.View {
				proofs[c.Block.Seq] = c
			}
		}
	}
	m.Slots = referenceSlots(f.committee, m)
	for _, s := range m.Slots {
		if c := proofs[s.Seq]; c != nil {
			m.Proofs = append(m.Proofs, c)
		}
	}
	f.signSlotNewView(m)
	return m
}

func (f forger) signSlotNewView(m *pbft.SlotNewView) {
	m.Signature = f.sign(f.committee.SlotNewViewBytes(m))
}

func (a *adversary) learnSlotChange(v *pbft.SlotViewChange) {
	if a.owns(v.Replica) {
		return
	}
	a.view = max(a.view, v.View)
	for _, c := range v.Proofs {
		a.learnProof(c)
	}
	if v.Checkpoint != nil {
		a.stables = remember(a.stables, v.Checkpoint, a.rng)
	}
	for _, u := range a.slotChanges[v.View] {
		if u.Replica == v.Replica {
			return
		}
	}
	a.slotChanges[v.View] = append(a.slotChanges[v.View], v)
}

// forgeSlotProposal makes a block of a view that the member leads, for any slot
// near the front, and shows it to some. Called again, it makes another.
func (a *adversary) forgeSlotProposal(f forger) {
	v, ok := a.ledBy(f)
	if !ok {
		return
	}
	front := len(a.c.oracle.chain) + 1
	seq := pbft.Seq(max(1, front-1+a.rng.IntN(int(a.c.plan.parameters.Window)+2)))
	h := a.c.committee.NullHeader(v, seq, uint64(epochMs+a.c.now/1000)+uint64(a.rng.IntN(3)))
	m := &pbft.PrePrepare{}
	m.Payload = a.c.newPayload(f.id)
	switch a.rng.IntN(24) {
	case 0:
		h.TimeMs += 365 * 86_400_000
	case 1:
		m.Payload[0] = invalidPayload
	case 2:
		h.Parent[3]++
	case 3:
		m.Certificate = a.proved[pbft.BlockRef{View: v, Seq: seq}]
		m.Payload = nil
	case 4:
		h.Seq += a.c.committee.Span()
	}
	if a.c.plan.backdate {
		h.TimeMs -= uint64(a.rng.IntN(8000))
	}
	h.PayloadRoot, h.PayloadBytes = payloadRoot(m.Payload), uint32(len(m.Payload))
	m.SignedHeader = f.header(h)
	a.learnBlock(&m.Block)
	if a.does(Withhold) && a.rng.IntN(3) == 0 { // it comes by FETCH, if at all
		a.hide(&m.Block)
	} else {
		a.tell(f, a.badRecipe(m))
	}
	a.voteFor(a.c.committee.Ref(&h))
}

// lieAboutSlots sends a VIEW-CHANGE that reports what the member likes.
func (a *adversary) lieAboutSlots(f forger) {
	v := max(2, a.view+pbft.View(a.rng.IntN(2)))
	a.tell(f, a.falseSlotChange(f, v))
}

// falseSlotChange makes a VIEW-CHANGE that is true in form: a stable checkpoint
// and certificates that exist, but not all of them and not the newest.
func (a *adversary) falseSlotChange(f forger, v pbft.View) *pbft.SlotViewChange {
	m := pbft.SlotViewChange{View: v}
	if len(a.stables) > 0 && a.rng.IntN(3) != 0 {
		m.Checkpoint = a.stables[a.rng.IntN(len(a.stables))]
		m.Stable = m.Checkpoint.Seq
	}
	best := make(map[pbft.Seq]*pbft.Certificate)
	for _, c := range a.proofs {
		if c.Block.View < v && a.rng.IntN(3) != 0 {
			best[c.Block.Seq] = c
		}
	}
	for s := m.Stable + 1; s <= m.Stable+a.c.committee.Span(); s++ {
		if c := best[s]; c != nil {
			m.Prepared, m.Proofs = append(m.Prepared, c.Block), append(m.Proofs, c)
		}
	}
	if k := len(m.Proofs); k > 0 {
		switch a.rng.IntN(12) {
		case 0:
			m.Proofs[k-1] = spoiled(m.Proofs[k-1])
		case 1:
			m.Prepared[k-1].Digest[4]++
		case 2:
			m.Prepared[k-1].View = v - 1
		}
	}
	return f.slotViewChange(m)
}

// forgeSlotNewView makes a NEW-VIEW from some set of view-changes and shows it to
// some; called again, it makes another.
func (a *adversary) forgeSlotNewView(f forger) {
	v, ok := a.ledBy(f)
	if !ok || v < 2 {
		return
	}
	var q []*pbft.SlotViewChange
	for _, g := range a.members {
		q = append(q, a.falseSlotChange(g, v))
	}
	q = append(q, a.slotChanges[v]...)
	need := a.c.committee.ViewChangeQuorum()
	if len(q) < need {
		return
	}
	a.rng.Shuffle(len(q), func(i, j int) { q[i], q[j] = q[j], q[i] })
	m := f.slotNewView(v, uint64(epochMs+a.c.now/1000)+uint64(a.rng.IntN(2)), q[:need])
	if k := len(m.Slots); k > 0 {
		at := a.rng.IntN(k)
		switch a.rng.IntN(6) {
		case 0: // a null request for what may be prepared
			null := a.c.committee.NullHeader(v, m.Slots[at].Seq, m.TimeMs)
			m.Slots[at].Digest = a.c.committee.HeaderDigest(&null)
		case 1: // something else that exists
			if len(a.blocks) > 0 {
				m.Slots[at].Digest = a.c.committee.HeaderDigest(&a.blocks[a.rng.IntN(len(a.blocks))].Header)
			}
		case 2:
			m.Slots = m.Slots[:k-1]
		}
		f.signSlotNewView(m)
	}
	a.tell(f, m)
}

// mutateSlots changes a message of the original protocol and signs it again.
func (a *adversary) mutateSlots(f forger, m pbft.Message, delta uint64) pbft.Message {
	switch x := m.(type) {
	case *pbft.SlotViewChange:
		if k := len(x.Prepared); k > 0 && a.rng.IntN(3) != 0 {
			a.nudge(&x.Prepared[a.rng.IntN(k)], delta)
		} else {
			x.Stable += pbft.Seq(delta)
		}
		return f.slotViewChange(*x)
	case *pbft.SlotNewView:
		if k := len(x.Slots); k > 0 {
			a.nudge(&x.Slots[a.rng.IntN(k)], delta)
		} else {
			x.View += pbft.View(delta)
		}
		f.signSlotNewView(x)
	case *pbft.Stable:
		x.Certificate.Seq += pbft.Seq(delta)
	case *pbft.Decided:
		a.mutateHeader(&x.Blocks[0].Header, delta)
	}
	return m
}
