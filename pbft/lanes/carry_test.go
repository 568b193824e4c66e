package lanes

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// leading is a primary, member 0, with a batch of each other lane in its blocks.
type leading struct {
	*member
	c      *pbft.Committee
	pushed []*pushed
	seq    pbft.Seq
	next   uint64
}

func lead(t *testing.T, n int) *leading {
	c := committee(t, n)
	s := &leading{member: newMember(t, c, 0), c: c}
	for a := pbft.ReplicaID(1); int(a) < n; a++ {
		s.pushed = append(s.pushed, s.open1(a, 7))
	}
	return s
}

// block proposes what one new batch of each lane, of some size, makes.
func (s *leading) block(size int) (block pbft.Digest, lanes pbft.Signers) {
	s.t.Helper()
	for _, p := range s.pushed {
		s.next++
		s.must(p.id, p.batch(s.c, tx(s.next, size)), pbft.Accepted)
	}
	x := s.Propose(4<<20, 1000, s.now)
	if x == nil {
		return block, lanes
	}
	for _, id := range x.IDs {
		s.world.standing[id] = Held
	}
	s.Proposed(x)
	s.seq++
	block = pbft.Digest{byte(s.seq), byte(s.seq >> 8), 1}
	s.sent = nil
	s.Sent(x, block, s.seq, s.now)
	s.act()
	return block, x.lanes
}

// carried returns which lanes went to whom.
func (s *leading) carried() (pairs map[pair]int) {
	pairs = map[pair]int{}
	for _, x := range s.messages(KindData) {
		pairs[pair{x.Message.(*Data).Range.Lane, x.To[0]}]++
	}
	return pairs
}

func (s *leading) lack(from pbft.ReplicaID, block pbft.Digest, want pbft.Reason, lanes ...pbft.ReplicaID) {
	s.t.Helper()
	m := &Lack{Block: block, Seq: s.seq}
	for _, a := range lanes {
		m.Lanes.Add(a)
	}
	s.must(from, m, want)
}

// Attack 1: who lacked a lane gets it with each block that names it, for a while (L9).
func TestALackedLaneIsCarried(t *testing.T) {
	s := lead(t, 4)
	block, _ := s.block(100)
	s.lack(3, pbft.Digest{9}, pbft.IgnoredUnwanted, 2)
	s.lack(3, block, pbft.Accepted, 2)
	s.lack(3, block, pbft.IgnoredDuplicate, 2)
	if s.block(100); len(s.carried()) != 1 {
		t.Fatal("it is not carried")
	}
	s.block(100)
	if of := s.carried(); of[pair{2, 3}] != 1 || len(of) != 1 {
		t.Errorf("carried %v", of)
	}
	s.after(carryNs / millisecondNs)
	block, _ = s.block(100)
	if of := s.carried(); len(of) != 0 {
		t.Errorf("carried for too long: %v", of)
	}
	s.lack(3, block, pbft.Accepted, 2)
	s.after(2*carryNs/millisecondNs - 1)
	if s.block(100); len(s.carried()) != 1 {
		t.Error("the second time is not twice as long")
	}
	s.Committed(s.seq)
	s.lack(3, block, pbft.IgnoredUnwanted, 1)
}

// Attacks 3 and 29: the word of one that lacks more than f lanes twice sets nothing: its own
// line is the cause. What it lacks once does.
func TestASlowLineIsNotCarriedTo(t *testing.T) {
	s := lead(t, 4)
	block, _ := s.block(100)
	s.lack(3, block, pbft.Accepted, 1)
	s.after(1)
	block, _ = s.block(100)
	s.lack(3, block, pbft.Accepted, 1, 2)
	s.carried()
	s.after(1)
	block, _ = s.block(100)
	if of := s.carried(); len(of) != 2 {
		t.Errorf("carried %v", of)
	}
	s.lack(3, block, pbft.IgnoredQuota, 2) // now 1 and 2 were lacked twice, f = 1
}

