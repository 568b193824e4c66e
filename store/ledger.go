package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Defaults of LedgerConfig. A cache takes memory only as the state grows: that of
// Pebble's blocks has room for the filters and indexes of some ten millions of
// coupons, without which each look-up reads them again.
const (
	BlockCacheBytesDefault = 256 << 20
	MemTableBytesDefault   = 32 << 20
	RowCacheBytesDefault   = 64 << 20
	// PageBlocksDefault and PageBytesDefault say when the pages of the state tree
	// are written: each page once for so many blocks.
	PageBlocksDefault = 64
	PageBytesDefault  = 24 << 20
	// SeenEntriesDefault is what 20,000 transactions a second leave in the
	// 180 seconds for which consumers' ids are remembered, about 300 MB.
	SeenEntriesDefault = 4 << 20
	// OpenBytesDefault are read in about a second if the machine has them in memory.
	OpenBytesDefault = 512 << 20
)

// LedgerVersion is the version of the ledger's keys and values that this package
// writes. A ledger of version 1, whose blocks are values in Pebble, becomes one of
// version 2 when it is opened: its blocks are moved into the archive.
const (
	LedgerVersion      = 2
	ledgerVersionFirst = 1
)

// Errors of a Ledger, compared with errors.Is.
var (
	// ErrNotFound says that the ledger has no such block or certificate.
	ErrNotFound = errors.New("store: not found")
	// ErrHeight says that a block does not follow the last one.
	ErrHeight = errors.New("store: block does not follow")
	// ErrForeign says that the ledger belongs to another chain.
	ErrForeign = errors.New("store: ledger of another chain")
)

// LedgerConfig says where a ledger lies and how much memory it may use. A zero
// number means the default.
type LedgerConfig struct {
	Dir   string
	Chain [32]byte // digest of the chain
	FS    vfs.FS   // nil = the machine's

	BlockCacheBytes int64  // Pebble's blocks as on disk
	MemTableBytes   uint64 // of each of at most four tables
	RowCacheBytes   int64  // rows and pages as values, for reads of the latest state
	SeenEntries     int    // Seen members in memory, about 70 bytes each
	PageBlocks      int    // blocks whose changes of the state tree are in memory only
	PageBytes       int    // bytes of such changes
	OpenBytes       int64  // tables and segments that are read as a whole before anything is shown, see Scrub
	SegmentBytes    int64  // size from which on a segment of the archive is finished
	// Phase is a number in which the members of a chain differ. Each writes tables and
	// pages at times of its own then: all would stop for it at once otherwise, since
	// all have the same to write.
	Phase int

	// Packer, if set, packs blocks without transactions. A ledger that was packed needs it
	// for reading these.
	Packer Packer

	// Audit, if set, is asked about a ledger that was made before there were seals,
	// once, and sees all of it: what it refuses is damaged. Without it such a ledger
	// must only be without gaps.
	Audit func(*View) error

	Logger *slog.Logger // nil = none

	unguarded  bool // no seal and no checks: what they cost is measured against it
	unarchived bool // the first version: what the archive saves is measured against it
	moveBytes  int  // of blocks that are moved in one step; 0 = moveBytesDefault
}

// Ledger is the executed chain of one node. Commit, PutCheckpoint, RestorePages and
// Err belong to one goroutine, the owner; Close too, once all views are closed and
// nobody else calls. Row, Page and Seen belong to the owner and to goroutines that
// help it: they run beside each other, but not beside the owner's other methods. The
// other methods are safe for concurrent use.
type Ledger struct {
	db    *pebble.DB
	lock  *pebble.Lock
	guard *guard
	alarm *alarm
	chain [32]byte
	// archive has the blocks; unarchived, it is empty.
	archive    *archive
	packer     Packer
	begun      bool   // waiting counts
	waiting    uint64 // the first height that is not in the archive
	unarchived bool
	moveBytes  int
	log        *slog.Logger
	cache      rowCache
	seen       *seenTable
	latest     *View
	tip        atomic.Pointer[tip] // nil = empty
	pages      pageTable           // the owner's, but its layers
	// visible guards pages.layers and pages.stale. It is held while a block becomes visible, so that
	// a view's snapshot, tip and pages are of one block.
	visible sync.Mutex
	synced  atomic.Uint64 // height + 1 that is known to be durable, 0 = none
	// scrubbed says that Scrub has failed the ledger: Pebble knows nothing of it.
	scrubbed atomic.Bool
}

