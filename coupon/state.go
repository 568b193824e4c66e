package coupon

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Prefixes of the flat table (rules 3.15): the first byte of a row's key.
const (
	PrefixParams     byte = 0x01
	PrefixMember     byte = 0x02
	PrefixFunding    byte = 0x03
	PrefixTill       byte = 0x04
	PrefixCampaign   byte = 0x05
	PrefixTerms      byte = 0x06
	PrefixBatch      byte = 0x07
	PrefixCoupon     byte = 0x08
	PrefixHolder     byte = 0x09
	PrefixRedemption byte = 0x0a
	PrefixObligation byte = 0x0b
	PrefixSeen       byte = 0x0c
)

// SeenBucketMs is the width of a Seen bucket.
const SeenBucketMs uint64 = 10_000

// Limits of member rows.
const (
	AdminKeysMax = 8
	NameSizeMax  = 64
	BatchesMax   = 1024
)

// Roles of a member (rules 3.2), a bit set.
const (
	RoleIssuer   uint8 = 1
	RoleMerchant uint8 = 2
	RolePayment  uint8 = 4
	RoleMall     uint8 = 8
	RoleAttester uint8 = 16
	allRoles           = RoleIssuer | RoleMerchant | RolePayment | RoleMall | RoleAttester
)

// RoleNames are the roles of a member as people write them, in the order of their bits.
func RoleNames() []string { return []string{"issuer", "merchant", "payment", "mall", "attester"} }

// RightNames are the rights of a till as people write them, in the order of their bits.
func RightNames() []string { return []string{"redeem", "void_own", "void_any"} }

// BitNames returns those of the names whose bits a set of roles or rights has.
func BitNames(set uint8, names []string) []string {
	in := []string{}
	for i, name := range names {
		if set>>i&1 == 1 {
			in = append(in, name)
		}
	}
	return in
}

// ParseBits returns the set of roles or rights that have these names; unknown is the first
// that is none of them.
func ParseBits(in, names []string) (set uint8, unknown string) {
	for _, name := range in {
		i := slices.Index(names, name)
		if i < 0 {
			return 0, name
		}
		set |= 1 << i
	}
	return set, ""
}

// MemberState is a member's standing.
type MemberState uint8

// The member states.
const (
	MemberActive MemberState = iota
	MemberSuspended
	MemberLeft
)

// TillState is a till key's standing.
type TillState uint8

// The till states. A revoked key stays for ever.
const (
	TillActive TillState = iota
	TillRevoked
)

// CampaignState is a campaign's stored state; EXHAUSTED and ENDED are derived.
type CampaignState uint8

// The campaign states.
const (
	CampaignPublished CampaignState = iota
	CampaignPaused
	CampaignClosed
)

// CouponStatus is a coupon's stored status; EXPIRED and a lapsed gift are
// derived from the time.
type CouponStatus uint8

// The coupon states.
const (
	Held CouponStatus = iota
	Gifted
	Redeemed
)

// RedemptionState is a redemption's stored state; FINAL is derived.
type RedemptionState uint8

// The redemption states.
const (
	Accrued RedemptionState = iota
	Voided
)

// Params is the one row of running numbers and constants.
type Params struct {
	NextCampaign uint32
	NextMember   uint16
	CycleMs      uint64
}

// Member is an organisation. Keys are ascending and distinct.
type Member struct {
	State     MemberState
	Roles     uint8
	Threshold uint8
	Keys      [][32]byte
	Name      string
}

func (m *Member) hasKey(key *[32]byte) bool {
	for i := range m.Keys {
		if m.Keys[i] == *key {
			return true
		}
	}
	return false
}

// Funding is what a member may lock, and has locked, in one currency.
type Funding struct {
	Limit  uint64
	Locked uint64
}

// Till is a registered till key.
type Till struct {
	State      TillState
	Member     uint16
	Store      uint16
	Rights     uint8
	Currency   uint16
	ValidFrom  uint64
	ValidUntil uint64
	DayCap     uint64
	Day        uint32
	DaySum     uint64
	Label      string
}

// Live reports whether the key may be used at now, its member apart.
func (t *Till) Live(now uint64) bool {
	return t.State == TillActive && now >= t.ValidFrom && now < t.ValidUntil
}

// MayRedeem reports whether the key may redeem at now; m is its member, nil if there
// is none.
func (t *Till) MayRedeem(m *Member, now uint64) bool {
	return t.Live(now) && t.Rights&RightRedeem != 0 && m != nil && m.State == MemberActive
}

