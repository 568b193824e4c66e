package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard stands between Pebble and the disk. It moves the seal within the very
// syncs by which Pebble comes to rely on its files: when Pebble goes on, and drops
// what it no longer needs, the seal on disk says what it needs from then on. A crash
// in between leaves the seal of a moment before, all of which is still there.
//
// A failed write or sync freezes the disk: nothing more is written, so that what is
// there is what a crash leaves. Pebble is told that all is well, since what it does
// otherwise ends the process or waits for ever, and the alarm is raised: nothing that
// was called after the failure is ever reported to be done. Reads go on.
type guard struct {
	vfs.FS // the disk
	dir    string
	alarm  *alarm

	mu    sync.Mutex // guards all below
	seal  seal       // as on disk, but the files, which are ahead of it
	held  bool       // the ledger has a seal; else it is from before there were any
	off   bool       // no seal is written: see LedgerConfig.unguarded
	found uint64     // sequence of the seal that was there
	lists map[string]fileSum
	moved bool // the marker of the next list is there, if not yet durably
	// finished says that a write-ahead log is closed and not yet sealed.
	finished bool

	// archive is made durable before anything of Pebble's that refers to it.
	archive atomic.Pointer[archive]

	// unread are the sealed tables that the start has not read as a whole, the newest
	// first: they are scrub's.
	unread []fileSum

	// memory takes the tables of memory tables that are full once the disk is frozen:
	// Pebble would hold back whoever writes until they are there.
	memory *vfs.MemFS
}

// newGuard compares the files in dir with their seal, and seals what it found. Of
// tables it reads so many bytes as a whole, and leaves the rest to scrub. A ledger
// from before there were seals, which has none, is sealed by begin.
func newGuard(disk vfs.FS, dir string, openBytes int64, a *alarm) (*guard, error) {
	g := &guard{FS: disk, dir: dir, alarm: a, lists: map[string]fileSum{}, memory: vfs.NewMem()}
	names, err := disk.List(dir)
	if err != nil {
		return nil, err
	}
	found, err := readSeal(disk, dir, names)
	if err != nil {
		return nil, err
	}
	switch {
	case found != nil:
		g.seal, g.found, g.held = *found, found.sequence, true
	case slices.ContainsFunc(names, hasContents):
		g.seal.files = map[string]fileSum{}
	default:
		g.seal.files, g.held = map[string]fileSum{}, true
	}
	if err := g.verify(names, openBytes); err != nil {
		return nil, err
	}
	if g.held {
		return g, g.write()
	}
	return g, nil
}

// noGuard lets everything pass: a ledger of any seal, and one without.
func noGuard(disk vfs.FS, dir string, a *alarm) *guard {
	return &guard{FS: disk, dir: dir, alarm: a, held: true, off: true, found: math.MaxUint64,
		seal: seal{files: map[string]fileSum{}}}
}

// hasContents tells the files that only a ledger with contents has.
func hasContents(name string) bool {
	return isTable(name) || isList(name) || isWAL(name) || isSegment(name) || strings.HasPrefix(name, "marker.")
}

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}
func isList(name string) bool { return strings.HasPrefix(name, "MANIFEST-") }
func isWAL(name string) bool  { return strings.HasSuffix(name, ".log") }

// listMarker begins the name of the empty file whose name ends with that of the
// list in force. Of several the one of the highest number counts.
const listMarker = "marker.manifest."

// listInForce returns the name of the list in force, "" without any.
func listInForce(names []string) (list string) {
	highest := uint64(0)
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, listMarker)
		number, value, _ := strings.Cut(rest, ".")
		if n, err := strconv.ParseUint(number, 10, 64); ok && err == nil && n >= highest {
			highest, list = n, value
		}
	}
	return list
}

