package lanes

import "github.com/scrip-network/scrip/pbft"

// proposalsMax bounds the own blocks whose ranges are remembered: more than are in flight.
const proposalsMax = 64

// proposal is what an own block in flight names.
type proposal struct {
	seq    pbft.Seq
	lanes  pbft.Signers
	ranges []Range
}

// proposals are the last own blocks.
type proposals struct {
	of    map[pbft.Digest]*proposal
	order []pbft.Digest // oldest first
}

func newProposals() proposals { return proposals{of: make(map[pbft.Digest]*proposal)} }

func (p *proposals) put(block pbft.Digest, x *proposal) {
	if p.of[block] != nil {
		return
	}
	p.of[block] = x
	if p.order = append(p.order, block); len(p.order) > proposalsMax {
		delete(p.of, p.order[0])
		p.order = p.order[1:]
	}
}

// Proposed says that a draft is the payload of a block of the present view: what it has
// inline is not sealed any more, what it names is not looked at again in this view, and the
// next block begins with another lane.
func (l *Lanes) Proposed(x *Draft) {
	l.turn = x.next
	l.unsealed.remove(x.inline)
	for _, c := range x.of {
		for _, i := range c.takes {
			c.h.entries[i].named = l.view
		}
	}
}

// Sent says that an own block with the payload of a draft goes to the others. Its ranges go
// to those who lack their lanes, right behind it (L9).
func (l *Lanes) Sent(x *Draft, block pbft.Digest, seq pbft.Seq, nowNs int64) {
	p := &proposal{seq: seq, lanes: x.lanes, ranges: x.ranges}
	l.proposals.put(block, p)
	l.carry(p, nowNs)
}
