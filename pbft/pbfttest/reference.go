package pbfttest

import "github.com/scrip-network/scrip/pbft"

// headerByDigest finds a header that was seen on the network, nil if none was.
type headerByDigest func(pbft.Digest) *pbft.Header

// referenceSelect computes R9 from its definition, block by block, with none of
// an engine's data structures. ok is false where R9 calls the set invalid.
func referenceSelect(c *pbft.Committee, q []pbft.ViewChange, excluded bool,
	header headerByDigest) (base pbft.BlockRef, ok bool) {
	for i := range q {
		if i == 0 || base.Rank().Less(q[i].High.Rank()) {
			base = q[i].High
		}
	}
	high := base
	chains := make([][]pbft.BlockRef, 0, len(q)) // of the tips in S, highest first
	for i := range q {
		if q[i].High.View != high.View || !q[i].HasTip() || q[i].Tip.Seq <= high.Seq {
			continue
		}
		if chain, reaches := walkDown(q[i].Tip, high, header); reaches {
			chains = append(chains, chain)
		}
	}
	need := c.Support()
	if !c.Strict() {
		if excluded {
			need = c.SupportWithEvidence()
		} else if !allCompatible(chains) {
			return base, false
		}
	}
	for _, chain := range chains {
		for _, y := range chain {
			if y.Seq > base.Seq && supportOf(y, chains) >= need {
				base = y
			}
		}
	}
	return base, true
}

// walkDown lists the blocks from tip down to just above high, and whether they
// reach it within high's view, all of one base (section 3).
func walkDown(tip, high pbft.BlockRef, header headerByDigest) (chain []pbft.BlockRef, reaches bool) {
	first := header(tip.Digest)
	for at := tip; ; {
		h := header(at.Digest)
		if h == nil || h.View != high.View || h.Seq != at.Seq || h.Seq <= high.Seq || h.BaseSeq != first.BaseSeq ||
			h.BaseSeq > high.Seq {
			return nil, false
		}
		chain = append(chain, at)
		if h.Seq == high.Seq+1 {
			return chain, h.Parent == high.Digest
		}
		at = pbft.BlockRef{View: h.View, Seq: h.Seq - 1, Digest: h.Parent}
	}
}

func supportOf(y pbft.BlockRef, chains [][]pbft.BlockRef) (count int) {
	for _, chain := range chains {
		for _, x := range chain {
			if x == y {
				count++
				break
			}
		}
	}
	return count
}

func allCompatible(chains [][]pbft.BlockRef) bool {
	for _, a := range chains {
		for _, b := range chains {
			low, high := a, b
			if low[0].Seq > high[0].Seq {
				low, high = high, low
			}
			if high[high[0].Seq-low[0].Seq] != low[0] {
				return false
			}
		}
	}
	return true
}
