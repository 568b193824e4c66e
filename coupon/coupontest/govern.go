package coupontest

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// Prefixes of the rows of governance (rules 3.19).
const (
	rowProposal  = 0x26
	rowStop      = 0x28
	rowSet       = 0x2A
	rowNextSet   = 0x2B
	rowOpen      = 0x2D
	rowSeat      = 0x40
	rowValidator = 0x41
	rowEpoch     = 0x42
	rowFormer    = 0x43
	rowConvicted = 0x44
	rowTenures   = 0x45
	rowQueue     = 0x46
)

// States of proposals.
const (
	propOpen = iota
	propPassed
	propExecuted
	propFailed
)

const hourMs = 3_600_000

type setRow struct {
	first, sinceMs uint64
	body           SetBody
}

type nextRow struct {
	at   uint64
	body SetBody
}

type seatRow struct {
	key                             Key
	address                         string
	archive, vouched                bool
	known                           uint16
	ready                           uint64
	readyMs, announcedMs, rekeyedMs uint64
}

type epochRow struct {
	first, last uint64
	digest      [32]byte
	sinceMs     uint64
}

type keyRow struct {
	member uint16
	height uint64
}

// proposal is a proposal with all that became of it. What waits where follows from it.
type proposal struct {
	number   uint32
	state    uint8
	code     uint16
	proposer uint16
	openedAt uint64
	at       uint64
	votes    map[uint16]uint8
	digest   [32]byte
	raw      []byte
	act      Act
	queued   bool
}

type queueEntry struct {
	number uint32
	prop   *proposal // or
	member uint16    // whose key changes
}

type scopeKey struct {
	scope  uint8
	target uint32
}

type stopRow struct {
	state               uint8 // 0 past, 1 in force, 2 lifting
	from, until, length uint64
	cursor              uint32
	window, used        uint64
}

type convictKey struct {
	epoch  uint32
	member uint16
	kind   uint8
}

type convictRow struct {
	view, height, at uint64
	body             [32]byte
}

// Head are the numbers of a block's header and of the one below.
type Head struct {
	Epoch                  uint32
	View, Base             uint64
	Proposer               uint16
	ParentView, ParentBase uint64
}

// governed is what a state of version 2 holds of governance.
type governed struct {
	nextVersion uint16
	nextHeight  uint64
	proposals   []*proposal // number n at n - 1
	queue       []queueEntry
	stops       map[scopeKey]*stopRow
	set         setRow
	next        *nextRow
	former      *SetBody
	seats       map[uint16]*seatRow
	keys        map[Key]keyRow
	epochs      []epochRow
	convicted   map[convictKey]convictRow
	tenures     map[uint16]*[2]uint32 // failed, done
}

// found is the part of the migration at version 2 that concerns validators.
func (m *Model) found(w *World) {
	g := governed{
		seats: map[uint16]*seatRow{}, keys: map[Key]keyRow{}, stops: map[scopeKey]*stopRow{},
		convicted: map[convictKey]convictRow{}, tenures: map[uint16]*[2]uint32{},
	}
	g.set = setRow{first: 1, sinceMs: w.FoundedMs, body: w.Set}
	g.epochs = []epochRow{{first: 1, digest: w.Set.Digest(w.Chain), sinceMs: w.FoundedMs}}
	for _, s := range w.Set.Seats {
		g.seats[s.Member] = &seatRow{key: s.Key, known: 2}
		g.keys[s.Key] = keyRow{member: s.Member}
	}
	m.two.governed = g
}

