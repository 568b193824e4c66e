package coupontest

import (
	"encoding/binary"
	"fmt"
)

// ledger is what CheckRows sums up from the rows of a state.
type ledger struct {
	rows        map[string][]byte
	terms       map[uint32]*Terms
	campaigns   map[uint32]*campaign
	coupons     map[uint32]int // issued, by campaign
	usedUp      map[uint32]int
	claims      map[uint32]int // sum of holder counts
	redemptions map[uint32]int
	voids       map[uint32]int
	payable     map[uint32]uint64
	used        map[uint64]int    // live redemptions by coupon
	taken       map[uint64]uint64 // value of live redemptions by coupon
	obligations map[obligationKey]obligation
	locked      map[fundingKey]uint64
	cycleMs     uint64
}

// CheckRows reports the first conservation law that a state of the flat table breaks (rules 3.2, 3.9, 3.10,
// 3.11, 3.15): accrued <= committed <= budget; the funders' locked sums cover the budgets and stay within the limits;
// every use and every unit of stored value is on the coupon or in a live redemption; every counter equals what it
// counts; every obligation equals its redemptions. It decodes the rows by itself and asks no state machine.
func CheckRows(rows map[string][]byte) error {
	l := &ledger{
		rows: rows, terms: map[uint32]*Terms{}, campaigns: map[uint32]*campaign{},
		coupons: map[uint32]int{}, usedUp: map[uint32]int{}, claims: map[uint32]int{},
		redemptions: map[uint32]int{}, voids: map[uint32]int{}, payable: map[uint32]uint64{},
		used: map[uint64]int{}, taken: map[uint64]uint64{},
		obligations: map[obligationKey]obligation{}, locked: map[fundingKey]uint64{},
	}
	passes := []func(prefix byte, key, value *cutter) error{l.readOffers, l.readRedemptions, l.checkRow}
	for _, pass := range passes {
		for k, v := range rows {
			key, value := &cutter{rest: []byte(k)[1:]}, &cutter{rest: v}
			err := pass(k[0], key, value)
			if err == nil && (key.bad || value.bad) {
				err = fmt.Errorf("does not decode")
			}
			if err != nil {
				return fmt.Errorf("row %x = %x: %w", k, v, err)
			}
		}
	}
	return l.checkCampaigns()
}

func (c *cutter) be16() uint16 { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cutter) be32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }
func (c *cutter) be64() uint64 { return binary.BigEndian.Uint64(c.take(8)) }

// readOffers is the first pass: parameters, campaigns and terms.
func (l *ledger) readOffers(prefix byte, key, value *cutter) error {
	switch prefix {
	case rowParams:
		value.take(6)
		l.cycleMs = value.u64()
	case rowCampaign:
		c := &campaign{state: value.u8(), issuer: value.u16(), version: value.u16(), nextSerial: value.u32()}
		c.batches, c.issued, c.usedUp = value.u16(), value.u32(), value.u32()
		c.redemptions, c.voids, c.committed, c.accrued = value.u32(), value.u32(), value.u64(), value.u64()
		c.redeemUntil, c.stretchMs, c.sweepAt = value.u64(), value.u64(), value.u32()
		l.campaigns[key.be32()] = c
	case rowTerms:
		t := value.terms()
		l.terms[key.be32()] = &t
	default:
		return nil
	}
	return endOf(key, value, prefix == rowTerms)
}

// endOf checks that a row was read to its end; a key may have a part that was not needed.
func endOf(key, value *cutter, partKey bool) error {
	if len(value.rest) > 0 || len(key.rest) > 0 && !partKey {
		return fmt.Errorf("has trailing bytes")
	}
	return nil
}

