package pbfttest

import "github.com/scrip-network/scrip/pbft"

// ledBy returns the view nearest above the present one, or the present one,
// that the member leads, and false if that is too far.
func (a *adversary) ledBy(f forger) (pbft.View, bool) {
	for v := a.view; v <= a.view+1; v++ {
		if a.c.committee.Primary(v) == f.id {
			return v, true
		}
	}
	return 0, false
}

// lie sends a VIEW-CHANGE with any certificate and any tip.
func (a *adversary) lie(f forger) {
	v := a.view + pbft.View(a.rng.IntN(2))
	if v < 2 {
		v = 2
	}
	m := a.falseViewChange(f, v)
	to := a.c.committee.Primary(v)
	if a.rng.IntN(4) == 0 {
		to = pbft.ReplicaID(a.rng.IntN(a.c.committee.Size()))
	}
	if !a.owns(to) {
		a.whisper(f.id, to, m)
	}
}

// falseViewChange makes a VIEW-CHANGE that is true in form: a certificate that
// exists, and a tip of its view that does, or none.
func (a *adversary) falseViewChange(f forger, v pbft.View) *pbft.ViewChange {
	m := pbft.ViewChange{View: v, High: a.c.committee.Ref(&a.c.genesis)}
	if len(a.proofs) > 0 && a.rng.IntN(6) != 0 {
		x := a.proofs[len(a.proofs)-1-a.rng.IntN(min(len(a.proofs), 8))]
		if a.rng.IntN(3) == 0 {
			x = a.proofs[a.rng.IntN(len(a.proofs))]
		}
		if x.Block.View < v {
			m.High, m.Certificate = x.Block, x
		}
	}
	m.Committed = min(m.High.Seq, pbft.Seq(len(a.c.oracle.chain)))
	if a.rng.IntN(3) != 0 {
		a.addTip(&m)
	}
	if a.rng.IntN(8) == 0 {
		m.Certificate = spoiled(m.Certificate)
	}
	if a.rng.IntN(8) == 0 {
		m.Walk = spoiledHeaders(m.Walk)
	}
	return f.viewChange(m)
}

// spoiled is a certificate of the same name with a signature that is none. Who
// holds a true one may not notice, but must not pass it on.
func spoiled(x *pbft.Certificate) *pbft.Certificate {
	if x == nil || len(x.Signatures) == 0 {
		return x
	}
	y := *x
	y.Signatures = append([]pbft.Signature(nil), x.Signatures...)
	y.Signatures[0][9]++
	return &y
}

func spoiledHeaders(hs []pbft.SignedHeader) []pbft.SignedHeader {
	hs = append([]pbft.SignedHeader(nil), hs...)
	if len(hs) > 0 {
		hs[0].Signature[9]++
	}
	return hs
}

// addTip gives m a tip among the known headers of its High's view, with its walk.
func (a *adversary) addTip(m *pbft.ViewChange) {
	var tips []*pbft.Block
	for _, b := range a.blocks {
		if b.Header.View == m.High.View && b.Header.Seq > m.High.Seq {
			tips = append(tips, b)
		}
	}
	if len(tips) == 0 {
		return
	}
	tip := tips[a.rng.IntN(len(tips))]
	m.Tip = a.c.committee.Ref(&tip.Header)
	h := tip.SignedHeader
	for {
		m.Walk = append(m.Walk, h)
		if h.Header.Seq <= max(m.High.Seq, h.Header.BaseSeq)+1 || len(m.Walk) >= pbft.WalkMax {
			break
		}
		next, ok := a.known[h.Header.Parent]
		if !ok || next.Header.View != m.High.View {
			break
		}
		h = next
	}
	if a.rng.IntN(20) == 0 {
		m.Walk = m.Walk[:len(m.Walk)-1]
	}
}

// forgeNewView makes a NEW-VIEW from some set of view-changes and shows it to
// some; called again, it makes another.
func (a *adversary) forgeNewView(f forger) {
	v, ok := a.ledBy(f)
	if !ok || v < 2 {
		return
	}
	need := a.c.committee.ViewChangeQuorum()
	var q []*pbft.ViewChange
	for _, g := range a.members {
		q = append(q, a.falseViewChange(g, v))
	}
	q = append(q, a.changes[v]...)
	a.rng.Shuffle(len(q), func(i, j int) { q[i], q[j] = q[j], q[i] })
	high := pbft.View(1)
	for _, x := range q {
		high = max(high, x.High.View)
	}
	nv := a.tryNewView(f, v, q, need, nil)
	if nv == nil {
		evidence := a.evidenceAgainst(high)
		culprit := a.c.committee.Primary(high)
		var rest []*pbft.ViewChange
		for _, x := range q {
			if x.Replica != culprit {
				rest = append(rest, x)
			}
		}
		nv = a.tryNewView(f, v, rest, need, evidence)
	}
	if nv == nil {
		return
	}
	a.learnEntry(nv)
	if a.rng.IntN(2) == 0 {
		a.tell(f, nv)
	}
}

