package node

import (
	"context"
	"encoding/hex"
	"math"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
	"github.com/scrip-network/scrip/transport"
)

// TickPeriod is the length of an engine's tick.
const TickPeriod = driver.TickMs * time.Millisecond

// loop carries out what the driver of this member asks for, and owns the driver, its
// engine and the consensus log. It is one goroutine: everything else sends it values.
type loop struct {
	n      *Node
	driver *driver.Driver
	began  time.Time // origin of the driver's time

	// jobs and checks are what the executor and the checkers had no room for yet, in
	// order.
	jobs   []job
	checks []pbft.PayloadCheck
	verify []lanes.Check // that the checkers of lanes have no room for

	view     pbft.View
	slowView pbft.View // the last whose primary was found slow
	ticks    int
	arrived  []uint64    // bytes on the bulk lane that the driver knows of, by member
	again    *time.Timer // fires when a small batch has waited long enough

	// Of the payload that the driver took last: its transactions, when, and whether it is
	// in a block that nobody has measured yet.
	offered   []*Tx
	offeredAt time.Time
	proposed  bool
}

// now is what the driver is told of time.
func (l *loop) now() driver.Time {
	return driver.Time{Ns: time.Since(l.began).Nanoseconds(), ClockMs: nowMs()}
}

// run works until ctx ends or something fails that must end the node: then
// nothing has been sent that rests on what failed.
func (l *loop) run(ctx context.Context) error {
	ticks := time.NewTicker(TickPeriod)
	defer ticks.Stop()
	l.again = time.NewTimer(time.Hour)
	defer l.again.Stop()
	for _, p := range l.n.inbox.peers {
		if p != nil {
			l.linkLanes(p.id, true) // else the first frames would find no instance
		}
	}
	if err := l.turn(); err != nil {
		return err
	}
	for {
		jobs, next := l.nextJob()
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
			if frozen := l.n.awake.turn(time.Now()); frozen > 0 {
				l.n.clocks.forget()
				l.n.log.Warn("this node stood still", "duration_s", frozen.Seconds())
			}
			l.watchLinks()
			l.watchDoor()
			l.driver.Tick(l.now())
			l.measureKept()
		case <-l.n.inbox.wake:
		case <-l.n.arrived:
		case <-l.again.C:
		case v := <-l.n.payloads.checked:
			l.driver.Checked(v.block, v.valid)
		case d := <-l.n.executor.done:
			l.driver.Executed(d.seq, d.stateRoot, d.receiptRoot, nil)
		case err := <-l.n.synced:
			if err := l.synced(err); err != nil {
				return err
			}
		case jobs <- next:
			l.jobs = l.jobs[1:]
		}
		l.drain()
		if err := l.turn(); err != nil {
			return err
		}
	}
}

// watchDoor refuses clients while the own lane waits for the line (L12).
func (l *loop) watchDoor() {
	if x := l.driver.Lanes(); x != nil {
		l.watchQueues()
		l.n.mempool.close(!x.Admits())
	}
}

// distanceTicks is the pause between two looks at how far the other members are.
const distanceTicks = 100

// watchLinks tells the driver what comes on the bulk lane, and now and then how far the
// others are: by the lane of votes, on which nothing waits for payload.
func (l *loop) watchLinks() {
	for id := range l.arrived {
		if n := l.n.network.Progress(uint16(id), transport.Bulk).ReceivedBytes; n > l.arrived[id] {
			l.driver.Arrived(pbft.ReplicaID(id), int(min(n-l.arrived[id], math.MaxInt32)))
			l.arrived[id] = n
		}
		if l.ticks%distanceTicks == 0 {
			trip := l.n.network.Progress(uint16(id), transport.Votes).RoundTrip
			l.driver.Measured(pbft.ReplicaID(id), trip.Nanoseconds(), l.now())
		}
	}
}

// keptTicks is the pause between two looks at how much the engine keeps, which walks
// through all of it.
const keptTicks = 100

// measureKept sets the gauge of what the engine keeps, of engines that know it.
func (l *loop) measureKept() {
	if l.ticks++; l.ticks%keptTicks == 0 {
		if x, ok := l.driver.Engine().(interface{ SizeBytes() int }); ok {
			l.n.metrics.kept.Set(float64(x.SizeBytes()))
		}
	}
}

// nextJob returns the executor's queue and the job for it, or a nil queue.
func (l *loop) nextJob() (chan<- job, job) {
	if len(l.jobs) == 0 {
		return nil, job{}
	}
	return l.n.executor.jobs, l.jobs[0]
}

