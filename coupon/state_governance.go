package coupon

import (
	"bytes"
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Prefixes of the rows of governance (rules 3.19), which belong to version 2.
const (
	PrefixProposal      byte = 0x26
	PrefixStop          byte = 0x28
	PrefixSet           byte = 0x2a
	PrefixNextSet       byte = 0x2b
	PrefixOpenProposals byte = 0x2d
	PrefixSeat          byte = 0x40
	PrefixValidatorKey  byte = 0x41
	PrefixEpoch         byte = 0x42
	PrefixFormerSet     byte = 0x43
	PrefixMisbehaviour  byte = 0x44
	PrefixTenures       byte = 0x45
	PrefixQueue         byte = 0x46
)

// Limits of governance.
const (
	// ActionBytesMax bounds an encoded action.
	ActionBytesMax = 6144
	// OpenProposalsMax is how many proposals of a member may be OPEN at a time.
	OpenProposalsMax = 4
	// VotesMax bounds the votes of a proposal: one of each seat, and the consent of a
	// subject that has none.
	VotesMax = pbft.ReplicasMax + 1
	// AddressSizeMin and AddressSizeMax bound the address of a seat, in bytes.
	AddressSizeMin = 3
	AddressSizeMax = 128
)

// ProposalState is how far a proposal has come.
type ProposalState uint8

// The states of proposals. The last two are final.
const (
	ProposalOpen     ProposalState = iota // collects votes
	ProposalPassed                        // will be executed at its time, or staged
	ProposalExecuted                      // has had its effect
	ProposalFailed                        // never will; its Code says why
)

// String returns the name in rules 3.19.
func (s ProposalState) String() string {
	return named([]string{"OPEN", "PASSED", "EXECUTED", "FAILED"}, uint8(s))
}

func (s ProposalState) decided() bool { return s >= ProposalExecuted }

// Ballot is what a member says of a proposal.
type Ballot uint8

// The ballots.
const (
	BallotNo Ballot = iota
	BallotYes
	BallotVeto // of the subject of a recovery of admin keys alone
)

// Vote is the ballot of a member.
type Vote struct {
	Member uint16
	Ballot Ballot
}

// Proposal is a proposal with its votes, which ascend by member.
type Proposal struct {
	State    ProposalState
	Code     Code // of a FAILED one
	Proposer uint16
	OpenedAt uint64 // Unix ms
	At       uint64 // Unix ms from which it may have its effect; 0: at once
	Votes    []Vote
	Digest   [32]byte // SHA-256 of the action
	Action   []byte   // nil once decided
}

// StopState is how far a stop has come.
type StopState uint8

// The states of stops. Campaigns are stopped in the last two.
const (
	StopPast StopState = iota
	StopInForce
	StopLifting // campaigns get their time back, some in each block
)

// String returns the name in rules 3.19.
func (s StopState) String() string { return named([]string{"PAST", "IN_FORCE", "LIFTING"}, uint8(s)) }

// StopScope says what a stop covers.
type StopScope uint8

// The scopes.
const (
	StopAll      StopScope = iota // every campaign
	StopIssuer                    // those of a member
	StopCampaign                  // one
)

// Stop is a stop of a scope. WindowMs and UsedMs bound how long the scope is stopped: UsedMs
// of the StopWindowMs from WindowMs on.
type Stop struct {
	State    StopState
	From     uint64 // Unix ms
	Until    uint64 // Unix ms
	LengthMs uint64 // LIFTING: what campaigns get
	Cursor   uint32 // LIFTING: the next campaign
	Window   uint64 // Unix ms
	UsedMs   uint64
}

// ValidatorSet is the set of validators of the present epoch.
type ValidatorSet struct {
	First   uint64 // height of its first block
	SinceMs uint64 // the time of that
	Body    pbft.SetBody
}

// Flags of a seat.
const (
	SeatArchive uint8 = 1 // keeps all blocks
	SeatVouched uint8 = 2 // the key was vouched for by the one that has the seat
)

// Seat is what a member has announced for its seat, or to get one.
type Seat struct {
	Key         [32]byte
	Address     string // host:port; "" for those of the genesis file
	Flags       uint8
	Known       Version // the highest that its program knows
	Ready       uint64  // height at which it was ready; 0: never
	ReadyMs     uint64  // when it said so, Unix ms, as the next two
	AnnouncedMs uint64
	RekeyedMs   uint64 // when its last change of keys was put in the queue
}

// Announced is who has announced a validator key, and at which height. The row is never
// deleted: a key has one past.
type Announced struct {
	Member uint16
	Height uint64
}

// EpochRow is the span and the set of an epoch.
type EpochRow struct {
	First   uint64
	Last    uint64 // 0: it runs
	Digest  [32]byte
	SinceMs uint64 // Unix ms
}

// Misbehaving is evidence against a member, once for each epoch and kind.
type Misbehaving struct {
	View   uint64
	Height uint64
	AtMs   uint64
	Body   [32]byte // SHA-256 of the transaction's body
}

// Tenures are those of a member as primary that failed and that it completed, halved at
// each change of epochs.
type Tenures struct{ Failed, Done uint32 }

// The kinds of what waits to change the set.
const (
	queueProposal uint8 = 1
	queueRekey    uint8 = 2
)

// Queued is a change of the set that waits: a proposal, or a member's new key.
type Queued struct {
	Kind uint8 // 1 proposal, 2 key
	Ref  uint32
}

type (
	stopID struct {
		scope StopScope
		id    uint32
	}
	misbehaviourID struct {
		epoch  uint32
		member uint16
		kind   uint8
	}
)

// governance are the tables of governance.
type governance struct {
	proposals  table[uint32, Proposal]
	open       table[uint16, []uint32]
	stops      table[stopID, Stop]
	sets       table[struct{}, ValidatorSet]
	nextSets   table[struct{}, pbft.NextSet]
	formerSets table[struct{}, pbft.SetBody]
	seats      table[uint16, Seat]
	announced  table[[32]byte, Announced]
	epochs     table[uint32, EpochRow]
	misbehaved table[misbehaviourID, Misbehaving]
	tenures    table[uint16, Tenures]
	queue      table[uint32, Queued]
}

func newGovernance() governance {
	g := governance{
		proposals:  newTable(appendProposalKey, DecodeProposal, (*Proposal).AppendTo, 0),
		open:       newTable(appendOpenKey, DecodeOpenProposals, appendOpenProposals, 0),
		stops:      newTable(appendStopKey, DecodeStop, (*Stop).AppendTo, 0),
		sets:       newTable(appendSetKey, DecodeValidatorSet, (*ValidatorSet).AppendTo, 0),
		nextSets:   newTable(appendNextSetKey, decodeNextSet, appendNextSet, 0),
		formerSets: newTable(appendFormerSetKey, decodeSetBody, appendSetBody, 0),
		seats:      newTable(appendSeatKey, DecodeSeat, (*Seat).AppendTo, 0),
		announced:  newTable(appendValidatorKey, DecodeAnnounced, (*Announced).AppendTo, 0),
		epochs:     newTable(appendEpochKey, DecodeEpoch, (*EpochRow).AppendTo, 0),
		misbehaved: newTable(appendMisbehaviourKey, DecodeMisbehaving, (*Misbehaving).AppendTo, 0),
		tenures:    newTable(appendTenuresKey, DecodeTenures, (*Tenures).AppendTo, 0),
		queue:      newTable(appendQueueKey, DecodeQueued, (*Queued).AppendTo, 0),
	}
	g.stops.parseKey, g.queue.parseKey, g.open.parseKey = parseStopKey, parseQueueKey, parseMemberKey
	g.tenures.parseKey, g.misbehaved.parseKey = parseMemberKey, parseMisbehaviourKey
	return g
}

func (g *governance) all() []flusher {
	return []flusher{&g.proposals, &g.open, &g.stops, &g.sets, &g.nextSets, &g.formerSets, &g.seats, &g.announced,
		&g.epochs, &g.misbehaved, &g.tenures, &g.queue}
}

// AppendTo appends the row: 61 bytes, three of each vote, and the action.
func (p *Proposal) AppendTo(b []byte) []byte {
	b = wire.AppendUint16(append(b, byte(p.State)), uint16(p.Code))
	b = wire.AppendUint64(wire.AppendUint64(wire.AppendUint16(b, p.Proposer), p.OpenedAt), p.At)
	b = wire.AppendUint32(b, uint32(len(p.Votes)))
	for _, v := range p.Votes {
		b = append(wire.AppendUint16(b, v.Member), byte(v.Ballot))
	}
	return wire.AppendBytes(append(b, p.Digest[:]...), p.Action)
}

// DecodeProposal decodes a proposal.
func DecodeProposal(b []byte) (Proposal, error) {
	d := newDecoder(b)
	p := Proposal{State: ProposalState(d.Enum8(uint8(ProposalFailed))), Code: d.reason(), Proposer: d.Uint16(),
		OpenedAt: d.time(), At: d.time()}
	d.require((p.Code != OK) == (p.State == ProposalFailed), "a code of what has not failed, or none")
	if n := d.Count(VotesMax, 3); n > 0 {
		p.Votes = make([]Vote, n)
	}
	for i := range p.Votes {
		p.Votes[i] = Vote{d.Uint16(), Ballot(d.Enum8(uint8(BallotVeto)))}
		d.require(i == 0 || p.Votes[i-1].Member < p.Votes[i].Member, "votes not ascending")
	}
	p.Digest = d.Bytes32()
	if a := d.Bytes(ActionBytesMax); len(a) > 0 {
		p.Action = a
	}
	d.require((p.Action == nil) == p.State.decided(), "a decided proposal has no action, others have")
	return p, d.close("proposal")
}

// reason reads why something failed, OK if it has not.
func (d decoder) reason() Code {
	c := Code(d.Uint16())
	d.require(c == OK || c.Listed(), "unlisted code")
	return c
}

func appendOpenProposals(list *[]uint32, b []byte) []byte {
	b = wire.AppendUint32(b, uint32(len(*list)))
	for _, n := range *list {
		b = wire.AppendUint32(b, n)
	}
	return b
}

// DecodeOpenProposals decodes the numbers of a member's OPEN proposals, ascending.
func DecodeOpenProposals(b []byte) ([]uint32, error) {
	d := newDecoder(b)
	list := make([]uint32, d.Count(OpenProposalsMax, 4))
	for i := range list {
		list[i] = d.Uint32()
		d.require(i == 0 || list[i-1] < list[i], "numbers not ascending")
	}
	d.require(len(list) >= 1, "none is open")
	return list, d.close("open proposals")
}

// AppendTo appends the row's 45 bytes.
func (s *Stop) AppendTo(b []byte) []byte {
	b = wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(append(b, byte(s.State)), s.From), s.Until), s.LengthMs)
	return wire.AppendUint64(wire.AppendUint64(wire.AppendUint32(b, s.Cursor), s.Window), s.UsedMs)
}

