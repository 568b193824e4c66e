package cometbft

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

const (
	startMs   = 1_795_000_000_000
	committee = 4
)

// member is one validator's application over a store in memory, without CometBFT.
type member struct {
	*Node
	t     *testing.T
	store *store.Ledger
}

func devNetwork(t *testing.T) *genesis.DevNetwork {
	t.Helper()
	dev, err := genesis.Dev("comet", committee, "")
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func openMember(t *testing.T, w *coupontest.World, fs vfs.FS, self int, s Signatures) *member {
	t.Helper()
	dev := devNetwork(t)
	l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: w.Chain, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	machine, err := ledger.New(w.CouponChain(), w.Genesis(), l)
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(Config{Genesis: dev.Genesis, Self: pbft.ReplicaID(self),
		Key: sig.NewKeyFromSeed(dev.Validators[self].Seed), Machine: machine, Ledger: l, Tuning: DefaultTuning(s),
		Verifier: sig.NewVerifier(0), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	n.cfg.Tuning.IdleWait = time.Millisecond
	m := &member{Node: n, t: t, store: l}
	t.Cleanup(m.close)
	return m
}

func (m *member) close() {
	if m.store != nil {
		_ = m.store.Close()
		m.store = nil
	}
}

// work runs the workers that check signatures, as Run does.
func (m *member) work() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.workers.Run(ctx) }()
	m.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			m.t.Error(err)
		}
	})
}

func (m *member) height() int64 { return int64(m.app.tip().header.Seq) }

// proposer is CometBFT's name of the member that proposes everything here.
func (m *member) proposer() []byte { return addressOf(m.app.committee.Key(1)) }

func (m *member) accepts(raws [][]byte) bool {
	m.t.Helper()
	r, err := m.app.ProcessProposal(context.Background(), &abci.RequestProcessProposal{Txs: raws,
		Height: m.height() + 1, ProposerAddress: m.proposer()})
	if err != nil {
		m.t.Fatal(err)
	}
	return r.IsAccepted()
}

func (m *member) finalize(timeMs uint64, raws [][]byte) (*abci.ResponseFinalizeBlock, error) {
	return m.app.FinalizeBlock(context.Background(), &abci.RequestFinalizeBlock{Txs: raws, Height: m.height() + 1,
		Time: time.UnixMilli(int64(timeMs)), ProposerAddress: m.proposer()})
}

// block decides, executes and commits one block.
func (m *member) block(timeMs uint64, raws ...[]byte) *abci.ResponseFinalizeBlock {
	m.t.Helper()
	if !m.accepts(raws) {
		m.t.Fatalf("block %d is not accepted", m.height()+1)
	}
	r, err := m.finalize(timeMs, raws)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.app.Commit(context.Background(), &abci.RequestCommit{}); err != nil {
		m.t.Fatal(err)
	}
	return r
}

// A block is found by its digest as soon as another one stands above it.
func TestBlocksAreFoundByDigest(t *testing.T) {
	m := openMember(t, newWorld(), vfs.NewMem(), 0, Batch)
	for range 3 {
		below := m.app.tip()
		if _, ok := ledger.BlockHeight(m.app.ledger.Latest(), below.digest); ok {
			t.Fatalf("the newest block %d is in the index already", below.header.Seq)
		}
		m.block(startMs + uint64(below.header.Seq))
		height, ok := ledger.BlockHeight(m.app.ledger.Latest(), below.digest)
		if !ok || height != uint64(below.header.Seq) {
			t.Fatalf("the digest of block %d leads to %d, %v", below.header.Seq, height, ok)
		}
	}
}

// scripLedger is what Scrip's own node does to a block, by its own packages alone.
type scripLedger struct {
	t      *testing.T
	store  *store.Ledger
	m      *ledger.Machine
	height uint64
}

func newScripLedger(t *testing.T, c coupon.Chain, g coupon.Genesis) *scripLedger {
	t.Helper()
	l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: c.Digest, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m, err := ledger.New(c, g, l)
	if err != nil {
		t.Fatal(err)
	}
	s := &scripLedger{t: t, store: l, m: m}
	r, err := m.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	s.commit(pbft.Header{}, nil, &r)
	return s
}

