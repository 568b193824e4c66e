//go:build unix

package store

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

var (
	guardBlocks = flag.Int("store.guardblocks", 64, "blocks of 1,000 transactions that are written in one turn")
	guardTurns  = flag.Int("store.guardturns", 15, "turns with and without the seal")
	guardMiB    = flag.Int64("store.guardmib", 256, "size of the ledger that is opened")
)

// openAt opens a ledger with the defaults of a node, with its seal or without.
func openAt(b *testing.B, dir string, unguarded bool) *Ledger {
	b.Helper()
	l, err := OpenLedger(LedgerConfig{Dir: dir, Chain: testChain, unguarded: unguarded})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// spent is the time that something took: of the clock, and of the processors.
type spent [2]time.Duration

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// stopwatch adds what do takes.
func (s *spent) stopwatch(b *testing.B, do func() error) {
	b.Helper()
	began, used := time.Now(), cpuTime(b)
	if err := do(); err != nil {
		b.Fatal(err)
	}
	s[0], s[1] = s[0]+time.Since(began), s[1]+cpuTime(b)-used
}

// turns measures with and without, in turn, each as often first as the other. Of both
// times it reports the medians in ms, and the median of the ratios of neighbours with
// their quartiles: on a busy machine single turns say nothing.
func turns(b *testing.B, per int, measure func(unguarded bool) spent) {
	var took [2][]spent
	for turn := range *guardTurns {
		for i := range 2 {
			which := (turn + i) % 2
			took[which] = append(took[which], measure(which == 1))
		}
	}
	for clock, unit := range []string{"ms", "cpu-ms"} {
		var ratios []float64
		var ms [2][]float64
		for turn := range *guardTurns {
			ratios = append(ratios, float64(took[0][turn][clock])/float64(took[1][turn][clock]))
			for which := range 2 {
				ms[which] = append(ms[which], float64(took[which][turn][clock])/float64(per)/float64(time.Millisecond))
			}
		}
		for _, of := range [][]float64{ratios, ms[0], ms[1]} {
			slices.Sort(of)
		}
		n := *guardTurns
		b.ReportMetric(ms[0][n/2], unit+"-sealed")
		b.ReportMetric(ms[1][n/2], unit+"-unsealed")
		b.ReportMetric(ratios[n/2], unit+"-ratio")
		b.ReportMetric(ratios[n/4], unit+"-ratio-q1")
		b.ReportMetric(ratios[n-1-n/4], unit+"-ratio-q3")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSealOfBlocks writes blocks of 1,000 transactions into ledgers with and
// without a seal, in turn, and syncs every 32 of them; a turn ends when everything is
// in tables. Making the blocks is not counted.
func BenchmarkSealOfBlocks(b *testing.B) {
	for b.Loop() {
		turns(b, *guardBlocks, func(unguarded bool) (took spent) {
			dir := b.TempDir()
			l, rng := openAt(b, dir, unguarded), rand.New(rand.NewPCG(1, 1))
			for height := uint64(1); height <= uint64(*guardBlocks); height++ {
				block := loadedBlock(rng, height)
				took.stopwatch(b, func() error { return l.Commit(block, false) })
				if height%32 == 0 {
					took.stopwatch(b, l.Sync)
				}
			}
			took.stopwatch(b, func() error { return errors.Join(l.db.Flush(), l.Close()) })
			if err := os.RemoveAll(dir); err != nil {
				b.Fatal(err)
			}
			return took
		})
	}
}

// BenchmarkSealAtAStart opens a ledger with the comparison with its seal, and a copy
// without, in turn, while the machine has their files in memory.
func BenchmarkSealAtAStart(b *testing.B) {
	dir := b.TempDir()
	l, rng := openAt(b, dir, false), rand.New(rand.NewPCG(1, 1))
	height := uint64(0)
	for dirBytes(b, dir) < *guardMiB<<20 {
		height++
		if err := l.Commit(loadedBlock(rng, height), false); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	twin := b.TempDir()
	if err := os.CopyFS(twin, os.DirFS(dir)); err != nil {
		b.Fatal(err)
	}
	which := map[bool]string{false: dir, true: twin}
	for b.Loop() {
		turns(b, 1, func(unguarded bool) (took spent) {
			var l *Ledger
			took.stopwatch(b, func() error { l = openAt(b, which[unguarded], unguarded); return nil })
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			return took
		})
	}
	b.ReportMetric(float64(dirBytes(b, dir))/(1<<20), "MiB")
	b.ReportMetric(float64(height), "blocks")
}

func dirBytes(b *testing.B, dir string) (n int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		info, infoErr := os.Stat(path)
		if err == nil && infoErr == nil && !e.IsDir() {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		b.Fatal(fmt.Errorf("size of %s: %w", dir, err))
	}
	return n
}
