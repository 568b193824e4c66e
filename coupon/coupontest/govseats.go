package coupontest

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// seatKey is SeatKey.
func (m *Model) seatKey(t *Tx) ([]byte, string, *refusal) {
	if no := m.signed(t, 0, false, t.Member); no != nil {
		return nil, "", no
	}
	g := &m.two.governed
	has := g.seats[t.Member]
	same := has != nil && has.key == t.Key
	_, known := g.keys[t.Key]
	switch {
	case known && !same:
		return nil, "", no(702, "announced before")
	case m.sold([]Key{t.Key}):
		return nil, "", no(702, "a till's or a service key")
	case slices.Contains(m.members[t.Member].Keys, t.Key):
		return nil, "", no(702, "an admin key")
	}
	wait := uint64(24 * hourMs)
	if m.hasSeat(t.Member) {
		wait = hourMs
	}
	if !same && has != nil && m.now < has.announcedMs+wait {
		return nil, "", no(608, "too soon")
	}
	if t.Vouched {
		at := g.set.body.place(t.Member)
		if at < 0 {
			return nil, "", no(106, "vouched without seat")
		}
		if g.set.body.Seats[at].Key != t.Voucher {
			return nil, "", no(106, "vouched by another")
		}
	}
	if !same {
		fresh := &seatRow{key: t.Key, announcedMs: m.now}
		if has != nil {
			fresh.rekeyedMs = has.rekeyedMs
		}
		has = fresh
		g.keys[t.Key] = keyRow{t.Member, m.height}
	}
	has.address, has.archive, has.known = t.Address, t.Flags == 1, t.Known
	has.vouched = has.vouched || t.Vouched
	g.seats[t.Member] = has
	why := "announced"
	if same {
		why = "changed"
	}
	return append(le16(nil, t.Member), t.Key[:]...), why, nil
}

// seatReady is SeatReady.
func (m *Model) seatReady(t *Tx) ([]byte, string, *refusal) {
	g := &m.two.governed
	s := g.seats[t.Member]
	switch {
	case s == nil:
		return nil, "", no(301, "nothing announced")
	case s.key != t.Key:
		return nil, "", no(301, "another key")
	case t.Height > m.height:
		return nil, "", no(606, "to come")
	case t.Height+4096 < m.height:
		return nil, "", no(606, "old")
	case s.ready+64 > t.Height:
		return nil, "", no(608, "too soon")
	case t.Known < 2:
		return nil, "", no(608, "version")
	}
	s.ready, s.readyMs, s.known = t.Height, m.now, t.Known
	why := "ready"
	waits := false
	for _, q := range g.queue {
		waits = waits || q.prop == nil && q.member == t.Member
	}
	at := g.set.body.place(t.Member)
	if at >= 0 && g.set.body.Seats[at].Key != t.Key && m.members[t.Member].state == active && !waits &&
		m.now >= s.rekeyedMs+hourMs && (s.vouched || m.now >= s.announcedMs+24*hourMs) &&
		m.enqueue(queueEntry{member: t.Member}) {
		s.rekeyedMs = m.now
		why = "ready and queued"
	}
	return append(le16(nil, t.Member), t.Key[:]...), why, nil
}

// faultsOf is the most that n seats bear, and the p that goes with it.
func faultsOf(n int) (f, p uint8) {
	most, fast := pbft.DefaultFaults(n)
	return uint8(most), uint8(fast)
}

// legal is what the genesis file asks of a set, without its seats' keys.
func (s *SetBody) legal() bool {
	n, f, p := len(s.Seats), int(s.F), int(s.P)
	return n >= 4 && n <= 150 && f >= 1 && n >= 3*f+1 && p <= f && (p == 0 || n >= 3*f+2*p-1) &&
		s.W >= 1 && s.W <= 256 && s.K >= uint32(s.W) && s.K <= 1_000_000 && s.C >= 1 && s.C <= 65_536 &&
		s.D >= 1 && s.D <= 64 && s.PrecisionMs >= 1 && s.PrecisionMs <= 60_000 && s.DelayMs >= 1 &&
		s.DelayMs <= 600_000 && s.PayloadMax >= 64<<10 && s.PayloadMax <= 8<<20
}

