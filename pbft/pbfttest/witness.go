package pbfttest

import "github.com/scrip-network/scrip/pbft"

// witness stands beside each honest replica: it sees what comes to it, what its
// clock says and what it does about it, and demands the rules that an observer of
// the messages alone cannot see.
type witness struct {
	c     *cluster
	views []view
	votes map[pbft.BlockRef]pbft.Signers // PREPAREs of honest replicas
	// memories are what each member holds of another's signatures: by holder's index
	// and signer.
	memories     map[[2]int]memory
	suspectTicks uint64
}

// memory is the newest that one replica holds of what another signed.
type memory struct {
	incarnation int   // of the holder
	atUs        int64 // since when
	change      pbft.View
	prepare     pbft.BlockRef
	commit      pbft.BlockRef
}

// remains are what a replica with a damaged log still knows of its own signatures.
type remains struct {
	atUs    int64
	changed pbft.View
	tips    map[pbft.View]pbft.BlockRef
}

// view is what one replica has seen since it started.
type view struct {
	ticks   uint64
	clockMs uint64 // of the last tick
	pastMs  uint64 // of the one before: an engine may have acted on it
	// arrived is the earliest clock at which a header came.
	arrived map[pbft.Digest]uint64
	// suspects are the ticks at which a member last asked to leave a view, or a
	// higher one, and which.
	suspects map[pbft.ReplicaID][]suspicion
	// proposals are the blocks taken of each position, and convicted the positions
	// of which evidence was found.
	proposals map[pbft.Rank]pbft.Digest
	convicted map[pbft.Rank]bool
	conflicts []pbft.Rank
	// prepared are blocks with a certificate, voted those for which it sent its COMMIT.
	prepared, voted map[pbft.BlockRef]bool
	// committing are the members whose COMMITs for a block came.
	committing map[pbft.BlockRef]pbft.Signers
	// proven is the highest height of which a commit certificate came, whole or COMMIT by
	// COMMIT: nobody needs its own there any more.
	proven pbft.Seq
	served map[pbft.ReplicaID]int // bytes in this tick
}

type suspicion struct {
	view pbft.View
	at   uint64
}

func newWitness(c *cluster) *witness {
	return &witness{c: c, views: make([]view, 2*c.committee.Size()), votes: make(map[pbft.BlockRef]pbft.Signers),
		memories: make(map[[2]int]memory), suspectTicks: uint64(c.plan.timers.WithDefaults().SuspectTicks)}
}

func (w *witness) of(x *node) *view { return &w.views[x.index] }

// crashed forgets what a replica forgets.
// crashed forgets what x has lost. A block in its log came when it came.
func (w *witness) crashed(x *node) {
	arrived := w.of(x).arrived
	*w.of(x) = view{}
	for i := range x.log {
		if b := x.log[i].Block; b != nil {
			d := w.c.committee.HeaderDigest(&b.Header)
			if at, ok := arrived[d]; ok {
				w.of(x).cameAt(d, at)
			}
		}
	}
}

func (w *witness) tick(x *node) {
	v := w.of(x)
	v.ticks++
	v.pastMs, v.clockMs = v.clockMs, w.c.clock(x)
	clear(v.served)
}

// note puts k into a set that may not be there yet.
func note[K comparable](set *map[K]bool, k K) {
	if *set == nil {
		*set = make(map[K]bool)
	}
	(*set)[k] = true
}

// arrives notes the headers in a message before the engine sees it.
func (w *witness) arrives(x *node, from pbft.ReplicaID, m pbft.Message) {
	if !x.honest {
		return
	}
	v := w.of(x)
	switch m := m.(type) {
	case *pbft.PrePrepare:
		w.header(v, &m.Header)
		if m.Entry != nil {
			w.headers(v, m.Entry.Headers)
		}
	case *pbft.Blocks:
		for i := range m.Blocks {
			w.header(v, &m.Blocks[i].Header)
		}
	case *pbft.ViewChange:
		w.headers(v, m.Walk)
		w.suspect(v, from, m.View-1)
	case *pbft.NewView:
		w.headers(v, m.Headers)
	case *pbft.Proof:
		if m.Header != nil {
			w.header(v, &m.Header.Header)
		}
	case *pbft.Suspect:
		w.suspect(v, from, m.View)
	}
}

func (w *witness) headers(v *view, hs []pbft.SignedHeader) {
	for i := range hs {
		w.header(v, &hs[i].Header)
	}
}

