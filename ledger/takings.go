package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// Taking is one redemption at a member's till, or the undoing of one.
type Taking struct {
	TimeMs uint64 // of its block
	Height uint64
	Index  uint32 // place in the block
	Void   bool
	Coupon coupon.CouponID
	Seq    uint32 // the redemption's
	Till   [32]byte
	// Value is what was taken or given back, Payable what the funders owe for it or
	// owe no more, in minor units.
	Value, Payable uint64
}

// indexTaking enters what names a redemption, the making or undoing of one, under the
// member that was paid. It writes the redemption's row, which says whose till it was.
func indexTaking(extra []store.Write, r *coupon.Result, o *coupon.Outcome, b node.Batch, index uint32) []store.Write {
	row := coupon.RedemptionKey(o.Coupon, o.Seq)
	byKey := func(w coupon.Write, key []byte) int { return bytes.Compare(w.Key, key) }
	at, ok := slices.BinarySearchFunc(r.Writes, row, byKey)
	if !ok {
		return extra
	}
	x, err := coupon.DecodeRedemption(r.Writes[at].Value)
	if err != nil {
		return extra
	}
	t := Taking{TimeMs: b.TimeMs, Height: b.Height, Index: index, Void: o.States(coupon.PartGivenBack), Coupon: o.Coupon,
		Seq: o.Seq, Till: x.TillKey, Value: x.Value, Payable: x.Payable}
	return append(extra, store.Write{Key: takingKey(x.Member, t.TimeMs, t.Index), Value: t.encode()})
}

func takingKey(member uint16, timeMs uint64, index uint32) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 1+2+8+4), member)
	b = binary.BigEndian.AppendUint64(append([]byte{indexTakings}, b...), timeMs)
	return binary.BigEndian.AppendUint32(b, index)
}

func (t *Taking) encode() []byte {
	b := wire.AppendUint64(make([]byte, 0, 8+1+8+4+32+8+8), t.Height)
	var void uint8
	if t.Void {
		void = 1
	}
	b = wire.AppendUint8(b, void)
	b = wire.AppendUint32(wire.AppendUint64(b, uint64(t.Coupon)), t.Seq)
	b = append(b, t.Till[:]...)
	return wire.AppendUint64(wire.AppendUint64(b, t.Value), t.Payable)
}

func decodeTaking(at, value []byte) (Taking, error) {
	r := wire.NewReader(value)
	t := Taking{Height: r.Uint64(), Void: r.Enum8(1) == 1, Coupon: coupon.CouponID(r.Uint64()), Seq: r.Uint32(),
		Till: r.Bytes32(), Value: r.Uint64(), Payable: r.Uint64()}
	if err := r.Close(); err != nil || len(at) != 12 {
		return Taking{}, fmt.Errorf("taking of %d bytes under %d: %w", len(value), len(at), err)
	}
	t.TimeMs, t.Index = binary.BigEndian.Uint64(at), binary.BigEndian.Uint32(at[8:])
	return t, nil
}

// TakingPlace is where a taking stands in the list of its member.
type TakingPlace struct {
	TimeMs uint64
	Index  uint32
}

// Takings calls visit with the redemptions and voids at the tills of a member, in
// the order of the chain, from the given place on, until it returns false.
func Takings(v *store.View, member uint16, from TakingPlace, visit func(Taking) bool) error {
	prefix := takingKey(member, 0, 0)[:1+2]
	return takings(member, visit, func(each func(key, value []byte) bool) error {
		return v.Extras(prefix, takingKey(member, from.TimeMs, from.Index), each)
	})
}

// TakingsDown is Takings from a place on downwards, newest first.
func TakingsDown(v *store.View, member uint16, from TakingPlace, visit func(Taking) bool) error {
	prefix := takingKey(member, 0, 0)[:1+2]
	return takings(member, visit, func(each func(key, value []byte) bool) error {
		return v.ExtrasDown(prefix, takingKey(member, from.TimeMs, from.Index), each)
	})
}

// takings decodes what walk finds.
func takings(member uint16, visit func(Taking) bool, walk func(each func(key, value []byte) bool) error) error {
	var failed error
	err := walk(func(key, value []byte) bool {
		var t Taking
		if t, failed = decodeTaking(key[1+2:], value); failed != nil {
			return false
		}
		return visit(t)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("list the takings of member %d: %w", member, err)
	}
	return nil
}

// BlockHeight returns the height of the block with a digest, once a block stands
// above it. The answer is a place to look at: who asks compares the digest there.
func BlockHeight(v *store.View, digest [32]byte) (height uint64, ok bool) {
	b, ok := v.Extra(blockKey(digest))
	if !ok || len(b) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

func blockKey(digest [32]byte) []byte { return append([]byte{indexBlocks}, digest[:16]...) }
