package coupontest

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// cutter takes fields off the front of a byte slice. The first fault sticks.
type cutter struct {
	rest []byte
	bad  bool
}

// need marks the input as bad unless a condition holds.
func (c *cutter) need(ok bool) {
	if !ok {
		c.bad = true
	}
}

func (c *cutter) take(n int) []byte {
	if c.bad || n > len(c.rest) {
		c.bad = true
		return make([]byte, min(n, 64))
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cutter) u8() uint8   { return c.take(1)[0] }
func (c *cutter) u16() uint16 { return binary.LittleEndian.Uint16(c.take(2)) }
func (c *cutter) u32() uint32 { return binary.LittleEndian.Uint32(c.take(4)) }
func (c *cutter) u64() uint64 { return binary.LittleEndian.Uint64(c.take(8)) }

func (c *cutter) key() [32]byte { return [32]byte(c.take(32)) }
func (c *cutter) sig() [64]byte { return [64]byte(c.take(64)) }

func (c *cutter) money() uint64 { return c.upTo(c.u64(), moneyMax) }
func (c *cutter) time() uint64  { return c.upTo(c.u64(), timeMax) }
func (c *cutter) bps() uint16   { return uint16(c.upTo(uint64(c.u16()), 10_000)) }

func (c *cutter) upTo(v, limit uint64) uint64 {
	c.need(v <= limit)
	return v
}

// count reads the length of a list or string.
func (c *cutter) count(low, high uint32) int {
	n := c.u32()
	c.need(n >= low && n <= high)
	if c.bad {
		return 0
	}
	return int(n)
}

func (c *cutter) text(low, high uint32) string {
	b := c.take(c.count(low, high))
	c.need(utf8.Valid(b))
	for _, r := range string(b) {
		switch {
		case r < 0x20, r == 0x7F, r >= 0x80 && r <= 0x9F, r == 0x200E, r == 0x200F,
			r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			c.need(false)
		}
	}
	return string(b)
}

// Decode reads a transaction strictly (rules 3.3 a, 3.14). The code is 107, 101 or 0; a transaction comes only
// with 0. The chain hint and the signatures are not judged.
func Decode(raw []byte) (*Tx, uint16) { return DecodeAt(1, raw) }

// DecodeAt is Decode for a version of the rules.
func DecodeAt(version uint16, raw []byte) (*Tx, uint16) {
	if large := version >= 2 && len(raw) > 1 && raw[1] == KindEvidence; len(raw) > txMaxBytes && !large ||
		len(raw) > 32_768 {
		return nil, 107
	}
	c := &cutter{rest: raw}
	t := &Tx{}
	c.need(c.u8() == 1)
	t.Kind = c.u8()
	t.Hint = c.u32()
	t.Expires = c.time()
	c.need(version >= 2 || t.Kind <= KindVoid)
	c.body(t)
	c.witness(t)
	if c.bad || len(c.rest) > 0 {
		return nil, 101
	}
	return t, 0
}

func (c *cutter) body(t *Tx) {
	switch t.Kind {
	case KindPublish:
		t.Terms = c.terms()
	case KindPause, KindResume, KindClose:
		t.Campaign = c.u32()
	case KindBatch:
		t.Campaign, t.First, t.Count, t.TicketKey = c.u32(), c.u32(), c.u32(), c.key()
		c.need(t.Count >= 1)
	case KindTillAdd:
		t.Member, t.Store, t.TillKey = c.u16(), c.u16(), c.key()
		t.Rights, t.Currency = c.u8(), c.u16()
		t.ValidFrom, t.ValidUntil, t.DayCap = c.time(), c.time(), c.money()
		t.Label = c.text(0, 32)
		c.need(t.Store >= 1 && t.Rights >= 1 && t.Rights <= 7 && t.DayCap >= 1)
	case KindTillRevoke:
		t.Member, t.TillKey = c.u16(), c.key()
	case KindClaim:
		t.Campaign, t.Batch, t.Serial = c.u32(), c.u16(), c.u32()
		t.ClaimKey, t.TicketExpires = c.key(), c.time()
		t.TicketKey, t.To = c.key(), c.key()
		c.need(t.Serial >= 1)
	case KindTransfer:
		t.Coupon, t.Seq, t.Mover = c.u64(), c.u32(), c.key()
		t.To, t.GiftUntil = c.key(), c.time()
	case KindRedeem:
		t.Invoice, t.Auth = c.invoice(), c.auth()
		c.need(t.Expires == t.Auth.Expires)
	case KindVoid:
		t.Coupon, t.Seq, t.Key = c.u64(), c.u32(), c.key()
	default:
		c.body2(t)
	}
}

func (c *cutter) witness(t *Tx) {
	if c.bad {
		return
	}
	if memberSigned(t.Kind) {
		for n := c.count(1, 32); n > 0; n-- {
			s := MemberSig{Member: c.u16(), Key: c.key(), Sig: c.sig()}
			if len(t.Members) > 0 {
				last := t.Members[len(t.Members)-1]
				c.need(last.Member < s.Member ||
					last.Member == s.Member && bytes.Compare(last.Key[:], s.Key[:]) < 0)
			}
			t.Members = append(t.Members, s)
		}
	}
	switch t.Kind {
	case KindTillAdd, KindTransfer, KindVoid:
		t.SigA = c.sig()
	case KindClaim, KindRedeem:
		t.SigA, t.SigB = c.sig(), c.sig()
	default:
		for _, sig := range t.sigs2() {
			*sig = c.sig()
		}
	}
}

func (c *cutter) invoice() (v Invoice) {
	v.TillKey, v.Campaign, v.Currency = c.key(), c.u32(), c.u16()
	v.Basis, v.Qty, v.Unit = c.money(), c.u16(), c.money()
	v.BasketHash, v.Expires = c.key(), c.time()
	return v
}

func (c *cutter) auth() (a Auth) {
	a.Coupon, a.Seq, a.Holder = c.u64(), c.u32(), c.key()
	a.Value, a.Expires, a.Mode = c.money(), c.time(), c.u8()
	c.need(a.Value >= 1)
	switch a.Mode {
	case ModeInvoice:
		a.Invoice = c.key()
	case ModeShow:
		a.Merchant = c.u16()
	default:
		c.need(false)
	}
	return a
}

// terms reads what rules 3.14 fixes for a CampaignPublish from format on; the rest is E201 and E202.
func (c *cutter) terms() (t Terms) {
	t.Format, t.Issuer = c.u8(), c.u16()
	c.need(t.Format == 1)
	t.Funders = c.funders()
	t.Currency, t.Title = c.u16(), c.text(1, 64)
	t.TermsHash, t.ProductHash = c.key(), c.key()
	c.need(t.TermsHash != [32]byte{})
	t.Kind = c.u8()
	c.need(t.Kind <= 5)
	t.Face, t.Bps, t.Ceiling, t.MinSpend = c.money(), c.bps(), c.money(), c.money()
	t.Uses, t.Buy, t.Get, t.Rounding, t.Reimburse = c.u16(), c.u8(), c.u8(), c.u8(), c.u8()
	c.need(t.Uses >= 1 && t.Uses <= 1000 && t.Rounding <= 1 && t.Reimburse <= 1)
	t.ReimburseBps, t.Fee, t.ShowMax = c.bps(), c.money(), c.money()
	t.MaxSupply, t.Budget = c.u32(), c.money()
	c.need(t.MaxSupply >= 1 && t.MaxSupply <= 10_000_000)
	t.ClaimFrom, t.ClaimUntil, t.RedeemFrom, t.RedeemUntil = c.time(), c.time(), c.time(), c.time()
	t.RelativeMs, t.GraceMs, t.RollbackMs = c.u64(), c.u32(), c.u64()
	c.need(t.RelativeMs == 0 || t.RelativeMs >= 60_000 && t.RelativeMs <= 10*yearMs)
	c.need(t.GraceMs <= 600_000 && t.RollbackMs <= 7_776_000_000)
	t.HolderCap, t.Transfer, t.MaxTransfers, t.ResaleBps = c.u16(), c.u8(), c.u8(), c.bps()
	c.need(t.Transfer <= 2)
	c.need((t.MaxTransfers == 0) == (t.Transfer == TransferNone))
	c.need(t.ResaleBps == 0 || t.Transfer == TransferTrade)
	for n := c.count(0, 256); n > 0; n-- {
		s := Shop{c.u16(), c.u16()}
		if len(t.Shops) > 0 {
			last := t.Shops[len(t.Shops)-1]
			c.need(last.Member < s.Member || last.Member == s.Member && last.Store < s.Store)
		}
		t.Shops = append(t.Shops, s)
	}
	return t
}

func (c *cutter) funders() (list []Funder) {
	sum := 0
	for n := c.count(1, 4); n > 0; n-- {
		f := Funder{c.u16(), c.bps()}
		c.need(f.ShareBps >= 1)
		for _, other := range list {
			c.need(other.Member != f.Member)
		}
		sum += int(f.ShareBps)
		list = append(list, f)
	}
	c.need(sum == 10_000)
	return list
}
