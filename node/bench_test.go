package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scrip-network/scrip/sig"
)

// The benchmarks run four members in this process, with TLS and real disks, and
// count what a client of each would see.

// signTxs makes transactions of several senders.
func signTxs(n int) [][]byte {
	txs := make([][]byte, n)
	expires := nowMs() + 10*60_000
	var g sync.WaitGroup
	for part := range 4 {
		g.Go(func() {
			key := sig.NewKeyFromSeed([32]byte{200, byte(part)})
			for i := part; i < n; i += 4 {
				txs[i] = newHashTx(key, expires, fmt.Sprintf("%100d", i))
			}
		})
	}
	g.Wait()
	return txs
}

func benchCluster(b *testing.B) *cluster {
	c := newCluster(b, func(cfg *Config) {
		cfg.Logger = nil
		cfg.Workers = 2
	})
	c.startAll()
	c.wait("everybody votes", func() bool {
		for _, m := range c.members {
			if !m.node.Status().Ready {
				return false
			}
		}
		return true
	})
	return c
}

// BenchmarkLatency submits one transaction after the other, 10 ms apart.
func BenchmarkLatency(b *testing.B) {
	c := benchCluster(b)
	txs := signTxs(b.N)
	took := make([]time.Duration, b.N)
	var g sync.WaitGroup
	b.ResetTimer()
	for i, tx := range txs {
		m := c.members[i%4]
		g.Go(func() {
			start := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if _, err := m.node.Submit(ctx, tx, nil); err != nil {
				b.Error(err)
			}
			if _, err := m.node.Wait(ctx, hashID(tx), Executed); err != nil {
				b.Error(err)
			}
			took[i] = time.Since(start)
		})
		time.Sleep(10 * time.Millisecond)
	}
	g.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkThroughput submits as fast as the members take.
func BenchmarkThroughput(b *testing.B) {
	c := benchCluster(b)
	txs := signTxs(b.N)
	const clients = 4096
	took := make([]time.Duration, b.N)
	var g sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for k := range clients {
		m := c.members[k%4]
		g.Go(func() {
			for i := k; i < len(txs); i += clients {
				took[i] = submitRetrying(b, m, txs[i])
			}
		})
	}
	g.Wait()
	last := c.members[0]
	c.wait("all executed", func() bool { return last.node.mempool.size().txs == 0 })
	elapsed := time.Since(start)
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "tx/s")
	b.ReportMetric(float64(b.N)/float64(last.node.Status().Height), "tx/block")
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
	if testing.Verbose() {
		families, _ := last.node.Registry().Gather()
		for _, f := range families {
			for _, m := range f.Metric {
				if h := m.Histogram; h != nil && h.GetSampleCount() > 0 {
					b.Logf("%s%v: %d x %.3f ms = %.2f s", f.GetName(), m.Label, h.GetSampleCount(),
						1000*h.GetSampleSum()/float64(h.GetSampleCount()), h.GetSampleSum())
				} else if v := m.GetCounter().GetValue(); v != 0 {
					b.Logf("%s%v: %v", f.GetName(), m.Label, v)
				}
			}
		}
	}
}

// submitRetrying submits until the node takes the transaction, waits for its
// execution, and returns how long that took.
func submitRetrying(b *testing.B, m *member, tx []byte) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := time.Now()
	for {
		_, err := m.node.Submit(ctx, tx, nil)
		var refusal *Refusal
		if err == nil {
			break
		}
		if !errors.As(err, &refusal) || refusal.Code != CodeOverloaded {
			b.Error(err)
			return 0
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := m.node.Wait(ctx, hashID(tx), Executed); err != nil {
		b.Error(err)
	}
	return time.Since(start)
}
