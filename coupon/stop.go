package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of stops (rules 3.33).
const (
	// StopMsMax is how far ahead of its decision a stop may end.
	StopMsMax = 7 * dayMs
	// StopUsedMsMax is how long one scope may be stopped in StopWindowMs.
	StopUsedMsMax = 14 * dayMs
	StopWindowMs  = 60 * dayMs
	// StopsMax bounds the scopes whose stops are remembered: each block looks at all of them.
	StopsMax = 64

	stopSlackMs     = 60_000 // that campaigns get beside the length of a stop
	liftedPerBlock  = 512
	stopScopeIssuer = 1<<16 - 1
)

// StopID names what a stop covers: a scope and, unless it is StopAll, a member or campaign.
type StopID struct {
	Scope StopScope
	ID    uint32
}

func (d decoder) stopID() StopID {
	s := StopID{StopScope(d.Enum8(uint8(StopCampaign))), d.Uint32()}
	d.require((s.Scope == StopAll) == (s.ID == 0), "a stop of all that names one, or of one that names none")
	d.require(s.Scope != StopIssuer || s.ID <= stopScopeIssuer, "no number of a member")
	return s
}

func (s StopID) appendTo(b []byte) []byte { return wire.AppendUint32(append(b, byte(s.Scope)), s.ID) }

func (s StopID) row() stopID { return stopID{s.Scope, s.ID} }

func (s StopID) text(n Names) string {
	switch s.Scope {
	case StopIssuer:
		return "all campaigns of " + n.Member(uint16(s.ID))
	case StopCampaign:
		return fmt.Sprintf("campaign %d", s.ID)
	}
	return "all campaigns"
}

// StopCampaigns is action 10: coupons are neither claimed, handed on nor redeemed until it
// is over, and campaigns get the time back.
type StopCampaigns struct {
	ID     StopID
	Until  uint64   // Unix ms
	Reason [32]byte // SHA-256 of a text
}

// Kind returns ActionStop.
func (*StopCampaigns) Kind() ActionKind { return ActionStop }

func (a *StopCampaigns) appendTo(b []byte) []byte {
	return append(wire.AppendUint64(a.ID.appendTo(b), a.Until), a.Reason[:]...)
}

func (*StopCampaigns) keys() [][32]byte { return nil }

func (a *StopCampaigns) execute(x *exec) Code {
	switch {
	case a.ID.Scope == StopIssuer && x.members.get(x, uint16(a.ID.ID)) == nil,
		a.ID.Scope == StopCampaign && x.campaigns.get(x, a.ID.ID) == nil:
		return BadTerms
	case a.Until <= x.now:
		return BadWindow
	}
	var s Stop
	if p := x.stops.get(x, a.ID.row()); p != nil {
		s = *p
	} else if len(x.knownStops()) >= StopsMax {
		return BadTerms
	}
	if s.State != StopPast {
		return VoteState
	}
	if x.now >= s.Window+StopWindowMs {
		s.Window, s.UsedMs = x.now, 0
	}
	length := a.Until - x.now
	if length > StopMsMax || s.UsedMs+length > StopUsedMsMax {
		return TooLate
	}
	s.State, s.From, s.Until, s.LengthMs, s.Cursor = StopInForce, x.now, a.Until, 0, 0
	s.UsedMs += length
	x.stops.put(x, a.ID.row(), s)
	return OK
}

func (a *StopCampaigns) asks(n Names) string {
	return fmt.Sprintf("stop %s until %d (Unix ms)", a.ID.text(n), a.Until)
}

// LiftStop is action 11: it ends a stop before its time.
type LiftStop struct{ ID StopID }

// Kind returns ActionLift.
func (*LiftStop) Kind() ActionKind { return ActionLift }

func (a *LiftStop) appendTo(b []byte) []byte { return a.ID.appendTo(b) }

func (*LiftStop) keys() [][32]byte { return nil }

func (a *LiftStop) execute(x *exec) Code {
	p := x.stops.get(x, a.ID.row())
	if p == nil || p.State != StopInForce {
		return VoteState
	}
	x.lift(a.ID.row(), *p)
	return OK
}

func (a *LiftStop) asks(n Names) string { return "lift the stop of " + a.ID.text(n) }

// lift begins to give campaigns back the time of a stop. What it would still have lasted
// does not count as used.
func (x *exec) lift(id stopID, s Stop) {
	end := min(x.now, s.Until)
	s.UsedMs -= min(s.UsedMs, s.Until-end)
	s.State, s.LengthMs, s.Cursor = StopLifting, end-s.From+stopSlackMs, 1
	if id.scope == StopCampaign {
		s.Cursor = id.id
	}
	x.stops.put(x, id, s)
}

// knownStops returns the scopes whose stops are remembered. Those that no limit of time asks
// for any more are forgotten.
func (x *exec) knownStops() []stopID {
	var list []stopID
	for _, id := range x.stops.scan(x, []byte{PrefixStop}, StopsMax) {
		if s := x.stops.get(x, id); s.State == StopPast && x.now >= s.Window+StopWindowMs {
			x.stops.remove(x, id)
			continue
		}
		list = append(list, id)
	}
	return list
}

// stopped reports whether a stop covers a campaign, in force or being lifted.
func (x *exec) stopped(campaign uint32, issuer uint16) bool {
	if x.version < Version2 {
		return false
	}
	for _, id := range [...]stopID{{StopAll, 0}, {StopIssuer, uint32(issuer)}, {StopCampaign, campaign}} {
		if s := x.stops.get(x, id); s != nil && s.State != StopPast {
			return true
		}
	}
	return false
}

// liftStops gives campaigns their time back, some in each block (rules 3.32, step 4).
func (x *exec) liftStops() {
	left := liftedPerBlock
	for _, id := range x.knownStops() {
		s := *x.stops.get(x, id)
		if s.State == StopInForce && x.now >= s.Until {
			x.lift(id, s)
			s = *x.stops.get(x, id)
		}
		if s.State != StopLifting {
			continue
		}
		last := x.params.get(x, struct{}{}).NextCampaign - 1
		if id.scope == StopCampaign {
			last = id.id
		}
		for ; left > 0 && s.Cursor <= last; left-- {
			x.stretch(s.Cursor, id, &s)
			s.Cursor++
		}
		if s.Cursor > last {
			s.State, s.LengthMs, s.Cursor = StopPast, 0, 0
			x.happens(EventStopLifted, StopKey(id.scope, id.id))
		}
		x.stops.put(x, id, s)
	}
}

// stretch moves the end of a campaign that a stop covered and that had not ended before.
func (x *exec) stretch(campaign uint32, id stopID, s *Stop) {
	p := x.campaigns.get(x, campaign)
	if p == nil || id.scope == StopIssuer && uint32(p.Issuer) != id.id || x.released(campaign) {
		return
	}
	g := *p
	if End(x.termsOf(campaign, g.Version), &g) <= s.From {
		return
	}
	g.StretchMs = min(g.StretchMs+s.LengthMs, TimeMax)
	x.campaigns.put(x, campaign, g)
}
