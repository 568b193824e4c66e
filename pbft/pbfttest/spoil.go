package pbfttest

import "github.com/scrip-network/scrip/pbft"

// spoiler makes something false of a true message that passed by. The result must
// not be accepted by any honest replica, whatever it holds: the oracle demands it.
type spoiler struct {
	name string
	// unproved says that a replica may take the message and look at what is false in
	// it when it needs it; then it must go no further.
	unproved bool
	do       func(a *adversary, f forger, m pbft.Message) pbft.Message // nil if it cannot
}

// spoilOf makes a spoiler of one kind of message; do changes a copy of it and says
// whether it could. Signatures that cover what changed are false then, unless do
// signs again.
func spoilOf[M pbft.Message](name string, do func(a *adversary, f forger, m M) bool) spoiler {
	return spoiler{name, false, func(a *adversary, f forger, m pbft.Message) pbft.Message {
		if x, ok := m.(M); ok && do(a, f, x) {
			return m
		}
		return nil
	}}
}

// suspectSpoilers are those of SUSPECT.
func suspectSpoilers() []spoiler {
	return []spoiler{
		spoilOf("suspect signature", func(_ *adversary, f forger, m *pbft.Suspect) bool {
			m.Replica = f.id
			m.Signature[5]++
			return true
		}),
		spoilOf("suspect of view 0", func(_ *adversary, f forger, m *pbft.Suspect) bool {
			*m = *f.suspect(0, m.Reason, nil)
			return true
		}),
		spoilOf("suspect evidence twice the same", func(a *adversary, f forger, m *pbft.Suspect) bool {
			h, ok := a.headerOf(m.View)
			*m = *f.suspect(m.View, pbft.SuspectEvidence, []pbft.SignedHeader{h, h})
			return ok
		}),
		spoilOf("suspect evidence of two positions", func(a *adversary, f forger, m *pbft.Suspect) bool {
			h, ok := a.headerOf(m.View)
			other := h
			other.Header.Seq++
			*m = *f.suspect(m.View, pbft.SuspectEvidence, []pbft.SignedHeader{h, other})
			return ok
		}),
		spoilOf("suspect evidence signature", func(a *adversary, f forger, m *pbft.Suspect) bool {
			h, ok := a.headerOf(m.View)
			other := h
			other.Header.TimeMs++
			*m = *f.suspect(m.View, pbft.SuspectEvidence, []pbft.SignedHeader{h, other})
			return ok
		}),
		spoilOf("suspect evidence of another view", func(a *adversary, f forger, m *pbft.Suspect) bool {
			e := a.evidenceAgainst(m.View)
			*m = *f.suspect(m.View+1, pbft.SuspectEvidence, e)
			return e != nil
		}),
	}
}

// blockSpoilers are those of what brings blocks and certificates.
func blockSpoilers() []spoiler {
	return []spoiler{
		spoilOf("blocks certificate", func(a *adversary, _ forger, m *pbft.Blocks) bool {
			m.Certificate = a.falseCertificate(m.Certificate)
			return m.Certificate != nil
		}),
		spoilOf("blocks under another's certificate", func(a *adversary, _ forger, m *pbft.Blocks) bool {
			if len(m.Blocks) < 2 || m.Certificate == nil {
				return false
			}
			m.Blocks = m.Blocks[:len(m.Blocks)-1]
			return true
		}),
		spoilOf("blocks without a link", func(_ *adversary, _ forger, m *pbft.Blocks) bool {
			if len(m.Blocks) < 2 {
				return false
			}
			m.Blocks[0].Header.TimeMs++
			return true
		}),
		spoilOf("blocks payload", func(a *adversary, _ forger, m *pbft.Blocks) bool {
			if len(m.Blocks) != 1 || m.Certificate != nil {
				return false
			}
			m.Blocks[0].Payload = append([]byte{7}, m.Blocks[0].Payload...)
			return true
		}),
		spoilOf("no blocks", func(_ *adversary, _ forger, m *pbft.Blocks) bool {
			m.Blocks = nil
			return true
		}),
		spoilOf("proof certificate", func(a *adversary, _ forger, m *pbft.Proof) bool {
			m.Certificate = a.falseCertificate(m.Certificate)
			return m.Certificate != nil
		}),
		spoilOf("pre-prepare field", func(a *adversary, f forger, m *pbft.PrePrepare) bool {
			a.falseHeader(f, &m.Header)
			m.SignedHeader = f.header(m.Header)
			return true
		}),
		spoilOf("pre-prepare signature of a new block", func(a *adversary, f forger, m *pbft.PrePrepare) bool {
			m.Header.TimeMs += 1 + uint64(a.rng.IntN(100)) // so that nobody holds it
			return true
		}),
		spoilOf("pre-prepare payload of a new block", func(a *adversary, f forger, m *pbft.PrePrepare) bool {
			if m.Header.Proposer != f.id || len(m.Recipe) > 0 {
				return false
			}
			m.Header.TimeMs += 1 + uint64(a.rng.IntN(100))
			m.Header.PayloadRoot[2]++
			m.SignedHeader = f.header(m.Header)
			return true
		}),
	}
}

