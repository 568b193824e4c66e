package original

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
	rules rules.Original
	tm    pbft.Timers
	par   pbft.Parameters
	span  pbft.Seq // L

	condition pbft.Condition
	restoring bool
	now       uint64 // ticks since the start
	clockMs   uint64
	pending   bool // client payload waits

	// Durable: the view with its entry, and the last VIEW-CHANGE.
	view        pbft.View
	entry       *pbft.SlotNewView // nil in view 1
	entryLogged bool
	changed     pbft.View // highest view of an own VIEW-CHANGE
	ownChange   *pbft.SlotViewChange

	// stable is the last stable checkpoint with its proof, nil for the genesis.
	stable      pbft.Seq
	stableProof *pbft.CheckpointCertificate

	slots     map[pbft.Seq]*slot // only looked up
	order     []*slot            // the same, ascending
	low       pbft.Seq           // slots up to here are forgotten
	committed pbft.BlockRef      // the decided prefix
	executed  pbft.Seq
	heights   map[pbft.Seq]*height // attested heights above heightsLow
	// heightsLow is the highest height that is forgotten.
	heightsLow pbft.Seq

	lead    leadState
	timer   timerState
	peers   []peer
	recall  recallState
	amnesia *pbft.Recollection // what has shown that the log lacks something
	pursuit pursuitState
	// arrivals are the bytes that came on the bulk lane.
	arrivals pbft.Arrivals

	out    pbft.Ready
	signed []pbft.Message // own votes whose records are in out
	saving []pbft.Message // own votes handed out, not yet durable
}

// peer is what is known of another member.
type peer struct {
	change *pbft.SlotViewChange // its VIEW-CHANGE of the highest view
	// proved says that the attachments of change were verified too.
	proved bool
	// late: its VIEW-CHANGE for the present view came after the entry.
	late         bool
	future       pbft.View // highest view above ours that it voted in
	votes        int       // stored votes, against the quota
	testimonies  int       // VIEW-CHANGEs since testimonyAt
	testimonyAt  uint64
	lastPrepare  *pbft.Prepare
	lastCommit   *pbft.Commit
	lastProposal *pbft.SignedHeader
	early        early // of a view that it leads and that is not entered
	allowance    pbft.Allowance
	// recalled pays for RECOLLECTIONs alone: who asks what it signed must not go
	// without because it was sent other things.
	recalled pbft.Allowance
	claim    pbft.Seq        // up to where it says it decided
	loneAt   uint64          // tick from which it may be asked on its word alone
	pauses   [answers]uint64 // per kind of answer, the tick after which the next may go
}

// New returns a replica that goes on from the records of its log and the anchor
// in cfg. An empty log is a replica that never signed anything. The error says
// which part of cfg or of the log makes no sense.
func New(cfg pbft.Config, log []pbft.Record) (*Replica, error) {
	return newReplica(cfg, log, written())
}

func newReplica(cfg pbft.Config, log []pbft.Record, by rules.Original) (*Replica, error) {
	switch c := cfg.Committee; {
	case c == nil || cfg.Scheme == nil || cfg.Sign == nil:
		return nil, fmt.Errorf("original: no committee, scheme or signer")
	case !c.Has(cfg.Self):
		return nil, fmt.Errorf("original: replica %d is not a member", cfg.Self)
	case c.Protocol() != pbft.Original:
		return nil, fmt.Errorf("original: the committee decides by the protocol %v", c.Protocol())
	case cfg.Genesis.Seq != 0 || cfg.Anchor.Next != nil:
		return nil, fmt.Errorf("original: the protocol has no epochs")
	}
	r := &Replica{
		cfg: cfg, com: cfg.Committee, self: cfg.Self, rules: by, tm: cfg.Timers.WithDefaults(),
		par: cfg.Committee.Parameters(), span: cfg.Committee.Span(), view: 1, entryLogged: true,
		slots: make(map[pbft.Seq]*slot), heights: make(map[pbft.Seq]*height),
		peers: make([]peer, cfg.Committee.Size()), arrivals: pbft.NewArrivals(cfg.Committee.Size()),
	}
	switch {
	case cfg.Amnesic:
		r.condition = pbft.Amnesic
	case cfg.Recall:
		r.condition = pbft.Recalling
	}
	if err := r.anchor(); err != nil {
		return nil, err
	}
	if err := r.restore(log); err != nil {
		return nil, err
	}
	if r.condition == pbft.Recalling {
		r.startRecall()
	}
	r.send(pbft.Everyone, r.position())
	r.step()
	return r, nil
}

// Ready implements pbft.Engine.
func (r *Replica) Ready() pbft.Ready {
	r.step()
	out := r.out
	r.out = pbft.Ready{}
	r.saving, r.signed = append(r.saving, r.signed...), nil
	return out
}

// Advance implements pbft.Engine. Own votes count from here on: what a crash can
// take back must not be part of a certificate.
func (r *Replica) Advance() {
	saved := r.saving
	r.saving = nil
	for _, m := range saved {
		switch x := m.(type) {
		case *pbft.Prepare:
			r.store(prepares, &x.Vote, true)
		case *pbft.Commit:
			r.store(commits, &x.Vote, true)
		case *pbft.SlotViewChange:
			r.peers[r.self].change, r.peers[r.self].proved = x, true
		}
	}
	r.step()
	r.invariants()
}