// tip is the last block and the state after it.
type tip struct {
	height uint64
	root   [32]byte
}

// The first byte of a key in Pebble names the table. Numbers in keys are
// big-endian, so that they iterate in order.
const (
	tableMeta        = 0x00 // one byte: see below
	tableHeader      = 0x01 // height -> header; this and the next three of blocks that are not in the archive
	tablePayload     = 0x02 // height -> payload
	tableCertificate = 0x03 // height -> commit certificate
	tableReceipts    = 0x04 // height -> receipts
	tableCheckpoint  = 0x05 // height -> certificate over the executed state
	tableEvents      = 0x06 // height, if it has any -> events: tx u32, event u32, length u32, data; empty if archived
	tableTx          = 0x07 // id [32] -> height u64, index u32
	tableSeen        = 0x08 // bucket, height -> members
	tableRow         = 0x09 // key of the flat state table -> value
	tablePage        = 0x0a // id of a page of the state tree -> page, as of metaPages
	tableExtra       = 0x0b // the caller's key -> value
	tableChanged     = 0x0c // height, if its pages are not on disk -> keys of the rows it changed, each with length u32

	metaIdentity = 0x00 // version u32, chain [32]
	metaTip      = 0x01 // height u64, state root [32]
	metaPages    = 0x02 // height u64, state root [32] of the pages on disk
	metaSeal     = 0x03 // sequence u64 of the seal under which the last block was written
	metaArchive  = 0x04 // where the archive ends, see archiveEnd
)

// OpenLedger opens the ledger in cfg.Dir, or makes an empty one. After a crash
// it stands at some committed height, SyncedHeight at least; every block is
// there as a whole or not at all.
//
// Errors: ErrForeign, ErrVersion, ErrLocked; ErrDamaged if the files are not what
// they were, by their seal or their own checksums; or the machine's.
func OpenLedger(cfg LedgerConfig) (*Ledger, error) {
	l := &Ledger{
		log:   cfg.Logger,
		alarm: newAlarm(),
		cache: rowCache{lru: newLRU(orDefault(cfg.RowCacheBytes, RowCacheBytesDefault))},
		seen:  newSeenTable(orDefault(cfg.SeenEntries, SeenEntriesDefault)),
		pages: newPageTable(&cfg), chain: cfg.Chain, unarchived: cfg.unarchived,
		moveBytes: orDefault(cfg.moveBytes, moveBytesDefault),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if cfg.FS == nil {
		cfg.FS = vfs.Default
	}
	if err := l.open(&cfg); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", cfg.Dir, err)
	}
	return l, nil
}

// open takes the lock, compares the files with their seal, lets Pebble read them,
// and checks what it shows.
func (l *Ledger) open(cfg *LedgerConfig) (err error) {
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return err
	}
	if l.lock, err = pebble.LockDirectory(cfg.Dir, cfg.FS); err != nil {
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
			err = fmt.Errorf("%w: %w", ErrLocked, err)
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.release())
		}
	}()
	if cfg.unguarded {
		l.guard = noGuard(cfg.FS, cfg.Dir, l.alarm)
	} else {
		l.guard, err = newGuard(cfg.FS, cfg.Dir, orDefault(cfg.OpenBytes, OpenBytesDefault), l.alarm)
	}
	if err != nil {
		return err
	}
	l.archive = &archive{fs: archiveDisk{l.guard}, dir: cfg.Dir, chain: cfg.Chain,
		bytesMax: orDefault(cfg.SegmentBytes, SegmentBytesDefault), finished: l.guard.addSegment, packer: cfg.Packer}
	l.packer = cfg.Packer
	l.guard.archive.Store(l.archive)
	if l.db, err = openPebble(cfg, l); err != nil {
		return err
	}
	l.latest = &View{l: l, r: l.db}
	if err = l.load(cfg); err == nil {
		err = l.alarm.failure()
	}
	if err != nil && !isMachines(err) && !errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// openPebble opens the files. Whatever Pebble finds wrong with them is damage, and so
