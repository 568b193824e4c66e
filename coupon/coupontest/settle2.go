package coupontest

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
)

// Rows of version 2 (rules 3.19).
const (
	rowProtocol   = 0x0D
	rowMoney      = 0x0E
	rowRefundSums = 0x10
	rowCycle      = 0x12
	rowPosition   = 0x13
	rowDebt       = 0x14
	rowUnpaid     = 0x15
	rowRefund     = 0x16
	rowService    = 0x23
	rowEnd        = 0x25
	rowDue        = 0x27
	rowCurrency   = 0x29
	rowPending    = 0x2E
	rowGivenBack  = 0x2F
	rowToPrune    = 0x30
	rowSeen2      = 0x47
)

// States of debts (rules 3.19).
const (
	debtOpen = iota
	debtPosted
	debtConfirmed
	debtObjected
	debtReposted
)

type protocol struct {
	lifeMs, memberLifeMs, payMs        uint64
	clearer                            uint16
	nextCycle, migCampaign, sweepingOf uint32
	netMode                            uint8
}

type funderMoney struct{ lock, paid, back uint64 }

type money struct {
	funders           [4]funderMoney
	settled, refunded uint64
	ended             uint8
	endedCycle        uint32
}

type cycleState struct {
	closed   bool
	phase    uint8
	netMode  uint8
	currency uint16
	items    [][]byte
	closedAt uint64
}

type positionKey struct {
	cycle            uint32
	currency, member uint16
}

type position struct{ out, in, held uint64 }

type debtKey struct {
	cycle        uint32
	currency     uint16
	book         uint8
	payer, payee uint16
}

type debt struct {
	amount uint64
	state  uint8
	ref    [32]byte
	at     uint64
}

func (d *debt) counts() bool {
	return d.state == debtOpen || d.state == debtObjected || d.state == debtReposted
}

type refundRow struct{ sum, lastAt uint64 }

type service struct {
	revoked               bool
	member                uint16
	validFrom, validUntil uint64
	currency              uint16
	dayCap                uint64
	day                   uint32
	daySum                uint64
}

type endKey struct {
	end      uint64
	campaign uint32
}

type pendingKeys struct {
	at        uint64
	threshold uint8
	keys      []Key
}

type dayTotal struct {
	day uint32
	sum uint64
}

// second is what a state of version 2 holds beside that of version 1.
type second struct {
	protocol
	governed
	money      map[uint32]*money
	refundSums map[obligationKey]*obligation
	cycles     map[uint32]*cycleState
	positions  map[positionKey]*position
	debts      map[debtKey]*debt
	refunds    map[redemptionKey]*refundRow
	services   map[Key]*service
	ends       map[endKey]bool
	pending    map[uint16]*pendingKeys
	givenBack  map[Key]*dayTotal
	toPrune    map[uint32]uint32 // campaign: the cycle in which it ended
	currencies []Currency

	events []blockEvent
}

// blockEvent is an event of the end of a block: its name and the key of its row.
type blockEvent struct {
	name string
	row  []byte
}

