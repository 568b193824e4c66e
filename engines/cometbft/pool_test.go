package cometbft

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft/driver"
)

// poolTx returns a transaction of ten bytes.
func poolTx(n uint64, sender byte, expiresMs uint64) *node.Tx {
	tx := &node.Tx{Raw: make([]byte, 10), Sender: [32]byte{sender}, ExpiresMs: expiresMs}
	binary.BigEndian.PutUint64(tx.ID[:], n)
	binary.BigEndian.PutUint64(tx.Raw, n)
	return tx
}

// Over random additions, blocks and expiries the pool is a list in order of arrival,
// within its limits.
func TestThePoolIsAList(t *testing.T) {
	const txsMax, bytesMax = 64, 500
	for seed := range uint64(20) {
		r := coupontest.NewRandom(seed)
		p := newPool(txsMax, bytesMax, true)
		var model, told []*node.Tx
		var heard [][]byte
		drop := func(gone func(*node.Tx) bool) { model = slices.DeleteFunc(model, gone) }
		for now := uint64(1); now < 400; now++ {
			switch r.N(6) {
			case 0:
				size := r.N(5)
				txs := p.take(size)
				if !slices.Equal(txs, model[:min(size, len(model))]) {
					t.Fatalf("seed %d: take gives other transactions", seed)
				}
				p.executed(txs)
				model = model[len(txs):]
			case 1:
				timeMs := now * pruneEveryMs
				n := len(model)
				ids := p.expire(timeMs)
				drop(func(tx *node.Tx) bool { return tx.ExpiresMs <= timeMs })
				if len(ids) != n-len(model) {
					t.Fatalf("seed %d: %d expired, want %d", seed, len(ids), n-len(model))
				}
			case 2:
				raws := p.reap(25)
				if len(raws) > 2 {
					t.Fatalf("seed %d: %d transactions in 25 bytes", seed, len(raws))
				}
				heard = append(heard, raws...)
			default:
				tx := poolTx(now, byte(r.N(8)), (now+r.Between(1, 60))*pruneEveryMs)
				own := r.Chance(60)
				room := len(model) < bytesMax/10
				err := p.add(tx, own)
				if err == nil {
					model = append(model, tx)
					if own {
						told = append(told, tx)
					}
				}
				if again := p.add(tx, own); (again == nil) != (err == nil) || err == nil && !room {
					t.Fatalf("seed %d: added %v, then %v, with room %v", seed, err, again, room)
				}
			}
			txs, size := p.size()
			if txs != len(model) || size != 10*len(model) || len(p.queue) > 2*len(model)+1 {
				t.Fatalf("seed %d: %d transactions of %d bytes in a queue of %d, want %d", seed, txs, size, len(p.queue),
					len(model))
			}
		}
		for i, raw := range append(heard, p.reap(0)...) {
			if i >= len(told) || !slices.Equal(raw, told[i].Raw) {
				t.Fatalf("seed %d: the others are told something else", seed)
			}
		}
		if len(heard) < txsMax/2 || len(p.fresh) != 0 {
			t.Fatalf("seed %d: the others are told of %d transactions, %d are left", seed, len(heard), len(p.fresh))
		}
	}
}

// Nobody takes the room of all others.
func TestSharesOfThePool(t *testing.T) {
	p := newPool(80, 1<<20, true)
	count := func(add func(i int) error) (n int) {
		for i := range 80 {
			if add(i) == nil {
				n++
			}
		}
		return n
	}
	one := count(func(i int) error { return p.add(poolTx(uint64(i), 1, 1), false) })
	others := count(func(i int) error { return p.add(poolTx(uint64(100+i), byte(2+i), 1), false) })
	own := count(func(i int) error { return p.add(poolTx(uint64(200+i), byte(100+i), 1), true) })
	if one != 20 || others != 50 || own != 10 {
		t.Errorf("one sender has %d, all others' clients %d, own clients %d of 80", one, others, own)
	}
}

// A proposer waits for a transaction, and no longer than it may.
func TestTheProposerWaits(t *testing.T) {
	p := newPool(8, 100, false)
	p.wait(context.Background(), time.Nanosecond) // returns
	done := make(chan struct{})
	go func() {
		p.wait(context.Background(), time.Hour)
		close(done)
	}()
	if err := p.add(poolTx(1, 1, 1), true); err != nil {
		t.Fatal(err)
	}
	<-done
	p.wait(context.Background(), time.Hour) // there is one
	if len(p.fresh) != 0 {
		t.Error("transactions are kept for nobody")
	}
}

// A proposal has each id once, nothing that has expired, and fits.
func TestFill(t *testing.T) {
	var txs []*node.Tx
	for i := range uint64(6) {
		txs = append(txs, poolTx(i, 1, 5+5*(i%3)))
	}
	txs = append(txs, txs...)
	const each = driver.TxOverheadBytes + 10
	for _, c := range []struct {
		bytesMax, txsMax int
		nowMs            uint64
		want             []uint64
	}{
		{1000, 100, 0, []uint64{0, 1, 2, 3, 4, 5}},
		{1000, 100, 5, []uint64{1, 2, 4, 5}},
		{1000, 3, 0, []uint64{0, 1, 2}},
		{driver.PayloadOverheadBytes + 2*each, 100, 0, []uint64{0, 1}},
		{driver.PayloadOverheadBytes + 2*each - 1, 100, 0, []uint64{0}},
		{0, 100, 0, nil},
	} {
		var got []uint64
		for _, raw := range fill(txs, c.bytesMax, c.txsMax, c.nowMs) {
			got = append(got, binary.BigEndian.Uint64(raw))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d bytes, %d transactions, at %d: %v, want %v", c.bytesMax, c.txsMax, c.nowMs, got, c.want)
		}
	}
}
