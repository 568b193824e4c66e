package chain

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// line is a chain of epochs: the members of each, the boundary block that ended it, and
// the proof of that. Epoch 0 is of members 0 to 3.
type line struct {
	members  []*testMembers
	boundary []pbft.Header
	proofs   []*pbft.EpochProof
}

// seated makes the committee of some members, by their numbers, in an epoch.
func seated(t testing.TB, epoch pbft.Epoch, ids []int) (*testMembers, *pbft.SetBody) {
	t.Helper()
	base := newMembers(t, "a", 0, 4, 1, 1)
	body := &pbft.SetBody{Epoch: epoch, Parameters: base.Parameters()}
	m := &testMembers{}
	for _, id := range ids {
		seed := sha256.Sum256([]byte(fmt.Sprint("member ", id)))
		k := ed25519.NewKeyFromSeed(seed[:])
		m.private = append(m.private, k)
		body.Seats = append(body.Seats,
			pbft.Seat{Member: uint16(id + 1), Key: pbft.PublicKey(k.Public().(ed25519.PublicKey))})
	}
	c, err := pbft.NewCommitteeFromBody(base.Chain(), body)
	if err != nil {
		t.Fatal(err)
	}
	m.Committee = c
	return m, body
}

// newLine ends one epoch after another, each a day after the one before, after six blocks.
func newLine(t testing.TB, sets ...[]int) *line {
	t.Helper()
	x := &line{}
	m := newMembers(t, "a", 0, 4, 1, 1)
	below := m.GenesisHeader(sha256.Sum256([]byte("genesis state")), 1_790_000_000_000)
	for i, ids := range append(sets, nil) {
		x.members = append(x.members, m)
		if ids == nil {
			break
		}
		next, body := seated(t, pbft.Epoch(i+1), ids)
		a := x.end(m, below, next.Digest())
		x.boundary = append(x.boundary, a)
		x.proofs = append(x.proofs, &pbft.EpochProof{Epoch: pbft.Epoch(i), Boundary: a, Body: body.Encode(),
			Certificate: m.certificate(pbft.CommittedSlow, m.Ref(&a), first(m.Quorum())...)})
		next.Committee = next.Begin(&a)
		m, below = next, a
	}
	return x
}

// end returns the boundary block of an epoch that stands on a block.
func (x *line) end(m *testMembers, below pbft.Header, next pbft.Digest) pbft.Header {
	h := m.child(&below, nil)
	h.View, h.BaseSeq, h.Proposer, h.Seq = 1, below.Seq, m.Primary(1), below.Seq+6
	h.TimeMs = below.TimeMs + 86_400_000
	h.Flags, h.Next = pbft.FlagBoundary, next
	return h
}

func first(n int) (ids []int) {
	for i := range n {
		ids = append(ids, i)
	}
	return ids
}

