package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/validator"
)

// A secret is never an argument, a flag or an environment variable: these show up
// in process lists and histories. What may be named is a file.

// passphrase gets the passphrase of an existing file: from --passphrase-file, or
// from the person at the terminal.
func (a *App) passphrase(what string) (string, error) {
	if path := a.passphrasePath(); path != "" {
		return validator.ReadPassphrase(path)
	}
	return a.promptSecret("Passphrase of " + what + ": ")
}

// newPassphrase gets a passphrase for a new file, typed twice.
func (a *App) newPassphrase(what string) (string, error) {
	if path := a.passphrasePath(); path != "" {
		return validator.ReadPassphrase(path)
	}
	first, err := a.promptSecret("New passphrase for " + what + ": ")
	if err != nil {
		return "", err
	}
	second, err := a.promptSecret("Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", &Error{Exit: ExitUsage, Text: "the two passphrases differ", Remedy: "Nothing was written: try again."}
	}
	return first, nil
}

func (a *App) passphrasePath() string {
	if a.PassphraseFile != "" {
		return a.PassphraseFile
	}
	return os.Getenv("SCRIP_PASSPHRASE_FILE")
}

// promptSecret asks at the terminal without showing what is typed.
func (a *App) promptSecret(prompt string) (string, error) {
	f, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", &Error{Exit: ExitUsage, Text: "a passphrase is needed, and there is no terminal to ask for it",
			Remedy: "Put it into the first line of a file of mode 0600 and name that with --passphrase-file."}
	}
	_, _ = fmt.Fprint(a.Err, prompt)
	b, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(a.Err)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	return string(b), nil
}

// Ask is what package keys calls for the passphrase of a file.
func (a *App) Ask(what string) keys.Ask {
	return func() (string, error) { return a.passphrase(what) }
}

// keyDir is where named keys lie.
func (a *App) keyDir() string { return filepath.Join(a.Home, "keys") }

// newKeyPath returns the path of a new key: a name in the home, or a path.
func (a *App) newKeyPath(name string) string {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".key") {
		return name
	}
	return filepath.Join(a.keyDir(), name+".key")
}

// KeyPath returns the path of a key that is there: a path, a name in the home, or
// a name in a running demo.
func (a *App) KeyPath(name string) (string, error) {
	own := a.newKeyPath(name)
	if exists(own) || own == name {
		return own, nil
	}
	if validators := filepath.Join(a.Home, "validator.key"); name == "validator" && exists(validators) {
		return validators, nil
	}
	demo, err := a.demo(0)
	if err != nil {
		return "", err
	}
	if demo != nil {
		path := filepath.Join(demo.Dir, "keys", name+".key")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", &Error{Exit: ExitNotFound, Text: "there is no key " + quoted(name) + " in " + a.keyDir(),
		Next: "scrip key list"}
}

// LoadKey reads the key of a name or path, of the given kind.
func (a *App) LoadKey(name string, kind keys.Kind) (keys.Secret, error) {
	path, err := a.KeyPath(name)
	if err != nil {
		return keys.Secret{}, err
	}
	s, err := keys.LoadKind(path, kind, a.Ask(path))
	return s, explainKey(err)
}

// explainKey turns an error of package keys into one for the user.
func explainKey(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keys.ErrExists):
		return &Error{Exit: ExitUsed, Cause: err}
	case errors.Is(err, keys.ErrPermissions), errors.Is(err, keys.ErrPassphrase):
		return &Error{Exit: ExitNotAllowed, Cause: err}
	}
	return err
}
