package driver

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// Work is what a member has to do now, in the order of the fields.
type Work struct {
	// Push are sent at any time, also before Records: they promise nothing.
	Push []lanes.Send
	// Records are appended to the consensus log, as Frames cuts them, and synced,
	// before anything below. With Replace they take the place of all that is in it, at
	// once or not at all. If either fails the member must stop.
	Records []pbft.Record
	Replace bool
	// Send are sent, in this order.
	Send []pbft.Outgoing
	// Execute are executed and stored, in this order, at any later time, each answered by
	// Executed. There are never more than HandedMax without an answer.
	Execute []pbft.CommittedBlock
	// Boundary is stored beside the last block of the epoch, once that is executed, at once
	// with it or later: the next epoch begins when both are there.
	Boundary *pbft.EpochProof
	// Certify are stored beside the executed blocks that they are of.
	Certify []*pbft.CheckpointCertificate
	// Check are answered by Checked, in any order, at any later time.
	Check []pbft.PayloadCheck
	// Assemble are answered by PayloadArrived or PayloadMissing, in any order, at any later
	// time, or never.
	Assemble []pbft.Assemble
	// Verify are answered by Lanes.Checked, in any order, at any later time.
	Verify []lanes.Check
	// Dropped are transactions that the pool forgets, unless an own client brought them.
	Dropped []lanes.Dropped
	// Serve are answered as ReadAnswer says, or not at all.
	Serve []pbft.Serve
	// Sync asks that all that is stored now survives a crash; Synced answers it.
	Sync bool
	// Again, of an idle Work: there is more to do, once the inputs have been looked at.
	Again bool
	// WakeNs, of an idle Work, is after how long, in nanoseconds, the next one may ask
	// for something though nothing has happened; 0 = it will not.
	WakeNs int64
	// Clones are told to the operator: keys that two processes have used.
	Clones []Clone
	// Evidence is told to the operator: what convicts members (R14).
	Evidence []*pbft.Misbehaviour
	// Events are what the engine tells, if it traces.
	Events []pbft.Event
}

// Idle reports whether there is nothing to do now.
func (w *Work) Idle() bool {
	return len(w.Records) == 0 && !w.Replace && len(w.Send) == 0 && len(w.Execute) == 0 && len(w.Certify) == 0 &&
		len(w.Check) == 0 && len(w.Assemble) == 0 && len(w.Serve) == 0 && !w.Sync && len(w.Events) == 0 &&
		w.Boundary == nil &&
		len(w.Push) == 0 && len(w.Clones) == 0 && len(w.Verify) == 0 && len(w.Dropped) == 0 &&
		len(w.Evidence) == 0
}

// Next proposes what is due and returns what there is to do. After TurnsMax of them
// one is idle, so that the caller looks at its inputs. An error is of the store: the
// member must stop.
func (d *Driver) Next(now Time) (Work, error) {
	if d.failed != nil {
		return Work{}, d.failed
	}
	if d.turns++; d.turns > TurnsMax {
		d.turns = 0
		return Work{Again: true}, nil
	}
	d.look(now)
	d.disseminate(now)
	waitNs := d.propose(now)
	d.pushRest(now)
	r := d.ready(now)
	d.unadvanced = !r.Empty()
	d.take(r.Committed)
	d.watch(r.Messages, now)
	w := Work{Records: d.guard.complete(r.Records, d.engine, now),
		Send: d.guard.send(r.Messages, d.engine, now), Execute: d.hand(),
		Boundary: r.Boundary, Certify: r.Checkpoints, Check: r.Checks, Assemble: r.Assemble, Serve: r.Serves,
		Events: r.Events, Clones: d.guard.clones, Evidence: r.Evidence}
	d.guard.clones = nil
	d.laneWork(&w)
	if !w.Idle() {
		return w, nil
	}
	if err := d.keepLog(&w, now); err != nil || !w.Idle() {
		return w, err
	}
	d.turns = 0
	w.Again, w.WakeNs = d.more, d.wakeNs(waitNs, now)
	d.more = false
	return w, nil
}

