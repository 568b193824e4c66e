package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/store"
)

// frameBytesCut is the size that frames of the log are cut to.
const frameBytesCut = store.FrameBytesMax / 2

// persist makes the records of a Work durable. An amnesic replica has no log:
// it promises nothing, and fetches again what a crash takes.
func (l *loop) persist(w *driver.Work) error {
	log := l.n.cfg.Log
	switch {
	case log == nil:
		return nil
	case w.Replace:
		return l.replaceLog(w.Records)
	case len(w.Records) == 0:
		return nil
	}
	start := time.Now()
	if err := l.write(w.Records); err != nil {
		return fmt.Errorf("append to the consensus log: %w", err)
	}
	l.n.metrics.took(stepPersist, start)
	l.logged()
	return nil
}

// write appends records to the log. Where there are lanes, the loop looks at them while the
// disk works.
func (l *loop) write(records []pbft.Record) error {
	if l.n.lanes == nil {
		return l.append(records)
	}
	done := make(chan error, 1)
	go func() { done <- l.append(records) }()
	for range driver.MeanwhileMax {
		select {
		case err := <-done:
			l.drainLanes()
			return err
		case <-l.n.lanes.wake:
		}
		l.drainLanes()
		w := l.driver.Meanwhile(l.now())
		l.actLanes(&w)
	}
	err := <-done
	l.drainLanes()
	return err
}

func (l *loop) append(records []pbft.Record) error {
	for _, frame := range driver.Frames(records, frameBytesCut) {
		if err := l.n.cfg.Log.Append(frame); err != nil {
			return err
		}
	}
	return nil
}

// logged tells the driver how large the log is.
func (l *loop) logged() {
	bytes := l.n.cfg.Log.Bytes()
	l.driver.Logged(bytes, l.n.cfg.Log.LastFrame())
	l.n.metrics.logBytes.Set(float64(bytes))
}

// replaceLog puts records in the place of all that is in the log.
func (l *loop) replaceLog(records []pbft.Record) error {
	log := l.n.cfg.Log
	err := log.Compact(driver.Frames(records, frameBytesCut)...)
	if errors.Is(err, store.ErrNotBegun) {
		l.driver.NotReplaced(l.now())
		l.n.log.Warn("the consensus log is compacted later", "bytes", log.Bytes(), "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("compact the consensus log: %w", err)
	}
	l.logged()
	l.n.metrics.compactions.Inc()
	l.n.log.Info("consensus log compacted", "bytes", log.Bytes(), "records", len(records))
	return nil
}

// runSync syncs the ledger when asked, until the channel of requests is closed.
func (n *Node) runSync() {
	for range n.sync {
		n.synced <- n.cfg.Ledger.Sync() // has room: one at a time
	}
}

// synced tells the driver how much of the ledger no crash can take. err is the result
// of the sync.
func (l *loop) synced(err error) error {
	if err != nil {
		return err
	}
	height, ok := l.n.cfg.Ledger.SyncedHeight()
	if !ok {
		return errors.New("compact the consensus log: the ledger holds nothing durable")
	}
	l.driver.Synced(pbft.Seq(height))
	return nil
}
