package desim

import (
	"bytes"
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// tickNs is the length of an engine's tick.
const tickNs = driver.TickMs * 1_000_000

// epochMs is the wall clock at simulated time 0.
const epochMs = 1_800_000_000_000

// verdict answers a payload check.
type verdict struct {
	block pbft.Digest
	valid bool
}

// executed is a block that a member has executed.
type executed struct {
	block        *pbft.Block
	digest       pbft.Digest
	certificate  *pbft.Certificate
	state        pbft.Digest
	receiptsRoot pbft.Digest
	at           blockTimes
}

// blockTimes are when a member prepared (0 = it did not), committed and executed
// a block.
type blockTimes struct {
	prepared, committed, executed int64
}

// member is one simulated node: the driver that ships with its engine, and what it works
// on here.
type member struct {
	s         *simulation
	id        pbft.ReplicaID
	processor *processor
	disk      *disk
	egress    pipe
	ingress   pipe
	lastAt    [2][]int64 // when the last frame of a lane arrives, by addressee

	driver      *driver.Driver
	engine      pbft.Engine // the driver's, to look at; nil while down
	incarnation int
	log         []pbft.Record
	logBytes    int64
	chain       []executed // by Seq-1
	commitAt    map[pbft.Seq]int64

	// What waits for the loop.
	inbox     [2][]fifo[pbft.Message] // by lane and member
	unread    int                     // messages in it
	checked   []verdict
	results   []executed
	connected []pbft.ReplicaID
	synced    []pbft.Seq
	ticks     int
	ticked    int      // since it was started
	flows     [][]flow // payload on its way, by member
	flowsAt   int64    // up to when the driver was told of it
	arrived   bool
	idle      bool   // the loop waits for something
	writing   bool   // it waits for the disk, and may look at lanes meanwhile
	looks     int    // how often it has
	aside     bool   // it does
	written   func() // what goes on once it has, if the disk was faster
	charge    int64  // processor time of the turn, not yet spent

	votesRead fifo[received] // votes that wait to be read from their links
	reading   bool

	jobs      fifo[job] // of the executor
	executing bool
	viewRun   pbft.View // of the last executed block

	lanes   laneState
	front   front
	pool    pool
	offered []int32 // transactions of the payload that the driver took last
	again   int64   // when a small batch has waited long enough, 0 = no timer

	// Faults.
	byzantine   bool
	slowNs      int64
	slowLeadNs  int64
	leavesOut   int   // the member, plus one, whose clients' transactions it does not propose
	leadAt      int64 // when a slow primary makes the proposal that is due, 0 = none is
	withholding bool
	equivocates bool

	used Member
}

// received is a frame that waits for the reader of its link.
type received struct {
	f      *frame
	joined bool
}

// job is a committed block to execute, or a certificate to store.
type job struct {
	block      *pbft.CommittedBlock
	checkpoint *pbft.CheckpointCertificate
}

// Verify implements pbft.Scheme: every signature of a simulation is good, and
// costs its price.
func (m *member) Verify(_ pbft.PublicKey, message []byte, _ pbft.Signature) bool {
	if m.s.cfg.Macs && isVote(message) {
		m.charge += macNs
		return true
	}
	m.used.Verified++
	m.charge += m.s.cfg.Costs.VerifyNs
	return true
}

// VerifyBatch implements pbft.Scheme.
func (m *member) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, _ []pbft.Signature) bool {
	if m.s.cfg.Macs && len(messages) > 0 && isVote(messages[0]) {
		m.charge += int64(len(keys)) * macNs
		return true
	}
	m.used.Verified += int64(len(keys))
	m.charge += m.s.batchNs(len(keys))
	return true
}

func (m *member) sign(message []byte) pbft.Signature {
	if m.s.cfg.Macs && isVote(message) {
		m.charge += int64(m.s.cfg.N-1) * macNs
	} else {
		m.used.Signed++
		m.charge += m.s.cfg.Costs.SignNs
	}
	return pbft.Signature{byte(m.id), byte(m.id >> 8), 1}
}

// macNs is one message authentication code of a vote: HMAC-SHA256 of 100 bytes.
const macNs = 500

// voteTags are the domain tags of what members sign for each block in normal times.
var voteTags = []string{"scrip/pbft/pre-prepare/", "scrip/pbft/prepare/", "scrip/pbft/commit/"}

