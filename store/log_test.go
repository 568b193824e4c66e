package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

var (
	testID   = LogID{Chain: [32]byte{1, 2, 3}, Key: [32]byte{9, 8, 7}}
	testDir  = "node"
	testPath = filepath.Join(testDir, logName)
)

func mustCreate(t testing.TB, fsys FS, frames ...[]byte) *Log {
	t.Helper()
	l, err := CreateLog(fsys, testDir, testID, frames...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustOpen(t testing.TB, fsys FS) *Log {
	t.Helper()
	l, err := OpenLog(fsys, testDir, testID)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustAppend(t testing.TB, l *Log, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if err := l.Append(f); err != nil {
			t.Fatal(err)
		}
	}
}

func framesOf(t testing.TB, l *Log) [][]byte {
	t.Helper()
	var got [][]byte
	err := l.Frames(func(f []byte) error {
		got = append(got, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// testFrame has size bytes that depend on n.
func testFrame(n, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(n*31 + i*7 + i>>8)
	}
	return b
}

func sameFrames(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// logModel follows a log: what it must hold, and what it may hold instead
// because the operation that was to bring it about did not return.
type logModel struct {
	exists bool // CreateLog has returned
	held   [][]byte
	maybe  [][]byte // nil: nothing was under way
	last   uint64   // what LastFrame said, at every time
}

// runLog works on a log through every kind of operation until the first error.
func runLog(fsys FS) (m logModel, err error) {
	var l *Log
	do := func(next [][]byte, op func() error) {
		if err != nil {
			return
		}
		m.maybe = next
		if err = op(); err == nil {
			m.held, m.maybe = next, nil
		}
		if l != nil {
			m.last = l.LastFrame()
		}
	}
	first := [][]byte{testFrame(0, 40)}
	do(first, func() (err error) {
		l, err = CreateLog(fsys, testDir, testID, first...)
		return err
	})
	m.exists = err == nil
	n := 1
	appendAll := func(sizes ...int) {
		for _, size := range sizes {
			f := testFrame(n, size)
			n++
			do(append(append([][]byte(nil), m.held...), f), func() error { return l.Append(f) })
		}
	}
	appendAll(1, 300, 1500, 484)
	reopen := func() {
		do(m.held, func() (err error) {
			if err := l.Close(); err != nil {
				return err
			}
			l, err = OpenLog(fsys, testDir, testID)
			return err
		})
	}
	reopen()
	appendAll(100, 3000)
	whole := [][]byte{testFrame(100, 700), testFrame(101, 5)}
	do(whole, func() error { return l.Compact(whole...) })
	appendAll(60, 900)
	again := [][]byte{testFrame(102, 30)}
	do(again, func() error { return l.Compact(again...) })
	reopen()
	appendAll(2)
	if err == nil {
		err = l.Close()
	}
	return m, err
}

// checkRecovered opens the log after a crash and holds it against the model:
// what was acknowledged is there, nothing is invented.
func checkRecovered(t *testing.T, disk *Mem, m logModel) {
	t.Helper()
	l, err := OpenLog(disk, testDir, testID)
	if errors.Is(err, ErrAmnesic) && !m.exists {
		return
	}
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	if l.LastFrame() < m.last {
		t.Fatalf("the last frame is %d after a crash, before it was said to be %d", l.LastFrame(), m.last)
	}
	got := framesOf(t, l)
	if !(m.exists && sameFrames(got, m.held)) && !(m.maybe != nil && sameFrames(got, m.maybe)) {
		t.Fatalf("%d frames after a crash, want %d or %d", len(got), len(m.held), len(m.maybe))
	}
	// What was read must stay, whatever comes: another crash at once, and
	// another after one more frame.
	next := testFrame(7, 700)
	again := mustOpen(t, disk.Crash(CrashClean, 0))
	if !sameFrames(framesOf(t, again), got) {
		t.Fatal("frames read after a crash were not durable")
	}
	mustAppend(t, l, next)
	again = mustOpen(t, disk.Crash(CrashClean, 0))
	if !sameFrames(framesOf(t, again), append(got, next)) {
		t.Fatal("a frame appended after a crash is not there after the next")
	}
}

// B1, B2, B4 and section 7: power fails at every operation, in every manner.
func TestLogKeepsWhatItAcknowledged(t *testing.T) {
	clean := NewMem()
	if _, err := runLog(clean); err != nil {
		t.Fatal(err)
	}
	if m, _ := runLog(NewMem()); m.last != 13 { // ten frames, and three that replaced others
		t.Errorf("the last frame is %d", m.last)
	}
	total := clean.Ops()
	kinds := map[CrashKind]uint64{CrashClean: 1, CrashTorn: 40, CrashNames: 10, CrashMixed: 40}
	cases := 0
	for kind, seeds := range kinds {
		for op := range total {
			disk := NewMem()
			disk.CrashAt(op)
			m, err := runLog(disk)
			if !errors.Is(err, ErrCrashed) {
				t.Fatalf("operation %d: %v", op, err)
			}
			for seed := range seeds {
				cases++
				if !t.Run("", func(t *testing.T) { checkRecovered(t, disk.Crash(kind, seed), m) }) {
					t.Fatalf("crash kind %d at operation %d of %d, seed %d", kind, op, total, seed)
				}
			}
		}
	}
	t.Logf("%d operations, %d crashes", total, cases)
}

// B4: the last frame is torn at every byte.
func TestLogCutsInterruptedTail(t *testing.T) {
	disk := NewMem()
	l := mustCreate(t, disk, testFrame(0, 10))
	mustAppend(t, l, testFrame(1, 100))
	keep := int(l.Bytes())
	mustAppend(t, l, testFrame(2, 200))
	data, err := disk.ReadFile(testPath)
	if err != nil {
		t.Fatal(err)
	}
	for size := keep; size < len(data); size++ {
		for _, zeros := range []int{0, len(data) - size} {
			torn := NewMem()
			torn.WriteFile(testPath, append(bytes.Clone(data[:size]), make([]byte, zeros)...))
			l := mustOpen(t, torn)
			if got := framesOf(t, l); len(got) != 2 {
				t.Fatalf("torn at %d of %d, %d zeros: %d frames", size, len(data), zeros, len(got))
			}
			if l.CutBytes() != int64(size-keep+zeros) {
				t.Fatalf("torn at %d: cut %d", size, l.CutBytes())
			}
			mustAppend(t, l, testFrame(3, 50))
			if got := framesOf(t, l); len(got) != 3 || !bytes.Equal(got[2], testFrame(3, 50)) {
				t.Fatal("the frame after the cut is not there")
			}
		}
	}
}

// B5, B8: every byte of a log whose last frame is intact is flipped in turn.
func TestLogNeverSkipsDamage(t *testing.T) {
	disk := NewMem()
	l := mustCreate(t, disk, testFrame(0, 10))
	mustAppend(t, l, testFrame(1, 50), testFrame(2, 600))
	last := int(l.Bytes())
	mustAppend(t, l, testFrame(3, 70))
	data, err := disk.ReadFile(testPath)
	if err != nil {
		t.Fatal(err)
	}
	for i := range last {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			bad := bytes.Clone(data)
			bad[i] ^= flip
			disk := NewMem()
			disk.WriteFile(testPath, bad)
			_, err := OpenLog(disk, testDir, testID)
			version := i >= 8 && i < 12
			if version && !errors.Is(err, ErrVersion) || !version && !errors.Is(err, ErrAmnesic) {
				t.Fatalf("byte %d flipped by %#x: %v", i, flip, err)
			}
			if left, _ := disk.ReadFile(testPath); !bytes.Equal(left, bad) {
				t.Fatalf("byte %d: the evidence was changed", i)
			}
		}
	}
	// The last frame: cut or amnesic, but never read with other contents.
	for i := last; i < len(data); i++ {
		bad := bytes.Clone(data)
		bad[i] ^= 0x10
		disk := NewMem()
		disk.WriteFile(testPath, bad)
		l, err := OpenLog(disk, testDir, testID)
		if errors.Is(err, ErrAmnesic) {
			continue
		}
		if err != nil || len(framesOf(t, l)) != 3 {
			t.Fatalf("byte %d of the last frame: %v", i, err)
		}
	}
}

func TestLogIsAmnesicWithoutItsFrames(t *testing.T) {
	disk := NewMem()
	l := mustCreate(t, disk, testFrame(0, 10))
	var ends []int64
	for n := 1; n < 6; n++ {
		ends = append(ends, l.Bytes())
		mustAppend(t, l, testFrame(n, 80))
	}
	data, err := disk.ReadFile(testPath)
	if err != nil {
		t.Fatal(err)
	}
	splice := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	foreign := NewMem()
	other := mustCreate(t, foreign, testFrame(0, 10))
	mustAppend(t, other, testFrame(1, 80))
	otherData, err := foreign.ReadFile(testPath)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]byte{
		"gap in the sequence":   splice(data[:ends[1]], data[ends[2]:]),
		"frame twice":           splice(data[:ends[2]], data[ends[1]:]),
		"two frames exchanged":  splice(data[:ends[1]], data[ends[2]:ends[3]], data[ends[1]:ends[2]], data[ends[3]:]),
		"frame of zeros inside": splice(data[:ends[1]], make([]byte, ends[2]-ends[1]), data[ends[2]:]),
		"two last frames damaged": splice(
			data[:ends[3]+40], []byte{1}, data[ends[3]+41:ends[4]+3], []byte{0}, data[ends[4]+4:]),
		"earlier frame at the end":  splice(data, data[ends[2]:ends[3]]),
		"header cut":                data[:logHeaderBytes-1],
		"empty file":                nil,
		"header of another log":     splice(otherData[:logHeaderBytes], data[logHeaderBytes:]),
		"header of another, longer": splice(otherData, data[logHeaderBytes:]),
	}
	for name, bad := range cases {
		t.Run(name, func(t *testing.T) {
			disk := NewMem()
			disk.WriteFile(testPath, bad)
			l, err := OpenLog(disk, testDir, testID)
			if name == "header of another log" || name == "header of another, longer" {
				// Frames of another log are no evidence of lost ones here.
				if err == nil && len(framesOf(t, l)) > 2 {
					t.Fatal("frames of another log were taken")
				}
				return
			}
			if !errors.Is(err, ErrAmnesic) {
				t.Fatalf("open: %v", err)
			}
		})
	}
}

// Section 7: a log is created with its key and never by the running node.
func TestLogIsNeverMadeByOpening(t *testing.T) {
	disk := NewMem()
	for range 2 {
		if _, err := OpenLog(disk, testDir, testID); !errors.Is(err, ErrAmnesic) {
			t.Fatalf("open nothing: %v", err)
		}
	}
	l := mustCreate(t, disk, testFrame(0, 10))
	if _, err := OpenLog(disk, testDir, testID); !errors.Is(err, ErrLocked) {
		t.Fatalf("open twice: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateLog(disk, testDir, testID); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("create twice: %v", err)
	}
	for _, id := range []LogID{{Chain: testID.Chain}, {Key: testID.Key}} {
		if _, err := OpenLog(disk, testDir, id); !errors.Is(err, ErrAmnesic) {
			t.Fatalf("open with another identity: %v", err)
		}
	}
	if err := disk.Remove(testPath); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(disk, testDir, testID); !errors.Is(err, ErrAmnesic) {
		t.Fatalf("open a wiped directory: %v", err)
	}
}

// B3, B7: every single operation fails once; nothing is retried, and what was
// acknowledged before is still there after a restart and a crash.
func TestLogIsPoisonedByFailure(t *testing.T) {
	clean := NewMem()
	if _, err := runLog(clean); err != nil {
		t.Fatal(err)
	}
	for op := range clean.Ops() {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
			disk := NewMem()
			disk.FailAt(op, cause)
			m, err := runLog(disk)
			if !errors.Is(err, cause) {
				t.Fatalf("operation %d: %v", op, err)
			}
			checkRecovered(t, disk.Crash(CrashClean, 0), m)
			// The process only: the next one sees what the kernel shows, and
			// what it reads must be durable however the kernel came by it.
			checkRecovered(t, disk.Kill(), m)
		}
	}
}

func TestLogStaysPoisoned(t *testing.T) {
	for _, write := range []bool{true, false} {
		disk := NewMem()
		l := mustCreate(t, disk)
		op := disk.Ops()
		if !write {
			op++
		}
		disk.FailAt(op, syscall.EIO)
		if err := l.Append(testFrame(1, 10)); !errors.Is(err, ErrPoisoned) || !errors.Is(err, syscall.EIO) {
			t.Fatalf("append: %v", err)
		}
		before := disk.Ops()
		calls := map[string]error{
			"append":  l.Append(testFrame(2, 10)),
			"compact": l.Compact(testFrame(2, 10)),
			"frames":  l.Frames(func([]byte) error { return nil }),
			"err":     l.Err(),
		}
		for name, err := range calls {
			if !errors.Is(err, ErrPoisoned) {
				t.Errorf("%s afterwards: %v", name, err)
			}
		}
		if disk.Ops() != before {
			t.Error("the disk was touched again")
		}
	}
}

// Where the file of a compaction cannot be made, as without a descriptor left, the
// log is what it was: it goes on, and is compacted the next time.
func TestACompactionThatCannotBeginLeavesTheLogAlone(t *testing.T) {
	disk := NewMem()
	l := mustCreate(t, disk)
	mustAppend(t, l, testFrame(1, 10))
	for op := range 2 { // remove what a crash has left, create
		if op == 0 {
			if f, err := disk.Create(filepath.Join(testDir, logNewName)); err != nil {
				t.Fatal(err)
			} else if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		disk.FailAt(disk.Ops(), syscall.EMFILE)
		err := l.Compact(testFrame(2, 10))
		if !errors.Is(err, ErrNotBegun) || !errors.Is(err, syscall.EMFILE) || l.Err() != nil {
			t.Fatalf("step %d: %v, and then %v", op, err, l.Err())
		}
		if op == 0 {
			if err := disk.Remove(filepath.Join(testDir, logNewName)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustAppend(t, l, testFrame(3, 10))
	if !sameFrames(framesOf(t, l), [][]byte{testFrame(1, 10), testFrame(3, 10)}) {
		t.Fatal("the log has changed")
	}
	if err := l.Compact(testFrame(4, 10)); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, testFrame(5, 10))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l = mustOpen(t, disk); !sameFrames(framesOf(t, l), [][]byte{testFrame(4, 10), testFrame(5, 10)}) {
		t.Error("the log that was compacted later")
	}
}

// An operator is told the name of the file that is there, though it was another
// one when the file was made.
func TestErrorsOfTheLogNameTheLog(t *testing.T) {
	dir := t.TempDir()
	l, err := CreateLog(OS{}, dir, testID)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, testFrame(1, 10))
	if err := l.file.Close(); err != nil { // every later write fails
		t.Fatal(err)
	}
	readErr, err := l.Frames(func([]byte) error { return nil }), l.Append(testFrame(1, 10))
	for _, err := range []error{err, readErr} {
		var at *fs.PathError
		if !errors.As(err, &at) || at.Path != filepath.Join(dir, logName) {
			t.Errorf("the error names another file: %v", err)
		}
	}
	_ = l.Close() // the file is closed
}

// B16: the writer's limit is the reader's, and the largest frame comes back.
func TestLogFrameSizes(t *testing.T) {
	dir := t.TempDir()
	l, err := CreateLog(OS{}, dir, testID)
	if err != nil {
		t.Fatal(err)
	}
	large := make([]byte, FrameBytesMax+1)
	for _, bad := range [][]byte{nil, large} {
		if err := l.Append(bad); !errors.Is(err, ErrFrameSize) {
			t.Fatalf("append %d bytes: %v", len(bad), err)
		}
		if err := l.Compact(testFrame(1, 1), bad); !errors.Is(err, ErrFrameSize) {
			t.Fatalf("compact %d bytes: %v", len(bad), err)
		}
	}
	large = large[:FrameBytesMax]
	large[FrameBytesMax-1] = 5
	mustAppend(t, l, large, testFrame(1, 10))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = OpenLog(OS{}, dir, testID); err != nil {
		t.Fatal(err)
	}
	if !sameFrames(framesOf(t, l), [][]byte{large, testFrame(1, 10)}) {
		t.Fatal("the largest frame did not come back")
	}
	if err := l.Compact(testFrame(3, 3)); err != nil {
		t.Fatal(err)
	}
	if !sameFrames(framesOf(t, l), [][]byte{testFrame(3, 3)}) {
		t.Fatal("compacted log")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLogOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l, err := CreateLog(OS{}, dir, testID, testFrame(0, 10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(OS{}, dir, testID); !errors.Is(err, ErrLocked) {
		t.Fatalf("open twice: %v", err)
	}
	mustAppend(t, l, testFrame(1, 5000))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateLog(OS{}, dir, testID); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("create twice: %v", err)
	}
	if l, err = OpenLog(OS{}, dir, testID); err != nil {
		t.Fatal(err)
	}
	if !sameFrames(framesOf(t, l), [][]byte{testFrame(0, 10), testFrame(1, 5000)}) {
		t.Fatal("frames on disk")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// B17: a log of another version is refused and left alone.
func TestLogOfAnotherVersion(t *testing.T) {
	disk := NewMem()
	mustCreate(t, disk, testFrame(0, 10))
	data, err := disk.ReadFile(testPath)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(data[len(logMagic):], LogVersion+1)
	other := NewMem()
	other.WriteFile(testPath, data)
	if _, err := OpenLog(other, testDir, testID); !errors.Is(err, ErrVersion) || errors.Is(err, ErrAmnesic) {
		t.Fatalf("open: %v", err)
	}
}

// FuzzLogReader puts any bytes behind a good header and two frames.
func FuzzLogReader(f *testing.F) {
	l := Log{}
	l.id, l.first, l.mark = testID, 1, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	base := l.encode()
	crc := l.headerCRC()
	for n := range 2 {
		base, crc = l.appendFrame(base, uint64(n+1), crc, testFrame(n, 20))
	}
	third, _ := l.appendFrame(nil, 3, crc, []byte("third"))
	f.Add(third, uint16(len(base)))
	f.Add(third[:20], uint16(len(base)))
	f.Add(make([]byte, 600), uint16(len(base)))
	f.Add([]byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, tail []byte, at uint16) {
		data := append(bytes.Clone(base[:min(int(at), len(base))]), tail...)
		disk := NewMem()
		disk.WriteFile(testPath, data)
		l, err := OpenLog(disk, testDir, testID)
		if err != nil {
			if !errors.Is(err, ErrAmnesic) && !errors.Is(err, ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		got := framesOf(t, l)
		if l.Bytes()+l.CutBytes() != int64(len(data)) {
			t.Fatalf("%d + %d of %d bytes", l.Bytes(), l.CutBytes(), len(data))
		}
		// What was read re-encodes to what stood there.
		again, crc := l.encode(), l.headerCRC()
		for i, frame := range got {
			again, crc = l.appendFrame(again, l.first+uint64(i), crc, frame)
		}
		if !bytes.Equal(again, data[:len(again)]) {
			t.Fatal("frames differ from the file")
		}
		mustAppend(t, l, []byte("next"))
	})
}

func BenchmarkLogAppend(b *testing.B) {
	for _, size := range []int{250, 4 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, err := CreateLog(OS{}, b.TempDir(), testID)
			if err != nil {
				b.Fatal(err)
			}
			frame := testFrame(1, size)
			b.SetBytes(int64(size))
			b.ResetTimer()
			for range b.N {
				if err := l.Append(frame); err != nil {
					b.Fatal(err)
				}
				if l.Bytes() > 64<<20 {
					if err := l.Compact(frame); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
