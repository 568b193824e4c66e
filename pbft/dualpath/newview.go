package dualpath

import (
	"bytes"
	"errors"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// tryNewView makes the NEW-VIEW of the view that this replica is to lead, once
// enough acceptable VIEW-CHANGEs are there (R8).
func (r *Replica) tryNewView() {
	v := r.vcSent
	if !r.voting() || v <= r.view || r.com.Primary(v) != r.self {
		return
	}
	if r.proveReports(v); v <= r.view { // a certificate in them is of this view or a later one
		return
	}
	var reports []*pbft.ViewChange
	for id := range r.peers {
		if vc := r.peers[id].vc; vc != nil && vc.View == v && r.acceptable(vc) {
			reports = append(reports, vc)
		}
	}
	m := r.makeNewView(v, reports)
	if m == nil {
		return
	}
	base := r.chain.byDigest[m.Base.Digest]
	if base == nil || m.Base.Seq < r.chain.committed.Seq {
		return
	}
	m.Signature = r.sign(r.com.NewViewBytes(m))
	r.record(pbft.Record{Kind: pbft.RecordNewView, NewView: m})
	if len(m.Evidence) > 0 {
		h := &m.Evidence[0].Header
		r.event(pbft.EventEvidence, pbft.BlockRef{View: h.View, Seq: h.Seq}, uint64(h.Proposer))
	}
	r.event(pbft.EventNewView, m.Base, uint64(v))
	r.send(pbft.Everyone, m)
	r.enter(v, entry{base: m.Base, baseSeq: m.Base.Seq, newView: m})
	r.logged.view, r.logged.entry = v, r.entry
}

// acceptable reports whether a VIEW-CHANGE may be taken into a NEW-VIEW (R8(b)):
// what its tip supports must be held whole and content-valid. A tip whose walk
// misses High is taken and supports nothing.
func (r *Replica) acceptable(vc *pbft.ViewChange) bool {
	if !vc.HasTip() || vc.Tip.Seq <= vc.High.Seq {
		return true
	}
	chain, reaches, ok := walkChain(r, vc.Tip, vc.High)
	if p := &r.peers[vc.Replica]; !ok || p.walked != vc { // the first time, or what was too far up then
		p.walked = vc
		r.addWalk(vc)
		chain, reaches, ok = walkChain(r, vc.Tip, vc.High)
	}
	if !reaches {
		return ok
	}
	for _, ref := range chain {
		if b := r.chain.byDigest[ref.Digest]; b.hasBody && !b.committed {
			r.askPayload(b)
		}
	}
	for _, ref := range chain {
		b := r.chain.byDigest[ref.Digest]
		if !b.hasBody && !b.committed {
			r.want(ref, vc.Replica, r.self, 0)
			return false
		}
		if r.contentValid(b) != valid || !b.committed && !r.timely(b, false) {
			return false
		}
	}
	return true
}

// addWalk adds the headers of a verified walk. What is known already may lack the
// primary's signature, and a NEW-VIEW shows it.
func (r *Replica) addWalk(vc *pbft.ViewChange) {
	for i := range vc.Walk {
		if b := r.chain.byDigest[r.com.HeaderDigest(&vc.Walk[i].Header)]; b != nil {
			r.seal(b, vc.Walk[i].Signature)
		} else {
			r.addHeader(&vc.Walk[i])
		}
	}
}

// makeNewView chooses m reports (R8(c), R8(d)), selects the base, and attaches what proves it;
// nil if that is not possible yet. When tips conflict and the rule is not the
// strict one, the primary of their view is convicted and its report left out.
func (r *Replica) makeNewView(v pbft.View, reports []*pbft.ViewChange) *pbft.NewView {
	var evidence []pbft.SignedHeader
	for need := r.rules.Reports(r.com); len(reports) >= need; {
		q, cert := choose(reports, need)
		c := highest(q)
		convicted := len(evidence) == 2 && evidence[0].Header.View == c.View
		if !convicted {
			evidence = nil
		}
		base, err := r.selectBase(q, c, r, convicted)
		if err == nil {
			return &pbft.NewView{Epoch: r.com.Epoch(), View: v, ViewChanges: q, Certificate: cert,
				Headers: r.walkHeaders(q, c), Evidence: evidence, Base: base}
		}
		if !errors.Is(err, errConflict) {
			return nil
		}
		chains, _ := r.supportingChains(q, c, r, false)
		a, b := fork(chains)
		evidence = []pbft.SignedHeader{r.chain.byDigest[a.Digest].block.SignedHeader,
			r.chain.byDigest[b.Digest].block.SignedHeader}
		culprit := r.com.Primary(c.View)
		reports = slices.DeleteFunc(slices.Clone(reports), func(x *pbft.ViewChange) bool { return x.Replica == culprit })
	}
	return nil
}

// choose takes need reports, those with the highest certificates first, ascending
// by replica and without attachments, and the certificate of the highest.
func choose(reports []*pbft.ViewChange, need int) ([]pbft.ViewChange, *pbft.Certificate) {
	sorted := slices.Clone(reports)
	slices.SortStableFunc(sorted, func(a, b *pbft.ViewChange) int {
		switch {
		case b.High.Rank().Less(a.High.Rank()):
			return -1
		case a.High.Rank().Less(b.High.Rank()):
			return 1
		}
		return 0
	})
	cert := sorted[0].Certificate
	q := make([]pbft.ViewChange, need)
	for i, x := range sorted[:need] {
		q[i] = *x
		q[i].Certificate, q[i].Walk = nil, nil
	}
	slices.SortFunc(q, func(a, b pbft.ViewChange) int { return int(a.Replica) - int(b.Replica) })
	return q, cert
}

// walkHeaders collects the walks of all tips above c, shared and in order.
func (r *Replica) walkHeaders(q []pbft.ViewChange, c pbft.BlockRef) []pbft.SignedHeader {
	var refs []pbft.BlockRef
	for i := range q {
		v := &q[i]
		if !supports(v, c) {
			continue
		}
		chain, _, _ := walkChain(r, v.Tip, c)
		refs = append(refs, chain...)
	}
	slices.SortFunc(refs, compareRefs)
	refs = slices.Compact(refs)
	headers := make([]pbft.SignedHeader, 0, len(refs))
	for _, ref := range refs {
		headers = append(headers, r.chain.byDigest[ref.Digest].block.SignedHeader)
	}
	if len(headers) == 0 {
		return nil
	}
	return headers
}

func compareRefs(a, b pbft.BlockRef) int {
	if a.Seq != b.Seq {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	}
	return bytes.Compare(a.Digest[:], b.Digest[:])
}

// attached is the headerSource of a received NEW-VIEW.
type attached map[pbft.Digest]*pbft.Header

func (a attached) header(d pbft.Digest) (*pbft.Header, bool) {
	h, ok := a[d]
	return h, ok
}

// onNewView takes a NEW-VIEW from any member, since its primary signed it, and
// enters the view if its base follows from it (R10).
func (r *Replica) onNewView(from pbft.ReplicaID, m *pbft.NewView) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.View < r.vcSent, m.View < r.view:
		return pbft.IgnoredStale
	case m.View == r.view && !r.mayReplaceBase(m.Base):
		return pbft.IgnoredDuplicate
	}
	if reason := r.checkNewView(m); reason != pbft.Accepted {
		return reason
	}
	for i := range m.ViewChanges {
		r.noteChange(&m.ViewChanges[i])
	}
	if m.Certificate != nil {
		r.learn(m.Certificate)
	}
	for i := range m.Headers {
		r.addHeader(&m.Headers[i])
	}
	if m.Base.Seq < r.chain.committed.Seq {
		return pbft.IgnoredStale
	}
	if m.View < r.view || m.View == r.view && !r.mayReplaceBase(m.Base) {
		return pbft.IgnoredStale
	}
	if r.missesCommitted(m.Base) {
		if r.chain.committed.View < m.View {
			r.become(pbft.Broken)
		}
		return pbft.IgnoredStale
	}
	r.wantWhole(m.Base, from)
	r.enter(m.View, entry{base: m.Base, baseSeq: m.Base.Seq, newView: r.verified(m)})
	return pbft.Accepted
}