// senderSpoilers are those of who says what, and in which epoch.
func senderSpoilers() []spoiler {
	return []spoiler{
		spoilOf("another's vote", func(_ *adversary, f forger, m *pbft.Prepare) bool { return m.Replica != f.id }),
		spoilOf("another's commit", func(_ *adversary, f forger, m *pbft.Commit) bool { return m.Replica != f.id }),
		spoilOf("another's checkpoint", func(_ *adversary, f forger, m *pbft.Checkpoint) bool { return m.Replica != f.id }),
		spoilOf("another's status", func(_ *adversary, f forger, m *pbft.Status) bool { return m.Replica != f.id }),
		spoilOf("another's suspect", func(_ *adversary, f forger, m *pbft.Suspect) bool { return m.Replica != f.id }),
		spoilOf("another's view-change", func(_ *adversary, f forger, m *pbft.ViewChange) bool { return m.Replica != f.id }),
		spoilOf("vote of view 0", func(_ *adversary, f forger, m *pbft.Prepare) bool {
			m.Block.View = 0
			*m = *f.prepare(m.Block)
			return true
		}),
		{"another epoch", false, func(a *adversary, f forger, m pbft.Message) pbft.Message { return otherEpoch(f, m) }},
		{"recollection nobody asked for", false, func(a *adversary, f forger, m pbft.Message) pbft.Message {
			return &pbft.Recollection{Nonce: a.rng.Uint64()}
		}},
	}
}

// reportSpoilers are those of VIEW-CHANGE.
func reportSpoilers() []spoiler {
	report := func(name string, do func(a *adversary, f forger, m *pbft.ViewChange) bool) spoiler {
		return spoilOf("view-change "+name, func(a *adversary, f forger, m *pbft.ViewChange) bool {
			m.View = max(m.View, a.view+pbft.View(a.rng.IntN(3)))
			ok := do(a, f, m)
			*m = *f.viewChange(*m)
			return ok
		})
	}
	attached := func(name string, do func(a *adversary, f forger, m *pbft.ViewChange) bool) spoiler {
		s := report(name, do)
		s.unproved = true
		return s
	}
	return []spoiler{
		report("tip of another view", func(a *adversary, _ forger, m *pbft.ViewChange) bool {
			return a.tipOfAnotherView(m)
		}),
		report("high of its own view", func(_ *adversary, _ forger, m *pbft.ViewChange) bool {
			m.High.View, m.Certificate = m.View, nil
			return true
		}),
		report("high of view 0", func(_ *adversary, _ forger, m *pbft.ViewChange) bool {
			m.High.View = 0
			return true
		}),
		attached("without its certificate", func(a *adversary, _ forger, m *pbft.ViewChange) bool {
			m.Certificate = nil
			return m.High.Seq > 0
		}),
		attached("with another's certificate", func(a *adversary, _ forger, m *pbft.ViewChange) bool {
			m.High.Digest[3]++
			return m.Certificate != nil
		}),
		attached("with half a walk", func(_ *adversary, _ forger, m *pbft.ViewChange) bool {
			if len(m.Walk) < 2 {
				return false
			}
			m.Walk = m.Walk[:len(m.Walk)-1]
			return true
		}),
		attached("without a walk", func(_ *adversary, _ forger, m *pbft.ViewChange) bool {
			ok := len(m.Walk) > 0
			m.Walk = nil
			return ok
		}),
		attached("with a walk of no tip", func(_ *adversary, _ forger, m *pbft.ViewChange) bool {
			ok := len(m.Walk) > 0
			m.Tip = pbft.BlockRef{}
			return ok
		}),
		attached("with another's walk", func(_ *adversary, _ forger, m *pbft.ViewChange) bool {
			ok := len(m.Walk) > 0
			m.Tip.Digest[3]++
			return ok
		}),
		spoilOf("view-change signature", func(_ *adversary, f forger, m *pbft.ViewChange) bool {
			*m = *f.viewChange(*m)
			m.Signature[5]++
			return true
		}),
	}
}

