package desim

import "github.com/scrip-network/scrip/pbft"

// strike lets a fault happen.
func (s *simulation) strike(f *Fault) {
	m := s.members[0]
	switch {
	case f.Kind == CrashPrimary || f.Kind == SlowPrimary || f.Kind == UnfairPrimary || f.Kind == Equivocate:
		m = s.primary()
	case f.Member >= 0:
		m = s.members[f.Member]
	}
	switch f.Kind {
	case Crash, CrashPrimary:
		s.crash(m)
	case Restart:
		for _, x := range s.members {
			if x.engine == nil && (f.Member < 0 || x == m) {
				s.restart(x)
			}
		}
	case Slow:
		s.during(f, func(on bool) { m.slowNs = f.DelayMs * 1_000_000 * int64(count(on)) })
	case SlowPrimary:
		s.during(f, func(on bool) { m.slowLeadNs = f.DelayMs * 1_000_000 * int64(count(on)) })
	case UnfairPrimary:
		s.during(f, func(on bool) { m.leavesOut = (f.Member + 1) * count(on) })
	case Withhold:
		s.during(f, func(on bool) { m.withholding = on })
	case WithholdBodies:
		s.during(f, func(on bool) { m.lanes.author.withholds = on })
	case Drip:
		s.during(f, func(on bool) { m.lanes.author.dripNs = f.DelayMs * 1_000_000 * int64(count(on)) })
	case EquivocateBatches:
		s.during(f, func(on bool) { m.lanes.author.equivocates = on })
	case LackAll:
		s.during(f, func(on bool) { m.lanes.author.lacksAll = on })
	case MuteAuthor:
		s.during(f, func(on bool) { m.lanes.author.mute = on })
	case Equivocate:
		m.byzantine = true
		s.during(f, func(on bool) { m.equivocates = on })
	}
}

// during switches something on, and off when the fault ends.
func (s *simulation) during(f *Fault, set func(on bool)) {
	set(true)
	if f.UntilMs > 0 {
		s.after(f.UntilMs*1_000_000-s.now, func() { set(false) })
	}
}

func (s *simulation) crash(m *member) {
	if m.engine == nil {
		return
	}
	m.crash()
	for _, x := range s.members {
		x.linkLanes(m.id, false)
	}
	s.clients.moveOn(m)
}

// restart starts a member from its log. Its links are there after a round trip.
func (s *simulation) restart(m *member) {
	if err := m.boot(); err != nil {
		s.failed = err
		return
	}
	m.wakeUp()
	for _, x := range s.members {
		if x == m {
			continue
		}
		s.after(s.delayNs(int(m.id), int(x.id), 0)+s.delayNs(int(x.id), int(m.id), 0), func() {
			s.connect(m, x.id)
			s.connect(x, m.id)
		})
	}
}

func (s *simulation) connect(m *member, peer pbft.ReplicaID) {
	if m.engine != nil {
		m.connected = append(m.connected, peer)
		m.linkLanes(peer, true)
		m.wake()
	}
}

// corrupt returns what a faulty member sends in place of a message.
func (m *member) corrupt(o pbft.Outgoing) []pbft.Outgoing {
	vote := o.Message.Kind() == pbft.KindPrepare || o.Message.Kind() == pbft.KindCommit
	switch {
	case m.withholding && vote:
		return nil
	case m.equivocates:
		return m.equivocate(o)
	}
	return []pbft.Outgoing{o}
}

// equivocate splits the others: those with an odd number get what the engine says,
// the rest a block that differs in its time, and a vote for that.
func (m *member) equivocate(o pbft.Outgoing) []pbft.Outgoing {
	p, ok := o.Message.(*pbft.PrePrepare)
	if !ok || p.Header.Proposer != m.id {
		return []pbft.Outgoing{o}
	}
	other := *p
	other.Header.TimeMs++
	other.Signature = m.sign(m.s.committee.HeaderBytesToSign(&other.Header))
	vote := pbft.Vote{Epoch: m.s.committee.Epoch(), Block: m.s.committee.Ref(&other.Header), Replica: m.id}
	vote.Signature = m.sign(m.s.committee.PrepareBytes(vote.Block))
	var out []pbft.Outgoing
	m.s.each(m, o.To, func(to int) {
		if to%2 == 1 {
			out = append(out, pbft.Outgoing{To: pbft.ReplicaID(to), Message: p})
			return
		}
		out = append(out, pbft.Outgoing{To: pbft.ReplicaID(to), Message: &other},
			pbft.Outgoing{To: pbft.ReplicaID(to), Message: &pbft.Prepare{Vote: vote}})
	})
	return out
}
