package node

import (
	"cmp"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
)

// Batching bounds the blocks that this node proposes; it is local. Zero fields
// take their defaults.
//
// A primary with nothing in flight proposes at once, so a lone transaction waits
// for nobody. While blocks are in flight a batch waits until it is large or old, and
// behind InFlightMax blocks it grows until one of them commits. After a block of many
// transactions it waits for as long again as that one took to commit: where processors
// are idle that is little, and where they are not, what a block costs, whatever is in
// it, is shared by more.
type Batching struct {
	// BytesMax bounds the payload of a block, below the chain's own limit.
	// Default 1 MiB.
	BytesMax int
	// TxsMax bounds its transactions. Default 8,192.
	TxsMax int
	// InFlightMax is how many blocks may be proposed and not committed. Default 4.
	InFlightMax int
	// EnoughBytes is a batch that does not wait for more. Default 128 KiB.
	EnoughBytes int
	// Wait is the longest time from the last proposal that a small batch waits for.
	// Default 20 ms.
	Wait time.Duration
	// ManyTxs is the size of a block after which the next one waits though nothing is
	// in flight. Default 16.
	ManyTxs int
}

func (b *Batching) fill(payloadMax uint32) {
	setDefault(&b.BytesMax, 1<<20)
	setDefault(&b.TxsMax, 8192)
	setDefault(&b.InFlightMax, 4)
	setDefault(&b.EnoughBytes, 128<<10)
	setDefault(&b.Wait, 20*time.Millisecond)
	setDefault(&b.ManyTxs, 16)
	b.BytesMax = min(b.BytesMax, int(payloadMax))
	b.TxsMax = min(b.TxsMax, payloadTxsMax)
	b.EnoughBytes = min(b.EnoughBytes, b.BytesMax/2)
}

// propose offers the engine the next block if this replica leads and one is due.
func (l *loop) propose() {
	hint := l.engine.ProposeHint()
	if hint == pbft.ProposeNever || hint == pbft.ProposeIfPending && !l.batchDue() {
		return
	}
	start := time.Now()
	view := l.engine.Status().View
	b := &l.n.cfg.Batching
	txs := l.n.mempool.take(view, b.BytesMax, b.TxsMax)
	if len(txs) == 0 && hint != pbft.ProposeNow {
		return
	}
	raws := make([][]byte, len(txs))
	for i, tx := range txs {
		raws[i] = tx.Raw
	}
	payload, root := chain.EncodePayload(raws), pbft.Digest(chain.PayloadRoot(raws))
	if len(txs) > 0 {
		l.n.payloads.keep(root, len(payload), txs)
	}
	if !l.engine.Propose(payload, root, nowMs()) {
		l.n.mempool.put(txs)
		return
	}
	l.proposedAt, l.proposedTxs, l.proposedRoot, l.committedIn = start, len(txs), root, 0
	l.n.metrics.took(stepPropose, start)
}

// batchDue says whether the waiting transactions are worth a block now, and if
// only time is missing, sets the timer.
func (l *loop) batchDue() bool {
	size := l.n.mempool.size()
	b := &l.n.cfg.Batching
	inFlight := l.engine.Status().InFlight
	switch {
	case size.free == 0 || inFlight >= b.InFlightMax || l.committed-l.executed > backlogMax:
		return false
	case inFlight == 0 && l.proposedTxs < b.ManyTxs || size.freeBytes >= b.EnoughBytes:
		return true
	}
	now, after := time.Now(), b.Wait
	if inFlight == 0 {
		after = min(after, 2*cmp.Or(l.committedIn, now.Sub(l.proposedAt))) // 0: it commits in this very turn
	}
	wait := after - now.Sub(l.proposedAt)
	if wait <= 0 {
		return true
	}
	l.again.Reset(wait)
	return false
}
