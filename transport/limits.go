package transport

import (
	"fmt"
	"time"
)

// LaneLimits bounds one lane of one peer. All members must allow the same frames.
type LaneLimits struct {
	FrameBytesMax  int // largest frame; a peer that announces more is cut off
	QueueFramesMax int // most frames waiting to be written
	QueueBytesMax  int // most bytes waiting to be written; at least FrameBytesMax
}

// Limits bounds what peers and strangers can make a Transport hold. Zero stands
// for the default.
type Limits struct {
	// HandshakeTimeout bounds the time from a connection's first byte to the end
	// of its hello. Default 5 s.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long a peer may take no bytes while some wait for it.
	// It applies to pieces of at most 128 KiB, so that large frames over slow
	// links make progress. Default 10 s.
	WriteTimeout time.Duration
	// PingInterval is the time between pings, which measure the round trip and
	// keep idle links alive. Default 3 s.
	PingInterval time.Duration
	// IdleTimeout is how long a link may be silent; at least twice PingInterval.
	// Default 12 s.
	IdleTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause between dials, which doubles
	// from one failure to the next and is jittered down by up to a half.
	// Defaults 100 ms and 5 s.
	BackoffMin, BackoffMax time.Duration
	// CallBackPause is how long the member with the higher ID leaves a link down
	// before it dials itself. Default 1 s.
	CallBackPause time.Duration

	// HandshakesMax bounds connections that are not authenticated yet, all
	// together; one more closes the oldest, so that holding connections open
	// does not keep members out. Default 64, and twice the number of lanes of
	// all peers if that is more.
	HandshakesMax int
	// HandshakesPerAddressMax bounds them for one IP address, where one more is
	// refused. Default 8, and the number of lanes of all peers if that is more,
	// so that a chain on one machine can start.
	HandshakesPerAddressMax int

	// RefusalPause is how long a refused connection goes on counting. Default 1 s.
	RefusalPause time.Duration

	// Votes defaults to frames of 1 MiB and a queue of 4,096 frames and 8 MiB.
	Votes LaneLimits
	// Bulk defaults to frames of 16 MiB and a queue of 4,096 frames and 64 MiB.
	Bulk LaneLimits
}

// frameBytesCeiling is the largest length that the format can express.
const frameBytesCeiling = 1<<31 - 1

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// fill sets defaults and checks the result.
func (l *Limits) fill(peers int) error {
	setDefault(&l.HandshakeTimeout, 5*time.Second)
	setDefault(&l.WriteTimeout, 10*time.Second)
	setDefault(&l.PingInterval, 3*time.Second)
	setDefault(&l.IdleTimeout, 4*l.PingInterval)
	setDefault(&l.BackoffMin, 100*time.Millisecond)
	setDefault(&l.BackoffMax, max(5*time.Second, l.BackoffMin))
	setDefault(&l.CallBackPause, time.Second)
	setDefault(&l.HandshakesMax, max(64, 2*Lanes*peers))
	setDefault(&l.HandshakesPerAddressMax, max(8, Lanes*peers))
	setDefault(&l.RefusalPause, time.Second)
	l.Votes.fill(1<<20, 4096, 8<<20)
	l.Bulk.fill(16<<20, 4096, 64<<20)
	switch {
	case min(l.HandshakeTimeout, l.WriteTimeout, l.PingInterval, l.BackoffMin, l.RefusalPause,
		l.CallBackPause) < 0:
		return fmt.Errorf("a duration is negative: %+v", *l)
	case l.IdleTimeout < 2*l.PingInterval:
		return fmt.Errorf("idle timeout %v is below two ping intervals of %v", l.IdleTimeout, l.PingInterval)
	case l.BackoffMax < l.BackoffMin:
		return fmt.Errorf("longest pause %v is below the shortest, %v", l.BackoffMax, l.BackoffMin)
	case min(l.HandshakesMax, l.HandshakesPerAddressMax) < 0:
		return fmt.Errorf("a limit of connections is negative: %+v", *l)
	}
	for lane := range Lane(Lanes) {
		if err := l.lane(lane).check(); err != nil {
			return fmt.Errorf("%v lane: %w", lane, err)
		}
	}
	return nil
}

func (l *LaneLimits) fill(frameBytes, queueFrames, queueBytes int) {
	setDefault(&l.FrameBytesMax, frameBytes)
	setDefault(&l.QueueFramesMax, queueFrames)
	setDefault(&l.QueueBytesMax, max(queueBytes, l.FrameBytesMax))
}

func (l LaneLimits) check() error {
	if l.FrameBytesMax < 1 || l.FrameBytesMax > frameBytesCeiling ||
		l.QueueFramesMax < 1 || l.QueueBytesMax < l.FrameBytesMax {
		return fmt.Errorf("limits out of range: %+v", l)
	}
	return nil
}

// lane returns the limits of a lane.
func (l *Limits) lane(lane Lane) LaneLimits {
	if lane == Votes {
		return l.Votes
	}
	return l.Bulk
}
