package validator

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/hooks"
	"github.com/scrip-network/scrip/internal/watch"
	"github.com/scrip-network/scrip/keys"
)

var rewrite = flag.Bool("rewrite", false, "write the list of metrics anew")

const exportedFile = "../deploy/metrics.txt"

const exportedHead = `# What a validator, a ticket desk and webhooks export at /metrics: name, kind, labels. Written by
# go test ./validator -run TestExportedMetrics -rewrite; dashboards and alerts are held to it.
`

// assembled returns a validator with a desk that has everything and does not run.
func assembled(t *testing.T) *process {
	t.Helper()
	dev, err := genesis.Dev("exported", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	dir := home(t, "")
	if err := os.Chmod(dir, dirMode); err != nil {
		t.Fatal(err)
	}
	cfg, err := LoadConfig(dir, nil, map[string]string{"listen-api": "127.0.0.1:0", "listen-peers": "127.0.0.1:0",
		"listen-desk":    "127.0.0.1:0",
		"trace-endpoint": "http://127.0.0.1:1", "peers": "1=127.0.0.1:1,2=127.0.0.1:2,3=127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.SaveUnencrypted(cfg.Path(cfg.Key), dev.Validators[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Join(dev.Genesis.Raw); err != nil {
		t.Fatal(err)
	}
	p := &process{cfg: cfg, opt: Options{Version: "test", Logger: slog.New(slog.DiscardHandler)}}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(p.open(), p.assemble()); err != nil {
		t.Fatal(err)
	}
	return p
}

// scrape returns what a handler exports.
func scrape(t *testing.T, h http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	for range 2 { // the first request makes the metrics of requests
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("status %d", w.Code)
		}
		if body := w.Body.String(); strings.Contains(body, "scrip_api_requests_total") || !strings.Contains(body, "_api_") {
			parser := expfmt.NewTextParser(model.LegacyValidation)
			all, err := parser.TextToMetricFamilies(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
	}
	t.Fatal("no metrics of requests")
	return nil
}

// described finds name and labels in the text of a description, which has no methods.
var described = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)

// declared are the metrics that a registry may export, also those that nothing was
// counted by yet: these have no kind.
func declared(t *testing.T, r *prometheus.Registry) watch.Catalogue {
	t.Helper()
	c := make(chan *prometheus.Desc, 1024)
	r.Describe(c)
	close(c)
	all := make(watch.Catalogue)
	for d := range c {
		found := described.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("not understood: %s", d)
		}
		m := watch.Metric{Name: found[1]}
		if found[2] != "" {
			m.Labels = strings.Split(found[2], ",")
		}
		all[m.Name] = m
	}
	return all
}

// add completes all by what was scraped.
func add(all watch.Catalogue, scraped map[string]*dto.MetricFamily) {
	for name, f := range scraped {
		m := watch.Metric{Name: name, Kind: watch.Kind(strings.ToLower(f.GetType().String()))}
		for _, l := range f.GetMetric()[0].GetLabel() {
			m.Labels = append(m.Labels, l.GetName())
		}
		all[name] = m
	}
}

// The list of metrics, which dashboards and alerts are checked against, is what a
// validator, a desk and webhooks export.
func TestExportedMetrics(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems count less of a process")
	}
	p := assembled(t)
	all := declared(t, p.node.Registry())
	add(all, scrape(t, p.server))
	add(all, scrape(t, desk.NewServer(p.desk, nil, desk.Limits{}, p.opt.Logger)))
	add(all, scrape(t, webhooks(t)))
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		if m.Kind == "" && strings.HasSuffix(name, "_total") {
			m.Kind = watch.Counter
		}
		slices.Sort(m.Labels)
		if m.Kind == "" {
			t.Errorf("%s has no kind: count something by it in this test", name)
		}
		lines = append(lines, m.String())
	}
	want := exportedHead + strings.Join(lines, "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(exportedFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(exportedFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("deploy/metrics.txt is not what is exported:\n%s", difference(string(got), want))
	}
}

// webhooks returns the interface of a process that delivers webhooks.
func webhooks(t *testing.T) http.Handler {
	t.Helper()
	book, err := hooks.OpenBook(t.TempDir(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := hooks.New(book, nil, [32]byte{1}, 1, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

// difference lists the lines that only one of two texts has.
func difference(listed, exported string) string {
	a, b := strings.Split(listed, "\n"), strings.Split(exported, "\n")
	var d strings.Builder
	for _, line := range a {
		if !slices.Contains(b, line) {
			fmt.Fprintf(&d, "only listed:   %s\n", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			fmt.Fprintf(&d, "only exported: %s\n", line)
		}
	}
	return d.String()
}

// A build says which it is, and the disk how much room it has.
func TestTheProcessTellsOfItself(t *testing.T) {
	all := scrape(t, assembled(t).server)
	build := all["scrip_build_info"].GetMetric()[0]
	if v := build.GetLabel()[1]; v.GetName() != "version" || v.GetValue() != "test" || build.GetGauge().GetValue() != 1 {
		t.Errorf("%v", build)
	}
	if free := all["scrip_disk_free_bytes"].GetMetric()[0].GetGauge().GetValue(); free <= 0 {
		t.Errorf("%v bytes are free", free)
	}
	if n := all["go_goroutines"].GetMetric()[0].GetGauge().GetValue(); n < 2 {
		t.Errorf("%v goroutines", n)
	}
}