// is what it did not expect: a panic.
func openPebble(cfg *LedgerConfig, l *Ledger) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db = nil
			if failure, ok := r.(error); ok {
				err = failure
			} else {
				err = fmt.Errorf("%v", r)
			}
		}
		if err != nil && !isMachines(err) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}()
	return pebble.Open(cfg.Dir, pebbleOptions(cfg, l))
}

// release gives back what open has taken.
func (l *Ledger) release() error {
	var err error
	if l.db != nil && l.alarm.failure() == nil { // a write that failed leaves Pebble locked
		err = l.db.Close()
	}
	if l.archive != nil {
		err = errors.Join(err, l.archive.close())
	}
	return errors.Join(err, l.lock.Close())
}

// phases is how many different times of writing there are.
const phases = 4

// memTableBytes is a sixteenth less for each phase, so that tables of the same content
// are full at different times.
func (cfg *LedgerConfig) memTableBytes() uint64 {
	return orDefault(cfg.MemTableBytes, MemTableBytesDefault) * uint64(16-cfg.phase()) / 16
}

func (cfg *LedgerConfig) phase() int { return max(0, cfg.Phase) % phases }

func orDefault[T int | int64 | uint64](v, byDefault T) T {
	if v == 0 {
		return byDefault
	}
	return v
}

