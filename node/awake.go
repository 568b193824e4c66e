package node

import (
	"sync"
	"time"
)

const (
	// stallMax is for how long the loop may stand still before the node counts as
	// frozen: what it knows of the others is as old.
	stallMax = 5 * time.Second
	// settlePeriod is how long after that it is not ready: the others say every second
	// where they stand.
	settlePeriod = 3 * time.Second
)

// awake knows whether the node has been running all the time, or was frozen: stopped
// by somebody, suspended with its machine, or starved. Safe for concurrent use.
type awake struct {
	mu     sync.Mutex // guards all below
	turned time.Time  // last turn of the loop; zero before the first
	woke   time.Time  // end of the last time that it stood still
	asleep time.Duration
}

// gap returns how much time has passed between two readings of the clock: while a
// machine is suspended the monotonic clock may stand still, and the other goes on.
func gap(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// turn notes that the loop turns, and returns for how long it stood still if that was
// too long.
func (a *awake) turn(now time.Time) (frozen time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.turned.IsZero() && gap(a.turned, now) > stallMax {
		a.woke, a.asleep = now, gap(a.turned, now)
		frozen = a.asleep
	}
	a.turned = now
	return frozen
}

// frozen returns for how long the node stood still, if it still does or has not
// settled since; 0 if it is awake.
func (a *awake) frozen(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.turned.IsZero():
		return 0
	case gap(a.turned, now) > stallMax:
		return gap(a.turned, now)
	case !a.woke.IsZero() && now.Sub(a.woke) < settlePeriod:
		return a.asleep
	}
	return 0
}
