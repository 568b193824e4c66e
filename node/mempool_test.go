package node

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

const (
	selfID = pbft.ReplicaID(0)
	peerID = pbft.ReplicaID(1)
)

// poolTx is transaction n of a sender.
func poolTx(sender byte, n int, size int) *Tx {
	tx := &Tx{Raw: make([]byte, size), Sender: [32]byte{sender}, ExpiresMs: 1000}
	tx.ID[0] = sender
	binary.BigEndian.PutUint32(tx.ID[1:], uint32(n))
	return tx
}

func numberOf(tx *Tx) int { return int(binary.BigEndian.Uint32(tx.ID[1:])) }

func newPool(t *testing.T, l driver.Limits) *mempool {
	t.Helper()
	l, err := l.WithDefaults(1)
	if err != nil {
		t.Fatal(err)
	}
	return newMempool(driver.NewShares(l, selfID, 4), leastMs)
}

func (p *mempool) mustAdd(t *testing.T, tx *Tx) {
	t.Helper()
	if err := p.add(tx, selfID, selfID, 0); err != nil {
		t.Fatal(err)
	}
}

const anySize = 1 << 30

// leastMs is the first wait before a transaction is sent again.
const leastMs = 100

func TestSendersTakeTurnsAndKeepTheirOrder(t *testing.T) {
	p := newPool(t, driver.Limits{})
	for n := range 100 {
		p.mustAdd(t, poolTx('a', n, 10)) // a flood
	}
	for n := range 3 {
		p.mustAdd(t, poolTx('b', n, 10))
		p.mustAdd(t, poolTx('c', n, 10))
	}
	got := p.take(1, anySize, 9)
	var order []byte
	next := map[byte]int{}
	for _, tx := range got {
		s := tx.Sender[0]
		order = append(order, s)
		if numberOf(tx) != next[s] {
			t.Errorf("sender %c: transaction %d before %d", s, numberOf(tx), next[s])
		}
		next[s]++
	}
	if string(order) != "abcabcabc" {
		t.Errorf("order %q", order)
	}
}

func TestTheMempoolRefusesBeyondEachLimit(t *testing.T) {
	for _, x := range []struct {
		name   string
		limits driver.Limits
		fits   int
		from   pbft.ReplicaID
		want   error
	}{
		{"transactions", driver.Limits{TxsMax: 4, SenderTxsMax: 10, PeerTxsMax: 10}, 4, peerID, refusalFull},
		{"bytes", driver.Limits{BytesMax: 45}, 4, peerID, refusalFull},
		{"own transactions", driver.Limits{OwnTxsMax: 3}, 3, selfID, refusalFull},
		{"own bytes", driver.Limits{OwnBytesMax: 35}, 3, selfID, refusalFull},
		{"own bytes of less than one", driver.Limits{OwnBytesMax: 5}, 1, selfID, refusalFull},
		{"sender", driver.Limits{SenderTxsMax: 3}, 3, selfID, refusalSender},
		{"peer", driver.Limits{PeerTxsMax: 2}, 2, peerID, refusalPeer},
	} {
		p := newPool(t, x.limits)
		for n := range x.fits {
			if err := p.add(poolTx('a', n, 10), x.from, selfID, 0); err != nil {
				t.Errorf("%s: transaction %d: %v", x.name, n, err)
			}
		}
		if err := p.add(poolTx('a', x.fits, 10), x.from, selfID, 0); !errors.Is(err, x.want) {
			t.Errorf("%s: one too many: %v", x.name, err)
		}
	}
}

// Room is kept for what is being checked, so that more is refused before its check.
func TestRoomIsKeptForWhatIsChecked(t *testing.T) {
	p := newPool(t, driver.Limits{OwnTxsMax: 5})
	p.mustAdd(t, poolTx('a', 0, 10))
	if n := p.expect(3); n != 3 {
		t.Errorf("room for %d of 3", n)
	}
	if n := p.expect(3); n != 1 {
		t.Errorf("room for %d beside 1 that waits and 3 that are checked, of 5", n)
	}
	if n := p.expect(1); n != 0 {
		t.Errorf("room for %d in a full pool", n)
	}
	p.came(2)
	p.mustAdd(t, poolTx('a', 1, 10))
	if n := p.expect(9); n != 1 {
		t.Errorf("room for %d beside 2 that wait and 2 that are checked, of 5", n)
	}
	p.came(3)
	p.executed(1, []*Tx{poolTx('a', 0, 10), poolTx('a', 1, 10)}, nil)
	if own, bytes := p.shares.Own(); own != 0 || bytes != 0 || p.expect(9) != 5 {
		t.Errorf("%d own transactions of %d bytes in an empty pool", own, bytes)
	}
}

// A block may refuse without a record: the same transaction may come again, while one
// that has its outcome is known.
func TestOnlyADecidedTransactionIsKnown(t *testing.T) {
	p := newPool(t, driver.Limits{})
	done, open := poolTx('a', 0, 10), poolTx('a', 1, 10)
	p.executed(1, []*Tx{done, open}, []bool{false, true})
	if err := p.add(done, selfID, selfID, 0); !errors.Is(err, errKnown) {
		t.Errorf("one that has its outcome: %v", err)
	}
	if err := p.add(open, selfID, selfID, 0); err != nil {
		t.Errorf("one that stayed open: %v", err)
	}
}

