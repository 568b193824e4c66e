package desk

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/keys"
)

// Limits that nobody needs to change.
const (
	bodyBytesMax   = 1 << 10
	headerBytesMax = 8 << 10
	// inFlightMax bounds the requests that are answered at once; they wait for the
	// disk, or until their refusal is due.
	inFlightMax = 256
	// refusalFloor is how long every refusal takes, so that its time tells no reason.
	refusalFloor = 25 * time.Millisecond
)

// Limits bound what callers may ask. Zero stands for the default, a negative rate for
// no limit.
type Limits struct {
	// AddressPerMinute and AddressBurst bound the requests of one client address,
	// IPv6 by /64. Defaults 30 and 30: the customers of a shop may share an address.
	AddressPerMinute float64
	AddressBurst     int
	// PerSecond and Burst bound all requests together. Defaults 200 and 400.
	PerSecond float64
	Burst     int
	// Proxies are believed which address they forward for; default nobody.
	Proxies throttle.Proxies
}

func (l *Limits) fill() {
	if l.AddressPerMinute == 0 {
		l.AddressPerMinute = 30
	}
	if l.AddressBurst == 0 {
		l.AddressBurst = 30
	}
	if l.PerSecond == 0 {
		l.PerSecond = 200
	}
	if l.Burst == 0 {
		l.Burst = 400
	}
}

// Server is a desk's HTTP interface: POST /v1/tickets gives tickets, two GETs tell
// what is served and which key a new batch gets, and /livez and /metrics are for its
// operator. It is safe for concurrent use.
type Server struct {
	desk    *Desk
	origins []string
	log     *slog.Logger
	mux     *http.ServeMux
	metrics *metrics

	limits       Limits
	address, all *throttle.Limiter
	inFlight     chan struct{}
}

// NewServer returns the interface of a desk. origins are the web origins whose pages
// may ask, such as "https://wallet.example"; "*" allows all.
func NewServer(d *Desk, origins []string, l Limits, log *slog.Logger) *Server {
	l.fill()
	s := &Server{desk: d, origins: slices.Clone(origins), log: log, mux: http.NewServeMux(), limits: l,
		address: throttle.New(l.AddressPerMinute/60, l.AddressBurst), all: throttle.New(l.PerSecond, l.Burst),
		inFlight: make(chan struct{}, inFlightMax)}
	s.metrics = newMetrics(d, func() int { return len(s.inFlight) })
	s.mux.HandleFunc("POST /v1/tickets", s.ticket)
	s.mux.HandleFunc("GET /v1/tickets", s.batches)
	s.mux.HandleFunc("GET /v1/keys/{campaign}/{first}", s.key)
	s.mux.Handle("GET /metrics", s.metrics.handler())
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return s
}

