package coupon

import (
	"crypto/sha256"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of the closing step in one block (rules 3.31): it stops before the next key once
// it has taken so many rows, or made so many items.
const (
	SettleRowsMax  = 1024
	SettleItemsMax = 2048
)

// Phases of a closing cycle. Those between belong to later versions.
const (
	phaseBuckets   uint8 = 0
	phasePositions uint8 = 3
)

// ItemKind says what a settlement item is of.
type ItemKind uint8

// The kinds of items.
const (
	ItemRedemptions ItemKind = iota // a funder owes a merchant
	ItemRefunds                     // a merchant owes a funder
)

// SettlementItem is one line of a settlement: what a campaign makes one member owe another
// in a cycle.
type SettlementItem struct {
	Cycle    uint32
	Currency uint16
	Kind     ItemKind
	Campaign uint32
	Payer    uint16
	Payee    uint16
	Amount   uint64
}

// SettlementItemSize is the size of an item in bytes.
const SettlementItemSize = 23

// AppendTo appends the item's 23 bytes, a leaf of the cycle's tree.
func (i *SettlementItem) AppendTo(b []byte) []byte {
	b = append(wire.AppendUint16(wire.AppendUint32(b, i.Cycle), i.Currency), byte(i.Kind))
	b = wire.AppendUint16(wire.AppendUint16(wire.AppendUint32(b, i.Campaign), i.Payer), i.Payee)
	return wire.AppendUint64(b, i.Amount)
}

// DecodeSettlementItem decodes the 23 bytes of an item.
func DecodeSettlementItem(b []byte) (SettlementItem, error) {
	d := newDecoder(b)
	i := SettlementItem{Cycle: d.Uint32(), Currency: d.Uint16(), Kind: ItemKind(d.Enum8(uint8(ItemRefunds))),
		Campaign: d.Uint32(), Payer: d.Uint16(), Payee: d.Uint16(), Amount: d.Uint64()}
	return i, d.close("settlement item")
}

// ItemsRoot returns the root of the tree over items in order (RFC 6962, section 2.1), as
// the row of a closed cycle states it. That of no items is the SHA-256 of nothing.
func ItemsRoot(items []SettlementItem) [32]byte {
	var c Cycle
	for i := range items {
		c.addItem(&items[i])
	}
	return c.itemsRoot()
}

// addItem adds a leaf to the tree, of which only the peaks are kept: one for each bit of
// the number of leaves, the largest first.
func (c *Cycle) addItem(i *SettlementItem) {
	node := sha256.Sum256(i.AppendTo(append(make([]byte, 0, 1+SettlementItemSize), 0)))
	peaks := append([][32]byte(nil), c.Peaks...)
	for n := c.Items; n&1 == 1; n >>= 1 {
		last := len(peaks) - 1
		node = joinPeaks(peaks[last], node)
		peaks = peaks[:last]
	}
	c.Peaks = append(peaks, node)
	c.Items++
}

func (c *Cycle) itemsRoot() [32]byte {
	if len(c.Peaks) == 0 {
		return sha256.Sum256(nil)
	}
	root := c.Peaks[len(c.Peaks)-1]
	for i := len(c.Peaks) - 2; i >= 0; i-- {
		root = joinPeaks(c.Peaks[i], root)
	}
	return root
}

func joinPeaks(left, right [32]byte) [32]byte {
	var b [1 + 64]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// split divides what a bucket adds to a campaign's total among its funders (rules 3.31).
// prior is what each bore of the total before, limit the most that each may bear. It goes
// by the total, so that many small buckets charge nobody more than one large one, and
// needs total <= the sum of the limits.
func split(delta, total uint64, prior, limit []uint64, funders []Funder) []uint64 {
	shares := make([]uint64, len(funders))
	left := delta
	for i := 1; i < len(funders); i++ {
		target := total * uint64(funders[i].ShareBps) / uint64(BpsMax)
		shares[i] = min(target-min(target, prior[i]), limit[i]-prior[i], left)
		left -= shares[i]
	}
	for i := range funders {
		more := min(left, limit[i]-prior[i]-shares[i])
		shares[i] += more
		left -= more
	}
	return shares
}

// settling is the closing step of one block.
type settling struct {
	x     *exec
	cycle uint32
	row   Cycle
	rows  int // taken in this block
	items int // made in this block
}

// settle goes on with the cycle that is being closed, if there is one (rules 3.32, step 5).
func (x *exec) settle() {
	p := x.proto()
	c := x.cycles.get(x, p.NextCycle)
	if c == nil {
		return
	}
	s := &settling{x: x, cycle: p.NextCycle, row: *c}
	if s.row.Phase == phaseBuckets && !s.buckets() {
		x.cycles.put(x, s.cycle, s.row)
		return
	}
	s.row.Phase = phasePositions
	if currency, ok := s.nextCurrency(); ok {
		s.net(currency)
		s.row.Currency = currency
	}
	if _, more := s.nextCurrency(); more {
		x.cycles.put(x, s.cycle, s.row)
		return
	}
	x.cycles.put(x, s.cycle, Cycle{State: CycleClosed, NetMode: s.row.NetMode, Items: s.row.Items, ClosedAt: x.now,
		Root: s.row.itemsRoot()})
	next := *x.proto()
	next.NextCycle++
	x.protocol.put(x, struct{}{}, next)
	x.happens(EventSettlementClosed, CycleKey(s.cycle))
}

// buckets settles obligations and refunds in the order of campaign and payee, and reports
// whether none is left.
func (s *settling) buckets() bool {
	x := s.x
	owed := x.obligations.scan(x, be32([]byte{PrefixObligation}, s.cycle), SettleRowsMax+1)
	back := x.refunds.scan(x, be32([]byte{PrefixRefundBucket}, s.cycle), SettleRowsMax+1)
	for len(owed) > 0 || len(back) > 0 {
		if s.rows >= SettleRowsMax || s.items >= SettleItemsMax {
			return false
		}
		var id obligationID
		switch {
		case len(back) == 0, len(owed) > 0 && owed[0].before(back[0]):
			id = owed[0]
		default:
			id = back[0]
		}
		var sum, refund uint64
		if len(owed) > 0 && owed[0] == id {
			sum, owed = x.obligations.get(x, id).Sum, owed[1:]
			x.obligations.remove(x, id)
			s.rows++
		}
		if len(back) > 0 && back[0] == id {
			refund, back = x.refunds.get(x, id).Sum, back[1:]
			x.refunds.remove(x, id)
			s.rows++
		}
		s.bucket(id, sum, refund)
	}
	return true
}

func (o obligationID) before(p obligationID) bool {
	return o.campaign < p.campaign || o.campaign == p.campaign && o.payee < p.payee
}

// bucket settles what a campaign owes a payee, and what that payee refunds.
func (s *settling) bucket(id obligationID, sum, refund uint64) {
	x := s.x
	g := x.campaigns.get(x, id.campaign)
	if g == nil {
		x.damaged("bucket of campaign %d, which does not exist", id.campaign)
		return
	}
	t, m := x.termsOf(id.campaign, g.Version), x.moneyOf(id.campaign, g)
	n := len(t.Funders)
	var lock, paid, back [FundersMax]uint64
	for i, f := range m.Funders {
		lock[i], paid[i], back[i] = f.Lock, f.Paid, f.Back
	}
	m.Settled += sum
	debts := split(sum, m.Settled, paid[:n], lock[:n], t.Funders)
	for i := range debts {
		m.Funders[i].Paid += debts[i]
		paid[i] += debts[i]
	}
	m.Refunded += refund
	returns := split(refund, m.Refunded, back[:n], paid[:n], t.Funders)
	for i := range returns {
		m.Funders[i].Back += returns[i]
	}
	x.money.put(x, id.campaign, m)
	for i, f := range t.Funders {
		s.between(f.Member, id.payee, t.Currency, debts[i], returns[i])
		s.item(SettlementItem{s.cycle, t.Currency, ItemRedemptions, id.campaign, f.Member, id.payee, debts[i]})
		s.item(SettlementItem{s.cycle, t.Currency, ItemRefunds, id.campaign, id.payee, f.Member, returns[i]})
	}
}

// between books what a funder owes a payee, and the payee the funder. What the two owe
// each other is set off, which harms nobody else; what a refund exceeds it by is not
// covered by any lock.
func (s *settling) between(funder, payee, currency uint16, debt, back uint64) {
	if funder == payee {
		s.unlock(funder, currency, debt)
		return
	}
	off := min(debt, back)
	s.unlock(funder, currency, off)
	if secured := debt - off; secured > 0 {
		s.move(funder, currency, func(p *Position) { p.Out += secured })
		s.move(payee, currency, func(p *Position) { p.In += secured })
		if s.row.NetMode == NetBilateral {
			off, more := s.owe(debtID{s.cycle, currency, BookSecured, funder, payee}, secured)
			s.move(payee, currency, func(p *Position) { p.Held -= off })
			s.move(funder, currency, func(p *Position) { p.Held += more })
		}
	}
	s.owe(debtID{s.cycle, currency, BookUnsecured, payee, funder}, back-off)
}

func (s *settling) item(i SettlementItem) {
	if i.Amount == 0 {
		return
	}
	s.items++
	s.row.addItem(&i)
	s.x.items = append(s.x.items, i)
}

func (s *settling) move(member, currency uint16, change func(*Position)) {
	id := positionID{s.cycle, currency, member}
	var p Position
	if row := s.x.positions.get(s.x, id); row != nil {
		p = *row
	}
	change(&p)
	s.x.positions.put(s.x, id, p)
}

// unlock frees a part of what a member has locked.
func (s *settling) unlock(member, currency uint16, amount uint64) {
	s.x.unlock(fundingID{member, currency}, amount)
}

func (x *exec) unlock(id fundingID, amount uint64) {
	if amount == 0 {
		return
	}
	p := x.funding.get(x, id)
	if p == nil || p.Locked < amount {
		x.damaged("member %d has not locked %d of currency %d", id.member, amount, id.currency)
		return
	}
	f := *p
	f.Locked -= amount
	x.funding.put(x, id, f)
}

// owe books a debt against the opposite one, so that a pair never owes both ways, and
// returns by how much that fell and this one grew. Sums stop at the largest number, which
// only colluders get to.
func (s *settling) owe(id debtID, amount uint64) (off, more uint64) {
	x := s.x
	other := id
	other.payer, other.payee = id.payee, id.payer
	if p := x.debts.get(x, other); p != nil && amount > 0 {
		t := *p
		off = min(t.Amount, amount)
		t.Amount -= off
		amount -= off
		if t.Amount > 0 {
			x.debts.put(x, other, t)
		} else {
			x.debts.remove(x, other)
			x.countUnpaid(unpaidID{other.payer, s.cycle}, false)
		}
	}
	if amount == 0 {
		return off, 0
	}
	var t Debt
	if p := x.debts.get(x, id); p != nil {
		t = *p
	} else {
		x.countUnpaid(unpaidID{id.payer, s.cycle}, true)
	}
	if t.Amount += amount; t.Amount < amount {
		t.Amount = 1<<64 - 1
	}
	x.debts.put(x, id, t)
	return off, amount
}

// countUnpaid counts one debt more or less that a member must act on.
func (x *exec) countUnpaid(id unpaidID, more bool) {
	n := uint32(0)
	if p := x.unpaid.get(x, id); p != nil {
		n = *p
	}
	switch {
	case more:
		x.unpaid.put(x, id, n+1)
	case n == 0:
		x.damaged("member %d has nothing unpaid in cycle %d", id.member, id.cycle)
	case n == 1:
		x.unpaid.remove(x, id)
	default:
		x.unpaid.put(x, id, n-1)
	}
}

// nextCurrency returns the next currency with positions to be netted.
func (s *settling) nextCurrency() (currency uint16, ok bool) {
	for _, c := range s.x.currencies.scan(s.x, []byte{PrefixCurrency}, CurrenciesMax) {
		if c > s.row.Currency && len(s.x.positions.scan(s.x, s.ofCurrency(c), 1)) > 0 {
			return c, true
		}
	}
	return 0, false
}

// ofCurrency returns what the keys of the cycle's positions in a currency begin with.
func (s *settling) ofCurrency(currency uint16) []byte {
	return be16(be32([]byte{PrefixPosition}, s.cycle), currency)
}

// net makes the debts of a currency's positions and holds for them what the payers have
// locked (rules 3.31, phase 3).
func (s *settling) net(currency uint16) {
	x := s.x
	ids := x.positions.scan(x, s.ofCurrency(currency), MembersMax)
	var payers, payees []positionID
	var rest, due []uint64 // of the payers and payees
	var balance uint64     // modulo 2^64: what goes out comes in
	for _, id := range ids {
		p := x.positions.get(x, id)
		balance += p.Out - p.In
		switch {
		case p.Out > p.In:
			payers, rest = append(payers, id), append(rest, p.Out-p.In)
		case p.In > p.Out:
			payees, due = append(payees, id), append(due, p.In-p.Out)
		}
	}
	if balance != 0 {
		x.damaged("positions of cycle %d in currency %d do not add up", s.cycle, currency)
		return
	}
	if s.row.NetMode == NetMultilateral {
		for i, j := 0, 0; i < len(payers) && j < len(payees); {
			amount := min(rest[i], due[j])
			s.owe(debtID{s.cycle, currency, BookSecured, payers[i].member, payees[j].member}, amount)
			if rest[i] -= amount; rest[i] == 0 {
				i++
			}
			if due[j] -= amount; due[j] == 0 {
				j++
			}
		}
	}
	for _, id := range ids {
		p := *x.positions.get(x, id)
		if s.row.NetMode == NetMultilateral {
			p.Held = p.Out - min(p.Out, p.In)
			x.positions.put(x, id, p)
		}
		s.unlock(id.member, currency, p.Out-p.Held)
	}
}

// overdue reports whether a member has not acted on a debt in time (rules 3.31). Cycles
// close in order, so the lowest is overdue first.
func (x *exec) overdue(member uint16) bool {
	lowest := x.unpaid.scan(x, be16([]byte{PrefixUnpaid}, member), 1)
	if len(lowest) == 0 {
		return false
	}
	c := x.cycles.get(x, lowest[0].cycle)
	return c != nil && c.State == CycleClosed && x.now >= c.ClosedAt+x.proto().PayMs
}

// moneyOf returns the money row of a campaign. One that was published under version 1 and
// has none yet has what was locked then.
func (x *exec) moneyOf(campaign uint32, g *Campaign) CampaignMoney {
	if p := x.money.get(x, campaign); p != nil {
		return *p
	}
	return newMoney(x.termsOf(campaign, g.Version))
}

func newMoney(t *Terms) (m CampaignMoney) {
	for i, share := range t.FunderShares() {
		m.Funders[i].Lock = share
	}
	return m
}

// released reports whether a campaign has ended and its unused budget is free. From then
// on nothing can be offered under it.
func (x *exec) released(campaign uint32) bool {
	if x.version < Version2 {
		return false
	}
	m := x.money.get(x, campaign)
	return m != nil && m.Ended != EndedNot
}