func (w *witness) header(v *view, h *pbft.Header) {
	d := w.c.committee.HeaderDigest(h)
	if at, ok := v.arrived[d]; ok && at <= v.clockMs {
		return
	}
	v.cameAt(d, v.clockMs)
}

func (v *view) cameAt(block pbft.Digest, clockMs uint64) {
	if v.arrived == nil {
		v.arrived = make(map[pbft.Digest]uint64)
	}
	v.arrived[block] = clockMs
}

func (w *witness) suspect(v *view, from pbft.ReplicaID, of pbft.View) {
	if v.suspects == nil {
		v.suspects = make(map[pbft.ReplicaID][]suspicion)
	}
	kept := v.suspects[from][:0]
	for _, s := range v.suspects[from] {
		if s.view > of && s.at+w.suspectTicks+1 >= v.ticks {
			kept = append(kept, s)
		}
	}
	v.suspects[from] = append(kept, suspicion{of, v.ticks})
}

// skips reports whether a replica need not look at what spoilers make false of decided
// blocks, the first one: it has decided it since.
func skips(x *node, m pbft.Message) bool {
	d, ok := m.(*pbft.Decided)
	return ok && d.Blocks[0].Header.Seq <= x.engine.Status().Committed.Seq
}

// received judges what an honest replica makes of a message.
func (w *witness) received(x *node, e *event, m pbft.Message, reason pbft.Reason) {
	if !x.honest {
		return
	}
	if e.untrue && reason == pbft.Accepted {
		w.c.fail("credulous", "r%d accepts r%d's untrue %s", x.id, e.from, describe(m))
	}
	w.remember(x, e.from, m, reason)
	if reason != pbft.Accepted {
		return
	}
	v := w.of(x)
	switch m := m.(type) {
	case *pbft.PrePrepare:
		w.proposal(x, v, &m.Header)
	case *pbft.Proof:
		if m.Certificate.Kind != pbft.Prepared {
			v.proven = max(v.proven, m.Certificate.Block.Seq)
		}
	case *pbft.Commit:
		w.commits(v, m, e.honest)
	}
}

// commits notes another's COMMIT. Those of members that may lie count towards a
// certificate, and make nobody wait for one.
func (w *witness) commits(v *view, m *pbft.Commit, honest bool) {
	by, wanted := v.committing[m.Block]
	if w.c.committee.Protocol() != pbft.DualPath || !honest && !wanted {
		return
	}
	if by.Add(m.Replica); by.Count() >= w.c.committee.Quorum() {
		v.proven = max(v.proven, m.Block.Seq)
	}
	if v.committing == nil {
		v.committing = make(map[pbft.BlockRef]pbft.Signers)
	}
	v.committing[m.Block] = by
}

// remember notes what x holds of another's signatures from now on.
func (w *witness) remember(x *node, from pbft.ReplicaID, m pbft.Message, reason pbft.Reason) {
	if int(from) >= len(w.c.plan.fragiles) || !w.c.plan.fragiles[from] || reason.Malicious() {
		return
	}
	key := [2]int{x.index, int(from)}
	k := w.memories[key]
	if k.incarnation != x.incarnation {
		k = memory{incarnation: x.incarnation}
	}
	switch m := m.(type) {
	case *pbft.Prepare:
		if !k.prepare.Rank().Less(m.Block.Rank()) {
			return
		}
		k.prepare = m.Block
	case *pbft.Commit:
		if !k.commit.Rank().Less(m.Block.Rank()) {
			return
		}
		k.commit = m.Block
	case *pbft.ViewChange:
		if reason != pbft.Accepted || m.View <= k.change {
			return
		}
		k.change = m.View
	case *pbft.SlotViewChange:
		if reason != pbft.Accepted || m.View <= k.change {
			return
		}
		k.change = m.View
	default:
		return
	}
	k.atUs = w.c.now
	w.memories[key] = k
}

// restarts notes what a replica with a damaged log knows.
func (w *witness) restarts(x *node) {
	s := x.engine.Status()
	r := &remains{atUs: w.c.now, changed: s.ViewChanged, tips: make(map[pbft.View]pbft.BlockRef)}
	for i := range x.log {
		if m := x.log[i].Prepare; m != nil && r.tips[m.Block.View].Seq <= m.Block.Seq {
			r.tips[m.Block.View] = m.Block
		}
	}
	x.remains = r
}

