package desim

import (
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// poolState is where a transaction is in a member's mempool.
type poolState uint8

const (
	poolAbsent poolState = iota
	poolFree
	poolHeld
	poolExecuted
)

// pooled is a transaction in the mempool; from is the member that brought it, view
// that of the block that holds it, and heldMs since when.
type pooled struct {
	state  poolState
	from   uint16
	view   uint32
	heldMs uint64
}

// pool is a member's mempool and its gossip.
type pool struct {
	m       *member
	shares  *driver.Shares
	entries []pooled // by transaction
	queue   fifo[int32]
	held    []int32 // in blocks, some of them executed since
	free    int

	outbox   fifo[int32]
	lastSent int64
	sending  bool
	own      fifo[ownTx] // of own clients, oldest first
	leastMs  uint64      // before one is sent again
	eligible driver.Eligible[int32]
}

// ownTx is an own client's transaction, and when it is sent to the peers again.
type ownTx struct {
	tx     int32
	repeat driver.Repeat
}

// Times of package driver, in nanoseconds.
const (
	gossipPauseNs  = driver.GossipPauseUs * 1_000
	repeatPeriodNs = driver.RepeatPeriodMs * 1_000_000
)

func newPool(m *member) pool {
	c := m.s.cfg
	return pool{m: m, shares: driver.NewShares(c.Pool, m.id, c.N), lastSent: -gossipPauseNs,
		leastMs: repeatLeastMs(c), eligible: driver.Eligible[int32]{Pushed: c.Lanes}}
}

// repeatLeastMs is after how long an own transaction is sent again at first.
func repeatLeastMs(c *Config) uint64 {
	if c.Lanes {
		return driver.LaneRepeatLeastMs
	}
	return driver.RepeatLeastMs(c.Timers.WithDefaults().TimeoutTicksMin)
}

func (p *pool) of(tx int32) *pooled { return at(&p.entries, tx) }

func (p *pool) txBytes() int { return p.m.s.cfg.Load.TxBytes }

// add takes a checked transaction that a member brought; it reports false if there
// is no room. Each transaction is of another sender.
func (p *pool) add(tx int32, from pbft.ReplicaID) bool {
	e := p.of(tx)
	if e.state != poolAbsent {
		return true
	}
	if p.shares.Ask(from, 0, p.txBytes()) != driver.HasRoom {
		return false
	}
	p.shares.Enter(from, p.txBytes())
	e.from = uint16(from)
	if p.m.s.cfg.Monitor {
		p.eligible.Entered(tx, from == p.m.id, p.m.s.now)
	}
	p.release1(tx, e)
	return true
}

// adopt makes a transaction that waits an own one, if a peer brought it.
func (p *pool) adopt(tx int32) {
	e := p.of(tx)
	if e.state != poolFree && e.state != poolHeld || e.from == uint16(p.m.id) {
		return
	}
	p.shares.Adopt(pbft.ReplicaID(e.from), p.txBytes())
	e.from = uint16(p.m.id)
}

func (p *pool) release1(tx int32, e *pooled) {
	e.state = poolFree
	if !p.m.s.cfg.Lanes { // which have an order of their own
		p.queue.push(tx)
	}
	p.free++
}

func (p *pool) hold(tx int32, e *pooled, view pbft.View) {
	if e.state == poolFree {
		p.free--
		p.held = append(p.held, tx)
		e.heldMs = p.m.clockMs()
	}
	e.state, e.view = poolHeld, uint32(view)
}

// take hands out transactions for a block of view.
func (p *pool) take(view pbft.View, bytesMax, txsMax int) []int32 {
	each := driver.TxOverheadBytes + p.m.s.cfg.Load.TxBytes
	most := min(p.free, txsMax, (bytesMax-driver.PayloadOverheadBytes)/each)
	txs := make([]int32, 0, most)
	var left []int32
	for len(txs) < most && p.queue.len() > 0 {
		tx := p.queue.pop()
		switch e := p.of(tx); {
		case e.state != poolFree:
		case int(e.from)+1 == p.m.leavesOut:
			left = append(left, tx)
		default:
			p.hold(tx, e, view)
			txs = append(txs, tx)
		}
	}
	for _, tx := range left {
		p.queue.push(tx)
	}
	return txs
}

// put returns what take handed out for a block that was not proposed.
func (p *pool) put(txs []int32) {
	for _, tx := range txs {
		if e := p.of(tx); e.state == poolHeld {
			p.release1(tx, e)
		}
	}
}

// heldBy marks the transactions of somebody's block, which may be unknown here. A
// block of a view below that of the last executed one holds nothing.
func (p *pool) heldBy(view pbft.View, txs []int32) {
	if view < p.m.viewRun {
		return
	}
	p.eligible.Block(view, len(txs), len(txs)*p.txBytes())
	for _, tx := range txs {
		if e := p.of(tx); e.state == poolFree || e.state == poolHeld && pbft.View(e.view) < view {
			p.hold(tx, e, view)
		}
	}
}

// executed removes the transactions of an executed block.
func (p *pool) executed(txs []int32) {
	for _, tx := range txs {
		e := p.of(tx)
		if e.state == poolFree {
			p.free--
		}
		if e.state == poolFree || e.state == poolHeld {
			p.shares.Leave(pbft.ReplicaID(e.from), p.txBytes())
		}
		e.state = poolExecuted
	}
	if len(p.held) > 2*(p.shares.Txs()+1024) {
		p.forgetExecuted()
	}
}

func (p *pool) forgetExecuted() {
	kept := p.held[:0]
	for _, tx := range p.held {
		if p.of(tx).state == poolHeld {
			kept = append(kept, tx)
		}
	}
	p.held = kept
}

// release frees what blocks of views below view hold: those that were to come are
// abandoned.
func (p *pool) release(view pbft.View) {
	p.releaseIf(func(e *pooled) bool { return pbft.View(e.view) < view })
}

func (p *pool) releaseIf(abandoned func(*pooled) bool) {
	p.forgetExecuted()
	kept := p.held[:0]
	for _, tx := range p.held {
		if e := p.of(tx); abandoned(e) {
			p.release1(tx, e)
		} else {
			kept = append(kept, tx)
		}
	}
	p.held = kept
}

// expect keeps room for a transaction of an own client that is about to be checked;
// ok is false if it is refused at once.
func (m *member) expect(tx int32) (kept int, ok bool) {
	if m.s.cfg.Lanes && !m.driver.Lanes().Admits() {
		return 0, m.front.of(tx).state == txVerified
	}
	kept = m.pool.shares.Expect(1)
	return kept, kept > 0 || m.front.of(tx).state == txVerified
}

// admit takes a transaction of an own client, after its checks. kept is the room
// that was kept for it.
func (m *member) admit(tx int32, kept int) {
	p := &m.pool
	p.shares.Came(kept)
	st := p.of(tx).state
	p.adopt(tx)
	if !p.add(tx, m.id) {
		m.s.refuse(tx)
		return
	}
	if seq := m.s.samples[tx].Seq; st == poolExecuted && seq > 0 { // its client came from another member
		m.answerThese(&m.chain[seq-1], []int32{tx})
		return
	}
	p.own.push(ownTx{tx, driver.NewRepeat(m.clockMs(), p.leastMs)})
	if st != poolAbsent {
		return // a peer brought it before
	}
	if m.s.cfg.Lanes {
		m.push(tx)
	} else {
		p.outbox.push(tx)
		p.spread()
	}
	m.arrive()
}

// Waiting implements driver.Watcher. Each transaction is of another sender.
func (m *member) Waiting(view pbft.View, awayNs int64, _ driver.Time) pbft.Waiting {
	p := &m.pool
	crowd := driver.Crowd{Senders: p.free, FreeBytes: p.free * p.txBytes(), Full: p.shares.Crowded()}
	w, tell := p.eligible.Waiting(view, awayNs, m.s.now, crowd, p.standing)
	if tell != nil {
		m.sendTxs(m.s.committee.Primary(view), []int32{*tell})
	}
	return w
}

// sendTxs sends a frame of transactions.
func (m *member) sendTxs(to pbft.ReplicaID, txs []int32) {
	size := 1 + driver.PayloadOverheadBytes + len(txs)*(driver.TxOverheadBytes+m.s.cfg.Load.TxBytes)
	f := &frame{from: int32(m.id), lane: pbft.LaneBulk, size: size, txs: txs}
	m.s.count(f, m.copies(to))
	var copies []copyTo
	m.s.each(m, to, func(id int) { copies = append(copies, copyTo{f, id}) })
	m.write(nil, copies)
}

// standing says where a transaction is.
func (p *pool) standing(tx int32) lanes.Standing {
	switch p.of(tx).state {
	case poolFree:
		return lanes.Free
	case poolHeld:
		return lanes.Held
	}
	return lanes.Absent
}

// arrive tells the loop that the mempool has something new.
func (m *member) arrive() {
	m.arrived = true
	m.wake()
}

// spread sends own transactions to the peers: at once if the last frame is a
// pause ago, else with what comes meanwhile.
func (p *pool) spread() {
	if p.sending || p.outbox.len() == 0 {
		return
	}
	m := p.m
	p.sending = true
	m.s.after(max(0, p.lastSent+gossipPauseNs-m.s.now), m.unlessCrashed(func() {
		p.sending = false
		p.lastSent = m.s.now
		txs := make([]int32, 0, min(p.outbox.len(), driver.GossipTxsMax))
		size := 1 + driver.PayloadOverheadBytes
		for p.outbox.len() > 0 && len(txs) < driver.GossipTxsMax && size < driver.GossipBytesMax {
			txs = append(txs, p.outbox.pop())
			size += driver.TxOverheadBytes + m.s.cfg.Load.TxBytes
		}
		to := pbft.Everyone
		if m.s.cfg.Without.Gossip {
			to = m.engine.Status().Primary
		}
		if to != m.id {
			m.sendTxs(to, txs)
		}
		p.spread()
	}))
}

// keepHouse frees what blocks have held for long, and repeats own transactions that
// no block has.
func (p *pool) keepHouse() {
	nowMs := p.m.clockMs()
	p.releaseIf(func(e *pooled) bool { return e.heldMs+driver.HoldMs <= nowMs })
	again := 0
	for range p.own.len() {
		o := p.own.pop()
		switch p.of(o.tx).state {
		case poolExecuted:
			continue
		case poolFree:
			if again < driver.RepeatTxsMax && o.repeat.Due(nowMs) {
				if again++; p.m.s.cfg.Lanes {
					p.m.push(o.tx)
				} else {
					p.outbox.push(o.tx)
				}
			}
		}
		p.own.push(o)
	}
	p.spread()
}

// gossiped takes a peer's frame of transactions.
func (m *member) gossiped(f *frame) {
	if m.pool.shares.Full() {
		return
	}
	cost := int64(len(f.txs)) * m.s.cfg.Costs.GossipNsPerTx
	m.s.work(m, cost, &m.used.LinkNs, func() {
		m.front.check(bulk, f.txs, func() {
			for _, tx := range f.txs {
				m.pool.add(tx, pbft.ReplicaID(f.from))
			}
			m.arrive()
		})
	})
}

// batch is the payload of one proposal.
type batch struct {
	txs        []int32
	bytes      int
	proposedAt int64
}

// Size implements driver.Pool.
func (m *member) Size() (txs, free, freeBytes int) {
	return m.pool.shares.Txs(), m.pool.free, m.pool.free * m.s.cfg.Load.TxBytes
}

// Payload implements driver.Pool.
func (m *member) Payload(view pbft.View, bytesMax, txsMax int) (p driver.Payload, ok bool) {
	if m.dawdles() {
		return p, false
	}
	s := m.s
	m.offered = m.pool.take(view, bytesMax, txsMax)
	if p.Txs = len(m.offered); p.Txs > 0 {
		size := driver.PayloadOverheadBytes + p.Txs*(driver.TxOverheadBytes+s.cfg.Load.TxBytes)
		p.Bytes = s.payload(size)
		binary.BigEndian.PutUint64(p.Root[:], uint64(len(s.batches)+1))
		s.batches[p.Root] = &batch{txs: m.offered, bytes: size, proposedAt: s.now}
		m.charge += perBytes(size, s.cfg.Costs.HashNsPerKiB, 1<<10)
	}
	return p, true
}

// Proposed implements driver.Pool.
func (m *member) Proposed(is bool) {
	m.charge += m.s.cfg.Costs.ProposeNs
	if !is {
		m.pool.put(m.offered)
	}
	m.offered = nil
}

// dawdles reports whether this is a slow primary that keeps a proposal back.
func (m *member) dawdles() bool {
	s := m.s
	if m.slowLeadNs > 0 && m.leadAt == 0 {
		m.leadAt = s.now + m.slowLeadNs
		s.after(m.slowLeadNs, m.unlessCrashed(m.arrive))
	}
	if s.now < m.leadAt {
		return true
	}
	m.leadAt = 0
	return false
}
