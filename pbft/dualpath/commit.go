package dualpath

import "github.com/scrip-network/scrip/pbft"

// commitVote casts the COMMIT for a block whose certificate is held: not for a view
// below a VIEW-CHANGE already signed (R3(a), R7(c)), with the certificate on disk before
// (R3(b)), and not while the block commits without it and nobody else is known to need it
// (R3(c)).
func (r *Replica) commitVote(b *block) {
	if b.cert == nil || b.commitVoted || b.committed || !r.voting() || b.ref.Seq <= r.chain.committed.Seq {
		return
	}
	if !r.rules.MayCommit(b.ref.View, r.vcSent) {
		return
	}
	if b.commit != nil && (r.cfg.Patience || !r.rules.CommitHelps(r.commitsSeen(b) > 0)) {
		return // answerCommit tells those alone who ask
	}
	if r.waits(b) {
		return
	}
	b.commitVoted = true
	r.logCertificate(b)
	m := r.ownCommit(b)
	r.signed = append(r.signed, m)
	r.event(pbft.EventCommitVote, b.ref, 0)
	r.send(pbft.Everyone, m)
}

// logCertificate makes the certificate behind a COMMIT durable.
func (r *Replica) logCertificate(b *block) {
	if r.highRef == b.ref {
		r.logHigh()
	} else {
		r.record(pbft.Record{Kind: pbft.RecordCertificate, Certificate: b.cert})
	}
}

func (r *Replica) ownCommit(b *block) *pbft.Commit {
	v := pbft.Vote{Epoch: r.com.Epoch(), Block: b.ref, Replica: r.self}
	v.Signature = r.sign(r.com.CommitBytes(b.ref))
	return &pbft.Commit{Vote: v}
}

// commitsSeen returns how many members' COMMITs for b are stored.
func (r *Replica) commitsSeen(b *block) int {
	if s := r.slots.byKey[slotKey{b.ref.View, b.ref.Seq}]; s != nil {
		return s.count(voteCommit, b.ref.Digest, false)
	}
	return 0
}

// answerLate helps a member whose COMMIT is of a position that is committed here.
func (r *Replica) answerLate(to pbft.ReplicaID, block pbft.BlockRef) {
	if b := r.chain.byDigest[block.Digest]; b != nil && b.ref == block {
		r.answerCommit(to, b)
	}
	if r.farBelow(block.Seq) {
		r.answerBehind(to)
	}
}

// tryCommit commits the block of the highest commit certificate and its
// ancestors, in order, once all of them are held (R4(a)). What lies beside the
// committed block is the alarm of R4(c).
func (r *Replica) tryCommit() {
	for r.chain.target != nil && r.condition != pbft.Broken && !r.over() {
		c := r.chain.target
		if c.Block.Seq <= r.chain.committed.Seq {
			r.chain.target = nil
			return
		}
		b := r.chain.byDigest[c.Block.Digest]
		need, whole, conflict := r.missingBelow(b)
		if conflict {
			r.become(pbft.Broken)
			return
		}
		if !whole {
			if c.Block.Seq > r.chain.committed.Seq+2*pbft.Seq(r.par.Window) { // too far to fetch downwards
				r.noticeCommitted(r.anyOf(c), c.Block.Seq)
			} else {
				r.want(need, r.anyOf(c), r.self, 0)
			}
			return
		}
		r.chain.target = nil
		r.commitChain(b, b.header(), c)
	}
}

// commitChain commits b and its ancestors above the committed block, by a certificate of
// top, which is b or stands above it. It ends at a boundary, and the epoch with it.
func (r *Replica) commitChain(b *block, top *pbft.Header, c *pbft.Certificate) {
	var up []*block
	for x := b; x.ref.Seq > r.chain.committed.Seq; x = r.parent(x) {
		up = append(up, x)
	}
	inView := false
	for i := len(up) - 1; i >= 0; i-- {
		x := up[i]
		x.committed, x.content, x.payload = true, valid, valid
		r.logBlock(x)
		if x.commit != nil {
			r.record(pbft.Record{Kind: pbft.RecordCommit, Certificate: x.commit})
		}
		r.out.Committed = append(r.out.Committed,
			pbft.CommittedBlock{Digest: x.ref.Digest, Block: x.block, Certificate: x.commit})
		r.chain.committed = x.ref
		r.settleTips(x.ref)
		inView = inView || x.ref.View == r.view
		r.noteFast(x, b.commit)
		r.measureCommit(x)
		if x.preparedAt != 0 {
			r.stats.add(r.now + 1 - x.preparedAt)
		}
		kind := uint64(0)
		if x.commit != nil {
			kind = uint64(x.commit.Kind)
		}
		r.event(pbft.EventCommit, x.ref, kind)
		if x.header().Boundary() {
			r.commitEnd(x, top, c)
			break
		}
	}
	if r.high == b.commit {
		r.highLog = true
	}
	if inView {
		r.progress()
	}
	r.catchUp.progressAt = r.now
	r.dropSlots()
}

