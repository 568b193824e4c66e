// Command scrip-lab runs experiments with the consensus engines: in simulated time,
// with processes on this machine, and with an emulated wide-area network. Each
// leaves a folder with raw data, statistics and a report that can be checked.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "unknown"

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1 // a threshold was missed, or results do not hold
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:])) }

// usageError is a mistake of the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := newCommand()
	c.SetArgs(args)
	err := c.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(os.Stderr, "interrupted; what was measured is kept")
		return exitInterrupted
	}
	_, _ = fmt.Fprintln(os.Stderr, "scrip-lab:", err)
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "scrip-lab", Short: "Measure the consensus engines, and check what was measured",
		Long: "Measure the consensus engines: in simulated time with the real engines and measured costs,\n" +
			"with one process for each member on this machine, or the same with an emulated network.\n" +
			"An experiment is a scenario; it leaves a folder with raw data, statistics and a report.",
		Example: "  scrip-lab list\n  scrip-lab quick\n  scrip-lab run latency --out results\n  scrip-lab verify results",
		Version: version, SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	c.AddCommand(newListCommand(), newRunCommand(), newQuickCommand(), newVerifyCommand(), newCompareCommand(),
		newCostsCommand(), newPackCommand(), newCSVCommand())
	return c
}

// arguments wants as many arguments as are named.
func arguments(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return &usageError{fmt.Errorf("%s: wanted %d arguments %v, got %d", c.Name(), len(names), names, len(args))}
		}
		return nil
	}
}
