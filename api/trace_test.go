package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/tracing"
)

// tracedSpan is a span as a collector gets it.
type tracedSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	StartTimeUnixNano, EndTimeUnixNano  string
	Attributes                          []struct {
		Key   string
		Value struct{ StringValue string }
	}
}

func (s *tracedSpan) times(t *testing.T) (begin, end int64) {
	t.Helper()
	begin, err := strconv.ParseInt(s.StartTimeUnixNano, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if end, err = strconv.ParseInt(s.EndTimeUnixNano, 10, 64); err != nil {
		t.Fatal(err)
	}
	return begin, end
}

// A transaction is traced from the door to the receipt: each stage begins where the one
// before it ends, and all lie within the request, which lies below the client's span.
func TestATransactionIsTracedFromDoorToReceipt(t *testing.T) {
	var mu sync.Mutex
	var spans []tracedSpan
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []tracedSpan }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				spans = append(spans, s.Spans...)
			}
		}
	}))
	t.Cleanup(collector.Close)
	tracer, err := tracing.New(tracing.Config{Endpoint: collector.URL})
	if err != nil {
		t.Fatal(err)
	}
	x := apitest.Start(t, 4, func(c *api.Config) { c.Tracer = tracer })
	x.WaitReady()
	publish, _ := x.Publish()
	const id, above = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for range 2 { // the second time it is known
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, x.URLs()[0]+"/v1/transactions",
			strings.NewReader(string(publish)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set("Traceparent", "00-"+id+"-"+above+"-01")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var tx client.TxAnswer
		if err := json.NewDecoder(answer.Body).Decode(&tx); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v %s", err, answer.Status)
		}
		_ = answer.Body.Close()
	}
	for _, m := range x.Members {
		m.Stop() // every request has ended
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tracer.Run(ended)
	var names []string
	for _, s := range spans {
		names = append(names, s.Name)
		if s.TraceID != id {
			t.Errorf("%s is of the trace %s", s.Name, s.TraceID)
		}
	}
	const want = "POST /v1/transactions,door,queue,propose,vote,execute,prove,POST /v1/transactions,door,wait"
	if strings.Join(names, ",") != want {
		t.Fatalf("%v", names)
	}
	root := spans[0]
	begin, end := root.times(t)
	at := begin
	for _, s := range spans[1:7] {
		from, to := s.times(t)
		if s.ParentSpanID != root.SpanID || from != at || to < from || to > end {
			t.Errorf("%s from %d to %d, of %s; the one before it ended at %d", s.Name, from, to, s.ParentSpanID, at)
		}
		at = to
	}
	said := map[string]string{}
	for _, a := range root.Attributes {
		said[a.Key] = a.Value.StringValue
	}
	if root.ParentSpanID != above || len(said["scrip.tx"]) != 64 || said["scrip.height"] == "" ||
		said["http.response.status_code"] != "200" {
		t.Errorf("%+v", root)
	}
}
