package chain

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// stdScheme verifies with the standard library; for signatures made by honest
// signers it agrees with ZIP-215.
type stdScheme struct{}

func (stdScheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return ed25519.Verify(key[:], message, s[:])
}

func (x stdScheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}

// testMembers is a committee with its private keys, the same on every call.
type testMembers struct {
	*pbft.Committee
	private []ed25519.PrivateKey
}

func newMembers(t testing.TB, chain string, epoch pbft.Epoch, n, f, p int) *testMembers {
	t.Helper()
	m := &testMembers{}
	var keys []pbft.PublicKey
	for i := range n {
		seed := sha256.Sum256([]byte(fmt.Sprint("member ", i)))
		m.private = append(m.private, ed25519.NewKeyFromSeed(seed[:]))
		keys = append(keys, pbft.PublicKey(m.private[i].Public().(ed25519.PublicKey)))
	}
	c, err := pbft.NewCommittee(sha256.Sum256([]byte(chain)), epoch, keys, pbft.Parameters{Faults: f, FastFaults: p})
	if err != nil {
		t.Fatal(err)
	}
	m.Committee = c
	return m
}

// closing returns a closing block above a boundary block.
func (m *testMembers) closing(a *pbft.Header) pbft.Header {
	h := m.child(a, nil)
	h.Flags, h.Next = pbft.FlagClosing, m.HeaderDigest(a)
	h.ExecSeq, h.ExecRoot = a.ExecSeq, a.ExecRoot
	return h
}

func (m *testMembers) sign(id int, message []byte) pbft.Signature {
	return pbft.Signature(ed25519.Sign(m.private[id], message))
}

// certificate signs votes for a block; PREPAREs unless the kind says COMMITs.
func (m *testMembers) certificate(kind pbft.CertificateKind, block pbft.BlockRef, ids ...int) *pbft.Certificate {
	message := m.PrepareBytes(block)
	if kind == pbft.CommittedSlow {
		message = m.CommitBytes(block)
	}
	x := &pbft.Certificate{Kind: kind, Epoch: m.Epoch(), Block: block}
	for _, id := range ids {
		x.Signers.Add(pbft.ReplicaID(id))
		x.Signatures = append(x.Signatures, m.sign(id, message))
	}
	return x
}

// attest signs the execution of a block.
func (m *testMembers) attest(h *pbft.Header, state, receipts [32]byte, ids ...int) *pbft.CheckpointCertificate {
	block := m.HeaderDigest(h)
	message := m.CheckpointBytes(h.Seq, block, state, receipts)
	x := &pbft.CheckpointCertificate{Epoch: m.Epoch(), Seq: h.Seq, Block: block, StateRoot: state,
		ReceiptRoot: receipts}
	for _, id := range ids {
		x.Signers.Add(pbft.ReplicaID(id))
		x.Signatures = append(x.Signatures, m.sign(id, message))
	}
	return x
}

// headers returns a chain of n headers above the genesis, in view 1, each
// justified by its parent and with a payload of its own.
func (m *testMembers) headers(n int) []pbft.Header {
	chain := []pbft.Header{m.GenesisHeader(sha256.Sum256([]byte("genesis state")), 1_790_000_000_000)}
	for i := range n {
		chain = append(chain, m.child(&chain[i], EncodePayload(testTxs(i+1))))
	}
	return chain
}

// child returns the next header of the parent's view, which it is armed by.
func (m *testMembers) child(parent *pbft.Header, payload []byte) pbft.Header {
	txs, err := DecodePayload(payload, testLimits)
	if err != nil {
		panic(err)
	}
	ref := m.Ref(parent)
	return pbft.Header{Epoch: m.Epoch(), View: parent.View, Seq: parent.Seq + 1, Parent: ref.Digest,
		BaseSeq: parent.BaseSeq, PayloadRoot: PayloadRoot(txs), PayloadBytes: uint32(len(payload)),
		ExecSeq: parent.ExecSeq, ExecRoot: parent.ExecRoot, TimeMs: parent.TimeMs + 20, Justify: ref,
		Proposer: m.Primary(parent.View), Committee: m.Digest()}
}

func testTxs(n int) [][]byte {
	txs := make([][]byte, n)
	for i := range txs {
		txs[i] = []byte(fmt.Sprintf("transaction %d of %d", i, n))
	}
	return txs
}

