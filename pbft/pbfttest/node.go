package pbfttest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// invalidPayload is the first byte of a payload that no replica may accept.
const invalidPayload = 0xff

// corruptFrom is after how many blocks a corrupt member's execution goes wrong.
const corruptFrom = 4

var genesisRoot = pbft.Digest(sha256.Sum256([]byte("genesis state")))

// stored is a block that a replica executed.
type stored struct {
	block       *pbft.Block
	digest      pbft.Digest
	certificate *pbft.Certificate
	state       pbft.Digest
	receipts    pbft.Digest
}

// node is one engine with its driver: its log, its store and its clock.
type node struct {
	id     pbft.ReplicaID
	index  int
	honest bool
	// mask restricts a Byzantine instance to some of the others.
	mask        uint64
	engine      pbft.Engine // nil while down
	incarnation int
	log         []pbft.Record
	chain       []stored // executed blocks by Seq-1
	synced      int      // blocks of chain that a crash leaves
	frames      []int    // where each turn's records begin in log
	backup      backup   // what an operator may put in place of a lost log
	damaged     bool     // its log has lost something: it may have to be silent
	remains     *remains
	pending     []pbft.CommittedBlock
	proposedUs  int64 // when it last proposed
	clockMs     int64 // offset of the wall clock
	committed   pbft.Seq
	view        pbft.View
	viewChanged pbft.View
}

func (x *node) stateRoot() pbft.Digest {
	if len(x.chain) == 0 {
		return genesisRoot
	}
	return x.chain[len(x.chain)-1].state
}

// execute is the state machine: a hash chain over the payloads.
func execute(prev pbft.Digest, payload []byte) (state, receipts pbft.Digest) {
	state = sha256.Sum256(append(prev[:], payload...))
	receipts = state
	receipts[0] ^= 0x55
	return state, receipts
}

// payloadRoot commits to a payload as the engines under test expect it.
func payloadRoot(payload []byte) pbft.Digest {
	if len(payload) == 0 {
		return pbft.Digest{}
	}
	return sha256.Sum256(payload)
}

func payloadValid(b *pbft.Block) bool {
	return b.Header.PayloadRoot == payloadRoot(b.Payload) && (len(b.Payload) == 0 || b.Payload[0] != invalidPayload)
}

// boot makes the engine of x from what is durable.
func (c *cluster) boot(x *node) error {
	cfg := pbft.Config{
		Committee: c.committee, Self: x.id, Scheme: c.scheme, Sign: c.sign[x.id], Genesis: c.genesis,
		Recall: c.plan.recall && x.incarnation > 0, Timers: c.plan.timers, Trace: true,
		PayloadRoot: payloadRoot, History: x.history,
	}
	if k := len(x.chain); k > 0 {
		top := &x.chain[k-1]
		cfg.Anchor = pbft.Anchor{Header: top.block.Header, Certificate: top.certificate,
			StateRoot: top.state, ReceiptRoot: top.receipts}
	}
	e, err := c.opt.New(cfg, append([]pbft.Record(nil), x.log...))
	if err != nil {
		return fmt.Errorf("start replica %d: %w", x.id, err)
	}
	x.engine = e
	x.view = 0
	return nil
}

// history implements pbft.Config.History over the store.
func (x *node) history(s pbft.Seq) (pbft.History, bool) {
	if s == 0 || int(s) > len(x.chain) {
		return pbft.History{}, false
	}
	b := &x.chain[s-1]
	return pbft.History{Header: b.block.Header, StateRoot: b.state, ReceiptRoot: b.receipts}, true
}

func (c *cluster) restart(x *node) {
	c.trace.line(c.now, "r%d restarts at %d with %d records", x.id, len(x.chain), len(x.log))
	if err := c.boot(x); err != nil {
		c.fail("restart", "%v", err)
		return
	}
	if x.damaged {
		c.witness.restarts(x)
	}
	for to := range c.committee.Size() {
		if pbft.ReplicaID(to) == x.id {
			continue
		}
		x.engine.Connected(pbft.ReplicaID(to))
		for _, y := range c.instances[to] {
			if y.engine != nil {
				y.engine.Connected(x.id)
			}
		}
	}
	c.turn(x)
}

