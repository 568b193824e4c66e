package mutate

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
)

var (
	count   = flag.Int("mutate.count", 0, "how many faults to put in")
	seed    = flag.Uint64("mutate.seed", 1, "which")
	areas   = flag.String("mutate.areas", "dualpath,original,node,driver", "where")
	from    = flag.Int("mutate.from", 0, "how many of those that the seed draws first are left out: another run had them")
	match   = flag.String("mutate.match", "", "only faults whose names match, all of them")
	workers = flag.Int("mutate.workers", 2, "how many at a time")
)

// area is a part of the sources with the tests that guard it, fast ones first.
type area struct {
	name  string
	files []string // patterns of paths from the root
	not   []string // bases of files
	steps []Step
}

func allAreas() []area {
	const slow = "^Test(RandomFaultsCatchMutants|TooMany|RunsAreDeterministic)"
	quick := func(pkg string) Step { return Step{Package: pkg, Skip: slow, LimitSeconds: 600} }
	whole := func(pkg string) Step { return Step{Package: pkg, Run: slow, LimitSeconds: 600} }
	return []area{
		{"dualpath", []string{"pbft/dualpath/*.go"}, []string{"size.go", "doc.go"},
			[]Step{{Package: "pbft/dualpath", LimitSeconds: 300}, quick("pbft/pbfttest"), whole("pbft/pbfttest")}},
		{"original", []string{"pbft/original/*.go"}, []string{"doc.go"},
			[]Step{quick("pbft/original"), whole("pbft/original")}},
		{"node", []string{"node/loop.go", "node/inbox.go", "node/serve.go", "node/compact.go", "node/propose.go",
			"node/payload.go", "node/mempool.go", "node/executor.go", "node/certs.go", "node/status.go"}, nil,
			[]Step{{Package: "node", LimitSeconds: 150}}},
		{"driver", []string{"pbft/driver/*.go"}, []string{"doc.go"},
			[]Step{{Package: "pbft/driver", LimitSeconds: 300}, {Package: "node", LimitSeconds: 150}}},
	}
}

// candidate is a fault with the tests that may find it.
type candidate struct {
	Fault
	area  string
	src   []byte
	steps []Step
}

func candidates(t *testing.T, root string) []candidate {
	t.Helper()
	only := regexp.MustCompile(*match)
	var all []candidate
	for _, a := range allAreas() {
		if !strings.Contains(","+*areas+",", ","+a.name+",") {
			continue
		}
		for _, file := range a.sources(t, root) {
			src, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			faults, err := Faults(file, src)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range faults {
				if only.MatchString(f.String()) {
					all = append(all, candidate{f, a.name, src, a.steps})
				}
			}
		}
	}
	return all
}

func (a area) sources(t *testing.T, root string) (files []string) {
	t.Helper()
	for _, p := range a.files {
		found, err := filepath.Glob(filepath.Join(root, p))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files, %v", p, err)
		}
		for _, f := range found {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			skip := strings.HasSuffix(rel, "_test.go")
			for _, not := range a.not {
				skip = skip || filepath.Base(rel) == not
			}
			if !skip {
				files = append(files, rel)
			}
		}
	}
	sort.Strings(files)
	return files
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Faults drawn by a seed are put into the engines and the driver, one at a time,
// and the tests are run on each, and tells of each as it comes. Without a number it
// puts in a few that must be found; docs/testing.md has the figures of long runs.
func TestFaultsAreFound(t *testing.T) {
	root, want := moduleRoot(t), *count
	all := candidates(t, root)
	rng := rand.New(rand.NewPCG(*seed, 0xfa17))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if *match != "" {
		want = len(all)
	}
	if want == 0 {
		smoke(t, root)
		return
	}
	places := len(all)
	all = all[min(*from, len(all)):]
	r := &record{want: want}
	for len(all) > 0 && !r.full() {
		size := min(len(all), batchMax, 6*r.missing()/5+1) // some do not build
		tryAll(t, root, all[:size], r)
		all = all[size:]
	}
	t.Logf("seed %d, %d places: %d faults, %d found, %d survive", *seed, places, r.found+len(r.survivors), r.found,
		len(r.survivors))
	for _, s := range r.survivors {
		t.Log("survives: " + s)
	}
}

// smokeFaults are put in by every test run: one of each engine.
var smokeFaults = []struct{ file, kind, was string }{
	{"pbft/dualpath/suspect.go", "check dropped", "!r.mayTestify(from)"},
	{"pbft/original/recall.go", "check dropped", "x == nil"},
}

// smoke shows that a fault is put in and found.
func smoke(t *testing.T, root string) {
	if testing.Short() {
		t.Skip("builds tests")
	}
	tester := Tester{Root: root, Dir: t.TempDir()}
	for _, x := range smokeFaults {
		src, err := os.ReadFile(filepath.Join(root, x.file))
		if err != nil {
			t.Fatal(err)
		}
		faults, err := Faults(x.file, src)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(faults, func(f Fault) bool { return f.Kind == x.kind && f.Was == x.was })
		if at < 0 {
			t.Fatalf("%s has no place for %s: %s", x.file, x.kind, x.was)
		}
		steps := []Step{{Package: filepath.Dir(x.file), Skip: randomTests, LimitSeconds: 300}}
		out, err := tester.Try(Overlay{x.file: faults[at].Apply(src)}, steps)
		if err != nil || out.Verdict != Found {
			t.Errorf("%v: %+v, %v", faults[at], out, err)
		}
	}
}

// record counts verdicts; it is safe for concurrent use.
type record struct {
	mu        sync.Mutex
	want      int
	found     int
	survivors []string
}

func (r *record) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.found+len(r.survivors) >= r.want
}

func (r *record) missing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.want - r.found - len(r.survivors)
}

func (r *record) note(f Fault, out Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch out.Verdict {
	case Found:
		r.found++
		fmt.Printf("found    %v | %s\n", f, out.Witness)
	case Survived:
		r.survivors = append(r.survivors, f.String())
		fmt.Printf("SURVIVES %v\n", f)
	case NoBuild:
		fmt.Printf("no build %v | %s\n", f, out.Witness)
	}
}
