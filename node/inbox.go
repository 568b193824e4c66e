package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
	"github.com/scrip-network/scrip/transport"
)

// Frames between nodes begin with a kind byte. Consensus messages have those of
// pbft.Kind, below frameTxs.
const frameTxs = 0x80 // a payload of transactions, as chain.EncodePayload

// Limits of what waits for the loop, per peer: messages, and their bytes. A full
// queue stops that peer's link until the loop has caught up; it delays nobody else.
const (
	inboxVotesMax     = 1024
	inboxVoteBytesMax = 8 << 20
	inboxBulkMax      = 8
	inboxBulkBytesMax = 32 << 20
	gossipMax         = 32 // frames; more are dropped, since senders repeat
	checkQueueMax     = 1024
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
	push    lanes.Message // of lanes, in its place
	bytes   int64         // of its frame, what it takes of its queue
}

// inQueue is what waits of one lane of a peer.
type inQueue struct {
	messages chan inbound
	bytes    *semaphore.Weighted
	bytesMax int64
}

func newInQueue(messages int, bytes int64) inQueue {
	return inQueue{messages: make(chan inbound, messages), bytes: semaphore.NewWeighted(bytes), bytesMax: bytes}
}

// put waits for room, or until ctx ends. A frame larger than the queue takes all
// of it.
func (q *inQueue) put(ctx context.Context, in inbound) (taken bool) {
	in.bytes = min(in.bytes, q.bytesMax)
	if q.bytes.Acquire(ctx, in.bytes) != nil {
		return false
	}
	select {
	case q.messages <- in:
		return true
	case <-ctx.Done():
		return false
	}
}

// take returns the next message if one waits.
func (q *inQueue) take() (in inbound, ok bool) {
	select {
	case in = <-q.messages:
		q.bytes.Release(in.bytes)
		return in, true
	default:
		return in, false
	}
}

// inbox is where frames from peers wait: decoded on the goroutine of the link,
// queued per peer and lane, and taken by the loop.
type inbox struct {
	peers   []*peerState // by replica; nil for the node itself
	began   time.Time
	wake    chan struct{}
	working context.Context // ends when the node stops; the transport's handler brings none
	stop    context.CancelFunc
	metrics *metrics
	clocks  *clocks
	certs   func(p *peerState, frame []byte)
	fits    func(b *pbft.Block) bool // the payload is that of the header
	// committee is that whose lanes are taken; nil where there are none.
	committee *pbft.Committee
	pushes    *laneWork // is told of what comes of lanes
}

type peerState struct {
	id     pbft.ReplicaID
	lanes  [transport.Lanes]inQueue
	gossip chan []byte
	pushed [transport.Lanes]inQueue // messages of lanes

	answers [transport.Lanes]budget
	lookups budget
	serving atomic.Int32 // questions for blocks that wait for the ledger
	asked   atomic.Int32 // questions for certificates that it may answer

	mu        sync.Mutex // guards all below
	heard     time.Time  // when the last frame came
	up        [transport.Lanes]bool
	connected bool // since the loop asked last
	lost      bool // the bulk channel, since then
	malice    int  // in the minute that began at since
	since     time.Time
	muted     time.Time // until then
}

func newInbox(n int, self pbft.ReplicaID, m *metrics) *inbox {
	b := &inbox{peers: make([]*peerState, n), wake: make(chan struct{}, 1), metrics: m, began: time.Now()}
	b.working, b.stop = context.WithCancel(context.Background())
	for i := range b.peers {
		if id := pbft.ReplicaID(i); id != self {
			b.peers[i] = &peerState{id: id, gossip: make(chan []byte, gossipMax),
				answers: newBudgets(), lookups: newBudget(lookupBytesPerSecond, lookupBurstBytes)}
			for channel := range b.peers[i].pushed {
				b.peers[i].pushed[channel] = newInQueue(inboxPushMax, inboxPushBytesMax)
			}
			b.peers[i].lanes[transport.Votes] = newInQueue(inboxVotesMax, inboxVoteBytesMax)
			b.peers[i].lanes[transport.Bulk] = newInQueue(inboxBulkMax, inboxBulkBytesMax)
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
	case frameClock:
		if !b.clocks.take(p.id, frame, time.Now()) {
			b.blame(p, pbft.InvalidContent)
		}
		return
	}
	if b.takeLane(p, lane, frame) {
		return
	}
	m, err := pbft.DecodeMessage(frame)
	if err != nil || !b.wellFormed(m) {
		b.blame(p, pbft.InvalidContent)
		return
	}
	if p.lanes[lane].put(b.working, inbound{from: p.id, message: m, bytes: int64(len(frame))}) {
		b.signal()
	}
}

// Take implements driver.Inbox.
func (b *inbox) Take(from pbft.ReplicaID, lane pbft.Lane) (pbft.Message, bool) {
	in, ok := b.peers[from].lanes[linkOf(lane)].take()
	return in.message, ok
}

// Judge implements driver.Inbox.
func (b *inbox) Judge(from pbft.ReplicaID, _ pbft.Message, r pbft.Reason) { b.blame(b.peers[from], r) }

// Drop implements driver.Inbox.
func (b *inbox) Drop(pbft.ReplicaID, pbft.Message) { b.metrics.frameDropped.Inc() }

// wellFormed reports whether the payloads of a message are those of their
// headers. The engine is made without PayloadRoot and relies on it.
func (b *inbox) wellFormed(m pbft.Message) bool {
	switch x := m.(type) {
	case *pbft.PrePrepare:
		return len(x.Recipe) > 0 || b.fits(&x.Block)
	case *pbft.Blocks:
		return b.allFit(x.Blocks)
	case *pbft.Linked:
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
	p.lost = p.lost || !up && lane == transport.Bulk
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

// takeLost reports, once, that the bulk channel to a peer was lost.
func (p *peerState) takeLost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := p.lost
	p.lost = false
	return lost
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

// silence returns for how long no member was heard.
func (b *inbox) silence(now time.Time) time.Duration {
	least := now.Sub(b.began)
	for _, p := range b.peers {
		if p != nil {
			p.mu.Lock()
			if !p.heard.IsZero() {
				least = min(least, now.Sub(p.heard))
			}
			p.mu.Unlock()
		}
	}
	return least
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
