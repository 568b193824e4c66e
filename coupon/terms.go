package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of CampaignPublish (rules 3.14).
const (
	FundersMax          = 4
	ShopsMax            = 256
	TitleSizeMax        = 64
	UsesMax      uint16 = 1000
	SupplyMax    uint32 = 10_000_000

	dayMs              uint64 = 86_400_000
	yearMs             uint64 = 365 * dayMs
	GraceMsMax         uint32 = 600_000
	RollbackMsMax      uint64 = 90 * dayMs
	RelativeMsMin      uint64 = 60_000
	RelativeMsMax      uint64 = 10 * yearMs
	RedeemAheadMsMax   uint64 = 10 * yearMs
	TillAheadMsMax     uint64 = 3 * yearMs
	GiftAheadMsMax     uint64 = 30 * dayMs
	VoidExtensionMs    uint64 = dayMs
	TransfersUnlimited uint8  = 255
)

// ValueKind says by which rule a coupon's value follows from a bill (rules 3.6).
type ValueKind uint8

// The value kinds. FixedPrice and BuyGet decode, but no stage-1 campaign may
// have them (E201).
const (
	Amount ValueKind = iota
	Percent
	FreeItem
	Stored
	FixedPrice
	BuyGet
)

// String returns the kind's name in rules 3.6.
func (k ValueKind) String() string {
	names := [...]string{"AMOUNT", "PERCENT", "FREE_ITEM", "STORED", "FIXED_PRICE", "BUY_GET"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("ValueKind(%d)", uint8(k))
}

// item reports whether the invoice must state number and price of items.
func (k ValueKind) item() bool { return k == FreeItem || k == FixedPrice || k == BuyGet }

// Reimburse says what the funder pays for a use: the value used, or the face.
type Reimburse uint8

// The two reimbursement rules (rules 3.2).
const (
	ReimburseUsed Reimburse = iota
	ReimburseFace
)

// TransferMode says how far a coupon may be passed on.
type TransferMode uint8

// The transfer modes. In version 1 of the rules gift and trade allow the same transactions.
const (
	TransferNone TransferMode = iota
	TransferGift
	TransferTrade
)

// Funder is one payer of a campaign. The first of a list bears remainders.
type Funder struct {
	Member   uint16
	ShareBps uint16
}

// Shop is a place where a coupon is good; Store 0 means all stores of Member.
type Shop struct {
	Member uint16
	Store  uint16
}

// Terms are a campaign's immutable rules: the body of CampaignPublish from its
// format byte on, and the value of a terms row (rules 3.14, 3.15). Amounts are minor
// units of Currency, times Unix milliseconds.
type Terms struct {
	Issuer       uint16
	Funders      []Funder
	Currency     uint16
	Title        string
	TermsHash    [32]byte
	ProductHash  [32]byte
	ValueKind    ValueKind
	Face         uint64
	Bps          uint16
	Ceiling      uint64
	MinSpend     uint64
	Uses         uint16
	Buy          uint8
	Get          uint8
	Rounding     uint8
	Reimburse    Reimburse
	ReimburseBps uint16
	Fee          uint64
	ShowMax      uint64
	MaxSupply    uint32
	Budget       uint64
	ClaimFrom    uint64
	ClaimUntil   uint64
	RedeemFrom   uint64
	RedeemUntil  uint64
	RelativeMs   uint64
	GraceMs      uint32
	RollbackMs   uint64
	HolderCap    uint16
	Transfer     TransferMode
	MaxTransfers uint8
	ResaleBps    uint16
	Shops        []Shop
}

const termsFormat = 1

// AppendTo appends the canonical encoding of t, format byte first.
func (t *Terms) AppendTo(b []byte) []byte {
	b = append(b, termsFormat)
	b = wire.AppendUint16(b, t.Issuer)
	b = wire.AppendUint32(b, uint32(len(t.Funders)))
	for _, f := range t.Funders {
		b = wire.AppendUint16(b, f.Member)
		b = wire.AppendUint16(b, f.ShareBps)
	}
	b = wire.AppendUint16(b, t.Currency)
	b = wire.AppendString(b, t.Title)
	b = append(b, t.TermsHash[:]...)
	b = append(b, t.ProductHash[:]...)
	b = append(b, byte(t.ValueKind))
	b = wire.AppendUint64(b, t.Face)
	b = wire.AppendUint16(b, t.Bps)
	b = wire.AppendUint64(b, t.Ceiling)
	b = wire.AppendUint64(b, t.MinSpend)
	b = wire.AppendUint16(b, t.Uses)
	b = append(b, t.Buy, t.Get, t.Rounding, byte(t.Reimburse))
	b = wire.AppendUint16(b, t.ReimburseBps)
	b = wire.AppendUint64(b, t.Fee)
	b = wire.AppendUint64(b, t.ShowMax)
	b = wire.AppendUint32(b, t.MaxSupply)
	b = wire.AppendUint64(b, t.Budget)
	for _, ms := range [...]uint64{t.ClaimFrom, t.ClaimUntil, t.RedeemFrom, t.RedeemUntil, t.RelativeMs} {
		b = wire.AppendUint64(b, ms)
	}
	b = wire.AppendUint32(b, t.GraceMs)
	b = wire.AppendUint64(b, t.RollbackMs)
	b = wire.AppendUint16(b, t.HolderCap)
	b = append(b, byte(t.Transfer), t.MaxTransfers)
	b = wire.AppendUint16(b, t.ResaleBps)
	b = wire.AppendUint32(b, uint32(len(t.Shops)))
	for _, s := range t.Shops {
		b = wire.AppendUint16(b, s.Member)
		b = wire.AppendUint16(b, s.Store)
	}
	return b
}

// DecodeTerms decodes a terms row.
func DecodeTerms(b []byte) (Terms, error) {
	d := newDecoder(b)
	t := d.terms()
	return t, d.close("terms")
}

func (d decoder) terms() (t Terms) {
	d.exactly(termsFormat)
	t.Issuer = d.Uint16()
	t.Funders = d.funders()
	t.Currency = d.Uint16()
	t.Title = d.String(TitleSizeMax)
	d.require(t.Title != "", "empty title")
	t.TermsHash = d.Bytes32()
	d.require(t.TermsHash != [32]byte{}, "terms hash is zero")
	t.ProductHash = d.Bytes32()
	t.ValueKind = ValueKind(d.Enum8(uint8(BuyGet)))
	t.Face = d.money()
	t.Bps = d.bps()
	t.Ceiling = d.money()
	t.MinSpend = d.money()
	t.Uses = d.Uint16()
	d.require(t.Uses >= 1 && t.Uses <= UsesMax, "uses beyond 1..1000")
	t.Buy, t.Get = d.Uint8(), d.Uint8()
	t.Rounding = d.Enum8(1)
	t.Reimburse = Reimburse(d.Enum8(uint8(ReimburseFace)))
	t.ReimburseBps = d.bps()
	t.Fee = d.money()
	t.ShowMax = d.money()
	t.MaxSupply = d.Uint32()
	d.require(t.MaxSupply >= 1 && t.MaxSupply <= SupplyMax, "supply beyond its limit")
	t.Budget = d.money()
	t.ClaimFrom, t.ClaimUntil = d.time(), d.time()
	t.RedeemFrom, t.RedeemUntil = d.time(), d.time()
	t.RelativeMs = d.upTo(RelativeMsMax)
	d.require(t.RelativeMs == 0 || t.RelativeMs >= RelativeMsMin, "relative life below a minute")
	t.GraceMs = d.Uint32()
	d.require(t.GraceMs <= GraceMsMax, "grace beyond its limit")
	t.RollbackMs = d.upTo(RollbackMsMax)
	t.HolderCap = d.Uint16()
	t.Transfer = TransferMode(d.Enum8(uint8(TransferTrade)))
	t.MaxTransfers = d.Uint8()
	d.require((t.MaxTransfers == 0) == (t.Transfer == TransferNone), "transfers are zero if and only if none")
	t.ResaleBps = d.bps()
	d.require(t.ResaleBps == 0 || t.Transfer == TransferTrade, "resale without trade")
	t.Shops = d.shops()
	return t
}

func (d decoder) funders() []Funder {
	n := d.Count(FundersMax, 4)
	d.require(n >= 1, "no funder")
	fs := make([]Funder, n)
	sum := uint32(0)
	for i := range fs {
		fs[i] = Funder{Member: d.Uint16(), ShareBps: d.bps()}
		d.require(fs[i].ShareBps >= 1, "funder without a share")
		for _, before := range fs[:i] {
			d.require(before.Member != fs[i].Member, "funder named twice")
		}
		sum += uint32(fs[i].ShareBps)
	}
	d.require(sum == uint32(BpsMax), "shares do not add up to 10000")
	return fs
}

func (d decoder) shops() []Shop {
	n := d.Count(ShopsMax, 4)
	if n == 0 {
		return nil
	}
	ss := make([]Shop, n)
	for i := range ss {
		ss[i] = Shop{Member: d.Uint16(), Store: d.Uint16()}
		d.require(i == 0 || ss[i-1].before(ss[i]), "shops not ascending")
	}
	return ss
}

func (s Shop) before(o Shop) bool {
	return s.Member < o.Member || s.Member == o.Member && s.Store < o.Store
}

// GoodAt reports whether the terms allow a store of a member: named itself, through store
// 0 of its member, or by an empty list.
func (t *Terms) GoodAt(member, store uint16) bool {
	if len(t.Shops) == 0 {
		return true
	}
	for _, s := range t.Shops {
		if s.Member == member && (s.Store == 0 || s.Store == store) {
			return true
		}
		if s.Member > member {
			return false
		}
	}
	return false
}

// Check returns nil if the terms agree with themselves and the kind table of
// rules 3.6, else an error that names the field: the part of E201 that needs no state.
func (t *Terms) Check() error {
	switch {
	case t.ValueKind >= FixedPrice:
		return fmt.Errorf("coupon: kind %s is not available yet", t.ValueKind)
	case t.Buy != 0 || t.Get != 0:
		return fmt.Errorf("coupon: buy and get must be 0 for %s", t.ValueKind)
	case t.ReimburseBps < BpsMax && len(t.Shops) == 0:
		return fmt.Errorf("coupon: reimbursement below 10000 needs a list of shops")
	case t.Reimburse == ReimburseFace && t.ReimburseBps != BpsMax:
		return fmt.Errorf("coupon: reimbursing the face needs reimbursement 10000")
	case t.Reimburse == ReimburseFace && t.ValueKind != Amount && t.ValueKind != FreeItem:
		return fmt.Errorf("coupon: %s reimburses the value used", t.ValueKind)
	}
	if t.ValueKind == Percent {
		if t.Bps == 0 || t.Ceiling == 0 || t.Face != 0 {
			return fmt.Errorf("coupon: PERCENT needs bps and ceiling, and face 0")
		}
	} else if t.Face == 0 || t.Bps != 0 || t.Ceiling != 0 || t.Rounding != 0 {
		return fmt.Errorf("coupon: %s needs a face, and bps, ceiling and rounding 0", t.ValueKind)
	}
	if l := t.Liability(); l > MoneyMax || l > t.Budget {
		return fmt.Errorf("coupon: one coupon may cost %d, more than the budget %d or the largest amount", l, t.Budget)
	}
	return nil
}