// isVote reports whether signed bytes are of such a message; they begin with the
// length of their tag.
func isVote(message []byte) bool {
	for _, tag := range voteTags {
		if len(message) > 0 && bytes.HasPrefix(message[1:], []byte(tag)) {
			return true
		}
	}
	return false
}

// boot brings the member back from what is durable.
func (m *member) boot() error {
	s := m.s
	cfg := driver.Config{
		Engine: pbft.Config{Committee: s.committee, Self: m.id, Scheme: m, Sign: m.sign, Genesis: s.genesis,
			Recall: m.incarnation > 0, Timers: s.cfg.Timers, Trace: true,
			Elide: s.cfg.Elide, Patience: s.cfg.Patience, Monitor: s.cfg.Monitor},
		Store: ledger{m}, Pool: m, Batching: s.cfg.Batching, LogBytesMax: driver.LogBytesDefault,
		Lanes: m.laneConfig(),
	}
	var engine pbft.Engine
	cfg.New = func(cfg pbft.Config, log []pbft.Record) (e pbft.Engine, err error) {
		engine, err = s.newEngine(cfg, log)
		return engine, err
	}
	m.inbox, m.unread = [2][]fifo[pbft.Message]{}, 0
	m.lanes = laneState{author: m.lanes.author}
	for lane := range m.inbox {
		m.inbox[lane] = make([]fifo[pbft.Message], s.cfg.N)
		m.lanes.inbox[lane] = make([]fifo[lanes.Message], s.cfg.N)
	}
	m.flows, m.flowsAt, m.ticked = make([][]flow, s.cfg.N), s.now, 0
	m.front, m.pool, m.commitAt = newFront(m), newPool(m), make(map[pbft.Seq]int64)
	d, err := driver.New(cfg, append([]pbft.Record(nil), m.log...))
	if err != nil {
		return err
	}
	m.driver, m.engine, m.idle = d, engine, true
	d.Logged(m.logBytes, 0)
	return nil
}

// ledger is what a member has executed, as the driver reads it.
type ledger struct{ m *member }

// Height implements driver.Store.
func (x ledger) Height() pbft.Seq { return pbft.Seq(len(x.m.chain)) }

// Block implements driver.Store.
func (x ledger) Block(seq pbft.Seq) (driver.Stored, bool, error) {
	if seq == 0 || int(seq) > len(x.m.chain) {
		return driver.Stored{}, false, nil
	}
	b := &x.m.chain[seq-1]
	return driver.Stored{Block: *b.block, Certificate: b.certificate, StateRoot: b.state,
		ReceiptRoot: b.receiptsRoot}, true, nil
}

// Header implements driver.Store.
func (x ledger) Header(seq pbft.Seq) (driver.Stored, bool, error) { return x.Block(seq) }

// crash loses what is not durable. Executed blocks survive a process in its store.
func (m *member) crash() {
	m.driver, m.engine = nil, nil
	m.incarnation++
	m.inbox, m.unread = [2][]fifo[pbft.Message]{}, 0
	m.lanes.unread, m.lanes.stuck, m.lanes.verdicts = 0, false, nil
	m.checked, m.results, m.connected, m.synced, m.ticks, m.charge = nil, nil, nil, nil, 0, 0
	m.votesRead, m.reading = fifo[received]{}, false
	m.jobs, m.executing = fifo[job]{}, false
	m.again, m.leadAt, m.idle = 0, 0, false
	m.writing, m.aside, m.written = false, false, nil
}

// time is what the driver is told of time.
func (m *member) time() driver.Time { return driver.Time{Ns: m.s.now, ClockMs: m.clockMs()} }

func (m *member) clockMs() uint64 { return epochMs + uint64(m.s.now/1_000_000) }

// spend charges the processor for what the loop did, and then goes on.
func (m *member) spend(do func()) {
	cost := m.charge
	m.charge = 0
	m.s.work(m, cost, &m.used.LoopNs, do)
}

// wake lets the loop begin a turn if it waits.
func (m *member) wake() {
	if m.engine == nil || !m.idle {
		m.meanwhile()
		return
	}
	m.idle = false
	m.charge += m.s.cfg.Costs.TurnNs
	m.drain()
	m.turn()
}

