// Package throttle bounds how often somebody may ask: a rate for each key, such as
// the address of a client, in bounded memory.
package throttle

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// KeysMax bounds the keys that a Limiter holds.
	KeysMax = 1 << 16
	// idle is after how long without a request a key may be forgotten. A bucket that
	// takes longer to fill up is forgiven then.
	idle = time.Minute
)

// Limiter keeps a rate per key. It holds two generations of keys: when the young
// one is full or old, it becomes the old one, and what was old and not asked for
// since is forgotten, which only forgives somebody. Safe for concurrent use; a nil
// Limiter allows everything.
type Limiter struct {
	perSecond rate.Limit
	burst     int

	mu         sync.Mutex // guards all below
	young, old map[string]*rate.Limiter
	turned     time.Time
}

// New returns a limiter of a rate and a burst for each key, or nil for no limit if
// the rate is negative.
func New(perSecond float64, burst int) *Limiter {
	if perSecond < 0 {
		return nil
	}
	return &Limiter{perSecond: rate.Limit(perSecond), burst: burst, young: make(map[string]*rate.Limiter)}
}

// Allow counts one request and reports whether it is within the rate.
func (l *Limiter) Allow(key string, now time.Time) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(key, now).AllowN(now, 1)
}

// Spent reports whether the next request would be refused, without counting one: for
// callers who count failures alone.
func (l *Limiter) Spent(key string, now time.Time) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(key, now).TokensAt(now) < 1
}

// of returns the rate of a key and remembers that it was asked for.
func (l *Limiter) of(key string, now time.Time) *rate.Limiter {
	if now.Sub(l.turned) > idle || len(l.young) >= KeysMax/2 {
		l.young, l.old, l.turned = make(map[string]*rate.Limiter), l.young, now
	}
	k := l.young[key]
	if k == nil {
		if k = l.old[key]; k == nil {
			k = rate.NewLimiter(l.perSecond, l.burst)
		}
		l.young[key] = k
	}
	return k
}
