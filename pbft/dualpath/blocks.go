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
}

func (b *block) header() *pbft.Header { return &b.block.Header }

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

const unplacedMax = 64

// keep is how many committed positions are remembered: enough for every walk,
// justification and execution root that a valid header may name.
func (r *Replica) keep() pbft.Seq { return pbft.Seq(4*r.par.Window) + pbft.Seq(r.par.ExecutionLag) }

// anchor starts the tree at the driver's last stored block.
func (r *Replica) anchor(genesis pbft.BlockRef) error {
	r.chain = chainState{
		byDigest: make(map[pbft.Digest]*block), bySeq: make(map[pbft.Seq][]*block),
		results: make(map[pbft.Seq]results),
	}
	a := r.cfg.Anchor
	if a.Header == (pbft.Header{}) {
		a = pbft.Anchor{Header: r.cfg.Genesis, StateRoot: r.cfg.Genesis.ExecRoot}
	}
	ref := r.com.Ref(&a.Header)
	if a.Header.Seq == 0 && ref != genesis {
		return fmt.Errorf("dualpath: the anchor is another chain's genesis")
	}
	r.addCommitted(a.Header, results{ref.Digest, a.StateRoot, a.ReceiptRoot})
	r.chain.committed = ref
	r.chain.executed = ref.Seq
	r.chain.last = ref.Seq
	r.chain.low = ref.Seq
	for r.cfg.History != nil && r.chain.low > 0 && ref.Seq-r.chain.low < r.keep() {
		h, ok := r.cfg.History(r.chain.low - 1)
		if r.chain.low == 1 { // the genesis is nobody's block
			h, ok = pbft.History{Header: r.cfg.Genesis, StateRoot: r.cfg.Genesis.ExecRoot}, true
		}
		if !ok {
			break
		}
		r.chain.low--
		r.addCommitted(h.Header, results{r.com.HeaderDigest(&h.Header), h.StateRoot, h.ReceiptRoot})
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
	if c := a.Certificate; c != nil {
		b := r.chain.byDigest[ref.Digest]
		b.cert, b.commit = c, c
		if r.highRef.Rank().Less(c.Block.Rank()) {
			r.high, r.highRef = c, c.Block
		}
	}
	return nil
}

func (r *Replica) addCommitted(h pbft.Header, res results) {
	b := r.insert(&pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}})
	b.committed, b.content, b.payload, b.logged = true, valid, valid, true
	r.chain.results[h.Seq] = res
}

