package cometbft

import (
	"context"
	"sync"

	"github.com/scrip-network/scrip/node"
)

// SubmitAll is Submit and Wait for node.Executed of many transactions, as the
// method of node.Node: it sends each one's outcome, in any order, to outcomes,
// which must have room for all, and returns when the last is there. Safe for
// concurrent use.
func (n *Node) SubmitAll(ctx context.Context, raws [][]byte, by *[32]byte, outcomes chan<- node.Submitted) {
	var g sync.WaitGroup
	defer g.Wait()
	for i, raw := range raws {
		g.Go(func() {
			p, err := n.Submit(ctx, raw, by)
			s := node.Submitted{Tx: i, Err: err}
			if err == nil {
				s.Outcome, s.Err = n.Wait(ctx, p.ID, node.Executed)
			}
			outcomes <- s
		})
	}
}
