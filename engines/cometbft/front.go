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

// judged are transactions with what is known of each: either the decoded form of a
// good one or a refusal.
type judged struct {
	txs  []*node.Tx
	errs []error

	fresh []int // those whose signatures nobody has checked before
	items []sig.Item
}

// gather decodes transactions and collects the signatures that are to be checked.
func (f *front) gather(raws [][]byte) *judged {
	j := &judged{txs: make([]*node.Tx, len(raws)), errs: make([]error, len(raws))}
	for i, raw := range raws {
		if j.txs[i] = f.known(raw); j.txs[i] != nil {
			continue
		}
		if j.txs[i], j.errs[i] = f.decode(raw); j.errs[i] == nil {
			j.items = append(j.items, j.txs[i].Signatures...)
			j.fresh = append(j.fresh, i)
		}
	}
	return j
}

// settle ends a gathering with the verdicts of its signatures; nil means that there
// are none, because too much waits.
func (f *front) settle(j *judged, ok []bool) {
	for _, i := range j.fresh {
		if ok == nil {
			j.errs[i] = refusalBusy()
			continue
		}
		n := len(j.txs[i].Signatures)
		if allTrue(ok[:n]) {
			f.remember(j.txs[i])
		} else {
			j.errs[i] = errSignature()
		}
		ok = ok[n:]
	}
	for i, err := range j.errs {
		if err != nil {
			j.txs[i] = nil
		}
	}
}

// resolve checks the transactions of a block, and all signatures that nobody has
// checked before in one batch, unless each is to be checked by itself.
func (f *front) resolve(raws [][]byte) (txs []*node.Tx, errs []error) {
	if f.workers != nil {
		j := f.gather(raws)
		ok := make([]bool, len(j.items))
		f.verifier.Check(j.items, ok)
		f.settle(j, ok)
		return j.txs, j.errs
	}
	txs, errs = make([]*node.Tx, len(raws)), make([]error, len(raws))
	for i, raw := range raws {
		txs[i], errs[i] = f.single(raw)
	}
	return txs, errs
}

// check checks transactions together with all others that wait, and calls done once,
// from another goroutine or from here.
func (f *front) check(raws [][]byte, done func(*judged)) {
	j := f.gather(raws)
	if len(j.fresh) == 0 {
		f.settle(j, []bool{})
		done(j)
		return
	}
	err := f.workers.Submit(sig.Bulk, j.items, func(ok []bool) { // nil if the workers stopped
		f.settle(j, ok)
		done(j)
	})
	if err != nil {
		f.settle(j, nil)
		done(j)
	}
}

// wait is check for a caller who waits.
func (f *front) wait(ctx context.Context, raws ...[]byte) (*judged, error) {
	settled := make(chan *judged, 1)
	f.check(raws, func(j *judged) { settled <- j })
	select {
	case j := <-settled:
		return j, nil
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
