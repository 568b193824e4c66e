package pbft

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft/wire"
)

// epochs is a chain of epochs whose private keys are at hand: member i has key k(i, j) for
// a j that grows with each new key.
type epochs struct {
	committee *Committee
	body      *SetBody
	private   map[PublicKey]ed25519.PrivateKey
	made      byte
}

func (x *epochs) key() PublicKey {
	x.made++
	seed := bytes.Repeat([]byte{x.made}, ed25519.SeedSize)
	private := ed25519.NewKeyFromSeed(seed)
	k := PublicKey(private.Public().(ed25519.PublicKey))
	x.private[k] = private
	return k
}

func newEpochs(t testing.TB) *epochs {
	t.Helper()
	x := &epochs{private: make(map[PublicKey]ed25519.PrivateKey), body: testBody(0, 4)}
	for i := range x.body.Seats {
		x.body.Seats[i].Key = x.key()
	}
	var err error
	if x.committee, err = NewCommitteeFromBody(testChain(), x.body); err != nil {
		t.Fatal(err)
	}
	return x
}

// next returns the body after the present one, with the key of one member new.
func (x *epochs) next(rekeyed int) *SetBody {
	b := *x.body
	b.Epoch++
	b.Seats = slices.Clone(b.Seats)
	b.Seats[rekeyed].Key = x.key()
	return &b
}

func (x *epochs) certificate(kind CertificateKind, h *Header, ids ...ReplicaID) *Certificate {
	c := &Certificate{Kind: kind, Epoch: x.committee.Epoch(), Block: x.committee.Ref(h)}
	message := x.committee.PrepareBytes(c.Block)
	if kind == CommittedSlow {
		message = x.committee.CommitBytes(c.Block)
	}
	for _, id := range ids {
		c.Signers.Add(id)
		c.Signatures = append(c.Signatures,
			Signature(ed25519.Sign(x.private[x.committee.Key(id)], message)))
	}
	return c
}

// boundary returns a header that ends the epoch at a position, in view 2.
func (x *epochs) boundary(at Seq, to *SetBody) Header {
	c := x.committee
	return Header{Epoch: c.Epoch(), View: 2, Seq: at, Parent: Digest{1}, BaseSeq: at - 5, ExecSeq: at - 3,
		ExecRoot: Digest{2}, TimeMs: 1000 * uint64(at), Justify: BlockRef{2, at - 1, Digest{3}},
		Proposer: c.Primary(2), Committee: c.Digest(), Flags: FlagBoundary, Next: to.Digest(c.Chain())}
}

// end returns a proof that the present epoch ended, by the boundary block itself.
func (x *epochs) end(at Seq, to *SetBody) *EpochProof {
	h := x.boundary(at, to)
	return &EpochProof{Epoch: x.committee.Epoch(), Boundary: h, Certificate: x.certificate(CommittedSlow, &h, 0, 1, 3),
		Body: to.Encode()}
}

// closed is the same by a closing block two above it, in a later view.
func (x *epochs) closed(at Seq, to *SetBody) *EpochProof {
	p := x.end(at, to)
	k := p.Boundary
	k.View, k.Seq, k.Parent, k.Flags, k.Proposer = 7, at+2, Digest{8}, FlagClosing, x.committee.Primary(7)
	k.Next = x.committee.HeaderDigest(&p.Boundary)
	p.Closing, p.Certificate = &k, x.certificate(CommittedSlow, &k, 0, 2, 3)
	return p
}

