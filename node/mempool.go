package node

import (
	"container/list"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// recentIDsMax bounds the remembered ids of executed transactions. It covers
// what can still be on its way from peers; later copies meet the state machine.
const recentIDsMax = 1 << 17

// mempool holds verified transactions until a block with them is executed. It
// hands them out oldest first within a sender and in turn between senders, so a
// flood of one sender delays only that sender.
type mempool struct {
	epoch time.Time // of pooled.since

	mu      sync.Mutex // guards all below
	shares  *driver.Shares
	byID    map[[32]byte]*pooled
	senders map[[32]byte]*sender
	turns   *list.List // of *sender with free transactions; the front is next
	free    int        // transactions that are in no block
	freed   int        // their bytes
	arrived uint64     // counts arrivals
	view    pbft.View  // of the last executed block
	nowMs   uint64     // when expire was called last
	againMs uint64     // least wait before an own transaction is sent again
	waitMs  uint64     // smoothed wait of own ones, if lanes push them
	lanes   bool       // they do
	closed  bool       // nothing more is taken from own clients
	recent  generations[struct{}]
	// eligible are own transactions that are held against primaries.
	eligible driver.Eligible[*pooled]
}

// pooled is one waiting transaction.
type pooled struct {
	tx      *Tx
	from    pbft.ReplicaID
	arrival uint64
	repeat  driver.Repeat
	since   time.Duration // when an own client brought it; 0 = none did
	sender  *sender
	place   *list.Element // in sender.free; nil while in a block
	view    pbft.View     // of the block that holds it, if place is nil
	heldMs  uint64        // when it was held, if place is nil
	gone    bool          // it is not in the pool any more
	inline  bool          // an own block had it, and no batch of a lane
}

type sender struct {
	key  [32]byte
	free *list.List // of *pooled, oldest first
	turn *list.Element
	txs  int
}

func newMempool(shares *driver.Shares, againMs uint64) *mempool {
	return &mempool{
		epoch: time.Now(), shares: shares, byID: make(map[[32]byte]*pooled), senders: make(map[[32]byte]*sender),
		turns: list.New(), recent: newGenerations[struct{}](recentIDsMax), againMs: againMs,
	}
}

// Why a transaction did not enter the pool. errKnown is no refusal: it waits
// already, or was executed.
var (
	errKnown      = fmt.Errorf("transaction is known")
	refusalFull   = &Refusal{Code: CodeOverloaded, Text: "the node's pool is full", RetryMs: 1000}
	refusalSender = &Refusal{Code: CodeOverloaded, Text: "too many transactions of this sender wait", RetryMs: 1000}
	refusalPeer   = &Refusal{Code: CodeOverloaded, Text: "too many transactions of this peer wait", RetryMs: 1000}
	refusalBusy   = &Refusal{Code: CodeOverloaded, Text: "too many signatures wait to be checked", RetryMs: 500}
)

// full reports whether a transaction would not fit, before any work is done for it.
func (p *mempool) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shares.Full()
}

// expect keeps room for up to n transactions of own clients, as Shares.Expect. Each
// that is settled is told to came.
func (p *mempool) expect(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0
	}
	return p.shares.Expect(n)
}

// came gives back the room that was kept for n transactions.
func (p *mempool) came(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares.Came(n)
}

// add takes a verified transaction that came from a member, which is the node
// itself for its own clients'. It returns errKnown or a *Refusal if it does not.
func (p *mempool) add(tx *Tx, from, self pbft.ReplicaID, nowMs uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID[tx.ID] != nil {
		return errKnown
	}
	if _, ok := p.recent.get(tx.ID); ok {
		return errKnown
	}
	s, senderTxs := p.senders[tx.Sender], 0
	if s != nil {
		senderTxs = s.txs
	}
	if refusal := refusalOf(p.shares.Ask(from, senderTxs, len(tx.Raw))); refusal != nil {
		return refusal
	}
	if s == nil {
		s = &sender{key: tx.Sender, free: list.New()}
		p.senders[tx.Sender] = s
	}
	p.arrived++
	e := &pooled{tx: tx, from: from, arrival: p.arrived, repeat: driver.NewRepeat(nowMs, p.leastMs()), sender: s}
	if from == self {
		e.since = p.sinceEpoch()
	}
	p.eligible.Entered(e, from == self, int64(p.sinceEpoch()))
	p.byID[tx.ID] = e
	p.shares.Enter(from, len(tx.Raw))
	s.txs++
	p.release(e)
	return nil
}

