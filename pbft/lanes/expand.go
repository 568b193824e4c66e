package lanes

import "github.com/scrip-network/scrip/pbft"

// outcome is what became of a recipe.
type outcome uint8

const (
	lacking outcome = iota // ranges are missing
	useless                // it is not of the header
	expanded
)

// expand puts a payload together (L7): find returns the batches of a range, nil if they are
// not here. Whatever the recipe and whatever is found, it is the payload of the header, or
// none. missing are the ranges that were not found.
func expand(h *pbft.Header, x Recipe, find func(*Range) []*Batch, root func([]pbft.Digest) pbft.Digest,
	encode func([][]byte) []byte) (payload []byte, missing []Range, is outcome) {
	var txs []Tx
	named, size := 0, payloadOverheadBytes
	add := func(tx *Tx) {
		txs = append(txs, *tx)
		size += txOverheadBytes + len(tx.Bytes)
	}
	for i := range x {
		p := &x[i]
		if p.Inline != nil {
			for k := range p.Inline {
				add(&p.Inline[k])
			}
			continue
		}
		batches := find(&p.Range)
		if batches == nil {
			missing = append(missing, p.Range)
			continue
		}
		count := 0
		for _, b := range batches {
			count += len(b.Txs)
		}
		if named += count; named > NamedTxsMax || !fits(p.Mask, count) {
			return nil, nil, useless
		}
		at := 0
		for _, b := range batches {
			for k := range b.Txs {
				if !masked(p.Mask, at) {
					add(&b.Txs[k])
				}
				at++
			}
		}
		if len(txs) > ExpandedTxsMax || size > int(h.PayloadBytes) {
			return nil, nil, useless
		}
	}
	if len(missing) > 0 {
		return nil, missing, lacking
	}
	if size != int(h.PayloadBytes) || len(txs) == 0 || len(txs) > ExpandedTxsMax {
		return nil, nil, useless
	}
	leaves := make([]pbft.Digest, len(txs))
	raws := make([][]byte, len(txs))
	for i := range txs {
		leaves[i], raws[i] = txs[i].Leaf, txs[i].Bytes
	}
	if root(leaves) != h.PayloadRoot {
		return nil, nil, useless
	}
	return encode(raws), nil, expanded
}

// fits reports whether a mask is one of so many transactions: of their size, not leaving
// out all, its spare bits zero.
func fits(mask []byte, txs int) bool {
	if mask == nil {
		return true
	}
	if len(mask) != (txs+7)/8 || txs%8 != 0 && mask[len(mask)-1]>>(txs%8) != 0 {
		return false
	}
	for i := range txs {
		if !masked(mask, i) {
			return true
		}
	}
	return false
}
