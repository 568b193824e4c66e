package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindTillKeyAdd is the kind of TillKeyAdd.
const KindTillKeyAdd Kind = 6

// EventTillAdded says that a till key was registered.
const EventTillAdded EventType = 6

var tillKeyAddKind = kindSpec{
	name:    "TillKeyAdd",
	since:   Version1,
	decode:  func(d decoder) Fields { return d.tillKeyAdd() },
	witness: byMembers,
	further: 1,
	receipt: []Part{PartTill},
	events:  []eventSpec{{EventTillAdded, "till.added"}},
	tally:   TallyOther,
}

// TillKeyAdd registers a till key of a merchant. The till key signs too.
type TillKeyAdd struct {
	Member     uint16
	Store      uint16
	TillKey    [32]byte
	Rights     uint8
	Currency   uint16
	ValidFrom  uint64
	ValidUntil uint64
	DayCap     uint64
	Label      string
}

// Kind returns KindTillKeyAdd.
func (*TillKeyAdd) Kind() Kind { return KindTillKeyAdd }

func (f *TillKeyAdd) appendTo(b []byte) []byte {
	b = wire.AppendUint16(b, f.Member)
	b = wire.AppendUint16(b, f.Store)
	b = append(b, f.TillKey[:]...)
	b = append(b, f.Rights)
	b = wire.AppendUint16(b, f.Currency)
	b = wire.AppendUint64(b, f.ValidFrom)
	b = wire.AppendUint64(b, f.ValidUntil)
	b = wire.AppendUint64(b, f.DayCap)
	return wire.AppendString(b, f.Label)
}

func (d decoder) tillKeyAdd() *TillKeyAdd {
	f := &TillKeyAdd{Member: d.Uint16(), Store: d.Uint16(), TillKey: d.Bytes32(), Rights: d.rights(),
		Currency: d.Uint16(), ValidFrom: d.time(), ValidUntil: d.time(), DayCap: d.money(),
		Label: d.String(LabelSizeMax)}
	d.require(f.Store >= 1, "store 0")
	d.require(f.DayCap >= 1, "day cap 0")
	return f
}

func (d decoder) rights() uint8 {
	v := d.Uint8()
	d.require(v >= 1 && v <= allRights, "rights beyond 1..7")
	return v
}

func (*TillKeyAdd) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *TillKeyAdd) keys() [][32]byte { return [][32]byte{f.TillKey} }

func (f *TillKeyAdd) signatures(_ Chain, tx *Tx, body []byte, members []SigCheck) []SigCheck {
	return append(members, SigCheck{f.TillKey, body, tx.sigs[0]})
}

func (*TillKeyAdd) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*TillKeyAdd) about() Subject { return Subject{} }

func (*TillKeyAdd) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (f *TillKeyAdd) shown() string { return f.Label }

func (f *TillKeyAdd) mark() (key []byte, unused func(row []byte) bool) {
	return TillKey(f.TillKey), func(row []byte) bool { return len(row) == 0 }
}

func (f *TillKeyAdd) asks(n Names) string {
	return fmt.Sprintf("register %s of %s, store %d", n.Till(f.TillKey), n.Member(f.Member), f.Store)
}

func (f *TillKeyAdd) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, RoleMerchant, nil, false); c != OK {
		return c
	}
	if x.knownKey(f.TillKey) || x.isAnnounced(f.TillKey) {
		return KeyState
	}
	if f.ValidFrom >= f.ValidUntil || x.now >= f.ValidUntil || f.ValidUntil > x.now+TillAheadMsMax {
		return BadWindow
	}
	if !x.lists(f.Currency) {
		return BadTerms
	}
	x.tills.put(x, f.TillKey, Till{Member: f.Member, Store: f.Store, Rights: f.Rights, Currency: f.Currency,
		ValidFrom: f.ValidFrom, ValidUntil: f.ValidUntil, DayCap: f.DayCap, Label: f.Label})
	out.TillKey = f.TillKey
	return OK
}

// NewTillKeyAdd makes and signs a TillKeyAdd; the till key proves its possession.
func (c Chain) NewTillKeyAdd(expires uint64, f *TillKeyAdd, till Signer, signers ...MemberSigner) []byte {
	body := c.Body(expires, f)
	sig := c.SignTill(body, till)
	return c.signMembers(body, signers, &sig)
}
