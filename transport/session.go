package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// writePiece is the most that one write deadline covers.
const writePiece = 128 << 10

// link is one lane to one peer. It outlives its connections.
type link struct {
	peer   *Peer
	lane   Lane
	limits LaneLimits

	session atomic.Pointer[session] // the connection in use, nil while down
	turn    chan struct{}           // holds a token while a connection is in use
	wanted  atomic.Int32            // preferred connections that wait for turn

	theirs contest // for the peer's key
	ours   contest // for the own one

	nextLine time.Time // when a "link up" may be logged again; for the connection in use

	sentFrames, sentBytes         atomic.Uint64
	receivedFrames, receivedBytes atomic.Uint64
	arrivedBytes                  atomic.Uint64 // of frames that are not whole yet, too
	drops                         [dropCount]atomic.Uint64
	connects, dialFailures        atomic.Uint64
	roundTripNanos                atomic.Int64
}

func newLink(peer *Peer, lane Lane, limits LaneLimits) *link {
	return &link{peer: peer, lane: lane, limits: limits, turn: make(chan struct{}, 1)}
}

// drop counts a frame that is not sent. It returns false, for Send to return.
func (l *link) drop(cause Drop) bool {
	l.drops[cause].Add(1)
	return false
}

// acquire ends the connection in use, if any, and waits for its place. A connection
// that is not the preferred one of its link gives way to one that is: both members
// then keep the same one of two.
func (l *link) acquire(ctx context.Context, preferred bool) error {
	// Counted first: a connection that has its place but no session yet is not
	// seen below, but will see that it is not wanted any more.
	if preferred {
		l.wanted.Add(1)
		defer l.wanted.Add(-1)
	}
	if s := l.session.Load(); s != nil {
		if s.preferred && !preferred {
			return refuse(ReasonRole, "the link to member %d is up", l.peer.ID)
		}
		s.end(ReasonReplaced, nil)
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the link's last connection to end: %w", ctx.Err())
	}
}

func (l *link) release() { <-l.turn }

// session is one authenticated connection of a link.
type session struct {
	t     *Transport
	link  *link
	conn  *tls.Conn
	in    *inbound
	queue *sendQueue
	// preferred: made by the member of the lower number.
	preferred bool

	once   sync.Once
	ended  chan struct{} // closed by end
	reason Reason        // why it ended, and
	err    error         // how; both are written before ended is closed

	pingSent   atomic.Int64 // time of the ping on its way, in ns since Transport.epoch; 0 if none
	pongQueued atomic.Bool
}

// runSession carries frames until the connection breaks or ctx ends, and closes
// it. It runs on the link's goroutine, which becomes its reader. It returns why the
// connection ended.
func (t *Transport) runSession(ctx context.Context, l *link, conn *tls.Conn, in *inbound, preferred bool) Reason {
	s := &session{
		t: t, link: l, conn: conn, in: in, queue: newSendQueue(l.limits), preferred: preferred,
		ended: make(chan struct{}),
	}
	_ = conn.SetDeadline(time.Time{})
	in.open(l.limits.FrameBytesMax, t.cfg.Limits.IdleTimeout, &l.arrivedBytes)
	l.session.Store(s)
	l.connects.Add(1)
	if l.wanted.Load() > 0 {
		s.end(ReasonReplaced, nil)
	}
	stop := context.AfterFunc(ctx, func() { s.end(ReasonShutdown, nil) })
	remote := conn.RemoteAddr().String()
	if now := time.Now(); now.After(l.nextLine) {
		l.nextLine = now.Add(logInterval)
		t.log.Info("link up", "peer", int(l.peer.ID), "lane", l.lane.String(), "remote", remote)
	}
	if t.cfg.LinkChanged != nil {
		t.cfg.LinkChanged(l.peer.ID, l.lane, true)
	}

	var g sync.WaitGroup
	g.Go(s.writeLoop)
	s.readLoop()
	g.Wait()
	stop()
	<-s.ended
	t.report(s.reason, remote, l, s.err)
	if t.cfg.LinkChanged != nil {
		t.cfg.LinkChanged(l.peer.ID, l.lane, false)
	}
	return s.reason
}

// end breaks the connection, once, for the first reason given. It does not wait.
func (s *session) end(reason Reason, err error) {
	s.once.Do(func() {
		s.reason, s.err = reason, err
		s.link.session.CompareAndSwap(s, nil)
		s.link.drops[DropLost].Add(uint64(s.queue.close()))
		close(s.ended)
		// Below TLS: its own Close may wait for a peer that does not read.
		_ = s.conn.NetConn().Close()
	})
}

