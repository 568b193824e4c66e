//go:build unix

package store

import (
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	archiveBlocks = flag.Int("store.archiveblocks", 96, "blocks of 1,000 transactions that are written in one turn")
	archiveTurns  = flag.Int("store.archiveturns", 3, "turns with and without the archive")
)

// countingFS counts the bytes that are written.
type countingFS struct {
	vfs.FS
	written *atomic.Int64
}

func (c countingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, category)
	return countingFile{f, c.written}, err
}

func (c countingFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.OpenReadWrite(name, category, o...)
	return countingFile{f, c.written}, err
}

func (c countingFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.ReuseForWrite(from, to, category)
	return countingFile{f, c.written}, err
}

type countingFile struct {
	vfs.File
	written *atomic.Int64
}

func (f countingFile) Write(p []byte) (int, error) {
	f.written.Add(int64(len(p)))
	return f.File.Write(p)
}

func (f countingFile) WriteAt(p []byte, off int64) (int, error) {
	f.written.Add(int64(len(p)))
	return f.File.WriteAt(p, off)
}

// BenchmarkArchiveOfBlocks writes blocks of 1,000 transactions with the archive and
// with blocks as values of Pebble, in turn: medians of the bytes written and kept and of
// the processor time for each transaction, until everything is merged.
func BenchmarkArchiveOfBlocks(b *testing.B) {
	for b.Loop() {
		var of [2][3][]float64 // without and with; written, kept, processors
		for turn := range *archiveTurns {
			for i := range 2 {
				which := (turn + i) % 2
				written, kept, took := archiveTurn(b, which == 0)
				per := float64(*archiveBlocks) * 1000
				for k, x := range []float64{float64(written) / per, float64(kept) / per, float64(took[1].Microseconds()) / per} {
					of[which][k] = append(of[which][k], x)
				}
			}
		}
		for which, name := range []string{"before", "after"} {
			for k, unit := range []string{"written-B/tx", "kept-B/tx", "cpu-us/tx"} {
				slices.Sort(of[which][k])
				b.ReportMetric(of[which][k][*archiveTurns/2], unit+"-"+name)
			}
		}
		b.ReportMetric(0, "ns/op")
	}
}

func archiveTurn(b *testing.B, unarchived bool) (written, kept int64, took spent) {
	b.Helper()
	dir, count := b.TempDir(), &atomic.Int64{}
	l, err := OpenLedger(LedgerConfig{Dir: dir, Chain: testChain, unarchived: unarchived,
		FS: countingFS{vfs.Default, count}})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for height := uint64(1); height <= uint64(*archiveBlocks); height++ {
		block := loadedBlock(rng, height)
		took.stopwatch(b, func() error { return l.Commit(block, false) })
		if height%32 == 0 {
			took.stopwatch(b, l.Sync)
		}
	}
	took.stopwatch(b, l.db.Flush)
	took.stopwatch(b, func() error { return l.db.Compact(b.Context(), []byte{0}, []byte{255}, false) })
	written = count.Load()
	if err := errors.Join(l.Close()); err != nil {
		b.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if info, infoErr := e.Info(); err == nil && infoErr == nil && (isTable(e.Name()) || isSegment(e.Name())) {
			kept += info.Size()
		}
		return err
	})
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		b.Fatal(err)
	}
	return written, kept, took
}
