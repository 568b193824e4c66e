package cometbft

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/mempool"
	cometnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// Config is what New needs. Fields without a stated default must be set.
type Config struct {
	Genesis *genesis.Genesis
	Self    pbft.ReplicaID
	Key     sig.PrivateKey // of member Self
	// Machine executes over Ledger, which stays the caller's to close after Run.
	Machine *ledger.Machine
	Ledger  *store.Ledger
	// Dir is the folder of CometBFT's own files: its blocks, its log and what its key
	// has signed last. Like a consensus log, it must never be lost or copied.
	Dir string
	// ListenPeers is host:port for the other validators, Peers are their addresses by
	// number.
	ListenPeers string
	Peers       map[int]string

	Tuning   Tuning
	Verifier *sig.Verifier
	// Workers is how many goroutines check signatures with Batch; 0 = GOMAXPROCS.
	Workers int
	Logger  *slog.Logger
}

// Node is one validator on CometBFT. It is what package api needs of a node, and safe
// for concurrent use.
type Node struct {
	cfg     Config
	app     *app
	comet   atomic.Pointer[cometnode.Node]
	workers *sig.Pool // nil with Admission
	since   time.Time
	started atomic.Bool

	subscribers atomic.Int64
}

var _ api.Node = (*Node)(nil)

// peerID returns CometBFT's name of a peer: the hexadecimal digits of the address
// of its key.
func peerID(address crypto.Address) string { return hex.EncodeToString(address) }

func addressOf(key [32]byte) crypto.Address { return ed25519.PubKey(key[:]).Address() }

// ChainID returns CometBFT's name of the chain, which its signatures cover. It fits
// the bytes that CometBFT allows.
func ChainID(g *genesis.Genesis) string { return "scrip-" + hex.EncodeToString(g.Digest[:16]) }

// New opens the ledger's application. CometBFT starts in Run.
func New(cfg Config) (*Node, error) {
	committee, err := cfg.Genesis.Committee()
	switch {
	case err != nil:
		return nil, fmt.Errorf("start node: %w", err)
	case !committee.Has(cfg.Self) || committee.Key(cfg.Self) != cfg.Key.Public():
		return nil, fmt.Errorf("start node: the key is not that of member %d", cfg.Self)
	}
	n := &Node{cfg: cfg, since: time.Now()}
	if cfg.Tuning.Signatures == Batch {
		n.workers = sig.NewPool(cfg.Verifier, cfg.Workers, 0)
	}
	p := newPool(cfg.Tuning.MempoolTxsMax, cfg.Tuning.MempoolBytesMax, cfg.Tuning.Signatures == Batch)
	a := &app{genesis: cfg.Genesis, committee: committee, addresses: make(map[string]pbft.ReplicaID), self: cfg.Self,
		key: cfg.Key, scheme: scheme{cfg.Verifier}, tuning: &n.cfg.Tuning, machine: cfg.Machine, ledger: cfg.Ledger,
		front: newFront(cfg.Machine, cfg.Verifier, n.workers), pool: p, outcomes: newOutcomes(cfg.Ledger, p),
		limits: chain.PayloadLimits{BytesMax: int(committee.Parameters().PayloadBytesMax), TxsMax: blockTxsMax,
			TxBytesMax: ledger.TxBytesMax}}
	a.outcomes.certify = a.certifyAt
	for id := range pbft.ReplicaID(committee.Size()) {
		a.addresses[peerID(addressOf(committee.Key(id)))] = id
	}
	n.app = a
	if a.metrics, err = newMetrics(p, n.peersUp); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	if err := a.open(); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	a.outcomes.begin(a.last)
	return n, nil
}

// errEnded says that CometBFT has given up.
var errEnded = errors.New("CometBFT has stopped taking part")

