package dualpath

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// errNotSelectable is wrapped by every refusal of Select.
var errNotSelectable = errors.New("view-change set not usable")

// errConflict says that tips conflict and no evidence is attached: the primary
// of the view must be excluded (R9, not strict, no E).
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
// missing or breaks the rules of a walk (section 3.2); reaches says whether the
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

// selectBase is Select of R9: the block that the new view must extend, a pure
// function of the reports, the highest certified block c among them, the headers
// of the walks, and whether evidence against the primary of c's view is attached
// (whose report must then be absent).
func selectBase(com *pbft.Committee, q []pbft.ViewChange, c pbft.BlockRef, src headerSource, evidence bool,
	mut Mutation) (pbft.BlockRef, error) {
	if mut == MutantHighestOnly {
		return c, nil
	}
	chains, err := supportingChains(com, q, c, src, evidence, mut)
	if err != nil {
		return pbft.BlockRef{}, err
	}
	if !evidence && !mut.strict(com) && conflicting(chains) {
		return pbft.BlockRef{}, errConflict
	}
	longest := 0
	for _, chain := range chains {
		longest = max(longest, len(chain))
	}
	threshold := mut.support(com, evidence)
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
// blocks from just above c to its tip.
func supportingChains(com *pbft.Committee, q []pbft.ViewChange, c pbft.BlockRef, src headerSource,
	evidence bool, mut Mutation) ([][]pbft.BlockRef, error) {
	var chains [][]pbft.BlockRef
	for i := range q {
		v := &q[i]
		if evidence && v.Replica == com.Primary(c.View) && mut != MutantExcludedReport {
			return nil, fmt.Errorf("%w: report of the excluded primary", errNotSelectable)
		}
		if v.High.View != c.View || !v.HasTip() || v.Tip.Seq <= c.Seq {
			continue
		}
		if v.Tip.View != c.View && mut != MutantTipOfAnotherView {
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

// checkEvidence reports whether two signed headers convict the primary of a
// view: different headers of one position (R14). Signatures are checked apart.
func checkEvidence(com *pbft.Committee, view pbft.View, e []pbft.SignedHeader) bool {
	if len(e) != 2 {
		return false
	}
	a, b := &e[0].Header, &e[1].Header
	return a.View == view && b.View == view && a.Epoch == com.Epoch() && b.Epoch == com.Epoch() && a.Seq == b.Seq &&
		com.HeaderDigest(a) != com.HeaderDigest(b)
}
