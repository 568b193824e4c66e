package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// LinkObserver is told when a link to a peer comes up or goes down.
type LinkObserver func(peer uint16, lane transport.Lane, up bool)

// Config is what New needs. Fields without a stated default must be set.
type Config struct {
	Committee *pbft.Committee
	Self      pbft.ReplicaID
	Key       sig.PrivateKey // of member Self
	// Follow says that Key has no seat: the node follows the chain in the place of Self,
	// which it never asks, and signs nothing. Log must be nil then.
	Follow bool
	// GenesisTimeMs is the time of the block below the first, in Unix
	// milliseconds.
	GenesisTimeMs uint64

	Machine StateMachine
	// TxBytesMax bounds one transaction; it is the same on every node.
	TxBytesMax int

	// NewEngine makes the consensus engine, such as dualpath.New.
	NewEngine func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error)
	// NewNetwork makes the network that delivers to handler. observe is told
	// about links, if the network knows of any.
	NewNetwork func(handler transport.Handler, observe LinkObserver) (transport.Network, error)

	// Ledger is open and stays the caller's to close after Run.
	Ledger *store.Ledger
	// Log is open and stays the caller's to close after Run. nil means that it
	// is lost or damaged: then the replica follows and never signs (see
	// OpenLog).
	Log *store.Log

	// Verifier checks signatures; nil means a new one.
	Verifier *sig.Verifier
	// Workers is how many goroutines check signatures; 0 = GOMAXPROCS.
	Workers int
	// NoRecall lets a restarted replica sign before it has asked its peers for
	// what it has signed. Only for tests in which no log is ever lost.
	NoRecall bool
	Timers   pbft.Timers
	// Elide and Patience are as of pbft.Config.
	Elide, Patience bool
	// Monitor is as of pbft.Config.
	Monitor bool
	// LogBytesMax is the size of the consensus log that leads to a compaction.
	// Default 64 MiB.
	LogBytesMax int64

	Mempool  driver.Limits
	Batching driver.Batching
	// Lanes lets members push payload apart from proposals (package lanes). All members
	// must do the same; without it payload is inside proposals, and transactions are
	// gossiped.
	Lanes bool

	// Logger may be nil.
	Logger *slog.Logger
	// Trace, if set, is told every event of the engine, from the loop: it must
	// be quick.
	Trace func(pbft.Event)
}

func (c *Config) fill() error {
	switch {
	case c.Committee == nil || !c.Committee.Has(c.Self):
		return fmt.Errorf("replica %d is no member of the committee", c.Self)
	case c.Follow && c.Log != nil:
		return errors.New("a node that follows has no consensus log")
	case !c.Follow && (!c.Key.Valid() || c.Committee.Key(c.Self) != c.Key.Public()):
		return fmt.Errorf("the key is not that of member %d", c.Self)
	case c.Machine == nil || c.NewEngine == nil || c.NewNetwork == nil || c.Ledger == nil:
		return errors.New("machine, engine, network and ledger are required")
	case c.TxBytesMax < 1 || c.TxBytesMax > int(c.Committee.Parameters().PayloadBytesMax)/2:
		return fmt.Errorf("transactions of %d bytes do not fit a block", c.TxBytesMax)
	}
	if c.Verifier == nil {
		c.Verifier = sig.NewVerifier(0)
	}
	c.LogBytesMax = cmp.Or(c.LogBytesMax, driver.LogBytesDefault)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Batching = c.Batching.WithDefaults(int(c.Committee.Parameters().PayloadBytesMax))
	if least := c.TxBytesMax + PayloadOverheadBytes; c.Batching.BytesMax < least {
		return fmt.Errorf("blocks of at most %d bytes cannot hold the largest transaction: it takes %d",
			c.Batching.BytesMax, least)
	}
	c.Batching.LeastBytes = max(c.Batching.LeastBytes, c.TxBytesMax+PayloadOverheadBytes)
	if c.Mempool.BytesMax != 0 && c.Mempool.BytesMax < c.TxBytesMax {
		return fmt.Errorf("a pool of at most %d bytes cannot hold the largest transaction: it takes %d",
			c.Mempool.BytesMax, c.TxBytesMax)
	}
	if c.Lanes && c.TxBytesMax > lanes.BatchBytesMax/2 {
		return fmt.Errorf("transactions of %d bytes do not fit a batch of a lane", c.TxBytesMax)
	}
	var err error
	c.Mempool, err = c.Mempool.WithDefaults(c.Committee.Size())
	return err
}