// Campaign holds a campaign's counters; its rules are Terms.
type Campaign struct {
	State       CampaignState
	Issuer      uint16
	Version     uint16
	NextSerial  uint32
	Batches     uint16
	Issued      uint32
	UsedUp      uint32
	Redemptions uint32
	Voids       uint32
	Committed   uint64
	Accrued     uint64
	RedeemUntil uint64
	StretchMs   uint64
	SweepAt     uint32
}

// Batch is a range of serials that one ticket key may hand out.
type Batch struct {
	First     uint32
	Count     uint32
	TicketKey [32]byte
}

func (b *Batch) holds(serial uint32) bool { return serial >= b.First && serial-b.First < b.Count }

// Coupon is one coupon. GiftKey and GiftUntil count in status Gifted only.
// TransfersLeft TransfersUnlimited is never counted down.
type Coupon struct {
	Owner         [32]byte
	Seq           uint32
	Version       uint16
	UsesLeft      uint16
	ValueLeft     uint64
	ClaimedAt     uint64
	Floor         uint64
	TransfersLeft uint8
	Status        CouponStatus
	GiftKey       [32]byte
	GiftUntil     uint64
}

// At returns the coupon as it is at the time now: a gift whose time is over is
// HELD again (rules 3.2).
func (c Coupon) At(now uint64) Coupon {
	if c.Status == Gifted && now >= c.GiftUntil {
		c.hold()
	}
	return c
}

func (c *Coupon) hold() {
	c.Status, c.GiftKey, c.GiftUntil = Held, [32]byte{}, 0
}

// Redemption is one accepted Redeem, kept under (coupon, seq when redeemed).
type Redemption struct {
	State         RedemptionState
	TillKey       [32]byte
	Member        uint16
	Store         uint16
	InvoiceDigest [32]byte
	Mode          Mode
	Value         uint64
	Payable       uint64
	At            uint64
	FinalAt       uint64
}

// Obligation is what a campaign owes one payee in one settlement cycle.
type Obligation struct {
	Sum   uint64
	Count uint32
}

// SeenRow certifies the members of one Seen bucket: how many there are, and the
// running hash over them.
type SeenRow struct {
	Count uint32
	Chain [32]byte
}

// SeenEntry is a member of a Seen bucket: a decided transaction id or a used
// invoice digest, with where it was decided. Code is the outcome of the
// transaction, OK for an invoice; it is not part of the running hash, and
// follows from the receipt at (Height, Index).
type SeenEntry struct {
	ID     [32]byte
	Height uint64
	Index  uint32
	Code   Code
}

// SeenEntrySize is how many bytes of an entry the running hash covers.
const SeenEntrySize = 44

// Add returns the row after one more member: chain' = SHA-256(chain || entry).
// The chain of an empty bucket is 32 zero bytes.
func (s SeenRow) Add(e SeenEntry) SeenRow {
	var b [32 + SeenEntrySize]byte
	copy(b[:32], s.Chain[:])
	copy(b[32:64], e.ID[:])
	binary.LittleEndian.PutUint64(b[64:], e.Height)
	binary.LittleEndian.PutUint32(b[72:], e.Index)
	return SeenRow{Count: s.Count + 1, Chain: sha256.Sum256(b[:])}
}

// SeenEntrySize2 is how many bytes of an entry the running hash covers from version 2 of
// the rules on: the code stands behind.
const SeenEntrySize2 = 46

// AddWithCode is Add for rows of version 2, which certify the codes too.
func (s SeenRow) AddWithCode(e SeenEntry) SeenRow {
	var b [32 + SeenEntrySize2]byte
	copy(b[:32], s.Chain[:])
	copy(b[32:64], e.ID[:])
	binary.LittleEndian.PutUint64(b[64:], e.Height)
	binary.LittleEndian.PutUint32(b[72:], e.Index)
	binary.LittleEndian.PutUint16(b[76:], uint16(e.Code))
	return SeenRow{Count: s.Count + 1, Chain: sha256.Sum256(b[:])}
}

// SeenBucket returns the bucket that an expiry falls into.
func SeenBucket(expires uint64) uint64 { return expires / SeenBucketMs }

// AppendTo appends the row's 14 bytes.
func (p *Params) AppendTo(b []byte) []byte {
	b = wire.AppendUint32(b, p.NextCampaign)
	b = wire.AppendUint16(b, p.NextMember)
	return wire.AppendUint64(b, p.CycleMs)
}

