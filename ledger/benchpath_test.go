package ledger

import (
	"runtime"
	"testing"
	"time"
)

// BenchmarkPath takes transfers along a node's path, from their bytes at the door to
// the stored block: decoded, judged against the latest state, executed and committed, in
// blocks of 256 over 20,000 coupons. It counts what is allocated for each transaction
// and the processor time of all of the process. Signatures are checked elsewhere.
func BenchmarkPath(b *testing.B) {
	const size = 256
	x := openBench(b, 20_000)
	var mallocs, bytes, cpu, txs float64
	for b.Loop() {
		b.StopTimer()
		raws := x.transfers(size, 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := cpuTime(b)
		b.StartTimer()
		batch := x.checked(b, raws)
		for _, tx := range batch.Txs {
			_ = x.m.Admit(tx, nil, batch.TimeMs) // some are second ones of their coupon
		}
		r, err := x.m.Execute(batch)
		if err != nil {
			b.Fatal(err)
		}
		x.commit(b, batch, &r, false)
		b.StopTimer()
		cpu += float64((cpuTime(b) - start) / time.Nanosecond)
		runtime.ReadMemStats(&after)
		mallocs += float64(after.Mallocs - before.Mallocs)
		bytes += float64(after.TotalAlloc - before.TotalAlloc)
		txs += size
		allAccepted(b, &r)
		b.StartTimer()
	}
	b.ReportMetric(mallocs/txs, "allocs/tx")
	b.ReportMetric(bytes/txs, "B/tx")
	b.ReportMetric(cpu/txs/1000, "cpu-us/tx")
}