// startSpoilers are those of NEW-VIEW.
func startSpoilers() []spoiler {
	start := func(name string, do func(a *adversary, f forger, m *pbft.NewView) bool) spoiler {
		return spoilOf("new-view "+name, func(a *adversary, f forger, m *pbft.NewView) bool {
			if a.c.committee.Primary(m.View) != f.id {
				return false
			}
			ok := do(a, f, m)
			m.Signature = f.sign(f.committee.NewViewBytes(m))
			return ok
		})
	}
	return []spoiler{
		start("report's signature", func(a *adversary, _ forger, m *pbft.NewView) bool {
			m.ViewChanges[a.rng.IntN(len(m.ViewChanges))].Signature[5]++
			return true
		}),
		start("evidence signature", func(a *adversary, _ forger, m *pbft.NewView) bool {
			if m.Evidence == nil {
				h, ok := a.headerOf(highOf(m).View)
				if !ok {
					return false
				}
				other := h
				other.Header.TimeMs++
				m.Evidence = []pbft.SignedHeader{h, other}
			} else {
				m.Evidence[a.rng.IntN(2)].Signature[5]++
			}
			return true
		}),
		start("report of the excluded", func(a *adversary, _ forger, m *pbft.NewView) bool {
			m.Evidence = a.evidenceAgainst(highOf(m).View)
			culprit := a.c.committee.Primary(highOf(m).View)
			for i := range m.ViewChanges {
				if m.ViewChanges[i].Replica == culprit {
					return m.Evidence != nil
				}
			}
			return false
		}),
		spoilOf("new-view signature", func(_ *adversary, _ forger, m *pbft.NewView) bool {
			m.Signature[5]++
			return true
		}),
	}
}

func highOf(m *pbft.NewView) (high pbft.BlockRef) {
	for i := range m.ViewChanges {
		if high.Rank().Less(m.ViewChanges[i].High.Rank()) {
			high = m.ViewChanges[i].High
		}
	}
	return high
}

// headerOf returns a header of a view that its primary signed.
func (a *adversary) headerOf(v pbft.View) (h pbft.SignedHeader, ok bool) {
	for i := len(a.blocks) - 1; i >= 0; i-- {
		if a.blocks[i].Header.View == v {
			return a.blocks[i].SignedHeader, true
		}
	}
	return h, false
}