// DecodeParams decodes the params row.
func DecodeParams(b []byte) (Params, error) {
	d := newDecoder(b)
	p := Params{NextCampaign: d.Uint32(), NextMember: d.Uint16(), CycleMs: d.Uint64()}
	d.require(p.NextCampaign >= 1 && p.NextMember >= 1, "running number 0")
	d.require(p.CycleMs >= CycleMsMin, "cycle below an hour")
	return p, d.close("params")
}

// AppendTo appends the row's 11 + 32 n + name bytes.
func (m *Member) AppendTo(b []byte) []byte {
	b = append(b, byte(m.State), m.Roles, m.Threshold)
	b = wire.AppendUint32(b, uint32(len(m.Keys)))
	for i := range m.Keys {
		b = append(b, m.Keys[i][:]...)
	}
	return wire.AppendString(b, m.Name)
}

// DecodeMember decodes a member row.
func DecodeMember(b []byte) (Member, error) {
	d := newDecoder(b)
	m := Member{State: MemberState(d.Enum8(uint8(MemberLeft))), Roles: d.Enum8(allRoles), Threshold: d.Uint8()}
	n := d.Count(AdminKeysMax, 32)
	m.Keys = make([][32]byte, n)
	for i := range m.Keys {
		m.Keys[i] = d.Bytes32()
		d.require(i == 0 || bytes.Compare(m.Keys[i-1][:], m.Keys[i][:]) < 0, "admin keys not ascending")
	}
	m.Name = d.String(NameSizeMax)
	d.require(m.Threshold >= 1 && int(m.Threshold) <= n, "threshold beyond the number of keys")
	return m, d.close("member")
}

// AppendTo appends the row's 16 bytes.
func (f *Funding) AppendTo(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint64(b, f.Limit), f.Locked)
}

// DecodeFunding decodes a funding row.
func DecodeFunding(b []byte) (Funding, error) {
	d := newDecoder(b)
	f := Funding{Limit: d.money(), Locked: d.money()}
	return f, d.close("funding")
}

// AppendTo appends the row's 48 + label bytes.
func (t *Till) AppendTo(b []byte) []byte {
	b = append(b, byte(t.State))
	b = wire.AppendUint16(b, t.Member)
	b = wire.AppendUint16(b, t.Store)
	b = append(b, t.Rights)
	b = wire.AppendUint16(b, t.Currency)
	b = wire.AppendUint64(b, t.ValidFrom)
	b = wire.AppendUint64(b, t.ValidUntil)
	b = wire.AppendUint64(b, t.DayCap)
	b = wire.AppendUint32(b, t.Day)
	b = wire.AppendUint64(b, t.DaySum)
	return wire.AppendString(b, t.Label)
}

// DecodeTill decodes a till row.
func DecodeTill(b []byte) (Till, error) {
	d := newDecoder(b)
	t := Till{State: TillState(d.Enum8(uint8(TillRevoked))), Member: d.Uint16(), Store: d.Uint16(),
		Rights: d.rights(), Currency: d.Uint16(), ValidFrom: d.time(), ValidUntil: d.time(),
		DayCap: d.money(), Day: d.Uint32(), DaySum: d.money(), Label: d.String(LabelSizeMax)}
	return t, d.close("till")
}

// AppendTo appends the row's 63 bytes.
func (g *Campaign) AppendTo(b []byte) []byte {
	b = append(b, byte(g.State))
	b = wire.AppendUint16(b, g.Issuer)
	b = wire.AppendUint16(b, g.Version)
	b = wire.AppendUint32(b, g.NextSerial)
	b = wire.AppendUint16(b, g.Batches)
	for _, n := range [...]uint32{g.Issued, g.UsedUp, g.Redemptions, g.Voids} {
		b = wire.AppendUint32(b, n)
	}
	for _, n := range [...]uint64{g.Committed, g.Accrued, g.RedeemUntil, g.StretchMs} {
		b = wire.AppendUint64(b, n)
	}
	return wire.AppendUint32(b, g.SweepAt)
}

// DecodeCampaign decodes a campaign row.
func DecodeCampaign(b []byte) (Campaign, error) {
	d := newDecoder(b)
	g := Campaign{State: CampaignState(d.Enum8(uint8(CampaignClosed))), Issuer: d.Uint16(), Version: d.Uint16(),
		NextSerial: d.Uint32(), Batches: d.Uint16(), Issued: d.Uint32(), UsedUp: d.Uint32(),
		Redemptions: d.Uint32(), Voids: d.Uint32(), Committed: d.money(), Accrued: d.money(),
		RedeemUntil: d.time(), StretchMs: d.time(), SweepAt: d.Uint32()}
	return g, d.close("campaign")
}

