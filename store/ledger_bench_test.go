package store

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// loadedBlock is a block of 1,000 transactions as the coupon rules leave it:
// 2,000 rows of 100 bytes, 500 pages of 1 KiB, a payload of 300 KB.
func loadedBlock(rng *rand.Rand, height uint64) BlockBatch {
	fill := func(n int) []byte {
		b := make([]byte, n)
		for i := 0; i+8 <= n; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], rng.Uint64())
		}
		return b
	}
	b := BlockBatch{Height: height, Header: fill(300), Payload: fill(300_000)}
	b.Certificate, b.Receipts = fill(400), fill(100_000)
	for i := range 2000 {
		b.Rows = append(b.Rows, Write{benchKey(rng.Uint32N(1_000_000)), fill(100)})
		if i%4 == 0 {
			b.Pages = append(b.Pages, Write{benchKey(rng.Uint32N(70_000)), fill(1024)})
		}
		if i%2 == 0 {
			id := [32]byte(fill(32))
			b.Txs = append(b.Txs, TxRef{ID: id, Index: uint32(i / 2)})
			b.SeenAdded = append(b.SeenAdded, SeenAdd{Bucket: height/100 + uint64(i%18), ID: id, Index: uint32(i / 2)})
			b.Events = append(b.Events, Event{Tx: uint32(i / 2), Data: fill(80)})
		}
	}
	return b
}

func benchKey(n uint32) []byte {
	return binary.BigEndian.AppendUint64([]byte{8}, uint64(n)*0x9e3779b97f4a7c15)
}

func openBenchLedger(b *testing.B) *Ledger {
	l, err := OpenLedger(LedgerConfig{Dir: b.TempDir(), Chain: testChain})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

func BenchmarkLedgerCommit1000Tx(b *testing.B) {
	for name, sync := range map[string]uint64{"sync": 1, "sync every 32": 32} {
		b.Run(name, func(b *testing.B) {
			l := openBenchLedger(b)
			rng := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			for height := uint64(1); height <= uint64(b.N); height++ {
				b.StopTimer()
				block := loadedBlock(rng, height)
				b.StartTimer()
				if err := l.Commit(block, height%sync == 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLedgerRow(b *testing.B) {
	l := openBenchLedger(b)
	rng := rand.New(rand.NewPCG(1, 1))
	const blocks = 200
	for height := uint64(1); height <= blocks; height++ {
		if err := l.Commit(loadedBlock(rng, height), false); err != nil {
			b.Fatal(err)
		}
	}
	read := func(b *testing.B, row func([]byte) ([]byte, bool), of uint32) {
		found := 0
		for range b.N {
			if _, ok := row(benchKey(rng.Uint32N(of))); ok {
				found++
			}
		}
		b.ReportMetric(float64(found)/float64(b.N), "found/op")
	}
	const hot = 10_000
	for n := range uint32(hot) {
		l.Row(benchKey(n))
	}
	b.Run("cached", func(b *testing.B) { read(b, l.Row, hot) })
	b.Run("uncached", func(b *testing.B) { read(b, l.Latest().Row, 1_000_000) })
	b.Run("seen, absent", func(b *testing.B) {
		for i := range b.N {
			l.Seen([32]byte{byte(i), byte(i >> 8)}, blocks/100+uint64(i%18))
		}
	})
}