func (x *epochs) enter(t testing.TB, p *EpochProof) {
	t.Helper()
	c, err := p.Verify(x.committee, stdScheme{})
	if err != nil {
		t.Fatalf("epoch %d: %v", p.Epoch, err)
	}
	body, err := DecodeSetBody(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	x.committee, x.body = c, body
}

// A proof gives the next committee, which stands on the boundary block in view 1.
func TestEpochProofGivesTheNextCommittee(t *testing.T) {
	x := newEpochs(t)
	to := x.next(2)
	for name, p := range map[string]*EpochProof{"by itself": x.end(40, to), "by a closing block": x.closed(40, to)} {
		c, err := p.Verify(x.committee, stdScheme{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := BlockRef{1, 40, x.committee.HeaderDigest(&p.Boundary)}
		if c.Epoch() != 1 || c.Digest() != to.Digest(testChain()) || c.Start() != want {
			t.Errorf("%s: epoch %d, digest %v, start %v", name, c.Epoch(), c.Digest(), c.Start())
		}
		back, err := DecodeEpochProof(p.Encode())
		if err != nil || !bytes.Equal(back.Encode(), p.Encode()) {
			t.Errorf("%s: comes back as %+v, %v", name, back, err)
		}
		if len(p.Encode()) > 1300 {
			t.Errorf("%s: %d bytes", name, len(p.Encode()))
		}
	}
	armed := x.end(40, to)
	armed.Certificate = x.certificate(CommittedFast, &armed.Boundary, 0, 1, 2)
	if _, err := armed.Verify(x.committee, stdScheme{}); err != nil {
		t.Errorf("a fast commit of an armed boundary: %v", err)
	}
}

// Nothing but a commit of this epoch's boundary with this epoch's quorum ends it.
func TestEpochProofsThatAreRefused(t *testing.T) {
	x := newEpochs(t)
	to := x.next(2)
	sign := func(p *EpochProof, kind CertificateKind, ids ...ReplicaID) {
		last := &p.Boundary
		if p.Closing != nil {
			last = p.Closing
		}
		p.Certificate = x.certificate(kind, last, ids...)
	}
	header := func(change func(h *Header)) func(*EpochProof) {
		return func(p *EpochProof) { change(&p.Boundary); sign(p, CommittedSlow, 0, 1, 3) }
	}
	closing := func(change func(h *Header)) func(*EpochProof) {
		return func(p *EpochProof) {
			*p = *x.closed(40, to)
			change(p.Closing)
			sign(p, CommittedSlow, 0, 1, 3)
		}
	}
	body := func(change func(b *SetBody)) func(*EpochProof) {
		return func(p *EpochProof) {
			b := *to
			change(&b)
			p.Body = b.Encode()
			p.Boundary.Next = b.Digest(testChain())
			sign(p, CommittedSlow, 0, 1, 3)
		}
	}
	for name, change := range map[string]func(p *EpochProof){
		"another epoch":             func(p *EpochProof) { p.Epoch = 1 },
		"a boundary of another one": header(func(h *Header) { h.Epoch = 1 }),
		"another committee":         header(func(h *Header) { h.Committee[0]++ }),
		"no boundary":               header(func(h *Header) { h.Flags, h.Next = 0, Digest{} }),
		"a closing block as one":    header(func(h *Header) { h.Flags = FlagClosing }),
		"both flags":                header(func(h *Header) { h.Flags = 3 }),
		"no next set":               header(func(h *Header) { h.Next = Digest{} }),
		"no view":                   header(func(h *Header) { h.View = 0 }),
		"not by its primary":        header(func(h *Header) { h.Proposer++ }),
		"at the genesis":            header(func(h *Header) { h.Seq = 0 }),
		"an open block above":       closing(func(h *Header) { h.Flags, h.Next = 0, Digest{} }),
		"a boundary above":          closing(func(h *Header) { h.Flags = FlagBoundary }),
		"closing another epoch":     closing(func(h *Header) { h.Next[0]++ }),
		"closing of another epoch":  closing(func(h *Header) { h.Epoch = 1 }),
		"closing of another set":    closing(func(h *Header) { h.Committee[0]++ }),
		"closing not by primary":    closing(func(h *Header) { h.Proposer++ }),
		"closing without a view":    closing(func(h *Header) { h.View = 0 }),
		"closing beside it":         closing(func(h *Header) { h.Seq = 40 }),
		"no certificate":            func(p *EpochProof) { p.Certificate = nil },
		"prepared":                  func(p *EpochProof) { sign(p, Prepared, 0, 1, 2, 3) },
		"too few":                   func(p *EpochProof) { sign(p, CommittedSlow, 0, 1) },
		"a bad signature":           func(p *EpochProof) { p.Certificate.Signatures[1][4]++ },
		"of the boundary though a closing block is shown": func(p *EpochProof) {
			c := p.Certificate
			*p = *x.closed(40, to)
			p.Certificate = c
		},
		"of the closing block that is not shown": func(p *EpochProof) {
			*p = *x.closed(40, to)
			p.Closing = nil
		},
		"fast and not armed": func(p *EpochProof) {
			p.Boundary.Justify.View = 1
			sign(p, CommittedFast, 0, 1, 2, 3)
		},
		"no body":        func(p *EpochProof) { p.Body = nil },
		"another body":   func(p *EpochProof) { p.Body = x.next(1).Encode() },
		"the same epoch": body(func(b *SetBody) { b.Epoch = 0 }),
		"a later epoch":  body(func(b *SetBody) { b.Epoch = 2 }),
		"out of bounds":  body(func(b *SetBody) { b.Parameters.Window = 0 }),
	} {
		p := x.end(40, to)
		change(p)
		if _, err := p.Verify(x.committee, stdScheme{}); !errors.Is(err, ErrEpochProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	old := x.end(40, to)
	x.enter(t, x.end(41, to))
	if _, err := old.Verify(x.committee, stdScheme{}); !errors.Is(err, ErrEpochProof) {
		t.Errorf("with the next committee: %v", err)
	}
	below := x.end(41, x.next(1))
	if _, err := below.Verify(x.committee, stdScheme{}); !errors.Is(err, ErrEpochProof) {
		t.Errorf("an epoch without a block of its own: %v", err)
	}
}

// The quorum that ends an epoch is its own: three of five do not, though three are one of
// the four that follow.
func TestAnEpochEndsByItsOwnQuorum(t *testing.T) {
	x := newEpochs(t)
	x.body.Seats = append(x.body.Seats, Seat{Member: 5, Key: x.key()})
	var err error
	if x.committee, err = NewCommitteeFromBody(testChain(), x.body); err != nil {
		t.Fatal(err)
	}
	to := *x.body
	to.Epoch, to.Seats = 1, to.Seats[:4]
	p := x.end(40, &to)
	if _, err := p.Verify(x.committee, stdScheme{}); !errors.Is(err, ErrEpochProof) {
		t.Errorf("by three of five: %v", err)
	}
	p.Certificate = x.certificate(CommittedSlow, &p.Boundary, 0, 1, 2, 4)
	if next, err := p.Verify(x.committee, stdScheme{}); err != nil || next.Quorum() != 3 {
		t.Errorf("by four of five: %v", err)
	}
}

// One byte changed anywhere, a byte more or less: no such proof is taken for one.
func TestEpochProofByteByByte(t *testing.T) {
	x := newEpochs(t)
	good := x.closed(40, x.next(0)).Encode()
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		p, err := DecodeEpochProof(bad)
		if err == nil {
			_, err = p.Verify(x.committee, stdScheme{})
		}
		if err == nil {
			t.Fatalf("with byte %d changed it verifies", at)
		}
		if _, err := DecodeEpochProof(good[:at]); err == nil {
			t.Fatalf("cut to %d bytes it decodes", at)
		}
	}
	if _, err := DecodeEpochProof(append(good, 0)); !errors.Is(err, wire.ErrTrailing) {
		t.Errorf("a trailing byte: %v", err)
	}
}

// Version and flags of a header fit together, or it does not decode.
func TestHeaderForms(t *testing.T) {
	x := newEpochs(t)
	boundary := x.boundary(40, x.next(0))
	plain := boundary
	plain.Flags, plain.Next = 0, Digest{}
	if n, m := len(plain.Bytes()), len(boundary.Bytes()); n != 228 || m != 260 {
		t.Fatalf("headers of %d and %d bytes", n, m)
	}
	for version := range byte(4) {
		for flags := range byte(8) {
			for _, next := range []Digest{{}, {1}} {
				for _, long := range []bool{false, true} {
					b := plain.Bytes()
					b[0], b[227] = version, flags
					if long {
						b = append(b, next[:]...)
					}
					h, err := DecodeHeader(b)
					want := version == 1 && flags == 0 && !long ||
						version == 2 && (flags == 1 || flags == 2) && long && next != Digest{}
					if (err == nil) != want {
						t.Errorf("version %d, flags %d, %d bytes, next %v: %v", version, flags, len(b), next, err)
					}
					if err == nil && !bytes.Equal(h.Bytes(), b) {
						t.Errorf("version %d, flags %d: another encoding", version, flags)
					}
				}
			}
		}
	}
}

type epochVector struct {
	Body   string `json:"body"`
	Digest string `json:"digest"`
	Proof  string `json:"proof"` // of the epoch before
}

type epochVectors struct {
	Chain string `json:"chain"`
	First string `json:"first"` // the body of epoch 0
	// Headers are an ordinary, a boundary and a closing one with their digests.
	Headers [3][2]string  `json:"headers"`
	Epochs  []epochVector `json:"epochs"`
}

// Golden bytes of the epochs of one chain: its sets, its proofs, its headers.
func TestEpochVectors(t *testing.T) {
	const path = "testdata/epochs.json"
	x := newEpochs(t)
	text := func(b []byte) string { return hex.EncodeToString(b) }
	chain := testChain()
	v := epochVectors{Chain: text(chain[:]), First: text(x.body.Encode())}
	for i := range 3 {
		to := x.next(i)
		p := x.end(Seq(40*i+40), to)
		if i == 1 {
			p = x.closed(80, to)
			plain := p.Boundary
			plain.Flags, plain.Next = 0, Digest{}
			for j, h := range []*Header{&plain, &p.Boundary, p.Closing} {
				d := x.committee.HeaderDigest(h)
				v.Headers[j] = [2]string{text(h.Bytes()), text(d[:])}
			}
		}
		d := to.Digest(chain)
		v.Epochs = append(v.Epochs, epochVector{text(to.Encode()), text(d[:]), text(p.Encode())})
		x.enter(t, p)
	}
	want, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code makes (%v); if the change is meant, run with -rewrite and read the diff", path, err)
	}
}

// chainOfEpochs returns the committee of epoch 0 and the proofs of what came after it.
func chainOfEpochs(t testing.TB, n int) (*Committee, []*EpochProof) {
	x := newEpochs(t)
	first := x.committee
	var proofs []*EpochProof
	for i := range n {
		p := x.end(Seq(40*i+40), x.next(i%4))
		if i%3 == 1 {
			p = x.closed(Seq(40*i+40), x.next(i%4))
		}
		proofs = append(proofs, p)
		x.enter(t, p)
	}
	return first, proofs
}

// Two hundred epochs are walked in well under a second.
func TestAWalkOfTwoHundredEpochs(t *testing.T) {
	c, proofs := chainOfEpochs(t, 200)
	began := time.Now()
	for _, p := range proofs {
		next, err := p.Verify(c, stdScheme{})
		if err != nil {
			t.Fatal(err)
		}
		c = next
	}
	if took := time.Since(began); c.Epoch() != 200 || took > 5*time.Second { // a second, were nothing else running
		t.Errorf("epoch %d after %v", c.Epoch(), took)
	}
}

func BenchmarkWalkOfTwoHundredEpochs(b *testing.B) {
	first, proofs := chainOfEpochs(b, 200)
	for b.Loop() {
		c := first
		for _, p := range proofs {
			c, _ = p.Verify(c, stdScheme{})
		}
	}
}

func FuzzDecodeEpochProof(f *testing.F) {
	x := newEpochs(f)
	to := x.next(1)
	f.Add(x.end(40, to).Encode())
	f.Add(x.closed(40, to).Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := DecodeEpochProof(in)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Encode(), in) {
			t.Fatalf("%x decodes and encodes to %x", in, p.Encode())
		}
		if len(in) > EpochProofBytesMax {
			t.Fatalf("%d bytes", len(in))
		}
		_, _ = p.Verify(x.committee, stdScheme{})
	})
}