// rows3 renders the rows of governance.
func (m *Model) rows3(put func(key, value []byte)) {
	g := &m.two.governed
	put([]byte{rowSet}, append(le64(le64(nil, g.set.first), g.set.sinceMs), g.set.body.Bytes()...))
	if g.next != nil {
		put([]byte{rowNextSet}, append(le64(nil, g.next.at), g.next.body.Bytes()...))
	}
	if g.former != nil {
		put([]byte{rowFormer}, g.former.Bytes())
	}
	for member, s := range g.seats {
		put(be16([]byte{rowSeat}, member), s.row())
	}
	for key, k := range g.keys {
		put(append([]byte{rowValidator}, key[:]...), le64(le16(nil, k.member), k.height))
	}
	for n, e := range g.epochs {
		put(be32([]byte{rowEpoch}, uint32(n)), le64(append(le64(le64(nil, e.first), e.last), e.digest[:]...), e.sinceMs))
	}
	for k, c := range g.convicted {
		put(append(be16(be32([]byte{rowConvicted}, k.epoch), k.member), k.kind),
			append(le64(le64(le64(nil, c.view), c.height), c.at), c.body[:]...))
	}
	for member, t := range g.tenures {
		put(be16([]byte{rowTenures}, member), le32(le32(nil, t[0]), t[1]))
	}
	for _, q := range g.queue {
		kind, ref := byte(2), uint32(q.member)
		if q.prop != nil {
			kind, ref = 1, q.prop.number
		}
		put(be32([]byte{rowQueue}, q.number), le32([]byte{kind}, ref))
	}
	for k, s := range g.stops {
		v := le64(le64(le64([]byte{s.state}, s.from), s.until), s.length)
		put(be32([]byte{rowStop, k.scope}, k.target), le64(le64(le32(v, s.cursor), s.window), s.used))
	}
	open := map[uint16][]uint32{}
	for _, p := range g.proposals {
		put(be32([]byte{rowProposal}, p.number), p.row())
		switch {
		case p.state == propOpen:
			open[p.proposer] = append(open[p.proposer], p.number)
		case p.state == propPassed && !p.queued:
			put(be32(append(be64([]byte{rowDue}, p.at), 1), p.number), []byte{1})
		}
	}
	for member, list := range open {
		v := le32(nil, uint32(len(list)))
		for _, n := range list {
			v = le32(v, n)
		}
		put(be16([]byte{rowOpen}, member), v)
	}
}

func (p *proposal) row() []byte {
	b := le64(le64(le16(le16([]byte{p.state}, p.code), p.proposer), p.openedAt), p.at)
	b = le32(b, uint32(len(p.votes)))
	for _, member := range ordered(p.votes, func(a, b uint16) int { return int(a) - int(b) }) {
		b = append(le16(b, member), p.votes[member])
	}
	b = append(b, p.digest[:]...)
	if p.state >= propExecuted {
		return le32(b, 0)
	}
	return text(b, string(p.raw))
}

func (s *seatRow) row() []byte {
	b := text(append([]byte(nil), s.key[:]...), s.address)
	flags := byte(0)
	if s.archive {
		flags++
	}
	if s.vouched {
		flags += 2
	}
	return le64(le64(le64(le64(le16(append(b, flags), s.known), s.ready), s.readyMs), s.announcedMs), s.rekeyedMs)
}

// seatsActive counts the members of a set that are ACTIVE.
func (m *Model) seatsActive(s *SetBody) (n int) {
	for _, one := range s.Seats {
		if who := m.members[one.Member]; who != nil && who.state == active {
			n++
		}
	}
	return n
}

func (m *Model) hasSeat(member uint16) bool { return m.two.set.body.place(member) >= 0 }

// gains says that an action gives its subject a role or a higher limit than it has now.
func (m *Model) gains(a *Act) bool {
	who := m.members[a.Member]
	switch {
	case who == nil:
		return false
	case a.Num == 3:
		return a.Roles & ^who.Roles != 0
	case a.Num == 5:
		f := m.funding[fundingKey{a.Member, a.Currency}]
		return f == nil && a.Limit > 0 || f != nil && a.Limit > f.limit
	}
	return false
}

// majority is what PASSED takes.
func (m *Model) majority(p *proposal) bool {
	yes := 0
	for _, s := range m.two.set.body.Seats {
		if p.votes[s.Member] == 1 && m.members[s.Member].state == active {
			yes++
		}
	}
	if m.gains(&p.act) && p.votes[p.act.Member] != 1 {
		return false
	}
	return yes >= m.two.set.body.quorum()
}