// AppendTo appends the row's 40 bytes.
func (t *Batch) AppendTo(b []byte) []byte {
	b = wire.AppendUint32(b, t.First)
	b = wire.AppendUint32(b, t.Count)
	return append(b, t.TicketKey[:]...)
}

// DecodeBatch decodes a batch row.
func DecodeBatch(b []byte) (Batch, error) {
	d := newDecoder(b)
	t := Batch{First: d.Uint32(), Count: d.Uint32(), TicketKey: d.Bytes32()}
	return t, d.close("batch")
}

// AppendTo appends the row's 66 bytes, or 106 for a gift.
func (c *Coupon) AppendTo(b []byte) []byte {
	b = append(b, c.Owner[:]...)
	b = wire.AppendUint32(b, c.Seq)
	b = wire.AppendUint16(b, c.Version)
	b = wire.AppendUint16(b, c.UsesLeft)
	b = wire.AppendUint64(b, c.ValueLeft)
	b = wire.AppendUint64(b, c.ClaimedAt)
	b = wire.AppendUint64(b, c.Floor)
	b = append(b, c.TransfersLeft, byte(c.Status))
	if c.Status == Gifted {
		b = append(b, c.GiftKey[:]...)
		b = wire.AppendUint64(b, c.GiftUntil)
	}
	return b
}

// DecodeCoupon decodes a coupon row.
func DecodeCoupon(b []byte) (Coupon, error) {
	d := newDecoder(b)
	c := Coupon{Owner: d.Bytes32(), Seq: d.Uint32(), Version: d.Uint16(), UsesLeft: d.Uint16(),
		ValueLeft: d.money(), ClaimedAt: d.time(), Floor: d.Uint64(), TransfersLeft: d.Uint8(),
		Status: CouponStatus(d.Enum8(uint8(Redeemed)))}
	if c.Status == Gifted {
		c.GiftKey, c.GiftUntil = d.Bytes32(), d.time()
	}
	return c, d.close("coupon")
}

func appendClaims(claims *uint16, b []byte) []byte { return wire.AppendUint16(b, *claims) }

// DecodeHolder decodes a holder count row: how many coupons of the campaign the
// key has claimed.
func DecodeHolder(b []byte) (claims uint16, err error) {
	d := newDecoder(b)
	claims = d.Uint16()
	return claims, d.close("holder count")
}

// AppendTo appends the row's 102 bytes.
func (r *Redemption) AppendTo(b []byte) []byte {
	b = append(b, byte(r.State))
	b = append(b, r.TillKey[:]...)
	b = wire.AppendUint16(b, r.Member)
	b = wire.AppendUint16(b, r.Store)
	b = append(b, r.InvoiceDigest[:]...)
	b = append(b, byte(r.Mode))
	for _, n := range [...]uint64{r.Value, r.Payable, r.At, r.FinalAt} {
		b = wire.AppendUint64(b, n)
	}
	return b
}

// DecodeRedemption decodes a redemption row.
func DecodeRedemption(b []byte) (Redemption, error) {
	d := newDecoder(b)
	r := Redemption{State: RedemptionState(d.Enum8(uint8(Voided))), TillKey: d.Bytes32(), Member: d.Uint16(),
		Store: d.Uint16(), InvoiceDigest: d.Bytes32(), Mode: Mode(d.Enum8(uint8(ModeShow))),
		Value: d.money(), Payable: d.money(), At: d.time(), FinalAt: d.Uint64()}
	return r, d.close("redemption")
}

// AppendTo appends the row's 12 bytes.
func (o *Obligation) AppendTo(b []byte) []byte {
	return wire.AppendUint32(wire.AppendUint64(b, o.Sum), o.Count)
}

// DecodeObligation decodes an obligation row.
func DecodeObligation(b []byte) (Obligation, error) {
	d := newDecoder(b)
	o := Obligation{Sum: d.Uint64(), Count: d.Uint32()}
	d.require(o.Count >= 1, "empty obligation")
	return o, d.close("obligation")
}

// AppendTo appends the row's 36 bytes.
func (s *SeenRow) AppendTo(b []byte) []byte {
	return append(wire.AppendUint32(b, s.Count), s.Chain[:]...)
}

// DecodeSeen decodes a Seen row.
func DecodeSeen(b []byte) (SeenRow, error) {
	d := newDecoder(b)
	s := SeenRow{Count: d.Uint32(), Chain: d.Bytes32()}
	d.require(s.Count >= 1, "empty bucket")
	return s, d.close("seen bucket")
}
