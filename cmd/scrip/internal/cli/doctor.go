package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/survey"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
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
	state := false
	c := &cobra.Command{
		Use: "doctor", Short: "Look for what keeps a validator from starting or taking part", Args: arguments(),
		Long: "Look at the settings, home, key, genesis file, consensus log, disk, ports, descriptors,\n" +
			"clock and peers of a validator, and say for each what to do. It changes nothing, and may\n" +
			"be run beside the validator; the ledger is compared with its seal if that does not run.\n" +
			"Its clock, and whether others reach it from outside, are asked of the nodes of\n" +
			"client.nodes and web.nodes.\n\n" +
			"With --state it checks the ledger of a validator that does not run instead, and nothing\n" +
			"else: it executes all blocks again from the genesis file on, verifies signatures and\n" +
			"certificates, and compares every receipt, root, row, index and event with what the\n" +
			"blocks give. It needs room for a second ledger where temporary files are, and no key.\n\n" +
			"Exit status: 0 nothing is wrong, though there may be warnings; 1 something is. With\n" +
			"--state: 0 the ledger is what its blocks give; 9 it is not; 5 the validator runs.",
		Example: "  scrip doctor --home ./bakery\n  scrip doctor --home ./bakery --state",
		RunE: func(c *cobra.Command, _ []string) error {
			if state {
				return a.checkState(c)
			}
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
	c.Flags().BoolVar(&state, "state", false, "execute the ledger again and compare it with what its blocks give")
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
	all := []finding{{Check: "settings", State: findingGood, Text: "read"}, checkHome(cfg)}
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
			len(g.File.Committee.Validators))}, checkLog(cfg, g), checkDisk(cfg))
	others := maps.Clone(cfg.WebNodes)
	delete(others, int(id))
	asked, cancel := context.WithTimeout(c.Context(), doctorPatience)
	defer cancel()
	nodes := survey.Ask(asked, slices.Concat([]string{"http://" + cfg.ListenAPI}, cfg.Nodes,
		slices.Sorted(maps.Values(others))))
	own, elsewhere := nodes[0], nodes[1:]
	runs := own.Status != nil && own.Status.Digest == g.Digest && own.Status.Replica == uint16(id)
	if runs {
		all = append(all, checkRunning(cfg, own.Status), checkOpen(own.Metrics))
		if cfg.Follow == "" {
			all = append(all, checkReached(c.Context(), cfg, g, int(id), elsewhere)...)
		}
	} else {
		// Only a validator that does not run leaves its files alone.
		all = append(append(all, checkPorts(cfg)...), checkLedger(cfg), checkDescriptors(cfg, g))
		own.Status, nodes = nil, elsewhere
	}
	all = append(all, checkKeys(g, int(id), nodes)...)
	all = append(all, checkNodes(g, elsewhere)...)
	if cfg.Follow != "" {
		return append(all, checkSources(cfg, g, int(id), elsewhere))
	}
	return append(all, checkHeard(checkPeers(c.Context(), cfg, g, int(id)), own.Status, g))
}

// checkHeard adds to the finding about peers what the validator that runs hears of them.
func checkHeard(f finding, own *client.StatusAnswer, g *genesis.Genesis) finding {
	others := len(g.File.Committee.Validators) - 1
	if own == nil || own.PeersUp >= others {
		return f
	}
	f.Text += fmt.Sprintf("; this validator, which runs, hears %d", own.PeersUp)
	if f.State == findingGood {
		f.State = findingWarning
		f.Remedy = "Look at its log, and at what the others say: do they know its key and its address?"
	}
	return f
}

func checkHome(cfg *validator.Config) finding {
	home := cfg.Home
	info, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{"home", findingBad, "there is no folder " + home, "Make a home.", "scrip init --home " + home}
	}
	if err != nil {
		return bad("home", err)
	}
	if keys.Exposed(info, cfg.Access()...) {
		return finding{"home", findingBad, fmt.Sprintf("%s has mode %04o: others can get at it", home, info.Mode().Perm()),
			"A home is for its owner alone.", fmt.Sprintf("chmod 0700 %q", home)}
	}
	return finding{Check: "home", State: findingGood, Text: home}
}

