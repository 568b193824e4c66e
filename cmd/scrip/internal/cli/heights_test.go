package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
)

func TestHeightsAreRememberedByChain(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	one, other := [32]byte{1}, [32]byte{2}
	if h := heightOf(one); h != 0 {
		t.Fatalf("height %d of a chain that was never seen", h)
	}
	noteHeight(one, 7)
	noteHeight(other, 3)
	noteHeight(one, 5)
	if a, b := heightOf(one), heightOf(other); a != 7 || b != 3 {
		t.Errorf("heights %d and %d, wanted 7 and 3", a, b)
	}
	for i := range byte(2 * heightsMax) {
		noteHeight([32]byte{10, i}, 1)
	}
	if n := len(readHeights()); n != heightsMax {
		t.Errorf("%d chains are remembered", n)
	}
	if err := os.WriteFile(heightsPath(), []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	noteHeight(one, 9)
	if h := heightOf(one); h != 9 {
		t.Errorf("height %d after a damaged file, wanted 9", h)
	}
}

func TestAForgottenHeightIsThatOfOneChain(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	one, other := [32]byte{1}, [32]byte{2}
	if err := forgetHeight(one); err != nil {
		t.Fatalf("without a file: %v", err)
	}
	noteHeight(one, 7)
	noteHeight(other, 3)
	if err := forgetHeight(one); err != nil {
		t.Fatal(err)
	}
	noteHeight(one, 4)
	if a, b := heightOf(one), heightOf(other); a != 4 || b != 3 {
		t.Errorf("heights %d and %d, wanted 4 and 3", a, b)
	}
}

func TestAChainThatWasSetBackIsExplained(t *testing.T) {
	err := fmt.Errorf("params: %w", &client.BehindError{Seen: 9999, Height: 41, Nodes: 4})
	e := explain(err)
	if e.Exit != ExitUnreachable || e.Code != client.ProblemBehind || e.Next != "scrip block latest --forget-heights" {
		t.Errorf("%+v", e)
	}
	for _, want := range []string{"height 41 (4 answered)", "below height 9999"} {
		if !strings.Contains(e.Text, want) {
			t.Errorf("%q does not say %q", e.Text, want)
		}
	}
}
