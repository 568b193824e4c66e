package tidy

import (
	"bytes"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const memoryPage = "../../docs/memory.md"

// memoryRow is one line of the table of what a node keeps.
type memoryRow struct {
	code, file            string
	times, each, mebibyte int64
}

var memoryCells = regexp.MustCompile("^\\| \\w+ \\| .* \\| `(.*)` in (\\S+) \\| " +
	`(\d+)[^|]* \| ([0-9,]+) \| ([0-9,]+) \|`)

func memoryRows(t *testing.T) (rows []memoryRow, total int64) {
	t.Helper()
	page, err := os.ReadFile(memoryPage)
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) int64 {
		n, err := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	sum := regexp.MustCompile(`full at once\*\* .*\*\*([0-9,]+)\*\*`).FindStringSubmatch(string(page))
	if sum == nil {
		t.Fatal("the table has no sum")
	}
	for line := range strings.Lines(string(page)) {
		if c := memoryCells.FindStringSubmatch(line); c != nil {
			rows = append(rows, memoryRow{c[1], c[2], number(c[3]), number(c[4]), number(c[5])})
		}
	}
	return rows, number(sum[1])
}

// unspaced leaves out spaces, since gofmt aligns what the page does not.
func unspaced(s string) string { return strings.Join(strings.Fields(s), "") }

// The limits that the page states are those of the code, and its numbers follow from
// them.
func TestTheMemoryPageIsTheCodes(t *testing.T) {
	rows, total := memoryRows(t)
	sum := int64(0)
	for _, r := range rows {
		source, err := os.ReadFile(filepath.Join("../..", r.file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(unspaced(string(source)), unspaced(r.code)) {
			t.Errorf("%s does not say %s", r.file, r.code)
		}
		limit := r.code[strings.LastIndexAny(r.code, "=,")+1:]
		v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, strings.TrimRight(limit, ")"))
		if err != nil {
			t.Fatalf("%s: %v", r.code, err)
		}
		n, _ := constant.Int64Val(v.Value)
		if want := (n*r.times*r.each + 1<<20 - 1) >> 20; want != r.mebibyte {
			t.Errorf("%s: %d times %d bytes of %d are %d MiB, not %d", r.code, r.times, r.each, n, want, r.mebibyte)
		}
		sum += r.mebibyte
	}
	if sum != total || len(rows) < 30 {
		t.Errorf("%d rows make %d MiB; the page says %d", len(rows), sum, total)
	}
}

// keepers are names of limits of what is kept, rather than of one message or answer.
var keepers = regexp.MustCompile(`(?i)(queue|cache|waiters|recent|rows|entries|keys|codes|boxes|flight|want|inbox|` +
	`verdict|decoded|memtable|pool|headers|subscribers|pins|pending).*(max|default)$|^default.*(keys|signatures)$`)

// keptSmall are limits that the page leaves out.
var keptSmall = map[string]string{
	"recentBlockMax":   "its bytes are those of recentBytesMax",
	"serveQueueMax":    "64 questions",
	"checkQueueMax":    "names of blocks that the engine keeps",
	"executorQueueMax": "32 blocks that the engine keeps",
	"SubscribersMax":   "1,024 streams of which each has one channel; the API takes 512",
	"eventQueueMax":    "part of a stream",
	"pendingMax":       "4 snapshots",
	"wantsMax":         "512 headers with recipes of WantedBytesMax",
	"pinsMax":          "32 snapshots",
	"pacesMax":         "8,832 sums of 64 bytes",
	"CouponCodesMax":   "of the codes that CodesMax bounds",
}

// No limit of a queue, map or cache is missing on the page.
func TestTheMemoryPageLeavesNothingOut(t *testing.T) {
	page, err := os.ReadFile(memoryPage)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, dir := range []string{"store", "ledger", "node", "pbft/lanes", "transport", "sig", "api", "gateway",
		"profile/shelf", "profile/texts", "internal/throttle"} {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range constants(f) {
				if _, small := keptSmall[c]; !keepers.MatchString(c) || small {
					continue
				}
				if seen++; !bytes.Contains(page, []byte(c)) {
					t.Errorf("%s: %s is not in docs/memory.md", name, c)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d limits were found", seen)
	}
}

// constants returns the names of a file's constants.
func constants(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			for _, n := range s.(*ast.ValueSpec).Names {
				names = append(names, n.Name)
			}
		}
	}
	return names
}
