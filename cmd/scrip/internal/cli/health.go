package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// healthTimeoutDefault is below what platforms wait for a check.
	healthTimeoutDefault = 3 * time.Second
	// healthBytesMax bounds what is read of an answer.
	healthBytesMax = 4 << 10
)

// healthAnswer is what a validator says of its health; the fields are stable.
type healthAnswer struct {
	Address string `json:"address"`
	Healthy bool   `json:"healthy"`
	Said    string `json:"said"`
}

func newHealthCommand(a *App) *cobra.Command {
	ready, timeout := false, healthTimeoutDefault
	c := &cobra.Command{
		Use: "health", Short: "Ask this home's validator whether it is well", Args: arguments(),
		Long: "Ask the validator that runs with these settings whether it can go on, or with --ready\n" +
			"whether it takes part, as /livez and /readyz say. For the checks of containers, which\n" +
			"have no other program.\n\n" +
			"Exit status: 0 it is, 1 it is not, 7 it does not answer.",
		Example: "  scrip health --home /var/lib/scrip --ready",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig(c)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			x, err := askHealth(ctx, localURL(cfg.ListenAPI), ready)
			if err != nil {
				return &Error{Exit: ExitUnreachable, Text: "the validator does not answer", Cause: err}
			}
			if err := a.Show(x, Fields{{x.Address, x.Said}}); err != nil || x.Healthy {
				return err
			}
			return &Error{Exit: ExitOther, Text: "it is not well"}
		},
	}
	addSettingFlags(c)
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it takes part, not only whether it can go on")
	c.Flags().DurationVar(&timeout, "timeout", healthTimeoutDefault, "how long to wait for an answer")
	return c
}

// localURL is where a process on the same machine reaches what listens on an address.
func localURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port)
}

func askHealth(ctx context.Context, base string, ready bool) (x healthAnswer, err error) {
	x.Address = base + "/livez"
	if ready {
		x.Address = base + "/readyz"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, x.Address+"?verbose", nil)
	if err != nil {
		return x, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return x, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, healthBytesMax))
	if err != nil {
		return x, err
	}
	x.Healthy = answer.StatusCode == http.StatusOK
	x.Said = strings.Join(strings.Fields(strings.ReplaceAll(string(body), "\n", "; ")), " ")
	x.Said = strings.TrimSuffix(strings.TrimSpace(x.Said), ";")
	return x, nil
}
