package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// logGrowthFactor keeps a log whose live part is large from being compacted over
// and over: it must have grown so many times first.
const logGrowthFactor = 4

// compactPause is after how long a compaction is tried again that could not begin.
const compactPause = 10 * time.Second

// compactIfLarge begins a compaction of the consensus log if it has grown
// enough: first the ledger is synced, beside the loop.
func (l *loop) compactIfLarge() {
	log := l.n.cfg.Log
	if log == nil || l.syncing || time.Now().Before(l.compactAfter) ||
		log.Bytes() < max(l.n.cfg.LogBytesMax, logGrowthFactor*l.logMark) {
		return
	}
	l.syncing = true
	l.n.sync <- struct{}{} // has room: one at a time
}

// runSync syncs the ledger when asked, until the channel of requests is closed.
func (n *Node) runSync() {
	for range n.sync {
		n.synced <- n.cfg.Ledger.Sync() // has room: one at a time
	}
}

// compact replaces the log by the durable state of the engine and the blocks
// that a crash may still take from the ledger. err is the result of the sync.
func (l *loop) compact(err error) error {
	l.syncing = false
	if err != nil {
		return err
	}
	blocks, err := l.unsyncedBlocks()
	if err != nil {
		return fmt.Errorf("compact the consensus log: %w", err)
	}
	frames := make([][]byte, 0, len(blocks)+1)
	for i := range blocks {
		frames = append(frames, cutFrames(blocks[i], frameBytesCut)...)
	}
	frames = append(frames, cutFrames(l.engine.Durable(), frameBytesCut)...)
	if len(frames) == 0 { // nothing was ever promised, and a log is never of no frames
		frames = append(frames, pbft.EncodeRecords(nil))
	}
	err = l.n.cfg.Log.Compact(frames...)
	if errors.Is(err, store.ErrNotBegun) {
		l.compactAfter = time.Now().Add(compactPause)
		l.n.log.Warn("the consensus log is compacted later", "bytes", l.n.cfg.Log.Bytes(), "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("compact the consensus log: %w", err)
	}
	l.logMark = l.n.cfg.Log.Bytes()
	l.n.metrics.compactions.Inc()
	l.n.log.Info("consensus log compacted", "bytes", l.logMark, "blocks", len(blocks))
	return nil
}

// unsyncedBlocks returns, as records, the executed blocks above the ledger's
// synced height. The engine answers for those that are not executed yet.
func (l *loop) unsyncedBlocks() ([][]pbft.Record, error) {
	synced, ok := l.n.cfg.Ledger.SyncedHeight()
	if !ok {
		return nil, errors.New("the ledger holds nothing durable")
	}
	var all [][]pbft.Record
	for height := synced + 1; height <= uint64(l.executed); height++ {
		stored, err := l.n.cfg.Ledger.Latest().Block(height)
		if err != nil {
			return nil, err
		}
		records, err := blockRecords(&stored)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", height, err)
		}
		all = append(all, records)
	}
	return all, nil
}

func blockRecords(b *store.Block) ([]pbft.Record, error) {
	header, err := decodeRecord(b.Header)
	if err != nil {
		return nil, err
	}
	block := &pbft.Block{SignedHeader: header.SignedHeader, Payload: b.Payload}
	records := []pbft.Record{{Kind: pbft.RecordBlock, Block: block}}
	if len(b.Certificate) > 0 {
		c, err := pbft.DecodeCertificate(b.Certificate)
		if err != nil {
			return nil, err
		}
		records = append(records, pbft.Record{Kind: pbft.RecordCommit, Certificate: c})
	}
	return records, nil
}
