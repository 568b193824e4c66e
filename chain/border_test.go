package chain

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// border is the end of one epoch and the beginning of the next: the same members again,
// in committees that bodies make.
type border struct {
	old, next *testMembers
	boundary  pbft.Header // at height 6 of epoch 1
	first     pbft.Header // of epoch 2
}

func newBorder(t testing.TB) *border {
	m := newMembers(t, "a", 0, 4, 1, 1)
	of := func(epoch pbft.Epoch) *testMembers {
		b := &pbft.SetBody{Epoch: epoch, Parameters: m.Parameters()}
		for i := range m.Size() {
			b.Seats = append(b.Seats, pbft.Seat{Member: uint16(i + 1), Key: m.Key(pbft.ReplicaID(i))})
		}
		c, err := pbft.NewCommitteeFromBody(m.Chain(), b)
		if err != nil {
			t.Fatal(err)
		}
		return &testMembers{Committee: c, private: m.private}
	}
	x := &border{old: of(1), next: of(2)}
	headers := x.old.headers(6)
	x.boundary = headers[6]
	x.boundary.Flags, x.boundary.Next = pbft.FlagBoundary, x.next.Digest()
	x.first = x.above(&x.boundary)
	x.next.Committee = x.next.Begin(&x.boundary)
	return x
}

// above returns the first header of the next epoch.
func (x *border) above(a *pbft.Header) pbft.Header {
	h := x.next.child(a, nil)
	h.View, h.BaseSeq, h.Proposer = 1, a.Seq, x.next.Primary(1)
	h.ExecSeq, h.ExecRoot, h.Justify = a.Seq, pbft.Digest{7}, x.next.GenesisRef(a)
	return h
}

// The first block of an epoch stands on the boundary block of the one before, whatever
// its view, and says what that led to (R13.1(c), R13.1(d), R13.4).
func TestTheBorderOfTwoEpochs(t *testing.T) {
	x := newBorder(t)
	link := func(parent, child *pbft.Header) error { return CheckLink(x.next.Committee, parent, child) }
	if err := link(&x.boundary, &x.first); err != nil {
		t.Fatal(err)
	}
	later := x.first
	later.View, later.Proposer = 5, x.next.Primary(5)
	if err := link(&x.boundary, &later); err != nil {
		t.Errorf("in a later view: %v", err)
	}
	second := x.next.child(&later, nil)
	if err := link(&later, &second); err != nil {
		t.Errorf("the second block: %v", err)
	}
	open, closing := x.boundary, x.old.closing(&x.boundary)
	open.Flags, open.Next = 0, pbft.Digest{}
	check := func(c *pbft.Committee, parent, child *pbft.Header, why string) {
		t.Helper()
		err := CheckLink(c, parent, child)
		if !errors.Is(err, ErrBlock) || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q: %v", why, err)
		}
	}
	for _, c := range []struct {
		why    string
		parent pbft.Header
		change func(h *pbft.Header)
	}{
		{"no boundary", open, func(h *pbft.Header) {}},
		{"no boundary", closing, func(h *pbft.Header) {
			h.Seq, h.BaseSeq, h.ExecSeq = closing.Seq+1, closing.Seq, closing.Seq
			h.Justify = x.next.GenesisRef(&x.boundary)
			h.Justify.Seq++
		}},
		{"does not follow", x.boundary, func(h *pbft.Header) { h.Seq++ }},
		{"another parent", x.boundary, func(h *pbft.Header) { h.Parent[0]++ }},
		{"reaches below", x.boundary, func(h *pbft.Header) { h.BaseSeq-- }},
		{"reaches below", x.boundary, func(h *pbft.Header) { h.ExecSeq-- }},
		{"uncertified", x.boundary, func(h *pbft.Header) { h.Justify.Seq-- }},
		{"of an earlier epoch", x.boundary, func(h *pbft.Header) { h.Justify.Digest[0]++ }},
		{"of an earlier epoch", x.boundary, func(h *pbft.Header) {
			h.View, h.Justify.View, h.Proposer = 2, 2, x.next.Primary(2)
		}},
		{"not later", x.boundary, func(h *pbft.Header) { h.TimeMs = x.boundary.TimeMs }},
		{"another committee", x.boundary, func(h *pbft.Header) { h.Committee[0]++ }},
		{"another epoch", x.boundary, func(h *pbft.Header) { h.Epoch = 1 }},
	} {
		h := x.first
		h.Parent = x.old.HeaderDigest(&c.parent)
		c.change(&h)
		with := x.next.Committee
		if c.why == "no boundary" { // a committee that knows the border refuses it for less
			with = forgetful(t, x.next)
		}
		check(with, &c.parent, &h, c.why)
	}
	wrong := x.boundary
	wrong.Next[0]++
	h := x.above(&wrong)
	check(forgetful(t, x.next), &wrong, &h, "another committee than")
	skipped := x.boundary
	skipped.Epoch = 0
	check(x.next.Committee, &skipped, &x.first, "another epoch than its parent")
}

