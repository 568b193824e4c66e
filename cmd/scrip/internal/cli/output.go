package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format is the form of a result.
type Format string

// The forms of results.
const (
	Table Format = "table" // for people
	JSON  Format = "json"  // one document, indented; a stream is one document a line
	JSONL Format = "jsonl" // one document a line
)

func formats() []string { return []string{string(Table), string(JSON), string(JSONL)} }

// String implements pflag.Value.
func (f *Format) String() string {
	if *f == "" {
		return string(Table)
	}
	return string(*f)
}

// Set implements pflag.Value.
func (f *Format) Set(s string) error {
	if !slices.Contains(formats(), s) {
		return fmt.Errorf("%q is none of %s", s, strings.Join(formats(), ", "))
	}
	*f = Format(s)
	return nil
}

// Type implements pflag.Value.
func (f *Format) Type() string { return "FORM" }

// ForPeople reports whether results are text for people.
func (a *App) ForPeople() bool { return a.Output == "" || a.Output == Table }

// Fields is one thing as names and values, in order.
type Fields [][2]string

// Rows is several things with a heading for each column.
type Rows struct {
	Head []string
	Body [][]string
	// Empty is said instead of an empty table.
	Empty string
}

// Show writes one result: v for programs, fields for people.
func (a *App) Show(v any, fields Fields) error {
	if !a.ForPeople() {
		return a.document(v, a.Output == JSON)
	}
	return a.showFields(fields)
}

func (a *App) showFields(fields Fields) error {
	width := 0
	for _, f := range fields {
		width = max(width, utf8.RuneCountInString(f[0]))
	}
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(pad(a.dim(f[0]), f[0], width) + "  " + f[1] + "\n")
	}
	return a.write(b.String())
}

// ShowAll writes a list: vs for programs (a JSON array, or one document a line),
// rows for people.
func ShowAll[T any](a *App, vs []T, rows Rows) error {
	if a.ForPeople() {
		return a.showRows(rows)
	}
	if a.Output == JSON {
		if vs == nil {
			vs = []T{}
		}
		return a.document(vs, true)
	}
	for _, v := range vs {
		if err := a.document(v, false); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) showRows(rows Rows) error {
	if len(rows.Body) == 0 {
		a.Say("%s", rows.Empty)
		return nil
	}
	width := make([]int, len(rows.Head))
	for _, r := range append([][]string{rows.Head}, rows.Body...) {
		for i, cell := range r {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	line := func(r []string, style func(string) string) {
		for i, cell := range r {
			if i == len(r)-1 {
				b.WriteString(style(cell))
				break
			}
			b.WriteString(pad(style(cell), cell, width[i]) + "  ")
		}
		b.WriteByte('\n')
	}
	line(rows.Head, a.dim)
	for _, r := range rows.Body {
		line(r, func(s string) string { return s })
	}
	return a.write(b.String())
}

// Stream writes one result of an endless or long list: v on a line of its own for
// programs, text for people.
func (a *App) Stream(v any, text string) error {
	if !a.ForPeople() {
		return a.document(v, false)
	}
	return a.write(text + "\n")
}

// Raw writes a result that has one form, such as a file's bytes.
func (a *App) Raw(b []byte) error { return a.write(string(b)) }

func (a *App) document(v any, indent bool) error {
	e := json.NewEncoder(a.Out)
	e.SetEscapeHTML(false)
	if indent {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func (a *App) write(s string) error {
	if _, err := io.WriteString(a.Out, s); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// Say tells a person something that is no result. It is silent under --quiet.
func (a *App) Say(format string, args ...any) {
	if !a.Quiet {
		_, _ = fmt.Fprintf(a.Err, format+"\n", args...)
	}
}

// pad fills styled, which shows as plain, to a width.
func pad(styled, plain string, width int) string {
	return styled + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(plain)))
}

// The styles of text for people on stdout. Nothing is said by colour alone.
func (a *App) dim(s string) string   { return a.style("2", s) }
func (a *App) bold(s string) string  { return a.style("1", s) }
func (a *App) green(s string) string { return a.style("32", s) }
func (a *App) red(s string) string   { return a.style("31", s) }

func (a *App) style(code, s string) string {
	if a.NoColor || !a.OutTerminal || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func quoted(s string) string { return "\"" + s + "\"" }
