package api

import (
	"context"
	"encoding/binary"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/ledger"
)

type itemsInput struct {
	Cycle uint32 `path:"cycle" doc:"Number of the settlement cycle"`
	ListInput
}

// items is GET /v1/cycles/{cycle}/items. A node that came by a snapshot may have none.
func (s *Server) items(ctx context.Context, in *itemsInput) (*output[page[client.ItemAnswer]], error) {
	p, at, err := s.open(ctx, listItems, &in.ListInput)
	if err != nil {
		return nil, err
	}
	defer p.release()
	from := uint32(0)
	if len(at) == 4 {
		from = binary.BigEndian.Uint32(at)
	}
	visit := func(each func([]byte, client.ItemAnswer) bool) error {
		return ledger.SettlementItems(p.View, in.Cycle, from, func(n uint32, i coupon.SettlementItem) bool {
			return each(binary.BigEndian.AppendUint32(nil, n), client.ItemAnswerOf(n, &i))
		})
	}
	return collect(s, p, listItems, in.Limit, visit, func(a client.ItemAnswer) (client.ItemAnswer, bool, error) {
		return a, true, nil
	})
}
