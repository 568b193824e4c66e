package coupon

import (
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

const (
	// SeatsChangedMax bounds the seats that one action adds, and those that it drops.
	SeatsChangedMax = 50
	// DefaultFaults stands for the f or p that DefaultFaults of package pbft gives the new
	// number of seats.
	DefaultFaults uint8 = 255
	// ReadyMs is how long what a candidate says of its readiness counts.
	ReadyMs = 3_600_000
)

// ChangeSeats is action 9: it gives members seats, or takes them. Who has a seat and is
// added gets its new key into it.
type ChangeSeats struct {
	Add                []pbft.Seat // ascending by member
	Drop               []uint16    // ascending, none that is added
	Faults, FastFaults uint8       // f and p, or DefaultFaults
}

// Kind returns ActionSeats.
func (*ChangeSeats) Kind() ActionKind { return ActionSeats }

func (d decoder) changeSeats() *ChangeSeats {
	a := &ChangeSeats{}
	if n := d.Count(SeatsChangedMax, 2+32); n > 0 {
		a.Add = make([]pbft.Seat, n)
	}
	for i := range a.Add {
		a.Add[i] = pbft.Seat{Member: d.Uint16(), Key: d.Bytes32()}
		d.require(i == 0 || a.Add[i-1].Member < a.Add[i].Member, "seats not ascending")
	}
	if n := d.Count(SeatsChangedMax, 2); n > 0 {
		a.Drop = make([]uint16, n)
	}
	for i := range a.Drop {
		a.Drop[i] = d.Uint16()
		d.require(i == 0 || a.Drop[i-1] < a.Drop[i], "members not ascending")
		d.require(!a.adds(a.Drop[i]), "a seat is added and dropped")
	}
	d.require(len(a.Add)+len(a.Drop) > 0, "no change")
	a.Faults, a.FastFaults = d.Uint8(), d.Uint8()
	return a
}

func (a *ChangeSeats) adds(member uint16) bool {
	return slices.ContainsFunc(a.Add, func(s pbft.Seat) bool { return s.Member == member })
}

func (a *ChangeSeats) appendTo(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(len(a.Add)))
	for _, s := range a.Add {
		b = append(wire.AppendUint16(b, s.Member), s.Key[:]...)
	}
	b = wire.AppendUint32(b, uint32(len(a.Drop)))
	for _, m := range a.Drop {
		b = wire.AppendUint16(b, m)
	}
	return append(b, a.Faults, a.FastFaults)
}

func (a *ChangeSeats) keys() [][32]byte {
	list := make([][32]byte, len(a.Add))
	for i := range list {
		list[i] = a.Add[i].Key
	}
	return list
}

// execute refuses what can never be staged; the rest is judged then.
func (*ChangeSeats) execute(x *exec) Code { return x.hasEpochs() }

func (a *ChangeSeats) names(member uint16) bool {
	return a.adds(member) || slices.Contains(a.Drop, member)
}

func (a *ChangeSeats) change(body *pbft.SetBody) {
	body.Seats = slices.DeleteFunc(body.Seats, func(s pbft.Seat) bool { return slices.Contains(a.Drop, s.Member) })
	for _, s := range a.Add {
		if i := seatOf(body, s.Member); i >= 0 {
			body.Seats[i].Key = s.Key
		} else {
			body.Seats = append(body.Seats, s)
		}
	}
	setFaults(body, a.Faults, a.FastFaults)
}

// setFaults sets f and p of a body whose seats are set.
func setFaults(body *pbft.SetBody, faults, fast uint8) {
	p := &body.Parameters
	p.Faults, p.FastFaults = pbft.DefaultFaults(len(body.Seats))
	if faults != DefaultFaults {
		p.Faults = int(faults)
	}
	if fast != DefaultFaults {
		p.FastFaults = int(fast)
	}
}

func (a *ChangeSeats) staged(x *exec, now, _ *pbft.SetBody) Code {
	for _, s := range a.Add {
		if c := x.candidate(now, s); c != OK {
			return c
		}
	}
	for _, member := range a.Drop {
		if seatOf(now, member) < 0 {
			return KeyState
		}
	}
	return OK
}

// candidate checks whether a key may get into a seat.
func (x *exec) candidate(now *pbft.SetBody, s pbft.Seat) Code {
	m, p := x.members.get(x, s.Member), x.seats.get(x, s.Member)
	switch {
	case m == nil:
		return BadTerms
	case m.State != MemberActive:
		return MemberBusy
	case p == nil || p.Key != s.Key || hasKey(now, s.Key):
		return KeyState
	case x.now >= p.ReadyMs+ReadyMs:
		return EvidenceInvalid
	case p.Known < x.version || p.Known < x.proto().NextVersion:
		return TooLate
	}
	return OK
}

func (a *ChangeSeats) asks(n Names) string {
	text := "change the seats of validators:"
	for _, s := range a.Add {
		text += fmt.Sprintf(" add %s;", n.Member(s.Member))
	}
	for _, m := range a.Drop {
		text += fmt.Sprintf(" drop %s;", n.Member(m))
	}
	return text + fmt.Sprintf(" f %s, p %s", faultsText(a.Faults), faultsText(a.FastFaults))
}

