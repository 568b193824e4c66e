package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scrip-network/scrip/lab/chart"
	"github.com/scrip-network/scrip/lab/desim/costing"
	"github.com/scrip-network/scrip/lab/report"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/stats"
	"github.com/scrip-network/scrip/lab/trial"
)

func newListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the scenarios that ship, with their questions", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "SCENARIO\tMODES\tRUNS\tQUESTION")
			for _, name := range scenarios.Shipped() {
				raw, err := scenarios.ReadShipped(name)
				if err != nil {
					return err
				}
				s, err := scenarios.Decode(name+".toml", raw)
				if err != nil {
					return err
				}
				var modes []string
				for _, m := range s.Modes() {
					modes = append(modes, string(m))
				}
				runs := 0
				for i := range s.Parts {
					runs += len(s.Parts[i].Cells()) * s.RepeatsOf(&s.Parts[i])
				}
				_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", name, strings.Join(modes, ","), runs, s.Question)
			}
			return w.Flush()
		},
	}
}

func newVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify FOLDER", Short: "Check the hashes of results and derive every number again", Args: arguments("FOLDER"),
		Long: "Check the hashes of all files, derive every number of the summary and the report again\n" +
			"from the raw files, draw the figures again, and compare. Anything else than what\n" +
			"follows from the raw data makes the exit code 1.",
		RunE: func(_ *cobra.Command, args []string) error {
			f := results.Folder{Dir: args[0]}
			if err := report.Verify(f); err != nil {
				return err
			}
			m, _, err := f.Manifest()
			if err != nil {
				return err
			}
			fmt.Printf("%s holds: %d runs, %d raw files, every number derived again\n", args[0], len(m.Runs), len(m.Files))
			return nil
		},
	}
}

func newCompareCommand() *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use: "compare BEFORE AFTER", Short: "Set two folders side by side, as ratios with intervals",
		Args: arguments("BEFORE", "AFTER"),
		Long: "Set side by side what two folders measured of the same cells in the same mode. A ratio is\n" +
			"marked if its 95 % interval does not hold 1; others are left out unless --all.",
		RunE: func(_ *cobra.Command, args []string) error {
			var sums [2]*results.Summary
			for i, dir := range args {
				var err error
				if sums[i], err = results.Derive(results.Folder{Dir: dir}); err != nil {
					return fmt.Errorf("%s: %w", dir, err)
				}
			}
			changes, err := results.Compare(sums[0], sums[1], 1)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(os.Stdout)
				e.SetIndent("", "  ")
				return e.Encode(changes)
			}
			return printChanges(os.Stdout, changes, all)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also what does not differ beyond the noise")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newCostsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "costs", Short: "Measure on this machine what work costs a simulated member", Args: arguments(),
		Long: "Measure signatures, hashing, links, the engine, the log and the ledger with real syncs, and\n" +
			"print them as the file that simulations take their costs from. It takes about half a\n" +
			"minute and wants the disk for itself.",
		RunE: func(c *cobra.Command, _ []string) error {
			costs, err := costing.Measure(c.Context(), "")
			if err != nil {
				return err
			}
			raw, err := results.EncodeJSON(costs)
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(raw)
			return err
		},
	}
}

func printChanges(out io.Writer, changes []results.Change, all bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "MODE\tPART\tCELL\tMETRIC\tBEFORE\tAFTER\tRATIO (95 %)\t")
	beyond := 0
	for _, c := range changes {
		mark := ""
		if c.Beyond {
			mark = "*"
			beyond++
		} else if !all {
			continue
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Mode, c.Part, c.Cell.Slug(), c.Metric,
			chart.Number(c.Before.Median), chart.Number(c.After.Median), ratio(c.Ratio), mark)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d of %d measurements differ beyond the noise\n", beyond, len(changes))
	return err
}

func ratio(e stats.Estimate) string {
	if !e.HasInterval() {
		return fmt.Sprintf("%.3f (no interval)", e.Median)
	}
	return fmt.Sprintf("%.3f (%.3f – %.3f)", e.Median, e.Lo, e.Hi)
}

// printOutcome says what came of an experiment.
func printOutcome(out io.Writer, f results.Folder, m *results.Manifest, s *results.Summary) {
	tellSkipped(out, "skipped ", m.Skipped)
	unknown := 0
	for _, t := range s.Thresholds {
		if t.Outcome == results.NotMeasured {
			unknown++
			continue
		}
		_, _ = fmt.Fprintf(out, "%-8s %s: %s, wanted %s\n", t.Outcome, t.Says, chart.Number(t.Value), t.Wants)
	}
	if unknown > 0 {
		_, _ = fmt.Fprintf(out, "%d of %d thresholds are about what was not measured\n", unknown, len(s.Thresholds))
	}
	_, _ = fmt.Fprintf(out, "runs     %d\nreport   %s\n", len(m.Runs), filepath.Join(f.Dir, report.PageFile))
}

// tellSkipped says what was left out and why, with all parts of one reason in a line.
func tellSkipped(out io.Writer, word string, all []results.Skipped) {
	for i, k := range all {
		same := func(o results.Skipped) bool { return o.What == k.What && o.Reason == k.Reason }
		if slices.ContainsFunc(all[:i], same) {
			continue
		}
		var parts []string
		for _, o := range all[i:] {
			if same(o) {
				parts = append(parts, o.Part)
			}
		}
		_, _ = fmt.Fprintf(out, "%s %s, %s: %s\n", word, strings.Join(parts, ", "), k.What, k.Reason)
	}
}

// progress is one line on a terminal, and a line for each tenth elsewhere.
type progress struct {
	out      *os.File
	terminal bool
	tenth    int
	rest     time.Duration // of what follows this experiment
}

func newProgress(out *os.File, rest time.Duration) *progress {
	return &progress{out: out, terminal: term.IsTerminal(int(out.Fd())), tenth: -1, rest: rest}
}

func (p *progress) set(at trial.Progress) {
	left := ""
	if at.Left > 0 {
		left = ", about " + at.Left.Round(time.Second).String() + " left"
	}
	if p.rest > 0 {
		left += ", " + (at.Left + p.rest).Round(time.Second).String() + " in all"
	}
	if p.terminal {
		const width = 24
		full := width * at.Done / max(at.Total, 1)
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %d/%d%s  %s", strings.Repeat("=", full), strings.Repeat(" ", width-full),
			at.Done, at.Total, left, at.What)
		return
	}
	if tenth := 10 * at.Done / max(at.Total, 1); tenth != p.tenth {
		p.tenth = tenth
		_, _ = fmt.Fprintf(p.out, "%d of %d runs%s\n", at.Done, at.Total, left)
	}
}

func (p *progress) done() {
	if p.terminal {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
