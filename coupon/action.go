package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// ActionKind is the kind of an action, with the numbers of rules 3.33.
type ActionKind uint8

// The actions that members decide on together.
const (
	ActionMemberAdd ActionKind = 1 + iota
	ActionMemberState
	ActionMemberRoles
	ActionMemberKeys
	ActionFunding
	ActionCurrency
	ActionParams
	ActionUpgrade
	ActionSeats
	ActionStop
	ActionLift
	ActionConsensus
)

// Action is what a proposal asks for: one of *AddMember, *SetMemberState, *SetMemberRoles,
// *RecoverMember, *SetFunding, *AddCurrency, *SetParams, *Upgrade, *ChangeSeats,
// *StopCampaigns, *LiftStop and *ChangeConsensus.
type Action interface {
	// Kind returns the kind of the action.
	Kind() ActionKind
	// appendTo encodes the fields behind the kind.
	appendTo(b []byte) []byte
	// keys returns all public keys in the fields, which must be valid (E102).
	keys() [][32]byte
	// execute makes the checks in their order and, if all hold, the changes.
	execute(x *exec) Code
	// asks says in words what the action does.
	asks(n Names) string
}

// consenting is an action that takes the consent of its subject.
type consenting interface {
	subject() uint16
	// wants reports whether, as the state is now, the subject has to consent.
	wants(x *exec) bool
}

// setChange is an action that changes the set of validators: it waits in the queue until
// it is staged.
type setChange interface {
	// change makes the next body of the present one, which it may change; staged checks it
	// afterwards, in the order of rules 3.33.
	change(body *pbft.SetBody)
	staged(x *exec, now, next *pbft.SetBody) Code
	// names reports whether a member's seat comes or goes.
	names(member uint16) bool
}

// AppendAction appends an action: its kind, then its fields.
func AppendAction(b []byte, a Action) []byte { return a.appendTo(append(b, byte(a.Kind()))) }

// DecodeAction decodes exactly one action. The error is an *Error of code E101.
func DecodeAction(b []byte) (Action, error) {
	if len(b) > ActionBytesMax {
		return nil, &Error{BadEncoding, fmt.Sprintf("action of %d bytes, at most %d", len(b), ActionBytesMax)}
	}
	d := newDecoder(b)
	a := d.action()
	return a, d.closeObject()
}

func (d decoder) action() Action {
	switch k := ActionKind(d.Uint8()); k {
	case ActionMemberAdd:
		return d.addMember()
	case ActionMemberState:
		return &SetMemberState{d.Uint16(), MemberState(d.Enum8(uint8(MemberLeft)))}
	case ActionMemberRoles:
		return &SetMemberRoles{d.Uint16(), d.someRoles()}
	case ActionMemberKeys:
		a := &RecoverMember{Member: d.Uint16()}
		a.Threshold, a.Keys = d.adminKeys()
		return a
	case ActionFunding:
		return &SetFunding{d.Uint16(), d.Uint16(), d.money()}
	case ActionCurrency:
		return d.addCurrency()
	case ActionParams:
		return &SetParams{d.Uint64(), d.Uint64(), d.Uint64(), d.Uint16(), NetMode(d.Enum8(uint8(NetBilateral)))}
	case ActionUpgrade:
		a := &Upgrade{Version(d.Uint16()), d.Uint64()}
		d.require((a.Version == 0) == (a.Height == 0), "a version without height, or a height without version")
		return a
	case ActionSeats:
		return d.changeSeats()
	case ActionStop:
		a := &StopCampaigns{ID: d.stopID(), Until: d.time(), Reason: d.Bytes32()}
		return a
	case ActionLift:
		return &LiftStop{d.stopID()}
	case ActionConsensus:
		return &ChangeConsensus{d.Uint8(), d.Uint8(), d.Uint16(), d.Uint32(), d.Uint32(), d.Uint8(), d.Uint32(),
			d.Uint32(), d.Uint32()}
	}
	d.require(false, "unlisted action")
	return nil
}

func (d decoder) someRoles() uint8 {
	v := d.Enum8(allRoles)
	d.require(v >= 1, "no role")
	return v
}

// adminKeys reads the threshold and keys of a member.
func (d decoder) adminKeys() (threshold uint8, keys [][32]byte) {
	threshold = d.Uint8()
	keys = d.keys(d.Count(AdminKeysMax, 32))
	d.require(threshold >= 1 && int(threshold) <= len(keys), "threshold beyond the number of keys")
	d.require(ascends(keys), "keys not ascending")
	return threshold, keys
}

func appendAdminKeys(b []byte, threshold uint8, keys [][32]byte) []byte {
	b = wire.AppendUint32(append(b, threshold), uint32(len(keys)))
	for i := range keys {
		b = append(b, keys[i][:]...)
	}
	return b
}

