package node

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// logGrowthFactor keeps a log whose live part is large from being compacted over
// and over: it must have grown so many times first.
const logGrowthFactor = 4

// compactIfLarge begins a compaction of the consensus log if it has grown
// enough: first the ledger is synced, beside the loop.
func (l *loop) compactIfLarge() {
	log := l.n.cfg.Log
	if log == nil || l.syncing || log.Bytes() < max(l.n.cfg.LogBytesMax, logGrowthFactor*l.logMark) {
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
		frames = append(frames, pbft.EncodeRecords(blocks[i]))
	}
	frames = append(frames, pbft.EncodeRecords(l.engine.Durable()))
	if err := l.n.cfg.Log.Compact(frames...); err != nil {
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
