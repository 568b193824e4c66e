package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// executorQueueMax bounds the jobs handed to the executor: all blocks that the driver
// hands out. Certificates beyond wait in the loop.
const executorQueueMax = driver.HandedMax

// job is a committed block to execute, or a certificate to store.
type job struct {
	block      *pbft.CommittedBlock
	checkpoint *pbft.CheckpointCertificate
}

// jobDone tells the loop what executing a block gave.
type jobDone struct {
	seq                    pbft.Seq
	stateRoot, receiptRoot pbft.Digest
}

// executor owns the state: it executes committed blocks in order, on a goroutine
// of its own so that votes never wait for it, and stores them. The headers name
// a state that lies some blocks back, so that consensus does not wait either.
type executor struct {
	n     *Node
	jobs  chan job
	done  chan jobDone
	began time.Time // when the last block was executed
	// timeMs is the time at which the last block was executed, see execute.
	timeMs uint64
	// parent is the header of the last block that was executed.
	parent pbft.Header
}

func newExecutor(n *Node) *executor {
	return &executor{n: n, jobs: make(chan job, executorQueueMax), done: make(chan jobDone, executorQueueMax)}
}

// run works until ctx ends or the store fails.
func (e *executor) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-e.n.certs.found:
			if err := e.certify(c); err != nil {
				return err
			}
		case j := <-e.jobs:
			if j.checkpoint != nil {
				if err := e.certify(j.checkpoint); err != nil {
					return err
				}
				continue
			}
			d, err := e.execute(j.block)
			if err != nil {
				return err
			}
			select {
			case e.done <- d:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// certify stores a certificate, unless a larger one is there.
func (e *executor) certify(c *pbft.CheckpointCertificate) error {
	held, err := e.signaturesHeld(uint64(c.Seq))
	if err != nil || held >= len(c.Signatures) {
		return err
	}
	if err := e.n.cfg.Ledger.PutCheckpoint(uint64(c.Seq), c.Encode()); err != nil {
		return fmt.Errorf("store the certificate of height %d: %w", c.Seq, err)
	}
	e.n.hub.certified(c)
	e.n.certs.have(uint64(c.Seq))
	return nil
}

// signaturesHeld returns how many members the certificate names that is held for a
// height: among the recent blocks, or from before a restart in the ledger.
func (e *executor) signaturesHeld(height uint64) (int, error) {
	if b := e.n.hub.recent(height); b != nil {
		return b.signatures(), nil
	}
	encoded, err := e.n.cfg.Ledger.Latest().Checkpoint(height)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the certificate of height %d: %w", height, err)
	}
	c, err := pbft.DecodeCheckpointCertificate(encoded)
	if err != nil {
		return 0, fmt.Errorf("stored certificate of height %d: %w", height, err)
	}
	return len(c.Signatures), nil
}

// execute runs one block and commits it to the ledger, all of it or nothing. Its
// time is that of its header, or just after the block below: the original
// protocol may order again, late, what was proposed before that one.
func (e *executor) execute(c *pbft.CommittedBlock) (jobDone, error) {
	h := &c.Block.Header
	n := e.n
	txs, err := n.payloads.take(c.Block)
	if err != nil {
		return jobDone{}, fmt.Errorf("execute block %d: %w", h.Seq, err)
	}
	start := time.Now()
	timeMs := max(h.TimeMs, e.timeMs+1)
	r, err := n.cfg.Machine.Execute(NewBatch(h, &e.parent, timeMs, txs))
	if err == nil {
		err = n.cfg.Ledger.Err()
	}
	if err == nil && len(r.Receipts) != len(txs) {
		err = fmt.Errorf("%d receipts of %d transactions", len(r.Receipts), len(txs))
	}
	if err != nil {
		return jobDone{}, fmt.Errorf("execute block %d: %w", h.Seq, err)
	}
	tree := sync.OnceValue(r.ReceiptTree)
	var receiptRoot pbft.Digest
	if len(txs) > 0 {
		receiptRoot = tree().Root()
	}
	n.metrics.took(stepExecute, start)
	start = time.Now()
	batch := BlockBatch(c, txs, &r, receiptRoot)
	if timeMs != h.TimeMs {
		batch.Header = wire.AppendUint64(batch.Header, timeMs)
	}
	if err := n.cfg.Ledger.Commit(batch, false); err != nil {
		return jobDone{}, fmt.Errorf("store block %d: %w", h.Seq, err)
	}
	n.metrics.took(stepStore, start)
	e.timeMs, e.parent = timeMs, *h
	d := jobDone{seq: h.Seq, stateRoot: r.StateRoot, receiptRoot: receiptRoot}
	e.announce(c, txs, &r, d, tree)
	return d, nil
}

