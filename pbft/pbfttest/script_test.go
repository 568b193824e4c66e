package pbfttest_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/pbft/pbfttest"
)

var rewrite = flag.Bool("rewrite", false, "write the scripts in ../testdata anew from what happens")

// The scripts in pbft/testdata show whole exchanges, Ready by Ready.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s := pbfttest.Script{New: newEngine}
			got, err := s.Play(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *rewrite {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("the script plays differently; look at the difference with -rewrite and git diff. It is now:\n%s", got)
			}
		})
	}
}
