package driver

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// logState is what the driver knows of the consensus log.
type logState struct {
	bytes, mark int64 // its size now, and after the last compaction
	notBeforeNs int64 // when a compaction is tried again
	syncing     bool  // the store is being synced for one
	synced      bool  // it has been
	syncedTo    pbft.Seq
	replacing   bool // the Work is one
	takeover    bool // it is of a program that knew no starts: it is replaced once
}

// Logged says how large the log is, in bytes, after something was written to it, and the
// sequence number of its last frame. Both count once a crash cannot undo them: of a log
// that was replaced, when its new name is durable too. A member without a log never says it.
func (d *Driver) Logged(bytes int64, frames uint64) {
	d.guard.logged(frames)
	if d.log.bytes = bytes; d.log.replacing {
		d.log.replacing, d.log.takeover, d.log.mark = false, false, bytes
	}
}

// NotReplaced says that the log is as it was, since its replacement could not begin. It
// is tried again after CompactPauseMs.
func (d *Driver) NotReplaced(now Time) {
	d.log.replacing = false
	d.log.notBeforeNs = now.Ns + CompactPauseMs*1_000_000
}

// Synced says that a crash takes no block of the store up to a height.
func (d *Driver) Synced(height pbft.Seq) {
	d.log.syncing, d.log.synced, d.log.syncedTo = false, true, height
}

// keepLog asks for a sync of the store if the log has grown enough, and after it for
// the log's replacement.
func (d *Driver) keepLog(w *Work, now Time) error {
	l := &d.log
	switch {
	case l.synced:
		records, err := d.durable(l.syncedTo, now)
		if err != nil {
			return fmt.Errorf("compact the consensus log: %w", err)
		}
		l.synced, l.replacing = false, true
		w.Records, w.Replace = records, true
	case !l.syncing && !l.replacing && l.bytes > 0 && now.Ns >= l.notBeforeNs &&
		(l.takeover || l.bytes >= max(d.cfg.LogBytesMax, logGrowthFactor*l.mark)):
		l.syncing = true
		w.Sync = true
	}
	return nil
}

// durable returns what has to be in a log: the guard's records, the blocks that a crash
// may still take from the store, and the engine's state, which holds those that are not
// executed.
func (d *Driver) durable(syncedTo pbft.Seq, now Time) (all []pbft.Record, err error) {
	all = d.guard.durable(now)
	if d.cfg.Ended != nil {
		all = append(all, pbft.Record{Kind: pbft.RecordBoundary, Boundary: d.cfg.Ended})
	}
	for seq := syncedTo + 1; seq <= d.executed; seq++ {
		x, ok, err := d.cfg.Store.Block(seq)
		if err == nil && !ok {
			err = errors.New("the store does not have it")
		}
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", seq, err)
		}
		all = append(all, x.records()...)
	}
	return append(all, d.engine.Durable()...), nil
}

// Frames encodes records as frames of a log, in order, of bytesMax at most unless one
// record alone is larger. Nearly always it is one frame; a turn or a state of many
// large blocks takes several. No records make one frame too: a log is never of none.
func Frames(records []pbft.Record, bytesMax int) [][]byte {
	if len(records) < 2 {
		return [][]byte{pbft.EncodeRecords(records)}
	}
	if payloadBytes(records) <= bytesMax {
		if frame := pbft.EncodeRecords(records); len(frame) <= bytesMax {
			return [][]byte{frame}
		}
	}
	half := len(records) / 2
	return append(Frames(records[:half], bytesMax), Frames(records[half:], bytesMax)...)
}

func payloadBytes(records []pbft.Record) (sum int) {
	for i := range records {
		if b := records[i].Block; b != nil {
			sum += len(b.Payload)
		}
	}
	return sum
}
