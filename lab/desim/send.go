package desim

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

const (
	// bulkFrame is a frame that is written by itself.
	bulkFrame = 16 << 10
	// writersShare is how many links' writes of a turn make one task.
	writersShare = 8
)

// messageBytes is the size of a message's canonical encoding. Payloads count
// without being copied.
func messageBytes(m pbft.Message) int {
	payloads := 0
	switch x := m.(type) {
	case *pbft.PrePrepare:
		bare := *x
		payloads, bare.Payload = len(x.Payload), nil
		m = &bare
	case *pbft.Blocks:
		bare := *x
		bare.Blocks, payloads = withoutPayloads(x.Blocks)
		m = &bare
	case *pbft.Decided:
		bare := *x
		bare.Blocks, payloads = withoutPayloads(x.Blocks)
		m = &bare
	}
	return len(pbft.EncodeMessage(m)) + payloads
}

// withoutPayloads returns blocks without their payloads, and the bytes of those.
func withoutPayloads(blocks []pbft.Block) (bare []pbft.Block, payloads int) {
	bare = append(bare, blocks...)
	for i := range bare {
		payloads += len(bare[i].Payload)
		bare[i].Payload = nil
	}
	return bare, payloads
}

// recordsBytes is the size of a frame of the consensus log.
func recordsBytes(rs []pbft.Record) int {
	size := 0
	bare := append([]pbft.Record(nil), rs...)
	for i := range bare {
		if b := bare[i].Block; b != nil {
			size += len(b.Payload)
			bare[i].Block = &pbft.Block{SignedHeader: b.SignedHeader}
		}
	}
	return len(pbft.EncodeRecords(bare)) + size
}

// copyTo is a frame for one member.
type copyTo struct {
	f  *frame
	to int
}

// send sends the messages of a turn. Encoding them is the loop's work; framing,
// TLS and writing are that of the links' own writers.
func (m *member) send(out []pbft.Outgoing) {
	var small, large []copyTo
	for i := range out {
		for _, o := range m.corrupt(out[i]) {
			f := &frame{from: int32(m.id), message: o.Message, lane: pbft.LaneOf(o.Message, m.s.cfg.N),
				size: messageBytes(o.Message)}
			if o.Behind || f.size > driver.VotesFrameBytesMax || m.s.cfg.Without.Lanes {
				f.lane = pbft.LaneBulk
			}
			m.charge += m.s.cfg.Costs.SendNs
			m.s.count(f, m.copies(o.To))
			m.s.each(m, o.To, func(to int) {
				if f.size > bulkFrame {
					large = append(large, copyTo{f, to})
				} else {
					small = append(small, copyTo{f, to})
				}
			})
		}
	}
	m.write(small, large)
}

func (m *member) copies(to pbft.ReplicaID) int64 {
	if to == pbft.Everyone {
		return int64(m.s.cfg.N - 1)
	}
	return 1
}

// write has the links' writers write frames: large ones each by itself, small
// ones of a turn together, link by link.
func (m *member) write(small, large []copyTo) {
	byPeer := make([][]copyTo, m.s.cfg.N)
	var peers []int
	for _, c := range small {
		if byPeer[c.to] == nil {
			peers = append(peers, c.to)
		}
		byPeer[c.to] = append(byPeer[c.to], c)
	}
	for len(peers) > 0 {
		k := min(writersShare, len(peers))
		var cost int64
		var frames []copyTo
		for _, p := range peers[:k] {
			cost += m.writeNs(byPeer[p])
			frames = append(frames, byPeer[p]...)
		}
		peers = peers[k:]
		m.s.work(m, cost, &m.used.LinkNs, func() { m.depart(frames) })
	}
	for _, c := range large {
		frames := []copyTo{c}
		m.s.work(m, m.writeNs(frames), &m.used.LinkNs, func() { m.depart(frames) })
	}
}

// writeNs is the cost of writing frames to one peer.
func (m *member) writeNs(frames []copyTo) int64 {
	c := m.s.cfg.Costs
	var ns int64
	var lanes [2]bool
	for i := range frames {
		f := frames[i].f
		ns += c.SendNs + perBytes(f.size, c.SendNsPerKiB, 1<<10)
		if !lanes[f.lane] || m.s.cfg.Without.Bundling {
			ns += c.WriteNs
		}
		lanes[f.lane] = true
	}
	return ns
}

// depart puts written frames on their links.
func (m *member) depart(frames []copyTo) {
	last := [2]int{-1, -1}
	for _, c := range frames {
		joined := last[c.f.lane] == c.to && !m.s.cfg.Without.Bundling
		last[c.f.lane] = c.to
		m.s.transmit(c.f, c.to, joined)
	}
}

// read has the reader of a link read a frame that has arrived. Votes of several
// links are read together; a frame of the other lane by itself.
func (m *member) read(f *frame, joined bool) {
	if f.lane == pbft.LaneVotes {
		m.votesRead.push(received{f, joined})
		m.readVotes()
		return
	}
	cost := m.readNs(f, joined)
	if f.size > bulkFrame || f.message == nil {
		cost += perBytes(f.size, m.s.cfg.Costs.HashNsPerKiB, 1<<10)
	}
	m.s.work(m, cost, &m.used.LinkNs, func() {
		if f.message == nil && f.push == nil {
			m.gossiped(f)
			return
		}
		m.deliver(f)
		m.wake()
	})
}

// readVotes reads the votes that have arrived, all at once.
func (m *member) readVotes() {
	if m.reading || m.votesRead.len() == 0 {
		return
	}
	m.reading = true
	var cost int64
	frames := make([]*frame, 0, m.votesRead.len())
	for m.votesRead.len() > 0 {
		r := m.votesRead.pop()
		cost += m.readNs(r.f, r.joined)
		frames = append(frames, r.f)
	}
	m.s.work(m, cost, &m.used.LinkNs, func() {
		m.reading = false
		for _, f := range frames {
			m.deliver(f)
		}
		m.readVotes()
		m.wake()
	})
}

func (m *member) readNs(f *frame, joined bool) int64 {
	c := m.s.cfg.Costs
	ns := c.ReceiveNs + perBytes(f.size, c.ReceiveNsPerKiB, 1<<10)
	if !joined {
		ns += c.WriteNs
	}
	return ns
}

// deliver queues a message for the loop.
func (m *member) deliver(f *frame) {
	if f.push != nil {
		m.lanes.inbox[f.lane][f.from].push(f.push)
		m.lanes.unread++
		return
	}
	if p, ok := f.message.(*pbft.PrePrepare); ok {
		m.lanes.author.accuse(m, p)
	}
	m.inbox[f.lane][f.from].push(f.message)
	m.unread++
}