// Node is one member of the chain. Make it with New, start it with Run. All
// other methods are safe for concurrent use, before, during and after Run.
type Node struct {
	cfg       Config
	committee *pbft.Committee
	log       *slog.Logger
	metrics   *metrics
	network   transport.Network
	pool      *sig.Pool
	inbox     *inbox
	mempool   *mempool
	stages    *stages
	front     *front
	payloads  *payloads
	gossip    *gossip
	executor  *executor
	hub       *hub
	certs     *certs
	clocks    *clocks
	awake     awake
	loop      *loop
	lanes     *laneWork // nil where payload is inside proposals

	arrived chan struct{} // the mempool has something new
	serves  chan pbft.Serve
	sync    chan struct{}
	synced  chan error
	guests  budget

	started     atomic.Bool
	subscribers atomic.Int64
	engine      atomic.Pointer[pbft.EngineStatus]
	end         atomic.Pointer[error] // why the node stopped
	since       time.Time
	// floor is a height that this node had executed before it started.
	floor uint64
}

// OpenLog opens the consensus log of a member's key. If it is missing, of
// another key or damaged, it returns nil without an error and says why in
// reason: the replica goes on without a log, and without signing.
func OpenLog(fsys store.FS, dir string, chainDigest, key [32]byte) (log *store.Log, reason, err error) {
	log, err = store.OpenLog(fsys, dir, store.LogID{Chain: chainDigest, Key: key})
	if errors.Is(err, store.ErrAmnesic) {
		return nil, err, nil
	}
	return log, nil, err
}

// New checks cfg, writes the genesis into an empty ledger, and rebuilds the
// replica from its log and ledger. It starts nothing.
func New(cfg Config) (*Node, error) {
	if err := cfg.fill(); err != nil {
		return nil, fmt.Errorf("configure node: %w", err)
	}
	n := &Node{
		cfg: cfg, committee: cfg.Committee, metrics: newMetrics(), since: time.Now(),
		log:  cfg.Logger.With("replica", uint16(cfg.Self)),
		pool: sig.NewPool(cfg.Verifier, cfg.Workers, 0),
		mempool: newMempool(driver.NewShares(cfg.Mempool, cfg.Self, cfg.Committee.Size()),
			driver.RepeatLeastMs(cfg.Timers.WithDefaults().TimeoutTicksMin)),
		arrived: make(chan struct{}, 1), serves: make(chan pbft.Serve, serveQueueMax),
		sync: make(chan struct{}, 1), synced: make(chan error, 1),
		guests: newBudget(guestBytesPerSecond, guestBurstBytes),
	}
	n.mempool.nowMs = nowMs()
	n.stages = &stages{epoch: n.mempool.epoch}
	n.metrics.registry.MustRegister(n.stages)
	n.inbox = newInbox(n.committee.Size(), cfg.Self, n.metrics)
	n.clocks = newClocks(n.committee.WeakQuorum())
	n.inbox.clocks = n.clocks
	if cfg.Lanes {
		n.inbox.committee, n.mempool.lanes, n.mempool.eligible.Pushed = n.committee, true, true
		n.lanes = &laneWork{checks: make(chan lanes.Check, laneQueueMax), wake: make(chan struct{}, 1)}
		n.inbox.pushes = n.lanes
	}
	n.certs = newCerts(n)
	n.inbox.certs = n.certs.handle
	n.front = newFront(cfg.Machine, n.pool, cfg.TxBytesMax)
	n.payloads = newPayloads(n.front, n.mempool, n.committee.Parameters().PayloadBytesMax, cfg.TxBytesMax, n.metrics)
	n.inbox.fits = n.payloads.fits
	if err := n.restore(); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	var err error
	if n.network, err = cfg.NewNetwork(n.inbox.handle, n.inbox.linkChanged); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	n.gossip = &gossip{self: cfg.Self, front: n.front, mempool: n.mempool, inbox: n.inbox, metrics: n.metrics,
		out: make(chan *Tx, gossipQueueMax), arrived: n.signalArrived, limits: n.payloads.limits,
		send:   func(lane transport.Lane, frame []byte) { n.broadcast(lane, frame) },
		sendTo: func(to pbft.ReplicaID, frame []byte) { n.network.Send(uint16(to), transport.Bulk, frame) }}
	return n, nil
}

