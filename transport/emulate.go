package transport

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Emulation is what a member's links are made to look like, for experiments.
type Emulation struct {
	// Delay is the one-way delay to each member, by its number; members beyond its
	// end have none.
	Delay []time.Duration
	// Jitter is added to the delay of each frame, uniformly from 0 to Jitter.
	Jitter time.Duration
	// BytesPerSecond bounds what is sent to all members together, with what TLS, TCP, IP
	// and Ethernet add; 0 = no bound. Votes overtake bulk, which waits in the lane's own
	// queue and is dropped beyond its limits. What a member receives has no bound.
	BytesPerSecond int64
	// LossPerMillion is the share of packets that are lost. TCP sends them again: the
	// frame arrives two round trips later.
	LossPerMillion int64
	// Seed begins the random numbers of jitter and loss.
	Seed uint64
}

// What a frame takes on the wire.
const (
	packetSize     = 1448       // of TCP in one packet, what one loss hits
	packetOverhead = 90         // TCP, IP and Ethernet
	recordOverhead = 4 + 5 + 16 // the frame's length, and TLS
)

func packetsOf(size int) int { return max(1, (size+recordOverhead+packetSize-1)/packetSize) }

// emulatedLine is the line of a member as the times at which each lane has sent what
// it was given.
type emulatedLine struct {
	bytesPerSecond int64
	free           [Lanes]time.Time
}

// pass returns when a frame that is given at now has left the line. A vote waits for
// votes and for one packet of bulk that may be leaving, and holds bulk up.
func (l *emulatedLine) pass(now time.Time, lane Lane, size int) time.Time {
	took := func(bytes int) time.Duration {
		return time.Duration(int64(bytes) * int64(time.Second) / l.bytesPerSecond)
	}
	later := func(a, b time.Time) time.Time {
		if a.After(b) {
			return a
		}
		return b
	}
	need := took(size + recordOverhead + packetsOf(size)*packetOverhead)
	if lane == Bulk {
		l.free[Bulk] = later(l.free[Bulk], now).Add(need)
		return l.free[Bulk]
	}
	begin := later(l.free[Votes], now)
	if l.free[Bulk].After(now) && !l.free[Votes].After(now) {
		begin = begin.Add(took(packetSize + packetOverhead))
	}
	l.free[Votes] = begin.Add(need)
	l.free[Bulk] = later(l.free[Bulk], now).Add(need)
	return l.free[Votes]
}

// Shape returns the emulation as a Config takes it.
func (e Emulation) Shape() Shape {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(e.Seed, e.Seed))
	line := emulatedLine{bytesPerSecond: e.BytesPerSecond}
	return func(to uint16, lane Lane, size int) (time.Duration, bool) {
		mu.Lock()
		defer mu.Unlock()
		delay := time.Duration(0)
		if int(to) < len(e.Delay) {
			delay = e.Delay[to]
		}
		roundTrip := 2 * delay
		if e.Jitter > 0 {
			delay += time.Duration(random.Int64N(int64(e.Jitter) + 1))
		}
		for packets := packetsOf(size); e.LossPerMillion > 0 && packets > 0; packets-- {
			if random.Int64N(1_000_000) < e.LossPerMillion {
				delay += 2 * roundTrip
			}
		}
		if e.BytesPerSecond > 0 {
			now := time.Now()
			delay += line.pass(now, lane, size).Sub(now)
		}
		return delay, false
	}
}
