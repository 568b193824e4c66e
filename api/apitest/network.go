// Package apitest runs whole chains in one process for tests: real nodes over
// transport in memory, each with its HTTP interface on loopback.
package apitest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// TB is what Start needs of a test. Every testing.TB is one; an example brings its
// own.
type TB interface {
	Helper()
	Cleanup(func())
	TempDir() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Network is a demonstration chain in this process.
type Network struct {
	Dev     *genesis.DevNetwork
	Members []*Member

	t         TB
	dir       string
	memory    *transport.Memory
	committee *pbft.Committee
	configure func(*api.Config)
	campaigns uint32 // published so far
}

// Member is one node with its interface. Its URL stays the same across restarts.
type Member struct {
	URL    string
	Node   *node.Node
	Server *api.Server

	n       *Network
	id      int
	address string
	ledger  *store.Ledger
	log     *store.Log
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// Start runs a chain of n members until the test ends. configure may change how
// the interface of each is made; it may be nil.
func Start(t TB, n int, configure func(*api.Config)) *Network {
	t.Helper()
	return StartWith(t, n, configure, nil)
}

// StartWith is Start of a chain whose genesis file change changes; nil for none.
func StartWith(t TB, n int, configure func(*api.Config), change func(*genesis.File)) *Network {
	t.Helper()
	dev, err := genesis.DevWith("apitest", n, "", change)
	check(t, err)
	x := &Network{Dev: dev, t: t, dir: t.TempDir(), configure: configure}
	x.committee, err = dev.Genesis.Committee()
	check(t, err)
	ids := make([]uint16, n)
	for i := range ids {
		ids[i] = uint16(i)
	}
	x.memory, err = transport.NewMemory(ids, transport.Limits{}, nil)
	check(t, err)
	for i := range n {
		m := &Member{n: x, id: i, address: "127.0.0.1:0"}
		x.Members = append(x.Members, m)
		log, err := store.CreateLog(store.OS{}, m.path("log"), store.LogID{Chain: dev.Genesis.Digest,
			Key: dev.Validators[i].Public()})
		check(t, err)
		check(t, log.Close())
		m.Start()
	}
	t.Cleanup(func() {
		var g sync.WaitGroup
		for _, m := range x.Members {
			g.Go(m.Stop)
		}
		g.Wait()
	})
	return x
}

func check(t TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// URLs returns the addresses of all members' interfaces.
func (x *Network) URLs() []string {
	var urls []string
	for _, m := range x.Members {
		urls = append(urls, m.URL)
	}
	return urls
}

func (m *Member) path(name string) string {
	return filepath.Join(m.n.dir, fmt.Sprintf("member-%d", m.id), name)
}

// Start runs the member's node on what it has stored, and its interface.
func (m *Member) Start() {
	t, g := m.n.t, m.n.Dev.Genesis
	t.Helper()
	var err error
	committee, err := g.Committee()
	check(t, err)
	m.ledger, err = store.OpenLedger(store.LedgerConfig{Dir: m.path("ledger"), Chain: g.Digest,
		Packer: node.NewPacker(committee)})
	check(t, err)
	var reason error
	m.log, reason, err = node.OpenLog(store.OS{}, m.path("log"), g.Digest, m.n.Dev.Validators[m.id].Public())
	check(t, err)
	check(t, reason)
	machine, err := ledger.New(g.Chain(), g.File.Ledger, m.ledger)
	check(t, err)
	logger := slog.New(slog.NewTextHandler(testLog{t, m.id}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	m.Node, err = node.New(node.Config{
		Committee: m.n.committee, Self: pbft.ReplicaID(m.id), Key: sig.NewKeyFromSeed(m.n.Dev.Validators[m.id].Seed),
		GenesisTimeMs: g.File.TimeMs, Machine: machine, TxBytesMax: ledger.TxBytesMax, Ledger: m.ledger, Log: m.log,
		NewEngine: func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(cfg, log) },
		NewNetwork: func(h transport.Handler, _ node.LinkObserver) (transport.Network, error) {
			return m.n.memory.Join(uint16(m.id), h)
		},
		Workers: 1, NoRecall: true, Logger: logger,
	})
	check(t, err)
	cfg := api.Config{Node: m.Node, Machine: machine, Genesis: g, Logger: logger, Version: "test",
		Sign: sig.NewKeyFromSeed(m.n.Dev.Validators[m.id].Seed).Sign}
	if m.n.configure != nil {
		m.n.configure(&cfg)
	}
	m.Server, err = api.New(cfg)
	check(t, err)
	l, err := net.Listen("tcp", m.address)
	check(t, err)
	m.address = l.Addr().String()
	m.URL = "http://" + m.address
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	run := func(what string, f func(context.Context) error) {
		m.done.Go(func() {
			if err := f(ctx); err != nil {
				t.Errorf("member %d: %s: %v", m.id, what, err)
			}
		})
	}
	run("node", m.Node.Run)
	run("interface", func(ctx context.Context) error { return m.Server.Run(ctx, l) })
}

// Stop ends the member's node and interface. It may be started again.
func (m *Member) Stop() {
	if m.cancel == nil {
		return
	}
	m.cancel()
	m.done.Wait()
	m.cancel = nil
	for _, err := range []error{m.log.Close(), m.ledger.Close()} {
		if err != nil {
			m.n.t.Errorf("member %d: stop: %v", m.id, err)
		}
	}
}

type testLog struct {
	t  TB
	id int
}

// Write implements io.Writer.
func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%d: %s", l.id, b[:len(b)-1])
	return len(b), nil
}

// WaitReady waits until every running member is ready, for at most a minute.
func (x *Network) WaitReady() {
	x.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for _, m := range x.Members {
		for m.cancel != nil {
			r, err := http.Get(m.URL + "/readyz")
			if err == nil {
				_ = r.Body.Close()
				if r.StatusCode == http.StatusOK {
					break
				}
			}
			if time.Now().After(deadline) {
				x.t.Fatalf("member %d is not ready: %+v", m.id, m.Node.Status())
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}