// DecodeStop decodes a stop.
func DecodeStop(b []byte) (Stop, error) {
	d := newDecoder(b)
	s := Stop{State: StopState(d.Enum8(uint8(StopLifting))), From: d.time(), Until: d.time(), LengthMs: d.time(),
		Cursor: d.Uint32(), Window: d.time(), UsedMs: d.time()}
	return s, d.close("stop")
}

// AppendTo appends the row: 55 bytes, 34 of each seat and two of each skip.
func (s *ValidatorSet) AppendTo(b []byte) []byte {
	return s.Body.Append(wire.AppendUint64(wire.AppendUint64(b, s.First), s.SinceMs))
}

// DecodeValidatorSet decodes the set of the present epoch.
func DecodeValidatorSet(b []byte) (ValidatorSet, error) {
	d := newDecoder(b)
	s := ValidatorSet{First: d.Uint64(), SinceMs: d.time()}
	s.Body = *pbft.ReadSetBody(d.Reader)
	return s, d.close("validator set")
}

func appendNextSet(s *pbft.NextSet, b []byte) []byte { return append(b, s.Encode()...) }

func decodeNextSet(b []byte) (pbft.NextSet, error) {
	s, err := pbft.DecodeNextSet(b)
	if err != nil {
		return pbft.NextSet{}, err
	}
	return *s, nil
}

