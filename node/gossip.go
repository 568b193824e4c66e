package node

import (
	"context"
	"errors"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/transport"
)

// Limits of gossip beside those of package driver.
const (
	gossipPause     = driver.GossipPauseUs * time.Microsecond
	gossipQueueMax  = 16384 // own transactions not yet sent; more wait to be sent again
	gossipFlightMax = 4     // frames of one peer whose signatures are being checked
)

// gossip spreads the transactions of own clients and takes those of peers.
type gossip struct {
	self    pbft.ReplicaID
	front   *front
	mempool *mempool
	inbox   *inbox
	metrics *metrics
	out     chan *Tx
	send    func(lane transport.Lane, frame []byte) // to every peer
	sendTo  func(to pbft.ReplicaID, frame []byte)   // to one, in bulk
	arrived func()                                  // the mempool has something new
	limits  chain.PayloadLimits
}

// spread queues own transactions for the peers. What does not fit is sent later,
// by the repetition of what waits too long.
func (g *gossip) spread(txs ...*Tx) {
	for _, tx := range txs {
		select {
		case g.out <- tx:
		default:
			g.metrics.gossipDropped.Inc()
		}
	}
}

// tell sends one transaction, of whatever client, to one peer.
func (g *gossip) tell(to pbft.ReplicaID, tx *Tx) {
	g.sendTo(to, txsFrame([][]byte{tx.Raw}))
}

// txsFrame is a frame of transactions.
func txsFrame(batch [][]byte) []byte {
	return chain.AppendPayload(append(make([]byte, 0, 1+chain.PayloadSize(batch)), frameTxs), batch)
}

// runOut sends until ctx ends.
func (g *gossip) runOut(ctx context.Context) {
	var last time.Time
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		var batch [][]byte
		select {
		case <-ctx.Done():
			return
		case tx := <-g.out:
			batch = append(batch, tx.Raw)
		}
		if wait := gossipPause - time.Since(last); wait > 0 {
			pause.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
		batch = g.collect(batch)
		last = time.Now()
		g.send(transport.Bulk, txsFrame(batch))
		g.metrics.gossipSent.Add(float64(len(batch)))
	}
}

// collect adds what is queued, within the limits of a frame.
func (g *gossip) collect(batch [][]byte) [][]byte {
	size := len(batch[0])
	for len(batch) < driver.GossipTxsMax && size < driver.GossipBytesMax {
		select {
		case tx := <-g.out:
			batch = append(batch, tx.Raw)
			size += len(tx.Raw)
		default:
			return batch
		}
	}
	return batch
}

// runIn takes one peer's transactions until ctx ends. While gossipFlightMax
// frames wait for their signatures no more are taken, so one peer's flood waits
// in its own queue.
func (g *gossip) runIn(ctx context.Context, p *peerState) {
	slots := make(chan struct{}, gossipFlightMax)
	for {
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		select {
		case <-ctx.Done():
			return
		case frame := <-p.gossip:
			g.receive(p, frame, func() { <-slots })
		}
	}
}

// receive checks the transactions of one frame and puts them into the mempool.
// A peer vouches for the signatures of what it sends: it has checked them.
func (g *gossip) receive(p *peerState, frame []byte, done func()) {
	limits := g.limits
	limits.BytesMax = driver.GossipBytesMax + limits.TxBytesMax + driver.GossipTxsMax*driver.TxOverheadBytes +
		driver.PayloadOverheadBytes
	limits.TxsMax = driver.GossipTxsMax
	raws, err := chain.DecodePayload(frame, limits)
	if err != nil || len(raws) == 0 {
		g.inbox.blame(p, pbft.InvalidContent)
		done()
		return
	}
	if g.mempool.full() {
		g.metrics.gossipDropped.Add(float64(len(raws)))
		done()
		return
	}
	g.front.check(sig.Bulk, raws, func(vs []*verdict) {
		defer done()
		now := nowMs()
		for _, v := range vs {
			switch {
			case v.err == nil:
				if err := g.mempool.add(v.tx, p.id, g.self, now); err != nil && !errors.Is(err, errKnown) {
					g.metrics.gossipDropped.Inc()
				}
			case !errors.Is(v.err, refusalBusy):
				g.inbox.blame(p, pbft.InvalidContent)
			default:
				g.metrics.gossipDropped.Inc()
			}
		}
		g.arrived()
	})
}

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }
