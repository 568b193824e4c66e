package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
)

// TermsAt returns the proven terms of a version of a campaign. Errors are those of Coupon.
func (c *Client) TermsAt(ctx context.Context, campaign uint32, version uint16) (coupon.Terms, error) {
	return c.terms(ctx, campaign, version)
}

// Protocol returns the proven row that says which version of the rules holds and which
// settlement cycle is the next to be closed. Errors are those of Coupon: a chain of
// version 1 of the rules has none.
func (c *Client) Protocol(ctx context.Context) (coupon.Protocol, *State, error) {
	return rowOf(ctx, c, "protocol", coupon.ProtocolKey(), coupon.DecodeProtocol)
}

// Cycle returns a proven settlement cycle that is being closed or is closed. Errors are
// those of Coupon.
func (c *Client) Cycle(ctx context.Context, cycle uint32) (coupon.Cycle, *State, error) {
	return rowOf(ctx, c, fmt.Sprintf("cycle %d", cycle), coupon.CycleKey(cycle), coupon.DecodeCycle)
}

// Position returns what a member owes and gets by secured debts of a cycle, proven; no row
// is a position of 0. Errors wrap ErrUnreachable.
func (c *Client) Position(ctx context.Context, cycle uint32, currency, member uint16) (coupon.Position, *State, error) {
	p, s, err := rowOf(ctx, c, "position", coupon.PositionKey(cycle, currency, member), coupon.DecodePosition)
	if errors.Is(err, ErrNotFound) {
		return coupon.Position{}, s, nil
	}
	return p, s, err
}

// Debt returns a proven debt between two members. Errors are those of Coupon.
func (c *Client) Debt(ctx context.Context, n coupon.DebtName) (coupon.Debt, *State, error) {
	name := fmt.Sprintf("debt of member %d to member %d in cycle %d", n.Payer, n.Payee, n.Cycle)
	return rowOf(ctx, c, name, coupon.DebtKey(n.Cycle, n.Currency, n.Book, n.Payer, n.Payee), coupon.DecodeDebt)
}

// Money returns what has become of a campaign's budget, proven: what each funder locked,
// paid and got back, and whether the rest is free again. Errors are those of Coupon.
func (c *Client) Money(ctx context.Context, campaign uint32) (coupon.CampaignMoney, *State, error) {
	return rowOf(ctx, c, fmt.Sprintf("money of campaign %d", campaign), coupon.MoneyKey(campaign), coupon.DecodeMoney)
}

// Refunded returns what of a redemption was given back, proven; no row is a refund of 0.
// Errors wrap ErrUnreachable.
func (c *Client) Refunded(ctx context.Context, id coupon.CouponID, seq uint32) (coupon.Refunded, *State, error) {
	r, s, err := rowOf(ctx, c, "refund", coupon.RefundKey(id, seq), coupon.DecodeRefunded)
	if errors.Is(err, ErrNotFound) {
		return coupon.Refunded{}, s, nil
	}
	return r, s, err
}

// rowOf reads and decodes a row that must be there.
func rowOf[T any](ctx context.Context, c *Client, name string, key []byte, decode func([]byte) (T, error)) (T, *State,
	error) {
	var none T
	s, err := c.row(ctx, name, key)
	if err != nil {
		return none, s, err
	}
	x, err := decode(s.Value)
	if err != nil {
		return none, s, decodeError(name, err)
	}
	return x, s, nil
}
