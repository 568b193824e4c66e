package pbfttest

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
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

// node is one engine with the driver that ships, and what that works on here: a log, a
// store and a clock.
type node struct {
	id     pbft.ReplicaID
	index  int
	honest bool
	// mask restricts a Byzantine instance to some of the others.
	mask        uint64
	driver      *driver.Driver
	engine      pbft.Engine // the driver's, to look at; nil while down
	incarnation int
	log         []pbft.Record
	chain       []stored // executed blocks by Seq-1
	synced      int      // blocks of chain that a crash leaves
	frames      []int    // where each frame's records begin in log
	last        uint64   // sequence number of the last frame
	logBytes    int64    // what the driver is told of its size
	undone      *backup  // what a crash brings back of a log whose new name is not durable
	inbox       []event  // messages that wait for the next look at them
	backup      backup   // what an operator may put in place of a lost log
	marked      uint64   // frames of the greatest mark that it has signed
	restored    bool     // an older log was put in the place of its own
	damaged     bool     // its log has lost something: it may have to be silent
	remains     *remains
	pending     []pbft.CommittedBlock
	proposedUs  int64 // when it last proposed
	wakeUs      int64 // when it looks at its clock next, 0 = when something happens
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

// always is a policy by which whatever waits is worth a block.
var always = driver.Batching{InFlightMax: 1 << 20, EnoughBytes: 1, LineMbit: -1, Fixed: true}.WithDefaults(1 << 20)

// logLarge is the size of a log, in whatever unit, that leads to a compaction.
const logLarge = 1

// boot brings x back from what is durable.
func (c *cluster) boot(x *node) error {
	cfg := driver.Config{
		Engine: pbft.Config{
			Committee: c.committee, Self: x.id, Scheme: c.scheme, Sign: c.sign[x.id], Genesis: c.genesis,
			Recall: c.plan.recall && x.incarnation > 0 || c.guarded(x), Timers: c.plan.timers, Trace: true,
			PayloadRoot: payloadRoot,
			Elide:       c.plan.elide, Patience: c.plan.patience, Recipes: c.plan.recipes > 0,
		},
		Store: store{x}, Pool: &pool{c: c, x: x}, Batching: always, LogBytesMax: logLarge,
	}
	var engine pbft.Engine
	cfg.New = func(cfg pbft.Config, log []pbft.Record) (e pbft.Engine, err error) {
		engine, err = c.opt.New(cfg, log)
		return engine, err
	}
	if c.guarded(x) {
		c.starts++
		cfg.Start = &driver.Start{Frames: x.last}
		binary.LittleEndian.PutUint64(cfg.Start.Nonce[:], c.starts)
	}
	start := driver.New
	if c.opt.Driver != nil {
		start = c.opt.Driver
	}
	d, err := start(cfg, append([]pbft.Record(nil), x.log...))
	if err != nil {
		return fmt.Errorf("start replica %d: %w", x.id, err)
	}
	x.driver, x.engine = d, engine
	x.view = 0
	return nil
}

// guarded reports whether x guards its log by marks. Two processes under one key would
// silence each other, so Byzantine members do not.
func (c *cluster) guarded(x *node) bool { return c.plan.guard && x.honest }

// signs notes the own mark among some.
func (x *node) signs(m *pbft.Marks, own pbft.PublicKey) {
	for i := range m.Marks {
		if k := &m.Marks[i]; k.Key == own {
			x.marked = max(x.marked, k.Mark.Frames)
		}
	}
}

// store is what a node has executed, as a driver reads it.
type store struct{ x *node }

// Height implements driver.Store.
func (s store) Height() pbft.Seq { return pbft.Seq(len(s.x.chain)) }

// Block implements driver.Store.
func (s store) Block(seq pbft.Seq) (driver.Stored, bool, error) {
	if seq == 0 || int(seq) > len(s.x.chain) {
		return driver.Stored{}, false, nil
	}
	b := &s.x.chain[seq-1]
	return driver.Stored{Block: *b.block, Certificate: b.certificate, StateRoot: b.state,
		ReceiptRoot: b.receipts}, true, nil
}

// Header implements driver.Store.
func (s store) Header(seq pbft.Seq) (driver.Stored, bool, error) { return s.Block(seq) }

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
		x.driver.Connected(pbft.ReplicaID(to))
		for _, y := range c.instances[to] {
			if y.engine != nil {
				y.driver.Connected(x.id)
			}
		}
	}
	c.turn(x)
}

