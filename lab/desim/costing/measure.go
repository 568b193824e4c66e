// Package costing measures what the work of a node costs on this machine, for the
// simulation of package desim: real signatures, hashing, TLS, HTTP, ledger and syncs.
package costing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/lab/desim"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// Measurements are repeated and the least counts: neighbours only add.
const (
	measureRepeats  = 5
	measureLeast    = 30 * time.Millisecond
	measuredTxBytes = 250
)

// Measure measures this machine: signatures, hashing, links on loopback, an
// engine, a ledger and a consensus log in a new folder below dir, with real syncs. It
// takes about half a minute and wants the machine for itself. Other work on the
// processor does little harm, since processor time counts; other work on the disk
// does. What remains of a failed run is removed.
func Measure(ctx context.Context, dir string) (desim.Costs, error) {
	dir, err := os.MkdirTemp(dir, "costs-")
	if err != nil {
		return desim.Costs{}, fmt.Errorf("make a folder for measurements: %w", err)
	}
	c := desim.Costs{Source: desim.Source{
		Machine: fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Date:    time.Now().UTC().Format(time.DateOnly),
		Method: "processor time of this process, the least of five runs each; syncs by the clock, median; a link's and the " +
			"door's cost is half of what both ends take",
	}}
	for _, step := range []func(context.Context, string, *desim.Costs) error{
		measureSignatures, measureHashing, measureEngine, measureLog, measureLedger, measureLinks, measureDoor,
	} {
		if err = errors.Join(err, ctx.Err()); err == nil {
			err = step(ctx, dir, &c)
		}
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return desim.Costs{}, fmt.Errorf("measure costs: %w", err)
	}
	return c, c.Check()
}

// perOp returns the processor time of one of f's n operations in nanoseconds. f is
// run until that takes long enough to be measured.
func perOp(f func(n int) error) (int64, error) {
	best := int64(1 << 62)
	for n, done := 1, 0; done < measureRepeats; {
		before, err := cpuTime()
		if err != nil {
			return 0, err
		}
		if err := f(n); err != nil {
			return 0, err
		}
		after, err := cpuTime()
		if err != nil {
			return 0, err
		}
		if took := after - before; took < measureLeast {
			n *= 2
			continue
		} else if each := took.Nanoseconds() / int64(n); each < best {
			best = each
		}
		done++
	}
	return best, nil
}

// perOpInto is perOp for what cannot fail.
func perOpInto(ns *int64, f func()) error {
	var err error
	*ns, err = perOp(func(n int) error {
		for range n {
			f()
		}
		return nil
	})
	return err
}

func measureSignatures(_ context.Context, _ string, c *desim.Costs) error {
	const keys, most = 32, 512
	message := make([]byte, 96)
	v := sig.NewVerifier(64 * keys)
	items := make([]sig.Item, most)
	for i := range items {
		key := sig.NewKeyFromSeed([sig.SeedSize]byte{byte(i % keys), 9})
		public, signature := key.Public(), key.Sign(message)
		items[i] = sig.Item{Key: &public, Message: message, Signature: &signature}
	}
	key := sig.NewKeyFromSeed([sig.SeedSize]byte{7})
	good := v.VerifyBatch(items) // keys are cached from here on
	if err := perOpInto(&c.SignNs, func() { key.Sign(message) }); err != nil {
		return err
	}
	one := items[0]
	if err := perOpInto(&c.VerifyNs, func() { good = v.Verify(one.Key, one.Message, one.Signature) && good }); err != nil {
		return err
	}
	for _, size := range []int{4, 16, 64, 256, most} {
		var all int64
		if err := perOpInto(&all, func() { good = v.VerifyBatch(items[:size]) && good }); err != nil {
			return err
		}
		c.Batches = append(c.Batches, desim.BatchCost{Size: size, VerifyNs: all / int64(size)})
	}
	if !good {
		return errors.New("a good signature does not verify")
	}
	return measureKeys(message, c)
}

