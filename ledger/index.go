package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// The indexes, by the first byte of an extra's key. Numbers are big-endian.
const (
	indexOwner    = 'o' // owner [32], coupon u64 -> one byte: coupons that are not redeemed
	indexHistory  = 'h' // coupon u64, height u64, index u32 -> event type u8
	indexTakings  = 't' // member u16, time u64, index u32 -> see Taking
	indexCourses  = 'c' // campaign u32, quarter of an hour u32 -> see Counters
	indexBlocks   = 'b' // first 16 bytes of a block's digest -> height u64
	indexActivity = 'a' // begin of a quarter of an hour u64, Unix ms -> see Activity
	indexItems    = 'i' // cycle u32, number u32 -> the 23 bytes of a settlement item
)

// indexes returns the changes of the indexes by a block.
func (m *Machine) indexes(r *coupon.Result, b node.Batch) []store.Write {
	extra := make([]store.Write, 0, 2+3*len(r.Events))
	var keys arena
	if b.Height > 0 && b.Parent != [32]byte{} {
		extra = append(extra, store.Write{Key: blockKey(b.Parent), Value: binary.BigEndian.AppendUint64(nil, b.Height-1)})
	}
	for i := range r.Writes {
		w := &r.Writes[i]
		switch {
		case len(w.Key) == 1+8 && w.Key[0] == coupon.PrefixCoupon:
			extra = m.indexOwner(extra, &keys, w)
		case len(w.Key) == 1+4 && w.Key[0] == coupon.PrefixCampaign:
			extra = m.indexCourse(extra, w, b)
		}
	}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if o.States(coupon.PartCoupon) {
			extra = append(extra, stepOf(&keys, o.Coupon, o, b.Height, i))
		}
		if o.Other != 0 {
			extra = append(extra, stepOf(&keys, o.Other, o, b.Height, i))
		}
		for n := range o.Count { // at most 64, by the limit of an issue
			extra = append(extra, stepOf(&keys, coupon.NewCouponID(o.Campaign, o.Serial+n), o, b.Height, i))
		}
		if o.States(coupon.PartValue) || o.States(coupon.PartGivenBack) {
			extra = indexTaking(extra, r, o, b, uint32(i))
		}
	}
	return m.indexItems(m.indexActivity(extra, r, b), r)
}

// stepOf enters an accepted transaction in the history of a coupon.
func stepOf(keys *arena, id coupon.CouponID, o *coupon.Outcome, height uint64, index int) store.Write {
	key := append(keys.take(1+8+8+4+1), indexHistory)
	key = binary.BigEndian.AppendUint64(key, uint64(id))
	key = binary.BigEndian.AppendUint64(key, height)
	key = binary.BigEndian.AppendUint32(key, uint32(index))
	return store.Write{Key: key, Value: append(key[len(key):], byte(o.Event()))}
}

// indexOwner moves a coupon between owners.
func (m *Machine) indexOwner(extra []store.Write, keys *arena, w *coupon.Write) []store.Write {
	before, held := ownerOf(m.store.Row(w.Key))
	after, holds := ownerOf(w.Value, w.Value != nil)
	if held == holds && before == after {
		return extra
	}
	if held {
		extra = append(extra, store.Write{Key: appendOwnerKey(keys.take(ownerKeyBytes), before, w.Key[1:])})
	}
	if holds {
		extra = append(extra, store.Write{Key: appendOwnerKey(keys.take(ownerKeyBytes), after, w.Key[1:]), Value: owns})
	}
	return extra
}

// ownerOf returns the owner of a coupon's row, if it has one that can still use
// it.
func ownerOf(row []byte, ok bool) (owner [32]byte, holds bool) {
	if !ok {
		return owner, false
	}
	c, err := coupon.DecodeCoupon(row)
	if err != nil || c.Status == coupon.Redeemed {
		return owner, false
	}
	return c.Owner, true
}

