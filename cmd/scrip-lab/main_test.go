package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scrip-network/scrip/lab/shaper"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"scrip-lab": main})
}

// TestScripts runs the scripts of testdata. SCRIP is the scrip program, which is
// made from this source unless the variable names one.
func TestScripts(t *testing.T) {
	scrip := cmp.Or(os.Getenv("SCRIP"), filepath.Join(t.TempDir(), "scrip"))
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "short":
				return testing.Short(), nil
			case "netns": // lines of a router can be had here
				return shaper.Available() == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", condition)
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("SCRIP", scrip)
			if _, err := os.Stat(scrip); err == nil || testing.Short() {
				return nil
			}
			build := exec.Command("go", "build", "-o", scrip, "github.com/scrip-network/scrip/cmd/scrip")
			build.Stdout, build.Stderr = os.Stderr, os.Stderr
			return build.Run()
		},
	})
}
