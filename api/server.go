package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/internal/tracing"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/profile/shelf"
	"github.com/scrip-network/scrip/profile/texts"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// Node is what the API needs of a node.Node.
type Node interface {
	Submit(ctx context.Context, raw []byte, by *[32]byte) (node.Pending, error)
	Wait(ctx context.Context, id [32]byte, until node.Finality) (node.Outcome, error)
	SubmitAll(ctx context.Context, raws [][]byte, by *[32]byte, outcomes chan<- node.Submitted)
	Lookup(id [32]byte) (node.Outcome, bool, error)
	Waits(id [32]byte) bool
	Block(height uint64) (*node.Block, error)
	View() (*store.View, error)
	Subscribe(from store.EventID) (*node.Subscription, error)
	Status() node.Status
	Registry() *prometheus.Registry
}

var _ Node = (*node.Node)(nil)

// Config is what New needs. Fields without a stated default must be set.
type Config struct {
	Node    Node
	Machine *ledger.Machine
	Genesis *genesis.Genesis

	// Hosts are the names under which the node may be asked, without ports, beside
	// localhost and IP addresses. "*" allows all, for a server behind a proxy that
	// checks them.
	Hosts []string
	// Origins are the web origins whose pages may read answers, such as
	// "https://shop.example"; "*" allows all. Default none but the node's own.
	Origins []string
	Limits  Limits
	// Proxies are believed which address they forward for; default nobody.
	Proxies throttle.Proxies
	// Sign signs with the member's validator key what the node says, for clients
	// that count members. nil: the node's word counts as nobody's.
	Sign func(message []byte) [sig.SignatureSize]byte
	// Verifier checks signatures of dry runs; nil means a new one.
	Verifier *sig.Verifier
	// Nodes are the addresses of the members' nodes as browsers reach them, by the
	// number of the replica; Desks are those of ticket desks. /v1/nodes tells them.
	Nodes map[int]string
	Desks []string
	// Profiles are the members' profiles; nil means a shelf in memory.
	Profiles *shelf.Shelf
	// Texts are the texts of campaigns' terms; nil means a shelf in memory.
	Texts *texts.Shelf
	// Web, if set, serves every path that the API does not.
	Web http.Handler
	// Tracer traces requests; nil = none.
	Tracer *tracing.Tracer
	// Version is that of the program, for /v1/status and the description.
	Version string
	// Logger may be nil.
	Logger *slog.Logger
}

// Server answers HTTP requests from one node. It is safe for concurrent use.
type Server struct {
	node      Node
	machine   *ledger.Machine
	genesis   *genesis.Genesis
	committee *pbft.Committee
	verifier  *sig.Verifier
	config    Config
	log       *slog.Logger
	metrics   *metrics

	watch   *watch
	clients *throttle.Limiter
	tills   *throttle.Limiter
	passing *passing
	shops   *shops
	texts   *termsTexts
	streams *counter
	waiting *counter
	follows *counter
	mux     *http.ServeMux
	handler http.Handler
	spec    []byte // the OpenAPI description
	headers headers
	stop    chan struct{}
}

// New checks cfg and returns the server. It registers metrics with the node's
// registry, so there is one Server for a node.
func New(cfg Config) (*Server, error) {
	if cfg.Node == nil || cfg.Machine == nil || cfg.Genesis == nil {
		return nil, errors.New("new API: node, machine and genesis are required")
	}
	committee, err := cfg.Genesis.Committee()
	if err != nil {
		return nil, fmt.Errorf("new API: %w", err)
	}
	cfg.Limits.fill()
	if cfg.Verifier == nil {
		cfg.Verifier = sig.NewVerifier(0)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := cfg.Limits
	s := &Server{
		node: cfg.Node, machine: cfg.Machine, genesis: cfg.Genesis, committee: committee, verifier: cfg.Verifier,
		config: cfg, log: cfg.Logger.With("component", "api"), mux: http.NewServeMux(), stop: make(chan struct{}),
		clients: throttle.New(l.PerSecond, l.Burst), tills: throttle.New(l.TillPerSecond, max(1, int(2*l.TillPerSecond))),
		streams: newCounter(l.Streams, l.AddressStreams), waiting: newCounter(l.Waiting, l.Waiting),
		follows: newCounter(followsMax, followsEachMax),
	}
	s.watch, s.passing = newWatch(s), newPassing(cfg.Genesis.Chain())
	if s.texts, err = newTermsTexts(cfg.Texts); err != nil {
		return nil, err
	}
	if s.shops, err = newShops(cfg.Genesis.Chain(), cfg.Profiles); err != nil {
		return nil, fmt.Errorf("new API: %w", err)
	}
	if s.metrics, err = newMetrics(cfg.Node.Registry()); err != nil {
		return nil, fmt.Errorf("new API: %w", err)
	}
	if err := s.routes(); err != nil {
		return nil, fmt.Errorf("new API: %w", err)
	}
	s.handler = s.observe(s.guard(s.mux))
	return s, nil
}

// ServeHTTP implements http.Handler. Proofs and waiting for heights need Run or
// Follow to be running.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Time limits of connections. A request that waits ends before writeTimeout;
// event streams move their own deadline.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = waitMax + 15*time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 5 * time.Second
)

// Run serves on l until ctx ends, and then lets requests finish for a short
// while. It closes l. It may be called once, instead of Follow.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMax, ConnState: stateChanged,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { s.Follow(ctx); return nil })
	g.Go(func() error {
		gate := newGate(l, s.config.Limits, s.config.Proxies, s.log, s.metrics)
		if err := h.Serve(gate); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the API: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		done, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err := h.Shutdown(done); err != nil {
			return h.Close()
		}
		return nil
	})
	return g.Wait()
}

