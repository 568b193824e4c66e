package coupon

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

// sortedStore is a store whose rows are found in order without a search of all.
type sortedStore struct {
	*store
	keys []string
}

func (s *store) sorted() *sortedStore {
	list := make([]string, 0, len(s.rows))
	for k := range s.rows {
		list = append(list, k)
	}
	sort.Strings(list)
	return &sortedStore{s, list}
}

func (s *sortedStore) Keys(prefix []byte, limit int) (list [][]byte) {
	p := string(prefix)
	for i := sort.SearchStrings(s.keys, p); i < len(s.keys) && len(list) < limit && strings.HasPrefix(s.keys[i], p); i++ {
		list = append(list, []byte(s.keys[i]))
	}
	return list
}

// closingState returns a state in which a cycle begins to be closed: a campaign for each
// bucket, each with some funders of a ring of members, its payee the one before the first.
func closingState(t testing.TB, members, buckets, funders int, refunds bool, mode NetMode) (*Machine, *store, uint32) {
	g := Genesis{Currencies: []Currency{{usd, "USD", 2}}, LifeMs: LifeMsDefault, MemberLifeMs: MemberLifeDefault,
		CycleMs: CycleMsDefault}
	for i := range members {
		g.Members = append(g.Members, GenesisMember{Name: fmt.Sprint(i), Roles: RoleMerchant, Threshold: 1,
			Keys: [][32]byte{{byte(i), byte(i >> 8), 7}}})
	}
	m, err := NewMachine(Chain{ValidKey: func([32]byte) bool { return true }, Scheme: testScheme{}}, g)
	if err != nil {
		t.Fatal(err)
	}
	m = upgradedAt(m, 1)
	st := newStore()
	for _, w := range m.Genesis() {
		st.rows[string(w.Key)] = w.Value
	}
	put := func(key, value []byte) { st.rows[string(key)] = value }
	cycle := uint32(t0/CycleMsDefault) - 1
	p := Protocol{Version: Version2, HolderLifeMs: LifeMsDefault, MemberLifeMs: MemberLifeDefault, NextCycle: cycle,
		NextProposal: 1, NetMode: mode, PayMs: PayMsDefault}
	put(ProtocolKey(), p.AppendTo(nil))
	put(CurrencyKey(usd), g.Currencies[0].AppendTo(nil))
	foundedRows(put)
	closing := Cycle{State: CycleClosing, NetMode: mode}
	put(CycleKey(cycle), closing.AppendTo(nil))
	locks := make([]uint64, members+1)
	at := func(i int) uint16 { return uint16(i%members + 1) }
	for i := range buckets {
		id := uint32(i + 1)
		terms := Terms{Issuer: 1, Currency: usd, Title: "x", TermsHash: [32]byte{1}, Face: 10_000, Uses: 1,
			ReimburseBps: 10_000, MaxSupply: 1, Budget: 10_000, RedeemUntil: t0 + yearMs}
		for k := range funders {
			share := uint16(10_000 / funders)
			terms.Funders = append(terms.Funders, Funder{at(i + 1 + k), share})
		}
		terms.Funders[0].ShareBps += uint16(10_000 % funders)
		row := Campaign{Issuer: 1, Version: 1, NextSerial: 2, Accrued: 10_000, RedeemUntil: terms.RedeemUntil}
		money := newMoney(&terms)
		owed := Obligation{Sum: 5000 + uint64(i%7), Count: 1}
		put(CampaignKey(id), row.AppendTo(nil))
		put(TermsKey(id, 1), terms.AppendTo(nil))
		put(ObligationKey(cycle, id, at(i)), owed.AppendTo(nil))
		if refunds {
			back := Obligation{Sum: 900, Count: 1}
			put(RefundBucketKey(cycle, id, at(i+funders+1)), back.AppendTo(nil))
			money.Settled, money.Funders[0].Paid = 4000, 4000
		}
		put(MoneyKey(id), money.AppendTo(nil))
		for _, f := range terms.Funders {
			locks[f.Member] += 10_000
		}
	}
	for member, sum := range locks {
		if sum > 0 {
			f := Funding{Limit: MoneyMax, Locked: sum}
			put(FundingKey(uint16(member), usd), f.AppendTo(nil))
		}
	}
	return m, st, cycle
}

