package tracing

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// Limits of a Tracer.
const (
	PerSecondMax = 100  // traces that begin in a second
	QueueMax     = 1024 // traces that wait to be sent
	spansMax     = 16   // of one trace

	batchMax      = 256
	batchPause    = 2 * time.Second // between two sendings
	sendTimeout   = 5 * time.Second
	answerMax     = 64 << 10
	defaultPath   = "/v1/traces"
	perMilleScale = 1000
)

// Config is what New needs.
type Config struct {
	// Endpoint is the collector's address for traces; without a path it is /v1/traces
	// there. "" turns tracing off.
	Endpoint string
	// PerMille is how many of a thousand requests are traced that bring no decision.
	PerMille int
	// Resource says who traces.
	Resource []Attribute
	// Logger may be nil.
	Logger *slog.Logger
}

// Attribute is a name with a text.
type Attribute struct{ Key, Value string }

// Tracer begins traces and sends them. It is safe for concurrent use.
type Tracer struct {
	cfg    Config
	url    string
	limit  *rate.Limiter
	queue  chan *Trace
	counts *prometheus.CounterVec
}

// The ends of a trace, as a label of a metric.
const (
	resultSent    = "sent"
	resultDropped = "dropped" // too many wait
	resultFailed  = "failed"  // the collector did not take it
)

// CheckEndpoint reports what is wrong with an address of a collector.
func CheckEndpoint(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is no address of a collector, such as http://127.0.0.1:4318", s)
	}
	return nil
}

// New returns a tracer, or nil if cfg turns tracing off.
func New(cfg Config) (*Tracer, error) {
	if cfg.Endpoint == "" {
		return nil, nil
	}
	if err := CheckEndpoint(cfg.Endpoint); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	if cfg.PerMille < 0 || cfg.PerMille > perMilleScale {
		return nil, fmt.Errorf("trace: %d of 1000 requests", cfg.PerMille)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Tracer{cfg: cfg, url: cfg.Endpoint, limit: rate.NewLimiter(PerSecondMax, PerSecondMax),
		queue: make(chan *Trace, QueueMax),
		counts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "scrip_trace_requests_total",
			Help: "Requests that were traced, by what became of the trace."}, []string{"result"})}
	if u, _ := url.Parse(t.url); strings.Trim(u.Path, "/") == "" {
		t.url = strings.TrimRight(t.url, "/") + defaultPath
	}
	for _, r := range []string{resultSent, resultDropped, resultFailed} {
		t.counts.WithLabelValues(r)
	}
	return t, nil
}

// Metrics returns the tracer's own.
func (t *Tracer) Metrics() prometheus.Collector { return t.counts }

// Begin begins the trace of a request with a trace id of 32 hexadecimal digits, unless it is
// one of those that are not traced: then it returns nil. parent is the traceparent that the
// request brought, or "".
func (t *Tracer) Begin(id, parent, name string, at time.Time) *Trace {
	if t == nil {
		return nil
	}
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 16 {
		return nil
	}
	above, sampled, brought := readParent(parent, id)
	if !brought {
		sampled = binary.BigEndian.Uint64(raw[8:])%perMilleScale < uint64(t.cfg.PerMille)
	}
	if !sampled || !t.limit.AllowN(at, 1) {
		return nil
	}
	return &Trace{tracer: t, id: id, spans: []span{{id: newSpanID(), above: above, name: name, begin: at}}}
}

// readParent reads a traceparent of version 0 that belongs to a trace id.
func readParent(s, id string) (span string, sampled, ok bool) {
	parts := strings.Split(s, "-")
	if len(parts) != 4 || parts[0] != "00" || parts[1] != id || len(parts[2]) != 16 || len(parts[3]) != 2 {
		return "", false, false
	}
	flags, err := hex.DecodeString(parts[3])
	if _, bad := hex.DecodeString(parts[2]); err != nil || bad != nil || parts[2] == strings.Repeat("0", 16) {
		return "", false, false
	}
	return strings.ToLower(parts[2]), flags[0]&1 == 1, true
}

func newSpanID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Trace is one request. It is for one goroutine at a time.
type Trace struct {
	tracer *Tracer
	id     string
	spans  []span // the first is the request
	failed bool
}

type span struct {
	id, above, name string
	begin, end      time.Time
	attributes      []Attribute
}

// Began is when the request began.
func (x *Trace) Began() time.Time {
	if x == nil {
		return time.Time{}
	}
	return x.spans[0].begin
}

// Add adds a stage of the request. One that ends before it begins took no time: clocks of
// members may differ.
func (x *Trace) Add(name string, begin, end time.Time, attributes ...Attribute) {
	if x == nil || len(x.spans) == spansMax {
		return
	}
	if end.Before(begin) {
		end = begin
	}
	x.spans = append(x.spans, span{newSpanID(), x.spans[0].id, name, begin, end, attributes})
}

// Set says something of the request.
func (x *Trace) Set(key, value string) {
	if x != nil && len(x.spans[0].attributes) < spansMax {
		x.spans[0].attributes = append(x.spans[0].attributes, Attribute{key, value})
	}
}

// End ends the request and hands the trace on. It may be called once.
func (x *Trace) End(at time.Time, failed bool) {
	if x == nil {
		return
	}
	x.spans[0].end, x.failed = at, failed
	select {
	case x.tracer.queue <- x:
	default:
		x.tracer.counts.WithLabelValues(resultDropped).Inc()
	}
}

// Run sends traces until ctx ends, and then what waits, for a short while.
func (t *Tracer) Run(ctx context.Context) {
	if t == nil {
		return
	}
	pause := time.NewTicker(batchPause)
	defer pause.Stop()
	silent := false
	for last := false; !last; {
		select {
		case <-pause.C:
		case <-ctx.Done():
			last = true
		}
		for batch := t.take(); len(batch) > 0; batch = t.take() {
			err := t.send(context.WithoutCancel(ctx), batch)
			result := resultSent
			if err != nil {
				result = resultFailed
			}
			t.counts.WithLabelValues(result).Add(float64(len(batch)))
			if (err != nil) != silent {
				silent = err != nil
				t.cfg.Logger.Info("traces", "collector", t.url, "taken", err == nil, "err", err)
			}
			if err != nil && last {
				return
			}
		}
	}
}

// take returns what waits, at most a batch.
func (t *Tracer) take() (batch []*Trace) {
	for len(batch) < batchMax {
		select {
		case x := <-t.queue:
			batch = append(batch, x)
		default:
			return batch
		}
	}
	return batch
}

func (t *Tracer) send(ctx context.Context, batch []*Trace) error {
	body, err := json.Marshal(t.message(batch))
	if err != nil {
		return fmt.Errorf("write traces: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, answerMax))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("send traces: the collector answers %s", answer.Status)
	}
	return nil
}