// restore brings the replica back from the ledger and the log.
func (n *Node) restore() error {
	genesis, err := n.genesis()
	if err != nil {
		return err
	}
	records, err := n.records()
	if err != nil {
		return err
	}
	start, err := n.startOver()
	if err != nil {
		return err
	}
	n.floor = floorOf(records, n.committee.Parameters().Window)
	n.loop = &loop{n: n, began: time.Now(), arrived: make([]uint64, n.committee.Size())}
	ledger := executed{n.cfg.Ledger.Latest()}
	n.loop.driver, err = driver.New(driver.Config{
		New: n.cfg.NewEngine,
		Engine: pbft.Config{
			Committee: n.committee, Self: n.cfg.Self, Scheme: scheme{n.cfg.Verifier},
			Sign:    n.sign,
			Genesis: genesis, Recall: !n.cfg.NoRecall, Amnesic: n.cfg.Log == nil,
			Timers: n.cfg.Timers, Trace: n.cfg.Trace != nil, Elide: n.cfg.Elide, Patience: n.cfg.Patience,
			Monitor: n.cfg.Monitor,
		},
		Store: ledger, Pool: n.loop, Batching: n.cfg.Batching, LogBytesMax: n.cfg.LogBytesMax,
		Lanes: n.laneConfig(), Start: start,
	}, records)
	if err != nil {
		return err
	}
	if n.cfg.Log != nil {
		n.loop.logged()
	}
	last := uint64(ledger.Height())
	if err := n.certs.scan(last); err != nil {
		return err
	}
	stored, err := readRecord(n.cfg.Ledger.Latest(), last)
	if err != nil {
		return fmt.Errorf("read the last block: %w", err)
	}
	n.executor = newExecutor(n)
	n.executor.timeMs, n.executor.parent = stored.timeMs, stored.Header
	n.hub = newHub(last, stored.Header.TimeMs)
	n.metrics.height.Set(float64(last))
	status := n.loop.driver.Status()
	n.engine.Store(&status)
	if status.Condition == pbft.Amnesic && n.cfg.Log != nil {
		n.log.Error("this replica does not vote", "condition", status.Condition.String(),
			"reason", explain(status.Condition))
	}
	return nil
}

// sign signs for the engine. One that follows is amnesic to its engine, which signs nothing
// then; that this holds is not left to the engine.
func (n *Node) sign(message []byte) pbft.Signature {
	if n.cfg.Follow {
		panic("node: a node that follows was to sign")
	}
	return n.cfg.Key.Sign(message)
}

// startOver is what the guard of the log is told of this start; nil if there is no log.
func (n *Node) startOver() (*driver.Start, error) {
	if n.cfg.Log == nil {
		return nil, nil
	}
	s := &driver.Start{Frames: n.cfg.Log.LastFrame()}
	if _, err := rand.Read(s.Nonce[:]); err != nil {
		return nil, fmt.Errorf("number this start: %w", err)
	}
	return s, nil
}

// genesis returns the header below the first block. In an empty ledger it
// executes the genesis first.
func (n *Node) genesis() (pbft.Header, error) {
	view := n.cfg.Ledger.Latest()
	if _, ok := view.Height(); ok {
		h, err := readRecord(view, 0)
		if err != nil {
			return pbft.Header{}, fmt.Errorf("read the genesis: %w", err)
		}
		if h.Header != n.committee.GenesisHeader(h.Header.ExecRoot, n.cfg.GenesisTimeMs) {
			err = errors.New("the ledger was made with another genesis")
		}
		return h.Header, err
	}
	r, err := n.cfg.Machine.Genesis()
	if err != nil {
		return pbft.Header{}, fmt.Errorf("make the genesis: %w", err)
	}
	h := pbft.SignedHeader{Header: n.committee.GenesisHeader(r.StateRoot, n.cfg.GenesisTimeMs)}
	b := BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: h}}, nil, &r, pbft.Digest{})
	if err := n.cfg.Ledger.Commit(b, true); err != nil {
		return pbft.Header{}, fmt.Errorf("store the genesis: %w", err)
	}
	return h.Header, nil
}

