package coupon

import (
	"fmt"
	"iter"
)

// CheckInvariants reads all rows of a state in ascending key order and returns
// nil if they agree with each other (rules 3.2, 3.15), else the first contradiction:
//
//   - every key has its prefix's length and every value is canonical;
//   - accrued <= committed <= budget, committed = issued * L, and each funder's
//     locked is the sum of its shares and within its limit;
//   - batches follow each other without gaps up to next_serial, within supply;
//   - issued, used_up, redemptions and voids count the rows that they name;
//   - uses and value are conserved: what a coupon has left and what its standing
//     redemptions took add up to what its terms gave;
//   - accrued and each obligation are the sums of their standing redemptions;
//   - holder counts add up to issued where a cap exists, and keep the cap;
//   - tills keep their day cap and belong to merchants;
//   - from version 2 of the rules on, what checkMoney lists.
//
// It holds a few dozen bytes per coupon in memory.
func CheckInvariants(rows iter.Seq2[[]byte, []byte]) error {
	k := &checker{
		members: map[uint16]Member{}, funding: map[fundingID]Funding{}, locked: map[fundingID]uint64{},
		campaigns: map[uint32]*campaignTally{}, coupons: map[CouponID]*couponTally{},
		obligations: map[obligationID]Obligation{}, second: newChecker2(),
	}
	var last []byte
	for key, value := range rows {
		if last != nil && string(key) <= string(last) {
			return fmt.Errorf("coupon: rows %x and %x are not ascending", last, key)
		}
		last = append(last[:0], key...)
		if err := k.row(key, value); err != nil {
			return fmt.Errorf("coupon: row %x: %w", key, err)
		}
	}
	return k.finish()
}

// campaignTally is a campaign's row with what the other rows say of it.
type campaignTally struct {
	row         Campaign
	terms       map[uint16]*Terms
	batches     uint16
	nextSerial  uint64
	issued      uint32
	usedUp      uint32
	redemptions uint32
	voids       uint32
	accrued     uint64
	claims      uint64

	ranges    []Batch        // its batches
	at        int            // the batch of the last coupon, or the next one
	tickets   uint64         // serials in batches
	direct    uint64         // coupons in none
	liability uint64         // of its coupons
	money     *CampaignMoney // from version 2 on
	open      uint64         // obligations that stand
	unsettled uint64         // refund buckets that stand
	refunded  uint64         // of its redemptions
	loose     error          // of rows whose others may have been pruned
}

// couponTally is what is left of a coupon's terms and not yet explained by its
// standing redemptions.
type couponTally struct {
	seq    uint32
	events uint32 // redemptions and voids, each of which advanced seq
	uses   uint16
	value  uint64
	stored bool
}

type checker struct {
	params      *Params
	members     map[uint16]Member
	funding     map[fundingID]Funding
	fundingIDs  []fundingID
	locked      map[fundingID]uint64
	campaigns   map[uint32]*campaignTally
	campaignIDs []uint32
	coupons     map[CouponID]*couponTally
	couponIDs   []CouponID
	obligations map[obligationID]Obligation
	owed        []obligationID
	roles       error // of version 1, in which roles do not change
	second      *checker2
}

func (k *checker) row(key, value []byte) error {
	at, err := ParseRowKey(key)
	if err != nil {
		return err
	}
	if at.Prefix != PrefixParams && k.params == nil {
		return fmt.Errorf("no params row")
	}
	switch at.Prefix {
	case PrefixParams:
		p, err := DecodeParams(value)
		k.params = &p
		return err
	case PrefixMember:
		return k.member(at.Member, value)
	case PrefixFunding:
		return k.fund(fundingID{at.Member, at.Currency}, value)
	case PrefixTill:
		return k.till(value)
	case PrefixCampaign:
		return k.campaign(at.Campaign, value)
	case PrefixSeen:
		_, err := DecodeSeen(value)
		return err
	case PrefixObligation:
		return k.obligation(obligationID{at.Cycle, at.Campaign, at.Payee}, value)
	}
	if at.Prefix > PrefixSeen {
		return k.row2(at, value)
	}
	g := k.campaigns[at.Campaign]
	if g == nil {
		return fmt.Errorf("no campaign %d", at.Campaign)
	}
	switch at.Prefix {
	case PrefixTerms:
		return k.termsRow(g, at.Version, value)
	case PrefixBatch:
		return g.batch(at.Batch, value)
	case PrefixCoupon:
		return k.coupon(g, at.Coupon, value)
	case PrefixHolder:
		return g.holder(value)
	}
	return k.redemption(g, redemptionID{at.Coupon, at.Seq}, value)
}

