// Package transport carries frames between the members of one chain over
// mutually authenticated TLS 1.3, or, for tests, within one process.
//
// # Links
//
// Every pair of members has two links, called lanes: Votes for small consensus
// messages and Bulk for payloads and catching up. Each lane is a TCP connection
// with queues of its own, so bulk data never stands before a vote. Either
// member dials where it has an address: the one with the lower ID at once, the
// other one after a pause without a link, so that it is enough if one of them can
// be reached. Of two connections both keep the one that the lower ID has made. A
// link that breaks is dialed again after a growing, jittered pause.
//
// # Authentication
//
// A member's ed25519 ledger key signs its TLS handshake; certificates are made
// from the key at start and only carry it. A peer is accepted if it proves
// possession of a key in Config.Peers, for the chain named in the ALPN protocol
// ("scrip/1/" and the first 8 bytes of the chain ID in hex), and if its first
// frame, the hello, names the whole chain ID, both members and the lane as
// expected. TLS 1.3 signs under its own context strings and ledger objects under
// theirs, so one key can serve both. Sessions are never resumed.
//
// TLS answers who is at the other end of a link, nothing else: what members say
// to the ledger is signed and checked by package sig.
//
// # Frames
//
// A frame is a u32 length, little-endian, and that many bytes, at least one.
// Lengths are checked before memory is taken, and memory grows with the bytes
// that arrive, not with the length announced. The top bit of the length marks
// the link's own control frames (ping and pong).
//
// # Delivery
//
// Delivery is best effort: frames of one lane to one peer arrive in order, and
// are lost when a queue is full or the link breaks. Send never blocks and every
// drop is counted. The protocol above repeats what it needs to.
package transport

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/sig"
)

// Lane is one of the links between two members.
type Lane uint8

// The lanes.
const (
	Votes Lane = iota // small messages of the consensus protocol
	Bulk              // payloads, catching up, everything large

	// Lanes is the number of lanes.
	Lanes = 2
)

