package coupontest_test

import (
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
)

// A workload on a machine whose state lies in memory.
func ExampleGenerator() {
	const startMs = 1_795_000_000_000
	world := coupontest.NewWorld(coupontest.Options{
		Seed: 1, StartMs: startMs, Members: 4, Keys: 3, Threshold: 2, Tills: 3, Wallets: 50,
	})
	work := coupontest.NewGenerator(world, coupontest.DailyWorkload(), 1, startMs)
	machine := world.Machine()
	table := coupontest.NewTable(machine.Genesis())
	raws := work.Setup()
	for height := uint64(1); height <= 3; height++ {
		now := startMs + height*1_000
		block := coupon.Block{Height: height, TimeMs: now}
		for _, raw := range raws {
			tx, err := machine.Chain().CheckTx(raw)
			if err != nil {
				fmt.Println(err)
				return
			}
			block.Txs = append(block.Txs, tx)
		}
		result := machine.Apply(table, block)
		table.Commit(result)
		fmt.Println(len(raws), "transactions,", len(result.Events), "accepted")
		raws = raws[:0]
		for range 20 {
			raws = append(raws, work.Next(now))
		}
	}
	// Output:
	// 16 transactions, 16 accepted
	// 20 transactions, 20 accepted
	// 20 transactions, 20 accepted
}
