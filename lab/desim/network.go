package desim

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// frame is what travels on a link. Copies for several members share it.
type frame struct {
	from    int32
	lane    pbft.Lane
	size    int
	message pbft.Message
	push    lanes.Message // of lanes, if message is nil
	txs     []int32       // of gossip, if both are
}

// Sizes of what a link adds and carries.
const (
	// frameOverhead is the length before a frame and TLS's header and tag.
	frameOverhead = 4 + 5 + 16
	// packetBytes is the payload of a TCP segment, packetOverhead the headers of IP,
	// TCP and Ethernet with what the wire adds.
	packetBytes    = 1448
	packetOverhead = 90
	// lossPauseNs is the least time after which TCP sends a packet again.
	lossPauseNs = 10_000_000
)

func packets(size int) int { return max(1, (size+frameOverhead+packetBytes-1)/packetBytes) }

// wireBytes is what a frame takes on the wire.
func wireBytes(size int) int { return size + frameOverhead + packets(size)*packetOverhead }

// pipe is one direction of a member's network connection: two lanes that share a
// bandwidth, votes first.
type pipe struct {
	freeAt [2]int64 // by lane
}

// pass returns when size bytes that come at now are through.
func (p *pipe) pass(now int64, lane pbft.Lane, size int, bytesPerSecond int64) int64 {
	if bytesPerSecond == 0 {
		return now
	}
	took := int64(size) * 1_000_000_000 / bytesPerSecond
	if lane == pbft.LaneVotes {
		// What payload is under way gives way: it ends that much later.
		p.freeAt[pbft.LaneBulk] = max(p.freeAt[pbft.LaneBulk], now) + took
	}
	p.freeAt[lane] = max(p.freeAt[lane], now) + took
	return p.freeAt[lane]
}

// transmit puts a frame on the link to a member.
func (s *simulation) transmit(f *frame, to int, joined bool) {
	m := s.members[f.from]
	l := &s.cfg.Links
	size := wireBytes(f.size)
	m.used.EgressBytes += int64(size)
	sent := m.egress.pass(s.now, f.lane, size, l.EgressBytesPerSecond)
	late := s.delayNs(int(f.from), to, f.size) + m.slowNs
	at := sent + late
	if last := &m.lastAt[f.lane][to]; *last < at {
		*last = at
	} else {
		at = *last // frames of a connection stay in order
	}
	s.flows(f, to, s.now+late, at)
	s.queue.push(event{at: at, frame: f, to: int32(to), joined: joined})
}

// delayNs draws how long a frame is on its way.
func (s *simulation) delayNs(from, to, size int) int64 {
	l := &s.cfg.Links
	var oneWay, back int64
	if l.DelayUs != nil {
		oneWay, back = l.DelayUs[from][to]*1000, l.DelayUs[to][from]*1000
	}
	d := oneWay
	if l.JitterUs > 0 {
		d += s.rng.Int64N(l.JitterUs*1000 + 1)
	}
	if l.LossPerMillion > 0 {
		for range packets(size) {
			for s.rng.Int64N(1_000_000) < l.LossPerMillion {
				d += 2*(oneWay+back) + lossPauseNs
			}
		}
	}
	return d
}

// arrive brings a frame to its member, through the bandwidth of that.
func (s *simulation) arrive(e *event) {
	m := s.members[e.to]
	if m.engine == nil {
		return
	}
	f, joined := e.frame, e.joined
	size := wireBytes(f.size)
	m.used.IngressBytes += int64(size)
	at := m.ingress.pass(s.now, f.lane, size, s.cfg.Links.IngressBytesPerSecond)
	if at == s.now {
		m.read(f, joined)
		return
	}
	s.flows(f, int(m.id), s.now, at)
	// Its last byte was on the wire until now, so only what others take delays it.
	alone := int64(0)
	if b := s.cfg.Links.EgressBytesPerSecond; b > 0 {
		alone = min(int64(size)*1_000_000_000/max(b, s.cfg.Links.IngressBytesPerSecond), at-s.now)
	}
	incarnation := m.incarnation
	s.after(at-s.now-alone, func() {
		if m.incarnation == incarnation {
			m.read(f, joined)
		}
	})
}
