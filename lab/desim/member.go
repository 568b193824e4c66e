package desim

import (
	"bytes"
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// tickNs is the length of an engine's tick.
const tickNs = driver.TickMs * 1_000_000

// epochMs is the wall clock at simulated time 0.
const epochMs = 1_800_000_000_000

// inbound is a message that waits for the loop.
type inbound struct {
	from    pbft.ReplicaID
	message pbft.Message
}

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

// member is one simulated node: an engine and what drives it.
type member struct {
	s         *simulation
	id        pbft.ReplicaID
	processor *processor
	disk      *disk
	egress    pipe
	ingress   pipe
	lastAt    [2][]int64 // when the last frame of a lane arrives, by addressee

	engine      pbft.Engine // nil while down
	incarnation int
	log         []pbft.Record
	chain       []executed // by Seq-1
	commitAt    map[pbft.Seq]int64

	// What waits for the loop.
	inbox     [2]fifo[inbound] // by lane
	checked   []verdict
	results   []executed
	connected []pbft.ReplicaID
	ticks     int
	arrived   bool
	idle      bool // the loop waits for something
	turns     int
	charge    int64 // processor time of the turn, not yet spent

	votesRead fifo[received] // votes that wait to be read from their links
	reading   bool

	backlog   fifo[job]
	executing bool
	committed pbft.Seq
	executedB pbft.Seq
	viewRun   pbft.View // of the last executed block

	front    front
	pool     pool
	proposed int64 // when the last block was
	// Of it: how many transactions it has, and how long it took to commit, 0 = not yet.
	proposedTxs  int
	proposedRoot pbft.Digest
	committedIn  int64
	again        int64 // when a small batch has waited long enough, 0 = no timer

	// Faults.
	byzantine   bool
	slowNs      int64
	slowLeadNs  int64
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

// boot makes the engine from what is durable.
func (m *member) boot() error {
	s := m.s
	cfg := pbft.Config{Committee: s.committee, Self: m.id, Scheme: m, Sign: m.sign, Genesis: s.genesis,
		Recall: m.incarnation > 0, Timers: s.cfg.Timers, Trace: true, History: m.history}
	if k := len(m.chain); k > 0 {
		top := &m.chain[k-1]
		cfg.Anchor = pbft.Anchor{Header: top.block.Header, Certificate: top.certificate, StateRoot: top.state,
			ReceiptRoot: top.receiptsRoot}
	}
	e, err := s.newEngine(cfg, append([]pbft.Record(nil), m.log...))
	if err != nil {
		return err
	}
	m.engine, m.idle = e, true
	m.front, m.pool, m.commitAt = newFront(m), newPool(m), make(map[pbft.Seq]int64)
	m.committed, m.executedB = pbft.Seq(len(m.chain)), pbft.Seq(len(m.chain))
	return nil
}

// history implements pbft.Config.History.
func (m *member) history(seq pbft.Seq) (pbft.History, bool) {
	if seq == 0 || int(seq) > len(m.chain) {
		return pbft.History{}, false
	}
	x := &m.chain[seq-1]
	return pbft.History{Header: x.block.Header, StateRoot: x.state, ReceiptRoot: x.receiptsRoot}, true
}

// crash loses what is not durable. Executed blocks survive a process in its store.
func (m *member) crash() {
	m.engine = nil
	m.incarnation++
	m.inbox = [2]fifo[inbound]{}
	m.checked, m.results, m.connected, m.ticks, m.charge = nil, nil, nil, 0, 0
	m.votesRead, m.reading = fifo[received]{}, false
	m.backlog, m.executing = fifo[job]{}, false
	m.again, m.leadAt, m.turns, m.idle = 0, 0, 0, false
}

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
		return
	}
	m.idle, m.turns = false, 0
	m.charge += m.s.cfg.Costs.TurnNs
	m.drain()
	m.turn()
}

