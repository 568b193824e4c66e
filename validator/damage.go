package validator

import (
	"errors"
	"fmt"
	"os"

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

// aside returns a name beside the ledger's that nothing has.
func (c *Config) aside(why string) string {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.%s-%d", c.ledgerDir(), why, i)
		if _, err := os.Lstat(name); os.IsNotExist(err) {
			return name
		}
	}
}
