package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/validator"
)

// stateAnswer is what a ledger was found to be; the fields are stable.
type stateAnswer struct {
	Home         string `json:"home"`
	State        string `json:"state"` // good or bad
	Height       uint64 `json:"height"`
	Transactions uint64 `json:"transactions"`
	Certified    uint64 `json:"certified"`
	Checkpoints  uint64 `json:"checkpoints"`
	// Found is what is false about the ledger; the counts are as far as it was good.
	Found string `json:"found,omitempty"`
}

// progressEvery is how often a long check says how far it is.
const progressEvery = 2 * time.Second

// checkState executes the ledger of a home again.
func (a *App) checkState(c *cobra.Command) error {
	cfg, err := a.loadConfig(c)
	if err != nil {
		return err
	}
	g, err := genesis.Load(cfg.Path(cfg.Genesis))
	if err != nil {
		return &Error{Exit: ExitUsage, Cause: err, Remedy: "The ledger is checked against the genesis file of its home."}
	}
	said := time.Now()
	found, err := cfg.CheckState(c.Context(), g, func(height, last uint64) {
		if now := time.Now(); now.Sub(said) >= progressEvery {
			said = now
			a.Say("block %d of %d, %d %%", height, last, 100*height/max(1, last))
		}
	})
	x := stateAnswer{Home: a.Home, State: findingGood, Height: found.Height, Transactions: found.Transactions,
		Certified: found.Certified, Checkpoints: found.Checkpoints}
	var trouble *validator.Trouble
	if err != nil && (!errors.As(err, &trouble) || trouble.Kind != validator.KindDamaged) {
		return err
	}
	if err != nil {
		x.State, x.Found = findingBad, err.Error()
		if trouble.Err != nil {
			x.Found = trouble.Err.Error()
		}
	}
	return errors.Join(a.Show(x, a.stateFields(&x, found)), err)
}

func (a *App) stateFields(x *stateAnswer, found node.Replayed) Fields {
	if x.State == findingBad {
		return Fields{{"state", a.red("BAD") + ": " + x.Found}}
	}
	f := Fields{{"state", a.green("good") + ": it is what its blocks give"},
		{"executed again", fmt.Sprintf("%d blocks with %s", found.Height, plural(int(found.Transactions), "transaction"))},
		{"certified", fmt.Sprintf("to block %d", found.Certified)},
		{"results attested", plural(int(found.Checkpoints), "block")}}
	if found.Certified < found.Height {
		f = append(f, [2]string{"", fmt.Sprintf("  blocks %d to %d were committed under a later block, which is not here yet",
			found.Certified+1, found.Height)})
	}
	return f
}
