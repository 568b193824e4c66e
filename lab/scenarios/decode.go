package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/scrip-network/scrip/internal/spelling"
)

// FileBytesMax bounds a scenario file.
const FileBytesMax = 1 << 20

// Bounds of a scenario.
const (
	membersMin  = 4
	membersMax  = 100
	repeatsMax  = 100
	loadMax     = 1_000_000
	inFlightMax = 1_000_000
	secondsMax  = 600
	cellsMax    = 2000
	delayMsMax  = 60_000
)

// defaultCase is the name of the only case of a part without cases.
const defaultCase = "normal"

// NoLinks names a network without emulation.
const NoLinks = "local"

// Decode reads a scenario. name is that of the file, for errors, which say
// "name:line: what is wrong".
func Decode(name string, data []byte) (*Scenario, error) {
	if len(data) > FileBytesMax {
		return nil, fmt.Errorf("%s: larger than 1 MiB", name)
	}
	var s Scenario
	md, err := toml.Decode(string(data), &s)
	if err != nil {
		var p toml.ParseError
		if errors.As(err, &p) {
			return nil, fmt.Errorf("%s:%d: %s", name, p.Position.Line, p.Message)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &checker{name: name, lines: index(string(data)), s: &s}
	for _, key := range md.Undecoded() {
		c.unknown(key)
	}
	c.fill()
	c.check()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return &s, nil
}

// line is where a key or the head of a table stands.
type line struct {
	path  string // with the numbers of tables: part[1].case[0].name
	plain string // without them
	at    int
}

// index finds the lines of keys and tables. It knows the plain form of TOML that
// scenarios are written in: a key at the begin of its line.
func index(data string) (all []line) {
	count := make(map[string]int) // tables of an array, by their path
	current, plain := "", ""
	inText := false
	for i, raw := range strings.Split(data, "\n") {
		text := strings.TrimSpace(raw)
		wasInText := inText
		if strings.Count(text, `"""`)%2 == 1 {
			inText = !inText
		}
		if wasInText || text == "" || text[0] == '#' {
			continue
		}
		if text[0] == '[' && strings.Contains(text, "]") && !strings.Contains(text, "=") {
			plain = strings.TrimSpace(strings.Trim(strings.SplitN(text, "#", 2)[0], "[] "))
			current = numbered(plain, strings.HasPrefix(text, "[["), count)
			all = append(all, line{current, plain, i + 1})
			continue
		}
		key, _, found := strings.Cut(text, "=")
		if key = strings.TrimSpace(key); found && !strings.ContainsAny(key, `"'[{, `) {
			all = append(all, line{joined(current, key), joined(plain, key), i + 1})
		}
	}
	return all
}

func joined(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

// numbered gives each array on the way to a table the number of its last element,
// and a new one to the table itself if it is an element.
func numbered(plain string, element bool, count map[string]int) string {
	path := ""
	names := strings.Split(plain, ".")
	for i, name := range names {
		path = joined(path, name)
		if i == len(names)-1 && element {
			count[path]++
		}
		if n := count[path]; n > 0 {
			path += fmt.Sprintf("[%d]", n-1)
		}
	}
	return path
}

// checker collects what is wrong with a scenario.
type checker struct {
	name  string
	lines []line
	s     *Scenario
	errs  []error
}

// lineOf returns the line of a path, or of the table that it would be in.
func (c *checker) lineOf(path string) int {
	for path != "" {
		for _, l := range c.lines {
			if l.path == path {
				return l.at
			}
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return 1
}

func (c *checker) wrong(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s:%d: %s", c.name, c.lineOf(path), fmt.Sprintf(format, args...)))
}

// keys are those that a file may have, for the nearest to a wrong one.
var keys = []string{"name", "title", "question", "expect", "method", "limits", "seed", "repeats", "link", "part",
	"threshold", "one_way_ms", "matrix_ms", "jitter_ms", "mbit_per_second", "loss_percent", "mode", "engines", "members",
	"load", "links", "workload", "warmup_s", "duration_s", "cores", "shared_host", "stock", "flash_after_s",
	"flash_for_s", "tenure", "mempool_txs", "wait_ms", "in_flight", "case", "figures", "fault", "without", "kind",
	"at_s", "until_s", "member", "delay_ms",
	"says", "of", "over", "at_least", "at_most", "equals", "each", "metric", "engine"}

func (c *checker) unknown(key toml.Key) {
	at := 1
	for _, l := range c.lines {
		if l.plain == key.String() || strings.HasPrefix(key.String(), l.plain+".") {
			at = l.at
			if l.plain == key.String() {
				break
			}
		}
	}
	c.errs = append(c.errs, fmt.Errorf("%s:%d: there is no key %q%s", c.name, at, key.String(),
		didYouMean(key[len(key)-1], keys)))
}

// didYouMean names the nearest of some names, if one is near.
func didYouMean(wrong string, names []string) string {
	best := spelling.Nearest(wrong, names)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// fill sets defaults.
func (c *checker) fill() {
	if c.s.Repeats == 0 {
		c.s.Repeats = 5
	}
	for i := range c.s.Parts {
		p := &c.s.Parts[i]
		if len(p.Members) == 0 {
			p.Members = []int{4}
		}
		if len(p.Load) == 0 {
			p.Load = []Load{{InFlight: DefaultInFlight}}
		}
		if len(p.Links) == 0 {
			p.Links = []string{NoLinks}
		}
		if len(p.Cases) == 0 {
			p.Cases = []Case{{Name: defaultCase}}
		}
		if p.Workload == "" {
			p.Workload = Transfers
		}
		if p.DurationS == 0 {
			p.DurationS = 10
		}
		if p.Title == "" {
			p.Title = p.Name
		}
	}
	c.spread()
}

// spread puts in the place of a threshold that must hold over axes one for each place
// of its part.
func (c *checker) spread() {
	var all []Threshold
	for i := range c.s.Thresholds {
		some := []Threshold{c.s.Thresholds[i]}
		some[0].at = i
		for _, axis := range some[0].Each {
			some = c.spreadOver(axis, some)
		}
		all = append(all, some...)
	}
	c.s.Thresholds = all
}

// spreadOver sets each value that the part has on an axis in each threshold.
func (c *checker) spreadOver(axis string, some []Threshold) (all []Threshold) {
	path := fmt.Sprintf("threshold[%d].each", some[0].at)
	part := c.s.PartOf(some[0].Of.Part)
	if part == nil {
		return some // which is told where its place is checked
	}
	add := func(t Threshold, name string, set func(p *Place)) {
		t.Says += ": " + name
		set(&t.Of)
		if t.Over != nil {
			over := *t.Over
			set(&over)
			t.Over = &over
		}
		all = append(all, t)
	}
	for _, t := range some {
		switch axis {
		case "members":
			for _, n := range part.Members {
				add(t, fmt.Sprintf("%d members", n), func(p *Place) { p.Members = n })
			}
		case "load":
			for _, l := range part.Load {
				name := l.String()
				if l.PerSecond > 0 {
					name += " a second"
				}
				add(t, name, func(p *Place) { p.Load = &l })
			}
		case "links":
			for _, l := range part.Links {
				add(t, l, func(p *Place) { p.Links = l })
			}
		default:
			c.wrong(path, "a threshold holds over members, load or links, not over %q", axis)
		}
	}
	return all
}

// inNames reports a name that is not one of those known.
func (c *checker) inNames(path, what, name string, known []string) {
	if !slices.Contains(known, name) {
		c.wrong(path, "there is no %s %q%s", what, name, didYouMean(name, known))
	}
}
