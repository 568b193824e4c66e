package pbfttest

import (
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// StageOptions describe the cluster of a Stage.
type StageOptions struct {
	Shape Shape
	// Parameters of the chain; Faults and FastFaults are those of Shape.
	Parameters pbft.Parameters
	Timers     pbft.Timers
	// Byzantine members have no engine; the test speaks for them.
	Byzantine []pbft.ReplicaID
	New       Factory
	Committee func(chain pbft.Digest, epoch pbft.Epoch, keys []pbft.PublicKey, p pbft.Parameters) (*pbft.Committee, error)
	Recall    bool
	// Guard lets members guard their logs by marks, and recall at every start.
	Guard bool
	// Driver and RenameCounts are as in Options.
	Driver       func(cfg driver.Config, log []pbft.Record) (*driver.Driver, error)
	RenameCounts bool
	// Rules, if not nil, are the only violations that count.
	Rules []string
	Trace io.Writer
	// Hide are kinds of messages that the trace leaves out.
	Hide []pbft.Kind
}

// Letter is a message on its way on a Stage.
type Letter struct {
	From, To pbft.ReplicaID
	Message  pbft.Message
	event    event
}

// Match chooses letters.
type Match func(l *Letter) bool

// Stage is a cluster in which nothing happens by itself: messages wait until the
// test delivers or drops them, time passes when the test says so. Payload checks
// are answered and committed blocks executed at once. The oracles of the random
// runs watch here too.
type Stage struct {
	c       *cluster
	opt     Options
	letters []Letter
	checks  []event

	offers   *offer // what Propose offers at present
	proposed bool   // and whether it is in a block
}

// offer is a payload for one node to propose.
type offer struct {
	by      *node
	payload []byte
}

// NewStage starts a cluster.
func NewStage(o StageOptions) (*Stage, error) {
	s := &Stage{opt: Options{New: o.New, Committee: o.Committee, Trace: o.Trace, Rules: o.Rules,
		Driver: o.Driver, RenameCounts: o.RenameCounts}}
	p := plan{shape: o.Shape, parameters: o.Parameters, timers: o.Timers, behaviour: ForgeProposals, recall: o.Recall,
		guard:     o.Guard,
		byzantine: make([]bool, o.Shape.Members), codec: true}
	p.parameters.Faults, p.parameters.FastFaults = o.Shape.Faults, o.Shape.FastFaults
	for _, id := range o.Byzantine {
		p.byzantine[id] = true
	}
	if len(o.Byzantine) > o.Shape.Faults {
		return nil, fmt.Errorf("stage: %d Byzantine members, f is %d", len(o.Byzantine), o.Shape.Faults)
	}
	var err error
	if s.c, err = newCluster(0, &s.opt, p, rand.New(rand.NewPCG(0, 0))); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	s.c.stage = s
	s.c.trace.hide = o.Hide
	for _, x := range s.c.nodes {
		s.c.turn(x)
	}
	s.rest()
	s.Tick(1) // from here on the engines know the time
	return s, nil
}

// enqueue keeps a message until the test decides about it.
func (s *Stage) enqueue(e event, to pbft.ReplicaID) {
	s.letters = append(s.letters, Letter{From: e.from, To: to, Message: e.message, event: e})
}

// rest answers payload checks and executes committed blocks until none wait.
func (s *Stage) rest() {
	for busy := true; busy && !s.c.stopped; {
		busy = false
		for len(s.checks) > 0 {
			e := s.checks[0]
			s.checks = s.checks[1:]
			s.c.play(&e)
			busy = true
		}
		for _, x := range s.c.nodes {
			for x.engine != nil && len(x.pending) > 0 {
				s.c.executeNext(x)
				s.c.turn(x)
				busy = true
			}
		}
	}
}

// Committee returns the committee of the cluster.
func (s *Stage) Committee() *pbft.Committee { return s.c.committee }

// Genesis returns the reference of the block below the first.
func (s *Stage) Genesis() pbft.BlockRef { return s.c.committee.Ref(&s.c.genesis) }

// Engine returns the engine of an honest replica, nil while it is down.
func (s *Stage) Engine(id pbft.ReplicaID) pbft.Engine { return s.c.instances[id][0].engine }

// Byzantine reports whether a member is Byzantine.
func (s *Stage) Byzantine(id pbft.ReplicaID) bool { return s.c.plan.byzantine[id] }

// Committed returns how many blocks a replica committed and executed.
func (s *Stage) Committed(id pbft.ReplicaID) int { return len(s.c.instances[id][0].chain) }

// BlockAt returns the digest of the block that a replica committed at seq.
func (s *Stage) BlockAt(id pbft.ReplicaID, seq pbft.Seq) pbft.BlockRef {
	chain := s.c.instances[id][0].chain
	if seq == 0 || int(seq) > len(chain) {
		return pbft.BlockRef{}
	}
	return s.c.committee.Ref(&chain[seq-1].block.Header)
}

// HeaderAt returns the header of a block that a replica committed.
func (s *Stage) HeaderAt(id pbft.ReplicaID, seq pbft.Seq) pbft.Header {
	return s.c.instances[id][0].chain[seq-1].block.Header
}

// ClockMs returns what the clocks of all honest replicas say, in Unix milliseconds.
func (s *Stage) ClockMs() uint64 { return uint64(epochMs + s.c.now/1000) }

// Violations returns what the oracles saw.
func (s *Stage) Violations() []Violation { return s.c.oracle.violations }

// Letters returns the messages on their way.
func (s *Stage) Letters() []Letter { return s.letters }

// Propose lets a replica propose a payload, empty if "".
func (s *Stage) Propose(id pbft.ReplicaID, payload string) bool {
	x := s.c.instances[id][0]
	o := &offer{by: x}
	if payload != "" {
		o.payload = []byte(payload)
	}
	s.offers, s.proposed = o, false
	s.c.turn(x)
	s.offers = nil
	s.rest()
	return s.proposed
}

// offered is the payload of a node's next block.
func (s *Stage) offered(x *node) (p driver.Payload, ok bool) {
	if s.offers == nil || s.offers.by != x {
		return p, false
	}
	p = driver.Payload{Bytes: s.offers.payload, Root: payloadRoot(s.offers.payload), Txs: 1}
	s.offers = nil
	return p, true
}

// Deliver delivers the letters that match, in order, but none that arises from
// that, and returns how many there were.
func (s *Stage) Deliver(match Match) int {
	waiting := s.letters
	s.letters = nil
	count := 0
	var kept []Letter
	for i := range waiting {
		l := &waiting[i]
		if !match(l) {
			kept = append(kept, *l)
			continue
		}
		count++
		s.c.play(&l.event)
		s.rest()
	}
	s.letters = append(kept, s.letters...)
	return count
}

// Drop loses the letters that match.
func (s *Stage) Drop(match Match) int {
	var kept []Letter
	for i := range s.letters {
		if !match(&s.letters[i]) {
			kept = append(kept, s.letters[i])
		}
	}
	count := len(s.letters) - len(kept)
	s.letters = kept
	return count
}

// Settle delivers what matches, and what arises from that, until nothing does;
// everything else is lost.
func (s *Stage) Settle(match Match) {
	for range 10_000 {
		if s.Deliver(match) == 0 {
			break
		}
	}
	s.letters = nil
}

// Tick lets time pass for some replicas, all if none are named.
func (s *Stage) Tick(count int, ids ...pbft.ReplicaID) {
	for range count {
		s.c.now += tickUs
		for _, x := range s.c.nodes {
			if len(ids) > 0 && !contains(ids, x.id) {
				continue
			}
			s.c.nextPayload = 0
			s.c.tick(x)
			s.rest()
		}
	}
}

// Crash stops a replica, which loses everything that is not in its log.
func (s *Stage) Crash(id pbft.ReplicaID) { s.c.crash(s.c.instances[id][0]) }

// Restart starts a crashed replica from its log.
func (s *Stage) Restart(id pbft.ReplicaID) {
	s.c.restart(s.c.instances[id][0])
	s.rest()
}

// Log returns the records of a replica, and SetLog replaces them.
func (s *Stage) Log(id pbft.ReplicaID) []pbft.Record { return s.c.instances[id][0].log }

// SetLog replaces what is durable at a crashed replica.
func (s *Stage) SetLog(id pbft.ReplicaID, log []pbft.Record) { s.c.instances[id][0].log = log }

// Kept is a copy of what is durable at a replica.
type Kept struct{ of backup }

// Frames returns the sequence number of the last frame in it.
func (k Kept) Frames() uint64 { return k.of.last }

// Keep copies what is durable at a replica.
func (s *Stage) Keep(id pbft.ReplicaID) Kept {
	x := s.c.instances[id][0]
	return Kept{backup{append([]pbft.Record(nil), x.log...), x.last, len(x.chain), true}}
}

// PutBack puts a copy in the place of what is durable at a crashed replica, as an operator
// does. Its store stays. The oracles go on to judge what it signs, but it may be amnesic.
func (s *Stage) PutBack(id pbft.ReplicaID, k Kept) {
	x := s.c.instances[id][0]
	x.log, x.last, x.frames, x.undone = append([]pbft.Record(nil), k.of.log...), k.of.last, nil, nil
	x.restored = true
	x.committed, x.view, x.viewChanged = 0, 0, 0
}

// CutLog takes from the log of a crashed replica what is behind a frame, false if that
// cannot be: it was replaced since, or is not as long.
func (s *Stage) CutLog(id pbft.ReplicaID, frames uint64) bool {
	x := s.c.instances[id][0]
	if frames >= x.last || x.last-frames > uint64(len(x.frames)) {
		return false
	}
	at := x.frames[len(x.frames)-int(x.last-frames)]
	s.PutBack(id, Kept{backup{log: x.log[:at], last: frames}})
	return true
}

// Marked returns the frames of the greatest mark that a replica has signed.
func (s *Stage) Marked(id pbft.ReplicaID) uint64 { return s.c.instances[id][0].marked }

// Compact replaces the log of a replica.
func (s *Stage) Compact(id pbft.ReplicaID) {
	x := s.c.instances[id][0]
	x.logBytes = logLarge
	x.driver.Logged(x.logBytes, x.last)
	s.c.turn(x)
}

// Up reports whether a replica runs.
func (s *Stage) Up(id pbft.ReplicaID) bool { return s.Engine(id) != nil }

// Send puts a message of a Byzantine member on its way to each addressee.
func (s *Stage) Send(from pbft.ReplicaID, m pbft.Message, to ...pbft.ReplicaID) {
	s.c.oracle.learn(m)
	s.c.adversary.observe(m)
	for _, id := range to {
		for _, x := range s.c.instances[id] {
			s.enqueue(event{kind: eventMessage, node: x.index, from: from, message: m,
				encoded: pbft.EncodeMessage(m)}, id)
		}
	}
}

func (s *Stage) forger(id pbft.ReplicaID) forger { return forger{s.c.committee, s.c.sign[id], id} }

// Block makes a proposal of a Byzantine primary on any parent. Its justification
// is justify, with the certificate that the votes seen so far make; change, if
// not nil, edits the header before it is signed.
func (s *Stage) Block(v pbft.View, parent, justify pbft.BlockRef, payload string,
	change func(h *pbft.Header)) *pbft.PrePrepare {
	ph := s.c.oracle.header(parent.Digest)
	id := s.c.committee.Primary(v)
	h := pbft.Header{Epoch: s.c.committee.Epoch(), View: v, Seq: parent.Seq + 1, Parent: parent.Digest,
		BaseSeq: parent.Seq, PayloadRoot: payloadRoot([]byte(payload)), PayloadBytes: uint32(len(payload)),
		ExecSeq: ph.ExecSeq, ExecRoot: ph.ExecRoot, TimeMs: uint64(epochMs + s.c.now/1000),
		Justify: justify, Proposer: id, Committee: s.c.committee.Digest()}
	if parent.View == v && parent.Seq > 0 {
		h.BaseSeq = ph.BaseSeq
	}
	h.TimeMs = max(h.TimeMs, ph.TimeMs+1)
	if s.c.committee.Protocol() == pbft.Original { // nothing but the place follows from the parent
		plain := s.c.committee.NullHeader(v, h.Seq, h.TimeMs)
		plain.PayloadRoot, plain.PayloadBytes = h.PayloadRoot, h.PayloadBytes
		h = plain
	}
	if change != nil {
		change(&h)
	}
	m := &pbft.PrePrepare{Block: pbft.Block{SignedHeader: s.forger(id).header(h)}}
	if payload != "" {
		m.Payload = []byte(payload)
	}
	if justify != s.Genesis() {
		m.Certificate = s.Proof(justify)
	}
	return m
}

// Proof returns a prepared certificate of a block from the votes sent so far and
// those of the Byzantine members, nil if they do not suffice.
func (s *Stage) Proof(b pbft.BlockRef) *pbft.Certificate {
	a := s.c.adversary
	if x := a.proved[b]; x != nil {
		return x
	}
	if box := a.prepares[b]; box != nil && box.by.Count() >= s.c.committee.Quorum() {
		return box.certificate(s.c.committee, pbft.Prepared)
	}
	return nil
}

// Prepare makes a Byzantine member's PREPARE.
func (s *Stage) Prepare(id pbft.ReplicaID, b pbft.BlockRef) pbft.Message {
	return s.forger(id).prepare(b)
}

// Commit makes a Byzantine member's COMMIT.
func (s *Stage) Commit(id pbft.ReplicaID, b pbft.BlockRef) pbft.Message {
	return s.forger(id).commit(b)
}

// Suspect makes a Byzantine member's SUSPECT.
func (s *Stage) Suspect(id pbft.ReplicaID, v pbft.View) pbft.Message {
	return s.forger(id).suspect(v, pbft.SuspectTimeout, nil)
}

// Evidence makes a Byzantine member's SUSPECT of a view with two headers.
func (s *Stage) Evidence(id pbft.ReplicaID, v pbft.View, a, b *pbft.SignedHeader) pbft.Message {
	return s.forger(id).suspect(v, pbft.SuspectEvidence, []pbft.SignedHeader{*a, *b})
}

// ViewChange makes a Byzantine member's VIEW-CHANGE with any high and tip.
func (s *Stage) ViewChange(id pbft.ReplicaID, v pbft.View, high, tip pbft.BlockRef) *pbft.ViewChange {
	m := pbft.ViewChange{View: v, High: high, Tip: tip}
	if high != s.Genesis() {
		m.Certificate = s.Proof(high)
	}
	for d := tip.Digest; tip != (pbft.BlockRef{}); {
		h, ok := s.c.adversary.known[d]
		if !ok || h.Header.View != high.View {
			break
		}
		m.Walk = append(m.Walk, h)
		if h.Header.Seq <= max(high.Seq, h.Header.BaseSeq)+1 {
			break
		}
		d = h.Header.Parent
	}
	return s.forger(id).viewChange(m)
}

// SlotViewChange makes a Byzantine member's VIEW-CHANGE of the original protocol that
// reports nothing.
func (s *Stage) SlotViewChange(id pbft.ReplicaID, v pbft.View) pbft.Message {
	return s.forger(id).slotViewChange(pbft.SlotViewChange{View: v})
}

// NewView makes a Byzantine primary's NEW-VIEW from VIEW-CHANGEs of honest
// replicas that were sent so far and from others. If tips conflict, it attaches the
// headers that convict the primary of their view.
func (s *Stage) NewView(v pbft.View, honest []pbft.ReplicaID, others ...*pbft.ViewChange) (*pbft.NewView, bool) {
	q := append([]*pbft.ViewChange(nil), others...)
	for _, id := range honest {
		for _, x := range s.c.adversary.changes[v] {
			if x.Replica == id {
				q = append(q, x)
			}
		}
	}
	if len(q) == 0 {
		return nil, false
	}
	var high pbft.BlockRef
	for _, x := range q {
		if high.Rank().Less(x.High.Rank()) {
			high = x.High
		}
	}
	evidence := s.c.adversary.evidenceAgainst(high.View)
	return s.forger(s.c.committee.Primary(v)).newView(v, q, evidence, s.c.oracle.header)
}

// SignNewView signs an altered NEW-VIEW again, as the Byzantine member id.
func (s *Stage) SignNewView(id pbft.ReplicaID, m *pbft.NewView) {
	m.Signature = s.c.sign[id](s.c.committee.NewViewBytes(m))
}

func contains(ids []pbft.ReplicaID, id pbft.ReplicaID) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}

// All matches every letter.
func All(*Letter) bool { return true }

// Among matches letters between the given replicas.
func Among(ids ...pbft.ReplicaID) Match {
	return func(l *Letter) bool { return contains(ids, l.From) && contains(ids, l.To) }
}

// OfKind matches letters of the given kinds.
func OfKind(kinds ...pbft.Kind) Match {
	return func(l *Letter) bool {
		for _, k := range kinds {
			if l.Message.Kind() == k {
				return true
			}
		}
		return false
	}
}

// To matches letters to a replica.
func To(ids ...pbft.ReplicaID) Match { return func(l *Letter) bool { return contains(ids, l.To) } }

// From matches letters from a replica.
func From(ids ...pbft.ReplicaID) Match { return func(l *Letter) bool { return contains(ids, l.From) } }

// Both matches letters that match all.
func Both(ms ...Match) Match {
	return func(l *Letter) bool {
		for _, m := range ms {
			if !m(l) {
				return false
			}
		}
		return true
	}
}

// Not matches the other letters.
func Not(m Match) Match { return func(l *Letter) bool { return !m(l) } }
