package chain

import (
	"errors"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// newOriginal returns members whose committee runs the original protocol.
func newOriginal(t *testing.T) *testMembers {
	t.Helper()
	m := newMembers(t, "original", 0, 4, 1, 0)
	p := m.Parameters()
	p.Protocol, p.FastFaults, p.Tenure = pbft.Original, 0, p.Window
	var keys []pbft.PublicKey
	for i := range m.Size() {
		keys = append(keys, m.Key(pbft.ReplicaID(i)))
	}
	c, err := pbft.NewCommittee(m.Chain(), 0, keys, p)
	if err != nil {
		t.Fatal(err)
	}
	m.Committee = c
	return m
}

// What an outside verifier checks of a chain of the original protocol.
func TestBlocksOfTheOriginalProtocol(t *testing.T) {
	m := newOriginal(t)
	c := m.Committee
	txs := [][]byte{{1, 2}}
	h := c.NullHeader(2, 5000, 1_700_000_000_000) // far beyond a tenure
	h.PayloadRoot, h.PayloadBytes = PayloadRoot(txs), uint32(len(EncodePayload(txs)))
	below := c.NullHeader(3, 4999, h.TimeMs+5) // ordered again after it was proposed: later view, later time
	if err := errors.Join(CheckHeader(c, &h), CheckHeader(c, &below), CheckLink(c, &below, &h)); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*pbft.Header){
		"parent":    func(h *pbft.Header) { h.Parent[0]++ },
		"base":      func(h *pbft.Header) { h.BaseSeq++ },
		"execution": func(h *pbft.Header) { h.ExecSeq++ },
		"justify":   func(h *pbft.Header) { h.Justify.View++ },
		"proposer":  func(h *pbft.Header) { h.Proposer++ },
	} {
		bad := h
		change(&bad)
		if CheckHeader(c, &bad) == nil {
			t.Errorf("a header with a %s passes", name)
		}
	}
	if gap := c.NullHeader(2, 4998, h.TimeMs); CheckLink(c, &gap, &h) == nil {
		t.Error("height 5000 follows 4998")
	}

	later := c.Ref(&h)
	later.View = 7 // a later view ordered it again
	proof := OrderProof{Headers: []pbft.Header{h}, Commit: m.certificate(pbft.CommittedSlow, later, 0, 1, 3)}
	if got, err := proof.Verify(c, stdScheme{}); err != nil || *got != h {
		t.Errorf("a decision of a later view: %v", err)
	}
	for name, bad := range map[string]OrderProof{
		"PREPAREs":             {Headers: proof.Headers, Commit: m.certificate(pbft.Prepared, later, 0, 1, 3)},
		"all PREPAREs at once": {Headers: proof.Headers, Commit: m.certificate(pbft.CommittedFast, c.Ref(&h), 0, 1, 2, 3)},
		"two COMMITs":          {Headers: proof.Headers, Commit: m.certificate(pbft.CommittedSlow, later, 0, 1)},
		"a header above it":    {Headers: []pbft.Header{below, h}, Commit: proof.Commit},
	} {
		if _, err := bad.Verify(c, stdScheme{}); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Order proofs of the original protocol for verifiers in other languages.
func TestOriginalOrderVectors(t *testing.T) {
	m := newOriginal(t)
	txs := [][]byte{{1, 2}}
	h := m.NullHeader(2, 5000, 1_700_000_000_000)
	h.PayloadRoot, h.PayloadBytes = PayloadRoot(txs), uint32(len(EncodePayload(txs)))
	below := m.NullHeader(2, 4999, h.TimeMs)
	closing := h
	closing.Flags, closing.Next = pbft.FlagClosing, pbft.Digest{9}
	order := func(kind pbft.CertificateKind, top pbft.Header, view pbft.View, ids []int, hs ...pbft.Header) hexBytes {
		ref := m.Ref(&top)
		ref.View = view
		return (&OrderProof{hs, m.certificate(kind, ref, ids...)}).Encode()
	}
	q, all := []int{0, 1, 3}, []int{0, 1, 2, 3}
	digest := m.HeaderDigest(&h)
	v := checkVectors(t, "original.json", originalVectors{
		Committee: m.vector(), Header: headerVector{h.Append(nil), digest[:]},
		Orders: []proofVector{
			{"COMMITs of its own view", true, order(pbft.CommittedSlow, h, 2, q, h)},
			{"COMMITs of a later view that ordered it again", true, order(pbft.CommittedSlow, h, 7, q, h)},
			{"COMMITs of an earlier view", false, order(pbft.CommittedSlow, h, 1, q, h)},
			{"PREPAREs", false, order(pbft.Prepared, h, 2, all, h)},
			{"all PREPAREs at once", false, order(pbft.CommittedFast, h, 2, all, h)},
			{"too few COMMITs", false, order(pbft.CommittedSlow, h, 2, q[:2], h)},
			{"COMMITs for another block", false, order(pbft.CommittedSlow, below, 2, q, h)},
			{"a header above it", false, order(pbft.CommittedSlow, h, 2, q, below, h)},
			{"a closing block by itself", false, order(pbft.CommittedSlow, closing, 2, q, closing)},
		}})
	for _, x := range v.Orders {
		p, err := DecodeOrderProof(x.Proof)
		if err == nil {
			_, err = p.Verify(m.Committee, stdScheme{})
		}
		if (err == nil) != x.Valid {
			t.Errorf("%s: %v", x.Why, err)
		}
	}
}

type originalVectors struct {
	Committee committeeVector `json:"committee"`
	Header    headerVector    `json:"header"`
	Orders    []proofVector   `json:"orderProofs"`
}
