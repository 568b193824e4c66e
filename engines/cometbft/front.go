package cometbft

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/sig"
)

// knownTxsMax bounds the remembered transactions, old and new halves together. It is
// above what a pool and the blocks in flight hold.
const knownTxsMax = 1 << 17

// front checks transactions: the machine's stateless checks and the signatures, each
// transaction once. Those found good are remembered in decoded form under the hash
// of their bytes, for the checks of proposals and for execution. Safe for concurrent
// use.
type front struct {
	machine  *ledger.Machine
	verifier *sig.Verifier
	workers  *sig.Pool // joins signatures into batches; nil = each by itself

	mu       sync.RWMutex // guards all below
	new, old map[[32]byte]*node.Tx
}

func newFront(m *ledger.Machine, v *sig.Verifier, workers *sig.Pool) *front {
	return &front{machine: m, verifier: v, workers: workers, new: make(map[[32]byte]*node.Tx)}
}

// errSignature refuses a transaction. It is a code that every node gives.
func errSignature() error {
	return &node.Refusal{Code: node.CodeBadSignature, Text: "a signature does not verify"}
}

// known returns a transaction by its bytes if it was found good lately.
func (f *front) known(raw []byte) *node.Tx {
	hash := sha256.Sum256(raw)
	f.mu.RLock()
	defer f.mu.RUnlock()
	if tx := f.new[hash]; tx != nil {
		return tx
	}
	return f.old[hash]
}

// remember keeps a good transaction.
func (f *front) remember(tx *node.Tx) {
	hash := sha256.Sum256(tx.Raw)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.new) >= knownTxsMax/2 {
		f.old, f.new = f.new, make(map[[32]byte]*node.Tx, len(f.new))
	}
	f.new[hash] = tx
}

// decode runs the stateless checks over a copy, since CometBFT keeps and reuses what
// it hands over.
func (f *front) decode(raw []byte) (*node.Tx, error) {
	if len(raw) > ledger.TxBytesMax {
		return nil, &node.Refusal{Code: node.CodeTooLarge, Text: "the transaction is too large"}
	}
	return f.machine.Check(append([]byte(nil), raw...))
}

// single checks one transaction, each signature by itself.
func (f *front) single(raw []byte) (*node.Tx, error) {
	if tx := f.known(raw); tx != nil {
		return tx, nil
	}
	tx, err := f.decode(raw)
	if err != nil {
		return nil, err
	}
	for _, s := range tx.Signatures {
		if !f.verifier.Verify(s.Key, s.Message, s.Signature) {
			return nil, errSignature()
		}
	}
	f.remember(tx)
	return tx, nil
}

// resolve checks the transactions of a block, and all signatures that nobody has
// checked before in one batch, unless each is to be checked by itself.
func (f *front) resolve(raws [][]byte) (txs []*node.Tx, errs []error) {
	txs, errs = make([]*node.Tx, len(raws)), make([]error, len(raws))
	if f.workers == nil {
		for i, raw := range raws {
			txs[i], errs[i] = f.single(raw)
		}
		return txs, errs
	}
	var items []sig.Item
	var fresh []int
	for i, raw := range raws {
		if txs[i] = f.known(raw); txs[i] != nil {
			continue
		}
		if txs[i], errs[i] = f.decode(raw); errs[i] == nil {
			items = append(items, txs[i].Signatures...)
			fresh = append(fresh, i)
		}
	}
	ok := make([]bool, len(items))
	f.verifier.Check(items, ok)
	for _, i := range fresh {
		n := len(txs[i].Signatures)
		if allTrue(ok[:n]) {
			f.remember(txs[i])
		} else {
			errs[i] = errSignature()
		}
		ok = ok[n:]
	}
	return txs, errs
}

// check checks one transaction together with others that wait, and calls done once,
// from another goroutine or from here. An error of check means that done is not
// called: there are too many.
func (f *front) check(raw []byte, done func(*node.Tx, error)) error {
	if tx := f.known(raw); tx != nil {
		done(tx, nil)
		return nil
	}
	tx, err := f.decode(raw)
	if err != nil {
		done(nil, err)
		return nil
	}
	err = f.workers.Submit(sig.Bulk, tx.Signatures, func(ok []bool) {
		switch {
		case ok == nil: // the workers stopped
			done(nil, refusalBusy())
		case !allTrue(ok):
			done(nil, errSignature())
		default:
			f.remember(tx)
			done(tx, nil)
		}
	})
	if err != nil {
		return refusalBusy()
	}
	return nil
}

// wait is check for a caller who waits.
func (f *front) wait(ctx context.Context, raw []byte) (*node.Tx, error) {
	type verdict struct {
		tx  *node.Tx
		err error
	}
	settled := make(chan verdict, 1)
	if err := f.check(raw, func(tx *node.Tx, err error) { settled <- verdict{tx, err} }); err != nil {
		return nil, err
	}
	select {
	case v := <-settled:
		return v.tx, v.err
	case <-ctx.Done():
		return nil, fmt.Errorf("submit: %w", ctx.Err())
	}
}

func allTrue(ok []bool) bool {
	for _, good := range ok {
		if !good {
			return false
		}
	}
	return true
}

// busyRetryMs is after how many milliseconds a refused client should try again.
const busyRetryMs = 200

func refusalBusy() error {
	return &node.Refusal{Code: node.CodeOverloaded, Text: "the node has more to do than it can", RetryMs: busyRetryMs}
}
