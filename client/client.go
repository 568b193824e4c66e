package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

// Limits of a Client.
const (
	NodesMax       = 256
	answerBytesMax = 1 << 20  // of one answer, but
	blockBytesMax  = 96 << 20 // of one block: the largest payload in base64 with receipts
	problemMax     = 64 << 10 // of one problem
)

// Defaults of the options.
const (
	DefaultPatience = 2 * time.Second
	DefaultTimeout  = 10 * time.Second
	DefaultMaxAge   = time.Minute
)

// waitMax is the longest that a node is asked to hold one request.
const waitMax = 20 * time.Second

// Client talks to the nodes of one chain. Make it with New. It is safe for
// concurrent use.
type Client struct {
	*Verifier
	nodes []*endpoint
	first atomic.Int64 // index of the node that is asked first
	// floor is the highest height that was proven to this client: no state below
	// it is accepted any more.
	floor atomic.Uint64

	http     *http.Client
	patience time.Duration
	timeout  time.Duration
	maxAge   time.Duration
	till     coupon.Signer
	now      func() time.Time
}

// endpoint is one node.
type endpoint struct {
	base string // without a slash at the end
}

// Option changes how a Client works.
type Option func(*Client)

// WithHTTPClient makes requests through c, which should not follow redirects. It
// is how a program sets proxies and certificates.
func WithHTTPClient(c *http.Client) Option { return func(x *Client) { x.http = c } }

// WithPatience sets after what silence of one node the next one is asked as well.
func WithPatience(d time.Duration) Option { return func(x *Client) { x.patience = d } }

// WithTimeout sets how long one request may take, beside the time for which a
// node is asked to wait.
func WithTimeout(d time.Duration) Option { return func(x *Client) { x.timeout = d } }

// WithMaxAge sets how old a state may be by this machine's clock; 0 accepts any
// age. The age counts only what a halted or hidden chain can do: a state older
// than one seen before is refused in any case.
func WithMaxAge(d time.Duration) Option { return func(x *Client) { x.maxAge = d } }

// WithTill authenticates submissions with a till's key, so that nodes admit every
// Redeem of this till and its refusal becomes a receipt, hence final.
func WithTill(till coupon.Signer) Option { return func(x *Client) { x.till = till } }

// WithFloor makes the client begin with a height that was proven to it before, see
// Client.Floor: it takes no state below.
func WithFloor(height uint64) Option { return func(x *Client) { x.raise(height) } }

// withClock replaces the clock in tests.
func withClock(now func() time.Time) Option { return func(x *Client) { x.now = now } }

// New returns a client of the chain of a genesis file. urls are the addresses of
// its nodes, such as "https://node.example:7600", best of different members; the
// first is asked first.
func New(genesisFile []byte, urls []string, options ...Option) (*Client, error) {
	v, err := NewVerifier(genesisFile)
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	c := &Client{Verifier: v, patience: DefaultPatience, timeout: DefaultTimeout, maxAge: DefaultMaxAge, now: time.Now}
	if len(urls) == 0 || len(urls) > NodesMax {
		return nil, fmt.Errorf("new client: %d addresses of nodes, wanted 1 to %d", len(urls), NodesMax)
	}
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("new client: %q is not the address of a node, such as https://node.example:7600", s)
		}
		c.nodes = append(c.nodes, &endpoint{strings.TrimRight(u.String(), "/")})
	}
	for _, o := range options {
		o(c)
	}
	if c.http == nil {
		c.http = &http.Client{Transport: newTransport(), CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
	return c, nil
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// Floor returns the highest height that was proven to this client.
func (c *Client) Floor() uint64 { return c.floor.Load() }

// raise moves the floor up.
func (c *Client) raise(height uint64) {
	for {
		old := c.floor.Load()
		if height <= old || c.floor.CompareAndSwap(old, height) {
			return
		}
	}
}

// race asks the nodes in turn: the next one when one fails, or when all that were
// asked have been silent for the client's patience. It returns the first answer
// that ask accepts, and ends the other attempts. If every node fails, or done
// says that the errors so far are enough, it returns these errors.
func race[T any](ctx context.Context, c *Client, ask func(context.Context, *endpoint) (T, error),
	done func([]error) bool,
) (T, []error) {
	type reply struct {
		node  int
		value T
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	replies := make(chan reply, len(c.nodes))
	running, next := 0, 0
	start := int(c.first.Load())
	launch := func() {
		i := (start + next) % len(c.nodes)
		next++
		running++
		go func() {
			v, err := ask(ctx, c.nodes[i])
			replies <- reply{i, v, err}
		}()
	}
	// Every goroutine ends before race does: ask returns when ctx ends.
	defer func() {
		cancel()
		for ; running > 0; running-- {
			<-replies
		}
	}()
	launch()
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	var errs []error
	var none T
	for {
		select {
		case r := <-replies:
			running--
			if r.err == nil {
				c.first.Store(int64(r.node))
				return r.value, nil
			}
			errs = append(errs, fmt.Errorf("%s: %w", c.nodes[r.node].base, r.err))
			switch {
			case ctx.Err() != nil || done != nil && done(errs):
				return none, errs
			case next < len(c.nodes):
				launch()
				timer.Reset(c.patience)
			case running == 0:
				return none, errs
			}
		case <-timer.C:
			if next < len(c.nodes) {
				launch()
				timer.Reset(c.patience)
			}
		case <-ctx.Done():
			return none, append(errs, ctx.Err())
		}
	}
}

// failed returns the error of a query that no node answered.
func failed(what string, errs []error) error {
	joined := errors.Join(errs...)
	for _, err := range errs {
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%s: %w", what, joined)
		}
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnreachable, joined)
}

// request is one HTTP request to a node.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	wait         time.Duration // for which the node is asked to hold it
	limit        int64         // of the answer; 0 = answerBytesMax
	login        bool
	json         bool // the body is JSON
}

// do sends a request to a node and decodes the answer into out. The error is a
// *Problem if the node reported one.
func (c *Client) do(ctx context.Context, n *endpoint, q request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout+q.wait)
	defer cancel()
	target := q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, n.base+target, bytes.NewReader(q.body))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if q.body != nil {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	if q.json {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.login && c.till.Sign != nil {
		r.Header.Set("Authorization", SignLogin(c.chain, c.till, q.method, r.URL.RequestURI(), q.body, c.now()))
	}
	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return readProblem(response)
	}
	limit := q.limit
	if limit == 0 {
		limit = answerBytesMax
	}
	b, err := readAll(response.Body, limit)
	if err != nil {
		return err
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%w: %w", ErrFalse, err)
	}
	return nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: an answer of more than %d bytes", ErrFalse, limit)
	}
	return b, nil
}

func readProblem(r *http.Response) error {
	p := &Problem{}
	b, err := readAll(r.Body, problemMax)
	if err != nil || json.Unmarshal(b, p) != nil || p.Code == "" {
		return fmt.Errorf("HTTP status %s", r.Status)
	}
	p.Status = r.StatusCode
	return p
}

// problemCode returns the code of a node's problem, or "".
func problemCode(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}
