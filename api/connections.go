package api

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-network/scrip/internal/throttle"
)

// acceptWarnPeriod is the pause between two lines of the log about connections that
// could not be accepted.
const acceptWarnPeriod = time.Minute

// gate is a listener that bounds the connections that are open, in all and of one
// address; those of trusted proxies count in all alone. Beyond a bound the one that
// has waited longest without a request makes room, and where all are at work the new
// one is closed at once. So who only holds connections keeps nobody out, and leaves
// the node descriptors for its files.
type gate struct {
	net.Listener
	max, addressMax int
	proxies         throttle.Proxies
	log             *slog.Logger
	closed, failed  prometheus.Counter
	open            prometheus.Gauge

	mu        sync.Mutex // guards all below
	conns     map[*gated]struct{}
	addresses map[string]int
	said      time.Time
}

// gated is an accepted connection.
type gated struct {
	net.Conn
	gate    *gate
	address string // "" for a trusted proxy
	once    sync.Once

	idle  bool // guarded by gate.mu, as since
	since time.Time
}

func newGate(l net.Listener, limits Limits, proxies throttle.Proxies, log *slog.Logger, m *metrics) *gate {
	return &gate{Listener: l, max: limits.Connections, addressMax: limits.AddressConnections, proxies: proxies, log: log,
		closed: m.connsClosed, failed: m.acceptErrors, open: m.conns,
		conns: make(map[*gated]struct{}), addresses: make(map[string]int)}
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			g.fail(err)
			return nil, err
		}
		if c := g.enter(conn); c != nil {
			return c, nil
		}
		_ = conn.Close() // all that it could take the place of are at work
	}
}

// fail counts and logs that a connection could not be accepted, as when no descriptor
// is left. The server tries again.
func (g *gate) fail(err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	g.failed.Inc()
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.said) >= acceptWarnPeriod {
		g.said = now
		g.log.Warn("cannot accept connections", "open", len(g.conns), "err", err)
	}
}

// enter takes a connection in, or returns nil.
func (g *gate) enter(conn net.Conn) *gated {
	address, bounded := g.proxies.Connection(conn.RemoteAddr())
	if !bounded {
		address = ""
	}
	c := &gated{Conn: conn, gate: g, address: address, idle: true, since: time.Now()}
	g.mu.Lock()
	var out *gated
	switch {
	case bounded && g.addresses[address] >= g.addressMax:
		out = g.oldest(address)
	case len(g.conns) >= g.max:
		out = g.oldest("")
	default:
		g.add(c)
		g.mu.Unlock()
		return c
	}
	g.closed.Inc()
	if out == nil {
		g.mu.Unlock()
		return nil
	}
	g.drop(out)
	g.add(c)
	g.mu.Unlock()
	_ = out.Close()
	return c
}

// oldest returns the connection that has waited longest without a request, of one
// address or, for "", of all; nil if there is none. The caller holds mu.
func (g *gate) oldest(address string) (found *gated) {
	for c := range g.conns {
		if c.idle && (address == "" || c.address == address) && (found == nil || c.since.Before(found.since)) {
			found = c
		}
	}
	return found
}

// add is called with mu held.
func (g *gate) add(c *gated) {
	g.conns[c] = struct{}{}
	g.addresses[c.address]++
	g.open.Set(float64(len(g.conns)))
}

// drop lets a connection go, once. It is called with mu held.
func (g *gate) drop(c *gated) {
	if _, ok := g.conns[c]; !ok {
		return
	}
	delete(g.conns, c)
	if g.addresses[c.address]--; g.addresses[c.address] == 0 {
		delete(g.addresses, c.address)
	}
	g.open.Set(float64(len(g.conns)))
}

// Close implements net.Conn.
func (c *gated) Close() error {
	c.once.Do(func() {
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		c.gate.drop(c)
	})
	return c.Conn.Close()
}

// stateChanged is the server's hook: it learns whether a connection is at work.
func stateChanged(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*gated)
	if !ok {
		return
	}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.idle, c.since = state == http.StateNew || state == http.StateIdle, time.Now()
}
