package validator

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// audit returns what looks at all of a ledger from before there were seals.
func audit(c *pbft.Committee) func(*store.View) error {
	return func(v *store.View) error { return errors.Join(node.AuditBlocks(v, c), ledger.Audit(v)) }
}

// damaged explains that the ledger is not what it was. Everything in it can be had
// again, but not from here.
func (c *Config) damaged(err error) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	return &Trouble{Kind: KindDamaged, Err: err,
		What: "the ledger in " + c.ledgerDir() + " is damaged, and nothing of it is answered",
		Remedy: "Set it aside and start again: it is made again from the blocks of the other members. " +
			"Leave the consensus log where it is.",
		Next: fmt.Sprintf("mv %q %q && scrip node --home %q", c.ledgerDir(), c.aside("damaged"), c.Home)}
}

// divergedMax is how many ledgers that differed from those of the others may lie
// beside the present one. A second one is no accident of the disk: making it anew
// again would give a third.
const divergedMax = 1

// setAside puts a ledger aside that differs from those of f+1 other members, so that
// the next start makes it anew from their blocks. No vote is lost: votes are in the
// consensus log.
func (c *Config) setAside(cause error, log *slog.Logger) error {
	to := c.aside("diverged")
	err := os.Rename(c.ledgerDir(), to)
	if err == nil {
		err = store.OS{}.SyncDir(filepath.Dir(to))
	}
	if err != nil {
		return troubleOf("set the diverged ledger aside", err)
	}
	log.Error("the ledger differs from those of the other members: it is set aside and made anew from their blocks",
		"kept", to)
	return c.divergedOften(cause)
}

// divergedOften explains that a ledger that was made anew has differed again.
func (c *Config) divergedOften(cause error) error {
	old, err := filepath.Glob(c.ledgerDir() + ".diverged-*")
	if err != nil || len(old) <= divergedMax {
		return err
	}
	return &Trouble{Kind: KindDiverged, Err: cause,
		What: fmt.Sprintf("this node has executed otherwise than f+1 other members %d times, from their own blocks",
			len(old)),
		Remedy: "Run the version that the others run, and test this machine's memory. The ledgers are kept for an " +
			"examination in " + c.ledgerDir() + ".diverged-1 and so on: move them away to try again."}
}

// aside returns a name beside the ledger's that nothing has.
func (c *Config) aside(why string) string {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.%s-%d", c.ledgerDir(), why, i)
		if _, err := os.Lstat(name); os.IsNotExist(err) {
			return name
		}
	}
}
