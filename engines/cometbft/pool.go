package cometbft

import (
	"context"
	"sync"
	"time"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// Whose transactions a pool tells apart: CometBFT does not say which of the other
// validators brought one.
const (
	ownClients = pbft.ReplicaID(iota)
	others
	parties
)

// foreignShare is the part of the room that the other validators' transactions may
// take together, in eighths: a flood of theirs leaves room for own clients.
const foreignShare = 7

// limitsOf are the limits of a pool. Own clients have no share of their own, since
// the others' room bounds them all.
func limitsOf(txsMax, bytesMax int) driver.Limits {
	return driver.Limits{TxsMax: txsMax, BytesMax: bytesMax, SenderTxsMax: max(1, txsMax/4),
		PeerTxsMax: max(1, txsMax/8*foreignShare), OwnTxsMax: txsMax, OwnBytesMax: bytesMax}
}

// pool holds the transactions that wait for a block. With Batch it is the mempool;
// with Admission it follows CometBFT's, to answer who waits. Safe for concurrent use.
type pool struct {
	txsMax int
	tells  bool // whether own transactions are kept for reap

	mu      sync.Mutex // guards all below
	shares  *driver.Shares
	byID    map[[32]byte]*waiting
	queue   []*waiting       // by arrival; with gaps of what is gone
	gone    int              // gaps in queue
	senders map[[32]byte]int // transactions of each
	fresh   [][]byte         // own, to be told to the others
	arrived chan struct{}    // closed with the next transaction
	pruned  uint64           // block time at which expired ones were last looked for
}

type waiting struct {
	tx  *node.Tx // nil = gone
	own bool
}

func newPool(txsMax, bytesMax int, tells bool) *pool {
	return &pool{txsMax: txsMax, tells: tells,
		shares: driver.NewShares(limitsOf(txsMax, bytesMax), ownClients, int(parties)), byID: make(map[[32]byte]*waiting),
		senders: make(map[[32]byte]int), arrived: make(chan struct{})}
}

// full returns a refusal if there is no room.
func (p *pool) full() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shares.Full() {
		return refusalBusy()
	}
	return nil
}

// has reports whether a transaction waits.
func (p *pool) has(id [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id] != nil
}

// size returns how many transactions wait, and their bytes.
func (p *pool) size() (txs, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shares.Txs(), p.shares.Bytes()
}

// party says who brought a transaction.
func party(own bool) pbft.ReplicaID {
	if own {
		return ownClients
	}
	return others
}

// add puts a checked transaction into the pool, own if it came from a client of this
// node; one that is there already is no error. An error is a refusal.
func (p *pool) add(tx *node.Tx, own bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID[tx.ID] != nil {
		return nil
	}
	from := party(own)
	if p.shares.Ask(from, p.senders[tx.Sender], len(tx.Raw)) != driver.HasRoom {
		return refusalBusy()
	}
	w := &waiting{tx: tx, own: own}
	p.byID[tx.ID] = w
	p.queue = append(p.queue, w)
	p.shares.Enter(from, len(tx.Raw))
	p.senders[tx.Sender]++
	if own && p.tells && len(p.fresh) < p.txsMax { // what is too much is proposed by this validator
		p.fresh = append(p.fresh, tx.Raw)
	}
	close(p.arrived)
	p.arrived = make(chan struct{})
	return nil
}

// reap returns own transactions that the others have not been told of, up to
// bytesMax of them; 0 = all.
func (p *pool) reap(bytesMax int) (raws [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, size := 0, 0
	for ; n < len(p.fresh); n++ {
		if size += len(p.fresh[n]); bytesMax > 0 && size > bytesMax && n > 0 {
			break
		}
	}
	raws, p.fresh = p.fresh[:n:n], p.fresh[n:]
	return raws
}

// wait returns when a transaction waits, after the given time, or when ctx ends.
func (p *pool) wait(ctx context.Context, atMost time.Duration) {
	p.mu.Lock()
	some, arrived := len(p.byID) > 0, p.arrived
	p.mu.Unlock()
	if some {
		return
	}
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-arrived:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// take returns what has waited longest, up to txsMax transactions. It removes nothing:
// a proposal may fail.
func (p *pool) take(txsMax int) []*node.Tx {
	p.mu.Lock()
	defer p.mu.Unlock()
	txs := make([]*node.Tx, 0, min(len(p.byID), txsMax))
	for _, w := range p.queue {
		if len(txs) == txsMax {
			break
		}
		if w.tx != nil {
			txs = append(txs, w.tx)
		}
	}
	return txs
}

// executed removes the transactions of a block.
func (p *pool) executed(txs []*node.Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tx := range txs {
		p.remove(tx.ID)
	}
	p.compact()
}

// pruneEveryMs is the block time between two looks for expired transactions.
const pruneEveryMs = 1000

// expire removes, from time to time, what no block after the given time can accept,
// and returns it.
func (p *pool) expire(timeMs uint64) (ids [][32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if timeMs < p.pruned+pruneEveryMs {
		return nil
	}
	p.pruned = timeMs
	for _, w := range p.queue {
		if w.tx != nil && w.tx.ExpiresMs <= timeMs {
			ids = append(ids, w.tx.ID)
		}
	}
	for _, id := range ids {
		p.remove(id)
	}
	p.compact()
	return ids
}

func (p *pool) remove(id [32]byte) {
	w := p.byID[id]
	if w == nil {
		return
	}
	delete(p.byID, id)
	p.shares.Leave(party(w.own), len(w.tx.Raw))
	if p.senders[w.tx.Sender]--; p.senders[w.tx.Sender] == 0 {
		delete(p.senders, w.tx.Sender)
	}
	w.tx = nil
	p.gone++
}

// compact closes the gaps once they are most of the queue.
func (p *pool) compact() {
	if p.gone <= len(p.queue)/2 {
		return
	}
	kept := p.queue[:0]
	for _, w := range p.queue {
		if w.tx != nil {
			kept = append(kept, w)
		}
	}
	clear(p.queue[len(kept):])
	p.queue, p.gone = kept, 0
}
