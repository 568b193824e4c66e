package tidy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/genesis"
)

// constraint is a line that says for which builds a file counts.
var constraint = regexp.MustCompile(`(?m)^//(go:build| \+build) .*$`)

// Which program runs chains of a version of the domain rules is decided in one place: a
// build tag in any other file would make programs that differ in more than that.
func TestTheRulesTagIsInOnePlace(t *testing.T) {
	var tagged []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return skip(err)
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err == nil && hasTag(source) {
			tagged = append(tagged, strings.TrimPrefix(filepath.ToSlash(path), "../../"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"genesis/rules_shipped.go", "genesis/rules_trial.go"}
	if slices.Sort(tagged); !slices.Equal(tagged, want) {
		t.Errorf("the tag %s stands in %v, wanted %v", genesis.RulesTag, tagged, want)
	}
}

func TestTheRulesTagIsSeen(t *testing.T) {
	for source, want := range map[string]bool{
		"//go:build rules2\n\npackage p":          true,
		"//go:build unix && !rules2\n\npackage p": true,
		"// +build rules2\n\npackage p":           true,
		"//go:build rules20\n\npackage p":         false,
		"//go:build unix\n\npackage p // rules2":  false,
	} {
		if hasTag([]byte(source)) != want {
			t.Errorf("%q: wanted %v", source, want)
		}
	}
}

// skip leaves a folder out, unless it could not be read.
func skip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

func hasTag(source []byte) bool {
	word := regexp.MustCompile(`\b` + genesis.RulesTag + `\b`)
	return slices.ContainsFunc(constraint.FindAll(source, -1), word.Match)
}
