package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/keys"
)

// defaultWallet is the name of the wallet that is meant without --wallet.
const defaultWallet = "wallet"

// walletFlag adds the flag that names a wallet.
func walletFlag(c *cobra.Command) *string {
	return c.Flags().String("wallet", defaultWallet, "name of the wallet")
}

func newWalletCommand(a *App) *cobra.Command {
	return group("wallet", "Make wallets, each of which derives one key per coupon", newWalletNewCommand(a),
		newWalletListCommand(a), newWalletScanCommand(a), newWalletAddressCommand(a))
}

// walletAnswer is what is told of a wallet; the fields are stable.
type walletAnswer struct {
	Name      string `json:"name"`
	Encrypted bool   `json:"encrypted"`
}

func newWalletNewCommand(a *App) *cobra.Command {
	open, restore := false, false
	words := 12
	c := &cobra.Command{
		Use: "new", Short: "Make a wallet",
		Long: "Make a wallet: encrypted with a passphrase, or, for trials and for machines that nobody\n" +
			"sits at, unencrypted, and then its file says so. Its words are shown by\n" +
			"\"scrip key mnemonic show NAME\" if it is encrypted. --restore reads the words of a\n" +
			"wallet from stdin; its coupons are found by \"scrip wallet scan\".",
		Args: arguments(),
	}
	name := walletFlag(c)
	c.Flags().BoolVar(&open, "unencrypted", false, "keep it unencrypted; it has 24 words then")
	c.Flags().BoolVar(&restore, "restore", false, "read the words from stdin")
	c.Flags().IntVar(&words, "words", words, "12 or 24")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if open && !c.Flags().Changed("words") {
			words = 24
		}
		phrase, err := a.phraseFor(restore, words)
		if err != nil {
			return err
		}
		if open {
			err = purse.CreateUnencrypted(a.walletFolder(), *name, phrase)
		} else {
			var passphrase string
			if passphrase, err = a.newPassphrase("the wallet " + *name); err == nil {
				err = purse.Create(a.walletFolder(), *name, phrase, passphrase)
			}
		}
		if errors.Is(err, purse.ErrExists) {
			return &Error{Exit: ExitUsed, Cause: err, Remedy: "Choose another name with --wallet."}
		}
		if err != nil {
			return explainKey(err)
		}
		kept := "encrypted"
		if open {
			kept = "UNENCRYPTED: whoever reads the file has the coupons"
		}
		err = a.Show(walletAnswer{*name, !open}, Fields{{"wallet", *name}, {"kept", kept}})
		if restore {
			a.Say("Its coupons are found by a look at the ledger. next: scrip wallet scan --wallet %s", *name)
		}
		return err
	}
	return c
}

func (a *App) phraseFor(restore bool, words int) (string, error) {
	if !restore {
		if words != 12 && words != 24 {
			return "", usageError("a wallet has 12 or 24 words, not %d", words)
		}
		return keys.NewMnemonic(words)
	}
	a.Say("Type the words of the wallet in one line:")
	line, err := a.readLine()
	if err != nil {
		return "", usageError("no words on stdin")
	}
	if _, err := keys.EntropyFromMnemonic(line); err != nil {
		return "", usageError("%v", err)
	}
	return line, nil
}

func newWalletListCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the wallets of the home", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			names, encrypted, err := purse.List(a.walletFolder())
			if err != nil {
				return err
			}
			var all []walletAnswer
			rows := Rows{Head: []string{"WALLET", "ENCRYPTED"}, Empty: "no wallets yet: scrip wallet new"}
			for _, n := range names {
				all = append(all, walletAnswer{n, encrypted[n]})
				rows.Body = append(rows.Body, []string{n, map[bool]string{true: "yes", false: "no"}[encrypted[n]]})
			}
			return ShowAll(a, all, rows)
		},
	}
}

// withPurse opens a wallet with a client for the time of do.
func (a *App) withPurse(name string, do func(c *client.Client, p *purse.Purse) error) error {
	return a.withPurseFor(name, &sending{}, do)
}

// withPurseFor is withPurse for a command that sends; a dry run leaves the wallet as
// it is.
func (a *App) withPurseFor(name string, s *sending, do func(c *client.Client, p *purse.Purse) error) error {
	c, err := a.Client()
	if err != nil {
		return err
	}
	p, err := a.openPurse(c.Verifier, name)
	if err != nil {
		return err
	}
	if s.dryRun {
		p.Pretend()
	}
	return errors.Join(do(c, p), p.Close())
}