// wakeNs returns the shortest of a wait, 0 = none, and those that the engine and lanes ask
// for, in nanoseconds.
func (d *Driver) wakeNs(waitNs int64, now Time) int64 {
	return sooner(sooner(waitNs, int64(d.engine.WakeUs())*1000, now.Ns), d.lanes.dueNs, now.Ns)
}

// take notes the blocks that the engine has committed.
func (d *Driver) take(blocks []pbft.CommittedBlock) {
	for i := range blocks {
		h := &blocks[i].Block.Header
		d.committed = h.Seq
		d.last.commits = d.last.commits || h.PayloadRoot == d.last.root
	}
	d.waiting = append(d.waiting, blocks...)
	if len(blocks) > 0 && d.lanes.Lanes != nil {
		d.lanes.Committed(d.committed)
	}
}

// hand returns the committed blocks that may be executed next.
func (d *Driver) hand() []pbft.CommittedBlock {
	handed := int(d.committed-d.executed) - len(d.waiting)
	k := min(len(d.waiting), HandedMax-handed)
	if k <= 0 {
		return nil
	}
	blocks := d.waiting[:k:k]
	if d.waiting = d.waiting[k:]; len(d.waiting) == 0 {
		d.waiting = nil
	}
	return blocks
}

// Done says that the last Work was carried out, but for what is answered later.
func (d *Driver) Done(now Time) {
	if d.last.commits {
		d.last.commits, d.last.committedInNs = false, now.Ns-d.last.atNs
	}
	if d.unadvanced {
		d.unadvanced = false
		d.engine.Advance()
	}
}

// propose offers the engine the next block if this member leads and one is due. If only
// time is missing it returns how much, in nanoseconds.
func (d *Driver) propose(now Time) (waitNs int64) {
	hint := d.engine.ProposeHint()
	if hint == pbft.ProposeNever {
		return 0
	}
	s := d.engine.Status()
	if hint == pbft.ProposeIfPending {
		if due, waitNs := d.cfg.Batching.Due(d.pending(&s, now)); !due {
			return waitNs
		}
		if waitNs := d.retryInNs(now); waitNs > 0 {
			return waitNs
		}
	}
	if hint == pbft.ProposeEmpty {
		d.engine.Propose(nil, pbft.Digest{}, nil, now.ClockMs)
		return 0
	}
	p, ok := d.payload(s.View, now)
	if !ok || p.Txs == 0 && hint != pbft.ProposeNow {
		return d.retryInNs(now)
	}
	proposed := d.engine.Propose(p.Bytes, p.Root, p.Recipe, now.ClockMs)
	if proposed {
		d.last = proposal{atNs: now.Ns, txs: p.Txs, root: p.Root}
	}
	d.settleDraft(proposed)
	d.cfg.Pool.Proposed(proposed)
	return 0
}

// pending is what there is to propose.
func (d *Driver) pending(s *pbft.EngineStatus, now Time) *Pending {
	c := d.cfg.Engine.Committee
	_, free, freeBytes := d.cfg.Pool.Size()
	p := &Pending{Members: c.Size(), Txs: free, Bytes: freeBytes, InFlight: s.InFlight,
		Backlog:    int(d.committed - d.executed),
		DistanceNs: d.distances.quorumNs(c.Quorum(), now.Ns), QuorumNs: d.flight.quorumNs,
		LastTxs: d.last.txs, SinceNs: now.Ns - d.last.atNs, CommittedInNs: d.last.committedInNs}
	if d.flight.view == s.View {
		p.FlightBytes = d.flight.bytes
	}
	return p
}

// watch follows own proposals to their certificates and commits.
func (d *Driver) watch(sent []pbft.Outgoing, now Time) {
	for i := range sent {
		if m, ok := sent[i].Message.(*pbft.PrePrepare); ok && m.Header.Proposer == d.cfg.Engine.Self {
			d.flight.sent(&m.Header, now.Ns)
			if sent[i].First {
				d.sentFirst(&m.Header, now)
			}
		}
	}
	if len(d.flight.of) > 0 {
		s := d.engine.Status()
		d.flight.reached(s.High, s.Committed.Seq, now.Ns)
	}
}
