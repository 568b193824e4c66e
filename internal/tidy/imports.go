package tidy

import (
	"go/ast"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// matches reports whether a package is what a pattern of the tables names.
func matches(pattern, pkg string) bool {
	if pattern == "..." || pattern == pkg {
		return true
	}
	folder, ok := strings.CutSuffix(pattern, "/...")
	return ok && (pkg == folder || strings.HasPrefix(pkg, folder+"/"))
}

// layerOf returns the layer of a package: its own entry, or else the pattern with
// the longest folder.
func layerOf(pkg string) (layer, bool) {
	all := layers()
	if l, ok := all[pkg]; ok {
		return l, true
	}
	best := ""
	for pattern := range all {
		if matches(pattern, pkg) && len(pattern) > len(best) {
			best = pattern
		}
	}
	return all[best], best != ""
}

// isPure reports whether a package is one of the pure ones.
func isPure(pkg string) bool {
	l, _ := layerOf(pkg)
	return l.pure
}

// Imports checks the import direction. Tests may import what they like, as far as
// the compiler lets them.
func Imports(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() {
			continue
		}
		l, known := layerOf(f.Package())
		if !known {
			problems = append(problems, f.problem(f.AST.Package,
				"package %s has no layer: add it to the table in internal/tidy/rules.go", f.Package()))
			continue
		}
		for _, spec := range f.AST.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			own, inside := strings.CutPrefix(name, module)
			switch {
			case inside && !slices.ContainsFunc(l.imports, func(p string) bool { return matches(p, own) }):
				problems = append(problems, f.problem(spec.Pos(), "%s must not import %s", f.Package(), own))
			case !inside && l.pure && !slices.Contains(pureImports(), name):
				problems = append(problems, f.problem(spec.Pos(), "pure package %s must not import %s", f.Package(), name))
			}
		}
	}
	return problems
}

// Permissions checks that each package imports what its own entry of the table lets it:
// what nobody uses any more would let it in again unnoticed. Entries for whole folders
// and permissions for all packages are not judged.
func Permissions(files []*File) (problems []Problem) {
	used := map[string][]string{}
	for _, f := range files {
		if f.AST == nil || f.IsTest() {
			continue
		}
		for _, spec := range f.AST.Imports {
			if name, err := strconv.Unquote(spec.Path.Value); err == nil {
				if own, inside := strings.CutPrefix(name, module); inside {
					used[f.Package()] = append(used[f.Package()], own)
				}
			}
		}
	}
	all := layers()
	for _, pkg := range slices.Sorted(maps.Keys(all)) {
		for _, allowed := range all[pkg].imports {
			if _, there := used[pkg]; !there || allowed == "..." {
				continue
			}
			if !slices.ContainsFunc(used[pkg], func(own string) bool { return matches(allowed, own) }) {
				problems = append(problems, Problem{File: "internal/tidy/rules.go", Line: 1,
					Text: pkg + " may import " + allowed + " and does not: take it out of the table"})
			}
		}
	}
	return problems
}

// Homes checks that a dependency is imported only by the package that wraps it,
// so that it can be replaced there.
func Homes(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() {
			continue
		}
		for _, spec := range f.AST.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			for dependency, home := range homes() {
				if name != dependency && !strings.HasPrefix(name, dependency+"/") {
					continue
				}
				if !slices.ContainsFunc(home, func(p string) bool { return matches(p+"/...", f.Package()) }) {
					problems = append(problems, f.problem(spec.Pos(), "%s is wrapped by package %s: use that",
						name, strings.Join(home, " or ")))
				}
			}
		}
	}
	return problems
}

// OneVerifier checks that signatures are verified in package sig alone: the
// standard library's rule accepts other signatures than ZIP-215, and two rules on
// one chain are a fork.
func OneVerifier(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() || f.Package() == "sig" {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Verify") {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "ed25519" {
					problems = append(problems, f.problem(n.Pos(), "verify with package sig"))
				}
			}
			return true
		})
	}
	return problems
}

// OneMaker checks that package actions alone puts transactions together: what else
// holds and signs their fields has rules of its own about what fits and when it
// expires. Package coupon makes them, and tests of single packages break them; the
// tests of whole networks do as integrators do.
func OneMaker(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() && f.Package() != "e2e" || f.Package() == "actions" ||
			matches("coupon/...", f.Package()) {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			made := ""
			switch x := n.(type) {
			case *ast.CallExpr:
				if s, ok := x.Fun.(*ast.SelectorExpr); ok && slices.Contains(makers(), s.Sel.Name) {
					made = s.Sel.Name
				}
			case *ast.CompositeLit:
				if s, ok := x.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Redeem" {
					made = "a redemption"
				}
			}
			if made != "" {
				problems = append(problems, f.problem(n.Pos(), "%s: sign with package actions", made))
			}
			return true
		})
	}
	return problems
}