func (a *adversary) tryNewView(f forger, v pbft.View, q []*pbft.ViewChange, need int,
	evidence []pbft.SignedHeader) *pbft.NewView {
	if len(q) < need {
		return nil
	}
	nv, ok := f.newView(v, q[:need], evidence, a.c.oracle.header)
	if !ok {
		return nil
	}
	switch a.rng.IntN(12) {
	case 0:
		nv.Certificate = spoiled(nv.Certificate)
	case 1:
		nv.Headers = spoiledHeaders(nv.Headers)
	}
	return nv
}

// base is where a view that a Byzantine member leads may start.
type base struct {
	ref   pbft.BlockRef
	entry *pbft.NewView
}

func (a *adversary) basesOf(v pbft.View) (bases []base) {
	if v == 1 {
		return []base{{ref: a.c.committee.Ref(&a.c.genesis)}}
	}
	for _, nv := range a.entries[v] {
		bases = append(bases, base{nv.Base, nv})
	}
	for _, x := range a.proofs { // handover, also from a slot that is not the last
		h := a.c.oracle.header(x.Block.Digest)
		if x.Block.View != v-1 || h == nil {
			continue
		}
		if uint64(h.Seq) == uint64(h.BaseSeq)+a.c.committee.Parameters().Tenure || a.rng.IntN(10) == 0 {
			bases = append(bases, base{ref: x.Block})
		}
	}
	return bases
}

// forgeProposal makes a block of a view that the member leads, on any parent,
// and shows it to some.
func (a *adversary) forgeProposal(f forger) {
	v, ok := a.ledBy(f)
	if !ok {
		return
	}
	bases := a.basesOf(v)
	if len(bases) == 0 {
		return
	}
	from := bases[a.rng.IntN(len(bases))]
	parent, baseSeq := from.ref, from.ref.Seq
	if a.rng.IntN(4) != 0 { // extend something of this view
		for i := len(a.blocks) - 1; i >= 0; i-- {
			h := &a.blocks[i].Header
			if h.View == v && (i == 0 || a.rng.IntN(2) == 0) {
				parent, baseSeq = a.c.committee.Ref(h), h.BaseSeq
				break
			}
		}
	}
	ph := a.c.oracle.header(parent.Digest)
	if ph == nil {
		return
	}
	m := &pbft.PrePrepare{}
	h := pbft.Header{Epoch: f.committee.Epoch(), View: v, Seq: parent.Seq + 1, Parent: parent.Digest, BaseSeq: baseSeq,
		ExecSeq: ph.ExecSeq, ExecRoot: ph.ExecRoot, Proposer: f.id, Committee: f.committee.Digest(),
		TimeMs: max(ph.TimeMs+1, uint64(epochMs+a.c.now/1000))}
	if a.c.plan.backdate {
		h.TimeMs = ph.TimeMs + 1
	}
	h.Justify, m.Certificate = a.justification(parent)
	if parent == from.ref {
		m.Entry = from.entry
	}
	m.Payload = a.c.newPayload(f.id)
	a.falsify(&h, m)
	h.PayloadRoot, h.PayloadBytes = payloadRoot(m.Payload), uint32(len(m.Payload))
	if a.rng.IntN(40) == 0 {
		h.PayloadRoot[3]++
	}
	m.SignedHeader = f.header(h)
	a.learnBlock(&m.Block)
	a.bareProposal(m)
	if a.does(Withhold) && a.rng.IntN(3) == 0 { // it comes by FETCH, if at all
		a.hide(&m.Block)
	} else {
		a.tell(f, a.badRecipe(m))
	}
	a.voteFor(a.c.committee.Ref(&h))
}

// justification picks a certificate on the chain below a block, mostly the
// highest known.
func (a *adversary) justification(parent pbft.BlockRef) (pbft.BlockRef, *pbft.Certificate) {
	at := parent
	for range 64 {
		if x := a.proved[at]; x != nil && a.rng.IntN(5) != 0 {
			return at, x
		}
		h := a.c.oracle.header(at.Digest)
		if h == nil || h.Seq == 0 {
			break
		}
		p := a.c.oracle.header(h.Parent)
		if p == nil {
			break
		}
		at = pbft.BlockRef{View: p.View, Seq: p.Seq, Digest: h.Parent}
	}
	return a.c.committee.Ref(&a.c.genesis), nil
}

