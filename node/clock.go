package node

import (
	"slices"
	"sync"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/transport"
)

// frameClock tells the other members what a member's clock shows: Unix milliseconds
// u64. Consensus does not use it: rule R12 judges the times of blocks.
const frameClock = 0x83

const (
	// clockPeriod is the pause between two such frames, clockFresh how long one counts.
	clockPeriod = 2 * time.Second
	clockFresh  = 4 * clockPeriod
	// clockOffMax is by how much f+1 members must contradict this node's clock, all in
	// one direction, before it is not ready: one of them is honest then, and its clock
	// right. A frame that waited on its way makes a clock look ahead, by less than this.
	clockOffMax = 5 * time.Second
	// warnPeriod is the pause between two lines of the log about one trouble that lasts.
	warnPeriod = time.Minute
)

// heardClock is by how much the own clock was ahead of a member's, and when that was.
type heardClock struct {
	ahead time.Duration
	at    time.Time
}

// clocks compares the own clock with those of the other members. Safe for concurrent
// use.
type clocks struct {
	weak int // f+1

	mu    sync.Mutex // guards heard
	heard map[pbft.ReplicaID]heardClock
}

func newClocks(weak int) *clocks {
	return &clocks{weak: weak, heard: make(map[pbft.ReplicaID]heardClock)}
}

// take notes what a member's clock shows, in a frame of its own. It says no if it is
// no such frame.
func (c *clocks) take(from pbft.ReplicaID, frame []byte, now time.Time) bool {
	r := wire.NewReader(frame[1:])
	theirs := r.Uint64()
	if r.Close() != nil || theirs > timeMsMax {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard[from] = heardClock{now.Round(0).Sub(time.UnixMilli(int64(theirs))), now}
	return true
}

// timeMsMax is the end of the year 9999.
const timeMsMax = 253402300799999

// forget drops what was heard: frames may have waited while this node stood still.
func (c *clocks) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.heard)
}

// ahead returns by how much the own clock is ahead of those of f+1 members at least,
// negative if it is behind; 0 if fewer contradict it, or by less than clockOffMax.
func (c *clocks) ahead(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []time.Duration
	for _, h := range c.heard {
		if now.Sub(h.at) < clockFresh {
			all = append(all, h.ahead)
		}
	}
	if len(all) < c.weak {
		return 0
	}
	slices.Sort(all)
	if least := all[len(all)-c.weak]; least > clockOffMax {
		return least
	}
	if most := all[c.weak-1]; most < -clockOffMax {
		return most
	}
	return 0
}

// tellClock sends the others what the own clock shows.
func (n *Node) tellClock() {
	n.broadcast(transport.Votes, wire.AppendUint64([]byte{frameClock}, nowMs()))
}

// doorMs is the time by which the door judges whether a transaction is in time: never
// behind the chain's own time, and where f+1 members contradict this node's clock, by
// theirs.
func (n *Node) doorMs() uint64 {
	_, timeMs, _ := n.hub.tip()
	now := time.Now()
	return max(timeMs, uint64(max(0, now.Add(-n.clocks.ahead(now)).UnixMilli())))
}
