package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"path/filepath"
	"slices"
	"testing"
)

// testArchive is an archive on a disk that can crash, and what stands elsewhere of it:
// where it ends, and the sums of its finished segments.
type testArchive struct {
	*archive
	promised archiveEnd // what a synced write-ahead log would say
	sealed   map[string]fileSum
}

const testSegmentBytes = 2000

func newTestArchive(disk *Mem, before *testArchive) (*testArchive, error) {
	x := &testArchive{sealed: map[string]fileSum{}}
	if before != nil {
		x.promised, x.sealed = before.promised, maps.Clone(before.sealed)
	}
	x.archive = &archive{fs: disk, dir: testDir, chain: testChain, bytesMax: testSegmentBytes,
		finished: func(sum fileSum) error { x.sealed[sum.name] = sum; return nil }}
	return x, x.open(x.promised, func(names ...string) error {
		for _, name := range names {
			delete(x.sealed, name)
		}
		return nil
	})
}

// archivedPart is part i of block height in a test, of sizes from none to some sectors.
func archivedPart(height uint64, i int) []byte {
	return testFrame(int(height)*7+i, int(height*31+uint64(i)*97)%400)
}

func archivedBlock(height uint64) *frame {
	f := &frame{kind: frameBlock, first: height, count: 1}
	for i := range f.parts {
		f.parts[i] = archivedPart(height, i)
	}
	return f
}

// add appends the next block, and syncs and promises it if told to.
func (x *testArchive) add(promise bool) error {
	end, err := x.append(archivedBlock(x.end.next))
	if err == nil && promise {
		if err = x.sync(); err == nil {
			x.promised = end
		}
	}
	return err
}

// holdsUpTo compares the archive with what was appended to it, block by block.
func (x *testArchive) holdsUpTo(t *testing.T, next uint64) {
	t.Helper()
	for height := range next {
		b, ok, err := x.read(height, 1<<partCount-1)
		if err != nil || !ok {
			t.Fatalf("block %d of %d: %v, %v", height, next, ok, err)
		}
		for i := range partCount {
			if !bytes.Equal(b[i], archivedPart(height, i)) {
				t.Fatalf("part %d of block %d is another", i, height)
			}
			alone, _, err := x.read(height, 1<<i)
			if err != nil || !bytes.Equal(alone[i], b[i]) {
				t.Fatalf("part %d of block %d alone: %v", i, height, err)
			}
		}
	}
	for _, height := range []uint64{next, next + 1, 1 << 63} {
		if _, ok, err := x.read(height, wantHeader); ok || err != nil || x.holds(height) {
			t.Fatalf("block %d, and the next is %d: %v, %v", height, next, ok, err)
		}
	}
}

// sealHolds compares the files with the sums that were sealed.
func (x *testArchive) sealHolds(t *testing.T, disk *Mem) {
	t.Helper()
	for name, sum := range x.sealed {
		content, err := disk.ReadFile(filepath.Join(testDir, name))
		if err != nil || int64(len(content)) != sum.length || crc32.Checksum(content, castagnoli) != sum.crc {
			t.Fatalf("%s is not what was sealed: %v", name, err)
		}
	}
}

func emptyDisk() *Mem {
	disk := NewMem()
	disk.mkdir(testDir)
	return disk
}

// runArchive appends blocks over several segments, syncs now and then, and opens it
// anew, with something behind its end, until the first error.
func runArchive(disk *Mem) (x *testArchive, err error) {
	if x, err = newTestArchive(disk, nil); err != nil {
		return x, err
	}
	for i := range 12 {
		if err := x.add(i%3 > 0); err != nil {
			return x, err
		}
	}
	if err := x.add(false); err != nil {
		return x, err
	}
	again, err := newTestArchive(disk, x)
	if err != nil {
		// What the unfinished opening has unsealed stays so.
		x.sealed = again.sealed
		return x, err
	}
	for range 6 {
		if err := again.add(true); err != nil {
			return again, err
		}
	}
	return again, nil
}

// recoverArchive opens an archive after a crash: what was promised is there and
// nothing else, and stays there whatever comes.
func recoverArchive(t *testing.T, disk *Mem, before *testArchive) {
	t.Helper()
	x, err := newTestArchive(disk, before)
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	next := before.promised.next
	x.holdsUpTo(t, next)
	x.sealHolds(t, disk)
	for range 3 {
		if err := x.add(true); err != nil {
			t.Fatal(err)
		}
	}
	again, err := newTestArchive(disk.Crash(CrashClean, 0), x)
	if err != nil {
		t.Fatalf("open after another crash: %v", err)
	}
	again.holdsUpTo(t, next+3)
}

