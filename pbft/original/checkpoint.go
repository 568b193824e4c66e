package original

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// results are what a member attests of a height.
type results struct {
	block, state, receipts pbft.Digest
}

// height is the execution of one block and what the members attest of it.
type height struct {
	pool     pool[results]
	own      results
	executed bool
	issued   int // signatures in the last certificate handed out
}

// keep is how many executed heights are remembered.
func (r *Replica) keep() pbft.Seq { return r.span + 4*pbft.Seq(r.par.Window) }

func (r *Replica) height(s pbft.Seq) *height {
	x := r.heights[s]
	if x == nil {
		x = &height{}
		r.heights[s] = x
	}
	return x
}

// Executed implements pbft.Engine.
func (r *Replica) Executed(seq pbft.Seq, stateRoot, receiptRoot pbft.Digest, next []byte) {
	assert(next == nil, "a set is staged, and this protocol has no epochs")
	x := r.slots[seq]
	if seq != r.executed+1 || x == nil || x.done == (pbft.Digest{}) {
		return
	}
	r.executed = seq
	h := r.height(seq)
	h.own, h.executed = results{x.done, stateRoot, receiptRoot}, true
	x.blocks = nil // the store holds what was decided, and nothing else can be
	r.event(pbft.EventExecuted, pbft.BlockRef{View: x.commit.Block.View, Seq: seq, Digest: x.done}, 0)
	if r.voting() {
		r.attest(pbft.Everyone, seq)
	}
	r.tally(seq)
	r.forget()
	r.step()
}

// attest signs the results of an executed block. Block and certificate are in
// the log by then.
func (r *Replica) attest(to pbft.ReplicaID, s pbft.Seq) {
	h := r.heights[s]
	m := &pbft.Checkpoint{Epoch: r.com.Epoch(), Seq: s, Block: h.own.block, StateRoot: h.own.state,
		ReceiptRoot: h.own.receipts, Replica: r.self}
	m.Signature = r.cfg.Sign(r.attestation(s, h.own))
	h.pool.add(r.self, h.own, m.Signature, true)
	r.repeat(to, m)
}

func (r *Replica) attestation(s pbft.Seq, x results) []byte {
	return r.com.CheckpointBytes(s, x.block, x.state, x.receipts)
}

// attestAgain attests to a peer the heights of which no quorum is known here.
// every is the distance of those that matter.
func (r *Replica) attestAgain(to pbft.ReplicaID, from, every pbft.Seq) {
	if !r.voting() {
		return
	}
	for s := max(from, r.heightsLow) + 1; s <= r.executed; s++ {
		if to != pbft.Everyone && r.peers[to].allowance.Left(r.now) == 0 {
			return
		}
		if h := r.heights[s]; s%every == 0 && h != nil && h.executed && h.issued < r.com.Quorum() {
			r.attest(to, s)
			r.tally(s)
		}
	}
}

// onCheckpoint takes an attestation from its signer's own channel.
func (r *Replica) onCheckpoint(from pbft.ReplicaID, m *pbft.Checkpoint) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.Replica != from:
		return pbft.IgnoredSender
	case m.Seq > r.executed+r.span:
		r.pursue(from, m.Seq)
		return pbft.IgnoredFuture
	case m.Seq <= r.stable && uint64(m.Seq)%r.par.CheckpointInterval == 0:
		r.helpBehind(from)
	}
	if m.Seq <= r.heightsLow {
		return pbft.IgnoredStale
	}
	if !r.height(m.Seq).pool.add(from, results{m.Block, m.StateRoot, m.ReceiptRoot}, m.Signature, false) {
		return pbft.IgnoredDuplicate
	}
	r.tally(m.Seq)
	return pbft.Accepted
}

// tally hands out a certificate at f+1 and at q equal attestations. The one of a
// whole interval with q signatures is a stable checkpoint.
func (r *Replica) tally(s pbft.Seq) {
	h := r.heights[s]
	if h == nil || !h.executed {
		return
	}
	for _, need := range []int{r.com.WeakQuorum(), r.com.Quorum()} {
		if h.issued >= need {
			continue
		}
		by, sigs := h.pool.prove(r, h.own, r.attestation(s, h.own), need)
		if sigs == nil {
			break
		}
		h.issued = need
		c := &pbft.CheckpointCertificate{Epoch: r.com.Epoch(), Seq: s, Block: h.own.block, StateRoot: h.own.state,
			ReceiptRoot: h.own.receipts, Signers: by, Signatures: sigs}
		r.out.Checkpoints = append(r.out.Checkpoints, c)
		r.event(pbft.EventCheckpoint, pbft.BlockRef{Seq: s, Digest: h.own.block}, uint64(need))
		if need == r.com.Quorum() {
			r.setStable(c)
		}
	}
	r.noticeDivergence(s, h)
}

// noticeDivergence stops this replica from signing when f+1 others attest other
// results than its own.
func (r *Replica) noticeDivergence(s pbft.Seq, h *height) {
	for _, x := range slices.Clone(h.pool) { // false ones go on the way
		other := x.of
		if other == h.own {
			continue
		}
		_, sigs := h.pool.prove(r, other, r.attestation(s, other), r.com.WeakQuorum())
		if r.rules.Diverged(sigs != nil) {
			r.become(pbft.Diverged)
			return
		}
	}
}

// setStable takes a verified certificate with q signatures. At a whole interval
// it is the new low watermark.
func (r *Replica) setStable(c *pbft.CheckpointCertificate) {
	if uint64(c.Seq)%r.par.CheckpointInterval != 0 || c.Seq <= r.stable {
		return
	}
	r.stable, r.stableProof = c.Seq, c
	r.record(pbft.Record{Kind: pbft.RecordStable, Checkpoint: c})
	r.lead.next = max(r.lead.next, c.Seq+1)
	if c.Seq > r.committed.Seq {
		r.retarget(r.signerOf(c.Signers))
	}
	r.forget()
}

// isStable checks the proof of a stable checkpoint at s.
func (r *Replica) isStable(c *pbft.CheckpointCertificate, s pbft.Seq) bool {
	if s == 0 {
		return c == nil
	}
	return c != nil && c.Seq == s && uint64(s)%r.par.CheckpointInterval == 0 &&
		r.com.VerifyCheckpoint(c, r.com.Quorum(), r.cfg.Scheme)
}

// onStable takes the proof of a stable checkpoint from a peer that is ahead.
func (r *Replica) onStable(m *pbft.Stable) pbft.Reason {
	c := m.Certificate
	switch {
	case c.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case c.Seq <= r.stable:
		return pbft.IgnoredStale
	case !r.isStable(c, c.Seq):
		return pbft.InvalidCertificate
	}
	r.setStable(c)
	return pbft.Accepted
}
