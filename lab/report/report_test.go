package report

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/trial"
)

// small is a simulation of moments with everything that a report can show.
const small = `name = "small"
title = "A <small> one"
question = "Does a report hold?"
method = "Simulated."
seed = 3
repeats = 2

[[part]]
name = "load"
mode = "sim"
engines = ["dualpath-p1", "P1"]
load = [300, 600]
links = ["1ms"]
warmup_s = 0.1
duration_s = 0.5
figures = ["latency-throughput", "robustness", "timeline", "latency-distribution", "phases", "p50 by load",
  "p50 by engine"]

[[part]]
name = "members"
mode = "sim"
engines = ["dualpath-p1", "P1"]
members = [4, 5, 7]
load = [200]
warmup_s = 0.1
duration_s = 0.3
figures = ["messages by members", "p50 by members"]

[[threshold]]
says = "two delays against three"
of = { part = "load", metric = "consensus_p50", engine = "dualpath-p1", load = 300 }
over = { part = "load", metric = "consensus_p50", engine = "P1", load = 300 }
at_most = 0.95
`

// made is the folder that the first test has made, which the others copy.
var made map[string][]byte

// folder returns a copy of the results of the small scenario.
func folder(t *testing.T) results.Folder {
	t.Helper()
	if made == nil {
		made = files(t, run(t))
	}
	f := results.Folder{Dir: t.TempDir()}
	for name, raw := range made {
		write(t, f, name, raw)
	}
	return f
}

// run runs the small scenario and draws its report.
func run(t *testing.T) results.Folder {
	t.Helper()
	f := results.Folder{Dir: t.TempDir()}
	if err := trial.Run(t.Context(), []byte(small), trial.Options{Folder: f, Machine: &results.Machine{CPU: t.Name()},
		Manifest: results.Manifest{Version: "test", Command: "scrip-lab run small"}}); err != nil {
		t.Fatal(err)
	}
	if err := Write(f); err != nil {
		t.Fatal(err)
	}
	return f
}