// anyKnown reports whether one of the keys is or was that of a till or service.
func (x *exec) anyKnown(keys [][32]byte) bool {
	for _, k := range keys {
		if x.knownKey(k) {
			return true
		}
	}
	return false
}

// present returns a member that may be changed: E201 if there is none, E609 if it has left.
func (x *exec) present(member uint16) (Member, Code) {
	switch m := x.members.get(x, member); {
	case m == nil:
		return Member{}, BadTerms
	case m.State == MemberLeft:
		return Member{}, MemberBusy
	default:
		return *m, OK
	}
}

// AddMember is action 1: it makes a member.
type AddMember struct {
	Name      string
	Roles     uint8
	Threshold uint8
	Keys      [][32]byte // ascending
}

// Kind returns ActionMemberAdd.
func (*AddMember) Kind() ActionKind { return ActionMemberAdd }

func (d decoder) addMember() *AddMember {
	a := &AddMember{Name: d.String(NameSizeMax), Roles: d.someRoles()}
	d.require(a.Name != "", "no name")
	a.Threshold, a.Keys = d.adminKeys()
	return a
}

func (a *AddMember) appendTo(b []byte) []byte {
	return appendAdminKeys(append(wire.AppendString(b, a.Name), a.Roles), a.Threshold, a.Keys)
}

func (a *AddMember) keys() [][32]byte { return a.Keys }

func (a *AddMember) execute(x *exec) Code {
	if x.anyKnown(a.Keys) {
		return KeyState
	}
	p := *x.params.get(x, struct{}{})
	if p.NextMember > MembersMax {
		return BadTerms
	}
	x.members.put(x, p.NextMember, Member{Roles: a.Roles, Threshold: a.Threshold, Keys: a.Keys, Name: a.Name})
	p.NextMember++
	x.params.put(x, struct{}{}, p)
	return OK
}

func (a *AddMember) asks(Names) string {
	return fmt.Sprintf("add a member called %q with %d admin keys, %d of which sign", a.Name, len(a.Keys), a.Threshold)
}

// SetMemberState is action 2: it suspends a member, brings it back, or lets it leave for
// ever.
type SetMemberState struct {
	Member uint16
	State  MemberState
}

// Kind returns ActionMemberState.
func (*SetMemberState) Kind() ActionKind { return ActionMemberState }

func (a *SetMemberState) appendTo(b []byte) []byte {
	return append(wire.AppendUint16(b, a.Member), byte(a.State))
}

func (*SetMemberState) keys() [][32]byte { return nil }

func (a *SetMemberState) execute(x *exec) Code {
	m, c := x.present(a.Member)
	if c != OK {
		return c
	}
	switch {
	case a.State == MemberLeft && x.bound(a.Member), a.State == MemberSuspended && !x.quorateWithout(a.Member):
		return MemberBusy
	}
	if a.State == MemberLeft {
		x.dropPending(a.Member)
	}
	m.State = a.State
	x.members.put(x, a.Member, m)
	return OK
}

// bound reports whether a member has money locked, debts to act on, or a seat now or soon.
func (x *exec) bound(member uint16) bool {
	for _, id := range x.funding.scan(x, be16([]byte{PrefixFunding}, member), CurrenciesMax) {
		if x.funding.get(x, id).Locked > 0 {
			return true
		}
	}
	if len(x.unpaid.scan(x, be16([]byte{PrefixUnpaid}, member), 1)) > 0 || x.seated(member) {
		return true
	}
	if next := x.nextSets.get(x, struct{}{}); next != nil && seatOf(&next.Body, member) >= 0 {
		return true
	}
	for _, n := range x.queued() {
		q := x.queue.get(x, n)
		if q.Kind == queueRekey && q.Ref == uint32(member) {
			return true
		}
		if q.Kind != queueProposal {
			continue
		}
		if a, ok := x.actionOf(x.proposals.get(x, q.Ref)).(setChange); ok && a.names(member) {
			return true
		}
	}
	return false
}

// quorateWithout reports whether members with a seat could still decide, now and after the
// next change of the set, if one of them could not vote.
func (x *exec) quorateWithout(member uint16) bool {
	quorate := func(body *pbft.SetBody) bool {
		return seatOf(body, member) < 0 || x.active(body, member) >= x.committeeOf(body).Quorum()
	}
	next := x.nextSets.get(x, struct{}{})
	return quorate(&x.set().Body) && (next == nil || quorate(&next.Body))
}

func (a *SetMemberState) asks(n Names) string {
	words := []string{"let %s take part again", "suspend %s", "let %s leave for ever"}
	return fmt.Sprintf(words[a.State], n.Member(a.Member))
}

// SetMemberRoles is action 3. A member consents to a role that it gets.
type SetMemberRoles struct {
	Member uint16
	Roles  uint8
}

