package ledger

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/sig"
)

// benchCoupons returns the number of live coupons of the larger state, or other if
// SCRIP_BENCH_COUPONS is not set.
func benchCoupons(b *testing.B, other int) int {
	text := os.Getenv("SCRIP_BENCH_COUPONS")
	if text == "" {
		return other
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("SCRIP_BENCH_COUPONS is %q", text)
	}
	return n
}

// BenchmarkTransfers executes and stores blocks of transfers of random coupons on
// a real disk, as a validator does behind the checks of signatures. The state is
// of 100,000 live coupons, or of SCRIP_BENCH_COUPONS.
func BenchmarkTransfers(b *testing.B) {
	n := benchCoupons(b, smallState)
	x := openBench(b, n)
	for _, size := range []int{256, 5000} {
		for _, sync := range []bool{false, true} {
			b.Run(fmt.Sprintf("coupons=%d/block=%d/sync=%v", n, size, sync), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					batch := x.checked(b, x.transfers(size, 0))
					b.StartTimer()
					x.execute(b, batch, sync)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "us/tx")
			})
		}
	}
}

const (
	smallState     = 100_000
	blockTxs       = 5000 // of the block that has to be durable in 100 ms
	roundTxs       = 50_000
	quietLooks     = 5
	quietLookEvery = 20 * time.Millisecond
)

// BenchmarkLiveCoupons compares what a transaction costs where 100,000 coupons
// live and where SCRIP_BENCH_COUPONS do, in turns of 50,000 transfers, each of
// them decoded, judged, hashed and stored. It counts the processor time of the
// whole process, so that of Pebble's flushes and merges too: a turn ends when the
// process is idle. Signatures cost the same in both: what checking them takes is
// measured beside and added for the second ratio, which is that of the whole.
// SCRIP_BENCH_STATE names a folder that keeps the states for the next run; the
// large one takes some minutes to build for ten millions.
func BenchmarkLiveCoupons(b *testing.B) {
	large := benchCoupons(b, 0)
	if large == 0 {
		b.Skip("set SCRIP_BENCH_COUPONS, and SCRIP_BENCH_STATE to keep the state")
	}
	states := []*benchLedger{openBench(b, smallState), openBench(b, large)}
	for _, size := range []int{256, blockTxs} {
		b.Run(fmt.Sprintf("block=%d", size), func(b *testing.B) {
			var spent [2]time.Duration
			for _, x := range states { // leave the loading and what it left to merge behind
				x.turn(b, size)
			}
			b.ResetTimer()
			for range b.N {
				for i, x := range states {
					spent[i] += x.turn(b, size)
				}
			}
			perTx := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N*(roundTxs/size)*size) }
			b.ReportMetric(perTx(spent[0]), "cpu-us/tx-small")
			b.ReportMetric(perTx(spent[1]), "cpu-us/tx-large")
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
			signature := signatureCost(b)
			b.ReportMetric(signature, "cpu-us/signature")
			b.ReportMetric((perTx(spent[1])+signature)/(perTx(spent[0])+signature), "ratio-with-signatures")
			b.ReportMetric(float64(residentBytes())/(1<<20), "rss-MiB")
		})
	}
}

// signatureCost returns the processor time, in microseconds, of checking one
// signature of a key that was never seen, in batches as nodes check them.
func signatureCost(b *testing.B) float64 {
	const batches, size = 10, 512
	rng := rand.NewChaCha8([32]byte{2})
	items := make([]sig.Item, batches*size)
	for i := range items {
		public, private, err := ed25519.GenerateKey(rng)
		if err != nil {
			b.Fatal(err)
		}
		message := make([]byte, 200)
		items[i] = sig.Item{Key: (*[32]byte)(public), Message: message,
			Signature: (*[64]byte)(ed25519.Sign(private, message))}
	}
	v := sig.NewVerifier(0)
	start := cpuTime(b)
	for batch := range slices.Chunk(items, size) {
		if !v.VerifyBatch(batch) {
			b.Fatal("good signatures do not verify")
		}
	}
	return float64((cpuTime(b) - start).Microseconds()) / float64(len(items))
}

