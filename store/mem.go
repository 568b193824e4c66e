package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
)

// ErrCrashed is returned by every operation of a Mem from its crash on.
var ErrCrashed = errors.New("store: the simulated machine is down")

// memSectorBytes is the unit in which a crash keeps or loses data within one
// write.
const memSectorBytes = 512

// CrashKind says what a simulated loss of power does to what was not synced.
type CrashKind int

const (
	// CrashClean loses everything that was not synced.
	CrashClean CrashKind = iota
	// CrashTorn keeps all names; of unsynced data it keeps nothing, all, a
	// part up to any byte, or single sectors with zeros between.
	CrashTorn
	// CrashNames keeps all data; of the unsynced creations, renames and
	// removals in a directory each happened or did not.
	CrashNames
	// CrashMixed is CrashTorn and CrashNames together.
	CrashMixed
)

// Mem is a file system in memory that can crash. It counts the operations that
// change something (Create, Write, Sync, Rename, Remove, SyncDir), so that a
// test can crash or fail at every single one. Directories are durable once made.
// It is safe for concurrent use; the zero value is not usable, see NewMem.
type Mem struct {
	mu     sync.Mutex
	dirs   map[string]*memDir
	locks  map[string]bool
	ops    int
	fail   map[int]error // by index of the operation
	down   bool
	downAt int // index of the operation during which power fails, -1 = never
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{dirs: map[string]*memDir{}, locks: map[string]bool{}, fail: map[int]error{}, downAt: -1}
}

type memDir struct {
	names   map[string]*memNode
	durable map[string]*memNode
	pending []memNameOp // since the last SyncDir, in order
}

// memNameOp removes the name old, if there is one, and lets set name node, if
// there is one.
type memNameOp struct {
	old, set string
	node     *memNode
}

func (d *memDir) apply(op memNameOp) {
	op.applyTo(d.names)
	d.pending = append(d.pending, op)
}

func (op memNameOp) applyTo(names map[string]*memNode) {
	if op.old != "" {
		delete(names, op.old)
	}
	if op.set != "" {
		names[op.set] = op.node
	}
}

type memNode struct {
	data    []byte
	durable []byte
	clean   int // data[:clean] is not waiting for a Sync
}

// Ops returns the number of operations counted so far; the next one has this
// index.
func (m *Mem) Ops() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ops
}

// FailAt makes the operation of index op return err. A failed Write leaves half
// of its bytes. A failed Sync drops the unsynced data as kernels do: they can
// still be read, but no later Sync will write them.
func (m *Mem) FailAt(op int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail[op] = err
}

// CrashAt takes power away during the operation of index op: its effect is
// unsynced at best, and every later operation returns ErrCrashed.
func (m *Mem) CrashAt(op int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.downAt = op
}

// begin counts one operation. With an error the operation must not take effect,
// except as the caller models it; crashed asks for the effect and then
// ErrCrashed.
func (m *Mem) begin() (crashed bool, err error) {
	if m.down {
		return false, ErrCrashed
	}
	op := m.ops
	m.ops++
	if op == m.downAt {
		m.down = true
		return true, nil
	}
	return false, m.fail[op]
}

func crashError(crashed bool) error {
	if crashed {
		return ErrCrashed
	}
	return nil
}

// Crash returns what is left on disk after a loss of power at this moment.
// Open files of m and its locks mean nothing there.
func (m *Mem) Crash(kind CrashKind, seed uint64) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 0x5c12))
	out := NewMem()
	for _, dir := range slices.Sorted(maps.Keys(m.dirs)) {
		d := m.dirs[dir]
		names := maps.Clone(d.durable)
		for _, op := range d.pending {
			if kind == CrashTorn || kind != CrashClean && rng.IntN(2) == 0 {
				op.applyTo(names)
			}
		}
		left := make(map[string]*memNode, len(names))
		for _, name := range slices.Sorted(maps.Keys(names)) {
			data := names[name].crash(kind, rng)
			left[name] = &memNode{data: data, durable: slices.Clone(data), clean: len(data)}
		}
		out.dirs[dir] = &memDir{names: left, durable: maps.Clone(left)}
	}
	return out
}

func (n *memNode) crash(kind CrashKind, rng *rand.Rand) []byte {
	unsynced := len(n.data) - n.clean
	whole := func() []byte {
		left := make([]byte, len(n.data))
		copy(left, n.durable)
		copy(left[n.clean:], n.data[n.clean:])
		return left
	}
	switch {
	case unsynced == 0 || kind == CrashClean:
		return slices.Clone(n.durable)
	case kind == CrashNames:
		return whole()
	}
	switch rng.IntN(4) {
	case 0:
		return slices.Clone(n.durable)
	case 1:
		return whole()
	case 2:
		return whole()[:n.clean+rng.IntN(unsynced+1)]
	}
	left := whole()
	for at := n.clean; at < len(left); {
		end := min(len(left), (at/memSectorBytes+1)*memSectorBytes)
		if rng.IntN(2) == 0 {
			clear(left[at:end])
		}
		at = end
	}
	return left
}