// waits reports whether something waits for the loop.
func (m *member) waits() bool {
	if m.ticks > 0 || m.arrived || len(m.checked)+len(m.results)+len(m.connected)+len(m.synced) > 0 {
		return true
	}
	if m.lanesWait() {
		return true
	}
	return m.unread > 0 && driver.Receiving(m.driver.Backlog())
}

// drain feeds the driver what waits.
func (m *member) drain() {
	if m.ticks > 0 {
		m.arrivals()
	}
	for ; m.ticks > 0; m.ticks-- {
		m.driver.Tick(m.time())
		if m.ticked%pingTicks == 0 {
			m.ping()
		}
		m.ticked++
	}
	m.arrived = false
	for _, v := range m.checked {
		m.driver.Checked(v.block, v.valid)
	}
	m.checked = m.checked[:0]
	for i := range m.results {
		x := &m.results[i]
		m.driver.Executed(x.block.Header.Seq, x.state, x.receiptsRoot, nil)
	}
	m.results = m.results[:0]
	for _, peer := range m.connected {
		m.driver.Connected(peer)
	}
	m.connected = m.connected[:0]
	for _, height := range m.synced {
		m.driver.Synced(height)
	}
	m.synced = m.synced[:0]
	m.driver.Drain(m, m.time())
	m.drainLanes()
}

// Take implements driver.Inbox.
func (m *member) Take(from pbft.ReplicaID, lane pbft.Lane) (pbft.Message, bool) {
	q := &m.inbox[lane][from]
	if q.len() == 0 {
		return nil, false
	}
	m.unread--
	return q.pop(), true
}

// Judge implements driver.Inbox.
func (m *member) Judge(pbft.ReplicaID, pbft.Message, pbft.Reason) {
	m.charge += m.s.cfg.Costs.MessageNs
}

// Drop implements driver.Inbox.
func (m *member) Drop(pbft.ReplicaID, pbft.Message) {}

// turn carries out what the driver asks for until it asks for nothing.
func (m *member) turn() {
	w, err := m.driver.Next(m.time())
	if err != nil {
		m.s.failed = err
		return
	}
	if w.Idle() {
		m.setTimer(w.WakeNs)
		m.arrived = m.arrived || w.Again
		m.spend(func() {
			m.idle = true
			if m.waits() {
				m.wake()
			}
		})
		return
	}
	m.actLanes(&w)
	size := 0
	if len(w.Records) > 0 || w.Replace {
		size = recordsBytes(w.Records)
		m.charge += m.s.cfg.Costs.AppendNs + perBytes(size, m.s.cfg.Costs.AppendNsPerKiB, 1<<10)
		m.used.LogBytes += int64(size)
	}
	then := func() {
		m.logged(&w, size)
		m.act(&w)
		m.driver.Done(m.time())
		m.turn()
	}
	m.spend(func() {
		if size > 0 && !m.s.cfg.Without.Sync {
			m.s.sync(m, size, m.whileWriting(then))
		} else {
			then()
		}
	})
}

// logged notes that the records of a Work are durable.
func (m *member) logged(w *driver.Work, size int) {
	if w.Replace {
		m.log, m.logBytes = nil, 0
	}
	m.logBytes += int64(size)
	if m.s.keepsLogs {
		m.log = append(m.log, w.Records...)
	}
	if size > 0 {
		m.driver.Logged(m.logBytes, 0)
	}
}

// setTimer lets the loop turn again when a small batch has waited for so long.
func (m *member) setTimer(waitNs int64) {
	at := m.s.now + waitNs
	if waitNs == 0 || m.again == at {
		return
	}
	m.again = at
	m.s.after(waitNs, m.unlessCrashed(func() {
		if m.again == at {
			m.again = 0
			m.arrive()
		}
	}))
}

// act does what a Work asks for once its records are durable.
func (m *member) act(w *driver.Work) {
	for i := range w.Events {
		m.note(&w.Events[i])
	}
	m.send(w.Send)
	for i := range w.Execute {
		m.jobs.push(job{block: &w.Execute[i]})
	}
	for _, c := range w.Certify {
		m.jobs.push(job{checkpoint: c})
	}
	m.execute()
	for i := range w.Check {
		m.checkPayload(&w.Check[i])
	}
	for i := range w.Serve {
		m.serve(&w.Serve[i])
	}
	if w.Sync {
		m.syncStore()
	}
}

