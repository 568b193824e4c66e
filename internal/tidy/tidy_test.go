package tidy

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The whole repository keeps the house rules.
func TestRepository(t *testing.T) {
	files, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files were found: this is not the whole repository", len(files))
	}
	for _, p := range Check(files) {
		t.Error(p)
	}
}

// parse makes files of "name" and source in turn.
func parse(t *testing.T, pairs ...string) []*File {
	t.Helper()
	var files []*File
	fset := token.NewFileSet()
	for i := 0; i < len(pairs); i += 2 {
		f, err := Parse(fset, pairs[i], []byte(pairs[i+1]))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// expect checks that a rule finds exactly the problems that contain the texts.
func expect(t *testing.T, rule func([]*File) []Problem, files []*File, want ...string) {
	t.Helper()
	got := rule(files)
	for i, p := range got {
		if i >= len(want) || !strings.Contains(p.String(), want[i]) {
			t.Errorf("found %s", p)
		}
	}
	if len(got) < len(want) {
		t.Errorf("found %d problems, wanted %q", len(got), want)
	}
}

// A permission that nothing uses is taken back.
func TestPermissions(t *testing.T) {
	expect(t, Permissions, parse(t,
		"transport/a.go", "package transport\nimport \"github.com/scrip-network/scrip/sig\"\n",
		"transport/a_test.go", "package transport\nimport \"github.com/scrip-network/scrip/pbft/wire\"\n",
		"coupon/a.go", "package coupon\nimport (\n\"github.com/scrip-network/scrip/pbft\"\n"+
			"\"github.com/scrip-network/scrip/pbft/wire\"\n)\n",
		"cmd/scrip/a.go", "package main\nimport \"github.com/scrip-network/scrip/coupon\"\n",
	),
		"transport may import pbft/wire and does not",
	)
}

func TestImports(t *testing.T) {
	expect(t, Imports, parse(t,
		"pbft/a.go", `package pbft
import "errors"
import "github.com/scrip-network/scrip/pbft/wire"
import "time"
import "github.com/scrip-network/scrip/coupon"
import "github.com/scrip-network/scrip/store"
`,
		"pbft/a_test.go", "package pbft\nimport \"time\"\n",
		"node/a.go", `package node
import "os"
import "github.com/scrip-network/scrip/pbft/driver"
import "github.com/scrip-network/scrip/coupon"
`,
		"store/a.go", "package store\nimport \"github.com/scrip-network/scrip/storefront\"\n",
		"cmd/scrip/a.go", "package main\nimport \"github.com/scrip-network/scrip/coupon\"\n",
		"newcomer/a.go", "package newcomer\n",
	),
		"pbft/a.go:4: pure package pbft must not import time",
		"pbft/a.go:5: pbft must not import coupon",
		"pbft/a.go:6: pbft must not import store",
		"node/a.go:4: node must not import coupon",
		"store/a.go:2: store must not import storefront",
		"newcomer/a.go:1: package newcomer has no layer",
	)
}

// What the purity of the core rests on is in no list of what it may import.
func TestPureImportsHoldNoClockFileOrScheduler(t *testing.T) {
	for _, name := range []string{"time", "os", "net", "context", "sync", "sync/atomic", "log", "log/slog",
		"math/rand", "math/rand/v2", "crypto/rand", "runtime", "unsafe", "reflect", "maps", "io", "io/fs", "syscall"} {
		files := parse(t, "coupon/a.go", fmt.Sprintf("package coupon\nimport %q\n", name))
		expect(t, Imports, files, "must not import "+name)
	}
	for _, pkg := range []string{"pbft", "pbft/wire", "pbft/dualpath", "coupon", "chain"} {
		if !isPure(pkg) {
			t.Errorf("%s is not held to be pure", pkg)
		}
	}
}

func TestHomes(t *testing.T) {
	expect(t, Homes, parse(t,
		"store/a.go", "package store\nimport \"github.com/cockroachdb/pebble/v2\"\n",
		"cmd/scrip/a.go", "package main\nimport \"github.com/spf13/cobra\"\n",
		"node/a.go", "package node\nimport \"github.com/cockroachdb/pebble/v2\"\n",
	), "node/a.go:2: github.com/cockroachdb/pebble/v2 is wrapped by package store")
}

func TestOneVerifier(t *testing.T) {
	const source = "import \"crypto/ed25519\"\nvar _ = ed25519.Verify\nvar _ = ed25519.Sign\n"
	expect(t, OneVerifier, parse(t, "sig/a.go", "package sig\n"+source, "api/a.go", "package api\n"+source),
		"api/a.go:3: verify with package sig")
}

func TestOneMaker(t *testing.T) {
	const source = "func f(c coupon.Chain) {\n_ = c.NewRedeemShow(v, till, a, sig)\n_ = c.Body(0, &coupon.Redeem{})\n" +
		"_ = tx.(*coupon.Redeem)\n}\n"
	files := []string{}
	for _, name := range []string{"actions/a.go", "coupon/coupontest/a.go", "api/a_test.go", "bench/a.go",
		"e2e/a_test.go"} {
		files = append(files, name, "package p\n"+source)
	}
	expect(t, OneMaker, parse(t, files...), "bench/a.go:3: NewRedeemShow: sign with package actions",
		"bench/a.go:4: a redemption: sign", "e2e/a_test.go:3: NewRedeemShow", "e2e/a_test.go:4: a redemption")
}

func TestPurity(t *testing.T) {
	expect(t, Purity, parse(t,
		"pbft/wire/wire.go", `package wire
type Table map[string]int
func Rows() Table { return nil }
`,
		"pbft/a.go", `package pbft
import (
	"math"
	"github.com/scrip-network/scrip/pbft/wire"
)
type set map[int]bool
func f(s set, m map[string]int, list []int) (n int) {
	for range list { n++ }
	for k := range s { n += k }
	for range m { n++ }
	for range wire.Rows() { n++ }
	// order-free: a sum is the same in every order.
	for k := range s { n += k }
	// order-free:
	for k := range s { n += k }
	go f(nil, nil, nil)
	var c chan int
	c <- 1
	select {}
	x := 0.5
	var y float64
	_ = math.Sqrt(4)
	return math.MaxInt32
}
`,
		"store/a.go", "package store\nfunc f(m map[int]int) { for range m { go f(nil) } }\n",
	),
		"a.go:9: the order of a map",
		"a.go:10: the order of a map",
		"a.go:11: the order of a map",
		"a.go:15: the order of a map",
		"a.go:16: a pure package starts no goroutine",
		"a.go:17: a pure package uses no channel",
		"a.go:18: a pure package uses no channel",
		"a.go:19: a pure package uses no channel",
		"a.go:20: a pure package computes with integers",
		"a.go:21: a pure package computes with integers",
		"a.go:22: math.Sqrt works on floats",
	)
}

func TestPackageComments(t *testing.T) {
	expect(t, PackageComments, parse(t,
		"a/a.go", "package a\n", "a/b.go", "// Package a adds.\npackage a\n"))
	expect(t, PackageComments, parse(t, "a/a.go", "package a\n"), `no file has a package comment "Package a "`)
	expect(t, PackageComments, parse(t, "a/a.go", "// Hello.\npackage a\n"), `no file has a package comment "Package a "`)
	expect(t, PackageComments, parse(t, "cmd/b/a.go", "// Command b runs.\npackage main\n"))
	expect(t, PackageComments, parse(t, "cmd/b/a.go", "package main\n"), `comment "Command b "`)
}

func TestDocumented(t *testing.T) {
	expect(t, Documented, parse(t, "a/a.go", `package a
func Bare() {}
// Told does.
func Told() {}
func inner() {}
type T struct{}
func (T) M() {}
type u struct{}
func (u) M() {}
type G[P any] struct{} // not a comment of G for godoc
func (*G[P]) M() {}
// Group is of constants.
const (
	A = 1
	B = 2
)
const (
	C = 1
	D = 2 // D is two.
	// E is three.
	E, F = 3, 4
)
var V int
// Both types are here.
type (
	W int
	// X is told.
	X int
)
`, "a/a_test.go", "package a\nfunc Helper() {}\n", "cmd/b/a.go", "package main\nfunc Bare() {}\n"),
		"a.go:2: exported Bare", "a.go:6: exported type T", "a.go:7: exported M", "a.go:10: exported type G",
		"a.go:11: exported M", "a.go:18: exported C", "a.go:23: exported V", "a.go:26: exported type W")
}

func TestFunctionLength(t *testing.T) {
	body := func(lines int) string { return "func f() {\n" + strings.Repeat("\t_ = 0\n", lines-2) + "}\n" }
	expect(t, FunctionLength, parse(t, "a/a.go", "package a\n"+body(functionLinesMax)))
	expect(t, FunctionLength, parse(t, "a/a.go", "package a\n"+body(functionLinesMax+1)), "a.go:2: f has 71 lines")
	expect(t, FunctionLength, parse(t, "a/a_test.go", "package a\n"+body(500)))
	expect(t, FunctionLength, parse(t, "a/a.go", "package a\nfunc init() {}\n"), "init runs unasked")
	if n := len(longFunctions()); n > 3 {
		t.Errorf("%d functions are exempt: the list only shrinks", n)
	}
}

func TestFileShape(t *testing.T) {
	expect(t, FileShape, parse(t, "a/a.go", "package a\n"+strings.Repeat("\n", fileLinesMax-1)))
	expect(t, FileShape, parse(t, "a/a.go", "package a\n"+strings.Repeat("\n", fileLinesMax)), "1001 lines")
	wide := "// " + strings.Repeat("é", columnsMax-3)
	expect(t, FileShape, parse(t, "a/a.go", "package a\n"+wide+"\n"))
	expect(t, FileShape, parse(t, "a/a_test.go", "package a\n"+wide+"é\n"), "a_test.go:2: 121 columns")
}

func TestPackageNames(t *testing.T) {
	expect(t, PackageNames, parse(t, "a/a.go", "package utils\n", "b/b.go", "package ledger\n"), "package utils")
}

func TestWords(t *testing.T) {
	mark, folder := unfinished()[0], machinePaths()[0]
	expect(t, Words, parse(t,
		"a/a.go", "package a // "+mark+" later\n",
		"a/a_test.go", "package a // "+mark+" in a test\n",
		"b.md", "Methodology\nSee `"+folder+"me/x`\nhttps://example.org"+folder+"x\n"+mark+"S of others\n",
		"c.json", `"`+folder+`"`,
		"d.png", mark+"\x00",
	), "a.go:1: "+mark, "b.md:2: a path of one machine")
}

func TestLinks(t *testing.T) {
	expect(t, Links, parse(t, "docs/a.md", "[b](b.md#part) [up](../keys) [far](https://example.org/x)\n[no](c.md)\n",
		"docs/b.md", "", "keys/doc.go", "package keys\n"), "docs/a.md:2: dead link to c.md")
}

func TestCodeMap(t *testing.T) {
	code := []string{"pbft/a.go", "package pbft\n", "store/a.go", "package store\n",
		"internal/tidy/a.go", "package tidy\n"}
	check := func(text string, want ...string) {
		t.Helper()
		expect(t, CodeMap, parse(t, append([]string{"ARCHITECTURE.md", text}, code...)...), want...)
	}
	const tidy = "| `internal/tidy` | x |\n"
	check("| `pbft` *pure* | x |\n| `store` | x |\n" + tidy)
	check("| `pbft` *pure* | x |\n", "does not tell of internal/tidy", "does not tell of store")
	check("| `pbft` | x |\n| `store` *pure* | x |\n| `moon` | x |\n"+tidy,
		"pbft: pure is true", "store: pure is false", "no package moon")
}

// Imports run down the drawing of layers or along a line of it, and every package stands in it.
func TestDrawing(t *testing.T) {
	const own = "import \"github.com/scrip-network/scrip/"
	check := func(drawing string, want ...string) {
		t.Helper()
		problems := Drawing(parse(t, "ARCHITECTURE.md", "# A\n\n"+drawing,
			"node/a.go", "package node\n"+own+"store\"\n"+own+"pbft\"\n",
			"node/a_test.go", "package node\n"+own+"ledger\"\n",
			"ledger/a.go", "package ledger\n"+own+"node\"\n",
			"store/a.go", "package store\nimport \"os\"\n", "pbft/a.go", "package pbft\n"))
		slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.String(), b.String()) })
		expect(t, func([]*File) []Problem { return problems }, nil, want...)
	}
	check("```layers\nnode  ledger\n      node\n\ndisk  store\ncore  pbft\n```\n")
	check("```layers\ncore  pbft\nnode  node ledger store\n```\n",
		"node/a.go:3: the import of pbft runs upwards, from node to core")
	check("```layers\nnode  node\nrules ledger\ndisk  store\ncore  pbft\n```\n",
		"ledger/a.go:2: the import of node runs upwards, from rules to node")
	check("```layers\nnode  node ledger moon\ncore  pbft pbft\n```\n",
		"ARCHITECTURE.md:1: the drawing of layers lacks store",
		"ARCHITECTURE.md:4: there is no package moon to draw",
		"ARCHITECTURE.md:5: pbft is drawn twice")
	check("no drawing", "ARCHITECTURE.md:1: no drawing of layers")
	check("```layers\nnode node ledger store pbft\n", "no drawing of layers")
}

