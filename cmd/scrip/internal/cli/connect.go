package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/validator"
)

// nodeAddresses returns the addresses of nodes that a command talks to: those of
// --node or SCRIP_NODE, of the settings of the home, or of a running demo.
func (a *App) nodeAddresses() ([]string, error) {
	if len(a.Nodes) > 0 {
		return a.Nodes, nil
	}
	cfg, err := validator.LoadConfig(a.Home, os.LookupEnv, nil)
	if err != nil {
		return nil, err
	}
	if len(cfg.Nodes) > 0 {
		return cfg.Nodes, nil
	}
	demo, err := a.demo(0)
	if err != nil {
		return nil, err
	}
	if demo != nil {
		return demo.Nodes, nil
	}
	return nil, &Error{Exit: ExitUsage, Text: "which node?",
		Remedy: "Name one with --node, or start a network on this machine.", Next: "scrip demo"}
}

// namedGenesis returns the path of the genesis file that --genesis or SCRIP_GENESIS
// names, or "".
func (a *App) namedGenesis() string {
	if a.GenesisPath != "" {
		return a.GenesisPath
	}
	return os.Getenv("SCRIP_GENESIS")
}

// genesisFile returns the bytes of the genesis file that a command trusts: that of
// --genesis or SCRIP_GENESIS, of the home, or of a running demo.
func (a *App) genesisFile() ([]byte, error) {
	path := a.namedGenesis()
	if own := filepath.Join(a.Home, "genesis.json"); path == "" && exists(own) {
		path = own
	}
	if path == "" {
		demo, err := a.demo(0)
		if err != nil {
			return nil, err
		}
		if demo != nil {
			path = demo.Genesis
		}
	}
	if path == "" {
		return nil, &Error{Exit: ExitUsage, Text: "which chain?",
			Remedy: "Name its genesis file with --genesis: nothing else is trusted."}
	}
	b, err := readText(path, genesis.FileBytesMax)
	if err != nil {
		return nil, fmt.Errorf("read the genesis file: %w", err)
	}
	return b, nil
}

// chainCheckTimeout bounds the question which chain a node is of.
const chainCheckTimeout = 2 * time.Second

// nameOtherChain says of a node whose answers prove nothing that it is of another
// chain, if that is why.
func (a *App) nameOtherChain(ctx context.Context, err error) error {
	if a.client == nil || !errors.Is(err, client.ErrFalse) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, chainCheckTimeout)
	defer cancel()
	for i, node := range a.client.Nodes() {
		if other := a.client.CheckChain(ctx, i); errors.Is(other, client.ErrFalse) {
			return &Error{Exit: ExitUsage, Text: "the node " + node + " is of another chain than the genesis file",
				Cause: other, Remedy: "Name the genesis file of that chain with --genesis, or a node of " +
					a.client.Genesis().File.Name + " with --node."}
		}
	}
	return err
}

// Verifier returns what checks proofs, without a network.
func (a *App) Verifier() (*client.Verifier, error) {
	raw, err := a.genesisFile()
	if err != nil {
		return nil, err
	}
	v, err := client.NewVerifier(raw)
	if err != nil {
		return nil, &Error{Exit: ExitUsage, Text: "the genesis file is not valid", Cause: err,
			Next: "scrip genesis validate FILE"}
	}
	return v, nil
}

// Client returns a client of the chain.
func (a *App) Client(options ...client.Option) (*client.Client, error) {
	raw, err := a.genesisFile()
	if err != nil {
		return nil, err
	}
	g, err := genesis.Parse(raw)
	if err != nil {
		return nil, &Error{Exit: ExitUsage, Text: "the genesis file is not valid", Cause: err,
			Next: "scrip genesis validate FILE"}
	}
	nodes, err := a.nodeAddresses()
	if err != nil {
		return nil, err
	}
	if a.ForgetHeights {
		if err := forgetHeight(g.Digest); err != nil {
			return nil, err
		}
	}
	c, err := client.New(raw, nodes, append(options, client.WithFloor(heightOf(g.Digest)))...)
	if err != nil {
		return nil, &Error{Exit: ExitUsage, Cause: err}
	}
	a.client = c
	return c, nil
}