// cast writes a vote down. A list that is full of former members loses the first of them.
func (m *Model) cast(p *proposal, member uint16, ballot uint8) {
	if _, again := p.votes[member]; !again {
		for len(p.votes) >= 151 {
			for _, other := range ordered(p.votes, func(a, b uint16) int { return int(a) - int(b) }) {
				if !m.hasSeat(other) && !((p.act.Num == 3 || p.act.Num == 5) && p.act.Member == other) {
					delete(p.votes, other)
					break
				}
			}
		}
	}
	p.votes[member] = ballot
}

// count does what follows from votes.
func (m *Model) count(p *proposal) {
	switch ok := m.majority(p); {
	case p.state == propOpen && ok:
		p.state = propPassed
		if p.at <= m.now {
			m.perform(p)
		}
	case p.state == propPassed && !ok:
		m.lose(p, 703)
	}
}

// perform lets a PASSED proposal have its effect, or join the queue.
func (m *Model) perform(p *proposal) {
	code := m.act(&p.act)
	if code == 0 && (p.act.Num == 9 || p.act.Num == 12) {
		if !m.enqueue(queueEntry{prop: p}) {
			m.lose(p, 703)
			return
		}
		p.queued = true
		return
	}
	if code != 0 {
		m.lose(p, code)
		return
	}
	p.state = propExecuted
}

func (m *Model) lose(p *proposal, code uint16) {
	p.state, p.code, p.queued = propFailed, code, false
	m.two.queue = slices.DeleteFunc(m.two.queue, func(q queueEntry) bool { return q.prop == p })
}

func (m *Model) enqueue(q queueEntry) bool {
	list := m.two.queue
	if len(list) >= 512 {
		return false
	}
	q.number = 1
	if len(list) > 0 {
		q.number = list[len(list)-1].number + 1
	}
	m.two.queue = append(list, q)
	return true
}

// decided leaves the event of the end of a block of a proposal that is decided.
func (m *Model) decided(p *proposal) {
	switch p.state {
	case propExecuted:
		m.two.event("governance.executed", be32([]byte{rowProposal}, p.number))
	case propFailed:
		m.two.event("governance.failed", be32([]byte{rowProposal}, p.number))
	}
}

func (p *proposal) receipt() []byte { return le16(append(le32(nil, p.number), p.state), p.code) }

// propose is GovPropose.
func (m *Model) propose(t *Tx) ([]byte, string, *refusal) {
	a := &t.Act
	if !m.hasSeat(t.Member) {
		return nil, "", no(106, "no seat")
	}
	for _, b := range t.Backers {
		if m.members[b] == nil {
			return nil, "", no(106, "backer unknown")
		}
		if !m.hasSeat(b) && !((a.Num == 3 || a.Num == 5) && a.Member == b) {
			return nil, "", no(106, "backer without seat")
		}
	}
	if no := m.signed(t, 0, false, append([]uint16{t.Member}, t.Backers...)...); no != nil {
		return nil, "", no
	}
	if t.At > m.now+90*dayMs {
		return nil, "", no(202, "too far ahead")
	}
	if who := m.members[a.Member]; a.Num == 4 && t.At < m.now+72*hourMs && (who == nil || who.state != suspended) {
		return nil, "", no(608, "recovery too soon")
	}
	if m.gains(a) && !m.hasSeat(a.Member) && !slices.Contains(t.Backers, a.Member) {
		return nil, "", no(106, "no consent")
	}
	var old []*proposal
	open := 0
	for _, p := range m.two.proposals {
		if p.state == propOpen && p.proposer == t.Member {
			if m.now >= p.openedAt+7*dayMs {
				old = append(old, p)
			} else {
				open++
			}
		}
	}
	if open >= 4 {
		return nil, "", no(703, "four open")
	}
	for _, p := range old {
		m.lose(p, 703)
		m.decided(p)
	}
	raw := a.Bytes()
	p := &proposal{
		number: uint32(len(m.two.proposals) + 1), proposer: t.Member, openedAt: m.now, at: t.At,
		votes: map[uint16]uint8{t.Member: 1}, digest: sha256.Sum256(raw), raw: raw, act: *a,
	}
	for _, b := range t.Backers {
		p.votes[b] = 1
	}
	m.two.proposals = append(m.two.proposals, p)
	m.count(p)
	return p.receipt(), "proposed " + p.outcome(), nil
}

