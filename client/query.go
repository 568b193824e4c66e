package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// State returns what the state holds for a key of the table (rules 3.15),
// there or not, as a quorum attests it. Errors wrap a *BehindError, or ErrUnreachable;
// among what that wraps are ErrFalse and ErrStale.
func (c *Client) State(ctx context.Context, key []byte) (*State, error) {
	s, err := atFloor(ctx, c, "read state", func(ctx context.Context, n *endpoint) (*State, error) {
		return c.stateFrom(ctx, n, key)
	})
	if err != nil {
		return nil, err
	}
	c.raise(s.Height)
	return s, nil
}

func (c *Client) stateFrom(ctx context.Context, n *endpoint, key []byte) (*State, error) {
	floor := c.floor.Load()
	a := new(StateAnswer)
	q := url.Values{}
	if floor > 0 {
		q.Set("min_height", strconv.FormatUint(floor, 10))
	}
	path := "/v1/state/" + hex.EncodeToString(key)
	if err := c.do(ctx, n, request{method: http.MethodGet, path: path, query: q}, a); err != nil {
		return nil, err
	}
	s, err := c.Verifier.State(key, a.Proof, a.Header)
	if err != nil {
		return nil, err
	}
	if s.Height < floor {
		return nil, fmt.Errorf("%w: height %d, and %d was seen before", ErrStale, s.Height, floor)
	}
	if age := c.now().Sub(time.UnixMilli(int64(s.TimeMs))); c.maxAge > 0 && age > c.maxAge {
		return nil, fmt.Errorf("%w: height %d is %v old", ErrStale, s.Height, age.Round(time.Second))
	}
	s.Node = n.base
	return s, nil
}

