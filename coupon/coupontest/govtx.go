package coupontest

import "github.com/scrip-network/scrip/pbft"

// Kinds of governance (rules 3.20).
const (
	KindPropose   = 37
	KindVote      = 38
	KindSeatKey   = 60
	KindSeatReady = 61
	KindEvidence  = 62
)

const tagSeat = "scrip/seat/v1"

// Act is an action of any number: a flat record of which each uses its part.
type Act struct {
	Num uint8

	Name      string // 1
	Roles     uint8  // 1, 3
	Threshold uint8  // 1, 4
	Keys      []Key  // 1, 4
	Member    uint16 // 2, 3, 4, 5
	State     uint8  // 2
	Currency  uint16 // 5, 6
	Limit     uint64 // 5
	Letters   string // 6
	Exponent  uint8  // 6

	LifeMs, MemberLifeMs, PayMs uint64 // 7
	Clearer                     uint16 // 7
	NetMode                     uint8  // 7

	Version uint16 // 8
	Height  uint64 // 8

	Add  []SeatOf // 9
	Drop []uint16 // 9
	F, P uint8    // 9, 12

	Scope  uint8    // 10, 11
	Target uint32   // 10, 11
	Until  uint64   // 10
	Reason [32]byte // 10

	W                                uint16 // 12
	K, C                             uint32 // 12
	D                                uint8  // 12
	PrecisionMs, DelayMs, PayloadMax uint32 // 12
}

// Tx3 are the fields of the kinds of governance, beside those of Tx.
type Tx3 struct {
	At      uint64   // 37
	Backers []uint16 // 37
	Act     Act      // 37

	Proposal uint32   // 38
	Digest   [32]byte // 38
	Ballot   uint8    // 38

	Address string // 60
	Flags   uint8  // 60
	Known   uint16 // 60, 61
	Vouched bool   // 60
	Voucher Key    // 60

	Height uint64   // 61
	Root   [32]byte // 61

	Evidence []byte // 62
}

// Bytes encodes the action.
func (a *Act) Bytes() []byte {
	b := []byte{a.Num}
	switch a.Num {
	case 1:
		b = keyList(append(text(b, a.Name), a.Roles, a.Threshold), a.Keys)
	case 2:
		b = append(le16(b, a.Member), a.State)
	case 3:
		b = append(le16(b, a.Member), a.Roles)
	case 4:
		b = keyList(append(le16(b, a.Member), a.Threshold), a.Keys)
	case 5:
		b = le64(le16(le16(b, a.Member), a.Currency), a.Limit)
	case 6:
		b = append(append(le16(b, a.Currency), a.Letters...), a.Exponent)
	case 7:
		b = append(le16(le64(le64(le64(b, a.LifeMs), a.MemberLifeMs), a.PayMs), a.Clearer), a.NetMode)
	case 8:
		b = le64(le16(b, a.Version), a.Height)
	case 9:
		b = le32(b, uint32(len(a.Add)))
		for _, s := range a.Add {
			b = append(le16(b, s.Member), s.Key[:]...)
		}
		b = le32(b, uint32(len(a.Drop)))
		for _, m := range a.Drop {
			b = le16(b, m)
		}
		b = append(b, a.F, a.P)
	case 10:
		b = append(le64(le32(append(b, a.Scope), a.Target), a.Until), a.Reason[:]...)
	case 11:
		b = le32(append(b, a.Scope), a.Target)
	case 12:
		b = append(le32(le32(le16(append(b, a.F, a.P), a.W), a.K), a.C), a.D)
		b = le32(le32(le32(b, a.PrecisionMs), a.DelayMs), a.PayloadMax)
	}
	return b
}

// body3 encodes the fields of a kind of governance.
func (t *Tx) body3(b []byte) []byte {
	switch t.Kind {
	case KindPropose:
		b = le32(le64(le16(b, t.Member), t.At), uint32(len(t.Backers)))
		for _, m := range t.Backers {
			b = le16(b, m)
		}
		b = text(b, string(t.Act.Bytes()))
	case KindVote:
		b = append(append(le32(le16(b, t.Member), t.Proposal), t.Digest[:]...), t.Ballot)
	case KindSeatKey:
		b = append(text(append(le16(b, t.Member), t.Key[:]...), t.Address), t.Flags)
		b = le16(b, t.Known)
		if t.Vouched {
			b = append(append(b, 1), t.Voucher[:]...)
		} else {
			b = append(b, 0)
		}
	case KindSeatReady:
		b = le64(append(le16(b, t.Member), t.Key[:]...), t.Height)
		b = le16(append(b, t.Root[:]...), t.Known)
	case KindEvidence:
		b = append(b, t.Evidence...)
	}
	return b
}

// sigs3 lists the signatures behind those of members of a kind of governance.
func (t *Tx) sigs3() (list []*[64]byte) {
	switch {
	case t.Kind == KindSeatKey && t.Vouched:
		return append(list, &t.SigA, &t.SigB)
	case t.Kind == KindSeatKey, t.Kind == KindSeatReady:
		return append(list, &t.SigA)
	}
	return nil
}

// sign3 signs what sigs3 lists.
func (t *Tx) sign3(chain [32]byte, ring Ring, own []byte) {
	if t.Kind == KindSeatKey || t.Kind == KindSeatReady {
		t.SigA = ring.sign(t.Key, own)
	}
	if t.Vouched {
		t.SigB = ring.sign(t.Voucher, message(chain, tagSeat, t.Body()))
	}
}