func (s *scripLedger) commit(h pbft.Header, txs []*node.Tx, r *node.Result) {
	s.t.Helper()
	b := node.BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}}}, txs, r,
		chain.ReceiptRoot(r.Receipts))
	if err := s.store.Commit(b, false); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scripLedger) block(timeMs uint64, raws [][]byte) node.Result {
	s.t.Helper()
	s.height++
	txs := make([]*node.Tx, len(raws))
	for i, raw := range raws {
		var err error
		if txs[i], err = s.m.Check(raw); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := s.m.Execute(node.Batch{Height: s.height, TimeMs: timeMs, Txs: txs})
	if err != nil {
		s.t.Fatal(err)
	}
	s.commit(pbft.Header{Seq: pbft.Seq(s.height), TimeMs: timeMs}, txs, &r)
	return r
}

// The same transactions give the same receipts and the same state root on both
// engines, over random histories of accepted and refused ones.
func TestBothEnginesExecuteTheSame(t *testing.T) {
	for seed, signatures := range []Signatures{Batch, Admission} {
		h := coupontest.RandomHistory(uint64(seed), 30, false)
		own := newScripLedger(t, h.World.CouponChain(), h.World.Genesis())
		m := openMember(t, h.World, vfs.NewMem(), 0, signatures)
		own.block(startMs, nil)
		m.block(startMs) // CometBFT's first block is empty
		executed := 0
		for _, b := range h.Blocks {
			txs, errs := m.app.front.resolve(b.Txs)
			var good []*node.Tx
			for i := range txs {
				if errs[i] == nil {
					good = append(good, txs[i])
				}
			}
			raws := fill(good, m.app.limits.BytesMax, m.app.limits.TxsMax, 0)
			want, got := own.block(b.TimeMs, raws), m.block(b.TimeMs, raws...)
			for i, r := range got.TxResults {
				if !bytes.Equal(r.Data, want.Receipts[i]) {
					t.Fatalf("seed %d, block %d: other receipt %d", seed, b.Height, i)
				}
			}
			tip := m.app.tip()
			if !bytes.Equal(got.AppHash, want.StateRoot[:]) || tip.stateRoot != want.StateRoot {
				t.Fatalf("seed %d, block %d: other state", seed, b.Height)
			}
			if tip.receiptRoot != chain.ReceiptRoot(want.Receipts) {
				t.Fatalf("seed %d, block %d: other receipt root", seed, b.Height)
			}
			executed += len(raws)
		}
		if executed < 100 {
			t.Fatalf("seed %d: only %d transactions were executed", seed, executed)
		}
	}
}

func newWorld() *coupontest.World {
	return coupontest.NewWorld(coupontest.Options{Seed: 1, StartMs: startMs, Members: 4, Keys: 1, Threshold: 1, Tills: 3,
		Wallets: 50})
}

func newLoad(w *coupontest.World) *coupontest.Generator {
	return coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 1, Claim: 1, Transfer: 1}, 1, startMs)
}

// forge returns a transaction with another signature.
func forge(raw []byte) []byte {
	bad := bytes.Clone(raw)
	bad[len(bad)-1] ^= 1
	return bad
}

// A transaction with a wrong signature gets neither into a mempool nor into a block,
// by whatever way it comes.
func TestWrongSignaturesEnterNoBlock(t *testing.T) {
	ctx := context.Background()
	for _, signatures := range []Signatures{Batch, Admission} {
		w := newWorld()
		m := openMember(t, w, vfs.NewMem(), 0, signatures)
		good := newLoad(w).Setup()[0]
		bad := forge(good)
		m.block(startMs)

		r, err := m.app.CheckTx(ctx, &abci.RequestCheckTx{Tx: bad})
		if err != nil || r.Code != uint32(node.CodeBadSignature) {
			t.Errorf("%s: the door answers %v, %v", signatures, r, err)
		}
		if signatures == Batch {
			m.work()
			if _, err := m.app.InsertTx(ctx, &abci.RequestInsertTx{Tx: bad}); err != nil {
				t.Fatal(err)
			}
			j, err := m.app.front.wait(ctx, good, bad, good[:9])
			if err != nil || j.errs[0] != nil || !isCode(j.errs[1], node.CodeBadSignature) || j.errs[2] == nil ||
				j.txs[1] != nil {
				t.Errorf("after another validator has sent it: %v, %v", j.errs, err)
			}
		}
		if txs, _ := m.app.pool.size(); txs != 0 {
			t.Errorf("%s: it waits in the mempool", signatures)
		}
		p, err := m.app.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: [][]byte{bad, good}, MaxTxBytes: 1 << 20,
			Height: m.height() + 1})
		if err != nil || len(p.Txs) > 1 || len(p.Txs) == 1 && !bytes.Equal(p.Txs[0], good) {
			t.Errorf("%s: a proposal of %d transactions, %v", signatures, len(p.Txs), err)
		}
		if m.accepts([][]byte{good, bad}) || !m.accepts([][]byte{good}) {
			t.Errorf("%s: the proposal is judged wrongly", signatures)
		}
		if _, err := m.finalize(startMs+1, [][]byte{bad}); !isCode(err, node.CodeBadSignature) {
			t.Errorf("%s: decided all the same, the block is executed: %v", signatures, err)
		}
	}
}

