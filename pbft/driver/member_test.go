package driver

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What of a log is an epoch's: what stands behind the end of the one before, blocks and
// certificates wherever they stand by the epoch that they name, and what the guard wrote.
func TestWhatOfALogIsAnEpochs(t *testing.T) {
	end := func(e pbft.Epoch) pbft.Record {
		return pbft.Record{Kind: pbft.RecordBoundary, Boundary: &pbft.EpochProof{Epoch: e}}
	}
	vote := func(e pbft.Epoch, view pbft.View) pbft.Record {
		return pbft.Record{Kind: pbft.RecordPrepare, View: view, Prepare: &pbft.Prepare{Vote: pbft.Vote{Epoch: e}}}
	}
	block := func(e pbft.Epoch, view pbft.View) pbft.Record {
		b := &pbft.Block{}
		b.Header.Epoch = e
		return pbft.Record{Kind: pbft.RecordBlock, View: view, Block: b}
	}
	commit := func(e pbft.Epoch, view pbft.View) pbft.Record {
		return pbft.Record{Kind: pbft.RecordCommit, View: view, Certificate: &pbft.Certificate{Epoch: e}}
	}
	boot := pbft.Record{Kind: pbft.RecordBoot, View: 1}
	amnesia := pbft.Record{Kind: pbft.RecordAmnesia, View: 2}
	two := []pbft.Record{boot, vote(0, 11), block(0, 12), end(0), block(0, 13), commit(0, 14), vote(1, 15), amnesia,
		block(1, 16), end(1), commit(1, 17), vote(2, 18)}
	compact := []pbft.Record{boot, end(1), vote(2, 21), end(2), vote(3, 22)}
	for _, x := range []struct {
		name  string
		log   []pbft.Record
		epoch pbft.Epoch
		want  []pbft.View // of the records; 0 for an end
		last  int64
	}{
		{"nothing", nil, 0, nil, -1},
		{"epoch 0 alone", two[:3], 0, []pbft.View{1, 11, 12}, -1},
		{"epoch 0 that ended", two, 0, []pbft.View{1, 11, 12, 0, 13, 14, 2}, 2},
		{"epoch 1", two, 1, []pbft.View{1, 15, 2, 16, 0, 17}, 2},
		{"epoch 2", two, 2, []pbft.View{1, 2, 18}, 2},
		{"an epoch above the log", two, 3, []pbft.View{1, 2}, 2},
		{"a log that was replaced", compact, 2, []pbft.View{1, 21, 0}, 3},
		{"what follows it", compact, 3, []pbft.View{1, 22}, 3},
		{"what was before it", compact, 1, []pbft.View{1, 0}, 3},
		{"votes of a log without an end, above epoch 0", two[:3], 1, []pbft.View{1}, -1},
	} {
		records, last := split(x.log, x.epoch)
		var got []pbft.View
		for i := range records {
			got = append(got, records[i].View)
		}
		if !slices.Equal(got, x.want) || last != x.last {
			t.Errorf("%s: %v and %d, want %v and %d", x.name, got, last, x.want, x.last)
		}
	}
}

// What comes of the next epoch before it has begun here is kept within two bounds, the
// newest of each member.
func TestWhatIsEarlyIsBounded(t *testing.T) {
	vote := func(view pbft.View) pbft.Message {
		return &pbft.Prepare{Vote: pbft.Vote{Epoch: 1, Block: pbft.BlockRef{View: view}}}
	}
	var kept []pbft.Message
	for i := range pbft.View(EarlyMax + 10) {
		kept = newest(append(kept, vote(i)))
	}
	if len(kept) != EarlyMax || kept[0].(*pbft.Prepare).Block.View != 10 {
		t.Errorf("%d votes are kept, from %+v on", len(kept), kept[0])
	}
	proposal := &pbft.PrePrepare{}
	proposal.Payload = make([]byte, EarlyBytesMax-pbft.EncodedBytes(proposal)-pbft.EncodedBytes(vote(0)))
	if kept = newest(append(kept, proposal)); len(kept) != 2 || kept[1] != proposal {
		t.Errorf("%d messages are kept beside a large one, want a vote", len(kept))
	}
	proposal.Payload = make([]byte, EarlyBytesMax)
	if kept = newest([]pbft.Message{vote(0), proposal}); len(kept) != 0 {
		t.Errorf("%d messages are kept with one that is too large", len(kept))
	}
}
