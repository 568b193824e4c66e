package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/validator"
)

// doctorPatience is how long an answer of another machine is waited for.
const doctorPatience = 3 * time.Second

// How a check ended.
const (
	findingGood    = "good"
	findingWarning = "warning" // works, or works for now
	findingBad     = "bad"     // the validator does not start, or does not take part
)

// finding is what one check found; the fields are stable.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	Next   string `json:"next,omitempty"`
}

// doctorAnswer is all that was found; the fields are stable.
type doctorAnswer struct {
	Home     string    `json:"home"`
	Bad      int       `json:"bad"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
}

func newDoctorCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use: "doctor", Short: "Look for what keeps a validator from starting or taking part", Args: arguments(),
		Long: "Look at the settings, home, key, genesis file, consensus log, ports, clock and peers of\n" +
			"a validator, and say for each what to do. It changes nothing, and may be run beside the\n" +
			"validator. The clock is compared with the nodes of client.nodes and web.nodes.\n\n" +
			"Exit status: 0 nothing is wrong, though there may be warnings; 1 something is.",
		Example: "  scrip doctor --home ./bakery",
		RunE: func(c *cobra.Command, _ []string) error {
			x := doctorAnswer{Home: a.Home, Findings: a.examine(c)}
			for _, f := range x.Findings {
				switch f.State {
				case findingBad:
					x.Bad++
				case findingWarning:
					x.Warnings++
				}
			}
			if err := a.Show(x, a.findingFields(x.Findings)); err != nil || x.Bad == 0 {
				return err
			}
			return &Error{Exit: ExitOther, Text: plural(x.Bad, "bad finding")}
		},
	}
	addSettingFlags(c)
	return c
}

func (a *App) findingFields(all []finding) (f Fields) {
	for _, x := range all {
		state := map[string]string{findingGood: a.green("good"), findingWarning: a.bold("WARNING"),
			findingBad: a.red("BAD")}[x.State]
		f = append(f, [2]string{x.Check, state + ": " + x.Text})
		for _, more := range []string{x.Remedy, strings.TrimSuffix("next: "+x.Next, "next: ")} {
			if more != "" {
				f = append(f, [2]string{"", "  " + more})
			}
		}
	}
	return f
}

// bad is the finding about an error.
func bad(check string, err error) finding {
	e := explain(err)
	return finding{check, findingBad, e.Error(), e.Remedy, e.Next}
}

// examine makes all checks that what was found before allows.
func (a *App) examine(c *cobra.Command) []finding {
	cfg, err := a.loadConfig(c)
	if err != nil {
		return []finding{bad("settings", err)}
	}
	all := []finding{{Check: "settings", State: findingGood, Text: "read"}, checkHome(a.Home)}
	key, err := cfg.LoadKey()
	if err != nil {
		return append(all, bad("key", err))
	}
	all = append(all, finding{Check: "key", State: findingGood, Text: key.Address()})
	g, id, err := cfg.LoadGenesis(key.Public())
	if err != nil {
		return append(all, bad("genesis", err))
	}
	all = append(all, finding{Check: "genesis", State: findingGood,
		Text: fmt.Sprintf("%s, digest %x, validator %d of %d", g.File.Name, g.Digest, id,
			len(g.File.Committee.Validators))}, checkLog(cfg, g))
	others := maps.Clone(cfg.WebNodes)
	delete(others, int(id))
	nodes := readNodes(c.Context(), slices.Concat([]string{"http://" + cfg.ListenAPI}, cfg.Nodes,
		slices.Sorted(maps.Values(others))))
	if own := nodes[0].status; own != nil && own.Digest == g.Digest && own.Replica == uint16(id) {
		all = append(all, checkRunning(cfg, own))
	} else {
		all = append(all, checkPorts(cfg)...)
	}
	all = append(all, checkNodes(g, nodes[1:])...)
	return append(all, checkPeers(c.Context(), cfg, g, int(id)))
}

func checkHome(home string) finding {
	info, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{"home", findingBad, "there is no folder " + home, "Make a home.", "scrip init --home " + home}
	}
	if err != nil {
		return bad("home", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return finding{"home", findingBad, fmt.Sprintf("%s has mode %04o: others can get at it", home, mode),
			"A home is for its owner alone.", fmt.Sprintf("chmod 0700 %q", home)}
	}
	return finding{Check: "home", State: findingGood, Text: home}
}

// checkLog looks whether the key has the log of its promises.
func checkLog(cfg *validator.Config, g *genesis.Genesis) finding {
	const check = "consensus log"
	joined, err := cfg.HasJoined(g.Digest)
	if err != nil {
		return bad(check, err)
	}
	if !joined {
		return finding{check, findingBad, "this home has not joined the chain of its genesis file", "Join it once.",
			fmt.Sprintf("scrip init --home %s --genesis %s", cfg.Home, cfg.Path(cfg.Genesis))}
	}
	there, err := cfg.LogIsThere()
	if err != nil {
		return bad(check, err)
	}
	if !there {
		return finding{check, findingBad, "the log is gone: the validator follows the chain and signs nothing",
			"If the very file is elsewhere (a disk that is not mounted, a wrong data setting), put it back. Never put " +
				"back an older copy.", ""}
	}
	return finding{Check: check, State: findingGood, Text: "there"}
}

// checkRunning looks at the validator itself, which holds its ports.
func checkRunning(cfg *validator.Config, s *client.StatusAnswer) finding {
	f := finding{Check: "ports", State: findingGood, Text: fmt.Sprintf("this validator runs, API on %s, at height %d: %s",
		cfg.ListenAPI, s.Height, s.Condition)}
	if !s.Ready {
		f.State, f.Text = findingWarning, strings.TrimSuffix(f.Text+": "+s.Reason, ": ")
		f.Remedy = "It runs and is not ready: look at what follows, and at its log."
	}
	return f
}

// checkPorts looks whether the validator could listen.
func checkPorts(cfg *validator.Config) (all []finding) {
	for _, p := range [][2]string{{cfg.ListenPeers, "listen-peers"}, {cfg.ListenAPI, "listen-api"},
		{cfg.ListenDebug, "listen-debug"}} {
		if p[0] == "" {
			continue
		}
		if err := validator.CheckListen(p[0], p[1]); err != nil {
			all = append(all, bad("ports", err))
		}
	}
	if all == nil {
		all = []finding{{Check: "ports", State: findingGood, Text: cfg.ListenPeers + " and " + cfg.ListenAPI + " are free"}}
	}
	return all
}

// seenNode is what a node said of itself, and what its clock showed.
type seenNode struct {
	url    string
	status *client.StatusAnswer
	err    error
	// ahead is by how much its clock is ahead of this machine's, to about a second.
	ahead time.Duration
	timed bool
}

// readNodes asks nodes for their status and time, all at once.
func readNodes(ctx context.Context, urls []string) []seenNode {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	all := make([]seenNode, len(urls))
	var asked sync.WaitGroup
	for i, u := range urls {
		asked.Go(func() { all[i] = readNode(ctx, u) })
	}
	asked.Wait()
	return all
}

func readNode(ctx context.Context, url string) seenNode {
	n := seenNode{url: url}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/v1/status", nil)
	if err != nil {
		n.err = err
		return n
	}
	began := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		n.err = err
		return n
	}
	defer func() { _ = answer.Body.Close() }()
	// The header has whole seconds: the node's clock was half a second further on
	// average, when the answer was half way.
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		n.ahead, n.timed = date.Add(500*time.Millisecond).Sub(began.Add(time.Since(began)/2)), true
	}
	status := new(client.StatusAnswer)
	if err := json.NewDecoder(io.LimitReader(answer.Body, statusBytesMax)).Decode(status); err != nil ||
		answer.StatusCode != http.StatusOK {
		n.err = fmt.Errorf("%s answers with status %s, and not as a node", url, answer.Status)
		return n
	}
	n.status = status
	return n
}

// statusBytesMax bounds what is read of a node's status.
const statusBytesMax = 64 << 10

// checkNodes looks at the chain and the clocks of other members' nodes.
func checkNodes(g *genesis.Genesis, nodes []seenNode) (all []finding) {
	var apart []time.Duration
	for _, n := range nodes {
		switch {
		case n.err != nil:
			all = append(all, finding{"node", findingWarning, n.err.Error(), "Is the address right, and does it run?", ""})
		case n.status.Digest != g.Digest:
			all = append(all, finding{"node", findingBad, fmt.Sprintf("%s is a node of another chain, %s", n.url,
				n.status.Chain), "Name nodes of this chain in client.nodes and web.nodes.", ""})
		default:
			all = append(all, finding{Check: "node", State: findingGood,
				Text: fmt.Sprintf("%s stands at height %d, %s", n.url, n.status.Height, n.status.Condition)})
			if n.timed {
				apart = append(apart, n.ahead)
			}
		}
	}
	return append(all, checkClock(g, apart))
}

// clockSlack is how exactly clocks are compared: the answers have whole seconds.
const clockSlack = time.Second

// checkClock compares this machine's clock with those of nodes: their median, since
// one of them may be wrong itself.
func checkClock(g *genesis.Genesis, apart []time.Duration) finding {
	const check = "clock"
	if len(apart) == 0 {
		return finding{check, findingWarning, "could not be compared: no node of the chain answered",
			"Name other members' nodes in client.nodes, and keep the clock by NTP.", ""}
	}
	slices.Sort(apart)
	ahead := apart[len(apart)/2]
	off, word := ahead.Abs().Round(time.Second), "behind"
	if ahead < 0 {
		word = "ahead of"
	}
	p := g.File.Committee
	text := fmt.Sprintf("about %s %s that of %s", off, word, plural(len(apart), "node"))
	remedy := "Set the clock, and keep it by NTP. Nothing needs a restart."
	switch limit := time.Duration(p.PrecisionMs+p.DelayMs) * time.Millisecond; {
	case off > limit:
		return finding{check, findingBad, text + ": the validator would not vote in time", remedy, ""}
	case off > time.Duration(p.PrecisionMs)*time.Millisecond+clockSlack:
		return finding{check, findingWarning, text, remedy, ""}
	}
	return finding{Check: check, State: findingGood, Text: "agrees with " + plural(len(apart), "node")}
}

// checkPeers looks whether the other validators can be connected to. How many must
// be is what a quorum with this one needs.
func checkPeers(ctx context.Context, cfg *validator.Config, g *genesis.Genesis, self int) finding {
	const check = "peers"
	if _, err := cfg.Check(); err != nil {
		return bad(check, err)
	}
	committee, err := g.Committee()
	if err != nil {
		return bad(check, err)
	}
	silent := unreachable(ctx, cfg.Peers, self)
	others := committee.Size() - 1
	known := len(cfg.Peers)
	if _, named := cfg.Peers[self]; named {
		known--
	}
	text := fmt.Sprintf("%d of %d other validators can be reached", known-len(silent), others)
	if known < others {
		text += fmt.Sprintf(", and %d without an address here must call", others-known)
	}
	if len(silent) == 0 {
		return finding{Check: check, State: findingGood, Text: text}
	}
	f := finding{check, findingWarning, text + "; not " + strings.Join(silent, ", "),
		"Are these addresses right, do they run, and does a firewall let this machine in?", ""}
	if others-len(silent) < committee.Quorum()-1 {
		f.State, f.Text = findingBad, f.Text+fmt.Sprintf(": nothing commits without %d", committee.Quorum()-1)
	}
	return f
}

// unreachable returns the peers, as "number (address)", that take no connection.
func unreachable(ctx context.Context, peers map[int]string, self int) []string {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	var mu sync.Mutex
	var tried sync.WaitGroup
	var silent []int
	for i, addr := range peers {
		if i == self {
			continue
		}
		tried.Go(func() {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err = errors.Join(err, closeConn(c)); err != nil {
				mu.Lock()
				defer mu.Unlock()
				silent = append(silent, i)
			}
		})
	}
	tried.Wait()
	slices.SortFunc(silent, cmp.Compare[int])
	names := make([]string, len(silent))
	for k, i := range silent {
		names[k] = fmt.Sprintf("%d (%s)", i, peers[i])
	}
	return names
}

func closeConn(c net.Conn) error {
	if c == nil {
		return nil
	}
	return c.Close()
}
