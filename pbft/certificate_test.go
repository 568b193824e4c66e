package pbft

import (
	"crypto/ed25519"
	"testing"
)

// stdScheme verifies with the standard library; it agrees with ZIP-215 on
// honestly made keys and signatures, which is all that these tests use.
type stdScheme struct{}

func (stdScheme) Verify(key PublicKey, message []byte, s Signature) bool {
	return ed25519.Verify(key[:], message, s[:])
}

func (x stdScheme) VerifyBatch(keys []PublicKey, messages [][]byte, sigs []Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}

// signing is a committee whose private keys are at hand.
type signing struct {
	*Committee
	private []ed25519.PrivateKey
}

func newSigning(t *testing.T, chain Digest, epoch Epoch, n, f, p int) signing {
	t.Helper()
	s := signing{private: make([]ed25519.PrivateKey, n)}
	keys := make([]PublicKey, n)
	for i := range keys {
		seed := make([]byte, ed25519.SeedSize)
		seed[0] = byte(i + 1)
		s.private[i] = ed25519.NewKeyFromSeed(seed)
		keys[i] = PublicKey(s.private[i].Public().(ed25519.PublicKey))
	}
	var err error
	if s.Committee, err = NewCommittee(chain, epoch, keys, Parameters{Faults: f, FastFaults: p}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s signing) sign(i ReplicaID, message []byte) Signature {
	return Signature(ed25519.Sign(s.private[i], message))
}

func (s signing) certificate(kind CertificateKind, message []byte, b BlockRef, by ...ReplicaID) *Certificate {
	x := &Certificate{Kind: kind, Epoch: s.Epoch(), Block: b}
	for _, i := range by {
		x.Signers.Add(i)
		x.Signatures = append(x.Signatures, s.sign(i, message))
	}
	return x
}

// sampleHeader is a block of view 3 over a certified block of the same view.
func sampleHeader(armed bool) Header {
	h := Header{View: 3, Seq: 9, Parent: Digest{1}, BaseSeq: 4, TimeMs: 77, Proposer: 2,
		Justify: BlockRef{View: 2, Seq: 8, Digest: Digest{1}}}
	if armed {
		h.Justify.View = 3
	}
	return h
}

func TestCertificatesVerify(t *testing.T) {
	c := newSigning(t, Digest{9}, 0, 7, 2, 1) // q = 5, F = 6
	h := sampleHeader(true)
	b := c.Ref(&h)
	prepare, commit := c.PrepareBytes(b), c.CommitBytes(b)
	for _, x := range []struct {
		name    string
		cert    *Certificate
		commits bool
	}{
		{"q prepares", c.certificate(Prepared, prepare, b, 0, 2, 3, 5, 6), false},
		{"all prepares", c.certificate(Prepared, prepare, b, 0, 1, 2, 3, 4, 5, 6), false},
		{"q commits", c.certificate(CommittedSlow, commit, b, 0, 1, 2, 3, 4), true},
		{"F prepares", c.certificate(CommittedFast, prepare, b, 1, 2, 3, 4, 5, 6), true},
	} {
		if !c.VerifyCertificate(x.cert, stdScheme{}) {
			t.Errorf("%s: refused", x.name)
		}
		if c.Commits(x.cert, &h) != x.commits {
			t.Errorf("%s: commits = %t", x.name, !x.commits)
		}
	}
}

func TestCertificateVerifierRefuses(t *testing.T) {
	c := newSigning(t, Digest{9}, 0, 7, 2, 1)
	later := newSigning(t, Digest{9}, 1, 7, 2, 1)
	elsewhere := newSigning(t, Digest{8}, 0, 7, 2, 1)
	h := sampleHeader(true)
	b := c.Ref(&h)
	prepare, commit := c.PrepareBytes(b), c.CommitBytes(b)
	five, six := []ReplicaID{0, 2, 3, 5, 6}, []ReplicaID{0, 1, 2, 3, 5, 6}
	good := func() *Certificate { return c.certificate(Prepared, prepare, b, five...) }
	alter := func(f func(x *Certificate)) *Certificate { x := good(); f(x); return x }
	for _, x := range []struct {
		name string
		cert *Certificate
	}{
		{"q-1 prepares", c.certificate(Prepared, prepare, b, 0, 2, 3, 5)},
		{"q-1 commits", c.certificate(CommittedSlow, commit, b, 0, 2, 3, 5)},
		{"F-1 prepares as a fast one", c.certificate(CommittedFast, prepare, b, five...)},
		{"no votes", &Certificate{Kind: Prepared, Block: b}},
		{"prepares used as commits", c.certificate(CommittedSlow, prepare, b, five...)},
		{"commits used as prepares", c.certificate(Prepared, commit, b, five...)},
		{"commits used as a fast one", c.certificate(CommittedFast, commit, b, six...)},
		{"a kind that does not exist", alter(func(x *Certificate) { x.Kind = 0 })},
		{"a kind that does not exist either", alter(func(x *Certificate) { x.Kind = 4 })},
		{"one signer twice for five", alter(func(x *Certificate) {
			x.Signers = Signers{0b1101} // 0, 2, 3
			x.Signatures = []Signature{x.Signatures[0], x.Signatures[1], x.Signatures[1], x.Signatures[2], x.Signatures[2]}
		})},
		{"one signature under five names", alter(func(x *Certificate) {
			for i := range x.Signatures {
				x.Signatures[i] = x.Signatures[0]
			}
		})},
		{"signatures in another order", alter(func(x *Certificate) {
			x.Signatures[0], x.Signatures[1] = x.Signatures[1], x.Signatures[0]
		})},
		{"a signer who did not sign", alter(func(x *Certificate) { x.Signers[0] = x.Signers[0]&^1 | 1<<1 })},
		{"a signer outside the committee", alter(func(x *Certificate) { x.Signers[0] = x.Signers[0]&^(1<<6) | 1<<7 })},
		{"a signer far outside", alter(func(x *Certificate) { x.Signers[0] &^= 1 << 6; x.Signers[2] = 1 << 63 })},
		{"a bit of a signature flipped", alter(func(x *Certificate) { x.Signatures[4][33] ^= 1 })},
		{"a signature missing", alter(func(x *Certificate) { x.Signatures = x.Signatures[:4] })},
		{"a signature too many", alter(func(x *Certificate) { x.Signatures = append(x.Signatures, x.Signatures[0]) })},
		{"another view", alter(func(x *Certificate) { x.Block.View++ })},
		{"another sequence number", alter(func(x *Certificate) { x.Block.Seq++ })},
		{"another digest", alter(func(x *Certificate) { x.Block.Digest[31] ^= 1 })},
		{"another epoch", alter(func(x *Certificate) { x.Epoch = 1 })},
		{"votes of another epoch", later.certificate(Prepared, later.PrepareBytes(b), b, five...)},
		{"votes of another epoch under this one's number", func() *Certificate {
			x := later.certificate(Prepared, later.PrepareBytes(b), b, five...)
			x.Epoch = 0
			return x
		}()},
		{"votes of another chain", elsewhere.certificate(Prepared, elsewhere.PrepareBytes(b), b, five...)},
		{"checkpoint signatures", c.certificate(Prepared, c.CheckpointBytes(9, b.Digest, Digest{}, Digest{}), b, five...)},
	} {
		if c.VerifyCertificate(x.cert, stdScheme{}) {
			t.Errorf("%s: accepted", x.name)
		}
	}
	if !c.VerifyCertificate(good(), stdScheme{}) {
		t.Error("the certificate that the others were made from is refused too")
	}
}

func TestOnlyCommitCertificatesCommit(t *testing.T) {
	c := newSigning(t, Digest{9}, 0, 7, 2, 1)
	armed, unarmed := sampleHeader(true), sampleHeader(false)
	later := armed
	later.Epoch = 1
	of := func(kind CertificateKind, h *Header) *Certificate { return &Certificate{Kind: kind, Block: c.Ref(h)} }
	moved := of(CommittedSlow, &armed)
	moved.Block.View++
	slid := of(CommittedSlow, &armed)
	slid.Block.Seq++
	for _, x := range []struct {
		name string
		cert *Certificate
		h    *Header
		want bool
	}{
		{"a slow one", of(CommittedSlow, &unarmed), &unarmed, true},
		{"a fast one of an armed block", of(CommittedFast, &armed), &armed, true},
		{"a fast one of an unarmed block", of(CommittedFast, &unarmed), &unarmed, false},
		{"a prepared one", of(Prepared, &armed), &armed, false},
		{"one of another block", of(CommittedSlow, &armed), &unarmed, false},
		{"one that names another view than its header", moved, &armed, false},
		{"one that names another sequence number", slid, &armed, false},
		{"one of another epoch", &Certificate{Kind: CommittedSlow, Epoch: 1, Block: c.Ref(&armed)}, &armed, false},
		{"a header of another epoch", of(CommittedSlow, &later), &later, false},
	} {
		if c.Commits(x.cert, x.h) != x.want {
			t.Errorf("%s: commits = %t", x.name, !x.want)
		}
	}
}

func TestCheckpointVerifier(t *testing.T) {
	c := newSigning(t, Digest{9}, 0, 7, 2, 1)
	signed := func(by ...ReplicaID) *CheckpointCertificate {
		x := &CheckpointCertificate{Seq: 5, Block: Digest{1}, StateRoot: Digest{2}, ReceiptRoot: Digest{3}}
		for _, i := range by {
			x.Signers.Add(i)
			x.Signatures = append(x.Signatures, c.sign(i, c.CheckpointBytes(5, Digest{1}, Digest{2}, Digest{3})))
		}
		return x
	}
	alter := func(f func(x *CheckpointCertificate)) *CheckpointCertificate {
		x := signed(0, 1, 2, 3, 4)
		f(x)
		return x
	}
	for _, x := range []struct {
		name string
		cert *CheckpointCertificate
		need int
		want bool
	}{
		{"f+1 for a receipt", signed(1, 4, 6), c.WeakQuorum(), true},
		{"q for a state", signed(0, 1, 2, 3, 4), c.Quorum(), true},
		{"f for a receipt", signed(1, 4), c.WeakQuorum(), false},
		{"q-1 for a state", signed(0, 1, 2, 3), c.Quorum(), false},
		{"none where none is asked", signed(), 0, false},
		{"none where a negative number is asked", signed(), -1, false},
		{"another height", alter(func(x *CheckpointCertificate) { x.Seq++ }), 3, false},
		{"another block", alter(func(x *CheckpointCertificate) { x.Block[0]++ }), 3, false},
		{"another state", alter(func(x *CheckpointCertificate) { x.StateRoot[0]++ }), 3, false},
		{"other receipts", alter(func(x *CheckpointCertificate) { x.ReceiptRoot[0]++ }), 3, false},
		{"another epoch", alter(func(x *CheckpointCertificate) { x.Epoch++ }), 3, false},
		{"a signature for another's", alter(func(x *CheckpointCertificate) { x.Signatures[1] = x.Signatures[0] }), 3, false},
		{"a non-member", alter(func(x *CheckpointCertificate) {
			x.Signers[0] = 0b11101111
			x.Signatures = append(x.Signatures, x.Signatures[:2]...)
		}), 3, false},
	} {
		if c.VerifyCheckpoint(x.cert, x.need, stdScheme{}) != x.want {
			t.Errorf("%s: verifies = %t", x.name, !x.want)
		}
	}
}

// No two things that a replica signs have the same bytes, whatever their fields.
func TestSignedBytesAreSeparate(t *testing.T) {
	c := testCommittee(t, 4, 1, 1)
	d := testCommittee(t, 7, 2, 1)
	b := BlockRef{View: 1, Seq: 1}
	seen := make(map[string]int)
	for i, x := range [][]byte{
		c.PrepareBytes(b), c.CommitBytes(b), c.HeaderBytesToSign(&Header{}), c.SuspectBytes(&Suspect{}),
		c.ViewChangeBytes(&ViewChange{}), c.NewViewBytes(&NewView{}), c.CheckpointBytes(0, Digest{}, Digest{}, Digest{}),
		c.PrepareBytes(BlockRef{}), c.SuspectBytes(&Suspect{View: 1}), c.SuspectBytes(&Suspect{Reason: 1}),
		c.SuspectBytes(&Suspect{Committed: 1}), c.ViewChangeBytes(&ViewChange{Tip: b}),
		c.ViewChangeBytes(&ViewChange{High: b}),
		c.NewViewBytes(&NewView{Base: b}), c.NewViewBytes(&NewView{Evidence: make([]SignedHeader, 2)}),
		c.NewViewBytes(&NewView{ViewChanges: make([]ViewChange, 1)}),
	} {
		if j, ok := seen[string(x)]; ok {
			t.Errorf("items %d and %d sign the same bytes", j, i)
		}
		seen[string(x)] = i
	}
	if string(c.PrepareBytes(b)) != string(d.PrepareBytes(b)) {
		t.Error("a vote depends on the committee; it is the header that names the committee")
	}
}
