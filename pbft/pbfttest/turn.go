package pbfttest

import (
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// turn lets x act until there is nothing to do.
func (c *cluster) turn(x *node) {
	c.work(x)
	if x.engine != nil && !c.stopped {
		c.witness.rested(x)
	}
	if x.engine != nil && c.chance(c.plan.compact) {
		x.logBytes = logLarge
		x.driver.Logged(x.logBytes, x.last)
		c.work(x)
	}
}

// work carries out what the driver of x asks for until it asks for nothing.
func (c *cluster) work(x *node) {
	for i := 0; x.engine != nil && !c.stopped; i++ {
		if len(x.inbox) > 0 {
			x.driver.Drain(&inbox{c: c, x: x}, c.time(x))
		}
		w, err := x.driver.Next(c.time(x))
		switch {
		case err != nil:
			c.fail("store", "r%d: %v", x.id, err)
			return
		case w.Idle() && !w.Again:
			c.wake(x, w.WakeNs)
			return
		case w.Idle():
			continue
		case !c.act(x, &w):
			return
		}
		x.driver.Done(c.time(x))
		if i > 1000 {
			c.fail("bounded", "r%d never comes to rest", x.id)
		}
	}
}

// pool is what clients want a node to order.
type pool struct {
	c *cluster
	x *node
	// Of the last payload: the transactions in it, and whether anything is.
	order  []*transaction
	filled bool
}

// Size implements driver.Pool.
func (p *pool) Size() (txs, free, freeBytes int) {
	if p.c.now >= p.c.nextPayload || len(p.c.toOrder(p.x)) > 0 {
		return 1, 1, 1
	}
	return 0, 0, 0
}

// Payload implements driver.Pool.
func (p *pool) Payload(pbft.View, int, int) (made driver.Payload, ok bool) {
	c, x := p.c, p.x
	if c.stage != nil {
		return c.stage.offered(x)
	}
	if c.late(x.id) > 0 && c.now < x.proposedUs+c.late(x.id) {
		return made, false
	}
	p.order = c.toOrder(x)
	if p.filled = c.now >= c.nextPayload || len(p.order) > 0; p.filled {
		made.Bytes = c.newPayload(x.id, p.order...)
		made.Txs = 1
		if !x.honest && c.chance(c.plan.invalid) {
			made.Bytes[0] = invalidPayload
		}
	}
	made.Root = payloadRoot(made.Bytes)
	if c.plan.recipes > 0 && len(made.Bytes) > 0 && c.later.IntN(1000) < c.plan.recipes {
		made.Recipe = c.recipeOf(made.Bytes)
	}
	return made, true
}

// Proposed implements driver.Pool.
func (p *pool) Proposed(is bool) {
	c, x := p.c, p.x
	if c.stage != nil {
		c.stage.proposed = is
		return
	}
	if !is {
		return
	}
	x.proposedUs = c.now
	c.offered(x, p.order)
	if p.filled && x.honest {
		c.nextPayload = c.now + c.uniform(2*c.plan.loadUs)
	}
}

// newPayload makes a payload that no other block has, with some transactions in it.
func (c *cluster) newPayload(by pbft.ReplicaID, order ...*transaction) []byte {
	c.payloads++
	b := make([]byte, payloadHead, payloadHead+16+8*len(order))
	b[1] = byte(by)
	binary.LittleEndian.PutUint64(b[2:], c.payloads)
	b[payloadHead-1] = byte(len(order))
	for _, tx := range order {
		b = binary.LittleEndian.AppendUint64(b, tx.id)
	}
	if c.plan.big && c.plan.byzantine[by] {
		return append(b, make([]byte, int(c.plan.parameters.PayloadBytesMax)-len(b))...)
	}
	return b[:len(b)+int(c.payloads%16)]
}

// act does what a Work asks, in its order, unless x crashes on the way.
func (c *cluster) act(x *node, w *driver.Work) bool {
	if c.opt.Exact {
		c.mixWork(w)
	}
	for i := range w.Records { // a crash may take the message that shows it
		if b := w.Records[i].Block; b != nil {
			c.oracle.learnHeader(&b.Header)
		}
	}
	frames := c.frames(w)
	crashAt := c.crashPoint(x, w, len(frames))
	if c.trace.w != nil && crashAt != 0 {
		c.printWork(x, w)
	}
	if !c.persist(x, w, frames, crashAt) {
		return false
	}
	sent := len(frames)
	for i := range w.Send {
		if !c.emit(x, &w.Send[i], &sent, crashAt) {
			c.crash(x)
			return false
		}
	}
	c.commit(x, w.Execute)
	for _, cert := range w.Certify {
		c.oracle.checkpoint(x, cert)
	}
	for i := range w.Check {
		c.check(x, &w.Check[i])
	}
	for i := range w.Assemble {
		c.assemble(x, &w.Assemble[i])
	}
	for i := range w.Serve {
		c.serve(x, &w.Serve[i])
	}
	if w.Sync {
		c.syncStore(x)
	}
	if crashAt >= 0 {
		c.crash(x)
		return false
	}
	return true
}

// crashPoint says where in a Work x crashes, -1 if nowhere: after so many of its
// frames, after so many sends beyond those, or, beyond all of them, at its end.
func (c *cluster) crashPoint(x *node, w *driver.Work, frames int) int {
	if !x.honest || c.healed {
		return -1
	}
	at := -1
	switch {
	case w.Replace:
		if c.plan.syncUs > 0 && c.plan.crash > 0 && c.later.IntN(4) == 0 {
			at = c.later.IntN(2)
		}
	case frames > 0 && c.chance(c.plan.crash):
		if at = c.rng.IntN(2 + 3*len(w.Send)); at > 0 {
			at += frames - 1
		} else if frames > 1 {
			at = c.later.IntN(frames)
		}
	}
	return c.boundary(w, frames, at)
}

// boundary counts the points of a Work at which a crash makes a difference: before each
// frame is synced and after the last, after each send, and at the end. It returns where
// Options.CrashAt lies among them, else otherwise.
func (c *cluster) boundary(w *driver.Work, frames, otherwise int) int {
	here, first := 0, 1
	if frames > 0 {
		here, first = frames+1, 0
	}
	for i := range w.Send {
		here++
		if w.Send[i].To == pbft.Everyone {
			here += c.committee.Size() - 2
		}
	}
	if len(w.Execute)+len(w.Certify)+len(w.Check)+len(w.Assemble)+len(w.Serve) > 0 || w.Sync {
		here++
	}
	before := c.boundaries
	c.boundaries += here
	if at := c.opt.CrashAt; at > before && at <= before+here {
		return at - before - 1 + first
	}
	return otherwise
}

// frames are the records of a Work as they come to the log: one after the other, or, if
// they replace it, at once.
func (c *cluster) frames(w *driver.Work) (frames [][]pbft.Record) {
	switch {
	case w.Replace:
		return [][]pbft.Record{c.reencode(w.Records)}
	case len(w.Records) == 0:
		return nil
	case c.plan.frameBytes == 0:
		return [][]pbft.Record{c.reencode(w.Records)}
	}
	for _, frame := range driver.Frames(w.Records, c.plan.frameBytes) {
		rs, err := pbft.DecodeRecords(frame)
		if err != nil {
			c.fail("codec", "records do not decode: %v", err)
		}
		frames = append(frames, rs)
	}
	return frames
}

// persist brings the frames to the log of x; it reports false if it crashes there.
func (c *cluster) persist(x *node, w *driver.Work, frames [][]pbft.Record, crashAt int) bool {
	if len(frames) > 1 {
		c.counts.Logs[0]++
	}
	for i, frame := range frames {
		if crashAt == i {
			if i > 0 {
				c.counts.Logs[1]++
			}
			c.crash(x)
			return false
		}
		if w.Replace {
			if len(x.chain) > x.synced {
				c.counts.Logs[2]++
			}
			x.undone = nil
			if c.opt.RenameCounts {
				x.undone = &backup{log: x.log, last: x.last}
			}
			x.log, x.frames, x.logBytes = nil, nil, 0
		} else {
			x.frames = append(x.frames, len(x.log))
		}
		x.log = append(x.log, frame...)
		x.last++
	}
	if len(frames) > 0 && crashAt != len(frames) {
		x.driver.Logged(x.logBytes, x.last)
	}
	for _, m := range w.Evidence {
		c.docketed(x, m)
	}
	for i := range w.Events {
		c.event(x, &w.Events[i])
	}
	if len(frames) > 0 && crashAt == len(frames) {
		c.crash(x)
		return false
	}
	return true
}

// syncStore makes what x has executed survive a crash, at once or later.
func (c *cluster) syncStore(x *node) {
	if c.plan.syncUs == 0 || c.healed || c.stage != nil {
		x.synced = len(x.chain)
		x.driver.Synced(pbft.Seq(x.synced))
		return
	}
	c.schedule(c.later.Int64N(c.plan.syncUs)+1, event{kind: eventSynced, node: x.index, incarnation: x.incarnation,
		height: len(x.chain)})
}

// reencode passes records through their frame in the seeds that exercise codecs.
func (c *cluster) reencode(rs []pbft.Record) []pbft.Record {
	if !c.plan.codec {
		return rs
	}
	out, err := pbft.DecodeRecords(pbft.EncodeRecords(rs))
	if err != nil {
		c.fail("codec", "records do not decode: %v", err)
	}
	return out
}

// emit sends one message to its addressees; it reports false if the crash point
// lies among them.
func (c *cluster) emit(x *node, o *pbft.Outgoing, sent *int, crashAt int) bool {
	c.oracle.learn(o.Message)
	if m, ok := o.Message.(*pbft.Marks); ok {
		x.signs(m, c.committee.Key(x.id))
	}
	if x.honest {
		if !x.damaged {
			c.oracle.sent(x, o.Message)
		}
		c.witness.sent(x, o)
		c.adversary.overhear(x.id, o)
	} else if !c.adversary.passes(x, o.Message) {
		return true
	}
	c.adversary.observe(o.Message)
	c.trace.mix(uint64(o.Message.Kind())<<32|uint64(o.To), uint64(viewOf(o.Message)))
	if c.trace.shows(o.Message.Kind()) {
		c.trace.line(c.now, "r%d -> %s %s", x.id, addressee(o.To), describe(o.Message))
	}
	var encoded []byte
	if c.plan.codec {
		encoded = pbft.EncodeMessage(o.Message)
	}
	c.counts.Sent[o.Message.Kind()]++
	first, last := o.To, o.To
	if o.To == pbft.Everyone {
		first, last = 0, pbft.ReplicaID(c.committee.Size()-1)
	}
	for to := first; to <= last; to++ {
		if to == x.id || !x.honest && x.mask>>to&1 == 0 {
			continue
		}
		c.send(x.id, to, o.Message, encoded, x.honest)
		if *sent++; *sent == crashAt {
			return false
		}
	}
	return true
}

func (c *cluster) commit(x *node, blocks []pbft.CommittedBlock) {
	for i := range blocks {
		if x.honest {
			c.oracle.committed(x, &blocks[i])
		}
		if len(x.pending) == 0 {
			c.scheduleExecution(x)
		}
		x.pending = append(x.pending, blocks[i])
	}
}

func (c *cluster) scheduleExecution(x *node) {
	delay := c.uniform(c.plan.executeUs)
	if c.healed {
		delay = min(delay, 2_000)
	}
	if c.stage != nil {
		return
	}
	c.schedule(delay, event{kind: eventExecute, node: x.index, incarnation: x.incarnation})
}

// executeNext executes the oldest committed block that is not executed.
func (c *cluster) executeNext(x *node) {
	if len(x.pending) == 0 {
		return
	}
	b := x.pending[0]
	x.pending = x.pending[1:]
	state, receipts := execute(x.stateRoot(), b.Block.Payload)
	if !x.honest && c.plan.behaviour&Corrupt != 0 && len(x.chain) >= corruptFrom {
		state[9]++
	}
	x.chain = append(x.chain, stored{b.Block, b.Digest, b.Certificate, state, receipts})
	if x.honest {
		c.oracle.executed(x, b.Block.Header.Seq, state)
	}
	x.driver.Executed(b.Block.Header.Seq, state, receipts, nil)
	if len(x.pending) > 0 {
		c.scheduleExecution(x)
	}
}

func (c *cluster) check(x *node, k *pbft.PayloadCheck) {
	e := event{kind: eventCheck, node: x.index, incarnation: x.incarnation, digest: k.Digest, valid: payloadValid(k.Block)}
	delay := c.uniform(c.plan.checkUs)
	if c.healed {
		delay = min(delay, 2_000)
	}
	if c.stage != nil {
		c.stage.checks = append(c.stage.checks, e)
		return
	}
	c.schedule(delay, e)
}

// serve answers a peer that is behind from the store.
func (c *cluster) serve(x *node, s *pbft.Serve) {
	m, blocks, err := driver.ReadAnswer(c.committee, *s, store{x})
	if err != nil {
		c.fail("store", "r%d: %v", x.id, err)
	}
	if blocks == 0 {
		return
	}
	sent := 0
	c.emit(x, &pbft.Outgoing{To: s.To, Message: m}, &sent, -1)
}

// event notes a transition that an engine reports.
func (c *cluster) event(x *node, e *pbft.Event) {
	c.trace.mix(uint64(e.Kind)<<32|uint64(x.index), uint64(e.Block.View)<<32|uint64(e.Block.Seq))
	c.trace.mix(e.Detail, binary.LittleEndian.Uint64(e.Block.Digest[:]))
	c.counts.Transitions[e.Kind]++
	c.witness.event(x, e)
	if x.honest && e.Kind == pbft.EventCommit {
		c.counts.Commits[min(e.Detail, 3)]++
	}
	if c.trace.w != nil {
		c.trace.line(c.now, "r%d %v %s %d", x.id, e.Kind, ref(e.Block), e.Detail)
	}
}