// verify compares list and tables with the seal, and then takes into it what Pebble
// may have finished since.
func (g *guard) verify(names []string, openBytes int64) error {
	scratch := make([]byte, sumBufferBytes)
	list := listInForce(names)
	if g.held {
		want := g.seal.list
		if g.seal.next.name != "" && list == g.seal.next.name {
			want = g.seal.next
		}
		if list != want.name {
			return fmt.Errorf("%w: its list of tables is %q, it was %q", ErrDamaged, list, want.name)
		}
		if want.name != "" {
			if err := want.check(g.FS, g.dir, false, scratch, nil); err != nil {
				return err
			}
		}
		if err := g.verifyFiles(names, openBytes, scratch); err != nil {
			return err
		}
	}
	g.seal.list, g.seal.next = fileSum{}, fileSum{}
	if list != "" {
		sum, err := g.adopt(list, scratch)
		if err != nil {
			return err
		}
		g.seal.list = sum
	}
	for _, name := range names {
		if _, known := g.seal.files[name]; (isTable(name) || isWAL(name)) && !known {
			sum, err := g.adopt(name, scratch)
			if err != nil {
				return err
			}
			g.seal.files[name] = sum
		}
	}
	return nil
}

// verifyFiles checks the sealed tables that are there, and after them the finished
// segments of the archive, the newest first while there are bytes left to read. The
// segments and the write-ahead logs all must be there.
func (g *guard) verifyFiles(names []string, openBytes int64, scratch []byte) error {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	for _, name := range g.seal.names() {
		sum := g.seal.files[name]
		if isTable(name) && !there[name] {
			delete(g.seal.files, name)
			continue
		}
		if isSegment(name) && !there[name] {
			return fmt.Errorf("%w: %s is gone", ErrDamaged, name)
		}
		if openBytes -= sum.length; openBytes < 0 && !isWAL(name) {
			g.unread = append(g.unread, sum)
			continue
		}
		if err := sum.check(g.FS, g.dir, !isWAL(name), scratch, nil); err != nil {
			return err
		}
	}
	return nil
}

// names returns the sealed files in the order in which they are read: the newest first,
// and the archive last.
func (s *seal) names() []string {
	return slices.SortedFunc(maps.Keys(s.files), func(a, b string) int {
		if isSegment(a) != isSegment(b) {
			if isSegment(a) {
				return 1
			}
			return -1
		}
		return strings.Compare(b, a)
	})
}

// addSegment seals a finished segment of the archive.
func (g *guard) addSegment(sum fileSum) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seal.files[sum.name] = sum
	return g.write()
}

// dropSegments seals that segments are about to be cut or removed. Only opening does
// that, before anything is scrubbed.
func (g *guard) dropSegments(names ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	sealed := len(g.seal.files)
	for _, name := range names {
		delete(g.seal.files, name)
	}
	if len(g.seal.files) == sealed {
		return nil
	}
	g.unread = slices.DeleteFunc(g.unread, func(sum fileSum) bool { return slices.Contains(names, sum.name) })
	return g.write()
}

// archived makes the archive durable.
func (g *guard) archived() error {
	if a := g.archive.Load(); a != nil {
		return a.sync()
	}
	return nil
}

// adopt makes durable what a file holds, and returns its sum.
func (g *guard) adopt(name string, scratch []byte) (fileSum, error) {
	path := g.PathJoin(g.dir, name)
	if _, err := g.Stat(path); err != nil { // opening to write would make one
		return fileSum{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	f, err := g.FS.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fileSum{}, fmt.Errorf("sync %s: %w", name, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fileSum{}, fmt.Errorf("sync %s: %w", name, err)
	}
	length, crc, err := sumFile(g.FS, path, math.MaxInt64, scratch, nil)
	if err != nil {
		return fileSum{}, fmt.Errorf("read %s: %w", name, err)
	}
	return fileSum{name, length, crc}, nil
}

// write puts the seal on disk under the next number. g.mu is held, or nobody else
// knows g yet.
func (g *guard) write() error {
	if !g.held || g.off || g.alarm.frozen.Load() {
		return nil
	}
	next := g.seal
	next.sequence++
	if err := next.write(g.FS, g.dir); err != nil {
		g.freeze("seal the ledger", err)
		return err
	}
	g.seal.sequence = next.sequence
	return nil
}

// begin seals a ledger that has shown what it is.
func (g *guard) begin() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.seal.begun = true, true
	return g.write()
}

// raise seals that nothing up to a height can be lost.
func (g *guard) raise(t *tip) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seal.synced > t.height {
		return nil
	}
	g.seal.synced, g.seal.root = t.height+1, t.root
	return g.write()
}

