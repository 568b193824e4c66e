package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/transport"
)

// Limits of what waits where payload is disseminated by lanes.
const (
	// inboxPushMax and inboxPushBytesMax bound one member's messages of lanes that wait for
	// the loop, on each channel.
	inboxPushMax      = 128
	inboxPushBytesMax = 4 << 20
	// laneQueueMax bounds transactions whose signatures lanes ask for, by checks; those
	// beyond wait in the loop, which lanes bound.
	laneQueueMax = 256
	// ownTurnMax bounds the own transactions that one turn of the loop takes.
	ownTurnMax = 4096
)

// laneWork is what the loop exchanges with others about lanes: checks go out, and verdicts
// and outcomes come in.
type laneWork struct {
	checks chan lanes.Check
	wake   chan struct{} // something of lanes waits for the loop

	mu       sync.Mutex // guards all below
	verdicts []laneVerdict
	settled  []pbft.Digest
}

type laneVerdict struct {
	check    lanes.Check
	verdicts []lanes.Verdict
}

// signal wakes the loop where it waits for nothing but lanes.
func (w *laneWork) signal() {
	if w == nil {
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what came since the last call.
func (w *laneWork) take() (verdicts []laneVerdict, settled []pbft.Digest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	verdicts, settled = w.verdicts, w.settled
	w.verdicts, w.settled = nil, nil
	return verdicts, settled
}

// settle tells the loop of transactions that were executed or have expired.
func (w *laneWork) settle(txs []*Tx) {
	if w == nil || len(txs) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, tx := range txs {
		w.settled = append(w.settled, tx.ID)
	}
}

// laneConfig is what the driver is told of lanes; nil if payload goes inside proposals.
func (n *Node) laneConfig() *lanes.Config {
	if !n.cfg.Lanes {
		return nil
	}
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	return &lanes.Config{Seed: binary.LittleEndian.Uint64(seed[:]), Payload: chain.EncodePayload,
		Root: func(leaves []pbft.Digest) pbft.Digest { return chain.RootOfLeaves(leaves) }}
}

// verifyLanes checks signatures of transactions that lanes brought, until ctx ends, and puts
// those into the mempool that are valid and for which there is room.
func (n *Node) verifyLanes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-n.lanes.checks:
			raws := make([][]byte, len(c.Txs))
			for i := range c.Txs {
				raws[i] = c.Txs[i].Bytes
			}
			n.front.check(sig.Bulk, raws, func(vs []*verdict) { n.judgeLane(c, vs) })
		}
	}
}

// judgeLane tells the loop what became of a check.
func (n *Node) judgeLane(c lanes.Check, vs []*verdict) {
	verdicts := make([]lanes.Verdict, len(vs))
	now := nowMs()
	for i, v := range vs {
		switch {
		case v.err == nil:
			err := n.mempool.add(v.tx, c.From, n.cfg.Self, now)
			verdicts[i] = lanes.Verdict{Valid: true, ID: v.tx.ID, Checked: v.tx,
				Settled: errors.Is(err, errKnown) && !n.mempool.has(v.tx.ID)}
			if err != nil && !errors.Is(err, errKnown) {
				n.metrics.gossipDropped.Inc()
			}
		case errors.Is(v.err, refusalBusy):
			verdicts[i].Busy = true
		default: // a member vouches for the signatures of what it pushes
			n.inbox.blame(n.inbox.peer(uint16(c.From)), pbft.InvalidContent)
		}
	}
	n.lanes.mu.Lock()
	n.lanes.verdicts = append(n.lanes.verdicts, laneVerdict{c, verdicts})
	n.lanes.mu.Unlock()
	n.signalArrived()
}

// push sends messages of lanes.
func (n *Node) push(sends []lanes.Send) {
	for i := range sends {
		s := &sends[i]
		kind := s.Message.Kind()
		channel := transport.Votes
		if lanes.ChannelOf(kind) == pbft.LaneBulk {
			channel = transport.Bulk
		}
		frame := lanes.Encode(s.Message)
		for _, to := range s.To {
			n.network.Send(uint16(to), channel, frame)
		}
		n.metrics.pushedBy[kind-lanes.KindFirst].Add(float64(len(frame) * len(s.To)))
		if b, ok := s.Message.(*lanes.Batch); ok {
			n.metrics.gossipSent.Add(float64(len(b.Txs)))
		}
	}
}

// The loop is the driver's LanePool, over the mempool.

