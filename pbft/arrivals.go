package pbft

// How long bytes that came from a member speak for more to come, in ticks: 50 ms at
// ticks of 10 ms.
const arrivalTicks = 5

// ArrivingBytes is what must have come from a member on the bulk lane within
// arrivalTicks before a timer stands still for it: 320 kB/s, below any line that
// carries a chain.
const ArrivingBytes = 16 << 10

// Arrivals remembers what lately came from each member on the bulk lane, whole
// messages or not. On a line that votes overtake payload on, it tells a body that is
// on its way from one that somebody withholds. It is not safe for concurrent use.
type Arrivals struct{ of []arrivals }

type arrivals struct {
	at    uint64 // tick plus one of the newest entry
	bytes [arrivalTicks]int
}

// NewArrivals returns one for so many members, of whom nothing came.
func NewArrivals(members int) Arrivals { return Arrivals{make([]arrivals, members)} }

// Add notes bytes that came from a member at a tick. Ticks may not go back; bytes of
// nobody, or none, are not noted.
func (a *Arrivals) Add(from ReplicaID, tick uint64, bytes int) {
	if int(from) >= len(a.of) || bytes <= 0 {
		return
	}
	x := &a.of[from]
	x.turn(tick)
	slot := &x.bytes[tick%arrivalTicks]
	*slot = min(*slot+min(bytes, ArrivingBytes), ArrivingBytes)
}

// Flowing reports whether anything came from a member within the last arrivalTicks.
func (a *Arrivals) Flowing(from ReplicaID, tick uint64) bool { return a.recent(from, tick) > 0 }

// Arriving reports whether at least ArrivingBytes came from it within them.
func (a *Arrivals) Arriving(from ReplicaID, tick uint64) bool {
	return a.recent(from, tick) >= ArrivingBytes
}

func (a *Arrivals) recent(from ReplicaID, tick uint64) (bytes int) {
	if int(from) >= len(a.of) {
		return 0
	}
	x := &a.of[from]
	x.turn(tick)
	for _, b := range x.bytes {
		bytes += b
	}
	return bytes
}

// turn empties the entries of the ticks that have passed.
func (x *arrivals) turn(tick uint64) {
	for range min(tick+1-min(tick+1, x.at), arrivalTicks) {
		x.at++
		x.bytes[(x.at-1)%arrivalTicks] = 0
	}
	if x.at < tick+1 { // all are empty
		x.at = tick + 1
	}
}