// turn executes transfers in blocks of a size and returns the processor time until
// the process is idle again. Making the transfers is not counted.
func (x *benchLedger) turn(b *testing.B, size int) time.Duration {
	blocks := make([][][]byte, roundTxs/size)
	for i := range blocks {
		blocks[i] = x.transfers(size, i)
	}
	runtime.GC()
	quiet(b)
	start := cpuTime(b)
	for _, raws := range blocks {
		x.execute(b, x.checked(b, raws), false)
	}
	quiet(b)
	return cpuTime(b) - start
}

// quiet returns when the process has done next to nothing for some looks in a row.
func quiet(b *testing.B) {
	for calm, last := 0, cpuTime(b); calm < quietLooks; {
		time.Sleep(quietLookEvery)
		now := cpuTime(b)
		if calm++; now-last > quietLookEvery/10 {
			calm = 0
		}
		last = now
	}
}

// BenchmarkBlock takes blocks of 5,000 transfers from bytes to a durable state:
// decoded, judged, hashed and stored by a synced write. The state is of 100,000
// live coupons, or of SCRIP_BENCH_COUPONS. Signatures are checked at the door, once
// for each transaction and node, and so not here.
func BenchmarkBlock(b *testing.B) {
	x := openBench(b, benchCoupons(b, smallState))
	var decode, rules, tree, commit, cpu time.Duration
	for b.Loop() {
		b.StopTimer()
		raws := x.transfers(blockTxs, 0)
		b.StartTimer()
		cpu -= cpuTime(b)
		start := time.Now()
		lap := func(d *time.Duration) {
			now := time.Now()
			*d += now.Sub(start)
			start = now
		}
		batch := x.checked(b, raws)
		lap(&decode)
		txs := make([]*coupon.Tx, len(batch.Txs))
		for i, tx := range batch.Txs {
			txs[i] = decoded(tx)
		}
		x.m.warm(txs)
		done := x.m.rules.Apply(reader{x.m}, coupon.Block{Height: batch.Height, TimeMs: batch.TimeMs, Txs: txs})
		x.m.keepBuckets(done.SeenAdded, done.SeenDropped)
		lap(&rules)
		r, err := x.m.result(done, batch)
		if err != nil {
			b.Fatal(err)
		}
		lap(&tree)
		x.commit(b, batch, &r, true)
		lap(&commit)
		cpu += cpuTime(b)
		allAccepted(b, &r)
	}
	report := func(d time.Duration, unit string) { b.ReportMetric(d.Seconds()*1000/float64(b.N), unit) }
	report(b.Elapsed(), "ms/block")
	report(cpu, "cpu-ms/block")
	report(decode, "decode-ms")
	report(rules, "rules-ms")
	report(tree, "tree+index-ms")
	report(commit, "roots+commit-ms")
}

// BenchmarkMachineSpeed is one verification by crypto/ed25519: what other figures
// of this machine and hour are to be read beside.
func BenchmarkMachineSpeed(b *testing.B) {
	public, private, err := ed25519.GenerateKey(rand.NewChaCha8([32]byte{1}))
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, 64)
	signature := ed25519.Sign(private, message)
	for b.Loop() {
		if !ed25519.Verify(public, message, signature) {
			b.Fatal("a good signature does not verify")
		}
	}
}

// transfers returns transfers of random coupons for the block that so many come
// before.
func (x *benchLedger) transfers(n, before int) [][]byte {
	expires := x.nextMs() + uint64(before)*benchStepMs + benchLifeMs
	raws := make([][]byte, 0, n)
	for len(raws) < n {
		serial := uint32(x.rng.IntN(x.coupons) + 1)
		seq := x.seq[serial]
		x.seq[serial]++
		from := coupon.Signer{Key: benchHolder(serial, seq), Sign: x.fake}
		raws = append(raws, x.chain.NewTransfer(expires, coupon.Transfer{
			Coupon: coupon.NewCouponID(benchCampaign, serial), Seq: seq, Mover: from.Key,
			To: benchHolder(serial, seq+1)}, from))
	}
	return raws
}

// allAccepted fails if a transaction was refused.
func allAccepted(b testing.TB, r *node.Result) {
	for i := range r.Receipts {
		if o, err := coupon.DecodeReceipt(r.Receipts[i]); err != nil || o.Code != coupon.OK {
			b.Fatalf("receipt %d: %+v, %v", i, o, err)
		}
	}
}

func (x *benchLedger) fake([]byte) (s [64]byte) {
	binary.LittleEndian.PutUint64(s[:], x.rng.Uint64())
	return s
}

// residentBytes returns the memory of this process, 0 where that is not known.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
