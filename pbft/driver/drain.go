package driver

import "github.com/scrip-network/scrip/pbft"

// Inbox is where what other members said waits for this one's turn.
type Inbox interface {
	// Take takes the next message that came from a member over a lane, false if there is
	// none.
	Take(from pbft.ReplicaID, lane pbft.Lane) (pbft.Message, bool)
	// Judge is told what the engine made of a message that was taken.
	Judge(from pbft.ReplicaID, m pbft.Message, r pbft.Reason)
	// Drop is told of one that did not come to the engine: it brought blocks, and
	// execution lags. Its member asks again.
	Drop(from pbft.ReplicaID, m pbft.Message)
}

// Drain feeds the engine what waits in an inbox, votes first, no more than DrainMax of
// each member and lane, and nothing while execution lags too far: then links fill up.
// It returns how many messages it took.
func (d *Driver) Drain(in Inbox, now Time) (taken int) {
	d.look(now)
	c := d.cfg.Engine.Committee
	for _, lane := range [...]pbft.Lane{pbft.LaneVotes, pbft.LaneBulk} {
		if !Receiving(d.Backlog()) {
			return taken // each executed block brings the caller back here
		}
		for id := range pbft.ReplicaID(c.Size()) {
			if id != d.cfg.Engine.Self {
				taken += d.drainLane(in, id, lane, now)
			}
		}
	}
	return taken
}

func (d *Driver) drainLane(in Inbox, from pbft.ReplicaID, lane pbft.Lane, now Time) int {
	for i := range DrainMax {
		m, ok := in.Take(from, lane)
		if !ok {
			return i
		}
		if pbft.IsCatchUp(m.Kind()) && !Catching(d.Backlog()) {
			in.Drop(from, m)
			continue
		}
		reason, all := d.hear(from, m, now)
		if !all {
			reason = d.engine.Receive(from, m)
		}
		if v, ok := m.(*pbft.Prepare); ok && reason == pbft.Accepted && d.lanes.Lanes != nil {
			d.lanes.Prepared(from, v.Block)
		}
		in.Judge(from, m, reason)
	}
	d.more = true
	return DrainMax
}
