package node

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
)

// Finality says how much must have happened before Wait returns.
type Finality uint8

// The degrees of finality.
const (
	// Executed: this node has executed the transaction in a committed block.
	// Whoever trusts this node needs no more.
	Executed Finality = iota
	// Proved: f+1 members attest the receipt, so the Outcome holds a proof that
	// anybody can check.
	Proved
)

// Errors of Wait and of subscriptions, compared with errors.Is.
var (
	// ErrExpired says that the transaction is in no block and that no later one
	// can accept it: the chain's time has passed its end.
	ErrExpired = errors.New("node: the transaction expired without an outcome")
	// ErrStopped says that the node takes no part in the chain any more.
	ErrStopped = errors.New("node: stopped")
	// ErrTooMany says that as many wait as may.
	ErrTooMany = errors.New("node: too many callers wait")
)

// Outcome is what became of a transaction.
type Outcome struct {
	ID     [32]byte
	Height uint64
	// Index is the transaction's place in its block.
	Index uint32
	// TimeMs is the block's time in Unix milliseconds.
	TimeMs uint64
	// Receipt is the canonical receipt.
	Receipt []byte
	// Proof shows the receipt to others; nil if less than f+1 attested it yet.
	Proof *chain.ReceiptProof
}

// Limits of the hub.
const (
	waitersMax     = 1 << 16
	recentBlockMax = 128      // executed blocks kept in memory
	recentBytesMax = 32 << 20 // of receipts in them
)

// executedBlock is what the hub keeps of a block after its execution.
type executedBlock struct {
	header   pbft.Header
	ids      [][32]byte
	weak     []bool // as in Result
	receipts [][]byte
	tree     func() *chain.Tree // over the receipts; built once, when needed
	// stateRoot and receiptRoot are the results.
	stateRoot, receiptRoot pbft.Digest
	// at is when it was executed here, on the clock of stages.
	at time.Duration
	// certificate is the last stored one over this block; guarded by hub.mu.
	certificate *pbft.CheckpointCertificate
	size        int
}

// errReadBack tells a waiter that what it waits for is in the ledger.
var errReadBack = errors.New("node: read the outcome from the ledger")

// hub tells those who wait what was executed. Safe for concurrent use.
type hub struct {
	mu       sync.Mutex // guards all below
	height   uint64
	timeMs   uint64
	blocks   map[uint64]*executedBlock // the newest ones, without gaps
	lowest   uint64                    // in blocks
	size     int
	waiting  map[[32]byte][]*waiter
	proving  map[uint64][]*waiter
	waiters  int
	advanced chan struct{} // closed with the next block
	stopped  bool
}

// waiter is one call of Wait, or one transaction of a call of SubmitAll.
type waiter struct {
	id      [32]byte
	until   Finality
	height  uint64        // of its block, once in proving
	index   uint32        // in its block, once in proving
	outcome chan<- answer // with room for the answers of all its waiters
	place   int           // among the transactions of SubmitAll
}

type answer struct {
	waiter  *waiter
	outcome Outcome
	err     error
	at      time.Duration // when its block was executed, if it waited for that
}

func newHub(height, timeMs uint64) *hub {
	return &hub{height: height, timeMs: timeMs, lowest: height + 1, blocks: make(map[uint64]*executedBlock),
		waiting: make(map[[32]byte][]*waiter), proving: make(map[uint64][]*waiter), advanced: make(chan struct{})}
}

// executed adds the next block, after it was stored.
func (h *hub) executed(b *executedBlock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.height, h.timeMs = uint64(b.header.Seq), b.header.TimeMs
	h.blocks[h.height] = b
	for h.size += b.size; h.size > recentBytesMax && h.lowest < h.height || len(h.blocks) > recentBlockMax; h.lowest++ {
		h.size -= h.blocks[h.lowest].size
		delete(h.blocks, h.lowest)
	}
	for i, id := range b.ids {
		if len(h.waiting) == 0 {
			break
		}
		ws := h.waiting[id]
		if len(ws) == 0 {
			continue
		}
		delete(h.waiting, id)
		for _, w := range ws {
			w.height, w.index = h.height, uint32(i)
			switch {
			case b.weak != nil && b.weak[i]: // there may be an earlier outcome
				h.answer(w, Outcome{}, errReadBack)
			case w.until == Proved:
				h.proving[h.height] = append(h.proving[h.height], w)
			default:
				h.waiters--
				w.outcome <- answer{w, b.outcome(uint32(i)), nil, b.at}
			}
		}
	}
	close(h.advanced)
	h.advanced = make(chan struct{})
}

