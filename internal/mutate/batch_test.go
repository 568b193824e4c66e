package mutate

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// batchMax bounds the faults that are compiled into one program.
const batchMax = 200

// built is a set of test programs with many faults in each.
type built struct {
	tester Tester
	paths  map[string]string // of the programs, by package
}

// tryAll tries faults in the order given until there are enough: those of an area in
// one set of programs.
func tryAll(t *testing.T, root string, faults []candidate, r *record) {
	programs := make(map[string]built)
	out := make(map[int]string) // why a fault is in none
	for _, a := range allAreas() {
		numbers := make(map[int]candidate)
		for i, c := range faults {
			if c.area == a.name {
				numbers[i+1] = c
			}
		}
		if len(numbers) > 0 {
			programs[a.name] = buildAll(t, root, a, numbers, out)
		}
	}
	var g sync.WaitGroup
	next := make(chan int)
	for range *workers {
		alone := Tester{Root: root, Dir: t.TempDir()}
		g.Go(func() {
			for i := range next {
				c := faults[i-1]
				why, absent := out[i]
				var o Outcome
				var err error
				switch {
				case absent && why == "":
					o, err = alone.Try(Overlay{c.File: c.Apply(c.src)}, c.steps)
				case absent:
					o = Outcome{NoBuild, why}
				default:
					o = programs[c.area].try(c.steps, i)
				}
				if err != nil {
					t.Error(err)
				}
				r.note(c.Fault, o)
			}
		})
	}
	for i := range faults {
		if r.full() {
			break
		}
		next <- i + 1
	}
	close(next)
	g.Wait()
}

func (b built) try(steps []Step, number int) Outcome {
	for _, s := range steps {
		o := b.tester.run(b.paths[s.Package], s, []string{"FAULT=" + strconv.Itoa(number)})
		if o.Verdict != Survived {
			return o
		}
	}
	return Outcome{}
}

var compileError = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: (.*)$`)

// buildAll compiles the tests of an area with all its faults, but for those that the
// compiler refuses and those whose function cannot be doubled: they go to out, with
// what the compiler says and with nothing.
func buildAll(t *testing.T, root string, a area, faults map[int]candidate, out map[int]string) built {
	t.Helper()
	b := built{Tester{Root: root, Dir: t.TempDir()}, make(map[string]string)}
	for {
		overlay, lines := varyAll(t, faults, out)
		list, err := b.tester.write(overlay)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, s := range a.steps {
			b.paths[s.Package] = filepath.Join(b.tester.Dir, copyName(s.Package)+".test")
			said, err := b.tester.build(list, b.paths[s.Package], s.Package)
			if err == nil {
				continue
			}
			for _, m := range compileError.FindAllStringSubmatch(string(said), -1) {
				line, _ := strconv.Atoi(m[2])
				for i, at := range lines[filepath.Base(m[1])] {
					if at[0] <= line && line <= at[1] && faults[i].File != "" {
						out[i] = m[3]
						delete(faults, i)
						refused++
					}
				}
			}
			if refused == 0 {
				t.Fatalf("build the tests of %s: %v\n%s", s.Package, err, said)
			}
			break
		}
		if refused == 0 {
			return b
		}
	}
}

// varyAll returns the sources with all faults in them, and where each is: by the name
// of the copy and the fault's number. It takes those out that cannot be put in.
func varyAll(t *testing.T, faults map[int]candidate, out map[int]string) (Overlay, map[string]map[int][2]int) {
	t.Helper()
	byFile := make(map[string]map[int]Fault)
	sources := make(map[string][]byte)
	for i, c := range faults {
		if byFile[c.File] == nil {
			byFile[c.File] = make(map[int]Fault)
		}
		byFile[c.File][i], sources[c.File] = c.Fault, c.src
	}
	overlay, lines := Overlay{}, make(map[string]map[int][2]int)
	for file, list := range byFile {
		v, left, err := Vary(file, sources[file], list)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range left {
			out[i] = ""
			delete(faults, i)
		}
		overlay[file], lines[copyName(file)] = v.Source, v.Lines
		dir := filepath.Dir(file)
		overlay[dir+"/fault.go"] = switchSource(dir[strings.LastIndex(dir, "/")+1:])
	}
	return overlay, lines
}
