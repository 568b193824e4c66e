package cli

import (
	"runtime"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{a.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.Show(v, Fields{{"version", v.Version}, {"go", v.Go}, {"platform", v.Platform}})
		},
	}
}
