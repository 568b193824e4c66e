package coupon

// Events of the end of a block (rules 3.35).
const (
	EventSettlementClosed EventType = 28
	EventCampaignEnded    EventType = 29
	EventStopLifted       EventType = 34
)

// blockEvents are the events that belong to no transaction.
var blockEvents = []eventSpec{
	{EventSettlementClosed, "settlement.closed"},
	{EventCampaignEnded, "campaign.ended"},
	{EventProposalExecuted, "governance.executed"},
	{EventProposalFailed, "governance.failed"},
	{EventStopLifted, "stop.lifted"},
	{EventEpochStaged, "epoch.staged"},
	{EventEpochBegun, "epoch.begun"},
}

// Limits of the steps at the end of a block (rules 3.32).
const (
	duePerBlock   = 16
	endsPerBlock  = 16
	prunePerBlock = 512

	// releaseRetryMs is how long a campaign waits that has ended before all of its
	// obligations were settled.
	releaseRetryMs uint64 = 3_600_000
)

// endBlock does what comes after the last transaction, in the order of rules 3.32.
func (x *exec) endBlock() {
	x.migrateCampaigns()
	x.dueNow()
	x.stage()
	x.liftStops()
	x.settle()
	x.endCampaigns()
	x.prune()
}

// happens records an event of the end of the block.
func (x *exec) happens(e EventType, row []byte) {
	x.events = append(x.events, Event{Type: e, TxIndex: EndOfBlock, EventIndex: uint32(len(x.events)), Row: row})
}

// endCampaigns frees the unused budget of campaigns that have ended (rules 3.32, step 6).
func (x *exec) endCampaigns() {
	for _, id := range x.ends.scan(x, []byte{PrefixEnd}, endsPerBlock) {
		if id.end > x.now {
			return
		}
		x.ends.remove(x, id)
		if !x.released(id.campaign) {
			x.end(id.campaign)
		}
	}
}

// end releases a campaign if its end has not moved and all that it owes is settled; else
// it will be looked at again.
func (x *exec) end(campaign uint32) {
	g := x.campaigns.get(x, campaign)
	if g == nil {
		x.damaged("campaign %d ends and does not exist", campaign)
		return
	}
	t := x.termsOf(campaign, g.Version)
	if x.stopped(campaign, g.Issuer) {
		// Its end will move: it must not stand before others that can be released.
		x.ends.put(x, endID{x.now + releaseRetryMs, campaign}, struct{}{})
		return
	}
	if end := End(t, g); end > x.now {
		x.ends.put(x, endID{end, campaign}, struct{}{})
		return
	}
	m := x.moneyOf(campaign, g)
	if g.Accrued != m.Settled || m.Disputes > 0 {
		x.ends.put(x, endID{x.now + releaseRetryMs, campaign}, struct{}{})
		return
	}
	for i, f := range t.Funders {
		money := &m.Funders[i]
		x.unlock(fundingID{f.Member, t.Currency}, money.Lock-money.Paid)
		money.Lock = money.Paid
	}
	m.Ended, m.EndedCycle = EndedReleased, uint32(x.now/x.m.cycleMs)
	x.money.put(x, campaign, m)
	x.toPrune.put(x, toPruneID{m.EndedCycle, campaign}, struct{}{})
	x.happens(EventCampaignEnded, MoneyKey(campaign))
}

// prune removes the rows of released campaigns whose last refunds are settled, one
// campaign at a time (rules 3.32, step 7).
func (x *exec) prune() {
	p := *x.proto()
	if p.SweepCampaign == 0 {
		first := x.toPrune.scan(x, []byte{PrefixToPrune}, 1)
		if len(first) == 0 || first[0].cycle >= p.NextCycle {
			return
		}
		x.toPrune.remove(x, first[0])
		p.SweepCampaign = first[0].campaign
	}
	if x.sweep(p.SweepCampaign) {
		m := *x.money.get(x, p.SweepCampaign)
		m.Ended = EndedPruned
		x.money.put(x, p.SweepCampaign, m)
		p.SweepCampaign = 0
	}
	x.protocol.put(x, struct{}{}, p)
}

// sweep removes some rows of a campaign and reports whether none is left.
func (x *exec) sweep(campaign uint32) bool {
	left := prunePerBlock
	of := func(prefix byte) []byte { return be32([]byte{prefix}, campaign) }
	return sweepTable(x, &x.coupons, of(PrefixCoupon), &left) &&
		sweepTable(x, &x.holders, of(PrefixHolder), &left) &&
		sweepTable(x, &x.batches, of(PrefixBatch), &left) &&
		sweepTable(x, &x.refunded, of(PrefixRefund), &left) &&
		sweepTable(x, &x.redemptions, of(PrefixRedemption), &left) &&
		sweepTable(x, &x.terms, of(PrefixTerms), &left)
}

// sweepTable removes up to left rows and reports whether none is left.
func sweepTable[K comparable, V any](x *exec, t *table[K, V], prefix []byte, left *int) bool {
	keys := t.scan(x, prefix, *left+1)
	n := min(len(keys), *left)
	for _, k := range keys[:n] {
		t.remove(x, k)
	}
	*left -= n
	return n == len(keys)
}