func appendSetBody(s *pbft.SetBody, b []byte) []byte { return s.Append(b) }

func decodeSetBody(b []byte) (pbft.SetBody, error) {
	s, err := pbft.DecodeSetBody(b)
	if err != nil {
		return pbft.SetBody{}, err
	}
	return *s, nil
}

// AppendTo appends the row: 71 bytes and the address.
func (s *Seat) AppendTo(b []byte) []byte {
	b = append(wire.AppendString(append(b, s.Key[:]...), s.Address), s.Flags)
	b = wire.AppendUint16(b, uint16(s.Known))
	for _, n := range [...]uint64{s.Ready, s.ReadyMs, s.AnnouncedMs, s.RekeyedMs} {
		b = wire.AppendUint64(b, n)
	}
	return b
}

// DecodeSeat decodes what a member has announced.
func DecodeSeat(b []byte) (Seat, error) {
	d := newDecoder(b)
	s := Seat{Key: d.Bytes32(), Address: d.String(AddressSizeMax), Flags: d.Enum8(SeatArchive | SeatVouched),
		Known: Version(d.Uint16()), Ready: d.Uint64(), ReadyMs: d.time(), AnnouncedMs: d.time(), RekeyedMs: d.time()}
	return s, d.close("seat")
}

// AppendTo appends the row's 10 bytes.
func (a *Announced) AppendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint16(b, a.Member), a.Height)
}