// String returns the lane's name, as used in logs and metrics.
func (l Lane) String() string {
	switch l {
	case Votes:
		return "votes"
	case Bulk:
		return "bulk"
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

// Network is what a replica needs of a transport. Transport and Endpoint
// implement it.
type Network interface {
	// Send queues frame for a member and reports whether it was queued; false
	// means it was dropped and counted. It never blocks. The frame must not be
	// changed afterwards; it may be sent to several members.
	Send(to uint16, lane Lane, frame []byte) bool
	// Queued returns the bytes of frames that wait to be sent to a member: what it
	// does not take.
	Queued(to uint16, lane Lane) int
	// Progress returns what has come from a member; zero of one that does not exist.
	Progress(from uint16, lane Lane) Progress
	// Run carries frames until ctx ends and every goroutine has ended.
	Run(ctx context.Context) error
}

// Progress is what has come over a link.
type Progress struct {
	// ReceivedBytes are those of frames, whole or not yet, since the start.
	ReceivedBytes uint64
	// RoundTrip is the last that was measured; 0 if none was.
	RoundTrip time.Duration
}

// Handler receives a frame that member from sent. It owns the slice, which is
// allocated for it alone and has no spare capacity. Calls for one (from, lane)
// follow each other on the goroutine that reads that link; calls for different
// links are concurrent. A handler that blocks stops that link only, and in time
// its sender's queue fills; it must return when the context of Run ends.
type Handler func(from uint16, lane Lane, frame []byte)

// Shape emulates a network on the sending side: it is asked about every frame
// and says how long the frame travels, or that it is lost. Frames of a link
// never overtake each other, so a frame is delayed at least as long as the one
// before it. It must be safe for concurrent use.
type Shape func(to uint16, lane Lane, size int) (delay time.Duration, drop bool)

// Peer is a member of the chain.
type Peer struct {
	ID   uint16
	Key  [sig.KeySize]byte // ed25519, valid by sig.ValidKey
	Addr string            // host:port; empty: it is not dialed, and has to dial
}

// Config is what New needs. Fields without a stated default must be set.
type Config struct {
	Self    uint16         // our ID
	Key     sig.PrivateKey // our ledger key
	ChainID [32]byte       // the chain's digest

	// Peers are the members. Our own entry may be among them.
	Peers []Peer

	// Listen is the host:port to listen on. Listener, if set, is used instead
	// and closed by Run.
	Listen   string
	Listener net.Listener

	Handler Handler

	// LinkChanged, if set, is told when a link comes up and goes down, in turn,
	// on the link's goroutine; it must be quick. Send works from within it.
	LinkChanged func(peer uint16, lane Lane, up bool)

	// Shape, if set, emulates a slow or lossy network. For tests and experiments.
	Shape Shape

	// Log receives link changes and refusals, rate-limited; nil discards them.
	Log *slog.Logger

	Limits Limits // zero fields stand for the defaults
}

// Transport is the TLS implementation of Network. Safe for concurrent use.
type Transport struct {
	cfg      Config
	log      *slog.Logger
	cert     tls.Certificate
	protocol string // ALPN
	byKey    map[[sig.KeySize]byte]*Peer
	links    map[uint16]*[Lanes]*link // not written to after New
	order    []*link                  // all links, by peer, then lane
	started  atomic.Bool
	epoch    time.Time // start of the monotonic clock that pings carry

	reasons  reasonCounters
	misfired atomic.Uint64 // Send to a member or lane that does not exist
	pending  pendingSet
	said     contest // what is said of the own key
}

// New checks cfg and returns a Transport that works while Run runs. It opens no
// socket.
func New(cfg Config) (*Transport, error) {
	t := &Transport{
		cfg: cfg, log: cfg.Log, protocol: protocolOf(cfg.ChainID),
		byKey: make(map[[sig.KeySize]byte]*Peer), links: make(map[uint16]*[Lanes]*link),
		epoch: time.Now(),
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.cfg.Peers = append([]Peer(nil), cfg.Peers...)
	if err := t.cfg.Limits.fill(len(cfg.Peers)); err != nil {
		return nil, fmt.Errorf("configure transport: %w", err)
	}
	if err := t.addPeers(); err != nil {
		return nil, fmt.Errorf("configure transport: %w", err)
	}
	var err error
	if t.cert, err = newCertificate(cfg.Key); err != nil {
		return nil, fmt.Errorf("configure transport: %w", err)
	}
	t.pending.init(t.cfg.Limits.HandshakesMax, t.cfg.Limits.HandshakesPerAddressMax)
	return t, nil
}

// protocolOf returns the ALPN protocol of a chain.
func protocolOf(chain [32]byte) string { return "scrip/1/" + hex.EncodeToString(chain[:8]) }

func (t *Transport) addPeers() error {
	switch {
	case !t.cfg.Key.Valid():
		return errors.New("no private key")
	case t.cfg.Handler == nil:
		return errors.New("no handler")
	case t.cfg.Listener == nil && t.cfg.Listen == "":
		return errors.New("nothing to listen on")
	}
	for i := range t.cfg.Peers {
		p := &t.cfg.Peers[i]
		self := p.ID == t.cfg.Self
		switch {
		case self != (p.Key == t.cfg.Key.Public()):
			return fmt.Errorf("peer %d: own ID and own key must go together", p.ID)
		case !sig.ValidKey(p.Key):
			return fmt.Errorf("peer %d: key %x is not valid", p.ID, p.Key)
		case t.byKey[p.Key] != nil:
			return fmt.Errorf("peer %d: key %x is listed twice", p.ID, p.Key)
		case t.links[p.ID] != nil:
			return fmt.Errorf("peer %d is listed twice", p.ID)
		}
		t.byKey[p.Key] = p
		if self {
			continue
		}
		t.links[p.ID] = new([Lanes]*link)
		for lane := range Lane(Lanes) {
			l := newLink(p, lane, t.cfg.Limits.lane(lane))
			t.links[p.ID][lane] = l
			t.order = append(t.order, l)
		}
	}
	return nil
}

// Run listens, dials and carries frames until ctx ends, then closes every link
// and returns nil once all goroutines have ended. It returns an error if it
// cannot listen, if the listener fails for good, or if it ran before.
func (t *Transport) Run(ctx context.Context) error {
	if t.started.Swap(true) {
		return errors.New("run transport: it ran before")
	}
	listener := t.cfg.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", t.cfg.Listen); err != nil {
			return fmt.Errorf("run transport: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var g sync.WaitGroup
	for _, l := range t.order {
		if l.peer.Addr != "" {
			g.Go(func() { t.dialLoop(ctx, l) })
		}
	}
	err := t.acceptLoop(ctx, listener)
	cancel()
	_ = listener.Close()
	g.Wait()
	if err != nil {
		return fmt.Errorf("run transport: %w", err)
	}
	return nil
}

// Send implements Network. Frames are dropped while the link is down: what is
// queued is either about to be written, or counted as lost.
func (t *Transport) Send(to uint16, lane Lane, frame []byte) bool {
	pair := t.links[to]
	if pair == nil || lane >= Lanes {
		t.misfired.Add(1)
		return false
	}
	l := pair[lane]
	s := l.session.Load()
	switch {
	case len(frame) == 0 || len(frame) > l.limits.FrameBytesMax:
		return l.drop(DropSize)
	case s == nil:
		return l.drop(DropDown)
	}
	out := outgoing{frame: frame}
	if t.cfg.Shape != nil {
		delay, lost := t.cfg.Shape(to, lane, len(frame))
		if lost {
			return l.drop(DropShaped)
		}
		out.due = time.Now().Add(delay)
	}
	if cause, ok := s.queue.put(out); !ok {
		return l.drop(cause)
	}
	return true
}

// Progress implements Network. Safe for concurrent use.
func (t *Transport) Progress(from uint16, lane Lane) Progress {
	pair := t.links[from]
	if pair == nil || lane >= Lanes {
		return Progress{}
	}
	l := pair[lane]
	return Progress{l.arrivedBytes.Load(), time.Duration(l.roundTripNanos.Load())}
}

// Queued implements Network.
func (t *Transport) Queued(to uint16, lane Lane) int {
	pair := t.links[to]
	if pair == nil || lane >= Lanes {
		return 0
	}
	s := pair[lane].session.Load()
	if s == nil {
		return 0
	}
	_, bytes := s.queue.load()
	return bytes
}