// forgets judges a replica with a damaged log that votes again: with f+1 honest
// members that hold more of its signatures than it does, and have since before it
// asked, one of them was among those who answered.
func (w *witness) forgets(x *node) {
	holders := 0
	for _, y := range w.c.nodes {
		k, ok := w.memories[[2]int{y.index, int(x.id)}]
		if !ok || !y.honest || y == x || y.damaged || y.engine == nil || k.incarnation != y.incarnation ||
			k.atUs >= x.remains.atUs {
			continue
		}
		if k.change > x.remains.changed || w.lost(x, k.prepare) || w.lostCommit(x, k.commit) {
			holders++
		}
	}
	if holders > w.c.committee.Faults() {
		w.c.fail("amnesia", "r%d votes again, though %d honest members hold what its log has lost", x.id, holders)
	}
}

// lost reports whether a PREPARE is one that the log ought to have: of a view that
// can still matter.
func (w *witness) lost(x *node, b pbft.BlockRef) bool {
	s := x.engine.Status()
	if w.c.committee.Protocol() == pbft.Original {
		return b.View > max(s.View, s.ViewChanged)
	}
	tip := x.remains.tips[b.View]
	return b.View >= min(s.View, s.High.View) && b.View > 0 && tip != b && tip.Seq <= b.Seq
}

// lostCommit reports whether a COMMIT is one whose certificate the log ought to have:
// that one, or one of a higher rank.
func (w *witness) lostCommit(x *node, b pbft.BlockRef) bool {
	s := x.engine.Status()
	if w.c.committee.Protocol() == pbft.Original {
		return b.View > max(s.View, s.ViewChanged)
	}
	return s.High.Less(b.Rank())
}

// proposal notes a proposal of the present view that was taken. A second one of the
// same position convicts its primary (R14).
func (w *witness) proposal(x *node, v *view, h *pbft.Header) {
	if s := x.engine.Status(); h.View != s.View || h.Seq <= s.Committed.Seq || w.c.committee.Protocol() != pbft.DualPath {
		return
	}
	at, d := pbft.Rank{View: h.View, Seq: h.Seq}, w.c.committee.HeaderDigest(h)
	if v.proposals == nil {
		v.proposals = make(map[pbft.Rank]pbft.Digest)
	}
	if first, ok := v.proposals[at]; !ok {
		v.proposals[at] = d
	} else if first != d {
		v.conflicts = append(v.conflicts, at)
	}
}

// event notes what an honest engine tells of itself.
func (w *witness) event(x *node, e *pbft.Event) {
	if !x.honest {
		return
	}
	v := w.of(x)
	switch e.Kind {
	case pbft.EventEvidence:
		note(&v.convicted, e.Block.Rank())
	case pbft.EventPrepared:
		note(&v.prepared, e.Block)
	case pbft.EventPrepare:
		w.prepares(x, e.Block)
	case pbft.EventViewChange:
		w.changes(x, e.Block.View)
	case pbft.EventCondition:
		if x.remains != nil && e.Detail == uint64(pbft.Voting) {
			w.forgets(x)
		}
	case pbft.EventCommitVote:
		note(&v.voted, e.Block)
	}
}

// rested judges a replica that has nothing to do at the moment.
func (w *witness) rested(x *node) {
	if !x.honest {
		return
	}
	v := w.of(x)
	for _, at := range v.conflicts {
		if !v.convicted[pbft.Rank{View: at.View, Seq: at.Seq}] {
			w.c.fail("unpunished", "r%d holds two proposals of %d/%d and convicts nobody", x.id, at.View, at.Seq)
		}
	}
	v.conflicts = v.conflicts[:0]
	if len(v.committing) == 0 {
		return
	}
	s := x.engine.Status()
	for b, by := range v.committing {
		switch {
		case w.c.plan.patience && by.Count() < w.c.committee.WeakQuorum(): // it may wait (V1)
		case b.Seq <= max(s.Committed.Seq, v.proven) || b.View < s.ViewChanged || v.voted[b]:
			delete(v.committing, b)
		case v.prepared[b] && s.Condition == pbft.Voting:
			w.c.fail("withheld-commit", "r%d keeps back its commit of %s, which others need", x.id, ref(b))
			return
		}
	}
}

