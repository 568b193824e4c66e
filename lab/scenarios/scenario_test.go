package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Every scenario that ships reads without an error, bears the name of its file, and
// measures at least three times, so that it has intervals.
func TestShippedScenarios(t *testing.T) {
	if len(Shipped()) < 14 {
		t.Errorf("only %d scenarios ship: %v", len(Shipped()), Shipped())
	}
	for _, name := range Shipped() {
		raw, err := ReadShipped(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Decode(name+".toml", raw)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if s.Name != name {
			t.Errorf("%s.toml has the name %q", name, s.Name)
		}
		if s.Expect == "" {
			t.Errorf("%s does not say what was expected", name)
		}
		for i := range s.Parts {
			p := &s.Parts[i]
			if s.RepeatsOf(p) < 3 || len(p.Figures) == 0 {
				t.Errorf("%s, part %s: %d repeats and %d figures", name, p.Name, s.RepeatsOf(p), len(p.Figures))
			}
		}
	}
}

// good is a scenario without mistakes; tests change one line of it.
const good = `name = "good"
title = "Good"
question = "Is it good?"
method = "By reading."
seed = 1
repeats = 5

[[link]]
name = "own"
one_way_ms = 5

[[part]]
name = "one"
mode = "sim"
engines = ["dualpath-p1", "P1"]
members = [4, 7]
load = [100, "saturate"]
links = ["own", "15ms"]
duration_s = 2
figures = ["p50 by load", "timeline"]

  [[part.case]]
  name = "crash"

    [[part.case.fault]]
    kind = "crash"
    at_s = 1
    member = 3

[[threshold]]
says = "it holds"
of = { part = "one", metric = "p50", engine = "P1", members = 4, load = 100, links = "own" }
over = { part = "one", metric = "p50", engine = "dualpath-p1", members = 4, load = "saturate", links = "own" }
at_least = 1
`

func TestGoodScenario(t *testing.T) {
	s, err := Decode("good.toml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	p := &s.Parts[0]
	cells := p.Cells()
	if len(cells) != 2*2*2*2 {
		t.Errorf("%d cells", len(cells))
	}
	// Engines of one comparison follow each other.
	if cells[0].Engine != "dualpath-p1" || cells[1].Engine != "P1" || cells[0].Load != cells[1].Load {
		t.Errorf("cells begin with %v, %v", cells[0], cells[1])
	}
	if p.Load[1] != (Load{InFlight: DefaultInFlight}) || p.Workload != Transfers {
		t.Errorf("%+v", p)
	}
}

// Each mistake is told with its line and, where a name is near, with that.
func TestMistakesAreToldWithTheirLines(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`title = "Good"`, `titel = "Good"`, `s.toml:2: there is no key "titel"; did you mean "title"?`},
		{`seed = 1`, `seed = -1`, `s.toml:5: `},
		{`seed = 1`, `seed = = 1`, `s.toml:5: `},
		{`mode = "sim"`, `mode = "simulation"`, `s.toml:14: there is no mode "simulation"`},
		{`"P1"]`, `"P9"]`, `s.toml:15: there is no engine "P9"; did you mean "P1"?`},
		{`"P1"]`, `"cometbft-batch"]`, `s.toml:15: cometbft-batch cannot be simulated`},
		{`[4, 7]`, `[3]`, `s.toml:16: members is 3, wanted 4 to 100`},
		{`"saturate"]`, `"saturated"]`, `load "saturated": wanted transactions per second`},
		{`"15ms"]`, `"moon"]`, `s.toml:18: there are no links "moon"`},
		{`duration_s = 2`, `duration_s = 0.0001`, `s.toml:19: duration_s is 0.0001`},
		{`"timeline"]`, `"timelines"]`, `s.toml:20: there is no figure "timelines"; did you mean "timeline"?`},
		{`"p50 by load"`, `"p55 by load"`, `s.toml:20: there is no metric "p55"; did you mean "p50"?`},
		{`"p50 by load"`, `"p50 by moon"`, `s.toml:20: there is no axis "moon"`},
		{`kind = "crash"`, `kind = "crush"`, `s.toml:26: there is no fault "crush"; did you mean "crash"?`},
		{`kind = "crash"`, `kind = "drip"`, `s.toml:26: drip is of lanes, and dualpath-p1 has none`},
		{`at_s = 1`, `at_s = 3`, `s.toml:27: at_s is 3, wanted 0 to 2`},
		{`member = 3`, `member = 4`, `s.toml:28: member 4 of 4`},
		{`member = 3`, `membre = 3`, `s.toml:28: there is no key "part.case.fault.membre"; did you mean "member`},
		{`engine = "P1", members = 4, load = 100`, `engine = "P1", load = 100`,
			`s.toml:32: names 2 cells of part "one", wanted one`},
		{`name = "crash"`, "name = \"crash\"\nwait_ms = -1", `s.toml:24: wait_ms is -1, wanted 0 to 60000`},
		{`duration_s = 2`, "mempool_txs = 9\nduration_s = 2", `s.toml:19: mempool_txs is of processes`},
		{`at_least = 1`, "at_least = 1\neach = [\"case\"]", `s.toml:35: a threshold holds over members, load or links`},
		{`engines = ["dualpath-p1", "P1"]`, `engines = ["P0", "P1-lanes"]`,
			`s.toml:15: figures cannot tell P1-lanes from P0`},
		{`at_least = 1`, ``, `s.toml:30: a ratio is at_least or at_most something`},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Fatalf("%q is not in the good scenario", c.from)
		}
		_, err := Decode("s.toml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s instead of %s: %v, wanted %s", c.to, c.from, err, c.want)
		}
	}
}

