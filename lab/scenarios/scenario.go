package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mode says what a part is measured on.
type Mode string

// The modes.
const (
	// Sim is a deterministic simulation of the real engines with measured costs.
	Sim Mode = "sim"
	// Host is one process for each member on this machine.
	Host Mode = "host"
	// WAN is Host with delays between the members as the links say.
	WAN Mode = "wan"
	// Netns is one process for each member in a network namespace of its own, whose
	// packets a router of the laboratory holds back as the links say.
	Netns Mode = "netns"
)

// AllModes are the modes in the order in which texts list them.
var AllModes = []Mode{Sim, Host, WAN, Netns}

// Label is how figures name a mode.
func (m Mode) Label() string {
	switch m {
	case Sim:
		return "deterministic simulation"
	case Host:
		return "processes on one host"
	case WAN:
		return "processes on one host, network emulated"
	case Netns:
		return "processes in network namespaces, packets shaped by a router"
	}
	return string(m)
}

// Engine names a protocol with its settings.
type Engine struct {
	Name string
	// Original is PBFT as it was published; Window 1 makes it sequential.
	Original bool
	Window   int
	// Checkpoint is after how many blocks members take a checkpoint; 0 = the chain's
	// default. Macs replaces signatures of votes by a model of authenticators, in a
	// simulation.
	Checkpoint int
	Macs       bool
	// Slow leaves the fast path of dual-path PBFT no member that may be slow.
	Slow bool
	// Untuned engines space their blocks and fill them whatever the distance and the
	// line, and do not wait for bodies on their way, as all did before decision 26.
	Untuned bool
	// Lanes carry payload apart from proposals; otherwise it is inside them.
	Lanes bool
	// Whole proposals of dual-path PBFT carry certificates that others could make
	// themselves, and its COMMITs wait for nothing, as it was before decision 27.
	Whole bool
	// Comet is another system, with how it checks signatures.
	Comet string
	// Title is how figures call it. Like names the engine whose colour and stroke it
	// shares, since figures tell eight apart; no part has both.
	Title, Like string
}

// DefaultWindow is how many blocks may be in flight in all engines that pipeline.
const DefaultWindow = 32

// Engines are those that a part may name.
func Engines() []Engine {
	return []Engine{
		{Name: "dualpath-p1", Window: DefaultWindow, Title: "Scrip (p = 1)"},
		{Name: "P1", Original: true, Window: DefaultWindow, Title: "PBFT pipelined"},
		{Name: "dualpath-p0", Window: DefaultWindow, Slow: true, Title: "Scrip (p = 0)"},
		{Name: "P0", Original: true, Window: 1, Title: "PBFT sequential"},
		{Name: "cometbft-batch", Comet: "batch", Title: "CometBFT, batched checks"},
		{Name: "cometbft-admission", Comet: "admission", Title: "CometBFT, usual checks"},
		{Name: "P2", Original: true, Window: DefaultWindow, Macs: true, Title: "PBFT pipelined, MACs (modelled)"},
		{Name: "P1-c32", Original: true, Window: DefaultWindow, Checkpoint: 32, Title: "PBFT pipelined, checkpoint each 32"},
		{Name: "P1-untuned", Original: true, Window: DefaultWindow, Untuned: true, Title: "PBFT pipelined, untuned",
			Like: "P2"},
		{Name: "dualpath-p1-whole", Window: DefaultWindow, Whole: true, Title: "Scrip (p = 1), whole certificates",
			Like: "P1-c32"},
		{Name: "P1-lanes", Original: true, Window: DefaultWindow, Lanes: true, Title: "PBFT with lanes", Like: "P0"},
		{Name: "dualpath-p1-lanes", Window: DefaultWindow, Lanes: true, Title: "Scrip with lanes", Like: "dualpath-p0"},
	}
}

// EngineOf returns the engine of a name.
func EngineOf(name string) (Engine, bool) {
	all := Engines()
	i := slices.IndexFunc(all, func(e Engine) bool { return e.Name == name })
	if i < 0 {
		return Engine{}, false
	}
	return all[i], true
}