// leastMs is after how long an own transaction is sent again at first. With lanes it is
// behind the usual wait, or every overload would be fed (L2).
func (p *mempool) leastMs() uint64 {
	if p.lanes {
		return max(driver.LaneRepeatLeastMs, 4*p.waitMs)
	}
	return p.againMs
}

// refusalOf is what a client is told for which the door has no room.
func refusalOf(r driver.Room) error {
	switch r {
	case driver.HasRoom:
		return nil
	case driver.SenderFull:
		return refusalSender
	case driver.PeerFull:
		return refusalPeer
	default:
		return refusalFull
	}
}

// sinceEpoch is now as a pooled.since.
func (p *mempool) sinceEpoch() time.Duration { return max(1, time.Since(p.epoch)) }

// release makes a transaction available to the next block, behind the older ones
// of its sender.
func (p *mempool) release(e *pooled) {
	s := e.sender
	at := s.free.Back()
	for at != nil && at.Value.(*pooled).arrival > e.arrival {
		at = at.Prev()
	}
	if at == nil {
		e.place = s.free.PushFront(e)
	} else {
		e.place = s.free.InsertAfter(e, at)
	}
	if s.turn == nil {
		s.turn = p.turns.PushBack(s)
	}
	p.free++
	p.freed += len(e.tx.Raw)
}

// hold takes a transaction out of the available ones, for a block of view.
func (p *mempool) hold(e *pooled, view pbft.View) {
	s := e.sender
	s.free.Remove(e.place)
	e.place, e.view, e.heldMs = nil, view, p.nowMs
	if s.free.Len() == 0 {
		p.turns.Remove(s.turn)
		s.turn = nil
	}
	p.free--
	p.freed -= len(e.tx.Raw)
}

func (p *mempool) remove(e *pooled) {
	if e.place != nil {
		p.hold(e, 0)
	}
	delete(p.byID, e.tx.ID)
	e.gone = true
	p.shares.Leave(e.from, len(e.tx.Raw))
	if e.sender.txs--; e.sender.txs == 0 {
		delete(p.senders, e.sender.key)
	}
}

// take hands out transactions for a block of view, at most sizeMax bytes of
// payload and txsMax of them. They stay in the pool, held, until they are
// executed, or free again after the view.
func (p *mempool) take(view pbft.View, sizeMax, txsMax int) []*Tx {
	p.mu.Lock()
	defer p.mu.Unlock()
	txs := make([]*Tx, 0, min(txsMax, p.free))
	size := driver.PayloadOverheadBytes
	for p.turns.Len() > 0 && len(txs) < txsMax {
		turn := p.turns.Front()
		s := turn.Value.(*sender)
		e := s.free.Front().Value.(*pooled)
		if size += driver.TxOverheadBytes + len(e.tx.Raw); size > sizeMax {
			break
		}
		p.turns.MoveToBack(turn)
		p.hold(e, view)
		txs = append(txs, e.tx)
	}
	return txs
}

// heldBy marks the transactions of somebody's block of view, so that the next
// block does not repeat them. Views never fall along the chain, so a block of a
// view below that of the last executed block will not be executed: it holds
// nothing, or its proposer could keep others' transactions out of the chain.
func (p *mempool) heldBy(view pbft.View, txs []*Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if view < p.view {
		return
	}
	bytes := 0
	for _, tx := range txs {
		bytes += len(tx.Raw)
	}
	p.eligible.Block(view, len(txs), bytes)
	for _, tx := range txs {
		if e := p.byID[tx.ID]; e != nil && e.place != nil {
			p.hold(e, view)
		} else if e != nil {
			e.view = max(e.view, view)
		}
	}
}

// put returns what take handed out for a block that was not proposed.
func (p *mempool) put(txs []*Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(txs) - 1; i >= 0; i-- {
		if e := p.byID[txs[i].ID]; e != nil && e.place == nil {
			p.release(e)
		}
	}
}

