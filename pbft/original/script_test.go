package original_test

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

var rewrite = flag.Bool("rewrite", false, "write the scripts in testdata anew from what happens")

// The scripts in testdata show whole exchanges, Ready by Ready.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			s := pbfttest.Script{New: newEngine, Protocol: pbft.Original}
			if err := s.PlayFile(name, *rewrite); err != nil {
				t.Error(err)
			}
		})
	}
}
