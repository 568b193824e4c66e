// Command scrip-comet runs the coupon ledger on CometBFT: validators, networks of
// them on one machine, and the load of "scrip bench" over such a network.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		// The last line of a validator's log is read by who has started it.
		fmt.Fprintln(os.Stderr, wordsOf(err))
		stop()
		os.Exit(1)
	}
}