// records reads the consensus log. A frame that is whole and makes no sense was
// written by another version: nothing may be signed over it.
func (n *Node) records() ([]pbft.Record, error) {
	if n.cfg.Log == nil {
		return nil, nil
	}
	var all []pbft.Record
	err := n.cfg.Log.Frames(func(frame []byte) error {
		rs, err := pbft.DecodeRecords(frame)
		all = append(all, rs...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the consensus log: %w", err)
	}
	return all, nil
}

// payloadWorkers is how many payloads are checked at once; a checker mostly
// waits for signatures.
const payloadWorkers = 4

// laneWorkers is how many checks of lanes are prepared at once: decoded and hashed.
const laneWorkers = 2

// Run takes part in the chain until ctx ends, and returns nil, or until
// something fails that a replica must not survive: a write, a sync, its own
// state, also when only the ledger's background work notices. Then nothing rests on
// what failed. If the disk is full, Run goes on answering reads, with Status saying
// so, and returns the error when ctx ends. It may be called once.
//
// Errors: ErrDiverged, store.ErrDamaged, store.ErrPoisoned.
func (n *Node) Run(ctx context.Context) error {
	if n.started.Swap(true) {
		return errors.New("run node: it ran before")
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	g, work := errgroup.WithContext(work)
	var syncer sync.WaitGroup
	syncer.Go(n.runSync)
	unblock := context.AfterFunc(work, n.inbox.stop)
	defer unblock()
	g.Go(func() error { return n.network.Run(work) })
	g.Go(func() error { return n.pool.Run(work) })
	g.Go(func() error { return n.loop.run(work) })
	g.Go(func() error { return n.executor.run(work) })
	background := func(f func(context.Context)) {
		g.Go(func() error { f(work); return nil })
	}
	for range payloadWorkers {
		background(n.payloads.run)
	}
	if n.cfg.Lanes {
		for range laneWorkers {
			background(n.verifyLanes)
		}
	} else {
		background(n.gossip.runOut)
	}
	for _, p := range n.inbox.peers {
		if p != nil && !n.cfg.Lanes {
			background(func(ctx context.Context) { n.gossip.runIn(ctx, p) })
		}
	}
	background(n.serve)
	background(n.certs.run)
	background(n.keepHouse)
	background(n.cfg.Ledger.Scrub)
	failed := n.cfg.Ledger.Failed()
	g.Go(func() error {
		select {
		case <-failed:
			return n.cfg.Ledger.Err()
		case <-work.Done():
			return nil
		}
	})
	ended := make(chan error, 1)
	go func() {
		err := g.Wait()
		close(n.sync)
		syncer.Wait()
		ended <- err
	}()
	err := n.await(ended, failed)
	n.stop(err)
	if isDiskFull(err) {
		<-ctx.Done()
	}
	if err != nil {
		return fmt.Errorf("run node: %w", err)
	}
	return nil
}

// stuckMax is how long the node's goroutines have to end once the ledger has failed.
const stuckMax = 10 * time.Second

// await returns how the goroutines of Run have ended. A call of a failed ledger may
// never return: those that are in one are given up, since the process ends anyway.
func (n *Node) await(ended <-chan error, failed <-chan struct{}) error {
	select {
	case err := <-ended:
		return err
	case <-failed:
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(stuckMax):
		return n.cfg.Ledger.Err()
	}
}

// stop makes public that the node takes no part any more.
func (n *Node) stop(err error) {
	n.end.Store(&err)
	n.metrics.condition.Set(conditionStopped)
	n.hub.stop()
	if err != nil {
		n.log.Error("the node has stopped", "err", err)
	}
}

func (n *Node) stopped() bool { return n.end.Load() != nil }

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func (n *Node) signalArrived() {
	n.lanes.signal()
	select {
	case n.arrived <- struct{}{}:
	default:
	}
}

// housePeriod is the pause between two looks at what waits.
const housePeriod = driver.RepeatPeriodMs * time.Millisecond

// keepHouse drops what has expired and sends again what waits for long.
func (n *Node) keepHouse(ctx context.Context) {
	ticks := time.NewTicker(housePeriod)
	defer ticks.Stop()
	var warnings trouble
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if turn%int(clockPeriod/housePeriod) == 0 {
			n.tellClock()
		}
		warnings.look(n)
		_, blockMs, _ := n.hub.tip()
		dropped, again := n.mempool.expire(blockMs, nowMs(), n.cfg.Self, driver.RepeatTxsMax)
		n.hub.expired(dropped)
		n.lanes.settle(dropped)
		if n.gossip.spread(again...); len(again) > 0 {
			n.signalArrived()
		}
		n.measure()
	}
}

// Registry returns the registry of the node's metrics.
func (n *Node) Registry() *prometheus.Registry { return n.metrics.registry }

// scheme is ZIP-215 for the engine.
type scheme struct{ v *sig.Verifier }

// Verify implements pbft.Scheme.
func (s scheme) Verify(key pbft.PublicKey, message []byte, signature pbft.Signature) bool {
	return s.v.Verify((*[32]byte)(&key), message, (*[64]byte)(&signature))
}

// VerifyBatch implements pbft.Scheme.
func (s scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	items := make([]sig.Item, len(keys))
	for i := range keys {
		items[i] = sig.Item{Key: (*[32]byte)(&keys[i]), Message: messages[i], Signature: (*[64]byte)(&sigs[i])}
	}
	return s.v.VerifyBatch(items)
}
