package node

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

func TestATurnOfManyLargeBlocksTakesSeveralFrames(t *testing.T) {
	payload := make([]byte, pbft.PayloadBytesLimit)
	records := make([]pbft.Record, 20)
	for i := range records {
		records[i] = pbft.Record{Kind: pbft.RecordBlock, Block: &pbft.Block{Payload: payload}}
	}
	frames := 0
	for len(records) > 0 {
		n := frameOf(records)
		if size := n * (pbft.PayloadBytesLimit + 1024); n < 1 || size > store.FrameBytesMax {
			t.Fatalf("%d records of %d bytes in a frame", n, size)
		}
		records = records[n:]
		frames++
	}
	if frames < 3 {
		t.Errorf("%d frames", frames)
	}
}
