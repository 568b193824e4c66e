package validator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// CheckedLedger is what a ledger was found to be, by itself.
type CheckedLedger struct {
	// Height is that of the last block, Block its digest, StateRoot the root of the rows.
	Height           uint64
	Block, StateRoot [32]byte
	// Attested is how many members attest just that in the certificate that the ledger has, 0
	// without one.
	Attested int
}

// CheckLedgerRoot reads a ledger as a whole, of a validator that runs or not, and makes the
// root of its state anew from its rows: they are what the last block says then, and so are
// payload, receipts and links of all blocks. It believes no certificate that f+1 members have
// not signed. dir is the ledger's folder, "" = that of the home.
//
// Of the error that is a *Trouble: KindMissing if there is no ledger, KindDamaged if it is
// not what it says.
func (c *Config) CheckLedgerRoot(ctx context.Context, g *genesis.Genesis, dir string) (x CheckedLedger, err error) {
	if dir == "" {
		dir = c.ledgerDir()
	}
	if _, err := os.Stat(dir); err != nil {
		return x, &Trouble{Kind: KindMissing, What: "there is no ledger in " + dir, Err: err,
			Remedy: "Name the home with --home, or the ledger's folder."}
	}
	aside, drop, err := copyAside(ctx, dir)
	if err != nil {
		return x, troubleOf("copy the ledger", err)
	}
	defer func() { err = errors.Join(err, drop()) }()
	committee, err := g.Committee()
	if err != nil {
		return x, troubleOf("read the committee of the genesis file", err)
	}
	l, err := store.OpenLedger(store.LedgerConfig{Dir: aside, Chain: g.Digest, OpenBytes: math.MaxInt64,
		Packer: node.NewPacker(committee)})
	if err != nil {
		return x, troubleOf("open the ledger", c.damaged(err))
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	view := l.Latest()
	err = audit(committee)(view)
	if err == nil {
		err = ledger.CheckRows(view)
	}
	if err != nil {
		return x, troubleOf("check the ledger", c.falseLedger(fmt.Errorf("%w: %w", node.ErrFalseLedger, err)))
	}
	tip, attested, err := node.ReadTip(view, committee)
	if err != nil {
		return x, troubleOf("check the ledger", c.falseLedger(fmt.Errorf("%w: %w", node.ErrFalseLedger, err)))
	}
	return CheckedLedger{Height: tip.Height, Block: tip.Digest, StateRoot: tip.StateRoot, Attested: attested}, nil
}

// copyAside copies a ledger beside itself, where that costs little, or, if nothing can be
// written there, into the system's folder for temporary files.
func copyAside(ctx context.Context, dir string) (aside string, drop func() error, err error) {
	aside = filepath.Clean(dir) + ".copy"
	drop, err = store.Copy(ctx, dir, aside)
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		return aside, drop, err
	}
	folder, err := os.MkdirTemp("", "scrip-ledger-")
	if err != nil {
		return "", nil, err
	}
	aside = filepath.Join(folder, "ledger")
	inner, err := store.Copy(ctx, dir, aside)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	return aside, func() error { return errors.Join(inner(), os.RemoveAll(folder)) }, nil
}
