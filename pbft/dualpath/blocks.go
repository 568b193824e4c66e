package dualpath

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// verdict is the state of a check that is settled once.
type verdict uint8

const (
	unknown verdict = iota
	asked
	valid
	invalid
)

// block is what is known of one block.
type block struct {
	ref   pbft.BlockRef
	block *pbft.Block // without payload once it is executed
	// hasBody: the payload is held. signed: the primary's signature was
	// verified. logged: header and body are in the log.
	hasBody, signed, logged bool
	committed               bool
	// payload is the driver's verdict, content that of section R2(d).
	payload, content verdict
	// late: the lower bound of R12 failed when the header arrived.
	late bool
	// counted is the count that last saw the block vouched for; see loose.
	counted uint64
	// cert is any certificate for the block, commit one that commits it.
	cert, commit *pbft.Certificate
	commitVoted  bool
	preparedAt   uint64
	recipes      recipes
	// gatheredAt is the tick, plus one, at which votes made cert here; 0 = they did not.
	gatheredAt uint64
	lack       lack
	pulls      pulls
	// castUs is the time, plus one, of the own PREPARE, quorumUs that of the q-th of an armed
	// block, patientUs that up to which its COMMIT waits; 0 = never. spread says that it was
	// measured.
	castUs, quorumUs, patientUs uint64
	spread                      bool
	answered                    pbft.Signers // who got the own COMMIT alone
}

func (b *block) header() *pbft.Header { return &b.block.Header }

// certificate returns any that is held for the block, nil if none is.
func (b *block) certificate() *pbft.Certificate {
	if b.cert != nil {
		return b.cert
	}
	return b.commit
}

func (b *block) certified() bool { return b.cert != nil || b.commit != nil || b.committed }

// results are the roots after executing a block.
type results struct {
	block, state, receipts pbft.Digest
}

// chainState is the part of the block tree around and above the committed block.
type chainState struct {
	byDigest  map[pbft.Digest]*block
	bySeq     map[pbft.Seq][]*block // in order of arrival
	last      pbft.Seq              // highest position with a known block
	low       pbft.Seq              // positions below are forgotten
	committed pbft.BlockRef
	executed  pbft.Seq
	stable    pbft.Seq
	results   map[pbft.Seq]results // from resultsLow on
	// resultsLow is at most low and the ExecSeq of the committed block.
	resultsLow pbft.Seq
	// target is the commit certificate of the highest position that could not
	// be followed to the committed block yet.
	target *pbft.Certificate
	// unplaced certificates wait for their headers; at most unplacedMax.
	unplaced []*pbft.Certificate
	counts   uint64 // how often loose blocks were counted
}

// anchor starts the tree at the driver's last stored block.
func (r *Replica) anchor(genesis pbft.BlockRef) error {
	r.chain = chainState{
		byDigest: make(map[pbft.Digest]*block), bySeq: make(map[pbft.Seq][]*block),
		results: make(map[pbft.Seq]results),
	}
	a := r.cfg.Anchor
	if a.Header == (pbft.Header{}) && r.com.Epoch() == 0 {
		a = pbft.Anchor{Header: r.cfg.Genesis, StateRoot: r.cfg.Genesis.ExecRoot}
	}
	ref := r.com.Ref(&a.Header)
	switch {
	case a.Header.Seq < genesis.Seq:
		return errBelow(a.Header.Seq, genesis.Seq)
	case a.Header.Seq == genesis.Seq:
		if ref.Digest != genesis.Digest {
			return fmt.Errorf("dualpath: the anchor is another block than the one on which the epoch stands")
		}
		ref, a.Header = genesis, r.genesisHeader(a.StateRoot)
	}
	r.addCommitted(ref, a.Header, results{ref.Digest, a.StateRoot, a.ReceiptRoot})
	r.chain.committed = ref
	r.chain.executed = ref.Seq
	r.chain.last = ref.Seq
	r.chain.low = ref.Seq
	for r.cfg.History != nil && r.chain.low > genesis.Seq && ref.Seq-r.chain.low < r.keep() {
		h, ok := r.cfg.History(r.chain.low - 1)
		if r.chain.low == 1 { // the genesis is nobody's block
			h, ok = pbft.History{Header: r.cfg.Genesis, StateRoot: r.cfg.Genesis.ExecRoot}, true
		}
		if !ok {
			break
		}
		r.chain.low--
		of := r.com.Ref(&h.Header)
		if r.chain.low == genesis.Seq {
			of, h.Header = genesis, r.genesisHeader(h.StateRoot)
		}
		r.addCommitted(of, h.Header, results{of.Digest, h.StateRoot, h.ReceiptRoot})
	}
	r.chain.resultsLow = r.chain.low
	for r.cfg.History != nil && r.chain.resultsLow > max(a.Header.ExecSeq, 1) {
		h, ok := r.cfg.History(r.chain.resultsLow - 1)
		if !ok {
			break
		}
		r.chain.resultsLow--
		r.chain.results[r.chain.resultsLow] = results{r.com.HeaderDigest(&h.Header), h.StateRoot, h.ReceiptRoot}
	}
	if c := a.Certificate; c != nil && c.Epoch == r.com.Epoch() && c.Block == ref {
		b := r.chain.byDigest[ref.Digest]
		b.cert, b.commit = c, c
		if r.highRef.Rank().Less(c.Block.Rank()) {
			r.high, r.highRef = c, c.Block
		}
	}
	return nil
}

