package mutate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Step is a run of the tests of a package, or of those that match Run.
type Step struct {
	// Package is its folder from the root of the module.
	Package string
	// Run and Skip are patterns of go test, empty for all and none.
	Run, Skip string
	// Args go to the tests.
	Args []string
	// LimitSeconds of processor time end a run, or waitFactor as many on the clock:
	// then the fault counts as found, since it hangs.
	LimitSeconds int
}

// Verdict says what became of a fault.
type Verdict uint8

// The verdicts.
const (
	// Survived: every step passed.
	Survived Verdict = iota
	// Found: a test failed, panicked or ran out of time.
	Found
	// NoBuild: the fault is none that could be committed.
	NoBuild
)

// Outcome is a verdict with its witness: the first test that failed, or what the
// compiler says.
type Outcome struct {
	Verdict Verdict
	Witness string
}

// Overlay is a set of sources that stand in for files of the module.
type Overlay map[string][]byte

// Tester builds and runs tests with sources changed. Dir is its own; several
// testers may work at once, each on its own.
type Tester struct {
	// Root is the root of the module, Dir a folder for what is built.
	Root, Dir string
}

// Try runs the steps in order until one fails.
func (t Tester) Try(o Overlay, steps []Step) (Outcome, error) {
	overlay, err := t.write(o)
	if err != nil {
		return Outcome{}, err
	}
	for i, s := range steps {
		binary := filepath.Join(t.Dir, strconv.Itoa(i)+".test")
		if i > 0 && steps[i-1].Package == s.Package {
			binary = filepath.Join(t.Dir, strconv.Itoa(i-1)+".test")
			if err := os.Rename(binary, filepath.Join(t.Dir, strconv.Itoa(i)+".test")); err != nil {
				return Outcome{}, fmt.Errorf("keep the tests of %s: %w", s.Package, err)
			}
			binary = filepath.Join(t.Dir, strconv.Itoa(i)+".test")
		} else if out, err := t.build(overlay, binary, s.Package); err != nil {
			return Outcome{NoBuild, firstLine(out)}, nil
		}
		if out := t.run(binary, s, nil); out.Verdict != Survived {
			return out, nil
		}
	}
	return Outcome{}, nil
}

// write puts the sources and the list of them into Dir, and returns its path.
func (t Tester) write(o Overlay) (string, error) {
	replace := make(map[string]string, len(o))
	for file, src := range o {
		copied := filepath.Join(t.Dir, copyName(file))
		if err := os.WriteFile(copied, src, 0o600); err != nil {
			return "", fmt.Errorf("write a changed source: %w", err)
		}
		replace[filepath.Join(t.Root, file)] = copied
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("list the changed sources: %w", err)
	}
	path := filepath.Join(t.Dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		return "", fmt.Errorf("list the changed sources: %w", err)
	}
	return path, nil
}

// copyName is the name of the copy that stands in for a file.
func copyName(file string) string { return strings.ReplaceAll(file, "/", "_") }

func (t Tester) build(overlay, binary, pkg string) ([]byte, error) {
	c := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-gcflags=-e", "-overlay="+overlay,
		"-o", binary, "./"+pkg)
	c.Dir = t.Root
	return c.CombinedOutput()
}

// waitFactor is how much longer than its processor time tests may take: others use the
// machine too. Whatever stands still for longer hangs, which finds the fault.
const waitFactor = 4

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^panic: (.*)$|^fatal error: (.*)$`)

// run plays a built test. env is added to the environment.
func (t Tester) run(binary string, s Step, env []string) Outcome {
	args := []string{"-c", `ulimit -t "$0"; exec "$@"`, strconv.Itoa(s.LimitSeconds), binary, "-test.failfast",
		"-test.timeout=" + (waitFactor * time.Duration(s.LimitSeconds) * time.Second).String()}
	if s.Run != "" {
		args = append(args, "-test.run="+s.Run)
	}
	if s.Skip != "" {
		args = append(args, "-test.skip="+s.Skip)
	}
	c := exec.Command("sh", append(args, s.Args...)...)
	c.Dir = filepath.Join(t.Root, s.Package)
	c.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if err == nil {
		return Outcome{}
	}
	witness := s.Package
	if m := failed.FindSubmatch(out.Bytes()); m != nil {
		witness += " " + string(bytes.Join(m[1:], nil))
	} else if exit := new(exec.ExitError); !errors.As(err, &exit) {
		witness += " " + err.Error()
	}
	return Outcome{Found, oneLine(witness)}
}

func firstLine(b []byte) string {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	for _, l := range lines {
		if !bytes.HasPrefix(l, []byte("#")) {
			return string(l)
		}
	}
	return ""
}
