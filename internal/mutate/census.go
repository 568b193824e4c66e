package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"sort"
	"strings"
)

// Check is one reason to refuse in a source: an alternative of a condition under
// which a function returns a reason, false or invalid, or a part of a conjunction
// that a predicate returns.
type Check struct {
	// Name is the file, the function, the condition and what it leads to. It does
	// not change when lines move.
	Name string
}

// Census finds the checks of a file and returns the source with each of them
// counted: hit(first+i, …) stands around check i, and is true when it refuses.
func Census(file string, src []byte, first int) ([]Check, []byte, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, fmt.Errorf("look for checks: %w", err)
	}
	c := &census{finder: finder{file: file, src: src, fset: fset}, first: first, names: make(map[string]int)}
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || spared(f) {
			continue
		}
		c.where = file[strings.LastIndex(file, "/")+1:] + " " + f.Name.Name
		c.predicate = f.Type.Results != nil && len(f.Type.Results.List) == 1 && c.text(f.Type.Results.List[0].Type) == "bool"
		ast.Inspect(f.Body, c.visit)
	}
	return c.checks, c.apply(), nil
}

type census struct {
	finder
	first     int
	where     string
	predicate bool // the function at hand returns a bool alone
	checks    []Check
	names     map[string]int
	edits     []insertion
}

// insertion is text to be put at a byte of the source.
type insertion struct {
	at   int
	text string
}

func (c *census) apply() []byte {
	sort.SliceStable(c.edits, func(i, j int) bool { return c.edits[i].at < c.edits[j].at })
	var out []byte
	at := 0
	for _, e := range c.edits {
		out = append(append(out, c.src[at:e.at]...), e.text...)
		at = e.at
	}
	return append(out, c.src[at:]...)
}

func (c *census) visit(n ast.Node) bool {
	switch x := n.(type) {
	case *ast.FuncLit:
		return false
	case *ast.IfStmt:
		if what := c.refusal(x.Body.List); what != "" {
			c.alternatives(x.Cond, what)
		}
	case *ast.CaseClause:
		if what := c.refusal(x.Body); what != "" {
			for _, e := range x.List {
				if c.boolean(e) {
					c.alternatives(e, what)
				}
			}
		}
	case *ast.ReturnStmt:
		if c.predicate && len(x.Results) == 1 {
			c.conjunction(x.Results[0])
		}
	}
	return true
}

// boolean reports whether a case is a condition, not a value to compare with.
func (c *census) boolean(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.BinaryExpr:
		return true
	case *ast.UnaryExpr:
		return x.Op == token.NOT
	case *ast.CallExpr:
		return true
	}
	return false
}

// refusal returns what a body ends in returning, if that refuses.
func (c *census) refusal(body []ast.Stmt) string {
	if len(body) == 0 {
		return ""
	}
	r, ok := body[len(body)-1].(*ast.ReturnStmt)
	if !ok || len(r.Results) == 0 {
		return ""
	}
	for _, e := range r.Results {
		s := c.text(e)
		for _, word := range []string{"pbft.Ignored", "pbft.Invalid"} {
			if strings.HasPrefix(s, word) {
				return strings.TrimPrefix(s, "pbft.")
			}
		}
		if s == "invalid" || s == "false" && (c.predicate || len(r.Results) > 1) {
			return s
		}
	}
	return ""
}

// alternatives counts each operand of || by itself.
func (c *census) alternatives(e ast.Expr, what string) {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.LOR {
		c.alternatives(b.X, what)
		c.alternatives(b.Y, what)
		return
	}
	i := c.check(e, what)
	c.around(e, fmt.Sprintf("hit(%d, (", i))
}

// conjunction counts when each operand of && is false.
func (c *census) conjunction(e ast.Expr) {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.LAND {
		return
	}
	for _, x := range []ast.Expr{b.X, b.Y} {
		if y, ok := x.(*ast.BinaryExpr); ok && y.Op == token.LAND {
			c.conjunction(x)
			continue
		}
		i := c.check(x, "false unless")
		c.around(x, fmt.Sprintf("!hit(%d, !(", i))
	}
}

// around puts a call around an expression.
func (c *census) around(e ast.Expr, call string) {
	c.edits = append(c.edits, insertion{c.offset(e.Pos()), call}, insertion{c.offset(e.End()), "))"})
}

func (c *census) check(e ast.Expr, what string) int {
	name := fmt.Sprintf("%s: %s: %s", c.where, what, strings.Join(strings.Fields(c.text(e)), " "))
	c.names[name]++
	if k := c.names[name]; k > 1 {
		name = fmt.Sprintf("%s #%d", name, k)
	}
	c.checks = append(c.checks, Check{name})
	return c.first + len(c.checks) - 1
}

// counterSource is what counts in a package: the number of each check goes to the
// file that the environment names, once.
func counterSource(pkg string, checks int) []byte {
	return fmt.Appendf(nil, `package %s

import (
	"fmt"
	"os"
	"sync/atomic"
)

var hits [%d]atomic.Bool

func hit(i int, refuses bool) bool {
	if refuses && !hits[i].Load() && hits[i].CompareAndSwap(false, true) {
		if f, err := os.OpenFile(os.Getenv("CENSUS"), os.O_APPEND|os.O_WRONLY, 0); err == nil {
			fmt.Fprintf(f, "%s %%d\n", i)
			f.Close()
		}
	}
	return refuses
}
`, pkg, max(checks, 1), pkg)
}
