package coupon

import (
	"fmt"
	"testing"
)

// The worked examples of settlement (rules 3.39), by their numbers.

func TestExample47SharesFollowTheTotalAndNeverExceedALock(t *testing.T) {
	for _, c := range []struct {
		name          string
		funders       []Funder
		lock          []uint64
		buckets, paid []uint64
	}{
		{"47", []Funder{{1, 6667}, {2, 3333}}, []uint64{6667, 3333}, []uint64{1001, 1, 1, 7997}, []uint64{6001, 2999}},
		{"47b", []Funder{{1, 2000}, {2, 4000}, {3, 4000}}, []uint64{3, 3, 3}, []uint64{1, 1, 2, 1, 4}, []uint64{3, 3, 3}},
	} {
		var total uint64
		paid := make([]uint64, len(c.funders))
		for _, delta := range c.buckets {
			total += delta
			for i, d := range split(delta, total, paid, c.lock, c.funders) {
				paid[i] += d
			}
		}
		is(t, c.name, fmt.Sprint(paid), fmt.Sprint(c.paid))
	}
	first := split(1001, 1001, []uint64{0, 0}, []uint64{6667, 3333}, []Funder{{1, 6667}, {2, 3333}})
	is(t, "the first bucket", fmt.Sprint(first), "[668 333]")
}

func TestExample48ManySmallBucketsChargeTheFirstNoMore(t *testing.T) {
	var total uint64
	paid := []uint64{0, 0}
	for range 100 {
		total++
		for i, d := range split(1, total, paid, []uint64{50, 50}, []Funder{{1, 5000}, {2, 5000}}) {
			paid[i] += d
		}
	}
	is(t, "after 100 buckets of 1", fmt.Sprint(paid), "[50 50]")
}

func TestExamples49And52ACircleIsNettedAndConfirmed(t *testing.T) {
	m := newMarket(t)
	triangle(m)
	m.close()
	is(t, "1 to 2", m.debt(BookSecured, 1, 2), 200)
	is(t, "1 to 3", m.debt(BookSecured, 1, 3), 200)
	is(t, "2 to 3", m.debt(BookSecured, 2, 3), 0)
	is(t, "held", m.position(1).Held, 400)
	locks := func(want string) {
		t.Helper()
		is(t, "locked", fmt.Sprint(m.locked(1), m.locked(2), m.locked(3)), want)
	}
	cycle := m.proto().NextCycle - 1
	locks("900 700 900")
	is(t, "unpaid", m.unpaid(1, cycle), 2)
	m.member(OK, &PaymentConfirmed{DebtName{cycle, usd, BookSecured, 1, 2}, PaymentConfirm}, 2)
	is(t, "held after one", m.position(1).Held, 200)
	is(t, "unpaid after one", m.unpaid(1, cycle), 1)
	m.member(OK, &PaymentConfirmed{DebtName{cycle, usd, BookSecured, 1, 3}, PaymentConfirm}, 3)
	m.member(CycleState, &PaymentConfirmed{DebtName{cycle, usd, BookSecured, 1, 3}, PaymentConfirm}, 3)
	is(t, "held after both", m.position(1).Held, 0)
	is(t, "unpaid after both", m.unpaid(1, cycle), 0)
	locks("500 700 900")
}

func TestExample50RefundsAreNettedPairByPair(t *testing.T) {
	m := newMarket(t)
	a, b := m.offer(1000, whole(1)), m.offer(1000, whole(3))
	r, s := m.take(a, 3, 70), m.take(b, 1, 50)
	m.close()
	m.now += CycleMsDefault
	m.refund(OK, r, 3, 70) // 3 owes 1
	m.refund(OK, s, 1, 50) // 1 owes 3
	m.close()
	m.close()
	is(t, "3 to 1", m.debt(BookUnsecured, 3, 1), 20)
	is(t, "1 to 3", m.debt(BookUnsecured, 1, 3), 0)
}

