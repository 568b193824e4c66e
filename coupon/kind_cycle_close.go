package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindCycleClose is the kind of CycleClose.
const KindCycleClose Kind = 23

// EventSettlementClosing says that a cycle is being closed.
const EventSettlementClosing EventType = 21

var cycleCloseKind = kindSpec{
	name:    "CycleClose",
	since:   Version2,
	decode:  func(d decoder) Fields { return &CycleClose{Cycle: d.Uint32(), Member: d.Uint16()} },
	witness: byMembers,
	receipt: []Part{PartCycle},
	events:  []eventSpec{{EventSettlementClosing, "settlement.closing"}},
	tally:   TallyOther,
}

// CycleClose begins to close a settlement cycle that is over. Any member may ask for it;
// the end of the block and of those that follow does it (rules 3.31).
type CycleClose struct {
	Cycle  uint32
	Member uint16
}

// Kind returns KindCycleClose.
func (*CycleClose) Kind() Kind { return KindCycleClose }

func (f *CycleClose) appendTo(b []byte) []byte {
	return wire.AppendUint16(wire.AppendUint32(b, f.Cycle), f.Member)
}

func (*CycleClose) expiry() (ms uint64, fixed bool) { return 0, false }

func (*CycleClose) keys() [][32]byte { return nil }

func (*CycleClose) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*CycleClose) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*CycleClose) about() Subject { return Subject{} }

func (*CycleClose) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*CycleClose) shown() string { return "" }

func (f *CycleClose) mark() (key []byte, unused func(row []byte) bool) {
	return CycleKey(f.Cycle), func(row []byte) bool { return len(row) == 0 }
}

func (f *CycleClose) asks(Names) string { return fmt.Sprintf("close settlement cycle %d", f.Cycle) }

func (f *CycleClose) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, 0, nil, true); c != OK {
		return c
	}
	p := x.proto()
	switch {
	case x.now/x.m.cycleMs <= uint64(f.Cycle):
		return CutoffNotReached
	case f.Cycle != p.NextCycle, x.cycles.get(x, f.Cycle) != nil:
		return CycleState
	}
	x.cycles.put(x, f.Cycle, Cycle{State: CycleClosing, NetMode: p.NetMode})
	out.Cycle = f.Cycle
	return OK
}
