package api

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/ledger"
)

func (s *Server) activityRoutes(api huma.API) {
	op := get("activity", "/v1/activity", tagChain, "What happened, by quarters of an hour")
	op.Description = "Quarters without a block are left out, and so is the time before this node began to count. " +
		"This is the node's own account: no proof stands behind it."
	add(s, api, op, s.activity)
}

type activityInput struct {
	From      uint64 `query:"from" doc:"Quarters that begin at this time or later, Unix milliseconds"`
	Until     uint64 `query:"until" doc:"Quarters that begin before this time; default: all"`
	Limit     int    `query:"limit" minimum:"1" maximum:"3000" default:"100" doc:"At most so many quarters"`
	Cursor    string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	MinHeight uint64 `query:"min_height" doc:"Wait until the node has executed this height; not with a cursor"`
}

func (s *Server) activity(ctx context.Context, in *activityInput) (*output[page[client.ActivityAnswer]], error) {
	p, from, err := s.open(ctx, listActivity, &ListInput{Cursor: in.Cursor, MinHeight: in.MinHeight})
	if err != nil {
		return nil, err
	}
	defer p.release()
	at := in.From
	if len(from) == 8 {
		at = binary.BigEndian.Uint64(from)
	}
	visit := func(each func([]byte, ledger.Activity) bool) error {
		return ledger.Activities(p.View, at, func(a ledger.Activity) bool {
			if in.Until > 0 && a.BeginMs >= in.Until {
				return false
			}
			return each(binary.BigEndian.AppendUint64(nil, a.BeginMs), a)
		})
	}
	return collect(s, p, listActivity, in.Limit, visit, func(a ledger.Activity) (client.ActivityAnswer, bool, error) {
		return client.ActivityAnswer{Begins: client.TimeOf(a.BeginMs), Blocks: a.Blocks, Transactions: a.Transactions(),
			Refused: a.Refused, Claims: a.Claims, Transfers: a.Transfers, Redemptions: a.Redemptions, Voids: a.Voids,
			Final: s.watch.paces.of(a.BeginMs)}, true, nil
	})
}

// Limits of what is remembered of the pace.
const (
	// pacesMax are the quarters of 92 days.
	pacesMax = 92 * 24 * 4
	// paceLate is when a block is taken for one that this node fetched later.
	paceLate = time.Minute
)

// paces remember how soon blocks were decided here, by quarter, since the process began.
// Safe for concurrent use.
type paces struct {
	mu    sync.Mutex // guards all below
	sums  map[uint64]*paceSum
	order []uint64 // quarters, oldest first
}

type paceSum struct {
	blocks, mostMs uint32
	sumMs          uint64
}

func newPaces() *paces { return &paces{sums: make(map[uint64]*paceSum)} }

// note times a block that has been executed just now. One that is dated in the future, as
// far as clocks differ, took no time.
func (p *paces) note(timeMs uint64, now time.Time) {
	took := max(0, now.UnixMilli()-int64(timeMs))
	if took > paceLate.Milliseconds() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	begin := timeMs - timeMs%ledger.QuarterMs
	sum := p.sums[begin]
	if sum == nil {
		if len(p.order) == pacesMax {
			delete(p.sums, p.order[0])
			p.order = p.order[1:]
		}
		sum = &paceSum{}
		p.sums[begin] = sum
		p.order = append(p.order, begin)
	}
	sum.blocks++
	sum.sumMs += uint64(took)
	sum.mostMs = max(sum.mostMs, uint32(took))
}

// of returns the pace of a quarter, or nil.
func (p *paces) of(beginMs uint64) *client.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.sums[beginMs]
	if sum == nil {
		return nil
	}
	return &client.Pace{Blocks: sum.blocks, MeanMs: uint32(sum.sumMs / uint64(sum.blocks)), MostMs: sum.mostMs}
}
