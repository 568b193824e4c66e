package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// The values of the condition metric behind those of pbft.Condition.
const (
	conditionStopped = 5
	conditionFollows = 6
)

// Follows is the condition of a node that has no seat, see Config.Follow.
const Follows = "following"

// Status is a snapshot of a node.
type Status struct {
	Self   pbft.ReplicaID
	Engine pbft.EngineStatus
	// Height and TimeMs are those of the last executed block.
	Height, TimeMs uint64
	StateRoot      [32]byte
	// PeersUp is how many other members were heard in the last seconds.
	PeersUp int
	// ClockAhead is by how much this node's clock is ahead of those of f+1 members,
	// negative if it is behind; 0 while they agree well enough.
	ClockAhead time.Duration
	// MempoolTxs and MempoolBytes wait to be executed.
	MempoolTxs, MempoolBytes int
	Uptime                   time.Duration
	// Condition says in a word whether the node takes part: a condition of the
	// engine, "stopped", "damaged" or "disk-full".
	Condition string
	// Reason says why, if it does not.
	Reason string
	// Live says that the process can go on; Ready that it takes part, has seen
	// a quorum lately, is not behind, was not frozen, and has the right time.
	Live, Ready bool
}

// readyBlocksMax is how many blocks a node may lag behind and still be ready.
const readyBlocksMax = 64

// Status returns a snapshot. Its parts are read one after the other.
func (n *Node) Status() Status {
	height, timeMs, _ := n.hub.tip()
	size := n.mempool.size()
	s := Status{
		Self: n.cfg.Self, Engine: *n.engine.Load(), Height: height, TimeMs: timeMs,
		StateRoot: n.cfg.Ledger.StateRoot(), PeersUp: n.inbox.links(),
		MempoolTxs: size.txs, MempoolBytes: size.bytes, Uptime: time.Since(n.since),
		Condition: "starting", Live: true,
	}
	if !n.started.Load() {
		return s
	}
	s.Condition, s.Reason = s.Engine.Condition.String(), explain(s.Engine.Condition)
	if n.follows(s.Engine.Condition) {
		s.Condition, s.Reason = Follows, ""
	}
	if end := n.end.Load(); end != nil {
		s.Condition, s.Live = "stopped", false
		if err := *end; err != nil {
			s.Reason = err.Error()
			switch {
			case isDiskFull(err):
				s.Condition, s.Live = "disk-full", true
			case errors.Is(err, ErrDiverged):
				s.Condition = pbft.Diverged.String()
			case errors.Is(err, store.ErrDamaged):
				s.Condition = "damaged"
			}
		}
		return s
	}
	now := time.Now()
	s.ClockAhead = n.clocks.ahead(now)
	if err := n.mayAnswer(); err != nil {
		s.Reason = err.Error()
	}
	if s.Reason == "" {
		s.Reason = n.unready(&s, now)
	}
	s.Ready = (s.Engine.Condition == pbft.Voting || s.Condition == Follows) && s.Reason == ""
	if s.Reason == "" && s.Condition == Follows {
		s.Reason = "its key has no seat: it follows the chain, and signs nothing"
	}
	return s
}

// follows reports whether a condition of the engine only says that this node has no seat.
func (n *Node) follows(c pbft.Condition) bool { return n.cfg.Follow && c == pbft.Amnesic }

// unready says what keeps a node that votes from being ready; "" = nothing.
func (n *Node) unready(s *Status, now time.Time) string {
	known := uint64(max(s.Engine.Target, s.Engine.Committed.Seq))
	switch frozen := n.awake.frozen(now); {
	case frozen > 0:
		return fmt.Sprintf("it stood still for %v: what it knows may be as old", frozen.Round(time.Second))
	case s.ClockAhead != 0:
		word := "ahead of"
		if s.ClockAhead < 0 {
			word = "behind"
		}
		return fmt.Sprintf("its clock is %v %s those of %d other members or more: set it, and keep it by NTP",
			s.ClockAhead.Abs().Round(time.Second), word, n.committee.WeakQuorum())
	case s.PeersUp+1 < n.committee.Quorum():
		reason := fmt.Sprintf("it hears %d of the %d other members, and needs %d", s.PeersUp, n.committee.Size()-1,
			n.committee.Quorum()-1)
		if alone := n.inbox.silence(now); alone >= alonePeriod {
			reason += fmt.Sprintf("; nobody has reached it and it has reached nobody for %v: look at the addresses "+
				"in [peers], at listen.peers, and at firewalls on both sides", alone.Round(time.Second))
		}
		return reason
	case known > s.Height+readyBlocksMax:
		return fmt.Sprintf("it is %d blocks behind", known-s.Height)
	}
	return ""
}

