package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/ledger"
)

// Bounds of one page of totals: how many takings it sums, and into how many sums.
const (
	takingsScannedMax = 100_000
	totalsPageMax     = 10_000
)

func (s *Server) takingsRoutes(api huma.API) {
	add(s, api, get("takings", "/v1/members/{id}/takings", tagState,
		"Redemptions at a member's tills and their undoing, by time"), s.takings)
	add(s, api, get("items", "/v1/cycles/{cycle}/items", tagState,
		"Items of a settlement cycle, in order; the cycle's row has their number and root"), s.items)
	op := get("totals", "/v1/members/{id}/totals", tagState, "What a member's tills took, by till and campaign")
	op.Description = "A page sums at most 100,000 takings; who follows next_cursor adds the pages up. " +
		"What was undone counts at the time of the undoing."
	add(s, api, op, s.totals)
}

// SpanInput is a span of time at a member's tills.
type SpanInput struct {
	ID    uint16 `path:"id" doc:"Number of the member"`
	From  uint64 `query:"from" doc:"Begin of the span, Unix milliseconds"`
	Until uint64 `query:"until" doc:"End of the span, which is not in it; default: the newest block"`
}

type takingsInput struct {
	SpanInput
	ListInput
	Newest bool `query:"newest" doc:"Newest first; default: oldest first"`
}

type totalsInput struct {
	SpanInput
	Limit     int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"At most so many sums"`
	Cursor    string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	MinHeight uint64 `query:"min_height" doc:"Wait until the node has executed this height; not with a cursor"`
}

// walk calls visit with the takings of the span from the place of the cursor on,
// each with its place.
func (in *SpanInput) walk(p *snapshot, from []byte, newest bool,
	visit func(place []byte, t ledger.Taking) bool) error {
	walk, at := ledger.Takings, ledger.TakingPlace{TimeMs: in.From}
	if newest {
		walk, at = ledger.TakingsDown, ledger.TakingPlace{TimeMs: math.MaxUint64, Index: math.MaxUint32}
		if in.Until > 0 {
			at.TimeMs = in.Until - 1
		}
	}
	if len(from) == 12 {
		at = ledger.TakingPlace{TimeMs: binary.BigEndian.Uint64(from), Index: binary.BigEndian.Uint32(from[8:])}
	}
	return walk(p.View, in.ID, at, func(t ledger.Taking) bool {
		if in.Until > 0 && t.TimeMs >= in.Until || t.TimeMs < in.From {
			return false
		}
		place := binary.BigEndian.AppendUint64(nil, t.TimeMs)
		return visit(binary.BigEndian.AppendUint32(place, t.Index), t)
	})
}

func (s *Server) takings(ctx context.Context, in *takingsInput) (*output[page[client.TakingAnswer]], error) {
	p, from, err := s.open(ctx, listTakings, &in.ListInput)
	if err != nil {
		return nil, err
	}
	defer p.release()
	visit := func(each func([]byte, ledger.Taking) bool) error { return in.walk(p, from, in.Newest, each) }
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

func (s *Server) totals(ctx context.Context, in *totalsInput) (*output[page[client.TotalAnswer]], error) {
	p, from, err := s.open(ctx, listTotals, &ListInput{Cursor: in.Cursor, MinHeight: in.MinHeight})
	if err != nil {
		return nil, err
	}
	defer p.release()
	out := page[client.TotalAnswer]{Items: []client.TotalAnswer{}, Height: client.U64(p.height),
		Time: client.TimeOf(p.timeMs), Final: true}
	sums := make(map[totalKey]*client.TotalAnswer)
	scanned := 0
	err = in.walk(p, from, false, func(place []byte, t ledger.Taking) bool {
		k := totalKey{t.Till, t.Coupon.Campaign()}
		if scanned == takingsScannedMax || sums[k] == nil && len(sums) == min(in.Limit, totalsPageMax) {
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
	s.metrics.rows.Add(float64(scanned))
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
	currencies := make(map[uint32]string)
	for _, k := range order {
		letters, ok := currencies[k.campaign]
		if !ok {
			_, t, _, err := rulesOf(p, k.campaign, 0)
			if err != nil {
				return nil, err
			}
			letters = s.currency(t.Currency)
			currencies[k.campaign] = letters
		}
		sums[k].Currency = letters
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
