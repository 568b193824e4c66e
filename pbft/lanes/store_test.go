package lanes

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A batch is taken once, in its instance, from its member's own channel (L4).
func TestABatchIsTakenOnceFromItsMember(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	p := m.open1(1, 7)
	one := p.batch(c, tx(1, 50))
	m.must(1, one, pbft.Accepted)
	m.must(1, one, pbft.IgnoredDuplicate)
	m.must(1, NewBatch(c, 1, 8, 2, one.Txs), pbft.IgnoredUnwanted)
	m.must(2, NewBatch(c, 2, 7, 5, one.Txs), pbft.Accepted) // its LANE-OPEN was lost
	m.must(1, NewBatch(c, 1, 7, aheadMax+2, one.Txs), pbft.IgnoredFuture)
	m.must(1, NewBatch(c, 1, 7, 1, txsOf(tx(2, 50))), pbft.IgnoredDuplicate) // other content of a number
	if m.Receive(0, one, m.now) != pbft.IgnoredSender || m.Receive(4, one, m.now) != pbft.IgnoredSender {
		t.Error("a batch from this member, or from nobody, is taken")
	}
	if r := p.rangeOf(c, 1, 1); m.lanes[1].now.batches[1].Digest() != one.Digest() {
		t.Error("the first content does not stay")
	} else if found, _ := m.find(&r); len(found) != 1 {
		t.Error("what came is not found")
	}
}

// A lane goes on where its member says, and begins again with each instance (L1).
func TestALaneBeginsAgain(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	p := m.open1(1, 7)
	m.must(1, p.batch(c, tx(1, 50)), pbft.Accepted)
	m.must(1, &Open{Instance: 7, Next: 1}, pbft.IgnoredStale)
	m.must(1, &Open{Epoch: 1, Instance: 9, Next: 1}, pbft.IgnoredEpoch)
	m.must(1, &Open{Instance: 9}, pbft.InvalidContent)
	m.must(1, &Open{Instance: 9, Next: 1}, pbft.IgnoredQuota) // at once, on one connection
	m.after(1000)
	m.must(1, &Open{Instance: 9, Next: 4}, pbft.Accepted)
	q := &pushed{id: 1, instance: 9, batches: make([]*Batch, 3)}
	m.must(1, q.batch(c, tx(2, 50)), pbft.Accepted)
	old, now := p.rangeOf(c, 1, 1), q.rangeOf(c, 4, 1)
	for _, r := range []Range{old, now} {
		if found, _ := m.find(&r); found == nil {
			t.Errorf("%v of instance %d is gone", r, r.Instance)
		}
	}
	m.Linked(1, false)
	m.Linked(1, true)
	m.must(1, &Open{Instance: 10, Next: 1}, pbft.Accepted) // a connection allows it at once
	m.must(1, &Open{Instance: 7, Next: 1}, pbft.IgnoredQuota)
	m.after(1000)
	m.must(1, &Open{Instance: 9, Next: 1}, pbft.IgnoredStale) // it is one that is kept
}

// What a member must tell when a channel is there: where its lane goes on.
func TestALaneIsOpenedOnEachConnection(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	m.own(tx(1, 50))
	m.Leads(2, 1, m.now)
	m.act()
	m.sent = nil
	m.Linked(2, true)
	m.act()
	opens := m.messages(KindOpen)
	if len(opens) != 1 || opens[0].Message.(*Open).Next != 2 || opens[0].To[0] != 2 {
		t.Fatalf("%+v", opens)
	}
	if New(Config{Committee: c, Seed: 8, Pool: m.world}).lanes[0].now.instance == m.lanes[0].now.instance {
		t.Error("two starts have one instance")
	}
}