// commitEnd ends the epoch, whose boundary has just been committed.
func (r *Replica) commitEnd(a *block, top *pbft.Header, c *pbft.Certificate) {
	if r.over() {
		if a.ref.Digest != r.epoch.last {
			r.become(pbft.Broken)
		}
		return
	}
	if p := r.endAt(a, top, c); p != nil {
		r.leave(p)
	} else {
		r.become(pbft.Broken)
	}
}

// settleTips notes for each own chain whether its end was committed.
func (r *Replica) settleTips(ref pbft.BlockRef) {
	for i := range r.tips {
		if r.tips[i].last.Seq == ref.Seq {
			r.tips[i].settled = r.tips[i].last == ref
		}
	}
}

// Executed implements pbft.Engine (R5).
func (r *Replica) Executed(seq pbft.Seq, stateRoot, receiptRoot pbft.Digest, next []byte) {
	b := r.committedAt(seq)
	if b == nil || seq != r.chain.executed+1 {
		return
	}
	r.chain.executed = seq
	r.stage(next)
	r.chain.results[seq] = results{b.ref.Digest, stateRoot, receiptRoot}
	r.event(pbft.EventExecuted, b.ref, 0)
	r.attest(b.ref, stateRoot, receiptRoot)
	r.forget()
	r.step()
}

// checkpointPool holds the attestations of one position, one per member.
type checkpointPool struct {
	votes  []attestation
	issued int // signatures in the last certificate handed out
}

type attestation struct {
	results
	signature      pbft.Signature
	have, verified bool
}

func (r *Replica) checkpointPool(s pbft.Seq) *checkpointPool {
	p := r.checkpoints[s]
	if p == nil {
		p = &checkpointPool{votes: make([]attestation, r.com.Size())}
		r.checkpoints[s] = p
	}
	return p
}

func (r *Replica) dropCheckpoints(s pbft.Seq) { delete(r.checkpoints, s) }

// attest signs the results of an executed block (R5). Block, body and commit
// certificate are in the log by then.
func (r *Replica) attest(ref pbft.BlockRef, stateRoot, receiptRoot pbft.Digest) {
	if r.mayAttest() {
		r.sendAttestation(pbft.Everyone, ref.Seq, results{ref.Digest, stateRoot, receiptRoot})
	}
	r.tallyCheckpoints(ref.Seq)
}

func (r *Replica) sendAttestation(to pbft.ReplicaID, s pbft.Seq, res results) {
	m := &pbft.Checkpoint{Epoch: r.com.Epoch(), Seq: s, Block: res.block, StateRoot: res.state,
		ReceiptRoot: res.receipts, Replica: r.self}
	m.Signature = r.sign(r.com.CheckpointBytes(s, res.block, res.state, res.receipts))
	r.checkpointPool(s).votes[r.self] = attestation{res, m.Signature, true, true}
	r.repeat(to, m)
}

// attestAgain attests the remembered blocks of which this replica has not seen a
// quorum's certificate: those that it executed before it could sign, and those
// whose certificates a crash of everybody has taken from everybody.
func (r *Replica) attestAgain(to pbft.ReplicaID) {
	if !r.mayAttest() {
		return
	}
	for s := max(r.chain.low, r.epoch.genesis.Seq+1); s <= r.chain.executed; s++ {
		if to != pbft.Everyone && r.peers[to].allowance.Left(r.now) == 0 {
			return
		}
		res, ok := r.chain.results[s]
		if p := r.checkpoints[s]; !ok || p != nil && p.issued >= r.quorum() {
			continue
		}
		r.sendAttestation(to, s, res)
		r.tallyCheckpoints(s)
	}
}