// crash loses everything that is not durable and schedules the restart.
func (c *cluster) crash(x *node) {
	c.counts.Crashes++
	x.driver, x.engine = nil, nil
	x.incarnation++
	x.pending, x.inbox, x.wakeUs = nil, nil, 0
	keep := x.synced + int(c.uniform(int64(len(x.chain)-x.synced)))
	x.chain = x.chain[:keep]
	if x.undone != nil { // the old file is there again, and what was written since is not
		x.log, x.last, x.undone, x.frames = x.undone.log, x.undone.last, nil, nil
	}
	if x.restored { // what only the lost log had of its store is gone
		x.committed, x.view, x.viewChanged = 0, 0, 0
	}
	if int(x.id) < len(c.plan.fragiles) && c.plan.fragiles[x.id] {
		c.damage(x)
	}
	c.witness.crashed(x)
	if c.opt.PowerCut && !c.dark {
		c.dark = true
		for _, y := range c.nodes {
			if y.honest && y.engine != nil {
				c.crash(y)
			}
		}
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

// time is what the clocks of x show.
func (c *cluster) time(x *node) driver.Time {
	return driver.Time{Ns: c.now * 1000, ClockMs: c.clock(x)}
}

func (c *cluster) tick(x *node) {
	if c.stage == nil {
		c.schedule(tickUs-100+c.uniform(200), event{kind: eventTick, node: x.index})
	}
	if x.engine == nil {
		return
	}
	c.arrivals(x)
	c.measure(x)
	x.driver.Tick(c.time(x))
	c.witness.tick(x)
	c.turn(x)
	c.countWaiting(x)
	if x.honest && x.engine != nil {
		c.oracle.status(x)
	}
}

// arrivals tells x of bytes on their way: of honest members' until the faults end, and
// of Byzantine ones' for ever, whatever they have to send.
func (c *cluster) arrivals(x *node) {
	if c.plan.arrivals == 0 {
		return
	}
	for id := range c.plan.byzantine {
		from := pbft.ReplicaID(id)
		if from != x.id && (c.plan.byzantine[id] || !c.healed && c.chance(c.plan.arrivals)) {
			x.driver.Arrived(from, pbft.ArrivingBytes)
		}
	}
}

func (c *cluster) receive(x *node, e *event) {
	if e.encoded != nil {
		m, err := pbft.DecodeMessage(e.encoded)
		if err != nil {
			if e.honest {
				c.fail("codec", "%v of r%d does not decode: %v", e.message.Kind(), e.from, err)
			}
			return
		}
		e.decoded = m
	}
	x.inbox = append(x.inbox, *e)
	x.driver.Drain(&inbox{c: c, x: x}, c.time(x))
	if c.stage != nil || c.rng.IntN(8) != 0 { // else the turn takes further inputs
		c.turn(x)
	}
}

// inbox is where messages wait for a node, as its driver takes them.
type inbox struct {
	c     *cluster
	x     *node
	taken event
}

// Take implements driver.Inbox.
func (b *inbox) Take(from pbft.ReplicaID, lane pbft.Lane) (pbft.Message, bool) {
	for i := range b.x.inbox {
		if e := &b.x.inbox[i]; e.from == from && pbft.LaneOf(e.message, b.c.committee.Size()) == lane {
			b.taken = *e
			b.x.inbox = slices.Delete(b.x.inbox, i, i+1)
			m := cmp.Or(b.taken.decoded, b.taken.message)
			b.c.witness.arrives(b.x, from, m)
			b.taken.untrue = b.taken.untrue && !skips(b.x, m)
			return m, true
		}
	}
	return nil, false
}

// Drop implements driver.Inbox.
func (b *inbox) Drop(from pbft.ReplicaID, m pbft.Message) {
	b.c.trace.line(b.c.now, "r%d <- r%d %s: dropped, execution lags", b.x.id, from, describe(m))
}

// Judge implements driver.Inbox.
func (b *inbox) Judge(from pbft.ReplicaID, m pbft.Message, reason pbft.Reason) {
	c, x, e := b.c, b.x, &b.taken
	c.witness.received(x, e, m, reason)
	c.trace.mix(uint64(reason), uint64(m.Kind()))
	c.counts.Reasons[reason]++
	if c.trace.shows(m.Kind()) {
		c.trace.line(c.now, "r%d <- r%d %s: %v", x.id, from, describe(m), reason)
	}
	if x.honest && e.honest && reason.Malicious() {
		c.fail("no-false-blame", "r%d calls honest r%d's %s %v", x.id, from, describe(m), reason)
	}
}
