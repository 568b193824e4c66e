package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/keys"
)

// keyAnswer is what is told about a key.
type keyAnswer struct {
	Name    string `json:"name"`
	Kind    string `json:"kind,omitempty"`
	Address string `json:"address,omitempty"`
	Path    string `json:"path"`
	Sealed  bool   `json:"encrypted"`
}

func newKeyCommand(a *App) *cobra.Command {
	return group("key", "Make and keep keys", newKeyNewCommand(a), newKeyListCommand(a), newKeyShowCommand(a),
		newKeyAddressCommand(a), newKeyImportCommand(a), newKeyExportCommand(a), newMnemonicCommand(a))
}

func (a *App) showKey(x keyAnswer) error {
	sealed := "no: whoever reads the file has the key"
	if x.Sealed {
		sealed = "yes"
	}
	return a.Show(x, Fields{{"name", x.Name}, {"kind", x.Kind}, {"address", x.Address}, {"file", x.Path}, {"encrypted",
		sealed}})
}

func newKeyNewCommand(a *App) *cobra.Command {
	kind, open := "holder", false
	c := &cobra.Command{
		Use: "new NAME", Short: "Make a key", Args: arguments("NAME"),
		Long: "Make a key and keep it, encrypted with a passphrase, under a name in the home or in a\n" +
			"file of your choice (a path, or a name that ends in .key).",
		Example: "  scrip key new admin --kind member\n  scrip key new till-1 --kind till --unencrypted",
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := keys.ParseKind(kind)
			if err != nil {
				return usageError("%v", err)
			}
			s := keys.Generate(k)
			path := a.newKeyPath(args[0])
			if err := a.saveKey(path, s, open); err != nil {
				return err
			}
			return a.showKey(keyAnswer{args[0], k.String(), s.Address(), path, !open})
		},
	}
	c.Flags().StringVar(&kind, "kind", kind, "what the key is for: holder, till, member, validator or ticket")
	c.Flags().BoolVar(&open, "unencrypted", false, "for a server that must start alone")
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(
		[]string{"holder", "till", "member", "validator", "ticket"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// saveKey writes a new key file, after looking that there is none: nobody wants to
// think of a passphrase for nothing.
func (a *App) saveKey(path string, s keys.Secret, open bool, options ...keys.Option) error {
	if _, err := os.Lstat(path); err == nil {
		return explainKey(fmt.Errorf("%s: %w", path, keys.ErrExists))
	}
	if open {
		return explainKey(keys.SaveUnencrypted(path, s, options...))
	}
	passphrase, err := a.newPassphrase(path)
	if err != nil {
		return err
	}
	return explainKey(keys.Save(path, s, passphrase, options...))
}

// The first words of an unencrypted key file and of an encrypted file.
const (
	openMark   = "# "
	sealedMark = "-----BEGIN AGE"
)

func newKeyListCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys of the home", Args: arguments(),
		Long: "List the keys of the home. What an encrypted file holds is not known without its passphrase.",
		RunE: func(*cobra.Command, []string) error {
			paths, err := filepath.Glob(filepath.Join(a.keyDir(), "*"))
			if err != nil {
				return fmt.Errorf("list the keys: %w", err)
			}
			if own := filepath.Join(a.Home, "validator.key"); exists(own) {
				paths = append([]string{own}, paths...)
			}
			var all []keyAnswer
			rows := Rows{Head: []string{"NAME", "KIND", "ADDRESS", "FILE"}, Empty: "no keys in " + a.keyDir() +
				"; make one: scrip key new NAME"}
			for _, path := range paths {
				x := describeKey(path)
				all = append(all, x)
				kind := x.Kind
				if x.Sealed {
					kind = "encrypted"
				}
				rows.Body = append(rows.Body, []string{x.Name, kind, x.Address, x.Path})
			}
			return ShowAll(a, all, rows)
		},
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// describeKey says what is known of a key file without a passphrase.
func describeKey(path string) keyAnswer {
	x := keyAnswer{Name: strings.TrimSuffix(filepath.Base(path), ".key"), Path: path}
	f, err := os.Open(path)
	if err != nil {
		return x
	}
	line, _ := bufio.NewReaderSize(f, 256).ReadString('\n')
	_ = f.Close()
	if x.Sealed = strings.HasPrefix(line, sealedMark); x.Sealed {
		return x
	}
	if s, err := keys.Load(path, nil); err == nil {
		x.Kind, x.Address = s.Kind.String(), s.Address()
	}
	return x
}

func newKeyShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print what a key is and its public half", Args: arguments("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			path, s, err := a.anyKey(args[0])
			if err != nil {
				return err
			}
			return a.showKey(keyAnswer{args[0], s.Kind.String(), s.Address(), path, describeKey(path).Sealed})
		},
	}
}

// anyKey reads a key of any kind.
func (a *App) anyKey(name string, options ...keys.Option) (string, keys.Secret, error) {
	path, err := a.KeyPath(name)
	if err != nil {
		return "", keys.Secret{}, err
	}
	s, err := keys.Load(path, a.Ask(path), options...)
	if errors.Is(err, fs.ErrNotExist) {
		err = &Error{Exit: ExitNotFound, Text: "there is no key file " + quoted(path), Next: "scrip key list"}
	}
	return path, s, explainKey(err)
}

