package pbfttest_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// forgedNewView is a cluster in which r0's block x was prepared by r0 and r2, and
// the honest replicas asked for view 2, and the NEW-VIEW that its Byzantine primary r1 owes
// them: base x.
func forgedNewView(t *testing.T) (*play, *pbft.NewView) {
	t.Helper()
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(1)}.open(t, newEngine)
	p.Propose(0, "x")
	p.show(2, pbft.KindPrePrepare)
	p.Drop(pbfttest.All)
	for range 20 {
		p.help(1<<60, ids(0, 2, 3))
		p.Deliver(pbfttest.OfKind(pbft.KindSuspect))
		p.Drop(pbfttest.All)
		p.Tick(1, 0, 2, 3)
	}
	nv, ok := p.NewView(2, ids(0, 2, 3))
	if !ok || nv.Base.Seq != 1 || len(nv.Headers) != 1 {
		t.Fatalf("the valid NEW-VIEW is %+v, %t", nv, ok)
	}
	return p, nv
}

// Backups compute R8 and R9 again: whatever the primary of a view signs beside
// what follows from the reports is refused (A9).
func TestBackupsRefuseForgedNewViews(t *testing.T) {
	for _, x := range []struct {
		name  string
		forge func(p *play, m *pbft.NewView)
	}{
		{"the genesis for a base, although x has support", func(p *play, m *pbft.NewView) { m.Base = p.Genesis() }},
		{"a base of another digest", func(_ *play, m *pbft.NewView) { m.Base.Digest[0]++ }},
		{"a base one further", func(_ *play, m *pbft.NewView) { m.Base.Seq++ }},
		{"one report too few", func(_ *play, m *pbft.NewView) { m.ViewChanges = m.ViewChanges[:2] }},
		{"no reports", func(_ *play, m *pbft.NewView) { m.ViewChanges = nil }},
		{"one report twice", func(_ *play, m *pbft.NewView) { m.ViewChanges[1] = m.ViewChanges[0] }},
		{"reports in another order", func(_ *play, m *pbft.NewView) {
			m.ViewChanges[0], m.ViewChanges[1] = m.ViewChanges[1], m.ViewChanges[0]
		}},
		{"a report without its tip, base and headers to match", func(p *play, m *pbft.NewView) {
			for i := range m.ViewChanges {
				m.ViewChanges[i].Tip = pbft.BlockRef{}
			}
			m.Base, m.Headers = p.Genesis(), nil
		}},
		{"a report for another view", func(_ *play, m *pbft.NewView) { m.ViewChanges[2].View = 3 }},
		{"a report of nobody", func(_ *play, m *pbft.NewView) { m.ViewChanges[2].Replica = 4 }},
		{"a report of a view not below", func(_ *play, m *pbft.NewView) { m.ViewChanges[2].High.View = 2 }},
		{"the walk hidden", func(_ *play, m *pbft.NewView) { m.Headers = nil }},
		{"the walk hidden and the base lowered", func(p *play, m *pbft.NewView) { m.Headers, m.Base = nil, p.Genesis() }},
		{"a header twice", func(_ *play, m *pbft.NewView) { m.Headers = append(m.Headers, m.Headers[0]) }},
		{"a certificate nobody reported", func(_ *play, m *pbft.NewView) {
			m.Certificate = &pbft.Certificate{Kind: pbft.Prepared, Block: m.Base}
		}},
		{"a certificate for the genesis", func(p *play, m *pbft.NewView) {
			m.Certificate = &pbft.Certificate{Kind: pbft.Prepared, Block: p.Genesis()}
		}},
		{"a report on a certificate that is not shown", func(p *play, m *pbft.NewView) {
			m.ViewChanges[1].High = pbft.BlockRef{View: 1, Seq: 1, Digest: m.Base.Digest}
			m.ViewChanges[1].Tip = pbft.BlockRef{}
		}},
		{"a certificate of the rank, of nobody's block", func(p *play, m *pbft.NewView) {
			m.ViewChanges[1].High = pbft.BlockRef{View: 1, Seq: 1, Digest: m.Base.Digest}
			m.Certificate = &pbft.Certificate{Kind: pbft.Prepared, Block: pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{7}}}
		}},
		{"a header that nobody walked", func(p *play, m *pbft.NewView) {
			x := p.Block(1, m.Base, p.Genesis(), "y", nil)
			m.Headers = append(m.Headers, x.SignedHeader)
		}},
		{"a header of another view", func(p *play, m *pbft.NewView) {
			x := p.Block(3, m.Base, p.Genesis(), "y", nil)
			m.Headers = append(m.Headers, x.SignedHeader)
		}},
		{"a header that breaks a rule", func(p *play, m *pbft.NewView) {
			x := p.Block(1, m.Base, p.Genesis(), "y", func(h *pbft.Header) {
				h.Flags, h.Next = pbft.FlagClosing, pbft.Digest{1}
			})
			m.Headers = append(m.Headers, x.SignedHeader)
		}},
		{"evidence that is none", func(_ *play, m *pbft.NewView) {
			m.Evidence = []pbft.SignedHeader{m.Headers[0], m.Headers[0]}
		}},
		{"a view that another leads", func(_ *play, m *pbft.NewView) {
			m.View = 3
			for i := range m.ViewChanges {
				m.ViewChanges[i].View = 3
			}
		}},
		{"another epoch", func(_ *play, m *pbft.NewView) { m.Epoch = 1 }},
	} {
		t.Run(x.name, func(t *testing.T) {
			p, m := forgedNewView(t)
			x.forge(p, m)
			p.SignNewView(1, m)
			p.Send(1, m, 0, 2, 3)
			p.Deliver(pbfttest.OfKind(pbft.KindNewView))
			for _, id := range ids(0, 2, 3) {
				if v := p.Engine(id).Status().View; v != 1 {
					t.Errorf("r%d enters view %d", id, v)
				}
			}
		})
	}
	p, m := forgedNewView(t)
	p.Send(1, m, 0, 2, 3)
	p.Deliver(pbfttest.OfKind(pbft.KindNewView))
	for _, id := range ids(0, 2, 3) {
		if v := p.Engine(id).Status().View; v != 2 {
			t.Errorf("r%d is in view %d after the valid one", id, v)
		}
	}
}

