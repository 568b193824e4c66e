package validator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/internal/tracing"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/profile/shelf"
	"github.com/scrip-network/scrip/profile/texts"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// Options are what Run needs beside the settings.
type Options struct {
	// Logger may be nil.
	Logger *slog.Logger
	// Version is that of the program.
	Version string
	// Started, if set, is called once the validator listens and runs.
	Started func(Started)
}

// Started says how a validator has started.
type Started struct {
	Chain   string `json:"chain"`
	Replica int    `json:"replica"`
	// ListenPeers and ListenAPI are the addresses that it listens on.
	ListenPeers string `json:"listen_peers"`
	ListenAPI   string `json:"listen_api"`
	// Height is the last one that it had executed when it stopped.
	Height uint64 `json:"height"`
	// Amnesic says why it follows the chain without signing; "" = it signs.
	Amnesic string `json:"amnesic,omitempty"`
}

// process is a validator while it runs.
type process struct {
	cfg     *Config
	opt     Options
	key     keys.Secret
	genesis *genesis.Genesis
	id      pbft.ReplicaID
	// committee is that of the genesis.
	committee *pbft.Committee
	follows   bool // the key has no seat, see Config.Follow

	peers, api net.Listener
	debug      net.Listener // nil = off
	desk       *desk.Desk   // nil = none
	deskPort   net.Listener
	proxies    throttle.Proxies
	profiles   *shelf.Shelf
	texts      *texts.Shelf
	ledger     *store.Ledger
	log        *store.Log
	amnesic    error
	links      *transport.Transport
	node       *node.Node
	tracer     *tracing.Tracer // nil = off
	server     *api.Server
}

// Run runs the validator until ctx ends, and returns nil, or until it cannot go
// on. What keeps it from starting is a *Trouble. It prints nothing. If the node's
// execution has differed from that of f+1 other members, it begins once more with an
// empty ledger, and executes their blocks anew.
func Run(ctx context.Context, cfg *Config, opt Options) error {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	for {
		err := runOnce(ctx, cfg, opt)
		if !errors.Is(err, node.ErrDiverged) {
			return err
		}
		if err := cfg.setAside(err, opt.Logger); err != nil {
			return err
		}
	}
}

func runOnce(ctx context.Context, cfg *Config, opt Options) (err error) {
	p := &process{cfg: cfg, opt: opt}
	defer func() { err = cfg.damaged(errors.Join(err, p.close())) }()
	if err := p.open(); err != nil {
		return err
	}
	if err := p.assemble(); err != nil {
		return err
	}
	p.announce()
	return p.run(ctx)
}

// open reads keys and genesis, takes the ports and opens the data.
func (p *process) open() (err error) {
	if p.key, err = p.cfg.LoadKey(); err != nil {
		return err
	}
	if p.genesis, p.id, err = p.cfg.LoadGenesis(p.key.Public()); err != nil {
		return err
	}
	p.follows = p.cfg.Follow != ""
	if p.peers, err = net.Listen("tcp", p.cfg.ListenPeers); err != nil {
		return listenTrouble(p.cfg.ListenPeers, "listen-peers", err)
	}
	if p.api, err = net.Listen("tcp", p.cfg.ListenAPI); err != nil {
		return listenTrouble(p.cfg.ListenAPI, "listen-api", err)
	}
	if p.cfg.ListenDebug != "" {
		if p.debug, err = net.Listen("tcp", p.cfg.ListenDebug); err != nil {
			return listenTrouble(p.cfg.ListenDebug, "listen-debug", err)
		}
	}
	if p.proxies, err = throttle.ParseProxies(p.cfg.APIProxies); err != nil {
		return troubleOf("start the API", err)
	}
	if err := p.openDesk(); err != nil {
		return err
	}
	if err := p.openTexts(); err != nil {
		return err
	}
	if err := p.openProfiles(); err != nil {
		return err
	}
	if err := p.openLog(); err != nil {
		return err
	}
	if err := p.cfg.divergedOften(nil); err != nil {
		return err
	}
	if err := os.MkdirAll(p.cfg.ledgerDir(), dirMode); err != nil {
		return troubleOf("open the ledger", err)
	}
	if p.committee, err = p.genesis.Committee(); err != nil {
		return &Trouble{Kind: KindGenesis, What: "the committee of the genesis file", Err: err, Remedy: genesisRemedy}
	}
	const mib = 1 << 20
	p.ledger, err = store.OpenLedger(store.LedgerConfig{
		Dir: p.cfg.ledgerDir(), Chain: p.genesis.Digest, BlockCacheBytes: int64(p.cfg.BlockCacheMiB) * mib,
		RowCacheBytes: int64(p.cfg.RowCacheMiB) * mib, SeenEntries: p.cfg.SeenEntries, Phase: int(p.id),
		Packer: node.NewPacker(p.committee), Audit: audit(p.committee), Logger: p.opt.Logger.With("component", "store"),
	})
	return troubleOf("open the ledger", err)
}

