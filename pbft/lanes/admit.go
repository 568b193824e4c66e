package lanes

import "slices"

// What may wait for a line before no more is taken from clients (L12).
const (
	// admitBytesMax bounds it for each member, and admitMs is the time of line that it is
	// bounded by if that is less.
	admitBytesMax = 4 << 20
	admitMs       = 1000
)

// Admits reports whether clients' transactions may be taken: what waits to be sent to the
// members that make a quorum fastest is not too much, so that a lane does not outrun its
// line and refusals come early. The member's own share of its pool is bounded besides.
func (l *Lanes) Admits() bool {
	most := min(admitBytesMax, l.lineBytes()*admitMs/1000/int64(max(1, len(l.lanes)-1)))
	waits := make([]int64, 0, len(l.lanes))
	for _, q := range l.writes.queued {
		if q >= 0 {
			waits = append(waits, q)
		}
	}
	need := l.cfg.Committee.Quorum() - 1
	if len(waits) < need || need < 1 {
		return true // nobody is connected: the share bounds it
	}
	slices.Sort(waits)
	return waits[need-1] < max(most, BatchFrameBytesMax)
}
