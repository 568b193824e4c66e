package coupontest

// Prefixes of the rows of governance (rules 3.19).
const (
	rowProposal  = 0x26
	rowStop      = 0x28
	rowSet       = 0x2A
	rowNextSet   = 0x2B
	rowOpen      = 0x2D
	rowSeat      = 0x40
	rowValidator = 0x41
	rowEpoch     = 0x42
	rowFormer    = 0x43
	rowConvicted = 0x44
	rowTenures   = 0x45
	rowQueue     = 0x46
)

type setRow struct {
	first, sinceMs uint64
	body           SetBody
}

type nextRow struct {
	at   uint64
	body SetBody
}

type seatRow struct {
	key                             Key
	address                         string
	archive, vouched                bool
	known                           uint16
	ready                           uint64
	readyMs, announcedMs, rekeyedMs uint64
}

type epochRow struct {
	first, last uint64
	digest      [32]byte
	sinceMs     uint64
}

type keyRow struct {
	member uint16
	height uint64
}

// governed is what a state of version 2 holds of governance.
type governed struct {
	set    setRow
	next   *nextRow
	former *SetBody
	seats  map[uint16]*seatRow
	keys   map[Key]keyRow
	epochs []epochRow
}

// found is the part of the migration at version 2 that concerns validators.
func (m *Model) found(w *World) {
	g := governed{seats: map[uint16]*seatRow{}, keys: map[Key]keyRow{}}
	g.set = setRow{first: 1, sinceMs: w.FoundedMs, body: w.Set}
	g.epochs = []epochRow{{first: 1, digest: w.Set.Digest(w.Chain), sinceMs: w.FoundedMs}}
	for _, s := range w.Set.Seats {
		g.seats[s.Member] = &seatRow{key: s.Key, known: 2}
		g.keys[s.Key] = keyRow{member: s.Member}
	}
	m.two.governed = g
}

// rows3 renders the rows of governance.
func (m *Model) rows3(put func(key, value []byte)) {
	g := &m.two.governed
	put([]byte{rowSet}, append(le64(le64(nil, g.set.first), g.set.sinceMs), g.set.body.Bytes()...))
	if g.next != nil {
		put([]byte{rowNextSet}, append(le64(nil, g.next.at), g.next.body.Bytes()...))
	}
	if g.former != nil {
		put([]byte{rowFormer}, g.former.Bytes())
	}
	for member, s := range g.seats {
		put(be16([]byte{rowSeat}, member), s.row())
	}
	for key, k := range g.keys {
		put(append([]byte{rowValidator}, key[:]...), le64(le16(nil, k.member), k.height))
	}
	for n, e := range g.epochs {
		put(be32([]byte{rowEpoch}, uint32(n)), le64(append(le64(le64(nil, e.first), e.last), e.digest[:]...), e.sinceMs))
	}
}

func (s *seatRow) row() []byte {
	b := text(append([]byte(nil), s.key[:]...), s.address)
	flags := byte(0)
	if s.archive {
		flags++
	}
	if s.vouched {
		flags += 2
	}
	return le64(le64(le64(le64(le16(append(b, flags), s.known), s.ready), s.readyMs), s.announcedMs), s.rekeyedMs)
}

// seatsActive counts the members of a set that are ACTIVE.
func (m *Model) seatsActive(s *SetBody) (n int) {
	for _, one := range s.Seats {
		if who := m.members[one.Member]; who != nil && who.state == active {
			n++
		}
	}
	return n
}
