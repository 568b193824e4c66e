package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scrip-network/scrip/client"
)

// App is what all commands share: where they read and write, and the flags that
// every command has. Commands use it after the flags are parsed.
type App struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTerminal and ErrTerminal say that a person watches.
	OutTerminal, ErrTerminal bool
	Version                  string

	Output  Format
	Quiet   bool
	NoColor bool
	// Home is the folder of keys and settings.
	Home string
	// Nodes and GenesisPath are as given; see Client.
	Nodes       []string
	GenesisPath string
	// PassphraseFile holds the passphrase of key files; see Ask.
	PassphraseFile string
	// ForgetHeights takes the chain as it stands, see heights.go.
	ForgetHeights bool

	running bool // the command line was understood and its command runs
	client  *client.Client
}

// Main runs the command line and returns the exit status.
func Main(version string, args []string) int {
	app := &App{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Version: version,
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	ctx, stop := interruptible()
	defer stop()
	return app.Run(ctx, args)
}

// interruptible returns a context that ends at the first interrupt, SIGTERM or
// hangup. The second one ends the process the hard way.
func interruptible() (context.Context, func()) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Run runs one command line and returns the exit status.
func (a *App) Run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	err := root.ExecuteContext(ctx)
	if err != nil {
		err = a.nameOtherChain(ctx, err)
	}
	if a.client != nil {
		noteHeight(a.client.Genesis().Digest, a.client.Floor())
	}
	if err == nil {
		return int(ExitDone)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &Error{Exit: ExitInterrupted, Text: "interrupted"}
	}
	e := explain(err)
	if !a.running && e.Exit == ExitOther {
		e.Exit = ExitUsage // cobra's own words about arguments and flags
	}
	a.showError(e)
	return int(e.Exit)
}

// Root returns the tree of commands for whoever describes it; it is not run.
func Root(version string) *cobra.Command {
	return newRoot(&App{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Version: version})
}

// newRoot returns the whole tree of commands.
func newRoot(a *App) *cobra.Command {
	root := &cobra.Command{
		Use:   "scrip",
		Short: "Electronic coupons on a ledger that its members run together",
		Long: "Electronic coupons on a ledger that its members run together.\n\n" +
			"To see a whole network on this machine: scrip demo",
		Version:                    a.Version,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		SilenceErrors:              true,
		Args:                       subcommand,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
				a.NoColor = true
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.VarP(&a.Output, "output", "o", "form of the result: table, json or jsonl")
	flags.BoolVarP(&a.Quiet, "quiet", "q", false, "say nothing but the result")
	flags.BoolVar(&a.NoColor, "no-color", false, "no colours (so does NO_COLOR)")
	flags.StringVar(&a.Home, "home", defaultHome(), "folder of keys and settings (SCRIP_HOME)")
	flags.StringSliceVar(&a.Nodes, "node", nil, "address of a node, repeatable (SCRIP_NODE; default: a running demo)")
	flags.StringVar(&a.GenesisPath, "genesis", "",
		"genesis file of the chain (SCRIP_GENESIS; default: that of a running demo)")
	flags.StringVar(&a.PassphraseFile, "passphrase-file", "",
		"file with the passphrase of key files (SCRIP_PASSPHRASE_FILE)")
	flags.BoolVar(&a.ForgetHeights, "forget-heights", false,
		"take the chain as it stands, even below a height proven before: it was set back")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &Error{Exit: ExitUsage, Text: err.Error(), Next: c.CommandPath() + " --help"}
	})
	root.SetVersionTemplate("scrip {{.Version}}\n")
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
	}
	for _, c := range commands {
		command := c.make(a)
		command.GroupID = c.group
		root.AddCommand(command)
	}
	a.noteRunning(root)
	root.SetHelpCommandGroupID(groupTools)
	root.SetCompletionCommandGroupID(groupTools)
	return root
}

// noteRunning lets every command below c note that it runs.
func (a *App) noteRunning(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.noteRunning(sub)
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			a.running = true
			return run(c, args)
		}
	}
}

// subcommand is the argument rule of commands that only hold others.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := &Error{Exit: ExitUsage, Text: "there is no command " + quoted(c.CommandPath()+" "+args[0]),
		Next: c.CommandPath() + " --help"}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		e.Remedy, e.Next = "Did you mean "+quoted(near[0])+"?", c.CommandPath()+" "+near[0]
	}
	return e
}

// group returns a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: subcommand, SuggestionsMinimumDistance: 2,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(commands...)
	return c
}

// arguments is the rule of exactly the named positional arguments.
func arguments(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return &Error{Exit: ExitUsage, Text: "the argument " + names[len(args)] + " is missing",
				Next: c.CommandPath() + " --help"}
		case len(args) > len(names):
			return &Error{Exit: ExitUsage, Text: "unexpected argument " + quoted(args[len(names)]),
				Next: c.CommandPath() + " --help"}
		}
		return nil
	}
}

// on is the run of a command that does something to what its first argument names, with
// a client. read reads the argument.
func on[T any](a *App, read func(string) (T, error),
	run func(ctx context.Context, c *client.Client, x T) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		x, err := read(args[0])
		if err != nil {
			return err
		}
		c, err := a.Client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), c, x)
	}
}

// defaultHome returns SCRIP_HOME or the user's own folder.
func defaultHome() string {
	if h := os.Getenv("SCRIP_HOME"); h != "" {
		return h
	}
	if h, err := os.UserHomeDir(); err == nil {
		return filepath.Join(h, ".scrip")
	}
	return ".scrip"
}
