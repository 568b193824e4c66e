package tidy

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const operationsPage = "../../docs/operations.md"

var metricName = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)+$`)

// metricMakers are the functions, beside those of prometheus, whose first argument is
// the name of a metric.
var metricMakers = []string{"gauge", "counter", "histogram", "vec", "NewDesc"}

// metricsOf returns the names of the metrics that a file registers, without the
// program's prefix.
func metricsOf(f *File) (names []string) {
	if f.AST == nil || f.IsTest() || !strings.Contains(string(f.Source), "client_golang/prometheus\"") {
		return nil
	}
	take := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok {
			name, err := strconv.Unquote(l.Value)
			name = strings.TrimPrefix(name, "scrip_")
			if err == nil && metricName.MatchString(name) {
				names = append(names, name)
			}
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.KeyValueExpr:
			if k, ok := x.Key.(*ast.Ident); ok && k.Name == "Name" {
				take(x.Value)
			}
		case *ast.CallExpr:
			called := ""
			switch f := x.Fun.(type) {
			case *ast.Ident:
				called = f.Name
			case *ast.SelectorExpr:
				called = f.Sel.Name
			}
			if slices.Contains(metricMakers, called) && len(x.Args) > 0 {
				take(x.Args[0])
			}
		}
		return true
	})
	return names
}

// Whoever runs a node finds each of its metrics explained.
func TestEachMetricIsExplained(t *testing.T) {
	page, err := os.ReadFile(operationsPage)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range files {
		if strings.HasPrefix(f.Path, "engines/") { // named in a section of their own, by the node's names
			continue
		}
		for _, name := range metricsOf(f) {
			found++
			if !regexp.MustCompile(`\b(\w+_)?` + name + `\b`).Match(page) {
				t.Errorf("%s: docs/operations.md does not explain the metric %s", f.Path, name)
			}
		}
	}
	if found < 40 {
		t.Errorf("%d metrics were found", found)
	}
}

func TestMetricsAreFound(t *testing.T) {
	const head = "package p\nimport \"github.com/prometheus/client_golang/prometheus\"\n"
	for source, want := range map[string]string{
		head + `var a = prometheus.NewGauge(prometheus.GaugeOpts{Name: "scrip_a_total"})`:           "a_total",
		head + `var b = prometheus.NewDesc("scrip_b_seconds", "help", nil, nil)`:                    "b_seconds",
		head + `func f() { gauge("c_size", "help"); other("d_size") }`:                              "c_size",
		head + `var e = prometheus.CounterOpts{Namespace: "scrip", Name: "e_total", Help: "x_y_z"}`: "e_total",
		"package p\nvar a = Opts{Name: \"scrip_a_total\"}":                                          "",
	} {
		if got := strings.Join(metricsOf(parse(t, "node/a.go", source)[0]), " "); got != want {
			t.Errorf("%s: found %q, want %q", source, got, want)
		}
	}
}