// Follow keeps up with the node until ctx ends, for a caller who serves the
// handler itself. It may be called once; event streams end with it.
func (s *Server) Follow(ctx context.Context) {
	defer close(s.stop)
	s.watch.run(ctx)
}

type (
	traceKey     struct{}
	spanKey      struct{}
	noneMatchKey struct{}
	addressKey   struct{}
)

// noneMatchOf returns the If-None-Match header of a request.
func noneMatchOf(ctx context.Context) string {
	tag, _ := ctx.Value(noneMatchKey{}).(string)
	return tag
}

// traceOf returns the trace id of a request.
func traceOf(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// newTrace takes the trace id of a W3C traceparent header, or makes one.
func newTrace(r *http.Request) string {
	if parts := strings.Split(r.Header.Get("Traceparent"), "-"); len(parts) == 4 && len(parts[1]) == 32 {
		b, err := hex.DecodeString(parts[1])
		if err == nil && !slices.Equal(b, make([]byte, 16)) {
			return hex.EncodeToString(b)
		}
	}
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// observe counts and logs requests by their route, gives them their trace id, and
// answers for handlers that panic.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace, begin := newTrace(r), time.Now()
		ctx := context.WithValue(r.Context(), traceKey{}, trace)
		ctx = context.WithValue(ctx, addressKey{}, s.config.Proxies.Address(r))
		r = r.WithContext(context.WithValue(ctx, noneMatchKey{}, r.Header.Get("If-None-Match")))
		w.Header().Set("Trace-Id", trace)
		x := &recorder{ResponseWriter: w}
		_, route := s.mux.Handler(r)
		if route == "" {
			route = "none"
		}
		span := s.config.Tracer.Begin(trace, r.Header.Get("Traceparent"), route, begin)
		if span != nil {
			r = r.WithContext(context.WithValue(r.Context(), spanKey{}, span))
		}
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				s.log.Error("a handler panicked", "route", route, "trace_id", trace, "panic", p, "stack", string(debug.Stack()))
				if x.status == 0 {
					writeProblem(x, r, problem("internal", ""))
				}
			}
			took := time.Since(begin)
			span.Set("http.response.status_code", strconv.Itoa(x.status))
			span.End(begin.Add(took), x.status >= http.StatusInternalServerError)
			s.metrics.observe(route, x.status, took)
			s.log.Debug("request", "route", route, "status", x.status, "duration_s", took.Seconds(), "trace_id", trace)
		}()
		next.ServeHTTP(x, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// guard refuses what must not reach a handler: foreign host names and origins,
// too many requests, bodies that are too large.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if !s.allowedHost(r.Host) {
			p := problem("forbidden", "The node does not answer under this host name.")
			p.Status = http.StatusMisdirectedRequest
			writeProblem(w, r, p)
			return
		}
		if !s.allowedOrigin(w, r) {
			writeProblem(w, r, problem("forbidden", "Pages of this origin may not use the node."))
			return
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if !s.clients.Allow(s.config.Proxies.Address(r), time.Now()) {
			writeProblem(w, r, problem("rate_limited", ""))
			return
		}
		limit := int64(bodyBytesMax)
		switch {
		case r.URL.Path == batchPath:
			limit = batchBytesMax
		case isProfile(r.URL.Path):
			limit = profileBodyMax
		case isText(r.URL.Path):
			limit = textBodyMax
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// allowedHost reports whether a request's Host may be answered. A page can make
// its own name point to this machine, but not an address or localhost.
func (s *Server) allowedHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return slices.ContainsFunc(s.config.Hosts, func(h string) bool { return h == "*" || strings.EqualFold(h, host) })
}

// allowedOrigin sets the headers of a request across origins, and reports whether
// it may go on. Without an allowed origin a browser keeps the answer from the
// page; what changes something is not even done.
func (s *Server) allowedOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	_, host, _ := strings.Cut(origin, "://")
	if origin == "" || strings.EqualFold(host, r.Host) {
		return true
	}
	if !slices.Contains(s.config.Origins, "*") && !slices.Contains(s.config.Origins, origin) {
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, Last-Event-ID, Traceparent")
	h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, Trace-Id")
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// metrics are the API's own, in the node's registry.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	streams  prometheus.Gauge
	rows     prometheus.Counter

	conns                     prometheus.Gauge
	connsClosed, acceptErrors prometheus.Counter
}

func newMetrics(r *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "scrip_api_requests_total",
			Help: "Answered requests by route and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "scrip_api_request_seconds",
			Help: "Time from a request to the end of its answer, by route.", Buckets: prometheus.ExponentialBuckets(0.0005,
				2.5, 14)},
			[]string{"route"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "scrip_api_streams", Help: "Open event streams."}),
		rows: prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_api_list_rows_total",
			Help: "Rows that lists and totals have looked at."}),
		conns: prometheus.NewGauge(prometheus.GaugeOpts{Name: "scrip_api_connections", Help: "Open connections."}),
		connsClosed: prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_api_connections_closed_total",
			Help: "Connections closed because too many were open, in all or of one address."}),
		acceptErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_api_accept_errors_total",
			Help: "Connections that could not be accepted."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.streams, m.rows, m.conns, m.connsClosed,
		m.acceptErrors} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, fmt.Sprint(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (s *Server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.node.Registry(), promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