// row reads a row that must be there. name is what people call it.
func (c *Client) row(ctx context.Context, name string, key []byte) (*State, error) {
	s, err := c.State(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !s.Found() {
		return s, &NotFoundError{What: name, Height: s.Height}
	}
	return s, nil
}

// A quorum has signed the rows below, so that a row that cannot be decoded means
// that this program is older than the chain.
func decodeError(name string, err error) error {
	return fmt.Errorf("%s: the proven row is of a form that this program does not know: %w", name, err)
}

// Coupon is a coupon with the rules that it obeys, proven.
type Coupon struct {
	ID coupon.CouponID
	coupon.Coupon
	Campaign Campaign
	// UntilMs is the end of holding and giving; redeeming ends GraceMs later.
	UntilMs uint64
	// Status is HELD, GIFTED, REDEEMED or EXPIRED at the time of State.
	Status string
	State  *State
}

// Coupon returns a proven coupon. Errors wrap ErrNotFound if a proven state has
// no such coupon, else ErrUnreachable.
func (c *Client) Coupon(ctx context.Context, id coupon.CouponID) (*Coupon, error) {
	name := fmt.Sprintf("coupon %d-%d", id.Campaign(), id.Serial())
	s, err := c.row(ctx, name, coupon.CouponKey(id))
	if err != nil {
		return nil, err
	}
	x := &Coupon{ID: id, State: s}
	if x.Coupon, err = coupon.DecodeCoupon(s.Value); err != nil {
		return nil, decodeError(name, err)
	}
	campaign, err := c.campaign(ctx, id.Campaign(), x.Version)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	x.Campaign = *campaign
	x.UntilMs = coupon.Until(&x.Coupon, &x.Campaign.Terms, &x.Campaign.Campaign)
	x.Status = x.Coupon.StatusAt(&x.Campaign.Terms, &x.Campaign.Campaign, s.TimeMs)
	return x, nil
}

// Campaign is a campaign's counters with its terms, proven.
type Campaign struct {
	Number uint32
	coupon.Campaign
	Terms coupon.Terms
	// Status is PUBLISHED, PAUSED, CLOSED, EXHAUSTED or ENDED at the time of
	// State.
	Status string
	State  *State
}

// Campaign returns a proven campaign with its current terms. Errors are those of
// Coupon.
func (c *Client) Campaign(ctx context.Context, number uint32) (*Campaign, error) {
	return c.campaign(ctx, number, 0)
}

// campaign reads a campaign with the terms of a version, 0 for the current one.
func (c *Client) campaign(ctx context.Context, number uint32, version uint16) (*Campaign, error) {
	name := fmt.Sprintf("campaign %d", number)
	s, err := c.row(ctx, name, coupon.CampaignKey(number))
	if err != nil {
		return nil, err
	}
	x := &Campaign{Number: number, State: s}
	if x.Campaign, err = coupon.DecodeCampaign(s.Value); err != nil {
		return nil, decodeError(name, err)
	}
	if version == 0 {
		version = x.Version
	}
	if x.Terms, err = c.terms(ctx, number, version); err != nil {
		return nil, err
	}
	x.Status = x.Campaign.StatusAt(&x.Terms, s.TimeMs)
	return x, nil
}

func (c *Client) terms(ctx context.Context, campaign uint32, version uint16) (coupon.Terms, error) {
	name := fmt.Sprintf("terms %d of campaign %d", version, campaign)
	s, err := c.row(ctx, name, coupon.TermsKey(campaign, version))
	if err != nil {
		return coupon.Terms{}, err
	}
	t, err := coupon.DecodeTerms(s.Value)
	if err != nil {
		return t, decodeError(name, err)
	}
	return t, nil
}

// Till is a registered till key, proven.
type Till struct {
	Key [32]byte
	coupon.Till
	State *State
}

// Till returns a proven till. Errors are those of Coupon.
func (c *Client) Till(ctx context.Context, key [32]byte) (*Till, error) {
	s, err := c.row(ctx, "till", coupon.TillKey(key))
	if err != nil {
		return nil, err
	}
	x := &Till{Key: key, State: s}
	if x.Till, err = coupon.DecodeTill(s.Value); err != nil {
		return nil, decodeError("till", err)
	}
	return x, nil
}

// Member is an organisation of the chain, proven.
type Member struct {
	Number uint16
	coupon.Member
	State *State
}

// Member returns a proven member. Errors are those of Coupon.
func (c *Client) Member(ctx context.Context, number uint16) (*Member, error) {
	name := fmt.Sprintf("member %d", number)
	s, err := c.row(ctx, name, coupon.MemberKey(number))
	if err != nil {
		return nil, err
	}
	x := &Member{Number: number, State: s}
	if x.Member, err = coupon.DecodeMember(s.Value); err != nil {
		return nil, decodeError(name, err)
	}
	return x, nil
}

// Batch returns a proven batch with the state that proves it. Errors are those of
// Coupon.
func (c *Client) Batch(ctx context.Context, campaign uint32, number uint16) (coupon.Batch, *State, error) {
	name := fmt.Sprintf("batch %d of campaign %d", number, campaign)
	s, err := c.row(ctx, name, coupon.BatchKey(campaign, number))
	if err != nil {
		return coupon.Batch{}, s, err
	}
	b, err := coupon.DecodeBatch(s.Value)
	if err != nil {
		return b, s, decodeError(name, err)
	}
	return b, s, nil
}

// Redemption returns a proven redemption with the state that proves it. Errors
// are those of Coupon.
func (c *Client) Redemption(ctx context.Context, id coupon.CouponID, seq uint32) (coupon.Redemption, *State, error) {
	name := fmt.Sprintf("redemption %d of coupon %d", seq, id)
	s, err := c.row(ctx, name, coupon.RedemptionKey(id, seq))
	if err != nil {
		return coupon.Redemption{}, s, err
	}
	r, err := coupon.DecodeRedemption(s.Value)
	if err != nil {
		return r, s, decodeError(name, err)
	}
	return r, s, nil
}

// Obligation returns what a campaign owes a payee in a cycle, proven; no row is
// an obligation of 0. Errors wrap ErrUnreachable.
func (c *Client) Obligation(ctx context.Context, cycle, campaign uint32, payee uint16) (
	coupon.Obligation, *State, error,
) {
	s, err := c.row(ctx, "obligation", coupon.ObligationKey(cycle, campaign, payee))
	if errors.Is(err, ErrNotFound) {
		return coupon.Obligation{}, s, nil
	}
	if err != nil {
		return coupon.Obligation{}, nil, err
	}
	o, err := coupon.DecodeObligation(s.Value)
	if err != nil {
		return o, s, decodeError("obligation", err)
	}
	return o, s, nil
}

// Counts returns how many campaigns and members there are, proven: they are
// numbered from 1 without gaps, so a caller who reads each misses none. Errors
// are those of Coupon.
func (c *Client) Counts(ctx context.Context) (campaigns uint32, members uint16, s *State, err error) {
	if s, err = c.row(ctx, "params", coupon.ParamsKey()); err != nil {
		return 0, 0, s, err
	}
	p, err := coupon.DecodeParams(s.Value)
	if err != nil {
		return 0, 0, s, decodeError("params", err)
	}
	return p.NextCampaign - 1, p.NextMember - 1, s, nil
}

// Block returns an executed block with its transactions and receipts, proven.
// Errors wrap ErrUnreachable.
func (c *Client) Block(ctx context.Context, height uint64) (*Block, error) {
	b, errs := c.raceBlock(ctx, height,
		request{method: http.MethodGet, path: "/v1/blocks/" + strconv.FormatUint(height, 10), limit: blockBytesMax})
	if b == nil {
		return nil, failed(fmt.Sprintf("read block %d", height), errs)
	}
	return b, nil
}

// raceBlock asks for a block by a request.
func (c *Client) raceBlock(ctx context.Context, height uint64, q request) (*Block, []error) {
	b, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*Block, error) {
		a := new(BlockAnswer)
		if err := c.do(ctx, n, q, a); err != nil {
			return nil, err
		}
		b, err := c.Verifier.Block(height, a)
		if err != nil {
			return nil, err
		}
		b.Node = n.base
		return b, nil
	}, nil)
	if b != nil {
		c.raise(height)
	}
	return b, errs
}