const ownerKeyBytes = 1 + 32 + 8

// owns is the value of an entry of indexOwner. Nobody changes it.
var owns = []byte{1}

func ownerKey(owner [32]byte, id []byte) []byte {
	return appendOwnerKey(make([]byte, 0, ownerKeyBytes), owner, id)
}

func appendOwnerKey(b []byte, owner [32]byte, id []byte) []byte {
	return append(append(append(b, indexOwner), owner[:]...), id...)
}

// arena gives small slices from larger pieces of memory. The store copies what it is
// given of indexes.
type arena struct{ free []byte }

const arenaBytes = 8 << 10

// take returns an empty slice with room for n bytes that no other has.
func (a *arena) take(n int) []byte {
	if len(a.free) < n {
		a.free = make([]byte, max(n, arenaBytes))
	}
	b := a.free[:0:n]
	a.free = a.free[n:]
	return b
}

// OwnedCoupons calls visit with the coupons of owner that are not redeemed, in
// ascending order from the given one on, until visit returns false.
func OwnedCoupons(v *store.View, owner [32]byte, from coupon.CouponID, visit func(coupon.CouponID) bool) error {
	prefix := ownerKey(owner, nil)
	start := binary.BigEndian.AppendUint64(ownerKey(owner, nil), uint64(from))
	err := v.Extras(prefix, start, func(key, _ []byte) bool {
		return visit(coupon.CouponID(binary.BigEndian.Uint64(key[len(prefix):])))
	})
	if err != nil {
		return fmt.Errorf("list the coupons of an owner: %w", err)
	}
	return nil
}

// Step is one accepted transaction in the life of a coupon.
type Step struct {
	Place store.TxPlace
	Type  coupon.EventType
}

// CouponHistory calls visit with the accepted transactions of a coupon, oldest
// first, from the given place on, until visit returns false.
func CouponHistory(v *store.View, id coupon.CouponID, from store.TxPlace, visit func(Step) bool) error {
	prefix := binary.BigEndian.AppendUint64([]byte{indexHistory}, uint64(id))
	start := binary.BigEndian.AppendUint64(append([]byte(nil), prefix...), from.Height)
	start = binary.BigEndian.AppendUint32(start, from.Index)
	err := v.Extras(prefix, start, func(key, value []byte) bool {
		at := key[len(prefix):]
		return len(value) == 1 && visit(Step{
			Place: store.TxPlace{Height: binary.BigEndian.Uint64(at), Index: binary.BigEndian.Uint32(at[8:])},
			Type:  coupon.EventType(value[0]),
		})
	})
	if err != nil {
		return fmt.Errorf("list the history of coupon %d: %w", id, err)
	}
	return nil
}

// EncodeEvent returns the form of an event that nodes keep and hand out: its
// type u8, then the receipt that says all of it.
func EncodeEvent(e *coupon.Event) []byte {
	return AppendEvent(make([]byte, 0, 1+len(e.Receipt)), e)
}

// AppendEvent is EncodeEvent behind b.
func AppendEvent(b []byte, e *coupon.Event) []byte {
	return append(append(b, byte(e.Type)), e.Receipt...)
}

// DecodeEvent is the inverse of EncodeEvent, with the receipt decoded.
func DecodeEvent(b []byte) (coupon.EventType, coupon.Outcome, error) {
	if len(b) == 0 {
		return coupon.EventNone, coupon.Outcome{}, fmt.Errorf("decode event: no bytes")
	}
	o, err := coupon.DecodeReceipt(b[1:])
	if err != nil {
		return coupon.EventNone, coupon.Outcome{}, fmt.Errorf("decode event: %w", err)
	}
	if o.Event() != coupon.EventType(b[0]) {
		return coupon.EventNone, coupon.Outcome{},
			fmt.Errorf("decode event: type %d over the receipt of a %v", b[0], o.Event())
	}
	return o.Event(), o, nil
}
