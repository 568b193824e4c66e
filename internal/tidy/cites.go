package tidy

import (
	"bytes"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

var (
	definedLabel = regexp.MustCompile(`(?m)^(?:\*\*|- )(R\d+(?:\([a-z]\))?)[ .]`)
	usedLabel    = regexp.MustCompile(`\bR(?:1[0-9]|[1-9])(?:\([a-z]\))?`)
	citesCoupons = regexp.MustCompile(
		`rules 3\.\d+( [a-h]\b| \([a-h]\))?((, | and | to |; )(or )?3\.\d+( [a-h]\b| \([a-h]\))?)*`)
	bareCitation = regexp.MustCompile(`(?:^|[ (])3\.(?:1[0-6]|[1-9])(?:[ ,;:.)]|$)`)
)

// labelled are where the rules of docs/protocol.md are carried out.
const labelled = "pbft/dualpath"

// Labels checks that every rule and clause of docs/protocol.md is named where it is carried
// out and in a test, and that the code names no other.
func Labels(files []*File) (problems []Problem) {
	defined := map[string]int{}
	for _, f := range files {
		if f.Path == "docs/protocol.md" {
			for _, m := range definedLabel.FindAllSubmatchIndex(f.Source, -1) {
				label := string(f.Source[m[2]:m[3]])
				defined[label] = 1 + bytes.Count(f.Source[:m[2]], []byte("\n"))
				rule, _, _ := strings.Cut(label, "(")
				if _, ok := defined[rule]; !ok {
					defined[rule] = defined[label]
				}
			}
		}
	}
	code, tests := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		if f.AST == nil || !strings.HasPrefix(f.Path, "pbft/") && f.Package() != "internal/rules" {
			continue
		}
		in := code
		if f.IsTest() {
			in = tests
		}
		for _, group := range f.AST.Comments {
			for _, label := range usedLabel.FindAllString(group.Text(), -1) {
				rule, _, _ := strings.Cut(label, "(")
				if f.Package() == labelled {
					in[label], in[rule] = true, true
				}
				if _, ok := defined[label]; !ok && len(defined) > 0 {
					problems = append(problems, f.problem(group.Pos(), "docs/protocol.md has no %s", label))
				}
			}
		}
	}
	for label, line := range defined {
		if !code[label] || !tests[label] {
			problems = append(problems, Problem{File: "docs/protocol.md", Line: line,
				Text: label + " must stand in " + labelled + ", in the code and in a test"})
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Text, b.Text) })
	return problems
}

// Citations checks that the domain rules of coupons are cited as "rules 3.7", so that no
// number is taken for one of the protocol's sections.
func Citations(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || strings.HasPrefix(f.Path, "internal/tidy/") {
			continue
		}
		for _, group := range f.AST.Comments {
			text := citesCoupons.ReplaceAllString(strings.Join(strings.Fields(group.Text()), " "), "")
			if bare := bareCitation.FindString(strings.ReplaceAll(text, "OpenAPI 3.1", "")); bare != "" {
				problems = append(problems, f.problem(group.Pos(), `cite docs/coupons.md as "rules%s"`, " "+
					strings.Trim(bare, " (),;:.")))
			}
		}
	}
	return problems
}

// simulator draws committees with as many faults as they bear, and with more.
const simulator = "pbft/pbfttest"

// Quorums checks that nothing but pbft.Committee and pbft.DefaultFaults divides members by
// three or doubles faults: quorum arithmetic has one home.
func Quorums(files []*File) (problems []Problem) {
	for _, f := range files {
		if f.AST == nil || f.IsTest() || f.Path == "pbft/committee.go" || f.Package() == simulator {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if x, ok := n.(*ast.BinaryExpr); ok && (isQuorum(x)) {
				problems = append(problems, f.problem(n.Pos(), "quorum arithmetic: ask pbft.Committee"))
			}
			return true
		})
	}
	return problems
}

// isQuorum reports members/3, 2*faults+1, 3*faults+1, members-faults and the like, by the names
// that faults, members and committees have here.
func isQuorum(x *ast.BinaryExpr) bool {
	if x.Op == token.QUO {
		lit, ok := x.Y.(*ast.BasicLit)
		return ok && lit.Value == "3" && ofCommittee(x.X)
	}
	if x.Op == token.MUL {
		lit, ok := x.X.(*ast.BasicLit)
		return ok && (lit.Value == "2" || lit.Value == "3") && ofFaults(x.Y)
	}
	return (x.Op == token.ADD || x.Op == token.SUB) && ofFaults(x.Y) || x.Op == token.ADD && ofFaults(x.X)
}

// ofFaults reports whether an expression is a number of faults: f, x.Faults, c.FastFaults().
func ofFaults(e ast.Expr) bool {
	if c, ok := e.(*ast.CallExpr); ok {
		e = c.Fun
	}
	switch x := e.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"faults", "fastFaults"}, x.Name)
	case *ast.SelectorExpr:
		return slices.Contains([]string{"Faults", "FastFaults", "faults", "fastFaults"}, x.Sel.Name)
	}
	return false
}

// ofCommittee reports whether an expression counts members.
func ofCommittee(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if x, ok := n.(*ast.Ident); ok && slices.Contains([]string{"n", "members", "Members", "validators",
			"Size", "committee"}, x.Name) {
			found = true
		}
		return true
	})
	return found
}
