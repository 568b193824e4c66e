package dualpath

import "github.com/scrip-network/scrip/pbft"

const unplacedMax = 64

// logHigh makes the highest certificate durable, once.
func (r *Replica) logHigh() {
	if !r.highLog && r.high != nil {
		r.highLog = true
		r.record(pbft.Record{Kind: pbft.RecordCertificate, Certificate: r.high})
	}
}

// learn takes a verified certificate. It raises highQC and runs the rules that a
// certificate enables: R3, R4, R10, R11.
func (r *Replica) learn(c *pbft.Certificate) {
	b := r.chain.byDigest[c.Block.Digest]
	if b == nil {
		if c.Block.Seq > r.chain.committed.Seq {
			r.keepUnplaced(c)
			r.want(c.Block, r.anyOf(c), r.self, 0)
		}
		return
	}
	if b.ref == c.Block {
		r.place(b, c)
	}
}

// keepUnplaced remembers a certificate whose header is unknown, dropping the one
// of the lowest rank if there are too many.
func (r *Replica) keepUnplaced(c *pbft.Certificate) {
	low := 0
	for i, u := range r.chain.unplaced {
		if u.Block == c.Block && u.Kind == c.Kind {
			return
		}
		if u.Block.Rank().Less(r.chain.unplaced[low].Block.Rank()) {
			low = i
		}
	}
	if len(r.chain.unplaced) >= unplacedMax {
		r.chain.unplaced = append(r.chain.unplaced[:low], r.chain.unplaced[low+1:]...)
	}
	r.chain.unplaced = append(r.chain.unplaced, c)
}

// placeCertificates joins certificates that waited for this header.
func (r *Replica) placeCertificates(b *block) {
	rest := r.chain.unplaced[:0]
	var mine []*pbft.Certificate
	for _, c := range r.chain.unplaced {
		switch {
		case c.Block == b.ref:
			mine = append(mine, c)
		case c.Block.Seq > r.chain.committed.Seq:
			rest = append(rest, c)
		}
	}
	r.chain.unplaced = rest
	for _, c := range mine {
		r.place(b, c)
	}
}

func (r *Replica) place(b *block, c *pbft.Certificate) {
	commits := r.commits(c, b)
	fresh := b.cert == nil
	if fresh {
		b.cert = c
		r.event(pbft.EventPrepared, b.ref, uint64(c.Kind))
		r.measureCertificate(b)
	}
	if r.highRef.Rank().Less(b.ref.Rank()) && r.rules.Remembers(c) {
		r.high, r.highRef, r.highLog = c, b.ref, false
	}
	if commits && b.commit == nil {
		b.commit = c
		if b.ref.Seq > r.chain.committed.Seq {
			if t := r.chain.target; t == nil || t.Block.Seq < b.ref.Seq {
				r.chain.target = c
			}
		}
	}
	if fresh {
		r.commitVote(b)
	}
	if commits {
		r.answerCommits(b)
	}
	r.recount(b)
	r.tryHandover(b)
}

// commits reports whether a verified certificate commits its block (section 3).
func (r *Replica) commits(c *pbft.Certificate, b *block) bool {
	return r.rules.Commits(r.com, c, b.header())
}

// anyOf names a signer of a certificate, who holds what it voted for.
func (r *Replica) anyOf(c *pbft.Certificate) pbft.ReplicaID {
	for id := pbft.ReplicaID(0); r.com.Has(id); id++ {
		if id != r.self && c.Signers.Has(id) {
			return id
		}
	}
	return pbft.Everyone
}
