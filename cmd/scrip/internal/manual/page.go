package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pageName is the name of a command's page: scrip-coupon-claim.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// statuses are the exit statuses, as docs/operations.md and package cli have them.
const statuses = `0	done
1	anything that has no status of its own
2	the command line, or a file that it names, is wrong
3	there is no such thing
4	a right, a key or a permission is missing
5	already used, or in conflict with what is there
6	refused by the rules
7	no node answers, or the network has no quorum
8	the outcome is unknown: ask again, which changes nothing
9	the data of a validator are damaged: starting it again does not help
130	interrupted`

// page returns the manual page of a command in the language of man(7).
func page(c *cobra.Command, date string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 %q %q %q\n", strings.ToUpper(pageName(c)), date, "scrip "+c.Root().Version, "Scrip")
	b.WriteString(".nh\n.ad l\n.SH NAME\n" + roff(pageName(c)) + ` \- ` + roff(c.Short) + "\n")
	b.WriteString(".SH SYNOPSIS\n.B " + roff(strings.TrimSuffix(c.UseLine(), " [flags]")) + "\n")
	if c.HasSubCommands() {
		b.WriteString(".I COMMAND\n")
	}
	if c.HasAvailableFlags() {
		b.WriteString("[\n.I flags\n]\n")
	}
	b.WriteString(".SH DESCRIPTION\n" + prose(textOf(c)))
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				b.WriteString(".TP\n.B " + roff(sub.Name()) + "\n" + roff(sub.Short) + "\n")
			}
		}
	}
	options(&b, "OPTIONS", c.NonInheritedFlags())
	options(&b, "OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n" + roff(strings.TrimRight(c.Example, "\n")) + "\n.fi\n")
	}
	if !c.HasParent() {
		b.WriteString(".SH EXIT STATUS\n")
		for line := range strings.Lines(statuses) {
			status, meaning, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
			b.WriteString(".TP\n.B " + status + "\n" + roff(meaning) + "\n")
		}
	}
	b.WriteString(".SH SEE ALSO\n" + strings.Join(neighbours(c), ",\n") + "\n")
	return b.String()
}

// textOf is the long text of a command, or what there is instead.
func textOf(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// neighbours are the pages beside a command's: above and below.
func neighbours(c *cobra.Command) (all []string) {
	ref := func(c *cobra.Command) string { return `\fB` + roff(pageName(c)) + `\fP(1)` }
	if c.HasParent() {
		all = append(all, ref(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			all = append(all, ref(sub))
		}
	}
	return all
}

// options writes a section with flags, if there are any.
func options(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	b.WriteString(".SH " + title + "\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		b.WriteString(".TP\n")
		if f.Shorthand != "" {
			b.WriteString(`\fB\-` + f.Shorthand + `\fP, `)
		}
		b.WriteString(`\fB\-\-` + roff(f.Name) + `\fP`)
		if name != "" {
			b.WriteString(`=\fI` + roff(name) + `\fP`)
		}
		b.WriteString("\n" + roff(usage))
		if d := f.DefValue; d != "" && d != "[]" && d != "false" && d != "0" && d != "0s" {
			b.WriteString(" (default " + roff(d) + ")")
		}
		b.WriteString("\n")
	})
}

// prose writes paragraphs; one whose lines are set in stays as it is.
func prose(text string) string {
	var b strings.Builder
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, " ") || strings.Contains(p, "\n ") {
			b.WriteString(".nf\n" + roff(p) + "\n.fi\n")
		} else {
			b.WriteString(roff(p) + "\n")
		}
	}
	return b.String()
}

// roff makes text safe for man(7): no line of it is a request, a hyphen is one.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "’", "'").Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
