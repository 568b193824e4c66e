package desim

// sliceNs is how long a task holds a core before others have their turn.
const sliceNs = 1_000_000

// processor is the cores of one machine. Tasks wait in one queue and share the
// cores in slices.
type processor struct {
	s     *simulation
	cores int
	busy  int
	ready fifo[*task]
}

// task is work on a core for a member. It is dropped if its member crashes.
type task struct {
	m           *member
	incarnation int
	left        int64
	used        *int64 // where the time is accounted
	do          func() // afterwards
}

// work runs do after costNs of m's processor, accounted under used.
func (s *simulation) work(m *member, costNs int64, used *int64, do func()) {
	t := &task{m: m, incarnation: m.incarnation, left: costNs, used: used, do: do}
	p := m.processor
	if costNs <= 0 {
		s.after(0, func() { t.finish() })
		return
	}
	if p.busy == p.cores {
		p.ready.push(t)
		return
	}
	p.busy++
	p.run(t)
}

func (t *task) alive() bool { return t.m.incarnation == t.incarnation }

func (t *task) finish() {
	if t.alive() {
		t.do()
	}
}

func (p *processor) run(t *task) {
	d := min(t.left, sliceNs)
	p.s.after(d, func() { p.ran(t, d) })
}

func (p *processor) ran(t *task, d int64) {
	t.left -= d
	*t.used += d
	done := t.left == 0 || !t.alive()
	if !done {
		p.ready.push(t)
	}
	if p.ready.len() > 0 {
		p.run(p.ready.pop())
	} else {
		p.busy--
	}
	if done {
		t.finish()
	}
}

// disk serves syncs one after the other.
type disk struct {
	freeAt int64
}

// sync runs do when size bytes that m has written are on its disk.
func (s *simulation) sync(m *member, size int, do func()) {
	c := s.cfg.Costs
	took := c.SyncNs + perBytes(size, c.SyncNsPerMiB, 1<<20)
	if c.SyncSpreadNs > 0 {
		took += s.rng.Int64N(c.SyncSpreadNs + 1)
	}
	d := m.disk
	d.freeAt = max(d.freeAt, s.now) + took
	m.used.DiskNs += took
	m.used.Syncs++
	incarnation := m.incarnation
	s.after(d.freeAt-s.now, func() {
		if m.incarnation == incarnation {
			do()
		}
	})
}
