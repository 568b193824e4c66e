package node

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// byLanes lets every test of a cluster disseminate by lanes.
var byLanes = flag.Bool("lanes", false, "disseminate payload by lanes")

// cluster is a chain of members in this process, each with its own directory,
// over TLS on loopback or in memory.
type cluster struct {
	t         testing.TB
	committee *pbft.Committee
	keys      []sig.PrivateKey
	peers     []transport.Peer
	memory    *transport.Memory // nil: TLS
	dir       string
	members   []*member
	configure func(*Config)
	startMs   uint64
}

// options says how to make a cluster.
type options struct {
	size      int
	tls       bool // else frames go through memory
	crashable bool // disks are simulated
	configure func(*Config)
	// payloadMax bounds blocks; 0 = default.
	payloadMax uint32
}

// member is one place in the cluster: a node that may be stopped and started.
type member struct {
	c      *cluster
	id     int
	fs     store.FS   // of the log
	disk   *vfs.MemFS // of the ledger; nil: the machine's
	node   *Node
	ledger *store.Ledger
	log    *store.Log
	cancel context.CancelFunc
	done   chan error
	ended  bool

	openBytes int64  // of store.LedgerConfig
	ledgerFS  vfs.FS // nil = disk, or the machine's
}

var testChain = [32]byte{7, 7, 7}

// newCluster makes four members over TLS on real disks.
func newCluster(t testing.TB, configure func(*Config)) *cluster {
	t.Helper()
	return makeCluster(t, options{size: 4, tls: true, configure: configure})
}

func makeCluster(t testing.TB, o options) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), configure: o.configure, startMs: nowMs() - 1000}
	n := o.size
	var public []pbft.PublicKey
	var ids []uint16
	for i := range n {
		key := sig.NewKeyFromSeed([32]byte{byte(i + 1)})
		c.keys = append(c.keys, key)
		public = append(public, key.Public())
		ids = append(ids, uint16(i))
	}
	f, p := pbft.DefaultFaults(n)
	var err error
	if c.committee, err = pbft.NewCommittee(testChain, 0, public, pbft.Parameters{Faults: f, FastFaults: p,
		PayloadBytesMax: o.payloadMax}); err != nil {
		t.Fatal(err)
	}
	if o.tls {
		for i := range n {
			c.peers = append(c.peers, transport.Peer{ID: uint16(i), Key: c.keys[i].Public(), Addr: freeAddress(t)})
		}
	} else if c.memory, err = transport.NewMemory(ids, transport.Limits{}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m := &member{c: c, id: i, fs: store.OS{}, ended: true}
		if o.crashable {
			m.fs, m.disk = store.NewMem(), vfs.NewCrashableMem()
		}
		c.members = append(c.members, m)
		id := store.LogID{Chain: testChain, Key: c.keys[i].Public()}
		log, err := store.CreateLog(m.fs, m.path("log"), id)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(c.stopAll)
	return c
}

// nextPort walks through ports below those that systems give to outgoing
// connections, so that a member finds its port free when it comes back.
var nextPort atomic.Uint32

func freeAddress(t testing.TB) string {
	nextPort.CompareAndSwap(0, 20000+uint32(os.Getpid())%8000)
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+nextPort.Add(1)%12000)
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

func (c *cluster) startAll() {
	for _, m := range c.members {
		m.start()
	}
}

func (c *cluster) stopAll() {
	var g sync.WaitGroup
	for _, m := range c.members {
		g.Go(func() {
			if err := m.stop(); err != nil {
				c.t.Errorf("member %d: %v", m.id, err)
			}
		})
	}
	g.Wait()
}

func (m *member) path(name string) string {
	return filepath.Join(m.c.dir, fmt.Sprintf("member-%d", m.id), name)
}

