package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// QuarterMs is the grain in which a node keeps how campaigns went: every zone's days
// and hours begin with a quarter of an hour.
const QuarterMs = 15 * 60 * 1000

// Counters are what a campaign's row counts from its beginning on.
type Counters struct {
	Issued, Redemptions, Voids uint32
	Accrued                    uint64 // minor units owed for redemptions that stand
}

// indexCourse keeps the counters of a campaign as they stand at the end of the block,
// over those of the same quarter of an hour. As the row counts from the beginning, no
// older entry has to be read. One that is new gets an entry of zeros before all others:
// where it is missing, the node began to keep entries later.
func (m *Machine) indexCourse(extra []store.Write, w *coupon.Write, b node.Batch) []store.Write {
	c, err := coupon.DecodeCampaign(w.Value)
	if err != nil {
		return extra
	}
	n := binary.BigEndian.Uint32(w.Key[1:])
	if _, ok := m.store.Row(w.Key); !ok {
		extra = append(extra, store.Write{Key: courseKey(n, 0), Value: (&Counters{}).encode()})
	}
	now := Counters{Issued: c.Issued, Redemptions: c.Redemptions, Voids: c.Voids, Accrued: c.Accrued}
	return append(extra, store.Write{Key: courseKey(n, b.TimeMs), Value: now.encode()})
}

func courseKey(campaign uint32, timeMs uint64) []byte {
	b := binary.BigEndian.AppendUint32(append(make([]byte, 0, 1+4+4), indexCourses), campaign)
	return binary.BigEndian.AppendUint32(b, uint32(timeMs/QuarterMs))
}

func (c *Counters) encode() []byte {
	b := wire.AppendUint32(wire.AppendUint32(make([]byte, 0, 3*4+8), c.Issued), c.Redemptions)
	return wire.AppendUint64(wire.AppendUint32(b, c.Voids), c.Accrued)
}

func decodeCounters(key, value []byte) (quarterMs uint64, c Counters, err error) {
	r := wire.NewReader(value)
	c = Counters{Issued: r.Uint32(), Redemptions: r.Uint32(), Voids: r.Uint32(), Accrued: r.Uint64()}
	if err := r.Close(); err != nil || len(key) != 1+4+4 {
		return 0, c, fmt.Errorf("counters of %d bytes under %d: %w", len(value), len(key), err)
	}
	return uint64(binary.BigEndian.Uint32(key[1+4:])) * QuarterMs, c, nil
}

// Course calls visit with a campaign's counters at the end of each quarter of an hour
// in which they changed, by the quarter's begin in Unix ms: first with the newest
// before fromMs, if the node has one (of zeros and time 0 for a campaign that was new
// when it began to keep them), then with those from fromMs on in ascending order, until
// visit returns false.
func Course(v *store.View, campaign uint32, fromMs uint64, visit func(quarterMs uint64, c Counters) bool) error {
	var failed error
	each := func(key, value []byte) bool {
		at, c, err := decodeCounters(key, value)
		if err != nil {
			failed = err
			return false
		}
		return visit(at, c)
	}
	prefix := courseKey(campaign, 0)[:1+4]
	more := true
	var err error
	if fromMs >= QuarterMs {
		err = v.ExtrasDown(prefix, courseKey(campaign, fromMs-QuarterMs), func(key, value []byte) bool {
			more = each(key, value)
			return false
		})
	}
	if err == nil && failed == nil && more {
		err = v.Extras(prefix, courseKey(campaign, fromMs), each)
	}
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("list the course of campaign %d: %w", campaign, err)
	}
	return nil
}