// executed removes the transactions of an executed block. view is that of the
// block: with the first of a view, what older views hold and no block up to this
// one brought is free again, because blocks of older views beside this chain are
// abandoned. What is open, as in Result, may come again. It returns when own clients
// brought those that they did.
func (p *mempool) executed(view pbft.View, txs []*Tx, open []bool) (since []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, tx := range txs {
		if open == nil || !open[i] {
			p.recent.put(tx.ID, struct{}{}, 1)
		}
		if e := p.byID[tx.ID]; e != nil {
			p.remove(e)
			if e.since != 0 {
				since = append(since, e.since)
				p.waitMs = (7*p.waitMs + uint64((p.sinceEpoch() - e.since).Milliseconds())) / 8
			}
		}
	}
	if view <= p.view {
		return since
	}
	p.view = view
	for _, e := range p.byID {
		if e.place == nil && e.view < view {
			p.release(e)
		}
	}
	return since
}

// expire drops what no later block can accept, since blockMs is the time of an
// executed block, and returns own transactions that have waited for long in no
// block, at most againMax, for sending them again.
func (p *mempool) expire(blockMs, nowMs uint64, self pbft.ReplicaID, againMax int) (dropped []*Tx, again []*Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nowMs = nowMs
	for _, e := range p.byID {
		switch {
		case e.tx.ExpiresMs <= blockMs:
			p.remove(e)
			dropped = append(dropped, e.tx)
		case e.place == nil && e.heldMs+driver.HoldMs <= nowMs:
			p.release(e)
		case e.inline && e.place != nil && len(again) < againMax:
			e.inline, again = false, append(again, e.tx) // its block was abandoned
		case e.from == self && e.place != nil && len(again) < againMax && e.repeat.Due(nowMs):
			again = append(again, e.tx)
		}
	}
	return dropped, again
}

// standing says where a transaction is.
func (p *mempool) standing(id [32]byte) lanes.Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := p.byID[id]; {
	case e == nil:
		return lanes.Absent
	case e.place == nil:
		return lanes.Held
	}
	return lanes.Free
}

// draft holds what is about to be proposed in a block of view; of inline no batch has
// anything.
func (p *mempool) draft(view pbft.View, txs []*Tx, inline []pbft.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tx := range txs {
		if e := p.byID[tx.ID]; e != nil && e.place != nil {
			p.hold(e, view)
		}
	}
	for _, id := range inline {
		if e := p.byID[id]; e != nil {
			e.inline = true
		}
	}
}

// forget drops transactions of other members' clients that went with their batches and are
// in no block.
func (p *mempool) forget(all []lanes.Dropped) {
	if len(all) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range all {
		if e := p.byID[d.ID]; e != nil && e.from == d.From && e.place != nil {
			p.remove(e)
		}
	}
}

// close lets nothing in of own clients, or lets it in again.
func (p *mempool) close(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = is
}

// has reports whether a transaction waits.
func (p *mempool) has(id [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id] != nil
}

// adopt reports whether a transaction waits, and makes it this node's own: a
// client has handed it in here, and the peer that brought it may be gone with
// everybody whom it told, so that this node must send it again.
func (p *mempool) adopt(id [32]byte, self pbft.ReplicaID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.byID[id]
	if e == nil {
		return false
	}
	if e.from != self {
		p.shares.Adopt(e.from, len(e.tx.Raw))
		e.from, e.since = self, p.sinceEpoch()
		p.eligible.Entered(e, true, int64(e.since))
	}
	return true
}

// waiting says what waits for the primary of a view, a round trip away (R11.1), and returns
// what that primary is to be told of again, nil if nothing.
func (p *mempool) waiting(view pbft.View, awayNs int64, nowMs uint64) (pbft.Waiting, *Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	crowd := driver.Crowd{Senders: p.turns.Len(), FreeBytes: p.freed, Full: p.shares.Crowded()}
	w, e := p.eligible.Waiting(view, awayNs, int64(p.sinceEpoch()), crowd, func(e *pooled) lanes.Standing {
		switch {
		case e.gone, e.tx.ExpiresMs < nowMs+driver.EligibleLifeMs:
			return lanes.Absent
		case e.place == nil:
			return lanes.Held
		}
		return lanes.Free
	})
	if e == nil {
		return w, nil
	}
	return w, (*e).tx
}

// mempoolSize is a snapshot of a pool.
type mempoolSize struct {
	txs, bytes, free, freeBytes, senders int
}

func (p *mempool) size() mempoolSize {
	p.mu.Lock()
	defer p.mu.Unlock()
	return mempoolSize{txs: p.shares.Txs(), bytes: p.shares.Bytes(), free: p.free, freeBytes: p.freed,
		senders: len(p.senders)}
}
