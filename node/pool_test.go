package node

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// A pool is full when one of its bounds is reached, and then nothing is checked for it.
func TestAFullPoolIsFullBeforeAnyWork(t *testing.T) {
	four := driver.Limits{TxsMax: 4, OwnTxsMax: 9, SenderTxsMax: 9, PeerTxsMax: 9}
	for _, x := range []struct {
		name   string
		limits driver.Limits
		holds  int
		full   bool
		room   int // of 5 asked for
	}{
		{"empty", four, 0, false, 4},
		{"one short of its transactions", four, 3, false, 1},
		{"full of transactions", four, 4, true, 0},
		{"short of its bytes", driver.Limits{BytesMax: 41}, 4, false, 5},
		{"full of bytes", driver.Limits{BytesMax: 40}, 4, true, 0},
	} {
		p := newPool(t, x.limits)
		for n := range x.holds {
			if err := p.add(poolTx('a', n, 10), peerID, selfID, 0); err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
		}
		if p.full() != x.full {
			t.Errorf("%s: full %t", x.name, !x.full)
		}
		if n := p.expect(5); n != x.room {
			t.Errorf("%s: room for %d, want %d", x.name, n, x.room)
		}
	}
	p := newPool(t, driver.Limits{OwnBytesMax: 10})
	p.mustAdd(t, poolTx('a', 0, 10))
	if n := p.expect(1); n != 0 || p.full() {
		t.Errorf("own bytes are full: room for %d, full %t", n, p.full())
	}
}

// A block takes as much as fits, to the byte.
func TestTakeFillsABlockToTheByte(t *testing.T) {
	const empty, one = driver.PayloadOverheadBytes, driver.TxOverheadBytes + 10
	for size, want := range map[int]int{empty + 3*one - 1: 2, empty + 3*one: 3, empty + 4*one - 1: 3, empty: 0} {
		p := newPool(t, driver.Limits{})
		for n := range 5 {
			p.mustAdd(t, poolTx('a', n, 10))
		}
		if got := len(p.take(1, size, 9)); got != want || p.free != 5-want || p.freed != 10*(5-want) {
			t.Errorf("%d bytes: %d taken, %d of %d bytes are free, want %d", size, got, p.free, p.freed, want)
		}
	}
}

// What leaves the pool leaves every share that it had.
func TestWhatLeavesLeavesItsShares(t *testing.T) {
	p := newPool(t, driver.Limits{PeerTxsMax: 2, SenderTxsMax: 2})
	a, b := poolTx('a', 0, 10), poolTx('a', 1, 10)
	for _, tx := range []*Tx{a, b} {
		if err := p.add(tx, peerID, selfID, 0); err != nil {
			t.Fatal(err)
		}
	}
	p.take(1, anySize, 1)
	p.executed(1, []*Tx{a}, nil)
	if p.senders[a.Sender].txs != 1 || p.free != 1 || p.freed != 10 {
		t.Errorf("with one left: %d of the sender, %d free of %d bytes", p.senders[a.Sender].txs, p.free, p.freed)
	}
	p.executed(1, []*Tx{b}, nil)
	if len(p.byID) != 0 || len(p.senders) != 0 || p.free != 0 || p.freed != 0 || p.turns.Len() != 0 {
		t.Errorf("empty: %d held, %d senders, %d free, %d turns", len(p.byID), len(p.senders), p.free, p.turns.Len())
	}
	for n := range 2 {
		if err := p.add(poolTx('b', n, 10), peerID, selfID, 0); err != nil {
			t.Errorf("another of the peer: %v", err)
		}
	}
}

// A transaction goes back to its place among those of its sender.
func TestWhatIsPutBackKeepsItsPlace(t *testing.T) {
	p := newPool(t, driver.Limits{})
	for n := range 4 {
		p.mustAdd(t, poolTx('a', n, 10))
	}
	first := p.take(1, anySize, 2)
	p.put(first)
	p.put(first) // twice is once
	for n, tx := range p.take(1, anySize, 9) {
		if numberOf(tx) != n {
			t.Errorf("transaction %d at place %d", numberOf(tx), n)
		}
	}
	if p.free != 0 || p.freed != 0 {
		t.Errorf("%d of %d bytes are free", p.free, p.freed)
	}
}

// A block of a view that was left holds nothing; one of the present view does.
func TestOldViewsHoldNothing(t *testing.T) {
	for view, want := range map[pbft.View]int{1: 1, 2: 0, 3: 0} {
		p := newPool(t, driver.Limits{})
		tx := poolTx('a', 0, 10)
		p.mustAdd(t, tx)
		p.executed(2, nil, nil)
		if p.heldBy(view, []*Tx{tx, poolTx('b', 0, 10)}); p.free != want {
			t.Errorf("a block of view %d in view 2: %d free, want %d", view, p.free, want)
		}
		// The same block of a later view goes on holding it when that view begins.
		p.heldBy(view+1, []*Tx{tx})
		if p.executed(view+1, nil, nil); p.free != 0 {
			t.Errorf("a block of view %d holds it no more in that view", view+1)
		}
	}
}
