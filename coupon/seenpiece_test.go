package coupon

import (
	"errors"
	"slices"
	"testing"
)

// seenPieces gives the buckets of the world as a snapshot has them, and checks each with its
// row and, where the row says nothing of codes, with the receipts. All tests of a world do.
func (w *world) seenPieces() {
	w.t.Helper()
	for bucket, members := range w.seen {
		byKey := map[string][]SeenEntry{}
		for _, e := range members {
			key := SeenKey(bucket)
			if w.upgraded > 0 && e.Height >= w.upgraded {
				key = Seen2Key(bucket)
			}
			byKey[string(key)] = append(byKey[string(key)], e)
		}
		for key, members := range byKey {
			row, _ := w.store.Get([]byte(key))
			got, err := CheckSeen([]byte(key), row, EncodeSeen(members))
			if err != nil || !slices.Equal(got, members) {
				w.t.Fatalf("bucket %x: %v", key, err)
			}
			for _, e := range got {
				if err := CheckSeenCode(e, w.receipts[e.Height][e.Index]); err != nil {
					w.t.Fatalf("bucket %x: %v", key, err)
				}
			}
		}
	}
}

// seenSample is a bucket with a transaction and an invoice, and the receipts at their places.
func seenSample(t *testing.T) (members []SeenEntry, receipts [][]byte) {
	t.Helper()
	done := Outcome{ID: [32]byte{1}, Code: StaleSeq}
	members = []SeenEntry{{ID: done.ID, Height: 4, Index: 0, Code: StaleSeq}, {ID: [32]byte{2}, Height: 4, Index: 0}}
	receipt := done.AppendTo(nil)
	if _, err := DecodeReceipt(receipt); err != nil {
		t.Fatal(err)
	}
	return members, [][]byte{receipt, receipt}
}

// No byte of a bucket can be another; in version 1 the codes alone need the receipts.
func TestNoSeenPieceCanLie(t *testing.T) {
	members, receipts := seenSample(t)
	var one, two SeenRow
	for _, e := range members {
		one, two = one.Add(e), two.AddWithCode(e)
	}
	data := EncodeSeen(members)
	for _, x := range []struct {
		key   []byte
		row   SeenRow
		codes bool // the row certifies them
	}{{SeenKey(7), one, false}, {Seen2Key(7), two, true}} {
		row := x.row.AppendTo(nil)
		for at := range data {
			lie := slices.Clone(data)
			lie[at] ^= 1
			got, err := CheckSeen(x.key, row, lie)
			if ofCode := at%SeenEntrySize2 >= SeenEntrySize; ofCode && !x.codes && err == nil {
				i := at / SeenEntrySize2
				err = CheckSeenCode(got[i], receipts[i])
			}
			if !errors.Is(err, ErrSeenPiece) {
				t.Fatalf("key %x, byte %d: %v", x.key, at, err)
			}
		}
		turned := EncodeSeen([]SeenEntry{members[1], members[0]})
		for what, lie := range map[string][]byte{"less": data[:SeenEntrySize2], "none": nil, "turned": turned,
			"more": append(slices.Clone(data), data...), "cut": data[:len(data)-1]} {
			if _, err := CheckSeen(x.key, row, lie); !errors.Is(err, ErrSeenPiece) {
				t.Errorf("key %x, %s: %v", x.key, what, err)
			}
		}
		if _, err := CheckSeen(x.key, row[1:], data); !errors.Is(err, ErrSeenPiece) {
			t.Errorf("a broken row: %v", err)
		}
	}
	if _, err := CheckSeen(CouponKey(1), one.AppendTo(nil), data); !errors.Is(err, ErrSeenPiece) {
		t.Errorf("a row of something else: %v", err)
	}
	if err := CheckSeenCode(members[0], []byte{1}); !errors.Is(err, ErrSeenPiece) {
		t.Errorf("no receipt: %v", err)
	}
}

// A row that says of more members than were ever there takes no memory for them.
func TestASeenRowTakesNoMemory(t *testing.T) {
	row := SeenRow{Count: 1 << 31}
	allocs := testing.AllocsPerRun(3, func() {
		if _, err := CheckSeen(Seen2Key(1), row.AppendTo(nil), make([]byte, SeenEntrySize2)); err == nil {
			t.Error("taken")
		}
	})
	if allocs > 20 {
		t.Errorf("%v allocations", allocs)
	}
}