// crash loses everything that is not durable and schedules the restart.
func (c *cluster) crash(x *node) {
	c.counts.Crashes++
	x.engine = nil
	x.incarnation++
	x.pending = nil
	keep := x.synced + int(c.uniform(int64(len(x.chain)-x.synced)))
	x.chain = x.chain[:keep]
	c.witness.crashed(x)
	if int(x.id) < len(c.plan.fragiles) && c.plan.fragiles[x.id] {
		c.damage(x)
	}
	c.trace.line(c.now, "r%d crashes, keeps %d blocks and %d records", x.id, keep, len(x.log))
	if c.stage != nil {
		return
	}
	down := 5_000 + c.uniform(pick[int64](c.rng, 20_000, 100_000, 900_000))
	if c.healed {
		down = 5_000
	}
	c.schedule(down, event{kind: eventRestart, node: x.index})
}

func (c *cluster) clock(x *node) uint64 { return uint64(epochMs + c.now/1000 + x.clockMs) }

func (c *cluster) tick(x *node) {
	if c.stage == nil {
		c.schedule(tickUs-100+c.uniform(200), event{kind: eventTick, node: x.index})
	}
	if x.engine == nil {
		return
	}
	x.engine.Tick(c.clock(x), c.now >= c.nextPayload || len(c.toOrder(x)) > 0)
	c.witness.tick(x)
	c.turn(x)
	c.countWaiting(x)
	if x.honest && x.engine != nil {
		c.oracle.status(x)
	}
}

func (c *cluster) receive(x *node, e *event) {
	m := e.message
	if e.encoded != nil {
		var err error
		if m, err = pbft.DecodeMessage(e.encoded); err != nil {
			if e.honest {
				c.fail("codec", "%v of r%d does not decode: %v", e.message.Kind(), e.from, err)
			}
			return
		}
	}
	c.witness.arrives(x, e.from, m)
	e.untrue = e.untrue && !skips(x, m)
	reason := x.engine.Receive(e.from, m)
	c.witness.received(x, e, m, reason)
	c.trace.mix(uint64(reason), uint64(m.Kind()))
	c.counts.Reasons[reason]++
	if c.trace.shows(m.Kind()) {
		c.trace.line(c.now, "r%d <- r%d %s: %v", x.id, e.from, describe(m), reason)
	}
	if x.honest && e.honest && reason.Malicious() {
		c.fail("no-false-blame", "r%d calls honest r%d's %s %v", x.id, e.from, describe(m), reason)
	}
	if c.stage != nil || c.rng.IntN(8) != 0 { // else the turn takes further inputs
		c.turn(x)
	}
}

// turn lets x act until there is nothing to do.
func (c *cluster) turn(x *node) {
	for i := 0; x.engine != nil && !c.stopped; i++ {
		c.propose(x)
		rd := x.engine.Ready()
		if rd.Empty() {
			break
		}
		if !c.act(x, &rd) {
			return
		}
		x.engine.Advance()
		if i > 1000 {
			c.fail("bounded", "r%d never comes to rest", x.id)
		}
	}
	if x.engine != nil && !c.stopped {
		c.witness.rested(x)
	}
	if x.engine != nil && c.chance(c.plan.compact) {
		x.synced = len(x.chain)
		x.log = c.reencode(x.engine.Durable())
		x.frames = x.frames[:0]
	}
}

