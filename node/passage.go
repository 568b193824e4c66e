package node

import (
	"time"

	"github.com/scrip-network/scrip/pbft"
)

// Passage is when a block passed the stages of the way of a transaction through this node.
// Proposed is by the primary's clock, the others are by this node's.
type Passage struct{ Proposed, Prepared, Committed, Executed time.Time }

// Passage tells of one of the last blocks that were executed here; ok is false for others.
// Safe for concurrent use.
func (n *Node) Passage(height uint64) (p Passage, ok bool) {
	s := n.stages
	s.mu.Lock()
	b := s.blocks[height%milestonesMax]
	s.mu.Unlock()
	if b.seq != pbft.Seq(height) || b.executed == 0 {
		return p, false
	}
	prepared, committed := b.votes()
	return Passage{s.epoch.Add(b.said), s.epoch.Add(prepared), s.epoch.Add(committed), s.epoch.Add(b.executed)}, true
}