func isCode(err error, code uint16) bool {
	var r *node.Refusal
	return errors.As(err, &r) && r.Code == code
}

// Blocks that break a rule which does not hang on the state are rejected.
func TestInvalidProposals(t *testing.T) {
	w := newWorld()
	m := openMember(t, w, vfs.NewMem(), 0, Batch)
	tx := newLoad(w).Setup()[0]
	if m.accepts([][]byte{tx}) {
		t.Error("transactions in the first block")
	}
	m.block(startMs)
	huge := make([][]byte, m.app.limits.BytesMax/4+1)
	for name, raws := range map[string][][]byte{
		"one transaction twice": {tx, tx}, "no transaction": {nil}, "bytes": {[]byte("coupon")},
		"a large transaction": {make([]byte, ledger.TxBytesMax+1)}, "a large block": huge,
	} {
		if m.accepts(raws) {
			t.Errorf("accepted: %s", name)
		}
	}
	if !m.accepts(nil) || !m.accepts([][]byte{tx}) {
		t.Error("a valid block is rejected")
	}
}

// A crash takes back a block that was not committed, and none that was; either way
// every block is executed once.
func TestCrash(t *testing.T) {
	w := newWorld()
	fs := vfs.NewCrashableMem()
	m := openMember(t, w, fs, 0, Batch)
	g := newLoad(w)
	m.block(startMs)
	for i, raw := range g.Setup() {
		m.block(startMs+1+uint64(i), raw)
	}
	tx := g.Next(startMs)
	for i, committed := range []bool{false, true} {
		height := m.height()
		want, err := m.finalize(startMs+1000+uint64(i), [][]byte{tx})
		if err != nil {
			t.Fatal(err)
		}
		if committed {
			if _, err := m.app.Commit(context.Background(), &abci.RequestCommit{}); err != nil {
				t.Fatal(err)
			}
			height++
		}
		root := m.app.tip().stateRoot
		after := fs.CrashClone(vfs.CrashCloneCfg{})
		m.close()
		fs = after
		m = openMember(t, w, fs, 0, Batch)
		info, err := m.app.Info(context.Background(), &abci.RequestInfo{})
		if err != nil || info.LastBlockHeight != height || !bytes.Equal(info.LastBlockAppHash, root[:]) {
			t.Fatalf("committed %v: after the crash at %d of %d, %v", committed, info.LastBlockHeight, height, err)
		}
		if committed {
			if !bytes.Equal(info.LastBlockAppHash, want.AppHash) {
				t.Error("the state after the crash is another")
			}
			if _, err := m.app.FinalizeBlock(context.Background(), &abci.RequestFinalizeBlock{Height: height,
				Txs: [][]byte{tx}, ProposerAddress: m.proposer()}); err == nil {
				t.Error("a committed block is executed again")
			}
			continue
		}
		again, err := m.finalize(startMs+1000+uint64(i), [][]byte{tx}) // the replay
		if err != nil || !bytes.Equal(again.AppHash, want.AppHash) {
			t.Errorf("the replayed block has another result: %v", err)
		}
	}
}

// The genesis of two applications is the same, and InitChain wants its own chain.
func TestBeginning(t *testing.T) {
	w := newWorld()
	m := openMember(t, w, vfs.NewMem(), 2, Batch)
	r, err := m.app.InitChain(context.Background(), &abci.RequestInitChain{ChainId: ChainID(devNetwork(t).Genesis)})
	own := newScripLedger(t, w.CouponChain(), w.Genesis())
	root := own.store.StateRoot()
	if err != nil || !bytes.Equal(r.AppHash, root[:]) {
		t.Errorf("the chain begins with %x, %v", r.GetAppHash(), err)
	}
	if _, err := m.app.InitChain(context.Background(), &abci.RequestInitChain{ChainId: "another"}); err == nil {
		t.Error("another chain begins over the ledger")
	}
}