// alonePeriod is after how long without a word from any member a node says that it
// cannot be reached.
const alonePeriod = time.Minute

// trouble is what the log was told lately. It is one goroutine's.
type trouble struct {
	saidAt time.Time
	said   string
}

// look writes to the log, once in warnPeriod, what keeps the node from being ready
// that its operator must mend: a wrong clock, nobody in reach.
func (t *trouble) look(n *Node) {
	now := time.Now()
	ahead, alone := n.clocks.ahead(now), n.inbox.silence(now)
	n.metrics.clockAhead.Set(ahead.Seconds())
	what := ""
	switch {
	case ahead != 0:
		what = "this node's clock is wrong: set it, and keep it by NTP"
	case alone >= alonePeriod:
		what = "nobody has reached this node and it has reached nobody: look at addresses, listen.peers and firewalls"
	}
	if what == "" || what == t.said && now.Sub(t.saidAt) < warnPeriod {
		if what == "" {
			t.said = ""
		}
		return
	}
	t.said, t.saidAt = what, now
	n.log.Warn(what, "clock_ahead_s", ahead.Seconds(), "alone_s", alone.Seconds())
}

func explain(c pbft.Condition) string {
	switch c {
	case pbft.Recalling:
		return "started, and asking the other members what it has signed before: n-1-f of them have to answer"
	case pbft.Amnesic:
		return "its log lacks something that it has signed, as others have shown: it follows, and signs nothing more over " +
			"this log, also after a restart"
	case pbft.Diverged:
		return "its execution differs from that of f+1 other members"
	case pbft.Broken:
		return "two conflicting blocks are certified: more members are faulty than the chain tolerates"
	}
	return ""
}

// publish makes the engine's state visible to others. The loop calls it after
// every turn. A state that is false ends the node.
func (l *loop) publish() error {
	s := l.driver.Status()
	old := l.n.engine.Swap(&s)
	if s.View > l.view {
		if l.view > 0 {
			l.n.metrics.viewChanges.Inc()
			l.n.log.Info("entered a view", "view", s.View, "primary", s.Primary, "height", s.Committed.Seq)
		}
		l.view = s.View
	}
	l.judged(&s, old)
	if s.Condition == old.Condition {
		return nil
	}
	switch s.Condition {
	case pbft.Voting, pbft.Recalling:
		l.n.log.Info("condition changed", "condition", s.Condition.String(), "view", s.View)
	default:
		l.n.log.Error("this replica has stopped voting", "condition", s.Condition.String(), "reason", explain(s.Condition),
			"view", s.View, "height", s.Committed.Seq)
	}
	if s.Condition == pbft.Diverged {
		return ErrDiverged
	}
	return nil
}

// judged tells of a primary that this node finds slow, and of those who find this one so.
func (l *loop) judged(s, old *pbft.EngineStatus) {
	if s.Judgement != pbft.Fair && s.View != l.slowView {
		l.n.metrics.slow[s.Judgement].Inc()
		l.slowView = s.View
		l.n.log.Warn("the primary is slow or unfair", "judgement", s.Judgement.String(), "view", s.View,
			"primary", s.Primary, "height", s.Committed.Seq)
	}
	if s.Primary == l.n.cfg.Self && s.CalledSlow > old.CalledSlow && s.View == old.View {
		l.n.log.Warn("members call this node slow or unfair as a primary", "members", s.CalledSlow, "view", s.View,
			"height", s.Committed.Seq)
	}
}

// measure sets the gauges.
func (n *Node) measure() {
	m := n.metrics
	s := n.engine.Load()
	height, _, _ := n.hub.tip()
	size := n.mempool.size()
	m.view.Set(float64(s.View))
	m.condition.Set(float64(s.Condition))
	if n.follows(s.Condition) {
		m.condition.Set(conditionFollows)
	}
	m.inFlight.Set(float64(s.InFlight))
	m.calledSlow.Set(float64(s.CalledSlow))
	m.behind.Set(float64(max(s.Target, s.Committed.Seq)) - float64(height))
	m.stable.Set(float64(s.Stable))
	m.mempoolTxs.Set(float64(size.txs))
	m.mempoolBytes.Set(float64(size.bytes))
	m.mempoolSenders.Set(float64(size.senders))
	up := n.inbox.links()
	m.peers.Set(float64(up))
	m.missing.Set(float64(n.committee.Size() - 1 - up))
	counts, _ := n.front.stats()
	m.verdictHits.Set(float64(counts.hits))
	m.verdictMisses.Set(float64(counts.misses))
	m.signaturesWaiting.Set(float64(n.pool.Stats().Waiting))
}

// trace hands an event of the engine on.
func (n *Node) trace(e pbft.Event) { n.cfg.Trace(e) }
