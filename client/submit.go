package client

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

// Pauses between rounds over all nodes.
const (
	pauseMin = 100 * time.Millisecond
	pauseMax = 3 * time.Second
)

// Submit hands in a signed transaction and returns its proven receipt. It goes on
// until there is one, f+1 nodes refuse the transaction, or ctx ends; the same
// bytes go to as many nodes as that takes, and have one effect.
//
// If the transaction was refused for good, Submit returns the receipt and a
// *Refusal. Other errors: a *coupon.Error if the bytes are not a valid
// transaction, before anything is sent; a *Refusal that is not final; an
// *UnknownError.
func (c *Client) Submit(ctx context.Context, raw []byte) (*Receipt, error) {
	raw = bytes.Clone(raw)
	tx, err := c.CheckTx(raw)
	if err != nil {
		return nil, err
	}
	return c.resolve(ctx, tx.ID, tx.Expires, func(ctx context.Context, n *endpoint, wait time.Duration) (
		*TxAnswer, error,
	) {
		q := url.Values{"wait": {"proof"}, "timeout": {seconds(wait)}}
		a := new(TxAnswer)
		err := c.do(ctx, n, request{method: http.MethodPost, path: "/v1/transactions", query: q, body: raw, wait: wait,
			login: true}, a)
		return a, err
	})
}

// Receipt returns the proven receipt of a transaction that was submitted before,
// here or elsewhere, and waits for it if need be. expiresMs is the transaction's
// expiry; 0 if it is not known. Results are those of Submit.
func (c *Client) Receipt(ctx context.Context, id [32]byte, expiresMs uint64) (*Receipt, error) {
	return c.resolve(ctx, id, expiresMs, c.askReceipt(id))
}

// asker asks a node for a transaction and lets it wait for the outcome.
type asker func(ctx context.Context, n *endpoint, wait time.Duration) (*TxAnswer, error)

func (c *Client) askReceipt(id [32]byte) asker {
	return func(ctx context.Context, n *endpoint, wait time.Duration) (*TxAnswer, error) {
		q := url.Values{"wait": {"proof"}, "timeout": {seconds(wait)}}
		a := new(TxAnswer)
		path := "/v1/transactions/" + Hash(id).String()
		err := c.do(ctx, n, request{method: http.MethodGet, path: path, query: q, wait: wait}, a)
		return a, err
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(max(d, time.Second) / time.Second)) }

// resolve asks node after node, round after round, until the outcome is known.
func (c *Client) resolve(ctx context.Context, id [32]byte, expiresMs uint64, ask asker) (*Receipt, error) {
	pause := pauseMin
	unknown := &UnknownError{ID: id, ExpiresMs: expiresMs}
	for {
		r, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*Receipt, error) {
			return c.outcome(ctx, n, id, ask, c.holdFor(expiresMs))
		}, func(errs []error) bool { return c.settled(errs, expiresMs) })
		if r != nil {
			c.raise(r.Height)
			if r.OK() {
				return r, nil
			}
			return r, &Refusal{ID: id, Code: r.Outcome.Code, Final: true, Receipt: r}
		}
		if refusal := c.refused(id, errs); refusal != nil {
			return nil, refusal
		}
		unknown.Lapsed = count(errs, isLapsed(expiresMs)) >= c.enough()
		unknown.Err = errors.Join(errs...)
		if unknown.Lapsed || ctx.Err() != nil {
			return nil, unknown
		}
		select {
		case <-ctx.Done():
			unknown.Err = errors.Join(ctx.Err(), unknown.Err)
			return nil, unknown
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, pauseMax)
	}
}

// errPending says that a node held the request for as long as it was asked to and
// the transaction still waits. It ends the node's turn: whoever says so for ever
// must not keep the client from asking again those that failed meanwhile.
var errPending = errors.New("the transaction still waits at the node")

// outcome asks one node for a verified receipt.
func (c *Client) outcome(ctx context.Context, n *endpoint, id [32]byte, ask asker, hold time.Duration) (
	*Receipt, error,
) {
	a, err := ask(ctx, n, hold)
	var p *Problem
	switch {
	case errors.As(err, &p) && len(p.Proof) > 0: // a final refusal has a receipt as well
		return c.provenBy(n, id, p.Proof, p.Header)
	case err != nil:
		return nil, err
	case len(a.Proof) > 0:
		return c.provenBy(n, id, a.Proof, a.Header)
	case a.State == StatePending:
		return nil, errPending
	}
	return nil, errors.New("the node holds no proof of the outcome")
}

// holdFor returns for how long a node is asked to wait for a transaction: not much
// beyond its expiry.
func (c *Client) holdFor(expiresMs uint64) time.Duration {
	if expiresMs == 0 || expiresMs > coupon.TimeMax {
		return waitMax
	}
	left := time.UnixMilli(int64(expiresMs)).Sub(c.now()) + 2*time.Second
	return min(max(left, time.Second), waitMax)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *Client) provenBy(n *endpoint, id [32]byte, proof, header []byte) (*Receipt, error) {
	r, err := c.Verifier.Receipt(id, proof, header)
	if err != nil {
		return nil, err
	}
	r.Node = n.base
	return r, nil
}

// settled reports whether so many nodes refuse, or hold the transaction for
// lapsed, that the others need not be asked.
func (c *Client) settled(errs []error, expiresMs uint64) bool {
	return count(errs, isRefusal) >= c.enough() || count(errs, isLapsed(expiresMs)) >= c.enough()
}

func count(errs []error, is func(error) bool) (n int) {
	for _, err := range errs {
		if is(err) {
			n++
		}
	}
	return n
}

// isLapsed reports whether a node says that a transaction is in no block and that
// its blocks are beyond its expiry.
func isLapsed(expiresMs uint64) func(error) bool {
	return func(err error) bool {
		var p *Problem
		if !errors.As(err, &p) {
			return false
		}
		return p.Code == ProblemLapsed ||
			p.Code == ProblemUnknownTx && expiresMs > 0 && p.Time != nil && uint64(p.Time.Ms) >= expiresMs
	}
}

// isRefusal reports whether a node's state refuses the transaction. That it is
// busy says nothing about the transaction.
func isRefusal(err error) bool {
	code, ok := coupon.ParseCode(problemCode(err))
	return ok && code != coupon.Overloaded
}

// refused returns the refusal that enough nodes share, or nil.
func (c *Client) refused(id [32]byte, errs []error) *Refusal {
	nodes := count(errs, isRefusal)
	if nodes < c.enough() {
		return nil
	}
	for _, err := range errs {
		var p *Problem
		if code, ok := coupon.ParseCode(problemCode(err)); ok && code != coupon.Overloaded && errors.As(err, &p) {
			return &Refusal{ID: id, Code: code, Nodes: nodes, Detail: p.Detail}
		}
	}
	return nil
}

// DryRun asks what the outcome of a transaction would be in the next block. The
// answer is one node's opinion and no promise: a till never shows it as "valid".
func (c *Client) DryRun(ctx context.Context, raw []byte) (*DryRunAnswer, error) {
	if _, err := c.CheckTx(raw); err != nil {
		return nil, err
	}
	a, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*DryRunAnswer, error) {
		a := new(DryRunAnswer)
		err := c.do(ctx, n, request{method: http.MethodPost, path: "/v1/transactions/dry-run", body: raw, login: true}, a)
		return a, err
	}, nil)
	if a == nil {
		return nil, failed("dry run", errs)
	}
	return a, nil
}