// DecodeAnnounced decodes the row of a validator key.
func DecodeAnnounced(b []byte) (Announced, error) {
	d := newDecoder(b)
	a := Announced{Member: d.Uint16(), Height: d.Uint64()}
	return a, d.close("validator key")
}

// AppendTo appends the row's 56 bytes.
func (e *EpochRow) AppendTo(b []byte) []byte {
	b = append(wire.AppendUint64(wire.AppendUint64(b, e.First), e.Last), e.Digest[:]...)
	return wire.AppendUint64(b, e.SinceMs)
}

// DecodeEpoch decodes the row of an epoch.
func DecodeEpoch(b []byte) (EpochRow, error) {
	d := newDecoder(b)
	e := EpochRow{First: d.Uint64(), Last: d.Uint64(), Digest: d.Bytes32(), SinceMs: d.time()}
	return e, d.close("epoch")
}

// AppendTo appends the row's 56 bytes.
func (m *Misbehaving) AppendTo(b []byte) []byte {
	b = wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(b, m.View), m.Height), m.AtMs)
	return append(b, m.Body[:]...)
}

// DecodeMisbehaving decodes the row of evidence.
func DecodeMisbehaving(b []byte) (Misbehaving, error) {
	d := newDecoder(b)
	m := Misbehaving{View: d.Uint64(), Height: d.Uint64(), AtMs: d.time(), Body: d.Bytes32()}
	return m, d.close("misbehaviour")
}

// AppendTo appends the row's 8 bytes.
func (t *Tenures) AppendTo(b []byte) []byte {
	return wire.AppendUint32(wire.AppendUint32(b, t.Failed), t.Done)
}

// DecodeTenures decodes a member's tenures.
func DecodeTenures(b []byte) (Tenures, error) {
	d := newDecoder(b)
	t := Tenures{Failed: d.Uint32(), Done: d.Uint32()}
	d.require(t != Tenures{}, "no tenure")
	return t, d.close("tenures")
}

// AppendTo appends the row's 5 bytes.
func (q *Queued) AppendTo(b []byte) []byte { return wire.AppendUint32(append(b, q.Kind), q.Ref) }

// DecodeQueued decodes what waits to change the set.
func DecodeQueued(b []byte) (Queued, error) {
	d := newDecoder(b)
	q := Queued{Kind: d.Enum8(queueRekey), Ref: d.Uint32()}
	d.require(q.Kind != 0, "kind 0")
	return q, d.close("queue")
}

// ProposalKey returns the key of a proposal.
func ProposalKey(number uint32) []byte { return appendProposalKey(nil, number) }

