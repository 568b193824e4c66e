package coupon

import (
	"bytes"
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Prefixes of the rows of version 2 (rules 3.19).
const (
	PrefixProtocol     byte = 0x0d
	PrefixMoney        byte = 0x0e
	PrefixRefundBucket byte = 0x10
	PrefixCycle        byte = 0x12
	PrefixPosition     byte = 0x13
	PrefixDebt         byte = 0x14
	PrefixUnpaid       byte = 0x15
	PrefixRefund       byte = 0x16
	PrefixService      byte = 0x23
	PrefixEnd          byte = 0x25
	PrefixDue          byte = 0x27
	PrefixCurrency     byte = 0x29
	PrefixPending      byte = 0x2e
	PrefixGivenBack    byte = 0x2f
	PrefixToPrune      byte = 0x30
	PrefixSeen2        byte = 0x47
)

// PeaksMax is the most peaks of a tree of items: one for each bit of their number.
const PeaksMax = 32

// ServicePayment is the purpose of a service key that attests payments. SEED belongs to a
// later version.
const ServicePayment uint8 = 2

// EndState says how far the end of a campaign has come.
type EndState uint8

// The stages.
const (
	EndedNot      EndState = iota
	EndedReleased          // unused budget is free again
	EndedPruned            // and the rows of its coupons are gone
)

// CampaignMoney is what has become of a campaign's budget (rules 3.19, 3.31). Funders are
// in the order of the terms; entries beyond them are 0.
type CampaignMoney struct {
	Funders    [FundersMax]FunderMoney
	Settled    uint64 // of closed cycles
	Refunded   uint64 // of closed cycles
	Freed      uint64
	Recredited uint64
	Returned   uint32
	Disputes   uint32
	PaceNo     uint32
	PaceUsed   uint32
	Ended      EndState
	EndedCycle uint32
}

// FunderMoney is a funder's part: what it locked for the campaign, owes by closed cycles,
// and gets back by refunds.
type FunderMoney struct{ Lock, Paid, Back uint64 }

// Cycle states.
const (
	CycleClosing uint8 = 1
	CycleClosed  uint8 = 2
)

// Cycle is a settlement cycle that is being closed or is closed.
type Cycle struct {
	State    uint8
	NetMode  NetMode
	Items    uint32
	Phase    uint8      // CLOSING: 0 buckets, 3 positions
	Currency uint16     // CLOSING: the last one netted
	Peaks    [][32]byte // CLOSING: of the tree of items
	ClosedAt uint64     // CLOSED, Unix ms
	Root     [32]byte   // CLOSED: of the tree of items
}

// Position is what a member owes and gets in a cycle, in one currency, by secured debts.
// Held is the part of its lock that stays until its payees confirm.
type Position struct{ Out, In, Held uint64 }

// DebtState is how far a debt between two members has come.
type DebtState uint8

// The states. The payer must act on OPEN, OBJECTED and REPOSTED.
const (
	DebtOpen DebtState = iota
	DebtPosted
	DebtConfirmed
	DebtObjected
	DebtReposted
)

// String returns the name in rules 3.19.
func (s DebtState) String() string {
	return named([]string{"OPEN", "POSTED", "CONFIRMED", "OBJECTED", "REPOSTED"}, uint8(s))
}

// mustAct reports whether the payer has to act.
func (s DebtState) mustAct() bool {
	return s == DebtOpen || s == DebtObjected || s == DebtReposted
}

// Books of debts (rules 3.31): secured by locks, and not.
const (
	BookSecured   uint8 = 0
	BookUnsecured uint8 = 1
)

// Debt is what one member has to pay another for a cycle: a transfer of money outside the
// ledger.
type Debt struct {
	Amount uint64
	State  DebtState
	Ref    [32]byte // the payer's, of its last posting
	At     uint64   // of that, Unix ms
}

// Refunded is what of a redemption was given back after it was final.
type Refunded struct {
	Sum    uint64
	LastAt uint64
}

// ServiceKey is a key of a member that attests payments.
type ServiceKey struct {
	State      TillState // ACTIVE or REVOKED
	Purpose    uint8
	Member     uint16
	Point      [32]byte
	ValidFrom  uint64
	ValidUntil uint64
	Currency   uint16
	DayCap     uint64
	Day        uint32
	DaySum     uint64
}

// DayTotal is a sum of one day.
type DayTotal struct {
	Day uint32
	Sum uint64
}

// PendingKeys are the admin keys that a member will have at a time.
type PendingKeys struct {
	At        uint64
	Threshold uint8
	Keys      [][32]byte
}

type (
	refundBucketID = obligationID
	positionID     struct {
		cycle    uint32
		currency uint16
		member   uint16
	}
	debtID struct {
		cycle        uint32
		currency     uint16
		book         uint8
		payer, payee uint16
	}
	unpaidID struct {
		member uint16
		cycle  uint32
	}
	endID struct {
		end      uint64
		campaign uint32
	}
	dueID struct {
		at     uint64
		kind   uint8
		number uint32
	}
	toPruneID struct{ cycle, campaign uint32 }
)

// tables2 are the tables of version 2.
type tables2 struct {
	governance

	protocol   table[struct{}, Protocol]
	money      table[uint32, CampaignMoney]
	refunds    table[refundBucketID, Obligation]
	cycles     table[uint32, Cycle]
	positions  table[positionID, Position]
	debts      table[debtID, Debt]
	unpaid     table[unpaidID, uint32]
	refunded   table[redemptionID, Refunded]
	services   table[[32]byte, ServiceKey]
	ends       table[endID, struct{}]
	due        table[dueID, struct{}]
	currencies table[uint16, Currency]
	pending    table[uint16, PendingKeys]
	givenBack  table[[32]byte, DayTotal]
	toPrune    table[toPruneID, struct{}]
	seen2      table[uint64, SeenRow]
}

func newTables2() *tables2 {
	t := &tables2{
		protocol:   newTable(appendProtocolKey, DecodeProtocol, (*Protocol).AppendTo, 1),
		money:      newTable(appendMoneyKey, DecodeMoney, (*CampaignMoney).AppendTo, 0),
		refunds:    newTable(appendRefundBucketKey, DecodeObligation, (*Obligation).AppendTo, 0),
		cycles:     newTable(appendCycleKey, DecodeCycle, (*Cycle).AppendTo, 0),
		positions:  newTable(appendPositionKey, DecodePosition, (*Position).AppendTo, 0),
		debts:      newTable(appendDebtKey, DecodeDebt, (*Debt).AppendTo, 0),
		unpaid:     newTable(appendUnpaidKey, decodeUnpaid, appendUnpaid, 0),
		refunded:   newTable(appendRefundKey, DecodeRefunded, (*Refunded).AppendTo, 0),
		services:   newTable(appendServiceKey, DecodeService, (*ServiceKey).AppendTo, 0),
		ends:       newTable(appendEndKey, decodeMark, appendMark, 0),
		due:        newTable(appendDueKey, decodeMark, appendMark, 0),
		pending:    newTable(appendPendingKey, DecodePending, (*PendingKeys).AppendTo, 0),
		givenBack:  newTable(appendGivenBackKey, DecodeDayTotal, (*DayTotal).AppendTo, 0),
		toPrune:    newTable(appendToPruneKey, decodeMark, appendMark, 0),
		seen2:      newTable(appendSeen2Key, DecodeSeen, (*SeenRow).AppendTo, 0),
		currencies: newTable(appendCurrencyKey, DecodeCurrency, (*Currency).AppendTo, 0),
	}
	t.refunds.parseKey, t.positions.parseKey, t.debts.parseKey = parseRefundBucketKey, parsePositionKey, parseDebtKey
	t.unpaid.parseKey, t.ends.parseKey, t.due.parseKey = parseUnpaidKey, parseEndKey, parseDueKey
	t.currencies.parseKey, t.toPrune.parseKey = parseCurrencyKey, parseToPruneKey
	t.refunded.parseKey = parseRedemptionKey
	t.governance = newGovernance()
	return t
}

func (t *tables2) all() []flusher {
	return append(t.governance.all(), &t.protocol, &t.money, &t.refunds, &t.cycles, &t.positions, &t.debts, &t.unpaid,
		&t.refunded, &t.services, &t.ends, &t.due, &t.currencies, &t.pending, &t.givenBack, &t.toPrune, &t.seen2)
}

// AppendTo appends the row's 55 bytes.
func (p *Protocol) AppendTo(b []byte) []byte {
	b = wire.AppendUint16(wire.AppendUint16(b, uint16(p.Version)), uint16(p.NextVersion))
	for _, n := range [...]uint64{p.NextHeight, p.HolderLifeMs, p.MemberLifeMs, p.PayMs} {
		b = wire.AppendUint64(b, n)
	}
	b = wire.AppendUint16(b, p.Clearer)
	for _, n := range [...]uint32{p.NextCycle, p.NextProposal, p.MigCampaign, p.SweepCampaign} {
		b = wire.AppendUint32(b, n)
	}
	return append(b, byte(p.NetMode))
}

// DecodeProtocol decodes the protocol row.
func DecodeProtocol(b []byte) (Protocol, error) {
	d := newDecoder(b)
	p := Protocol{Version: Version(d.Uint16()), NextVersion: Version(d.Uint16()), NextHeight: d.Uint64(),
		HolderLifeMs: d.Uint64(), MemberLifeMs: d.Uint64(), PayMs: d.Uint64(), Clearer: d.Uint16(),
		NextCycle: d.Uint32(), NextProposal: d.Uint32(), MigCampaign: d.Uint32(), SweepCampaign: d.Uint32(),
		NetMode: NetMode(d.Enum8(uint8(NetBilateral)))}
	return p, d.close("protocol")
}

// AppendTo appends the row's 149 bytes.
func (m *CampaignMoney) AppendTo(b []byte) []byte {
	for _, f := range m.Funders {
		b = wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(b, f.Lock), f.Paid), f.Back)
	}
	for _, n := range [...]uint64{m.Settled, m.Refunded, m.Freed, m.Recredited} {
		b = wire.AppendUint64(b, n)
	}
	for _, n := range [...]uint32{m.Returned, m.Disputes, m.PaceNo, m.PaceUsed} {
		b = wire.AppendUint32(b, n)
	}
	return wire.AppendUint32(append(b, byte(m.Ended)), m.EndedCycle)
}

