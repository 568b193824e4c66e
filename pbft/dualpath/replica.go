package dualpath

import (
	"fmt"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// Replica is one member's state machine. See the package comment and
// pbft.Engine for its contract. It is not safe for concurrent use.
type Replica struct {
	cfg   pbft.Config
	com   *pbft.Committee
	self  pbft.ReplicaID
	rules rules.Dualpath
	tm    pbft.Timers
	par   pbft.Parameters

	condition pbft.Condition
	now       uint64 // ticks since the start
	nowUs     uint64 // what the driver's clock shows
	clockMs   uint64
	pending   bool   // client payload waits
	pendingAt uint64 // tick at which it began to wait

	// The durable state of section 4.
	view    pbft.View
	entry   entry
	tips    []tip             // own PREPARE chains, ascending by view
	high    *pbft.Certificate // nil: the genesis
	highRef pbft.BlockRef
	highLog bool // high is in the log
	vcSent  pbft.View
	ownVC   *pbft.ViewChange
	// logged is the entry of the highest view whose entry is in the log: a later
	// one that a crash takes back must not take this one, and what was proposed
	// in its view, along.
	logged struct {
		view  pbft.View
		entry entry
	}
	// proposed is the own proposal of the highest rank, nil if none.
	proposed *block

	epoch epochState
	chain chainState
	slots slotTable
	wants []want
	// lacking are blocks that came without a certificate that is not held.
	lacking  []*block
	patience patience
	// arrivals are the bytes that came on the bulk lane.
	arrivals pbft.Arrivals
	// bodyLag is by how many ticks votes overtake proposals lately.
	bodyLag uint64

	proposal proposalState
	suspicion
	demotion    demotion
	convicted   map[pbft.Conviction]bool // of each member each kind once; View is 0
	checkpoints map[pbft.Seq]*checkpointPool
	peers       []peer
	recall      recallState
	amnesia     *pbft.Recollection // what has shown that the log lacks something
	catchUp     catchUpState

	out    pbft.Ready
	signed []pbft.Message   // own votes whose records are in out
	saving []pbft.Message   // own votes handed out, not yet durable
	stats  progressStatBuff // PREPARE-to-commit times
}

// entry is how the present view was entered (R10).
type entry struct {
	base    pbft.BlockRef // where the chain of this view begins, or a certified block of it
	baseSeq pbft.Seq
	newView *pbft.NewView // nil: by certificate, by handover, or view 1
	logged  bool
}

// tip is the own PREPARE chain of one view.
type tip struct {
	view pbft.View
	last pbft.BlockRef
	// settled says that last is the committed block of its position, so that
	// every committed block above descends from it.
	settled bool
}

// peer is what is known of another member.
type peer struct {
	status      *pbft.Status
	vc          *pbft.ViewChange // the one with the highest view
	proved      bool             // the attachments of vc were verified
	walked      *pbft.ViewChange // the last one whose walk was added
	suspect     pbft.View        // highest view of a SUSPECT
	suspectAt   uint64
	suspectJoin bool // its reason counts for joining
	suspected   bool
	testimonies int // SUSPECTs and VIEW-CHANGEs since testimonyAt
	testimonyAt uint64
	futureView  pbft.View  // highest view above ours that it voted in
	votes       int        // stored votes, against the quota
	held        []heldVote // where its votes are stored, oldest first; some may have gone
	// The newest that it signed, for Recall; lastChange is without attachments.
	lastPrepare  *pbft.Prepare
	lastCommit   *pbft.Commit
	lastChange   *pbft.ViewChange
	lastProposal *pbft.SignedHeader
	entryAsked   uint64 // tick of the last request for an entry proof, plus one
	answered     uint64 // tick of the last answer, plus one
	served       uint64 // tick of the last blocks served, plus one
	allowance    pbft.Allowance
	// recalled pays for RECOLLECTIONs alone: who asks what it signed must not go
	// without because it was sent other things.
	recalled pbft.Allowance
	claim    pbft.Seq // up to where it says it committed
	resent   uint64
	// attestedAt is the tick, plus one, of the last answer to an attestation of an epoch
	// that is over.
	attestedAt uint64
	// connectedAt and pulledAt are ticks, plus one, of its last connection and PULL;
	// bringUntil is up to when proposals bring it certificates (E1).
	connectedAt, pulledAt, bringUntil uint64
	// roundTripUs is what the driver has measured, 0 = nothing.
	roundTripUs uint64
}

// New returns a replica that goes on from the records of its log and the anchor
// in cfg. An empty log is a replica that never signed anything. The error says
// which part of cfg or of the log makes no sense; a log that cannot be decoded
// is the caller's to judge (section 7).
func New(cfg pbft.Config, log []pbft.Record) (*Replica, error) {
	return newReplica(cfg, log, written())
}

func newReplica(cfg pbft.Config, log []pbft.Record, by rules.Dualpath) (*Replica, error) {
	if cfg.Committee == nil || cfg.Scheme == nil || cfg.Sign == nil {
		return nil, fmt.Errorf("dualpath: committee, scheme and signer are required")
	}
	if !cfg.Committee.Has(cfg.Self) {
		return nil, fmt.Errorf("dualpath: replica %d is not a member", cfg.Self)
	}
	r := &Replica{
		cfg: cfg, com: cfg.Committee, self: cfg.Self, rules: by,
		tm: cfg.Timers.WithDefaults(), par: cfg.Committee.Parameters(),
		view:        1,
		checkpoints: make(map[pbft.Seq]*checkpointPool), convicted: make(map[pbft.Conviction]bool),
		peers: make([]peer, cfg.Committee.Size()),
	}
	r.slots = newSlotTable()
	r.arrivals = pbft.NewArrivals(cfg.Committee.Size())
	r.begin()
	genesis := r.epoch.genesis
	r.highRef = genesis
	r.highLog = true
	r.entry = entry{base: genesis, baseSeq: genesis.Seq, logged: true}
	switch {
	case cfg.Amnesic:
		r.condition = pbft.Amnesic
	case cfg.Recall:
		r.condition = pbft.Recalling
	}
	r.stage(cfg.Anchor.Next)
	if err := r.anchor(genesis); err != nil {
		return nil, err
	}
	if err := r.restore(log); err != nil {
		return nil, err
	}
	if r.condition == pbft.Recalling {
		r.startRecall()
	}
	r.startConduct()
	r.broadcastStatus()
	r.step()
	return r, nil
}

// Ready implements pbft.Engine.
func (r *Replica) Ready() pbft.Ready {
	r.step()
	out := r.out
	r.out = pbft.Ready{}
	r.saving = append(r.saving, r.signed...)
	r.signed = nil
	return out
}

// Advance implements pbft.Engine.
func (r *Replica) Advance() {
	saved := r.saving
	r.saving = nil
	for _, m := range saved {
		r.countOwn(m)
	}
	r.step()
	r.invariants()
}

// countOwn puts an own message where others' messages go, now that it is durable
// (section 7: counting an own vote in a pool).
func (r *Replica) countOwn(m pbft.Message) {
	switch x := m.(type) {
	case *pbft.Prepare:
		r.addVote(votePrepare, &x.Vote, true)
	case *pbft.Commit:
		r.addVote(voteCommit, &x.Vote, true)
	case *pbft.ViewChange:
		r.peers[r.self].vc, r.peers[r.self].proved = x, true
		r.tryNewView()
	}
}

// step runs every rule that may have become possible.
func (r *Replica) step() {
	r.tryCommit()
	r.reach()
	r.tellEnd()
	if r.over() && r.rules.Silent() {
		return
	}
	r.tryEnterHigh()
	r.tryNewView()
	r.tryPrepare()
}

// Arrived implements pbft.Engine (section 6).
func (r *Replica) Arrived(from pbft.ReplicaID, bulkBytes int) { r.arrivals.Add(from, r.now, bulkBytes) }

// Tick implements pbft.Engine.
func (r *Replica) Tick(clockMs uint64, pending bool) {
	r.now++
	r.clockMs = clockMs
	if pending && !r.pending {
		r.pendingAt = r.now
	}
	r.pending = pending
	if r.over() && r.rules.Silent() {
		r.tickOver()
		return
	}
	r.tickRecall()
	r.tickConduct()
	r.tickSuspicion()
	r.tickWants()
	r.tickCatchUp()
	r.tickRetransmit()
	r.step()
}

// Receive implements pbft.Engine.
func (r *Replica) Receive(from pbft.ReplicaID, m pbft.Message) pbft.Reason {
	if !r.com.Has(from) || from == r.self {
		return pbft.IgnoredSender
	}
	reason := r.dispatch(from, m)
	if reason == pbft.Accepted {
		r.step()
	}
	return reason
}

func (r *Replica) dispatch(from pbft.ReplicaID, m pbft.Message) pbft.Reason {
	if r.over() && r.rules.Silent() && !ofOver(m) {
		r.answerEnd(from)
		return pbft.IgnoredStale
	}
	switch x := m.(type) {
	case *pbft.EpochProof:
		return r.onEpochProof(from, x)
	case *pbft.PrePrepare:
		return r.onPrePrepare(from, x)
	case *pbft.Prepare:
		return r.onPrepare(from, x)
	case *pbft.Commit:
		return r.onCommit(from, x)
	case *pbft.Checkpoint:
		return r.onCheckpoint(from, x)
	case *pbft.Suspect:
		return r.onSuspect(from, x)
	case *pbft.ViewChange:
		return r.onViewChange(from, x)
	case *pbft.NewView:
		return r.onNewView(from, x)
	case *pbft.Status:
		return r.onStatus(from, x)
	case *pbft.Fetch:
		return r.onFetch(from, x)
	case *pbft.Blocks:
		return r.onBlocks(from, x)
	case *pbft.Linked:
		return r.onLinked(from, x)
	case *pbft.Proof:
		return r.onProof(from, x)
	case *pbft.Pull:
		return r.onPull(from, x)
	case *pbft.Recall:
		return r.onRecall(from, x)
	case *pbft.Recollection:
		return r.onRecollection(from, x)
	}
	return pbft.InvalidContent
}

// current returns cur of section 3.
func (r *Replica) current() pbft.View { return max(r.view, r.vcSent) }

// voting reports whether this replica may sign consensus messages: not once the epoch is
// over (R13.3).
func (r *Replica) voting() bool {
	return r.condition == pbft.Voting && !(r.over() && r.rules.Silent())
}

// mayAttest reports whether it may say what it has executed, also after the epoch.
func (r *Replica) mayAttest() bool { return r.condition == pbft.Voting }

// inView reports whether the present view was not given up.
func (r *Replica) inView() bool { return r.vcSent <= r.view }

func (r *Replica) quorum() int { return r.com.Quorum() }

func (r *Replica) sign(message []byte) pbft.Signature { return r.cfg.Sign(message) }

func (r *Replica) send(to pbft.ReplicaID, m pbft.Message) {
	if to != r.self {
		r.out.Messages = append(r.out.Messages, pbft.Outgoing{To: to, Message: m})
	}
}

func (r *Replica) record(x pbft.Record) {
	if r.rules.Durable(x.Kind) {
		r.out.Records = append(r.out.Records, x)
	}
}

func (r *Replica) event(kind pbft.EventKind, block pbft.BlockRef, detail uint64) {
	if r.cfg.Trace {
		r.out.Events = append(r.out.Events, pbft.Event{Kind: kind, Block: block, Detail: detail})
	}
}

func (r *Replica) become(c pbft.Condition) {
	if r.condition == c || r.condition == pbft.Amnesic || r.condition == pbft.Broken {
		return
	}
	r.condition = c
	r.event(pbft.EventCondition, pbft.BlockRef{View: r.view}, uint64(c))
}

// Status implements pbft.Engine.
func (r *Replica) Status() pbft.EngineStatus {
	s := pbft.EngineStatus{
		Condition: r.condition, View: r.view, ViewChanged: r.vcSent, Primary: r.com.Primary(r.view),
		Committed: r.chain.committed, Executed: r.chain.executed, Stable: r.chain.stable,
		High: r.highRef.Rank(), Judgement: r.demotion.found, CalledSlow: r.calledSlow(),
		Target: max(r.catchUp.target, r.chain.committed.Seq), TimeoutTicks: r.timeout(),
	}
	if r.over() && r.condition == pbft.Voting {
		s.Condition = pbft.Closed
	}
	if t := r.tipOf(r.view); t != nil && t.last.Seq > s.Committed.Seq {
		s.InFlight = int(t.last.Seq - s.Committed.Seq)
	}
	if p := r.proposal.last; p != nil && p.ref.Seq > s.Committed.Seq {
		s.InFlight = max(s.InFlight, int(p.ref.Seq-s.Committed.Seq))
	}
	return s
}

// tipOf returns the own PREPARE chain of a view, or nil.
func (r *Replica) tipOf(v pbft.View) *tip {
	for i := range r.tips {
		if r.tips[i].view == v {
			return &r.tips[i]
		}
	}
	return nil
}

// setTip makes last the end of the own chain of its view, and forgets chains
// that no VIEW-CHANGE can need any more: those of views below
// min(view, highQC.view) (section 4; dropping more is a known mistake).
func (r *Replica) setTip(last pbft.BlockRef) {
	if t := r.tipOf(last.View); t != nil {
		t.last, t.settled = last, false
	} else {
		at := len(r.tips)
		for at > 0 && r.tips[at-1].view > last.View {
			at--
		}
		r.tips = append(r.tips, tip{})
		copy(r.tips[at+1:], r.tips[at:])
		r.tips[at] = tip{view: last.View, last: last}
	}
	keep := min(r.view, r.highRef.View)
	for len(r.tips) > 0 && r.tips[0].view < keep {
		r.tips = r.tips[1:]
	}
}

// invariants checks what no input may break. A violation is a bug of this
// package, so it panics; no byte from outside decides the outcome.
func (r *Replica) invariants() {
	for i := 1; i < len(r.tips); i++ {
		assert(r.tips[i-1].view < r.tips[i].view, "tips of views %d and %d out of order", r.tips[i-1].view, r.tips[i].view)
	}
	assert(r.chain.executed <= r.chain.committed.Seq, "executed %d above committed %d",
		r.chain.executed, r.chain.committed.Seq)
	assert(r.vcSent == 0 || r.ownVC != nil && r.ownVC.View == r.vcSent, "view change %d without its message", r.vcSent)
}

func assert(ok bool, format string, args ...any) {
	if !ok {
		panic("dualpath: " + fmt.Sprintf(format, args...))
	}
}

// Durable implements pbft.Engine: the durable state of section 4 without
// executed blocks, which the driver's store holds by then.
func (r *Replica) Durable() []pbft.Record {
	var rs []pbft.Record
	if r.high != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordCertificate, Certificate: r.high})
	}
	if x := &r.logged; x.view > 1 {
		rs = append(rs, pbft.Record{Kind: pbft.RecordEntry, View: x.view, Base: x.entry.base, NewView: x.entry.newView})
	}
	for s := r.chain.executed + 1; s <= r.chain.last; s++ {
		for _, b := range r.chain.bySeq[s] {
			if b.logged && b.hasBody {
				rs = append(rs, pbft.Record{Kind: pbft.RecordBlock, Block: b.block})
			}
			if b.committed && b.commit != nil {
				rs = append(rs, pbft.Record{Kind: pbft.RecordCommit, Certificate: b.commit})
			}
		}
	}
	if p := r.proposed; p != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordProposal, View: p.ref.View, Base: p.ref})
	}
	for i := range r.tips {
		v := pbft.Vote{Epoch: r.com.Epoch(), Block: r.tips[i].last, Replica: r.self}
		v.Signature = r.sign(r.com.PrepareBytes(v.Block))
		rs = append(rs, pbft.Record{Kind: pbft.RecordPrepare, Prepare: &pbft.Prepare{Vote: v}})
	}
	if r.ownVC != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordViewChange, ViewChange: r.ownVC})
	}
	if r.over() {
		rs = append(rs, pbft.Record{Kind: pbft.RecordBoundary, Boundary: r.epoch.end})
	}
	if r.amnesia != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordAmnesia, Shown: r.amnesia})
	}
	return rs
}
