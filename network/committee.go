package network

import (
	"fmt"
	"reflect"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/validator"
)

// makeGenesis returns the genesis of a new chain with the parameters asked for,
// or that of the chain in the folder, whose parameters stand.
func (n *Network) makeGenesis(name string) (*genesis.DevNetwork, error) {
	if !n.resumed {
		return genesis.DevWith(name, n.cfg.Validators, "", n.cfg.Change)
	}
	g, err := genesis.Load(n.GenesisPath())
	if err != nil {
		return nil, err
	}
	asked := g.File
	if n.cfg.Change != nil {
		n.cfg.Change(&asked)
	}
	asked.TimeMs, asked.Ledger.Settlement.TimeMs = g.File.TimeMs, g.File.Ledger.Settlement.TimeMs
	if !reflect.DeepEqual(asked, g.File) {
		return nil, &validator.Trouble{Kind: validator.KindForeign,
			What:   fmt.Sprintf("%s holds the chain %s with other parameters", n.cfg.Dir, g.File.Name),
			Remedy: "Name another folder, or leave the parameters out."}
	}
	return genesis.DevLike(g)
}
