package pbfttest

import "github.com/scrip-network/scrip/pbft"

// position names what a replica may sign once: by kind, view and, for some
// kinds, sequence number.
type position struct {
	replica pbft.ReplicaID
	kind    pbft.Kind
	view    pbft.View
	seq     pbft.Seq
}

// decided is what the first honest replica committed at a sequence number.
type decided struct {
	digest pbft.Digest
	header pbft.Header
	state  pbft.Digest
	known  bool // state is set
}

// history is what one honest replica signed, over all of its incarnations.
type history struct {
	prepares    []pbft.BlockRef
	commits     []pbft.BlockRef
	viewChanges []*pbft.ViewChange
	newest      pbft.View // highest view of viewChanges
}

// oracle watches a run from outside and knows what every honest replica said.
type oracle struct {
	c          *cluster
	docket     *docket
	violations []Violation
	headers    map[pbft.Digest]*pbft.Header
	learned    map[pbft.Message]bool // by identity
	signed     map[position]pbft.Digest
	tips       map[position]pbft.BlockRef // highest PREPARE by replica and view
	histories  []history
	chain      []decided // by Seq-1
	proven     map[pbft.BlockRef]bool
	// changes are the views for which honest replicas signed VIEW-CHANGEs since
	// the faults ended, above healedView, the highest that any had asked for: a
	// replica that catches up goes through the others' views again.
	changes    map[pbft.View]bool
	healedView pbft.View
}

func newOracle(c *cluster) *oracle {
	o := &oracle{c: c, docket: newDocket(c), learned: make(map[pbft.Message]bool),
		headers: make(map[pbft.Digest]*pbft.Header), signed: make(map[position]pbft.Digest),
		tips: make(map[position]pbft.BlockRef), histories: make([]history, c.committee.Size()),
		proven: make(map[pbft.BlockRef]bool), changes: make(map[pbft.View]bool)}
	o.headers[c.committee.HeaderDigest(&c.genesis)] = &c.genesis
	return o
}

func (o *oracle) header(d pbft.Digest) *pbft.Header { return o.headers[d] }

// learn remembers every header that passes by.
func (o *oracle) learn(m pbft.Message) {
	switch m.(type) {
	case *pbft.PrePrepare, *pbft.Blocks, *pbft.Linked, *pbft.Decided, *pbft.ViewChange, *pbft.NewView, *pbft.Proof:
		if o.learned[m] {
			return
		}
		o.learned[m] = true
	}
	switch x := m.(type) {
	case *pbft.PrePrepare:
		o.learnHeader(&x.Header)
		if x.Entry != nil {
			o.learnHeaders(x.Entry.Headers)
		}
	case *pbft.Blocks:
		for i := range x.Blocks {
			o.learnHeader(&x.Blocks[i].Header)
		}
	case *pbft.Linked:
		for i := range x.Blocks {
			o.learnHeader(&x.Blocks[i].Header)
		}
		for i := range x.Headers {
			o.learnHeader(&x.Headers[i])
		}
	case *pbft.Decided:
		for i := range x.Blocks {
			o.learnHeader(&x.Blocks[i].Header)
		}
	case *pbft.ViewChange:
		o.learnHeaders(x.Walk)
	case *pbft.NewView:
		o.learnHeaders(x.Headers)
	case *pbft.Proof:
		if x.Header != nil {
			o.learnHeader(&x.Header.Header)
		}
	}
}

func (o *oracle) learnHeaders(hs []pbft.SignedHeader) {
	for i := range hs {
		o.learnHeader(&hs[i].Header)
	}
}

func (o *oracle) learnHeader(h *pbft.Header) pbft.Digest {
	d := o.c.committee.HeaderDigest(h)
	if o.headers[d] == nil {
		o.headers[d] = h
	}
	return d
}

// once checks that a replica signs one thing only at a position, and reports
// whether it is the first time.
func (o *oracle) once(rule string, p position, d pbft.Digest) bool {
	old, ok := o.signed[p]
	if ok && old != d {
		o.c.fail(rule, "r%d signed two %vs at %d/%d: %v and %v", p.replica, p.kind, p.view, p.seq, old, d)
	}
	o.signed[p] = d
	return !ok
}

