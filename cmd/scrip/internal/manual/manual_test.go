package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/cmd/scrip/internal/cli"
)

// Every command has a page that man reads without complaint, and every shell a file.
func TestEachCommandHasAPage(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, "1.2.3", "2026-11-30"); err != nil {
		t.Fatal(err)
	}
	pages := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		pages++
		text, err := os.ReadFile(filepath.Join(dir, "man", pageName(c)+".1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", "scrip 1.2.3", roff(c.Short)} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the page of %s lacks %q", c.CommandPath(), want)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := cli.Root("1.2.3")
	walk(root)
	if pages < 40 {
		t.Errorf("%d pages", pages)
	}
	for _, name := range []string{"scrip.bash", "scrip.zsh", "scrip.fish", "scrip.ps1"} {
		if text, err := os.ReadFile(filepath.Join(dir, "completions", name)); err != nil || len(text) < 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	if man, err := exec.LookPath("man"); err == nil {
		c := exec.CommandContext(t.Context(), man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8",
			filepath.Join(dir, "man", "scrip-node.1"))
		c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80")
		var said strings.Builder
		c.Stderr = &said
		out, err := c.Output()
		if err != nil || said.Len() > 0 || !strings.Contains(string(out), "Run the validator of a home") {
			t.Errorf("man: %v %s\n%s", err, said.String(), out)
		}
	}
}

// A page is the same on every machine: nobody's home stands in it.
func TestPagesNameNobodysHome(t *testing.T) {
	t.Setenv("HOME", "/nobodys-own-home")
	dir := t.TempDir()
	if err := write(dir, "1.2.3", "2026-11-30"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "man", "scrip-node.1"))
	if err != nil || strings.Contains(string(text), "nobodys-own-home") || !strings.Contains(string(text), `~/.scrip`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// The statuses of the page are those of the program.
func TestExitStatusesAreTheProgramsOwn(t *testing.T) {
	for _, code := range []cli.ExitCode{cli.ExitDone, cli.ExitOther, cli.ExitUsage, cli.ExitNotFound, cli.ExitNotAllowed,
		cli.ExitUsed, cli.ExitRefused, cli.ExitUnreachable, cli.ExitUnknown, cli.ExitDamaged, cli.ExitInterrupted} {
		if !strings.Contains("\n"+statuses, "\n"+strconv.Itoa(int(code))+"\t") {
			t.Errorf("no word of %d", code)
		}
	}
	unit, err := os.ReadFile("../../../../deploy/systemd/scrip.service")
	if err != nil {
		t.Fatal(err)
	}
	// Starting again helps against none of these.
	want := "RestartPreventExitStatus=" + strings.Join([]string{strconv.Itoa(int(cli.ExitUsage)),
		strconv.Itoa(int(cli.ExitNotAllowed)), strconv.Itoa(int(cli.ExitDamaged))}, " ") + "\n"
	if !strings.Contains(string(unit), want) {
		t.Errorf("the unit lacks %q", want)
	}
}

// Nothing in a text is taken for a request.
func TestTextIsNoRequest(t *testing.T) {
	if got := roff(".so it\n'tis \\ a-b"); got != "\\&.so it\n\\&'tis \\e a\\-b" {
		t.Errorf("%q", got)
	}
	if got := prose("one\ntwo\n\n  set in\n  here"); got != "one\ntwo\n.PP\n.nf\n  set in\n  here\n.fi\n" {
		t.Errorf("%q", got)
	}
}