// DecodeMoney decodes the money row of a campaign.
func DecodeMoney(b []byte) (CampaignMoney, error) {
	d := newDecoder(b)
	var m CampaignMoney
	for i := range m.Funders {
		m.Funders[i] = FunderMoney{Lock: d.money(), Paid: d.money(), Back: d.money()}
	}
	m.Settled, m.Refunded, m.Freed, m.Recredited = d.money(), d.money(), d.Uint64(), d.Uint64()
	m.Returned, m.Disputes, m.PaceNo, m.PaceUsed = d.Uint32(), d.Uint32(), d.Uint32(), d.Uint32()
	m.Ended, m.EndedCycle = EndState(d.Enum8(uint8(EndedPruned))), d.Uint32()
	return m, d.close("campaign money")
}

// AppendTo appends the row: up to 1037 bytes while CLOSING, 46 when CLOSED.
func (c *Cycle) AppendTo(b []byte) []byte {
	b = append(b, c.State)
	if c.State == CycleClosed {
		b = wire.AppendUint64(append(b, byte(c.NetMode)), c.ClosedAt)
		return append(wire.AppendUint32(b, c.Items), c.Root[:]...)
	}
	b = wire.AppendUint16(append(b, c.Phase, byte(c.NetMode)), c.Currency)
	b = wire.AppendUint32(wire.AppendUint32(b, c.Items), uint32(len(c.Peaks)))
	for i := range c.Peaks {
		b = append(b, c.Peaks[i][:]...)
	}
	return b
}