// Run takes part in the chain until ctx ends, and returns nil, or until something
// fails that a validator must not survive. It may be called once.
func (n *Node) Run(ctx context.Context) (err error) {
	if n.started.Swap(true) {
		return errors.New("run node: it ran before")
	}
	defer n.app.outcomes.fail(node.ErrStopped)
	if n.workers != nil {
		working, stop := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan error, 1)
		go func() { ended <- n.workers.Run(working) }()
		defer func() { stop(); err = errors.Join(err, <-ended) }()
	}
	comet, err := n.assemble(ctx)
	if err != nil {
		return fmt.Errorf("run node: %w", err)
	}
	blocks := comet.BlockStore()
	n.app.mu.Lock()
	n.app.extensions = func(height uint64) map[pbft.ReplicaID][]byte {
		return n.app.extensionsOf(blocks.LoadBlockExtendedCommit(int64(height)))
	}
	n.app.mu.Unlock()
	if err := n.app.recertify(); err != nil {
		return fmt.Errorf("run node: %w", err)
	}
	if err := comet.Start(); err != nil {
		return fmt.Errorf("start CometBFT: %w", err)
	}
	n.comet.Store(comet)
	select {
	case <-ctx.Done():
	case <-n.app.outcomes.stopped:
		err = n.app.outcomes.ended()
	}
	if stopErr := comet.Stop(); stopErr != nil {
		err = errors.Join(err, fmt.Errorf("stop CometBFT: %w", stopErr))
	}
	comet.Wait()
	return err
}

// extensionsOf returns the extensions of a commit by their signers.
func (a *app) extensionsOf(c *types.ExtendedCommit) map[pbft.ReplicaID][]byte {
	if c == nil {
		return nil
	}
	held := make(map[pbft.ReplicaID][]byte, len(c.ExtendedSignatures))
	for i := range c.ExtendedSignatures {
		s := &c.ExtendedSignatures[i]
		if id, ok := a.addresses[peerID(s.ValidatorAddress)]; ok && s.BlockIDFlag == types.BlockIDFlagCommit {
			held[id] = s.Extension
		}
	}
	return held
}

// assemble makes the CometBFT node. What is above the ledger's last block in its
// block store is replayed here.
func (n *Node) assemble(ctx context.Context) (*cometnode.Node, error) {
	c, err := n.cometConfig()
	if err != nil {
		return nil, err
	}
	seed, public := n.cfg.Key.Seed(), n.cfg.Key.Public()
	key := ed25519.PrivKey(append(seed[:], public[:]...))
	signer, err := openSigner(c, key, uint64(n.app.tip().header.Seq))
	if err != nil {
		return nil, err
	}
	document := genesisDoc(n.cfg.Genesis, n.app.committee)
	// Each connection has a lock of its own, so that checks of transactions never
	// wait for a block.
	return cometnode.NewNodeWithContext(ctx, c, signer, &p2p.NodeKey{PrivKey: key},
		proxy.NewConnSyncLocalClientCreator(n.app),
		func() (*types.GenesisDoc, error) { return document, nil }, config.DefaultDBProvider,
		cometnode.DefaultMetricsProvider(c.Instrumentation),
		newLogger(n.cfg.Logger, func() { n.app.outcomes.fail(errEnded) }))
}

// cometConfig returns CometBFT's configuration. Nothing of it is read from a file.
func (n *Node) cometConfig() (*config.Config, error) {
	c := config.DefaultConfig()
	c.SetRoot(n.cfg.Dir)
	for _, name := range []string{config.DefaultConfigDir, config.DefaultDataDir} {
		if err := os.MkdirAll(filepath.Join(n.cfg.Dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("make CometBFT's folders: %w", err)
		}
	}
	c.Moniker = "scrip-" + strconv.Itoa(int(n.cfg.Self))
	c.RPC.ListenAddress = "" // clients use the HTTP API
	c.P2P.ListenAddress = "tcp://" + n.cfg.ListenPeers
	// The committee is fixed: its members know each other, and nobody else is let in.
	c.P2P.PexReactor, c.FilterPeers = false, true
	c.P2P.AddrBookStrict, c.P2P.AllowDuplicateIP = false, true
	c.P2P.PersistentPeersMaxDialPeriod = 2 * time.Second
	var peers []string
	for _, i := range slices.Sorted(maps.Keys(n.cfg.Peers)) {
		if id := pbft.ReplicaID(i); id != n.cfg.Self && n.app.committee.Has(id) {
			peers = append(peers, peerID(addressOf(n.app.committee.Key(id)))+"@"+n.cfg.Peers[i])
		}
	}
	c.P2P.PersistentPeers = strings.Join(peers, ",")
	c.P2P.MaxNumInboundPeers = 2 * n.app.committee.Size()
	c.P2P.MaxNumOutboundPeers = n.app.committee.Size()
	c.Mempool.MaxTxBytes = ledger.TxBytesMax
	n.cfg.Tuning.apply(c)
	if err := c.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("configure CometBFT: %w", err)
	}
	return c, nil
}

