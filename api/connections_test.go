package api

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/scrip-network/scrip/internal/throttle"
)

// valueOf returns what a counter or gauge stands at.
func valueOf(m prometheus.Metric) float64 {
	var x dto.Metric
	if err := m.Write(&x); err != nil {
		panic(err)
	}
	return x.GetCounter().GetValue() + x.GetGauge().GetValue()
}

// gatedServer serves h behind a gate on loopback.
func gatedServer(t *testing.T, limits Limits, proxies throttle.Proxies, h http.Handler) (*gate, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limits.fill()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(l, limits, proxies, slog.New(slog.DiscardHandler), m)
	server := &http.Server{Handler: h, ConnState: stateChanged}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(g) })
	t.Cleanup(func() {
		_ = server.Close()
		done.Wait()
		if len(g.conns) != 0 || len(g.addresses) != 0 || valueOf(m.conns) != 0 {
			t.Errorf("%d connections of %d addresses are counted after the end", len(g.conns), len(g.addresses))
		}
	})
	return g, l.Addr().String()
}

func dialed(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ended waits until the other side has closed a connection.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.ErrNoProgress) {
		t.Fatalf("still open: %v", err)
	} else if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		t.Fatal("still open")
	}
}

func fetched(t *testing.T, addr string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	r, err := c.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
}

// Whoever holds connections without asking for anything makes room for those who do:
// never are more open than may be, in all or of one address, and nobody is kept out.
func TestIdleConnectionsMakeRoomForOthers(t *testing.T) {
	for name, limits := range map[string]Limits{
		"in all":         {Connections: 8, AddressConnections: 100},
		"of one address": {Connections: 100, AddressConnections: 8},
	} {
		t.Run(name, func(t *testing.T) {
			g, addr := gatedServer(t, limits, nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			var held []net.Conn
			for range 50 {
				held = append(held, dialed(t, addr))
			}
			for _, c := range held[:42] { // the oldest are closed
				ended(t, c)
			}
			g.mu.Lock()
			if len(g.conns) > 8 {
				t.Errorf("%d connections are open", len(g.conns))
			}
			g.mu.Unlock()
			for range 3 {
				fetched(t, addr)
			}
			if got := valueOf(g.closed); got < 42 {
				t.Errorf("%v were closed", got)
			}
		})
	}
}

// A connection at work is never closed for a new one, which then finds no place.
func TestConnectionsAtWorkAreLeftAlone(t *testing.T) {
	release := make(chan struct{})
	var working sync.WaitGroup
	working.Add(4)
	g, addr := gatedServer(t, Limits{Connections: 4}, nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		working.Done()
		<-release
	}))
	var held []net.Conn
	for range 4 {
		c := dialed(t, addr)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	working.Wait()
	ended(t, dialed(t, addr))
	if got := valueOf(g.closed); got != 1 {
		t.Errorf("%v were closed", got)
	}
	close(release)
	for _, c := range held {
		b := make([]byte, 12)
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.ReadFull(c, b); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200") {
			t.Fatalf("%q, %v", b, err)
		}
	}
}

// Many clients share a trusted proxy's address: it counts in all alone.
func TestATrustedProxyHasNoShare(t *testing.T) {
	proxies, err := throttle.ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	g, addr := gatedServer(t, Limits{Connections: 20, AddressConnections: 2}, proxies,
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 10 {
		dialed(t, addr)
	}
	fetched(t, addr)
	if got := valueOf(g.closed); got != 0 {
		t.Errorf("%v connections of a proxy were closed", got)
	}
}

// failing is a listener without descriptors.
type failing struct{ net.Listener }

func (failing) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

// What cannot be accepted is counted, and logged once in a while.
func TestErrorsOfAcceptAreCountedAndLogged(t *testing.T) {
	var out strings.Builder
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(failing{}, Limits{}, nil, slog.New(slog.NewTextHandler(&out, nil)), m)
	for range 5 {
		if _, err := g.Accept(); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "cannot accept connections"); n != 1 || valueOf(m.acceptErrors) != 5 {
		t.Errorf("%d lines, %v counted", n, valueOf(m.acceptErrors))
	}
}
