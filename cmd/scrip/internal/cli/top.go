package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/internal/survey"
	"github.com/scrip-network/scrip/validator"
)

// Bounds of the time between two looks of top.
const (
	topPauseDefault = time.Second
	topPauseMin     = 200 * time.Millisecond
	topPauseMax     = time.Hour
)

func newTopCommand(a *App) *cobra.Command {
	once, pause := false, topPauseDefault
	c := &cobra.Command{
		Use: "top", Short: "Watch the nodes of a network", Args: arguments(),
		Long: "Show what every node says of itself, anew each interval: whether it votes, height and\n" +
			"view, links and round trips, how much it does and how long its clients wait. A node that\n" +
			"does not answer says why. q ends it.\n\n" +
			"Nodes are those of --node or SCRIP_NODE, of client.nodes and web.nodes and the home's\n" +
			"own validator, or of a running demo. Off a terminal, and with -o json, each look is\n" +
			"written below the last one; with --once there is one, over one interval.",
		Example: "  scrip top\n  scrip top --node http://127.0.0.1:7600,https://node.bakery.example\n" +
			"  scrip top --once -o json | jq '.nodes[] | select(.error)'",
		RunE: func(c *cobra.Command, _ []string) error {
			if pause < topPauseMin || pause > topPauseMax {
				return usageError("--interval is from %v to %v", topPauseMin, topPauseMax)
			}
			nodes, err := a.topNodes()
			if err != nil {
				return err
			}
			look := func(ctx context.Context) []survey.Node {
				ctx, cancel := context.WithTimeout(ctx, max(pause, doctorPatience))
				defer cancel()
				return survey.Ask(ctx, nodes)
			}
			if a.ForPeople() && a.OutTerminal && !once {
				return a.topScreen(c.Context(), look, pause)
			}
			return a.topLines(c.Context(), look, pause, once)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "look for one interval, and end")
	c.Flags().DurationVar(&pause, "interval", topPauseDefault, "time between two looks")
	return c
}

// topNodes returns the addresses that top asks: all that are known.
func (a *App) topNodes() ([]string, error) {
	if len(a.Nodes) > 0 {
		return a.Nodes, nil
	}
	cfg, err := validator.LoadConfig(a.Home, os.LookupEnv, nil)
	if err != nil {
		return nil, err
	}
	nodes := slices.Concat(cfg.Nodes, slices.Sorted(maps.Values(cfg.WebNodes)))
	if exists(cfg.Path(cfg.Key)) {
		nodes = append(nodes, "http://"+cfg.ListenAPI)
	}
	slices.Sort(nodes)
	if nodes = slices.Compact(nodes); len(nodes) > 0 {
		return nodes, nil
	}
	return a.nodeAddresses()
}

// topLines writes one look below the other.
func (a *App) topLines(ctx context.Context, look func(context.Context) []survey.Node, pause time.Duration,
	once bool) error {
	last := look(ctx)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		nodes := look(ctx)
		seen := newTopAnswer(nodes, last, time.Now())
		if !a.ForPeople() {
			if err := a.document(seen, once && a.Output == JSON); err != nil {
				return err
			}
		} else if err := a.write(a.topPicture(&seen, topWidthMax, len(seen.Nodes)+topLinesAround)); err != nil {
			return err
		}
		if once {
			return nil
		}
		last = nodes
	}
}

// topScreen fills the terminal until the user or ctx ends it.
func (a *App) topScreen(ctx context.Context, look func(context.Context) []survey.Node, pause time.Duration) error {
	m := &topModel{a: a, look: func() []survey.Node { return look(ctx) }, pause: pause, width: topWidthMax, height: 24}
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(a.In), tea.WithOutput(a.Out)).Run()
	if ctx.Err() != nil {
		return nil // an interrupt is how one leaves it
	}
	return err
}

// topModel is the screen of top between two messages.
type topModel struct {
	a             *App
	look          func() []survey.Node
	pause         time.Duration
	width, height int
	last          []survey.Node
	seen          *topAnswer
}

// topLooked is the message that a look is over.
type topLooked struct {
	nodes []survey.Node
	at    time.Time
}

// Init implements tea.Model.
func (m *topModel) Init() tea.Cmd { return m.again(0) }

// again looks after a pause.
func (m *topModel) again(pause time.Duration) tea.Cmd {
	return tea.Tick(pause, func(time.Time) tea.Msg { return topLooked{m.look(), time.Now()} })
}

// Update implements tea.Model.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch x := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = x.Width, x.Height
	case tea.KeyPressMsg:
		if k := x.String(); k == "q" || k == "esc" || k == "ctrl+c" {
			return m, tea.Quit
		}
	case topLooked:
		seen := newTopAnswer(x.nodes, m.last, x.at)
		m.seen, m.last = &seen, x.nodes
		return m, m.again(m.pause)
	}
	return m, nil
}

// View implements tea.Model.
func (m *topModel) View() tea.View {
	text := "looking…"
	if m.seen != nil {
		text = m.a.topPicture(m.seen, m.width, m.height-1) + m.a.dim(cut("q ends it", m.width))
	}
	v := tea.NewView(text)
	v.AltScreen = true
	return v
}
