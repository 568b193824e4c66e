package desim

import "github.com/scrip-network/scrip/pbft"

// flow is a frame of the bulk lane on its way to a member. The copies of a proposal
// share the sender's line, so each member sees some of it all the while.
type flow struct {
	from, to int64 // simulated time
	size     int
}

// within returns how many of its bytes come in a time.
func (f *flow) within(from, to int64) int {
	switch {
	case f.to <= f.from:
		if from <= f.to && f.to < to {
			return f.size
		}
		return 0
	case f.to <= from || f.from >= to:
		return 0
	}
	share := float64(min(f.to, to)-max(f.from, from)) / float64(f.to-f.from)
	return int(share * float64(f.size))
}

// flows notes a frame that arrives at a member at a time.
func (s *simulation) flows(f *frame, to int, from, at int64) {
	if m := s.members[to]; f.lane == pbft.LaneBulk && m.engine != nil && !s.cfg.Without.Grace {
		m.flows[f.from] = append(m.flows[f.from], flow{from, at, f.size})
	}
}

// arrivals tells the driver what came on the bulk lane since the last time.
func (m *member) arrivals() {
	begin := m.flowsAt
	m.flowsAt = m.s.now
	for from := range m.flows {
		kept, bytes := m.flows[from][:0], 0
		for _, f := range m.flows[from] {
			bytes += f.within(begin, m.s.now)
			if f.to >= m.s.now {
				kept = append(kept, f)
			}
		}
		m.flows[from] = kept
		if bytes > 0 {
			m.driver.Arrived(pbft.ReplicaID(from), bytes)
		}
	}
}

// pingTicks is the pause between two measures of the distances, in ticks.
const pingTicks = 100

// ping tells the driver how far the others are.
func (m *member) ping() {
	if m.s.cfg.Links.DelayUs == nil {
		return
	}
	for id := range m.s.members {
		us := m.s.cfg.Links.DelayUs[m.id][id] + m.s.cfg.Links.DelayUs[id][m.id]
		m.driver.Measured(pbft.ReplicaID(id), us*1000, m.time())
	}
}
