package cometbft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/validator"
)

// engineFrame is the one frame in the consensus log of a home that runs on CometBFT.
const engineFrame = "engine cometbft v1"

// Names below the data folder of a home.
const (
	logName    = "consensus" // of Scrip's own engine, as package validator has it
	cometName  = "comet"
	ledgerName = "comet-ledger"
)

// claim binds a home to this engine and keeps every other process away from it until
// the returned log is closed. A member's key must not attest two histories of one
// chain, so a home whose consensus log says that its key has signed under Scrip's own
// engine is refused; and over the frame that is written here that engine signs
// nothing.
func claim(dir string, id store.LogID) (*store.Log, error) {
	log, err := store.OpenLog(store.OS{}, dir, id)
	if err != nil {
		return nil, fmt.Errorf("open the consensus log: %w", err)
	}
	frames, ours := 0, false
	err = log.Frames(func(frame []byte) error {
		frames++
		ours = string(frame) == engineFrame
		return nil
	})
	switch {
	case err != nil:
		err = fmt.Errorf("read the consensus log: %w", err)
	case frames == 0:
		err = log.Append([]byte(engineFrame))
	case frames > 1 || !ours:
		err = &validator.Trouble{Kind: validator.KindUnsafeKey,
			What:   "the key of this home has signed under another engine",
			Remedy: "A chain runs on one engine. Make a new chain, with a genesis of its own, for this one."}
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return log, nil
}

// Options are what Run needs beside the settings of a home.
type Options struct {
	Tuning Tuning
	// Logger may be nil.
	Logger *slog.Logger
	// Version is that of the program.
	Version string
	// Started, if set, is called once the validator listens.
	Started func(validator.Started)
}

// Run runs the validator of a home that package validator has made, on CometBFT,
// until ctx ends, and returns nil, or until it cannot go on. Of the settings it
// leaves out those of Scrip's own engine: timeouts and batches are in Tuning.
func Run(ctx context.Context, cfg *validator.Config, opt Options) (err error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	var open []func() error
	defer func() {
		for i := len(open) - 1; i >= 0; i-- {
			err = errors.Join(err, open[i]())
		}
	}()
	secret, err := cfg.LoadKey()
	if err != nil {
		return err
	}
	g, self, err := cfg.LoadGenesis(secret.Public())
	if err != nil {
		return err
	}
	data := cfg.Path(cfg.Data)
	log, err := claim(filepath.Join(data, logName), store.LogID{Chain: g.Digest, Key: secret.Public()})
	if err != nil {
		return err
	}
	open = append(open, log.Close)
	listener, err := net.Listen("tcp", cfg.ListenAPI)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	open = append(open, func() error { _ = listener.Close(); return nil }) // Serve has closed it already
	dir := filepath.Join(data, ledgerName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	const mib = 1 << 20
	l, err := store.OpenLedger(store.LedgerConfig{Dir: dir, Chain: g.Digest,
		BlockCacheBytes: int64(cfg.BlockCacheMiB) * mib, RowCacheBytes: int64(cfg.RowCacheMiB) * mib,
		SeenEntries: cfg.SeenEntries, Phase: int(self), Logger: opt.Logger.With("component", "store")})
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	open = append(open, l.Close)
	verifier := sig.NewVerifier(0)
	rules := g.Chain()
	rules.ValidKey = verifier.ValidKey // free for the keys that it remembers
	machine, err := ledger.New(rules, g.File.Ledger, l)
	if err != nil {
		return fmt.Errorf("start the coupon rules: %w", err)
	}
	key := sig.NewKeyFromSeed(secret.Seed)
	n, err := New(Config{Genesis: g, Self: self, Key: key, Machine: machine, Ledger: l,
		Dir: filepath.Join(data, cometName), ListenPeers: cfg.ListenPeers, Peers: cfg.Peers, Tuning: opt.Tuning,
		Verifier: verifier, Workers: cfg.Workers, Logger: opt.Logger})
	if err != nil {
		return err
	}
	server, err := api.New(api.Config{Node: n, Machine: machine, Genesis: g, Hosts: cfg.APIHosts,
		Origins: cfg.APIOrigins, Limits: api.Limits{PerSecond: float64(cfg.APIPerSecond), Burst: 2 * cfg.APIPerSecond},
		Sign: key.Sign, Verifier: verifier, Version: opt.Version, Logger: opt.Logger})
	if err != nil {
		return err
	}
	if opt.Started != nil {
		opt.Started(validator.Started{Chain: g.File.Name, Replica: int(self), ListenPeers: cfg.ListenPeers,
			ListenAPI: listener.Addr().String(), Height: n.Status().Height})
	}
	return serve(ctx, n, server, listener)
}

// serve lets the API end before the node does, so that requests get their answers.
func serve(ctx context.Context, n *Node, server *api.Server, listener net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g.Go(func() error {
		defer stop()
		return server.Run(ctx, listener)
	})
	g.Go(func() error {
		err := n.Run(running)
		if err == nil && ctx.Err() == nil {
			err = errors.New("the node ended by itself")
		}
		return err
	})
	return g.Wait()
}