// body3 reads the fields of a kind of governance.
func (c *cutter) body3(t *Tx) {
	switch t.Kind {
	case KindPropose:
		t.Member, t.At = c.u16(), c.time()
		last := -1
		for n := c.count(0, 31); n > 0 && !c.bad; n-- {
			m := c.u16()
			c.need(int(m) > last && m != t.Member)
			t.Backers, last = append(t.Backers, m), int(m)
		}
		inner := &cutter{rest: c.take(c.count(1, 6144))}
		t.Act = inner.act()
		c.need(!inner.bad && len(inner.rest) == 0)
	case KindVote:
		t.Member, t.Proposal, t.Digest, t.Ballot = c.u16(), c.u32(), c.key(), c.u8()
		c.need(t.Ballot <= 2)
	case KindSeatKey:
		t.Member, t.Key, t.Address = c.u16(), c.key(), c.text(3, 128)
		c.need(isAddress(t.Address))
		t.Flags, t.Known = c.u8(), c.u16()
		vouched := c.u8()
		c.need(t.Flags <= 1 && vouched <= 1)
		if t.Vouched = vouched == 1; t.Vouched {
			t.Voucher = c.key()
		}
	case KindSeatReady:
		t.Member, t.Key, t.Height, t.Root, t.Known = c.u16(), c.key(), c.u64(), c.key(), c.u16()
	case KindEvidence:
		t.Evidence = c.rest
		c.rest = nil
		_, err := pbft.DecodeMisbehaviour(t.Evidence)
		c.need(err == nil)
	default:
		c.need(false)
	}
}

// isAddress says that a text is a host without blanks, a colon and a port.
func isAddress(s string) bool {
	colon := -1
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
		if s[i] == ':' {
			colon = i
		}
	}
	digits := s[colon+1:]
	if colon < 1 || len(digits) < 1 || len(digits) > 5 || digits[0] == '0' {
		return false
	}
	port := 0
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
		port = port*10 + int(digits[i]-'0')
	}
	return port <= 65_535
}

// act reads an action.
func (c *cutter) act() (a Act) {
	a.Num = c.u8()
	switch a.Num {
	case 1:
		a.Name, a.Roles = c.text(1, 64), c.u8()
		c.adminKeys(&a)
		c.need(a.Roles >= 1 && a.Roles <= 31)
	case 2:
		a.Member, a.State = c.u16(), c.u8()
		c.need(a.State <= 2)
	case 3:
		a.Member, a.Roles = c.u16(), c.u8()
		c.need(a.Roles >= 1 && a.Roles <= 31)
	case 4:
		a.Member = c.u16()
		c.adminKeys(&a)
	case 5:
		a.Member, a.Currency, a.Limit = c.u16(), c.u16(), c.money()
	case 6:
		a.Currency, a.Letters, a.Exponent = c.u16(), string(c.take(3)), c.u8()
		c.need(a.Currency >= 1 && a.Currency <= 999 && a.Exponent <= 4)
		for i := range len(a.Letters) {
			c.need(a.Letters[i] >= 'A' && a.Letters[i] <= 'Z')
		}
	case 7:
		a.LifeMs, a.MemberLifeMs, a.PayMs, a.Clearer, a.NetMode = c.u64(), c.u64(), c.u64(), c.u16(), c.u8()
		c.need(a.NetMode <= 1)
	case 8:
		a.Version, a.Height = c.u16(), c.u64()
		c.need(a.Version == 0 && a.Height == 0 || a.Version > 0 && a.Height > 0)
	case 9:
		c.seats(&a)
	case 10:
		c.scope(&a)
		a.Until, a.Reason = c.time(), c.key()
	case 11:
		c.scope(&a)
	case 12:
		a.F, a.P, a.W, a.K, a.C, a.D = c.u8(), c.u8(), c.u16(), c.u32(), c.u32(), c.u8()
		a.PrecisionMs, a.DelayMs, a.PayloadMax = c.u32(), c.u32(), c.u32()
	default:
		c.need(false)
	}
	return a
}

func (c *cutter) adminKeys(a *Act) {
	a.Threshold = c.u8()
	a.Keys = c.keyList(1, 8)
	c.ascending(a.Keys)
	c.need(a.Threshold >= 1 && int(a.Threshold) <= len(a.Keys))
}

func (c *cutter) scope(a *Act) {
	a.Scope, a.Target = c.u8(), c.u32()
	switch a.Scope {
	case 0:
		c.need(a.Target == 0)
	case 1:
		c.need(a.Target >= 1 && a.Target <= 65_535)
	default:
		c.need(a.Scope == 2 && a.Target >= 1)
	}
}

func (c *cutter) seats(a *Act) {
	added := map[uint16]bool{}
	last := -1
	for n := c.count(0, 50); n > 0 && !c.bad; n-- {
		s := SeatOf{c.u16(), c.key()}
		c.need(int(s.Member) > last)
		a.Add, added[s.Member], last = append(a.Add, s), true, int(s.Member)
	}
	last = -1
	for n := c.count(0, 50); n > 0 && !c.bad; n-- {
		m := c.u16()
		c.need(int(m) > last && !added[m])
		a.Drop, last = append(a.Drop, m), int(m)
	}
	a.F, a.P = c.u8(), c.u8()
	c.need(len(a.Add)+len(a.Drop) > 0)
}