// Only the committee's members are let in.
func TestPeers(t *testing.T) {
	m := openMember(t, newWorld(), vfs.NewMem(), 0, Batch)
	for name, c := range map[string]struct {
		path string
		ok   bool
	}{
		"a member":   {filterByID + peerID(m.proposer()), true},
		"a stranger": {filterByID + peerID(addressOf([32]byte{1})), false},
		"an address": {filterByAddress + "127.0.0.1:1", true},
		"a reader":   {"/store/x", false},
	} {
		r, err := m.app.Query(context.Background(), &abci.RequestQuery{Path: c.path})
		if err != nil || r.IsOK() != c.ok {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

// Members that have executed the same sign the same, their signatures make a
// certificate that any client of Scrip believes, and others do not count.
func TestExtensionsProveReceipts(t *testing.T) {
	ctx := context.Background()
	w := newWorld()
	tx := newLoad(w).Setup()[0]
	var members []*member
	for i := range committee {
		m := openMember(t, w, vfs.NewMem(), i, Batch)
		if r, err := m.app.ExtendVote(ctx, &abci.RequestExtendVote{Height: 1}); err != nil || len(r.VoteExtension) > 0 {
			t.Fatalf("something is attested before the first block: %x, %v", r.GetVoteExtension(), err)
		}
		m.block(startMs)
		m.block(startMs+1, tx)
		members = append(members, m)
	}
	judge := members[0]
	held := make(map[pbft.ReplicaID][]byte)
	for i, m := range members {
		r, err := m.app.ExtendVote(ctx, &abci.RequestExtendVote{Height: 3})
		if err != nil {
			t.Fatal(err)
		}
		held[pbft.ReplicaID(i)] = r.VoteExtension
		verify := func(extension []byte, by int) bool {
			v, err := judge.app.VerifyVoteExtension(ctx, &abci.RequestVerifyVoteExtension{Height: 3,
				ValidatorAddress: addressOf(m.app.committee.Key(pbft.ReplicaID(by))), VoteExtension: extension})
			if err != nil {
				t.Fatal(err)
			}
			return v.IsAccepted()
		}
		if !verify(r.VoteExtension, i) || verify(forge(r.VoteExtension), i) || verify(nil, i) ||
			verify(r.VoteExtension, (i+1)%committee) {
			t.Fatalf("the extension of member %d is judged wrongly", i)
		}
	}
	held[3] = forge(held[3])
	judge.app.extensions = func(height uint64) map[pbft.ReplicaID][]byte {
		if height != 3 {
			return nil
		}
		return held
	}
	judge.block(startMs + 2)
	parsed, err := judge.cfg.Machine.Check(tx)
	if err != nil {
		t.Fatal(err)
	}
	o, err := judge.Wait(ctx, parsed.ID, node.Proved)
	if err != nil {
		t.Fatal(err)
	}
	header, err := judge.store.Latest().Header(2)
	if err != nil {
		t.Fatal(err)
	}
	v, err := client.NewVerifier(devNetwork(t).Genesis.Raw)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := v.Receipt(parsed.ID, o.Proof.Encode(), header[:pbft.HeaderBytes])
	if err != nil || receipt.Members != 3 || receipt.TimeMs != startMs+1 {
		t.Fatalf("a client finds %+v, %v", receipt, err)
	}
}

// Who waits is told what becomes of a transaction: before and after its block, of an
// expired one, and when there will be no more blocks.
func TestWaiting(t *testing.T) {
	ctx := context.Background()
	w := newWorld()
	m := openMember(t, w, vfs.NewMem(), 0, Batch)
	g := newLoad(w)
	first, second := g.Setup()[0], g.Setup()[1]
	a, err := m.cfg.Machine.Check(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.cfg.Machine.Check(second)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		node.Outcome
		err error
	}
	wait := func(id [32]byte) chan result {
		done := make(chan result, 1)
		go func() {
			o, err := m.Wait(ctx, id, node.Executed)
			done <- result{o, err}
		}()
		return done
	}
	m.block(startMs)
	before := wait(a.ID)
	m.block(startMs+1, first)
	if r := <-before; r.err != nil || r.Height != 2 || r.Index != 0 {
		t.Errorf("waiting before the block: %+v, %v", r.Outcome, r.err)
	}
	if r := <-wait(a.ID); r.err != nil || r.Height != 2 {
		t.Errorf("waiting after the block: %+v, %v", r.Outcome, r.err)
	}
	if err := m.app.pool.add(b, true); err != nil || !m.Waits(b.ID) {
		t.Fatalf("the second transaction does not wait: %v", err)
	}
	lapsed := wait(b.ID)
	m.settle(1)
	m.block(b.ExpiresMs + 1)
	if r := <-lapsed; !errors.Is(r.err, node.ErrExpired) || m.Waits(b.ID) {
		t.Errorf("waiting for an expired one: %+v, %v", r.Outcome, r.err)
	}
	last := wait([32]byte{1})
	m.settle(1)
	m.app.outcomes.fail(errEnded)
	if r := <-last; !errors.Is(r.err, node.ErrStopped) {
		t.Errorf("waiting at the end: %v", r.err)
	}
	if r := <-wait(a.ID); r.err != nil || r.Height != 2 {
		t.Errorf("asking after the end for what is known: %+v, %v", r.Outcome, r.err)
	}
}

// settle waits until so many calls of Wait wait.
func (m *member) settle(waiters int) {
	o := m.app.outcomes
	for {
		o.mu.Lock()
		n := o.waiters
		o.mu.Unlock()
		if n == waiters {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