// near says that few enough keys go and come.
func near(from, to *SetBody) bool {
	gone, fresh := 0, 0
	for _, s := range from.Seats {
		if !to.holds(s.Key) {
			gone++
		}
	}
	for i, s := range to.Seats {
		if !from.holds(s.Key) {
			fresh++
		}
		for _, other := range to.Seats[:i] {
			if other.Key == s.Key {
				return false
			}
		}
	}
	return gone <= int(from.F) && fresh <= int(min(from.F, to.F))
}

// after makes the next set by an entry of the queue, by nil the same once more, and says why not.
func (m *Model) after(q *queueEntry) (next SetBody, code uint16) {
	g := &m.two.governed
	now := &g.set.body
	next = *now
	next.Epoch, next.Seats, next.Skips = now.Epoch+1, nil, nil
	var a Act
	if q != nil && q.prop != nil {
		a = q.prop.act
	}
	for _, s := range now.Seats {
		if slices.Contains(a.Drop, s.Member) {
			continue
		}
		for _, add := range a.Add {
			if add.Member == s.Member {
				s.Key = add.Key
			}
		}
		if q != nil && q.prop == nil && q.member == s.Member {
			s.Key = g.seats[s.Member].key
		}
		next.Seats = append(next.Seats, s)
	}
	for _, add := range a.Add {
		if now.place(add.Member) < 0 {
			next.Seats = append(next.Seats, add)
		}
	}
	slices.SortFunc(next.Seats, func(x, y SeatOf) int { return int(x.Member) - int(y.Member) })
	if a.Num == 12 {
		next.W, next.K, next.C, next.D = a.W, a.K, a.C, a.D
		next.PrecisionMs, next.DelayMs, next.PayloadMax = a.PrecisionMs, a.DelayMs, a.PayloadMax
	}
	if a.Num == 9 || a.Num == 12 {
		next.F, next.P = faultsOf(len(next.Seats))
		if a.F != 255 {
			next.F = a.F
		}
		if a.P != 255 {
			next.P = a.P
		}
	}
	if !next.legal() || !near(now, &next) {
		return next, 201
	}
	for _, add := range a.Add {
		if code := m.mayEnter(add); code != 0 {
			return next, code
		}
	}
	for _, drop := range a.Drop {
		if now.place(drop) < 0 {
			return next, 702
		}
	}
	if q != nil && q.prop == nil {
		s := g.seats[q.member]
		switch at := now.place(q.member); {
		case at < 0, now.Seats[at].Key == s.key, s.ready == 0, m.members[q.member].state != active,
			!s.vouched && m.now < s.announcedMs+24*hourMs:
			return next, 1
		}
	}
	if m.seatsActive(&next) < next.quorum() {
		return next, 609
	}
	next.Skips = m.skipped(&next)
	return next, 0
}

// mayEnter is what a staging asks of who gets a seat or a new key.
func (m *Model) mayEnter(add SeatOf) uint16 {
	g := &m.two.governed
	who, s := m.members[add.Member], g.seats[add.Member]
	switch {
	case who == nil:
		return 201
	case who.state != active:
		return 609
	case s == nil, s.key != add.Key, g.set.body.holds(add.Key):
		return 702
	case s.readyMs+hourMs <= m.now:
		return 606
	case s.known < 2, s.known < g.nextVersion:
		return 608
	}
	return 0
}