// syncStore syncs what the member has executed, beside the loop.
func (m *member) syncStore() {
	height := pbft.Seq(len(m.chain))
	done := func() {
		m.synced = append(m.synced, height)
		m.wake()
	}
	if m.s.cfg.Without.Sync {
		m.s.after(0, m.unlessCrashed(done))
		return
	}
	m.s.sync(m, 0, done)
}

// note records a transition of the engine.
func (m *member) note(e *pbft.Event) {
	s := m.s
	switch e.Kind {
	case pbft.EventPrepare:
		m.front.preparedAt[e.Block.Digest] = s.now
	case pbft.EventCommit:
		s.blockCommitted(m, e)
	case pbft.EventEnter, pbft.EventPropose:
		if !m.byzantine {
			s.topView = max(s.topView, e.Block.View)
		}
	}
}

// execute lets the executor take the next job if it waits.
func (m *member) execute() {
	if m.executing || m.jobs.len() == 0 {
		return
	}
	m.executing = true
	c := m.s.cfg.Costs
	j := m.jobs.pop()
	if j.checkpoint != nil {
		m.s.work(m, c.ExecuteNsPerBlock, &m.used.ExecuteNs, func() { // a small write to the store
			m.executing = false
			m.certified(j.checkpoint)
			m.execute()
		})
		return
	}
	b := m.s.batches[j.block.Block.Header.PayloadRoot]
	cost := c.ExecuteNsPerBlock
	if b != nil {
		cost += int64(len(b.txs)) * c.ExecuteNsPerTx
	}
	m.s.work(m, cost, &m.used.ExecuteNs, func() {
		m.executing = false
		m.ran(j.block, b)
		m.execute()
		m.wake()
	})
}

// ran notes the results of an executed block.
func (m *member) ran(c *pbft.CommittedBlock, b *batch) {
	state := m.s.genesis.ExecRoot
	if k := len(m.chain); k > 0 {
		state = m.chain[k-1].state
	}
	state = chained(state, c.Block.Header.PayloadRoot)
	x := executed{block: c.Block, digest: c.Digest, certificate: c.Certificate, state: state,
		receiptsRoot: chained(state, pbft.Digest{1})}
	m.results = append(m.results, x)
	m.s.blockExecuted(m, &x, b)
	x.at = blockTimes{m.front.preparedAt[c.Digest], m.commitAt[c.Block.Header.Seq], m.s.now}
	m.chain = append(m.chain, x)
	delete(m.front.preparedAt, c.Digest)
	delete(m.commitAt, c.Block.Header.Seq)
	view := c.Block.Header.View
	if b != nil {
		m.pool.executed(b.txs)
		m.settled(b)
	}
	if view > m.viewRun {
		m.pool.release(view)
		m.viewRun = view
	}
	if m.s.cfg.Load.Executed {
		m.answer(&m.chain[len(m.chain)-1], b)
	}
}

// chained is the state machine: each state root follows from the one before and
// the payload. It is no hash; nothing here depends on that.
func chained(state, payload pbft.Digest) (next pbft.Digest) {
	const k = 0x9e3779b97f4a7c15
	carry := uint64(1)
	for i := 0; i < len(next); i += 8 {
		v := binary.LittleEndian.Uint64(state[i:])*k ^ binary.LittleEndian.Uint64(payload[i:]) + carry
		carry = v ^ v>>29
		binary.LittleEndian.PutUint64(next[i:], carry*k)
	}
	return next
}

// certified answers clients whose receipts are now proven.
func (m *member) certified(c *pbft.CheckpointCertificate) {
	if m.s.cfg.Load.Executed || int(c.Seq) > len(m.chain) {
		return
	}
	x := &m.chain[c.Seq-1]
	m.answer(x, m.s.batches[x.block.Header.PayloadRoot])
}

// serve answers a member that is behind from the chain.
func (m *member) serve(x *pbft.Serve) {
	message, blocks, err := driver.ReadAnswer(m.s.committee, *x, ledger{m})
	if err != nil {
		m.s.failed = err
	}
	if blocks > 0 {
		m.send([]pbft.Outgoing{{To: x.To, Message: message}})
	}
}