// Kill returns the file system as another process finds it when the present one
// is killed: nothing is lost, but what was unsynced still is, and locks are free.
func (m *Mem) Kill() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := NewMem()
	nodes := map[*memNode]*memNode{}
	clone := func(n *memNode) *memNode {
		if n != nil && nodes[n] == nil {
			nodes[n] = &memNode{data: slices.Clone(n.data), durable: slices.Clone(n.durable), clean: n.clean}
		}
		return nodes[n]
	}
	for dir, d := range m.dirs {
		c := &memDir{names: map[string]*memNode{}, durable: map[string]*memNode{}}
		for name, n := range d.names {
			c.names[name] = clone(n)
		}
		for name, n := range d.durable {
			c.durable[name] = clone(n)
		}
		for _, op := range d.pending {
			c.pending = append(c.pending, memNameOp{old: op.old, set: op.set, node: clone(op.node)})
		}
		out.dirs[dir] = c
	}
	return out
}

// ReadFile returns a copy of the contents of name.
func (m *Mem) ReadFile(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, n, err := m.find("read", name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.data), nil
}

// WriteFile gives name, new or not, the contents data, durably and uncounted:
// for tests that damage a disk.
func (m *Mem) WriteFile(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.mkdir(filepath.Dir(name))
	n := &memNode{data: slices.Clone(data), durable: slices.Clone(data), clean: len(data)}
	d.names[filepath.Base(name)] = n
	d.durable[filepath.Base(name)] = n
}

func (m *Mem) mkdir(dir string) *memDir {
	dir = filepath.Clean(dir)
	if m.dirs[dir] == nil {
		m.dirs[dir] = &memDir{names: map[string]*memNode{}, durable: map[string]*memNode{}}
	}
	return m.dirs[dir]
}

// find returns the directory of name, and the node if the name is in use. The
// error is fs.ErrNotExist for either.
func (m *Mem) find(what, name string) (*memDir, *memNode, error) {
	d := m.dirs[filepath.Dir(filepath.Clean(name))]
	if d == nil {
		return nil, nil, fmt.Errorf("%s %s: %w", what, name, fs.ErrNotExist)
	}
	n := d.names[filepath.Base(name)]
	if n == nil {
		return d, nil, fmt.Errorf("%s %s: %w", what, name, fs.ErrNotExist)
	}
	return d, n, nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return ErrCrashed
	}
	m.mkdir(dir)
	return nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	crashed, err := m.begin()
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	d, n, err := m.find("create", name)
	if d == nil {
		return nil, err
	}
	if n != nil {
		return nil, fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	n = &memNode{}
	d.apply(memNameOp{set: filepath.Base(name), node: n})
	return &memFile{m: m, n: n}, crashError(crashed)
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, ErrCrashed
	}
	_, n, err := m.find("open", name)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n}, nil
}

// Rename implements FS.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	crashed, err := m.begin()
	if err != nil {
		return fmt.Errorf("rename %s: %w", oldName, err)
	}
	d, n, err := m.find("rename", oldName)
	if err != nil {
		return err
	}
	d.apply(memNameOp{old: filepath.Base(oldName), set: filepath.Base(newName), node: n})
	return crashError(crashed)
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, _, err := m.find("remove", name)
	if err != nil && !m.down {
		return err
	}
	crashed, err := m.begin()
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	d.apply(memNameOp{old: filepath.Base(name)})
	return crashError(crashed)
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	crashed, err := m.begin()
	if crashed {
		return ErrCrashed
	}
	if err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	d := m.dirs[filepath.Clean(dir)]
	if d == nil {
		return fmt.Errorf("sync directory %s: %w", dir, fs.ErrNotExist)
	}
	d.durable, d.pending = maps.Clone(d.names), nil
	return nil
}

// List returns the names in dir.
func (m *Mem) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, ErrCrashed
	}
	d := m.dirs[filepath.Clean(dir)]
	if d == nil {
		return nil, fmt.Errorf("list %s: %w", dir, fs.ErrNotExist)
	}
	return slices.Sorted(maps.Keys(d.names)), nil
}

// Lock implements FS.
func (m *Mem) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, ErrCrashed
	}
	if m.locks[name] {
		return nil, fmt.Errorf("lock %s: %w", name, ErrLocked)
	}
	m.locks[name] = true
	return memLock{m: m, name: name}, nil
}

type memLock struct {
	m    *Mem
	name string
}

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.name)
	return nil
}

type memFile struct {
	m *Mem
	n *memNode
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	crashed, err := f.m.begin()
	if errors.Is(err, ErrCrashed) {
		return 0, err
	}
	if err != nil {
		f.n.data = append(f.n.data, p[:len(p)/2]...)
		return len(p) / 2, fmt.Errorf("write: %w", err)
	}
	f.n.data = append(f.n.data, p...)
	return len(p), crashError(crashed)
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.m.down {
		return 0, ErrCrashed
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.m.down {
		return 0, ErrCrashed
	}
	return int64(len(f.n.data)), nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	crashed, err := f.m.begin()
	if crashed {
		return ErrCrashed
	}
	n := f.n
	if err != nil {
		n.clean = len(n.data)
		return fmt.Errorf("sync: %w", err)
	}
	n.durable = append(n.durable, make([]byte, len(n.data)-len(n.durable))...)
	copy(n.durable[n.clean:], n.data[n.clean:])
	n.clean = len(n.data)
	return nil
}

func (f *memFile) Close() error { return nil }
