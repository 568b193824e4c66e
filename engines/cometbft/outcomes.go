package cometbft

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// waitersMax bounds the calls of wait at one time.
const waitersMax = 1 << 16

// outcomes tells those who wait what was executed. Safe for concurrent use.
type outcomes struct {
	ledger *store.Ledger
	pool   *pool
	// certify makes the certificate of a height if it is missing and can be made.
	certify func(height uint64) error

	mu       sync.Mutex // guards all below
	height   uint64
	timeMs   uint64
	advanced chan struct{} // closed with the next block
	waiters  int
	waiting  map[[32]byte][]*waiter
	proofs   map[uint64]*proof
	err      error         // why there is no further block
	stopped  chan struct{} // closed once err is set
}

// waiter is one call of wait for an execution.
type waiter struct {
	id      [32]byte
	outcome chan answer // has room for one
}

type answer struct {
	outcome node.Outcome
	err     error
	// stored says that the outcome is to be read from the ledger.
	stored bool
}

// proof is a certificate that some wait for.
type proof struct {
	made    chan struct{} // closed with it
	waiters int
}

func newOutcomes(l *store.Ledger, p *pool) *outcomes {
	return &outcomes{ledger: l, pool: p, advanced: make(chan struct{}), waiting: make(map[[32]byte][]*waiter),
		proofs: make(map[uint64]*proof), stopped: make(chan struct{})}
}

// begin sets the last block of the ledger.
func (o *outcomes) begin(t tip) { o.height, o.timeMs = uint64(t.header.Seq), t.header.TimeMs }

// tip returns height and time of the last block, and a channel that is closed with
// the next one or when there will be none.
func (o *outcomes) tip() (height, timeMs uint64, advanced <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.height, o.timeMs, o.advanced
}

// ended returns why there is no further block, or nil.
func (o *outcomes) ended() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// executed tells about a block that is stored.
func (o *outcomes) executed(x *execution) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.height, o.timeMs = uint64(x.header.Seq), x.header.TimeMs
	for i, tx := range x.txs {
		if len(o.waiting) == 0 {
			break
		}
		o.answer(tx.ID, answer{stored: x.result.Weak != nil && x.result.Weak[i], outcome: node.Outcome{ID: tx.ID,
			Height: o.height, Index: uint32(i), TimeMs: o.timeMs, Receipt: x.result.Receipts[i]}})
	}
	close(o.advanced)
	o.advanced = make(chan struct{})
}

// expired tells about transactions that no block can accept.
func (o *outcomes) expired(ids [][32]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.answer(id, answer{outcome: node.Outcome{ID: id}, err: node.ErrExpired})
	}
}

// answer answers all who wait for an id. The caller holds mu.
func (o *outcomes) answer(id [32]byte, a answer) {
	for _, w := range o.waiting[id] {
		w.outcome <- a
	}
	delete(o.waiting, id)
}

// certified tells that the certificate of a height is stored.
func (o *outcomes) certified(height uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.proofs[height]; p != nil {
		close(p.made)
		delete(o.proofs, height)
	}
}

// fail says that there will be no further block, and why. Only the first counts.
func (o *outcomes) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = err
	close(o.stopped)
	close(o.advanced)
	o.advanced = make(chan struct{})
}

// enter registers interest in an id. The caller calls leave.
func (o *outcomes) enter(id [32]byte) (*waiter, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return nil, node.ErrStopped
	case o.waiters >= waitersMax:
		return nil, node.ErrTooMany
	}
	o.waiters++
	w := &waiter{id: id, outcome: make(chan answer, 1)}
	o.waiting[id] = append(o.waiting[id], w)
	return w, nil
}

func (o *outcomes) leave(w *waiter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiters--
	rest := o.waiting[w.id][:0]
	for _, other := range o.waiting[w.id] {
		if other != w {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(o.waiting, w.id)
	} else {
		o.waiting[w.id] = rest
	}
}

// lookAgain is after how long wait looks into the ledger for what the pool holds.
const lookAgain = time.Second

// wait is Node.Wait.
func (o *outcomes) wait(ctx context.Context, id [32]byte, until node.Finality) (node.Outcome, error) {
	w, err := o.enter(id)
	if err != nil {
		if found, ok, lookErr := o.lookup(id); ok || lookErr != nil {
			return found, lookErr // what is known needs no waiting
		}
		return node.Outcome{ID: id}, err
	}
	defer o.leave(w)
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	look := !o.pool.has(id)
	for {
		if look {
			place, ok, err := o.ledger.Latest().LookupTx(id)
			if err != nil {
				return node.Outcome{ID: id}, err
			}
			if ok {
				return o.finish(ctx, id, place, until)
			}
		}
		select {
		case a := <-w.outcome:
			if a.err != nil || !a.stored && until == node.Executed {
				return a.outcome, a.err
			}
			look = true
		case <-again.C:
			look = true
		case <-o.stopped:
			return node.Outcome{ID: id}, node.ErrStopped
		case <-ctx.Done():
			return node.Outcome{ID: id}, fmt.Errorf("wait for transaction: %w", ctx.Err())
		}
	}
}

// finish waits for the proof of an executed transaction, if it is wanted.
func (o *outcomes) finish(
	ctx context.Context, id [32]byte, place store.TxPlace, until node.Finality,
) (node.Outcome, error) {
	if until == node.Proved {
		if err := o.certify(place.Height); err != nil {
			return node.Outcome{ID: id}, err
		}
	}
	p := o.expect(place.Height)
	defer o.leaveProof(place.Height, p)
	out, err := node.ReadOutcome(o.ledger.Latest(), id, place)
	if err != nil || until == node.Executed || out.Proof != nil {
		return out, err
	}
	select {
	case <-p.made:
		return node.ReadOutcome(o.ledger.Latest(), id, place)
	case <-o.stopped:
		return out, node.ErrStopped
	case <-ctx.Done():
		return out, fmt.Errorf("wait for the proof of a transaction: %w", ctx.Err())
	}
}

// expect registers interest in the certificate of a height. The caller calls
// leaveProof.
func (o *outcomes) expect(height uint64) *proof {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.proofs[height]
	if p == nil {
		p = &proof{made: make(chan struct{})}
		o.proofs[height] = p
	}
	p.waiters++
	return p
}

func (o *outcomes) leaveProof(height uint64, p *proof) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.waiters--; p.waiters == 0 && o.proofs[height] == p {
		delete(o.proofs, height)
	}
}

// lookup is Node.Lookup.
func (o *outcomes) lookup(id [32]byte) (node.Outcome, bool, error) {
	v := o.ledger.Latest()
	place, ok, err := v.LookupTx(id)
	if err != nil || !ok {
		return node.Outcome{ID: id}, false, err
	}
	out, err := node.ReadOutcome(v, id, place)
	return out, err == nil, err
}