// Standing implements lanes.Pool.
func (l *loop) Standing(id pbft.Digest) lanes.Standing { return l.n.mempool.standing(id) }

// Draft implements driver.LanePool.
func (l *loop) Draft(view pbft.View, d *lanes.Draft) bool {
	l.offered = make([]*Tx, len(d.Checked))
	for i := range d.Checked {
		l.offered[i] = d.Checked[i].(*Tx)
	}
	l.n.mempool.draft(view, l.offered, d.Inline())
	l.n.payloads.keep(d.Root, len(d.Payload), l.offered)
	return true
}

// actLanes does what a Work asks for about lanes. It waits for no record.
func (l *loop) actLanes(w *driver.Work) {
	l.n.push(w.Push)
	l.n.mempool.forget(w.Dropped)
	l.verify = append(l.verify, w.Verify...)
	l.dispatchLanes()
}

// drainLanes feeds lanes what waits: own transactions, verdicts, outcomes, and messages of
// peers.
func (l *loop) drainLanes() {
	x := l.driver.Lanes()
	if x == nil {
		return
	}
	now := l.now()
	l.takeOwn(now.Ns)
	verdicts, settled := l.n.lanes.take()
	for _, v := range verdicts {
		x.Checked(v.check, v.verdicts, now.Ns)
	}
	x.Settled(settled)
	if s := l.driver.Status(); s.Primary == l.n.cfg.Self {
		l.watchQueues()
	}
	if l.driver.DrainLanes(l.n.inbox, now) > 0 {
		l.n.inbox.signal()
	}
	l.dispatchLanes()
}

// takeOwn hands own transactions to lanes, those that wait for long among them.
func (l *loop) takeOwn(nowNs int64) {
	for range ownTurnMax {
		select {
		case tx := <-l.n.gossip.out:
			own := lanes.Own{Tx: lanes.Tx{Bytes: tx.Raw, Leaf: lanes.LeafOf(tx.Raw)}, ID: tx.ID, Sender: tx.Sender,
				Checked: tx}
			if !l.driver.Lanes().Own(own, nowNs) {
				l.n.metrics.gossipDropped.Inc() // it is handed in again
			}
		default:
			return
		}
	}
	l.n.inbox.signal()
}

// dispatchLanes hands out checks as far as there is room.
func (l *loop) dispatchLanes() {
	for len(l.verify) > 0 {
		select {
		case l.n.lanes.checks <- l.verify[0]:
			l.verify = l.verify[1:]
		default:
			return
		}
	}
}

// watchQueues tells lanes what waits to be sent.
func (l *loop) watchQueues() {
	for _, p := range l.n.inbox.peers {
		if p != nil {
			l.driver.Lanes().Queued(p.id, int64(l.n.network.Queued(uint16(p.id), transport.Bulk)))
		}
	}
}

// linkLanes tells lanes about a channel.
func (l *loop) linkLanes(peer pbft.ReplicaID, up bool) {
	if x := l.driver.Lanes(); x != nil {
		x.Linked(peer, up)
	}
}

// takeLane takes what came of lanes; it reports whether a frame is of them.
func (b *inbox) takeLane(p *peerState, channel transport.Lane, frame []byte) bool {
	kind := lanes.Kind(frame[0])
	if kind < lanes.KindFirst || kind > lanes.KindLast {
		return false
	}
	if b.committee == nil { // no lanes here
		b.metrics.frameDropped.Inc()
		return true
	}
	m, err := lanes.Decode(b.committee, p.id, frame)
	if err != nil {
		b.blame(p, pbft.InvalidContent)
		return true
	}
	if p.pushed[channel].put(b.working, inbound{from: p.id, push: m, bytes: int64(len(frame))}) {
		b.signal()
		b.pushes.signal()
	}
	return true
}

// TakeLane implements driver.LaneInbox.
func (b *inbox) TakeLane(from pbft.ReplicaID, channel pbft.Lane) (lanes.Message, bool) {
	in, ok := b.peers[from].pushed[linkOf(channel)].take()
	return in.push, ok
}

// JudgeLane implements driver.LaneInbox.
func (b *inbox) JudgeLane(from pbft.ReplicaID, _ lanes.Message, r pbft.Reason) {
	b.blame(b.peers[from], r)
}

// linkOf is the link of a channel.
func linkOf(channel pbft.Lane) transport.Lane {
	if channel == pbft.LaneBulk {
		return transport.Bulk
	}
	return transport.Votes
}

var _ driver.LanePool = (*loop)(nil)
