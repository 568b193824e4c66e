package api

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bounds what clients may ask. Zero stands for the default.
type Limits struct {
	// PerSecond and Burst bound the requests of one client address, IPv6 by /64.
	// Defaults 200 and 400; negative = no limit.
	PerSecond float64
	Burst     int
	// TillPerSecond bounds what one till hands in under its login. Default 20.
	TillPerSecond float64
	// Streams and AddressStreams bound the event streams, in all and of one
	// address. Defaults 512 and 16.
	Streams, AddressStreams int
	// Waiting bounds the requests that wait for an outcome or a height. Default
	// 8,192.
	Waiting int
}

func (l *Limits) fill() {
	if l.PerSecond == 0 {
		l.PerSecond = 200
	}
	if l.Burst == 0 {
		l.Burst = 400
	}
	if l.TillPerSecond == 0 {
		l.TillPerSecond = 20
	}
	if l.Streams == 0 {
		l.Streams = 512
	}
	if l.AddressStreams == 0 {
		l.AddressStreams = 16
	}
	if l.Waiting == 0 {
		l.Waiting = 8192
	}
}

// Limits that nobody needs to change.
const (
	headerBytesMax   = 16 << 10
	bodyBytesMax     = 16 << 10 // the largest transaction in base64 with its wrapping
	waitDefault      = 30 * time.Second
	waitMax          = 60 * time.Second
	minHeightWaitMax = 10 * time.Second
	pageDefault      = 50
	pageMax          = 500
	limiterKeysMax   = 1 << 16
	limiterIdle      = time.Minute
)

// limiter keeps a rate per key. It holds two generations of keys: when the young
// one is full or old, it becomes the old one, and what was old and not asked for
// since is forgotten, which only forgives somebody. Safe for concurrent use.
type limiter struct {
	perSecond rate.Limit
	burst     int

	mu         sync.Mutex // guards all below
	young, old map[string]*rate.Limiter
	turned     time.Time
}

// newLimiter returns a limiter, or nil for no limit.
func newLimiter(perSecond float64, burst int) *limiter {
	if perSecond < 0 {
		return nil
	}
	return &limiter{perSecond: rate.Limit(perSecond), burst: burst, young: make(map[string]*rate.Limiter)}
}

// allow counts one request and reports whether it is within the rate.
func (l *limiter) allow(key string, now time.Time) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.turned) > limiterIdle || len(l.young) >= limiterKeysMax/2 {
		l.young, l.old, l.turned = make(map[string]*rate.Limiter), l.young, now
	}
	k := l.young[key]
	if k == nil {
		if k = l.old[key]; k == nil {
			k = rate.NewLimiter(l.perSecond, l.burst)
		}
		l.young[key] = k
	}
	return k.AllowN(now, 1)
}

// counter bounds how many do something at once, by key and in all. Safe for
// concurrent use.
type counter struct {
	max, keyMax int

	mu   sync.Mutex // guards all below
	all  int
	keys map[string]int
}

func newCounter(max, keyMax int) *counter {
	return &counter{max: max, keyMax: keyMax, keys: make(map[string]int)}
}

// enter counts one more; leave must follow if it returns true.
func (c *counter) enter(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.max || c.keys[key] >= c.keyMax {
		return false
	}
	c.all++
	c.keys[key]++
	return true
}

func (c *counter) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.keys[key]--; c.keys[key] == 0 {
		delete(c.keys, key)
	}
}

// address returns the key under which a client's requests are counted.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
