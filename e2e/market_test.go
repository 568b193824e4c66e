//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

// market is one campaign with everybody who takes part in it.
type market struct {
	chain    coupon.Chain
	terms    coupon.Terms
	campaign uint32
	desk     coupon.Signer // signs tickets
	tills    []coupon.Signer
	serial   atomic.Uint32 // of the last ticket that was handed out
}

const (
	euro     = 978
	face     = 50 // cents
	batch    = 1
	bill     = 500
	marketMs = 24 * 3600 * 1000
	lifeMs   = 90_000 // of a transaction
)

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// signer returns the key of a name and numbers.
func signer(name string, numbers ...uint64) coupon.Signer {
	b := []byte("e2e " + name)
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return coupon.NewSigner(sha256.Sum256(b))
}

// openMarket publishes a campaign whose coupons can be used so many times, with
// all tickets in one batch, and registers tills of the bakery and the bookshop in
// turn.
func openMarket(c *cluster, uses uint16, tills int) *market {
	c.t.Helper()
	now := nowMs()
	m := &market{chain: c.Dev().Genesis.Chain(), desk: signer("desk")}
	m.terms = coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: euro, Title: "Market",
		TermsHash: sha256.Sum256([]byte("terms")), ValueKind: coupon.Amount, Face: face, MinSpend: 2 * face, Uses: uses,
		ReimburseBps: coupon.BpsMax, ShowMax: face, MaxSupply: 100_000, Budget: 50_000_000,
		ClaimFrom: now - marketMs, ClaimUntil: now + marketMs, RedeemFrom: now - marketMs, RedeemUntil: now + marketMs,
		RollbackMs: marketMs, Transfer: coupon.TransferTrade, MaxTransfers: coupon.TransfersUnlimited,
	}
	x := c.clientOf()
	m.campaign = c.submit(x, m.bySigner(c, 1, &coupon.CampaignPublish{Terms: m.terms})).Outcome.Campaign
	c.submit(x, m.bySigner(c, 1, &coupon.BatchCommit{
		Campaign: m.campaign, First: 1, Count: m.terms.MaxSupply, TicketKey: m.desk.Key}))
	for i := range tills {
		member := uint16(2 + i%2)
		m.tills = append(m.tills, signer("till", uint64(i)))
		c.submit(x, m.chain.NewTillKeyAdd(nowMs()+lifeMs, &coupon.TillKeyAdd{
			Member: member, Store: 1, TillKey: m.tills[i].Key, Rights: coupon.RightRedeem | coupon.RightVoidOwn, Currency: euro,
			ValidFrom: now - marketMs, ValidUntil: now + marketMs, DayCap: 1_000_000_000, Label: "till",
		}, m.tills[i], m.member(c, member)))
	}
	return m
}

func (m *market) member(c *cluster, number uint16) coupon.MemberSigner {
	return coupon.MemberSigner{Member: number, Signer: coupon.NewSigner(c.Dev().Admins[number-1].Seed)}
}

func (m *market) bySigner(c *cluster, number uint16, f coupon.Fields) []byte {
	return m.chain.NewMemberTx(nowMs()+lifeMs, f, m.member(c, number))
}

// holder returns the n-th owner of the coupon with a serial.
func holder(serial uint32, n int) coupon.Signer { return signer("holder", uint64(serial), uint64(n)) }

func (m *market) coupon(serial uint32) coupon.CouponID { return coupon.NewCouponID(m.campaign, serial) }

// claim turns the ticket with a serial into a coupon of its first holder.
func (m *market) claim(serial uint32) []byte {
	claimKey := signer("claim", uint64(serial))
	t := coupon.Ticket{Campaign: m.campaign, Batch: batch, Serial: serial, ClaimKey: claimKey.Key,
		Expires: m.terms.ClaimUntil}
	return m.chain.NewClaim(nowMs()+lifeMs, t, m.desk.Key, m.chain.SignTicket(t, m.desk), holder(serial, 0).Key, claimKey)
}

// transfer hands a coupon from its n-th holder to the next.
func (m *market) transfer(serial uint32, n int, seq uint32) []byte {
	from := holder(serial, n)
	return m.chain.NewTransfer(nowMs()+lifeMs, coupon.Transfer{
		Coupon: m.coupon(serial), Seq: seq, Mover: from.Key, To: holder(serial, n+1).Key}, from)
}

// redeem uses a coupon of its n-th holder once at a till, in either mode.
func (m *market) redeem(till coupon.Signer, serial uint32, n int, seq uint32, mode coupon.Mode) []byte {
	expires, owner := nowMs()+lifeMs, holder(serial, n)
	v := coupon.Invoice{TillKey: till.Key, Campaign: m.campaign, Currency: euro, Basis: bill, Expires: expires,
		BasketHash: sha256.Sum256(binary.LittleEndian.AppendUint32(till.Key[:], serial<<8|seq))}
	a := coupon.Auth{Coupon: m.coupon(serial), Seq: seq, Holder: owner.Key, Value: face, Expires: expires, Mode: mode}
	if mode == coupon.ModeShow {
		return m.chain.NewRedeemShow(v, till, a, m.chain.SignAuth(a, owner))
	}
	a.InvoiceDigest = m.chain.Hash(coupon.TagInvoice, v.AppendTo(nil))
	return m.chain.NewRedeemInvoice(v, m.chain.SignInvoice(v, till), a, m.chain.SignAuth(a, owner))
}

// void undoes the redemption of a coupon at a till.
func (m *market) void(till coupon.Signer, serial, seq uint32) []byte {
	return m.chain.NewVoid(nowMs()+lifeMs, coupon.Void{Coupon: m.coupon(serial), Seq: seq, Key: till.Key}, till)
}