func (g *guard) sequence() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seal.sequence
}

// freeze ends all writing.
func (g *guard) freeze(what string, err error) {
	g.alarm.frozen.Store(true)
	g.alarm.raise(fmt.Errorf("%s: %w", what, err))
}

// must freezes the disk after a failed operation of which Pebble must not hear.
func (g *guard) must(what string, err error) error {
	if err != nil {
		g.freeze(what, err)
	}
	return nil
}

// errFrozen is what making a table gives on a frozen disk. Pebble tries again later.
var errFrozen = errors.New("store: nothing is written after a failed write")

// flushCategory is what Pebble names the tables that it makes of memory tables.
const flushCategory vfs.DiskWriteCategory = "pebble-memtable-flush"

// Open implements vfs.FS.
func (g *guard) Open(path string, options ...vfs.OpenOption) (vfs.File, error) {
	if name := g.PathBase(path); g.alarm.frozen.Load() && isTable(name) {
		if f, err := g.memory.Open(name, options...); err == nil {
			return f, nil
		}
	}
	return g.FS.Open(path, options...)
}

// Create implements vfs.FS.
func (g *guard) Create(path string, category vfs.DiskWriteCategory) (vfs.File, error) {
	name := g.PathBase(path)
	marker := strings.HasPrefix(name, "marker.")
	if g.alarm.frozen.Load() {
		if marker || isWAL(name) || isList(name) {
			return sink{}, nil
		}
		if category == flushCategory {
			return g.memory.Create(name, category)
		}
		return nil, errFrozen
	}
	if strings.HasPrefix(name, listMarker) {
		if err := g.announce(listInForce([]string{name})); err != nil {
			g.freeze("move the list of tables", err)
			return sink{}, nil
		}
	}
	if isWAL(name) {
		if err := g.nextWAL(""); err != nil {
			g.freeze("create "+name, err)
			return sink{}, nil
		}
	}
	f, err := g.FS.Create(path, category)
	if err != nil {
		g.freeze("create "+name, err)
		if marker || isWAL(name) || isList(name) {
			return sink{}, nil
		}
		return nil, err
	}
	if strings.HasPrefix(name, listMarker) {
		g.mu.Lock()
		g.moved = true
		g.mu.Unlock()
	}
	return g.watch(name, f), nil
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(oldPath, newPath string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if g.alarm.frozen.Load() {
		return sink{}, nil
	}
	err := g.nextWAL(g.PathBase(oldPath))
	var f vfs.File
	if err == nil {
		f, err = g.FS.ReuseForWrite(oldPath, newPath, category)
	}
	if err != nil {
		g.freeze("create "+g.PathBase(newPath), err)
		return sink{}, nil
	}
	return g.watch(g.PathBase(newPath), f), nil
}

func (g *guard) watch(name string, f vfs.File) vfs.File {
	switch {
	case isTable(name), isList(name):
		return &summedFile{File: f, g: g, sum: fileSum{name: name}}
	case isWAL(name):
		return &walFile{File: f, g: g, sum: fileSum{name: name}}
	}
	return f
}

// announce seals that a list will take the place of the present one.
func (g *guard) announce(list string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	sum, ok := g.lists[list]
	if !ok {
		return fmt.Errorf("%s was not synced", list)
	}
	g.seal.next = sum
	return g.write()
}

// synced notes that a table or list is durable, and seals it if Pebble relies on
// the list.
func (g *guard) synced(sum fileSum) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if isTable(sum.name) {
		g.seal.files[sum.name] = sum
		return nil
	}
	g.lists[sum.name] = sum
	if sum.name != g.seal.list.name {
		return nil
	}
	g.seal.list = sum
	return g.write()
}

// nextWAL seals, before a new write-ahead log is begun, those that are finished, but
// the one that it takes the place of. Pebble plays what logs it finds, and does not
// miss one.
func (g *guard) nextWAL(reused string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, sealed := g.seal.files[reused]; !sealed && !g.finished {
		return nil
	}
	delete(g.seal.files, reused)
	g.finished = false
	return g.write()
}