// drain feeds the driver what waits.
func (l *loop) drain() {
	start := time.Now()
	for {
		select {
		case v := <-l.n.payloads.checked:
			l.driver.Checked(v.block, v.valid)
			continue
		case d := <-l.n.executor.done:
			l.driver.Executed(d.seq, d.stateRoot, d.receiptRoot, nil)
			continue
		default:
		}
		break
	}
	for _, p := range l.n.inbox.peers {
		if p == nil {
			continue
		}
		if p.takeLost() {
			l.linkLanes(p.id, false)
		}
		if p.takeConnected() {
			l.driver.Connected(p.id)
			l.linkLanes(p.id, true)
		}
	}
	if l.driver.Drain(l.n.inbox, l.now()) > 0 {
		l.n.metrics.took(stepReceive, start)
	}
	l.drainLanes()
}

// turn carries out what the driver asks for until it asks for nothing.
func (l *loop) turn() error {
	for {
		w, err := l.driver.Next(l.now())
		if err != nil {
			return err
		}
		if l.proposed {
			l.proposed = false
			l.n.metrics.took(stepPropose, l.offeredAt)
		}
		if w.Idle() {
			if w.Again {
				l.n.inbox.signal()
			}
			if w.WakeNs > 0 {
				l.again.Reset(time.Duration(w.WakeNs))
			}
			return l.publish()
		}
		if err := l.act(&w); err != nil {
			return err
		}
		l.driver.Done(l.now())
	}
}

// act does what a Work asks for, in the order of its fields: nothing is sent or
// decided before the records under it are durable.
func (l *loop) act(w *driver.Work) error {
	l.actLanes(w)
	if err := l.persist(w); err != nil {
		return err
	}
	if len(w.Send) > 0 {
		start := time.Now()
		for i := range w.Send {
			l.n.sendMessage(w.Send[i])
		}
		l.n.metrics.took(stepSend, start)
		l.n.stages.sent(w.Send)
	}
	l.n.stages.committed(w.Execute)
	for i := range w.Execute {
		l.jobs = append(l.jobs, job{block: &w.Execute[i]})
	}
	for _, c := range w.Certify {
		l.jobs = append(l.jobs, job{checkpoint: c})
	}
	l.dispatch()
	l.checks = append(l.checks, w.Check...)
	for len(l.checks) > 0 {
		select {
		case l.n.payloads.jobs <- l.checks[0]:
			l.checks = l.checks[1:]
			continue
		default:
		}
		break
	}
	for _, s := range w.Serve {
		l.n.enqueueServe(s)
	}
	if w.Sync {
		l.n.sync <- struct{}{} // has room: one at a time
	}
	for _, m := range w.Evidence {
		l.n.log.Error("a member signed what no honest one does", "kind", m.Kind.String(), "epoch", m.Epoch,
			"evidence", hex.EncodeToString(m.Encode()))
	}
	for _, c := range w.Clones {
		l.n.log.Error("cloned key: two processes vote with the key of a member, over copies of one log",
			"member", uint16(c.Member), "marks", c.Marks)
	}
	for i := range w.Events {
		l.n.trace(w.Events[i])
	}
	return nil
}

// dispatch hands jobs to the executor as far as it has room.
func (l *loop) dispatch() {
	for len(l.jobs) > 0 {
		select {
		case l.n.executor.jobs <- l.jobs[0]:
			l.jobs = l.jobs[1:]
		default:
			return
		}
	}
}

// sendMessage sends to one member or to all others. Consensus frames begin with
// the kind of the message.
//
// What goes to one member alone answers it, unless it is a proposal's first sending, and
// is paid from its budget: the protocol repeats what it needs.
func (n *Node) sendMessage(out pbft.Outgoing) {
	kind := out.Message.Kind()
	lane := transport.Votes
	if out.Behind || pbft.LaneOf(out.Message, n.committee.Size()) == pbft.LaneBulk {
		lane = transport.Bulk
	}
	var p *peerState
	if out.To != pbft.Everyone {
		if p = n.inbox.peer(uint16(out.To)); p == nil || !out.First && !n.mayGive(p, lane) {
			return
		}
	}
	frame := pbft.EncodeMessage(out.Message)
	if p != nil && !out.First {
		p.answers[lane].spend(time.Now(), max(len(frame), noteBytes))
	}
	if len(frame) > driver.VotesFrameBytesMax {
		lane = transport.Bulk
	}
	copies := 1
	if p == nil {
		copies = n.broadcast(lane, frame)
	} else {
		n.network.Send(uint16(p.id), lane, frame)
	}
	n.metrics.sentBy[kind].Add(float64(copies * len(frame)))
}

// broadcast sends a frame to every other member and returns to how many.
func (n *Node) broadcast(lane transport.Lane, frame []byte) int {
	for id := range n.committee.Size() {
		if id != int(n.cfg.Self) {
			n.network.Send(uint16(id), lane, frame)
		}
	}
	return n.committee.Size() - 1
}