// Receipts returns all receipts of an executed block, proven. A block without
// transactions has none, and of a new one the proof may still be missing: both are
// a *Problem. Errors wrap ErrUnreachable.
func (c *Client) Receipts(ctx context.Context, height uint64) (*Receipts, error) {
	r, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*Receipts, error) {
		return c.receiptsFrom(ctx, n, height)
	}, nil)
	if r == nil {
		return nil, failed(fmt.Sprintf("read the receipts of block %d", height), errs)
	}
	c.raise(height)
	return r, nil
}

func (c *Client) receiptsFrom(ctx context.Context, n *endpoint, height uint64) (*Receipts, error) {
	a := new(ReceiptsAnswer)
	path := "/v1/blocks/" + strconv.FormatUint(height, 10) + "/receipts"
	if err := c.do(ctx, n, request{method: http.MethodGet, path: path, limit: blockBytesMax}, a); err != nil {
		return nil, err
	}
	r, err := c.Verifier.Receipts(a.Proof, a.Header)
	if err == nil && r.Height != height {
		err = fmt.Errorf("%w: the receipts of height %d, not %d", ErrFalse, r.Height, height)
	}
	if err != nil {
		return nil, err
	}
	r.Node = n.base
	return r, nil
}

// Status returns what one node says of itself; nothing of it is proved. node is
// its place in the list of addresses given to New.
func (c *Client) Status(ctx context.Context, node int) (*StatusAnswer, error) {
	if node < 0 || node >= len(c.nodes) {
		return nil, fmt.Errorf("status: there is no node %d of %d", node, len(c.nodes))
	}
	a := new(StatusAnswer)
	if err := c.do(ctx, c.nodes[node], request{method: http.MethodGet, path: "/v1/status"}, a); err != nil {
		return nil, fmt.Errorf("status of %s: %w", c.nodes[node].base, err)
	}
	return a, nil
}

