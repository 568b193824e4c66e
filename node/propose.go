package node

import (
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// The loop is the driver's Pool, over the mempool.

// Size implements driver.Pool.
func (l *loop) Size() (txs, free, freeBytes int) {
	size := l.n.mempool.size()
	return size.txs, size.free, size.freeBytes
}

// Payload implements driver.Pool.
func (l *loop) Payload(view pbft.View, bytesMax, txsMax int) (driver.Payload, bool) {
	l.offeredAt = time.Now()
	l.offered = l.n.mempool.take(view, bytesMax, txsMax)
	raws := make([][]byte, len(l.offered))
	for i, tx := range l.offered {
		raws[i] = tx.Raw
	}
	p := driver.Payload{Bytes: chain.EncodePayload(raws), Root: pbft.Digest(chain.PayloadRoot(raws)), Txs: len(raws)}
	if p.Txs > 0 {
		l.n.payloads.keep(p.Root, len(p.Bytes), l.offered)
	}
	return p, true
}

// Waiting implements driver.Watcher.
func (l *loop) Waiting(view pbft.View, awayNs int64, now driver.Time) pbft.Waiting {
	w, tell := l.n.mempool.waiting(view, awayNs, now.ClockMs)
	if tell != nil {
		l.n.gossip.tell(l.n.cfg.Committee.Primary(view), tell)
	}
	return w
}

// Proposed implements driver.Pool.
func (l *loop) Proposed(is bool) {
	if l.proposed = is; !is {
		l.n.mempool.put(l.offered)
	}
	l.offered = nil
}