// Power fails at every operation, in every manner.
func TestArchiveKeepsWhatWasPromised(t *testing.T) {
	clean := emptyDisk()
	if _, err := runArchive(clean); err != nil {
		t.Fatal(err)
	}
	cases, kinds := 0, map[CrashKind]uint64{CrashClean: 1, CrashTorn: 12, CrashNames: 6, CrashMixed: 12}
	for kind, seeds := range kinds {
		for op := range clean.Ops() {
			disk := emptyDisk()
			disk.CrashAt(op)
			before, err := runArchive(disk)
			if !errors.Is(err, ErrCrashed) {
				t.Fatalf("operation %d: %v", op, err)
			}
			for seed := range seeds {
				cases++
				if !t.Run("", func(t *testing.T) { recoverArchive(t, disk.Crash(kind, seed), before) }) {
					t.Fatalf("crash kind %d at operation %d of %d, seed %d", kind, op, clean.Ops(), seed)
				}
			}
		}
	}
	t.Logf("%d operations, %d crashes", clean.Ops(), cases)
}

// Whatever lies behind the promised end is cut, at every byte of a frame that was
// being written; what is short of it is damage.
func TestArchiveIsCutAtItsEnd(t *testing.T) {
	disk := emptyDisk()
	x, err := newTestArchive(disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := x.add(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.add(false); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(testDir, segmentName(0))
	whole, err := disk.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	end := int(x.promised.size)
	for size := range whole {
		torn := emptyDisk()
		torn.WriteFile(name, whole[:size])
		again, err := newTestArchive(torn, x)
		if size < end {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("cut at %d of %d: %v", size, end, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("torn at %d behind %d: %v", size, end, err)
		}
		again.holdsUpTo(t, 2)
		if left, _ := torn.ReadFile(name); len(left) != end {
			t.Fatalf("torn at %d: %d bytes are left of %d", size, len(left), end)
		}
	}
}

// A byte that is another is found when the archive is opened, if it is in the last
// segment, and else when it is read: no read ever gives something else.
func TestArchiveShowsNoOtherByte(t *testing.T) {
	disk := emptyDisk()
	x, err := newTestArchive(disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	for x.promised.segments < 1 || x.promised.next < 4 {
		if err := x.add(true); err != nil {
			t.Fatal(err)
		}
	}
	for _, first := range []uint64{0, x.promised.first} {
		name := filepath.Join(testDir, segmentName(first))
		whole, err := disk.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := range whole {
			f := disk.Crash(CrashClean, 0)
			bad := bytes.Clone(whole)
			bad[at] ^= 0x10
			f.WriteFile(name, bad)
			again, err := newTestArchive(f, x)
			if first > 0 {
				if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrForeign) {
					t.Fatalf("byte %d of the last segment: %v", at, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("byte %d of a finished segment, which the seal looks at: %v", at, err)
			}
			again.showsNothingElse(t, at)
		}
	}
}

func (x *testArchive) showsNothingElse(t *testing.T, at int) {
	t.Helper()
	for height := range x.end.next {
		b, ok, err := x.read(height, 1<<partCount-1)
		if !ok && !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: block %d: %v", at, height, err)
		}
		for i := range partCount {
			if ok && !bytes.Equal(b[i], archivedPart(height, i)) {
				t.Fatalf("byte %d: part %d of block %d is another", at, i, height)
			}
		}
	}
}

// Segments that are missing, too many or another chain's are told.
func TestArchiveMissesASegment(t *testing.T) {
	disk := emptyDisk()
	x, err := newTestArchive(disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	for x.promised.segments < 3 {
		if err := x.add(true); err != nil {
			t.Fatal(err)
		}
	}
	names, err := disk.List(testDir)
	if err != nil || len(names) != 4 || !slices.IsSorted(names) {
		t.Fatalf("%q, %v", names, err)
	}
	for _, name := range names {
		f := disk.Crash(CrashClean, 0)
		if err := f.Remove(filepath.Join(testDir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := newTestArchive(f, x); !errors.Is(err, ErrDamaged) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	more := disk.Crash(CrashClean, 0)
	behind := filepath.Join(testDir, segmentName(x.promised.next+5))
	more.WriteFile(behind, []byte("of blocks that were never relied on"))
	if again, err := newTestArchive(more, x); err != nil {
		t.Error(err)
	} else if _, err := more.ReadFile(behind); err == nil {
		t.Error("a segment above the end is still there")
	} else {
		again.holdsUpTo(t, x.promised.next)
	}
	other := *x
	other.promised.next++
	if _, err := newTestArchive(disk.Crash(CrashClean, 0), &other); !errors.Is(err, ErrDamaged) {
		t.Errorf("a block too few: %v", err)
	}
}

// Names of segments order as their heights, and nothing else looks like one.
func TestSegmentsAreNamedByTheirFirstHeight(t *testing.T) {
	for _, first := range []uint64{0, 1, 99, 1 << 40, 1<<64 - 1} {
		if got, ok := segmentFirst(segmentName(first)); !ok || got != first || !isSegment(segmentName(first)) {
			t.Errorf("%s: %d, %v", segmentName(first), got, ok)
		}
	}
	for _, name := range []string{"", "blocks-1.seg", segmentNewName, "blocks-0000000000000000000x.seg",
		"blocks--0000000000000000001.seg", "blocks-99999999999999999999.seg", "000001.sst", segmentName(7) + ".bak"} {
		if isSegment(name) {
			t.Errorf("%q is a segment", name)
		}
	}
	if segmentName(9) >= segmentName(10) {
		t.Error(fmt.Sprint(segmentName(9), " after ", segmentName(10)))
	}
}