func (k *checker) member(id uint16, value []byte) error {
	m, err := DecodeMember(value)
	if err != nil {
		return err
	}
	if id == 0 || id >= k.params.NextMember {
		return fmt.Errorf("member %d, but the next is %d", id, k.params.NextMember)
	}
	k.members[id] = m
	return nil
}

func (k *checker) fund(id fundingID, value []byte) error {
	f, err := DecodeFunding(value)
	if err != nil {
		return err
	}
	if _, ok := k.members[id.member]; !ok || f.Locked > f.Limit {
		return fmt.Errorf("locked %d of limit %d, member exists: %t", f.Locked, f.Limit, ok)
	}
	k.funding[id] = f
	k.fundingIDs = append(k.fundingIDs, id)
	return nil
}

func (k *checker) till(value []byte) error {
	t, err := DecodeTill(value)
	if err != nil {
		return err
	}
	if k.members[t.Member].Roles&RoleMerchant == 0 {
		k.roles = fmt.Errorf("member %d has tills and is no merchant", t.Member)
	}
	if t.DaySum > t.DayCap {
		return fmt.Errorf("day sum %d of %d, member %d", t.DaySum, t.DayCap, t.Member)
	}
	return nil
}

func (k *checker) campaign(id uint32, value []byte) error {
	g, err := DecodeCampaign(value)
	if err != nil {
		return err
	}
	if id == 0 || id >= k.params.NextCampaign {
		return fmt.Errorf("campaign %d, but the next is %d", id, k.params.NextCampaign)
	}
	if k.members[g.Issuer].Roles&RoleIssuer == 0 {
		k.roles = fmt.Errorf("member %d has campaigns and is no issuer", g.Issuer)
	}
	k.campaigns[id] = &campaignTally{row: g, terms: map[uint16]*Terms{}, nextSerial: 1}
	k.campaignIDs = append(k.campaignIDs, id)
	return nil
}

func (k *checker) termsRow(g *campaignTally, version uint16, value []byte) error {
	t, err := DecodeTerms(value)
	if err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return err
	}
	if version != uint16(len(g.terms))+1 || version > g.row.Version || t.Issuer != g.row.Issuer {
		return fmt.Errorf("version %d of issuer %d, but the campaign has version %d of issuer %d",
			version, t.Issuer, g.row.Version, g.row.Issuer)
	}
	g.terms[version] = &t
	return nil
}

func (g *campaignTally) batch(number uint16, value []byte) error {
	b, err := DecodeBatch(value)
	if err != nil {
		return err
	}
	g.batches++
	// Coupons that were issued without tickets leave gaps, which version 1 has not.
	if number != g.batches || uint64(b.First) < g.nextSerial || b.Count == 0 {
		return fmt.Errorf("batch %d of %d serials from %d, wanted batch %d from %d",
			number, b.Count, b.First, g.batches, g.nextSerial)
	}
	g.nextSerial = uint64(b.First) + uint64(b.Count)
	g.ranges = append(g.ranges, b)
	g.tickets += uint64(b.Count)
	return nil
}