// missesCommitted reports whether what is held shows that a base above the committed
// block does not descend from it. While at most f members are faulty, Select never
// returns such a base for a view above the block's (section 8, R10(d)): the alarm of R4(c). Within
// the block's own view a base of a second entry proof may part from it.
func (r *Replica) missesCommitted(base pbft.BlockRef) bool {
	b := r.chain.byDigest[base.Digest]
	if b == nil {
		return base.Seq == r.chain.committed.Seq
	}
	x := r.ancestor(b, r.chain.committed.Seq)
	return x != nil && x.ref != r.chain.committed
}

// verified returns m with what was not verified, because it was held already, as
// it is held: a peer that lacks it must be able to check what this replica passes
// on. The primary's signature does not cover these parts.
func (r *Replica) verified(m *pbft.NewView) *pbft.NewView {
	x := *m
	x.Certificate = r.held(m.Certificate)
	x.Headers = r.heldHeaders(m.Headers)
	return &x
}

// heldHeaders returns the headers with the signatures under which they are held,
// for those that are.
func (r *Replica) heldHeaders(hs []pbft.SignedHeader) []pbft.SignedHeader {
	hs = slices.Clone(hs)
	for i := range hs {
		if b := r.chain.byDigest[r.com.HeaderDigest(&hs[i].Header)]; b != nil && b.signed {
			hs[i].Signature = b.block.Signature
		}
	}
	return hs
}