// Scenario is an experiment.
type Scenario struct {
	Name     string `toml:"name"`
	Title    string `toml:"title"`
	Question string `toml:"question"`
	// Expect is what was thought before measuring, Method how it is measured, and
	// Limits what it cannot show.
	Expect string `toml:"expect"`
	Method string `toml:"method"`
	Limits string `toml:"limits"`

	Seed    uint64 `toml:"seed"`
	Repeats int    `toml:"repeats"`

	Links      []Link      `toml:"link"`
	Parts      []Part      `toml:"part"`
	Thresholds []Threshold `toml:"threshold"`
}

// Link is a network of the scenario's own: the same link between any two members,
// or one-way delays as a matrix.
type Link struct {
	Name          string      `toml:"name"`
	OneWayMs      float64     `toml:"one_way_ms"`
	MatrixMs      [][]float64 `toml:"matrix_ms"`
	JitterMs      float64     `toml:"jitter_ms"`
	MbitPerSecond float64     `toml:"mbit_per_second"`
	LossPercent   float64     `toml:"loss_percent"`
}

// Part is what is measured in one mode: every combination of engine, members, load,
// links and case.
type Part struct {
	Name     string   `toml:"name"`
	Title    string   `toml:"title"`
	Mode     Mode     `toml:"mode"`
	Engines  []string `toml:"engines"`
	Members  []int    `toml:"members"`
	Load     []Load   `toml:"load"`
	Links    []string `toml:"links"`
	Workload string   `toml:"workload"`
	// WarmupS is cut off before DurationS, both in seconds.
	WarmupS   float64 `toml:"warmup_s"`
	DurationS float64 `toml:"duration_s"`
	// Repeats, if set, stands for the scenario's.
	Repeats int `toml:"repeats"`
	// Cores of each simulated member; SharedHost puts all on one machine.
	Cores      int  `toml:"cores"`
	SharedHost bool `toml:"shared_host"`
	// MempoolTxs is how many transactions may wait at each member, of processes; 0 =
	// the node's default.
	MempoolTxs int `toml:"mempool_txs"`
	// Stock, FlashAfterS and FlashForS are of the flash workload.
	Stock       int     `toml:"stock"`
	FlashAfterS float64 `toml:"flash_after_s"`
	FlashForS   float64 `toml:"flash_for_s"`
	// Tenure is after how many blocks a simulated primary hands over; 0 = default.
	Tenure int `toml:"tenure"`
	// TimeoutMs is the least progress timeout of simulated members; 0 = default.
	TimeoutMs int      `toml:"timeout_ms"`
	Cases     []Case   `toml:"case"`
	Figures   []string `toml:"figures"`
}

// Case is a variation of a part: faults, or mechanisms switched off.
type Case struct {
	Name string `toml:"name"`
	// Engines, if set, are those of the part that the case is for.
	Engines []string `toml:"engines"`
	Faults  []Fault  `toml:"fault"`
	// Without names mechanisms that are off, in a simulation.
	Without []string `toml:"without"`
	// WaitMs is the longest that a primary keeps a small batch while other
	// blocks are in flight, and InFlight how many may be, in a simulation; 0 = default.
	WaitMs   float64 `toml:"wait_ms"`
	InFlight int     `toml:"in_flight"`
}

// Fault is something that goes wrong, in seconds since the begin of the measurement.
type Fault struct {
	Kind    string  `toml:"kind"`
	AtS     float64 `toml:"at_s"`
	UntilS  float64 `toml:"until_s"`
	Member  int     `toml:"member"`
	DelayMs float64 `toml:"delay_ms"`
}

// Load is an offered load.
type Load struct {
	// PerSecond is transactions per second; 0 = as many as go: InFlight of them are
	// always on their way.
	PerSecond int
	InFlight  int
	// Percent of what the engine committed saturated just before, in the same round;
	// the others are 0.
	Percent int
}

// saturate begins the text of a closed load; a number after a colon says how many
// transactions are on their way.
const saturate = "saturate"

// percent ends the text of a load that is a share of the saturation.
const percent = "%"

// percentMax bounds such a share.
const percentMax = 500

// DefaultInFlight is how many transactions a closed load keeps on their way.
const DefaultInFlight = 2048

// String returns the load as files write it.
func (l Load) String() string {
	switch {
	case l.Percent > 0:
		return strconv.Itoa(l.Percent) + percent
	case l.PerSecond > 0:
		return strconv.Itoa(l.PerSecond)
	case l.InFlight == DefaultInFlight:
		return saturate
	}
	return saturate + ":" + strconv.Itoa(l.InFlight)
}

