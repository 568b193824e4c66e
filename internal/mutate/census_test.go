package mutate

import (
	"strings"
	"testing"
)

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
