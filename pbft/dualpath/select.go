package dualpath

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// errNotSelectable is wrapped by every refusal of Select.
var errNotSelectable = errors.New("view-change set not usable")

// errConflict says that tips conflict and no evidence is attached: the primary
// of the view must be excluded (R9(c), not strict, no E).
var errConflict = fmt.Errorf("%w: tips conflict", errNotSelectable)

// headerSource finds headers by digest: those attached to a NEW-VIEW, or those
// that a new primary holds.
type headerSource interface {
	header(d pbft.Digest) (*pbft.Header, bool)
}

// highest returns the High of the highest rank among the reports.
func highest(q []pbft.ViewChange) pbft.BlockRef {
	high := q[0].High
	for i := range q {
		if high.Rank().Less(q[i].High.Rank()) {
			high = q[i].High
		}
	}
	return high
}

// walkChain follows a tip down to just above max(floor's Seq, base of the view)
// and returns the digests in ascending order. ok is false if a header is
// missing or breaks the rules of a walk (section 3); reaches says whether the
// lowest block's parent is the floor.
func walkChain(src headerSource, tip, floor pbft.BlockRef) (chain []pbft.BlockRef, reaches, ok bool) {
	at := tip
	var baseSeq pbft.Seq
	for i := 0; i < pbft.WalkMax; i++ {
		h, known := src.header(at.Digest)
		if !known || h.View != tip.View || h.Seq != at.Seq || i > 0 && h.BaseSeq != baseSeq {
			return nil, false, false
		}
		baseSeq = h.BaseSeq
		chain = append(chain, at)
		if h.Seq <= max(floor.Seq, baseSeq)+1 {
			for l, r := 0, len(chain)-1; l < r; l, r = l+1, r-1 {
				chain[l], chain[r] = chain[r], chain[l]
			}
			return chain, h.Parent == floor.Digest && h.Seq == floor.Seq+1, true
		}
		at = pbft.BlockRef{View: tip.View, Seq: at.Seq - 1, Digest: h.Parent}
	}
	return nil, false, false
}

// selectBase is Select, R9(d): the block that the new view must extend, a pure
// function of the reports, the highest certified block c among them, the headers
// of the walks, and whether evidence against the primary of c's view is attached
// (whose report must then be absent).
func (r *Replica) selectBase(q []pbft.ViewChange, c pbft.BlockRef, src headerSource,
	evidence bool) (pbft.BlockRef, error) {
	chains, err := r.supportingChains(q, c, src, evidence)
	if err != nil {
		return pbft.BlockRef{}, err
	}
	if !evidence && !r.rules.Strict(r.com) && conflicting(chains) {
		return pbft.BlockRef{}, errConflict
	}
	longest := 0
	for _, chain := range chains {
		longest = max(longest, len(chain))
	}
	threshold := r.rules.Support(r.com, evidence)
	for at := longest - 1; at >= 0; at-- {
		for i, chain := range chains {
			if at < len(chain) && supportAt(chains[i:], at, chain[at].Digest) >= threshold {
				return chain[at], nil
			}
		}
	}
	return c, nil
}

// supportingChains returns, for each report that supports something above c, the
// blocks from just above c to its tip (R9(a)); R9(c) forbids the convicted one's.
func (r *Replica) supportingChains(q []pbft.ViewChange, c pbft.BlockRef, src headerSource,
	evidence bool) ([][]pbft.BlockRef, error) {
	var chains [][]pbft.BlockRef
	for i := range q {
		v := &q[i]
		if evidence && r.rules.Excluded(v.Replica, r.com.Primary(c.View)) {
			return nil, fmt.Errorf("%w: report of the excluded primary", errNotSelectable)
		}
		if !r.rules.Supports(v, c) {
			continue
		}
		if !r.rules.TipFits(v.Tip.View, c.View) {
			return nil, fmt.Errorf("%w: tip of replica %d is of another view", errNotSelectable, v.Replica)
		}
		chain, reaches, ok := walkChain(src, v.Tip, c)
		if !ok {
			return nil, fmt.Errorf("%w: walk of replica %d is broken", errNotSelectable, v.Replica)
		}
		if reaches {
			chains = append(chains, chain)
		}
	}
	return chains, nil
}

func supportAt(chains [][]pbft.BlockRef, at int, d pbft.Digest) int {
	n := 0
	for _, chain := range chains {
		if at < len(chain) && chain[at].Digest == d {
			n++
		}
	}
	return n
}

// conflicting reports whether two chains above one block part.
func conflicting(chains [][]pbft.BlockRef) bool {
	a, _ := fork(chains)
	return a != pbft.BlockRef{}
}

// fork returns two different blocks of one position, if the chains part.
func fork(chains [][]pbft.BlockRef) (a, b pbft.BlockRef) {
	for i := range chains {
		for j := range chains[:i] {
			for at := 0; at < len(chains[i]) && at < len(chains[j]); at++ {
				if chains[i][at].Digest != chains[j][at].Digest {
					return chains[i][at], chains[j][at]
				}
			}
		}
	}
	return a, b
}
