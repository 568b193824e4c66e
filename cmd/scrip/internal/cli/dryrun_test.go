package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that can write the receipt of what it hands in can be tried without
// handing it in, and the script dryrun.txtar tries each of them.
func TestEveryCommandThatSendsHasADryRun(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "coupons", "dryrun.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	sends := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.Flags().Lookup("receipt") == nil {
			return
		}
		sends++
		if c.Flags().Lookup("dry-run") == nil {
			t.Errorf("%s hands something in and has no --dry-run", c.CommandPath())
		}
		if !slices.ContainsFunc(lines, func(line string) bool {
			return strings.Contains(line, c.CommandPath()+" ") && strings.Contains(line, "--dry-run")
		}) {
			t.Errorf("the script does not try %s --dry-run", c.CommandPath())
		}
	}
	walk(newRoot(&App{}))
	if sends < 15 {
		t.Errorf("only %d commands hand something in", sends)
	}
}
