package dualpath

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
