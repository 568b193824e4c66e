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
