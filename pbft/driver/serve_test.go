package driver_test

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

func committee(t *testing.T, protocol pbft.Protocol) *pbft.Committee {
	t.Helper()
	keys := make([]pbft.PublicKey, 4)
	for i := range keys {
		keys[i][0] = byte(i + 1)
	}
	c, err := pbft.NewCommittee(pbft.Digest{1}, 0, keys, pbft.Parameters{Faults: 1, Protocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stored is a chain as a member has it: which heights have a certificate.
type stored struct {
	bytes     int // of each payload
	top       pbft.Seq
	certified map[pbft.Seq]bool
}

// answer reads what the answer asks for.
func (x *stored) answer(t *testing.T, c *pbft.Committee, s pbft.Serve) (pbft.Message, int) {
	t.Helper()
	a := driver.NewAnswer(c, s)
	at := func(seq pbft.Seq) *pbft.Certificate {
		if x.certified[seq] {
			return &pbft.Certificate{Block: pbft.BlockRef{Seq: seq}}
		}
		return nil
	}
	for seq, more := a.Next(); more && seq <= x.top; seq, more = a.Next() {
		var b pbft.Block
		b.Header.Seq, b.Payload = seq, make([]byte, x.bytes)
		a.Add(b, at(seq))
	}
	for seq, more := a.NextLink(); more && seq <= x.top; seq, more = a.NextLink() {
		a.Link(pbft.Header{Seq: seq}, at(seq))
	}
	return a.Message()
}

func TestAnAnswerEndsWithTheLastBlockThatIsProved(t *testing.T) {
	c := committee(t, pbft.DualPath)
	x := stored{bytes: 100, top: 9, certified: map[pbft.Seq]bool{4: true, 7: true}}
	m, n := x.answer(t, c, pbft.Serve{After: 2, Limit: 9, BytesMax: 1 << 20})
	b, ok := m.(*pbft.Blocks)
	if !ok || n != 5 || len(b.Blocks) != 5 || b.Blocks[0].Header.Seq != 3 || b.Certificate.Block.Seq != 7 {
		t.Errorf("%d blocks: %+v", n, m)
	}
	m, n = x.answer(t, c, pbft.Serve{After: 2, Limit: 5, BytesMax: 1 << 20})
	if b, ok = m.(*pbft.Blocks); !ok || n != 2 || b.Certificate.Block.Seq != 4 {
		t.Errorf("up to 5: %d blocks: %+v", n, m)
	}
	if m, n = x.answer(t, c, pbft.Serve{After: 7, Limit: 9, BytesMax: 1 << 20}); n != 0 || m != nil {
		t.Errorf("nothing above 7 is proved: %d blocks: %+v", n, m)
	}
}

// Blocks that were committed as ancestors have no certificate: more of them than an
// answer holds are proved by the headers up to the next that has one.
func TestBlocksWithoutACertificateAreLinkedToOne(t *testing.T) {
	c := committee(t, pbft.DualPath)
	x := stored{bytes: 1000, top: 20, certified: map[pbft.Seq]bool{12: true}}
	m, n := x.answer(t, c, pbft.Serve{After: 1, Limit: 20, BytesMax: 4000})
	l, ok := m.(*pbft.Linked)
	if !ok || n != 3 || len(l.Blocks) != 3 || len(l.Headers) != 8 || l.Headers[0].Seq != 5 || l.Headers[7].Seq != 12 ||
		l.Certificate.Block.Seq != 12 {
		t.Errorf("%d blocks: %+v", n, m)
	}
	delete(x.certified, 12)
	if m, n = x.answer(t, c, pbft.Serve{After: 1, Limit: 20, BytesMax: 4000}); n != 0 || m != nil {
		t.Errorf("no certificate in reach: %d blocks: %+v", n, m)
	}
	far := stored{bytes: 1, top: pbft.LinksMax + 300, certified: map[pbft.Seq]bool{pbft.LinksMax + 256: true}}
	if m, n = far.answer(t, c, pbft.Serve{Limit: far.top, BytesMax: 1 << 30}); n != 256 {
		t.Errorf("as many links as a message takes: %d blocks: %T", n, m)
	}
	far.certified = map[pbft.Seq]bool{pbft.LinksMax + 257: true}
	if m, n = far.answer(t, c, pbft.Serve{Limit: far.top, BytesMax: 1 << 30}); n != 0 || m != nil {
		t.Errorf("one more: %d blocks: %T", n, m)
	}
}

// Under original PBFT nothing links blocks: each is proved by itself.
func TestWithoutLinksEachBlockHasItsCertificate(t *testing.T) {
	c := committee(t, pbft.Original)
	x := stored{bytes: 100, top: 9, certified: map[pbft.Seq]bool{1: true, 2: true, 3: true, 5: true}}
	m, n := x.answer(t, c, pbft.Serve{After: 1, Limit: 9, BytesMax: 1 << 20})
	if d, ok := m.(*pbft.Decided); !ok || n != 2 || len(d.Blocks) != 2 || len(d.Certificates) != 2 ||
		d.Certificates[1].Block.Seq != 3 {
		t.Errorf("%d blocks: %+v", n, m)
	}
	if m, n = x.answer(t, c, pbft.Serve{After: 3, Limit: 9, BytesMax: 1 << 20}); n != 0 || m != nil {
		t.Errorf("the next has none: %d blocks: %+v", n, m)
	}
}

// An answer is as large as it may be, unless one block alone is larger.
func TestAnAnswerIsAsLargeAsItMayBe(t *testing.T) {
	x := stored{bytes: 1000, top: 300, certified: map[pbft.Seq]bool{}}
	for seq := range x.top {
		x.certified[seq+1] = true
	}
	each := x.bytes + pbft.HeaderBytes
	for _, y := range []struct{ bytesMax, want int }{{1, 1}, {each, 1}, {2*each - 1, 1}, {2 * each, 2}, {10 * each, 10},
		{1 << 30, pbft.BlocksMax}} {
		for _, protocol := range []pbft.Protocol{pbft.DualPath, pbft.Original} {
			if _, n := x.answer(t, committee(t, protocol), pbft.Serve{Limit: 300, BytesMax: y.bytesMax}); n != y.want {
				t.Errorf("%v: %d blocks of %d bytes in an answer of %d, want %d", protocol, n, each, y.bytesMax, y.want)
			}
		}
	}
}

func TestTheLoopStopsTakingWhatItCannotExecute(t *testing.T) {
	for _, x := range []struct {
		backlog             int
		catching, receiving bool
	}{{0, true, true}, {driver.BacklogMax, true, true}, {driver.BacklogMax + 1, false, true},
		{driver.BacklogStop, false, true}, {driver.BacklogStop + 1, false, false}} {
		if c, r := driver.Catching(x.backlog), driver.Receiving(x.backlog); c != x.catching || r != x.receiving {
			t.Errorf("%d blocks wait: blocks of catch-up %v, messages %v", x.backlog, c, r)
		}
	}
}
