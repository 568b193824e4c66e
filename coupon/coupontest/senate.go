package coupontest

import (
	"bytes"
	"slices"
)

// senate makes random histories of decisions: members propose, vote, take votes back, veto, consent, suspend and
// recover each other, change seats and keys, stop campaigns, and let views fail, while coupons live.
type senate struct {
	*chaos
	head   Head
	height uint64
	sets   []SetBody // that there were
	names  uint64
}

// GovernedHistory makes a chain of some blocks from a seed on which members decide.
func GovernedHistory(seed uint64, blocks int) *History {
	g := &senate{chaos: &chaos{Random: NewRandom(seed), now: 1_795_000_000_000}}
	g.w = chaosWorld(seed, g.now, true)
	g.w.UpgradeAt, g.w.CycleMs = 1, dayMs
	n := uint16(g.Between(4, 7))
	var seats []uint16
	for id := uint16(1); id <= n; id++ {
		seats = append(seats, id)
	}
	g.w.Seat(seats...)
	g.w.Set.P = uint8(g.N(2)) * g.w.Set.F
	if f, p := faultsOf(int(n)); g.w.Set.P > p {
		g.w.Set.F, g.w.Set.P = f, p
	}
	g.w.Set.W, g.w.Set.K = uint16(g.Between(1, 40)), uint32(g.Between(40, 90))
	g.w.FoundedMs = g.now - g.Scaled(9*dayMs)
	g.m = NewModel(g.w)
	for _, t := range g.w.Tills {
		g.tills = append(g.tills, t.Key)
	}
	h := &History{World: g.w}
	g.head.View = 1
	for range blocks {
		g.next()
		if g.m.two != nil && g.m.two.nextVersion != 0 && g.height >= g.m.two.nextHeight {
			break // no program knows that version
		}
		g.m.head = g.head
		g.m.Begin(g.height, g.now)
		if k := len(g.sets); k == 0 || g.sets[k-1].Epoch != g.m.two.set.body.Epoch {
			g.sets = append(g.sets, g.m.two.set.body)
		}
		for range 1 + g.N(5) {
			g.decide()
		}
		g.m.End()
		g.forget()
		h.Blocks = append(h.Blocks, *g.block)
		g.pass()
	}
	return h
}

// next makes the header of the next block.
func (g *senate) next() {
	parent := g.head
	g.height += pick(g.Random, []uint64{1, 1, 1, 1, 1, 7, 30, 64, 100, 4096})
	if g.height == 0 {
		g.height = 1
	}
	g.head.ParentView, g.head.ParentBase = parent.View, parent.Base
	if g.m.two != nil && g.m.two.next != nil && g.Chance(60) {
		g.head.Epoch++
		g.head.View = pick(g.Random, []uint64{1, 1, 1, 2, 5, 80})
		g.head.Base, g.head.ParentView, g.head.ParentBase = g.height-1, 1, g.height-1
	} else if g.Chance(15) {
		g.head.View += pick(g.Random, []uint64{1, 1, 1, 2, 3, 70})
		g.head.Base = g.height - 1
		if g.m.two != nil && g.Chance(50) {
			g.head.ParentBase = g.height - 1 - uint64(g.m.two.set.body.K) // the tenure was served
		}
	}
	g.block = &Block{Height: g.height, TimeMs: g.now, Head: g.head}
}

