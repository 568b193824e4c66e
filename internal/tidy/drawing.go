package tidy

import (
	"bytes"
	"strconv"
	"strings"
)

const (
	architecture = "ARCHITECTURE.md"
	drawingFence = "```layers\n"
)

// place is where a package stands in the drawing.
type place struct {
	depth int    // of its layer, 0 is the highest
	layer string // its name
	line  int    // of the file
}

// readDrawing reads the layers that ARCHITECTURE.md draws: a line that begins with a word is
// a layer of that name and its packages, one that begins with a space goes on with them.
func readDrawing(f *File) (drawn map[string]place, problems []Problem) {
	before, rest, found := bytes.Cut(f.Source, []byte(drawingFence))
	body, _, closed := bytes.Cut(rest, []byte("```"))
	if !found || !closed {
		return nil, []Problem{{f.Path, 1, "no drawing of layers"}}
	}
	drawn = make(map[string]place)
	at := place{depth: -1, line: 1 + bytes.Count(before, []byte("\n"))}
	for text := range strings.Lines(string(body)) {
		at.line++
		words := strings.Fields(text)
		if len(words) > 0 && !strings.HasPrefix(text, " ") {
			at.depth, at.layer, words = at.depth+1, words[0], words[1:]
		}
		for _, pkg := range words {
			if _, twice := drawn[pkg]; twice {
				problems = append(problems, Problem{f.Path, at.line, pkg + " is drawn twice"})
			}
			drawn[pkg] = at
		}
	}
	return drawn, problems
}

// Drawing checks the drawing of layers in ARCHITECTURE.md: each package stands in it once,
// none stands in it that is not there, and no import runs upwards. Which package of a layer
// may import which is for Imports to say.
func Drawing(files []*File) (problems []Problem) {
	packages := byPackage(files)
	var drawn map[string]place
	for _, f := range files {
		if f.Path == architecture {
			drawn, problems = readDrawing(f)
		}
	}
	if drawn == nil {
		return problems
	}
	for pkg, at := range drawn {
		if len(packages[pkg]) == 0 {
			problems = append(problems, Problem{architecture, at.line, "there is no package " + pkg + " to draw"})
		}
	}
	for pkg, members := range packages {
		from, ok := drawn[pkg]
		if !ok {
			problems = append(problems, Problem{architecture, 1, "the drawing of layers lacks " + pkg})
			continue
		}
		for _, f := range members {
			for _, spec := range f.AST.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				own, inside := strings.CutPrefix(name, module)
				to, ok := drawn[own]
				if err == nil && inside && ok && to.depth < from.depth {
					problems = append(problems, f.problem(spec.Pos(), "the import of %s runs upwards, from %s to %s",
						own, from.layer, to.layer))
				}
			}
		}
	}
	return problems
}
