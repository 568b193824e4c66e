package mutate

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

const sample = `package p

func f(a, b int, ok bool) int {
	if a < b && ok {
		return 3
	}
	switch {
	case a == 2:
		b++
	}
	r.event(1, 2)
	g(max(a, b))
	if r.asked && ok {
		return 0
	}
	a = b - 1
	return a
}
`

// Each kind of fault is found where it can be put, nowhere else, and gives a
// source that is still one.
func TestFaultsOfASource(t *testing.T) {
	faults, err := Faults("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range faults {
		names = append(names, strings.TrimPrefix(f.String(), "p.go:"))
		if _, err := parser.ParseFile(token.NewFileSet(), "p.go", f.Apply([]byte(sample)), 0); err != nil {
			t.Errorf("%v: %v", f, err)
		}
	}
	want := []string{
		"4: condition negated: a < b && ok -> !(a < b && ok)", "4: check dropped: a < b && ok -> false && (a < b && ok)",
		"4: operand dropped: a < b && ok -> a < b", "4: operand dropped: a < b && ok -> ok", "4: operator turned: < -> <=",
		"5: number changed: 3 -> 4", "8: case dropped: a == 2 -> false && (a == 2)", "8: operator turned: == -> !=",
		"8: number changed: 2 -> 3", "9: statement left out: b++ -> nothing",
		"12: statement left out: g(max(a, b)) -> nothing", "12: bound turned: max -> min",
		"13: condition negated: r.asked && ok -> !(r.asked && ok)",
		"13: check dropped: r.asked && ok -> false && (r.asked && ok)",
		"13: operand dropped: r.asked && ok -> r.asked", "13: operand dropped: r.asked && ok -> ok",
		"14: number changed: 0 -> 1",
		"16: statement left out: a = b - 1 -> nothing", "16: operator turned: - -> +", "16: number changed: 1 -> 2",
	}
	if got := strings.Join(names, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("found:\n%s", got)
	}
}

// A fault in the engine that a test of its package sees is found, one that does not
// compile is none, and what changes nothing survives.
func TestVerdicts(t *testing.T) {
	if testing.Short() {
		t.Skip("builds tests")
	}
	tester := Tester{Root: moduleRoot(t), Dir: t.TempDir()}
	steps := []Step{{Package: "pbft/wire", LimitSeconds: 60}}
	for _, x := range []struct {
		src  string
		want Verdict
	}{
		{"package wire\n\nfunc unused() {}\n", Survived},
		{"package wire\n\nvar x = wrong\n", NoBuild},
		{"package wire\n\nfunc init() { panic(1) }\n", Found},
	} {
		out, err := tester.Try(Overlay{"pbft/wire/added.go": []byte(x.src)}, steps)
		if err != nil || out.Verdict != x.want {
			t.Errorf("%q: %+v, %v, want %d", x.src, out, err, x.want)
		}
	}
}