// checkLog looks whether the key has the log of its promises.
func checkLog(cfg *validator.Config, g *genesis.Genesis) finding {
	const check = "consensus log"
	if cfg.Follow != "" {
		return followsFinding(cfg)
	}
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

// checkDisk looks whether the disk of the data has room.
func checkDisk(cfg *validator.Config) finding {
	free, dir, err := cfg.FreeBytes()
	if err != nil {
		return bad("disk", err)
	}
	return diskFinding(free, dir)
}

func diskFinding(free uint64, dir string) finding {
	f := finding{Check: "disk", State: findingGood,
		Text: fmt.Sprintf("%.1f GiB are free for %s", float64(free)/(1<<30), dir)}
	if free < validator.DiskFew {
		f.State, f.Remedy = findingWarning, "Make room, or move the data to a larger disk: the ledger grows. Never make "+
			"room in the data folder."
	}
	if free < validator.DiskBad {
		f.State = findingBad
	}
	return f
}

// checkLedger compares the ledger with its seal.
func checkLedger(cfg *validator.Config) finding {
	const check = "ledger"
	sealed, err := cfg.CheckLedger()
	switch {
	case errors.Is(err, store.ErrMoved):
		return finding{check, findingWarning, "it changes while it is looked at: a validator has it open",
			"Look again with the validator's own settings, or after it has stopped.", ""}
	case err != nil:
		return bad(check, err)
	case !sealed:
		return finding{Check: check, State: findingGood, Text: "nothing to compare yet: it is made, or sealed, at the start"}
	}
	return finding{Check: check, State: findingGood, Text: "is what its seal says"}
}

// checkDescriptors looks whether a validator that is started like this may open enough.
func checkDescriptors(cfg *validator.Config, g *genesis.Genesis) finding {
	const check = "descriptors"
	connections := cfg.Connections(len(g.File.Committee.Validators))
	if few := connections.Few(); few != "" {
		return finding{check, findingWarning, few, "Raise the limit where the validator is started (LimitNOFILE in a unit " +
			"file, ulimit -n in a shell): a service has its own, which may differ from this one.", ""}
	}
	return finding{Check: check, State: findingGood,
		Text: fmt.Sprintf("%d connections to the API are possible here", connections.Max)}
}

// checkKeys looks whether nodes believe that two processes use one member's key.
func checkKeys(g *genesis.Genesis, self int, nodes []survey.Node) (all []finding) {
	const check = "one key, one process"
	said := make(map[int]bool)
	for _, n := range nodes {
		if n.Status == nil || n.Status.Digest != g.Digest {
			continue
		}
		for _, member := range contestedKeys(n.Metrics) {
			if said[member] {
				continue
			}
			said[member] = true
			f := finding{check, findingWarning, fmt.Sprintf("two processes seem to use the key of validator %d, by what %s sees",
				member, n.URL), "Tell its operator to stop one of them at once.", ""}
			if member == self {
				f.State = findingBad
				f.Remedy = "Stop one of the two at once, and find out who has the key: what two processes sign with one key " +
					"may break its promises."
			}
			all = append(all, f)
		}
	}
	return all
}

// contestedKeys returns the members whose links change hands again and again, as a node
// tells in its metrics; none if it tells nothing.
func contestedKeys(m survey.Metrics) (members []int) {
	m.Each("scrip_p2p_key_contested", nil, func(v float64, l survey.Labels) {
		if member, err := strconv.Atoi(l["member"]); err == nil && v == 1 {
			members = append(members, member)
		}
	})
	slices.Sort(members)
	return members
}

// checkRunning looks at the validator itself, which holds its ports.
func checkRunning(cfg *validator.Config, s *client.StatusAnswer) finding {
	f := finding{Check: "ports", State: findingGood, Text: fmt.Sprintf("this validator runs, API on %s, at height %d: %s",
		cfg.ListenAPI, s.Height, s.Condition)}
	if !s.Ready {
		f.State, f.Text = findingWarning, strings.TrimSuffix(f.Text+": "+s.Reason, ": ")
		f.Remedy = notReady(s.Condition)
	}
	return f
}

// notReady says what to do about a validator that runs and is not ready.
func notReady(condition string) string {
	switch condition {
	case pbft.Amnesic.String():
		return "It follows and signs nothing over this log, also after a restart. If the very log is on another disk, " +
			"stop it and put that in place of this one, never a copy of any age; else leave it as it is."
	case pbft.Recalling.String():
		return "It votes when enough other validators have told it what it has signed: see below which it reaches."
	}
	return "It runs and is not ready: look at what follows, and at its log."
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

// checkNodes looks at the chain and the clocks of other members' nodes.
func checkNodes(g *genesis.Genesis, nodes []survey.Node) (all []finding) {
	var apart []time.Duration
	for _, n := range nodes {
		switch {
		case n.Err != nil:
			all = append(all, finding{"node", findingWarning, n.Err.Error(), "Is the address right, and does it run?", ""})
		case n.Status.Digest != g.Digest:
			all = append(all, finding{"node", findingBad, fmt.Sprintf("%s is a node of another chain, %s", n.URL,
				n.Status.Chain), "Name nodes of this chain in client.nodes and web.nodes.", ""})
		default:
			all = append(all, finding{Check: "node", State: findingGood,
				Text: fmt.Sprintf("%s stands at height %d, %s", n.URL, n.Status.Height, n.Status.Condition)})
			if n.Timed {
				apart = append(apart, n.Ahead)
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
	silent, wrong := probePeers(ctx, cfg.Peers, g, self)
	others := committee.Size() - 1
	known := len(cfg.Peers)
	if _, named := cfg.Peers[self]; named {
		known--
	}
	missing := len(silent) + len(wrong)
	text := fmt.Sprintf("%d of %d other validators answer with their keys", known-missing, others)
	if known < others {
		text += fmt.Sprintf(", and %d without an address here must call", others-known)
	}
	if missing == 0 {
		return finding{Check: check, State: findingGood, Text: text}
	}
	f := finding{check, findingWarning, text,
		"Are these addresses right, do they run, and does a firewall let this machine in?", ""}
	if len(silent) > 0 {
		f.Text += "; not " + strings.Join(silent, ", ")
	}
	if len(wrong) > 0 {
		f.Text += "; somebody else is at " + strings.Join(wrong, ", ")
	}
	if others-missing < committee.Quorum()-1 {
		f.State, f.Text = findingBad, f.Text+fmt.Sprintf(": nothing commits without %d", committee.Quorum()-1)
	}
	return f
}

// probePeers returns the peers, as "number (address)", that take no connection, and
// those at whose address something else answers.
func probePeers(ctx context.Context, peers map[int]string, g *genesis.Genesis, self int) (silent, wrong []string) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	numbers := slices.Sorted(maps.Keys(peers))
	found := make([]error, len(numbers))
	var tried sync.WaitGroup
	for k, i := range numbers {
		if i == self || i < 0 || i >= len(g.File.Committee.Validators) {
			continue
		}
		tried.Go(func() {
			key, err := transport.Probe(ctx, peers[i], g.Digest)
			if err == nil && key != g.File.Committee.Validators[i].Key {
				err = transport.ErrNoMember
			}
			found[k] = err
		})
	}
	tried.Wait()
	for k, i := range numbers {
		name := fmt.Sprintf("%d (%s)", i, peers[i])
		if errors.Is(found[k], transport.ErrNoMember) {
			wrong = append(wrong, name)
		} else if found[k] != nil {
			silent = append(silent, name)
		}
	}
	return silent, wrong
}
