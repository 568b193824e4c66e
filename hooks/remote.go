package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// remoteBytesMax bounds an answer of the control interface: a full list of deliveries with
// their attempts.
const remoteBytesMax = 32 << 20

// Remote asks the control interface of a process, or one that is not served.
type Remote struct {
	base, token string
	http        *http.Client
}

// NewRemote returns what asks the process that listens on an address, such as
// 127.0.0.1:7606, with the token of its book.
func NewRemote(address, token string) *Remote {
	return &Remote{"http://" + address, token, &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}}
}

// Local returns what asks a service of this process, which need not run.
func (s *Service) Local() *Remote {
	return &Remote{"http://local", s.book.Token(), &http.Client{Transport: local{s.Handler()}}}
}

// local is a transport without a network.
type local struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &recorder{header: make(http.Header), status: http.StatusOK}
	l.handler.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header,
		Body: io.NopCloser(&w.body), Request: r}, nil
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

func (c *Remote) ask(ctx context.Context, method, path string, in *request) (a Answer, err error) {
	fail := func(err error) (Answer, error) { return a, fmt.Errorf("ask the webhooks' process: %w", err) }
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return fail(err)
	}
	if in != nil {
		r.Body = io.NopCloser(bytes.NewReader(encode(in)))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := c.http.Do(r)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(answer.Body, remoteBytesMax))
	if err != nil {
		return fail(err)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return fail(fmt.Errorf("it answers %s", answer.Status))
	}
	if answer.StatusCode == http.StatusOK {
		return a, nil
	}
	for _, known := range codes {
		if known.code == a.Code {
			return a, &remoteError{a.Error, known.err}
		}
	}
	return a, errors.New(a.Error)
}

// remoteError is an error that another process has told.
type remoteError struct {
	text string
	kind error
}

// Error implements error.
func (e *remoteError) Error() string { return e.text }

// Unwrap returns the error of this package that it is one of.
func (e *remoteError) Unwrap() error { return e.kind }

func endpointPath(id, what string) string { return "/v1/endpoints/" + url.PathEscape(id) + "/" + what }

// Endpoints is Service.Endpoints.
func (c *Remote) Endpoints(ctx context.Context) ([]Endpoint, error) {
	a, err := c.ask(ctx, http.MethodGet, "/v1/endpoints", nil)
	return a.Endpoints, err
}

// Add is Service.Add; an empty secret makes a new one. The answer has Endpoint and Secret.
func (c *Remote) Add(ctx context.Context, e Endpoint, secret string, dry bool) (Answer, error) {
	return c.ask(ctx, http.MethodPost, "/v1/endpoints", &request{Endpoint: e, Secret: secret, DryRun: dry})
}

// Remove is Service.Remove.
func (c *Remote) Remove(ctx context.Context, id string, dry bool) (Answer, error) {
	return c.ask(ctx, http.MethodPost, endpointPath(id, "remove"), &request{DryRun: dry})
}

// Rotate is Service.Rotate; an empty secret makes a new one. The answer has Secret.
func (c *Remote) Rotate(ctx context.Context, id, secret string, overlap time.Duration, dry bool) (Answer, error) {
	if overlap < 0 {
		return Answer{}, fmt.Errorf("%w: an overlap of %v", ErrEndpoint, overlap)
	}
	return c.ask(ctx, http.MethodPost, endpointPath(id, "rotate"),
		&request{Secret: secret, OverlapMs: uint64(overlap.Milliseconds()), DryRun: dry})
}

// Enable is Service.Enable.
func (c *Remote) Enable(ctx context.Context, id, reason string, dry bool) error {
	_, err := c.ask(ctx, http.MethodPost, endpointPath(id, "enable"), &request{Reason: reason, DryRun: dry})
	return err
}

// Deliveries is Service.Deliveries.
func (c *Remote) Deliveries(ctx context.Context, id string) ([]*Delivery, error) {
	a, err := c.ask(ctx, http.MethodGet, endpointPath(id, "deliveries"), nil)
	return a.Deliveries, err
}

// Dead is Service.Dead.
func (c *Remote) Dead(ctx context.Context, id string) ([]*Delivery, error) {
	a, err := c.ask(ctx, http.MethodGet, "/v1/dead?endpoint="+url.QueryEscape(id), nil)
	return a.Deliveries, err
}

// Resend is Service.Resend for the event or message that is named.
func (c *Remote) Resend(ctx context.Context, event, id string, dry bool) ([]string, error) {
	a, err := c.ask(ctx, http.MethodPost, "/v1/resend", &request{Endpoint: Endpoint{ID: id}, Event: event, DryRun: dry})
	return a.Sent, err
}