// pebbleOptions pins what matters; Pebble's own defaults change with versions.
// Values are hashes, keys and signatures, which do not compress. There is no
// second directory for the write-ahead log to fail over to.
func pebbleOptions(cfg *LedgerConfig, l *Ledger) *pebble.Options {
	o := &pebble.Options{
		FS:                          l.guard,
		Lock:                        l.lock,
		CacheSize:                   orDefault(cfg.BlockCacheBytes, BlockCacheBytesDefault),
		MemTableSize:                cfg.memTableBytes(),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                256,
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		Logger:                      pebbleLogger{l},
		EventListener: &pebble.EventListener{
			// Flushes and compactions are repeated by Pebble; until they succeed the
			// write-ahead log keeps the data.
			BackgroundError: func(err error) { l.log.Error("ledger background work failed", "err", err) },
			// Whoever reads gets the error; but what one cannot read others miss.
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				l.alarm.raise(fmt.Errorf("%w: %s: %w", ErrDamaged, info.Path, info.Details))
			},
		},
	}
	if cfg.unguarded {
		o.FS = cfg.FS
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// fatalError is what a failure that Pebble cannot survive panics with, see
// alarm.fatal. Pebble's logger is not expected to return from Fatalf.
type fatalError struct {
	message string
	cause   error
}

func (e fatalError) Error() string { return e.message }
func (e fatalError) Unwrap() error { return e.cause }

type pebbleLogger struct{ l *Ledger }

func (p pebbleLogger) Infof(format string, args ...any) {
	p.l.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (p pebbleLogger) Errorf(format string, args ...any) {
	p.l.log.Warn("pebble", "message", fmt.Sprintf(format, args...))
}

func (p pebbleLogger) Fatalf(format string, args ...any) {
	fatal := fatalError{message: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			fatal.cause = err
		}
	}
	p.l.log.Error("ledger failed", "err", fatal)
	p.l.alarm.fatal(fatal)
}

// caught turns a failure that is on its way as a panic into *err: a fatalError, or
// the bare error that Pebble throws where a write finds its log broken. What the
// runtime throws is a bug and goes on, unless something has failed before.
func (l *Ledger) caught(err *error) {
	if r := recover(); r != nil {
		failure, ok := r.(error)
		if _, bug := r.(runtime.Error); !ok || bug {
			if failure = l.alarm.failure(); failure == nil {
				panic(r)
			}
		}
		*err = failure
	}
	if *err == nil { // the disk may have failed behind Pebble's back
		*err = l.alarm.failure()
	}
}

// load checks the identity, or writes it into an empty ledger, checks that the
// ledger is what its seal says, and reads the tip and the Seen buckets.
func (l *Ledger) load(cfg *LedgerConfig) (err error) {
	defer l.caught(&err)
	version, ok, err := l.identified()
	if err != nil {
		return err
	}
	if !ok {
		return l.identify(l.identity(l.version()))
	}
	t, err := readTip(l.db, metaTip)
	if err != nil {
		return err
	}
	if err := l.prove(t, version, cfg.Audit); err != nil {
		return err
	}
	if err := l.openArchive(t, version); err != nil || t == nil {
		return err
	}
	l.tip.Store(t)
	pages, err := readTip(l.db, metaPages)
	if err != nil {
		return err
	}
	l.pages.begun = pages != nil
	err = scan(l.db, []byte{tableChanged}, nil, func(_, _ []byte) (bool, error) {
		l.pages.stale = true
		return false, nil
	})
	if err != nil {
		return err
	}
	// Opening has flushed what the write-ahead log held into synced tables.
	l.synced.Store(t.height + 1)
	return scan(l.db, []byte{tableSeen}, nil, func(key, value []byte) (bool, error) {
		bucket, height, err := splitSeenKey(key)
		if err != nil {
			return false, err
		}
		return readSeenMembers(height, value, func(m SeenMember) bool {
			l.seen.add(height, []SeenAdd{{Bucket: bucket, ID: m.ID, Index: m.Index, Code: m.Code}})
			return true
		})
	})
}

// version is that of the ledger once it is open.
func (l *Ledger) version() uint32 {
	if l.unarchived {
		return ledgerVersionFirst
	}
	return LedgerVersion
}

// identified returns the version of the ledger; ok is false for an empty one.
func (l *Ledger) identified() (version uint32, ok bool, err error) {
	got, ok, err := get(l.db, []byte{tableMeta, metaIdentity})
	if err != nil || !ok {
		return 0, false, err
	}
	r := wire.NewReader(got)
	version = r.Uint32()
	chain := r.Bytes32()
	switch known := version == ledgerVersionFirst || version == l.version(); {
	case r.Err() == nil && !known, r.Close() != nil:
		return 0, true, fmt.Errorf("%w: ledger", ErrVersion)
	case chain != l.chain:
		return 0, true, fmt.Errorf("%w: %x", ErrForeign, chain)
	}
	return version, true, nil
}

// Height returns the last committed height; ok is false in an empty ledger.
func (l *Ledger) Height() (height uint64, ok bool) { return l.latest.Height() }

// StateRoot returns the root of the state tree after the last block, zero in an
// empty ledger.
func (l *Ledger) StateRoot() [32]byte { return l.latest.StateRoot() }

// SyncedHeight returns the last height that no crash can take back. The Log
// must keep all blocks above it: all blocks, if ok is false.
func (l *Ledger) SyncedHeight() (height uint64, ok bool) {
	s := l.synced.Load()
	return s - min(s, 1), s > 0
}

// Sync makes everything committed before the call durable. It may run beside
// Commit. A failure is fatal.
func (l *Ledger) Sync() (err error) {
	t := l.tip.Load()
	if t == nil {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: sync ledger: %w", ErrPoisoned, err)
		}
	}()
	defer l.caught(&err)
	if l.synced.Load() <= t.height {
		if err := l.db.LogData(nil, pebble.Sync); err != nil {
			return err
		}
		// What the guard has kept from Pebble counts before anything is promised.
		if err := l.alarm.failure(); err != nil {
			return err
		}
	}
	if err := l.guard.raise(t); err != nil {
		return err
	}
	l.raiseSynced(t.height)
	return nil
}

func (l *Ledger) raiseSynced(height uint64) {
	for {
		old := l.synced.Load()
		if old > height || l.synced.CompareAndSwap(old, height+1) {
			return
		}
	}
}