// propose offers a payload when the engine may propose.
func (c *cluster) propose(x *node) {
	if c.stage != nil {
		return
	}
	hint, order := x.engine.ProposeHint(), c.toOrder(x)
	if hint == pbft.ProposeNever || hint == pbft.ProposeIfPending && c.now < c.nextPayload && len(order) == 0 ||
		c.late(x.id) > 0 && c.now < x.proposedUs+c.late(x.id) {
		return
	}
	var payload []byte
	if c.now >= c.nextPayload || len(order) > 0 {
		payload = c.newPayload(x.id, order...)
		if !x.honest && c.chance(c.plan.invalid) {
			payload[0] = invalidPayload
		}
	}
	if !x.engine.Propose(payload, payloadRoot(payload), c.clock(x)) {
		return
	}
	x.proposedUs = c.now
	c.offered(x, order)
	if payload != nil && x.honest {
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

// act does what a Ready asks, in its order, unless x crashes on the way.
func (c *cluster) act(x *node, rd *pbft.Ready) bool {
	if c.opt.Exact {
		c.mixReady(rd)
	}
	for i := range rd.Records { // a crash may take the message that shows it
		if b := rd.Records[i].Block; b != nil {
			c.oracle.learnHeader(&b.Header)
		}
	}
	crashAt := -1 // 0 is before the sync, 1 after it, 1+k after k sends
	if x.honest && !c.healed && len(rd.Records) > 0 && c.chance(c.plan.crash) {
		crashAt = c.rng.IntN(2 + 3*len(rd.Messages))
	}
	if x.honest && !c.healed {
		crashAt = c.boundary(rd, crashAt)
	}
	if crashAt == 0 {
		c.crash(x)
		return false
	}
	if c.trace.w != nil {
		c.printReady(x, rd)
	}
	if len(rd.Records) > 0 {
		x.frames = append(x.frames, len(x.log))
		x.log = append(x.log, c.reencode(rd.Records)...)
	}
	for i := range rd.Events {
		c.event(x, &rd.Events[i])
	}
	if crashAt == 1 {
		c.crash(x)
		return false
	}
	sent := 0
	for i := range rd.Messages {
		if !c.emit(x, &rd.Messages[i], &sent, crashAt) {
			c.crash(x)
			return false
		}
	}
	c.commit(x, rd.Committed)
	for _, cert := range rd.Checkpoints {
		c.oracle.checkpoint(x, cert)
	}
	for i := range rd.Checks {
		c.check(x, &rd.Checks[i])
	}
	for i := range rd.Serves {
		c.serve(x, &rd.Serves[i])
	}
	if crashAt > 0 {
		c.crash(x)
		return false
	}
	return true
}

// boundary counts the points of a Ready at which a crash makes a difference: before
// the sync, after it, and after each send. It returns where Options.CrashAt lies
// among them, else otherwise.
func (c *cluster) boundary(rd *pbft.Ready, otherwise int) int {
	here := 0
	if len(rd.Records) > 0 {
		here = 2
	}
	for i := range rd.Messages {
		here++
		if rd.Messages[i].To == pbft.Everyone {
			here += c.committee.Size() - 2
		}
	}
	before := c.boundaries
	c.boundaries += here
	if at := c.opt.CrashAt; at > before && at <= before+here {
		if len(rd.Records) == 0 {
			return at - before + 1
		}
		return at - before - 1
	}
	return otherwise
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
		if *sent++; *sent+1 == crashAt {
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
	x.engine.Executed(b.Block.Header.Seq, state, receipts)
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
	const most = 64
	sent := 0
	if c.committee.Protocol() == pbft.Original {
		c.emit(x, &pbft.Outgoing{To: s.To, Message: x.decided(s, most)}, &sent, -1)
		return
	}
	last := 0
	for k := int(s.After) + 1; k <= len(x.chain) && k <= int(s.After)+most; k++ {
		if x.chain[k-1].certificate != nil {
			last = k
			if pbft.Seq(k) >= s.Limit {
				break
			}
		}
	}
	if last == 0 {
		return
	}
	m := &pbft.Blocks{Epoch: c.committee.Epoch(), Certificate: x.chain[last-1].certificate}
	for k := int(s.After) + 1; k <= last; k++ {
		m.Blocks = append(m.Blocks, *x.chain[k-1].block)
	}
	c.emit(x, &pbft.Outgoing{To: s.To, Message: m}, &sent, -1)
}

// decided answers under the original protocol.
func (x *node) decided(s *pbft.Serve, most int) *pbft.Decided {
	m := &pbft.Decided{}
	for k := int(s.After); k < min(len(x.chain), int(s.After)+most); k++ {
		m.Blocks = append(m.Blocks, *x.chain[k].block)
		m.Certificates = append(m.Certificates, x.chain[k].certificate)
	}
	return m
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