// Kind returns ActionMemberRoles.
func (*SetMemberRoles) Kind() ActionKind { return ActionMemberRoles }

func (a *SetMemberRoles) appendTo(b []byte) []byte {
	return append(wire.AppendUint16(b, a.Member), a.Roles)
}

func (*SetMemberRoles) keys() [][32]byte { return nil }

func (a *SetMemberRoles) subject() uint16 { return a.Member }

func (a *SetMemberRoles) wants(x *exec) bool {
	m := x.members.get(x, a.Member)
	return m != nil && a.Roles&^m.Roles != 0
}

func (a *SetMemberRoles) execute(x *exec) Code {
	m, c := x.present(a.Member)
	if c != OK {
		return c
	}
	m.Roles = a.Roles
	x.members.put(x, a.Member, m)
	return OK
}

func (a *SetMemberRoles) asks(n Names) string {
	return fmt.Sprintf("give %s the roles %v", n.Member(a.Member), BitNames(a.Roles, RoleNames()))
}

// RecoverMember is action 4: it replaces the admin keys of a member that has lost its own, or
// was robbed of them.
type RecoverMember struct {
	Member    uint16
	Threshold uint8
	Keys      [][32]byte // ascending
}

// Kind returns ActionMemberKeys.
func (*RecoverMember) Kind() ActionKind { return ActionMemberKeys }

func (a *RecoverMember) appendTo(b []byte) []byte {
	return appendAdminKeys(wire.AppendUint16(b, a.Member), a.Threshold, a.Keys)
}

func (a *RecoverMember) keys() [][32]byte { return a.Keys }

func (a *RecoverMember) execute(x *exec) Code {
	m, c := x.present(a.Member)
	if c != OK {
		return c
	}
	if x.anyKnown(a.Keys) {
		return KeyState
	}
	x.dropPending(a.Member) // else a thief's keys would count after this
	m.Threshold, m.Keys = a.Threshold, a.Keys
	x.members.put(x, a.Member, m)
	return OK
}

func (a *RecoverMember) asks(n Names) string {
	return fmt.Sprintf("replace the admin keys of %s by %d, %d of which sign", n.Member(a.Member), len(a.Keys),
		a.Threshold)
}

// SetFunding is action 5: it sets what a member may lock in a currency. The member consents
// to a higher limit.
type SetFunding struct {
	Member   uint16
	Currency uint16
	Limit    uint64 // minor units
}

// Kind returns ActionFunding.
func (*SetFunding) Kind() ActionKind { return ActionFunding }

func (a *SetFunding) appendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint16(wire.AppendUint16(b, a.Member), a.Currency), a.Limit)
}

func (*SetFunding) keys() [][32]byte { return nil }

func (a *SetFunding) subject() uint16 { return a.Member }

func (a *SetFunding) wants(x *exec) bool {
	return x.members.get(x, a.Member) != nil && a.Limit > a.row(x).Limit
}

// row returns the present limit, which is 0 where no row says otherwise.
func (a *SetFunding) row(x *exec) Funding {
	if p := x.funding.get(x, fundingID{a.Member, a.Currency}); p != nil {
		return *p
	}
	return Funding{}
}

func (a *SetFunding) execute(x *exec) Code {
	if _, c := x.present(a.Member); c != OK {
		return c
	}
	if !x.lists(a.Currency) {
		return BadTerms
	}
	f := a.row(x)
	switch {
	case a.Limit < f.Locked:
		return Underfunded
	case a.Limit > f.Limit && x.overdue(a.Member):
		return PayerOverdue
	}
	f.Limit = a.Limit
	x.funding.put(x, fundingID{a.Member, a.Currency}, f)
	return OK
}

func (a *SetFunding) asks(n Names) string {
	return fmt.Sprintf("let %s lock up to %d of currency %d", n.Member(a.Member), a.Limit, a.Currency)
}

// AddCurrency is action 6: it lists a currency.
type AddCurrency struct{ Currency }

// Kind returns ActionCurrency.
func (*AddCurrency) Kind() ActionKind { return ActionCurrency }

func (d decoder) addCurrency() *AddCurrency {
	a := &AddCurrency{Currency{Number: d.Uint16(), Letters: string(d.Raw(3)), Exponent: d.Enum8(ExponentMax)}}
	d.require(a.Number >= 1 && a.Number <= 999 && upper(a.Letters), "no currency")
	return a
}

func (a *AddCurrency) appendTo(b []byte) []byte { return a.AppendTo(wire.AppendUint16(b, a.Number)) }

func (*AddCurrency) keys() [][32]byte { return nil }

