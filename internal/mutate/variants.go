package mutate

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Variants is a source that holds many faults, of which the program at hand runs with
// one at most: that of the number in the package's variable fault. Each is a copy of
// its function, to which the function turns first.
type Variants struct {
	// Source is what stands in for the file.
	Source []byte
	// Lines are the first and last line of each fault's copy, by its number.
	Lines map[int][2]int
}

// Vary puts faults of a file into one source, each under its number. It returns the
// numbers of those that it cannot put in, because their function is a method without
// a receiver's name or leaves a parameter unnamed.
func Vary(file string, src []byte, faults map[int]Fault) (v Variants, left []int, err error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return Variants{}, nil, fmt.Errorf("put faults into a file: %w", err)
	}
	v.Lines = make(map[int][2]int)
	c := &census{finder: finder{file: file, src: src, fset: fset}}
	var copies []variant
	for number := range sortedKeys(faults) {
		f := faults[number]
		fn := enclosing(c, tree, f)
		call := ""
		if fn != nil {
			call = forward(fn, number)
		}
		if call == "" {
			left = append(left, number)
			continue
		}
		c.edits = append(c.edits, insertion{c.offset(fn.Body.Lbrace) + 1,
			fmt.Sprintf("\nif fault == %d {\n%s\n}\n", number, call)})
		start, name := c.offset(fn.Pos()), c.offset(fn.Name.End())
		text := string(src[start:name]) + suffix(number) + string(src[name:f.start]) + f.Is +
			string(src[f.end:c.offset(fn.End())])
		copies = append(copies, variant{number, text})
	}
	out := c.apply()
	for _, x := range copies {
		first := bytes.Count(out, []byte("\n")) + 2
		v.Lines[x.number] = [2]int{first, first + strings.Count(x.text, "\n")}
		out = append(append(append(out, '\n'), x.text...), '\n')
	}
	v.Source = out
	return v, left, nil
}

type variant struct {
	number int
	text   string
}

func suffix(number int) string { return fmt.Sprintf("Fault%d", number) }

// enclosing returns the function that a fault is in.
func enclosing(c *census, tree *ast.File, f Fault) *ast.FuncDecl {
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && c.offset(fn.Body.Pos()) <= f.start &&
			f.end <= c.offset(fn.End()) {
			return fn
		}
	}
	return nil
}

// forward returns the call of a function's copy with all that it was given, "" if
// something has no name.
func forward(fn *ast.FuncDecl, number int) string {
	call := fn.Name.Name + suffix(number)
	if fn.Recv != nil {
		if len(fn.Recv.List[0].Names) == 0 || fn.Recv.List[0].Names[0].Name == "_" {
			return ""
		}
		call = fn.Recv.List[0].Names[0].Name + "." + call
	}
	var args []string
	for _, p := range fn.Type.Params.List {
		if len(p.Names) == 0 {
			return ""
		}
		for _, n := range p.Names {
			if n.Name == "_" {
				return ""
			}
			args = append(args, n.Name)
			if _, ok := p.Type.(*ast.Ellipsis); ok {
				args[len(args)-1] += "..."
			}
		}
	}
	call += "(" + strings.Join(args, ", ") + ")"
	if fn.Type.Results == nil {
		return call + "\nreturn"
	}
	return "return " + call
}

// switchSource declares what chooses the fault of a package.
func switchSource(pkg string) []byte {
	return fmt.Appendf(nil, `package %s

import (
	"os"
	"strconv"
)

var fault, _ = strconv.Atoi(os.Getenv("FAULT"))
`, pkg)
}

// sortedKeys yields the keys of m, ascending.
func sortedKeys[V any](m map[int]V) iter.Seq[int] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}
