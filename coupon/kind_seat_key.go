package coupon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindSeatKey is the kind of SeatKey.
const KindSeatKey Kind = 60

// EventSeatAnnounced says that a member has announced a validator key, or an address.
const EventSeatAnnounced EventType = 37

// TagSeat is the tag under which the key of a seat vouches for the next one. It is no tag of
// consensus, so a replica that must not vote any more may use it.
const TagSeat = "scrip/seat/v1"

// Times between new validator keys, of members with a seat and without.
const (
	SeatKeyMs      = 3_600_000
	CandidateKeyMs = dayMs
)

var seatKeyKind = kindSpec{
	name:    "SeatKey",
	since:   Version2,
	decode:  func(d decoder) Fields { return d.seatKey() },
	witness: byMembers,
	further: 2,
	receipt: []Part{PartMember, PartKey},
	events:  []eventSpec{{EventSeatAnnounced, "seat.announced"}},
	tally:   TallyOther,
}

// SeatKey announces the validator key, or the address, with which a member has a seat or
// wants one (rules 1.7 of epochs). The key signs too, and SeatKey, if Vouched is set, the
// one that has the seat.
type SeatKey struct {
	Member  uint16
	Key     [32]byte
	Address string // host:port
	Flags   uint8  // SeatArchive or 0
	Known   Version
	Vouched bool
	Voucher [32]byte // the key that has the seat, if Vouched
}

// Kind returns KindSeatKey.
func (*SeatKey) Kind() Kind { return KindSeatKey }

func (f *SeatKey) appendTo(b []byte) []byte {
	b = append(wire.AppendUint16(b, f.Member), f.Key[:]...)
	b = append(wire.AppendString(b, f.Address), f.Flags)
	b = wire.AppendUint16(b, uint16(f.Known))
	if !f.Vouched {
		return append(b, 0)
	}
	return append(append(b, 1), f.Voucher[:]...)
}

func (d decoder) seatKey() *SeatKey {
	f := &SeatKey{Member: d.Uint16(), Key: d.Bytes32(), Address: d.address(), Flags: d.Enum8(SeatArchive),
		Known: Version(d.Uint16())}
	if f.Vouched = d.Enum8(1) == 1; f.Vouched {
		f.Voucher = d.Bytes32()
	}
	return f
}

// address reads host:port in ASCII: a host without blanks and a port of 1 to 65535.
func (d decoder) address() string {
	s := d.String(AddressSizeMax)
	at := strings.LastIndexByte(s, ':')
	ok := len(s) >= AddressSizeMin && at >= 1 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	if ok {
		port, err := strconv.ParseUint(s[at+1:], 10, 16)
		ok = err == nil && port >= 1 && strconv.FormatUint(port, 10) == s[at+1:]
	}
	d.require(ok, "no address of the form host:port")
	return s
}

func (*SeatKey) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *SeatKey) keys() [][32]byte {
	if f.Vouched {
		return [][32]byte{f.Key, f.Voucher}
	}
	return [][32]byte{f.Key}
}

// further counts the new key and, if it vouches, the present one.
func (f *SeatKey) further() int { return len(f.keys()) }

func (f *SeatKey) signatures(c Chain, tx *Tx, body []byte, members []SigCheck) []SigCheck {
	members = append(members, SigCheck{f.Key, body, tx.sigs[0]})
	if f.Vouched {
		members = append(members, SigCheck{f.Voucher, c.messageOf(TagSeat, tx.bodyHash), tx.sigs[1]})
	}
	return members
}

func (*SeatKey) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*SeatKey) about() Subject { return Subject{} }

func (*SeatKey) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (f *SeatKey) shown() string { return f.Address }

// mark has nothing to return: the same key can be announced again.
func (*SeatKey) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *SeatKey) asks(n Names) string {
	vouched := ""
	if f.Vouched {
		vouched = ", which the present key vouches for"
	}
	return fmt.Sprintf("announce a validator key of %s at %s%s", n.Member(f.Member), f.Address, vouched)
}

func (f *SeatKey) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, 0, nil, false); c != OK {
		return c
	}
	var s Seat
	p := x.seats.get(x, f.Member)
	if p != nil {
		s = *p
	}
	fresh := p == nil || s.Key != f.Key
	if fresh && x.announced.get(x, f.Key) != nil || x.knownKey(f.Key) ||
		slices.Contains(x.members.get(x, f.Member).Keys, f.Key) {
		return KeyState
	}
	at := seatOf(&x.set().Body, f.Member)
	wait := uint64(SeatKeyMs)
	if at < 0 {
		wait = CandidateKeyMs
	}
	if fresh && p != nil && x.now < s.AnnouncedMs+wait {
		return TooLate
	}
	if f.Vouched && (at < 0 || x.set().Body.Seats[at].Key != f.Voucher) {
		return NotAuthorised
	}
	vouched := s.Flags & SeatVouched
	if fresh {
		s.Key, s.Ready, s.ReadyMs, s.AnnouncedMs, vouched = f.Key, 0, 0, x.now, 0
		x.announced.put(x, f.Key, Announced{f.Member, x.height})
	}
	if f.Vouched {
		vouched = SeatVouched
	}
	s.Address, s.Flags, s.Known = f.Address, f.Flags|vouched, f.Known
	x.seats.put(x, f.Member, s)
	out.Member, out.Key = f.Member, f.Key
	return OK
}

// isAnnounced reports whether a key is or was that of a validator.
func (x *exec) isAnnounced(key [32]byte) bool {
	return x.version >= Version2 && x.announced.get(x, key) != nil
}

// NewSeatKey makes and signs a SeatKey; the key proves its possession, and voucher, which is
// not nil if f is vouched for, is the one that has the seat.
func (c Chain) NewSeatKey(expires uint64, f *SeatKey, key Signer, voucher *Signer, signers ...MemberSigner) []byte {
	body := c.Body(expires, f)
	sig := key.Sign(c.Message(TagTx, body))
	b := c.signMembers(body, signers, &sig)
	if voucher != nil {
		sig = voucher.Sign(c.Message(TagSeat, body))
		b = append(b, sig[:]...)
	}
	return b
}