// falseCertificate makes one of a true one that proves nothing: a signature that is
// none, a signer too few or one who is nobody, votes of another kind, or those for
// another block.
func (a *adversary) falseCertificate(x *pbft.Certificate) *pbft.Certificate {
	if x == nil || len(x.Signatures) == 0 {
		return nil
	}
	y := *spoiled(x)
	switch a.rng.IntN(5) {
	case 0: // as it is: one signature is none
	case 1:
		y = *x
		y.Block.Digest[9]++
	case 2:
		y = *x
		y.Signers, y.Signatures = pbft.Signers{}, nil
		for id := pbft.ReplicaID(0); y.Signers.Count() < a.c.committee.Quorum()-1; id++ {
			if x.Signers.Has(id) {
				y.Signers.Add(id)
				y.Signatures = append(y.Signatures, x.Signatures[len(y.Signatures)])
			}
		}
	case 3:
		y = *x
		if y.Kind = pbft.CommittedSlow; x.Kind == y.Kind {
			y.Kind = pbft.Prepared
		}
	case 4:
		y = *x
		y.Signers.Add(pbft.ReplicaID(a.c.committee.Size()))
		y.Signatures = append(append([]pbft.Signature(nil), y.Signatures...), y.Signatures[0])
	}
	return &y
}

// falseHeader breaks one field of a header that decides by itself.
func (a *adversary) falseHeader(f forger, h *pbft.Header) {
	switch a.rng.IntN(10) {
	case 0:
		h.Committee[1]++
	case 1:
		h.View = 0
	case 2:
		h.Seq = 0
	case 3:
		h.Flags, h.Next = pbft.FlagClosing, pbft.Digest{1}
	case 4:
		h.Proposer = pbft.ReplicaID(a.c.committee.Size())
	case 5:
		h.PayloadBytes = a.c.committee.Parameters().PayloadBytesMax + 1
	case 6:
		h.BaseSeq = h.Seq
	case 7:
		h.Justify.View = h.View + 1
	case 8:
		h.Justify.Seq = h.Seq
	case 9:
		h.ExecSeq = h.Justify.Seq + 1
	}
	if a.c.committee.Protocol() == pbft.Original && h.View != 0 && h.Seq != 0 {
		h.Parent[2]++ // has no use there
	}
}

// tipOfAnotherView gives a report a tip whose walk is whole, but not of the view of
// the certificate.
func (a *adversary) tipOfAnotherView(m *pbft.ViewChange) bool {
	for i := len(a.blocks) - 1; i >= 0; i-- {
		h := &a.blocks[i].Header
		if h.View == m.High.View || h.View >= m.View || h.Seq <= m.High.Seq {
			continue
		}
		m.Tip, m.Walk = a.c.committee.Ref(h), nil
		for at, ok := a.blocks[i].SignedHeader, true; ok && at.Header.View == h.View; at, ok = a.known[at.Header.Parent] {
			m.Walk = append(m.Walk, at)
			if at.Header.Seq <= max(m.High.Seq, at.Header.BaseSeq)+1 {
				return len(m.Walk) <= int(a.c.committee.Parameters().Window)
			}
		}
	}
	return false
}

// otherEpoch moves a message into an epoch that is not there.
func otherEpoch(f forger, m pbft.Message) pbft.Message {
	switch x := m.(type) {
	case *pbft.PrePrepare:
		x.Header.Epoch = 1
		x.SignedHeader = f.header(x.Header)
	case *pbft.Prepare:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.Commit:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.Checkpoint:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.Suspect:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.ViewChange:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.NewView:
		x.Epoch = 1
	case *pbft.Status:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.Fetch:
		x.Epoch = 1
	case *pbft.Blocks:
		x.Epoch = 1
	case *pbft.Proof:
		x.Certificate.Epoch = 1
	case *pbft.Recall:
		x.Epoch = 1
	case *pbft.Recollection:
		x.Epoch = 1
	case *pbft.SlotViewChange:
		x.Epoch, x.Replica = 1, f.id
	case *pbft.SlotNewView:
		x.Epoch = 1
	case *pbft.Decided:
		x.Epoch = 1
	case *pbft.Stable:
		x.Certificate.Epoch = 1
	}
	return m
}