// Signatures are checked in turn between lanes, no more than so many of one at a time, and
// what is executed, expired or invalid leaves its batch, which goes with the last (L5, L11).
func TestSignaturesAreCheckedInTurn(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	m.mute = true
	p, q := m.open1(1, 7), m.open1(2, 7)
	m.must(1, p.batch(c, numbers(0, 1000, 20)...), pbft.Accepted)
	m.must(2, q.batch(c, numbers(2000, 2010, 20)...), pbft.Accepted)
	checks := m.out.Checks
	if len(checks) != 2 || len(checks[0].Txs) != checkingMax || len(checks[1].Txs) != 10 {
		t.Fatalf("%d checks", len(checks))
	}
	m.out.Checks = nil
	m.Checked(checks[0], make([]Verdict, checkingMax), m.now) // all invalid: more than it takes
	if m.act(); len(m.out.Checks) != 0 {
		t.Error("a lane of invalid transactions is checked further")
	}
	m.answer(checks[1])
	m.after(uncheckedNs / millisecondNs)
	if m.out.Checks = nil; m.lanes[1].penaltyNs != uncheckedNs {
		t.Errorf("unchecked for %d s", m.lanes[1].penaltyNs/secondNs)
	}
	m.Settled([]pbft.Digest{idOf(tx(2000, 20)), idOf(tx(9999, 20))})
	if h := m.lanes[2].now.batches[1]; h != nil { // kept for keptNs alone, which is over
		t.Errorf("%d of a batch are open", h.open)
	}
}

// A batch goes with the last of its transactions.
func TestABatchGoesWithItsLast(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	p := m.open1(1, 7)
	bad := tx(3, 20)
	bad[0] = 1
	m.must(1, p.batch(c, tx(1, 20), tx(2, 20), bad), pbft.Accepted)
	m.Settled([]pbft.Digest{idOf(tx(1, 20))})
	if h := m.lanes[1].now.batches[1]; h == nil || h.open != 1 {
		t.Fatal("it went too early")
	}
	m.Settled([]pbft.Digest{idOf(tx(2, 20))})
	if x := m.lanes[1]; x.now.batches[1] != nil || x.bytes != 0 || len(m.places) != 0 || len(m.out.Dropped) != 0 {
		t.Errorf("%d bytes, %d places are left", x.bytes, len(m.places))
	}
}

// What could not be checked is checked again.
func TestWhatIsBusyIsCheckedAgain(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	m.mute = true
	p := m.open1(1, 7)
	m.must(1, p.batch(c, tx(1, 20), tx(2, 20)), pbft.Accepted)
	m.Checked(m.out.Checks[0], []Verdict{{Valid: true, ID: idOf(tx(1, 20))}, {Busy: true}}, m.now)
	m.out.Checks = nil
	if m.act(); len(m.out.Checks) != 0 {
		t.Error("asked again at once")
	}
	if m.after(5); len(m.out.Checks) != 1 {
		t.Fatal("not asked again")
	}
	m.answer(m.out.Checks[0])
	if h := m.lanes[1].now.batches[1]; h.entries[0].standing != valid || h.entries[1].standing != valid {
		t.Error("one was not settled")
	}
}