func TestChangelog(t *testing.T) {
	expect(t, Changelog, parse(t, "CHANGELOG.md", "# Changes\n\n## Unreleased\n"))
	expect(t, Changelog, parse(t, "CHANGELOG.md", "# Changes\n\n## 1.0\n"), "no heading")
	expect(t, Changelog, nil, "no such file")
}

// Every rule of the protocol stands in code and in a test, and nothing names another.
func TestLabels(t *testing.T) {
	page := "**R1 propose.** Text.\n\n- R2(a) One.\n- R2(b) Two, unlike R9.\n"
	expect(t, Labels, parse(t, "docs/protocol.md", page,
		"pbft/dualpath/a.go", "package dualpath\n\n// R1, R2(a), R2(b).\nvar a int\n",
		"pbft/dualpath/a_test.go", "package dualpath\n\n// R1. R2(a): and R2(b).\nvar b int\n"))
	expect(t, Labels, parse(t, "docs/protocol.md", page,
		"pbft/dualpath/a.go", "package dualpath\n\n// R1, R2(a), R2(b), R2(c).\nvar a int\n",
		"pbft/a.go", "package pbft\n\n// R3.\nvar a int\n",
		"pbft/dualpath/a_test.go", "package dualpath\n\n// R1. R2(a).\nvar b int\n"),
		"docs/protocol.md:4: R2(b) must stand", "docs/protocol.md has no R2(c)", "docs/protocol.md has no R3")
}

