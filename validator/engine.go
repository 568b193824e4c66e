package validator

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/original"
)

// NewEngine makes the engine of the protocol that the committee decides by, for
// node.Config. The protocol is in the genesis file, so no member can choose.
func NewEngine(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
	switch p := cfg.Committee.Protocol(); p {
	case pbft.DualPath:
		return dualpath.New(cfg, log)
	case pbft.Original:
		return original.New(cfg, log)
	default:
		return nil, fmt.Errorf("this version has no engine for the protocol %d", p)
	}
}
