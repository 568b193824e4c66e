package driver

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// How proofs of epochs travel (R13.5). They are policy.
const (
	// ProofsMax bounds the proofs in one answer to who is behind by more.
	ProofsMax = 4
	// ProofPeriodMs is the pause between two answers to one peer about epochs.
	ProofPeriodMs = 1000
	// OldPeriodMs is the pause between two answers to one peer with blocks of an epoch that
	// no engine here is of, and OldBytesMax bounds the payloads of one.
	OldPeriodMs = 50
	OldBytesMax = 1 << 20
	// EarlyMax and EarlyBytesMax bound the messages of the next epoch that are kept for each
	// of its members while its set is staged and it has not begun here. Proposals and votes
	// are wanted, and no bodies, which are asked for when they are missing.
	EarlyMax      = 64
	EarlyBytesMax = 256 << 10
)

// EpochStore is a Store that keeps how epochs ended.
type EpochStore interface {
	Store
	// Ended returns the proof that an epoch has ended, nil if it has not.
	Ended(e pbft.Epoch) (*pbft.EpochProof, error)
	// Next returns what the state after the last block holds as the set of the next
	// epoch, nil if nothing is staged.
	Next() []byte
}

// MemberConfig is what NewMember needs.
type MemberConfig struct {
	// Config is that of each epoch's driver. Engine.Committee and Engine.Genesis are those
	// of epoch 0; Engine.Self is the member's own, and Store is an EpochStore.
	Config
	// Key is the one key of the member, whose log it is: a member with a new key is another
	// one, with a log of its own.
	Key pbft.PublicKey
}

// Member is one member over epochs (R13.3 to R13.6): the driver of the newest epoch that
// its store has come to, and that of the one before, which is closed. A member without a
// seat in the newest has the closed one alone.
type Member struct {
	cfg       MemberConfig
	store     EpochStore
	by        rules.Epochs
	committee *pbft.Committee // of the newest epoch that the store has come to
	genesis   pbft.Header
	before    *pbft.Committee // of the epoch before, nil in epoch 0
	ended     *pbft.EpochProof
	running   *Driver
	closed    *Driver
	// silent says that the log knows more epochs than the store: until that has come as
	// far, nothing is signed and nothing is written to the log (R13.6).
	silent bool
	log    []pbft.Record // what was found, until the store has come to its last epoch
	// unsealed says that the log does not say yet in which epoch it is.
	unsealed bool

	out   []Direct
	told  map[pbft.PublicKey]int64 // when a peer was told about epochs, in nanoseconds, plus 1
	given map[pbft.PublicKey]int64 // when it was given blocks of an older one, likewise
	early map[pbft.PublicKey][]pbft.Message
}

// Direct is a message to a member by its key: numbers mean nothing outside an epoch.
type Direct struct {
	To      pbft.PublicKey
	Message pbft.Message
}

// Turn is what a member has to do: the work of one of its drivers, which is told when it
// is done, and what is sent beside it.
type Turn struct {
	Driver *Driver
	Work   Work
	Direct []Direct
}

// Idle reports whether there is nothing to do now.
func (t *Turn) Idle() bool {
	return len(t.Direct) == 0 && (t.Driver == nil || t.Work.Idle() && !t.Driver.unadvanced)
}

// NewMember brings a member back from its store and its log.
func NewMember(cfg MemberConfig, log []pbft.Record) (*Member, error) {
	return newMember(cfg, log, writtenEpochs())
}

func newMember(cfg MemberConfig, log []pbft.Record, by rules.Epochs) (*Member, error) {
	store, ok := cfg.Store.(EpochStore)
	if !ok {
		return nil, errors.New("driver: the store keeps no epochs")
	}
	m := &Member{cfg: cfg, store: store, by: by, committee: cfg.Engine.Committee, genesis: cfg.Engine.Genesis,
		log: log, told: make(map[pbft.PublicKey]int64), given: make(map[pbft.PublicKey]int64),
		early: make(map[pbft.PublicKey][]pbft.Message)}
	for {
		p, err := store.Ended(m.committee.Epoch())
		if err != nil {
			return nil, fmt.Errorf("read how epoch %d ended: %w", m.committee.Epoch(), err)
		}
		if p == nil || store.Height() < p.Boundary.Seq {
			break
		}
		if err := m.step(p); err != nil {
			return nil, err
		}
	}
	if m.ended != nil {
		if err := m.restoreClosed(); err != nil {
			return nil, err
		}
	}
	return m, m.begin(nil)
}

// step goes to the epoch after the one that a proof ends.
func (m *Member) step(p *pbft.EpochProof) error {
	next, err := m.by.Verify(p, m.committee, m.cfg.Engine.Scheme)
	if err != nil {
		return fmt.Errorf("go to epoch %d: %w", p.Epoch+1, err)
	}
	m.before, m.committee, m.genesis, m.ended = m.committee, next, m.by.Stands(p), p
	return nil
}