func testReceipts(n int) [][]byte {
	receipts := make([][]byte, n)
	for i := range receipts {
		receipts[i] = []byte(fmt.Sprintf("receipt %d of %d", i, n))
	}
	return receipts
}

func TestAReceiptNeedsOneHonestMember(t *testing.T) {
	for _, size := range []struct{ n, f, p int }{{4, 1, 1}, {4, 1, 0}, {7, 2, 1}} {
		m := newMembers(t, "a", 0, size.n, size.f, size.p)
		h := m.headers(1)[1]
		receipts := testReceipts(9)
		tree := NewTree(receipts)
		for signers := range size.n + 1 {
			var ids []int
			for id := size.n - signers; id < size.n; id++ {
				ids = append(ids, id)
			}
			p := &ReceiptProof{m.attest(&h, [32]byte{1}, tree.Root(), ids...), Include(tree, receipts, 4)}
			back, err := DecodeReceiptProof(p.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if err := back.Verify(m.Committee, stdScheme{}); (err == nil) != (signers >= size.f+1) {
				t.Errorf("n=%d f=%d, %d signatures: %v", size.n, size.f, signers, err)
			}
		}
	}
}

func TestAStateNeedsAQuorum(t *testing.T) {
	m := newMembers(t, "a", 0, 7, 2, 1)
	h := m.headers(1)[1]
	s := newTestState(t)
	s.update(map[string]string{"till": "open", "coupon": "held", "other": "thing"})
	for key, value := range map[string]string{"coupon": "held", "absent": ""} {
		state := s.proveAll(key)
		for signers := range 8 {
			ids := []int{0, 1, 2, 3, 4, 5, 6}[:signers]
			p := &KeyProof{m.attest(&h, s.root, [32]byte{}, ids...), []byte(key), []byte(value), state}
			back, err := DecodeKeyProof(p.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if err := back.Verify(m.Committee, stdScheme{}); (err == nil) != (signers >= m.Quorum()) {
				t.Errorf("%q, %d signatures: %v", key, signers, err)
			}
		}
	}
}

// The signatures of a block are checked once for all its receipts.
func TestManyReceiptsOfOneBlock(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	h := m.headers(1)[1]
	receipts := testReceipts(33)
	tree := NewTree(receipts)
	s := newTestState(t)
	s.update(map[string]string{"k": "v"})
	x := m.attest(&h, s.root, tree.Root(), 1, 3)
	a, err := VerifyCheckpoint(m.Committee, x, ClaimReceipt, stdScheme{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Height() != 1 || a.Block() != m.HeaderDigest(&h) || a.StateRoot() != s.root ||
		a.ReceiptRoot() != tree.Root() {
		t.Errorf("attested %+v", a)
	}
	for i := range receipts {
		p := Include(tree, receipts, i)
		if err := a.Receipt(&p); err != nil {
			t.Errorf("receipt %d: %v", i, err)
		}
		p.Leaf = []byte("another receipt")
		if err := a.Receipt(&p); !errors.Is(err, ErrProof) {
			t.Errorf("another receipt at %d: %v", i, err)
		}
	}
	if err := a.Receipts(receipts); err != nil {
		t.Error(err)
	}
	if err := a.Receipts(receipts[:32]); !errors.Is(err, ErrProof) {
		t.Errorf("all but one receipt: %v", err)
	}
	if err := a.State([]byte("k"), []byte("v"), s.proveAll("k")); !errors.Is(err, ErrProof) {
		t.Errorf("f+1 signatures vouch for a state: %v", err)
	}
	a, err = VerifyCheckpoint(m.Committee, m.attest(&h, s.root, tree.Root(), 0, 1, 3), ClaimState, stdScheme{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.State([]byte("k"), []byte("v"), s.proveAll("k")); err != nil {
		t.Errorf("a quorum does not vouch for a state: %v", err)
	}
	if _, err := VerifyCheckpoint(m.Committee, x, ClaimState, stdScheme{}); !errors.Is(err, ErrProof) {
		t.Errorf("f+1 signatures are accepted for a state: %v", err)
	}
	if _, err := VerifyCheckpoint(m.Committee, x, ClaimState+1, stdScheme{}); !errors.Is(err, ErrProof) {
		t.Errorf("an unknown claim is accepted: %v", err)
	}
}

// What an outside verifier must never take for a checkpoint certificate.
func TestCheckpointsThatAreNeverAccepted(t *testing.T) {
	m, otherEpoch := newMembers(t, "a", 3, 4, 1, 1), newMembers(t, "a", 4, 4, 1, 1)
	otherChain := newMembers(t, "b", 3, 4, 1, 1)
	h := m.headers(1)[1]
	attest := func(m *testMembers, ids ...int) *pbft.CheckpointCertificate {
		return m.attest(&h, [32]byte{1}, [32]byte{2}, ids...)
	}
	if _, err := VerifyCheckpoint(m.Committee, attest(m, 0, 2, 3), ClaimState, stdScheme{}); err != nil {
		t.Fatal(err)
	}
	type certificate = pbft.CheckpointCertificate
	for name, forge := range map[string]func(x *certificate){
		"a certificate of another epoch": func(x *certificate) { *x = *attest(otherEpoch, 0, 2, 3) },
		"signatures of another epoch": func(x *certificate) {
			x.Signatures = attest(otherEpoch, 0, 2, 3).Signatures
		},
		"signatures of another chain": func(x *certificate) {
			x.Signatures = attest(otherChain, 0, 2, 3).Signatures
		},
		"another state root":   func(x *certificate) { x.StateRoot[0]++ },
		"another receipt root": func(x *certificate) { x.ReceiptRoot[31]++ },
		"another height":       func(x *certificate) { x.Seq++ },
		"another block":        func(x *certificate) { x.Block[7]++ },
		"one member counted as three": func(x *certificate) {
			x.Signatures[1], x.Signatures[2] = x.Signatures[0], x.Signatures[0]
		},
		"more signatures than signers": func(x *certificate) {
			*x = *attest(m, 0)
			x.Signatures = append(x.Signatures, x.Signatures[0], x.Signatures[0])
		},
		"more signers than signatures": func(x *certificate) { x.Signatures = x.Signatures[:2] },
		"a signer who is no member": func(x *certificate) {
			x.Signers = pbft.Signers{}
			for _, id := range []pbft.ReplicaID{0, 2, 4} {
				x.Signers.Add(id)
			}
		},
		"votes for an order, not of an execution": func(x *certificate) {
			x.Signatures = m.certificate(pbft.CommittedSlow, m.Ref(&h), 0, 2, 3).Signatures
		},
		"signatures in another order": func(x *certificate) {
			x.Signatures[0], x.Signatures[1] = x.Signatures[1], x.Signatures[0]
		},
	} {
		for _, claim := range []Claim{ClaimReceipt, ClaimState} {
			x := attest(m, 0, 2, 3)
			forge(x)
			if _, err := VerifyCheckpoint(m.Committee, x, claim, stdScheme{}); !errors.Is(err, ErrProof) {
				t.Errorf("%s, claim %d: %v", name, claim, err)
			}
		}
	}
}

func TestOrderIsProvedByACommitCertificate(t *testing.T) {
	m := newMembers(t, "a", 0, 7, 2, 1)
	chain := m.headers(5)
	slow := m.certificate(pbft.CommittedSlow, m.Ref(&chain[5]), 0, 1, 2, 3, 4)
	fast := m.certificate(pbft.CommittedFast, m.Ref(&chain[5]), 0, 1, 2, 4, 5, 6)
	for _, commit := range []*pbft.Certificate{slow, fast} {
		for from := 1; from <= 5; from++ {
			p := &OrderProof{chain[from:], commit}
			back, err := DecodeOrderProof(p.Encode())
			if err != nil {
				t.Fatal(err)
			}
			h, err := back.Verify(m.Committee, stdScheme{})
			if err != nil || *h != chain[from] {
				t.Fatalf("%v from height %d: %v", commit.Kind, from, err)
			}
			txs := testTxs(from)
			in := Include(NewTree(txs), txs, from-1)
			if err := VerifyInclusion(h.PayloadRoot, in.Leaf, in.Index, in.Size, in.Path); err != nil {
				t.Errorf("a transaction of height %d: %v", from, err)
			}
		}
	}
}

// unarmed returns the header as the first of the next view.
func (m *testMembers) unarmed(h pbft.Header) pbft.Header {
	h.View, h.BaseSeq, h.Proposer = h.View+1, h.Seq-1, m.Primary(h.View+1)
	return h
}

// An unarmed block is decided by COMMITs, and a closing one decides its ancestor.
func TestOrderOfAnUnarmedBlockAndBelowAClosingOne(t *testing.T) {
	m := newMembers(t, "a", 1, 7, 2, 1)
	h := m.headers(3)[3]
	unarmed, boundary := m.unarmed(h), h
	boundary.Flags, boundary.Next = pbft.FlagBoundary, pbft.Digest{9}
	closing := m.closing(&boundary)
	if unarmed.Armed() || !h.Armed() {
		t.Fatal("the headers are not what the test wants")
	}
	for _, p := range []*OrderProof{
		{[]pbft.Header{unarmed}, m.certificate(pbft.CommittedSlow, m.Ref(&unarmed), 0, 1, 2, 3, 4)},
		{[]pbft.Header{boundary, closing}, m.certificate(pbft.CommittedSlow, m.Ref(&closing), 0, 1, 2, 3, 4)},
	} {
		if proved, err := p.Verify(m.Committee, stdScheme{}); err != nil || *proved != p.Headers[0] {
			t.Errorf("height %d: %v", p.Headers[0].Seq, err)
		}
	}
}

// What an outside verifier must never take for a proof of order.
func TestOrdersThatAreNeverAccepted(t *testing.T) {
	m := newMembers(t, "a", 1, 7, 2, 1)
	otherEpoch := newMembers(t, "a", 2, 7, 2, 1)
	chain := m.headers(3)
	all := []int{0, 1, 2, 3, 4, 5, 6}
	top := chain[3]
	closing := m.closing(&top)
	unarmed := m.unarmed(top)
	order := func(x *pbft.Certificate, hs ...pbft.Header) *OrderProof { return &OrderProof{hs, x} }
	slow := func(h pbft.Header, ids ...int) *pbft.Certificate {
		return m.certificate(pbft.CommittedSlow, m.Ref(&h), ids...)
	}
	relabel := func(x *pbft.Certificate, kind pbft.CertificateKind) *pbft.Certificate {
		x.Kind = kind
		return x
	}
	elsewhere := func(change func(*pbft.BlockRef)) *pbft.Certificate {
		ref := m.Ref(&top)
		change(&ref)
		return m.certificate(pbft.CommittedSlow, ref, all...)
	}
	unlinked := closing
	unlinked.Parent[0]++
	skipped := closing
	skipped.Seq++
	for name, p := range map[string]*OrderProof{
		"a prepared certificate":            order(m.certificate(pbft.Prepared, m.Ref(&top), all...), top),
		"PREPAREs for an unarmed block":     order(m.certificate(pbft.CommittedFast, m.Ref(&unarmed), all...), unarmed),
		"too few PREPAREs for the fast way": order(m.certificate(pbft.CommittedFast, m.Ref(&top), all[:5]...), top),
		"too few COMMITs":                   order(slow(top, all[:4]...), top),
		"PREPAREs called COMMITs": order(relabel(m.certificate(pbft.Prepared, m.Ref(&top), all...),
			pbft.CommittedSlow), top),
		"COMMITs called PREPAREs":       order(relabel(slow(top, all...), pbft.CommittedFast), top),
		"votes of another view":         order(elsewhere(func(r *pbft.BlockRef) { r.View++ }), top),
		"votes of another height":       order(elsewhere(func(r *pbft.BlockRef) { r.Seq++ }), top),
		"votes for another block":       order(elsewhere(func(r *pbft.BlockRef) { r.Digest[0]++ }), top),
		"votes of another epoch":        order(otherEpoch.certificate(pbft.CommittedSlow, m.Ref(&top), all...), top),
		"a header of another epoch":     order(slow(chain[3], all...), newMembers(t, "a", 2, 7, 2, 1).headers(3)[3]),
		"a closing block by itself":     order(slow(closing, all...), closing),
		"a descendant of another block": order(slow(unlinked, all...), top, unlinked),
		"a gap in the chain":            order(slow(skipped, all...), top, skipped),
		"headers in descending order":   order(slow(top, all...), top, chain[2]),
		"no headers":                    order(slow(top, all...)),
		"no certificate":                order(nil, top),
		"one signature of many": order(func() *pbft.Certificate {
			x := slow(top, all...)
			for i := range x.Signatures {
				x.Signatures[i] = x.Signatures[0]
			}
			return x
		}(), top),
	} {
		if _, err := p.Verify(m.Committee, stdScheme{}); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every header of another committee is refused, though epoch and votes fit.
func TestAHeaderOfAnotherCommitteeIsRefused(t *testing.T) {
	m := newMembers(t, "a", 0, 7, 2, 1)
	h := m.headers(1)[1]
	h.Committee[0]++
	x := m.certificate(pbft.CommittedSlow, m.Ref(&h), 0, 1, 2, 3, 4)
	if err := VerifyCommit(m.Committee, &h, x, stdScheme{}); !errors.Is(err, ErrProof) {
		t.Errorf("another committee: %v", err)
	}
	h = m.headers(1)[1]
	h.Flags = 2
	x = m.certificate(pbft.CommittedSlow, m.Ref(&h), 0, 1, 2, 3, 4)
	if err := VerifyCommit(m.Committee, &h, x, stdScheme{}); !errors.Is(err, ErrProof) {
		t.Errorf("an unknown flag: %v", err)
	}
}

// What proves all receipts of a block proves each of them alone.
func TestABlocksReceiptsProveEachOne(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	h := m.headers(1)[1]
	for _, n := range []int{1, 2, 5, 64} {
		receipts := testReceipts(n)
		all := &BlockReceipts{m.attest(&h, [32]byte{1}, ReceiptRoot(receipts), 0, 3), receipts}
		if err := all.Verify(m.Committee, stdScheme{}); err != nil {
			t.Fatalf("%d receipts: %v", n, err)
		}
		tree := all.Proofs()
		for i := range receipts {
			p := all.Proof(tree, i)
			if err := p.Verify(m.Committee, stdScheme{}); err != nil || !bytes.Equal(p.Leaf, receipts[i]) {
				t.Errorf("receipt %d of %d: %v", i, n, err)
			}
		}
	}
}

// Any changed bit of an encoded proof makes it undecodable or wrong. Only the
// place of a leaf is not covered where the tree has no other shape; the cases
// here are balanced trees, where it is.
func TestNoBitOfAProofCanChange(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	h := m.headers(1)[1]
	s := newTestState(t)
	s.update(map[string]string{"a": "1", "b": "2", "c": "3"})
	receipts := testReceipts(4)
	tree := NewTree(receipts)
	verify := map[string]func(b []byte) error{
		"receipt": func(b []byte) error {
			p, err := DecodeReceiptProof(b)
			if err != nil {
				return err
			}
			if p.Size != 4 {
				return ErrProof // not covered by the root, see VerifyInclusion
			}
			return p.Verify(m.Committee, stdScheme{})
		},
		"key": func(b []byte) error {
			p, err := DecodeKeyProof(b)
			if err != nil {
				return err
			}
			return p.Verify(m.Committee, stdScheme{})
		},
		"block": func(b []byte) error { return verifyBlock(m, b) },
		"order": func(b []byte) error {
			p, err := DecodeOrderProof(b)
			if err != nil {
				return err
			}
			_, err = p.Verify(m.Committee, stdScheme{})
			return err
		},
	}
	for name, encoded := range map[string][]byte{
		"receipt": (&ReceiptProof{m.attest(&h, s.root, tree.Root(), 0, 1), Include(tree, receipts, 2)}).Encode(),
		"key": (&KeyProof{m.attest(&h, s.root, tree.Root(), 0, 1, 3), []byte("b"), []byte("2"),
			s.proveAll("b")}).Encode(),
		"block": (&BlockReceipts{m.attest(&h, s.root, tree.Root(), 1, 2), receipts}).Encode(),
		"order": (&OrderProof{[]pbft.Header{h}, m.certificate(pbft.CommittedSlow, m.Ref(&h), 0, 1, 2)}).Encode(),
	} {
		if err := verify[name](encoded); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range encoded {
			bad := bytes.Clone(encoded)
			bad[i] ^= 1 << (i % 8)
			if verify[name](bad) == nil {
				t.Errorf("%s: byte %d of %d may change", name, i, len(encoded))
			}
		}
		for n := range encoded {
			if err := verify[name](encoded[:n]); err == nil || errors.Is(err, ErrProof) {
				t.Fatalf("%s: cut to %d bytes it decodes", name, n)
			}
		}
		if err := verify[name](append(bytes.Clone(encoded), 0)); !errors.Is(err, wire.ErrTrailing) {
			t.Errorf("%s: a trailing byte: %v", name, err)
		}
	}
}

func FuzzDecodeProofs(f *testing.F) {
	m := newMembers(f, "a", 0, 4, 1, 1)
	chain := m.headers(2)
	s := newTestState(f)
	s.update(map[string]string{"a": "1", "b": "2", "c": "3"})
	receipts := testReceipts(5)
	tree := NewTree(receipts)
	f.Add((&ReceiptProof{m.attest(&chain[1], s.root, tree.Root(), 0, 1), Include(tree, receipts, 2)}).Encode())
	f.Add((&KeyProof{m.attest(&chain[1], s.root, tree.Root(), 0, 1, 2), []byte("b"), []byte("2"),
		s.proveAll("b")}).Encode())
	f.Add((&OrderProof{chain[1:], m.certificate(pbft.CommittedSlow, m.Ref(&chain[2]), 0, 1, 2)}).Encode())
	f.Add((&BlockReceipts{m.attest(&chain[1], s.root, tree.Root(), 0, 1), receipts}).Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		if p, err := DecodeBlockReceipts(in); err == nil {
			if !bytes.Equal(p.Encode(), in) {
				t.Fatalf("receipts of a block %x", in)
			}
			if p.Verify(m.Committee, stdScheme{}) == nil && ReceiptRoot(p.Receipts) != tree.Root() {
				t.Fatalf("receipts %x were proved", p.Receipts)
			}
		}
		if p, err := DecodeReceiptProof(in); err == nil {
			if !bytes.Equal(p.Encode(), in) || len(in) > ReceiptProofBytesMax {
				t.Fatalf("receipt proof %x", in)
			}
			known := false
			for _, r := range receipts {
				known = known || bytes.Equal(r, p.Leaf)
			}
			if p.Verify(m.Committee, stdScheme{}) == nil && !known {
				t.Fatalf("receipt %x was proved", p.Leaf)
			}
		}
		if p, err := DecodeKeyProof(in); err == nil {
			if !bytes.Equal(p.Encode(), in) {
				t.Fatalf("key proof %x", in)
			}
			if p.Verify(m.Committee, stdScheme{}) == nil && s.content[string(p.Key)] != string(p.Value) {
				t.Fatalf("%q = %q was proved", p.Key, p.Value)
			}
		}
		if p, err := DecodeOrderProof(in); err == nil {
			if !bytes.Equal(p.Encode(), in) || len(in) > OrderProofBytesMax {
				t.Fatalf("order proof %x", in)
			}
			if h, err := p.Verify(m.Committee, stdScheme{}); err == nil && *h != chain[1] && *h != chain[2] {
				t.Fatalf("header %+v was proved", h)
			}
		}
	})
}

// A path alone shows that a receipt is in a block and not where: the last of five passes for
// the last of nine. A leaf that holds its place shows where.
func TestAPlacedReceiptIsProvedAtItsPlace(t *testing.T) {
	m := newMembers(t, "a", 0, 4, 1, 1)
	h := m.headers(1)[1]
	receipts := testReceipts(5)
	elsewhere := func(p *ReceiptProof) error {
		moved := *p
		moved.Index, moved.Size = 8, 9
		return moved.Verify(m.Committee, stdScheme{})
	}
	plain := &BlockReceipts{m.attest(&h, [32]byte{1}, ReceiptRoot(receipts), 0, 3), receipts}
	if p := plain.Proof(plain.Proofs(), 4); p.Verify(m.Committee, stdScheme{}) != nil || elsewhere(p) != nil {
		t.Error("the last of five is not in the tree, or not also the last of nine")
	}
	all := &BlockReceipts{m.attest(&h, [32]byte{1}, PlacedReceiptRoot(receipts), 0, 3), receipts}
	if err := all.Verify(m.Committee, stdScheme{}); err != nil {
		t.Fatal(err)
	}
	tree := all.Proofs()
	for i := range receipts {
		p := all.Proof(tree, i)
		isPlaced, err := VerifyReceipt(p.Checkpoint.ReceiptRoot, &p.Inclusion)
		if err != nil || !isPlaced || p.Verify(m.Committee, stdScheme{}) != nil || !bytes.Equal(p.Leaf, receipts[i]) {
			t.Errorf("receipt %d: placed %v, %v", i, isPlaced, err)
		}
		if elsewhere(p) == nil {
			t.Errorf("receipt %d is proved elsewhere too", i)
		}
	}
	p := plain.Proof(plain.Proofs(), 2)
	if isPlaced, err := VerifyReceipt(p.Checkpoint.ReceiptRoot, &p.Inclusion); isPlaced || err != nil {
		t.Errorf("a receipt without a place: placed %v, %v", isPlaced, err)
	}
}