func faultsText(n uint8) string {
	if n == DefaultFaults {
		return "as many as the seats allow"
	}
	return fmt.Sprint(n)
}

// ChangeConsensus is action 12: it changes the parameters of the committee.
type ChangeConsensus struct {
	Faults, FastFaults uint8 // f and p, or DefaultFaults
	Window             uint16
	Tenure             uint32
	CheckpointInterval uint32
	ExecutionLag       uint8
	PrecisionMs        uint32
	DelayMs            uint32
	PayloadBytesMax    uint32
}

// Kind returns ActionConsensus.
func (*ChangeConsensus) Kind() ActionKind { return ActionConsensus }

func (a *ChangeConsensus) appendTo(b []byte) []byte {
	b = wire.AppendUint16(append(b, a.Faults, a.FastFaults), a.Window)
	b = append(wire.AppendUint32(wire.AppendUint32(b, a.Tenure), a.CheckpointInterval), a.ExecutionLag)
	for _, n := range [...]uint32{a.PrecisionMs, a.DelayMs, a.PayloadBytesMax} {
		b = wire.AppendUint32(b, n)
	}
	return b
}

func (*ChangeConsensus) keys() [][32]byte { return nil }

func (*ChangeConsensus) execute(x *exec) Code { return x.hasEpochs() }

func (*ChangeConsensus) names(uint16) bool { return false }

func (a *ChangeConsensus) change(body *pbft.SetBody) {
	p := &body.Parameters
	p.Window, p.Tenure, p.CheckpointInterval = uint64(a.Window), uint64(a.Tenure), uint64(a.CheckpointInterval)
	p.ExecutionLag, p.PrecisionMs, p.DelayMs = uint64(a.ExecutionLag), uint64(a.PrecisionMs), uint64(a.DelayMs)
	p.PayloadBytesMax = a.PayloadBytesMax
	setFaults(body, a.Faults, a.FastFaults)
}

func (*ChangeConsensus) staged(*exec, *pbft.SetBody, *pbft.SetBody) Code { return OK }

func (a *ChangeConsensus) asks(Names) string {
	return fmt.Sprintf("run consensus with f %s, p %s, window %d, tenure %d, checkpoints each %d blocks, "+
		"execution lag %d, clocks within %d ms, journeys within %d ms, and payloads of at most %d bytes",
		faultsText(a.Faults), faultsText(a.FastFaults), a.Window, a.Tenure, a.CheckpointInterval, a.ExecutionLag,
		a.PrecisionMs, a.DelayMs, a.PayloadBytesMax)
}

// hasEpochs is E201 on a chain of the original protocol, whose set never changes.
func (x *exec) hasEpochs() Code {
	if x.set().Body.Parameters.Protocol != pbft.DualPath {
		return BadTerms
	}
	return OK
}

// rekey is the change of a member's key in its seat, by its latest announcement.
type rekey struct {
	member uint16
	key    [32]byte
}

func (r rekey) change(body *pbft.SetBody) {
	if i := seatOf(body, r.member); i >= 0 {
		body.Seats[i].Key = r.key
	}
}

func (r rekey) names(member uint16) bool { return r.member == member }

// staged judges again what SeatReady has judged: the key may have been announced anew.
func (r rekey) staged(x *exec, now, _ *pbft.SetBody) Code {
	p := x.seats.get(x, r.member)
	if p == nil || p.Ready == 0 || seatOf(now, r.member) < 0 || hasKey(now, p.Key) {
		return KeyState
	}
	if !x.memberActive(r.member) || !x.trusted(p) {
		return MemberBusy
	}
	return OK
}

// trusted reports whether a new key may get into the seat of its member: its predecessor
// vouched for it, or everybody could see it for a day.
func (x *exec) trusted(p *Seat) bool {
	return p.Flags&SeatVouched != 0 || x.now >= p.AnnouncedMs+KeysDelayMs
}

// seatOf returns the place of a member's seat, -1 if it has none.
func seatOf(body *pbft.SetBody, member uint16) int {
	return slices.IndexFunc(body.Seats, func(s pbft.Seat) bool { return s.Member == member })
}

func hasKey(body *pbft.SetBody, key [32]byte) bool {
	return slices.ContainsFunc(body.Seats, func(s pbft.Seat) bool { return s.Key == key })
}

// nextBody returns the body that a change makes of the present one, with its list of skips,
// or why there is none.
func (x *exec) nextBody(c setChange) (pbft.SetBody, Code) {
	now := &x.set().Body
	next := *now
	next.Epoch, next.Skips, next.Seats = now.Epoch+1, nil, slices.Clone(now.Seats)
	if c != nil {
		c.change(&next)
	}
	slices.SortStableFunc(next.Seats, func(a, b pbft.Seat) int { return int(a.Member) - int(b.Member) })
	if err := pbft.CheckChange(now, &next); err != nil && !errors.Is(err, pbft.ErrSetBody) {
		x.damaged("%v", err)
	} else if err != nil {
		return next, BadTerms
	}
	if c != nil {
		if code := c.staged(x, now, &next); code != OK {
			return next, code
		}
	}
	if x.active(&next, 0) < x.committeeOf(&next).Quorum() {
		return next, MemberBusy
	}
	next.Skips = x.skips(&next)
	return next, OK
}
