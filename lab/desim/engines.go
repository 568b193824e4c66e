package desim

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
)

// factory returns the maker of the engines of a configuration.
func factory(cfg *Config) (func(pbft.Config, []pbft.Record) (pbft.Engine, error), error) {
	if cfg.Engine != EngineDualPath {
		return nil, fmt.Errorf("%w: there is no engine %q", ErrConfig, cfg.Engine)
	}
	variant := dualpath.Faithful
	switch {
	case cfg.Without.FastPath:
		variant = dualpath.SlowPathOnly
	case cfg.Without.Arming:
		variant = dualpath.MutantFastUnarmed
	}
	return func(c pbft.Config, log []pbft.Record) (pbft.Engine, error) {
		return dualpath.NewMutant(c, log, variant)
	}, nil
}
