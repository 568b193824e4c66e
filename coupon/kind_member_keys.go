package coupon

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindMemberKeys is the kind of MemberKeys.
const KindMemberKeys Kind = 40

// EventMemberKeys says that a member's admin keys change, or have changed.
const EventMemberKeys EventType = 27

// KeysDelayMs is how long new admin keys wait, so that a thief's are seen before they
// count.
const KeysDelayMs = dayMs

// dueKeys is the kind of what comes due when pending keys count.
const dueKeys uint8 = 2

var memberKeysKind = kindSpec{
	name:    "MemberKeys",
	since:   Version2,
	decode:  func(d decoder) Fields { return d.memberKeys() },
	witness: byMembers,
	receipt: []Part{PartMember, PartFrom},
	events:  []eventSpec{{EventMemberKeys, "member.keys"}},
	tally:   TallyOther,
}

// MemberKeys changes a member's own admin keys (rules 3.33). Keep are all of the present
// ones that stay, Add are new ones, each of which signs too.
type MemberKeys struct {
	Member    uint16
	Threshold uint8
	Keep      [][32]byte
	Add       [][32]byte
}

// Kind returns KindMemberKeys.
func (*MemberKeys) Kind() Kind { return KindMemberKeys }

func (f *MemberKeys) appendTo(b []byte) []byte {
	b = append(wire.AppendUint16(b, f.Member), f.Threshold)
	for _, list := range [...][][32]byte{f.Keep, f.Add} {
		b = wire.AppendUint32(b, uint32(len(list)))
		for i := range list {
			b = append(b, list[i][:]...)
		}
	}
	return b
}

func (d decoder) memberKeys() *MemberKeys {
	f := &MemberKeys{Member: d.Uint16(), Threshold: d.Uint8()}
	for _, list := range [...]*[][32]byte{&f.Keep, &f.Add} {
		*list = d.keys(d.Count(AdminKeysMax, 32))
		for i := 1; i < len(*list); i++ {
			d.require(bytes.Compare((*list)[i-1][:], (*list)[i][:]) < 0, "keys not ascending")
		}
	}
	for _, k := range f.Add {
		d.require(!slices.Contains(f.Keep, k), "a key is kept and added")
	}
	n := len(f.Keep) + len(f.Add)
	d.require(n >= 1 && n <= AdminKeysMax, "no key or too many")
	d.require(f.Threshold >= 1 && int(f.Threshold) <= n, "threshold beyond the number of keys")
	return f
}

func (*MemberKeys) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *MemberKeys) keys() [][32]byte { return slices.Concat(f.Keep, f.Add) }

// further counts the added keys, each of which proves its possession.
func (f *MemberKeys) further() int { return len(f.Add) }

func (f *MemberKeys) signatures(_ Chain, tx *Tx, body []byte, members []SigCheck) []SigCheck {
	for i, k := range f.Add {
		members = append(members, SigCheck{k, body, tx.sig(i)})
	}
	return members
}

func (*MemberKeys) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*MemberKeys) about() Subject { return Subject{} }

func (*MemberKeys) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*MemberKeys) shown() string { return "" }

// mark has nothing to return: keys can be changed back.
func (*MemberKeys) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *MemberKeys) asks(n Names) string {
	return fmt.Sprintf("keep %d and add %d admin keys of %s, %d of which sign", len(f.Keep), len(f.Add),
		n.Member(f.Member), f.Threshold)
}

func (f *MemberKeys) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSignedInAnyState(tx, f.Member); c != OK {
		return c
	}
	m := *x.members.get(x, f.Member)
	for i := range f.Keep {
		if !m.hasKey(&f.Keep[i]) {
			return KeyState
		}
	}
	for i := range f.Add {
		if m.hasKey(&f.Add[i]) || x.knownKey(f.Add[i]) {
			return KeyState
		}
	}
	now := len(f.Add) == 0 && int(f.Threshold) >= min(int(m.Threshold), len(f.Keep))
	if m.State != MemberActive && !now {
		return MemberBusy
	}
	x.dropPending(f.Member)
	out.Member = f.Member
	if now {
		m.Threshold, m.Keys = f.Threshold, f.Keep
		x.members.put(x, f.Member, m)
		return OK
	}
	p := PendingKeys{At: x.now + KeysDelayMs, Threshold: f.Threshold, Keys: slices.Concat(f.Keep, f.Add)}
	slices.SortFunc(p.Keys, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	x.pending.put(x, f.Member, p)
	x.due.put(x, dueID{p.At, dueKeys, uint32(f.Member)}, struct{}{})
	out.From = p.At
	return OK
}

// dropPending forgets a member's pending keys.
func (x *exec) dropPending(member uint16) {
	if p := x.pending.get(x, member); p != nil {
		x.due.remove(x, dueID{p.At, dueKeys, uint32(member)})
		x.pending.remove(x, member)
	}
}

// NewMemberKeys makes and signs a MemberKeys; added are the signers of its Add, in order.
func (c Chain) NewMemberKeys(expires uint64, f *MemberKeys, added []Signer, signers ...MemberSigner) []byte {
	body := c.Body(expires, f)
	b := c.signMembers(body, signers, nil)
	for _, s := range added {
		sig := s.Sign(c.Message(TagTx, body))
		b = append(b, sig[:]...)
	}
	return b
}
