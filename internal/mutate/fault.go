package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// Fault is one change of one place of a source file.
type Fault struct {
	// File is the path of the file from the root of the module.
	File string
	Line int
	// Kind is the kind of the change, in a word or two.
	Kind string
	// Was and Is are the text in question before and after.
	Was, Is    string
	start, end int // bytes of the file
}

// String names the fault in one line: the same for the same source.
func (f Fault) String() string {
	return fmt.Sprintf("%s:%d: %s: %s -> %s", f.File, f.Line, f.Kind, oneLine(f.Was), oneLine(f.Is))
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return "nothing"
	}
	if len(s) > 70 {
		s = s[:67] + "..."
	}
	return s
}

// Apply returns the source with the fault in it.
func (f Fault) Apply(src []byte) []byte {
	out := append([]byte(nil), src[:f.start]...)
	out = append(out, f.Is...)
	return append(out, src[f.end:]...)
}

// Faults lists what can be put into a file: a statement left out, a condition
// negated or always false, an operand of && or || dropped, a comparison off by one
// or turned, a number or a bool changed, + for - and max for min. Seams of engines
// that are broken on purpose, traces, measures and assertions are left alone.
func Faults(file string, src []byte) ([]Fault, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("look for places of faults: %w", err)
	}
	g := &finder{file: file, src: src, fset: fset}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && !spared(f) {
			ast.Inspect(f.Body, g.visit)
		}
	}
	return g.faults, nil
}

// spared are functions whose work is to be looked at, not to decide.
func spared(f *ast.FuncDecl) bool {
	switch f.Name.Name {
	case "String", "assert", "invariants", "event", "Size", "measure", "publish", "explain":
		return true
	}
	return false
}

type finder struct {
	file   string
	src    []byte
	fset   *token.FileSet
	faults []Fault
}

func (g *finder) text(n ast.Node) string { return string(g.src[g.offset(n.Pos()):g.offset(n.End())]) }

func (g *finder) offset(p token.Pos) int { return g.fset.Position(p).Offset }

func (g *finder) add(n ast.Node, kind, is string) { g.addAt(n.Pos(), n.End(), kind, is) }

func (g *finder) addAt(from, to token.Pos, kind, is string) {
	start, end := g.offset(from), g.offset(to)
	g.faults = append(g.faults, Fault{File: g.file, Line: g.fset.Position(from).Line, Kind: kind,
		Was: string(g.src[start:end]), Is: is, start: start, end: end})
}

func (g *finder) visit(n ast.Node) bool {
	switch x := n.(type) {
	case *ast.IfStmt:
		g.condition(x.Cond)
		if endsInReturn(x.Body) {
			g.add(x.Cond, "check dropped", "false && ("+g.text(x.Cond)+")")
		}
	case *ast.ForStmt:
		if x.Cond != nil {
			g.condition(x.Cond)
		}
	case *ast.SwitchStmt:
		g.cases(x)
	case *ast.BinaryExpr:
		g.binary(x)
	case *ast.ExprStmt:
		return g.statement(x)
	case *ast.AssignStmt:
		if x.Tok != token.DEFINE {
			g.add(x, "statement left out", "")
		}
	case *ast.IncDecStmt:
		g.add(x, "statement left out", "")
	case *ast.BasicLit:
		g.number(x)
	case *ast.Ident:
		g.word(x)
	case *ast.CallExpr:
		g.call(x)
	}
	return true
}

func endsInReturn(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	_, ok := b.List[len(b.List)-1].(*ast.ReturnStmt)
	return ok
}

func (g *finder) condition(c ast.Expr) {
	g.add(c, "condition negated", "!("+g.text(c)+")")
}

// cases drops the conditions of a switch without a tag, one by one.
func (g *finder) cases(x *ast.SwitchStmt) {
	if x.Tag != nil {
		return
	}
	for _, s := range x.Body.List {
		for _, c := range s.(*ast.CaseClause).List {
			g.add(c, "case dropped", "false && ("+g.text(c)+")")
		}
	}
}

// turned are the comparisons that one is easily mistaken for.
func turned(op token.Token) string {
	switch op {
	case token.LSS:
		return "<="
	case token.LEQ:
		return "<"
	case token.GTR:
		return ">="
	case token.GEQ:
		return ">"
	case token.EQL:
		return "!="
	case token.NEQ:
		return "=="
	case token.ADD:
		return "-"
	case token.SUB:
		return "+"
	}
	return ""
}

func (g *finder) binary(x *ast.BinaryExpr) {
	if x.Op == token.LAND || x.Op == token.LOR {
		g.add(x, "operand dropped", g.text(x.X))
		g.add(x, "operand dropped", g.text(x.Y))
		return
	}
	if is := turned(x.Op); is != "" && !strings.Contains(g.text(x), "\"") {
		g.addAt(x.OpPos, x.OpPos+token.Pos(len(x.Op.String())), "operator turned", is)
	}
}

// statement leaves out a call, unless it only tells about what happens. Nothing is
// changed inside of those either.
func (g *finder) statement(x *ast.ExprStmt) bool {
	s := g.text(x)
	for _, quiet := range []string{".event(", "metrics.", ".log.", "assert(", ".trace(", "stages."} {
		if strings.Contains(s, quiet) && !strings.Contains(s, "func") {
			return false
		}
	}
	g.add(x, "statement left out", "")
	return true
}

func (g *finder) number(x *ast.BasicLit) {
	if x.Kind != token.INT {
		return
	}
	if v, err := strconv.ParseInt(x.Value, 0, 64); err == nil {
		g.add(x, "number changed", strconv.FormatInt(v+1, 10))
	}
}

func (g *finder) word(x *ast.Ident) {
	switch x.Name {
	case "true":
		g.add(x, "bool changed", "false")
	case "false":
		g.add(x, "bool changed", "true")
	}
}

func (g *finder) call(x *ast.CallExpr) {
	if f, ok := x.Fun.(*ast.Ident); ok && (f.Name == "max" || f.Name == "min") {
		g.add(f, "bound turned", map[string]string{"max": "min", "min": "max"}[f.Name])
	}
}
