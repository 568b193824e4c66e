package node

import (
	"context"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// TickPeriod is the length of an engine's tick.
const TickPeriod = driver.TickMs * time.Millisecond

// loop owns the engine and the consensus log. It is one goroutine: everything
// else sends it values.
type loop struct {
	n      *Node
	engine pbft.Engine

	// backlog are jobs that the executor had no room for yet, in order.
	backlog []job
	// checks are payload checks that the checkers had no room for yet.
	checks []pbft.PayloadCheck

	committed pbft.Seq // last block handed to the executor
	executed  pbft.Seq
	view      pbft.View
	ticks     int

	// Of the last proposal: when it was made, of how many transactions, and how long it
	// took to commit, 0 = not yet.
	proposedAt   time.Time
	proposedTxs  int
	proposedRoot pbft.Digest
	committedIn  time.Duration
	again        *time.Timer // fires when a small batch has waited long enough
	// syncing is set while the ledger is synced for a compaction.
	syncing bool
	logMark int64 // size of the log after the last compaction
	// compactAfter is when the log may be compacted again, after one try has failed.
	compactAfter time.Time
}

// run works until ctx ends or something fails that must end the node: then
// nothing has been sent that rests on what failed.
func (l *loop) run(ctx context.Context) error {
	ticks := time.NewTicker(TickPeriod)
	defer ticks.Stop()
	l.again = time.NewTimer(time.Hour)
	defer l.again.Stop()
	if err := l.turns(); err != nil {
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
			l.engine.Tick(nowMs(), l.n.mempool.size().txs > 0)
			l.measureKept()
			l.compactIfLarge()
		case <-l.n.inbox.wake:
		case <-l.n.arrived:
		case <-l.again.C:
		case v := <-l.n.payloads.checked:
			l.engine.PayloadChecked(v.block, v.valid)
		case d := <-l.n.executor.done:
			l.jobDone(d)
		case err := <-l.n.synced:
			if err := l.compact(err); err != nil {
				return err
			}
		case jobs <- next:
			l.backlog = l.backlog[1:]
		}
		l.drain()
		if err := l.turns(); err != nil {
			return err
		}
	}
}

// keptTicks is the pause between two looks at how much the engine keeps, which walks
// through all of it.
const keptTicks = 100

// measureKept sets the gauge of what the engine keeps, of engines that know it.
func (l *loop) measureKept() {
	if l.ticks++; l.ticks%keptTicks == 0 {
		if x, ok := l.engine.(interface{ SizeBytes() int }); ok {
			l.n.metrics.kept.Set(float64(x.SizeBytes()))
		}
	}
}

// nextJob returns the executor's queue and the job for it, or a nil queue.
func (l *loop) nextJob() (chan<- job, job) {
	if len(l.backlog) == 0 {
		return nil, job{}
	}
	return l.n.executor.jobs, l.backlog[0]
}

// drain feeds the engine what waits, a bounded amount of it, votes first.
func (l *loop) drain() {
	start := time.Now()
	fed := 0
	for {
		select {
		case v := <-l.n.payloads.checked:
			l.engine.PayloadChecked(v.block, v.valid)
			continue
		case d := <-l.n.executor.done:
			l.jobDone(d)
			continue
		default:
		}
		break
	}
	for _, p := range l.n.inbox.peers {
		if p != nil && p.takeConnected() {
			l.engine.Connected(p.id)
		}
	}
	for lane := range transport.Lane(transport.Lanes) {
		if !driver.Receiving(len(l.backlog)) {
			break // every executed block brings the loop back here
		}
		for _, p := range l.n.inbox.peers {
			if p != nil {
				fed += l.drainLane(p, &p.lanes[lane])
			}
		}
	}
	if fed > 0 {
		l.n.metrics.took(stepReceive, start)
	}
}

func (l *loop) drainLane(p *peerState, queue *inQueue) int {
	for i := range drainMax {
		in, ok := queue.take()
		if !ok {
			return i
		}
		if pbft.IsCatchUp(in.message.Kind()) && !driver.Catching(len(l.backlog)) {
			l.n.metrics.frameDropped.Inc()
			continue
		}
		l.n.inbox.blame(p, l.engine.Receive(in.from, in.message))
	}
	l.n.inbox.signal() // there may be more
	return drainMax
}

// turns proposes and acts on what the engine asks for until it asks for nothing.
func (l *loop) turns() error {
	for range driver.TurnsMax {
		l.propose()
		ready := l.engine.Ready()
		if ready.Empty() {
			return l.publish()
		}
		if err := l.act(&ready); err != nil {
			return err
		}
		l.engine.Advance()
	}
	l.n.inbox.signal()
	return l.publish()
}