// A primary that evidence excludes has no say: its report does not count, even if
// the new primary, its accomplice, takes it in (R9, clause E).
func TestTheReportOfAnExcludedPrimaryIsRefused(t *testing.T) {
	for _, excluded := range []bool{true, false} {
		p := newViewOfAccomplices(t, newEngine, excluded)
		for _, id := range ids(2, 3, 4, 5, 6) {
			if v := p.Engine(id).Status().View; (v == 2) == excluded {
				t.Errorf("with the report of the excluded %t: r%d is in view %d", excluded, id, v)
			}
		}
	}
	if v := newViewOfAccomplices(t, broken.Dualpath("excluded-report"), true).Engine(2).Status().View; v != 2 {
		t.Errorf("the engine without the rule is in view %d", v)
	}
}

// newViewOfAccomplices is a cluster in which r0 showed x to r2 and y to r3, and r1
// starts view 2 with evidence against it, on r0's own report or on honest ones.
func newViewOfAccomplices(t *testing.T, engine pbfttest.Factory, excluded bool) *play {
	p := setting{shape: pbfttest.Shape{Members: 7, Faults: 2, FastFaults: 1}, byzantine: ids(0, 1)}.open(t, engine)
	x := p.block(1, p.Genesis(), p.Genesis(), "x", 2)
	p.block(1, p.Genesis(), p.Genesis(), "y", 3)
	p.Drop(pbfttest.All)
	for range 20 {
		p.help(1<<60, ids(2, 3, 4, 5, 6))
		p.Deliver(pbfttest.OfKind(pbft.KindSuspect))
		p.Drop(pbfttest.All)
		p.Tick(1, 2, 3, 4, 5, 6)
	}
	honest, others := ids(2, 3, 4, 5, 6), []*pbft.ViewChange(nil)
	if excluded {
		honest, others = ids(2, 3, 4, 5), append(others, p.ViewChange(0, 2, p.Genesis(), x))
	}
	nv, ok := p.NewView(2, honest, others...)
	if !ok || len(nv.Evidence) != 2 {
		t.Fatalf("the NEW-VIEW is %+v, %t", nv, ok)
	}
	p.Send(1, nv, 2, 3, 4, 5, 6)
	p.Deliver(pbfttest.OfKind(pbft.KindNewView))
	return p
}