func (k *checker) coupon(g *campaignTally, id CouponID, value []byte) error {
	c, err := DecodeCoupon(value)
	if err != nil {
		return err
	}
	t := g.terms[c.Version]
	if t == nil || id.Serial() == 0 || id.Serial() >= g.row.NextSerial {
		return fmt.Errorf("version %d or serial %d does not exist", c.Version, id.Serial())
	}
	stored := t.ValueKind == Stored
	spent := c.UsesLeft == 0 || stored && c.ValueLeft == 0
	if spent != (c.Status == Redeemed) || c.UsesLeft > t.Uses {
		return fmt.Errorf("status %d with %d of %d uses and value %d left", c.Status, c.UsesLeft, t.Uses, c.ValueLeft)
	}
	if c.TransfersLeft > t.MaxTransfers || c.Floor > LastUse(t, &g.row) {
		return fmt.Errorf("%d transfers left of %d, floor %d", c.TransfersLeft, t.MaxTransfers, c.Floor)
	}
	tally := &couponTally{seq: c.Seq, uses: t.Uses - c.UsesLeft, stored: stored}
	if stored {
		if c.ValueLeft > t.Face {
			return fmt.Errorf("value %d left of %d", c.ValueLeft, t.Face)
		}
		tally.value = t.Face - c.ValueLeft
	} else if c.ValueLeft != 0 {
		return fmt.Errorf("value %d left in a coupon without value", c.ValueLeft)
	}
	g.liability += t.Liability()
	for g.at < len(g.ranges) && id.Serial() >= g.ranges[g.at].First && !g.ranges[g.at].holds(id.Serial()) {
		g.at++
	}
	if g.at == len(g.ranges) || !g.ranges[g.at].holds(id.Serial()) {
		g.direct++
	}
	k.coupons[id] = tally
	k.couponIDs = append(k.couponIDs, id)
	g.issued++
	if c.Status == Redeemed {
		g.usedUp++
	}
	return nil
}

func (g *campaignTally) holder(value []byte) error {
	n, err := DecodeHolder(value)
	if err != nil {
		return err
	}
	t := g.terms[g.row.Version]
	if t == nil || n == 0 || n > t.HolderCap && t.HolderCap > 0 {
		return fmt.Errorf("%d claims of one key", n)
	}
	g.claims += uint64(n)
	return nil
}

func (k *checker) redemption(g *campaignTally, id redemptionID, value []byte) error {
	r, err := DecodeRedemption(value)
	if err != nil {
		return err
	}
	c := k.coupons[id.coupon]
	if c == nil {
		g.loose = fmt.Errorf("redemption (%d, %d) has no coupon", id.coupon, id.seq)
		return nil
	}
	if id.seq >= c.seq {
		return fmt.Errorf("seq of its coupon is not past %d", id.seq)
	}
	g.redemptions++
	k.second.payable[id] = r.Payable
	c.events++
	if r.State == Voided {
		g.voids++
		c.events++
		return nil
	}
	if c.uses == 0 || c.stored && r.Value > c.value {
		return fmt.Errorf("takes value %d and a use that the coupon still has", r.Value)
	}
	c.uses--
	if c.stored {
		c.value -= r.Value
	}
	g.accrued += r.Payable
	owed := obligationID{uint32(r.FinalAt / k.params.CycleMs), id.coupon.Campaign(), r.Member}
	sum, known := k.obligations[owed]
	if !known {
		k.owed = append(k.owed, owed)
	}
	k.obligations[owed] = Obligation{Sum: sum.Sum + r.Payable, Count: sum.Count + 1}
	return nil
}

// obligation takes a bucket away from what the redemptions, which come before in
// the order of keys, have added up.
func (k *checker) obligation(id obligationID, value []byte) error {
	o, err := DecodeObligation(value)
	if err != nil {
		return err
	}
	if want := k.obligations[id]; want != o {
		return fmt.Errorf("%d from %d redemptions, but they are %d from %d", o.Sum, o.Count, want.Sum, want.Count)
	}
	delete(k.obligations, id)
	if g := k.campaigns[id.campaign]; g != nil {
		g.open += o.Sum
	}
	k.second.buckets = append(k.second.buckets, id)
	return nil
}