// The coupons' rules are cited so that no number is taken for a section of the protocol.
func TestCitations(t *testing.T) {
	expect(t, Citations, parse(t, "coupon/a.go", "package coupon\n\n// A (rules 3.3 b, 3.14). Of rules 3.1 to 3.3,\n"+
		"// 3.5 and 3.6. OpenAPI 3.1, 13.4, 3.141.\nvar a int\n"))
	expect(t, Citations, parse(t, "coupon/a.go", "package coupon\n\n// A (3.3 b).\nvar a int\n\n// B of section 3.14.\n"+
		"var b int\n"), `as "rules 3.3"`, `as "rules 3.14"`)
}

// Quorum arithmetic has one home.
func TestQuorums(t *testing.T) {
	expect(t, Quorums, parse(t, "pbft/committee.go", "package pbft\n\nvar a = (n - 1) / 3\n",
		"node/a_test.go", "package node\n\nvar a = (n - 1) / 3\n",
		"node/b.go", "package node\n\nvar a = width / 3\n\nvar b = Size - 1\n"))
	expect(t, Quorums, parse(t, "node/a.go", "package node\n\nvar a = (members - 1) / 3\n\nvar b = c.Faults() + 1\n\n"+
		"var d = 2*faults + 1\n\nvar e = n - p.Faults\n"),
		"node/a.go:3", "node/a.go:5", "node/a.go:7", "node/a.go:9")
}
