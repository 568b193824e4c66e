package coupon

import (
	"github.com/scrip-network/scrip/pbft/wire"
)

// KindTillKeyRevoke is the kind of TillKeyRevoke.
const KindTillKeyRevoke Kind = 7

// EventTillRevoked says that a till key was revoked.
const EventTillRevoked EventType = 7

var tillKeyRevokeKind = kindSpec{
	name:    "TillKeyRevoke",
	since:   Version1,
	decode:  func(d decoder) Fields { return &TillKeyRevoke{Member: d.Uint16(), TillKey: d.Bytes32()} },
	witness: byMembers,
	receipt: []Part{PartTill},
	events:  []eventSpec{{EventTillRevoked, "till.revoked"}},
	tally:   TallyOther,
}

// TillKeyRevoke revokes a till key for ever.
type TillKeyRevoke struct {
	Member  uint16
	TillKey [32]byte
}

// Kind returns KindTillKeyRevoke.
func (*TillKeyRevoke) Kind() Kind { return KindTillKeyRevoke }

func (f *TillKeyRevoke) appendTo(b []byte) []byte {
	return append(wire.AppendUint16(b, f.Member), f.TillKey[:]...)
}

func (*TillKeyRevoke) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *TillKeyRevoke) keys() [][32]byte { return [][32]byte{f.TillKey} }

func (*TillKeyRevoke) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*TillKeyRevoke) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*TillKeyRevoke) about() Subject { return Subject{} }

func (*TillKeyRevoke) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*TillKeyRevoke) shown() string { return "" }

func (f *TillKeyRevoke) mark() (key []byte, unused func(row []byte) bool) {
	return TillKey(f.TillKey), func(row []byte) bool {
		t, err := DecodeTill(row)
		return len(row) == 0 || err == nil && t.State != TillRevoked
	}
}

func (f *TillKeyRevoke) asks(n Names) string { return "revoke " + n.Till(f.TillKey) }

func (f *TillKeyRevoke) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, 0, nil, true); c != OK {
		return c
	}
	p := x.tills.get(x, f.TillKey)
	if p == nil || p.Member != f.Member || p.State == TillRevoked {
		return KeyState
	}
	t := *p
	t.State = TillRevoked
	x.tills.put(x, f.TillKey, t)
	out.TillKey = f.TillKey
	return OK
}
