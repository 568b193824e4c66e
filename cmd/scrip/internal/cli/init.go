package cli

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/validator"
)

// homeAnswer is what init reports.
type homeAnswer struct {
	Home      string `json:"home"`
	Validator string `json:"validator"`
	NewKey    bool   `json:"new_key"`
	Chain     string `json:"chain,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Next      string `json:"next"`
}

func newInitCommand(a *App) *cobra.Command {
	encrypt := false
	c := &cobra.Command{
		Use: "init", Short: "Make the home of a validator, and join a chain", Args: arguments(),
		Long: "Make the home of a validator: a private folder with its key and its settings.\n" +
			"With --genesis, join the chain of that file as well: this makes the consensus log\n" +
			"of the key for the chain, once. The usual order is init, then the members make\n" +
			"the genesis file of all their cards, then init again with that file.",
		Example: "  scrip init --home ./bakery\n" +
			"  scrip init --home ./bakery --genesis genesis.json --peers 0=mall.example:7601,2=books.example:7601",
		RunE: func(c *cobra.Command, _ []string) error { return a.initHome(c, encrypt) },
	}
	addSettingFlags(c)
	c.Flags().BoolVar(&encrypt, "encrypt", false, "encrypt the key; the node then needs key.passphrase_file")
	return c
}

func (a *App) initHome(c *cobra.Command, encrypt bool) error {
	flags := a.settingFlags(c)
	delete(flags, "genesis") // here it is the file to copy into the home
	cfg, err := validator.LoadConfig(a.Home, func(name string) (string, bool) {
		if name == "SCRIP_GENESIS" {
			return "", false
		}
		return os.LookupEnv(name)
	}, flags)
	if err != nil {
		return err
	}
	if err := validator.MakeHome(a.Home, cfg.Access()...); err != nil {
		return err
	}
	answer := homeAnswer{Home: a.Home}
	key, err := cfg.LoadKey()
	var t *validator.Trouble
	switch {
	case errors.As(err, &t) && t.Kind == validator.KindMissing:
		if key, err = a.makeValidatorKey(cfg, encrypt); err != nil {
			return err
		}
		answer.NewKey = true
	case err != nil:
		return err
	case a.GenesisPath == "":
		return &Error{Exit: ExitUsed, Text: "this home has a validator's key already: " + key.Address(),
			Remedy: "Nothing was changed. To join a chain with it:", Next: "scrip init --home " + a.Home + " --genesis FILE"}
	}
	answer.Validator = key.Address()
	if err := writeSettings(a.Home, flags); err != nil {
		return err
	}
	answer.Next = "scrip genesis card --validator " + answer.Validator + " --name NAME --admin ADDRESS > card.json"
	if a.GenesisPath != "" {
		raw, err := a.genesisFile()
		if err != nil {
			return err
		}
		g, err := cfg.Join(raw)
		if err != nil {
			return err
		}
		answer.Chain, answer.Digest = g.File.Name, hexDigest(g.Digest)
		answer.Next = "scrip node --home " + a.Home
	}
	fields := Fields{{"home", answer.Home}, {"validator", answer.Validator}}
	if answer.NewKey && !encrypt {
		fields = append(fields, [2]string{"key", "not encrypted, so that the node starts alone: whoever reads " +
			cfg.Path(cfg.Key) + " has it (--encrypt for a passphrase)"})
	}
	if answer.Chain != "" {
		fields = append(fields, Fields{{"chain", answer.Chain}, {"digest", answer.Digest}}...)
	}
	return a.Show(answer, append(fields, [2]string{"next", answer.Next}))
}

func (a *App) makeValidatorKey(cfg *validator.Config, encrypt bool) (keys.Secret, error) {
	passphrase := ""
	if encrypt {
		var err error
		if passphrase, err = a.newPassphrase("the validator's key"); err != nil {
			return keys.Secret{}, err
		}
	}
	return cfg.MakeKey(passphrase)
}

// writeSettings writes the settings file of a new home with the given flags.
func writeSettings(home string, flags map[string]string) error {
	set := make(map[string]string)
	for _, s := range validator.Settings() {
		if v, ok := flags[s.Flag]; ok && s.Key != "genesis" {
			set[s.Key] = v
		}
	}
	err := validator.WriteConfig(home, set)
	if errors.Is(err, fs.ErrExist) && len(set) > 0 {
		return &Error{Exit: ExitUsed, Text: "the home has settings already", Remedy: "Edit the file instead.",
			Next: "scrip config show --origin --home " + home}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