// readRedemptions is the second pass: the sums of live redemptions.
func (l *ledger) readRedemptions(prefix byte, key, value *cutter) error {
	if prefix != rowRedemption {
		return nil
	}
	id, seq := key.be64(), key.be32()
	r := redemption{state: value.u8(), tillKey: value.key(), member: value.u16(), store: value.u16()}
	r.invoice, r.mode = value.key(), value.u8()
	r.value, r.payable, r.at, r.finalAt = value.u64(), value.u64(), value.u64(), value.u64()
	number := uint32(id >> 32)
	t := l.terms[number]
	switch {
	case t == nil:
		return fmt.Errorf("redemption %d of no campaign", seq)
	case r.payable != t.pays(r.value)+t.Fee:
		return fmt.Errorf("payable %d for value %d", r.payable, r.value)
	case r.finalAt != r.at+t.RollbackMs:
		return fmt.Errorf("final at %d", r.finalAt)
	}
	l.redemptions[number]++
	if r.state == voided {
		l.voids[number]++
		return endOf(key, value, false)
	}
	l.payable[number] += r.payable
	l.used[id]++
	l.taken[id] += r.value
	k := obligationKey{uint32(r.finalAt / l.cycleMs), number, r.member}
	o := l.obligations[k]
	l.obligations[k] = obligation{o.sum + r.payable, o.count + 1}
	return endOf(key, value, false)
}

// checkRow is the third pass: every other row against the sums.
func (l *ledger) checkRow(prefix byte, key, value *cutter) error {
	switch prefix {
	case rowFunding:
		k := fundingKey{key.be16(), key.be16()}
		f := funds{value.u64(), value.u64()}
		if f.locked > f.limit {
			return fmt.Errorf("locked %d of %d", f.locked, f.limit)
		}
		l.locked[k] = f.locked
	case rowCoupon:
		return l.checkCoupon(key, value)
	case rowHolder:
		number, n := key.be32(), value.u16()
		if t := l.terms[number]; t == nil || n == 0 || n > t.HolderCap {
			return fmt.Errorf("holder count %d", n)
		}
		l.claims[number] += int(n)
	case rowObligation:
		k := obligationKey{key.be32(), key.be32(), key.be16()}
		o := obligation{value.u64(), value.u32()}
		if o.count == 0 || l.obligations[k] != o {
			return fmt.Errorf("obligation %d in %d items, redemptions say %v", o.sum, o.count, l.obligations[k])
		}
		delete(l.obligations, k)
	case rowTill:
		value.take(24)
		limit := value.u64()
		value.u32()
		if sum := value.u64(); sum > limit {
			return fmt.Errorf("day sum %d above %d", sum, limit)
		}
	case rowSeen:
		if value.u32() == 0 {
			return fmt.Errorf("empty bucket")
		}
	}
	return nil
}

func (l *ledger) checkCoupon(key, value *cutter) error {
	id := key.be64()
	k := couponState{owner: value.key(), seq: value.u32(), version: value.u16(), usesLeft: value.u16()}
	k.valueLeft, k.claimedAt, k.floor = value.u64(), value.u64(), value.u64()
	k.transfersLeft, k.status = value.u8(), value.u8()
	if k.status == gifted {
		k.giftKey, k.giftUntil = value.key(), value.u64()
	}
	number := uint32(id >> 32)
	t, c := l.terms[number], l.campaigns[number]
	if t == nil || c == nil {
		return fmt.Errorf("coupon of no campaign")
	}
	l.coupons[number]++
	stored, left := t.Kind == KindStored, uint64(0)
	if stored {
		left = t.Face
	}
	done := k.usesLeft == 0 || stored && k.valueLeft == 0
	if done {
		l.usedUp[number]++
	}
	lastUse := c.redeemUntil + c.stretchMs + uint64(t.GraceMs) + t.RollbackMs + dayMs
	switch {
	case int(k.usesLeft)+l.used[id] != int(t.Uses):
		return fmt.Errorf("%d uses left, %d used", k.usesLeft, l.used[id])
	case stored && k.valueLeft+l.taken[id] != left:
		return fmt.Errorf("value %d left, %d taken", k.valueLeft, l.taken[id])
	case !stored && k.valueLeft != 0:
		return fmt.Errorf("value %d left", k.valueLeft)
	case done != (k.status == redeemed):
		return fmt.Errorf("status %d with %d uses and value %d left", k.status, k.usesLeft, k.valueLeft)
	case k.transfersLeft > t.MaxTransfers || t.MaxTransfers == 255 && k.transfersLeft != 255:
		return fmt.Errorf("%d transfers left", k.transfersLeft)
	case k.floor > lastUse:
		return fmt.Errorf("floor %d after the last use", k.floor)
	case uint32(id) == 0 || uint32(id) >= c.nextSerial:
		return fmt.Errorf("serial outside the batches")
	case k.status > redeemed || k.status == gifted && k.giftKey == k.owner:
		return fmt.Errorf("status %d", k.status)
	}
	return endOf(key, value, false)
}

