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
	// BytesPerSecond bounds what is sent to all members together; 0 = no bound.
	BytesPerSecond int64
	// LossPerMillion is the share of packets that are lost. TCP sends them again: the
	// frame arrives two round trips later.
	LossPerMillion int64
	// Seed begins the random numbers of jitter and loss.
	Seed uint64
}

// packetSize is what one loss hits.
const packetSize = 1448

// Shape returns the emulation as a Config takes it.
func (e Emulation) Shape() Shape {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(e.Seed, e.Seed))
	var free time.Time // when the sender's line is idle again
	return func(to uint16, _ Lane, size int) (time.Duration, bool) {
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
		for packets := (size + packetSize - 1) / packetSize; e.LossPerMillion > 0 && packets > 0; packets-- {
			if random.Int64N(1_000_000) < e.LossPerMillion {
				delay += 2 * roundTrip
			}
		}
		if e.BytesPerSecond > 0 {
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(int64(size) * int64(time.Second) / e.BytesPerSecond))
			delay += free.Sub(now)
		}
		return delay, false
	}
}
