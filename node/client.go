package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// Pending is the answer to a transaction that was taken, or that was known.
type Pending struct {
	ID [32]byte
	// ExpiresMs is the chain time after which no block can accept it.
	ExpiresMs uint64
	// Known says that it waited or was executed before: Wait gives the outcome
	// that it had or will have.
	Known bool
}

// Submit checks a transaction and, if nothing speaks against it, takes it: from
// then on it is on its way into a block, and Wait tells what becomes of it. A
// transaction that was submitted before, here or elsewhere, is no error. It
// blocks only while the signatures are checked. by is the key that authenticated
// the client's connection, or nil: the machine may admit more from it.
//
// Errors: a *Refusal, which is no final outcome; ErrStopped; ErrDiverged;
// ErrRestoring; ctx's. Safe for
// concurrent use.
func (n *Node) Submit(ctx context.Context, raw []byte, by *[32]byte) (Pending, error) {
	p, err := n.submit(ctx, raw, by)
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		n.metrics.refused.WithLabelValues("E" + strconv.Itoa(int(refusal.Code))).Inc()
	}
	return p, err
}

func (n *Node) submit(ctx context.Context, raw []byte, by *[32]byte) (Pending, error) {
	if n.stopped() {
		return Pending{}, ErrStopped
	}
	if err := n.mayAnswer(); err != nil {
		return Pending{}, err
	}
	kept := n.mempool.expect(1)
	if kept == 0 && n.front.known(raw) == nil {
		return Pending{}, refusalFull
	}
	began := n.stages.now()
	settled := make(chan *verdict, 1)
	n.front.check(sig.Bulk, [][]byte{raw}, func(vs []*verdict) { settled <- vs[0] })
	var v *verdict
	select {
	case v = <-settled:
		n.mempool.came(kept)
	case <-ctx.Done():
		n.mempool.came(kept)
		return Pending{}, fmt.Errorf("submit: %w", ctx.Err())
	}
	if v.err != nil {
		return Pending{}, v.err
	}
	return n.admit(v.tx, by, began)
}

// admit puts a verified transaction of an own client, who asked at began, into the
// mempool.
func (n *Node) admit(tx *Tx, by *[32]byte, began time.Duration) (Pending, error) {
	p := Pending{ID: tx.ID, ExpiresMs: tx.ExpiresMs, Known: true}
	if n.mempool.adopt(tx.ID, n.cfg.Self) {
		return p, nil
	}
	if refusal := n.cfg.Machine.Admit(tx, by, n.doorMs()); refusal != nil {
		// A transaction that has its outcome is refused too, but is no error.
		_, ok, err := n.cfg.Ledger.Latest().LookupTx(tx.ID)
		if err != nil {
			return Pending{}, fmt.Errorf("submit: %w", err)
		}
		if ok {
			return p, nil
		}
		return Pending{}, refusal
	}
	switch err := n.mempool.add(tx, n.cfg.Self, n.cfg.Self, nowMs()); {
	case errors.Is(err, errKnown):
		return p, nil
	case err != nil:
		return Pending{}, err
	}
	p.Known = false
	n.stages.took(stageDoor, began, 1)
	n.gossip.spread(tx)
	n.signalArrived()
	return p, nil
}

// Wait returns what became of a transaction, once it is as final as asked for.
// It may be called before or after Submit, on any node, any number of times.
//
// Errors: ErrExpired; ErrStopped; ErrTooMany; ErrDiverged; ErrRestoring; ctx's. If only the proof was
// missing, the Outcome comes without it beside the error. Safe for concurrent
// use.
func (n *Node) Wait(ctx context.Context, id [32]byte, until Finality) (Outcome, error) {
	if err := n.mayAnswer(); err != nil {
		return Outcome{ID: id}, err
	}
	answers := make(chan answer, 1)
	w := &waiter{id: id, until: until, outcome: answers}
	if err := n.hub.wait(w); err != nil {
		if o, ok, lookupErr := n.Lookup(id); ok || lookupErr != nil {
			return o, lookupErr // what is known needs no waiting
		}
		return Outcome{ID: id}, err
	}
	defer n.hub.forget(w)
	known := Outcome{ID: id} // what there is if no more comes
	recheck := time.NewTimer(waitRecheck)
	defer recheck.Stop()
	// What waits in the mempool has no outcome yet, and its execution finds the
	// waiter, so the ledger need not be asked: unless it is a late copy.
	look := !n.mempool.has(id)
	for {
		if look {
			var done bool
			var err error
			if known, done, err = n.settled(w, until); done || err != nil {
				return known, err
			}
		}
		select {
		case a := <-answers:
			if errors.Is(a.err, errReadBack) {
				return n.Wait(ctx, id, until)
			}
			return a.outcome, a.err
		case <-recheck.C:
			look = true
		case <-ctx.Done():
			return known, fmt.Errorf("wait for transaction: %w", ctx.Err())
		}
	}
}

// waitRecheck is after how long Wait looks into the ledger for a transaction
// that the mempool holds.
const waitRecheck = time.Second

// settled returns the outcome of an executed transaction. If its proof is wanted
// and not there, it asks for the certificate and lets w wait for it.
func (n *Node) settled(w *waiter, until Finality) (o Outcome, done bool, err error) {
	place, ok, err := n.cfg.Ledger.Latest().LookupTx(w.id)
	if err != nil || !ok {
		return Outcome{ID: w.id}, false, err
	}
	if o, err = n.outcomeAt(w.id, place); err != nil || until == Executed || o.Proof != nil {
		return o, true, err
	}
	n.hub.waitProof(w, place.Height, place.Index)
	n.certs.want(place.Height)
	return o, false, nil
}