func (l *ledger) checkCampaigns() error {
	for k, o := range l.obligations {
		return fmt.Errorf("obligation %+v missing, redemptions say %+v", k, o)
	}
	for number, c := range l.campaigns {
		t := l.terms[number]
		if t == nil {
			return fmt.Errorf("campaign %d has no terms", number)
		}
		if err := l.checkCampaign(number, c, t); err != nil {
			return fmt.Errorf("campaign %d: %w", number, err)
		}
		for i, share := range t.shares() {
			k := fundingKey{t.Funders[i].Member, t.Currency}
			if l.locked[k] < share {
				return fmt.Errorf("campaign %d: funder %d has not locked %d", number, k.member, share)
			}
			l.locked[k] -= share
		}
	}
	for k, sum := range l.locked {
		if sum != 0 {
			return fmt.Errorf("member %d has %d locked for no campaign in currency %d", k.member, sum, k.currency)
		}
	}
	return nil
}

func (l *ledger) checkCampaign(number uint32, c *campaign, t *Terms) error {
	serials := uint32(1)
	for no := uint16(1); no <= c.batches; no++ {
		row := &cutter{rest: l.rows[string(be16(be32([]byte{rowBatch}, number), no))]}
		first, count := row.u32(), row.u32()
		if row.bad || first != serials || count == 0 {
			return fmt.Errorf("batch %d starts at %d, not at %d", no, first, serials)
		}
		serials += count
	}
	claims := l.coupons[number]
	if t.HolderCap == 0 {
		claims = 0
	}
	switch {
	case c.accrued > c.committed || c.committed > t.Budget:
		return fmt.Errorf("accrued %d, committed %d, budget %d", c.accrued, c.committed, t.Budget)
	case c.committed != uint64(c.issued)*t.worst():
		return fmt.Errorf("committed %d for %d coupons", c.committed, c.issued)
	case c.accrued != l.payable[number]:
		return fmt.Errorf("accrued %d, live redemptions %d", c.accrued, l.payable[number])
	case int(c.issued) != l.coupons[number] || int(c.usedUp) != l.usedUp[number]:
		return fmt.Errorf("issued %d of %d, used up %d of %d", c.issued, l.coupons[number], c.usedUp, l.usedUp[number])
	case int(c.redemptions) != l.redemptions[number] || int(c.voids) != l.voids[number]:
		return fmt.Errorf("redemptions %d of %d, voids %d of %d",
			c.redemptions, l.redemptions[number], c.voids, l.voids[number])
	case c.nextSerial != serials || serials-1 > t.MaxSupply:
		return fmt.Errorf("next serial %d, batches end at %d", c.nextSerial, serials)
	case l.claims[number] != claims:
		return fmt.Errorf("holder counts %d, coupons %d", l.claims[number], claims)
	case c.version != 1 || c.state > closed || c.sweepAt != 0 || c.redeemUntil < t.RedeemUntil:
		return fmt.Errorf("version %d, state %d, sweep at %d, redeem until %d", c.version, c.state, c.sweepAt, c.redeemUntil)
	}
	return nil
}