// DecodeCycle decodes a cycle row.
func DecodeCycle(b []byte) (Cycle, error) {
	d := newDecoder(b)
	c := Cycle{State: d.Enum8(CycleClosed)}
	d.require(c.State >= CycleClosing, "state 0")
	if c.State == CycleClosed {
		c.NetMode, c.ClosedAt = NetMode(d.Enum8(uint8(NetBilateral))), d.time()
		c.Items, c.Root = d.Uint32(), d.Bytes32()
		return c, d.close("cycle")
	}
	c.Phase, c.NetMode = d.Enum8(3), NetMode(d.Enum8(uint8(NetBilateral)))
	c.Currency, c.Items = d.Uint16(), d.Uint32()
	if n := d.Count(PeaksMax, 32); n > 0 {
		c.Peaks = d.keys(n)
	}
	return c, d.close("cycle")
}

// keys reads n values of 32 bytes.
func (d decoder) keys(n int) [][32]byte {
	list := make([][32]byte, n)
	for i := range list {
		list[i] = d.Bytes32()
	}
	return list
}

// AppendTo appends the row's 24 bytes.
func (p *Position) AppendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(b, p.Out), p.In), p.Held)
}

// DecodePosition decodes a position row.
func DecodePosition(b []byte) (Position, error) {
	d := newDecoder(b)
	p := Position{Out: d.Uint64(), In: d.Uint64(), Held: d.Uint64()}
	return p, d.close("position")
}

