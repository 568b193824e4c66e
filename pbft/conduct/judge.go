package conduct

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// Judge says what is wrong with the present primary, pbft.Fair if nothing is or if it is
// too early to say (R11.3, R11.4).
func (m *Monitor) Judge(now uint64) pbft.Judgement {
	v := &m.view
	if !v.on || now < v.judgeAt || now < m.calm || now < m.rests {
		return pbft.Fair
	}
	base, known := m.base()
	times := uint64(factor) << m.slowViews
	wait, cert := uint64(alone*waitTicks), ^uint64(0)
	if known {
		wait, cert = max(waitTicks, times*base.wait), max(certTicks, times*base.cert)
	}
	switch {
	case v.wait.enough(now) && v.wait.high() > wait:
		return pbft.LateBlocks
	case v.cert.enough(now) && v.cert.high() > cert:
		return pbft.LateCertificates
	case v.lowAt != 0 && now+2 >= v.lowAt+lowTicks:
		return pbft.LowRate
	case v.trailing >= trailBlocks:
		return pbft.StateTrails
	case v.skipAt != 0 && now+2 >= v.skipAt+skipTicks:
		return pbft.LeavesOut
	}
	return pbft.Fair
}

// belowRate reports whether fewer bytes are committed than the share of others' rate that
// is demanded by now, while there is enough to commit.
func (m *Monitor) belowRate(now uint64) bool {
	rate, ok := m.recent.rate()
	if !ok {
		return false
	}
	others, known := m.base()
	share := uint64(rateFirst)
	if now > m.view.judgeAt {
		share = min(rateFirst+(now-m.view.judgeAt)/rateTicks, rateLast)
	}
	return known && rate*100 < others.rate*share
}

// base is what this member measured of members other than the present primary: medians
// over their last two tenures, so that f who shine for a while do not move it. It is known
// where there are f+1 others.
func (m *Monitor) base() (b entry, known bool) {
	var all []entry
	members := 0
	for id, es := range m.entries {
		if pbft.ReplicaID(id) != m.view.primary && len(es) > 0 {
			members++
			all = append(all, es...)
		}
	}
	if members < m.com.WeakQuorum() {
		return entry{}, false
	}
	of := func(what func(entry) uint64) []uint64 {
		list := make([]uint64, len(all))
		for i := range all {
			list[i] = what(all[i])
		}
		slices.Sort(list)
		return list
	}
	// Where two are in the middle, the one that demands less.
	return entry{
		wait: of(func(e entry) uint64 { return e.wait })[len(all)/2],
		cert: of(func(e entry) uint64 { return e.cert })[len(all)/2],
		rate: of(func(e entry) uint64 { return e.rate })[(len(all)-1)/2],
	}, true
}

// samples are the last so many measures, with the ticks at which they were made.
type samples struct {
	ticks [samplesMax]uint64
	at    [samplesMax]uint64
	count int
}

func (s *samples) add(now, ticks uint64) {
	s.ticks[s.count%samplesMax], s.at[s.count%samplesMax] = ticks, now
	s.count++
}

// held is how many there are.
func (s *samples) held() int { return min(s.count, samplesMax) }

// enough reports whether there are enough to judge by, or fewer over a longer time.
func (s *samples) enough(now uint64) bool {
	if s.count < samplesFew {
		return false
	}
	oldest := s.at[0]
	if s.count > samplesMax {
		oldest = s.at[s.count%samplesMax]
	}
	return s.count >= samplesMin || now-oldest >= spanTicks
}

// high is what nine of ten are not above; while there are fewer than samplesMax, what three
// of four are not, so that a few pauses of a disk convict nobody.
func (s *samples) high() uint64 {
	if s.count < samplesMax {
		return s.quantile(75)
	}
	return s.quantile(90)
}

// quantile returns what so many of a hundred are not above, 0 without samples.
func (s *samples) quantile(percent int) uint64 {
	n := s.held()
	if n == 0 {
		return 0
	}
	sorted := s.ticks
	slices.Sort(sorted[:n])
	return sorted[(percent*n-1)/100]
}

// window counts bytes over the last rateTicks, and for how long there was a backlog.
type window struct {
	bytes   [rateTicks]uint64
	at      int
	sum     uint64
	backlog int // ticks in a row
}

func (w *window) tick(backlog bool) {
	if w.backlog++; !backlog {
		w.backlog = 0
	}
	w.at = (w.at + 1) % rateTicks
	w.sum -= w.bytes[w.at]
	w.bytes[w.at] = 0
}

func (w *window) add(bytes uint64) {
	w.bytes[w.at] += bytes
	w.sum += bytes
}

// rate returns the bytes of the last rateTicks, if there was a backlog all the time.
func (w *window) rate() (uint64, bool) { return w.sum, w.backlog >= rateTicks }
