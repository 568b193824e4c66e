package client_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
)

// Each field of an answer that claims to be checked says what carries it.
func TestEachFieldOfAnAnswerSaysWhatCarriesIt(t *testing.T) {
	b, err := os.ReadFile("../docs/proofs.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []any{client.Receipt{}, client.Receipts{}, client.State{}, client.Block{}, client.Coupon{},
		client.Campaign{}, client.Till{}, client.Member{}, client.Event{}, client.Refusal{}, client.UnknownError{},
		client.Statement{}, client.BehindError{}, client.FileReceipt{}, client.FileReceipts{}} {
		x := reflect.TypeOf(answer)
		for i := range x.NumField() {
			f := x.Field(i)
			if f.IsExported() && !strings.Contains(string(b), "\n| `"+x.Name()+"."+f.Name+"` | ") {
				t.Errorf("docs/proofs.md does not say what carries %s.%s", x.Name(), f.Name)
			}
		}
	}
}

// Each field of the JSON of nodes and files says so too: a type or field that nobody has
// thought about has no row, and no row is of a field that is gone.
func TestEachFieldOfTheJSONSaysWhatCarriesIt(t *testing.T) {
	page, err := os.ReadFile("../docs/proofs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, ok := bytes.Cut(page, []byte("## The JSON of nodes and files"))
	if !ok {
		t.Fatal("no table of the JSON")
	}
	rows := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+\\.\\w+)` \\| .+ \\|$").FindAllSubmatch(page, -1) {
		rows[string(row[1])]++
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		for _, field := range jsonFields(t, source) {
			if rows[field] != 1 {
				t.Errorf("docs/proofs.md has %d rows of %s (%s)", rows[field], field, source)
			}
			delete(rows, field)
		}
	}
	for field := range rows {
		t.Errorf("docs/proofs.md has a row of %s, which is no field", field)
	}
}

// jsonFields are the fields with a JSON name of the exported types in a source.
func jsonFields(t *testing.T, source string) (fields []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !spec.Name.IsExported() {
			return true
		}
		x, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range x.Fields.List {
			if field.Tag == nil || !strings.Contains(field.Tag.Value, `json:"`) {
				continue
			}
			for _, name := range field.Names {
				fields = append(fields, spec.Name.Name+"."+name.Name)
			}
		}
		return true
	})
	return fields
}
