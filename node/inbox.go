package node

import (
	"sync"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/transport"
)

// Frames between nodes begin with a kind byte. Consensus messages have those of
// pbft.Kind, below frameTxs.
const frameTxs = 0x80 // a payload of transactions, as chain.EncodePayload

// Limits of what waits for the loop, per peer. A full queue stops that peer's
// link until the loop has caught up; it delays nobody else.
const (
	inboxVotesMax = 1024
	inboxBulkMax  = 8
	gossipMax     = 32 // frames; more are dropped, since senders repeat
	checkQueueMax = 1024
	drainMax      = 128 // messages of one peer and lane in one turn
)

// Limits of misbehaviour: a peer that sends malicePerMinuteMax messages in a
// minute that no correct peer sends is not listened to for mutePeriod.
const (
	malicePerMinuteMax = 64
	mutePeriod         = time.Minute
)

// heardPeriod is how long a silent peer counts as present.
const heardPeriod = 5 * time.Second

// inbound is a decoded message from a peer's channel.
type inbound struct {
	from    pbft.ReplicaID
	message pbft.Message
}

// inbox is where frames from peers wait: decoded on the goroutine of the link,
// queued per peer and lane, and taken by the loop.
type inbox struct {
	peers   []*peerState // by replica; nil for the node itself
	wake    chan struct{}
	done    chan struct{} // closed when the node stops
	metrics *metrics
	certs   func(p *peerState, frame []byte)
	fits    func(b *pbft.Block) bool // the payload is that of the header
}

type peerState struct {
	id     pbft.ReplicaID
	lanes  [transport.Lanes]chan inbound
	gossip chan []byte

	mu        sync.Mutex // guards all below
	heard     time.Time  // when the last frame came
	up        [transport.Lanes]bool
	connected bool // since the loop asked last
	malice    int  // in the minute that began at since
	since     time.Time
	muted     time.Time // until then
}

func newInbox(n int, self pbft.ReplicaID, m *metrics) *inbox {
	b := &inbox{
		peers: make([]*peerState, n), wake: make(chan struct{}, 1), done: make(chan struct{}), metrics: m,
	}
	for i := range b.peers {
		if id := pbft.ReplicaID(i); id != self {
			b.peers[i] = &peerState{id: id, gossip: make(chan []byte, gossipMax)}
			b.peers[i].lanes[transport.Votes] = make(chan inbound, inboxVotesMax)
			b.peers[i].lanes[transport.Bulk] = make(chan inbound, inboxBulkMax)
		}
	}
	return b
}

func (b *inbox) peer(id uint16) *peerState {
	if int(id) >= len(b.peers) {
		return nil
	}
	return b.peers[id]
}

// handle is the transport's Handler.
func (b *inbox) handle(from uint16, lane transport.Lane, frame []byte) {
	p := b.peer(from)
	if p == nil || lane >= transport.Lanes || len(frame) == 0 || !p.listen() {
		b.metrics.frameDropped.Inc()
		return
	}
	switch frame[0] {
	case frameTxs:
		select {
		case p.gossip <- frame[1:]:
		default:
			b.metrics.frameDropped.Inc()
		}
		return
	case frameWanted, frameCertificates:
		b.certs(p, frame)
		return
	}
	m, err := pbft.DecodeMessage(frame)
	if err != nil || !b.wellFormed(m) {
		b.blame(p, pbft.InvalidContent)
		return
	}
	select {
	case p.lanes[lane] <- inbound{p.id, m}:
		b.signal()
	case <-b.done:
	}
}

// wellFormed reports whether the payloads of a message are those of their
// headers. The engine is made without PayloadRoot and relies on it.
func (b *inbox) wellFormed(m pbft.Message) bool {
	switch x := m.(type) {
	case *pbft.PrePrepare:
		return b.fits(&x.Block)
	case *pbft.Blocks:
		return b.allFit(x.Blocks)
	case *pbft.Decided:
		return b.allFit(x.Blocks)
	}
	return true
}

func (b *inbox) allFit(blocks []pbft.Block) bool {
	for i := range blocks {
		if !b.fits(&blocks[i]) {
			return false
		}
	}
	return true
}

func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// linkChanged is told by the transport about links.
func (b *inbox) linkChanged(peer uint16, lane transport.Lane, up bool) {
	p := b.peer(peer)
	if p == nil || lane >= transport.Lanes {
		return
	}
	p.mu.Lock()
	p.up[lane] = up
	p.connected = p.connected || up && p.up[transport.Votes] && p.up[transport.Bulk]
	p.mu.Unlock()
	b.signal()
}

// takeConnected reports, once, that the channel to a peer was established.
func (p *peerState) takeConnected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.connected
	p.connected = false
	return c
}

// isUp reports whether the peer was heard lately. Members say where they stand
// every second.
func (p *peerState) isUp() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.heard) < heardPeriod
}

// listen notes that a frame came and reports whether the peer is not muted. A
// peer that was silent for long is connected anew, whatever the network says.
func (p *peerState) listen() bool {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected = p.connected || now.Sub(p.heard) >= heardPeriod
	p.heard = now
	return !now.Before(p.muted)
}

// blame counts a reason against the channel's peer and mutes it for too many.
func (b *inbox) blame(p *peerState, r pbft.Reason) {
	b.metrics.reasons[r].Inc()
	if !r.Malicious() {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.since) > time.Minute {
		p.since, p.malice = now, 0
	}
	if p.malice++; p.malice == malicePerMinuteMax {
		p.muted = now.Add(mutePeriod)
		b.metrics.muted.Inc()
	}
}

// links returns how many peers can be reached.
func (b *inbox) links() (up int) {
	for _, p := range b.peers {
		if p != nil && p.isUp() {
			up++
		}
	}
	return up
}