func (r *Replica) addCommitted(ref pbft.BlockRef, h pbft.Header, res results) {
	b := r.insertAs(ref, &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}})
	b.committed, b.content, b.payload, b.logged = true, valid, valid, true
	r.chain.results[h.Seq] = res
}

// insert adds a block by its header, or returns the known one. The lower bound of
// R12 is tested here, at the first arrival, however the header comes; there is no
// clock while the log is restored.
func (r *Replica) insert(x *pbft.Block) *block { return r.insertAs(r.com.Ref(&x.Header), x) }

func (r *Replica) insertAs(ref pbft.BlockRef, x *pbft.Block) *block {
	if b := r.chain.byDigest[ref.Digest]; b != nil {
		return b
	}
	b := &block{ref: ref, block: x}
	bound := r.par.PrecisionMs + r.par.DelayMs
	b.late = r.clockMs > bound && x.Header.TimeMs < r.clockMs-bound
	r.chain.byDigest[ref.Digest] = b
	r.chain.bySeq[ref.Seq] = append(r.chain.bySeq[ref.Seq], b)
	r.chain.last = max(r.chain.last, ref.Seq)
	return b
}

// addBlock adds a block with its body. verified says that the primary's
// signature was checked.
func (r *Replica) addBlock(x *pbft.Block, verified bool) *block {
	b := r.insert(x)
	if !b.hasBody && !b.committed {
		body := *x
		if b.signed {
			body.Signature = b.block.Signature
		}
		b.block, b.hasBody = &body, true
	}
	if verified {
		r.seal(b, x.Signature)
	}
	r.measureBlock(b)
	r.unwant(b.ref.Digest)
	r.placeCertificates(b)
	return b
}

// seal keeps the primary's verified signature, and convicts a primary that signed
// another block of the position, whichever way the two came (R14(a)).
func (r *Replica) seal(b *block, s pbft.Signature) {
	if b.signed {
		return
	}
	b.setSignature(s)
	r.compare(b.ref, &b.block.SignedHeader)
	r.noteLack(b)
}

// compare convicts the primary that signed a header if it signed another one of the
// same view and position too (R14).
func (r *Replica) compare(ref pbft.BlockRef, h *pbft.SignedHeader) {
	for _, x := range r.ofView(ref) {
		if x.signed {
			r.convict(&x.block.SignedHeader, h)
			return
		}
	}
}

// setSignature keeps the primary's verified signature. The block may be in the
// driver's hands, so a copy takes its place.
func (b *block) setSignature(s pbft.Signature) {
	if !b.signed {
		x := *b.block
		x.Signature = s
		b.block, b.signed = &x, true
	}
}

// addHeader adds a block of which only the verified header is known, unless it is
// too far up.
func (r *Replica) addHeader(h *pbft.SignedHeader) {
	if r.tooFar(h.Header.Seq) || h.Header.Seq <= r.chain.committed.Seq {
		return
	}
	b := r.insert(&pbft.Block{SignedHeader: *h})
	r.seal(b, h.Signature)
	r.placeCertificates(b)
}

// header implements headerSource with what this replica holds.
func (r *Replica) header(d pbft.Digest) (*pbft.Header, bool) {
	if b := r.chain.byDigest[d]; b != nil {
		return b.header(), true
	}
	return nil, false
}

func (r *Replica) parent(b *block) *block { return r.chain.byDigest[b.header().Parent] }

// ancestor returns the block on b's chain at position s, or nil if the way there
// is not known.
func (r *Replica) ancestor(b *block, s pbft.Seq) *block {
	for b != nil && b.ref.Seq > s {
		b = r.parent(b)
	}
	if b == nil || b.ref.Seq != s {
		return nil
	}
	return b
}

// committedAt returns the committed block of a position, if it is remembered.
func (r *Replica) committedAt(s pbft.Seq) *block {
	for _, b := range r.chain.bySeq[s] {
		if b.committed {
			return b
		}
	}
	return nil
}

// descends reports whether b is at or above the block named by a, as far as can
// be told from what is held; the committed chain is one chain.
func (r *Replica) descends(b *block, a pbft.BlockRef) bool {
	x := r.ancestor(b, a.Seq)
	return x != nil && x.ref.Digest == a.Digest
}

// missingBelow returns the first thing that keeps the chain from b down to the
// committed block from being whole: a digest to fetch at a position. done is true
// if nothing is missing. conflict is true if the chain misses the committed block.
func (r *Replica) missingBelow(b *block) (need pbft.BlockRef, done, conflict bool) {
	for b.ref.Seq > r.chain.committed.Seq {
		if !r.rules.Expanded(b.hasBody) {
			return b.ref, false, false
		}
		h := b.header()
		p := r.parent(b)
		if p == nil {
			if h.Seq-1 <= r.chain.committed.Seq {
				return need, false, true
			}
			return pbft.BlockRef{Seq: h.Seq - 1, Digest: h.Parent}, false, false
		}
		if p.ref.Seq+1 != h.Seq {
			return need, false, true
		}
		b = p
	}
	return need, b.ref == r.chain.committed, b.ref != r.chain.committed
}

// logBlock makes a block durable, once.
func (r *Replica) logBlock(b *block) {
	if !b.logged {
		b.logged = true
		r.record(pbft.Record{Kind: pbft.RecordBlock, Block: b.block})
	}
}
