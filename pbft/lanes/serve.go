package lanes

import "github.com/scrip-network/scrip/pbft"

// What a member is given of ranges.
const (
	// answersPerSecond is the least that one member may fetch in a second, in bytes; a
	// twentieth of the line if that is more.
	answersPerSecond = 1 << 20
	// sameMax bounds the answers that are remembered, sameNs for how long: the same range
	// is given to a member once in that time.
	sameMax = 64
	sameNs  = secondNs
)

// serving is what a member was given.
type serving struct {
	bytes  int64 // that it may be given now
	atNs   int64
	recent []given
}

type given struct {
	r    Range
	atNs int64
}

// lineBytes is what the line carries in a second.
func (l *Lanes) lineBytes() int64 { return int64(l.cfg.LineMbit) * 1_000_000 / 8 }

// serve answers who lacks a range: with it, or that it is not here.
func (l *Lanes) serve(from pbft.ReplicaID, m *Fetch, nowNs int64) pbft.Reason {
	if int(m.Range.Lane) >= len(l.lanes) {
		return pbft.InvalidContent
	}
	s := &l.serves[from]
	most := max(answersPerSecond, l.lineBytes()/20)
	s.bytes = min(most, s.bytes+most/1000*((nowNs-s.atNs)/millisecondNs))
	if s.atNs == 0 {
		s.bytes = most
	}
	s.atNs = nowNs
	for len(s.recent) > 0 && (len(s.recent) >= sameMax || s.recent[0].atNs+sameNs <= nowNs) {
		s.recent = s.recent[1:]
	}
	for _, g := range s.recent {
		if g.r == m.Range {
			return pbft.IgnoredDuplicate
		}
	}
	batches, _ := l.find(&m.Range)
	size := 0
	for _, b := range batches {
		size += BatchSize(b)
	}
	if size > RangeBytesMax+RangeBatchesMax*16 || int64(size) > s.bytes {
		batches, size = nil, 0
	}
	s.bytes -= int64(size)
	s.recent = append(s.recent, given{m.Range, nowNs})
	l.send(from, &Data{Range: m.Range, Batches: batches})
	return pbft.Accepted
}
