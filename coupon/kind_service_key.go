package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// The kinds of service keys.
const (
	KindServiceKeyAdd    Kind = 35
	KindServiceKeyRevoke Kind = 36
)

// The events of service keys.
const (
	EventServiceAdded   EventType = 25
	EventServiceRevoked EventType = 26
)

// ServiceAheadMsMax is how far ahead of the block a service key may be valid.
const ServiceAheadMsMax = 3 * yearMs

var (
	serviceKeyAddKind = kindSpec{
		name:    "ServiceKeyAdd",
		since:   Version2,
		decode:  func(d decoder) Fields { return d.serviceKeyAdd() },
		witness: byMembers,
		further: 1,
		receipt: []Part{PartKey},
		events:  []eventSpec{{EventServiceAdded, "service.added"}},
		tally:   TallyOther,
	}
	serviceKeyRevokeKind = kindSpec{
		name:    "ServiceKeyRevoke",
		since:   Version2,
		decode:  func(d decoder) Fields { return &ServiceKeyRevoke{Member: d.Uint16(), Key: d.Bytes32()} },
		witness: byMembers,
		receipt: []Part{PartKey},
		events:  []eventSpec{{EventServiceRevoked, "service.revoked"}},
		tally:   TallyOther,
	}
)

// ServiceKeyAdd registers a key with which a payment member attests payments in one
// currency, up to a sum each day. The key signs too (rules 3.33).
type ServiceKeyAdd struct {
	Member     uint16
	Key        [32]byte
	ValidFrom  uint64
	ValidUntil uint64
	Currency   uint16
	DayCap     uint64
}

// Kind returns KindServiceKeyAdd.
func (*ServiceKeyAdd) Kind() Kind { return KindServiceKeyAdd }

func (f *ServiceKeyAdd) appendTo(b []byte) []byte {
	b = append(append(wire.AppendUint16(b, f.Member), f.Key[:]...), ServicePayment)
	b = wire.AppendUint64(append(b, make([]byte, 32)...), f.ValidFrom) // the point of a SEED key
	b = wire.AppendUint16(wire.AppendUint64(b, f.ValidUntil), f.Currency)
	return wire.AppendUint64(b, f.DayCap)
}

func (d decoder) serviceKeyAdd() *ServiceKeyAdd {
	f := &ServiceKeyAdd{Member: d.Uint16(), Key: d.Bytes32()}
	d.exactly(ServicePayment)
	d.require(d.Bytes32() == [32]byte{}, "a payment key with a point")
	f.ValidFrom, f.ValidUntil, f.Currency, f.DayCap = d.time(), d.time(), d.Uint16(), d.money()
	d.require(f.Currency >= 1 && f.DayCap >= 1, "no currency or no cap")
	return f
}

func (*ServiceKeyAdd) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *ServiceKeyAdd) keys() [][32]byte { return [][32]byte{f.Key} }

func (f *ServiceKeyAdd) signatures(_ Chain, tx *Tx, body []byte, members []SigCheck) []SigCheck {
	return append(members, SigCheck{f.Key, body, tx.sigs[0]})
}

func (*ServiceKeyAdd) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*ServiceKeyAdd) about() Subject { return Subject{} }

func (*ServiceKeyAdd) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*ServiceKeyAdd) shown() string { return "" }

func (f *ServiceKeyAdd) mark() (key []byte, unused func(row []byte) bool) {
	return ServiceRowKey(f.Key), func(row []byte) bool { return len(row) == 0 }
}

func (f *ServiceKeyAdd) asks(n Names) string {
	return fmt.Sprintf("register a payment key of %s for %d of currency %d a day", n.Member(f.Member), f.DayCap,
		f.Currency)
}

// live reports whether the key may attest payments of a member at now.
func (s *ServiceKey) live(member uint16, now uint64) bool {
	return s.State == TillActive && s.Purpose == ServicePayment && s.Member == member &&
		now >= s.ValidFrom && now < s.ValidUntil
}

func (f *ServiceKeyAdd) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, RolePayment, nil, false); c != OK {
		return c
	}
	if x.knownKey(f.Key) || x.isAnnounced(f.Key) {
		return KeyState
	}
	if f.ValidFrom >= f.ValidUntil || x.now >= f.ValidUntil || f.ValidUntil > x.now+ServiceAheadMsMax {
		return BadWindow
	}
	if !x.lists(f.Currency) {
		return BadTerms
	}
	x.services.put(x, f.Key, ServiceKey{Purpose: ServicePayment, Member: f.Member, ValidFrom: f.ValidFrom,
		ValidUntil: f.ValidUntil, Currency: f.Currency, DayCap: f.DayCap})
	out.Key = f.Key
	return OK
}

// knownKey reports whether a key is or was that of a till or service.
func (x *exec) knownKey(key [32]byte) bool {
	return x.tills.get(x, key) != nil || x.version >= Version2 && x.services.get(x, key) != nil
}

// NewServiceKeyAdd makes and signs a ServiceKeyAdd; the key proves its possession.
func (c Chain) NewServiceKeyAdd(expires uint64, f *ServiceKeyAdd, key Signer, signers ...MemberSigner) []byte {
	body := c.Body(expires, f)
	sig := key.Sign(c.Message(TagTx, body))
	return c.signMembers(body, signers, &sig)
}

// ServiceKeyRevoke revokes a service key for ever.
type ServiceKeyRevoke struct {
	Member uint16
	Key    [32]byte
}

// Kind returns KindServiceKeyRevoke.
func (*ServiceKeyRevoke) Kind() Kind { return KindServiceKeyRevoke }

func (f *ServiceKeyRevoke) appendTo(b []byte) []byte {
	return append(wire.AppendUint16(b, f.Member), f.Key[:]...)
}

func (*ServiceKeyRevoke) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *ServiceKeyRevoke) keys() [][32]byte { return [][32]byte{f.Key} }

func (*ServiceKeyRevoke) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*ServiceKeyRevoke) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*ServiceKeyRevoke) about() Subject { return Subject{} }

func (*ServiceKeyRevoke) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*ServiceKeyRevoke) shown() string { return "" }

func (f *ServiceKeyRevoke) mark() (key []byte, unused func(row []byte) bool) {
	return ServiceRowKey(f.Key), func(row []byte) bool {
		s, err := DecodeService(row)
		return len(row) == 0 || err == nil && s.State != TillRevoked
	}
}

func (f *ServiceKeyRevoke) asks(n Names) string {
	return fmt.Sprintf("revoke a payment key of %s", n.Member(f.Member))
}

func (f *ServiceKeyRevoke) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, 0, nil, true); c != OK {
		return c
	}
	p := x.services.get(x, f.Key)
	if p == nil || p.Member != f.Member || p.State == TillRevoked {
		return KeyState
	}
	s := *p
	s.State = TillRevoked
	x.services.put(x, f.Key, s)
	out.Key = f.Key
	return OK
}
