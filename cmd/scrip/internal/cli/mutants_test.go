package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// Every broken engine can be played by a name.
func TestEveryBrokenEngineHasAName(t *testing.T) {
	for _, x := range []struct {
		source string
		names  int
	}{
		{"../../../../pbft/dualpath/mutation.go", len(mutants)},
		{"../../../../pbft/original/mutation.go", len(originalMutants)},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), x.source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Mutant") {
				count++
			}
			return true
		})
		if count == 0 || count != x.names {
			t.Errorf("%s has %d broken engines, %d have names", x.source, count, x.names)
		}
	}
}
