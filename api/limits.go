package api

import (
	"sync"
	"time"
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
	// Connections and AddressConnections bound the connections that are open, in all
	// and of one address, of which trusted proxies are free. Defaults 2,048 and 1,024.
	Connections, AddressConnections int
	// Waiting bounds the requests that wait for an outcome or a height. Default
	// 8,192.
	Waiting int
}

// Defaults of Limits that operators set.
const (
	PerSecondDefault          = 200
	StreamsDefault            = 512
	AddressStreamsDefault     = 16
	ConnectionsDefault        = 2048
	AddressConnectionsDefault = 1024
)

func (l *Limits) fill() {
	if l.PerSecond == 0 {
		l.PerSecond = PerSecondDefault
	}
	if l.Burst == 0 {
		l.Burst = 400
	}
	if l.TillPerSecond == 0 {
		l.TillPerSecond = 20
	}
	if l.Streams == 0 {
		l.Streams = StreamsDefault
	}
	if l.AddressStreams == 0 {
		l.AddressStreams = AddressStreamsDefault
	}
	if l.Connections == 0 {
		l.Connections = ConnectionsDefault
	}
	if l.AddressConnections == 0 {
		l.AddressConnections = min(AddressConnectionsDefault, l.Connections)
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
)

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
