package desim

import (
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// laneState is what a member has of lanes beside what its driver keeps.
type laneState struct {
	inbox    [2][]fifo[lanes.Message] // by channel and member
	unread   int                      // messages in it
	stuck    bool                     // their lanes have brought enough for now
	verdicts []laneVerdict            // that wait for the loop
	author   author
}

// laneVerdict answers a Check of the driver's lanes.
type laneVerdict struct {
	check    lanes.Check
	verdicts []lanes.Verdict
}

// laneConfig is what the driver is told of lanes, nil if payload is inside proposals.
func (m *member) laneConfig() *lanes.Config {
	if !m.s.cfg.Lanes {
		return nil
	}
	seed := m.s.cfg.Seed<<20 ^ uint64(m.id)<<10 ^ uint64(m.incarnation)
	return &lanes.Config{Seed: seed, Root: m.laneRoot, Payload: m.lanePayload}
}

// laneRoot is the root over leaves. It is no hash; it costs what one does.
func (m *member) laneRoot(leaves []pbft.Digest) (root pbft.Digest) {
	m.charge += perBytes(64*len(leaves), m.s.cfg.Costs.HashNsPerKiB, 1<<10)
	const k = 0x9e3779b97f4a7c15
	x := uint64(len(leaves))
	for i := range leaves {
		x = (x ^ binary.LittleEndian.Uint64(leaves[i][:])) * k
		x ^= x >> 29
	}
	binary.BigEndian.PutUint64(root[:], x|1)
	root[31] = 1 // those of payloads inside have zeros there
	return root
}

func (m *member) lanePayload(txs [][]byte) []byte {
	size := driver.PayloadOverheadBytes + len(txs)*(driver.TxOverheadBytes+m.s.cfg.Load.TxBytes)
	return m.s.payload(size)
}

// laneNumberBytes is where the bytes of a transaction have its number.
const laneNumberBytes = 4

// laneID names a transaction by its number.
func laneID(tx int32) (id pbft.Digest) {
	binary.LittleEndian.PutUint32(id[:], uint32(tx))
	return id
}

// laneTx is the number in an id or in the bytes of a transaction.
func laneTx(id []byte) int32 { return int32(binary.LittleEndian.Uint32(id)) }

// laneBytesOf makes the bytes of a transaction.
func (m *member) laneBytesOf(tx int32) []byte {
	b := make([]byte, max(laneNumberBytes, m.s.cfg.Load.TxBytes))
	binary.LittleEndian.PutUint32(b, uint32(tx))
	return b
}

// push hands an own transaction to the lanes, for the first time or again.
func (m *member) push(tx int32) {
	id := laneID(tx)
	raw := m.laneBytesOf(tx)
	m.driver.Lanes().Own(lanes.Own{Tx: lanes.Tx{Bytes: raw, Leaf: lanes.LeafOf(raw)}, ID: id, Sender: id, Checked: tx},
		m.s.now)
}

// Standing implements lanes.Pool.
func (m *member) Standing(id pbft.Digest) lanes.Standing {
	return m.pool.standing(laneTx(id[:]))
}

// Draft implements driver.LanePool.
func (m *member) Draft(view pbft.View, d *lanes.Draft) bool {
	if m.dawdles() {
		return false
	}
	m.offered = make([]int32, len(d.IDs))
	for i, id := range d.IDs {
		m.offered[i] = laneTx(id[:])
	}
	m.pool.heldBy(view, m.offered)
	m.s.batches[d.Root] = &batch{txs: m.offered, bytes: len(d.Payload), proposedAt: m.s.now}
	return true
}

// linkLanes tells the lanes that a channel is there, or is not.
func (m *member) linkLanes(peer pbft.ReplicaID, up bool) {
	if m.engine != nil && m.s.cfg.Lanes {
		m.driver.Lanes().Linked(peer, up)
	}
}

// drainLanes feeds the lanes what waits.
func (m *member) drainLanes() {
	if !m.s.cfg.Lanes {
		return
	}
	for _, v := range m.lanes.verdicts {
		m.driver.Lanes().Checked(v.check, v.verdicts, m.s.now)
	}
	m.lanes.verdicts = m.lanes.verdicts[:0]
	waits := m.egress.waits(m.s.now, m.s.cfg.Links.EgressBytesPerSecond) / int64(m.s.cfg.N-1)
	for id := range m.s.members {
		m.driver.Lanes().Queued(pbft.ReplicaID(id), waits)
	}
	taken := m.driver.DrainLanes(m, m.time())
	m.lanes.stuck = taken == 0 && m.lanes.unread > 0
}

// lanesWait reports whether lanes wait for the loop.
func (m *member) lanesWait() bool {
	return m.lanes.unread > 0 && !m.lanes.stuck || len(m.lanes.verdicts) > 0
}

// actLanes does what a Work asks for about lanes. It waits for no record.
func (m *member) actLanes(w *driver.Work) {
	m.sendLanes(w.Push)
	m.dropped(w.Dropped)
	for i := range w.Verify {
		m.verify(w.Verify[i])
	}
}

// whileWriting lets the loop look at lanes while it waits for the disk, and returns what is to
// be called when records are durable, before then.
func (m *member) whileWriting(then func()) func() {
	if !m.s.cfg.Lanes {
		return then
	}
	m.writing, m.looks = true, 0
	m.meanwhile()
	return func() {
		m.writing = false
		if m.aside { // one thing after the other
			m.written = then
			return
		}
		m.drainLanes()
		then()
	}
}

// meanwhile looks at lanes if the loop waits for the disk.
func (m *member) meanwhile() {
	if !m.writing || m.aside || m.looks == driver.MeanwhileMax || !m.lanesWait() && !m.arrived {
		return
	}
	m.looks++
	m.arrived = false
	m.aside = true
	m.charge += m.s.cfg.Costs.TurnNs
	m.drainLanes()
	w := m.driver.Meanwhile(m.time())
	m.actLanes(&w)
	m.spend(func() {
		m.aside = false
		if m.meanwhile(); m.aside || m.written == nil {
			return
		}
		then := m.written
		m.written = nil
		m.drainLanes()
		then()
	})
}

// waits returns the bytes of payload that a pipe has not passed.
func (p *pipe) waits(now, bytesPerSecond int64) int64 {
	left := p.freeAt[pbft.LaneBulk] - now
	if bytesPerSecond == 0 || left <= 0 {
		return 0
	}
	return left / 1000 * bytesPerSecond / 1_000_000
}

// TakeLane implements driver.LaneInbox.
func (m *member) TakeLane(from pbft.ReplicaID, channel pbft.Lane) (lanes.Message, bool) {
	q := &m.lanes.inbox[channel][from]
	if q.len() == 0 {
		return nil, false
	}
	m.lanes.unread--
	return q.pop(), true
}

// JudgeLane implements driver.LaneInbox.
func (m *member) JudgeLane(pbft.ReplicaID, lanes.Message, pbft.Reason) {
	m.charge += m.s.cfg.Costs.MessageNs
}

// sendLanes sends what the lanes ask for.
func (m *member) sendLanes(sends []lanes.Send) {
	for i := range sends {
		for _, s := range m.lanes.author.corrupt(m, sends[i]) {
			m.emit(s)
		}
	}
}

// emit sends one message of lanes.
func (m *member) emit(s lanes.Send) {
	f := &frame{from: int32(m.id), lane: lanes.ChannelOf(s.Message.Kind()), size: laneBytes(s.Message),
		push: s.Message}
	m.charge += m.s.cfg.Costs.SendNs
	m.s.count(f, int64(len(s.To)))
	copies := make([]copyTo, len(s.To))
	for i, to := range s.To {
		copies[i] = copyTo{f, int(to)}
	}
	if f.size > bulkFrame {
		m.write(nil, copies)
	} else {
		m.write(copies, nil)
	}
}

// laneBytes is the size of a message's canonical encoding. Transactions count without being
// copied.
func laneBytes(m lanes.Message) int {
	switch x := m.(type) {
	case *lanes.Batch:
		return lanes.BatchSize(x)
	case *lanes.Data:
		size := 64
		for _, b := range x.Batches {
			size += lanes.BatchSize(b)
		}
		return size
	}
	return len(lanes.Encode(m))
}

// verify checks the signatures of transactions that lanes brought, and puts those into the
// mempool for which there is room.
func (m *member) verify(c lanes.Check) {
	cost := int64(len(c.Txs)) * m.s.cfg.Costs.GossipNsPerTx
	txs := make([]int32, len(c.Txs))
	for i := range c.Txs {
		txs[i] = laneTx(c.Txs[i].Bytes)
	}
	m.s.work(m, cost, &m.used.LinkNs, func() {
		m.front.check(bulk, txs, func() {
			verdicts := make([]lanes.Verdict, len(txs))
			for i, tx := range txs {
				m.pool.add(tx, c.From)
				verdicts[i] = lanes.Verdict{Valid: true, ID: laneID(tx), Checked: tx,
					Settled: m.pool.of(tx).state == poolExecuted}
			}
			m.lanes.verdicts = append(m.lanes.verdicts, laneVerdict{c, verdicts})
			m.arrive()
		})
	})
}

// settled tells the lanes what was executed.
func (m *member) settled(b *batch) {
	if b == nil || !m.s.cfg.Lanes || m.driver == nil {
		return
	}
	ids := make([]pbft.Digest, len(b.txs))
	for i, tx := range b.txs {
		ids[i] = laneID(tx)
	}
	m.driver.Lanes().Settled(ids)
}

// dropped forgets what went with its batch.
func (m *member) dropped(all []lanes.Dropped) {
	for _, d := range all {
		if e := m.pool.of(laneTx(d.ID[:])); e.state == poolFree && e.from != uint16(m.id) {
			m.pool.shares.Leave(pbft.ReplicaID(e.from), m.pool.txBytes())
			m.pool.free--
			e.state = poolAbsent
		}
	}
}