func newKeyAddressCommand(a *App) *cobra.Command {
	var campaign, number uint32
	c := &cobra.Command{
		Use: "address NAME", Short: "Print the public half of a key, or of a wallet's key for a coupon",
		Args:    arguments("NAME"),
		Example: "  scrip key address till-1\n  scrip key address wallet --campaign 3 --number 0",
		RunE: func(_ *cobra.Command, args []string) error {
			if path := a.phrasePath(args[0]); exists(path) {
				s, err := a.walletKey(path, campaign, number)
				if err != nil {
					return err
				}
				return a.showAddress(s)
			}
			_, s, err := a.anyKey(args[0])
			if err != nil {
				return err
			}
			return a.showAddress(s)
		},
	}
	c.Flags().Uint32Var(&campaign, "campaign", 0, "of a wallet: the campaign")
	c.Flags().Uint32Var(&number, "number", 0, "of a wallet: which coupon of the campaign, from 0")
	return c
}

func (a *App) showAddress(s keys.Secret) error {
	if !a.ForPeople() {
		return a.Show(keyAnswer{Kind: s.Kind.String(), Address: s.Address()}, nil)
	}
	return a.Raw([]byte(s.Address() + "\n"))
}

func newKeyImportCommand(a *App) *cobra.Command {
	open := false
	c := &cobra.Command{
		Use: "import NAME FILE", Short: "Copy a key file into the home under a new passphrase", Args: arguments("NAME",
			"FILE"),
		RunE: func(_ *cobra.Command, args []string) error { return a.copyKey(args[1], a.newKeyPath(args[0]), open) },
	}
	c.Flags().BoolVar(&open, "unencrypted", false, "for a server that must start alone")
	return c
}

func newKeyExportCommand(a *App) *cobra.Command {
	open := false
	c := &cobra.Command{
		Use: "export NAME FILE", Short: "Copy a key of the home into a file", Args: arguments("NAME", "FILE"),
		Long: "Copy a key of the home into a file, under a passphrase of its own. The file is\n" +
			"a common age file: \"age -d\" opens it as well.",
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.KeyPath(args[0])
			if err != nil {
				return err
			}
			return a.copyKey(path, args[1], open)
		},
	}
	c.Flags().BoolVar(&open, "unencrypted", false, "write it unencrypted")
	return c
}

func (a *App) copyKey(from, to string, open bool) error {
	_, s, err := a.anyKey(from, keys.InAnyFolder())
	if err != nil {
		return err
	}
	if err := a.saveKey(to, s, open, keys.InAnyFolder()); err != nil {
		return err
	}
	return a.showKey(keyAnswer{strings.TrimSuffix(filepath.Base(to), ".key"), s.Kind.String(), s.Address(), to, !open})
}

// A wallet's phrase lies beside the keys under a name of its own.
func (a *App) phrasePath(name string) string {
	if strings.HasSuffix(name, ".phrase") && strings.ContainsRune(name, filepath.Separator) {
		return name
	}
	return filepath.Join(a.keyDir(), strings.TrimSuffix(name, ".phrase")+".phrase")
}

func (a *App) walletKey(path string, campaign, number uint32) (keys.Secret, error) {
	phrase, err := keys.LoadPhrase(path, a.Ask(path))
	if err != nil {
		return keys.Secret{}, explainKey(err)
	}
	w, err := keys.NewWallet(phrase, "")
	if err != nil {
		return keys.Secret{}, err
	}
	return w.Coupon(campaign, number)
}

func newMnemonicCommand(a *App) *cobra.Command {
	return group("mnemonic", "Make and keep the words of a wallet",
		newMnemonicNewCommand(a), newMnemonicShowCommand(a), newMnemonicImportCommand(a))
}

func newMnemonicNewCommand(a *App) *cobra.Command {
	words := 12
	c := &cobra.Command{
		Use: "new NAME", Short: "Make a wallet and print its words, to be written on paper", Args: arguments("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]int{12, 24}, words) {
				return usageError("a wallet has 12 or 24 words, not %d", words)
			}
			phrase, err := keys.NewMnemonic(words)
			if err != nil {
				return err
			}
			if err := a.savePhrase(args[0], phrase); err != nil {
				return err
			}
			a.Say("Write these words on paper, in this order. Whoever has them has the wallet.")
			return a.Raw([]byte(phrase + "\n"))
		},
	}
	c.Flags().IntVar(&words, "words", words, "how many words: 12 or 24")
	return c
}

func (a *App) savePhrase(name, phrase string) error {
	path := a.phrasePath(name)
	if exists(path) {
		return explainKey(fmt.Errorf("%s: %w", path, keys.ErrExists))
	}
	passphrase, err := a.newPassphrase(path)
	if err != nil {
		return err
	}
	return explainKey(keys.SavePhrase(path, phrase, passphrase))
}

func newMnemonicShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print the words of a wallet", Args: arguments("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			path := a.phrasePath(args[0])
			if !exists(path) {
				return &Error{Exit: ExitNotFound, Text: "there is no wallet " + quoted(args[0]),
					Next: "scrip key mnemonic new " + args[0]}
			}
			phrase, err := keys.LoadPhrase(path, a.Ask(path))
			if err != nil {
				return explainKey(err)
			}
			return a.Raw([]byte(phrase + "\n"))
		},
	}
}

func newMnemonicImportCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "import NAME", Short: "Keep a wallet whose words are read from the input", Args: arguments("NAME"),
		Long: "Keep a wallet whose words are read from the input: typed, or from a file with <.\n" +
			"They are never an argument, because others can see those.",
		RunE: func(_ *cobra.Command, args []string) error {
			a.Say("Type the words of the wallet in one line:")
			line, err := a.readLine()
			if errors.Is(err, io.EOF) {
				return usageError("no words on the input")
			}
			if err != nil {
				return err
			}
			if _, err := keys.EntropyFromMnemonic(line); err != nil {
				return usageError("%v", err)
			}
			phrase := strings.Join(strings.Fields(strings.ToLower(line)), " ")
			if err := a.savePhrase(args[0], phrase); err != nil {
				return err
			}
			a.Say("kept in %s", a.phrasePath(args[0]))
			return nil
		},
	}
}