// Err returns the first failure of a read or write, or nil. The driver asks after
// each execution and throws the result away if there is one: what Row, Page or Seen
// called absent may exist.
func (l *Ledger) Err() error { return l.alarm.failure() }

// Failed is closed once nothing of the ledger counts any more: a write or sync has
// failed, or what was read is damaged, possibly in the background. Err says why. Who
// has asked for it must end the process then, without waiting for calls of the ledger
// that do not return; else Pebble does.
func (l *Ledger) Failed() <-chan struct{} {
	l.alarm.watched.Store(true)
	return l.alarm.raised
}

// fail keeps a failure, and returns the first one.
func (l *Ledger) fail(what string, err error) error {
	if l.alarm.failure() == nil {
		l.alarm.raise(fmt.Errorf("%s: %w", what, err))
	}
	return l.alarm.failure()
}

// Row returns the value of a row of the flat state table after the last block.
// The caller must not change it. A failure reads as absent and is kept for Err.
func (l *Ledger) Row(key []byte) (value []byte, ok bool) { return l.cached(tableRow, key) }

// Page returns a page of the state tree after the last block, like Row.
func (l *Ledger) Page(id []byte) (page []byte, ok bool) {
	if page, ok := l.pages.recent[string(id)]; ok {
		return page, page != nil
	}
	return l.cached(tablePage, id)
}

func (l *Ledger) cached(table byte, key []byte) ([]byte, bool) {
	v, ok, err := l.through(table, key)
	if err != nil {
		l.fail("read ledger", err)
	}
	return v, ok
}

// keyScratchBytes has room for the keys that blocks read most.
const keyScratchBytes = 64

// through reads a key of a table by way of the cache.
func (l *Ledger) through(table byte, key []byte) (value []byte, ok bool, err error) {
	var scratch [keyScratchBytes]byte
	whole := append(append(scratch[:0], table), key...)
	value, known, mark := l.cache.get(whole)
	if known {
		return value, value != nil, nil
	}
	read := bytes.Clone(whole) // whole itself stays on the stack
	if value, ok, err = get(l.db, read); err != nil {
		return nil, false, err
	}
	l.cache.putRead(read, value, mark)
	return value, ok, nil
}

// RecentRow returns the value of a row after some recent block, not always the
// same one, at less cost than a view. The caller must not change it. Safe for
// concurrent use.
func (l *Ledger) RecentRow(key []byte) (value []byte, ok bool, err error) {
	if value, ok, err = l.through(tableRow, key); err != nil {
		return nil, false, fmt.Errorf("read ledger: %w", err)
	}
	return value, ok, nil
}

// Seen returns the entry of id in a bucket after the last block. A failure reads
// as absent and is kept for Err.
func (l *Ledger) Seen(id [32]byte, bucket uint64) (SeenEntry, bool) {
	e, ok, err := l.latest.findSeen(id, bucket)
	if err != nil {
		l.fail("read ledger", err)
	}
	return e, ok
}

// View pins the ledger as of the last block: later commits do not show in it.
// The caller must close it soon; while it is open, Pebble cannot drop what it
// shows.
func (l *Ledger) View() (*View, error) {
	l.visible.Lock()
	defer l.visible.Unlock()
	if l.pages.stale {
		return nil, errors.New("view ledger: its state pages are not restored")
	}
	s := l.db.NewSnapshot()
	return &View{l: l, r: s, pinned: s, tip: l.tip.Load(), layers: l.pages.layers}, nil
}

// Latest returns the view that moves with every commit: each single call sees
// whole blocks, two calls may see different heights. It needs no Close.
func (l *Ledger) Latest() *View { return l.latest }

// Close syncs and closes the ledger. After a fatal failure it only lets go.
func (l *Ledger) Close() error {
	if err := l.alarm.failure(); err != nil {
		if l.scrubbed.Load() && !l.alarm.frozen.Load() {
			return errors.Join(err, l.db.Close(), l.archive.close(), l.lock.Close())
		}
		return err
	}
	err := l.Sync()
	if err == nil {
		err = l.release()
	}
	l.alarm.raise(errors.New("closed"))
	if err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}
