package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// PackageComments checks that each package says what it is: a library with
// "Package name", a command with "Command name".
func PackageComments(files []*File) (problems []Problem) {
	for pkg, members := range byPackage(files) {
		sort.Slice(members, func(i, j int) bool { return members[i].Path < members[j].Path })
		first := members[0]
		want := "Package " + first.AST.Name.Name + " "
		if first.AST.Name.Name == "main" {
			want = "Command " + path.Base(pkg) + " "
		}
		if !slices.ContainsFunc(members, func(f *File) bool { return strings.HasPrefix(f.AST.Doc.Text(), want) }) {
			problems = append(problems, first.problem(first.AST.Package, "no file has a package comment %q...", want))
		}
	}
	return problems
}

// Documented checks that every exported name of a library has a comment, its own
// or, in a group of constants or variables, the group's.
func Documented(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() || f.AST.Name.Name == "main" {
			continue
		}
		for _, decl := range f.AST.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
					problems = append(problems, f.problem(d.Pos(), "exported %s has no comment", d.Name.Name))
				}
			case *ast.GenDecl:
				problems = append(problems, undocumented(f, d)...)
			}
		}
	}
	return problems
}

// exportedReceiver reports whether d is a function, or a method that users of the
// package can see.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// undocumented returns the exported names without a comment of one declaration.
func undocumented(f *File, d *ast.GenDecl) (problems []Problem) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				problems = append(problems, f.problem(s.Pos(), "exported type %s has no comment", s.Name.Name))
			}
		case *ast.ValueSpec:
			if d.Doc != nil || s.Doc != nil || s.Comment != nil {
				continue
			}
			for _, name := range s.Names {
				if name.IsExported() {
					problems = append(problems, f.problem(name.Pos(), "exported %s has no comment", name.Name))
				}
			}
		}
	}
	return problems
}

// FunctionLength checks that a function fits a screen. Tests may hold tables.
func FunctionLength(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() {
			continue
		}
		for _, decl := range f.AST.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || longFunctions()[f.Package()+"."+d.Name.Name] {
				continue
			}
			lines := f.Fset.Position(d.End()).Line - f.Fset.Position(d.Pos()).Line + 1
			if lines > functionLinesMax {
				problems = append(problems, f.problem(d.Pos(), "%s has %d lines, at most %d",
					d.Name.Name, lines, functionLinesMax))
			}
			if d.Name.Name == "init" && d.Recv == nil {
				problems = append(problems, f.problem(d.Pos(), "init runs unasked: let the caller call it"))
			}
		}
	}
	return problems
}

// FileShape checks the length of Go files and of their lines, a tab counting as
// one column.
func FileShape(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || ast.IsGenerated(f.AST) {
			continue
		}
		lines := bytes.Split(bytes.TrimSuffix(f.Source, []byte("\n")), []byte("\n"))
		if len(lines) > fileLinesMax {
			text := fmt.Sprintf("%d lines, at most %d", len(lines), fileLinesMax)
			problems = append(problems, Problem{f.Path, len(lines), text})
		}
		for i, line := range lines {
			if n := utf8.RuneCount(line); n > columnsMax {
				problems = append(problems, Problem{f.Path, i + 1, fmt.Sprintf("%d columns, at most %d", n, columnsMax)})
			}
		}
	}
	return problems
}

// PackageNames refuses names that say nothing.
func PackageNames(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST != nil && slices.Contains(vagueNames(), f.AST.Name.Name) {
			problems = append(problems, f.problem(f.AST.Name.Pos(), "package %s: name it after what it does",
				f.AST.Name.Name))
		}
	}
	return problems
}

// Words refuses marks of unfinished work outside tests, and paths of one machine
// in Go files and documents.
func Words(files []*File) (problems []Problem) {
	marks := regexp.MustCompile(`\b(` + strings.Join(unfinished(), "|") + `)\b`)
	paths := regexp.MustCompile(`(^|[\s"'` + "`" + `(=:])(` + strings.Join(machinePaths(), "|") + `)`)
	for _, f := range files {
		if f.IsTest() || !isText(f.Source) {
			continue
		}
		prose := f.AST != nil || strings.HasSuffix(f.Path, ".md")
		for i, line := range bytes.Split(f.Source, []byte("\n")) {
			if mark := marks.Find(line); mark != nil {
				text := fmt.Sprintf("%s: finish it, or say in words what is missing", mark)
				problems = append(problems, Problem{f.Path, i + 1, text})
			}
			if prose && paths.Match(line) {
				problems = append(problems, Problem{f.Path, i + 1, "a path of one machine"})
			}
		}
	}
	return problems
}

// Changelog checks that there is a place for what was not released yet.
func Changelog(files []*File) []Problem {
	for _, f := range files {
		if f.Path != "CHANGELOG.md" {
			continue
		}
		if regexp.MustCompile(`(?m)^## \[?Unreleased\]?$`).Match(f.Source) {
			return nil
		}
		return []Problem{{f.Path, 1, `no heading "## Unreleased"`}}
	}
	return []Problem{{"CHANGELOG.md", 1, "there is no such file"}}
}

// markdownLink finds the target of [text](target).
var markdownLink = regexp.MustCompile(`\]\(([^)\s#]+)(#[^)\s]*)?\)`)

// Links checks that documents point only to files of the repository that are there.
func Links(files []*File) (problems []Problem) {
	there := make(map[string]bool)
	for _, f := range files {
		for name := f.Path; name != "."; name = path.Dir(name) {
			there[name] = true
		}
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Path, ".md") {
			continue
		}
		for i, line := range strings.Split(string(f.Source), "\n") {
			for _, m := range markdownLink.FindAllStringSubmatch(line, -1) {
				target := path.Join(path.Dir(f.Path), m[1])
				if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "mailto:") && !there[target] {
					problems = append(problems, Problem{f.Path, i + 1, "dead link to " + m[1]})
				}
			}
		}
	}
	return problems
}

// mapRow finds a package and its mark in the code map of ARCHITECTURE.md.
var mapRow = regexp.MustCompile("(?m)^\\| `([a-z0-9/-]+)`( \\*pure\\*)? \\|")

// CodeMap checks that ARCHITECTURE.md tells of each package, of no other, and the
// truth about which are pure.
func CodeMap(files []*File) (problems []Problem) {
	packages := byPackage(files)
	told := make(map[string]bool)
	for _, f := range files {
		if f.Path != architecture {
			continue
		}
		for _, at := range mapRow.FindAllSubmatchIndex(f.Source, -1) {
			pkg, pure := string(f.Source[at[2]:at[3]]), at[4] >= 0
			line := 1 + bytes.Count(f.Source[:at[0]], []byte("\n"))
			told[pkg] = true
			if len(packages[pkg]) == 0 {
				problems = append(problems, Problem{architecture, line, "there is no package " + pkg})
			} else if pure != isPure(pkg) {
				problems = append(problems, Problem{architecture, line, fmt.Sprintf("%s: pure is %v in internal/tidy", pkg, !pure)})
			}
		}
	}
	for pkg := range packages {
		if !told[pkg] {
			problems = append(problems, Problem{architecture, 1, "the code map does not tell of " + pkg})
		}
	}
	sort.Slice(problems, func(i, j int) bool { return problems[i].Text < problems[j].Text })
	return problems
}
