package api

import (
	"context"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/tracing"
	"github.com/scrip-network/scrip/node"
)

// passages is a node that knows when blocks passed its stages. One on another engine does
// not, and its traces have the door and the wait alone.
type passages interface {
	Passage(height uint64) (node.Passage, bool)
}

var _ passages = (*node.Node)(nil)

// spanOf returns the trace of a request, nil if it is not traced.
func spanOf(ctx context.Context) *tracing.Trace {
	x, _ := ctx.Value(spanKey{}).(*tracing.Trace)
	return x
}

// traceStages adds to the trace of a hand-in where its time went: at the door until the
// mempool had it (taken), then through the stages of scrip_tx_stage_seconds, and until f+1
// members had attested the receipt. a is the answer, nil if there is none.
func (s *Server) traceStages(ctx context.Context, pending node.Pending, taken time.Time, a *client.TxAnswer) {
	x := spanOf(ctx)
	if x == nil {
		return
	}
	now := time.Now()
	x.Set("scrip.tx", client.Hash(pending.ID).String())
	x.Add("door", x.Began(), taken)
	known, ok := s.node.(passages)
	if a == nil || a.Height == 0 || pending.Known || !ok {
		x.Add("wait", taken, now)
		return
	}
	x.Set("scrip.code", a.Code)
	x.Set("scrip.height", strconv.FormatUint(uint64(a.Height), 10))
	p, ok := known.Passage(uint64(a.Height))
	if !ok {
		x.Add("wait", taken, now)
		return
	}
	last := "prove"
	if a.State != client.StateProved {
		last = "answer"
	}
	at := taken
	for _, stage := range []struct {
		name string
		end  time.Time
	}{{"queue", p.Proposed}, {"propose", p.Prepared}, {"vote", p.Committed}, {"execute", p.Executed}, {last, now}} {
		// The primary's clock is not this one's, and its block may have been here first.
		end := stage.end
		if end.Before(at) {
			end = at
		}
		if end.After(now) {
			end = now
		}
		x.Add(stage.name, at, end)
		at = end
	}
}