// looking is a ledger that says how far a look through it has come.
type looking struct {
	*client.Client
	progress *Progress
	of       int
}

func (l looking) HolderMarks(ctx context.Context, campaign uint32) ([]client.HolderMark, error) {
	l.progress.Set(int(campaign), l.of, fmt.Sprintf("campaign %d", campaign))
	return l.Client.HolderMarks(ctx, campaign)
}

// scan looks for the wallet's coupons in all campaigns.
func (a *App) scan(ctx context.Context, c *client.Client, p *purse.Purse, gap uint32) (x purse.Scanned, err error) {
	count, _, _, err := c.Counts(ctx)
	if err != nil {
		return x, err
	}
	campaigns := make([]uint32, count)
	for i := range campaigns {
		campaigns[i] = uint32(i) + 1
	}
	progress := a.Progress("looking for coupons")
	defer progress.Done()
	return p.Scan(ctx, looking{c, progress, len(campaigns)}, campaigns, gap)
}

// gapMax bounds how far a scan looks: two keys a millisecond.
const gapMax = 1_000_000

func newWalletScanCommand(a *App) *cobra.Command {
	gap := uint32(keys.GapLimit)
	c := &cobra.Command{
		Use: "scan", Short: "Find the wallet's coupons again, after its index was lost or it was used elsewhere",
		Long: fmt.Sprintf("Compare the owners of all coupons with the wallet's keys, used coupons included, in each\n"+
			"campaign until %d keys in a row own nothing; no node is told a key. Only coupons given\n"+
			"away and claims that failed leave keys without coupons: who gave away more of one\n"+
			"campaign in a row looks further, with --gap. The words own coupons on every network\n"+
			"where they were used: scan each with its --genesis.", keys.GapLimit),
		Args: arguments(),
	}
	name := walletFlag(c)
	c.Flags().Uint32Var(&gap, "gap", gap, "keys in a row that own nothing end the look")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if gap < 1 || gap > gapMax {
			return usageError("--gap is %d: wanted 1 to %d", gap, gapMax)
		}
		return a.withPurse(*name, func(cl *client.Client, p *purse.Purse) error {
			x, err := a.scan(c.Context(), cl, p, gap)
			if err != nil {
				return err
			}
			chain := cl.Genesis().File.Name
			answer := struct {
				Found     int    `json:"found"`
				Known     int    `json:"known"`
				Campaigns int    `json:"campaigns"`
				Coupons   int    `json:"coupons"`
				Chain     string `json:"chain"`
			}{x.Found, len(p.Coupons()), x.Campaigns, x.Coupons, chain}
			err = a.Show(answer, Fields{{"found", plural(x.Found, "coupon") + " that the wallet did not know"},
				{"known", plural(answer.Known, "coupon") + " now, used ones included"},
				{"looked at", plural(x.Coupons, "coupon") + " of " + plural(x.Campaigns, "campaign") + " on " + chain}})
			a.Say("Coupons of another network are found there: add its --genesis.")
			if gap < keys.GapLimitFar {
				a.Say("Is one missing? next: scrip wallet scan --gap %d", keys.GapLimitFar)
			}
			return err
		})
	}
	return c
}

func newWalletAddressCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use: "address CAMPAIGN", Short: "Print a fresh address, to which somebody can give a coupon of the campaign",
		Args: arguments("CAMPAIGN"),
	}
	name := walletFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		campaign, err := parseCampaign(args[0])
		if err != nil {
			return err
		}
		return a.withPurse(*name, func(cl *client.Client, p *purse.Purse) error {
			x, err := cl.Campaign(c.Context(), campaign)
			if err != nil {
				return err
			}
			s, err := p.Fresh(campaign, x.Terms.HolderCap > 0)
			if err != nil {
				return err
			}
			answer := struct {
				Address  string `json:"address"`
				Campaign uint32 `json:"campaign"`
			}{s.Address(), campaign}
			if a.ForPeople() {
				return a.Raw([]byte(answer.Address + "\n"))
			}
			return a.Show(answer, nil)
		})
	}
	return c
}