func (p *proposal) outcome() string {
	words := []string{"open", "passed", "executed", "failed"}
	if p.state == propFailed {
		return "failed " + string(rune('0'+p.code/100))
	}
	return words[p.state]
}

// vote is GovVote.
func (m *Model) vote(t *Tx) ([]byte, string, *refusal) {
	var p *proposal
	if t.Proposal >= 1 && int(t.Proposal) <= len(m.two.proposals) {
		p = m.two.proposals[t.Proposal-1]
	}
	undecided := p != nil && p.state < propExecuted
	if t.Ballot == 2 && !(undecided && p.act.Num == 4 && p.act.Member == t.Member) {
		return nil, "", no(106, "no veto")
	}
	if t.Ballot != 2 && !m.hasSeat(t.Member) {
		return nil, "", no(106, "no seat")
	}
	if no := m.signed(t, 0, false, t.Member); no != nil {
		return nil, "", no
	}
	switch {
	case p == nil:
		return nil, "", no(703, "unknown")
	case p.digest != t.Digest:
		return nil, "", no(703, "another action")
	case !undecided:
		return nil, "", no(703, "decided")
	case p.state == propOpen && m.now >= p.openedAt+7*dayMs:
		return nil, "", no(703, "lapsed")
	}
	m.cast(p, t.Member, t.Ballot)
	if t.Ballot == 2 {
		m.lose(p, 703)
		return p.receipt(), "vetoed", nil
	}
	was := p.state
	m.count(p)
	why := "voted " + p.outcome()
	if was == propPassed {
		why = "voted later " + p.outcome()
	}
	return p.receipt(), why, nil
}

// standing is what every action asks of a member that it is about.
func (m *Model) standing(id uint16) uint16 {
	switch who := m.members[id]; {
	case who == nil:
		return 201
	case who.state == left:
		return 609
	}
	return 0
}

// sold says that a key is or was that of a till or service.
func (m *Model) sold(keys []Key) bool {
	for _, k := range keys {
		if m.tills[k] != nil || m.two.services[k] != nil {
			return true
		}
	}
	return false
}

// act executes an action and returns the code with which it fails.
func (m *Model) act(a *Act) uint16 {
	if a.Num >= 2 && a.Num <= 5 {
		if code := m.standing(a.Member); code != 0 {
			return code
		}
	}
	switch a.Num {
	case 1:
		return m.addMember(a)
	case 2:
		return m.setState(a)
	case 3:
		m.members[a.Member].Roles = a.Roles
	case 4:
		if m.sold(a.Keys) {
			return 702
		}
		delete(m.two.pending, a.Member)
		m.members[a.Member].Threshold, m.members[a.Member].Keys = a.Threshold, a.Keys
	case 5:
		return m.setLimit(a)
	case 6:
		return m.addCurrency(a)
	case 7:
		return m.setParams(a)
	case 8:
		return m.upgrade(a)
	case 9, 12:
		return 0 // judged when it is staged
	case 10:
		return m.stop(a)
	case 11:
		return m.unstop(a)
	}
	return 0
}

func (m *Model) addMember(a *Act) uint16 {
	switch {
	case m.sold(a.Keys):
		return 702
	case m.nextMember > 4096:
		return 201
	}
	m.members[m.nextMember] = &member{Member: Member{ID: m.nextMember, Roles: a.Roles, Threshold: a.Threshold,
		Keys: a.Keys, Name: a.Name}}
	m.nextMember++
	return 0
}

func (m *Model) setState(a *Act) uint16 {
	who := m.members[a.Member]
	sets := []*SetBody{&m.two.set.body}
	if m.two.next != nil {
		sets = append(sets, &m.two.next.body)
	}
	switch a.State {
	case left:
		for k, f := range m.funding {
			if k.member == a.Member && f.locked > 0 {
				return 609
			}
		}
		for k, d := range m.two.debts {
			if k.payer == a.Member && d.counts() {
				return 609
			}
		}
		for _, s := range sets {
			if s.place(a.Member) >= 0 {
				return 609
			}
		}
		for _, q := range m.two.queue {
			if q.prop == nil && q.member == a.Member || q.prop != nil && q.prop.act.touches(a.Member) {
				return 609
			}
		}
		delete(m.two.pending, a.Member)
	case suspended:
		was := who.state
		who.state = suspended
		for _, s := range sets {
			if s.place(a.Member) >= 0 && m.seatsActive(s) < s.quorum() {
				who.state = was
				return 609
			}
		}
	}
	who.state = a.State
	return 0
}

