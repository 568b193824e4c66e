package store

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Memory of a Table.
const (
	tableCacheBytes    = 8 << 20
	tableMemTableBytes = 4 << 20
)

// Table is a sorted table of rows on Pebble, for the notes of programs that run beside
// nodes; a node's own state is a Ledger. What Write was told to sync survives a power
// cut; a batch is there as a whole or not at all. A failed sync ends the process. It is
// safe for concurrent use.
type Table struct {
	db   *pebble.DB
	lock io.Closer
}

// Change is one change of a Table: a row's new value, or with nil its end.
type Change struct {
	Key, Value []byte
}

// OpenTable opens the table in a folder, which it makes if need be. Errors: ErrLocked if
// another process has it; ErrDamaged; or the machine's.
func OpenTable(dir string) (*Table, error) {
	fail := func(err error) (*Table, error) { return nil, fmt.Errorf("open table %s: %w", dir, err) }
	if err := (OS{}).MkdirAll(dir); err != nil {
		return fail(err)
	}
	lock, err := OS{}.Lock(filepath.Join(dir, "table.lock")) // Pebble's own does not tell who has it
	if err != nil {
		return fail(err)
	}
	t, err := openTable(dir, vfs.Default)
	if err != nil {
		return fail(errors.Join(err, lock.Close()))
	}
	t.lock = lock
	return t, nil
}

func openTable(dir string, fs vfs.FS) (t *Table, err error) {
	db, err := pebble.Open(dir, &pebble.Options{FS: fs, CacheSize: tableCacheBytes, MemTableSize: tableMemTableBytes,
		FormatMajorVersion: pebble.FormatTableFormatV6, Logger: tableLogger{}})
	if err != nil && !isMachines(err) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &Table{db: db, lock: io.NopCloser(nil)}, err
}

// Close ends the table. It must not be used any more.
func (t *Table) Close() error { return errors.Join(t.db.Close(), t.lock.Close()) }

// Get returns the value of a row, nil if there is none.
func (t *Table) Get(key []byte) ([]byte, error) {
	value, closer, err := t.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a row: %w", err)
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// Scan visits the rows whose keys begin with a prefix, ascending, until visit returns
// false. Key and value are visit's own.
func (t *Table) Scan(prefix []byte, visit func(key, value []byte) bool) (err error) {
	it, err := t.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	defer func() {
		if failed := errors.Join(it.Error(), it.Close()); failed != nil {
			err = fmt.Errorf("read rows: %w", failed)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		if !visit(append([]byte{}, it.Key()...), append([]byte{}, it.Value()...)) {
			break
		}
	}
	return nil
}

// prefixEnd returns the first key behind all with a prefix, nil if there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := append([]byte{}, prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// Write makes changes, all or none. With sync they survive a power cut once it returns;
// without, a crash may lose the last ones, in the order in which they were written.
func (t *Table) Write(sync bool, changes ...Change) error {
	b := t.db.NewBatch()
	defer func() { _ = b.Close() }()
	for _, c := range changes {
		var err error
		if c.Value == nil {
			err = b.Delete(c.Key, nil)
		} else {
			err = b.Set(c.Key, c.Value, nil)
		}
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	options := pebble.NoSync
	if sync {
		options = pebble.Sync
	}
	if err := t.db.Apply(b, options); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// tableLogger says nothing, but ends the process where Pebble cannot go on.
type tableLogger struct{}

// Infof implements pebble.Logger.
func (tableLogger) Infof(string, ...any) {}

// Errorf implements pebble.Logger: whoever reads or writes gets the error.
func (tableLogger) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger.
func (tableLogger) Fatalf(format string, args ...any) {
	panic("store: table: " + fmt.Sprintf(format, args...))
}