// AppendTo appends the row's 49 bytes.
func (t *Debt) AppendTo(b []byte) []byte {
	b = append(wire.AppendUint64(b, t.Amount), byte(t.State))
	return wire.AppendUint64(append(b, t.Ref[:]...), t.At)
}

// DecodeDebt decodes a debt row.
func DecodeDebt(b []byte) (Debt, error) {
	d := newDecoder(b)
	t := Debt{Amount: d.Uint64(), State: DebtState(d.Enum8(uint8(DebtReposted))), Ref: d.Bytes32(), At: d.time()}
	d.require(t.Amount >= 1, "nothing owed")
	return t, d.close("debt")
}

func appendUnpaid(n *uint32, b []byte) []byte { return wire.AppendUint32(b, *n) }

func decodeUnpaid(b []byte) (uint32, error) {
	d := newDecoder(b)
	n := d.Uint32()
	d.require(n >= 1, "nothing unpaid")
	return n, d.close("unpaid")
}

// AppendTo appends the row's 16 bytes.
func (r *Refunded) AppendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint64(b, r.Sum), r.LastAt)
}

// DecodeRefunded decodes a refund row.
func DecodeRefunded(b []byte) (Refunded, error) {
	d := newDecoder(b)
	r := Refunded{Sum: d.money(), LastAt: d.time()}
	return r, d.close("refund")
}

// AppendTo appends the row's 74 bytes.
func (s *ServiceKey) AppendTo(b []byte) []byte {
	b = wire.AppendUint16(append(b, byte(s.State), s.Purpose), s.Member)
	b = wire.AppendUint64(wire.AppendUint64(append(b, s.Point[:]...), s.ValidFrom), s.ValidUntil)
	b = wire.AppendUint64(wire.AppendUint16(b, s.Currency), s.DayCap)
	return wire.AppendUint64(wire.AppendUint32(b, s.Day), s.DaySum)
}

// DecodeService decodes a service key row.
func DecodeService(b []byte) (ServiceKey, error) {
	d := newDecoder(b)
	s := ServiceKey{State: TillState(d.Enum8(uint8(TillRevoked))), Purpose: d.Uint8(), Member: d.Uint16(),
		Point: d.Bytes32(), ValidFrom: d.time(), ValidUntil: d.time(), Currency: d.Uint16(), DayCap: d.money(),
		Day: d.Uint32(), DaySum: d.money()}
	d.require(s.Purpose == ServicePayment, "purpose")
	return s, d.close("service key")
}

// AppendTo appends the row's 4 bytes.
func (c *Currency) AppendTo(b []byte) []byte { return append(append(b, c.Letters...), c.Exponent) }

// DecodeCurrency decodes a currency row; its number is in the key.
func DecodeCurrency(b []byte) (Currency, error) {
	d := newDecoder(b)
	c := Currency{Letters: string(d.Raw(3)), Exponent: d.Enum8(ExponentMax)}
	return c, d.close("currency")
}

// AppendTo appends the row's 13 + 32 n bytes.
func (p *PendingKeys) AppendTo(b []byte) []byte {
	b = wire.AppendUint32(append(wire.AppendUint64(b, p.At), p.Threshold), uint32(len(p.Keys)))
	for i := range p.Keys {
		b = append(b, p.Keys[i][:]...)
	}
	return b
}