// touches says that a change of seats names a member.
func (a *Act) touches(member uint16) bool {
	for _, s := range a.Add {
		if s.Member == member {
			return true
		}
	}
	return slices.Contains(a.Drop, member)
}

func (m *Model) setLimit(a *Act) uint16 {
	k := fundingKey{a.Member, a.Currency}
	f := m.funding[k]
	if f == nil {
		f = &funds{}
	}
	switch {
	case !m.currencies[a.Currency]:
		return 201
	case a.Limit < f.locked:
		return 601
	case a.Limit > f.limit && m.overdue(a.Member):
		return 607
	}
	f.limit = a.Limit
	m.funding[k] = f
	return 0
}

func (m *Model) addCurrency(a *Act) uint16 {
	if len(m.two.currencies) >= 64 {
		return 201
	}
	for _, c := range m.two.currencies {
		if c.Number == a.Currency || c.Letters == a.Letters {
			return 201
		}
	}
	m.two.currencies = append(slices.Clone(m.two.currencies), Currency{a.Currency, a.Letters, a.Exponent})
	m.currencies[a.Currency] = true
	return 0
}

func (m *Model) setParams(a *Act) uint16 {
	if a.LifeMs < 1_000 || a.LifeMs > hourMs || a.MemberLifeMs < a.LifeMs || a.MemberLifeMs > 30*dayMs ||
		a.PayMs < hourMs || a.PayMs > 90*dayMs {
		return 201
	}
	if a.Clearer != 0 {
		who := m.members[a.Clearer]
		if who == nil || who.state != active || who.Roles&RolePayment == 0 {
			return 201
		}
	}
	s := m.two
	s.lifeMs, s.memberLifeMs, s.payMs, s.clearer, s.netMode = a.LifeMs, a.MemberLifeMs, a.PayMs, a.Clearer, a.NetMode
	m.lifeMs, m.memberLifeMs = a.LifeMs, a.MemberLifeMs
	return 0
}

func (m *Model) upgrade(a *Act) uint16 {
	g := &m.two.governed
	waiting := g.nextVersion != 0
	if a.Version != 0 && a.Height < m.height+4096 || waiting && m.height+512 > g.nextHeight ||
		a.Version == 0 && !waiting {
		return 608
	}
	if a.Version != 0 {
		know := 0
		for _, s := range g.set.body.Seats {
			if g.seats[s.Member].known >= a.Version {
				know++
			}
		}
		if know < len(g.set.body.Seats)-int(g.set.body.F) {
			return 608
		}
		if g.next != nil {
			for _, s := range g.next.body.Seats {
				if !m.hasSeat(s.Member) && g.seats[s.Member].known < a.Version {
					return 608
				}
			}
		}
		if a.Version != 3 {
			return 201
		}
	}
	g.nextVersion, g.nextHeight = a.Version, a.Height
	return 0
}

func (m *Model) stop(a *Act) uint16 {
	switch {
	case a.Scope == 1 && m.members[uint16(a.Target)] == nil, a.Scope == 2 && m.campaigns[a.Target] == nil:
		return 201
	case a.Until <= m.now:
		return 202
	}
	k := scopeKey{a.Scope, a.Target}
	m.forgetStops()
	s := m.two.stops[k]
	if s == nil {
		if len(m.two.stops) >= 64 {
			return 201
		}
		s = &stopRow{}
	}
	if s.state != 0 {
		return 703
	}
	fresh := *s
	if m.now >= s.window+60*dayMs {
		fresh.window, fresh.used = m.now, 0
	}
	if a.Until-m.now > 7*dayMs || fresh.used+a.Until-m.now > 14*dayMs {
		return 608
	}
	m.two.stops[k] = &stopRow{state: 1, from: m.now, until: a.Until, window: fresh.window,
		used: fresh.used + a.Until - m.now}
	return 0
}