// What a peer brought counts as own once an own client hands it in.
func TestAnAdoptedTransactionIsAnOwnOne(t *testing.T) {
	p := newPool(t, driver.Limits{})
	tx := poolTx('a', 0, 10)
	own := func() [2]int { txs, bytes := p.shares.Own(); return [2]int{txs, bytes} }
	if err := p.add(tx, peerID, selfID, 0); err != nil || own() != [2]int{} {
		t.Fatalf("%v, %v own", err, own())
	}
	for range 2 {
		if !p.adopt(tx.ID, selfID) || own() != [2]int{1, 10} {
			t.Errorf("own transactions and their bytes: %v", own())
		}
	}
	if since := p.executed(1, []*Tx{tx}, nil); len(since) != 1 || own() != [2]int{} {
		t.Errorf("%v, %v own", since, own())
	}
}

func TestWhatIsInABlockIsNotHandedOutAgain(t *testing.T) {
	p := newPool(t, driver.Limits{})
	for n := range 6 {
		p.mustAdd(t, poolTx('a', n, 10))
	}
	own := p.take(1, anySize, 2)
	p.heldBy(1, []*Tx{poolTx('a', 2, 10)}) // in another's block
	rest := p.take(1, anySize, 10)
	if len(own) != 2 || len(rest) != 3 || numberOf(rest[0]) != 3 {
		t.Fatalf("%d, then %d transactions", len(own), len(rest))
	}
	// Executed ones are gone for good, even if a peer sends them again.
	p.executed(1, own, nil)
	if err := p.add(own[0], peerID, selfID, 0); !errors.Is(err, errKnown) {
		t.Errorf("executed transaction: %v", err)
	}
	// A block of a later view shows that the others of view 1 are abandoned.
	p.executed(2, nil, nil)
	again := p.take(2, anySize, 10)
	var numbers []int
	for _, tx := range again {
		numbers = append(numbers, numberOf(tx))
	}
	if !slices.Equal(numbers, []int{2, 3, 4, 5}) {
		t.Errorf("after the view change: %v", numbers)
	}
}

func TestTakeKeepsToTheSizeOfAPayload(t *testing.T) {
	p := newPool(t, driver.Limits{})
	for n := range 10 {
		p.mustAdd(t, poolTx('a', n, 100))
	}
	if got := len(p.take(1, driver.PayloadOverheadBytes+3*(driver.TxOverheadBytes+100)+50, 100)); got != 3 {
		t.Errorf("%d transactions, want 3", got)
	}
}

func TestTheMempoolDropsWhatNoBlockCanAccept(t *testing.T) {
	p := newPool(t, driver.Limits{})
	late := poolTx('a', 1, 10)
	late.ExpiresMs = 2000
	p.mustAdd(t, poolTx('a', 0, 10))
	p.mustAdd(t, late)
	dropped, again := p.expire(1000, leastMs, selfID, 10)
	if len(dropped) != 1 || numberOf(dropped[0]) != 0 {
		t.Errorf("dropped %d", len(dropped))
	}
	if len(again) != 1 || numberOf(again[0]) != 1 {
		t.Errorf("sent again %d", len(again))
	}
	if _, again = p.expire(1000, leastMs+1, selfID, 10); len(again) != 0 {
		t.Error("sent again at once")
	}
}

// Who proposed in an old view may spread its blocks for as long as it likes: they
// will not be executed, and must not keep anybody's transaction from the chain.
func TestABlockOfAnOldViewHoldsNothing(t *testing.T) {
	p := newPool(t, driver.Limits{})
	victim := poolTx('v', 0, 10)
	p.mustAdd(t, victim)
	p.executed(7, nil, nil)
	p.heldBy(6, []*Tx{victim})
	if got := p.take(7, anySize, 10); len(got) != 1 || got[0] != victim {
		t.Errorf("a block of view 6 holds a transaction after one of view 7: %d taken", len(got))
	}
	p.put([]*Tx{victim})
	p.heldBy(7, []*Tx{victim})
	if got := p.take(7, anySize, 10); len(got) != 0 {
		t.Errorf("a block of the present view holds nothing: %d taken", len(got))
	}
}

// A block that nobody executes, such as one of a view that never comes, gives back
// what it holds.
func TestNoBlockHoldsATransactionForGood(t *testing.T) {
	p := newPool(t, driver.Limits{})
	victim := poolTx('v', 0, 10)
	victim.ExpiresMs = 1 << 40
	if err := p.add(victim, peerID, selfID, 0); err != nil {
		t.Fatal(err)
	}
	p.expire(0, 1000, selfID, 10)
	p.heldBy(1<<40, []*Tx{victim})
	p.expire(0, 1000+driver.HoldMs-1, selfID, 10)
	if got := p.take(1, anySize, 10); len(got) != 0 {
		t.Fatalf("held for less than %d ms", driver.HoldMs)
	}
	p.expire(0, 1000+driver.HoldMs, selfID, 10)
	if got := p.take(1, anySize, 10); len(got) != 1 {
		t.Errorf("held for %d ms, and longer", driver.HoldMs)
	}
}

