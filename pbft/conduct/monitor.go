package conduct

import "github.com/scrip-network/scrip/pbft"

// Numbers of the monitor (section 6 of docs/protocol.md), in ticks of 10 ms where they are
// times.
const (
	samplesMax  = 128  // M: so many of the last are judged
	samplesMin  = 32   // so many are enough
	samplesFew  = 8    // or so many, if they
	spanTicks   = 300  // are spread over this
	waitTicks   = 30   // SLO_wait: nobody is slow who is not above it
	certTicks   = 50   // SLO_cert
	factor      = 3    // a: how many times slower than others
	alone       = 4    // times SLO_wait, where there are no others to compare with
	rateTicks   = 200  // over which bytes are counted
	rateFirst   = 50   // r: percent of others' rate that are demanded at the end of grace
	rateLast    = 80   // and after a while: one percent more each rateTicks
	lowTicks    = 1000 // for which the rate is low, in each window: disks pause
	trailBlocks = 64   // headers in a row that trail
	skipTicks   = 64   // for which somebody is left out
	graceTicks  = 300  // after a view began, or four of its timeouts if that is more
	calmTicks   = 500  // after a disturbance
	restTicks   = 30_000
	excuseTicks = 100  // for which bodies may wait for others' batches: then the primary carries them
	excusePause = 1000 // from one excuse to the next
)

// Monitor judges the primaries of one member's views. Times are ticks that only grow. It
// is not safe for concurrent use.
type Monitor struct {
	com   *pbft.Committee
	calm  uint64 // no judgement before
	rests uint64 // no judgement before: it is the network
	// slowViews is c: views in a row that this member left with n-2f slow-SUSPECTs.
	slowViews int
	entries   [][]entry // by member, its last two tenures
	waiting   pbft.Waiting
	recent    window
	view      view
}

// entry is what a tenure of a member was measured at.
type entry struct{ wait, cert, rate uint64 }

// view is what was measured of the present one.
type view struct {
	entered   bool
	on        bool // and not an own one
	primary   pbft.ReplicaID
	enteredAt uint64
	judgeAt   uint64
	wait      samples
	cert      samples
	taken     int     // samples after grace
	prompt    int     // blocks with payload before which nothing waited
	rate      samples // of windows that do not overlap
	// The last whole block: its number, when it came, and whether the next was inside
	// the window then.
	last     pbft.Seq
	lastAt   uint64
	open     bool
	excuseAt uint64 // when the last excuse began, plus one
	trailing int
	skipAt   uint64 // since when somebody is left out, plus one
	lowAt    uint64 // since when the rate is low, plus one
}

// New returns a monitor of a member that starts at tick 0.
func New(c *pbft.Committee) *Monitor {
	return &Monitor{com: c, calm: calmTicks, entries: make([][]entry, c.Size())}
}

// Disturb says that what is measured now may be this member's own fault, or that of its
// links: it starts, recalls, catches up, or a link to the primary came back.
func (m *Monitor) Disturb(now uint64) { m.calm = max(m.calm, now+calmTicks) }

// Enter says that a view of a primary began on a base, with a progress timeout. Nobody
// judges itself: of own views nothing is measured.
func (m *Monitor) Enter(now uint64, primary pbft.ReplicaID, own bool, base pbft.Seq, timeoutTicks uint64) {
	m.view = view{entered: true, on: !own, primary: primary, enteredAt: now, last: base, lastAt: now, open: true,
		judgeAt: now + max(4*timeoutTicks, graceTicks)}
}

// Leave says that the present view ends here, while so many members, this one included,
// call it slow.
func (m *Monitor) Leave(now uint64, slow int) {
	v := &m.view
	if !v.entered {
		return
	}
	v.entered, v.on = false, false
	if served := v.wait.count + v.prompt; served >= samplesMin {
		e := entry{cert: v.cert.quantile(90), rate: v.rate.quantile(50)}
		if v.wait.count*10 > served {
			e.wait = v.wait.quantile(90)
		}
		own := append(m.entries[v.primary], e)
		m.entries[v.primary] = own[max(0, len(own)-2):]
	}
	switch {
	case slow >= m.com.HonestSuspects():
		if m.slowViews++; m.slowViews >= m.com.WeakQuorum() {
			m.slowViews, m.rests = m.com.Faults(), now+restTicks
		}
	case v.taken >= samplesMax:
		m.slowViews = 0
	}
}

// Tick takes what the driver says of what waits. It is called once each tick, before Judge.
func (m *Monitor) Tick(now uint64, w pbft.Waiting) {
	m.waiting = w
	m.recent.tick(w.Backlog)
	v := &m.view
	if rate, ok := m.recent.rate(); ok && v.on && now >= v.enteredAt+rateTicks && m.recent.backlog%rateTicks == 0 {
		v.rate.add(now, rate)
	}
	switch low := m.belowRate(now); {
	case !low:
		v.lowAt = 0
	case v.lowAt == 0:
		v.lowAt = now + 1
	}
	switch {
	case w.Skipped <= w.SkipLimit:
		v.skipAt = 0
	case v.skipAt == 0:
		v.skipAt = now + 1
	}
}

// Block says that a block of the present view is whole here, header and body. nextOpen says
// whether its successor is inside the window now; fair is false where its body waited for
// batches of others. That excuses a primary for a second, in which it can begin to carry
// them, and not again for ten.
func (m *Monitor) Block(now uint64, h *pbft.Header, executed pbft.Seq, nextOpen, fair bool) {
	v := &m.view
	if !v.on || h.Seq <= v.last {
		return
	}
	if !fair && (v.excuseAt == 0 || now+1 >= v.excuseAt+excusePause) {
		v.excuseAt = now + 1
	}
	excused := !fair && now+1 < v.excuseAt+excuseTicks
	switch {
	case h.Seq != v.last+1 || !v.open || excused:
	case m.waiting.EligibleTicks > 0:
		since := max(v.lastAt, v.enteredAt, now-min(now, uint64(m.waiting.EligibleTicks)))
		m.sample(&v.wait, now, m.less(now-min(now, since), uint64(h.PayloadBytes)))
	case h.PayloadBytes > 0:
		v.prompt++
	}
	v.last, v.lastAt, v.open = h.Seq, now, nextOpen
	if p := m.com.Parameters(); uint64(executed) > uint64(h.ExecSeq)+2*p.Window+p.ExecutionLag {
		v.trailing++
	} else {
		v.trailing = 0
	}
}

// less takes off what a payload takes at the rate of others: a flash sale after a quiet
// night is not slowness.
func (m *Monitor) less(wait, bytes uint64) uint64 {
	b, ok := m.base()
	if !ok || b.rate == 0 {
		return wait
	}
	return wait - min(wait, bytes*rateTicks/b.rate)
}

// Certified says that a certificate of a block of the present view is here so many ticks
// after the own PREPARE.
func (m *Monitor) Certified(now, ticks uint64) {
	if m.view.on {
		m.sample(&m.view.cert, now, ticks)
	}
}

// Committed says that so many bytes of payload were committed.
func (m *Monitor) Committed(bytes uint64) { m.recent.add(bytes) }

func (m *Monitor) sample(s *samples, now, ticks uint64) {
	s.add(now, ticks)
	if s == &m.view.wait && now >= m.view.judgeAt {
		m.view.taken++
	}
}

// Rests reports until when the monitor judges nobody because it was the network, 0 if it
// does.
func (m *Monitor) Rests(now uint64) uint64 {
	if now < m.rests {
		return m.rests
	}
	return 0
}
