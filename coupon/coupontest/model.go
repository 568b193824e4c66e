package coupontest

import (
	"fmt"
	"slices"
)

// States of members, tills, campaigns, coupons and redemptions (rules 3.15).
const (
	active    = 0
	suspended = 1
	left      = 2

	revoked = 1

	published = 0
	paused    = 1
	closed    = 2

	held     = 0
	gifted   = 1
	redeemed = 2

	accrued = 0
	voided  = 1
)

type member struct {
	Member
	state uint8
}

type fundingKey struct{ member, currency uint16 }

type funds struct{ limit, locked uint64 }

type till struct {
	Till
	state  uint8
	day    uint32
	daySum uint64
}

type campaign struct {
	state       uint8
	issuer      uint16
	version     uint16
	nextSerial  uint32
	batches     uint16
	issued      uint32
	usedUp      uint32
	redemptions uint32
	voids       uint32
	committed   uint64
	accrued     uint64
	redeemUntil uint64
	stretchMs   uint64
	sweepAt     uint32
	terms       Terms // of version
	versions    map[uint16]Terms
}

type batchKey struct {
	campaign uint32
	no       uint16
}

type batch struct {
	first, count uint32
	ticketKey    Key
}

type couponState struct {
	owner         Key
	seq           uint32
	version       uint16
	usesLeft      uint16
	valueLeft     uint64
	claimedAt     uint64
	floor         uint64
	transfersLeft uint8
	status        uint8
	giftKey       Key
	giftUntil     uint64
}

type holderKey struct {
	campaign uint32
	key      Key
}

type redemptionKey struct {
	coupon uint64
	seq    uint32
}

type redemption struct {
	state   uint8
	tillKey Key
	member  uint16
	store   uint16
	invoice [32]byte
	mode    uint8
	value   uint64
	payable uint64
	at      uint64
	finalAt uint64
}

type obligationKey struct {
	cycle    uint32
	campaign uint32
	payee    uint16
}

type obligation struct {
	sum   uint64
	count uint32
}

// First is where an id or invoice was first seen, and the code of its receipt.
type First struct {
	Height uint64
	Index  uint32
	Code   uint16
}

type bucket struct {
	members map[[32]byte]First
	count   uint32
	chain   [32]byte
	count2  uint32 // from version 2 on
	chain2  [32]byte
}

// Outcome is what the model says of one transaction.
type Outcome struct {
	Kind    uint8
	Code    uint16
	Why     string // which check refused it, or which case was accepted; for coverage
	Receipt []byte
	Events  []string
}

// Model is the naive state machine of stage 1.
type Model struct {
	world        *World
	chain        [32]byte
	lifeMs       uint64
	memberLifeMs uint64
	cycleMs      uint64
	currencies   map[uint16]bool
	listed       []Currency
	upgradeAt    uint64  // the first height of version 2; 0: none
	two          *second // nil before that

	nextCampaign uint32
	nextMember   uint16
	members      map[uint16]*member
	funding      map[fundingKey]*funds
	tills        map[Key]*till
	campaigns    map[uint32]*campaign
	batches      map[batchKey]*batch
	coupons      map[uint64]*couponState
	holders      map[holderKey]uint16
	redemptions  map[redemptionKey]*redemption
	obligations  map[obligationKey]*obligation
	seen         map[uint64]*bucket

	height  uint64
	now     uint64
	index   uint32
	head    Head // of the next block
	posting bool // an OfferPost runs, which no stop concerns
}