// skipped are the replicas that the next set lets lead no view.
func (m *Model) skipped(s *SetBody) []uint16 {
	g := &m.two.governed
	var first, then []SeatOf
	for _, one := range s.Seats {
		guilty := false
		for k, c := range g.convicted {
			guilty = guilty || k.member == one.Member && m.now < c.at+7*dayMs
		}
		t := g.tenures[one.Member]
		switch {
		case guilty:
			first = append(first, one)
		case t != nil && t[0] >= 3 && t[0] > t[1]:
			then = append(then, one)
		}
	}
	slices.SortStableFunc(then, func(a, b SeatOf) int {
		return int(int64(g.tenures[b.Member][0]) - int64(g.tenures[a.Member][0]))
	})
	var skips []uint16
	for _, one := range append(first, then...) {
		if len(skips) < int(s.F) {
			skips = append(skips, uint16(s.place(one.Member)))
		}
	}
	slices.Sort(skips)
	return skips
}

// staging is step 3a of the end of a block.
func (m *Model) staging() {
	g := &m.two.governed
	if g.next != nil || m.height < g.set.first+max(64, 2*uint64(g.set.body.W)) {
		return
	}
	for range min(8, len(g.queue)) {
		q := g.queue[0]
		enough := q.prop == nil || m.majority(q.prop)
		next, code := m.after(&q)
		g.queue = g.queue[1:]
		if enough && code == 0 {
			m.stageSet(next)
			if q.prop != nil {
				q.prop.state, q.prop.queued = propExecuted, false
				m.decided(q.prop)
			}
			return
		}
		if q.prop != nil {
			if !enough {
				code = 703
			}
			m.lose(q.prop, code)
			m.decided(q.prop)
		}
	}
	if m.now < g.set.sinceMs+7*dayMs {
		return
	}
	if next, code := m.after(nil); code == 0 && !slices.Equal(next.Skips, g.set.body.Skips) {
		m.stageSet(next)
	}
}

func (m *Model) stageSet(next SetBody) {
	m.two.next = &nextRow{m.height, next}
	m.two.event("epoch.staged", []byte{rowNextSet})
}

// enter is what comes before the transactions of a block: promotion and tenures.
func (m *Model) enter(h Head) {
	g := &m.two.governed
	if h.Epoch != g.set.body.Epoch {
		m.promote()
	}
	set := &g.set.body
	lead := func(view uint64) *[2]uint32 {
		var list []uint16
		for i := range set.Seats {
			if !slices.Contains(set.Skips, uint16(i)) {
				list = append(list, set.Seats[i].Member)
			}
		}
		who := list[(view-1+uint64(set.Epoch))%uint64(len(list))]
		if g.tenures[who] == nil {
			g.tenures[who] = &[2]uint32{}
		}
		return g.tenures[who]
	}
	var failed []uint64
	switch {
	case m.height == g.set.first:
		for v := uint64(1); v < h.View; v++ {
			failed = append(failed, v)
		}
	case h.View > h.ParentView:
		if m.height-1 == h.ParentBase+uint64(set.K) {
			lead(h.ParentView)[1]++
		} else {
			lead(h.ParentView)[0]++
		}
		for v := h.ParentView + 1; v < h.View; v++ {
			failed = append(failed, v)
		}
	}
	for _, v := range failed[max(0, len(failed)-64):] {
		lead(v)[0]++
	}
}

// promote lets the staged set begin.
func (m *Model) promote() {
	g := &m.two.governed
	former := g.set.body
	g.former = &former
	g.epochs[former.Epoch].last = m.height - 1
	g.set = setRow{m.height, m.now, g.next.body}
	g.epochs = append(g.epochs, epochRow{first: m.height, digest: g.set.body.Digest(m.chain), sinceMs: m.now})
	g.next = nil
	m.two.event("epoch.begun", be32([]byte{rowEpoch}, g.set.body.Epoch))
	for member, t := range g.tenures {
		t[0], t[1] = t[0]/2, t[1]/2
		if t[0] == 0 && t[1] == 0 {
			delete(g.tenures, member)
		}
	}
	for _, p := range g.proposals {
		switch {
		case p.state == propOpen && m.now >= p.openedAt+7*dayMs:
			m.lose(p, 703)
		case p.state < propExecuted:
			m.count(p)
		default:
			continue
		}
		m.decided(p)
	}
}