// sent judges a message that honest x sends.
func (o *oracle) sent(x *node, m pbft.Message) {
	o.docket.sent(x.id, m)
	switch m := m.(type) {
	case *pbft.PrePrepare:
		if m.Header.Proposer == x.id {
			d := o.learnHeader(&m.Header)
			o.once("one-proposal", position{x.id, pbft.KindPrePrepare, m.Header.View, m.Header.Seq}, d)
		}
	case *pbft.Prepare:
		if m.Replica == x.id {
			o.prepare(x, m)
		}
	case *pbft.Commit:
		if m.Replica == x.id {
			o.commitVote(x, m)
		}
	case *pbft.Checkpoint:
		if m.Replica == x.id {
			d := m.StateRoot
			for i := range d {
				d[i] ^= m.Block[i] ^ m.ReceiptRoot[31-i]
			}
			o.once("one-checkpoint", position{x.id, m.Kind(), 0, m.Seq}, d)
		}
	case *pbft.Suspect:
		if s := x.engine.Status(); m.View > max(s.View, s.ViewChanged) {
			o.c.fail("suspect", "r%d suspects view %d, it is in view %d", x.id, m.View, max(s.View, s.ViewChanged))
		}
	case *pbft.ViewChange:
		if m.Replica == x.id {
			o.viewChange(x, m)
		}
	case *pbft.NewView:
		if o.c.committee.Primary(m.View) == x.id {
			o.newView(x, m)
		}
	case *pbft.SlotViewChange:
		o.slotViewChange(x, m)
	case *pbft.SlotNewView:
		if o.c.committee.Primary(m.View) == x.id {
			o.slotNewView(x, m)
		}
	}
}

// compatible reports whether one block is the other or its ancestor.
func (o *oracle) compatible(a, b pbft.BlockRef) bool {
	if a.Seq < b.Seq {
		a, b = b, a
	}
	return o.descends(a, b)
}

// descends reports whether a is b or a descendant of b.
func (o *oracle) descends(a, b pbft.BlockRef) bool {
	d := a.Digest
	for seq := a.Seq; seq > b.Seq; seq-- {
		h := o.headers[d]
		if h == nil || h.Seq != seq {
			return false
		}
		d = h.Parent
	}
	return a.Seq >= b.Seq && d == b.Digest
}

func (o *oracle) prepare(x *node, m *pbft.Prepare) {
	b := m.Block
	if !o.once("one-prepare", position{x.id, m.Kind(), b.View, b.Seq}, b.Digest) {
		return
	}
	if !o.c.scheme.Verify(o.c.committee.Key(x.id), o.c.committee.PrepareBytes(b), m.Signature) {
		o.c.fail("own-signature", "r%d sends %s with a wrong signature", x.id, describe(m))
	}
	o.durable(x, b)
	h := &o.histories[x.id]
	h.prepares = append(h.prepares, b)
	if o.c.committee.Protocol() == pbft.Original {
		if b.View < h.newest {
			o.c.fail("vote-after-view-change", "r%d prepares %s after its view-change %d", x.id, ref(b), h.newest)
		}
		return
	}
	key := position{x.id, m.Kind(), b.View, 0}
	if tip, ok := o.tips[key]; ok && !o.compatible(tip, b) {
		o.c.fail("one-chain", "r%d prepares %s and %s of one view", x.id, ref(tip), ref(b))
	} else if !ok || tip.Seq < b.Seq {
		o.tips[key] = b
	}
	for _, v := range h.viewChanges {
		if b.View < v.View && !(v.HasTip() && o.descends(v.Tip, b)) {
			o.c.fail("vote-after-view-change", "r%d prepares %s after %s", x.id, ref(b), describe(v))
		}
		o.noEvidence(x.id, v, b, false)
	}
}