// genesisDoc returns CometBFT's form of the genesis file.
func genesisDoc(g *genesis.Genesis, c *pbft.Committee) *types.GenesisDoc {
	params := types.DefaultConsensusParams()
	params.Evidence.MaxBytes = evidenceBytesMax
	params.Block.MaxBytes = int64(c.Parameters().PayloadBytesMax) + types.MaxOverheadForBlock +
		types.MaxHeaderBytes + types.MaxCommitBytes(c.Size()) + evidenceBytesMax
	params.ABCI.VoteExtensionsEnableHeight = firstHeight
	d := &types.GenesisDoc{ChainID: ChainID(g), GenesisTime: time.UnixMilli(int64(g.File.TimeMs)).UTC(),
		InitialHeight: firstHeight, ConsensusParams: params}
	for id := range pbft.ReplicaID(c.Size()) {
		key := c.Key(id)
		d.Validators = append(d.Validators, types.GenesisValidator{PubKey: ed25519.PubKey(key[:]), Power: 1,
			Name: strconv.Itoa(int(id))})
	}
	return d
}

// evidenceBytesMax bounds the evidence of double votes in a block.
const evidenceBytesMax = 64 << 10

// Submit implements api.Node; see node.Node.Submit.
func (n *Node) Submit(ctx context.Context, raw []byte, by *[32]byte) (node.Pending, error) {
	txs, errs := n.judge(ctx, [][]byte{raw})
	if errs[0] != nil {
		return node.Pending{}, errs[0]
	}
	return n.admit(ctx, txs[0], by)
}

// judge checks transactions of clients: with Batch wholly, with Admission all but the
// signatures, which are CheckTx's to look at.
func (n *Node) judge(ctx context.Context, raws [][]byte) (txs []*node.Tx, errs []error) {
	txs, errs = make([]*node.Tx, len(raws)), make([]error, len(raws))
	full := n.app.pool.full()
	ended := n.comet.Load() == nil || n.app.outcomes.ended() != nil
	if n.workers != nil && full == nil && !ended {
		j, err := n.app.front.wait(ctx, raws...)
		if err == nil {
			return j.txs, j.errs
		}
		full = err
	}
	for i, raw := range raws {
		switch {
		case ended:
			errs[i] = node.ErrStopped
		case n.workers == nil:
			txs[i], errs[i] = n.app.front.decode(raw)
		default:
			if txs[i] = n.app.front.known(raw); txs[i] == nil {
				errs[i] = full
			}
		}
	}
	return txs, errs
}

// admit hands a judged transaction on, unless it is known or the state refuses it.
func (n *Node) admit(ctx context.Context, tx *node.Tx, by *[32]byte) (node.Pending, error) {
	p := node.Pending{ID: tx.ID, ExpiresMs: tx.ExpiresMs, Known: true}
	if n.app.pool.has(tx.ID) {
		return p, nil
	}
	if refusal := n.cfg.Machine.Admit(tx, by, nowMs()); refusal != nil {
		// A transaction that has its outcome is refused too, but is no error.
		if _, ok, err := n.cfg.Ledger.Latest().LookupTx(tx.ID); err != nil || ok {
			return p, err
		}
		return node.Pending{}, refusal
	}
	if n.workers != nil {
		if err := n.app.pool.add(tx, true); err != nil {
			return node.Pending{}, err
		}
	} else if err := n.toMempool(ctx, n.comet.Load().Mempool(), tx.Raw); errors.Is(err, mempool.ErrTxInCache) {
		return p, nil
	} else if err != nil {
		return node.Pending{}, err
	}
	p.Known = false
	return p, nil
}

// SubmitAll implements api.Node: Submit and Wait of many transactions, whose
// signatures are checked together. See node.Node.SubmitAll.
func (n *Node) SubmitAll(ctx context.Context, raws [][]byte, by *[32]byte, outcomes chan<- node.Submitted) {
	txs, errs := n.judge(ctx, raws)
	var g sync.WaitGroup
	defer g.Wait()
	for i, tx := range txs {
		s := node.Submitted{Tx: i, Err: errs[i]}
		if s.Err != nil {
			outcomes <- s
			continue
		}
		g.Go(func() {
			p, err := n.admit(ctx, tx, by)
			if s.Err = err; err == nil {
				s.Outcome, s.Err = n.Wait(ctx, p.ID, node.Executed)
			}
			outcomes <- s
		})
	}
}

