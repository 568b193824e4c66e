// Command manual writes manual pages and completions of scrip, from its tree of commands,
// into a folder: man/ has a page for each command, completions/ a file for each shell.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/cmd/scrip/internal/cli"
)

func main() {
	version := flag.String("version", "unknown", "version of the program")
	date := flag.String("date", "", "date of the pages, such as 2026-11-30")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: manual [-version V] [-date D] FOLDER")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *version, *date); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

// write writes everything below a folder.
func write(dir, version, date string) error {
	// What stands in a page is nobody's own home.
	if err := os.Setenv("SCRIP_HOME", "~/.scrip"); err != nil {
		return err
	}
	root := cli.Root(version)
	root.InitDefaultCompletionCmd()
	for _, sub := range []string{"man", "completions"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := writePages(filepath.Join(dir, "man"), root, date); err != nil {
		return err
	}
	for name, shell := range map[string]func(path string) error{
		"scrip.bash": func(p string) error { return root.GenBashCompletionFileV2(p, true) },
		"scrip.zsh":  root.GenZshCompletionFile,
		"scrip.fish": func(p string) error { return root.GenFishCompletionFile(p, true) },
		"scrip.ps1":  root.GenPowerShellCompletionFileWithDesc,
	} {
		if err := shell(filepath.Join(dir, "completions", name)); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// writePages writes the page of a command and those of all below it.
func writePages(dir string, c *cobra.Command, date string) error {
	if c.Hidden || c.Name() == "help" {
		return nil
	}
	c.InitDefaultHelpFlag()
	if err := os.WriteFile(filepath.Join(dir, pageName(c)+".1"), []byte(page(c, date)), 0o644); err != nil {
		return err
	}
	for _, sub := range c.Commands() {
		if err := writePages(dir, sub, date); err != nil {
			return err
		}
	}
	return nil
}