// ParseLoad reads what String has written.
func ParseLoad(s string) (Load, error) {
	name, count, given := strings.Cut(s, ":")
	if name == saturate {
		if !given {
			return Load{InFlight: DefaultInFlight}, nil
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > inFlightMax {
			return Load{}, fmt.Errorf("load %q: wanted 1 to %d on their way", s, inFlightMax)
		}
		return Load{InFlight: n}, nil
	}
	if share, ok := strings.CutSuffix(s, percent); ok {
		n, err := strconv.Atoi(share)
		if err != nil || n < 1 || n > percentMax {
			return Load{}, fmt.Errorf("load %q: wanted 1%% to %d%% of the saturation", s, percentMax)
		}
		return Load{Percent: n}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > loadMax {
		return Load{}, fmt.Errorf("load %q: wanted transactions per second up to %d, %q, or a share of it such as 50%%",
			s, loadMax, saturate)
	}
	return Load{PerSecond: n}, nil
}

// UnmarshalTOML implements toml.Unmarshaler.
func (l *Load) UnmarshalTOML(v any) (err error) {
	*l, err = ParseLoad(fmt.Sprint(v))
	return err
}

// Threshold is something that must hold: a ratio of two measurements, or a count.
type Threshold struct {
	Says    string   `toml:"says"`
	Of      Place    `toml:"of"`
	Over    *Place   `toml:"over"`
	AtLeast *float64 `toml:"at_least"`
	AtMost  *float64 `toml:"at_most"`
	// Equals is for counts that do not depend on the machine's speed.
	Equals *float64 `toml:"equals"`
	// Each names axes over which it must hold everywhere: links, load, members. A
	// scenario that was read has one threshold for each place instead.
	Each []string `toml:"each"`

	at int // its number in the file
}

// Place names a metric of one cell. What a part does not vary may be left out.
type Place struct {
	Part    string `toml:"part"`
	Metric  string `toml:"metric"`
	Engine  string `toml:"engine"`
	Members int    `toml:"members"`
	Load    *Load  `toml:"load"`
	Links   string `toml:"links"`
	Case    string `toml:"case"`
}

// Style is the engine's number among those that figures tell apart.
func (e Engine) Style() int {
	own := cmp.Or(e.Like, e.Name)
	return slices.IndexFunc(Engines(), func(o Engine) bool { return o.Name == own })
}

// Cell is one combination of a part.
type Cell struct {
	Engine  string `json:"engine"`
	Members int    `json:"members"`
	Load    string `json:"load"`
	Links   string `json:"links"`
	Case    string `json:"case"`
}

// Slug is the cell's name in file names.
func (c Cell) Slug() string {
	s := fmt.Sprintf("%s-n%d-%s-%s-%s", c.Engine, c.Members, c.Load, c.Links, c.Case)
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.':
			return r
		case r == ' ' || r == ':' || r == '_':
			return '_'
		case r == '%':
			return 'p'
		}
		return -1
	}, s)
}

// Cells returns the combinations of a part. Engines change fastest, so that those
// of one comparison run one after the other and share the machine's moods.
func (p *Part) Cells() (all []Cell) {
	for _, n := range p.Members {
		for _, links := range p.Links {
			for _, load := range p.Load {
				for _, k := range p.Cases {
					for _, e := range p.Engines {
						if len(k.Engines) == 0 || slices.Contains(k.Engines, e) {
							all = append(all, Cell{e, n, load.String(), links, k.Name})
						}
					}
				}
			}
		}
	}
	return all
}

// CaseOf returns the case of a name.
func (p *Part) CaseOf(name string) *Case {
	for i := range p.Cases {
		if p.Cases[i].Name == name {
			return &p.Cases[i]
		}
	}
	return nil
}

// RepeatsOf returns how often a part is repeated.
func (s *Scenario) RepeatsOf(p *Part) int {
	if p.Repeats > 0 {
		return p.Repeats
	}
	return s.Repeats
}

// Modes returns the modes of the parts, each once.
func (s *Scenario) Modes() (all []Mode) {
	for i := range s.Parts {
		if m := s.Parts[i].Mode; !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}
