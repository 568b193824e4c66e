package cli

import (
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scrip-network/scrip/validator"
)

// globalSettings are settings that every command has as flags of its own.
func globalSettings() []string { return []string{"genesis", "client-nodes"} }

// addSettingFlags gives a command a flag for each setting.
func addSettingFlags(c *cobra.Command) {
	for _, s := range validator.Settings() {
		if !slices.Contains(globalSettings(), s.Flag) {
			c.Flags().String(s.Flag, "", s.Doc+" ("+s.Env+")")
		}
	}
}

// settingFlags returns the settings that were given as flags.
func (a *App) settingFlags(c *cobra.Command) map[string]string {
	given := make(map[string]string)
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.ContainsFunc(validator.Settings(), func(s validator.Setting) bool { return s.Flag == f.Name }) {
			given[f.Name] = f.Value.String()
		}
	})
	return given
}

// loadConfig reads the effective settings of the home.
func (a *App) loadConfig(c *cobra.Command) (*validator.Config, error) {
	return validator.LoadConfig(a.Home, os.LookupEnv, a.settingFlags(c))
}

func newConfigCommand(a *App) *cobra.Command {
	return group("config", "Show and check the settings of a home", newConfigShowCommand(a), newConfigValidateCommand(a))
}

func newConfigShowCommand(a *App) *cobra.Command {
	origin := false
	c := &cobra.Command{
		Use: "show", Short: "Print the effective settings", Args: arguments(),
		Long: "Print the effective settings. The later of these go before the earlier:\n" +
			"defaults, the file config.toml in the home, the environment, flags.",
		Example: "  scrip config show --origin\n  scrip config show -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig(c)
			if err != nil {
				return err
			}
			values := cfg.Values()
			rows := Rows{Head: []string{"SETTING", "VALUE"}}
			if origin {
				rows.Head = append(rows.Head, "ORIGIN")
			}
			for _, v := range values {
				r := []string{v.Key, v.Value}
				if origin {
					r = append(r, v.Origin)
				}
				rows.Body = append(rows.Body, r)
			}
			return ShowAll(a, values, rows)
		},
	}
	addSettingFlags(c)
	c.Flags().BoolVar(&origin, "origin", false, "say where each setting comes from")
	return c
}

func newConfigValidateCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use: "validate", Short: "Check settings, key, genesis file and peers without starting", Args: arguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig(c)
			if err != nil {
				return err
			}
			r, err := cfg.Check()
			if err != nil {
				return err
			}
			return a.Show(r, Fields{{"home", a.Home}, {"chain", r.Chain}, {"validator", r.Key},
				{"listens", r.ListenPeers + " for validators, " + r.ListenAPI + " for the API"}})
		},
	}
	addSettingFlags(c)
	return c
}
