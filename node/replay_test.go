package node_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// scribe writes a ledger block by block, as a node does, with members that sign whatever it
// says: its seal holds, whatever is false in it.
type scribe struct {
	t         *testing.T
	world     *coupontest.World
	keys      []sig.PrivateKey
	committee *pbft.Committee
	ledger    *store.Ledger
	machine   *ledger.Machine
	disk      vfs.FS
	parent    pbft.SignedHeader
	states    []pbft.Digest
}

type batch = store.BlockBatch

// forgery says what is false about one block, before it is decided and before it is stored.
type forgery struct {
	payload func(txs [][]byte)
	header  func(h *pbft.Header)
	stored  func(b *batch)
	vote    func(c *pbft.Certificate)
	attest  func(c *pbft.CheckpointCertificate)
}

func openFor(t *testing.T, w *coupontest.World, disk vfs.FS, p store.Packer) (*store.Ledger, *ledger.Machine) {
	t.Helper()
	l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: w.Chain, FS: disk, Packer: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m, err := ledger.New(w.CouponChain(), w.Genesis(), l)
	if err != nil {
		t.Fatal(err)
	}
	return l, m
}

func newScribe(t *testing.T, w *coupontest.World) *scribe {
	s := &scribe{t: t, world: w}
	var public []pbft.PublicKey
	for i := range 4 {
		s.keys = append(s.keys, sig.NewKeyFromSeed([32]byte{byte(i + 1)}))
		public = append(public, s.keys[i].Public())
	}
	var err error
	if s.committee, err = pbft.NewCommittee(w.Chain, 0, public, pbft.Parameters{Faults: 1}); err != nil {
		t.Fatal(err)
	}
	s.disk = vfs.NewMem()
	s.ledger, s.machine = openFor(t, w, s.disk, node.NewPacker(s.committee))
	r, err := s.machine.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	s.parent.Header = s.committee.GenesisHeader(r.StateRoot, genesisMs)
	b := node.BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: s.parent}}, nil, &r, pbft.Digest{})
	if err := s.ledger.Commit(b, false); err != nil {
		t.Fatal(err)
	}
	s.states = append(s.states, r.StateRoot)
	return s
}

// signed returns q signatures of a message.
func (s *scribe) signed(message []byte) (by pbft.Signers, sigs []pbft.Signature) {
	for i := range s.committee.Quorum() {
		by.Add(pbft.ReplicaID(i))
		sigs = append(sigs, s.keys[i].Sign(message))
	}
	return by, sigs
}

// admitted returns the transactions that are signed: others get into no block.
func (s *scribe) admitted(raws [][]byte) (good [][]byte) {
	v := sig.NewVerifier(0)
	for _, raw := range raws {
		if tx, err := s.machine.Check(raw); err == nil && v.VerifyBatch(tx.Signatures) {
			good = append(good, raw)
		}
	}
	return good
}

func (s *scribe) block(timeMs uint64, raws [][]byte, f forgery) {
	s.t.Helper()
	if f.payload != nil {
		f.payload(raws)
	}
	h := pbft.Header{View: 1, Seq: s.parent.Header.Seq + 1, Parent: s.committee.HeaderDigest(&s.parent.Header),
		TimeMs: max(timeMs, s.parent.Header.TimeMs+1), Justify: s.committee.Ref(&s.parent.Header),
		Proposer: s.committee.Primary(1), Committee: s.committee.Digest(), ExecSeq: s.parent.Header.Seq,
		ExecRoot: s.states[len(s.states)-1]}
	x := &pbft.Block{Payload: chain.EncodePayload(raws)}
	h.PayloadRoot, h.PayloadBytes = chain.PayloadRoot(raws), uint32(len(x.Payload))
	if f.header != nil {
		f.header(&h)
	}
	x.Header = h
	txs := node.Batch{Height: uint64(h.Seq), TimeMs: h.TimeMs, Parent: h.Parent}
	for _, raw := range raws {
		tx, err := s.machine.Check(raw)
		if err != nil {
			s.t.Fatal(err)
		}
		txs.Txs = append(txs.Txs, tx)
	}
	r, err := s.machine.Execute(txs)
	if err != nil {
		s.t.Fatal(err)
	}
	var receipts pbft.Digest
	if len(raws) > 0 {
		receipts = r.ReceiptTree().Root()
	}
	c := &pbft.Certificate{Kind: pbft.CommittedSlow, Block: s.committee.Ref(&h)}
	c.Signers, c.Signatures = s.signed(s.committee.CommitBytes(c.Block))
	if f.vote != nil {
		f.vote(c)
	}
	b := node.BlockBatch(&pbft.CommittedBlock{Block: x, Certificate: c}, txs.Txs, &r, receipts)
	if f.stored != nil {
		f.stored(&b)
	}
	if err := s.ledger.Commit(b, false); err != nil {
		s.t.Fatal(err)
	}
	k := &pbft.CheckpointCertificate{Seq: h.Seq, Block: c.Block.Digest, StateRoot: r.StateRoot, ReceiptRoot: receipts}
	if f.attest != nil {
		f.attest(k)
	}
	k.Signers, k.Signatures = s.signed(s.committee.CheckpointBytes(k.Seq, k.Block, k.StateRoot, k.ReceiptRoot))
	if err := s.ledger.PutCheckpoint(uint64(h.Seq), k.Encode()); err != nil {
		s.t.Fatal(err)
	}
	s.parent.Header, s.states = h, append(s.states, r.StateRoot)
}

