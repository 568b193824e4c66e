package chain

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

func testBlock(m *testMembers, h pbft.Header, payload []byte, commit *pbft.Certificate) *Block {
	return &Block{pbft.Block{SignedHeader: pbft.SignedHeader{Header: h,
		Signature: m.sign(int(h.Proposer), m.HeaderBytesToSign(&h))}, Payload: payload}, commit}
}

func TestBlockRoundTrip(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	h := m.headers(3)[3]
	payload := EncodePayload(testTxs(3))
	for name, b := range map[string]*Block{
		"with a certificate": testBlock(m, h, payload, m.certificate(pbft.CommittedSlow, m.Ref(&h), 0, 1, 2)),
		"as an ancestor":     testBlock(m, h, payload, nil),
	} {
		encoded := b.Encode()
		back, err := DecodeBlock(encoded)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if back.Header != h || back.Height() != 3 || !bytes.Equal(back.Encode(), encoded) {
			t.Errorf("%s: changed on its way", name)
		}
		for n := range encoded {
			if _, err := DecodeBlock(encoded[:n]); err == nil {
				t.Fatalf("%s: cut to %d bytes it decodes", name, n)
			}
		}
		if _, err := DecodeBlock(append(bytes.Clone(encoded), 0)); !errors.Is(err, wire.ErrTrailing) {
			t.Errorf("%s: a trailing byte: %v", name, err)
		}
	}
}

func TestCheckPayload(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	h := m.headers(3)[3]
	payload := EncodePayload(testTxs(3))
	txs, err := CheckPayload(&h, payload, testLimits)
	if err != nil || len(txs) != 3 {
		t.Fatalf("%d transactions, %v", len(txs), err)
	}
	other := EncodePayload(testTxs(2))
	otherSize, closing, broken := h, h, h
	otherSize.PayloadBytes = uint32(len(other))
	closing.Flags, closing.Next = pbft.FlagClosing, pbft.Digest{9}
	broken.PayloadBytes--
	for name, c := range map[string]struct {
		h       pbft.Header
		payload []byte
	}{
		"another size":               {h, other},
		"another root":               {otherSize, other},
		"a payload in closing block": {closing, payload},
		"a payload that is cut":      {broken, payload[:len(payload)-1]},
	} {
		if _, err := CheckPayload(&c.h, c.payload, testLimits); !errors.Is(err, ErrBlock) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := m.child(&h, nil)
	if txs, err := CheckPayload(&empty, nil, testLimits); err != nil || len(txs) != 0 {
		t.Errorf("an empty block: %d transactions, %v", len(txs), err)
	}
}

func TestCheckLink(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	chain := m.headers(6)
	for i := range chain[1:] {
		if err := CheckLink(m.Committee, &chain[i], &chain[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	parent := chain[5]
	nextView := chain[6]
	nextView.View, nextView.BaseSeq, nextView.Proposer = 3, 5, m.Primary(3)
	if err := CheckLink(m.Committee, &parent, &nextView); err != nil {
		t.Fatalf("the first block of a later view: %v", err)
	}
	for _, c := range []struct {
		why    string
		change func(h *pbft.Header)
	}{
		{"another epoch", func(h *pbft.Header) { h.Epoch++ }},
		{"another committee", func(h *pbft.Header) { h.Committee[0]++ }},
		{"no height or view", func(h *pbft.Header) { h.View = 0 }},
		{"not by the primary", func(h *pbft.Header) { h.Proposer++ }},
		{"unknown flags", func(h *pbft.Header) { h.Flags = 4 }},
		{"what they name is missing", func(h *pbft.Header) { h.Flags = pbft.FlagBoundary }},
		{"unknown flags", func(h *pbft.Header) { h.Next[0] = 1 }},
		{"payload too large", func(h *pbft.Header) { h.PayloadBytes = 5 << 20 }},
		{"whether it is empty", func(h *pbft.Header) { h.PayloadRoot = pbft.Digest{} }},
		{"whether it is empty", func(h *pbft.Header) { h.PayloadBytes = 0 }},
		{"a closing block with a payload", func(h *pbft.Header) { h.Flags, h.Next = pbft.FlagClosing, pbft.Digest{9} }},
		{"outside the tenure", func(h *pbft.Header) { h.BaseSeq = 6 }},
		{"not before it", func(h *pbft.Header) { h.Justify.Seq = 6 }},
		{"not before it", func(h *pbft.Header) { h.Justify.View = 2 }},
		{"an uncertified block", func(h *pbft.Header) { h.ExecSeq = 6 }},
		{"does not follow", func(h *pbft.Header) { h.Seq++ }},
		{"another parent", func(h *pbft.Header) { h.Parent[3]++ }},
		{"justified by another block", func(h *pbft.Header) { h.Justify.Digest[0]++ }},
		{"not later", func(h *pbft.Header) { h.TimeMs = parent.TimeMs }},
		{"another result of the same execution", func(h *pbft.Header) { h.ExecRoot[0]++ }},
		{"another base of the same view", func(h *pbft.Header) { h.BaseSeq = 1 }},
		{"not on its base", func(h *pbft.Header) { h.View, h.Proposer = 2, m.Primary(2) }},
	} {
		bad := chain[6]
		c.change(&bad)
		err := CheckLink(m.Committee, &parent, &bad)
		if !errors.Is(err, ErrBlock) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("want %q: %v", c.why, err)
		}
	}
	long := m.headers(40)
	far := long[40]
	if far.Justify = m.Ref(&long[8]); CheckLink(m.Committee, &long[39], &far) != nil {
		t.Error("the last block of the window is refused")
	}
	if far.Justify = m.Ref(&long[7]); CheckLink(m.Committee, &long[39], &far) == nil {
		t.Error("a block outside the window is accepted")
	}
	older := nextView
	above := m.child(&older, nil)
	above.View, above.Proposer, above.Justify = 2, m.Primary(2), m.Ref(&chain[1])
	if err := CheckLink(m.Committee, &older, &above); !errors.Is(err, ErrBlock) {
		t.Errorf("an older view above a later one: %v", err)
	}
}

func FuzzDecodeBlock(f *testing.F) {
	m := newMembers(f, "a", 0, 4, 1, 1)
	h := m.headers(2)[2]
	payload := EncodePayload(testTxs(2))
	f.Add(testBlock(m, h, payload, nil).Encode())
	f.Add(testBlock(m, h, payload, m.certificate(pbft.CommittedFast, m.Ref(&h), 0, 1, 2)).Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := DecodeBlock(in)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Encode(), in) {
			t.Fatalf("%x decodes and encodes to %x", in, b.Encode())
		}
		_ = CheckLink(m.Committee, &h, &b.Header)
		_, _ = CheckPayload(&b.Header, b.Payload, testLimits)
	})
}
