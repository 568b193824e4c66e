package transport

import (
	"fmt"
	"time"
)

// Drop says why a frame was not delivered.
type Drop uint8

// The causes of drops.
const (
	DropDown   Drop = iota // the link was down
	DropFull               // the link's queue was full
	DropSize               // no bytes, or beyond the lane's limit
	DropShaped             // lost by Config.Shape
	DropLost               // queued, and not written when the link broke

	dropCount
)

var dropNames = [dropCount]string{"down", "full", "size", "shaped", "lost"}

// String returns the cause's name, as used in metrics.
func (d Drop) String() string {
	if d < dropCount {
		return dropNames[d]
	}
	return fmt.Sprintf("drop %d", uint8(d))
}

// Drops lists every cause.
func Drops() []Drop { return []Drop{DropDown, DropFull, DropSize, DropShaped, DropLost} }

// Reasons lists every reason.
func Reasons() []Reason {
	all := make([]Reason, reasonCount)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// LinkStats is a snapshot of one lane to one peer. Bytes are those of frames,
// without headers and TLS. Counters grow from the start of the process.
type LinkStats struct {
	Peer uint16
	Lane Lane
	Up   bool

	SentFrames, SentBytes         uint64 // written to the connection or its buffer
	ReceivedFrames, ReceivedBytes uint64
	Dropped                       [dropCount]uint64 // by Drop
	Connects                      uint64            // times the link came up; reconnects are one less
	DialFailures                  uint64
	QueuedFrames, QueuedBytes     int
	RoundTrip                     time.Duration // last measured; 0 if never
	// Contested: the link changes hands again and again, as if two processes used the
	// peer's key.
	Contested bool
}

// Stats is a snapshot of a Transport. Its parts are read one after the other.
type Stats struct {
	Links    []LinkStats         // by peer as configured, then lane
	Ended    [reasonCount]uint64 // connections refused or ended, by Reason
	Pending  int                 // connections not authenticated yet
	Misfired uint64              // Send to a member or lane that does not exist
	// Contested: several members end this one's links again and again, as if another
	// process used its key.
	Contested bool
}

// Stats returns a snapshot. Safe for concurrent use.
func (t *Transport) Stats() Stats {
	s := Stats{
		Links: make([]LinkStats, 0, len(t.order)), Ended: t.reasons.snapshot(),
		Pending: t.pending.size(), Misfired: t.misfired.Load(), Contested: t.ownContested(time.Now()),
	}
	for _, l := range t.order {
		s.Links = append(s.Links, l.stats())
	}
	return s
}

func (l *link) stats() LinkStats {
	s := LinkStats{
		Peer: l.peer.ID, Lane: l.lane,
		SentFrames: l.sentFrames.Load(), SentBytes: l.sentBytes.Load(),
		ReceivedFrames: l.receivedFrames.Load(), ReceivedBytes: l.receivedBytes.Load(),
		Connects: l.connects.Load(), DialFailures: l.dialFailures.Load(),
		RoundTrip: time.Duration(l.roundTripNanos.Load()), Contested: l.theirs.lasts(time.Now()),
	}
	for i := range s.Dropped {
		s.Dropped[i] = l.drops[i].Load()
	}
	if session := l.session.Load(); session != nil {
		s.Up = true
		s.QueuedFrames, s.QueuedBytes = session.queue.load()
	}
	return s
}
