package dualpath

import "github.com/scrip-network/scrip/pbft"

// Size returns how many things this replica remembers: blocks, votes, results,
// checkpoint attestations, unplaced certificates and wanted blocks. Tests bound
// it, whatever others send.
func (r *Replica) Size() int {
	n := len(r.chain.byDigest) + len(r.chain.results) + len(r.chain.unplaced) + len(r.wants) + len(r.tips)
	for i := range r.peers {
		n += r.peers[i].votes
	}
	return n + len(r.slots.byKey) + len(r.checkpoints)*r.com.Size()
}

// SizeBytes returns about how many bytes the blocks and votes take that this replica
// remembers. Tests bound it, whatever others send.
func (r *Replica) SizeBytes() int {
	n := 0
	for s := r.chain.low; s <= r.chain.last; s++ {
		for _, b := range r.chain.bySeq[s] {
			n += pbft.HeaderBytes + len(b.block.Payload) + len(b.recipes.own)
		}
	}
	for s := r.slots.low; s <= r.slots.top; s++ {
		for _, x := range r.slots.bySeq[s] {
			n += x.sizeBytes()
		}
	}
	return n
}

// sizeBytes counts the places of a slot, of a machine word each, and its votes.
func (s *slot) sizeBytes() int {
	const place, vote = 8, len(pbft.Digest{}) + len(pbft.Signature{}) + 8
	n := 0
	for i := range s.votes {
		for _, set := range s.votes[i] {
			n += place * len(set)
			for _, b := range set {
				if b != nil {
					n += vote
				}
			}
		}
	}
	return n
}
