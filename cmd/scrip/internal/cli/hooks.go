package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks"
	"github.com/scrip-network/scrip/hooks/signature"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/store"
)

const (
	hooksListen = "127.0.0.1:7606"
	// controlName is the file in which a process says where it can be asked.
	controlName = "control.json"
	// secretFileBytesMax bounds a file with a secret.
	secretFileBytesMax = 1 << 10
)

// hooksFlags are the flags of all commands of webhooks.
type hooksFlags struct {
	dir string
	dry bool
}

func (a *App) hooksDir(h *hooksFlags) string {
	if h.dir != "" {
		return h.dir
	}
	return filepath.Join(a.Home, "hooks")
}

func newHooksCommand(a *App) *cobra.Command {
	h := &hooksFlags{}
	c := group("hooks", "Deliver what happens to web servers, as signed webhooks", newHooksRunCommand(a, h),
		newHooksAddCommand(a, h), newHooksListCommand(a, h), newHooksRemoveCommand(a, h), newHooksRotateCommand(a, h),
		newHooksEnableCommand(a, h, "enable", "Let an endpoint that was disabled go on where it was"),
		newHooksEnableCommand(a, h, "disable", "Deliver nothing to an endpoint, which keeps its place on the chain"),
		newHooksDeliveriesCommand(a, h), newHooksDeadCommand(a, h), newHooksResendCommand(a, h))
	c.Long = "Deliver what happens to web servers, as signed webhooks (Standard Webhooks). The process\n" +
		"runs beside any node and believes none: it reads every block with its proof. Each event\n" +
		"comes at least once, under one id, and those of a coupon in their order."
	c.Example = "  scrip hooks add https://shop.example/hooks --type redemption.accrued\n  scrip hooks run"
	c.PersistentFlags().StringVar(&h.dir, "data", "", "the webhooks' folder (default: hooks in the home)")
	return c
}

// dryFlag adds --dry-run.
func (h *hooksFlags) dryFlag(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&h.dry, "dry-run", false, "say what would change, and change nothing")
	return c
}

// control says where a process can be asked.
type control struct {
	Listen string `json:"listen"`
	Token  string `json:"token"`
}