// replay executes the ledger again.
func (s *scribe) replay() (node.Replayed, error) {
	into, machine := openFor(s.t, s.world, vfs.NewMem(), nil)
	x := node.Replay{Committee: s.committee, GenesisTimeMs: genesisMs, TxBytesMax: ledger.TxBytesMax, Into: into,
		Machine: machine}
	return x.Run(context.Background(), s.ledger.Latest())
}

// What the seal of a ledger cannot see, since it was false when it was written, its blocks
// show: each part of it.
func TestReplayFindsWhatTheSealCannotSee(t *testing.T) {
	flip := func(b []byte) []byte {
		b = append([]byte(nil), b...)
		b[len(b)-1] ^= 1
		return b
	}
	for name, x := range map[string]struct {
		f    forgery
		says string // what is found
	}{
		"nothing": {},
		"row":     {forgery{stored: func(b *batch) { b.Rows[0].Value = flip(b.Rows[0].Value) }}, "row "},
		"rows and their root": {forgery{stored: func(b *batch) {
			b.Rows[0].Value, b.StateRoot[3] = flip(b.Rows[0].Value), 7
			copy(b.Header[len(b.Header)-64:], b.StateRoot[:])
		}}, "its state root, receipt root or time"},
		"receipt":    {forgery{stored: func(b *batch) { b.Receipts = flip(b.Receipts) }}, "its receipts are not"},
		"index":      {forgery{stored: func(b *batch) { b.Extra[0].Value = append(flip(b.Extra[0].Key), 1) }}, "index "},
		"event":      {forgery{stored: func(b *batch) { b.Events[0].Data = flip(b.Events[0].Data) }}, "event "},
		"page":       {forgery{stored: func(b *batch) { b.Pages[0].Value = flip(b.Pages[0].Value) }}, "page "},
		"seen":       {forgery{stored: func(b *batch) { b.SeenAdded = b.SeenAdded[1:] }}, "seen id "},
		"place":      {forgery{stored: func(b *batch) { b.Txs = b.Txs[1:] }}, "the place of transaction"},
		"payload":    {forgery{stored: func(b *batch) { b.Payload = flip(b.Payload) }}, "payload"},
		"signature":  {forgery{payload: func(txs [][]byte) { txs[0] = flip(txs[0]) }}, "is not signed"},
		"link":       {forgery{header: func(h *pbft.Header) { h.Parent[0]++ }}, "names another parent"},
		"state":      {forgery{header: func(h *pbft.Header) { h.ExecRoot[0]++ }}, "another state of height"},
		"commit":     {forgery{vote: func(c *pbft.Certificate) { c.Signatures[0][0]++ }}, "does not commit it"},
		"checkpoint": {forgery{attest: func(c *pbft.CheckpointCertificate) { c.StateRoot[0]++ }}, "checkpoint is of other"},
	} {
		t.Run(name, func(t *testing.T) {
			h := coupontest.RandomHistory(1, 12, false)
			s := newScribe(t, h.World)
			last := 0
			for i := range h.Blocks {
				if h.Blocks[i].Txs = s.admitted(h.Blocks[i].Txs); len(h.Blocks[i].Txs) > 0 {
					last = i
				}
			}
			for i, b := range h.Blocks[:last+1] {
				f := forgery{}
				if i == last { // nothing writes over it later
					f = x.f
				}
				s.block(b.TimeMs, b.Txs, f)
			}
			got, err := s.replay()
			if x.says == "" {
				if err != nil || got.Height != uint64(last+1) || got.Certified != got.Height || got.Checkpoints != got.Height {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, node.ErrFalseLedger) || !strings.Contains(err.Error(), x.says) {
				t.Errorf("found: %v", err)
			}
		})
	}
}
