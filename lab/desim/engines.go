package desim

import (
	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/original"
)

// factory returns the maker of the engines of a configuration.
func factory(cfg *Config) func(pbft.Config, []pbft.Record) (pbft.Engine, error) {
	if cfg.Engine == EngineOriginal {
		return func(c pbft.Config, log []pbft.Record) (pbft.Engine, error) { return original.New(c, log) }
	}
	switch {
	case cfg.Without.FastPath:
		return broken.SlowPathOnly
	case cfg.Without.Arming:
		return broken.Dualpath("fast-unarmed")
	}
	return func(c pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(c, log) }
}