// announce tells the mempool, those who wait and the metrics about a block that
// is stored.
func (e *executor) announce(c *pbft.CommittedBlock, txs []*Tx, r *Result, d jobDone, tree func() *chain.Tree) {
	h := &c.Block.Header
	n := e.n
	executed := n.stages.executed(c, n.mempool.executed(h.View, txs, r.Open))
	b := &executedBlock{header: *h, weak: r.Weak, receipts: r.Receipts, tree: tree,
		stateRoot: d.stateRoot, receiptRoot: d.receiptRoot, ids: make([][32]byte, len(txs)), at: executed}
	for i, tx := range txs {
		b.ids[i] = tx.ID
		b.size += 32 + len(r.Receipts[i])
	}
	n.lanes.settle(txs)
	n.hub.executed(b)
	n.certs.executed(uint64(h.Seq))
	now := time.Now()
	m := n.metrics
	if !e.began.IsZero() {
		m.blockInterval.Observe(now.Sub(e.began).Seconds())
	}
	e.began = now
	m.height.Set(float64(h.Seq))
	m.blocks.Inc()
	m.blockTxs.Observe(float64(len(txs)))
	m.txs.Add(float64(len(txs)))
	if len(txs) == 0 {
		m.emptyBlocks.Inc()
	}
}

// BlockBatch is everything that an executed block leaves in the ledger.
func BlockBatch(c *pbft.CommittedBlock, txs []*Tx, r *Result, receiptRoot pbft.Digest) store.BlockBatch {
	header := record{SignedHeader: c.Block.SignedHeader, stateRoot: r.StateRoot, receiptRoot: receiptRoot}
	b := store.BlockBatch{
		Height: uint64(c.Block.Header.Seq), StateRoot: r.StateRoot,
		Header: header.encode(), Payload: c.Block.Payload,
		Receipts: chain.EncodePayload(r.Receipts),
		Txs:      make([]store.TxRef, len(txs)), Events: make([]store.Event, len(r.Events)),
		Rows: r.Changes.Rows, Pages: r.Changes.Pages, Extra: r.Changes.Extra,
		SeenAdded: r.Changes.SeenAdded, SeenDropped: r.Changes.SeenDropped,
	}
	if c.Certificate != nil {
		b.Certificate = c.Certificate.Encode()
	}
	for i, tx := range txs {
		b.Txs[i] = store.TxRef{ID: tx.ID, Index: uint32(i), IfAbsent: r.Weak != nil && r.Weak[i]}
	}
	var index, last uint32
	for i, e := range r.Events {
		if i == 0 || e.Tx != last {
			index, last = 0, e.Tx
		}
		b.Events[i] = store.Event{Tx: e.Tx, Index: index, Data: e.Data}
		index++
	}
	return b
}

// record is what the ledger keeps as the header of an executed block: the header
// with its primary's signature, the results of the block, and behind them, where
// it is not that of the header, the time at which it was executed.
type record struct {
	pbft.SignedHeader
	stateRoot, receiptRoot pbft.Digest
	timeMs                 uint64
}

const recordBytes = pbft.HeaderBytes + 64 + 32 + 32

func (x *record) encode() []byte {
	b := append(x.Header.Append(make([]byte, 0, recordBytes)), x.Signature[:]...)
	return append(append(b, x.stateRoot[:]...), x.receiptRoot[:]...)
}

func decodeRecord(b []byte) (x record, err error) {
	if len(b) != recordBytes && len(b) != recordBytes+8 {
		return x, fmt.Errorf("stored header of %d bytes", len(b))
	}
	if x.Header, err = pbft.DecodeHeader(b[:pbft.HeaderBytes]); err != nil {
		return x, fmt.Errorf("stored header: %w", err)
	}
	rest := b[pbft.HeaderBytes:]
	x.Signature, x.stateRoot, x.receiptRoot = pbft.Signature(rest), pbft.Digest(rest[64:]), pbft.Digest(rest[96:])
	if x.timeMs = x.Header.TimeMs; len(b) > recordBytes {
		x.timeMs = wire.NewReader(b[recordBytes:]).Uint64()
	}
	return x, nil
}

// readRecord reads the header of an executed block.
func readRecord(v *store.View, height uint64) (record, error) {
	b, err := v.Header(height)
	if err != nil {
		return record{}, err
	}
	x, err := decodeRecord(b)
	if err != nil {
		return record{}, fmt.Errorf("height %d: %w", height, err)
	}
	return x, nil
}
