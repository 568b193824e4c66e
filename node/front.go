package node

import (
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/scrip-network/scrip/sig"
)

// front checks transactions before anything else sees them: the machine's
// stateless checks and the signatures, each transaction once. The verdict is
// kept under the hash of the full bytes and shared by admission, gossip, the
// check of proposals, and execution, which also get the decoded form from it.
// Safe for concurrent use.
type front struct {
	machine StateMachine
	pool    *sig.Pool
	txMax   int

	mu       sync.Mutex // guards all below and unsettled verdicts
	verdicts generations[*verdict]
	counts   frontCounts
}

// verdictBytesMax bounds the remembered verdicts by the bytes of their
// transactions with what hangs on them.
const (
	verdictBytesMax = 96 << 20
	verdictOverhead = 512
)

// frontCounts says how much work the front did and saved.
type frontCounts struct {
	hits, misses, invalid, busy uint64
}

// verdict is what the front knows of one transaction. Its fields are read
// only once it is settled.
type verdict struct {
	tx      *Tx   // nil if err is not
	err     error // a *Refusal
	settled bool
	waiters []*inquiry
}

// inquiry waits for the verdicts of some transactions.
type inquiry struct {
	verdicts []*verdict
	left     int // unsettled verdicts; guarded by front.mu
	done     func([]*verdict)
}

func newFront(machine StateMachine, pool *sig.Pool, txMax int) *front {
	return &front{machine: machine, pool: pool, txMax: txMax, verdicts: newGenerations[*verdict](verdictBytesMax)}
}

// check finds the verdict of every transaction and calls done once with all of
// them, in order: from within check if they are known, else from a goroutine of
// the signature pool. The transactions are copied if they are kept. A verdict
// of refusalBusy says nothing about the transaction and is not remembered.
func (f *front) check(class sig.Class, raws [][]byte, done func([]*verdict)) {
	q := &inquiry{verdicts: make([]*verdict, len(raws)), done: done}
	hashes := make([][32]byte, len(raws))
	for i, raw := range raws {
		hashes[i] = sha256.Sum256(raw)
	}
	var fresh []int
	f.mu.Lock()
	for i := range raws {
		v, ok := f.verdicts.get(hashes[i])
		if !ok {
			v = &verdict{}
			f.verdicts.put(hashes[i], v, len(raws[i])+verdictOverhead)
			fresh = append(fresh, i)
		}
		q.verdicts[i] = v
		if !v.settled {
			q.left++
			v.waiters = append(v.waiters, q)
		}
	}
	f.counts.hits += uint64(len(raws) - len(fresh))
	f.counts.misses += uint64(len(fresh))
	ready := q.left == 0
	f.mu.Unlock()
	if ready {
		done(q.verdicts)
		return
	}
	f.examine(class, q, raws, hashes, fresh)
}

// examine settles the verdicts of the transactions that nobody checked before.
func (f *front) examine(class sig.Class, q *inquiry, raws [][]byte, hashes [][32]byte, fresh []int) {
	var items []sig.Item
	ends := make([]int, len(fresh)) // in items, after the signatures of each
	txs := make([]*Tx, len(fresh))
	errs := make([]error, len(fresh))
	for k, i := range fresh {
		if txs[k], errs[k] = f.decode(raws[i]); errs[k] == nil {
			items = append(items, txs[k].Signatures...)
		}
		ends[k] = len(items)
	}
	finish := func(ok []bool, err error) {
		f.settle(q, hashes, fresh, func(k int) (*Tx, error) {
			start := 0
			if k > 0 {
				start = ends[k-1]
			}
			if errs[k] == nil && err != nil {
				return nil, err
			}
			for at := start; at < ends[k]; at++ {
				if !ok[at] {
					return nil, &Refusal{Code: CodeBadSignature, Text: "a signature does not verify"}
				}
			}
			return txs[k], errs[k]
		})
	}
	if len(items) == 0 {
		finish(nil, nil)
		return
	}
	err := f.pool.Submit(class, items, func(ok []bool) {
		if ok == nil {
			finish(nil, refusalBusy) // the pool stopped
			return
		}
		finish(ok, nil)
	})
	if err != nil {
		finish(nil, refusalBusy)
	}
}

// decode runs the stateless checks over a copy of raw, so that a kept
// transaction does not keep the frame or payload that it came in.
func (f *front) decode(raw []byte) (*Tx, error) {
	if len(raw) > f.txMax {
		return nil, &Refusal{Code: CodeTooLarge, Text: "the transaction is too large"}
	}
	return f.machine.Check(append([]byte(nil), raw...))
}

// settle writes verdicts and calls those who have waited for the last one.
func (f *front) settle(q *inquiry, hashes [][32]byte, fresh []int, judge func(k int) (*Tx, error)) {
	var complete []*inquiry
	f.mu.Lock()
	for k, i := range fresh {
		v := q.verdicts[i]
		v.tx, v.err = judge(k)
		v.settled = true
		if v.err != nil {
			v.tx = nil
			f.counts.invalid++
		}
		if errors.Is(v.err, refusalBusy) {
			f.verdicts.drop(hashes[i])
			f.counts.busy++
		}
		for _, w := range v.waiters {
			if w.left--; w.left == 0 {
				complete = append(complete, w)
			}
		}
		v.waiters = nil
	}
	f.mu.Unlock()
	for _, w := range complete {
		w.done(w.verdicts)
	}
}

// known returns a transaction by its bytes if it was found valid lately.
func (f *front) known(raw []byte) *Tx {
	hash := sha256.Sum256(raw)
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.verdicts.get(hash); ok && v.settled {
		return v.tx
	}
	return nil
}

func (f *front) stats() (frontCounts, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts, f.verdicts.size()
}
