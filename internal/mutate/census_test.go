package mutate

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	censusSeeds = flag.Int("census.seeds", 0, "print what so many random runs never make refuse; 0 = judge the tests")
	censusFrom  = flag.Uint64("census.from", 1, "first seed of those runs")
)

// counted is an instrumented copy of the engines.
type counted struct {
	overlay Overlay
	checks  map[string][]Check // by package
}

func countChecks(t *testing.T, root string, dirs ...string) counted {
	t.Helper()
	k := counted{Overlay{}, make(map[string][]Check)}
	for _, dir := range dirs {
		pkg := filepath.Base(dir)
		a := area{files: []string{dir + "/*.go"}}
		for _, file := range a.sources(t, root) {
			src, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			checks, changed, err := Census(file, src, len(k.checks[pkg]))
			if err != nil {
				t.Fatal(err)
			}
			k.checks[pkg] = append(k.checks[pkg], checks...)
			k.overlay[file] = changed
		}
		k.overlay[dir+"/hits.go"] = counterSource(pkg, len(k.checks[pkg]))
	}
	return k
}

// unseen returns the names of the checks that never refused in the steps.
func (k counted) unseen(t *testing.T, root string, steps []Step) (names []string) {
	t.Helper()
	tester := Tester{Root: root, Dir: t.TempDir()}
	list := filepath.Join(tester.Dir, "census.txt")
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := tester.write(k.overlay)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		binary := filepath.Join(tester.Dir, fmt.Sprint(i, ".test"))
		if out, err := tester.build(overlay, binary, s.Package); err != nil {
			t.Fatalf("build the tests of %s: %v\n%s", s.Package, err, out)
		}
		if out := tester.run(binary, s, []string{"CENSUS=" + list}); out.Verdict != Survived {
			t.Fatalf("the tests of %s fail when their checks are counted: %s", s.Package, out.Witness)
		}
	}
	seen := make(map[string]bool)
	b, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		seen[line] = true
	}
	for pkg, checks := range k.checks {
		for i, c := range checks {
			if !seen[fmt.Sprint(pkg, " ", i)] {
				names = append(names, pkg+"/"+c.Name)
			}
		}
	}
	return names
}

// Every check of the engines refuses at least once in the tests that every change
// runs, or testdata/unseen.txt says why it cannot. A check that no test has seen
// refuse may as well not be there.
func TestEveryCheckRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the tests of both engines with their checks counted")
	}
	root := moduleRoot(t)
	k := countChecks(t, root, "pbft/dualpath", "pbft/original")
	if *censusSeeds > 0 {
		k.random(t, root)
		return
	}
	excused := excuses(t)
	for _, name := range k.unseen(t, root, []Step{
		{Package: "pbft/dualpath", LimitSeconds: 300},
		{Package: "pbft/pbfttest", Skip: randomTests, LimitSeconds: 300},
		{Package: "pbft/original", Skip: randomTests, LimitSeconds: 300},
	}) {
		if !excused[name] {
			t.Errorf("no test sees this check refuse: %s", name)
		}
		delete(excused, name)
	}
	for name := range excused {
		t.Errorf("testdata/unseen.txt excuses a check that refuses, or is not there: %s", name)
	}
}

// randomTests are left out of the judgement: what they reach changes with every change
// of what the seeds draw, and each check has a test of its own.
const randomTests = "Mutants|TooMany|Deterministic|LongRuns|AsRecorded|EveryBoundary|ClusterKeeps|KeptSeeds"

// random tells what many random runs never make refuse.
func (k counted) random(t *testing.T, root string) {
	seeds := []string{fmt.Sprint("-sim.count=", *censusSeeds), fmt.Sprint("-sim.from=", *censusFrom)}
	const run = "^TestClusterKeepsItsPromises$"
	unseen := k.unseen(t, root, []Step{
		{Package: "pbft/pbfttest", Run: run, Args: seeds, LimitSeconds: 1 << 16},
		{Package: "pbft/original", Run: run, Args: seeds, LimitSeconds: 1 << 16},
	})
	all := 0
	for _, checks := range k.checks {
		all += len(checks)
	}
	t.Logf("%d of %d checks never refuse in %d random runs of each engine from seed %d; tests of their own see them:",
		len(unseen), all, *censusSeeds, *censusFrom)
	for _, name := range unseen {
		t.Log("  " + name)
	}
}

// excuses reads the checks that cannot refuse: a name a line, and above it why.
func excuses(t *testing.T) map[string]bool {
	t.Helper()
	f, err := os.Open("testdata/unseen.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	names := make(map[string]bool)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if s := lines.Text(); s != "" && !strings.HasPrefix(s, "#") {
			names[s] = true
		}
	}
	return names
}

// The census finds alternatives and parts of predicates, and changes nothing of what
// a source does.
func TestCensusOfASource(t *testing.T) {
	src := `package p

func (r *R) on(m M) pbft.Reason {
	switch {
	case m.A || m.B == 2, !ok(m):
		return pbft.IgnoredStale
	case m.C:
		x()
	}
	if m.A || m.C && m.D {
		y()
		return pbft.InvalidContent
	}
	return pbft.Accepted
}

func good(a, b bool) bool { return a && (b || a) }
`
	checks, out, err := Census("d/p.go", []byte(src), 5)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
	}
	want := []string{"p.go on: IgnoredStale: m.A", "p.go on: IgnoredStale: m.B == 2", "p.go on: IgnoredStale: !ok(m)",
		"p.go on: InvalidContent: m.A", "p.go on: InvalidContent: m.C && m.D", "p.go good: false unless: a",
		"p.go good: false unless: (b || a)"}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("checks:\n%s", strings.Join(names, "\n"))
	}
	for _, part := range []string{"case hit(5, (m.A)) || hit(6, (m.B == 2)), hit(7, (!ok(m))):",
		"if hit(8, (m.A)) || hit(9, (m.C && m.D)) {", "return !hit(10, !(a)) && !hit(11, !((b || a)))"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
}
