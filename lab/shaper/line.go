package shaper

import (
	"container/heap"
	"slices"
)

// wireOverhead is what Ethernet adds to a packet of IP: header, checksum, preamble
// and gap, in bytes.
const wireOverhead = 38

// Config is the network between members.
type Config struct {
	// Members is how many there are, 1 to MembersMax.
	Members int
	// BytesPerSecond is what each member's line carries in either direction, with what
	// Ethernet adds; 0 = no bound.
	BytesPerSecond int64
	// QueueBytes is what may wait at each end of a line, at least one packet; more is
	// dropped. 0 = as much as the line carries in queueDefaultMs.
	QueueBytes int64
	// DelayUs is the one-way delay in microseconds, [from][to]; nil = none.
	DelayUs [][]int64
}

// Limits of a Config.
const (
	MembersMax     = 100
	queueDefaultMs = 50
	queueBytesMin  = 64 << 10
)

// queueBytes returns the room of a queue.
func (c *Config) queueBytes() int64 {
	if c.QueueBytes > 0 {
		return c.QueueBytes
	}
	return max(queueBytesMin, c.BytesPerSecond*queueDefaultMs/1000)
}

// packet is one of IP, with the numbers of the members between whom it goes; Members
// stands for this machine itself.
type packet struct {
	from, to int
	data     []byte
}

// line is one direction of a connection: a queue before a fixed rate, kept as the
// time at which it will be empty, in nanoseconds.
type line struct{ freeNs int64 }

// pass returns when a packet that comes at now is through, or that there is no room
// for it.
func (l *line) pass(now int64, bytes, perSecond, room int64) (at int64, ok bool) {
	if perSecond == 0 {
		return now, true
	}
	begin := max(l.freeNs, now)
	if waiting := (begin - now) * perSecond / 1e9; waiting > 0 && waiting+bytes > room {
		return 0, false
	}
	l.freeNs = begin + bytes*1e9/perSecond
	return l.freeNs, true
}

// event is a packet that has come to the receiving end of a line, or is through it.
type event struct {
	at      int64
	order   uint64 // of events of one time
	through bool
	packet  packet
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}

// Stats counts what went through between members; packets from and to this machine
// do not count.
type Stats struct {
	// Packets were admitted, Dropped found no room at either end of a line.
	Packets, Dropped int64
	// SentBytes is what each member sent, with what Ethernet adds.
	SentBytes []int64
}

// lines are the connections of all members. It has no clock: times are the caller's,
// and never go back.
type lines struct {
	cfg              Config
	egress, ingress  []line
	sent             []int64
	waiting          events
	order            uint64
	packets, dropped int64
}

func newLines(cfg Config) *lines {
	return &lines{cfg: cfg, egress: make([]line, cfg.Members), ingress: make([]line, cfg.Members),
		sent: make([]int64, cfg.Members)}
}

// admit takes a packet at the sender's end. What goes to or comes from this machine
// is not shaped: it is the load's and the laboratory's own.
func (x *lines) admit(now int64, p packet) {
	if p.from == x.cfg.Members || p.to == x.cfg.Members {
		x.put(event{at: now, through: true, packet: p})
		return
	}
	bytes := int64(len(p.data)) + wireOverhead
	at, ok := x.egress[p.from].pass(now, bytes, x.cfg.BytesPerSecond, x.cfg.queueBytes())
	if !ok {
		x.dropped++
		return
	}
	x.sent[p.from] += bytes
	x.packets++
	if x.cfg.DelayUs != nil {
		at += x.cfg.DelayUs[p.from][p.to] * 1000
	}
	x.put(event{at: at, packet: p})
}

func (x *lines) put(e event) {
	x.order++
	e.order = x.order
	heap.Push(&x.waiting, e)
}

// due returns the packets that have arrived by now, in their order, and when the next
// thing happens; 0 = nothing is on its way.
func (x *lines) due(now int64) (arrived []packet, next int64) {
	for len(x.waiting) > 0 && x.waiting[0].at <= now {
		e := heap.Pop(&x.waiting).(event)
		if e.through {
			arrived = append(arrived, e.packet)
			continue
		}
		bytes := int64(len(e.packet.data)) + wireOverhead
		at, ok := x.ingress[e.packet.to].pass(e.at, bytes, x.cfg.BytesPerSecond, x.cfg.queueBytes())
		if !ok {
			x.dropped++
			continue
		}
		// Its last byte was on the sender's line until now: alone, it is through at once.
		if x.cfg.BytesPerSecond > 0 {
			at -= bytes * 1e9 / x.cfg.BytesPerSecond
		}
		x.put(event{at: at, through: true, packet: e.packet})
	}
	if len(x.waiting) > 0 {
		next = x.waiting[0].at
	}
	return arrived, next
}

func (x *lines) stats() Stats {
	return Stats{Packets: x.packets, Dropped: x.dropped, SentBytes: slices.Clone(x.sent)}
}