// Lookup returns the outcome of a transaction if it has been executed here. Safe
// for concurrent use.
func (n *Node) Lookup(id [32]byte) (o Outcome, ok bool, err error) {
	if err := n.mayAnswer(); err != nil {
		return Outcome{ID: id}, false, err
	}
	place, ok, err := n.cfg.Ledger.Latest().LookupTx(id)
	if err != nil || !ok {
		return Outcome{ID: id}, false, err
	}
	o, err = n.outcomeAt(id, place)
	return o, err == nil, err
}

// Waits reports whether a transaction is in the mempool. Safe for concurrent use.
func (n *Node) Waits(id [32]byte) bool { return n.mempool.has(id) }

// outcomeAt reads the outcome at a known place.
func (n *Node) outcomeAt(id [32]byte, place store.TxPlace) (Outcome, error) {
	b := n.hub.recent(place.Height)
	if b == nil {
		var err error
		if b, err = readExecuted(n.cfg.Ledger.Latest(), place.Height); err != nil {
			return Outcome{ID: id}, err
		}
	}
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	return b.outcomeOf(id, place)
}

// ReadOutcome reads what became of a transaction from the ledger that View v is
// of, with its proof if a certificate is stored.
func ReadOutcome(v *store.View, id [32]byte, place store.TxPlace) (Outcome, error) {
	b, err := readExecuted(v, place.Height)
	if err != nil {
		return Outcome{ID: id}, err
	}
	return b.outcomeOf(id, place)
}

// outcomeOf returns what became of a transaction that has its place in the block.
// The caller holds hub.mu, or knows the block from elsewhere.
func (b *executedBlock) outcomeOf(id [32]byte, place store.TxPlace) (Outcome, error) {
	if int(place.Index) >= len(b.receipts) {
		return Outcome{ID: id}, fmt.Errorf("transaction %d of the %d in block %d", place.Index, len(b.receipts), place.Height)
	}
	o := b.outcome(place.Index)
	o.ID = id
	return o, nil
}

// readExecuted reads an executed block back, without the ids of its
// transactions and its events.
func readExecuted(v *store.View, height uint64) (*executedBlock, error) {
	x, err := readRecord(v, height)
	if err != nil {
		return nil, err
	}
	encoded, err := v.Receipts(height)
	if err != nil {
		return nil, err
	}
	b := &executedBlock{header: x.Header, stateRoot: x.stateRoot, receiptRoot: x.receiptRoot}
	if b.receipts, err = DecodeReceipts(encoded); err != nil {
		return nil, err
	}
	b.tree = func() *chain.Tree { return chain.ReceiptTree(b.receipts, b.receiptRoot) }
	certificate, err := v.Checkpoint(height)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		if b.certificate, err = pbft.DecodeCheckpointCertificate(certificate); err != nil {
			return nil, fmt.Errorf("stored certificate of height %d: %w", height, err)
		}
	}
	return b, nil
}

// DecodeReceipts splits the receipts of a block as the ledger keeps them. They
// alias b.
func DecodeReceipts(b []byte) ([][]byte, error) {
	limits := chain.PayloadLimits{BytesMax: len(b), TxsMax: driver.PayloadTxsMax, TxBytesMax: len(b)}
	receipts, err := chain.DecodePayload(b, limits)
	if err != nil {
		return nil, fmt.Errorf("stored receipts: %w", err)
	}
	return receipts, nil
}

// Block is an executed block.
type Block struct {
	Height      uint64
	Digest      pbft.Digest
	Header      pbft.SignedHeader
	Txs         [][]byte
	Receipts    [][]byte
	StateRoot   pbft.Digest // after the block
	ReceiptRoot pbft.Digest
	Certificate *pbft.Certificate           // of its commit; nil if a later block's stands for it
	Checkpoint  *pbft.CheckpointCertificate // over its execution; nil if none is held yet
}

// Block returns an executed block, or an error that wraps store.ErrNotFound.
// Height 0 is the genesis, without transactions. Safe for concurrent use.
func (n *Node) Block(height uint64) (*Block, error) {
	if err := n.mayAnswer(); err != nil {
		return nil, err
	}
	return ReadBlock(n.cfg.Ledger.Latest(), n.committee, n.payloads.limits, height)
}

// ReadBlock is Block for any ledger in which the blocks of a committee are stored
// as BlockBatch has them. limits bound a payload.
func ReadBlock(v *store.View, c *pbft.Committee, limits chain.PayloadLimits, height uint64) (*Block, error) {
	e, err := readExecuted(v, height)
	if err != nil {
		return nil, err
	}
	stored, err := v.Block(height)
	if err != nil {
		return nil, err
	}
	x, err := decodeRecord(stored.Header)
	if err != nil {
		return nil, err
	}
	b := &Block{Height: height, Digest: c.HeaderDigest(&x.Header), Header: x.SignedHeader,
		StateRoot: x.stateRoot, ReceiptRoot: x.receiptRoot, Receipts: e.receipts, Checkpoint: e.certificate}
	if b.Txs, err = chain.DecodePayload(stored.Payload, limits); err != nil {
		return nil, fmt.Errorf("stored payload of height %d: %w", height, err)
	}
	if len(stored.Certificate) > 0 {
		if b.Certificate, err = pbft.DecodeCertificate(stored.Certificate); err != nil {
			return nil, fmt.Errorf("stored certificate of height %d: %w", height, err)
		}
	}
	return b, nil
}

// View pins the executed state for consistent queries; the caller closes it
// soon. Safe for concurrent use.
func (n *Node) View() (*store.View, error) {
	if err := n.mayAnswer(); err != nil {
		return nil, err
	}
	return n.cfg.Ledger.View()
}
