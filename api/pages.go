package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// pages are the pages for people. They hold no script and load nothing from
// elsewhere.
type pages struct {
	doc       []byte
	templates *template.Template
}

const pageStyle = `:root{color-scheme:light dark;--line:#8886;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary code{font-weight:600}.method{display:inline-block;min-width:3.5rem}
summary:focus-visible,a:focus-visible{outline:3px solid Highlight}
`

const pageTemplates = `{{define "head"}}<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.}}</title>
<link rel="stylesheet" href="/docs/style.css"></head><body><main>{{end}}
{{define "params"}}{{if .}}<table><thead><tr><th>Name</th><th>Type</th><th>Meaning</th></tr></thead><tbody>
{{range .}}<tr><td><code>{{.Name}}</code></td><td>{{.Type}}</td><td>{{.Doc}}</td></tr>
{{end}}</tbody></table>{{end}}{{end}}
{{define "docs"}}{{template "head" .Title}}<h1>{{.Title}}</h1>
{{range .Paragraphs}}<p>{{.}}</p>{{end}}
<p>For programs: <a href="/openapi.json">/openapi.json</a>. Codes: <a href="#codes">below</a>.</p>
{{range .Groups}}<section><h2>{{.Name}}</h2>
{{range .Operations}}<details><summary><span class="method">{{.Method}}</span>
<code>{{.Path}}</code> {{.Summary}}</summary>
{{if .Description}}<p>{{.Description}}</p>{{end}}{{template "params" .Params}}
{{if .Answer}}<p>Answer: <a href="#{{.Answer}}">{{.Answer}}</a></p>{{end}}</details>
{{end}}</section>{{end}}
<section><h2>Answers</h2>{{range .Schemas}}<details id="{{.Name}}"><summary><code>{{.Name}}</code></summary>
{{template "params" .Fields}}</details>
{{end}}</section>
<section><h2 id="codes">Codes</h2>
<table><thead><tr><th>Code</th><th>Name</th><th>Word</th><th>Meaning</th></tr></thead><tbody>
{{range .Codes}}<tr><td><a href="/errors/{{.Code}}">{{.Code}}</a></td>
<td>{{.Name}}</td><td>{{.Word}}</td><td>{{.Title}}</td></tr>
{{end}}</tbody></table></section></main></body></html>{{end}}
{{define "error"}}{{template "head" .Code}}<h1>{{.Code}} <small>{{.Name}}</small></h1>
<p>{{.Title}}</p><p>{{.Detail}}</p>
<table><tbody><tr><th>Word for people</th><td><code>{{.Word}}</code></td></tr>
<tr><th>HTTP status</th><td>{{.Status}}</td></tr></tbody></table>
<p><a href="/docs#codes">All codes</a></p></main></body></html>{{end}}`

// The parts of an OpenAPI description that the reader page shows.
type (
	openAPI struct {
		Info       struct{ Title, Description string }
		Paths      map[string]map[string]openOperation
		Components struct{ Schemas map[string]openSchema }
	}
	openOperation struct {
		Summary, Description string
		Tags                 []string
		Parameters           []struct {
			Name, In, Description string
			Schema                openSchema
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema openSchema }
		}
	}
	openSchema struct {
		Ref         string `json:"$ref"`
		Type        any
		Description string
		Enum        []any
		Items       *openSchema
		Properties  map[string]openSchema
	}
)

type (
	docGroup struct {
		Name       string
		Operations []docOperation
	}
	docOperation struct {
		Method, Path, Summary, Description, Answer string
		Params                                     []docField
	}
	docField  struct{ Name, Type, Doc string }
	docSchema struct {
		Name   string
		Fields []docField
	}
)

func newPages(spec []byte) (*pages, error) {
	var d openAPI
	if err := json.Unmarshal(spec, &d); err != nil {
		return nil, fmt.Errorf("make the reader page: %w", err)
	}
	t, err := template.New("").Parse(pageTemplates)
	if err != nil {
		return nil, fmt.Errorf("make the reader page: %w", err)
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, "docs", map[string]any{"Title": d.Info.Title, "Groups": d.groups(), "Schemas": d.schemas(),
		"Paragraphs": strings.Split(d.Info.Description, "\n\n"), "Codes": allProblems()})
	if err != nil {
		return nil, fmt.Errorf("make the reader page: %w", err)
	}
	return &pages{b.Bytes(), t}, nil
}

