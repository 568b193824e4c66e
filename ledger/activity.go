package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// activityVersion is the first byte of a stored Activity.
const activityVersion = 1

// Activity counts what the blocks of a quarter of an hour held. It is this node's own
// account, like the other indexes: no proof stands behind it.
type Activity struct {
	// BeginMs is the quarter's begin, Unix milliseconds, a multiple of QuarterMs.
	BeginMs uint64
	Blocks  uint64
	// Refused are transactions without an effect, the others those with one, by kind.
	Refused, Claims, Transfers, Redemptions, Voids, Others uint64
}

// Transactions returns how many transactions the blocks held.
func (a *Activity) Transactions() uint64 {
	return a.Refused + a.Claims + a.Transfers + a.Redemptions + a.Voids + a.Others
}

func (a *Activity) add(o *coupon.Outcome) {
	if o.Code != coupon.OK {
		a.Refused++
		return
	}
	switch o.Kind.Tally() {
	case coupon.TallyClaim:
		a.Claims++
	case coupon.TallyTransfer:
		a.Transfers++
	case coupon.TallyRedeem:
		a.Redemptions++
	case coupon.TallyVoid:
		a.Voids++
	case coupon.TallyOther:
		a.Others++
	}
}

// indexActivity adds a block to its quarter. A ledger that is older than this index counts
// from the first block that it executes with it.
func (m *Machine) indexActivity(extra []store.Write, r *coupon.Result, b node.Batch) []store.Write {
	if b.Height == 0 {
		return extra // the genesis is dated, and happened at no time
	}
	a := Activity{BeginMs: b.TimeMs - b.TimeMs%QuarterMs}
	key := activityKey(a.BeginMs)
	latest := m.store.Latest()
	if value, ok := latest.Extra(key); ok {
		var err error
		if a, err = decodeActivity(key[1:], value); err != nil {
			return extra
		}
	} else if latest.Err() != nil {
		return extra // what cannot be read is not begun anew
	}
	a.Blocks++
	for i := range r.Outcomes {
		a.add(&r.Outcomes[i])
	}
	return append(extra, store.Write{Key: key, Value: a.encode()})
}

func activityKey(beginMs uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{indexActivity}, beginMs)
}

func (a *Activity) encode() []byte {
	b := wire.AppendUint8(make([]byte, 0, 1+7*8), activityVersion)
	for _, n := range []uint64{a.Blocks, a.Refused, a.Claims, a.Transfers, a.Redemptions, a.Voids, a.Others} {
		b = wire.AppendUint64(b, n)
	}
	return b
}

func decodeActivity(at, value []byte) (Activity, error) {
	r := wire.NewReader(value)
	version := r.Uint8()
	a := Activity{Blocks: r.Uint64(), Refused: r.Uint64(), Claims: r.Uint64(), Transfers: r.Uint64(),
		Redemptions: r.Uint64(), Voids: r.Uint64(), Others: r.Uint64()}
	if err := r.Close(); err != nil || version != activityVersion || len(at) != 8 {
		return Activity{}, fmt.Errorf("activity of version %d, %d bytes under %d: %w", version, len(value), len(at), err)
	}
	a.BeginMs = binary.BigEndian.Uint64(at)
	return a, nil
}

// Activities calls visit with the quarters that hold blocks, in the order of time, from
// the first that does not begin before fromMs on, until it returns false.
func Activities(v *store.View, fromMs uint64, visit func(Activity) bool) error {
	var failed error
	err := v.Extras([]byte{indexActivity}, activityKey(fromMs), func(key, value []byte) bool {
		var a Activity
		if a, failed = decodeActivity(key[1:], value); failed != nil {
			return false
		}
		return visit(a)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("list the activity: %w", err)
	}
	return nil
}