// durable checks what must be on disk before a PREPARE leaves (section 7): the block with
// its whole body, and in the dual-path protocol a certificate not below its justification.
func (o *oracle) durable(x *node, b pbft.BlockRef) {
	h := o.headers[b.Digest]
	if h == nil || int(b.Seq) <= len(x.chain)+len(x.pending) {
		return
	}
	var high pbft.Rank
	body := false
	for i := range x.log {
		r := &x.log[i]
		if c := r.Certificate; c != nil && high.Less(c.Block.Rank()) {
			high = c.Block.Rank()
		}
		if k := r.Block; k != nil && k.Header == *h {
			body = body || len(k.Payload) == int(h.PayloadBytes)
		}
	}
	for i := range x.chain {
		if c := x.chain[i].certificate; c != nil && high.Less(c.Block.Rank()) {
			high = c.Block.Rank()
		}
	}
	switch {
	case !body:
		o.c.fail("durable", "r%d prepares %s, whose body its log lacks", x.id, ref(b))
	case o.c.committee.Protocol() == pbft.DualPath && h.Justify.Seq > 0 && high.Less(h.Justify.Rank()):
		o.c.fail("durable", "r%d prepares %s, justified by %s, with no certificate above %d/%d in its log", x.id, ref(b),
			ref(h.Justify), high.View, high.Seq)
	}
}

func (o *oracle) commitVote(x *node, m *pbft.Commit) {
	b := m.Block
	if !o.once("one-commit", position{x.id, m.Kind(), b.View, b.Seq}, b.Digest) {
		return
	}
	if !o.c.scheme.Verify(o.c.committee.Key(x.id), o.c.committee.CommitBytes(b), m.Signature) {
		o.c.fail("own-signature", "r%d sends %s with a wrong signature", x.id, describe(m))
	}
	h := &o.histories[x.id]
	if b.View < h.newest {
		o.c.fail("vote-after-view-change", "r%d commits %s after its view-change %d", x.id, ref(b), h.newest)
	}
	for _, v := range h.viewChanges {
		o.noEvidence(x.id, v, b, true)
	}
	h.commits = append(h.commits, b)
}

func (o *oracle) viewChange(x *node, m *pbft.ViewChange) {
	core := m.High.Digest
	for i := range core {
		core[i] += m.Tip.Digest[i] * 3
	}
	core[0] ^= byte(m.High.View) ^ byte(m.Tip.View)<<3 ^ byte(m.Committed)<<5
	if !o.once("one-view-change", position{x.id, m.Kind(), m.View, 0}, core) {
		return
	}
	o.c.trace.line(o.c.now, "r%d signs %s", x.id, describe(m))
	if o.c.healed && m.View > o.healedView {
		o.changes[m.View] = true
	}
	if !o.c.scheme.Verify(o.c.committee.Key(x.id), o.c.committee.ViewChangeBytes(m), m.Signature) {
		o.c.fail("own-signature", "r%d sends %s with a wrong signature", x.id, describe(m))
	}
	h := &o.histories[x.id]
	h.newest = max(h.newest, m.View)
	h.viewChanges = append(h.viewChanges, m)
	for _, b := range h.commits {
		o.noEvidence(x.id, m, b, true)
	}
	for _, b := range h.prepares {
		o.noEvidence(x.id, m, b, false)
	}
}

// noEvidence checks that a vote and a VIEW-CHANGE of one honest replica do not
// together make evidence by R14.
func (o *oracle) noEvidence(id pbft.ReplicaID, v *pbft.ViewChange, b pbft.BlockRef, commit bool) {
	if b.View >= v.View {
		return
	}
	guilty := false
	switch {
	case commit:
		guilty = v.High.Rank().Less(b.Rank())
	case b.View == v.High.View:
		guilty = !(v.HasTip() && o.descends(v.Tip, b))
	case b.View > v.High.View:
		h := o.headers[b.Digest]
		guilty = h != nil && h.Armed()
	}
	if guilty {
		o.c.fail("framed", "r%d: %s against its vote (commit %t) for %s", id, describe(v), commit, ref(b))
	}
}