// NewModel returns the model at the genesis of a world.
func NewModel(w *World) *Model {
	m := &Model{
		world: w, chain: w.Chain, lifeMs: w.LifeMs, memberLifeMs: w.MemberLifeMs, cycleMs: w.CycleMs,
		nextCampaign: 1, nextMember: uint16(len(w.Members) + 1),
		currencies: map[uint16]bool{}, members: map[uint16]*member{}, funding: map[fundingKey]*funds{},
		tills: map[Key]*till{}, campaigns: map[uint32]*campaign{}, batches: map[batchKey]*batch{},
		coupons: map[uint64]*couponState{}, holders: map[holderKey]uint16{},
		redemptions: map[redemptionKey]*redemption{}, obligations: map[obligationKey]*obligation{},
		seen: map[uint64]*bucket{}, listed: w.Currencies, upgradeAt: w.UpgradeAt,
	}
	for _, c := range w.Currencies {
		m.currencies[c.Number] = true
	}
	for _, one := range w.Members {
		m.members[one.ID] = &member{Member: one}
	}
	for _, f := range w.Funding {
		m.funding[fundingKey{f.Member, f.Currency}] = &funds{limit: f.Limit}
	}
	for _, t := range w.Tills {
		m.tills[t.Key] = &till{Till: t}
	}
	return m
}

// Begin starts a block of a height and a time in Unix milliseconds.
func (m *Model) Begin(height, timeMs uint64) {
	m.height, m.now, m.index = height, timeMs, 0
	if m.upgradeAt > 0 && height >= m.upgradeAt && m.two == nil {
		m.migrate()
	}
	if m.two != nil {
		m.two.events = nil
		m.enter(m.head)
	}
}

// blockEvents are those of the end of the last block.
func (m *Model) blockEvents() []blockEvent {
	if m.two == nil {
		return nil
	}
	return m.two.events
}

// version is that of the rules of the block.
func (m *Model) version() uint16 {
	if m.two != nil {
		return 2
	}
	return 1
}

// End finishes a block: Seen buckets that are past go.
func (m *Model) End() {
	for b := range m.seen {
		if m.now >= (b+1)*bucketMs {
			delete(m.seen, b)
		}
	}
	if m.two != nil {
		m.end2()
	}
}

// Apply runs a whole block.
func (m *Model) Apply(height, timeMs uint64, raws [][]byte) (list []Outcome) {
	m.Begin(height, timeMs)
	for _, raw := range raws {
		list = append(list, m.Execute(raw))
	}
	m.End()
	return list
}

// refusal is the number of an error code with the check that gave it.
type refusal struct {
	code uint16
	why  string
}

// no refuses with a code.
func no(code uint16, why string) *refusal { return &refusal{code, why} }

// Execute runs the next transaction of the block: the common checks, then its kind's (rules 3.3 b). The bytes
// must decode.
func (m *Model) Execute(raw []byte) Outcome {
	t, bad := DecodeAt(m.version(), raw)
	if bad != 0 || !t.Bound(m.chain) {
		panic("coupontest: a block holds a transaction that does not decode")
	}
	id := t.ID(m.chain)
	first := First{m.height, m.index, 0}
	m.index++
	o := Outcome{Kind: t.Kind}
	record := true
	var tail []byte
	no := m.common(t)
	if earlier, dup := m.lookup(id, t.Expires); no == nil && dup {
		no = &refusal{105, "seen"}
		tail = le16(le32(le64(nil, earlier.Height), earlier.Index), earlier.Code)
	}
	if no == nil {
		tail, o.Why, no = m.kind(t, id)
	}
	if no != nil {
		o.Code, o.Why = no.code, no.why
		switch {
		case t.Kind == KindSeatReady, t.Kind == KindEvidence:
			record = false
		case no.code == 104, no.code == 105, no.why == "life",
			no.code == 106, no.code == 701,
			no.code == 301 && (t.Kind >= KindPause && t.Kind <= KindBatch || t.Kind == KindAmend || t.Kind == KindIssue):
			record = false
		}
	} else {
		tail = append([]byte{t.Kind}, tail...)
	}
	if record {
		first.Code = o.Code
		m.see(id, t.Expires, first)
		if o.Code == 0 && t.Kind == KindRedeem {
			m.see(m.invoiceDigest(t), t.Invoice.Expires, first)
		}
		if o.Code == 0 && t.Kind == KindTrade && t.Offer.Ask == 1 {
			m.see(digest(m.chain, tagPay, t.Pay.Bytes()), t.Pay.Expires, first)
		}
	}
	o.Receipt = append(le16(id[:], o.Code), tail...)
	if o.Code == 0 {
		o.Events = eventsOf(t, o.Receipt)
	}
	return o
}