// insert adds a block by its header, or returns the known one. The lower bound of
// R12 is tested here, at the first arrival, however the header comes; there is no
// clock while the log is restored.
func (r *Replica) insert(x *pbft.Block) *block {
	ref := r.com.Ref(&x.Header)
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

// tooFar reports whether a position is beyond a tenure and all windows above what
// certificates vouch for, where no header can be of use yet. A faulty primary
// signs any position, and what is kept is walked through position by position.
// The measure is not the committed block: a suffix that is certified and not yet
// committed may span many tenures. It is while a commit certificate further up
// shows that this replica is behind: catching up comes first then, or it would
// remember all that the others go through meanwhile.
func (r *Replica) tooFar(s pbft.Seq) bool {
	top := r.chain.committed.Seq
	if r.chain.target == nil {
		top = r.horizon()
		for _, c := range r.chain.unplaced {
			top = max(top, c.Block.Seq)
		}
	}
	return s > top+pbft.Seq(r.par.Tenure)+4*pbft.Seq(r.par.Window)
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
		if !b.hasBody {
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

// looseBytesMax bounds, in largest payloads, the loose bodies of one proposer.
const looseBytesMax = 2

// looseFull reports whether a proposer has its share of loose bodies here: blocks
// above the committed one that only their proposer and bare votes speak for. This
// replica did not prepare them, no certificate is held of them or of what descends
// from them, and the present view does not begin on them. Whoever led older views
// could else make others keep whatever it signed.
func (r *Replica) looseFull(proposer pbft.ReplicaID) bool {
	r.chain.counts++
	stamp := r.chain.counts
	blocks, bytes := 0, uint64(0)
	for s := r.chain.last; s > r.chain.committed.Seq; s-- {
		for _, b := range r.chain.bySeq[s] {
			if b.logged || b.certified() || b.ref == r.entry.base {
				b.counted = stamp
			}
			if b.counted == stamp {
				if p := r.parent(b); p != nil {
					p.counted = stamp
				}
			} else if b.hasBody && b.header().Proposer == proposer {
				blocks++
				bytes += uint64(b.header().PayloadBytes)
			}
		}
	}
	return blocks >= 2*int(r.par.Window) || bytes >= looseBytesMax*uint64(r.par.PayloadBytesMax)
}

// forget drops (R13(a)) what lies below the low mark, and the payloads of executed
// blocks, which the driver's store holds (R13), and of those that lost to them:
// they would else stay, a proposer's share of loose ones for each window.
func (r *Replica) forget() {
	for s := r.chain.committed.Seq; s > r.chain.low; s-- {
		b := r.committedAt(s)
		if b == nil || s <= r.chain.executed && !b.hasBody {
			break
		}
		if s <= r.chain.executed {
			for _, x := range r.chain.bySeq[s] {
				x.dropBody()
			}
		}
	}
	for r.chain.low+r.keep() < min(r.chain.committed.Seq, r.chain.executed) {
		for _, b := range r.chain.bySeq[r.chain.low] {
			delete(r.chain.byDigest, b.ref.Digest)
		}
		delete(r.chain.bySeq, r.chain.low)
		r.dropCheckpoints(r.chain.low)
		r.chain.low++
	}
	// A valid header may name any result from its parent's on.
	if b := r.chain.byDigest[r.chain.committed.Digest]; b != nil {
		for ; r.chain.resultsLow < min(r.chain.low, b.header().ExecSeq); r.chain.resultsLow++ {
			delete(r.chain.results, r.chain.resultsLow)
		}
	}
}

func (b *block) dropBody() {
	b.block = &pbft.Block{SignedHeader: b.block.SignedHeader}
	b.hasBody = false
}

// forgetAbandoned drops unlogged blocks of views long left (R13(b)), so that a series of
// bad primaries cannot fill memory. The chain below the present view's base stays.
func (r *Replica) forgetAbandoned() {
	base := r.chain.byDigest[r.entry.base.Digest]
	for s := r.chain.committed.Seq + 1; s <= r.chain.last; s++ {
		kept := r.chain.bySeq[s][:0]
		for _, b := range r.chain.bySeq[s] {
			if b.ref.View+2 < r.view && !b.logged && !b.certified() && r.ancestor(base, s) != b {
				delete(r.chain.byDigest, b.ref.Digest)
				continue
			}
			kept = append(kept, b)
		}
		if len(kept) == 0 {
			delete(r.chain.bySeq, s)
		} else {
			r.chain.bySeq[s] = kept
		}
	}
	for r.chain.last > r.chain.committed.Seq && len(r.chain.bySeq[r.chain.last]) == 0 {
		r.chain.last--
	}
}

// logBlock makes a block durable, once.
func (r *Replica) logBlock(b *block) {
	if !b.logged {
		b.logged = true
		r.record(pbft.Record{Kind: pbft.RecordBlock, Block: b.block})
	}
}

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

// want is a block that is needed and asked for.
type want struct {
	block pbft.BlockRef // View may be zero
	from  pbft.ReplicaID
	owner pbft.ReplicaID // whose bare vote it rests on; this replica: a proof
	since uint64         // tick when it was first named
	at    uint64         // tick of the next question
	asks  int
	asked pbft.ReplicaID // who was asked last, and when
	last  uint64
}

// bareAsksMax is how often a block is asked for that only a bare vote names.
const bareAsksMax = 50

// want asks for a block, first from the member named, after some ticks. Each
// owner may have 2W outstanding, so that votes for blocks that do not exist
// cannot crowd out the others' (section 11).
func (r *Replica) want(b pbft.BlockRef, from, owner pbft.ReplicaID, after uint64) {
	if x := r.chain.byDigest[b.Digest]; x != nil && (x.hasBody || x.committed) {
		return
	}
	owned := 0
	for i := range r.wants {
		w := &r.wants[i]
		if w.block.Digest == b.Digest {
			if owner == r.self {
				w.owner = owner
			}
			return
		}
		if w.owner == owner {
			owned++
		}
	}
	if b.Seq <= r.chain.committed.Seq {
		return
	}
	if owned >= 2*int(r.par.Window) && !r.unwantVainest(owner) {
		return
	}
	r.wants = append(r.wants, want{block: b, from: from, owner: owner, since: r.now, at: r.now + after})
	if w := &r.wants[len(r.wants)-1]; after == 0 && !r.onItsWay(w) {
		r.ask(w)
	}
}

// onItsWay reports whether a body seems to be coming: from the primary that proposed
// it, and then from who was asked last. On a line that is slow or full another copy
// would only queue behind what comes, so it is not asked for meanwhile, for BodyTicks
// (section 6). A channel keeps order: once a later body is here, one that is
// missing is not on it.
func (r *Replica) onItsWay(w *want) bool {
	if w.asks > 0 {
		return r.now < w.last+uint64(r.tm.BodyTicks) && r.arrivals.Flowing(w.asked, r.now)
	}
	if w.block.View != r.view || r.now >= w.since+uint64(r.tm.BodyTicks) ||
		!r.arrivals.Flowing(r.com.Primary(r.view), r.now) {
		return false
	}
	for s := r.chain.last; s > w.block.Seq; s-- {
		for _, b := range r.chain.bySeq[s] {
			if b.hasBody && b.ref.View == r.view {
				return false
			}
		}
	}
	return true
}

// unwantVainest makes room among this replica's own wants by giving up the one
// asked for most often: a body that a faulty primary withholds must not stand in
// the way of those that somebody has.
func (r *Replica) unwantVainest(owner pbft.ReplicaID) bool {
	if owner != r.self {
		return false
	}
	vain := -1
	for i := range r.wants {
		if r.wants[i].owner == owner && (vain < 0 || r.wants[i].asks > r.wants[vain].asks) {
			vain = i
		}
	}
	if vain < 0 || r.wants[vain].asks < r.com.Size() { // everybody was asked
		return false
	}
	r.wants = append(r.wants[:vain], r.wants[vain+1:]...)
	return true
}

func (r *Replica) ask(w *want) {
	w.asks++
	w.at = r.now + uint64(r.tm.FetchTicks)*uint64(min(w.asks, 10))
	if w.from == r.self || !r.com.Has(w.from) {
		w.from = (r.self + 1) % pbft.ReplicaID(r.com.Size())
	}
	r.event(pbft.EventFetch, w.block, uint64(w.from))
	r.send(w.from, &pbft.Fetch{Epoch: r.com.Epoch(), Seq: w.block.Seq, Digest: w.block.Digest,
		After: r.heldBelow(w.block.Digest)})
	w.asked, w.last = w.from, r.now
	w.from = (w.from + 1) % pbft.ReplicaID(r.com.Size())
}

// heldBelow returns the position of the highest body held on the way down from a
// block, as far as it is known: what need not be sent again.
func (r *Replica) heldBelow(d pbft.Digest) pbft.Seq {
	for b := r.chain.byDigest[d]; b != nil && b.ref.Seq > r.chain.committed.Seq; b = r.parent(b) {
		if b.hasBody && b.ref.Digest != d {
			return b.ref.Seq
		}
	}
	return r.chain.committed.Seq
}

// wantWhole asks for what is missing between a block that must be extended and the
// committed one, if anything is.
func (r *Replica) wantWhole(ref pbft.BlockRef, from pbft.ReplicaID) {
	need := ref
	if b := r.chain.byDigest[ref.Digest]; b != nil {
		var whole, conflict bool
		if need, whole, conflict = r.missingBelow(b); whole || conflict {
			return
		}
	}
	r.want(need, from, r.self, 0)
}

// bodyLagMax bounds, in FetchTicks, how long a replica that gets bodies late waits
// before it asks for one.
const bodyLagMax = 20

// fetchDelay is how long a block that a vote names may be on its way before it is
// asked for: votes overtake payload, so on thin links longer than FetchTicks. An
// answer would only queue behind what is coming.
func (r *Replica) fetchDelay() uint64 {
	fetch := uint64(r.tm.FetchTicks)
	return max(fetch, min(2*r.bodyLag, bodyLagMax*fetch))
}

// noteBodyLag measures by how long a vote overtook the proposal that has come. It
// follows a rise at once and a fall slowly. What had to be fetched is not measured:
// who withholds bodies would slow down the asking too.
func (r *Replica) noteBodyLag(d pbft.Digest) {
	lag := uint64(0)
	for i := range r.wants {
		if w := &r.wants[i]; w.block.Digest == d {
			lag = r.now - w.since
		}
	}
	r.bodyLag = max(lag, r.bodyLag-(r.bodyLag+7)/8)
}

// wanted returns what is known of a wanted block, nil if it is not wanted.
func (r *Replica) wanted(d pbft.Digest) *want {
	for i := range r.wants {
		if r.wants[i].block.Digest == d {
			return &r.wants[i]
		}
	}
	return nil
}

func (r *Replica) unwant(d pbft.Digest) {
	for i := range r.wants {
		if r.wants[i].block.Digest == d {
			r.wants = append(r.wants[:i], r.wants[i+1:]...)
			return
		}
	}
}

func (r *Replica) tickWants() {
	kept := r.wants[:0]
	for _, w := range r.wants {
		if w.block.Seq > r.chain.committed.Seq && (w.owner == r.self || w.asks < bareAsksMax) {
			kept = append(kept, w)
		}
	}
	r.wants = kept
	for i := range r.wants {
		if w := &r.wants[i]; r.now >= w.at && !r.onItsWay(w) {
			r.ask(w)
		}
	}
}