func TestExample51AnUnsecuredDebtDoesNotDischargeASecuredOne(t *testing.T) {
	m := newMarket(t)
	back, owed := m.offer(1000, whole(2)), m.offer(1000, whole(2))
	r := m.take(back, 1, 1000)
	m.close()
	m.now += CycleMsDefault
	m.take(owed, 3, 1000)
	m.refund(OK, r, 1, 1000)
	m.close()
	m.close()
	is(t, "2 to 3, secured", m.debt(BookSecured, 2, 3), 1000)
	is(t, "1 to 2, unsecured", m.debt(BookUnsecured, 1, 2), 1000)
	is(t, "held of 2", m.position(2).Held, 1000)
}

func TestExample53ACycleClosesOnceAfterItsEnd(t *testing.T) {
	m := newMarket(t)
	m.take(m.offer(1000, whole(1)), 2, 500)
	cycle := m.proto().NextCycle
	end := uint64(cycle+1) * CycleMsDefault
	m.now = end - 2
	m.member(CutoffNotReached, &CycleClose{cycle, 3}, 3)
	m.member(OK, &CycleClose{cycle, 3}, 3)
	is(t, "time", m.now, end)
	root := m.cycle(cycle).Root
	m.member(CycleState, &CycleClose{cycle, 3}, 3)
	late := newMarket(t)
	late.take(late.offer(1000, whole(1)), 2, 500)
	late.now = end + 10*dayMs
	late.member(OK, &CycleClose{cycle, 4}, 4)
	is(t, "root ten days late by another member", late.cycle(cycle).Root, root)
}

// overdue has a cycle in which member 1 owes member 2, closed now.
func overdueMarket(t *testing.T) (m *market, debt DebtName) {
	m = newMarket(t)
	m.take(m.offer(1000, whole(1)), 2, 500)
	m.close()
	return m, DebtName{m.proto().NextCycle - 1, usd, BookSecured, 1, 2}
}

// publish publishes a campaign that member 1 funds.
func (m *market) publishFor(code Code) {
	m.t.Helper()
	t := m.terms(func(t *Terms) { t.Issuer, t.Funders, t.Budget = maker, whole(1), 5000 })
	m.member(code, &CampaignPublish{t}, maker, 1)
}

func TestExample54APayerIsOverdueAfterItsTime(t *testing.T) {
	m, debt := overdueMarket(t)
	m.now = m.cycle(debt.Cycle).ClosedAt + PayMsDefault - 2
	m.publishFor(OK)
	m.publishFor(PayerOverdue)
}

func TestExample57ARefundIsBoundedByItsRedemption(t *testing.T) {
	m := newMarket(t)
	c := m.offer(10_000, []Funder{{1, 6667}, {2, 3333}}, func(t *Terms) {
		t.Fee, t.Budget, t.RollbackMs = 10, 30_000, 1000
	})
	r := m.take(c, 3, 2000)
	final := m.now + 1000
	m.now = final - 2
	m.refund(RefundRule, r, 3, 10)
	m.refund(OK, r, 3, 10)
	m.refund(OK, r, 3, 2000)
	m.refund(RefundRule, r, 3, 1)
	m.close()
	money, err := DecodeMoney(m.rows[string(MoneyKey(c))])
	if err != nil {
		t.Fatal(err)
	}
	is(t, "back", fmt.Sprint(money.Funders[0].Back, money.Funders[1].Back), "1341 669")
}

func TestExample58UnusedBudgetIsFreeAtTheEnd(t *testing.T) {
	m := newMarket(t)
	c := m.offer(10_000, []Funder{{1, 6667}, {2, 3333}})
	m.take(c, 3, 5000)
	m.close()
	money, _ := DecodeMoney(m.rows[string(MoneyKey(c))])
	is(t, "paid", fmt.Sprint(money.Funders[0].Paid, money.Funders[1].Paid), "3334 1666")
	before := [2]uint64{m.locked(1), m.locked(2)}
	m.now = t0 + 2*yearMs
	m.block()
	is(t, "freed", fmt.Sprint(before[0]-m.locked(1), before[1]-m.locked(2)), "3333 1667")
	is(t, "event", m.last.Events[0].Type, EventCampaignEnded)
}