// Attack 21 with 6 and 9: instances without end, numbers far apart, batches of junk, ranges
// and recipes that nobody wants. The store stays within its limits.
func TestTheStoreIsBounded(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	raws := txsOf(numbers(0, BatchTxsMax, 200)...)
	junk := make([]Tx, BatchTxsMax)
	for i := range junk {
		junk[i] = txsOf([]byte{1})[0]
	}
	for round := range 60 {
		for a := pbft.ReplicaID(1); a < 4; a++ {
			if round%3 == 0 {
				m.Linked(a, true)
			}
			m.Receive(a, &Open{Instance: uint64(round), Next: uint32(round + 1)}, m.now)
			for k := range uint32(12) {
				txs := raws
				if k%2 == 1 {
					txs = junk
				}
				m.Receive(a, NewBatch(c, a, uint64(round), uint32(round)+1+k*200, txs[round%7:]), m.now)
			}
			r := Range{Lane: a, Instance: 1, First: uint32(round + 1), Count: 3}
			h := pbft.Header{Seq: pbft.Seq(round), View: 1, TimeMs: uint64(a), PayloadBytes: 1 << 20}
			m.assemble(h, a, Recipe{{Range: r}})
			m.assemble(h, a+1, Recipe{{Range: r, Mask: make([]byte, 50_000)}})
			data := &Data{Range: r, Batches: []*Batch{NewBatch(c, a, 1, r.First, raws)}}
			data.Range = RangeOf(c, a, data.Batches)
			m.Receive(0, data, m.now)
			m.Receive(a, data, m.now)
		}
		m.after(100)
		for _, x := range m.lanes {
			bytes, gaps := 0, 0
			for _, h := range x.queue {
				if !h.freed {
					bytes += h.cost()
				}
			}
			for _, r := range append([]*run{x.now}, x.runs...) {
				if r != nil {
					gaps = max(gaps, len(r.gaps))
				}
			}
			switch {
			case bytes != x.bytes || bytes > creditFactor*m.cfg.CreditBytes:
				t.Fatalf("lane %d holds %d bytes and counts %d", x.id, bytes, x.bytes)
			case len(x.waiting) > len(x.queue):
				t.Fatalf("lane %d: %d wait to be checked of %d", x.id, len(x.waiting), len(x.queue))
			case gaps > 2*aheadMax || len(x.runs) > runsMax || len(x.queue) > 2*(len(x.queue)-x.freed)+1:
				t.Fatalf("lane %d: %d gaps, %d runs, %d queued of which %d freed", x.id, gaps, len(x.runs), len(x.queue),
					x.freed)
			}
		}
		if m.fetched.bytes > FetchedBytesMax || m.wants.got > AnsweredBytesMax ||
			len(m.wants.of) > wantsMax || m.wants.bytes > WantedBytesMax {
			t.Fatalf("%d bytes fetched, %d wants, %d of recipes", m.fetched.bytes, len(m.wants.of), m.wants.bytes)
		}
	}
	m.after(keptNs / millisecondNs)
	for _, x := range m.lanes {
		if x.bytes != 0 || len(x.queue) != 0 || len(x.runs) > 0 {
			t.Errorf("after a minute lane %d has %d bytes in %d batches of %d runs", x.id, x.bytes, len(x.queue), len(x.runs))
		}
	}
	if len(m.places) != 0 {
		t.Errorf("%d places are left", len(m.places))
	}
	if len(m.out.Dropped) == 0 {
		t.Error("nobody was told what went")
	}
}

// The reader of a lane pauses when it brings more than a batch a millisecond (attack 4).
func TestALaneIsTakenAtItsPace(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	p := m.open1(1, 7)
	m.now += 1000 * millisecondNs
	k := 0
	for ; m.Ready(1, m.now); k++ {
		m.must(1, p.batch(c, tx(uint64(k), 20)), pbft.Accepted)
	}
	if k != batchBurst {
		t.Errorf("%d batches at once", k)
	}
	if m.now += 3 * millisecondNs; !m.Ready(1, m.now) || m.lanes[1].tokens != 3 {
		t.Errorf("%d after 3 ms", m.lanes[1].tokens)
	}
}

// The oldest batches of a lane go first, with what only they had (attack 10).
func TestTheOldestBatchesGoFirst(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	p, q := m.open1(1, 7), m.open1(2, 7)
	m.must(2, q.batch(c, tx(0, 200)), pbft.Accepted) // number 0 is in two lanes
	for k := 0; len(m.out.Dropped) == 0; k++ {
		if k == 1000 {
			t.Fatal("nothing went")
		}
		m.must(1, p.batch(c, numbers(uint64(1000*k), uint64(1000*k+1000), 200)...), pbft.Accepted)
		m.after(100)
	}
	gone := func(id uint64) bool {
		return slices.Contains(m.out.Dropped, Dropped{ID: idOf(tx(id, 200)), From: 1})
	}
	if gone(0) || !gone(1) || !gone(999) || gone(1000*uint64(len(p.batches)-1)) {
		t.Errorf("%d went: %v", len(m.out.Dropped), fmt.Sprint(gone(0), gone(1), gone(999)))
	}
}