// known returns what a verifier knows after the first n proofs.
func (x *line) known(t testing.TB, n int) *Epochs {
	t.Helper()
	e := NewEpochs(x.members[0].Committee)
	for _, p := range x.proofs[:n] {
		var err error
		if e, err = e.Extend(p, stdScheme{}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// verifyIn judges a certificate by what is known, and checks it.
func verifyIn(e *Epochs, x *pbft.CheckpointCertificate, claim Claim, newestMs uint64) error {
	c, err := e.Judge(x, newestMs)
	if err == nil {
		_, err = VerifyCheckpoint(c, x, claim, stdScheme{})
	}
	return err
}

var threeEpochs = [][]int{{0, 1, 2, 4}, {0, 1, 4, 5}}

// Proofs lead from the genesis file to every committee, one after the other and in no
// other way.
func TestProofsLeadFromTheGenesisToEachSet(t *testing.T) {
	x := newLine(t, threeEpochs...)
	e := x.known(t, 2)
	if e.Newest().Digest() != x.members[2].Digest() || e.Newest().Epoch() != 2 {
		t.Fatalf("the newest is epoch %d", e.Newest().Epoch())
	}
	if same, err := e.Extend(x.proofs[0], stdScheme{}); err != nil || same != e {
		t.Errorf("a proof that is known already: %v", err)
	}
	if _, err := x.known(t, 0).Extend(x.proofs[1], stdScheme{}); !errors.Is(err, ErrUnknownEpoch) {
		t.Errorf("a proof with a gap: %v", err)
	}
	if early := x.known(t, 1); early.Newest().Epoch() != 1 {
		t.Error("extending has changed what was there before")
	}
	for i := range x.proofs[1].Encode() {
		b := bytes.Clone(x.proofs[1].Encode())
		b[i] ^= 1
		p, err := pbft.DecodeEpochProof(b)
		if err != nil {
			continue
		}
		if _, err := x.known(t, 1).Extend(p, stdScheme{}); err == nil {
			t.Fatalf("a proof holds with bit 0 of byte %d changed", i)
		}
	}
}

// Two valid ends of one epoch are shown, and neither is chosen.
func TestTwoEndsOfOneEpoch(t *testing.T) {
	x := newLine(t, threeEpochs...)
	e := x.known(t, 2)
	other, body := seated(t, 1, []int{0, 1, 2, 3})
	m := x.members[0]
	a := x.end(m, m.GenesisHeader(sha256.Sum256([]byte("genesis state")), 1_790_000_000_000), other.Digest())
	p := &pbft.EpochProof{Boundary: a, Body: body.Encode(),
		Certificate: m.certificate(pbft.CommittedSlow, m.Ref(&a), first(m.Quorum())...)}
	_, err := e.Extend(p, stdScheme{})
	var conflict *ConflictError
	if !errors.As(err, &conflict) || !errors.Is(err, ErrConflict) || conflict.Other != p || conflict.Known != x.proofs[0] {
		t.Errorf("another end: %v", err)
	}
	p.Certificate = m.certificate(pbft.CommittedSlow, m.Ref(&a), 0, 1)
	if _, err := e.Extend(p, stdScheme{}); !errors.Is(err, pbft.ErrEpochProof) {
		t.Errorf("another end without a quorum is no conflict: %v", err)
	}
}

// What is signed counts within the heights of its epoch: nothing of an epoch above its
// end, nothing of the next at or below its start.
func TestHeightsOfAnEpoch(t *testing.T) {
	x := newLine(t, threeEpochs...)
	e := x.known(t, 2)
	a := [2]pbft.Seq{x.boundary[0].Seq, x.boundary[1].Seq}
	for _, c := range []struct {
		epoch  pbft.Epoch
		height pbft.Seq
		want   error
	}{
		{0, 0, nil}, {0, 1, nil}, {0, a[0], nil}, {0, a[0] + 1, ErrProof},
		{1, a[0], ErrProof}, {1, a[0] + 1, nil}, {1, a[1], nil}, {1, a[1] + 1, ErrProof},
		{2, a[1], ErrProof}, {2, a[1] + 1, nil}, {2, a[1] + 1000, nil}, {3, a[1] + 1, ErrUnknownEpoch},
	} {
		if _, err := e.At(c.epoch, c.height); !errors.Is(err, c.want) {
			t.Errorf("epoch %d, height %d: %v, want %v", c.epoch, c.height, err, c.want)
		}
		if c.epoch > 2 {
			continue
		}
		m := x.members[c.epoch]
		h := m.child(&x.boundary[0], nil)
		h.Seq = c.height
		attested := m.attest(&h, [32]byte{1}, [32]byte{2}, first(4)...)
		if err := verifyIn(e, attested, ClaimState, 0); !errors.Is(err, c.want) {
			t.Errorf("a state of epoch %d at height %d: %v, want %v", c.epoch, c.height, err, c.want)
		}
	}
}

// A certificate is judged by the committee of its epoch alone: members that joined do not
// vouch for what was before them, nor those that left for what came after.
func TestNoEpochVouchesForAnother(t *testing.T) {
	x := newLine(t, threeEpochs...)
	e := x.known(t, 2)
	h := x.members[1].child(&x.boundary[0], nil)
	for by := range x.members {
		forged := x.members[by].attest(&h, [32]byte{1}, [32]byte{2}, first(4)...)
		forged.Epoch = 1
		if err := verifyIn(e, forged, ClaimState, 0); (err == nil) != (by == 1) {
			t.Errorf("attested by the members of epoch %d: %v", by, err)
		}
	}
}

// f+1 attest a receipt while their epoch runs and ten minutes longer; then only a quorum
// does, and fewer are called weak.
func TestReceiptsOfAnEpochThatIsOver(t *testing.T) {
	x := newLine(t, []int{0, 1, 2, 4})
	m, end := x.members[0], x.boundary[0].TimeMs
	h := m.headers(2)[2]
	few, enough := m.attest(&h, [32]byte{1}, [32]byte{2}, 0, 3), m.attest(&h, [32]byte{1}, [32]byte{2}, 0, 2, 3)
	verify := func(e *Epochs, x *pbft.CheckpointCertificate, newestMs uint64) error {
		return verifyIn(e, x, ClaimReceipt, newestMs)
	}
	if err := verify(x.known(t, 0), few, end+RunningMs); err != nil {
		t.Errorf("in the newest epoch that is known: %v", err)
	}
	e := x.known(t, 1)
	if err := verify(e, few, end+RunningMs-1); err != nil {
		t.Errorf("just before: %v", err)
	}
	if err := verify(e, few, end+RunningMs); !errors.Is(err, ErrWeak) || !errors.Is(err, ErrProof) {
		t.Errorf("at ten minutes: %v", err)
	}
	if err := verify(e, enough, end+RunningMs); err != nil {
		t.Errorf("a quorum: %v", err)
	}
	// A later end is a proven time, too.
	if err := verify(newLine(t, threeEpochs...).known(t, 2), few, 0); !errors.Is(err, ErrWeak) {
		t.Errorf("a day later: %v", err)
	}
	alone := m.attest(&h, [32]byte{1}, [32]byte{2}, 3)
	if err := verify(e, alone, 0); !errors.Is(err, ErrProof) || errors.Is(err, ErrWeak) {
		t.Errorf("one member: %v", err)
	}
}

// The order within an epoch is proven by headers of that epoch; a block that closes one is
// never the block of its height, nor the certificate of one below once the end is known.
func TestOrderAcrossEpochs(t *testing.T) {
	x := newLine(t, threeEpochs...)
	m, a := x.members[1], x.boundary[1]
	order := func(e *Epochs, headers ...pbft.Header) error {
		last := &headers[len(headers)-1]
		_, err := e.VerifyOrder(&OrderProof{headers, m.certificate(pbft.CommittedSlow, m.Ref(last), 0, 1, 2)}, stdScheme{})
		return err
	}
	closing := m.closing(&a)
	if err := order(x.known(t, 2), a); err != nil {
		t.Errorf("the boundary block: %v", err)
	}
	if err := order(x.known(t, 1), a, closing); err != nil {
		t.Errorf("decided by a closing block, while the end is not known: %v", err)
	}
	for name, err := range map[string]error{
		"a closing block":                  order(x.known(t, 1), closing),
		"a closing block as certificate":   order(x.known(t, 2), a, closing),
		"a block above the end":            order(x.known(t, 2), m.child(&a, nil)),
		"a block of an epoch that is gone": order(x.known(t, 2), x.boundary[0]),
	} {
		if !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := x.known(t, 2).VerifyOrder(&OrderProof{}, stdScheme{}); !errors.Is(err, ErrProof) {
		t.Errorf("no header: %v", err)
	}
	if err := order(x.known(t, 0), a); !errors.Is(err, ErrUnknownEpoch) {
		t.Errorf("of an epoch that is not known: %v", err)
	}
}

// Old epochs are let go, and are not mistaken for later ones.
func TestOldEpochsAreForgotten(t *testing.T) {
	sets := make([][]int, EpochsHeld+2)
	for i := range sets {
		sets[i] = []int{0, 1, 2, 3 + i%2}
	}
	x := newLine(t, sets...)
	e := NewEpochs(x.members[0].Committee)
	for _, p := range x.proofs {
		next, err := e.Extend(p, trusting{})
		if err != nil {
			t.Fatal(err)
		}
		e = next
	}
	if len(e.held) != EpochsHeld {
		t.Errorf("%d epochs are held, want %d", len(e.held), EpochsHeld)
	}
	oldest := e.held[0].committee.Epoch()
	if _, err := e.At(oldest, x.boundary[oldest].Seq); err != nil {
		t.Errorf("the oldest: %v", err)
	}
	if _, err := e.At(oldest-1, x.boundary[oldest-1].Seq); !errors.Is(err, ErrForgotten) {
		t.Errorf("the one before: %v", err)
	}
	if _, err := e.Extend(x.proofs[0], trusting{}); !errors.Is(err, ErrForgotten) {
		t.Errorf("the end of a forgotten one: %v", err)
	}
}

// trusting takes every signature, for tests that are not about them.
type trusting struct{}

func (trusting) Verify(pbft.PublicKey, []byte, pbft.Signature) bool            { return true }
func (trusting) VerifyBatch([]pbft.PublicKey, [][]byte, []pbft.Signature) bool { return true }

// People compare an anchor, which is over chain, set and boundary block.
func TestAnchor(t *testing.T) {
	x := newLine(t, threeEpochs...)
	if _, ok := x.known(t, 0).Anchor(); ok {
		t.Error("the genesis has an anchor: it is compared by its file")
	}
	one, _ := x.known(t, 1).Anchor()
	two, ok := x.known(t, 2).Anchor()
	other, _ := newLine(t, []int{0, 1, 2, 5}).known(t, 1).Anchor()
	if !ok || one == two || one == other {
		t.Errorf("%x, %x, %x", one, two, other)
	}
	c, a := x.members[2].Committee, &x.boundary[1]
	var u32 [4]byte
	var u64 [8]byte
	binary.LittleEndian.PutUint32(u32[:], 2)
	binary.LittleEndian.PutUint64(u64[:], uint64(a.Seq))
	chain, set, block := c.Chain(), c.Digest(), c.HeaderDigest(a)
	want := sha256.Sum256(slices.Concat([]byte("\x0fscrip/anchor/v1"), chain[:], u32[:], set[:], u64[:], block[:]))
	if two != want {
		t.Errorf("anchor %x, want %x", two, want)
	}
}

func BenchmarkChainOf200Epochs(b *testing.B) {
	sets := make([][]int, 200)
	for i := range sets {
		sets[i] = []int{0, 1, 2, 3 + i%2}
	}
	x := newLine(b, sets...)
	for b.Loop() {
		x.known(b, 200)
	}
}