// DecodePending decodes a row of pending keys.
func DecodePending(b []byte) (PendingKeys, error) {
	d := newDecoder(b)
	p := PendingKeys{At: d.time(), Threshold: d.Uint8()}
	n := d.Count(AdminKeysMax, 32)
	p.Keys = d.keys(n)
	d.require(p.Threshold >= 1 && int(p.Threshold) <= n, "threshold beyond the number of keys")
	for i := 1; i < n; i++ {
		d.require(bytes.Compare(p.Keys[i-1][:], p.Keys[i][:]) < 0, "keys not ascending")
	}
	return p, d.close("pending keys")
}

// AppendTo appends the row's 12 bytes.
func (t *DayTotal) AppendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint32(b, t.Day), t.Sum)
}

// DecodeDayTotal decodes a row of what a till key gave back.
func DecodeDayTotal(b []byte) (DayTotal, error) {
	d := newDecoder(b)
	t := DayTotal{Day: d.Uint32(), Sum: d.money()}
	return t, d.close("given back")
}

func appendMark(_ *struct{}, b []byte) []byte { return append(b, 1) }

func decodeMark(b []byte) (struct{}, error) {
	d := newDecoder(b)
	d.exactly(1)
	return struct{}{}, d.close("mark")
}

// ProtocolKey returns the key of the protocol row.
func ProtocolKey() []byte { return []byte{PrefixProtocol} }

// MoneyKey returns the key of a campaign's money row.
func MoneyKey(campaign uint32) []byte { return appendMoneyKey(nil, campaign) }

// RefundBucketKey returns the key of a refund bucket.
func RefundBucketKey(cycle, campaign uint32, payee uint16) []byte {
	return appendRefundBucketKey(nil, refundBucketID{cycle, campaign, payee})
}

// CycleKey returns the key of a cycle row.
func CycleKey(cycle uint32) []byte { return appendCycleKey(nil, cycle) }

// PositionKey returns the key of a position row.
func PositionKey(cycle uint32, currency, member uint16) []byte {
	return appendPositionKey(nil, positionID{cycle, currency, member})
}

// DebtKey returns the key of a debt row.
func DebtKey(cycle uint32, currency uint16, book uint8, payer, payee uint16) []byte {
	return appendDebtKey(nil, debtID{cycle, currency, book, payer, payee})
}

// UnpaidKey returns the key of the count of debts of a cycle that a member must act on.
func UnpaidKey(member uint16, cycle uint32) []byte {
	return appendUnpaidKey(nil, unpaidID{member, cycle})
}

// RefundKey returns the key of what was refunded of a redemption.
func RefundKey(id CouponID, seq uint32) []byte { return appendRefundKey(nil, redemptionID{id, seq}) }

// ServiceRowKey returns the key of a service key's row.
func ServiceRowKey(key [32]byte) []byte { return appendServiceKey(nil, key) }

// EndKey returns the key of the row that says when a campaign ends.
func EndKey(end uint64, campaign uint32) []byte { return appendEndKey(nil, endID{end, campaign}) }

// CurrencyKey returns the key of a currency row.
func CurrencyKey(number uint16) []byte { return appendCurrencyKey(nil, number) }

// PendingKey returns the key of a member's pending keys.
func PendingKey(member uint16) []byte { return appendPendingKey(nil, member) }

// GivenBackKey returns the key of what a till key gave back today.
func GivenBackKey(key [32]byte) []byte { return appendGivenBackKey(nil, key) }

// ToPruneKey returns the key of a released campaign that waits to be pruned.
func ToPruneKey(endedCycle, campaign uint32) []byte {
	return appendToPruneKey(nil, toPruneID{endedCycle, campaign})
}

// Seen2Key returns the key of a Seen row of version 2.
func Seen2Key(bucket uint64) []byte { return appendSeen2Key(nil, bucket) }

var (
	be16 = binary.BigEndian.AppendUint16
	be32 = binary.BigEndian.AppendUint32
	be64 = binary.BigEndian.AppendUint64
)

func appendProtocolKey(b []byte, _ struct{}) []byte { return append(b, PrefixProtocol) }

func appendMoneyKey(b []byte, campaign uint32) []byte { return be32(append(b, PrefixMoney), campaign) }

