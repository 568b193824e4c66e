package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks"
	"github.com/scrip-network/scrip/hooks/signature"
)

// listening is the flags of the listen command.
type listening struct {
	forward, secretFile, from string
	printSecret               bool
	filter                    hooks.Filter
	campaigns                 []uint
	resend                    []string
	count                     int
}

func newListenCommand(a *App) *cobra.Command {
	w := &listening{}
	c := &cobra.Command{
		Use: "listen", Short: "Forward what happens to a program on this machine, to develop with", Args: arguments(),
		Long: "Forward what happens from now on to a program that is being written: the same messages as\n" +
			"scrip hooks delivers, signed with a secret that stays the same on this machine. Each is\n" +
			"sent once; --resend sends one again first.",
		Example: "  scrip listen --forward http://localhost:8080/hooks\n" +
			"  scrip listen --print-secret\n  scrip trigger redemption.accrued      in another window",
		RunE: func(c *cobra.Command, _ []string) error { return a.listen(c.Context(), w) },
	}
	c.Flags().StringVar(&w.forward, "forward", "", "where messages are sent, such as http://localhost:8080/hooks")
	c.Flags().StringVar(&w.secretFile, "secret-file", "", "file with the secret (default: listen.secret in the home)")
	c.Flags().BoolVar(&w.printSecret, "print-secret", false, "print the secret, and end")
	c.Flags().StringVar(&w.from, "from", "", "first event or height; default: what happens from now on")
	c.Flags().StringSliceVar(&w.resend, "resend", nil, "send this event first, such as 120.3.0; repeatable")
	c.Flags().IntVar(&w.count, "count", 0, "end after so many messages; 0 = never")
	filterFlags(c, &w.filter, &w.campaigns)
	return c
}

// listenSecret returns the secret of this machine, and makes it if there is none.
func (a *App) listenSecret(path string) (string, error) {
	if path == "" {
		path = filepath.Join(a.Home, "listen.secret")
	}
	text, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	text = signature.NewSecret().Text()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("keep the secret: %w", err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the secret: %w", err)
	}
	return text, nil
}

func (a *App) listen(ctx context.Context, w *listening) error {
	text, err := a.listenSecret(w.secretFile)
	if err != nil {
		return err
	}
	if w.printSecret {
		return a.Show(map[string]string{"secret": text}, Fields{{"secret", text}})
	}
	if w.forward == "" {
		return usageError("--forward is missing: where are messages sent, such as http://localhost:8080/hooks?")
	}
	if err := a.completeFilter(&w.filter, w.campaigns); err != nil {
		return err
	}
	secret, err := signature.ParseSecret(text)
	if err != nil {
		return err
	}
	c, err := a.Client()
	if err != nil {
		return err
	}
	f, err := hooks.NewForwarder(c, c.Genesis().Digest, w.forward, secret, w.filter, a.Version)
	if err != nil {
		return a.explainHooks(err)
	}
	from, err := firstEvent(ctx, c, &watching{from: w.from})
	if err != nil {
		return err
	}
	a.Say("forwarding to %s; verify with the secret %s", w.forward, text)
	return a.forward(ctx, c, f, w, from)
}

// forward sends what was asked for again, and then what happens.
func (a *App) forward(ctx context.Context, c *client.Client, f *hooks.Forwarder, w *listening, from client.EventID,
) error {
	sent := 0
	done := func() bool { return w.count > 0 && sent >= w.count }
	for _, name := range w.resend {
		e, err := hooks.ParseID(c.Genesis().Digest, name)
		if err != nil {
			return usageError("--resend: %v", err)
		}
		d, err := f.Resend(ctx, e)
		if err != nil {
			return a.explainHooks(err)
		}
		if err := a.showForwarded(d); err != nil {
			return err
		}
		if sent++; done() {
			return nil
		}
	}
	for b, err := range c.Blocks(ctx, from.Height) {
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			a.Say("%v", err)
			continue
		}
		deliveries, err := f.Block(ctx, b, from)
		if err != nil {
			return err
		}
		for i := range deliveries {
			if err := a.showForwarded(&deliveries[i]); err != nil {
				return err
			}
			if sent++; done() {
				return nil
			}
		}
	}
	return nil
}

// showForwarded tells of one message and the answer.
func (a *App) showForwarded(d *hooks.Delivery) error {
	x := &d.Attempts[0]
	return a.Stream(d, fmt.Sprintf("%s  %-10s %-21s -> %s (%d ms)", when(uint64(x.At.Ms)), d.Event, d.Type,
		answerText(x), x.Millis))
}