func (k *checker) finish() error {
	if k.params == nil {
		return fmt.Errorf("coupon: no params row")
	}
	if k.roles != nil && k.second.protocol == nil {
		return fmt.Errorf("coupon: %w", k.roles)
	}
	for _, id := range k.owed {
		if o, ok := k.obligations[id]; ok && !k.taken(id) {
			return fmt.Errorf("coupon: no obligation of cycle %d, campaign %d, payee %d for %d from %d redemptions",
				id.cycle, id.campaign, id.payee, o.Sum, o.Count)
		}
	}
	for _, id := range k.couponIDs {
		if c := k.coupons[id]; !k.going(id.Campaign()) && (c.uses != 0 || c.value != 0 || c.events > c.seq) {
			return fmt.Errorf("coupon: %d lacks %d uses and value %d that no redemption took; seq %d after %d changes",
				id, c.uses, c.value, c.seq, c.events)
		}
	}
	for _, id := range k.campaignIDs {
		if err := k.finishCampaign(id); err != nil {
			return fmt.Errorf("coupon: campaign %d: %w", id, err)
		}
	}
	if err := k.checkMoney(); err != nil {
		return fmt.Errorf("coupon: %w", err)
	}
	for _, id := range k.fundingIDs {
		if k.funding[id].Locked != k.locked[id] {
			return fmt.Errorf("coupon: member %d has locked %d of currency %d, but what it stands for is %d",
				id.member, k.funding[id].Locked, id.currency, k.locked[id])
		}
		delete(k.locked, id)
	}
	// order-free: any contradiction will do
	for id, sum := range k.locked {
		if sum > 0 {
			return fmt.Errorf("coupon: member %d has no funding row for %d of currency %d", id.member, sum, id.currency)
		}
	}
	return nil
}

// finishCampaign compares a campaign with its rows, unless they are being pruned, and adds
// what it locks.
func (k *checker) finishCampaign(id uint32) error {
	g := k.campaigns[id]
	if k.going(id) {
		if m := g.money; g.row.Accrued != m.Settled {
			return fmt.Errorf("accrued %d, settled %d, and its rows are gone", g.row.Accrued, m.Settled)
		}
		return nil
	}
	if err := g.finish(); err != nil {
		return err
	}
	t, m := g.terms[g.row.Version], g.money
	if m == nil {
		fresh := newMoney(t)
		m = &fresh
	}
	if m.Ended == EndedNot {
		for i, f := range t.Funders {
			k.locked[fundingID{f.Member, t.Currency}] += m.Funders[i].Lock - m.Funders[i].Paid
		}
	}
	return g.balance(m)
}

func (g *campaignTally) finish() error {
	r := &g.row
	t := g.terms[r.Version]
	if t == nil {
		return fmt.Errorf("no terms of version %d", r.Version)
	}
	if r.Issued != g.issued || r.UsedUp != g.usedUp || r.Redemptions != g.redemptions || r.Voids != g.voids {
		return fmt.Errorf("counts issued %d, used up %d, redemptions %d, voids %d, but rows say %d, %d, %d, %d",
			r.Issued, r.UsedUp, r.Redemptions, r.Voids, g.issued, g.usedUp, g.redemptions, g.voids)
	}
	if r.Accrued != g.accrued || r.Accrued > r.Committed || r.Committed > t.Budget {
		return fmt.Errorf("accrued %d (rows: %d), committed %d, budget %d", r.Accrued, g.accrued, r.Committed, t.Budget)
	}
	if r.Committed != g.liability {
		return fmt.Errorf("committed %d for %d coupons that may cost %d", r.Committed, r.Issued, g.liability)
	}
	if g.loose != nil {
		return g.loose
	}
	// Every serial is in a batch, or was issued without a ticket.
	last := uint64(r.NextSerial) - 1
	if r.Batches != g.batches || last != g.tickets+g.direct || last > uint64(t.MaxSupply) {
		return fmt.Errorf("%d batches up to %d, but rows say %d with %d serials, and %d issued without", r.Batches,
			r.NextSerial, g.batches, g.tickets, g.direct)
	}
	if t.HolderCap > 0 && g.claims != uint64(r.Issued) {
		return fmt.Errorf("%d coupons issued, but holders claimed %d", r.Issued, g.claims)
	}
	return nil
}
