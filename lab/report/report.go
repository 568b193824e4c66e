package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/lab/chart"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
)

// Names of files that Write makes beside those of package results.
const (
	PageFile   = "report.html"
	figuresDir = "figures"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// fileBytesMax bounds a drawn file that is compared.
const fileBytesMax = 64 << 20

// hashDigits are how many digits of the manifest's hash figures show.
const hashDigits = 12

// Files derives and draws everything of a folder: summary, figures and page, by
// name. It writes nothing.
func Files(f results.Folder) (map[string][]byte, error) {
	sum, err := results.Derive(f)
	if err != nil {
		return nil, err
	}
	m, _, err := f.Manifest()
	if err != nil {
		return nil, err
	}
	s, err := f.Scenario()
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	if files[results.SummaryFile], err = results.EncodeJSON(sum); err != nil {
		return nil, err
	}
	pg := &page{Scenario: s, Summary: sum, Manifest: m, Hash: sum.ManifestSHA256}
	if !m.Simulated() {
		if pg.Machine, err = f.Machine(); err != nil {
			return nil, err
		}
	}
	for i := range sum.Parts {
		part := s.PartOf(sum.Parts[i].Name)
		section, svgs := pg.section(part, &sum.Parts[i])
		pg.Parts = append(pg.Parts, section)
		maps.Copy(files, svgs)
	}
	pg.Losses = losses(sum, m)
	if files[PageFile], err = pg.render(); err != nil {
		return nil, fmt.Errorf("draw the report: %w", err)
	}
	return files, nil
}

// Write derives and draws everything and writes it with the checksums.
func Write(f results.Folder) error {
	files, err := Files(f)
	if err != nil {
		return err
	}
	for _, name := range sorted(files) {
		if err := f.Write(name, files[name]); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	m, _, err := f.Manifest()
	if err != nil {
		return err
	}
	return f.WriteChecksums(m)
}

// ErrMismatch is wrapped by the error of Verify that says what is not as it should.
var ErrMismatch = errors.New("the results do not hold")

// Verify checks all hashes of a folder, derives every number again from the raw
// files, draws everything again, and compares. Its error wraps ErrMismatch and has
// a line for everything that differs.
func Verify(f results.Folder) error {
	m, _, err := f.Manifest()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	wrong := append(f.CheckFiles(m), f.CheckChecksums()...)
	files, err := Files(f)
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	for _, name := range sorted(files) {
		have, err := f.Read(name, fileBytesMax)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
		case !bytes.Equal(have, files[name]):
			wrong = append(wrong, name+": does not follow from the raw data")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	wrong = slices.Compact(wrong)
	if more := len(wrong) - mismatchesMax; more > 0 {
		wrong = append(wrong[:mismatchesMax], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w:\n  %s", ErrMismatch, strings.Join(wrong, "\n  "))
}

// mismatchesMax is how many mismatches an error names.
const mismatchesMax = 20

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// page is what the template shows.
type page struct {
	Scenario *scenarios.Scenario
	Summary  *results.Summary
	Manifest *results.Manifest
	Machine  *results.Machine
	Hash     string
	Parts    []section
	Losses   []string
	Style    template.CSS
}

// section is one part of the page.
type section struct {
	Part     *scenarios.Part
	Mode     string
	Findings []string
	Figures  []shown
	Overview chart.Table
}

// shown is a figure of the page.
type shown struct {
	SVG     template.HTML
	File    string
	Caption string
	Table   chart.Table
	CSV     template.URL
	Title   string
}

func (p *page) section(part *scenarios.Part, r *results.Part) (section, map[string][]byte) {
	out := section{Part: part, Mode: part.Mode.Label(), Findings: findings(part, r, p.Manifest.Seed),
		Overview: overview(part, r)}
	files := make(map[string][]byte)
	footer := fmt.Sprintf("scrip-lab run %s · part %s · manifest %s", p.Scenario.Name, part.Name, p.Hash[:hashDigits])
	for _, d := range figures(part, r) {
		title, _ := d.figure.Heading()
		name := path.Join(figuresDir, d.name+".svg")
		files[name] = chart.File(d.figure, footer)
		t := d.figure.Table()
		// The figure's own texts are escaped where they are drawn.
		out.Figures = append(out.Figures, shown{SVG: template.HTML(d.figure.SVG(footer)), File: name, Caption: d.caption,
			Table: t, CSV: dataURI(t), Title: title})
	}
	return out, files
}

// dataURI is a table as a link to a CSV file.
func dataURI(t chart.Table) template.URL {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	// Writing to memory cannot fail.
	_ = w.Write(t.Head)
	_ = w.WriteAll(t.Rows)
	return template.URL("data:text/csv;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

// Answer is the verdict in a word or two: of all thresholds.
func (p *page) Answer() string {
	met, measured := 0, 0
	for _, t := range p.Summary.Thresholds {
		if t.Outcome != results.NotMeasured {
			measured++
		}
		if t.Outcome == results.Met {
			met++
		}
	}
	return fmt.Sprintf("%d of %d", met, measured)
}

// Engines are those that were measured.
func (p *page) Engines() (all []card) {
	for _, e := range scenarios.Engines() {
		for i := range p.Summary.Parts {
			if slices.ContainsFunc(p.Summary.Parts[i].Cells, func(c results.Cell) bool { return c.Engine == e.Name }) {
				all = append(all, cardOf(e))
				break
			}
		}
	}
	return all
}

// Interval writes a threshold's value.
func (p *page) Interval(t results.Threshold) string {
	s := chart.Number(t.Value)
	if lo, hi := chart.Number(t.Lo), chart.Number(t.Hi); lo != hi {
		s += fmt.Sprintf(" (%s – %s)", lo, hi)
	}
	return s
}

// Short is the beginning of a hash.
func (p *page) Short() string { return p.Hash[:hashDigits] }

// Number writes a number.
func (p *page) Number(v int64) string { return chart.Number(float64(v)) }

func (p *page) render() ([]byte, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	var style strings.Builder
	style.WriteString(pageStyle)
	style.WriteString(chart.Style(false, ""))
	for _, query := range []struct{ open, prefix string }{
		{"@media screen and (prefers-color-scheme: dark){\n", ":root:not(:has(#light:checked))"},
		{"@media screen{\n", ":root:has(#dark:checked)"},
	} {
		style.WriteString(query.open + chart.Style(true, query.prefix) + "}\n")
	}
	p.Style = template.CSS(style.String())
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