func (a *AddCurrency) execute(x *exec) Code {
	listed := x.currencies.scan(x, []byte{PrefixCurrency}, CurrenciesMax)
	if len(listed) >= CurrenciesMax {
		return BadTerms
	}
	for _, number := range listed {
		if number == a.Number || x.currencies.get(x, number).Letters == a.Letters {
			return BadTerms
		}
	}
	x.currencies.put(x, a.Number, a.Currency)
	return OK
}

func (a *AddCurrency) asks(Names) string {
	return fmt.Sprintf("list the currency %s, number %d, with %d decimals", a.Letters, a.Number, a.Exponent)
}

// SetParams is action 7: it sets the numbers of the protocol row that members may change.
type SetParams struct {
	HolderLifeMs uint64
	MemberLifeMs uint64
	PayMs        uint64
	Clearer      uint16 // 0: none
	NetMode      NetMode
}

// Kind returns ActionParams.
func (*SetParams) Kind() ActionKind { return ActionParams }

func (a *SetParams) appendTo(b []byte) []byte {
	for _, n := range [...]uint64{a.HolderLifeMs, a.MemberLifeMs, a.PayMs} {
		b = wire.AppendUint64(b, n)
	}
	return append(wire.AppendUint16(b, a.Clearer), byte(a.NetMode))
}

func (*SetParams) keys() [][32]byte { return nil }

func (a *SetParams) execute(x *exec) Code {
	clears := true
	if a.Clearer != 0 {
		clears = x.memberActive(a.Clearer) && x.members.get(x, a.Clearer).Roles&RolePayment != 0
	}
	if a.HolderLifeMs < LifeMsMin || a.HolderLifeMs > LifeMsMax || a.MemberLifeMs < a.HolderLifeMs ||
		a.MemberLifeMs > MemberLifeMsMax || a.PayMs < PayMsMin || a.PayMs > PayMsMax || !clears {
		return BadTerms
	}
	p := *x.proto()
	p.HolderLifeMs, p.MemberLifeMs, p.PayMs, p.Clearer, p.NetMode = a.HolderLifeMs, a.MemberLifeMs, a.PayMs, a.Clearer,
		a.NetMode
	x.protocol.put(x, struct{}{}, p)
	x.lifeMs, x.memberLifeMs = p.HolderLifeMs, p.MemberLifeMs
	return OK
}

func (a *SetParams) asks(Names) string {
	return fmt.Sprintf("let transactions live %d ms, those of members %d ms, and give members %d ms to pay; clearer %d, "+
		"net mode %d", a.HolderLifeMs, a.MemberLifeMs, a.PayMs, a.Clearer, a.NetMode)
}

// Notice of upgrades, in blocks (rules 3.17).
const (
	// UpgradeNotice is how far ahead of its decision an upgrade is.
	UpgradeNotice = 4096
	// UpgradeFixed is how close to its height nothing changes an upgrade any more: so the
	// version of a block follows from the state of any of so many blocks below it.
	UpgradeFixed = 512
)

// Upgrade is action 8: another version of the rules holds from a height on. Version and
// height 0 cancel what is decided.
type Upgrade struct {
	Version Version
	Height  uint64
}

// Kind returns ActionUpgrade.
func (*Upgrade) Kind() ActionKind { return ActionUpgrade }

func (a *Upgrade) appendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint16(b, uint16(a.Version)), a.Height)
}

func (*Upgrade) keys() [][32]byte { return nil }

func (a *Upgrade) execute(x *exec) Code {
	p := *x.proto()
	pending := p.NextVersion != 0
	switch {
	case a.Version != 0 && a.Height < x.height+UpgradeNotice,
		pending && x.height+UpgradeFixed > p.NextHeight,
		a.Version == 0 && !pending,
		a.Version != 0 && !x.ready(a.Version):
		return TooLate
	case a.Version != 0 && a.Version != p.Version+1:
		return BadTerms
	}
	p.NextVersion, p.NextHeight = a.Version, a.Height
	x.protocol.put(x, struct{}{}, p)
	return OK
}

// ready reports whether n-f members with a seat, and all that the next set adds, say that
// their programs know a version.
func (x *exec) ready(v Version) bool {
	knows := func(s *pbft.Seat) bool {
		p := x.seats.get(x, s.Member)
		return p != nil && p.Known >= v
	}
	body, know := &x.set().Body, 0
	for i := range body.Seats {
		if knows(&body.Seats[i]) {
			know++
		}
	}
	if know < x.committee().ViewChangeQuorum() {
		return false
	}
	if next := x.nextSets.get(x, struct{}{}); next != nil {
		for i := range next.Body.Seats {
			if s := &next.Body.Seats[i]; seatOf(body, s.Member) < 0 && !knows(s) {
				return false
			}
		}
	}
	return true
}

func (a *Upgrade) asks(Names) string {
	if a.Version == 0 {
		return "cancel the upgrade of the rules"
	}
	return fmt.Sprintf("let version %d of the rules hold from height %d on", a.Version, a.Height)
}
