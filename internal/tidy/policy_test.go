package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// carriers are the packages that carry out what package driver decides.
var carriers = []string{"node", "lab/desim", "pbft/pbfttest", "engines/cometbft"}

// unit is the end of a constant's name that says what it counts.
var unit = regexp.MustCompile(`(Us|Ms|Ns|Period|Bytes)$`)

// stem is what two constants for one thing share in their names.
func stem(name string) string { return strings.ToLower(unit.ReplaceAllString(name, "")) }

// constantsIn returns the constants that the files of a package outside its tests
// declare, by stem.
func constantsIn(t *testing.T, folder string) map[string]*ast.ValueSpec {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	found := map[string]*ast.ValueSpec{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for stem, spec := range constantsOf(t, source) {
			found[stem] = spec
		}
	}
	return found
}

func constantsOf(t *testing.T, source []byte) map[string]*ast.ValueSpec {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*ast.ValueSpec{}
	ast.Inspect(f, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, s := range d.Specs {
				for _, name := range s.(*ast.ValueSpec).Names {
					found[stem(name.Name)] = s.(*ast.ValueSpec)
				}
			}
		}
		return true
	})
	return found
}

// fromDriver reports whether a constant's value is made of package driver's.
func fromDriver(s *ast.ValueSpec) bool {
	derived := false
	for _, v := range s.Values {
		ast.Inspect(v, func(n ast.Node) bool {
			if x, ok := n.(*ast.SelectorExpr); ok {
				if p, ok := x.X.(*ast.Ident); ok && p.Name == "driver" {
					derived = true
				}
			}
			return true
		})
	}
	return derived
}

// What a member decides around its engine stands once: who carries it out has no
// constant of its own for it, or a simulator measures what does not ship.
func TestPolicyStandsOnce(t *testing.T) {
	policy := constantsIn(t, "pbft/driver")
	if len(policy) < 10 {
		t.Fatalf("package driver has %d constants", len(policy))
	}
	for _, folder := range carriers {
		for name, spec := range constantsIn(t, folder) {
			if policy[name] != nil && !fromDriver(spec) {
				t.Errorf("%s: the constant %s is package driver's to say", folder, spec.Names[0].Name)
			}
		}
	}
}

func TestACopyOfAConstantIsSeen(t *testing.T) {
	policy := constantsIn(t, "pbft/driver")
	for source, want := range map[string]bool{
		"package p; const backlogMax = 16":                                   true,
		"package p; const (\n x = 1\n tickNs = 10_000_000 )":                 true,
		"package p; func f() { const gossipPause = 5 }":                      true,
		"package p; const tickNs = driver.TickMs * 1_000_000":                false,
		"package p; const GossipQueueMax = 16384":                            false,
		"package p; const gossipPause = driver.GossipPauseUs * microseconds": false,
	} {
		copied := false
		for name, spec := range constantsOf(t, []byte(source)) {
			copied = copied || policy[name] != nil && !fromDriver(spec)
		}
		if copied != want {
			t.Errorf("%q: a copy: %v", source, copied)
		}
	}
}

// What bounds the node's own queues and pauses is no business of a simulator: it takes it
// from package driver, or does without.
func TestSimulatorsHaveNoConstantOfTheNode(t *testing.T) {
	node := constantsIn(t, "node")
	for _, folder := range []string{"lab/desim", "pbft/pbfttest"} {
		for name, spec := range constantsIn(t, folder) {
			if node[name] != nil && !fromDriver(spec) {
				t.Errorf("%s: the constant %s is the node's", folder, spec.Names[0].Name)
			}
		}
	}
}

// driving are the methods of an engine that its driver calls in a turn.
var driving = map[string]bool{"ProposeHint": true, "Ready": true, "Advance": true, "PayloadChecked": true,
	"Durable": true}

// drivesIn returns the functions of a source that drive an engine themselves. One that
// only passes a call on has its name.
func drivesIn(t *testing.T, source []byte) (found []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if x, ok := call.Fun.(*ast.SelectorExpr); ok && driving[x.Sel.Name] && x.Sel.Name != fn.Name.Name {
				found = append(found, fn.Name.Name+" calls "+x.Sel.Name)
			}
			return true
		})
	}
	return found
}

// The turn of a member stands once: who carries it out calls its driver, no engine.
func TestTheTurnStandsOnce(t *testing.T) {
	for _, folder := range []string{"node", "lab/desim", "pbft/pbfttest"} {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, what := range drivesIn(t, source) {
				t.Errorf("%s: %s of an engine", file, what)
			}
		}
	}
	for source, want := range map[string]int{
		"package p; func f() { e.Ready(); x.engine.Advance() }":   2,
		"package p; func (w *w) Advance() { w.Engine.Advance() }": 0,
		"package p; func f() { d.Next(now); d.Done(now) }":        0,
	} {
		if got := drivesIn(t, []byte(source)); len(got) != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}
