package node

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// Whatever a turn or a compaction has to keep, it is cut into frames that the log
// takes, and reads back as the same records in the same order.
func TestRecordsAreCutIntoFramesThatTheLogTakes(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 15<<20)
	var records []pbft.Record
	for seq := range pbft.Seq(6) { // 90 MiB, beyond one frame
		records = append(records, pbft.Record{Kind: pbft.RecordBlock, Block: &pbft.Block{Payload: payload,
			SignedHeader: pbft.SignedHeader{Header: pbft.Header{Seq: seq, PayloadBytes: uint32(len(payload))}}}})
	}
	frames := cutFrames(records, frameBytesCut)
	seq := pbft.Seq(0)
	for i, frame := range frames {
		if len(frame) > store.FrameBytesMax {
			t.Errorf("frame %d has %d bytes", i, len(frame))
		}
		read, err := pbft.DecodeRecords(frame)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range read {
			if r.Block.Header.Seq != seq || !bytes.Equal(r.Block.Payload, payload) {
				t.Errorf("record %d is that of %d", seq, r.Block.Header.Seq)
			}
			seq++
		}
	}
	if seq != 6 || len(frames) < 2 {
		t.Errorf("%d records in %d frames", seq, len(frames))
	}
	if cutFrames(nil, 1) != nil || len(cutFrames(records[:1], 1)) != 1 {
		t.Error("no records make a frame, or one makes several")
	}
}

// A compaction that cannot begin, because no descriptor is left, ends no node: the
// log goes on, and is compacted later.
func TestACompactionThatCannotBeginIsTriedLater(t *testing.T) {
	c := makeCluster(t, options{size: 4, crashable: true})
	m := c.members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	disk, l := m.fs.(*store.Mem), m.node.loop
	disk.FailAt(disk.Ops(), syscall.EMFILE) // to remove what a crash has left
	if err := l.compact(nil); err != nil {
		t.Fatalf("a compaction that did not begin ends the node: %v", err)
	}
	before := m.log.Bytes()
	l.n.cfg.LogBytesMax, l.n.sync = 1, make(chan struct{}, 1)
	if l.compactIfLarge(); l.syncing {
		t.Error("it is tried again at once")
	}
	l.compactAfter = time.Now()
	if l.compactIfLarge(); !l.syncing {
		t.Error("it is not tried again")
	}
	<-l.n.sync
	if err := l.compact(nil); err != nil || m.log.Bytes() == before && counterOf(m.node.metrics.compactions) != 1 {
		t.Errorf("compacted later: %v", err)
	}
}

// fatEngine has more to keep than a frame of the log can hold.
type fatEngine struct {
	pbft.Engine
	durable []pbft.Record
}

func (e *fatEngine) Durable() []pbft.Record { return e.durable }

// A replica whose durable state is beyond one frame compacts its log all the same:
// every record is there afterwards.
func TestAStateBeyondOneFrameIsCompacted(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	m := c.members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	e := &fatEngine{Engine: m.node.loop.engine}
	for i := range 9 {
		e.durable = append(e.durable, pbft.Record{Kind: pbft.RecordBlock, Block: &pbft.Block{
			SignedHeader: pbft.SignedHeader{Header: pbft.Header{PayloadBytes: 8 << 20}},
			Payload:      bytes.Repeat([]byte{byte(i)}, 8<<20)}})
	}
	m.node.loop.engine = e
	if err := m.node.loop.compact(nil); err != nil {
		t.Fatal(err)
	}
	records, err := m.node.records()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, fmt.Sprint(r.Kind, r.Block.Payload[0], len(r.Block.Payload)))
	}
	var want []string
	for i := range 9 {
		want = append(want, fmt.Sprint(pbft.RecordBlock, i, 8<<20))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log holds %v, want %v", got, want)
	}
}