func TestExample65AMigrationLeavesNoBucketBehind(t *testing.T) {
	for _, c := range []struct {
		name     string
		rollback uint64
	}{{"a bucket of the next cycle alone", CycleMsDefault}, {"none", 0}} {
		m := newOldMarket(t)
		terms := m.terms(func(t *Terms) {
			t.Issuer, t.Funders, t.RollbackMs, t.ValueKind, t.Face, t.Uses = maker, whole(1), c.rollback, Stored, 1000, 9
		})
		id := m.member(OK, &CampaignPublish{terms}, maker, 1).Campaign
		m.want(OK, m.chain.NewMemberTx(m.expires(), &BatchCommit{id, 1, 10, keyOf("ticket").Key}, m.by(maker)...))
		m.coupons[id] = m.want(OK, m.claimTx(id, 1, keyOf("holder"))).Coupon
		if c.rollback > 0 {
			m.take(id, 2, 100)
		}
		m.upgrade(m.height + 1)
		m.take(id, 2, 50)
		is(t, c.name, m.proto().NextCycle, uint32(m.now/CycleMsDefault))
	}
}

func TestExample67WhoFundsItselfOwesItselfNothing(t *testing.T) {
	m := newMarket(t)
	c := m.offer(1000, []Funder{{1, 5000}, {2, 5000}})
	r := m.take(c, 1, 100)
	m.refund(OK, r, 1, 30)
	m.close()
	is(t, "locked", fmt.Sprint(m.locked(1), m.locked(2)), "450 485")
	is(t, "1 gets", m.position(1).In, 35)
	is(t, "2 owes", m.position(2).Out, 35)
	is(t, "unsecured", m.debt(BookUnsecured, 1, 2)+m.debt(BookUnsecured, 2, 1), 0)
	var amounts []uint64
	for _, i := range m.items {
		amounts = append(amounts, i.Amount)
	}
	is(t, "items", fmt.Sprint(amounts), "[50 15 50 15]")
}

func TestExample68AnUnconfirmedPaymentHidesNoLaterDebt(t *testing.T) {
	m, first := overdueMarket(t)
	m.member(OK, &PaymentPosted{first, [32]byte{1}}, 1)
	is(t, "rows of the first cycle", m.unpaid(1, first.Cycle), 0)
	m.take(m.offer(1000, whole(1)), 2, 500)
	m.close()
	m.now = m.cycle(first.Cycle+1).ClosedAt + PayMsDefault
	m.publishFor(PayerOverdue)
}

func TestExamples69And70AnObjectionIsAnsweredByPayingOrTheClearer(t *testing.T) {
	m, debt := overdueMarket(t)
	m.plant(func(p *Protocol) { p.Clearer = 4 })
	m.member(OK, &PaymentPosted{debt, [32]byte{1}}, 1)
	m.member(OK, &PaymentConfirmed{debt, PaymentObject}, 2)
	m.now = m.cycle(debt.Cycle).ClosedAt + PayMsDefault
	m.member(OK, &PaymentPosted{debt, [32]byte{2}}, 1)
	is(t, "unpaid", m.unpaid(1, debt.Cycle), 1) // REPOSTED stays
	m.publishFor(PayerOverdue)
	posted := m.now - 1
	suspended, _ := DecodeMember(m.rows[string(MemberKey(2))])
	suspended.State = MemberSuspended
	m.rows[string(MemberKey(2))] = suspended.AppendTo(nil)
	m.member(NotAuthorised, &PaymentConfirmed{debt, PaymentObject}, 2)
	for _, clearer := range []uint16{0, 1, 2} {
		m.plant(func(p *Protocol) { p.Clearer = clearer })
		m.member(NotAuthorised, &PaymentConfirmed{debt, PaymentClear}, max(clearer, 1))
	}
	m.plant(func(p *Protocol) { p.Clearer = 4 })
	m.now = posted + ClearMs - 2
	m.member(CycleState, &PaymentConfirmed{debt, PaymentClear}, 4)
	m.member(OK, &PaymentConfirmed{debt, PaymentClear}, 4)
	is(t, "held", m.position(1).Held, 0)
	m.publishFor(OK)
}

