package dualpath

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A header that is held is not verified again, so what came with a report must be
// kept in the held form: the copy may carry a spoiled signature, and the header
// may be forgotten before the report goes into a NEW-VIEW.
func TestReportsAreKeptWithTheSignaturesThatWereVerified(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	c.propose("x")
	r := c.replicas[1]
	b := r.chain.byDigest[r.chain.committed.Digest]
	good := b.block.SignedHeader
	spoiled := good
	spoiled.Signature[9]++
	kept := r.heldHeaders([]pbft.SignedHeader{spoiled})
	if kept[0] != good {
		t.Error("the spoiled signature was kept")
	}
	strange := good
	strange.Header.TimeMs++
	if kept := r.heldHeaders([]pbft.SignedHeader{strange}); kept[0] != strange {
		t.Error("a header that is not held was changed")
	}
}

// A suffix that is certified and not committed may be longer than a tenure and
// all windows: the next block on it must still be taken.
func TestPositionsAreMeasuredFromWhatIsCertified(t *testing.T) {
	c := newClusterOf(t, 4, 1, 1, 8)
	r := c.replicas[1]
	far := pbft.Seq(8 + 4*8 + 1)
	if !r.tooFar(far) {
		t.Fatalf("position %d of a new chain is not too far", far)
	}
	r.highRef = pbft.BlockRef{View: 3, Seq: 30}
	if r.tooFar(far) {
		t.Errorf("position %d is refused above a certificate of %d", far, r.highRef.Seq)
	}
	r.highRef = c.replicas[0].highRef
	r.chain.unplaced = append(r.chain.unplaced, &pbft.Certificate{Block: pbft.BlockRef{View: 3, Seq: 30}})
	if r.tooFar(far) {
		t.Error("a certificate that waits for its header does not count")
	}
	r.chain.target = &pbft.Certificate{Kind: pbft.CommittedSlow, Block: pbft.BlockRef{View: 3, Seq: 30}}
	if !r.tooFar(far) {
		t.Error("a replica that is behind takes in what is far above")
	}
}

// A member's votes are bounded, and the newest is the one that can still matter:
// what commits it commits the blocks of all older ones.
func TestTheNewestVoteIsTakenAtTheQuota(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	r.highRef = pbft.BlockRef{View: 1, Seq: pbft.Seq(10 * r.votesMax())}
	vote := func(s pbft.Seq) *pbft.Vote {
		return &pbft.Vote{Replica: 2, Block: pbft.BlockRef{View: 1, Seq: s, Digest: pbft.Digest{byte(s), byte(s >> 8)}}}
	}
	for s := pbft.Seq(1); s <= pbft.Seq(5*r.votesMax()); s++ {
		for _, kind := range []voteKind{votePrepare, voteCommit} {
			if reason := r.takeVote(kind, vote(s)); reason != pbft.Accepted {
				t.Fatalf("vote for %d: %v", s, reason)
			}
		}
		p := &r.peers[2]
		if p.votes > r.votesMax() || len(p.held) > 2*r.votesMax() || len(r.slots.byKey) > r.votesMax() ||
			len(r.slots.bySeq) > r.votesMax() {
			t.Fatalf("after %d: %d votes, %d places, %d and %d slots", s, p.votes, len(p.held), len(r.slots.byKey),
				len(r.slots.bySeq))
		}
	}
	if r.slots.byKey[slotKey{1, 1}] != nil {
		t.Error("the oldest vote is still there")
	}
}

// On thin links votes overtake payload. Asking at once for what is on its way
// would only lengthen the queue.
func TestAskingWaitsAsLongAsProposalsAreOvertaken(t *testing.T) {
	r := newCluster(t, 4, 1, 1).replicas[1]
	fetch := uint64(r.tm.FetchTicks)
	if d := r.fetchDelay(); d != fetch {
		t.Fatalf("%d ticks on links that are fast", d)
	}
	overtaken := func(s byte, ticks uint64) {
		block := pbft.BlockRef{View: 1, Seq: pbft.Seq(s), Digest: pbft.Digest{s}}
		r.want(block, 2, 2, r.fetchDelay())
		r.now += ticks
		r.noteBodyLag(block.Digest)
		r.unwant(block.Digest)
	}
	overtaken(1, 3*fetch)
	if d := r.fetchDelay(); d != 6*fetch {
		t.Errorf("%d ticks after a proposal that was %d late", d, 3*fetch)
	}
	overtaken(2, 1000*fetch)
	if d := r.fetchDelay(); d != bodyLagMax*fetch {
		t.Errorf("%d ticks after a proposal that was very late", d)
	}
	for range 200 {
		r.noteBodyLag(pbft.Digest{3})
	}
	if d := r.fetchDelay(); d != fetch {
		t.Errorf("%d ticks when proposals are in time again", d)
	}
}

// The last votes for every block come when it is committed already. Answering each
// with a certificate costs a large committee more than the votes.
func TestOnlyAPeerThatIsBehindIsAnswered(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	r := c.replicas[1]
	for range 2 * r.par.Window {
		c.propose("x")
	}
	answered := func(m pbft.Message) bool {
		r.Ready()
		r.now += 10 * answerTicks
		r.Receive(2, m)
		for _, out := range r.Ready().Messages {
			if out.Message.Kind() == pbft.KindProof {
				return true
			}
		}
		return false
	}
	top := r.chain.committed
	commit := func(s pbft.Seq) pbft.Message {
		return &pbft.Commit{Vote: pbft.Vote{Replica: 2, Block: pbft.BlockRef{View: 1, Seq: s, Digest: pbft.Digest{byte(s)}}}}
	}
	status := func(s pbft.Seq) pbft.Message {
		return &pbft.Status{Replica: 2, View: r.view, Committed: pbft.BlockRef{View: 1, Seq: s}, High: r.highRef.Rank()}
	}
	r.peers[2].status = nil
	if answered(commit(top.Seq)) {
		t.Error("a late vote for the committed block is answered")
	}
	if !answered(commit(top.Seq - pbft.Seq(r.par.Window) - 1)) {
		t.Error("a vote from far below is not answered")
	}
	if !answered(status(top.Seq - 2)) {
		t.Error("the first status from below is not answered")
	}
	if answered(status(top.Seq - 1)) {
		t.Error("a peer on its way is answered")
	}
	if !answered(status(top.Seq - 1)) {
		t.Error("a peer that stands still below is not answered")
	}
	if answered(status(top.Seq)) {
		t.Error("a peer that is level is answered")
	}
}

// A compacted log begins with the highest certificate, and its block comes later.
func TestARestoredCertificateIsThatOfItsBlock(t *testing.T) {
	c := newCluster(t, 4, 1, 1)
	c.propose("x")
	var log []pbft.Record
	for _, x := range c.logs[1] {
		if x.Kind == pbft.RecordBlock {
			log = append(log, x)
		}
	}
	high := c.replicas[1].high
	log = append([]pbft.Record{{Kind: pbft.RecordCertificate, Certificate: high}}, log...)
	r := c.start(1, log)
	if b := r.chain.byDigest[high.Block.Digest]; b == nil || b.cert != high {
		t.Errorf("the block of the highest certificate is restored without it: %+v", b)
	}
}
