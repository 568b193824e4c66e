package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

var rewrite = flag.Bool("rewrite", false, "write the golden vectors anew; read the diff before committing it")

// hexBytes is written as hexadecimal digits.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func hexList(list [][]byte) []hexBytes {
	out := make([]hexBytes, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// checkVectors compares vectors with their file, or rewrites it, and returns
// what the file holds, so that the checks below read what other languages read.
func checkVectors[V any](t *testing.T, name string, vectors V) V {
	t.Helper()
	path := filepath.Join("testdata", name)
	want, err := json.MarshalIndent(vectors, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s is not what the code makes; if the change is meant, run with -rewrite and read the diff", path)
	}
	var back V
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

type treeVector struct {
	Leaves []hexBytes   `json:"leaves"`
	Root   hexBytes     `json:"root"`
	Paths  [][]hexBytes `json:"paths"` // from each leaf upwards
}

func TestTreeVectors(t *testing.T) {
	var vectors []treeVector
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 11} {
		leaves := testLeaves(n)
		tree := NewTree(leaves)
		root := tree.Root()
		v := treeVector{Leaves: hexList(leaves), Root: root[:], Paths: [][]hexBytes{}}
		for i := range leaves {
			path := []hexBytes{}
			for _, h := range tree.Path(i) {
				path = append(path, h[:])
			}
			v.Paths = append(v.Paths, path)
		}
		vectors = append(vectors, v)
	}
	for _, v := range checkVectors(t, "trees.json", vectors) {
		for i, leaf := range v.Leaves {
			var path [][32]byte
			for _, h := range v.Paths[i] {
				path = append(path, [32]byte(h))
			}
			if err := VerifyInclusion([32]byte(v.Root), leaf, uint32(i), uint32(len(v.Leaves)), path); err != nil {
				t.Errorf("leaf %d of %d: %v", i, len(v.Leaves), err)
			}
		}
	}
}

type payloadVectors struct {
	Limits PayloadLimits   `json:"limits"`
	Valid  []payloadVector `json:"valid"`
	// Refused payloads with the reason.
	Refused []refusedVector `json:"refused"`
}

type payloadVector struct {
	Txs     []hexBytes `json:"txs"`
	Payload hexBytes   `json:"payload"`
	Root    hexBytes   `json:"root"`
}

type refusedVector struct {
	Why   string   `json:"why"`
	Bytes hexBytes `json:"bytes"`
}

func TestPayloadVectors(t *testing.T) {
	vectors := payloadVectors{Limits: PayloadLimits{BytesMax: 64, TxsMax: 4, TxBytesMax: 24}}
	for n := range 3 {
		root := PayloadRoot(testTxs(n))
		vectors.Valid = append(vectors.Valid, payloadVector{hexList(testTxs(n)), EncodePayload(testTxs(n)), root[:]})
	}
	two := EncodePayload(testTxs(2))
	vectors.Refused = []refusedVector{
		{"a count of none, which is written as nothing", make([]byte, 4)},
		{"a count beyond the limit", EncodePayload(make([][]byte, 5))},
		{"a transaction beyond the limit", EncodePayload([][]byte{make([]byte, 25)})},
		{"a payload beyond the limit", EncodePayload([][]byte{make([]byte, 24), make([]byte, 24), make([]byte, 1)})},
		{"cut short", two[:len(two)-1]},
		{"trailing bytes", append(bytes.Clone(two), 0)},
		{"a count that the rest cannot hold", []byte{4, 0, 0, 0}},
	}
	back := checkVectors(t, "payloads.json", vectors)
	for _, v := range back.Valid {
		txs, err := DecodePayload(v.Payload, back.Limits)
		if root := PayloadRoot(txs); err != nil || !bytes.Equal(root[:], v.Root) || len(txs) != len(v.Txs) {
			t.Errorf("%d transactions: root %x, %v", len(v.Txs), root, err)
		}
	}
	for _, v := range back.Refused {
		if _, err := DecodePayload(v.Bytes, back.Limits); err == nil {
			t.Errorf("%s: accepted", v.Why)
		}
	}
}

type stateVectors struct {
	// Steps change the state from nothing; an empty value deletes.
	Steps []stateStep `json:"steps"`
	// Proofs are about the state after the last step.
	Proofs []stateProofVector `json:"proofs"`
	// Refused proofs do not decode, or do not verify for the key and value.
	Refused []stateProofVector `json:"refused"`
}

type stateStep struct {
	Changes []stateChange `json:"changes"`
	Root    hexBytes      `json:"root"`
}

type stateChange struct {
	Key   hexBytes `json:"key"`
	Value hexBytes `json:"value"`
}

type stateProofVector struct {
	Why   string   `json:"why,omitempty"`
	Key   hexBytes `json:"key"`
	Value hexBytes `json:"value"` // empty: absent
	Proof hexBytes `json:"proof"`
}

func TestStateVectors(t *testing.T) {
	var vectors stateVectors
	s := newTestState(t)
	step := func(pairs ...string) {
		changes, list := map[string]string{}, []stateChange{}
		for i := 0; i < len(pairs); i += 2 {
			changes[pairs[i]] = pairs[i+1]
			list = append(list, stateChange{hexBytes(pairs[i]), hexBytes(pairs[i+1])})
		}
		s.update(changes)
		s.check()
		vectors.Steps = append(vectors.Steps, stateStep{list, bytes.Clone(s.root[:])})
	}
	chain := searchPrefix(2, 18)
	step()
	step("a", "1")
	step("a", "", "b", "2")
	step("a", "1", "c", "3")
	step("b", "")
	step(chain[0], "x", chain[1], "y")
	var many []string
	for i := range 40 {
		many = append(many, testKey(i), fmt.Sprint("value ", i))
	}
	step(many...)
	step(testKey(3), "", testKey(4), "changed", testKey(5), "", "never there", "")
	for _, key := range []string{"a", "b", chain[0], chain[1], testKey(3), testKey(4), testKey(6), testKey(41),
		testKey(42), testKey(43)} {
		vectors.Proofs = append(vectors.Proofs, stateProofVector{Key: hexBytes(key), Value: hexBytes(s.content[key]),
			Proof: s.proveAll(key).Append(nil)})
	}
	vectors.Refused = refusedStateProofs(s)
	back := checkVectors(t, "state.json", vectors)
	checkStateVectors(t, back)
}

func refusedStateProofs(s *testState) []stateProofVector {
	key, present := testKey(6), s.proveAll(testKey(6))
	good := present.Append(nil)
	var absent string
	for i := 50; absent == ""; i++ {
		if s.proveAll(testKey(i)).End == EndEmpty {
			absent = testKey(i)
		}
	}
	gone := s.proveAll(absent)
	cut := *present
	cut.Siblings = cut.Siblings[:len(cut.Siblings)-1]
	longer := *gone
	longer.Siblings = append(append([][32]byte{}, gone.Siblings...), [32]byte{})
	claimed := *present
	claimed.End, claimed.OtherKey = EndOther, hashKey([]byte(key))
	return []stateProofVector{
		{"present, shown as absent", hexBytes(key), nil, good},
		{"another value", hexBytes(key), hexBytes("another"), good},
		{"another key", hexBytes(testKey(7)), hexBytes(s.content[key]), good},
		{"absent, shown as present", hexBytes(absent), hexBytes("x"), gone.Append(nil)},
		{"a sibling too few", hexBytes(key), hexBytes(s.content[key]), cut.Append(nil)},
		{"an empty last sibling", hexBytes(absent), nil, longer.Append(nil)},
		{"the key's own leaf as the one in the way", hexBytes(key), nil, claimed.Append(nil)},
		{"an unlisted end", hexBytes(key), nil, append([]byte{3}, good[1:]...)},
		{"trailing bytes", hexBytes(key), hexBytes(s.content[key]), append(bytes.Clone(good), 0)},
		{"cut short", hexBytes(key), hexBytes(s.content[key]), good[:len(good)-1]},
	}
}

func checkStateVectors(t *testing.T, v stateVectors) {
	pages, root := MemPages{}, [32]byte{}
	for i, step := range v.Steps {
		var changes []Change
		for _, c := range step.Changes {
			changes = append(changes, Change{c.Key, c.Value})
		}
		next, writes, err := Update(pages, root, changes)
		if err != nil || !bytes.Equal(next[:], step.Root) {
			t.Fatalf("step %d: root %x, want %x, %v", i, next, step.Root, err)
		}
		pages.Apply(writes)
		root = next
	}
	verify := func(p stateProofVector) error {
		proof, err := DecodeStateProof(p.Proof)
		if err != nil {
			return err
		}
		return VerifyState(root, p.Key, p.Value, proof)
	}
	for _, p := range v.Proofs {
		if err := verify(p); err != nil {
			t.Errorf("key %s: %v", p.Key, err)
		}
	}
	for _, p := range v.Refused {
		if verify(p) == nil {
			t.Errorf("%s: accepted", p.Why)
		}
	}
}

type certificateVectors struct {
	Committee committeeVector `json:"committee"`
	Header    headerVector    `json:"header"`
	// The bytes that members sign for Header: as PREPARE, as COMMIT, and as
	// CHECKPOINT with the roots of the key proofs below.
	PrepareBytes    hexBytes `json:"prepareBytes"`
	CommitBytes     hexBytes `json:"commitBytes"`
	CheckpointBytes hexBytes `json:"checkpointBytes"`

	Receipts []proofVector `json:"receiptProofs"`
	Keys     []proofVector `json:"keyProofs"`
	Orders   []proofVector `json:"orderProofs"`
	Blocks   []proofVector `json:"blockReceipts"`
}

type committeeVector struct {
	Chain       hexBytes        `json:"chain"`
	Epoch       pbft.Epoch      `json:"epoch"`
	Keys        []hexBytes      `json:"keys"`
	Parameters  pbft.Parameters `json:"parameters"`
	Digest      hexBytes        `json:"digest"`
	Quorum      int             `json:"quorum"`
	FastQuorum  int             `json:"fastQuorum"`
	ReceiptNeed int             `json:"receiptNeed"`
}

type headerVector struct {
	Bytes  hexBytes `json:"bytes"`
	Digest hexBytes `json:"digest"`
}

type proofVector struct {
	Why   string   `json:"why"`
	Valid bool     `json:"valid"`
	Proof hexBytes `json:"proof"`
}

// vector describes the committee.
func (m *testMembers) vector() committeeVector {
	digest, domain := m.Digest(), m.Chain()
	v := committeeVector{domain[:], m.Epoch(), nil, m.Parameters(), digest[:], m.Quorum(), m.FastQuorum(), m.WeakQuorum()}
	for i := range m.Size() {
		key := m.Key(pbft.ReplicaID(i))
		v.Keys = append(v.Keys, key[:])
	}
	return v
}

func TestCertificateVectors(t *testing.T) {
	m := newMembers(t, "vectors", 2, 7, 2, 1)
	other := newMembers(t, "vectors", 3, 7, 2, 1)
	chain := m.headers(2)
	h := chain[2]
	s := newTestState(t)
	s.update(map[string]string{"a": "1", "b": "2", "c": "3"})
	receipts := testReceipts(5)
	tree := NewTree(receipts)
	id := m.HeaderDigest(&h)
	v := certificateVectors{
		Committee:       m.vector(),
		Header:          headerVector{h.Append(nil), id[:]},
		PrepareBytes:    m.PrepareBytes(m.Ref(&h)),
		CommitBytes:     m.CommitBytes(m.Ref(&h)),
		CheckpointBytes: m.CheckpointBytes(h.Seq, id, s.root, tree.Root()),
	}
	receipt := func(x *pbft.CheckpointCertificate) hexBytes {
		return (&ReceiptProof{x, Include(tree, receipts, 3)}).Encode()
	}
	v.Receipts = []proofVector{
		{"f+1 attestations", true, receipt(m.attest(&h, s.root, tree.Root(), 1, 4, 6))},
		{"all attestations", true, receipt(m.attest(&h, s.root, tree.Root(), 0, 1, 2, 3, 4, 5, 6))},
		{"f attestations", false, receipt(m.attest(&h, s.root, tree.Root(), 1, 6))},
		{"attestations of another epoch", false, receipt(other.attest(&h, s.root, tree.Root(), 1, 2, 6))},
		{"another receipt root", false, receipt(m.attest(&h, s.root, s.root, 1, 2, 6))},
	}
	key := func(value string, ids ...int) hexBytes {
		x := m.attest(&h, s.root, tree.Root(), ids...)
		return (&KeyProof{x, []byte("b"), []byte(value), s.proveAll("b")}).Encode()
	}
	v.Keys = []proofVector{
		{"a quorum", true, key("2", 0, 1, 2, 5, 6)},
		{"absent, by a quorum", true, (&KeyProof{m.attest(&h, s.root, tree.Root(), 0, 1, 2, 3, 4), []byte("d"), nil,
			s.proveAll("d")}).Encode()},
		{"one less than a quorum", false, key("2", 0, 1, 2, 5)},
		{"another value", false, key("3", 0, 1, 2, 5, 6)},
	}
	boundary := h
	boundary.Flags, boundary.Next = pbft.FlagBoundary, pbft.Digest{9}
	closing := m.closing(&boundary)
	order := func(kind pbft.CertificateKind, top pbft.Header, ids []int, hs ...pbft.Header) hexBytes {
		return (&OrderProof{hs, m.certificate(kind, m.Ref(&top), ids...)}).Encode()
	}
	q, fast := []int{0, 2, 3, 5, 6}, []int{0, 1, 2, 3, 4, 5}
	v.Orders = []proofVector{
		{"slow", true, order(pbft.CommittedSlow, h, q, h)},
		{"fast", true, order(pbft.CommittedFast, h, fast, h)},
		{"as an ancestor", true, order(pbft.CommittedSlow, h, q, chain[1], h)},
		{"as the ancestor of a closing block", true, order(pbft.CommittedSlow, closing, q, boundary, closing)},
		{"a boundary block", true, order(pbft.CommittedSlow, boundary, q, boundary)},
		{"a closing block by itself", false, order(pbft.CommittedSlow, closing, q, closing)},
		{"a prepared certificate", false, order(pbft.Prepared, h, fast, h)},
		{"too few PREPAREs", false, order(pbft.CommittedFast, h, q, h)},
		{"too few COMMITs", false, order(pbft.CommittedSlow, h, q[:4], h)},
		{"votes for another block", false, order(pbft.CommittedSlow, chain[1], q, h)},
	}
	block := func(receipts [][]byte, ids ...int) hexBytes {
		return (&BlockReceipts{m.attest(&h, s.root, tree.Root(), ids...), receipts}).Encode()
	}
	swapped := append([][]byte{receipts[1], receipts[0]}, receipts[2:]...)
	v.Blocks = []proofVector{
		{"f+1 attestations", true, block(receipts, 1, 4, 6)},
		{"f attestations", false, block(receipts, 1, 6)},
		{"one receipt less", false, block(receipts[:4], 1, 4, 6)},
		{"two receipts in another order", false, block(swapped, 1, 4, 6)},
		{"none", false, block(nil, 1, 4, 6)},
	}
	checkCertificateVectors(t, m, checkVectors(t, "certificates.json", v))
}

func checkCertificateVectors(t *testing.T, m *testMembers, v certificateVectors) {
	check := func(list []proofVector, verify func(b []byte) error) {
		t.Helper()
		for _, p := range list {
			if err := verify(p.Proof); (err == nil) != p.Valid {
				t.Errorf("%s: %v", p.Why, err)
			}
		}
	}
	check(v.Receipts, func(b []byte) error {
		p, err := DecodeReceiptProof(b)
		if err != nil {
			return err
		}
		return p.Verify(m.Committee, stdScheme{})
	})
	check(v.Keys, func(b []byte) error {
		p, err := DecodeKeyProof(b)
		if err != nil {
			return err
		}
		return p.Verify(m.Committee, stdScheme{})
	})
	check(v.Blocks, func(b []byte) error { return verifyBlock(m, b) })
	check(v.Orders, func(b []byte) error {
		p, err := DecodeOrderProof(b)
		if err != nil {
			return err
		}
		_, err = p.Verify(m.Committee, stdScheme{})
		return err
	})
}

func verifyBlock(m *testMembers, b []byte) error {
	p, err := DecodeBlockReceipts(b)
	if err != nil {
		return err
	}
	return p.Verify(m.Committee, stdScheme{})
}