// files reads all files of a folder.
func files(t *testing.T, f results.Folder) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(f.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(f.Dir, path)
		all[filepath.ToSlash(name)] = raw
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The same program and seed make the same bytes of everything but the description
// of the machine.
func TestSimulationsGiveTheSameBytes(t *testing.T) {
	a, b := files(t, folder(t)), files(t, run(t))
	if len(a) != len(b) || len(a) < 60 {
		t.Fatalf("%d and %d files", len(a), len(b))
	}
	for name := range a {
		if name != results.MachineFile && !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// A changed byte in a file of any kind is found, and so is a file that is missing
// or too many.
func TestVerifyFindsAChangedByte(t *testing.T) {
	f := folder(t)
	if err := Verify(f); err != nil {
		t.Fatal(err)
	}
	tested := make(map[string]bool)
	for name, raw := range files(t, f) {
		kind := strings.TrimLeft(filepath.Ext(name), ".")
		for _, end := range []string{"-tx" + results.ColumnsEnd, "-blocks" + results.ColumnsEnd, "-counters.csv"} {
			if strings.HasSuffix(name, end) {
				kind = end
			}
		}
		if name == results.MachineFile || tested[kind] && kind != "json" {
			continue
		}
		tested[kind] = true
		changed := bytes.Clone(raw)
		changed[len(changed)/2] ^= 1
		write(t, f, name, changed)
		if err := Verify(f); !errors.Is(err, ErrMismatch) {
			t.Errorf("a changed byte of %s: %v", name, err)
		}
		write(t, f, name, raw)
	}
	if len(tested) < 7 { // three kinds of raw files, toml, json, svg, html, and the checksums
		t.Errorf("only %v were tested", tested)
	}
	for _, name := range []string{"raw/more.csv", "raw/" + results.NotesFile} {
		write(t, f, name, []byte("x"))
		if err := Verify(f); !errors.Is(err, ErrMismatch) {
			t.Errorf("a file too many, %s: %v", name, err)
		}
		if err := os.Remove(filepath.Join(f.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, f, results.NotesFile, []byte("What it shows."))
	if err := Verify(f); err != nil {
		t.Errorf("put back, with notes: %v", err)
	}
}

// Numbers that were changed together with all hashes are found too, since they do
// not follow from the raw data.
func TestVerifyDerivesNumbersAgain(t *testing.T) {
	f := folder(t)
	raw := files(t, f)[results.SummaryFile]
	write(t, f, results.SummaryFile, bytes.Replace(raw, []byte(`"outcome": "met"`), []byte(`"outcome": "missed"`), 1))
	m, _, err := f.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WriteChecksums(m); err != nil {
		t.Fatal(err)
	}
	if err := Verify(f); err == nil || !strings.Contains(err.Error(), "summary.json: does not follow from the raw data") {
		t.Errorf("%v", err)
	}
}

func write(t *testing.T, f results.Folder, name string, raw []byte) {
	t.Helper()
	if err := f.Write(name, raw); err != nil {
		t.Fatal(err)
	}
}

// The page needs nothing from elsewhere, shows the table of every figure and the
// mode of every part, and escapes what a scenario says.
func TestPageIsWhole(t *testing.T) {
	all := files(t, folder(t))
	page := string(all[PageFile])
	figures := strings.Count(page, "<figure>")
	if figures < 12 || figures != strings.Count(page, "Data of this figure") {
		t.Errorf("%d figures, %d tables", figures, strings.Count(page, "Data of this figure"))
	}
	svgs := 0
	for name, raw := range all {
		if strings.HasPrefix(name, figuresDir+"/") {
			svgs++
			if err := wellFormed(raw); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !bytes.Contains(raw, []byte("deterministic simulation")) {
				t.Errorf("%s does not name its mode", name)
			}
		}
	}
	if svgs != figures {
		t.Errorf("%d files for %d figures", svgs, figures)
	}
	for _, want := range []string{"A &lt;small&gt; one", "deterministic simulation", "1 of 1 stated expectations",
		"~ n^", "scrip-lab verify"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, not := range []string{"<script", "https://", "<link", "ZgotmplZ", "NaN"} {
		if strings.Contains(page, not) {
			t.Errorf("the page holds %q", not)
		}
	}
}

func wellFormed(raw []byte) error {
	for d := xml.NewDecoder(bytes.NewReader(raw)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// An interrupted experiment keeps what it has, says so, and holds.
func TestInterruptKeepsWhatWasMeasured(t *testing.T) {
	f := results.Folder{Dir: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	err := trial.Run(ctx, []byte(small), trial.Options{Folder: f, Progress: func(p trial.Progress) {
		if p.Done == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if err := Write(f); err != nil {
		t.Fatal(err)
	}
	if err := Verify(f); err != nil {
		t.Error(err)
	}
	if page := string(files(t, f)[PageFile]); !strings.Contains(page, "the experiment was interrupted") {
		t.Error("the page does not say that it was interrupted")
	}
}

// Of processes the figure of phases shows the stages that their members measured, one
// bar for each engine, load and place, in the mode's own words.
func TestStagesOfProcessesAreStacked(t *testing.T) {
	p := &scenarios.Part{Name: "host", Mode: scenarios.Host, Engines: []string{"dualpath-p1", "P1"},
		Figures: []string{"phases"}, Cases: []scenarios.Case{{Name: "normal"}}}
	r := &results.Part{Name: p.Name, Mode: p.Mode}
	for _, load := range []string{"100", "2000"} {
		for i, e := range p.Engines {
			c := results.Cell{Cell: scenarios.Cell{Engine: e, Members: 4, Load: load, Links: "local", Case: "normal"},
				Repeats: 3, StageMs: make(map[string]float64)}
			for k, name := range results.StageNames {
				c.StageMs[name] = float64(10*i + k)
			}
			r.Cells = append(r.Cells, c)
		}
	}
	r.Cells = append(r.Cells, results.Cell{Cell: scenarios.Cell{Engine: "cometbft-batch", Members: 4, Load: "100",
		Links: "local", Case: "normal"}}) // tells none
	all := figures(p, r)
	if len(all) != 1 || all[0].name != "host-stages" {
		t.Fatalf("%+v", all)
	}
	rows := all[0].figure.Table().Rows
	if n := len(p.Engines) * 2 * len(results.StageNames); len(rows) != n {
		t.Fatalf("%d rows of a table of %d", len(rows), n)
	}
	last := rows[len(rows)-1]
	if last[0] != "PBFT pipelined, 2,000/s" || last[1] != "notify" || last[2] != "16" {
		t.Errorf("the last row is %q", last)
	}
	if _, mode := all[0].figure.Heading(); !strings.HasPrefix(mode, "processes on one host, median of 3 runs") {
		t.Errorf("the mode is %q", mode)
	}
}
