package desim

import (
	"cmp"
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
)

// Bounds of the mempool and of gossip, those of package node.
const (
	poolTxsMax      = 65536
	poolBytesMax    = 64 << 20
	gossipPauseNs   = 1_000_000
	gossipTxsMax    = 1024
	gossipBytesMax  = 512 << 10
	regossipNs      = 3_000_000_000
	regossipTxsMax  = 2048
	regossipEveryNs = 1_000_000_000
	// payloadOverhead and txOverhead are the lengths in an encoded payload.
	payloadOverhead = 4
	txOverhead      = 4
)

// poolState is where a transaction is in a member's mempool.
type poolState uint8

const (
	poolAbsent poolState = iota
	poolFree
	poolHeld
	poolExecuted
)

// pooled is a transaction in the mempool; view is that of the block that holds it.
type pooled struct {
	state poolState
	view  uint32
}

// pool is a member's mempool and its gossip.
type pool struct {
	m       *member
	entries []pooled // by transaction
	queue   fifo[int32]
	held    []int32 // in blocks, some of them executed since
	free    int
	waiting int // free and held

	outbox   fifo[int32]
	lastSent int64
	sending  bool
	own      fifo[ownTx] // of own clients, oldest first
}

// ownTx is when an own client's transaction was last sent to the peers.
type ownTx struct {
	tx     int32
	sentAt int64
}

func newPool(m *member) pool { return pool{m: m, lastSent: -gossipPauseNs} }

func (p *pool) of(tx int32) *pooled { return at(&p.entries, tx) }

func (p *pool) full() bool {
	return p.waiting >= poolTxsMax || (p.waiting+1)*p.m.s.cfg.Load.TxBytes > poolBytesMax
}

// add takes a checked transaction; it reports false if there is no room.
func (p *pool) add(tx int32) bool {
	e := p.of(tx)
	if e.state != poolAbsent {
		return true
	}
	if p.full() {
		return false
	}
	p.waiting++
	p.release1(tx, e)
	return true
}

func (p *pool) release1(tx int32, e *pooled) {
	e.state = poolFree
	p.queue.push(tx)
	p.free++
}

func (p *pool) hold(tx int32, e *pooled, view pbft.View) {
	if e.state == poolFree {
		p.free--
		p.held = append(p.held, tx)
	}
	e.state, e.view = poolHeld, uint32(view)
}

// take hands out transactions for a block of view.
func (p *pool) take(view pbft.View, bytesMax, txsMax int) []int32 {
	each := txOverhead + p.m.s.cfg.Load.TxBytes
	most := min(p.free, txsMax, (bytesMax-payloadOverhead)/each)
	txs := make([]int32, 0, most)
	for len(txs) < most && p.queue.len() > 0 {
		tx := p.queue.pop()
		if e := p.of(tx); e.state == poolFree {
			p.hold(tx, e, view)
			txs = append(txs, tx)
		}
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

// heldBy marks the transactions of somebody's block, which may be unknown here.
func (p *pool) heldBy(view pbft.View, txs []int32) {
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
			p.waiting--
		}
		e.state = poolExecuted
	}
	if len(p.held) > 2*(p.waiting+1024) {
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
	p.forgetExecuted()
	kept := p.held[:0]
	for _, tx := range p.held {
		if e := p.of(tx); pbft.View(e.view) < view {
			p.release1(tx, e)
		} else {
			kept = append(kept, tx)
		}
	}
	p.held = kept
}

// admit takes a transaction of an own client, after its checks.
func (m *member) admit(tx int32) {
	p := &m.pool
	st := p.of(tx).state
	if !p.add(tx) {
		m.s.refuse(tx)
		return
	}
	if seq := m.s.samples[tx].Seq; st == poolExecuted && seq > 0 { // its client came from another member
		m.answerThese(&m.chain[seq-1], []int32{tx})
		return
	}
	p.own.push(ownTx{tx, m.s.now})
	if st != poolAbsent {
		return // a peer brought it before
	}
	p.outbox.push(tx)
	p.spread()
	m.arrive()
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
		txs := make([]int32, 0, min(p.outbox.len(), gossipTxsMax))
		size := 1 + payloadOverhead
		for p.outbox.len() > 0 && len(txs) < gossipTxsMax && size < gossipBytesMax {
			txs = append(txs, p.outbox.pop())
			size += txOverhead + m.s.cfg.Load.TxBytes
		}
		f := &frame{from: int32(m.id), lane: pbft.LaneBulk, size: size, txs: txs}
		to := pbft.Everyone
		if m.s.cfg.Without.Gossip {
			to = m.engine.Status().Primary
		}
		if to != m.id {
			m.s.count(f, m.copies(to))
			var copies []copyTo
			m.s.each(m, to, func(id int) { copies = append(copies, copyTo{f, id}) })
			m.write(nil, copies)
		}
		p.spread()
	}))
}

