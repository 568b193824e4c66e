package node

import (
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

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
	due, waitNs := l.n.cfg.Batching.Due(&driver.Pending{Txs: size.free, Bytes: size.freeBytes,
		InFlight: l.engine.Status().InFlight, Backlog: int(l.committed - l.executed), LastTxs: l.proposedTxs,
		SinceNs: time.Since(l.proposedAt).Nanoseconds(), CommittedInNs: l.committedIn.Nanoseconds()})
	if waitNs > 0 {
		l.again.Reset(time.Duration(waitNs))
	}
	return due
}