// onCheckpoint takes an attestation from its signer's own channel.
func (r *Replica) onCheckpoint(from pbft.ReplicaID, m *pbft.Checkpoint) pbft.Reason {
	switch {
	case m.Epoch != r.com.Epoch():
		return pbft.IgnoredEpoch
	case m.Replica != from:
		return pbft.IgnoredSender
	case m.Seq < r.chain.low, m.Seq <= r.epoch.genesis.Seq:
		return pbft.IgnoredStale
	case m.Seq > r.chain.executed+4*pbft.Seq(r.par.Window):
		r.noticeAhead(from, m.Seq)
		return pbft.IgnoredFuture
	}
	p := r.checkpointPool(m.Seq)
	if p.votes[from].have {
		r.attestToo(from, m.Seq)
		return pbft.IgnoredDuplicate
	}
	p.votes[from] = attestation{results{m.Block, m.StateRoot, m.ReceiptRoot}, m.Signature, true, false}
	r.tallyCheckpoints(m.Seq)
	return pbft.Accepted
}

// tallyCheckpoints hands out a certificate at f+1 and at q matching
// attestations, and notices when f+1 others agree on other results.
func (r *Replica) tallyCheckpoints(s pbft.Seq) {
	p := r.checkpoints[s]
	own, executed := r.chain.results[s]
	if p == nil || !executed || s > r.chain.executed {
		return
	}
	for _, need := range []int{r.com.WeakQuorum(), r.quorum()} {
		if p.issued >= need || p.matching(own, false) < need {
			continue
		}
		r.verifyAttestations(p, s, own)
		if p.matching(own, true) >= need {
			p.issued = need
			r.issueCheckpoint(p, s, own, need)
		}
	}
	r.noticeDivergence(p, s, own)
}

func (p *checkpointPool) matching(res results, verified bool) int {
	n := 0
	for i := range p.votes {
		v := &p.votes[i]
		if v.have && v.results == res && (v.verified || !verified) {
			n++
		}
	}
	return n
}

func (r *Replica) verifyAttestations(p *checkpointPool, s pbft.Seq, res results) {
	message := r.com.CheckpointBytes(s, res.block, res.state, res.receipts)
	var open []*attestation
	var batch pbft.Batch
	for i := range p.votes {
		if v := &p.votes[i]; v.have && !v.verified && v.results == res {
			open = append(open, v)
			batch.Add(r.com.Key(pbft.ReplicaID(i)), message, v.signature)
		}
	}
	for i, good := range batch.Each(r.cfg.Scheme) {
		if good {
			open[i].verified = true
		} else {
			*open[i] = attestation{}
		}
	}
}

func (r *Replica) issueCheckpoint(p *checkpointPool, s pbft.Seq, res results, need int) {
	c := &pbft.CheckpointCertificate{Epoch: r.com.Epoch(), Seq: s, Block: res.block, StateRoot: res.state,
		ReceiptRoot: res.receipts}
	for i := range p.votes {
		if v := &p.votes[i]; v.verified && v.results == res && len(c.Signatures) < need {
			c.Signers.Add(pbft.ReplicaID(i))
			c.Signatures = append(c.Signatures, v.signature)
		}
	}
	r.out.Checkpoints = append(r.out.Checkpoints, c)
	r.event(pbft.EventCheckpoint, pbft.BlockRef{Seq: s, Digest: res.block}, uint64(need))
	if need == r.quorum() && uint64(s)%r.par.CheckpointInterval == 0 {
		r.chain.stable = max(r.chain.stable, s)
	}
}

// noticeDivergence stops this replica from signing when f+1 others agree on
// results that differ from its own (section 9).
func (r *Replica) noticeDivergence(p *checkpointPool, s pbft.Seq, own results) {
	for i := range p.votes {
		other := p.votes[i].results
		if !p.votes[i].have || other == own || p.matching(other, false) < r.com.WeakQuorum() {
			continue
		}
		r.verifyAttestations(p, s, other)
		if r.rules.Diverged(p.matching(other, true), r.com.WeakQuorum()) {
			r.become(pbft.Diverged)
		}
		return
	}
}