// allSpoilers are those that a committee's protocol has a use for.
func allSpoilers(p pbft.Protocol) []spoiler {
	all := append(append(suspectSpoilers(), blockSpoilers()...), senderSpoilers()...)
	if p == pbft.Original {
		return append(append(append(all, decidedSpoilers()...), slotReportSpoilers()...), slotStartSpoilers()...)
	}
	return append(append(all, reportSpoilers()...), startSpoilers()...)
}

// recentMax is how many messages of each kind are kept for spoiling.
const recentMax = 8

func (a *adversary) keepRecent(m pbft.Message) {
	kind := m.Kind()
	switch kind {
	case pbft.KindRecipe:
		kind = pbft.KindPrePrepare
	case pbft.KindFetchRecipe:
		kind = pbft.KindFetch
	case pbft.KindPull, pbft.KindMarks:
		return
	}
	list := &a.recent[kind]
	if len(*list) == recentMax {
		*list = append((*list)[:0], (*list)[1:]...)
	}
	*list = append(*list, m)
}

// spoil sends something false that is made of a message of any kind.
func (a *adversary) spoil(f forger) {
	kind := pbft.Kind(1 + a.rng.IntN(len(a.recent)-1))
	if len(a.recent[kind]) == 0 {
		return
	}
	encoded := pbft.EncodeMessage(a.recent[kind][a.rng.IntN(len(a.recent[kind]))])
	first := a.rng.IntN(len(a.spoilers))
	for i := range a.spoilers {
		at := (first + i) % len(a.spoilers)
		m, err := pbft.DecodeMessage(encoded)
		if err != nil {
			a.c.fail("codec", "a message that passed by does not decode: %v", err)
			return
		}
		untrue := a.spoilers[at].do(a, f, m)
		if untrue == nil {
			continue
		}
		a.c.counts.Spoiled[at]++
		for to := range a.c.plan.byzantine {
			if !a.owns(pbft.ReplicaID(to)) && a.rng.IntN(3) != 0 {
				a.deliver(f.id, pbft.ReplicaID(to), untrue, !a.spoilers[at].unproved)
			}
		}
		return
	}
}

// hide keeps a block for those who ask.
func (a *adversary) hide(b *pbft.Block) {
	if len(a.withheld) < 4*memoryMax {
		a.withheld[a.c.committee.HeaderDigest(&b.Header)] = b
	}
}

// withhold votes for a new block of a view that the member leads or once led, which
// nobody gets who does not ask.
func (a *adversary) withhold(f forger) {
	if a.c.committee.Protocol() == pbft.Original || len(a.blocks) == 0 {
		return
	}
	v := a.view
	for v > 1 && (a.c.committee.Primary(v) != f.id || a.rng.IntN(3) == 0) {
		v--
	}
	if a.c.committee.Primary(v) != f.id {
		return
	}
	ph := &a.blocks[len(a.blocks)-1-a.rng.IntN(min(len(a.blocks), 8))].Header
	if ph.View > v {
		ph = &a.c.genesis
	}
	parent := a.c.committee.Ref(ph)
	h := pbft.Header{View: v, Seq: ph.Seq + 1, Parent: parent.Digest, BaseSeq: ph.Seq, ExecSeq: ph.ExecSeq,
		ExecRoot: ph.ExecRoot, Proposer: f.id, Committee: f.committee.Digest(), TimeMs: ph.TimeMs + 1}
	if ph.View == v && ph.Seq > 0 {
		h.BaseSeq = ph.BaseSeq
	}
	if !a.c.plan.backdate {
		h.TimeMs = max(h.TimeMs, uint64(epochMs+a.c.now/1000))
	}
	h.Justify, _ = a.justification(parent)
	b := &pbft.Block{Payload: a.c.newPayload(f.id)}
	h.PayloadRoot, h.PayloadBytes = payloadRoot(b.Payload), uint32(len(b.Payload))
	b.SignedHeader = f.header(h)
	a.hide(b)
	a.tell(f, f.prepare(a.c.committee.Ref(&h)))
}