// forgetStops drops what no limit asks for any more.
func (m *Model) forgetStops() {
	for k, s := range m.two.stops {
		if s.state == 0 && m.now >= s.window+60*dayMs {
			delete(m.two.stops, k)
		}
	}
}

func (m *Model) unstop(a *Act) uint16 {
	s := m.two.stops[scopeKey{a.Scope, a.Target}]
	if s == nil || s.state != 1 {
		return 703
	}
	m.startLifting(scopeKey{a.Scope, a.Target}, s)
	return 0
}

func (m *Model) startLifting(k scopeKey, s *stopRow) {
	end := min(m.now, s.until)
	s.used -= min(s.used, s.until-end)
	s.state, s.length, s.cursor = 2, end-s.from+60_000, 1
	if k.scope == 2 {
		s.cursor = k.target
	}
}

// isStopped says that a stop covers a campaign.
func (m *Model) isStopped(campaign uint32) bool {
	c := m.campaigns[campaign]
	if m.two == nil || c == nil {
		return false
	}
	for k, s := range m.two.stops {
		covers := k.scope == 0 || k.scope == 1 && uint32(c.issuer) == k.target || k.scope == 2 && campaign == k.target
		if s.state != 0 && covers {
			return true
		}
	}
	return false
}

// lifting is step 4 of the end of a block.
func (m *Model) lifting() {
	m.forgetStops()
	left := 512
	for _, k := range ordered(m.two.stops, func(a, b scopeKey) int {
		return bytes.Compare(be32([]byte{a.scope}, a.target), be32([]byte{b.scope}, b.target))
	}) {
		s := m.two.stops[k]
		if s.state == 1 && m.now >= s.until {
			m.startLifting(k, s)
		}
		if s.state != 2 {
			continue
		}
		for left > 0 && (k.scope == 2 && s.cursor == k.target || k.scope != 2 && s.cursor < m.nextCampaign) {
			c := m.campaigns[s.cursor]
			if (k.scope != 1 || uint32(c.issuer) == k.target) && !m.isReleased(s.cursor) && m.campaignEnd(s.cursor) > s.from {
				c.stretchMs += s.length
			}
			s.cursor++
			left--
		}
		if k.scope == 2 && s.cursor > k.target || k.scope != 2 && s.cursor >= m.nextCampaign {
			s.state, s.length, s.cursor = 0, 0, 0
			m.two.event("stop.lifted", be32([]byte{rowStop, k.scope}, k.target))
		}
	}
}

// comesDue is step 3 of the end of a block: the 16 lowest of what is due, each found anew.
func (m *Model) comesDue() {
	s := m.two
	for range 16 {
		var keys uint16
		var prop *proposal
		var lowest []byte
		for id, p := range s.pending {
			if k := be32(append(be64(nil, p.at), 2), uint32(id)); lowest == nil || bytes.Compare(k, lowest) < 0 {
				lowest, keys, prop = k, id, nil
			}
		}
		for _, p := range s.proposals {
			if p.state == propPassed && !p.queued {
				if k := be32(append(be64(nil, p.at), 1), p.number); lowest == nil || bytes.Compare(k, lowest) < 0 {
					lowest, prop = k, p
				}
			}
		}
		switch {
		case lowest == nil, prop != nil && prop.at > m.now, prop == nil && s.pending[keys].at > m.now:
			return
		case prop != nil:
			if m.majority(prop) {
				m.perform(prop)
			} else {
				m.lose(prop, 703)
			}
			m.decided(prop)
			continue
		}
		if m.members[keys].state == active {
			m.members[keys].Threshold, m.members[keys].Keys = s.pending[keys].threshold, s.pending[keys].keys
			s.event("member.keys", be16([]byte{rowMember}, keys))
		}
		delete(s.pending, keys)
	}
}

// wasAnnounced says that a key is or was a validator's.
func (m *Model) wasAnnounced(key Key) bool {
	_, ok := m.two.keys[key]
	return ok
}
