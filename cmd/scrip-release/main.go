// Command scrip-release makes, compares, signs and verifies releases; see package release.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scrip-network/scrip/internal/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "scrip-release:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{Use: "scrip-release", Short: "Make, compare, sign and verify releases of scrip",
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}}
	root.AddCommand(newMake(), newSame(), newKey(), newSign(), newVerify())
	return root
}

// making are the flags of what makes a release.
type making struct {
	cfg       release.Config
	platforms []string
	seconds   int64
}

func (m *making) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.cfg.Source, "source", ".", "folder of the sources")
	f.StringVar(&m.cfg.Version, "version", "", "version (default: what git describe says)")
	f.Int64Var(&m.seconds, "time", 0, "time of all files, in seconds since 1970 (default: that of the commit)")
	f.StringSliceVar(&m.platforms, "platform", nil, "os/arch, repeatable (default: all six)")
	f.StringVar(&m.cfg.Maintainer, "maintainer", "", "who stands in Debian packages, \"Name <address>\"")
}

// config completes the flags from the repository.
func (m *making) config(ctx context.Context) (release.Config, error) {
	for _, s := range m.platforms {
		p, err := release.ParsePlatform(s)
		if err != nil {
			return m.cfg, err
		}
		m.cfg.Platforms = append(m.cfg.Platforms, p)
	}
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", m.cfg.Source}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	if m.cfg.Version == "" {
		version, err := git("describe", "--tags", "--always", "--dirty")
		if err != nil {
			return m.cfg, errors.New("name the version with --version: there is no repository to ask")
		}
		m.cfg.Version = strings.TrimPrefix(version, "v")
	}
	if m.seconds == 0 {
		text, err := git("log", "-1", "--format=%ct")
		if err == nil {
			m.seconds, err = strconv.ParseInt(text, 10, 64)
		}
		if err != nil {
			return m.cfg, errors.New("name the time with --time: there is no repository to ask")
		}
	}
	m.cfg.Time = time.Unix(m.seconds, 0)
	m.cfg.Say = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	return m.cfg, nil
}

func newMake() *cobra.Command {
	var m making
	c := &cobra.Command{Use: "make FOLDER", Short: "Make a release in an empty folder", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := m.config(c.Context())
			if err != nil {
				return err
			}
			cfg.Out = args[0]
			return release.Make(c.Context(), cfg)
		}}
	m.flags(c)
	return c
}

func newSame() *cobra.Command {
	var m making
	apart := false
	c := &cobra.Command{Use: "same", Short: "Make a release twice, in two folders, and compare the bytes",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := m.config(c.Context())
			if err != nil {
				return err
			}
			differ, err := release.Same(c.Context(), cfg, apart)
			if err != nil {
				return err
			}
			if len(differ) > 0 {
				return fmt.Errorf("the two differ: %s", strings.Join(differ, ", "))
			}
			fmt.Println("the two are the same, byte by byte")
			return nil
		}}
	m.flags(c)
	c.Flags().BoolVar(&apart, "apart", false, "compile all of it twice, with a build cache for each")
	return c
}

// passphrase reads the passphrase of a key from a file, or from the terminal.
func passphrase(path string, twice bool) (string, error) {
	if path != "" {
		text, err := os.ReadFile(path)
		return strings.TrimRight(string(text), "\r\n"), err
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(os.Stderr, prompt)
		text, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return string(text), err
	}
	first, err := ask("passphrase: ")
	if err != nil || !twice {
		return first, err
	}
	second, err := ask("once more: ")
	if err == nil && first != second {
		err = errors.New("the two passphrases differ")
	}
	return first, err
}

func newKey() *cobra.Command {
	file := ""
	c := &cobra.Command{Use: "key FILE.key", Short: "Make a key that signs releases, as minisign -G does",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			word, err := passphrase(file, true)
			if err != nil {
				return fmt.Errorf("read the passphrase: %w", err)
			}
			public, err := release.NewKey(args[0], word)
			if err == nil {
				fmt.Println(public)
			}
			return err
		}}
	c.Flags().StringVar(&file, "passphrase-file", "", "file with the passphrase")
	return c
}

func newSign() *cobra.Command {
	file, key, version := "", "", ""
	c := &cobra.Command{Use: "sign FOLDER", Short: "Sign the sums of a release", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			word, err := passphrase(file, false)
			if err != nil {
				return fmt.Errorf("read the passphrase: %w", err)
			}
			return release.Sign(args[0], key, word, version)
		}}
	c.Flags().StringVar(&key, "key", "", "file of the secret key")
	c.Flags().StringVar(&version, "version", "", "what the signature says that it is of")
	c.Flags().StringVar(&file, "passphrase-file", "", "file with the passphrase of the key")
	_ = c.MarkFlagRequired("key")
	_ = c.MarkFlagRequired("version")
	return c
}

func newVerify() *cobra.Command {
	key := ""
	c := &cobra.Command{Use: "verify FOLDER", Short: "Check signature and sums of the files of a release",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			said, checked, err := release.Verify(args[0], key)
			if err != nil {
				return err
			}
			fmt.Printf("signed: %s\n%s\n", said, strings.Join(checked, "\n"))
			return nil
		}}
	c.Flags().StringVar(&key, "pub", "", "file of the public key")
	_ = c.MarkFlagRequired("pub")
	return c
}
