package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write deploy/ anew")

const (
	deploy     = "../../deploy"
	operations = "../../docs/operations.md"
	rulesFile  = deploy + "/prometheus/scrip.rules.yml"
	rulesTests = deploy + "/prometheus/scrip.rules.test.yml"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func exported(t *testing.T) Catalogue {
	t.Helper()
	c, err := ParseCatalogue(read(t, deploy+"/metrics.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What lies in deploy/ is what is described here.
func TestFilesAreWhatIsDescribed(t *testing.T) {
	files := map[string][]byte{rulesFile: []byte(RulesYAML(Alerts()))}
	for _, b := range Boards() {
		text, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Errorf("%s is no JSON", b.Name)
		}
		files[filepath.Join(deploy, "grafana", "scrip-"+b.Name+".json")] = text
	}
	for path, want := range files {
		if *rewrite {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, path); got != string(want) {
			t.Errorf("%s is not what is described: go test ./internal/watch -rewrite, and read the difference", path)
		}
	}
}

// No panel is empty, and no alert silent, for a metric or label that is not exported.
func TestQueriesAskForWhatIsExported(t *testing.T) {
	c := exported(t)
	for _, b := range Boards() {
		all, err := b.Queries()
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range all {
			if wrong := c.Check(q); wrong != "" {
				t.Errorf("dashboard %s: %s", b.Name, wrong)
			}
		}
	}
	for _, a := range Alerts() {
		q, err := ParseQuery(a.Query)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := c.Check(q); wrong != "" {
			t.Errorf("alert %s: %s", a.Name, wrong)
		}
	}
}

// Every metric of the program's own is looked at somewhere, or it is said why not.
func TestEachMetricIsLookedAt(t *testing.T) {
	c := exported(t)
	seen := make(map[string]bool)
	for _, b := range Boards() {
		all, err := b.Queries()
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range all {
			for _, s := range q.Selectors {
				m, _, _ := c.find(s.Metric)
				seen[m.Name] = true
			}
		}
	}
	for name := range c {
		_, said := Unshown()[name]
		switch own := strings.HasPrefix(name, "scrip_"); {
		case own && !seen[name] && !said:
			t.Errorf("no panel shows %s, and Unshown does not say why", name)
		case seen[name] && said:
			t.Errorf("%s is shown, and Unshown says why it is not", name)
		}
	}
	for name := range Unshown() {
		if _, ok := c[name]; !ok {
			t.Errorf("Unshown speaks of %s, which is not exported", name)
		}
	}
}

// Each alert has a name of its own, says what is wrong and what to do, is explained to
// operators, and is seen to fire.
func TestAlertsAreExplainedAndTested(t *testing.T) {
	page, tests := read(t, operations), read(t, rulesTests)
	seen := make(map[string]bool)
	for _, a := range Alerts() {
		if seen[a.Name] || a.Summary == "" || a.Remedy == "" || (a.Severity != Page && a.Severity != Ticket) {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
		if !strings.Contains(page, "`"+a.Name+"`") {
			t.Errorf("docs/operations.md does not explain %s", a.Name)
		}
		if !strings.Contains(tests, "alertname: "+a.Name+"\n") {
			t.Errorf("%s tests no %s", rulesTests, a.Name)
		}
	}
}

// Prometheus itself accepts the rules, and they fire when they should.
func TestPromtoolAcceptsTheRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (it comes with the package prometheus): our own reader alone checks the rules")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"check", "rules", rulesFile}, {"test", "rules", rulesTests},
		{"check", "config", deploy + "/prometheus/prometheus.yml", deploy + "/prometheus/four-members.yml"},
	} {
		if out, err := exec.CommandContext(ctx, promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// What is wrong with a query is found.
func TestWrongQueriesAreFound(t *testing.T) {
	c, err := ParseCatalogue("# a list\n\n" +
		"a_total counter code,route\nb_bytes gauge\nc_seconds histogram step\nd summary\n")
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		`rate(a_total{code=~"E1.*", route!="x}"}[5m])`:                             "",
		`sum by (code, instance) (increase(a_total[$__rate_interval])) > 1e3`:      "",
		`b_bytes{job="scrip"} offset 5m > 2 * 1024 or b_bytes < 7`:                 "",
		`histogram_quantile(0.99, sum by (le, step) (rate(c_seconds_bucket[5m])))`: "",
		`d{quantile="0.5"} / on (instance) group_left b_bytes`:                     "",
		`rate(d_count[1m])`:                 "",
		`up{job="scrip"} == 0`:              "",
		`rate(gone_total[5m])`:              "no metric gone_total",
		`b_bytes_total`:                     "no metric b_bytes_total",
		`rate(a_total{reason="x"}[5m])`:     "a_total has no label reason",
		`sum by (step) (rate(a_total[5m]))`: "no metric of the query has the label step",
		`a_total > 5`:                       "only ever grows",
		`c_seconds_sum`:                     "only ever grows",
		`c_seconds`:                         "no metric c_seconds",
		`rate(d_bucket[5m])`:                "no metric d_bucket",
		`sum by (le) (rate(a_total[5m]))`:   "no metric of the query has the label le",
		`rate(c_seconds_count{le="1"}[5m])`: "c_seconds has no label le",
	} {
		q, err := ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Check(q); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: found %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{`a_total{code="x"`, `a_total[5m`, `a_total{code}`, `"open`, `sum by (a`} {
		if _, err := ParseQuery(query); err == nil {
			t.Errorf("%s was read", query)
		}
	}
	for _, list := range []string{"a\n", "a counter x y\n", "a meter\n", "a gauge\na gauge\n"} {
		if _, err := ParseCatalogue(list); err == nil {
			t.Errorf("the list %q was read", list)
		}
	}
}

// A legend names a label that its query has lost.
func TestLegendsAreHeldToTheirQueries(t *testing.T) {
	b := Board{Rows: []Row{{Panels: []Panel{{Lines: []Line{{"{{lane}} {{job}}", "b_bytes"}}}}}}}
	all, err := b.Queries()
	if err != nil {
		t.Fatal(err)
	}
	c := Catalogue{"b_bytes": {Name: "b_bytes", Kind: Gauge}}
	if wrong := c.Check(all[0]); !strings.Contains(wrong, "label lane") {
		t.Errorf("found %q", wrong)
	}
}

// Panels lie beside and below one another.
func TestPanelsDoNotCoverEachOther(t *testing.T) {
	for _, b := range Boards() {
		text, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				ID      int
				Title   string
				GridPos struct{ X, Y, W, H int }
			}
		}
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(&board); err != nil {
			t.Fatal(err)
		}
		covered := make(map[[2]int]string)
		for _, p := range board.Panels {
			g := p.GridPos
			if g.W == 0 || g.X+g.W > gridColumns {
				t.Errorf("%s: %s lies outside", b.Name, p.Title)
			}
			for x := range g.W {
				for y := range g.H {
					at := [2]int{g.X + x, g.Y + y}
					if other, taken := covered[at]; taken {
						t.Fatalf("%s: %s covers %s", b.Name, p.Title, other)
					}
					covered[at] = p.Title
				}
			}
		}
	}
}