func (d *openAPI) groups() []docGroup {
	var groups []docGroup
	for _, tag := range []string{tagTransactions, tagState, tagChain, tagOperation} {
		g := docGroup{Name: tag}
		for path, methods := range d.Paths {
			for method, op := range methods {
				if !slices.Contains(op.Tags, tag) {
					continue
				}
				x := docOperation{Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Description: op.Description}
				for _, p := range op.Parameters {
					x.Params = append(x.Params, docField{p.Name, p.In + ", " + p.Schema.name(), p.Description})
				}
				for _, content := range op.Responses["200"].Content {
					x.Answer = content.Schema.target()
				}
				g.Operations = append(g.Operations, x)
			}
		}
		slices.SortFunc(g.Operations, func(a, b docOperation) int {
			return strings.Compare(a.Path+a.Method,
				b.Path+b.Method)
		})
		groups = append(groups, g)
	}
	return groups
}

func (d *openAPI) schemas() []docSchema {
	var all []docSchema
	for name, schema := range d.Components.Schemas {
		x := docSchema{Name: name}
		for field, f := range schema.Properties {
			x.Fields = append(x.Fields, docField{field, f.name(), f.Description})
		}
		slices.SortFunc(x.Fields, func(a, b docField) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b docSchema) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// target returns the name of the schema that is referred to.
func (s *openSchema) target() string { return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:] }

// name describes a schema in a few words.
func (s *openSchema) name() string {
	if s.Ref != "" {
		return s.target()
	}
	text := fmt.Sprint(s.Type)
	if list, ok := s.Type.([]any); ok {
		words := make([]string, len(list))
		for i := range list {
			words[i] = fmt.Sprint(list[i])
		}
		text = strings.Join(words, " or ")
	}
	if s.Items != nil {
		text += " of " + s.Items.name()
	}
	for i, v := range s.Enum {
		if i == 0 {
			text += ": "
		} else {
			text += ", "
		}
		text += fmt.Sprint(v)
	}
	return text
}

// allProblems returns a problem of every code.
func allProblems() []*client.Problem {
	var all []*client.Problem
	for _, info := range coupon.Codes() {
		all = append(all, refusal(info.Code, ""))
	}
	for _, k := range problemKinds() {
		all = append(all, problem(k.code, ""))
	}
	return all
}

func pageHeaders(w http.ResponseWriter, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

func (p *pages) docs(w http.ResponseWriter, _ *http.Request) {
	pageHeaders(w, "text/html; charset=utf-8")
	_, _ = w.Write(p.doc)
}

func (p *pages) style(w http.ResponseWriter, _ *http.Request) {
	pageHeaders(w, "text/css; charset=utf-8")
	_, _ = w.Write([]byte(pageStyle))
}

// errorPage is GET /errors/{code}, the page that a problem's type names: for
// programs as JSON, for people as a page.
func (s *Server) errorPage(p *pages) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := r.PathValue("code")
		all := allProblems()
		i := slices.IndexFunc(all, func(x *client.Problem) bool { return strings.EqualFold(x.Code, code) })
		if i < 0 {
			writeProblem(w, r, problem(client.ProblemNotFound, "There is no such code."))
			return
		}
		x := all[i]
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			pageHeaders(w, "text/html; charset=utf-8")
			if err := p.templates.ExecuteTemplate(w, "error", x); err != nil {
				s.log.Debug("could not write a page", "trace_id", traceOf(r.Context()), "err", err)
			}
			return
		}
		pageHeaders(w, "application/json")
		if err := json.NewEncoder(w).Encode(x); err != nil {
			s.log.Debug("could not write a page", "trace_id", traceOf(r.Context()), "err", err)
		}
	}
}
