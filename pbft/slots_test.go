package pbft

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func (s sampler) refs() (refs []BlockRef) {
	for range s.r.IntN(4) {
		refs = append(refs, s.ref())
	}
	return refs
}

func (s sampler) certificates() (cs []*Certificate) {
	for range s.r.IntN(4) {
		cs = append(cs, s.certificate())
	}
	return cs
}

func (s sampler) checkpointCertificate() *CheckpointCertificate {
	x := &CheckpointCertificate{Epoch: 3, Seq: Seq(s.r.Uint64()), Block: s.digest(), StateRoot: s.digest(),
		ReceiptRoot: s.digest()}
	x.Signers, x.Signatures = s.signers()
	return x
}

func (s sampler) optionalCheckpoint() *CheckpointCertificate {
	if s.r.IntN(3) == 0 {
		return nil
	}
	return s.checkpointCertificate()
}

func (s sampler) slotCore() SlotViewChange {
	return SlotViewChange{Epoch: Epoch(s.r.Uint32()), View: View(s.r.Uint64()), Stable: Seq(s.r.Uint64()),
		Prepared: s.refs(), Replica: s.id(), Signature: s.signature()}
}

func (s sampler) slotViewChange() *SlotViewChange {
	v := s.slotCore()
	v.Checkpoint, v.Proofs = s.optionalCheckpoint(), s.certificates()
	return &v
}

func (s sampler) slotNewView() *SlotNewView {
	m := &SlotNewView{Epoch: Epoch(s.r.Uint32()), View: View(s.r.Uint64()), TimeMs: s.r.Uint64(),
		ViewChanges: []SlotViewChange{}, Slots: s.refs(), Signature: s.signature(), Checkpoint: s.optionalCheckpoint(),
		Proofs: s.certificates()}
	for range s.r.IntN(5) {
		m.ViewChanges = append(m.ViewChanges, s.slotCore())
	}
	return m
}

// slotMessage draws messages of the original protocol.
func (s sampler) slotMessage(k Kind) Message {
	switch k {
	case KindSlotViewChange:
		return s.slotViewChange()
	case KindSlotNewView:
		return s.slotNewView()
	case KindDecided:
		m := &Decided{Epoch: Epoch(s.r.Uint32())}
		for range 1 + s.r.IntN(3) {
			m.Blocks, m.Certificates = append(m.Blocks, s.block()), append(m.Certificates, s.certificate())
		}
		return m
	case KindStable:
		return &Stable{s.checkpointCertificate()}
	case KindEpochProof:
		return s.epochProof()
	case KindMarks:
		return s.marks()
	}
	panic(k)
}

func originalCommittee(t *testing.T, n int, p Parameters) *Committee {
	t.Helper()
	p.Faults, _ = DefaultFaults(n)
	p.Protocol = Original
	c, err := NewCommittee(Digest{7}, 0, testKeys(n), p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOriginalHasNoFastPathAndABoundedInterval(t *testing.T) {
	for _, p := range []Parameters{{Faults: 1, FastFaults: 1, Protocol: Original},
		{Faults: 1, CheckpointInterval: OriginalIntervalMax + 1, Protocol: Original}, {Faults: 1, Protocol: Original + 1}} {
		if _, err := NewCommittee(Digest{}, 0, testKeys(4), p); !errors.Is(err, ErrCommittee) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for w := uint64(1); w <= 256; w *= 4 {
		for i := uint64(1); i <= OriginalIntervalMax; i *= 4 {
			c := originalCommittee(t, 4, Parameters{Window: w, CheckpointInterval: i, Tenure: 256})
			if span := c.Span(); span < Seq(w)+Seq(i) || span > SlotsMax {
				t.Errorf("W = %d, C = %d: a span of %d", w, i, span)
			}
		}
	}
}

// A certificate of the original protocol names the block by its digest and the
// view of the votes, which is not before that of the header.
func TestOriginalCommitsInALaterView(t *testing.T) {
	c := originalCommittee(t, 4, Parameters{})
	h := c.NullHeader(5, 9, 1000)
	ref := c.Ref(&h)
	at := func(v View, s Seq, d Digest, k CertificateKind) *Certificate {
		return &Certificate{Kind: k, Block: BlockRef{v, s, d}}
	}
	for _, x := range []struct {
		name string
		cert *Certificate
		want bool
	}{
		{"of the block's view", at(5, 9, ref.Digest, CommittedSlow), true},
		{"of a later view", at(8, 9, ref.Digest, CommittedSlow), true},
		{"of an earlier view", at(4, 9, ref.Digest, CommittedSlow), false},
		{"of another sequence number", at(5, 8, ref.Digest, CommittedSlow), false},
		{"of another block", at(5, 9, Digest{1}, CommittedSlow), false},
		{"of PREPAREs", at(5, 9, ref.Digest, Prepared), false},
		{"of the fast path", at(5, 9, ref.Digest, CommittedFast), false},
		{"of another epoch", &Certificate{Kind: CommittedSlow, Epoch: 1, Block: ref}, false},
	} {
		if got := c.Commits(x.cert, &h); got != x.want {
			t.Errorf("%s: %t", x.name, got)
		}
	}
	chained := testCommittee(t, 4, 1, 1)
	if chained.Commits(at(8, 9, ref.Digest, CommittedSlow), &h) {
		t.Error("the dual-path protocol takes a certificate of a later view")
	}
}

// What is signed covers everything but the proofs.
func TestSlotSignaturesCoverTheirContent(t *testing.T) {
	c := originalCommittee(t, 4, Parameters{})
	s := sampler{rand.New(rand.NewPCG(21, 21))}
	seen := make(map[string]bool)
	for range 40 {
		v, m := s.slotViewChange(), s.slotNewView()
		seen[string(c.SlotViewChangeBytes(v))] = true
		seen[string(c.SlotNewViewBytes(m))] = true
		v.Checkpoint, v.Proofs, v.Signature = nil, nil, Signature{}
		m.Checkpoint, m.Proofs, m.Signature = nil, nil, Signature{}
		if !seen[string(c.SlotViewChangeBytes(v))] || !seen[string(c.SlotNewViewBytes(m))] {
			t.Fatal("a proof or the signature itself is signed")
		}
		v.Stable++
		m.TimeMs++
		if seen[string(c.SlotViewChangeBytes(v))] || seen[string(c.SlotNewViewBytes(m))] {
			t.Fatal("stable checkpoint and time are not signed")
		}
	}
}