// Run serves on l, and closes it, until ctx ends.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	h := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: headerBytesMax,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if h.Shutdown(rest) != nil {
			_ = h.Close()
		}
	})
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-ended
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin != "" && (slices.Contains(s.origins, "*") || slices.Contains(s.origins, origin)) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		h.Set("Access-Control-Max-Age", "600")
	} else if origin != "" && r.Method != http.MethodGet {
		s.refuse(w, r, time.Now())
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !watches(r) {
		select {
		case s.inFlight <- struct{}{}:
			defer func() { <-s.inFlight }()
		default:
			s.tooMany(w)
			return
		}
		if now := time.Now(); !s.address.Allow(s.limits.Proxies.Address(r), now) || !s.all.Allow("", now) {
			s.tooMany(w)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// watches reports whether a request is that of an operator, who looks most when
// there are too many others. These two cost little, and /metrics bounds itself.
func watches(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/livez" || r.URL.Path == "/metrics")
}

// answer is a ticket as callers see it.
type answer struct {
	Campaign  uint32      `json:"campaign"`
	Batch     uint16      `json:"batch"`
	Serial    uint32      `json:"serial"`
	Expires   client.Time `json:"expires"`
	TicketKey string      `json:"ticket_key"`
	Signature []byte      `json:"signature"`
}

// ticket is POST /v1/tickets.
func (s *Server) ticket(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	campaign, key, ok := readRequest(w, r)
	if !ok {
		s.refuse(w, r, begin)
		return
	}
	t, err := s.desk.Ticket(campaign, key, uint64(begin.UnixMilli()))
	switch {
	case errors.Is(err, ErrRefused):
		s.refuse(w, r, begin)
	case err != nil:
		s.metrics.answers[answerFailed].Inc()
		s.log.Error("no ticket could be given", "campaign", campaign, "err", err)
		writeProblem(w, http.StatusServiceUnavailable, "unavailable", "The desk cannot write.",
			"Ask again later; the same key keeps its ticket.")
	default:
		s.metrics.answers[answerTicket].Inc()
		s.metrics.seconds.Observe(time.Since(begin).Seconds())
		writeJSON(w, http.StatusOK, "application/json", answer{t.Campaign, t.Batch, t.Serial, client.TimeOf(t.Expires),
			keys.Encode(keys.Ticket, t.TicketKey), t.Signature[:]})
	}
}

// readRequest reads a campaign and a claim key. A page of another origin cannot send
// JSON without being asked about first.
func readRequest(w http.ResponseWriter, r *http.Request) (campaign uint32, key [32]byte, ok bool) {
	var in struct {
		Campaign uint32 `json:"campaign"`
		ClaimKey string `json:"claim_key"`
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return 0, key, false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil || len(in.ClaimKey) != 2*len(key) {
		return 0, key, false
	}
	_, err = hex.Decode(key[:], []byte(in.ClaimKey))
	return in.Campaign, key, err == nil
}

// refuse gives the one refusal that there is, when its time has come.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, begin time.Time) {
	s.metrics.answers[answerRefused].Inc()
	wait := time.NewTimer(time.Until(begin.Add(refusalFloor)))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
	}
	writeProblem(w, http.StatusForbidden, "no_ticket", "There is no ticket.",
		"Look at the campaign: it may be over, paused or given out.")
}

func (s *Server) tooMany(w http.ResponseWriter) {
	s.metrics.answers[answerThrottled].Inc()
	w.Header().Set("Retry-After", "5")
	writeProblem(w, http.StatusTooManyRequests, "rate_limited", "Too many requests.",
		"Wait a little; the same key keeps its ticket.")
}

func writeProblem(w http.ResponseWriter, status int, code, title, detail string) {
	writeJSON(w, status, client.ProblemType, struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{"about:blank", title, status, detail, code})
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // whoever does not read it has gone
}

// batchAnswer is a batch as callers see it; keyAnswer a key for one that is to be.
type (
	batchAnswer struct {
		Campaign  uint32 `json:"campaign"`
		Batch     uint16 `json:"batch"`
		First     uint32 `json:"first"`
		Count     uint32 `json:"count"`
		TicketKey string `json:"ticket_key"`
	}
	keyAnswer struct {
		Campaign  uint32 `json:"campaign"`
		First     uint32 `json:"first"`
		TicketKey string `json:"ticket_key"`
	}
)

// batches is GET /v1/tickets.
func (s *Server) batches(w http.ResponseWriter, _ *http.Request) {
	all := []batchAnswer{}
	for _, b := range s.desk.Batches() {
		all = append(all, batchAnswer{b.Campaign, b.Number, b.First, b.Count, keys.Encode(keys.Ticket, b.TicketKey)})
	}
	writeJSON(w, http.StatusOK, "application/json", map[string][]batchAnswer{"batches": all})
}

// key is GET /v1/keys/{campaign}/{first}.
func (s *Server) key(w http.ResponseWriter, r *http.Request) {
	campaign, errCampaign := strconv.ParseUint(r.PathValue("campaign"), 10, 32)
	first, errFirst := strconv.ParseUint(r.PathValue("first"), 10, 32)
	if errCampaign != nil || errFirst != nil || campaign == 0 || first == 0 {
		writeProblem(w, http.StatusNotFound, "not_found", "There is no such batch.", "Both numbers count from 1.")
		return
	}
	key := s.desk.KeyFor(uint32(campaign), uint32(first))
	writeJSON(w, http.StatusOK, "application/json", keyAnswer{uint32(campaign), uint32(first),
		keys.Encode(keys.Ticket, key)})
}
