package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/ledger"
)

// takingsScannedMax bounds how many takings one page of totals sums.
const takingsScannedMax = 100_000

func (s *Server) takingsRoutes(api huma.API) {
	add(s, api, get("takings", "/v1/members/{id}/takings", tagState,
		"Redemptions at a member's tills and their undoing, oldest first"), s.takings)
	op := get("totals", "/v1/members/{id}/totals", tagState, "What a member's tills took, by till and campaign")
	op.Description = "A page sums at most 100,000 takings; who follows next_cursor adds the pages up. " +
		"What was undone counts at the time of the undoing."
	add(s, api, op, s.totals)
}

// spanInput is a span of time at a member's tills.
type spanInput struct {
	ID    uint16 `path:"id" doc:"Number of the member"`
	From  uint64 `query:"from" doc:"Begin of the span, Unix milliseconds"`
	Until uint64 `query:"until" doc:"End of the span, which is not in it; default: the newest block"`
	ListInput
}

// walk calls visit with the takings of the span from the place of the cursor on,
// each with its place.
func (in *spanInput) walk(p *snapshot, from []byte, visit func(place []byte, t ledger.Taking) bool) error {
	at := ledger.TakingPlace{TimeMs: in.From}
	if len(from) == 12 {
		at = ledger.TakingPlace{TimeMs: binary.BigEndian.Uint64(from), Index: binary.BigEndian.Uint32(from[8:])}
	}
	return ledger.Takings(p.View, in.ID, at, func(t ledger.Taking) bool {
		if in.Until > 0 && t.TimeMs >= in.Until {
			return false
		}
		place := binary.BigEndian.AppendUint64(nil, t.TimeMs)
		return visit(binary.BigEndian.AppendUint32(place, t.Index), t)
	})
}

func (s *Server) takings(ctx context.Context, in *spanInput) (*output[page[client.TakingAnswer]], error) {
	p, from, err := s.open(ctx, listTakings, &in.ListInput)
	if err != nil {
		return nil, err
	}
	defer p.release()
	visit := func(each func([]byte, ledger.Taking) bool) error { return in.walk(p, from, each) }
	return collect(s, p, listTakings, in.Limit, visit, func(t ledger.Taking) (client.TakingAnswer, bool, error) {
		kind := coupon.EventRedemptionAccrued
		if t.Void {
			kind = coupon.EventRedemptionVoided
		}
		return client.TakingAnswer{ID: client.EventID{Height: t.Height, Tx: t.Index}.String(), Type: kind.String(),
			Time: client.TimeOf(t.TimeMs), Coupon: client.U64(t.Coupon), Seq: t.Seq, Till: keys.Encode(keys.Till, t.Till),
			Value: client.U64(t.Value), Payable: client.U64(t.Payable)}, true, nil
	})
}

// totalKey is what takings are summed by.
type totalKey struct {
	till     [32]byte
	campaign uint32
}

func (s *Server) totals(ctx context.Context, in *spanInput) (*output[page[client.TotalAnswer]], error) {
	p, from, err := s.open(ctx, listTotals, &in.ListInput)
	if err != nil {
		return nil, err
	}
	defer p.release()
	out := page[client.TotalAnswer]{Items: []client.TotalAnswer{}, Height: client.U64(p.height),
		Time: client.TimeOf(p.timeMs), Final: true}
	sums := make(map[totalKey]*client.TotalAnswer)
	scanned := 0
	err = in.walk(p, from, func(place []byte, t ledger.Taking) bool {
		k := totalKey{t.Till, t.Coupon.Campaign()}
		if scanned == takingsScannedMax || sums[k] == nil && len(sums) == in.Limit {
			out.Next = cursor{listTotals, p.height, place}.String()
			return false
		}
		scanned++
		if sums[k] == nil {
			sums[k] = &client.TotalAnswer{Till: keys.Encode(keys.Till, k.till), Campaign: k.campaign}
		}
		addTaking(sums[k], &t)
		return true
	})
	if err != nil {
		return nil, err
	}
	if out.Next != "" {
		s.watch.keep(p)
	}
	order := make([]totalKey, 0, len(sums))
	for k := range sums {
		order = append(order, k)
	}
	slices.SortFunc(order, func(a, b totalKey) int {
		return cmp.Or(bytes.Compare(a.till[:], b.till[:]), cmp.Compare(a.campaign, b.campaign))
	})
	for _, k := range order {
		_, t, _, err := rulesOf(p, k.campaign, 0)
		if err != nil {
			return nil, err
		}
		sums[k].Currency = s.currency(t.Currency)
		out.Items = append(out.Items, *sums[k])
	}
	return &output[page[client.TotalAnswer]]{CacheControl: "no-cache", Body: out}, nil
}

func addTaking(sum *client.TotalAnswer, t *ledger.Taking) {
	if t.Void {
		sum.Voids++
		sum.VoidedValue += client.U64(t.Value)
		sum.VoidedPayable += client.U64(t.Payable)
		return
	}
	sum.Count++
	sum.Value += client.U64(t.Value)
	sum.Payable += client.U64(t.Payable)
}
