package node

import (
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
)

// Batching bounds the blocks that this node proposes; it is local. Zero fields
// take their defaults.
//
// A primary with nothing in flight proposes at once, so a lone transaction waits
// for nobody. While blocks are in flight a batch waits until it is large or old,
// and behind InFlightMax blocks it grows until one of them commits: under load
// blocks become large by themselves.
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
	// Wait is the longest that a small batch waits while others are in flight.
	// Default 20 ms.
	Wait time.Duration
}

func (b *Batching) fill(payloadMax uint32) {
	setDefault(&b.BytesMax, 1<<20)
	setDefault(&b.TxsMax, 8192)
	setDefault(&b.InFlightMax, 4)
	setDefault(&b.EnoughBytes, 128<<10)
	setDefault(&b.Wait, 20*time.Millisecond)
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
	l.proposedAt = start
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
	case inFlight == 0 || size.freeBytes >= b.EnoughBytes:
		return true
	}
	wait := b.Wait - time.Since(l.proposedAt)
	if wait <= 0 {
		return true
	}
	l.again.Reset(wait)
	return false
}
