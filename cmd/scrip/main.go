// Command scrip runs nodes of a coupon chain and talks to them: one binary for
// members, merchants, tills, holders and those who only want to check.
package main

import (
	"os"

	"github.com/scrip-network/scrip/cmd/scrip/internal/cli"
)

// version is set by the build.
var version = "unknown"

func main() {
	os.Exit(cli.Main(version, os.Args[1:]))
}