// pass moves time on, often to just before, at or after an instant that something waits for.
func (g *senate) pass() {
	var bounds []uint64
	for _, p := range g.m.two.proposals {
		if p.state < propExecuted {
			bounds = append(bounds, p.openedAt+7*dayMs)
			if p.at > 0 {
				bounds = append(bounds, p.at)
			}
		}
	}
	for _, s := range g.m.two.seats {
		bounds = append(bounds, s.announcedMs+hourMs, s.announcedMs+dayMs, s.rekeyedMs+hourMs, s.readyMs+hourMs)
	}
	for _, s := range g.m.two.stops {
		bounds = append(bounds, s.until, s.window+60*dayMs)
	}
	for _, p := range g.m.two.pending {
		bounds = append(bounds, p.at)
	}
	for k, c := range g.m.two.convicted {
		bounds = append(bounds, c.at+7*dayMs)
		if int(k.epoch)+1 < len(g.m.two.epochs) {
			bounds = append(bounds, g.m.two.epochs[k.epoch+1].sinceMs+7*dayMs)
		}
	}
	bounds = append(bounds, g.m.two.set.sinceMs+7*dayMs)
	bounds = slices.DeleteFunc(bounds, func(t uint64) bool { return t < g.now+2 || t > g.now+70*dayMs })
	slices.Sort(bounds)
	switch n := g.N(100); {
	case n < 45, g.made < 60:
		g.now += g.Scaled(20_000)
	case n < 85 && len(bounds) > 0:
		g.now = bounds[min(g.N(3), len(bounds)-1)] + g.Between(0, 2) - 1
	case n < 97:
		g.now += g.Scaled(2 * hourMs)
	default:
		g.now += g.Scaled(3 * dayMs)
	}
}

// decide makes a transaction and runs it.
func (g *senate) decide() {
	var t *Tx
	n := g.N(100)
	if g.made < 60 {
		n = 99 // campaigns first
	}
	switch {
	case n < 25:
		t = g.propose()
	case n < 52:
		t = g.vote()
	case n < 61:
		t = g.seat()
	case n < 70:
		t = g.ready()
	case n < 74:
		t = g.accuse()
	case n < 77:
		t = g.rotate()
	case n < 80 && len(g.recent) > 0:
		g.execute(pick(g.Random, g.recent))
		return
	default:
		if t = g.make(len(g.campaigns) < 2); t != nil && memberSigned(t.Kind) {
			for i := range t.Members { // keys may have changed
				if m := g.m.members[t.Members[i].Member]; m != nil {
					t.Members[i].Key = m.Keys[i%len(m.Keys)]
				}
			}
			slices.SortFunc(t.Members, func(a, b MemberSig) int {
				return bytes.Compare(append(be16(nil, a.Member), a.Key[:]...), append(be16(nil, b.Member), b.Key[:]...))
			})
			t.Members = dropRepeated(t.Members)
		}
	}
	if t == nil {
		return
	}
	if t.Expires == 0 {
		t.Expires = g.now + g.Between(1, 3*hourMs)
		if !memberSigned(t.Kind) {
			t.Expires = g.now + g.Between(1, g.w.LifeMs)
		}
	}
	raw := g.w.Finish(t)
	if back, bad := g.decode(raw); bad == 0 && back.Bound(g.w.Chain) {
		g.execute(raw)
	}
}

// member draws a member, mostly one with a seat.
func (g *senate) member() uint16 {
	if g.Chance(85) {
		return pick(g.Random, g.m.two.set.body.Seats).Member
	}
	return uint16(g.Between(1, uint64(g.m.nextMember)))
}

// sign gives a transaction the entries of members, mostly whole.
func (g *senate) sign(t *Tx, ids ...uint16) *Tx {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		m := g.m.members[id]
		if m == nil {
			continue
		}
		n := int(m.Threshold)
		if g.Chance(2) {
			n--
		}
		for _, k := range m.Keys[:n] {
			t.Members = append(t.Members, MemberSig{Member: id, Key: k})
		}
	}
	if len(t.Members) == 0 || g.Chance(1) {
		t.Members = []MemberSig{{Member: ids[0], Key: g.wallet()}}
	}
	return t
}