// Nodes returns the addresses given to New.
func (c *Client) Nodes() []string {
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = n.base
	}
	return urls
}

// CheckChain asks a node which chain it is of, and reports another one as an error
// that wraps ErrFalse: a clearer answer than a proof that does not hold.
func (c *Client) CheckChain(ctx context.Context, node int) error {
	a, err := c.Status(ctx, node)
	if err != nil {
		return err
	}
	if a.Digest != c.genesis.Digest {
		return fmt.Errorf("%w: %s is a node of the chain %q (%s), not of %q (%s)", ErrFalse, c.nodes[node].base,
			a.Chain, a.Digest, c.genesis.File.Name, Hash(c.genesis.Digest))
	}
	return nil
}

// FetchGenesis reads the genesis file that a node serves. Nothing vouches for
// it: compare its digest with one that came another way before it is trusted.
func FetchGenesis(ctx context.Context, node string) ([]byte, error) {
	c := &Client{http: &http.Client{Transport: newTransport()}, timeout: DefaultTimeout, now: time.Now}
	var b []byte
	err := c.do(ctx, &endpoint{node}, request{method: http.MethodGet, path: "/v1/genesis", limit: 16 << 20}, &b)
	if err != nil {
		return nil, fmt.Errorf("fetch genesis from %s: %w", node, err)
	}
	return b, nil
}

// listMax bounds the items of a list.
const listMax = 1 << 20

// list reads all pages of a node's list. What a node lists is its word: it may
// leave something out.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	type page struct {
		Items []T    `json:"items"`
		Next  string `json:"next_cursor"`
	}
	// All pages come from one node: a cursor is good for its maker.
	return atFloor(ctx, c, "list "+path, func(ctx context.Context, n *endpoint) ([]T, error) {
		q := url.Values{"limit": {"500"}}
		if floor := c.floor.Load(); floor > 0 {
			q.Set("min_height", strconv.FormatUint(floor, 10))
		}
		all := []T{}
		for {
			var p page
			if err := c.do(ctx, n, request{method: http.MethodGet, path: path, query: q}, &p); err != nil {
				return nil, err
			}
			all = append(all, p.Items...)
			if p.Next == "" {
				return all, nil
			}
			if len(p.Items) == 0 || len(all) > listMax {
				return nil, fmt.Errorf("%w: a list without end", ErrFalse)
			}
			q = url.Values{"limit": {"500"}, "cursor": {p.Next}}
		}
	})
}

// HolderCoupons returns the ids of the coupons that an owner can still use, as
// one node lists them. It may leave some out; each is proven by Coupon.
func (c *Client) HolderCoupons(ctx context.Context, owner [32]byte) ([]coupon.CouponID, error) {
	items, err := list[CouponAnswer](ctx, c, "/v1/holders/"+keys.Encode(keys.Holder, owner)+"/coupons")
	ids := make([]coupon.CouponID, len(items))
	for i := range items {
		ids[i] = coupon.CouponID(items[i].ID)
	}
	return ids, err
}

// History returns the accepted transactions of a coupon, oldest first, as one
// node lists them. It may leave some out; each is proven by Receipt.
func (c *Client) History(ctx context.Context, id coupon.CouponID) ([]StepAnswer, error) {
	return list[StepAnswer](ctx, c, "/v1/coupons/"+strconv.FormatUint(uint64(id), 10)+"/history")
}

// Obligations returns what campaigns owe, as one node lists it. Each is proven by
// Obligation.
func (c *Client) Obligations(ctx context.Context) ([]ObligationAnswer, error) {
	return list[ObligationAnswer](ctx, c, "/v1/obligations")
}
