package dualpath

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// startViewChange signs the VIEW-CHANGE for a view, once (R7). From then on this
// replica sends no PREPARE or COMMIT for a lower one. It reports whether it did.
func (r *Replica) startViewChange(v pbft.View) bool {
	r.tryEnterHigh()
	if !r.voting() || v <= r.vcSent || v <= r.view || v <= r.highRef.View {
		return false
	}
	m := &pbft.ViewChange{Epoch: r.com.Epoch(), View: v, High: r.highRef, Committed: r.chain.committed.Seq,
		Replica: r.self, Certificate: r.high}
	if t := r.reportedTip(); t != nil {
		m.Tip = t.last
		m.Walk = r.walkOf(t.last)
	}
	m.Signature = r.sign(r.com.ViewChangeBytes(m))
	r.leaveView()
	r.vcSent = v
	r.ownVC = m
	r.backoff++
	r.clock.viewChangeAt = r.now
	r.logHigh()
	r.record(pbft.Record{Kind: pbft.RecordViewChange, ViewChange: m})
	// A replica that is far behind signs several in one turn; only the last is sent.
	r.signed = slices.DeleteFunc(r.signed, func(x pbft.Message) bool { return x.Kind() == pbft.KindViewChange })
	r.signed = append(r.signed, m)
	r.event(pbft.EventViewChange, pbft.BlockRef{View: v}, 0)
	return true
}

// reportedTip returns the own PREPARE chain of highQC's view, whose end is the
// tip of a VIEW-CHANGE (R7(b)); only that view's bare votes can matter (section 8).
func (r *Replica) reportedTip() *tip {
	for i := range r.tips {
		if r.rules.ReportsTip(r.tips[i].view, r.tips[len(r.tips)-1].view, r.highRef.View) {
			return &r.tips[i]
		}
	}
	return nil
}

// walkOf returns the signed headers from a tip down to just above highQC or the
// base of the view, highest first.
func (r *Replica) walkOf(t pbft.BlockRef) []pbft.SignedHeader {
	if t.Seq <= r.highRef.Seq {
		return nil
	}
	var walk []pbft.SignedHeader
	for b := r.chain.byDigest[t.Digest]; b != nil && b.ref.View == t.View; b = r.parent(b) {
		if b.ref.Seq <= r.highRef.Seq || len(walk) >= pbft.WalkMax {
			break
		}
		walk = append(walk, b.block.SignedHeader)
		if b.ref.Seq == b.header().BaseSeq+1 {
			break
		}
	}
	return walk
}

// onViewChange takes a VIEW-CHANGE from its signer's own channel.
func (r *Replica) onViewChange(from pbft.ReplicaID, m *pbft.ViewChange) pbft.Reason {
	p := &r.peers[from]
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.Replica != from:
		return pbft.IgnoredSender
	case m.View < r.current() || m.View <= r.view:
		r.answerEntry(from)
		return pbft.IgnoredStale
	case p.vc != nil && m.View <= p.vc.View:
		if m.View == p.vc.View {
			r.noteSuspect(from, m.View-1, true)
			r.evaluate()
		}
		return pbft.IgnoredDuplicate
	case !r.wellFormed(m):
		return pbft.InvalidContent
	case !r.mayTestify(from):
		return pbft.IgnoredQuota
	case !r.cfg.Scheme.Verify(r.com.Key(m.Replica), r.com.ViewChangeBytes(m), m.Signature):
		return pbft.InvalidSignature
	}
	proved := r.wished(from, m.View)
	if proved {
		if reason := r.checkAttachments(m); reason != pbft.Accepted {
			return reason
		}
	}
	p.vc, p.proved = m, false
	r.noteChange(m)
	if proved {
		r.takeReport(from)
	}
	r.noteSuspect(from, m.View-1, true)
	r.evaluate()
	return pbft.Accepted
}

