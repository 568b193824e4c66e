package tracing

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// collector takes traces, or refuses them.
type collector struct {
	mu    sync.Mutex
	spans []oneSpan
	who   []keyValue
	fails bool
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var m message
	err := json.NewDecoder(r.Body).Decode(&m)
	if err != nil || c.fails || r.URL.Path != defaultPath || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, rs := range m.ResourceSpans {
		c.who = rs.Resource.Attributes
		for _, ss := range rs.ScopeSpans {
			c.spans = append(c.spans, ss.Spans...)
		}
	}
}

func newTracer(t *testing.T, perMille int) (*Tracer, *collector) {
	t.Helper()
	c := new(collector)
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	x, err := New(Config{Endpoint: s.URL, PerMille: perMille, Resource: []Attribute{{"service.name", "scrip"}}})
	if err != nil {
		t.Fatal(err)
	}
	return x, c
}

// flush lets a tracer send what waits.
func flush(t *testing.T, x *Tracer) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	x.Run(ended)
}

func count(t *testing.T, x *Tracer, result string) float64 {
	t.Helper()
	var m dto.Metric
	if err := x.counts.WithLabelValues(result).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	parent  = "00-" + traceID + "-b7ad6b7169203331-01"
)

// A request is sent with its stages below it, below the span of who asked.
func TestARequestIsSentWithItsStages(t *testing.T) {
	x, c := newTracer(t, 0)
	at := time.Unix(1_700_000_000, 0)
	trace := x.Begin(traceID, parent, "POST /v1/transactions", at)
	trace.Add("door", at, at.Add(time.Millisecond), Attribute{"scrip.kind", "claim"})
	trace.Add("queue", at.Add(time.Millisecond), at, Attribute{})
	trace.Set("http.response.status_code", "200")
	if trace.Began() != at {
		t.Errorf("it began at %v", trace.Began())
	}
	trace.End(at.Add(time.Second), true)
	flush(t, x)
	if len(c.spans) != 3 || len(c.who) != 1 || c.who[0].Value.Text != "scrip" {
		t.Fatalf("%+v", c)
	}
	root, door, queue := c.spans[0], c.spans[1], c.spans[2]
	if root.TraceID != traceID || root.ParentID != "b7ad6b7169203331" || root.Kind != kindServer ||
		root.Status.Code != statusError ||
		root.Begin != "1700000000000000000" || root.End != "1700000001000000000" || root.Attributes[0].Value.Text != "200" {
		t.Errorf("%+v", root)
	}
	if door.ParentID != root.SpanID || door.Kind != kindInternal || door.End != "1700000000001000000" ||
		door.Status != nil ||
		door.SpanID == root.SpanID || len(door.SpanID) != 16 {
		t.Errorf("%+v", door)
	}
	if queue.End != queue.Begin {
		t.Errorf("a stage ends before it begins: %+v", queue)
	}
	if count(t, x, resultSent) != 1 {
		t.Error("it was not counted")
	}
}

// Who asks decides; otherwise the id does, in every node alike.
func TestWhichRequestsAreTraced(t *testing.T) {
	none, _ := newTracer(t, 0)
	all, _ := newTracer(t, 1000)
	for _, c := range []struct {
		id, parent string
		none, all  bool
	}{
		{traceID, "", false, true},
		{traceID, parent, true, true},
		{traceID, strings.TrimSuffix(parent, "1") + "0", false, false},
		{traceID, strings.TrimSuffix(parent, "01") + "ff", true, true},
		{traceID, "01" + parent[2:], false, true}, // another version: nothing is known of it
		{traceID, strings.Replace(parent, "b7ad6b7169203331", strings.Repeat("0", 16), 1), false, true},
		{traceID, strings.Replace(parent, "0af7", "1af7", 1), false, true}, // of another trace
		{traceID, parent + "-00", false, true},
		{"0af7", parent, false, false},
		{strings.Repeat("x", 32), "", false, false},
	} {
		if got := none.Begin(c.id, c.parent, "", time.Now()) != nil; got != c.none {
			t.Errorf("%q %q, none: %t", c.id, c.parent, got)
		}
		if got := all.Begin(c.id, c.parent, "", time.Now()) != nil; got != c.all {
			t.Errorf("%q %q, all: %t", c.id, c.parent, got)
		}
	}
	tenth, _ := newTracer(t, 100)
	traced := 0
	for i := range 2000 {
		id := fmt.Sprintf("%016x%016x", 7, uint64(i)*0x9e3779b97f4a7c15)
		if tenth.Begin(id, "", "", time.Unix(int64(i), 0)) != nil {
			traced++
		}
	}
	if traced < 150 || traced > 250 {
		t.Errorf("%d of 2000 were traced, and 100 of 1000 are wanted", traced)
	}
}

// However many are asked for, few begin in a second, few wait, and none is waited for.
func TestTracesAreBounded(t *testing.T) {
	x, _ := newTracer(t, 0)
	at, begun := time.Now(), 0
	for range 10 * PerSecondMax {
		if x.Begin(traceID, parent, "", at) != nil {
			begun++
		}
	}
	if begun != PerSecondMax {
		t.Errorf("%d began at once", begun)
	}
	for i := range QueueMax + 5 {
		x.Begin(traceID, parent, "", at.Add(time.Duration(i+1)*time.Second)).End(at, false)
	}
	if got := count(t, x, resultDropped); got != 5 {
		t.Errorf("%v were dropped", got)
	}
	trace := x.Begin(traceID, parent, "", at.Add(time.Hour))
	for range 2 * spansMax {
		trace.Add("stage", at, at)
		trace.Set("key", "value")
	}
	if len(trace.spans) != spansMax || len(trace.spans[0].attributes) != spansMax {
		t.Errorf("%d spans", len(trace.spans))
	}
}

// A collector that refuses costs the traces and nothing else.
func TestACollectorMayRefuse(t *testing.T) {
	x, c := newTracer(t, 0)
	c.fails = true
	x.Begin(traceID, parent, "", time.Now()).End(time.Now(), false)
	flush(t, x)
	if count(t, x, resultFailed) != 1 || count(t, x, resultSent) != 0 {
		t.Error("it was not counted as failed")
	}
}

// Off, nothing is traced and nothing fails.
func TestOffByDefault(t *testing.T) {
	x, err := New(Config{})
	if err != nil || x != nil {
		t.Fatalf("%v %v", x, err)
	}
	trace := x.Begin(traceID, parent, "", time.Now())
	trace.Add("stage", time.Now(), time.Now())
	trace.Set("key", "value")
	trace.End(time.Now(), true)
	if !trace.Began().IsZero() {
		t.Error("it began")
	}
	x.Run(t.Context())
	for _, bad := range []string{"collector:4318", "ftp://collector", "http://", "http://c/?x=1", "http://c/#x"} {
		if _, err := New(Config{Endpoint: bad}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	const whole = "https://c.example/otlp/v1/traces"
	if x, err := New(Config{Endpoint: whole}); err != nil || x.url != whole {
		t.Errorf("%v", err)
	}
	if _, err := New(Config{Endpoint: "http://c", PerMille: 1001}); err == nil {
		t.Error("more than all were taken")
	}
}