// Who holds a header or a certificate does not verify it again, and must not pass
// on what it did not verify: the next one would blame it.
func TestUnverifiedPartsAreNotPassedOn(t *testing.T) {
	p, m := forgedNewView(t)
	headers := []pbft.SignedHeader{m.Headers[0]}
	headers[0].Signature[0]++
	m.Headers = headers
	p.SignNewView(1, m)
	p.Send(1, m, 2)
	p.Deliver(pbfttest.OfKind(pbft.KindNewView))
	p.Drop(pbfttest.All)
	for range 10 { // r3, which never saw x, hears of view 2 from r2
		p.Tick(10, 2, 3)
		p.Settle(pbfttest.Among(2, 3))
	}
	for _, v := range p.Violations() {
		t.Error(v)
	}
	if v := p.Engine(3).Status().View; v != 2 {
		t.Errorf("r3 is in view %d", v)
	}
}

// A report with a certificate that only its name is right of must not end up in
// an honest primary's NEW-VIEW.
func TestFalseCertificateInAReport(t *testing.T) {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1}, byzantine: ids(0)}.open(t, newEngine)
	x := p.block(1, p.Genesis(), p.Genesis(), "x", 1, 2, 3)
	p.show(1, pbft.KindPrepare) // r1 alone learns that x is certified
	p.Drop(pbfttest.All)
	p.lie = func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
		m := p.ViewChange(id, v, x, pbft.BlockRef{})
		m.Certificate = &pbft.Certificate{Kind: pbft.Prepared, Block: x, Signers: pbft.Signers{7},
			Signatures: make([]pbft.Signature, 3)}
		return m
	}
	p.lose = func(l *pbfttest.Letter) bool { // so that the false report is needed, and r1 alone knows better
		k := l.Message.Kind()
		return k == pbft.KindProof || k == pbft.KindViewChange && (l.From == 1 || l.From == 3)
	}
	if !p.march(100, 1, ids(1, 2, 3), p.beyond(1, 1, 2, 3)) {
		t.Error("no block after the view change")
	}
	if v := p.Engine(1).Status().View; v != 2 {
		t.Errorf("view %d, want 2", v)
	}
	for _, v := range p.Violations() {
		t.Error(v)
	}
}

// With T0 = 1 a Byzantine primary's own report of its own block, dated next year,
// is support. An honest primary does not take the report: nobody could vote on
// top of that block (R8, R12; mistake 19 of section 13).
func TestReportOfABlockOfNextYear(t *testing.T) {
	p := setting{shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: 1}, byzantine: ids(0)}.open(t, newEngine)
	m := p.Block(1, p.Genesis(), p.Genesis(), "x", func(h *pbft.Header) { h.TimeMs += 365 * 86_400_000 })
	p.Send(0, m, 1, 2, 3)
	p.Deliver(pbfttest.All)
	p.lie = func(id pbft.ReplicaID, v pbft.View) *pbft.ViewChange {
		return p.ViewChange(id, v, p.Genesis(), p.Committee().Ref(&m.Header))
	}
	p.lose = func(l *pbfttest.Letter) bool { // the report comes before r3's
		k := l.Message.Kind()
		return k == pbft.KindViewChange && l.From == 3 && !p.lied[2]
	}
	if !p.march(200, 1, ids(1, 2, 3), p.beyond(1, 1, 2, 3)) {
		t.Error("no block after the view change")
	}
	if v := p.Engine(1).Status().View; v != 2 {
		t.Errorf("view %d, want 2", v)
	}
	latest := p.ClockMs() + p.Committee().Parameters().PrecisionMs
	for _, id := range ids(1, 2, 3) {
		for s := pbft.Seq(1); int(s) <= p.Committed(id); s++ {
			if h := p.HeaderAt(id, s); h.TimeMs > latest {
				t.Errorf("r%d committed block %d of view %d, which is %d ms ahead of every honest clock", id, s, h.View,
					h.TimeMs-p.ClockMs())
			}
		}
	}
	for _, v := range p.Violations() {
		t.Error(v)
	}
}