// overhear answers what an honest replica asks a member: for a block that was
// withheld, and for its own past, of which it gets false memories.
func (a *adversary) overhear(from pbft.ReplicaID, o *pbft.Outgoing) {
	if !a.active() {
		return
	}
	switch m := o.Message.(type) {
	case *pbft.Fetch:
		if b := a.withheld[m.Digest]; b != nil && a.owns(o.To) {
			a.whisper(o.To, from, &pbft.Blocks{Blocks: []pbft.Block{*b}})
		}
		if m.Digest == (pbft.Digest{}) && a.owns(o.To) && a.does(Spoil) {
			a.answerFalsely(o.To, from, m.After)
		}
	case *pbft.Recall:
		if a.does(Spoil) {
			for _, f := range a.members {
				a.whisper(f.id, from, a.falseMemory(f, from, m.Nonce))
			}
		}
	}
}

// answerFalsely sends who is behind the blocks that it asks for, under a certificate
// that proves nothing.
func (a *adversary) answerFalsely(from, to pbft.ReplicaID, after pbft.Seq) {
	var longest *node
	for _, x := range a.c.nodes {
		if x.honest && (longest == nil || len(x.chain) > len(longest.chain)) {
			longest = x
		}
	}
	if longest == nil || int(after) >= len(longest.chain) {
		return
	}
	d := longest.after(after, 4)
	last := len(d.Blocks) - 1
	if a.c.committee.Protocol() == pbft.Original {
		if d.Certificates[0] = a.falseCertificate(d.Certificates[0]); d.Certificates[0] != nil {
			a.deliver(from, to, d, true)
		}
		return
	}
	if c := a.falseCertificate(d.Certificates[last]); c != nil {
		a.deliver(from, to, &pbft.Blocks{Blocks: d.Blocks, Certificate: c}, true)
	}
}

// after are the blocks above a height, each with its certificate, if it has one.
func (x *node) after(height pbft.Seq, most int) *pbft.Decided {
	m := &pbft.Decided{}
	for k := int(height); k < min(len(x.chain), int(height)+most); k++ {
		m.Blocks = append(m.Blocks, *x.chain[k].block)
		m.Certificates = append(m.Certificates, x.chain[k].certificate)
	}
	return m
}

// falseMemory names things that the asker never signed.
func (a *adversary) falseMemory(f forger, asker pbft.ReplicaID, nonce uint64) *pbft.Recollection {
	b := pbft.BlockRef{View: a.view + 1, Seq: pbft.Seq(len(a.c.oracle.chain) + 1), Digest: pbft.Digest{1}}
	m := &pbft.Recollection{Nonce: nonce}
	by := asker
	if a.rng.IntN(2) == 0 {
		by = f.id // then the signature is true
	}
	switch a.rng.IntN(3) {
	case 0:
		m.Prepare = f.prepare(b)
		m.Prepare.Replica = by
	case 1:
		if a.c.committee.Protocol() == pbft.Original {
			m.SlotViewChange = f.slotViewChange(pbft.SlotViewChange{View: b.View + 1})
			m.SlotViewChange.Replica = by
		} else {
			m.ViewChange = f.viewChange(pbft.ViewChange{View: b.View + 1, High: a.c.committee.Ref(&a.c.genesis)})
			m.ViewChange.Replica = by
		}
	case 2:
		h := a.c.committee.NullHeader(b.View, b.Seq, epochMs)
		h.Proposer = by
		s := f.header(h)
		m.Proposal = &s
	}
	return m
}

// askAgainAndAgain asks one replica for the same blocks many times in one moment.
func (a *adversary) askAgainAndAgain(f forger) {
	if len(a.blocks) == 0 || a.c.healed {
		return
	}
	b := a.c.committee.Ref(&a.blocks[len(a.blocks)-1-a.rng.IntN(min(len(a.blocks), 4))].Header)
	to := pbft.ReplicaID(a.rng.IntN(a.c.committee.Size()))
	for range 12 {
		if !a.owns(to) {
			a.whisper(f.id, to, &pbft.Fetch{Seq: b.Seq, Digest: b.Digest})
		}
	}
}
