package coupon

import (
	"fmt"
	"testing"
)

// market is a chain of version 2 on which every member issues, sells and pays: members 1 to
// 4, of one key each, with a till each.
type market struct {
	*world
	coupons map[uint32]CouponID // one of each campaign
	seqs    map[CouponID]uint32
	items   []SettlementItem // of the last close
	salt    byte
}

// maker is the member that issues the campaigns of a market.
const maker uint16 = 5

func memberKey(id uint16) Signer { return keyOf(fmt.Sprintf("member %d", id)) }

func tillOf(member uint16) Signer { return keyOf(fmt.Sprintf("till of %d", member)) }

func marketGenesis() Genesis {
	g := Genesis{Currencies: []Currency{{usd, "USD", 2}, {eur, "EUR", 2}}, LifeMs: LifeMsDefault,
		MemberLifeMs: MemberLifeDefault, CycleMs: CycleMsDefault}
	for id := uint16(1); id <= maker; id++ {
		g.Members = append(g.Members, GenesisMember{Name: fmt.Sprintf("Member %d", id), Threshold: 1,
			Roles: RoleIssuer | RoleMerchant | RolePayment, Keys: [][32]byte{memberKey(id).Key}})
		for _, currency := range []uint16{usd, eur} {
			g.Funding = append(g.Funding, GenesisFunding{id, currency, 1_000_000_000})
		}
		g.Tills = append(g.Tills, GenesisTill{Key: tillOf(id).Key, Member: id, Store: 1, Rights: allRights, Currency: usd,
			ValidUntil: TimeMax, DayCap: MoneyMax})
	}
	return g
}

func newMarket(t testing.TB) *market {
	m := newOldMarket(t)
	m.upgrade(1)
	return m
}

// newOldMarket returns a market of version 1.
func newOldMarket(t testing.TB) *market {
	return &market{world: newWorldOf(t, marketGenesis()), coupons: map[uint32]CouponID{}, seqs: map[CouponID]uint32{}}
}

// upgrade lets version 2 of the rules hold from a height on.
func (w *world) upgrade(height uint64) {
	w.m, w.upgraded = upgradedAt(w.m, height), height
	if w.height+1 >= height {
		w.rules = Version2
	}
}

func (m *market) by(ids ...uint16) []MemberSigner {
	list := make([]MemberSigner, len(ids))
	for i, id := range ids {
		list[i] = MemberSigner{id, memberKey(id)}
	}
	return list
}

// member executes a transaction that members sign and requires its code.
func (m *market) member(code Code, f Fields, ids ...uint16) Outcome {
	m.t.Helper()
	m.tick()
	return m.want(code, m.chain.NewMemberTx(m.expires(), f, m.by(ids...)...))
}

// offer publishes a campaign of stored value for some funders, final at once, and gives one
// coupon to "holder".
func (m *market) offer(budget uint64, funders []Funder, change ...func(*Terms)) uint32 {
	m.t.Helper()
	t := m.terms(func(t *Terms) {
		t.Issuer, t.Funders, t.Budget, t.RollbackMs = maker, funders, budget, 0
		t.ValueKind, t.Face, t.Uses = Stored, budget, UsesMax
	})
	for _, f := range change {
		f(&t)
	}
	id := m.member(OK, &CampaignPublish{t}, t.MustSign()...).Campaign
	o := m.member(OK, &CouponIssue{id, [][32]byte{keyOf("holder").Key}}, maker)
	m.coupons[id] = NewCouponID(id, o.Serial)
	return id
}

// take redeems a value at a member's till.
func (m *market) take(campaign uint32, shop uint16, value uint64) redemptionID {
	m.t.Helper()
	id := m.coupons[campaign]
	o := m.want(OK, m.takeTx(id, m.seqs[id], shop, value))
	m.seqs[id]++
	return redemptionID{id, o.Seq}
}

func (m *market) takeTx(id CouponID, seq uint32, shop uint16, value uint64) []byte {
	m.tick()
	m.salt++
	till, holder := tillOf(shop), keyOf("holder")
	inv := Invoice{TillKey: till.Key, Campaign: id.Campaign(), Currency: usd, Basis: value,
		BasketHash: BasketHash([16]byte{m.salt, byte(m.height), byte(m.height >> 8)}, nil), Expires: m.expires()}
	auth := Auth{Coupon: id, Seq: seq, Holder: holder.Key, Value: value, Expires: m.expires(),
		InvoiceDigest: inv.Digest(m.chain)}
	return m.chain.NewRedeemInvoice(inv, m.chain.SignInvoice(inv, till), auth, m.chain.SignAuth(auth, holder))
}

// refund gives an amount of a redemption back.
func (m *market) refund(code Code, r redemptionID, shop uint16, amount uint64) Outcome {
	m.t.Helper()
	m.tick()
	return m.want(code, m.chain.NewRefund(m.expires(),
		Refund{Coupon: r.coupon, Seq: r.seq, Key: tillOf(shop).Key, Amount: amount}, tillOf(shop)))
}

func (m *market) proto() Protocol {
	m.t.Helper()
	p, err := DecodeProtocol(m.rows[string(ProtocolKey())])
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// plant changes the protocol row, as the members will be able to.
func (m *market) plant(change func(*Protocol)) {
	p := m.proto()
	change(&p)
	m.rows[string(ProtocolKey())] = p.AppendTo(nil)
}

// plantMode lets cycles be netted otherwise from now on.
func (m *market) plantMode(mode NetMode) {
	if m.rows[string(ProtocolKey())] == nil {
		m.block() // the first, which migrates
	}
	m.plant(func(p *Protocol) { p.NetMode = mode })
}

// close closes the next cycle after its end and returns its row.
func (m *market) close() Cycle {
	m.t.Helper()
	cycle := m.proto().NextCycle
	m.now = max(m.now, uint64(cycle+1)*CycleMsDefault)
	m.member(OK, &CycleClose{cycle, 1}, 1)
	m.items = m.last.Items
	for m.proto().NextCycle == cycle {
		m.tick()
		m.block()
		m.items = append(m.items, m.last.Items...)
	}
	return m.cycle(cycle)
}

func (m *market) cycle(cycle uint32) Cycle {
	m.t.Helper()
	c, err := DecodeCycle(m.rows[string(CycleKey(cycle))])
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// debt returns the amount of a debt of the last closed cycle, 0 if there is none.
func (m *market) debt(book uint8, from, to uint16) uint64 {
	d, err := DecodeDebt(m.rows[string(DebtKey(m.proto().NextCycle-1, usd, book, from, to))])
	if err != nil {
		return 0
	}
	return d.Amount
}

func (m *market) locked(member uint16) uint64 {
	f, _ := DecodeFunding(m.rows[string(FundingKey(member, usd))])
	return f.Locked
}

func (m *market) position(member uint16) Position {
	p, _ := DecodePosition(m.rows[string(PositionKey(m.proto().NextCycle-1, usd, member))])
	return p
}

func (m *market) unpaid(member uint16, cycle uint32) uint32 {
	n, _ := decodeUnpaid(m.rows[string(UnpaidKey(member, cycle))])
	return n
}

// is compares what a test is about.
func is[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func whole(member uint16) []Funder { return []Funder{{member, BpsMax}} }

// triangle books what example 49 begins with: 1 owes 2, 2 owes 3 and 3 owes 1, each with
// 1000 locked.
func triangle(m *market) {
	for _, d := range []struct {
		from, to uint16
		amount   uint64
	}{{1, 2, 500}, {2, 3, 300}, {3, 1, 100}} {
		m.take(m.offer(1000, whole(d.from)), d.to, d.amount)
	}
}