// restoreClosed makes the closed driver of the epoch before anew: it attests and answers.
func (m *Member) restoreClosed() error {
	id, seat := m.before.Find(m.cfg.Key)
	if !seat {
		return nil
	}
	cfg := m.cfg.Config
	cfg.Engine.Committee, cfg.Engine.Self = m.before, id
	if e := m.before.Epoch(); e > 0 {
		p, err := m.store.Ended(e - 1)
		if err != nil || p == nil {
			return fmt.Errorf("read how epoch %d ended: %w", e-1, err)
		}
		cfg.Engine.Genesis = m.by.Stands(p)
	}
	cfg.Store, cfg.Start, cfg.Engine.Recall, cfg.Lanes = upTo{m.store, m.ended.Boundary.Seq}, nil, false, nil
	d, err := New(cfg, []pbft.Record{{Kind: pbft.RecordBoundary, Boundary: m.ended}})
	if err != nil {
		return fmt.Errorf("bring back epoch %d: %w", m.before.Epoch(), err)
	}
	m.closed = d
	return nil
}

// upTo is a store up to the last block of an epoch.
type upTo struct {
	EpochStore
	last pbft.Seq
}

// Height implements Store.
func (s upTo) Height() pbft.Seq { return min(s.last, s.EpochStore.Height()) }

// begin makes the driver of the newest epoch, from one that ran until now or from the log.
func (m *Member) begin(from *Driver) error {
	m.running = nil
	id, seat := m.committee.Find(m.cfg.Key)
	if !seat {
		return nil
	}
	records, last := split(m.log, m.committee.Epoch())
	cfg := m.cfg.Config
	cfg.Engine.Committee, cfg.Engine.Self, cfg.Engine.Genesis = m.committee, id, m.genesis
	cfg.Ended = m.ended
	m.silent = last > int64(m.committee.Epoch())+1
	m.unsealed = from == nil && m.ended != nil && last < int64(m.committee.Epoch())
	switch {
	case m.silent:
		cfg.Start, cfg.Engine.Amnesic, cfg.Engine.Recall = nil, true, false
	case from != nil:
		c := from.engine.Status().Condition
		cfg.Engine.Amnesic = c == pbft.Amnesic
		cfg.Engine.Recall = cfg.Engine.Recall && c == pbft.Recalling
	}
	if !m.by.Keeps(m.committee.Epoch()) {
		records = nil
	}
	d, err := New(cfg, records)
	if err != nil {
		return fmt.Errorf("begin epoch %d: %w", m.committee.Epoch(), err)
	}
	if from != nil && !m.silent && from.guard.start != nil {
		d.guard = from.guard.moved(&d.cfg)
	}
	m.running = d
	if !m.silent {
		m.log = keptFor(m.log, m.committee.Epoch())
	}
	return nil
}

// split returns what a log holds for the engine of an epoch, and the last epoch that the
// log knows of, -1 if only the one that it began in. Behind the end of an epoch stand the
// records of the next, and blocks and certificates of the one that ended, of who learned of
// the end before it had them: what names its epoch is of that one. What the guard wrote,
// and what has shown that the log lacks something, counts wherever it stands.
func split(log []pbft.Record, e pbft.Epoch) (records []pbft.Record, last int64) {
	last = -1
	at := int64(-1) // of which epoch the records are; -1: not known, no end stands before them
	for i := range log {
		switch x := &log[i]; x.Kind {
		case pbft.RecordBoot, pbft.RecordMark, pbft.RecordAmnesia:
			records = append(records, *x)
		case pbft.RecordBoundary:
			if x.Boundary.Epoch == e {
				records = append(records, *x)
			}
			at = int64(x.Boundary.Epoch) + 1
			last = at
		case pbft.RecordBlock, pbft.RecordCertificate, pbft.RecordCommit:
			if recordEpoch(x) == e {
				records = append(records, *x)
			}
		default:
			if at == int64(e) || at < 0 && (e == 0 || endsHere(log[i:], e)) {
				records = append(records, *x)
			}
		}
	}
	return records, last
}

// recordEpoch returns the epoch that a block or certificate names.
func recordEpoch(x *pbft.Record) pbft.Epoch {
	if x.Kind == pbft.RecordBlock {
		return x.Block.Header.Epoch
	}
	return x.Certificate.Epoch
}

// endsHere reports whether the first end in a log is that of an epoch.
func endsHere(log []pbft.Record, e pbft.Epoch) bool {
	for i := range log {
		if log[i].Kind == pbft.RecordBoundary {
			return log[i].Boundary.Epoch == e
		}
	}
	return false
}