// forgetful returns the committee as a verifier has it that does not know where it began.
func forgetful(t *testing.T, m *testMembers) *pbft.Committee {
	t.Helper()
	b := &pbft.SetBody{Epoch: m.Epoch(), Parameters: m.Parameters()}
	for i := range m.Size() {
		b.Seats = append(b.Seats, pbft.Seat{Member: uint16(i + 1), Key: m.Key(pbft.ReplicaID(i))})
	}
	c, err := pbft.NewCommitteeFromBody(m.Chain(), b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// In later blocks too nothing of an earlier epoch justifies one (R13.1(d)): a block of a
// view that the epoch before had as well would else seem armed.
func TestNothingReachesBelowItsEpoch(t *testing.T) {
	x := newBorder(t)
	second := x.next.child(&x.first, nil)
	third := x.next.child(&second, nil)
	for why, change := range map[string]func(h *pbft.Header){
		"of an earlier epoch": func(h *pbft.Header) { h.Justify = x.old.Ref(&x.boundary); h.Justify.Digest[0]++ },
		"uncertified":         func(h *pbft.Header) { h.Justify = pbft.BlockRef{View: 1, Seq: 3, Digest: pbft.Digest{3}} },
	} {
		h := third
		change(&h)
		err := CheckHeader(x.next.Committee, &h)
		if !errors.Is(err, ErrBlock) || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q: %v", why, err)
		}
	}
	h := third
	h.Justify = x.next.GenesisRef(&x.boundary)
	if err := CheckLink(x.next.Committee, &second, &h); err != nil {
		t.Errorf("justified by the block on which the epoch stands: %v", err)
	}
}

// Above a boundary block of an epoch stand closing blocks that name it, and nowhere else
// (R13.1(b)).
func TestClosingBlocks(t *testing.T) {
	x := newBorder(t)
	m := x.old
	closing := m.closing(&x.boundary)
	again := m.child(&closing, nil)
	again.Flags, again.Next = pbft.FlagClosing, closing.Next
	below := m.headers(5)[5]
	if err := CheckLink(m.Committee, &below, &x.boundary); err != nil {
		t.Errorf("a boundary block: %v", err)
	}
	if err := CheckLink(m.Committee, &x.boundary, &closing); err != nil {
		t.Errorf("a closing block: %v", err)
	}
	if err := CheckLink(m.Committee, &closing, &again); err != nil {
		t.Errorf("a second one: %v", err)
	}
	for _, c := range []struct {
		why           string
		parent, child pbft.Header
		change        func(h *pbft.Header)
	}{
		{"above an open one", below, x.boundary, func(h *pbft.Header) {
			h.Flags, h.PayloadBytes, h.PayloadRoot = pbft.FlagClosing, 0, pbft.Digest{}
		}},
		{"an open block above", x.boundary, closing, func(h *pbft.Header) { h.Flags, h.Next = 0, pbft.Digest{} }},
		{"an open block above", x.boundary, closing, func(h *pbft.Header) { h.Flags = pbft.FlagBoundary }},
		{"an open block above", closing, again, func(h *pbft.Header) { h.Flags, h.Next = 0, pbft.Digest{} }},
		{"closes another", x.boundary, closing, func(h *pbft.Header) { h.Next[0]++ }},
		{"closes another", closing, again, func(h *pbft.Header) { h.Next = m.HeaderDigest(&closing) }},
		{"another execution", closing, again, func(h *pbft.Header) { h.ExecSeq++ }},
		{"with a payload", closing, again, func(h *pbft.Header) { h.PayloadBytes, h.PayloadRoot = 5, pbft.Digest{1} }},
	} {
		h := c.child
		c.change(&h)
		err := CheckLink(m.Committee, &c.parent, &h)
		if !errors.Is(err, ErrBlock) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("want %q: %v", c.why, err)
		}
	}
}