// withHooks does something with the webhooks of a folder: through the process that has it,
// or without one.
func (a *App) withHooks(ctx context.Context, h *hooksFlags, do func(*client.Client, *hooks.Remote) error) (err error) {
	c, err := a.Client()
	if err != nil {
		return err
	}
	dir := a.hooksDir(h)
	book, err := hooks.OpenBook(filepath.Join(dir, "book"), c.Genesis().Digest)
	if errors.Is(err, store.ErrLocked) {
		b, err := os.ReadFile(filepath.Join(dir, controlName))
		if err != nil {
			return fmt.Errorf("find the process that delivers: %w", err)
		}
		var at control
		if err := json.Unmarshal(b, &at); err != nil {
			return fmt.Errorf("find the process that delivers: %w", err)
		}
		return a.explainHooks(do(c, hooks.NewRemote(at.Listen, at.Token)))
	}
	if err != nil {
		return a.explainHooks(err)
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	s, err := hooks.New(book, c, c.Genesis().Digest, 1, a.Version, a.logger("error", "auto"))
	if err != nil {
		return err
	}
	return a.explainHooks(do(c, s.Local()))
}

// explainHooks says what to do about an error of the webhooks.
func (a *App) explainHooks(err error) error {
	switch {
	case errors.Is(err, hooks.ErrNoEndpoint):
		return &Error{Exit: ExitNotFound, Cause: err, Next: "scrip hooks list"}
	case errors.Is(err, hooks.ErrNoDelivery):
		return &Error{Exit: ExitNotFound, Cause: err, Next: "scrip events --from 1"}
	case errors.Is(err, hooks.ErrEndpoint):
		return &Error{Exit: ExitUsage, Cause: err, Next: "scrip hooks add --help"}
	case errors.Is(err, hooks.ErrForeign):
		return &Error{Exit: ExitUsed, Cause: err, Remedy: "Name the folder of this chain's webhooks with --data."}
	case errors.Is(err, hooks.ErrBusy):
		return &Error{Exit: ExitUnreachable, Cause: err, Remedy: "Wait until some of them were delivered."}
	}
	return err
}

// now returns the place behind the last proven block.
func nextEvent(ctx context.Context, c *client.Client) (client.EventID, error) {
	_, _, s, err := c.Counts(ctx)
	if err != nil {
		return client.EventID{}, err
	}
	return client.EventID{Height: s.Height + 1}, nil
}

func newHooksRunCommand(a *App, h *hooksFlags) *cobra.Command {
	listen, level := hooksListen, "info"
	c := &cobra.Command{
		Use: "run", Short: "Follow the chain and deliver, until it is stopped", Args: arguments(),
		Long: "Follow the chain and deliver, until it is stopped. Its address answers GET /healthz and\n" +
			"GET /metrics, and what the other commands ask it, who show a token of the folder.",
		RunE: func(c *cobra.Command, _ []string) error { return a.runHooks(c.Context(), h, listen, level) },
	}
	c.Flags().StringVar(&listen, "listen", listen, "where health, metrics and commands are answered, host:port")
	c.Flags().StringVar(&level, "log-level", level, "least level of what is logged: debug, info, warn, error")
	return c
}

func (a *App) runHooks(ctx context.Context, h *hooksFlags, listen, level string) (err error) {
	c, err := a.Client()
	if err != nil {
		return err
	}
	dir := a.hooksDir(h)
	book, err := hooks.OpenBook(filepath.Join(dir, "book"), c.Genesis().Digest)
	if errors.Is(err, store.ErrLocked) {
		return &Error{Exit: ExitUsed, Text: "webhooks are delivered from " + dir + " already", Cause: err}
	}
	if err != nil {
		return a.explainHooks(err)
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	from, err := nextEvent(ctx, c)
	if err != nil {
		return err
	}
	log := a.logger(level, "auto")
	s, err := hooks.New(book, c, c.Genesis().Digest, from.Height, a.Version, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen for commands: %w", err)
	}
	at := control{l.Addr().String(), book.Token()}
	if err := writeControl(dir, at); err != nil {
		return errors.Join(err, l.Close())
	}
	if err := a.Stream(struct {
		Listen    string `json:"listen"`
		Endpoints int    `json:"endpoints"`
	}{at.Listen, len(s.Endpoints())}, fmt.Sprintf("webhooks for %s: http://%s/healthz", plural(len(s.Endpoints()),
		"endpoint"), at.Listen)); err != nil {
		return errors.Join(err, l.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Serve(ctx, l) })
	g.Go(func() error { return s.Run(ctx) })
	return g.Wait()
}

// writeControl says where the process can be asked, to who may read the folder.
func writeControl(dir string, at control) error {
	b, err := json.Marshal(at)
	if err == nil {
		next := filepath.Join(dir, controlName+".new")
		if err = os.WriteFile(next, b, 0o600); err == nil {
			err = os.Rename(next, filepath.Join(dir, controlName))
		}
	}
	if err != nil {
		return fmt.Errorf("say where commands are answered: %w", err)
	}
	return nil
}

// filterFlags are the flags that select events for an endpoint.
func filterFlags(c *cobra.Command, f *hooks.Filter, campaigns *[]uint) {
	c.Flags().StringSliceVar(&f.Types, "type", nil, "only these types, such as coupon.claimed; repeatable")
	c.Flags().UintSliceVar(campaigns, "campaign", nil, "only these campaigns; repeatable")
	c.Flags().StringSliceVar(&f.Tills, "till", nil, "only these tills: names of their keys or addresses; repeatable")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes(), cobra.ShellCompDirectiveNoFileComp))
}

// completeFilter reads what the flags say.
func (a *App) completeFilter(f *hooks.Filter, campaigns []uint) error {
	for _, n := range campaigns {
		if n == 0 || uint(uint32(n)) != n {
			return usageError("--campaign: %d is no campaign", n)
		}
		f.Campaigns = append(f.Campaigns, uint32(n))
	}
	for i, name := range f.Tills {
		key, err := a.tillAddress(name)
		if err != nil {
			return err
		}
		f.Tills[i] = keys.Encode(keys.Till, key)
	}
	return nil
}

// readSecret reads a webhook secret from a file, "" without one.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := textfile.Read(path, secretFileBytesMax)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if _, err := signature.ParseSecret(text); err != nil {
		return "", &Error{Exit: ExitUsage, Cause: fmt.Errorf("%s: %w", path, err)}
	}
	return text, nil
}

func newHooksAddCommand(a *App, h *hooksFlags) *cobra.Command {
	var e hooks.Endpoint
	var campaigns []uint
	var secretFile string
	c := &cobra.Command{
		Use: "add URL", Short: "Add an endpoint, and print its secret", Args: arguments("URL"),
		Long: "Add an endpoint, and print its secret, this once: the receiver verifies with it. A process\n" +
			"that runs begins at once.",
		Example: "  scrip hooks add https://shop.example/hooks --type redemption.accrued,redemption.voided\n" +
			"  scrip hooks add http://10.0.0.7:8080/hooks --allow-private --from 1",
		RunE: func(c *cobra.Command, args []string) error {
			e.URL = args[0]
			if err := a.completeFilter(&e.Filter, campaigns); err != nil {
				return err
			}
			secret, err := readSecret(secretFile)
			if err != nil {
				return err
			}
			return a.withHooks(c.Context(), h, func(cl *client.Client, r *hooks.Remote) error {
				return a.addHook(c.Context(), cl, r, e, secret, h.dry)
			})
		},
	}
	filterFlags(c, &e.Filter, &campaigns)
	c.Flags().StringVar(&e.From, "from", "", "first event or height; default: what happens from now on")
	c.Flags().BoolVar(&e.AllowPrivate, "allow-private", false,
		"let it have an address that is not public, and http without TLS")
	c.Flags().StringVar(&secretFile, "secret-file", "", "file with a secret, whsec_...; default: a new one")
	return h.dryFlag(c)
}

