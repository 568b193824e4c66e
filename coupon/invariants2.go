package coupon

import "fmt"

// checker2 is what a state of version 2 says beside that of version 1.
type checker2 struct {
	protocol  *Protocol
	buckets   []obligationID // of obligations and refunds
	payable   map[redemptionID]uint64
	cycles    map[uint32]*Cycle
	positions map[positionID]Position
	debts     map[debtID]Debt
	unpaid    map[unpaidID]uint32
	ends      map[uint32]int
	toPrune   map[uint32]int
	due       map[dueID]bool
	pending   map[uint16]PendingKeys
	ruled     governed
}

func newChecker2() *checker2 {
	return &checker2{payable: map[redemptionID]uint64{}, cycles: map[uint32]*Cycle{}, positions: map[positionID]Position{},
		debts: map[debtID]Debt{}, unpaid: map[unpaidID]uint32{}, ends: map[uint32]int{}, toPrune: map[uint32]int{},
		due: map[dueID]bool{}, pending: map[uint16]PendingKeys{}, ruled: newGoverned()}
}

// row2 reads a row of version 2.
func (k *checker) row2(at RowKey, value []byte) (err error) {
	s := k.second
	if at.Prefix == PrefixProtocol {
		p, err := DecodeProtocol(value)
		s.protocol = &p
		return err
	}
	if s.protocol == nil {
		return fmt.Errorf("no protocol row")
	}
	switch at.Prefix {
	case PrefixMoney, PrefixRefundBucket, PrefixRefund:
		return k.campaignRow(at, value)
	case PrefixCycle:
		c, err := DecodeCycle(value)
		s.cycles[at.Cycle] = &c
		return err
	case PrefixPosition:
		s.positions[positionID{at.Cycle, at.Currency, at.Member}], err = DecodePosition(value)
	case PrefixDebt:
		s.debts[debtID{at.Cycle, at.Currency, at.Book, at.Payer, at.Payee}], err = DecodeDebt(value)
	case PrefixUnpaid:
		s.unpaid[unpaidID{at.Member, at.Cycle}], err = decodeUnpaid(value)
	case PrefixService:
		var key ServiceKey
		if key, err = DecodeService(value); err == nil && key.DaySum > key.DayCap {
			err = fmt.Errorf("day sum %d of %d", key.DaySum, key.DayCap)
		}
	case PrefixEnd:
		s.ends[at.Campaign]++
		_, err = decodeMark(value)
	case PrefixToPrune:
		s.toPrune[at.Campaign]++
		_, err = decodeMark(value)
	case PrefixDue:
		s.due[dueID{at.At, at.Due, at.Number}] = true
		_, err = decodeMark(value)
	case PrefixPending:
		s.pending[at.Member], err = DecodePending(value)
	case PrefixCurrency:
		_, err = DecodeCurrency(value)
	case PrefixGivenBack:
		_, err = DecodeDayTotal(value)
	case PrefixSeen2:
		_, err = DecodeSeen(value)
	default:
		err = s.ruled.row(at, value)
	}
	return err
}

// campaignRow reads a row of version 2 that hangs on a campaign.
func (k *checker) campaignRow(at RowKey, value []byte) error {
	g := k.campaigns[at.Campaign]
	if g == nil {
		return fmt.Errorf("no campaign %d", at.Campaign)
	}
	switch at.Prefix {
	case PrefixMoney:
		m, err := DecodeMoney(value)
		g.money = &m
		return err
	case PrefixRefundBucket:
		o, err := DecodeObligation(value)
		g.unsettled += o.Sum
		k.second.buckets = append(k.second.buckets, obligationID{at.Cycle, at.Campaign, at.Payee})
		return err
	}
	r, err := DecodeRefunded(value)
	if payable, ok := k.second.payable[redemptionID{at.Coupon, at.Seq}]; ok && r.Sum > payable {
		return fmt.Errorf("refunded %d of %d", r.Sum, payable)
	}
	g.refunded += r.Sum
	return err
}

// taken reports whether the bucket was settled.
func (k *checker) taken(id obligationID) bool {
	s := k.second
	if s.protocol == nil {
		return false
	}
	_, closing := s.cycles[s.protocol.NextCycle]
	return id.cycle < s.protocol.NextCycle || closing && id.cycle == s.protocol.NextCycle
}

// going reports whether a campaign's rows are pruned, or being pruned.
func (k *checker) going(id uint32) bool {
	g, p := k.campaigns[id], k.second.protocol
	return p != nil && g != nil && g.money != nil && (g.money.Ended == EndedPruned || p.SweepCampaign == id)
}

// balance compares what a campaign accrued with what became of it.
func (g *campaignTally) balance(m *CampaignMoney) error {
	var lock, paid, back uint64
	for i, f := range m.Funders {
		if f.Back > f.Paid || f.Paid > f.Lock {
			return fmt.Errorf("funder %d of the terms has back %d, paid %d, lock %d", i+1, f.Back, f.Paid, f.Lock)
		}
		lock, paid, back = lock+f.Lock, paid+f.Paid, back+f.Back
	}
	switch budget := g.terms[g.row.Version].Budget; {
	case g.row.Accrued != m.Settled+g.open:
		return fmt.Errorf("accrued %d, settled %d, to be settled %d", g.row.Accrued, m.Settled, g.open)
	case m.Settled != paid, m.Refunded != back:
		return fmt.Errorf("settled %d, funders %d; refunded %d, funders %d", m.Settled, paid, m.Refunded, back)
	case m.Refunded+g.unsettled != g.refunded:
		return fmt.Errorf("refunded %d, to be settled %d, of redemptions %d", m.Refunded, g.unsettled, g.refunded)
	case m.Ended == EndedNot && lock < budget:
		return fmt.Errorf("budget %d, locked %d", budget, lock)
	case m.Ended != EndedNot && lock != paid:
		return fmt.Errorf("released, and %d locked for %d", lock, paid)
	}
	return nil
}

