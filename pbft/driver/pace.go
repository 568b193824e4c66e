package driver

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// distanceWindowNs is for how long the least round trip to a member is remembered at
// least, and half of for how long at most, in nanoseconds.
const distanceWindowNs = 5_000_000_000

// distances are the least round trips to the other members, measured lately: how far
// they are, whatever the load. It is not safe for concurrent use.
type distances struct {
	least [2][]int64 // by member, in this window and in the one before; 0 = none
	since int64
}

func newDistances(members int) distances {
	return distances{least: [2][]int64{make([]int64, members), make([]int64, members)}}
}

// add takes a round trip of a member.
func (d *distances) add(of pbft.ReplicaID, roundTripNs, nowNs int64) {
	if int(of) >= len(d.least[0]) || roundTripNs <= 0 {
		return
	}
	d.turn(nowNs)
	if l := &d.least[0][of]; *l == 0 || roundTripNs < *l {
		*l = roundTripNs
	}
}

// turn begins a new window if the present one is over.
func (d *distances) turn(nowNs int64) {
	age := nowNs - d.since
	if age < distanceWindowNs {
		return
	}
	d.least[0], d.least[1] = d.least[1], d.least[0]
	clear(d.least[0])
	if age >= 2*distanceWindowNs {
		clear(d.least[1])
	}
	d.since = nowNs
}

// ofNs returns the least round trip to a member lately; 0 = unknown.
func (d *distances) ofNs(peer pbft.ReplicaID) (least int64) {
	if int(peer) >= len(d.least[0]) {
		return 0
	}
	for i := range d.least {
		if l := d.least[i][peer]; l != 0 && (least == 0 || l < least) {
			least = l
		}
	}
	return least
}

// quorumNs returns the round trip to the q-th nearest member, this one being its own
// nearest; 0 if too few are known.
func (d *distances) quorumNs(q int, nowNs int64) int64 {
	d.turn(nowNs)
	known := make([]int64, 0, len(d.least[0]))
	for id := range d.least[0] {
		if l := d.ofNs(pbft.ReplicaID(id)); l > 0 {
			known = append(known, l)
		}
	}
	if len(known) < q-1 || q < 2 {
		return 0
	}
	slices.Sort(known)
	return known[q-2]
}

// flight is what this member has proposed in its view and is not committed yet.
type flight struct {
	view  pbft.View
	of    []proposed
	bytes int64 // of their payloads
	// quorumNs is the smoothed time from a proposal to its own prepared certificate.
	quorumNs int64
}

type proposed struct {
	seq       pbft.Seq
	atNs      int64
	bytes     int
	certified bool
}

// sent notes a PRE-PREPARE of this member. One that is sent again is known.
func (f *flight) sent(h *pbft.Header, nowNs int64) {
	if h.View < f.view || h.View == f.view && len(f.of) > 0 && h.Seq <= f.of[len(f.of)-1].seq {
		return
	}
	if h.View > f.view {
		f.view, f.of, f.bytes = h.View, nil, 0
	}
	f.of = append(f.of, proposed{seq: h.Seq, atNs: nowNs, bytes: int(h.PayloadBytes)})
	f.bytes += int64(h.PayloadBytes)
}

// reached notes how far certificates and commits have come.
func (f *flight) reached(high pbft.Rank, committed pbft.Seq, nowNs int64) {
	for i := range f.of {
		p := &f.of[i]
		if p.certified || high.View != f.view || p.seq > high.Seq {
			continue
		}
		p.certified = true
		if f.quorumNs == 0 {
			f.quorumNs = max(nowNs-p.atNs, 1)
		}
		f.quorumNs += (nowNs - p.atNs - f.quorumNs) / 8
	}
	for len(f.of) > 0 && f.of[0].seq <= committed {
		f.bytes -= int64(f.of[0].bytes)
		f.of = f.of[1:]
	}
}
