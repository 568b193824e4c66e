// Package store is what one node keeps on disk, in two parts with different
// promises.
//
// Log is the consensus log: every promise that a crash must not break. It is one
// file of frames, one frame for one turn of the consensus loop, and Append
// returns only after the frame is synced. A replica sends nothing that rests on
// a frame before Append has returned (section 7 of the protocol document).
// Opening a log either gives back every acknowledged frame, or fails with
// ErrAmnesic: then the replica must not sign again with its key.
//
// Ledger is the executed chain. Blocks with their receipts and events lie in the
// archive, files of whole blocks in order of height, each written once. Pebble keeps
// the flat state table, the pages of the state tree, the Seen buckets, the indexes
// that queries need, and where the archive ends. One block is one atomic batch: its
// frame is appended to the archive first, and the archive is synced before any byte of
// Pebble's that refers to it reaches a file. What lies behind the end that Pebble
// knows is cut at opening, so a block is in both or, for a reader, in neither.
//
// The two are tied by one invariant. A block's body and commit certificate are
// durable in the Log before the block is executed, so Commit need not sync: a
// crash may take the newest blocks from the ledger, whole blocks only, and the
// node executes them again from the log. Therefore
//
//	the Log must hold, at every moment, body and commit certificate of every
//	block above Ledger.SyncedHeight.
//
// Appending keeps this by itself; only Log.Compact can break it. Before Compact
// the node calls Ledger.Sync, or puts the blocks above SyncedHeight into the
// frames that it hands to Compact. At restart the ledger stands at some height
// of at least the last SyncedHeight, and the node replays from the next one.
//
// Pages of the state tree are written some blocks late, since those near the root
// change with every block. Until then the disk holds the keys of the rows that have
// changed; a ledger that was opened with late pages has Ledger.StalePages, and takes
// no block before Ledger.RestorePages.
//
// A ledger is opened only if it is what it was: a seal beside Pebble's files, moved
// within the syncs by which Pebble comes to rely on them, says how long its list of
// tables was, and which tables, finished write-ahead logs and finished segments of the
// archive there were, with their checksums. Anything else is ErrDamaged, and nothing of it is shown.
//
// Errors are of two kinds. A failed write or sync is fatal: the Log or Ledger
// is poisoned, nothing more is written to it, every later call returns ErrPoisoned, and the process must stop
// without sending anything (a sync that failed once may report success when
// repeated although the data are lost). Absent data is an ok of false, or
// ErrNotFound.
//
// A Log and the writing side of a Ledger belong to one goroutine each. Views of
// a Ledger, Ledger.Sync and Ledger.SyncedHeight are safe for concurrent use.
//
// The package knows nothing of what it stores: headers, certificates, rows and
// pages are bytes. The Log reaches the disk through FS, which Mem implements
// with crashes at every operation; the Ledger reaches it through Pebble's own
// interface of the same purpose.
package store