// openLog opens the consensus log. A node that follows signs nothing and has none open.
func (p *process) openLog() error {
	if p.follows {
		return nil
	}
	joined, err := p.cfg.joined()
	if err != nil {
		return err
	}
	if !slices.Contains(joined, p.genesis.Digest) {
		return &Trouble{Kind: KindMissing, What: "this home has not joined the chain of its genesis file",
			Remedy: "Join it. A consensus log that is there already stays.",
			Next:   fmt.Sprintf("scrip init --home %s --genesis %s", p.cfg.Home, p.cfg.Path(p.cfg.Genesis))}
	}
	p.log, p.amnesic, err = node.OpenLog(store.OS{}, p.cfg.logDir(), p.genesis.Digest, p.key.Public())
	return troubleOf("open the consensus log", err)
}

// assemble joins consensus, coupon rules and API into a node.
func (p *process) assemble() error {
	verifier := sig.NewVerifier(0)
	chain := p.genesis.Chain()
	chain.ValidKey = verifier.ValidKey // free for the keys that it remembers
	machine, err := ledger.New(chain, p.genesis.File.Ledger, p.ledger)
	if err != nil {
		return troubleOf("start the coupon rules", err)
	}
	key := sig.NewKeyFromSeed(p.key.Seed)
	network, err := p.network(key)
	if err != nil {
		return err
	}
	p.node, err = node.New(node.Config{
		Committee: p.committee, Self: p.id, Key: key, GenesisTimeMs: p.genesis.File.TimeMs,
		Machine: machine, TxBytesMax: ledger.TxBytesMax, Ledger: p.ledger, Log: p.log,
		NewEngine:  NewEngine,
		NewNetwork: network, Follow: p.follows,
		Timers: p.timers(),
		Elide:  p.cfg.Elide == "on", Patience: p.cfg.Patience == "on", Monitor: p.cfg.Monitor == "on",
		Verifier: verifier, Workers: p.cfg.Workers, LogBytesMax: int64(p.cfg.LogBytesMax),
		Mempool: driver.Limits{TxsMax: p.cfg.MempoolTxsMax, BytesMax: p.cfg.MempoolBytesMax},
		Batching: driver.Batching{TxsMax: p.cfg.BlockTxsMax, BytesMax: p.cfg.BlockBytesMax,
			LineMbit: p.cfg.LineMbit},
		// One that follows hands transactions on one by one, however members tell each other.
		Lanes:  p.cfg.Dissemination == DisseminateLanes && !p.follows,
		Logger: p.opt.Logger,
	})
	if err != nil {
		return troubleOf("start the node", err)
	}
	p.node.Registry().MustRegister(p.processMetrics()...)
	if p.links != nil {
		p.node.Registry().MustRegister(&linkMetrics{p.links.Stats, uint16(p.id)})
	}
	if p.tracer, err = p.newTracer(); err != nil {
		return troubleOf("start tracing", err)
	}
	if p.tracer != nil {
		p.node.Registry().MustRegister(p.tracer.Metrics())
	}
	faces, err := p.faces()
	if err != nil {
		return err
	}
	connections := p.cfg.Connections(p.committee.Size())
	if few := connections.Few(); few != "" {
		p.opt.Logger.Warn(few)
	}
	// Pages of another member's node may ask this one: they change over when theirs
	// does not answer.
	p.server, err = api.New(api.Config{
		Node: p.node, Machine: machine, Genesis: p.genesis, Hosts: p.cfg.APIHosts,
		Origins: webOrigins(p.cfg.WebNodes, p.cfg.APIOrigins),
		Nodes:   p.cfg.WebNodes, Desks: p.cfg.WebDesks, Web: faces, Profiles: p.profiles, Texts: p.texts,
		Limits: api.Limits{PerSecond: float64(p.cfg.APIPerSecond), Burst: 2 * p.cfg.APIPerSecond,
			Streams: p.cfg.APIStreams, AddressStreams: p.cfg.APIAddressStreams,
			Connections: connections.Max, AddressConnections: p.cfg.APIAddressConnections},
		Proxies:  p.proxies,
		Tracer:   p.tracer,
		Sign:     p.signer(key),
		Verifier: verifier, Version: p.opt.Version, Logger: p.opt.Logger,
	})
	return troubleOf("start the API", err)
}