func TestExample92AClosingStepStopsAtItsLimit(t *testing.T) {
	m, st, cycle := closingState(t, 50, 1025, 1, false, NetMultilateral)
	left := func() (n int) {
		for k := range st.rows {
			if k[0] == PrefixObligation {
				n++
			}
		}
		return n
	}
	for i, want := range []int{1, 0} {
		res := m.Apply(st.sorted(), Block{Height: uint64(i + 2), TimeMs: t0})
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		st.write(t, res.Writes)
		is(t, "buckets left", left(), want)
	}
	c, err := DecodeCycle(st.rows[string(CycleKey(cycle))])
	if err != nil || c.State != CycleClosed || c.Items != 1025 {
		t.Errorf("%+v, %v", c, err)
	}
}

// A cycle has one result, however many blocks it takes and whatever happens between them.
func TestAClosingGoesOnAfterARestart(t *testing.T) {
	for _, mode := range []NetMode{NetMultilateral, NetBilateral} {
		var roots [2]string
		for i := range roots {
			m, st, cycle := closingState(t, 40, 1500, 4, true, mode)
			var items []SettlementItem
			for height := uint64(2); ; height++ {
				if i == 1 { // a machine that has seen nothing
					m, _, _ = closingState(t, 40, 1, 1, false, mode)
				}
				res := m.Apply(st.sorted(), Block{Height: height, TimeMs: t0})
				if res.Err != nil {
					t.Fatal(res.Err)
				}
				is(t, "within the limits", len(res.Items) < SettleItemsMax+2*FundersMax, true)
				st.write(t, res.Writes)
				items = append(items, res.Items...)
				if c, _ := DecodeCycle(st.rows[string(CycleKey(cycle))]); c.State == CycleClosed {
					root := ItemsRoot(items)
					is(t, "root", c.Root, root)
					is(t, "count", int(c.Items), len(items))
					roots[i] = fmt.Sprintf("%x", root)
					break
				}
			}
		}
		is(t, "root after restarts", roots[1], roots[0])
	}
}

// benchmarkClosing measures the largest block of a closing, signatures and disk apart.
func benchmarkClosing(b *testing.B, members, buckets, funders int, refunds bool, mode NetMode) {
	m, st, _ := closingState(b, members, buckets, funders, refunds, mode)
	s := st.sorted()
	writes := 0
	for b.Loop() {
		res := m.Apply(s, Block{Height: 2, TimeMs: t0})
		if res.Err != nil {
			b.Fatal(res.Err)
		}
		writes = len(res.Writes)
	}
	b.ReportMetric(float64(writes), "rows")
}

// The most buckets of one funder that a block takes, and all positions that follow.
func BenchmarkClosingOfManyCampaigns(b *testing.B) {
	benchmarkClosing(b, MembersMax, SettleRowsMax, 1, false, NetMultilateral)
}

// The most buckets of four funders.
func BenchmarkClosingOfManyFunders(b *testing.B) {
	benchmarkClosing(b, MembersMax, SettleRowsMax, 4, false, NetBilateral)
}

func BenchmarkClosingOfRefunds(b *testing.B) {
	benchmarkClosing(b, MembersMax, 600, 4, true, NetBilateral)
}

// All members have a position, after the buckets of the last block.
func BenchmarkClosingOfPositions(b *testing.B) {
	m, st, cycle := closingState(b, MembersMax, 512, 4, false, NetMultilateral)
	for i := range MembersMax {
		member := uint16(i + 1)
		p := Position{Out: 100, In: uint64(i%2) * 200}
		st.rows[string(PositionKey(cycle, usd, member))] = p.AppendTo(nil)
		f := Funding{Limit: MoneyMax, Locked: 100_000}
		st.rows[string(FundingKey(member, usd))] = f.AppendTo(nil)
	}
	s := st.sorted()
	writes := 0
	for b.Loop() {
		res := m.Apply(s, Block{Height: 2, TimeMs: t0})
		if res.Err != nil {
			b.Fatal(res.Err)
		}
		writes = len(res.Writes)
	}
	b.ReportMetric(float64(writes), "rows")
}