func TestExample88AnEndWaitsForItsBucketsAndIsPruned(t *testing.T) {
	m := newMarket(t)
	c := m.offer(1000, whole(1), func(t *Terms) { t.ClaimUntil, t.RedeemUntil = t0+dayMs, t0+2*dayMs })
	m.take(c, 2, 100)
	m.now = t0 + 4*dayMs // past its end
	m.block()
	is(t, "waits", m.rows[string(EndKey(m.now+releaseRetryMs, c))] != nil, true)
	m.close()
	m.now += releaseRetryMs
	m.block()
	is(t, "released", m.last.Events[0].Type, EventCampaignEnded)
	is(t, "locked", m.locked(1), 100)
	m.member(CampaignNotActive, &BatchCommit{c, 2, 5, keyOf("ticket").Key}, maker)
	m.member(CampaignNotActive, &CouponIssue{c, [][32]byte{keyOf("holder").Key}}, maker)
	m.want(Expired, m.takeTx(m.coupons[c], 1, 2, 100))
	ended, _ := DecodeMoney(m.rows[string(MoneyKey(c))])
	for m.proto().NextCycle <= ended.EndedCycle {
		m.close()
	}
	m.tick()
	m.block()
	money, _ := DecodeMoney(m.rows[string(MoneyKey(c))])
	is(t, "pruned", money.Ended, EndedPruned)
	for key := range m.rows {
		at, err := ParseRowKey([]byte(key))
		if err != nil || at.Campaign == c && at.Prefix != PrefixCampaign && at.Prefix != PrefixMoney {
			t.Errorf("row %x is left, %v", key, err)
		}
	}
}

func TestExample89PairsAreNettedBilaterally(t *testing.T) {
	m := newMarket(t)
	m.plantMode(NetBilateral)
	triangle(m)
	m.close()
	is(t, "1 to 2", m.debt(BookSecured, 1, 2), 500)
	is(t, "2 to 3", m.debt(BookSecured, 2, 3), 300)
	is(t, "3 to 1", m.debt(BookSecured, 3, 1), 100)
	is(t, "held", fmt.Sprint(m.position(1).Held, m.position(2).Held, m.position(3).Held), "500 300 100")
	is(t, "locked", fmt.Sprint(m.locked(1), m.locked(2), m.locked(3)), "1000 1000 1000")
}

func TestExample90TheRootOfTheItemsOfACircle(t *testing.T) {
	items := []SettlementItem{{5, eur, 0, 1, 1, 2, 500}, {5, eur, 0, 2, 2, 3, 300}, {5, eur, 0, 3, 3, 1, 100}}
	is(t, "root", fmt.Sprintf("%x", ItemsRoot(items)),
		"8c0f1129aeb2a62fe17acc1d39f81e4c30a14eaf91aa0e2a6fd52fd887297282")
	is(t, "of nothing", fmt.Sprintf("%x", ItemsRoot(nil)), fmt.Sprintf("%x", sha256Of("")))
}

func TestExample91ADebtIsBookedAgainstItsOpposite(t *testing.T) {
	m := newMarket(t)
	x := newExec(m.m, m.store, Block{Height: 1, TimeMs: t0}, false)
	s := &settling{x: x, cycle: 5}
	debt := func(from, to uint16) uint64 {
		if d := x.debts.get(x, debtID{5, usd, BookUnsecured, from, to}); d != nil {
			return d.Amount
		}
		return 0
	}
	for _, c := range []struct {
		from, to uint16
		amount   uint64
		want     string
	}{{1, 2, 70, "70 0"}, {2, 1, 50, "20 0"}, {2, 1, 30, "0 10"}} {
		s.owe(debtID{5, usd, BookUnsecured, c.from, c.to}, c.amount)
		is(t, fmt.Sprintf("after %d", c.amount), fmt.Sprint(debt(1, 2), debt(2, 1)), c.want)
	}
	is(t, "unpaid of 1", x.unpaid.get(x, unpaidID{1, 5}) == nil, true)
	is(t, "unpaid of 2", *x.unpaid.get(x, unpaidID{2, 5}), 1)
}

func TestExample94AShorterTimeToPayCountsAtOnce(t *testing.T) {
	m, _ := overdueMarket(t)
	m.now += 2 * dayMs
	m.publishFor(OK)
	m.plant(func(p *Protocol) { p.PayMs = dayMs })
	m.publishFor(PayerOverdue)
}
