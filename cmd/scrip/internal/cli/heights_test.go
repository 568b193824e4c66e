package cli

import (
	"os"
	"testing"
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