// OpenProposalsKey returns the key of a member's OPEN proposals.
func OpenProposalsKey(member uint16) []byte { return appendOpenKey(nil, member) }

// StopKey returns the key of a stop.
func StopKey(scope StopScope, id uint32) []byte { return appendStopKey(nil, stopID{scope, id}) }

// SetKey returns the key of the set of the present epoch.
func SetKey() []byte { return []byte{PrefixSet} }

// NextSetKey returns the key of the set of the next epoch.
func NextSetKey() []byte { return []byte{PrefixNextSet} }

// FormerSetKey returns the key of the set of the epoch before.
func FormerSetKey() []byte { return []byte{PrefixFormerSet} }

// SeatKeyOf returns the key of what a member has announced.
func SeatKeyOf(member uint16) []byte { return appendSeatKey(nil, member) }

// ValidatorRowKey returns the key of the row of a validator key.
func ValidatorRowKey(key [32]byte) []byte { return appendValidatorKey(nil, key) }

// EpochKey returns the key of the row of an epoch.
func EpochKey(epoch uint32) []byte { return appendEpochKey(nil, epoch) }

// MisbehaviourKey returns the key of evidence against a member.
func MisbehaviourKey(epoch uint32, member uint16, kind uint8) []byte {
	return appendMisbehaviourKey(nil, misbehaviourID{epoch, member, kind})
}

// TenuresKey returns the key of a member's tenures.
func TenuresKey(member uint16) []byte { return appendTenuresKey(nil, member) }

// QueueKey returns the key of what waits to change the set.
func QueueKey(number uint32) []byte { return appendQueueKey(nil, number) }

func appendProposalKey(b []byte, number uint32) []byte {
	return be32(append(b, PrefixProposal), number)
}

func appendOpenKey(b []byte, member uint16) []byte {
	return be16(append(b, PrefixOpenProposals), member)
}

func appendStopKey(b []byte, id stopID) []byte {
	return be32(append(b, PrefixStop, byte(id.scope)), id.id)
}

func appendSetKey(b []byte, _ struct{}) []byte { return append(b, PrefixSet) }

func appendNextSetKey(b []byte, _ struct{}) []byte { return append(b, PrefixNextSet) }

func appendFormerSetKey(b []byte, _ struct{}) []byte { return append(b, PrefixFormerSet) }

func appendSeatKey(b []byte, member uint16) []byte { return be16(append(b, PrefixSeat), member) }

func appendValidatorKey(b []byte, key [32]byte) []byte {
	return append(append(b, PrefixValidatorKey), key[:]...)
}

func appendEpochKey(b []byte, epoch uint32) []byte { return be32(append(b, PrefixEpoch), epoch) }

func appendMisbehaviourKey(b []byte, id misbehaviourID) []byte {
	return append(be16(be32(append(b, PrefixMisbehaviour), id.epoch), id.member), id.kind)
}

func appendTenuresKey(b []byte, member uint16) []byte { return be16(append(b, PrefixTenures), member) }

func appendQueueKey(b []byte, number uint32) []byte { return be32(append(b, PrefixQueue), number) }

func parseStopKey(k []byte) stopID { return stopID{StopScope(k[1]), binary.BigEndian.Uint32(k[2:])} }

func parseQueueKey(k []byte) uint32 { return binary.BigEndian.Uint32(k[1:]) }

func parseMemberKey(k []byte) uint16 { return binary.BigEndian.Uint16(k[1:]) }

func parseMisbehaviourKey(k []byte) misbehaviourID {
	return misbehaviourID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint16(k[5:]), k[7]}
}

// insertSorted returns a new list with v in its place of an ascending one.
func insertSorted(list []uint32, v uint32) []uint32 {
	at := 0
	for at < len(list) && list[at] < v {
		at++
	}
	return append(append(append(make([]uint32, 0, len(list)+1), list[:at]...), v), list[at:]...)
}

func ascends(keys [][32]byte) bool {
	for i := 1; i < len(keys); i++ {
		if bytes.Compare(keys[i-1][:], keys[i][:]) >= 0 {
			return false
		}
	}
	return true
}
