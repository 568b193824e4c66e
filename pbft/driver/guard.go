package driver

import (
	"encoding/binary"
	"slices"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// How marks travel. They are policy, but that one is logged before its peers can need it.
const (
	// MarkPeriodMs is the pause between two own marks, and between two records of the marks
	// of one key.
	MarkPeriodMs = 1000
	// MarksPeriodMs is the pause after which all marks are exchanged again.
	MarksPeriodMs = 60_000
	// MarksPerSecondMax bounds the MARKS of one member that are looked at in a second.
	MarksPerSecondMax = 16
)

// Start is what a member finds when it starts over its log.
type Start struct {
	// Nonce was drawn for this start.
	Nonce pbft.MarkNonce
	// Frames is the sequence number of the last frame that the log held, 0 if none.
	Frames uint64
}

// Clone is two marks that no single log can have: two processes have used one key, over
// copies of a log.
type Clone struct {
	Member pbft.ReplicaID
	Marks  [2]pbft.SignedMark
}

// guard remembers how far the logs of all members had come, so that nobody votes over an
// older one, and whatever is told of its own (section 7 of docs/protocol.md).
type guard struct {
	cfg   *pbft.Config
	rules rules.Guard
	ids   map[pbft.PublicKey]pbft.ReplicaID

	start   *Start    // nil: there is no log
	own     pbft.Mark // of this start; Frames is the last durable frame
	before  pbft.Mark // the greatest that earlier starts may have signed
	written bool      // the record of this start was handed out
	votes   bool      // and that it votes
	may     bool      // which is durable: marks may be signed
	lost    bool      // a mark has shown that the log lacks something
	due     int64     // when the own mark is sent next, in nanoseconds

	held   []heldMark // by member
	peers  []markPeer // by member
	clones []Clone
}

// heldMark is the greatest mark of a member that was heard.
type heldMark struct {
	mark     pbft.SignedMark
	ok       bool // there is one
	logged   bool // it is in the log
	loggedNs int64
	cloned   bool // another one excludes it, which was said
}

// markPeer is what is known of a member as one to exchange marks with.
type markPeer struct {
	reads   bool // it knows marks
	owed    bool // it is to be sent all marks
	sentNs  int64
	sinceNs int64 // of heard
	heard   int
}

// newGuard takes the guard's records out of a log.
func newGuard(cfg *Config, by rules.Guard, log []pbft.Record) (g guard, rest []pbft.Record) {
	com := cfg.Engine.Committee
	g = guard{cfg: &cfg.Engine, rules: by, start: cfg.Start, ids: make(map[pbft.PublicKey]pbft.ReplicaID),
		held: make([]heldMark, com.Size()), peers: make([]markPeer, com.Size())}
	for id := range pbft.ReplicaID(com.Size()) {
		g.ids[com.Key(id)] = id
	}
	for i := range log {
		switch x := &log[i]; x.Kind {
		case pbft.RecordBoot:
			g.own.Boot = x.Boot.Number + 1
			if g.before = x.Boot.Before; g.start != nil && (x.Boot.Votes || by.Earlier()) {
				g.before = pbft.Mark{Boot: x.Boot.Number, Nonce: x.Boot.Nonce, Frames: by.Held(g.start.Frames)}
			}
		case pbft.RecordMark:
			if id, ok := g.ids[x.Mark.Key]; ok {
				g.held[id] = heldMark{mark: *x.Mark, ok: true, logged: true}
			}
		default:
			rest = append(rest, *x)
		}
	}
	if g.start != nil {
		g.own.Nonce, g.own.Frames = g.start.Nonce, g.start.Frames
		g.cfg.RecallNonce = binary.LittleEndian.Uint64(g.start.Nonce[:])
	}
	return g, rest
}

// moved is the guard of the same start in the next epoch: it goes on, and what was heard of
// keys that have a seat in both stays.
func (g *guard) moved(cfg *Config) guard {
	n, _ := newGuard(cfg, g.rules, nil)
	n.own, n.before, n.written, n.votes = g.own, g.before, g.written, g.votes
	n.may, n.lost, n.due = g.may, g.lost, g.due
	for id := range n.held {
		if old, ok := g.ids[cfg.Engine.Committee.Key(pbft.ReplicaID(id))]; ok {
			n.held[id], n.peers[id].reads, n.peers[id].owed = g.held[old], g.peers[old].reads, g.peers[old].reads
		}
	}
	return n
}

// boot is the record of this start.
func (g *guard) boot() pbft.Record {
	return pbft.Record{Kind: pbft.RecordBoot,
		Boot: pbft.Boot{Number: g.own.Boot, Nonce: g.own.Nonce, Votes: g.votes, Before: g.before}}
}

// durable is what a log begins with.
func (g *guard) durable(now Time) (rs []pbft.Record) {
	if g.start != nil {
		rs = append(rs, g.boot())
	}
	for i := range g.held {
		if h := &g.held[i]; h.ok {
			rs = append(rs, h.record(now))
		}
	}
	return rs
}

func (h *heldMark) record(now Time) pbft.Record {
	h.logged, h.loggedNs = true, now.Ns
	m := h.mark
	return pbft.Record{Kind: pbft.RecordMark, Mark: &m}
}

// complete puts the record of this start before the first records, and again before the
// first vote, and marks that are not logged behind records that are written anyway.
func (g *guard) complete(records []pbft.Record, e pbft.Engine, now Time) []pbft.Record {
	if g.start == nil {
		return records
	}
	votes := g.votes || e.Status().Condition == pbft.Voting
	if !g.written || votes != g.votes {
		g.written, g.votes = true, votes
		records = append([]pbft.Record{g.boot()}, records...)
	}
	if len(records) == 0 {
		return nil
	}
	for i := range g.held {
		if h := &g.held[i]; h.ok && !h.logged && now.Ns >= h.loggedNs+MarkPeriodMs*1_000_000 {
			records = append(records, h.record(now))
		}
	}
	return records
}

// logged notes the last durable frame: that a record was handed out before is durable.
func (g *guard) logged(frames uint64) {
	g.own.Frames = max(g.own.Frames, frames)
	g.may = g.votes
}

// signed returns the own mark, false if there is none to sign: of a member that may not
// vote, and before it is durable that this start votes.
func (g *guard) signed(e pbft.Engine) (x pbft.SignedMark, ok bool) {
	if g.start == nil || !g.may || !g.rules.Marks() || e.Status().Condition != pbft.Voting {
		return x, false
	}
	x = pbft.SignedMark{Key: g.cfg.Committee.Key(g.cfg.Self), Mark: g.own}
	x.Signature = g.cfg.Sign(g.cfg.Committee.MarkBytes(x.Mark))
	return x, true
}

// send adds marks to what is sent: to an answer, the asker's; the own one with each
// VIEW-CHANGE and each second; all of them to who has come, and each minute.
func (g *guard) send(out []pbft.Outgoing, e pbft.Engine, now Time) []pbft.Outgoing {
	changes := false
	for _, o := range out {
		switch m := o.Message.(type) {
		case *pbft.Recollection:
			if h := &g.held[o.To]; m.Nonce&pbft.RecallMarks != 0 && h.ok {
				x := h.mark
				m.Mark = &x
			}
		case *pbft.ViewChange, *pbft.SlotViewChange:
			changes = true
		}
	}
	if changes || now.Ns >= g.due {
		g.due = now.Ns + MarkPeriodMs*1_000_000
		if x, ok := g.signed(e); ok {
			out = g.toReaders(out, &pbft.Marks{Marks: []pbft.SignedMark{x}})
		}
	}
	var all *pbft.Marks
	for id := range g.peers {
		p := &g.peers[id]
		if !p.reads || !p.owed && now.Ns < p.sentNs+MarksPeriodMs*1_000_000 {
			continue
		}
		if all == nil {
			all = g.table(e)
		}
		p.owed, p.sentNs = false, now.Ns
		if len(all.Marks) > 0 || g.start != nil {
			out = append(out, pbft.Outgoing{To: pbft.ReplicaID(id), Message: all})
		}
	}
	return out
}

func (g *guard) toReaders(out []pbft.Outgoing, m pbft.Message) []pbft.Outgoing {
	for id := range g.peers {
		if g.peers[id].reads {
			out = append(out, pbft.Outgoing{To: pbft.ReplicaID(id), Message: m})
		}
	}
	return out
}

// table returns all marks that are held, with the own one.
func (g *guard) table(e pbft.Engine) *pbft.Marks {
	m := &pbft.Marks{Marks: []pbft.SignedMark{}}
	for i := range g.held {
		if g.held[i].ok {
			m.Marks = append(m.Marks, g.held[i].mark)
		}
	}
	if x, ok := g.signed(e); ok {
		m.Marks = append(m.Marks, x)
	}
	slices.SortFunc(m.Marks, func(a, b pbft.SignedMark) int { return slices.Compare(a.Key[:], b.Key[:]) })
	return m
}

// knows notes that a member reads marks. It is sent all of them the first time, and when
// it asks again.
func (g *guard) knows(peer pbft.ReplicaID, asks bool, now Time) {
	p := &g.peers[peer]
	if !p.reads || asks && now.Ns >= p.sentNs+MarkPeriodMs*1_000_000 {
		p.owed = true
	}
	p.reads = true
}

// hear looks at marks that a member has sent. It returns what shows that the own log
// lacks something, if anything does.
func (g *guard) hear(from pbft.ReplicaID, m *pbft.Marks, now Time) (*pbft.Recollection, pbft.Reason) {
	g.knows(from, false, now)
	p := &g.peers[from]
	if now.Ns >= p.sinceNs+1_000_000_000 {
		p.sinceNs, p.heard = now.Ns, 0
	}
	if p.heard++; p.heard > MarksPerSecondMax {
		return nil, pbft.IgnoredQuota
	}
	return g.take(m.Marks)
}

// take keeps the marks that are greater than those held. A false one ends it: nobody
// honest passes it on.
func (g *guard) take(marks []pbft.SignedMark) (*pbft.Recollection, pbft.Reason) {
	for i := range marks {
		x := &marks[i]
		id, ok := g.ids[x.Key]
		if !ok || !g.news(id, x.Mark) {
			continue
		}
		if !g.cfg.Scheme.Verify(x.Key, g.cfg.Committee.MarkBytes(x.Mark), x.Signature) {
			return nil, pbft.InvalidSignature
		}
		if id == g.cfg.Self {
			g.lost = true
			own := *x
			return &pbft.Recollection{Epoch: g.cfg.Committee.Epoch(), Mark: &own}, pbft.Accepted
		}
		h := &g.held[id]
		if h.ok && !h.cloned && h.mark.Mark.Excludes(x.Mark) {
			h.cloned = true
			g.clones = append(g.clones, Clone{id, [2]pbft.SignedMark{h.mark, *x}})
		}
		if !h.ok || h.mark.Mark.Less(x.Mark) {
			h.mark, h.ok, h.logged = *x, true, false
		}
	}
	return nil, pbft.Accepted
}

// news reports whether a mark, if it is signed, says anything that is not known. Of the
// own log that is only that it lacks something: that the mark is neither of this start nor
// of those that voted over this log.
func (g *guard) news(id pbft.ReplicaID, x pbft.Mark) bool {
	h := &g.held[id]
	switch {
	case id != g.cfg.Self:
		return !h.ok || h.mark.Mark.Less(x) || !h.cloned && h.mark.Mark.Excludes(x)
	case g.start == nil || g.lost:
		return false
	case x.Boot == g.own.Boot && x.Nonce == g.own.Nonce:
		return false
	}
	return g.before.Less(x) || g.before.Excludes(x)
}

// hear lets the guard look at a message before the engine does, and returns whether that
// was all and what it made of it.
func (d *Driver) hear(from pbft.ReplicaID, m pbft.Message, now Time) (reason pbft.Reason, all bool) {
	var shown *pbft.Recollection
	switch x := m.(type) {
	case *pbft.Marks:
		shown, reason = d.guard.hear(from, x, now)
		all = true
	case *pbft.Recall:
		if x.Nonce&pbft.RecallMarks != 0 {
			d.guard.knows(from, true, now)
		}
	case *pbft.Recollection:
		if x.Mark == nil {
			break
		}
		if x.Mark.Key != d.cfg.Engine.Committee.Key(d.cfg.Engine.Self) {
			return pbft.InvalidContent, true
		}
		shown, reason = d.guard.take([]pbft.SignedMark{*x.Mark})
		all = reason != pbft.Accepted
	}
	if shown != nil {
		d.engine.LogLacks(shown)
	}
	return reason, all
}

// writtenGuard are the rules as they are written.
func writtenGuard() rules.Guard {
	return rules.Guard{
		Marks:   func() bool { return true },
		Held:    func(found uint64) uint64 { return found },
		Earlier: func() bool { return false },
	}
}

// NewWithRules is New with some decisions of the guard replaced, for tests that must
// notice. What replace is given has a type that only this project can name.
func NewWithRules(cfg Config, log []pbft.Record, replace func(*rules.Guard)) (*Driver, error) {
	by := writtenGuard()
	if replace != nil {
		replace(&by)
	}
	return newDriver(cfg, log, by)
}
