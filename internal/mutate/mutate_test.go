package mutate

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
)

var (
	count   = flag.Int("mutate.count", 0, "how many faults to put in; 0 = the smoke test's")
	seed    = flag.Uint64("mutate.seed", 1, "which")
	areas   = flag.String("mutate.areas", "dualpath,original,node", "where")
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
	sim := Step{Package: "pbft/pbfttest", LimitSeconds: 300}
	quick := sim
	quick.Skip = "^Test(RandomFaultsCatchMutants|TooMany|RunsAreDeterministic)"
	whole := sim
	whole.Run = "^Test(RandomFaultsCatchMutants|TooMany|RunsAreDeterministic)"
	return []area{
		{"dualpath", []string{"pbft/dualpath/*.go"}, []string{"mutation.go", "size.go", "doc.go"},
			[]Step{{Package: "pbft/dualpath", LimitSeconds: 120}, quick, whole}},
		{"original", []string{"pbft/original/*.go"}, []string{"mutation.go", "doc.go"},
			[]Step{{Package: "pbft/original", LimitSeconds: 300}}},
		{"node", []string{"node/loop.go", "node/inbox.go", "node/serve.go", "node/compact.go", "node/propose.go",
			"node/payload.go", "node/mempool.go", "node/executor.go", "node/certs.go", "node/status.go"}, nil,
			[]Step{{Package: "node", LimitSeconds: 300}}},
	}
}

// candidate is a fault with the tests that may find it.
type candidate struct {
	Fault
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
					all = append(all, candidate{f, src, a.steps})
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
// and the tests are run on each. The smoke test shows that the tool works, the long
// run how many the tests find; docs/testing.md has its figures.
func TestFaultsAreFound(t *testing.T) {
	root, want := moduleRoot(t), *count
	all := candidates(t, root)
	rng := rand.New(rand.NewPCG(*seed, 0xfa17))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if *match != "" {
		want = len(all)
	}
	if want == 0 {
		t.Skipf("%d places; make mutate puts faults into them", len(all))
	}
	r := &record{want: want}
	var g sync.WaitGroup
	next := make(chan candidate)
	for range *workers {
		tester := Tester{Root: root, Dir: t.TempDir()}
		g.Go(func() {
			for c := range next {
				out, err := tester.Try(Overlay{c.File: c.Apply(c.src)}, c.steps)
				if err != nil {
					t.Error(err)
				}
				r.note(c.Fault, out)
			}
		})
	}
	for _, c := range all {
		if r.full() {
			break
		}
		next <- c
	}
	close(next)
	g.Wait()
	t.Logf("seed %d, %d places: %d faults, %d found, %d survive", *seed, len(all), r.found+len(r.survivors), r.found,
		len(r.survivors))
	for _, s := range r.survivors {
		t.Log("survives: " + s)
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
