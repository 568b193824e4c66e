package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/validator"
)

func newNodeCommand(a *App) *cobra.Command {
	stopAtEOF := false
	c := &cobra.Command{
		Use: "node", Short: "Run the validator of a home", Args: arguments(),
		Long: "Run the validator of a home with its API, until it is interrupted.\n\n" +
			"The log goes to stderr: short lines on a terminal, JSON elsewhere.",
		Example: "  scrip node --home ./bakery\n  scrip node --listen-api 0.0.0.0:7600 --log-level debug",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig(c)
			if err != nil {
				return err
			}
			ctx := c.Context()
			if stopAtEOF {
				var stop context.CancelFunc
				ctx, stop = stopWith(ctx, a.In)
				defer stop()
			}
			return validator.Run(ctx, cfg, validator.Options{
				Logger: a.logger(cfg.LogLevel, cfg.LogFormat), Version: a.Version, Started: a.showStarted,
			})
		},
	}
	addSettingFlags(c)
	c.Flags().BoolVar(&stopAtEOF, "stop-at-eof", false,
		"stop when the input ends, as it does when the starting process ends")
	_ = c.Flags().MarkHidden("stop-at-eof")
	return c
}

// hardStopTimeout is how long a validator whose parent is gone may take to stop.
const hardStopTimeout = 8 * time.Second

// stopWith returns a context that ends when r does. Nobody would notice a process
// that hangs after that, so it ends the hard way.
func stopWith(ctx context.Context, r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
		time.Sleep(hardStopTimeout)
		os.Exit(int(ExitOther))
	}()
	return ctx, cancel
}

// showStarted tells where a started validator is.
func (a *App) showStarted(s validator.Started) {
	text := fmt.Sprintf("validator %d of %s at height %d: API http://%s, validators %s",
		s.Replica, s.Chain, s.Height, s.ListenAPI, s.ListenPeers)
	if err := a.Stream(s, text); err != nil {
		a.Say("%v", err)
	}
}
