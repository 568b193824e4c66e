package client

import (
	"context"
	"errors"

	"github.com/scrip-network/scrip/coupon"
)

// members returns the statements of different members among the answers of nodes
// that counts accepts. Without a signature an answer is nobody's.
func members(errs []error, counts func(*Statement) bool) map[uint16]*Statement {
	said := make(map[uint16]*Statement)
	for _, err := range errs {
		var o *opinion
		if errors.As(err, &o) && o.said != nil && counts(o.said) {
			said[o.said.Replica] = o.said
		}
	}
	return said
}

func refuses(s *Statement) bool {
	_, ok := s.Refuses()
	return ok
}

// settled reports whether so many members refuse the transaction, or hold it for
// lapsed, that the other nodes need not be asked: one of f+1 is honest.
func (c *Client) settled(q *question, errs []error) bool {
	enough := c.Committee().WeakQuorum()
	return len(members(errs, refuses)) >= enough || len(members(errs, q.lapsed)) >= enough
}

func (q *question) lapsed(s *Statement) bool { return s.Lapsed(q.expiresMs) }

// conclude returns what follows from a round in which no node had a receipt that
// ends the id, or nil if the question is open and worth asking again.
func (c *Client) conclude(ctx context.Context, q *question, errs []error) error {
	q.learnExpiry(errs)
	unknown := &UnknownError{ID: q.id, ExpiresMs: q.expiresMs, Err: errors.Join(errs...)}
	if n := len(members(errs, q.lapsed)); n >= c.Committee().WeakQuorum() {
		unknown.Lapsed, unknown.Members = true, n
		return unknown
	}
	if unknown.State = c.unused(ctx, q); unknown.State != nil {
		unknown.Lapsed = true
		return unknown
	}
	refusal := c.refused(q, errs)
	switch {
	case refusal == nil && ctx.Err() != nil:
		return unknown
	case refusal == nil:
		return nil
	case refusal.Receipt != nil || refusal.Members >= c.Committee().WeakQuorum():
		return refusal
	case ctx.Err() != nil || refusal.Nodes == len(c.nodes): // nobody is left to ask
		unknown.Err = errors.Join(unknown.Err, refusal)
		return unknown
	}
	return nil
}

// learnExpiry takes the time of a block that proves E104 for the expiry, if that is
// not known: it is not later.
func (q *question) learnExpiry(errs []error) {
	for _, err := range errs {
		var o *opinion
		if errors.As(err, &o) && o.open != nil && o.open.Outcome.Code == coupon.TxExpired && q.expiresMs == 0 {
			q.expiresMs = o.open.TimeMs
		}
	}
}

// refused returns the refusal that the answers show, however few members give it:
// that of a block first, unless the transaction is past its end, when that block says
// nothing of the ones before it. nil if no node refuses.
func (c *Client) refused(q *question, errs []error) *Refusal {
	r := &Refusal{ID: q.id, OpenUntilMs: q.expiresMs, Members: len(members(errs, refuses))}
	for _, err := range errs {
		var o *opinion
		if !errors.As(err, &o) {
			continue
		}
		if o.open != nil && o.open.Outcome.Code != coupon.TxExpired {
			r.Code, r.Receipt, r.Detail = o.open.Outcome.Code, o.open, ""
			return r
		}
		var p *Problem
		code, ok := coupon.ParseCode(problemCode(err))
		if !ok || o.open != nil || code == coupon.Overloaded || code == coupon.DuplicateTx || !errors.As(err, &p) {
			continue
		}
		r.Nodes++
		if signed := o.said != nil && refuses(o.said); r.Code == coupon.OK || signed {
			r.Code, r.Detail = code, p.Detail
		}
	}
	if r.Code == coupon.OK {
		return nil
	}
	return r
}

// unused returns a proven state that shows that an expired transaction had no effect:
// one of a time at which no block can accept it any more, in which what it would have
// changed is unchanged. nil if there is none, or it is not known to the client yet.
func (c *Client) unused(ctx context.Context, q *question) *State {
	if q.tx == nil || uint64(c.now().UnixMilli()) < q.expiresMs {
		return nil
	}
	key, unused := q.tx.Mark()
	if key == nil {
		return nil
	}
	s, err := c.State(ctx, key)
	if err != nil || s.TimeMs < q.expiresMs || !unused(s.Value) {
		return nil
	}
	return s
}