// finish notes what a finished write-ahead log is known to hold.
func (g *guard) finish(sum fileSum) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seal.files[sum.name], g.finished = sum, true
}

// dropWAL seals that a write-ahead log is needed no more.
func (g *guard) dropWAL(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, sealed := g.seal.files[name]; !sealed {
		return nil
	}
	delete(g.seal.files, name)
	return g.write()
}

// OpenDir implements vfs.FS.
func (g *guard) OpenDir(path string) (vfs.File, error) {
	f, err := g.FS.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &guardedDir{File: f, g: g}, nil
}

// guardedDir seals the change of lists once the marker is durable.
type guardedDir struct {
	vfs.File
	g *guard
}

// Sync implements vfs.File.
func (d *guardedDir) Sync() error {
	g := d.g
	if g.alarm.frozen.Load() {
		return nil
	}
	g.mu.Lock()
	next, moved := g.seal.next.name, g.moved
	g.mu.Unlock()
	if err := d.File.Sync(); err != nil {
		return g.must("sync the directory", err)
	}
	if !moved {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.moved || g.seal.next.name != next {
		return nil
	}
	g.seal.list, g.seal.next, g.moved = g.lists[next], fileSum{}, false
	return g.must("seal the list of tables", g.write())
}

// Remove implements vfs.FS.
func (g *guard) Remove(path string) error {
	if g.alarm.frozen.Load() {
		return nil
	}
	name := g.PathBase(path)
	if isWAL(name) {
		if err := g.dropWAL(name); err != nil {
			return g.must("remove "+name, err)
		}
		return g.FS.Remove(path)
	}
	g.mu.Lock()
	delete(g.lists, name)
	delete(g.seal.files, name)
	g.mu.Unlock()
	return g.FS.Remove(path)
}

// RemoveAll implements vfs.FS.
func (g *guard) RemoveAll(path string) error {
	if g.alarm.frozen.Load() {
		return nil
	}
	return g.FS.RemoveAll(path)
}

// Rename implements vfs.FS.
func (g *guard) Rename(oldPath, newPath string) error {
	if g.alarm.frozen.Load() {
		return errFrozen
	}
	return g.FS.Rename(oldPath, newPath)
}

// Link implements vfs.FS.
func (g *guard) Link(oldPath, newPath string) error {
	if g.alarm.frozen.Load() {
		return errFrozen
	}
	return g.FS.Link(oldPath, newPath)
}

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

// summedFile is a table or a list as it is written.
type summedFile struct {
	vfs.File
	g   *guard
	sum fileSum
}

// Write implements vfs.File.
func (f *summedFile) Write(p []byte) (int, error) {
	list := isList(f.sum.name)
	if f.g.alarm.frozen.Load() {
		if list {
			return len(p), nil
		}
		return 0, errFrozen
	}
	crc := crc32.Update(f.sum.crc, castagnoli, p) // before the disk may change p
	n, err := f.File.Write(p)
	if err != nil {
		f.g.freeze("write "+f.sum.name, err)
		if list {
			return len(p), nil
		}
		return n, err
	}
	f.sum.length, f.sum.crc = f.sum.length+int64(n), crc
	return n, nil
}

// Sync implements vfs.File.
func (f *summedFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData implements vfs.File.
func (f *summedFile) SyncData() error { return f.sync(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *summedFile) SyncTo(length int64) (fullSync bool, err error) {
	if f.g.alarm.frozen.Load() {
		return true, f.frozen()
	}
	return f.File.SyncTo(length)
}

func (f *summedFile) frozen() error {
	if isList(f.sum.name) {
		return nil
	}
	return errFrozen
}

func (f *summedFile) sync(sync func() error) error {
	if f.g.alarm.frozen.Load() {
		return f.frozen()
	}
	err := f.g.archived()
	if err == nil {
		err = sync()
	}
	if err == nil {
		err = f.g.synced(f.sum)
	}
	if err != nil {
		f.g.freeze("sync "+f.sum.name, err)
		if isList(f.sum.name) {
			return nil
		}
	}
	return err
}

// walFile is a write-ahead log as it is written. What is in it refers to the archive,
// which is durable before it: no crash leaves a block whose bytes are not there.
type walFile struct {
	vfs.File
	g      *guard
	sum    fileSum
	synced fileSum
}

// Write implements vfs.File.
func (f *walFile) Write(p []byte) (int, error) {
	if f.g.alarm.frozen.Load() {
		return len(p), nil
	}
	if err := f.g.archived(); err != nil {
		f.g.freeze("write "+f.sum.name, err)
		return len(p), nil
	}
	crc := crc32.Update(f.sum.crc, castagnoli, p) // before the disk may change p
	if _, err := f.File.Write(p); err != nil {
		f.g.freeze("write "+f.sum.name, err)
		return len(p), nil
	}
	f.sum.length, f.sum.crc = f.sum.length+int64(len(p)), crc
	return len(p), nil
}

// Sync implements vfs.File.
func (f *walFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData implements vfs.File.
func (f *walFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *walFile) sync(sync func() error) error {
	return f.try("sync ", func() error {
		err := sync()
		if err == nil {
			f.synced = f.sum
		}
		return err
	})
}

// SyncTo implements vfs.File.
func (f *walFile) SyncTo(length int64) (fullSync bool, err error) {
	err = f.try("sync ", func() (err error) {
		fullSync, err = f.File.SyncTo(length)
		return err
	})
	return fullSync, err
}

// Stat implements vfs.File. Pebble asks for the length of a log that it uses again.
func (f *walFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return emptyInfo{}, f.g.must("stat "+f.sum.name, err)
	}
	return info, nil
}

// Preallocate implements vfs.File.
func (f *walFile) Preallocate(offset, length int64) error {
	return f.try("make room for ", func() error { return f.File.Preallocate(offset, length) })
}

// Close implements vfs.File.
func (f *walFile) Close() error {
	if err := f.File.Close(); err != nil {
		return f.g.must("close "+f.sum.name, err)
	}
	if f.synced.length > 0 && !f.g.alarm.frozen.Load() {
		f.g.finish(f.synced)
	}
	return nil
}

func (f *walFile) try(what string, do func() error) error {
	if f.g.alarm.frozen.Load() {
		return nil
	}
	return f.g.must(what+f.sum.name, do())
}

// sink takes what a frozen disk does not.
type sink struct{}

var _ vfs.File = sink{}

func (sink) Close() error                            { return nil }
func (sink) Read([]byte) (int, error)                { return 0, errFrozen }
func (sink) ReadAt([]byte, int64) (int, error)       { return 0, errFrozen }
func (sink) Write(p []byte) (int, error)             { return len(p), nil }
func (sink) WriteAt(p []byte, _ int64) (int, error)  { return len(p), nil }
func (sink) Preallocate(int64, int64) error          { return nil }
func (sink) Stat() (vfs.FileInfo, error)             { return emptyInfo{}, nil }
func (sink) Sync() error                             { return nil }
func (sink) SyncTo(int64) (fullSync bool, err error) { return true, nil }
func (sink) SyncData() error                         { return nil }
func (sink) Prefetch(int64, int64) error             { return nil }
func (sink) Fd() uintptr                             { return vfs.InvalidFd }

// emptyInfo is about a sink.
type emptyInfo struct{}

func (emptyInfo) Name() string           { return "" }
func (emptyInfo) Size() int64            { return 0 }
func (emptyInfo) Mode() fs.FileMode      { return 0 }
func (emptyInfo) ModTime() time.Time     { return time.Time{} }
func (emptyInfo) IsDir() bool            { return false }
func (emptyInfo) Sys() any               { return nil }
func (emptyInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }

// isMachines reports whether an error of opening is no sign of damage: no room, no
// right, no file or memory left, a disk that does not answer.
func isMachines(err error) bool {
	return slices.ContainsFunc([]error{fs.ErrPermission, syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE,
		syscall.ENOMEM, syscall.EROFS, syscall.EAGAIN, syscall.EIO, ErrLocked, ErrVersion, ErrForeign},
		func(e error) bool { return errors.Is(err, e) })
}