// keptFor drops what no later epoch needs of a log.
func keptFor(log []pbft.Record, e pbft.Epoch) []pbft.Record {
	for i := range log {
		if x := &log[i]; x.Kind == pbft.RecordBoundary && x.Boundary.Epoch >= e {
			return log
		}
	}
	return nil
}

// Running returns the driver of the newest epoch, nil if the member has no seat in it, and
// Closed that of the one before, nil if there is none.
func (m *Member) Running() *Driver { return m.running }

// Closed is described at Running.
func (m *Member) Closed() *Driver { return m.closed }

// Committee returns that of the newest epoch that the store has come to.
func (m *Member) Committee() *pbft.Committee { return m.committee }

// each calls f with the drivers that there are.
func (m *Member) each(f func(d *Driver)) {
	for _, d := range []*Driver{m.closed, m.running} {
		if d != nil {
			f(d)
		}
	}
}

// Tick says that TickMs have passed.
func (m *Member) Tick(now Time) { m.each(func(d *Driver) { d.Tick(now) }) }

// Connected says that the channel to a key was established, or again.
func (m *Member) Connected(key pbft.PublicKey) {
	m.each(func(d *Driver) {
		if id, ok := d.cfg.Engine.Committee.Find(key); ok {
			d.Connected(id)
		}
	})
}

// Next returns what there is to do, of the closed epoch first. It goes to the next epoch
// once the store has come to the end of the present one. Records of a Turn are those of
// the newest epoch that the log knows, and of no other.
func (m *Member) Next(now Time) (t Turn, err error) {
	if err := m.advance(); err != nil {
		return t, err
	}
	t.Direct, m.out = m.out, nil
	for _, d := range []*Driver{m.closed, m.running} {
		if d == nil {
			continue
		}
		if t.Work, err = d.Next(now); err != nil {
			return t, err
		}
		switch r := &t.Work.Records; {
		case d == m.closed, m.silent:
			*r, t.Work.Replace = nil, false
		case m.unsealed && len(*r) > 0:
			m.unsealed = false
			*r = append([]pbft.Record{{Kind: pbft.RecordBoundary, Boundary: m.ended}}, *r...)
		}
		if t.Driver = d; !t.Work.Idle() || d.unadvanced {
			return t, nil
		}
	}
	return t, nil
}

// advance goes to the next epoch if the store stands at the end of this one, with its
// proof, and this replica has executed it rightly.
func (m *Member) advance() error {
	d := m.running
	if d == nil {
		return nil
	}
	p, err := m.store.Ended(m.committee.Epoch())
	if err != nil {
		return fmt.Errorf("read how epoch %d ended: %w", m.committee.Epoch(), err)
	}
	if p == nil || m.store.Height() < p.Boundary.Seq || d.executed < p.Boundary.Seq {
		return nil
	}
	if c := d.engine.Status().Condition; c == pbft.Diverged || c == pbft.Broken {
		return nil
	}
	if err := m.step(p); err != nil {
		return err
	}
	m.closed = d
	if err := m.begin(d); err != nil {
		return err
	}
	d.guard.start = nil // it goes on with the running one
	m.greet(p)
	return nil
}

// greet tells the members of an epoch that has begun how the one before ended, and takes
// what they have said already.
func (m *Member) greet(p *pbft.EpochProof) {
	for id := range pbft.ReplicaID(m.committee.Size()) {
		if key := m.committee.Key(id); key != m.cfg.Key {
			m.out = append(m.out, Direct{key, p})
		}
		for _, x := range m.early[m.committee.Key(id)] {
			if e, ok := pbft.EpochOf(x); ok && m.running != nil && e == m.committee.Epoch() {
				m.running.engine.Receive(id, x)
			}
		}
	}
	clear(m.early)
}

// Receive hands a message to the driver of its epoch. Who is in an older epoch is shown how
// it ended, who is in a later one is told where this member stands (R13.5).
func (m *Member) Receive(from pbft.PublicKey, x pbft.Message, now Time) pbft.Reason {
	e, ok := pbft.EpochOf(x)
	for _, d := range []*Driver{m.running, m.closed} {
		if d == nil || ok && e != d.cfg.Engine.Committee.Epoch() {
			continue
		}
		id, member := d.cfg.Engine.Committee.Find(from)
		if !member {
			return pbft.IgnoredSender
		}
		return d.receive(id, x, now)
	}
	if !ok {
		return pbft.IgnoredEpoch
	}
	if f, ok := x.(*pbft.Fetch); ok && e < m.committee.Epoch() {
		m.giveOld(from, f, now)
	} else if e < m.committee.Epoch() {
		m.showEnds(from, e, now)
	} else if e > m.committee.Epoch() {
		m.keepEarly(from, e, x)
		m.tellWhere(from, now)
	}
	return pbft.IgnoredEpoch
}