// mayReplaceBase reports whether another entry proof of the present view may
// still replace its base: not after the first own PREPARE or proposal (R10(c)).
func (r *Replica) mayReplaceBase(base pbft.BlockRef) bool {
	return r.view > 1 && base != r.entry.base && r.tipOf(r.view) == nil && r.com.Primary(r.view) != r.self
}

// checkNewView recomputes R8 and R9 from the message alone (R10(a)).
func (r *Replica) checkNewView(m *pbft.NewView) pbft.Reason {
	if len(m.ViewChanges) != r.rules.Reports(r.com) {
		return pbft.InvalidContent
	}
	for i := range m.ViewChanges {
		v := &m.ViewChanges[i]
		if v.View != m.View || !r.wellFormed(v) || i > 0 && v.Replica <= m.ViewChanges[i-1].Replica {
			return pbft.InvalidContent
		}
	}
	if !r.cfg.Scheme.Verify(r.com.Key(r.com.Primary(m.View)), r.com.NewViewBytes(m), m.Signature) {
		return pbft.InvalidSignature
	}
	c, reason := r.checkHighest(m)
	if reason != pbft.Accepted {
		return reason
	}
	src, reason := r.checkHeaders(m, c)
	if reason != pbft.Accepted {
		return reason
	}
	if len(m.Evidence) != 0 && (r.com.Strict() || !r.convicts(c.View, m.Evidence)) {
		return pbft.InvalidContent
	}
	base, err := r.selectBase(m.ViewChanges, c, src, len(m.Evidence) != 0)
	if err != nil || base != m.Base || !allWalked(m, c, src) {
		return pbft.InvalidContent
	}
	return r.checkReports(m)
}

// checkHighest returns c of R9: the highest High, whose certificate is shown.
func (r *Replica) checkHighest(m *pbft.NewView) (pbft.BlockRef, pbft.Reason) {
	c := highest(m.ViewChanges)
	if m.Certificate == nil {
		if c != r.epoch.genesis {
			return c, pbft.InvalidContent
		}
		return c, pbft.Accepted
	}
	shown := m.Certificate.Block
	if shown.Rank() != c.Rank() ||
		!slices.ContainsFunc(m.ViewChanges, func(v pbft.ViewChange) bool { return v.High == shown }) {
		return c, pbft.InvalidContent
	}
	if !r.holds(m.Certificate) && !r.com.VerifyCertificate(m.Certificate, r.cfg.Scheme) {
		return c, pbft.InvalidCertificate
	}
	return shown, pbft.Accepted
}

