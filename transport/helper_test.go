package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/scrip-network/scrip/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. It never passes in a
// test that succeeds.
const patience = 30 * time.Second

func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("never received: %s", what)
		panic("unreachable")
	}
}

// newRand returns a random source and prints the seed to replay it with.
func newRand(t testing.TB, seed uint64) *rand.Rand {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func keyOf(id uint16) sig.PrivateKey {
	return sig.NewKeyFromSeed([sig.SeedSize]byte{byte(id), byte(id >> 8), 1})
}

var testChain = [32]byte{0: 0xc0, 7: 0x01, 31: 0xff}

// failOnError fails the test when something is logged as an error.
type failOnError struct {
	slog.Handler
	t testing.TB
}

func (h failOnError) Enabled(context.Context, slog.Level) bool { return true }

func (h failOnError) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		h.t.Errorf("logged: %s", r.Message)
	}
	return nil
}

// member is a Transport under test and what it received.
type member struct {
	*Transport
	addr   string
	frames chan received
	stop   func()
}

type received struct {
	from  uint16
	lane  Lane
	frame []byte
}

// network builds transports for members 0..n-1 on loopback.
type network struct {
	t         testing.TB
	peers     []Peer
	listeners []net.Listener
	members   []*member
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newNetwork(t testing.TB, n int) *network {
	t.Helper()
	w := &network{t: t, members: make([]*member, n)}
	for id := range uint16(n) {
		l := listen(t, "127.0.0.1:0")
		w.listeners = append(w.listeners, l)
		w.peers = append(w.peers, Peer{ID: id, Key: keyOf(id).Public(), Addr: l.Addr().String()})
	}
	t.Cleanup(func() {
		for i, l := range w.listeners {
			if m := w.members[i]; m != nil {
				m.stop()
			}
			_ = l.Close() // of a member that was never started
		}
	})
	return w
}

// start runs a member. change may adjust its configuration.
func (w *network) start(id uint16, change func(*Config)) *member {
	w.t.Helper()
	m := &member{addr: w.peers[id].Addr, frames: make(chan received, 1<<16)}
	cfg := Config{
		Self: id, Key: keyOf(id), ChainID: testChain, Peers: w.peers, Listener: w.listeners[id],
		Handler: func(from uint16, lane Lane, frame []byte) { m.frames <- received{from, lane, frame} },
		Log:     slog.New(failOnError{Handler: slog.DiscardHandler, t: w.t}),
		Limits: Limits{BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond, RefusalPause: time.Millisecond,
			CallBackPause: time.Hour}, // who tests the call of the higher ID says so
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if m.Transport, err = New(cfg); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := receive(w.t, ended, fmt.Sprintf("the end of member %d", id)); err != nil {
			w.t.Errorf("Run of member %d: %v", id, err)
		}
	})
	w.members[id] = m
	return m
}

// linked reports whether every link of m is up.
func (m *member) linked() bool {
	for _, l := range m.Stats().Links {
		if !l.Up {
			return false
		}
	}
	return true
}

func (m *member) linkStats(peer uint16, lane Lane) LinkStats {
	for _, l := range m.Stats().Links {
		if l.Peer == peer && l.Lane == lane {
			return l
		}
	}
	return LinkStats{}
}

// stranger is a hand-made client for connections that a Transport would never
// make.
type stranger struct {
	key       sig.PrivateKey
	protocols []string
	change    func(*tls.Config)
}

// as returns a client that is in order, of the member with the given ID.
func as(id uint16) stranger {
	return stranger{key: keyOf(id), protocols: []string{"scrip/1/c000000000000001"}}
}

// dial connects and starts the handshake, which may fail later.
func (s stranger) dial(t testing.TB, addr string) (*tls.Conn, error) {
	t.Helper()
	cert, err := newCertificate(s.key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, NextProtos: s.protocols,
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
	}
	if s.change != nil {
		s.change(config)
	}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(patience))
	conn := tls.Client(raw, config)
	return conn, conn.Handshake()
}

// link connects and exchanges hellos, so that the link is up.
func (s stranger) link(t testing.TB, addr string, h hello) (*tls.Conn, *inbound) {
	t.Helper()
	conn, err := s.dial(t, addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeHello(conn, h); err != nil {
		t.Fatal(err)
	}
	in := newInbound(conn)
	if _, err := readHello(&in.frameReader); err != nil {
		t.Fatal(err)
	}
	in.open(1<<20, 0, nil)
	return conn, in
}
