package cli

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/network"
)

// demoStopTimeout bounds the end of a demo.
const demoStopTimeout = 20 * time.Second

// demoPortDoc describes the flag that names a demo.
const demoPortDoc = "base port of the demo, where several run"

func newDemoURLsCommand(a *App) *cobra.Command {
	port := 0
	c := &cobra.Command{
		Use: "urls", Short: "Print again what the running demo has printed", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			r, err := a.findDemo(port)
			if err != nil {
				return err
			}
			if a.ForPeople() {
				return a.write(r.Text)
			}
			return a.document(r, a.Output == JSON)
		},
	}
	c.Flags().IntVar(&port, "port", 0, demoPortDoc)
	return c
}

func newDemoStopCommand(a *App) *cobra.Command {
	port := 0
	c := &cobra.Command{
		Use: "stop", Short: "Stop the running demo", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			r, err := a.findDemo(port)
			if err != nil {
				return err
			}
			if err := r.Stop(demoStopTimeout); err != nil {
				return err
			}
			a.Say("stopped the demo on port %d", r.Port)
			return nil
		},
	}
	c.Flags().IntVar(&port, "port", 0, demoPortDoc)
	return c
}

// newDemoValidatorCommand is a command that does something to one validator of a demo.
func newDemoValidatorCommand(a *App, name, done, short string, act func(*network.Record, int) error) *cobra.Command {
	port := 0
	c := &cobra.Command{
		Use: name + " VALIDATOR", Short: short, Args: arguments("VALIDATOR"), Example: "  scrip demo " + name + " 2",
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := strconv.Atoi(args[0])
			if err != nil {
				return usageError("VALIDATOR: %q is no number of a validator, such as 0", args[0])
			}
			r, err := a.findDemo(port)
			if err != nil {
				return err
			}
			if err := act(r, i); err != nil {
				return err
			}
			a.Say("%s validator %d of the demo on port %d", done, i, r.Port)
			return nil
		},
	}
	c.Flags().IntVar(&port, "port", 0, demoPortDoc)
	return c
}

// findDemo returns the demo that a command acts on.
func (a *App) findDemo(port int) (*network.Record, error) {
	r, err := a.demo(port)
	if err != nil || r != nil {
		return r, err
	}
	if all := network.Running(); len(all) > 0 {
		return nil, &Error{Exit: ExitNotFound, Text: "no such demo runs on this machine, but " + demoList(all)}
	}
	return nil, &Error{Exit: ExitNotFound, Text: "no demo runs on this machine", Next: "scrip demo"}
}

// demo returns the running demo that is meant: of what --port, --node and --genesis
// name, the only one. It returns nil if there is none, and asks if there are several:
// the newest is not always the one that somebody has in mind.
func (a *App) demo(port int) (*network.Record, error) {
	var fit []*network.Record
	for _, r := range network.Running() {
		if (port == 0 || r.Port == port) && a.namesDemo(r) {
			fit = append(fit, r)
		}
	}
	switch len(fit) {
	case 0:
		return nil, nil
	case 1:
		return fit[0], nil
	}
	return nil, &Error{Exit: ExitUsage, Text: "which demo? " + demoList(fit),
		Remedy: "Name the one that is meant by its genesis file, or by its port where the command has --port.",
		Next:   "scrip demo urls --port " + strconv.Itoa(fit[0].Port)}
}

// namesDemo reports whether a demo agrees with what --node and --genesis say.
func (a *App) namesDemo(r *network.Record) bool {
	if len(a.Nodes) > 0 && !slices.ContainsFunc(a.Nodes, func(node string) bool {
		return slices.Contains(r.Nodes, strings.TrimSuffix(node, "/"))
	}) {
		return false
	}
	named := a.namedGenesis()
	if named == "" || named == r.Genesis {
		return true
	}
	want, err := textfile.Read(named, genesis.FileBytesMax)
	if err != nil {
		return false // reading it again tells what is wrong
	}
	have, err := os.ReadFile(r.Genesis)
	return err == nil && bytes.Equal(want, have)
}

// demoList names demos in the order of their start.
func demoList(all []*network.Record) string {
	all = slices.SortedFunc(slices.Values(all), func(x, y *network.Record) int { return x.Started.Compare(y.Started) })
	var b strings.Builder
	for i, r := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s runs on port %d since %s (genesis file %s)", r.Chain, r.Port, r.Started.Format("15:04:05"),
			r.Genesis)
	}
	return b.String()
}