func (g *senate) newKeys() (keys []Key) {
	for range g.Between(1, 2) {
		g.names++
		keys = append(keys, g.w.Derive("new admin", g.names))
	}
	if g.Chance(4) {
		keys = append(keys, pick(g.Random, g.tills))
	}
	slices.SortFunc(keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	return keys
}

func (g *senate) propose() *Tx {
	t := &Tx{Kind: KindPropose, Member: g.member()}
	t.Act = g.action()
	if g.Chance(25) {
		t.At = g.now + g.Scaled(20*dayMs)
	}
	if t.Act.Num == 4 && g.Chance(70) {
		t.At = g.now + 72*hourMs + g.Between(0, 2) - 1
	}
	if g.Chance(3) {
		t.At = g.now + 90*dayMs + g.Between(0, 1)
	}
	signers := []uint16{t.Member}
	for _, s := range g.m.two.set.body.Seats {
		if s.Member != t.Member && g.Chance(pick(g.Random, []int{0, 30, 90})) {
			signers = append(signers, s.Member)
		}
	}
	if (t.Act.Num == 3 || t.Act.Num == 5) && g.Chance(60) && t.Act.Member != t.Member {
		signers = append(signers, t.Act.Member)
	}
	if g.Chance(3) {
		signers = append(signers, g.member())
	}
	slices.Sort(signers)
	signers = slices.Compact(signers)
	for _, id := range signers {
		if id != t.Member {
			t.Backers = append(t.Backers, id)
		}
	}
	return g.sign(t, signers...)
}

func (g *senate) action() Act {
	a := Act{Num: pick(g.Random, []uint8{1, 2, 2, 2, 3, 4, 4, 5, 5, 6, 7, 8, 9, 9, 9, 9, 10, 10, 11, 12}),
		Member: uint16(g.Between(1, uint64(g.m.nextMember)))}
	if g.Chance(60) {
		a.Member = g.member()
	}
	switch a.Num {
	case 1:
		a.Name, a.Roles, a.Threshold, a.Keys = "New", uint8(g.Between(1, 31)), 1, g.newKeys()
	case 2:
		a.State = pick(g.Random, []uint8{active, active, active, suspended, suspended, suspended, left, left})
		if a.State == left && g.Chance(70) {
			a.Member = uint16(g.Between(uint64(len(g.w.Set.Seats))+1, uint64(g.m.nextMember)))
		}
	case 3:
		a.Roles = uint8(g.Between(1, 31))
		for id := uint16(1); id < g.m.nextMember; id++ {
			if g.m.members[id].state == left && g.Chance(20) {
				a.Member, a.Roles = id, g.m.members[id].Roles
			}
		}
		a.Roles = max(1, a.Roles)
	case 4:
		a.Threshold, a.Keys = 1, g.newKeys()
		if g.Chance(40) {
			a.Member = g.lowestSuspended()
		}
	case 5:
		a.Currency = pick(g.Random, []uint16{756, 978, 978, 1})
		a.Limit = pick(g.Random, []uint64{0, moneyMax, g.Scaled(moneyMax)})
		if f := g.m.funding[fundingKey{a.Member, a.Currency}]; f != nil && g.Chance(40) {
			a.Limit = g.near(f.locked)
		}
	case 6:
		a.Currency, a.Letters = uint16(g.Between(1, 999)), string([]byte{'A' + byte(g.N(26)), 'B', 'C'})
		if g.Chance(30) {
			a.Letters = "EUR"
		}
	case 7:
		a.LifeMs, a.MemberLifeMs = pick(g.Random, []uint64{999, 180_000, hourMs, hourMs + 1}), 7*dayMs
		a.PayMs, a.NetMode = pick(g.Random, []uint64{hourMs, hourMs - 1, 3 * dayMs, 90 * dayMs}), uint8(g.N(2))
		a.Clearer = pick(g.Random, []uint16{0, 2, 4, 6, 99})
	default:
		g.later(&a)
	}
	return a
}

// later draws the fields of the actions from UPGRADE on.
func (g *senate) later(a *Act) {
	switch a.Num {
	case 8:
		a.Version, a.Height = 3, g.height+pick(g.Random, []uint64{4095, 4096, 1 << 40, 1 << 40})
		if g.Chance(45) {
			a.Version, a.Height = 0, 0
		}
		if g.Chance(50) {
			a.Version = 4
		}
	case 9:
		g.change(a)
	case 10:
		a.Scope = uint8(g.N(3))
		a.Until = g.now + pick(g.Random, []uint64{g.Scaled(dayMs), g.Scaled(7 * dayMs), 7 * dayMs, 7*dayMs + 1})
		g.target(a)
	case 11:
		a.Scope = uint8(g.N(3))
		g.target(a)
		for _, k := range ordered(g.m.two.stops, compareScopes) {
			if g.m.two.stops[k].state == 1 && g.Chance(60) {
				a.Scope, a.Target = k.scope, k.target
			}
		}
	case 12:
		s := &g.m.two.set.body
		a.F, a.P, a.W, a.K, a.C, a.D = 255, 255, s.W, s.K, s.C, s.D
		a.PrecisionMs, a.DelayMs, a.PayloadMax = s.PrecisionMs, s.DelayMs, s.PayloadMax
		edits := []func(){
			func() { a.W = uint16(g.N(60)) }, func() { a.K = uint32(g.N(100)) }, func() { a.D = uint8(g.N(70)) },
			func() { a.P = 0 }, func() { a.F = uint8(g.N(3)) }, func() { a.DelayMs = uint32(g.N(3)) * 400_000 },
		}
		pick(g.Random, edits)()
	}
}

func compareScopes(a, b scopeKey) int {
	return bytes.Compare(be32([]byte{a.scope}, a.target), be32([]byte{b.scope}, b.target))
}

func (g *senate) lowestSuspended() uint16 {
	for id := uint16(1); id < g.m.nextMember; id++ {
		if g.m.members[id].state == suspended {
			return id
		}
	}
	return 1
}

func (g *senate) target(a *Act) {
	switch a.Scope {
	case 1:
		a.Target = uint32(g.Between(1, 9))
	case 2:
		a.Target = uint32(g.Between(1, uint64(len(g.campaigns))+1))
	}
}

// change draws a change of seats, mostly one that can be made.
func (g *senate) change(a *Act) {
	a.F, a.P = 255, 255
	set := &g.m.two.set.body
	for range g.Between(1, 2) {
		id := uint16(g.Between(1, uint64(g.m.nextMember)))
		s := g.m.two.seats[id]
		switch {
		case s != nil && !set.holds(s.key):
			a.Add = append(a.Add, SeatOf{id, s.key})
		case g.Chance(50):
			a.Drop = append(a.Drop, pick(g.Random, set.Seats).Member)
		case s != nil:
			a.Add = append(a.Add, SeatOf{id, s.key})
		}
	}
	if len(a.Add)+len(a.Drop) == 0 || g.Chance(3) {
		a.Drop = append(a.Drop, uint16(g.Between(1, uint64(g.m.nextMember))))
	}
	if g.Chance(5) {
		a.F = uint8(g.N(3))
	}
	slices.SortFunc(a.Add, func(x, y SeatOf) int { return int(x.Member) - int(y.Member) })
	a.Add = slices.CompactFunc(a.Add, func(x, y SeatOf) bool { return x.Member == y.Member })
	slices.Sort(a.Drop)
	a.Drop = slices.Compact(a.Drop)
	a.Drop = slices.DeleteFunc(a.Drop, func(id uint16) bool {
		return slices.ContainsFunc(a.Add, func(s SeatOf) bool { return s.Member == id })
	})
	if len(a.Add)+len(a.Drop) == 0 {
		a.Drop = []uint16{1}
	}
}

func (g *senate) vote() *Tx {
	list := g.m.two.proposals
	if len(list) == 0 {
		return g.propose()
	}
	p := pick(g.Random, list)
	for range 12 {
		if p.state < propExecuted {
			break
		}
		p = pick(g.Random, list[max(0, len(list)-12):])
	}
	t := &Tx{Kind: KindVote, Member: g.member()}
	t.Proposal, t.Digest, t.Ballot = p.number, p.digest, pick(g.Random, []uint8{0, 1, 1, 1, 1, 1, 1})
	if (p.act.Num == 3 || p.act.Num == 5) && g.Chance(30) {
		t.Member = p.act.Member
	}
	if p.act.Num == 4 && g.Chance(15) {
		t.Member, t.Ballot = p.act.Member, 2
	}
	if g.Chance(1) {
		t.Ballot = 2
	}
	if g.Chance(2) {
		t.Digest[0]++
	}
	if g.Chance(2) {
		t.Proposal = uint32(len(list)) + uint32(g.N(2))
	}
	return g.sign(t, t.Member)
}

func (g *senate) seat() *Tx {
	t := &Tx{Kind: KindSeatKey, Member: uint16(g.Between(1, uint64(g.m.nextMember)))}
	if g.Chance(50) {
		t.Member = g.member()
	}
	g.names++
	t.Key = g.w.Derive("next validator", g.names)
	t.Address, t.Known, t.Flags = "node:9000", pick(g.Random, []uint16{2, 3, 4, 4, 4, 1}), uint8(g.N(2))
	s := g.m.two.seats[t.Member]
	if s != nil && g.Chance(25) {
		t.Key = s.key
	}
	if g.Chance(10) {
		edits := []func(){
			func() { t.Key = pick(g.Random, g.tills) },
			func() { t.Key = pick(g.Random, g.m.two.set.body.Seats).Key },
			func() {
				if m := g.m.members[t.Member]; m != nil {
					t.Key = m.Keys[0]
				}
			},
		}
		pick(g.Random, edits)()
	}
	if at := g.m.two.set.body.place(t.Member); at >= 0 && g.Chance(50) {
		t.Vouched, t.Voucher = true, g.m.two.set.body.Seats[at].Key
	}
	if g.Chance(4) {
		t.Vouched, t.Voucher = true, g.wallet()
	}
	return g.sign(t, t.Member)
}

func (g *senate) ready() *Tx {
	var ids []uint16
	for id := uint16(1); id < g.m.nextMember; id++ {
		if s := g.m.two.seats[id]; s != nil && (s.key != (Key{}) && !g.m.two.set.body.holds(s.key) || g.Chance(10)) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return g.seat()
	}
	t := &Tx{Kind: KindSeatReady, Member: pick(g.Random, ids)}
	t.Key, t.Height, t.Root = g.m.two.seats[t.Member].key, g.height, g.Bytes32()
	t.Known = pick(g.Random, []uint16{2, 3, 4, 4})
	if g.Chance(12) {
		edits := []func(){
			func() { t.Height++ },
			func() { t.Height -= min(t.Height, 4096+uint64(g.N(2))) },
			func() { t.Known = 1 },
			func() { t.Key = g.wallet() },
			func() { t.Member = g.m.nextMember },
		}
		pick(g.Random, edits)()
	}
	return t
}

func (g *senate) accuse() *Tx {
	set := &g.sets[len(g.sets)-1]
	if g.Chance(50) {
		set = pick(g.Random, []*SetBody{&g.sets[max(0, len(g.sets)-2)], &g.sets[max(0, len(g.sets)-3)], &g.sets[0]})
	}
	e := g.w.doubleVote(set, pick(g.Random, set.Seats).Member, g.Between(1, 9))
	if int(set.Epoch)+1 < int(g.m.two.set.body.Epoch) || g.Chance(8) {
		e.Body = set.Bytes()
	}
	if g.Chance(6) {
		e.Votes[0].Signature[3] ^= 1
	}
	if g.Chance(4) {
		e.Epoch++
	}
	return &Tx{Kind: KindEvidence, Tx3: Tx3{Evidence: e.Encode()}}
}