// prepares judges the time of a block for which x votes (R12). Once so many others
// have voted that it may be certified, it is exempt.
func (w *witness) prepares(x *node, b pbft.BlockRef) {
	by := w.votes[b]
	others := by.Count()
	by.Add(x.id)
	w.votes[b] = by
	for _, byzantine := range w.c.plan.byzantine {
		if byzantine {
			others++
		}
	}
	h := w.c.oracle.headers[b.Digest]
	if h != nil && others < w.c.committee.Quorum() && w.c.committee.Protocol() == pbft.DualPath && !w.rightRoot(h) {
		w.c.fail("execution", "r%d prepares %s, which names a false state of %d", x.id, ref(b), h.ExecSeq)
	}
	if h == nil || h.View != b.View || h.Proposer == x.id || others >= w.c.committee.Quorum() {
		return
	}
	v, p := w.of(x), w.c.committee.Parameters()
	parentMs := uint64(0)
	if parent := w.c.oracle.headers[h.Parent]; parent != nil && w.c.committee.Protocol() == pbft.DualPath {
		parentMs = parent.TimeMs + 1
	}
	if at := max(v.clockMs, v.pastMs); h.TimeMs > max(at+p.PrecisionMs, parentMs) {
		w.c.fail("clock", "r%d prepares %s, which is %d ms ahead of its clock", x.id, ref(b), h.TimeMs-at)
	}
	if at, ok := v.arrived[b.Digest]; ok && at > h.TimeMs+p.PrecisionMs+p.DelayMs {
		w.c.fail("clock", "r%d prepares %s, which was %d ms old when it came", x.id, ref(b), at-h.TimeMs)
	}
}

// rightRoot compares the state that a header names with the one that honest
// replicas reached there, if any did.
func (w *witness) rightRoot(h *pbft.Header) bool {
	s := int(h.ExecSeq)
	return s == 0 || s > len(w.c.oracle.chain) || w.c.oracle.rightRoot(h)
}

// changes judges a VIEW-CHANGE that x signs for the first time: m members, itself
// among them, have asked for it lately (R7).
func (w *witness) changes(x *node, to pbft.View) {
	if w.c.committee.Protocol() != pbft.DualPath {
		return
	}
	v, asked := w.of(x), 1
	for _, list := range v.suspects {
		for _, s := range list {
			if s.view >= to-1 && s.at+w.suspectTicks+1 >= v.ticks {
				asked++
				break
			}
		}
	}
	if need := w.c.committee.ViewChangeQuorum(); asked < need {
		w.c.fail("hasty", "r%d gives up for view %d, which %d of the %d needed ask for", x.id, to, asked, need)
	}
}

// unaware returns a member whose execution went wrong and who votes on, nil if there
// is none.
func (w *witness) unaware() *node {
	for _, x := range w.c.nodes {
		if !x.honest && x.engine != nil && w.c.plan.behaviour&Corrupt != 0 && len(x.chain) > corruptFrom &&
			x.engine.Status().Condition != pbft.Diverged {
			return x
		}
	}
	return nil
}

func (w *witness) noneCorrupt() bool { return w.unaware() == nil }

// corrupt judges members whose execution went wrong: f+1 others attest other results
// of new blocks, so they must have stopped voting.
func (w *witness) corrupt() {
	if x := w.unaware(); x != nil && !w.c.stopped {
		s := x.engine.Status()
		w.c.fail("diverged", "r%d executed %d with another result than all others, and is %v", x.id, s.Executed,
			s.Condition)
	}
}

// servedBytesMax bounds what a replica sends to one peer in one tick because it
// asked.
const servedBytesMax = 6 << 20

// sent counts what a peer gets because it asked.
func (w *witness) sent(x *node, o *pbft.Outgoing) {
	m, ok := o.Message.(*pbft.Blocks)
	if !ok || o.To == pbft.Everyone {
		return
	}
	v := w.of(x)
	if v.served == nil {
		v.served = make(map[pbft.ReplicaID]int)
	}
	for i := range m.Blocks {
		v.served[o.To] += len(m.Blocks[i].Payload) + pbft.HeaderBytes
	}
	w.c.counts.ServedMax = max(w.c.counts.ServedMax, v.served[o.To])
	if v.served[o.To] > servedBytesMax {
		w.c.fail("amplified", "r%d sends r%d %d bytes of blocks in a tick", x.id, o.To, v.served[o.To])
	}
}
