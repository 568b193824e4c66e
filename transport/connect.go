package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// dialLoop keeps l connected until ctx ends. The member with the higher number leaves
// the other one some time to call first.
func (t *Transport) dialLoop(ctx context.Context, l *link) {
	limits := &t.cfg.Limits
	pause := limits.BackoffMin
	for ctx.Err() == nil {
		if s := l.session.Load(); s != nil { // the peer has called
			select {
			case <-s.ended:
				wait(ctx, limits.BackoffMin)
			case <-ctx.Done():
			}
			continue
		}
		if !t.prefersOwn(l) {
			wait(ctx, limits.CallBackPause)
			if ctx.Err() != nil || l.session.Load() != nil {
				continue
			}
		}
		began := time.Now()
		t.dialOnce(ctx, l)
		if time.Since(began) > limits.BackoffMax {
			pause = limits.BackoffMin // it was up, or at least not refused at once
		}
		wait(ctx, pause-rand.N(pause/2+1))
		pause = min(2*pause, limits.BackoffMax)
	}
}

// prefersOwn reports whether, of two connections of a link, both members keep the one
// that this member has made: the one of the lower number.
func (t *Transport) prefersOwn(l *link) bool { return t.cfg.Self < l.peer.ID }

// dialOnce connects l and carries its frames until it breaks.
func (t *Transport) dialOnce(ctx context.Context, l *link) {
	bounded, cancel := context.WithTimeout(ctx, t.cfg.Limits.HandshakeTimeout)
	defer cancel()
	conn, in, err := t.connect(bounded, l)
	if err == nil {
		if err = l.acquire(bounded, t.prefersOwn(l)); err == nil {
			defer l.release()
		} else {
			_ = conn.NetConn().Close()
		}
	}
	if err != nil {
		l.dialFailures.Add(1)
		if ctx.Err() == nil {
			t.report(handshakeReason(err), l.peer.Addr, l, err)
			if hungUp(err) {
				t.noteLoss(l)
			}
		}
		return
	}
	cancel()
	began := time.Now()
	if t.runSession(ctx, l, conn, in, t.prefersOwn(l)) == ReasonClosed && time.Since(began) < shortLife {
		t.noteLoss(l)
	}
}

// handshakeReason classifies an error from before a connection became a link.
func handshakeReason(err error) Reason {
	reason := reasonOf(err, ReasonHandshake)
	switch {
	case reason == ReasonHandshake && isTimeout(err):
		return ReasonTimeout
	case reason == ReasonOversized, reason == ReasonMalformed, reason == ReasonTruncated:
		return ReasonHello
	}
	return reason
}

// wait pauses for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// acceptLoop accepts connections until ctx ends, and returns once all of them
// have ended. It returns an error if the listener fails for good.
func (t *Transport) acceptLoop(ctx context.Context, listener net.Listener) error {
	var g sync.WaitGroup
	defer g.Wait()
	const pauseMin, pauseMax = 5 * time.Millisecond, time.Second
	pause := pauseMin
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connections: %w", err)
		case err != nil: // such as no file descriptors left: it may pass
			t.report(ReasonLimit, listener.Addr().String(), nil, fmt.Errorf("accept connection: %w", err))
			wait(ctx, pause)
			pause = min(2*pause, pauseMax)
			continue
		}
		pause = pauseMin
		evicted, ok := t.pending.add(conn)
		if evicted != nil {
			t.report(ReasonLimit, evicted.RemoteAddr().String(), nil, errors.New("oldest of too many connections"))
		}
		if !ok {
			t.report(ReasonLimit, conn.RemoteAddr().String(), nil, errors.New("too many connections from one address"))
			_ = conn.Close()
			continue
		}
		g.Go(func() { t.serve(ctx, conn) })
	}
}

// serve authenticates a connection made to us and carries its frames.
func (t *Transport) serve(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	bounded, cancel := context.WithTimeout(ctx, t.cfg.Limits.HandshakeTimeout)
	defer cancel()
	deadline, _ := bounded.Deadline()
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(bounded, func() { _ = conn.Close() })

	l, tc, in, err := t.accept(bounded, conn)
	if err == nil {
		if l.session.Load() != nil {
			t.noteRival(l, conn.RemoteAddr().String())
		}
		// The peer has given its old connection up, or it would not make a
		// new one; we may not have noticed.
		if err = l.acquire(bounded, !t.prefersOwn(l)); err == nil {
			defer l.release()
			err = writeHello(tc, hello{chain: t.cfg.ChainID, from: t.cfg.Self, to: l.peer.ID, lane: l.lane})
		}
	}
	if err == nil && !stop() {
		err = bounded.Err()
	}
	if err != nil {
		if isTimeout(bounded.Err()) {
			err = refuse(ReasonTimeout, "%v", err)
		}
		_ = conn.Close()
		if ctx.Err() == nil && t.pending.holds(conn) {
			t.report(handshakeReason(err), conn.RemoteAddr().String(), l, err)
			// Keeping the place a while makes the limit on connections a
			// limit on the rate of handshakes, which cost us a signature each.
			wait(ctx, t.cfg.Limits.RefusalPause)
		}
		t.pending.remove(conn)
		return
	}
	cancel()
	t.pending.remove(conn)
	began := time.Now()
	t.runSession(ctx, l, tc, in, !t.prefersOwn(l))
	// For the same reason a member gets the link again only after a pause, even
	// if it keeps breaking it.
	if rest := t.cfg.Limits.BackoffMin - time.Since(began); rest > 0 {
		wait(ctx, rest)
	}
}

// pendingSet bounds the connections that are not authenticated yet. Links need
// no bound of their own: there is one for each peer and lane.
type pendingSet struct {
	total, perAddress int

	mu        sync.Mutex // guards all below
	conns     []net.Conn // oldest first
	addresses map[netip.Addr]int
}

func (p *pendingSet) init(total, perAddress int) {
	p.total, p.perAddress, p.addresses = total, perAddress, make(map[netip.Addr]int)
}

// addressOf returns what limits count as one address: an IPv4 address, or the
// /64 network that one IPv6 host commonly owns.
func addressOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap()
	if addr.Is4() {
		return addr
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return netip.Addr{}
	}
	return prefix.Addr()
}

// add takes conn in. It says no if conn's address has too many; if there are too
// many in all, it closes and returns the oldest.
func (p *pendingSet) add(conn net.Conn) (evicted net.Conn, ok bool) {
	addr := addressOf(conn)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addresses[addr] >= p.perAddress {
		return nil, false
	}
	if len(p.conns) >= p.total {
		evicted = p.conns[0]
		p.removeAt(0)
		_ = evicted.Close()
	}
	p.addresses[addr]++
	p.conns = append(p.conns, conn)
	return evicted, true
}

// holds reports whether conn is in the set, and not evicted.
func (p *pendingSet) holds(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.conns, conn)
}

// remove lets conn go, if it was not evicted before.
func (p *pendingSet) remove(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.conns, conn); i >= 0 {
		p.removeAt(i)
	}
}

// removeAt is called with mu held.
func (p *pendingSet) removeAt(i int) {
	addr := addressOf(p.conns[i])
	p.conns = slices.Delete(p.conns, i, i+1)
	if p.addresses[addr]--; p.addresses[addr] <= 0 {
		delete(p.addresses, addr)
	}
}

func (p *pendingSet) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}
