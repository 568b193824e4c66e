package cometbft

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// appVersion is the version of the state machine, which CometBFT puts into headers.
const appVersion = 1

// blockTxsMax bounds the transactions of a block. It decides whether a block is
// valid, so it is the same on every validator; it is that of package node.
const blockTxsMax = 1 << 16

// view is the view of every header. CometBFT's rounds are no part of a block.
const view = 1

// app is the coupon ledger as an ABCI 2.0 application. CometBFT calls the methods of
// its consensus connection one after the other, those of the others at any time.
type app struct {
	abci.BaseApplication // no snapshots

	genesis   *genesis.Genesis
	committee *pbft.Committee
	addresses map[string]pbft.ReplicaID // by CometBFT's address of the key
	self      pbft.ReplicaID
	key       sig.PrivateKey
	scheme    scheme
	tuning    *Tuning
	machine   *ledger.Machine
	front     *front
	pool      *pool
	outcomes  *outcomes
	limits    chain.PayloadLimits
	metrics   *metrics
	// extensions returns the vote extensions of a height by their signers, as far as
	// CometBFT holds them; nil until CometBFT is there.
	extensions func(height uint64) map[pbft.ReplicaID][]byte

	mu     sync.Mutex // guards all below and the writes of ledger
	ledger *store.Ledger
	last   tip
	next   *execution // finalized and not committed
	err    error      // why nothing is executed any more
}

// tip is an executed block.
type tip struct {
	header                 pbft.Header
	digest                 pbft.Digest
	stateRoot, receiptRoot pbft.Digest
	txs                    int
}

// execution is a block between FinalizeBlock and Commit.
type execution struct {
	tip
	txs    []*node.Tx
	result node.Result
	batch  store.BlockBatch
}

// open brings the application to the last block of its ledger. An empty ledger gets
// the genesis first.
func (a *app) open() error {
	v := a.ledger.Latest()
	height, ok := v.Height()
	if !ok {
		r, err := a.machine.Genesis()
		if err != nil {
			return fmt.Errorf("make the genesis: %w", err)
		}
		h := a.committee.GenesisHeader(r.StateRoot, a.genesis.File.TimeMs)
		block := &pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}}}
		if err := a.ledger.Commit(node.BlockBatch(block, nil, &r, pbft.Digest{}), true); err != nil {
			return fmt.Errorf("store the genesis: %w", err)
		}
	}
	b, err := node.ReadBlock(v, a.committee, a.limits, height)
	if err != nil {
		return fmt.Errorf("read the last block: %w", err)
	}
	a.last = tip{header: b.Header.Header, digest: b.Digest, stateRoot: b.StateRoot, receiptRoot: b.ReceiptRoot,
		txs: len(b.Txs)}
	return nil
}

// tip returns the last executed block.
func (a *app) tip() tip {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// Info implements abci.Application: the last block of the ledger, above which
// CometBFT replays.
func (a *app) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	t := a.tip()
	return &abci.ResponseInfo{Data: "scrip", Version: "1", AppVersion: appVersion,
		LastBlockHeight: int64(t.header.Seq), LastBlockAppHash: t.stateRoot[:]}, nil
}

// Paths of Query by which CometBFT asks whether it may talk to somebody.
const (
	filterByID      = "/p2p/filter/id/"
	filterByAddress = "/p2p/filter/addr/"
)

// codeRefused is the code of answers to CometBFT itself, which reads no more of it.
const codeRefused = 1

// Query implements abci.Application. It only tells CometBFT which peers are members;
// clients ask the API.
func (a *app) Query(_ context.Context, q *abci.RequestQuery) (*abci.ResponseQuery, error) {
	if strings.HasPrefix(q.Path, filterByAddress) {
		return &abci.ResponseQuery{}, nil // the key decides, and comes later
	}
	if id, ok := strings.CutPrefix(q.Path, filterByID); ok {
		if _, member := a.addresses[id]; member {
			return &abci.ResponseQuery{}, nil
		}
		return &abci.ResponseQuery{Code: codeRefused, Log: "no member of the committee"}, nil
	}
	return &abci.ResponseQuery{Code: codeRefused, Log: "ask the HTTP API"}, nil
}

// InitChain implements abci.Application.
func (a *app) InitChain(_ context.Context, q *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	t := a.tip()
	if q.ChainId != ChainID(a.genesis) || t.header.Seq != 0 {
		return nil, fmt.Errorf("begin chain %s: the ledger is at height %d of %s", q.ChainId, t.header.Seq,
			ChainID(a.genesis))
	}
	return &abci.ResponseInitChain{AppHash: t.stateRoot[:]}, nil
}