// newView checks that a primary's NEW-VIEW is one per view and follows R9.
func (o *oracle) newView(x *node, m *pbft.NewView) {
	d := m.Base.Digest
	for i := range m.ViewChanges {
		for j := range d {
			d[j] = d[j]*5 + m.ViewChanges[i].Signature[j]
		}
	}
	if !o.once("one-new-view", position{x.id, m.Kind(), m.View, 0}, d) {
		return
	}
	if len(m.ViewChanges) != o.c.committee.ViewChangeQuorum() {
		o.c.fail("new-view", "r%d sends a new-view %d from %d view-changes", x.id, m.View, len(m.ViewChanges))
	}
	base, ok := referenceSelect(o.c.committee, m.ViewChanges, len(m.Evidence) > 0, o.header)
	if !ok || base != m.Base {
		o.c.fail("new-view", "r%d sends %s, R9 gives %s (%t)", x.id, describe(m), ref(base), ok)
	}
}

// proves checks a commit certificate of a header, once per block.
func (o *oracle) proves(x *pbft.Certificate, h *pbft.Header) bool {
	if o.proven[x.Block] && x.Block == o.c.committee.Ref(h) {
		return true
	}
	ok := o.c.committee.VerifyCertificate(x, o.c.scheme) && o.c.committee.Commits(x, h)
	if ok {
		o.proven[x.Block] = true
	}
	return ok
}

// committed judges a decision of honest x.
func (o *oracle) committed(x *node, b *pbft.CommittedBlock) {
	h := &b.Block.Header
	seq := pbft.Seq(len(x.chain) + len(x.pending) + 1)
	if h.Seq != seq {
		o.c.fail("order", "r%d commits %d, the next is %d", x.id, h.Seq, seq)
		return
	}
	x.committed = max(x.committed, seq)
	if d := o.learnHeader(h); d != b.Digest {
		o.c.fail("digest", "r%d commits %d under digest %v, it is %v", x.id, seq, b.Digest, d)
	}
	if b.Certificate != nil && !o.proves(b.Certificate, h) {
		o.c.fail("certificate", "r%d commits %d by a bad %s", x.id, seq, describeCertificate(b.Certificate))
	}
	if int(seq) <= len(o.chain) {
		if first := &o.chain[seq-1]; first.digest != b.Digest {
			o.c.fail("agreement", "r%d commits %d/%d:%v, somebody committed %d/%d:%v", x.id, h.View, h.Seq, b.Digest,
				first.header.View, first.header.Seq, first.digest)
		}
		return
	}
	if o.c.committee.Protocol() == pbft.Original {
		o.slotDecided(x, b)
		return
	}
	parent := &o.c.genesis
	if seq > 1 {
		parent = &o.chain[seq-2].header
	}
	switch {
	case h.Parent != o.c.committee.HeaderDigest(parent):
		o.c.fail("linkage", "r%d commits %d with another parent", x.id, seq)
	case h.TimeMs <= parent.TimeMs:
		o.c.fail("time", "block %d at %d ms is not after its parent at %d ms", seq, h.TimeMs, parent.TimeMs)
	case h.View < parent.View:
		o.c.fail("linkage", "block %d of view %d is above one of view %d", seq, h.View, parent.View)
	case h.ExecSeq >= h.Seq || h.ExecSeq < parent.ExecSeq:
		o.c.fail("execution", "block %d names the state of %d, its parent that of %d", seq, h.ExecSeq, parent.ExecSeq)
	case !payloadValid(b.Block):
		o.c.fail("validity", "r%d commits %d with an invalid payload", x.id, seq)
	case !o.rightRoot(h):
		o.c.fail("execution", "block %d names a false state of %d", seq, h.ExecSeq)
	}
	o.chain = append(o.chain, decided{digest: b.Digest, header: *h})
	o.c.ordered(b.Block.Payload)
}

// rightRoot compares execRoot with what an honest replica executed, if known.
func (o *oracle) rightRoot(h *pbft.Header) bool {
	if h.ExecSeq == 0 {
		return h.ExecRoot == genesisRoot
	}
	d := &o.chain[h.ExecSeq-1]
	return !d.known || d.state == h.ExecRoot
}

