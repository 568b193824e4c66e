package client

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// HolderMark is a coupon of a campaign with the first four bytes of its owner's key:
// enough for a wallet to see which coupons may be its own, without naming a key to a
// node. Coupon proves each.
type HolderMark struct {
	Serial uint32
	Mark   [4]byte
}

// holdersMax bounds the coupons of one campaign that HolderMarks reads.
const holdersMax = 1 << 22

// HolderMarks returns the marks of all coupons of a campaign, used ones included, in
// ascending order of the serials, as one node lists them. A node that lists fewer
// coupons than the campaign has proven to have issued is not believed. A campaign
// with more than 4,194,304 coupons is an error.
func (c *Client) HolderMarks(ctx context.Context, campaign uint32) ([]HolderMark, error) {
	g, err := c.Campaign(ctx, campaign)
	if err != nil {
		return nil, err
	}
	if g.Issued > holdersMax {
		return nil, fmt.Errorf("list the holders of campaign %d: %d coupons, at most %d are read", campaign, g.Issued,
			holdersMax)
	}
	if g.Issued == 0 {
		return nil, nil
	}
	path := fmt.Sprintf("/v1/campaigns/%d/holders", campaign)
	return atFloor(ctx, c, "list "+path, func(ctx context.Context, n *endpoint) ([]HolderMark, error) {
		marks := make([]HolderMark, 0, g.Issued)
		q := url.Values{"min_height": {strconv.FormatUint(g.State.Height, 10)}}
		for first := uint32(1); ; {
			var p struct {
				Holders []byte `json:"holders"`
				Next    uint32 `json:"next"`
			}
			q.Set("from", strconv.FormatUint(uint64(first), 10))
			if err := c.do(ctx, n, request{method: http.MethodGet, path: path, query: q}, &p); err != nil {
				return nil, err
			}
			for b := p.Holders; len(b) >= 8; b = b[8:] {
				m := HolderMark{binary.BigEndian.Uint32(b), [4]byte(b[4:])}
				if m.Serial < first {
					return nil, fmt.Errorf("%w: holders out of order", ErrFalse)
				}
				marks = append(marks, m)
				first = m.Serial + 1
			}
			if p.Next == 0 {
				break
			}
			if p.Next < first || len(p.Holders) < 8 || len(marks) > holdersMax {
				return nil, fmt.Errorf("%w: a list of holders without end", ErrFalse)
			}
			first = p.Next
		}
		if len(marks) < int(g.Issued) {
			return nil, fmt.Errorf("%w: %d holders are listed of %d", ErrFalse, len(marks), g.Issued)
		}
		return marks, nil
	})
}
