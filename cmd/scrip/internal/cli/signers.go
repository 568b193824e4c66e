package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/keys"
)

// lineBytesMax bounds a line that is read from a person or a pipe.
const lineBytesMax = 64 << 10

// readLine reads one line from the input, without its end.
func (a *App) readLine() (string, error) {
	var b []byte
	one := make([]byte, 1)
	for len(b) < lineBytesMax {
		// A byte at a time, so that what follows stays for the next reader.
		n, err := a.In.Read(one)
		if n == 1 && one[0] == '\n' {
			return lineOf(b)
		}
		b = append(b, one[:n]...)
		if errors.Is(err, io.EOF) && len(b) > 0 {
			return lineOf(b)
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("the line is longer than %d bytes", lineBytesMax)
}

// lineOf is the text of a line that was read, without the byte order mark that some
// shells put before what they pipe.
func lineOf(b []byte) (string, error) {
	text, err := textfile.Decode(b)
	if err != nil {
		return "", usageError("the line is %v", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// confirm asks for a word to be typed, unless --yes was given.
func (a *App) confirm(yes bool, why, word string) error {
	if yes {
		return nil
	}
	_, _ = fmt.Fprintf(a.Err, "%s\nType %q to go on: ", why, word)
	line, err := a.readLine()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the confirmation: %w", err)
	}
	if line != word {
		return &Error{Exit: ExitUsage, Text: "not confirmed, nothing was done",
			Remedy: "Type the word as shown, or give --yes."}
	}
	return nil
}

// text returns the value of an argument that a person may rather not have on the
// command line, where other users of the machine can see it: "-" reads a line from
// stdin, and "@FILE" the first line of a file.
func (a *App) text(arg string) (string, error) {
	if arg == "-" {
		line, err := a.readLine()
		if errors.Is(err, io.EOF) {
			return "", usageError("nothing came on stdin")
		}
		return line, err
	}
	if path, ok := strings.CutPrefix(arg, "@"); ok {
		b, err := readText(path, lineBytesMax)
		line, _, _ := strings.Cut(string(b), "\n")
		return strings.TrimSpace(line), err
	}
	return strings.TrimSpace(arg), nil
}

// readText reads a text file of at most size bytes, whatever program has written it.
func readText(path string, size int64) ([]byte, error) { return explainFile(textfile.Read(path, size)) }

// readBytes reads a file of at most size bytes as it is.
func readBytes(path string, size int64) ([]byte, error) {
	return explainFile(textfile.ReadBytes(path, size))
}

// explainFile turns an error of package textfile into one for the user.
func explainFile(b []byte, err error) ([]byte, error) {
	if errors.Is(err, textfile.ErrTooLarge) || errors.Is(err, textfile.ErrEncoding) {
		return nil, usageError("%v", err)
	}
	return b, err
}

// signer returns a secret as a signer.
func signer(s keys.Secret) coupon.Signer { return coupon.NewSigner(s.Seed) }

// memberSigners loads admin keys and finds the members that they belong to.
func (a *App) memberSigners(ctx context.Context, c *client.Client, names []string) ([]coupon.MemberSigner, error) {
	if len(names) == 0 {
		return nil, usageError("which key signs? Name it with --sign")
	}
	_, members, _, err := c.Counts(ctx)
	if err != nil {
		return nil, err
	}
	owners := make(map[[32]byte]uint16)
	for id := uint16(1); id <= members; id++ {
		m, err := c.Member(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, k := range m.Keys {
			owners[k] = id
		}
	}
	var all []coupon.MemberSigner
	for _, name := range names {
		s, err := a.LoadKey(name, keys.Member)
		if err != nil {
			return nil, err
		}
		id, ok := owners[s.Public()]
		if !ok {
			return nil, &Error{Exit: ExitNotAllowed,
				Text:   "the key " + quoted(name) + " is no admin key of any member of this chain",
				Remedy: "Its public half is " + s.Address() + "."}
		}
		all = append(all, coupon.MemberSigner{Member: id, Signer: signer(s)})
	}
	return all, nil
}

// walletFolder is where the wallets of the home lie.
func (a *App) walletFolder() purse.Folder {
	return purse.Folder{Phrases: a.keyDir(), Wallets: filepath.Join(a.Home, "wallets")}
}

// openPurse opens the wallet of a name.
func (a *App) openPurse(c *client.Verifier, name string) (*purse.Purse, error) {
	p, err := purse.Open(a.walletFolder(), name, c.Chain(), a.Ask("the wallet "+name))
	if errors.Is(err, purse.ErrMissing) {
		return nil, &Error{Exit: ExitNotFound, Text: "there is no wallet " + quoted(name) + " in " + a.Home,
			Next: "scrip wallet new --wallet " + name}
	}
	if err != nil {
		return nil, explainKey(err)
	}
	return p, nil
}

// nowMs is this machine's clock in Unix milliseconds.
func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// keyFiles are the paths of the key files in a folder, in ascending order.
func keyFiles(folder string) []string {
	paths, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil {
		return nil // the pattern is a constant but for the folder's name
	}
	return paths
}
