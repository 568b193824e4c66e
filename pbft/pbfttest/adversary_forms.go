package pbfttest

import "github.com/scrip-network/scrip/pbft"

// badRecipe gives a hand-made proposal a recipe in the place of its payload: one that
// nobody can carry out, one of another payload, or a true one. The body comes by FETCH, if
// at all.
func (a *adversary) badRecipe(proposal *pbft.PrePrepare) *pbft.PrePrepare {
	if !a.does(BadRecipes) || len(proposal.Payload) == 0 || a.rng.IntN(2) == 0 {
		return proposal
	}
	m := *proposal
	switch a.rng.IntN(3) {
	case 0:
		m.Recipe = []byte{recipeMark}
	case 1:
		m.Recipe = a.c.recipeOf(append([]byte{0}, m.Payload...))
	case 2:
		m.Recipe = a.c.recipeOf(m.Payload)
	}
	m.Payload = nil
	if a.rng.IntN(2) == 0 {
		a.hide(&proposal.Block)
	}
	return &m
}

// spoilRecipe passes on the header of another's proposal with a recipe of its own.
func (a *adversary) spoilRecipe(f forger) {
	if len(a.blocks) == 0 {
		return
	}
	b := a.blocks[len(a.blocks)-1-a.rng.IntN(min(len(a.blocks), 4))]
	if b.Header.PayloadBytes == 0 {
		return
	}
	m := &pbft.PrePrepare{Block: pbft.Block{SignedHeader: b.SignedHeader}, Recipe: []byte{1, 2, 3}}
	if a.rng.IntN(2) == 0 {
		m.Recipe = a.c.recipeOf([]byte{0, byte(f.id)})
	}
	a.tell(f, m)
}

// bareProposal leaves out the certificate of a hand-made proposal, which may be nobody's.
func (a *adversary) bareProposal(m *pbft.PrePrepare) {
	if a.does(BareProposals) && a.rng.IntN(2) == 0 {
		m.Certificate = nil
	}
}

// hurry sends a COMMIT for a new block at once, so that nobody waits for the fast path.
func (a *adversary) hurry(b pbft.BlockRef) {
	for _, f := range a.members {
		for to := range a.c.plan.byzantine {
			if !a.owns(pbft.ReplicaID(to)) {
				a.whisper(f.id, pbft.ReplicaID(to), f.commit(b))
			}
		}
	}
}

// split sends the PREPAREs for a new block to one half of the others, so that they have a
// fast quorum and the other half may not.
func (a *adversary) split(b pbft.BlockRef) {
	for _, f := range a.members {
		for to := range a.c.plan.byzantine {
			if !a.owns(pbft.ReplicaID(to)) && (uint64(to)^uint64(b.Seq))&1 == 0 {
				a.whisper(f.id, pbft.ReplicaID(to), f.prepare(b))
			}
		}
	}
}
