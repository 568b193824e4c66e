package coupontest

import (
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/sig"
)

func workWorld(fake bool) *World {
	return NewWorld(Options{
		Seed: 3, StartMs: start, Members: 3, Keys: 3, Threshold: 2, Tills: 2, Wallets: 20, Fake: fake,
	})
}

// TestWorkloadIsAccepted runs a workload in order: model and machine accept every transaction of it.
func TestWorkloadIsAccepted(t *testing.T) {
	mix := Workload{Campaigns: 4, HotPercent: 30, Claim: 30, Transfer: 30, Redeem: 30, Void: 10}
	w := workWorld(true)
	g, d, now := NewGenerator(w, mix, 5, start), newDuel(t, w), uint64(start)
	kinds := map[uint8]int{}
	accept := func(raws ...[]byte) {
		for _, o := range d.block(now, nil, raws...) {
			kinds[o.Kind]++
			if o.Code != 0 {
				t.Fatalf("block %d: kind %d: E%d %s", d.height, o.Kind, o.Code, o.Why)
			}
		}
		now += 7_000_000
	}
	accept(g.Setup()...)
	for range 40 {
		var raws [][]byte
		for range 50 {
			raws = append(raws, g.Next(now))
		}
		accept(raws...)
	}
	for _, kind := range []uint8{KindPublish, KindBatch, KindClaim, KindTransfer, KindRedeem, KindVoid} {
		if kinds[kind] < 4 {
			t.Errorf("kind %d: %d transactions", kind, kinds[kind])
		}
	}
}

// TestLaggedWorkloadInAnyOrder shuffles a workload within its lag: every transaction is still accepted.
func TestLaggedWorkloadInAnyOrder(t *testing.T) {
	const lag = 60
	mix := DailyWorkload()
	mix.Redeem, mix.Void, mix.Lag = 30, 8, lag
	w := workWorld(true)
	g, d, r := NewGenerator(w, mix, 5, start), newDuel(t, w), NewRandom(9)
	d.block(start, nil, g.Setup()...)
	for range 20 {
		var raws [][]byte
		for range lag {
			raws = append(raws, g.Next(start))
		}
		for i := range raws {
			j := i + r.N(len(raws)-i)
			raws[i], raws[j] = raws[j], raws[i]
		}
		for i, o := range d.block(start+d.height, nil, raws...) {
			if o.Code != 0 {
				t.Fatalf("block %d, transaction %d, kind %d: E%d %s", d.height, i, o.Kind, o.Code, o.Why)
			}
		}
	}
}

// TestSignaturesVerify checks every key and signature of a workload and of a random history under the rules of the
// ledger.
func TestSignaturesVerify(t *testing.T) {
	w := workWorld(false)
	g := NewGenerator(w, Workload{Campaigns: 2, Claim: 3, Transfer: 2, Redeem: 2, Void: 1}, 5, start)
	raws := g.Setup()
	for range 100 {
		raws = append(raws, g.Next(start))
	}
	checkSignatures(t, w, raws)
	h := RandomHistory(1, 12, false)
	raws = nil
	for _, b := range h.Blocks {
		raws = append(raws, b.Txs...)
	}
	checkSignatures(t, h.World, raws)
}

func checkSignatures(t *testing.T, w *World, raws [][]byte) {
	t.Helper()
	chain := coupon.Chain{Digest: w.Chain, ValidKey: sig.ValidKey}
	kinds := map[coupon.Kind]bool{}
	for _, raw := range raws {
		tx, err := chain.CheckTx(raw)
		if err != nil {
			t.Fatal(err)
		}
		kinds[tx.Kind] = true
		checks := tx.Signatures(chain)
		if len(checks) == 0 {
			t.Fatalf("%v: no signature", tx.Kind)
		}
		for i, c := range checks {
			if !sig.Verify(&c.Key, c.Message, &c.Signature) {
				t.Fatalf("%v: signature %d does not verify", tx.Kind, i)
			}
			c.Signature[3] ^= 1
			if sig.Verify(&c.Key, c.Message, &c.Signature) {
				t.Fatalf("%v: damaged signature %d verifies", tx.Kind, i)
			}
		}
	}
	if len(kinds) < 6 {
		t.Errorf("only the kinds %v", kinds)
	}
}

func BenchmarkGenerator(b *testing.B) {
	w := workWorld(false)
	g := NewGenerator(w, DailyWorkload(), 5, start)
	g.Setup()
	for b.Loop() {
		g.Next(start)
	}
}

// BenchmarkApply is the machine on blocks of 1,000 transactions of a daily workload, states in memory.
func BenchmarkApply(b *testing.B) {
	w := workWorld(true)
	g, m := NewGenerator(w, DailyWorkload(), 5, start), w.Machine()
	table, chain := NewTable(m.Genesis()), m.Chain()
	apply := func(height uint64, raws [][]byte) {
		block := coupon.Block{Height: height, TimeMs: start + height}
		for _, raw := range raws {
			tx, err := chain.CheckTx(raw)
			if err != nil {
				b.Fatal(err)
			}
			block.Txs = append(block.Txs, tx)
		}
		b.StartTimer()
		r := m.Apply(table, block)
		b.StopTimer()
		table.Commit(r)
	}
	b.StopTimer()
	apply(1, g.Setup())
	n := uint64(1)
	for range b.N {
		n++
		var raws [][]byte
		for range 1_000 {
			raws = append(raws, g.Next(start))
		}
		apply(n, raws)
	}
}
