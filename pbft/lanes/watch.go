package lanes

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// How watched lanes are acknowledged, in nanoseconds: at each change, no more often than
// ackNs, and taken no more often than ackLeastNs.
const (
	ackNs      = 10 * millisecondNs
	ackLeastNs = 5 * millisecondNs
)

// watching is what this member acknowledges.
type watching struct {
	lanes   pbft.Signers
	untilNs int64
	told    []Upto
	toldNs  int64
	tookNs  []int64 // when a LANE-ACK of each member was taken last
}

// watch holds lanes back until enough members have what is proposed of them.
func (l *Lanes) watch(lanes pbft.Signers, nowNs int64) {
	if lanes.Count() == 0 {
		return
	}
	for id := range l.lanes {
		if lanes.Has(pbft.ReplicaID(id)) {
			w := &l.carrier.watched[id]
			if w.untilNs <= nowNs {
				w.acks = make([]Upto, len(l.lanes))
			}
			w.untilNs = nowNs + watchNs
		}
	}
	l.out.Send = append(l.out.Send, Send{To: l.others(), Message: &Watch{View: l.view, Lanes: lanes}})
}

// watchAsked takes a primary's word that lanes are watched.
func (l *Lanes) watchAsked(from pbft.ReplicaID, m *Watch, nowNs int64) pbft.Reason {
	if from != l.primary || m.View != l.view {
		return pbft.IgnoredStale
	}
	w := &l.watching
	w.lanes, w.untilNs, w.told = m.Lanes, nowNs+watchNs, nil
	return pbft.Accepted
}

// acknowledge tells the primary how far this member has watched lanes.
func (l *Lanes) acknowledge(nowNs int64) {
	w := &l.watching
	if nowNs >= w.untilNs || nowNs-w.toldNs < ackNs || l.leads {
		return
	}
	var up []Upto
	for id, x := range l.lanes {
		if w.lanes.Has(pbft.ReplicaID(id)) && x.now != nil {
			up = append(up, Upto{Lane: x.id, Instance: x.now.instance, Seq: x.now.upto()})
		}
	}
	if len(up) > 0 && !slices.Equal(up, w.told) {
		w.told, w.toldNs = up, nowNs
		l.send(l.primary, &Ack{Up: up})
	}
}

// acked takes a LANE-ACK. It decides nothing but which batches of watched lanes may be
// proposed.
func (l *Lanes) acked(from pbft.ReplicaID, m *Ack, nowNs int64) pbft.Reason {
	w := &l.watching
	if !l.leads || nowNs-w.tookNs[from] < ackLeastNs {
		return pbft.IgnoredUnwanted
	}
	w.tookNs[from] = nowNs
	for _, u := range m.Up {
		if int(u.Lane) >= len(l.lanes) {
			return pbft.InvalidContent
		}
		if x := &l.carrier.watched[u.Lane]; nowNs < x.untilNs {
			x.acks[from] = u
		}
	}
	return pbft.Accepted
}

// acknowledged reports whether so many members have a batch, its lane's and this one
// included.
func (w *watched) acknowledged(h *held, members int) bool {
	have := 2
	for id, u := range w.acks {
		if pbft.ReplicaID(id) != h.lane.id && u.Instance == h.run.instance && u.Seq >= h.Seq {
			have++
		}
	}
	return have >= members
}

// writtenOut returns up to which number own batches may be proposed: those that the
// transport has written out to a quorum with this member, or, after somebody lacked the own
// lane, to all that are connected.
func (l *Lanes) writtenOut(nowNs int64) uint32 {
	members := l.cfg.Committee.Quorum() - 1
	if nowNs < l.carrier.ownNs {
		connected := 0
		for _, q := range l.writes.queued {
			if q >= 0 {
				connected++
			}
		}
		members = max(members, connected)
	}
	return l.writes.written(members)
}