// A bucket that is dry makes its lanes watched: their batches wait for a quorum, or go one
// in a second (attacks 3, 16, 27).
func TestAWatchedLaneWaits(t *testing.T) {
	s := lead(t, 4)
	block, _ := s.block(100)
	s.lack(3, block, pbft.Accepted, 2)
	for range 2 {
		s.block(200_000)
	}
	if len(s.messages(KindWatch)) != 1 {
		t.Fatal("the lane is not watched")
	}
	_, lanes := s.block(200_000) // the one in a second
	if !lanes.Has(2) {
		t.Fatal("not one in a second")
	}
	if _, lanes = s.block(200_000); lanes.Has(2) || !lanes.Has(1) {
		t.Fatalf("lanes %b are proposed", lanes[0])
	}
	last := uint32(len(s.pushed[1].batches))
	s.must(1, &Ack{Up: []Upto{{2, 7, last}}}, pbft.Accepted)
	if _, lanes = s.block(200_000); !lanes.Has(2) {
		t.Error("not proposed after a quorum has it")
	}
	s.must(1, &Ack{Up: []Upto{{2, 7, last}}}, pbft.IgnoredUnwanted) // too soon
	s.after(6)
	s.must(1, &Ack{Up: []Upto{{9, 7, last}}}, pbft.InvalidContent)
	s.Leads(2, 1, s.now)
	s.after(6)
	s.must(1, &Ack{}, pbft.IgnoredUnwanted)
}

// Members acknowledge what the primary watches, at each change.
func TestWatchedLanesAreAcknowledged(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 1)
	p := m.open1(2, 7)
	m.must(2, p.batch(c, tx(1, 50)), pbft.Accepted)
	m.must(3, &Watch{View: 1, Lanes: pbft.Signers{4}}, pbft.IgnoredStale)
	m.must(0, &Watch{View: 2, Lanes: pbft.Signers{4}}, pbft.IgnoredStale)
	m.must(0, &Watch{View: 1, Lanes: pbft.Signers{4}}, pbft.Accepted)
	upto := func(want ...uint32) {
		t.Helper()
		sent := m.messages(KindAck)
		if len(sent) != len(want) {
			t.Fatalf("%d acknowledgements, want %d", len(sent), len(want))
		}
		for i, s := range sent {
			if u := s.Message.(*Ack).Up; len(u) != 1 || u[0] != (Upto{2, 7, want[i]}) || s.To[0] != 0 {
				t.Errorf("%+v to %v", u, s.To)
			}
		}
	}
	upto(1)
	m.must(2, NewBatch(c, 2, 7, 3, txsOf(tx(3, 50))), pbft.Accepted)
	m.after(10)
	upto() // 2 is missing
	missing := []*Batch{NewBatch(c, 2, 7, 2, txsOf(tx(2, 50)))}
	m.must(0, &Data{Range: RangeOf(c, 2, missing), Batches: missing}, pbft.Accepted)
	m.after(10)
	upto(3)
	m.after(watchNs / millisecondNs)
	m.must(2, NewBatch(c, 2, 7, 4, txsOf(tx(4, 50))), pbft.Accepted)
	m.after(10)
	upto()
}

// After somebody lacked the own lane, own batches wait for all members, and are never
// carried.
func TestTheOwnLaneWaitsForAll(t *testing.T) {
	s := lead(t, 4)
	s.own(tx(99, inlineBytesMax))
	s.own(tx(98, inlineBytesMax))
	s.act()
	block, lanes := s.block(100)
	if !lanes.Has(0) {
		t.Fatal("the own lane is not named")
	}
	s.lack(3, block, pbft.Accepted, 0)
	s.Queued(3, 1<<20)
	s.own(tx(97, inlineBytesMax))
	s.own(tx(96, inlineBytesMax))
	s.after(2)
	if _, lanes = s.block(100); lanes.Has(0) {
		t.Error("named before the third has it")
	}
	s.Queued(3, 0)
	if _, lanes = s.block(100); !lanes.Has(0) || len(s.carried()) != 0 {
		t.Error("not named when it has, or carried")
	}
}

// A new primary begins by carrying what it had to wait for itself.
func TestANewPrimaryCarriesWhatItLacked(t *testing.T) {
	s := lead(t, 4)
	s.Leads(2, 1, s.now)
	h := headerOf([][]byte{tx(1, 50)}, 1)
	s.assemble(h, 1, Recipe{{Range: Range{Lane: 3, Instance: 7, First: 1, Count: 1}}})
	s.after(10)
	s.Leads(3, 0, s.now)
	s.block(100)
	if of := s.carried(); of[pair{3, 1}] != 1 || of[pair{3, 2}] != 1 || len(of) != 2 {
		t.Errorf("carried %v", of)
	}
}
