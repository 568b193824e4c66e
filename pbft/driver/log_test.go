package driver_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
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
	const most = 32 << 20
	frames := driver.Frames(records, most)
	seq := pbft.Seq(0)
	for i, frame := range frames {
		if len(frame) > most {
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
	if len(driver.Frames(nil, 1)) != 1 || len(driver.Frames(records[:1], 1)) != 1 {
		t.Error("no records or one do not make one frame")
	}
}

// Records without payloads are cut too.
func TestAFrameIsNoLargerThanItMayBe(t *testing.T) {
	records := make([]pbft.Record, 9)
	for i := range records {
		records[i] = pbft.Record{Kind: pbft.RecordProposal, View: pbft.View(i)}
	}
	most := len(pbft.EncodeRecords(records)) / 2
	var read []pbft.Record
	for _, frame := range driver.Frames(records, most) {
		rs, err := pbft.DecodeRecords(frame)
		if err != nil || len(frame) > most {
			t.Errorf("a frame of %d bytes, at most %d: %v", len(frame), most, err)
		}
		read = append(read, rs...)
	}
	if !slices.Equal(read, records) {
		t.Errorf("read back %v", read)
	}
}

// Two records that do not fit one frame make two.
func TestTwoRecordsAreCutInTwo(t *testing.T) {
	records := []pbft.Record{{Kind: pbft.RecordProposal, View: 1}, {Kind: pbft.RecordProposal, View: 2}}
	if got := len(driver.Frames(records, len(pbft.EncodeRecords(records))-1)); got != 2 {
		t.Errorf("%d frames", got)
	}
}