// toMempool hands a transaction to CometBFT's mempool and waits for what CheckTx
// says.
func (n *Node) toMempool(ctx context.Context, m mempool.Mempool, raw []byte) error {
	answers := make(chan error, 1)
	err := m.CheckTx(raw, func(r *abci.ResponseCheckTx) {
		if r.IsOK() {
			answers <- nil
			return
		}
		answers <- &node.Refusal{Code: uint16(r.Code), Text: r.Log}
	}, mempool.TxInfo{})
	if full := (mempool.ErrMempoolIsFull{}); errors.As(err, &full) {
		return refusalBusy()
	}
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	select {
	case err = <-answers:
		return err
	case <-ctx.Done():
		return fmt.Errorf("submit: %w", ctx.Err())
	}
}

// Wait implements api.Node; see node.Node.Wait.
func (n *Node) Wait(ctx context.Context, id [32]byte, until node.Finality) (node.Outcome, error) {
	return n.app.outcomes.wait(ctx, id, until)
}

// Lookup implements api.Node.
func (n *Node) Lookup(id [32]byte) (node.Outcome, bool, error) { return n.app.outcomes.lookup(id) }

// Waits implements api.Node.
func (n *Node) Waits(id [32]byte) bool { return n.app.pool.has(id) }

// Block implements api.Node.
func (n *Node) Block(height uint64) (*node.Block, error) {
	return node.ReadBlock(n.cfg.Ledger.Latest(), n.app.committee, n.app.limits, height)
}

// View implements api.Node.
func (n *Node) View() (*store.View, error) { return n.cfg.Ledger.View() }

// subscribersMax bounds the subscriptions at one time.
const subscribersMax = 1024

// Subscribe implements api.Node; see node.Node.Subscribe.
func (n *Node) Subscribe(from store.EventID) (*node.Subscription, error) {
	if n.subscribers.Add(1) > subscribersMax {
		n.subscribers.Add(-1)
		return nil, node.ErrSubscribers
	}
	return node.NewSubscription(node.Feed{
		View: n.cfg.Ledger.Latest(),
		Tip: func() (uint64, <-chan struct{}) {
			height, _, advanced := n.app.outcomes.tip()
			return height, advanced
		},
		Stopped: func() bool { return n.app.outcomes.ended() != nil },
		Closed:  func() { n.subscribers.Add(-1) },
	}, from), nil
}

// Registry implements api.Node.
func (n *Node) Registry() *prometheus.Registry { return n.app.metrics.registry }

func (n *Node) peersUp() int {
	comet := n.comet.Load()
	if comet == nil {
		return 0
	}
	return comet.Switch().Peers().Size()
}

// Status implements api.Node. The engine's view is the one that stands in headers;
// CometBFT's rounds do not show, and its primary is the proposer of the last block.
func (n *Node) Status() node.Status {
	t := n.app.tip()
	txs, bytes := n.app.pool.size()
	s := node.Status{Self: n.cfg.Self, Height: uint64(t.header.Seq), TimeMs: t.header.TimeMs,
		StateRoot: t.stateRoot, PeersUp: n.peersUp(), MempoolTxs: txs, MempoolBytes: bytes,
		Uptime: time.Since(n.since), Condition: "starting", Live: true,
		Engine: pbft.EngineStatus{Condition: pbft.Voting, View: view, Primary: t.header.Proposer,
			Committed: pbft.BlockRef{View: view, Seq: t.header.Seq, Digest: t.digest},
			Executed:  t.header.Seq, Stable: t.header.Seq, Target: t.header.Seq}}
	comet := n.comet.Load()
	switch err := n.app.outcomes.ended(); {
	case err != nil:
		s.Condition, s.Reason, s.Live = "stopped", err.Error(), false
	case comet == nil:
	case comet.ConsensusReactor().WaitSync():
		s.Condition, s.Reason = "catching-up", "fetching the blocks that it has missed"
	default:
		s.Condition = pbft.Voting.String()
		s.Ready = s.PeersUp+1 >= n.app.committee.Quorum()
	}
	return s
}
