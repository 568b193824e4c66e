package desim

// retryNs is after how long a client whose member went down turns to another one.
const retryNs = 100_000_000

// clients hand in transactions and wait for answers.
type clients struct {
	s        *simulation
	gateways []int
	next     int // gateway of the next transaction
	step     int // next load step
	rate     int64
	open     int // on their way
}

// begin schedules the first arrivals.
func (c *clients) begin() {
	l := &c.s.cfg.Load
	c.rate = l.TxPerSecond
	if l.InFlight > 0 {
		for range l.InFlight {
			c.submitNew()
		}
		return
	}
	c.arriveNext(0)
}

// arriveNext schedules the arrival after the one intended at from.
func (c *clients) arriveNext(from int64) {
	l := &c.s.cfg.Load
	at := from
	for {
		var stepAt int64 = 1 << 62
		if c.step < len(l.Steps) {
			stepAt = l.Steps[c.step].AtMs * 1_000_000
		}
		if c.rate > 0 {
			if due := at + c.gapNs(); due < stepAt {
				c.arriveAt(due)
				return
			}
		}
		if c.step >= len(l.Steps) {
			return
		}
		at, c.rate = max(at, stepAt), l.Steps[c.step].TxPerSecond
		c.step++
	}
}

func (c *clients) gapNs() int64 {
	mean := 1_000_000_000 / c.rate
	if !c.s.cfg.Load.Poisson {
		return max(1, mean)
	}
	return max(1, exponential(c.s.arrivals.Uint64(), mean))
}

func (c *clients) arriveAt(at int64) {
	if at >= c.s.endNs {
		return
	}
	c.s.after(at-c.s.now, func() {
		c.submitNew()
		c.arriveNext(at)
	})
}

// submitNew makes a transaction and sends it.
func (c *clients) submitNew() {
	if c.s.now >= c.s.endNs || len(c.s.samples) >= TxsMax {
		return
	}
	tx := int32(len(c.s.samples))
	gateway := c.gateways[c.next%len(c.gateways)]
	c.next++
	c.s.samples = append(c.s.samples, Sample{IntendedNs: c.s.now, Gateway: int32(gateway)})
	c.open++
	c.submit(tx)
}

// submit sends a transaction to its gateway, or the next one that is up.
func (c *clients) submit(tx int32) {
	s := c.s
	s.after(s.cfg.Load.ClientDelayUs*1000, func() {
		x := &s.samples[tx]
		for range s.cfg.N {
			if s.members[x.Gateway].engine != nil {
				break
			}
			x.Gateway = (x.Gateway + 1) % int32(s.cfg.N)
		}
		m := s.members[x.Gateway]
		if m.engine == nil {
			s.after(retryNs, func() { c.submit(tx) })
			return
		}
		s.work(m, s.cfg.Costs.DoorNsPerTx, &m.used.DoorNs, func() {
			kept, ok := m.expect(tx)
			if !ok {
				s.refuse(tx)
				return
			}
			m.front.check(bulk, []int32{tx}, func() { m.admit(tx, kept) })
		})
		s.watch(m, tx)
	})
}

// watch remembers who waits at m, for when m crashes.
func (s *simulation) watch(m *member, tx int32) {
	if s.crashes {
		s.waitingAt[m.id] = append(s.waitingAt[m.id], tx)
	}
}

// moveOn sends the clients of a crashed member to others, after a pause.
func (c *clients) moveOn(m *member) {
	waiting := c.s.waitingAt[m.id]
	c.s.waitingAt[m.id] = nil
	for _, tx := range waiting {
		if x := &c.s.samples[tx]; x.AnsweredNs == 0 && x.Gateway == int32(m.id) {
			c.s.after(retryNs, func() {
				x := &c.s.samples[tx]
				x.Gateway = (x.Gateway + 1) % int32(c.s.cfg.N)
				c.submit(tx)
			})
		}
	}
}

// refuse ends a transaction for which its member had no room. A closed loop tries
// again after a pause.
func (s *simulation) refuse(tx int32) {
	s.clients.open--
	s.refused++
	if s.cfg.Load.InFlight > 0 {
		s.after(retryNs, s.clients.submitNew)
	}
}

// answer tells m's clients about the transactions of an executed block.
func (m *member) answer(x *executed, b *batch) {
	if b == nil {
		return
	}
	var mine []int32
	for _, tx := range b.txs {
		if t := &m.s.samples[tx]; t.Gateway == int32(m.id) && t.AnsweredNs == 0 && t.Seq == uint64(x.block.Header.Seq) {
			mine = append(mine, tx)
		}
	}
	m.answerThese(x, mine)
}

// answerThese answers the clients of some transactions of a block.
func (m *member) answerThese(x *executed, txs []int32) {
	if len(txs) == 0 {
		return
	}
	s, at := m.s, x.at
	s.work(m, int64(len(txs))*s.cfg.Costs.AnswerNsPerTx, &m.used.DoorNs, func() {
		s.after(s.cfg.Load.ClientDelayUs*1000, func() {
			for _, tx := range txs {
				s.clients.answered(tx, &at)
			}
		})
	})
}

func (c *clients) answered(tx int32, at *blockTimes) {
	x := &c.s.samples[tx]
	if x.AnsweredNs != 0 {
		return
	}
	x.PreparedNs, x.CommittedNs, x.ExecutedNs, x.AnsweredNs = at.prepared, at.committed, at.executed, c.s.now
	c.open--
	if c.s.cfg.Load.InFlight > 0 {
		c.submitNew()
	}
}

// exponential maps 64 random bits to an exponentially distributed value with the
// given mean, in integers: -mean*ln(u). The logarithm to base 2 is found bit by
// bit, to 20 digits after the point.
func exponential(bits uint64, mean int64) int64 {
	u := bits>>1 | 1 // in (0, 2^63)
	whole := int64(0)
	for u < 1<<62 {
		u <<= 1
		whole++
	}
	x := u >> 31 // 2^31 <= x < 2^32, a fraction of 2^31 in [1, 2)
	fraction := int64(0)
	for range 20 {
		x = x * x >> 31
		fraction <<= 1
		if x >= 1<<32 {
			x >>= 1
			fraction |= 1
		}
	}
	// -log2(u/2^63) = whole + 1 - fraction/2^20, and ln = log2 * 0.693147.
	log2 := (whole+1)<<20 - fraction
	return mean/1_000_000*(log2*693_147>>20) + mean%1_000_000*(log2*693_147>>20)/1_000_000
}
