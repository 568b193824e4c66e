package validator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// CheckState opens the ledger of a validator that does not run, reads all of its files, and
// executes its blocks again from the genesis file on, into a folder of its own below the
// system's for temporary files, which needs as much room as the ledger. It compares all that
// the ledger holds with what the blocks give (node.Replay), and the rows with one another.
// progress, if not nil, is told each height.
//
// Of the error that is a *Trouble: KindLocked if the validator runs, KindMissing if there is
// no ledger, KindDamaged if the files or what is in them are not what they should be.
func (c *Config) CheckState(ctx context.Context, g *genesis.Genesis, progress func(height, last uint64)) (
	found node.Replayed, err error,
) {
	if _, err := os.Stat(c.ledgerDir()); err != nil {
		return found, &Trouble{Kind: KindMissing, What: "there is no ledger in " + c.ledgerDir(), Err: err,
			Remedy: "Name the validator's home with --home. A validator that never ran has no ledger."}
	}
	committee, err := g.Committee()
	if err != nil {
		return found, troubleOf("read the committee of the genesis file", err)
	}
	theirs, err := store.OpenLedger(store.LedgerConfig{Dir: c.ledgerDir(), Chain: g.Digest, OpenBytes: math.MaxInt64,
		Packer: node.NewPacker(committee)})
	if err != nil {
		return found, troubleOf("open the ledger", c.damaged(err))
	}
	defer func() { err = errors.Join(err, theirs.Close()) }()
	folder, err := os.MkdirTemp("", "scrip-state-")
	if err != nil {
		return found, troubleOf("make a folder to execute into", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	ours, err := store.OpenLedger(store.LedgerConfig{Dir: folder, Chain: g.Digest})
	if err != nil {
		return found, troubleOf("make a ledger to execute into", err)
	}
	defer func() { err = errors.Join(err, ours.Close()) }()
	found, err = replay(ctx, g, node.Replay{Committee: committee, GenesisTimeMs: g.File.TimeMs,
		TxBytesMax: ledger.TxBytesMax, Into: ours, Progress: progress}, theirs)
	return found, troubleOf("check the state", c.falseLedger(err))
}

func replay(ctx context.Context, g *genesis.Genesis, x node.Replay, theirs *store.Ledger) (found node.Replayed,
	err error) {
	// Pages of the state tree that were in memory only are made again first, as at a start.
	if _, err := ledger.New(g.Chain(), g.File.Ledger, theirs); err != nil {
		return found, err
	}
	if x.Machine, err = ledger.New(g.Chain(), g.File.Ledger, x.Into); err != nil {
		return found, err
	}
	if found, err = x.Run(ctx, theirs.Latest()); err != nil {
		return found, err
	}
	if err := ledger.CheckRows(theirs.Latest()); err != nil {
		return found, fmt.Errorf("%w: %w", node.ErrFalseLedger, err)
	}
	return found, nil
}

// falseLedger explains that the ledger is not what its blocks give.
func (c *Config) falseLedger(err error) error {
	if !errors.Is(err, node.ErrFalseLedger) {
		return c.damaged(err)
	}
	return &Trouble{Kind: KindDamaged, Err: err,
		What: "the ledger in " + c.ledgerDir() + " is not what its blocks give: do not rely on anything in it",
		Remedy: "Keep it for an examination, and start the validator without it: it is made again from the blocks of " +
			"the other members. Leave the consensus log where it is.",
		Next: fmt.Sprintf("mv %q %q && scrip node --home %q", c.ledgerDir(), c.aside("false"), c.Home)}
}