// FinalizeBlock implements abci.Application: it executes a decided block. Nothing is
// written before Commit. An error stops this validator.
func (a *app) FinalizeBlock(
	_ context.Context, q *abci.RequestFinalizeBlock,
) (*abci.ResponseFinalizeBlock, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return nil, a.err
	}
	x, err := a.execute(q)
	if err != nil {
		a.err = fmt.Errorf("execute block %d: %w", q.Height, err)
		a.outcomes.fail(a.err)
		return nil, a.err
	}
	a.next = x
	results := make([]*abci.ExecTxResult, len(x.result.Receipts))
	for i, receipt := range x.result.Receipts {
		results[i] = &abci.ExecTxResult{Data: receipt}
	}
	return &abci.ResponseFinalizeBlock{TxResults: results, AppHash: x.stateRoot[:]}, nil
}

// execute runs a block over the state. The caller holds mu.
func (a *app) execute(q *abci.RequestFinalizeBlock) (*execution, error) {
	if q.Height != int64(a.last.header.Seq)+1 {
		return nil, fmt.Errorf("the ledger is at height %d", a.last.header.Seq)
	}
	// More than f validators would have to be faulty for an invalid block to get
	// here. It is not executed all the same.
	txs, err := a.valid(q.Txs, q.Height)
	if err != nil {
		return nil, err
	}
	proposer, ok := a.addresses[peerID(q.ProposerAddress)]
	if !ok {
		return nil, fmt.Errorf("proposed by %x, who is no member", q.ProposerAddress)
	}
	payload := chain.EncodePayload(q.Txs)
	h := pbft.Header{
		Epoch: a.committee.Epoch(), View: view, Seq: a.last.header.Seq + 1, Parent: a.last.digest,
		PayloadRoot: chain.PayloadRoot(q.Txs), PayloadBytes: uint32(len(payload)),
		ExecSeq: a.last.header.Seq, ExecRoot: a.last.stateRoot,
		TimeMs:  max(uint64(max(q.Time.UnixMilli(), 0)), a.last.header.TimeMs+1),
		Justify: pbft.BlockRef{View: view, Seq: a.last.header.Seq, Digest: a.last.digest}, Proposer: proposer,
		Committee: a.committee.Digest(),
	}
	r, err := a.machine.Execute(node.NewBatch(&h, &a.last.header, h.TimeMs, txs))
	if err = errors.Join(err, a.ledger.Err()); err != nil {
		return nil, err
	}
	x := &execution{txs: txs, result: r, tip: tip{header: h, digest: a.committee.HeaderDigest(&h),
		stateRoot: r.StateRoot, receiptRoot: r.ReceiptRoot(), txs: len(txs)}}
	block := &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}, Payload: payload}
	x.batch = node.BlockBatch(&pbft.CommittedBlock{Block: block}, txs, &x.result, x.receiptRoot)
	return x, nil
}

// Commit implements abci.Application: it makes the executed block durable, all of it
// or nothing.
func (a *app) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.next
	if x == nil || a.err != nil {
		return nil, errors.Join(errors.New("commit: no block is executed"), a.err)
	}
	if err := a.ledger.Commit(x.batch, true); err != nil {
		a.err = fmt.Errorf("store block %d: %w", x.header.Seq, err)
		a.outcomes.fail(a.err)
		return nil, a.err
	}
	before := a.last
	a.last, a.next = x.tip, nil
	a.pool.executed(x.txs)
	a.outcomes.executed(x)
	a.outcomes.expired(a.pool.expire(x.header.TimeMs))
	a.metrics.executed(x)
	if err := a.certify(before); err != nil {
		a.err = err
		a.outcomes.fail(err)
		return nil, err
	}
	return &abci.ResponseCommit{}, nil
}

// scheme is ZIP-215 for certificates.
type scheme struct{ v *sig.Verifier }

// Verify implements pbft.Scheme.
func (s scheme) Verify(key pbft.PublicKey, message []byte, signature pbft.Signature) bool {
	return s.v.Verify((*[32]byte)(&key), message, (*[64]byte)(&signature))
}

// VerifyBatch implements pbft.Scheme. A certificate has few signatures: a batch of
// them saves nothing that counts.
func (s scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, signatures []pbft.Signature) bool {
	for i := range keys {
		if !s.Verify(keys[i], messages[i], signatures[i]) {
			return false
		}
	}
	return true
}