// wished reports whether f+1 members, the sender among them, are known to want a
// view. What a few attach for views that nobody else wants is not looked at before
// this replica is to lead one of them: certificates and walks are dear.
func (r *Replica) wished(from pbft.ReplicaID, v pbft.View) bool {
	n := 0
	for id := range r.peers {
		p := &r.peers[id]
		switch {
		case id == int(from), p.suspected && p.suspect+1 >= v, p.vc != nil && p.vc.View >= v,
			id == int(r.self) && (r.own+1 >= v || r.vcSent >= v):
			n++
		}
	}
	return n >= r.com.WeakQuorum()
}

// proveReports checks what was not checked yet of the VIEW-CHANGEs for a view, and
// drops those whose attachments are false.
func (r *Replica) proveReports(v pbft.View) {
	for id := range r.peers {
		p := &r.peers[id]
		if p.vc == nil || p.vc.View != v || p.proved {
			continue
		}
		if r.checkAttachments(p.vc) != pbft.Accepted {
			p.vc = nil
			continue
		}
		r.takeReport(pbft.ReplicaID(id))
	}
}

// takeReport takes the VIEW-CHANGE of a member with attachments that were checked.
// What was held already was not checked again, so the held form is kept: it may be
// forgotten before this report is used.
func (r *Replica) takeReport(id pbft.ReplicaID) {
	p := &r.peers[id]
	vc := *p.vc
	vc.Certificate, vc.Walk = r.held(vc.Certificate), r.heldHeaders(vc.Walk)
	p.vc, p.proved = &vc, true
	if vc.Certificate != nil {
		r.learn(vc.Certificate)
	}
}

// checkAttachments tests what R8(a) demands of what comes with a VIEW-CHANGE.
func (r *Replica) checkAttachments(m *pbft.ViewChange) pbft.Reason {
	switch {
	case m.High == r.epoch.genesis:
	case m.Certificate == nil || m.Certificate.Block != m.High:
		return pbft.InvalidContent
	case !r.holds(m.Certificate) && !r.com.VerifyCertificate(m.Certificate, r.cfg.Scheme):
		return pbft.InvalidCertificate
	}
	return r.checkWalk(m)
}

// wellFormed tests the signed part of a VIEW-CHANGE by itself.
func (r *Replica) wellFormed(m *pbft.ViewChange) bool {
	return m.Epoch == r.com.Epoch() && r.com.Has(m.Replica) && m.High.View >= 1 && m.High.View < m.View &&
		(!m.HasTip() || r.rules.TipFits(m.Tip.View, m.High.View))
}

// checkWalk tests that a tip above High comes with a whole walk of signed
// headers (section 3), at most W long.
func (r *Replica) checkWalk(m *pbft.ViewChange) pbft.Reason {
	if !m.HasTip() || m.Tip.Seq <= m.High.Seq {
		if len(m.Walk) != 0 {
			return pbft.InvalidContent
		}
		return pbft.Accepted
	}
	if len(m.Walk) == 0 || uint64(len(m.Walk)) > r.par.Window {
		return pbft.InvalidContent
	}
	at := m.Tip
	for i := range m.Walk {
		h := &m.Walk[i].Header
		if r.checkHeader(h) != pbft.Accepted || r.com.Ref(h) != at || h.BaseSeq != m.Walk[0].Header.BaseSeq {
			return pbft.InvalidContent
		}
		at = pbft.BlockRef{View: at.View, Seq: at.Seq - 1, Digest: h.Parent}
	}
	last := &m.Walk[len(m.Walk)-1].Header
	if last.Seq != max(m.High.Seq, last.BaseSeq)+1 {
		return pbft.InvalidContent
	}
	return r.checkHeaderSignatures(m.Walk)
}

// checkHeaderSignatures verifies headers that are not known as verified already,
// in one batch.
func (r *Replica) checkHeaderSignatures(hs []pbft.SignedHeader) pbft.Reason {
	var batch pbft.Batch
	for i := range hs {
		h := &hs[i].Header
		if b := r.chain.byDigest[r.com.HeaderDigest(h)]; b != nil && b.signed {
			continue
		}
		batch.Add(r.com.Key(r.com.Primary(h.View)), r.com.HeaderBytesToSign(h), hs[i].Signature)
	}
	if !batch.All(r.cfg.Scheme) {
		return pbft.InvalidSignature
	}
	return pbft.Accepted
}