// certified adds a certificate over an executed block, after it was stored.
func (h *hub) certified(c *pbft.CheckpointCertificate) {
	h.mu.Lock()
	defer h.mu.Unlock()
	height := uint64(c.Seq)
	ws := h.proving[height]
	delete(h.proving, height)
	b := h.blocks[height]
	if b == nil {
		for _, w := range ws {
			h.answer(w, Outcome{ID: w.id, Height: height}, errReadBack)
		}
		return
	}
	b.certificate = c
	for _, w := range ws {
		h.answer(w, b.outcome(w.index), nil)
	}
}

// expired tells those who wait for transactions that no block can accept.
func (h *hub) expired(txs []*Tx) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, tx := range txs {
		ws := h.waiting[tx.ID]
		delete(h.waiting, tx.ID)
		for _, w := range ws {
			h.answer(w, Outcome{ID: tx.ID}, ErrExpired)
		}
	}
}

// stop answers everybody: nothing will happen any more.
func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, ws := range h.waiting {
		for _, w := range ws {
			h.answer(w, Outcome{ID: w.id}, ErrStopped)
		}
	}
	for _, ws := range h.proving {
		for _, w := range ws {
			h.answer(w, Outcome{ID: w.id}, ErrStopped)
		}
	}
	clear(h.waiting)
	clear(h.proving)
	close(h.advanced)
	h.advanced = make(chan struct{})
}

func (h *hub) answer(w *waiter, o Outcome, err error) {
	h.waiters--
	w.outcome <- answer{waiter: w, outcome: o, err: err} // there is room, and each waiter gets one
}

// wait registers interest in an id. The caller looks into the index afterwards,
// so that no execution falls between.
func (h *hub) wait(w *waiter) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return ErrStopped
	case h.waiters >= waitersMax:
		return ErrTooMany
	}
	h.waiters++
	h.waiting[w.id] = append(h.waiting[w.id], w)
	return nil
}

// waitProof moves a waiter to the proofs of a height, unless it was answered or
// moved meanwhile, or the certificate is there.
func (h *hub) waitProof(w *waiter, height uint64, index uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped || !h.leave(w) {
		return
	}
	h.waiters++
	w.height, w.index = height, index
	if b := h.blocks[height]; b != nil && b.certificate != nil {
		h.answer(w, b.outcome(index), nil)
		return
	}
	h.proving[height] = append(h.proving[height], w)
}

// forget removes a waiter whose caller has gone.
func (h *hub) forget(w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leave(w) {
		return
	}
	if ws, ok := without(h.proving[w.height], w); ok {
		h.proving[w.height] = ws
		h.waiters--
		if len(ws) == 0 {
			delete(h.proving, w.height)
		}
	}
}

// leave takes w out of where it waits, and reports whether it did wait for
// execution.
func (h *hub) leave(w *waiter) bool {
	if ws, ok := without(h.waiting[w.id], w); ok {
		h.waiters--
		if len(ws) == 0 {
			delete(h.waiting, w.id)
		} else {
			h.waiting[w.id] = ws
		}
		return true
	}
	return false
}

// without returns ws without w, and whether it was there.
func without(ws []*waiter, w *waiter) ([]*waiter, bool) {
	i := slices.Index(ws, w)
	if i < 0 {
		return ws, false
	}
	return slices.Delete(ws, i, i+1), true
}

// outcome returns what became of a transaction of the block. The caller holds
// hub.mu, or knows the block from elsewhere.
func (b *executedBlock) outcome(index uint32) Outcome {
	o := Outcome{Height: uint64(b.header.Seq), Index: index, TimeMs: b.header.TimeMs,
		Receipt: b.receipts[index]}
	if b.ids != nil {
		o.ID = b.ids[index]
	}
	if b.certificate != nil {
		o.Proof = &chain.ReceiptProof{Checkpoint: b.certificate,
			Inclusion: chain.Include(b.tree(), b.receipts, int(index))}
	}
	return o
}

// signatures returns how many members signed the block's certificate. Only the
// executor, which sets it, may ask without hub.mu.
func (b *executedBlock) signatures() int {
	if b.certificate == nil {
		return 0
	}
	return len(b.certificate.Signatures)
}

// tip returns the height and time of the last executed block, and a channel that
// is closed with the next one.
func (h *hub) tip() (height, timeMs uint64, advanced <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.height, h.timeMs, h.advanced
}

// recent returns an executed block if it is among the newest.
func (h *hub) recent(height uint64) *executedBlock {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.blocks[height]
}
