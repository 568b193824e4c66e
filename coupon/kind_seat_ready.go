package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindSeatReady is the kind of SeatReady.
const KindSeatReady Kind = 61

// EventSeatReady says that a validator key is ready.
const EventSeatReady EventType = 38

// Limits of SeatReady.
const (
	// ReadyBehindMax is how many blocks ago the height that is named may be.
	ReadyBehindMax = 4096
	// ReadyGap is the least number of blocks from one to the next.
	ReadyGap = 64
	// RekeyMs is the least time between two changes of a member's key in its seat.
	RekeyMs = 3_600_000
)

var seatReadyKind = kindSpec{
	name:       "SeatReady",
	since:      Version2,
	decode:     func(d decoder) Fields { return d.seatReady() },
	witness:    byKeys,
	further:    1,
	unrecorded: true,
	receipt:    []Part{PartMember, PartKey},
	events:     []eventSpec{{EventSeatReady, "seat.ready"}},
	tally:      TallyOther,
}

// SeatReady says that the node of an announced key has the state of a recent height, and
// which version of the rules it knows (rules 1.7 of epochs). The rules cannot check the
// root: others compare it and warn. The ready key of a member with a seat gets into it by
// itself.
type SeatReady struct {
	Member uint16
	Key    [32]byte
	Height uint64
	Root   [32]byte
	Known  Version
}

// Kind returns KindSeatReady.
func (*SeatReady) Kind() Kind { return KindSeatReady }

func (f *SeatReady) appendTo(b []byte) []byte {
	b = wire.AppendUint64(append(wire.AppendUint16(b, f.Member), f.Key[:]...), f.Height)
	return wire.AppendUint16(append(b, f.Root[:]...), uint16(f.Known))
}

func (d decoder) seatReady() *SeatReady {
	return &SeatReady{d.Uint16(), d.Bytes32(), d.Uint64(), d.Bytes32(), Version(d.Uint16())}
}

func (*SeatReady) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *SeatReady) keys() [][32]byte { return [][32]byte{f.Key} }

func (f *SeatReady) signatures(_ Chain, tx *Tx, body []byte, checks []SigCheck) []SigCheck {
	return append(checks, SigCheck{f.Key, body, tx.sigs[0]})
}

func (f *SeatReady) sender(*Tx) [32]byte { return f.Key }

func (*SeatReady) about() Subject { return Subject{} }

func (*SeatReady) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*SeatReady) shown() string { return "" }

func (f *SeatReady) mark() (key []byte, unused func(row []byte) bool) {
	return SeatKeyOf(f.Member), func(row []byte) bool {
		s, err := DecodeSeat(row)
		return len(row) == 0 || err == nil && (s.Key != f.Key || s.Ready < f.Height)
	}
}

func (f *SeatReady) asks(n Names) string {
	return fmt.Sprintf("say that the validator of %s is ready at height %d", n.Member(f.Member), f.Height)
}

func (f *SeatReady) execute(x *exec, _ *Tx, out *Outcome) Code {
	p := x.seats.get(x, f.Member)
	if p == nil || p.Key != f.Key {
		return NotFound
	}
	// A dry run does not know the height of its block.
	if !x.dry && (f.Height > x.height || f.Height+ReadyBehindMax < x.height) {
		return EvidenceInvalid
	}
	if p.Ready+ReadyGap > f.Height || f.Known < x.version {
		return TooLate
	}
	s := *p
	s.Ready, s.ReadyMs, s.Known = f.Height, x.now, f.Known
	if x.mayRekey(f.Member, &s) && x.enqueue(Queued{queueRekey, uint32(f.Member)}) {
		s.RekeyedMs = x.now
	}
	x.seats.put(x, f.Member, s)
	out.Member, out.Key = f.Member, f.Key
	return OK
}

// mayRekey reports whether a ready key may wait to get into the seat of its member.
func (x *exec) mayRekey(member uint16, s *Seat) bool {
	body := &x.set().Body
	if x.hasEpochs() != OK || seatOf(body, member) < 0 || hasKey(body, s.Key) || !x.memberActive(member) ||
		x.now < s.RekeyedMs+RekeyMs || !x.trusted(s) {
		return false
	}
	for _, n := range x.queued() {
		if *x.queue.get(x, n) == (Queued{queueRekey, uint32(member)}) {
			return false
		}
	}
	return true
}

// NewSeatReady makes and signs a SeatReady.
func (c Chain) NewSeatReady(expires uint64, f *SeatReady, key Signer) []byte {
	return c.signBody(expires, f, key)
}