// makeNetwork makes the network of a node, see node.Config.
type makeNetwork = func(transport.Handler, node.LinkObserver) (transport.Network, error)

// network returns what makes the links to the other validators, or the way to their APIs.
func (p *process) network(key sig.PrivateKey) (makeNetwork, error) {
	if p.follows {
		return p.newSources, nil
	}
	peers, err := p.cfg.peerTable(p.genesis, p.id)
	if err != nil {
		return nil, err
	}
	shape, err := p.cfg.shape(int(p.id))
	return func(h transport.Handler, observe node.LinkObserver) (transport.Network, error) {
		return p.connect(transport.Config{Key: key, Peers: peers, Shape: shape, Handler: h, LinkChanged: observe})
	}, err
}

// signer signs what the node says to clients that count members. One that follows is none.
func (p *process) signer(key sig.PrivateKey) func([]byte) [sig.SignatureSize]byte {
	if p.follows {
		return nil
	}
	return key.Sign
}

// connect makes the transport of the validator, whose metrics are told too.
func (p *process) connect(cfg transport.Config) (transport.Network, error) {
	cfg.Self, cfg.ChainID, cfg.Listener = uint16(p.id), p.genesis.Digest, p.peers
	cfg.Log = p.opt.Logger.With("component", "transport")
	var err error
	p.links, err = transport.New(cfg)
	return p.links, err
}

// webOrigins returns the addresses of nodes and others, each once and sorted.
func webOrigins(nodes map[int]string, others []string) []string {
	all := slices.AppendSeq(slices.Clone(others), maps.Values(nodes))
	slices.Sort(all)
	return slices.Compact(all)
}

// timeoutMsDefault is above the engine's own default, for members whose machines
// do other work too.
const timeoutMsDefault = 250

func (p *process) timers() pbft.Timers {
	ms := p.cfg.TimeoutMs
	if ms == 0 {
		ms = timeoutMsDefault
	}
	return pbft.Timers{TimeoutTicksMin: uint32(max(1, ms/int(node.TickPeriod.Milliseconds())))}
}

func (p *process) announce() {
	s := Started{Chain: p.genesis.File.Name, Replica: int(p.id),
		ListenPeers: p.peers.Addr().String(), ListenAPI: p.api.Addr().String(), Height: p.node.Status().Height}
	if p.amnesic != nil {
		s.Amnesic = p.amnesic.Error()
		p.opt.Logger.Error("this validator follows the chain and signs nothing: its consensus log is lost or damaged",
			"reason", s.Amnesic)
	}
	if p.follows {
		p.opt.Logger.Info("this node follows the chain and signs nothing: its key has no seat", "in_place_of", s.Replica)
	}
	p.opt.Logger.Info("started", "chain", s.Chain, "replica", s.Replica, "height", s.Height,
		"peers", s.ListenPeers, "api", s.ListenAPI, "version", p.opt.Version)
	if p.cfg.Links != "" {
		p.opt.Logger.Warn("an experiment: links between members are emulated", "file", p.cfg.Path(p.cfg.Links))
	}
	if p.debug != nil {
		p.opt.Logger.Info("profiles are served", "address", p.debug.Addr().String())
	}
	if p.opt.Started != nil {
		p.opt.Started(s)
	}
}

// run lets the API end before the node does, so that requests get their answers.
func (p *process) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	nodeCtx, stopNode := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNode()
	g.Go(func() error {
		defer stopNode()
		return troubleOf("serve the API", p.server.Run(ctx, p.api))
	})
	g.Go(func() error {
		err := p.node.Run(nodeCtx)
		if err == nil && ctx.Err() == nil {
			err = errors.New("the node ended by itself")
		}
		return troubleOf("run the node", err)
	})
	g.Go(func() error { return p.gather(ctx) })
	g.Go(func() error { p.tracer.Run(ctx); return nil })
	if p.debug != nil {
		g.Go(func() error { return troubleOf("serve profiles", serveProfiles(ctx, p.debug)) })
	}
	if p.desk != nil {
		g.Go(func() error { return p.runDesk(ctx) })
	}
	err := g.Wait()
	p.opt.Logger.Info("stopped", "height", p.node.Status().Height)
	return err
}

// close gives everything back; what Run has closed already does not matter.
func (p *process) close() error {
	for _, l := range []net.Listener{p.peers, p.api, p.debug, p.deskPort} {
		if l != nil {
			_ = l.Close()
		}
	}
	var err error
	if p.desk != nil {
		err = p.desk.Close()
	}
	if p.log != nil {
		err = errors.Join(err, p.log.Close())
	}
	if p.ledger != nil {
		err = errors.Join(err, p.ledger.Close())
	}
	return troubleOf("close the data", err)
}