// act does what a Ready asks for, in the order of its fields: nothing is sent or
// decided before the records under it are durable.
func (l *loop) act(r *pbft.Ready) error {
	if err := l.persist(r.Records); err != nil {
		return err
	}
	if len(r.Messages) > 0 {
		start := time.Now()
		for i := range r.Messages {
			l.n.sendMessage(r.Messages[i])
		}
		l.n.metrics.took(stepSend, start)
		l.n.stages.sent(r.Messages)
	}
	l.n.stages.committed(r.Committed)
	for i := range r.Committed {
		c := &r.Committed[i]
		l.committed = c.Block.Header.Seq
		l.backlog = append(l.backlog, job{block: c})
		if c.Block.Header.PayloadRoot == l.proposedRoot {
			l.committedIn = time.Since(l.proposedAt)
		}
	}
	for _, c := range r.Checkpoints {
		l.backlog = append(l.backlog, job{checkpoint: c})
	}
	l.dispatch()
	l.checks = append(l.checks, r.Checks...)
	for len(l.checks) > 0 {
		select {
		case l.n.payloads.jobs <- l.checks[0]:
			l.checks = l.checks[1:]
			continue
		default:
		}
		break
	}
	for _, s := range r.Serves {
		l.n.enqueueServe(s)
	}
	for i := range r.Events {
		l.n.trace(r.Events[i])
	}
	return nil
}

// dispatch hands jobs to the executor as far as it has room.
func (l *loop) dispatch() {
	for len(l.backlog) > 0 {
		select {
		case l.n.executor.jobs <- l.backlog[0]:
			l.backlog = l.backlog[1:]
		default:
			return
		}
	}
}

// persist makes the records of a turn durable. An amnesic replica has no log:
// it promises nothing, and fetches again what a crash takes.
func (l *loop) persist(records []pbft.Record) error {
	if len(records) == 0 || l.n.cfg.Log == nil {
		return nil
	}
	start := time.Now()
	for _, frame := range cutFrames(records, frameBytesCut) {
		if err := l.n.cfg.Log.Append(frame); err != nil {
			return fmt.Errorf("append to the consensus log: %w", err)
		}
	}
	l.n.metrics.took(stepPersist, start)
	l.n.metrics.logBytes.Set(float64(l.n.cfg.Log.Bytes()))
	return nil
}

// cutFrames encodes records as frames of the log, of frameBytes at most unless one
// record alone is larger. Nearly always it is one frame; a turn or a state of many
// large blocks takes several, in order.
func cutFrames(records []pbft.Record, frameBytes int) [][]byte {
	if len(records) == 0 {
		return nil
	}
	frame := pbft.EncodeRecords(records)
	if len(frame) <= frameBytes || len(records) == 1 {
		return [][]byte{frame}
	}
	half := len(records) / 2
	return append(cutFrames(records[:half], frameBytes), cutFrames(records[half:], frameBytes)...)
}

// frameBytesCut is the size that frames of the log are cut to.
const frameBytesCut = store.FrameBytesMax / 2

func (l *loop) jobDone(d jobDone) {
	l.executed = d.seq
	l.engine.Executed(d.seq, d.stateRoot, d.receiptRoot)
}

// sendMessage sends to one member or to all others. Consensus frames begin with
// the kind of the message.
//
// What goes to one member alone mostly answers it, and is paid from its budget: the
// protocol repeats what it needs.
func (n *Node) sendMessage(out pbft.Outgoing) {
	kind := out.Message.Kind()
	lane := transport.Votes
	if pbft.LaneOf(kind) == pbft.LaneBulk {
		lane = transport.Bulk
	}
	var p *peerState
	if out.To != pbft.Everyone {
		if p = n.inbox.peer(uint16(out.To)); p == nil || !n.mayGive(p, lane) {
			return
		}
	}
	frame := pbft.EncodeMessage(out.Message)
	if p != nil {
		p.answers[lane].spend(time.Now(), max(len(frame), noteBytes))
	}
	if len(frame) > votesFrameMax {
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

// votesFrameMax is the largest frame on the lane of votes; a message beyond it,
// such as a NEW-VIEW of a large committee with long walks, travels as bulk.
const votesFrameMax = 256 << 10

// broadcast sends a frame to every other member and returns to how many.
func (n *Node) broadcast(lane transport.Lane, frame []byte) int {
	for id := range n.committee.Size() {
		if id != int(n.cfg.Self) {
			n.network.Send(uint16(id), lane, frame)
		}
	}
	return n.committee.Size() - 1
}
