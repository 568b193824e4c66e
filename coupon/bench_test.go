package coupon

import (
	"encoding/binary"
	"testing"
)

// benchmarkBlocks executes blocks of 1000 transactions, signatures apart, and
// reports the time per transaction.
func benchmarkBlocks(b *testing.B, make func(w *world, id CouponID) []byte) {
	w := newWorld(b)
	g := w.publish(w.terms(func(t *Terms) {
		t.Transfer, t.MaxTransfers, t.Budget, t.MaxSupply = TransferGift, 255, 1_000_000_000, SupplyMax
	}))
	const size = 1000
	txs := []*Tx{}
	till := Till{Member: shopA, Store: 1, Rights: RightRedeem, Currency: usd, ValidUntil: TimeMax, DayCap: MoneyMax}
	w.rows[string(TillKey(keyOf("till A").Key))] = till.AppendTo(nil)
	campaign := w.campaign(g)
	campaign.Accrued, campaign.Committed = 0, 900_000_000
	w.rows[string(CampaignKey(g))] = campaign.AppendTo(nil)
	for i := range size {
		id := NewCouponID(g, uint32(1000+i))
		c := Coupon{Owner: keyOf("holder").Key, Version: 1, UsesLeft: 1, ClaimedAt: w.now, TransfersLeft: 255}
		w.rows[string(CouponKey(id))] = c.AppendTo(nil)
		w.height = uint64(i) // another basket salt
		tx, err := w.chain.CheckTx(make(w, id))
		if err != nil {
			b.Fatal(err)
		}
		txs = append(txs, tx)
	}
	block := Block{Height: 10, TimeMs: w.now, Txs: txs}
	b.ReportAllocs()
	for b.Loop() {
		res := w.m.Apply(w.store, block)
		if res.Err != nil || res.Outcomes[size-1].Code != OK {
			b.Fatalf("%v, %s", res.Err, res.Outcomes[size-1].Code)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/tx")
}

func BenchmarkApplyTransfer(b *testing.B) {
	benchmarkBlocks(b, func(w *world, id CouponID) []byte {
		return w.transferTx(id, 0, keyOf("holder"), keyOf("friend"), 0)
	})
}

func BenchmarkApplyRedeem(b *testing.B) {
	benchmarkBlocks(b, func(w *world, id CouponID) []byte {
		return w.redeemTx(id, 0, bill{basis: 2000, value: 2000, salt: byte(w.height >> 8)})
	})
}

func BenchmarkCheckTx(b *testing.B) {
	c := testChain()
	for _, s := range samples(c) {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.CheckTx(s.raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSeenAdd shows the cost of a Seen running hash beside a whole
// transaction.
func BenchmarkSeenAdd(b *testing.B) {
	var row SeenRow
	var e SeenEntry
	for b.Loop() {
		row = row.Add(e)
		binary.LittleEndian.PutUint32(e.ID[:], row.Count)
	}
}
