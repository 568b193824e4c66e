package driver

// What own clients brought and no block has is sent to the other members again: a
// primary may have missed it, or had no room.
const (
	// RepeatTxsMax bounds the transactions that are sent again at one look.
	RepeatTxsMax = 512
	// RepeatPeriodMs is the pause between two looks, in milliseconds.
	RepeatPeriodMs = 250

	// LaneRepeatLeastMs is the first wait where there are lanes, in milliseconds: what has
	// been pushed is with everybody, and more copies are of use only where it is lost.
	LaneRepeatLeastMs = 3000

	repeatTimeouts = 2
	repeatMsMin    = 100
	repeatMsMax    = 8000
)

// RepeatLeastMs is the first wait before something is sent again, in milliseconds:
// repeatTimeouts times the least timeout of the protocol, so that a primary that
// missed a transaction is told within the patience that it is given.
func RepeatLeastMs(timeoutTicksMin uint32) uint64 {
	return min(max(repeatMsMin, repeatTimeouts*uint64(timeoutTicksMin)*TickMs), repeatMsMax)
}

// Repeat says when one thing is due to be sent again: after the least wait, and then
// after twice as long each time.
type Repeat struct {
	// SinceMs is when it was sent last, WaitMs how long it waits from then, both of the
	// caller's clock in milliseconds.
	SinceMs, WaitMs uint64
}

// NewRepeat is of something that is sent now. leastMs is as of RepeatLeastMs.
func NewRepeat(nowMs, leastMs uint64) Repeat { return Repeat{SinceMs: nowMs, WaitMs: leastMs} }

// Due reports whether it is to be sent again now; if so, it counts as sent.
func (r *Repeat) Due(nowMs uint64) bool {
	if r.SinceMs+r.WaitMs > nowMs {
		return false
	}
	r.SinceMs, r.WaitMs = nowMs, max(r.WaitMs, min(2*r.WaitMs, repeatMsMax))
	return true
}
