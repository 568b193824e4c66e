package broken

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// The broken engines have names of their own, and none has been lost.
func TestEveryBrokenEngineHasAName(t *testing.T) {
	for p, want := range map[pbft.Protocol]int{pbft.DualPath: 37, pbft.Original: 18} {
		names := map[string]bool{}
		for _, e := range Of(p) {
			if e.Name == "" || e.What == "" || e.New == nil || names[e.Name] {
				t.Errorf("%v: %+v", p, e)
			}
			names[e.Name] = true
		}
		if len(names) != want {
			t.Errorf("%v has %d broken engines, want %d", p, len(names), want)
		}
	}
}

// Whoever uses the library gets engines as they are written: what makes others asks for a
// type that only this project can name.
func TestThereIsNoOtherWayIn(t *testing.T) {
	for _, pattern := range []string{"dualpath", "original"} {
		files, err := filepath.Glob("../../pbft/" + pattern + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		makers := 0
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Recv != nil || !fn.Name.IsExported() {
					continue
				}
				makers++
				if fn.Name.Name != "New" && !takesRules(fn) {
					t.Errorf("%s: anybody can call %s", file, fn.Name)
				}
			}
		}
		if makers != 2 {
			t.Errorf("%s has %d exported functions", pattern, makers)
		}
	}
}

// takesRules reports whether a parameter is a function over a type of package rules.
func takesRules(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn.Type.Params, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if ok {
			x, named := s.X.(*ast.Ident)
			found = found || named && x.Name == "rules"
		}
		return true
	})
	return found
}