// A primary that missed a transaction is told again soon, and ever less often.
func TestOwnTransactionsAreSentAgainAtGrowingIntervals(t *testing.T) {
	p := newPool(t, driver.Limits{})
	tx := poolTx('a', 0, 10)
	tx.ExpiresMs = 1 << 40
	p.mustAdd(t, tx)
	var at []uint64
	for now := uint64(0); now <= 40_000; now += 50 {
		if _, again := p.expire(0, now, selfID, 10); len(again) > 0 {
			at = append(at, now)
		}
	}
	if want := []uint64{100, 300, 700, 1500, 3100, 6300, 12700, 20700, 28700, 36700}; !slices.Equal(at, want) {
		t.Errorf("sent again at %v ms, want %v", at, want)
	}
	p.heldBy(1, []*Tx{tx})
	if _, again := p.expire(0, 60_000, selfID, 10); len(again) != 0 {
		t.Error("what is in a block is sent again")
	}
}

// The peer that brought it, and everybody whom it told, may have crashed since.
func TestWhatAPeerBroughtIsSentAgainOnceAClientHandsItIn(t *testing.T) {
	p := newPool(t, driver.Limits{PeerTxsMax: 1})
	for n := range 2 {
		tx := poolTx('a', n, 10)
		if err := p.add(tx, peerID, selfID, 0); err != nil {
			t.Fatal(err)
		}
		if _, again := p.expire(0, leastMs, selfID, 10); len(again) != 0 {
			t.Errorf("a peer's transaction is sent again: %d", len(again))
		}
		if !p.adopt(tx.ID, selfID) {
			t.Error("the transaction does not wait")
		}
		if _, again := p.expire(0, leastMs, selfID, 10); len(again) != 1 || again[0] != tx {
			t.Errorf("sent again %d", len(again))
		}
	}
	if p.adopt(poolTx('a', 9, 10).ID, selfID) {
		t.Error("an unknown transaction waits")
	}
}

// Whatever happens, the counts are those of the content, and every free
// transaction can be had.
func TestTheMempoolCountsWhatItHolds(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	p := newPool(t, driver.Limits{TxsMax: 200, SenderTxsMax: 50, PeerTxsMax: 60})
	view := pbft.View(1)
	var taken []*Tx
	for step := range 20_000 {
		switch r.IntN(12) {
		default:
			_ = p.add(poolTx(byte(r.IntN(8)), r.IntN(1000), 1+r.IntN(50)), pbft.ReplicaID(r.IntN(4)), selfID, uint64(step))
		case 0, 1:
			taken = append(taken, p.take(view, r.IntN(2000), 1+r.IntN(40))...)
		case 2:
			if n := r.IntN(len(taken) + 1); n > 0 {
				p.put(taken[:n])
				taken = taken[n:]
			}
		case 3:
			if n := r.IntN(len(taken) + 1); n > 0 {
				if r.IntN(3) == 0 {
					view++
				}
				p.executed(view, taken[:n], nil)
				taken = taken[n:]
			}
		case 4:
			p.heldBy(view, []*Tx{poolTx(byte(r.IntN(8)), r.IntN(1000), 1)})
		}
		checkPool(t, p, seed, step)
	}
}

func checkPool(t *testing.T, p *mempool, seed uint64, step int) {
	t.Helper()
	var bytes, free, freed, inTurns int
	senders := map[*sender]int{}
	for _, e := range p.byID {
		bytes += len(e.tx.Raw)
		senders[e.sender]++
		if e.place != nil {
			free++
			freed += len(e.tx.Raw)
		}
	}
	for turn := p.turns.Front(); turn != nil; turn = turn.Next() {
		s := turn.Value.(*sender)
		inTurns += s.free.Len()
		last := uint64(0)
		for e := s.free.Front(); e != nil; e = e.Next() {
			if arrival := e.Value.(*pooled).arrival; arrival <= last {
				t.Fatalf("seed %d, step %d: order of a sender", seed, step)
			} else {
				last = arrival
			}
		}
	}
	for s, n := range senders {
		if s.txs != n || (s.free.Len() > 0) != (s.turn != nil) {
			t.Fatalf("seed %d, step %d: sender counts %d of %d", seed, step, s.txs, n)
		}
	}
	if bytes != p.shares.Bytes() || len(p.byID) != p.shares.Txs() || free != p.free || freed != p.freed ||
		inTurns != free || len(senders) != len(p.senders) {
		t.Fatalf("seed %d, step %d: counted %d bytes, %d free of %d bytes, %d in turns, %d senders; have %d, %d, %d, %d",
			seed, step, bytes, free, freed, inTurns, len(senders), p.shares.Bytes(),
			p.free, p.freed, len(p.senders))
	}
}