func appendRefundBucketKey(b []byte, id refundBucketID) []byte {
	return be16(be32(be32(append(b, PrefixRefundBucket), id.cycle), id.campaign), id.payee)
}

func appendCycleKey(b []byte, cycle uint32) []byte { return be32(append(b, PrefixCycle), cycle) }

func appendPositionKey(b []byte, id positionID) []byte {
	return be16(be16(be32(append(b, PrefixPosition), id.cycle), id.currency), id.member)
}

func appendDebtKey(b []byte, id debtID) []byte {
	b = append(be16(be32(append(b, PrefixDebt), id.cycle), id.currency), id.book)
	return be16(be16(b, id.payer), id.payee)
}

func appendUnpaidKey(b []byte, id unpaidID) []byte {
	return be32(be16(append(b, PrefixUnpaid), id.member), id.cycle)
}

func appendRefundKey(b []byte, id redemptionID) []byte {
	return be32(be64(append(b, PrefixRefund), uint64(id.coupon)), id.seq)
}

func appendServiceKey(b []byte, key [32]byte) []byte {
	return append(append(b, PrefixService), key[:]...)
}

func appendEndKey(b []byte, id endID) []byte {
	return be32(be64(append(b, PrefixEnd), id.end), id.campaign)
}

func appendDueKey(b []byte, id dueID) []byte {
	return be32(append(be64(append(b, PrefixDue), id.at), id.kind), id.number)
}

func appendCurrencyKey(b []byte, number uint16) []byte {
	return be16(append(b, PrefixCurrency), number)
}

func appendPendingKey(b []byte, member uint16) []byte { return be16(append(b, PrefixPending), member) }

func appendGivenBackKey(b []byte, key [32]byte) []byte {
	return append(append(b, PrefixGivenBack), key[:]...)
}

func appendToPruneKey(b []byte, id toPruneID) []byte {
	return be32(be32(append(b, PrefixToPrune), id.cycle), id.campaign)
}

func appendSeen2Key(b []byte, bucket uint64) []byte { return be64(append(b, PrefixSeen2), bucket) }

// The inverses, of keys that have their prefix's size.

func parseFundingKey(k []byte) fundingID {
	return fundingID{binary.BigEndian.Uint16(k[1:]), binary.BigEndian.Uint16(k[3:])}
}

func parseObligationKey(k []byte) obligationID {
	return obligationID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:]), binary.BigEndian.Uint16(k[9:])}
}

func parseCouponKey(k []byte) CouponID { return CouponID(binary.BigEndian.Uint64(k[1:])) }

func parseHolderKey(k []byte) holderID {
	return holderID{binary.BigEndian.Uint32(k[1:]), [32]byte(k[5:])}
}

func parseBatchKey(k []byte) batchID {
	return batchID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint16(k[5:])}
}

func parseRedemptionKey(k []byte) redemptionID {
	return redemptionID{parseCouponKey(k), binary.BigEndian.Uint32(k[9:])}
}

func parseTermsKey(k []byte) termsID {
	return termsID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint16(k[5:])}
}

func parseRefundBucketKey(k []byte) refundBucketID { return parseObligationKey(k) }

func parsePositionKey(k []byte) positionID {
	return positionID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint16(k[5:]), binary.BigEndian.Uint16(k[7:])}
}

func parseDebtKey(k []byte) debtID {
	return debtID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint16(k[5:]), k[7],
		binary.BigEndian.Uint16(k[8:]), binary.BigEndian.Uint16(k[10:])}
}

func parseUnpaidKey(k []byte) unpaidID {
	return unpaidID{binary.BigEndian.Uint16(k[1:]), binary.BigEndian.Uint32(k[3:])}
}

func parseEndKey(k []byte) endID {
	return endID{binary.BigEndian.Uint64(k[1:]), binary.BigEndian.Uint32(k[9:])}
}

func parseDueKey(k []byte) dueID {
	return dueID{binary.BigEndian.Uint64(k[1:]), k[9], binary.BigEndian.Uint32(k[10:])}
}

func parseCurrencyKey(k []byte) uint16 { return binary.BigEndian.Uint16(k[1:]) }

func parseToPruneKey(k []byte) toPruneID {
	return toPruneID{binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:])}
}