// common is rules 3.3 b without the look-up of the id.
func (m *Model) common(t *Tx) *refusal {
	life := m.lifeMs
	if memberSigned(t.Kind) {
		life = m.memberLifeMs
	}
	switch {
	case m.now >= t.Expires:
		return no(104, "expired")
	case t.Expires > m.now+life:
		return no(109, "life")
	}
	return nil
}

func (m *Model) kind(t *Tx, id [32]byte) ([]byte, string, *refusal) {
	switch t.Kind {
	case KindPublish:
		return m.publish(t)
	case KindPause, KindResume, KindClose:
		return m.steer(t)
	case KindBatch:
		return m.batchCommit(t)
	case KindTillAdd:
		return m.tillAdd(t)
	case KindTillRevoke:
		return m.tillRevoke(t)
	case KindClaim:
		return m.claim(t)
	case KindTransfer:
		return m.transfer(t)
	case KindRedeem:
		return m.redeem(t)
	case KindVoid:
		return m.void(t)
	}
	return m.kind2(t)
}

func (m *Model) lookup(id [32]byte, expires uint64) (First, bool) {
	b := m.seen[expires/bucketMs]
	if b == nil {
		return First{}, false
	}
	f, ok := b.members[id]
	return f, ok
}

func (m *Model) see(id [32]byte, expires uint64, first First) {
	b := m.seen[expires/bucketMs]
	if b == nil {
		b = &bucket{members: map[[32]byte]First{}}
		m.seen[expires/bucketMs] = b
	}
	b.members[id] = first
	if m.two != nil {
		b.count2++
		b.chain2 = seenChain2(b.chain2, id, first)
		return
	}
	b.count++
	b.chain = seenChain(b.chain, id, first)
}

// Seen says whether an id or invoice digest lies in a bucket, and where it was first seen.
func (m *Model) Seen(id [32]byte, bucketNo uint64) (First, bool) {
	return m.lookup(id, bucketNo*bucketMs)
}

func (m *Model) invoiceDigest(t *Tx) [32]byte { return digest(m.chain, tagInvoice, t.Invoice.Bytes()) }

// signed is rules 3.3 d. The first required member acts: it has to be there, ACTIVE and of the role. Who else
// is required but does not exist can have no entry, and is left to the kind's own checks. one says that a single entry
// is enough.
func (m *Model) signed(t *Tx, role uint8, one bool, required ...uint16) *refusal {
	switch actor := m.members[required[0]]; {
	case actor == nil:
		return no(106, "member unknown")
	case actor.state != active:
		return no(106, "member not active")
	case actor.Roles&role != role:
		return no(106, "role")
	}
	entries := map[uint16]int{}
	for _, e := range t.Members {
		signer := m.members[e.Member]
		switch {
		case signer == nil:
			return no(106, "signer unknown")
		case signer.state != active:
			return no(106, "signer not active")
		case !slices.Contains(required, e.Member):
			return no(106, "signer not required")
		case !slices.Contains(signer.Keys, e.Key):
			return no(106, "not an admin key")
		}
		entries[e.Member]++
	}
	for _, id := range required {
		need := 1
		if m.members[id] == nil {
			continue
		}
		if !one {
			need = int(m.members[id].Threshold)
		}
		if entries[id] < need {
			return no(701, "quorum")
		}
	}
	return nil
}

// reachedName names an outcome for coverage, such as "10/518 digest".
func reachedName(o Outcome) string { return fmt.Sprintf("%d/%d %s", o.Kind, o.Code, o.Why) }
