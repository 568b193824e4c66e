package client

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
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

// Submit hands in a signed transaction and returns the proven receipt that ends its
// id. It goes on until there is one, f+1 members refuse the transaction, it has
// lapsed, or ctx ends; the same bytes go to as many nodes as that takes, and have one
// effect.
//
// If the transaction was refused for good, Submit returns the receipt and a
// *Refusal. Other errors: a *coupon.Error if the bytes are not a valid
// transaction, before anything is sent; a *Refusal that is not final, by f+1 members
// or by a block that recorded nothing; an *UnknownError, which wraps the *Refusal of
// the nodes that were asked if all refuse and they are fewer than f+1 members.
func (c *Client) Submit(ctx context.Context, raw []byte) (*Receipt, error) {
	raw = bytes.Clone(raw)
	tx, err := c.CheckTx(raw)
	if err != nil {
		return nil, err
	}
	return c.resolve(ctx, &question{id: tx.ID, tx: tx, expiresMs: tx.Expires, ask: func(ctx context.Context, n *endpoint,
		wait time.Duration, nonce Hash) (*TxAnswer, error) {
		q := url.Values{"wait": {"proof"}, "timeout": {seconds(wait)}, "nonce": {nonce.String()}}
		a := new(TxAnswer)
		err := c.do(ctx, n, request{method: http.MethodPost, path: "/v1/transactions", query: q, body: raw, wait: wait,
			login: true}, a)
		return a, err
	}})
}

// Receipt returns the proven receipt of a transaction that was submitted before,
// here or elsewhere, and waits for it if need be. expiresMs is the transaction's
// expiry; 0 if it is not known. Results are those of Submit; without the bytes, a
// receipt whose meaning depends on the kind (E301) is taken for one that ends nothing,
// and that the transaction has lapsed is not known from the state.
func (c *Client) Receipt(ctx context.Context, id [32]byte, expiresMs uint64) (*Receipt, error) {
	return c.resolve(ctx, &question{id: id, expiresMs: expiresMs, ask: c.askReceipt(id)})
}

// question is a transaction whose outcome is wanted.
type question struct {
	id        [32]byte
	tx        *coupon.Tx // nil if only the id is known
	expiresMs uint64     // 0 if it is not known
	ask       asker
}

// kind returns the transaction's kind, 0 if it is not known.
func (q *question) kind() coupon.Kind {
	if q.tx == nil {
		return 0
	}
	return q.tx.Kind
}

// asker asks a node for a transaction and lets it wait for the outcome.
type asker func(ctx context.Context, n *endpoint, wait time.Duration, nonce Hash) (*TxAnswer, error)

func (c *Client) askReceipt(id [32]byte) asker {
	return func(ctx context.Context, n *endpoint, wait time.Duration, nonce Hash) (*TxAnswer, error) {
		q := url.Values{"wait": {"proof"}, "timeout": {seconds(wait)}, "nonce": {nonce.String()}}
		a := new(TxAnswer)
		path := "/v1/transactions/" + Hash(id).String()
		err := c.do(ctx, n, request{method: http.MethodGet, path: path, query: q, wait: wait}, a)
		return a, err
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(max(d, time.Second) / time.Second)) }

// resolve asks node after node, round after round, until the outcome is known.
func (c *Client) resolve(ctx context.Context, q *question) (*Receipt, error) {
	pause := pauseMin
	for {
		r, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*Receipt, error) {
			return c.outcome(ctx, n, q, c.holdFor(q.expiresMs))
		}, func(errs []error) bool { return c.settled(q, errs) })
		if r != nil {
			c.raise(r.Height)
			if r.OK() {
				return r, nil
			}
			return r, &Refusal{ID: q.id, Code: r.Outcome.Code, Final: true, Receipt: r}
		}
		if err := c.conclude(ctx, q, errs); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, &UnknownError{ID: q.id, ExpiresMs: q.expiresMs, Err: errors.Join(append(errs, ctx.Err())...)}
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, pauseMax)
	}
}

// errPending says that a node held the request for as long as it was asked to and
// the transaction still waits. It ends the node's turn: whoever says so for ever
// must not keep the client from asking again those that failed meanwhile.
var errPending = errors.New("the transaction still waits at the node")

// opinion is what a node answers without a proof that ends the id.
type opinion struct {
	err error
	// said is the statement of the member, nil if none is signed.
	said *Statement
	// open is a proven receipt that ends nothing, nil if there is none.
	open *Receipt
}

// Error implements error.
func (o *opinion) Error() string { return o.err.Error() }

// Unwrap returns what the node has answered.
func (o *opinion) Unwrap() error { return o.err }

// outcome asks one node for a verified receipt that ends the id.
func (c *Client) outcome(ctx context.Context, n *endpoint, q *question, hold time.Duration) (*Receipt, error) {
	nonce := newNonce()
	a, err := q.ask(ctx, n, hold, nonce)
	var p *Problem
	switch {
	case errors.As(err, &p):
		a = &TxAnswer{Proof: p.Proof, Header: p.Header, Statement: p.Statement}
	case err != nil:
		return nil, err
	case a.State == StatePending && len(a.Proof) == 0:
		return nil, errPending
	default:
		err = errors.New("the node holds no proof of the outcome")
	}
	o := &opinion{err: err}
	if len(a.Statement) > 0 {
		if o.said, err = c.Verifier.Statement(a.Statement, q.id, nonce); err != nil {
			return nil, err
		}
	}
	if len(a.Proof) == 0 {
		return nil, o
	}
	r, err := c.provenBy(n, q.id, a.Proof, a.Header)
	if err != nil {
		return nil, err
	}
	switch r.Outcome.Code.Ending(q.kind()) {
	case coupon.Ended:
		return r, nil
	case coupon.EndedBefore:
		return c.firstOutcome(ctx, n, r)
	}
	o.open, o.err = r, fmt.Errorf("block %d refused it with %s, which ends nothing", r.Height, r.Outcome.Code)
	return nil, o
}

func newNonce() (nonce Hash) {
	_, _ = crand.Read(nonce[:]) // never fails
	return nonce
}

// firstOutcome fetches the receipt that a proven E105 names, from the node that has
// shown it. The E105 proves that this outcome was recorded, whatever its code.
func (c *Client) firstOutcome(ctx context.Context, n *endpoint, duplicate *Receipt) (*Receipt, error) {
	first := duplicate.Outcome.First
	all, err := c.receiptsFrom(ctx, n, first.Height)
	if err != nil {
		return nil, fmt.Errorf("the first outcome, in block %d: %w", first.Height, err)
	}
	for i := range all.Outcomes {
		if o := &all.Outcomes[i]; o.ID == duplicate.Outcome.ID && o.Code == first.Code {
			return all.at(i), nil
		}
	}
	return nil, fmt.Errorf("%w: block %d does not hold the first outcome", ErrFalse, first.Height)
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
