package client

import (
	"encoding/hex"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// CouponAnswer is a coupon as a node shows it.
type CouponAnswer struct {
	ID            U64    `json:"id"`
	Campaign      uint32 `json:"campaign"`
	Serial        uint32 `json:"serial" doc:"Its number in the campaign, from 1"`
	Owner         string `json:"owner" doc:"The holder key that owns it"`
	Seq           uint32 `json:"seq" doc:"Counts its changes; an authorisation names it"`
	Status        string `json:"status" enum:"HELD,GIFTED,REDEEMED,EXPIRED" doc:"At the time of the answer"`
	UsesLeft      uint16 `json:"uses_left"`
	ValueLeft     U64    `json:"value_left" doc:"Minor units left in a stored value"`
	Version       uint16 `json:"version" doc:"Version of its terms"`
	TransfersLeft uint8  `json:"transfers_left" doc:"255 = without limit"`
	ClaimedAt     Time   `json:"claimed_at"`
	Until         Time   `json:"until" doc:"End of holding and giving"`
	RedeemUntil   Time   `json:"redeem_until" doc:"End of redeeming: until and the grace time"`
	GiftKey       string `json:"gift_key,omitempty" doc:"While it is offered: the key that can accept it"`
	GiftUntil     *Time  `json:"gift_until,omitempty" doc:"While it is offered: when it returns by itself"`
}

// CouponAnswerOf shows a coupon at a time.
func CouponAnswerOf(id coupon.CouponID, c *coupon.Coupon, t *coupon.Terms, g *coupon.Campaign,
	nowMs uint64) CouponAnswer {
	at := c.At(nowMs)
	until := coupon.Until(c, t, g)
	a := CouponAnswer{
		ID: U64(id), Campaign: id.Campaign(), Serial: id.Serial(), Owner: keys.Encode(keys.Holder, c.Owner),
		Seq: c.Seq, Status: c.StatusAt(t, g, nowMs), UsesLeft: c.UsesLeft, ValueLeft: U64(c.ValueLeft),
		Version: c.Version, TransfersLeft: c.TransfersLeft, ClaimedAt: TimeOf(c.ClaimedAt),
		Until: TimeOf(until), RedeemUntil: TimeOf(until + uint64(t.GraceMs)),
	}
	if at.Status == coupon.Gifted {
		a.GiftKey, a.GiftUntil = keys.Encode(keys.Holder, c.GiftKey), timeAt(c.GiftUntil)
	}
	return a
}

// StepAnswer is one accepted transaction in a coupon's life.
type StepAnswer struct {
	ID      string `json:"id" doc:"Id of its event" example:"12.3.0"`
	Type    string `json:"type" example:"coupon.claimed"`
	Tx      Hash   `json:"tx" doc:"Id of the transaction"`
	Height  U64    `json:"height"`
	Index   uint32 `json:"index" doc:"Its place in the block"`
	Time    Time   `json:"time"`
	Effect  Effect `json:"effect"`
	Receipt []byte `json:"receipt" doc:"The canonical receipt"`
}

// ObligationAnswer is what a campaign owes a payee for one settlement cycle.
type ObligationAnswer struct {
	Cycle     uint32 `json:"cycle" doc:"Number of the settlement cycle"`
	Begins    Time   `json:"begins" doc:"Begin of the cycle"`
	Ends      Time   `json:"ends" doc:"End of the cycle"`
	Campaign  uint32 `json:"campaign"`
	Payee     uint16 `json:"payee" doc:"The merchant that is owed"`
	PayeeName string `json:"payee_name"`
	Currency  string `json:"currency" example:"EUR"`
	Sum       U64    `json:"sum" doc:"Minor units"`
	Count     uint32 `json:"count" doc:"Redemptions in it"`
}

// CampaignAnswer is a campaign as a node shows it.
type CampaignAnswer struct {
	ID          uint32      `json:"id"`
	Status      string      `json:"status" enum:"PUBLISHED,PAUSED,CLOSED,EXHAUSTED,ENDED" doc:"At the time of the answer"`
	Issuer      uint16      `json:"issuer"`
	IssuerName  string      `json:"issuer_name"`
	Version     uint16      `json:"version" doc:"Version of the terms"`
	NextSerial  uint32      `json:"next_serial" doc:"The first serial that no batch has opened"`
	Batches     uint16      `json:"batches"`
	Issued      uint32      `json:"issued" doc:"Coupons claimed"`
	UsedUp      uint32      `json:"used_up" doc:"Coupons without uses left"`
	Redemptions uint32      `json:"redemptions"`
	Voids       uint32      `json:"voids"`
	Committed   U64         `json:"committed" doc:"Minor units set aside for issued coupons"`
	Accrued     U64         `json:"accrued" doc:"Minor units owed for redemptions"`
	LastUse     Time        `json:"last_use" doc:"No void moves a coupon's end beyond this"`
	Ends        Time        `json:"ends" doc:"From here on nothing of it can change"`
	Terms       TermsAnswer `json:"terms"`
}

// CampaignAnswerOf shows a campaign at a time.
func CampaignAnswerOf(id uint32, g *coupon.Campaign, t *coupon.Terms, currency coupon.Currency, issuer string,
	nowMs uint64) CampaignAnswer {
	return CampaignAnswer{
		ID: id, Status: g.StatusAt(t, nowMs), Issuer: g.Issuer, IssuerName: issuer, Version: g.Version,
		NextSerial: g.NextSerial, Batches: g.Batches, Issued: g.Issued, UsedUp: g.UsedUp,
		Redemptions: g.Redemptions, Voids: g.Voids, Committed: U64(g.Committed), Accrued: U64(g.Accrued),
		LastUse: TimeOf(coupon.LastUse(t, g)), Ends: TimeOf(coupon.End(t, g)), Terms: TermsAnswerOf(t, currency),
	}
}

// TermsAnswer is the immutable rules of a campaign. Amounts are minor units.
type TermsAnswer struct {
	Title        string         `json:"title"`
	Issuer       uint16         `json:"issuer"`
	Funders      []FunderAnswer `json:"funders"`
	Currency     string         `json:"currency" example:"EUR"`
	Exponent     uint8          `json:"exponent" doc:"Decimal digits of the currency's minor unit"`
	TermsHash    Hash           `json:"terms_hash" doc:"SHA-256 of the public terms"`
	ProductHash  *Hash          `json:"product_hash,omitempty" doc:"SHA-256 of the list of goods; none = all goods"`
	Kind         string         `json:"kind" example:"AMOUNT"`
	Face         U64            `json:"face"`
	Bps          uint16         `json:"bps" doc:"Percentage in basis points"`
	Ceiling      U64            `json:"ceiling"`
	MinSpend     U64            `json:"min_spend"`
	Uses         uint16         `json:"uses"`
	Buy          uint8          `json:"buy,omitempty"`
	Get          uint8          `json:"get,omitempty"`
	Rounding     uint8          `json:"rounding"`
	Reimburse    string         `json:"reimburse" enum:"USED,FACE"`
	ReimburseBps uint16         `json:"reimburse_bps"`
	Fee          U64            `json:"fee"`
	ShowMax      U64            `json:"show_max" doc:"The most that a shown code may take; 0 = never"`
	MaxSupply    uint32         `json:"max_supply"`
	Budget       U64            `json:"budget"`
	Liability    U64            `json:"liability" doc:"The most that one coupon can cost"`
	ClaimFrom    Time           `json:"claim_from"`
	ClaimUntil   Time           `json:"claim_until"`
	RedeemFrom   Time           `json:"redeem_from"`
	RedeemUntil  Time           `json:"redeem_until"`
	RelativeMs   U64            `json:"relative_ms" doc:"Life of a coupon from its claim; 0 = none"`
	GraceMs      uint32         `json:"grace_ms"`
	RollbackMs   U64            `json:"rollback_ms" doc:"How long a redemption can be undone"`
	HolderCap    uint16         `json:"holder_cap" doc:"Claims per key; 0 = no limit"`
	Transfer     string         `json:"transfer" enum:"none,gift,trade"`
	MaxTransfers uint8          `json:"max_transfers" doc:"255 = without limit"`
	ResaleBps    uint16         `json:"resale_bps"`
	Shops        []ShopAnswer   `json:"shops" doc:"Where it is good; none = at every merchant"`
}

// FunderAnswer is a payer's share.
type FunderAnswer struct {
	Member   uint16 `json:"member"`
	ShareBps uint16 `json:"share_bps"`
}

// ShopAnswer is a place where a coupon is good.
type ShopAnswer struct {
	Member uint16 `json:"member"`
	Store  uint16 `json:"store" doc:"0 = all stores of the member"`
}

// TermsAnswerOf shows terms.
func TermsAnswerOf(t *coupon.Terms, currency coupon.Currency) TermsAnswer {
	a := TermsAnswer{
		Title: t.Title, Issuer: t.Issuer, Funders: []FunderAnswer{}, Shops: []ShopAnswer{},
		Currency: currency.Letters, Exponent: currency.Exponent, TermsHash: t.TermsHash, Kind: t.ValueKind.String(),
		Face: U64(t.Face), Bps: t.Bps, Ceiling: U64(t.Ceiling), MinSpend: U64(t.MinSpend), Uses: t.Uses, Buy: t.Buy,
		Get: t.Get, Rounding: t.Rounding, Reimburse: t.Reimburse.String(), ReimburseBps: t.ReimburseBps,
		Fee: U64(t.Fee), ShowMax: U64(t.ShowMax), MaxSupply: t.MaxSupply, Budget: U64(t.Budget),
		Liability: U64(t.Liability()), ClaimFrom: TimeOf(t.ClaimFrom), ClaimUntil: TimeOf(t.ClaimUntil),
		RedeemFrom: TimeOf(t.RedeemFrom), RedeemUntil: TimeOf(t.RedeemUntil), RelativeMs: U64(t.RelativeMs),
		GraceMs: t.GraceMs, RollbackMs: U64(t.RollbackMs), HolderCap: t.HolderCap, Transfer: t.Transfer.String(),
		MaxTransfers: t.MaxTransfers, ResaleBps: t.ResaleBps,
	}
	if t.ProductHash != [32]byte{} {
		a.ProductHash = (*Hash)(&t.ProductHash)
	}
	for _, f := range t.Funders {
		a.Funders = append(a.Funders, FunderAnswer(f))
	}
	for _, s := range t.Shops {
		a.Shops = append(a.Shops, ShopAnswer(s))
	}
	return a
}

// BatchAnswer is a range of serials that one ticket key may hand out.
type BatchAnswer struct {
	Campaign  uint32 `json:"campaign"`
	Number    uint16 `json:"number"`
	First     uint32 `json:"first" doc:"Its first serial"`
	Count     uint32 `json:"count"`
	TicketKey string `json:"ticket_key"`
}

// MemberAnswer is an organisation of the chain.
type MemberAnswer struct {
	ID        uint16          `json:"id"`
	Name      string          `json:"name"`
	State     string          `json:"state" enum:"ACTIVE,SUSPENDED,LEFT"`
	Roles     []string        `json:"roles" doc:"issuer, merchant, payment, mall, attester"`
	Threshold uint8           `json:"threshold" doc:"Signatures that it needs"`
	Keys      []string        `json:"keys" doc:"Its admin keys"`
	Funding   []FundingAnswer `json:"funding" doc:"What it may promise"`
}

// FundingAnswer is what a member may lock, and has locked, in one currency.
type FundingAnswer struct {
	Currency string `json:"currency"`
	Limit    U64    `json:"limit" doc:"Minor units"`
	Locked   U64    `json:"locked" doc:"Minor units"`
}

// MemberAnswerOf shows a member, without its funding.
func MemberAnswerOf(id uint16, m *coupon.Member) MemberAnswer {
	a := MemberAnswer{ID: id, Name: m.Name, State: m.State.String(), Threshold: m.Threshold,
		Roles: coupon.BitNames(m.Roles, coupon.RoleNames()), Keys: []string{}, Funding: []FundingAnswer{}}
	for _, k := range m.Keys {
		a.Keys = append(a.Keys, keys.Encode(keys.Member, k))
	}
	return a
}

// TillAnswer is a till key.
type TillAnswer struct {
	Key        string   `json:"key"`
	State      string   `json:"state" enum:"ACTIVE,REVOKED"`
	Member     uint16   `json:"member"`
	MemberName string   `json:"member_name"`
	Store      uint16   `json:"store"`
	Rights     []string `json:"rights" doc:"redeem, void_own, void_any"`
	Currency   string   `json:"currency"`
	ValidFrom  Time     `json:"valid_from"`
	ValidUntil Time     `json:"valid_until"`
	DayCap     U64      `json:"day_cap" doc:"Minor units that it may take in one UTC day"`
	DaySum     U64      `json:"day_sum" doc:"Minor units taken on the day of the answer"`
	Label      string   `json:"label"`
}

// dayMs is the length of a till's day.
const dayMs = 86_400_000

// TillAnswerOf shows a till at a time.
func TillAnswerOf(key [32]byte, t *coupon.Till, currency, member string, nowMs uint64) TillAnswer {
	a := TillAnswer{Key: keys.Encode(keys.Till, key), State: t.State.String(), Member: t.Member, MemberName: member,
		Store: t.Store, Rights: coupon.BitNames(t.Rights, coupon.RightNames()), Currency: currency,
		ValidFrom:  TimeOf(t.ValidFrom),
		ValidUntil: TimeOf(t.ValidUntil), DayCap: U64(t.DayCap), Label: t.Label}
	if uint64(t.Day) == nowMs/dayMs {
		a.DaySum = U64(t.DaySum)
	}
	return a
}

// RedemptionAnswer is one accepted redemption.
type RedemptionAnswer struct {
	Coupon        U64    `json:"coupon"`
	Seq           uint32 `json:"seq" doc:"The coupon's sequence number when it was redeemed"`
	State         string `json:"state" enum:"ACCRUED,VOIDED,FINAL" doc:"At the time of the answer"`
	Till          string `json:"till"`
	Member        uint16 `json:"member"`
	Store         uint16 `json:"store"`
	InvoiceDigest string `json:"invoice_digest"`
	Mode          string `json:"mode" enum:"INVOICE,SHOW"`
	Value         U64    `json:"value" doc:"Minor units taken"`
	Payable       U64    `json:"payable" doc:"Minor units that the funders owe"`
	At            Time   `json:"at"`
	FinalAt       Time   `json:"final_at" doc:"Until then it can be undone"`
}

// RedemptionAnswerOf shows a redemption at a time.
func RedemptionAnswerOf(id coupon.CouponID, seq uint32, r *coupon.Redemption, nowMs uint64) RedemptionAnswer {
	return RedemptionAnswer{Coupon: U64(id), Seq: seq, State: r.StatusAt(nowMs), Till: keys.Encode(keys.Till, r.TillKey),
		Member: r.Member, Store: r.Store, InvoiceDigest: hex.EncodeToString(r.InvoiceDigest[:]), Mode: r.Mode.String(),
		Value: U64(r.Value), Payable: U64(r.Payable), At: TimeOf(r.At), FinalAt: TimeOf(r.FinalAt)}
}