// ordered returns the keys of a map in an order.
func ordered[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

func compareBuckets(a, b obligationKey) int {
	return bytes.Compare(be16(be32(be32(nil, a.cycle), a.campaign), a.payee),
		be16(be32(be32(nil, b.cycle), b.campaign), b.payee))
}

func comparePositions(a, b positionKey) int {
	return bytes.Compare(be16(be16(be32(nil, a.cycle), a.currency), a.member),
		be16(be16(be32(nil, b.cycle), b.currency), b.member))
}

func compareEnds(a, b endKey) int {
	return bytes.Compare(be32(be64(nil, a.end), a.campaign), be32(be64(nil, b.end), b.campaign))
}

// migrate is rules 3.17, migration at 2.
func (m *Model) migrate() {
	s := &second{
		money: map[uint32]*money{}, refundSums: map[obligationKey]*obligation{}, cycles: map[uint32]*cycleState{},
		positions: map[positionKey]*position{}, debts: map[debtKey]*debt{}, refunds: map[redemptionKey]*refundRow{},
		services: map[Key]*service{}, ends: map[endKey]bool{}, pending: map[uint16]*pendingKeys{},
		givenBack: map[Key]*dayTotal{}, toPrune: map[uint32]uint32{}, currencies: m.listed,
	}
	s.lifeMs, s.memberLifeMs, s.payMs = m.lifeMs, m.memberLifeMs, 259_200_000
	s.nextCycle = uint32(m.now / m.cycleMs)
	for k := range m.obligations {
		s.nextCycle = min(s.nextCycle, k.cycle)
	}
	s.migCampaign = m.nextCampaign - 1
	m.two = s
	m.found(m.world)
}

// moneyOf is the money row of a campaign, made when it is first needed: its locks are then those of the budget of that
// moment.
func (m *Model) moneyOf(campaign uint32) *money {
	if row := m.two.money[campaign]; row != nil {
		return row
	}
	row := &money{}
	for i, share := range m.campaigns[campaign].terms.shares() {
		row.funders[i].lock = share
	}
	return row
}

func (m *Model) isReleased(campaign uint32) bool {
	return m.two != nil && m.two.money[campaign] != nil && m.two.money[campaign].ended != 0
}

// overdue is rules 3.31: the lowest cycle in which the member has something to act on.
func (m *Model) overdue(member uint16) bool {
	lowest, found := uint32(0), false
	for k, d := range m.two.debts {
		if k.payer == member && d.counts() && (!found || k.cycle < lowest) {
			lowest, found = k.cycle, true
		}
	}
	if !found {
		return false
	}
	c := m.two.cycles[lowest]
	return c.closed && m.now >= c.closedAt+m.two.payMs
}

// end2 is rules 3.32 after the last transaction, but for the Seen buckets.
func (m *Model) end2() {
	s := m.two
	for n := 0; n < 512 && s.migCampaign > 0; n++ {
		s.ends[endKey{m.campaignEnd(s.migCampaign), s.migCampaign}] = true
		s.migCampaign--
	}
	m.comesDue()
	m.staging()
	m.lifting()
	m.closing()
	m.endings()
	m.pruning()
}

// campaignEnd is `end` of rules 3.9.
func (m *Model) campaignEnd(id uint32) uint64 {
	c := m.campaigns[id]
	return c.redeemUntil + c.stretchMs + 2*uint64(c.terms.GraceMs) + 2*c.terms.RollbackMs + dayMs
}

func (s *second) event(name string, row []byte) { s.events = append(s.events, blockEvent{name, row}) }

// closing is the closing step of rules 3.31.
func (m *Model) closing() {
	s := m.two
	number := s.nextCycle
	c := s.cycles[number]
	if c == nil {
		return
	}
	if c.phase == 0 {
		if !m.closeBuckets(number, c) {
			return
		}
		c.phase = 3
	}
	if next, ok := m.currencyLeft(number, c); ok {
		m.netCurrency(number, next, c)
		c.currency = next
	}
	if _, more := m.currencyLeft(number, c); more {
		return
	}
	c.closed, c.closedAt = true, m.now
	s.nextCycle++
	s.event("settlement.closed", be32([]byte{rowCycle}, number))
}

// closeBuckets is phase 0; false if the limits stopped it.
func (m *Model) closeBuckets(number uint32, c *cycleState) bool {
	s := m.two
	keys := map[obligationKey]bool{}
	for k := range m.obligations {
		if k.cycle == number {
			keys[k] = true
		}
	}
	for k := range s.refundSums {
		if k.cycle == number {
			keys[k] = true
		}
	}
	rows, before := 0, len(c.items)
	for _, k := range ordered(keys, compareBuckets) {
		if rows >= 1024 || len(c.items)-before >= 2048 {
			return false
		}
		var sum, back uint64
		if o := m.obligations[k]; o != nil {
			sum = o.sum
			rows++
			delete(m.obligations, k)
		}
		if o := s.refundSums[k]; o != nil {
			back = o.sum
			rows++
			delete(s.refundSums, k)
		}
		m.closeBucket(k, c, sum, back)
	}
	return true
}

// splitMoney is split of rules 3.31.
func splitMoney(delta, total uint64, prior, limit []uint64, funders []Funder) []uint64 {
	list := make([]uint64, len(funders))
	rest := delta
	for i := range funders {
		if i == 0 {
			continue
		}
		var want uint64
		if target := total * uint64(funders[i].ShareBps) / 10_000; target > prior[i] {
			want = target - prior[i]
		}
		list[i] = min(want, limit[i]-prior[i], rest)
		rest -= list[i]
	}
	list[0] = min(rest, limit[0]-prior[0])
	rest -= list[0]
	for i := 1; i < len(funders); i++ {
		more := min(rest, limit[i]-prior[i]-list[i])
		list[i] += more
		rest -= more
	}
	if rest != 0 {
		panic("coupontest: a bucket is larger than what its funders have locked")
	}
	return list
}

func (m *Model) closeBucket(k obligationKey, c *cycleState, sum, back uint64) {
	terms := &m.campaigns[k.campaign].terms
	row := m.moneyOf(k.campaign)
	m.two.money[k.campaign] = row
	n := len(terms.Funders)
	column := func(get func(f *funderMoney) uint64) []uint64 {
		list := make([]uint64, n)
		for i := range list {
			list[i] = get(&row.funders[i])
		}
		return list
	}
	row.settled += sum
	debts := splitMoney(sum, row.settled, column(func(f *funderMoney) uint64 { return f.paid }),
		column(func(f *funderMoney) uint64 { return f.lock }), terms.Funders)
	for i, d := range debts {
		row.funders[i].paid += d
	}
	row.refunded += back
	returns := splitMoney(back, row.refunded, column(func(f *funderMoney) uint64 { return f.back }),
		column(func(f *funderMoney) uint64 { return f.paid }), terms.Funders)
	for i, f := range returns {
		row.funders[i].back += f
	}
	for i, f := range terms.Funders {
		m.closePair(k.cycle, terms.Currency, f.Member, k.payee, debts[i], returns[i], c)
		c.item(k, terms.Currency, 0, f.Member, k.payee, debts[i])
		c.item(k, terms.Currency, 1, k.payee, f.Member, returns[i])
	}
}

// item makes an item of 23 bytes.
func (c *cycleState) item(k obligationKey, currency uint16, kind uint8, payer, payee uint16, amount uint64) {
	if amount > 0 {
		b := append(le16(le32(nil, k.cycle), currency), kind)
		c.items = append(c.items, le64(le16(le16(le32(b, k.campaign), payer), payee), amount))
	}
}

func (m *Model) closePair(cycle uint32, currency, funder, payee uint16, owed, back uint64, c *cycleState) {
	lock := m.funding[fundingKey{funder, currency}]
	if funder == payee {
		if owed > 0 {
			lock.locked -= owed
		}
		return
	}
	off := min(owed, back)
	if off > 0 {
		lock.locked -= off
	}
	if rest := owed - off; rest > 0 {
		m.position(cycle, currency, funder).out += rest
		m.position(cycle, currency, payee).in += rest
		if c.netMode == 1 {
			lowered, raised := m.bookDebt(debtKey{cycle, currency, 0, funder, payee}, rest)
			m.position(cycle, currency, payee).held -= lowered
			m.position(cycle, currency, funder).held += raised
		}
	}
	m.bookDebt(debtKey{cycle, currency, 1, payee, funder}, back-off)
}

func (m *Model) position(cycle uint32, currency, member uint16) *position {
	k := positionKey{cycle, currency, member}
	if m.two.positions[k] == nil {
		m.two.positions[k] = &position{}
	}
	return m.two.positions[k]
}

// bookDebt nets a debt against the opposite one.
func (m *Model) bookDebt(k debtKey, amount uint64) (lowered, raised uint64) {
	opposite := k
	opposite.payer, opposite.payee = k.payee, k.payer
	if d := m.two.debts[opposite]; d != nil {
		lowered = min(d.amount, amount)
		amount -= lowered
		if d.amount -= lowered; d.amount == 0 {
			delete(m.two.debts, opposite)
		}
	}
	if amount == 0 {
		return lowered, 0
	}
	if m.two.debts[k] == nil {
		m.two.debts[k] = &debt{}
	}
	d := m.two.debts[k]
	if d.amount > ^uint64(0)-amount {
		d.amount = ^uint64(0)
	} else {
		d.amount += amount
	}
	return lowered, amount
}

// currencyLeft is the lowest currency that has positions in the cycle and is not done.
func (m *Model) currencyLeft(number uint32, c *cycleState) (uint16, bool) {
	for _, k := range ordered(m.two.positions, comparePositions) {
		if k.cycle == number && k.currency > c.currency {
			return k.currency, true
		}
	}
	return 0, false
}

// netCurrency is phase 3.
func (m *Model) netCurrency(number uint32, currency uint16, c *cycleState) {
	var members []uint16
	for _, k := range ordered(m.two.positions, comparePositions) {
		if k.cycle == number && k.currency == currency {
			members = append(members, k.member)
		}
	}
	if c.netMode == 0 {
		owes, gets := map[uint16]uint64{}, map[uint16]uint64{}
		for _, id := range members {
			if p := m.position(number, currency, id); p.out > p.in {
				owes[id] = p.out - p.in
			} else {
				gets[id] = p.in - p.out
			}
		}
		for _, from := range members {
			for _, to := range members {
				if amount := min(owes[from], gets[to]); amount > 0 {
					m.bookDebt(debtKey{number, currency, 0, from, to}, amount)
					owes[from] -= amount
					gets[to] -= amount
				}
			}
		}
		for _, id := range members {
			p := m.position(number, currency, id)
			p.held = p.out - min(p.out, p.in)
		}
	}
	for _, id := range members {
		if p := m.position(number, currency, id); p.out > p.held {
			m.funding[fundingKey{id, currency}].locked -= p.out - p.held
		}
	}
}

// endings is step 6 of rules 3.32.
func (m *Model) endings() {
	s := m.two
	for i, k := range ordered(s.ends, compareEnds) {
		if i >= 16 || k.end > m.now {
			return
		}
		delete(s.ends, k)
		if m.isReleased(k.campaign) {
			continue
		}
		if m.isStopped(k.campaign) {
			s.ends[endKey{m.now + 3_600_000, k.campaign}] = true
			continue
		}
		if end := m.campaignEnd(k.campaign); end > m.now {
			s.ends[endKey{end, k.campaign}] = true
			continue
		}
		row, c := m.moneyOf(k.campaign), m.campaigns[k.campaign]
		if c.accrued != row.settled {
			s.ends[endKey{m.now + 3_600_000, k.campaign}] = true
			continue
		}
		for i, f := range c.terms.Funders {
			if free := row.funders[i].lock - row.funders[i].paid; free > 0 {
				m.funding[fundingKey{f.Member, c.terms.Currency}].locked -= free
			}
			row.funders[i].lock = row.funders[i].paid
		}
		row.ended, row.endedCycle = 1, uint32(m.now/m.cycleMs)
		s.money[k.campaign] = row
		s.toPrune[k.campaign] = row.endedCycle
		s.event("campaign.ended", be32([]byte{rowMoney}, k.campaign))
	}
}

// pruning is step 7 of rules 3.32.
func (m *Model) pruning() {
	s := m.two
	if s.sweepingOf == 0 {
		waiting := ordered(s.toPrune, func(a, b uint32) int {
			return bytes.Compare(be32(be32(nil, s.toPrune[a]), a), be32(be32(nil, s.toPrune[b]), b))
		})
		if len(waiting) == 0 || s.toPrune[waiting[0]] >= s.nextCycle {
			return
		}
		s.sweepingOf = waiting[0]
		delete(s.toPrune, s.sweepingOf)
	}
	id, n := s.sweepingOf, 512
	if m.sweepCoupons(id, &n) && m.sweepRest(id, &n) {
		s.money[id].ended = 2
		s.sweepingOf = 0
	}
}

// take removes the first rows of a campaign from a map, and says whether none is left.
func take[K comparable, V any](from map[K]V, n *int, of func(K) bool, bytesOf func(K) []byte) bool {
	keys := ordered(from, func(a, b K) int { return bytes.Compare(bytesOf(a), bytesOf(b)) })
	for _, k := range keys {
		if !of(k) {
			continue
		}
		if *n == 0 {
			return false
		}
		*n--
		delete(from, k)
	}
	return true
}

func (m *Model) sweepCoupons(id uint32, n *int) bool {
	return take(m.coupons, n, func(k uint64) bool { return uint32(k>>32) == id },
		func(k uint64) []byte { return be64(nil, k) })
}

func (m *Model) sweepRest(id uint32, n *int) bool {
	byRedemption := func(k redemptionKey) bool { return uint32(k.coupon>>32) == id }
	redemptionBytes := func(k redemptionKey) []byte { return be32(be64(nil, k.coupon), k.seq) }
	return take(m.holders, n, func(k holderKey) bool { return k.campaign == id },
		func(k holderKey) []byte { return append(be32(nil, k.campaign), k.key[:]...) }) &&
		take(m.batches, n, func(k batchKey) bool { return k.campaign == id },
			func(k batchKey) []byte { return be16(be32(nil, k.campaign), k.no) }) &&
		take(m.two.refunds, n, byRedemption, redemptionBytes) &&
		take(m.redemptions, n, byRedemption, redemptionBytes) &&
		take(m.campaigns[id].versions, n, func(uint16) bool { return true },
			func(v uint16) []byte { return be16(nil, v) })
}

// itemsRoot is the RFC 6962 tree over items, made the long way.
func itemsRoot(items [][]byte) [32]byte {
	switch n := len(items); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, items[0]...))
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		left, right := itemsRoot(items[:k]), itemsRoot(items[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

// peaks are the roots of the whole trees whose sizes are the bits of the number of items, the largest first.
func peaks(items [][]byte) (list [][32]byte) {
	for size := 1 << 31; size > 0; size /= 2 {
		if len(items)&size != 0 {
			rest := len(items) &^ (2*size - 1)
			list = append(list, itemsRoot(items[rest:rest+size]))
		}
	}
	return list
}

// rows2 renders the rows of version 2.
func (m *Model) rows2(put func(key, value []byte)) {
	s := m.two
	v := le64(le16(le16(nil, 2), s.nextVersion), s.nextHeight)
	v = le16(le64(le64(le64(v, s.lifeMs), s.memberLifeMs), s.payMs), s.clearer)
	v = le32(le32(le32(le32(v, s.nextCycle), uint32(len(s.proposals)+1)), s.migCampaign), s.sweepingOf)
	put([]byte{rowProtocol}, append(v, s.netMode))
	m.rows3(put)
	for id, row := range s.money {
		put(be32([]byte{rowMoney}, id), row.row())
	}
	for k, o := range s.refundSums {
		put(be16(be32(be32([]byte{rowRefundSums}, k.cycle), k.campaign), k.payee), le32(le64(nil, o.sum), o.count))
	}
	for number, c := range s.cycles {
		put(be32([]byte{rowCycle}, number), c.row())
	}
	for k, p := range s.positions {
		put(be16(be16(be32([]byte{rowPosition}, k.cycle), k.currency), k.member),
			le64(le64(le64(nil, p.out), p.in), p.held))
	}
	unpaid := map[[2]uint32]uint32{}
	for k, d := range s.debts {
		key := append(be16(be32([]byte{rowDebt}, k.cycle), k.currency), k.book)
		v := append(append(le64(nil, d.amount), d.state), d.ref[:]...)
		put(be16(be16(key, k.payer), k.payee), le64(v, d.at))
		if d.counts() {
			unpaid[[2]uint32{uint32(k.payer), k.cycle}]++
		}
	}
	for k, n := range unpaid {
		put(be32(be16([]byte{rowUnpaid}, uint16(k[0])), k[1]), le32(nil, n))
	}
	for k, r := range s.refunds {
		put(be32(be64([]byte{rowRefund}, k.coupon), k.seq), le64(le64(nil, r.sum), r.lastAt))
	}
	for key, k := range s.services {
		put(append([]byte{rowService}, key[:]...), k.row())
	}
	for k := range s.ends {
		put(be32(be64([]byte{rowEnd}, k.end), k.campaign), []byte{1})
	}
	for id, p := range s.pending {
		put(be32(append(be64([]byte{rowDue}, p.at), 2), uint32(id)), []byte{1})
		put(be16([]byte{rowPending}, id), keyList(append(le64(nil, p.at), p.threshold), p.keys))
	}
	for key, t := range s.givenBack {
		put(append([]byte{rowGivenBack}, key[:]...), le64(le32(nil, t.day), t.sum))
	}
	for id, cycle := range s.toPrune {
		put(be32(be32([]byte{rowToPrune}, cycle), id), []byte{1})
	}
	for _, c := range s.currencies {
		put(be16([]byte{rowCurrency}, c.Number), append([]byte(c.Letters), c.Exponent))
	}
}

func (r *money) row() (v []byte) {
	for _, f := range r.funders {
		v = le64(le64(le64(v, f.lock), f.paid), f.back)
	}
	v = le64(le64(le64(le64(v, r.settled), r.refunded), 0), 0)
	v = le32(le32(le32(le32(v, 0), 0), 0), 0)
	return le32(append(v, r.ended), r.endedCycle)
}

func (c *cycleState) row() []byte {
	if c.closed {
		v := le32(le64([]byte{2, c.netMode}, c.closedAt), uint32(len(c.items)))
		root := itemsRoot(c.items)
		return append(v, root[:]...)
	}
	v := le32(le16([]byte{1, c.phase, c.netMode}, c.currency), uint32(len(c.items)))
	return keyList(v, peaks(c.items))
}

func (k *service) row() []byte {
	state := byte(0)
	if k.revoked {
		state = 1
	}
	v := le16([]byte{state, 2}, k.member)
	v = le64(le64(append(v, make([]byte, 32)...), k.validFrom), k.validUntil)
	return le64(le32(le64(le16(v, k.currency), k.dayCap), k.day), k.daySum)
}
