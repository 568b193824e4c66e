package ledger

import (
	"sync"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/store"
)

// doorRowsMax bounds the rows that the door remembers. It remembers those that
// many transactions share, of which there are as many as members, tills,
// campaigns and batches; if there are more, it forgets all and begins again.
const doorRowsMax = 1 << 15

// door reads the latest state for admission. Each read sees some recent block,
// not always the same one, which is enough for an answer that promises nothing.
// Safe for concurrent use.
type door struct {
	store *store.Ledger

	mu      sync.RWMutex // guards all below
	shared  map[string][]byte
	changes uint64 // counts the blocks that changed rows
}

func newDoor(s *store.Ledger) *door {
	return &door{store: s, shared: make(map[string][]byte)}
}

// isShared reports whether many transactions read the row.
func isShared(key []byte) bool {
	return len(key) > 0 && key[0] >= coupon.PrefixParams && key[0] <= coupon.PrefixBatch
}

// Get implements coupon.Reader.
func (d *door) Get(key []byte) ([]byte, bool) {
	if !isShared(key) {
		return d.row(key)
	}
	d.mu.RLock()
	value, ok := d.shared[string(key)]
	before := d.changes
	d.mu.RUnlock()
	if ok {
		return value, true
	}
	value, ok = d.row(key)
	if !ok {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changes == before { // else the row may be an old one
		if len(d.shared) >= doorRowsMax {
			clear(d.shared)
		}
		d.shared[string(key)] = value
	}
	return value, true
}

// row reads the store. What cannot be read is taken for absent: the answer
// promises nothing, and the executor meets the failure too, which ends the node.
func (d *door) row(key []byte) ([]byte, bool) {
	value, ok, err := d.store.RecentRow(key)
	return value, ok && err == nil
}

// changed makes the rows of an executed block known. Their block is not stored
// yet: each shared row is kept, or a reader could remember the old one from the
// store in the meantime, and for as long as it does not change again.
func (d *door) changed(rows []store.Write) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	for i := range rows {
		if !isShared(rows[i].Key) {
			continue
		}
		if len(d.shared) >= doorRowsMax {
			clear(d.shared)
		}
		if rows[i].Value == nil {
			delete(d.shared, string(rows[i].Key))
		} else {
			d.shared[string(rows[i].Key)] = rows[i].Value
		}
	}
}

// Seen implements coupon.Reader.
func (d *door) Seen(id [32]byte, bucket uint64) (coupon.SeenEntry, bool) {
	return seenEntry(id)(d.store.Latest().Seen(id, bucket))
}

// SeenBuckets implements coupon.Reader. A dry run drops nothing.
func (d *door) SeenBuckets(uint64) []uint64 { return nil }

// Keys implements coupon.Reader. What cannot be read is taken for absent, as in row.
func (d *door) Keys(prefix []byte, limit int) [][]byte {
	keys, err := firstKeys(d.store.Latest(), prefix, limit)
	if err != nil {
		return nil
	}
	return keys
}