// hookAdded is what is told of a new endpoint; the fields are stable.
type hookAdded struct {
	hooks.Endpoint
	Secret string `json:"secret"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (a *App) addHook(ctx context.Context, c *client.Client, r *hooks.Remote, e hooks.Endpoint, secret string,
	dry bool) error {
	first, err := client.ParseEventID(e.From)
	if e.From == "" {
		first, err = nextEvent(ctx, c)
	}
	if err != nil {
		return usageError("--from: %v", err)
	}
	e.From = first.String()
	answer, err := r.Add(ctx, e, secret, dry)
	if err != nil {
		return err
	}
	added := hookAdded{*answer.Endpoint, answer.Secret, dry}
	if dry {
		added.ID, added.Secret = "", secret // those of the real one will be others
	}
	f := Fields{{"endpoint", orNone(added.ID)}, {"url", added.URL}, {"events", filterText(&added.Filter)},
		{"from", added.From}, {"secret", orNone(added.Secret)}}
	if dry {
		f = append(f, [2]string{"dry run", "nothing was added"})
	}
	return a.Show(added, f)
}

func orNone(text string) string {
	if text == "" {
		return "(a new one)"
	}
	return text
}

// filterText says which events an endpoint gets.
func filterText(f *hooks.Filter) string {
	text := "all"
	if len(f.Types) > 0 {
		text = strings.Join(f.Types, ", ")
	}
	if len(f.Campaigns) > 0 {
		text += fmt.Sprintf(" of campaigns %v", f.Campaigns)
	}
	if len(f.Tills) > 0 {
		text += " at " + strings.Join(f.Tills, ", ")
	}
	return text
}

func newHooksListCommand(a *App, h *hooksFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the endpoints", Args: arguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				list, err := r.Endpoints(c.Context())
				if err != nil {
					return err
				}
				rows := Rows{Head: []string{"ENDPOINT", "STATE", "EVENTS", "URL"},
					Empty: "no endpoints; add one with: scrip hooks add URL"}
				for i := range list {
					state := "active"
					if list[i].Disabled != "" {
						state = "disabled: " + list[i].Disabled
					}
					rows.Body = append(rows.Body, []string{list[i].ID, state, filterText(&list[i].Filter), list[i].URL})
				}
				return ShowAll(a, list, rows)
			})
		},
	}
}

func newHooksRemoveCommand(a *App, h *hooksFlags) *cobra.Command {
	return h.dryFlag(&cobra.Command{
		Use: "remove ENDPOINT", Short: "End an endpoint, with all that waits for it", Args: arguments("ENDPOINT"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				answer, err := r.Remove(c.Context(), args[0], h.dry)
				if err != nil {
					return err
				}
				return a.Show(hookAdded{Endpoint: *answer.Endpoint, DryRun: h.dry}, Fields{
					{doneOr(h.dry, "removed", "would remove"), answer.Endpoint.ID}, {"url", answer.Endpoint.URL}})
			})
		},
	})
}

func doneOr(dry bool, done, would string) string {
	if dry {
		return would
	}
	return done
}

func newHooksRotateCommand(a *App, h *hooksFlags) *cobra.Command {
	overlap, secretFile := 24*time.Hour, ""
	c := &cobra.Command{
		Use: "rotate ENDPOINT", Short: "Give an endpoint a new secret, and print it", Args: arguments("ENDPOINT"),
		Long: "Give an endpoint a new secret, and print it. For the overlap messages carry two\n" +
			"signatures, with the old secret and the new one, so that a receiver may change when it\n" +
			"likes. If the old one is known to others, set --overlap 0.",
		RunE: func(c *cobra.Command, args []string) error {
			secret, err := readSecret(secretFile)
			if err != nil {
				return err
			}
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				answer, err := r.Rotate(c.Context(), args[0], secret, overlap, h.dry)
				if err != nil {
					return err
				}
				if h.dry {
					answer.Secret = secret
				}
				return a.Show(struct {
					ID      string `json:"id"`
					Secret  string `json:"secret,omitempty"`
					Overlap string `json:"overlap"`
					DryRun  bool   `json:"dry_run,omitempty"`
				}{args[0], answer.Secret, overlap.String(), h.dry}, Fields{{"endpoint", args[0]},
					{doneOr(h.dry, "secret", "would be"), orNone(answer.Secret)}, {"the old one", "also, for " + overlap.String()}})
			})
		},
	}
	c.Flags().DurationVar(&overlap, "overlap", overlap, "for how long messages are signed with the old one, too")
	c.Flags().StringVar(&secretFile, "secret-file", "", "file with the new secret, whsec_...; default: a new one")
	return h.dryFlag(c)
}

func newHooksEnableCommand(a *App, h *hooksFlags, name, short string) *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: name + " ENDPOINT", Short: short, Args: arguments("ENDPOINT"),
		RunE: func(c *cobra.Command, args []string) error {
			if name == "disable" && reason == "" {
				reason = "disabled by its owner"
			}
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				if err := r.Enable(c.Context(), args[0], reason, h.dry); err != nil {
					return err
				}
				return a.Show(struct {
					ID       string `json:"id"`
					Disabled string `json:"disabled"`
					DryRun   bool   `json:"dry_run,omitempty"`
				}{args[0], reason, h.dry}, Fields{{doneOr(h.dry, name+"d", "would "+name), args[0]}})
			})
		},
	}
	if name == "disable" {
		c.Flags().StringVar(&reason, "reason", "", "why, for the list")
	}
	return h.dryFlag(c)
}

// showDeliveries lists deliveries.
func (a *App) showDeliveries(list []*hooks.Delivery, empty string) error {
	rows := Rows{Head: []string{"EVENT", "TYPE", "STATE", "ATTEMPTS", "LAST ANSWER"}, Empty: empty}
	for _, d := range list {
		last := ""
		if n := len(d.Attempts); n > 0 {
			x := &d.Attempts[n-1]
			last = fmt.Sprintf("%s in %d ms", answerText(x), x.Millis)
		}
		state := d.State
		if d.Next != nil {
			state += ", next " + when(uint64(d.Next.Ms))
		}
		rows.Body = append(rows.Body, []string{d.Event, d.Type, state, fmt.Sprint(d.Count), last})
	}
	return ShowAll(a, list, rows)
}

func answerText(x *hooks.Attempt) string {
	if x.Status == 0 {
		return x.Error
	}
	return strings.TrimSpace(fmt.Sprintf("%d %.60s", x.Status, x.Answer))
}

func newHooksDeliveriesCommand(a *App, h *hooksFlags) *cobra.Command {
	return &cobra.Command{
		Use: "deliveries ENDPOINT", Short: "List deliveries that wait, and the last that were made",
		Args: arguments("ENDPOINT"),
		Long: "List the deliveries of an endpoint that wait, and the last that the running process has\n" +
			"made, each with its attempts: -o json has every answer.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				list, err := r.Deliveries(c.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showDeliveries(list, "nothing waits")
			})
		},
	}
}

func newHooksDeadCommand(a *App, h *hooksFlags) *cobra.Command {
	endpoint := ""
	c := &cobra.Command{
		Use: "dead", Short: "List the deliveries that were given up after three days", Args: arguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				list, err := r.Dead(c.Context(), endpoint)
				if err != nil {
					return err
				}
				return a.showDeliveries(list, "nothing was given up")
			})
		},
	}
	c.Flags().StringVar(&endpoint, "endpoint", "", "only of this endpoint")
	return c
}

func newHooksResendCommand(a *App, h *hooksFlags) *cobra.Command {
	endpoint := ""
	c := &cobra.Command{
		Use: "resend EVENT", Short: "Deliver an event again, whatever became of it", Args: arguments("EVENT"),
		Long: "Deliver an event again, under the same id, whatever became of it before: a dead letter, one\n" +
			"that waits (now, then), or one that was taken long ago. It is read from the chain again.",
		Example: "  scrip hooks resend 120.3.0\n  scrip hooks resend 120.3.0 --endpoint ep_0123456789abcdef",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withHooks(c.Context(), h, func(_ *client.Client, r *hooks.Remote) error {
				to, err := r.Resend(c.Context(), args[0], endpoint, h.dry)
				if err != nil {
					return err
				}
				return a.Show(struct {
					Event  string   `json:"event"`
					To     []string `json:"sent_to"`
					DryRun bool     `json:"dry_run,omitempty"`
				}{args[0], append([]string{}, to...), h.dry}, Fields{{"event", args[0]},
					{doneOr(h.dry, "again to", "would go again to"), orNobody(to)}})
			})
		},
	}
	c.Flags().StringVar(&endpoint, "endpoint", "", "only to this endpoint; default: all that want the event")
	return h.dryFlag(c)
}

func orNobody(to []string) string {
	if len(to) == 0 {
		return "nobody: no endpoint wants it"
	}
	return strings.Join(to, ", ")
}
