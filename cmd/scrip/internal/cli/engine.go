package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/pbft"
)

// engineOptions are the flags of commands that make a chain: how it decides.
type engineOptions struct {
	engine string
	window uint64
}

// engineNames are the protocols as flags name them.
func engineNames() []string { return []string{pbft.DualPath.String(), pbft.Original.String()} }

// engineFlag adds --engine.
func engineFlag(c *cobra.Command, engine *string) {
	c.Flags().StringVar(engine, "engine", "", "how the members decide: "+strings.Join(engineNames(), " (default) or ")+
		", PBFT as it was published")
	_ = c.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(engineNames(), cobra.ShellCompDirectiveNoFileComp))
}

func (o *engineOptions) flags(c *cobra.Command) {
	engineFlag(c, &o.engine)
	c.Flags().Uint64Var(&o.window, "window", 0,
		"how many blocks may be on their way at a time, 1 to 256; 1 decides one after the other (default 32)")
}

// protocol returns the protocol that a flag names; none is the default.
func protocolOf(engine string) (pbft.Protocol, error) {
	if engine == "" {
		return pbft.DualPath, nil
	}
	p, err := pbft.ParseProtocol(engine)
	if err != nil {
		return p, usageError("--engine: %v", err)
	}
	return p, nil
}

// change returns what the flags change of a genesis file's numbers, nil if nothing.
func (o *engineOptions) change() (func(*genesis.File), error) {
	p, err := protocolOf(o.engine)
	if err != nil || *o == (engineOptions{}) {
		return nil, err
	}
	return func(f *genesis.File) {
		c := &f.Committee
		if o.engine != "" {
			c.Protocol = p
		}
		if p == pbft.Original {
			c.FastFaults = 0
		}
		if o.window != 0 {
			c.Window = o.window
		}
	}, nil
}
