package coupon

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table of codes that people read is the one that tools show.
func TestTheDocumentedCodesAreThese(t *testing.T) {
	b, err := os.ReadFile("../docs/coupons.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		if code, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && strings.HasPrefix(line, "| E") {
			rows[code] = line
		}
	}
	for _, info := range Codes() {
		want := fmt.Sprintf("| %s | %s | %s | %s | %s |", info.Code, info.Name, info.Word, info.Explanation, info.Advice)
		if info.Stage == 1 && rows[info.Code.String()] != want {
			t.Errorf("docs/coupons.md says\n%s\nand the rules\n%s", rows[info.Code.String()], want)
		}
	}
}

// Every kind has a row among the rules, with its events, and one among the formats.
func TestTheDocumentedKindsAreThese(t *testing.T) {
	for path, events := range map[string]bool{"../docs/coupons.md": true, "../docs/wire.md": false} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range KindsAt(Version2) {
			head := fmt.Sprintf("| %d %s |", k, k)
			if events {
				head = fmt.Sprintf("| %d | %s |", k, k)
			}
			_, row, ok := strings.Cut("\n"+string(b), "\n"+head)
			row, _, _ = strings.Cut(row, "\n")
			if !ok {
				t.Errorf("%s has no row %q", path, head)
			}
			for _, e := range kindTable[k].events {
				if events && !strings.Contains(row, e.name) {
					t.Errorf("%s: kind %d without its event %s", path, k, e.name)
				}
			}
		}
	}
}