// start opens the member's directory and runs its node.
func (m *member) start() {
	t := m.c.t
	t.Helper()
	var err error
	ledger := store.LedgerConfig{Dir: m.path("ledger"), Chain: testChain, OpenBytes: m.openBytes,
		Packer: NewPacker(m.c.committee)}
	if m.disk != nil {
		ledger.FS = m.disk
	}
	if m.ledgerFS != nil {
		ledger.FS = m.ledgerFS
	}
	m.ledger, err = store.OpenLedger(ledger)
	if err != nil {
		t.Fatal(err)
	}
	var reason error
	m.log, reason, err = OpenLog(m.fs, m.path("log"), testChain, m.c.keys[m.id].Public())
	if err != nil {
		t.Fatal(err)
	}
	if reason != nil {
		t.Logf("member %d has no log: %v", m.id, reason)
	}
	cfg := Config{
		Committee: m.c.committee, Self: pbft.ReplicaID(m.id), Key: m.c.keys[m.id], GenesisTimeMs: m.c.startMs,
		Machine: &hashChain{m.ledger}, TxBytesMax: hashTxMax, Ledger: m.ledger, Log: m.log,
		NewEngine:  func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(cfg, log) },
		NewNetwork: m.network, Workers: 1, Lanes: *byLanes,
		Logger: slog.New(slog.NewTextHandler(testLog{t, m.id}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if m.c.configure != nil {
		m.c.configure(&cfg)
	}
	if m.node, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.done, m.ended = cancel, make(chan error, 1), false
	node, done := m.node, m.done
	go func() { done <- node.Run(ctx) }()
}

type testLog struct {
	t  testing.TB
	id int
}

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%d: %s", l.id, b[:len(b)-1])
	return len(b), nil
}

func (m *member) network(h transport.Handler, observe LinkObserver) (transport.Network, error) {
	if m.c.memory != nil {
		return m.c.memory.Join(uint16(m.id), h)
	}
	return transport.New(transport.Config{Self: uint16(m.id), Key: m.c.keys[m.id], ChainID: testChain,
		Peers: m.c.peers, Listen: m.c.peers[m.id].Addr, Handler: h, LinkChanged: observe,
		Limits: transport.Limits{BackoffMin: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond}})
}

// stop ends the member's node and closes its files.
func (m *member) stop() error {
	if m.ended {
		return nil
	}
	m.cancel()
	return m.end()
}

// stopNode ends the member's node and leaves its files open.
func (m *member) stopNode() error {
	m.cancel()
	err := <-m.done
	m.done <- err
	return err
}

// end waits for the member's node and closes its files.
func (m *member) end() error {
	m.ended = true
	err := <-m.done
	m.cancel()
	if m.log != nil {
		_ = m.log.Close()
	}
	if e := m.ledger.Close(); e != nil && err == nil {
		err = e
	}
	return err
}

// wait polls until the condition holds, for at most a minute.
func (c *cluster) wait(what string, condition func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			c.logStatus()
			c.t.Fatalf("not reached within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *cluster) logStatus() {
	for _, m := range c.members {
		if m.node != nil {
			c.t.Logf("member %d: %+v", m.id, m.node.Status())
		}
	}
}

// agree waits until all the given members have executed a height, and checks
// that they agree on every block up to it.
func (c *cluster) agree(height uint64, ids ...int) {
	c.t.Helper()
	c.wait(fmt.Sprintf("height %d", height), func() bool {
		for _, id := range ids {
			if c.members[id].node.Status().Height < height {
				return false
			}
		}
		return true
	})
	for h := uint64(1); h <= height; h++ {
		var first *Block
		for _, id := range ids {
			b, err := c.members[id].node.Block(h)
			if err != nil {
				c.t.Fatal(err)
			}
			if first == nil {
				first = b
			} else if b.Digest != first.Digest {
				c.t.Fatalf("members disagree on block %d", h)
			}
		}
	}
}

var clientKey = sig.NewKeyFromSeed([32]byte{99})

// submit hands a transaction to a member and waits for its outcome.
func (m *member) submit(text string, until Finality) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tx := newHashTx(clientKey, nowMs()+60_000, text)
	if _, err := m.node.Submit(ctx, tx, nil); err != nil {
		return Outcome{}, err
	}
	return m.node.Wait(ctx, hashID(tx), until)
}

func counterOf(c prometheus.Counter) float64 {
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		panic(err)
	}
	return m.GetCounter().GetValue()
}