// waits reports whether something waits for the loop.
func (m *member) waits() bool {
	if m.ticks > 0 || m.arrived || len(m.checked)+len(m.results)+len(m.connected) > 0 {
		return true
	}
	return driver.Receiving(m.backlog.len()) && m.inbox[0].len()+m.inbox[1].len() > 0
}

// drain feeds the engine what waits, votes first.
func (m *member) drain() {
	for ; m.ticks > 0; m.ticks-- {
		m.engine.Tick(m.clockMs(), m.pool.shares.Txs() > 0)
	}
	m.arrived = false
	for _, v := range m.checked {
		m.engine.PayloadChecked(v.block, v.valid)
	}
	m.checked = m.checked[:0]
	for i := range m.results {
		x := &m.results[i]
		m.executedB = x.block.Header.Seq
		m.engine.Executed(x.block.Header.Seq, x.state, x.receiptsRoot)
	}
	m.results = m.results[:0]
	for _, peer := range m.connected {
		m.engine.Connected(peer)
	}
	m.connected = m.connected[:0]
	if !driver.Receiving(m.backlog.len()) {
		return
	}
	for lane := range m.inbox {
		for q := &m.inbox[lane]; q.len() > 0; {
			in := q.pop()
			if pbft.IsCatchUp(in.message.Kind()) && !driver.Catching(m.backlog.len()) {
				continue
			}
			m.charge += m.s.cfg.Costs.MessageNs
			m.engine.Receive(in.from, in.message)
		}
	}
}

// turn proposes and acts on what the engine asks for until it asks for nothing.
func (m *member) turn() {
	m.propose()
	rd := m.engine.Ready()
	m.turns++
	if rd.Empty() || m.turns > driver.TurnsMax {
		m.spend(func() {
			m.idle = true
			if m.waits() {
				m.wake()
			}
		})
		return
	}
	size := 0
	if len(rd.Records) > 0 {
		size = recordsBytes(rd.Records)
		m.charge += m.s.cfg.Costs.AppendNs + perBytes(size, m.s.cfg.Costs.AppendNsPerKiB, 1<<10)
		m.used.LogBytes += int64(size)
	}
	then := func() {
		if m.s.keepsLogs {
			m.log = append(m.log, rd.Records...)
		}
		m.act(&rd)
		m.engine.Advance()
		m.turn()
	}
	m.spend(func() {
		if size > 0 && !m.s.cfg.Without.Sync {
			m.s.sync(m, size, then)
		} else {
			then()
		}
	})
}

// act does what a Ready asks for once its records are durable.
func (m *member) act(rd *pbft.Ready) {
	for i := range rd.Events {
		m.note(&rd.Events[i])
	}
	m.send(rd.Messages)
	for i := range rd.Committed {
		m.committed = rd.Committed[i].Block.Header.Seq
		m.backlog.push(job{block: &rd.Committed[i]})
		if rd.Committed[i].Block.Header.PayloadRoot == m.proposedRoot {
			m.committedIn = m.s.now - m.proposed
		}
	}
	for _, c := range rd.Checkpoints {
		m.backlog.push(job{checkpoint: c})
	}
	m.execute()
	for i := range rd.Checks {
		m.checkPayload(&rd.Checks[i])
	}
	for i := range rd.Serves {
		m.serve(&rd.Serves[i])
	}
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
	if m.executing || m.backlog.len() == 0 {
		return
	}
	m.executing = true
	c := m.s.cfg.Costs
	j := m.backlog.pop()
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
	answer, top := driver.NewAnswer(m.s.committee, *x), pbft.Seq(len(m.chain))
	for seq, more := answer.Next(); more && seq <= top; seq, more = answer.Next() {
		answer.Add(*m.chain[seq-1].block, m.chain[seq-1].certificate)
	}
	for seq, more := answer.NextLink(); more && seq <= top; seq, more = answer.NextLink() {
		answer.Link(m.chain[seq-1].block.Header, m.chain[seq-1].certificate)
	}
	if message, blocks := answer.Message(); blocks > 0 {
		m.send([]pbft.Outgoing{{To: x.To, Message: message}})
	}
}