// checkMoney requires (rules 3.37):
//
//   - no bucket of a closed cycle is left, and none of a campaign that is being pruned;
//   - per closed cycle and currency the positions add up, and each member's debts are its
//     position; held is what of them is not confirmed; no pair owes both ways;
//   - the debts that a member must act on are counted;
//   - a campaign that is not released has one row of ends, if it is migrated;
//   - what comes due are the pending keys.
//
// It adds to locked what positions hold.
func (k *checker) checkMoney() error {
	s := k.second
	if s.protocol == nil {
		return nil
	}
	for _, id := range s.buckets {
		if id.cycle < s.protocol.NextCycle || k.going(id.campaign) {
			return fmt.Errorf("bucket %+v is left", id)
		}
	}
	if err := s.checkCycles(k.locked); err != nil {
		return err
	}
	for _, id := range k.campaignIDs {
		if err := s.checkEnd(id, k.campaigns[id].money); err != nil {
			return err
		}
	}
	keysDue := 0
	// order-free: a number
	for id := range s.due {
		if id.kind == dueKeys {
			keysDue++
		}
	}
	// order-free: any contradiction will do
	for member, p := range s.pending {
		if id := (dueID{p.At, dueKeys, uint32(member)}); !s.due[id] {
			return fmt.Errorf("pending keys of member %d are not due", member)
		}
	}
	if keysDue != len(s.pending) {
		return fmt.Errorf("keys are due for %d members, %d have some pending", keysDue, len(s.pending))
	}
	return k.checkGovernance()
}

// checkEnd looks at what says when a campaign ends, and that it has ended.
func (s *checker2) checkEnd(id uint32, m *CampaignMoney) error {
	ended := m != nil && m.Ended != EndedNot
	wait := id <= s.protocol.MigCampaign // still to be migrated
	swept := s.protocol.SweepCampaign == id
	pruned := ended && m.Ended == EndedPruned
	if ends := s.ends[id]; ended && ends > 0 || !ended && !wait && ends != 1 || wait && ends > 0 {
		return fmt.Errorf("campaign %d has %d rows of ends, ended: %t", id, ends, ended)
	}
	if n := s.toPrune[id]; n > 1 || (n == 1) != (ended && !swept && !pruned) {
		return fmt.Errorf("campaign %d waits %d times to be pruned, ended: %t, swept: %t, pruned: %t", id, n, ended, swept,
			pruned)
	}
	return nil
}

// moneyKey names the debts of a cycle in a currency.
type moneyKey struct {
	cycle    uint32
	currency uint16
}

// checkCycles compares positions and debts.
func (s *checker2) checkCycles(locked map[fundingID]uint64) error {
	type sums struct{ out, in, held uint64 }
	debts, unpaid := map[positionID]*sums{}, map[unpaidID]uint32{}
	of := func(id positionID) *sums {
		if debts[id] == nil {
			debts[id] = &sums{}
		}
		return debts[id]
	}
	// order-free: sums, and any contradiction will do
	for id, d := range s.debts {
		other := id
		other.payer, other.payee = id.payee, id.payer
		if _, both := s.debts[other]; both || id.payer == id.payee {
			return fmt.Errorf("debts %+v go both ways", id)
		}
		if d.State.mustAct() {
			unpaid[unpaidID{id.payer, id.cycle}]++
		}
		if id.book == BookSecured {
			from, to := of(positionID{id.cycle, id.currency, id.payer}), of(positionID{id.cycle, id.currency, id.payee})
			from.out, to.in = from.out+d.Amount, to.in+d.Amount
			if d.State != DebtConfirmed {
				from.held += d.Amount
			}
		}
	}
	// order-free: any contradiction will do
	for id, n := range s.unpaid {
		if unpaid[id] != n || len(unpaid) != len(s.unpaid) {
			return fmt.Errorf("debts to be acted on are %v, and counted as %v", unpaid, s.unpaid)
		}
	}
	if len(unpaid) != len(s.unpaid) {
		return fmt.Errorf("debts to be acted on are %v, and none is counted", unpaid)
	}
	balance := map[moneyKey]uint64{}
	// order-free: sums, and any contradiction will do
	for id, p := range s.positions {
		c := s.cycles[id.cycle]
		if c == nil {
			return fmt.Errorf("position %+v of no cycle", id)
		}
		balance[moneyKey{id.cycle, id.currency}] += p.Out - p.In
		d, lock := of(id), fundingID{id.member, id.currency}
		if c.State == CycleClosing && id.currency > c.Currency {
			locked[lock] += p.Out
			continue
		}
		locked[lock] += p.Held
		if p.Held != d.held || d.out-d.in != p.Out-p.In || c.NetMode == NetMultilateral && d.out > 0 && d.in > 0 {
			return fmt.Errorf("position %+v is %+v, its debts are %+v", id, p, *d)
		}
	}
	// order-free: any contradiction will do
	for id, sum := range balance {
		if sum != 0 {
			return fmt.Errorf("positions of %+v do not add up", id)
		}
	}
	return nil
}