// What depends on the machine's speed can be claimed as a ratio only, and only
// within one mode.
func TestThresholdsAreRatiosOfOneMode(t *testing.T) {
	over := `over = { part = "one", metric = "p50", engine = "dualpath-p1", members = 4, load = "saturate", links = "own" }
`
	_, err := Decode("s.toml", []byte(strings.Replace(good, over, "", 1)))
	if err == nil || !strings.Contains(err.Error(), "p50 depends on the machine") {
		t.Errorf("%v", err)
	}
	text := strings.Replace(good, "[[threshold]]", `[[part]]
name = "two"
mode = "host"
engines = ["dualpath-p1"]
figures = ["timeline"]

[[threshold]]`, 1)
	text = strings.Replace(text, over, `over = { part = "two", metric = "p50" }`+"\n", 1)
	if _, err = Decode("s.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), "two modes side by side") {
		t.Errorf("%v", err)
	}
}

// A threshold over axes is one for each place, and says which.
func TestThresholdsOverAxes(t *testing.T) {
	text := strings.Replace(good, `members = 4, load = 100, links = "own" }`, `load = 100 }`, 1)
	text = strings.Replace(text, `members = 4, load = "saturate", links = "own" }`, `load = "saturate" }`, 1)
	s, err := Decode("s.toml", []byte(text+"each = [\"links\", \"members\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var says []string
	for _, x := range s.Thresholds {
		says = append(says, x.Says)
		if x.Of.Members != x.Over.Members || x.Of.Links != x.Over.Links || x.Of.Members == 0 {
			t.Errorf("%s sets %+v beside %+v", x.Says, x.Of, *x.Over)
		}
	}
	want := []string{"it holds: own: 4 members", "it holds: own: 7 members", "it holds: 15ms: 4 members",
		"it holds: 15ms: 7 members"}
	if !slices.Equal(says, want) {
		t.Errorf("%q, wanted %q", says, want)
	}
}

// Figures can tell the engines of every part apart, and an engine that shares a colour
// names one that has its own.
func TestEnginesHaveStyles(t *testing.T) {
	for _, e := range Engines() {
		like, ok := EngineOf(e.Like)
		if e.Like != "" && (!ok || like.Like != "") {
			t.Errorf("%s is drawn like %q", e.Name, e.Like)
		}
		if k := e.Style(); k < 0 || k >= 8 {
			t.Errorf("%s has the style %d of eight", e.Name, k)
		}
	}
}

// A router delays evenly and drops by itself, so that links of its own have neither
// jitter nor loss.
func TestARouterHasNoJitter(t *testing.T) {
	text := strings.Replace(good, `mode = "sim"`, `mode = "netns"`, 1)
	if _, err := Decode("s.toml", []byte(text)); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"jitter_ms = 1", "loss_percent = 1"} {
		_, err := Decode("s.toml", []byte(strings.Replace(text, "one_way_ms = 5", "one_way_ms = 5\n"+line, 1)))
		if err == nil || !strings.Contains(err.Error(), "s.toml:19: the router of mode netns has no jitter") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestFaultsOfProcessesAreThoseThatTheyCanHave(t *testing.T) {
	wan := strings.Replace(good, `mode = "sim"`, `mode = "wan"`, 1)
	for _, x := range []struct{ from, to, want string }{
		{`kind = "crash"`, `kind = "equivocate"`, "equivocate is for a simulation"},
		{`name = "crash"`, "name = \"crash\"\nwait_ms = 5", "wait_ms and in_flight are of a simulation"},
	} {
		_, err := Decode("s.toml", []byte(strings.Replace(wan, x.from, x.to, 1)))
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, wanted %s", err, x.want)
		}
	}
}

func TestLoads(t *testing.T) {
	for text, want := range map[string]Load{"100": {PerSecond: 100}, "saturate": {InFlight: 2048},
		"saturate:64": {InFlight: 64}, "50%": {Percent: 50}} {
		l, err := ParseLoad(text)
		if err != nil || l != want || l.String() != text {
			t.Errorf("%q is %+v (%v) and then %q", text, l, err, l.String())
		}
	}
	for _, text := range []string{"", "0", "-5", "1e3", "saturate:", "saturate:0", "12 a second", "%", "0%", "501%"} {
		if l, err := ParseLoad(text); err == nil {
			t.Errorf("%q is taken as %+v", text, l)
		}
	}
}

// A reader of scenario files meets any bytes with a value or an error.
func FuzzDecode(f *testing.F) {
	f.Add(good)
	f.Add("[[part]]\n[part.case]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Decode("s.toml", []byte(text))
		if (s == nil) == (err == nil) {
			t.Errorf("%v and %v", s, err)
		}
		if err != nil && !strings.HasPrefix(fmt.Sprint(err), "s.toml:") {
			t.Errorf("the error does not begin with the file: %v", err)
		}
	})
}