// receive lets guard and engine look at a message.
func (d *Driver) receive(from pbft.ReplicaID, m pbft.Message, now Time) pbft.Reason {
	d.look(now)
	reason, all := d.hear(from, m, now)
	if !all {
		reason = d.engine.Receive(from, m)
	}
	return reason
}

// mayTell reports whether a peer may be told about epochs now.
func (m *Member) mayTell(to pbft.PublicKey, now Time) bool {
	if at := m.told[to]; at != 0 && now.Ns+1 < at+ProofPeriodMs*1_000_000 {
		return false
	}
	m.told[to] = now.Ns + 1
	return true
}

// showEnds sends a peer that is in an older epoch the proofs of how it and the next ones
// ended.
func (m *Member) showEnds(to pbft.PublicKey, e pbft.Epoch, now Time) {
	if !m.knows(to) || !m.mayTell(to, now) {
		return
	}
	for i := 0; i < ProofsMax && e < m.committee.Epoch(); i, e = i+1, e+1 {
		p, err := m.store.Ended(e)
		if err != nil || p == nil {
			return
		}
		m.out = append(m.out, Direct{to, p})
	}
}

// giveOld answers a peer that goes through an epoch of which there is no engine here any
// more, from the store (R13.6).
func (m *Member) giveOld(to pbft.PublicKey, f *pbft.Fetch, now Time) {
	if at := m.given[to]; !m.knows(to) || at != 0 && now.Ns+1 < at+OldPeriodMs*1_000_000 {
		return
	}
	m.given[to] = now.Ns + 1
	p, err := m.store.Ended(f.Epoch)
	if err != nil || p == nil || f.After >= p.Boundary.Seq {
		return
	}
	a := &Answer{epoch: f.Epoch, serve: pbft.Serve{After: f.After, Limit: p.Boundary.Seq, BytesMax: OldBytesMax}}
	if x, n, err := readAnswer(a, m.store); err == nil && n > 0 {
		m.out = append(m.out, Direct{to, x})
	}
}

// tellWhere sends a peer that is in a later epoch where this member stands, which it
// answers with proofs.
func (m *Member) tellWhere(to pbft.PublicKey, now Time) {
	if d := m.running; d != nil && m.knows(to) && m.mayTell(to, now) {
		s := d.engine.Status()
		m.out = append(m.out, Direct{to, &pbft.Status{Epoch: m.committee.Epoch(), View: s.View,
			ViewChanged: s.ViewChanged, Committed: s.Committed, Executed: s.Executed, High: s.High,
			Replica: d.cfg.Engine.Self}})
	}
}

// knows reports whether a key has, or had in the epoch before, a seat.
func (m *Member) knows(key pbft.PublicKey) bool {
	_, now := m.committee.Find(key)
	if !now && m.before != nil {
		_, now = m.before.Find(key)
	}
	return now
}

// keepEarly keeps a message of the next epoch, of one of its members, while its set is
// staged here: the first proposals would else wait to be sent again.
func (m *Member) keepEarly(from pbft.PublicKey, e pbft.Epoch, x pbft.Message) {
	next := m.store.Next()
	if next == nil || e != m.committee.Epoch()+1 {
		return
	}
	set, err := pbft.DecodeNextSet(next)
	if err != nil || set.Body.Epoch != e {
		return
	}
	for _, s := range set.Body.Seats {
		if s.Key == from {
			m.early[from] = newest(append(m.early[from], x))
			return
		}
	}
}

// newest returns the last messages that EarlyMax and EarlyBytesMax leave room for.
func newest(kept []pbft.Message) []pbft.Message {
	first, bytes := len(kept), 0
	for first > 0 && len(kept)-first < EarlyMax {
		if bytes += pbft.EncodedBytes(kept[first-1]); bytes > EarlyBytesMax {
			break
		}
		first--
	}
	return append([]pbft.Message(nil), kept[first:]...)
}

// writtenEpochs are the rules as they are written.
func writtenEpochs() rules.Epochs {
	return rules.Epochs{
		Verify: (*pbft.EpochProof).Verify,
		Stands: func(p *pbft.EpochProof) pbft.Header { return p.Boundary },
		Keeps:  func(pbft.Epoch) bool { return true },
	}
}

// NewMemberWithRules is NewMember with some decisions replaced, for tests that must notice.
// What replace is given has a type that only this project can name.
func NewMemberWithRules(cfg MemberConfig, log []pbft.Record, replace func(*rules.Epochs)) (*Member, error) {
	by := writtenEpochs()
	if replace != nil {
		replace(&by)
	}
	return newMember(cfg, log, by)
}