// falsify seldom breaks one thing of a proposal.
func (a *adversary) falsify(h *pbft.Header, m *pbft.PrePrepare) {
	switch a.rng.IntN(32) {
	case 0:
		h.TimeMs += 365 * 86_400_000
	case 1:
		h.TimeMs += uint64(a.rng.IntN(1000))
	case 2:
		h.ExecRoot[0]++
	case 3, 12, 13, 14:
		h.ExecSeq = h.Justify.Seq
		if s := int(h.ExecSeq); s > 0 && s <= len(a.c.oracle.chain) && a.c.oracle.chain[s-1].known {
			h.ExecRoot = a.c.oracle.chain[s-1].state
			h.ExecRoot[4] ^= uint8(a.rng.IntN(2)) // or nearly
		}
	case 4:
		m.Certificate = nil
	case 5:
		m.Entry = nil
	case 6:
		h.Justify.View = h.View // looks armed
	case 7:
		m.Payload[0] = invalidPayload
	case 8:
		h.BaseSeq++
	case 9:
		h.Flags, h.Next = pbft.FlagClosing, pbft.Digest{1}
	case 10, 11:
		m.Certificate = spoiled(m.Certificate)
	}
}

// mutate changes one field of a message of its own by a little, signs it again
// and sends it; or alters somebody else's without a signature that fits.
func (a *adversary) mutate(f forger) {
	list := a.own
	if len(list) == 0 || a.rng.IntN(4) == 0 {
		list = a.old
	}
	if len(list) == 0 {
		return
	}
	m, err := pbft.DecodeMessage(pbft.EncodeMessage(list[a.rng.IntN(len(list))].message))
	if err != nil {
		a.c.fail("codec", "a message of the adversary does not decode: %v", err)
		return
	}
	delta := uint64(pick(a.rng, 1, 1, ^uint64(0)))
	switch x := m.(type) {
	case *pbft.Prepare:
		a.nudge(&x.Block, delta)
		m = f.prepare(x.Block)
	case *pbft.Commit:
		a.nudge(&x.Block, delta)
		m = f.commit(x.Block)
	case *pbft.ViewChange:
		if a.rng.IntN(2) == 0 {
			a.nudge(&x.High, delta)
		} else {
			a.nudge(&x.Tip, delta)
		}
		m = f.viewChange(*x)
	case *pbft.Suspect:
		x.View += pbft.View(delta)
		m = f.suspect(x.View, x.Reason, x.Evidence)
	case *pbft.PrePrepare:
		a.mutateHeader(&x.Header, delta)
		x.SignedHeader = f.header(x.Header)
	case *pbft.NewView:
		a.nudge(&x.Base, delta)
		if len(x.Headers) > 0 && a.rng.IntN(2) == 0 {
			x.Headers = x.Headers[1:]
		}
		x.Signature = f.sign(f.committee.NewViewBytes(x))
	case *pbft.Blocks:
		if len(x.Blocks) > 0 {
			a.mutateHeader(&x.Blocks[0].Header, delta)
		}
	default:
		m = a.mutateSlots(f, m, delta)
	}
	a.tell(f, m)
}

func (a *adversary) nudge(b *pbft.BlockRef, delta uint64) {
	switch a.rng.IntN(3) {
	case 0:
		b.View += pbft.View(delta)
	case 1:
		b.Seq += pbft.Seq(delta)
	case 2:
		b.Digest[7] += byte(delta)
	}
}

func (a *adversary) mutateHeader(h *pbft.Header, delta uint64) {
	switch a.rng.IntN(7) {
	case 0:
		h.View += pbft.View(delta)
	case 1:
		h.Seq += pbft.Seq(delta)
	case 2:
		h.BaseSeq += pbft.Seq(delta)
	case 3:
		h.ExecSeq += pbft.Seq(delta)
	case 4:
		h.TimeMs += delta
	case 5:
		a.nudge(&h.Justify, delta)
	case 6:
		h.Parent[5]++
	}
}

// signerOf returns the member whose signature a message carries, or a number
// that is nobody's.
func signerOf(m pbft.Message) pbft.ReplicaID {
	switch x := m.(type) {
	case *pbft.PrePrepare:
		return x.Header.Proposer
	case *pbft.Prepare:
		return x.Replica
	case *pbft.Commit:
		return x.Replica
	case *pbft.Checkpoint:
		return x.Replica
	case *pbft.Suspect:
		return x.Replica
	case *pbft.ViewChange:
		return x.Replica
	case *pbft.SlotViewChange:
		return x.Replica
	}
	return pbft.Everyone - 1
}