// executed compares the state that honest x reached with the first one's.
func (o *oracle) executed(x *node, seq pbft.Seq, state pbft.Digest) {
	d := &o.chain[seq-1]
	if d.known && d.state != state {
		o.c.fail("state", "r%d has another state at %d", x.id, seq)
	}
	d.state, d.known = state, true
}

// checkpoint judges a checkpoint certificate that honest x hands out.
func (o *oracle) checkpoint(x *node, cert *pbft.CheckpointCertificate) {
	if !x.honest {
		return
	}
	if !o.c.committee.VerifyCheckpoint(cert, o.c.committee.WeakQuorum(), o.c.scheme) {
		o.c.fail("checkpoint", "r%d hands out a bad checkpoint certificate of %d", x.id, cert.Seq)
	}
	if int(cert.Seq) <= len(o.chain) && cert.Seq > 0 {
		if d := &o.chain[cert.Seq-1]; d.known && d.state != cert.StateRoot || d.digest != cert.Block {
			o.c.fail("checkpoint", "r%d hands out a false checkpoint certificate of %d", x.id, cert.Seq)
		}
	}
}

// sizeLimit is what an engine may remember at most, whatever it is sent: some
// windows of votes for each member, some windows of blocks for each of a few
// views, a tenure of blocks to catch up with, and the results since the one that
// the last committed block names.
func (o *oracle) sizeLimit() int {
	p, n := o.c.plan.parameters, o.c.plan.shape.Members
	if p.Protocol == pbft.Original {
		return o.slotSizeLimit()
	}
	lag := 0
	if k := len(o.chain); k > 0 {
		lag = k - int(o.chain[k-1].header.ExecSeq)
	}
	return 24*int(p.Window)*n + 20*n + int(p.Tenure) + 8*int(p.ExecutionLag) + 2*lag + 64
}

// status checks what an honest replica says about itself.
func (o *oracle) status(x *node) {
	s := x.engine.Status()
	switch {
	case s.Condition != pbft.Voting && s.Condition != pbft.Recalling &&
		!((x.damaged || x.restored) && s.Condition == pbft.Amnesic):
		o.c.fail("condition", "honest r%d is %v", x.id, s.Condition)
	case s.View < x.view:
		o.c.fail("monotone", "r%d goes from view %d to %d", x.id, x.view, s.View)
	case s.ViewChanged < x.viewChanged:
		o.c.fail("monotone", "r%d forgets its view-change %d", x.id, x.viewChanged)
	case s.Committed.Seq < x.committed:
		o.c.fail("monotone", "r%d forgets its commit of %d", x.id, x.committed)
	}
	x.view, x.viewChanged = s.View, s.ViewChanged
	if e, ok := x.engine.(interface{ Size() int }); ok {
		size := e.Size()
		o.c.counts.SizeMax = max(o.c.counts.SizeMax, size)
		if size > o.sizeLimit() {
			o.c.fail("bounded", "r%d remembers %d things, the limit is %d", x.id, size, o.sizeLimit())
		}
	}
	if e, ok := x.engine.(interface{ SizeBytes() int }); ok {
		size := e.SizeBytes()
		o.c.counts.SizeBytesMax = max(o.c.counts.SizeBytesMax, size)
		if size > o.sizeBytesLimit() {
			o.c.fail("bounded", "r%d remembers %d bytes of blocks and votes, the limit is %d", x.id, size,
				o.sizeBytesLimit())
		}
	}
}

// sizeBytesLimit is what the blocks and votes of sizeLimit may take: few blocks are
// of the largest payload, those that a Byzantine primary vouches for.
func (o *oracle) sizeBytesLimit() int {
	const small = 128 // bytes of the largest payload that an honest member makes
	p := o.c.plan.parameters
	limit := o.sizeLimit() * (pbft.HeaderBytes + small)
	if o.c.plan.big {
		limit += o.c.plan.shape.Faults * (8*int(p.Window) + int(p.Tenure)) * int(p.PayloadBytesMax)
	}
	return limit
}
