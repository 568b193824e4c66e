package survey

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// node answers as one does that is ahead by a time.
func node(t *testing.T, ahead time.Duration, metrics string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		switch {
		case r.URL.Path == "/v1/status":
			_, _ = io.WriteString(w, `{"chain": "it", "height": "7", "condition": "voting"}`)
		case metrics == "":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = io.WriteString(w, metrics)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Each node is told apart: one that answers, one whose metrics are hidden, one that is
// another program, one that is away, one that says nothing at all.
func TestNodesAreAskedAllAtOnce(t *testing.T) {
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	all := Ask(ctx, []string{node(t, time.Minute, "a_total 5\n") + "/", node(t, 0, ""), stranger.URL,
		"http://127.0.0.1:1", silent.URL})
	for i, says := range []bool{true, true, false, false, false} {
		if (all[i].Status != nil) != says || (all[i].Err == nil) != says {
			t.Errorf("node %d: status %v, %v", i, all[i].Status, all[i].Err)
		}
	}
	if off := all[0].Ahead - time.Minute; !all[0].Timed || off.Abs() > time.Second {
		t.Errorf("a clock a minute ahead is measured as %v", all[0].Ahead)
	}
	if v, ok := all[0].Metrics.Sum("a_total"); !ok || v != 5 || all[0].Status.Height != 7 {
		t.Errorf("%v %t, height %d", v, ok, all[0].Status.Height)
	}
	if _, ok := all[1].Metrics.Sum("a_total"); ok || all[1].Metrics != nil {
		t.Error("metrics that are hidden were read")
	}
	if !strings.Contains(all[2].Err.Error(), "not as a node") {
		t.Error(all[2].Err)
	}
}

func parse(t *testing.T, text string) Metrics {
	t.Helper()
	return Ask(t.Context(), []string{node(t, 0, text)})[0].Metrics
}

func histogram(counts ...int) string {
	text, bounds := "# TYPE h histogram\n", []string{"1", "2", "4", "+Inf"}
	for i, n := range counts {
		text += fmt.Sprintf("h_bucket{le=%q} %d\n", bounds[i], n)
	}
	return text + fmt.Sprintf("h_count %d\nh_sum 9\n", counts[len(counts)-1])
}

// A quantile is of what was counted between two looks; a node that began anew is read from
// its beginning.
func TestQuantilesAreOfWhatWasCountedSince(t *testing.T) {
	early, late := parse(t, histogram(10, 10, 10, 10)), parse(t, histogram(10, 20, 30, 30))
	for _, c := range []struct {
		m, earlier Metrics
		p, want    float64
	}{
		{early, nil, 0.5, 0.5}, {late, nil, 0.5, 1.5}, {late, early, 0.5, 2}, {late, early, 0.25, 1.5},
		{late, early, 0.99, 3.96}, {early, late, 0.5, 0.5},
		{parse(t, histogram(0, 0, 0, 8)), nil, 0.5, 4}, // longer than the longest bound
	} {
		if got, ok := c.m.Quantile("h", c.earlier, c.p); !ok || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("quantile %v: %v %t, want %v", c.p, got, ok, c.want)
		}
	}
	for _, m := range []Metrics{nil, parse(t, histogram(0, 0, 0, 0))} {
		if _, ok := m.Quantile("h", nil, 0.5); ok {
			t.Error("a quantile of nothing")
		}
	}
	if _, ok := late.Quantile("h", late, 0.5); ok {
		t.Error("a quantile of nothing new")
	}
}

func TestSeriesAreChosenByLabels(t *testing.T) {
	m := parse(t, "up{member=\"0\",lane=\"votes\"} 1\n"+
		"up{member=\"1\",lane=\"votes\"} 0\nup{member=\"1\",lane=\"bulk\"} 1\n")
	var got []string
	m.Each("up", Labels{"member": "1"}, func(v float64, l Labels) { got = append(got, fmt.Sprint(l["lane"], v)) })
	if strings.Join(got, " ") != "votes0 bulk1" {
		t.Errorf("%v", got)
	}
	if sum, ok := m.Sum("up"); !ok || sum != 2 {
		t.Errorf("%v", sum)
	}
}