// regossip repeats own transactions that no block brought for long.
func (p *pool) regossip() {
	for n := 0; p.own.len() > 0 && n < regossipTxsMax; {
		o := *p.own.first()
		if p.of(o.tx).state == poolExecuted {
			p.own.pop()
			continue
		}
		if o.sentAt+regossipNs > p.m.s.now {
			break
		}
		p.own.pop()
		p.own.push(ownTx{o.tx, p.m.s.now})
		p.outbox.push(o.tx)
		n++
	}
	p.spread()
}

// gossiped takes a peer's frame of transactions.
func (m *member) gossiped(f *frame) {
	if m.pool.full() {
		return
	}
	cost := int64(len(f.txs)) * m.s.cfg.Costs.GossipNsPerTx
	m.s.work(m, cost, &m.used.LinkNs, func() {
		m.front.check(bulk, f.txs, func() {
			for _, tx := range f.txs {
				m.pool.add(tx)
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

// propose offers the engine the next block if this member leads and one is due.
func (m *member) propose() {
	hint := m.engine.ProposeHint()
	if hint == pbft.ProposeNever || hint == pbft.ProposeIfPending && !m.batchDue() || m.dawdles() {
		return
	}
	s := m.s
	view := m.engine.Status().View
	txs := m.pool.take(view, s.cfg.Batching.BytesMax, s.cfg.Batching.TxsMax)
	if len(txs) == 0 && hint != pbft.ProposeNow {
		return
	}
	var payload []byte
	var root pbft.Digest
	if len(txs) > 0 {
		size := payloadOverhead + len(txs)*(txOverhead+s.cfg.Load.TxBytes)
		payload = s.payload(size)
		binary.BigEndian.PutUint64(root[:], uint64(len(s.batches)+1))
		s.batches[root] = &batch{txs: txs, bytes: size, proposedAt: s.now}
		m.charge += perBytes(size, s.cfg.Costs.HashNsPerKiB, 1<<10)
	}
	m.charge += s.cfg.Costs.ProposeNs
	if !m.engine.Propose(payload, root, m.clockMs()) {
		m.pool.put(txs)
		return
	}
	m.proposed, m.proposedTxs, m.proposedRoot, m.committedIn = s.now, len(txs), root, 0
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

// batchDue says whether the waiting transactions are worth a block now, and if
// only time is missing, sets the timer.
func (m *member) batchDue() bool {
	s, b := m.s, &m.s.cfg.Batching
	inFlight := m.engine.Status().InFlight
	switch {
	case m.pool.free == 0 || inFlight >= b.InFlightMax || m.committed-m.executedB > backlogMax:
		return false
	case inFlight == 0 && m.proposedTxs < b.ManyTxs || m.pool.free*s.cfg.Load.TxBytes >= b.EnoughBytes:
		return true
	}
	wait := b.WaitUs * 1000
	if inFlight == 0 {
		wait = min(wait, 2*cmp.Or(m.committedIn, s.now-m.proposed)) // 0: it commits in this very turn
	}
	due := m.proposed + wait
	if due <= s.now {
		return true
	}
	if m.again != due {
		m.again = due
		s.after(due-s.now, m.unlessCrashed(func() {
			if m.again == due {
				m.again = 0
				m.arrive()
			}
		}))
	}
	return false
}
