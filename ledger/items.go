package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/store"
)

// indexItems keeps what the end of a block has settled. The items of a cycle are in no row,
// and what they were made of is gone: the cycle's row has their number and root alone
// (rules 3.31). They are numbered from 0, on from those of the blocks before.
func (m *Machine) indexItems(extra []store.Write, r *coupon.Result) []store.Write {
	if len(r.Items) == 0 {
		return extra
	}
	next := uint32(0)
	if row, ok := m.store.Row(coupon.CycleKey(r.Items[0].Cycle)); ok {
		if c, err := coupon.DecodeCycle(row); err == nil {
			next = c.Items
		}
	}
	for i := range r.Items {
		key := itemKey(r.Items[i].Cycle, next+uint32(i))
		extra = append(extra, store.Write{Key: key, Value: r.Items[i].AppendTo(nil)})
	}
	return extra
}

func itemKey(cycle, number uint32) []byte {
	key := binary.BigEndian.AppendUint32([]byte{indexItems}, cycle)
	return binary.BigEndian.AppendUint32(key, number)
}

// SettlementItems calls visit with the items of a cycle from a number on, in their order,
// until it returns false. A node that came by a snapshot may have none: the row of the
// cycle says how many there are, and their root.
func SettlementItems(v *store.View, cycle, from uint32, visit func(number uint32, i coupon.SettlementItem) bool) error {
	var failed error
	err := v.Extras(itemKey(cycle, 0)[:1+4], itemKey(cycle, from), func(key, value []byte) bool {
		i, err := coupon.DecodeSettlementItem(value)
		if err != nil || len(key) != 1+4+4 {
			failed = fmt.Errorf("an item of %d bytes under %d: %w", len(value), len(key), err)
			return false
		}
		return visit(binary.BigEndian.Uint32(key[1+4:]), i)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("list the items of cycle %d: %w", cycle, err)
	}
	return nil
}