// measureKeys measures what a batch costs more if no key in it was met before.
func measureKeys(message []byte, c *desim.Costs) error {
	warm := c.Batches[len(c.Batches)-1]
	items := make([]sig.Item, warm.Size)
	for i := range items {
		key := sig.NewKeyFromSeed([sig.SeedSize]byte{byte(i), byte(i >> 8), 6})
		public, signature := key.Public(), key.Sign(message)
		items[i] = sig.Item{Key: &public, Message: message, Signature: &signature}
	}
	v := sig.NewVerifier(1)
	good := true
	var all int64
	err := perOpInto(&all, func() {
		for i := range items {
			good = v.ValidKey(*items[i].Key) && good
		}
		good = v.VerifyBatch(items) && good
	})
	if err == nil && !good {
		err = errors.New("a good signature does not verify")
	}
	c.KeyNs = max(0, all/int64(warm.Size)-warm.VerifyNs)
	return err
}

func measureHashing(_ context.Context, _ string, c *desim.Costs) error {
	const count = 1000
	txs := make([][]byte, count)
	for i := range txs {
		txs[i] = make([]byte, measuredTxBytes)
	}
	payload := chain.EncodePayload(txs)
	limits := chain.PayloadLimits{BytesMax: len(payload), TxsMax: count, TxBytesMax: measuredTxBytes}
	var all int64
	err := perOpInto(&all, func() {
		raws, err := chain.DecodePayload(payload, limits)
		if err != nil || len(raws) != count {
			panic("a payload does not decode")
		}
		chain.PayloadRoot(raws)
	})
	if err != nil {
		return err
	}
	c.HashNsPerKiB = all * 1024 / int64(len(payload))
	// A proposal's transaction is found among those known by the hash of its bytes.
	known := make(map[[32]byte]int, 1<<16)
	for i := range 1 << 16 {
		known[sha256.Sum256([]byte{byte(i), byte(i >> 8)})] = i
	}
	ids := make(map[[32]byte]int, count)
	return perOpInto(&c.PayloadNsPerTx, func() {
		h := sha256.Sum256(txs[len(ids)%count])
		ids[h] = known[h]
	})
}

func measureEngine(_ context.Context, _ string, c *desim.Costs) error {
	ns, err := desim.MeasureMessageNs(measureRepeats)
	if err != nil {
		return err
	}
	c.MessageNs = ns
	c.ProposeNs = 10 * ns // taking from the mempool, beside hashing
	return measureTurn(c)
}

// measureTurn measures waking the loop: two goroutines that hand a token over.
func measureTurn(c *desim.Costs) error {
	there, back := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range there {
			back <- struct{}{}
		}
	}()
	err := perOpInto(&c.TurnNs, func() {
		there <- struct{}{}
		<-back
	})
	close(there)
	<-done
	return err
}

func measureLog(ctx context.Context, dir string, c *desim.Costs) error {
	dir = filepath.Join(dir, "log")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	log, err := store.CreateLog(store.OS{}, dir, store.LogID{})
	if err != nil {
		return err
	}
	const small, large, rounds = 1 << 10, 1 << 20, 60
	smallNs, smallCPU, err := measureAppends(ctx, log, small, 4*rounds)
	var largeNs []int64
	var largeCPU int64
	if err == nil {
		largeNs, largeCPU, err = measureAppends(ctx, log, large, rounds)
	}
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	c.SyncNs = smallNs[len(smallNs)/2]
	// A uniform spread of this width has the measured distance from median to p90.
	c.SyncSpreadNs = (smallNs[len(smallNs)*9/10] - c.SyncNs) * 10 / 8
	c.SyncNsPerMiB = max(0, largeNs[len(largeNs)/2]-c.SyncNs)
	c.AppendNs = smallCPU
	c.AppendNsPerKiB = max(0, largeCPU-smallCPU) / 1024
	return nil
}

// measureAppends returns how long synced appends took, ascending, and the processor
// time of one.
func measureAppends(ctx context.Context, log *store.Log, size, rounds int) (took []int64, cpuNs int64, err error) {
	frame := make([]byte, size)
	before, err := cpuTime()
	if err != nil {
		return nil, 0, err
	}
	for range rounds {
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		start := time.Now()
		if err := log.Append(frame); err != nil {
			return nil, 0, err
		}
		took = append(took, time.Since(start).Nanoseconds())
	}
	after, err := cpuTime()
	if err != nil {
		return nil, 0, err
	}
	slices.Sort(took)
	return took, (after - before).Nanoseconds() / int64(rounds), nil
}
