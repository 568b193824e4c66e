package hooks

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks/signature"
)

// Limits of the control interface.
const (
	controlBodyMax   = 64 << 10
	controlHeaderMax = 16 << 10
	// staleAfter is from which age of the last block on the process says that it is not
	// healthy: a chain makes a block a second.
	staleAfter = time.Minute
)

// request is what the control interface is asked to do; which fields count says the path.
type request struct {
	Endpoint
	Secret    string `json:"secret,omitempty"`
	OverlapMs uint64 `json:"overlap_ms,omitempty"`
	Event     string `json:"event,omitempty"`
	Reason    string `json:"reason,omitempty"`
	DryRun    bool   `json:"dry_run,omitempty"`
}

// Answer is what the control interface answers; fields that do not belong to the question
// are empty.
type Answer struct {
	Endpoints  []Endpoint  `json:"endpoints,omitempty"`
	Endpoint   *Endpoint   `json:"endpoint,omitempty"`
	Secret     string      `json:"secret,omitempty"`
	Deliveries []*Delivery `json:"deliveries,omitempty"`
	Sent       []string    `json:"sent_to,omitempty"`
	DryRun     bool        `json:"dry_run,omitempty"`
	Error      string      `json:"error,omitempty"`
	Code       string      `json:"code,omitempty"`
}

// Handler returns the HTTP interface of a service: GET /healthz and GET /metrics for
// everybody who reaches it, and /v1/ for who shows the book's token.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /v1/endpoints", s.control(func(*http.Request, *request) (Answer, error) {
		return Answer{Endpoints: s.Endpoints()}, nil
	}))
	mux.HandleFunc("POST /v1/endpoints", s.control(func(_ *http.Request, in *request) (Answer, error) {
		secret, err := in.secret()
		if err != nil {
			return Answer{}, err
		}
		e, secret, err := s.Add(in.Endpoint, secret, in.DryRun)
		return Answer{Endpoint: &e, Secret: secret.Text()}, err
	}))
	mux.HandleFunc("POST /v1/endpoints/{id}/remove", s.control(func(r *http.Request, in *request) (Answer, error) {
		e, err := s.Remove(r.PathValue("id"), in.DryRun)
		return Answer{Endpoint: &e}, err
	}))
	mux.HandleFunc("POST /v1/endpoints/{id}/rotate", s.control(func(r *http.Request, in *request) (Answer, error) {
		secret, err := in.secret()
		if err != nil {
			return Answer{}, err
		}
		overlap := time.Duration(min(in.OverlapMs, uint64(2*OverlapMax/time.Millisecond))) * time.Millisecond
		secret, err = s.Rotate(r.PathValue("id"), secret, overlap, in.DryRun)
		return Answer{Secret: secret.Text()}, err
	}))
	mux.HandleFunc("POST /v1/endpoints/{id}/enable", s.control(func(r *http.Request, in *request) (Answer, error) {
		return Answer{}, s.Enable(r.PathValue("id"), shorten(in.Reason), in.DryRun)
	}))
	mux.HandleFunc("GET /v1/endpoints/{id}/deliveries", s.control(func(r *http.Request, _ *request) (Answer, error) {
		list, err := s.Deliveries(r.PathValue("id"))
		return Answer{Deliveries: list}, err
	}))
	mux.HandleFunc("GET /v1/dead", s.control(func(r *http.Request, _ *request) (Answer, error) {
		list, err := s.Dead(r.URL.Query().Get("endpoint"))
		return Answer{Deliveries: list}, err
	}))
	mux.HandleFunc("POST /v1/resend", s.control(func(r *http.Request, in *request) (Answer, error) {
		e, err := ParseID(s.feed.digest, in.Event)
		if err != nil {
			return Answer{}, fmt.Errorf("%w: %w", ErrNoDelivery, err)
		}
		to, err := s.Resend(r.Context(), e, in.ID, in.DryRun)
		return Answer{Sent: to}, err
	}))
	return mux
}

// Serve answers at a listener, and closes it, until ctx ends.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 40 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: controlHeaderMax,
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
		return fmt.Errorf("answer commands: %w", err)
	}
	<-ended
	return nil
}

// secret returns the secret that was named, nil if none was.
func (in *request) secret() (signature.Secret, error) {
	if in.Secret == "" {
		return nil, nil
	}
	secret, err := signature.ParseSecret(in.Secret)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEndpoint, err)
	}
	return secret, nil
}

// control is a handler for who has the book's token. A page in a browser has none, and can
// send no JSON to another origin unasked.
func (s *Service) control(do func(*http.Request, *request) (Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(token), []byte(s.book.Token())) != 1 {
			reply(w, http.StatusUnauthorized, Answer{Code: "token", Error: "the token is not that of this process"})
			return
		}
		in := new(request)
		if r.Method == http.MethodPost {
			kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlBodyMax))
			d.DisallowUnknownFields()
			if err != nil || kind != "application/json" || d.Decode(in) != nil {
				reply(w, http.StatusBadRequest, Answer{Code: "bad_request", Error: "the request does not fit its description"})
				return
			}
		}
		a, err := do(r, in)
		a.DryRun = in.DryRun
		if err == nil {
			reply(w, http.StatusOK, a)
			return
		}
		code, status := codeOf(err)
		if status == http.StatusInternalServerError {
			s.log.Error("the control interface failed", "path", r.URL.Path, "err", err)
		}
		reply(w, status, Answer{Code: code, Error: err.Error()})
	}
}

// Codes of the control interface.
var codes = []struct {
	err    error
	code   string
	status int
}{
	{ErrNoEndpoint, "no_endpoint", http.StatusNotFound},
	{ErrNoDelivery, "no_delivery", http.StatusNotFound},
	{client.ErrNotFound, "no_delivery", http.StatusNotFound},
	{ErrEndpoint, "endpoint", http.StatusBadRequest},
	{ErrBusy, "busy", http.StatusTooManyRequests},
	{client.ErrUnreachable, "unreachable", http.StatusServiceUnavailable},
}

func codeOf(err error) (code string, status int) {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code, c.status
		}
	}
	return "internal", http.StatusInternalServerError
}

func reply(w http.ResponseWriter, status int, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // whoever does not read it has gone
}

// healthz is GET /healthz: whether the chain is followed.
func (s *Service) healthz(w http.ResponseWriter, _ *http.Request) {
	tip, timeMs, _ := s.feed.height()
	age := time.Since(time.UnixMilli(int64(timeMs)))
	w.Header().Set("Cache-Control", "no-store")
	if age > staleAfter {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, "no block since height %d\n", tip)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}