func (s *session) readLoop() {
	for {
		frame, control, err := s.in.next()
		switch {
		case err != nil && isTimeout(err):
			s.end(ReasonIdle, fmt.Errorf("read: %w", err))
			return
		case err != nil:
			s.end(reasonOf(err, ReasonClosed), fmt.Errorf("read: %w", err))
			return
		case control:
			if err := s.control(frame); err != nil {
				s.end(ReasonMalformed, err)
				return
			}
		default:
			s.link.receivedFrames.Add(1)
			s.link.receivedBytes.Add(uint64(len(frame)))
			s.t.cfg.Handler(s.link.peer.ID, s.link.lane, frame)
		}
	}
}

// control answers a ping, and takes the time of a pong. A pong that answers no
// ping of ours is ignored, so a peer cannot report a round trip it likes.
func (s *session) control(frame []byte) error {
	value := binary.LittleEndian.Uint64(frame[1:])
	switch frame[0] {
	case controlPing:
		if !s.pongQueued.Swap(true) { // a peer that floods us with pings gets fewer pongs
			s.putControl(controlPong, value)
		}
	case controlPong:
		if sent := int64(value); sent != 0 && s.pingSent.CompareAndSwap(sent, 0) {
			s.link.roundTripNanos.Store(max(1, s.t.sinceEpoch()-sent))
		}
	default:
		return fmt.Errorf("%w: control frame of kind %d", errMalformed, frame[0])
	}
	return nil
}

func (s *session) putControl(kind uint8, value uint64) {
	out := outgoing{kind: kind, value: value}
	if shape := s.t.cfg.Shape; shape != nil {
		delay, _ := shape(s.link.peer.ID, s.link.lane, controlSize) // TCP itself would not lose it
		out.due = time.Now().Add(delay)
	}
	s.queue.put(out)
}

// ping queues a ping unless the last one is still unanswered: there is no need
// for more, since silence ends the link anyway.
func (s *session) ping() {
	if now := max(1, s.t.sinceEpoch()); s.pingSent.CompareAndSwap(0, now) {
		s.putControl(controlPing, uint64(now))
	}
}

func (t *Transport) sinceEpoch() int64 { return int64(time.Since(t.epoch)) }

// writeLoop writes what is queued, as many frames a write as there are, and
// flushes when the queue is empty.
func (s *session) writeLoop() {
	w := bufio.NewWriterSize(&pieceWriter{conn: s.conn, timeout: s.t.cfg.Limits.WriteTimeout}, writeBufferSize)
	ticker := time.NewTicker(s.t.cfg.Limits.PingInterval)
	defer ticker.Stop()
	s.ping()
	var batch []outgoing
	for {
		select {
		case <-s.ended:
			return
		case <-ticker.C:
			s.ping()
		case <-s.queue.wake:
			var err error
			if batch, err = s.drain(w, batch); err != nil {
				reason := ReasonClosed
				if isTimeout(err) {
					reason = ReasonStalled
				}
				s.end(reason, fmt.Errorf("write: %w", err))
				return
			}
		}
	}
}

// drain writes until the queue is empty. It returns the buffer to call it with
// again.
func (s *session) drain(w *bufio.Writer, batch []outgoing) ([]outgoing, error) {
	for {
		batch = s.queue.take(batch[:0])
		if len(batch) == 0 {
			return batch, w.Flush()
		}
		for i := range batch {
			if err := s.write(w, &batch[i]); err != nil {
				return batch, err
			}
		}
		clear(batch) // do not keep frames alive
	}
}

func (s *session) write(w *bufio.Writer, out *outgoing) error {
	if !out.due.IsZero() {
		if err := s.waitUntil(w, out.due); err != nil {
			return err
		}
	}
	switch out.kind {
	case controlPong:
		s.pongQueued.Store(false)
		fallthrough
	case controlPing:
		return writeControl(w, out.kind, out.value)
	}
	if err := writeFrame(w, out.frame); err != nil {
		return err
	}
	s.link.sentFrames.Add(1)
	s.link.sentBytes.Add(uint64(len(out.frame)))
	s.queue.release(1, len(out.frame))
	return nil
}

// waitUntil holds the link's traffic back until due, or until the session ends.
func (s *session) waitUntil(w *bufio.Writer, due time.Time) error {
	pause := time.Until(due)
	if pause <= 0 {
		return nil
	}
	if err := w.Flush(); err != nil {
		return err
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ended:
		return net.ErrClosed
	}
}

// pieceWriter writes in pieces, each under a deadline of its own.
type pieceWriter struct {
	conn    net.Conn
	timeout time.Duration
}

func (p *pieceWriter) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		if err := p.conn.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
			return done, err
		}
		n, err := p.conn.Write(b[done:min(len(b), done+writePiece)])
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}