func (r *Replica) checkHeaders(m *pbft.NewView, c pbft.BlockRef) (attached, pbft.Reason) {
	src := make(attached, len(m.Headers))
	var last pbft.BlockRef
	for i := range m.Headers {
		h := &m.Headers[i].Header
		ref := r.com.Ref(h)
		if h.View != c.View || r.checkHeader(h) != pbft.Accepted || i > 0 && compareRefs(last, ref) >= 0 {
			return nil, pbft.InvalidContent
		}
		src[ref.Digest] = h
		last = ref
	}
	return src, r.checkHeaderSignatures(m.Headers)
}

// allWalked reports whether every attached header is on the walk of a tip, so that
// a NEW-VIEW cannot carry headers for their own sake.
func allWalked(m *pbft.NewView, c pbft.BlockRef, src attached) bool {
	walked := make(map[pbft.Digest]bool, len(m.Headers))
	for i := range m.ViewChanges {
		v := &m.ViewChanges[i]
		if !supports(v, c) {
			continue
		}
		chain, _, _ := walkChain(src, v.Tip, c)
		for _, ref := range chain {
			walked[ref.Digest] = true
		}
	}
	return len(walked) == len(m.Headers)
}

// checkReports verifies the signatures of the VIEW-CHANGEs in one batch.
func (r *Replica) checkReports(m *pbft.NewView) pbft.Reason {
	var batch pbft.Batch
	for i := range m.ViewChanges {
		v := &m.ViewChanges[i]
		batch.Add(r.com.Key(v.Replica), r.com.ViewChangeBytes(v), v.Signature)
	}
	if !batch.All(r.cfg.Scheme) {
		return pbft.InvalidSignature
	}
	return pbft.Accepted
}

// enter makes v the present view (section 11, view entry). Nothing is sent and
// nothing needs to be durable before the first PREPARE.
func (r *Replica) enter(v pbft.View, e entry) {
	fresh := v > r.view
	if fresh {
		r.leaveView()
	}
	r.view = v
	r.entry = e
	r.proposal = proposalState{at: r.now}
	if fresh {
		r.clock.progressAt = r.now
		r.busy, r.stood = false, 0
		if r.own < r.current() {
			r.own, r.evidence = 0, nil
		}
		r.forgetAbandoned()
		r.dropAbandonedSlots()
		r.measureView()
	}
	r.event(pbft.EventEnter, e.base, uint64(v))
}

// tryEnterHigh enters the view of the highest certificate held (R10(b), entry by
// certificate): the first PREPARE must then descend from the certified block.
func (r *Replica) tryEnterHigh() {
	h := r.highRef
	b := r.chain.byDigest[h.Digest]
	if b == nil || h.View < r.view || h.View < r.vcSent || b.ref == r.epoch.genesis {
		return
	}
	e := entry{base: h, baseSeq: b.header().BaseSeq}
	if h.View == r.view {
		if h.Seq <= r.entry.base.Seq || !r.mayReplaceBase(h) || !r.wholeTo(b, r.entry.base.Seq) ||
			r.descends(b, r.entry.base) {
			return
		}
	}
	r.enter(h.View, e)
	r.tryHandover(b)
}

// wholeTo reports whether the headers from b down to position s are held.
func (r *Replica) wholeTo(b *block, s pbft.Seq) bool { return r.ancestor(b, s) != nil }

// tryHandover enters the next view by the certificate of the last position of a
// tenure (R11(a)). Only the last one qualifies (R11(b)).
func (r *Replica) tryHandover(b *block) {
	h := b.header()
	if b.cert == nil && b.commit == nil || b.ref == r.epoch.genesis {
		return
	}
	if !r.rules.EndsTenure(h, r.par.Tenure) {
		return
	}
	next := b.ref.View + 1
	switch {
	case next < r.view, next < r.vcSent:
		return
	case next == r.view && !r.mayReplaceBase(b.ref):
		return
	case next == r.view && r.entry.newView != nil && r.entry.base.Seq >= b.ref.Seq:
		return
	}
	r.enter(next, entry{base: b.ref, baseSeq: b.ref.Seq})
}
