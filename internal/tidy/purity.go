package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"sort"
	"strings"
)

// orderFree marks a loop over a map whose order cannot reach any output. It
// stands on the line above the loop, with the reason.
const orderFree = "// order-free: "

// Purity checks what pure packages do, beyond what they import: no goroutine,
// channel or select, no float, and no loop over a map unless marked.
func Purity(files []*File) (problems []Problem) {
	packages := byPackage(files)
	paths := make([]string, 0, len(packages))
	for pkg := range packages {
		paths = append(paths, pkg)
	}
	sort.Strings(paths)
	checked := make(typeCache)
	for _, pkg := range paths {
		if !isPure(pkg) {
			continue
		}
		info := checked.load(pkg, packages)
		for _, f := range packages[pkg] {
			problems = append(problems, impure(f, info)...)
		}
	}
	return problems
}

// impure returns what one file of a pure package does wrong.
func impure(f *File, info *types.Info) (problems []Problem) {
	report := func(n ast.Node, format string, args ...any) {
		problems = append(problems, f.problem(n.Pos(), format, args...))
	}
	marked := markedLines(f)
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "a pure package starts no goroutine")
		case *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
			report(n, "a pure package uses no channel")
		case *ast.Ident:
			if strings.HasPrefix(n.Name, "float") && isFloatName(n.Name) {
				report(n, "a pure package computes with integers only")
			}
		case *ast.BasicLit:
			if n.Kind == token.FLOAT || n.Kind == token.IMAG {
				report(n, "a pure package computes with integers only")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "math" && !integerConstant(n.Sel.Name) {
				report(n, "math.%s works on floats; a pure package computes with integers only", n.Sel.Name)
			}
		case *ast.RangeStmt:
			line := f.Fset.Position(n.Pos()).Line
			if isMap(info.TypeOf(n.X)) && !marked[line-1] {
				report(n, "the order of a map is random: sort the keys, or say on the line above why it cannot matter: %s...",
					orderFree)
			}
		}
		return true
	})
	return problems
}

// markedLines returns the lines that hold an order-free comment with a reason.
func markedLines(f *File) map[int]bool {
	lines := make(map[int]bool)
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			if reason, ok := strings.CutPrefix(c.Text, orderFree); ok && strings.TrimSpace(reason) != "" {
				// A reason may run over several comment lines; the last one counts.
				lines[f.Fset.Position(group.End()).Line] = true
			}
		}
	}
	return lines
}

func isFloatName(name string) bool { return name == "float32" || name == "float64" }

// integerConstant reports whether package math's name is a limit of integers.
func integerConstant(name string) bool {
	return strings.HasPrefix(name, "MaxInt") || strings.HasPrefix(name, "MaxUint") || strings.HasPrefix(name, "MinInt")
}

// isMap reports whether a type is a map, or a type parameter that may be one.
func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// typeCache holds type-checked packages of the project. The standard library is
// replaced by empty packages, which costs nothing and loses only types that a
// pure package does not range over.
type typeCache map[string]*checkedPackage

type checkedPackage struct {
	types *types.Package
	info  *types.Info
}

// load type-checks a package of the project, ignoring what it cannot resolve.
func (c typeCache) load(pkg string, packages map[string][]*File) *types.Info {
	if have, ok := c[pkg]; ok {
		return have.info
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object),
		Defs: make(map[*ast.Ident]types.Object)}
	entry := &checkedPackage{info: info, types: types.NewPackage(module+pkg, "unresolved")}
	c[pkg] = entry
	fset := token.NewFileSet()
	var syntax []*ast.File
	for _, f := range packages[pkg] {
		fset, syntax = f.Fset, append(syntax, f.AST)
	}
	config := types.Config{Importer: importer{c, packages}, Error: func(error) {}}
	if checked, _ := config.Check(module+pkg, fset, syntax, info); checked != nil {
		entry.types = checked
	}
	return info
}

// importer gives packages of the project, and empty ones for all others.
type importer struct {
	cache    typeCache
	packages map[string][]*File
}

// Import implements types.Importer.
func (i importer) Import(name string) (*types.Package, error) {
	if own, ok := strings.CutPrefix(name, module); ok {
		i.cache.load(own, i.packages)
		return i.cache[own].types, nil
	}
	empty := types.NewPackage(name, name[strings.LastIndexByte(name, '/')+1:])
	empty.MarkComplete()
	return empty, nil
}
