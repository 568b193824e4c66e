package sig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func benchItems(n, keys int) []Item {
	r := rand.New(rand.NewPCG(1, 0))
	signers := make([]PrivateKey, keys)
	for i := range signers {
		signers[i] = randomKey(r)
	}
	items := make([]Item, n)
	for i := range items {
		items[i] = signedItem(signers[i%keys], randomBytes(r, 250))
	}
	return items
}

func reportPerSignature(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n)/1000, "us/sig")
}

func BenchmarkSign(b *testing.B) {
	k, msg := GenerateKey(), make([]byte, 250)
	for b.Loop() {
		k.Sign(msg)
	}
}

func BenchmarkVerifySingle(b *testing.B) {
	item := benchItems(1, 1)[0]
	v := NewVerifier(1)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			Verify(item.Key, item.Message, item.Signature)
		}
	})
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			v.Verify(item.Key, item.Message, item.Signature)
		}
	})
}

func BenchmarkVerifyBatch(b *testing.B) {
	for _, n := range []int{2, 3, 11, 64, 512, 2048} {
		items := benchItems(n, n)
		b.Run(fmt.Sprintf("%d/cached", n), func(b *testing.B) {
			v := NewVerifier(0)
			b.ReportAllocs()
			for b.Loop() {
				v.VerifyBatch(items)
			}
			reportPerSignature(b, n)
		})
		b.Run(fmt.Sprintf("%d/fresh", n), func(b *testing.B) {
			for b.Loop() {
				NewVerifier(n).VerifyBatch(items)
			}
			reportPerSignature(b, n)
		})
	}
}

func BenchmarkCheckWithCulprits(b *testing.B) {
	for _, bad := range []int{0, 1, 16, 512} {
		items := benchItems(512, 512)
		for i := range bad {
			items[i*(512/bad)].Message = []byte("other")
		}
		b.Run(fmt.Sprintf("%d_of_512", bad), func(b *testing.B) {
			v, ok := NewVerifier(0), make([]bool, len(items))
			for b.Loop() {
				v.Check(items, ok)
			}
			reportPerSignature(b, len(items))
		})
	}
}

func BenchmarkPoolJobsOfOne(b *testing.B) {
	items := benchItems(4096, 256)
	p := NewPool(NewVerifier(0), 0, 1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for b.Loop() {
		var left sync.WaitGroup
		left.Add(len(items))
		for i := range items {
			if err := p.Submit(Bulk, items[i:i+1], func([]bool) { left.Done() }); err != nil {
				b.Fatal(err)
			}
		}
		left.Wait()
	}
	reportPerSignature(b, len(items))
	cancel()
	<-ended
}