// step runs what may have become possible by an event.
func (r *Replica) step() {
	r.tryDecide()
	r.tryNewView()
}

// Waits implements pbft.Engine. PBFT as published keeps a primary that is slow.
func (r *Replica) Waits(pbft.Waiting) {}

// Arrived implements pbft.Engine.
func (r *Replica) Arrived(from pbft.ReplicaID, bulkBytes int) { r.arrivals.Add(from, r.now, bulkBytes) }

// Tick implements pbft.Engine.
func (r *Replica) Tick(clockMs uint64, pending bool) {
	r.now++
	r.clockMs, r.pending = clockMs, pending
	r.tickRecall()
	r.tickTimer()
	r.tryVotes()
	r.tickWants()
	r.tickPursuit()
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
	switch x := m.(type) {
	case *pbft.PrePrepare:
		return r.onPrePrepare(from, x)
	case *pbft.Prepare:
		return r.onPrepare(from, x)
	case *pbft.Commit:
		return r.onCommit(from, x)
	case *pbft.Checkpoint:
		return r.onCheckpoint(from, x)
	case *pbft.Stable:
		return r.onStable(x)
	case *pbft.SlotViewChange:
		return r.onViewChange(from, x)
	case *pbft.SlotNewView:
		return r.onNewView(x)
	case *pbft.Status:
		return r.onStatus(from, x)
	case *pbft.Fetch:
		return r.onFetch(from, x)
	case *pbft.Blocks:
		return r.onBlocks(x)
	case *pbft.Decided:
		return r.onDecided(from, x)
	case *pbft.Recall:
		return r.onRecall(from, x)
	case *pbft.Recollection:
		return r.onRecollection(from, x)
	}
	return pbft.InvalidContent // of another protocol
}

// voting reports whether this replica may sign consensus messages.
func (r *Replica) voting() bool { return r.condition == pbft.Voting && !r.restoring }

// current is the view that this replica is in or wants to enter.
func (r *Replica) current() pbft.View { return max(r.view, r.changed) }

// active reports whether the present view was not given up.
func (r *Replica) active() bool {
	return r.rules.Active(r.view, r.changed)
}

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

// become changes the condition; amnesic and broken replicas stay so.
func (r *Replica) become(c pbft.Condition) {
	if r.condition != c && r.condition != pbft.Amnesic && r.condition != pbft.Broken {
		r.condition = c
		r.event(pbft.EventCondition, pbft.BlockRef{View: r.view}, uint64(c))
	}
}

// Status implements pbft.Engine.
func (r *Replica) Status() pbft.EngineStatus {
	s := pbft.EngineStatus{
		Condition: r.condition, View: r.view, ViewChanged: r.changed, Primary: r.com.Primary(r.view),
		Committed: r.committed, Executed: r.executed, Stable: r.stable,
		Target: max(r.pursuit.target, r.committed.Seq), TimeoutTicks: r.timeout(),
	}
	for _, x := range r.above(r.committed.Seq) {
		if x.assigned != (pbft.BlockRef{}) {
			s.InFlight++
		}
		if x.prepared != nil && s.High.Less(x.prepared.Block.Rank()) {
			s.High = x.prepared.Block.Rank()
		}
	}
	return s
}

// Size returns how many things this replica remembers: slots with their votes
// and blocks, and attested heights. Tests bound it, whatever others send.
func (r *Replica) Size() int {
	n := len(r.heights) * r.com.Size()
	for i := range r.peers {
		n += r.peers[i].votes + len(r.peers[i].early.of)
	}
	for _, x := range r.order {
		n += 1 + len(x.rounds) + len(x.blocks) + len(x.sketches)
	}
	return n
}

// SizeBytes returns about how many bytes the blocks and votes take that this replica
// remembers. Tests bound it, whatever others send.
func (r *Replica) SizeBytes() int {
	const vote = len(pbft.Digest{}) + len(pbft.Signature{}) + 8
	n := 0
	for i := range r.peers {
		n += r.peers[i].early.bytes + len(r.peers[i].early.of)*pbft.HeaderBytes
	}
	for _, x := range r.order {
		for _, b := range x.blocks {
			n += pbft.HeaderBytes + len(b.block.Payload) + len(b.recipe)
		}
		for _, k := range x.sketches {
			n += pbft.HeaderBytes + len(k.recipe)
		}
		for _, y := range x.rounds {
			n += vote * (len(y.votes[prepares]) + len(y.votes[commits]))
		}
	}
	return n
}

// invariants checks what no input may break. A violation is a bug of this
// package, so it panics; no byte from outside decides the outcome.
func (r *Replica) invariants() {
	assert(r.executed <= r.committed.Seq, "executed %d above decided %d", r.executed, r.committed.Seq)
	assert(r.changed == 0 || r.ownChange.View == r.changed, "view change %d without its message", r.changed)
	assert(r.low <= r.executed && r.low <= r.stable, "slots up to %d forgotten, executed %d, stable %d", r.low,
		r.executed, r.stable)
}

func assert(ok bool, format string, args ...any) {
	if !ok {
		panic("original: " + fmt.Sprintf(format, args...))
	}
}
