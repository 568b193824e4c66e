package ledger

import (
	"bytes"
	"testing"

	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
)

// The set that the members have decided on goes out with every block until its epoch begins.
func TestTheStagedSetGoesOutWithBlocks(t *testing.T) {
	w := coupontest.NewWorld(coupontest.Options{Seed: 1, StartMs: startMs, Members: 4, Keys: 1, Threshold: 1, Fake: true})
	w.Seat(1, 2, 3, 4)
	w.UpgradeAt = 1
	b := newBench(t, w)
	b.block(startMs, w.Finish(&coupontest.Tx{Kind: coupontest.KindPropose, Member: 1, Expires: startMs + 1000,
		Tx3: coupontest.Tx3{Backers: []uint16{2, 3}, Act: coupontest.Act{Num: 12, F: 255, P: 255, W: 16, K: 4096, C: 256,
			D: 4, PrecisionMs: 500, DelayMs: 5000, PayloadMax: 1 << 20}}, Members: w.Entries(1, 2, 3)}))
	var staged []byte
	for b.height < 70 {
		got := b.block(startMs + b.height + 1).NextSet
		if (got != nil) != (b.height >= 65) || staged != nil && !bytes.Equal(got, staged) {
			t.Fatalf("block %d: %x", b.height, got)
		}
		staged = got
		if b.height == 67 {
			b.reopen()
		}
	}
	next := w.Set
	next.Epoch, next.W, next.PayloadMax, next.P = 1, 16, 1<<20, 1
	if want := append([]byte{65, 0, 0, 0, 0, 0, 0, 0}, next.Bytes()...); !bytes.Equal(staged, want) {
		t.Errorf("%x is staged, want %x", staged, want)
	}
	r, err := b.m.Execute(node.Batch{Height: 71, TimeMs: startMs + 100, Epoch: 1, View: 1, ParentView: 1, ParentBase: 70})
	if err != nil || r.NextSet != nil {
		t.Errorf("in its epoch: %x, %v", r.NextSet, err)
	}
	if _, err = b.m.Execute(node.Batch{Height: 71, TimeMs: startMs + 100, Epoch: 2, View: 1}); err == nil {
		t.Error("an epoch that nobody has decided on was executed")
	}
}
