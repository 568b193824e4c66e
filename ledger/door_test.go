package ledger

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/store"
)

// Between the execution of a block and its storing, the door must answer with the
// new row: if it read the old one from the store it would keep it until the row
// changes again, and refuse what the chain accepts.
func TestTheDoorKnowsABlockBeforeItIsStored(t *testing.T) {
	s, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: [32]byte{1}, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	key := coupon.CampaignKey(7)
	row := func(v byte) []store.Write { return []store.Write{{Key: key, Value: []byte{v}}} }
	if err := s.Commit(store.BlockBatch{Height: 0, Header: []byte{1}, Rows: row(1)}, false); err != nil {
		t.Fatal(err)
	}
	d := newDoor(s)
	d.changed(row(2))
	if v, ok := d.Get(key); !ok || v[0] != 2 {
		t.Errorf("before the block is stored: %v", v)
	}
	if err := s.Commit(store.BlockBatch{Height: 1, Header: []byte{1}, Rows: row(2)}, false); err != nil {
		t.Fatal(err)
	}
	if v, ok := d.Get(key); !ok || v[0] != 2 {
		t.Errorf("after: %v", v)
	}
}
