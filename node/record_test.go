package node

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// A stored header names the time of its execution where that is not its own; what
// was stored before there was such a time reads as it always did.
func TestStoredHeadersTellTheTimeOfExecution(t *testing.T) {
	x := record{SignedHeader: pbft.SignedHeader{Header: pbft.Header{Seq: 7, TimeMs: 1000}}, stateRoot: pbft.Digest{1},
		receiptRoot: pbft.Digest{2}}
	b := x.encode()
	for _, c := range []struct {
		stored []byte
		timeMs uint64
	}{{b, 1000}, {wire.AppendUint64(b, 1234), 1234}} {
		got, err := decodeRecord(c.stored)
		want := x
		want.timeMs = c.timeMs
		if err != nil || got != want {
			t.Errorf("%d bytes: %+v, %v, want %+v", len(c.stored), got, err, want)
		}
	}
	for _, n := range []int{0, len(b) - 1, len(b) + 1, len(b) + 7, len(b) + 9} {
		if _, err := decodeRecord(append(wire.AppendUint64(b, 1), 0)[:n]); err == nil {
			t.Errorf("%d bytes decode", n)
		}
	}
}
